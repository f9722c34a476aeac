"""The Claude Agent SDK: the models and tools of the Claude Code that it runs.

>>> from t800.integrations import claude_agent_sdk
>>> claude_agent_sdk.install()

It reads the messages that `query()` and `ClaudeSDKClient` hand to the agent anyway. They tell a call's input tokens, but
output tokens and cost for the whole run only: those are on the run's last call, so that sums are right.
"""

from __future__ import annotations

from t800.integrations._calls import Node, Tree, begin_llm, begin_tool, count, framework, get, guarded, text
from t800.integrations._wrapping import Patches
from t800.integrations.anthropic import content, usage_fields
from t800.session import current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import Any

    from t800.integrations._calls import Call, Fields

__all__ = ["install", "uninstall"]

_SOURCE = "claude-agent-sdk"
_patches = Patches()


def install() -> None:
    """Record the runs that begin from now on."""
    if _patches:
        return
    sdk = framework("claude_agent_sdk", "claude-agent-sdk")
    _patches.replace(sdk, "query", _watched)
    _patches.replace(sdk.ClaudeSDKClient, "receive_messages", _watched)


def uninstall() -> None:
    """Take it back."""
    _patches.undo()


def _watched(original: Any) -> Any:
    async def messages(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        run = _Run()
        inner = original(*args, **kwargs)
        try:
            async for message in inner:
                run.take(message)
                yield message
        except BaseException as error:
            run.over(error)
            await inner.aclose()
            raise
        run.over(GeneratorExit())

    return messages


class _Run:
    """What goes on between the first message of a run and its result."""

    def __init__(self) -> None:
        self._tools = Tree()
        self._model: Call | None = None
        self._answer: str | None = None
        self._fields: Fields = {}

    @guarded
    def take(self, message: Any) -> None:
        """The next message."""
        if not current().enabled:
            return
        kind = type(message).__name__
        if kind == "AssistantMessage":
            self._said(message)
        elif kind == "UserMessage" and isinstance(message.content, list):
            for block in message.content:
                self._returned(block)
        elif kind == "ResultMessage":
            self._result(message)

    def _said(self, message: Any) -> None:
        """One answer of a model may come in several messages, a block each, with the same usage each time."""
        above = self._tools.get(message.parent_tool_use_id)
        place = above.place() if above is not None else {}
        answer = text(message.message_id)
        if answer is None or answer != self._answer:
            self._close()
            self._answer = answer
            self._model = begin_llm(_SOURCE, text(message.model), provider="anthropic", **place)
            self._fields = {"source_id": answer, **usage_fields(message.usage)}
            self._fields.pop("completion_tokens", None)  # a first guess of the stream's begin
        self._fields.setdefault("blocks", []).extend(message.content)
        for block in message.content:
            if type(block).__name__ == "ToolUseBlock":
                self._close()
                call = begin_tool(_SOURCE, block.name, block.input, enter=False, source_id=block.id, **place)
                self._tools.put(block.id, Node(above, call))

    def _close(self, **more: Any) -> None:
        if self._model is not None:
            blocks = self._fields.pop("blocks", ())
            spoken = [{"text": get(block, "text")} for block in blocks if get(block, "text")]
            self._model.end(content(spoken), **self._fields, **more)
            self._model = None

    def _returned(self, block: Any) -> None:
        node = self._tools.pop(get(block, "tool_use_id"))
        if node is None or node.call is None:
            return
        if get(block, "is_error"):
            node.call.fail("TOOL_FAILED", text(block.content), block.content)
        else:
            node.call.end(block.content)

    def _result(self, result: Any) -> None:
        """The run is over: what it has cost, and how it ended."""
        output = count(get(result, "usage", "output_tokens"))
        self._close(completion_tokens=output, cost_usd=result.total_cost_usd)
        if result.is_error:
            current().error(f"RUN_{str(result.subtype).upper()}", text(result.result))
        status = "failed" if result.is_error else "completed"
        known = {"turns": result.num_turns, "host_session": result.session_id, "usage": result.usage}
        current().checkpoint("claude_agent_sdk", status, duration_ms=result.duration_ms, attributes=known)

    @guarded
    def over(self, error: BaseException) -> None:
        """No more messages: what is open is interrupted."""
        if self._model is not None:
            self._model.end(error=error)
        for node in list(self._tools.nodes.values()):
            if node.call is not None:
                node.call.end(error=error)
