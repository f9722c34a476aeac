"""CrewAI: models, tools, agents, tasks and crews.

>>> from t800.integrations import crewai
>>> crewai.install()

It reads the events of CrewAI's event bus where they are emitted, and not as one of the bus's own handlers: those run on other
threads, later and in no order, when a tool has long begun.
"""

from __future__ import annotations

from t800.integrations._calls import (
    Node,
    Tree,
    agent_over,
    begin_llm,
    begin_tool,
    first,
    framework,
    get,
    guarded,
    text,
    tokens,
)
from t800.integrations._wrapping import Patches
from t800.session import current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from t800.integrations._calls import Fields

__all__ = ["install", "uninstall"]

_SOURCE = "crewai"
_patches = Patches()
_tree = Tree()
"""What is open: model calls by their `call_id`, everything else by the id of the event that has begun it."""


def install() -> None:
    """Record what crews, flows and agents do from now on."""
    if _patches:
        return
    bus = framework("crewai.events.event_bus", "crewai").CrewAIEventsBus
    _patches.replace(bus, "emit", _watched)
    _patches.replace(bus, "aemit", _awatched)


def uninstall() -> None:
    """Take it back."""
    _patches.undo()


def _watched(original: Any) -> Any:
    def emit(self: Any, source: Any, event: Any, *args: Any, **kwargs: Any) -> Any:
        answer = original(self, source, event, *args, **kwargs)
        _take(event)
        return answer

    return emit


def _awatched(original: Any) -> Any:
    async def aemit(self: Any, source: Any, event: Any, *args: Any, **kwargs: Any) -> Any:
        answer = await original(self, source, event, *args, **kwargs)
        _take(event)
        return answer

    return aemit


@guarded
def _take(event: Any) -> None:
    """By then the bus has given the event its place: what it is in, and what it ends."""
    if not current().enabled:
        return
    kind = str(get(event, "type"))
    known = _KINDS.get(kind)
    if known is not None:
        known(event)
    elif kind.endswith("_started"):
        _put(event, Node(_above(event)))
    elif kind.endswith(("_completed", "_finished", "_failed", "_error")):
        _tree.pop(get(event, "started_event_id"))


def _above(event: Any) -> Node | None:
    return _tree.get(get(event, "parent_event_id"))


def _put(event: Any, node: Node) -> Node:
    node.recorder = node.recorder or current()
    return _tree.put(get(event, "event_id"), node)


def _place(event: Any) -> Fields:
    above = _above(event)
    place = above.place() if above is not None else {}
    role = _role(event)
    return {**place, "agent_id": role} if role is not None else place


def _role(event: Any) -> str | None:
    role = text(get(event, "agent_role"))
    return role.strip() if role is not None else None


def _llm_started(event: Any) -> None:
    name = text(get(event, "model")) or "unknown"
    front, slash, rest = name.partition("/")
    call = begin_llm(
        _SOURCE,
        rest if slash else name,
        get(event, "messages"),
        provider=front if slash else None,
        **_place(event),
    )
    _tree.put(get(event, "call_id"), Node(_above(event), call))
    _put(event, Node(_above(event), call))


def _llm_part(event: Any) -> None:
    node = _tree.get(get(event, "call_id"))
    if node is not None and node.call is not None and (text(get(event, "chunk")) or get(event, "tool_call")):
        node.call.first_token()


def _llm_completed(event: Any) -> None:
    node = _tree.pop(get(event, "call_id"))
    _tree.pop(get(event, "started_event_id"))
    if node is None or node.call is None:
        return
    response = get(event, "response")
    node.call.end(
        {"content": response} if isinstance(response, str) else response,
        source_id=text(get(event, "response_id")),
        **usage_fields(get(event, "usage")),
    )


def _llm_failed(event: Any) -> None:
    node = _tree.pop(get(event, "call_id"))
    _tree.pop(get(event, "started_event_id"))
    if node is not None and node.call is not None:
        node.call.fail("LLM_CALL_FAILED", text(get(event, "error")))


