"""Episodic memory: found again by text, tool, error and time; derived from the traces and gone with them."""

from __future__ import annotations

import os
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.trace_files import document, error, llm, make_layout, tool, write

from t800.errors import TraceFileError
from t800.memory import Episodes, Episodic, working
from t800.reader import resolve

if TYPE_CHECKING:
    from t800.layout import Layout

A, B, C = "2026-01-15_10-00-00_ses_a", "2026-01-16_10-00-00_ses_b", "2026-01-17_10-00-00_ses_c"


def decision(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "event_id": f"evt_{number:03}",
        "timestamp": "2026-01-15T10:30:03.000Z",
        "type": "decision",
        "decision_type": "strategy",
        "outcome": "edit in place",
    } | fields


def put(layout: Layout, stem: str, *events: dict[str, Any], **options: Any) -> Path:
    return write(layout, document(events, stem=stem, **options), f"{stem}.json")


def three(tmp_path: Path) -> Layout:
    layout = make_layout(tmp_path)
    put(layout, A, tool(1), tool(2), decision(3))
    put(layout, B, tool(1, tool="bash", success=False), error(2, tool="bash"), llm(3), agent="planner")
    put(layout, C, tool(1, tool="bash"), error(2, error_type="VALUE", message="100% of_it"))
    return layout


def found(episodes: Episodes, *args: Any, **options: Any) -> list[tuple[str, list[str]]]:
    return [
        (e.session_id, [match.event_id for match in e.matches]) for e in episodes.recall(*args, **options)
    ]


@pytest.fixture(params=["full-text search", "without it"])
def episodes(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Episodes:
    if request.param == "without it":
        monkeypatch.setattr("t800.memory._WORDS", "CREATE VIRTUAL TABLE words USING no_such_module (text)")
    return Episodes(three(tmp_path))


def test_everything_newest_first(episodes: Episodes) -> None:
    assert found(episodes) == [("ses_c", []), ("ses_b", []), ("ses_a", [])]
    assert found(episodes, limit=1) == [("ses_c", [])]
    assert found(episodes, limit=0) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("edit place", [("ses_a", ["evt_003"])]),
        ("TIMEOUT", [("ses_b", ["evt_002"])]),
        ("30000ms exceeded", [("ses_b", ["evt_002"])]),
        ("claude", [("ses_b", ["evt_003"])]),
        ("planner", [("ses_b", [])]),
        ("ba", [("ses_c", ["evt_001"]), ("ses_b", ["evt_001", "evt_002"])]),
        ("nowhere", []),
        ("edit timeout", []),
    ],
)
def test_by_text(episodes: Episodes, text: str, expected: list[tuple[str, list[str]]]) -> None:
    assert found(episodes, text) == expected


@pytest.mark.parametrize(
    "text", ['"', 'a"b', "NEAR(", "*", "text:x", "-", "OR", "%", "_", "!", "\x00", "'; DROP TABLE events"]
)
def test_hostile_texts_are_only_texts(episodes: Episodes, text: str) -> None:
    episodes.recall(text)
    assert len(found(episodes)) == 3


def test_by_tool_error_and_time(episodes: Episodes) -> None:
    assert found(episodes, tool="read") == [("ses_a", ["evt_001"])]
    assert found(episodes, tool="BASH") == [("ses_c", ["evt_001"]), ("ses_b", ["evt_001", "evt_002"])]
    assert found(episodes, error=True) == [("ses_c", ["evt_002"]), ("ses_b", ["evt_002"])]
    assert found(episodes, error="tool_timeout") == [("ses_b", ["evt_002"])]
    assert found(episodes, error="100%") == [("ses_c", ["evt_002"])]
    assert found(episodes, error="100_") == []
    assert found(episodes, tool="bash", error="VALUE") == [("ses_c", ["evt_001", "evt_002"])]
    assert [name for name, _ in found(episodes, since="2026-01-16")] == ["ses_c", "ses_b"]
    assert [name for name, _ in found(episodes, until="2026-01-16T10:00:00Z")] == ["ses_b", "ses_a"]
    noon = datetime(2026, 1, 16, 12, tzinfo=UTC)
    assert [name for name, _ in found(episodes, since=noon)] == ["ses_c"]
    with pytest.raises(ValueError, match="Invalid isoformat"):
        episodes.recall(since="yesterday")


