"""Sessions as Parquet, read by others."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.aggregate.traces import damage, events, record, stem
from tests.trace_files import make_layout

from t800 import reader
from t800.aggregate.columns import EVENTS
from t800.cli import main
from t800.errors import MissingExtraError
from t800.layout import Layout

pytest.importorskip("pyarrow")
from pyarrow.parquet import ParquetFile, read_table


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    layout = make_layout(tmp_path)
    monkeypatch.setenv("T800_DIR", layout.telemetry)
    return layout


def test_every_event_is_a_row(layout: Layout, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(layout, 3)
    damage(layout)
    out = tmp_path / "all.parquet"
    assert main(["export", "--since", "2000-01-01", "-o", str(out)]) == 0
    table = read_table(out)
    assert table.schema.names == list(EVENTS)
    wanted = sum(1 for trace in reader.sessions(layout) for _ in trace.events())
    assert table.num_rows == wanted
    found = {row["event_id"]: row for row in table.to_pylist() if row["stem"] == stem(0)}
    for event in events(0):
        row = found[event["event_id"]]
        for name in ("tool", "model", "error_type", "duration_ms", "success", "prompt_tokens", "timestamp"):
            assert row[name] == event.get(name)
    assert out.stat().st_mode & 0o777 == 0o600
    assert f"{wanted:,} events" in capsys.readouterr().err


def test_groups_are_large(layout: Layout, tmp_path: Path) -> None:
    record(layout, 12)
    out = tmp_path / "all.parquet"
    assert main(["export", "--since", "2000-01-01", "--format", "parquet", "-o", str(out)]) == 0
    assert ParquetFile(out).num_row_groups == 1


def test_without_pyarrow_nothing_is_written(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    record(layout, 1)
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    out = tmp_path / "all.parquet"
    assert main(["export", "-o", str(out)]) == 2
    assert "pip install 't800[query]'" in capsys.readouterr().err
    assert not out.exists()
    assert issubclass(MissingExtraError, ImportError)