def usage_fields(usage: Any) -> Fields:
    """Token fields of a usage block: CrewAI hands on what the provider's SDK has counted, under several names."""
    if not usage:
        return {}
    details = get(usage, "prompt_tokens_details") or get(usage, "input_tokens_details")
    of_output = get(usage, "completion_tokens_details") or get(usage, "output_tokens_details")
    return tokens(
        first(get(usage, "prompt_tokens"), get(usage, "input_tokens"), get(usage, "prompt_token_count")),
        first(
            get(usage, "completion_tokens"), get(usage, "output_tokens"), get(usage, "candidates_token_count")
        ),
        first(get(usage, "cached_prompt_tokens"), get(usage, "cached_tokens"), get(details, "cached_tokens")),
        first(get(usage, "cache_creation_tokens"), get(details, "cache_write_tokens")),
        first(get(usage, "reasoning_tokens"), get(of_output, "reasoning_tokens")),
    )


def _tool_started(event: Any) -> None:
    call = begin_tool(_SOURCE, text(get(event, "tool_name")), get(event, "tool_args"), **_place(event))
    _put(event, Node(_above(event), call))


def _tool_finished(event: Any) -> None:
    node = _tree.pop(get(event, "started_event_id"))
    if node is None or node.call is None:
        return
    failure = get(event, "failure")
    if get(event, "from_cache"):
        node.call.learn(attributes={"from_cache": True})
    if failure is None:
        node.call.end(get(event, "output"))
    else:
        node.call.fail("TOOL_FAILED", text(get(failure, "message")), get(event, "output"))


def _tool_failed(event: Any) -> None:
    node = _tree.pop(get(event, "started_event_id"))
    if node is None or node.call is None:
        return
    error = get(event, "error")
    if isinstance(error, BaseException):
        node.call.end(error=error)
    else:
        node.call.fail("TOOL_FAILED", None if error is None else str(error))


def _agent_started(event: Any) -> None:
    named = _role(event) or text(get(event, "agent", "role")) or text(get(event, "agent_info", "role"))
    node = _put(event, Node(_above(event), agent=named.strip() if named is not None else "agent"))
    node.facts = {"name": node.agent}


def _crew_started(event: Any) -> None:
    node = _put(event, Node(_above(event)))
    if node.agent is not None:
        return  # a flow of CrewAI's own, as which an agent works
    node.facts = {"name": text(get(event, "crew_name")) or text(get(event, "flow_name")) or "crew"}


def _over(status: str) -> Callable[[Any], None]:
    def over(event: Any) -> None:
        node = _tree.pop(get(event, "started_event_id"))
        if node is not None and node.facts:
            agent_over(node, _SOURCE, status, **node.facts)

    return over


def _guarded(event: Any) -> None:
    _tree.pop(get(event, "started_event_id"))
    outcome = {"success": get(event, "success"), "retries": get(event, "retry_count")}
    current().decision("guardrail", outcome, **_place(event))


_KINDS: dict[str, Callable[[Any], None]] = {
    "llm_call_started": _llm_started,
    "llm_stream_chunk": _llm_part,
    "llm_call_completed": _llm_completed,
    "llm_call_failed": _llm_failed,
    "tool_usage_started": _tool_started,
    "tool_usage_finished": _tool_finished,
    "tool_usage_error": _tool_failed,
    "agent_execution_started": _agent_started,
    "agent_execution_completed": _over("completed"),
    "agent_execution_error": _over("failed"),
    "lite_agent_execution_started": _agent_started,
    "lite_agent_execution_completed": _over("completed"),
    "lite_agent_execution_error": _over("failed"),
    "crew_kickoff_started": _crew_started,
    "crew_kickoff_completed": _over("completed"),
    "crew_kickoff_failed": _over("failed"),
    "flow_started": _crew_started,
    "flow_finished": _over("completed"),
    "flow_failed": _over("failed"),
    "llm_guardrail_completed": _guarded,
}
"""The events that mean something here."""
