"""One trace file: its header, its events, its closing line, whatever state it is in.

A file is read by line (one event each, the summary last), so a torn tail costs only the torn line, a running
session can be read at any moment, and memory stays bounded. Nothing in a file is trusted: links, pipes,
endless lines, deep nesting and compression bombs end in a note or a `CorruptTraceError`.
"""

from __future__ import annotations

import itertools
import os
import re
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from t800.errors import CorruptTraceError
from t800.summary import Summary, is_summary
from t800.system import is_regular, open_file, pread

__all__ = [
    "MAX_LINE",
    "MAX_PART",
    "NAME",
    "NAMED_BY",
    "Event",
    "MayHold",
    "Note",
    "Part",
    "Tail",
    "dump",
    "parse",
    "read_batches",
    "read_events",
]

Event = dict[str, Any]
Note = Callable[[int, str], None]
"""Told about damage: the line, from 1, and what is wrong with it."""
MayHold = Callable[[bytes], bool]
"""Whether a piece of a file may hold what is looked for, judged by its bytes."""

NAME = re.compile(
    r"(?P<stem>[0-9]{4}-[0-9]{2}-[0-9]{2}_[0-9]{2}-[0-9]{2}-[0-9]{2}_(?P<id>[A-Za-z0-9_-]{1,68}))"
    r"(?:\.part(?P<part>[2-9]|[1-9][0-9]{1,5}))?\.json(?P<packed>\.gz)?"
)
"""The exact names of trace files."""

NAMED_BY = {
    "tool_call": "tool",
    "llm_call": "model",
    "decision": "decision_type",
    "error": "error_type",
    "checkpoint": "phase_name",
}
"""The types of events, and the field of each that says what it was."""

MAX_LINE = 32 << 20
"""Longest line that is read, in bytes; whole documents are rotated at half of it."""

MAX_PART = 1 << 30
"""Most unpacked bytes that are read from one file."""

_BLOCK = (
    1 << 16
)  # Measured: parsing 64 KiB of lines at once is 1.4 times as fast as line by line or 1 MiB at once.
_FRONT = 1 << 12
_TAIL = 1 << 14
_MOST_DEPTH = 900
_CLOSING = b'],"summary":{'
# Quotes inside of a text are escaped: no name can say this.
_ENDED = (b'"state":"closed"', b'"state":"recovered"')
_REREADS = 4
"""How often what cannot be read is read: a reader that meets a flush sees a torn tail in 2-6 % of reads."""
_LIVE_REREADS = 50
_MOMENT_S = 0.001
_USUAL = {
    "tool_call": {"tool", "duration_ms", "success"},
    "llm_call": {"model", "duration_ms", "success"},
    "decision": {"decision_type"},
    "error": {"error_type"},
    "checkpoint": {"phase_name"},
}


