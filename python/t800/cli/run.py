"""`t800 run`: a Python program under the recorder."""

from __future__ import annotations

import os
import sys

import click

from t800.system import WINDOWS


class _Interpreter(click.Command):
    """A command line that ends, like Python's own, at the program: everything after it is the program's."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `--` behind the program's name, so that its options are not taken for ours."""
        return super().parse_args(ctx, _own_options_only(args))


def _own_options_only(args: list[str]) -> list[str]:
    for position, argument in enumerate(args):
        if argument.startswith("-m"):
            cut = position + (2 if argument == "-m" else 1)
        elif _is_ours(argument) or (position and args[position - 1] == "--agent"):
            continue
        else:
            cut = position
        return [*args[:cut], "--", *args[cut:]]
    return args


def _is_ours(argument: str) -> bool:
    return argument.startswith("-") and argument != "-"


@click.command(cls=_Interpreter)
@click.option("-m", "module", metavar="MODULE", help="Run a module, as python -m does.")
@click.option("--quiet", "-q", is_flag=True, help="Print no summary at the end.")
@click.option("--agent", metavar="NAME", help="The agent's name in the trace [default: the program's].")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[SCRIPT] [ARGS]...")
def run(module: str | None, quiet: bool, agent: str | None, arguments: tuple[str, ...]) -> None:
    """Run a Python program and record it.

    The program runs in a plain Python process, with its own arguments and exit code. Typing this is opt-in
    for this run, unless recording was switched off by `t800 disable` or T800_ENABLED=0. A short summary and
    the path of the trace come at the end, on stderr.
    """
    if module is None and not arguments:
        raise click.UsageError("Say which program to run: t800 run SCRIPT or t800 run -m MODULE.")
    from t800 import _launch

    environ, family = _family()
    flags = [*(["--quiet"] if quiet else []), *([f"--agent={agent}"] if agent else []), *family]
    target = ["-m", module] if module is not None else ["--"]
    command = [sys.executable, _launch.__file__, *flags, *target, *arguments]
    sys.stdout.flush()
    sys.stderr.flush()
    if WINDOWS:
        sys.exit(_run_and_wait(command, environ))
    os.execve(sys.executable, command, environ)  # noqa: S606 (no shell is wanted)


def _run_and_wait(command: list[str], environ: dict[str, str]) -> int:
    """For a system that cannot put another program into a process: its exit code. Ctrl-C is the program's."""
    import signal
    import subprocess

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return subprocess.run(command, env=environ, check=False).returncode  # noqa: S603 - our own interpreter


def _family() -> tuple[dict[str, str], list[str]]:
    """The program's environment, which tells its children whose they are, and flags that tell the program itself."""
    from t800 import layout
    from t800.errors import TraceFileError

    environ = dict(os.environ)
    try:
        place = layout.telemetry_dir()
    except TraceFileError:
        return environ, []
    session_id = layout.session_id(None)
    above = environ.get("T800_PARENT", "").rpartition(os.pathsep)[2]
    environ["T800_PARENT"] = place.family(session_id)
    return environ, [f"--session={session_id}", *([f"--parent={above}"] if above else [])]
