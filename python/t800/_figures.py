"""Figures for people: durations, money, shares, sizes. Light: the end of `t800 run` uses it too."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_MICROS_PER_MS = 1000
_MS_PER_SECOND = 1000
_SECONDS_PER_MINUTE = 60
_LONGEST_HOURS = 999
_STEP = 1024


def duration(ms: float | None) -> str:
    """Milliseconds for people: `60 ns`, `85 µs`, `4.2 ms`, `31 s`, `2 m 05 s`; a dash for unknown."""
    if ms is None or ms < 0:
        return "-"
    if ms < 1:
        return _short(ms * _MICROS_PER_MS)
    seconds = ms / _MS_PER_SECOND
    if seconds < 1:
        return f"{ms:.1f} ms" if ms < 100 else f"{ms:.0f} ms"  # noqa: PLR2004 (three digits are enough)
    if seconds < _SECONDS_PER_MINUTE:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), _SECONDS_PER_MINUTE)
    hours, minutes = divmod(minutes, _SECONDS_PER_MINUTE)
    if hours > _LONGEST_HOURS:
        return f"> {_LONGEST_HOURS} h"
    return f"{hours} h {minutes:02} m" if hours else f"{minutes} m {rest:02} s"


def _short(us: float) -> str:
    if us == 0:
        return "0 µs"
    if us < 1:
        return f"{us * 1000:.0f} ns"
    return f"{us:.1f} µs" if us < 10 else f"{us:.0f} µs"  # noqa: PLR2004 (two digits are enough)


def money(usd: float | None) -> str:
    """US dollars, with as many digits as a small amount needs; a dash for unknown."""
    if usd is None:
        return "-"
    return f"${usd:.2f}" if usd >= 1 or usd == 0 else f"${usd:.4f}"


def percent(rate: float | None) -> str:
    """A share of 1 as a percentage; a dash for unknown. Only all of it is 100 %."""
    if rate is None:
        return "-"
    return "100 %" if rate >= 1 else f"{min(rate * 100, 99.9):.3g} %"


def overhead(us: float) -> str:
    """Microseconds of recording, with three digits while they are few."""
    return f"{us:.3g} µs" if us < 999.5 else duration(us / 1000)  # noqa: PLR2004 - where %.3g turns to exponents


def size(count: int) -> str:
    """Bytes for people."""
    amount, units = float(count), iter(("B", "KiB", "MiB", "GiB"))
    unit = next(units)
    for larger in units:
        if amount < _STEP:
            break
        amount, unit = amount / _STEP, larger
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"


def short(count: float | None) -> str:
    """A count in at most five signs: `950`, `9,999`, `18.0k`, `1.24M`; a dash for unknown."""
    if count is None:
        return "-"
    for unit in ("", "k", "M", "G", "T"):
        if count < (10_000 if not unit else 999.5):
            return f"{count:,.0f}" if not unit else f"{count:.3g}{unit}"
        count /= 1000
    return "> 999T"


def plural(count: int, noun: str) -> str:
    """`1 event`, `2,000 events`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def joined(parts: Sequence[str]) -> str:
    """The parts that are not empty, separated by middle dots."""
    return " · ".join(part for part in parts if part)
