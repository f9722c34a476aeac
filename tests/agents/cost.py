"""What recording an agent of a real framework costs: `AGENT_ENVIRONMENTS=FOLDER python cost.py openai|langchain`.

Runs the same scripted agent with and without T-800, by turns, in processes of their own, and compares their CPU time:
user and system, all threads, from start to end, so that imports and the work at exit count too.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import environments
from model_server import ModelServer
from running import KEY, PROGRAMS, asked, said

import t800

PAIRS, CALLS = 20, 40


def one(python: Path, which: str, *, record: bool) -> float:
    script = {
        "plain": [said("three short words")] * CALLS,
        "tools": [asked("add", a=2, b=3), said("the sum is 5")] * CALLS,
    }
    with tempfile.TemporaryDirectory() as folder, ModelServer(script) as server:
        (Path(folder) / "path").mkdir()
        (Path(folder) / "path" / "t800").symlink_to(Path(t800.__file__).parent)
        environ = {
            "HOME": folder,
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{folder}/path",
            "OPENAI_BASE_URL": f"{server.url}/v1",
            "OPENAI_API_KEY": KEY,
            "FRAMEWORK": which,
            "COUNT": str(CALLS),
            **({"RECORD": "1", "T800_ENABLED": "1"} if record else {}),
        }
        program = [str(python), str(PROGRAMS / "cost.py")]
        before = cpu()
        subprocess.run(program, cwd=folder, env=environ, capture_output=True, check=True)
        after = cpu()
        assert len(server.answered()) == CALLS
    return after - before


def cpu() -> float:
    """The CPU time of all processes that have been waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    which = sys.argv[1]
    folder = environments.chosen()
    python = environments.python(folder, which) if folder is not None else None
    if python is None:
        sys.exit(f"the environment {which} is not made: see environments.py")
    for record in (False, True):
        one(python, which, record=record)  # compiles what is imported
    pairs = []
    for _ in range(PAIRS):
        pairs.append((one(python, which, record=False), one(python, which, record=True)))
        sys.stderr.write(f"{pairs[-1][0]:.3f} {pairs[-1][1]:.3f}\n")
    without, with_it = (min(column) for column in zip(*pairs, strict=True))
    medians = [statistics.median(column) for column in zip(*pairs, strict=True)]
    added = statistics.median(recorded - bare for bare, recorded in pairs)
    lines = [
        f"{which}: {CALLS} calls of a model, {PAIRS} pairs",
        f"  CPU without: {without:.3f} s least, {medians[0]:.3f} s median",
        f"  CPU with:    {with_it:.3f} s least, {medians[1]:.3f} s median",
        f"  added:       {with_it / without - 1:.2%} of the least, {added * 1e3:.1f} ms median of the pairs",
    ]
    sys.stdout.write("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    main()
