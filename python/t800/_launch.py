"""What `t800 run` turns itself into: a plain Python process that runs a program and records it.

It runs as a script, `python …/_launch.py [--quiet] [--agent=NAME] [--session=ID] [--parent=ID] -- SCRIPT ARGS…` or
`… -m MODULE ARGS…`, loads nothing of the command line, and gives the program the process as `python SCRIPT` would: `__main__`,
`sys.argv`, `sys.path[0]`, tracebacks, exit code.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from t800.session import Run, Session
    from t800.summary import Summary

_NOT_FOUND = 2  # what `python nosuch.py` exits with
_INTERRUPTED = 0xC000_013A - (1 << 32)  # what Python exits with after Ctrl-C on Windows


class Program:
    """What to run: a script (a file, or a folder or archive with `__main__.py`) or a module."""

    def __init__(self, argv: Sequence[str]) -> None:
        flags = [argument for argument in argv[: self._target(argv)] if argument.startswith("--")]
        self.quiet = "--quiet" in flags
        named = {name: value for name, _, value in (flag.partition("=") for flag in flags)}
        kind, self.name, *self.arguments = argv[self._target(argv) :]
        self.is_module = kind == "-m"
        self.agent = named.get("--agent") or self._own_name()
        self.session_id, self.parent = named.get("--session"), named.get("--parent")

    @staticmethod
    def _target(argv: Sequence[str]) -> int:
        return next(at for at, argument in enumerate(argv) if argument in {"-m", "--"})

    def _own_name(self) -> str:
        if self.is_module:
            return self.name.rpartition(".")[2]
        return os.path.splitext(os.path.basename(os.path.abspath(self.name)))[0]

    def run(self) -> None:
        """Run it as `__main__`. Raises what it raises; SystemExit where it exits."""
        sys.argv = [self.name, *self.arguments]
        if self.is_module:
            self._enter(os.getcwd())
            _run_module(self.name, alter_argv=True)
        elif os.path.isdir(self.name) or self.name.endswith((".zip", ".pyz")):
            self._enter(os.path.abspath(self.name), always=True)
            _run_module("__main__", alter_argv=False)
        else:
            self._enter(os.path.dirname(os.path.realpath(self.name)))
            _run_script(os.path.abspath(self.name))

    @staticmethod
    def _enter(folder: str, *, always: bool = False) -> None:
        """Put the program's folder first on the path; with `python -P` only an archive's own."""
        if always or not sys.flags.safe_path:
            sys.path.insert(0, folder)


def _fresh_main() -> dict[str, object]:
    """A new, empty `__main__`: the program must not see this module in its place."""
    main = type(sys)("__main__")
    main.__dict__.update(__builtins__=sys.modules["builtins"])
    if sys.version_info < (3, 14):  # where annotations are there from the beginning
        main.__dict__.update(__annotations__={})
    sys.modules["__main__"] = main
    return main.__dict__


def _run_module(name: str, *, alter_argv: bool) -> None:
    import runpy

    _fresh_main()
    # The function behind `python -m`: the public run_module() would take `__main__` away again at the end.
    runpy._run_module_as_main(name, alter_argv)  # type: ignore[attr-defined]  # noqa: SLF001


def _run_script(path: str) -> None:
    from importlib.machinery import SourceFileLoader

    loader = SourceFileLoader("__main__", path)
    try:
        source = loader.get_data(path)
    except OSError as error:
        sys.stderr.write(f"t800: can't open file {path!r}: {error.strerror}\n")
        raise SystemExit(_NOT_FOUND) from None
    names = _fresh_main()
    names.update(__file__=path, __loader__=loader, __cached__=None)
    exec(compile(source, path, "exec", dont_inherit=True), names)  # noqa: S102 (the user's own program)


def _without_our_frames(traceback: TracebackType | None) -> TracebackType | None:
    """The traceback from the program's first frame on."""
    while traceback is not None and traceback.tb_frame.f_code.co_filename in {__file__, "<frozen runpy>"}:
        traceback = traceback.tb_next
    return traceback


