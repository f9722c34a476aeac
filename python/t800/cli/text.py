"""Text on its way to a terminal: nothing in it may move the cursor, change colours or reorder a line."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# Line breaks and tabs become a space: one event is one line.
_BREAKS = re.compile("[\t\n\v\f\r\x85\u2028\u2029]+")
# C0 (with ESC), DEL, C1, soft hyphen, zero-width and bidi controls, variation tags, lone surrogates.
_HOSTILE_CLASS = (
    "\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f"
)
_HOSTILE = re.compile(f"[{_HOSTILE_CLASS}]")


def clean(text: str) -> str:
    """One line of text that a terminal shows and does not obey."""
    # All that is hostile counts as not printable, so most texts are done with one look.
    return text if text.isprintable() else _HOSTILE.sub("", _BREAKS.sub(" ", text))


def inline(value: object) -> str:
    """A value from a trace as one clean line: strings as they are, containers as JSON."""
    if isinstance(value, str):
        return clean(value)
    return clean(dumps(value))


def dumps(value: object, *, indent: bool = False) -> str:
    """JSON that reads back to the same value and is safe to print: hostile characters are escaped."""
    import orjson

    encoded = orjson.dumps(value, option=orjson.OPT_INDENT_2 if indent else 0).decode()
    # Inside JSON the hostile characters can only stand in strings; the line breaks orjson adds stay.
    return _HOSTILE.sub(lambda found: found[0] if found[0] == "\n" else _escape(found[0]), encoded)


def _escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def number(record: Mapping[str, object], name: str) -> float | None:
    """A field as a number; None when absent, null or something else (a trace may hold anything)."""
    value = record.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if math.isfinite(value) else None


def string(record: Mapping[str, object], name: str) -> str:
    """A field as one clean line; empty when absent or null."""
    value = record.get(name)
    return "" if value is None else inline(value)


def mapping(record: Mapping[str, object], name: str) -> Mapping[str, object]:
    """A field as a mapping; empty when it is none."""
    value = record.get(name)
    return value if isinstance(value, dict) else {}
