"""`t800 prune`: what it deletes, what it only says, and what a refused configuration does."""

import json
import os
from pathlib import Path

import pytest
from tests.trace_files import document, make_layout, tool, write

from t800.cli import main
from t800.layout import Layout

OLD = "2020-01-15_10-30-00_ses_old"
NEW = "2026-01-15_10-30-00_ses_new"


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setenv("T800_DIR", str(tmp_path / "telemetry"))
    monkeypatch.setenv("T800_RETENTION_MAX_TRACE_AGE_DAYS", "3650")
    monkeypatch.setenv("T800_RETENTION_MAX_TRACE_FILES", "1")
    layout = make_layout(tmp_path)
    for stem in (OLD, NEW):
        write(layout, document([tool(1)], stem=stem), f"{stem}.json", mtime=1_600_000_000)
    return layout


def names(layout: Layout) -> list[str]:
    return sorted(os.listdir(layout.traces))


def test_dry_run_says_and_touches_nothing(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prune", "--dry-run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"would delete {OLD}: more than 1 sessions")
    assert lines[-1].startswith("would delete 1 session")
    assert names(layout) == [f"{OLD}.json", f"{NEW}.json"]


def test_prune_deletes_what_it_says(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prune", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [gone["session_id"] for gone in report["retired"]] == ["ses_old"]
    assert names(layout) == [f"{NEW}.json"]
    assert main(["prune"]) == 0
    assert capsys.readouterr().out == "nothing to delete\n"


def test_foreign_files_stay_and_are_named(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    write(layout, b'{"mine": true}\n', f"{OLD}.json", mtime=1_600_000_000)
    assert main(["prune"]) == 0
    assert f"kept {layout.traces}/{OLD}.json" in capsys.readouterr().out
    assert f"{OLD}.json" in names(layout)


def test_a_refused_configuration_exits_2_and_deletes_nothing(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(layout.config_file).parent.mkdir()
    Path(layout.config_file).write_text("telemetry: {retention: {max_files: 1}}\n")
    assert main(["prune"]) == 2
    assert "max_files" in capsys.readouterr().err
    assert len(names(layout)) == 2