class Part:
    """One file of a session: a whole document, plain or gzip-compressed."""

    __slots__ = ("inode", "mtime_ns", "number", "packed", "path", "size")

    def __init__(self, path: str, number: int, info: os.stat_result) -> None:
        self.path = path
        self.number = number
        self.packed = path.endswith(".gz")
        self.size = info.st_size
        self.mtime_ns = info.st_mtime_ns
        self.inode = info.st_ino

    def __repr__(self) -> str:
        return f"Part({self.path!r})"

    def open(self) -> int:
        """Open the file and return its descriptor; `CorruptTraceError` unless it is a plain regular file."""
        self._follow_packing()
        try:
            fd = open_file(self.path)
        except OSError as error:
            raise CorruptTraceError(f"cannot be read ({error.strerror})", file=self.path) from error
        if is_regular(os.fstat(fd)):
            return fd
        os.close(fd)
        raise CorruptTraceError("is not a regular file", file=self.path)

    def _follow_packing(self) -> None:
        """Go on with the compressed file where retention has put one in this one's place meanwhile."""
        if not self.packed and not os.path.lexists(self.path) and os.path.lexists(f"{self.path}.gz"):
            self.path, self.packed = f"{self.path}.gz", True

    def lines(self) -> Iterator[bytes]:
        """The file's lines without their line ends. Raises `CorruptTraceError` where it cannot be read on."""
        for chunk in self.chunks():
            yield from (chunk[:-1] if chunk.endswith(b"\n") else chunk).split(b"\n")

    def chunks(self, offset: int = 0) -> Iterator[bytes]:
        """The file in pieces of whole lines, from an offset in its text; only the last piece may lack its line end."""
        fd = self.open()
        try:
            blocks = _from(offset, _unpacked(fd, self.path)) if self.packed else _plain(fd, offset)
            yield from _whole_lines(blocks, self.path)
        finally:
            os.close(fd)

    def header(self) -> dict[str, Any]:
        """The document without events and summary: session_id, timestamp, metadata."""
        line = self._first_line().rstrip()
        header = parse(line + b"]}") if line.endswith(b"[") else None
        if header is None or not isinstance(header.get("session_id"), str):
            header = self.rewritten()
        return {name: value for name, value in header.items() if name not in ("events", "summary")}

    def first_event(self) -> Event | None:
        """The first event, None where there is none or it cannot be read."""
        lines = self.lines()
        next(lines, b"")
        return parse(next(lines, b"").rstrip(b" \r,"))

    def closing(self) -> Summary | None:
        """The summary on the last line, or None where that line is torn, missing or not the recorder's."""
        for _ in range(1 if self.packed else _REREADS):
            document = parse(b"{" + self.last_line()[2:])
            if document is not None and is_summary(document.get("summary")):
                return dict(document["summary"])
        return None

    def is_ended(self) -> bool:
        """Whether the last line says so, as the recorder writes it. Quick: nothing is parsed, or imported for that."""
        line = self.last_line()
        whole = line.startswith(_CLOSING) and line.endswith(b"}}")
        return whole and any(state in line for state in _ENDED)

    def last_line(self) -> bytes:
        """The last line that is not empty; reads only the end of a plain file."""
        self._follow_packing()
        if not self.packed:
            return self._last_plain_line()
        last = b""
        for chunk in self.chunks():
            last = chunk
        return _last(last)

    def rewritten(self) -> dict[str, Any]:
        """A document that another program (an editor, jq) wrote in another shape, read as a whole."""
        document = parse(b"".join(self.chunks())) if self.size <= MAX_LINE else None
        if document is None or not isinstance(document.get("session_id"), str):
            raise CorruptTraceError("is not a trace file: it has no session_id", file=self.path)
        if not isinstance(document.get("events"), list):
            raise CorruptTraceError("is not a trace file: it has no list of events", file=self.path)
        return document

    def _first_line(self) -> bytes:
        """Of a plain file in one short read: a list of sessions needs the first line of each."""
        fd = self.open()
        try:
            line, end, _ = (b"" if self.packed else pread(fd, _FRONT, 0)).partition(b"\n")
        finally:
            os.close(fd)
        return line if end else next(self.lines(), b"")

    def _last_plain_line(self) -> bytes:
        fd = self.open()
        try:
            size = os.fstat(fd).st_size
            reach = _TAIL
            while True:
                tail = pread(fd, reach, max(0, size - reach))
                if b"\n" in tail.rstrip() or reach >= min(size, MAX_LINE):
                    return _last(tail)
                reach *= 4
        finally:
            os.close(fd)


def parse(text: bytes) -> dict[str, Any] | None:
    """`text` as a JSON object, None where it is none. For single lines; `read_events` is fast for many."""
    import orjson

    try:
        value = orjson.loads(text)
    except ValueError:
        return None
    # Counted first: brackets inside strings count, too, so few of them are a proof and many are none.
    shallow = text.count(b"{") + text.count(b"[") <= _MOST_DEPTH
    return value if isinstance(value, dict) and (shallow or not _is_deep(value)) else None


def _is_deep(value: object) -> bool:
    """Whether containers lie deeper than every Python can parse, print and compare them."""
    level = [value]
    for _ in range(_MOST_DEPTH):
        level = [inner for item in level for inner in _items(item) if isinstance(inner, dict | list)]
        if not level:
            return False
    return True


def _items(container: object) -> Iterable[object]:
    if isinstance(container, dict):
        return container.values()
    return container if isinstance(container, list) else ()


def dump(value: object) -> bytes:
    """`value` as compact JSON, the same bytes for the same value."""
    import json

    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def read_events(part: Part, note: Note) -> Iterator[Event]:
    """The events of one file in its order; `note` hears of each line that is damaged.

    Raises `CorruptTraceError` where the file cannot be read or unpacked (on), after the events before that
    place.
    """
    return itertools.chain.from_iterable(read_batches(part, note))


def read_batches(
    part: Part, note: Note, may_hold: MayHold | None = None, *, live: bool = False
) -> Iterator[list[Event]]:
    """The events as `read_events` gives them, many at a time.

    Pieces of the file for which `may_hold` says no are passed over unread: that is how a search gets to its few
    hits at the speed of the disk. In a `live` file what does not fit together is read again for up to 50 ms before it
    counts as damage: pieces that were read before and after a flush, or in the middle of one.
    """
    return _Reading(part, note, may_hold, live=live).batches()


