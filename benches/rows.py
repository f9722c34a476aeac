"""What `ratios.py` prints: a figure, and what is wanted of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Row"]


class Row(NamedTuple):
    """One figure, what it is measured against, and what is wanted of it."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    figures: Mapping[str, float] = {}
    """What the value was made of, in nanoseconds."""
    at_least: bool = False

    @property
    def met(self) -> bool | None:
        if self.goal is None:
            return None
        return self.value >= self.goal if self.at_least else self.value <= self.goal
