"""The schema and its laws: what the recorder writes is valid, and every way to be invalid is named."""

from __future__ import annotations

import copy
import json
import os
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.trace_files import STEM, document, error, header_of, llm, make_layout, summary_of, tool, write

from t800.errors import SessionNotFoundError
from t800.reader import resolve
from t800.schema import Problem, trace_schema, validate, validate_session
from t800.schema.checker import Checker

if TYPE_CHECKING:
    from t800.layout import Layout

EVERY_FIELD: list[dict[str, Any]] = [
    tool(
        1,
        result_redacted=["x"],
        tokens_in=0,
        tokens_out=None,
        parent_id=None,
        phase="EXECUTE",
        agent_id="scout",
        source_id="toolu_1",
        attributes={"any": [1, {"thing": None}]},
    ),
    tool(2, duration_ms=None, success=None, interrupted=True, parameters_redacted=None),
    llm(3, provider="x", cached_tokens=1, cache_write_tokens=0, reasoning_tokens=2, ttft_ms=0.5),
    llm(4, messages_redacted=[{"role": "user", "content": "[content hash: a1b2c3]"}], response_redacted="…"),
    {
        "event_id": "evt_005",
        "timestamp": "2026-01-15T10:30:03Z",
        "type": "decision",
        "decision_type": "strategy",
        "outcome": {"plan": 7},
    },
    error(
        6,
        tool="bash",
        duration_ms=30000,
        recovery={"attempted": True, "strategy": "retry_with_shorter_command", "success": True},
    ),
    {
        "event_id": "evt_1007",
        "timestamp": "2026-01-15T10:30:03.123456789Z",
        "type": "checkpoint",
        "phase_name": "PLAN",
        "status": "completed",
        "duration_ms": 7,
        "attributes": {"plan_complexity": 7},
    },
]


def whole(events: list[dict[str, Any]] = EVERY_FIELD) -> dict[str, Any]:
    return header_of() | {"events": events, "summary": summary_of(events)}


def sentences(problems: list[Problem]) -> list[tuple[int, str, str]]:
    return [(problem.line, problem.path, problem.sentence) for problem in problems]


def problems_of(tmp_path: Path, data: bytes, name: str = f"{STEM}.json") -> list[tuple[int, str, str]]:
    return sentences(validate(write(make_layout(tmp_path), data, name)))


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(trace_schema())
    assert trace_schema()["$schema"].endswith("2020-12/schema")


@pytest.mark.parametrize("name", [f"{STEM}.json", f"{STEM}.json.gz"])
@pytest.mark.parametrize("state", ["live", "closed", "recovered"])
def test_a_document_with_every_field_is_valid(tmp_path: Path, state: str, name: str) -> None:
    assert problems_of(tmp_path, document(EVERY_FIELD, state=state), name) == []


