"""smolagents: models, tools, the code that agents write, and the agents themselves.

>>> from t800.integrations import smolagents
>>> smolagents.install()

smolagents tells of a step when it is over; so this looks on as a model, a tool, an executor and an agent is called, also
those of classes that a program nests from them.
"""

from __future__ import annotations

from contextvars import copy_context

from t800.integrations._calls import begin_llm, begin_tool, framework, get, guarded, text, tokens
from t800.integrations._wrapping import Patches, Work, around, streamed, working
from t800.integrations.openai import usage_fields
from t800.session import current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from t800.integrations._calls import Call, Fields

__all__ = ["install", "uninstall"]

_SOURCE = "smolagents"
_patches = Patches()


def install() -> None:
    """Record the calls of all agents and models from now on."""
    if _patches:
        return
    smolagents = framework("smolagents", "smolagents")
    executor = framework("smolagents.local_python_executor", "smolagents").PythonExecutor
    asked = around(_begin, _finish, asynchronous=False)
    heard = streamed(_begin_stream, _take, _over, asynchronous=False)
    used = around(_begin_tool, _finish_tool, asynchronous=False)
    ran = around(_begin_code, _finish_code, asynchronous=False)

    def executes(each: type) -> None:
        _patches.replace_own(each, "__call__", lambda original: ran(_carrying(original)))

    def model(each: type) -> None:
        _patches.replace_own(each, "generate", asked)
        _patches.replace_own(each, "generate_stream", heard)

    _patches.follow(smolagents.Model, model)
    _patches.follow(smolagents.Tool, lambda each: _patches.replace_own(each, "__call__", used))
    _patches.follow(executor, executes)
    _patches.replace(smolagents.MultiStepAgent, "run", working(_work, asynchronous=False))


def uninstall() -> None:
    """Take it back."""
    _patches.undo()


@guarded
def _work(agent: Any) -> Work | None:
    name = text(get(agent, "name")) or type(agent).__name__
    return Work(_SOURCE, name) if current().enabled else None


def _asked(args: tuple[Any, ...], kwargs: Fields) -> Call | None:
    model, messages = args[0], args[1] if len(args) > 1 else kwargs.get("messages")
    said = [{"role": str(get(each, "role")), "content": get(each, "content")} for each in messages or ()]
    name = text(get(model, "model_id")) or type(model).__name__
    front, slash, rest = name.partition("/")
    # LiteLLM's names begin with who serves; those of a hub begin with who has made the model.
    served = bool(slash) and type(model).__name__.startswith("LiteLLM")
    own = front if served else None
    return begin_llm(_SOURCE, rest if served else name, said, provider=own, nests=True)


@guarded
def _begin(args: tuple[Any, ...], kwargs: Fields) -> tuple[Call, None] | None:
    call = _asked(args, kwargs)
    return None if call is None else (call, None)


@guarded
def _finish(call: Call, _: None, message: Any) -> None:
    said = {"content": get(message, "content"), "tool_calls": _called(get(message, "tool_calls"))}
    fields = usage_fields(get(message, "raw", "usage"))
    known = fields if fields.get("prompt_tokens") is not None else _counted(get(message, "token_usage"))
    call.end(said, source_id=text(get(message, "raw", "id")), **known)


def _called(calls: Any) -> Any:
    return [
        {"name": get(call, "function", "name"), "arguments": get(call, "function", "arguments")}
        for call in calls or ()
    ]


def _counted(usage: Any) -> Fields:
    return tokens(get(usage, "input_tokens"), get(usage, "output_tokens"))


class _Parts:
    """What a streamed answer has said so far."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.usage: Any = None


@guarded
def _begin_stream(args: tuple[Any, ...], kwargs: Fields) -> tuple[Call, _Parts] | None:
    call = _asked(args, kwargs)
    return None if call is None else (call, _Parts())


@guarded
def _take(call: Call, parts: _Parts, delta: Any) -> None:
    said = text(get(delta, "content"))
    if said is not None:
        parts.words.append(said)
    if said is not None or get(delta, "tool_calls"):
        call.first_token()
    parts.usage = get(delta, "token_usage") or parts.usage


@guarded
def _over(call: Call, parts: _Parts, error: BaseException | None) -> None:
    said = {"content": "".join(parts.words)} if parts.words else None
    call.end(said, error, **_counted(parts.usage))


@guarded
def _begin_tool(args: tuple[Any, ...], kwargs: Fields) -> tuple[Call, None] | None:
    """Of `__call__(self, *args, sanitize_inputs_outputs, **kwargs)`."""
    tool, given = args[0], args[1:]
    named = {name: value for name, value in kwargs.items() if name != "sanitize_inputs_outputs"}
    if len(given) == 1 and not named and isinstance(given[0], dict):
        named = given[0]
    else:
        named = dict(zip(get(tool, "inputs") or (), given, strict=False)) | named
    call = begin_tool(_SOURCE, text(get(tool, "name")), named)
    return None if call is None else (call, None)


@guarded
def _finish_tool(call: Call, _: None, output: Any) -> None:
    call.end(output)


class _Carried:
    """A tool that knows whose code calls it: that runs in a thread without the agent's context."""

    def __init__(self, tool: Any) -> None:
        self._tool, self._context = tool, copy_context()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._context.copy().run(self._tool, *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tool, name)


@guarded
def _begin_code(args: tuple[Any, ...], kwargs: Fields) -> tuple[Call, None] | None:
    """Of `__call__(self, code_action)`."""
    code = args[1] if len(args) > 1 else kwargs.get("code_action")
    call = begin_tool(_SOURCE, "python_interpreter", {"code": code})
    return None if call is None else (call, None)


@guarded
def _finish_code(call: Call, _: None, output: Any) -> None:
    call.end({"output": get(output, "output"), "stdout": get(output, "logs")})


def _carrying(original: Any) -> Any:
    """The local executor hands its tools to the code that it runs."""

    def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        plain = _carry(self)
        try:
            return original(self, *args, **kwargs)
        finally:
            if plain is not None:
                self.static_tools = plain

    return run


@guarded
def _carry(executor: Any) -> Any:
    plain = get(executor, "static_tools")
    if isinstance(plain, dict) and current().enabled:
        # Tools and agents: the others are Python's own functions and types.
        carried = {name: _Carried(tool) if hasattr(tool, "inputs") else tool for name, tool in plain.items()}
        executor.static_tools = carried
        return plain
    return None
