"""`t800 recover`: what a crash has left in rings and torn documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from t800._figures import plural
from t800.cli import options
from t800.cli.text import clean, dumps

if TYPE_CHECKING:
    from t800.recovery import Recovered, Report


@click.command()
@click.argument("session", required=False)
@click.option("--stdout", "show", is_flag=True, help="Change nothing; print the documents, for a full disk.")
@options.folder
@options.as_json
def recover(session: str | None, show: bool, directory: str | None, as_json: bool) -> int:
    """Put together what a crash has left behind.

    Events that wait in memory for a dead process go into their traces, calls and phases that never ended are shown as
    interrupted, and torn trace files become whole. Without SESSION the whole telemetry folder. A new session in the
    same folder does the same by itself, except for torn files. The exit code is 1 when something could not be
    recovered.
    """
    from t800 import recovery
    from t800.cli.commands import FINDINGS

    layout = options.find_layout(directory)
    stem = options.find_session(directory, session).stem if session else None
    report = recovery.recover(layout, stem, show=show)
    if as_json:
        options.write(dumps(_data(report), indent=True))
    elif show:
        for document in report.documents:
            click.echo(document.text, nl=False)
    else:
        _print(report)
    return FINDINGS if report.refused else 0


def _data(report: Report) -> dict[str, object]:
    documents = [document._asdict() | {"text": document.text.decode()} for document in report.documents]
    refused = [{"file": file, "reason": reason} for file, reason in report.refused]
    return report._asdict() | {"documents": documents, "refused": refused}


def _print(report: Report) -> None:
    for document in report.documents:
        options.write(clean(f"{document.file}: {_sentence(document)}"))
    for file, reason in report.refused:
        options.write(clean(f"{file}: could not be recovered: {reason}"))
    if not report.documents and not report.refused:
        options.write("nothing to recover")


def _sentence(document: Recovered) -> str:
    found = [f"{plural(document.kept, 'event')} kept", f"{document.added:,} recovered"]
    if document.interrupted:
        found.append(f"{document.interrupted:,} of them never ended")
    if document.dropped:
        found.append(f"{document.dropped:,} were not recorded")
    if document.unreadable_bytes:
        found.append(
            f"{plural(document.unreadable_bytes, 'byte')} unreadable, the original is {document.original}"
        )
    return ", ".join(found)
