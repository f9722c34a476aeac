"""Daily summaries: `aggregated/{date}_summary.json`, folded from the summaries of finished sessions.

A day's file keeps what each session has added to it, so that folding a session again changes nothing, and a
session whose trace retention has taken away stays counted. A session across midnight adds to each of its UTC
days.
"""

from __future__ import annotations

import itertools
import os
import re
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from t800.errors import TraceFileError
from t800.layout import read_own_file, write_own_file
from t800.lock import locked
from t800.reader import SessionTrace, of_stem, scan
from t800.summary import COUNTERS, QUANTILE_ERROR, Summary, days, derive, fold_events, merge, quantile_us
from t800.system import replace
from t800.trace_file import dump, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from t800.layout import Layout

__all__ = ["SCHEMA", "Difference", "catch_up", "dates", "load", "rebuild", "update", "update_all", "verify"]

SCHEMA = 1
"""Version of the files' format."""

METHOD = "nearest rank in logarithmic buckets"

Partials = dict[str, bytes]
"""What each session (by the stem of its files) has added to one day: JSON in the one spelling of `_core`."""
Days = dict[str, Partials]
Batches = list[list[SessionTrace]]

_NAME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})_summary\.json")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LIMIT = 1 << 28
_LARGE = 8 << 20  # Measured: some 3,000 sessions of fifteen tools and models each, one more of them in 50 ms.
_BATCH = 256
_WAIT_S = 1.0  # An agent may be waiting behind us.
_LONG_WAIT_S = 30.0
_ENDED = ("closed", "recovered")


def update(layout: Layout, trace: SessionTrace | str) -> list[str]:
    """Fold one finished session (or the stem of its files) into its days; the dates whose files changed.

    A live session is left out. One whose day has become so large that folding at every close would be felt is
    left to `catch_up`. While another thread is folding, it is left to that one, so that a thousand sessions
    that end together cost a few writes. Raises `TraceFileError` where the folder cannot be written, or
    another process has been writing for over a second.
    """
    if isinstance(trace, str):
        trace = of_stem(layout, trace)
    if _size(_path(layout, trace.stem[:10])) > _LARGE:
        return []
    folder = os.getpid(), layout.aggregated
    with _guard:
        _waiting.setdefault(folder, {})[trace.stem] = trace
        if folder in _folding:
            return []
        _folding.add(folder)
    changed: set[str] = set()
    try:
        while traces := _take_waiting(folder):
            changed.update(_fold(layout, traces))
    finally:
        with _guard:
            _folding.discard(folder)
    return sorted(changed)


def update_all(layout: Layout, stems: Iterable[str]) -> list[str]:
    """Fold several finished sessions at once: one write for each of their days, as `update` does for one.

    Sessions whose files are gone meanwhile are left out.
    """
    return _fold(
        layout, _found(layout, (stem for stem in stems if _size(_path(layout, stem[:10])) <= _LARGE))
    )


def _found(layout: Layout, stems: Iterable[str]) -> Iterator[SessionTrace]:
    for stem in stems:
        with suppress(TraceFileError):
            yield of_stem(layout, stem)


def catch_up(layout: Layout, wait_s: float = _LONG_WAIT_S) -> list[str]:
    """Fold all finished sessions that are in no day's file yet, or were incomplete and have changed since.

    Raises `TraceFileError` as `update` does, where another process has been writing for over `wait_s` seconds.
    """
    traces = scan(layout, in_order=False)[0]
    counted = {date: _Counted(layout, date) for date in {trace.stem[:10] for trace in traces}}
    return _fold(layout, [trace for trace in traces if not counted[trace.stem[:10]].has(trace)], wait_s)


def rebuild(layout: Layout) -> list[str]:
    """Make all days anew from the traces there are; sessions without a trace keep what they have added."""
    traces = scan(layout, in_order=False)[0]
    fresh = _by_date(layout, traces)
    present = {trace.stem for trace in traces}
    with _locked(layout, _LONG_WAIT_S):
        for date in dates(layout):
            kept = {stem: line for stem, line in _read(layout, date).items() if stem not in present}
            fresh[date] = kept | fresh.get(date, {})
        return [date for date in sorted(fresh) if _write(layout, date, fresh[date])]


