"""A progress bar on stderr for work that may take long; nothing where stderr is no terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Item = TypeVar("Item")


def progress(items: Sequence[Item], doing: str) -> Iterator[Item]:
    """The items, with a bar that says how many are done; it goes away at the end."""
    if len(items) < 2 or not sys.stderr.isatty():  # noqa: PLR2004 (one item has no progress)
        yield from items
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(items, description=doing, console=Console(stderr=True), transient=True)
