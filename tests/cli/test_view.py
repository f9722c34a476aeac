"""`t800 view`: where the page comes to lie, who opens it, and what it exits with."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from tests.trace_files import STEM, document, error, tool, write
from tests.view.unpacked import data_of, unpacked

import t800
from t800 import config, retention
from t800.cli import main
from t800.layout import Layout

OTHER = "2026-01-16_10-30-00_ses_other"


@pytest.fixture(autouse=True)
def no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A browser that writes down what it is asked to open; there is a display for it."""
    asked = tmp_path / "asked"
    program = tmp_path / "browser"
    program.write_text(f'#!/bin/sh\necho "$1" >> {asked}\n')
    program.chmod(0o755)
    monkeypatch.setenv("BROWSER", str(program))
    monkeypatch.setenv("DISPLAY", ":0")
    return asked


def events_in(path: Path) -> list[str]:
    return [str(event["event_id"]) for event in unpacked(data_of(path.read_bytes()))[1][0]]


def test_the_page_lies_with_the_trace_and_goes_with_it(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    trace = write(layout, document([tool(1)]))
    assert main(["view"]) == 0
    told = capsys.readouterr()
    path = Path(told.out.strip())
    assert path == Path(layout.private, f"{STEM}.html")
    assert path.stat().st_mode & 0o777 == 0o600
    assert "1 session" in told.err
    assert "opened" not in told.err
    os.utime(trace, (0, 0))
    retention.prune(layout, config.load(layout))
    assert not trace.exists()
    assert not path.exists()


def test_a_file_of_ones_own_choice(layout: Layout, tmp_path: Path, browser: Path) -> None:
    write(layout, document([tool(1), error(2)]))
    assert main(["view", "ses_abc", "-o", "page.html"]) == 0
    assert events_in(tmp_path / "page.html") == ["evt_001", "evt_002"]
    assert not browser.exists()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems ask their own browser")
def test_it_opens_where_there_is_a_display(
    layout: Layout, browser: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(layout, document([tool(1)]))
    assert main(["view", "last"]) == 0
    assert browser.read_text().strip() == Path(layout.private, f"{STEM}.html").as_uri()
    assert "opened in the browser" in capsys.readouterr().err


def test_two_sessions(layout: Layout, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(layout, document([tool(1)]))
    write(layout, document([tool(1)], stem=OTHER), f"{OTHER}.json")
    assert main(["view", "ses_other", "ses_abc"]) == 0
    path = Path(capsys.readouterr().out.strip())
    assert path == Path(layout.private, f"{STEM}.side-by-side.html")
    head, _ = unpacked(data_of(path.read_bytes()))
    assert [run["sessions"][0]["session_id"] for run in head["runs"]] == ["ses_other", "ses_abc"]


def test_three_are_too_many(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    write(layout, document([tool(1)]))
    assert main(["view", "last", "last", "last"]) == 2
    assert "At most two sessions are shown side by side, not 3" in capsys.readouterr().err


def test_a_wrong_session_is_told_the_nearest(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    write(layout, document([tool(1)]))
    assert main(["view", "ses_abd"]) == 3
    assert "The nearest is 'ses_abc'" in capsys.readouterr().err
    assert not list(Path(layout.private).iterdir())


def test_without_a_session(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["view"]) == 3
    assert "There are no sessions in" in capsys.readouterr().err


def test_a_torn_session_is_shown(layout: Layout, tmp_path: Path) -> None:
    data = document([tool(1), tool(2)])
    write(layout, data[: data.index(b'"evt_002"')])
    assert main(["view", "-o", "page.html"]) == 0
    head, [shown] = unpacked(data_of((tmp_path / "page.html").read_bytes()))
    assert [event["event_id"] for event in shown] == ["evt_001"]
    assert head["runs"][0]["sessions"][0]["damage"]


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02", b"[1, 2]", b'{"a": 1}', b"<html></html>"])
def test_a_foreign_file_is_refused(
    layout: Layout, tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "foreign.json").write_bytes(content)
    assert main(["view", "foreign.json", "-o", "page.html"]) == 1
    assert "is not a trace file" in capsys.readouterr().err
    assert not (tmp_path / "page.html").exists()


def test_a_trace_from_elsewhere(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    foreign = tmp_path / "sent-by-mail.json"
    foreign.write_bytes(document([tool(1)]))
    assert main(["view", str(foreign)]) == 0
    path = Path(capsys.readouterr().out.strip())
    assert path.parent.parent == tmp_path
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert events_in(path) == ["evt_001"]


def test_a_place_that_cannot_be_written(
    layout: Layout, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(layout, document([tool(1)]))
    (tmp_path / "link.html").symlink_to(tmp_path / "elsewhere")
    for place in (tmp_path / "missing" / "page.html", tmp_path / "link.html"):
        assert main(["view", "-o", str(place)]) == 2
        told = capsys.readouterr().err
        assert told.startswith(f"t800: {place}: ")
        assert "Traceback" not in told
    assert main(["view", "-o", str(tmp_path)]) == 2
    assert not (tmp_path / "elsewhere").exists()


def test_a_live_session(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with t800.session(enabled=True) as trace:
        trace.decision("first")
        trace.flush()
        assert main(["view", "-o", "page.html"]) == 0
    head, [shown] = unpacked(data_of((project / "page.html").read_bytes()))
    assert [event["decision_type"] for event in shown] == ["first"]
    assert head["runs"][0]["sessions"][0]["state"] == "live"
