"""What the tests share: surroundings of their own, sessions on disk, and Python processes."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

import t800
from t800 import _core

# A busy machine takes its time; how long is no matter of these tests.
hypothesis.settings.register_profile(
    "busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("busy")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what only POSIX has, on Windows and beside `tests/portable`."""
    if item.get_closest_marker("posix") and not hasattr(os, "mkfifo"):
        pytest.skip("there is no POSIX here")


@pytest.fixture(scope="session", autouse=True)
def own_memory() -> Iterator[None]:
    """Rings of processes that a test kills go with the tests, and not to the memory of this machine."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield
        return
    folder = Path(tempfile.mkdtemp(prefix="t800-tests-", dir=memory))
    before = os.environ.get("XDG_RUNTIME_DIR")
    os.environ["XDG_RUNTIME_DIR"] = str(folder)
    yield
    if before is None:
        del os.environ["XDG_RUNTIME_DIR"]
    else:
        os.environ["XDG_RUNTIME_DIR"] = before
    shutil.rmtree(folder)


@pytest.fixture(autouse=True)
def no_memory_is_kept() -> Iterator[None]:
    """Hundreds of writers that stay for the next session, and rings of the dead, would fill a small /dev/shm."""
    yield
    _core.shut_down()
    for ring in Path(os.environ.get("XDG_RUNTIME_DIR", "/nowhere"), "t800").glob("ring-*"):
        if f"-{os.getpid()}-" not in ring.name:
            ring.unlink(missing_ok=True)


@pytest.fixture(autouse=True)
def own_surroundings(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees this machine's user, configuration or switches; misuse of the API raises."""
    for name in [name for name in os.environ if name.startswith("T800_")]:
        monkeypatch.delenv(name)
    for name in ("XDG_STATE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.setenv("T800_STRICT", "1")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project root that is the working directory."""
    root = tmp_path / "project"
    (root / ".git").mkdir(parents=True)
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def open_session(project: Path) -> Iterator[Callable[..., t800.Session]]:
    """Opens sessions that are switched on, in `project`; closes what a test leaves open."""
    opened: list[t800.Session] = []

    def open_one(**arguments: Any) -> t800.Session:
        session = t800.session(**({"agent": "tester", "enabled": True} | arguments))
        assert session.enabled, session.reason
        opened.append(session)
        return session

    yield open_one
    for session in opened:
        session.close()


@pytest.fixture
def read_trace() -> Callable[[t800.Session | Path | str | None], dict[str, Any]]:
    """Reads a document as any JSON reader would, strictly."""

    def read(trace: t800.Session | Path | str | None) -> dict[str, Any]:
        path = trace.path if isinstance(trace, t800.Session) else trace
        assert path is not None
        data = Path(path).read_bytes()
        text = (gzip.decompress(data) if str(path).endswith(".gz") else data).decode("utf-8", "strict")
        document = json.loads(text, parse_constant=_refuse)
        assert isinstance(document, dict)
        return document

    return read


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


@pytest.fixture
def python(project: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a program in a Python process of its own, in `project`, with every warning shown."""

    def run(
        program: str,
        *arguments: str,
        cwd: Path = project,
        check: bool = True,
        timeout: float = 60,
        **environ: str,
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-W", "always", "-c", textwrap.dedent(program), *arguments],
            cwd=cwd,
            env=os.environ | environ,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check:
            assert done.returncode == 0, done.stderr
        return done

    return run
