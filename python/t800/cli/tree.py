"""A session's events as a tree: phases on top, then calls with what happened inside them."""

from __future__ import annotations

import bisect
import re
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from t800.cli.text import number, string

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    Event = Mapping[str, object]

_DIGITS = re.compile(r"\d{1,15}")
_SLACK_S = 0.002
"""Times in a file have millisecond precision."""


class Node:
    """An event with its place in time and the events that name it as their parent."""

    __slots__ = ("children", "event", "ms", "order", "start")

    def __init__(self, event: Event, fallback: float) -> None:
        self.event = event
        self.start = _seconds(event.get("timestamp"), fallback)
        self.ms = number(event, "duration_ms")
        self.order = _order(event.get("event_id"))
        self.children: list[Node] = []

    @property
    def end(self) -> float:
        """When it was over, in seconds since the epoch; its start where that is unknown."""
        return self.start + max(self.ms or 0.0, 0.0) / 1000


class Segment(NamedTuple):
    """A stretch of the session in one phase; `checkpoint` is the event that closed the phase."""

    phase: str
    checkpoint: Node | None
    roots: list[Node]

    @property
    def start(self) -> float:
        """When it began, in seconds since the epoch."""
        return self.checkpoint.start if self.checkpoint else self.roots[0].start


class Row(NamedTuple):
    """One line of the tree: a node, the guides left of it, and whether it is only there for its children."""

    node: Node
    guides: str
    context: bool


def _seconds(timestamp: object, fallback: float) -> float:
    try:
        return datetime.fromisoformat(timestamp).timestamp() if isinstance(timestamp, str) else fallback
    except (ValueError, OverflowError):
        return fallback


def _order(event_id: object) -> int:
    if isinstance(event_id, str) and event_id.isascii() and event_id[4:19].isdigit() and len(event_id) < 19:  # noqa: PLR2004
        return int(event_id[4:])
    found = _DIGITS.search(event_id) if isinstance(event_id, str) else None
    return int(found[0]) if found else 0


def nodes(events: Iterable[Event]) -> list[Node]:
    """One node per event, in the order in which the events began."""
    made: list[Node] = []
    for event in events:
        made.append(Node(event, made[-1].start if made else 0.0))
    return sorted(made, key=lambda node: (node.order, node.start))


def segments(events: Iterable[Event]) -> list[Segment]:
    """The phases of a session in the order in which they began, each with the tree of its events."""
    every = nodes(events)
    headings = [node for node in every if _closes_a_phase(node)]
    roots = _nest([node for node in every if not _closes_a_phase(node)])
    found = _consecutive(roots, headings)
    used = {id(segment.checkpoint) for segment in found}
    found += [Segment(_phase_name(node), node, []) for node in headings if id(node) not in used]
    return sorted(found, key=lambda segment: segment.start)


def _closes_a_phase(node: Node) -> bool:
    return node.event.get("type") == "checkpoint" and node.ms is not None


def _phase_name(node: Node) -> str:
    return string(node.event, "phase_name")


def _nest(every: list[Node]) -> list[Node]:
    """Hang each node below its parent. A parent began earlier, so a forged circle stays in the open."""
    known: dict[object, Node] = {}
    roots: list[Node] = []
    for node in every:
        parent_id = node.event.get("parent_id")
        parent = known.get(parent_id) if isinstance(parent_id, str) else None
        (parent.children if parent else roots).append(node)
        event_id = node.event.get("event_id")
        if isinstance(event_id, str):
            known[event_id] = node
    return roots


def _consecutive(roots: list[Node], headings: list[Node]) -> list[Segment]:
    found: list[Segment] = []
    by_name: dict[str, list[Node]] = {}
    for node in sorted(headings, key=_start):
        by_name.setdefault(_phase_name(node), []).append(node)
    for root in roots:
        phase = string(root.event, "phase")
        last = found[-1] if found else None
        if last and last.phase == phase and last.checkpoint and _covers(last.checkpoint, root.start):
            last.roots.append(root)
            continue
        heading = _heading(root, by_name.get(phase, [])) if phase else None
        if not last or (last.phase, last.checkpoint) != (phase, heading):
            found.append(Segment(phase, heading, []))
        found[-1].roots.append(root)
    return found


def _start(node: Node) -> float:
    return node.start


def _heading(root: Node, headings: list[Node]) -> Node | None:
    """The checkpoint of the phase in which a root began, or ended: a call told afterwards may have begun before it."""
    return _covering(root.start, headings) or _covering(root.end, headings)


def _covering(second: float, headings: list[Node]) -> Node | None:
    position = bisect.bisect_right(headings, second + _SLACK_S, key=_start)
    node = headings[position - 1] if position else None
    return node if node is not None and _covers(node, second) else None


def _covers(heading: Node, second: float) -> bool:
    return heading.start - _SLACK_S <= second <= heading.end + _SLACK_S


def rows(roots: list[Node], wanted: Callable[[Event], bool] | None) -> Iterator[Row]:
    """The lines of a tree, parents before children: what is wanted (None: all), and what it hangs on."""
    if wanted is None:
        yield from _rows(roots, lambda nodes: nodes, lambda _: False)
        return
    kept = _kept(roots, wanted)
    yield from _rows(
        roots, lambda nodes: [node for node in nodes if id(node) in kept], lambda node: not wanted(node.event)
    )


def count(roots: list[Node], wanted: Callable[[Event], bool] | None) -> int:
    """How many lines `rows` gives."""
    if wanted is not None:
        return len(_kept(roots, wanted))
    counted = 0
    left = [roots]
    while left:
        nodes = left.pop()
        counted += len(nodes)
        left += [node.children for node in nodes if node.children]
    return counted


def _rows(
    roots: list[Node], choose: Callable[[list[Node]], list[Node]], is_context: Callable[[Node], bool]
) -> Iterator[Row]:
    stack = [(root, "", "") for root in reversed(choose(roots))]
    while stack:
        node, guides, below = stack.pop()
        yield Row(node, guides, is_context(node))
        if node.children:
            chosen = choose(node.children)
            last = len(chosen) - 1
            for position in range(last, -1, -1):
                guide, under = ("└ ", "  ") if position == last else ("├ ", "│ ")
                stack.append((chosen[position], below + guide, below + under))


def _kept(roots: list[Node], wanted: Callable[[Event], bool]) -> set[int]:
    """Identities of the wanted nodes and of all their ancestors (without recursion: depth is not ours)."""
    kept: set[int] = set()
    path: list[tuple[Node, bool]] = [(root, False) for root in roots]
    while path:
        node, seen = path.pop()
        if seen:
            if wanted(node.event) or any(id(child) in kept for child in node.children):
                kept.add(id(node))
            continue
        path.append((node, True))
        path.extend((child, False) for child in node.children)
    return kept
