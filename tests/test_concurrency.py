"""Many threads, tasks, sessions and processes: every event once, parents right, memory and descriptors bounded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from t800 import reader
from t800.layout import telemetry_dir

Run = Callable[..., subprocess.CompletedProcess[str]]
Read = Callable[..., dict[str, Any]]

RESIDENT = """
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096
"""


def all_events() -> list[dict[str, Any]]:
    (trace,) = reader.sessions(telemetry_dir())
    return list(trace.events())


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="memory is read from /proc")
def test_eight_threads_of_50_000_events(python: Run) -> None:
    done = python(
        RESIDENT
        + """
import sys, threading, t800
trace = t800.session(enabled=True, session_id="ses_threads")
dropped = [0] * 8
before = resident()
def work(thread):
    for n in range(50_000):
        if n % 10_000 == 9_999:
            # So that a disk which others keep busy decides nothing: a full ring takes no more.
            trace.flush(60)
        with_parent = n % 10 == 0
        if with_parent:
            span = trace.tool("outer", {"thread": thread, "n": n})
            with span:
                if trace.decision("inner", outcome=[thread, n]) is None:
                    dropped[thread] += 1
        elif n % 10 > 1 and trace.tool_call("t", {"thread": thread, "n": n}, duration_ms=1) is None:
            dropped[thread] += 1
