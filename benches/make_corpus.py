"""Record a folder of real sessions, for measuring what reads them: `python benches/make_corpus.py FOLDER`.

The default is 2,000 sessions of 500 events; `--sessions 1 --events 500000` makes one long session in parts. Each agent
thinks, plans, calls tools inside calls, asks models, fails now and then and recovers; nothing in it is random.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

import t800

if TYPE_CHECKING:
    from t800.session import Session

TOOLS = (
    "read",
    "edit",
    "bash",
    "grep",
    "glob",
    "write",
    "fetch",
    "todo",
    "task",
    "ls",
    "diagnostics",
    "patch",
)
MODELS = ("claude-sonnet-4", "claude-opus-4", "gpt-5")
PHASES = ("THINK", "QUESTION", "PLAN", "EXECUTE")
SETTINGS = {"telemetry.retention.auto_cleanup": False, "telemetry.ring": "auto"}
EVENTS_OF_A_STEP = 5


def step(trace: Session, number: int) -> None:
    """Five events: a call of a model, a call of a tool with one inside it, a fact, a decision or an error."""
    tool = TOOLS[number % len(TOOLS)]
    with trace.tool(tool, {"file_path": f"src/module_{number % 97}.py", "limit": number}):
        trace.tool_call("read", {"file_path": f"src/part_{number % 89}.py"}, duration_ms=number % 211 / 2000)
    trace.llm_call(
        MODELS[number % len(MODELS)],
        prompt_tokens=1000 + number % 997,
        completion_tokens=number % 613,
        cached_tokens=number % 401,
        duration_ms=0.1 + number % 3001 / 9000,
        cost_usd=0.001 * (number % 31),
    )
    trace.tool_call(
        tool, {"command": f"make check-{number}"}, duration_ms=number % 977 / 5000, success=number % 23 != 0
    )
    if number % 23:
        trace.decision("strategy", f"take the {number % 11} road")
    else:
        recovery = {"attempted": True, "strategy": "retry", "success": number % 2 == 0}
        trace.error("TOOL_TIMEOUT", "Command exceeded 30000ms timeout", tool=tool, recovery=recovery)


def record(folder: str, name: str, events: int) -> None:
    """One session of about so many events."""
    with t800.session(agent=name, dir=folder, enabled=True, settings=SETTINGS) as trace:
        steps = max(events // EVENTS_OF_A_STEP, 1)
        for part, phase in enumerate(PHASES):
            with trace.phase(phase):
                for number in range(steps * part // len(PHASES), steps * (part + 1) // len(PHASES)):
                    step(trace, number)
                    if number % 2000 == 1999:  # the ring takes what the writer has not written yet
                        trace.flush()


def main() -> int:
    """Record as the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", help="the telemetry folder, made where it is missing")
    parser.add_argument("--sessions", type=int, default=2000)
    parser.add_argument("--events", type=int, default=500, help="of each session")
    chosen = parser.parse_args()
    began = time.monotonic()
    for number in range(chosen.sessions):
        record(chosen.folder, f"agent-{number % 7}", chosen.events)
    sys.stderr.write(f"{chosen.sessions} sessions in {time.monotonic() - began:.1f} s\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
