"""The ways to record a call that is going on: span, hook points, decorator; and the same while recording is off."""

from collections.abc import Callable
from typing import Any

import pytest

import t800
from t800 import bench
from t800.session import Session

PARAMETERS = bench.SMALL["parameters"]


def work(value: int) -> int:
    """What an agent's tool does, as little as possible."""
    return value + 1


def span(session: Session) -> str | None:
    with session.tool("read", PARAMETERS) as call:
        call.result(1)
    return call.id


def llm_span(session: Session) -> str | None:
    with session.llm("claude-sonnet-4") as call:
        call.usage(prompt_tokens=1500, completion_tokens=800)
    return call.id


def hook_points(session: Session) -> str | None:
    token = session.pre_tool("read", PARAMETERS)
    return session.post_tool(token, 1)


WAYS = [span, llm_span, hook_points]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.benchmark(group="calls, on")
def test_on(way: Callable[[Session], str | None], on: Session, bench_recording: Callable[..., None]) -> None:
    bench_recording(lambda: way(on))


@pytest.mark.benchmark(group="calls, on")
def test_traced(on: Session, bench_recording: Callable[..., None]) -> None:
    traced = t800.traced(work)

    def call() -> str | None:
        traced(1)
        return None

    with on:
        # Two events by hand around it tell how many the decorator recorded: ids are given in order.
        first = on.decision("first")
        for _ in range(10):
            call()
        assert number(on.decision("last")) - number(first) == 11

        def last() -> str | None:
            traced(1)
            return on.decision("last")

        bench_recording(last)


def number(event_id: str | None) -> int:
    assert event_id is not None
    return int(event_id.removeprefix("evt_"))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.benchmark(group="calls, off")
def test_off(way: Callable[[Session], str | None], off: Session, benchmark: Any) -> None:
    assert benchmark(way, off) is None


@pytest.mark.benchmark(group="calls, off")
def test_traced_off(benchmark: Any) -> None:
    assert benchmark(t800.traced(work), 1) == 2


@pytest.mark.benchmark(group="calls, off")
def test_bare_function(benchmark: Any) -> None:
    assert benchmark(work, 1) == 2


@pytest.mark.benchmark(group="calls, off")
def test_finished_fact_off(off: Session, benchmark: Any) -> None:
    assert benchmark(off.tool_call, "read", PARAMETERS, duration_ms=45.2) is None


@pytest.mark.benchmark(group="calls, off")
def test_empty_method(benchmark: Any) -> None:
    assert benchmark(bench.EmptyMethod().tool_call, "read", PARAMETERS, duration_ms=45.2) is None
