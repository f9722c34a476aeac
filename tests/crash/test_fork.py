"""Forks: a session goes on in the child, in a document of the child's own, and nothing is lost or mixed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.crash.families import child_of, documents, layout_of, told

from t800 import reader, recovery, retention, schema
from t800.aggregate import daily

Run = Callable[..., subprocess.CompletedProcess[str]]
KEPT = {"telemetry.retention.auto_cleanup": False}

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


def test_a_session_goes_on_in_a_forks_child(python: Run, project: Path) -> None:
    python("""
        import os, t800
        with t800.session(enabled=True, session_id="ses_parent", agent="forker") as trace:
            with trace.phase("EXECUTE"), trace.agent("helper"), trace.tool("outer", {"n": 1}) as outer:
                trace.decision("before")
                child = os.fork()
                if child == 0:
                    trace.decision("child")
                    with trace.tool("inner"):
                        trace.decision("inside")
                    outer.result(7)
            if child == 0:
                trace.close()
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
            trace.decision("after")
    """)
    found = documents(project)
    parent, child = found.pop("ses_parent"), found.popitem()[1]
    assert not found
    assert told(parent) == ["before", "after"]
    assert [e["type"] for e in parent["events"]] == ["decision", "tool_call", "checkpoint", "decision"]
    assert "result_redacted" not in parent["events"][1]
    assert re.fullmatch(r"ses_parent-[0-9a-f]{12}", child["session_id"])
    assert child["metadata"]["parent_session_id"] == "ses_parent"
    same = ["agent", "user_id_hash", "project_hash", "version", "schema", "redaction", "ring"]
    assert [child["metadata"][name] for name in same] == [parent["metadata"][name] for name in same]
    # The inherited call and phase are the parent's to end; what is inside them still knows where it is.
    assert [e["event_id"] for e in child["events"]] == ["evt_001", "evt_003", "evt_002"]
    assert [e.get("parent_id") for e in child["events"]] == [None, "evt_002", None]
    assert {(e["phase"], e["agent_id"]) for e in child["events"]} == {("EXECUTE", "helper")}
    assert (child["summary"]["state"], child["summary"]["interrupted"]) == ("closed", 0)
    assert (parent["summary"]["state"], parent["summary"]["interrupted"]) == ("closed", 0)
    for trace in reader.sessions(layout_of(project)):
        assert not schema.validate(trace.parts[0].path)


def test_a_child_that_records_nothing_leaves_nothing(python: Run, project: Path) -> None:
    python("""
        import os, sys, t800
        trace = t800.session(enabled=True, session_id="ses_parent", settings={"telemetry.trace_decisions": False})
        for end in (lambda: os._exit(0), lambda: sys.exit(0), trace.close, lambda: trace.flush()):
            child = os.fork()
            if child == 0:
                assert trace.decision("a kind that is not recorded") is None
                assert trace.working()["events"] == []
                assert (trace.path, trace.session_id, trace.dropped) == (None, "ses_parent", 0)
                end()
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
    """)
    assert list(documents(project)) == ["ses_parent"]


def test_a_recorder_in_the_child_tells_the_childs(python: Run, project: Path) -> None:
    python("""
        import json, os, t800
        trace = t800.session(enabled=True, session_id="ses_parent")
        path = trace.path
        trace.tool_call("of the parent")
        child = os.fork()
        if child == 0:
            assert trace.tool_call("of the child") == "evt_001"
            assert trace.flush()
            assert trace.path != path
            document = json.load(open(trace.path))
            assert document["session_id"] == trace.session_id
            assert [event["tool"] for event in document["events"]] == ["of the child"]
            assert trace.child_env({})["T800_PARENT"].endswith(trace.session_id)
            with trace, t800.session(enabled=True, session_id="ses_inner") as inner:
                inner.decision("x")
            assert json.load(open(inner.path))["metadata"]["parent_session_id"] == trace.session_id
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert trace.path == path and trace.session_id == "ses_parent"
    """)


def test_calls_of_the_parent_and_the_child_with_one_number_are_two_calls(python: Run, project: Path) -> None:
    python("""
        import os, t800
        trace = t800.session(enabled=True, session_id="ses_parent")
        token, span = trace.pre_tool("the parent's"), trace.tool("the parent's span")
        child = os.fork()
        if child == 0:
            own, open_one = trace.pre_tool("the child's"), trace.tool("the child's span")
            assert open_one.id == span.id == "evt_002"
            assert trace.post_tool(token, 1) is None
            with span:
                trace.decision("inside the parent's span")
            assert trace.post_tool(own, 2) == "evt_001"
            trace.close()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert trace.post_tool(token, 3) == "evt_001"
    """)
    found = documents(project)
    parent, child = found["ses_parent"], child_of(found, "ses_parent")
    ended = {e["tool"]: e for e in parent["events"]}
    assert ended["the parent's"]["result_redacted"] == 3
    assert ended["the parent's span"]["interrupted"] is True
    assert [e.get("tool") for e in child["events"]] == [None, "the child's", "the child's span"]
    assert "parent_id" not in child["events"][0]
    assert child["events"][1]["result_redacted"] == 2
    assert child["events"][2]["interrupted"] is True


def test_children_of_children_name_their_parents(python: Run, project: Path) -> None:
    python("""
        import os, t800
        trace = t800.session(enabled=True, session_id="ses_" + "x" * 60)
        for depth in range(1, 7):
            if os.fork():
                os._exit(os.waitstatus_to_exitcode(os.wait()[1]))
            if depth % 2 == 0:
                trace.decision(str(depth))
            if depth == 6:
                assert trace.close()
    """)
    report = recovery.recover(layout_of(project))
    assert not report.refused
    found = documents(project)
    assert len(found) == 4
    parent, seen = "ses_" + "x" * 60, []
    for _ in range(3):
        child = child_of(found, parent)
        parent = child["session_id"]
        assert len(parent) <= 64
        seen += told(child)
    assert seen == ["2", "4", "6"]


def test_two_hundred_forks_in_a_row(python: Run, project: Path) -> None:
    """Every child ends by os._exit, with a call open."""
    python(
        """
        import os, t800
        trace = t800.session(enabled=True, session_id="ses_parent", settings=KEPT)
        for n in range(200):
            child = os.fork()
            if child == 0:
                trace.tool("open", {"n": n})
                trace.decision(str(n))
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
        """.replace("KEPT", repr(KEPT)),
        timeout=120,
    )
    # The parent's exit waits for a second; on a slow disk something may be left.
    assert not recovery.recover(layout_of(project)).refused
    found = documents(project)
    assert told(found.pop("ses_parent")) == []
    assert sorted(told(d)[0] for d in found.values()) == sorted(str(n) for n in range(200))
    assert {len(d["events"]) for d in found.values()} == {2}
    assert {d["summary"]["interrupted"] for d in found.values()} == {1}
    assert {d["summary"]["state"] for d in found.values()} == {"recovered"}
    assert not recovery.recover(layout_of(project)).rings


def test_children_that_end_by_exit_are_recovered_when_the_parent_ends(python: Run, project: Path) -> None:
    python("""
        import os, t800
        with t800.session(enabled=True, session_id="ses_parent") as trace:
            for n in range(3):
                child = os.fork()
                if child == 0:
                    trace.tool("open", {"n": n})
                    trace.decision(str(n))
                    os._exit(0)
                assert os.waitpid(child, 0)[1] == 0
    """)
    found = documents(project)
    assert found.pop("ses_parent")["summary"]["state"] == "closed"
    assert sorted(told(d)[0] for d in found.values()) == ["0", "1", "2"]
    assert {(d["summary"]["state"], d["summary"]["interrupted"]) for d in found.values()} == {
        ("recovered", 1)
    }
    report = recovery.recover(layout_of(project))
    assert (report.rings, report.documents) == (0, [])
    assert not list((project / ".opencode" / "telemetry" / ".t800").glob("writer-*"))


def test_forks_of_a_process_whose_threads_record_flat_out(python: Run, project: Path) -> None:
    done = python(
        """
        import os, threading, time, t800
        trace = t800.session(enabled=True, session_id="ses_parent", settings=KEPT)
        stop = False
        counts = [0] * 3
        def work(thread):
            n = 0
            while not stop:
                with trace.tool("busy", {"thread": thread, "n": n}):
                    trace.flush(0.001)
                n += 1
                counts[thread] = n
        threads = [threading.Thread(target=trace.bind(work), args=(n,), daemon=True) for n in range(3)]
        [thread.start() for thread in threads]
        children = []
        for n in range(40):
            child = os.fork()
            if child == 0:
                more = [threading.Thread(target=trace.bind(trace.decision), args=(str(m),)) for m in range(4)]
                [thread.start() for thread in more]
                with trace.tool("child", {"n": n}):
                    if n % 10 == 0:
                        grandchild = os.fork()
                        if grandchild == 0:
                            trace.decision("grandchild")
                            trace.close()
                            os._exit(0)
                        assert os.waitpid(grandchild, 0)[1] == 0
                [thread.join() for thread in more]
                if n % 2:
                    trace.close()  # Within a second, which on a busy machine may not do: then recovery does the rest.
                os._exit(0)
            children.append(child)
        assert {os.waitpid(child, 0)[1] for child in children} == {0}
        stop = True
        [thread.join() for thread in threads]
        trace.close()
        print(sum(counts), trace.dropped)
        """.replace("KEPT", repr(KEPT)),
        timeout=150,
    )
    count, dropped = map(int, done.stdout.split())
    assert not recovery.recover(layout_of(project)).refused
    found = documents(project)
    parent = found.pop("ses_parent")
    assert {e["tool"] for e in parent["events"]} == {"busy"}
    given = {(e["parameters_redacted"]["thread"], e["parameters_redacted"]["n"]) for e in parent["events"]}
    assert len(given) == len(parent["events"]) == count - dropped
    children = [d for d in found.values() if d["metadata"]["parent_session_id"] == "ses_parent"]
    calls = [e["parameters_redacted"]["n"] for d in children for e in d["events"] if e["type"] == "tool_call"]
    assert sorted(calls) == list(range(40))
    assert {tuple(sorted(told(d))) for d in children} == {("0", "1", "2", "3")}
    assert [told(d) for d in found.values() if d not in children] == [["grandchild"]] * 4


def test_a_fork_inside_a_recording_call(python: Run, project: Path) -> None:
    """A value's own code forks: the call that is under way is the parent's, and only there it becomes an event."""
    python("""
        import os, t800
        trace = t800.session(enabled=True, session_id="ses_parent")
        class Forks:
            child = None
            def __str__(self):
                Forks.child = os.fork()
                return "text"
        taken = trace.tool_call("t", {"v": Forks()})
        if Forks.child == 0:
            assert taken is None
            assert trace.decision("child") == "evt_001"
            trace.close()
            os._exit(0)
        if Forks.child is not None:
            assert os.waitpid(Forks.child, 0)[1] == 0
        assert taken == "evt_001"
        trace.tool_call("after", {"n": 1})
    """)
    found = documents(project)
    assert [e["tool"] for e in found["ses_parent"]["events"]] == ["t", "after"]
    for document in found.values():
        assert document["summary"]["state"] == "closed"


@pytest.mark.parametrize("order", ["before", "after"])
def test_hooks_of_others_around_a_fork_may_record(python: Run, project: Path, order: str) -> None:
    hooks = """
        def hook(name):
            def call():
                if t800 is not None:
                    t800.decision(name)
                    with t800.session(enabled=True) as own:
                        own.decision(name)
            return call
        t800 = None
        os.register_at_fork(before=hook("b"), after_in_parent=hook("p"), after_in_child=hook("c"))
    """
    program = (
        "import os\n{hooks}\nimport t800\n"
        if order == "before"
        else "import os, t800\n{hooks}\nimport t800\n"
    )
    body = """
