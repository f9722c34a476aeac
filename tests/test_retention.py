"""Retention: what goes, why, and above all what stays."""

from __future__ import annotations

import gzip
import os
import threading
import time
from calendar import timegm
from pathlib import Path
from typing import Any

import pytest
from tests.trace_files import STEM, document, error, make_layout, tool, write

from t800._core import Lock
from t800.aggregate.daily import load
from t800.config import Settings
from t800.layout import Layout
from t800.memory import Episodes
from t800.reader import resolve, sessions
from t800.retention import Retired, auto, compress, plan, prune
from t800.system import user_number

DAY = 86_400
NOW = timegm((2026, 3, 1, 0, 0, 0))
NO_LIMITS: dict[str, float | None] = {
    "auto_cleanup": True,
    "max_trace_files": 10_000,
    "max_trace_age_days": 36_500,
    "max_total_mb": 10_000,
    "keep_errors_days": None,
}


def limits(**given: float | None) -> Settings:
    """Settings with nothing but the limits under test."""
    values = {f"telemetry.retention.{name}": value for name, value in (NO_LIMITS | given).items()}
    return Settings(dict(values), {}, enabled=True, reason="a test")


def stem_of(age_days: float, name: str = "ses") -> str:
    return time.strftime(
        "%Y-%m-%d_%H-%M-%S_", time.gmtime(NOW - age_days * DAY)
    ) + f"{name}_{age_days:g}".replace(".", "-")


def add(
    layout: Layout, age_days: float, *events: dict[str, Any], touched: float | None = None, **options: Any
) -> str:
    stem = stem_of(age_days)
    touched = age_days if touched is None else touched
    write(layout, document(events or [tool(1)], stem=stem, **options), f"{stem}.json", NOW - touched * DAY)
    return stem


def reasons(retired: list[Retired]) -> dict[str, str]:
    return {entry.stem: entry.reason for entry in retired}


def left(layout: Layout) -> list[str]:
    return [trace.stem for trace in sessions(layout)]


def hold_lock(layout: Layout, stem: str) -> Lock:
    held = Lock.take(os.path.join(layout.private, f"{stem}.lock"))
    assert held is not None
    return held


