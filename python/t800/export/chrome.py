"""The trace event format of Chrome, as Perfetto and `chrome://tracing` open it.

A session is a process in it, an agent a thread, and more than one where its calls overlap: in one thread a call is either
inside another or beside it. Times in a trace have whole milliseconds, so a call may be moved by less than one to where it
really was: behind the call before it, or inside the call around it.
"""

from __future__ import annotations

from array import array
from heapq import heappop, heappush
from typing import IO, TYPE_CHECKING, Any

from t800._times import micros, took
from t800.export import encoded
from t800.summary import CALLS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from t800.export import Session
    from t800.trace_file import Event

    _Lane = list[tuple[int, int, int]]
    """What is open in a lane at the moment, the innermost last: until when, its number, and since when."""
    _Span = tuple[int, int, int]
    """A call: when it began, how long it took, its number."""

_BLUR_US = 1000
"""A time stands for the whole millisecond."""

_NO_SLICE, _UNKNOWN, _MOST_DIGITS = -1, -1, 18

_SHOWN = frozenset(
    ["timestamp", "type", "tool", "model", "error_type", "decision_type", "phase_name", "agent_id"]
)
"""What stands elsewhere than among an event's arguments."""


def write(sessions: Iterable[Session], out: IO[bytes]) -> None:
    """One JSON object with a list of all events, one on a line."""
    out.write(b'{"displayTimeUnit":"ms","traceEvents":[')
    before = b"\n"
    for process, session in enumerate(sessions, 1):
        for lines in _session(session, process):
            out.write(before + b",\n".join(lines))
            before = b",\n"
    out.write(b"\n]}\n")


def _session(session: Session, process: int) -> Iterator[list[bytes]]:
    lanes = _Lanes()
    for event in session.events():
        lanes.add(event)
    lanes.assign()
    yield [encoded(entry) for entry in _names(session, process, lanes)]
    position = 0
    for batch in session.batches():
        # A session that is live may have got more meanwhile, which has no lane.
        known = batch[: lanes.count - position]
        if known:
            yield [encoded(_entry(event, process, lanes, position + at)) for at, event in enumerate(known)]
        position += len(known)


def _names(session: Session, process: int, lanes: _Lanes) -> Iterator[dict[str, Any]]:
    agent = session.trace.metadata.get("agent")
    name = f"{agent if isinstance(agent, str) else 'agent'} {session.trace.session_id}"
    yield {"ph": "M", "name": "process_name", "pid": process, "tid": 0, "args": {"name": name}}
    for thread, name in lanes.threads.items():
        yield {"ph": "M", "name": "thread_name", "pid": process, "tid": thread, "args": {"name": name}}
        order = {"sort_index": thread}
        yield {"ph": "M", "name": "thread_sort_index", "pid": process, "tid": thread, "args": order}


def _entry(event: Event, process: int, lanes: _Lanes, at: int) -> dict[str, Any]:
    arguments = {name: value for name, value in event.items() if name not in _SHOWN and value is not None}
    entry = {
        "name": _name(event),
        "cat": str(event.get("type")),
        "pid": process,
        "tid": lanes.thread[at],
        "ts": lanes.began[at],
    }
    if _is_slice(event):
        return entry | {"ph": "X", "dur": lanes.lasted[at], "args": arguments}
    return entry | {"ph": "i", "s": "t", "args": arguments}


def _name(event: Event) -> str:
    for field in ("tool", "model", "error_type", "decision_type", "phase_name"):
        if isinstance(name := event.get(field), str) and event.get("type") != "error":
            return name
    return str(event.get("error_type") or event.get("type") or "event")


