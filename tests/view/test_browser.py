"""The page in a real browser: every view, by mouse and by keys, with friendly and with hostile sessions."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from tests.trace_files import error, llm, tool
from tests.view.conftest import Show

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.full

EVIL = (
    "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
    "<svg/onload=alert(3)>{{7*7}}javascript:alert(4)\x1b[2J\u202egpj.exe\u2066\u200b\x00'\"`&lt;"
)


def at(second: float) -> str:
    return f"2026-01-15T10:30:{second:06.3f}Z"


def phase(number: int, name: str, start: float, seconds: float, **fields: Any) -> dict[str, Any]:
    return {
        "event_id": f"evt_{number:03}", "timestamp": at(start), "type": "checkpoint", "phase_name": name,
        "status": "completed", "duration_ms": seconds * 1000, "phase": name,
    } | fields  # fmt: skip


def decision(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "event_id": f"evt_{number:03}",
        "timestamp": at(2),
        "type": "decision",
        "decision_type": "strategy",
    } | fields


def run() -> list[dict[str, Any]]:
    """An agent's run of eleven events: two phases, a sub-agent, an error that was recovered from, an interruption."""
    recovery = {"attempted": True, "strategy": "retry_shorter", "success": True}
    return [
        phase(1, "PLAN", 0.2, 6, attributes={"plan_complexity": 7}),
        llm(2, timestamp=at(0.3), duration_ms=3500, phase="PLAN", cached_tokens=500),
        tool(3, timestamp=at(4), tool="read", duration_ms=40, phase="PLAN"),
        decision(4, timestamp=at(5), outcome="edit in place", phase="PLAN"),
        phase(5, "EXECUTE", 6.5, 20),
        tool(6, timestamp=at(7), tool="delegate", duration_ms=9000, phase="EXECUTE", parameters_redacted={"agent": "r"}),
        tool(7, timestamp=at(8), tool="bash", duration_ms=2500, success=False, phase="EXECUTE", parent_id="evt_006",
             agent_id="reviewer", parameters_redacted={"command": "make test"}, result_redacted="[content hash: a1b2c3]"),
        error(8, timestamp=at(9), tool="bash", phase="EXECUTE", parent_id="evt_007", agent_id="reviewer", recovery=recovery),
        tool(9, timestamp=at(18), tool="bash", duration_ms=1200.25, phase="EXECUTE"),
        llm(10, timestamp=at(20), model="claude-haiku-4", duration_ms=900, phase="EXECUTE", cost_usd=0.0005),
        tool(11, timestamp=at(25), tool="deploy", duration_ms=None, success=None, interrupted=True, phase="EXECUTE"),
    ]  # fmt: skip


def until(page: Page, expression: str, arg: object = None) -> None:
    """Wait for something in the page; its policy forbids Playwright's own way of waiting."""
    for _ in range(400):
        if page.evaluate(expression, arg):
            return
        page.wait_for_timeout(25)
    pytest.fail(f"never true: {expression}")


def names(page: Page) -> list[str]:
    return page.locator(".tree .row b").all_inner_texts()


def details(page: Page) -> str:
    return page.locator(".details").inner_text()


def count(page: Page) -> str:
    return page.locator(".filters output").inner_text()


def test_the_head_says_what_happened_where_time_and_money_went(show: Show) -> None:
    page = show(run(), agent="billing-agent", state="recovered")
    head = page.locator("header.top").inner_text()
    assert "billing-agent" in head
    assert re.search(r"recovered: put together after a crash", head)
    tiles = page.locator(".tile").all_inner_texts()
    assert [tile.split("\n")[0] for tile in tiles] == [
        "Time",
        "Events",
        "Calls succeeded",
        "Tokens",
        "Cost",
        "Problems",
    ]
    assert [tile.split("\n")[1] for tile in tiles][1:5] == [
        "11",
        "83.3 %5 of 6",
        "3.0k → 1.6k16.7 % of the input cached",
        "$0.0235",
    ]
    assert "21 of them errors, 1 recovered · 1 interrupted" in tiles[5]
    legend = page.locator(".shares").first.inner_text()
    assert "delegate\n6.50 s · 11 %" in legend
    assert "between calls\n10.4 s · 17 %" in legend
    assert "claude-sonnet-4\n$0.0230 · 98 %" in page.locator(".shares").nth(1).inner_text()


