"""Spans of OpenTelemetry as JSON lines: what T-800 has exported, and what speaks of models, agents and tools.

A conversation is a session; where no span tells one, a trace is. Of foreign spans it reads what the integration with
OpenTelemetry reads: the GenAI conventions, OpenInference, OpenLLMetry, the AI SDK.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from t800._times import spelled
from t800.export.otlp import CALL_WORDS, TEXT_WORDS
from t800.importers import Imported, Item, in_order
from t800.importers.source import document, lines
from t800.integrations import _spans
from t800.integrations._calls import get, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from t800.importers.source import Note, Source

    Json = dict[str, Any]

_OURS = "t800."
_NO_FIELDS = frozenset(["t800.type", "t800.event_id", "t800.session_id", "t800.parent_session_id"])
_CONVERSATIONS = ("t800.session_id", "gen_ai.conversation.id", "session.id", "langfuse.session.id")
_MOST_DEPTH = 100
_FAILED = frozenset([2, "STATUS_CODE_ERROR"])


class _Span(NamedTuple):
    """A span, with the attributes that say what it was."""

    id: str
    parent: str
    trace: str
    name: str
    began: int
    ended: int
    attributes: Json
    failure: tuple[str, str] | None

    @property
    def milliseconds(self) -> float:
        """How long it took."""
        return max(0, self.ended - self.began) / 1e6


def knows(first: Sequence[Json]) -> bool:
    """Whether they are requests to export spans."""
    return any(isinstance(one.get("resourceSpans"), list) for one in first)


def read(sources: Iterable[Source], note: Note) -> Iterator[Imported]:
    """The sessions of all files together: their spans may stand in any order."""
    spans: dict[str, _Span] = {}
    agents: dict[str, str] = {}
    conversations: dict[str, str] = {}
    for source in sources:
        for number, request in _requests(source, note):
            try:
                for service, span in _spans_of(request):
                    spans[span.id] = span
                    agents.setdefault(span.trace, service)
                    known = (text(span.attributes.get(name)) for name in _CONVERSATIONS)
                    if conversation := next(filter(None, known), None):
                        conversations.setdefault(span.trace, conversation)
            except RecursionError:
                note(source.path, number, "the line nests too deep")
    sessions: dict[str, list[Item]] = {}
    for item, trace in _Reading(spans).items():
        sessions.setdefault(conversations.get(trace, trace), []).append(item)
    names = {conversations.get(trace, trace): agent for trace, agent in agents.items()}
    for session_id, items in sessions.items():
        yield Imported(session_id, names.get(session_id, "agent"), in_order(items))


def _requests(source: Source, note: Note) -> Iterator[tuple[int, Json]]:
    """Each on a line; or the file is one."""
    whole = False
    for line in lines(source, note if _is_by_line(source) else lambda *_: None):
        if isinstance(line.value.get("resourceSpans"), list):
            whole = True
            yield line.number, line.value
    if not whole and isinstance(get(request := document(source), "resourceSpans"), list):
        yield 1, request or {}


def _is_by_line(source: Source) -> bool:
    return any("resourceSpans" in line.value for line in lines(source, lambda *_: None))


def _spans_of(request: Json) -> Iterator[tuple[str, _Span]]:
    for of_resource in _dicts(request.get("resourceSpans")):
        resource = _attributes(get(of_resource, "resource", "attributes"))
        ours = {name: resource[name] for name in ("t800.session_id",) if name in resource}
        service = text(resource.get("service.name")) or "agent"
        for of_scope in _dicts(of_resource.get("scopeSpans")):
            for span in _dicts(of_scope.get("spans")):
                made = _span(span, ours)
                if made is not None:
                    yield service, made


def _span(span: Json, resource: Json) -> _Span | None:
    identity, trace = text(span.get("spanId")), text(span.get("traceId"))
    if identity is None or trace is None:
        return None
    began = _ns(span.get("startTimeUnixNano"))
    return _Span(
        identity,
        text(span.get("parentSpanId")) or "",
        trace,
        text(span.get("name")) or "span",
        began,
        _ns(span.get("endTimeUnixNano")) or began,
        resource | _attributes(span.get("attributes")),
        _failure(span),
    )


def _failure(span: Json) -> tuple[str, str] | None:
    """What an error's span says of it: type and message."""
    code = get(span, "status", "code")
    if not isinstance(code, int | str) or code not in _FAILED:
        return None
    attributes = _attributes(span.get("attributes"))
    for event in reversed(list(_dicts(span.get("events")))):
        if event.get("name") == "exception":
            told = _attributes(event.get("attributes"))
            return str(told.get("exception.type", "ERROR")), str(told.get("exception.message", ""))
    return str(attributes.get("error.type") or "ERROR"), str(get(span, "status", "message") or "")


