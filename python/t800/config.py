"""Settings: one table of keys, and from where each takes its value.

A call argument beats the environment, that beats the project's YAML file, that beats the default; but off
wins: `T800_ENABLED=0` and `t800 disable` beat everything that says on, and any doubt about the configuration
means off.
"""

from __future__ import annotations

import os

from t800._core import environment_print
from t800.config_keys import KEYS, as_switch, nearest_key
from t800.errors import ConfigError, RuleError, TraceFileError
from t800.layout import disabled, make_state_dir, read_own_file, sha256_hex, state_dir, write_own_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from t800.layout import Layout

    Environment = Mapping[str, str]
    Values = dict[str, object]

__all__ = [
    "KEYS",
    "Settings",
    "compile_file",
    "keep_settings",
    "load",
    "load_or_off",
    "read_config",
    "unknown_environment",
]

FILE_LIMIT = 64 * 1024
_COMPILED_LIMIT = 256 * 1024
_COMPILED_KEPT = 32
_ENABLED = "telemetry.enabled"

# Names in T800_* that say where things are or how strict to be, and are no settings.
_RESERVED = frozenset(
    ["T800_AUTO", "T800_DIR", "T800_KEY_FILE", "T800_STRICT", "T800_PARENT", "T800_HOME", "T800_PROJECT_ROOT"]
)

# Two names of one number: inside one source the first beats the second.
_STRONGER = (
    ("trace_buffer.max_events", "telemetry.performance.buffer_size"),
    ("trace_buffer.flush_interval_ms", "telemetry.performance.flush_interval_ms"),
)
# Two names of one switch: inside one source they must agree.
_SAME = ("telemetry.privacy.redact_content", "file_paths.redact_content")


# Settings


class Settings:
    """Every setting with its value, whether telemetry is on, and why.

    `values` has every dotted name of `KEYS`; `sources` says for each whether it is from the `call`, the
    `environment`, the `file` or the `default`; `reason` is one sentence; `error` is what made a configuration
    refused, None where none was.
    """

    __slots__ = ("_compiled", "enabled", "error", "reason", "sources", "values")

    def __init__(
        self,
        values: Values,
        sources: dict[str, str],
        *,
        enabled: bool,
        reason: str,
        error: ConfigError | None = None,
    ) -> None:
        self.values = {**values, _ENABLED: enabled}
        self.sources = sources
        self.enabled = enabled
        self.reason = reason
        self.error = error
        self._compiled = b""

    def compiled(self) -> bytes:
        """The values as one JSON object with sorted keys: what the Rust core reads."""
        if not self._compiled:
            self._compiled = _json_object(self.values)
        return self._compiled


def load(
    layout: Layout,
    overrides: Mapping[str, object] | None = None,
    environ: Environment = os.environ,
    opted_in: bool = False,  # noqa: FBT002 - the value of a switch
) -> Settings:
    """The settings for `layout`.

    `overrides` are call arguments by dotted name (`telemetry.` may be left out; None means not given);
    `opted_in` means that a person asked for this run to be recorded. Raises `ConfigError` for a file, a
    variable or an argument that is refused.
    """
    layer, digest, compiled = _file_layer(layout.config_file, environ)
    layers = {
        "file": layer,
        "environment": _environment_layer(environ),
        "call": _call_layer(overrides or {}),
    }
    values, sources = _resolve(layers)
    values["file_paths.base"] = _base(layout, values["file_paths.base"], sources["file_paths.base"])
    _check_rules(values, layers, layout.config_file)
    enabled, reason = _verdict(
        layout.config_file if digest else "",
        said=values[_ENABLED] is True,
        source=sources[_ENABLED],
        environ=environ,
        opted_in=opted_in,
    )
    # Off leaves no file behind, so only a start that records keeps what it compiled.
    if enabled and digest and not compiled:
        _remember(digest, layer, environ)
    return Settings(values, sources, enabled=enabled, reason=reason)


