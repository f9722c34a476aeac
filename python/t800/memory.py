"""Memory made of traces: *working*, what a session is in the middle of; *episodic*, what past sessions did.

Episodic memory is an index of what is worth finding again, in `.t800/memory.sqlite`: each session's summary,
and its errors, decisions, checkpoints, failed calls and first uses of tools and models, each by its event id.
It is derived from the traces when it is asked (nothing happens when a session closes), holds only what they
hold, can be deleted at any time, and forgets a session together with its trace.
"""

from __future__ import annotations

import itertools
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from t800.errors import TraceFileError
from t800.system import is_regular, open_or_create, set_mode
from t800.trace_file import NAMED_BY

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from t800.layout import Layout
    from t800.reader import SessionTrace
    from t800.session import Session

__all__ = ["Episode", "Episodes", "Episodic", "Match", "episodic", "working"]


class Match(NamedTuple):
    """An event that a recall found: its id in the session's trace, and what it says in a line."""

    event_id: str
    type: str
    timestamp: str
    text: str


class Episode(NamedTuple):
    """A remembered session: its summary as in the trace, and the events that were asked for, in order."""

    session_id: str
    stem: str
    agent: str | None
    started: str
    summary: dict[str, Any]
    matches: list[Match]


class Episodic(Protocol):
    """What an episodic memory offers. `Episodes` is the embedded one; others may keep theirs elsewhere."""

    def remember(self, session: SessionTrace | Session | str) -> None:
        """Take in one session as its trace stands now: a trace, a session, or a name that `resolve` knows."""

    def recall(
        self,
        text: str | None = None,
        *,
        tool: str | None = None,
        error: str | bool | None = None,
        since: str | datetime | None = None,
        until: str | datetime | None = None,
        limit: int = 20,
    ) -> list[Episode]:
        """The sessions in which all that is given occurs, newest first."""


def working(session: Session) -> dict[str, Any]:
    """What `session` is in the middle of: its context, its phase, and the events in flight."""
    return session.working()


def episodic(dir: str | os.PathLike[str] | None = None) -> Episodes:
    """The episodic memory of a telemetry folder (default: this project's). Raises `TraceFileError`."""
    from t800.layout import telemetry_dir

    return Episodes(telemetry_dir(dir))


