"""The recording API: a session, the current one of a context, and the verbs at module level."""

from __future__ import annotations

import _thread
import os
import sys
import time

from t800._core import Recorder, expect_session, has_memory, shut_down, verbs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType
    from typing import Any, ParamSpec, Self, TypeVar

    from t800._core import AgentScope, PhaseScope, Span
    from t800.config import Settings
    from t800.layout import Layout

    P = ParamSpec("P")
    R = TypeVar("R")

__all__ = [
    "OFF",
    "Run",
    "Session",
    "agent",
    "auto",
    "begin_run",
    "checkpoint",
    "current",
    "decision",
    "error",
    "llm",
    "llm_call",
    "phase",
    "post_llm",
    "post_tool",
    "pre_llm",
    "pre_tool",
    "record",
    "session",
    "tool",
    "tool_call",
]


class Session(Recorder):
    """One run of an agent, recorded into one trace.

    `t800.session()` makes it. Its verbs (`tool`, `llm`, `phase`, `agent`, `tool_call`, `llm_call`, `decision`,
    `error`, `checkpoint`, `pre_tool` … `post_llm`, `record`) are the Rust recorder's own. Switched off, it is one
    object for all, every call of it returns at once, and nothing is written anywhere.
    """

    layout: Layout | None = None
    settings: Settings | None = None
    reason: str = ""

    def working(self) -> dict[str, Any]:
        """The working memory: this context's `phase`, `agent_id` and `parent_id`, and the `events` in flight."""
        return {"session_id": self.session_id, **self.context(), "events": self.open_calls()}

    def bind(self, function: Callable[P, R]) -> Callable[P, R]:
        """A function that runs in the context of here and now, for threads and executors that start without one."""
        from contextvars import copy_context

        context = copy_context()

        def bound(*args: P.args, **kwargs: P.kwargs) -> R:
            # A copy for each call: one context cannot be entered twice at a time.
            return context.copy().run(function, *args, **kwargs)

        return bound

    def child_env(self, environ: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment for a child process whose trace belongs to this session's family."""
        env = dict(os.environ if environ is None else environ)
        if self.layout is not None and self.session_id is not None:
            env["T800_PARENT"] = self.layout.family(self.session_id)
        return env

    def close(self, ended_ns: int | None = None) -> bool:
        """End the session: what is open is written as interrupted, the document is closed, days are added up.

        False where the writer could not finish within a second; what remains is in its buffer.
        """
        closed = super().close(ended_ns)
        known = _open.pop(id(self), None) or _inherited.pop(id(self), None)
        if known is not None and not _open:
            from t800._opening import forget_places

            forget_places()
        if known is not None and self.path is not None and self.layout is not None:
            _summarise_later(self.layout, self.path)
        return closed

    async def __aenter__(self) -> Self:
        self.__enter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, traceback)


OFF = Session()
"""The session that records nothing."""

_open: dict[int, Session] = {}
_inherited: dict[int, Session] = {}
"""In a fork's child: sessions that were open in the parent. They go on in the child, with documents of its own."""
_said: set[str] = set()
_exiting, _deadline = False, 0.0
_registered = _told_multiprocessing = False
_LAST = -1_000
"""The priority of what `multiprocessing` calls last at a child's end."""
_retaining: dict[str, tuple[Layout, Settings]] = {}
"""Folders that are still to be looked after, by a thread or at exit."""
_closed: list[tuple[Layout, str]] = []
"""Documents of sessions that are not added to their days yet. Not the sessions: each keeps a ring's memory."""
_summing = _thread.allocate_lock()
"""Held while they are."""
_stopping = _thread.allocate_lock()
_stopping.acquire()
"""Released when the process exits."""
_START_WAIT, _EXIT_WAIT = 1.0, 1.0
_BATCH = 200
"""Sessions that are added to their days with one write."""


