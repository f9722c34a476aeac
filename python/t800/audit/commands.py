"""Passwords where a command's grammar puts them, without a name beside them; cookies; lines of password files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from t800.audit.assignments import CODE
from t800.audit.known import GONE, is_placeholder
from t800.audit.names import Meaning, meaning
from t800.audit.randomness import is_random

if TYPE_CHECKING:
    from collections.abc import Iterator

    from t800.audit.assignments import Span
    from t800.audit.words import Places

__all__ = ["command_secrets"]

_COMMANDS = (
    # (what must be in the text, pattern with the value as its first group)
    ("sshpass", r"\bsshpass\s+-p\s*[\"']?([^\s\"'\x00]{3,128})"),
    (
        "-p",
        (
            r"\b(?:mysql|mysqldump|mysqladmin|mariadb|mongo|mongosh|docker\s+login|podman\s+login|helm\s+registry\s+login"
            r"|skopeo\s+login|az\s+login|oc\s+login|cf\s+login|ipmitool|7z|sqlcmd|zip|unzip|rar|pscp|plink|mosquitto_(?:pub|sub))"
            r"\b[^|;&\n]{0,200}?\s-[pP][ =]?(?![ =-])[\"']?([^\s\"'\x00-]{4,128}[^\s\"'\x00]{0,64})"
        ),
    ),
    (
        "-u",
        (
            r"\b(?:curl|wget|http|https|xh)\b[^|;&\n]{0,300}?\s(?:-u|--user|-a|--auth|--proxy-user|-U)[ =]?[\"']?[^\s:\"'$\x00]{0,64}:"
            r"([^\s\"'$\x00]{3,512})"
        ),
    ),
    (
        "-a",
        r"\b(?:redis-cli|valkey-cli|keydb-cli)\b[^|;&\n]{0,200}?\s(?:-a|--pass)[ =][\"']?([^\s\"'$\x00]{4,128})",
    ),
    (
        "ldap",
        r"\bldap(?:search|add|modify|delete|passwd|whoami)\b[^|;&\n]{0,300}?\s-w[ =]?[\"']?([^\s\"'$\x00]{4,128})",
    ),
    ("pass:", r"\bpass(?:in|out)?\s{0,2}pass:([^\s\"'$\x00]{3,128})|(?<=[\s\"'])pass:([^\s\"'$\x00]{4,128})"),
    (
        "smb",
        r"\b(?:smbclient|mount\.cifs|rpcclient)\b[^|;&\n]{0,300}?(?:-U[ =]?[\"']?[^\s%\"']{1,64}%)([^\s\"'$\x00]{3,128})",
    ),
    (
        "htpasswd",
        r"\bhtpasswd\s+-[a-zA-Z]{0,8}b[a-zA-Z]{0,8}\s+(?:\S{1,100}\s+)?\S{1,64}\s+[\"']?([^\s\"'$\x00]{3,128})",
    ),
    ("chpasswd", r"\becho\s+[\"']?[^\s:\"']{1,64}:([^\s\"'$|\x00]{3,128})[\"']?\s*\|\s*(?:sudo\s+)?chpasswd"),
    (
        "echo",
        r"\becho\s+(?:-n\s+)?[\"']?([^\s\"'$|\x00]{4,128})[\"']?\s*\|\s*(?:sudo\s+-S|docker\s+login|gh\s+auth|passwd|cryptsetup)",
    ),
    (
        "IDENTIFIED",
        r"\bIDENTIFIED\s+(?:WITH\s+\w{1,40}\s+)?(?:BY|AS)\s+(?:PASSWORD\s+)?[\"']([^\"'\x00]{3,128})",
    ),
    (
        "secret",
        r"\bsecrets?\s+(?:set|add|put)\s+[\w./-]{1,100}\s+(?:--body|-b|--value|--data)[ =][\"']?([^\s\"'$\x00]{4,512})",
    ),
    ("PASSWORD", r"\b(?:WITH\s+|ENCRYPTED\s+)?PASSWORD\s+'([^'\x00]{3,128})'"),
    ("login", r"(?m)\bmachine\s+\S{1,200}\s+login\s+\S{1,100}\s+password\s+(\S{3,256})"),
    (
        "-P",
        r"\b(?:sqlcmd|bcp|mosquitto_pub|mosquitto_sub|tsql)\b[^|;&\n]{0,200}?\s-P[ =]?[\"']?([^\s\"'$\x00]{4,128})",
    ),
    ("net use", r"(?i)\bnet\s+use\b[^|;&\n]{0,200}?/user:\S{1,64}\s+[\"']?([^\s\"'$\x00]{4,128})"),
)
_COMPILED = [(hint, re.compile(pattern)) for hint, pattern in _COMMANDS]
_PGPASS = re.compile(r"(?m)^[\w.*-]{1,80}:(?:[0-9]{2,5}|\*):[\w*-]{1,64}:[\w*-]{1,64}:([^\s:\x00]{4,128})$")
_PORT = re.compile(r":(?:[0-9]{2,5}|\*):")
_COOKIE = re.compile(r"(?i)\b(?:set-)?cookie[\"']?\s{0,4}[:=]\s{0,4}[\"']?([^\r\n\"'\x00]{3,2000})")
_CRUMB = re.compile(r"(?:^|;)\s{0,4}([\w.%-]{1,80})=([^\s;,]{1,512})")
_MOST_HITS = 4000
_SHORTEST_COOKIE = 8


def command_secrets(text: str, words: Places) -> Iterator[Span]:
    """Passwords where a command's grammar puts them, cookies by value, and lines of password files.

    `words` are those of the text.
    """
    for hint, pattern in _COMPILED:
        if hint in text:
            yield from _groups("password in a command", pattern, text)
    if ":" in text and _PORT.search(text):
        yield from _groups("password file", _PGPASS, text)
    for header in _COOKIE.finditer(text) if "cookie" in words else ():
        for crumb in _CRUMB.finditer(header[1]):
            if _is_kept(crumb[1], crumb[2]):
                yield "cookie", header.start(1) + crumb.start(2), header.start(1) + crumb.end(2)


def _is_kept(name: str, value: str) -> bool:
    """Whether a cookie keeps somebody logged in: by its value, else by its name."""
    if is_random(value):
        return True
    return meaning(name) is Meaning.SECRET and len(value) >= _SHORTEST_COOKIE and not is_placeholder(value)


def _groups(kind: str, pattern: re.Pattern[str], text: str) -> Iterator[Span]:
    for number, found in enumerate(pattern.finditer(text)):
        if number >= _MOST_HITS:
            return
        group = found.lastindex or 1
        value = found[group]
        if text[found.end(group) : found.end(group) + 1] == GONE:
            continue
        if not is_placeholder(value) and not CODE.search(value) and not value.isalpha():
            yield kind, *found.span(group)