_VERSION = 1
_TABLES = """
CREATE TABLE sessions (stem TEXT PRIMARY KEY, session_id TEXT, agent TEXT, started TEXT, started_ms INTEGER,
                       size INTEGER, mtime_ns INTEGER, summary TEXT);
CREATE TABLE events (id INTEGER PRIMARY KEY, stem TEXT, event_id TEXT, type TEXT, name TEXT, tool TEXT,
                     timestamp TEXT, text TEXT);
CREATE INDEX events_stem ON events (stem);
CREATE INDEX events_name ON events (name);
"""
_WORDS = "CREATE VIRTUAL TABLE words USING fts5 (text)"
_INSERT_EVENT = """
INSERT INTO events (stem, event_id, type, name, tool, timestamp, text) VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_MOST_EVENTS = 2000
_MOST_TEXT = 2000
_MOST_MATCHES = 20
_TOLD = (
    "tool",
    "model",
    "decision_type",
    "outcome",
    "error_type",
    "message",
    "phase_name",
    "status",
    "phase",
)


class Episodes:
    """The embedded episodic memory of one telemetry folder."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._path = os.path.join(layout.private, "memory.sqlite")

    def remember(self, session: SessionTrace | Session | str) -> None:
        """Take in one session as its trace stands now. `recall` does so for all that have changed."""
        trace = self._trace(session)
        with self._database() as database:
            _delete(database, [trace.stem])
            _insert(database, trace)

    def recall(
        self,
        text: str | None = None,
        *,
        tool: str | None = None,
        error: str | bool | None = None,
        since: str | datetime | None = None,
        until: str | datetime | None = None,
        limit: int = 20,
    ) -> list[Episode]:
        """The sessions in which all that is given occurs, newest first, each with the events that were found.

        `text`: all its words, or beginnings of words, in one event. `tool`: a tool by name. `error`: an
        error's type or a part of its message; True for any error. `since`, `until`: when the session began
        (ISO 8601, UTC where nothing is said). Raises `TraceFileError` where the index cannot be written,
        `ValueError` for a bad time.
        """
        bounds = _milliseconds(since), _milliseconds(until)
        with self._database() as database:
            self._refresh(database)
            wanted = _wanted(database, text, tool, error)
            return [_episode(database, row, wanted) for row in _sessions(database, wanted, bounds, limit)]

    def forget(self, stems: Iterable[str]) -> None:
        """Remove sessions, by the stems of their files."""
        with self._database() as database:
            _delete(database, stems)
            _erase_words(database)

    def rebuild(self) -> None:
        """Make the index anew from the traces there are."""
        self._remove()
        with self._database() as database:
            self._refresh(database)

    def _trace(self, session: SessionTrace | Session | str) -> SessionTrace:
        from t800.reader import SessionTrace, resolve

        if isinstance(session, SessionTrace):
            return session
        return resolve(self._layout, session if isinstance(session, str) else str(session.path))

    def _refresh(self, database: sqlite3.Connection) -> None:
        from t800.reader import scan

        known = {stem: rest for stem, *rest in database.execute("SELECT stem, size, mtime_ns FROM sessions")}
        traces = {trace.stem: trace for trace in scan(self._layout)[0]}
        changed = [trace for stem, trace in traces.items() if known.get(stem) != [trace.size, trace.mtime_ns]]
        gone = [stem for stem in known if stem not in traces]
        _delete(database, [*gone, *(trace.stem for trace in changed if trace.stem in known)])
        for trace in changed:
            _insert(database, trace)
        if gone:
            _erase_words(database)

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        """One transaction. An index that is damaged or of another version is made anew."""
        from sqlite3 import DatabaseError, OperationalError

        try:
            database = self._open()
        except OperationalError as error:
            raise TraceFileError(f"cannot be opened ({error})", file=self._path) from error
        except DatabaseError:
            self._remove()
            database = self._open()
        try:
            with database:
                yield database
        except DatabaseError as error:
            raise TraceFileError(f"cannot be used ({error})", file=self._path, hint="Delete it") from error
        finally:
            database.close()

    def _open(self) -> sqlite3.Connection:
        import sqlite3

        self._make_private_file()
        database = sqlite3.connect(self._path, timeout=5, isolation_level=None)
        try:
            database.execute("PRAGMA secure_delete = ON")
            version = database.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, _VERSION):
                raise sqlite3.DatabaseError("made by another version")
            database.execute("BEGIN IMMEDIATE")
            if database.execute("PRAGMA user_version").fetchone()[0] == 0:
                _create(database)
        except sqlite3.Error:
            database.close()
            raise
        return database

    def _make_private_file(self) -> None:
        try:
            fd = open_or_create(self._path)
        except OSError as error:
            raise TraceFileError(f"cannot be opened ({error.strerror})", file=self._path) from error
        try:
            if not is_regular(os.fstat(fd)):
                raise TraceFileError("is not a regular file", file=self._path)
            set_mode(fd, 0o600)
        finally:
            os.close(fd)

    def _remove(self) -> None:
        for suffix in ("", "-journal"):
            if os.path.lexists(self._path + suffix):
                os.unlink(self._path + suffix)


def _create(database: sqlite3.Connection) -> None:
    from sqlite3 import OperationalError

    for statement in _TABLES.split(";"):
        database.execute(statement)
    with suppress(OperationalError):
        database.execute(_WORDS)
    database.execute(f"PRAGMA user_version = {_VERSION}")


def _has_words(database: sqlite3.Connection) -> bool:
    """Whether this SQLite has full-text search; without it `recall` compares texts one by one."""
    return database.execute("SELECT 1 FROM sqlite_master WHERE name = 'words'").fetchone() is not None


def _delete(database: sqlite3.Connection, stems: Iterable[str]) -> None:
    has_words = _has_words(database)
    for stem in stems:
        if has_words:
            database.execute(
                "DELETE FROM words WHERE rowid IN (SELECT id FROM events WHERE stem = ?)", (stem,)
            )
        database.execute("DELETE FROM events WHERE stem = ?", (stem,))
        database.execute("DELETE FROM sessions WHERE stem = ?", (stem,))


def _erase_words(database: sqlite3.Connection) -> None:
    """Full-text search only marks what is deleted; merging its lists takes the words out of the file."""
    if _has_words(database):
        database.execute("INSERT INTO words (words) VALUES ('optimize')")


def _insert(database: sqlite3.Connection, trace: SessionTrace) -> None:
    from t800.trace_file import dump

    agent = trace.metadata.get("agent")
    known_agent = agent if isinstance(agent, str) else None
    started = _milliseconds(trace.started, lenient=True)
    summary = dump(trace.summary()).decode()
    row = (
        trace.stem,
        trace.session_id,
        known_agent,
        trace.started,
        started,
        trace.size,
        trace.mtime_ns,
        summary,
    )
    database.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    has_words = _has_words(database)
    told = [({"type": "session"}, f"{known_agent or ''} {trace.session_id}")]
    for event, text in itertools.chain(told, ((event, _told(event)) for event in _notable(trace))):
        made = database.execute(_INSERT_EVENT, _event_row(trace.stem, event, text))
        if has_words:
            database.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (made.lastrowid, text))


