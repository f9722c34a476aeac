"""JSON with comments, as spans of its text: so that an edit touches nothing but its own place."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from t800.errors import TraceError

if TYPE_CHECKING:
    from collections.abc import Sequence

_SPACE = re.compile(r"(?:\s|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_SCALAR = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"|-?\d[\d.eE+-]*|true|false|null')
_DEEPEST = 50


class Node:
    """A value: where it stands in the text, and what is in it."""

    __slots__ = ("end", "items", "keys", "kind", "start", "value")

    def __init__(self, kind: str, start: int) -> None:
        self.kind, self.start, self.end = kind, start, start
        self.items: list[Node] = []
        self.keys: list[tuple[str, int]] = []
        self.value: object = None

    def member(self, name: str) -> Node | None:
        """The value of a key of an object, the last one where it stands twice."""
        found = None
        for (key, _), item in zip(self.keys, self.items, strict=False):
            found = item if key == name else found
        return found

    def texts(self) -> list[str]:
        """Every string in it, at any depth."""
        own = [self.value] if isinstance(self.value, str) else []
        return [*own, *(text for item in self.items for text in item.texts())]


class Document:
    """A text and the value in it. Raises `TraceError` where it is none, with the line."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.root, end = self._value(self._space(0), 0)
        if self._space(end) != len(text):
            self._refuse(end, "text behind the value")

    def _space(self, at: int) -> int:
        found = _SPACE.match(self.text, at)
        return found.end() if found else at

    def _refuse(self, at: int, problem: str) -> None:
        raise TraceError(f"line {self.text.count(chr(10), 0, at) + 1}: {problem}")

    def _value(self, at: int, depth: int) -> tuple[Node, int]:
        sign = self.text[at : at + 1]
        if depth > _DEEPEST:
            self._refuse(at, "nested too deeply")
        if sign in {"{", "["} and sign:
            return self._container(Node("object" if sign == "{" else "list", at), depth)
        node, found = Node("scalar", at), _SCALAR.match(self.text, at)
        if not found:
            self._refuse(at, "not JSON")
            return node, at
        try:
            node.value = json.loads(found[0])
        except ValueError:
            self._refuse(at, "not JSON")
        node.end = found.end()
        return node, node.end

    def _container(self, node: Node, depth: int) -> tuple[Node, int]:
        closing = "}" if node.kind == "object" else "]"
        at = self._space(node.start + 1)
        while self.text[at : at + 1] != closing:
            if node.items:
                at = self._space(self._sign(at, ","))
            if node.kind == "object":
                key, start = self._value(at, depth + 1)
                if not isinstance(key.value, str):
                    self._refuse(at, "a key is no string")
                node.keys.append((str(key.value), at))
                at = self._space(self._sign(self._space(start), ":"))
            item, at = self._value(at, depth + 1)
            node.items.append(item)
            at = self._space(at)
        node.end = at + 1
        return node, node.end

    def _sign(self, at: int, sign: str) -> int:
        if self.text[at : at + 1] != sign:
            self._refuse(at, f"expected {sign!r}")
        return at + 1


def indent_of(text: str) -> str:
    """One step of the text's own indentation."""
    found = re.search(r"^[{\[][^\n]*\n([ \t]+)\S", text)
    return found[1] if found else "  "


def put(text: str, path: Sequence[str], value: object) -> str:
    """The text with `value` as the last item of the list at `path`, which is made where it is missing.

    Raises `TraceError` where something else stands there.
    """
    node, level = Document(text).root, 0
    for level, name in enumerate(path):
        _expect(node, "object", path[:level])
        inner = node.member(name)
        if inner is None:
            made: object = [value]
            for key in reversed(path[level + 1 :]):
                made = {key: made}
            return _insert(text, node, level, f"{json.dumps(name)}: ", made)
        node = inner
    _expect(node, "list", path)
    return _insert(text, node, level + 1, "", value)


def put_member(text: str, name: str, value: object) -> str:
    """The text with one more key at the end of its object. Raises `TraceError` where it is none."""
    node = Document(text).root
    _expect(node, "object", [])
    return _insert(text, node, 0, f"{json.dumps(name)}: ", value)


def _expect(node: Node, kind: str, path: Sequence[str]) -> None:
    if node.kind != kind:
        raise TraceError(f"{'.'.join(path) or 'the file'} is no {kind}")


def _insert(text: str, node: Node, level: int, front: str, value: object) -> str:
    """The text with one more item at the end of a container."""
    step = indent_of(text)
    pad = "\n" + step * (level + 1)
    dumped = front + json.dumps(value, indent=step, ensure_ascii=False).replace("\n", pad)
    if node.items:
        at = node.items[-1].end
        return f"{text[:at]},{pad}{dumped}{text[at:]}"
    at = node.start + 1
    rest = text[at:]
    inside = text[at : node.end - 1]
    closing = "" if inside.strip() or "\n" in inside else f"\n{step * level}"
    return f"{text[:at]}{pad}{dumped}{closing}{rest}"


def cut(text: str, container: Node, position: int) -> str:
    """The text without one item of a container, and without the comma that belongs to it."""
    start = container.keys[position][1] if container.kind == "object" else container.items[position].start
    end = container.items[position].end
    if position:
        start = container.items[position - 1].end
    elif len(container.items) > 1:
        following = container.keys[1][1] if container.kind == "object" else container.items[1].start
        return text[:start] + text[following:]
    elif not text[container.start + 1 : start].strip() and not text[end : container.end - 1].strip():
        start, end = container.start + 1, container.end - 1
    return text[:start] + text[end:]
