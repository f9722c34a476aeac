"""Traces of every version that was ever released, read by this one; and traces of a later one."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from tests.compat.make import COUNTED, contents, document
from tests.trace_files import compact, make_layout
from tests.view.unpacked import data_of, unpacked

import t800
from t800 import reader, view
from t800.aggregate import daily
from t800.cli import main
from t800.layout import Layout
from t800.reader import FORMAT, SessionTrace
from t800.schema import trace_schema, validate_session

FOLDER = Path(__file__).parent
VERSIONS = sorted(path.name for path in FOLDER.iterdir() if (path / "expected.json").is_file())
NEWER = FORMAT + 7
Json = dict[str, Any]


def expected(version: str) -> Json:
    found: Json = json.loads((FOLDER / version / "expected.json").read_text(encoding="utf-8"))
    return found


EVERY = [(version, session) for version in VERSIONS for session in expected(version)]
each_version = pytest.mark.parametrize("version", VERSIONS)
each_session = pytest.mark.parametrize(("version", "session"), EVERY)


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("T800_DIR", str(tmp_path / "telemetry"))
    return make_layout(tmp_path)


def old(layout: Layout, version: str) -> Layout:
    """A telemetry folder as that version has left it."""
    for folder in ("traces", "aggregated"):
        for source in (FOLDER / version / folder).iterdir():
            shutil.copyfile(source, target := Path(layout.telemetry, folder, source.name))
            target.chmod(0o600)
    return layout


def of_session(layout: Layout, session: str) -> SessionTrace:
    (found,) = [trace for trace in reader.sessions(layout) if trace.session_id == session]
    return found


def events(version: str, session: str) -> list[Json]:
    """A session's events by Python's own JSON."""
    files = [FOLDER / version / "traces" / name for name in expected(version)[session]["files"]]
    return [event for file in files for event in document(file)["events"]]


@each_version
def test_golden_traces_are_what_they_were(version: str) -> None:
    assert contents(FOLDER / version / "traces") == expected(version)


def test_the_newest_golden_traces_have_everything() -> None:
    version = VERSIONS[-1]
    documents = [document(path) for path in (FOLDER / version / "traces").iterdir()]
    types = trace_schema()["$defs"]["event"]["oneOf"]
    found = {event["type"] for whole in documents for event in whole["events"]}
    assert found == {kind["$ref"].rpartition("/")[2] for kind in types}
    assert {whole["summary"]["state"] for whole in documents} == {"live", "closed", "recovered"}
    told = [whole["metadata"] for whole in documents]
    assert {metadata["version"] for metadata in told} == {version}
    assert any(metadata.get("mode") == "flight" for metadata in told)
    assert any(metadata.get("part") == 2 for metadata in told)
    assert any("parent_session_id" in metadata for metadata in told)
    assert {"golden", "claude-code"} == {metadata["agent"] for metadata in told}
    assert any(event.get("interrupted") for whole in documents for event in whole["events"])
    assert any(name.endswith(".gz") for told in expected(version).values() for name in told["files"])


@each_session
def test_every_event_is_read_as_it_stands(version: str, session: str, layout: Layout) -> None:
    trace = of_session(old(layout, version), session)
    assert list(trace.events()) == events(version, session)
    assert trace.damage == []
    assert trace.newer is None


@each_session
def test_summaries_add_up_as_they_did(version: str, session: str, layout: Layout) -> None:
    trace, told = of_session(old(layout, version), session), expected(version)[session]["parts"]
    summary = trace.summary()
    for name in COUNTED:
        if name in ("by_type", "tokens", "redactions"):
            names = {key for part in told for key in part[name]}
            assert summary[name] == {key: sum(part[name].get(key, 0) for part in told) for key in names}
        elif name != "state":
            assert summary[name] == sum(part[name] for part in told)
    assert trace.state(summary) == ("died" if session == "killed" else told[-1]["state"])


@each_session
def test_traces_are_valid(version: str, session: str, layout: Layout) -> None:
    assert validate_session(of_session(old(layout, version), session)) == []


@each_session
def test_pages_show_every_event(version: str, session: str, layout: Layout) -> None:
    trace, wanted = of_session(old(layout, version), session), events(version, session)
    head, (shown,) = unpacked(data_of(view.page([[trace]])))
    assert sorted(event["event_id"] for event in shown) == sorted(event["event_id"] for event in wanted)
    assert head["runs"][0]["sessions"][0]["session_id"] == session


@each_session
def test_commands_read_them(
    version: str, session: str, layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    trace, wanted = of_session(old(layout, version), session), events(version, session)
    assert main(["show", trace.stem, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["events"] == wanted
    assert main(["show", trace.stem, "--limit", "0"]) == 0
    shown = capsys.readouterr().out
    assert all(event["tool"] in shown for event in wanted if event["type"] == "tool_call")
    assert "damaged" not in shown
    assert main(["stats", trace.stem, "--json"]) == 0
    counted = json.loads(capsys.readouterr().out)
    # Of a family, the parent's figures are those of all.
    assert counted["events"] >= len(wanted)
    assert {event["tool"] for event in wanted if event["type"] == "tool_call"} <= counted["tools"].keys()


@each_version
def test_commands_over_all_of_them(version: str, layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    old(layout, version)
    told = expected(version)
    total = sum(part["total_events"] for session in told.values() for part in session["parts"])
    assert main(["validate"]) == 0
    assert main(["ls", "-n", "0", "--json"]) == 0
    listed = capsys.readouterr().out
    assert {session["session_id"] for session in json.loads(listed[listed.index("[") :])} == told.keys()
    assert main(["stats", "--since", "2000-01-01", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["events"] == total
    assert main(["search", "--tool", "*", "-n", "0", "--json"]) == 0
    calls = sum(session["types"].get("tool_call", 0) for session in told.values())
    errors = sum(
        1
        for session in told
        for event in events(version, session)
        if event["type"] == "error" and "tool" in event
    )
    assert len(json.loads(capsys.readouterr().out)) == calls + errors
    assert main(["export", "--since", "2000-01-01", "--format", "jsonl"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == total


@each_version
def test_days_are_read_and_added_to(version: str, layout: Layout) -> None:
    old(layout, version)
    dates = [path.name[:10] for path in Path(layout.aggregated).iterdir()]
    before = {date: daily.load(layout, date) for date in dates}
    assert main(["aggregate"]) == 0
    for date in dates:
        assert before[date]["summary"]["total_events"] > 0
        assert daily.load(layout, date)["sessions"].items() >= before[date]["sessions"].items()
    assert main(["aggregate", "--verify"]) == 0


@each_session
def test_the_old_schema_still_describes_them(version: str, session: str) -> None:
    schema = json.loads((FOLDER / version / "trace.schema.json").read_text(encoding="utf-8"))
    for name in expected(version)[session]["files"]:
        jsonschema.validate(document(FOLDER / version / "traces" / name), schema)


def lenient(schema: Any) -> Any:
    """A schema as a reader of that version takes it: what it does not know is none of its business."""
    if isinstance(schema, dict):
        return {name: lenient(inner) for name, inner in schema.items() if name != "additionalProperties"}
    return [lenient(inner) for inner in schema] if isinstance(schema, list) else schema


@each_version
def test_a_reader_of_that_version_understands_what_is_recorded_now(
    version: str, project: Path, read_trace: Any
) -> None:
    """No field that it knows has got another type, and none that it needs is gone."""
    schema = lenient(json.loads((FOLDER / version / "trace.schema.json").read_text(encoding="utf-8")))
    with t800.session(agent="now", enabled=True) as trace:
        with trace.phase("PLAN"), trace.tool("read", {"n": 1}) as call:
            call.result("x")
        trace.llm_call("m", prompt_tokens=1, completion_tokens=2, cost_usd=0.5, duration_ms=3)
        trace.error("E", "m", recovery={"attempted": True})
        trace.decision("strategy", outcome="x")
        trace.pre_tool("left open", {})
    document = read_trace(trace)
    jsonschema.validate(document, schema)
    broken = copy.deepcopy(document)
    broken["events"][0]["timestamp"] = 7
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, schema)


# What a later version may write.


@pytest.fixture
def later(layout: Layout) -> tuple[SessionTrace, list[Json]]:
    """A trace in a newer format, with fields and a type of event that nobody knows, and its events."""
    source = next((FOLDER / VERSIONS[-1] / "traces").glob("*_complete.json"))
    whole = document(source)
    whole["metadata"] |= {"schema": NEWER, "novel": {"deep": [1]}}
    whole["novel"] = "a"
    for event in whole["events"]:
        event["novel"] = {"deep": [None]}
    found: list[Json] = whole["events"]
    stranger = {
        "event_id": "evt_900",
        "timestamp": whole["timestamp"],
        "type": "handoff",
        "to": "the reviewer",
    }
    found.insert(3, stranger)
    whole["summary"]["total_events"] += 1
    whole["summary"]["by_type"]["handoff"] = 1
    whole["summary"]["novel"] = {"deep": 2}
    path = Path(layout.traces, source.name)
    path.write_bytes(b"".join(lines(whole)))
    path.chmod(0o600)
    return of_session(layout, "complete"), found


def lines(whole: Json) -> Iterator[bytes]:
    """A document as the recorder writes it, with everything that is in it."""
    found, summary = whole["events"], whole["summary"]
    head = {name: value for name, value in whole.items() if name not in ("events", "summary")}
    yield compact(head)[:-1] + b',"events":[\n'
    yield b",\n".join(map(compact, found))
    yield b'\n],"summary":' + compact(summary) + b"}\n"


def test_a_newer_format_is_read_without_loss(later: tuple[SessionTrace, list[Json]]) -> None:
    trace, wanted = later
    assert list(trace.events()) == wanted
    assert trace.damage == []
    assert trace.newer == NEWER
    assert trace.metadata["novel"] == {"deep": [1]}
    assert trace.header["novel"] == "a"
    closing = trace.parts[0].closing()
    assert closing is not None
    assert closing["novel"] == {"deep": 2}
    assert trace.summary()["by_type"]["handoff"] == 1
    assert trace.summary()["total_events"] == len(wanted)


def test_commands_say_that_a_format_is_newer(
    later: tuple[SessionTrace, list[Json]], capsys: pytest.CaptureFixture[str]
) -> None:
    _, wanted = later
    assert main(["show", "last"]) == 0
    shown = capsys.readouterr().out
    assert f"newer T-800, in format {NEWER}" in " ".join(shown.split())
    assert "handoff" in shown
    assert main(["show", "last", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["events"] == wanted
    assert main(["validate", "--json"]) == 1
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert problem["path"] == "/metadata/schema"
    assert f"is {NEWER}, newer than {FORMAT}" in problem["sentence"]


def test_a_newer_format_is_still_held_to_the_laws(
    later: tuple[SessionTrace, list[Json]], layout: Layout
) -> None:
    trace, _ = later
    path = Path(trace.parts[0].path)
    path.write_bytes(path.read_bytes().replace(b'"evt_002"', b'"evt_001"', 1))
    (_, problem) = validate_session(of_session(layout, "complete"))
    assert "is taken already" in problem.sentence


def test_pages_and_exports_of_a_newer_format_have_every_event(
    later: tuple[SessionTrace, list[Json]], capsys: pytest.CaptureFixture[str]
) -> None:
    trace, wanted = later
    _, (shown,) = unpacked(data_of(view.page([[trace]])))
    assert {event["event_id"] for event in shown} == {event["event_id"] for event in wanted}
    assert main(["export", "last", "--format", "jsonl"]) == 0
    exported = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["event_id"] for event in exported] == [event["event_id"] for event in wanted]
    assert exported[3]["to"] == "the reviewer"


def test_the_format_is_told_alike_everywhere(project: Path, read_trace: Any) -> None:
    with t800.session(enabled=True) as trace:
        trace.decision("x")
    assert read_trace(trace)["metadata"]["schema"] == FORMAT
    assert trace_schema()["$id"] == f"urn:t800:trace:{FORMAT}"
    assert max(session["schema"] for session in expected(VERSIONS[-1]).values()) == FORMAT