def _forked() -> None:
    """In a fork's child: what the parent has left to do is not the child's; what is open goes on in both."""
    global _summing  # noqa: PLW0603 - another thread of the parent may have held it
    _summing = _thread.allocate_lock()
    _inherited.update(_open)
    _open.clear()
    _closed.clear()
    _retaining.clear()
    if _run is not None:
        _run.inherited = True
    _close_after_multiprocessing()


def _close_after_multiprocessing() -> None:
    """Have sessions closed where `multiprocessing` ends a child by `os._exit`, which calls nothing of `atexit`."""
    global _told_multiprocessing  # noqa: PLW0603 - once for the process and its children
    util = sys.modules.get("multiprocessing.util")
    if util is None or _told_multiprocessing:
        return
    # Such a child forgets first what its parent has registered to be called at its end, and then calls this.
    util.register_after_fork(_forked, _close_at_the_end_of_work)
    _told_multiprocessing = True


def _close_at_the_end_of_work(_: object = None) -> None:
    from multiprocessing.util import Finalize

    Finalize(None, _exit, exitpriority=_LAST)


def _before_fork() -> None:
    """Python 3.12 warns of a fork beside any thread of the process, also ours, which are safe over it (`fork.rs`).

    Where the agent has threads of its own as well, the warning is its own affair and stays.
    """
    threading = sys.modules.get("threading")
    if not _open or (threading is not None and threading.active_count() > 1):
        return
    if sys.version_info >= (3, 12):
        import warnings

        warnings.filterwarnings("ignore", r"This process \(pid=\d+\) is multi-threaded", DeprecationWarning)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_forked)


def session(
    agent: str | None = None,
    *,
    session_id: str | None = None,
    dir: str | os.PathLike[str] | None = None,
    enabled: bool | None = None,
    strict: bool | None = None,
    host_session_id: str | None = None,
    settings: Mapping[str, object] | None = None,
) -> Session:
    """Open a session; a cached no-op unless telemetry is enabled.

    `agent` names the agent in the trace; `session_id` is made up where none is given, and made safe where it could
    not be part of a file name; `dir` is the telemetry folder (default: `.opencode/telemetry` under the project
    root); `enabled` is this program's own word, which the user's "off" beats; `settings` are further keys of the
    configuration by their dotted names; `host_session_id` is the id of the session in the program that hosts the
    agent. In `strict` mode (default: `T800_STRICT=1`) misuse of the API raises. Nothing else ever does: where the
    trace cannot be written, one warning says why and recording is off.
    """
    found = _settings(dir, settings, enabled)
    if found is None:
        return OFF
    place, chosen = found
    if _run is not None:
        session_id, host_session_id = _run.named(session_id, host_session_id)
    opened = _open_session(place, chosen, agent, session_id, host_session_id, _is_strict(strict))
    if _run is not None and opened is not OFF:
        _run.adopt(opened)
    return opened


def _settings(
    dir: str | os.PathLike[str] | None,
    settings: Mapping[str, object] | None,
    enabled: bool | None,
) -> tuple[Layout, Settings] | None:
    """Where to record and how; None where recording is off."""
    try:
        # Imported here: a process without a free descriptor cannot even do that.
        from t800 import _opening, config

        place = _opening.place(None if dir is None else os.fspath(dir))
        given = dict(settings or {})
    except Exception as error:  # noqa: BLE001 - the agent runs on, whatever its surroundings are like
        _warn(f"recording is off: {error}")
        return None
    if enabled is not None:
        given["telemetry.enabled"] = enabled
    chosen = config.load_or_off(place, given, opted_in=_run is not None)
    if chosen.error is not None:
        _warn(f"recording is off: {chosen.reason}")
    return (place, chosen) if chosen.enabled else None