def test_the_tree_hangs_calls_on_phases_and_on_calls(show: Show) -> None:
    page = show(run())
    levels = [
        (row.get_attribute("aria-level"), row.locator("b").inner_text())
        for row in page.locator(".tree .row").all()
    ]
    assert levels == [
        ("1", "PLAN"), ("2", "claude-sonnet-4"), ("2", "read"), ("2", "strategy"), ("1", "EXECUTE"), ("2", "delegate"),
        ("3", "bash"), ("4", "TOOL_TIMEOUT"), ("2", "bash"), ("2", "claude-haiku-4"), ("2", "deploy"),
    ]  # fmt: skip
    tree = page.get_by_role("treegrid", name="Events")
    assert tree.get_attribute("aria-rowcount") == "11"
    assert "interrupted" in page.locator(".tree .row", has_text="deploy").inner_text()


def test_the_tree_by_keys(show: Show) -> None:
    page = show(run())
    tree = page.get_by_role("treegrid")
    tree.focus()
    for key in ("ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
    assert "claude-sonnet-4" in details(page)
    chosen = page.locator(".tree .row[aria-selected=true]")
    assert chosen.get_attribute("id") == tree.get_attribute("aria-activedescendant") == "row-1"
    page.keyboard.press("Home")
    page.keyboard.press("ArrowLeft")
    assert chosen.get_attribute("aria-expanded") == "false"
    assert len(names(page)) == 8
    page.keyboard.press("ArrowRight")
    assert len(names(page)) == 11
    page.keyboard.press("-")
    assert names(page) == ["PLAN", "EXECUTE"]
    page.keyboard.press("*")
    page.keyboard.press("End")
    assert "deploy" in details(page)
    page.keyboard.press("ArrowLeft")
    assert "EXECUTE" in details(page).split("\n")[1]
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.className").startswith("details")
    page.keyboard.press("Escape")
    assert "Choose an event" in details(page)


def test_each_event_is_copied_as_it_stands_in_the_trace(show: Show) -> None:
    events = [
        *run(),
        tool(12, event_id="odd id", timestamp=at(26), duration_ms=1e-7, extra={"deep": [1, {"a": None}]}),
    ]
    page = show(events)
    page.get_by_role("treegrid").focus()
    copied = []
    for row in range(len(events)):
        page.keyboard.press("n")
        page.keyboard.press("c")
        until(page, "document.getElementById('said').textContent === 'Copied'")
        copied.append(json.loads(page.evaluate("navigator.clipboard.readText()")))
        assert len(copied) == row + 1
    assert sorted(map(repr_of, copied)) == sorted(map(repr_of, events))
    one = next(event for event in copied if event["event_id"] == "evt_007")
    assert list(one)[:5] == ["event_id", "timestamp", "type", "tool", "parameters_redacted"]


def repr_of(event: dict[str, Any]) -> str:
    return json.dumps(json.loads(json.dumps(event), parse_int=float), sort_keys=True)


def test_details_show_everything(show: Show) -> None:
    page = show(run())
    page.locator(".tree .row", has_text="make test").click()
    told = details(page)
    for part in (
        "failed",
        "2.50 s",
        "reviewer",
        "EXECUTE",
        "evt_007",
        "make test",
        "[content hash: a1b2c3]",
        "TOOL_TIMEOUT",
    ):
        assert part in told
    assert page.locator(".details mark").all_inner_texts() == ["[content hash: a1b2c3]"]
    page.locator(".details .inside button").click()
    assert "retry_shorter" in details(page)
    page.get_by_role("button", name=re.compile("bash evt_007")).click()
    assert "make test" in details(page)
    page.get_by_role("button", name="Close details").click()
    assert "Choose an event" in details(page)


@pytest.mark.parametrize(
    ("act", "left"),
    [
        (lambda page: page.get_by_role("button", name="tools 5").click(), 6),
        (lambda page: page.get_by_role("button", name="only problems").click(), 3),
        (lambda page: page.get_by_label("Tool or model").select_option("bash"), 3),
        (lambda page: page.get_by_label("Phase", exact=True).select_option("PLAN"), 4),
        (lambda page: page.get_by_label("Agent").select_option("reviewer"), 2),
        (lambda page: page.get_by_label("Duration").select_option("1000"), 7),
        (lambda page: page.locator(".key", has_text="claude-haiku-4").first.click(), 1),
        (lambda page: page.get_by_label("Search in all events").fill("MAKE Te"), 1),
        (lambda page: page.get_by_label("Search in all events").fill("haiku"), 1),
        (lambda page: page.get_by_label("Search in all events").fill("evt_009"), 1),
    ],
)
def test_filters(show: Show, act: Any, left: int) -> None:
    page = show(run())
    act(page)
    until(page, "document.querySelector('.filters output').textContent !== ''")
    assert count(page) == f"{left} of 11"
    assert len(page.locator(".tree .row:not(.faint)").all()) == left
    page.get_by_role("button", name="Show all").click()
    assert count(page) == ""
    assert len(names(page)) == 11


def test_a_search_that_finds_nothing_says_so(show: Show) -> None:
    page = show(run())
    page.keyboard.press("/")
    page.keyboard.type("nowhere")
    page.keyboard.press("Enter")
    assert count(page) == "no event fits"
    assert names(page) == []


def test_the_timeline_by_mouse_and_keys(show: Show) -> None:
    page = show(run())
    canvas = page.locator(".timeline canvas")
    box = canvas.bounding_box()
    assert box
    # PLAN lies at the left end of the strip of phases.
    page.mouse.click(box["x"] + 40, box["y"] + 32)
    assert "Phase · phase" in details(page)
    assert "PLAN" in details(page)
    before = pixels(page)
    lanes = page.locator(".timeline .lanes")
    lanes.focus()
    for key in ("+", "+", "ArrowRight"):
        page.keyboard.press(key)
    until(page, "before => document.querySelector('.timeline canvas').toDataURL() !== before", arg=before)
    closer = pixels(page)
    page.keyboard.press("0")
    until(page, "before => document.querySelector('.timeline canvas').toDataURL() === before", arg=before)
    page.mouse.move(box["x"] + 300, box["y"] + 60)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -300)
    page.keyboard.up("Control")
    until(page, "before => document.querySelector('.timeline canvas').toDataURL() !== before", arg=before)
    assert closer != before
    assert "arrow" not in lanes.get_attribute("aria-label", timeout=1000).lower()  # type: ignore[union-attr]
    assert lanes.get_attribute("role") == "application"


