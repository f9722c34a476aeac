"""Hooks of Cursor as its documentation has them: the same traces as of other hosts, and an answer that decides nothing."""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from t800 import layout

sys.path.insert(0, str(Path(__file__).parent))
from hosts import CANARY, Host, Json, document, documents, files, tools_at_once

# No address of a name that is kept for examples: those are no personal data.
ADDRESS = "jane.roe" + "@" + "roemail.io"
MODEL, VERSION = "claude-4.6-opus", "3.18.25"


class Cursor(Host):
    """A conversation: what every hook carries, called in the user's own folder of Cursor."""

    answer = b"{}\n"

    def __init__(self, command: list[str], root: Path, session: str = "c1") -> None:
        super().__init__(command, root, session, "cursor")
        self.turn = "g1"
        self.runs_in = Path(os.environ["HOME"]) / ".cursor"
        self.runs_in.mkdir(exist_ok=True)

    def payload(self, event: str, **told: Any) -> Json:
        """What a hook is given."""
        every = {
            "conversation_id": self.session,
            "generation_id": self.turn,
            "model": MODEL,
            "hook_event_name": event,
            "cursor_version": VERSION,
            "workspace_roots": [str(self.root)],
            "user_email": ADDRESS,
            "transcript_path": None,
        }
        return every | told

    def __call__(self, event: str, **told: Any) -> None:
        self.raw(json.dumps(self.payload(event, **told)).encode())

    def tool(self, name: str, use: str, told: Json | None = None, **more: Any) -> None:
        """A tool that works."""
        call = self.begins(name, use, told)
        output = json.dumps({"output": "x", "exitCode": 0})
        self("postToolUse", **call, tool_output=output, duration=1.5, **more)

    def begins(self, name: str, use: str, told: Json | None = None) -> Json:
        """A tool that begins; what its end is told, too."""
        call = {"tool_name": name, "tool_input": told or {"path": "a.py"}, "tool_use_id": use, "cwd": ""}
        self("preToolUse", **call, agent_message="Let me look.")
        return call


@pytest.fixture
def cursor(command: list[str], enabled: Path) -> Cursor:
    return Cursor(command, enabled)


def told(found: Json) -> list[tuple[str, Any]]:
    """What happened, in the order of its numbers."""
    events = sorted(found["events"], key=lambda event: int(event["event_id"][4:]))
    return [
        (
            event.get("error_type") or event.get("tool") or event.get("phase_name"),
            event.get("success", event.get("status")),
        )
        for event in events
    ]