class _Lanes:
    """In which thread each event of a session is, and when: a few numbers for each, never the events themselves."""

    def __init__(self) -> None:
        self.threads: dict[int, str] = {}
        self.thread, self.began, self.lasted = array("l"), array("q"), array("q")
        self._number, self._parent = array("q"), array("q")
        self._groups: dict[str, int] = {"main": 0}
        self._now = 0

    @property
    def count(self) -> int:
        """How many events there are."""
        return len(self.began)

    def add(self, event: Event) -> None:
        """One more event."""
        self._now = micros(event.get("timestamp")) or self._now
        self.began.append(self._now)
        duration = took(event)
        if event.get("type") in CALLS and duration is None:
            duration = _UNKNOWN
        self.lasted.append(duration or 0)
        self._number.append(_number(event.get("event_id")))
        self._parent.append(_number(event.get("parent_id")) if _is_slice(event) else _NO_SLICE)
        self.thread.append(self._groups.setdefault(_group(event), len(self._groups)))

    def assign(self) -> None:
        """Give every event its thread: those of an agent stand together, its calls where they fit."""
        self._end_what_never_ended()
        groups = [_Group() for _ in self._groups]
        lanes = array("l", bytes(self.thread.itemsize * self.count))
        for at in sorted(range(self.count), key=lambda at: (self.began[at], self._number[at])):
            if self._parent[at] != _NO_SLICE:
                span = self.began[at], self.lasted[at], self._number[at]
                lanes[at], self.began[at], self.lasted[at] = groups[self.thread[at]].fit(
                    span, self._parent[at]
                )
        firsts = []
        for name, group in zip(self._groups, groups, strict=True):
            firsts.append(len(self.threads) + 1)
            for lane in range(max(1, len(group.lanes))):
                self.threads[len(self.threads) + 1] = name if lane == 0 else f"{name} ({lane + 1})"
        for at, lane in enumerate(lanes):
            self.thread[at] = firsts[self.thread[at]] + lane

    def _end_what_never_ended(self) -> None:
        """As far as anybody knows it lasted as long as the session."""
        spans = zip(self.began, self.lasted, strict=True)
        end = max((began + max(0, lasted) for began, lasted in spans), default=0)
        for at, lasted in enumerate(self.lasted):
            if lasted == _UNKNOWN:
                self.lasted[at] = end - self.began[at]


class _Group:
    """The lanes of an agent: calls come in the order in which they began."""

    def __init__(self) -> None:
        self.lanes: list[_Lane] = []
        self._where: dict[int, int] = {}
        """By the number of an open call: its lane."""
        self._busy: list[tuple[int, int]] = []
        self._free: list[int] = []

    def fit(self, span: _Span, parent: int) -> tuple[int, int, int]:
        """The lane where a call is inside the one that has made it, or beside all others; when it is there, how long."""
        began, lasted, number = span
        index = self._where.get(parent)
        room = None if index is None else _room(self.lanes[index], span, parent)
        if index is None or room is None:
            index = self._unused(began)
            around = self.lanes[index][:1]
            room = (0, max(began, around[0][0]) if around else began)
            heappush(self._busy, (room[1] + lasted, index))
        still_open, began = room
        lane = self.lanes[index]
        for _, ended, _ in lane[still_open:]:
            self._where.pop(ended, None)
        if still_open:
            end = lane[still_open - 1][0]
            began = min(began, end)
            lasted = min(lasted, end - began)
        lane[still_open:] = [(began + lasted, number, began)]
        self._where[number] = index
        return index, began, lasted

    def _unused(self, began: int) -> int:
        """The first lane in which all has ended."""
        while self._busy and self._busy[0][0] <= began + _BLUR_US:
            heappush(self._free, heappop(self._busy)[1])
        if self._free:
            return heappop(self._free)
        self.lanes.append([])
        return len(self.lanes) - 1


def _room(lane: _Lane, span: _Span, parent: int) -> tuple[int, int] | None:
    """How many of a lane's open calls stay open around a call, and when it begins; None where it would cross one."""
    began, lasted, _ = span
    start = began
    for still_open in range(len(lane), 0, -1):
        end, number, since = lane[still_open - 1]
        if number == parent:
            start = max(start, since)
            return (still_open, start) if start + lasted <= end + _BLUR_US else None
        if end > began + _BLUR_US:
            return None
        start = max(start, end)
    return None


def _is_slice(event: Event) -> bool:
    """Whether it is drawn with a length: calls, and phases that are over."""
    return event.get("type") in CALLS or (event.get("type") == "checkpoint" and took(event) is not None)


def _group(event: Event) -> str:
    agent = event.get("agent_id")
    name = agent if isinstance(agent, str) and agent else "main"
    return f"{name}: phases" if event.get("type") == "checkpoint" and _is_slice(event) else name


def _number(event_id: object) -> int:
    """The number in an event's id; 0 for what is none."""
    digits = event_id[4:] if isinstance(event_id, str) else ""
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= _MOST_DIGITS else 0
