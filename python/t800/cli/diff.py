"""`t800 diff`: two sessions beside each other, a summary on top and then what changed step by step."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from t800._figures import duration, joined, money, percent, plural, short
from t800.cli import options
from t800.cli.line import Line, screen
from t800.cli.text import clean, dumps, inline, mapping, number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from t800.diff import Pair
    from t800.reader import SessionTrace

_MARKS = {"same": ("=", "dim"), "changed": ("~", "yellow"), "removed": ("-", "red"), "added": ("+", "green")}
_WORDS = {"changed": "changed", "removed": "only in A", "added": "only in B", "same": "the same"}
_LONGEST = 60


@click.command()
@options.one_session("first", "A")
@options.one_session("second", "B")
@click.option("--all", "everything", is_flag=True, help="Also print the steps that are the same.")
@click.option("--limit", type=click.IntRange(min=0), default=1000, metavar="N", show_default=True,
              help="Print at most N lines of steps; 0 prints all.")  # fmt: skip
@options.folder
@options.as_json
def diff(first: str, second: str, everything: bool, limit: int, directory: str | None, as_json: bool) -> None:
    """Compare two sessions, step by step: A is the earlier one, B the later.

    Steps are aligned by type, name and arguments. A step has changed where its arguments, outcome, tokens or cost
    differ, or its duration by half and 10 ms.
    """
    from t800.diff import compare

    a, b = options.find_session(directory, first), options.find_session(directory, second)
    pairs = compare(a.events(), b.events())
    if as_json:
        options.write(dumps(_data(a, b, pairs), indent=True))
    else:
        screen().write(_page(a, b, pairs, everything=everything, limit=limit or None))


def _data(a: SessionTrace, b: SessionTrace, pairs: Sequence[Pair]) -> dict[str, object]:
    return {
        "a": _session(a),
        "b": _session(b),
        "counts": _counts(pairs),
        "steps": [_step(pair) for pair in pairs],
    }


def _session(trace: SessionTrace) -> dict[str, object]:
    summary = trace.summary(durations=False)
    return {"session_id": trace.session_id, "metadata": trace.metadata, "summary": summary}


def _step(pair: Pair) -> dict[str, object]:
    sides = {side: event["event_id"] for side, event in _sides(pair) if "event_id" in event}
    event: Mapping[str, object] = pair.second or pair.first or {}
    told: dict[str, object] = {name: event[name] for name in ("type", "tool", "model") if name in event}
    changes = {name: {"a": before, "b": after} for name, (before, after) in pair.changes.items()}
    return {"kind": pair.kind} | told | sides | {"changes": changes}


def _sides(pair: Pair) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield from ((side, event) for side, event in (("a", pair.first), ("b", pair.second)) if event is not None)


def _counts(pairs: Sequence[Pair]) -> dict[str, int]:
    counts = Counter(pair.kind for pair in pairs)
    return {kind: counts[kind] for kind in _WORDS}


def _page(
    a: SessionTrace, b: SessionTrace, pairs: Sequence[Pair], *, everything: bool, limit: int | None
) -> Iterator[Line | str]:
    from t800.cli import rows

    width = screen().width
    for side, trace in (("A  ", a), ("B  ", b)):
        head = rows.headline(trace.metadata, trace.session_id, f"{trace.started[:19].replace('T', ' ')} UTC")
        yield Line(side, "bold").append_line(head).fit(width)
    yield ""
    yield from _summaries(a.summary(durations=False), b.summary(durations=False))
    yield ""
    counts = _counts(pairs)
    yield Line(
        joined([f"{plural(counts[kind], 'step')} {word}" for kind, word in _WORDS.items() if counts[kind]])
    )
    yield ""
    steps = (line.fit(width) for line in _steps(pairs, width, everything=everything))
    yield from itertools.islice(steps, limit)
    hidden = sum(1 for _ in steps) if limit is not None else 0
    if hidden:
        yield Line(f"… {hidden:,} more lines: --limit 0 prints all", "dim")


def _summaries(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Line]:
    from t800.cli.table import Column, lines

    def counted(summary: Mapping[str, Any], *path: str) -> float | None:
        *above, name = path
        return number(mapping(summary, above[0]) if above else summary, name)

    figures: list[tuple[str, tuple[str, ...], Callable[[float | None], str]]] = [
        ("events", ("total_events",), short),
        ("calls that worked", ("success_rate",), percent),
        ("failed calls", ("failed",), short),
        ("errors", ("errors",), short),
        ("time in calls", ("total_duration_ms",), duration),
        ("input tokens", ("tokens", "prompt"), short),
        ("output tokens", ("tokens", "completion"), short),
        ("cost", ("total_cost_estimate",), money),
    ]
    cells = []
    for title, path, spelled in figures:
        before, after = counted(a, *path), counted(b, *path)
        cells.append([title, spelled(before), spelled(after), _relative(before, after)])
    columns = [Column("", style="dim"), *(Column(title, right=True) for title in ("A", "B", "CHANGE"))]
    yield from lines(columns, cells)


def _relative(before: float | None, after: float | None) -> str:
    if before is None or after is None or before == after:
        return "-" if before is None or after is None else "="
    return f"{min((after - before) / before * 100, 99_999):+,.0f} %" if before else "new"


def _steps(pairs: Sequence[Pair], width: int, *, everything: bool) -> Iterator[Line]:
    for kind, group in itertools.groupby(pairs, key=lambda pair: pair.kind):
        of_kind = list(group)
        if kind == "same" and not everything:
            yield Line(f"  … {plural(len(of_kind), 'equal step')}", "dim")
        else:
            yield from (_line(pair, width) for pair in of_kind)


def _line(pair: Pair, width: int) -> Line:
    from t800.cli import rows

    mark, style = _MARKS[pair.kind]
    event = pair.first if pair.second is None else pair.second
    name, detail = rows.describe(event or {})
    line = Line(f"{mark} ", style, 2).append(name, "bold" if pair.kind != "same" else "dim")
    line.append(
        f"  {detail[:width]}" if detail else "", style if pair.kind in {"removed", "added"} else "dim"
    )
    told = joined([_change(field, *values) for field, values in pair.changes.items()])
    if told:
        told = told[: width - 8]
        line.fit(max(width // 2 - 2, width - len(told) - 2)).append(f"  {told}")
    return line


def _change(field: str, before: object, after: object) -> str:
    if field == "duration_ms":
        return f"{duration(_figure(before))} → {duration(_figure(after))}"
    if field == "cost_usd":
        return f"{money(_figure(before))} → {money(_figure(after))}"
    if field == "success":
        return f"{_outcome(before)} → {_outcome(after)}"
    if field == "parameters_redacted":
        return "other arguments"
    return f"{clean(field).removesuffix('_tokens')} {_told(before)} → {_told(after)}"


def _outcome(value: object) -> str:
    return "unknown" if value is None else "ok" if value is True else "failed"


def _figure(value: object) -> float | None:
    return number({"value": value}, "value")


def _told(value: object) -> str:
    return "-" if value is None else inline(value)[:_LONGEST]
