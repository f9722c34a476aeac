"""`t800 show`: a session as a tree of phases, calls and errors, also while it runs."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from t800.cli import options
from t800.cli.text import dumps, number, string
from t800.trace_file import NAMED_BY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from t800.reader import SessionTrace

    Event = Mapping[str, object]

_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Filters:
    """Which events to show; an unset filter takes all."""

    types: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    phase: str | None = None
    failed: bool = False
    slow: float | None = None

    @property
    def all(self) -> bool:
        """Whether every event passes."""
        return not (
            self.types or self.tools or self.phase is not None or self.failed or self.slow is not None
        )

    def __call__(self, event: Event) -> bool:
        """Whether an event passes all filters."""
        return (
            (not self.types or event.get("type") in self.types)
            and (not self.tools or self._names_tool(event))
            and (self.phase is None or self._in_phase(event, self.phase))
            and (not self.failed or _went_wrong(event))
            and (self.slow is None or (number(event, "duration_ms") or 0.0) >= self.slow)
        )

    def _names_tool(self, event: Event) -> bool:
        tool = event.get("tool")
        return isinstance(tool, str) and any(fnmatch.fnmatchcase(tool, pattern) for pattern in self.tools)

    @staticmethod
    def _in_phase(event: Event, phase: str) -> bool:
        return phase.casefold() in {string(event, "phase").casefold(), string(event, "phase_name").casefold()}


def _went_wrong(event: Event) -> bool:
    return (
        event.get("type") == "error"
        or event.get("success") is False
        or event.get("interrupted") is True
        or (event.get("type") == "checkpoint" and event.get("status") in {"failed", "interrupted"})
    )


@click.command()
@options.session
@click.option(
    "--type", "types", multiple=True, type=click.Choice(list(NAMED_BY)), help="Only events of this type."
)
@click.option("--tool", "tools", multiple=True, metavar="NAME", help="Only calls of this tool; * matches.")
@click.option("--phase", metavar="NAME", help="Only events of this phase.")
@click.option("--failed", is_flag=True, help="Only errors and what failed or was interrupted.")
@click.option("--slow", type=click.FloatRange(min=0), metavar="MS", help="Only what took at least so long.")
@click.option("--limit", type=click.IntRange(min=0), default=1000, metavar="N", show_default=True,
              help="Print at most N lines; 0 prints all.")  # fmt: skip
@click.option("--follow", "-f", is_flag=True, help="Print events as they complete, until the session ends.")
@options.folder
@options.as_json
def show(session: str, limit: int, follow: bool, directory: str | None, as_json: bool, **chosen: Any) -> None:
    """Show a session as a tree: phases, calls with what happened inside them, errors in place.

    The bars show when each call ran. Filters combine; what a shown event hangs on stays, dimmed.
    """
    from t800 import reader
    from t800.cli import page

    layout = options.find_layout(directory)
    trace = reader.resolve(layout, session)
    filters = Filters(**chosen)
    if follow:
        _follow(trace, filters, as_json=as_json)
    elif as_json:
        options.write(dumps(document(trace, filters, reader.family(layout, trace)), indent=True))
    else:
        wanted = None if filters.all else filters
        page.print_session(trace, wanted, limit or None, reader.family(layout, trace))


def document(trace: SessionTrace, filters: Filters, family: Sequence[SessionTrace]) -> dict[str, object]:
    """The session as one JSON document, whatever its parts; `family` are the ids of those that began inside it."""
    from t800.cli.page import running

    events = [event for event in trace.events() if filters(event)]
    return {
        "session_id": trace.session_id,
        "timestamp": trace.started,
        "metadata": trace.metadata,
        "live": trace.live,
        "parts": [part.path for part in trace.parts],
        "damage": [damage._asdict() for damage in trace.damage],
        "family": [member.session_id for member in family],
        "summary": trace.summary(),
        "events": events,
        "running": [event for event in running(trace) if filters(event)],
    }


def _follow(trace: SessionTrace, filters: Filters, *, as_json: bool) -> None:
    """One line per completed event, until the session is over or Ctrl-C."""
    from t800.cli import page
    from t800.cli.line import screen

    if not as_json:
        screen().write(page.head(trace))
    try:
        for event in trace.follow(_POLL_SECONDS):
            if filters(event):
                options.write(dumps(event)) if as_json else screen().write([page.event_line(event)])
    except KeyboardInterrupt:
        return
