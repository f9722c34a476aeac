"""Read traces back: list the sessions of a telemetry folder, find one, walk its events, follow it live."""

from __future__ import annotations

import os
import re
import stat
import time
from itertools import chain, groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from t800.errors import CorruptTraceError, SessionNotFoundError, TraceFileError
from t800.layout import read_own_file
from t800.summary import Summary, days, derive, fold_events, is_summary, merge
from t800.trace_file import MAX_LINE, NAME, Event, Part, Tail, parse, read_batches

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from t800.layout import Layout
    from t800.trace_file import MayHold

__all__ = [
    "FORMAT",
    "Damage",
    "Event",
    "SessionTrace",
    "Skipped",
    "Waiting",
    "both_spellings",
    "carries",
    "families",
    "family",
    "of_stem",
    "resolve",
    "scan",
    "sessions",
]

FORMAT = 1
"""The newest version of the trace file's format that this version of T-800 knows."""

_HOOK_LIFE_S = 24 * 3600
_NUMBERED = re.compile(r"-[0-9]+\Z")
_MOST_DAMAGE = 100
_MOST_TOLD = 1 << 18  # More than a ring of 64 MiB can hold.


class Damage(NamedTuple):
    """Something in a file that could not be read: where (line from 1, 0 = the whole file) and what."""

    file: str
    line: int
    problem: str


class Skipped(NamedTuple):
    """A file in the traces folder that is not a trace of ours, and why it was passed over."""

    file: str
    reason: str


class Waiting(NamedTuple):
    """An event that is in a ring and in no file yet; `open` is a call that has begun and not ended."""

    event: Event
    open: bool


