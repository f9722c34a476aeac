"""The summary of a trace: a fold over integers, so that parts, processes and days add up without loss.

Everything stored is a count or a sum (`duration_us`, `cost_nano_usd`); the three figures people read
(`total_duration_ms`, `success_rate`, `total_cost_estimate`) are derived from them when a summary is written.
Durations per tool and model are histograms of logarithmic buckets, which add up too; a quantile read from one
is off by at most `QUANTILE_ERROR` of its value.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import TypeGuard

__all__ = [
    "CALLS",
    "COUNTERS",
    "MOST",
    "NAMES",
    "QUANTILE_ERROR",
    "TOKENS",
    "Fold",
    "Summary",
    "bucket",
    "days",
    "derive",
    "fold_events",
    "integer",
    "is_summary",
    "merge",
    "quantile_us",
    "scaled",
    "text",
]

Summary = dict[str, Any]
Histogram = dict[str, Any]

CALLS = ("tool_call", "llm_call")
"""The event types that take time, can fail and carry tokens."""

TOKENS = {
    "prompt": "prompt_tokens",
    "completion": "completion_tokens",
    "total": "total_tokens",
    "cached": "cached_tokens",
    "cache_write": "cache_write_tokens",
    "reasoning": "reasoning_tokens",
    "tools_in": "tokens_in",
    "tools_out": "tokens_out",
}
"""Token counters of a summary and the event field each one adds up."""

COUNTERS = (
    "total_events",
    "succeeded",
    "failed",
    "cost_nano_usd",
    "priced",
    "errors",
    "interrupted",
    "duration_us",
)
"""The plain integer counters that events add to."""

NAMES = 64
"""Tools and models with a histogram of their own; the rest share `OTHER`."""

OTHER = "other"
QUANTILE_ERROR = 0.0905
"""Largest relative error of a quantile: half a bucket, 2**(1/8) - 1."""

_LONGEST_NAME = 200
"""Bytes; longer names may have been shortened in their event and count as `OTHER`."""

MOST = 2**53
"""Larger figures are not measurements; they come from damaged or hostile files and count as nothing."""


class Fold:
    """Adds events up, one at a time."""

    def __init__(self) -> None:
        self._days: dict[str, Summary] = {}
        self._durations: dict[str, Any] = {"error": QUANTILE_ERROR, "tools": {}, "models": {}}

    def add(self, event: Mapping[str, Any]) -> None:
        """Count one finished event, as it stands in a trace file."""
        day = text(event.get("timestamp"))[:10]
        if day not in self._days:
            self._days[day] = _zero()
        _count(self._days[day], event)
        _time(self._durations, event)

    def summary(self) -> Summary:
        """The summary of the events so far."""
        total = merge(*self._days.values())
        if len(self._days) > 1:
            total["by_day"] = {day: self._days[day] for day in sorted(self._days)}
        return derive(total | {"durations": self._durations})


def fold_events(events: Iterable[Mapping[str, Any]]) -> Summary:
    """Fold finished events into the summary their document should have.

    What events cannot tell (`dropped`, `redactions`, `overhead`, `state`, `ended`) is not in it.
    """
    fold = Fold()
    for event in events:
        fold.add(event)
    return fold.summary()


def merge(*summaries: Mapping[str, Any]) -> Summary:
    """Add summaries up.

    `state` and `ended` come from the last one that has them; derived figures are left out.
    """
    total = _zero()
    for summary in summaries:
        for name in (*COUNTERS, "dropped"):
            if name in summary:
                total[name] = total.get(name, 0) + integer(summary[name])
        for name in ("by_type", "tokens", "redactions"):
            if name in summary:
                total[name] = _add(total.get(name, {}), summary[name])
        for name in ("state", "ended"):
            if name in summary:
                total[name] = summary[name]
    _merge_nested(total, summaries)
    return total


def derive(summary: Summary) -> Summary:
    """Put the three derived figures into `summary` and return it.

    `total_duration_ms` is the time in calls without a parent; `success_rate` is null without a finished call
    and `total_cost_estimate` (US dollars) is null when nothing was priced.
    """
    finished = summary["succeeded"] + summary["failed"]
    summary["total_duration_ms"] = summary["duration_us"] / 1000
    summary["success_rate"] = summary["succeeded"] / finished if finished else None
    summary["total_cost_estimate"] = summary["cost_nano_usd"] / 1e9 if summary["priced"] else None
    return summary


def days(summary: Mapping[str, Any], day: str) -> dict[str, Summary]:
    """The counters of each UTC day of a summary; one without `by_day` belongs to `day` (`2026-01-15`)."""
    by_day = _mapping(summary.get("by_day"))
    names = (*COUNTERS, "by_type", "tokens")
    whole = {name: summary[name] for name in names if name in summary}
    return {name: merge(_mapping(by_day[name])) for name in sorted(by_day)} or {day: merge(whole)}


def is_summary(value: object) -> TypeGuard[Summary]:
    """Whether `value` looks like a summary of the recorder: all plain counters are there as integers."""
    return isinstance(value, dict) and all(type(value.get(name)) is int for name in COUNTERS)


def bucket(us: int) -> int:
    """Histogram bucket of a duration in µs: 0 for 0, else floor(4·log2(us)) + 1, exact for any integer."""
    return (us**4).bit_length()


def quantile_us(histogram: Mapping[str, Any], q: float) -> float | None:
    """The duration in µs that the share `q` of a histogram's calls does not exceed (nearest rank).

    None for an empty histogram.
    """
    buckets = sorted((_index(i), integer(n)) for i, n in _mapping(histogram.get("buckets")).items())
    rank = max(1, math.ceil(q * sum(n for _, n in buckets) - 1e-9))
    for index, count in buckets:
        rank -= count
        if rank <= 0:
            middle: float = 2 ** ((index - 0.5) / 4) if index else 0.0
            return min(middle, float(integer(histogram.get("max_us")) or middle))
    return None


def _zero() -> Summary:
    total: Summary = dict.fromkeys(COUNTERS, 0)
    total["by_type"] = {}
    total["tokens"] = dict.fromkeys(TOKENS, 0)
    return total


def _count(total: Summary, event: Mapping[str, Any]) -> None:
    kind = text(event.get("type"))
    total["total_events"] += 1
    total["by_type"][kind] = total["by_type"].get(kind, 0) + 1
    total["errors"] += kind == "error"
    total["interrupted"] += event.get("interrupted") is True
    if kind in CALLS:
        _count_call(total, event)


def _count_call(total: Summary, event: Mapping[str, Any]) -> None:
    total["succeeded"] += event.get("success") is True
    total["failed"] += event.get("success") is False
    tokens = total["tokens"]
    for name, field in TOKENS.items():
        if field in event:
            tokens[name] += integer(event[field])
    if event.get("parent_id") is None:
        total["duration_us"] += scaled(event.get("duration_ms"), 1000) or 0
    cost = scaled(event.get("cost_usd"), 1_000_000_000)
    if cost is not None:
        total["cost_nano_usd"] += cost
        total["priced"] += 1


def _time(durations: dict[str, Any], event: Mapping[str, Any]) -> None:
    kind = event.get("type")
    us = scaled(event.get("duration_ms"), 1000) if kind in CALLS else None
    if us is None:
        return
    names = durations["tools" if kind == "tool_call" else "models"]
    name = text(event.get("tool" if kind == "tool_call" else "model"))
    if not 0 < len(name.encode(errors="replace")) <= _LONGEST_NAME:
        name = OTHER
    if name not in names and len(names) >= NAMES:
        name = OTHER
    histogram = names.setdefault(name, _empty())
    index = str(bucket(us))
    histogram["count"] += 1
    histogram["sum_us"] += us
    histogram["max_us"] = max(histogram["max_us"], us)
    histogram["buckets"][index] = histogram["buckets"].get(index, 0) + 1


def _merge_nested(total: Summary, summaries: Iterable[Mapping[str, Any]]) -> None:
    overheads = [(s, _mapping(s["overhead"])) for s in summaries if "overhead" in s]
    if overheads:
        total["overhead"] = _merge_overhead(overheads)
    timed = [_mapping(s["durations"]) for s in summaries if "durations" in s]
    if timed:
        total["durations"] = {
            "error": QUANTILE_ERROR,
            **{g: _merge_names(timed, g) for g in ("tools", "models")},
        }
    by_day: dict[str, list[Mapping[str, Any]]] = {}
    for summary in summaries:
        for day, part in _mapping(summary.get("by_day")).items():
            by_day.setdefault(day, []).append(_mapping(part))
    if by_day:
        total["by_day"] = {day: merge(*by_day[day]) for day in sorted(by_day)}


def _merge_overhead(overheads: list[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> dict[str, Any]:
    """Medians are weighted by events (they cannot be merged exactly); the upper figures stay upper bounds."""
    weight = sum(integer(s.get("total_events")) for s, _ in overheads)
    middle = sum(integer(s.get("total_events")) * _number(o.get("p50_us")) for s, o in overheads)
    return {
        "p50_us": round(middle / weight, 3) if weight else 0,
        "p99_us": max(_number(o.get("p99_us")) for _, o in overheads),
        "max_us": max(_number(o.get("max_us")) for _, o in overheads),
        "over_budget": sum(integer(o.get("over_budget")) for _, o in overheads),
    }


def _merge_names(durations: Iterable[Mapping[str, Any]], group: str) -> dict[str, Histogram]:
    merged: dict[str, Histogram] = {}
    for part in durations:
        for name, histogram in _mapping(part.get(group)).items():
            _pour(merged.setdefault(name, _empty()), _mapping(histogram))
    own = sorted((name for name in merged if name != OTHER), key=lambda name: (-merged[name]["count"], name))
    for name in own[NAMES:]:
        _pour(merged.setdefault(OTHER, _empty()), merged.pop(name))
    return {name: _in_order(merged[name]) for name in sorted(merged)}


def _empty() -> Histogram:
    return {"count": 0, "sum_us": 0, "max_us": 0, "buckets": {}}


def _pour(total: Histogram, more: Mapping[str, Any]) -> None:
    total["count"] += integer(more.get("count"))
    total["sum_us"] += integer(more.get("sum_us"))
    total["max_us"] = max(total["max_us"], integer(more.get("max_us")))
    buckets = total["buckets"]
    for index, count in _mapping(more.get("buckets")).items():
        buckets[index] = buckets.get(index, 0) + integer(count)


def _in_order(histogram: Histogram) -> Histogram:
    buckets = histogram["buckets"]
    known = sorted((_index(index), index) for index in buckets)
    return histogram | {"buckets": {index: buckets[index] for number, index in known if number >= 0}}


def _add(total: Mapping[str, int], more: object) -> dict[str, int]:
    added = dict(total)
    for name, count in _mapping(more).items():
        added[name] = added.get(name, 0) + integer(count)
    return added


def _index(name: str) -> int:
    return int(name) if name.isascii() and name.isdecimal() and len(name) < 4 else -1  # noqa: PLR2004


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def text(value: object) -> str:
    """A text of an event; empty where it is none."""
    return value if isinstance(value, str) else ""


def integer(value: object) -> int:
    """A count of an event; 0 where it is none, or more than any measurement."""
    return value if type(value) is int and 0 <= value <= MOST else 0


def _number(value: object) -> float:
    return value if isinstance(value, int | float) and 0 <= value <= MOST else 0


def scaled(value: object, scale: int) -> int | None:
    """A measured figure as an integer of a smaller unit; null where there is none. A half goes up, as in the core."""
    if type(value) not in (int, float):
        return None
    figure: float = value  # type: ignore[assignment]
    if not 0 <= figure <= MOST:
        return None
    units = figure * scale
    whole = math.floor(units)
    return whole + (units - whole >= 0.5)  # noqa: PLR2004 - a half