def _open_session(
    place: Layout,
    settings: Settings,
    agent: str | None,
    session_id: str | None,
    host_session_id: str | None,
    strict: bool,
) -> Session:
    from t800 import _opening, layout

    outer = Recorder.current()
    try:
        key, kept = _opening.install_key()
        _opening.make(place)
        opened = Session(
            settings=settings.compiled(),
            traces=place.traces,
            private=place.private,
            session_id=layout.session_id(session_id),
            started_ns=time.time_ns(),
            agent=agent,
            host_session_id=host_session_id,
            parent_session_id=_parent_session(outer),
            home=layout.home_directory(),
            project_root=place.root,
            key=key,
            ephemeral_key=not kept,
            strict=strict,
        )
    except Exception as error:  # noqa: BLE001 - the agent runs on without a trace
        _warn(f"recording is off: {error}")
        return OFF
    opened.layout, opened.settings, opened.reason = place, settings, settings.reason
    _open[id(opened)] = opened
    _close_at_exit()
    _retain_later(place, settings)
    return opened


def _parent_session(outer: Recorder | None) -> str | None:
    """The session this one is opened in: of this context, or of the process that started this one."""
    if outer is not None:
        return outer.session_id
    named = os.environ.get("T800_PARENT", "").rpartition(os.pathsep)[2] or None
    # The run's own session is the one that the variable names for the program's children.
    return _run.parent if _run is not None and _run.is_first and named == _run.session_id else named


def _is_strict(strict: bool | None) -> bool:
    return os.environ.get("T800_STRICT", "") in {"1", "true", "yes", "on"} if strict is None else strict


def _warn(text: str) -> None:
    """Say something once, on the caller's thread, never as an exception."""
    if text in _said:
        return
    _said.add(text)
    import warnings

    try:
        warnings.warn(f"t800: {text}", RuntimeWarning, stacklevel=4)
    except RuntimeWarning:
        return


# What happens beside the agent, on threads of `_thread` itself: `threading` would cost every agent 7 ms of imports


def _retain_later(place: Layout, settings: Settings) -> None:
    """Look after the folder of a session that has just begun, once the agent is under way."""
    if place.telemetry not in _retaining:
        _retaining[place.telemetry] = place, settings
        _start(_retain)


def _retain() -> None:
    """Retire what is too old or too much, at most once a minute for all processes.

    Not at once: the imports it needs would hold the interpreter's lock while the agent starts. A process that ends
    before does it at its exit.
    """
    if _stopping.acquire(timeout=_START_WAIT):
        _stopping.release()
    else:
        _retain_all(packing=True)


def _retain_all(*, packing: bool) -> None:
    try:
        from t800 import retention
    except Exception:  # noqa: BLE001 - no descriptor or memory left: another session looks after it
        return
    for folder in list(_retaining) if has_memory() else ():
        found = _retaining.pop(folder, None)
        if found is not None:
            retention.auto(*found, packing=packing)


def _summarise_later(place: Layout, path: str) -> None:
    """Add a closed session to its days: one thread does so for all sessions, or the exit does."""
    _closed.append((place, path))
    if _exiting:
        _summarise_all()
    else:
        _start(_summarise_all)


def _summarise_all() -> None:
    """Add what is closed to its days; at exit only as much as a second allows, the rest at a later start."""
    with _summing:
        while _closed and has_memory() and not (_exiting and time.monotonic() > _deadline):
            batch = _closed[:_BATCH]
            del _closed[: len(batch)]
            _summarise(batch)


def _summarise(batch: list[tuple[Layout, str]]) -> None:
    try:
        from t800.aggregate import daily
    except Exception:  # noqa: BLE001 - as below
        return
    folders: dict[str, tuple[Layout, list[str]]] = {}
    for place, path in batch:
        stems = folders.setdefault(place.telemetry, (place, []))[1]
        stems.append(os.path.basename(path).removesuffix(".json"))
    for place, stems in folders.values():
        try:
            daily.update_all(place, stems)
        except Exception:  # noqa: BLE001, S112 - the traces are complete; days are added up again when they are read
            continue


