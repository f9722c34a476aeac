"""Buffer and file: a whole document after every flush, parts, closing, and disks that refuse."""

from __future__ import annotations

import glob
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import t800
from t800 import reader
from t800.system import user_number

Open = Callable[..., t800.Session]
Read = Callable[..., dict[str, Any]]
Run = Callable[..., subprocess.CompletedProcess[str]]

SLOW = {
    "trace_buffer.flush_interval_ms": 3_600_000,
    "trace_buffer.max_events": 100_000,
    "trace_buffer.max_size_kb": 65_536,
}


def path_of(trace: t800.Session) -> Path:
    assert trace.path is not None
    return Path(trace.path)


def test_the_document_is_whole_from_the_first_moment(open_session: Open, read_trace: Read) -> None:
    trace = open_session()
    document = read_trace(trace)
    assert document["events"] == []
    assert document["summary"]["state"] == "live"


def test_after_a_flush_everything_before_it_is_in_the_document(open_session: Open, read_trace: Read) -> None:
    trace = open_session(settings=SLOW)
    for n in range(1, 60):
        trace.tool_call("t", {"n": n, "text": "x" * (n * 37 % 500)})
        assert trace.flush()
        document = read_trace(trace)
        assert [event["event_id"] for event in document["events"]] == [f"evt_{m:03}" for m in range(1, n + 1)]
        assert document["summary"]["total_events"] == n


def test_without_a_flush_nothing_is_written_early(open_session: Open, read_trace: Read) -> None:
    trace = open_session(settings=SLOW)
    for _ in range(500):
        trace.decision("x")
    assert read_trace(trace)["events"] == []
    trace.close()
    assert len(read_trace(trace)["events"]) == 500


def test_one_event_per_line_and_the_last_line_closes_the_document(open_session: Open) -> None:
    with open_session() as trace:
        trace.decision("line\nbreak\r\u2028", outcome="\n\n")
        trace.tool_call("t", {"text": "a\nb"})
    lines = path_of(trace).read_bytes().split(b"\n")
    assert len(lines) == 5
    assert lines[-1] == b""
    assert json.loads(lines[0] + b"]}")["session_id"] == trace.session_id
    assert [json.loads(line.rstrip(b","))["event_id"] for line in lines[1:3]] == ["evt_001", "evt_002"]
    assert json.loads(b'{"events":[' + lines[3])["summary"]["total_events"] == 2


def test_json_tool_jq_and_tail_work_on_a_live_trace_between_flushes(open_session: Open) -> None:
    trace = open_session(settings=SLOW)
    for n in range(20):
        trace.tool_call("read", {"n": n}, duration_ms=n)
        if n % 7 == 0:
            trace.flush()
        path = str(trace.path)
        tail = subprocess.run(["tail", "-n1", path], capture_output=True, check=True).stdout
        assert tail.startswith(b'],"summary":{')
        assert tail.endswith(b"\n")
        shown = json.loads(b'{"events":[' + tail)["summary"]["total_events"]
        assert shown == n - n % 7 + 1
        tool = subprocess.run([sys.executable, "-m", "json.tool", path], capture_output=True, check=False)
        assert tool.returncode == 0, tool.stderr
    assert len(json.loads(tool.stdout)["events"]) == 15


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
def test_jq_reads_the_summary_of_a_live_trace(open_session: Open) -> None:
    trace = open_session(settings=SLOW)
    for n in range(10):
        trace.tool_call("read", {"n": n})
        trace.flush()
        done = subprocess.run(["jq", "-c", ".summary", str(trace.path)], capture_output=True, check=True)
        assert json.loads(done.stdout)["total_events"] == n + 1


def test_our_reader_never_fails_on_a_document_that_is_being_written(open_session: Open) -> None:
    trace = open_session(settings={"trace_buffer.max_events": 3})
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            trace.tool_call("t", {"text": "x" * 50}, duration_ms=1)
            trace.flush()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        seen = rounds = 0
        while seen < 100 or rounds < 100:
            rounds += 1
            (found,) = reader.sessions(trace.layout)
            ids = [event["event_id"] for event in found.events()]
            assert ids == [f"evt_{n:03}" for n in range(1, len(ids) + 1)]
            assert len(ids) >= seen
            seen = len(ids)
    finally:
        stop.set()
        thread.join()


def test_flush_and_close_say_that_they_are_done(open_session: Open) -> None:
    trace = open_session()
    assert trace.flush() is True
    assert trace.flush(timeout=60) is True
    assert trace.close() is True
    for _ in range(50):
        assert trace.flush() is True


