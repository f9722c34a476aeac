"""Phases: THINK, QUESTION, PLAN, EXECUTE and any other."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from t800.testing import Capture, capture


@pytest.fixture
def trace() -> Iterator[Capture]:
    with capture() as session:
        yield session


def last_checkpoint(trace: Capture) -> dict[str, Any]:
    return [event for event in trace.events if event["type"] == "checkpoint"][-1]


def test_think_begins_with_a_decision(trace: Capture) -> None:
    with trace.phase("THINK", reasoning_tokens=420):
        pass
    decision, checkpoint = trace.events
    assert (decision["type"], decision["decision_type"], decision["phase"]) == (
        "decision",
        "decision_start",
        "THINK",
    )
    assert checkpoint["attributes"] == {"reasoning_tokens": 420}


@pytest.mark.parametrize("name", ["QUESTION", "PLAN", "EXECUTE", "REVIEW", "think"])
def test_other_phases_do_not(trace: Capture, name: str) -> None:
    with trace.phase(name):
        pass
    (checkpoint,) = trace.events
    assert (checkpoint["phase_name"], checkpoint["status"]) == (name, "completed")
    assert "attributes" not in checkpoint


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("THINK", {"reasoning_tokens": 420}),
        ("QUESTION", {"question_count": 2, "clarification_loops": 1}),
        ("PLAN", {"plan_complexity": 7, "revision_count": 2}),
    ],
)
def test_the_specs_fields_are_numbers_in_the_checkpoint(
    trace: Capture, name: str, fields: dict[str, int]
) -> None:
    with trace.phase(name, **fields):
        pass
    assert last_checkpoint(trace)["attributes"] == fields


def test_fields_can_be_updated_until_the_phase_is_left(trace: Capture) -> None:
    with trace.phase("PLAN", plan_complexity=7, revision_count=0) as plan:
        plan.update(revision_count=1)
        plan.update(revision_count=2)
    assert last_checkpoint(trace)["attributes"] == {"plan_complexity": 7, "revision_count": 2}


def test_leaving_a_phase_writes_one_checkpoint_with_its_duration(trace: Capture) -> None:
    with trace.phase("PLAN"):
        trace.decision("x")
    decision, checkpoint = trace.events
    assert checkpoint["type"] == "checkpoint"
    assert checkpoint["duration_ms"] >= 0
    assert checkpoint["phase"] == "PLAN"
    assert checkpoint["timestamp"] <= decision["timestamp"]


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (ValueError("x"), "failed"),
        (KeyboardInterrupt(), "interrupted"),
        (asyncio.CancelledError(), "interrupted"),
        (SystemExit(1), "interrupted"),
        (GeneratorExit(), "interrupted"),
    ],
)
def test_how_a_phase_ends(trace: Capture, failure: BaseException, status: str) -> None:
    with pytest.raises(type(failure)), trace.phase("EXECUTE"):
        raise failure
    assert last_checkpoint(trace)["status"] == status
    errors = [event for event in trace.events if event["type"] == "error"]
    assert len(errors) == (1 if status == "failed" else 0)
    assert all(event["phase"] == "EXECUTE" for event in trace.events)


def test_a_phase_that_is_open_when_the_session_closes_is_interrupted() -> None:
    trace = capture()
    trace.phase("PLAN", plan_complexity=3).__enter__()
    trace.close()
    assert last_checkpoint(trace)["status"] == "interrupted"
    assert last_checkpoint(trace)["attributes"] == {"plan_complexity": 3}


def test_phases_set_the_phase_and_never_the_parent(trace: Capture) -> None:
    with trace.tool("outer") as outer, trace.phase("EXECUTE"):
        trace.tool_call("inner")
        with trace.llm("m"):
            pass
    trace.decision("after")
    inner, llm, checkpoint, _, after = trace.events
    assert [event["phase"] for event in (inner, llm, checkpoint)] == ["EXECUTE"] * 3
    assert [event["parent_id"] for event in (inner, llm, checkpoint)] == [outer.id] * 3
    assert "phase" not in after


def test_phases_nest_and_come_back(trace: Capture) -> None:
    with trace.phase("EXECUTE"):
        with trace.phase("QUESTION"):
            trace.decision("inner")
        trace.decision("outer")
    found = [(event["type"], event["phase"]) for event in trace.events]
    assert found == [
        ("decision", "QUESTION"), ("checkpoint", "QUESTION"), ("decision", "EXECUTE"), ("checkpoint", "EXECUTE"),
    ]  # fmt: skip


def test_a_span_belongs_to_the_phase_it_began_in(trace: Capture) -> None:
    with trace.phase("PLAN"):
        token = trace.pre_tool("x")
    with trace.phase("EXECUTE"):
        trace.post_tool(token)
    assert [event["phase"] for event in trace.events if event["type"] == "tool_call"] == ["PLAN"]


def test_execute_records_every_call_in_full(trace: Capture) -> None:
    with trace.phase("EXECUTE"):
        for n in range(2_000):
            trace.tool_call("read", {"n": n}, duration_ms=n)
    calls = [event for event in trace.events if event["type"] == "tool_call"]
    assert [(event["parameters_redacted"]["n"], event["duration_ms"]) for event in calls] == [
        (n, n) for n in range(2_000)
    ]


def test_the_switches_apply_in_every_phase() -> None:
    with capture(settings={"telemetry.trace_tools": False}) as trace, trace.phase("EXECUTE"):
        trace.tool_call("read")
        trace.decision("x")
    assert [event["type"] for event in trace.events] == ["decision", "checkpoint"]


def test_phases_with_async_with_and_in_tasks(trace: Capture) -> None:
    async def work(name: str) -> None:
        async with trace.phase(name) as phase:
            await asyncio.sleep(0)
            trace.decision(name)
            phase.update(done=True)

    async def main() -> None:
        await asyncio.gather(work("PLAN"), work("EXECUTE"))

    asyncio.run(main())
    for event in trace.events:
        assert event["phase"] == event.get("decision_type", event.get("phase_name"))
    assert {event["status"] for event in trace.events if event["type"] == "checkpoint"} == {"completed"}


def test_a_phases_fields_are_redacted(trace: Capture) -> None:
    with trace.phase("PLAN", api_key="sk-something-long-enough-1234"):
        pass
    assert last_checkpoint(trace)["attributes"] == {"api_key": "[REDACTED]"}
