"""A checker for the part of JSON Schema 2020-12 that the trace file's schema uses.

T-800 has no validator among its dependencies, and this is all it needs. A keyword that is not known here is
an error at the first check, so a schema cannot grow beyond what is checked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

__all__ = ["Checker", "Fault"]

Schema = Mapping[str, Any]


class Fault(NamedTuple):
    """Where a value breaks its schema (`/events/3/tool`), and how, in a sentence without a stop."""

    path: str
    sentence: str


class Checker:
    """Checks values against one schema and its `$defs`."""

    def __init__(self, schema: Schema) -> None:
        self._root = schema

    def check(self, value: object, schema: Schema | None = None, path: str = "") -> Iterator[Fault]:
        """Every fault of `value` against `schema` (default: the whole one), in the order of its keywords."""
        for keyword, wanted in (self._root if schema is None else schema).items():
            if keyword not in _SILENT:
                yield from _KEYWORDS[keyword](self, value, wanted, schema or self._root, path)

    def definition(self, name: str) -> Schema:
        """The schema under `$defs` with that name."""
        found: Schema = self._root["$defs"][name]
        return found

    def accepts(self, value: object, schema: Schema) -> bool:
        """Whether `value` has no fault against `schema`."""
        return next(self.check(value, schema), None) is None

    def resolve(self, reference: str) -> Schema:
        """The schema that a `$ref` of the form `#/$defs/name` means."""
        return self.definition(reference.removeprefix("#/$defs/"))


_SILENT = frozenset({"$schema", "$id", "$defs", "title", "description"})


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_integer(value: object) -> bool:
    return isinstance(value, int | float) and _is_number(value) and value == value // 1


_TYPES: dict[str, Callable[[object], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": _is_number,
    "integer": _is_integer,
}


def _type(_: Checker, value: object, wanted: Any, __: Schema, path: str) -> Iterator[Fault]:
    names = [wanted] if isinstance(wanted, str) else wanted
    if not any(_TYPES[name](value) for name in names):
        yield Fault(path, f"is {_shown(value)}, which is not of type {' or '.join(names)}")


def _const(_: Checker, value: object, wanted: object, __: Schema, path: str) -> Iterator[Fault]:
    if not _same(value, wanted):
        yield Fault(path, f"is {_shown(value)} instead of {_shown(wanted)}")


def _enum(_: Checker, value: object, wanted: list[object], __: Schema, path: str) -> Iterator[Fault]:
    if not any(_same(value, one) for one in wanted):
        yield Fault(path, f"is {_shown(value)}, which is none of {', '.join(map(_shown, wanted))}")


def _same(value: object, wanted: object) -> bool:
    return value == wanted and isinstance(value, bool) == isinstance(wanted, bool)


def _minimum(_: Checker, value: Any, wanted: float, __: Schema, path: str) -> Iterator[Fault]:
    if _is_number(value) and value < wanted:
        yield Fault(path, f"is {_shown(value)}, which is less than {wanted}")


def _maximum(_: Checker, value: Any, wanted: float, __: Schema, path: str) -> Iterator[Fault]:
    if _is_number(value) and value > wanted:
        yield Fault(path, f"is {_shown(value)}, which is more than {wanted}")


def _min_length(_: Checker, value: object, wanted: int, __: Schema, path: str) -> Iterator[Fault]:
    if isinstance(value, str) and len(value) < wanted:
        yield Fault(path, f"is shorter than {wanted} characters")


def _max_length(_: Checker, value: object, wanted: int, __: Schema, path: str) -> Iterator[Fault]:
    if isinstance(value, str) and len(value) > wanted:
        yield Fault(path, f"is longer than {wanted} characters")


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> re.Pattern[str]:
    # In Python a final $ also stands before a last line end; in JSON Schema it does not.
    return re.compile(re.sub(r"\$$", r"\\Z", pattern))


def _pattern(_: Checker, value: object, wanted: str, __: Schema, path: str) -> Iterator[Fault]:
    if isinstance(value, str) and not _compiled(wanted).search(value):
        yield Fault(path, f"is {_shown(value)}, which does not look like {wanted}")


def _required(_: Checker, value: object, wanted: list[str], __: Schema, path: str) -> Iterator[Fault]:
    if isinstance(value, dict):
        yield from (Fault(path, f"has no {name!r}") for name in wanted if name not in value)


def _properties(checker: Checker, value: object, wanted: Schema, _: Schema, path: str) -> Iterator[Fault]:
    if isinstance(value, dict):
        for name, schema in wanted.items():
            if name in value:
                yield from checker.check(value[name], schema, _below(path, name))


def _additional(checker: Checker, value: object, wanted: Any, schema: Schema, path: str) -> Iterator[Fault]:
    if not isinstance(value, dict):
        return
    for name in value.keys() - schema.get("properties", {}).keys():
        if wanted is False:
            yield Fault(path, f"has {_shown(name)}, which is no field of it")
        else:
            yield from checker.check(value[name], wanted, _below(path, name))


def _property_names(checker: Checker, value: object, wanted: Schema, _: Schema, path: str) -> Iterator[Fault]:
    if isinstance(value, dict):
        for name in value:
            for fault in checker.check(name, wanted):
                yield Fault(path, f"has a name that {fault.sentence}")


def _items(checker: Checker, value: object, wanted: Schema, _: Schema, path: str) -> Iterator[Fault]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from checker.check(item, wanted, f"{path}/{index}")


def _ref(checker: Checker, value: object, wanted: str, _: Schema, path: str) -> Iterator[Fault]:
    yield from checker.check(value, checker.resolve(wanted), path)


def _dependent(checker: Checker, value: object, wanted: Schema, _: Schema, path: str) -> Iterator[Fault]:
    if isinstance(value, dict):
        for name, schema in wanted.items():
            if name in value:
                yield from checker.check(value, schema, path)


def _any_of(checker: Checker, value: object, wanted: list[Schema], _: Schema, path: str) -> Iterator[Fault]:
    if not any(checker.accepts(value, schema) for schema in wanted):
        yield Fault(path, f"is {_shown(value)}, which is none of what may stand here")


def _one_of(checker: Checker, value: object, wanted: list[Schema], _: Schema, path: str) -> Iterator[Fault]:
    """Branches told apart by a constant `type`: the fault is then that of the branch that was meant."""
    branches = [checker.resolve(schema["$ref"]) if "$ref" in schema else schema for schema in wanted]
    kinds = [branch.get("properties", {}).get("type", {}).get("const") for branch in branches]
    kind = value.get("type") if isinstance(value, dict) else None
    if isinstance(kind, str) and kinds.count(kind) == 1:
        yield from checker.check(value, branches[kinds.index(kind)], path)
    elif sum(checker.accepts(value, branch) for branch in branches) != 1:
        yield Fault(path, f"has the type {_shown(kind)}, which is none of {', '.join(map(str, kinds))}")


_KEYWORDS: dict[str, Callable[[Checker, Any, Any, Schema, str], Iterator[Fault]]] = {
    "type": _type,
    "const": _const,
    "enum": _enum,
    "minimum": _minimum,
    "maximum": _maximum,
    "minLength": _min_length,
    "maxLength": _max_length,
    "pattern": _pattern,
    "required": _required,
    "properties": _properties,
    "additionalProperties": _additional,
    "propertyNames": _property_names,
    "items": _items,
    "dependentSchemas": _dependent,
    "$ref": _ref,
    "anyOf": _any_of,
    "oneOf": _one_of,
}


def _below(path: str, name: str) -> str:
    return f"{path}/{name.replace('~', '~0').replace('/', '~1')}"


def _shown(value: object) -> str:
    """A value in a sentence: as JSON, and short."""
    text = (
        json.dumps(value)
        if isinstance(value, str | int | float | bool | None)
        else f"a {type(value).__name__}"
    )
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004
