"""Children of every kind, exec, signals, `t800 run`: each process has documents of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.crash.families import Document, child_of, documents, layout_of, told

from t800 import reader, recovery

Run = Callable[..., subprocess.CompletedProcess[str]]
T800 = [sys.executable, "-P", "-c", "import sys; from t800.cli import main; sys.exit(main())"]


# multiprocessing

WORKER = """
import multiprocessing, os, sys, t800
from concurrent.futures import ProcessPoolExecutor

def inherited(n):
    t800.decision("work", outcome=n)
    return os.getpid()

def own(n):
    trace = t800.session(enabled=True, session_id=f"ses_own_{os.getpid()}_{n}")
    trace.decision("work", outcome=n)
    return os.getpid()

def main(method, how, work):
    work, context = globals()[work], multiprocessing.get_context(method)
    if how == "process":
        processes = [context.Process(target=work, args=(n,)) for n in range(8)]
        [process.start() for process in processes]
        [process.join() for process in processes]
    elif how == "executor":
        with ProcessPoolExecutor(2, mp_context=context) as pool:
            list(pool.map(work, range(8)))
    else:
        with context.Pool(2) as pool:
            pool.map(work, range(8), chunksize=1)

if __name__ == "__main__":
    with t800.session(enabled=True, session_id="ses_parent") as trace:
        main(*sys.argv[1:])