class Difference(NamedTuple):
    """Where a day's file does not say what the events do."""

    date: str
    stem: str
    problem: str


def verify(
    layout: Layout, date: str | None = None, watch: Callable[[Batches], Iterable[list[SessionTrace]]] = iter
) -> list[Difference]:
    """Count the events of all sessions that are over, and compare the days' files (or one of them) with that.

    Writes nothing. Sessions whose traces are gone cannot be compared. `watch` may show how far it is.
    """
    traces = [trace for trace in scan(layout, in_order=False)[0] if date is None or trace.stem[:10] <= date]
    fresh: Days = {}
    for batch in watch(_batches(traces)):
        for day, partials in _by_date(layout, batch, from_events=True).items():
            fresh.setdefault(day, {}).update(partials)
    wanted = sorted(fresh.keys() | set(dates(layout))) if date is None else [date]
    return [found for day in wanted for found in _differences(layout, day, fresh.get(day, {}))]


def _batches(traces: list[SessionTrace]) -> Batches:
    left = iter(traces)
    return list(iter(lambda: list(itertools.islice(left, _BATCH)), []))


def _differences(layout: Layout, date: str, counted: Partials) -> Iterator[Difference]:
    known = _lines(layout, date)
    if known is None:
        yield Difference(date, "", "its file is missing or cannot be read")
        return
    if _text(date, known) != _bytes(layout, date)[0]:
        yield Difference(date, "", "its sums are not those of its sessions")
    for stem, line in sorted(counted.items()):
        if stem not in known:
            yield Difference(date, stem, "is not counted yet")
        elif known[stem] != line and (problem := _unlike(known[stem], line)):
            yield Difference(date, stem, problem)


def _unlike(told: bytes, counted: bytes) -> str:
    """Which figure differs; none where the session has gone on since it was counted."""
    before, after = parse(told) or {}, parse(counted) or {}
    if before.get("incomplete") is True:
        return ""
    old, new = before.get("summary", {}), after.get("summary", {})
    names = (*COUNTERS, "by_type", "tokens", "durations")
    differing = next((name for name in names if old.get(name) != new.get(name)), None)
    if differing is None:
        return "" if before == after else "is told in another way"
    figures = f": {old.get(differing)} in the file, {new.get(differing)} by its events"
    return differing + (figures if differing in COUNTERS else " differ")


def load(layout: Layout, date: str) -> dict[str, Any]:
    """The summary of one day (`2026-01-15`) with its sessions; `TraceFileError` where there is none."""
    document = _document(layout, date) if _DATE.fullmatch(date) else None
    if document is None:
        raise TraceFileError(
            f"there is no summary of {date!r}", file=layout.aggregated, hint="Run t800 aggregate"
        )
    return document


def dates(layout: Layout) -> list[str]:
    """The days that have a summary, oldest first."""
    try:
        names = os.listdir(layout.aggregated)
    except OSError:
        return []
    return sorted(match[1] for match in map(_NAME.fullmatch, names) if match)


_Folder = tuple[int, str]
_guard = threading.Lock()
_folding: set[_Folder] = set()
_waiting: dict[_Folder, dict[str, SessionTrace]] = {}


def _take_waiting(folder: _Folder) -> list[SessionTrace]:
    with _guard:
        waiting = _waiting.pop(folder, {})
        if not waiting:
            _folding.discard(folder)
        return list(waiting.values())


def _fold(layout: Layout, traces: Iterable[SessionTrace], wait_s: float = _WAIT_S) -> list[str]:
    fresh = _by_date(layout, traces)
    if not fresh:
        return []
    with _locked(layout, wait_s):
        return [date for date in sorted(fresh) if _add(layout, date, fresh[date])]


def _add(layout: Layout, date: str, fresh: Partials) -> bool:
    known = _read(layout, date)
    changes = any(known.get(stem) != line for stem, line in fresh.items())
    return changes and _write(layout, date, known | fresh)


