"""Faults of the disk and of the process: the agent sees none of them, and nothing that was acknowledged is lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from agents import STRACE, Agent, documents, needs_strace

pytestmark = needs_strace

EVENT = {"telemetry.durability": "event"}
PLAIN = {"telemetry.privacy.redact_content": False, "telemetry.retention.auto_cleanup": False}
SLOW = {"trace_buffer.flush_interval_ms": 3_600_000, "trace_buffer.max_events": 100_000}
INTERVAL = {"telemetry.durability": "interval", "trace_buffer.flush_interval_ms": 50}


# A disk that refuses what the writer writes


@pytest.mark.parametrize("error", ["ENOSPC", "EIO", "EDQUOT", "EFBIG"])
@pytest.mark.parametrize("when", ["1", "2", "1..3", "2+"])
def test_a_write_that_fails(tmp_path: Path, error: str, when: str) -> None:
    with Agent(tmp_path, every=20) as agent:
        agent.to("open")
        agent.inject(agent.thread("t800-writer"), f"pwrite64:error={error}:when={when}")
        agent.to("recorded")
        agent.heal()
        agent.to("closed")
        agent.end()
        agent.check_silence()
        agent.outcome(recover=False).check()


@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
def test_a_disk_that_refuses_to_the_end(tmp_path: Path, error: str) -> None:
    with Agent(tmp_path, every=50) as agent:
        agent.to("open")
        agent.inject(agent.thread("t800-writer"), f"pwrite64:error={error}", f"ftruncate:error={error}")
        agent.to("recorded", "closed")
        agent.end()
        agent.check_silence()
        assert "could not be written" in agent.stderr
        agent.outcome().check()


@pytest.mark.parametrize("settings", [EVENT, INTERVAL], ids=["event", "interval"])
@pytest.mark.parametrize("when", ["1", "2", "1..3", "1+"])
def test_a_sync_that_fails(tmp_path: Path, settings: dict[str, object], when: str) -> None:
    with Agent(tmp_path, count=60, every=20, settings=settings) as agent:
        agent.to("open")
        agent.inject(
            agent.thread("t800-writer"), f"fdatasync:error=EIO:when={when}", f"fsync:error=EIO:when={when}"
        )
        agent.to("recorded")
        agent.heal()
        agent.to("closed")
        agent.end()
        agent.check_silence()
        agent.outcome(recover=False).check()


def test_a_disk_that_is_slow(tmp_path: Path) -> None:
    with Agent(tmp_path, count=3_000) as agent:
        agent.to("open")
        agent.inject(agent.thread("t800-writer"), "pwrite64:delay_enter=200000")
        agent.to("recorded")
        agent.heal()
        agent.to("closed")
        agent.end()
        assert agent.stderr == ""
        agent.outcome(recover=False).check()


def test_a_disk_that_hangs_keeps_neither_a_close_nor_the_exit(tmp_path: Path) -> None:
    """Ten sessions whose writer does not come back from a write: the agent ends long before the disk does."""
    with Agent(tmp_path, count=300, settings=SLOW, beside=9) as agent:
        agent.to("open")
        agent.inject(agent.thread("t800-writer"), "pwrite64:delay_enter=600000000")
        agent.to("recorded", "closed")
        agent.end()
        agent.check_silence()
        outcome = agent.outcome()
        outcome.check()
        assert outcome.acknowledged == 300


@pytest.mark.parametrize(
    "rule", ["openat:error=EMFILE", "openat:error=ENOSPC", "fchmod:error=EIO", "pwrite64:error=ENOSPC"]
)
@pytest.mark.parametrize("when", ["1", "1..3"])
def test_a_further_part_that_cannot_be_made(tmp_path: Path, rule: str, when: str) -> None:
    with Agent(tmp_path, count=1_200, bytes=16_000, settings=PLAIN) as agent:
        agent.to("open")
        call = rule.partition(":")[0]
        # The writes before are of the first part; the 17th or so is the next one's first.
        agent.inject(
            agent.thread("t800-writer"),
            f"{rule}:when={when}" if call != "pwrite64" else f"{rule}:when=15..25",
        )
        agent.to("recorded")
        agent.heal()
        agent.to("closed")
        agent.end()
        agent.check_silence()
        outcome = agent.outcome()
        outcome.check()
        assert outcome.refused == 0
        assert len(documents(agent.layout)) == 2


@pytest.mark.parametrize("rule", ["fallocate:error=ENOSPC", "mmap:error=ENOMEM"])
def test_a_ring_that_cannot_grow(tmp_path: Path, rule: str) -> None:
    with Agent(tmp_path, count=3_000, bytes=4_000, settings=PLAIN) as agent:
        agent.to("open")
        agent.inject(agent.thread("t800-writer"), "pwrite64:delay_enter=20000")
        agent.inject(agent.thread("t800-keeper"), rule)
        agent.inject(agent.pid, rule)
        agent.to("recorded")
        agent.heal()
        agent.to("closed")
        agent.end()
        assert agent.stderr == ""
        outcome = agent.outcome(recover=False)
        outcome.check()
        assert outcome.acknowledged > 100


# Opening


@pytest.mark.parametrize(
    "rule",
    [
        "openat:error=EMFILE",
        "openat:error=ENOSPC",
        "openat:error=EACCES",
        "fchmod:error=EIO",
        "linkat:error=EPERM",
        "flock:error=ENOLCK",
        "fallocate:error=ENOSPC",
        "fallocate:error=EOPNOTSUPP",
        "mmap:error=ENOMEM",
        "pwrite64:error=ENOSPC",
        "pwrite64:error=EIO",
        "mkdirat:error=ENOSPC",
        "mkdir:error=EROFS",
        "clone3:error=EAGAIN",
    ],
)
def test_an_opening_that_meets_a_fault_at_any_call(tmp_path: Path, rule: str) -> None:
    """Either the session is off, with one warning, or it records; nothing in between."""
    for count in [1, 2, 5, 13, 21]:
        folder = tmp_path / str(count)
        folder.mkdir()
        with Agent(folder, count=30, every=10) as agent:
            agent.inject(agent.pid, f"{rule}:when={count}+")
            agent.to("open")
            agent.heal()
            agent.to("recorded", "closed")
            agent.end()
            agent.check_silence()
            outcome = agent.outcome()
            assert (outcome.missing, outcome.twice, outcome.invented) == (0, 0, 0)
            assert outcome.acknowledged == 30 or (
                outcome.acknowledged == 0 and "recording is off" in agent.stderr
            )


# Death at a system call


OPENING = [
    "pwrite64",
    "openat",
    "linkat",
    "fallocate",
    "fsync",
    "fdatasync",
    "mmap",
    "munmap",
    "flock",
    "close",
    "getdents64",
    "fchmod",
]
WRITING = ["pwrite64", "unlinkat", "fdatasync", "close", "futex"]
DEATHS = [("main", call) for call in OPENING] + [("t800-writer", call) for call in WRITING]


def recording(thread: str, call: str) -> dict[str, Any]:
    """What makes a thread come to a call: the keeper needs much to keep, a sync somebody who wants it."""
    if thread == "t800-keeper":
        return {"count": 600, "bytes": 16_000, "settings": PLAIN}
    return {"count": 150, "settings": EVENT if "sync" in call else None}


@pytest.mark.parametrize(("thread", "call"), [*DEATHS, ("t800-keeper", "fallocate"), ("t800-keeper", "mmap")])
def test_death_at_any_system_call(tmp_path: Path, thread: str, call: str) -> None:
    """SIGKILL as the n-th such call begins, for growing n until the agent lives on."""
    died = 0
    for count in [1, 2, 4, 9]:
        folder = tmp_path / str(count)
        folder.mkdir()
        with Agent(folder, every=10, **recording(thread, call)) as agent:
            if thread != "main":
                agent.to("open")
            task = agent.pid if thread == "main" else agent.thread(thread)
            agent.inject(task, f"{call}:signal=SIGKILL:when={count}")
            agent.walk()
            agent.outcome().check()
            if agent.process.returncode == 0:
                break
            died += 1
    assert died > 0


@pytest.mark.parametrize(
    "call", ["openat", "pwrite64", "write", "fsync", "renameat", "unlinkat", "linkat", "flock"]
)
@pytest.mark.parametrize("fault", ["signal=SIGKILL", "error=ENOSPC"])
def test_recovery_that_meets_a_fault_itself(tmp_path: Path, call: str, fault: str) -> None:
    for count in [1, 2, 4]:
        folder = tmp_path / str(count)
        folder.mkdir()
        with Agent(folder, count=100, settings=SLOW) as agent:
            agent.to("open", "recorded")
            agent.die()
            torn = next(Path(agent.layout.traces).iterdir())
            with torn.open("r+b") as file:
                file.truncate(torn.stat().st_size - 30)
            rule = f"inject={call}:{fault}:when={count}"
            program = "from t800.cli import main; import sys; sys.exit(main())"
            command = [sys.executable, "-c", program, "recover", "--dir", agent.layout.telemetry]
            trace = [
                str(STRACE),
                "-o",
                "/dev/null",
                "-P",
                agent.layout.traces,
                "-P",
                agent.layout.private,
                "-e",
                rule,
            ]
            subprocess.run([*trace, *command], capture_output=True, check=False, timeout=30)
            outcome = agent.outcome()
            outcome.check()
            assert outcome.acknowledged == 100
