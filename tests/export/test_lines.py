"""JSON lines and CSV: what stands in them, and what a reader of theirs makes of it."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

import pytest
from tests.export.exported import events, exported, hostile
from tests.trace_files import document, error, llm, tool

from t800.export.csv import COLUMNS
from t800.schema import trace_schema


def rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline=""), strict=True))


def test_each_line_is_an_event_with_its_session(tmp_path: Path) -> None:
    events = [tool(1), llm(2), error(3, message="naïve\n\u2028 \x1b[31m")]
    lines = exported(tmp_path, "jsonl", document(events), document([tool(1)], agent="other")).split(b"\n")
    assert lines.pop() == b""
    told = [json.loads(line) for line in lines]
    assert [(one.pop("session_id"), one.pop("agent")) for one in told] == [
        ("ses_0", "t800"), ("ses_0", "t800"), ("ses_0", "t800"), ("ses_1", "other"),
    ]  # fmt: skip
    assert told == [*events, tool(1)]


def test_what_nests_too_deep_for_json_keeps_the_rest(tmp_path: Path) -> None:
    # From 3.12 on `json` goes deeper than what is read at all.
    for depth, kept in ((300, True), (1000, sys.version_info >= (3, 12))):
        folder = tmp_path / str(depth)
        folder.mkdir()
        data = document([tool(1, parameters_redacted="deep")])
        (line,) = exported(folder, "jsonl", data.replace(b'"deep"', b"[" * depth + b"]" * depth)).splitlines()
        found = json.loads(line)
        assert found["tool"] == "read"
        assert ("parameters_redacted" in found) is kept


def test_a_row_has_all_that_an_event_has(tmp_path: Path) -> None:
    first = tool(1, agent_id="sub", attributes={"exit_code": 3}, success=False, interrupted=True)
    found = rows(exported(tmp_path, "csv", document([first, llm(2)])))
    assert list(found[0]) == list(COLUMNS)
    assert {name: text for name, text in found[0].items() if text} == {
        "session_id": "ses_0", "agent": "t800", "event_id": "evt_001", "timestamp": "2026-01-15T10:30:01.000Z",
        "type": "tool_call", "tool": "read", "parameters_redacted": '{"file_path":"src/1.py"}', "duration_ms": "12",
        "success": "false", "interrupted": "true", "agent_id": "sub", "attributes": '{"exit_code":3}',
    }  # fmt: skip
    assert (found[1]["model"], found[1]["cost_usd"], found[1]["total_tokens"]) == (
        "claude-sonnet-4",
        "0.023",
        "2300",
    )


def test_every_field_has_a_column() -> None:
    kinds = ("tool_call", "llm_call", "decision", "error", "checkpoint")
    definitions = trace_schema()["$defs"]
    assert {name for kind in kinds for name in definitions[kind]["properties"]} <= set(COLUMNS)


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r"])
def test_no_text_is_a_formula(tmp_path: Path, sign: str) -> None:
    hostile = f"{sign}cmd|'/C calc'!A0"
    event = error(1, message=hostile, error_type=hostile, attributes={hostile: hostile})
    (row,) = rows(exported(tmp_path, "csv", document([event], agent=hostile)))
    assert row["message"] == row["error_type"] == row["agent"] == f"'{hostile}"
    assert not any(text.startswith(("=", "+", "-", "@", "\t", "\r")) for text in row.values())
    assert json.loads(row["attributes"]) == {hostile: hostile}


def test_quotes_commas_and_line_breaks_come_back(tmp_path: Path) -> None:
    message = 'a "b", c\r\nd\n\ne;\u2028'
    data = exported(tmp_path, "csv", document([error(1, message=message), tool(2)]))
    assert [row["message"] for row in rows(data)] == [message, ""]
    assert data.count(b"\r\n") == 4  # three ends of rows, and one inside a text


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_hostile_events(tmp_path: Path, form: str) -> None:
    data = exported(tmp_path, form, hostile(), document(events()))
    assert len(rows(data) if form == "csv" else data.splitlines()) == 7 + 8
