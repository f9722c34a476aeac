"""What a crash leaves behind, as a person and a reader find it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from t800 import reader, recovery
from t800.cli import cli
from t800.layout import telemetry_dir
from t800.schema import validate_session

Run = Callable[..., subprocess.CompletedProcess[str]]

DIES = """
import os, signal, t800
trace = t800.session(agent="crasher", enabled=True)
with trace.phase("EXECUTE"):
    trace.decision("strategy", outcome="go on")
    with trace.tool("bash", {"command": "deploy --password=hunter2-hunter2"}):
        with trace.llm("m"):
            os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def died(python: Run, project: Path) -> reader.SessionTrace:
    """A session whose process was killed inside two calls."""
    del project
    assert python(DIES, check=False).returncode == -signal.SIGKILL
    (trace,) = reader.sessions(telemetry_dir())
    return trace


def test_a_session_that_died_is_not_called_live(died: reader.SessionTrace) -> None:
    assert (died.live, died.state(died.summary())) == (False, "died")
    listed = CliRunner().invoke(cli, ["ls"])
    assert "died" in listed.output
    assert "live" not in listed.output


def test_what_it_was_doing_is_shown_as_interrupted(died: reader.SessionTrace) -> None:
    report = recovery.recover(telemetry_dir())
    (document,) = report.documents
    assert (document.kept, document.added, document.interrupted, document.original) == (0, 4, 3, None)
    trace = reader.of_stem(telemetry_dir(), died.stem)
    decision, phase, tool, llm = trace.events()
    assert (phase["phase_name"], phase["status"], phase["duration_ms"]) == ("EXECUTE", "interrupted", None)
    assert decision["outcome"] == "go on"
    assert (tool["tool"], tool["interrupted"], tool["success"], tool["duration_ms"]) == (
        "bash",
        True,
        None,
        None,
    )
    assert (llm["parent_id"], llm["phase"]) == (tool["event_id"], "EXECUTE")
    assert validate_session(trace) == []
    assert (trace.state(trace.summary()), trace.summary()["interrupted"]) == ("recovered", 2)


def test_a_new_session_recovers_the_one_before(died: reader.SessionTrace, python: Run) -> None:
    python("""
        import t800
        t800.session(enabled=True).close()
    """)
    trace = reader.of_stem(telemetry_dir(), died.stem)
    assert trace.state(trace.summary()) == "recovered"
    assert len(list(trace.events())) == 4


def test_the_command_says_what_it_has_done_and_does_it_once(died: reader.SessionTrace) -> None:
    first = CliRunner().invoke(cli, ["recover"])
    assert first.exit_code == 0
    assert "0 events kept, 4 recovered, 3 of them never ended" in first.output
    assert died.stem in first.output
    again = CliRunner().invoke(cli, ["recover"])
    assert (again.exit_code, again.output) == (0, "nothing to recover\n")


def test_stdout_shows_the_document_and_changes_nothing(died: reader.SessionTrace) -> None:
    path = Path(died.parts[0].path)
    before = path.read_bytes()
    shown = CliRunner().invoke(cli, ["recover", "--stdout", died.session_id])
    assert path.read_bytes() == before
    assert len(json.loads(shown.output)["events"]) == 4
    assert CliRunner().invoke(cli, ["recover"]).exit_code == 0
    assert path.read_text() == shown.output


def test_a_torn_document_without_a_ring_keeps_what_can_be_read(died: reader.SessionTrace) -> None:
    recovery.recover(telemetry_dir())
    path = Path(died.parts[0].path)
    whole = path.read_bytes()
    cut = whole.index(b'"evt_003"') + 20
    path.write_bytes(whole[:cut])
    report = recovery.recover(telemetry_dir())
    (document,) = report.documents
    assert (document.kept, document.added) == (2, 0)
    assert document.unreadable_bytes > 0
    assert document.original is not None
    assert Path(document.original).read_bytes() == whole[:cut]
    assert [event["event_id"] for event in json.loads(path.read_bytes())["events"]] == ["evt_002", "evt_001"]


def test_nothing_of_a_crash_holds_a_secret(died: reader.SessionTrace) -> None:
    places = [telemetry_dir().telemetry, os.environ.get("XDG_RUNTIME_DIR", "")]
    files = [path for place in places if place for path in Path(place).rglob("*") if path.is_file()]
    assert any(path.name.startswith("ring-") for path in files)
    for path in files:
        # A ring of a process that an earlier test has left may be removed meanwhile.
        with contextlib.suppress(FileNotFoundError):
            assert b"hunter2" not in path.read_bytes(), path
    del died


def test_a_ring_is_found_from_another_environment(
    died: reader.SessionTrace, monkeypatch: pytest.MonkeyPatch
) -> None:
    if died.metadata["ring"] != "memory":
        pytest.skip("there is no memory file system here")
    here = Path(os.environ["XDG_RUNTIME_DIR"])
    ring = max(here.rglob("ring-*"), key=lambda path: path.stat().st_mtime_ns)
    there = here.parent / f"t800-{os.getuid()}"
    there.mkdir(mode=0o700, exist_ok=True)
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    ring.rename(there / ring.name)
    (document,) = recovery.recover(telemetry_dir()).documents
    assert document.added == 4
