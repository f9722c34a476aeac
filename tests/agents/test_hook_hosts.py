"""Claude Code and Codex themselves, headless and offline, against a scripted model: their hooks, our traces."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from t800.cli import main
from t800.schema import validate

sys.path.insert(0, str(Path(__file__).parent))
from model_server import ModelServer, Served, Tool, Turn, Usage

pytestmark = pytest.mark.full

PACKAGES = {"claude": "@anthropic-ai/claude-code@2.1.197", "codex": "@openai/codex@0.169.0"}
PLACES = {
    "claude": "@anthropic-ai/claude-code-linux-*/claude",
    "codex": "@openai/codex-linux-*/vendor/*/bin/codex",
}
CANARY = "ghp_" + "Mn3Bv5Cx7Z" * 3 + "a9S1d2"
PATIENCE = 120.0
Json = dict[str, Any]
Agent = Callable[..., Path]


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Agent:
    """The program of an agent: of AGENTS_PREFIX, a folder where npm has installed it, or installed now."""
    prefix = Path(os.environ.get("AGENTS_PREFIX") or tmp_path_factory.mktemp("npm"))

    def find(name: str) -> Path:
        modules = prefix / "node_modules"
        if not list(modules.glob(PLACES[name])) and shutil.which("npm"):
            command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(prefix), PACKAGES[name]]
            subprocess.run(command, capture_output=True, check=False, timeout=600)
        found = list(modules.glob(PLACES[name]))
        if not found:
            pytest.skip(f"{name} could not be installed")
        return found[0]

    return find


@pytest.fixture(autouse=True)
def loopback() -> None:
    try:
        socket.create_server(("127.0.0.1", 0)).close()
    except OSError:
        pytest.skip("there is no loopback here")


def run(command: list[str | Path], root: Path, **environ: str) -> None:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CLAUDE", "ANTHROPIC", "CODEX"))
    }
    done = subprocess.run(
        command, cwd=root, env=kept | {"PWD": str(root)} | environ, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def run_claude(command: list[str | Path], root: Path, server: ModelServer) -> None:
    run(
        [*command, "--model", "claude-sonnet-4-5"],
        root,
        ANTHROPIC_BASE_URL=server.url,
        ANTHROPIC_API_KEY=CANARY,
        IS_SANDBOX="1",
        DISABLE_AUTOUPDATER="1",
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1",
    )


def trace(root: Path) -> Json:
    (path,) = (root / ".opencode" / "telemetry" / "traces").glob("*.json")
    assert validate(path) == []
    found: Json = json.loads(path.read_bytes())
    for file in (root / ".opencode" / "telemetry").rglob("*"):
        assert not file.is_file() or CANARY.encode() not in file.read_bytes(), file
    return found


def of_type(found: Json, kind: str) -> list[Json]:
    return [event for event in found["events"] if event["type"] == kind]


def told(found: Json, *names: str) -> list[tuple[int, ...]]:
    return sorted(tuple(call[name] for name in names) for call in of_type(found, "llm_call"))


def served_usage(served: list[Served]) -> list[Usage]:
    return [one.usage for one in served if one.usage is not None]


def check_import(root: Path, transcripts: Path, recorded: Json, *names: str) -> Json:
    """A host's own transcripts tell the same of its calls, and nothing that was recorded is imported once more."""
    assert all("source_id" in call for kind in ("tool_call", "llm_call") for call in of_type(recorded, kind))
    assert main(["import", str(transcripts)]) == 0
    assert trace(root) == recorded
    for file in (root / ".opencode" / "telemetry" / "traces").iterdir():
        file.unlink()
    assert main(["import", str(transcripts)]) == 0
    imported = trace(root)
    assert told(imported, *names) == told(recorded, *names)
    for kind in ("tool_call", "llm_call"):
        seen = [
            sorted((call["source_id"], call["success"]) for call in of_type(one, kind))
            for one in (imported, recorded)
        ]
        assert seen[0] == seen[1]
    return imported