def _by_date(layout: Layout, traces: Iterable[SessionTrace], *, from_events: bool = False) -> Days:
    """What finished sessions add to their days, by their closing lines or by their events."""
    from t800._core import fold_sessions

    marked = _marked(layout.private)
    over = [trace for trace in traces if trace.stem not in marked or not trace.live]
    plain = [trace for trace in over if trace.stem not in marked and _is_plain(trace)]
    names = [(os.path.basename(trace.parts[0].path), trace.session_id) for trace in plain]
    folded = fold_sessions(layout.traces, names, from_events) if names else []
    told = {trace.stem: one for trace, one in zip(plain, folded, strict=True) if one is not None}
    found: Days = {}
    for trace in over:
        one = told.get(trace.stem)
        for date, line in [one] if one else _partials(trace, from_events=from_events):
            found.setdefault(date, {})[trace.stem] = line
    return found


def _marked(private: str) -> set[str]:
    """The sessions that may be live, or have parts that retention has taken away."""
    try:
        names = os.listdir(private)
    except OSError:
        return set()
    return {
        stem
        for stem, _, kind in (name.rpartition(".") for name in names)
        if kind in {"lock", "open", "retired"}
    }


def _is_plain(trace: SessionTrace) -> bool:
    return len(trace.parts) == 1 and trace.parts[0].number == 1 and not trace.parts[0].packed


def _partials(trace: SessionTrace, *, from_events: bool) -> Iterator[tuple[str, bytes]]:
    """What any session adds to each of its days: torn, live until its process died, in parts, over midnight."""
    from t800._core import spell_partial

    summary = trace.summary()
    if from_events and trace.retired is None:
        counted = fold_events(itertools.chain.from_iterable(trace.part_events(part) for part in trace.parts))
        summary = {name: value for name, value in summary.items() if name != "by_day"} | counted
    counters = _counters(trace, summary)
    for day, part in counters.items():
        part["durations"] = _durations(trace, summary, day, alone=len(counters) == 1)
        line = spell_partial(dump(_partial(trace, summary, part)))
        if line is not None:
            yield day, line


def _counters(trace: SessionTrace, summary: Summary) -> dict[str, Summary]:
    counters: dict[str, Summary] = {}
    for given, part in days(summary, trace.first_day()).items():
        day = _date(given, trace)
        counters[day] = merge(counters.get(day, {}), part)
    earliest = min(counters)
    for name in ("dropped", "redactions", "overhead"):
        if name in summary:
            counters[earliest][name] = summary[name]
    return counters


def _durations(trace: SessionTrace, summary: Summary, day: str, *, alone: bool) -> object:
    if alone and "durations" in summary:
        return merge(summary)["durations"]
    # As the counters are: without what is still in a ring.
    every = itertools.chain.from_iterable(trace.part_events(part) for part in trace.parts)
    events = every if alone else (e for e in every if _date(e.get("timestamp"), trace) == day)
    return merge(fold_events(events))["durations"]


def _partial(trace: SessionTrace, summary: Summary, part: Summary) -> dict[str, Any]:
    agent = trace.metadata.get("agent")
    return {
        "session_id": trace.session_id,
        "agent": agent if isinstance(agent, str) else None,
        "incomplete": summary.get("state") not in _ENDED,
        "summary": part,
    }


def _date(given: object, trace: SessionTrace) -> str:
    """The day of a timestamp, never anything else: it becomes a file's name."""
    text = given[:10] if isinstance(given, str) else ""
    return text if _DATE.fullmatch(text) else trace.stem[:10]


class _Counted:
    """Which sessions a day's file holds, read from the beginnings of its lines: this runs beside an agent."""

    def __init__(self, layout: Layout, date: str) -> None:
        data, self._mtime_ns = _bytes(layout, date)
        lines = {
            line[1 : line.find(b'"', 1)].decode(): line for line in data.split(b"\n") if line[:1] == b'"'
        }
        self._incomplete = {stem for stem, line in lines.items() if b'"incomplete":true' in line}
        self._complete = lines.keys() - self._incomplete

    def has(self, trace: SessionTrace) -> bool:
        """Whether the session needs no folding: it is there, and has not grown since if it was incomplete."""
        grown = trace.mtime_ns >= self._mtime_ns
        return trace.stem in self._complete or (trace.stem in self._incomplete and not grown)


def _path(layout: Layout, date: str) -> str:
    return os.path.join(layout.aggregated, f"{date}_summary.json")


def _size(path: str) -> int:
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0


