"""Google's Agent Development Kit: models, tools, agents and transfers of every runner.

>>> from t800.integrations import google_adk
>>> google_adk.install()

It is a plugin of every runner that is made afterwards, and looks on as models are asked. Who prefers to say where, gives
`plugins=[google_adk.T800Plugin()]` to a runner or an app instead of `install()`.
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
    tokens,
)
from t800.integrations._wrapping import Patches, streamed
from t800.session import current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from t800.integrations._calls import Call, Fields

__all__ = ["T800Plugin", "install", "uninstall"]  # noqa: F822 - made when it is asked for

_SOURCE = "google-adk"
_patches = Patches()


class _Plugin:
    """What the plugin does; see `T800Plugin`. Each answer is None: nothing is changed."""

    def __init__(self) -> None:
        super().__init__(name="t800")  # type: ignore[call-arg]  # of the framework's own class
        self.enabled = True
        self._tree = Tree()

    # The framework calls these by keyword.

    async def before_agent_callback(self, *, agent: Any, callback_context: Any) -> None:
        """An agent begins to work."""
        self._agent_begins(agent, callback_context)

    async def after_agent_callback(self, *, agent: Any, callback_context: Any) -> None:
        """It has done its work."""
        self._agent_over(agent, callback_context, "completed")

    async def on_agent_error_callback(self, *, agent: Any, callback_context: Any, **_: Any) -> None:
        """It has failed."""
        self._agent_over(agent, callback_context, "failed")

    async def before_tool_callback(self, *, tool: Any, tool_args: Any, tool_context: Any) -> None:
        """A tool is called; its body runs in this context."""
        self._tool_begins(tool, tool_args, tool_context)

    async def after_tool_callback(self, *, tool_context: Any, result: Any, **_: Any) -> None:
        """A tool has returned."""
        self._tool_over(tool_context, result, None)

    async def on_tool_error_callback(self, *, tool_context: Any, error: Exception, **_: Any) -> None:
        """A tool has failed."""
        self._tool_over(tool_context, None, error)

    async def on_event_callback(self, *, event: Any, **_: Any) -> None:
        """Something has happened: of interest is only who goes on."""
        self._transfer(event)

    @guarded
    def _agent_begins(self, agent: Any, context: Any) -> None:
        if self.enabled and current().enabled:
            node = self._tree.put(_key(context, agent.name), Node(None, agent=text(agent.name)))
            node.recorder = current()

    @guarded
    def _agent_over(self, agent: Any, context: Any, status: str) -> None:
        node = self._tree.pop(_key(context, agent.name))
        if node is not None and node.recorder is not None and node.agent is not None:
            agent_over(node, _SOURCE, status)

    @guarded
    def _tool_begins(self, tool: Any, arguments: Any, context: Any) -> None:
        if self.enabled:
            call = begin_tool(
                _SOURCE,
                text(tool.name),
                arguments,
                agent_id=text(get(context, "agent_name")),
                source_id=text(get(context, "function_call_id")),
            )
            self._tree.put(_key(context, get(context, "function_call_id")), Node(None, call))

    @guarded
    def _tool_over(self, context: Any, result: Any, error: Exception | None) -> None:
        node = self._tree.pop(_key(context, get(context, "function_call_id")))
        if node is not None and node.call is not None:
            node.call.end(result, error)

    @guarded
    def _transfer(self, event: Any) -> None:
        to = text(get(event, "actions", "transfer_to_agent"))
        if to is not None and self.enabled:
            author = text(get(event, "author"))
            current().decision("handoff", {"from": author, "to": to}, agent_id=author)
            node = self._tree.pop(_key(event, author))  # which nobody tells that it has done its work
            if node is not None:
                agent_over(node, _SOURCE, "completed")


def _key(context: Any, name: Any) -> tuple[Any, Any]:
    return get(context, "invocation_id"), name


class _Answer:
    """A model's answer as it comes: parts, and then the whole."""

    def __init__(self) -> None:
        self.said: Any = None
        self.fields: Fields = {}
        self.failure: tuple[str, str | None] | None = None


