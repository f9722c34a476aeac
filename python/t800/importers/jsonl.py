"""JSON lines as `t800 export --format jsonl` writes them: an event on each, with its session's id and agent.

A million of them are never in memory at once: first it learns where each one stands, then it takes them one by one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from t800._times import micros
from t800.importers import Imported, Item
from t800.importers.source import bytes_at, lines
from t800.integrations._calls import text
from t800.trace_file import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from t800.importers.source import Note, Source

_TYPES = frozenset(["tool_call", "llm_call", "decision", "error", "checkpoint"])


class _Place(NamedTuple):
    """Where an event stands in its file; places are in the order in which their events began."""

    began: int
    number: str
    offset: int
    length: int


def knows(first: Sequence[dict[str, Any]]) -> bool:
    """Whether they are events with a session each."""
    return any(text(one.get("type")) in _TYPES and isinstance(one.get("session_id"), str) for one in first)


def read(sources: Iterable[Source], note: Note) -> Iterator[Imported]:
    """The sessions of files, one after the other."""
    for source in sources:
        places: dict[str, list[_Place]] = {}
        agents: dict[str, str] = {}
        began = 0
        for line in lines(source, note):
            session, kind = line.value.get("session_id"), text(line.value.get("type"))
            if not isinstance(session, str) or not session or kind not in _TYPES:
                note(source.path, line.number, "the line is no event of a session")
                continue
            began = micros(line.value.get("timestamp")) or began
            number = str(line.value.get("event_id") or "")
            places.setdefault(session, []).append(
                _Place(began, number.rjust(20, "0"), line.offset, line.length)
            )
            agents.setdefault(session, str(line.value.get("agent") or "agent"))
        for session, found in places.items():
            yield Imported(session, agents[session], _items(source, session, sorted(found)))


def _items(source: Source, session: str, places: list[_Place]) -> Iterator[Item]:
    for place, data in zip(places, bytes_at(source, places), strict=False):
        event = parse(data) or {}
        if event.pop("session_id", None) != session:
            return  # Somebody is writing the file anew.
        event.pop("agent", None)
        number, parent = event.pop("event_id", None), event.pop("parent_id", None)
        event.setdefault("source_id", f"{session}:{number or place.offset}")
        yield Item(str(number or ""), event, parent if isinstance(parent, str) else None)
