"""The events that are measured: one of each kind, and what of it must be in a file that keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from t800 import bench

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["EVENTS", "Event"]


class Event(NamedTuple):
    """One event: the verb that records it, its fields, and words that only it has."""

    verb: str
    fields: Mapping[str, Any]
    words: tuple[str, ...]
    keywords: str
    """The statement that records it by keywords; its names are those of the fields, and `trace`."""

    @property
    def mapping(self) -> dict[str, Any]:
        return bench.event_of(self.verb, self.fields)


_TOOL = "trace.tool_call(tool, parameters, duration_ms=duration_ms, success=success)"
_LLM = (
    "trace.llm_call(model, provider=provider, messages=messages, prompt_tokens=prompt_tokens,"
    " completion_tokens=completion_tokens, duration_ms=duration_ms, cost_usd=cost_usd, success=success)"
)
_DECISION = {"decision_type": "strategy", "outcome": "edit in place"}
_ERROR = {"error_type": "TOOL_TIMEOUT", "message": "Command exceeded 30000ms timeout", "tool": "bash"}
_CHECKPOINT = {"phase_name": "EXECUTE", "status": "completed"}

EVENTS: dict[str, Event] = {
    "small": Event("tool_call", bench.SMALL, ("read", "45.2"), _TOOL),
    "edit": Event("tool_call", bench.EDIT, ("edit", "old_string", "35"), _TOOL),
    "llm": Event("llm_call", bench.LLM, ("claude-sonnet-4", "1500", "0.023"), _LLM),
    "decision": Event("decision", _DECISION, ("strategy",), "trace.decision(decision_type, outcome=outcome)"),
    "error": Event("error", _ERROR, ("TOOL_TIMEOUT",), "trace.error(error_type, message, tool=tool)"),
    "checkpoint": Event(
        "checkpoint", _CHECKPOINT, ("EXECUTE",), "trace.checkpoint(phase_name, status=status)"
    ),
}