class SessionTrace:
    """One recorded session: its files, and what is in them. Making one opens nothing.

    `stem` is the common beginning of its files' names, `parts` the files in order, `damage` what reading has
    met so far and could not read (at most 100 entries).
    """

    def __init__(self, stem: str, id_in_name: str, parts: Iterable[Part], private: str | None = None) -> None:
        self.stem = stem
        self.id_in_name = id_in_name
        self.parts = sorted(parts, key=lambda part: part.number)
        self.damage: list[Damage] = []
        self._private = private
        self._header: dict[str, Any] | None = None

    def __repr__(self) -> str:
        return f"SessionTrace({self.stem!r})"

    @property
    def header(self) -> dict[str, Any]:
        """The first line of the first part: session_id, timestamp, metadata. Raises `CorruptTraceError`."""
        if self._header is None:
            self._header = self.parts[0].header()
        return self._header

    def remember(self, header: dict[str, Any], part: Part) -> None:
        """Take the header of one of the parts from one who has read it already; that of the first one counts."""
        if part is self.parts[0] and isinstance(header.get("session_id"), str):
            self._header = header

    @property
    def session_id(self) -> str:
        """The session's id: where its file's name has a number behind it (`id-2`, a second document), without that."""
        if _NUMBERED.search(self.id_in_name):
            given = self._header_field("session_id")
            if isinstance(given, str) and carries(self.id_in_name, given):
                return given
        return self.id_in_name

    @property
    def metadata(self) -> dict[str, Any]:
        """The header's metadata, empty where there is none or the header cannot be read."""
        metadata = self._header_field("metadata")
        return metadata if isinstance(metadata, dict) else {}

    @property
    def newer(self) -> int | None:
        """The version of the trace's format where it is newer than `FORMAT`, else None.

        Such a trace is read as far as it is understood; events and fields that are not known are given as they are.
        """
        version = self.metadata.get("schema")
        return version if isinstance(version, int) and version > FORMAT else None

    @property
    def started(self) -> str:
        """When the session began, RFC 3339 in UTC: from the header, else from the file's name."""
        given = self._header_field("timestamp")
        return given if isinstance(given, str) else _time_in_name(self.stem)

    @property
    def size(self) -> int:
        """Bytes on disk, all parts."""
        return sum(part.size for part in self.parts)

    @property
    def mtime_ns(self) -> int:
        """The last change of any part, in ns since 1970."""
        return max(part.mtime_ns for part in self.parts)

    @property
    def live(self) -> bool:
        """Whether the session is still being recorded: its lock is held.

        Where hooks write (processes that live for one event) the lock is free between them: then it is live
        while its file of begins is there, no end was written, and the last change is less than 24 hours ago.
        """
        if self._private is None:
            return False
        if _locked(self._private, self.stem):
            return True
        return os.path.lexists(os.path.join(self._private, f"{self.stem}.open")) and self.unfinished

    def state(self, summary: Mapping[str, object]) -> str:
        """How this session stands, by its `summary` and its lock.

        `live`; `died` where its process ended without closing it and nobody has recovered it yet; else what the
        summary says: `closed` or `recovered`.
        """
        if self.live:
            return "live"
        told = summary.get("state")
        return "died" if told == "live" else str(told or "closed")

    @property
    def unfinished(self) -> bool:
        """Whether no end was written and the last change is less than 24 hours ago: live, or died lately."""
        if abs(time.time() - self.mtime_ns / 1e9) > _HOOK_LIFE_S:
            return False
        try:
            if self.parts[-1].is_ended():
                return False
            closing = self.parts[-1].closing()
        except CorruptTraceError:
            return False
        return closing is None or closing.get("state") == "live"

    @property
    def retired(self) -> Summary | None:
        """The summary of this session's parts that retention has taken away, None when all are here."""
        if self._private is None:
            return None
        try:
            text = read_own_file(os.path.join(self._private, f"{self.stem}.retired"), MAX_LINE)
        except (OSError, TraceFileError):
            return None
        summary = parse(text)
        return summary if is_summary(summary) else None

    def lines(self) -> Iterator[bytes]:
        """All lines of all parts as they are, headers and closing lines too. Raises `CorruptTraceError`."""
        for part in self.parts:
            yield from part.lines()

    def events(self) -> Iterator[Event]:
        """What was recorded: the events of all parts in the files' order, then those that only a ring has yet.

        What cannot be read is in `damage`, never raised. Calls in flight are among them only where their process has
        died, as the interrupted ones that recovery will make of them; `waiting` has those of a live session.
        """
        return chain.from_iterable(self.batches())

    def batches(
        self, may_hold: MayHold | None = None, parts: Iterable[Part] | None = None
    ) -> Iterator[list[Event]]:
        """The events as `events` gives them, many at a time.

        Pieces of files for which `may_hold` says no are passed over unread, for a search. `parts` are this session's, in
        their order, from one who counts them while they are read.
        """
        live = self.live
        waiting = {str(event.get("event_id")): event for event, _ in self.waiting(in_flight=not live)}
        for part in parts or self.parts:
            # An event may have come into its file after the ring was looked at.
            for batch in self._part_batches(part, None if waiting else may_hold, live=live):
                yield batch
                if waiting:
                    for event in batch:
                        waiting.pop(str(event.get("event_id")), None)
        if waiting:
            yield list(waiting.values())

    def part_events(self, part: Part) -> Iterator[Event]:
        """The events of one of the parts, as `events` gives them."""
        return chain.from_iterable(self._part_batches(part, live=self.live))

    def _part_batches(
        self, part: Part, may_hold: MayHold | None = None, *, live: bool
    ) -> Iterator[list[Event]]:
        def note(line: int, problem: str) -> None:
            self._note(part, line, problem)

        try:
            yield from read_batches(part, note, may_hold, live=live)
        except CorruptTraceError as error:
            self._note(part, error.line or 0, error.problem)

    def waiting(self, *, in_flight: bool = True) -> list[Waiting]:
        """What rings hold of this session and its files may not have yet, in the order in which it was recorded.

        Only reads: of a live session what its writer will write next, of a dead one what recovery will. Some of the
        events may be in the files already. A session that has been closed has none. Where hooks write, what they have
        seen begin and not end.
        """
        if self._private is None or not self._may_wait():
            return []
        from t800._core import waiting
        from t800.layout import install_key

        traces = os.path.dirname(self.parts[0].path)
        found = waiting(traces, self._private, install_key()[0], self.stem)
        told = [(parse(line), is_open) for line, is_open in found if in_flight or not is_open]
        if in_flight:
            told += [(event, True) for event in _begun(os.path.join(self._private, f"{self.stem}.open"))]
        return [Waiting(event, is_open) for event, is_open in told if event is not None]

    @property
    def settled(self) -> bool:
        """Whether all of it is in its files: an end was written and its lock is gone, or nothing has changed for a day."""
        return not self._may_wait() or not (self.live or self.unfinished)

    def _may_wait(self) -> bool:
        """Whether nothing says that all of it is in its files: its lock is there, or no end was written."""
        if os.path.lexists(os.path.join(self._private or "", f"{self.stem}.lock")):
            return True
        try:
            closing = None if self.parts[-1].packed else self.parts[-1].closing()
        except CorruptTraceError:
            return False
        return not self.parts[-1].packed and (closing is None or closing.get("state") == "live")

    def summary(self, *, durations: bool = True) -> Summary:
        """The whole session's summary: the parts' closing lines added up, or their events where one is torn.

        Parts that retention has taken away stay counted. A session that cannot be read at all has zeros. Without
        `durations` it costs a third, for lists of many sessions.
        """
        pieces = [self.part_summary(part) for part in self.parts]
        if (retired := self.retired) is not None:
            pieces.insert(0, retired)
        if not durations:
            for piece in pieces:
                piece.pop("durations", None)
        total = merge(*pieces)
        if len(pieces) > 1:
            total.pop("by_day", None)
            if not all("durations" in piece for piece in pieces):
                total.pop("durations", None)
            total |= _by_day(days(piece, self.started[:10]) for piece in pieces)
        return derive(total)

    def part_summary(self, part: Part) -> Summary:
        """The summary of one of the parts; where there are several it says its day even if it has but one."""
        try:
            closing = part.closing()
        except CorruptTraceError:
            closing = None
        if closing is None:
            self._note(part, 0, "the last line holds no whole summary: counted from the events")
            closing = fold_events(self.part_events(part)) | {"state": "live", "ended": None}
        if "by_day" not in closing and len(self.parts) > 1:
            closing["by_day"] = days(closing, self.first_day(part))
        return closing

    def first_day(self, part: Part | None = None) -> str:
        """The UTC day of the first event (of one of the parts), else the day on which the session began."""
        try:
            event = (part or self.parts[0]).first_event() or {}
        except CorruptTraceError:
            event = {}
        given = event.get("timestamp")
        return given[:10] if isinstance(given, str) else self.started[:10]

    def follow(self, poll: float = 0.25) -> Iterator[Event]:
        """The events there are, then each new one once it is recorded, until the session ends.

        Looks every `poll` seconds, into the ring first: the file has what is recorded only seconds later. For a
        session that is not live it ends after the events there are.
        """
        part = self.parts[0]
        tail = Tail(part)
        told = _Told()
        try:
            while True:
                live = self.live
                waiting = self.waiting(in_flight=not live)
                yield from told.fresh(tail.new_events())
                following = self._part_after(part)
                if following is not None:
                    yield from told.fresh(tail.new_events())
                    tail.close()
                    part, tail = following, Tail(following)
                    continue
                yield from told.fresh(event for event, _ in waiting)
                if not live:
                    return
                # Also behind a closed part: the next one may be about to be made.
                time.sleep(poll)
        finally:
            tail.close()

    def _part_after(self, part: Part) -> Part | None:
        name = os.path.join(os.path.dirname(part.path), f"{self.stem}.part{part.number + 1}.json")
        return next(
            (found for path in (name, f"{name}.gz") if (found := _part_at(path, part.number + 1))), None
        )

    def _header_field(self, name: str) -> object:
        try:
            return self.header.get(name)
        except CorruptTraceError:
            return None

    def _note(self, part: Part, line: int, problem: str) -> None:
        damage = Damage(part.path, line, problem)
        if len(self.damage) < _MOST_DAMAGE and damage not in self.damage:
            self.damage.append(damage)


