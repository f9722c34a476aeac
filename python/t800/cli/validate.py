"""`t800 validate`: trace files against the schema and the laws of a trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from t800._figures import plural
from t800.cli import options
from t800.cli.text import clean, dumps

if TYPE_CHECKING:
    from t800.reader import SessionTrace
    from t800.schema import Problem


@click.command()
@click.argument("sessions", nargs=-1, metavar="[SESSION]...")
@options.folder
@options.as_json
def validate(sessions: tuple[str, ...], directory: str | None, as_json: bool) -> int:
    """Check traces: JSON, schema, ids, parents, and that the summary adds up.

    Without SESSION the whole telemetry folder. The exit code is 1 when a problem was found.
    """
    from t800 import schema
    from t800.cli.commands import FINDINGS
    from t800.cli.progress import progress

    traces = _traces(sessions, directory)
    problems = [
        problem for trace in progress(traces, "validating") for problem in schema.validate_session(trace)
    ]
    files = [part.path for trace in traces for part in trace.parts]
    if as_json:
        report = {"files": files, "problems": [problem._asdict() for problem in problems]}
        options.write(dumps(report, indent=True))
    else:
        _print(files, problems)
    return FINDINGS if problems else 0


def _traces(sessions: tuple[str, ...], directory: str | None) -> list[SessionTrace]:
    from t800 import reader

    if sessions:
        return [options.find_session(directory, session) for session in sessions]
    return list(reader.sessions(options.find_layout(directory)))


def _print(files: list[str], problems: list[Problem]) -> None:
    for problem in problems:
        place = f"{problem.file}:{problem.line}" if problem.line else problem.file
        options.write(clean(": ".join(part for part in (place, problem.path, problem.sentence) if part)))
    verdict = plural(len(problems), "problem") if problems else "all valid"
    options.write(f"{plural(len(files), 'file')}, {verdict}")
