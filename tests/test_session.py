"""Sessions: what they are, what the current one is, and what closing does."""

from __future__ import annotations

import asyncio
import contextvars
import importlib
import json
import os
import re
import stat
import subprocess
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import t800
from t800.testing import capture

Open = Callable[..., t800.Session]
Read = Callable[..., dict[str, Any]]
Run = Callable[..., subprocess.CompletedProcess[str]]


def in_thread(work: Callable[[], object]) -> object:
    """What `work` gives in a thread that starts without a context."""
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(contextvars.Context().run(work)))
    thread.start()
    thread.join()
    return found[0]


def test_a_session_is_one_document_in_the_form_of_its_specification(
    open_session: Open, read_trace: Read
) -> None:
    with open_session(agent="my-agent", session_id="ses_abc123") as trace:
        trace.decision("strategy", outcome="edit in place")
    document = read_trace(trace)
    assert list(document) == ["session_id", "timestamp", "metadata", "events", "summary"]
    assert document["session_id"] == trace.session_id == "ses_abc123"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", document["timestamp"])
    metadata = document["metadata"]
    assert metadata["agent"] == "my-agent"
    assert metadata["version"] == t800.__version__
    assert metadata["schema"] == 1
    for name in ("user_id_hash", "project_hash"):
        assert re.fullmatch(r"[0-9a-f]{64}", metadata[name])
    assert metadata["user_id_hash"] != metadata["project_hash"]
    assert metadata["redaction"] == {"secrets": True, "pii": True, "sensitive_paths": True, "content": True}
    assert "key" not in metadata


def test_the_file_is_named_by_its_time_and_session(
    open_session: Open, read_trace: Read, project: Path
) -> None:
    with open_session(session_id="ses_abc123") as trace:
        pass
    path = Path(str(trace.path))
    assert path.parent == project / ".opencode" / "telemetry" / "traces"
    stamp = read_trace(trace)["timestamp"]
    assert path.name == f"{stamp[:10]}_{stamp[11:19].replace(':', '-')}_ses_abc123.json"


def test_session_ids_are_made_up_and_different(open_session: Open) -> None:
    ids = {str(open_session().session_id) for _ in range(50)}
    assert len(ids) == 50
    assert all(re.fullmatch(r"ses_[a-z0-9]{12}", made) for made in ids)


def test_two_sessions_with_one_id_have_two_documents(open_session: Open, read_trace: Read) -> None:
    first, second = open_session(session_id="same"), open_session(session_id="same")
    first.decision("first")
    second.decision("second")
    first.close()
    second.close()
    assert first.path != second.path
    assert [read_trace(trace)["events"][0]["decision_type"] for trace in (first, second)] == [
        "first",
        "second",
    ]


@pytest.mark.posix
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_files_and_folders_are_the_users_alone_whatever_the_umask(
    python: Run, project: Path, umask: int
) -> None:
    python(f"""
        import os, t800
        os.umask({umask})
        with t800.session(enabled=True) as trace:
            trace.decision("x")
            assert trace.flush()
            for folder, folders, files in os.walk(".opencode/telemetry"):
                for name in folders:
                    assert os.stat(os.path.join(folder, name)).st_mode & 0o777 == 0o700, name
                for name in files:
                    assert os.lstat(os.path.join(folder, name)).st_mode & 0o777 == 0o600, name
        assert trace.path
    """)
    telemetry = project / ".opencode" / "telemetry"
    assert (telemetry / ".gitignore").read_text().strip() == "*"
    assert stat.S_IMODE(telemetry.stat().st_mode) == 0o700


