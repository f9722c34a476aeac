"""Events: finished facts, recorded mappings, times, numbers, and what they add up to."""

from __future__ import annotations

import datetime as dt
import json
import time
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import t800
from t800.testing import Capture, capture

Open = Callable[..., t800.Session]
Read = Callable[..., dict[str, Any]]


@pytest.fixture
def trace() -> Iterator[Capture]:
    with capture() as session:
        yield session


def when(event: dict[str, Any]) -> float:
    return dt.datetime.fromisoformat(event["timestamp"]).timestamp()


def test_absent_is_absent_and_unknown_is_null(trace: Capture) -> None:
    trace.tool_call("read")
    trace.record(
        {"type": "tool_call", "tool": "read", "success": None, "duration_ms": None, "tokens_in": None}
    )
    trace.decision("x", None)
    bare, nulls, decision = trace.events
    assert set(bare) == {"event_id", "timestamp", "type", "tool", "success"}
    assert (nulls["success"], nulls["duration_ms"], nulls["tokens_in"]) == (None, None, None)
    assert "outcome" not in decision


def test_every_verb_gives_the_events_id(trace: Capture) -> None:
    ids = [
        trace.tool_call("t"), trace.llm_call("m"), trace.decision("d"), trace.error("e"), trace.checkpoint("c"),
        trace.record({"type": "decision"}),
    ]  # fmt: skip
    assert ids == [event["event_id"] for event in trace.events]


def test_arguments_may_be_named(trace: Capture) -> None:
    trace.tool_call(tool="t", parameters={"a": 1})
    trace.tool_call(name="t", params={"a": 1})
    trace.llm_call(model="m")
    trace.decision(decision_type="d", outcome={"chosen": 3})
    trace.error(error_type="e", message="m")
    trace.checkpoint(phase_name="p", status="s")
    trace.checkpoint(name="p", status="s")
    assert trace.events[0]["parameters_redacted"] == trace.events[1]["parameters_redacted"] == {"a": 1}
    assert trace.events[3]["outcome"] == {"chosen": 3}
    assert (trace.events[5]["phase_name"], trace.events[6]["phase_name"]) == ("p", "p")


# Times


def test_a_fact_began_its_duration_ago(trace: Capture) -> None:
    before = time.time()
    trace.tool_call("t", duration_ms=3_600_000)
    trace.llm_call("m", duration_ms=250.5)
    trace.error("e", duration_ms=30_000)
    trace.decision("d")
    after = time.time()
    for event in trace.events:
        began = when(event) + event.get("duration_ms", 0) / 1e3
        assert before - 0.01 <= began <= after + 0.01


def test_a_span_has_the_time_of_its_begin(trace: Capture) -> None:
    before = time.time()
    with trace.tool("t"):
        entered = time.time()
        while time.time() < entered + 0.02:
            pass
    (event,) = trace.events
    assert before - 0.01 <= when(event) <= entered + 0.01
    assert event["duration_ms"] >= 19


def test_durations_are_milliseconds_to_the_microsecond(trace: Capture) -> None:
    for _ in range(20):
        with trace.tool("t"):
            pass
    for event in trace.events:
        assert round(event["duration_ms"] * 1000) == pytest.approx(event["duration_ms"] * 1000, abs=1e-6)


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("2024-01-15T10:30:00Z", "2024-01-15T10:30:00.000Z"),
        ("2024-01-15T10:30:00.123456Z", "2024-01-15T10:30:00.123Z"),
        ("2024-01-15T12:30:00+02:00", "2024-01-15T10:30:00.000Z"),
        ("2024-02-29T23:59:59.9-00:30", "2024-03-01T00:29:59.900Z"),
    ],
)
def test_a_given_time_is_kept_in_utc(trace: Capture, given: str, stored: str) -> None:
    trace.record({"type": "decision", "timestamp": given})
    assert trace.events[0]["timestamp"] == stored


# The verb for finished events


