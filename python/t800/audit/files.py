"""The files of an audit, read piece by piece: trace documents, summaries, whatever lies in the telemetry folder.

Nothing in a file is trusted: links are not followed, pipes not waited for, and what cannot be parsed is read as text.
"""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING, Any, NamedTuple

from t800.errors import CorruptTraceError
from t800.trace_file import MAX_LINE, Part, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from t800.layout import Layout

__all__ = ["Piece", "files_below", "pieces"]


class Piece(NamedTuple):
    """A line of a file, parsed where it is JSON: where it stands, what it is, and how many bytes it took."""

    line: int
    event_id: str
    key: str
    value: object
    size: int
    is_event: bool = False


_SQLITE = b"SQLite format 3\0"
_PRINTABLE = re.compile(rb"[\x20-\x7e\t\x80-\xff]{6,}")
_BLOCK = 1 << 20
_OVERLAP = 1 << 12
_DEEPEST = 8
_EVENT_ID = re.compile(r"[A-Za-z0-9_.:-]{1,40}")


def files_below(layout: Layout) -> list[str]:
    """Every regular file of the telemetry folder except its configuration, sorted; links are left out."""
    return [path for path in _walk(layout.telemetry, 0) if not _is_setting(layout, path)]


def _is_setting(layout: Layout, path: str) -> bool:
    return path == layout.config_file or path == os.path.join(layout.telemetry, ".gitignore")


def _walk(folder: str, depth: int) -> Iterator[str]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if depth < _DEEPEST:
                yield from _walk(entry.path, depth + 1)
        elif entry.is_file(follow_symlinks=False):
            yield entry.path


def pieces(path: str) -> Iterator[Piece]:
    """What is in a file, its name first. Raises `CorruptTraceError` where it cannot be read on."""
    yield Piece(0, "", "(file name)", _name(path), 0)
    part = _part(path)
    start = _start(part)
    if start.startswith(_SQLITE):
        yield from _rows(path)
        yield from _strings(part)
    elif b"\0" in start and not part.packed:
        yield from _strings(part)
    else:
        yield from _lines(part)


def _name(path: str) -> str:
    """The name without what is ours in it: a date, a time and an id that was made safe."""
    return re.sub(
        r"^[0-9]{4}-[0-9]{2}-[0-9]{2}_[0-9-]{8}_|\.(?:json|gz|part[0-9]+)\b", " ", os.path.basename(path)
    )


def _part(path: str) -> Part:
    try:
        info = os.lstat(path)
    except OSError as error:
        raise CorruptTraceError(f"cannot be read ({error.strerror})", file=path) from error
    if not stat.S_ISREG(info.st_mode):
        raise CorruptTraceError("is not a regular file", file=path)
    return Part(path, 1, info)


def _start(part: Part) -> bytes:
    fd = part.open()
    try:
        return os.read(fd, _OVERLAP)
    finally:
        os.close(fd)


def _lines(part: Part) -> Iterator[Piece]:
    if (document := _document(part)) is not None:
        yield from _tree(0, document, part.size)
        return
    for number, line in enumerate(part.lines(), 1):
        text = line.strip()
        if text:
            yield from _line(number, text, len(line) + 1)


def _document(part: Part) -> dict[str, Any] | None:
    """A JSON document over several lines that is no trace file as we write them; None for everything else."""
    if part.packed or part.size > MAX_LINE:
        return None
    first = next(part.lines(), b"").strip()
    if not first.startswith(b"{") or _parsed(first) is not None:
        return None
    return parse(b"".join(part.chunks()))


def _line(number: int, text: bytes, size: int) -> Iterator[Piece]:
    value = _parsed(text)
    if value is None:
        yield Piece(number, "", "", text.decode("utf-8", "replace"), size)
    else:
        yield from _tree(number, value, size)


def _tree(number: int, value: dict[str, Any], size: int) -> Iterator[Piece]:
    """A parsed line or document; the events of a whole document each for itself, so that they can be named."""
    events = value.get("events")
    if isinstance(events, list):
        yield from (_event(number, event, 0) for event in events)
        value = {name: member for name, member in value.items() if name != "events"}
    yield _event(number, value, size)


def _parsed(text: bytes) -> dict[str, Any] | None:
    """A header, an event, the closing line, or a whole document; None where it is none of them."""
    if text.startswith(b"]"):
        return parse(b"{" + text[2:].lstrip())
    if text.endswith(b"["):
        return parse(text + b"]}")
    return parse(text.rstrip(b" ,"))


def _event(number: int, event: object, size: int) -> Piece:
    known = event.get("event_id") if isinstance(event, dict) else None
    is_event = isinstance(event, dict) and "type" in event and known is not None
    shown = known if isinstance(known, str) and _EVENT_ID.fullmatch(known) else ""
    return Piece(number, shown, "", event, size, is_event)


def _strings(part: Part) -> Iterator[Piece]:
    """The printable runs of a binary file, with an overlap so that none is cut in two."""
    fd = part.open()
    try:
        held = b""
        while block := os.read(fd, _BLOCK):
            yield Piece(0, "", "(binary)", _runs(held + block), len(block))
            held = block[-_OVERLAP:]
    finally:
        os.close(fd)


def _runs(data: bytes) -> str:
    return "\n".join(run.decode("utf-8", "replace") for run in _PRINTABLE.findall(data))


def _rows(path: str) -> Iterator[Piece]:
    """The texts of a SQLite database by table and column; a damaged one is left to `_strings`."""
    import sqlite3
    from urllib.parse import quote

    try:
        database = sqlite3.connect(f"file:{quote(path)}?mode=ro&immutable=1", uri=True)
    except sqlite3.Error:
        return
    try:
        database.execute("PRAGMA trusted_schema=OFF")
        database.text_factory = lambda data: data.decode("utf-8", "replace")
        for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            yield from _table(database, str(table))
    except (sqlite3.Error, RecursionError):
        return
    finally:
        database.close()


def _table(database: Any, table: str) -> Iterator[Piece]:
    quoted = table.replace('"', '""')
    rows = database.execute(f'SELECT * FROM "{quoted}"')  # noqa: S608 - the name is quoted, the file only read
    columns = [column[0] for column in rows.description]
    for number, row in enumerate(rows, 1):
        for column, value in zip(columns, row, strict=True):
            if isinstance(value, str) and len(value) <= MAX_LINE:
                yield Piece(number, "", f"{table}.{column}", value, 0)
