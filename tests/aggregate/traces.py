"""Folders of traces as these tests need them: several days, agents, models; and what damage and hostility make of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from tests.trace_files import compact, document, error, llm, summary_of, tool, write

if TYPE_CHECKING:
    from pathlib import Path

    from t800.layout import Layout

TOOLS = ("read", "bash", "grep")
MODELS = ("model-a", "model-b")
HOSTILE = "\x1b[2J\u202eevil'; DROP TABLE events; --\x00\n"


def stem(number: int, day: int = 15) -> str:
    return f"2026-01-{day:02}_10-{number // 60 % 60:02}-{number % 60:02}_ses_{number:04}"


def events(number: int, day: int = 15, count: int = 40) -> list[dict[str, Any]]:
    """A session's events, of which each 9th is an error and some calls fail; nothing is random."""
    found: list[dict[str, Any]] = []
    for n in range(1, count + 1):
        seed = number * 7919 + n * 104_729
        at = f"2026-01-{day + (n > count // 2 and number % 5 == 0):02}T10:{n % 60:02}:00.{n:03}Z"
        if n % 9 == 0:
            recovery = {"attempted": n % 2 == 0, "strategy": "retry", "success": n % 4 == 0}
            found.append(error(n, timestamp=at, error_type=f"E{n % 2}", recovery=recovery))
        elif n % 3 == 0:
            fields: dict[str, Any] = {"model": MODELS[seed % 2], "duration_ms": seed % 99_991 / 1000}
            fields |= {"prompt_tokens": seed % 5003, "cost_usd": seed % 997 / 1e6, "cached_tokens": n}
            found.append(llm(n, timestamp=at, success=seed % 11 != 0, **fields))
        else:
            fields = {"tool": TOOLS[seed % 3], "duration_ms": seed % 99_989 / 1000, "tokens_in": n}
            fields |= {"parent_id": "evt_003"} if n % 4 == 0 else {}
            found.append(tool(n, timestamp=at, success=seed % 13 != 0, **fields))
    return found


def record(layout: Layout, sessions: int = 12, day: int = 15) -> list[Path]:
    """So many closed sessions."""
    paths = []
    for number in range(sessions):
        name = stem(number, day)
        data = document(events(number, day), stem=name, agent=f"agent-{number % 3}")
        paths.append(write(layout, data, f"{name}.json"))
    return paths


def damage(layout: Layout) -> None:
    """Beside them: torn, foreign, hostile and empty files, links, an open call, sessions in parts."""
    name = stem(100)
    torn = document(events(100), stem=name)
    write(layout, torn[: len(torn) * 2 // 3], f"{name}.json", mtime=1_700_000_000)
    foreign = {"session_id": "ses_0101", "events": [tool(1), llm(2), 7], "summary": {"anything": 1}}
    write(layout, compact(foreign), f"{stem(101)}.json", mtime=1_700_000_000)
    write(layout, b"\x00\xff not a trace", f"{stem(102)}.json", mtime=1_700_000_000)
    write(layout, b"", f"{stem(103)}.json", mtime=1_700_000_000)
    write(layout, document(hostile(), stem=stem(104), agent=HOSTILE), f"{stem(104)}.json")
    write(layout, document(events(105), stem=stem(105)), f"{stem(105)}.json.gz")
    write(layout, document(events(106), stem=stem(106)), f"{stem(106)}.json")
    write(layout, document(events(107), stem=stem(106), part=2), f"{stem(106)}.part2.json")
    write(layout, document([], stem=stem(108)), f"{stem(108)}.json")
    died = document(events(109), stem=stem(109), state="live")
    write(layout, died, f"{stem(109)}.json", mtime=1_700_000_000)
    os.symlink("/etc/passwd", os.path.join(layout.traces, f"{stem(110)}.json"))
    claims = summary_of(events(111)) | {"total_events": 2**80, "tokens": {"prompt": "many"}}
    write(layout, document(events(111), stem=stem(111), summary=claims), f"{stem(111)}.json")


def hostile() -> list[dict[str, Any]]:
    """Values of every wrong type, and texts that mean harm."""
    deep: Any = 1
    for _ in range(400):
        deep = [deep]
    return [
        tool(1, tool=HOSTILE, parameters_redacted={"a": HOSTILE}, duration_ms=2**70, tokens_in=2**70),
        tool(2, tool=["x"], success="yes", duration_ms="9", parent_id=7, phase={}, unknown=1),
        tool(3, tool=None, duration_ms=-1, tokens_in=-1, tokens_out=1.5, timestamp=5),
        llm(4, model={"a": 1}, cost_usd=1e300, prompt_tokens=True, timestamp="yesterday"),
        llm(5, model="", cost_usd=2**53, prompt_tokens=2**53, duration_ms=2**53),
        error(6, error_type=HOSTILE, recovery=[1], message={"deep": deep}, tokens_in=5, cost_usd=1),
        error(7, recovery={"attempted": "yes", "strategy": 7, "success": {}}),
        tool(8, type=["tool_call"]),
        tool(9, type=None, result_redacted=deep, attributes="text"),
        {"type": "decision", "outcome": HOSTILE, "duration_us": 5, "stem": "other", "part": 9},
    ]