def _event_row(stem: str, event: dict[str, Any], text: str) -> tuple[str, ...]:
    kind = str(event.get("type"))
    named = event.get(NAMED_BY.get(kind, ""))
    fields = (event.get("event_id"), kind, named, event.get("tool"), event.get("timestamp"))
    return (stem, *map(_text, fields), text)


def _notable(trace: SessionTrace) -> Iterator[dict[str, Any]]:
    """The events worth finding again, at most 2,000 a session."""
    seen: set[tuple[str, str]] = set()
    taken = 0
    for event in trace.events():
        kind = str(event.get("type"))
        use = kind, _text(event.get(NAMED_BY.get(kind, "")))
        is_plain_call = kind in ("tool_call", "llm_call") and event.get("success") is True
        if not is_plain_call or use not in seen:
            seen.add(use)
            taken += 1
            yield event
        if taken >= _MOST_EVENTS:
            return


def _told(event: dict[str, Any]) -> str:
    recovery = event.get("recovery")
    strategy = recovery.get("strategy") if isinstance(recovery, dict) else None
    words = [*(event.get(field) for field in _TOLD), strategy]
    return " ".join(dict.fromkeys(_text(word) for word in words if word))[:_MOST_TEXT]


def _text(value: object) -> str:
    if isinstance(value, str) or value is None:
        return value or ""
    from t800.trace_file import dump

    return dump(value).decode(errors="replace")


Wanted = list[tuple[str, tuple[str, ...]]]
"""Conditions on rows of `events`, each with its values; a session needs a row for each."""


def _wanted(
    database: sqlite3.Connection,
    text: str | None,
    tool: str | None,
    error: str | bool | None,
) -> Wanted:
    wanted: Wanted = []
    words = (text or "").replace("\0", " ").split()
    if words:
        wanted.append(_with_text(words, indexed=_has_words(database)))
    if tool is not None:
        wanted.append(("tool = ? COLLATE NOCASE", (tool,)))
    if error is True:
        wanted.append(("type = 'error'", ()))
    elif isinstance(error, str):
        condition = "type = 'error' AND (name = ? COLLATE NOCASE OR text LIKE ? ESCAPE '!')"
        wanted.append((condition, (error, _like(error))))
    return wanted


def _with_text(words: list[str], *, indexed: bool) -> tuple[str, tuple[str, ...]]:
    if indexed:
        quoted = " ".join('"{}"*'.format(word.replace('"', '""')) for word in words)
        return "id IN (SELECT rowid FROM words WHERE words MATCH ?)", (quoted,)
    return " AND ".join(["text LIKE ? ESCAPE '!'"] * len(words)), tuple(map(_like, words))


def _like(part: str) -> str:
    escaped = part.replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return f"%{escaped}%"


def _sessions(
    database: sqlite3.Connection, wanted: Wanted, bounds: tuple[int | None, int | None], limit: int
) -> list[tuple[Any, ...]]:
    since, until = bounds
    conditions = ["started_ms >= coalesce(?, started_ms)", "started_ms <= coalesce(?, started_ms)"]
    conditions += [f"stem IN (SELECT stem FROM events WHERE {condition})" for condition, _ in wanted]  # noqa: S608
    values = (since, until, *(value for _, given in wanted for value in given), max(0, limit))
    where = " AND ".join(conditions)
    query = f"SELECT stem, session_id, agent, started, summary FROM sessions WHERE {where}"  # noqa: S608 - ours
    return database.execute(query + " ORDER BY started_ms DESC, stem DESC LIMIT ?", values).fetchall()


def _episode(database: sqlite3.Connection, row: tuple[Any, ...], wanted: Wanted) -> Episode:
    from t800.trace_file import parse

    stem, session_id, agent, started, summary = row
    matches = _matches(database, stem, wanted) if wanted else []
    return Episode(session_id, stem, agent, started, parse(summary.encode()) or {}, matches)


def _matches(database: sqlite3.Connection, stem: str, wanted: Wanted) -> list[Match]:
    where = " OR ".join(f"({condition})" for condition, _ in wanted)
    query = f"SELECT event_id, type, timestamp, text FROM events WHERE stem = ? AND ({where})"  # noqa: S608 - ours
    values = (stem, *(value for _, given in wanted for value in given), _MOST_MATCHES)
    found = database.execute(query + " AND event_id != '' ORDER BY id LIMIT ?", values)
    return [Match(*match) for match in found]


def _milliseconds(moment: str | datetime | None, *, lenient: bool = False) -> int | None:
    """A moment as ms since 1970; what is no time is an error, or 0 where lenient."""
    from datetime import UTC, datetime

    if moment is None:
        return None
    try:
        parsed = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    except ValueError:
        if lenient:
            return 0
        raise
    return round((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp() * 1000)
