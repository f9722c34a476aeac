"""Folders and files that change under a living agent, and places that are not ours to write."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from agents import Agent, needs_root, remove

import t800
from t800 import reader

Run = Callable[..., subprocess.CompletedProcess[str]]


def only(folder: str) -> Path:
    (path,) = Path(folder).iterdir()
    return path


@pytest.mark.parametrize("removed", ["traces", "private", "telemetry"])
def test_a_folder_that_is_removed(tmp_path: Path, removed: str) -> None:
    with Agent(tmp_path, every=10) as agent:
        agent.to("open")
        remove(getattr(agent.layout, removed))
        agent.to("recorded")
        (trace,) = reader.sessions(agent.layout)
        assert trace.live, "its mark is there again"
        agent.to("closed")
        agent.end()
        assert agent.stderr == ""
        outcome = agent.outcome(recover=False)
        outcome.check()
        assert outcome.acknowledged == 200


@pytest.mark.parametrize("ring", ["auto", "beside"])
def test_death_after_the_private_folder_was_removed(tmp_path: Path, ring: str) -> None:
    """A ring that nobody would find is no place for an event: each one is written at once."""
    with Agent(tmp_path, every=100, settings={"telemetry.ring": ring}) as agent:
        agent.to("open")
        remove(agent.layout.private)
        agent.to("recorded")
        agent.die()
        outcome = agent.outcome()
        outcome.check()
        assert outcome.acknowledged == 200


@pytest.mark.parametrize("other", ["link", "dangling", "folder", "file", "copy"])
@pytest.mark.parametrize("when", ["open", "recorded"])
def test_something_else_in_the_place_of_the_document(tmp_path: Path, other: str, when: str) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"untouched")
    with Agent(tmp_path, every=10) as agent:
        agent.to("open")
        if when == "recorded":
            agent.to("recorded")
        path = only(agent.layout.traces)
        content = path.read_bytes()
        path.unlink()
        if other == "link":
            path.symlink_to(victim)
        elif other == "dangling":
            path.symlink_to(tmp_path / "nowhere")
        elif other == "folder":
            path.mkdir()
        else:
            path.write_bytes(content if other == "copy" else b"somebody's own")
            path.chmod(0o600)
        agent.to(*(["recorded"] if when == "open" else []), "closed")
        agent.end()
        assert agent.stderr == ""
        assert victim.read_bytes() == b"untouched"
        assert not (tmp_path / "nowhere").exists()
        if other != "copy":
            path.rmdir() if other == "folder" else path.unlink()
        outcome = agent.outcome()
        outcome.check()
        assert outcome.acknowledged == 200


def test_a_recovery_that_took_the_session_for_dead(tmp_path: Path) -> None:
    """Its mark was removed and not yet renewed: what recovery has written stays, the rest follows in a part."""
    with Agent(tmp_path, count=400, every=10) as agent:
        agent.to("open")
        remove(agent.layout.private)
        agent.outcome()
        agent.to("recorded", "closed")
        agent.end()
        outcome = agent.outcome()
        outcome.check()
        assert outcome.acknowledged == 400
        (trace,) = reader.sessions(agent.layout)
        assert len(list(trace.events())) == 400


@needs_root
@pytest.mark.parametrize("name", ["telemetry", "traces", "private"])
def test_a_folder_of_another_user(tmp_path: Path, name: str) -> None:
    with Agent(tmp_path) as agent:
        agent.to("open", "recorded", "closed")
        agent.end()
        os.chown(getattr(agent.layout, name), 4711, 4711)
        before = sorted(path.name for path in Path(agent.layout.traces).iterdir())
    with Agent(tmp_path) as agent:
        agent.to("open", "recorded", "closed")
        agent.end()
        agent.check_silence()
        assert "another user" in agent.stderr
        assert agent.told.read_bytes().count(2) == 200
        assert sorted(path.name for path in Path(agent.layout.traces).iterdir()) == before


@pytest.mark.parametrize("name", ["telemetry", "traces", "private"])
def test_a_link_in_the_place_of_a_folder(tmp_path: Path, name: str) -> None:
    target = tmp_path / "target"
    target.mkdir()
    with Agent(tmp_path) as agent:
        path = Path(getattr(agent.layout, name))
        path.parent.mkdir(exist_ok=True)
        path.symlink_to(target)
        agent.to("open", "recorded", "closed")
        agent.end()
        agent.check_silence()
        if name == "telemetry":
            # The folder that a user names may be a link of the user's own.
            assert agent.told.read_bytes().count(1) in {0, 200}
        else:
            assert "symbolic link" in agent.stderr
            assert list(target.iterdir()) == []
            assert agent.told.read_bytes().count(2) == 200


@pytest.mark.parametrize("user", [0, 4711])
@pytest.mark.parametrize("umask", [0o000, 0o777])
@needs_root
def test_modes_whatever_the_umask(tmp_path: Path, umask: int, user: int) -> None:
    """Root may enter what it has made by any mode; another user may not."""
    place = Path(tempfile.mkdtemp(prefix="t800-umask-", dir="/dev/shm"))
    program = """
        import os, sys
        import t800
        os.umask(int(sys.argv[2]))
        os.setgid(int(sys.argv[3]))
        os.setuid(int(sys.argv[3]))
        trace = t800.session(enabled=True, dir=sys.argv[1] + "/telemetry")
        assert trace.tool_call("read") is not None
        trace.flush()
        print(os.path.basename(trace.path))
        os._exit(0)
    """
    try:
        os.chown(place, user, user)
        env = {"XDG_RUNTIME_DIR": str(place), "HOME": str(place)}
        command = [sys.executable, "-c", textwrap.dedent(program), str(place), str(umask), str(user)]
        done = subprocess.run(command, env=os.environ | env, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert list(place.glob("t800/ring-*")), "the ring is in memory"
        made = [path for path in place.rglob("*") if path != place / ".local"]
        assert len(made) > 8
        for path in made:
            expected = 0o700 if path.is_dir() else 0o600
            assert stat.S_IMODE(path.lstat().st_mode) == expected, path
    finally:
        shutil.rmtree(place)


@pytest.mark.parametrize(
    "given",
    ["../../x", "a/b", "nul\0byte", "x" * 10_000, "CON", "\u202egnp.exe", "line\nbreak", "", ".", "\ud800"],
)
def test_hostile_session_ids(tmp_path: Path, given: str) -> None:
    telemetry = tmp_path / "telemetry"
    with t800.session(enabled=True, dir=telemetry, session_id=given) as trace:
        trace.tool_call("read")
        assert trace.path is not None
        assert Path(trace.path).parent == telemetry / "traces"
    names = {path.name for path in tmp_path.rglob("*")}
    assert all(name.isascii() and name.isprintable() and len(name) < 120 for name in names)
    assert [path.name for path in tmp_path.iterdir()] == ["telemetry"]
