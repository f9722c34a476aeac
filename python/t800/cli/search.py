"""`t800 search`: events by text, tool, error and model, over all sessions."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any

import click

from t800._figures import plural
from t800.cli import options, times
from t800.cli.text import clean, dumps, string

if TYPE_CHECKING:
    from collections.abc import Iterator

    from t800.cli.line import Line
    from t800.reader import SessionTrace
    from t800.search import Hit, Match, Query

_MATCHES_SHOWN = 2
_CONTEXT_JSON = 200


@click.command()
@click.argument("text", required=False, default="")
@click.option("--regex", "-e", is_flag=True, help="TEXT is a regular expression of Python.")
@click.option("--case", "exact_case", is_flag=True, help="Tell capitals from small letters.")
@click.option("--tool", metavar="NAME", help="Only calls of this tool, and its errors; * matches.")
@click.option("--error-type", metavar="NAME", help="Only errors of this type; * matches.")
@click.option("--model", metavar="NAME", help="Only calls of this model; * matches.")
@times.between
@click.option("--limit", "-n", type=click.IntRange(min=0), default=100, metavar="N", show_default=True,
              help="Print at most N hits; 0 prints all.")  # fmt: skip
@options.folder
@options.as_json
def search(
    since: str | None, until: str | None, limit: int, directory: str | None, as_json: bool, **asked: Any
) -> int:
    """Find events by what they say, in all sessions, newest first.

    TEXT is looked for in every value of an event, capitals or not; what is redacted cannot be found. Options
    combine. The exit code is 1 when nothing was found.
    """
    from t800 import reader
    from t800 import search as searching
    from t800.cli.commands import FINDINGS
    from t800.cli.progress import progress

    wanted = times.span(since, until)
    query = _query(asked | {"holds": wanted.holds if any(wanted) else None})
    traces = times.within(reader.sessions(options.find_layout(directory)), wanted)
    hits = searching.search(progress(traces, "searching"), query)
    shown = list(itertools.islice(hits, limit or None))
    more = bool(limit) and next(hits, None) is not None
    if as_json:
        options.write(dumps([_data(hit) for hit in shown], indent=True))
    else:
        _print(shown, len(traces), limit if more else 0)
    return 0 if shown else FINDINGS


def _query(asked: dict[str, Any]) -> Query:
    from t800.search import Query

    if not asked["text"] and not any(asked[name] for name in ("tool", "error_type", "model")):
        raise click.UsageError("Say what to look for: a TEXT, --tool, --error-type or --model.")
    try:
        return Query(**asked)
    except (re.error, OverflowError, RecursionError) as error:
        raise click.BadParameter(f"is no regular expression: {error}.", param_hint="TEXT") from error


def _data(hit: Hit) -> dict[str, object]:
    return {
        "session_id": hit.trace.session_id,
        "agent": hit.trace.metadata.get("agent"),
        "file": hit.trace.parts[0].path,
        **{name: hit.event.get(name) for name in ("event_id", "type", "timestamp")},
        **{name: hit.event[name] for name in ("tool", "model", "error_type") if name in hit.event},
        "matches": [_match_data(match) for match in hit.matches],
    }


def _match_data(match: Match) -> dict[str, str]:
    return {
        "field": match.field,
        "before": match.text[max(match.start - _CONTEXT_JSON, 0) : match.start],
        "match": match.text[match.start : match.end],
        "after": match.text[match.end : match.end + _CONTEXT_JSON],
    }


def _print(hits: list[Hit], searched: int, limit: int) -> None:
    from t800.cli.line import Line, screen

    def lines() -> Iterator[Line]:
        for n, (_, group) in enumerate(itertools.groupby(hits, key=lambda hit: id(hit.trace))):
            of_session = list(group)
            if n:
                yield Line()
            yield _heading(of_session[0].trace).fit(width)
            for hit in of_session:
                yield from (line.fit(width) for line in _lines(hit, width))
        if limit:
            yield Line(f"… more than {plural(limit, 'hit')}: --limit 0 prints all", "dim")
        if not hits:
            yield Line(f"nothing found in {plural(searched, 'session')}")

    width = screen().width
    screen().write(lines())


def _heading(trace: SessionTrace) -> Line:
    from t800.cli import rows

    return rows.headline(trace.metadata, trace.session_id, f"{trace.started[:19].replace('T', ' ')} UTC")


def _lines(hit: Hit, width: int) -> Iterator[Line]:
    """The event, and below it where it holds the text: the first two places."""
    from t800.cli import rows
    from t800.cli.line import Line

    name, detail = rows.describe(hit.event)
    line = Line("  ").append(string(hit.event, "event_id"), "dim").append(f" {_time(hit)} ", "dim")
    line.append(name, "bold red" if hit.event.get("type") == "error" else "bold")
    yield line if hit.matches else line.append(f"  {detail[:width]}")
    for match in hit.matches[:_MATCHES_SHOWN]:
        yield _place(match, width)
    if len(hit.matches) > _MATCHES_SHOWN:
        yield Line(f"    and {len(hit.matches) - _MATCHES_SHOWN} more fields", "dim")


def _time(hit: Hit) -> str:
    return string(hit.event, "timestamp")[11:19]


def _place(match: Match, width: int) -> Line:
    from t800.cli.line import Line, ending

    line = Line(f"    {clean(match.field)[: width // 2]}: ", "dim")
    found = Line(clean(match.text[match.start : match.end][:width]), "bold yellow")
    room = max((width - line.cell_len - found.cell_len) // 2, 4)
    before = clean(match.text[max(match.start - 2 * width, 0) : match.start])
    shown = ending(before, room)
    line.append("…" if len(shown) < len(before) else "", "dim").append(shown).append_line(found)
    return line.append(clean(match.text[match.end : match.end + width]))
