"""What sessions add up to by tool, model and error, with exact quantiles: from their events, not from summaries."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from typing import TYPE_CHECKING, Any

from t800.summary import MOST, Summary, integer, merge, scaled, text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from t800.reader import SessionTrace
    from t800.trace_file import Event

__all__ = ["ErrorStats", "ModelStats", "Stats", "ToolStats", "quantile"]

TOKENS = ("prompt", "completion", "cached", "cache_write", "reasoning")
"""The kinds of tokens of an LLM call; the field in an event is called `{kind}_tokens`."""


class ToolStats:
    """The calls of one tool."""

    def __init__(self) -> None:
        self.calls = 0
        self.failed = 0
        self.interrupted = 0
        self.durations_ms = array("d")

    def add(self, event: Event) -> None:
        """Count one call."""
        self.calls += 1
        if event.get("success") is False:
            self.failed += 1
        elif event.get("interrupted") is True:
            self.interrupted += 1
        ms = event.get("duration_ms")
        if type(ms) in (int, float) and 0 <= ms <= MOST:  # type: ignore[operator]
            self.durations_ms.append(ms)  # type: ignore[arg-type]

    def data(self) -> dict[str, Any]:
        """The figures as JSON has them; times are null where nothing was timed."""
        ordered = sorted(self.durations_ms)
        return {
            "calls": self.calls,
            "failed": self.failed,
            "interrupted": self.interrupted,
            "p50_ms": quantile(ordered, 0.5),
            "p95_ms": quantile(ordered, 0.95),
            "p99_ms": quantile(ordered, 0.99),
            "max_ms": ordered[-1] if ordered else None,
            "total_ms": round(math.fsum(ordered), 3),
        }


class ModelStats(ToolStats):
    """The calls of one model."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = dict.fromkeys(TOKENS, 0)
        self.cost_nano_usd = 0
        self.priced = 0

    def add(self, event: Event) -> None:
        """Count one call."""
        super().add(event)
        for kind in TOKENS:
            self.tokens[kind] += integer(event.get(f"{kind}_tokens"))
        cost = scaled(event.get("cost_usd"), 1_000_000_000)
        if cost is not None:
            self.cost_nano_usd += cost
            self.priced += 1

    def data(self) -> dict[str, Any]:
        """The figures as JSON has them; the cost is null where no call was priced."""
        cost = self.cost_nano_usd / 1e9 if self.priced else None
        return super().data() | {"tokens": dict(self.tokens), "cost_usd": cost}


class ErrorStats:
    """The errors of one type."""

    def __init__(self) -> None:
        self.count = 0
        self.attempted = 0
        self.recovered = 0
        self.tools: Counter[str] = Counter()
        self.strategies: Counter[str] = Counter()

    def add(self, event: Event) -> None:
        """Count one error."""
        self.count += 1
        if tool := text(event.get("tool")):
            self.tools[tool] += 1
        recovery = event.get("recovery")
        if isinstance(recovery, dict) and recovery.get("attempted") is True:
            self.attempted += 1
            self.recovered += recovery.get("success") is True
            if strategy := text(recovery.get("strategy")):
                self.strategies[strategy] += 1

    def data(self) -> dict[str, Any]:
        """The figures as JSON has them."""
        return {
            "count": self.count,
            "recovery_attempted": self.attempted,
            "recovered": self.recovered,
            "tools": dict(self.tools.most_common()),
            "strategies": dict(self.strategies.most_common()),
        }


class Stats:
    """Adds sessions up, one at a time."""

    def __init__(self) -> None:
        self.sessions = 0
        self.events = 0
        self.first = self.last = ""
        self.tools: dict[str, ToolStats] = {}
        self.models: dict[str, ModelStats] = {}
        self.errors: dict[str, ErrorStats] = {}
        self._summaries: list[Summary] = []
        self._kinds: dict[str, tuple[str, dict[str, Any], Callable[[], Any]]] = {
            "tool_call": ("tool", self.tools, ToolStats),
            "llm_call": ("model", self.models, ModelStats),
            "error": ("error_type", self.errors, ErrorStats),
        }

    def add(self, trace: SessionTrace, wanted: Callable[[object], bool] | None = None) -> None:
        """Count the events of one session, of those only whose timestamps are `wanted`.

        A session without any such event does not count. What recording has cost is known of whole sessions only.
        """
        before = self.events
        for batch in trace.batches():
            self._take(batch if wanted is None else [e for e in batch if wanted(e.get("timestamp"))])
        if self.events > before or wanted is None:
            self.sessions += 1
            self._summaries.append(trace.summary(durations=False))

    def _take(self, events: list[Event]) -> None:
        self.events += len(events)
        self._see([event.get("timestamp") for event in events])
        for event in events:
            kind = event.get("type")
            if kind.__class__ is str and kind in self._kinds:
                field, known, new = self._kinds[kind]
                name = event.get(field)
                if name.__class__ is not str:
                    name = ""
                if name not in known:
                    known[name] = new()
                known[name].add(event)

    def _see(self, timestamps: list[object]) -> None:
        """Mind the first and the last time; what is none comes from a damaged or hostile file."""
        told = [time for time in timestamps if isinstance(time, str) and time[:4].isdigit()]
        if told:
            self.last = max(self.last, *told)
            self.first = min(self.first or told[0], *told)

    @property
    def overhead(self) -> Mapping[str, Any]:
        """What recording has cost, over all sessions counted; empty where no session says so."""
        overhead: Mapping[str, Any] = merge(*self._summaries).get("overhead", {})
        return overhead

    def data(self) -> dict[str, Any]:
        """All figures as JSON has them."""
        groups: dict[str, dict[str, Any]] = {
            "tools": self.tools,
            "models": self.models,
            "errors": self.errors,
        }
        return {
            "sessions": self.sessions,
            "events": self.events,
            "first": self.first or None,
            "last": self.last or None,
            **{name: {key: group[key].data() for key in sorted(group)} for name, group in groups.items()},
            "overhead": dict(self.overhead),
        }


def quantile(ordered: list[float], share: float) -> float | None:
    """The least of the ordered values that the share of them does not exceed (nearest rank); None without values."""
    return ordered[max(math.ceil(share * len(ordered) - 1e-9), 1) - 1] if ordered else None
