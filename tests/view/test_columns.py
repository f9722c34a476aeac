"""Events as columns: every event comes back out as it went in, whatever is in it."""

from __future__ import annotations

import json
import struct
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.trace_files import error, llm, tool
from tests.view.unpacked import unpacked

from t800.trace_file import NAMED_BY
from t800.view.columns import COUNTS, FIGURES, WORDS, Columns


def there_and_back(*events: dict[str, Any], part_of: int = 0) -> list[dict[str, Any]]:
    columns = Columns()
    for event in events:
        columns.add(event, part_of)
    assert len(columns) == len(events)
    head, body = columns.encoded()
    front = json.dumps({"runs": [head]}).encode()
    packer = zlib.compressobj(wbits=31)
    data = packer.compress(struct.pack("<I", len(front)) + front + b"".join(body)) + packer.flush()
    return unpacked(data)[1][0]


def same(events: list[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps(_plain(event), sort_keys=True) for event in events)


def _plain(value: Any) -> Any:
    """JSON has one kind of number: 12 and 12.0 are the same."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NUMBERS = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)
)
IDS = st.integers(0, 2000).map("evt_{:03}".format) | TEXTS
TIMES = st.datetimes().map(lambda time: time.isoformat(timespec="milliseconds") + "Z") | TEXTS
USUAL = {
    "event_id": IDS,
    "parent_id": IDS,
    "timestamp": TIMES,
    "type": st.sampled_from([*NAMED_BY, "other"]),
    "duration_ms": st.floats(0, 1e7)
    | st.integers(0, 10**6)
    | st.integers(0, 10**9).map(lambda us: us / 1000),
    "success": st.booleans(),
}
FIELDS = [
    *WORDS.values(),
    *NAMED_BY.values(),
    *COUNTS,
    *FIGURES,
    "success",
    "interrupted",
    "message",
    "attributes",
]
EVENTS = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(FIELDS, VALUES) | {field: VALUES | usual for field, usual in USUAL.items()},
)


@given(st.lists(EVENTS, max_size=8))
def test_every_event_comes_back(events: list[dict[str, Any]]) -> None:
    assert same(there_and_back(*events)) == same(events)


@given(st.lists(st.fixed_dictionaries(USUAL), max_size=30))
def test_usual_events_come_back(events: list[dict[str, Any]]) -> None:
    assert same(there_and_back(*events)) == same(events)


def test_rows_stand_as_the_events_began() -> None:
    inside = tool(2, parent_id="evt_001")
    assert there_and_back(tool(3), inside, tool(1)) == [tool(1), inside, tool(3)]


def test_nothing_of_a_usual_event_but_its_values_is_left_for_the_text() -> None:
    columns = Columns()
    columns.add(llm(1, phase="PLAN", agent_id="reviewer", cached_tokens=7, ttft_ms=120.5))
    columns.add(tool(2, parent_id="evt_001", tokens_in=0, tokens_out=12))
    head, body = columns.encoded()
    assert head["text"] == len(b'{"parameters_redacted":{"file_path":"src/2.py"}}')
    assert [piece for piece in body if piece.startswith(b"{")] == [
        b'{"parameters_redacted":{"file_path":"src/2.py"}}'
    ]


@pytest.mark.parametrize(
    "odd",
    [
        {"parent_id": "evt_999"},
        {"parent_id": "evt_001"},
        {"parent_id": 7},
        {"event_id": "evt_1"},
        {"event_id": "evt_000"},
        {"event_id": None},
        {"timestamp": "2024-01-15T10:30:01Z"},
        {"timestamp": "2024-02-30T10:30:01.000Z"},
        {"timestamp": "0001-01-01T00:00:00.000Z"},
        {"timestamp": "2024-01-15T10:30:01.\u0660\u0660\u0660Z"},
        {"duration_ms": 0.0001},
        {"duration_ms": -1},
        {"duration_ms": 1e300},
        {"duration_ms": "12"},
        {"duration_ms": True},
        {"tokens_in": True},
        {"tokens_in": 2**53},
        {"tokens_in": 2**80},
        {"success": 1},
        {"interrupted": False},
        {"tool": "x" * 1000},
        {"tool": {"a": 1}},
        {"__proto__": {"a": 1}},
        {"type": ["tool_call"]},
        {"type": "unheard_of"},
    ],
)
def test_odd_fields_come_back(odd: dict[str, Any]) -> None:
    event = tool(1) | odd
    assert same(there_and_back(event)) == same([event])


def test_very_many_names_stay_with_their_events() -> None:
    events = [tool(number, tool=f"tool {number}") for number in range(1, 66_000)]
    assert there_and_back(*events)[65_990]["tool"] == "tool 65991"


def test_deep_values_come_back() -> None:
    deep: Any = 1
    for _ in range(600):
        deep = [deep]
    assert there_and_back(error(1, attributes=deep)) == [error(1, attributes=deep)]


def test_sessions_that_began_inside_keep_their_own_ids() -> None:
    columns = Columns()
    columns.add(tool(1, parent_id=None), 1)
    columns.add(tool(1), 0)
    columns.add(tool(2, parent_id="evt_001"), 1)
    head, body = columns.encoded()
    assert head["rows"] == 3
    plain = b"".join(body)
    part_of = next(at for at, (name, _) in enumerate(head["columns"]) if name == "part_of")
    before = sum(width for _, width in head["columns"][:part_of])
    assert plain[before * 3 : before * 3 + 3] == bytes([0, 1, 1])


def test_nothing_is_a_page_too() -> None:
    assert there_and_back() == []
