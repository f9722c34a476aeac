"""`t800 export`: which sessions, into which file, and what it exits with."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.trace_files import STEM, document, error, tool, write

import t800
from t800.cli import main
from t800.export import FORMATS
from t800.layout import Layout

OTHER = "2026-01-16_10-30-00_ses_other"

needs_pyarrow = pytest.mark.skipif(find_spec("pyarrow") is None, reason="could not import 'pyarrow'")
each_format = pytest.mark.parametrize(
    "form", [pytest.param(form, marks=needs_pyarrow if form == "parquet" else ()) for form in FORMATS]
)


@pytest.fixture
def two(layout: Layout) -> Layout:
    write(layout, document([tool(1), error(2)]))
    write(layout, document([tool(1)], stem=OTHER), f"{OTHER}.json")
    return layout


def lines(path: Path) -> list[tuple[str, str]]:
    found = [json.loads(line) for line in path.read_bytes().splitlines()]
    return [(event["session_id"], event["event_id"]) for event in found]


def test_the_last_session_to_stdout(two: Layout, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["export", "--format", "jsonl"]) == 0
    told = capfdbinary.readouterr()
    assert [json.loads(line)["session_id"] for line in told.out.splitlines()] == ["ses_other"]
    assert told.err == b"1 session, 1 event\n"


def test_several_sessions_into_a_file(
    two: Layout, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "ses_other", "ses_abc", "last", "-o", "out.jsonl"]) == 0
    assert lines(tmp_path / "out.jsonl") == [
        ("ses_abc", "evt_001"),
        ("ses_abc", "evt_002"),
        ("ses_other", "evt_001"),
    ]
    assert (tmp_path / "out.jsonl").stat().st_mode & 0o777 == 0o600
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("2 sessions, 3 events, ")


def test_those_of_a_time(two: Layout, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "--until", "2026-01-15", "-o", "out.jsonl"]) == 0
    assert {session for session, _ in lines(tmp_path / "out.jsonl")} == {"ses_abc"}
    assert main(["export", "--until", "2020-01-01", "-o", "none.jsonl"]) == 3
    assert "no session was recorded in that time" in capsys.readouterr().err
    assert not (tmp_path / "none.jsonl").exists()


def test_what_was_begun_inside_comes_along(layout: Layout, tmp_path: Path) -> None:
    write(layout, document([tool(1)]))
    write(layout, document([tool(1)], stem=OTHER, parent_session_id="ses_abc"), f"{OTHER}.json")
    assert main(["export", "ses_abc", "-o", "out.csv"]) == 0
    with (tmp_path / "out.csv").open(newline="") as file:
        assert [row["session_id"] for row in csv.DictReader(file)] == ["ses_abc", "ses_other"]


def test_the_format_must_be_said(two: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["export"], ["export", "-o", "out"], ["export", "-o", "out.xyz"]):
        assert main(arguments) == 2
        assert "Say which format: --format" in capsys.readouterr().err
    assert main(["export", "--format", "xyz"]) == 2


@each_format
def test_a_wrong_session_is_told_the_nearest(
    two: Layout, tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "ses_othr", "--format", form, "-o", "out"]) == 3
    assert "The nearest is 'ses_other'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@each_format
def test_an_older_file_is_replaced_and_nothing_is_left_beside_it(
    two: Layout, tmp_path: Path, form: str
) -> None:
    (tmp_path / "out").write_text("older")
    before = {*os.listdir(tmp_path)}
    assert main(["export", "--format", form, "-o", "out"]) == 0
    assert (tmp_path / "out").read_bytes() not in {b"older", b""}
    assert {*os.listdir(tmp_path)} == before


def test_a_place_that_cannot_be_written(
    two: Layout, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "link.csv").symlink_to(tmp_path / "elsewhere")
    for place in (tmp_path / "missing" / "out.csv", tmp_path / "link.csv"):
        assert main(["export", "-o", str(place)]) == 2
        told = capsys.readouterr().err
        assert told.startswith(f"t800: {place}: ")
        assert "Traceback" not in told
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
def test_a_full_disk_is_said(two: Layout) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", "import sys; from t800.cli import main; sys.exit(main())", "export", "--format", "jsonl"],
            stdout=full, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert b"No space left" in done.stderr
    assert b"Traceback" not in done.stderr


@each_format
def test_a_torn_session_is_exported_and_said(
    layout: Layout, tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    data = document([tool(1), tool(2)])
    write(layout, data[: data.index(b'"evt_002"')])
    assert main(["export", "--format", form, "-o", "out"]) == 0
    told = capsys.readouterr().err
    assert f"{STEM}.json:3: the line is torn" in told
    assert "1 session, 1 event" in told


def test_a_live_session(project: Path) -> None:
    with t800.session(enabled=True) as trace:
        trace.decision("first")
        assert main(["export", "-o", "out.jsonl"]) == 0
    assert [event for _, event in lines(project / "out.jsonl")] == ["evt_001"]


def test_names_from_traces_do_not_reach_the_terminal_as_they_are(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    write(layout, document([tool(1)]) + b"\x1b[31m")
    main(["export", "-o", "o\x1b[31mut.csv"])
    assert "\x1b" not in capsys.readouterr().err
