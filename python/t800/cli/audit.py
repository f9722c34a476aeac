"""`t800 audit`: an independent second look at finished traces."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from t800._figures import plural
from t800.cli import options
from t800.cli.text import clean, dumps

if TYPE_CHECKING:
    from t800.audit import Finding, Report


@click.command()
@click.argument("sessions", nargs=-1, metavar="[SESSION|PATH]...")
@options.folder
@options.as_json
def audit(sessions: tuple[str, ...], directory: str | None, as_json: bool) -> int:
    """Look for secrets and personal data in traces, independently of the redactor.

    Without an argument the whole telemetry folder: traces, compressed ones, summaries, the memory index, whatever
    lies there except the configuration. PATH may be any file or folder. A finding says where, what and how long,
    never the value; equal fingerprints are equal values. What telemetry.privacy.allow lists is no finding. The exit code is 1 when something was found or a file
    could not be read.
    """
    from t800 import layout
    from t800.audit import audit as look_through
    from t800.audit import oracle_for
    from t800.cli.commands import FINDINGS
    from t800.cli.progress import progress

    paths = _paths(sessions, directory)
    oracle = oracle_for(options.find_settings(options.find_layout(directory)).values)
    report = look_through(progress(paths, "auditing"), oracle, layout.install_key(os.environ)[0])
    if as_json:
        options.write(dumps(_data(report), indent=True))
    else:
        _print(report)
    return 0 if report.clean else FINDINGS


def _paths(references: tuple[str, ...], directory: str | None) -> list[str]:
    """The files meant, each once."""
    from t800.audit.files import files_below

    if not references:
        return files_below(options.find_layout(directory))
    return list(dict.fromkeys(path for reference in references for path in _meant(reference, directory)))


def _meant(reference: str, directory: str | None) -> list[str]:
    from t800.audit.files import files_below
    from t800.layout import Layout

    if os.path.isdir(reference):
        return files_below(Layout(reference, reference))
    if os.path.isfile(reference):
        return [reference]
    return [part.path for part in options.find_session(directory, reference).parts]


def _data(report: Report) -> dict[str, object]:
    return {
        "files": report.files,
        "events": report.events,
        "bytes": report.bytes,
        "found": report.found,
        "findings": [finding._asdict() for finding in report.findings],
        "unread": [{"file": file, "problem": problem} for file, problem in report.unread],
    }


def _print(report: Report) -> None:
    for finding in report.findings:
        options.write(_line(finding))
    for file, problem in report.unread:
        options.write(clean(f"{file}: {problem}"))
    if len(report.findings) < report.found:
        options.write(f"… and {plural(report.found - len(report.findings), 'more finding')}")
    looked = f"{plural(report.files, 'file')}, {plural(report.events, 'event')}, {report.bytes:,} bytes"
    verdict = plural(report.found, "finding") if report.found else "nothing found"
    options.write(
        f"{looked}: {verdict}" + (f", {plural(len(report.unread), 'file')} not read" if report.unread else "")
    )


def _line(finding: Finding) -> str:
    place = f"{finding.file}:{finding.line}" if finding.line else finding.file
    told = f"{finding.kind}, {plural(finding.length, 'character')}, #{finding.fingerprint}"
    return clean(": ".join(part for part in (place, finding.event_id, finding.key, told) if part))
