"""Parquet beside the traces: what DuckDB and Spark read, made from the traces and renewed where those have changed.

`.t800/parquet/` has batches of trace files: `{id}.events.parquet`, `{id}.documents.parquet`, and `{id}.json`, which says of
which files they are (name, size, time of change, inode). A batch whose files are not as they were is made again; small
ones are joined with what is new, so that there are few. What may still change (live sessions, torn files of today) is in
no batch: it is read anew each time. Retention takes a batch away with the first of its traces.
"""

from __future__ import annotations

import contextlib
import os
from typing import IO, TYPE_CHECKING, NamedTuple

from t800 import reader
from t800.aggregate.columns import (
    EVENTS,
    TABLES,
    WORD,
    Document,
    Tables,
    arrow,
    empty,
    of_events,
    of_retired,
    read_odd,
    schema,
)
from t800.aggregate.columns import read as read_tables
from t800.errors import TraceFileError
from t800.layout import read_own_file, write_beside, write_own_file
from t800.lock import locked
from t800.system import replace
from t800.trace_file import dump, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import pyarrow as pa

    from t800.layout import Layout
    from t800.trace_file import Event, Part

    Watch = Callable[[Sequence[list[Document]]], Iterable[list[Document]]]

__all__ = ["FOLDER", "Snapshot", "forget", "snapshot", "write_table", "writer"]

FOLDER = "parquet"
"""Where it is in `.t800/`."""

BATCH = 32 << 20
"""Bytes of traces that make a batch: some hundred thousand events."""

_PACKING = 7  # Compressed traces unpack to about so many times their size.
_ROW_GROUP = 1 << 17
_LISTING = 8 << 20
_WAIT_S = 600
_FORMAT = [1, *([name, holds] for table in TABLES.values() for name, holds in table.items())]
_WORDS = [name for name, holds in EVENTS.items() if holds == WORD]

Key = tuple[str, int, int, int]
"""A trace file as it was: name, size, time of change, inode."""


class Batch(NamedTuple):
    """Rows of trace files on disk, and how many bytes these have."""

    path: str
    keys: frozenset[Key]
    bytes: int

    def of(self, table: str) -> str:
        """The file with the rows of a table."""
        return f"{self.path}.{table}.parquet"

    def remove(self) -> None:
        """Delete its files; what lists them goes first, so that no half of it counts."""
        for path in (f"{self.path}.json", *(self.of(table) for table in TABLES)):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)


class Snapshot(NamedTuple):
    """All rows there are: those in batches, and those that were read now."""

    batches: list[Batch]
    fresh: Tables

    def files(self, table: str) -> list[str]:
        """The files with the rows of a table, in their order."""
        return [batch.of(table) for batch in self.batches]


def snapshot(layout: Layout, *, live: bool = True, watch: Watch = iter) -> Snapshot:
    """Bring the batches up to date, and read what cannot be in one; without `live` only sessions that are over.

    `watch` may show how far it is. Where nothing can be written, or another process has been making batches for ten
    minutes, all is read. Raises `MissingExtraError`.
    """
    arrow()
    traces = reader.scan(layout, in_order=False)[0]
    documents = [Document(trace, part) for trace in traces for part in trace.parts]
    marked = _marked(layout.private)
    # The last file of a session that may be live is no matter for a batch, nor is the first of one that is incomplete.
    last = {id(t.parts[-1]) for t in traces if marked.get(t.stem, set()) & {"lock", "open"} and not t.settled}
    steady = [document for document in documents if id(document.part) not in last]
    moving = [document for document in documents if id(document.part) in last]
    try:
        with _kept(layout) as folder:
            batches, left = _renew(layout, folder, steady, watch)
        fresh = empty()
    except (OSError, TraceFileError):
        batches, (fresh, left) = [], read_tables(layout.traces, steady)
    moving = [d for d in moving + left if live or not d.trace.live]
    fresh = fresh.joined(_read_moving(moving, live=live))
    retired = [of_retired(trace) for trace in traces if "retired" in marked.get(trace.stem, set())]
    return Snapshot(batches, Tables(fresh.events, arrow().concat_tables([fresh.documents, *retired])))


def forget(layout: Layout) -> None:
    """Delete the batches that have rows of a trace file which is no longer there."""
    folder = os.path.join(layout.private, FOLDER)
    for batch in _listed(folder):
        if any(not os.path.lexists(os.path.join(layout.traces, name)) for name, *_ in batch.keys):
            batch.remove()


def writer(out: IO[bytes]) -> pa.parquet.ParquetWriter:
    """What writes rows of `events` to a file. Raises `MissingExtraError` without pyarrow."""
    return arrow().parquet.ParquetWriter(out, schema("events"), compression="zstd", use_dictionary=_WORDS)


def write_table(table: pa.Table, path: str) -> None:
    """Write a table to a file, whole or not at all, for this user alone."""
    temporary = write_beside(path, b"")
    try:
        arrow().parquet.write_table(
            table, temporary, compression="zstd", row_group_size=_ROW_GROUP, use_dictionary=_WORDS
        )
        replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


@contextlib.contextmanager
def _kept(layout: Layout) -> Iterator[str]:
    """The folder of the batches, for one process at a time; `OSError` where there can be none."""
    if not os.path.isdir(layout.private):
        raise FileNotFoundError(layout.private)
    folder = os.path.join(layout.private, FOLDER)
    with contextlib.suppress(FileExistsError):
        os.mkdir(folder, 0o700)
    with locked(os.path.join(folder, "lock"), _WAIT_S):
        yield folder