class _Told:
    """The ids of events that were given out lately: each comes out of the ring, and again out of its file."""

    def __init__(self) -> None:
        self._ids: dict[object, None] = {}

    def fresh(self, events: Iterable[Event]) -> Iterator[Event]:
        for event in events:
            number = event.get("event_id")
            if isinstance(number, str):
                if number in self._ids:
                    continue
                self._ids[number] = None
                if len(self._ids) > _MOST_TOLD:
                    del self._ids[next(iter(self._ids))]
            yield event


def sessions(layout: Layout) -> Iterator[SessionTrace]:
    """The recorded sessions, newest first. Files that are not ours are passed over; `scan` says which."""
    return _newest_first(_scan(layout.traces, layout.private)[0])


def scan(layout: Layout, *, in_order: bool = True) -> tuple[list[SessionTrace], list[Skipped]]:
    """All sessions of a telemetry folder, newest first, and the files that are none, with the reason.

    Not `in_order` it opens no file.
    """
    traces, skipped = _scan(layout.traces, layout.private)
    return list(_newest_first(traces)) if in_order else traces, skipped


def resolve(layout: Layout, ref: str) -> SessionTrace:
    """The session that a person means by `ref`.

    `last` (the newest run, not one that was started inside it), a session id, the beginning of an id or of a
    file's name (the newest that fits), or the path of a trace file. Raises `SessionNotFoundError` naming the
    nearest.
    """
    if os.sep in ref or (os.altsep or os.sep) in ref or ref.endswith((".json", ".json.gz")):
        return _from_path(ref)
    traces = _scan(layout.traces, layout.private)[0]
    if ref == "last" and traces:
        return _run_of(next(_newest_first(traces)), traces)
    exact = [trace for trace in traces if ref in (trace.id_in_name, trace.stem)]
    fitting = exact or [t for t in traces if ref and (t.id_in_name.startswith(ref) or t.stem.startswith(ref))]
    if fitting:
        return next(_newest_first(fitting))
    raise _not_found(ref, [trace.id_in_name for trace in traces], layout.traces)


