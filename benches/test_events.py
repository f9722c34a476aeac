"""One event of each kind: by keywords, as a mapping, and `orjson.dumps` of it as the floor."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson
import pytest

from t800 import bench
from t800.session import Session

EVENTS: dict[str, tuple[str, Mapping[str, Any]]] = {
    "small": ("tool_call", bench.SMALL),
    "edit": ("tool_call", bench.EDIT),
    "llm": ("llm_call", bench.LLM),
    "decision": ("decision", {"decision_type": "strategy", "outcome": "edit in place"}),
    "error": (
        "error",
        {"error_type": "TOOL_TIMEOUT", "message": "Command exceeded 30000ms timeout", "tool": "bash"},
    ),
    "checkpoint": ("checkpoint", {"phase_name": "EXECUTE", "status": "completed"}),
}

each_event = pytest.mark.parametrize("name", EVENTS)


@each_event
def test_floor(name: str, benchmark: Any) -> None:
    benchmark.group = name
    kind, fields = EVENTS[name]
    event = bench.event_of(kind, fields)
    assert orjson.loads(benchmark(orjson.dumps, event)) == event


@each_event
def test_by_keywords(name: str, on: Session, benchmark: Any, bench_recording: Callable[..., None]) -> None:
    benchmark.group = name
    kind, fields = EVENTS[name]
    verb = getattr(on, kind)
    bench_recording(lambda: verb(**fields))


@each_event
def test_as_a_mapping(name: str, on: Session, benchmark: Any, bench_recording: Callable[..., None]) -> None:
    benchmark.group = name
    kind, fields = EVENTS[name]
    event = bench.event_of(kind, fields)
    bench_recording(lambda: on.record(event))
