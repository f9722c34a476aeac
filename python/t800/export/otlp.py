"""OTLP as JSON lines, each a request to export some spans, in the words of OpenTelemetry's GenAI conventions.

A session is a trace, an event a span; their ids are made from the session's and the event's, the same ones each time. What
the conventions have no word for is an attribute `t800.…`, so that `t800 import` gets back what was exported. Enumerations
are numbers, ids are hexadecimal and whole numbers are texts, as the JSON form of OTLP asks for.
"""

from __future__ import annotations

import hashlib
import itertools
from typing import IO, TYPE_CHECKING, Any

from t800._times import micros, took
from t800.export import encoded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from t800.export import Session
    from t800.trace_file import Event

    Attributes = list[dict[str, Any]]

_SPANS = 512
"""In a line."""
_INTERNAL, _CLIENT = 1, 3
_OK, _ERROR = 1, 2
_MOST_DEPTH = 20
"""Readers of protobuf give up on deeper values; those are told as JSON text."""
_INT64 = 1 << 63
_LATEST_NS = (1 << 64) - 1

CALL_WORDS = {
    "llm_call": {
        "model": "gen_ai.request.model",
        "provider": "gen_ai.provider.name",
        "prompt_tokens": "gen_ai.usage.input_tokens",
        "completion_tokens": "gen_ai.usage.output_tokens",
        "cached_tokens": "gen_ai.usage.cache_read.input_tokens",
        "cache_write_tokens": "gen_ai.usage.cache_creation.input_tokens",
        "reasoning_tokens": "gen_ai.usage.reasoning.output_tokens",
        "cost_usd": "gen_ai.usage.cost",
        "source_id": "gen_ai.response.id",
    },
    "tool_call": {"tool": "gen_ai.tool.name", "source_id": "gen_ai.tool.call.id"},
}
"""Fields of calls that the conventions have a word for."""

TEXT_WORDS = {
    "messages_redacted": "gen_ai.input.messages",
    "response_redacted": "gen_ai.output.messages",
    "parameters_redacted": "gen_ai.tool.call.arguments",
    "result_redacted": "gen_ai.tool.call.result",
}
"""The same of what the conventions want as a text: values with members are JSON there."""

_OPERATIONS = {"llm_call": "chat", "tool_call": "execute_tool"}
_ELSEWHERE = frozenset(["event_id", "parent_id", "timestamp", *TEXT_WORDS])


def write(sessions: Iterable[Session], out: IO[bytes]) -> None:
    """Lines of spans, session by session, the session's own span at its end."""
    for session in sessions:
        made = _Spans(session)
        front = made.front()
        spans = itertools.chain(map(made.span, session.events()), made.whole())
        while some := list(itertools.islice(spans, _SPANS)):
            out.write(front + b",".join(map(encoded, some)) + b"]}]}]}\n")


def trace_id(session_id: str) -> str:
    """The trace that a session is."""
    return hashlib.blake2b(session_id.encode("utf-8", "replace"), digest_size=16).hexdigest()


def span_id(session_id: str, event_id: str) -> str:
    """The span that an event is; without an event's id the session's own."""
    text = f"{session_id}\0{event_id}".encode("utf-8", "replace")
    return hashlib.blake2b(text, digest_size=8).hexdigest()


