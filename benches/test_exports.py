"""Sessions as files of other formats, and back: twenty thousand events, of which one in ten is a model's call."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from t800 import bench, config, export, reader
from t800.importers import read
from t800.importers.document import SETTINGS, Archive
from t800.importers.source import Source
from t800.layout import Layout
from t800.session import Session

SMALL, CALL = (bench.event_of(*kind) for kind in (("tool_call", bench.SMALL), ("llm_call", bench.LLM)))
EVENTS = 20_000


@pytest.fixture
def recorded(on: Session) -> Layout:
    """The folder of a session that has been recorded."""
    for number in range(EVENTS):
        on.record(SMALL if number % 10 else CALL)
    on.close()
    assert on.layout is not None
    return on.layout


def write(layout: Layout, form: str, path: Path) -> int:
    sessions = list(export.read(list(reader.sessions(layout))))
    with export.replaced(str(path)) as out:
        export.FORMATS[form].write(iter(sessions), out)
    return sum(session.count for session in sessions)


@pytest.mark.parametrize(
    "form", [name for name, form in export.FORMATS.items() if form.module.startswith("t800.export")]
)
@pytest.mark.benchmark(group="exports")
def test_export(recorded: Layout, tmp_path: Path, form: str, benchmark: Any) -> None:
    path = tmp_path / "out"
    assert benchmark.pedantic(write, (recorded, form, path), rounds=3) == EVENTS
    assert os.path.getsize(path) > 50 * EVENTS


@pytest.mark.benchmark(group="exports")
def test_import(recorded: Layout, tmp_path: Path, benchmark: Any) -> None:
    path = tmp_path / "out.jsonl"
    write(recorded, "jsonl", path)
    folders = iter(range(10))

    def run() -> int:
        folder = str(tmp_path / str(next(folders)))
        layout = Layout(folder, os.path.join(folder, "telemetry"))
        with Archive(layout, config.load(layout, SETTINGS, opted_in=True)) as archive:
            results = [archive.put(one, form) for form, one in read([Source(str(path))], lambda *_: None)]
        return sum(result.new for result in results if result is not None)

    assert benchmark.pedantic(run, rounds=3) == EVENTS
