"""Files to import: read by line, none of them trusted. What cannot be read is told, and the rest is taken."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Protocol

from t800.errors import ImportFileError
from t800.system import is_regular, open_file, pread
from t800.trace_file import MAX_LINE, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "Line",
    "Note",
    "Source",
    "bytes_at",
    "check",
    "document",
    "find",
    "is_trace_file",
    "lines",
    "look",
]

Json = dict[str, Any]
Note = Callable[[str, int, str], None]
"""Told about what cannot be read: the file, the line (from 1; 0 is the whole file) and what is wrong with it."""

_MOST_BYTES = 1 << 29
"""Of a document that is not read by line."""
_LOOKED_AT = 40
_BLOCK = 1 << 20


class Source(NamedTuple):
    """A file to import. One that was not `named`, but found in a folder, may be something else."""

    path: str
    named: bool = True


class Place(Protocol):
    """Where a line stands."""

    @property
    def offset(self) -> int: ...
    @property
    def length(self) -> int: ...


class Line(NamedTuple):
    """An object on a line: where it stands, its bytes and what they mean."""

    number: int
    offset: int
    length: int
    value: Json


def find(paths: list[str], ending: tuple[str, ...] = (".jsonl", ".json")) -> list[Source]:
    """The files that are meant: a folder means all in it that may be one. Links in a folder are not followed."""
    found: dict[str, Source] = {}
    for path in paths:
        if not os.path.isdir(path):
            found[path] = Source(path)
            continue
        for folder, folders, names in os.walk(path):
            folders.sort()
            files = (os.path.join(folder, name) for name in sorted(names) if name.endswith(ending))
            found |= {file: Source(file, named=False) for file in files if not os.path.islink(file)}
    return list(found.values())


def check(source: Source) -> None:
    """Raises `ImportFileError` where a file cannot be read."""
    _opened(source).close()


def is_trace_file(source: Source) -> bool:
    """Whether it is what T-800 writes itself."""
    with _opened(source) as file:
        first = file.readline(_BLOCK)
    return first.startswith(b'{"session_id":') and first.rstrip().endswith(b'"events":[')


def look(source: Source) -> list[Json]:
    """The first objects of a file: those on its lines, or the document that it is."""
    first = [line.value for line in itertools.islice(lines(source, _ignored), _LOOKED_AT)]
    return first or [whole for whole in (document(source),) if whole is not None]


def _ignored(path: str, line: int, problem: str) -> None:
    """Nobody is told yet: the file is read again once its format is known."""


def lines(source: Source, note: Note) -> Iterator[Line]:
    """The objects of a file that has one on each line."""
    try:
        file = _opened(source)
    except ImportFileError as error:
        note(source.path, 0, error.problem)
        return
    offset = 0
    with file:
        for number in itertools.count(1):
            text = file.readline(MAX_LINE + 1)
            if not text:
                return
            at, offset = offset, offset + len(text)
            if len(text) > MAX_LINE:
                offset += _rest_of_line(file, text)
                note(source.path, number, f"the line is longer than {MAX_LINE >> 20} MiB")
            elif (value := parse(text)) is not None:
                yield Line(number, at, len(text), value)
            elif text.strip():
                note(source.path, number, _fault(text))


def _fault(text: bytes) -> str:
    return (
        "the line is no JSON object"
        if text.endswith(b"\n")
        else "the last line is torn, or is no JSON object"
    )


def _rest_of_line(file: IO[bytes], text: bytes) -> int:
    length = 0
    while text and not text.endswith(b"\n"):
        text = file.readline(_BLOCK)
        length += len(text)
    return length


def bytes_at(source: Source, places: Iterable[Place]) -> Iterator[bytes]:
    """The bytes of lines whose places are known."""
    with _opened(source) as file:
        for place in places:
            yield pread(file.fileno(), place.length, place.offset)


def document(source: Source) -> Json | None:
    """A file as one JSON object; None where it is none, or a very large one, or cannot be read."""
    try:
        file = _opened(source)
    except ImportFileError:
        return None
    with file:
        if os.fstat(file.fileno()).st_size > _MOST_BYTES:
            return None
        return parse(file.read(_MOST_BYTES))


def _opened(source: Source) -> IO[bytes]:
    """The file, unless it is none: nothing waits for a pipe, or reads a device to its end."""
    try:
        file = open_file(source.path, follow=True)
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else error
        raise ImportFileError(f"cannot be read ({said})", file=source.path) from error
    if not is_regular(os.fstat(file)):
        os.close(file)
        raise ImportFileError("is not a regular file", file=source.path)
    return os.fdopen(file, "rb")