class _Reading:
    """What spans mean, and where they are among each other."""

    def __init__(self, spans: dict[str, _Span]) -> None:
        self._spans = spans
        self._kinds = {span.id: self._kind(span) for span in spans.values()}
        self._failures_below = {(span.parent, span.failure) for span in spans.values()}

    @staticmethod
    def _kind(span: _Span) -> str | None:
        return "ours" if text(span.attributes.get("t800.type")) else _spans.kind_of(span.attributes)

    def items(self) -> Iterator[tuple[Item, str]]:
        """All events, each with its trace."""
        answers: dict[tuple[str, str], Json] = {}
        for span in sorted(self._spans.values(), key=lambda span: (span.began, -span.ended)):
            for item in self._of(span):
                response = text(item.event.get("source_id")) or span.id
                if item.event["type"] == "llm_call":
                    # Layers of one another tell of the same answer.
                    known = answers.setdefault((span.trace, response), item.event)
                    if known is not item.event:
                        known |= {name: value for name, value in item.event.items() if name not in known}
                        continue
                yield item, span.trace

    def _of(self, span: _Span) -> Iterator[Item]:
        kind = self._kinds[span.id]
        if kind == "ours":
            if (item := _own(span)) is not None:
                yield item
        elif kind is not None:
            yield from self._foreign(span, kind)

    def _above(self, span: _Span) -> Iterator[_Span]:
        seen = {span.id}
        above = self._spans.get(span.parent)
        while above is not None and above.id not in seen:
            seen.add(above.id)
            yield above
            above = self._spans.get(above.parent)

    def _foreign(self, span: _Span, kind: str) -> Iterator[Item]:
        above = list(self._above(span))
        parent = next((one.id for one in above if self._kinds[one.id] in {"llm", "tool"}), None)
        agents = (
            _spans.agent_of(one.attributes) or one.name for one in above if self._kinds[one.id] == "agent"
        )
        own = (_spans.agent_of(span.attributes) or span.name) if kind == "agent" else next(agents, None)
        place = {"agent_id": own} if own else {}
        event = _event(span, kind) | place
        yield Item(span.id, event, parent)
        if span.failure is not None and (span.id, span.failure) not in self._failures_below:
            told = {"type": "error", "error_type": span.failure[0], "message": span.failure[1], **place}
            told |= {"timestamp": spelled(span.ended // 1000), "source_id": str(event["source_id"])}
            call = span.id if kind in {"llm", "tool"} else parent
            yield Item(f"error:{span.id}", told, call)


def _event(span: _Span, kind: str) -> Json:
    """A foreign span as an event."""
    attributes = span.attributes
    event: Json = {
        "timestamp": spelled(span.began // 1000),
        "duration_ms": span.milliseconds,
        "source_id": span.id,
    }
    if kind == "agent":
        name = _spans.agent_of(attributes) or span.name
        status = "completed" if span.failure is None else "failed"
        return event | {"type": "checkpoint", "phase_name": name, "status": status}
    if kind == "guardrail":
        del event["duration_ms"]
        outcome = {"name": span.name, "result": _spans.result_of(attributes)}
        return event | {"type": "decision", "decision_type": "guardrail", "outcome": outcome}
    event["success"] = span.failure is None
    if kind == "llm":
        event |= {"type": "llm_call", **_spans.request_fields(attributes)}
        told = _spans.llm_fields(attributes) | {"response": _spans.answer_of(attributes)}
    else:
        event |= {"type": "tool_call", "tool": _spans.tool_of(span.name, attributes)}
        told = {"parameters": _spans.arguments_of(attributes), "result": _spans.result_of(attributes)}
        told["source_id"] = text(attributes.get("gen_ai.tool.call.id")) or text(
            attributes.get("ai.toolCall.id")
        )
    return event | {name: value for name, value in told.items() if value is not None}


def _own(span: _Span) -> Item | None:
    """A span that T-800 has exported, as the event that it was; None for the session's own."""
    kind = str(span.attributes["t800.type"])
    if kind == "session":
        return None
    words = {word: name for name, word in CALL_WORDS.get(kind, {}).items()}
    texts = {word: name for name, word in TEXT_WORDS.items()}
    event: Json = {"type": kind, "timestamp": spelled(span.began // 1000)}
    for name, value in span.attributes.items():
        if name in words:
            event[words[name]] = value
        elif name in texts:
            event[texts[name]] = _spans.parsed(value)
        elif name.startswith(_OURS) and name not in _NO_FIELDS:
            event[name.removeprefix(_OURS)] = value
    session_id, number = span.attributes.get("t800.session_id"), span.attributes.get("t800.event_id")
    event.setdefault("source_id", f"{session_id}:{number or span.id}")
    return Item(span.id, event, span.parent or None)


def _attributes(given: object) -> Json:
    return {str(one.get("key")): _decoded(one.get("value"), 0) for one in _dicts(given)}


def _dicts(value: object) -> Iterator[Json]:
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else iter(())


def _decoded(value: object, depth: int) -> Any:
    """A value of OTLP as it was."""
    if not isinstance(value, dict) or depth > _MOST_DEPTH:
        return None
    if "intValue" in value:
        return _integer(value["intValue"])
    if "arrayValue" in value:
        items = get(value, "arrayValue", "values")
        return [_decoded(item, depth + 1) for item in items] if isinstance(items, list) else []
    if "kvlistValue" in value:
        entries = _dicts(get(value, "kvlistValue", "values"))
        return {str(one.get("key")): _decoded(one.get("value"), depth + 1) for one in entries}
    return next((value[name] for name in ("stringValue", "boolValue", "doubleValue") if name in value), None)


def _integer(value: object) -> int | None:
    try:
        return int(str(value)[:20])
    except ValueError:
        return None


def _ns(value: object) -> int:
    return min(max(0, _integer(value) or 0), 1 << 64) if isinstance(value, int | str) else 0