def test_no_events_and_several_days_are_valid(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    assert validate(write(layout, document([]))) == []
    assert validate(write(layout, document([tool(1), tool(2, timestamp="2026-01-16T00:00:00Z")]))) == []


SPEC_DOCUMENT = {
    "session_id": "ses_001",
    "timestamp": "2024-01-15T10:00:00Z",
    "events": [
        {
            "event_id": "evt_001",
            "timestamp": "2024-01-15T10:00:01Z",
            "type": "tool_call",
            "tool": "read",
            "parameters_redacted": {"file_path": "src/auth.ts"},
            "duration_ms": 12,
            "success": True,
        },
    ],
    "summary": {"total_events": 2, "total_duration_ms": 47, "success_rate": 1.0},
}


def test_the_smallest_documents_keep_the_schema() -> None:
    assert list(Checker(trace_schema()).check(SPEC_DOCUMENT)) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"tool": 7}, ("/tool", "is 7, which is not of type string or null")),
        ({"colour": "red"}, ("", 'has "colour", which is no field of it')),
        ({"model": "x"}, ("", 'has "model", which is no field of it')),
        ({"duration_ms": -1}, ("/duration_ms", "is -1, which is less than 0")),
        ({"duration_ms": "12"}, ("/duration_ms", 'is "12", which is not of type number or null')),
        ({"success": 1}, ("/success", "is 1, which is not of type boolean or null")),
        ({"tokens_in": 1.5}, ("/tokens_in", "is 1.5, which is not of type integer or null")),
        ({"tokens_in": True}, ("/tokens_in", "is true, which is not of type integer or null")),
        (
            {"timestamp": "2026-01-15 10:30"},
            ("/timestamp", 'is "2026-01-15 10:30", which does not look like'),
        ),
        ({"timestamp": "2026-01-15T10:30:00Z\n"}, ("/timestamp", "does not look like")),
        ({"event_id": "7"}, ("/event_id", "does not look like")),
        ({"attributes": []}, ("/attributes", "is a list, which is not of type object or null")),
        ({"interrupted": False}, ("/interrupted", "is false instead of true")),
        ({"interrupted": True}, ("/success", "is true, which is not of type null")),
        ({"type": "tool"}, ("", 'has the type "tool", which is none of tool_call, llm_call')),
        ({"type": None}, ("", "has the type null, which is none of")),
    ],
)
def test_what_an_event_may_not_be(tmp_path: Path, change: dict[str, Any], expected: tuple[str, str]) -> None:
    found = problems_of(tmp_path, document([tool(1) | change]))
    assert (found[0][0], found[0][1]) == (2, expected[0])
    assert expected[1] in found[0][2]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            b'"session_id":"ses_abc"',
            b'"session_id":7',
            (1, "/session_id", "is 7, which is not of type string"),
        ),
        (
            b'"session_id":"ses_abc"',
            b'"session_id":"x"',
            (1, "/session_id", "is 'x', but the file is named after"),
        ),
        (
            b'"metadata":{',
            b'"metadata":{"part":2,',
            (1, "/metadata/part", "is 2, but the file is named as part 1"),
        ),
        (b'"metadata":', b'"more":1,"metadata":', (1, "", 'has "more", which is no field of it')),
        (b'"events":[\n', b'"events": [\n', (1, "", "is not the first line")),
        (b"},\n{", b"}\n{", (3, "", "the event before it does not end with a comma")),
        (b'\n],"sum', b',\n],"sum', (4, "", "the event before the closing line ends with a comma")),
        (b'],"sum', b'\n],"sum', (4, "", "is empty")),
        (b'],"sum', b'] ,"sum', (4, "", "is torn, or is not the closing line")),
        (b'],"summary":', b'],"x":1,"summary":', (4, "", "is torn, or is not the closing line")),
        (
            b'"total_events":2',
            b'"total_events":3',
            (4, "/summary/total_events", "is 3, but the events add up to 2"),
        ),
        (b'"state":"closed"', b'"state":"open"', (4, "/summary/state", 'is "open", which is none of "live"')),
        (b'"dropped":0', b'"dropped":-1', (4, "/summary/dropped", "is -1, which is less than 0")),
        (b'"dropped":0', b'"lost":0', (4, "/summary", 'has "lost", which is no field of it')),
        (
            b'"success_rate":1.0',
            b'"success_rate":0.5',
            (4, "/summary/success_rate", "is 0.5, but the events add up to 1"),
        ),
        (b'"sum_us":24000', b'"sum_us":24001', (4, "/summary/durations/tools", "24001")),
        (
            b'"errors":0',
            b'"by_day":{"2026-01-15":{"total_events":2}},"errors":0',
            (4, "/summary/by_day", "other days"),
        ),
        (b"evt_002", b"evt_001", (3, "/event_id", "'evt_001' is taken already by line 2")),
        (
            b'"success":true}',
            b'"success":true,"parent_id":"evt_009"}',
            (2, "/parent_id", "which is no event of this session"),
        ),
    ],
)
def test_each_fault_of_a_document_is_named(
    tmp_path: Path, old: bytes, new: bytes, expected: tuple[int, str, str]
) -> None:
    data = document([tool(1), tool(2)])
    assert old in data
    found = problems_of(tmp_path, data.replace(old, new, 1))
    assert any((line, path) == expected[:2] and expected[2] in sentence for line, path, sentence in found), (
        found
    )


def test_cut_off_and_continued_documents(tmp_path: Path) -> None:
    data = document([tool(1), tool(2)])
    assert (3, "", "the closing line with the summary is missing") in problems_of(
        tmp_path / "a", data[: data.index(b"\n]")]
    )
    assert problems_of(tmp_path / "b", data + b"{}\n") == [(5, "", "stands behind the closing line")]
    assert problems_of(tmp_path / "c", data[:-1] + b"    \n") == []


@pytest.mark.parametrize("data", [b"", b"\x00" * 100, b"[1]", b"\x1f\x8b\x08\x00broken", b"[" * 100_000])
def test_files_that_are_none(tmp_path: Path, data: bytes) -> None:
    for name in (f"{STEM}.json", f"{STEM}.json.gz"):
        layout = make_layout(tmp_path / name)
        path = Path(layout.traces, name)
        path.write_bytes(data)
        assert validate(path)


def test_a_missing_file_a_folder_and_a_pipe(tmp_path: Path) -> None:
    with pytest.raises(SessionNotFoundError):
        validate(tmp_path / "none.json")
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "link.json").symlink_to(tmp_path / "pipe.json")
    assert sentences(validate(tmp_path)) == [(0, "", "is not a regular file")]
    assert sentences(validate(tmp_path / "pipe.json")) == [(0, "", "is not a regular file")]
    assert "cannot be read" in sentences(validate(tmp_path / "link.json"))[0][2]


