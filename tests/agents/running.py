"""Runs an agent of a real framework against the scripted model, and compares its trace with what was served."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import environments
import pytest
from model_server import ModelServer, Served, Tool, Turn, Usage

import t800

PROGRAMS = Path(__file__).with_name("programs")
Event = dict[str, Any]

# Put together here, so that no scanner finds them in the repository.
KEY = "sk-" + "q7Zr2LmX9vBt" * 4
PASSWORD = "Kestrel" + "-4482!"
FIELDS = {
    "prompt": "prompt_tokens",
    "completion": "completion_tokens",
    "cached": "cached_tokens",
    "cache_write": "cache_write_tokens",
    "reasoning": "reasoning_tokens",
}
USAGE = Usage(prompt=120, completion=31, cached=40, cache_write=16, reasoning=7)


def said(text: str, **more: Any) -> Turn:
    return Turn(text, usage=USAGE, **more)


def asked(tool: str, **arguments: Any) -> Turn:
    return Turn("", [Tool(tool, arguments)], USAGE)


def fields(**known: str) -> str:
    """An answer as DSPy's programs want it."""
    return "".join(f"[[ ## {name} ## ]]\n{value}\n\n" for name, value in {**known, "completed": ""}.items())


def script() -> dict[str, list[Turn]]:
    """What the programs need: each takes the models it knows."""
    return {
        "plain": [said("three short words") for _ in range(20)],
        "tools": [asked("add", a=2, b=3), said("the sum is 5")] * 6,
        "failing": [asked("boom", x=1), said("it failed")] * 4,
        "handing": [asked("transfer_to_beta"), said("done by beta")] * 2,
        "hanging": [said("one two three", hang=True) for _ in range(6)],
        "reading": [asked("Read", file_path="a.txt"), asked("Bash", command="exit 3"), said("all done")],
        "busy": [Turn("slow down", status=429), Turn("overloaded", status=503), said("at last")],
        "refusing": [Turn(f"no: password={PASSWORD}", status=429) for _ in range(4)],
        # smolagents ends a run by a tool of its own.
        "calling": [asked("add", a=2, b=3), asked("final_answer", answer="5")] * 2,
        "coding": [said("Thought: add\n<code>\nfinal_answer(add(2, 3))\n</code>")],
        "bad": [asked("boom", x=1), asked("final_answer", answer="it failed")],
        "left": [asked("add", a=1, b=1), asked("final_answer", answer="left")],
        "right": [asked("add", a=2, b=2), asked("final_answer", answer="right")],
        "leading": [asked("helper", task="x"), asked("final_answer", answer="done")],
        "helping": [asked("final_answer", answer="helped")],
        # DSPy's programs speak in fields.
        "answering": [said(fields(answer="five")) for _ in range(8)],
        "reacting": [
            said(fields(next_thought="add", next_tool_name="add", next_tool_args='{"a": 2, "b": 3}')),
            said(fields(next_thought="done", next_tool_name="finish", next_tool_args="{}")),
            said(fields(reasoning="added", answer="five")),
        ],
        "moving": [asked("transfer_to_agent", agent_name="beta")],
        "llama": [asked("handoff", to_agent="beta", reason="x")],
    }


@dataclasses.dataclass
class Run:
    """What a program has left behind."""

    sessions: dict[str, list[Event]]
    served: list[Served]
    stderr: str
    folder: Path

    @property
    def events(self) -> list[Event]:
        """Those of the only session."""
        (events,) = self.sessions.values()
        return events

    def of(self, kind: str) -> list[Event]:
        return [event for event in self.events if event["type"] == kind]

    def calls(self, **known: Any) -> list[Event]:
        return [
            call
            for call in self.of("llm_call")
            if all(call.get(name) == value for name, value in known.items())
        ]

    def tools(self, name: str) -> list[Event]:
        return [event for event in self.of("tool_call") if event["tool"] == name]

    def answered(self) -> list[Served]:
        return [served for served in self.served if served.status == 200 and served.complete]

    def files(self) -> list[Path]:
        return [file for file in self.folder.rglob("*") if file.is_file()]