def test_age_counts_by_name_and_by_file(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    old = add(layout, 31)
    add(layout, 32, touched=1)
    add(layout, 29)
    assert reasons(plan(layout, limits(max_trace_age_days=30), NOW)) == {old: "older than 30 days"}


def test_the_number_counts_sessions_and_not_files(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    stems = [add(layout, age) for age in (1, 2, 3, 4)]
    for stem in stems[:2]:
        for part in (2, 3, 4):
            write(layout, document([tool(part)], stem=stem, part=part), f"{stem}.part{part}.json", NOW)
    planned = plan(layout, limits(max_trace_files=3), NOW)
    assert reasons(planned) == {stems[3]: "more than 3 sessions"}
    planned = plan(layout, limits(max_trace_files=1), NOW)
    assert [entry.stem for entry in planned] == stems[:0:-1]
    assert len(planned[-1].paths) == 4


def add_inside(layout: Layout, age_days: float, name: str, parent: str) -> str:
    stem = stem_of(age_days, name)
    write(
        layout, document([tool(1)], stem=stem, parent_session_id=parent), f"{stem}.json", NOW - age_days * DAY
    )
    return stem


def test_a_run_counts_once_with_what_was_begun_inside_it(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    old, pool = add(layout, 9), add(layout, 8)
    children = [add_inside(layout, 8 - n / 100, f"child{n}", pool[20:]) for n in range(30)]
    grandchild = add_inside(layout, 5, "grandchild", children[-1][20:])
    last = add(layout, 6)
    assert plan(layout, limits(max_trace_files=3), NOW) == []
    assert set(reasons(plan(layout, limits(max_trace_files=2), NOW))) == {old}
    # The run with the pool has moved last: it goes last, as a whole.
    assert set(reasons(plan(layout, limits(max_trace_files=1), NOW))) == {old, last}
    add(layout, 4)
    gone = plan(layout, limits(max_trace_files=1), NOW)
    assert set(reasons(gone)) == {old, last, pool, *children, grandchild}
    assert gone[-1].stem == grandchild


def test_a_run_stays_whole_while_something_in_it_is_live(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    pool = add(layout, 8)
    child = add_inside(layout, 7, "child", pool[20:])
    other = add(layout, 6)
    newest = add(layout, 5)
    lock = hold_lock(layout, child)
    try:
        assert set(reasons(plan(layout, limits(max_trace_files=1), NOW))) == {other, newest}
    finally:
        lock.release()


def test_sessions_that_claim_to_be_inside_each_other_can_go(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    one, other = stem_of(8, "one"), stem_of(7, "other")
    for stem, parent, age in ((one, other, 8), (other, one, 7)):
        assert add_inside(layout, age, stem[20:].partition("_")[0], parent[20:]) == stem
    newest = add(layout, 6)
    assert set(reasons(plan(layout, limits(max_trace_files=1), NOW))) == {one, other}
    assert left(layout)[0] == newest


def test_the_total_takes_the_oldest_first(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    stems = [add(layout, age, tool(1, attributes={"text": "x" * 600_000})) for age in (1, 2, 3, 4)]
    planned = plan(layout, limits(max_total_mb=1.3), NOW)
    assert [entry.stem for entry in planned] == [stems[3], stems[2]]
    assert planned[0].reason == "more than 1.3 MB in all"
    assert plan(layout, limits(max_total_mb=3), NOW) == []


def test_errors_keep_a_session_where_that_is_set(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    failed, erred, ancient = (
        add(layout, 40, tool(1, success=False)),
        add(layout, 41, error(1)),
        add(layout, 95, error(1)),
    )
    fine = add(layout, 42)
    tight: dict[str, float | None] = {
        "max_trace_age_days": 30,
        "max_trace_files": 1,
        "max_total_mb": 0.000001,
    }
    assert set(reasons(plan(layout, limits(**tight), NOW))) == {failed, erred, ancient, fine}
    assert set(reasons(plan(layout, limits(**tight, keep_errors_days=90), NOW))) == {ancient, fine}


def test_a_session_goes_with_its_parts_and_companions(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    old, kept = add(layout, 31), add(layout, 1)
    write(layout, document([tool(2)], stem=old, part=2), f"{old}.part2.json.gz", NOW - 31 * DAY)
    for name in (f"{old}.open", f"{old}.damaged.json", f"{kept}.open", f"{old}x.open", "memory.sqlite.keep"):
        Path(layout.private, name).write_text("x")
    Path(layout.private, f"{old}.link").symlink_to(tmp_path / "elsewhere")
    report = prune(layout, limits(max_trace_age_days=30), now=NOW)
    assert reasons(report.retired) == {old: "older than 30 days"}
    assert left(layout) == [kept]
    names = set(os.listdir(layout.private)) - {"retention.lock"}
    assert names == {f"{kept}.open", f"{old}x.open", "memory.sqlite.keep", f"{old}.link"}


def test_a_dry_run_touches_nothing(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    old = add(layout, 31, tool(1, attributes={"text": "x" * 2_000_000}))
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    report = prune(layout, limits(max_trace_age_days=30), dry_run=True, now=NOW)
    assert [entry.stem for entry in report.retired] == [old]
    assert report.bytes > 2_000_000
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before


def test_live_and_lately_unfinished_sessions_stay(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    locked, closed = add(layout, 50), add(layout, 52)
    unfinished = stem_of(51)
    write(
        layout, document([tool(1)], stem=unfinished, state="live"), f"{unfinished}.json", time.time() - 3600
    )
    held = hold_lock(layout, locked)
    try:
        report = prune(layout, limits(max_trace_files=1, max_trace_age_days=1, max_total_mb=0.000001))
    finally:
        held.release()
    assert [entry.stem for entry in report.retired] == [closed]
    assert sorted(left(layout)) == sorted([locked, unfinished])


def test_a_session_that_died_long_ago_goes(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    dead = add(layout, 31, state="live")
    assert list(reasons(plan(layout, limits(max_trace_age_days=30), NOW))) == [dead]


@pytest.mark.parametrize(
    "data",
    [
        document([tool(1)], stem="2026-01-15_10-30-00_someone_else"),
        b"my own notes",
        b"",
        b"{}",
        document([tool(1)])[:20],
    ],
)
def test_a_file_whose_header_is_not_its_own_stays(tmp_path: Path, data: bytes) -> None:
    layout = make_layout(tmp_path)
    path = write(layout, data, mtime=NOW - 300 * DAY)
    report = prune(layout, limits(max_trace_age_days=1))
    assert path.read_bytes() == data
    assert report.retired == []
    assert report.kept[0][0] == STEM


def test_a_name_with_a_number_behind_the_id_is_ours(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    path = write(layout, document([tool(1)]), f"{STEM}-2.json", NOW - 300 * DAY)
    prune(layout, limits(max_trace_age_days=1))
    assert not path.exists()


def test_foreign_names_links_and_folders_stay(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    target = tmp_path / "target.json"
    target.write_bytes(document([tool(1)]))
    os.utime(target, (NOW - 300 * DAY,) * 2)
    Path(layout.traces, f"{STEM}.json").symlink_to(target)
    for name in ("notes.json", "2026-01-15_ses.json", f"{STEM}.json.bak", f"{STEM}.part1.json"):
        write(layout, document([tool(1)]), name, NOW - 300 * DAY)
    before = sorted(os.listdir(layout.traces))
    assert prune(layout, limits(max_trace_age_days=1, max_trace_files=1, max_total_mb=0.00001)).retired == []
    assert sorted(os.listdir(layout.traces)) == before
    assert target.exists()


@pytest.mark.skipif(user_number() != 0, reason="only root can give a file to another user")
def test_another_users_file_stays(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    path = write(layout, document([tool(1)]), mtime=NOW - 300 * DAY)
    os.chown(path, 12345, 12345)
    report = prune(layout, limits(max_trace_age_days=1))
    assert path.exists()
    assert "not a regular file of this user" in report.kept[0][1]


def test_the_oldest_parts_of_a_live_session_go_and_stay_counted(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    big = {"text": "x" * 500_000}
    for part in (1, 2, 3, 4):
        name = f"{STEM}.json" if part == 1 else f"{STEM}.part{part}.json"
        state = "live" if part == 4 else "closed"
        write(layout, document([tool(part, attributes=big)], part=part, state=state), name)
    held = hold_lock(layout, STEM)
    try:
        report = prune(layout, limits(max_total_mb=1.2))
        assert [len(entry.paths) for entry in report.retired] == [2]
        trace = resolve(layout, STEM)
        assert [part.number for part in trace.parts] == [3, 4]
        assert trace.summary()["total_events"] == 4
        prune(layout, limits(max_total_mb=0.6))
        assert resolve(layout, STEM).summary()["total_events"] == 4
        prune(layout, limits(max_total_mb=0.001))
        assert [part.number for part in resolve(layout, STEM).parts] == [4]
    finally:
        held.release()


LARGE = [tool(n, attributes={"text": "x" * 9000}) for n in range(1, 200)]


def test_large_closed_files_are_compressed(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    data = document(LARGE)
    path = write(layout, data, mtime=NOW)
    write(layout, document([tool(1)], part=2), f"{STEM}.part2.json")
    assert compress(layout) == [f"{path}.gz"]
    packed = Path(f"{path}.gz")
    assert sorted(os.listdir(layout.traces)) == [f"{STEM}.json.gz", f"{STEM}.part2.json"]
    assert gzip.decompress(packed.read_bytes()) == data
    assert (packed.stat().st_mode & 0o777, packed.stat().st_mtime) == (0o600, NOW)
    assert resolve(layout, STEM).summary()["total_events"] == 200
    assert compress(layout) == []
    assert os.listdir(layout.private) == []


def test_what_is_written_is_not_compressed(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    write(layout, document(LARGE, state="live"), f"{STEM}.part2.json")
    write(layout, document(LARGE))
    held = hold_lock(layout, STEM)
    assert [Path(path).name for path in compress(layout)] == [f"{STEM}.json.gz"]
    held.release()


def test_a_half_written_temporary_of_before_is_no_obstacle(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    write(layout, document(LARGE))
    temporary = Path(layout.private, f"{STEM}.json.gz.tmp")
    temporary.symlink_to(tmp_path / "victim")
    assert len(compress(layout)) == 1
    assert not (tmp_path / "victim").exists()
    assert not temporary.is_symlink()


def test_the_plain_file_stays_when_the_compressed_one_fails(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    path = write(layout, document(LARGE))
    Path(f"{path}.gz").mkdir()
    assert compress(layout) == []
    assert path.read_bytes() == document(LARGE)
    assert os.listdir(layout.private) == []


def test_auto_runs_once_a_minute_for_all(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    write(layout, document([tool(1)]), mtime=NOW - 300 * DAY)
    reports = []
    threads = [
        threading.Thread(target=lambda: reports.append(auto(layout, limits(max_trace_age_days=1))))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(report.retired) for report in reports if report is not None] == [1]
    write(layout, document([tool(1)]), mtime=NOW - 300 * DAY)
    assert auto(layout, limits(max_trace_age_days=1)) is None
    stamp = Path(layout.private, "retention.stamp")
    os.utime(stamp, (time.time() - 61,) * 2)
    report = auto(layout, limits(max_trace_age_days=1))
    assert report is not None
    assert len(report.retired) == 1


def test_auto_counts_a_day_before_its_session_goes(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    write(layout, document([tool(1)]), mtime=NOW - 300 * DAY)
    auto(layout, limits(max_trace_age_days=1))
    assert left(layout) == []
    assert load(layout, "2026-01-15")["summary"]["total_events"] == 1


def test_auto_is_off_without_auto_cleanup_and_never_raises(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    write(layout, document([tool(1)]), mtime=NOW - 300 * DAY)
    assert auto(layout, limits(max_trace_age_days=1, auto_cleanup=False)) is None
    assert os.listdir(layout.private) == []
    assert auto(Layout(str(tmp_path), str(tmp_path / "nowhere")), limits()) is None
    Path(layout.private).rmdir()
    Path(layout.private).write_text("not a folder")
    assert auto(layout, limits(max_trace_age_days=1)) is None
    assert left(layout) == [STEM]


def test_a_retired_session_leaves_the_memory_index(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    write(layout, document([error(1, message="the reactor is cold")]), mtime=NOW - 300 * DAY)
    assert Episodes(layout).recall("reactor")
    prune(layout, limits(max_trace_age_days=1))
    assert b"reactor" not in Path(layout.private, "memory.sqlite").read_bytes()
