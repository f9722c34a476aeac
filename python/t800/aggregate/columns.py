"""Traces as tables of columns with stated types: what Parquet files, DuckDB and Spark have of them.

Two tables: `events` has a row for each event, `documents` one for each trace file, with its summary. A value of another
type than its column's is null; lists and objects are JSON in a text.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from t800 import _core
from t800.errors import CorruptTraceError, MissingExtraError
from t800.export import encoded
from t800.summary import COUNTERS, TOKENS, integer, is_summary, text
from t800.trace_file import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pyarrow as pa

    from t800.reader import SessionTrace
    from t800.summary import Summary
    from t800.trace_file import Event, Part

    Column = tuple[bytes | None, bytes, bytes, list[str]]
    Table = tuple[int, list[Column], bytes]

__all__ = [
    "DOCUMENTS",
    "EVENTS",
    "TABLES",
    "Document",
    "Tables",
    "arrow",
    "ddl",
    "empty",
    "of_events",
    "of_retired",
    "read",
    "read_odd",
    "schema",
]

WORD, TEXT, JSON, WHOLE, REAL, FLAG = "word", "text", "json", "whole", "real", "flag"

_METADATA = ("agent", "host_session_id", "parent_session_id", "project_hash", "user_id_hash")

EVENTS: dict[str, str] = {
    "session_id": WORD,
    "agent": WORD,
    "stem": WORD,
    **dict(_core.event_columns()),
}
"""The columns of `events` and what each holds."""

DOCUMENTS: dict[str, str] = {
    "stem": TEXT,
    "part": WHOLE,
    "file": TEXT,
    "bytes": WHOLE,
    "session_id": TEXT,
    **dict.fromkeys(_METADATA, TEXT),
    **dict.fromkeys(("started", "ended", "state"), TEXT),
    **dict.fromkeys(COUNTERS, WHOLE),
    "dropped": WHOLE,
    **dict.fromkeys(TOKENS.values(), WHOLE),
}
"""The columns of `documents`: where a trace file is, what its header says, what its summary counts."""

TABLES = {"events": EVENTS, "documents": DOCUMENTS}
"""Both tables, in the order of `Tables`."""

_SQL = {WORD: "STRING", TEXT: "STRING", JSON: "STRING", WHOLE: "BIGINT", REAL: "DOUBLE", FLAG: "BOOLEAN"}


class Document(NamedTuple):
    """A trace file to read, and the session that it is of."""

    trace: SessionTrace
    part: Part


class Tables(NamedTuple):
    """Rows of both tables."""

    events: pa.Table
    documents: pa.Table

    def joined(self, other: Tables) -> Tables:
        """These rows, and those of another one behind them."""
        return Tables(*(arrow().concat_tables(pair) for pair in zip(self, other, strict=True)))


def arrow() -> Any:
    """The module pyarrow. Raises `MissingExtraError` where it is not installed."""
    try:
        import pyarrow as pa
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("query", module="pyarrow") from error
    del pyarrow
    return pa


def schema(name: str) -> pa.Schema:
    """A table's columns for Apache Arrow."""
    pa = arrow()
    types = {
        WORD: pa.dictionary(pa.int32(), pa.large_string()),
        TEXT: pa.large_string(),
        JSON: pa.large_string(),
        WHOLE: pa.int64(),
        REAL: pa.float64(),
        FLAG: pa.bool_(),
    }
    return pa.schema([(column, types[holds]) for column, holds in TABLES[name].items()])


def ddl(name: str) -> str:
    """A table's columns for SQL: `session_id STRING, …`."""
    return ", ".join(f"{column} {_SQL[holds]}" for column, holds in TABLES[name].items())


def read(folder: str, documents: Sequence[Document]) -> tuple[Tables, list[Document]]:
    """The rows of documents of a folder, and those that are left out because more may come.

    Documents as the writer leaves them are read at once, others by the reader. What cannot be read is in their sessions'
    `damage`, never raised.
    """
    if not documents:
        return empty(), []
    sources = [(_source(document.part), document.trace.stem[:10]) for document in documents]
    table, told = _core.document_rows(folder, sources)
    rows: list[dict[str, object]] = []
    odd: list[Document] = []
    for document, one in zip(documents, told, strict=True):
        summary = _summary(document, one)
        if summary is None:
            odd.append(document)
        else:
            rows.append(_row(document, summary))
    tables = Tables(_events(table, documents), _table("documents", rows))
    settled = [document for document in odd if document.trace.settled]
    return tables.joined(read_odd(settled)) if settled else tables, [d for d in odd if d not in settled]


