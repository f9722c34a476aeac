"""Flight-recorder mode: the last events only, and a document of them at a trigger."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import t800
from t800 import _core, reader, recovery, retention, schema
from t800.aggregate import daily
from t800.layout import install_key, telemetry_dir
from t800.testing import capture

Open = Callable[..., t800.Session]
Read = Callable[..., dict[str, Any]]
Run = Callable[..., subprocess.CompletedProcess[str]]

FLIGHT: dict[str, object] = {"telemetry.mode": "flight"}


@pytest.fixture
def fly(open_session: Open) -> Iterator[Open]:
    """Opens sessions in flight-recorder mode; in the end, nothing of them is left but whole documents."""
    opened: list[t800.Session] = []

    def open_one(**settings: object) -> t800.Session:
        named = {f"telemetry.flight.{name}": value for name, value in settings.items()}
        trace = open_session(settings=FLIGHT | named)
        opened.append(trace)
        return trace

    yield open_one
    for trace in opened:
        trace.close()
        assert generations(trace) == []
        if documents(trace):
            found = reader.of_stem(layout(trace), Path(str(trace.path)).name.removesuffix(".json"))
            assert schema.validate_session(found) == []


def layout(trace: t800.Session) -> Any:
    assert trace.layout is not None
    return trace.layout


def generations(trace: t800.Session) -> list[str]:
    stem = Path(str(trace.path)).name.removesuffix(".json")
    return sorted(name for name in os.listdir(layout(trace).private) if name.startswith(f"{stem}.flight"))


def documents(trace: t800.Session) -> list[dict[str, Any]]:
    """The session's documents, in order."""
    stem = Path(str(trace.path)).name.removesuffix(".json")
    paths = [path for path in Path(layout(trace).traces).iterdir() if path.name.startswith(f"{stem}.")]
    found = [json.loads(path.read_bytes()) for path in paths]
    for document in found:
        assert document["metadata"]["mode"] == "flight"
        assert document["summary"]["total_events"] == len(document["events"])
    return sorted(found, key=lambda document: document["metadata"].get("part", 1))


def outcomes(document: dict[str, Any]) -> list[Any]:
    return [event["outcome"] for event in document["events"] if event["type"] == "decision"]


# Triggers


def test_without_a_trigger_nothing_stays(fly: Open) -> None:
    trace = fly()
    for n in range(500):
        trace.decision("n", outcome=n)
    assert trace.flush()
    assert documents(trace) == []
    assert len(generations(trace)) == 1
    assert trace.close()
    assert os.listdir(layout(trace).traces) == []
    assert [name for name in os.listdir(layout(trace).private) if Path(str(trace.path)).stem in name] == []


def test_the_path_is_where_the_first_document_will_be(fly: Open, read_trace: Read) -> None:
    trace = fly()
    assert not os.path.lexists(str(trace.path))
    trace.decision("n", outcome=1)
    trace.error("BOOM")
    assert trace.flush()
    document = read_trace(trace)
    assert [event["type"] for event in document["events"]] == ["decision", "error"]
    assert document["summary"]["state"] == "closed"
    assert "part" not in document["metadata"]
    assert os.stat(str(trace.path)).st_mode & 0o777 == 0o600


def test_an_error_is_a_trigger_unless_it_is_not_named(fly: Open) -> None:
    trace = fly(on=["crash"])
    trace.error("BOOM")
    trace.close()
    assert documents(trace) == []


@pytest.mark.parametrize(("name", "written"), [("EXECUTE", 1), ("PLAN", 0)])
def test_a_checkpoint_is_a_trigger_by_its_name(fly: Open, name: str, written: int) -> None:
    trace = fly(on=["EXECUTE"])
    trace.decision("n", outcome=1)
    trace.checkpoint(name, "completed")
    assert trace.flush()
    assert len(documents(trace)) == written
    with trace.phase(name):
        trace.decision("n", outcome=2)
    assert trace.flush()
    assert [outcomes(document) for document in documents(trace)] == [[1, 2]] * written