def test_record_takes_the_trace_files_names_and_raw_values(trace: Capture) -> None:
    trace.record(
        {
            "type": "tool_call", "tool": "read", "parameters": {"password": "hunter2-hunter2", "n": 1},
            "result": "text", "duration_ms": 45, "success": True, "tokens_in": 0, "phase": "PLAN",
            "agent_id": "scout", "attributes": {"host": "x"},
        }
    )  # fmt: skip
    trace.record(
        {"type": "llm_call", "model": "m", "messages": [{"role": "user", "content": "x"}], "response": "y"}
    )
    tool, llm = trace.events
    assert tool["parameters_redacted"] == {"password": "[REDACTED]", "n": 1}
    assert tool["result_redacted"].startswith("[content hash: ")
    assert (tool["phase"], tool["agent_id"], tool["attributes"], tool["tokens_in"]) == (
        "PLAN",
        "scout",
        {"host": "x"},
        0,
    )
    assert llm["messages_redacted"][0]["role"] == "user"
    assert llm["response_redacted"].startswith("[content hash: ")


def test_an_event_id_becomes_the_source_id_and_parents_are_found_by_it(trace: Capture) -> None:
    trace.decision("takes the first id")
    trace.record({"type": "tool_call", "tool": "task", "event_id": "host-7"})
    trace.record({"type": "tool_call", "tool": "read", "event_id": "host-8", "parent_id": "host-7"})
    trace.record({"type": "decision", "event_id": "evt_001", "parent_id": "host-8"})
    trace.record({"type": "decision", "parent_id": "never seen"})
    _, first, second, third, fourth = trace.events
    assert (first["event_id"], first["source_id"]) == ("evt_002", "host-7")
    assert (second["source_id"], second["parent_id"]) == ("host-8", "evt_002")
    assert (third["event_id"], third["source_id"], third["parent_id"]) == ("evt_004", "evt_001", "evt_003")
    assert fourth["parent_id"] == "never seen"


def test_a_recorded_call_may_have_been_interrupted(trace: Capture) -> None:
    trace.record({"type": "tool_call", "tool": "a", "interrupted": True})
    trace.record({"type": "llm_call", "model": "b", "interrupted": True, "success": True, "duration_ms": 5})
    trace.record({"type": "tool_call", "tool": "c", "interrupted": False, "success": False})
    trace.record({"type": "tool_call", "tool": "d", "interrupted": None})
    told = [
        tuple(event.get(name, "-") for name in ("interrupted", "duration_ms", "success"))
        for event in trace.events
    ]
    assert told == [(True, None, None), (True, 5, None), ("-", "-", False), ("-", "-", "-")]


def test_record_takes_any_mapping(trace: Capture) -> None:
    trace.record(types.MappingProxyType({"type": "decision", "decision_type": "x"}))
    assert trace.events[0]["decision_type"] == "x"


def test_record_happens_in_its_context_unless_the_event_says_otherwise(trace: Capture) -> None:
    with trace.phase("EXECUTE"), trace.agent("scout"), trace.tool("outer") as outer:
        trace.record({"type": "decision"})
        trace.record({"type": "decision", "phase": "PLAN", "agent_id": "other", "parent_id": None})
    here, told = trace.events[:2]
    assert (here["phase"], here["agent_id"], here["parent_id"]) == ("EXECUTE", "scout", outer.id)
    assert (told["phase"], told["agent_id"], told["parent_id"]) == ("PLAN", "other", None)


@pytest.mark.parametrize(
    "event", [None, 3, [("type", "decision")], {}, {"type": "nonsense"}, {"type": 3}, {"tool": "read"}]
)
def test_what_is_no_event_raises_in_strict_mode_and_is_counted_else(trace: Capture, event: object) -> None:
    with pytest.raises((TypeError, ValueError), match=r"record\(\)"):
        trace.record(event)
    with capture(strict=False) as other, pytest.warns(RuntimeWarning, match="not recorded"):
        assert other.record(event) is None
        assert (other.dropped, other.misuses, other.events) == (1, 1, [])


