"""`t800 aggregate`: sessions added up by day, checked against their events, and reported."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from t800._figures import duration, money, percent, plural, short
from t800.cli import options, times
from t800.cli.text import clean, dumps, mapping, number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from t800.aggregate.daily import Difference
    from t800.cli.line import Line
    from t800.layout import Layout

_MOST_PRINTED = 100


@click.command()
@click.option("--date", metavar="DAY", help="Only this UTC day: 2026-01-15, today, yesterday.")
@click.option("--verify", is_flag=True, help="Count all events again and compare; write nothing.")
@click.option(
    "--report", type=click.Choice(["md", "html"]), help="A day's report, of the last day if none is named."
)
@click.option("--output", "-o", metavar="FILE", help="Write the report, or the JSON, there.")
@click.option("--engine", type=click.Choice(["builtin", "duckdb", "spark"]), default="builtin", show_default=True,
              help="What counts: summaries, or SQL over all events, which is exact.")  # fmt: skip
@options.folder
@options.as_json
def aggregate(  # noqa: PLR0917 - click gives them by name
    date: str | None,
    verify: bool,
    report: str | None,
    output: str | None,
    engine: str,
    directory: str | None,
    as_json: bool,
) -> int:
    """Add sessions up by day, and report a day.

    Adds what is over and not counted yet to aggregated/DATE_summary.json, which closing a session does by itself; run
    again it changes nothing. Other engines than the built-in one count the events of the traces there are, and write
    nothing there. The exit code is 1 when --verify finds a difference, 3 when a day has no sessions.
    """
    layout = options.find_layout(directory)
    day = times.day_name(date) if date else None
    if verify:
        if engine != "builtin":
            raise click.UsageError("--verify compares with the events by itself: leave --engine out.")
        return _verify(layout, day, output, as_json=as_json)
    counted = _counted(layout, engine)
    if report:
        _put(_report(layout, counted, day, report), output)
    elif as_json or output:
        _put(dumps(list(_chosen(layout, counted, day).values()), indent=True), output)
    else:
        _print(layout, list(_chosen(layout, counted, day).values()))
    return 0


def _counted(layout: Layout, engine: str) -> Mapping[str, Any]:
    """The days, oldest first; those of the files are read when they are asked for."""
    from t800.aggregate import daily, engines
    from t800.cli.progress import progress

    if engine == "builtin":
        _catch_up(layout)
        return _Files(layout, daily.dates(layout))
    found = engines.count(layout, engine, lambda groups: progress(groups, "reading"))
    return {day["date"]: day for day in found}


class _Files(Mapping[str, Any]):
    """The daily files, by their days."""

    def __init__(self, layout: Layout, dates: list[str]) -> None:
        self._layout = layout
        self._dates = dates

    def __getitem__(self, date: str) -> Any:
        from t800.aggregate import daily

        if date not in self._dates:
            raise KeyError(date)
        return daily.load(self._layout, date)

    def __iter__(self) -> Iterator[str]:
        return iter(self._dates)

    def __len__(self) -> int:
        return len(self._dates)


def _catch_up(layout: Layout) -> None:
    from t800.aggregate import daily

    if os.path.isdir(layout.traces):
        layout.create()
        daily.catch_up(layout)


def _chosen(layout: Layout, counted: Mapping[str, Any], day: str | None) -> Mapping[str, Any]:
    """All days, or the one that is asked for; `SessionNotFoundError` where it has no session."""
    from t800.errors import SessionNotFoundError

    if day is None or day in counted:
        return counted if day is None else {day: counted[day]}
    last = max(counted, default=None)
    hint = f"The last day with sessions is {last}" if last else f"There are no sessions in {layout.traces}"
    raise SessionNotFoundError(f"no session was recorded on {day}", hint=hint)


def _report(layout: Layout, counted: Mapping[str, Any], day: str | None, form: str) -> str:
    from t800.cli import report
    from t800.errors import SessionNotFoundError

    days = _chosen(layout, counted, day)
    if not days:
        raise SessionNotFoundError(
            "there is no day to report", hint=f"There are no sessions in {layout.traces}"
        )
    return report.FORMS[form](days[max(days)])


def _put(text: str, output: str | None) -> None:
    """To the file, whole or not at all and for its owner alone; else to stdout."""
    from t800.layout import write_own_file

    if output is None:
        options.write(text.rstrip("\n"))
    else:
        write_own_file(output, text.encode("utf-8", "backslashreplace"))


def _print(layout: Layout, days: list[dict[str, Any]]) -> None:
    from t800.cli.line import screen

    if days:
        screen().write(_table(days))
    else:
        options.write(f"No sessions in {clean(layout.traces)}")


def _table(days: list[dict[str, Any]]) -> Iterator[Line]:
    from t800.cli.line import Line
    from t800.cli.table import Cell, Column, lines

    titles = ("SESSIONS", "EVENTS", "OK", "ERRORS", "TIME", "TOKENS", "COST")
    cells: list[list[Cell]] = []
    for day in days:
        summary = day["summary"]
        errors = number(summary, "errors") or 0
        cells.append(
            [
                clean(str(day["date"])),
                short(number(summary, "sessions")),
                short(number(summary, "total_events")),
                percent(number(summary, "success_rate")),
                Line(short(errors), "red" if errors else "dim"),
                duration(number(summary, "total_duration_ms")),
                short(number(mapping(summary, "tokens"), "total")),
                money(number(summary, "total_cost_estimate")),
            ]
        )
    yield from lines([Column("DAY", style="cyan"), *(Column(title, right=True) for title in titles)], cells)


def _verify(layout: Layout, day: str | None, output: str | None, *, as_json: bool) -> int:
    from t800.aggregate import daily
    from t800.cli.commands import FINDINGS
    from t800.cli.progress import progress

    found = daily.verify(layout, day, lambda batches: progress(batches, "counting"))
    if as_json or output:
        _put(dumps([difference._asdict() for difference in found], indent=True), output)
    else:
        _print_differences(found, len(daily.dates(layout)) if day is None else 1)
    return FINDINGS if found else 0


def _print_differences(found: list[Difference], days: int) -> None:
    for date, stem, problem in found[:_MOST_PRINTED]:
        options.write(clean(": ".join(part for part in (date, stem, problem) if part)))
    if len(found) > _MOST_PRINTED:
        options.write(f"… {len(found) - _MOST_PRINTED:,} more: --json prints all")
    verdict = plural(len(found), "difference") if found else "all as their events say"
    options.write(f"{plural(days, 'day')}, {verdict}")
