"""Secrets that a name in the text gives away: `name=value`, `"name": "value"`, `--name value`, headers, cookies."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from t800.audit.known import GONE, is_placeholder
from t800.audit.names import LABELS, Meaning, meaning
from t800.audit.randomness import is_public_id, is_random
from t800.audit.words import CLUES, starts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from t800.audit.words import Places

__all__ = ["CODE", "Span", "is_secret_value", "named_secrets"]

Span = tuple[str, int, int]
"""A kind of finding and where its value begins and ends in the text."""

_CLUE = re.compile(  # in small letters: ignoring case costs this scan half its speed
    r"pass|pwd|psw|secret|token|cred|auth|api_?-?key|key|cookie|mnemonic|seed|bearer|jwt|csrf|xsrf|sess|sid|psk|pin"
    r"|otp|cvv|cvc|sig|hmac|webhook|dsn|code|pat(?![a-z])|contrase|senha|parola|пароль|has[lł]o|l[oö]senord|adgangskode"
    r"|salasana|wachtwoord|kennwort|[sş]ifre|jelsz|κωδικός|токен|секрет|connection"
)
_NAME_BEFORE = re.compile(r"[\w.$-]{0,64}+")
_NAME_AFTER = re.compile(r"[\w-]{0,64}+")
_SEPARATOR = re.compile(
    r"""(?x)
    (?:\\{0,8}["'`\]]){0,2} (?:[*]{0,2})
    (?: [ \t]{0,4} (?:[ \t]|:) [ \t]{0,4} [A-Za-z]{1,20} [ \t]{1,4} = [ \t]{0,4}
      | ["']?[ \t]{1,4}value=
      | [ \t]{0,20} (?: :=|=>|->|[=:：|>]|\bis\b|\bAS\b|\bto\b|ist|est|es|é|är|er|on|jest)=?
        [*]{0,2} [ \t]{0,20} (?:\n[ \t]{0,20}(?=["']))?
      | ["']?[ \t]{0,4},[ \t]{0,4} (?=["'])
      | [ \t]{1,4} )
    (?: (?:b|r|f|rb|u|@|N|\(|\[|str\()(?=["']) )?
    (?P<auth>(?:\\{0,8}["'`])?(?:Bearer|Basic|Token|ApiKey|Digest|Bot|SSWS|GenieKey|Key)[ \t]+ )?
    """
)
_VALUE = re.compile(
    r"""(?x)
      (?P<esc>\\{0,8})(?P<quote>["'`])
      (?P<quoted> [^\r\n"'`\\\x00]{0,256}+ (?: (?!(?P=esc)(?P=quote)) [^\r\n\x00] ){0,256}+ )
    | (?P<bare> [^\s"'`,;&<>|\x00\\\x1b]{1,256}+ )
    """
)
_SEED_PHRASE = re.compile(
    r"(?i)(?:mnemonic|seed|recovery|backup|wallet)[ _-]?(?:phrase|words)?[\"'`]{0,2}[ \t]{0,3}(?:[:=]|is)[ \t]{0,3}[\"'`]?"
    r"((?:[a-z]{3,8} ){11,23}[a-z]{3,8})"
)
CODE = re.compile(r"[(\[{]|\$|=>|::|->|^[A-Za-z_][\w]*(?:\.[A-Za-z_]\w*)+$|^&")
"""Signs that an unquoted value is an expression of a program."""

_TYPE = re.compile(
    r"(?i)(?:u?int|float|sha|base|utf|bytes|aes|rs|es|hs|ps|ed|x|p|secp|curve|md|v|s|i|f|u|str|char|varchar|oauth|vec|uuid|http"
    r"|rsa|argon|bcrypt|pbkdf|scrypt|hmac|ipv|k|b|tls|ssl|crc|id|key|token|pass(?:word)?|arg|param|step|test|user)[-_]?[0-9]{1,4}"
    r"(?:[-_](?:sha|ctr|cbc|gcm|hmac|lax|le|be)?[-_]?[0-9a-z]{0,6})?"
)
_PATHLIKE = re.compile(r"(?:\.{0,2}/|~|[A-Za-z]:[\\/]|https?://)[\w./\\~@-]*\Z")
_VERSION = re.compile(r"v?[0-9]{1,4}(?:[.-][0-9]{1,4}){1,3}(?:[T ][0-9:.Z+-]{0,30})?")
_WORDS = re.compile(r"(?i)(?:key|phrase|code|token|secret)$")
_VARIABLE_VALUE = re.compile(r"(?=[^0-9]{0,60}[0-9])[\w.~+/=-]{16,}")
_SEEDS = ("mnemonic", "seed", "recovery", "backup", "wallet")
_FOREIGN = ("mot", "kata", "clave", "parola", "chave")
_LONGEST_NAME = 64
_MIN_SECRET = 6
_LONG = 16


def named_secrets(text: str, words: Places) -> Iterator[Span]:
    """Values of names that say what they are; at most 256 characters of each. `words` are those of the text."""
    reached = 0
    for clue in _clues(text, words):
        if clue < reached:
            continue
        last, found = _after_name(text, clue)
        reached = last if found is None else found[2]
        if found is not None:
            yield found
    if not words.keys().isdisjoint(_SEEDS):
        for phrase in _SEED_PHRASE.finditer(text):
            yield "seed phrase", *phrase.span(1)
    foreign = not text.isascii() or not words.keys().isdisjoint(_FOREIGN)
    for label in LABELS.finditer(text) if foreign else ():
        found = _value_at(text, label.end(), Meaning.SECRET, spaced=False)
        if found is not None:
            yield found


def _clues(text: str, words: Places) -> Iterable[int]:
    """Where something stands that names of secrets hold."""
    if text.isascii():
        return starts(words, CLUES)
    small = text.lower()
    return (clue.start() for clue in _CLUE.finditer(small if len(small) == len(text) else text))


def _after_name(text: str, clue: int) -> tuple[int, Span | None]:
    """Where the name around a clue ends, and the secret behind it, if there is one."""
    before = _NAME_BEFORE.match(text[max(0, clue - _LONGEST_NAME) : clue][::-1])
    after = _NAME_AFTER.match(text, clue)
    first = clue - (before.end() if before else 0)
    last = after.end() if after else clue
    return last, _named(text, first, last)


def _named(text: str, first: int, last: int) -> Span | None:
    """The secret behind the name at this place."""
    name = text[first:last]
    says = meaning(name)
    if says is not Meaning.SECRET and _WORDS.match(name) and text[first - 1 : first] == " ":
        says = meaning(text[max(0, first - 12) : last].replace(" ", "_").replace(GONE, "_"))
    if says is Meaning.NOTHING:
        return None
    flag = name.startswith("-") or text[first - 1 : first] == "-"
    return _value_at(text, last, says, spaced=flag, variable=name.isupper() and "_" in name)


def _value_at(text: str, at: int, says: Meaning, *, spaced: bool, variable: bool = False) -> Span | None:
    """The value after a name that ends at `at`, where it is a secret.

    After a mere space only where the name is a flag (`--token x`), or a variable with a random value (`set TOKEN x`).
    """
    separator = _SEPARATOR.match(text, at)
    value = _VALUE.match(text, separator.end()) if separator else None
    if separator is None or value is None:
        return None
    joined = spaced or _is_joined(separator)
    if not joined and not (variable and _VARIABLE_VALUE.fullmatch(value["bare"] or "")):
        return None
    group = "bare" if value["quoted"] is None else "quoted"
    given = value[group] if group == "quoted" else value[group].rstrip(".,:)]}*!?")
    tight = spaced or separator["auth"] is not None or separator[0].strip("\"'") in ("=", ":=", ">")
    if not is_secret_value(given, says, quoted=group == "quoted", tight=tight):
        return None
    return "named secret", value.start(group), value.start(group) + len(given)


def _is_joined(separator: re.Match[str]) -> bool:
    """Whether more than a space stands between a name and its value."""
    sign = separator[0].strip("\\\"'`*[] \t\n")
    return bool(sign) or separator["auth"] is not None


def is_secret_value(value: str, says: Meaning, *, quoted: bool, tight: bool) -> bool:
    """Whether the value beside a name in running text is a literal secret and no code, type, path or word.

    `tight` is for places where no code stands: `NAME=value` without spaces, flags, headers.
    """
    code = not quoted and CODE.search(value) is not None and not (tight and is_random(value))
    if is_placeholder(value) or _PATHLIKE.match(value) or code:
        return False
    if says is Meaning.WEAK:
        return is_random(value.strip()) and not is_public_id(value)
    if _VERSION.fullmatch(value) or _TYPE.fullmatch(value):
        return False
    if value.isdigit():
        return len(value) >= (4 if tight or quoted else _MIN_SECRET)
    return _is_password(value, quoted=quoted, tight=tight)


def _is_password(value: str, *, quoted: bool, tight: bool) -> bool:
    if len(value) < _MIN_SECRET or value.count(" ") > 3 or value.count("=") > 3:  # noqa: PLR2004 - a sentence, a row of names
        return False
    digits = sum(map(str.isdigit, value))
    letters = sum(map(str.isalpha, value))
    if (
        quoted
        and any(not c.isalnum() and c not in "-_ " for c in value)
        and CODE.search(value)
        and not digits
    ):
        return False
    if digits and letters:
        return tight or quoted or digits >= 2 or len(value) >= _LONG  # noqa: PLR2004 - `foo1` is a variable
    mixed = any(map(str.isupper, value)) and any(map(str.islower, value))
    symbols = (
        len(value)
        - digits
        - letters
        - value.count("-")
        - value.count("_")
        - value.count(" ")
        - value.count(".")
    )
    return (mixed and symbols > 0 and " " not in value and (tight or quoted)) or is_random(
        value, letters=tight or quoted
    )
