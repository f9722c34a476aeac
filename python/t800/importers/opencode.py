"""What `opencode export SESSION` writes: a session with its messages, as one JSON document.

A step of an answer is a call of the model. The export of a sub-agent's session goes into the session that has started it,
whose export it is best imported together with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from t800._times import spelled
from t800.importers import Imported, Item, in_order
from t800.importers.source import document
from t800.integrations._calls import TOKENS, count, get, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from t800.importers.source import Note, Source

    Json = dict[str, Any]

_ABORTED = "MessageAbortedError"


def knows(first: Sequence[Json]) -> bool:
    """Whether they are the one document that an export is."""
    return any(text(get(one, "info", "id")) and isinstance(one.get("messages"), list) for one in first)


def read(sources: Iterable[Source], note: Note) -> Iterator[Imported]:
    """The sessions, each with those of its sub-agents."""
    exports: dict[str, Json] = {}
    for source in sources:
        export = document(source)
        session_id = text(get(export, "info", "id"))
        if export is None or session_id is None or not isinstance(export.get("messages"), list):
            note(source.path, 0, "is torn, or is no export of opencode")
        else:
            exports[session_id] = export
    calls = {sub: call for export in exports.values() for sub, call in _spawned(export)}
    roots: dict[str, list[Item]] = {}
    for session_id, export in exports.items():
        root = _root(session_id, exports)
        agent = None if root == session_id else session_id
        roots.setdefault(root, []).extend(_Session(agent, calls.get(session_id)).items(export))
    for root, items in roots.items():
        yield Imported(root, "opencode", in_order(items))


def _root(session_id: str, exports: dict[str, Json]) -> str:
    """The session that a sub-agent's belongs to, as far up as the exports tell."""
    seen = {session_id}
    while (parent := text(get(exports.get(session_id), "info", "parentID"))) and parent not in seen:
        seen.add(parent)
        session_id = parent
    return session_id


def _messages(export: Json) -> Iterator[tuple[Json, list[Json]]]:
    for message in export["messages"]:
        info, parts = get(message, "info"), get(message, "parts")
        if isinstance(info, dict) and isinstance(parts, list):
            yield info, [part for part in parts if isinstance(part, dict)]


def _spawned(export: Json) -> Iterator[tuple[str, str]]:
    """Sessions of sub-agents, and the calls that have started them."""
    for _, parts in _messages(export):
        for part in parts:
            sub, call = text(get(part, "state", "metadata", "sessionId")), text(part.get("id"))
            if sub and call:
                yield sub, call


