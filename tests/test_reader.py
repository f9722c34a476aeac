"""The reader: whatever state the files are in, what can be read is read, and what cannot is said."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.trace_files import (
    STEM,
    compact,
    document,
    error,
    header_of,
    llm,
    make_layout,
    summary_of,
    tool,
    write,
)

import t800
from t800.errors import CorruptTraceError, SessionNotFoundError
from t800.layout import Layout, telemetry_dir
from t800.reader import SessionTrace, both_spellings, family, resolve, scan, sessions
from t800.summary import fold_events
from t800.trace_file import parse


def only(tmp_path: Path, data: bytes, name: str = f"{STEM}.json") -> SessionTrace:
    layout = make_layout(tmp_path)
    write(layout, data, name)
    (trace,) = sessions(layout)
    return trace


def test_a_plain_document(tmp_path: Path) -> None:
    events = [tool(1), llm(2), error(3)]
    trace = only(tmp_path, document(events))
    assert list(trace.events()) == events
    assert trace.damage == []
    assert trace.header == header_of()
    assert (trace.session_id, trace.started, trace.metadata) == (
        "ses_abc",
        "2026-01-15T10:30:00.123Z",
        {"agent": "t800"},
    )
    assert trace.summary() == summary_of(events) | {"total_duration_ms": 3512.0}
    assert b"\n".join(trace.lines()) + b"\n" == document(events)


def test_no_events(tmp_path: Path) -> None:
    trace = only(tmp_path, document([]))
    assert list(trace.events()) == []
    assert trace.damage == []
    assert trace.summary()["success_rate"] is None


@pytest.mark.parametrize("count", [1, 200, 3000])
def test_compressed_and_plain_read_alike(tmp_path: Path, count: int) -> None:
    events = [tool(n, text="x" * (n % 700)) for n in range(1, count + 1)]
    trace = only(tmp_path, document(events), f"{STEM}.json.gz")
    assert list(trace.events()) == events
    assert trace.damage == []
    assert trace.summary()["total_events"] == count
    assert trace.header["session_id"] == "ses_abc"


def test_lines_longer_than_a_block(tmp_path: Path) -> None:
    events = [tool(n, attributes={"text": "y" * 300_000}) for n in range(1, 5)]
    assert list(only(tmp_path, document(events)).events()) == events


def test_parts_are_joined_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    for part in range(1, 12):
        name = f"{STEM}.json" if part == 1 else f"{STEM}.part{part}.json"
        write(
            layout,
            document([tool(part), llm(100 + part)], part=part),
            name + (".gz" if part % 3 == 0 else ""),
        )
        if part % 3 == 0:
            Path(layout.traces, name + ".gz").rename(Path(layout.traces, name + ".gz"))
    (trace,) = sessions(layout)
    assert [event["event_id"] for event in trace.events()][::2] == [f"evt_{n:03}" for n in range(1, 12)]
    assert len(trace.parts) == 11
    summary = trace.summary()
    assert summary == fold_events(trace.events()) | {
        name: summary[name] for name in ("dropped", "redactions", "overhead", "state", "ended")
    }


def test_parts_on_two_days_say_so(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    write(layout, document([tool(1)]))
    write(layout, document([tool(2, timestamp="2026-01-16T00:00:01Z")], part=2), f"{STEM}.part2.json")
    (trace,) = sessions(layout)
    by_day = trace.summary()["by_day"]
    assert {day: part["total_events"] for day, part in by_day.items()} == {"2026-01-15": 1, "2026-01-16": 1}
    assert by_day == fold_events(trace.events())["by_day"]


def test_a_document_cut_at_every_byte_keeps_every_whole_event(tmp_path: Path) -> None:
    events = [tool(1), llm(2), error(3)]
    data = document(events)
    path = write(make_layout(tmp_path), data)
    ends = [data.index(compact(event)) + len(compact(event)) for event in events]
    for length in range(len(data)):
        path.write_bytes(data[:length])
        trace = resolve_path(path)
        read = list(trace.events())
        assert read == events[: sum(end <= length for end in ends)]
        assert trace.summary()["total_events"] == len(read)
        assert trace.damage or length == len(data) - 1


def resolve_path(path: Path) -> SessionTrace:
    folder = path.parent.parent
    from t800.layout import Layout

    (trace,) = sessions(Layout(str(folder.parent), str(folder)))
    return trace


def test_a_flush_cut_at_every_byte_loses_nothing_of_before(tmp_path: Path) -> None:
    """A flush overwrites the closing line; cut short, the new bytes stand before the old line's rest."""
    before, added = [tool(1), llm(2)], [error(3), tool(4)]
    old, new = document(before, state="live"), document([*before, *added], state="live")
    start = old.index(b'\n],"summary"')
    path = write(make_layout(tmp_path), old)
    for cut in range(start, len(new)):
        path.write_bytes(new[:cut] + old[cut:])
        read = list(resolve_path(path).events())
        assert read[:2] == before
        assert all(event in added for event in read[2:]), cut
        assert read[2:] == added[: len(read) - 2]