def two_parts(tmp_path: Path, second: dict[str, Any], number: int = 2, state: str = "closed") -> Layout:
    layout = make_layout(tmp_path)
    write(layout, document([tool(1, parent_id="evt_009")]))
    write(layout, document([second], part=number, state=state), f"{STEM}.part{number}.json")
    return layout


def test_parts_are_checked_together(tmp_path: Path) -> None:
    layout = two_parts(tmp_path, tool(9))
    assert validate_session(resolve(layout, "last")) == []
    assert validate(Path(layout.traces, f"{STEM}.json")) == []
    assert validate(Path(layout.traces, f"{STEM}.part2.json")) == []


def test_an_id_of_an_earlier_part_is_taken(tmp_path: Path) -> None:
    found = validate_session(resolve(two_parts(tmp_path, tool(1)), "last"))
    assert "taken already by line 2" in found[0].sentence
    assert "'evt_009', which is no event" in found[1].sentence


def test_a_missing_part_is_told(tmp_path: Path) -> None:
    found = validate_session(resolve(two_parts(tmp_path, tool(9), number=4), "last"))
    assert "follows part 1" in found[0].sentence


def test_parents_of_a_live_session_may_be_open_still(tmp_path: Path) -> None:
    assert validate_session(resolve(two_parts(tmp_path, tool(2), state="live"), "last")) == []


def test_problems_are_bounded(tmp_path: Path) -> None:
    events = [tool(n, colour="red") for n in range(1, 2000)]
    assert len(problems_of(tmp_path, document(events))) == 100


def mutants(document: dict[str, Any], count: int) -> list[Any]:
    """The document with one random place replaced, removed or added to."""
    chance = random.Random(800)
    values: list[Any] = [
        None,
        True,
        0,
        -1,
        1.5,
        2.0,
        "",
        "tool_call",
        "evt_001",
        "2026-01-15T10:30:00Z",
        [],
        {},
        {"x": 1},
        10**20,
    ]
    changed = []
    for _ in range(count):
        mutant: Any = copy.deepcopy(document)
        place = mutant
        while True:
            key = chance.choice(list(place) if isinstance(place, dict) else range(len(place)))
            if not (isinstance(place[key], dict | list) and place[key]) or chance.random() < 0.1:
                break
            place = place[key]
        action = chance.random()
        if action < 0.6:
            place[key] = chance.choice(values)
        elif action < 0.8:
            del place[key]
        elif isinstance(place, dict):
            place[chance.choice(["x", "tool", "type", "2026-01-15"])] = chance.choice(values)
        changed.append(mutant)
    return changed


def test_our_checker_judges_as_jsonschema_does() -> None:
    ours, theirs = Checker(trace_schema()), jsonschema.Draft202012Validator(trace_schema())
    judged = [
        (ours.accepts(mutant, trace_schema()), theirs.is_valid(mutant), mutant)
        for mutant in mutants(whole(), 1500)
    ]
    assert [mutant for one, two, mutant in judged if one != two] == []
    assert 200 < sum(one for one, _, _ in judged) < 1300


SMALL_SCHEMAS = [
    {"type": ["integer", "null"], "minimum": 0, "maximum": 5},
    {"enum": [1, "a", None, True]},
    {"const": 0},
    {"const": False},
    {"type": "string", "minLength": 1, "maxLength": 2, "pattern": "^[a-z]*$"},
    {"anyOf": [{"type": "boolean"}, {"type": "array", "items": {"type": "number"}}]},
    {"type": "object", "propertyNames": {"pattern": "^a"}, "additionalProperties": {"type": "integer"}},
    {
        "required": ["a"],
        "properties": {"a": {"type": "null"}},
        "dependentSchemas": {"b": {"required": ["c"]}},
    },
    {"properties": {"a": {}}, "additionalProperties": False},
]
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 7)
    | st.sampled_from([0.0, 1.0, 2.5, 1e300])
    | st.text("ab\nA", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)


@given(json_values, st.sampled_from(SMALL_SCHEMAS))
def test_each_keyword_means_what_the_standard_says(value: object, schema: dict[str, Any]) -> None:
    assert Checker(schema).accepts(value, schema) == jsonschema.Draft202012Validator(schema).is_valid(value)


def test_an_unknown_keyword_is_never_passed_over() -> None:
    with pytest.raises(KeyError):
        list(Checker({"multipleOf": 2}).check(3))


def test_the_schema_file_is_readable_json() -> None:
    import t800.schema as package

    text = Path(str(package.__file__)).with_name("trace.schema.json").read_text()
    assert json.loads(text) == trace_schema()
