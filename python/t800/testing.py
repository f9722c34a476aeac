"""For the tests of agents: a session whose events are a list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from t800._core import parse_json
from t800.session import Session

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Capture", "capture"]

_KEY = bytes(32)
"""A fixed key, so that content hashes are the same in every test run."""


class Capture(Session):
    """A session that is kept in memory; telemetry need not be enabled for it."""

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events recorded so far, as they would stand in the trace file."""
        return [parse_json(line.encode()) for line in self.lines()]


def capture(
    agent: str = "test",
    *,
    session_id: str = "ses_test",
    settings: Mapping[str, object] | None = None,
    strict: bool = True,
) -> Capture:
    """Open a session whose events go into a list, and nowhere else.

    >>> with capture() as trace:
    ...     trace.decision("strategy", outcome="edit in place")
    >>> trace.events[0]["outcome"]
    'edit in place'

    `settings` are keys of the configuration by their dotted names; no file and no variable is read. Misuse raises,
    unless `strict` is false.
    """
    from t800 import config, layout

    place = layout.telemetry_dir()
    chosen = config.defaults(settings)
    captured = Capture(
        settings=chosen.compiled(),
        session_id=session_id,
        agent=agent,
        home=layout.home_directory(),
        project_root=place.root,
        key=_KEY,
        strict=strict,
    )
    captured.layout, captured.settings = None, chosen
    return captured
