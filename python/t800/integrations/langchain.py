"""LangChain and LangGraph: models, tools and retrievers of every chain and graph.

>>> from t800.integrations import langchain
>>> langchain.install()

It is a callback of LangChain's own, inherited by whatever a chain or a graph calls. Who prefers to say where, gives
`callbacks=[langchain.T800CallbackHandler()]` to a call instead of `install()`.
"""

from __future__ import annotations

from contextvars import ContextVar

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
from t800.session import current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from t800.integrations._calls import Fields

__all__ = ["T800CallbackHandler", "install", "uninstall"]  # noqa: F822 - made when it is asked for

_SOURCE = "langchain"
_CONTROL = {"GraphInterrupt", "GraphBubbleUp", "NodeInterrupt", "ParentCommand"}
"""What LangGraph raises to stop for a while or to go elsewhere: no failures."""


class _Callbacks:
    """What the callback does; see `T800CallbackHandler`."""

    run_inline = (
        True  # on the caller's thread and in its context, so that what happens inside finds its parent
    )
    raise_error = False

    def __init__(self) -> None:
        self.enabled = True
        self._runs = Tree()

    # What runs is told by its run_id; parent_run_id is what it runs in. Everything else is looked at, and not needed.

    def on_chat_model_start(self, serialized: Any, messages: Any, *, run_id: Any, **known: Any) -> None:
        """A chat model is called."""
        self._llm(serialized, [_message(message) for message in get(messages, 0) or ()], run_id, known)

    def on_llm_start(self, serialized: Any, prompts: Any, *, run_id: Any, **known: Any) -> None:
        """A completion model is called."""
        self._llm(serialized, prompts, run_id, known)

    @guarded
    def _llm(self, serialized: Any, messages: Any, run_id: Any, known: Fields) -> None:
        if not self.enabled:
            return
        parameters, metadata = known.get("invocation_params"), known.get("metadata")
        model = text(get(metadata, "ls_model_name")) or text(get(parameters, "model"))
        model = model or text(get(parameters, "model_name")) or text(get(serialized, "name")) or "unknown"
        above = self._above(known)
        place = above.place() if above is not None else {}
        call = begin_llm(_SOURCE, model, messages, provider=text(get(metadata, "ls_provider")), **place)
        self._runs.put(run_id, Node(above, call))

    @guarded
    def on_llm_new_token(self, token: Any, *, run_id: Any, **_: Any) -> None:
        """A part of a streamed answer; an empty one carries nothing."""
        node = self._runs.get(run_id)
        if token and node is not None and node.call is not None:
            node.call.first_token()

    @guarded
    def on_llm_end(self, response: Any, *, run_id: Any, **_: Any) -> None:
        """The model has answered."""
        node = self._runs.pop(run_id)
        if node is None or node.call is None:
            return
        message = get(response, "generations", 0, 0, "message")
        usage = get(message, "usage_metadata") or get(response, "llm_output", "token_usage")
        answer = text(get(message, "response_metadata", "id")) or text(get(response, "llm_output", "id"))
        node.call.end(_answer(response, message), source_id=answer, **usage_fields(usage))

    @guarded
    def on_llm_error(self, error: BaseException, *, run_id: Any, **_: Any) -> None:
        """The model has failed, or its stream was given up."""
        node = self._runs.pop(run_id)
        if node is not None and node.call is not None:
            node.call.end(error=error)

    @guarded
    def on_tool_start(
        self, serialized: Any, input_str: Any, *, run_id: Any, inputs: Any = None, **known: Any
    ) -> None:
        """A tool is called."""
        if not self.enabled:
            return
        above = self._above(known)
        name = text(known.get("name")) or text(get(serialized, "name"))
        place = above.place() if above is not None else {}
        call = begin_tool(_SOURCE, name, inputs if inputs is not None else input_str, **place)
        self._runs.put(run_id, Node(above, call))

    @guarded
    def on_tool_end(self, output: Any, *, run_id: Any, **_: Any) -> None:
        """A tool has returned."""
        node = self._runs.pop(run_id)
        if node is None or node.call is None:
            return
        failed = get(output, "status") == "error"
        content = get(output, "content")
        node.call.end(output if content is None else content, success=False if failed else None)

    @guarded
    def on_tool_error(self, error: BaseException, *, run_id: Any, **_: Any) -> None:
        """A tool has failed."""
        node = self._runs.pop(run_id)
        if node is not None and node.call is not None:
            node.call.end(error=GeneratorExit() if type(error).__name__ in _CONTROL else error)

    @guarded
    def on_retriever_start(self, serialized: Any, query: Any, *, run_id: Any, **known: Any) -> None:
        """Documents are looked for: a tool."""
        name = text(known.get("name")) or text(get(serialized, "name")) or "retriever"
        self.on_tool_start(serialized, query, run_id=run_id, **{**known, "name": name})

    @guarded
    def on_retriever_end(self, documents: Any, *, run_id: Any, **_: Any) -> None:
        """Documents were found."""
        found = [{"content": get(document, "page_content")} for document in documents or ()]
        self.on_tool_end(found, run_id=run_id)

    def on_retriever_error(self, error: BaseException, *, run_id: Any, **_: Any) -> None:
        """They could not be looked for."""
        self.on_tool_error(error, run_id=run_id)

    @guarded
    def on_chain_start(self, serialized: Any, inputs: Any, *, run_id: Any, **known: Any) -> None:  # noqa: ARG002
        """A chain, a graph or a node of one begins: only whose it is matters to what happens inside."""
        if not self.enabled or not current().enabled:
            return
        above = self._above(known)
        agent = text(get(known.get("metadata"), "lc_agent_name"))
        node = self._runs.put(run_id, Node(above, agent=agent))
        if above is None or (agent is not None and agent != above.agent):
            node.recorder = current()
            node.facts = above.place() if above is not None else {}
            node.facts["name"] = agent or text(known.get("name")) or "chain"

    @guarded
    def on_chain_end(self, outputs: Any, *, run_id: Any, **_: Any) -> None:  # noqa: ARG002
        """It is over: a checkpoint, if it was the whole run or an agent's."""
        self._over(run_id, "completed")

    @guarded
    def on_chain_error(self, error: BaseException, *, run_id: Any, **_: Any) -> None:
        """It has failed."""
        ended = (
            "failed"
            if isinstance(error, Exception) and type(error).__name__ not in _CONTROL
            else "interrupted"
        )
        self._over(run_id, ended)

    def _over(self, run_id: Any, status: str) -> None:
        node = self._runs.pop(run_id)
        if node is not None and node.facts:
            agent_over(node, _SOURCE, status, **node.facts)

    @guarded
    def on_retry(self, retry_state: Any, *, run_id: Any, **_: Any) -> None:
        """Something failed and is tried again."""
        error = get(retry_state, "outcome")
        raised = error.exception() if error is not None else None
        if raised is None or not self.enabled:
            return
        recovery = {"attempted": True, "strategy": "retry", "success": None}
        current().error(type(raised).__name__, str(raised), recovery=recovery, **self._runs.place(run_id))

    def _above(self, known: Fields) -> Node | None:
        return self._runs.get(known.get("parent_run_id"))


