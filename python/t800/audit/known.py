"""What is no leak: the recorder's own markers and file names, placeholders, the values that documentation uses."""

from __future__ import annotations

import re

__all__ = ["GONE", "is_example_address", "is_placeholder", "without_markers"]

GONE = "\x00"
"""Stands for each character of a marker while a text is scanned: no pattern accepts it."""

_MARKER = (
    r"\[REDACTED(?:_PATH)?\]|\[content hash: [0-9a-f]{4,64}\]|\[truncated [0-9]{1,20} bytes\]|\[[0-9]{1,20} bytes\]"
    r"|(?<![\w-])[0-9]{4}-[0-9]{2}-[0-9]{2}_[0-9]{2}-[0-9]{2}-[0-9]{2}_ses_[0-9a-z]{12}(?![\w-])"
    r"|\[(?:cycle|NaN|Infinity|more|nested too deeply|integer of [0-9]{1,20} bits)\]"
)
# The markers are searched for only where a piece of one stands.
_CLUES = (
    "[REDACTED",
    "[content hash",
    " bytes]",
    " bits]",
    "_ses_",
    "[cycle]",
    "[NaN]",
    "[Infinity]",
    "[more]",
    "[nested too",
)
_WORDS = frozenset(
    """
    true false null none nil undefined nan yes no on off string str int integer number bool boolean bytes any object
    optional required default empty unset missing unknown redacted masked hidden removed omitted filtered sanitized
    include omit same-origin basic bearer digest negotiate oauth oauth2 oidc saml apikey password passwd secret token
    changeme change-me change_me changethis replaceme replace-me todo fixme tbd dummy fake sample example placeholder
    test testing foobar foo bar baz value text data key auto prompt stdin ask env vault keyring disabled enabled
    """.split()
)
_PLACEHOLDER = re.compile(
    r"""(?ix)
    [<\[{(%].*[>\]})%]$ | \$ | \#\{ | %[a-z_]{1,40}% | @[a-z_]{1,40}@$ | \\?[$]\{
    | (?:your|my|the|an?|some|insert|enter|put|replace|changeme|change|example|sample|dummy|fake)[-_ .]
    | (?:process|os|env|config|settings|self|this|ctx|args|opts|options|params|props|secrets|vars|var|data)\.[a-z]
    | (?:ref\+|vault:|env:|file:|op://|secretref:|arn:)
    | .{0,60}(?:example|placeholder|redacted|changeme|your[-_]|_here$|-here$|\.\.\.|…|\*\*\*|xxxx)
    """
)
_REPEATED = re.compile(r"(.)\1*[.…]*")
_EXAMPLE_DOMAIN = re.compile(
    r"(?i)(?:[a-z0-9-]{1,63}\.){0,8}(?:example(?:\.[a-z.]{2,10})?|test|invalid|localhost|local|internal|lan)"
    r"|(?:users\.)?noreply\.[a-z.]{2,40}|(?:your|my|some)-?(?:domain|company|email|site)\.[a-z]{2,4}|(?:domain|email)\.com"
)
_FILE_ENDINGS = frozenset(
    """
    png jpg jpeg gif svg webp ico css scss less js mjs cjs jsx ts tsx vue py pyi rb rs go java kt cs cpp hpp swift php
    sh json yaml yml toml xml html htm md rst txt lock log map wasm min service timer target socket mount conf
    """.split()
)
_NOBODY = frozenset(
    "git noreply no-reply donotreply do-not-reply user you me username name email someone anybody".split()
)


def without_markers(text: str, redaction_value: str = "[REDACTED]") -> str:
    """The text with every marker of the recorder blanked out by `GONE`; positions stay."""
    if any(clue in text for clue in _CLUES):
        text = re.sub(_MARKER, _blank, text)
    if redaction_value and redaction_value in text:
        text = text.replace(redaction_value, GONE * len(redaction_value))
    return text


def _blank(found: re.Match[str]) -> str:
    return GONE * len(found[0])


def is_placeholder(value: str) -> bool:
    """Whether a value only stands for one: empty, masked, a variable, a template, a word of documentation."""
    bare = value.strip().strip("\"'`")
    if not bare.replace(GONE, "").strip() or bare.lower() in _WORDS or _REPEATED.fullmatch(bare):
        return True
    return GONE in bare or _PLACEHOLDER.match(bare[:200]) is not None


def is_example_address(address: str) -> bool:
    """Whether an e-mail address is documentation, a git remote, or no address at all (`icon@2x.png`)."""
    local, _, domain = address.rpartition("@")
    ending = domain.rpartition(".")[2].lower()
    return (
        local.lower() in _NOBODY
        or ending in _FILE_ENDINGS
        or ending.isdigit()
        or _EXAMPLE_DOMAIN.fullmatch(domain) is not None
    )
