"""What recording costs on this machine: the measuring behind `t800 bench` and `benches/`.

Events are recorded into a temporary folder with the default settings, and afterwards the file is read back: figures
of a recorder that loses events, or lets a secret through, are never reported.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from itertools import repeat
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from t800 import _core, config, layout
from t800.errors import TraceError
from t800.session import OFF, Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = [
    "EDIT",
    "LLM",
    "OPERATIONS",
    "PLANTED",
    "SMALL",
    "Cost",
    "EmptyMethod",
    "check_trace",
    "event_of",
    "fastest_ns",
    "machine",
    "measure",
    "refuse_debug_build",
    "temporary_session",
    "times_of",
]

# Put together here, so that no scanner takes this file for a leak.
PLANTED = ("sk-" + "9f8b2c7d4e1a" * 3, "hunter2-" + "correct-horse")
"""Secrets that the measured events carry; none of them may reach the trace."""

_CODE = "    for attempt in range(3):\n        if fetch(url, timeout=5):\n            break\n"

SMALL: Mapping[str, object] = {
    "tool": "read",
    "parameters": {"file_path": "src/auth.ts"},
    "duration_ms": 45.2,
    "success": True,
}
"""A tool call with one short path."""

EDIT: Mapping[str, object] = {
    "tool": "edit",
    "parameters": {
        "file_path": "/home/user/.config/app/config.py",
        "api_key": PLANTED[1],
        "note": f"rotate {PLANTED[0]} before the release",
        "old_string": (_CODE * 30)[:2048],
        "new_string": (_CODE * 30)[7:2055],
    },
    "duration_ms": 35.0,
    "success": True,
}
"""A tool call with two texts of 2 KB, a sensitive path, and two secrets."""

LLM: Mapping[str, object] = {
    "model": "claude-sonnet-4",
    "provider": "anthropic",
    "messages": [
        {"role": "system", "content": "You repair programs. " * 50},
        {"role": "user", "content": (_CODE * 100)[:7000]},
    ],
    "prompt_tokens": 1500,
    "completion_tokens": 800,
    "duration_ms": 3500.0,
    "cost_usd": 0.023,
    "success": True,
}
"""An LLM call with 8 KB of messages."""

_WARM_UP = 500
_BATCH = 50
"""The default `trace_buffer.max_events`: so many events are written to the file at once."""


class Cost(NamedTuple):
    """The cost of one operation in microseconds, the reading of the clock (about 0.05 µs) included."""

    operation: str
    target_ms: float | None
    p50_us: float
    p99_us: float
    max_us: float
    orjson_us: float | None = None
    """The median of `orjson.dumps` of the same event; None where nothing can be compared."""

    @property
    def ratio(self) -> float | None:
        """The medians' ratio: what recording costs as a multiple of writing the event as JSON."""
        return None if self.orjson_us is None else self.p50_us / self.orjson_us

    @property
    def within(self) -> bool:
        """Whether 99 of 100 calls kept the target."""
        return self.target_ms is None or self.p99_us <= self.target_ms * 1000


class EmptyMethod:
    """The least that a call can cost: a method that takes anything and does nothing."""

    def tool_call(self, *args: object, **fields: object) -> None:
        """Do nothing."""


def refuse_debug_build() -> None:
    """Raise `TraceError` where the core was built without optimisation: its figures would say nothing."""
    if _core.build_profile != "release":
        raise TraceError(
            "this is a debug build, ten times slower", hint="Install a release build: pip install ."
        )


@contextmanager
def temporary_session(settings: Mapping[str, object] | None = None) -> Iterator[Session]:
    """A session in a folder that is gone afterwards; `settings` differ from the defaults.

    Raises `TraceError` where the user has said off.
    """
    import tempfile

    with tempfile.TemporaryDirectory(prefix="t800-bench-") as folder:
        place = layout.telemetry_dir(os.path.join(folder, "telemetry"), start=folder)
        wish = config.load_or_off(place, {"telemetry.enabled": True})
        if not wish.enabled:
            raise TraceError(f"recording is off: {wish.reason}", hint="The benchmark needs it on")
        place.create()
        session = _open_session(place, {"telemetry.enabled": True, **(settings or {})})
        try:
            yield session
        finally:
            session.close()


def _open_session(place: layout.Layout, settings: Mapping[str, object]) -> Session:
    """A session that depends on no file and no variable of the user, and has no housekeeping beside it."""
    session = Session(
        settings=config.defaults(settings).compiled(),
        traces=place.traces,
        private=place.private,
        session_id="ses_bench",
        agent="bench",
        home=layout.home_directory(),
        project_root=place.root,
        key=os.urandom(32),
        strict=True,
    )
    session.layout = place
    return session


def event_of(kind: str, fields: Mapping[str, object]) -> dict[str, object]:
    """The event as a plain mapping, for `record` and for the floor."""
    return {"type": kind, **fields}


def times_of(call: Callable[[], object], count: int, settle: Callable[[], object]) -> list[int]:
    """The nanoseconds of each of `count` calls, ascending; `settle` runs untimed after each batch of 50."""
    clock = time.perf_counter_ns
    times = []
    for number in range(count):
        begin = clock()
        call()
        times.append(clock() - begin)
        if number % _BATCH == _BATCH - 1:
            settle()
    return sorted(times)


def fastest_ns(call: Callable[[], object], *, loops: int = 5000, repeats: int = 30) -> float:
    """The nanoseconds of one call in a tight loop, the fastest of `repeats` runs."""
    clock = time.perf_counter_ns

    def run() -> int:
        begin = clock()
        for _ in repeat(None, loops):
            call()
        return clock() - begin

    return min(run() for _ in range(repeats)) / loops


