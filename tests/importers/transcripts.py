"""Small files as coding agents write them, made by hand, with a secret in every place that holds text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Json = dict[str, Any]

CANARY = "ghp_" + "Zx9Cv8Bn7M" * 3 + "k4J5h6"
PASSWORD = "Tr0ub4dor-" + "&3xQ9"
DAY = "2026-01-15T10:"


def lines(*values: Json) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def written(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


# Claude Code

CLAUDE = "b89c5792-c27f-45f8-a33c-9a1ddd50dd80"


def claude_line(
    kind: str, uuid: str, parent: str | None, time: str, message: Json | None = None, **fields: Any
) -> Json:
    known = {
        "type": kind,
        "uuid": uuid,
        "parentUuid": parent,
        "timestamp": f"{DAY}{time}Z",
        "sessionId": CLAUDE,
    }
    return known | ({"message": message} if message is not None else {}) | fields


def claude_answer(
    uuid: str, parent: str, time: str, response: str, part: Json, output: int, **fields: Any
) -> Json:
    usage = {
        "input_tokens": 50,
        "cache_creation_input_tokens": 10,
        "cache_read_input_tokens": 40,
        "output_tokens": output,
    }
    message = {"id": response, "model": "claude-sonnet-4-5", "role": "assistant", "content": [part], "usage": usage,
               "stop_reason": "tool_use"}  # fmt: skip
    return claude_line("assistant", uuid, parent, time, message, **fields)


def claude_result(
    uuid: str, parent: str, time: str, call: str, content: object, told: object = None, **part: Any
) -> Json:
    answer = {"type": "tool_result", "tool_use_id": call, "content": content, **part}
    return claude_line("user", uuid, parent, time, {"role": "user", "content": [answer]}, toolUseResult=told)


def claude() -> list[Json]:
    """One turn: a command, a file that is not there, a sub-agent, an answer."""
    bash = {
        "type": "tool_use",
        "id": "toolu_1",
        "name": "Bash",
        "input": {"command": f"echo {CANARY}", "password": PASSWORD},
    }
    read = {"type": "tool_use", "id": "toolu_2", "name": "Read", "input": {"file_path": "none"}}
    task = {"type": "tool_use", "id": "toolu_3", "name": "Task", "input": {"prompt": f"use {CANARY}"}}
    asked = [{"type": "text", "text": f"use {CANARY}"}]
    return [
        {"type": "queue-operation", "timestamp": f"{DAY}30:00.000Z", "sessionId": CLAUDE, "content": CANARY},
        claude_line("user", "u1", None, "30:00.100", {"role": "user", "content": asked}),
        claude_answer("u2", "u1", "30:01.000", "msg_1", {"type": "text", "text": f"with {CANARY}"}, 5),
        claude_answer("u3", "u2", "30:01.100", "msg_1", bash, 15),
        claude_answer("u4", "u3", "30:01.200", "msg_1", read, 20),
        claude_result("u5", "u4", "30:01.300", "toolu_2", f"no such file: {CANARY}", is_error=True),
        claude_result("u6", "u3", "30:02.100", "toolu_1", f"{CANARY}", {"stdout": CANARY, "interrupted": False}),
        claude_answer("u7", "u6", "30:03.100", "msg_2", task, 7),
        claude_result("u8", "u7", "30:09.100", "toolu_3", [{"type": "text", "text": "done"}], {"agentId": "a1"}),
        claude_line("system", "u9", "u8", "30:09.200", subtype="compact_boundary", compactMetadata={"trigger": "auto"}),
        claude_answer("u10", "u8", "30:10.100", "msg_4", {"type": "text", "text": "All done."}, 9),
    ]  # fmt: skip


def claude_agent() -> list[Json]:
    """What the sub-agent did."""
    side = {"agentId": "a1", "isSidechain": True}
    return [
        claude_line("user", "s1", None, "30:04.000", {"role": "user", "content": f"use {CANARY}"}, **side),
        claude_answer("s2", "s1", "30:05.000", "msg_3", {"type": "text", "text": CANARY}, 3, **side),
    ]


def claude_files(folder: Path) -> Path:
    written(folder / CLAUDE / "subagents" / "agent-a1.jsonl", lines(*claude_agent()))
    return written(folder / f"{CLAUDE}.jsonl", lines(*claude()))


# Codex

CODEX = "01a2079b-cd2e-7531-be7e-d4289f17f7e1"


def codex_line(kind: str, time: str, **payload: Any) -> Json:
    return {"timestamp": f"{DAY}{time}Z", "type": kind, "payload": payload}


def codex_used(time: str, total: int, **usage: int) -> Json:
    sums = {"total_tokens": total}
    info = {"last_token_usage": usage, "total_token_usage": sums}
    return codex_line("event_msg", time, type="token_count", info=info)


def codex() -> list[Json]:
    """One turn: a command that works, one that does not, an answer."""

    def item(kind: str, time: str, **fields: Any) -> Json:
        return codex_line("response_item", time, type=kind, **fields)

    def command(call: str, code: int, nanos: int) -> Json:
        return {
            "type": "CommandExecution",
            "id": call,
            "exit_code": code,
            "duration": {"secs": 0, "nanos": nanos},
        }

    first = {
        "input_tokens": 100,
        "cached_input_tokens": 40,
        "output_tokens": 20,
        "reasoning_output_tokens": 7,
    }
    return [
        codex_line("session_meta", "30:00.000", id=CODEX, model_provider="openai", cwd="/x"),
        codex_line("event_msg", "30:00.010", type="task_started", turn_id="t1"),
        codex_line("turn_context", "30:00.020", model="gpt-5", turn_id="t1"),
        item("message", "30:00.030", role="user", content=[{"type": "input_text", "text": CANARY}]),
        codex_line("event_msg", "30:00.040", type="user_message", message=f"use {CANARY}"),
        item("message", "30:01.000", role="assistant", content=[{"type": "output_text", "text": CANARY}]),
        item("function_call", "30:01.010", name="exec_command", call_id="call_1",
             arguments=json.dumps({"cmd": f"echo {CANARY}", "password": PASSWORD})),
        codex_line("token_usage_record", "30:01.030", response_id="resp_1", usage=first, thread_token_usage={"total_tokens": 120}),
        codex_line("event_msg", "30:01.500", type="item_completed", item=command("call_1", 0, 460_000_000), started_at_ms=1768473001040),
        item("function_call_output", "30:01.510", call_id="call_1", output=f"Process exited with code 0\n{CANARY}"),
        codex_used("30:01.520", 120, **first),
        item("function_call", "30:02.000", name="shell", call_id="call_2", arguments="{}"),
        codex_used("30:02.010", 350, input_tokens=200, output_tokens=30),
        item("function_call_output", "30:02.500", call_id="call_2",
             output=json.dumps({"output": CANARY, "metadata": {"exit_code": 3, "duration_seconds": 0.4}})),
        item("message", "30:03.000", role="assistant", content=[{"type": "output_text", "text": "done"}]),
        codex_used("30:03.010", 690, input_tokens=300, output_tokens=40),
        codex_used("30:03.020", 690, input_tokens=300, output_tokens=40),
        codex_line("event_msg", "30:03.030", type="error", message=f"lost {CANARY}"),
        codex_line("event_msg", "30:03.040", type="task_complete", turn_id="t1", last_agent_message=CANARY),
    ]  # fmt: skip


def codex_file(folder: Path) -> Path:
    return written(folder / f"rollout-2026-01-15T10-30-00-{CODEX}.jsonl", lines(*codex()))


# opencode

OPENCODE, OPENCODE_SUB = "ses_df86380ecffebYA5ftkUTngJVZ", "ses_df863465dffeaI9dhswKtIVWH3"
NOW = 1768473000000


def opencode_tool(part: str, name: str, status: str, since: int, **state: Any) -> Json:
    time = {"start": NOW + since, "end": NOW + since + 250}
    known = {"status": status, "input": {"command": f"echo {CANARY}", "password": PASSWORD}, "time": time}
    return {"type": "tool", "id": part, "callID": f"call_{part}", "tool": name, "state": known | state}


def opencode_finish(part: str, **tokens: int) -> Json:
    cache = {"read": tokens.pop("read", 0), "write": tokens.pop("write", 0)}
    return {
        "type": "step-finish",
        "id": part,
        "reason": "stop",
        "cost": 0.0001,
        "tokens": {**tokens, "cache": cache},
    }


def opencode_message(role: str, message: str, since: int, parts: list[Json], **info: Any) -> Json:
    known = {"id": message, "role": role, "time": {"created": NOW + since, "completed": NOW + since + 900}}
    return {"info": known | {"modelID": "m1", "providerID": "mock", "agent": "build"} | info, "parts": parts}


def opencode() -> Json:
    """One turn: two tools of which one fails, a sub-agent, an answer."""
    say = {
        "type": "text",
        "id": "prt_1",
        "text": f"with {CANARY}",
        "time": {"start": NOW + 600, "end": NOW + 700},
    }
    todos = {"todos": [{"content": CANARY, "status": "pending"}, {"content": "b", "status": "completed"}]}
    return {
        "info": {"id": OPENCODE, "directory": "/x", "time": {"created": NOW, "updated": NOW + 9000}},
        "messages": [
            opencode_message("user", "msg_1", 100, [{"type": "text", "id": "prt_0", "text": f"use {CANARY}"}]),
            opencode_message("assistant", "msg_2", 200, [
                say,
                opencode_tool("prt_2", "bash", "completed", 710, output=CANARY, metadata={"exit": 3}),
                opencode_tool("prt_3", "read", "error", 720, error=f"no such file: {CANARY}"),
                opencode_finish("prt_4", input=60, output=15, reasoning=5, read=40),
            ]),
            opencode_message("assistant", "msg_3", 2000, [
                opencode_tool("prt_5", "task", "completed", 2500, output=CANARY, metadata={"sessionId": OPENCODE_SUB}),
                opencode_tool("prt_6", "todowrite", "completed", 2600, input=todos),
                opencode_finish("prt_7", input=200, output=30, reasoning=0, write=3),
            ]),
            opencode_message("assistant", "msg_4", 4000, [], error={"name": "APIError", "data": {"message": f"lost {CANARY}"}}),
            opencode_message("assistant", "msg_5", 5000, [
                {"type": "text", "id": "prt_8", "text": "done"}, opencode_finish("prt_9", input=300, output=40, reasoning=0),
            ]),
        ],
    }  # fmt: skip


def opencode_sub() -> Json:
    """What the sub-agent did, as its own export tells it."""
    parts = [
        opencode_tool("prt_s1", "bash", "running", 2510),
        opencode_finish("prt_s2", input=50, output=7, reasoning=0),
    ]
    return {
        "info": {"id": OPENCODE_SUB, "parentID": OPENCODE, "time": {"created": NOW + 2505}},
        "messages": [opencode_message("assistant", "msg_s1", 2506, parts)],
    }


def opencode_file(folder: Path) -> Path:
    # It is written over several lines.
    return written(folder / "opencode.json", json.dumps(opencode(), indent=2).encode())