with t800.session(enabled=True, session_id="ses_parent") as trace:
    child = os.fork()
    if child == 0:
        trace.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""
    python(program.format(hooks=textwrap.dedent(hooks)) + body)
    found = documents(project)
    assert told(found["ses_parent"]) == ["b", "p"]
    heirs = [d for name, d in found.items() if name.startswith("ses_parent-")]
    assert [told(d) for d in heirs] == [["c"]]
    assert sorted(told(d)[0] for n, d in found.items() if not n.startswith("ses_parent")) == ["b", "c", "p"]
    assert len(found) == 5


def test_a_fork_that_python_does_not_know_of(python: Run, project: Path) -> None:
    python("""
        import ctypes, os, t800
        trace = t800.session(enabled=True, session_id="ses_parent")
        trace.decision("before")
        child = ctypes.PyDLL(None).fork()
        if child == 0:
            trace.decision("child")
            trace.close()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        trace.decision("after")
    """)
    found = documents(project)
    assert told(found["ses_parent"]) == ["before", "after"]
    assert told(child_of(found, "ses_parent")) == ["child"]


@pytest.mark.parametrize("recording", [True, False])
def test_a_parent_that_dies_before_its_child_is_dead(project: Path, recording: bool) -> None:
    program = """
        import os, sys, t800
        trace = t800.session(enabled=True, session_id="ses_parent")
        for n in range(100):
            trace.decision(str(n))
        child = os.fork()
        if child == 0:
            if RECORDING:
                trace.decision("child")
                # Its writer looks for dead rings when it starts: that must be over when the parent dies.
                assert trace.flush()
            print(os.getpid(), flush=True)
            sys.stdin.readline()
            if RECORDING:
                trace.decision("still here")
                trace.close()
            print("done", flush=True)
            os._exit(0)
        os.waitpid(child, 0)
    """.replace("RECORDING", str(recording))
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=project,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        child = int(process.stdout.readline())
        try:
            process.kill()
            process.wait()
            live = {t.session_id: t.live for t in reader.sessions(layout_of(project))}
            assert live.pop("ses_parent") is False
            assert list(live.values()) == [True] * recording
            report = recovery.recover(layout_of(project))
            assert (report.rings, [d.kept + d.added for d in report.documents]) == (1, [100])
            assert not report.refused
            process.stdin.write("\n")
            process.stdin.close()
            assert process.stdout.readline() == "done\n"
        except BaseException:
            os.kill(child, signal.SIGKILL)
            raise
    found = documents(project)
    assert told(found["ses_parent"]) == [str(n) for n in range(100)]
    assert [told(d) for n, d in found.items() if n != "ses_parent"] == [["child", "still here"]] * recording