def test_unknown_fields_of_a_recorded_event_go_to_the_attributes() -> None:
    with capture(strict=False) as trace, pytest.warns(RuntimeWarning, match="colour"):
        trace.record({"type": "decision", "colour": "red", "password": "hunter2-hunter2", 3: "no key"})
    assert trace.events[0]["attributes"] == {"colour": "red", "password": "[REDACTED]"}


# What comes from outside is redacted wherever it stands

SECRET = "ghp_" + "a1B2c3D4e5" * 3 + "f6G7h8"


def test_a_secret_in_any_field_of_any_event_is_redacted(trace: Capture) -> None:
    secret = {"text": SECRET}
    trace.tool_call(f"tool {SECRET}", {SECRET: SECRET}, result=secret, attributes={"a": SECRET, SECRET: 1})
    trace.llm_call(f"m {SECRET}", provider=SECRET, messages=[secret], response=SECRET)
    trace.decision(SECRET, outcome=f"chose {SECRET}")
    trace.error(SECRET, f"message {SECRET}", tool=SECRET, recovery={"strategy": SECRET})
    trace.checkpoint(SECRET, SECRET)
    trace.record(
        {
            "type": "decision",
            "event_id": SECRET,
            "parent_id": f"x {SECRET}",
            "phase": SECRET,
            "agent_id": SECRET,
        }
    )
    with trace.phase(SECRET, note=SECRET), trace.agent(SECRET), trace.tool(SECRET) as call:
        call.result(SECRET)
        call.update(attributes={"x": SECRET})
        working = trace.working()
    assert SECRET not in "".join(trace.lines())
    assert SECRET not in json.dumps(working)
    assert len(trace.events) == 8


def test_the_agents_name_and_ids_in_the_metadata_are_redacted(open_session: Open, read_trace: Read) -> None:
    with open_session(agent=f"agent {SECRET}", host_session_id=SECRET) as trace:
        pass
    assert SECRET not in json.dumps(read_trace(trace))


# The summary


def test_the_summary_adds_up_what_the_events_say(open_session: Open, read_trace: Read) -> None:
    with open_session() as trace:
        with trace.tool("outer") as outer:
            outer.update(duration_ms=100)
            trace.tool_call("inner", duration_ms=60, tokens_in=1, tokens_out=2, success=False)
        trace.llm_call(
            "m", prompt_tokens=10, completion_tokens=5, cached_tokens=4, cost_usd=0.25, duration_ms=1.5
        )
        trace.llm_call("m", reasoning_tokens=3, cache_write_tokens=2, cost_usd=0.125)
        trace.llm_call("m", success=None)
        trace.decision("d")
        trace.error("e", duration_ms=9_000)
        trace.checkpoint("c")
        trace.tool_call("x", {"password": "hunter2-hunter2", "token": "abcdefghijklmnop"})
    summary = read_trace(trace)["summary"]
    assert summary["total_events"] == 9
    assert summary["by_type"] == {"tool_call": 3, "llm_call": 3, "decision": 1, "error": 1, "checkpoint": 1}
    assert (summary["succeeded"], summary["failed"], summary["errors"], summary["interrupted"]) == (
        4,
        1,
        1,
        0,
    )
    assert summary["success_rate"] == 0.8
    assert summary["tokens"] == {
        "prompt": 10, "completion": 5, "total": 15, "cached": 4, "cache_write": 2, "reasoning": 3,
        "tools_in": 1, "tools_out": 2,
    }  # fmt: skip
    assert (summary["cost_nano_usd"], summary["priced"], summary["total_cost_estimate"]) == (
        375_000_000,
        2,
        0.375,
    )
    assert (summary["duration_us"], summary["total_duration_ms"]) == (101_500, 101.5)
    assert sum(summary["redactions"].values()) == 2
    assert summary["overhead"]["max_us"] >= summary["overhead"]["p99_us"] >= summary["overhead"]["p50_us"] > 0


def test_the_summary_of_nothing_makes_nothing_up(open_session: Open, read_trace: Read) -> None:
    with open_session() as trace:
        pass
    summary = read_trace(trace)["summary"]
    assert (summary["success_rate"], summary["total_cost_estimate"], summary["total_duration_ms"]) == (
        None,
        None,
        0,
    )


