"""A disk, or the memory of the ring, that is full: events wait, come when there is room, and are counted past that."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from agents import Agent, compare, documents, needs_root

pytestmark = needs_root

PLAIN = {"telemetry.privacy.redact_content": False, "telemetry.retention.auto_cleanup": False}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB, and room for what is told beside it."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount(folder, "2m")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def mount(folder: Path, size: str) -> None:
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", folder],
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"mounting a small tmpfs is refused: {done.stderr.decode().strip()}")


def fill(folder: Path) -> Path:
    """A file that takes all the room that is left."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return ballast


def test_events_wait_while_the_disk_is_full_and_come_when_there_is_room(tmp_path: Path, disk: Path) -> None:
    with Agent(tmp_path, count=2_000, telemetry=disk / "telemetry", every=500) as agent:
        agent.to("open")
        ballast = fill(disk)
        agent.to("recorded")
        assert sum(len(document["events"]) for document in documents(agent.layout)) < 2_000
        ballast.unlink()
        agent.to("closed")
        agent.end()
        agent.check_silence()
        outcome = agent.outcome(recover=False)
        outcome.check()
        assert (outcome.acknowledged, outcome.refused) == (2_000, 0)


def test_a_full_disk_gives_its_whole_trace_on_the_standard_output(tmp_path: Path, disk: Path) -> None:
    with Agent(tmp_path, count=5_000, telemetry=disk / "telemetry", bytes=400, settings=PLAIN) as agent:
        agent.to("open")
        ballast = fill(disk)
        agent.to("recorded")
        agent.die()
        program = "from t800.cli import main; import sys; sys.exit(main())"
        command = [sys.executable, "-c", program, "recover", "--dir", agent.layout.telemetry]
        shown = subprocess.run([*command, "--stdout"], capture_output=True, check=True)
        outcome = compare(agent.told.read_bytes(), [json.loads(shown.stdout)])
        outcome.check()
        assert outcome.acknowledged == 5_000
        # Without it recovery says that it cannot, and leaves everything where it is.
        refused = subprocess.run(command, capture_output=True, check=False)
        assert refused.returncode == 1
        assert b"No space left on device" in refused.stdout
        ballast.unlink()
        subprocess.run(["mount", "-o", "remount,size=20m", disk], check=True)
        agent.outcome().check()


# The memory of the ring


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A memory file system for rings alone."""
    folder = tmp_path / "runtime"
    folder.mkdir()
    yield folder
    subprocess.run(["umount", "-l", folder], check=False, capture_output=True)


@pytest.mark.parametrize(("size", "least", "most"), [("128m", 62, 66), ("8m", 5, 10)])
def test_what_the_ring_has_no_room_for_is_counted(
    tmp_path: Path, disk: Path, memory: Path, size: str, least: int, most: int
) -> None:
    """Past 64 MiB, or all the memory that there is."""
    mount(memory, size)
    settings = PLAIN | {"telemetry.privacy.max_value_bytes": 20_000}
    with Agent(
        tmp_path,
        count=6_000,
        telemetry=disk / "telemetry",
        env={"XDG_RUNTIME_DIR": str(memory)},
        bytes=16_000,
        errors=10,
        settings=settings,
    ) as agent:
        agent.to("open")
        ballast = fill(disk)
        agent.to("recorded")
        told = agent.told.read_bytes()
        calls = sum(byte == 1 for n, byte in enumerate(told) if n % 10)
        assert least << 20 < calls * 16_300 < most << 20
        # Errors last: they are still taken when no other event is.
        assert set(told[::10]) == {1}
        ballast.unlink()
        subprocess.run(["mount", "-o", "remount,size=100m", disk], check=True)
        agent.to("closed")
        agent.end()
        agent.check_silence()
        outcome = agent.outcome()
        outcome.check()
        assert outcome.refused > 0


SMALL_SHM = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o size=512k tmpfs /dev/shm && exec "$@"', "sh"]
"""A process whose /dev/shm is full for every ring: in a mount namespace of its own."""


def kind_of_ring(agent: Agent) -> str:
    (document,) = documents(agent.layout)
    return str(document["metadata"]["ring"])


def test_a_ring_whose_memory_is_full_lies_beside(tmp_path: Path, memory: Path) -> None:
    mount(memory, "512k")
    with Agent(tmp_path, env={"XDG_RUNTIME_DIR": str(memory)}, inside=SMALL_SHM) as agent:
        agent.to("open")
        assert kind_of_ring(agent) == "beside"
        assert list(memory.glob("t800/ring-*")) == []
        agent.to("recorded", "closed")
        agent.end()
        assert agent.stderr == ""
        agent.outcome(recover=False).check()


def test_without_any_memory_that_outlives_it_each_event_is_written_at_once(
    tmp_path: Path, memory: Path, disk: Path
) -> None:
    mount(memory, "512k")
    ballast = fill(disk)
    ballast.write_bytes(bytes(1 << 20))
    env = {"XDG_RUNTIME_DIR": str(memory)}
    with Agent(tmp_path, telemetry=disk / "telemetry", env=env, inside=SMALL_SHM) as agent:
        agent.to("open")
        assert kind_of_ring(agent) == "heap"
        agent.to("recorded")
        # Nobody has asked for a flush.
        while len(documents(agent.layout)[0]["events"]) < 200:
            time.sleep(0.01)
        agent.to("closed")
        agent.end()
        agent.outcome(recover=False).check()


@pytest.mark.parametrize("size", ["2200k", "4m", "8m"])
def test_a_ring_that_cannot_grow_goes_round(tmp_path: Path, memory: Path, size: str) -> None:
    mount(memory, size)
    env = {"XDG_RUNTIME_DIR": str(memory)}
    with Agent(tmp_path, count=3_000, bytes=8_000, pace=0.0002, env=env, settings=PLAIN) as agent:
        agent.to("open")
        assert kind_of_ring(agent) == "memory"
        agent.to("recorded", "closed")
        agent.end()
        assert agent.stderr == ""
        outcome = agent.outcome(recover=False)
        outcome.check()
        assert outcome.acknowledged > 1_000
        # The last ones, long after the memory was full for the first time, are not all refused.
        assert agent.told.read_bytes()[2_000:].count(1) > 0


def test_nothing_is_lost_with_a_ring_that_cannot_grow(
    tmp_path: Path, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mount(memory, "3m")
    env = {"XDG_RUNTIME_DIR": str(memory)}
    with Agent(tmp_path, count=2_000, bytes=8_000, env=env, settings=PLAIN) as agent:
        agent.to("open", "recorded")
        agent.die()
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(memory))
        agent.outcome().check()
