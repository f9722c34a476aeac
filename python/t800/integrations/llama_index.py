"""LlamaIndex: models, embeddings, tools, retrievers and agents.

>>> from t800.integrations import llama_index
>>> llama_index.install()

It is a handler of LlamaIndex's own instrumentation, at the root of its dispatchers.
"""

from __future__ import annotations

from t800.integrations import anthropic, openai
from t800.integrations._calls import (
    Node,
    Tree,
    agent_over,
    begin_llm,
    begin_tool,
    framework,
    get,
    guarded,
    is_interruption,
    text,
    tokens,
)
from t800.session import current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from t800.integrations._calls import Fields

__all__ = ["install", "uninstall"]

_SOURCE = "llama-index"


class _Spans:
    """What the handler of spans does: it knows what is inside what, and the tools and agents among it."""

    def span_enter(
        self, id_: str, bound_args: Any, instance: Any = None, parent_id: str | None = None, **_: Any
    ) -> None:
        """A method of the framework's has begun."""
        _state.entered(id_, bound_args, instance, parent_id)

    def span_exit(self, id_: str, result: Any = None, **_: Any) -> None:
        """It has returned."""
        _state.left(id_, result, None)

    def span_drop(self, id_: str, err: BaseException | None = None, **_: Any) -> None:
        """It has failed."""
        _state.left(id_, None, err)

    def new_span(self, *_: Any, **__: Any) -> None:
        """Of the base class: it keeps no spans itself."""

    prepare_to_exit_span = prepare_to_drop_span = new_span


class _Events:
    """What the handler of events does: models say here what they were asked and what they have answered."""

    def handle(self, event: Any, **_: Any) -> None:
        """Something has happened in a span."""
        _state.heard(event)


class _State:
    """What both handlers know."""

    def __init__(self) -> None:
        self.enabled = False
        self._spans = Tree()
        self._calls = Tree()
        """Models and retrievers at work, by their spans: a stream goes on when its span is over."""

    @guarded
    def entered(self, span: str, given: Any, instance: Any, parent: str | None) -> None:
        if not self.enabled or not current().enabled:
            return
        above, method = self._spans.get(parent), span.partition("-")[0].rpartition(".")[2]
        arguments: Fields = dict(get(given, "arguments") or {})
        run = above.facts["run"] if above is not None else {}
        if text(get(arguments.get("ev"), "current_agent_name")) is not None:
            run["agent"] = arguments["ev"].current_agent_name
        node = Node(above, agent=run.get("agent"))
        node.recorder, node.facts = current(), {"run": run}
        if method in {"__call__", "call", "acall"} and text(get(instance, "metadata", "name")) is not None:
            self._tool_begins(node, above, instance, arguments)
        elif method == "run" and hasattr(instance, "tools") and text(get(instance, "name")) is not None:
            node.agent = node.facts["name"] = instance.name
        elif method == "run" and hasattr(instance, "agents"):
            node.facts["name"] = type(instance).__name__
        self._spans.put(span, node)

    def _tool_begins(self, node: Node, above: Node | None, tool: Any, arguments: Fields) -> None:
        node.facts["tool"] = tool
        if above is not None and above.facts.get("tool") is tool:
            return  # one of its methods calls another
        given = _arguments(arguments)
        given.pop(str(get(tool, "ctx_param_name")), None)
        node.call = begin_tool(_SOURCE, text(tool.metadata.name), given, **_place(above, node.agent))
        node.event = node.call.event if node.call is not None else node.event
        if tool.metadata.name == "handoff" and "to_agent" in given:
            outcome = {"from": node.agent, "to": given["to_agent"]}
            current().decision("handoff", outcome, **_place(above, node.agent))

    @guarded
    def left(self, span: str, result: Any, error: BaseException | None) -> None:
        node = self._spans.pop(span)
        if error is not None:
            self._give_up(span, error)
        if node is None:
            return
        if node.call is not None and get(result, "is_error"):
            raised = get(result, "exception")
            node.call.end(
                get(result, "content"), raised if isinstance(raised, BaseException) else None, success=False
            )
        elif node.call is not None:
            raw = get(result, "raw_output")
            node.call.end(get(result, "content") if raw is None else raw, error)
        elif "name" in node.facts:
            failed = "interrupted" if error is not None and is_interruption(error) else "failed"
            agent_over(node, _SOURCE, "completed" if error is None else failed, node.facts["name"])

    def _give_up(self, span: str | None, error: BaseException) -> None:
        node = self._calls.pop(span)
        if node is not None and node.call is not None:
            node.call.end(error=error)

    @guarded
    def heard(self, event: Any) -> None:
        if not self.enabled:
            return
        kind = type(event).__name__
        if kind == "ExceptionEvent":
            self._give_up(get(event, "span_id"), event.exception)
        elif kind.endswith("StartEvent"):
            self._begins(kind, event)
        elif kind in {"LLMChatInProgressEvent", "LLMCompletionInProgressEvent"}:
            node = self._calls.get(get(event, "span_id"))
            if node is not None and node.call is not None and _has_output(get(event, "response")):
                node.call.first_token()
        elif kind.endswith("EndEvent"):
            self._ends(kind, event)

    def _begins(self, kind: str, event: Any) -> None:
        span = get(event, "span_id")
        above, known = self._spans.get(span), get(event, "model_dict")
        name = text(get(known, "model")) or text(get(known, "model_name")) or text(get(known, "class_name"))
        place = _place(above)
        if kind == "LLMChatStartEvent":
            said = [
                {"role": str(get(each, "role", "value")), "content": _words(each)} for each in event.messages
            ]
            call = begin_llm(_SOURCE, name, said, **place)
        elif kind == "LLMCompletionStartEvent":
            call = begin_llm(_SOURCE, name, event.prompt, **place)
        elif kind == "EmbeddingStartEvent":
            call = begin_llm(_SOURCE, name, **place)
        elif kind == "RetrievalStartEvent":
            query = get(event, "str_or_query_bundle")
            asked = {"query": query if isinstance(query, str) else get(query, "query_str")}
            call = begin_tool(_SOURCE, str(span).partition(".")[0], asked, enter=False, **place)
            if above is not None and call is not None:
                above.event = call.event  # what is asked below, such as an embedding, is inside
        else:
            return
        self._calls.put(span, Node(above, call))

    def _ends(self, kind: str, event: Any) -> None:
        if kind not in {"LLMChatEndEvent", "LLMCompletionEndEvent", "EmbeddingEndEvent", "RetrievalEndEvent"}:
            return
        node = self._calls.pop(get(event, "span_id"))
        if node is None or node.call is None:
            return
        if kind == "EmbeddingEndEvent":
            node.call.end(messages=get(event, "chunks"))
        elif kind == "RetrievalEndEvent":
            node.call.end([{"content": get(found, "node", "text")} for found in event.nodes])
        else:
            response = get(event, "response")
            node.call.end(
                _said(response), source_id=text(get(response, "raw", "id")), **usage_fields(response)
            )


