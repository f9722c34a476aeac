"""Files that are not what they seem: what cannot be read is told, the rest is taken, nothing is raised."""

from __future__ import annotations

import copy
import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.export.exported import events
from tests.importers import transcripts
from tests.importers.folders import put
from tests.importers.test_otlp import AGENT, CHAT, TOOL, request, span
from tests.importers.transcripts import lines, written

from t800 import reader
from t800.importers import FORMATS, read
from t800.importers.source import Source, find
from t800.layout import telemetry_dir

Notes = list[tuple[str, int, str]]


def exports() -> list[Any]:
    return [{"session_id": "s", "agent": "a", **event} for event in events()]


def spans() -> list[Any]:
    made = [
        span("a1", "", "x", 0, 9, AGENT),
        span("c1", "a1", "x", 1, 5, CHAT),
        span("t1", "c1", "x", 2, 1, TOOL),
    ]
    return [request(one) for one in made]


SOURCES: dict[str, Callable[[], list[Any]]] = {
    "claude": transcripts.claude, "codex": transcripts.codex, "jsonl": exports, "otlp": spans,
    "opencode": lambda: [transcripts.opencode()],
}  # fmt: skip
ODD = [
    None,
    7,
    -1,
    1.5,
    True,
    "",
    "x\x00\x1b[31m\u202e",
    "../../etc/passwd",
    [],
    [1, None, ["x"]],
    {},
    {"a": {"b": 1}},
    10**30,
    "9" * 50,
]


def taken(path: Path, form: str | None = None) -> tuple[list[Any], Notes]:
    notes: Notes = []
    found = [
        list(session.items)
        for _, session in read([Source(str(path))], lambda *note: notes.append(note), form)
    ]
    return [item for items in found for item in items], notes


def spoil(value: Any, chance: random.Random) -> None:
    """Put something odd into one place of a value."""
    places: list[tuple[Any, Any]] = []

    def walk(inner: Any) -> None:
        keys = (
            list(inner) if isinstance(inner, dict) else range(len(inner)) if isinstance(inner, list) else ()
        )
        for key in keys:
            places.append((inner, key))
            walk(inner[key])

    walk(value)
    for _ in range(chance.choice([1, 1, 3, 10])):
        container, key = chance.choice(places)
        if isinstance(container, list) or key in container:
            container[key] = copy.deepcopy(chance.choice(ODD))


@pytest.mark.parametrize("form", FORMATS)
@given(seed=st.integers(0, 1 << 32))
def test_wrong_types_in_any_place(tmp_path_factory: pytest.TempPathFactory, form: str, seed: int) -> None:
    values = SOURCES[form]()
    spoil(values, random.Random(seed))
    path = tmp_path_factory.getbasetemp() / f"spoilt-{form}-{os.getpid()}"
    path.write_bytes(b"".join(json.dumps(value).encode() + b"\n" for value in values))
    items, _ = taken(path, form)
    for item in items:
        assert item.event["type"] in {"tool_call", "llm_call", "decision", "error", "checkpoint"}
        assert isinstance(item.key, str)
        assert item.parent is None or isinstance(item.parent, str)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("form", FORMATS)
def test_what_is_odd_is_recorded_and_valid(project: Path, tmp_path: Path, form: str, seed: int) -> None:
    values = SOURCES[form]()
    chance = random.Random(seed)
    for _ in range(8):
        spoil(values, chance)
    # What names its session stays.
    path = written(
        tmp_path / "a.jsonl", lines(*SOURCES[form](), *values) if form != "opencode" else lines(*values)
    )
    put(path, form=form, notes=[])
    for trace in reader.sessions(telemetry_dir()):
        assert list(trace.events())
        assert trace.damage == []
        assert Path(trace.parts[0].path).parent == Path(telemetry_dir().traces)


@pytest.mark.parametrize("form", ["claude", "codex", "jsonl", "otlp"])
def test_bad_lines_are_told_and_the_rest_is_taken(tmp_path: Path, form: str) -> None:
    good = [json.dumps(value).encode() for value in SOURCES[form]()]
    whole, _ = taken(written(tmp_path / "good", b"\n".join(good) + b"\n"))
    deep = b'{"a":' * 5000 + b"1" + b"}" * 5000
    bad = [b"\xff\x00\x01 binary", b"[1, 2]", deep, b"", b"   ", b'{"type": NaN}', b"null"]
    data = b"\n".join([good[0], *bad, *good[1:], good[-1][:-9]])
    items, notes = taken(written(tmp_path / "bad", data))
    assert len(items) == len(whole)
    assert [line for _, line, _ in notes] == [2, 3, 4, 7, 8, len(good) + 8]
    assert {problem for *_, problem in notes[:-1]} == {"the line is no JSON object"}
    assert notes[-1][2] == "the last line is torn, or is no JSON object"