def test_an_error_in_a_span_comes_with_what_was_before(fly: Open) -> None:
    trace = fly()
    with trace.tool("read", {"n": 1}) as call:
        call.result("fine")
    with pytest.raises(ValueError, match="no"), trace.llm("m"), trace.tool("write"):
        raise ValueError("no")
    trace.decision("behind it")
    trace.close()
    (document,) = documents(trace)
    assert [event["type"] for event in document["events"][:4]] == [
        "tool_call",
        "error",
        "tool_call",
        "llm_call",
    ]
    assert document["summary"]["failed"] == 2


def test_dump_gives_the_path_of_what_was_recorded_since_the_last_one(fly: Open, read_trace: Read) -> None:
    trace = fly()
    assert trace.dump() is None
    trace.decision("n", outcome=1)
    assert trace.dump() == trace.path
    assert trace.dump() == trace.path, "nothing new"
    trace.decision("n", outcome=2)
    second = trace.dump()
    assert second == str(trace.path).replace(".json", ".part2.json")
    first, then = documents(trace)
    assert [outcomes(first), outcomes(then)] == [[1], [2]]
    assert [event["event_id"] for event in then["events"]] == ["evt_002"]
    assert read_trace(second)["metadata"]["part"] == 2
    trace.decision("n", outcome=3)
    trace.close()
    assert len(documents(trace)) == 2
    assert trace.dump() == second


def test_dump_in_full_mode_and_in_memory(open_session: Open, read_trace: Read) -> None:
    trace = open_session()
    trace.decision("n", outcome=1)
    assert trace.dump() == trace.path
    assert len(read_trace(trace)["events"]) == 1
    with capture() as kept:
        kept.decision("n")
        assert kept.dump() is None
    assert t800.session(enabled=False).dump() is None


def test_a_thousand_errors_in_a_row_are_one_document(fly: Open) -> None:
    trace = fly()
    for n in range(1_000):
        trace.error("BOOM", str(n))
        if n % 100 == 0:
            assert trace.flush()
    trace.close()
    (document,) = documents(trace)
    assert [event["event_id"] for event in document["events"]] == [f"evt_{n:03}" for n in range(1, 1_001)]
    assert document["summary"]["errors"] == 1_000


def test_an_error_behind_a_dump_begins_a_document(fly: Open) -> None:
    trace = fly()
    trace.decision("n", outcome=1)
    trace.dump()
    trace.error("BOOM")
    trace.flush()
    trace.error("BOOM")
    trace.close()
    assert [len(document["events"]) for document in documents(trace)] == [1, 2]


def test_a_document_that_was_deleted_is_not_waited_for(fly: Open) -> None:
    trace = fly()
    trace.error("BOOM")
    assert trace.flush()
    os.unlink(str(trace.path))
    trace.error("BOOM", "again")
    assert trace.flush()
    (document,) = documents(trace)
    assert [event.get("message") for event in document["events"]] == ["again"]


# What is kept


def test_the_older_half_is_given_up_by_size(fly: Open) -> None:
    trace = fly(max_mb=1)
    text = "word " * 200
    for n in range(4_000):
        trace.decision("n", outcome=n, attributes={"note": text})
    assert trace.flush()
    sizes = [os.path.getsize(os.path.join(layout(trace).private, name)) for name in generations(trace)]
    assert len(sizes) == 2
    assert sum(sizes) <= 1_010_000
    trace.dump()
    (document,) = documents(trace)
    kept = outcomes(document)
    assert kept == list(range(kept[0], 4_000))
    assert 400 <= len(kept) <= 1_000
    assert os.path.getsize(str(trace.path)) >= 450_000


def test_a_document_behind_a_gap_is_a_new_one(fly: Open) -> None:
    trace = fly(max_mb=1)
    trace.error("BOOM")
    assert trace.flush()
    for n in range(4_000):
        trace.decision("n", outcome=n, attributes={"note": "word " * 200})
    trace.error("BOOM", "again")
    trace.close()
    first, second = documents(trace)
    assert len(first["events"]) == 1
    assert second["events"][-1]["message"] == "again"
    assert outcomes(second)[0] > 0


