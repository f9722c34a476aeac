"""The Model Context Protocol's SDK: the tools that a client calls on its servers.

>>> from t800.integrations import mcp
>>> mcp.install()

A framework that calls a tool of the same name around it has the event already; then there is one, not two.
"""

from __future__ import annotations

from t800.integrations._calls import Patches, begin_tool, framework, get, guarded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from t800.integrations._calls import Call

__all__ = ["install", "uninstall"]

_patches = Patches()


def install() -> None:
    """Record the tool calls of all client sessions."""
    if not _patches:
        _patches.replace(framework("mcp", "mcp").ClientSession, "call_tool", _call_tool)


def uninstall() -> None:
    """Take it back."""
    _patches.undo()


@guarded
def _begin(name: str, arguments: Any) -> Call | None:
    return begin_tool("mcp", name, arguments)


@guarded
def _fail(call: Call, error: BaseException) -> None:
    call.end(error=error)


@guarded
def _finish(call: Call, result: Any) -> None:
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


def _call_tool(original: Any) -> Any:
    async def call_tool(self: Any, name: str, arguments: Any = None, *args: Any, **kwargs: Any) -> Any:
        call = _begin(name, arguments)
        if call is None:
            return await original(self, name, arguments, *args, **kwargs)
        try:
            result = await original(self, name, arguments, *args, **kwargs)
        except BaseException as error:
            _fail(call, error)
            raise
        _finish(call, result)
        return result

    return call_tool
