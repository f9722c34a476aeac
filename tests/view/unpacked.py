"""The other side of `t800.view.columns`, written again for the tests: from the bytes of a page back to its events."""

from __future__ import annotations

import base64
import gzip
import json
import re
import struct
from datetime import UTC, datetime, timedelta
from typing import Any

from t800.trace_file import NAMED_BY
from t800.view.columns import COUNTS, FIGURES, SWITCHES, WORDS

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def data_of(page: bytes) -> bytes:
    """What a page carries, still compressed."""
    found = re.search(rb'<script type="text/plain" id="data">([A-Za-z0-9+/=]*)</script>', page)
    assert found
    return base64.b64decode(found[1], validate=True)


def unpacked(data: bytes) -> tuple[dict[str, Any], list[list[dict[str, Any]]]]:
    """The head, and the events of each run in the order of their rows."""
    plain = gzip.decompress(data)
    (length,) = struct.unpack_from("<I", plain)
    head = json.loads(plain[4 : 4 + length])
    at = 4 + length
    runs = []
    for run in head["runs"]:
        events, at = _events(run, plain, at)
        runs.append(events)
    assert at == len(plain)
    return head, runs


def _events(run: dict[str, Any], plain: bytes, at: int) -> tuple[list[dict[str, Any]], int]:
    rows, columns = run["rows"], {}
    for name, width in run["columns"]:
        planes = [plain[at + rank * rows : at + (rank + 1) * rows] for rank in range(width)]
        columns[name] = [
            sum(plane[row] << (8 * rank) for rank, plane in enumerate(planes)) for row in range(rows)
        ]
        at += rows * width
    texts: dict[int, bytes] = {}
    for row in sorted(range(rows), key=lambda row: (columns["type"][row], columns["name"][row], row)):
        texts[row] = plain[at : at + columns["text"][row]]
        at += columns["text"][row]
    times, numbers = _steps(columns["time"]), _steps(columns["id"])
    events: list[dict[str, Any]] = []
    for row in range(rows):
        event = _from_columns({name: column[row] for name, column in columns.items()}, run["words"])
        if (number := numbers[row]) is not None:
            event["event_id"] = f"evt_{number:03}"
        if (time := times[row]) is not None:
            event["timestamp"] = (EPOCH + timedelta(milliseconds=time)).isoformat(timespec="milliseconds")[
                :-6
            ] + "Z"
        if above := columns["parent"][row]:
            event["parent_id"] = None if above == 1 else events[row - above + 1]["event_id"]
        # The text has what no column holds exactly.
        event |= json.loads(texts[row] or b"{}")
        events.append(event)
    return events, at


def _from_columns(codes: dict[str, int], words: dict[str, list[str]]) -> dict[str, Any]:
    event: dict[str, Any] = {}
    fields = {field: (name, lambda code, name=name: words[name][code]) for name, field in WORDS.items()}
    kind = words["type"][codes["type"] - 2] if codes["type"] > 1 else ""
    if kind in NAMED_BY:
        fields[NAMED_BY[kind]] = ("name", lambda code: words["name"][code])
    fields |= {field: (field, lambda code: code) for field in COUNTS}
    fields |= {field: (field, lambda code, scale=scale: code / scale) for field, scale in FIGURES.items()}
    fields |= {field: (field, bool) for field in SWITCHES}
    codes["total_tokens"] = _total(codes)
    for field, (name, meaning) in fields.items():
        if code := codes[name]:
            event[field] = None if code == 1 else meaning(code - 2)
    return event


def _total(codes: dict[str, int]) -> int:
    code = codes["total_tokens"]
    known = sum(max(0, codes[name] - 2) for name in ("prompt_tokens", "completion_tokens"))
    return code if code < 2 else 2 + _way(code - 2) + known


def _steps(codes: list[int]) -> list[int | None]:
    values: list[int | None] = []
    last = 0
    for code in codes:
        last += _way(code - 1) if code else 0
        values.append(last if code else None)
    return values


def _way(code: int) -> int:
    return -(code + 1) // 2 if code % 2 else code // 2
