"""After a crash: events that wait in the ring of a dead process go into their documents, torn documents become whole.

A new session in the same telemetry folder does this by itself for rings; `t800 recover` does it at once, and for torn
documents too. The work is the core's (`rust/core/src/recover`).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from t800.errors import TraceFileError
from t800.layout import install_key

if TYPE_CHECKING:
    from t800.layout import Layout

__all__ = ["Recovered", "Report", "recover"]


class Recovered(NamedTuple):
    """One document that needed something, and what became of it."""

    file: str
    kept: int
    """Events that it held already."""
    added: int
    """Events that came out of a ring."""
    interrupted: int
    """Calls that had begun and not ended; they are among the added ones."""
    unreadable_bytes: int
    """Bytes of it that could not be read."""
    dropped: int
    """Events that the recorder had not taken, by its own count."""
    original: str | None
    """The damaged original, where something in it could not be read."""
    text: bytes
    """The whole document, where nothing was to be changed; else empty."""


class Report(NamedTuple):
    """What a recovery has found and done."""

    rings: int
    """Rings of processes that have ended."""
    bytes: int
    """Bytes of rings and documents that were read."""
    unfinished_bytes: int
    """Bytes of records that were being written when their process died: calls that had not returned."""
    documents: list[Recovered]
    refused: list[tuple[str, str]]
    """Files that could not be used, with the reason."""


def recover(layout: Layout, stem: str | None = None, *, show: bool = False) -> Report:
    """Recover a telemetry folder, or only the session whose files begin with `stem`.

    With `show` nothing is changed; the documents come back as they would be. A damaged original goes only when the
    whole document is in its place, and is kept where something in it could not be read. Running it again changes
    nothing. Raises `TraceFileError` where the folder cannot be opened.
    """
    from t800 import _core

    if not os.path.isdir(layout.traces):
        return Report(0, 0, 0, [], [])
    key, _ = install_key()
    try:
        told = _core.recover(layout.traces, layout.private, key, show, stem)
    except OSError as error:
        raise TraceFileError(f"cannot be recovered ({error.args[-1]})", file=layout.telemetry) from error
    documents = [Recovered(**document) for document in told["documents"]]
    return Report(told["rings"], told["bytes"], told["unfinished_bytes"], documents, told["refused"])