def test_a_whole_conversation(cursor: Cursor, enabled: Path) -> None:
    cursor(
        "sessionStart", session_id="c1", is_background_agent=False, composer_mode="agent", generation_id=""
    )
    cursor("beforeSubmitPrompt", prompt="repair it", attachments=[{"type": "file", "file_path": "/a.py"}])
    cursor.tool("Read", "u1", {"path": str(enabled / "src" / "a.py")})
    call = cursor.begins("Shell", "u2", {"command": "make", "api_key": CANARY})
    failure = {"error_message": f"exit 2: {CANARY}", "failure_type": "error", "is_interrupt": False}
    cursor("postToolUseFailure", **call, **failure, duration=7)
    cursor("preCompact", trigger="auto", context_usage_percent=85, context_tokens=170_000, message_count=40)
    cursor("afterAgentResponse", text="done")
    cursor("stop", status="completed", loop_count=0, input_tokens=20_152, output_tokens=15)
    cursor.begins("Shell", "u3", {"command": "sleep 9"})
    assert document(enabled)["summary"]["state"] == "live"
    cursor("sessionEnd", session_id="c1", reason="user_close", final_status="completed", duration_ms=90)
    found = document(enabled)
    assert told(found) == [
        ("session", "started"),
        ("turn", "started"),
        ("Read", True),
        ("Shell", False),
        ("tool_failed", None),
        ("compaction", "started"),
        ("response", "completed"),
        ("turn", "completed"),
        ("Shell", None),
        ("session", "completed"),
    ]
    events = {event["event_id"]: event for event in found["events"]}
    assert len(events) == found["summary"]["total_events"]
    read, failed, error = events["evt_003"], events["evt_004"], events["evt_005"]
    assert read["parameters_redacted"] == {"path": "src/a.py"}
    assert (read["duration_ms"], read["source_id"]) == (1.5, "u1")
    assert read["result_redacted"]["exitCode"] == 0
    assert failed["duration_ms"] == 7
    assert failed["parameters_redacted"] == {"command": "make", "api_key": "[REDACTED]"}
    assert (error["message"], error["parent_id"]) == ("exit 2: [REDACTED]", "evt_004")
    assert error["attributes"] == {"failure_type": "error"}
    assert events["evt_009"]["interrupted"] is True
    for event, name in (("evt_002", "prompt"), ("evt_007", "response")):
        assert events[event]["attributes"][name].startswith("[content hash: ")
        assert events[event]["attributes"]["turn_id"] == "g1"
    assert events["evt_001"]["attributes"] == {
        "model": MODEL,
        "composer_mode": "agent",
        "is_background_agent": False,
    }
    assert events["evt_006"]["attributes"]["context_tokens"] == 170_000
    assert events["evt_008"]["attributes"]["input_tokens"] == 20_152
    metadata = found["metadata"]
    assert (metadata["agent"], metadata["model"], metadata["cursor_version"]) == ("cursor", MODEL, VERSION)
    assert (found["session_id"], found["summary"]["state"]) == ("c1", "closed")


def test_how_a_turn_and_a_tool_have_ended(cursor: Cursor, enabled: Path) -> None:
    for use, kind, interrupt in (
        ("u1", "timeout", False),
        ("u2", "permission_denied", False),
        ("u3", "error", True),
    ):
        call = cursor.begins("Shell", use)
        cursor("postToolUseFailure", **call, error_message=kind, failure_type=kind, is_interrupt=interrupt)
    call = cursor.begins("Shell", "u4")
    cursor("postToolUse", **call, tool_output='{"output": "no", "exitCode": 2}', duration=1)
    call = cursor.begins("MCP:search", "u5")
    cursor("postToolUse", **call, tool_output="no JSON", duration=1)
    cursor("stop", status="aborted", loop_count=0)
    cursor("stop", status="error", loop_count=1)
    found = document(enabled)
    assert told(found) == [
        ("Shell", False),
        ("tool_failed", None),
        ("Shell", False),
        ("tool_failed", None),
        ("Shell", None),
        ("Shell", False),
        ("MCP:search", True),
        ("turn", "interrupted"),
        ("turn_failed", None),
        ("turn", "failed"),
    ]
    assert [event["tool"] for event in found["events"] if event.get("interrupted")] == ["Shell"]
    (search,) = [event for event in found["events"] if event.get("tool") == "MCP:search"]
    assert isinstance(search["result_redacted"], str)


def test_a_sub_agent_stands_below_its_call(cursor: Cursor, enabled: Path) -> None:
    calls = [cursor.begins("Task", use, {"prompt": use}) for use in ("t1", "t2")]
    started = {"subagent_type": "explore", "task": "look", "is_parallel_worker": False}
    cursor("subagentStart", subagent_id="a2", tool_call_id="t2", parent_conversation_id="c1", **started)
    cursor("subagentStop", subagent_type="explore", status="error", summary=f"use {CANARY}", duration_ms=5)
    for call in calls:
        cursor("postToolUse", **call, tool_output="{}", duration=1)
    events = document(enabled)["events"]
    (task,) = [event for event in events if event.get("source_id") == "t2"]
    start, stop = [event for event in events if event.get("phase_name") == "agent"]
    assert (start["agent_id"], start["parent_id"]) == ("a2", task["event_id"])
    assert start["attributes"] == stop["attributes"] == {"agent_type": "explore"}
    assert (start["status"], stop["status"]) == ("started", "failed")


