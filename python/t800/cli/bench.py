"""`t800 bench`: the overhead budget, measured on this machine."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING, NamedTuple

import click

from t800._figures import duration
from t800.cli import options
from t800.cli.text import dumps
from t800.errors import TraceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from t800.session import Session

    Work = Callable[[], object]

_FLUSH_SHARE = 20  # one flush is measured for so many recording calls
_BATCH = 50  # events in a flush: trace_buffer.max_events
_OFF_BATCH = 1000
_WARM_UP = 100

_TOOL = {
    "type": "tool_call",
    "tool": "edit",
    "parameters": {"file_path": "src/auth.ts", "old_string": "if (token) {\n" * 40, "new_string": "check();\n" * 60},
    "success": True,
}
_LLM = {
    "type": "llm_call",
    "model": "claude-sonnet-4",
    "messages": [{"role": "user", "content": "Please look at the login form and tell me what fails. " * 20}] * 8,
    "prompt_tokens": 1500,
    "completion_tokens": 800,
    "success": True,
}


class Measured(NamedTuple):
    """One row of the table: times in µs; `target_ms` is the budget, `orjson_us` the floor of the same event."""

    operation: str
    target_ms: float | None
    p50_us: float
    p99_us: float
    max_us: float
    orjson_us: float | None = None

    @property
    def within(self) -> bool:
        """Whether 99 of 100 calls kept the budget."""
        return self.target_ms is None or self.p99_us <= self.target_ms * 1000


@click.command()
@click.option("--events", type=click.IntRange(min=100, max=1_000_000), default=5000, show_default=True, metavar="N",
              help="Events to record for each kind of call.")  # fmt: skip
@options.as_json
def bench(events: int, as_json: bool) -> int:
    """Measure what recording costs on this machine, beside orjson.dumps of the same events.

    Records into a temporary folder that is deleted again. The exit code is 1 when a budget was not kept.
    """
    from t800.cli.commands import FINDINGS

    rows = _measure(events)
    within = all(row.within for row in rows)
    if as_json:
        options.write(dumps({"machine": _machine(), "rows": [_data(row) for row in rows], "within": within}, indent=True))
    else:
        _print(rows, within=within)
    return 0 if within else FINDINGS


def _measure(events: int) -> list[Measured]:
    import tempfile

    from t800 import _core, session

    if _core.build_profile == "debug":
        raise TraceError("this is a debug build, ten times slower", hint="Install a release build: pip install .")
    with tempfile.TemporaryDirectory(prefix="t800-bench-") as folder:
        quiet = {"telemetry.retention.auto_cleanup": False}
        trace = session(agent="bench", dir=f"{folder}/telemetry", enabled=True, settings=quiet)
        if not trace.enabled:
            raise TraceError("recording is off", hint="`t800 status` says why; the benchmark needs it")
        with trace:
            return _rows(trace, events)


def _rows(trace: Session, events: int) -> list[Measured]:
    import orjson

    from t800.cli.progress import progress

    works: list[tuple[str, float, Work, int, Work | None]] = [
        ("Tool call recording", 10, lambda: _tool(trace), events, lambda: orjson.dumps(_TOOL)),
        ("LLM call recording", 20, lambda: _llm(trace), events, lambda: orjson.dumps(_LLM)),
        ("File write", 50, trace.flush, events // _FLUSH_SHARE, None),
        ("Total per event", 100, lambda: _tool_on_disk(trace), events // _FLUSH_SHARE, None),
    ]
    rows = []
    for operation, target, work, count, floor in progress(works, "measuring"):
        before = _fill(trace) if work == trace.flush else None
        times = _times(work, count, before)
        rows.append(_row(operation, target, times, None if floor is None else _median_us(_times(floor, count))))
    return [*rows, _off_row(events)]


def _tool(trace: Session) -> None:
    """A tool call as an agent records it: begin, result, end."""
    with trace.tool("edit", _TOOL["parameters"]) as call:
        call.result("ok")


def _llm(trace: Session) -> None:
    with trace.llm("claude-sonnet-4", messages=_LLM["messages"]) as call:
        call.usage(prompt_tokens=1500, completion_tokens=800)


def _tool_on_disk(trace: Session) -> None:
    _tool(trace)
    trace.flush()


def _fill(trace: Session) -> Work:
    """One event less than the buffer takes, so that the flush is what writes them."""

    def fill() -> None:
        trace.flush()
        for _ in range(_BATCH - 1):
            _tool(trace)

    return fill


def _times(work: Work, count: int, before: Work | None = None) -> list[int]:
    """Nanoseconds of each of `count` calls, sorted, without what reading the clock costs."""
    clock, times = time.perf_counter_ns, []
    for _ in range(_WARM_UP if before is None else 1):
        work()
    gc.collect()
    gc.disable()
    try:
        for _ in range(count):
            if before is not None:
                before()
            start = clock()
            work()
            times.append(clock() - start)
    finally:
        gc.enable()
    tick = _tick()
    return sorted(max(taken - tick, 0) for taken in times)


def _tick() -> int:
    """What two readings of the clock and an empty call cost."""
    clock, nothing = time.perf_counter_ns, lambda: None
    times = []
    for _ in range(1000):
        start = clock()
        nothing()
        times.append(clock() - start)
    return sorted(times)[500]


def _off_row(events: int) -> Measured:
    """A call while recording is off, with the loop around it: too short to be timed alone."""
    from t800.session import OFF

    parameters = _TOOL["parameters"]

    def batch() -> None:
        for _ in range(_OFF_BATCH):
            OFF.tool_call("edit", parameters)

    off = _row("Call while switched off", None, _times(batch, max(events // 50, 20)))
    per_call = {name: getattr(off, name) / _OFF_BATCH for name in ("p50_us", "p99_us", "max_us")}
    return off._replace(**per_call)


def _row(operation: str, target: float | None, times: list[int], floor: float | None = None) -> Measured:
    p99 = times[min(len(times) * 99 // 100, len(times) - 1)] / 1000
    return Measured(operation, target, _median_us(times), p99, times[-1] / 1000, floor)


def _median_us(times: list[int]) -> float:
    return times[len(times) // 2] / 1000


def _data(row: Measured) -> dict[str, object]:
    return {**row._asdict(), "within": row.within}


def _machine() -> dict[str, object]:
    import os
    import platform
    from datetime import UTC, datetime

    from t800 import _core

    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.machine()}",
        "cpus": os.cpu_count(),
        "t800": _core.version,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
    }


def _print(rows: list[Measured], *, within: bool) -> None:
    from rich.table import Table

    from t800.cli.page import console

    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("OPERATION", no_wrap=True)
    for name in ("TARGET", "P50", "P99", "MAX", "ORJSON.DUMPS"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        target = "-" if row.target_ms is None else f"< {row.target_ms:g} ms"
        times = [_us(taken) for taken in (row.p50_us, row.p99_us, row.max_us, row.orjson_us)]
        table.add_row(row.operation, target, *times, style="" if row.within else "bold red")
    console().print(table)
    machine = _machine()
    options.write("")
    options.write("all within budget (p99)" if within else "OVER BUDGET (p99)")
    options.write("t800 {t800}, {python}, {system}, {cpus} CPUs, {date}".format_map(machine))


def _us(taken: float | None) -> str:
    return duration(None if taken is None else taken / 1000)