def load_or_off(
    layout: Layout,
    overrides: Mapping[str, object] | None = None,
    environ: Environment = os.environ,
    opted_in: bool = False,  # noqa: FBT002 - the value of a switch
) -> Settings:
    """The same as `load`, but never raises: a refused configuration means off, and `error` says why.

    Where the user said off, nothing else is read: `values` are the defaults then.
    """
    try:
        off = _said_off(environ)
        return _defaults(off) if off else _load_again(layout, overrides, environ, opted_in)
    except ConfigError as error:
        return _defaults(f"the configuration is refused: {error}", error)
    except Exception as error:  # noqa: BLE001 - an agent must start whatever its surroundings are like
        unread = ConfigError(f"cannot be read ({type(error).__name__})", file=layout.config_file)
        return _defaults(f"the configuration is refused: {unread}", unread)


_loaded: dict[tuple[object, ...], Settings] = {}
"""Settings by all that they came from: sessions of one process mostly share them."""
_LOADED_KEPT = 16


def _load_again(
    layout: Layout, overrides: Mapping[str, object] | None, environ: Environment, opted_in: bool
) -> Settings:
    """The same as `load`; from what it said before, where file, variables and arguments are all the same."""
    data = read_config(layout.config_file)
    variables: object
    if environ is os.environ:
        # A print of all of the process's own is quicker to take.
        variables = environment_print()
    else:
        variables = tuple((name, environ[name]) for name in environ if name.startswith("T800_"))
    given = tuple((name, type(value), value) for name, value in (overrides or {}).items())
    origin = (layout.root, layout.config_file, data, variables, given, opted_in)
    try:
        known = _loaded.get(origin)
    except TypeError:
        # A list, say: such arguments are rare.
        return load(layout, overrides, environ, opted_in)
    if known is None:
        known = load(layout, overrides, environ, opted_in)
        if len(_loaded) >= _LOADED_KEPT:
            _loaded.clear()
        _loaded[origin] = known
    return known


def defaults(overrides: Mapping[str, object] | None = None) -> Settings:
    """Recording with the default settings and `overrides` on top; neither a file nor a variable is read.

    Raises `ConfigError` for an argument that is refused.
    """
    layers = {"call": _call_layer(overrides or {})}
    values, sources = _resolve(layers)
    _check_rules(values, layers, "")
    return Settings(values, sources, enabled=True, reason="the program asked for it")


def _defaults(reason: str, error: ConfigError | None = None) -> Settings:
    values, sources = _resolve({})
    return Settings(values, sources, enabled=False, reason=reason, error=error)


def _verdict(file: str, *, said: bool, source: str, environ: Environment, opted_in: bool) -> tuple[bool, str]:
    """Whether telemetry is on, and the sentence that says why; `file` is empty where there is none."""
    off = _said_off(environ)
    if off:
        return False, off
    if source == "call":
        return said, f"the program switched it {'on' if said else 'off'}"
    if source == "environment":
        return said, f"T800_ENABLED={environ['T800_ENABLED']} is set"
    if opted_in:
        return True, "it was asked for in this run"
    if source == "file":
        return said, f"telemetry.enabled is {'true' if said else 'false'} in {file}"
    lacking = f"telemetry.enabled is not set in {file}" if file else "there is no configuration file"
    return False, f"nobody switched it on: {lacking}; `t800 enable` does"


def _said_off(environ: Environment) -> str:
    """Why the user's own off switch beats everything; empty where it is not set."""
    if as_switch(environ.get("T800_ENABLED", "").strip()) is False:
        return f"T800_ENABLED={environ['T800_ENABLED']} is set"
    if disabled(environ):
        return "`t800 disable` switched it off for this user; `t800 enable` takes that back"
    return ""


# Where values come from


def _resolve(layers: Mapping[str, Values]) -> tuple[Values, dict[str, str]]:
    """One value and one source for every key, from layers in rising order of weight. Lists of privacy only grow."""
    values: Values = {name: _own(key.default) for name, key in KEYS.items()}
    sources = dict.fromkeys(KEYS, "default")
    for source, layer in layers.items():
        for name, value in _with_both_names(layer, source).items():
            values[name] = value if name in _REPLACED else _joined(values[name], value)
            sources[name] = source
    return values, sources


_REPLACED = ("telemetry.flight.on",)


