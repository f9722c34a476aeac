"""The page: one file, closed to everything, with the session inside; written where nobody else reads it."""

from __future__ import annotations

import base64
import hashlib
import html
import os
import re
from pathlib import Path
from typing import Any

import pytest
from tests.trace_files import STEM, document, error, llm, tool, write
from tests.view.unpacked import data_of, unpacked

from t800 import reader, view
from t800.errors import CorruptTraceError, ExportError
from t800.layout import Layout

EVIL = "</script><script>alert(1)</script><!-- \x1b[2J \u202e <img src=x onerror=alert(1)> ${alert(1)} \u2028"
TEMPLATE = Path(view.__file__).with_name("page.html")


def page_of(layout: Layout, *references: str) -> bytes:
    traces = [reader.resolve(layout, reference) for reference in references or ("last",)]
    return view.page([[trace, *reader.family(layout, trace)] for trace in traces])


def test_a_page_has_the_events_the_summary_and_the_damage(layout: Layout) -> None:
    events = [tool(1), llm(2, parent_id="evt_001"), error(3)]
    data = document(events)
    torn = data.replace(b'{"event_id":"evt_002"', b'{"event_id":"evt_0')
    write(layout, torn)
    head, [shown] = unpacked(data_of(page_of(layout)))
    assert shown == [events[0], events[2]]
    [session] = head["runs"][0]["sessions"]
    assert (session["session_id"], session["state"]) == ("ses_abc", "closed")
    assert session["summary"]["total_events"] == 3
    assert [damage["line"] for damage in session["damage"]] == [3]
    assert session["damage"][0]["file"] == f"{STEM}.json"


def test_parts_and_sessions_begun_inside_are_one_run(layout: Layout) -> None:
    write(layout, document([tool(1)]))
    write(layout, document([tool(2)], part=2), f"{STEM}.part2.json.gz")
    inside = "2026-01-15_10-30-01_ses_child"
    write(layout, document([tool(1)], stem=inside, parent_session_id="ses_abc"), f"{inside}.json")
    head, [shown] = unpacked(data_of(page_of(layout, "ses_abc")))
    assert [session["session_id"] for session in head["runs"][0]["sessions"]] == ["ses_abc", "ses_child"]
    assert [event["event_id"] for event in shown] == ["evt_001", "evt_002", "evt_001"]


def test_two_runs_are_side_by_side(layout: Layout) -> None:
    other = "2026-01-16_10-30-00_ses_other"
    write(layout, document([tool(1)]))
    write(layout, document([tool(1), tool(2)], stem=other), f"{other}.json")
    head, runs = unpacked(data_of(page_of(layout, "ses_abc", "ses_other")))
    assert [len(run) for run in runs] == [1, 2] == [run["rows"] for run in head["runs"]]


def test_a_session_without_events_is_a_page(layout: Layout) -> None:
    write(layout, document([], state="live"))
    head, [shown] = unpacked(data_of(page_of(layout)))
    assert shown == []
    assert head["runs"][0]["sessions"][0]["state"] == "died"


def test_a_file_that_is_no_trace_is_refused(layout: Layout) -> None:
    write(layout, b'{"some": "json"}\n')
    with pytest.raises(CorruptTraceError, match="no session_id"):
        page_of(layout)


def test_nothing_in_a_trace_can_end_the_data(layout: Layout) -> None:
    event: dict[str, Any] = tool(1, tool=EVIL, phase=EVIL, parameters_redacted={EVIL: EVIL}, **{EVIL: EVIL})
    write(layout, document([event], agent=EVIL, **{EVIL: EVIL}))
    page = page_of(layout)
    plain = TEMPLATE.read_bytes()
    for ending in (b"</script", b"<script", b"<!--", b"<img", b"alert(1)"):
        escaped = page.count(html.escape(ending.decode()).encode())
        assert page.count(ending) - (ending == b"alert(1)") * escaped <= plain.count(ending)
    assert f"<title>{html.escape(EVIL)} ses_abc</title>".encode() in page
    assert unpacked(data_of(page))[1] == [[event]]


def test_the_policy_lets_nothing_run_but_the_page_itself() -> None:
    text = TEMPLATE.read_text(encoding="utf-8")
    found = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert found
    rules = dict(rule.split(" ", 1) for rule in found[1].split("; "))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    for element, rule in (("script", "script-src"), ("style", "style-src")):
        [inside] = re.findall(rf"<{element}>(.*?)</{element}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"
    assert found.start() < text.index("<style>")
    assert set(rules) == {"default-src", "base-uri", "form-action", "script-src", "style-src"}


def test_the_page_is_light_and_asks_nobody() -> None:
    text = TEMPLATE.read_text(encoding="utf-8")
    assert len(text.encode()) <= 80 << 10
    assert text.count("<!--t800:title-->") == text.count("<!--t800:data-->") == 1
    assert set(re.findall(r"https?://[\w./]*", text)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|fetch\(", text
    )


def test_a_written_page_is_this_users_alone(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    before = os.umask(0)
    try:
        view.write(str(path), b"one")
        view.write(str(path), b"two")
    finally:
        os.umask(before)
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["page.html"]


def test_a_page_goes_through_no_link_and_over_no_folder(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"precious")
    (tmp_path / "link.html").symlink_to(target)
    (tmp_path / "folder.html").mkdir()
    os.mkfifo(tmp_path / "pipe.html")
    for name in ("link.html", "folder.html", "pipe.html"):
        with pytest.raises(ExportError, match="not a regular file"):
            view.write(str(tmp_path / name), b"page")
    assert target.read_bytes() == b"precious"
    with pytest.raises(ExportError, match="No such file"):
        view.write(str(tmp_path / "missing" / "page.html"), b"page")
    with pytest.raises(ExportError, match="Not a directory"):
        view.write(str(target / "page.html"), b"page")