def _start(work: Callable[[], None]) -> None:
    """Start a thread, unless another is at this work already; where none can be started, the exit does the work.

    A thread of ours must not be the first to import `threading`: to that module it would be the main thread.
    """
    if "threading" not in sys.modules or (work is _summarise_all and _summing.locked()):
        return
    try:
        _thread.start_new_thread(work, ())
    except RuntimeError:
        return


def _exit() -> None:
    """Close what is open, and wait a little for what is being added up."""
    global _exiting, _deadline
    _exiting, _deadline = True, time.monotonic() + _EXIT_WAIT
    if _stopping.locked():
        _stopping.release()
    for opened in [*_open.values(), *_inherited.values()]:
        opened.close()
    shut_down()
    if _summing.acquire(timeout=_EXIT_WAIT):
        _summing.release()
        _summarise_all()
    if _retaining:
        # Compressing can wait for a process that goes on.
        _retain_all(packing=False)


def _close_at_exit() -> None:
    global _registered  # noqa: PLW0603 - once for the process
    if not _registered:
        import atexit

        atexit.register(_exit)
        _registered = True
        process = sys.modules.get("multiprocessing.process")
        if process is not None and process.parent_process() is not None:
            _close_at_the_end_of_work()


# The current session, and the verbs that act on it


def current() -> Session:
    """The session of this context; the process's only open one where the context has none; else the no-op."""
    found = Recorder.current()
    if found is not None:
        return found  # type: ignore[return-value]
    candidates = list(_open.values()) or list(_inherited.values())
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        for opened in candidates:
            opened.count_unattributed()
        _warn(
            "an event came from a thread without a session while several are open, and was not recorded; "
            "give the thread a context with session.bind(function)",
        )
        return OFF
    return _run.session() if _run is not None else OFF


_verbs = verbs(current, OFF)
if TYPE_CHECKING:

    def tool(*args: Any, **fields: Any) -> Span:
        """`Session.tool` of the current session."""
        return current().tool(*args, **fields)

    def llm(*args: Any, **fields: Any) -> Span:
        """`Session.llm` of the current session."""
        return current().llm(*args, **fields)

    def phase(*args: Any, **fields: Any) -> PhaseScope:
        """`Session.phase` of the current session."""
        return current().phase(*args, **fields)

    def agent(name: str) -> AgentScope:
        """`Session.agent` of the current session."""
        return current().agent(name)

    def tool_call(*args: Any, **fields: Any) -> str | None:
        """`Session.tool_call` of the current session."""
        return current().tool_call(*args, **fields)

    def llm_call(*args: Any, **fields: Any) -> str | None:
        """`Session.llm_call` of the current session."""
        return current().llm_call(*args, **fields)

    def decision(*args: Any, **fields: Any) -> str | None:
        """`Session.decision` of the current session."""
        return current().decision(*args, **fields)

    def error(*args: Any, **fields: Any) -> str | None:
        """`Session.error` of the current session."""
        return current().error(*args, **fields)

    def checkpoint(*args: Any, **fields: Any) -> str | None:
        """`Session.checkpoint` of the current session."""
        return current().checkpoint(*args, **fields)

    def record(event: Mapping[str, Any]) -> str | None:
        """`Session.record` of the current session."""
        return current().record(event)

    def pre_tool(*args: Any, **fields: Any) -> int | None:
        """`Session.pre_tool` of the current session."""
        return current().pre_tool(*args, **fields)

    def post_tool(*args: Any, **fields: Any) -> str | None:
        """`Session.post_tool` of the current session."""
        return current().post_tool(*args, **fields)

    def pre_llm(*args: Any, **fields: Any) -> int | None:
        """`Session.pre_llm` of the current session."""
        return current().pre_llm(*args, **fields)

    def post_llm(*args: Any, **fields: Any) -> str | None:
        """`Session.post_llm` of the current session."""
        return current().post_llm(*args, **fields)

