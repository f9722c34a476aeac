"""`t800 import`: transcripts of coding agents, spans and exported events, as sessions of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from t800._figures import plural
from t800.cli import options
from t800.cli.text import clean, dumps
from t800.importers import FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from t800.config import Settings
    from t800.importers import Imported
    from t800.importers.document import Result
    from t800.importers.source import Source
    from t800.layout import Layout
    from t800.reader import Damage

_MOST_TOLD = 20


@click.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path())
@click.option("--from", "form", type=click.Choice(list(FORMATS)), metavar="FORMAT",
              help=f"{', '.join(FORMATS)} [default: as the file looks].")  # fmt: skip
@click.option("--session", "wanted", metavar="ID", help="Only the session whose id begins so.")
@options.folder
@options.as_json
def command(
    files: tuple[str, ...], form: str | None, wanted: str | None, directory: str | None, as_json: bool
) -> int:
    """Import sessions that others have recorded.

    A FILE is a transcript of Claude Code, a rollout of Codex, what `opencode export` writes, spans of OpenTelemetry as
    JSON lines, or events that T-800 has exported; a folder means all of its files. Everything is redacted on its way in.
    Importing the same again changes nothing. It works unless you have said off; the exit code is 1 when something could
    not be read.
    """
    from t800 import config
    from t800.importers.document import SETTINGS, Archive
    from t800.importers.source import find

    layout = options.find_layout(directory)
    settings = config.load(layout, SETTINGS, opted_in=True)
    notes: list[Damage] = []
    sources = find(list(files))
    results: list[tuple[str, Result]] = []
    with Archive(layout, settings) as archive:
        for name, imported in _sessions(sources, form, notes):
            if imported.host_id.startswith(wanted or ""):
                result = archive.put(imported, name)
                if result is not None:
                    results.append((name, result))
        _add_up(layout, archive.changed)
    if as_json:
        options.write(dumps([{"format": name, **result._asdict()} for name, result in results], indent=True))
    else:
        _print(results, layout, settings)
    _tell(notes)
    return _exit_code(results, notes)


def _sessions(
    sources: Sequence[Source], form: str | None, notes: list[Damage]
) -> Iterator[tuple[str, Imported]]:
    from t800.cli.progress import progress
    from t800.importers import read
    from t800.reader import Damage

    def note(file: str, line: int, problem: str) -> None:
        notes.append(Damage(file, line, problem))

    return read(sources, note, form, lambda some: progress(some, "importing"))


def _add_up(layout: Layout, stems: list[str]) -> None:
    from t800.aggregate import daily

    if stems:
        daily.update_all(layout, stems)


def _print(results: list[tuple[str, Result]], layout: Layout, settings: Settings) -> None:
    from t800 import reader

    for form, result in results:
        told = [f"{result.new:,} new"]
        told += [f"{result.changed:,} changed"] if result.changed else []
        told += [f"{result.known:,} known"] if result.known else []
        told += [f"{result.skipped:,} recorded already"] if result.skipped else []
        options.write(f"{clean(result.session_id)}  {form}  {', '.join(told)}")
    events = sum(result.new + result.changed for _, result in results)
    options.write(f"{plural(len(results), 'session')}, {plural(events, 'event')} new or changed")
    most = settings.values.get("telemetry.retention.max_trace_files")
    count = len(reader.scan(layout, in_order=False)[0])
    if isinstance(most, int) and 0 < most < count:
        click.echo(
            f"{count:,} sessions are more than telemetry.retention.max_trace_files ({most:,}): "
            "the oldest will be deleted",
            err=True,
        )


def _tell(notes: list[Damage]) -> None:
    for file, line, problem in notes[:_MOST_TOLD]:
        click.echo(f"t800: {clean(f'{file}:{line}' if line else file)}: {clean(problem)}", err=True)
    if len(notes) > _MOST_TOLD:
        click.echo(f"t800: … and {len(notes) - _MOST_TOLD:,} more", err=True)


def _exit_code(results: list[tuple[str, Result]], notes: list[Damage]) -> int:
    from t800.cli.commands import FINDINGS

    return FINDINGS if notes or not results else 0
