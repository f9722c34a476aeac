"""The fold: the same figures however a session is cut into parts and days."""

from __future__ import annotations

import json
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.trace_files import error, llm, tool

from t800.summary import QUANTILE_ERROR, bucket, days, derive, fold_events, is_summary, merge, quantile_us


def test_every_counter() -> None:
    summary = fold_events(
        [
            tool(1, tokens_in=3, tokens_out=4),
            tool(2, success=False, duration_ms=1.5, parent_id="evt_004"),
            tool(3, success=None, duration_ms=None, interrupted=True),
            llm(4, cached_tokens=100, cache_write_tokens=20, reasoning_tokens=7),
            llm(5, cost_usd=None, success=None),
            error(6, duration_ms=30000),
            {
                "event_id": "evt_007",
                "timestamp": "2026-01-15T11:00:00Z",
                "type": "checkpoint",
                "phase_name": "PLAN",
            },
        ]
    )
    assert {name: value for name, value in summary.items() if name != "durations"} == {
        "total_events": 7,
        "succeeded": 2,
        "failed": 1,
        "cost_nano_usd": 23_000_000,
        "priced": 1,
        "errors": 1,
        "interrupted": 1,
        "duration_us": 12_000 + 2 * 3_500_000,
        "by_type": {"tool_call": 3, "llm_call": 2, "error": 1, "checkpoint": 1},
        "tokens": {
            "prompt": 3000,
            "completion": 1600,
            "total": 4600,
            "cached": 100,
            "cache_write": 20,
            "reasoning": 7,
            "tools_in": 3,
            "tools_out": 4,
        },
        "total_duration_ms": 7012.0,
        "success_rate": 2 / 3,
        "total_cost_estimate": 0.023,
    }
    assert summary["durations"] == {
        "error": QUANTILE_ERROR,
        "tools": {"read": {"count": 2, "sum_us": 13_500, "max_us": 12_000, "buckets": {"55": 1, "43": 1}}},
        "models": {
            "claude-sonnet-4": {"count": 2, "sum_us": 7_000_000, "max_us": 3_500_000, "buckets": {"87": 2}}
        },
    }


def test_nothing_finished_or_priced_is_unknown_and_not_zero() -> None:
    summary = fold_events([error(1)])
    assert summary["success_rate"] is None
    assert summary["total_cost_estimate"] is None


def test_days_only_when_there_are_several() -> None:
    assert "by_day" not in fold_events([tool(1), tool(2)])
    by_day = fold_events([tool(1), tool(2, timestamp="2026-01-16T00:00:00Z"), llm(3)])["by_day"]
    assert list(by_day) == ["2026-01-15", "2026-01-16"]
    assert by_day["2026-01-16"]["total_events"] == 1
    assert by_day["2026-01-15"]["cost_nano_usd"] == 23_000_000


durations = st.one_of(st.none(), st.integers(0, 10**7), st.floats(0, 1e6))
calls = st.builds(
    lambda kind, name, ms, success, day, parent: (tool if kind else llm)(
        1,
        timestamp=f"2026-01-1{day}T00:00:00Z",
        duration_ms=ms,
        success=success,
        **{"tool" if kind else "model": name},
        **({"parent_id": "evt_001"} if parent else {}),
    ),
    st.booleans(),
    st.sampled_from(["read", "bash", "naïve tool"]),
    durations,
    st.sampled_from([True, False, None]),
    st.integers(0, 3),
    st.booleans(),
)


@given(st.lists(calls, max_size=30), st.integers(0, 30))
def test_parts_merge_to_the_whole(events: list[dict[str, object]], cut: int) -> None:
    whole = fold_events(events)
    merged = derive(merge(fold_events(events[:cut]), fold_events(events[cut:])))
    names = set(whole) - {"by_day"}
    assert {name: merged[name] for name in names} == {name: whole[name] for name in names}
    split = [days(fold_events(piece), "2026-01-10") for piece in (events[:cut], events[cut:])]
    if "by_day" in whole and all("by_day" in fold_events(piece) for piece in (events[:cut], events[cut:])):
        assert {day: merge(*(s[day] for s in split if day in s)) for day in whole["by_day"]} == whole[
            "by_day"
        ]


@given(st.integers(0, 2**53))
def test_buckets_are_floor_of_four_log2(us: int) -> None:
    index = bucket(us)
    if us == 0:
        assert index == 0
    else:
        assert 2 ** (index - 1) <= us**4 < 2**index


@pytest.mark.parametrize("q", [0.5, 0.95, 0.99, 1.0])
def test_quantiles_keep_the_declared_error(q: float) -> None:
    chance = random.Random(8)
    values = sorted(round(chance.lognormvariate(8, 2)) + 1 for _ in range(5000))
    events = [tool(1, duration_ms=us / 1000) for us in values]
    found = quantile_us(fold_events(events)["durations"]["tools"]["read"], q)
    exact = values[math.ceil(q * len(values)) - 1]
    assert found is not None
    assert abs(found - exact) / exact <= QUANTILE_ERROR


def test_quantile_of_nothing_and_of_zero() -> None:
    assert quantile_us({}, 0.5) is None
    assert quantile_us({"buckets": {"0": 3}, "max_us": 0}, 0.5) == 0


def test_names_are_bounded() -> None:
    summary = fold_events([tool(n, tool=f"tool{n:03}", duration_ms=n) for n in range(1, 101)])
    tools = summary["durations"]["tools"]
    assert len(tools) == 65
    assert tools["other"]["count"] == 36
    merged = merge(summary, fold_events([tool(1, tool=f"more{n:03}") for n in range(100)]))["durations"][
        "tools"
    ]
    assert len(merged) == 65
    assert sum(histogram["count"] for histogram in merged.values()) == 200


def test_names_that_are_too_long_or_no_text_are_other() -> None:
    tools = fold_events([tool(1, tool="x" * 201), tool(2, tool=7), tool(3, tool="")])["durations"]["tools"]
    assert list(tools) == ["other"]


@pytest.mark.parametrize("value", [-1, 1e300, True, "12", [], {}, 2**60])
def test_hostile_figures_count_as_nothing(value: object) -> None:
    summary = fold_events(
        [llm(1, duration_ms=value, cost_usd=value, prompt_tokens=value, total_tokens=value)]
    )
    assert summary["duration_us"] == 0
    assert summary["cost_nano_usd"] == 0
    assert summary["tokens"]["prompt"] == 0


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(
    [
        "total_events",
        "by_type",
        "tokens",
        "overhead",
        "durations",
        "by_day",
        "redactions",
        "state",
        "tools",
        "buckets",
    ]
)


@given(st.lists(st.dictionaries(names, json_values | st.dictionaries(names, json_values)), max_size=3))
def test_hostile_summaries_merge_without_a_fault(summaries: list[dict[str, object]]) -> None:
    json.dumps(derive(merge(*summaries)))


def test_is_summary() -> None:
    assert is_summary(fold_events([]))
    assert not is_summary({"total_events": 2, "total_duration_ms": 47, "success_rate": 1.0})
    assert not is_summary(None)
    assert not is_summary(fold_events([]) | {"priced": True})


def test_overheads_merge_by_weight_and_bound() -> None:
    one = fold_events([tool(1)] * 3) | {"overhead": {"p50_us": 1, "p99_us": 5, "max_us": 9, "over_budget": 1}}
    two = fold_events([tool(1)]) | {"overhead": {"p50_us": 5, "p99_us": 4, "max_us": 20, "over_budget": 2}}
    assert merge(one, two)["overhead"] == {"p50_us": 2.0, "p99_us": 5, "max_us": 20, "over_budget": 3}