def test_the_older_half_is_given_up_by_age(fly: Open) -> None:
    trace = fly(minutes=0.001)
    for n in range(4):
        trace.decision("n", outcome=n)
        assert trace.flush()
        time.sleep(0.1)
    assert len(generations(trace)) == 2
    trace.dump()
    (document,) = documents(trace)
    assert outcomes(document) == [2, 3]


def test_sessions_side_by_side_keep_their_own(fly: Open) -> None:
    traces = [fly() for _ in range(5)]
    for n in range(100):
        for trace in traces:
            trace.decision(str(trace.session_id), outcome=n)
    traces[2].error("BOOM")
    assert traces[2].flush()
    assert [len(documents(trace)) for trace in traces] == [0, 0, 1, 0, 0]
    assert outcomes(documents(traces[2])[0]) == list(range(100))


def test_sums_and_durations_are_those_of_the_events(fly: Open) -> None:
    trace = fly(max_mb=1)
    for n in range(3_000):
        trace.tool_call(
            "read", {"password": "x", "note": "word " * 100}, duration_ms=n % 7, success=n % 3 > 0
        )
    trace.dump()
    (document,) = documents(trace)
    events, summary = document["events"], document["summary"]
    assert len(events) < 3_000
    assert summary["succeeded"] == sum(event["success"] for event in events)
    assert summary["duration_us"] == sum(event["duration_ms"] for event in events) * 1_000
    assert summary["durations"]["tools"]["read"]["count"] == len(events)
    assert sum(summary["redactions"].values()) >= len(events)


# Others


def test_readers_days_and_retention_cope_with_a_session_without_a_file(fly: Open) -> None:
    trace = fly()
    trace.decision("n", outcome=1)
    place = layout(trace)
    assert trace.flush()
    assert list(reader.sessions(place)) == []
    trace.close()
    assert daily.catch_up(place) == []
    assert trace.settings is not None
    assert retention.prune(place, trace.settings).retired == []


def test_a_live_session_with_a_document_is_shown_as_live(fly: Open) -> None:
    trace = fly()
    trace.error("BOOM")
    assert trace.flush()
    (found,) = reader.sessions(layout(trace))
    assert found.live
    assert len(list(found.events())) == 1
    trace.close()
    assert not found.live


