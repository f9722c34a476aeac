"""The JSON Schema of the trace file, and the laws that a schema cannot say.

A trace is valid when each file is one event per line, each line keeps the schema, event ids are unique over
all parts, parents exist, parts follow one another, and each summary is the fold of its events.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from t800.errors import CorruptTraceError, SessionNotFoundError
from t800.reader import FORMAT
from t800.schema.checker import Checker, Fault
from t800.summary import Fold, derive, is_summary, merge
from t800.trace_file import NAME, Event, Part, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from t800.reader import SessionTrace

__all__ = ["Problem", "trace_schema", "validate", "validate_session"]

_MOST_PROBLEMS = 100
_EVENTS = b'"events":['
_CLOSING = b'],"summary":'
_FROM_EVENTS = ("by_day", "durations")


class Problem(NamedTuple):
    """What is wrong with a trace file, in a sentence, and where.

    `line` counts from 1, 0 is the whole file; `path` is the place in that line's JSON (`/summary/errors`).
    """

    file: str
    line: int
    path: str
    sentence: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.path} {self.sentence}" if self.path else f"{place}: {self.sentence}"


@lru_cache(maxsize=1)
def trace_schema() -> Mapping[str, Any]:
    """The JSON Schema (2020-12) of a trace file."""
    from importlib.resources import files

    schema = parse(files(__name__).joinpath("trace.schema.json").read_bytes())
    if schema is None:
        raise CorruptTraceError("the schema that ships with T-800 is damaged", hint="Install it again")
    return schema


def validate(path: str | os.PathLike[str]) -> list[Problem]:
    """The problems of one trace file (at most 100), in the order of its lines.

    Of a session in several parts it sees only this one: that parents exist is then left to
    `validate_session`. Raises `SessionNotFoundError` where there is no such file.
    """
    name = os.fspath(path)
    try:
        info = os.lstat(name)
    except OSError as error:
        raise SessionNotFoundError(f"there is no file {name!r} ({error.strerror})") from error
    match = NAME.fullmatch(os.path.basename(name))
    part = Part(name, int(match["part"] or 1) if match else 1, info)
    alone = part.number == 1 and match is not None and not os.path.lexists(_second_part(name))
    return _Session([part], match["id"] if match else None, whole=alone or match is None).problems()


def validate_session(trace: SessionTrace) -> list[Problem]:
    """The problems of all parts of a session (at most 100), and of their relation to one another."""
    return _Session(trace.parts, trace.id_in_name, whole=trace.retired is None and not trace.live).problems()


def _second_part(name: str) -> str:
    return f"{name.removesuffix('.gz').removesuffix('.json')}.part2.json"


class _Session:
    """Checks the parts of one session, one after the other."""

    def __init__(self, parts: Iterable[Part], session_id: str | None, *, whole: bool) -> None:
        self._parts = list(parts)
        self._session_id = session_id
        self._whole = whole
        self._checker = Checker(trace_schema())
        self._found: list[Problem] = []
        self._newer = False
        self._ids: dict[str, tuple[Part, int]] = {}
        self._parents: dict[str, tuple[Part, int]] = {}

    def problems(self) -> list[Problem]:
        for before, part in zip([None, *self._parts], self._parts, strict=False):
            if before is not None and part.number != before.number + 1:
                self._add(part, 0, "", f"follows part {before.number}; the parts between are missing")
            try:
                self._part(part)
            except CorruptTraceError as error:
                self._add(part, error.line or 0, "", error.problem)
        if self._whole:
            self._check_parents()
        return self._found

    def _part(self, part: Part) -> None:
        document = _Document(self, part)
        for number, line in enumerate(part.lines(), 1):
            document.take(number, line)
            if len(self._found) >= _MOST_PROBLEMS:
                return
        document.end()

    def header(self, part: Part, line: int, header: dict[str, Any]) -> None:
        whole = header | {"events": [], "summary": _NOTHING}
        metadata = header.get("metadata")
        self._look_at_format(part, line, metadata.get("schema") if isinstance(metadata, dict) else None)
        self._faults(part, line, self._checker.check(whole))
        given, known = header.get("session_id"), self._session_id
        if known is not None and known != given and not known.startswith(f"{given}-"):
            self._add(part, line, "/session_id", f"is {given!r}, but the file is named after {known!r}")
        number = metadata.get("part", 1) if isinstance(metadata, dict) else 1
        if isinstance(metadata, dict) and metadata.get("mode") == "flight":
            self._whole = False
        if number != part.number:
            self._add(
                part, line, "/metadata/part", f"is {number}, but the file is named as part {part.number}"
            )

    def _look_at_format(self, part: Part, line: int, version: object) -> None:
        """Of a newer format the schema says nothing; one problem tells so, instead of one for each new field."""
        self._newer = isinstance(version, int) and version > FORMAT
        if self._newer:
            known = (
                f"is {version}, newer than {FORMAT}, which this T-800 knows: fields and types are not checked"
            )
            self._add(part, line, "/metadata/schema", known)

    def event(self, part: Part, line: int, event: Event) -> None:
        self._faults(part, line, self._checker.check(event, self._checker.definition("event")))
        event_id, parent = event.get("event_id"), event.get("parent_id")
        if isinstance(event_id, str):
            if event_id in self._ids:
                first, at = self._ids[event_id]
                self._add(
                    part, line, "/event_id", f"{event_id!r} is taken already by line {at} of {first.path}"
                )
            self._ids.setdefault(event_id, (part, line))
        if isinstance(parent, str):
            self._parents.setdefault(parent, (part, line))

    def summary(self, part: Part, line: int, summary: object, events: Mapping[str, Any]) -> None:
        self._faults(
            part, line, self._checker.check(summary, self._checker.definition("summary"), "/summary")
        )
        if is_summary(summary) and isinstance(summary, dict):
            for name, given, counted in _differences(summary, events):
                self._add(part, line, f"/summary/{name}", f"is {given}, but the events add up to {counted}")
            if summary.get("state") == "live":
                self._whole = False

    def bad(self, part: Part, line: int, sentence: str) -> None:
        self._add(part, line, "", sentence)

    def _check_parents(self) -> None:
        for parent, (part, line) in self._parents.items():
            if parent not in self._ids:
                self._add(part, line, "/parent_id", f"is {parent!r}, which is no event of this session")

    def _faults(self, part: Part, line: int, faults: Iterator[Fault]) -> None:
        for fault in () if self._newer else faults:
            self._add(part, line, fault.path, fault.sentence)

    def _add(self, part: Part, line: int, path: str, sentence: str) -> None:
        if len(self._found) < _MOST_PROBLEMS:
            self._found.append(Problem(part.path, line, path, sentence))


class _Document:
    """The lines of one file: a header line, events joined by commas, the closing line."""

    def __init__(self, session: _Session, part: Part) -> None:
        self._session = session
        self._part = part
        self._fold = Fold()
        self._last_event = 0
        self._comma = 0
        self._closed = 0
        self._number = 0

    def take(self, number: int, line: bytes) -> None:
        self._number = number
        text = line.rstrip(b" \r")
        if self._closed:
            if text:
                self._bad("stands behind the closing line")
        elif number == 1:
            self._take_header(text)
        elif text.startswith(b"]"):
            self._take_closing(text)
        elif text:
            self._take_event(text)
        else:
            self._bad("is empty")

    def end(self) -> None:
        if not self._closed:
            self._session.bad(self._part, self._number, "the closing line with the summary is missing")

    def _take_header(self, text: bytes) -> None:
        header = parse(text + b"]}") if text.endswith(_EVENTS) else None
        if header is None:
            raise CorruptTraceError(
                'is not the first line of a trace file, which ends with "events":[', line=1
            )
        header.pop("events")
        self._session.header(self._part, 1, header)

    def _take_event(self, text: bytes) -> None:
        if self._last_event and self._comma != self._last_event:
            self._bad("the event before it does not end with a comma")
        self._last_event = self._number
        if text.endswith(b","):
            self._comma = self._number
        event = parse(text.removesuffix(b","))
        if event is None:
            self._bad("is torn, or is not one event")
            return
        self._fold.add(event)
        self._session.event(self._part, self._number, event)

    def _take_closing(self, text: bytes) -> None:
        self._closed = self._number
        if self._last_event and self._comma == self._last_event:
            self._bad("the event before the closing line ends with a comma")
        document = parse(b"{" + text[2:]) if text.startswith(_CLOSING) else None
        if document is None or document.keys() != {"summary"}:
            self._bad("is torn, or is not the closing line")
            return
        self._session.summary(self._part, self._number, document["summary"], self._fold.summary())

    def _bad(self, sentence: str) -> None:
        self._session.bad(self._part, self._number, sentence)


_NOTHING = derive(merge())


def _differences(
    given: Mapping[str, Any], counted: Mapping[str, Any]
) -> Iterator[tuple[str, object, object]]:
    """Where a summary is not what its events add up to. What events cannot tell is not compared."""
    for name, value in counted.items():
        if name in given and name not in _FROM_EVENTS and not _alike(given[name], value):
            yield name, given[name], value
    if not _alike(given.get("by_day"), counted.get("by_day")):
        yield "by_day", "another", "other days"
    for group in ("tools", "models"):
        if "durations" in given and not _alike(_sums(given, group), _sums(counted, group)):
            yield f"durations/{group}", _sums(given, group), _sums(counted, group)


def _alike(one: object, two: object) -> bool:
    """Equal, where zero and absent are the same, and figures may differ in their last digit."""
    if isinstance(one, dict) and isinstance(two, dict):
        return all(_alike(one.get(name, 0), two.get(name, 0)) for name in one.keys() | two.keys())
    if isinstance(one, float) and isinstance(two, int | float):
        return abs(one - two) <= 1e-9 * max(1, abs(two))
    return one == two


def _sums(summary: Mapping[str, Any], group: str) -> dict[str, int]:
    """Of the histograms, what does not depend on which names had to share one."""
    durations = merge(summary).get("durations", {}).get(group, {})
    return {name: sum(histogram[name] for histogram in durations.values()) for name in ("count", "sum_us")}
