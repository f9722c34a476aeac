"""The table of settings: every key, its default, what it takes, and one line about it.

The documented configuration file, the names of the environment variables and every check come from it.
"""

from __future__ import annotations

from t800.config_rules import is_text as _is_text
from t800.config_rules import wrong_exceptions, wrong_fields, wrong_names, wrong_prices, wrong_rules
from t800.errors import ConfigError, RuleError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from t800.config_rules import Wrong

__all__ = ["KEYS", "Key", "Kind", "as_switch", "nearest_key"]

_LIST_LIMIT = 1000


class Kind:
    """What values a key takes: `expects` in words, a test, and how it is written in the environment.

    `wrong` says of a value with parts where in it something is wrong, what, and what to do.
    """

    __slots__ = ("accepts", "expects", "from_text", "wrong")

    def __init__(
        self,
        expects: str,
        accepts: Callable[[object], bool],
        from_text: Callable[[str], object] = str,
        wrong: Callable[[object], Wrong | None] | None = None,
    ) -> None:
        self.expects = expects
        self.accepts = accepts
        self.from_text = from_text
        self.wrong = wrong


def as_switch(text: str) -> object:
    """`text` as the bool that it spells, else `text` itself."""
    word = text.lower()
    if word in {"1", "true", "yes", "on"}:
        return True
    return False if word in {"0", "false", "no", "off"} else text


def _as_number(text: str) -> object:
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return None if text.lower() in {"none", "null"} else text


def _as_list(text: str) -> object:
    return [item for item in (part.strip() for part in text.split(",")) if item]


def _as_exceptions(text: str) -> object:
    parsed = _as_json(text) if text.startswith("[") else None
    return parsed if isinstance(parsed, list) else _as_list(text)


def _as_mapping(text: str) -> object:
    if text.startswith("{"):
        return _as_json(text)
    pairs = [item.partition("=") for item in str(text).split(",") if item.strip()]
    if not all(sign for _, sign, _ in pairs):
        return text
    return {name.strip(): value.strip() for name, _, value in pairs}


