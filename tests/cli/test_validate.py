"""`t800 validate`: one line a problem, and exit code 1 when there is one."""

import json
from pathlib import Path

import pytest
from tests.trace_files import STEM, document, make_layout, tool, write

from t800.cli import main
from t800.layout import Layout


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("T800_DIR", str(tmp_path / "telemetry"))
    return make_layout(tmp_path)


def test_valid_traces(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    write(layout, document([tool(1), tool(2)]))
    other = "2026-01-16_10-30-00_ses_other"
    write(layout, document([tool(1)], stem=other), f"{other}.json.gz")
    assert main(["validate"]) == 0
    assert capsys.readouterr().out == "2 files, all valid\n"
    assert main(["validate", "ses_o", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [Path(file).name for file in report["files"]] == [f"{other}.json.gz"]
    assert report["problems"] == []


def test_problems_are_named_by_file_line_and_place(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(layout, document([tool(1), tool(2, duration_ms="soon", tool="\x1b[2Jx")]))
    assert main(["validate"]) == 1
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{path}:3: ")
    assert "duration_ms" in first
    assert "1 file, " in last
    assert main(["validate", "--json"]) == 1
    problem = json.loads(capsys.readouterr().out)["problems"][0]
    assert problem["file"] == str(path)
    assert problem["line"] == 3


def test_torn_and_foreign_files_are_problems(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    write(layout, document([tool(1), tool(2)])[:-40])
    assert main(["validate", STEM]) == 1
    write(layout, b"\x00\x00\x00")
    assert main(["validate"]) == 1
    assert "Traceback" not in "".join(capsys.readouterr())


def test_a_file_that_is_no_trace_is_a_problem_of_that_file(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    other = Path(layout.root) / "other.json"
    for junk in (b"", b"[1, 2]\n", b'{"events":[\n]}\n'):
        other.write_bytes(junk)
        assert main(["validate", str(other), "--json"]) == 1
        report = json.loads(capsys.readouterr().out)
        assert report["files"] == [str(other)]
        assert {problem["file"] for problem in report["problems"]} == {str(other)}


def test_nothing_to_validate(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "--dir", layout.telemetry]) == 0
    assert capsys.readouterr().out == "0 files, all valid\n"
    assert main(["validate", "ses_none"]) == 3
