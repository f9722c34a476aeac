"""Lines for a terminal: pieces of text with a style each, measured and cut by the columns they take.

Made for pages of tens of thousands of lines, which a general library lays out twenty times as slowly.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import sys
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

_BLOCK = 512
_FLAGS = ("bold", "dim", "underline")
_SINGLE = re.compile("[ -~·→…µ]*").fullmatch
"""Texts of our own: signs of one column each."""


Piece = tuple[str, str, int]
"""A text, its style, and the columns that it takes; a plain tuple, since pages are made of half a million."""


class Line:
    """One line: pieces of clean text, each with a style such as `bold red`."""

    __slots__ = ("cell_len", "pieces")

    def __init__(self, text: str = "", style: str = "", cells: int = -1) -> None:
        self.pieces: list[Piece] = []
        self.cell_len = 0
        if text:
            self.append(text, style, cells)

    @property
    def plain(self) -> str:
        """The text without styles."""
        return "".join([text for text, _, _ in self.pieces])

    def append(self, text: str, style: str = "", cells: int = -1) -> Line:
        """Add a piece; `cells` are its columns where the caller knows them."""
        if text:
            cells = cell_len(text) if cells < 0 else cells
            self.pieces.append((text, style, cells))
            self.cell_len += cells
        return self

    def append_line(self, other: Line) -> Line:
        """Add all pieces of another line."""
        self.pieces += other.pieces
        self.cell_len += other.cell_len
        return self

    def fit(self, columns: int, *, fill: bool = False) -> Line:
        """Cut the line to so many columns, with an ellipsis; with `fill` it takes exactly so many."""
        if self.cell_len > columns:
            self._cut(columns)
        if fill and self.cell_len < columns:
            self.append(" " * (columns - self.cell_len), "", columns - self.cell_len)
        return self

    def _cut(self, columns: int) -> None:
        pieces, self.pieces, self.cell_len = self.pieces, [], 0
        for text, style, cells in pieces:
            room = columns - 1 - self.cell_len
            if cells > room:
                self.append(_beginning(text, room) + "…", style)
                return
            self.append(text, style, cells)

    def rendered(self, *, colours: bool) -> str:
        """The line as it is printed; without trailing spaces where it has no colours."""
        if not colours:
            return self.plain.rstrip()
        return "".join(
            [click.style(text, **_style(style)) if style else text for text, style, _ in self.pieces]
        )


@cache
def _style(style: str) -> dict[str, Any]:
    words = style.split()
    colour = [word for word in words if word not in _FLAGS]
    return {flag: True for flag in _FLAGS if flag in words} | ({"fg": colour[0]} if colour else {})


def cell_len(text: str) -> int:
    """The columns that a clean text takes."""
    if text.isascii() or _SINGLE(text):
        return len(text)
    from rich import cells

    return cells.cell_len(text)


def _beginning(text: str, columns: int) -> str:
    """As much of a text as fits into so many columns."""
    if text.isascii():
        return text[: max(columns, 0)]
    from rich import cells

    return cells.set_cell_size(text, columns) if columns > 0 else ""


def ending(text: str, columns: int) -> str:
    """As much of a text's end as fits into so many columns."""
    text = text[max(len(text) - columns, 0) :]
    while cell_len(text) > columns:
        text = text[1:]
    return text


class Screen(NamedTuple):
    """Where lines are printed."""

    width: int
    colours: bool

    def write(self, lines: Iterable[Line | str]) -> None:
        """Print lines, many at a time, and flush."""
        left = iter(lines)
        while block := list(itertools.islice(left, _BLOCK)):
            texts = [line if isinstance(line, str) else line.rendered(colours=self.colours) for line in block]
            sys.stdout.write("\n".join([*texts, ""]))
        sys.stdout.flush()


def screen() -> Screen:
    """The terminal; 80 columns without colours where stdout is a pipe or a file and nothing else is said."""
    return Screen(max(shutil.get_terminal_size((80, 24)).columns, 1), _has_colours())


def _has_colours() -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (
        sys.stdout.isatty() and os.environ.get("TERM", "") not in {"dumb", "unknown"}
    )
