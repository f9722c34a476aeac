"""`t800 aggregate`: days added up, verified against their events, reported."""

import json
import os
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tests.trace_files import STEM, document, error, llm, tool, write

from t800.cli import main
from t800.layout import Layout

LATE = "2026-01-15_23-59-59_ses_late"
PACKED = "2026-01-16_08-00-00_ses_packed"


def fill(layout: Layout) -> None:
    write(layout, document([tool(1), llm(2), error(3), tool(4, success=False)]))
    midnight = [tool(1, timestamp="2026-01-15T23:59:59.000Z"), tool(2, timestamp="2026-01-16T00:00:01.000Z")]
    write(layout, document(midnight, stem=LATE), f"{LATE}.json")
    later = [tool(1, timestamp="2026-01-16T08:00:01.000Z")]
    write(layout, document(later, stem=PACKED), f"{PACKED}.json.gz")


def test_days_are_added_up_once(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    fill(layout)
    assert main(["aggregate"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["DAY", "SESSIONS", "EVENTS", "OK", "ERRORS", "TIME", "TOKENS", "COST"]
    assert lines[1].split()[:3] == ["2026-01-15", "2", "5"]
    assert lines[2].split()[:3] == ["2026-01-16", "2", "2"]
    before = {path: path.read_bytes() for path in Path(layout.aggregated).iterdir()}
    assert main(["aggregate", "--date", "2026-01-16", "--json", "--engine", "builtin"]) == 0
    (day,) = json.loads(capsys.readouterr().out)
    assert (day["date"], sorted(day["sessions"])) == ("2026-01-16", [LATE, PACKED])
    assert before == {path: path.read_bytes() for path in Path(layout.aggregated).iterdir()}


def test_verify_finds_what_is_not_so_and_writes_nothing(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(layout)
    assert main(["aggregate", "--verify"]) == 1  # nothing is counted yet
    assert capsys.readouterr().out.count("is not counted yet") == 0
    assert os.listdir(layout.aggregated) == []
    assert main(["aggregate"]) == main(["aggregate", "--verify"]) == 0
    assert capsys.readouterr().out.endswith("2 days, all as their events say\n")
    day = Path(layout.aggregated, "2026-01-15_summary.json")
    good = day.read_text()
    head, *lines = good.splitlines(keepends=True)
    day.write_text("".join([head, *lines[1:]]))
    assert main(["aggregate", "--verify"]) == 1
    printed = capsys.readouterr().out.splitlines()
    assert "2026-01-15: its sums are not those of its sessions" in printed
    assert f"2026-01-15: {STEM}: is not counted yet" in printed
    day.write_text(good.replace('"failed":1', '"failed":2'))
    assert main(["aggregate", "--verify", "--date", "2026-01-15", "--json"]) == 1
    sums, found = json.loads(capsys.readouterr().out)
    assert (
        sums["problem"] == "its sums are not those of its sessions"
    )  # the rate of success is of one failure
    assert found == {"date": "2026-01-15", "stem": STEM, "problem": "failed: 2 in the file, 1 by its events"}
    assert main(["aggregate", "--verify", "--date", "2026-01-16"]) == 0
    day.unlink()
    assert main(["aggregate", "--verify"]) == 1
    assert "2026-01-15: its file is missing or cannot be read" in capsys.readouterr().out


def test_a_closing_line_that_lies_is_found(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(layout, document([tool(1), tool(2)]))
    path.write_bytes(path.read_bytes().replace(b'"succeeded":2', b'"succeeded":7'))
    assert main(["aggregate"]) == 0
    capsys.readouterr()
    assert main(["aggregate", "--verify"]) == 1
    assert "succeeded: 7 in the file, 2 by its events" in capsys.readouterr().out


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not {"src", "href", "onload", "onerror"} & {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def test_reports_hold_hostile_names_as_text(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    evil = "<script>alert(1)</script>|`x`\n\x1b[2J\u202e[a](javascript:b)"
    write(layout, document([tool(1, tool=evil), llm(2, model=evil)], agent=evil))
    assert main(["aggregate", "--report", "md"]) == 0
    page = capsys.readouterr().out
    assert page.startswith("# T-800: 2026-01-15\n")
    assert "<script" not in page
    assert all(character.isprintable() or character == "\n" for character in page)
    rows = [line for line in page.splitlines() if "alert" in line]
    assert len(rows) == 4  # agent, tool, model, session
    assert all(line.startswith("| ") and "\\|" in line and "\\[a\\]" in line for line in rows)
    assert main(["aggregate", "--report", "html", "-o", "day.html"]) == 0
    assert capsys.readouterr().out == ""
    written = Path("day.html")
    assert written.stat().st_mode & 0o777 == 0o600
    reader = Reader()
    reader.feed(written.read_text())
    assert "script" not in reader.tags
    assert reader.text.count("<script>alert(1)</script>|`x` [2J[a](javascript:b)") == 4
    assert "Content-Security-Policy" in written.read_text()


def test_a_report_has_the_days_figures(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    fill(layout)
    assert main(["aggregate", "--report", "md", "--date", "2026-01-15"]) == 0
    page = capsys.readouterr().out
    assert "| Sessions | 2 |" in page
    assert "| Cost | $0.0230 |" in page
    assert "## Tools" in page
    assert "| ses\\_abc (t800) | 10:30:00 | 4 |" in page
    assert "| ses\\_late (t800) | 23:59:59 | 1 |" in page


def test_a_report_replaces_a_link_and_does_not_follow_it(layout: Layout) -> None:
    fill(layout)
    Path("victim").write_text("mine")
    Path("out.md").symlink_to("victim")
    assert main(["aggregate", "--report", "md", "-o", "out.md"]) == 0
    assert Path("victim").read_text() == "mine"
    assert not Path("out.md").is_symlink()


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--date", "2026-01-01"], 3, "no session was recorded on 2026-01-01"),
        (["--date", "soon"], 2, "is not a time"),
        (["--report", "pdf"], 2, "'md', 'html'"),
        (["--engine", "spork"], 2, "builtin"),
        (["--report", "md", "-o", "no/such/folder.md"], 3, "No such file"),
    ],
)
def test_what_is_wrong_is_said(
    layout: Layout, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, sentence: str
) -> None:
    fill(layout)
    assert main(["aggregate", *arguments]) == code
    assert sentence in capsys.readouterr().err


def test_an_empty_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("T800_DIR", str(tmp_path / "none"))
    assert main(["aggregate"]) == 0
    assert "No sessions in" in capsys.readouterr().out
    assert main(["aggregate", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(["aggregate", "--verify"]) == 0
    assert main(["aggregate", "--report", "md"]) == 3
    assert "no day to report" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