def test_an_episode_has_its_summary(tmp_path: Path) -> None:
    layout = three(tmp_path)
    (episode,) = Episodes(layout).recall("edit")
    assert episode.summary == resolve(layout, "ses_a").summary()
    assert (episode.stem, episode.agent, episode.started) == (A, "t800", "2026-01-15T10:00:00.000Z")
    assert episode.matches[0].text == "strategy edit in place"


def test_it_follows_the_traces(tmp_path: Path) -> None:
    layout = three(tmp_path)
    episodes = Episodes(layout)
    episodes.recall()
    put(layout, A, tool(1, tool="grep"))
    Path(layout.traces, f"{B}.json").unlink()
    put(layout, "2026-01-18_10-00-00_ses_d", decision(1, outcome={"plan": "rewrite"}))
    assert [name for name, _ in found(episodes)] == ["ses_d", "ses_c", "ses_a"]
    assert found(episodes, tool="grep") == [("ses_a", ["evt_001"])]
    assert found(episodes, "edit") == []
    assert found(episodes, "rewrite") == [("ses_d", ["evt_001"])]


def test_what_has_not_changed_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    episodes = Episodes(three(tmp_path))
    episodes.recall()
    monkeypatch.setattr("t800.reader.SessionTrace.events", lambda _: pytest.fail("read again"))
    assert len(episodes.recall()) == 3


def test_remember_one_and_forget_one(tmp_path: Path) -> None:
    layout = three(tmp_path)
    episodes = Episodes(layout)
    for session in (resolve(layout, "ses_a"), "ses_a", "last"):
        episodes.remember(session)
    with sqlite3.connect(Path(layout.private, "memory.sqlite")) as database:
        stems = database.execute("SELECT stem FROM sessions ORDER BY stem").fetchall()
    database.close()
    assert stems == [(A,), (C,)]
    episodes.forget([A])
    assert b"edit in place" not in Path(layout.private, "memory.sqlite").read_bytes()


@pytest.mark.posix
def test_the_index_is_private_and_nothing_before_it_is_asked(tmp_path: Path) -> None:
    layout = three(tmp_path)
    episodes = Episodes(layout)
    assert os.listdir(layout.private) == []
    episodes.recall()
    assert os.listdir(layout.private) == ["memory.sqlite"]
    assert Path(layout.private, "memory.sqlite").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"\x00" * 5000])
def test_a_damaged_index_is_made_anew(tmp_path: Path, content: bytes) -> None:
    layout = three(tmp_path)
    Path(layout.private, "memory.sqlite").write_bytes(content)
    assert len(Episodes(layout).recall()) == 3


def test_an_index_of_another_version_is_made_anew(tmp_path: Path) -> None:
    layout = three(tmp_path)
    database = sqlite3.connect(Path(layout.private, "memory.sqlite"))
    database.execute("CREATE TABLE sessions (x)")
    database.execute("PRAGMA user_version = 99")
    database.close()
    assert len(Episodes(layout).recall()) == 3


def test_rebuild(tmp_path: Path) -> None:
    layout = three(tmp_path)
    episodes = Episodes(layout)
    before = episodes.recall("edit")
    episodes.rebuild()
    assert episodes.recall("edit") == before


def test_a_link_in_its_place_is_refused(tmp_path: Path) -> None:
    layout = three(tmp_path)
    Path(layout.private, "memory.sqlite").symlink_to(tmp_path / "victim")
    with pytest.raises(TraceFileError, match="cannot be opened"):
        Episodes(layout).recall()
    assert not (tmp_path / "victim").exists()


def test_a_flood_of_errors_is_bounded(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    put(layout, A, *(error(n) for n in range(1, 2500)))
    (episode,) = Episodes(layout).recall("timeout")
    assert len(episode.matches) == 20
    assert Path(layout.private, "memory.sqlite").stat().st_size < 2_000_000


def test_damaged_traces_do_not_stop_the_others(tmp_path: Path) -> None:
    layout = three(tmp_path)
    write(layout, b"\x00\x01garbage", "2026-01-19_10-00-00_ses_e.json")
    assert [name for name, _ in found(Episodes(layout), error=True)] == ["ses_c", "ses_b"]


def test_it_keeps_the_protocol(tmp_path: Path) -> None:
    memory: Episodic = Episodes(three(tmp_path))
    memory.remember("last")
    assert len(memory.recall()) == 3


def test_working_is_the_sessions_own() -> None:
    class Recording:
        def working(self) -> dict[str, Any]:
            return {"phase": "PLAN"}

    assert working(Recording()) == {"phase": "PLAN"}  # type: ignore[arg-type]
