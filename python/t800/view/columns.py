"""A session's events as columns: what a page of a hundred thousand events can carry and a browser unpacks at once.

Every event becomes one row in columns of unsigned integers (0 = absent, 1 = null, else the value and 2), and what no
column can hold exactly stays as JSON in the row's text, which wins where both know a field. Rows stand in the order in
which the events began. A column is written byte by byte of its numbers (first all lowest bytes, …), because equal bytes
side by side compress best. `src/data.ts` is the other side of this.
"""

from __future__ import annotations

import re
from array import array
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from t800.trace_file import NAMED_BY, dump

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Take = Callable[[int, Any], bool]

__all__ = ["COUNTS", "FIGURES", "SWITCHES", "WORDS", "Columns"]

WORDS = {"type": "type", "phase": "phase", "agent": "agent_id", "provider": "provider", "status": "status"}
"""Columns of words, and the field that each one holds; `name` is one more."""

COUNTS = (
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "tokens_in",
    "tokens_out",
)
"""Columns of integers, named as their fields."""

FIGURES = {"duration_ms": 1000, "ttft_ms": 1000, "cost_usd": 1_000_000_000}
"""Columns of measured figures, kept as integers of a smaller unit: µs and nano-USD."""

SWITCHES = ("success", "interrupted")
"""Columns of true and false."""

_ABSENT, _NULL, _FIRST = range(3)
_MOST = 2**53
_LONGEST_WORD = 200
_MOST_WORDS = 1 << 16
_USUAL_ID = re.compile(r"evt_(?:[0-9]{3}|[1-9][0-9]{3,14})")
_DIGITS = re.compile(r"[0-9]{1,15}")
_USUAL_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z", re.ASCII)
_ROOM = bytes(8 * 4096)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Columns:
    """Takes events one at a time, in any order; `encoded` gives the bytes."""

    def __init__(self) -> None:
        self._columns = {
            name: array("Q")
            for name in (*WORDS, "name", *SWITCHES, *FIGURES, *COUNTS, "part_of", "order", "id")
        }
        self._words: dict[str, dict[str, int]] = {name: {} for name in (*WORDS, "name")}
        self._times: list[int | None] = []
        self._texts: list[bytes] = []
        self._rows: dict[tuple[int, str], int] = {}
        self._parents: dict[int, str | None] = {}
        self._part_of = 0
        self._second = ("", 0)
        usual = self._takers()
        self._of_type: dict[object, dict[str, Take]] = {
            kind: usual | {field: self._words_into("name")} for kind, field in NAMED_BY.items()
        }
        self._of_others = usual

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, event: Mapping[str, Any], part_of: int = 0) -> None:
        """Take one event. `part_of` is the number of its session among those on the page."""
        row = len(self._texts)
        if row == len(self._columns["type"]):
            for column in self._columns.values():
                column.frombytes(_ROOM)
        self._columns["part_of"][row] = self._part_of = part_of
        self._times.append(None)
        kind = event.get("type")
        takers = self._of_type.get(kind, self._of_others) if isinstance(kind, str) else self._of_others
        rest = {
            field: value
            for field, value in event.items()
            if (take := takers.get(field)) is None or not take(row, value)
        }
        self._texts.append(_json(rest) if rest else b"")

    def encoded(self) -> tuple[dict[str, Any], Iterable[bytes]]:
        """What the reader of the bytes must know (rows, words, widths), and the bytes."""
        rows = len(self._texts)
        order = self._order()
        columns = {name: array("Q", map(column.__getitem__, order)) for name, column in self._columns.items()}
        columns["parent"] = self._placed_parents(order)
        columns["time"] = _steps([self._times[row] for row in order])
        columns["id"] = _steps([number or None for number in columns["id"]])
        columns["total_tokens"] = _beyond(
            columns["total_tokens"], columns["prompt_tokens"], columns["completion_tokens"]
        )
        del columns["order"]
        texts = list(map(self._texts.__getitem__, order))
        columns["text"] = array("Q", map(len, texts))
        planes = {name: _planes(column) for name, column in columns.items()}
        head = {
            "rows": rows,
            "columns": [[name, len(found)] for name, found in planes.items()],
            "words": {name: list(words) for name, words in self._words.items()},
            "text": sum(map(len, texts)),
        }
        # Texts of the same tool side by side compress to nine tenths.
        alike = sorted(range(rows), key=list(zip(columns["type"], columns["name"], strict=True)).__getitem__)
        return head, [
            *(plane for found in planes.values() for plane in found),
            *map(texts.__getitem__, alike),
        ]

    def _order(self) -> Sequence[int]:
        """The rows as their events began: by session, number, time."""
        columns, rows = self._columns, len(self._texts)
        keys = list(zip(columns["part_of"][:rows], columns["order"][:rows], self._known_times(), strict=True))
        return sorted(range(rows), key=keys.__getitem__)

    def _known_times(self) -> Iterable[int]:
        last = 0
        for time in self._times:
            last = last if time is None else time
            yield last

    # How each field goes into its column. A taker says whether nothing of the value is left for the text.

    def _takers(self) -> dict[str, Take]:
        columns = self._columns
        takers: dict[str, Take] = {
            "event_id": self._take_id,
            "timestamp": self._take_time,
            "parent_id": self._take_parent,
        }
        takers |= {field: self._words_into(name) for name, field in WORDS.items()}
        takers |= {field: _switches_into(columns[field]) for field in SWITCHES}
        takers |= {field: _figures_into(columns[field], scale) for field, scale in FIGURES.items()}
        takers |= {field: _counts_into(columns[field]) for field in COUNTS}
        return takers

    def _take_id(self, row: int, given: object) -> bool:
        if not isinstance(given, str):
            return False
        self._rows[self._part_of, given] = row
        if _USUAL_ID.fullmatch(given) and (number := int(given[4:])):
            self._columns["id"][row] = self._columns["order"][row] = number
            return True
        found = _DIGITS.search(given)
        self._columns["order"][row] = int(found[0]) if found else 0
        return False

    def _take_time(self, row: int, given: object) -> bool:
        if not isinstance(given, str):
            return False
        exact = self._milliseconds(given)
        self._times[row] = _parsed(given) if exact is None else exact
        return exact is not None

    def _milliseconds(self, text: str) -> int | None:
        """A time as the recorder writes it, in ms since 1970; None for any other spelling."""
        if not _USUAL_TIME.fullmatch(text):
            return None
        if text[:19] != self._second[0]:
            seconds = _parsed(text[:19])
            if seconds is None:
                return None
            self._second = (text[:19], seconds)
        return self._second[1] + int(text[20:23])

    def _take_parent(self, row: int, given: object) -> bool:
        if given is not None and not isinstance(given, str):
            return False
        self._parents[row] = given
        return True

    def _placed_parents(self, order: Sequence[int]) -> array[int]:
        """How many rows above its parent stands, and 1; a parent that is not above goes back into the text."""
        placed = dict(zip(order, range(len(order)), strict=True)) if self._parents else {}
        column = array("Q", bytes(8 * len(order)))
        for row, parent in self._parents.items():
            here = placed[row]
            above = None if parent is None else self._rows.get((self._columns["part_of"][row], parent))
            if parent is None:
                column[here] = _NULL
            elif above is not None and placed[above] < here:
                column[here] = here - placed[above] + 1
            else:
                self._texts[row] = _with_field(self._texts[row], "parent_id", parent)
        return column

    def _words_into(self, name: str) -> Take:
        """Words by their numbers; one that is too long, or comes after very many, is cut short and stays in the text."""
        column, words = self._columns[name], self._words[name]

        def take(row: int, given: object) -> bool:
            if given is None:
                column[row] = _NULL
                return True
            if not isinstance(given, str):
                return False
            number = words.get(given)
            if number is None:
                if len(given) > _LONGEST_WORD or len(words) >= _MOST_WORDS:
                    shown = f"{given[:_LONGEST_WORD]}…" if len(words) < _MOST_WORDS else "…"
                    column[row] = words.setdefault(shown, len(words)) + _FIRST
                    return False
                number = words[given] = len(words)
            column[row] = number + _FIRST
            return True

        return take


