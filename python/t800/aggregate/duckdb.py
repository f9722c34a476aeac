"""DuckDB over all traces: the views that SQL sees, and a lock around everything else.

The SQL comes from the user, the values from traces, which are hostile: no value ever becomes SQL, and nothing but the
traces can be read, nothing can be written, loaded or asked of a network.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, TypeVar

from t800.aggregate import sql
from t800.aggregate.columns import TABLES, arrow, ddl
from t800.aggregate.parquet import FOLDER, snapshot
from t800.errors import MissingExtraError, QueryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import duckdb

    from t800.aggregate.parquet import Watch
    from t800.layout import Layout

_Answer = TypeVar("_Answer")

__all__ = ["SHOWN", "Traces", "query"]

SHOWN = {
    "events": "every event of every session",
    "tools": "the calls of tools",
    "models": "the calls of models",
    "errors": "what failed, and how it was recovered from",
    "sessions": "the sessions, and what each adds up to",
    "documents": "the trace files",
    "daily": "what each UTC day adds up to",
    "daily_sessions": "the same by session",
    "daily_types": "events by type",
    "daily_tools": "calls by tool, with quantiles",
    "daily_models": "calls by model, with tokens and cost",
    "daily_errors": "errors by type, with recoveries",
}
"""The views, and what a row of each is."""

_ALLOWED = frozenset(["SELECT", "EXPLAIN", "MULTI", "CREATE", "INSERT", "UPDATE", "DELETE", "DROP", "ALTER"])
_WRITES = re.compile(r"\b(?:COPY|EXPORT|ATTACH|INSTALL|LOAD)\b", re.IGNORECASE)
_KIND = re.compile(r"^[A-Z][A-Za-z ]+ Error: ")
_LONGEST = 500
_CONFIG = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "python_enable_replacements": "false",
    # What does not fit into memory fails: it must not be written anywhere.
    "temp_directory": "",
}


class Traces:
    """The traces of a telemetry folder, for SQL.

    Before each run the views are brought up to date, so that a live session is seen as it is then. `watch` may show how
    far that is. Raises `MissingExtraError`.
    """

    def __init__(self, layout: Layout, *, live: bool = True, watch: Watch = iter) -> None:
        self._layout = layout
        self._live = live
        self._watch = watch
        self._duckdb = _module()
        self._connection: duckdb.DuckDBPyConnection = self._duckdb.connect(":memory:", config=_CONFIG)
        self._lock()
        self._files: dict[str, list[str]] = {}

    def run(self, statements: str, parameters: Sequence[object] = ()) -> duckdb.DuckDBPyRelation | None:
        """Run statements, and hold the rows of the last one; None where it has none.

        `parameters` are what stands for `?` in a single statement. Raises `QueryError`, in one sentence.
        """
        every = self._checked(statements)
        relation: duckdb.DuckDBPyRelation | None = None
        for statement in every:
            self._refresh()
            relation = self._hold(statement, parameters)
        return relation

    def rows(self, view: str) -> list[dict[str, Any]]:
        """The rows of a view, by the names of the columns: of the traces as they were the first time."""
        if not self._files:
            self._refresh()
        return self._again(lambda: self._all_of(view))

    def _all_of(self, view: str) -> list[dict[str, Any]]:
        found = self._connection.execute(f"FROM {view}")
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def _hold(self, statement: str, parameters: Sequence[object]) -> duckdb.DuckDBPyRelation | None:
        try:
            return self._again(lambda: self._asked(statement, parameters))
        except (self._duckdb.Error, UnicodeError) as error:
            raise QueryError(_sentence(error)) from error

    def _asked(self, statement: str, parameters: Sequence[object]) -> duckdb.DuckDBPyRelation | None:
        relation = self._connection.sql(statement, params=list(parameters) or None)
        return None if relation is None else relation.materialize()

    def _again(self, ask: Callable[[], _Answer]) -> _Answer:
        """Ask once more where a batch has gone meanwhile: another process makes them, retention takes them away."""
        try:
            return ask()
        except self._duckdb.IOException:
            self._refresh()
            return ask()

    def _checked(self, text: str) -> list[str]:
        """The statements in a text, when all of them only read traces, or make tables in memory."""
        try:
            text.encode()
            every = [(each.type.name, each.query) for each in self._duckdb.extract_statements(text)]
        except (self._duckdb.Error, UnicodeError) as error:
            raise QueryError(_sentence(error)) from error
        for kind, statement in every:
            # EXPLAIN ANALYZE does what it explains.
            hidden = _WRITES.search(statement) if kind == "EXPLAIN" else None
            if kind not in _ALLOWED or hidden:
                word = hidden[0].upper() if hidden else statement.split(maxsplit=1)[0].upper()
                raise QueryError(f"{word[:40]} is refused: a query reads the traces, and nothing else")
        if not every:
            raise QueryError("there is no statement", hint="Try: SELECT * FROM sessions")
        return [statement for _, statement in every]

    def _lock(self) -> None:
        folder = os.path.join(self._layout.private, FOLDER)
        for statement in (
            f"SET allowed_directories = [{_quoted(folder)}]",
            "SET enable_external_access = false",
            "SET lock_configuration = true",
            "CREATE SCHEMA t800",
            *(f"CREATE TABLE t800.{table} ({ddl(table)})" for table in TABLES),
        ):
            self._connection.execute(statement)

    def _refresh(self) -> None:
        """Have the views read what there is now."""
        found = snapshot(self._layout, live=self._live, watch=self._watch)
        files = {table: found.files(table) for table in TABLES}
        for table, rows in found.fresh._asdict().items():
            self._connection.execute(f"TRUNCATE t800.{table}")
            if len(rows):
                self._connection.from_arrow(rows).insert_into(f"t800.{table}")
        if files != self._files:
            for name, text in _views(files):
                self._connection.execute(f"CREATE OR REPLACE VIEW {name} AS {text}")
            self._files = files


def query(layout: Layout, statement: str, parameters: Sequence[object] = ()) -> duckdb.DuckDBPyRelation:
    """The rows of SQL over the traces of a folder; see `t800.query`."""
    relation = Traces(layout).run(statement, parameters)
    if relation is None:
        raise QueryError("this gives no rows", hint="Ask with SELECT")
    return relation


def _views(files: dict[str, list[str]]) -> Iterator[tuple[str, str]]:
    """The views and their texts, each behind those that it reads."""
    for table, columns in TABLES.items():
        names = ", ".join(columns)
        rows = f"FROM t800.{table} SELECT {names}"
        if files[table]:
            paths = ", ".join(map(_quoted, files[table]))
            rows += f" UNION ALL FROM read_parquet([{paths}]) SELECT {names}"
        yield table, f"FROM ({rows}) SELECT {sql.EVENTS if table == 'events' else '*'}"
    for view in sql.VIEWS:
        yield view, sql.text(view)


def _module() -> Any:
    arrow()
    try:
        import duckdb
    except ImportError as error:
        raise MissingExtraError("query", module="duckdb") from error
    return duckdb


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _sentence(error: Exception) -> str:
    """What DuckDB says, without its class, the place in the text, and its hints for other programs."""
    told = str(error).split("\nLINE ")[0].split("\n\n")
    lines = [line.strip() for line in told[0].splitlines() if line.strip()]
    text = _KIND.sub("", " ".join(lines))
    if type(error).__name__ == "PermissionException":
        return f"refused: a query reads the traces, and nothing else ({text})"
    return text[:_LONGEST]