@pytest.mark.parametrize("reached", range(2, 12))
def test_a_piece_that_was_read_while_its_end_was_overwritten_gives_events_alone(
    tmp_path: Path, reached: int
) -> None:
    """The bytes of an old closing line make an object behind the first ones of an event."""
    before, long = [tool(1), tool(2)], tool(4) | {"tool": "x" * 100_000}
    old, new = document(before, state="live"), document([long], state="live")
    start = old.index(b'],"summary"')
    # The piece ends here: the next line is longer than one.
    piece = old[: start - 1] + b",\n" + b'{"event_id"'[:reached] + old[start + reached :]
    trace = only(tmp_path, piece + new[new.index(b"\n") + 1 :])
    assert list(trace.events()) == [*before, long]
    assert [damage.line for damage in trace.damage] == [4]


def test_damage_in_the_middle_costs_one_line_and_is_told(tmp_path: Path) -> None:
    data = document([tool(1), tool(2), tool(3)]).replace(b'"event_id":"evt_002"', b'"event_id":\x00evt_002"')
    trace = only(tmp_path, data)
    assert [event["event_id"] for event in trace.events()] == ["evt_001", "evt_003"]
    assert [(entry.line, entry.problem) for entry in trace.damage] == [
        (3, "the line is torn, or is not an event")
    ]


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        b"null",
        b"7",
        b'"text"',
        b"\x00\x00\x00",
        b"\xff\xfe",
        b"NaN",
        b'{"event_id":"\\ud800"}',
    ],
)
def test_hostile_lines_are_passed_over(tmp_path: Path, line: bytes) -> None:
    data = document([tool(1), tool(2)]).replace(b",\n", b",\n" + line + b",\n", 1)
    trace = only(tmp_path, data)
    assert [event["event_id"] for event in trace.events()] == ["evt_001", "evt_002"]
    assert [entry.line for entry in trace.damage] == [3]


def test_an_endless_line_ends_in_a_note(tmp_path: Path) -> None:
    head = compact(header_of())[:-1] + b',"events":[\n' + compact(tool(1)) + b",\n"
    trace = only(tmp_path, head + b"x" * (33 << 20), f"{STEM}.json.gz")
    assert [event["event_id"] for event in trace.events()] == ["evt_001"]
    assert "longer than 32 MiB" in trace.damage[0].problem


def test_a_compression_bomb_ends_in_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("t800.trace_file.MAX_PART", 10 << 20)
    head = compact(header_of())[:-1] + b',"events":[\n'
    trace = only(tmp_path, head + (b" " * 999_999 + b"\n") * 20, f"{STEM}.json.gz")
    assert list(trace.events()) == []
    assert "unpacks to more than" in trace.damage[-1].problem