@pytest.mark.parametrize("timeout", [-1.0, float("nan"), float("inf"), 1e300])
def test_an_odd_timeout_hurts_nobody(open_session: Open, timeout: float) -> None:
    assert open_session().flush(timeout) in {True, False}


def test_a_short_closing_line_is_padded_so_that_nothing_is_left_behind(
    open_session: Open, read_trace: Read
) -> None:
    trace = open_session(settings=SLOW)
    for n in range(200):
        trace.record({"type": "decision", "timestamp": f"2024-{n % 12 + 1:02}-{n % 28 + 1:02}T00:00:00Z"})
    trace.flush()
    assert len(read_trace(trace)["events"]) == 200
    trace.close()
    assert read_trace(trace)["summary"]["state"] == "closed"


# Parts


def test_a_long_session_has_parts_that_are_whole_documents(open_session: Open, read_trace: Read) -> None:
    scanned = {"file_paths.redact_content": False, "telemetry.privacy.redact_content": False}
    # Compressing in the background would take the plain parts away while they are looked at.
    kept = {"telemetry.retention.auto_cleanup": False}
    trace = open_session(settings=scanned | kept, session_id="ses_long")
    text = "some words that are no secret; " * 400
    count = 2_800
    for n in range(count):
        trace.tool_call("read", {"n": n, "note": text}, duration_ms=1)
        if n % 200 == 0:
            # So that neither a busy disk nor a small memory decides what there is.
            assert trace.flush(60)
    trace.close()
    first = path_of(trace)
    paths = [first, *(first.with_suffix(f".part{n}.json") for n in range(2, 10))]
    paths = [path for path in paths if path.exists()]
    assert len(paths) == 3
    seen = []
    for number, path in enumerate(paths, 1):
        assert path.stat().st_size <= 16_777_216
        document = read_trace(path)
        assert document["session_id"] == "ses_long"
        assert document["metadata"].get("part", 1) == number
        assert document["metadata"]["agent"] == "tester"
        assert document["summary"]["total_events"] == len(document["events"])
        assert document["summary"]["state"] == "closed"
        seen += [event["event_id"] for event in document["events"]]
    assert seen == [f"evt_{n:03}" for n in range(1, count + 1)]
    assert all(path.stat().st_size > 15_000_000 for path in paths[:-1])
    (joined,) = reader.sessions(trace.layout)
    assert sum(1 for _ in joined.events()) == count
    assert joined.summary()["total_events"] == count
    assert joined.summary()["total_duration_ms"] == count


# The end of the process


@pytest.mark.parametrize("end", ["pass", "raise SystemExit(3)", "1 / 0", "import sys; sys.exit('bye')"])
def test_nothing_is_lost_however_a_program_ends(python: Run, read_trace: Read, end: str) -> None:
    done = python(
        f"""
        import t800
        trace = t800.session(enabled=True, settings={SLOW!r})
        print(trace.path, flush=True)
        for n in range(1000):
            trace.decision("x")
        {end}
        """,
        check=False,
    )
    document = read_trace(done.stdout.strip())
    assert len(document["events"]) == 1000
    assert document["summary"]["state"] == "closed"
    assert "t800" not in done.stderr


def test_threads_that_still_record_at_exit_do_not_hang_it(python: Run, read_trace: Read) -> None:
    done = python("""
        import threading, time, t800
        trace = t800.session(enabled=True)
        def work():
            while True:
                trace.decision("x")
                time.sleep(0.0001)
        for _ in range(4):
            threading.Thread(target=work, daemon=True).start()
        while trace.decision("main") == "evt_001":
            pass
        print(trace.path)
    """)
    document = read_trace(done.stdout.strip())
    assert document["summary"]["total_events"] == len(document["events"]) > 0


# Disks that refuse