def _own(default: object) -> object:
    """A list or mapping of its own, so that nobody can change the table."""
    return default.copy() if isinstance(default, list | dict) else default


def _joined(before: object, value: object) -> object:
    """What both sources say, where a key holds a list or a mapping; else what the later one says."""
    if isinstance(before, list) and isinstance(value, list):
        return list({_json(item): item for item in [*before, *value]}.values())
    if isinstance(before, dict) and isinstance(value, dict):
        return before | value
    return value


# What the core is asked about: it alone knows its own names and what its expressions can say.
_OF_THE_CORE = (
    "always_redact",
    "telemetry.privacy.allow",
    "telemetry.privacy.rules",
    "telemetry.privacy.fields",
)


def _check_rules(values: Values, layers: Mapping[str, Values], config_file: str) -> None:
    """Raise `RuleError` where the core cannot use a rule, an exception or a name, with the place it comes from."""
    from t800 import _core

    if all(values[name] == KEYS[name].default for name in _OF_THE_CORE):
        return
    refused = _core.refused_rule(_json_object(values))
    if refused is None:
        return
    key, problem, hint = refused
    file, line = _place(key, layers, config_file)
    raise RuleError(problem, file=file, line=line, key=key, hint=hint)


def _place(key: str, layers: Mapping[str, Values], config_file: str) -> tuple[str | None, int | None]:
    """The file and line, or the variable, that a refused key comes from."""
    name = next((name for name in _OF_THE_CORE if key.startswith(name)), key)
    given = layers.get("file", {}).get(name)
    position = key.removeprefix(name).partition("]")[0].removeprefix("[")
    if given and not (position.isdigit() and isinstance(given, list) and int(position) >= len(given)):
        from t800.config_file import line_of

        data = read_config(config_file)
        return config_file, line_of(data, config_file, key) if data else None
    return (KEYS[name].environment if name in layers.get("environment", {}) else None), None


def _with_both_names(layer: Values, source: str) -> Values:
    """The layer with the same value under both names of a setting that has two."""
    both = dict(layer)
    for strong, weak in _STRONGER:
        if strong in layer or weak in layer:
            both[strong] = both[weak] = layer[strong] if strong in layer else layer[weak]
    said = {layer[name] for name in _SAME if name in layer}
    if len(said) > 1:
        raise ConfigError(
            f"contradicts {_SAME[1]} in the same source ({source})",
            key=_SAME[0],
            hint="They are one switch: keep one of them",
        )
    return both | dict.fromkeys(_SAME, said.pop()) if said else both


def _base(layout: Layout, base: object, source: str) -> object:
    """What paths are relative to, in its shortest spelling; the compiled file may be of another project."""
    if not isinstance(base, str) or base == "project_root":
        return base
    folder = os.path.normpath(base)
    roots = (root.rstrip(os.sep) for root in layout.project_roots())
    if not any(folder == root or folder.startswith(f"{root}{os.sep}") for root in roots):
        raise ConfigError(
            "is outside the project",
            file=layout.config_file if source == "file" else None,
            key="file_paths.base",
            hint="Write project_root, or an absolute path inside the project",
        )
    return folder


def _environment_layer(environ: Environment) -> Values:
    """What T800_* variables say. An empty variable counts as not set."""
    layer: Values = {}
    for key in KEYS.values():
        text = environ.get(key.environment)
        if text:
            layer[key.name] = key.check(key.kind.from_text(text.strip()), file=key.environment)
    return layer


def _call_layer(overrides: Mapping[str, object]) -> Values:
    layer: Values = {}
    for name, value in overrides.items():
        key = KEYS.get(name) or KEYS.get(f"telemetry.{name}")
        if key is None:
            raise ConfigError("is not a setting", key=name, hint=nearest_key(name))
        if value is not None:
            layer[key.name] = key.check(value)
    return layer


def unknown_environment(environ: Environment = os.environ) -> list[str]:
    """The names of T800_* variables that mean nothing to T-800, sorted: misspelt settings."""
    known = _RESERVED.union(key.environment for key in KEYS.values())
    return sorted(name for name in environ if name.startswith("T800_") and name not in known)


# The file and what was compiled from it


