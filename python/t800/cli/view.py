"""`t800 view`: a session as one HTML file for the browser; two of them side by side."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from t800._figures import plural, size
from t800.cli import options
from t800.cli.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from t800.layout import Layout
    from t800.reader import SessionTrace
    from t800.trace_file import Part

_MOST_SESSIONS = 2
_GRAPHICAL = ("DISPLAY", "WAYLAND_DISPLAY")


@click.command()
@click.argument("sessions", nargs=-1, metavar="[SESSION]...")
@click.option("--output", "-o", type=click.Path(dir_okay=False), metavar="FILE",
              help="Write the page there, and open nothing.")  # fmt: skip
@options.folder
def view(sessions: tuple[str, ...], output: str | None, directory: str | None) -> None:
    """Show a session in the browser: timeline, tree, errors, time and cost.

    Two sessions are shown side by side, aligned. The page is one HTML file that asks nothing of any network; without
    -o it lies beside the traces and goes with them. Where there is no display it is written and not opened.
    """
    from t800 import view as viewer

    if len(sessions) > _MOST_SESSIONS:
        raise click.UsageError(f"At most two sessions are shown side by side, not {len(sessions)}.")
    layout = options.find_layout(directory)
    runs = [_run(layout, reference) for reference in sessions or ("last",)]
    path = output or _beside(layout, [run[0] for run in runs])
    data = viewer.page(runs, _shown)
    viewer.write(path, data)
    opened = output is None and _open(path)
    options.write(clean(path))
    told = f"{plural(len(runs), 'session')}, {size(len(data))}"
    click.echo(f"{told}, opened in the browser" if opened else told, err=True)


def _run(layout: Layout, reference: str) -> list[SessionTrace]:
    from t800 import reader

    trace = reader.resolve(layout, reference)
    return [trace, *reader.family(layout, trace)]


def _shown(parts: Sequence[Part]) -> Iterable[Part]:
    from t800.cli.progress import progress

    return progress(parts, "reading")


def _beside(layout: Layout, traces: Sequence[SessionTrace]) -> str:
    """Where a page lies that nobody has named: with what belongs to the older session, so that it goes with it."""
    oldest = min(traces, key=lambda trace: trace.stem)
    if os.path.isdir(layout.private) and any(part.path.startswith(layout.traces) for part in oldest.parts):
        ending = "html" if len(traces) == 1 else "side-by-side.html"
        return os.path.join(layout.private, f"{oldest.stem}.{ending}")
    import tempfile

    return os.path.join(tempfile.mkdtemp(prefix="t800-view-"), f"{oldest.stem}.html")


def _open(path: str) -> bool:
    """Open the page in the system's browser, where there is a display for one."""
    if sys.platform.startswith("linux") and not any(os.environ.get(name) for name in _GRAPHICAL):
        return False
    import webbrowser
    from pathlib import Path

    return webbrowser.open(Path(path).absolute().as_uri())
