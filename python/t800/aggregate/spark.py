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
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from t800.aggregate import sql
from t800.aggregate.columns import TABLES, arrow, ddl
from t800.aggregate.parquet import snapshot
from t800.errors import MissingExtraError, TraceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from t800.aggregate.parquet import Watch
    from t800.layout import Layout

    Rows = Callable[[str], list[dict[str, Any]]]

__all__ = ["local", "of_folder", "over"]

_LOOPBACK = "127.0.0.1"
_SETTINGS = {
    "spark.driver.host": _LOOPBACK,
    "spark.driver.bindAddress": _LOOPBACK,
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": str(os.cpu_count() or 1),
    "spark.sql.session.timeZone": "UTC",
    "spark.log.level": "ERROR",
}


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
            **_SETTINGS,
            "spark.sql.warehouse.dir": folder,
            "spark.local.dir": folder,
        }.items():
            builder = builder.config(name, value)
        session = builder.getOrCreate()
        try:
            yield session
        finally:
            session.stop()


def over(session: SparkSession, events: Sequence[str], documents: Sequence[str]) -> Rows:
    """Make the views over Parquet files, folders or patterns, and give what reads their rows."""
    return _views(session, {"events": events, "documents": documents}, {})


def of_folder(session: SparkSession, layout: Layout, watch: Watch = iter) -> Rows:
    """As `over`, for the traces of a telemetry folder, without the sessions that are live."""
    found = snapshot(layout, live=False, watch=watch)
    fresh = {table: rows for table, rows in found.fresh._asdict().items() if len(rows)}
    return _views(session, {table: found.files(table) for table in TABLES}, fresh)


def _views(session: SparkSession, files: dict[str, Sequence[str]], fresh: dict[str, pa.Table]) -> Rows:
    for table in TABLES:
        # Without a schema Spark reads all files twice, and takes a column that is null everywhere for a text.
        read = session.createDataFrame([], ddl(table))
        if files[table]:
            read = session.read.schema(ddl(table)).parquet(*files[table])
        if table in fresh:
            read = read.unionAll(_frame(session, table, fresh[table]))
        if table == "events":
            read = read.selectExpr(*sql.EVENTS.split(", "))
        read.createOrReplaceTempView(table)
    for view in sql.VIEWS:
        session.sql(sql.text(view)).createOrReplaceTempView(view)
    return lambda view: [row.asDict() for row in session.table(view).collect()]


def _frame(session: SparkSession, table: str, rows: pa.Table) -> DataFrame:
    """Rows that are in no file, without the dictionaries and long texts of Arrow, which Spark does not take."""
    pa = arrow()
    plain = {pa.int64(): pa.int64(), pa.float64(): pa.float64(), pa.bool_(): pa.bool_()}
    fields = [(field.name, plain.get(field.type, pa.string())) for field in rows.schema]
    return session.createDataFrame(rows.cast(pa.schema(fields)).to_pylist(), ddl(table))


def _look_for_java() -> None:
    home = os.environ.get("JAVA_HOME", "")
    if not (os.access(os.path.join(home, "bin", "java"), os.X_OK) if home else shutil.which("java")):
        raise TraceError(
            "Spark needs Java, which was not found", hint="Install Java 17 or newer, or set JAVA_HOME"
        )
