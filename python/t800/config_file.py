"""The configuration file as text: read with suspicion, written with comments, switched on in place.

The only place that knows YAML. It takes plain mappings, lists and scalars: no tags, hardly any aliases, no
duplicate keys.
"""

from __future__ import annotations

from typing import Final

import yaml

from t800.config_keys import KEYS, Key, nearest_key
from t800.errors import ConfigError, RuleError

__all__ = ["default_text", "line_of", "parse", "switched_on"]

# The largest sensible file has some hundred nodes; PyYAML needs 30 µs for each.
_NODES: Final = 2500
_ALIASES: Final = 16
_DEPTH: Final = 8
_SHOWN: Final = 60

_SECTIONS: Final = frozenset(
    name.rsplit(".", depth)[0] for name in KEYS for depth in range(1, name.count(".") + 1)
)
# The second name of a setting that has two: shown, but not set, so that changing the first has its effect.
_SECOND_NAMES: Final = frozenset(
    ["trace_buffer.max_events", "trace_buffer.flush_interval_ms", "telemetry.privacy.redact_content"]
)


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader that stops at tags, aliases, depth and size that no configuration needs."""

    def __init__(self, text: str, file: str) -> None:
        super().__init__(text)
        self._file = file
        self._aliases = 0
        self._depth = 0
        self._nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        self._aliases += isinstance(event, yaml.AliasEvent)
        self._depth += 1
        self._nodes += 1
        self._refuse(event)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def _refuse(self, event: yaml.Event) -> None:
        problem = ""
        if getattr(event, "tag", None) is not None:
            problem = "has a tag (!…); only plain values are allowed"
        elif self._aliases > _ALIASES:
            problem = f"has more than {_ALIASES} aliases (*…)"
        elif self._depth > _DEPTH:
            problem = "is nested too deeply"
        elif self._nodes > _NODES:
            problem = f"has more than {_NODES} values"
        if problem:
            raise ConfigError(problem, file=self._file, line=_line(event), hint="Write plain values")


# Reading


def parse(data: bytes, file: str) -> dict[str, object]:
    """The settings in a configuration file by dotted name; only those that it has.

    Raises `ConfigError` with the line for everything that is not exactly a configuration: bad YAML, tags,
    alias bombs, unknown or repeated keys, values that a key does not take.
    """
    loader, root = _composed(_decoded(data, file), file)
    values: dict[str, object] = {}
    if root is not None and not _is_empty(root):
        _collect(loader, root, "", file, values)
    return values


def _decoded(data: bytes, file: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError("is not UTF-8 text", file=file, line=line, hint="Save it as UTF-8") from error


def _composed(text: str, file: str) -> tuple[_Loader, yaml.Node | None]:
    try:
        loader = _Loader(text, file)
        return loader, loader.get_single_node()
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError("has a control character", file=file, line=line, hint="Remove it") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = _shown(getattr(error, "problem", None) or "cannot be read")
        raise ConfigError(
            f"is not valid YAML ({problem})", file=file, line=mark.line + 1 if mark else None
        ) from error


def _collect(loader: _Loader, node: yaml.Node, section: str, file: str, values: dict[str, object]) -> None:
    if not isinstance(node, yaml.MappingNode):
        raise ConfigError("must be a mapping of keys", file=file, line=_line(node), key=section or None)
    seen = set()
    for key_node, value_node in node.value:
        name = _name(key_node, section)
        if name in seen:
            raise ConfigError("is there twice", file=file, line=_line(key_node), key=_shown(name))
        seen.add(name)
        if name in KEYS:
            values[name] = _value(loader, value_node, KEYS[name], file)
        elif name not in _SECTIONS:
            _refuse_unknown(name, key_node, file)
        elif not _is_empty(value_node):
            _collect(loader, value_node, name, file, values)


def _name(key_node: yaml.Node, section: str) -> str:
    last = key_node.value if isinstance(key_node, yaml.ScalarNode) else "(not a name)"
    return f"{section}.{last}" if section else last


def _refuse_unknown(name: str, key_node: yaml.Node, file: str) -> None:
    raise ConfigError(
        "is not a setting", file=file, line=_line(key_node), key=_shown(name), hint=nearest_key(name[:200])
    )


def _value(loader: _Loader, node: yaml.Node, key: Key, file: str) -> object:
    if isinstance(key.default, list | dict) and _is_empty(node):
        return type(key.default)()
    try:
        return key.check(_plain(loader, node, key.name, file), file=file, line=_line(node))
    except RuleError as error:
        error.line = _line(_below(node, (error.key or "").removeprefix(key.name)))
        raise


def _plain(loader: _Loader, node: yaml.Node, key: str, file: str, depth: int = 0) -> object:
    """The value of a node: a scalar, a list, or a mapping of names; the node itself where it is nothing of that."""
    if depth > _DEPTH:  # An alias may stand for a node that holds it.
        raise ConfigError("is nested too deeply", file=file, line=_line(node), key=_shown(key))
    below = depth + 1
    if isinstance(node, yaml.SequenceNode):
        return [_plain(loader, item, f"{key}[{at}]", file, below) for at, item in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        return _scalar(loader, node)
    members: dict[str, object] = {}
    for key_node, value_node in node.value:
        name = _name(key_node, "")
        if name in members:
            raise ConfigError("is there twice", file=file, line=_line(key_node), key=_shown(f"{key}.{name}"))
        members[name] = _plain(loader, value_node, f"{key}.{name}", file, below)
    return members


def line_of(data: bytes, file: str, key: str) -> int | None:
    """The line at which a dotted key stands in a file that was read before, `rules[2].pattern` too."""
    _, root = _composed(_decoded(data, file), file)
    return _line(_below(root, f".{key}")) if root is not None else None


def _below(node: yaml.Node, path: str) -> yaml.Node:
    """The node at a path such as `[2].pattern`, or the innermost above it."""
    if isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            rest = path.removeprefix(f".{key_node.value}")
            if rest != path and rest[:1] in ("", ".", "["):
                return _below(value_node, rest) if rest else key_node
    elif isinstance(node, yaml.SequenceNode):
        for at, item in enumerate(node.value):
            if path.startswith(f"[{at}]"):
                return _below(item, path.removeprefix(f"[{at}]"))
    return node


def _scalar(loader: _Loader, node: yaml.Node) -> object:
    """A scalar's value; the node itself, which no key takes, where it has none."""
    if not isinstance(node, yaml.ScalarNode):
        return node
    try:
        value: object = loader.construct_object(node)
    except (yaml.YAMLError, ValueError, OverflowError):  # a date with month 13, a number of 10,000 digits
        return node
    return value


