"""Anthropic's SDK: messages, sync, async and streamed.

>>> from t800.integrations import anthropic
>>> anthropic.install()

Every client that is made afterwards is recorded, also those of Bedrock and Vertex. Anthropic counts what a cache has
read or written apart from the input; the trace has all of it in `prompt_tokens`.
"""

from __future__ import annotations

from t800.integrations import _clients
from t800.integrations._calls import count, framework, get, text, tokens
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
    anthropic = framework("anthropic", "anthropic")
    _clients.install(_patches, anthropic.Anthropic, anthropic.AsyncAnthropic, APIS)


def uninstall() -> None:
    """Take it back."""
    _patches.undo()


def usage_fields(usage: Any) -> Fields:
    """The token fields of a usage block."""
    fresh, output = count(get(usage, "input_tokens")), get(usage, "output_tokens")
    read = count(get(usage, "cache_read_input_tokens"))
    written = count(get(usage, "cache_creation_input_tokens"))
    thought = get(usage, "output_tokens_details", "thinking_tokens")
    whole = None if fresh is None else fresh + (read or 0) + (written or 0)
    return tokens(whole, output, read, written, thought)


def content(blocks: Any) -> Fields:
    """What the model has said, and the tools it asks for."""
    words = [get(block, "text") or get(block, "thinking") or "" for block in blocks or ()]
    calls = [
        {"name": get(block, "name"), "arguments": get(block, "input")}
        for block in blocks or ()
        if get(block, "type") == "tool_use"
    ]
    return {"content": "".join(words), "tool_calls": calls}


class _Messages(Api):
    source, provider, path = "anthropic", "api.anthropic.com", "/messages"

    def messages(self, body: Fields) -> Any:
        system, given = body.get("system"), body.get("messages")
        return [{"role": "system", "content": system}, *(given or ())] if system else given

    def answer(self, response: Any) -> Fields:
        result = content(get(response, "content"))
        return {
            "source_id": text(get(response, "id")),
            "result": result,
            **usage_fields(get(response, "usage")),
        }

    def stream(self) -> Parts:
        return _MessageParts()


class _MessageParts(Parts):
    def __init__(self) -> None:
        self.id: str | None = None
        self.usage: Fields = {}
        self.blocks: list[Fields] = []

    def take(self, part: Any) -> bool:
        kind = get(part, "type")
        if kind == "message_start":
            self.id = text(get(part, "message", "id"))
            self._count(get(part, "message", "usage"))
        elif kind == "message_delta":
            self._count(get(part, "usage"))
        elif kind == "content_block_start":
            block = get(part, "content_block")
            self.blocks.append(
                {"type": get(block, "type"), "name": get(block, "name"), "text": "", "input": ""}
            )
        elif kind == "content_block_delta":
            self._take_delta(get(part, "delta"))
            return True
        elif kind == "message_stop":
            self.finished = True
        return False

    def _take_delta(self, delta: Any) -> None:
        if self.blocks:
            self.blocks[-1]["text"] += get(delta, "text") or get(delta, "thinking") or ""
            self.blocks[-1]["input"] += get(delta, "partial_json") or ""

    def _count(self, usage: Any) -> None:
        """Later counts replace earlier ones, name by name: the output's grows, the input's comes once."""
        for name in (
            "input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens",
            "output_tokens_details",
        ):  # fmt: skip
            value = get(usage, name)
            if value is not None:
                self.usage[name] = value

    def fields(self) -> Fields:
        usage = usage_fields(self.usage)
        if not self.finished:
            usage.pop("completion_tokens")  # a first guess, until the message is over
        return {"source_id": self.id, "result": content(self.blocks) if self.blocks else None, **usage}

    def is_complete(self) -> bool:
        return self.finished


APIS = (_Messages(),)
