"""The Model Context Protocol's SDK: the tools that a client calls on its servers.

>>> from t800.integrations import mcp
>>> mcp.install()

A framework that calls a tool of the same name around it has the event already; then there is one, not two.
"""

from __future__ import annotations

from t800.integrations._calls import begin_tool, framework, get, guarded
from t800.integrations._wrapping import Patches, around

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from t800.integrations._calls import Call, Fields

__all__ = ["install", "uninstall"]

_patches = Patches()


def install() -> None:
    """Record the tool calls of all client sessions."""
    if not _patches:
        _patches.replace(
            framework("mcp", "mcp").ClientSession, "call_tool", around(_begin, _finish, asynchronous=True)
        )


def uninstall() -> None:
    """Take it back."""
    _patches.undo()


@guarded
def _begin(args: tuple[Any, ...], kwargs: Fields) -> tuple[Call, None] | None:
    named = dict(zip(("name", "arguments"), args[1:], strict=False)) | kwargs
    call = begin_tool("mcp", named["name"], named.get("arguments"))
    return None if call is None else (call, None)


@guarded
def _finish(call: Call, _: None, result: Any) -> None:
    structured = get(result, "structuredContent") or get(result, "structured_content")
    said = [
        {"content": get(part, "text")} if get(part, "text") else {"type": get(part, "type")}
        for part in get(result, "content") or ()
    ]
    if get(result, "isError") or get(result, "is_error"):
        call.fail(
            "TOOL_FAILED", " ".join(part.get("content") or "" for part in said) or None, structured or said
        )
    else:
        call.end(structured or said)