def _is_empty(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def _line(marked: yaml.Node | yaml.Event) -> int | None:
    mark = marked.start_mark
    return mark.line + 1 if mark else None


def _shown(text: str) -> str:
    """A foreign text as it may stand in a message: short, and without anything a terminal would obey."""
    return ascii(text[:_SHOWN])[1:-1]


# The documented file


def default_text(*, enabled: bool = False) -> str:
    """A configuration file with every key, its default and what it means.

    It loads to exactly the defaults, apart from `telemetry.enabled`.
    """
    lines = [
        "# What T-800 records and keeps. A key that is not here has the value shown here.",
        "# An environment variable can set each of them too: T800_ENABLED, T800_PRIVACY_REDACT_PII, ...",
    ]
    section: list[str] = []
    for key in KEYS.values():
        path = key.name.split(".")[:-1]
        lines += _opening(section, path) + _documented(key, enabled=enabled)
        section = path
    return "\n".join(lines) + "\n"


def _opening(section: list[str], path: list[str]) -> list[str]:
    """The lines that lead from one section into another."""
    shared = 0
    while shared < min(len(section), len(path)) and section[shared] == path[shared]:
        shared += 1
    opened = [f"{'  ' * depth}{path[depth]}:" for depth in range(shared, len(path))]
    return ["", *opened] if section != path else []


def _documented(key: Key, *, enabled: bool) -> list[str]:
    indent = "  " * key.name.count(".")
    value = enabled if key.name == "telemetry.enabled" else key.default
    mark = "# " if key.name in _SECOND_NAMES else ""
    name = key.name.rpartition(".")[2]
    return [f"{indent}# {key.doc}", *(f"{indent}{mark}{line}" for line in _assignment(name, value))]


def _assignment(name: str, value: object) -> list[str]:
    name = _written(name)  # `on` is a switch to other readers of YAML, unless it is quoted
    if isinstance(value, list) and value:
        return [f"{name}:", *(f"  - {_written(item)}" for item in value)]
    return [f"{name}: {_written(value)}"]


def _written(value: object) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=True, width=1000)
    return text.removesuffix("\n").removesuffix("\n...")


# Switching on in place


def switched_on(data: bytes, file: str) -> bytes:
    """The file with `telemetry.enabled: true`, and every other byte as it was.

    Raises `ConfigError` where the file is refused, or is written in a way that cannot be edited safely.
    """
    before = parse(data, file)
    text = _decoded(data, file)
    _, root = _composed(text, file)
    after = _edited(text, root).encode()
    if _parsed_or_none(after, file) != before | {"telemetry.enabled": True}:
        raise ConfigError(
            "cannot be edited safely", file=file, hint="Write `enabled: true` under `telemetry:` by hand"
        )
    return after


def _parsed_or_none(data: bytes, file: str) -> dict[str, object] | None:
    try:
        return parse(data, file)
    except ConfigError:
        return None


def _edited(text: str, root: yaml.Node | None) -> str:
    telemetry = _child(root, "telemetry")
    enabled = _child(telemetry, "enabled")
    if enabled is not None:
        return _replaced(text, enabled, "true")
    if isinstance(telemetry, yaml.MappingNode):
        return _with_first(text, telemetry, "enabled: true")
    if telemetry is not None:
        return _replaced(text, telemetry, "\n  enabled: true")
    if isinstance(root, yaml.MappingNode) and root.flow_style:
        return _with_first(text, root, "telemetry: {enabled: true}")
    gap = "" if not text or text.endswith("\n") else "\n"
    return f"{text}{gap}telemetry:\n  enabled: true\n"


def _child(node: yaml.Node | None, name: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for key, value in node.value if key.value == name), None)


def _replaced(text: str, node: yaml.Node, value: str) -> str:
    start, end = node.start_mark.index, node.end_mark.index
    # A key without a value ends at its colon, where a value needs a space.
    gap = " " if start == end and not value.startswith("\n") and text[start - 1 : start] == ":" else ""
    return f"{text[:start]}{gap}{value}{text[end:]}"


def _with_first(text: str, mapping: yaml.MappingNode, entry: str) -> str:
    start = mapping.start_mark.index
    if mapping.flow_style:
        return f"{text[: start + 1]}{entry}{', ' if mapping.value else ''}{text[start + 1 :]}"
    return f"{text[:start]}{entry}\n{' ' * mapping.start_mark.column}{text[start:]}"
