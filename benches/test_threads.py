"""Many callers at a time: threads, beside `orjson.dumps` in as many threads, and tasks of one event loop."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from events import EVENTS

from t800 import bench
from t800.session import Session

EVENTS_EACH, ROUNDS = 2000, 10
SMALL = EVENTS["small"].mapping

each_count = pytest.mark.parametrize("threads", [1, 2, 4, 8])


def in_threads(threads: int, work: Callable[[], object]) -> None:
    """Run `work` in all of them at once."""
    ready = threading.Barrier(threads)

    def run() -> None:
        ready.wait()
        for _ in range(EVENTS_EACH):
            work()

    running = [threading.Thread(target=run) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()


def measure(benchmark: Any, threads: int, work: Callable[[], object]) -> None:
    benchmark.group = f"{threads} threads of {EVENTS_EACH} events"
    benchmark.pedantic(in_threads, args=(threads, work), rounds=ROUNDS)
    each = benchmark.stats.stats.min / (threads * EVENTS_EACH)
    benchmark.extra_info["nanoseconds_of_an_event"] = round(each * 1e9)


@each_count
def test_recorded(threads: int, on: Session, benchmark: Any) -> None:
    measure(benchmark, threads, lambda: on.record(SMALL))
    bench.check_trace(on, ROUNDS * threads * EVENTS_EACH)


@each_count
def test_orjson(threads: int, benchmark: Any) -> None:
    measure(benchmark, threads, lambda: orjson.dumps(SMALL))


TASKS, STEPS = 20, 50


async def with_span(session: Session) -> None:
    for _ in range(STEPS):
        async with session.tool("read", SMALL["parameters"]):
            await asyncio.sleep(0)


async def without(session: Session) -> None:
    del session
    for _ in range(STEPS):
        await asyncio.sleep(0)


@pytest.mark.parametrize("work", [with_span, without])
@pytest.mark.benchmark(group=f"asyncio, {TASKS} tasks of {STEPS} calls that take turns")
def test_tasks(work: Callable[[Session], Any], on: Session, benchmark: Any) -> None:
    async def all_of_them() -> None:
        await asyncio.gather(*(work(on) for _ in range(TASKS)))

    benchmark.pedantic(lambda: asyncio.run(all_of_them()), rounds=ROUNDS)
    on.flush()
    bench.check_trace(on, ROUNDS * TASKS * STEPS if work is with_span else 0)
