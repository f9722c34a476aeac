"""What a killed process leaves behind, damaged further: `t800 recover`, and what the reader reads then."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from t800 import reader, recovery
from t800.layout import Layout, telemetry_dir

sys.path.insert(0, str(Path(__file__).parent))
from agents import STRACE, needs_strace

Run = Callable[..., subprocess.CompletedProcess[str]]

# Put together here, so that no scanner takes them for real ones.
SECRETS = ("hunter2" + "-hunter2", "glpat-" + "x7Kq2mZp9Rt4Wv8Yb3Nc")
DIES = """
import os, signal, sys, t800
ring, password, token = sys.argv[1:]
trace = t800.session(agent="crasher", enabled=True, settings={"telemetry.ring": ring})
for n in range(3):
    trace.tool_call("bash", {"command": f"login --password={password} {n}"}, duration_ms=1)
assert trace.flush()
for n in range(3, 5):
    trace.decision("why", outcome=f"the token {token} was refused, {n}")
with trace.tool("bash", {"command": "deploy", "env": {"API_TOKEN": token}}):
    os.kill(os.getpid(), signal.SIGKILL)
"""
RECOVER = "import sys; from t800.cli import main; sys.exit(main(['recover']))"
IDS = [f"evt_{n:03}" for n in range(1, 7)]
FLUSHED = 3


def die(ring: str) -> Layout:
    """The telemetry folder of the working directory, as a killed process has left it."""
    done = subprocess.run([sys.executable, "-c", DIES, ring, *SECRETS], timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    return telemetry_dir()


def rings(layout: Layout) -> list[Path]:
    """The rings of a telemetry folder, wherever they lie."""
    folders = [Path(layout.private), Path(os.environ["XDG_RUNTIME_DIR"], "t800")]
    return [path for folder in folders if folder.is_dir() for path in folder.glob("ring-*")]


def ids(layout: Layout) -> list[str]:
    """The ids of all events, as the reader gives them."""
    return [event["event_id"] for trace in reader.sessions(layout) for event in trace.events()]


@pytest.fixture
def damaged(project: Path) -> Callable[[], tuple[Path, Path]]:
    """Lays the killed process's folder out again and again: its document and its ring."""
    layout, kept = die("beside"), project.parent / "kept"
    shutil.copytree(layout.telemetry, kept)

    def lay_out() -> tuple[Path, Path]:
        shutil.rmtree(layout.telemetry)
        shutil.copytree(kept, layout.telemetry)
        (document,) = Path(layout.traces).iterdir()
        (ring,) = Path(layout.private).glob("ring-*")
        return document, ring

    return lay_out


def test_a_document_that_is_cut_off(damaged: Callable[[], tuple[Path, Path]]) -> None:
    size = damaged()[0].stat().st_size
    for cut in range(0, size, 89):
        document, _ = damaged()
        lines = document.read_bytes()[:cut].count(b"\n") - 1
        os.truncate(document, cut)
        assert recovery.recover(telemetry_dir()).refused == []
        found = ids(telemetry_dir())
        assert set(found) >= {*IDS[: max(0, min(lines, FLUSHED))], *IDS[FLUSHED:]}, cut
        assert sorted(set(found)) == sorted(found), cut
        assert set(found) <= set(IDS), cut


def test_a_ring_that_is_cut_off_or_overwritten(damaged: Callable[[], tuple[Path, Path]]) -> None:
    _, ring = damaged()
    used = len(ring.read_bytes().rstrip(b"\0"))
    for at in range(0, used, used // 40):
        for fill in (b"", b"\0", b"\xff"):
            _, ring = damaged()
            before = ring.read_bytes()
            ring.write_bytes(before[:at] + (fill * 512 + before[at + 512 :] if fill else b""))
            recovery.recover(telemetry_dir())
            found = ids(telemetry_dir())
            assert found[:FLUSHED] == IDS[:FLUSHED], (at, fill)
            assert found == sorted(set(found)), (at, fill)
            assert set(found) <= set(IDS), (at, fill)


@needs_strace
def test_a_recovery_that_is_killed_is_done_again(damaged: Callable[[], tuple[Path, Path]]) -> None:
    for call in ("fsync", "/^rename", "unlinkat"):
        damaged()
        strace = [str(STRACE), "-f", "-qq", "-o", os.devnull, "-e", f"inject={call}:signal=SIGKILL:when=1"]
        environ = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-c", RECOVER]
        killed = subprocess.run([*strace, *command], env=environ, timeout=120, check=False)
        assert killed.returncode in {-signal.SIGKILL, 128 + signal.SIGKILL}, call
        again = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert (again.returncode, again.stderr) == (0, ""), call
        assert ids(telemetry_dir()) == IDS, call
        assert list(Path(telemetry_dir().private).glob("ring-*")) == []
        assert recovery.recover(telemetry_dir()).documents == []


@pytest.mark.parametrize("ring", ["auto", "beside"])
def test_no_secret_is_in_what_is_left(project: Path, ring: str) -> None:
    layout = die(ring)
    left = rings(layout)
    assert left != []
    for path in (*left, *(path for path in project.rglob("*") if path.is_file())):
        data = path.read_bytes()
        assert not [secret for secret in SECRETS if secret.encode() in data], path
    # The ring does hold the events, redacted.
    assert any(b"the token [REDACTED] was refused, 4" in path.read_bytes() for path in left)
    assert recovery.recover(layout).refused == []
    assert ids(layout) == IDS
    text = b"".join(path.read_bytes() for path in project.rglob("*") if path.is_file())
    assert not [secret for secret in SECRETS if secret.encode() in text]
