"""`t800 audit`: where and what, never the value; and what the exit code says."""

import json
import random
import string
from pathlib import Path

import pytest
from tests.trace_files import STEM, document, make_layout, tool, write

from t800.cli import main
from t800.layout import Layout

TOKEN = "ghp_" + "".join(random.Random(11).choices(string.ascii_letters + string.digits, k=36))
OTHER = "2026-01-16_10-30-00_ses_other"


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("T800_DIR", str(tmp_path / "telemetry"))
    return make_layout(tmp_path)


def test_a_clean_folder(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(layout, document([tool(1), tool(2)]))
    write(layout, document([tool(1)], stem=OTHER), f"{OTHER}.json.gz")
    assert main(["audit"]) == 0
    assert capsys.readouterr().out.startswith("2 files, 3 events, ")
    assert main(["audit", STEM, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report == {
        "files": 1, "events": 2, "bytes": path.stat().st_size, "found": 0, "findings": [], "unread": [],
    }  # fmt: skip


def test_a_finding_names_its_place_and_never_its_value(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    command = {
        "command": ["git", "push", f"https://{TOKEN}@host.tld/x"],
        "\x1b[2J\u202e": {"password": "abcdef"},
    }
    path = write(layout, document([tool(1), tool(2, parameters_redacted=command)]))
    assert main(["audit"]) == 1
    printed = capsys.readouterr().out
    first, second, last = printed.splitlines()
    assert first.startswith(f"{path}:3: evt_002: parameters_redacted.")
    assert {"GitHub token" in first, "GitHub token" in second} == {True, False}
    assert "40 characters, #" in printed
    assert last.endswith("bytes: 2 findings")
    assert not any(hostile in printed for hostile in (TOKEN, "abcdef", "\x1b", "\u202e"))
    assert main(["audit", "--json"]) == 1
    printed = capsys.readouterr().out
    assert TOKEN not in printed
    findings = json.loads(printed)["findings"]
    assert {finding["event_id"] for finding in findings} == {"evt_002"}
    assert {finding["line"] for finding in findings} == {3}
    assert {finding["length"] for finding in findings} == {40, 6}


def test_sessions_files_and_folders_as_arguments(
    layout: Layout, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(layout, document([tool(1)]))
    write(layout, document([tool(1, result_redacted=TOKEN)], stem=OTHER), f"{OTHER}.json")
    exported = tmp_path / "exported.jsonl"
    exported.write_text(f'{{"a": 1}}\n{{"b": "{TOKEN}"}}\n')
    assert main(["audit", "ses_abc"]) == 0
    assert main(["audit", str(path), "ses_abc"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("1 file, 1 event, ")
    assert main(["audit", "ses_oth"]) == 1
    assert main(["audit", str(exported)]) == 1
    assert f"{exported}:2: b: GitHub token" in capsys.readouterr().out
    assert main(["audit", str(tmp_path / "telemetry" / "traces")]) == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith("2 files, ")


def test_what_is_not_there_and_what_is_refused(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit"]) == 0
    assert capsys.readouterr().out == "0 files, 0 events, 0 bytes: nothing found\n"
    assert main(["audit", "ses_none"]) == 3
    assert main(["audit", "--nosuch"]) == 2
    Path(layout.config_file).parent.mkdir()
    Path(layout.config_file).write_text("telemetry: {enabled: maybe}\n")
    assert main(["audit"]) == 2


def test_a_file_that_cannot_be_read_is_not_clean(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(layout, document([tool(1)]), f"{STEM}.json.gz")
    path.write_bytes(path.read_bytes()[:-6])
    assert main(["audit"]) == 1
    printed = capsys.readouterr().out
    assert "cut off" in printed
    assert printed.endswith("nothing found, 1 file not read\n")


def test_the_configured_marker_counts_as_one(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    write(layout, document([tool(1, parameters_redacted={"password": "(gone)x1", "n": "token=(gone)x1"})]))
    assert main(["audit"]) == 1
    Path(layout.config_file).parent.mkdir()
    Path(layout.config_file).write_text('redaction_value: "(gone)x1"\n')
    assert main(["audit"]) == 0
    assert "nothing found" in capsys.readouterr().out
