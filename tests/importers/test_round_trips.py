"""What T-800 has exported comes back as it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.export.exported import HOSTILE, events, hostile
from tests.importers import transcripts
from tests.importers.folders import bytes_of, counts, holds, named, put
from tests.trace_files import STEM, document, make_layout, tool, write

import t800
from t800 import export, reader
from t800.layout import Layout, telemetry_dir

Json = dict[str, Any]


def exported(layout: Layout, file: Path, form: str) -> Path:
    with export.replaced(str(file)) as out:
        export.FORMATS[form].write(export.read(list(reader.sessions(layout))), out)
    return file


@pytest.fixture
def elsewhere(tmp_path: Path, project: Path) -> Layout:
    """A telemetry folder of somebody else."""
    (tmp_path / "elsewhere").mkdir()
    return make_layout(tmp_path / "elsewhere")


def as_they_were(found: list[Json], session: str) -> dict[tuple[str, str], Json]:
    """Events with the ids that they get at their import."""
    return named([{"source_id": f"{session}:{event['event_id']}"} | event for event in found])


@pytest.mark.parametrize("form", ["jsonl", "otlp"])
def test_all_comes_back(elsewhere: Layout, tmp_path: Path, form: str) -> None:
    write(elsewhere, document(events()))
    file = exported(elsewhere, tmp_path / "out", form)
    ((new, *_),) = counts(file)
    assert new == 8
    (trace,) = reader.sessions(telemetry_dir())
    assert (trace.session_id, trace.metadata["agent"], trace.metadata["imported"]) == (
        "ses_abc",
        "t800",
        form,
    )
    assert named(list(trace.events())) == as_they_were(events(), "ses_abc")
    assert counts(file) == [(0, 0, 8, 0)]


@pytest.mark.parametrize("form", ["jsonl", "otlp"])
def test_what_was_really_recorded_comes_back(project: Path, tmp_path: Path, form: str) -> None:
    with t800.session(agent="a", session_id="ses_real", enabled=True) as trace:
        with (
            trace.phase("PLAN"),
            trace.agent("sub"),
            trace.tool("read", {"file_path": "a.py", "n": [1, 2.5, None]}) as call,
        ):
            call.result({"content": "text", "exit_code": 0})
        with (
            pytest.raises(ValueError, match="wrong"),
            trace.llm("claude-sonnet-4", [{"role": "user", "content": "x"}]) as call,
        ):
            call.usage(prompt_tokens=5, completion_tokens=7)
            raise ValueError("wrong")
        trace.decision("strategy", outcome=["a", {"b": None}])
        trace.llm_call("gpt-5", prompt_tokens=1, completion_tokens=2, cost_usd=0.5)
        trace.pre_tool("never", {"x": 1})
    before = list(next(reader.sessions(telemetry_dir())).events())
    file = exported(telemetry_dir(), tmp_path / "out", form)
    Path(str(trace.path)).unlink()
    put(file)
    (found,) = reader.sessions(telemetry_dir())
    assert named(list(found.events())) == as_they_were(before, "ses_real")


@pytest.mark.parametrize("form", ["jsonl", "otlp"])
def test_a_session_that_is_here_is_not_imported_again(project: Path, tmp_path: Path, form: str) -> None:
    with t800.session(session_id="ses_real", enabled=True) as trace:
        trace.record({"type": "tool_call", "tool": "x", "source_id": "s1"})
        # Of those that do not say where they came from the number is known.
        trace.tool_call("y")
    file = exported(telemetry_dir(), tmp_path / "out", form)
    before = bytes_of(Path(telemetry_dir().traces))
    assert counts(file) == [(0, 0, 0, 2)]
    assert bytes_of(Path(telemetry_dir().traces)) == before


@pytest.mark.parametrize("form", ["jsonl", "otlp"])
def test_several_sessions(elsewhere: Layout, tmp_path: Path, form: str) -> None:
    write(elsewhere, document(events()))
    write(
        elsewhere,
        document(events(), stem="2026-01-16_10-30-00_ses_other", agent="b"),
        "2026-01-16_10-30-00_ses_other.json",
    )
    put(exported(elsewhere, tmp_path / "out", form))
    found = {trace.session_id: trace.metadata["agent"] for trace in reader.sessions(telemetry_dir())}
    assert found == {"ses_abc": "t800", "ses_other": "b"}


@pytest.mark.parametrize("form", ["jsonl", "otlp"])
def test_a_secret_that_somebody_has_put_in_does_not_come_back(
    elsewhere: Layout, project: Path, tmp_path: Path, form: str
) -> None:
    lost = transcripts.CANARY
    told = [
        {**event, "attributes": {"note": f"use {lost}", "password": transcripts.PASSWORD}}
        for event in events()
    ]
    told[5]["outcome"] = lost
    told[3]["message"] = lost
    write(elsewhere, document(told))
    file = exported(elsewhere, tmp_path / "out", form)
    assert holds(tmp_path / "elsewhere", lost)
    put(file)
    assert holds(project, lost) == holds(project, transcripts.PASSWORD) == []


@pytest.mark.parametrize("form", ["jsonl", "otlp"])
def test_hostile_events_are_taken_as_far_as_they_can_be(elsewhere: Layout, tmp_path: Path, form: str) -> None:
    write(elsewhere, hostile(), f"{STEM}.json")
    notes: list[tuple[str, int, str]] = []
    put(exported(elsewhere, tmp_path / "out", form), notes=notes)
    (trace,) = reader.sessions(telemetry_dir())
    found = list(trace.events())
    kinds = [
        event["type"]
        for event in HOSTILE
        if event.get("type") in ("tool_call", "llm_call", "error", "checkpoint")
    ]
    assert sorted(event["type"] for event in found) == sorted(kinds)
    assert trace.damage == []
    assert [problem for _, _, problem in notes] == (
        ["the line is no event of a session"] * 2 if form == "jsonl" else []
    )


@pytest.mark.parametrize("form", ["jsonl", "otlp"])
def test_ids_of_a_source_that_look_like_ours_mislead_nobody(
    elsewhere: Layout, tmp_path: Path, form: str
) -> None:
    told = [tool(n, source_id=f"evt_{6 - n:03}", tool=f"t{n}") for n in range(1, 6)]
    told[3]["parent_id"] = "evt_002"
    write(elsewhere, document(told))
    put(exported(elsewhere, tmp_path / "out", form))
    (trace,) = reader.sessions(telemetry_dir())
    found = {event["tool"]: event for event in trace.events()}
    assert found["t4"]["parent_id"] == found["t2"]["event_id"]
    assert found["t2"]["source_id"] == "ses_abc:evt_004"
    assert [event.get("parent_id") for event in found.values()].count(None) == 4


def test_a_parent_that_ended_after_its_children_is_found(elsewhere: Layout, tmp_path: Path) -> None:
    told = [{**event, "timestamp": "2026-01-15T10:30:01.000Z"} for event in events()]
    write(elsewhere, document(told))
    put(exported(elsewhere, tmp_path / "out", "jsonl"))
    (trace,) = reader.sessions(telemetry_dir())
    found = named(list(trace.events()))
    assert found["tool_call", "ses_abc:evt_004"]["parent"] == "tool_call toolu_1"
    assert json.dumps(found["error", "ses_abc:evt_005"]["parent"]) == '"tool_call toolu_1"'