class Recording:
    """The session of a run: begun before the program, told of when everything of the program is over."""

    def __init__(self, program: Program) -> None:
        self._quiet = program.quiet
        self._process = os.getpid()
        self._interrupted = False
        self._run: Run | None = None
        # Registered before anything of the program, so it is called after everything of the program.
        import atexit

        atexit.register(self.finish)

    def begin(self, program: Program) -> None:
        """Find out whether this run is recorded; say so where it is not."""
        from t800.session import auto, begin_run

        try:
            self._run = begin_run(program.agent, program.session_id, program.parent)
            reason = "" if self._run.enabled else self._run.reason
            if self._run.enabled:
                auto()
        except Exception as error:  # noqa: BLE001 (the program runs, whatever its surroundings are like)
            reason = str(error)
        if reason and not self._quiet:
            _tell(f"t800: not recording: {reason}")

    def ended(self, error: BaseException | None) -> None:
        """The program's main part is over, by itself or by an exception."""
        self._interrupted = isinstance(error, KeyboardInterrupt)
        if self._run is not None:
            self._run.ended(error)

    def finish(self) -> None:
        """Print the summary; in a forked child nothing of this is ours.

        The sessions are closed by now: what closes them was registered when the first one was opened, after this.
        """
        if os.getpid() != self._process:
            return
        if self._run is not None and self._run.path is not None and not self._quiet:
            _tell(*_summary(self._run, self._run.path))
        if self._interrupted:
            _die_of_interrupt()


def _summary(run: Run, path: str) -> list[str]:
    """What was recorded, in a few lines; where it cannot be read, only where it is."""
    from t800.reader import resolve

    session = run.session()
    if session.layout is None:
        return []
    if not os.path.lexists(path) and _keeps_the_last_only(session):
        return ["t800: nothing has happened that the flight recorder is to keep"]
    try:
        trace = resolve(session.layout, path)
        summary = trace.summary()
        return [
            f"t800: recorded {trace.session_id}",
            *(f"  {line}" for line in _figures(summary)),
            f"  {path}",
        ]
    except Exception as error:  # noqa: BLE001 (the program's exit must not fail on a summary)
        return [f"t800: recorded {path}", f"  its summary cannot be read: {error}"]


def _keeps_the_last_only(session: Session) -> bool:
    return session.settings is not None and session.settings.values["telemetry.mode"] == "flight"


def _figures(summary: Summary) -> list[str]:
    from t800._figures import duration, joined, money, overhead, percent, plural

    tokens, taken = summary["tokens"]["total"], summary.get("overhead")
    rate, cost = summary["success_rate"], summary["total_cost_estimate"]
    calls = [
        plural(summary["total_events"], "event"),
        "" if rate is None else f"{percent(rate)} ok",
        plural(summary["errors"], "error"),
        "" if rate is None else f"{duration(summary['total_duration_ms'])} in calls",
    ]
    costs = [
        plural(tokens, "token") if tokens else "",
        "" if cost is None else money(cost),
        f"recording took {overhead(taken['p50_us'])} an event (p50)" if taken else "",
    ]
    return [line for line in (joined(calls), joined(costs)) if line]


def _die_of_interrupt() -> None:
    """End as Python ends after Ctrl-C, so that a shell sees it and stops its script too."""
    import signal

    from t800.system import WINDOWS

    for stream in (sys.stdout, sys.stderr):
        _flush(stream)
    if WINDOWS:
        os._exit(_INTERRUPTED)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGINT)


def _flush(stream: object) -> None:
    try:
        stream.flush()  # type: ignore[attr-defined]
    except (AttributeError, OSError, ValueError):
        return  # closed, replaced or gone: the program's own affair


def _tell(*lines: str) -> None:
    """Lines on stderr, whatever the program has done to it."""
    stream = sys.__stderr__
    if stream is None:
        return
    try:
        _flush(sys.stdout)
        stream.write("".join(f"{line}\n" for line in lines))
        stream.flush()
    except (OSError, ValueError):
        return


def main() -> None:
    """Run the program of `sys.argv` under the recorder."""
    if not sys.flags.safe_path:
        del sys.path[0]  # the folder of this file: its modules are nobody's top-level modules
    program = Program(sys.argv[1:])
    recording = Recording(program)
    recording.begin(program)
    try:
        program.run()
    except SystemExit as error:
        recording.ended(error)
        raise
    except BaseException as error:  # noqa: BLE001 (shown as the interpreter shows it, then the process ends)
        error.__traceback__ = _without_our_frames(error.__traceback__)
        recording.ended(error)
        sys.excepthook(type(error), error, error.__traceback__)
        raise SystemExit(1) from None
    recording.ended(None)


if __name__ == "__main__":
    main()
