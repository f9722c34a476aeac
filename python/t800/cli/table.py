"""Tables for a terminal: columns as wide as what is in them, cut where the screen ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from t800.cli.line import Line, cell_len, screen

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Cell = str | Line
"""What stands in a row: a clean text, or a line with styles of its own."""


class Column(NamedTuple):
    """A column: its title, `right` for figures, `least` the width to which names are cut where room is missing."""

    title: str
    right: bool = False
    least: int = 0
    style: str = ""


_GAP = 1


def lines(
    columns: Sequence[Column], rows: Sequence[Sequence[Cell]], width: int | None = None
) -> Iterator[Line]:
    """The lines of a table, its head first; cells are clean texts, or lines with styles of their own."""
    cells = [[_cell(cell, column.style) for cell, column in zip(row, columns, strict=True)] for row in rows]
    widths = [
        max(cell_len(column.title), *(row[n].cell_len for row in cells)) if cells else cell_len(column.title)
        for n, column in enumerate(columns)
    ]
    widths = _narrowed(columns, widths, screen().width if width is None else width)
    yield _line(columns, widths, [Line(column.title, "dim") for column in columns])
    for row in cells:
        yield _line(columns, widths, row)


def _cell(cell: Cell, style: str) -> Line:
    return cell if isinstance(cell, Line) else Line(cell, style)


def _narrowed(columns: Sequence[Column], widths: list[int], width: int) -> list[int]:
    """Columns that may be cut give what is missing, the last of them first."""
    over = sum(widths) + _GAP * (len(widths) - 1) - width
    for n in reversed(range(len(columns))):
        given = min(max(over, 0), max(widths[n] - columns[n].least, 0)) if columns[n].least else 0
        widths[n] -= given
        over -= given
    return widths


def _line(columns: Sequence[Column], widths: Sequence[int], cells: Sequence[Line]) -> Line:
    text = Line()
    for column, width, cell in zip(columns, widths, cells, strict=True):
        if text.pieces:
            text.append(" " * _GAP, "", _GAP)
        missing = width - cell.cell_len
        if column.right and missing > 0:
            text.append(" " * missing, "", missing)
        text.append_line(cell.fit(width))
        if not column.right and missing > 0:
            text.append(" " * missing, "", missing)
    return text
