"""The shape of a session: phases, parents, order; also of a forged one."""

from typing import Any

import click
from tests.trace_files import error, llm, tool

from t800.cli import rows, tree


def at(second: float, **fields: Any) -> dict[str, Any]:
    return {"timestamp": f"2026-01-15T10:30:{second:06.3f}Z"} | fields


def phase(number: int, name: str, second: float, ms: float) -> dict[str, Any]:
    return at(second, event_id=f"evt_{number:03}", type="checkpoint", phase_name=name, status="completed",
              duration_ms=ms)  # fmt: skip


def everything(_: object) -> bool:
    return True


def outline(segment: tree.Segment) -> list[str]:
    return [row.guides + str(row.node.event["event_id"]) for row in tree.rows(segment.roots, everything)]


def test_children_hang_below_their_parents_in_the_order_they_began() -> None:
    events = [
        tool(3, parent_id="evt_001"),
        llm(4, parent_id="evt_002"),
        error(5, parent_id="evt_002"),
        tool(2, parent_id="evt_001"),
        tool(1),
        tool(6),
    ]
    (segment,) = tree.segments(events)
    assert outline(segment) == ["evt_001", "├ evt_002", "│ ├ evt_004", "│ └ evt_005", "└ evt_003", "evt_006"]


def test_phases_come_in_the_order_they_began_with_their_own_events() -> None:
    events = [
        tool(1, phase="THINK", **at(1.0)),
        phase(2, "THINK", 0.5, 1000),
        tool(3, phase="PLAN", **at(2.0)),
        phase(4, "PLAN", 1.8, 500),
        tool(5, phase="THINK", **at(3.0)),
        phase(6, "THINK", 2.9, 500),
        tool(7, **at(4.0)),
    ]
    found = tree.segments(events)
    assert [(segment.phase, outline(segment)) for segment in found] == [
        ("THINK", ["evt_001"]), ("PLAN", ["evt_003"]), ("THINK", ["evt_005"]), ("", ["evt_007"]),
    ]  # fmt: skip
    checkpoints = [segment.checkpoint.event["event_id"] if segment.checkpoint else None for segment in found]
    assert checkpoints == ["evt_002", "evt_004", "evt_006", None]


def test_a_phase_without_events_and_a_phase_without_an_end_are_shown() -> None:
    found = tree.segments([phase(1, "QUESTION", 1.0, 10), tool(2, phase="PLAN", **at(2.0))])
    assert [(segment.phase, segment.checkpoint is not None) for segment in found] == [
        ("QUESTION", True), ("PLAN", False),
    ]  # fmt: skip


def test_a_call_told_afterwards_belongs_to_the_phase_in_which_it_ended() -> None:
    told = llm(1, phase="PLAN", duration_ms=3500, **at(1.0))
    (segment,) = tree.segments([told, phase(2, "PLAN", 4.0, 600)])
    assert outline(segment) == ["evt_001"]


def test_forged_parents_lose_no_event() -> None:
    events = [
        tool(1, parent_id="evt_001"),
        tool(2, parent_id="evt_003"),
        tool(3, parent_id="evt_002"),
        tool(4, parent_id="nobody"),
        tool(5, parent_id=["evt_001"], event_id=None, timestamp=7),
    ]
    (segment,) = tree.segments(events)
    assert sorted(row.node.order for row in tree.rows(segment.roots, everything)) == [0, 1, 2, 3, 4]


def test_a_chain_deeper_than_the_interpreters_stack() -> None:
    events = [tool(number, parent_id=f"evt_{number - 1:03}") for number in range(1, 5001)]
    (segment,) = tree.segments(events)
    last = list(tree.rows(segment.roots, lambda event: event["event_id"] == "evt_5000"))
    assert len(last) == 5000
    assert [row.context for row in (last[0], last[-1])] == [True, False]
    assert rows.line(last[-1], rows.scale([], 80), "").cell_len <= 80


def test_filters_keep_what_an_event_hangs_on_and_nothing_beside_it() -> None:
    events = [tool(1), tool(2, parent_id="evt_001"), tool(3, parent_id="evt_001"), tool(4)]
    (segment,) = tree.segments(events)
    shown = list(tree.rows(segment.roots, lambda event: event["event_id"] == "evt_003"))
    assert [(row.guides + str(row.node.event["event_id"]), row.context) for row in shown] == [
        ("evt_001", True), ("└ evt_003", False),
    ]  # fmt: skip


def test_styles_end_where_their_words_end() -> None:
    (segment,) = tree.segments([tool(1), tool(2, parent_id="evt_001", success=False)])
    on = rows.scale(segment.roots, 80)
    parent, child = (
        rows.line(row, on, "") for row in tree.rows(segment.roots, lambda event: not event["success"])
    )
    styles = {text.strip(): style for text, style, _ in child.pieces}
    assert (styles["└"], styles["✗"], styles["read"], styles["src/2.py"]) == ("dim", "red", "bold", "")
    assert {style for text, style, _ in parent.pieces if "read" in text} == {"dim"}
    printed = child.rendered(colours=True)
    assert "\x1b[31m✗ \x1b[0m\x1b[1mread\x1b[0m  src/2.py" in printed
    assert click.unstyle(printed) == child.plain


def test_bars_lie_where_the_calls_lay() -> None:
    early, late = tree.nodes([tool(1, **at(0.0), duration_ms=5000), tool(2, **at(5.0), duration_ms=5000)])
    on = rows.scale([early, late], 80)
    assert on.bar(early) == "█" * 10
    assert on.bar(late) == " " * 10 + "█" * 10


def test_bars_of_absurd_times_stay_in_their_columns() -> None:
    every = tree.nodes(
        [
            tool(1, timestamp="9999-12-31T23:59:59Z", duration_ms=1e300),
            tool(2, timestamp="0001-01-01T00:00:00Z", duration_ms=-5),
            tool(3, timestamp="yesterday"),
        ]
    )
    on = rows.scale(every, 80)
    assert all(1 <= len(on.bar(node)) <= on.columns for node in every)