def check_trace(session: Session, expected: int) -> None:
    """Close the session and read its files back; raises `TraceError` where anything is missing, double or leaked."""
    from t800 import reader

    closed = session.close()
    if session.layout is None or not closed or session.dropped:
        raise TraceError(f"{session.dropped} events were dropped, closed: {closed}")
    ids = [event["event_id"] for trace in reader.sessions(session.layout) for event in trace.events()]
    if len(ids) != expected or len(set(ids)) != expected:
        raise TraceError(f"{expected} events were recorded, but {len(set(ids))} are in the trace")
    for name in os.listdir(session.layout.traces):
        with open(os.path.join(session.layout.traces, name), "rb") as file:
            text = file.read()
        if any(secret.encode() in text for secret in PLANTED):
            raise TraceError("a planted secret reached the trace", file=name)


OPERATIONS = (
    "Tool call recording",
    "LLM call recording",
    "File write",
    "Total per event",
    "Call while switched off",
)
"""What `measure` measures: the rows of the overhead budget, and what a call costs that records nothing."""


def measure(operation: str, count: int) -> Cost:
    """Measure one of `OPERATIONS` by `count` events. Raises `TraceError` as `check_trace` does."""
    refuse_debug_build()
    with temporary_session() as session:
        cost, recorded = _MEASURES[operation](session, count)
        check_trace(session, recorded)
    return cost


def _tool_call(session: Session, count: int) -> tuple[Cost, int]:
    parameters, verb = EDIT["parameters"], session.tool_call

    def call() -> None:
        verb("edit", parameters, duration_ms=35.0, success=True)

    return _recording(session, count, "Tool call recording", 10, call, event_of("tool_call", EDIT))


def _llm_call(session: Session, count: int) -> tuple[Cost, int]:
    messages, verb = LLM["messages"], session.llm_call

    def call() -> None:
        verb("claude-sonnet-4", provider="anthropic", messages=messages, prompt_tokens=1500,
             completion_tokens=800, duration_ms=3500.0, cost_usd=0.023, success=True)  # fmt: skip

    return _recording(session, count, "LLM call recording", 20, call, event_of("llm_call", LLM))


def _recording(
    session: Session,
    count: int,
    operation: str,
    target_ms: float,
    call: Callable[[], None],
    event: Mapping[str, object],
) -> tuple[Cost, int]:
    """Calls as an agent writes them, by keywords, beside `orjson.dumps` of the same values."""
    times_of(call, _WARM_UP, session.flush)
    times = times_of(call, count, session.flush)
    return _cost(operation, target_ms, times, _floor_us(event, count)), count + _WARM_UP


def _file_write(session: Session, count: int) -> tuple[Cost, int]:
    """The writing of 50 tool calls to the file, which happens on the writer's thread: here it is waited for."""
    writes, event = max(count // 10, 20), event_of("tool_call", SMALL)

    def fill() -> None:
        # Fewer than a full buffer, so that the write begins when it is asked for.
        for _ in repeat(None, _BATCH - 1):
            session.record(event)

    clock, times = time.perf_counter_ns, []
    for _ in repeat(None, writes):
        fill()
        begin = clock()
        session.flush()
        times.append(clock() - begin)
    return _cost("File write", 50, sorted(times), None), writes * (_BATCH - 1)


def _whole_event(session: Session, count: int) -> tuple[Cost, int]:
    """One tool call from its begin until it is in the file, as if every event were waited for."""

    def call() -> None:
        with session.tool("edit", EDIT["parameters"]) as span:
            span.result("done")
        session.flush()

    number = max(count // 5, 20)
    times = times_of(call, number, session.flush)
    return _cost("Total per event", 100, times, _floor_us(event_of("tool_call", EDIT), count)), number


def _cost(operation: str, target_ms: float | None, times: list[int], floor_us: float | None) -> Cost:
    p99 = times[min(len(times) * 99 // 100, len(times) - 1)]
    return Cost(operation, target_ms, median(times) / 1e3, p99 / 1e3, times[-1] / 1e3, floor_us)


def _floor_us(event: Mapping[str, object], count: int) -> float:
    import orjson

    return median(times_of(lambda: orjson.dumps(event), count, lambda: None)) / 1e3


def _switched_off(session: Session, count: int) -> tuple[Cost, int]:
    """Calls that return at once; they are timed by fifties, with the loop around them."""
    del session
    # A local name, as an agent has its session.
    off, clock, parameters, times = OFF, time.perf_counter_ns, EDIT["parameters"], []
    for _ in repeat(None, max(count // 10, 20)):
        begin = clock()
        for _ in repeat(None, _BATCH):
            off.tool_call("edit", parameters)
        times.append(clock() - begin)
    fifty = _cost("Call while switched off", None, sorted(times), None)
    return fifty._replace(
        **{name: getattr(fifty, name) / _BATCH for name in ("p50_us", "p99_us", "max_us")}
    ), 0


_MEASURES = dict(
    zip(OPERATIONS, (_tool_call, _llm_call, _file_write, _whole_event, _switched_off), strict=True)
)


def machine() -> dict[str, object]:
    """What the figures were measured on: processor, system, Python, version, date (UTC), load of the last minute."""
    import platform

    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cpus": os.cpu_count(),
        "t800": _core.version,
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "load": _load(),
    }


def _load() -> float | None:
    """How many programs want a processor; figures of a machine that others use as well say less."""
    if not hasattr(os, "getloadavg"):
        return None
    try:
        return round(float(os.getloadavg()[0]), 1)
    except OSError:
        return None


def _processor() -> str | None:
    """The processor's name, where the system tells it in a file."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            return next(
                (line.partition(":")[2].strip() for line in file if line.startswith("model name")), None
            )
    except OSError:
        return None
