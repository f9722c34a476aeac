"""Trace documents made by the tests themselves, so that the reader is not judged by the writer alone."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from t800.layout import Layout
from t800.summary import fold_events

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

STEM = "2026-01-15_10-30-00_ses_abc"
STARTED = "2026-01-15T10:30:00.123Z"


def make_layout(tmp_path: Path) -> Layout:
    layout = Layout(str(tmp_path), str(tmp_path / "telemetry"))
    for folder in (layout.traces, layout.aggregated, layout.private):
        os.makedirs(folder, mode=0o700)
    return layout


def tool(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "event_id": f"evt_{number:03}",
        "timestamp": "2026-01-15T10:30:01.000Z",
        "type": "tool_call",
        "tool": "read",
        "parameters_redacted": {"file_path": f"src/{number}.py"},
        "duration_ms": 12,
        "success": True,
    } | fields


def llm(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "event_id": f"evt_{number:03}",
        "timestamp": "2026-01-15T10:30:02.000Z",
        "type": "llm_call",
        "model": "claude-sonnet-4",
        "prompt_tokens": 1500,
        "completion_tokens": 800,
        "total_tokens": 2300,
        "duration_ms": 3500,
        "cost_usd": 0.023,
        "success": True,
    } | fields


def error(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "event_id": f"evt_{number:03}",
        "timestamp": "2026-01-15T10:30:03.000Z",
        "type": "error",
        "error_type": "TOOL_TIMEOUT",
        "message": "Command exceeded 30000ms timeout",
    } | fields


def summary_of(events: Iterable[Mapping[str, Any]], state: str = "closed", **fields: Any) -> dict[str, Any]:
    folded = fold_events(events)
    if state == "live":
        del folded["durations"]
    overhead = {"p50_us": 1.5, "p99_us": 9.0, "max_us": 20.0, "over_budget": 0}
    ended = None if state == "live" else "2026-01-15T10:31:00.000Z"
    rest = {"dropped": 0, "redactions": {}, "overhead": overhead, "state": state, "ended": ended}
    return folded | rest | fields


def header_of(stem: str = STEM, part: int = 1, **metadata: Any) -> dict[str, Any]:
    day, time, session_id = stem[:10], stem[11:19].replace("-", ":"), stem[20:]
    timestamp = STARTED if stem == STEM else f"{day}T{time}.000Z"
    parts = {"part": part} if part > 1 else {}
    return {
        "session_id": session_id,
        "timestamp": timestamp,
        "metadata": {"agent": "t800"} | metadata | parts,
    }


def document(
    events: Iterable[Mapping[str, Any]] = (),
    *,
    stem: str = STEM,
    state: str = "closed",
    part: int = 1,
    summary: Mapping[str, Any] | None = None,
    **metadata: Any,
) -> bytes:
    events = list(events)
    head = compact(header_of(stem, part, **metadata))[:-1] + b',"events":[\n'
    lines = b",\n".join(compact(event) for event in events) + (b"\n" if events else b"")
    closing = compact(summary if summary is not None else summary_of(events, state))
    return head + lines + b'],"summary":' + closing + b"}\n"


def write(layout: Layout, data: bytes, name: str = f"{STEM}.json", mtime: float | None = None) -> Path:
    path = Path(layout.traces, name)
    path.write_bytes(gzip.compress(data, mtime=0) if name.endswith(".gz") else data)
    path.chmod(0o600)
    if mtime is not None:
        os.utime(path, (mtime, mtime))
    return path


def compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
