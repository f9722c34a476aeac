"""Record the golden traces of this version: `python tests/compat/make.py`. See README.md in this folder.

A scripted run in a fresh project, by the recorder that is installed: calls, kills, hooks, recovery. What it leaves
behind is copied, with a list of what must be found in it again by every later version.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections import Counter
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
COUNTED = (
    "total_events", "succeeded", "failed", "errors", "interrupted", "by_type", "tokens", "cost_nano_usd", "duration_us",
    "redactions", "state",
)  # fmt: skip

# Every type of event, with every field that the API writes.
COMPLETE = """
    import t800
    with t800.session(agent="golden", session_id="complete", host_session_id="host-1") as trace:
        with trace.phase("THINK", reasoning_tokens=12), trace.llm("claude-sonnet-4", provider="anthropic") as call:
            call.usage(prompt_tokens=1500, completion_tokens=800, cached_tokens=1000, cache_write_tokens=100,
                       reasoning_tokens=300, cost_usd=0.023)
        with trace.phase("PLAN", plan_complexity=7) as plan:
            plan.update(revision_count=2)
        with trace.phase("EXECUTE"), trace.agent("reviewer"), trace.tool("delegate", {"to": "reviewer"}):
            trace.tool_call("read", {"file_path": "src/auth.ts", "api_key": "k" * 20}, result="let a", duration_ms=45.2,
                            success=True, tokens_in=3, tokens_out=4)
        trace.record({"type": "llm_call", "model": "unpriced-model", "prompt_tokens": 5, "completion_tokens": 6,
                      "messages": [{"role": "user", "content": "hello"}], "response": "hi", "ttft_ms": 120.5,
                      "duration_ms": 300, "event_id": "theirs-1", "attributes": {"temperature": 0.2}})
        trace.decision("strategy", outcome={"edit": "in place", "options": [1, 2.5, None, True]})
        trace.error("TOOL_TIMEOUT", "Command exceeded 30000ms timeout", tool="bash", duration_ms=30000,
                    recovery={"attempted": True, "strategy": "retry_with_shorter_command", "success": True})
        trace.tool_call("größe ✓", {"text": "\\u2028 \\U0001f600 tab\\t"}, duration_ms=0.001, success=False)
        trace.checkpoint("EXECUTE", status="completed")
"""

INTERRUPTED = """
    import t800
    trace = t800.session(agent="golden", session_id="interrupted")
    trace.pre_tool("bash", {"command": "sleep 99"})
    trace.pre_llm("claude-sonnet-4")
    trace.close()
"""

# Long enough for a second part, and for compression; short once it is compressed.
LONG = """
    import t800
    plain = {"telemetry.privacy.redact_content": False, "file_paths.redact_content": False,
             "telemetry.privacy.max_value_bytes": 600_000, "telemetry.privacy.max_event_bytes": 524_288}
    with t800.session(agent="golden", session_id="long", settings=plain) as trace:
        for number in range(34):
            trace.tool_call("write", {"number": number, "lines": "all work and no play\\n" * 23_000}, duration_ms=number)
"""

FAMILY = """
    import subprocess, sys, t800
    child = "import t800; t = t800.session(agent='golden', session_id='child'); t.decision('done', outcome=1); t.close()"
    with t800.session(agent="golden", session_id="parent") as trace, trace.tool("worker"):
        subprocess.run([sys.executable, "-c", child], env=trace.child_env(), check=True)
"""

FLIGHT = """
    import t800
    with t800.session(agent="golden", session_id="flight", settings={"telemetry.mode": "flight"}) as trace:
        trace.tool_call("read", {"n": 1}, duration_ms=1)
        trace.error("E", "what makes a document of it")
        trace.tool_call("read", {"n": 2}, duration_ms=2)
"""

KILLED = """
    import os, signal, sys, t800
    trace = t800.session(agent="golden", session_id=sys.argv[1])
    trace.tool_call("read", {"n": 1}, duration_ms=1)
    trace.flush()
    trace.tool_call("read", {"n": 2}, duration_ms=2)
    trace.pre_tool("bash", {"command": "sleep 99"})
    os.kill(os.getpid(), signal.SIGKILL)
