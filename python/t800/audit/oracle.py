"""The judge: what in a text, or in a tree of keys and values, must not be in a trace.

It was written from the public descriptions of formats and shares no code, table or pattern with the redactor that
the recorder uses: where the one has a blind spot, the other must not.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from t800._core import Exceptions
from t800.audit.assignments import is_secret_value, named_secrets
from t800.audit.commands import command_secrets
from t800.audit.formats import formatted
from t800.audit.known import GONE, is_placeholder, without_markers
from t800.audit.layers import inner_texts
from t800.audit.names import Meaning, meaning, segments
from t800.audit.personal import personal_data, personal_key
from t800.audit.places import Own, own_data, sensitive_paths, url_secrets
from t800.audit.randomness import random_tokens
from t800.audit.words import WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from t800.audit.assignments import Span

__all__ = ["Allowed", "Leak", "Oracle"]


class Leak(NamedTuple):
    """Something found: where in the tree (`parameters.env[2]`), what kind, and the raw value, never to be shown."""

    key: str
    kind: str
    value: str


_PUBLIC_BLOCK = re.compile(
    r"-----BEGIN (?:CERTIFICATE|TRUSTED CERTIFICATE|X509 CRL|(?:RSA |EC |SSH2 )?PUBLIC KEY|PGP PUBLIC KEY BLOCK"
    r"|CERTIFICATE REQUEST|PGP SIGNATURE|SSH SIGNATURE)-----[A-Za-z0-9+/=\s\\:.()-]{0,20000}+"
)
_OWN_IDS = frozenset(
    "session_id event_id parent_id host_session_id parent_session_id source_id agent_id".split()
)
_NUMERIC = frozenset("password passwd pwd passcode passphrase pin otp totp cvv cvc secret tan mfa".split())
_UI_WORDS = frozenset(
    """
    password passwort passwords passphrase secret token key api access auth login email username user enter your the a
    new old current confirm repeat forgot reset field label required optional id code pin bearer credentials type str
    text hidden input value name
    """.split()
)
_PAIR_NAMES = ("name", "key", "header", "variable", "field", "k", "Name", "Key")
_PAIR_VALUES = ("value", "val", "v", "Value", "default", "content")
_LESS_SURE = frozenset(("e-mail address", "phone number", "random token"))
_DEEPEST_LAYER = 4
_LAYER_ALLOWANCE = 1 << 16
_LAYER_FACTOR = 6
_MOST_LEAKS = 200
_MOST_NAMES = 10_000
_LONGEST_JSON = 4 << 20


class Allowed:
    """What the user allows: texts, names of fields, and patterns for whole texts."""

    def __init__(self, texts: Iterable[str] = (), patterns: Iterable[str] = ()) -> None:
        given = list(texts)
        self._exceptions = Exceptions(given, list(patterns))
        self._names = frozenset("".join(segments(text)) for text in given)

    def allows(self, value: str) -> bool:
        """Whether a value may stand in a trace."""
        try:
            return self._exceptions.allows(value)
        except UnicodeEncodeError:  # half of a pair of surrogates, which no configuration holds
            return False

    def names(self, field: str) -> bool:
        """Whether the value of a field may stand in a trace, whatever it is."""
        return bool(self._names) and "".join(segments(field)) in self._names


class Oracle:
    """Looks through texts and trees for what must not be there.

    `own` is what the machine knows of its user, `redaction_value` the marker as configured, `sensitive` further
    names of fields whose values must be gone, `allowed` what the user wants to stay.
    """

    def __init__(
        self,
        own: Own | None = None,
        redaction_value: str = "[REDACTED]",
        sensitive: frozenset[str] = frozenset(),
        allowed: Allowed | None = None,
    ) -> None:
        self._allowed = allowed or Allowed()
        self._own = own or Own()
        self._marker = redaction_value
        self._names: dict[str, list[tuple[str, str]]] = {}
        self._sensitive = frozenset("".join(segments(name)) for name in sensitive)

    def text(self, text: str) -> Iterator[tuple[str, str]]:
        """The kind and the value of each leak in a text, in the texts inside it too: each value once, at most 200."""
        waiting = [(without_markers(text, self._marker), 0)]
        allowance = _LAYER_FACTOR * len(text) + _LAYER_ALLOWANCE
        seen: set[str] = set()
        for layer, depth in waiting:
            for kind, value in self._layer(layer):
                if not any(value in other for other in seen) and not self._allowed.allows(value):
                    seen.add(value)
                    yield kind, value
                if len(seen) >= _MOST_LEAKS:
                    return
            for inner in inner_texts(layer) if depth < _DEEPEST_LAYER else ():
                allowance -= len(inner)
                if allowance >= 0:
                    waiting.append((without_markers(inner, self._marker), depth + 1))

    def tree(self, value: object, key: str = "", name: str = "") -> Iterator[Leak]:
        """The leaks in a parsed JSON value: by what its keys say, and in all its texts, keys too.

        Keys in which something was found are shown as `[…]`, so that a leak's place never repeats it.
        """
        waiting: list[tuple[object, str, str, Meaning]] = [(value, key, name, self._meaning(name))]
        while waiting:
            node, where, called, says = waiting.pop()
            if isinstance(node, dict):
                yield from self._keys(node, where)
                waiting.extend(self._members(node, where, says))
            elif isinstance(node, list):
                yield from self._arguments(node, where)
                waiting.extend((item, f"{where}[{at}]", called, says) for at, item in enumerate(node))
            elif isinstance(node, str):
                yield from self._string(node, where, called, says)
            elif isinstance(node, int | float) and not isinstance(node, bool):
                yield from _number(node, where, called, says)

    def _layer(self, text: str) -> Iterator[tuple[str, str]]:
        text = _PUBLIC_BLOCK.sub(lambda found: GONE * len(found[0]), text)
        taken: list[tuple[int, int]] = []
        for kind, begin, end in self._spans(text):
            if end > begin and not _is_known(kind, begin, end, taken[-64:]):
                taken.append((begin, end))
                yield kind, text[begin:end]

    def _spans(self, text: str) -> Iterator[Span]:
        for form, found in formatted(text):
            if not is_placeholder(found[0].removeprefix(form.hint)) and len(set(found[0])) > 6:  # noqa: PLR2004
                yield form.kind, *found.span()
        words = WORDS.places(text)
        yield from url_secrets(text)
        yield from named_secrets(text, words)
        yield from command_secrets(text, words)
        yield from personal_data(text, words)
        yield from sensitive_paths(text, self._own, words)
        yield from own_data(text, self._own)
        for begin, end in random_tokens(text):
            yield "random token", begin, end

    def _meaning(self, name: str) -> Meaning:
        if name in ("auth", "pass") or (self._sensitive and "".join(segments(name)) in self._sensitive):
            return Meaning.SECRET
        return meaning(name) if name else Meaning.NOTHING

    def _keys(self, node: Mapping[str, Any], where: str) -> Iterator[Leak]:
        for name in node:
            for kind, value in self._name(name):
                yield Leak(f"{where}.[…]" if where else "[…]", f"{kind} (as a key)", value)

    def _name(self, name: str) -> list[tuple[str, str]]:
        """What is found in a name; the same few names come again and again."""
        known = self._names.get(name)
        if known is None:
            known = list(self.text(name))
            if len(self._names) < _MOST_NAMES:
                self._names[name] = known
        return known

    def _members(
        self, node: Mapping[str, Any], where: str, says: Meaning
    ) -> Iterator[tuple[object, str, str, Meaning]]:
        # In a JSON text inside a text only what looks like a secret was to go: it may be a schema, or code.
        handed_down = Meaning.WEAK if "→" in where else Meaning.SECRET
        for name, value in node.items():
            shown = "[…]" if self._name(name) else name
            inner = self._meaning(name)
            if says is Meaning.SECRET and not isinstance(value, bool):
                inner = max(inner, handed_down, key=lambda each: each.value)
            paired = _paired_name(node, name)
            if paired:
                inner = max(inner, self._meaning(paired), key=lambda each: each.value)
            yield value, f"{where}.{shown}" if where else shown, paired or name, inner

    def _string(self, text: str, where: str, called: str, says: Meaning) -> Iterator[Leak]:
        if self._allowed.names(called):
            return
        seen = []
        named = self._named(text, called, says)
        if named is not None:
            seen.append(text)
            yield Leak(where, named, text)
        for kind, value in self.text(text):
            if called in _OWN_IDS and kind == "random token":
                continue
            if value not in text or not any(value in other for other in seen):
                yield Leak(where, kind, value)
        yield from self._json(text, where)

    def _named(self, text: str, called: str, says: Meaning) -> str | None:
        """What the field's own name says of its value; None where that is harmless."""
        text = without_markers(text, self._marker)
        if called in _OWN_IDS or is_placeholder(text) or self._allowed.allows(text):
            return None
        if says is Meaning.SECRET and not _UI_WORDS.issuperset(segments(text)):
            return "value of a sensitive key"
        if says is Meaning.WEAK and is_secret_value(text, says, quoted=True, tight=True):
            return "value of a sensitive key"
        return personal_key(called, text) if called else None

    def _json(self, text: str, where: str) -> Iterator[Leak]:
        """JSON inside a string is a tree again."""
        start = text.lstrip()[:1]
        if start not in ("{", "[") or len(text) > _LONGEST_JSON or where.count("→") >= _DEEPEST_LAYER:
            return
        import json

        try:
            inner = json.loads(text)
        except (ValueError, RecursionError):
            return
        if isinstance(inner, dict | list):
            yield from self.tree(inner, f"{where}→")

    def _arguments(self, node: list[Any], where: str) -> Iterator[Leak]:
        """Arguments of a command as a list: `["--password", "x"]` reads as a command line."""
        words = [item for item in node if isinstance(item, str)]
        if len(words) > 1 and any(word.startswith("-") for word in words):
            line = without_markers(" ".join(words), self._marker)
            places = WORDS.places(line)
            for scan in (named_secrets, command_secrets):
                for kind, begin, end in scan(line, places):
                    yield Leak(where, kind, line[begin:end])


def _is_known(kind: str, begin: int, end: int, taken: list[tuple[int, int]]) -> bool:
    """Whether an earlier scan has named what stands there: inside it, or, for what is less sure, touching it."""
    if kind in _LESS_SURE:
        return any(first < end and begin < last for first, last in taken)
    return any(first <= begin and end <= last for first, last in taken)


def _paired_name(node: Mapping[str, Any], name: str) -> str:
    """`{"name": "API_KEY", "value": "x"}` names its value."""
    if name not in _PAIR_VALUES:
        return ""
    return next((str(node[other]) for other in _PAIR_NAMES if isinstance(node.get(other), str)), "")


def _number(value: float, where: str, called: str, says: Meaning) -> Iterator[Leak]:
    text = str(value)
    if says is Meaning.SECRET and _NUMERIC.intersection(segments(called)[-1:]) and len(text) >= 3:  # noqa: PLR2004
        yield Leak(where, "value of a sensitive key", text)
    elif (kind := personal_key(called, text)) and (kind != "geo coordinates" or isinstance(value, float)):
        yield Leak(where, kind, text)
