"""Sessions that others have recorded: transcripts of coding agents, spans, JSON lines.

One file for each format, with two functions: `knows(first)` says whether the first objects of a file are its own, and
`read(files, note)` gives the sessions in them. What it gives goes through the recorder, as everything does: it is
redacted on its way in. `document.py` puts it into the telemetry folder.
"""

from __future__ import annotations

import importlib
import itertools
from typing import TYPE_CHECKING, Any, NamedTuple

from t800.errors import ImportFileError
from t800.importers.source import Source, check, is_trace_file, look

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from t800.importers.source import Note

    Shown = Callable[[Sequence[Source]], Iterable[Source]]

__all__ = ["FORMATS", "Format", "Imported", "Item", "in_order", "read", "recognise"]


class Item(NamedTuple):
    """An event on its way in: in the trace file's field names, with its values as they came.

    `key` is what others call it that happened inside it, `parent` the key of the call it happened in. Its `source_id` is
    the same at every import.
    """

    key: str
    event: dict[str, Any]
    parent: str | None = None


class Imported(NamedTuple):
    """One session of a source. Of its items a call comes before what happened inside it."""

    host_id: str
    agent: str
    items: Iterable[Item]


class Format(NamedTuple):
    """A format: what it is, and the module that reads it."""

    help: str
    module: str

    def knows(self, first: Sequence[dict[str, Any]]) -> bool:
        """Whether a file is of this format, by its first objects."""
        known: bool = importlib.import_module(self.module).knows(first)
        return known

    def read(self, sources: Iterable[Source], note: Note) -> Iterator[Imported]:
        """The sessions in files; `note` hears of what cannot be read."""
        sessions: Iterator[Imported] = importlib.import_module(self.module).read(sources, note)
        return sessions


FORMATS = {
    "opencode": Format("what `opencode export` writes", "t800.importers.opencode"),
    "claude": Format("transcripts of Claude Code", "t800.importers.claude"),
    "codex": Format("rollouts of Codex", "t800.importers.codex"),
    "otlp": Format("spans of OpenTelemetry as JSON lines", "t800.importers.otlp"),
    "jsonl": Format("what `t800 export --format jsonl` writes", "t800.importers.jsonl"),
}


def recognise(source: Source) -> str:
    """The name of a file's format, found by what is in it. Raises `ImportFileError` where it is none of them."""
    first = look(source)
    for name, form in FORMATS.items():
        if first and form.knows(first):
            return name
    if is_trace_file(source):
        raise ImportFileError(
            "is a trace file already", file=source.path, hint=f"`t800 show {source.path}` shows it"
        )
    raise ImportFileError("is of no known format", file=source.path, hint=f"Known are {', '.join(FORMATS)}")


def read(
    sources: Sequence[Source], note: Note, form: str | None = None, shown: Shown = iter
) -> Iterator[tuple[str, Imported]]:
    """The sessions in files, each with the name of its format; what cannot be read is told to `note`.

    `shown` gets all files and may tell how many are read.
    """
    found: dict[str, list[Source]] = {}
    for source in sources:
        try:
            check(source)
            found.setdefault(form or recognise(source), []).append(source)
        except ImportFileError as error:
            if source.named:
                note(source.path, 0, f"{error.problem}. {error.hint}".rstrip(". "))
    files = iter(shown([source for of_format in found.values() for source in of_format]))
    for name, of_format in found.items():
        for session in FORMATS[name].read(itertools.islice(files, len(of_format)), note):
            yield name, session


def in_order(items: Iterable[Item]) -> list[Item]:
    """The items by their times; a call before what happened inside it, also in the same millisecond."""
    known = list(items)
    parents = {item.key: item.parent for item in known}
    return sorted(known, key=lambda item: (str(item.event.get("timestamp")), _depth(item.key, parents)))


def _depth(key: str, parents: dict[str, str | None]) -> int:
    depth, seen = 0, {key}
    above = parents.get(key)
    while above is not None and above not in seen:
        seen.add(above)
        depth += 1
        above = parents.get(above)
    return depth