def _as_json(text: str) -> object:
    from t800 import _core

    try:
        return _core.parse_json(text.encode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        return text


def _is_number(value: object, least: float, most: float) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and least <= value <= most


def _is_list(value: object, item: Callable[[object], bool]) -> bool:
    return isinstance(value, list) and len(value) <= _LIST_LIMIT and all(map(item, value))


def _is_folder(value: object) -> bool:
    if not isinstance(value, str) or not _is_text(value):
        return False
    return value == "~" or value.startswith(("~/", "~\\", "/", "\\\\")) or value[1:3] in {":/", ":\\"}


def _is_base(value: object) -> bool:
    if value == "project_root":
        return True
    if not isinstance(value, str) or not _is_text(value):
        return False
    return value.startswith("/") and ".." not in value.split("/")


def _whole(least: int, most: int) -> Kind:
    return Kind(
        f"a whole number from {least} to {most}",
        lambda value: isinstance(value, int) and _is_number(value, least, most),
        _as_number,
    )


def _whole_or_none(least: int, most: int) -> Kind:
    whole = _whole(least, most)
    return Kind(f"{whole.expects}, or null", lambda value: value is None or whole.accepts(value), _as_number)


def _number(least: float, most: float) -> Kind:
    return Kind(f"a number from {least} to {most}", lambda value: _is_number(value, least, most), _as_number)


def _choice(*names: str) -> Kind:
    return Kind(" or ".join(names), lambda value: isinstance(value, str) and value in names)


_SWITCH = Kind("true or false", lambda value: isinstance(value, bool), as_switch)
_PROMISE = Kind("true: T-800 promises it", lambda value: value is True, as_switch)
_MARKER = Kind("a printable text of at most 64 characters", lambda value: _is_text(value, 64))
_NAMES = Kind(f"a list of at most {_LIST_LIMIT} texts", lambda value: wrong_names(value) is None, _as_list)
_WORDS = Kind(
    f"a list of at most {_LIST_LIMIT} words",
    lambda value: _is_list(value, lambda word: _is_text(word, 200)),
    _as_list,
)
_EXCEPTIONS = Kind(
    f"a list of at most {_LIST_LIMIT} texts or `{{pattern: …}}`",
    lambda value: wrong_exceptions(value) is None,
    _as_exceptions,
    wrong_exceptions,
)
_RULES = Kind(
    "a list of `{id, pattern}`, each with `description`, `keywords`, `allow` if you like",
    lambda value: wrong_rules(value) is None,
    _as_json,
    wrong_rules,
)
_FIELDS = Kind(
    "a mapping of names to redact, hash or scan",
    lambda value: wrong_fields(value) is None,
    _as_mapping,
    wrong_fields,
)
_PRICES = Kind(
    "a mapping of models to `{input, output, cached, cache_write, reasoning}`",
    lambda value: wrong_prices(value) is None,
    _as_json,
    wrong_prices,
)
_FOLDERS = Kind("a list of folders from / or ~/", lambda value: _is_list(value, _is_folder), _as_list)
_BASE = Kind("project_root, or an absolute path inside the project", _is_base)


class Key:
    """One setting: its dotted name as in the YAML, its default, what it takes, and one line about it."""

    __slots__ = ("default", "doc", "environment", "kind", "name")

    def __init__(self, name: str, default: object, kind: Kind, doc: str) -> None:
        self.name = name
        self.default = default
        self.kind = kind
        self.doc = doc
        self.environment = "T800_" + name.removeprefix("telemetry.").replace(".", "_").upper()

    def check(self, value: object, *, file: str | None = None, line: int | None = None) -> object:
        """`value` as it is used. Raises `ConfigError` where this key does not take it."""
        if isinstance(self.default, list) and isinstance(value, tuple):
            value = list(value)
        wrong = self.kind.wrong(value) if self.kind.wrong else None
        if wrong is not None:
            where, problem, hint = wrong
            raise RuleError(problem, file=file, line=line, key=f"{self.name}{where}", hint=hint)
        if not self.kind.accepts(value):
            raise ConfigError(f"must be {self.kind.expects}", file=file, line=line, key=self.name)
        return value


_TABLE = (
    Key(
        "telemetry.enabled",
        False,
        _SWITCH,
        "Record? Opt-in: nothing is recorded, and no file made, while this is false.",
    ),
    Key("telemetry.trace_tools", True, _SWITCH, "Record tool calls."),
    Key("telemetry.trace_llm", True, _SWITCH, "Record LLM calls."),
    Key("telemetry.trace_decisions", True, _SWITCH, "Record decisions."),
    Key("telemetry.trace_errors", True, _SWITCH, "Record errors."),
    Key("telemetry.trace_checkpoints", True, _SWITCH, "Record checkpoints of phases."),
    Key(
        "telemetry.mode",
        "full",
        _choice("full", "flight"),
        "Keep every event, or only the last ones, of which a trigger makes a trace file (flight recorder).",
    ),
    Key(
        "telemetry.flight.max_mb",
        16,
        _whole(1, 16),
        "Megabytes that the flight recorder keeps at the most.",
    ),
    Key(
        "telemetry.flight.minutes",
        10,
        _number(0.001, 1_000_000),
        "Minutes that it keeps at least, where the megabytes allow it.",
    ),
    Key(
        "telemetry.flight.on",
        ["error", "crash"],
        _WORDS,
        "What makes a trace file of it: error, crash, names of checkpoints. Replaces the default. `dump()` always does.",
    ),
    Key(
        "telemetry.durability",
        "process",
        _choice("process", "interval", "event"),
        "What an event outlives when its call returns: the process; a power failure a flush interval later; at once.",
    ),
    Key(
        "telemetry.ring",
        "auto",
        _choice("auto", "beside"),
        "Where events wait: in memory that outlives the process, or in a file beside the traces (for containers).",
    ),
    Key(
        "telemetry.performance.max_overhead_ms",
        100,
        _number(0.001, 60_000),
        "Budget of one recording in milliseconds; recordings over it are counted in the summary.",
    ),
    Key(
        "telemetry.performance.buffer_size",
        50,
        _whole(1, 100_000),
        "Events after which the buffer is written to the trace file.",
    ),
    Key(
        "telemetry.performance.flush_interval_ms",
        5000,
        _whole(1, 3_600_000),
        "Milliseconds after which the buffer is written, however little it holds.",
    ),
    Key(
        "telemetry.privacy.redact_pii",
        True,
        _SWITCH,
        "Redact personal data in texts: e-mail addresses, phone numbers, cards, accounts.",
    ),
    Key("telemetry.privacy.redact_secrets", True, _PROMISE, "Redact secrets. Always true."),
    Key(
        "telemetry.privacy.redact_sensitive_paths",
        True,
        _SWITCH,
        "Redact paths in sensitive folders (file_paths.sensitive_dirs).",
    ),
    Key(
        "telemetry.privacy.redact_content",
        True,
        _SWITCH,
        "The same switch as file_paths.redact_content.",
    ),
    Key("telemetry.privacy.local_only", True, _PROMISE, "Traces stay on this machine. Always true."),
    Key(
        "telemetry.privacy.no_network_transmission",
        True,
        _PROMISE,
        "There is no network code. Always true.",
    ),
    Key(
        "telemetry.privacy.allow",
        [],
        _EXCEPTIONS,
        "Texts and key names that are never redacted, and `{pattern: …}` for whole texts.",
    ),
    Key("telemetry.privacy.rules", [], _RULES, "Your own rules: what matches the pattern of one goes."),
    Key(
        "telemetry.privacy.fields",
        {},
        _FIELDS,
        "What becomes of a field by its name: it goes, becomes a keyed hash, or is scanned and kept.",
    ),
    Key(
        "telemetry.privacy.max_value_bytes",
        16_384,
        _whole(64, 16_777_216),
        "Longer texts count as content and are hashed.",
    ),
    Key(
        "telemetry.privacy.max_event_bytes",
        262_144,
        _whole(1024, 524_288),
        "Larger events lose their longest values first.",
    ),
    Key(
        "telemetry.prices",
        {},
        _PRICES,
        "What models cost, in US dollars for a million tokens, before the table that is built in. `*` ends a name openly.",
    ),
    Key(
        "telemetry.retention.max_trace_files",
        100,
        _whole(1, 10_000_000),
        "Runs to keep, each with the sessions begun inside it.",
    ),
    Key("telemetry.retention.max_trace_age_days", 30, _whole(1, 36_500), "Days to keep a session."),
    Key("telemetry.retention.max_total_mb", 1024, _whole(1, 100_000_000), "Megabytes to keep in all."),
    Key(
        "telemetry.retention.keep_errors_days",
        None,
        _whole_or_none(1, 36_500),
        "Days to keep a session with errors at least; null: no longer than others.",
    ),
    Key("telemetry.retention.auto_cleanup", True, _SWITCH, "Retire old sessions in the background."),
    Key(
        "always_redact",
        [
            "password",
            "api_key",
            "apikey",
            "token",
            "secret",
            "credential",
            "auth",
            "private_key",
            "access_token",
            "refresh_token",
        ],
        _NAMES,
        "Keys whose values are always redacted. Further names add to these; none of these can be taken away.",
    ),
    Key("redaction_value", "[REDACTED]", _MARKER, "What stands in the place of a redacted value."),
    Key(
        "file_paths.mode",
        "relative",
        _choice("relative", "absolute"),
        "How paths inside the project are written: relative or absolute.",
    ),
    Key(
        "file_paths.base",
        "project_root",
        _BASE,
        "What they are relative to: project_root, or an absolute path inside the project.",
    ),
    Key(
        "file_paths.sensitive_dirs",
        ["~/.ssh", "~/.config", "/etc"],
        _FOLDERS,
        "Folders whose paths become [REDACTED_PATH]. Further ones add to these.",
    ),
    Key(
        "file_paths.redact_content",
        True,
        _SWITCH,
        "Keep only a keyed hash of contents: files, prompts, outputs.",
    ),
    Key(
        "trace_buffer.max_events",
        50,
        _whole(1, 100_000),
        "Beats telemetry.performance.buffer_size where both are set.",
    ),
    Key("trace_buffer.max_size_kb", 100, _whole(1, 65_536), "Kilobytes after which the buffer is written."),
    Key(
        "trace_buffer.flush_interval_ms",
        5000,
        _whole(1, 3_600_000),
        "Beats telemetry.performance.flush_interval_ms where both are set.",
    ),
    Key("trace_buffer.flush_on_error", True, _SWITCH, "Write the buffer at every error."),
    Key("trace_buffer.flush_on_checkpoint", True, _SWITCH, "Write the buffer at every checkpoint."),
)

KEYS: dict[str, Key] = {key.name: key for key in _TABLE}
"""Every setting by its dotted name, in the order of the documented file."""


def nearest_key(name: str) -> str:
    """A hint for a key that does not exist: the key that was probably meant, else the keys beside it."""
    import difflib

    section, _, last = name.rpartition(".")
    ends = {known: known.rpartition(".")[2] for known in KEYS}
    near = difflib.get_close_matches(last, ends.values(), 1, 0.75)
    close = [known for known, end in ends.items() if end in near] or difflib.get_close_matches(name, KEYS, 1)
    if close:
        return f"Did you mean {max(close, key=lambda known: known.startswith(section))}?"
    beside = [known for known in KEYS if known.rpartition(".")[0] == section]
    return "Valid here: " + ", ".join(beside) if beside else "`t800 init` writes a file with every valid key"