@guarded
def _begin(args: tuple[Any, ...], kwargs: Fields) -> tuple[Call, _Answer] | None:
    """Of `generate_content_async(self, llm_request, stream)`."""
    model, request = args[0], args[1] if len(args) > 1 else kwargs.get("llm_request")
    name = text(get(request, "model")) or text(get(model, "model")) or "unknown"
    front, slash, rest = name.partition("/")
    own = "google" if name.startswith("gemini") else None
    agent = text(get(request, "config", "labels", "adk_agent_name"))
    call = begin_llm(
        _SOURCE,
        rest if slash and not name.startswith("projects/") else name,
        [_said(content) for content in get(request, "contents") or ()],
        provider=front if slash and not name.startswith("projects/") else own,
        nests=True,
        agent_id=agent,
    )
    return None if call is None else (call, _Answer())


def _said(content: Any) -> Fields:
    parts = get(content, "parts") or ()
    words = [words for part in parts if (words := text(get(part, "text")))]
    calls = [
        {"name": get(part, "function_call", "name"), "arguments": get(part, "function_call", "args")}
        for part in parts
        if get(part, "function_call") is not None
    ]
    answers = [
        get(part, "function_response", "response")
        for part in parts
        if get(part, "function_response") is not None
    ]
    said: Fields = {"role": get(content, "role"), "content": "".join(words) or None}
    more = {"tool_calls": calls, "response": answers}
    return {key: value for key, value in {**said, **more}.items() if value}


@guarded
def _take(call: Call, answer: _Answer, part: Any) -> None:
    if get(part, "partial"):
        if get(part, "content", "parts"):
            call.first_token()
    else:
        answer.said = {key: value for key, value in _said(get(part, "content")).items() if key != "role"}
    usage = get(part, "usage_metadata")
    if usage is not None:
        answer.fields |= {name: count for name, count in usage_fields(usage).items() if count is not None}
    if get(part, "error_code") is not None:
        answer.failure = str(part.error_code), text(get(part, "error_message"))
    if not get(part, "partial") and (usage is not None or answer.failure is not None):
        _end(call, answer)  # the tools that it asks for are called before anybody reads on


@guarded
def _over(call: Call, answer: _Answer, error: BaseException | None) -> None:
    # Who has the whole answer may not ask for more.
    _end(call, answer, None if isinstance(error, GeneratorExit) and answer.said is not None else error)


def _end(call: Call, answer: _Answer, error: BaseException | None = None) -> None:
    if error is None and answer.failure is not None:
        call.fail(*answer.failure, answer.said, **answer.fields)
    else:
        call.end(answer.said, error, **answer.fields)


def usage_fields(usage: Any) -> Fields:
    """Token fields of Gemini's usage: what was thought is beside what was said, if the total says so."""
    prompt, said = get(usage, "prompt_token_count"), get(usage, "candidates_token_count")
    thought, total = get(usage, "thoughts_token_count"), get(usage, "total_token_count")
    if thought and said is not None and total == (prompt or 0) + said + thought:
        said += thought
    return tokens(prompt, said, get(usage, "cached_content_token_count"), None, thought)


_installed: Any = None


def install() -> None:
    """Have every runner recorded that is made from now on."""
    global _installed  # noqa: PLW0603 - one for the process: a runner keeps its plugins
    if _patches:
        return
    framework("google.adk.plugins.base_plugin", "google-adk")
    if _installed is None:
        _installed = __getattr__("T800Plugin")()
    _installed.enabled = True
    models = framework("google.adk.models.base_llm", "google-adk")
    plugins = framework("google.adk.plugins.plugin_manager", "google-adk")
    _patches.replace(plugins.PluginManager, "__init__", _added)
    watch = streamed(_begin, _take, _over, asynchronous=True)
    _patches.follow(
        models.BaseLlm, lambda model: _patches.replace_own(model, "generate_content_async", watch)
    )


def _added(original: Any) -> Any:
    def initialise(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        if not any(isinstance(plugin, _Plugin) for plugin in self.plugins):
            self.plugins.insert(0, _installed)

    return initialise


def uninstall() -> None:
    """Take it back: runners that have the plugin keep it, and it does nothing any more."""
    _patches.undo()
    if _installed is not None:
        _installed.enabled = False


# `T800Plugin`, the plugin itself: a subclass of the framework's own class.
__getattr__ = made_when_asked(
    globals(),
    "T800Plugin",
    _Plugin,
    lambda: framework("google.adk.plugins.base_plugin", "google-adk").BasePlugin,
    "Records what the runners do that it is given to.",
)