def test_a_child_that_ends_normally_closes_its_session(python: Run, project: Path) -> None:
    python("""
        import os, sys, t800
        trace = t800.session(enabled=True, session_id="ses_parent")
        child = os.fork()
        if child == 0:
            trace.tool("open")
            trace.decision("child")
            sys.exit(3)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
    """)
    child = child_of(documents(project), "ses_parent")
    assert (child["summary"]["state"], child["summary"]["interrupted"]) == ("closed", 1)


def test_a_closed_session_has_no_heirs(python: Run, project: Path) -> None:
    python("""
        import os, t800
        trace = t800.session(enabled=True, session_id="ses_parent")
        trace.decision("x")
        trace.close()
        if os.fork() == 0:
            assert trace.decision("child") is None
            os._exit(0)
        assert os.wait()[1] == 0
        other = t800.session(enabled=True, session_id="ses_other")
        if os.fork() == 0:
            assert other.decision("child") == "evt_001"
            assert other.close()
            assert other.decision("child") is None
            if os.fork() == 0:
                assert other.decision("grandchild") is None
                os._exit(0)
            assert os.wait()[1] == 0
            os._exit(0)
        assert os.wait()[1] == 0
    """)
    found = documents(project)
    assert len(found) == 3
    assert told(child_of(found, "ses_other")) == ["child"]