def test_host_session_and_key_are_said_in_the_metadata(
    open_session: Open, read_trace: Read, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    monkeypatch.setenv("T800_KEY_FILE", str(tmp_path / "folder"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trace = open_session(host_session_id="host-7")
    trace.close()
    metadata = read_trace(trace)["metadata"]
    assert metadata["host_session_id"] == "host-7"
    assert metadata["key"] == "ephemeral"


def test_hashes_are_the_same_in_every_session_of_one_install(open_session: Open, read_trace: Read) -> None:
    found = []
    for _ in range(2):
        with open_session() as trace:
            trace.tool_call("write", {"content": "the same text"})
        document = read_trace(trace)
        found.append(
            (
                document["metadata"]["user_id_hash"],
                document["metadata"]["project_hash"],
                document["events"][0]["parameters_redacted"]["content"],
            )
        )
    assert found[0] == found[1]
    assert re.fullmatch(r"\[content hash: [0-9a-f]{6}\]", found[0][2])


def test_another_install_has_other_hashes(
    open_session: Open, read_trace: Read, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = set()
    for name in ("one", "two"):
        monkeypatch.setenv("T800_KEY_FILE", str(tmp_path / name))
        with open_session() as trace:
            trace.tool_call("write", {"content": "the same text"})
        found.add(read_trace(trace)["events"][0]["parameters_redacted"]["content"])
    assert len(found) == 2


# The current session


def test_without_a_session_current_is_the_one_that_does_nothing(project: Path) -> None:
    session = t800.current()
    assert not session.enabled
    assert session.path is None
    assert t800.tool_call("read") is None
    with t800.tool("read") as call:
        assert call.id is None
    assert not (project / ".opencode").exists()


def test_inside_with_the_session_is_current_and_before_and_after_it_is_not(open_session: Open) -> None:
    trace = open_session()
    other = open_session()
    with trace:
        assert t800.current() is trace
        with other:
            assert t800.current() is other
        assert t800.current() is trace


def test_the_only_open_session_is_current_without_a_context(open_session: Open) -> None:
    trace = open_session()
    assert t800.current() is trace
    assert in_thread(t800.current) is trace
    trace.close()
    assert t800.current() is not trace


def test_module_verbs_act_on_the_current_session(open_session: Open, read_trace: Read) -> None:
    open_session()
    with open_session() as trace:
        with t800.tool("read", {"n": 1}) as call:
            call.result("x")
        with t800.llm("m") as reply:
            reply.usage(prompt_tokens=1, completion_tokens=2)
        with t800.phase("PLAN", plan_complexity=7), t800.agent("scout"):
            t800.tool_call("list", {"n": 2}, duration_ms=1)
        t800.llm_call("m", cost_usd=0.5)
        t800.decision("strategy", "edit")
        t800.error("E", "text")
        t800.checkpoint("done", "completed")
        t800.record({"type": "decision", "decision_type": "recorded"})
        t800.post_tool(t800.pre_tool("bash", {"command": "ls"}), "out")
        t800.post_llm(t800.pre_llm("m2"), completion_tokens=3)
    kinds = [event["type"] for event in read_trace(trace)["events"]]
    assert kinds == [
        "tool_call", "llm_call", "tool_call", "checkpoint", "llm_call", "decision", "error", "checkpoint",
        "decision", "tool_call", "llm_call",
    ]  # fmt: skip


def test_an_event_without_a_context_among_several_sessions_is_counted_and_said_once(
    open_session: Open, read_trace: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.import_module("t800.session"), "_said", set())
    first, second = open_session(), open_session()
    with pytest.warns(RuntimeWarning, match=r"without a session.*bind") as said:
        assert in_thread(lambda: t800.tool_call("lost")) is None
        assert in_thread(lambda: t800.tool_call("lost")) is None
    assert len(said) == 1
    first.close()
    second.close()
    for trace in (first, second):
        assert read_trace(trace)["summary"]["dropped"] == 2
        assert read_trace(trace)["events"] == []


def test_bind_carries_the_context_into_threads_and_executors(open_session: Open, read_trace: Read) -> None:
    open_session()
    with open_session() as trace, trace.phase("EXECUTE"), trace.tool("outer") as outer:
        call = trace.bind(t800.tool_call)
        thread = threading.Thread(target=call, args=("in thread",))
        thread.start()
        thread.join()
        with ThreadPoolExecutor(4) as pool:
            ids = list(pool.map(call, [f"pool {n}" for n in range(20)]))
        assert None not in ids
    events = read_trace(trace)["events"]
    inner = [event for event in events if event.get("tool", "").startswith(("in thread", "pool"))]
    assert len(inner) == 21
    assert {event["parent_id"] for event in inner} == {outer.id}
    assert {event["phase"] for event in inner} == {"EXECUTE"}


def test_bind_gives_the_functions_own_value_and_arguments(open_session: Open) -> None:
    with open_session() as trace:
        assert trace.bind(divmod)(7, 2) == (3, 1)
        assert trace.bind(lambda *, n: n + 1)(n=1) == 2


def test_asyncio_tasks_inherit_the_session(open_session: Open, read_trace: Read) -> None:
    async def work(n: int) -> None:
        await asyncio.sleep(0)
        with t800.tool(f"task {n}"):
            await asyncio.sleep(0)
            t800.decision("inside", str(n))

    async def main() -> None:
        async with open_session() as trace, trace.tool("all") as everything:
            await asyncio.gather(*(work(n) for n in range(20)))
        events = read_trace(trace)["events"]
        by_id = {event["event_id"]: event for event in events}
        for event in events:
            if event["type"] == "decision":
                parent = by_id[event["parent_id"]]
                assert parent["tool"] == f"task {event['outcome']}"
                assert parent["parent_id"] == everything.id

    open_session()
    asyncio.run(main())


def test_a_closed_session_of_a_context_records_nothing(open_session: Open, read_trace: Read) -> None:
    trace = open_session()
    with trace:
        context = contextvars.copy_context()
    assert context.run(t800.tool_call, "late") is None
    assert trace.tool_call("late") is None
    with trace.tool("late") as call:
        assert call.id is None
    assert read_trace(trace)["events"] == []


# Sessions inside sessions, and other processes


def test_a_session_inside_a_session_has_a_document_of_its_own(open_session: Open, read_trace: Read) -> None:
    with open_session() as outer:
        outer.decision("outer")
        with open_session() as inner:
            t800.decision("inner")
        t800.decision("outer again")
    assert read_trace(inner)["metadata"]["parent_session_id"] == outer.session_id
    assert "parent_session_id" not in read_trace(outer)["metadata"]
    assert [event["decision_type"] for event in read_trace(inner)["events"]] == ["inner"]
    assert [event["decision_type"] for event in read_trace(outer)["events"]] == ["outer", "outer again"]


def test_a_span_of_one_session_is_no_parent_in_another(open_session: Open, read_trace: Read) -> None:
    outer, inner = open_session(), open_session()
    with outer, outer.tool("outer"), outer.phase("PLAN"), inner:
        inner.decision("inner")
        outer.decision("by name")
    assert "parent_id" not in read_trace(inner)["events"][0]
    assert "phase" not in read_trace(inner)["events"][0]


def test_child_processes_belong_to_the_family(open_session: Open, read_trace: Read, python: Run) -> None:
    with open_session() as trace:
        environ = trace.child_env()
        assert "T800_PARENT" not in os.environ
        done = python(
            """
            import t800
            with t800.session(enabled=True) as trace:
                trace.decision("child")
            print(trace.path)
            """,
            T800_PARENT=environ["T800_PARENT"],
        )
    child = read_trace(done.stdout.strip())
    assert child["metadata"]["parent_session_id"] == trace.session_id


def test_child_env_adds_to_a_given_environment(open_session: Open) -> None:
    trace = open_session()
    environ = trace.child_env({"PATH": "/bin"})
    assert set(environ) == {"PATH", "T800_PARENT"}
    assert trace.session_id in environ["T800_PARENT"]


# Closing


def test_closing_says_that_it_is_closed_and_twice_is_once(open_session: Open, read_trace: Read) -> None:
    trace = open_session()
    assert trace.flush()
    assert read_trace(trace)["summary"]["state"] == "live"
    assert read_trace(trace)["summary"]["ended"] is None
    assert trace.close()
    data = Path(str(trace.path)).read_bytes()
    assert trace.close()
    assert Path(str(trace.path)).read_bytes() == data
    summary = read_trace(trace)["summary"]
    assert summary["state"] == "closed"
    assert summary["ended"].endswith("Z")


def test_open_spans_are_interrupted_when_the_session_closes(open_session: Open, read_trace: Read) -> None:
    trace = open_session()
    call = trace.tool("bash", {"command": "sleep 9", "password": "hunter2-hunter2"})
    call.__enter__()
    token = trace.pre_llm("claude-sonnet-4")
    assert isinstance(token, int)
    trace.close()
    call.__exit__(None, None, None)
    assert trace.post_llm(token) is None
    tool, llm = read_trace(trace)["events"]
    assert tool["parameters_redacted"] == {"command": "sleep 9", "password": "[REDACTED]"}
    for event in (tool, llm):
        assert (event["duration_ms"], event["success"], event["interrupted"]) == (None, None, True)
    summary = read_trace(trace)["summary"]
    assert summary["interrupted"] == 2
    assert summary["total_events"] == 2
    assert summary["success_rate"] is None


def test_a_session_that_is_never_left_is_closed_at_exit(python: Run, read_trace: Read) -> None:
    done = python("""
        import t800
        trace = t800.session(enabled=True)
        trace.tool("open").__enter__()
        trace.decision("last")
        print(trace.path)
    """)
    assert done.stderr == ""
    document = read_trace(done.stdout.strip())
    assert [event["type"] for event in document["events"]] == ["decision", "tool_call"]
    assert document["events"][1]["interrupted"] is True
    assert document["summary"]["state"] == "closed"


def test_an_exception_that_ends_the_session_is_an_error_event(open_session: Open, read_trace: Read) -> None:
    trace = open_session()
    with pytest.raises(ZeroDivisionError), trace:
        1 / 0  # noqa: B018 - it fails
    (event,) = read_trace(trace)["events"]
    assert (event["type"], event["error_type"], event["message"]) == (
        "error",
        "ZeroDivisionError",
        "division by zero",
    )


def test_async_with_is_the_same(open_session: Open, read_trace: Read) -> None:
    async def main() -> t800.Session:
        async with open_session() as trace:
            assert t800.current() is trace
            trace.decision("x")
        return trace

    assert read_trace(asyncio.run(main()))["summary"]["state"] == "closed"


def test_a_session_leaves_no_thread_and_no_lock_behind(python: Run) -> None:
    python("""
        import os, time, t800
        def left():
            locks = [name for name in os.listdir(private) if name.startswith(("writer-", "20"))]
            return len(os.listdir("/proc/self/task")) - 1, locks
        with t800.session(enabled=True) as trace:
            trace.decision("x")
            private = trace.layout.private
            assert left() > (0, []) and len(left()[1]) == 2, left()
        deadline = time.monotonic() + 30
        while left() != (0, []):
            assert time.monotonic() < deadline, left()
            time.sleep(0.05)
    """)


def test_the_working_memory_shows_context_and_events_in_flight(open_session: Open) -> None:
    with (
        open_session() as trace,
        trace.phase("EXECUTE"),
        trace.agent("scout"),
        trace.tool("read", {"token": "x" * 20}) as call,
    ):
        working = trace.working()
    assert (working["session_id"], working["phase"], working["agent_id"]) == (
        trace.session_id,
        "EXECUTE",
        "scout",
    )
    assert working["parent_id"] == call.id
    (event,) = working["events"]
    assert event["tool"] == "read"
    assert event["parameters_redacted"] == {"token": "[REDACTED]"}
    assert event["age_ms"] >= 0
    assert trace.working()["events"] == []
    assert trace.working()["phase"] is None


def test_capture_is_a_session_into_a_list() -> None:
    with capture() as trace:
        trace.tool_call("read", {"password": "hunter2-hunter2"}, duration_ms=3)
        assert [event["tool"] for event in trace.events] == ["read"]
        assert trace.path is None
    assert trace.events[0]["parameters_redacted"] == {"password": "[REDACTED]"}


def test_capture_reads_no_switch_and_writes_no_file(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("T800_ENABLED", "0")
    with capture(settings={"redaction_value": "<gone>"}) as trace:
        t800.tool_call("read", {"password": "hunter2-hunter2"})
    assert trace.events[0]["parameters_redacted"] == {"password": "<gone>"}
    assert os.listdir(project) == [".git"]


def test_capture_hashes_are_the_same_in_every_run() -> None:
    found = []
    for _ in range(2):
        with capture() as trace:
            trace.tool_call("write", {"content": "text"})
        found.append(trace.events[0]["parameters_redacted"]["content"])
    assert found[0] == found[1]


def test_housekeeping_never_becomes_the_main_thread(python: Run) -> None:
    # The first to import `threading` is the main thread to it (before Python 3.13).
    python("""
        import sys, time, t800
        for _ in range(3):
            with t800.session(enabled=True) as trace:
                trace.decision("x")
        time.sleep(1.3)
        import threading
        assert threading.current_thread() is threading.main_thread()
    """)


def test_short_programs_look_after_the_folder_too(python: Run, project: Path) -> None:
    for n in range(3):
        python(f"""
            import os, t800
            keep = {{"telemetry.retention.max_trace_files": 2}}
            t800.session(enabled=True, session_id="ses_{n}", settings=keep).close()
            stamp = ".opencode/telemetry/.t800/retention.stamp"
            if os.path.exists(stamp):
                os.utime(stamp, (0, 0))
        """)
    assert len(list((project / ".opencode" / "telemetry" / "traces").iterdir())) == 2


def test_a_closed_session_is_added_to_its_day(python: Run, project: Path) -> None:
    for extra in ("", "import threading"):
        python(f"""
            {extra}
            import t800
            with t800.session(enabled=True) as trace:
                trace.tool_call("x", duration_ms=1)
        """)
    (day,) = (project / ".opencode" / "telemetry" / "aggregated").glob("*_summary.json")
    assert json.loads(day.read_text())["summary"]["total_events"] == 2