class _Session:
    """The events of one export; of a sub-agent's with its id and the call that has started it."""

    def __init__(self, agent: str | None, parent: str | None) -> None:
        self._place = {"agent_id": agent} if agent else {}
        self._parent = parent
        self._now = 0

    def items(self, export: Json) -> Iterator[Item]:
        """All of them."""
        self._now = _ms(get(export, "info", "time", "created")) or 0
        for info, parts in _messages(export):
            self._now = _ms(get(info, "time", "created")) or self._now
            message_id = text(info.get("id")) or f"message:{self._now}"
            if info.get("role") == "user":
                yield self._asked(message_id, parts)
            elif info.get("role") == "assistant":
                yield from self._answered(message_id, info, parts)

    def _item(self, kind: str, source_id: str, fields: Json, parent: str | None = None) -> Item:
        key = source_id if kind in {"tool_call", "llm_call"} else f"{kind}:{source_id}"
        event = {
            "type": kind,
            "timestamp": spelled(self._now),
            "source_id": source_id,
            **fields,
            **self._place,
        }
        return Item(key, event, parent or self._parent)

    def _asked(self, message_id: str, parts: Iterable[Json]) -> Item:
        prompt = [part["text"] for part in parts if text(part.get("text")) and not part.get("synthetic")]
        name = "agent" if self._place else "turn"
        fields = {"phase_name": name, "status": "started", "attributes": {"prompt": "\n".join(prompt)}}
        return self._item("checkpoint", message_id, fields)

    def _answered(self, message_id: str, info: Json, parts: list[Json]) -> Iterator[Item]:
        began, said, ended = self._now, list[str](), self._now
        for part in parts:
            part_id = text(part.get("id")) or f"part:{self._now}"
            ended = _sign(part) or ended
            kind = part.get("type")
            if kind == "text" and text(part.get("text")):
                said.append(part["text"])
            elif kind == "step-finish":
                yield self._step(part_id, info, part, began, ended, said)
                began, said = ended, []
            elif kind == "tool":
                yield from self._tool(part_id, part)
            elif kind == "compaction":
                yield self._item("checkpoint", part_id, {"phase_name": "compaction", "status": "completed"})
            elif kind == "retry":
                tried = {"recovery": {"attempted": True, "strategy": "retry"}}
                message = text(get(part, "error", "data", "message")) or ""
                yield self._item("error", part_id, {"error_type": "llm_retry", "message": message, **tried})
        self._now = began
        if isinstance(info.get("error"), dict):
            yield from self._failed(message_id, info)

    def _step(self, part_id: str, info: Json, part: Json, began: int, ended: int, said: list[str]) -> Item:
        self._now = began
        reason, cost = text(part.get("reason")), part.get("cost")
        paid = isinstance(cost, int | float) and not isinstance(cost, bool) and cost > 0
        fields = _model(info) | _usage(part.get("tokens"))
        fields |= {"duration_ms": max(0, ended - began) / 1000, "success": reason != "error"}
        fields |= {"cost_usd": cost} if paid else {}
        fields |= {"response": "\n".join(said)} if said else {}
        attributes = {"agent": text(info.get("agent")), "finish_reason": reason}
        fields["attributes"] = {name: value for name, value in attributes.items() if value}
        item = self._item("llm_call", part_id, fields)
        self._now = ended
        return item

    def _failed(self, message_id: str, info: Json) -> Iterator[Item]:
        name = text(get(info, "error", "name")) or "unknown"
        done = _ms(get(info, "time", "completed"))
        lasted = None if done is None else max(0, done - self._now) / 1000
        if name == _ABORTED:
            fields = {"duration_ms": lasted, "success": None, "interrupted": True}
            yield self._item("llm_call", message_id, _model(info) | fields)
            return
        yield self._item("llm_call", message_id, _model(info) | {"duration_ms": lasted, "success": False})
        message = text(get(info, "error", "data", "message")) or ""
        yield self._item("error", message_id, {"error_type": name, "message": message}, message_id)

    def _tool(self, part_id: str, part: Json) -> Iterator[Item]:
        state, tool = part.get("state"), text(part.get("tool")) or "tool"
        began, ended = _ms(get(state, "time", "start")), _ms(get(state, "time", "end"))
        before, self._now = self._now, began or self._now
        status, exit_code = get(state, "status"), get(state, "metadata", "exit")
        lasted = None if began is None or ended is None else max(0, ended - began) / 1000
        fields = {"tool": tool, "parameters": get(state, "input"), "duration_ms": lasted}
        if status == "completed":
            known = isinstance(exit_code, int) and not isinstance(exit_code, bool)
            fields |= {"result": get(state, "output"), "success": exit_code == 0 if known else True}
            fields |= {"attributes": {"exit_code": exit_code}} if known else {}
        elif status == "error" and not _is_aborted(state):
            fields["success"] = False
            told = {"error_type": "tool_failed", "tool": tool, "message": text(get(state, "error")) or ""}
            yield self._item("error", part_id, told, part_id)
        else:
            fields |= {"success": None, "interrupted": True}
        yield self._item("tool_call", part_id, fields)
        if tool == "todowrite" and status == "completed":
            yield self._todos(part_id, get(state, "input", "todos"))
        self._now = before

    def _todos(self, part_id: str, todos: object) -> Item:
        outcome: dict[str, int] = {}
        for todo in todos if isinstance(todos, list) else ():
            status = text(get(todo, "status")) or "unknown"
            outcome[status] = outcome.get(status, 0) + 1
        return self._item("decision", part_id, {"decision_type": "todo", "outcome": outcome}, part_id)


def _is_aborted(state: object) -> bool:
    return bool(get(state, "metadata", "interrupted")) or str(get(state, "error")).endswith("aborted")


def _sign(part: Json) -> int | None:
    """When the model was last heard of, as a part tells it: a tool begins when it has been asked for."""
    if part.get("type") == "tool":
        return _ms(get(part, "state", "time", "start"))
    return _ms(get(part, "time", "end")) or _ms(get(part, "time", "start"))


def _model(info: Json) -> Json:
    told = {"model": text(info.get("modelID")), "provider": text(info.get("providerID"))}
    return {name: value for name, value in told.items() if value}


def _usage(tokens: object) -> Json:
    """A cache's tokens are told beside the input, and reasoning beside the output."""
    prompt, completion, reasoning = (count(get(tokens, name)) for name in ("input", "output", "reasoning"))
    cached, written = (count(get(tokens, "cache", name)) for name in ("read", "write"))
    if prompt is not None:
        prompt += (cached or 0) + (written or 0)
    if completion is not None:
        completion += reasoning or 0
    known = zip(TOKENS, (prompt, completion, cached, written, reasoning), strict=True)
    return {name: figure for name, figure in known if figure is not None}


def _ms(value: object) -> int | None:
    """A time in milliseconds, as microseconds."""
    known = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1 << 52
    return int(value * 1000) if known else None  # type: ignore[operator]
