"""Writes what `t800 show` says of an agent of each framework into the page about them.

`AGENT_ENVIRONMENTS=FOLDER python tests/agents/shown.py [NAME …]`, with the environments that `.ci/agents` makes. Each block of
the page that follows a line `<!-- shown: NAME -->` is made anew; times differ each time.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import environments
from model_server import ModelServer, Turn
from running import KEY, PROGRAMS, asked, fields, said

import t800

PAGE = Path(__file__).resolve().parents[2] / "docs" / "integrations" / "frameworks.md"
BLOCK = re.compile(r"(<!-- shown: ([a-z_]+) -->\n```\n).*?(```\n)", re.DOTALL)
WIDTH = 110


def script() -> dict[str, list[Turn]]:
    """Each agent calls a tool and answers; smolagents answers by a tool, DSPy's programs in fields."""
    adds, answers = asked("add", a=2, b=3), said("The sum is 5.")
    steps = [
        fields(next_thought="add", next_tool_name="add", next_tool_args='{"a": 2, "b": 3}'),
        fields(next_thought="done", next_tool_name="finish", next_tool_args="{}"),
        fields(reasoning="added", answer="5"),
    ]
    return {
        "gpt-4o": [adds, answers],
        "gemini-2.5-flash": [adds, answers],
        "gpt-4o-mini": [said(step) for step in steps],
        "smolagents": [adds, asked("final_answer", answer="5")],
    }


def shown(name: str, folder: Path) -> str:
    """What `t800 show` says of the agent, recorded in a fresh project."""
    python = environments.python(folder, name.replace("_", "-"))
    if python is None:
        sys.exit(f"the environment {name} is not made")
    turns = script()
    if name == "smolagents":
        turns["gpt-4o"] = turns["smolagents"]
    with tempfile.TemporaryDirectory() as made, ModelServer(turns) as server:
        root = Path(made)
        for each in ("project/.git", "path"):
            (root / each).mkdir(parents=True)
        (root / "path" / "t800").symlink_to(Path(t800.__file__).parent)
        environ = {
            "HOME": made,
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(root / "path"),
            "T800_ENABLED": "1",
            "WHICH": name,
            "OPENAI_BASE_URL": f"{server.url}/v1",
            "OPENAI_API_KEY": KEY,
            "GOOGLE_GEMINI_BASE_URL": server.url,
            "GOOGLE_API_KEY": KEY,
        }
        program = [str(python), str(PROGRAMS / "shown.py")]
        subprocess.run(program, cwd=root / "project", env=environ, capture_output=True, check=True)
        show = "import sys; from t800.cli import main; sys.exit(main(['show', 'last']))"
        seen = subprocess.run(
            [sys.executable, "-c", show],
            cwd=root / "project",
            env=os.environ | {"HOME": made, "COLUMNS": str(WIDTH), "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            check=True,
        )
    lines = [line.rstrip() for line in seen.stdout.splitlines()]
    return "\n".join(line for line in lines if str(root) not in line).strip() + "\n"


def main() -> None:
    folder, names = environments.chosen(), sys.argv[1:]
    if folder is None:
        sys.exit(f"{environments.VARIABLE} names no folder of environments")

    def anew(block: re.Match[str]) -> str:
        front, name, end = block.groups()
        return front + shown(name, folder) + end if not names or name in names else block.group()

    PAGE.write_text(BLOCK.sub(anew, PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
