"""One event of each kind: by keywords, as a mapping, and `orjson.dumps` of it as the floor."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from events import EVENTS

from t800.session import Session
from t800.testing import capture

each_event = pytest.mark.parametrize("name", EVENTS)


@each_event
def test_floor(name: str, benchmark: Any) -> None:
    benchmark.group = name
    event = EVENTS[name].mapping
    assert orjson.loads(benchmark(orjson.dumps, event)) == event


@each_event
def test_by_keywords(name: str, on: Session, benchmark: Any, bench_recording: Callable[..., None]) -> None:
    benchmark.group = name
    fields, verb = EVENTS[name].fields, getattr(on, EVENTS[name].verb)
    bench_recording(lambda: verb(**fields))


@each_event
def test_as_a_mapping(name: str, on: Session, benchmark: Any, bench_recording: Callable[..., None]) -> None:
    benchmark.group = name
    event = EVENTS[name].mapping
    bench_recording(lambda: on.record(event))


@each_event
def test_into_memory(name: str, benchmark: Any) -> None:
    """All but the ring and the writer."""
    benchmark.group = name
    event, rounds, calls = EVENTS[name].mapping, 40, 50
    with capture() as trace:
        benchmark.pedantic(trace.record, args=(event,), rounds=rounds, iterations=calls)
        # pytest-benchmark calls once more, for the result.
        assert len(trace.events) == rounds * calls + 1
