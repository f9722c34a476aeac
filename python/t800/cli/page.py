"""A session printed on the terminal: head, phases with their rows, foot."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from t800.cli import rows, tree
from t800.cli.text import clean, string

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from t800.cli.rows import Scale
    from t800.cli.tree import Node, Segment
    from t800.reader import SessionTrace

    Event = Mapping[str, object]
    Wanted = Callable[[Event], bool]


@cache
def console() -> Console:
    """The terminal, or 80 columns without colour where stdout is a pipe or a file."""
    return Console(highlight=False, markup=False, emoji=False)


def print_session(
    trace: SessionTrace, wanted: Wanted, limit: int | None, family: Sequence[SessionTrace] = ()
) -> None:
    """Print the whole page; `limit` is the number of rows after which the rest is only counted.

    `family` are the sessions that began inside this one; each is one line at the foot.
    """
    found = tree.segments(trace.events())
    on = rows.scale(list(_roots(found)), console().width)
    print_head(trace)
    printed = hidden = 0
    for line in (line for segment in found for line in _lines(segment, on, wanted)):
        if limit is None or printed < limit:
            _print(line())
            printed += 1
        else:
            hidden += 1
    if hidden:
        _print(Text(f"… {hidden:,} more lines: --limit 0 prints all", style="dim"))
    elif not printed:
        _print(Text("no event passes the filters" if found else "no events yet", style="dim"))
    for member in family:
        _print(_member(member))
    _print_foot(trace)


def _member(trace: SessionTrace) -> Text:
    text = Text().append("inside it ran  ", style="dim")
    text.append_text(rows.headline(trace.metadata, trace.session_id, ""))
    return text.append(f"  {rows.totals(trace.summary())}", style="dim")


def print_head(trace: SessionTrace) -> None:
    """Who ran when, the summary, and what recording itself did."""
    summary = trace.summary()
    started = trace.started[:19].replace("T", " ")
    head = rows.headline(trace.metadata, trace.session_id, f"{started} UTC")
    state = trace.state(summary)
    head.append(f"  {state}", style="bold green" if trace.live else "dim")
    _print(head)
    _print(Text(rows.totals(summary)))
    margins = rows.margins(summary)
    if margins:
        _print(Text(margins, style="dim"))


def print_event(event: Event) -> None:
    """One event on a line of its own, without a tree or bars."""
    on = rows.Scale(0.0, 1.0, 0, console().width)
    row = tree.Row(tree.Node(event, 0.0), "", context=False)
    _print(rows.line(row, on, ""))


def _print(line: Text) -> None:
    console().print(line, no_wrap=True, overflow="ellipsis")


def _roots(found: list[Segment]) -> Iterator[Node]:
    for segment in found:
        yield from segment.roots
        if segment.checkpoint is not None:
            yield segment.checkpoint


def _lines(segment: Segment, on: Scale, wanted: Wanted) -> Iterator[Callable[[], Text]]:
    """A phase's heading and rows, laid out when they are printed; nothing where the filters leave none."""
    shown = tree.rows(segment.roots, wanted)
    first = next(shown, None)
    if first is None and not (segment.checkpoint is not None and wanted(segment.checkpoint.event)):
        return
    yield Text
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


def _print_foot(trace: SessionTrace) -> None:
    console().print()
    for damage in trace.damage:
        place = f"line {damage.line} " if damage.line else ""
        console().print(Text(f"damaged: {place}{clean(damage.problem)}", style="yellow"), soft_wrap=True)
    for part in trace.parts:
        console().print(Text(clean(part.path), style="dim"), soft_wrap=True)