"""


def work(project: Path, *arguments: str) -> dict[str, Document]:
    (project / "worker.py").write_text(WORKER)
    done = subprocess.run(
        [sys.executable, "worker.py", *arguments],
        cwd=project, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return documents(project)


@pytest.mark.parametrize("how", ["process", "executor", "pool"])
def test_workers_that_inherit_a_session_record_their_part(project: Path, how: str) -> None:
    found = work(project, "fork", how, "inherited")
    assert told(found.pop("ses_parent")) == []
    outcomes = [e["outcome"] for d in found.values() for e in d["events"]]
    assert sorted(outcomes) == list(range(8))
    assert {d["metadata"]["parent_session_id"] for d in found.values()} == {"ses_parent"}
    # A pool is terminated at its end: such workers are recovered when the parent exits.
    states = {"recovered", "closed"} if how == "pool" else {"closed"}
    assert {d["summary"]["state"] for d in found.values()} <= states


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize("how", ["process", "executor"])
def test_sessions_that_workers_leave_open_are_closed(project: Path, method: str, how: str) -> None:
    found = work(project, method, how, "own")
    found.pop("ses_parent")
    assert sorted(e["outcome"] for d in found.values() for e in d["events"]) == list(range(8))
    assert {d["summary"]["state"] for d in found.values()} == {"closed"}


# Children by other ways


def test_a_subprocess_is_of_the_family(python: Run, project: Path) -> None:
    python("""
        import subprocess, sys, t800
        child = "import t800\\nwith t800.session(enabled=True, session_id='ses_child') as t: t.decision('x')"
        with t800.session(enabled=True, session_id="ses_parent") as trace:
            subprocess.run([sys.executable, "-c", child], env=trace.child_env(), check=True)
            subprocess.run([sys.executable, "-c", child.replace("child", "other")], check=True)
    """)
    found = documents(project)
    assert found["ses_child"]["metadata"]["parent_session_id"] == "ses_parent"
    assert "parent_session_id" not in found["ses_other"]["metadata"]


@pytest.mark.parametrize(
    "again", ["import t800; t800.session(enabled=True, session_id='ses_second').close()", ""]
)
def test_exec_in_place_loses_nothing(python: Run, project: Path, again: str) -> None:
    python(
        """
        import os, sys, t800
        trace = t800.session(enabled=True, session_id="ses_first")
        trace.tool("open", {"n": 0})
        for n in range(1_000):
            trace.decision(str(n))
        os.execv(sys.executable, [sys.executable, "-c", sys.argv[1]])
        """,
        again,
    )
    if not again:
        recovery.recover(layout_of(project))
    found = documents(project)
    assert told(found["ses_first"]) == [str(n) for n in range(1_000)]
    assert found["ses_first"]["summary"]["interrupted"] == 1
    assert len(found) == 1 + bool(again)


def test_daemon_threads_record_until_the_end(python: Run, project: Path) -> None:
    done = python("""
        import threading, time, t800
        trace = t800.session(enabled=True, session_id="ses_x")
        counts = [0, 0]
        def work(thread):
            for _ in range(20_000):  # one file's worth, where the main thread comes late
                if trace.decision("x") is not None:
                    counts[thread] += 1
            time.sleep(3600)
        for n in range(2):
            threading.Thread(target=work, args=(n,), daemon=True).start()
        while min(counts) < 100:
            time.sleep(0.001)
        print(sum(counts))
    """)
    document = documents(project)["ses_x"]
    assert len(document["events"]) >= int(done.stdout)
    assert document["summary"]["state"] in {"closed", "recovered"}


def test_signal_handlers_record_while_a_call_is_recording(python: Run, project: Path) -> None:
    done = python("""
        import os, signal, t800
        trace = t800.session(enabled=True, session_id="ses_x")
        handled = 0
        def handler(*_):
            global handled
            handled += 1
            trace.decision("signal")
            with trace.tool("in the handler"):
                pass
            trace.flush(0.01)
            if n < 300 or handled < 40:
                # Only now: on a busy machine the next one would come before this one is done, and so on for ever.
                signal.setitimer(signal.ITIMER_REAL, 0.001)
        signal.signal(signal.SIGALRM, handler)
        class Slow:
            def __str__(self):
                # The handler runs here, in the middle of the walk.
                os.kill(os.getpid(), signal.SIGALRM)
                return "slow"
        n = 0
        signal.setitimer(signal.ITIMER_REAL, 0.001)
        while n < 300 or handled < 40:
            with trace.tool("call", {"v": Slow(), "n": n}):
                n += 1
        signal.setitimer(signal.ITIMER_REAL, 0)
        print(n, handled)
    """)
    calls, handled = map(int, done.stdout.split())
    document = documents(project)["ses_x"]
    names = [e.get("tool", e["type"]) for e in document["events"]]
    assert names.count("call") == calls
    assert names.count("decision") == names.count("in the handler") == handled
    assert document["summary"]["dropped"] == 0


def test_sys_exit_in_a_thread_ends_that_thread_only(python: Run, project: Path) -> None:
    python("""
        import sys, threading, t800
        with t800.session(enabled=True, session_id="ses_x") as trace:
            def work():
                with trace.tool("leaves"):
                    sys.exit(3)
            thread = threading.Thread(target=trace.bind(work))
            thread.start()
            thread.join()
            trace.decision("after")
    """)
    document = documents(project)["ses_x"]
    call, after = document["events"]
    assert (call["tool"], call["interrupted"], call["success"]) == ("leaves", True, None)
    assert after["decision_type"] == "after"
    assert document["summary"]["errors"] == 0


def test_a_subinterpreter_is_refused_clearly(python: Run) -> None:
    done = python("""
        import sys
        try:
            import _interpreters as interpreters
        except ImportError:
            import _xxsubinterpreters as interpreters
        program = f"import sys; sys.path[:] = {sys.path!r}\\ntry:\\n import t800\\nexcept ImportError as e: print(e)"
        for _ in range(2):
            inner = interpreters.create()
            interpreters.run_string(inner, program)
            interpreters.destroy(inner)
        import t800
        with t800.session(enabled=True) as trace:
            assert trace.decision("x") == "evt_001"
        print("end")
    """)
    assert done.stdout.splitlines()[-1] == "end"
    assert done.stdout.count("subinterpreter") == 2, done.stdout


# t800 run


def run(project: Path, source: str, **environ: str) -> subprocess.CompletedProcess[str]:
    (project / "program.py").write_text(textwrap.dedent(source))
    done = subprocess.run(
        [*T800, "run", "--quiet", "program.py"],
        cwd=project, capture_output=True, text=True, timeout=60, check=False, env=os.environ | environ,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return done


CHILD = "import t800; t800.session(enabled=True, session_id='ses_child').decision('x')"


@pytest.mark.parametrize(
    "own", ["with t800.session() as trace: trace.decision('own')", "t800.decision('own')", ""]
)
def test_children_of_a_run_name_it(project: Path, own: str) -> None:
    run(
        project,
        f"""
        import os, subprocess, sys, t800
        before = dict(os.environ)
        subprocess.run([sys.executable, "-c", {CHILD!r}], check=True)
        {own}
        assert os.environ == before
        """,
    )
    found = documents(project)
    child = found.pop("ses_child")
    ((session_id, document),) = found.items()
    assert child["metadata"]["parent_session_id"] == session_id
    assert "parent_session_id" not in document["metadata"]


def test_a_run_in_a_run_names_the_outer_one(project: Path) -> None:
    (project / "inner.py").write_text(
        "import t800\nt800.decision('inner')\nt800.session().decision('second')\n"
    )
    run(
        project,
        f"""
        import subprocess
        subprocess.run([*{T800!r}, "run", "--quiet", "inner.py"], check=True)
        """,
    )
    found = documents(project)
    (outer,) = [d for d in found.values() if "parent_session_id" not in d["metadata"]]
    inner = child_of(found, outer["session_id"])
    assert told(inner)[0] == "inner"
    assert told(child_of(found, inner["session_id"])) == ["second"]


def test_a_run_whose_program_names_its_session_keeps_its_family(project: Path) -> None:
    run(
        project,
        f"""
        import subprocess, sys, t800
        with t800.session(session_id="ses_mine") as trace:
            subprocess.run([sys.executable, "-c", {CHILD!r}], check=True)
            trace.decision("own")
        """,
    )
    assert set(documents(project)) == {"ses_mine", "ses_child"}
    layout = layout_of(project)
    (mine,) = [trace for trace in reader.sessions(layout) if trace.session_id == "ses_mine"]
    assert [trace.session_id for trace in reader.family(layout, mine)] == ["ses_child"]


def test_forks_of_a_run_are_its_children(project: Path) -> None:
    run(
        project,
        """
        import os, sys, t800
        for records in (True, False):
            child = os.fork()
            if child == 0:
                if records:
                    t800.decision("child")
                sys.exit(0)
            assert os.waitpid(child, 0)[1] == 0
        t800.decision("parent")
        if os.fork() == 0:
            t800.decision("heir")
            sys.exit(0)
        assert os.wait()[1] == 0
        """,
    )
    found = documents(project)
    (parent,) = [d for d in found.values() if "parent_session_id" not in d["metadata"]]
    assert told(parent) == ["parent"]
    others = [d for d in found.values() if d is not parent]
    assert sorted(map(told, others)) == [["child"], ["heir"]]
    assert {d["metadata"]["parent_session_id"] for d in others} == {parent["session_id"]}


# One id, two processes


def test_two_processes_with_one_session_id_in_one_second(project: Path) -> None:
    program = textwrap.dedent("""
        import sys, time, t800
        time.time_ns = lambda: 1_768_473_000_000_000_000
        trace = t800.session(enabled=True, session_id="same")
        print("open", flush=True)
        sys.stdin.readline()
        for n in range(2_000):
            trace.tool_call("t", {"process": sys.argv[1], "n": n})
    """)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(n)],
            cwd=project, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for n in range(2)
    ]  # fmt: skip
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
    for process in processes:
        process.communicate("\n")
        assert process.returncode == 0
    layout = layout_of(project)
    names = sorted(os.listdir(layout.traces))
    assert names == ["2026-01-15_10-30-00_same-2.json", "2026-01-15_10-30-00_same.json"]
    for name in names:
        events = json.loads(Path(layout.traces, name).read_bytes())["events"]
        assert [e["event_id"] for e in events] == [f"evt_{n:03}" for n in range(1, 2_001)]
        assert [e["parameters_redacted"]["n"] for e in events] == list(range(2_000))
        assert len({e["parameters_redacted"]["process"] for e in events}) == 1
    # The reader tells them apart by their files; both are what their headers say.
    found = {trace.id_in_name: trace for trace in reader.sessions(layout)}
    assert set(found) == {"same", "same-2"}
    assert [sum(1 for _ in trace.events()) for trace in found.values()] == [2_000, 2_000]
    assert {trace.session_id for trace in found.values()} == {"same"}
    for name in found:
        assert reader.resolve(layout, name).stem == f"2026-01-15_10-30-00_{name}"
    done = subprocess.run(
        [*T800, "validate"], cwd=project, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
