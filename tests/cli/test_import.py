"""`t800 import`: what it says, what it exits with, and how imported sessions look afterwards."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from tests.importers import transcripts
from tests.importers.transcripts import lines, written

from t800 import reader
from t800.cli import main
from t800.layout import telemetry_dir


@pytest.fixture
def sources(tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path / "sources"


def all_of(sources: Path) -> list[str]:
    files = (transcripts.claude_files, transcripts.codex_file, transcripts.opencode_file)
    return [str(file(sources)) for file in files]


def test_it_says_what_was_new(sources: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = all_of(sources)
    assert main(["import", *files]) == 0
    told = capsys.readouterr()
    assert told.out.splitlines() == [
        f"{transcripts.CLAUDE}  claude  11 new",
        f"{transcripts.CODEX}  codex  8 new",
        f"{transcripts.OPENCODE}  opencode  12 new",
        "3 sessions, 31 events new or changed",
    ]
    assert told.err == ""
    assert main(["import", *files]) == 0
    assert "0 new, 11 known" in capsys.readouterr().out


def test_as_data(sources: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["import", *all_of(sources), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found[1] == {
        "format": "codex", "session_id": transcripts.CODEX, "new": 8, "changed": 0, "known": 0, "skipped": 0,
    }  # fmt: skip


def test_only_one_session(sources: Path) -> None:
    assert main(["import", *all_of(sources), "--session", "01a2"]) == 0
    assert [trace.session_id for trace in reader.sessions(telemetry_dir())] == [transcripts.CODEX]


def test_a_format_may_be_said(sources: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", "--from", "codex", str(transcripts.claude_files(sources))]) == 1
    assert "does not say which session it is of" in capsys.readouterr().err


def test_a_folder(sources: Path, capsys: pytest.CaptureFixture[str]) -> None:
    all_of(sources)
    assert main(["import", str(sources)]) == 0
    assert "3 sessions, 31 events" in capsys.readouterr().out


def test_what_cannot_be_read_is_said_and_the_rest_is_taken(
    sources: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = [*transcripts.codex()]
    file = written(sources / "a.jsonl", lines(*told[:3]) + b"\x00\x1b[31m\n" + lines(*told[3:]))
    other = written(sources / "b\x1b[31m.txt", b"hello")
    assert main(["import", str(file), str(other), str(sources / "none")]) == 1
    captured = capsys.readouterr()
    assert "8 new" in captured.out
    assert captured.err.splitlines() == [
        f"t800: {sources}/b[31m.txt: is of no known format. Known are opencode, claude, codex, otlp, jsonl",
        f"t800: {sources}/none: cannot be read (No such file or directory)",
        f"t800: {file}:4: the line is no JSON object",
    ]


def test_nothing_in_it(sources: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(written(sources / "a", b""))]) == 1
    assert main(["import"]) == 2
    assert "Traceback" not in capsys.readouterr().err
    assert list(reader.sessions(telemetry_dir())) == []


def test_off_is_said(
    sources: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("T800_ENABLED", "0")
    assert main(["import", str(transcripts.codex_file(sources))]) == 2
    assert "nothing is imported, because recording is off: T800_ENABLED=0 is set" in capsys.readouterr().err
    assert not Path(telemetry_dir().telemetry).exists()


def test_more_sessions_than_are_kept_is_said(sources: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layout = telemetry_dir()
    layout.create()
    Path(layout.config_file).write_text("telemetry:\n  retention:\n    max_trace_files: 2\n")
    assert main(["import", *all_of(sources)]) == 0
    assert "3 sessions are more than telemetry.retention.max_trace_files (2)" in capsys.readouterr().err


def test_imported_sessions_look_as_recorded_ones_do(
    sources: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["import", *all_of(sources)])
    for command in (
        ["ls"],
        ["show", transcripts.CLAUDE],
        ["stats", transcripts.CLAUDE],
        ["validate"],
        ["audit"],
    ):
        capsys.readouterr()
        assert main(command) == 0, command
        told = capsys.readouterr().out
        lines_of_text = [line for line in told.splitlines() if os.sep not in line[:1]]
        assert max(map(len, lines_of_text)) <= 80
        if command[0] == "ls":
            assert [line.split()[1:3] for line in told.splitlines()[1:]] == [["01-15", "10:30"]] * 3
        if command[0] == "show":
            shown = [line.split()[:4] for line in told.splitlines() if "@a1" in line]
            assert shown == [["├", "●", "@a1", "agent"], ["└", "✓", "@a1", "claude-sonnet-4-5"]]


def test_their_day_is_added_up(sources: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["import", *all_of(sources)])

    def day() -> dict[str, Any]:
        capsys.readouterr()
        assert main(["aggregate", "--date", "2026-01-15", "--verify"]) == 0
        assert main(["aggregate", "--date", "2026-01-15", "--json"]) == 0
        text = capsys.readouterr().out
        found: dict[str, Any] = json.loads(text[text.index("[") :])[0]["summary"]
        return found

    assert (day()["sessions"], day()["total_events"], day()["tokens"]["prompt"]) == (3, 31, 400 + 600 + 603)
    grown = [*transcripts.codex(), transcripts.codex_used("30:05.000", 700, input_tokens=5, output_tokens=5)]
    written(sources / "grown.jsonl", lines(*grown))
    main(["import", str(sources / "grown.jsonl")])
    assert (day()["sessions"], day()["total_events"], day()["tokens"]["prompt"]) == (3, 32, 1608)


def test_a_folder_that_cannot_be_written(
    sources: Path, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(project / ".opencode" / "telemetry", b"a file")
    assert main(["import", str(transcripts.codex_file(sources))]) in {1, 2}
    assert "Traceback" not in capsys.readouterr().err
    assert os.path.isfile(project / ".opencode" / "telemetry")