def _bytes(layout: Layout, date: str) -> tuple[bytes, int]:
    path = _path(layout, date)
    try:
        return read_own_file(path, _LIMIT), os.lstat(path).st_mtime_ns
    except (OSError, TraceFileError):
        return b"", 0


def _document(layout: Layout, date: str) -> dict[str, Any] | None:
    document = parse(_bytes(layout, date)[0])
    if document is None or not isinstance(document.get("sessions"), dict):
        return None
    if document.get("schema") != SCHEMA:
        hint = "Use the version of T-800 that wrote it, or move the file away"
        raise TraceFileError(f"has a format other than {SCHEMA}", file=_path(layout, date), hint=hint)
    return document


def _read(layout: Layout, date: str) -> Partials:
    """The sessions of a day's file. One that cannot be read is set aside: the traces make it anew."""
    known = _lines(layout, date)
    if known is None:
        _set_aside(layout, date)
    return known or {}


def _lines(layout: Layout, date: str) -> Partials | None:
    """The sessions of a day's file, None where it cannot be read; nothing is parsed where it is as we write it."""
    head, *lines = _bytes(layout, date)[0].split(b"\n")
    ours = (
        head.startswith(b'{"schema":%d,' % SCHEMA)
        and head.endswith(b',"sessions":{')
        and lines[-2:] == [b"}}", b""]
    )
    if ours and all(line.startswith(b'"') for line in lines[:-2]):
        split = (line.removesuffix(b",").partition(b'":') for line in lines[:-2])
        return {stem[1:].decode(errors="replace"): partial for stem, _, partial in split}
    document = _document(layout, date)
    if document is None:
        return None
    from t800._core import spell_partial

    spelled = {stem: spell_partial(dump(partial)) for stem, partial in document["sessions"].items()}
    return {stem: line for stem, line in spelled.items() if line is not None}


def _set_aside(layout: Layout, date: str) -> None:
    path = _path(layout, date)
    if os.path.lexists(path):
        replace(path, os.path.join(layout.private, f"{date}_summary.damaged.json"))


def _write(layout: Layout, date: str, partials: Partials) -> bool:
    """Write a day's file where that changes it; a day without sessions has none."""
    path = _path(layout, date)
    if not partials:
        if os.path.lexists(path):
            os.unlink(path)
        return True
    data = _text(date, partials)
    if data is None:
        # A line is damaged. Its session is counted again when days are caught up.
        from t800._core import spell_partial

        _set_aside(layout, date)
        whole = {stem: line for stem, line in partials.items() if spell_partial(line) is not None}
        return _write(layout, date, whole)
    if data == _bytes(layout, date)[0]:
        return False
    write_own_file(path, data)
    return True


def _text(date: str, partials: Partials) -> bytes | None:
    """One session a line, so that the file can be searched and compared; None where a line is no session's."""
    from t800._core import add_up

    stems = sorted(partials)
    added = add_up([partials[stem] for stem in stems])
    if added is None:
        return None
    head = {
        "schema": SCHEMA,
        "date": date,
        "quantiles": {"method": METHOD, "error": QUANTILE_ERROR},
        "summary": _total(*added),
    }
    lines = [b"%b:%b" % (dump(stem), partials[stem]) for stem in stems]
    return dump(head)[:-1] + b',"sessions":{\n' + b",\n".join(lines) + b"\n}}\n"


def _total(sessions: int, incomplete: int, text: bytes) -> Summary:
    total = derive(parse(text) or {})
    durations = total.pop("durations", {})
    for group in ("tools", "models"):
        total[group] = {name: _with_quantiles(h) for name, h in durations.get(group, {}).items()}
    return {"sessions": sessions, "incomplete": incomplete} | total


def _with_quantiles(histogram: Mapping[str, Any]) -> dict[str, Any]:
    figures = {f"p{round(q * 100)}_ms": quantile_us(histogram, q) for q in (0.5, 0.95, 0.99)}
    return dict(histogram) | {
        name: None if us is None else round(us / 1000, 3) for name, us in figures.items()
    }


def _locked(layout: Layout, wait_s: float) -> AbstractContextManager[None]:
    """One writer at a time."""
    return locked(os.path.join(layout.private, "aggregated.lock"), wait_s)