def test_claude_code(agent: Agent, project: Path) -> None:
    claude = agent("claude")
    assert main(["enable"]) == main(["install", "claude-code", "--yes"]) == 0
    tools = [
        Tool("Bash", {"command": f"echo {CANARY}", "description": "x"}),
        Tool("Read", {"file_path": str(project / "none")}),
    ]
    task = Tool("Task", {"description": "sub", "prompt": "look", "subagent_type": "general-purpose"})
    script = [
        Turn("Let me look.", tools, Usage(100, 20, cached=40, cache_write=10)),
        Turn("", [Tool("Bash", {"command": "exit 3", "description": "x"})], Usage(200, 30)),
        Turn("", [task], Usage(210, 31)),
        Turn(f"the sub-agent says {CANARY}", [], Usage(50, 7)),
        Turn("All done.", [], Usage(300, 40)),
    ]
    with ModelServer({"claude-sonnet-4-5": script}) as server:
        options = ("--permission-mode", "bypassPermissions")
        run_claude([claude, "-p", f"use {CANARY}", *options], project, server)
        served = served_usage(server.settled())
    found = trace(project)
    assert found["summary"]["state"] == "closed"
    names = ("prompt_tokens", "completion_tokens", "cached_tokens", "cache_write_tokens")
    assert told(found, *names) == sorted((u.prompt, u.completion, u.cached, u.cache_write) for u in served)
    assert len(served) == 5
    tools_of = [(call["tool"], call["success"]) for call in of_type(found, "tool_call")]
    assert sorted(tools_of) == [("Agent", True), ("Bash", False), ("Bash", True), ("Read", False)]
    assert len(of_type(found, "error")) == 2
    (sub,) = [call for call in of_type(found, "llm_call") if "agent_id" in call]
    (task_call,) = [call for call in of_type(found, "tool_call") if call["tool"] == "Agent"]
    assert (sub["prompt_tokens"], sub["parent_id"]) == (50, task_call["event_id"])
    assert all(call["cost_usd"] > 0 for call in of_type(found, "llm_call"))
    imported = check_import(project, Path(os.environ["HOME"]) / ".claude" / "projects", found, *names)
    assert len(of_type(imported, "error")) == 2
    (sub,) = [call for call in of_type(imported, "llm_call") if "agent_id" in call]
    (task_call,) = [call for call in of_type(imported, "tool_call") if call["tool"] == "Task"]
    assert (sub["prompt_tokens"], sub["parent_id"]) == (50, task_call["event_id"])


def test_claude_code_that_goes_on_counts_each_call_once(agent: Agent, project: Path) -> None:
    claude = agent("claude")
    assert main(["enable"]) == main(["install", "claude-code", "--yes"]) == 0
    script = [Turn(text, [], Usage(100 + n, 20 + n)) for n, text in enumerate(("One.", "Two.", "Three."))]
    with ModelServer({"claude-sonnet-4-5": script}) as server:
        for more in ([], ["--continue"], ["--continue"]):
            run_claude([claude, "-p", "say more", *more], project, server)
        served = served_usage(server.settled())
    found = [
        json.loads(path.read_bytes()) for path in (project / ".opencode/telemetry/traces").glob("*.json")
    ]
    assert len(found) == 3
    names = ("prompt_tokens", "completion_tokens")
    assert sorted(call for one in found for call in told(one, *names)) == [
        (usage.prompt, usage.completion) for usage in served
    ]


def test_codex(agent: Agent, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    codex, home = agent("codex"), tmp_path / "codex"
    home.mkdir()
    monkeypatch.setenv("CODEX_HOME", str(home))
    assert main(["enable"]) == main(["install", "codex", "--yes"]) == 0
    script = [
        Turn(
            "Let me look.",
            [Tool("exec_command", {"cmd": f"echo {CANARY}"})],
            Usage(100, 20, cached=40, reasoning=7),
        ),
        Turn("", [Tool("exec_command", {"cmd": "exit 3"})], Usage(200, 30)),
        Turn("All done.", [], Usage(300, 40)),
    ]
    with ModelServer({"gpt-5": script}) as server:
        (home / "config.toml").write_text(
            'model = "gpt-5"\nmodel_provider = "mock"\n[model_providers.mock]\nname = "mock"\n'
            f'base_url = "{server.url}/v1"\nenv_key = "MOCK_KEY"\nwire_api = "responses"\n'
        )
        command = [codex, "exec", "--skip-git-repo-check", "--dangerously-bypass-hook-trust"]
        run(
            [*command, "--dangerously-bypass-approvals-and-sandbox", f"use {CANARY}"],
            project,
            CODEX_HOME=str(home),
            MOCK_KEY=CANARY,
        )
        served = served_usage(server.settled())
    found = trace(project)
    assert found["summary"]["state"] == "live"
    names = ("prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens")
    assert told(found, *names) == sorted((u.prompt, u.completion, u.cached, u.reasoning) for u in served)
    assert len(served) == 3
    assert [call["success"] for call in of_type(found, "tool_call")] == [True, False]
    check_import(project, home / "sessions", found, *names)
