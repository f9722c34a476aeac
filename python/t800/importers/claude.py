"""Transcripts of Claude Code: `~/.claude/projects/*/*.jsonl`, and those of sub-agents beside them.

A response stands on several lines that repeat its usage, with the last one the final figures; it is one call, known by its
message's id. Times are those of the lines: a model's call begins with the line before it, a tool's with the line that asks
for it, and both end with the line that answers.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from t800._times import micros, spelled
from t800.importers import Imported, Item, in_order
from t800.importers.source import Source, document, lines
from t800.integrations._calls import TOKENS, count, get, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from t800.importers.source import Note

    Json = dict[str, Any]

_TYPES = frozenset(["user", "assistant", "system", "attachment", "summary", "queue-operation"])
_NO_MODEL = "<synthetic>"
"""What stands in a response that no model has given."""


def knows(first: Sequence[Json]) -> bool:
    """Whether they are lines of a transcript."""
    return any(text(one.get("type")) in _TYPES and text(one.get("sessionId")) for one in first)


def read(sources: Iterable[Source], note: Note) -> Iterator[Imported]:
    """The sessions of transcripts, each with its sub-agents; a session may go on in another transcript."""
    seen: set[str] = set()
    for source in sources:
        group = [path for path in (source.path, *_of_agents(source.path)) if path not in seen]
        seen.update(group)
        sessions: dict[str, _Session] = {}
        for path in group:
            _take(Source(path), sessions, note)
        for session_id, session in sessions.items():
            yield Imported(session_id, "claude-code", session.finished())


def _take(source: Source, sessions: dict[str, _Session], note: Note) -> None:
    agent = _agent_in_name(source.path)
    spawning = _spawning(source.path) if agent else None
    for line in lines(source, note):
        session_id = text(line.value.get("sessionId"))
        if session_id is not None:
            session = sessions.setdefault(session_id, _Session())
            session.take(line.value, text(line.value.get("agentId")) or agent)
            if agent and spawning:
                session.spawned.setdefault(agent, spawning)


def _of_agents(path: str) -> list[str]:
    folder = os.path.join(os.path.splitext(path)[0], "subagents")
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    paths = [os.path.join(folder, name) for name in names if name.endswith(".jsonl")]
    return [path for path in paths if os.path.isfile(path) and not os.path.islink(path)]


def _agent_in_name(path: str) -> str | None:
    name = os.path.basename(path)
    return name[len("agent-") : -len(".jsonl")] if name.startswith("agent-") else None


def _spawning(path: str) -> str | None:
    """The call that has started a sub-agent, as a file beside its transcript says."""
    return text(get(document(Source(f"{os.path.splitext(path)[0]}.meta.json")), "toolUseId"))


class _Session:
    """What the lines of a session add up to."""

    def __init__(self) -> None:
        self._items: dict[tuple[str, str], Item] = {}
        """By type and id: a line that comes again is the same event."""
        self._times: dict[str, int] = {}
        self._asked: dict[str, int] = {}
        """By agent: when a model was last given something."""
        self.spawned: dict[str, str] = {}
        """By a sub-agent's id: the call that has started it."""
        self._now = 0

    def take(self, line: Json, agent: str | None) -> None:
        """One line."""
        at = self._now = micros(line.get("timestamp")) or self._now
        uuid = text(line.get("uuid")) or ""
        self._times[uuid] = at
        place = {"agent_id": agent} if agent else {}
        kind = line.get("type")
        if kind == "assistant":
            self._answers(line, at, uuid, place)
        elif kind == "user":
            self._asks(line, at, uuid, place)
        elif kind == "system":
            self._system(line, at, uuid, place)

    def finished(self) -> list[Item]:
        """Its events, in order."""
        items = []
        for item in self._items.values():
            parent = item.parent or self.spawned.get(item.event.get("agent_id", ""))
            items.append(item._replace(parent=parent))
        return in_order(items)

    def _add(self, kind: str, source_id: str, at: int, fields: Json, parent: str | None = None) -> Json:
        """The event of a type and an id, made now if need be."""
        key = source_id if kind in {"tool_call", "llm_call"} else f"{kind}:{source_id}"
        event = {"type": kind, "timestamp": spelled(at), "source_id": source_id, **fields}
        return self._items.setdefault((kind, source_id), Item(key, event, parent)).event

    def _answers(self, line: Json, at: int, uuid: str, place: Json) -> None:
        message = get(line, "message")
        parts = _parts(get(message, "content"))
        said = "\n".join(part["text"] for part in parts if text(part.get("text")))
        if line.get("isApiErrorMessage") or get(message, "model") == _NO_MODEL:
            self._add(
                "error",
                uuid,
                at,
                {"error_type": text(line.get("error")) or "llm_failed", "message": said, **place},
            )
            return
        response_id = text(get(message, "id")) or uuid
        began = self._times.get(str(line.get("parentUuid")), at)
        began = min(at, max(began, self._asked.get(place.get("agent_id", ""), 0)))
        call = self._add("llm_call", response_id, began, {"provider": "anthropic", "success": True, **place})
        call |= _usage(get(message, "usage"))
        call["model"] = text(get(message, "model")) or call.get("model")
        call["duration_ms"] = max(0, at - (micros(call["timestamp"]) or at)) / 1000
        if said:
            call["response"] = "\n".join(filter(None, (call.get("response"), said)))
        if reason := text(get(message, "stop_reason")):
            call["attributes"] = {"stop_reason": reason}
        for part in parts:
            if part.get("type") == "tool_use" and (name := text(part.get("id"))):
                begun = {
                    "tool": text(part.get("name")) or "tool",
                    "parameters": part.get("input"),
                    "success": None,
                }
                self._add("tool_call", name, at, {**begun, "duration_ms": None, "interrupted": True, **place})

    def _asks(self, line: Json, at: int, uuid: str, place: Json) -> None:
        content = get(line, "message", "content")
        self._asked[place.get("agent_id", "")] = at
        results = [part for part in _parts(content) if part.get("type") == "tool_result"]
        for part in results:
            self._result(part, line.get("toolUseResult"), at)
        if results or line.get("isMeta") or line.get("isCompactSummary"):
            return
        prompt = content if isinstance(content, str) else _said(content)
        name = "agent" if place else "turn"
        self._add(
            "checkpoint",
            uuid,
            at,
            {"phase_name": name, "status": "started", "attributes": {"prompt": prompt}, **place},
        )

    def _result(self, part: Json, told: object, at: int) -> None:
        source_id = str(part.get("tool_use_id"))
        item = self._items.get(("tool_call", source_id))
        if item is None:
            return
        call = item.event
        call["result"] = part.get("content")
        call["duration_ms"] = max(0, at - (micros(call["timestamp"]) or at)) / 1000
        if agent := text(get(told, "agentId")):
            self.spawned[agent] = source_id
        if get(told, "interrupted") is True:
            return
        call.pop("interrupted", None)
        call["success"] = part.get("is_error") is not True
        if not call["success"]:
            failed: Json = {name: call[name] for name in ("tool", "agent_id") if name in call}
            failed |= {"error_type": "tool_failed", "message": _said(part.get("content"))}
            self._add("error", source_id, at, failed, source_id)

    def _system(self, line: Json, at: int, uuid: str, place: Json) -> None:
        kind = line.get("subtype")
        if kind == "compact_boundary":
            trigger = text(get(line, "compactMetadata", "trigger"))
            facts: Json = {"attributes": {"trigger": trigger}} if trigger else {}
            self._add(
                "checkpoint", uuid, at, {"phase_name": "compaction", "status": "completed", **facts, **place}
            )
        elif kind == "api_error":
            said = (
                get(line, "error", "message") or get(line, "error", "error", "message") or line.get("content")
            )
            fields: Json = {"error_type": "llm_failed", "message": text(said) or ""}
            if count(line.get("retryAttempt")):
                fields |= {"error_type": "llm_retry", "recovery": {"attempted": True, "strategy": "retry"}}
            self._add("error", uuid, at, fields | place)


def _parts(content: object) -> list[Json]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []


def _said(content: object) -> str:
    return "\n".join(str(part["text"]) for part in _parts(content) if text(part.get("text")))


def _usage(usage: object) -> Json:
    """Tokens as the trace has them: a cache's are told beside the input."""
    names = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    prompt, completion, cached, written = (count(get(usage, name)) for name in names)
    if prompt is not None:
        prompt += (cached or 0) + (written or 0)
    known = zip(TOKENS, (prompt, completion, cached, written), strict=False)
    return {name: figure for name, figure in known if figure is not None}
