"""A progress bar on stderr for work that takes long; nothing where stderr is no terminal."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Item = TypeVar("Item")

_PATIENCE_S = 0.5


def progress(items: Sequence[Item], doing: str) -> Iterator[Item]:
    """The items, with a bar that says how many are done; it comes after half a second and goes away at the end."""
    left = iter(items)
    done = 0
    if len(items) > 1 and sys.stderr.isatty():
        began = time.monotonic()
        for item in left:
            yield item
            done += 1
            if time.monotonic() - began > _PATIENCE_S and done < len(items):
                yield from _with_bar(left, doing, done, len(items))
                return
    yield from left


def _with_bar(left: Iterator[Item], doing: str, done: int, total: int) -> Iterator[Item]:
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(doing, total=total, completed=done)
        for item in left:
            yield item
            bar.advance(task)