else:
    # The recorder's own methods, bound to whatever session is the current one.
    tool, llm, phase, agent = (_verbs[name] for name in ("tool", "llm", "phase", "agent"))
    tool_call, llm_call, decision = (_verbs[name] for name in ("tool_call", "llm_call", "decision"))
    error, checkpoint, record = (_verbs[name] for name in ("error", "checkpoint", "record"))
    pre_tool, post_tool = _verbs["pre_tool"], _verbs["post_tool"]
    pre_llm, post_llm = _verbs["pre_llm"], _verbs["post_llm"]


def auto(*, exclude: Iterable[str] = ()) -> None:
    """Record the agent frameworks of this program, each from when it is imported, into the current session.

    `exclude` names integrations to leave out, such as `["mcp"]`; `T800_AUTO=0` leaves out all.
    """
    from t800.integrations import _auto

    _auto.auto(exclude)


# A program that is run under `t800 run`


class Run:
    """The recording of a whole program: `t800 run` begins one before the program starts.

    Its session opens lazily: the program's first `t800.session()` is adopted, so that there is one document; a
    program that never opens one gets one at its end, or at its first module-level verb. `enabled` says whether
    anything is recorded at all, `reason` why.
    """

    def __init__(self, agent: str | None, session_id: str | None = None, parent: str | None = None) -> None:
        """`session_id` is what T800_PARENT tells the program's children; `parent` is what it said before."""
        from t800 import config, layout

        self.agent, self.session_id, self.parent = agent, session_id, parent
        self.inherited = False
        self.adopted: Session | None = None
        # Of now: the program may go to another folder before it records something.
        self.place = layout.telemetry_dir()
        self.settings = config.load_or_off(self.place, opted_in=True)
        self.enabled, self.reason = self.settings.enabled, self.settings.reason

    @property
    def is_first(self) -> bool:
        """Whether the next session will be this run's own; in a fork's child none is, but what it has inherited."""
        return self.adopted is None and not self.inherited

    def named(self, session_id: str | None, host: str | None) -> tuple[str | None, str | None]:
        """The ids of the session that is about to be opened: its own, and its host's.

        Children of the program know the run's id. A program that names its session itself is hosted by the run.
        """
        if not self.is_first or session_id == self.session_id:
            return session_id, host
        return (self.session_id, host) if session_id is None else (session_id, host or self.session_id)

    def adopt(self, opened: Session) -> None:
        """Take a session as this run's own, if it has none yet."""
        if self.is_first:
            self.adopted = opened

    def session(self) -> Session:
        """This run's session, opened now if need be."""
        if self.adopted is None and self.enabled:
            session_id, _ = self.named(None, None)
            self.adopted = _open_session(
                self.place, self.settings, self.agent, session_id, None, _is_strict(None)
            )
        return self.adopted or OFF

    @property
    def path(self) -> str | None:
        """The trace file; None where there is none."""
        return self.adopted.path if self.adopted is not None else None

    def ended(self, failure: BaseException | None) -> None:
        """The program is over: a failure that nobody has recorded becomes an error event."""
        own = self.adopted is None
        if own and self.inherited:
            return
        recorder = self.session()
        if failure is not None:
            recorder.failed(failure)
        if own:
            recorder.checkpoint("run", _status(failure))

    def close(self) -> None:
        """Close every session of the program."""
        _exit()


def _status(failure: BaseException | None) -> str:
    if failure is None or (isinstance(failure, SystemExit) and not failure.code):
        return "completed"
    return "interrupted" if isinstance(failure, (KeyboardInterrupt, SystemExit)) else "failed"


_run: Run | None = None


def begin_run(agent: str | None = None, session_id: str | None = None, parent: str | None = None) -> Run:
    """Record this process from here on, unless the user said off."""
    global _run  # noqa: PLW0603 - one run for the process
    _run = Run(agent, session_id, parent)
    expect_session()
    return _run
