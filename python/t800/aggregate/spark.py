"""Spark over Parquet that traces were made into: the SQL texts of `t800.aggregate.sql`, as they are, on any Spark.

>>> from t800.aggregate import engines, spark
>>> rows = spark.over(session, ["/data/*.events.parquet"], ["/data/*.documents.parquet"])
>>> engines.days(rows)

`session` is a SparkSession of yours: local, of a cluster, or Connect. `local()` makes one on this machine, which listens
on the loopback only.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from t800.aggregate import sql
from t800.aggregate.columns import TABLES, ddl
from t800.aggregate.parquet import snapshot, write_table
from t800.errors import MissingExtraError, TraceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pyspark.sql import SparkSession

    from t800.aggregate.parquet import Watch
    from t800.layout import Layout

    Rows = Callable[[str], list[dict[str, Any]]]

__all__ = ["SETTINGS", "local", "of_folder", "over"]

_LOOPBACK = "127.0.0.1"
SETTINGS = {
    "spark.driver.host": _LOOPBACK,
    "spark.driver.bindAddress": _LOOPBACK,
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": str(os.cpu_count() or 1),
    "spark.sql.session.timeZone": "UTC",
    "spark.log.level": "ERROR",
}
"""What a Spark on this machine needs: it listens on the loopback only, shows no page and no progress."""


@contextmanager
def local() -> Iterator[SparkSession]:
    """A Spark on this machine, which ends with the block; the session that is there already stays.

    Raises `MissingExtraError` without pyspark, `TraceError` without Java.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise MissingExtraError("spark", module="pyspark") from error
    if (running := SparkSession.getActiveSession()) is not None:
        yield running
        return
    _look_for_java()
    with tempfile.TemporaryDirectory(prefix="t800-spark-") as folder:
        builder = SparkSession.builder.master("local[*]").appName("t800")
        for name, value in {
            **SETTINGS,
            "spark.sql.warehouse.dir": folder,
            "spark.local.dir": folder,
        }.items():
            builder = builder.config(name, value)
        with _silent():
            session = builder.getOrCreate()
        try:
            yield session
        finally:
            session.stop()


def over(session: SparkSession, events: Sequence[str], documents: Sequence[str]) -> Rows:
    """Make the views over Parquet files, folders or patterns, and give what reads their rows."""
    # Without a schema Spark looks into all files first, and takes a column that is null everywhere for a text.
    read = session.read.schema(ddl("events")).parquet(*events)
    read.selectExpr(*sql.EVENTS.split(", ")).createOrReplaceTempView("events")
    session.read.schema(ddl("documents")).parquet(*documents).createOrReplaceTempView("documents")
    for view in sql.VIEWS:
        session.sql(sql.text(view)).createOrReplaceTempView(view)
    return lambda view: [row.asDict() for row in session.table(view).collect()]


@contextmanager
def of_folder(session: SparkSession, layout: Layout, watch: Watch = iter) -> Iterator[Rows]:
    """As `over`, for the traces of a telemetry folder, without the sessions that are live."""
    found = snapshot(layout, live=False, watch=watch)
    with tempfile.TemporaryDirectory(prefix="t800-fresh-") as folder:
        files = {table: found.files(table) for table in TABLES}
        for table, rows in found.fresh._asdict().items():
            files[table].append(os.path.join(folder, f"{table}.parquet"))
            write_table(rows, files[table][-1])
        yield over(session, files["events"], files["documents"])


@contextmanager
def _silent() -> Iterator[None]:
    """The JVM speaks of itself while it starts; what goes wrong later is raised."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _look_for_java() -> None:
    home = os.environ.get("JAVA_HOME", "")
    if not (os.access(os.path.join(home, "bin", "java"), os.X_OK) if home else shutil.which("java")):
        raise TraceError(
            "Spark needs Java, which was not found", hint="Install Java 17 or newer, or set JAVA_HOME"
        )
