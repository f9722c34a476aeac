"""After a real run of the example agent no planted secret, user name or home path is anywhere in the folder."""

from __future__ import annotations

import getpass
import gzip
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

EXAMPLE = Path(__file__).parents[1] / "examples" / "agent.py"
USER = "wintermute-corto"
Read = Callable[..., dict[str, Any]]


def stored(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file of a folder with its content, unpacked; and its name, for names can tell too."""
    for path in sorted(folder.rglob("*")):
        yield path, os.fsencode(path.name)
        if path.is_file():
            data = path.read_bytes()
            yield path, gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data


@pytest.fixture(scope="module")
def example() -> ModuleType:
    import importlib.util

    spec = importlib.util.spec_from_file_location("example_agent", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(params=["by the command line", "by its environment"])
def recorded(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The project after the example agent has run there for a user with a telling name."""
    root, home = tmp_path / "project", tmp_path / "home" / USER
    (root / ".git").mkdir(parents=True)
    home.mkdir(parents=True)
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("T800_", "XDG_"))}
    environ |= {"HOME": str(home), "USER": USER, "LOGNAME": USER}
    if request.param == "by the command line":
        launch = "import sys; from t800.cli import main; sys.exit(main(sys.argv[1:]))"
        command = [sys.executable, "-c", launch, "run", str(EXAMPLE)]
    else:
        command = [sys.executable, str(EXAMPLE)]
        environ["T800_ENABLED"] = "1"
    done = subprocess.run(
        command, cwd=root, env=environ, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return root


def test_the_example_run_leaves_no_canary(recorded: Path, example: ModuleType, read_trace: Read) -> None:
    telemetry = recorded / ".opencode" / "telemetry"
    (trace,) = (telemetry / "traces").iterdir()
    document = read_trace(trace)
    assert document["summary"]["total_events"] > 30
    canaries = [*example.fake_secrets().values(), USER, f"/home/{USER}", str(recorded.parent)]
    found = [
        (canary, path.name)
        for path, data in stored(telemetry)
        for canary in canaries
        if canary.encode() in data
    ]
    assert found == []


def test_the_example_run_shows_what_it_did(recorded: Path, read_trace: Read) -> None:
    (trace,) = (recorded / ".opencode" / "telemetry" / "traces").iterdir()
    document = read_trace(trace)
    events = document["events"]
    assert document["summary"]["state"] == "closed"
    assert {event["type"] for event in events} == {"tool_call", "llm_call", "decision", "error", "checkpoint"}
    phases = [event["phase_name"] for event in events if event["type"] == "checkpoint"]
    assert [name for name in phases if name in {"THINK", "QUESTION", "PLAN", "EXECUTE"}][:4] == [
        "THINK", "QUESTION", "PLAN", "EXECUTE",
    ]  # fmt: skip
    assert any(event.get("success") is False for event in events)
    assert any(event.get("agent_id") for event in events)
    assert any("recovery" in event for event in events)
    ids = {event["event_id"] for event in events}
    assert len(ids) == len(events)
    assert all(event["parent_id"] in ids for event in events if "parent_id" in event)
    assert any(event.get("parameters_redacted", {}).get("file_path") == ".env" for event in events)


def test_the_user_of_this_machine_is_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read_trace: Read
) -> None:
    import t800

    (tmp_path / "project" / ".git").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project")
    for name in ("USER", "LOGNAME"):
        monkeypatch.setenv(name, USER)
    home = f"/home/{USER}"
    with t800.session(agent=f"agent of {USER}", enabled=True) as trace:
        trace.tool_call("bash", {"command": f"cat {home}/notes.txt && ssh {USER}@example.com"})
        trace.decision("who", outcome=f"{USER} asked for it")
        trace.error("E", f"{home}/x: no such file")
    text = Path(str(trace.path)).read_text()
    assert USER not in text
    assert getpass.getuser() != USER or USER not in text
