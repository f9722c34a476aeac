"""Whatever a trace holds, its page is made of whole lines that fit and that a terminal cannot obey."""

import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from t800.cli import page, rows, tree
from t800.cli.show import Filters
from t800.cli.text import dumps

NAMES = st.sampled_from(
    [
        "event_id", "timestamp", "type", "tool", "model", "parameters_redacted", "duration_ms", "success", "parent_id",
        "phase", "agent_id", "message", "error_type", "recovery", "decision_type", "outcome", "phase_name", "status",
        "attributes", "prompt_tokens", "completion_tokens", "cost_usd", "interrupted", "attempted", "file_path",
    ]
)  # fmt: skip
TEXTS = st.one_of(
    st.text(),
    st.sampled_from(
        ["tool_call", "llm_call", "error", "decision", "checkpoint", "evt_001", "evt_002", "PLAN"]
    ),
    st.sampled_from(
        ["2026-01-15T10:30:00Z", "2026-01-15T10:30:00.5+99:99", "\x1b[2J", "日本語", "e\u0301\u200d"]
    ),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=6,
)
EVENTS = st.lists(st.dictionaries(NAMES, VALUES, max_size=10), max_size=8)


def harmless(text: str) -> bool:
    """Whether there is no control, no half of a character, no line break, and nothing that turns text around."""
    return not any(
        unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}
        or unicodedata.bidirectional(character)
        in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
        for character in text
    )


@settings(deadline=None)
@given(events=EVENTS, width=st.sampled_from([1, 7, 40, 80, 200]), failed=st.booleans())
def test_any_events_make_lines_that_fit(events: list[dict[str, Any]], width: int, failed: bool) -> None:
    segments = tree.segments(events)
    every = [node for segment in segments for node in segment.roots]
    on = rows.scale(every, width)
    shown = 0
    for segment in segments:
        lines = [rows.heading(segment, on)]
        found = list(tree.rows(segment.roots, Filters(failed=failed)))
        lines += [rows.line(row, on, "") for row in found]
        shown += len(found) + (segment.checkpoint is not None)
        for line in lines:
            assert harmless(line.plain)
            assert line.cell_len <= max(width, 11)
    assert failed or shown == len(events)


@settings(deadline=None)
@given(events=EVENTS, failed=st.booleans())
def test_lines_that_are_not_printed_are_counted_right(events: list[dict[str, Any]], failed: bool) -> None:
    wanted = Filters(failed=True) if failed else None
    on = rows.scale([], 80)
    for segment in tree.segments(events):
        assert page._count(segment, wanted) == len(list(page._lines(segment, on, wanted)))


@settings(deadline=None)
@given(value=VALUES)
def test_any_value_prints_as_harmless_json(value: object) -> None:
    assert harmless(dumps(value, indent=True).replace("\n", ""))


@pytest.mark.parametrize(
    "summary", [{}, {"tokens": 3, "errors": "x", "overhead": [], "redactions": {"a": "b"}}]
)
def test_a_foreign_summary_is_no_crash(summary: dict[str, Any]) -> None:
    assert rows.totals(summary).startswith("0 events")
    assert rows.margins(summary) == ""