def test_hooks_at_the_same_time_are_all_recorded_once(cursor: Cursor, enabled: Path) -> None:
    tools_at_once(cursor)
    cursor("sessionEnd", reason="completed")
    found = document(enabled)
    assert found["summary"]["succeeded"] == 20
    assert len({event["event_id"] for event in found["events"]}) == 21


def test_the_hooks_of_the_project_and_of_the_user_are_one(cursor: Cursor, enabled: Path) -> None:
    def twice(event: str, **more: Any) -> None:
        payload = json.dumps(cursor.payload(event, **more)).encode()
        both = [threading.Thread(target=cursor.raw, args=(payload,)) for _ in range(2)]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join()

    call = {"tool_name": "Read", "tool_input": {}, "tool_use_id": "u1"}
    twice("beforeSubmitPrompt", prompt="x")
    twice("preToolUse", **call)
    twice("postToolUse", **call, tool_output="{}", duration=1)
    twice("stop", status="completed", loop_count=0)
    twice("sessionEnd", reason="completed")
    assert told(document(enabled)) == [
        ("turn", "started"),
        ("Read", True),
        ("turn", "completed"),
        ("session", "completed"),
    ]


def test_what_tells_a_call_once_more_makes_no_second_event(cursor: Cursor, enabled: Path) -> None:
    call = cursor.begins("Shell", "u1", {"command": "make"})
    cursor("beforeShellExecution", command="make", cwd=str(enabled), sandbox=False)
    cursor("afterShellExecution", command="make", output="x", duration=3, sandbox=False)
    cursor("beforeMCPExecution", tool_name="search", tool_input="{}", url="https://mcp.test")
    cursor("afterMCPExecution", tool_name="search", tool_input="{}", result_json="{}", duration=3)
    cursor("beforeReadFile", file_path="/a.py", content="x", attachments=[])
    cursor("afterFileEdit", file_path="/a.py", edits=[{"old_string": "a", "new_string": "b"}])
    cursor("afterAgentThought", text="hm", duration_ms=5)
    cursor("postToolUse", **call, tool_output="{}", duration=1)
    assert told(document(enabled)) == [("Shell", True)]


@pytest.mark.parametrize("name", ["SessionStart", "sessionStart"])
def test_claude_codes_entry_leaves_cursor_alone(command: list[str], enabled: Path, name: str) -> None:
    claude = Host(command, enabled)
    claude(name, cursor_version=VERSION, conversation_id="c1")
    assert documents(enabled) == []
    claude("SessionStart", source="startup")
    assert "cursor_version" not in document(enabled)["metadata"]


def test_a_session_has_its_id_from_what_there_is(cursor: Cursor, enabled: Path) -> None:
    cursor("stop", conversation_id="", session_id="s7", status="completed")
    cursor("stop", conversation_id=None, status="completed")
    cursor("stop", conversation_id=7, session_id="s7", status="completed")
    found = documents(enabled)
    assert sorted(one["session_id"] for one in found) == ["s7", "unknown"]
    assert sum(one["summary"]["total_events"] for one in found) == 3


def test_the_folder_is_the_windows_first(cursor: Cursor, enabled: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    cursor("stop", workspace_roots=[str(enabled / "src"), str(other)], status="completed", cwd=str(other))
    assert document(enabled)["summary"]["total_events"] == 1
    cursor("stop", workspace_roots=[], cwd=str(enabled), status="completed")
    cursor("stop", workspace_roots=["relative", 7], cwd=str(enabled), status="completed")
    assert document(enabled)["summary"]["total_events"] == 3
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    for roots in ([], None, {}, "x", ["relative"], [[]]):
        payload = cursor.payload("stop", workspace_roots=roots, cwd="", status="completed")
        cursor.raw(json.dumps(payload).encode(), T800_ENABLED="1")
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == before
    assert not list(cursor.runs_in.iterdir())


def test_a_mark_before_the_text_is_passed_over(cursor: Cursor, enabled: Path) -> None:
    cursor.raw(b"\xef\xbb\xbf" + json.dumps(cursor.payload("stop", status="completed")).encode())
    assert told(document(enabled)) == [("turn", "completed")]


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff\xfe\x00",
        b"\xef\xbb\xbf",
        b"[]",
        b"{",
        b"null",
        b'{"hook_event_name":"preToolUse"',
        b'{"hook_event_name":7,"conversation_id":{}}',
        b'{"hook_event_name":"PreToolUse","conversation_id":"c1","workspace_roots":["/"]}',
        b"[" * 200_000,
    ],
)
def test_what_is_no_hook_is_answered_and_leaves_nothing(
    cursor: Cursor, enabled: Path, payload: bytes
) -> None:
    cursor.raw(payload)
    assert documents(enabled) == []


