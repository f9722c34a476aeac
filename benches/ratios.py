"""The goals of recording, each measured beside its floor in the same run: `python benches/ratios.py [ROW…]`.

Both sides get the same values; a figure is the fastest of many interleaved rounds without garbage collection, net of the
loop. No figure is printed unless every event was found in the files afterwards, none was dropped, and no planted
secret was there.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any

import instructions
import orjson
from events import EVENTS
from interleave import take_turns
from resources import further, package, started, steady, woken
from rivals import RIVALS, lines_of
from rows import Row

import t800
from t800 import bench, config
from t800._core import Redactor
from t800.session import OFF

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

SCANNED = {"telemetry.privacy.redact_content": False}
HOSTILE = "token= eyJ :// password: sk- ghp_ AKIA user@ -----BEGIN Bearer key= "
SIZE = 256 << 10
_WARM_UP = 300


# One event of each kind, beside orjson


def _event_row(
    name: str, kind: str, goal: float | None, call: str | None = None, settings: Mapping[str, object] = {}
) -> Row:
    """What an event costs, as a multiple of `orjson.dumps` of it; `call` is the statement that records it."""
    call, event = call or EVENTS[kind].keywords, EVENTS[kind].mapping
    names = {"dumps": orjson.dumps, "event": event, **EVENTS[kind].fields}
    calls, rounds = (200, 80) if kind not in {"edit", "llm"} else (50, 80)
    with bench.temporary_session(settings) as trace:
        for _ in range(_WARM_UP):
            trace.record(event)
        trace.flush()
        statements = {"ours": call, "orjson": "dumps(event)"}
        taken = take_turns(
            statements, {**names, "trace": trace}, rounds=rounds, calls=calls, settle=trace.flush
        )
        bench.check_trace(trace, _WARM_UP + rounds * calls)
    ours, orjsons = taken["ours"], taken["orjson"]
    figures = {"t800": ours.fastest, "orjson": orjsons.fastest, "t800 usual": ours.usual}
    return Row(name, ours.fastest / orjsons.fastest, "times", goal, figures)


def _fresh_row(name: str, kind: str, goal: float) -> Row:
    """As `_event_row`, scanned, of events whose long texts were never there before."""
    calls, rounds = 50, 80
    number = itertools.count()
    events = [_renewed(EVENTS[kind].mapping, number) for _ in range(_WARM_UP + rounds * calls)]
    with bench.temporary_session(SCANNED) as trace:
        for event in events[:_WARM_UP]:
            trace.record(event)
        trace.flush()
        names = {"dumps": orjson.dumps, "trace": trace, "next": next}
        fresh = {"ours_events": iter(events[_WARM_UP:]), "orjson_events": itertools.cycle(events[_WARM_UP:])}
        statements = {"ours": "trace.record(next(ours_events))", "orjson": "dumps(next(orjson_events))"}
        taken = take_turns(statements, {**names, **fresh}, rounds=rounds, calls=calls, settle=trace.flush)
        bench.check_trace(trace, len(events))
    ours, orjsons = taken["ours"], taken["orjson"]
    figures = {"t800": ours.fastest, "orjson": orjsons.fastest, "t800 usual": ours.usual}
    return Row(name, ours.fastest / orjsons.fastest, "times", goal, figures)


def _renewed(value: Any, number: Iterator[int]) -> Any:
    """The value with other letters at the end of each long text."""
    if isinstance(value, dict):
        return {key: _renewed(each, number) for key, each in value.items()}
    if isinstance(value, list):
        return [_renewed(each, number) for each in value]
    if isinstance(value, str) and len(value) > _LONG_TEXT:
        letters = f"{next(number):06d}".translate(str.maketrans("0123456789", "abcdefghij"))
        return value[: -len(letters)] + letters
    return value


_LONG_TEXT = 1000
_RECORD = "trace.record(event)"


def _kinds() -> Iterator[Row]:
    yield _event_row("small tool call, keywords", "small", 1.35)
    yield _event_row("small tool call, mapping", "small", 1.35, _RECORD)
    yield _event_row("edit of 4 KB, hashed", "edit", 0.50)
    yield _fresh_row("edit of 4 KB, scanned", "edit", 1.10)
    yield _event_row("edit of 4 KB, scanned before", "edit", None, settings=SCANNED)
    yield _event_row("LLM call of 8 KB, hashed", "llm", 0.70)
    yield _fresh_row("LLM call of 8 KB, scanned", "llm", 1.60)
    yield _event_row("LLM call of 8 KB, scanned before", "llm", None, settings=SCANNED)
    for kind in ("decision", "error", "checkpoint"):
        yield _event_row(kind, kind, None)


# Calls that are going on, and calls of a session that is off


def _bare(value: int) -> int:
    return value + 1


def _calls() -> Iterator[Row]:
    rounds, calls = 80, 200
    names = {"bare": _bare, "traced": t800.traced(_bare), "parameters": bench.SMALL["parameters"]}
    with bench.temporary_session() as trace:
        with trace:
            statements = {"bare": "bare(1)", "traced": "traced(1)"}
            taken = take_turns(statements, names, rounds=rounds, calls=calls, settle=trace.flush)
            yield _net("decorator, net of the function", taken, "traced", "bare", 150)
        bench.check_trace(trace, rounds * calls)
    with bench.temporary_session() as trace:
        statements = {"span": "with trace.tool('read', parameters): pass"}
        taken = take_turns(
            statements, {**names, "trace": trace}, rounds=rounds, calls=calls, settle=trace.flush
        )
        bench.check_trace(trace, rounds * calls)
        yield _net("span, on", taken, "span", None, 250)


def _off() -> Iterator[Row]:
    names = {
        "off": OFF,
        "parameters": bench.SMALL["parameters"],
        "empty": lambda: None,
        "traced": t800.traced(_bare),
        "bare": _bare,
    }
    statements = {
        "empty": "empty()",
        "fact": "off.tool_call('read', parameters, duration_ms=45.2, success=True)",
        "span": "with off.tool('read', parameters): pass",
        "traced": "traced(1)",
        "bare": "bare(1)",
    }
    taken = take_turns(statements, names, rounds=100, calls=1000)
    yield _net("call while off, net of an empty call", taken, "fact", "empty", 15)
    yield _net("span, off", taken, "span", None, 60)
    yield _net("decorator, off, net of the function", taken, "traced", "bare", None)


def _net(name: str, taken: Mapping[str, Any], ours: str, floor: str | None, goal: float | None) -> Row:
    figures = {each: taken[each].fastest for each in (ours, floor) if each is not None}
    figures[f"{ours} usual"] = taken[ours].usual
    return Row(name, taken[ours].fastest - (taken[floor].fastest if floor else 0.0), "ns", goal, figures)


# What happens beside the call


def _cpu() -> Iterator[Row]:
    """The processor time of all threads for an event that is in the file."""
    for kind, goal in (("small", 1.2), ("edit", 4.0), ("llm", 7.0)):
        event = EVENTS[kind].mapping
        events, rounds, taken = 1000, 20, []
        with bench.temporary_session() as trace:
            for _ in range(rounds):
                begin = time.process_time_ns()
                for _ in range(events):
                    trace.record(event)
                trace.flush()
                taken.append((time.process_time_ns() - begin) / events)
            bench.check_trace(trace, rounds * events)
        yield Row(f"CPU of all threads, {kind}", min(taken) / 1000, "µs", goal, {"fastest": min(taken)})


def _paced(ticks: int = 4000) -> Iterator[Row]:
    """One small call a millisecond, as an agent that does other things; every other one is an empty call."""
    empty, fields = bench.EmptyMethod(), dict(bench.SMALL)
    tool, parameters = fields.pop("tool"), fields.pop("parameters")
    with bench.temporary_session() as trace:
        times: tuple[list[int], list[int]] = ([], [])
        clock, due = time.perf_counter_ns, time.perf_counter_ns()
        for tick in range(2 * ticks):
            call: Callable[..., object] = (trace if tick % 2 else empty).tool_call
            due += 1_000_000
            time.sleep(max(due - clock(), 0) / 1e9)
            begin = clock()
            call(tool, parameters, **fields)
            times[tick % 2].append(clock() - begin)
        bench.check_trace(trace, ticks)
    floor, ours = (sorted(each) for each in times)
    for share, goal in ((50.0, None), (99.0, 2.0), (99.9, 2.0)):
        at = int(ticks * share / 100)
        figures = {"t800": float(ours[at]), "empty call": float(floor[at])}
        yield Row(
            f"paced at 1 ms, p{share:g} to an empty call's", ours[at] / floor[at], "times", goal, figures
        )


# Redaction of long texts


def texts() -> dict[str, str]:
    """Code and prose that come with Python, and what secrets begin with, again and again."""
    import argparse as code_a
    import pathlib as code_b
    import typing as code_c
    from pydoc_data.topics import topics

    code = "".join(_source(module) for module in (code_a, code_b, code_c))
    prose = "\n".join(topics[name] for name in sorted(topics))
    return {name: _long(text) for name, text in (("code", code), ("prose", prose), ("hostile", HOSTILE))}


def _source(module: Any) -> str:
    with open(module.__file__, encoding="utf-8") as file:
        return file.read()


def _long(text: str) -> str:
    return (text * (SIZE // len(text) + 1))[:SIZE]


def _scan() -> Iterator[Row]:
    settings = config.defaults({**SCANNED, "telemetry.privacy.max_value_bytes": SIZE}).compiled()
    redactor = Redactor(settings=settings, key=bytes(32), home="/home/u", identity=False)
    for name, text in texts().items():
        line = orjson.dumps({"type": "decision", "outcome": text})
        names = {"redact": redactor.redact_json, "line": line, "loads": orjson.loads, "dumps": orjson.dumps}
        statements = {"redact": "redact(line)", "orjson": "dumps(loads(line))"}
        taken = take_turns(statements, names, rounds=7, calls=1)
        ours = taken["redact"].fastest
        figures = {"t800": ours, "orjson": taken["orjson"].fastest}
        yield Row(
            f"whole filter, 256 KB of {name}", len(line) / ours * 1000, "MB/s", None, figures, at_least=True
        )


# The core alone, in Rust


def _core() -> Iterator[Row]:
    """What the ring costs, and the search for secrets, without Python around them."""
    if shutil.which("cargo") is None:
        sys.stderr.write("cargo is not installed: the rows of the core are left out\n")
        return
    done = subprocess.run([instructions.build()], capture_output=True, text=True, check=True)  # noqa: S603
    lines = [orjson.loads(line) for line in done.stdout.splitlines()]
    stages = {line["row"]: line["ns"] for line in lines}
    sizes = {line["row"]: line["bytes"] for line in lines}
    for kind in ("small", "edit", "edit, scanned", "llm", "llm, scanned"):
        names = [f"{stage} {kind}" for stage in ("redact", "encode", "record")]
        yield Row(f"in Rust: {kind}", stages[names[2]], "ns", None, {name: stages[name] for name in names})
    push = stages["push 250 bytes"]
    yield Row("ring and commit of 250 bytes", push, "ns", 150, {"fastest": push})
    for text, goal in (("code", 10), ("prose", 10), ("hostile", 1)):
        row = f"secrets {text}"
        speed = sizes[row] / stages[row]
        yield Row(f"search for secrets: {text}", speed, "GB/s", goal, {"64 KB": stages[row]}, at_least=True)


# Other recorders

STRUCTLOG = {"small": 6.0, "edit": 3.0, "llm": 2.7}
"""How many times faster than structlog with orjson we want to be."""


def _rivals() -> Iterator[Row]:
    """How many times faster our usual call is than another's, for each that is installed.

    Those that go on beside the call disturb whoever has the next turn: `pytest benches -k rival` measures them alone.
    """
    for name, rival in RIVALS.items():
        if not rival.keeps_all:
            continue
        if not rival.installed:
            sys.stderr.write(f"{rival.needs} is not installed: its rows are left out\n")
            continue
        for kind in ("small", "edit", "llm"):
            yield _beside(name, kind)


def _beside(name: str, kind: str, rounds: int = 40, calls: int = 20) -> Row:
    names = {"event": EVENTS[kind].mapping, **EVENTS[kind].fields}
    statements = {"ours": EVENTS[kind].keywords, "theirs": "write(event)"}
    with bench.temporary_session() as trace, tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "events")
        with RIVALS[name].open(path) as (write, finish):
            names |= {"trace": trace, "write": write}
            taken = take_turns(
                statements, names, rounds=rounds, calls=calls, settle=lambda: (trace.flush(), finish())
            )
        bench.check_trace(trace, rounds * calls)
        if len(lines_of(path)) != rounds * calls:
            raise t800.TraceError(f"{name} has lost an event")
    ours, theirs = taken["ours"].usual, taken["theirs"].usual
    goal = STRUCTLOG[kind] if name.startswith("structlog") else None
    figures = {"t800 usual": ours, "usual": theirs}
    return Row(f"faster than {name}: {kind}", theirs / ours, "times", goal, figures, at_least=True)


def _resources() -> Iterator[Row]:
    yield from started()
    yield further()
    yield package()
    yield steady()
    yield woken()


ROWS: dict[str, Callable[[], Iterator[Row]]] = {
    "kinds": _kinds,
    "calls": _calls,
    "off": _off,
    "cpu": _cpu,
    "scan": _scan,
    "core": _core,
    "rivals": _rivals,
    "resources": _resources,
    "paced": _paced,
}


def measured(wanted: list[str]) -> Iterator[Row]:
    """The rows of the wanted groups, as they are measured."""
    for name in wanted:
        gc.collect()
        yield from ROWS[name]()


def _print(row: Row) -> None:
    goal = "" if row.goal is None else f"{'≥' if row.at_least else '≤'} {row.goal:g}"
    met = {True: "ok", False: "MISSED", None: ""}[row.met]
    figures = ", ".join(f"{name} {value:,.0f} ns" for name, value in row.figures.items())
    sys.stdout.write(f"{row.name:<42} {row.value:>10,.2f} {row.unit:<4} {goal:>7} {met:<6} {figures}\n")
    sys.stdout.flush()


def _markdown(row: Row) -> None:
    goal = "" if row.goal is None else f"{'≥' if row.at_least else '≤'} {row.goal:g}"
    met = {True: "yes", False: "no", None: ""}[row.met]
    figures = ", ".join(f"{name} {_readable(value)}" for name, value in row.figures.items())
    sys.stdout.write(f"| {row.name} | {row.value:,.3g} {row.unit} | {goal} | {met} | {figures} |\n")
    sys.stdout.flush()


def _readable(ns: float) -> str:
    return next(
        f"{ns / size:,.3g} {unit}"
        for size, unit in ((1e6, "ms"), (1e3, "µs"), (1, "ns"))
        if ns >= size or size == 1
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "rows", nargs="*", metavar="ROW", help=f"which groups: {', '.join(ROWS)}; all by default"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--markdown", action="store_true", help="print rows of a table, as docs/performance.md has them"
    )
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.rows) - set(ROWS):
        parser.error(f"no such row: {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}")
    bench.refuse_debug_build()
    before = bench.machine()
    rows = []
    with tempfile.TemporaryDirectory(prefix="t800-bench-") as state:
        os.environ["XDG_STATE_HOME"] = state
        for row in measured(chosen.rows or list(ROWS)):
            rows.append(row)
            if not chosen.json:
                (_markdown if chosen.markdown else _print)(row)
    report = {
        "machine": before,
        "load_after": bench.machine()["load"],
        "rows": [{**row._asdict(), "met": row.met} for row in rows],
    }
    if chosen.json:
        sys.stdout.write(orjson.dumps(report, option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        sys.stdout.write(
            "\n" + "{processor}, {cpus} CPUs, {python}, {date}, load {load}\n".format_map(before)
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