class _Spans:
    """The spans of one session."""

    def __init__(self, session: Session) -> None:
        trace = session.trace
        self._metadata = trace.metadata
        self._id = trace.session_id
        self._trace = trace_id(self._id)
        self._root = span_id(self._id, "")
        self._count = 0
        self._began = self._last = micros(trace.started) or 0
        host = self._metadata.get("host_session_id")
        self._conversation = _attribute("gen_ai.conversation.id", host if isinstance(host, str) else self._id)

    @property
    def _agent(self) -> str:
        agent = self._metadata.get("agent")
        return agent if isinstance(agent, str) and agent else "agent"

    def front(self) -> bytes:
        """What stands before the spans in each line."""
        resource = [_attribute("service.name", self._agent), _attribute("t800.session_id", self._id)]
        scope = {"name": "t800", "version": str(self._metadata.get("version", ""))}
        return (
            b'{"resourceSpans":[{"resource":{"attributes":' + encoded(resource)
            + b'},"scopeSpans":[{"scope":' + encoded(scope) + b',"spans":['
        )  # fmt: skip

    def span(self, event: Event) -> dict[str, Any]:
        """An event as a span."""
        began = micros(event.get("timestamp"))
        began = self._last if began is None else began
        ended = began + (took(event) or 0)
        self._last = max(self._last, ended)
        self._count += 1
        kind, number = event.get("type"), event.get("event_id")
        parent = event.get("parent_id")
        failure = _failure(event)
        return {
            "traceId": self._trace,
            "spanId": span_id(self._id, number if isinstance(number, str) else f"#{self._count}"),
            "parentSpanId": span_id(self._id, parent) if isinstance(parent, str) else self._root,
            "name": _name(event),
            "kind": _CLIENT if kind == "llm_call" else _INTERNAL,
            "startTimeUnixNano": _ns(began),
            "endTimeUnixNano": _ns(ended),
            "attributes": [self._conversation, *_attributes(event)],
            **({"events": [_exception(event, ended)]} if kind == "error" else {}),
            **({"status": failure} if failure else {}),
        }

    def whole(self) -> Iterator[dict[str, Any]]:
        """The session itself, around all."""
        parent = self._metadata.get("parent_session_id")
        yield {
            "traceId": self._trace,
            "spanId": self._root,
            "name": f"invoke_agent {self._agent}",
            "kind": _INTERNAL,
            "startTimeUnixNano": _ns(self._began),
            "endTimeUnixNano": _ns(max(self._began, self._last)),
            "attributes": [
                self._conversation,
                _attribute("gen_ai.operation.name", "invoke_agent"),
                _attribute("gen_ai.agent.name", self._agent),
                _attribute("t800.type", "session"),
                *([_attribute("t800.parent_session_id", parent)] if isinstance(parent, str) else ()),
            ],
        }


def _name(event: Event) -> str:
    kind = str(event.get("type"))
    field = {
        "llm_call": "model",
        "tool_call": "tool",
        "error": "error_type",
        "decision": "decision_type",
    }.get(kind)
    name = event.get(field or "phase_name")
    front = _OPERATIONS.get(kind, kind)
    return f"{front} {name}" if isinstance(name, str) and name else front


def _failure(event: Event) -> dict[str, Any] | None:
    """The status of a span; None where nothing is known."""
    if event.get("type") == "error":
        return {"code": _ERROR, "message": str(event.get("message") or "")}
    success = event.get("success")
    return {"code": _OK if success else _ERROR} if isinstance(success, bool) else None


def _exception(event: Event, at: int) -> dict[str, Any]:
    told = {"exception.type": event.get("error_type"), "exception.message": event.get("message")}
    attributes = [_attribute(name, value) for name, value in told.items() if isinstance(value, str)]
    return {"timeUnixNano": _ns(at), "name": "exception", "attributes": attributes}


def _attributes(event: Event) -> Iterator[dict[str, Any]]:
    kind = str(event.get("type"))
    words: Mapping[str, str] = CALL_WORDS.get(kind, {})
    if kind in _OPERATIONS:
        yield _attribute("gen_ai.operation.name", _OPERATIONS[kind])
    if isinstance(agent := event.get("agent_id"), str):
        yield _attribute("gen_ai.agent.id", agent)
    yield _attribute("t800.event_id", event.get("event_id"))
    for name, value in event.items():
        if name in words and value is not None:
            yield _attribute(words[name], value)
        elif name in TEXT_WORDS and value is not None:
            yield _attribute(TEXT_WORDS[name], value if isinstance(value, str) else encoded(value).decode())
        elif name not in _ELSEWHERE or value is None:
            yield _attribute(f"t800.{name}", value)
    if isinstance(error := event.get("error_type"), str):
        yield _attribute("error.type", error)
    if isinstance(ttft := event.get("ttft_ms"), int | float):
        yield _attribute("gen_ai.response.time_to_first_chunk", ttft / 1e3)


def _ns(us: int) -> str:
    return str(min(us * 1000, _LATEST_NS))


def _attribute(name: str, value: object) -> dict[str, Any]:
    return {"key": name, "value": _value(value, 0)}


def _value(value: object, depth: int) -> dict[str, Any]:
    """A value in OTLP's words; null is a value that says nothing."""
    if isinstance(value, dict | list):
        return _container(value, depth) if depth < _MOST_DEPTH else {"stringValue": encoded(value).decode()}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int) and -_INT64 <= value < _INT64:
        return {"intValue": str(value)}
    if isinstance(value, int | float):
        return {"doubleValue": float(value)}
    return {"stringValue": value} if isinstance(value, str) else {}


def _container(value: dict[str, Any] | list[Any], depth: int) -> dict[str, Any]:
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(item, depth + 1) for item in value]}}
    items = [{"key": name, "value": _value(item, depth + 1)} for name, item in value.items()]
    return {"kvlistValue": {"values": items}}
