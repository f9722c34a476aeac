"""A day as a report for people: Markdown or one HTML file that asks nothing of any network."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any, NamedTuple

from t800._figures import duration, money, overhead, percent, plural, short
from t800.cli.text import clean, mapping, number, string

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Figures = Mapping[str, Any]

_MOST_SESSIONS = 50
_MOST_NAMES = 30
_LONGEST = 80


class Table(NamedTuple):
    """A part of the report: its title, its columns (the first has names, the others figures), its rows, a note."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


def tables(day: Figures) -> list[Table]:
    """What the report has in it."""
    summary = mapping(day, "summary")
    sessions = mapping(day, "sessions")
    found = [_overview(summary), _agents(sessions)]
    note = _note(number(mapping(day, "quantiles"), "error"))
    found += [
        _names(title, mapping(summary, group), note)
        for title, group in (("Tools", "tools"), ("Models", "models"))
    ]
    found.append(_sessions(sessions))
    return [table for table in found if table.rows]


def _overview(summary: Figures) -> Table:
    tokens = mapping(summary, "tokens")
    taken = mapping(summary, "overhead")
    p50, p99 = number(taken, "p50_us"), number(taken, "p99_us")
    figures = {
        "Sessions": short(number(summary, "sessions")),
        "Not ended in order": short(number(summary, "incomplete")),
        "Events": short(number(summary, "total_events")),
        "Calls that worked": percent(number(summary, "success_rate")),
        "Errors": short(number(summary, "errors")),
        "Interrupted": short(number(summary, "interrupted")),
        "Time in calls": duration(number(summary, "total_duration_ms")),
        "Input tokens": short(number(tokens, "prompt")),
        "of these cached": short(number(tokens, "cached")),
        "Output tokens": short(number(tokens, "completion")),
        "Cost": money(number(summary, "total_cost_estimate")),
        "Recording, per call": "-"
        if p50 is None or p99 is None
        else f"p50 {overhead(p50)}, p99 {overhead(p99)}",
    }
    return Table("The day", ("", ""), list(figures.items()))


def _agents(sessions: Figures) -> Table:
    groups: dict[str, list[Figures]] = {}
    for partial in sessions.values():
        if isinstance(partial, dict):
            groups.setdefault(_name(string(partial, "agent")), []).append(mapping(partial, "summary"))
    ranked = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))[:_MOST_NAMES]
    rows = [(name, short(len(group)), *_figures(group)) for name, group in ranked]
    return Table("Agents", ("Agent", "Sessions", *_FIGURES), rows, _rest(groups, _MOST_NAMES))


_FIGURES = ("Events", "OK", "Errors", "Time", "Tokens", "Cost")


def _figures(group: Iterable[Figures]) -> tuple[str, ...]:
    from t800.summary import derive, merge

    summary = derive(merge(*({k: v for k, v in part.items() if k != "durations"} for part in group)))
    return (
        short(summary["total_events"]),
        percent(summary["success_rate"]),
        short(summary["errors"]),
        duration(summary["total_duration_ms"]),
        short(summary["tokens"]["total"]),
        money(summary["total_cost_estimate"]),
    )


def _note(error: float | None) -> str:
    if error == 0:
        return "Quantiles are exact: the nearest rank, a duration that occurred."
    return "Quantiles are within 9.05 %: they come from histograms that can be added up."


def _names(title: str, group: Figures, note: str) -> Table:
    ranked = sorted(group.items(), key=lambda item: (-(number(item[1], "sum_us") or 0), item[0]))
    rows = []
    for name, figures in ranked[:_MOST_NAMES]:
        times = [duration(number(figures, f"p{share}_ms")) for share in (50, 95, 99)]
        total = (number(figures, "sum_us") or 0) / 1000
        rows.append((_name(name), short(number(figures, "count")), *times, duration(total)))
    columns = (title[:-1], "Calls", "p50", "p95", "p99", "Total")
    return Table(title, columns, rows, " ".join(filter(None, [note, _rest(ranked, _MOST_NAMES)])))


def _sessions(sessions: Figures) -> Table:
    rows = []
    for stem in sorted(sessions)[:_MOST_SESSIONS]:
        partial = mapping(sessions, stem)
        name = f"{_name(string(partial, 'session_id'))} ({_name(string(partial, 'agent'))})"
        rows.append((name, stem[11:19].replace("-", ":"), *_figures([mapping(partial, "summary")])))
    return Table("Sessions", ("Session", "Began", *_FIGURES), rows, _rest(sessions, _MOST_SESSIONS))


def _name(name: str) -> str:
    name = clean(name)
    return (name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…") or "-"


def _rest(every: Mapping[str, object] | Sequence[object], shown: int) -> str:
    return f"{plural(len(every) - shown, 'more row')} not shown." if len(every) > shown else ""


def markdown(day: Figures) -> str:
    """The report as Markdown."""
    lines = [f"# T-800: {clean(str(day.get('date')))}", ""]
    for table in tables(day):
        lines += [f"## {table.title}", "", _row(table.columns)]
        lines.append("|---" + "|--:" * (len(table.columns) - 1) + "|")
        lines += [*map(_row, table.rows), ""]
        lines += [table.note, ""] if table.note else []
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return "|" + "|".join(f" {_plain(cell)} " for cell in cells) + "|"


def _plain(text: str) -> str:
    """Text that is no markup to any reader of Markdown."""
    escaped = html.escape(text, quote=False)
    return "".join(f"\\{sign}" if sign in "\\`*_[]|#~!<>" else sign for sign in escaped)


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>T-800: {date}</title>
<style>
:root {{ color-scheme: light dark; --line: #8884; --dim: color-mix(in srgb, CanvasText 65%, Canvas); }}
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }}
h1 {{ font-size: 1.5rem; }} h2 {{ font-size: 1.1rem; margin: 2rem 0 .5rem; }}
.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }}
th, td {{ text-align: right; padding: .3rem .6rem; border-bottom: 1px solid var(--line); white-space: nowrap; }}
th:first-child, td:first-child {{ text-align: left; padding-left: 0; white-space: normal; overflow-wrap: anywhere; }}
th {{ color: var(--dim); font-weight: 500; }} p {{ color: var(--dim); }}
</style>
</head>
<body>
<h1>T-800: {date}</h1>
{tables}
</body>
</html>
"""


def page(day: Figures) -> str:
    """The report as one HTML file without scripts; nothing in it is loaded from anywhere."""
    found = "\n".join(_section(table) for table in tables(day))
    return _PAGE.format(date=html.escape(clean(str(day.get("date")))), tables=found)


def _section(table: Table) -> str:
    head = (
        "".join(f'<th scope="col">{html.escape(title)}</th>' for title in table.columns)
        if any(table.columns)
        else ""
    )
    rows = "\n".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows
    )
    note = f"\n<p>{html.escape(table.note)}</p>" if table.note else ""
    head = f"<thead><tr>{head}</tr></thead>\n" if head else ""
    return (
        f'<h2>{html.escape(table.title)}</h2>\n<div class="wide"><table>\n{head}{rows}\n</table></div>{note}'
    )


FORMS: dict[str, Callable[[Figures], str]] = {"md": markdown, "html": page}
"""How a report can be written."""
