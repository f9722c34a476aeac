"""What the benches share: a session whose trace is read back afterwards, and the one that is off."""

import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest

from t800 import bench
from t800.session import OFF, Session

# For benches that are scripts, too: `events`, `interleave`, `rivals`, `ratios`.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

Call: TypeAlias = Callable[[], str | None]
Bench: TypeAlias = Callable[..., None]


def pytest_sessionstart() -> None:
    """No figure comes from a debug build."""
    bench.refuse_debug_build()


@pytest.fixture
def on() -> Iterator[Session]:
    """A session in a temporary folder, with the default settings."""
    with bench.temporary_session() as session:
        yield session


@pytest.fixture
def off() -> Session:
    """The session that records nothing."""
    return OFF


@pytest.fixture
def bench_recording(benchmark: Any, on: Session) -> Bench:
    """Measure a call that records one event and returns its id; every event must be in the trace afterwards."""

    # 20,000 events: enough to see what the writer beside costs, few enough for any disk.
    def run(call: Call, *, rounds: int = 400, calls: int = 50) -> None:
        for _ in range(500):
            call()
        on.flush()
        benchmark.pedantic(call, rounds=rounds, iterations=calls)
        last = call()
        assert last is not None
        bench.check_trace(on, int(last.removeprefix("evt_")))

    return run