"""

HOOKS: tuple[dict[str, Any], ...] = (
    {"hook_event_name": "SessionStart", "source": "startup"},
    {"hook_event_name": "UserPromptSubmit", "prompt": "repair it"},
    {"hook_event_name": "PreToolUse", "tool_name": "Read", "tool_input": {"file_path": "a.py"}, "tool_use_id": "u1"},
    {"hook_event_name": "PostToolUse", "tool_name": "Read", "tool_input": {"file_path": "a.py"}, "tool_use_id": "u1",
     "tool_response": {"stdout": "x"}, "duration_ms": 12},
    {"hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": {"command": "make"}, "tool_use_id": "u2"},
    {"hook_event_name": "PostToolUseFailure", "tool_name": "Bash", "tool_input": {"command": "make"},
     "tool_use_id": "u2", "error": "exit 2"},
    {"hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": {"command": "sleep"}, "tool_use_id": "u3"},
    {"hook_event_name": "Stop", "last_assistant_message": "done"},
    {"hook_event_name": "SessionEnd", "reason": "exit"},
)  # fmt: skip


class Run:
    """A project of its own, whose owner has switched recording on, and the processes in it."""

    def __init__(self, scratch: Path) -> None:
        self.root = scratch / "project"
        self.telemetry = self.root / ".opencode" / "telemetry"
        self._environ = {name: value for name, value in os.environ.items() if not name.startswith("T800_")}
        self._environ |= {
            "HOME": str(scratch / "home"),
            "XDG_RUNTIME_DIR": str(scratch),
            "PWD": str(self.root),
        }
        self._environ.pop("XDG_STATE_HOME", None)
        (self.root / ".git").mkdir(parents=True)
        (scratch / "home").mkdir()
        self.command("t800.cli", "enable")

    def program(self, text: str, *arguments: str) -> None:
        """Run a program of the script."""
        self._run("-c", textwrap.dedent(text), *arguments)

    def command(self, module: str, *arguments: str, given: bytes | None = None) -> None:
        """Run a command line of ours."""
        start = f"import sys; from {module} import main; sys.exit(main(sys.argv[1:]))"
        self._run("-c", start, *arguments, given=given)

    def _run(self, *arguments: str, given: bytes | None = None) -> None:
        done = subprocess.run(
            [sys.executable, *arguments], cwd=self.root, env=self._environ, input=given, capture_output=True, check=False
        )  # fmt: skip
        if done.returncode not in (0, -9):
            raise RuntimeError(done.stderr.decode())


def record(run: Run, kept: Path) -> None:
    """Everything that there is to record; what a kill has left behind goes to `kept` before it is recovered."""
    for program in (COMPLETE, INTERRUPTED, FAMILY, FLIGHT, LONG):
        run.program(program)
    for told in HOOKS:
        payload = {"session_id": "hooked", "cwd": str(run.root), **told}
        run.command("t800.hook", "hook", "claude-code", given=json.dumps(payload).encode())
    run.program(KILLED, "recovered")
    run.command("t800.cli", "recover")
    run.command("t800.cli", "prune")
    run.command("t800.cli", "aggregate")
    run.program(KILLED, "killed")
    (left,) = (run.telemetry / "traces").glob("*_killed.json")
    shutil.move(left, kept)


def document(path: Path) -> dict[str, Any]:
    """A trace file by Python's own JSON, not by ours."""
    data = path.read_bytes()
    found: dict[str, Any] = json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)
    return found


def contents(traces: Path) -> dict[str, Any]:
    """What is in the traces, session by session: files, events, sums."""
    found: dict[str, Any] = {}
    for path in sorted(traces.iterdir()):
        read = document(path)
        whole = found.setdefault(
            read["session_id"],
            {"files": [], "schema": read["metadata"]["schema"], "types": Counter(), "parts": []},
        )
        whole["files"].append(path.name)
        whole["types"].update(event["type"] for event in read["events"])
        whole["parts"].append({name: read["summary"].get(name) for name in COUNTED})
    return found


def main() -> None:
    """Make the folder of this version; one that is there stays as it is for ever."""
    import t800

    target = FOLDER / t800.__version__
    if target.exists():
        raise SystemExit(f"{target.name} has its golden traces already: they are never made anew")
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        (scratch / "killed").mkdir()
        run = Run(scratch)
        record(run, scratch / "killed")
        for folder in ("traces", "aggregated"):
            shutil.copytree(run.telemetry / folder, target / folder)
        shutil.copytree(scratch / "killed", target / "traces", dirs_exist_ok=True)
    shutil.copy(Path(t800.__file__).parent / "schema" / "trace.schema.json", target)
    told = json.dumps(contents(target / "traces"), indent=1, sort_keys=True)
    (target / "expected.json").write_text(f"{told}\n", encoding="utf-8")
    print(f"{target}: {sum(1 for path in target.rglob('*') if path.is_file())} files")  # noqa: T201


if __name__ == "__main__":
    main()
