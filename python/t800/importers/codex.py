"""Rollouts of Codex: `~/.codex/sessions/YYYY/MM/DD/rollout-*.jsonl`.

What a call of the model has used is told by a count, which may come twice; the sum of all counts so far tells them apart.
Times are those of the lines: a model's call begins with what was last given to it, and ends with what it has used.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from t800._times import micros, spelled
from t800.importers import Imported, Item, in_order
from t800.importers.source import lines
from t800.integrations._calls import TOKENS, count, get, text
from t800.integrations._spans import parsed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from t800.importers.source import Note, Source

    Json = dict[str, Any]

_TYPES = frozenset(
    ["session_meta", "turn_context", "response_item", "event_msg", "token_usage_record", "compacted"]
)
_EXIT = re.compile(r"(?:exited with code|Exit code:?) (-?[0-9]{1,6})\b")
_CALLS = frozenset(["function_call", "custom_tool_call", "local_shell_call", "web_search_call"])
_OUTPUTS = frozenset(["function_call_output", "custom_tool_call_output"])


def knows(first: Sequence[Json]) -> bool:
    """Whether they are lines of a rollout."""
    return any(text(one.get("type")) in _TYPES and isinstance(one.get("payload"), dict) for one in first)


def read(sources: Iterable[Source], note: Note) -> Iterator[Imported]:
    """Each rollout is a session."""
    for source in sources:
        session = _Session()
        for line in lines(source, note):
            session.take(line.value)
        if session.id is None:
            note(source.path, 0, "it does not say which session it is of")
        else:
            yield Imported(session.id, "codex", session.finished())


class _Session:
    """What the lines of a rollout add up to."""

    def __init__(self) -> None:
        self.id: str | None = None
        self._items: dict[tuple[str, str], Item] = {}
        self._model: Json = {}
        self._said: list[str] = []
        self._turn: Json | None = None
        self._total: int | None = None
        self._asked = self._now = 0

    def take(self, line: Json) -> None:
        """One line."""
        self._now = micros(line.get("timestamp")) or self._now
        payload = line.get("payload")
        kind = text(line.get("type"))
        if not isinstance(payload, dict):
            return
        if kind in {"session_meta", "turn_context"}:
            self._context(payload)
        elif kind == "response_item":
            self._item(payload)
        elif kind == "event_msg":
            self._event(payload)
        elif kind == "token_usage_record":
            self._used(
                payload.get("usage"), get(payload, "thread_token_usage"), text(payload.get("response_id"))
            )
        elif kind == "compacted":
            self._add(
                "checkpoint", f"compacted:{self._now}", {"phase_name": "compaction", "status": "completed"}
            )

    def finished(self) -> list[Item]:
        """Its events, in order."""
        return in_order(self._items.values())

    def _add(
        self, kind: str, source_id: str, fields: Json, parent: str | None = None, at: int | None = None
    ) -> Json:
        key = source_id if kind in {"tool_call", "llm_call"} else f"{kind}:{source_id}"
        event = {
            "type": kind,
            "timestamp": spelled(self._now if at is None else at),
            "source_id": source_id,
            **fields,
        }
        return self._items.setdefault((kind, source_id), Item(key, event, parent)).event

    def _context(self, payload: Json) -> None:
        self.id = self.id or text(payload.get("id")) or text(payload.get("session_id"))
        told = {"model": text(payload.get("model")), "provider": text(payload.get("model_provider"))}
        self._model |= {name: value for name, value in told.items() if value}

    # What was said and done

    def _item(self, payload: Json) -> None:
        kind = text(payload.get("type"))
        source_id = text(payload.get("call_id")) or text(payload.get("id")) or f"{kind}:{self._now}"
        if kind == "message" and payload.get("role") == "assistant":
            self._said += _texts(payload.get("content"))
        elif kind == "message":
            self._asked = self._now
        elif kind in _CALLS:
            name = text(payload.get("name")) or str(kind).removesuffix("_call")
            given = _parsed(payload.get("arguments", payload.get("input", payload.get("action"))))
            open_call = {"duration_ms": None, "success": None, "interrupted": True}
            self._add("tool_call", source_id, {"tool": name, "parameters": given, **open_call})
        elif kind in _OUTPUTS:
            self._asked = self._now
            self._output(source_id, payload.get("output"))

    def _output(self, source_id: str, output: object) -> None:
        call = self._call(source_id)
        if call is None:
            return
        told = _parsed(output)
        call.pop("interrupted", None)
        if call["duration_ms"] is None:
            call["duration_ms"] = max(0, self._now - (micros(call["timestamp"]) or self._now)) / 1000
        call["result"] = told.get("output", told) if isinstance(told, dict) else told
        code = count(get(told, "metadata", "exit_code"))
        found = _EXIT.search(output) if isinstance(output, str) else None
        if call["success"] is None and (code is not None or found is not None):
            self._ended(call, int(found[1]) if found and code is None else code or 0)
        success = get(told, "success")
        if isinstance(success, bool):
            call["success"] = success

    def _call(self, source_id: object) -> Json | None:
        item = self._items.get(("tool_call", str(source_id)))
        return None if item is None else item.event

    @staticmethod
    def _ended(call: Json, code: int) -> None:
        call["success"] = code == 0
        call["attributes"] = {"exit_code": code}

    # What Codex tells of it

    def _event(self, payload: Json) -> None:
        kind = text(payload.get("type"))
        if kind == "token_count":
            self._used(
                get(payload, "info", "last_token_usage"), get(payload, "info", "total_token_usage"), None
            )
        elif kind == "item_completed":
            self._completed(payload.get("item"), payload)
        elif kind == "exec_command_end":
            self._completed({**payload, "type": "CommandExecution", "id": payload.get("call_id")}, payload)
        elif kind == "user_message":
            self._prompt(text(payload.get("message")))
        elif kind in {"task_started", "turn_started"}:
            self._turn = self._checkpoint(payload, "started")
        elif kind in {"task_complete", "turn_complete", "turn_aborted"}:
            done = self._checkpoint(payload, "interrupted" if kind == "turn_aborted" else "completed")
            if response := text(payload.get("last_agent_message")):
                done.setdefault("attributes", {})["response"] = response
        elif kind in {"error", "stream_error"}:
            fields = {"error_type": str(kind), "message": text(payload.get("message")) or ""}
            self._add("error", f"{kind}:{self._now}", fields)

    def _checkpoint(self, payload: Json, status: str) -> Json:
        turn = text(payload.get("turn_id")) or str(self._now)
        attributes = {"attributes": {"turn_id": turn}} if text(payload.get("turn_id")) else {}
        return self._add(
            "checkpoint", f"{turn}:{status}", {"phase_name": "turn", "status": status, **attributes}
        )

    def _prompt(self, prompt: str | None) -> None:
        if prompt and self._turn is not None:
            self._turn.setdefault("attributes", {}).setdefault("prompt", prompt)

    def _completed(self, item: object, around: Json) -> None:
        kind, call = get(item, "type"), self._call(get(item, "id"))
        if kind == "UserMessage":
            content = get(item, "content")
            said = (
                [part["text"] for part in content if text(get(part, "text"))]
                if isinstance(content, list)
                else []
            )
            self._prompt("\n".join(said))
        elif call is not None:
            duration = get(item, "duration")
            seconds, nanos = get(duration, "secs"), get(duration, "nanos")
            if count(seconds) is not None and count(nanos) is not None:
                call["duration_ms"] = seconds * 1e3 + nanos / 1e6
            if (began := count(around.get("started_at_ms"))) is not None:
                call["timestamp"] = spelled(began * 1000)
            code = get(item, "exit_code")
            if isinstance(code, int) and not isinstance(code, bool):
                self._ended(call, code)
            elif text(get(item, "status")) in {"completed", "failed"}:
                call["success"] = get(item, "status") == "completed"

    def _used(self, usage: object, sums: object, response_id: str | None) -> None:
        total = count(get(sums, "total_tokens"))
        if total is None or total == self._total:
            return
        self._total = total
        began = self._asked or self._now
        names = (
            "input_tokens", "output_tokens", "cached_input_tokens", "cache_write_input_tokens", "reasoning_output_tokens",
        )  # fmt: skip
        figures = zip(TOKENS, (count(get(usage, name)) for name in names), strict=True)
        self._add("llm_call", f"total-{total}", {
            **self._model,
            **{name: figure for name, figure in figures if figure is not None},
            **({"response": "\n".join(self._said)} if self._said else {}),
            **({"attributes": {"response_id": response_id}} if response_id else {}),
            "duration_ms": max(0, self._now - began) / 1000,
            "success": True,
        }, at=began)  # fmt: skip
        self._said = []


def _texts(content: object) -> list[str]:
    return [part["text"] for part in content if text(get(part, "text"))] if isinstance(content, list) else []


def _parsed(value: object) -> Any:
    """JSON in a text as what it means, so that keys decide what is sensitive."""
    return parsed(value) if isinstance(value, str) else value
