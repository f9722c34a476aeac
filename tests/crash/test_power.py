"""The power fails: what was synchronised is there, and that is what each durability promises.

An ext4 file system in a file loses everything that has not reached it, by the request that its own tests use for that.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from agents import Agent, compare, documents, needs_root

from t800 import recovery

pytestmark = needs_root

SHUTDOWN, WITHOUT_LOG_FLUSH = 0x8004587D, 2
INTERVAL_MS = 300


class Disk:
    """A disk whose power can be cut."""

    def __init__(self, folder: Path) -> None:
        self.image, self.place = folder / "image", folder / "disk"
        self.place.mkdir()
        with self.image.open("wb") as file:
            file.truncate(24 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", self.image], check=True, capture_output=True)
        self.mount()

    def mount(self) -> None:
        done = subprocess.run(
            ["mount", "-o", "loop", self.image, self.place], capture_output=True, check=False
        )
        if done.returncode != 0:
            pytest.skip(f"mounting a file is refused: {done.stderr.decode().strip()}")

    def cut(self) -> None:
        """What has not reached the disk by now never will."""
        folder = os.open(self.place, os.O_RDONLY)
        try:
            fcntl.ioctl(folder, SHUTDOWN, WITHOUT_LOG_FLUSH.to_bytes(4, "little"))
        except OSError as error:
            pytest.skip(f"the file system cannot be shut down: {error}")
        finally:
            os.close(folder)

    def turn_read_only(self) -> None:
        """What the system does where a disk has failed."""
        subprocess.run(["mount", "-o", "remount,abort", self.place], check=True, capture_output=True)

    def start_again(self) -> None:
        self.unmount()
        self.mount()

    def unmount(self) -> None:
        subprocess.run(["umount", self.place], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    if shutil.which("mkfs.ext4") is None:
        pytest.skip("mkfs.ext4 is not installed")
    made = Disk(tmp_path)
    yield made
    subprocess.run(["umount", "-l", made.place], check=False, capture_output=True)


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Memory that loses everything with the power."""
    if not os.access("/dev/shm", os.W_OK):
        pytest.skip("there is no /dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="t800-power-", dir="/dev/shm"))
    with monkeypatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("ring", ["auto", "beside"])
@pytest.mark.parametrize("durability", ["interval", "event"])
def test_a_cut_of_the_power(tmp_path: Path, disk: Disk, memory: Path, durability: str, ring: str) -> None:
    settings = {
        "telemetry.durability": durability,
        "telemetry.ring": ring,
        "trace_buffer.flush_interval_ms": INTERVAL_MS,
    }
    count = 100_000
    with Agent(tmp_path, count, telemetry=disk.place / "telemetry", pace=0.0005, settings=settings) as agent:
        agent.to("open")
        agent.go()
        deadline = time.monotonic() + 60
        while (told := agent.told.read_bytes()).count(1) < 100 and time.monotonic() < deadline:
            time.sleep(0.02)
        if durability == "interval":
            # Everything of this moment is one interval old when the power fails; the rest is for a busy machine.
            time.sleep(INTERVAL_MS / 1000 + 1)
        disk.cut()
        agent.die()
        shutil.rmtree(memory / "t800", ignore_errors=True)
        disk.start_again()
        report = recovery.recover(agent.layout)
        assert report.refused == []
        outcome = compare(told, documents(agent.layout))
        assert outcome.acknowledged >= 100
        assert (outcome.missing, outcome.twice) == (0, 0)
        with Agent(tmp_path, telemetry=disk.place / "telemetry") as other:
            other.to("open", "recorded", "closed")
            other.end()


def test_without_durability_a_cut_leaves_nothing_that_recovery_stumbles_over(
    tmp_path: Path, disk: Disk, memory: Path
) -> None:
    with Agent(tmp_path, telemetry=disk.place / "telemetry", every=50) as agent:
        agent.to("open", "recorded")
        # The folders and names reach the disk, the bytes of the documents do not.
        for folder in [agent.layout.traces, agent.layout.private, agent.layout.telemetry, str(disk.place)]:
            handle = os.open(folder, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)
        disk.cut()
        agent.die()
        shutil.rmtree(memory / "t800", ignore_errors=True)
        disk.start_again()
        report = recovery.recover(agent.layout)
        assert report.refused == []
        assert recovery.recover(agent.layout).documents == []
        (document,) = documents(agent.layout)
        assert document["summary"]["state"] == "recovered"


@pytest.mark.parametrize("ring", ["auto", "beside"])
@pytest.mark.parametrize("fault", ["cut", "turn_read_only"])
def test_a_disk_that_dies_under_a_living_agent(
    tmp_path: Path, disk: Disk, memory: Path, fault: str, ring: str
) -> None:
    settings = {"telemetry.ring": ring, "trace_buffer.flush_interval_ms": 50}
    with Agent(tmp_path, 6_000, telemetry=disk.place / "telemetry", pace=0.0001, settings=settings) as agent:
        agent.to("open")
        agent.go()
        time.sleep(0.2)
        os.sync()
        getattr(disk, fault)()
        agent.expect("recorded")
        agent.to("closed")
        agent.end()
        agent.check_silence()
        disk.start_again()
        recovery.recover(agent.layout)
        assert all(document["events"] is not None for document in documents(agent.layout))
