"""AutoGen (autogen-core and autogen-agentchat): models, tools, agents and teams.

>>> from t800.integrations import autogen
>>> autogen.install()

AutoGen's event log tells of calls when they have succeeded, and of failed ones nothing; so this looks on as models, tools and
agents are called, also those of classes that a program nests.
"""

from __future__ import annotations

import sys

from t800.integrations._auto import when_imported
from t800.integrations._calls import begin_llm, begin_tool, framework, get, guarded, text, tokens
from t800.integrations._wrapping import Patches, Work, around, streamed, working
from t800.session import current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import Any

    from t800.integrations._calls import Call, Fields

__all__ = ["install", "uninstall"]

_SOURCE = "autogen"
_patches, _agents, _teams = Patches(), Patches(), Patches()


def install() -> None:
    """Record what models, tools and agents do from now on; agents and teams once they are imported."""
    if not _patches:
        _install_core()
    for module, (known, change) in _CHAT.items():
        there = sys.modules.get(module)
        if there is None:
            when_imported(module, "autogen")
        elif hasattr(there, known):
            change(there)


def _install_core() -> None:
    models, tools = framework("autogen_core.models", "autogen"), framework("autogen_core.tools", "autogen")
    asked = around(_begin, _finish, asynchronous=True)
    heard = streamed(_begin_stream, _take, _over, asynchronous=True)
    used = around(_begin_tool, _finish_tool, asynchronous=True)
    streams = streamed(_begin_stream_tool, _take_output, _tool_over, asynchronous=True)

    def model(each: type) -> None:
        _patches.replace_own(each, "create", asked)
        _patches.replace_own(each, "create_stream", heard)

    def tool(each: type) -> None:
        _patches.replace_own(each, "run_json", used)
        _patches.replace_own(each, "run_json_stream", streams)

    _patches.follow(models.ChatCompletionClient, model)
    _patches.follow(tools.BaseTool, tool)


def _install_agents(agents: Any) -> None:
    if not _agents:
        _agents.follow(
            agents.BaseChatAgent, lambda each: _agents.replace_own(each, "on_messages_stream", _watched)
        )


def _install_teams(teams: Any) -> None:
    if not _teams:
        _teams.replace(teams.BaseGroupChat, "run_stream", working(_team, asynchronous=False))


_CHAT = {
    "autogen_agentchat.agents": ("BaseChatAgent", _install_agents),
    "autogen_agentchat.teams": ("BaseGroupChat", _install_teams),
}
"""What is in autogen-agentchat, which a program need not import."""


def uninstall() -> None:
    """Take it back."""
    for patches in (_teams, _agents, _patches):
        patches.undo()


@guarded
def _team(team: Any) -> Work | None:
    name = text(get(team, "name")) or type(team).__name__
    return Work(_SOURCE, name, is_agent=False) if current().enabled else None


@guarded
def _work(agent: Any) -> Work | None:
    return Work(_SOURCE, text(get(agent, "name")) or type(agent).__name__) if current().enabled else None


def _watched(original: Any) -> Any:
    """An agent answers messages; its answer may hand over to another."""

    async def on_messages_stream(self: Any, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        parts, work = original(self, *args, **kwargs), _work(self)
        read: Any = parts if work is None else work.asteps(parts)
        try:
            async for part in read:
                _look_at(part, work)
                yield part
        finally:
            await read.aclose()

    return on_messages_stream


@guarded
def _look_at(part: Any, work: Work | None) -> None:
    message = get(part, "chat_message")
    if message is not None and work is not None:
        work.is_done = True  # who asked for an answer asks for no more
    if type(message).__name__ == "HandoffMessage":
        source = text(get(message, "source"))
        current().decision("handoff", {"from": source, "to": get(message, "target")}, agent_id=source)


def _asked(args: tuple[Any, ...], kwargs: Fields) -> Call | None:
    """Of `create(self, messages, …)`."""
    client, messages = args[0], args[1] if len(args) > 1 else kwargs.get("messages")
    said = [
        {"role": type(each).__name__.removesuffix("Message").lower(), "content": get(each, "content")}
        for each in messages or ()
    ]
    return begin_llm(_SOURCE, _model_of(client), said, nests=True)


def _model_of(client: Any) -> str | None:
    """Clients name their model where they keep what a request begins with."""
    for place in ("_create_args", "_raw_config"):
        named = text(get(client, place, "model"))
        if named is not None:
            return named
    return text(get(client, "model"))


@guarded
def _begin(args: tuple[Any, ...], kwargs: Fields) -> tuple[Call, None] | None:
    call = _asked(args, kwargs)
    return None if call is None else (call, None)


@guarded
def _finish(call: Call, _: None, result: Any) -> None:
    _end(call, result)


def _end(call: Call, result: Any, error: BaseException | None = None) -> None:
    used = get(result, "usage")
    if get(result, "cached"):
        call.learn(attributes={"cache_hit": True})
    elif get(used, "prompt_tokens") or get(
        used, "completion_tokens"
    ):  # zeros of a stream that has counted none
        call.learn(**tokens(get(used, "prompt_tokens"), get(used, "completion_tokens")))
    content = get(result, "content")
    call.end({"content": content} if isinstance(content, str) else content, error)


class _Answer:
    """A streamed answer: the whole of it comes last."""

    def __init__(self) -> None:
        self.whole: Any = None


@guarded
def _begin_stream(args: tuple[Any, ...], kwargs: Fields) -> tuple[Call, _Answer] | None:
    call = _asked(args, kwargs)
    return None if call is None else (call, _Answer())


@guarded
def _take(call: Call, answer: _Answer, part: Any) -> None:
    if isinstance(part, str):
        call.first_token()
    else:
        answer.whole = part


@guarded
def _over(call: Call, answer: _Answer, error: BaseException | None) -> None:
    # Who has the whole answer need not ask for more.
    _end(call, answer.whole, None if answer.whole is not None else error)


@guarded
def _begin_tool(args: tuple[Any, ...], kwargs: Fields) -> tuple[Call, None] | None:
    """Of `run_json(self, args, cancellation_token, call_id)`."""
    tool, given = args[0], args[1] if len(args) > 1 else kwargs.get("args")
    call_id = args[3] if len(args) > 3 else kwargs.get("call_id")  # noqa: PLR2004 - the fourth
    call = begin_tool(_SOURCE, text(get(tool, "name")), given, source_id=text(call_id))
    return None if call is None else (call, None)


@guarded
def _finish_tool(call: Call, _: None, value: Any) -> None:
    call.end(value)


@guarded
def _begin_stream_tool(args: tuple[Any, ...], kwargs: Fields) -> tuple[Call, _Answer] | None:
    begun = _begin_tool(args, kwargs)
    return None if begun is None else (begun[0], _Answer())


@guarded
def _take_output(_: Call, answer: _Answer, part: Any) -> None:
    answer.whole = part


@guarded
def _tool_over(call: Call, answer: _Answer, error: BaseException | None) -> None:
    call.end(answer.whole, error)