def test_a_huge_line_is_passed_over(tmp_path: Path) -> None:
    first, *rest = transcripts.claude()
    path = tmp_path / "a.jsonl"
    with path.open("wb") as file:
        file.write(lines(first))
        file.write(b'{"x":"')
        for _ in range(33):
            file.write(b"y" * (1 << 20))
        file.write(b'"}\n' + lines(*rest))
    items, notes = taken(path)
    assert len(items) == 9
    assert [note[1:] for note in notes] == [(2, "the line is longer than 32 MiB")]


def test_no_name_of_a_session_leads_out_of_the_folder(project: Path, tmp_path: Path) -> None:
    names = [
        "../../outside",
        "/etc/passwd",
        "a\x00b",
        "\x1b[31mred",
        "CON",
        "x" * 5000,
        "..",
        "con.json",
        "\ud800",
    ]
    told = [{"session_id": name, "type": "decision", "decision_type": "x", "event_id": "evt_001",
             "timestamp": "2026-01-15T10:30:00.000Z"} for name in names]  # fmt: skip
    results = put(written(tmp_path / "a.jsonl", lines(*told)), notes=[])
    # orjson takes no lone surrogate, so that line is told.
    assert len(results) == len(names) - 1
    assert len({result.session_id for result in results}) == len(results)
    found = [path.relative_to(project).parts[:3] for path in project.rglob("*") if path.is_file()]
    assert {parts[:2] for parts in found} == {(".opencode", "telemetry")}
    assert len(list(reader.sessions(telemetry_dir()))) == len(results)


@pytest.mark.parametrize(
    "content", [b"", b"\x00" * 100, b"hello\n", b"{}", b"[]", b'{"a": 1}\n' * 100, b"\xef\xbb\xbf{}"]
)
def test_a_file_of_no_format(tmp_path: Path, content: bytes) -> None:
    items, notes = taken(written(tmp_path / "a", content))
    assert items == []
    assert [note[1:] for note in notes] == [
        (0, "is of no known format. Known are opencode, claude, codex, otlp, jsonl")
    ]


def test_a_trace_file_is_told(tmp_path: Path) -> None:
    from tests.trace_files import document

    _, [(_, _, problem)] = taken(written(tmp_path / "a.json", document(events())))
    assert problem.startswith("is a trace file already. `t800 show ")


def test_pipes_folders_devices_and_what_is_not_there(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, told in (
        (tmp_path / "pipe", "is not a regular file"), (Path("/dev/zero"), "is not a regular file"),
        (tmp_path / "none", "cannot be read (No such file or directory)"),
    ):  # fmt: skip
        for form in (None, *FORMATS):
            items, notes = taken(path, form)
            assert items == []
            assert [problem for *_, problem in notes] == [told]


def test_a_folder_is_searched_but_its_links_are_not_followed(tmp_path: Path) -> None:
    transcripts.claude_files(tmp_path / "in")
    transcripts.codex_file(tmp_path / "in" / "deep" / "er")
    written(tmp_path / "in" / "notes.txt", b"x")
    written(tmp_path / "in" / "other.json", b"{}")
    written(tmp_path / "outside.jsonl", lines(*exports()))
    (tmp_path / "in" / "link.jsonl").symlink_to(tmp_path / "outside.jsonl")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    notes: Notes = []
    found = [
        (form, one.host_id)
        for form, one in read(find([str(tmp_path / "in")]), lambda *note: notes.append(note))
    ]
    assert sorted(found) == [("claude", transcripts.CLAUDE), ("codex", transcripts.CODEX)]
    assert notes == []


def test_a_link_to_a_sub_agent_is_not_followed(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", lines(*transcripts.claude()))
    agent = written(tmp_path / "elsewhere.jsonl", lines(*transcripts.claude_agent()))
    (tmp_path / "a" / "subagents").mkdir(parents=True)
    (tmp_path / "a" / "subagents" / "agent-a1.jsonl").symlink_to(agent)
    items, _ = taken(path)
    assert not [item for item in items if item.event.get("agent_id")]


def test_spans_that_go_in_circles(tmp_path: Path) -> None:
    made = [
        span("c1", "t1", "x", 0, 9, CHAT),
        span("t1", "c1", "x", 1, 5, TOOL),
        span("c2", "c2", "x", 2, 1, CHAT),
    ]
    items, notes = taken(written(tmp_path / "a.jsonl", lines(request(*made))))
    assert notes == []
    assert {item.key for item in items} == {"c1", "t1"}