def _place(above: Node | None, agent: str | None = None) -> Fields:
    place = above.place() if above is not None else {}
    return {**place, "agent_id": agent} if agent is not None else place


def _arguments(given: Fields) -> Fields:
    """What a tool was called with: by position, by keyword, or by one input."""
    by_name, by_place = given.get("kwargs"), given.get("args")
    named = {key: value for key, value in given.items() if key not in {"args", "kwargs"}}
    return {**named, **(by_name or {}), **({"args": list(by_place)} if by_place else {})}


def _words(message: Any) -> str | None:
    blocks = get(message, "blocks") or ()
    words = [said for block in blocks if (said := text(get(block, "text")))]
    return "".join(words) or None


def _said(response: Any) -> Any:
    message = get(response, "message")
    if message is None:
        return {"content": get(response, "text")}
    calls = [
        {"name": get(block, "tool_name"), "arguments": get(block, "tool_kwargs")}
        for block in get(message, "blocks") or ()
        if get(block, "tool_name") is not None
    ]
    said = {"content": _words(message)}
    return {**said, "tool_calls": calls} if calls else said


def _has_output(response: Any) -> bool:
    return bool(get(response, "delta") or get(response, "message", "blocks"))


def usage_fields(response: Any) -> Fields:
    """Token fields of an answer: as the provider's SDK counts them, or as LlamaIndex notes them beside it."""
    usage = get(response, "raw", "usage")
    if get(usage, "cache_read_input_tokens") is not None:
        return anthropic.usage_fields(usage)
    if usage is not None:
        return openai.usage_fields(usage)
    noted = get(response, "additional_kwargs")
    return tokens(get(noted, "prompt_tokens"), get(noted, "completion_tokens"))


_state = _State()
_handlers: list[Any] = []


def install() -> None:
    """Have everything recorded that LlamaIndex says of itself."""
    root = framework("llama_index.core.instrumentation", "llama-index").get_dispatcher()
    if not _handlers:
        spans = framework("llama_index_instrumentation.span_handlers", "llama-index").BaseSpanHandler
        events = framework("llama_index_instrumentation.event_handlers", "llama-index").BaseEventHandler
        _handlers.append(type("T800SpanHandler", (_Spans, spans), {"__doc__": _Spans.__doc__})())
        _handlers.append(type("T800EventHandler", (_Events, events), {"__doc__": _Events.__doc__})())
        root.add_span_handler(_handlers[0])
        root.add_event_handler(_handlers[1])
    _state.enabled = True


def uninstall() -> None:
    """Take it back: LlamaIndex keeps its handlers, and ours do nothing any more."""
    _state.enabled = False
