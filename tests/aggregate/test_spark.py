"""The same SQL texts on Spark: on this machine, behind Connect, and on a cluster of two workers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.aggregate.traces import damage, record
from tests.trace_files import make_layout

from t800.aggregate import engines, parquet
from t800.errors import TraceError
from t800.layout import Layout

pytest.importorskip("pyarrow")
pytest.importorskip("duckdb")
pyspark = pytest.importorskip("pyspark")

PROGRAM = """
import json, os, sys
from pyspark.sql import SparkSession
from t800.aggregate import engines, spark

mode, folder = sys.argv[1:]
builder = SparkSession.builder.appName("t800-tests")
builder = builder.remote("local[2]") if mode == "connect" else builder.master(mode)
for name, value in {**spark.SETTINGS, "spark.connect.grpc.binding.address": "127.0.0.1"}.items():
    builder = builder.config(name, value)
session = builder.getOrCreate()
rows = spark.over(session, [f"{folder}/*.events.parquet"], [f"{folder}/*.documents.parquet"])
found = engines.days(rows)
executors = 0
if mode != "connect":
    executors = session.sparkContext._jsc.sc().getExecutorMemoryStatus().size() - 1
json.dump({"days": found, "kind": type(session).__module__, "executors": executors}, sys.stdout)
session.stop()
"""


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = make_layout(tmp_path)
    record(layout, 9, day=15)
    record(layout, 6, day=16)
    return layout


@pytest.fixture
def java() -> None:
    if shutil.which("java") is None:
        pytest.skip("Java is not installed")


@pytest.mark.full
@pytest.mark.usefixtures("java")
@pytest.mark.parametrize("mode", ["local[2]", "connect", "local-cluster[2,1,1024]"])
def test_every_spark_counts_as_duckdb_does(layout: Layout, tmp_path: Path, mode: str) -> None:
    """Integers, and quantiles to the last bit: JSON writes floating-point numbers so that they read back the same."""
    wanted = engines.count(layout, "duckdb")
    folder = os.path.join(layout.private, parquet.FOLDER)
    environ = os.environ | {"SPARK_HOME": os.path.dirname(pyspark.__file__), "SPARK_LOCAL_IP": "127.0.0.1"}
    environ |= {"PYSPARK_PYTHON": sys.executable, "SPARK_WORKER_DIR": str(tmp_path / "work")}
    if mode == "connect":
        environ["SPARK_TESTING"] = "1"  # a port that is free
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, mode, folder],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    told = json.loads(done.stdout[done.stdout.index('{"days"') :])
    assert told["days"] == json.loads(json.dumps(wanted))
    assert ("connect" in told["kind"]) == (mode == "connect")
    assert told["executors"] == (2 if mode.startswith("local-cluster") else 0)


@pytest.mark.full
@pytest.mark.usefixtures("java")
def test_the_command_counts_on_spark(layout: Layout) -> None:
    """In a process of its own, whose stdout is JSON and nothing else; torn and hostile files are counted, too."""
    damage(layout)
    counted = {}
    program = "import sys; from t800.cli import main; sys.exit(main())"
    for engine in engines.ENGINES:
        done = subprocess.run(
            [sys.executable, "-P", "-c", program, "aggregate", "--engine", engine, "--json"],
            env=os.environ | {"T800_DIR": layout.telemetry},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        assert done.stderr == ""
        counted[engine] = json.loads(done.stdout)
    assert counted["spark"] == counted["duckdb"]


def test_without_java_it_says_what_to_install(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(TraceError, match=r"Spark needs Java, which was not found\. Install Java 17"):
        engines.count(layout, "spark")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(TraceError, match="Spark needs Java"):
        engines.count(layout, "spark")
