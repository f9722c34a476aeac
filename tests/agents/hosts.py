"""Hosts that call a command at their events, as far as `t800-hook` sees of them, and what becomes of it."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from t800.schema import validate

Json = dict[str, Any]
CANARY = "ghp_" + "Zx9Yw8Vu7T" * 3 + "s6R5q4"
PATIENCE = 60.0


class Host:
    """A host with one session: sends hooks as Claude Code does."""

    answer = b""

    def __init__(
        self, command: list[str], root: Path, session: str = "s1", name: str = "claude-code"
    ) -> None:
        self.command, self.root, self.session, self.name = command, root, session, name
        self.runs_in = root

    def __call__(self, event: str, **told: Any) -> None:
        payload = {"session_id": self.session, "cwd": str(self.root), "hook_event_name": event, **told}
        self.raw(json.dumps(payload).encode())

    def raw(self, payload: bytes, **environ: str) -> None:
        done = subprocess.run(
            [*self.command, "hook", self.name],
            input=payload,
            env=os.environ | environ,
            cwd=self.runs_in,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, self.answer, b"")

    def tool(self, name: str, use: str, told: Json | None = None, **more: Any) -> None:
        """A tool that works."""
        told = told or {"file_path": "a.py"}
        self("PreToolUse", tool_name=name, tool_input=told, tool_use_id=use, **more)
        self(
            "PostToolUse",
            tool_name=name,
            tool_input=told,
            tool_use_id=use,
            tool_response={"stdout": "x"},
            **more,
        )


def tools_at_once(host: Host) -> None:
    """Twenty tools that work, in four threads."""

    def work(thread: int) -> None:
        for n in range(5):
            host.tool("Read", f"{thread}-{n}")

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def documents(root: Path) -> list[Json]:
    """Every document, by name, each checked against the schema."""
    found = sorted((root / ".opencode" / "telemetry" / "traces").glob("*.json"))
    for path in found:
        assert validate(path) == []
    return [json.loads(path.read_bytes()) for path in found]


def document(root: Path) -> Json:
    (only,) = documents(root)
    return only


def files(*roots: Path) -> Iterator[tuple[Path, bytes]]:
    for root in roots:
        yield from ((path, path.read_bytes()) for path in root.rglob("*") if path.is_file())