def read_config(file: str) -> bytes | None:
    """The bytes of the configuration file, None where there is none.

    Raises `ConfigError` for a symbolic link, another user's file, anything but a regular file, more than
    64 KiB, or a file that cannot be read.
    """
    try:
        return read_own_file(file, FILE_LIMIT)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except TraceFileError as error:
        raise ConfigError(error.problem, file=file, hint=error.hint) from error
    except OSError as error:
        raise ConfigError(f"cannot be read ({error.strerror})", file=file) from error


def compile_file(layout: Layout, environ: Environment = os.environ) -> str | None:
    """Check the project's file and keep its settings in the state directory: later starts need no YAML.

    Returns the path of the compiled settings; None without a file, or where they cannot be kept. Raises
    `ConfigError` where the file is refused.
    """
    layer, digest, compiled = _file_layer(layout.config_file, environ)
    if compiled or not digest:
        return _compiled_file(digest, environ) if compiled else None
    return _remember(digest, layer, environ)


def _file_layer(file: str, environ: Environment) -> tuple[Values, str, bool]:
    """What the file says, the digest of its bytes (empty without a file), and whether that was compiled."""
    data = read_config(file)
    if data is None:
        return {}, "", False
    digest = sha256_hex(data)
    compiled = _recall(digest, environ)
    if compiled is not None:
        return compiled, digest, True
    # PyYAML takes 15 ms to load: only for a file that nobody has compiled yet.
    from t800.config_file import parse

    layer = parse(data, file)
    try:
        _with_both_names(layer, "file")
    except ConfigError as error:
        raise ConfigError(error.problem, file=file, key=error.key, hint=error.hint) from error
    return layer, digest, False


def _compiled_file(digest: str, environ: Environment) -> str:
    return os.path.join(state_dir(environ), "settings", f"{digest}.json")


def _recall(digest: str, environ: Environment) -> Values | None:
    """Compiled settings, None where there are none or where any of them is not what the table takes today."""
    from t800 import _core

    if not state_dir(environ):
        return None
    try:
        values = _core.parse_json(read_own_file(_compiled_file(digest, environ), _COMPILED_LIMIT))
    except (OSError, TraceFileError, ValueError, RecursionError):
        return None
    if not isinstance(values, dict):
        return None
    valid = all(name in KEYS and KEYS[name].kind.accepts(value) for name, value in values.items())
    return values if valid else None


def _remember(digest: str, layer: Values, environ: Environment) -> str | None:
    return keep_settings(_compiled_file(digest, environ), _json_object(layer), environ)


def keep_settings(path: str, compiled: bytes, environ: Environment) -> str | None:
    """Keep compiled settings in the state directory, at `path` in it; None where that is not possible."""
    try:
        make_state_dir(environ)
        folder = os.path.dirname(path)
        os.makedirs(folder, 0o700, exist_ok=True)
        os.chmod(folder, 0o700)
        write_own_file(path, compiled)
        _forget_oldest(folder)
    except (OSError, TraceFileError):
        return None  # Without it every start reads the YAML: slower, and nothing else.
    return path


def _forget_oldest(folder: str) -> None:
    """Keep the compiled settings of the last few dozen files only."""
    if len(os.listdir(folder)) > _COMPILED_KEPT:
        with os.scandir(folder) as entries:
            oldest = min(entries, key=lambda entry: entry.stat(follow_symlinks=False).st_mtime_ns)
        os.unlink(oldest.path)


# JSON, by hand: the json module would be loaded for this alone

_ESCAPES = {number: f"\\u{number:04x}" for number in (*range(32), ord('"'), ord("\\"))}


def _json_object(values: Values) -> bytes:
    return ("{" + ",".join(f"{_json(name)}:{_json(values[name])}" for name in sorted(values)) + "}").encode()


def _json(value: object) -> str:
    if isinstance(value, str):
        return f'"{value.translate(_ESCAPES)}"'
    if isinstance(value, list):
        return f"[{','.join(map(_json, value))}]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{_json(name)}:{_json(member)}" for name, member in value.items()) + "}"
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else _json_plain(value)


def _json_plain(value: object) -> str:
    return "null" if value is None else repr(value)
