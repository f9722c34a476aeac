"""`t800 diff`: which steps are the same, changed, gone, new."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.trace_files import document, error, llm, tool, write

from t800 import diff as comparing
from t800.cli import main
from t800.layout import Layout

A, B = "2026-01-15_10-00-00_ses_one", "2026-01-15_11-00-00_ses_two"


def both(layout: Layout, first: list[dict[str, Any]], second: list[dict[str, Any]], **metadata: Any) -> None:
    write(layout, document(first, stem=A, **metadata), f"{A}.json")
    write(layout, document(second, stem=B, **metadata), f"{B}.json")


def outline(first: list[dict[str, Any]], second: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    pairs = comparing.compare(first, second)
    return [
        (pair.kind, (pair.first or {}).get("event_id", ""), (pair.second or {}).get("event_id", ""))
        for pair in pairs
    ]


def test_steps_are_aligned_by_what_they_do() -> None:
    first = [tool(1), tool(2), llm(3), tool(4, tool="edit", parameters_redacted={"file_path": "x"}), error(5)]
    second = [
        tool(1, parameters_redacted={"file_path": "src/1.py"}),
        tool(2, tool="grep"),
        tool(3, parameters_redacted={"file_path": "src/2.py"}),
        llm(4),
        tool(5, tool="edit", parameters_redacted={"file_path": "y"}),
    ]
    assert outline(first, second) == [
        ("same", "evt_001", "evt_001"),
        ("added", "", "evt_002"),
        ("same", "evt_002", "evt_003"),
        ("same", "evt_003", "evt_004"),
        ("changed", "evt_004", "evt_005"),
        ("removed", "evt_005", ""),
    ]


def test_steps_stand_in_the_order_in_which_they_began() -> None:
    assert outline([tool(2), tool(1)], [tool(1), tool(2)]) == [
        ("same", "evt_001", "evt_001"), ("same", "evt_002", "evt_002"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ({"success": True}, {"success": False}, ["success"]),
        ({"duration_ms": 10}, {"duration_ms": 19}, []),  # not by 10 ms
        ({"duration_ms": 100}, {"duration_ms": 140}, []),  # not by half
        ({"duration_ms": 100}, {"duration_ms": 150}, ["duration_ms"]),
        ({"duration_ms": 150}, {"duration_ms": 100}, ["duration_ms"]),
        ({"duration_ms": None}, {"duration_ms": 100}, []),
        ({"tokens_in": 5}, {"tokens_in": 6}, ["tokens_in"]),
        ({"interrupted": True}, {}, ["interrupted"]),
    ],
)
def test_what_counts_as_a_change(before: dict[str, Any], after: dict[str, Any], changes: list[str]) -> None:
    (pair,) = comparing.compare([tool(1, **before)], [tool(1, **after)])
    assert list(pair.changes) == changes


KINDS = st.lists(st.sampled_from(["read", "edit", "bash"]), max_size=30)


@given(first=KINDS, second=KINDS, exact=st.booleans())
def test_no_step_is_lost_or_moved(first: list[str], second: list[str], exact: bool) -> None:
    a = [tool(n, tool=name, parameters_redacted={"n": n % 2}) for n, name in enumerate(first, 1)]
    b = [tool(n, tool=name, parameters_redacted={"n": n % 2}) for n, name in enumerate(second, 1)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparing, "_MOST_CELLS", 10**9 if exact else 0)
        pairs = comparing.compare(a, b)
    assert [pair.first for pair in pairs if pair.first is not None] == a
    assert [pair.second for pair in pairs if pair.second is not None] == b
    for pair in pairs:
        assert pair.first is None or pair.second is None or pair.first["tool"] == pair.second["tool"]


@given(steps=KINDS)
def test_a_session_is_the_same_as_itself(steps: list[str]) -> None:
    events = [tool(n, tool=name) for n, name in enumerate(steps, 1)]
    assert {pair.kind for pair in comparing.compare(events, events)} <= {"same"}


def test_long_sessions_are_aligned_too() -> None:
    first = [tool(n, parameters_redacted={"n": n % 7}) for n in range(1, 20_001)]
    second = [tool(n, parameters_redacted={"n": n % 7}) for n in range(1, 20_001) if n % 100]
    kinds = [pair.kind for pair in comparing.compare(first, second)]
    assert kinds.count("same") > 19_000
    assert kinds.count("removed") - kinds.count("added") == 200


def test_the_page(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    first = [tool(1), tool(2), tool(3, tool="bash", duration_ms=100, success=False), error(4)]
    second = [
        tool(1),
        tool(2),
        tool(3, tool="bash", duration_ms=200, parameters_redacted={"command": "x" * 99}),
    ]
    both(layout, first, [*second, llm(4)])
    assert main(["diff", "ses_one", "ses_two"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("A  t800  ses_one  2026-01-15 10:00:00 UTC")
    assert "1 step changed · 1 step only in A · 1 step only in B · 2 steps the same" in lines
    assert "  … 2 equal steps" in lines
    (changed,) = [line for line in lines if line.startswith("~ bash")]
    assert "failed → ok · 100 ms → 200 ms" in changed
    assert [line for line in lines if line.startswith("-")] == [
        "- TOOL_TIMEOUT  Command exceeded 30000ms timeout"
    ]
    assert [line for line in lines if line.startswith("failed calls")] == [
        "failed calls           1       0   -100 %"
    ]
    assert main(["diff", "ses_one", "ses_two", "--all", "--limit", "1"]) == 0
    page = capsys.readouterr().out
    assert "= read  src/1.py" in page
    assert "… 4 more lines: --limit 0 prints all" in page


def test_json(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    both(layout, [tool(1), tool(2)], [tool(1, success=False)])
    assert main(["diff", "ses_one", "ses_two", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["counts"] == {"changed": 1, "removed": 1, "added": 0, "same": 0}
    assert (told["a"]["session_id"], told["b"]["summary"]["failed"]) == ("ses_one", 1)
    assert told["steps"] == [
        {"kind": "changed", "type": "tool_call", "tool": "read", "a": "evt_001", "b": "evt_001",
         "changes": {"success": {"a": True, "b": False}}},
        {"kind": "removed", "type": "tool_call", "tool": "read", "a": "evt_002", "changes": {}},
    ]  # fmt: skip


def test_hostile_values(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    evil = "\x1b[2J\u202e日本語" * 60
    odd = [
        tool(1, tool=evil, message=[evil]),
        {"type": ["x"], "event_id": 5},
        {"event_id": None, "success": "?"},
    ]
    both(layout, odd, [tool(1, tool=evil, message={evil: 1}, cost_usd="x"), llm(2, model=evil)], agent=evil)
    assert main(["diff", "ses_one", "ses_two"]) == 0
    printed = capsys.readouterr().out
    assert all(character.isprintable() or character == "\n" for character in printed)
    assert main(["diff", "ses_one", "ses_two", "--json"]) == 0


def test_wrong_names_and_missing_ones(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    both(layout, [tool(1)], [tool(1)])
    assert main(["diff", "ses_one", "ses_tow"]) == 3
    assert "ses_two" in capsys.readouterr().err
    assert main(["diff", "ses_one"]) == 2
    assert "'B'" in capsys.readouterr().err
