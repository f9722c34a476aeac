"""The OpenAI Agents SDK: models, tools, handoffs and guardrails of every run.

>>> from t800.integrations import openai_agents
>>> openai_agents.install()

It is a trace processor beside the SDK's own, which sends traces to OpenAI. To keep them here only:
`agents.set_trace_processors([openai_agents.T800TracingProcessor()])`.
"""

from __future__ import annotations

from t800.integrations._calls import (
    Node,
    Tree,
    agent_over,
    begin_llm,
    begin_tool,
    framework,
    get,
    guarded,
    made_when_asked,
    text,
)
from t800.integrations.openai import usage_fields
from t800.session import current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from t800.integrations._calls import Call, Fields

__all__ = ["T800TracingProcessor", "install", "uninstall"]  # noqa: F822 - made when it is asked for

_SOURCE = "openai-agents"


class _Processor:
    """What the processor does; see `T800TracingProcessor`."""

    def __init__(self) -> None:
        self.enabled = True
        self._tree = Tree()

    def on_trace_start(self, trace: Any) -> None:
        """A run begins; its agents say more."""

    def on_trace_end(self, trace: Any) -> None:
        """A run is over."""

    @guarded
    def on_span_start(self, span: Any) -> None:
        """A part of a run begins."""
        if not self.enabled or not current().enabled:
            return
        above, data = self._tree.get(span.parent_id), span.span_data
        place = above.place() if above is not None else {}
        agent = text(get(data, "name")) if data.type == "agent" else None
        node = self._tree.put(span.span_id, Node(above, _begin(data, place), agent))
        node.recorder, node.facts = current(), place

    @guarded
    def on_span_end(self, span: Any) -> None:
        """A part of a run is over."""
        node = self._tree.pop(span.span_id)
        if node is None:
            return
        data, error = span.span_data, span.error
        if node.call is not None:
            _finish(node.call, data, error)
        elif node.recorder is not None:
            _note(node, data, error)

    def shutdown(self) -> None:
        """What is open is the session's to close."""

    def force_flush(self) -> None:
        """What was recorded is safe already."""


def _begin(data: Any, place: Fields) -> Call | None:
    if data.type == "generation":
        return begin_llm(_SOURCE, text(data.model), data.input, provider=_provider(data), **place)
    if data.type == "response":
        return begin_llm(_SOURCE, None, **place)  # the response will say which model it was
    if data.type == "function":
        return begin_tool(_SOURCE, data.name, **place)
    return None


def _provider(data: Any) -> str | None:
    """Who serves a model, where the model's name begins with it."""
    front, slash, _ = str(data.model or "").partition("/")
    return front if slash else None


def _finish(call: Call, data: Any, error: Any) -> None:
    result, fields = _said(data)
    if error is None:
        call.end(result, **fields)
        return
    message, detail = text(get(error, "message")), get(error, "data", "error")
    call.fail(text(get(error, "data", "type")) or "AGENT_ERROR", text(detail) or message, result, **fields)


def _said(data: Any) -> tuple[Any, Fields]:
    """What a span says at its end."""
    if data.type == "function":
        return data.output, {"parameters": _parsed(data.input) if data.input is not None else None}
    if data.type == "generation":
        answers = [
            {"content": get(part, "content"), "tool_calls": get(part, "tool_calls")}
            for part in data.output or ()
        ]
        return answers or None, _usage(data.usage)
    response = data.response
    usage = get(response, "usage") or data.usage
    fields = {
        "source_id": text(get(response, "id")),
        "model": text(get(response, "model")),
        **usage_fields(usage),
    }
    return get(response, "output"), {**fields, "messages": data.input}


def _usage(usage: Any) -> Fields:
    """Its tokens; where a stream did not carry them, the SDK counts zeros, which are none."""
    fields = usage_fields(usage)
    return fields if any(fields.values()) else {}


def _parsed(arguments: Any) -> Any:
    from t800._core import parse_json

    try:
        return parse_json(str(arguments).encode())
    except ValueError:
        return arguments


def _note(node: Node, data: Any, error: Any) -> None:
    """An agent, a handoff or a guardrail."""
    recorder, place = node.recorder, node.facts
    if recorder is None:
        return
    if data.type == "agent":
        status = "completed" if error is None else "failed"
        agent_over(node, _SOURCE, status, node.agent or "agent", **place)
    elif data.type == "handoff":
        recorder.decision("handoff", {"from": data.from_agent, "to": data.to_agent}, **place)
    elif data.type == "guardrail":
        recorder.decision("guardrail", {"guardrail": data.name, "triggered": data.triggered}, **place)


_installed: Any = None


def install() -> None:
    """Have every run recorded."""
    global _installed  # noqa: PLW0603 - once for the process: the SDK takes no processor back
    agents = framework("agents", "openai-agents")
    if _installed is None:
        _installed = __getattr__("T800TracingProcessor")()
        agents.add_trace_processor(_installed)
    _installed.enabled = True


def uninstall() -> None:
    """Take it back: what runs already is recorded to its end."""
    if _installed is not None:
        _installed.enabled = False


# `T800TracingProcessor`, the processor itself: a subclass of the framework's own class.
__getattr__ = made_when_asked(
    globals(),
    "T800TracingProcessor",
    _Processor,
    lambda: framework("agents", "openai-agents").TracingProcessor,
    "Records the spans of the runs it is told of.",
)
