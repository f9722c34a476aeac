"""`t800 prune`: retention by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from t800._figures import plural, size
from t800.cli import options
from t800.cli.text import clean, dumps

if TYPE_CHECKING:
    from t800.retention import Report


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would go; touch nothing.")
@options.folder
@options.as_json
def prune(dry_run: bool, directory: str | None, as_json: bool) -> None:
    """Delete and compress old traces, as telemetry.retention in the configuration says.

    Sessions that still run, and files that are not T-800's, are never touched.
    """
    from t800 import retention

    layout = options.find_layout(directory)
    report = retention.prune(layout, options.find_settings(layout), dry_run=dry_run)
    if as_json:
        options.write(dumps(_data(report), indent=True))
    else:
        _print(report)


def _data(report: Report) -> dict[str, object]:
    return {
        "dry_run": report.dry_run,
        "retired": [
            {
                "session_id": gone.trace.session_id,
                "reason": gone.reason,
                "bytes": gone.bytes,
                "files": gone.paths,
            }
            for gone in report.retired
        ],
        "kept": [{"session": stem, "reason": reason} for stem, reason in report.kept],
        "compressed": report.compressed,
        "bytes": report.bytes,
    }


def _print(report: Report) -> None:
    verb = "would delete" if report.dry_run else "deleted"
    for gone in report.retired:
        options.write(clean(f"{verb} {gone.stem}: {gone.reason}, {size(gone.bytes)}"))
    for path in report.compressed:
        options.write(clean(f"compressed {path}"))
    for _, reason in report.kept:
        options.write(clean(f"kept {reason}"))
    total = f"{plural(len(report.retired), 'session')}, {size(report.bytes)}"
    options.write(f"{verb} {total}" if report.retired else "nothing to delete")