class _Reading:
    """Reads a file piece by piece, and knows how far it has come."""

    def __init__(self, part: Part, note: Note, may_hold: MayHold | None, *, live: bool) -> None:
        self._part, self._note, self._may_hold = part, note, may_hold
        self._attempts = 0 if part.packed else _LIVE_REREADS if live else _REREADS - 1
        self._pause = _MOMENT_S if live else 0.0
        self._line, self._offset, self._count, self._tried = 1, 0, 0, 0
        self._ended = False

    def batches(self) -> Iterator[list[Event]]:
        while not self._ended:
            yield from self._go_on()

    def _go_on(self) -> Iterator[list[Event]]:
        """The events from here on, up to a piece that shall be read again."""
        for chunk, is_last in _with_last(self._part.chunks(self._offset)):
            events = self._take(chunk, is_last=is_last)
            if events is None:
                return
            yield events
            if self._ended:
                return
        self._ended = True
        self._note(self._line, "the closing line with the summary is missing")

    def _take(self, chunk: bytes, *, is_last: bool) -> list[Event] | None:
        """The events of the next piece; None where it shall be read again."""
        start = chunk.find(b"\n") + 1 if self._line == 1 else 0
        if self._line == 1 and not chunk[:start].rstrip().endswith(b"["):
            self._ended = True
            return [event for event in self._part.rewritten()["events"] if isinstance(event, dict)]
        events: list[Event] | None = []
        unwanted = self._may_hold is not None and not self._may_hold(chunk)
        if unwanted and is_last and _closing_at(chunk) >= 0:
            self._ended = True
        # The last piece of a file that is not closed is read in any case: it says what is damaged.
        elif is_last or not unwanted:
            events = self._read(chunk, start, is_last=is_last)
        if events is not None:
            self._line += chunk.count(b"\n")
            self._offset += len(chunk)
            self._count += len(events)
        return events

    def _read(self, chunk: bytes, start: int, *, is_last: bool) -> list[Event] | None:
        events, closed = _at_once(chunk[start:], is_last=is_last)
        is_odd = events is None or (closed and self._counts_other(chunk, len(events)))
        if is_odd and self._try_again():
            return None
        if events is None:
            odd = _LineByLine(self._line + (start > 0), self._note)
            events = list(odd.read(chunk[start:]))
            closed = odd.closed
        self._ended, self._tried = closed, 0
        return events

    def _try_again(self) -> bool:
        if self._tried >= self._attempts:
            return False
        if self._tried:
            time.sleep(self._pause)
        self._tried += 1
        return True

    def _counts_other(self, chunk: bytes, count: int) -> bool:
        """Whether the closing line is torn or counts other events: it was read beside a flush then."""
        document = parse(b"{" + chunk[_closing_at(chunk) + 2 :])
        summary = document.get("summary") if document else None
        is_whole = self._may_hold is None
        return not is_summary(summary) or (is_whole and summary["total_events"] != self._count + count)


class Tail:
    """Follows one file that is being written.

    The closing line is overwritten by every flush, so it remembers the end of the last event it has seen.
    """

    def __init__(self, part: Part) -> None:
        self.ended = part.packed
        self._packed = read_events(part, lambda *_: None) if part.packed else None
        self._fd = -1 if part.packed else part.open()
        self._offset = -1

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def new_events(self) -> Iterator[Event]:
        """The events that were completed since the last call. `ended` turns true with the last line."""
        if self._packed is not None:
            yield from self._packed
            return
        if self._offset < 0:
            self._offset = pread(self._fd, MAX_LINE, 0).find(b"\n")
        while self._offset >= 0 and (events := self._more()):
            yield from events

    def _more(self) -> list[Event]:
        reach = _BLOCK
        while True:
            block = pread(self._fd, reach, self._offset)
            events = self._take(block)
            if events or self.ended or len(block) < reach or reach >= MAX_LINE:
                return events
            reach *= 4

    def _take(self, block: bytes) -> list[Event]:
        events: list[Event] = []
        begin, position = self._offset, 0
        lines = block.split(b"\n")
        for line, following in itertools.pairwise(lines):
            text = line.strip(b" ,\r")
            if text.startswith(b"]"):
                self.ended = _is_end(text)
                break
            event = parse(text) if text else None
            if text and (event is None or not _whole(event, line, following)):
                break
            if event is not None:
                events.append(event)
                self._offset = begin + position + len(line.rstrip(b" ,\r"))
            position += len(line) + 1
        return events


