"""OpenAI's SDK: chat completions, responses, completions and embeddings, sync, async and streamed.

>>> from t800.integrations import openai
>>> openai.install()

Every client that is made afterwards is recorded, also those of other providers behind the same API. Nothing is added
to a request: a stream of chat completions carries its tokens only where the agent asks for them
(`stream_options={"include_usage": True}`).
"""

from __future__ import annotations

from t800.integrations import _clients
from t800.integrations._calls import framework, get, text, tokens
from t800.integrations._clients import Api, Parts
from t800.integrations._wrapping import Patches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from t800.integrations._calls import Fields

__all__ = ["install", "uninstall"]

_patches = Patches()


def install() -> None:
    """Record the calls of all clients that are made from now on."""
    openai = framework("openai", "openai")
    _clients.install(_patches, openai.OpenAI, openai.AsyncOpenAI, APIS)


def uninstall() -> None:
    """Take it back."""
    _patches.undo()


def usage_fields(usage: Any) -> Fields:
    """The token fields of a usage block, of chat completions or of responses."""
    if usage is None:
        return {}
    details = get(usage, "prompt_tokens_details") or get(usage, "input_tokens_details")
    of_output = get(usage, "completion_tokens_details") or get(usage, "output_tokens_details")
    return tokens(
        _first(usage, "prompt_tokens", "input_tokens"),
        _first(usage, "completion_tokens", "output_tokens"),
        get(details, "cached_tokens"),
        get(details, "cache_write_tokens"),
        get(of_output, "reasoning_tokens"),
    )


def _first(usage: Any, *names: str) -> int | None:
    return next((value for name in names if (value := get(usage, name)) is not None), None)


def _called(calls: Any) -> list[Fields]:
    """Tools that the model asks for."""
    return [
        {"name": get(call, "function", "name"), "arguments": get(call, "function", "arguments")}
        for call in calls or ()
    ]


class _Chat(Api):
    source, provider, path = "openai", "api.openai.com", "/chat/completions"

    def messages(self, body: Fields) -> Any:
        return body.get("messages")

    def answer(self, response: Any) -> Fields:
        message = get(response, "choices", 0, "message")
        result = {"content": get(message, "content"), "tool_calls": _called(get(message, "tool_calls"))}
        return {
            "source_id": text(get(response, "id")),
            "result": result,
            **usage_fields(get(response, "usage")),
        }

    def stream(self) -> Parts:
        return _ChatParts()


class _ChatParts(Parts):
    def __init__(self) -> None:
        self.words: list[str] = []
        self.calls: list[Fields] = []
        self.id: str | None = None
        self.usage: Any = None

    def take(self, part: Any) -> bool:
        self.id = text(get(part, "id")) or self.id
        self.usage = get(part, "usage") or self.usage
        self.finished = self.finished or get(part, "choices", 0, "finish_reason") is not None
        delta = get(part, "choices", 0, "delta")
        content, calls = text(get(delta, "content")), get(delta, "tool_calls")
        if content:
            self.words.append(content)
        for call in calls or ():
            self._take_call(call)
        return bool(content or calls or get(delta, "reasoning_content"))

    def _take_call(self, call: Any) -> None:
        name, arguments = get(call, "function", "name"), get(call, "function", "arguments")
        if name:
            self.calls.append({"name": name, "arguments": ""})
        if arguments and self.calls:
            self.calls[-1]["arguments"] += arguments

    def fields(self) -> Fields:
        result = (
            {"content": "".join(self.words), "tool_calls": self.calls} if self.words or self.calls else None
        )
        return {"source_id": self.id, "result": result, **usage_fields(self.usage)}

    def is_complete(self) -> bool:
        # The usage comes behind the last choice, if it was asked for.
        return self.finished and self.usage is not None


class _Responses(Api):
    source, provider, path = "openai", "api.openai.com", "/responses"

    def messages(self, body: Fields) -> Any:
        instructions, given = body.get("instructions"), body.get("input")
        if not instructions:
            return given
        return [{"role": "system", "content": instructions}, *(given if isinstance(given, list) else [given])]

    def answer(self, response: Any) -> Fields:
        fields = {"source_id": text(get(response, "id")), **usage_fields(get(response, "usage"))}
        status = get(response, "status")
        return {**fields, "result": _output(response), **({"success": False} if status == "failed" else {})}

    def stream(self) -> Parts:
        return _ResponsesParts()


def _output(response: Any) -> Fields:
    items = get(response, "output") or ()
    words = [get(part, "text") or "" for item in items for part in get(item, "content") or ()]
    calls = [
        {"name": get(item, "name"), "arguments": get(item, "arguments")}
        for item in items
        if get(item, "type") == "function_call"
    ]
    return {"content": "".join(words), "tool_calls": calls}


class _ResponsesParts(Parts):
    def __init__(self) -> None:
        self.response: Any = None

    def take(self, part: Any) -> bool:
        kind = str(get(part, "type"))
        self.response = get(part, "response") or self.response
        self.finished = self.finished or kind in {
            "response.completed", "response.incomplete", "response.failed",
        }  # fmt: skip
        return kind.endswith(".delta")

    def fields(self) -> Fields:
        fields = APIS[1].answer(self.response)
        return fields if self.finished else {"source_id": fields["source_id"]}

    def is_complete(self) -> bool:
        return self.finished


class _Completions(_Chat):
    path = "/completions"

    def messages(self, body: Fields) -> Any:
        return body.get("prompt")

    def answer(self, response: Any) -> Fields:
        result = {"content": get(response, "choices", 0, "text")}
        return {
            "source_id": text(get(response, "id")),
            "result": result,
            **usage_fields(get(response, "usage")),
        }


class _Embeddings(_Chat):
    path = "/embeddings"

    def messages(self, body: Fields) -> Any:
        return body.get("input")

    def answer(self, response: Any) -> Fields:
        return usage_fields(get(response, "usage"))


APIS = (_Chat(), _Responses(), _Completions(), _Embeddings())
