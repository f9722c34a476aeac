"""`t800 stats`: figures by tool, model and error, of a session, several, or a stretch of time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from t800._figures import duration, joined, money, overhead, plural, short
from t800.cli import options, times
from t800.cli.text import clean, dumps

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from t800.aggregate.stats import Stats
    from t800.cli.line import Line
    from t800.cli.table import Cell
    from t800.cli.times import Span
    from t800.layout import Layout
    from t800.reader import SessionTrace

    Figures = Mapping[str, Any]

_MOST_ROWS = 20


@click.command()
@options.sessions
@click.option("--date", metavar="DAY", help="All sessions of a UTC day: 2026-01-15, today, yesterday.")
@times.between
@options.folder
@options.as_json
def stats(
    sessions: tuple[str, ...],
    date: str | None,
    since: str | None,
    until: str | None,
    directory: str | None,
    as_json: bool,
) -> None:
    """Figures by tool, model and error, with exact quantiles.

    Without SESSION the last one, with all that began inside it; with --date, --since or --until all events of that
    time.
    """
    from t800.aggregate.stats import Stats
    from t800.cli.progress import progress

    if date and (since or until):
        raise click.UsageError("Give either --date or --since and --until.")
    wanted = times.day(date) if date else times.span(since, until)
    found = _meant(options.find_layout(directory), sessions, wanted)
    told = Stats()
    for trace in progress(found, "adding up"):
        told.add(trace, wanted.holds if any(wanted) else None)
    if as_json:
        options.write(dumps(told.data(), indent=True))
    else:
        _print(told)


def _meant(layout: Layout, references: tuple[str, ...], wanted: Span) -> list[SessionTrace]:
    """The sessions named, each with those that began inside it; all of a stretch of time where none is."""
    from t800 import reader

    if any(wanted) and not references:
        return times.within(reader.sessions(layout), wanted)
    named = [reader.resolve(layout, reference) for reference in references or ("last",)]
    every = [member for trace in named for member in (trace, *reader.family(layout, trace))]
    return list({trace.parts[0].path: trace for trace in every}.values())


def _print(told: Stats) -> None:
    from t800.cli.line import screen

    screen().write(page(told))


def page(told: Stats) -> Iterator[Line | str]:
    """The figures as a page: a headline, then a table for each group that has something in it."""
    from t800.cli.line import Line, screen

    data = told.data()
    span = _span(told.first, told.last)
    yield Line(joined([plural(told.sessions, "session"), plural(told.events, "event"), span]), "bold").fit(
        screen().width
    )
    for title, group, lines in (
        ("TOOL", "tools", _tools),
        ("MODEL", "models", _models),
        ("ERROR", "errors", _errors),
    ):
        if data[group]:
            yield ""
            yield from lines(title, data[group])
    cost = data["overhead"]
    if "p50_us" in cost and "p99_us" in cost:
        yield ""
        yield Line(
            f"recording took p50 {overhead(cost['p50_us'])}, p99 {overhead(cost['p99_us'])} a call", "dim"
        )


def _span(first: str, last: str) -> str:
    first, last = clean(first[:19].replace("T", " ")), clean(last[:19].replace("T", " "))
    if first[:10] == last[:10]:
        last = last[11:]
    return f"{first} to {last} UTC" if first else ""


_TIMES = ("p50_ms", "p95_ms", "p99_ms", "max_ms")


def _tools(title: str, group: Mapping[str, Figures]) -> Iterator[Line | str]:
    from t800.cli.table import Column, lines

    titles = ("CALLS", "FAILED", "P50", "P95", "P99", "MAX", "TOTAL")
    columns = [Column(title, least=12, style="bold"), *(Column(name, right=True) for name in titles)]
    ranked = sorted(group.items(), key=lambda item: (-item[1]["total_ms"], item[0]))
    cells: list[list[Cell]] = [
        [_name(name), short(f["calls"]), _red(f["failed"]), *(duration(f[t]) for t in (*_TIMES, "total_ms"))]
        for name, f in ranked[:_MOST_ROWS]
    ]
    yield from lines(columns, cells)
    yield from _rest(ranked)


def _models(title: str, group: Mapping[str, Figures]) -> Iterator[Line | str]:
    from t800.cli.table import Column, lines

    titles = ("CALLS", "FAIL", "P50", "P95", "P99", "IN", "CACHED", "OUT", "REAS", "COST")
    columns = [Column(title, least=10, style="bold"), *(Column(name, right=True) for name in titles)]
    ranked = sorted(group.items(), key=lambda item: (-(item[1]["cost_usd"] or 0), item[0]))
    cells: list[list[Cell]] = []
    for name, f in ranked[:_MOST_ROWS]:
        counts = [short(f["tokens"][kind]) for kind in ("prompt", "cached", "completion", "reasoning")]
        spent = [duration(f[t]) for t in _TIMES[:3]]
        cells.append(
            [_name(name), short(f["calls"]), _red(f["failed"]), *spent, *counts, money(f["cost_usd"])]
        )
    yield from lines(columns, cells)
    yield from _rest(ranked)


def _errors(title: str, group: Mapping[str, Figures]) -> Iterator[Line | str]:
    from t800.cli.table import Column, lines

    titles = ("COUNT", "TRIED", "RECOVERED")
    columns = [Column(title, least=12, style="red"), *(Column(name, right=True) for name in titles)]
    columns += [Column("MOSTLY IN", least=9), Column("STRATEGY", least=8)]
    ranked = sorted(group.items(), key=lambda item: (-item[1]["count"], item[0]))
    cells: list[list[Cell]] = []
    for name, f in ranked[:_MOST_ROWS]:
        counts = [short(f[field]) for field in ("count", "recovery_attempted", "recovered")]
        cells.append(
            [_name(name), *counts, _name(next(iter(f["tools"]), "")), _name(next(iter(f["strategies"]), ""))]
        )
    yield from lines(columns, cells)
    yield from _rest(ranked)


def _name(name: str) -> str:
    return clean(name) or "-"


def _red(count: int) -> Line:
    from t800.cli.line import Line

    return Line(short(count), "red" if count else "dim")


def _rest(ranked: list[tuple[str, Figures]]) -> Iterator[Line]:
    from t800.cli.line import Line

    if len(ranked) > _MOST_ROWS:
        yield Line(f"… {len(ranked) - _MOST_ROWS:,} more: --json has all", "dim")