def _renew(
    layout: Layout, folder: str, documents: list[Document], watch: Watch
) -> tuple[list[Batch], list[Document]]:
    """The batches as they should be, and the documents that are in none."""
    by_key = {_key(document.part): document for document in documents}
    batches = []
    for batch in _listed(folder):
        if batch.keys <= by_key.keys() and all(os.path.lexists(batch.of(table)) for table in TABLES):
            batches.append(batch)
        else:
            batch.remove()
    _remove_strays(folder, batches)
    known = {key for batch in batches for key in batch.keys}
    new = [document for key, document in by_key.items() if key not in known]
    grown = sum(map(_bytes, new))
    for batch in sorted(batches, key=lambda batch: batch.bytes) if new else ():
        if batch.bytes > grown or batch.bytes + grown > BATCH:
            break
        grown += batch.bytes
        new += [by_key[key] for key in batch.keys]
        batches.remove(batch)
        batch.remove()
    made, left = _make(layout, folder, sorted(new, key=lambda document: document.part.path), watch)
    return sorted([*batches, *made], key=lambda batch: min(batch.keys)), left


def _make(
    layout: Layout, folder: str, documents: list[Document], watch: Watch
) -> tuple[list[Batch], list[Document]]:
    groups: list[list[Document]] = []
    size = BATCH
    for document in documents:
        if size + _bytes(document) > BATCH:
            groups.append([])
            size = 0
        groups[-1].append(document)
        size += _bytes(document)
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        made = [threads.submit(_make_one, layout, folder, group) for group in groups]
        done = [future.result() for future, _ in zip(made, watch(groups), strict=True)]
    return [batch for batch, _ in done if batch], [document for _, left in done for document in left]


def _make_one(layout: Layout, folder: str, documents: list[Document]) -> tuple[Batch | None, list[Document]]:
    tables, left = read_tables(layout.traces, documents)
    kept = [document for document in documents if document not in left]
    if not kept:
        return None, left
    keys = frozenset(_key(document.part) for document in kept)
    batch = Batch(os.path.join(folder, os.urandom(8).hex()), keys, sum(map(_bytes, kept)))
    for name, table in tables._asdict().items():
        write_table(table, batch.of(name))
    listing = {"format": _FORMAT, "bytes": batch.bytes, "files": sorted(keys)}
    write_own_file(f"{batch.path}.json", dump(listing))
    return batch, left


def _listed(folder: str) -> list[Batch]:
    """The batches that are there as a whole, and were made by this version of the columns."""
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    paths = [os.path.join(folder, name.removesuffix(".json")) for name in names if name.endswith(".json")]
    return [batch for path in paths if (batch := _batch(path))]


def _batch(path: str) -> Batch | None:
    try:
        listing = parse(read_own_file(f"{path}.json", _LISTING)) or {}
        if listing.get("format") != _FORMAT:
            return None
        keys = frozenset((str(n), int(s), int(t), int(i)) for n, s, t, i in listing["files"])
        return Batch(path, keys, int(listing["bytes"]))
    except (OSError, TraceFileError, KeyError, TypeError, ValueError):
        return None


def _remove_strays(folder: str, batches: Iterable[Batch]) -> None:
    """Files of batches that were never finished, or that nobody can read."""
    known = {f"{os.path.basename(batch.path)}.{end}" for batch in batches for end in _ENDINGS} | {"lock"}
    for name in set(os.listdir(folder)) - known:
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(folder, name))


_ENDINGS = ("json", *(f"{table}.parquet" for table in TABLES))


def _read_moving(documents: list[Document], *, live: bool) -> Tables:
    """What may still change: with what is only in rings yet, where sessions that are live count."""
    # The rings first: an event may come into its file after they were looked at.
    traces = {document.trace.stem: document.trace for document in documents}.values()
    waiting = {trace.stem: trace.waiting(in_flight=not trace.live) for trace in traces} if live else {}
    tables = read_odd(documents)
    events = [tables.events]
    for document in documents:
        told = {str(one.event.get("event_id")): one.event for one in waiting.pop(document.trace.stem, ())}
        if told:
            _drop_written(told, document)
            events.append(of_events(document.trace, told.values()))
    return Tables(arrow().concat_tables(events), tables.documents)


def _drop_written(told: dict[str, Event], document: Document) -> None:
    """Take away the events that are in files already: in the last one, and as far back as there are any."""
    for part in reversed(document.trace.parts):
        before = len(told)
        for event in document.trace.part_events(part):
            told.pop(str(event.get("event_id")), None)
        if len(told) == before and part is not document.part:
            return


def _key(part: Part) -> Key:
    return os.path.basename(part.path), part.size, part.mtime_ns, part.inode


def _bytes(document: Document) -> int:
    return document.part.size * (_PACKING if document.part.packed else 1)


def _marked(private: str) -> dict[str, set[str]]:
    """What lies beside sessions: a lock, begins of hooks, a summary of parts that are gone."""
    try:
        names = os.listdir(private)
    except OSError:
        return {}
    found: dict[str, set[str]] = {}
    for name in names:
        stem, _, kind = name.rpartition(".")
        found.setdefault(stem, set()).add(kind)
    return found