def test_run_says_that_nothing_was_kept(python: Run, project: Path) -> None:
    (project / "agent.py").write_text("import t800\nt800.decision('x')\n")
    done = subprocess.run(
        [str(Path(sys.executable).with_name("t800")), "run", "agent.py"],
        env=os.environ | {"T800_MODE": "flight"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "flight recorder" in done.stderr


# Crashes

DYING = """
    import os, sys, t800
    settings = {"telemetry.mode": "flight", "telemetry.flight.max_mb": 1}
    settings["telemetry.flight.on"] = sys.argv[1].split(",")
    trace = t800.session(agent="x", enabled=True, settings=settings)
    trace.decision("first", outcome=0, attributes={"note": "word " * 200})
    for n in range(1, 1_500):
        trace.decision("n", outcome=n, attributes={"note": "word " * 200})
    if "flushed" in sys.argv: trace.flush()
    call = trace.tool("read", {"file_path": "a"}).__enter__()
    for n in range(1_500, 1_600):
        trace.decision("n", outcome=n)
    if "error" in sys.argv[2:]: trace.error("BOOM")
    print(trace.path, flush=True)
    if "slow" in sys.argv: trace.flush()
    os.kill(os.getpid(), 9)
"""


def die(*arguments: str) -> str:
    """Where the document of a process that was killed would be."""
    process = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(DYING), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == -signal.SIGKILL, process.stderr
    return process.stdout.strip()


def files_of(path: str) -> list[str]:
    stem = Path(path).name.removesuffix(".json")
    place = telemetry_dir()
    return [name for folder in (place.traces, place.private) for name in os.listdir(folder) if stem in name]


@pytest.mark.parametrize("ways", [(), ("flushed",), ("flushed", "slow")])
def test_a_crash_is_a_trigger(project: Path, read_trace: Read, ways: tuple[str, ...]) -> None:
    path = die("crash", *ways)
    assert not os.path.lexists(path)
    report = recovery.recover(telemetry_dir())
    assert report.refused == []
    assert [document.file for document in report.documents] == [path]
    document = read_trace(path)
    kept = outcomes(document)
    assert kept == list(range(kept[0], 1_600)), "nothing acknowledged is missing behind what was given up"
    assert document["events"][-1]["interrupted"] is True
    assert document["summary"]["state"] == "recovered"
    assert document["metadata"]["mode"] == "flight"
    assert "generation" not in document["metadata"]
    assert files_of(path) == [os.path.basename(path)]
    (found,) = reader.sessions(telemetry_dir())
    assert schema.validate_session(found) == []
    assert recovery.recover(telemetry_dir()).documents == []


def test_a_crash_that_is_no_trigger_leaves_nothing(project: Path) -> None:
    path = die("error", "flushed")
    assert len(files_of(path)) >= 2
    report = recovery.recover(telemetry_dir())
    assert (report.refused, report.documents) == ([], [])
    assert files_of(path) == []


def test_an_error_that_nobody_has_come_to_is_a_trigger_still(project: Path, read_trace: Read) -> None:
    path = die("error", "error")
    recovery.recover(telemetry_dir())
    document = read_trace(path)
    assert "error" in {event["type"] for event in document["events"]}
    ids = [event["event_id"] for event in document["events"]]
    assert len(ids) == len(set(ids))


def test_a_crash_behind_a_document_begins_the_next_one(project: Path, read_trace: Read) -> None:
    path = die("error,crash", "error", "slow")
    first = read_trace(path)
    assert first["events"][-1]["type"] == "error"
    recovery.recover(telemetry_dir())
    assert read_trace(path) == first
    second = read_trace(path.replace(".json", ".part2.json"))
    assert [event.get("tool") for event in second["events"]] == ["read"], "the call that was open"
    (found,) = reader.sessions(telemetry_dir())
    assert schema.validate_session(found) == []


def test_a_new_session_recovers_a_dead_one(project: Path, read_trace: Read, open_session: Open) -> None:
    path = die("crash", "flushed")
    trace = open_session()
    trace.decision("x")
    assert trace.flush()
    assert outcomes(read_trace(path))[-1] == 1_599


def test_generations_outlive_their_ring(project: Path, read_trace: Read) -> None:
    path = die("crash", "flushed", "slow")
    remove_rings()
    report = recovery.recover(telemetry_dir())
    assert report.refused == []
    assert outcomes(read_trace(path))[-1] == 1_599
    assert files_of(path) == [os.path.basename(path)]


def remove_rings() -> None:
    """Remove the rings of this telemetry folder, as a restart of the machine does."""
    private = telemetry_dir().private
    tag = _core.keyed_hash(install_key()[0], f"ring:{private}".encode())[:16]
    folders = [Path(folder) for folder in ("/dev/shm", os.environ.get("XDG_RUNTIME_DIR"), private) if folder]
    rings = {path for folder in folders for path in folder.rglob(f"*{tag}*")} | set(
        Path(private).glob("ring-*")
    )
    assert rings
    for ring in rings:
        ring.unlink()


def test_generations_of_a_living_process_are_left_alone(fly: Open, python: Run) -> None:
    trace = fly()
    trace.decision("n", outcome=1)
    assert trace.flush()
    python(
        """
        import t800
        from t800 import recovery
        from t800.layout import install_key, telemetry_dir
        with t800.session(agent="other", enabled=True) as other:
            other.decision("x")
        assert recovery.recover(telemetry_dir()).documents == []
        """
    )
    trace.error("BOOM")
    assert trace.flush()
    (document,) = documents(trace)
    assert outcomes(document) == [1]
