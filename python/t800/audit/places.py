"""Paths that tell on somebody, URLs that carry a password, and what this machine knows of its own user."""

from __future__ import annotations

import os
import posixpath
import re
from typing import TYPE_CHECKING, NamedTuple

from t800.audit.known import is_placeholder
from t800.audit.names import Meaning, meaning
from t800.audit.randomness import is_random

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from t800.audit.assignments import Span
    from t800.audit.words import Places

__all__ = ["Own", "own", "own_data", "sensitive_paths", "url_secrets"]

_URL_PASSWORD = re.compile(
    r"://[^\s/:@\"'`<>\x00]{0,128}+:(?P<password>[^\s/\"'`<>\x00]{1,256})@(?=[\w\[$%-])"
)
_URL_TOKEN = re.compile(r"://(?P<token>[^\s/:@\"'`<>?#\x00]{12,512}+)@")
_HOME = re.compile(
    r"(?i)(?<![\w.~])(?:[a-z]:)?[\\/]{1,4}(?:home|users|documents and settings)[\\/]{1,4}(?P<name>[^\\/\s\"'`<>:;,|(){}$*?&\x00\[\]]{1,64})"
)
_SENSITIVE = re.compile(
    r"(?P<path>(?:(?:~[\w.-]{0,32}|\$\{?HOME\}?|%USERPROFILE%|[/\\]{1,4}(?:home|Users)[/\\]{1,4}[^/\\\s\"']{1,64}|/root)"
    r"(?:[/\\]{1,4}(?!\.ssh|\.config)[\w.-]{1,64}){0,6}[/\\]{1,4}\.(?:ssh|config)(?:[/\\]{1,4}[\w.*-]{1,128}){1,12})"
    r"|(?<![\w./~\x00-])(?:file://)?/etc(?:/[\w.*-]{1,128}){1,12})"
)
_CLIMBING = re.compile(r"(?<![\w./~-])/(?:[\w.-]{1,64}/){0,8}\.\./(?:[\w.-]{1,64}/){0,8}[\w.*-]{1,128}")
_FOLDERS = (".ssh", ".config", "/etc")
_HOMES = ("home", "users", "documents")
_SHARED_HOMES = frozenset(
    """
    user users username user_name you your me name myname someone shared public default all runner runners node vscode
    ubuntu ec2-user vagrant jovyan app appuser coder codespace circleci travis jenkins builder build docker linuxbrew
    example test foo bar alice bob x xxx admin administrator guest nobody root static assets home index
    """.split()
)
_COMMON = _SHARED_HOMES | frozenset(
    """
    localhost main master server client host desktop laptop macbook computer machine system debian fedora python agent
    default local staging production project workspace container sandbox developer develop deploy service postgres
    mysql redis nginx apache github gitlab daemon worker tester testing private secret password sample demo
    """.split()
)
_SHORTEST_NAME = 5
_SHORTEST_VALUE = 8
_MOST = 1 << 20


class Own(NamedTuple):
    """What this machine knows of its user: log-in and host names, git's name and addresses, secret variables."""

    users: frozenset[str] = frozenset()
    literals: frozenset[str] = frozenset()
    folders: frozenset[str] = frozenset()


def own(environ: Mapping[str, str] = os.environ, folders: Iterable[str] = ()) -> Own:
    """Read it from the environment, uname, /etc/passwd and git's files; no name service, no subprocess.

    `folders` are further sensitive directories, as configured.
    """
    home = environ.get("HOME") or environ.get("USERPROFILE", "")
    users = {environ.get(name, "") for name in ("USER", "LOGNAME", "USERNAME", "SUDO_USER")}
    users |= {os.path.basename(home.rstrip("/\\")), _passwd_name()}
    users = {name for name in users if len(name) > 1 and name.lower() not in _COMMON}
    host = os.uname().nodename if hasattr(os, "uname") else environ.get("COMPUTERNAME", "")
    names = {name for name in (*users, host, host.partition(".")[0], *_git(home)) if _telling(name)}
    values = {value for name, value in environ.items() if _secret_variable(name, value)}
    return Own(frozenset(users), frozenset(names | values), frozenset(filter(None, folders)))


