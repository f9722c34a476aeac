"""Spans of others: the GenAI conventions, OpenInference and the AI SDK become calls, agents and errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.importers.transcripts import lines, written

from t800.importers import Imported, read
from t800.importers.source import Source

Json = dict[str, Any]
START = 1768473000_000_000_000


def value(given: object) -> Json:
    if isinstance(given, bool):
        return {"boolValue": given}
    if isinstance(given, int):
        return {"intValue": str(given)}
    return {"doubleValue": given} if isinstance(given, float) else {"stringValue": given}


def attributes(given: Json) -> list[Json]:
    return [{"key": name, "value": value(told)} for name, told in given.items()]


def span(identity: str, parent: str, name: str, since: int, lasted: int, told: Json, **fields: Any) -> Json:
    begin = START + since * 1_000_000
    return {
        "traceId": "0" * 31 + "1", "spanId": identity, "parentSpanId": parent, "name": name,
        "startTimeUnixNano": str(begin), "endTimeUnixNano": str(begin + lasted * 1_000_000),
        "attributes": attributes(told), **fields,
    }  # fmt: skip


def request(*spans: Json, service: str = "my-agent") -> Json:
    resource = {"attributes": attributes({"service.name": service})}
    return {
        "resourceSpans": [
            {"resource": resource, "scopeSpans": [{"scope": {"name": "x"}, "spans": list(spans)}]}
        ]
    }


def imported(path: Path) -> Imported:
    notes: list[object] = []
    (found,) = [session for _, session in read([Source(str(path))], lambda *note: notes.append(note))]
    assert notes == []
    return found._replace(items=list(found.items))


AGENT = {
    "gen_ai.operation.name": "invoke_agent",
    "gen_ai.agent.name": "planner",
    "gen_ai.conversation.id": "conv_1",
}
CHAT = {
    "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-5", "gen_ai.provider.name": "openai",
    "gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 20, "gen_ai.usage.cache_read.input_tokens": 40,
    "gen_ai.response.id": "resp_1", "gen_ai.input.messages": '[{"role":"user","content":"x"}]',
}  # fmt: skip
TOOL = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "bash", "gen_ai.tool.call.id": "call_1",
        "gen_ai.tool.call.arguments": '{"cmd":"ls"}'}  # fmt: skip


def test_the_genai_conventions(tmp_path: Path) -> None:
    failed = {"status": {"code": 2}, "events": [{"name": "exception", "attributes": attributes(
        {"exception.type": "OSError", "exception.message": "no such file"})}]}  # fmt: skip
    spans = [
        span("c1", "a1", "chat gpt-5", 100, 500, CHAT),
        span("t1", "a1", "execute_tool bash", 700, 50, TOOL, **failed),
        span("h1", "t1", "POST", 710, 10, {"http.method": "POST"}),
        span("c2", "h1", "chat", 712, 5, CHAT | {"gen_ai.response.id": "resp_2"}),
        span("a1", "", "invoke_agent planner", 0, 1000, AGENT),
    ]
    # In any order, on one line or several.
    found = imported(written(tmp_path / "a.jsonl", lines(request(*spans[:2]), request(*spans[2:]))))
    assert (found.host_id, found.agent) == ("conv_1", "my-agent")
    told = [(item.key, item.event["type"], item.parent, item.event.get("agent_id")) for item in found.items]
    assert told == [
        ("a1", "checkpoint", None, "planner"), ("c1", "llm_call", None, "planner"), ("t1", "tool_call", None, "planner"),
        ("c2", "llm_call", "t1", "planner"), ("error:t1", "error", "t1", "planner"),
    ]  # fmt: skip
    by_key = {item.key: item.event for item in found.items}
    call = by_key["c1"]
    names = (
        "model",
        "provider",
        "prompt_tokens",
        "completion_tokens",
        "cached_tokens",
        "source_id",
        "duration_ms",
        "success",
    )
    assert [call.get(name) for name in names] == ["gpt-5", "openai", 100, 20, 40, "resp_1", 500.0, True]
    assert call["messages"] == [{"role": "user", "content": "x"}]
    assert call["timestamp"] == "2026-01-15T10:30:00.100Z"
    tool = by_key["t1"]
    assert (tool["tool"], tool["parameters"], tool["source_id"], tool["success"]) == (
        "bash",
        {"cmd": "ls"},
        "call_1",
        False,
    )
    error = by_key["error:t1"]
    assert (error["error_type"], error["message"]) == ("OSError", "no such file")


def test_openinference_and_the_ai_sdk(tmp_path: Path) -> None:
    spans = [
        span("o1", "", "ChatCompletion", 0, 10, {"openinference.span.kind": "LLM", "llm.model_name": "m1", "session.id": "s1",
             "llm.token_count.prompt": 7, "llm.token_count.completion": 3}),
        span("o2", "", "search", 20, 10, {"openinference.span.kind": "TOOL", "tool.name": "search", "input.value": "x"}),
        span("v0", "", "ai.streamText", 40, 30, {"ai.operationId": "ai.streamText", "ai.usage.inputTokens": 5}),
        span("v1", "v0", "ai.streamText.doStream", 41, 10, {"ai.operationId": "ai.streamText.doStream", "ai.model.id": "m2",
             "ai.usage.inputTokens": 5, "ai.usage.outputTokens": 2, "ai.response.msToFirstChunk": 1.5}),
    ]  # fmt: skip
    found = imported(written(tmp_path / "a.jsonl", lines(request(*spans))))
    assert found.host_id == "s1"
    told = [
        (
            item.event["type"],
            item.event.get("model") or item.event.get("tool"),
            item.event.get("prompt_tokens"),
        )
        for item in found.items
    ]
    assert told == [("llm_call", "m1", 7), ("tool_call", "search", None), ("llm_call", "m2", 5)]
    assert found.items[2].event["ttft_ms"] == 1.5  # type: ignore[index]


def test_layers_of_one_another_are_one_call(tmp_path: Path) -> None:
    inner = {name: told for name, told in CHAT.items() if name != "gen_ai.provider.name"} | {
        "gen_ai.usage.cost": 0.5
    }
    spans = [span("i1", "o1", "POST", 110, 300, inner), span("o1", "", "chat", 100, 500, CHAT)]
    found = imported(written(tmp_path / "a.jsonl", lines(request(*spans))))
    (item,) = found.items
    assert (item.key, item.event["duration_ms"], item.event["cost_usd"]) == ("o1", 500.0, 0.5)
    assert found.host_id == "0" * 31 + "1"


def test_an_error_that_two_spans_tell_of_is_one(tmp_path: Path) -> None:
    failed = {"status": {"code": "STATUS_CODE_ERROR", "message": "lost"}}
    spans = [
        span("a1", "", "agent", 0, 100, AGENT, **failed),
        span("t1", "a1", "tool", 10, 5, TOOL, **failed),
    ]
    found = imported(written(tmp_path / "a.jsonl", lines(request(*spans))))
    errors = [item for item in found.items if item.event["type"] == "error"]
    assert [(item.parent, item.event["message"]) for item in errors] == [("t1", "lost")]
    assert [item.event["status"] for item in found.items if item.event["type"] == "checkpoint"] == ["failed"]


def test_one_request_over_several_lines(tmp_path: Path) -> None:
    data = json.dumps(request(span("c1", "", "chat", 0, 5, CHAT)), indent=2).encode()
    assert len(list(imported(written(tmp_path / "a.json", data)).items)) == 1
