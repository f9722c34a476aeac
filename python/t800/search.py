"""Find events by what they say, in all traces: raw bytes are looked at first, and only what may hold a hit is read."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from t800.reader import SessionTrace
    from t800.trace_file import Event, MayHold

__all__ = ["Hit", "Match", "Query", "search"]

_PLAIN = re.compile(r"[A-Za-z0-9 _.,:;=+*#@!?()~-]+")
"""What every writer of JSON spells as it is."""
_ASCII_IN_DISGUISE = re.compile("\u0130|\u0131|\u017f|\u212a".encode())
"""Letters that are an i, an s or a k to those who ignore case."""
_MOST_MATCHES = 20


class Match(NamedTuple):
    """Where in an event: the field, as `parameters_redacted.command`, its text, and the place in it."""

    field: str
    text: str
    start: int
    end: int


class Hit(NamedTuple):
    """An event that was found, and where it holds what was looked for; no matches where no text was asked."""

    trace: SessionTrace
    event: Event
    matches: list[Match]


@dataclass(frozen=True)
class Query:
    """What to look for: all that is given must be in one event. Names of tools, errors, models may have `*`."""

    text: str = ""
    regex: bool = False
    exact_case: bool = False
    tool: str | None = None
    error_type: str | None = None
    model: str | None = None
    holds: Callable[[object], bool] | None = None
    """Whether a timestamp is wanted."""
    _pattern: re.Pattern[str] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Compile the text; `re.error` where it is no regular expression."""
        if self.text:
            pattern = self.text if self.regex else re.escape(self.text)
            object.__setattr__(self, "_pattern", re.compile(pattern, 0 if self.exact_case else re.IGNORECASE))

    @property
    def names(self) -> dict[str, str]:
        """The fields that must have a certain value."""
        given = {"tool": self.tool, "error_type": self.error_type, "model": self.model}
        return {name: value for name, value in given.items() if value is not None}

    def matches(self, event: Event) -> list[Match] | None:
        """Where an event holds the text; None where it is not what is looked for."""
        if self.holds is not None and not self.holds(event.get("timestamp")):
            return None
        for name, wanted in self.names.items():
            value = event.get(name)
            if not isinstance(value, str) or not fnmatch.fnmatchcase(value.lower(), wanted.lower()):
                return None
        if self._pattern is None:
            return []
        return _matches(event, self._pattern) or None

    def may_hold(self) -> MayHold | None:
        """A first look at a piece of a file; None where nothing can be told from its bytes."""
        texts = [] if self.regex else [self.text]
        texts += [re.split(r"[*?\[]", name)[0] for name in self.names.values()]
        wanted = [longest.lower().encode() for text in texts if (longest := _longest_plain(text))]
        if not wanted:
            return None

        def look(piece: bytes) -> bool:
            lowered = piece.lower()
            return all(text in lowered for text in wanted) or (
                not piece.isascii() and _ASCII_IN_DISGUISE.search(piece) is not None
            )

        return look


def search(traces: Iterable[SessionTrace], query: Query) -> Iterator[Hit]:
    """All hits, session by session in the order given, in each in the order of its files."""
    look = query.may_hold()
    for trace in traces:
        for batch in trace.batches(look):
            for event in batch:
                matches = query.matches(event)
                if matches is not None:
                    yield Hit(trace, event, matches)


def _longest_plain(text: str) -> str:
    return max(_PLAIN.findall(text), key=len, default="")


def _matches(event: Mapping[str, Any], pattern: re.Pattern[str]) -> list[Match]:
    found: list[Match] = []
    left: list[tuple[str, Any]] = [(name, event[name]) for name in reversed(list(event))]
    while left and len(found) < _MOST_MATCHES:
        path, value = left.pop()
        if isinstance(value, dict):
            left += [(f"{path}.{name}", value[name]) for name in reversed(value)]
        elif isinstance(value, list):
            left += [(f"{path}[{n}]", value[n]) for n in reversed(range(len(value)))]
        else:
            text = _spelled(value)
            if place := pattern.search(text):
                found.append(Match(path, text, *place.span()))
    return found


def _spelled(value: object) -> str:
    """A value as the trace spells it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)