def _telling(name: str) -> bool:
    return len(name) >= _SHORTEST_NAME and name.lower() not in _COMMON and not name.isdigit()


def _secret_variable(name: str, value: str) -> bool:
    if meaning(name) is Meaning.NOTHING or len(value) < _SHORTEST_VALUE or is_placeholder(value):
        return False
    return not value.startswith(("/", "~")) and not value.isalpha() and not value.replace(".", "").isdigit()


def _passwd_name() -> str:
    uid = str(os.getuid()) if hasattr(os, "getuid") else ""
    for line in _read("/etc/passwd").splitlines():
        fields = line.split(":")
        if len(fields) > 2 and fields[2] == uid:  # noqa: PLR2004 - the third is the user's number
            return fields[0]
    return ""


def _git(home: str) -> Iterator[str]:
    if not home:
        return
    for name in (".gitconfig", ".config/git/config"):
        text = _read(os.path.join(home, name))
        for found in re.finditer(
            r"(?mi)^[ \t]{0,20}(?:name|email)[ \t]{0,20}=[ \t]{0,20}\"?([^\"\n;#]{3,100})", text
        ):
            yield found[1].strip()


def _read(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return file.read(_MOST).decode("utf-8", "replace")
    except OSError:
        return ""


def own_data(text: str, own: Own) -> Iterator[Span]:
    """Names, addresses and values of this machine's own user, as whole words; short names only in paths and logins."""
    for literal in own.literals:
        yield from _whole("own name or value", literal, text)
    for user in own.users:
        if user in text:
            for found in re.finditer(
                rf"(?:(?<![\w.-])|(?<=[/\\])){re.escape(user)}(?=@[\w-])|(?<=[/\\]){re.escape(user)}(?![\w.-])",
                text,
            ):
                yield "own user name", *found.span()
    for folder in own.folders:
        yield from _whole("path in a sensitive directory", folder, text)


def _whole(kind: str, literal: str, text: str) -> Iterator[Span]:
    at = text.find(literal)
    while at >= 0:
        end = at + len(literal)
        if not (text[at - 1 : at] or " ").isalnum() and not (text[end : end + 1] or " ").isalnum():
            yield kind, at, end
        at = text.find(literal, end)


def sensitive_paths(text: str, own: Own, words: Places) -> Iterator[Span]:
    """Files in `~/.ssh`, `~/.config` and `/etc` of any user, and user names in home directories.

    `words` are those of the text.
    """
    for found in () if words.keys().isdisjoint(_FOLDERS) else _SENSITIVE.finditer(text):
        yield "path in a sensitive directory", *found.span("path")
    for climbing in _CLIMBING.finditer(text) if "/../" in text else ():
        if _SENSITIVE.match(posixpath.normpath(climbing[0])):
            yield "path in a sensitive directory", *climbing.span()
    for found in () if words.keys().isdisjoint(_HOMES) else _HOME.finditer(text):
        name = found["name"]
        if name in own.users or (
            name.lower().strip(".-_") not in _SHARED_HOMES and not is_placeholder(name) and _is_login(name)
        ):
            yield "user name in a path", *found.span("name")


def _is_login(name: str) -> bool:
    return (
        not name.startswith((".", "%", "-", "#")) and "." not in name[-5:-1] and any(map(str.isalpha, name))
    )


def url_secrets(text: str) -> Iterator[Span]:
    """Passwords and tokens before the `@` of a URL."""
    if "://" not in text:
        return
    for found in _URL_PASSWORD.finditer(text):
        value = found["password"]
        if (
            not is_placeholder(value)
            and value.lower() not in _DUMMY
            and not value.startswith(("$", "{", "%s", "#"))
        ):
            yield "password in a URL", *found.span("password")
    for found in _URL_TOKEN.finditer(text):
        if is_random(found["token"]):
            yield "token in a URL", *found.span("token")


_DUMMY = frozenset(
    "pass pwd passwd mypass mypassword userpass dbpass p pw x 443 80 8080 postgres mysql guest".split()
)
