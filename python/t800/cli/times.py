"""Moments as people name them: `2026-01-15`, `2026-01-15T10:30`, `today`, `yesterday`, `90m`, `24h`, `7d` ago."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from t800.reader import SessionTrace

_Command = TypeVar("_Command", bound="Callable[..., object]")

_AGO = re.compile(r"(\d{1,9})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class Span(NamedTuple):
    """A stretch of time: from `since` up to before `until`, as times in a trace are spelled; empty is open."""

    since: str = ""
    until: str = ""

    def holds(self, timestamp: object) -> bool:
        """Whether a time of a trace lies in it; a text that is none does where nothing is asked."""
        if not self.since and not self.until:
            return True
        return (
            isinstance(timestamp, str)
            and self.since <= timestamp
            and not (self.until and timestamp >= self.until)
        )

    def meets(self, trace: SessionTrace) -> bool:
        """Whether a session may have events in it, judged by its name and its files' age alone."""
        if self.until and f"{trace.stem[:10]}T{trace.stem[11:19].replace('-', ':')}" >= self.until:
            return False
        last = datetime.fromtimestamp(trace.mtime_ns / 1e9, UTC) + timedelta(seconds=1)
        return not self.since or _spelled(last) >= self.since


def between(command: _Command) -> _Command:
    """`--since` and `--until`."""
    told = "a day, a time (UTC), or how long ago: 2026-01-15, 2026-01-15T10:30, today, 90m, 24h, 7d"
    command = click.option(
        "--until", metavar="TIME", help="Only what began before; a day counts as a whole."
    )(command)
    return click.option("--since", metavar="TIME", help=f"Only what began then or later: {told}.")(command)


def span(since: str | None, until: str | None) -> Span:
    """The stretch that `--since` and `--until` mean; click's usage error for what is no time."""
    return Span(_moment(since, "--since"), _moment(until, "--until", whole_day=True))


def day(date: str) -> Span:
    """A whole UTC day: `2026-01-15`, `today`, `yesterday`."""
    return Span(_moment(date, "--date"), _moment(date, "--date", whole_day=True))


def day_name(date: str) -> str:
    """The day that `--date` means, as `2026-01-15`."""
    return _moment(date, "--date")[:10]


def _moment(text: str | None, option: str, *, whole_day: bool = False) -> str:
    if text is None:
        return ""
    now = datetime.now(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    named = {"today": midnight, "yesterday": midnight - timedelta(days=1), "now": now}.get(text)
    try:
        moment = named or _ago(text, now) or _utc(datetime.fromisoformat(text))
        if whole_day and (text in {"today", "yesterday"} or _DAY.fullmatch(text)):
            moment += timedelta(days=1)
        return _spelled(moment)
    except (ValueError, OverflowError) as error:
        hint = "such as 2026-01-15, 2026-01-15T10:30, today, 90m, 24h or 7d"
        raise click.BadParameter(f"{text!r} is not a time {hint}.", param_hint=option) from error


def _ago(text: str, now: datetime) -> datetime | None:
    found = _AGO.fullmatch(text)
    return now - timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _spelled(moment: datetime) -> str:
    """With milliseconds, so that spelled times compare as the times do."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def within(traces: Iterable[SessionTrace], wanted: Span) -> list[SessionTrace]:
    """The sessions that may have events in a stretch of time."""
    return [trace for trace in traces if wanted.meets(trace)]