def run(environment: str, program: str, tmp_path: Path, **environ: str) -> Run:
    """Run a program of `programs/` in its environment, in a project where telemetry is on."""
    folder = environments.chosen()
    if folder is None:
        pytest.skip(f"{environments.VARIABLE} names no folder of environments")
    python = environments.python(folder, environment)
    if python is None:
        pytest.skip(f"the environment {environment} is not made")
    project, home, path = tmp_path / "project", tmp_path / "home", tmp_path / "path"
    for made in (project / ".git", home, path):
        made.mkdir(parents=True)
    (path / "t800").symlink_to(Path(t800.__file__).parent)
    with ModelServer(script()) as server:
        known = {
            "HOME": str(home),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(path),
            "XDG_RUNTIME_DIR": os.environ.get("XDG_RUNTIME_DIR", ""),
            "T800_ENABLED": "1",
            "OPENAI_BASE_URL": f"{server.url}/v1",
            "OPENAI_API_KEY": KEY,
            "ANTHROPIC_BASE_URL": server.url,
            "ANTHROPIC_API_KEY": KEY,
            "GOOGLE_GEMINI_BASE_URL": server.url,
            "GOOGLE_API_KEY": KEY,
            "PLANTED": PASSWORD,
        }
        arguments = [str(python), "-W", "always::RuntimeWarning", str(PROGRAMS / program)]
        done = subprocess.run(
            arguments,
            cwd=project,
            env=known | environ,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        served = server.settled()
    assert done.returncode == 0, done.stderr
    assert "t800" not in done.stderr, done.stderr
    assert not server.surprises
    traces = [
        json.loads(file.read_bytes()) for file in (project / ".opencode/telemetry/traces").glob("*.json")
    ]
    sessions = {trace["metadata"]["agent"]: trace["events"] for trace in traces}
    assert len(sessions) == len(traces)
    return Run(sessions, served, done.stderr, tmp_path)


def compare(found: Run, *, without_id: int = 0, uncounted: tuple[str, ...] = ()) -> None:
    """Each answer that was served is one call in the trace, with its model and its tokens, and nothing else is.

    Of `without_id` answers the framework does not pass on the id: those are compared as they come. Tokens of the kinds
    `uncounted` it does not pass on for each.
    """
    answered = {str(served.response_id): served for served in found.answered()}
    calls = [call for call in found.calls(success=True) if "cache_hit" not in call.get("attributes", {})]

    def left(tokens: dict[str, int]) -> dict[str, int]:
        return {kind: count for kind, count in tokens.items() if kind not in uncounted}

    assert len(calls) == len(answered)
    nameless = []
    for call in calls:
        served = answered.pop(str(call.get("source_id")), None)
        if served is None:
            # LiteLLM says 0 where Anthropic says nothing.
            nameless.append(
                (call["model"], left({kind: count for kind, count in tokens_of(call).items() if count}))
            )
        else:
            assert (call["model"], left(tokens_of(call))) == (served.model, left(expected(served)))
    assert sorted(nameless, key=repr) == sorted(
        ((served.model, left(expected(served))) for served in answered.values()), key=repr
    )
    assert len(nameless) == without_id
    given_up = [served for served in found.served if not served.complete]
    assert len(found.calls(interrupted=True)) == len(given_up)


def tokens_of(call: Event) -> dict[str, int]:
    return {kind: call[field] for kind, field in FIELDS.items() if field in call}


def expected(served: Served) -> dict[str, int]:
    options = served.request.get("stream_options") or {}
    if served.api == "chat" and served.stream and not options.get("include_usage"):
        return {}
    assert served.usage is not None
    known = dataclasses.asdict(served.usage)
    if served.api == "messages":
        known.pop("reasoning")
    if served.api == "contents":
        known.pop("cache_write")
    return known


def keeps_secrets(found: Run) -> None:
    """Nothing that was planted is in any file of the trace, of our state, or in what was said."""
    for file in found.files():
        data = file.read_bytes()
        assert KEY.encode() not in data, file
        assert PASSWORD.encode() not in data, file
    assert any(found.sessions.values())