def test_a_child_whose_folder_is_gone_runs_on(python: Run, project: Path) -> None:
    done = python("""
        import os, shutil, t800
        trace = t800.session(enabled=True, session_id="ses_parent")
        while os.path.exists(".opencode"):  # the writer may be making files there at this moment
            shutil.rmtree(".opencode", ignore_errors=True)
        open(".opencode", "w").close()
        if os.fork() == 0:
            for _ in range(3):
                assert trace.decision("child") is None
                with trace.tool("t") as call:
                    assert call.result(7) == 7
            assert trace.flush()
            print("child", flush=True)
            os._exit(0)
        assert os.wait()[1] == 0
        print("parent")
    """)
    assert done.stdout.split() == ["child", "parent"]
    assert done.stderr.count("the trace could not be written") <= 2
    assert "Traceback" not in done.stderr


def test_a_lock_ends_though_a_child_was_forked_meanwhile(project: Path) -> None:
    """A worker that lives for days must not keep the folder's retention or summaries waiting for it."""
    place = layout_of(project)
    place.create()
    with retention._locked(place.private, 0), daily._locked(place, 0):
        child = os.fork()
        if child == 0:
            signal.pause()
            os._exit(0)
    try:
        with retention._locked(place.private, 0), daily._locked(place, 0):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@pytest.mark.parametrize("durability", ["interval", "event"])
def test_a_child_is_as_durable_as_its_parent(python: Run, project: Path, durability: str) -> None:
    python(
        """
        import os, sys, t800
        trace = t800.session(enabled=True, session_id="ses_parent", settings={"telemetry.durability": sys.argv[1]})
        trace.decision("parent")
        child = os.fork()
        if child == 0:
            assert trace.decision("child") == "evt_001"
            assert trace.flush()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        """,
        durability,
    )
    found = documents(project)
    assert told(child_of(found, "ses_parent")) == ["child"]


def test_a_child_goes_on_where_nothing_can_be_mapped(python: Run, project: Path) -> None:
    """On the heap an event is written at once, in the child too."""
    python("""
        import os, resource, t800
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        trace = t800.session(enabled=True, session_id="ses_parent")
        trace.decision("parent")
        child = os.fork()
        if child == 0:
            assert trace.decision("child") == "evt_001"
            assert trace.flush()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    """)
    child = child_of(documents(project), "ses_parent")
    assert (told(child), child["metadata"]["ring"]) == (["child"], "heap")