threads = [threading.Thread(target=trace.bind(work), args=(thread,)) for thread in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
grown = resident() - before
while not trace.flush(60):
    pass
assert trace.close()
print(grown, trace.dropped, sum(dropped))
""",
        timeout=240,
    )
    grown, dropped, none = map(int, done.stdout.split())
    seen: Counter[tuple[int, int, str]] = Counter()
    outers: dict[str, list[int]] = {}
    inners: list[tuple[str, list[int]]] = []
    ids: set[str] = set()
    for event in all_events():
        ids.add(event["event_id"])
        if event["type"] == "decision":
            inners.append((event["parent_id"], event["outcome"]))
            continue
        thread, n = event["parameters_redacted"]["thread"], event["parameters_redacted"]["n"]
        seen[thread, n, event["tool"]] += 1
        if event["tool"] == "outer":
            outers[event["event_id"]] = [thread, n]
        assert "parent_id" not in event
    expected = 8 * 50_000
    assert len(seen) + len(inners) + dropped == expected
    assert len(ids) == len(seen) + len(inners)
    assert set(seen.values()) == {1}
    for parent, outcome in inners:
        assert outers.get(parent, outcome) == outcome
    assert none <= dropped
    assert dropped == 0
    assert grown < 400_000_000


def test_a_thousand_tasks_of_100_events(python: Run) -> None:
    python("""
import asyncio, t800
trace = t800.session(enabled=True, session_id="ses_tasks")
async def work(task):
    async with trace.tool("task", {"task": task}):
        for n in range(99):
            if n % 9 == 0:
                await asyncio.sleep(0)
            t800.decision("inside", outcome=[task, n])
async def main():
    async with trace:
        await asyncio.gather(*(work(task) for task in range(1_000)))
asyncio.run(main())
assert trace.dropped == 0
""")
    events = all_events()
    assert len(events) == 100_000
    tasks = {
        event["event_id"]: event["parameters_redacted"]["task"]
        for event in events
        if event["type"] == "tool_call"
    }
    assert sorted(tasks.values()) == list(range(1_000))
    inside = [event for event in events if event["type"] == "decision"]
    assert {tuple(event["outcome"]) for event in inside} == {
        (task, n) for task in range(1_000) for n in range(99)
    }
    assert all(tasks[event["parent_id"]] == event["outcome"][0] for event in inside)


def test_a_thousand_sessions_at_a_time_in_one_process(python: Run, project: Path, read_trace: Read) -> None:
    done = python("""
import os, resource, t800
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
keep = {"telemetry.retention.auto_cleanup": False}
sessions = [t800.session(enabled=True, session_id=f"ses_{n:04}", settings=keep) for n in range(1_000)]
assert all(session.enabled for session in sessions)
for turn in range(10):
    for n, session in enumerate(sessions):
        assert session.tool_call("t", {"session": n, "turn": turn}) is not None
assert all(session.flush() for session in sessions[:5])
print(len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0,
      len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 0)
assert all(session.close() for session in sessions)
""")
    descriptors, threads = map(int, done.stdout.split())
    assert done.stderr == ""
    assert descriptors < 128
    assert threads <= 4
    traces = sorted((project / ".opencode" / "telemetry" / "traces").iterdir())
    assert len(traces) == 1_000
    for n, path in enumerate(sorted(traces, key=lambda path: path.name.rpartition("_")[2])):
        document = read_trace(path)
        assert [event["parameters_redacted"] for event in document["events"]] == [
            {"session": n, "turn": turn} for turn in range(10)
        ]
        assert document["summary"]["state"] == "closed"


def test_sessions_that_open_and_close_in_many_threads(python: Run, project: Path, read_trace: Read) -> None:
    python("""
import threading, t800
def work(thread):
    for n in range(25):
        keep = {"telemetry.retention.auto_cleanup": False}
        with t800.session(enabled=True, settings=keep) as trace, t800.tool("outer", {"thread": thread, "n": n}):
            assert t800.current() is trace
            t800.decision("inner")
threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
assert not t800.current().enabled
""")
    seen = set()
    for path in (project / ".opencode" / "telemetry" / "traces").iterdir():
        decision, outer = read_trace(path)["events"]
        assert decision["parent_id"] == outer["event_id"]
        seen.add((outer["parameters_redacted"]["thread"], outer["parameters_redacted"]["n"]))
    assert len(seen) == 200


def test_one_span_that_many_threads_use_becomes_one_event(python: Run) -> None:
    python("""
import threading, t800
with t800.session(enabled=True) as trace:
    spans = [trace.tool("t", {"n": n}) for n in range(500)]
    def work():
        for span in spans:
            span.update(attributes={"a": [1]})
            span.result("x")
            span.__exit__(None, None, None)
    threads = [threading.Thread(target=work) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
""")
    events = all_events()
    assert sorted(event["parameters_redacted"]["n"] for event in events) == list(range(500))


def test_memory_stays_bounded_over_a_long_run(python: Run) -> None:
    done = python(
        RESIDENT
        + """
import t800
trace = t800.session(enabled=True)
def run(count):
    for n in range(count):
        with trace.tool("t", {"n": n, "note": "some words " * 5}) as call:
            call.result(None)
        if n % 1000 == 0:
            trace.flush()
run(20_000)
before = resident()
run(100_000)
print(resident() - before)
"""
    )
    assert int(done.stdout) < 30_000_000


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


@needs_fork
def test_a_forks_child_does_not_write_into_the_parents_document_and_does_not_hang(
    python: Run, project: Path, read_trace: Read
) -> None:
    done = python(
        """
import os, sys, t800
trace = t800.session(enabled=True, session_id="ses_parent")
with trace, trace.phase("EXECUTE"), trace.tool("outer") as outer:
    trace.decision("before")
    child = os.fork()
    if child == 0:
        trace.decision("child")
        outer.update(attributes={"child": True})
        trace.tool_call("child")
        trace.flush()
        sys.exit(7)
    trace.decision("parent")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    trace.decision("after")
print(trace.path)
""",
        timeout=60,
    )
    document = read_trace(done.stdout.strip())
    told = [event.get("decision_type") for event in document["events"] if event["type"] == "decision"]
    assert told == ["before", "parent", "after"]
    assert [event["type"] for event in document["events"]] == ["decision"] * 3 + ["tool_call", "checkpoint"]
    assert "attributes" not in document["events"][3]
    assert document["summary"]["state"] == "closed"
    assert document["summary"]["interrupted"] == 0


@needs_fork
def test_children_of_a_busy_parent_never_hang(python: Run, read_trace: Read) -> None:
    done = python(
        """
import os, threading, t800
trace = t800.session(enabled=True, settings={"telemetry.retention.auto_cleanup": False})
stop = False
def work():
    while not stop:
        with trace.tool("busy", {"n": 1}):
            trace.flush(0.001)
threads = [threading.Thread(target=trace.bind(work)) for _ in range(3)]
[thread.start() for thread in threads]
for _ in range(60):
    with trace.tool("outer"):
        child = os.fork()
        if child == 0:
            trace.flush()
            trace.decision("child")
            trace.working()
    if child == 0:
        trace.close()
        with t800.session(enabled=True, session_id="ses_child") as own:
            own.decision("child")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
stop = True
[thread.join() for thread in threads]
trace.close()
print(trace.path)
""",
        timeout=120,
    )
    folder = Path(done.stdout.strip()).parent
    parent = reader.resolve(telemetry_dir(), done.stdout.strip())
    events = list(parent.events())  # of all parts: a busy parent fills several
    assert not [event for event in events if event["type"] == "decision"]
    assert len([event for event in events if event["tool"] == "outer"]) == 60
    children = [path for path in folder.iterdir() if "ses_child" in path.name]
    assert len(children) == 60
    assert all(read_trace(path)["events"][0]["decision_type"] == "child" for path in children)


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="memory is read from /proc")
@pytest.mark.parametrize("kept", ["nothing", "every session"])
def test_sessions_that_are_closed_keep_no_ring(python: Run, kept: str) -> None:
    """Not even where the agent holds them, nor in an agent without threads, whose days are added up at its exit."""
    done = python(
        RESIDENT
        + f"""
import sys, time, t800
keep = [].append if {kept == "every session"} else id
for n in range(60):
    with t800.session(enabled=True) as trace:
        trace.tool_call("read", {{"n": n}})
    keep(trace)
    if n == 10:
        before = resident()
assert "threading" not in sys.modules
del trace
for _ in range(200):  # the last writers are leaving
    if resident() - before < 8 << 20:
        break
    time.sleep(0.05)
with open("/proc/self/maps") as maps:
    rings = {{line.split()[5] for line in maps if "/ring-" in line}}
print(resident() - before, len(rings))
"""
    )
    grown, rings = map(int, done.stdout.split())
    assert grown < 8 << 20
    assert rings <= 3, "sessions that follow each other share a ring"


@needs_fork
def test_a_forks_child_can_open_a_session_of_its_own(python: Run, read_trace: Read) -> None:
    done = python("""
import os, sys, t800
with t800.session(enabled=True, session_id="ses_parent") as trace:
    child = os.fork()
    if child == 0:
        with t800.session(enabled=True, session_id="ses_child") as own:
            assert t800.current() is own
            t800.decision("child")
        print(own.path)
        sys.exit(0)
    os.waitpid(child, 0)
""")
    document = read_trace(done.stdout.strip())
    assert document["metadata"]["parent_session_id"] == "ses_parent"
    assert [event["decision_type"] for event in document["events"]] == ["child"]


@needs_fork
def test_in_a_forks_child_the_parents_session_is_not_the_only_open_one(python: Run) -> None:
    python("""
import contextvars, os, t800
trace = t800.session(enabled=True)
assert t800.current() is trace
child = os.fork()
if child == 0:
    # What is inherited goes on, unless the child opens a session itself.
    assert t800.current() is trace
    with t800.session(enabled=True) as own:
        assert contextvars.Context().run(t800.current) is own
    assert t800.current() is trace
    assert trace.path is None
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert t800.current() is trace
""")


@pytest.mark.parametrize("method", ["spawn", "fork", "forkserver"])
def test_processes_of_multiprocessing_record_their_own_sessions(
    python: Run, project: Path, read_trace: Read, method: str
) -> None:
    (project / "worker.py").write_text(
        "import t800\n"
        "def work(n):\n"
        "    with t800.session(enabled=True, session_id=f'ses_{n}') as trace:\n"
        "        trace.decision('inner', outcome=n)\n"
        "    return trace.path\n"
        "if __name__ == '__main__':\n"
        "    import multiprocessing, sys\n"
        "    with t800.session(enabled=True, session_id='ses_parent') as trace:\n"
        "        with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:\n"
        "            print(*pool.map(work, range(4)))\n"
    )
    done = subprocess.run(
        [sys.executable, "worker.py", method],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    paths = done.stdout.split()
    assert len(set(paths)) == 4
    assert sorted(read_trace(path)["events"][0]["outcome"] for path in paths) == [0, 1, 2, 3]


def test_two_processes_with_one_session_id_keep_two_documents(
    python: Run, project: Path, read_trace: Read
) -> None:
    program = "import sys, t800\nwith t800.session(enabled=True, session_id='same') as t:\n    t.decision(sys.argv[1])\nprint(t.path)"
    command = [sys.executable, "-c", program]
    running = [subprocess.Popen([*command, str(n)], stdout=subprocess.PIPE, text=True) for n in range(6)]
    paths = [process.communicate()[0].strip() for process in running]
    assert len(set(paths)) == 6
    assert [read_trace(path)["events"][0]["decision_type"] for path in paths] == [str(n) for n in range(6)]


def test_a_killed_process_leaves_a_document_that_reads(python: Run, read_trace: Read) -> None:
    done = python(
        """
import os, signal, t800
trace = t800.session(enabled=True)
for n in range(1_000):
    trace.decision("x")
trace.flush()
print(trace.path, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
""",
        check=False,
    )
    assert done.returncode == -9
    document = read_trace(done.stdout.strip())
    assert len(document["events"]) == 1_000
    assert json.dumps(document["summary"]["state"]) == '"live"'
