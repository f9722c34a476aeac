"""opencode itself, headless and offline, against a scripted model: its trace says what was served."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from t800.cli import main
from t800.schema import validate

sys.path.insert(0, str(Path(__file__).parent))
from model_server import ModelServer, Tool, Turn, Usage

pytestmark = pytest.mark.full

VERSION = "1.18.33"
CANARY = "ghp_" + "Qw2Er4Ty6U" * 3 + "i8O0p1"
PATIENCE = 120.0
Json = dict[str, Any]
Start = Callable[..., "subprocess.Popen[str]"]


def has_loopback() -> bool:
    try:
        socket.create_server(("127.0.0.1", 0)).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="module")
def opencode(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program: of AGENTS_PREFIX, a folder where npm has installed it, or installed now."""
    prefix = Path(os.environ.get("AGENTS_PREFIX") or tmp_path_factory.mktemp("npm"))
    program = prefix / "node_modules" / "opencode-ai" / "bin" / "opencode.exe"
    if not program.exists() and shutil.which("npm"):
        install = [
            "npm",
            "install",
            "--no-audit",
            "--no-fund",
            "--prefix",
            str(prefix),
            f"opencode-ai@{VERSION}",
        ]
        subprocess.run(install, capture_output=True, check=False, timeout=600)
        shutil.copy(prefix / "node_modules" / "opencode-linux-x64" / "bin" / "opencode", program)
    if not program.exists():
        pytest.skip("opencode could not be installed")
    return program


def settings(server: ModelServer) -> Json:
    limit = {"context": 100_000, "output": 8_000}
    models = {
        "m1": {"name": "m1", "cost": {"input": 1, "output": 2}, "limit": limit},
        "small": {"name": "small", "limit": limit},
    }
    options = {"baseURL": f"{server.url}/v1", "apiKey": CANARY}
    provider = {"npm": "@ai-sdk/openai-compatible", "name": "Mock", "options": options, "models": models}
    return {
        "autoupdate": False,
        "share": "disabled",
        "enabled_providers": ["mock"],
        "model": "mock/m1",
        "small_model": "mock/small",
        "provider": {"mock": provider},
        "permission": {"*": "allow"},
    }