def _message(message: Any) -> Fields:
    """A message as the providers write it."""
    calls = [
        {"name": get(call, "name"), "arguments": get(call, "args")}
        for call in get(message, "tool_calls") or ()
    ]
    said = {"role": get(message, "type"), "content": get(message, "content")}
    return {**said, "tool_calls": calls} if calls else said


def _answer(response: Any, message: Any) -> Any:
    if message is not None:
        return {name: value for name, value in _message(message).items() if name != "role"}
    return {"content": get(response, "generations", 0, 0, "text")}


def usage_fields(usage: Any) -> Fields:
    """Token fields of LangChain's own usage block, or of OpenAI's in its older places."""
    prompt = get(usage, "input_tokens")
    completion = get(usage, "output_tokens")
    return tokens(
        prompt if prompt is not None else get(usage, "prompt_tokens"),
        completion if completion is not None else get(usage, "completion_tokens"),
        get(usage, "input_token_details", "cache_read"),
        get(usage, "input_token_details", "cache_creation"),
        get(usage, "output_token_details", "reasoning"),
    )


_callbacks: ContextVar[Any] | None = None
_installed: Any = None


def install() -> None:
    """Have every call of LangChain and LangGraph recorded."""
    global _callbacks, _installed  # noqa: PLW0603 - once for the process: LangChain takes no hook back
    context = framework("langchain_core.tracers.context", "langchain")
    if _installed is None:
        _installed = __getattr__("T800CallbackHandler")()
        # By default in every context, also in threads that LangChain starts.
        _callbacks = ContextVar("t800_langchain", default=_installed)
        context.register_configure_hook(_callbacks, inheritable=True)
    _installed.enabled = True


def uninstall() -> None:
    """Take it back: what runs already is recorded to its end."""
    if _installed is not None:
        _installed.enabled = False


# `T800CallbackHandler`, the callback itself: a subclass of the framework's own class.
__getattr__ = made_when_asked(
    globals(),
    "T800CallbackHandler",
    _Callbacks,
    lambda: framework("langchain_core.callbacks", "langchain").BaseCallbackHandler,
    "Records the runs it is told of.",
)
