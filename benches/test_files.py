"""What happens beside the caller: the writing of a batch, the opening and closing of a session."""

from pathlib import Path
from typing import Any

import pytest

import t800
from t800 import bench
from t800.session import Session

SMALL, EDIT = (bench.event_of("tool_call", fields) for fields in (bench.SMALL, bench.EDIT))
BATCH = 49  # one less than a full buffer, so that the flush is what writes


@pytest.mark.benchmark(group="files")
def test_write_of_a_batch(on: Session, benchmark: Any) -> None:
    def fill() -> None:
        for _ in range(BATCH):
            on.record(SMALL)

    benchmark.pedantic(on.flush, setup=fill, rounds=200)
    bench.check_trace(on, 200 * BATCH)


@pytest.mark.benchmark(group="files")
def test_event_until_it_is_in_the_file(on: Session, benchmark: Any) -> None:
    def call() -> None:
        on.record(EDIT)
        on.flush()

    benchmark.pedantic(call, rounds=500)
    bench.check_trace(on, 500)


@pytest.mark.benchmark(group="files")
def test_session_of_one_event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, benchmark: Any) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)

    def run() -> None:
        with t800.session(agent="bench", dir=tmp_path / "telemetry", enabled=True) as trace:
            trace.decision("strategy")

    benchmark.pedantic(run, rounds=100, warmup_rounds=5)
    assert len(list((tmp_path / "telemetry" / "traces").iterdir())) >= 100
