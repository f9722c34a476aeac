"""Traces as columns: what the core reads at once and what the reader reads are the same rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.aggregate.traces import damage, hostile, record
from tests.trace_files import STEM, document, make_layout, write

from t800 import _core, reader
from t800.aggregate import columns
from t800.aggregate.columns import DOCUMENTS, EVENTS, Document
from t800.layout import Layout

pa = pytest.importorskip("pyarrow")


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return make_layout(tmp_path)


def documents(layout: Layout) -> list[Document]:
    return [Document(trace, part) for trace in reader.scan(layout)[0] for part in trace.parts]


def rows(layout: Layout) -> list[dict[str, Any]]:
    tables, left = columns.read(layout.traces, documents(layout))
    assert left == []
    found: list[dict[str, Any]] = tables.events.to_pylist()
    return found


def test_a_field_becomes_a_cell(layout: Layout) -> None:
    write(layout, document(hostile()))
    first = rows(layout)[0]
    assert (first["session_id"], first["agent"], first["stem"]) == ("ses_abc", "t800", STEM)
    assert (first["event_id"], first["type"], first["day"]) == ("evt_001", "tool_call", "2026-01-15")
    assert first["parameters_redacted"].startswith('{"a":"\\u001b[2J')


def test_wrong_types_are_null(layout: Layout) -> None:
    write(layout, document(hostile()))
    found = rows(layout)
    assert len(found) == len(hostile())
    assert [row["duration_ms"] for row in found[:5]] == [None, None, None, 3500, 2**53]
    assert [row["tokens_in"] for row in found[:3]] == [None] * 3
    assert (found[1]["tool"], found[1]["success"], found[1]["parent_id"]) == (None, None, None)
    assert (found[3]["cost_nano_usd"], found[3]["cost_usd"]) == (None, None)
    assert (found[4]["prompt_tokens"], found[4]["cost_nano_usd"]) == (2**53, None)
    assert found[5]["tokens_in"] is None  # an error has none
    assert {row["day"] for row in found} == {"2026-01-15"}
    assert found[9]["outcome"] == hostile()[9]["outcome"]
    assert (found[9]["duration_us"], found[9]["stem"]) == (None, STEM)


def test_every_event_is_a_row_whoever_has_read_it(layout: Layout) -> None:
    """The reader is the other way: each row must be what its event says."""
    record(layout, 4)
    damage(layout)
    found = documents(layout)
    at_once, left = columns.read(layout.traces, found)
    assert left == []
    events = [(doc.trace, event) for doc in found for event in doc.trace.part_events(doc.part)]
    by_reader = columns.read_odd(found)
    key = ["stem", "event_id", "tool", "message"]
    one = sorted(map(str, at_once.events.select(key).to_pylist()))
    assert one == sorted(map(str, by_reader.events.select(key).to_pylist()))
    assert len(one) == len(events)
    assert at_once.events.num_columns == len(EVENTS)
    table = {row["file"]: row for row in at_once.documents.to_pylist()}
    assert table == {row["file"]: row for row in by_reader.documents.to_pylist()}


def test_documents_count_what_their_summaries_say(layout: Layout) -> None:
    record(layout, 3)
    damage(layout)
    tables, _ = columns.read(layout.traces, documents(layout))
    assert tables.documents.schema.names == list(DOCUMENTS)
    for row in tables.documents.to_pylist():
        trace = reader.of_stem(layout, row["stem"])
        part = next(part for part in trace.parts if part.path.endswith(row["file"]))
        summary = trace.part_summary(part)
        claimed = summary["total_events"]
        assert row["total_events"] == (claimed if claimed <= 2**53 else 0)
        assert row["state"] == trace.state(summary)


def test_what_may_still_change_is_left_out(layout: Layout) -> None:
    write(layout, document(hostile(), state="live"))
    tables, left = columns.read(layout.traces, documents(layout))
    assert [document.trace.stem for document in left] == [STEM]
    assert len(tables.events) == 0


def test_the_columns_are_those_of_the_core() -> None:
    assert list(EVENTS)[3:] == [name for name, _ in _core.event_columns()]
    assert columns.ddl("events").startswith("session_id STRING, agent STRING, stem STRING, event_id STRING")
    assert columns.schema("documents").field("bytes").type == pa.int64()


@pytest.mark.parametrize("text", [b"", b"\n\n", b"7\n[]\nnull", b'{"a":\n{"b"', b"\xff\xfe", b'{"a":1}x'])
def test_lines_that_are_no_events_are_no_rows(text: bytes) -> None:
    assert _core.line_rows([(text, "2026-01-15")])[0] == 0
    assert _core.document_rows("/", [(text, "2026-01-15")]) == (_core.line_rows([]), [None])