def _switches_into(column: array[int]) -> Take:
    def take(row: int, given: object) -> bool:
        if given is not None and not isinstance(given, bool):
            return False
        column[row] = _NULL if given is None else given + _FIRST
        return True

    return take


def _counts_into(column: array[int]) -> Take:
    def take(row: int, given: Any) -> bool:
        if given is not None and not (type(given) is int and 0 <= given < _MOST):
            return False
        column[row] = _NULL if given is None else given + _FIRST
        return True

    return take


def _figures_into(column: array[int], scale: int) -> Take:
    """Figures in their small unit; one that has no exact place there also stays in the text."""

    def take(row: int, given: Any) -> bool:
        if given is None:
            column[row] = _NULL
            return True
        if type(given) not in (int, float) or not 0 <= given * scale < _MOST:
            return False
        small = round(given * scale)
        column[row] = small + _FIRST
        return bool(small / scale == given)

    return take


def _beyond(totals: array[int], *parts: array[int]) -> array[int]:
    """Each total as what it has beyond the sum of its parts (odd: less), because mostly there is nothing."""
    column = array("Q")
    for total, *known in zip(totals, *parts, strict=True):
        if total < _FIRST:
            column.append(total)
            continue
        way = total - _FIRST - sum(part - _FIRST for part in known if part >= _FIRST)
        column.append(_zigzag(way) + _FIRST)
    return column


def _zigzag(way: int) -> int:
    return 2 * way if way >= 0 else -2 * way - 1


def _parsed(text: str) -> int | None:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    try:
        since = (time if time.tzinfo else time.replace(tzinfo=UTC)) - _EPOCH
    except OverflowError:
        return None
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000


def _json(rest: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(rest)
    except (TypeError, ValueError):  # a number of more than 64 bits, or very deep
        return dump(rest)


def _with_field(text: bytes, field: str, value: str) -> bytes:
    before = text[:-1] + b"," if text else b"{"
    return before + dump(field) + b":" + dump(value) + b"}"


def _steps(values: Iterable[int | None]) -> array[int]:
    """Each value as the way from the one before it: 0 for none, else 1 and twice the way (odd ones go back)."""
    column, last = array("Q"), 0
    for value in values:
        if value is None:
            column.append(_ABSENT)
            continue
        way, last = value - last, value
        column.append(_zigzag(way) + 1)
    return column


def _planes(column: array[int]) -> list[bytes]:
    """The column's bytes by their rank, lowest first, without the upper ones that are all zero."""
    width = (max(column, default=0).bit_length() + 7) // 8
    little = column if _is_little() else _swapped(column)
    data = little.tobytes()
    return [data[rank::8] for rank in range(width)]


def _is_little() -> bool:
    return array("H", [1]).tobytes()[0] == 1


def _swapped(column: array[int]) -> array[int]:
    other = array("Q", column)
    other.byteswap()
    return other