def of_stem(layout: Layout, stem: str) -> SessionTrace:
    """The session whose files begin with exactly `stem`, without looking at any other file."""
    for trace in _scan(layout.traces, layout.private, stem)[0]:
        if trace.stem == stem:
            return trace
    raise SessionNotFoundError(f"no session's files begin with {stem!r}", file=layout.traces)


def family(layout: Layout, trace: SessionTrace) -> list[SessionTrace]:
    """The sessions begun inside `trace`, directly or further down (nested, child processes), oldest first."""
    known = _names(trace)
    members: list[SessionTrace] = []
    # Whoever began inside it did not begin before it.
    younger = [t for t in _scan(layout.traces, layout.private)[0] if t.stem[:19] >= trace.stem[:19]]
    for other in reversed(list(_newest_first(younger))):
        if other.stem != trace.stem and other.metadata.get("parent_session_id") in known:
            members.append(other)
            known |= _names(other)
    return members


def families(traces: list[SessionTrace]) -> list[list[SessionTrace]]:
    """The same sessions, each run with all that was begun inside it; in the order of their first ones."""
    by_name, found = _by_name(traces), dict[str, list[SessionTrace]]()
    for trace in traces:
        found.setdefault(_root(trace, by_name).stem, []).append(trace)
    return list(found.values())


def carries(in_name: str, in_header: str) -> bool:
    """Whether a file's name has the id of its header; behind one that was taken already stands a number."""
    return in_name == in_header or (
        in_name.startswith(f"{in_header}-") and in_name[len(in_header) + 1 :].isdecimal()
    )


def _names(trace: SessionTrace) -> set[object]:
    """What sessions begun inside this one call it: its id, or that of the run that hosts it (`t800 run`)."""
    return {trace.session_id, trace.metadata.get("host_session_id")} - {None}


def both_spellings(event: Event) -> Event:
    """An `llm_call` with tokens and cost under both names: prompt_tokens and tokens_in, cost_usd and cost."""
    if event.get("type") != "llm_call":
        return event
    names = {"prompt_tokens": "tokens_in", "completion_tokens": "tokens_out", "cost_usd": "cost"}
    return event | {short: event[name] for name, short in names.items() if name in event}


def _scan(folder: str, private: str, stem: str = "") -> tuple[list[SessionTrace], list[Skipped]]:
    """All sessions of a folder, or the one with that stem."""
    found: dict[str, dict[int, Part]] = {}
    skipped: list[Skipped] = []
    for path in _paths(folder, stem):
        match = NAME.fullmatch(path, len(folder) + 1)
        part = _part_at(path, int(match["part"] or 1)) if match else None
        if match is None or part is None:
            skipped.append(Skipped(path, "is not a regular file" if match else "has not a trace file's name"))
            continue
        parts = found.setdefault(match["stem"], {})
        # While a file is being compressed both are there, and the plain one is complete for as long as it is.
        if part.number not in parts or not part.packed:
            parts[part.number] = part
    traces = [SessionTrace(stem, stem[20:], parts.values(), private) for stem, parts in found.items()]
    return traces, skipped


