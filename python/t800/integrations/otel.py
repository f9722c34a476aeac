"""OpenTelemetry: every span that speaks of models, agents or tools.

>>> from t800.integrations import otel
>>> otel.install()

It reads the GenAI semantic conventions, OpenInference, OpenLLMetry and the AI SDK, so it covers what brings spans of its
own (pydantic-ai, logfire, strands, …) and what has an instrumentor. `install()` attaches to the tracer provider that is
set, and to each one that is made afterwards; it sets none. Nothing is exported anywhere.
"""

from __future__ import annotations

import sys
import time

from t800.integrations import _spans
from t800.integrations._calls import (
    Node,
    Tree,
    agent_over,
    begin_llm,
    begin_tool,
    framework,
    get,
    guarded,
    is_recorded,
    made_when_asked,
)
from t800.integrations._wrapping import Patches
from t800.session import current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from t800.integrations._calls import Call, Fields

__all__ = ["T800SpanProcessor", "install", "uninstall"]  # noqa: F822 - made when it is asked for

_patches = Patches()
_LATE_NS = 10_000_000
"""A model's span that says it has begun longer ago is made when all is over. It is recorded whole at its end, unless the
answer has its event already."""


class _Processor:
    """What a span processor does; see `T800SpanProcessor`."""

    def __init__(self) -> None:
        self.enabled = True
        self._tree = Tree()

    def on_start(self, span: Any, parent_context: Any = None) -> None:  # noqa: ARG002 - the framework's
        """A span has begun: a call begins where it says so already."""
        if self.enabled:
            self._start(span)

    def _on_ending(self, span: Any) -> None:
        """Of newer versions: nothing to add to a span."""

    def on_end(self, span: Any) -> None:
        """A span is over."""
        self._end(span)

    def shutdown(self) -> None:
        """The provider ends; what is open is the session's to close."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - likewise
        """What was recorded is safe already."""
        return True

    @guarded
    def _start(self, span: Any) -> None:
        if not current().enabled or _has_its_own(span):
            return
        above = self._tree.get(_identity(span.parent))
        attributes: Mapping[str, Any] = span.attributes or {}
        kind = _spans.kind_of(attributes)
        node = Node(above, agent=_spans.agent_of(attributes) if kind == "agent" else None)
        place = above.place() if above is not None else {}
        if kind != "llm" or time.time_ns() - (span.start_time or 0) < _LATE_NS:
            node.call = _begin(kind, span.name, attributes, place)
        node.event = (node.call.event if node.call is not None else None) or node.event
        node.recorder = current()
        node.facts = place
        self._tree.put(_identity(span.context), node)

    @guarded
    def _end(self, span: Any) -> None:
        node = self._tree.pop(_identity(span.context))
        if node is None:
            return
        attributes: Mapping[str, Any] = span.attributes or {}
        kind = _spans.kind_of(attributes)
        failure = _failure(span)
        known = failure is not None and failure in node.failures
        if failure is not None:
            above = self._tree.get(_identity(span.parent))
            if above is not None:
                above.failures.add(failure)
        if node.call is not None:
            _finish(node.call, span, attributes, failure, known=known)
        elif node.recorder is not None:
            _record(node, kind, span, attributes, failure, known=known)


_OWN = {
    "autogen-core": "autogen",
    "gcp.vertex.agent": "google_adk",
}
"""Frameworks that write spans themselves and have an integration of their own, by the names of their tracers."""


def _has_its_own(span: Any) -> bool:
    """Whether what the span tells is recorded by its framework's own integration, which knows more of it."""
    own = _OWN.get(get(span, "instrumentation_scope", "name") or "")
    module = sys.modules.get(f"t800.integrations.{own}")
    return bool(getattr(module, "_patches", False))


def _identity(context: Any) -> int:
    return context.span_id if context is not None else 0


def _begin(kind: str | None, name: str, attributes: Mapping[str, Any], place: Fields) -> Call | None:
    if kind == "llm":
        known = _spans.request_fields(attributes)  # most say the rest when the span is over
        return begin_llm("otel", known.pop("model", None), **known, **place, nests=True)
    if kind == "tool":
        return begin_tool("otel", _spans.tool_of(name, attributes), _spans.arguments_of(attributes), **place)
    return None


def _failure(span: Any) -> tuple[str, str] | None:
    """What an error's span says of it: type and message."""
    status = get(span, "status")
    if get(status, "status_code", "name") != "ERROR":
        return None
    for event in reversed(span.events or ()):
        if event.name == "exception":
            said = event.attributes or {}
            return str(said.get("exception.type", "ERROR")), str(said.get("exception.message", ""))
    kind = (span.attributes or {}).get("error.type")
    return str(kind or "ERROR"), str(get(status, "description") or "")


