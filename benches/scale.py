"""Count a folder of traces with every engine, and compare: `python benches/scale.py FOLDER [--spark]`.

FOLDER is one that `make_corpus.py` has recorded. Prints the best of several rounds, as time on the clock and as time of
the processor: Parquet made from the traces, looked at again, and what each engine takes for what it counts. Exits with 1
where two engines do not count the same.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from typing import TYPE_CHECKING, Any

from t800.aggregate import daily, engines, parquet
from t800.aggregate.columns import TABLES, arrow
from t800.layout import telemetry_dir

if TYPE_CHECKING:
    from collections.abc import Callable

    from t800.layout import Layout

ROUNDS = 3
VIEWS = ("daily", "daily_tools", "daily_models", "daily_errors")


def used() -> float:
    """Seconds of the processor."""
    times = os.times()
    return times.user + times.system


def best(name: str, work: Callable[[], Any], before: Callable[[], Any] = bool, rounds: int = ROUNDS) -> Any:
    """Print the shortest of the rounds; what the last one gave."""
    figures = []
    for _ in range(rounds):
        before()
        clock, processor = time.perf_counter(), used()
        result = work()
        figures.append((time.perf_counter() - clock, used() - processor))
    clock, processor = (min(column) for column in zip(*figures, strict=True))
    print(f"{name:44} {clock:8.3f} s   processor {processor:8.3f} s", flush=True)  # noqa: T201
    return result


def kept(layout: Layout) -> str:
    """Where the Parquet files are."""
    return os.path.join(layout.private, parquet.FOLDER)


def with_duckdb(layout: Layout) -> list[dict[str, Any]]:
    """Parquet, and the four aggregates from it."""
    from t800.aggregate.duckdb import Traces

    arrow()
    found = best(
        "traces to Parquet",
        lambda: parquet.snapshot(layout),
        lambda: shutil.rmtree(kept(layout), ignore_errors=True),
    )
    size = sum(os.path.getsize(path) for table in TABLES for path in found.files(table))
    print(f"{len(found.batches)} batches, {size / 1e6:.1f} MB")  # noqa: T201
    best("looked at again, nothing changed", lambda: parquet.snapshot(layout))
    traces = Traces(layout, live=False)
    best("duckdb: days, tools, models, errors", lambda: [traces.rows(view) for view in VIEWS])
    counted: list[dict[str, Any]] = best(
        "duckdb: all of t800 aggregate", lambda: engines.count(layout, "duckdb")
    )
    return counted


def with_spark(layout: Layout) -> list[dict[str, Any]]:
    """The same on Spark; its own time of the processor is that of another process."""
    from t800.aggregate import spark

    started = time.perf_counter()
    with spark.local() as session, spark.of_folder(session, layout) as rows:
        print(f"{'spark: start and views':44} {time.perf_counter() - started:8.3f} s")  # noqa: T201
        best("spark: days, tools, models, errors", lambda: [rows(view) for view in VIEWS])
        return engines.days(rows)


def main() -> int:
    """Measure, and compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder")
    parser.add_argument("--spark", action="store_true", help="on Spark, too")
    chosen = parser.parse_args()
    layout = telemetry_dir(chosen.folder)
    layout.create()
    counted = with_duckdb(layout)
    best("builtin: days from summaries", lambda: daily.rebuild(layout))
    events = [daily.load(layout, date)["summary"]["total_events"] for date in daily.dates(layout)]
    same: bool = events == [day["summary"]["total_events"] for day in counted]
    if chosen.spark:
        same = with_spark(layout) == counted and same
    print(f"{sum(events):,} events; " + ("all count the same" if same else "they DIFFER"))  # noqa: T201
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