def _summary(document: Document, told: tuple[int, bytes, bytes] | None) -> Summary | None:
    """The summary of a document that the core has read; None where it has not."""
    if told is None:
        return None
    document.trace.remember(parse(told[1].rstrip() + b"]}") or {}, document.part)
    summary = (parse(b"{" + told[2][2:]) or {}).get("summary")
    # The events are rows already: they are counted where the closing line is not one of ours.
    return summary if is_summary(summary) else document.trace.part_summary(document.part)


def read_odd(documents: Sequence[Document]) -> Tables:
    """The rows of documents that are torn, live, or written by somebody else, as the reader reads them."""
    lines = [
        (b"\n".join(map(encoded, trace.part_events(part))), trace.stem[:10]) for trace, part in documents
    ]
    rows = [_row(document, document.trace.part_summary(document.part)) for document in documents]
    return Tables(_events(_core.line_rows(lines), documents), _table("documents", rows))


def of_events(trace: SessionTrace, events: Iterable[Event]) -> pa.Table:
    """The rows of events of a session that somebody has read."""
    lines = b"\n".join(map(encoded, events))
    return _events(_core.line_rows([(lines, trace.stem[:10])]), [Document(trace, trace.parts[0])])


def of_retired(trace: SessionTrace) -> pa.Table:
    """The row of `documents` that stands for parts which retention has taken away; none where all are here."""
    summary = trace.retired
    if summary is None:
        return _table("documents", [])
    nowhere: dict[str, object] = {"part": 0, "file": None, "bytes": 0, "ended": None, "state": None}
    return _table("documents", [_row(Document(trace, trace.parts[0]), summary) | nowhere])


def empty() -> Tables:
    """Tables without rows."""
    return Tables(*(_table(name, []) for name in TABLES))


def _source(part: Part) -> str | bytes:
    """Its name; of a compressed one what is in it, or nothing where that is damaged: the reader says how."""
    if not part.packed:
        return os.path.basename(part.path)
    try:
        return b"".join(part.chunks())
    except CorruptTraceError:
        return b""


def _row(document: Document, summary: Mapping[str, Any]) -> dict[str, object]:
    trace, part = document
    metadata = trace.metadata
    told = {name: text(metadata.get(name)) or None for name in _METADATA}
    tokens = summary.get("tokens")
    counted = tokens if isinstance(tokens, dict) else {}
    return {
        "stem": trace.stem,
        "part": part.number,
        "file": os.path.basename(part.path),
        "bytes": part.size,
        "session_id": trace.session_id,
        **told,
        "started": trace.started,
        "ended": text(summary.get("ended")) or None,
        "state": trace.state(summary),
        **{name: integer(summary.get(name)) for name in (*COUNTERS, "dropped")},
        **{field: integer(counted.get(name)) for name, field in TOKENS.items()},
    }


def _table(name: str, rows: list[dict[str, object]]) -> pa.Table:
    return arrow().Table.from_pylist(rows, schema=schema(name))


def _events(table: Table, documents: Sequence[Document]) -> pa.Table:
    """The columns that the core has made, behind those that say whose the events are."""
    pa = arrow()
    count, columns, origins = table
    origin = pa.Array.from_buffers(pa.int32(), count, [None, pa.py_buffer(origins)])
    traces = [document.trace for document in documents]
    whose: tuple[list[str | None], ...] = (
        [trace.session_id for trace in traces],
        [text(trace.metadata.get("agent")) or None for trace in traces],
        [trace.stem for trace in traces],
    )
    fields = schema("events")
    arrays = [_spread(pa, names, origin) for names in whose]
    types = fields.types[len(whose) :]
    arrays += [_array(pa, kind, count, column) for kind, column in zip(types, columns, strict=True)]
    return pa.Table.from_arrays(arrays, schema=fields)


def _spread(pa: Any, names: list[str | None], origin: pa.Array) -> pa.Array:
    """The name of each row's document."""
    words = pa.array(names, pa.large_string())
    # Not every reader takes a dictionary in which a word is null.
    if words.null_count:
        return words.take(origin).dictionary_encode()
    return pa.DictionaryArray.from_arrays(origin, words)


def _array(pa: Any, kind: pa.DataType, count: int, column: Column) -> pa.Array:
    valid, offsets, data, words = column
    buffers = [None if valid is None else pa.py_buffer(valid), pa.py_buffer(data)]
    if pa.types.is_dictionary(kind):
        places = pa.Array.from_buffers(kind.index_type, count, buffers)
        return pa.DictionaryArray.from_arrays(places, pa.array(words, kind.value_type))
    if offsets:
        buffers.insert(1, pa.py_buffer(offsets))
    return pa.Array.from_buffers(kind, count, buffers)
