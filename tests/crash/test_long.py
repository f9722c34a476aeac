"""Long and hard: readers beside a writer that never pauses, sessions of many events, writers that cannot keep up."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from agents import Agent, documents, needs_strace

from t800 import reader, recovery
from t800.layout import Layout

Run = Callable[..., subprocess.CompletedProcess[str]]

PLAIN = {"telemetry.privacy.redact_content": False, "telemetry.retention.auto_cleanup": False}


@pytest.mark.parametrize("reads", [500, pytest.param(100_000, marks=pytest.mark.full)])
def test_reading_beside_a_writer_that_never_pauses(tmp_path: Path, reads: int) -> None:
    """Every read gives events from the first to some last one, and at least those that an earlier read gave."""
    telemetry = tmp_path / "telemetry"
    program = """
        import sys, t800
        # Sessions one after the other, each of them written once for every event.
        while True:
            with t800.session(enabled=True, dir=sys.argv[1]) as trace:
                for n in range(1_000):
                    trace.tool_call("read", {"n": n})
                    trace.flush()
    """
    layout, done, damaged = Layout(str(tmp_path), str(telemetry)), 0, 0
    writer = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program), str(telemetry)])
    try:
        while done < reads:
            assert writer.poll() is None
            if not Path(layout.traces).is_dir():
                continue
            for trace in reader.sessions(layout):
                known = 0
                while trace.live and done < reads:
                    ids = [event["event_id"] for event in trace.events()]
                    assert ids == [f"evt_{n:03}" for n in range(1, len(ids) + 1)]
                    assert len(ids) >= known
                    damaged, done, known = damaged + len(trace.damage), done + 1, len(ids)
                # Over and read: many of them would be listed for longer than one lives.
                for part in trace.parts:
                    Path(part.path).unlink(missing_ok=True)
        assert damaged == 0
    finally:
        writer.kill()
        writer.wait()
        recovery.recover(layout)


@pytest.mark.parametrize("count", [300_000, pytest.param(10_000_000, marks=pytest.mark.full)])
def test_a_session_of_many_events(python: Run, project: Path, count: int) -> None:
    """Memory and descriptors stay where they were; the parts are whole, and every id is there once, in order."""
    done = python(
        """
        import os, sys, t800
        def used():
            status = dict(line.split(":", 1) for line in open("/proc/self/status"))
            return int(status["RssAnon"].split()[0]), len(os.listdir("/proc/self/fd"))
        count = int(sys.argv[1])
        trace = t800.session(enabled=True, settings={"telemetry.retention.auto_cleanup": False})
        for n in range(count):
            if trace.decision("step") is None:
                sys.exit(f"number {n} was not taken")
            if n % 5_000 == 0:
                assert trace.flush(60)
            if n == count // 10:
                before = used()
        after = used()
        assert trace.close()
        print(*before, *after)
        """,
        str(count),
        timeout=1_200,
    )
    memory, files, memory_after, files_after = map(int, done.stdout.split())
    assert memory_after < memory + 8_192
    assert files_after == files
    (trace,) = reader.sessions(Layout(str(project), str(project / ".opencode/telemetry")))
    assert len(trace.parts) > 1
    expected = 0
    for part in trace.parts:
        number = 0
        for event in trace.part_events(part):
            number, expected = number + 1, expected + 1
            assert event["event_id"] == f"evt_{expected:03}"
        assert part.size <= 16 << 20
        closing = part.closing()
        assert closing is not None
        assert (closing["total_events"], closing["state"], closing["dropped"]) == (number, "closed", 0)
    assert expected == count
    assert trace.damage == []


@needs_strace
def test_callers_that_are_faster_than_the_disk(tmp_path: Path) -> None:
    """Four threads flat out while a write hangs: what does not fit into 64 MiB is refused, errors last, and counted."""
    count = 8_000
    settings = PLAIN | {"telemetry.privacy.max_value_bytes": 20_000}
    with Agent(tmp_path, count, bytes=16_000, errors=50, threads=4, settings=settings) as agent:
        agent.to("open")
        agent.inject(agent.thread("t800-writer"), "pwrite64:delay_enter=60000000")
        agent.to("recorded")
        told = agent.told.read_bytes()
        calls = sum(byte == 1 for n, byte in enumerate(told) if n % 50)
        assert 60 << 20 < calls * 16_300 < 66 << 20
        assert all(told[n] == 1 for n in range(0, count, 50)), "errors are still taken"
        agent.heal()
        agent.to("closed")
        agent.end()
        assert agent.stderr == ""
        outcome = agent.outcome()
        outcome.check()
        assert outcome.refused == told.count(2) > 0
        by_type = [document["summary"]["by_type"] for document in documents(agent.layout)]
        assert sum(types.get("error", 0) for types in by_type) == count // 50
