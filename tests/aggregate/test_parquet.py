"""Parquet beside the traces: renewed where they change, gone where they go, never more than they say."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.aggregate.traces import damage, events, record, stem
from tests.trace_files import document, make_layout, write

import t800
from t800 import config, retention
from t800.aggregate import parquet
from t800.aggregate.parquet import Snapshot, snapshot
from t800.layout import Layout

pa = pytest.importorskip("pyarrow")
from pyarrow.parquet import read_table  # noqa: E402 - not without it


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return make_layout(tmp_path)


def rows(found: Snapshot, table: str = "events") -> list[dict[str, Any]]:
    tables = [read_table(path) for path in found.files(table)]
    kept = [row for one in tables for row in one.to_pylist()]
    fresh: list[dict[str, Any]] = getattr(found.fresh, table).to_pylist()
    return kept + fresh


def per_session(found: Snapshot) -> dict[str, int]:
    counted: dict[str, int] = {}
    for row in rows(found):
        counted[row["stem"]] = counted.get(row["stem"], 0) + 1
    return counted


def files(layout: Layout) -> dict[str, int]:
    folder = Path(layout.private, parquet.FOLDER)
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir() if path.name != "lock"}


def test_the_rows_are_those_of_the_traces(layout: Layout) -> None:
    record(layout, 5)
    found = snapshot(layout)
    assert per_session(found) == {stem(n): 40 for n in range(5)}
    assert len(rows(found, "documents")) == 5
    assert len(found.fresh.events) == 0


def test_nothing_is_made_again_where_nothing_has_changed(layout: Layout) -> None:
    record(layout, 5)
    damage(layout)
    first = snapshot(layout)
    before = files(layout)
    again = snapshot(layout)
    assert files(layout) == before
    assert rows(again) == rows(first)


def test_a_changed_trace_is_read_again(layout: Layout) -> None:
    paths = record(layout, 3)
    snapshot(layout)
    for number, change in enumerate([40, 41, 42]):
        write(layout, document(events(number, count=change), stem=stem(number)), paths[number].name)
        assert per_session(snapshot(layout))[stem(number)] == change
    # The same size and time, another file: who keeps old times cannot hide a change.
    info = paths[0].stat()
    other = document(events(0), stem=stem(0)).replace(b'"tool":"bash"', b'"tool":"bAsh"')
    assert len(other) == info.st_size
    write(layout, other, "other.json")
    os.utime(Path(layout.traces, "other.json"), ns=(info.st_atime_ns, info.st_mtime_ns))
    os.replace(Path(layout.traces, "other.json"), paths[0])
    assert "bAsh" in {row["tool"] for row in rows(snapshot(layout))}


def test_a_trace_that_is_gone_has_no_rows(layout: Layout) -> None:
    paths = record(layout, 3)
    snapshot(layout)
    paths[1].unlink()
    assert set(per_session(snapshot(layout))) == {stem(0), stem(2)}
    for path in (paths[0], paths[2]):
        path.unlink()
    assert rows(snapshot(layout)) == []
    assert files(layout) == {}


def test_retention_takes_the_rows_with_the_traces(layout: Layout) -> None:
    paths = record(layout, 3)
    snapshot(layout)
    for path in paths:
        os.utime(path, (1_700_000_000, 1_700_000_000))
    snapshot(layout)
    settings = config.load(layout, environ={"T800_RETENTION_MAX_TRACE_AGE_DAYS": "1"})
    assert len(retention.prune(layout, settings).retired) == 3
    assert files(layout) == {}


def test_retention_leaves_rows_of_traces_that_stay(layout: Layout) -> None:
    record(layout, 3)
    snapshot(layout)
    before = files(layout)
    retention.prune(layout, config.load(layout, environ={}), now=1_768_500_000)
    assert files(layout) == before
    parquet.forget(layout)
    assert files(layout) == before


def test_a_compressed_trace_has_the_same_rows(layout: Layout) -> None:
    paths = record(layout, 2)
    before = rows(snapshot(layout))
    write(layout, paths[0].read_bytes(), f"{paths[0].name}.gz")
    paths[0].unlink()
    assert sorted(map(str, rows(snapshot(layout)))) == sorted(map(str, before))


def test_few_batches_however_sessions_come(layout: Layout) -> None:
    for number in range(40):
        write(layout, document(events(number), stem=stem(number)), f"{stem(number)}.json")
        found = snapshot(layout)
    assert len(found.batches) <= 7
    assert per_session(found) == {stem(n): 40 for n in range(40)}


def test_large_folders_have_several_batches(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "BATCH", 30_000)
    record(layout, 12)
    watched: list[int] = []

    def watch(groups: Any) -> Any:
        watched.append(len(groups))
        return groups

    found = snapshot(layout, watch=watch)
    assert len(found.batches) == watched[0] > 2
    assert per_session(found) == {stem(n): 40 for n in range(12)}


def test_damage_costs_what_is_damaged(layout: Layout) -> None:
    record(layout, 2)
    damage(layout)
    counted = per_session(snapshot(layout))
    assert counted[stem(0)] == counted[stem(105)] == counted[stem(109)] == counted[stem(111)] == 40
    assert 20 <= counted[stem(100)] < 40
    assert counted[stem(101)] == 2
    assert counted[stem(106)] == 80
    assert not {stem(102), stem(103), stem(108), stem(110)} & counted.keys()


def test_only_its_user_can_read_it(layout: Layout) -> None:
    record(layout, 2)
    before = os.umask(0)
    try:
        snapshot(layout)
    finally:
        os.umask(before)
    folder = Path(layout.private, parquet.FOLDER)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


@pytest.mark.parametrize("spoil", ["listing", "rows", "format", "stray", "half"])
def test_what_a_crash_leaves_is_made_again(layout: Layout, spoil: str) -> None:
    record(layout, 3)
    snapshot(layout)
    folder = Path(layout.private, parquet.FOLDER)
    listing = next(folder.glob("*.json"))
    if spoil == "listing":
        listing.write_bytes(b'{"format":')
    elif spoil == "rows":
        next(folder.glob("*.events.parquet")).unlink()
    elif spoil == "format":
        listing.write_text(json.dumps(json.loads(listing.read_text()) | {"format": [0]}))
    elif spoil == "stray":
        (folder / "0000.events.parquet").write_bytes(b"half of it")
    else:
        listing.unlink()
    assert per_session(snapshot(layout)) == {stem(n): 40 for n in range(3)}
    assert len(files(layout)) == 3


def test_a_folder_without_traces(layout: Layout, tmp_path: Path) -> None:
    assert rows(snapshot(layout)) == []
    nowhere = Layout(str(tmp_path), str(tmp_path / "nowhere"))
    assert rows(snapshot(nowhere)) == []
    assert not Path(nowhere.telemetry).exists()


def test_where_nothing_can_be_kept_all_is_read(layout: Layout) -> None:
    record(layout, 2)
    Path(layout.private, parquet.FOLDER).write_bytes(b"")
    found = snapshot(layout)
    assert found.batches == []
    assert per_session(found) == {stem(0): 40, stem(1): 40}


def test_a_live_session_is_seen_as_it_is(open_session: Any) -> None:
    from t800.layout import telemetry_dir

    layout = telemetry_dir()
    session = open_session()
    session.tool_call("one")
    assert [row["tool"] for row in rows(snapshot(layout))] == ["one"]  # still in the ring
    session.flush()
    session.tool_call("two")
    found = snapshot(layout)
    assert [row["tool"] for row in rows(found)] == ["one", "two"]
    assert (found.batches, rows(found, "documents")[0]["state"]) == ([], "live")
    assert rows(snapshot(layout, live=False)) == rows(snapshot(layout, live=False), "documents") == []
    session.close()
    found = snapshot(layout)
    assert [row["tool"] for row in rows(found)] == ["one", "two"]
    assert len(found.fresh.events) == 0


def test_a_session_that_was_killed_has_its_calls_in_flight(python: Any) -> None:
    from t800.layout import telemetry_dir

    program = """
    import os, signal, t800
    trace = t800.session(enabled=True)
    trace.tool_call("done")
    trace.tool("open").__enter__()
    os.kill(os.getpid(), signal.SIGKILL)
    """
    python(program, check=False)
    found = rows(snapshot(telemetry_dir()))
    assert [(row["tool"], row["interrupted"]) for row in found] == [("done", None), ("open", True)]


def test_parts_that_are_gone_stay_counted(layout: Layout) -> None:
    write(layout, document(events(1), stem=stem(1), part=2), f"{stem(1)}.part2.json")
    from tests.trace_files import compact, summary_of

    Path(layout.private, f"{stem(1)}.retired").write_bytes(compact(summary_of(events(1))))
    found = {row["part"]: row["total_events"] for row in rows(snapshot(layout), "documents")}
    assert found == {0: 40, 2: 40}


def test_two_at_the_same_time_make_one(layout: Layout) -> None:
    record(layout, 8)
    found: list[Snapshot] = []
    threads = [threading.Thread(target=lambda: found.append(snapshot(layout))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {tuple(one.files("events")) for one in found} == {tuple(found[0].files("events"))}
    assert len(files(layout)) == 3


def test_a_session_does_not_load_it() -> None:
    program = (
        "import sys, t800; assert not {'pyarrow', 'duckdb', 't800.aggregate.parquet'} & set(sys.modules)"
    )
    assert t800.__version__
    subprocess.run([sys.executable, "-c", program], check=True)
