"""`t800 ls`: the recorded sessions, newest first."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import click

from t800._figures import duration, money, percent
from t800.cli import options
from t800.cli.text import clean, dumps, mapping, number, string

if TYPE_CHECKING:
    from collections.abc import Mapping

    from t800.reader import SessionTrace

    Summary = Mapping[str, object]


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
        _print_table(found)
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


def _print_table(found: list[SessionTrace]) -> None:
    """Eight columns that fit 80: what names give up, figures keep."""
    from rich.table import Table

    from t800.cli.page import console

    spare = max(console().width - 80, 0)
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1, 0, 0))
    table.add_column("SESSION", overflow="ellipsis", no_wrap=True, max_width=16 + spare // 2, style="cyan")
    table.add_column("STARTED", no_wrap=True, min_width=11)
    table.add_column("AGENT", overflow="ellipsis", no_wrap=True, max_width=13 + spare // 2)
    for name, width in (("EVENTS", 6), ("OK", 6), ("TIME", 8), ("COST", 7)):
        table.add_column(name, justify="right", no_wrap=True, min_width=width)
    table.add_column("STATE", no_wrap=True, min_width=6)
    for trace in found:
        table.add_row(*_cells(trace))
    console().print(table)


def _cells(trace: SessionTrace) -> list[str]:
    summary = trace.summary()
    return [
        clean(trace.session_id),
        clean(trace.started[5:16].replace("T", " ")),
        string(trace.metadata, "agent") or "-",
        f"{number(summary, 'total_events') or 0:,.0f}",
        percent(number(summary, "success_rate")),
        duration(number(summary, "total_duration_ms")),
        money(number(summary, "total_cost_estimate")),
        _state(trace, summary),
    ]


def _state(trace: SessionTrace, summary: Summary) -> str:
    errors = number(summary, "errors") or number(mapping(summary, "by_type"), "error")
    state = trace.state(summary)
    return f"{errors:,.0f} err" if errors and state not in {"live", "died"} else state