def _finish(
    call: Call, span: Any, attributes: Mapping[str, Any], failure: tuple[str, str] | None, *, known: bool
) -> None:
    if call.name is None:
        fields, result = _spans.llm_fields(attributes), _spans.answer_of(attributes)
        fields |= _spans.request_fields(attributes)
    else:
        fields, result = {"parameters": _spans.arguments_of(attributes)}, _spans.result_of(attributes)
    fields["duration_ms"] = _spans.milliseconds(span)
    if failure is None:
        call.end(result, **fields)
    elif _is_interruption(failure[0]):
        call.end(result, GeneratorExit(), **fields)
    elif known:
        call.end(result, success=False, **fields)
    else:
        call.fail(*failure, result, **fields)


def _is_interruption(error_type: str) -> bool:
    return error_type.rpartition(".")[2] in {
        "CancelledError",
        "Cancelled",
        "GeneratorExit",
        "KeyboardInterrupt",
    }


def _record(
    node: Node,
    kind: str | None,
    span: Any,
    attributes: Mapping[str, Any],
    failure: tuple[str, str] | None,
    *,
    known: bool,
) -> None:
    """A span that was no call when it began: an agent's, one that has said what it is only since, or one made late."""
    recorder, place = node.recorder, node.facts
    if recorder is None or kind is None:
        return
    milliseconds = _spans.milliseconds(span)
    if kind == "agent":
        status = (
            "completed" if failure is None else "interrupted" if _is_interruption(failure[0]) else "failed"
        )
        if failure is not None and status == "failed" and not known:
            recorder.error(*failure, **{**place, "agent_id": node.agent})
        agent_over(node, "otel", status, node.agent or span.name, duration_ms=milliseconds, **place)
        return
    if kind == "guardrail":
        recorder.decision("guardrail", {"name": span.name, "result": _spans.result_of(attributes)}, **place)
        return
    event: Fields = {"duration_ms": milliseconds, "success": failure is None, **place}
    if kind == "llm":
        event |= {"type": "llm_call", **_spans.request_fields(attributes), **_spans.llm_fields(attributes)}
        event["response"] = _spans.answer_of(attributes)
        if is_recorded(recorder, event["source_id"], besides="otel"):
            return
    else:
        event |= {"type": "tool_call", "tool": _spans.tool_of(span.name, attributes)}
        event |= {"parameters": _spans.arguments_of(attributes), "result": _spans.result_of(attributes)}
    if failure is not None and _is_interruption(failure[0]):
        event |= {"interrupted": True, "success": None}
    made = recorder.record({name: value for name, value in event.items() if value is not None})
    if failure is not None and not known and not _is_interruption(failure[0]):
        inside = {"parent_id": made} if made is not None else {}
        recorder.error(*failure, tool=event.get("tool"), **{**place, **inside})


_processor: Any = None
_providers: list[Any] = []


def _attach(provider: Any) -> None:
    if any(known() is provider for known in _providers):
        return
    import weakref

    _providers[:] = [known for known in _providers if known() is not None]
    _providers.append(weakref.ref(provider))
    provider.add_span_processor(_processor)


def install() -> None:
    """Read the spans of the provider that is set, and of each one that is made from now on."""
    global _processor  # noqa: PLW0603 - one for the process
    trace = framework("opentelemetry.trace", "otel")
    sdk = framework("opentelemetry.sdk.trace", "otel")
    if _processor is None:
        _processor = __getattr__("T800SpanProcessor")()
    _processor.enabled = True
    if not _patches:
        _patches.replace(sdk.TracerProvider, "__init__", _attached)
    provider = trace.get_tracer_provider()
    if isinstance(provider, sdk.TracerProvider):
        _attach(provider)


def _attached(original: Any) -> Any:
    safely = guarded(_attach)

    def initialise(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        safely(self)

    return initialise


def uninstall() -> None:
    """Take it back. A provider keeps its processors; ours does nothing any more."""
    _patches.undo()
    if _processor is not None:
        _processor.enabled = False


# `T800SpanProcessor`, for those who make their provider themselves: a subclass of the framework's own class.
__getattr__ = made_when_asked(
    globals(),
    "T800SpanProcessor",
    _Processor,
    lambda: framework("opentelemetry.sdk.trace", "otel").SpanProcessor,
    "Records the spans of the providers it is added to.",
)
