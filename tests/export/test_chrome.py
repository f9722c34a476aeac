"""Chrome's trace event format, by its documented rules: slices of a thread are inside one another or beside each other."""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from tests.export.exported import events, exported, hostile
from tests.trace_files import document, tool

from t800.export.chrome import _Lanes

Entry = dict[str, Any]


def entries(data: bytes) -> list[Entry]:
    found: list[Entry] = json.loads(data)["traceEvents"]
    for entry in found:
        assert {"name", "ph", "pid", "tid"} <= entry.keys()
        assert entry["ph"] == "M" or isinstance(entry["ts"], int)
        assert entry["ph"] != "X" or entry["dur"] >= 0
    return found


def check_nesting(slices: list[tuple[int, int, int]]) -> None:
    """Of (thread, begin, length): none crosses another of its thread."""
    threads: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for thread, began, lasted in slices:
        threads[thread].append((began, began + lasted))
    for spans in threads.values():
        for (a, b), (c, d) in itertools.combinations(sorted(spans, key=lambda span: (span[0], -span[1])), 2):
            assert d <= b or c >= b, (a, b, c, d)


def test_what_an_event_becomes(tmp_path: Path) -> None:
    found = entries(exported(tmp_path, "chrome", document(events())))
    names = {entry["tid"]: entry["args"]["name"] for entry in found if entry["name"] == "thread_name"}
    shown = [(entry["name"], entry["ph"], names[entry["tid"]]) for entry in found if entry["ph"] != "M"]
    assert shown == [
        ("turn", "i", "main"), ("claude-sonnet-4", "X", "main"), ("read", "X", "explorer"), ("TOOL_TIMEOUT", "i", "main"),
        ("bash", "X", "main"), ("todo", "i", "main"), ("wait", "X", "main"), ("EXECUTE", "X", "main: phases"),
    ]  # fmt: skip
    (bash,) = [entry for entry in found if entry["name"] == "bash"]
    assert (bash["ts"], bash["dur"]) == (1768473005000000, 500000)
    assert bash["args"]["result_redacted"]["exit_code"] == 2
    (wait,) = [entry for entry in found if entry["name"] == "wait"]
    assert wait["ts"] + wait["dur"] == 1768473001000000 + 9000500
    assert {entry["args"]["name"] for entry in found if entry["name"] == "process_name"} == {"t800 ses_0"}


def test_sessions_are_processes(tmp_path: Path) -> None:
    found = entries(exported(tmp_path, "chrome", document([tool(1)]), document([tool(1)])))
    assert [entry["pid"] for entry in found if entry["ph"] == "X"] == [1, 2]


def test_calls_at_the_same_time_are_in_threads_of_their_own(tmp_path: Path) -> None:
    at = "2026-01-15T10:30:01.{:03}Z".format
    calls = [
        tool(2, timestamp=at(100), duration_ms=50, parent_id="evt_001"),
        tool(3, timestamp=at(120), duration_ms=50, parent_id="evt_001"),
        tool(1, timestamp=at(100), duration_ms=200),
        tool(4, timestamp=at(150), duration_ms=10),
    ]
    found = [entry for entry in entries(exported(tmp_path, "chrome", document(calls))) if entry["ph"] == "X"]
    inside, beside, around, apart = (entry["tid"] for entry in found)
    assert inside == around
    assert len({inside, beside, apart}) == 3


def test_quick_calls_of_one_millisecond_stand_one_behind_the_other(tmp_path: Path) -> None:
    calls = [tool(n, duration_ms=0.2) for n in range(1, 5)]
    found = [entry for entry in entries(exported(tmp_path, "chrome", document(calls))) if entry["ph"] == "X"]
    assert {entry["tid"] for entry in found} == {1}
    assert [entry["ts"] - found[0]["ts"] for entry in found] == [0, 200, 400, 600]


calls = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 20_000), st.integers(0, 8), st.sampled_from(["", "sub"])),
    max_size=40,
)


@given(calls)
@example([(1, 2, 0, ""), (1, 2, 0, ""), (0, 0, 0, ""), (0, 0, 0, ""), (1, 3, 3, "")])
def test_no_call_crosses_another_of_its_thread(drawn: list[tuple[int, int, int, str]]) -> None:
    lanes = _Lanes()
    for number, (began, lasted, parent, agent) in enumerate(drawn, 1):
        fields = {
            "duration_ms": lasted / 1000,
            "agent_id": agent,
            "timestamp": f"2026-01-15T10:30:01.{began:03}Z",
        }
        lanes.add(
            tool(
                number,
                **fields,
                **({"parent_id": f"evt_{number - parent:03}"} if 0 < parent < number else {}),
            )
        )
    lanes.assign()
    check_nesting(list(zip(lanes.thread, lanes.began, lanes.lasted, strict=True)))
    for (began, lasted, *_), start, length in zip(drawn, lanes.began, lanes.lasted, strict=True):
        moved = start - (1768473001_000_000 + began * 1000)
        assert -1000 <= moved <= 1000
        assert 0 <= lasted - length <= 2000


def test_hostile_events(tmp_path: Path) -> None:
    found = entries(exported(tmp_path, "chrome", hostile(), document()))
    assert len([entry for entry in found if entry["ph"] != "M"]) == 7
