"""Texts inside a text: what encodings, escapes and split literals hide, each to be scanned again."""

from __future__ import annotations

import base64
import binascii
import html
import quopri
import re
import urllib.parse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["inner_texts"]

_BASE64 = re.compile(r"[A-Za-z0-9+/_-](?<![A-Za-z0-9+/_-]{2})[A-Za-z0-9+/_-]{15,}+={0,2}")
_WRAPPED = re.compile(r"(?:[A-Za-z0-9+/]{60,76}(?:\r?\n|\\n)[ \t]{0,16}){1,2000}+[A-Za-z0-9+/]{1,76}={0,2}")
_HEX = re.compile(
    r"(?<![0-9A-Za-z])(?:0x)?(?:[0-9a-f]{2}){10,}+(?![0-9A-Za-z])|(?<![0-9A-Za-z])(?:[0-9A-F]{2}){10,}+(?![0-9A-Za-z])"
)
# No pattern demands anything after its possessive run: where it could fail there, it would be tried at each start.
_SPACED_HEX = re.compile(
    r"(?<![0-9A-Za-z])(?:[0-9a-fA-F]{2}(?:[ :]|(?![0-9A-Za-z]))|[0-9a-fA-F]{4}(?: |(?![0-9A-Za-z]))){9,}+"
)
_SPACED_CLUE = re.compile(r"[0-9A-Fa-f]{2}(?:[ :]?[0-9A-Fa-f]{2}){8}")
_ESCAPE = re.compile(r"\\(?:u\{?([0-9a-fA-F]{4,6})\}?|x([0-9a-fA-F]{2})|([0-3][0-7]{2})|(.))", re.DOTALL)
_SIMPLE = {"n": "\n", "t": "\t", "r": "\r", "b": " ", "f": " ", "0": "\0", "\n": "", "e": "\x1b"}
_JOINT = re.compile(r"([\"'`])\s{0,80}(?:[+.&]|\.\.|\|\||<>|~|\\)?\s{0,80}([\"'`])")
_CONTINUED = re.compile(r"(?:\\|`|\^|=)\r?\n[ \t]{0,40}")
_INVISIBLE = re.compile(
    "\x1b\\[[0-9;?]{0,20}[A-Za-z]|\x1b\\][^\x07\x1b]{0,200}(?:\x07|\x1b\\\\)|[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]"
)
_QUOTED_PRINTABLE = re.compile(r"=[0-9A-F]{2}")
_MIN_PRINTABLE = 0.97
_MOST_RUNS = 2000
_SHORTEST_LINE = 60
_SHORTEST_HEX = 20


def inner_texts(text: str) -> Iterator[str]:
    """Each text that a reader of this one can decode, at most once each and never longer than about this one."""
    seen = {text}
    for inner in _all(text):
        if len(inner) >= 4 and inner not in seen:  # noqa: PLR2004 - shorter holds nothing
            seen.add(inner)
            yield inner


def _all(text: str) -> Iterator[str]:
    if "\x1b" in text or not text.isascii():
        yield _INVISIBLE.sub("", text)
    if "\\" in text:
        yield _ESCAPE.sub(_unescaped, text)
        yield _CONTINUED.sub("", text)
    if "%" in text:
        yield urllib.parse.unquote(text)
    if "&" in text and ";" in text:
        yield html.unescape(text)
    if _QUOTED_PRINTABLE.search(text):
        yield quopri.decodestring(text.encode("utf-8", "surrogatepass")).decode("utf-8", "replace")
    if _JOINT.search(text):
        yield _JOINT.sub(_joined, text)
    yield from _encoded(text)


def _unescaped(found: re.Match[str]) -> str:
    code = found[1] or found[2]
    if code or found[3]:
        number = int(code, 16) if code else int(found[3], 8)
        return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else "?"  # noqa: PLR2004
    return _SIMPLE.get(found[4], found[4])


def _joined(found: re.Match[str]) -> str:
    return "" if found[1] == found[2] and len(found[0]) > 2 else found[0]  # noqa: PLR2004 - an empty literal


def _encoded(text: str) -> Iterator[str]:
    longest = 0
    for number, run in enumerate(_BASE64.finditer(text)):
        longest = max(longest, len(run[0]))
        if number > _MOST_RUNS:
            longest = len(text)
            break
        if (decoded := _from_base64(run[0])) is not None:
            yield decoded
    for wrapped in _WRAPPED.finditer(text) if longest >= _SHORTEST_LINE else ():
        if (decoded := _from_base64(re.sub(r"\\n|\s", "", wrapped[0]))) is not None:
            yield decoded
    hexadecimal = ((longest >= _SHORTEST_HEX, _HEX), (_SPACED_CLUE.search(text), _SPACED_HEX))
    for clue, pattern in hexadecimal:
        for run in pattern.finditer(text) if clue else ():
            if (decoded := _from_hex(run[0])) is not None:
                yield decoded


def _from_base64(run: str) -> str | None:
    core = run.rstrip("=").replace("-", "+").replace("_", "/")
    core = core[: len(core) - (len(core) % 4 == 1)]
    try:
        return _readable(base64.b64decode(core + "=" * (-len(core) % 4)))
    except (binascii.Error, ValueError):
        return None


def _from_hex(run: str) -> str | None:
    digits = re.sub(r"[ :]|^0x", "", run)
    return _readable(bytes.fromhex(digits[: len(digits) & ~1]))


def _readable(data: bytes) -> str | None:
    """The bytes as text, None where they are none: nearly all must be printable."""
    try:
        text = data.decode("utf-16-le" if data[1:8:2] == b"\0\0\0\0" else "utf-8")
    except UnicodeDecodeError:
        return None
    shown = sum(character.isprintable() or character in "\r\n\t" for character in text)
    return text if text and shown >= _MIN_PRINTABLE * len(text) else None
