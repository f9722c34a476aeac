"""`t800 export`: sessions as a file of another format."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from t800._figures import plural, size
from t800.cli import options, times
from t800.cli.text import clean
from t800.export import FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from t800.export import Session
    from t800.layout import Layout
    from t800.reader import SessionTrace
    from t800.trace_file import Part


@click.command()
@options.sessions
@click.option("--format", "-f", "form", type=click.Choice(list(FORMATS)), metavar="FORMAT",
              help=f"{', '.join(FORMATS)} [default: what FILE ends with].")  # fmt: skip
@click.option("--output", "-o", type=click.Path(dir_okay=False), metavar="FILE",
              help="Write there, for this user alone [default: stdout].")  # fmt: skip
@times.between
@options.folder
def export(
    sessions: tuple[str, ...],
    form: str | None,
    output: str | None,
    since: str | None,
    until: str | None,
    directory: str | None,
) -> None:
    """Write sessions as a file of another format.

    Without a SESSION it takes the last one, or all of --since and --until. What was begun inside a session comes with
    it. Nothing is sent anywhere; what is written is as redacted as the trace.
    """
    from t800 import export as exporting

    name = form or _by_ending(output)
    chosen = _chosen(options.find_layout(directory), sessions, times.span(since, until))
    told: list[Session] = []
    read = _kept(exporting.read(chosen, _shown), told)
    if output is None:
        _refuse_bytes_on_a_terminal(name)
        FORMATS[name].write(read, sys.stdout.buffer)
    else:
        with exporting.replaced(output) as out:
            FORMATS[name].write(read, out)
    _say(told, output)


def _by_ending(output: str | None) -> str:
    fitting = [name for name, form in FORMATS.items() if (output or "").lower().endswith(f".{form.ending}")]
    if not fitting:
        raise click.UsageError(f"Say which format: --format {', '.join(FORMATS)}.")
    return max(fitting, key=lambda name: len(FORMATS[name].ending))


def _chosen(layout: Layout, references: Sequence[str], wanted: times.Span) -> list[SessionTrace]:
    """The sessions that are meant, each once, oldest first, each with what was begun inside it."""
    from t800 import reader
    from t800.errors import SessionNotFoundError

    if any(wanted) and not references:
        found = times.within(reader.sessions(layout), wanted)
        if not found:
            raise SessionNotFoundError("no session was recorded in that time", file=layout.traces)
    else:
        runs = [reader.resolve(layout, reference) for reference in references or ("last",)]
        found = [trace for run in runs for trace in (run, *reader.family(layout, run))]
    return sorted({trace.parts[0].path: trace for trace in found}.values(), key=lambda trace: trace.stem)


def _shown(parts: Sequence[Part]) -> Iterable[Part]:
    from t800.cli.progress import progress

    return progress(parts, "exporting")


def _kept(sessions: Iterable[Session], told: list[Session]) -> Iterator[Session]:
    for session in sessions:
        told.append(session)
        yield session


def _refuse_bytes_on_a_terminal(name: str) -> None:
    if not FORMATS[name].is_text and sys.stdout.isatty():
        raise click.UsageError(f"{name} is no text: name a file with -o, or send it into a pipe.")


def _say(told: Sequence[Session], output: str | None) -> None:
    """How much it was, and what could not be read; on stderr, because stdout may be the file."""
    for session in told:
        for file, line, problem in session.trace.damage:
            place = file if line == 0 else f"{file}:{line}"
            click.echo(f"t800: {clean(f'{place}: {problem}')}", err=True)
    events = plural(sum(session.count for session in told), "event")
    written = "" if output is None else f", {size(os.path.getsize(output))}: {clean(output)}"
    click.echo(f"{plural(len(told), 'session')}, {events}{written}", err=True)