def _paths(folder: str, beginning: str = "") -> list[str]:
    try:
        return sorted(f"{folder}{os.sep}{name}" for name in os.listdir(folder) if name.startswith(beginning))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise TraceFileError(f"cannot be listed ({error.strerror})", file=folder) from error


def _part_at(path: str, number: int) -> Part | None:
    try:
        info = os.lstat(path)
    except OSError:
        return None
    return Part(path, number, info) if stat.S_ISREG(info.st_mode) else None


def _newest_first(traces: Iterable[SessionTrace]) -> Iterator[SessionTrace]:
    """Names tell the second; only sessions of the same second need their headers read, when their turn comes."""
    by_name = sorted(traces, key=_stem, reverse=True)
    for _, of_a_second in groupby(by_name, key=_second):
        same = list(of_a_second)
        yield from sorted(same, key=lambda t: (t.started, t.stem), reverse=True) if len(same) > 1 else same


def _stem(trace: SessionTrace) -> str:
    return trace.stem


def _second(trace: SessionTrace) -> str:
    return trace.stem[:19]


def _run_of(trace: SessionTrace, traces: list[SessionTrace]) -> SessionTrace:
    return _root(trace, _by_name(traces)) if "parent_session_id" in trace.metadata else trace


def _by_name(traces: list[SessionTrace]) -> dict[object, SessionTrace]:
    """The sessions by what those inside them call them."""
    by_name = {name: other for other in traces for name in _names(other)}
    return by_name | {other.session_id: other for other in traces}


def _root(trace: SessionTrace, by_name: Mapping[object, SessionTrace]) -> SessionTrace:
    """The run that a session was begun in, however far up."""
    seen = {trace.stem}
    while (parent := by_name.get(str(trace.metadata.get("parent_session_id")))) and parent.stem not in seen:
        seen.add(parent.stem)
        trace = parent
    return trace


def _from_path(ref: str) -> SessionTrace:
    path = os.path.realpath(ref)
    folder, name = os.path.split(path)
    private = os.path.join(os.path.dirname(folder), ".t800")
    match = NAME.fullmatch(name)
    for trace in _scan(folder, private, match["stem"])[0] if match else ():
        if any(part.path == path for part in trace.parts):
            return trace
    part = _part_at(path, 1)
    if part is None:
        raise _not_found(ref, [os.path.basename(other) for other in _paths(folder)], folder)
    return SessionTrace(name.partition(".")[0], str(part.header()["session_id"]), [part])


def _begun(path: str) -> list[Event]:
    """The calls that hooks have seen begin and not end: lines of a file of theirs, the last of which may be torn."""
    try:
        lines = read_own_file(path, MAX_LINE).split(b"\n")
    except (OSError, TraceFileError):
        return []
    begun: dict[str, Event] = {}
    for told in filter(None, map(parse, lines)):
        if "end" in told:
            begun.pop(str(told["end"]), None)
        elif "begin" in told and isinstance(told.get("event"), dict):
            begun[str(told["begin"])] = told["event"]
    return list(begun.values())


def _not_found(ref: str, names: list[str], folder: str) -> SessionNotFoundError:
    import difflib

    nearest = difflib.get_close_matches(ref, names, 1, cutoff=0.0)
    if ref == "last" and not nearest:  # what commands take where nobody has named a session
        return SessionNotFoundError(
            "nothing is recorded here", hint=f"There are no sessions in {folder}; record one: t800 run SCRIPT"
        )
    hint = f"The nearest is {nearest[0]!r}" if nearest else f"There are no sessions in {folder}"
    return SessionNotFoundError(f"no session is named {ref!r}", hint=hint)


def _locked(private: str, stem: str) -> bool:
    from t800._core import is_live

    return is_live(private, stem)


def _by_day(pieces: Iterable[dict[str, Summary]]) -> dict[str, dict[str, Summary]]:
    """The entry `by_day` for a summary, when its pieces lie on more than one day."""
    found: dict[str, list[Summary]] = {}
    for piece in pieces:
        for day, summary in piece.items():
            found.setdefault(day, []).append(summary)
    if len(found) < 2:  # noqa: PLR2004 - more than one
        return {}
    return {"by_day": {day: merge(*found[day]) for day in sorted(found)}}


def _time_in_name(stem: str) -> str:
    return f"{stem[:10]}T{stem[11:19].replace('-', ':')}Z"
