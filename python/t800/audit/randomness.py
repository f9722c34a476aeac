"""Whether a run of characters was drawn by a machine: what tells an unknown token from a name or a word."""

from __future__ import annotations

import math
import re
from collections import Counter

__all__ = ["entropy", "is_public_id", "is_random", "random_tokens"]

_RUN = re.compile(
    r"[A-Za-z0-9_+/~-](?<![A-Za-z0-9_+/=~-][A-Za-z0-9_+/~-])[A-Za-z0-9_+/~-]{19,511}+(?:[.][A-Za-z0-9_+/~-]{16,512}+){0,4}={0,2}"
)
_PIECES = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]+|[a-z]+|[0-9]+")
_WORDLIKE = re.compile(r"[A-Za-z]?[a-z]{3,}|[A-Z]{4,}")
_UUID = re.compile(r"(?i)[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_HEX = re.compile(r"(?i)(?:0x)?[0-9a-f-]+")
_CONSONANTS = re.compile(r"(?i)[bcdfghjklmnpqrstvwxz]{5}|[jqvwxz][bcdfgjkmnpqvwxz]")
_VOWELS = frozenset("aeiouyAEIOUY")
# Identifiers that are public by design: what stands at their beginning, or just before them.
_PUBLIC_START = (
    "toolu_",
    "call_",
    "chatcmpl-",
    "msg_",
    "run_",
    "thread_",
    "asst_",
    "resp_",
    "req_",
    "evt_",
    "ses_",
    "run-",
    "sha",
    "pk_",
    "pub_",
    "AAAA",
    "MII",
    "iVBOR",
    "/9j/",
    "R0lGOD",
    "d09G",
    "AGFzbQ",
    "UklGR",
    "PHN2Zy",
    "0x",
    "ssh-",
    "cmpl-",
    "h1:",
    "arn:",
    "projects/",
    "gen-",
    "item_",
    "batch_",
    "file-",
    "prt_",
    "fc_",
    "rs_",
    "srvtoolu_",
    "ws_",
    "subnet-",
    "vpc-",
    "ami-",
    "i-0",
    "vol-",
    "trace-",
    "span-",
    "Qm",
    "bafy",
    "did:",
)
_PUBLIC_BEFORE = re.compile(
    r"(?i)(?:sha(?:1|224|256|384|512)?[-:=]|base64,|h1:|md5[-:=]|integrity[\"'\s:=]{1,4}|checksum[\"'\s:=]{1,4}"
    r"|digest[\"'\s:=]{1,4}|etag[\"'\s:=]{1,6}(?:w/)?\"?|nonce[\"'\s:=]{1,4}|ssh-(?:rsa|ed25519|dss)\s|ecdsa-[a-z0-9-]{1,30}\s"
    r"|hash[\"'\s:=]{1,4}|sourcemappingurl=\S{0,60}|commit\s|\$[0-9a-z]{1,6}\$)$"
)
_MIN_LENGTH = 16
_MIN_KINDS = 6
_SPACE = re.compile(r"\s")
_SHORTEST_TOKEN = 24
_LONGEST_TOKEN = 240
# Shares of the characters that belong to words, of changes between kinds of characters, and of digits: random text of
# 16 characters and more is beyond them, identifiers and prose fall short.
_MOST_WORDS = 0.62
_MANY_CHANGES = 0.3
_SOME_CHANGES = 0.16
_SOME_DIGITS = 0.08
_DENSE = 0.36


def entropy(text: str) -> float:
    """Shannon entropy of the characters, in bits each."""
    counts = Counter(text).values()
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts) if text else 0.0


def is_random(value: str, *, hexadecimal: bool = True, letters: bool = False) -> bool:
    """Whether a value of at least 16 characters looks drawn at random.

    `hexadecimal` counts hashes and UUIDs too, `letters` what has no digit.
    """
    if len(value) < _MIN_LENGTH or len(set(value)) < _MIN_KINDS or _SPACE.search(value):
        return False
    if _HEX.fullmatch(value):
        return hexadecimal and any(map(str.isdigit, value))
    bare = "".join(filter(str.isalnum, value))
    return (
        len(bare) >= _MIN_LENGTH
        and _switches(bare, letters=letters)
        and entropy(bare) >= 0.62 * math.log2(min(len(bare), 62))
    )


def is_public_id(value: str) -> bool:
    """Whether a value begins as ids do that are public by design (of calls, sessions, hashes, public keys)."""
    return value.startswith(_PUBLIC_START)


def _switches(text: str, *, letters: bool) -> bool:
    """Random text changes between small letters, capitals and digits far more often than words and names do."""
    words = sum(len(piece) for piece in _WORDLIKE.findall(text) if _is_wordlike(piece))
    changes = len(_PIECES.findall(text)) / len(text)
    digits = sum(map(str.isdigit, text)) / len(text)
    if (not digits and not letters) or words / len(text) >= _MOST_WORDS:
        return False
    return changes > _MANY_CHANGES or (changes > _SOME_CHANGES and digits > _SOME_DIGITS)


def _is_wordlike(piece: str) -> bool:
    return bool(_VOWELS.intersection(piece)) and not _CONSONANTS.search(piece)


def random_tokens(text: str) -> list[tuple[int, int]]:
    """Where unknown tokens stand: runs of 24 to 240 random characters that are no id, hash, path or encoded file."""
    return [run.span() for run in _RUN.finditer(text) if _is_token(text, run)]


def _is_token(text: str, run: re.Match[str]) -> bool:
    value = run[0]
    core = value.rstrip("=")
    if (
        not _SHORTEST_TOKEN <= len(core) <= _LONGEST_TOKEN
        or core.startswith(_PUBLIC_START)
        or _UUID.search(core)
    ):
        return False
    if _PUBLIC_BEFORE.search(text, max(0, run.start() - 80), run.start()):
        return False
    if core.count("/") > len(core) // 16:
        pieces = (piece for piece in core.split("/") if len(piece) >= _SHORTEST_TOKEN)
        return any(not is_public_id(piece) and _is_piece(piece) for piece in pieces)
    return _is_piece(core)


def _is_piece(core: str) -> bool:
    pieces = re.split(r"[-_./+~]", core)
    longest = max(pieces, key=len)
    if len(longest) < _MIN_LENGTH or not any(c.isdigit() for c in longest):
        return is_random(core, hexadecimal=False) and len(core) >= 32 and _dense(core)  # noqa: PLR2004
    return is_random(longest, hexadecimal=False) and _dense(longest)


def _dense(text: str) -> bool:
    """Three kinds of characters, or letters beyond f with many digits between them (not ULIDs and counters)."""
    kinds = sum((any(map(str.islower, text)), any(map(str.isupper, text)), any(map(str.isdigit, text))))
    bare = "".join(filter(str.isalnum, text))
    changes = len(_PIECES.findall(bare)) / max(len(bare), 1)
    if kinds == 3:  # noqa: PLR2004 - all of them
        return changes >= _DENSE
    return text == text.lower() and changes >= _MANY_CHANGES and len(bare) >= _SHORTEST_TOKEN