def pixels(page: Page) -> str:
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return str(page.evaluate("document.querySelector('.timeline canvas').toDataURL()"))


def test_problems_by_keys(show: Show) -> None:
    page = show(run())
    page.get_by_role("tab", name=re.compile("Run")).focus()
    for key in ("ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    assert page.get_by_role("tab", selected=True).inner_text() == "Problems2"
    rows = page.locator(".troubles .row")
    assert [row.split("\n")[1] for row in rows.all_inner_texts()] == [
        "TOOL_TIMEOUT in bash",
        "deploy · interrupted: it was still running at the end",
    ]
    assert "recovered by retry_shorter" in rows.first.inner_text()
    page.get_by_role("grid", name="What went wrong").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert "Tool call · interrupted" in details(page)
    page.keyboard.press("e")
    assert "Error · error" in details(page)


def test_the_summary_adds_up(show: Show) -> None:
    page = show(run(), overhead={"p50_us": 1.5, "p99_us": 9.0, "max_us": 20.0, "over_budget": 0})
    page.keyboard.press("2")
    texts = [re.sub(r"\s*\t\s*", "\t", text) for text in page.locator(".card").all_inner_texts()]
    cards = {text.split("\n")[0]: text for text in texts}
    assert list(cards) == [
        "Time by tool and model", "Models", "Tokens over time", "Cost over time", "Phases", "Agents", "Errors", "Recording",
    ]  # fmt: skip
    rows = {row.split("\t")[0]: row.split("\t")[1:] for row in cards["Time by tool and model"].split("\n")}
    assert rows["delegate"] == ["9.00 s", "6.50 s", "1", "0", "9.00 s", "9.00 s", "9.00 s"]
    assert rows["bash"] == ["3.70 s", "3.70 s", "2", "1", "1.20 s", "2.50 s", "2.50 s"]
    assert "claude-sonnet-4\t$0.0230\t1\t1,500\t33.3 %\t800\t229/s" in cards["Models"]
    assert "PLAN\t6.00 s\tcompleted\t3\tplan_complexity 7" in cards["Phases"]
    assert "TOOL_TIMEOUT\t1\t1\t1\tretry_shorter" in cards["Errors"]
    assert "p50 1.5 µs, p99 9.0 µs" in cards["Recording"]
    page.get_by_role("button", name="EXECUTE").click()
    assert "EXECUTE" in details(page)


def test_two_runs_are_aligned(show: Show) -> None:
    left = run()
    right = [event | {} for event in run() if event["event_id"] != "evt_003"]
    right[1]["duration_ms"] = 5000
    right[5] |= {"success": True, "parameters_redacted": {"command": "make check"}}
    right.insert(3, tool(12, timestamp=at(5.5), tool="grep", phase="PLAN"))
    page = show(left, right)
    assert page.get_by_role("tab", selected=True).inner_text() == "Compare"
    assert "8 equal · 2 changed · 1 only in A · 1 only in B" in page.locator(".bar").inner_text()
    told = [row.replace("\n", " ") for row in page.locator(".pairs .row").all_inner_texts()]
    assert [row for row in told if "+1.50 s" in row and "claude-sonnet-4" in row]
    assert [row for row in told if "failed → succeeded" in row and "make check" in row]
    assert [row for row in told if "only in A" in row and "read" in row]
    assert [row for row in told if "only in B" in row and "grep" in row]
    assert len(told) == 4
    page.get_by_label("show equal steps too").check()
    assert len(page.locator(".pairs .row").all()) == 12
    page.locator(".pairs .side", has_text="grep").click()
    assert page.get_by_role("tab", selected=True).inner_text() == "Run"
    assert "grep" in details(page)
    page.locator(".picker button").first.click()
    assert "grep" not in names(page)


def test_light_and_dark(show: Show) -> None:
    page = show(run(), color_scheme="dark")
    colour = "getComputedStyle(document.documentElement).backgroundColor"
    dark = page.evaluate(colour)
    drawn = pixels(page)
    page.keyboard.press("d")
    assert page.evaluate(colour) != dark
    assert pixels(page) != drawn
    page.emulate_media(color_scheme="light")
    page.get_by_role("button", name="Light or dark").click()
    assert page.evaluate(colour) == dark


@pytest.mark.parametrize("tab", ["Run", "Summary", "Problems", "Compare"])
def test_a_telephone_shows_all_of_it(show: Show, tab: str) -> None:
    page = show(run(), run(), wide=390, high=844)
    page.get_by_role("tab", name=re.compile(tab)).click()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    if tab == "Run":
        page.locator(".tree .row", has_text="make test").click()
        box = page.locator(".details").bounding_box()
        assert box
        assert (box["width"], box["height"] > 400) == (390, True)
        page.get_by_role("button", name="Close details").click()
        assert not page.locator(".details").is_visible()


def test_paper_gets_all_events(show: Show) -> None:
    page = show(run(), color_scheme="dark")
    page.evaluate(
        "addEventListener('beforeprint', () => document.title = document.documentElement.dataset.theme)"
    )
    assert page.pdf().startswith(b"%PDF")
    assert page.title() == "light"
    until(page, "document.documentElement.dataset.theme === 'dark'")
    assert len(page.locator("#printed tr").all()) == 11
    page.emulate_media(media="print")
    assert page.locator("#printed").is_visible()
    assert not page.locator(".tree").is_visible()


def test_keys_are_told(show: Show) -> None:
    page = show(run())
    page.keyboard.press("?")
    assert "next, previous problem" in page.get_by_role("dialog").inner_text()
    page.keyboard.press("Escape")
    assert not page.get_by_role("dialog").is_visible()


@pytest.mark.parametrize(
    ("state", "told"), [("closed", "closed"), ("live", "died: its process died without closing it")]
)
def test_a_session_without_events(show: Show, state: str, told: str) -> None:
    page = show([], state=state)
    assert "Nothing has been recorded in this session yet" in page.locator("main").inner_text()
    assert told in page.locator("header").first.inner_text()
    for key in ("2", "3", "1", "e", "n", "p", "c", "+", "/"):
        page.keyboard.press(key)


def test_a_session_of_one_event(show: Show) -> None:
    page = show([decision(1)])
    page.keyboard.press("n")
    assert "Decision · decision" in details(page)
    page.keyboard.press("3")
    assert "Nothing failed" in page.locator("main").inner_text()


def test_a_phase_that_was_never_closed_keeps_its_events_in_sight(show: Show) -> None:
    page = show([event for event in run() if event.get("phase_name") != "EXECUTE"])
    assert names(page)[4:6] == ["delegate", "bash"]


def every_field_is(evil: str) -> list[dict[str, Any]]:
    inside: Any = {evil: [evil, {evil: evil}]}
    fields = dict.fromkeys(
        ["phase", "agent_id", "source_id", "provider", "status", "outcome", "message"], evil
    )
    fields |= dict.fromkeys(
        ["parameters_redacted", "result_redacted", "messages_redacted", "attributes", "recovery"], inside
    )
    fields |= {evil: inside, "__proto__": inside, "constructor": inside}
    calls = [
        tool(1, tool=evil),
        llm(2, model=evil),
        decision(3, decision_type=evil),
        error(4, error_type=evil, tool=evil),
    ]
    odd = [
        tool(6, event_id=evil, parent_id=evil, timestamp=evil),
        {"type": evil},
        tool(7, duration_ms=evil, success=evil, tool=inside),
    ]
    strategy = {"recovery": {"attempted": True, "strategy": evil, "success": False}}
    return [event | fields for event in [*calls, phase(5, evil, 0, 9), *odd]] + [
        error(8, message=evil, **strategy)
    ]


def test_nothing_hostile_runs_and_everything_hidden_is_seen(show: Show) -> None:
    # The fixture fails where anything has run, asked, or been refused.
    events = every_field_is(EVIL)
    page = show(events, events[:4], agent=EVIL, redaction={EVIL: False}, redactions={EVIL: 3})
    page.get_by_label("show equal steps too").check()
    for key in ("2", "3", "4"):
        page.keyboard.press(key)
    page.keyboard.press("2")
    for _ in events:
        page.keyboard.press("n")
        assert "⟨U+202E⟩" in details(page)
    text = page.locator("body").inner_text()
    assert "<script>alert(1)</script>" in text
    assert "␛[2J⟨U+202E⟩gpj.exe⟨U+2066⟩⟨U+200B⟩␀" in text
    assert not re.search("[\x00-\x08\x0b-\x1f\u200b\u202a-\u202e\u2066-\u2069]", text)
    assert page.locator("img, iframe, object, embed, link, a, form:not([method=dialog])").count() == 0
    assert page.locator("script").count() == 1
    page.get_by_label("Search in all events").fill(EVIL[:40])
    until(page, "document.querySelector('.filters output').textContent.includes(' of ')")


def test_twenty_thousand_events(show: Show) -> None:
    events = [
        tool(
            number,
            timestamp=f"2026-01-15T10:{30 + number // 1000:02}:{number // 17 % 60:02}.{number % 1000:03}Z",
        )
        for number in range(1, 20_001)
    ]
    events[15_000] |= {"success": False, "tool": "needle"}
    page = show(events)
    assert page.locator(".tree .row").count() < 100
    page.keyboard.press("e")
    assert "needle" in details(page)
    assert page.locator(".tree .row[aria-selected=true]").is_visible()
    page.get_by_role("treegrid").focus()
    page.keyboard.press("End")
    assert "evt_20000" in details(page)
    assert page.locator(".tree .row[aria-selected=true]").is_visible()


def test_what_could_not_be_read_is_told(show: Show) -> None:
    page = show(run(), tear=b'{"event_id":"evt_006"')
    page.keyboard.press("3")
    assert "Not read: 2026-01-15_10-30-00_ses_a.json, line 7" in page.locator(".notes").inner_text()
