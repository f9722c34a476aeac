"""Timing that bears a busy machine: statements take turns, and of each the fastest round counts."""

from __future__ import annotations

from statistics import median
from timeit import Timer
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Taken", "take_turns"]


class Taken(NamedTuple):
    """The nanoseconds of one execution of a statement, net of the empty loop, in each round."""

    rounds: list[float]

    @property
    def fastest(self) -> float:
        return min(self.rounds)

    @property
    def usual(self) -> float:
        return median(self.rounds)


def take_turns(
    statements: Mapping[str, str],
    names: Mapping[str, Any],
    *,
    rounds: int = 60,
    calls: int = 200,
    settle: Callable[[], object] = lambda: None,
) -> dict[str, Taken]:
    """Run `calls` of each statement in each round, one statement after the other, without garbage collection.

    A round is shorter than a time slice, so that on a busy machine some are undisturbed. `settle` runs untimed after
    each of them: what a writer still has to do is not charged to the next.
    """
    space = dict(names)
    timers = {name: Timer(statement, globals=space) for name, statement in {"": "pass", **statements}.items()}
    taken: dict[str, list[float]] = {name: [] for name in timers}
    for _ in range(rounds):
        for name, timer in timers.items():
            taken[name].append(timer.timeit(calls) / calls * 1e9)
            settle()
    # The loop alone is the same every time: its fastest is taken off, so that its noise does not help anybody.
    loop = min(taken.pop(""))
    return {name: Taken([each - loop for each in times]) for name, times in taken.items()}
