"""`t800 validate`: trace files against the schema and the laws of a trace."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import click

from t800._figures import plural
from t800.cli import options
from t800.cli.text import clean, dumps

if TYPE_CHECKING:
    from collections.abc import Callable

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
    from t800.cli.commands import FINDINGS
    from t800.cli.progress import progress

    jobs = _jobs(sessions, directory)
    problems = [problem for job in progress(jobs, "validating") for problem in job.check()]
    files = [file for job in jobs for file in job.files]
    if as_json:
        report = {"files": files, "problems": [problem._asdict() for problem in problems]}
        options.write(dumps(report, indent=True))
    else:
        _print(files, problems)
    return FINDINGS if problems else 0


class _Job(NamedTuple):
    files: list[str]
    check: Callable[[], list[Problem]]


def _jobs(sessions: tuple[str, ...], directory: str | None) -> list[_Job]:
    from t800 import reader

    if sessions:
        return [_job(session, directory) for session in sessions]
    return [_session_job(trace) for trace in reader.sessions(options.find_layout(directory))]


def _job(name: str, directory: str | None) -> _Job:
    """A file is judged as it is, also where it cannot be read as a trace; else the session of that name."""
    from t800 import schema

    if os.path.isfile(name):
        return _Job([name], partial(schema.validate, name))
    return _session_job(options.find_session(directory, name))


def _session_job(trace: SessionTrace) -> _Job:
    from t800 import schema

    return _Job([part.path for part in trace.parts], partial(schema.validate_session, trace))


def _print(files: list[str], problems: list[Problem]) -> None:
    for problem in problems:
        place = f"{problem.file}:{problem.line}" if problem.line else problem.file
        options.write(clean(": ".join(part for part in (place, problem.path, problem.sentence) if part)))
    verdict = plural(len(problems), "problem") if problems else "all valid"
    options.write(f"{plural(len(files), 'file')}, {verdict}")
