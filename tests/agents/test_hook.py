"""Hooks of Claude Code and Codex, and lines of other processes, as `t800-hook` takes them: by pipes, in processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from t800 import layout, reader, recovery
from t800.schema import validate

sys.path.insert(0, str(Path(__file__).parent))
from hosts import CANARY, PATIENCE, Host, Json, document, documents, files, tools_at_once


@pytest.fixture
def host(command: list[str], enabled: Path) -> Host:
    return Host(command, enabled)


def test_a_session_from_start_to_end(host: Host, enabled: Path) -> None:
    host("SessionStart", source="startup")
    host("UserPromptSubmit", prompt="repair it")
    host.tool("Read", "u1", {"file_path": str(enabled / "src" / "a.py")}, duration_ms=12)
    host("PreToolUse", tool_name="Bash", tool_input={"command": "make"}, tool_use_id="u2")
    host(
        "PostToolUseFailure",
        tool_name="Bash",
        tool_input={"command": "make"},
        tool_use_id="u2",
        error="exit 2",
    )
    host("PreToolUse", tool_name="Bash", tool_input={"command": "sleep 9"}, tool_use_id="u3")
    host("Stop", last_assistant_message="done")
    assert document(enabled)["summary"]["state"] == "live"
    (trace,) = reader.sessions(layout.telemetry_dir())
    assert trace.live
    host("SessionEnd", reason="exit")
    found = document(enabled)
    assert found["session_id"] == "s1"
    assert found["metadata"]["agent"] == "claude-code"
    events = {event["event_id"]: event for event in found["events"]}
    assert len(events) == len(found["events"]) == found["summary"]["total_events"]
    read = events["evt_003"]
    assert read["parameters_redacted"] == {"file_path": "src/a.py"}
    assert (read["duration_ms"], read["success"], read["source_id"]) == (12, True, "u1")
    assert read["result_redacted"]["stdout"].startswith("[content hash: ")
    failed, error, interrupted = events["evt_004"], events["evt_005"], events["evt_006"]
    assert (failed["tool"], failed["success"]) == ("Bash", False)
    assert failed["duration_ms"] > 0
    assert (error["type"], error["message"], error["parent_id"]) == ("error", "exit 2", "evt_004")
    assert (interrupted["interrupted"], interrupted["success"]) == (True, None)
    phases = [
        (event["phase_name"], event["status"]) for event in found["events"] if event["type"] == "checkpoint"
    ]
    assert phases == [
        ("session", "started"),
        ("turn", "started"),
        ("turn", "completed"),
        ("session", "completed"),
    ]
    assert found["summary"]["state"] == "closed"
    assert not list((enabled / ".opencode" / "telemetry" / ".t800").glob("*.open"))


def test_a_session_of_gemini_as_its_documentation_has_it(command: list[str], enabled: Path) -> None:
    host = Host(command, enabled, "g1", "gemini")
    also = {"transcript_path": str(enabled / "none.json"), "timestamp": "2026-01-15T10:30:00.000Z"}
    host("SessionStart", source="startup", **also)
    host("BeforeAgent", prompt=f"use {CANARY}", **also)
    read = {"tool_name": "read_file", "tool_input": {"file_path": str(enabled / "src" / "a.py")}}
    host("BeforeTool", **read, **also)
    shell = {"tool_name": "run_shell_command", "tool_input": {"command": "make", "api_key": CANARY}}
    host("BeforeTool", **shell, **also)
    host("AfterTool", **read, tool_response={"llmContent": "x", "returnDisplay": "x"}, **also)
    failure = {"message": f"exit 2: {CANARY}", "type": "shell_execute_error"}
    host("AfterTool", **shell, tool_response={"llmContent": "", "error": failure}, **also)
    host("BeforeTool", **read, **also)
    host("PreCompress", trigger="auto", **also)
    host("AfterAgent", prompt="x", prompt_response=f"done {CANARY}", stop_hook_active=False, **also)
    host("AfterModel", llm_request={}, llm_response={}, **also)
    host("SessionEnd", reason="exit", **also)
    found = document(enabled)
    assert (found["session_id"], found["metadata"]["agent"]) == ("g1", "gemini")
    told = [
        (event.get("tool") or event.get("phase_name"), event.get("success", event.get("status")))
        for event in found["events"]
    ]
    assert told == [
        ("session", "started"),
        ("turn", "started"),
        ("read_file", True),
        ("run_shell_command", None),
        ("run_shell_command", False),
        ("compaction", "started"),
        ("turn", "completed"),
        ("session", "completed"),
        ("read_file", None),
    ]
    error, failed = found["events"][3], found["events"][4]
    assert (error["message"], error["parent_id"]) == ("exit 2: [REDACTED]", failed["event_id"])
    assert failed["parameters_redacted"] == {"command": "make", "api_key": "[REDACTED]"}
    assert found["events"][-1]["interrupted"] is True
    assert not any(CANARY.encode() in data for _, data in files(enabled))
    assert validate(next((enabled / ".opencode/telemetry/traces").iterdir())) == []


def test_equal_calls_at_once_are_two(command: list[str], enabled: Path) -> None:
    host = Host(command, enabled, "g1", "gemini")
    read = {"tool_name": "read_file", "tool_input": {"file_path": "a.py"}}
    for event in ("BeforeTool", "BeforeTool", "AfterTool"):
        host(event, **read, tool_response={"llmContent": "x"})
    host("SessionEnd", reason="exit")
    found = document(enabled)
    calls = sorted(found["events"], key=lambda event: str(event["event_id"]))[:2]
    assert [(call["success"], call.get("interrupted")) for call in calls] == [(None, True), (True, None)]
    assert found["summary"]["total_events"] == 3


def test_hooks_say_what_they_have_cost(host: Host, enabled: Path) -> None:
    host.tool("Read", "u1")
    live = document(enabled)
    assert "overhead" not in live["summary"]
    assert live["metadata"]["ring"] == "none"
    host("SessionEnd", reason="exit")
    cost = document(enabled)["summary"]["overhead"]
    assert 0 < cost["p50_us"] <= cost["p99_us"] <= cost["max_us"]
    assert cost["over_budget"] >= 0


def test_a_session_that_is_resumed_has_a_document_of_its_own(host: Host, enabled: Path) -> None:
    for source in ("startup", "resume"):
        host("SessionStart", source=source)
        host("SessionEnd", reason="exit")
    first, second = sorted(documents(enabled), key=lambda one: len(one["session_id"]))
    assert first["session_id"] == "s1"
    assert "host_session_id" not in first["metadata"]
    assert second["session_id"].startswith("s1-")
    assert second["metadata"]["host_session_id"] == "s1"


def test_hooks_at_the_same_time_are_all_recorded_once(host: Host, enabled: Path) -> None:
    tools_at_once(host)
    host("SessionEnd", reason="exit")
    found = document(enabled)
    assert found["summary"]["succeeded"] == 20
    assert len({event["event_id"] for event in found["events"]}) == 21


def test_sub_agents_are_events_of_their_session(host: Host, enabled: Path) -> None:
    host("PreToolUse", tool_name="Task", tool_input={"prompt": "look"}, tool_use_id="t1")
    host("SubagentStart", agent_id="a1", agent_type="explore")
    host.tool("Grep", "u1", {"pattern": "x"}, agent_id="a1", agent_type="explore")
    host("SubagentStop", agent_id="a1", agent_type="explore")
    host("PostToolUse", tool_name="Task", tool_input={"prompt": "look"}, tool_use_id="t1", tool_response={})
    host.tool("Read", "u2")
    host("SessionEnd", reason="exit")
    events = document(enabled)["events"]
    (task,) = [event for event in events if event.get("tool") == "Task"]
    (grep,) = [event for event in events if event.get("tool") == "Grep"]
    assert (grep["agent_id"], grep["parent_id"]) == ("a1", task["event_id"])
    assert "agent_id" not in next(event for event in events if event.get("tool") == "Read")


def response(message: str, output: int, model: str = "claude-sonnet-4") -> str:
    usage = {
        "input_tokens": 10,
        "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 5,
        "output_tokens": output,
    }
    body = {"id": message, "model": model, "usage": usage, "stop_reason": "end_turn"}
    return json.dumps({"type": "assistant", "timestamp": "2026-01-15T10:30:00.000Z", "message": body}) + "\n"


def test_tokens_come_from_the_transcript_and_count_once(host: Host, enabled: Path, tmp_path: Path) -> None:
    transcript = tmp_path / "s1.jsonl"
    transcript.write_text(response("m1", 1) + response("m1", 20))
    host("Stop", transcript_path=str(transcript))
    with transcript.open("a") as file:
        file.write(response("m1", 20) + response("m2", 30))
    host("Stop", transcript_path=str(transcript))
    beside = tmp_path / "s1" / "subagents"
    beside.mkdir(parents=True)
    (beside / "agent-a1.jsonl").write_text(response("m2", 30) + response("m3", 40, "claude-haiku-4-5"))
    host("SubagentStop", agent_id="a1", agent_transcript_path=str(beside / "agent-a1.jsonl"))
    host("SessionEnd", reason="exit", transcript_path=str(transcript))
    calls = [event for event in document(enabled)["events"] if event["type"] == "llm_call"]
    assert [(call["source_id"], call["completion_tokens"]) for call in calls] == [
        ("m1", 20),
        ("m2", 30),
        ("m3", 40),
    ]
    for call in calls:
        assert (call["prompt_tokens"], call["cached_tokens"], call["cache_write_tokens"]) == (115, 100, 5)
        assert call["cost_usd"] > 0
    assert calls[2]["agent_id"] == "a1"


def test_a_session_that_is_resumed_counts_no_tokens_again(host: Host, enabled: Path, tmp_path: Path) -> None:
    transcript = tmp_path / "s1.jsonl"
    transcript.write_text(response("m1", 1))
    for event in ("Stop", "SessionEnd"):
        host(event, transcript_path=str(transcript))
    host("SessionStart", source="resume")
    later = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() + 5))
    with transcript.open("a") as file:
        file.write(response("m2", 2).replace("2026-01-15T10:30:00.000Z", later))
    for event in ("Stop", "SessionEnd"):
        host(event, transcript_path=str(transcript))
    found = sorted(documents(enabled), key=lambda one: len(one["session_id"]))
    calls = [[event["source_id"] for event in one["events"] if event["type"] == "llm_call"] for one in found]
    assert calls == [["m1"], ["m2"]]


def test_codex_tells_its_own_way(command: list[str], enabled: Path, tmp_path: Path) -> None:
    host = Host(command, enabled, name="codex")
    usage = {"input_tokens": 50, "cached_input_tokens": 20, "output_tokens": 9, "reasoning_output_tokens": 4}
    count = {
        "type": "token_count",
        "info": {"last_token_usage": usage, "total_token_usage": {"total_tokens": 59}},
    }
    rollout = tmp_path / "rollout.jsonl"
    lines = [
        {"type": "session_meta", "payload": {"model_provider": "openai"}},
        {"type": "turn_context", "payload": {"model": "gpt-5"}},
        {"type": "event_msg", "timestamp": "2026-01-15T10:30:00.000Z", "payload": count},
        {"type": "event_msg", "timestamp": "2026-01-15T10:30:01.000Z", "payload": count},
    ]
    rollout.write_text("".join(json.dumps(line) + "\n" for line in lines))
    told = {"tool_name": "Bash", "tool_input": {"command": "ls"}, "turn_id": "t", "model": "gpt-5"}
    host("PreToolUse", tool_use_id="c1", **told)
    host("PostToolUse", tool_use_id="c1", tool_response="a\nb", **told)
    host("PostToolUse", tool_use_id="c2", tool_response={"output": "no", "exit_code": 2}, **told)
    host("Stop", transcript_path=str(rollout))
    events = document(enabled)["events"]
    tools = [event for event in events if event["type"] == "tool_call"]
    assert [tool["success"] for tool in tools] == [None, False]
    assert tools[0]["duration_ms"] > 0
    (call,) = [event for event in events if event["type"] == "llm_call"]
    assert (call["model"], call["provider"], call["prompt_tokens"], call["reasoning_tokens"]) == (
        "gpt-5",
        "openai",
        50,
        4,
    )


@pytest.mark.parametrize(
    ("yaml", "environ"),
    [
        (None, {}),
        ("telemetry:\n  enabled: false\n", {}),
        ("telemetry:\n  enabled: true\n", {"T800_ENABLED": "0"}),
        ("telemetry:\n  enabled: true\n  enabeld: true\n", {}),
        ("telemetry: {enabled: true", {}),
        ("telemetry:\n  enabled: true\n", {"T800_TRACE_TOOLS": "perhaps"}),
    ],
)
def test_any_doubt_means_off(
    command: list[str], project: Path, yaml: str | None, environ: dict[str, str]
) -> None:
    config = project / ".opencode" / "telemetry" / "config" / "telemetry_config.yaml"
    if yaml is not None:
        config.parent.mkdir(parents=True)
        config.write_text(yaml)
    told = {"session_id": "s", "cwd": str(project), "hook_event_name": "SessionStart"}
    Host(command, project).raw(json.dumps(told).encode(), **environ)
    before = {config} if yaml is not None else set()
    assert {path for path in project.rglob("*") if path.is_file()} == before


def test_disable_beats_everything(host: Host, enabled: Path) -> None:
    host("SessionStart", source="startup")
    layout.set_disabled(True)
    host("UserPromptSubmit", prompt="x")
    assert document(enabled)["summary"]["total_events"] == 1


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff\xfe\x00",
        b"[]",
        b"{",
        b'{"hook_event_name":"PreToolUse"',
        b"7" * 4096,
        b'{"hook_event_name":7,"session_id":{}}',
        b'{"hook_event_name":"Nonsense","session_id":"x"}',
        b"[" * 200_000,
    ],
)
def test_what_is_no_hook_leaves_nothing(host: Host, enabled: Path, payload: bytes) -> None:
    host.raw(payload)
    assert not (enabled / ".opencode" / "telemetry" / "traces").exists() or not documents(enabled)


def test_hostile_values_stay_in_the_folder(host: Host, enabled: Path) -> None:
    before = {path for path in enabled.parent.rglob("*") if ".opencode" not in path.parts}
    for session in ("../../../escape", "a/b", "", "x" * 5000, "\u202e\x1b[2J"):
        host.session = session
        host("PreToolUse", tool_name="\x1b[31m" * 10, tool_input=[[]], tool_use_id="../x", agent_id="../y")
        host("PostToolUse", tool_name=7, tool_input=None, tool_use_id="../x", tool_response=["y" * 2_000_000])
        host("Stop", transcript_path="/dev/zero")
        host("SessionEnd", transcript_path=str(enabled))
    assert len(documents(enabled)) == 5
    assert {path for path in enabled.parent.rglob("*") if ".opencode" not in path.parts} == before


def test_no_canary_is_anywhere(host: Host, enabled: Path, tmp_path: Path) -> None:
    transcript = tmp_path / "t.jsonl"
    transcript.write_text(response(CANARY, 3))
    host("SessionStart", source=CANARY)
    host("UserPromptSubmit", prompt=f"use {CANARY}")
    host("PreToolUse", tool_name="Bash", tool_input={"command": f"curl -H {CANARY}"}, tool_use_id=CANARY)
    assert not [path for path, data in files(enabled, Path(os.environ["HOME"])) if CANARY.encode() in data]
    host(
        "PostToolUseFailure", tool_name="Bash", tool_input={}, tool_use_id=CANARY, error=f"bad token {CANARY}"
    )
    host("PermissionRequest", tool_name=CANARY, reason=CANARY)
    host("SubagentStart", agent_id=CANARY, agent_type=CANARY)
    host("Stop", last_assistant_message=CANARY, transcript_path=str(transcript))
    host("SessionEnd", reason=CANARY)
    assert document(enabled)["summary"]["total_events"] == 9
    for path, data in files(enabled, Path(os.environ["HOME"])):
        assert CANARY.encode() not in data, path
        assert CANARY not in path.name


def test_a_torn_document_is_gone_on_with(host: Host, enabled: Path) -> None:
    host.tool("Read", "u1")
    host("PreToolUse", tool_name="Bash", tool_input={"command": "x"}, tool_use_id="u2")
    place = layout.telemetry_dir()
    (path,) = Path(place.traces).glob("*.json")
    text = path.read_bytes()
    path.write_bytes(text[: text.rindex(b'],"summary"')])
    host("PreToolUse", tool_name="Bash", tool_input={"command": "y"}, tool_use_id="u3")
    host("SessionEnd", reason="exit")
    found = document(enabled)
    assert found["summary"]["interrupted"] == 2
    assert found["summary"]["total_events"] == 4


def test_a_session_that_nobody_ends_is_closed_by_recovery(host: Host, enabled: Path) -> None:
    host.tool("Read", "u1")
    host("PreToolUse", tool_name="Bash", tool_input={"command": f"curl -H {CANARY}"}, tool_use_id="u2")
    place = layout.telemetry_dir()
    # Between two hooks a session is live: recovery leaves it alone.
    assert recovery.recover(place).documents == []
    assert document(enabled)["summary"]["state"] == "live"
    (path,) = Path(place.traces).glob("*.json")
    yesterday = time.time() - 25 * 3600
    os.utime(path, (yesterday, yesterday))
    (told,) = recovery.recover(place).documents
    assert told.interrupted == 1
    found = document(enabled)
    assert found["summary"]["state"] == "recovered"
    assert found["summary"]["interrupted"] == 1
    assert (found["events"][1]["event_id"], found["events"][1]["interrupted"]) == ("evt_002", True)
    assert not list(Path(place.private).glob("*.open"))


# Lines of another process


@pytest.fixture
def ingest(command: list[str], enabled: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def start(*options: str) -> subprocess.Popen[bytes]:
        arguments = [*command, "ingest", "--project", str(enabled), *options]
        process = subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        with process:
            process.wait()


def lines(*events: Json | bytes) -> bytes:
    return b"".join(
        (event if isinstance(event, bytes) else json.dumps(event).encode()) + b"\n" for event in events
    )


Ingest = Callable[..., "subprocess.Popen[bytes]"]


def test_lines_become_a_trace(ingest: Ingest, enabled: Path) -> None:
    process = ingest("--agent", "other")
    told = lines(
        {
            "type": "tool_call",
            "begin": "a",
            "tool": "read",
            "parameters": {"file_path": "x", "password": CANARY},
        },
        {
            "type": "llm_call",
            "begin": "b",
            "model": "gpt-5",
            "provider": "openai",
            "parent_id": "a",
            "agent_id": "sub",
        },
        {"end": "b", "type": "llm_call", "prompt_tokens": 7, "completion_tokens": 3, "success": True},
        {"end": "a", "result": f"key {CANARY}", "success": False, "duration_ms": 5.5},
        b"{broken",
        {"type": "nonsense"},
        {"type": "decision", "event_id": "theirs", "decision_type": "d", "outcome": {"a": 1}, "odd": 1},
        {"type": "error", "error_type": "E", "message": CANARY, "parent_id": "a"},
        {"type": "tool_call", "begin": "never", "tool": "t"},
        {"lost": 3},
    )
    out, _ = process.communicate(told, timeout=PATIENCE)
    assert (process.returncode, out) == (0, b"")
    found = document(enabled)
    call, tool, decision, error, *_ = found["events"]
    assert (tool["duration_ms"], tool["success"], tool["event_id"]) == (5.5, False, "evt_001")
    assert tool["parameters_redacted"]["password"] == "[REDACTED]"
    assert (call["parent_id"], call["agent_id"], call["total_tokens"]) == ("evt_001", "sub", 10)
    assert decision["source_id"] == "theirs"
    assert decision["attributes"] == {"odd": 1}
    assert error["parent_id"] == "evt_001"
    assert found["summary"]["dropped"] == 5
    assert found["summary"]["state"] == "closed"
    assert found["metadata"]["agent"] == "other"
    assert not [path for path, data in files(enabled, Path(os.environ["HOME"])) if CANARY.encode() in data]


def test_each_session_of_the_host_has_its_document(ingest: Ingest, enabled: Path) -> None:
    process = ingest()
    told = [{"session": name, "type": "decision", "decision_type": name} for name in ("one", "two", "../3")]
    process.communicate(lines(*told, {"session": "one", "close": True}), timeout=PATIENCE)
    assert sorted(found["session_id"][:3] for found in documents(enabled)) == ["one", "ses", "two"]


def test_what_was_written_survives_the_reader(ingest: Ingest, enabled: Path) -> None:
    process = ingest()
    assert process.stdin is not None
    process.stdin.write(lines(*({"type": "decision", "decision_type": str(n)} for n in range(500))))
    process.stdin.flush()
    place = layout.telemetry_dir()
    deadline = time.monotonic() + PATIENCE

    def taken() -> int:
        return sum(len(list(trace.events())) + len(trace.waiting()) for trace in reader.sessions(place))

    while taken() < 500 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.stdin.close()
    process.wait()
    recovery.recover(place)
    assert document(enabled)["summary"]["total_events"] == 500


def test_it_ends_when_its_parent_has_died(command: list[str], enabled: Path) -> None:
    # The write end of its input stays open here: only the death of the parent tells.
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    told = lines({"type": "decision", "decision_type": "last"})
    starter = (
        "import subprocess, sys, time\n"
        "subprocess.Popen(sys.argv[2:], stdin=int(sys.argv[1]))\n"
        "print('started', flush=True)\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", starter, str(reading), *command, "ingest", "--project", str(enabled)],
        pass_fds=[reading],
        stdout=subprocess.PIPE,
    )
    os.close(reading)
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"started\n"
    os.write(writing, told)
    traces = enabled / ".opencode" / "telemetry" / "traces"
    deadline = time.monotonic() + PATIENCE
    while not list(traces.glob("*.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    # Not read as a whole yet: a write may be under way.
    (path,) = traces.glob("*.json")
    while b'"state":"closed"' not in path.read_bytes() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.close(writing)
    assert [event["decision_type"] for event in document(enabled)["events"]] == ["last"]
    assert document(enabled)["summary"]["state"] == "closed"


def meet(process: subprocess.Popen[bytes]) -> tuple[int, int]:
    """Opens the pipes that it tells of, as the plugin does: where events go, and what ends with it."""
    assert process.stdin is not None
    assert process.stdout is not None
    pipes = json.loads(process.stdout.readline())
    writing = os.open(pipes["events"], os.O_WRONLY | os.O_NONBLOCK)
    done = os.open(pipes["done"], os.O_RDONLY)
    process.stdin.close()
    return writing, done


def test_lines_come_by_a_pipe_that_has_no_name_for_long(ingest: Ingest, enabled: Path) -> None:
    process = ingest("--pipes")
    writing, done = meet(process)
    os.write(writing, lines({"type": "decision", "decision_type": "first"}))
    private = enabled / ".opencode" / "telemetry" / ".t800"
    deadline = time.monotonic() + PATIENCE
    while list(private.glob("*.pipe")) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not list(private.glob("*.pipe"))
    os.write(writing, lines({"type": "decision", "decision_type": "last"}))
    os.close(writing)
    assert os.read(done, 1) == b""
    os.close(done)
    found = document(enabled)
    assert [event["decision_type"] for event in found["events"]] == ["first", "last"]
    assert found["summary"]["state"] == "closed"


def test_pipes_that_nobody_opens_leave_nothing(ingest: Ingest, enabled: Path) -> None:
    process = ingest("--pipes")
    assert process.stdin is not None
    assert process.stdout is not None
    assert b"events" in process.stdout.readline()
    process.stdin.close()
    assert process.wait(timeout=PATIENCE) == 0
    assert not list((enabled / ".opencode" / "telemetry").rglob("*.pipe"))
    assert not documents(enabled)


def test_there_is_no_pipe_where_nothing_is_recorded(ingest: Ingest, enabled: Path) -> None:
    (enabled / ".opencode" / "telemetry" / "config" / "telemetry_config.yaml").unlink()
    process = ingest("--pipes")
    assert process.communicate(timeout=PATIENCE)[0] == b""
    assert not list((enabled / ".opencode" / "telemetry").rglob("*.pipe"))
