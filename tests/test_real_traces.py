"""The reader, the schema and retention against what the recorder itself writes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

import t800
from t800.aggregate.daily import catch_up, load
from t800.config import Settings
from t800.layout import Layout, telemetry_dir
from t800.memory import episodic, working
from t800.reader import family, resolve, sessions
from t800.retention import compress, prune
from t800.schema import validate_session

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    for name in ("T800_ENABLED", "T800_DIR", "T800_PARENT", "T800_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    return telemetry_dir(tmp_path / "telemetry")


def record(layout: Layout, **settings: object) -> t800.Session:
    given = {f"telemetry.{name}": value for name, value in settings.items()}
    return t800.session(agent="real", dir=layout.telemetry, enabled=True, settings=given, strict=True)


def test_every_verb_makes_a_valid_trace(layout: Layout) -> None:
    with record(layout) as trace:
        with trace.phase("PLAN", plan_complexity=7) as plan:
            with trace.tool("read", {"file_path": "src/auth.py"}) as call:
                assert working(trace)["phase"] == "PLAN"
                call.result("text")
            plan.update(revision_count=2)
        with pytest.raises(ValueError, match="cold"), trace.tool("bash", {"command": "ls"}):
            raise ValueError("the reactor is cold")
        with trace.llm("claude-sonnet-4") as call:
            call.usage(prompt_tokens=1500, completion_tokens=800)
        trace.decision("strategy", outcome={"edit": ["in", "place"]})
        trace.error("TOOL_TIMEOUT", "too long", tool="bash", recovery={"attempted": True, "success": None})
        trace.record({"type": "tool_call", "tool": "bare"})
        trace.flush()
        read = resolve(layout, "last")
        assert read.live
        assert (validate_session(read), read.damage) == ([], [])
        assert read.summary()["state"] == "live"
        trace.pre_tool("open", {"a": 1})
    read = resolve(layout, "last")
    assert not read.live
    assert (validate_session(read), read.damage) == ([], [])
    assert (read.summary()["state"], read.summary()["interrupted"]) == ("closed", 1)
    assert read.session_id == trace.session_id
    (episode,) = episodic(layout.telemetry).recall("reactor cold", tool="bash")
    errors = {event["event_id"] for event in read.events() if event["type"] == "error"}
    assert {match.event_id for match in episode.matches} & errors


def random_event(chance: random.Random) -> dict[str, Any]:
    def number() -> int:
        return chance.choice([0, 1, 7, 10**6, chance.randrange(10**9)])

    common = {
        "success": chance.choice([True, False, None]),
        "timestamp": f"2026-01-{chance.randrange(10, 14)}T05:06:07Z",
    }
    kind = chance.choice(["tool_call", "llm_call", "decision", "error", "checkpoint"])
    duration = {
        "duration_ms": chance.choice([0, 0.001, 0.25, chance.random() * 1e5, chance.randrange(10**6)])
    }
    fields: dict[str, dict[str, Any]] = {
        "tool_call": {"tool": chance.choice(["read", 'q"uo\\te', "naïve", "x" * 300]), "tokens_in": number()}
        | duration,
        "llm_call": {
            "model": f"m{chance.randrange(90)}",
            "prompt_tokens": number(),
            "completion_tokens": number(),
        }
        | {"cost_usd": chance.choice([None, 0, 0.023, chance.random()]), "cached_tokens": number()}
        | duration,
        "decision": {"decision_type": "d", "outcome": None},
        "error": {"error_type": "e", "message": "m"} | duration,
        "checkpoint": {"phase_name": "PLAN", "status": "completed"},
    }
    calls = kind in ("tool_call", "llm_call")
    chosen = fields[kind] | (common if calls else {"timestamp": common["timestamp"]})
    kept = {name: value for name, value in chosen.items() if chance.random() < 0.9}
    return {"type": kind} | kept | ({"parent_id": "evt_001"} if chance.random() < 0.2 else {})


def test_both_folds_agree_on_random_events(layout: Layout) -> None:
    chance = random.Random(1984)
    with record(layout) as trace:
        for _ in range(3000):
            assert trace.record(random_event(chance)) is not None
    read = resolve(layout, "last")
    assert validate_session(read) == []
    assert len(read.summary()["by_day"]) > 3
    assert len(read.summary()["durations"]["models"]) >= 64


def test_parts_rotate_compress_and_add_up(layout: Layout) -> None:
    # Without the session's own housekeeping, which compresses as well once a second has passed.
    settings = {
        "privacy.redact_content": False,
        "privacy.max_value_bytes": 400_000,
        "retention.auto_cleanup": False,
    }
    with record(layout, **settings) as trace:
        for number in range(140):
            trace.tool_call("read", {"note": f"{number} " + "alpha beta " * 12_000}, duration_ms=number)
    read = resolve(layout, "last")
    assert len(read.parts) == 2
    assert max(part.size for part in read.parts) <= 16 << 20
    before = list(read.events()), read.summary()
    assert len(compress(layout)) == len(read.parts), [part.size for part in read.parts]
    read = resolve(layout, "last")
    assert all(part.packed for part in read.parts)
    assert (list(read.events()), read.summary()) == before
    assert (validate_session(read), read.damage) == ([], [])
    assert read.summary()["total_events"] == 140


def test_follow_sees_each_event_of_a_session_that_runs(layout: Layout) -> None:
    trace = record(layout, **{"performance.buffer_size": 3})
    trace.flush()
    followed: list[str] = []
    following = resolve(layout, "last")
    thread = threading.Thread(
        target=lambda: followed.extend(event["event_id"] for event in following.follow(poll=0.002))
    )
    thread.start()
    given = [trace.tool_call("read", {"n": n}) for n in range(700)]
    trace.close()
    thread.join()
    assert followed == given


def test_a_session_inside_a_session_is_family(layout: Layout) -> None:
    with record(layout) as outer:
        outer.tool_call("read", {})
        with record(layout) as inner:
            inner.tool_call("read", {})
    last = resolve(layout, "last")
    assert last.session_id == outer.session_id
    assert [member.session_id for member in family(layout, last)] == [inner.session_id]


def test_days_and_retention_of_real_sessions(layout: Layout) -> None:
    written = set()
    for _ in range(3):
        with record(layout) as trace:
            trace.tool_call("read", {}, duration_ms=5)
            written.add(trace.session_id)
    catch_up(layout)
    (date,) = {read.started[:10] for read in sessions(layout)}
    assert load(layout, date)["summary"]["total_events"] == 3

    settings = Settings({"telemetry.retention.max_trace_files": 1}, {}, enabled=True, reason="a test")
    report = prune(layout, settings)
    assert len(report.retired) == 2
    assert report.kept == []
    # Which one stays is open: all three may have begun in the same second.
    (kept,) = sessions(layout)
    assert kept.session_id in written


KILLED = """
import os, signal, sys, t800
trace = t800.session(dir=sys.argv[1], enabled=True, settings={"telemetry.performance.buffer_size": 10})
for number in range(95):
    trace.tool_call("read", {"n": number})
trace.flush()
trace.pre_tool("bash", {})
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_session_is_not_live_stays_a_day_and_is_counted(layout: Layout) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, layout.telemetry], check=False)
    assert killed.returncode == -signal.SIGKILL
    read = resolve(layout, "last")
    assert (read.live, read.unfinished) == (False, True)
    assert len(list(read.events())) >= 95
    assert (validate_session(read), read.damage) == ([], [])
    (date,) = catch_up(layout)
    assert load(layout, date)["summary"]["incomplete"] == 1
    settings = Settings({"telemetry.retention.max_total_mb": 1e-6}, {}, enabled=True, reason="a test")
    assert prune(layout, settings).retired == []
    for part in read.parts:
        os.utime(part.path, (time.time() - 2 * 86_400,) * 2)
    assert len(prune(layout, settings).retired) == 1
    assert [name for name in os.listdir(layout.private) if name.startswith(read.stem)] == []
