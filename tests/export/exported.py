"""Sessions that the tests make, and what an exporter makes of them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from tests.trace_files import document, error, llm, make_layout, tool, write

from t800 import export, reader


def exported(tmp_path: Path, form: str, *documents: bytes) -> bytes:
    """The documents as sessions `ses_0`, `ses_1`, … in a format."""
    layout = make_layout(tmp_path)
    for number, data in enumerate(documents):
        write(layout, data, f"2026-01-15_10-30-0{number}_ses_{number}.json")
    out = io.BytesIO()
    traces = sorted(reader.sessions(layout), key=lambda trace: trace.stem)
    export.FORMATS[form].write(export.read(traces), out)
    return out.getvalue()


def events() -> list[dict[str, Any]]:
    """A bit of everything, in the order in which it ended."""
    at = "2026-01-15T10:30:{:06.3f}Z".format
    return [
        {
            "event_id": "evt_001", "timestamp": at(1), "type": "checkpoint", "phase_name": "turn", "status": "started",
            "attributes": {"prompt": "[content hash: a1b2c3]"},
        },
        llm(2, timestamp=at(1.5), provider="anthropic", cached_tokens=1000, cache_write_tokens=20, reasoning_tokens=30,
            ttft_ms=250.5, source_id="msg_1", response_redacted="[content hash: d4e5f6]",
            messages_redacted=[{"role": "user", "content": "[content hash: a1b2c3]"}]),
        tool(4, timestamp=at(5.1), duration_ms=100.25, parent_id="evt_003", agent_id="explorer"),
        error(5, timestamp=at(5.4), tool="bash", parent_id="evt_003", recovery={"attempted": True, "success": False}),
        tool(3, timestamp=at(5), tool="bash", duration_ms=500, success=False, source_id="toolu_1", tokens_in=3,
             result_redacted={"stdout": "[content hash: 0a0b0c]", "exit_code": 2}, attributes={"exit_code": 2}),
        {"event_id": "evt_006", "timestamp": at(6), "type": "decision", "decision_type": "todo", "outcome": {"done": 1}},
        tool(7, timestamp=at(7), tool="wait", duration_ms=None, success=None, interrupted=True, phase="EXECUTE"),
        {"event_id": "evt_008", "timestamp": at(1), "type": "checkpoint", "phase_name": "EXECUTE", "status": "completed",
         "duration_ms": 9000.5},
    ]  # fmt: skip


HOSTILE = [
    {"event_id": 7, "timestamp": "yesterday", "type": "tool_call", "tool": None, "duration_ms": "long", "success": "yes"},
    {"type": "llm_call", "model": {"a": 1}, "prompt_tokens": -1, "cost_usd": "free", "response_redacted": [1, {"x": None}]},
    {"event_id": "evt_999999999999999999999999", "timestamp": "2026-01-15T10:30:01Z", "type": "tool_call", "tool": "a\x00b\ud7ff",
     "duration_ms": 1e300, "parent_id": "evt_002", "parameters_redacted": "text", "n": 2**64 - 1, "m": -(2**63)},
    {"event_id": "evt_002", "timestamp": "0001-01-01T00:00:00+23:00", "type": "error", "message": 5, "parent_id": ["x"]},
    {"event_id": "evt_003", "timestamp": "9999-12-31T23:59:59Z", "type": "checkpoint", "phase_name": "turn",
     "attributes": {"prompt": {"deep": 1}}, "agent_id": 5, "duration_ms": -3},
    {"event_id": "evt_004", "type": ["x"], "attributes": "none"},
    {},
]  # fmt: skip
"""Lines that parse and are no events that T-800 would write."""


def hostile() -> bytes:
    """A document of them."""
    return document(HOSTILE, summary={}, agent=["no", "name"])
