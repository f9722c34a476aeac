"""Imported sessions in the telemetry folder: private, once, together with what was there before."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.importers import transcripts
from tests.importers.folders import bytes_of, counts, events, holds, named, put
from tests.importers.transcripts import lines, written

import t800
from t800 import config, reader, retention
from t800.errors import ImportFileError
from t800.layout import telemetry_dir

Files = Callable[[Path], Path]
FILES: list[Files] = [transcripts.claude_files, transcripts.codex_file, transcripts.opencode_file]


@pytest.fixture
def sources(tmp_path: Path, project: Path) -> Path:
    return tmp_path / "sources"


@pytest.mark.parametrize("files", FILES)
def test_nothing_secret_is_in_any_file(sources: Path, project: Path, files: Files) -> None:
    file = files(sources)
    assert holds(sources, transcripts.CANARY)
    put(file)
    for folder in (
        project,
        Path(os.environ["HOME"]),
        Path(os.environ.get("XDG_RUNTIME_DIR") or sources / "none"),
    ):
        assert holds(folder, transcripts.CANARY) == []
        assert holds(folder, transcripts.PASSWORD) == []
    assert "[REDACTED]" in json.dumps(events())


@pytest.mark.parametrize("files", FILES)
def test_the_same_again_changes_nothing(sources: Path, project: Path, files: Files) -> None:
    ((new, changed, known, skipped),) = counts(files(sources))
    assert (changed, known, skipped) == (0, 0, 0)
    before = bytes_of(project)
    assert counts(files(sources)) == [(0, 0, new, 0)]
    assert bytes_of(project) == before
    assert not Path(telemetry_dir().private, "import").exists()


@pytest.mark.parametrize("whole", [transcripts.claude(), transcripts.codex()])
def test_a_grown_transcript_adds_what_is_new(sources: Path, project: Path, whole: list[Any]) -> None:
    file = sources / "a.jsonl"
    for length in (5, 9, len(whole)):
        grown = put(written(file, lines(*whole[:length])))
    assert grown[0].known > 0
    assert grown[0].new > 0
    at_last = named(events())
    for trace in reader.sessions(telemetry_dir()):
        Path(trace.parts[0].path).unlink()
    put(file)
    assert at_last == named(events())


def test_what_an_earlier_import_has_brought_stays(sources: Path) -> None:
    whole = transcripts.claude()
    both = put(transcripts.claude_files(sources))
    file = written(sources / "other" / "a.jsonl", lines(*whole[:5]))
    before = named(events())
    # The file has lost its end and its sub-agents.
    assert counts(file)[0][:2] == (0, 2)
    after = named(events())
    assert after.keys() == before.keys()
    assert len(after) == both[0].new
    assert after["llm_call", "msg_3"]["parent"] == "tool_call toolu_3"
    assert counts(transcripts.claude_files(sources))[0][:2] == (0, 2)
    assert named(events()) == before


def test_the_document_is_of_then_and_says_where_it_comes_from(sources: Path) -> None:
    put(transcripts.codex_file(sources))
    (trace,) = reader.sessions(telemetry_dir())
    assert trace.stem == f"2026-01-15_10-30-00_{transcripts.CODEX}"
    assert trace.started == "2026-01-15T10:30:00.010Z"
    metadata = trace.metadata
    assert (metadata["agent"], metadata["host_session_id"], metadata["imported"]) == (
        "codex",
        transcripts.CODEX,
        "codex",
    )
    summary = trace.summary()
    assert (summary["state"], summary["ended"]) == ("closed", "2026-01-15T10:30:03.040Z")
    assert summary["tokens"]["prompt"] == 600
    assert not trace.live
    assert os.stat(trace.parts[0].path).st_mode & 0o777 == 0o600


def test_retention_counts_from_the_import(sources: Path) -> None:
    put(transcripts.codex_file(sources))
    layout = telemetry_dir()
    settings = config.load(layout)
    assert retention.plan(layout, settings, time.time() + 29 * 86_400) == []
    assert len(retention.plan(layout, settings, time.time() + 31 * 86_400)) == 1


def test_what_was_recorded_while_it_happened_is_not_imported_again(sources: Path) -> None:
    with t800.session(agent="claude-code", session_id=transcripts.CLAUDE, enabled=True) as trace:
        trace.record({"type": "llm_call", "model": "m", "source_id": "msg_1"})
        trace.record({"type": "tool_call", "tool": "Bash", "source_id": "toolu_1"})
        trace.record({"type": "checkpoint", "phase_name": "turn"})
    recorded = Path(str(trace.path)).read_bytes()
    assert counts(transcripts.claude_files(sources)) == [(6, 0, 0, 5)]
    other, own = sorted(reader.sessions(telemetry_dir()), key=lambda trace: "imported" in trace.metadata)
    assert Path(other.parts[0].path).read_bytes() == recorded
    assert own.session_id == f"{transcripts.CLAUDE}-import"
    assert [(event["type"], event["source_id"]) for event in own.events()] == [
        ("tool_call", "toolu_2"), ("error", "toolu_2"), ("llm_call", "msg_2"), ("tool_call", "toolu_3"),
        ("llm_call", "msg_3"), ("llm_call", "msg_4"),
    ]  # fmt: skip
    assert counts(transcripts.claude_files(sources)) == [(0, 0, 6, 5)]


def test_a_call_that_never_ended_is_not_imported_again(sources: Path) -> None:
    with t800.session(session_id=transcripts.CLAUDE, enabled=True) as trace:
        trace.record({"type": "tool_call", "tool": "Bash", "source_id": "toolu_1"})
        trace.pre_tool("Read")
    whole = transcripts.claude()
    # Of three tool calls one was recorded, and one has no result.
    without = [line for line in whole if line.get("uuid") != "u5"]
    results = put(written(sources / "a.jsonl", lines(*without)))
    (own,) = [trace for trace in reader.sessions(telemetry_dir()) if "imported" in trace.metadata]
    assert [event["source_id"] for event in own.events() if event["type"] == "tool_call"] == ["toolu_3"]
    assert results[0].skipped == 4


def test_a_recording_that_does_not_say_where_calls_come_from_is_left_alone(sources: Path) -> None:
    with t800.session(session_id=transcripts.CLAUDE, enabled=True) as trace:
        trace.tool_call("Bash")
        trace.llm_call("m")
    assert counts(transcripts.claude_files(sources)) == [(0, 0, 0, 11)]
    assert len(list(reader.sessions(telemetry_dir()))) == 1


@pytest.mark.parametrize("off", ["environment", "disable"])
def test_off_wins(sources: Path, project: Path, off: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from t800.layout import set_disabled

    if off == "environment":
        monkeypatch.setenv("T800_ENABLED", "0")
    else:
        set_disabled(True)
    with pytest.raises(ImportFileError, match="nothing is imported, because recording is off"):
        put(transcripts.codex_file(sources))
    assert bytes_of(project) == {}


@pytest.mark.parametrize("switch", ["telemetry.mode: flight", "telemetry.ring: auto"])
def test_the_configuration_of_recording_does_not_lose_events(sources: Path, switch: str) -> None:
    layout = telemetry_dir()
    layout.create()
    Path(layout.config_file).write_text("telemetry:\n  " + switch.removeprefix("telemetry.") + "\n")
    assert counts(transcripts.codex_file(sources)) == [(8, 0, 0, 0)]


def test_what_is_not_recorded_is_not_imported(sources: Path) -> None:
    layout = telemetry_dir()
    layout.create()
    Path(layout.config_file).write_text("telemetry:\n  trace_llm: false\n")
    put(transcripts.codex_file(sources))
    assert {event["type"] for event in events()} == {"checkpoint", "tool_call", "error"}


def test_a_large_session_has_several_documents_and_shrinks_again(sources: Path) -> None:
    def many(count: int) -> bytes:
        event = {"session_id": "big", "agent": "a", "type": "decision", "decision_type": "x"}
        told = ({**event, "event_id": f"evt_{n:06}", "outcome": "y " * 8000} for n in range(count))
        return lines(*({"timestamp": "2026-01-15T10:30:00.000Z", **one} for one in told))

    assert counts(written(sources / "a.jsonl", many(1500))) == [(1500, 0, 0, 0)]
    (trace,) = reader.sessions(telemetry_dir())
    assert len(trace.parts) == 2
    assert counts(sources / "a.jsonl") == [(0, 0, 1500, 0)]
    assert counts(written(sources / "b.jsonl", many(1501))) == [(1, 0, 1500, 0)]
    (trace,) = reader.sessions(telemetry_dir())
    assert trace.summary()["total_events"] == 1501


KILLED = """
import os, sys
from tests.importers.folders import put
from t800.importers import document
from pathlib import Path
add = document._Writing.add
def slow(self, item):
    add(self, item)
    if self._count == 4:
        print("here", flush=True)
        os.kill(os.getpid(), 19)
document._Writing.add = slow
put(Path(sys.argv[1]))
"""


def test_a_killed_import_leaves_nothing_that_anybody_sees(sources: Path, project: Path) -> None:
    file = transcripts.claude_files(sources)
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(file)], cwd=project, stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(root)},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == b"here\n"
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
        process.send_signal(signal.SIGKILL)
    assert list(reader.sessions(telemetry_dir())) == []
    left = bytes_of(Path(telemetry_dir().private, "import"))
    assert any(data.count(b"[REDACTED]") for data in left.values())
    assert holds(project, transcripts.CANARY) == []
    assert counts(file)[0][0] == 11
    assert not Path(telemetry_dir().private, "import").exists()


def test_two_imports_at_once(sources: Path, project: Path) -> None:
    file = transcripts.claude_files(sources)
    program = "import sys; from pathlib import Path; from tests.importers.folders import put; put(Path(sys.argv[1]))"
    command = [sys.executable, "-c", program, str(file)]
    environ = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    running = [subprocess.Popen(command, cwd=project, env=environ) for _ in range(3)]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    assert len(events()) == 11