@pytest.fixture
def start(opencode: Path, project: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts `opencode run` in a project where T-800 is installed."""
    if not has_loopback():
        pytest.skip("there is no loopback here")
    (tmp_path / "models.json").write_text("{}")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("OPENCODE", "XDG"))}
    for kind in ("CONFIG", "DATA", "CACHE"):
        environ[f"XDG_{kind}_HOME"] = str(tmp_path / kind.lower())
    for switch in ("MODELS_FETCH", "AUTOUPDATE", "LSP_DOWNLOAD", "DEFAULT_PLUGINS", "SHARE"):
        environ[f"OPENCODE_DISABLE_{switch}"] = "1"
    # Nothing is fetched: a port where nobody listens refuses at once.
    environ |= {
        "OPENCODE_MODELS_PATH": str(tmp_path / "models.json"),
        "npm_config_registry": "http://127.0.0.1:9",
        "npm_config_fetch_retries": "0",
        "PWD": str(project),
    }
    assert main(["install", "opencode", "--yes"]) == 0
    started: list[subprocess.Popen[str]] = []

    def run(server: ModelServer, prompt: str = "hello", *command: str) -> subprocess.Popen[str]:
        (project / "opencode.json").write_text(json.dumps(settings(server)))
        process = subprocess.Popen(
            [opencode, *(command or ("run", prompt))], cwd=project, env=environ, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        with process:
            process.wait()


def telemetry(root: Path) -> Path:
    return root / ".opencode" / "telemetry"


def trace(root: Path) -> Json:
    (path,) = (telemetry(root) / "traces").glob("*.json")
    assert validate(path) == []
    found: Json = json.loads(path.read_bytes())
    return found


def of_type(found: Json, kind: str) -> list[Json]:
    return [event for event in found["events"] if event["type"] == kind]


def finished(process: subprocess.Popen[str]) -> str:
    out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, out
    return out


def usage_of(call: Json) -> tuple[int, ...]:
    names = ("prompt_tokens", "completion_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens")
    return tuple(call[name] for name in names)


def test_the_trace_is_what_was_served(start: Start, project: Path) -> None:
    assert main(["enable"]) == 0
    todo = {"content": "a", "status": "pending", "priority": "high", "id": "1"}
    tools = [
        Tool("bash", {"command": f"echo {CANARY}; exit 3", "description": "x"}),
        Tool("read", {"filePath": str(project / f"no-{CANARY}")}),
    ]
    task = Tool("task", {"description": "sub", "prompt": "look", "subagent_type": "general"})
    script = [
        Turn("Let me look.", tools, Usage(100, 20, cached=40, reasoning=5)),
        Turn("", [task, Tool("todowrite", {"todos": [todo]})], Usage(200, 30)),
        Turn(f"the sub-agent says {CANARY}", [], Usage(50, 7)),
        Turn("All done.", [], Usage(300, 40)),
    ]
    with ModelServer({"m1": script, "small": [Turn("A title")]}) as server:
        finished(start(server, f"use {CANARY}"))
        # It is whole when opencode has ended, not later.
        found = trace(project)
        served = [one for one in server.settled() if one.model == "m1"]
    assert found["summary"]["state"] == "closed"
    assert (found["summary"]["dropped"], found["summary"]["interrupted"]) == (0, 0)
    calls = [call for call in of_type(found, "llm_call") if call["model"] == "m1"]
    told = sorted(usage_of(call) for call in calls)
    assert told == sorted(
        (u.prompt, u.completion, u.cached, 0, u.reasoning) for one in served if (u := one.usage)
    )
    assert all(call["ttft_ms"] <= call["duration_ms"] and call["cost_usd"] > 0 for call in calls)
    (title,) = [call for call in of_type(found, "llm_call") if call["model"] == "small"]
    assert title["success"] is None
    by_tool = {call["tool"]: call for call in of_type(found, "tool_call")}
    assert {name: call["success"] for name, call in by_tool.items()} == {
        "bash": False, "read": False, "task": True, "todowrite": True,
    }  # fmt: skip
    assert by_tool["bash"]["attributes"]["exit_code"] == 3
    (error,) = of_type(found, "error")
    assert error["parent_id"] == by_tool["read"]["event_id"]
    (sub,) = [call for call in calls if "agent_id" in call]
    assert (sub["prompt_tokens"], sub["parent_id"]) == (50, by_tool["task"]["event_id"])
    assert [decision["outcome"] for decision in of_type(found, "decision")] == [{"pending": 1}]
    for path in [*telemetry(project).rglob("*"), *(Path(os.environ["HOME"]) / ".local" / "state").rglob("*")]:
        assert CANARY not in path.name
        assert not path.is_file() or CANARY.encode() not in path.read_bytes(), path
    assert not list((telemetry(project) / ".t800").glob("*.pipe"))
    exports = [
        exported(start, server, project, found["session_id"]),
        exported(start, server, project, sub["agent_id"]),
    ]
    assert main(["import", *exports]) == 0
    assert trace(project) == found
    for path in (telemetry(project) / "traces").iterdir():
        path.unlink()
    assert main(["import", *exports]) == 0
    check_imported(trace(project), found)


def exported(start: Start, server: ModelServer, project: Path, session_id: str) -> str:
    """What `opencode export` writes of a session."""
    out = finished(start(server, "", "export", session_id))
    path = project / f"{session_id}.json"
    path.write_text(out[out.index("{") :])
    return str(path)


def check_imported(imported: Json, recorded: Json) -> None:
    """It tells the same as what was recorded, but for the title, of which the export knows nothing."""
    calls = [
        sorted(usage_of(call) for call in of_type(one, "llm_call") if call["model"] == "m1")
        for one in (imported, recorded)
    ]
    assert calls[0] == calls[1]
    tools = [
        sorted((call["tool"], call["success"], call["source_id"]) for call in of_type(one, "tool_call"))
        for one in (imported, recorded)
    ]
    assert tools[0] == tools[1]
    (sub,) = [call for call in of_type(imported, "llm_call") if "agent_id" in call]
    (task,) = [call for call in of_type(imported, "tool_call") if call["tool"] == "task"]
    assert sub["parent_id"] == task["event_id"]
    assert [decision["outcome"] for decision in of_type(imported, "decision")] == [{"pending": 1}]
    assert len(of_type(imported, "error")) == 1


def test_what_was_done_before_a_kill_is_there(start: Start, project: Path) -> None:
    main(["enable"])
    tools = [Tool("bash", {"command": "echo 1", "description": "x"})]
    script = [Turn("", tools, Usage(100, 20)), Turn("and now it hangs", hang=True)]
    with ModelServer({"m1": script}, otherwise=Turn("title")) as server:
        process = start(server)
        deadline = time.monotonic() + PATIENCE
        while server.under_way == 0 or len(server.answered()) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        time.sleep(0.5)
        process.send_signal(signal.SIGKILL)
        process.wait()
        # Not read as a whole yet: a write may be under way.
        (path,) = (telemetry(project) / "traces").glob("*.json")
        while b'"state":"closed"' not in path.read_bytes():
            assert time.monotonic() < deadline
            time.sleep(0.05)
    found = trace(project)
    first, second = sorted(
        (call for call in of_type(found, "llm_call") if call["model"] == "m1"), key=lambda c: c["timestamp"]
    )
    assert usage_of(first)[:2] == (100, 20)
    assert (second["interrupted"], second["duration_ms"]) == (True, None)
    assert [call["success"] for call in of_type(found, "tool_call")] == [True]


def test_a_failing_model_is_an_error_with_its_retries(start: Start, project: Path) -> None:
    main(["enable"])
    script = [Turn("overloaded", status=500), Turn("fine", [], Usage(10, 5))]
    with ModelServer({"m1": script}, otherwise=Turn("title")) as server:
        finished(start(server))
    found = trace(project)
    errors = of_type(found, "error")
    assert [error["error_type"] for error in errors] == ["llm_retry"]
    assert errors[0]["recovery"] == {"attempted": True, "strategy": "retry"}
    outcomes = [call["success"] for call in of_type(found, "llm_call") if call["model"] == "m1"]
    assert outcomes == [False, True]


def test_switched_off_it_leaves_nothing(start: Start, project: Path) -> None:
    with ModelServer({"m1": [Turn("hi", [], Usage(10, 5))]}, otherwise=Turn("title")) as server:
        finished(start(server))
    assert not telemetry(project).exists()
