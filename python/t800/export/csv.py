"""CSV as RFC 4180 has it, one row for each event, safe to open with a spreadsheet.

A text that a spreadsheet would take for a formula gets an apostrophe in front. What has members of its own is JSON.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

from t800.export import encoded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from t800.export import Session
    from t800.trace_file import Event

COLUMNS = (
    "session_id", "agent", "event_id", "timestamp", "type", "phase", "agent_id", "parent_id", "source_id", "tool", "model",
    "provider", "duration_ms", "ttft_ms", "success", "interrupted", "prompt_tokens", "completion_tokens", "total_tokens",
    "cached_tokens", "cache_write_tokens", "reasoning_tokens", "tokens_in", "tokens_out", "cost_usd", "error_type",
    "message", "decision_type", "outcome", "phase_name", "status", "recovery", "parameters_redacted", "result_redacted",
    "messages_redacted", "response_redacted", "attributes",
)  # fmt: skip
"""Every field an event can have: the same columns whatever was recorded."""

_PLACES = {name: place for place, name in enumerate(COLUMNS[2:])}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write(sessions: Iterable[Session], out: IO[bytes]) -> None:
    """A row of names, then one for each event."""
    import csv
    import io

    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(COLUMNS)
    for session in sessions:
        whose = cell(session.trace.session_id), cell(session.trace.metadata.get("agent"))
        for batch in session.batches():
            rows.writerows([*whose, *_row(event)] for event in batch)
            out.write(_taken(text))
    out.write(_taken(text))


def _taken(text: Any) -> bytes:
    data: bytes = text.getvalue().encode("utf-8", "replace")
    text.seek(0)
    text.truncate()
    return data


def _row(event: Event) -> list[object]:
    """Without the columns of its session."""
    row: list[object] = [None] * len(_PLACES)
    for name, value in event.items():
        place = _PLACES.get(name)
        if place is not None:
            row[place] = cell(value)
    return row


def cell(value: object) -> object:
    """A value as it stands in a row: not taken for a formula by any spreadsheet."""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, int | float):
        return value
    return encoded(value).decode("utf-8", "replace")
