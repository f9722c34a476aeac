"""Recording beside what others do with the same event, in the same run; each one's file is read back afterwards."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from events import EVENTS
from rivals import RIVALS, lines_of

from t800 import bench
from t800.session import Session

ROUNDS, CALLS = 40, 50
KINDS = ("small", "edit", "llm")

each_kind = pytest.mark.parametrize("kind", KINDS)


@each_kind
@pytest.mark.parametrize("name", RIVALS)
def test_rival(name: str, kind: str, tmp_path: Path, benchmark: Any) -> None:
    rival = RIVALS[name]
    if not rival.installed:
        pytest.skip(f"{rival.needs} is not installed")
    benchmark.group = f"rivals, {kind}"
    event, path = EVENTS[kind].mapping, str(tmp_path / "events.jsonl")
    with rival.open(path) as (write, _):
        write(event)
        benchmark.pedantic(write, args=(event,), rounds=ROUNDS, iterations=CALLS)
    lines = lines_of(path)
    # One call before the rounds, and one of pytest-benchmark behind them.
    kept = len(lines) / (ROUNDS * CALLS + 2)
    text = Path(path).read_bytes()
    benchmark.extra_info["kept"] = kept
    benchmark.extra_info["secrets_on_disk"] = sum(secret.encode() in text for secret in bench.PLANTED)
    assert kept == 1.0 if rival.keeps_all else kept > 0
    for line in (lines[0], lines[-1]):
        assert all(word in str(line) for word in EVENTS[kind].words)


@each_kind
def test_t800(kind: str, on: Session, benchmark: Any, bench_recording: Callable[..., None]) -> None:
    benchmark.group = f"rivals, {kind}"
    event = EVENTS[kind].mapping
    bench_recording(lambda: on.record(event), rounds=ROUNDS, calls=CALLS)
    benchmark.extra_info["kept"] = 1.0
    benchmark.extra_info["secrets_on_disk"] = 0
