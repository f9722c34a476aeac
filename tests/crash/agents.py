"""Agents that meet a fault: started, led step by step, held against what they were told."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Self

import pytest

from t800 import recovery
from t800.layout import Layout
from t800.system import user_number

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM = str(Path(__file__).with_name("steady.py"))
STRACE = shutil.which("strace")

needs_root = pytest.mark.skipif(user_number() != 0, reason="making this fault needs root")
needs_strace = pytest.mark.skipif(STRACE is None, reason="strace is not installed")


class Outcome(NamedTuple):
    """What became of the events of one agent, once everything was recovered."""

    acknowledged: int
    refused: int
    """Calls that returned None."""
    missing: int
    """Acknowledged and not in the documents."""
    twice: int
    invented: int
    """In the documents, and neither acknowledged nor under way."""
    dropped: int
    """What the documents count as not taken."""

    def check(self) -> None:
        """Nothing lost, nothing twice, and the count of what was not taken is exact."""
        assert (self.missing, self.twice, self.invented) == (0, 0, 0), self
        assert self.dropped == self.refused, self


class Agent:
    """One process of steady.py."""

    def __init__(
        self,
        folder: Path,
        count: int = 200,
        *,
        telemetry: Path | None = None,
        env: dict[str, str] | None = None,
        inside: Sequence[str] = (),
        **options: Any,
    ) -> None:
        self.telemetry, self.told = telemetry or folder / "telemetry", folder / "told"
        self.layout = Layout(str(folder), str(self.telemetry))
        self.told.write_bytes(bytes(count))
        self.errors = folder / "stderr"
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [
                    *inside,
                    sys.executable,
                    "-W",
                    "always",
                    PROGRAM,
                    self.telemetry,
                    self.told,
                    str(count),
                    json.dumps(options),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=os.environ | (env or {}),
                cwd=folder,
            )
        self.tracers: list[subprocess.Popen[bytes]] = []
        self.expect("start")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        for tracer in self.tracers:
            tracer.wait()
        # What nobody has recovered is no other test's concern.
        for ring in Path(os.environ.get("XDG_RUNTIME_DIR", "/nowhere"), "t800").glob(f"ring-*-{self.pid}-*"):
            ring.unlink(missing_ok=True)

    @property
    def pid(self) -> int:
        return self.process.pid

    def expect(self, said: str) -> None:
        """What the agent says next, and nothing else: recording adds nothing to its output."""
        assert _stream(self.process.stdout).readline() == said.encode() + b"\n", self.stderr

    def go(self) -> None:
        """Let the agent take its next step."""
        stream = _stream(self.process.stdin)
        try:
            stream.write(b"\n")
            stream.flush()
        except BrokenPipeError:
            return

    def to(self, *said: str) -> None:
        """Let the agent take these steps."""
        for word in said:
            self.go()
            self.expect(word)

    def walk(self) -> None:
        """Let the agent go on to its end, or to a death that was prepared."""
        for _ in range(5):
            self.go()
        assert self.process.wait(30) in {0, -9}, self.stderr

    def end(self) -> None:
        """The last step: the agent ends as it would without us."""
        self.go()
        assert self.process.wait(30) == 0, self.stderr
        assert _stream(self.process.stdout).read() == b""

    def die(self) -> None:
        """Wait for a death that was prepared, or kill."""
        self.process.kill()
        self.process.wait(30)

    def thread(self, name: str) -> int:
        """The number of one of its threads."""
        for _ in range(200):
            for task in Path(f"/proc/{self.pid}/task").iterdir():
                if task.joinpath("comm").read_text().strip() == name:
                    return int(task.name)
            time.sleep(0.01)
        raise AssertionError(f"no thread {name}")

    def inject(self, thread: int, *rules: str) -> None:
        """Put faults into the system calls of one thread, from now on: `pwrite64:error=ENOSPC:when=2+`."""
        calls = ",".join(rule.partition(":")[0] for rule in rules)
        options = [part for rule in rules for part in ("-e", f"inject={rule}")]
        command = [str(STRACE), "-o", "/dev/null", "-e", f"trace={calls}", *options, "-p", str(thread)]
        tracer = subprocess.Popen(command, stderr=subprocess.PIPE)
        assert tracer.stderr is not None
        with tracer.stderr as said:
            line = said.readline()
        if b"attached" not in line:
            pytest.skip(f"strace cannot attach: {line.decode().strip()}")
        self.tracers.append(tracer)

    def heal(self) -> None:
        """Take all faults away."""
        for tracer in self.tracers:
            tracer.terminate()
            tracer.wait()
        self.tracers.clear()

    @property
    def stderr(self) -> str:
        return self.errors.read_text()

    def check_silence(self) -> None:
        """At most one warning of ours, and nothing of what was recorded in it."""
        said = [line for line in self.stderr.splitlines() if "RuntimeWarning" in line]
        assert len(said) <= 1, self.stderr
        assert "Traceback" not in self.stderr
        assert "x y x y" not in self.stderr

    def outcome(self, *, recover: bool = True) -> Outcome:
        """Hold what is on the disk against what the agent was told, after recovery."""
        if recover:
            report = recovery.recover(self.layout)
            assert report.refused == [], report
            assert recovery.recover(self.layout).documents == [], "recovering again finds nothing"
        return compare(self.told.read_bytes(), documents(self.layout))


def _stream(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream


def documents(layout: Layout) -> list[dict[str, Any]]:
    """Every document of a folder, read as any JSON reader would."""
    folder = Path(layout.traces)
    names = sorted(folder.iterdir()) if folder.is_dir() else []
    return [json.loads(path.read_bytes()) for path in names]


def remove(folder: str | Path) -> None:
    """Remove a folder in which a living process may be making files at this moment."""
    while True:
        try:
            return shutil.rmtree(folder)
        except OSError as error:
            if error.errno != errno.ENOTEMPTY:
                raise


def number(event: dict[str, Any]) -> int:
    """Which of the agent's events this is."""
    given = event.get("parameters_redacted") or event["attributes"]
    return int(given["n"])


def compare(told: bytes, found: list[dict[str, Any]]) -> Outcome:
    """Hold documents against what an agent was told."""
    events = [event for document in found for event in document["events"]]
    for document in found:
        assert document["summary"]["total_events"] == len(document["events"])
    numbers, ids = [number(event) for event in events], [event["event_id"] for event in events]
    acknowledged = {n for n, byte in enumerate(told) if byte == 1}
    refused = {n for n, byte in enumerate(told) if byte == 2}
    under_way = next((n for n, byte in enumerate(told) if byte == 0), len(told))
    return Outcome(
        acknowledged=len(acknowledged),
        refused=len(refused),
        missing=len(acknowledged - set(numbers)),
        twice=len(numbers) - len(set(numbers)) + len(ids) - len(set(ids)),
        invented=len(set(numbers) - acknowledged - {under_way}),
        dropped=sum(document["summary"]["dropped"] for document in found),
    )
