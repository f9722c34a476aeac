"""A session printed on the terminal: head, phases with their rows, foot."""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from t800.cli import rows, tree
from t800.cli.line import Line, screen
from t800.cli.text import clean, string

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from t800.cli.rows import Scale
    from t800.cli.tree import Node, Segment
    from t800.reader import SessionTrace

    Event = Mapping[str, object]
    Wanted = Callable[[Event], bool]


def print_session(
    trace: SessionTrace, wanted: Wanted | None, limit: int | None, family: Sequence[SessionTrace] = ()
) -> None:
    """Print the whole page; `limit` is the number of rows after which the rest is only counted.

    Without `wanted` all events are. `family` are the sessions that began inside this one; each is one line at the
    foot.
    """
    screen().write(_page(trace, wanted, limit, family))


def _page(
    trace: SessionTrace, wanted: Wanted | None, limit: int | None, family: Sequence[SessionTrace]
) -> Iterator[Line]:
    found = tree.segments([*trace.events(), *running(trace)])
    yield from head(trace)
    yield from _body(found, rows.scale(list(_roots(found)), screen().width), wanted, limit)
    for member in family:
        yield _member(member).fit(screen().width)
    yield from _foot(trace)


def running(trace: SessionTrace) -> list[Event]:
    """The calls and phases that a live session is in the middle of; they are no events yet."""
    if not trace.live:
        return []
    return [_as_running(event) for event, is_open in trace.waiting() if is_open]


def _as_running(event: Event) -> Event:
    status = {"status": "running"} if "status" in event else {}
    return {**event, **status, "interrupted": False, "running": True}


def _body(found: list[Segment], on: Scale, wanted: Wanted | None, limit: int | None) -> Iterator[Line]:
    every = (line for segment in found for line in _lines(segment, on, wanted))
    printed = 0
    for line in islice(every, limit):
        yield line()
        printed += 1
    hidden = sum(_count(segment, wanted) for segment in found) - printed
    if hidden:
        yield Line(f"… {hidden:,} more lines: --limit 0 prints all", "dim")
    elif not printed:
        yield Line("no event passes the filters" if found else "no events yet", "dim")


def _member(trace: SessionTrace) -> Line:
    text = Line("inside it ran  ", "dim")
    text.append_line(rows.headline(trace.metadata, trace.session_id, ""))
    return text.append(f"  {rows.totals(trace.summary(durations=False))}", "dim")


def head(trace: SessionTrace) -> Iterator[Line]:
    """Who ran when, the summary, and what recording itself did."""
    width = screen().width
    summary = trace.summary(durations=False)
    started = trace.started[:19].replace("T", " ")
    first = rows.headline(trace.metadata, trace.session_id, f"{started} UTC")
    yield first.append(f"  {trace.state(summary)}", "bold green" if trace.live else "dim").fit(width)
    yield Line(rows.totals(summary)).fit(width)
    margins = rows.margins(summary)
    if margins:
        yield Line(margins, "dim").fit(width)


def event_line(event: Event) -> Line:
    """One event on a line of its own, without a tree or bars."""
    on = rows.Scale(0.0, 1.0, 0, screen().width)
    return rows.line(tree.Row(tree.Node(event, 0.0), "", context=False), on, "")


def _roots(found: list[Segment]) -> Iterator[Node]:
    for segment in found:
        yield from segment.roots
        if segment.checkpoint is not None:
            yield segment.checkpoint


def _is_shown(segment: Segment, wanted: Wanted | None) -> bool:
    checkpoint = segment.checkpoint
    return checkpoint is not None and (wanted is None or wanted(checkpoint.event))


def _count(segment: Segment, wanted: Wanted | None) -> int:
    """How many lines `_lines` gives."""
    events = tree.count(segment.roots, wanted)
    if not events and not _is_shown(segment, wanted):
        return 0
    return events + 1 + bool(segment.phase or segment.checkpoint is not None)


def _lines(segment: Segment, on: Scale, wanted: Wanted | None) -> Iterator[Callable[[], Line]]:
    """A phase's heading and rows, laid out when they are printed; nothing where the filters leave none."""
    shown = tree.rows(segment.roots, wanted)
    first = next(shown, None)
    if first is None and not _is_shown(segment, wanted):
        return
    yield Line
    if segment.phase or segment.checkpoint is not None:
        yield partial(rows.heading, segment, on)
    if first is None:
        return
    agents = [""]
    for row in (first, *shown):
        depth = len(row.guides) // 2
        del agents[depth + 1 :]
        yield partial(rows.line, row, on, agents[-1])
        agents.append(string(row.node.event, "agent_id"))


def _foot(trace: SessionTrace) -> Iterator[Line]:
    yield Line()
    if trace.newer is not None:
        yield Line(
            f"written by a newer T-800, in format {trace.newer}: some of it may not be shown; --json has all of it",
            "yellow",
        )
    for damage in trace.damage:
        place = f"line {damage.line} " if damage.line else ""
        yield Line(f"damaged: {place}{clean(damage.problem)}", "yellow")
    for part in trace.parts:
        yield Line(clean(part.path), "dim")
