"""`t800 ls`: the recorded sessions, newest first."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import click

from t800._figures import duration, money, percent, short
from t800.cli import options
from t800.cli.line import Line, screen
from t800.cli.table import Column, lines
from t800.cli.text import clean, dumps, mapping, number, string

if TYPE_CHECKING:
    from t800.cli.table import Cell
    from t800.reader import SessionTrace

_STYLES = {"live": "bold green", "died": "yellow", "recovered": "yellow"}


@click.command()
@click.option("--limit", "-n", type=click.IntRange(min=0), default=20, metavar="N", show_default=True,
              help="List at most N sessions; 0 lists all.")  # fmt: skip
@options.folder
@options.as_json
def ls(limit: int, directory: str | None, as_json: bool) -> None:
    """List the recorded sessions of this project, newest first."""
    from t800 import reader

    layout = options.find_layout(directory)
    found = list(itertools.islice(reader.sessions(layout), limit or None))
    if as_json:
        options.write(dumps([_entry(trace) for trace in found], indent=True))
    elif found:
        screen().write(lines(_COLUMNS, [_cells(trace) for trace in found]))
    else:
        options.write(f"No sessions in {clean(layout.traces)}")
        options.write("Record one: t800 run SCRIPT")


def _entry(trace: SessionTrace) -> dict[str, object]:
    return {
        "session_id": trace.session_id,
        "timestamp": trace.started,
        "live": trace.live,
        "size": trace.size,
        "parts": [part.path for part in trace.parts],
        "metadata": trace.metadata,
        "summary": trace.summary(),
    }


_COLUMNS = (
    Column("SESSION", least=9, style="cyan"),
    Column("STARTED"),
    Column("AGENT", least=6),
    *(Column(title, right=True) for title in ("EVTS", "OK", "TIME", "TOK", "COST", "ERR")),
    Column("STATE"),
)


def _cells(trace: SessionTrace) -> list[Cell]:
    summary = trace.summary(durations=False)
    errors = number(summary, "errors") or 0
    state = trace.state(summary)
    return [
        clean(trace.session_id),
        clean(trace.started[5:16].replace("T", " ")),
        string(trace.metadata, "agent") or "-",
        short(number(summary, "total_events") or 0),
        percent(number(summary, "success_rate")).replace(" ", ""),
        duration(number(summary, "total_duration_ms")),
        short(number(mapping(summary, "tokens"), "total")),
        money(number(summary, "total_cost_estimate")),
        Line(short(errors), "red") if errors else "-",
        Line(state, _STYLES.get(state, "dim")),
    ]