@pytest.mark.parametrize("name", [f"{STEM}.json", f"{STEM}.json.gz"])
@pytest.mark.parametrize(
    "data", [b"", b"\x00" * 5000, b"[1,2]", b'{"a":1}', b"\x1f\x8b\x08garbage", b'{"events":[]}']
)
def test_files_that_are_no_traces(tmp_path: Path, name: str, data: bytes) -> None:
    layout = make_layout(tmp_path)
    Path(layout.traces, name).write_bytes(data)
    (trace,) = sessions(layout)
    assert list(trace.events()) == []
    assert trace.damage
    assert trace.summary()["total_events"] == 0
    assert trace.started == "2026-01-15T10:30:00Z"
    with pytest.raises(CorruptTraceError):
        _ = trace.header


def test_a_truncated_compressed_file_keeps_its_beginning(tmp_path: Path) -> None:
    events = [tool(n, source_id=os.urandom(40).hex()) for n in range(1, 5000)]
    layout = make_layout(tmp_path)
    packed = gzip.compress(document(events))
    Path(layout.traces, f"{STEM}.json.gz").write_bytes(packed[: len(packed) // 2])
    (trace,) = sessions(layout)
    read = list(trace.events())
    assert 2000 < len(read) < 3000
    assert read == events[: len(read)]
    assert "cut off" in trace.damage[-1].problem


def test_a_rewritten_document_is_read_as_a_whole(tmp_path: Path) -> None:
    import json

    events = [tool(1), llm(2)]
    trace = only(tmp_path, json.dumps(json.loads(document(events)), indent=2).encode())
    assert list(trace.events()) == events
    assert trace.header == header_of()
    assert trace.summary()["total_events"] == 2


@pytest.mark.posix
def test_links_pipes_and_folders_are_not_opened(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    secret = tmp_path / "secret.json"
    secret.write_bytes(document([tool(1)]))
    Path(layout.traces, f"{STEM}.json").symlink_to(secret)
    os.mkfifo(Path(layout.traces, STEM.replace("abc", "fifo") + ".json"))
    Path(layout.traces, STEM.replace("abc", "dir") + ".json").mkdir()
    Path(layout.traces, "notes.txt").write_text("mine")
    traces, skipped = scan(layout)
    assert traces == []
    assert sorted({entry.reason for entry in skipped}) == [
        "has not a trace file's name",
        "is not a regular file",
    ]
    assert len(skipped) == 4


def test_a_file_that_becomes_a_link_is_not_followed(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    path = write(layout, document([tool(1)]))
    (trace,) = sessions(layout)
    path.rename(tmp_path / "elsewhere.json")
    path.symlink_to(tmp_path / "elsewhere.json")
    assert list(trace.events()) == []
    assert "cannot be read" in trace.damage[0].problem


def test_sessions_come_newest_first_also_within_a_second(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    for stem, moment in [
        ("2026-01-15_10-30-00_zz", "10:30:00.100"),
        ("2026-01-15_10-30-00_aa", "10:30:00.900"),
        ("2026-01-16_00-00-00_mm", "00:00:00.000"),
    ]:
        data = document([], stem=stem).replace(f"{moment[:8]}.000Z".encode(), f"{moment}Z".encode(), 1)
        write(layout, data, f"{stem}.json")
    assert [trace.session_id for trace in sessions(layout)] == ["mm", "aa", "zz"]


def test_resolve(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    for stem in ("2026-01-15_10-30-00_ses_abc", "2026-01-16_10-30-00_ses_abd", "2026-01-17_10-30-00_ses_xyz"):
        write(layout, document([tool(1)], stem=stem), f"{stem}.json")
    write(layout, document([tool(2)], part=2), f"{STEM}.part2.json")
    assert resolve(layout, "last").session_id == "ses_xyz"
    assert resolve(layout, "ses_ab").session_id == "ses_abd"
    assert resolve(layout, "ses_abc").session_id == "ses_abc"
    assert resolve(layout, "2026-01-15").session_id == "ses_abc"
    assert len(resolve(layout, os.path.join(layout.traces, f"{STEM}.part2.json")).parts) == 2
    with pytest.raises(
        SessionNotFoundError, match=r"no session is named 'ses_xyy'. The nearest is 'ses_xyz'"
    ):
        resolve(layout, "ses_xyy")
    with pytest.raises(SessionNotFoundError, match=r"nearest is '2026-01-15_10-30-00_ses_abc.json'"):
        resolve(layout, os.path.join(layout.traces, "2026-01-15_10-30-00_ses_abb.json"))


def test_resolve_in_an_empty_or_missing_folder(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    with pytest.raises(SessionNotFoundError, match="There are no sessions in"):
        resolve(layout, "last")
    os.rmdir(layout.traces)
    assert list(sessions(layout)) == []


def test_a_path_outside_the_folder_is_read_whatever_its_name(tmp_path: Path) -> None:
    path = tmp_path / "copy.json"
    path.write_bytes(document([tool(1)]))
    trace = resolve(make_layout(tmp_path), str(path))
    assert trace.session_id == "ses_abc"
    assert len(list(trace.events())) == 1
    assert not trace.live


def test_last_is_the_run_and_not_a_session_inside_it(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    write(layout, document([], stem="2026-01-15_10-30-00_root"), "2026-01-15_10-30-00_root.json")
    for stem, parent in [("2026-01-15_10-30-05_kid", "root"), ("2026-01-15_10-30-09_grandkid", "kid")]:
        write(layout, document([], stem=stem, parent_session_id=parent), f"{stem}.json")
    root = resolve(layout, "last")
    assert root.session_id == "root"
    assert [member.session_id for member in family(layout, root)] == ["kid", "grandkid"]


def test_parents_in_a_circle_end(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    for stem, parent in [("2026-01-15_10-30-05_one", "two"), ("2026-01-15_10-30-09_two", "one")]:
        write(layout, document([], stem=stem, parent_session_id=parent), f"{stem}.json")
    assert resolve(layout, "last").session_id == "one"
    assert [member.session_id for member in family(layout, resolve(layout, "one"))] == ["two"]


def test_while_compressing_the_plain_file_counts(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    write(layout, document([tool(1)]))
    write(layout, b"half a fi", f"{STEM}.json.gz")
    (trace,) = sessions(layout)
    assert len(list(trace.events())) == 1
    assert trace.damage == []


@pytest.mark.posix
def test_follow_gives_each_event_once_while_the_file_grows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = make_layout(tmp_path)
    events = [tool(n, tool="t" * (n * 37 % 500 + 1)) for n in range(1, 301)]
    path = write(layout, document([], state="live"))
    (trace,) = sessions(layout)
    writing = threading.Event()
    writing.set()
    monkeypatch.setattr("t800.reader._locked", lambda *_: writing.is_set())

    def grow() -> None:
        fd = os.open(path, os.O_WRONLY)
        old = document([], state="live")
        for count in range(7, 301, 7):
            new = document(events[:count], state="live")
            same = len(os.path.commonprefix([old, new]))  # noqa: RUF071 - bytes, not paths
            os.pwrite(fd, new[same:].ljust(len(old) - same), same)
            old = new
        final = document(events[:294])
        os.pwrite(fd, final, 0)
        os.close(fd)
        Path(layout.traces, f"{STEM}.part2.json").write_bytes(document(events[294:], part=2))
        writing.clear()

    thread = threading.Thread(target=grow)
    thread.start()
    followed = list(trace.follow(poll=0.001))
    thread.join()
    assert followed == events


def test_follow_a_finished_session_ends(tmp_path: Path) -> None:
    events = [tool(n) for n in range(1, 2000)]
    assert list(only(tmp_path, document(events)).follow()) == events


def test_follow_a_compressed_session_ends(tmp_path: Path) -> None:
    events = [tool(1), tool(2)]
    assert list(only(tmp_path, document(events), f"{STEM}.json.gz").follow()) == events


@pytest.mark.posix
def test_reading_while_written_sees_only_real_events(tmp_path: Path) -> None:
    """A writer that never pauses: a snapshot holds a beginning of the events, in order."""
    path = write(make_layout(tmp_path), document([], state="live"))
    events = [tool(n, tool="t" * (n % 90 + 1)) for n in range(1, 1500)]
    stop = threading.Event()

    def grow() -> None:
        lines = [compact(event) for event in events]
        closing = document([], state="live").split(b"\n", 1)[1]
        offset = path.stat().st_size - len(closing)
        fd = os.open(path, os.O_WRONLY)
        for n, line in enumerate(lines):
            if stop.is_set():
                break
            text = (b",\n" if n else b"") + line + b"\n"
            start = offset - (1 if n else 0)
            os.pwrite(fd, text + closing, start)
            offset = start + len(text)
        os.close(fd)

    thread = threading.Thread(target=grow)
    thread.start()
    try:
        for _ in range(60):
            read = list(resolve_path(path).events())
            assert read == events[: len(read)]
    finally:
        stop.set()
        thread.join()


def test_both_spellings() -> None:
    assert both_spellings(tool(1)) == tool(1)
    event = both_spellings(llm(1))
    assert (event["tokens_in"], event["tokens_out"], event["cost"]) == (1500, 800, 0.023)
    assert "cost" not in both_spellings({"type": "llm_call", "model": "m"})


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        (b'{"a":"\\ud83d\\ude00"}', True),
        (b'{"a":"\\ud83d"}', False),
        (b'{"a":"\\ude00\\ud83d"}', False),
        (b'{"a":"\\ud83d\\ud83d\\ude00"}', False),
        (b'{"a":"\\u00e9"}', True),
        (b'{"a":"C:\\\\ud800\\n"}', True),
        (b'{"a":"C:\\\\\\ud800"}', False),
        (b'{"a":NaN}', False),
        (b'{"a":-Infinity}', False),
        (b'{"a":' * 100_000, False),
        (b'{"a":"\xff"}', False),
        (b"[]", False),
    ],
)
def test_single_lines_are_parsed_strictly(text: bytes, valid: bool) -> None:
    assert (parse(text) is not None) == valid


def test_a_file_that_is_compressed_between_scan_and_read_is_read_all_the_same(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    events = [tool(n) for n in range(1, 41)]
    path = Path(write(layout, document(events)))
    (trace,) = sessions(layout)
    summary = trace.summary()
    path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    assert list(trace.events()) == events
    (again,) = sessions(layout)
    assert again.summary() == summary
    assert not trace.damage


@pytest.mark.posix
def test_what_waits_in_the_ring_of_a_live_session_is_read_too(
    open_session: Callable[..., t800.Session],
) -> None:
    session = open_session(settings={"trace_buffer.flush_interval_ms": 60_000})
    session.tool_call("read", {"file_path": "a.py"}, duration_ms=1)
    session.flush()
    session.tool_call("grep", {"pattern": "x"}, duration_ms=2)
    with session.tool("bash", {"command": "make"}):
        trace = resolve(session.layout, str(session.session_id))
        assert [event["tool"] for event in trace.events()] == ["read", "grep"]
        assert [(event["tool"], is_open) for event, is_open in trace.waiting()] == [
            ("grep", False),
            ("bash", True),
        ]
        assert [event["tool"] for event in trace.part_events(trace.parts[0])] == ["read"]
    session.close()
    trace = resolve(session.layout, str(session.session_id))
    assert [event["tool"] for event in trace.events()] == ["read", "grep", "bash"]
    assert trace.waiting() == []


@pytest.mark.posix
def test_what_a_killed_process_has_left_in_its_ring_is_read_without_recovery(
    python: Callable[..., subprocess.CompletedProcess[str]], project: Path
) -> None:
    done = python(
        """
        import os, signal, t800
        trace = t800.session("agent", enabled=True, settings={"trace_buffer.flush_interval_ms": 60_000})
        trace.decision("first"), trace.flush()
        trace.decision("second")
        with trace.tool("bash", {"command": "make"}):
            os.kill(os.getpid(), signal.SIGKILL)
        """,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    trace = resolve(telemetry_dir(), "last")
    told = [(event["type"], event.get("interrupted")) for event in trace.events()]
    assert told == [("decision", None), ("decision", None), ("tool_call", True)]
    assert list(trace.follow()) == list(trace.events())
    assert before == {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}


def test_following_gives_each_event_once_out_of_ring_and_file(
    open_session: Callable[..., t800.Session],
) -> None:
    session = open_session(settings={"trace_buffer.flush_interval_ms": 60_000})
    session.decision("0")
    session.flush()
    trace = resolve(session.layout, str(session.session_id))
    told = []
    for event in trace.follow(0.001):
        told.append(event["decision_type"])
        if len(told) < 200:
            session.decision(str(len(told)))
            if len(told) % 7 == 0:
                session.flush()
        else:
            session.close()
    assert told == [str(number) for number in range(200)]


def test_a_search_passes_over_pieces_that_cannot_hold_it(tmp_path: Path) -> None:
    events = [tool(n, tool="needle" if n == 1500 else "hay", text="x" * 300) for n in range(1, 3001)]
    trace = only(tmp_path, document(events))
    found = [event for batch in trace.batches(lambda piece: b"needle" in piece) for event in batch]
    assert events[1499] in found
    assert len(found) < 1000
    assert trace.damage == []


def test_calls_that_hooks_have_seen_begin_are_in_flight(tmp_path: Path) -> None:
    trace = only(tmp_path, document([tool(1)], state="live"))
    private = Path(tmp_path, "telemetry", ".t800")
    open_call = tool(3, tool="bash", duration_ms=None, success=None, interrupted=True)
    lines = [
        {"host": "f00", "began_us": 1},
        {"begin": "a", "id": 2, "event": tool(2)},
        {"end": "a"},
        {"begin": "b", "id": 3, "event": open_call},
        {"begin": "c", "id": 4, "event": "odd"},
    ]
    begins = Path(private, f"{STEM}.open")
    begins.write_bytes(b"\n".join(map(compact, lines)) + b'\n{"begin":"d","id":5,"event":{"type":"tool')
    assert trace.live
    assert trace.waiting() == [(open_call, True)]
    assert list(trace.events()) == [tool(1)]
    os.utime(trace.parts[0].path, (0, 0))
    (old,) = sessions(Layout(str(tmp_path), str(tmp_path / "telemetry")))
    assert not old.live
    assert list(old.events()) == [tool(1), open_call]
    begins.unlink()
    begins.symlink_to("/etc/passwd")
    assert old.waiting() == []


def test_a_session_that_hooks_write_is_read_while_a_call_runs(project: Path) -> None:
    config = project / ".opencode" / "telemetry" / "config" / "telemetry_config.yaml"
    config.parent.mkdir(parents=True)
    config.write_text("telemetry:\n  enabled: true\n")

    def hook(event: str, use: str) -> None:
        told = {"session_id": "abc", "cwd": str(project), "hook_event_name": event, "tool_use_id": use}
        told |= {"tool_name": "Bash", "tool_input": {"command": "ls"}, "tool_response": {"stdout": "x"}}
        command = [sys.executable, "-m", "t800.hook", "hook", "claude-code"]
        subprocess.run(command, input=compact(told), check=True, timeout=60)

    hook("PreToolUse", "one")
    hook("PostToolUse", "one")
    hook("PreToolUse", "two")
    trace = resolve(telemetry_dir(), "abc")
    assert trace.live
    assert [(event["tool"], event["success"]) for event in trace.events()] == [("Bash", True)]
    assert [(event["event_id"], is_open) for event, is_open in trace.waiting()] == [("evt_002", True)]


def test_where_nothing_is_recorded_it_says_so_and_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(SessionNotFoundError, match="nothing is recorded here") as found:
        resolve(make_layout(tmp_path), "last")
    assert "t800 run SCRIPT" in str(found.value)


def test_a_name_in_the_summary_does_not_say_that_a_session_has_ended(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    named = tool(1, tool='"state":"closed"')
    write(layout, document([named], state="live"))
    assert next(sessions(layout)).unfinished
    for state in ("closed", "recovered"):
        write(layout, document([named], state=state))
        assert not next(sessions(layout)).unfinished
