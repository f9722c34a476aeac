"""What is in transcripts of coding agents becomes the events that their recording would have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.importers import transcripts
from tests.importers.transcripts import lines, written

from t800.importers import Imported, read
from t800.importers.source import Source

Json = dict[str, Any]


def imported(*paths: Path) -> list[Imported]:
    notes: list[object] = []
    found = [
        session
        for _, session in read([Source(str(path)) for path in paths], lambda *note: notes.append(note))
    ]
    assert notes == []
    return [session._replace(items=list(session.items)) for session in found]


def events(session: Imported, *names: str) -> list[tuple[object, ...]]:
    return [tuple(item.event.get(name) for name in names) for item in session.items]


def of_type(session: Imported, kind: str) -> list[Json]:
    return [item.event for item in session.items if item.event["type"] == kind]


def tokens(call: Json) -> tuple[object, ...]:
    names = ("prompt_tokens", "completion_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens")
    return tuple(call.get(name) for name in names)


def test_claude_code(tmp_path: Path) -> None:
    (session,) = imported(transcripts.claude_files(tmp_path))
    assert (session.host_id, session.agent) == (transcripts.CLAUDE, "claude-code")
    assert events(session, "type", "source_id", "success") == [
        ("checkpoint", "u1", None), ("llm_call", "msg_1", True), ("tool_call", "toolu_1", True),
        ("tool_call", "toolu_2", False), ("error", "toolu_2", None), ("llm_call", "msg_2", True),
        ("tool_call", "toolu_3", True), ("checkpoint", "s1", None), ("llm_call", "msg_3", True),
        ("llm_call", "msg_4", True), ("checkpoint", "u9", None),
    ]  # fmt: skip
    calls = of_type(session, "llm_call")
    assert [tokens(call) for call in calls] == [
        (100, 20, 40, 10, None), (100, 7, 40, 10, None), (100, 3, 40, 10, None), (100, 9, 40, 10, None),
    ]  # fmt: skip
    assert [(call["timestamp"][-9:], call["duration_ms"]) for call in calls[:2]] == [
        ("0:00.100Z", 1100),
        ("0:02.100Z", 1000),
    ]
    assert calls[0]["model"] == "claude-sonnet-4-5"
    assert calls[0]["provider"] == "anthropic"
    assert [call["duration_ms"] for call in of_type(session, "tool_call")] == [1000, 100, 6000]
    by_key = {item.key: item for item in session.items}
    assert by_key["error:toolu_2"].parent == "toolu_2"
    assert [(by_key[key].parent, by_key[key].event["agent_id"]) for key in ("msg_3", "checkpoint:s1")] == [
        ("toolu_3", "a1")
    ] * 2


def test_a_call_without_a_result_was_interrupted(tmp_path: Path) -> None:
    (session,) = imported(written(tmp_path / "a.jsonl", lines(*transcripts.claude()[:4])))
    (call,) = of_type(session, "tool_call")
    assert (call["success"], call["duration_ms"], call["interrupted"]) == (None, None, True)


def test_errors_of_the_api(tmp_path: Path) -> None:
    error = transcripts.claude_answer(
        "e1", "u1", "30:01.000", "msg_x", {"type": "text", "text": "API Error: 529"}, 0
    )
    error["message"]["model"] = "<synthetic>"
    retry = transcripts.claude_line(
        "system", "e2", "u1", "30:00.500", subtype="api_error", retryAttempt=2, error={"message": "529"}
    )
    (session,) = imported(written(tmp_path / "a.jsonl", lines(*transcripts.claude()[:2], retry, error)))
    assert events(session, "type", "error_type", "message") == [
        ("checkpoint", None, None), ("error", "llm_retry", "529"), ("error", "llm_failed", "API Error: 529"),
    ]  # fmt: skip


def test_codex(tmp_path: Path) -> None:
    (session,) = imported(transcripts.codex_file(tmp_path))
    assert (session.host_id, session.agent) == (transcripts.CODEX, "codex")
    assert events(session, "type", "source_id", "success") == [
        ("checkpoint", "t1:started", None), ("llm_call", "total-120", True), ("tool_call", "call_1", True),
        ("llm_call", "total-350", True), ("tool_call", "call_2", False), ("llm_call", "total-690", True),
        ("error", session.items[6].event["source_id"], None), ("checkpoint", "t1:completed", None),
    ]  # fmt: skip
    calls = of_type(session, "llm_call")
    assert [tokens(call) for call in calls] == [
        (100, 20, 40, None, 7),
        (200, 30, None, None, None),
        (300, 40, None, None, None),
    ]
    assert {(call["model"], call["provider"]) for call in calls} == {("gpt-5", "openai")}
    assert (calls[0]["timestamp"][-9:], calls[0]["duration_ms"]) == ("0:00.030Z", 1000)
    assert calls[0]["attributes"] == {"response_id": "resp_1"}
    first, second = of_type(session, "tool_call")
    assert (first["duration_ms"], first["timestamp"][-9:], first["attributes"]) == (
        460.0,
        "0:01.040Z",
        {"exit_code": 0},
    )
    assert first["parameters"]["password"] == transcripts.PASSWORD
    assert (second["result"], second["attributes"]) == (transcripts.CANARY, {"exit_code": 3})
    assert of_type(session, "checkpoint")[0]["attributes"]["prompt"].startswith("use ")


def test_opencode(tmp_path: Path) -> None:
    (session,) = imported(transcripts.opencode_file(tmp_path))
    assert (session.host_id, session.agent) == (transcripts.OPENCODE, "opencode")
    assert events(session, "type", "source_id", "success") == [
        ("checkpoint", "msg_1", None), ("llm_call", "prt_4", True), ("tool_call", "prt_2", False),
        ("tool_call", "prt_3", False), ("error", "prt_3", None), ("llm_call", "prt_7", True), ("tool_call", "prt_5", True),
        ("tool_call", "prt_6", True), ("decision", "prt_6", None), ("llm_call", "msg_4", False), ("error", "msg_4", None),
        ("llm_call", "prt_9", True),
    ]  # fmt: skip
    calls = of_type(session, "llm_call")
    assert [tokens(call) for call in calls] == [
        (100, 20, 40, 0, 5), (203, 30, 0, 3, 0), (None,) * 5, (300, 40, 0, 0, 0),
    ]  # fmt: skip
    assert (calls[0]["duration_ms"], calls[0]["cost_usd"], calls[0]["model"]) == (520, 0.0001, "m1")
    assert of_type(session, "decision")[0]["outcome"] == {"pending": 1, "completed": 1}
    assert of_type(session, "tool_call")[0]["attributes"] == {"exit_code": 3}
    times = [item.event["timestamp"] for item in session.items]
    assert times == sorted(times)


def test_a_sub_agent_of_opencode_is_in_the_session_that_has_started_it(tmp_path: Path) -> None:
    sub = written(tmp_path / "sub.json", json.dumps(transcripts.opencode_sub()).encode())
    (session,) = imported(sub, transcripts.opencode_file(tmp_path))
    assert session.host_id == transcripts.OPENCODE
    inside = [item for item in session.items if item.event.get("agent_id") == transcripts.OPENCODE_SUB]
    assert [(item.event["type"], item.parent) for item in inside] == [
        ("llm_call", "prt_5"),
        ("tool_call", "prt_5"),
    ]
    assert inside[1].event["interrupted"] is True


def test_a_parent_comes_before_its_children(tmp_path: Path) -> None:
    files = [
        transcripts.claude_files(tmp_path),
        transcripts.codex_file(tmp_path),
        transcripts.opencode_file(tmp_path),
    ]
    for session in imported(*files):
        seen: set[str] = set()
        for item in session.items:
            assert item.parent is None or item.parent in seen
            assert item.key not in seen
            seen.add(item.key)
