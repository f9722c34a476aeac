"""The days of `t800 aggregate`, counted by SQL: the same texts on DuckDB and on Spark, the same data as the daily files.

A day is a document as `daily.load` gives it. What differs: quantiles are exact, tools and models have all their figures
(also `calls`, `failed`, tokens, cost), errors are told by type, and a session whose trace is gone is not counted. What
recording itself has cost, redacted and dropped stands in the daily files only.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from t800.aggregate.daily import SCHEMA
from t800.summary import COUNTERS, TOKENS, derive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from t800.aggregate.parquet import Watch
    from t800.layout import Layout

    Row = Mapping[str, Any]
    Rows = Callable[[str], Iterable[Row]]
    Days = dict[str, dict[str, Any]]

__all__ = ["ENGINES", "METHOD", "count", "days"]

METHOD = "nearest rank"
ENGINES = ("duckdb", "spark")
"""What can count by SQL."""

_TIMES = ("p50_ms", "p95_ms", "p99_ms")
_CALLS = ("calls", "failed", "interrupted")
_MODEL_TOKENS = ("prompt", "completion", "total", "cached", "cache_write", "reasoning")


def count(layout: Layout, engine: str, watch: Watch = iter) -> list[dict[str, Any]]:
    """All days of a telemetry folder, oldest first, without sessions that are live; `watch` may show how far it is."""
    if engine == "duckdb":
        from t800.aggregate.duckdb import Traces

        return days(Traces(layout, live=False, watch=watch).rows)
    from t800.aggregate import spark

    with spark.local() as session, spark.of_folder(session, layout, watch) as rows:
        return days(rows)


def days(rows: Rows) -> list[dict[str, Any]]:
    """All days, oldest first; `rows` gives the rows of a view by the names of its columns."""
    found: Days = {}
    for row in _plain(rows("daily")):
        found[row["day"]] = _day(row)
    for row in _plain(rows("daily_sessions")):
        found[row["day"]]["sessions"][row["stem"]] = _session(row)
    for row in _plain(rows("daily_types")):
        found[row["day"]]["summary"]["by_type"][row["type"]] = row["events"]
    _add(found, "tools", "tool", rows("daily_tools"), _calls)
    _add(found, "models", "model", rows("daily_models"), _model)
    _add(found, "errors_by_type", "error_type", rows("daily_errors"), _errors)
    return [found[day] for day in sorted(found)]


def _plain(rows: Iterable[Row]) -> Iterable[Row]:
    """Sums are decimal numbers on the way, so that none can overflow."""
    for row in rows:
        yield {name: int(value) if isinstance(value, Decimal) else value for name, value in row.items()}


def _add(found: Days, group: str, name: str, rows: Iterable[Row], figures: Callable[[Row], Row]) -> None:
    for row in sorted(_plain(rows), key=lambda row: (row["day"], row[name])):
        found[row["day"]]["summary"][group][row[name]] = figures(row)


def _day(row: Row) -> dict[str, Any]:
    groups: dict[str, Any] = {"by_type": {}, "tools": {}, "models": {}, "errors_by_type": {}}
    counted = {name: row[name] for name in ("sessions", "incomplete")}
    return {
        "schema": SCHEMA,
        "date": row["day"],
        "quantiles": {"method": METHOD, "error": 0},
        "summary": counted | derive(_counters(row)) | groups,
        "sessions": {},
    }


def _session(row: Row) -> dict[str, Any]:
    whose = {name: row[name] for name in ("session_id", "agent", "incomplete")}
    return whose | {"summary": _counters(row)}


def _counters(row: Row) -> dict[str, Any]:
    tokens = {name: row[field] for name, field in TOKENS.items()}
    return {name: row[name] for name in COUNTERS} | {"tokens": tokens}


def _calls(row: Row) -> dict[str, Any]:
    timed = {"count": row["timed"], "sum_us": row["sum_us"] or 0, "max_us": row["max_us"] or 0}
    return timed | {name: row[name] for name in (*_TIMES, *_CALLS)}


def _model(row: Row) -> dict[str, Any]:
    tokens = {name: row[f"{name}_tokens"] for name in _MODEL_TOKENS}
    cost = row["cost_nano_usd"] / 1e9 if row["priced"] else None
    return _calls(row) | {"tokens": tokens, "cost_nano_usd": row["cost_nano_usd"], "cost_usd": cost}


def _errors(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in ("errors", "recovery_attempted", "recovered")}
