"""Times of a trace as whole microseconds since 1970, for what reckons with them: exporters and importers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from t800.summary import scaled

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(timestamp: object) -> int | None:
    """A time of a trace; None for what is none."""
    if not isinstance(timestamp, str):
        return None
    try:
        moment = datetime.fromisoformat(timestamp)
        since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH
    except (ValueError, OverflowError):
        return None
    return max(0, (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)


def took(event: dict[str, object]) -> int | None:
    """How long an event took; None where that is unknown."""
    return scaled(event.get("duration_ms"), 1000)


def spelled(us: int) -> str:
    """Such a time as a trace has it."""
    seconds, rest = divmod(us, 1_000_000)
    try:
        moment = _EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        moment = _EPOCH
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest // 1000:03}Z"