def test_an_unwritable_folder_is_said_once_and_the_agent_runs_on(python: Run, project: Path) -> None:
    (project / ".opencode").write_text("a file where a folder should be")
    done = python("""
        import t800
        for _ in range(3):
            with t800.session(enabled=True) as trace:
                with trace.tool("x") as call:
                    assert call.result(7) == 7
                assert not trace.enabled and trace.path is None
        print("done")
    """)
    assert done.stdout == "done\n"
    assert done.stderr.count("recording is off") == 1
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(user_number() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_said_once_and_the_agent_runs_on(python: Run, project: Path) -> None:
    project.chmod(0o500)
    try:
        done = python(
            "import t800\nwith t800.session(enabled=True) as trace: trace.tool_call('x')\nprint('done')"
        )
    finally:
        project.chmod(0o700)
    assert (done.stdout, done.stderr.count("recording is off")) == ("done\n", 1)


def test_a_folder_that_is_removed_while_recording_hurts_nobody(python: Run) -> None:
    done = python("""
        import os, shutil, t800
        with t800.session(enabled=True) as trace:
            trace.tool_call("before")
            trace.flush()
            while os.path.exists(".opencode"):  # the writer may be making files there at this moment
                shutil.rmtree(".opencode", ignore_errors=True)
            for n in range(2000):
                trace.tool_call("after", {"n": n})
            trace.flush()
        with t800.session(enabled=True) as again:
            again.tool_call("again")
        import json
        print(len(json.load(open(again.path))["events"]))
    """)
    assert done.stdout == "1\n"
    assert "Traceback" not in done.stderr


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    mount = shutil.which("mount")
    if user_number() != 0 or mount is None:
        pytest.skip("mounting a small tmpfs needs root")
    folder = tmp_path / "small"
    folder.mkdir()
    done = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"mounting a small tmpfs is refused: {done.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_leaves_a_whole_document_is_said_and_counted(
    python: Run, read_trace: Read, small_disk: Path
) -> None:
    done = python(
        """
        import sys, t800
        trace = t800.session(enabled=True, dir=sys.argv[1])
        print(trace.path, flush=True)
        for n in range(3000):
            trace.tool_call("t", {"n": n, "text": "words " * 20})
            if n % 100 == 0:
                trace.flush()
        trace.close()
        print("done")
        """,
        str(small_disk / "telemetry"),
    )
    path, said = done.stdout.split()
    assert said == "done"
    assert done.stderr.count("the trace could not be written") == 1
    document = read_trace(path)
    assert 0 < len(document["events"]) < 3_000
    assert len(document["events"]) == document["summary"]["total_events"]


def test_a_disk_that_has_room_again_gets_everything(python: Run, read_trace: Read, small_disk: Path) -> None:
    done = python(
        """
        import os, sys, t800
        from pathlib import Path
        trace = t800.session(enabled=True, dir=sys.argv[1] + "/telemetry")
        ballast = Path(sys.argv[1], "ballast")
        try:
            with ballast.open("wb", buffering=0) as file:
                while True:
                    file.write(bytes(4096))
        except OSError:
            pass
        for n in range(500):
            trace.tool_call("t", {"n": n})
        trace.flush()
        ballast.unlink()
        trace.tool_call("t", {"n": 500})
        trace.close()
        print(trace.path)
        """,
        str(small_disk),
    )
    document = read_trace(done.stdout.strip())
    assert [event["parameters_redacted"]["n"] for event in document["events"]] == list(range(501))
    assert document["summary"]["dropped"] == 0


def test_files_that_are_in_the_way_are_left_alone(open_session: Open, project: Path) -> None:
    trace = open_session(session_id="ses_x")
    path = path_of(trace)
    trace.close()
    before = path.read_bytes()
    # The same second and the same id again: another name, the first file untouched.
    again = t800.Session(
        settings=trace.settings.compiled(),  # type: ignore[union-attr]
        traces=str(path.parent), private=trace.layout.private,  # type: ignore[union-attr]
        stem=path.stem, session_id="ses_x", started_ns=0, key=bytes(32), identity=False,
    )  # fmt: skip
    again.decision("x")
    again.close()
    assert again.path != trace.path
    assert path.read_bytes() == before
    assert len(glob.glob(str(path.parent / "*.json"))) == 2


def test_a_link_in_the_place_of_the_document_is_not_followed(open_session: Open, tmp_path: Path) -> None:
    trace = open_session(session_id="ses_y")
    path = path_of(trace)
    trace.close()
    target = tmp_path / "target"
    link = path.with_name("2024-01-15_10-30-00_ses_z.json")
    link.symlink_to(target)
    again = t800.Session(
        settings=trace.settings.compiled(),  # type: ignore[union-attr]
        traces=str(path.parent), private=trace.layout.private,  # type: ignore[union-attr]
        stem="2024-01-15_10-30-00_ses_z", session_id="ses_z", started_ns=0, key=bytes(32), identity=False,
    )  # fmt: skip
    again.close()
    assert not target.exists()
    assert link.is_symlink()