class _LineByLine:
    """Reads the lines of a piece that did not parse as a whole, and says which of them are damaged."""

    def __init__(self, line: int, note: Note) -> None:
        self.closed = False
        self._line = line
        self._note = note

    def read(self, chunk: bytes) -> Iterator[Event]:
        lines = [*chunk.split(b"\n"), b""]
        for number, (line, following) in enumerate(itertools.pairwise(lines), self._line):
            if line.startswith(b"]"):
                self.closed = True
                return
            event = _event_of(line)
            if event is not None and _whole(event, line, following):
                yield event
            elif line.strip(b" \r,"):
                self._note(number, "the line is torn, or is not an event")


def _event_of(line: bytes) -> Event | None:
    event = parse(line.rstrip(b" \r,"))
    if event is None and (end := line.rfind(b',],"summary":')) > 0:
        # A flush that got no further than the comma.
        event = parse(line[:end])
    return event


def _whole(event: Event, line: bytes, following: bytes) -> bool:
    """Whether an event that parses is what was written.

    A flush that was cut short can leave an event's beginning in front of the old closing line's end. Where
    the braces happen to fit, such a line parses; but no closing line follows, and it lacks what its type
    usually has.
    """
    if line.rstrip(b" \r").endswith(b",") or following.startswith(b"]"):
        return True
    return _USUAL.get(str(event.get("type")), {"type"}) <= event.keys()


def _at_once(chunk: bytes, *, is_last: bool) -> tuple[list[Event] | None, bool]:
    """The events of a piece of whole lines, None where they must be read one by one; whether it closes."""
    end = _closing_at(chunk)
    if is_last and end < 0:
        return None, False
    events = _parse_list(chunk if end < 0 else chunk[:end])
    # A flush that has come no further than eleven bytes leaves an object with a name of its own for the closing line.
    if events and not isinstance(events[-1].get("event_id"), str):
        events = None
    return events, end >= 0


def _closing_at(chunk: bytes) -> int:
    """Where the closing line begins that ends a piece; -1 where none does."""
    end = chunk.rfind(b"\n", 0, max(0, len(chunk) - 1)) + 1
    return end if chunk.startswith(b"]", end) else -1


def _parse_list(lines: bytes) -> list[Event] | None:
    import orjson

    try:
        events: list[Event] = orjson.loads(b"[%b]" % lines.rstrip(b" \r\n,"))
    except ValueError:
        return None
    return events if set(map(type, events)) <= {dict} else None


def _is_end(line: bytes) -> bool:
    closing = parse(b"{" + line[2:])
    summary = closing.get("summary") if closing else None
    return isinstance(summary, dict) and summary.get("state") != "live"


def _last(lines: bytes) -> bytes:
    stripped = lines.rstrip()
    return stripped[stripped.rfind(b"\n") + 1 :]


def _with_last(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Each piece, and whether it is the last one that can be read."""
    held: bytes | None = None
    try:
        for chunk in chunks:
            if held is not None:
                yield held, False
            held = chunk
    except CorruptTraceError:
        if held is not None:
            yield held, True
        raise
    if held is not None:
        yield held, True


def _whole_lines(blocks: Iterable[bytes], path: str) -> Iterator[bytes]:
    held: list[bytes] = []
    length = 0
    for block in blocks:
        cut = block.rfind(b"\n") + 1
        if cut:
            yield b"".join([*held, block[:cut]])
            held, length = [], 0
        held.append(block[cut:])
        length += len(block) - cut
        if length > MAX_LINE:
            raise CorruptTraceError(f"has a line longer than {MAX_LINE >> 20} MiB", file=path)
    rest = b"".join(held)
    if rest:
        yield rest


def _from(offset: int, blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The blocks without so many bytes at their beginning."""
    for block in blocks:
        yield block[offset:]
        offset = max(0, offset - len(block))


def _plain(fd: int, offset: int = 0) -> Iterator[bytes]:
    os.lseek(fd, offset, os.SEEK_SET)
    total = 0
    while total < MAX_PART and (block := os.read(fd, _BLOCK)):
        total += len(block)
        yield block


def _unpacked(fd: int, path: str) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(31)
    total = 0
    try:
        for packed in _plain(fd):
            waiting = packed
            while waiting and not unpacker.eof:
                block = unpacker.decompress(waiting, _BLOCK)
                total += len(block)
                if total > MAX_PART:
                    raise CorruptTraceError(f"unpacks to more than {MAX_PART >> 20} MiB", file=path)
                yield block
                waiting = unpacker.unconsumed_tail
        yield unpacker.flush()
    except zlib.error as error:
        raise CorruptTraceError(f"is damaged inside its compression ({error})", file=path) from error
    if not unpacker.eof:
        raise CorruptTraceError("is cut off inside its compression", file=path)
