"""Daily summaries: add up, run again without a change, survive midnight and retention."""

from __future__ import annotations

import json
import os
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.trace_files import STEM, document, error, llm, make_layout, summary_of, tool, write

from t800.aggregate.daily import catch_up, dates, load, rebuild, update, update_all, verify
from t800.errors import SessionNotFoundError, TraceFileError
from t800.lock import locked
from t800.reader import resolve

if TYPE_CHECKING:
    from t800.layout import Layout

OTHER = "2026-01-15_11-00-00_ses_def"
LATE = "2026-01-15_23-59-59_ses_late"


def text_of(layout: Layout, date: str = "2026-01-15") -> bytes:
    return Path(layout.aggregated, f"{date}_summary.json").read_bytes()


def add(layout: Layout, stem: str, events: list[dict[str, Any]], **options: Any) -> Path:
    return write(layout, document(events, stem=stem, **options), f"{stem}.json")


def test_two_sessions_of_a_day(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    add(layout, STEM, [tool(1, duration_ms=10), tool(2, success=False, duration_ms=1000)])
    add(layout, OTHER, [llm(1), tool(2, duration_ms=10)])
    assert update(layout, STEM) == ["2026-01-15"]
    assert update(layout, resolve(layout, OTHER)) == ["2026-01-15"]
    day = load(layout, "2026-01-15")
    assert (day["schema"], day["date"], sorted(day["sessions"])) == (1, "2026-01-15", [STEM, OTHER])
    summary = day["summary"]
    assert (summary["sessions"], summary["incomplete"], summary["total_events"]) == (2, 0, 4)
    assert (summary["succeeded"], summary["failed"], summary["success_rate"]) == (3, 1, 0.75)
    assert summary["total_cost_estimate"] == 0.023
    read = summary["tools"]["read"]
    assert (read["count"], read["max_us"]) == (3, 1_000_000)
    assert read["p50_ms"] == pytest.approx(10, rel=0.0905)
    assert read["p99_ms"] == pytest.approx(1000, rel=0.0905)


def test_several_at_once_make_the_same_file_and_a_lost_one_does_not_matter(tmp_path: Path) -> None:
    one_by_one, at_once = make_layout(tmp_path / "a"), make_layout(tmp_path / "b")
    for layout in (one_by_one, at_once):
        add(layout, STEM, [tool(1), tool(2, success=False)])
        add(layout, OTHER, [llm(1)])
    for stem in (STEM, OTHER):
        update(one_by_one, stem)
    assert update_all(at_once, [STEM, LATE, OTHER]) == ["2026-01-15"]
    assert text_of(at_once) == text_of(one_by_one)


def test_folding_again_changes_no_byte_and_writes_nothing(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    add(layout, STEM, [tool(1)])
    add(layout, OTHER, [llm(1)])
    update(layout, OTHER)
    update(layout, STEM)
    before = text_of(layout), os.stat(Path(layout.aggregated, "2026-01-15_summary.json")).st_mtime_ns
    assert update(layout, STEM) == catch_up(layout) == rebuild(layout) == []
    assert before == (
        text_of(layout),
        os.stat(Path(layout.aggregated, "2026-01-15_summary.json")).st_mtime_ns,
    )


def test_the_order_of_folding_does_not_matter(tmp_path: Path) -> None:
    texts = []
    for folder, order in [("a", (STEM, OTHER)), ("b", (OTHER, STEM))]:
        layout = make_layout(tmp_path / folder)
        add(layout, STEM, [tool(1)])
        add(layout, OTHER, [llm(1), tool(2, tool="bash")])
        for stem in order:
            update(layout, stem)
        texts.append(text_of(layout))
    assert texts[0] == texts[1]


def test_a_session_across_midnight_adds_to_both_days(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    add(
        layout,
        LATE,
        [tool(1, duration_ms=8), llm(2, timestamp="2026-01-16T00:00:01Z"), tool(3, duration_ms=9)],
    )
    assert update(layout, LATE) == ["2026-01-15", "2026-01-16"]
    first, second = load(layout, "2026-01-15")["summary"], load(layout, "2026-01-16")["summary"]
    assert (first["total_events"], first["tools"]["read"]["count"], first["models"]) == (2, 2, {})
    assert (second["total_events"], second["tools"], second["cost_nano_usd"]) == (1, {}, 23_000_000)
    assert (first["overhead"]["p50_us"], "overhead" in second) == (1.5, False)
    assert rebuild(layout) == []


def test_a_retired_trace_stays_counted(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    add(layout, STEM, [tool(1)])
    path = add(layout, OTHER, [tool(1)])
    catch_up(layout)
    path.unlink()
    before = text_of(layout)
    assert rebuild(layout) == []
    assert text_of(layout) == before
    assert load(layout, "2026-01-15")["summary"]["sessions"] == 2


def test_a_compressed_session_is_the_same_session(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    path = add(layout, STEM, [tool(1)])
    update(layout, STEM)
    path.unlink()
    write(layout, document([tool(1)]), f"{STEM}.json.gz")
    assert update(layout, STEM) == []


def test_a_live_session_waits(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    add(layout, STEM, [tool(1)], state="live")
    with locked(os.path.join(layout.private, f"{STEM}.lock"), 0):
        assert update(layout, STEM) == catch_up(layout) == []
        assert dates(layout) == []


def test_a_session_that_died_is_counted_as_incomplete_until_it_is_recovered(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    path = add(layout, STEM, [tool(1)], state="live")
    assert catch_up(layout) == ["2026-01-15"]
    summary = load(layout, "2026-01-15")["summary"]
    assert (summary["sessions"], summary["incomplete"], summary["tools"]["read"]["count"]) == (1, 1, 1)
    path.write_bytes(document([tool(1), tool(2)], state="recovered"))
    assert catch_up(layout) == ["2026-01-15"]
    summary = load(layout, "2026-01-15")["summary"]
    assert (summary["incomplete"], summary["total_events"]) == (0, 2)


def test_hostile_timestamps_stay_in_the_folder(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    hostile = [tool(1, timestamp="../../../x"), tool(2, timestamp="/etc/passwd"), tool(3, timestamp=7)]
    add(layout, STEM, hostile)
    assert update(layout, STEM) == ["2026-01-15"]
    assert os.listdir(layout.aggregated) == ["2026-01-15_summary.json"]
    assert load(layout, "2026-01-15")["summary"]["total_events"] == 3


@pytest.mark.parametrize("damaged", [b"", b"{", b"[]", b'{"schema":1,"sessions":[]}'])
def test_a_damaged_day_is_set_aside_and_made_anew(tmp_path: Path, damaged: bytes) -> None:
    layout = make_layout(tmp_path)
    add(layout, STEM, [tool(1)])
    update(layout, STEM)
    good = text_of(layout)
    Path(layout.aggregated, "2026-01-15_summary.json").write_bytes(damaged)
    assert catch_up(layout) == ["2026-01-15"]
    assert text_of(layout) == good
    assert Path(layout.private, "2026-01-15_summary.damaged.json").read_bytes() == damaged


def test_a_day_of_another_version_is_left_alone(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    add(layout, STEM, [tool(1)])
    Path(layout.aggregated, "2026-01-15_summary.json").write_bytes(b'{"schema":2,"sessions":{}}')
    with pytest.raises(TraceFileError, match="has a format other than 1"):
        update(layout, STEM)


def test_a_link_in_its_place_is_replaced_and_not_written_through(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    add(layout, STEM, [tool(1)])
    victim = tmp_path / "victim"
    victim.write_text("mine")
    Path(layout.aggregated, "2026-01-15_summary.json").symlink_to(victim)
    update(layout, STEM)
    assert victim.read_text() == "mine"
    assert load(layout, "2026-01-15")["summary"]["sessions"] == 1


def test_many_threads_at_once_lose_nobody(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    stems = [f"2026-01-15_10-00-{n:02}_ses_{n}" for n in range(24)]
    for stem in stems:
        add(layout, stem, [tool(1)])
    threads = [threading.Thread(target=update, args=(layout, stem)) for stem in stems]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(load(layout, "2026-01-15")["sessions"]) == stems


def test_a_very_large_day_is_left_to_catch_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = make_layout(tmp_path)
    add(layout, STEM, [tool(1)])
    update(layout, STEM)
    add(layout, OTHER, [tool(1)])
    monkeypatch.setattr("t800.aggregate.daily._LARGE", 1000)
    assert update(layout, OTHER) == []
    assert catch_up(layout) == ["2026-01-15"]
    assert sorted(load(layout, "2026-01-15")["sessions"]) == [STEM, OTHER]


@pytest.mark.posix
def test_files_are_private_and_valid_json(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    add(layout, STEM, [tool(1)])
    update(layout, STEM)
    path = Path(layout.aggregated, "2026-01-15_summary.json")
    assert path.stat().st_mode & 0o777 == 0o600
    partial = json.loads(path.read_bytes())["sessions"][STEM]
    assert partial["agent"] == "t800"
    assert partial["summary"]["duration_us"] == summary_of([tool(1)])["duration_us"]


def test_what_is_not_there(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    for date in ("2026-01-15", "../../etc/passwd"):
        with pytest.raises(TraceFileError, match="there is no summary of"):
            load(layout, date)
    with pytest.raises(SessionNotFoundError):
        update(layout, STEM)


NAMES = st.sampled_from(["read", "edit", "bash", "other", 'a"b\\c', "日本語", "n" * 201, ""])
CALLS = st.fixed_dictionaries(
    {"tool": NAMES, "success": st.sampled_from([True, False, None])},
    optional={
        "duration_ms": st.one_of(
            st.none(), st.integers(0, 10**9), st.floats(0, 1e6).map(lambda ms: round(ms, 4)), st.just(0.0025)
        ),
        "tokens_in": st.integers(0, 10**6),
        "interrupted": st.booleans(),
        "parent_id": st.just("evt_001"),
    },
)


@settings(max_examples=60)
@given(calls=st.lists(CALLS, min_size=1, max_size=20))
def test_closing_lines_events_and_other_shapes_of_a_file_give_the_same_line(
    calls: list[dict[str, Any]],
) -> None:
    events = [tool(n, **call) for n, call in enumerate(calls, 1)] + [llm(99), error(100)]
    with tempfile.TemporaryDirectory() as folder:
        layout = make_layout(Path(folder))
        path = add(layout, STEM, events)
        assert catch_up(layout) == ["2026-01-15"]
        assert verify(layout) == []
        text = text_of(layout)
        path.unlink()
        write(layout, document(events), f"{STEM}.json.gz")  # unpacked and folded in Python
        assert verify(layout) == []
        assert rebuild(layout) == []
        assert text_of(layout) == text
        counted = load(layout, "2026-01-15")["summary"]
        assert counted["total_events"] == len(events)
        assert counted["failed"] == sum(call["success"] is False for call in calls)


def test_a_damaged_line_costs_only_its_session_until_days_are_caught_up(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    for stem in (STEM, LATE):
        add(layout, stem, [tool(1)])
    catch_up(layout)
    good = text_of(layout)
    path = Path(layout.aggregated, "2026-01-15_summary.json")
    path.write_bytes(
        good.replace(b'"failed":0,"cost', b'"failed":"0","cost', 2)
    )  # the head's and the first line's
    assert verify(layout) != []
    add(layout, OTHER, [tool(1)])
    assert catch_up(layout) == ["2026-01-15"]
    assert sorted(load(layout, "2026-01-15")["sessions"]) == [OTHER, LATE]
    assert Path(layout.private, "2026-01-15_summary.damaged.json").exists()
    assert catch_up(layout) == ["2026-01-15"]
    assert verify(layout) == []
    assert sorted(load(layout, "2026-01-15")["sessions"]) == [STEM, OTHER, LATE]


def test_a_day_that_another_program_has_reformatted_is_still_read(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    add(layout, STEM, [tool(1)])
    catch_up(layout)
    good = text_of(layout)
    path = Path(layout.aggregated, "2026-01-15_summary.json")
    path.write_text(json.dumps(json.loads(good), indent=2))
    assert [found.problem for found in verify(layout)] == ["its sums are not those of its sessions"]
    add(layout, OTHER, [tool(1)])
    assert update(layout, OTHER) == ["2026-01-15"]
    assert sorted(load(layout, "2026-01-15")["sessions"]) == [STEM, OTHER]
    assert verify(layout) == []


def test_verify_knows_sessions_in_parts_over_midnight_torn_and_without_events(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    write(layout, document([tool(1)]))
    write(layout, document([tool(2), llm(3)], part=2), f"{STEM}.part2.json")
    add(layout, LATE, [tool(1), tool(2, timestamp="2026-01-16T00:00:01Z")])
    add(layout, "2026-01-15_12-00-00_ses_none", [])
    torn = add(layout, OTHER, [tool(1), tool(2)])
    torn.write_bytes(torn.read_bytes()[:-100])
    catch_up(layout)
    assert load(layout, "2026-01-15")["summary"]["sessions"] == 4
    assert load(layout, "2026-01-15")["summary"]["total_events"] == 6
    assert verify(layout) == []