def test_hostile_values_stay_in_the_folder(cursor: Cursor, enabled: Path) -> None:
    before = {path for path in enabled.parent.rglob("*") if ".opencode" not in path.parts}
    for session in ("../../../escape", "a/b", "x" * 5000, "\u202e\x1b[2J"):
        cursor.session = session
        odd = {"tool_name": "\x1b[31m" * 10, "tool_use_id": "../x\n", "model": ["\x1b"], "cursor_version": {}}
        cursor("preToolUse", **odd, tool_input=[[]])
        cursor("postToolUse", **odd, tool_input=None, tool_output="[" * 100_000, duration="\x1b[2J")
        cursor("postToolUse", tool_output="{" + "y" * 2_000_000, tool_use_id=[], duration=-1)
        cursor("subagentStart", subagent_id="../y\x1b", tool_call_id={}, subagent_type=7)
        cursor("stop", status=[], transcript_path="/dev/zero", loop_count="x")
        cursor("sessionEnd", transcript_path=str(enabled), reason="\x1b[2J")
    found = documents(enabled)
    assert len(found) == 4
    assert all(one["summary"]["total_events"] == 5 for one in found)
    assert {path for path in enabled.parent.rglob("*") if ".opencode" not in path.parts} == before


def test_neither_secrets_nor_the_users_address_are_anywhere(cursor: Cursor, enabled: Path) -> None:
    home = Path(os.environ["HOME"])

    def check() -> None:
        for path, data in files(enabled, home):
            assert CANARY.encode() not in data, path
            assert ADDRESS.encode() not in data, path
            assert CANARY not in path.name

    cursor.session = CANARY
    cursor("sessionStart", session_id=CANARY, model=CANARY, cursor_version=CANARY, composer_mode=CANARY)
    cursor("beforeSubmitPrompt", prompt=f"use {CANARY}", attachments=[{"file_path": CANARY}])
    call = cursor.begins("Shell", CANARY, {"command": f"curl -H {CANARY}"})
    check()
    output = json.dumps({"output": f"token {CANARY} of {ADDRESS}", "nested": {"password": CANARY}})
    cursor("postToolUse", **call, tool_output=output, duration=1)
    call = cursor.begins(CANARY, "u2")
    cursor("postToolUseFailure", **call, error_message=f"bad token {CANARY}", failure_type=CANARY)
    cursor("subagentStart", subagent_id=CANARY, subagent_type=CANARY, task=CANARY, tool_call_id=CANARY)
    cursor("subagentStop", subagent_type=CANARY, status="completed", summary=CANARY, task=CANARY)
    cursor("preCompact", trigger=CANARY)
    cursor("afterAgentResponse", text=f"{CANARY} of {ADDRESS}")
    cursor("stop", status=CANARY, error_message=CANARY)
    cursor.begins("Shell", "u3", {"command": f"mail {ADDRESS} {CANARY}"})
    check()
    cursor("sessionEnd", reason=CANARY, final_status=CANARY, error_message=f"{CANARY} {ADDRESS}")
    assert document(enabled)["summary"]["total_events"] == 12
    check()


def test_where_recording_is_off_it_is_answered_all_the_same(cursor: Cursor, enabled: Path) -> None:
    layout.set_disabled(True)
    cursor("preToolUse", tool_name="Read", tool_input={}, tool_use_id="u1")
    assert documents(enabled) == []
