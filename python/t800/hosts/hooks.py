"""Hosts that call a command at their events: Claude Code, Codex, Gemini CLI, Cursor.

One entry for each event, in a file of JSON.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from t800.errors import TraceError
from t800.hosts import changes, jsonc
from t800.hosts.changes import Change
from t800.hosts.program import command, is_ours
from t800.layout import find_root, home_directory

if TYPE_CHECKING:
    from collections.abc import Iterator

_TIMEOUT_S = 10
_IN_MILLISECONDS = {"gemini"}
_VERSIONED = {"cursor": 1}
"""The hosts that take their file only with the version of its format in it."""
_TOOLS = ("PreToolUse", "PostToolUse", "PostToolUseFailure", "PermissionRequest")
EVENTS = {
    "claude-code": (
        "SessionStart",
        "UserPromptSubmit",
        *_TOOLS,
        "SubagentStart",
        "SubagentStop",
        "Stop",
        "StopFailure",
        "PreCompact",
        "SessionEnd",
    ),
    "codex": (
        "SessionStart",
        "UserPromptSubmit",
        "PreToolUse",
        "PostToolUse",
        "PermissionRequest",
        "SubagentStart",
        "SubagentStop",
        "Stop",
        "PreCompact",
        "PostCompact",
    ),
    # Its hooks around a model's call are called for each part of an answer, and tell no tokens but their sum.
    "gemini": (
        "SessionStart",
        "BeforeAgent",
        "BeforeTool",
        "AfterTool",
        "AfterAgent",
        "PreCompress",
        "SessionEnd",
    ),
    # It tells of commands, files and servers once more by hooks of their own; a call is to be there once.
    "cursor": (
        "sessionStart",
        "beforeSubmitPrompt",
        "preToolUse",
        "postToolUse",
        "postToolUseFailure",
        "subagentStart",
        "subagentStop",
        "preCompact",
        "afterAgentResponse",
        "stop",
        "sessionEnd",
    ),
}
IN_PROJECTS = ("claude-code", "gemini", "cursor")
"""The hosts that read hooks from a project's own settings, too."""


def settings_file(host: str, *, user: bool) -> str:
    """The file that a host reads its hooks from: the project's, or this user's."""
    home = home_directory() or "/"
    if host == "codex":
        return os.path.join(os.environ.get("CODEX_HOME") or os.path.join(home, ".codex"), "hooks.json")
    named = os.environ.get("CLAUDE_CONFIG_DIR") if host == "claude-code" else None
    name = ".claude" if host == "claude-code" else f".{host}"
    folder = (named or os.path.join(home, name)) if user else os.path.join(find_root(), name)
    return os.path.join(folder, "hooks.json" if host == "cursor" else "settings.json")


def installed(host: str, path: str) -> Change:
    """The change that adds our entries, where they are not there. Raises `TraceFileError` for a file like no other."""
    before = changes.read(path)
    text = before if before is not None and before.strip() else "{}\n"
    try:
        if host in _VERSIONED and jsonc.Document(text).root.member("version") is None:
            text = jsonc.put_member(text, "version", _VERSIONED[host])
        for event in EVENTS[host]:
            if not any(_ours(jsonc.Document(text), host, event)):
                text = jsonc.put(text, ["hooks", event], _entry(host, event))
    except TraceError as error:
        raise changes.backed_off(path, error) from error
    return Change(path, before, text)


def _entry(host: str, event: str) -> dict[str, object]:
    timeout = _TIMEOUT_S * 1_000 if host in _IN_MILLISECONDS else _TIMEOUT_S
    if host == "cursor":
        return {"command": command(host), "timeout": timeout}
    hook = {"type": "command", "command": command(host), "timeout": timeout}
    return ({"matcher": "*"} if event in _TOOLS else {}) | {"hooks": [hook]}


def _ours(document: jsonc.Document, host: str, event: str) -> Iterator[tuple[jsonc.Node, int]]:
    """Our entries of an event: the list and the position."""
    hooks = document.root.member("hooks")
    entries = hooks.member(event) if hooks is not None else None
    if entries is None or entries.kind != "list":
        return
    for position, entry in enumerate(entries.items):
        if any(is_ours(text, host) for text in entry.texts()):
            yield entries, position


def created(host: str, change: Change) -> list[str]:
    """Which containers the change makes: they go with our entries when nobody else has used them."""
    if change.before is None:
        return ["file"]
    root = jsonc.Document(change.before).root if change.before.strip() else jsonc.Node("object", 0)
    hooks = root.member("hooks")
    version = ["version"] if host in _VERSIONED and root.member("version") is None else []
    if hooks is None:
        return ["hooks", *version]
    return [*version, *(event for event in EVENTS[host] if hooks.member(event) is None)]


def removed(host: str, path: str) -> Change:
    """The change that takes our entries away, and what was made for them alone."""
    before = changes.read(path)
    if before is None:
        return Change(path, None, None)
    known = changes.made(path)
    text = before
    try:
        for event in dict.fromkeys([*EVENTS[host], *EVENTS["claude-code"]]):
            text = _without(text, host, event, known)
        text = _without_empty(text, "hooks", known)
        text = _without_version(text, known or [])
        empty = not jsonc.Document(text).root.items
    except TraceError as error:
        raise changes.backed_off(path, error) from error
    return Change(path, before, None if empty and "file" in (known or []) else text)


def _without(text: str, host: str, event: str, known: list[str] | None) -> str:
    found = list(_ours(jsonc.Document(text), host, event))
    for entries, position in reversed(found):
        text = jsonc.cut(text, entries, position)
    return _without_empty(text, event, known) if found else text


def _without_empty(text: str, name: str, known: list[str] | None) -> str:
    """Without a container that is empty, unless it was there before us."""
    document = jsonc.Document(text)
    hooks = document.root.member("hooks")
    outer = document.root if name == "hooks" else hooks
    inner = outer.member(name) if outer is not None else None
    may_go = known is None or bool({name, "hooks", "file"} & set(known))
    if outer is None or inner is None or inner.items or not may_go or (name == "hooks" and _kept(known)):
        return text
    return _without_member(text, outer, name)


def _without_version(text: str, known: list[str]) -> str:
    """Without the version of the format that we have added: of a file of ours only where nobody uses it."""
    root = jsonc.Document(text).root
    ours = "version" in known or ("file" in known and root.member("hooks") is None)
    if not ours or root.member("version") is None:
        return text
    return _without_member(text, root, "version")


def _without_member(text: str, node: jsonc.Node, name: str) -> str:
    return jsonc.cut(text, node, [key for key, _ in node.keys].index(name))


def _kept(known: list[str] | None) -> bool:
    """Whether the mapping of hooks was there before us."""
    return known is not None and not {"hooks", "file"} & set(known)