def test_costs_add_up_to_the_nano_dollar(open_session: Open, read_trace: Read) -> None:
    with open_session() as trace:
        for _ in range(1_000):
            trace.llm_call("m", cost_usd=0.0000001)
    assert read_trace(trace)["summary"]["cost_nano_usd"] == 100_000
    assert read_trace(trace)["summary"]["total_cost_estimate"] == 0.0001


def test_durations_come_in_buckets_at_close_and_not_before(open_session: Open, read_trace: Read) -> None:
    with open_session() as trace:
        for duration in (0, 0.001, 45, 45, 1000):
            trace.tool_call("read", duration_ms=duration)
        for n in range(100):
            trace.llm_call(f"model {n}", duration_ms=1)
        trace.flush()
        assert "durations" not in read_trace(trace)["summary"]
    durations = read_trace(trace)["summary"]["durations"]
    assert durations["error"] == 0.0905
    read = durations["tools"]["read"]
    assert (read["count"], read["sum_us"], read["max_us"]) == (5, 1_090_001, 1_000_000)
    assert sum(read["buckets"].values()) == 5
    assert read["buckets"]["0"] == 1
    for bucket, value in ((key, us) for key, us in (("1", 1), ("62", 45_000), ("80", 1_000_000))):
        assert read["buckets"][bucket] >= 1
        assert 2 ** ((int(bucket) - 0.5) / 4) == pytest.approx(value, rel=0.0906)
    assert len(durations["models"]) <= 65
    assert sum(model["count"] for model in durations["models"].values()) == 100


def test_a_trace_over_midnight_says_its_days(open_session: Open, read_trace: Read) -> None:
    with open_session() as trace:
        for day in ("2024-01-15", "2024-01-15", "2024-01-16"):
            trace.record({"type": "tool_call", "tool": "t", "timestamp": f"{day}T12:00:00Z", "success": True})
    by_day = read_trace(trace)["summary"]["by_day"]
    assert {day: counts["total_events"] for day, counts in by_day.items()} == {
        "2024-01-15": 2,
        "2024-01-16": 1,
    }


def test_the_live_closing_line_stays_small(open_session: Open) -> None:
    with open_session() as trace:
        for n in range(500):
            trace.tool_call(f"tool {n}", {"password": "hunter2-hunter2"}, duration_ms=n)
        trace.flush()
        assert trace.path is not None
        with open(trace.path, "rb") as file:
            closing = file.read().splitlines()[-1].rstrip()
    assert closing.startswith(b'],"summary":')
    assert len(closing) <= 2_048


def test_a_recorded_call_that_was_interrupted_counts_as_such(open_session: Open, read_trace: Read) -> None:
    with open_session() as trace:
        trace.record({"type": "tool_call", "tool": "a", "interrupted": True})
        trace.record(
            {"type": "llm_call", "model": "m", "duration_ms": 5, "success": None, "interrupted": True}
        )
        trace.record({"type": "tool_call", "tool": "b", "duration_ms": None, "success": None})
    document = read_trace(trace)
    fields = [(e.get("duration_ms"), e.get("success"), e.get("interrupted")) for e in document["events"]]
    assert fields == [(None, None, True), (5, None, True), (None, None, None)]
    assert document["summary"]["interrupted"] == 2


def test_only_a_call_can_have_been_interrupted(open_session: Open) -> None:
    with open_session() as trace:
        for event in ({"type": "decision", "interrupted": True}, {"type": "tool_call", "interrupted": "yes"}):
            with pytest.raises(TypeError, match="interrupted"):
                trace.record(event)


def test_a_session_that_is_recorded_afterwards_has_ended_then(open_session: Open, read_trace: Read) -> None:
    trace = open_session()
    trace.close(ended_ns=1_768_473_000_123_000_000)
    assert read_trace(trace)["summary"]["ended"] == "2026-01-15T10:30:00.123Z"
