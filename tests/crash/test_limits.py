"""Limits of the process: descriptors, file sizes, address space, memory, calls that are forbidden."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from agents import Agent, documents, needs_root

Run = Callable[..., subprocess.CompletedProcess[str]]

PLAIN = {"telemetry.privacy.redact_content": False, "telemetry.retention.auto_cleanup": False}


def limit(agent: Agent, what: int, soft: int) -> None:
    """Set a limit of a running process; the hard one stays, so that it can be lifted again."""
    _, hard = resource.prlimit(agent.pid, what)
    resource.prlimit(agent.pid, what, (hard if soft < 0 else soft, hard))


def check_all_or_nothing(agent: Agent, count: int) -> None:
    """Either everything was recorded, or recording was off and said why."""
    agent.check_silence()
    outcome = agent.outcome()
    assert (outcome.missing, outcome.twice, outcome.invented) == (0, 0, 0)
    assert outcome.acknowledged == count or (outcome.acknowledged == 0 and "recording is off" in agent.stderr)


@pytest.mark.parametrize("size", [1, 1_000, 10_000, 30_000])
def test_files_that_may_not_grow(tmp_path: Path, size: int) -> None:
    """EFBIG comes after a write that was cut short: a real one."""
    with Agent(tmp_path, every=20) as agent:
        agent.to("open")
        limit(agent, resource.RLIMIT_FSIZE, size)
        agent.to("recorded")
        (document,) = documents(agent.layout)
        assert len(document["events"]) < 200
        limit(agent, resource.RLIMIT_FSIZE, -1)
        agent.to("closed")
        agent.end()
        agent.check_silence()
        outcome = agent.outcome(recover=False)
        outcome.check()
        assert outcome.acknowledged == 200


@pytest.mark.parametrize("free", [0, 1, 2, 3, 5, 8])
def test_descriptors_that_run_out_before_the_session(tmp_path: Path, free: int) -> None:
    with Agent(tmp_path, count=50) as agent:
        limit(agent, resource.RLIMIT_NOFILE, len(os.listdir(f"/proc/{agent.pid}/fd")) + free)
        agent.to("open", "recorded", "closed")
        agent.end()
        check_all_or_nothing(agent, 50)


def test_descriptors_that_run_out_under_many_sessions(python: Run, project: Path) -> None:
    """Documents are closed and opened again between flushes once there are many: that fails for a while here."""
    done = python(
        """
        import resource, t800
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
        traces = [t800.session(enabled=True, session_id=f"s{n}") for n in range(100)]
        assert all(trace.enabled for trace in traces)
        resource.setrlimit(resource.RLIMIT_NOFILE, (20, hard))
        for n in range(20):
            for trace in traces:
                assert trace.tool_call("read", {"n": n}) is not None
            traces[0].flush(0.2)
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
        assert all(trace.close() for trace in traces)
        """
    )
    assert done.stderr.count("RuntimeWarning") <= 100
    paths = sorted((project / ".opencode/telemetry/traces").iterdir())
    assert len(paths) == 100
    for path in paths:
        events = json.loads(path.read_bytes())["events"]
        assert [event["parameters_redacted"]["n"] for event in events] == list(range(20))


@pytest.mark.parametrize("megabytes", [2, 3, 4, 6, 8, 12, 16, 24, 48])
def test_address_space_that_runs_out(tmp_path: Path, megabytes: int) -> None:
    """Mapping is refused first, then memory of the heap; the agent lives on. Python itself needs a megabyte at a time."""
    with Agent(tmp_path, count=50) as agent:
        used = int(Path(f"/proc/{agent.pid}/statm").read_text().split()[0]) * resource.getpagesize()
        limit(agent, resource.RLIMIT_AS, used + (megabytes << 20))
        agent.to("open")
        agent.to("recorded", "closed")
        agent.end()
        check_all_or_nothing(agent, 50)


def test_mapping_that_is_forbidden(python: Run, read_trace: Callable[..., dict[str, object]]) -> None:
    """A filter refuses shared mappings: the ring is in the heap then, and each event is written at once."""
    done = python(
        """
        import ctypes, platform, struct, sys, time, json, t800
        from t800 import config, layout
        ARCH, MMAP = {"x86_64": (0xC000003E, 9), "aarch64": (0xC00000B7, 222)}[platform.machine()]
        refuse, allow, flags, shared = 0x00050001, 0x7FFF0000, 16 + 3 * 8, 1
        code = [(0x20, 0, 0, 4), (0x15, 0, 4, ARCH), (0x20, 0, 0, 0), (0x15, 0, 2, MMAP),
                (0x20, 0, 0, flags), (0x45, 1, 0, shared), (6, 0, 0, allow), (6, 0, 0, refuse)]
        program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in code))
        kept = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(code), ctypes.addressof(program)))
        prctl = ctypes.CDLL(None).prctl
        prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
        if prctl(38, 1, 0, 0, 0) or prctl(22, 2, ctypes.addressof(kept), 0, 0):
            sys.exit(99)
        trace = t800.session(enabled=True)
        trace.tool_call("read")
        for _ in range(1_000):
            time.sleep(0.01)
            if len(json.load(open(trace.path))["events"]) == 1:
                break
        else:
            sys.exit("it was not written at once")
        trace.close()
        print(trace.path)
        """,
        check=False,
    )
    if done.returncode == 99:
        pytest.skip("seccomp filters are refused here")
    assert done.returncode == 0, done.stderr
    assert read_trace(done.stdout.strip())["metadata"]["ring"] == "heap"  # type: ignore[index]


@pytest.fixture
def cgroup() -> Iterator[Path]:
    """A control group whose processes have 96 MiB of memory."""
    folder = Path(f"/sys/fs/cgroup/memory/t800-{os.getpid()}")
    try:
        folder.mkdir()
        folder.joinpath("memory.limit_in_bytes").write_text(str(96 << 20))
    except OSError as error:
        pytest.skip(f"there is no control group of memory to make: {error.strerror}")
    yield folder
    folder.rmdir()


@needs_root
def test_a_death_for_lack_of_memory(tmp_path: Path, cgroup: Path) -> None:
    with Agent(
        tmp_path, count=5_000, then="eat", settings={"trace_buffer.flush_interval_ms": 60_000}
    ) as agent:
        cgroup.joinpath("cgroup.procs").write_text(str(agent.pid))
        agent.to("open", "recorded")
        agent.go()
        assert agent.process.wait(30) == -9
        outcome = agent.outcome()
        outcome.check()
        assert outcome.acknowledged == 5_000
