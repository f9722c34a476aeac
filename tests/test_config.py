"""Settings: the spec's blocks, each key, each source, what is refused, and that off wins."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from t800.config import KEYS, compile_file, load, load_or_off, unknown_environment
from t800.config_file import default_text, parse, switched_on
from t800.errors import ConfigError, RuleError
from t800.layout import Layout, set_disabled, state_dir, telemetry_dir
from t800.system import user_number

SPEC_TELEMETRY = """\
# .opencode/telemetry/config/telemetry_config.yaml
telemetry:
  enabled: false  # Opt-in only
  trace_tools: true
  trace_llm: true
  trace_decisions: true
  trace_errors: true
  
  performance:
    max_overhead_ms: 100
    buffer_size: 50
    flush_interval_ms: 5000
    
  privacy:
    redact_pii: true
    redact_secrets: true
    redact_sensitive_paths: true
    local_only: true
    no_network_transmission: true
    
  retention:
    max_trace_files: 100
    max_trace_age_days: 30
    auto_cleanup: true
"""  # noqa: W293 - as printed
SPEC_ALWAYS_REDACT = """\
always_redact:
  - password
  - api_key
  - apikey
  - token
  - secret
  - credential
  - auth
  - private_key
  - access_token
  - refresh_token
  
redaction_value: "[REDACTED]"
"""  # noqa: W293 - as printed
SPEC_FILE_PATHS = """\
file_paths:
  mode: relative
  base: project_root
  sensitive_dirs:
    - ~/.ssh
    - ~/.config
    - /etc
  redact_content: true
"""
SPEC_TRACE_BUFFER = """\
trace_buffer:
  max_events: 50
  max_size_kb: 100
  flush_interval_ms: 5000
  flush_on_error: true
  flush_on_checkpoint: true
"""
SPEC_BLOCKS = (SPEC_TELEMETRY, SPEC_ALWAYS_REDACT, SPEC_FILE_PATHS, SPEC_TRACE_BUFFER)

# One other value for every key, and what it must then be.
CHANGES: dict[str, tuple[object, object]] = {
    "telemetry.enabled": (True, True),
    "telemetry.trace_tools": (False, False),
    "telemetry.trace_llm": (False, False),
    "telemetry.trace_decisions": (False, False),
    "telemetry.trace_errors": (False, False),
    "telemetry.trace_checkpoints": (False, False),
    "telemetry.mode": ("flight", "flight"),
    "telemetry.flight.max_mb": (4, 4),
    "telemetry.flight.minutes": (0.5, 0.5),
    "telemetry.flight.on": (["error", "PLAN"], ["error", "PLAN"]),
    "telemetry.durability": ("event", "event"),
    "telemetry.ring": ("beside", "beside"),
    "telemetry.performance.max_overhead_ms": (0.5, 0.5),
    "telemetry.performance.buffer_size": (7, 7),
    "telemetry.performance.flush_interval_ms": (250, 250),
    "telemetry.privacy.redact_pii": (False, False),
    "telemetry.privacy.redact_sensitive_paths": (False, False),
    "telemetry.privacy.redact_content": (False, False),
    "telemetry.privacy.allow": (["public_token", {"pattern": "demo-[0-9]+"}],) * 2,
    "telemetry.privacy.rules": ([{"id": "acme.employee", "pattern": "EMP-[0-9]{6}", "keywords": ["EMP-"]}],)
    * 2,
    "telemetry.privacy.fields": ({"headers": "redact", "sql": "hash", "stdout": "scan"},) * 2,
    "telemetry.privacy.max_value_bytes": (1024, 1024),
    "telemetry.privacy.max_event_bytes": (4096, 4096),
    "telemetry.prices": ({"my-model*": {"input": 0.5, "output": 2}},) * 2,
    "telemetry.retention.max_trace_files": (5, 5),
    "telemetry.retention.max_trace_age_days": (2, 2),
    "telemetry.retention.max_total_mb": (10, 10),
    "telemetry.retention.keep_errors_days": (90, 90),
    "telemetry.retention.auto_cleanup": (False, False),
    "always_redact": (["ssn", "token"], [*KEYS["always_redact"].default, "ssn"]),  # type: ignore[misc]
    "redaction_value": ("***", "***"),
    "file_paths.mode": ("absolute", "absolute"),
    "file_paths.sensitive_dirs": (["~/work/keys"], ["~/.ssh", "~/.config", "/etc", "~/work/keys"]),
    "file_paths.redact_content": (False, False),
    "trace_buffer.max_events": (9, 9),
    "trace_buffer.max_size_kb": (64, 64),
    "trace_buffer.flush_interval_ms": (100, 100),
    "trace_buffer.flush_on_error": (False, False),
    "trace_buffer.flush_on_checkpoint": (False, False),
}
PROMISES = (
    "telemetry.privacy.redact_secrets",
    "telemetry.privacy.local_only",
    "telemetry.privacy.no_network_transmission",
)
# Shown as comments in the documented file: setting both names there would make the other one mute.
SECOND_NAMES = {
    "trace_buffer.max_events",
    "trace_buffer.flush_interval_ms",
    "telemetry.privacy.redact_content",
}
DEFAULTS = {name: key.default for name, key in KEYS.items()}


unhurried = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)


class Place:
    """A project with a configuration file, and the environment of its user."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "project"
        (self.root / ".git").mkdir(parents=True)
        self.environ = {"HOME": str(folder / "home")}
        self.layout: Layout = telemetry_dir(start=str(self.root), environ=self.environ)
        self.file = Path(self.layout.config_file)

    def write(self, text: str | bytes) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_bytes(text if isinstance(text, bytes) else text.encode())

    def write_key(self, name: str, value: object) -> None:
        for part in reversed(name.split(".")):
            value = {part: value}
        self.write(yaml.safe_dump(value))

    def compiled(self) -> list[Path]:
        return sorted(Path(state_dir(self.environ)).glob("settings/*"))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


# The spec, and the documented file


@pytest.mark.parametrize("block", [*SPEC_BLOCKS, "".join(SPEC_BLOCKS)])
def test_each_block_of_the_spec_loads_as_printed(place: Place, block: str) -> None:
    place.write(block)
    assert load(place.layout, environ=place.environ).values == DEFAULTS


@pytest.mark.parametrize("block", SPEC_BLOCKS)
def test_every_key_of_the_spec_is_a_setting_with_the_specs_default(block: str) -> None:
    for name, value in parse(block.encode(), "spec").items():
        assert KEYS[name].default == value


def test_the_documented_file_loads_to_exactly_the_defaults(place: Place) -> None:
    place.write(default_text())
    loaded = load(place.layout, environ=place.environ)
    assert loaded.values == DEFAULTS
    assert not loaded.enabled


def test_the_documented_file_has_every_key_below_its_comment() -> None:
    lines = [line.strip() for line in default_text().splitlines()]
    for key in KEYS.values():
        place = lines.index(f"# {key.doc}")
        assert (
            lines[place + 1].removeprefix("# ").replace("'", "").startswith(key.name.rpartition(".")[2] + ":")
        )


@pytest.mark.parametrize("name", sorted(set(CHANGES) - SECOND_NAMES))
def test_a_change_in_the_documented_file_has_its_effect(place: Place, name: str) -> None:
    document = yaml.safe_load(default_text())
    *path, last = name.split(".")
    section = document
    for part in path:
        section = section[part]
    assert last in section
    section[last] = CHANGES[name][0]
    place.write(yaml.safe_dump(document))
    assert load(place.layout, environ=place.environ).values[name] == CHANGES[name][1]


# Each key from each source


def test_every_key_has_a_change_here() -> None:
    assert {*CHANGES, *PROMISES, "file_paths.base"} == set(KEYS)


@pytest.mark.parametrize("name", CHANGES)
def test_a_key_in_the_file_changes_its_value(place: Place, name: str) -> None:
    value, expected = CHANGES[name]
    place.write_key(name, value)
    loaded = load(place.layout, environ=place.environ)
    assert loaded.values[name] == expected
    assert loaded.sources[name] == "file"


@pytest.mark.parametrize("name", CHANGES)
def test_a_variable_changes_the_value(place: Place, name: str) -> None:
    value, expected = CHANGES[name]
    nested = isinstance(value, dict) or (isinstance(value, list) and isinstance(value[0], dict))
    mixed = name == "telemetry.privacy.allow" or nested
    text = json.dumps(value) if mixed else ",".join(value) if isinstance(value, list) else str(value)
    loaded = load(place.layout, environ={**place.environ, KEYS[name].environment: text})
    assert loaded.values[name] == expected
    assert loaded.sources[name] == "environment"


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("short", [False, True])
def test_a_call_argument_changes_the_value(place: Place, name: str, short: bool) -> None:
    value, expected = CHANGES[name]
    given_as = name.removeprefix("telemetry.") if short else name
    loaded = load(place.layout, {given_as: value}, place.environ)
    assert loaded.values[name] == expected
    assert loaded.sources[name] == "call"


def test_the_variables_have_the_documented_names() -> None:
    names = {key.environment for key in KEYS.values()}
    assert len(names) == len(KEYS)
    assert names >= {
        "T800_ENABLED",
        "T800_TRACE_TOOLS",
        "T800_PRIVACY_REDACT_PII",
        "T800_TRACE_BUFFER_MAX_EVENTS",
        "T800_FILE_PATHS_MODE",
        "T800_ALWAYS_REDACT",
        "T800_RETENTION_MAX_TRACE_FILES",
    }


def test_call_beats_environment_beats_file_beats_default(place: Place) -> None:
    name = "telemetry.retention.max_trace_files"

    def value(*, call: bool, variable: bool) -> object:
        environ = {**place.environ, **({"T800_RETENTION_MAX_TRACE_FILES": "3"} if variable else {})}
        return load(place.layout, {name: 4} if call else None, environ).values[name]

    assert value(call=False, variable=False) == 100
    place.write_key(name, 2)
    assert value(call=False, variable=False) == 2
    assert value(call=False, variable=True) == 3
    assert value(call=True, variable=True) == 4


def test_an_argument_of_none_and_an_empty_variable_count_as_not_given(place: Place) -> None:
    loaded = load(place.layout, {"trace_tools": None}, {**place.environ, "T800_TRACE_LLM": ""})
    assert loaded.values == DEFAULTS
    assert set(loaded.sources.values()) == {"default"}


def test_a_tuple_is_a_list_in_an_argument(place: Place) -> None:
    assert load(place.layout, {"privacy.allow": ("a", "b")}, place.environ).values[
        "telemetry.privacy.allow"
    ] == ["a", "b"]


def test_lists_grow_from_source_to_source(place: Place) -> None:
    place.write("always_redact: [ssn]\n")
    environ = {**place.environ, "T800_ALWAYS_REDACT": "pin, ssn"}
    loaded = load(place.layout, {"always_redact": ["iban"]}, environ).values["always_redact"]
    assert loaded == [*KEYS["always_redact"].default, "ssn", "pin", "iban"]  # type: ignore[misc]


@pytest.mark.parametrize("text", ["always_redact: []", "always_redact:", "telemetry:\n", "", "# nothing\n"])
def test_an_empty_section_or_list_takes_nothing_away(place: Place, text: str) -> None:
    place.write(text)
    assert load(place.layout, environ=place.environ).values == DEFAULTS


@pytest.mark.parametrize(
    ("word", "value"), [("1", True), ("yes", True), ("ON", True), ("0", False), ("off", False)]
)
def test_a_switch_in_the_environment_has_many_spellings(place: Place, word: str, value: bool) -> None:
    loaded = load(place.layout, environ={**place.environ, "T800_TRACE_LLM": word})
    assert loaded.values["telemetry.trace_llm"] is value


def test_null_in_the_environment_unsets(place: Place) -> None:
    place.write_key("telemetry.retention.keep_errors_days", 5)
    loaded = load(place.layout, environ={**place.environ, "T800_RETENTION_KEEP_ERRORS_DAYS": "null"})
    assert loaded.values["telemetry.retention.keep_errors_days"] is None


# Two names of one setting

BUFFER = (
    ("trace_buffer.max_events", "telemetry.performance.buffer_size"),
    ("trace_buffer.flush_interval_ms", "telemetry.performance.flush_interval_ms"),
)


@pytest.mark.parametrize(("strong", "weak"), BUFFER)
def test_trace_buffer_beats_performance_inside_one_source(place: Place, strong: str, weak: str) -> None:
    loaded = load(place.layout, {weak: 10, strong: 20}, place.environ).values
    assert (loaded[strong], loaded[weak]) == (20, 20)


@pytest.mark.parametrize(("strong", "weak"), BUFFER)
def test_a_heavier_source_wins_under_either_name(place: Place, strong: str, weak: str) -> None:
    place.write_key(strong, 20)
    loaded = load(place.layout, environ={**place.environ, KEYS[weak].environment: "10"}).values
    assert (loaded[strong], loaded[weak]) == (10, 10)


@pytest.mark.parametrize("name", ["telemetry.privacy.redact_content", "file_paths.redact_content"])
def test_content_has_one_switch_with_two_names(place: Place, name: str) -> None:
    place.write_key(name, False)
    loaded = load(place.layout, environ=place.environ).values
    assert loaded["telemetry.privacy.redact_content"] is loaded["file_paths.redact_content"] is False


def test_a_switch_that_contradicts_itself_is_refused(place: Place) -> None:
    place.write(
        "telemetry: {enabled: true, privacy: {redact_content: true}}\nfile_paths: {redact_content: false}"
    )
    with pytest.raises(ConfigError, match="one switch") as refused:
        load(place.layout, environ=place.environ)
    assert refused.value.file == str(place.file)


# What is refused

BAD_FILES: dict[str, tuple[str | bytes, int | None, str | None]] = {
    "unknown key": ("telemetry:\n  enabled: true\n  trace_tool: true\n", 3, "telemetry.trace_tool"),
    "key on the wrong level": ("enabled: true\n", 1, "enabled"),
    "unknown section": ("telemetry:\n  enabled: true\ntelemtry: {}\n", 3, "telemtry"),
    "merge key": ("telemetry: &a {enabled: true}\n<<: *a\n", 2, "<<"),
    "wrong type": ('telemetry:\n  enabled: "true"\n', 2, "telemetry.enabled"),
    "number for a switch": ("telemetry:\n  enabled: 1\n", 2, "telemetry.enabled"),
    "switch for a number": ("trace_buffer:\n  max_events: true\n", 2, "trace_buffer.max_events"),
    "fraction": ("trace_buffer:\n  max_events: 1.5\n", 2, "trace_buffer.max_events"),
    "out of range": ("trace_buffer:\n  max_events: 0\n", 2, "trace_buffer.max_events"),
    "far out of range": ("trace_buffer:\n  max_events: 99999999999999999999\n", 2, "trace_buffer.max_events"),
    "huge number": (f"trace_buffer:\n  max_events: {'9' * 5000}\n", 2, "trace_buffer.max_events"),
    "not a number": (
        "telemetry: {performance: {max_overhead_ms: .nan}}",
        1,
        "telemetry.performance.max_overhead_ms",
    ),
    "nothing": ("telemetry:\n  enabled:\n", 2, "telemetry.enabled"),
    "impossible date": ("redaction_value: 2024-13-45\n", 1, "redaction_value"),
    "list for a text": ("redaction_value: [a]\n", 1, "redaction_value"),
    "text for a list": ("always_redact: password\n", 1, "always_redact"),
    "number in a list": ("always_redact: [password, 1]\n", 1, "always_redact"),
    "list in a list": ("always_redact: [[password]]\n", 1, "always_redact"),
    "empty name": ("always_redact: ['']\n", 1, "always_redact"),
    "mapping for a switch": ("telemetry: {enabled: {a: b}}\n", 1, "telemetry.enabled"),
    "text for a section": ("telemetry: on\n", 1, "telemetry"),
    "unknown choice": ("file_paths:\n  mode: relativ\n", 2, "file_paths.mode"),
    "relative folder": ("file_paths:\n  sensitive_dirs: [secrets]\n", 2, "file_paths.sensitive_dirs"),
    "escape in a marker": ('redaction_value: "\\e[31m"\n', 1, "redaction_value"),
    "local_only": ("telemetry: {privacy: {local_only: false}}", 1, "telemetry.privacy.local_only"),
    "network": (
        "telemetry: {privacy: {no_network_transmission: false}}",
        1,
        "telemetry.privacy.no_network_transmission",
    ),
    "secrets": ("telemetry: {privacy: {redact_secrets: false}}", 1, "telemetry.privacy.redact_secrets"),
    "rules as a text": ("telemetry: {privacy: {rules: EMP}}\n", 1, "telemetry.privacy.rules"),
    "rule as a text": ("telemetry:\n  privacy:\n    rules:\n      - EMP\n", 4, "telemetry.privacy.rules[0]"),
    "rule without a pattern": ("telemetry: {privacy: {rules: [{id: a}]}}\n", 1, "telemetry.privacy.rules[0]"),
    "rule with a number": (
        "telemetry:\n  privacy:\n    rules:\n      - {id: a, pattern: x}\n      - id: b\n        pattern: 7\n",
        6, "telemetry.privacy.rules[1].pattern",
    ),
    "rule with another tool's word": (
        "telemetry:\n  privacy:\n    rules:\n      - id: a\n        regex: x\n", 5, "telemetry.privacy.rules[0].regex",
    ),
    "rule with an escape for a word": (
        'telemetry: {privacy: {rules: [{"\\e[31m": x}]}}\n', 1, "telemetry.privacy.rules[0].\\x1b[31m",
    ),
    "rule with a word twice": (
        "telemetry: {privacy: {rules: [{id: a, id: b, pattern: x}]}}\n", 1, "telemetry.privacy.rules[0].id",
    ),
    "rule with a broken pattern": (
        "telemetry:\n  privacy:\n    rules:\n      - id: a\n        pattern: 'EMP-[0-9'\n",
        5, "telemetry.privacy.rules[0].pattern",
    ),
    "rule with look-around": (
        "telemetry:\n  privacy:\n    rules:\n      - {id: a, pattern: x}\n      - {id: b, pattern: '(?<=x)y'}\n",
        5, "telemetry.privacy.rules[1].pattern",
    ),
    "rule with a back-reference": (
        "telemetry: {privacy: {rules: [{id: a, pattern: '(x)\\1'}]}}\n", 1, "telemetry.privacy.rules[0].pattern",
    ),
    "rule for nothing": (
        "telemetry: {privacy: {rules: [{id: a, pattern: 'x*'}]}}\n", 1, "telemetry.privacy.rules[0].pattern",
    ),
    "rule that is too large": (
        "telemetry: {privacy: {rules: [{id: a, pattern: '(?:a{1,99}){1,99}b'}]}}\n",
        1, "telemetry.privacy.rules[0].pattern",
    ),
    "rule of a built-in name": (
        "telemetry: {privacy: {rules: [{id: pii.email, pattern: x}]}}\n", 1, "telemetry.privacy.rules[0].id",
    ),
    "two rules of one name": (
        "telemetry:\n  privacy:\n    rules:\n      - {id: a, pattern: x}\n      - {id: a, pattern: y}\n",
        5, "telemetry.privacy.rules[1].id",
    ),
    "rule that holds itself": ("telemetry: {privacy: {rules: &a [*a]}}\n", 1, None),
    "exception for all": ("telemetry:\n  privacy:\n    allow: [{pattern: '.*'}]\n", 3, "telemetry.privacy.allow"),
    "exception with two words": (
        "telemetry: {privacy: {allow: [a, {pattern: x, id: y}]}}\n", 1, "telemetry.privacy.allow[1]",
    ),
    "field kept": (
        "telemetry:\n  privacy:\n    fields:\n      a: redact\n      b: keep\n", 5, "telemetry.privacy.fields.b",
    ),
    "field of a secret name": (
        "telemetry:\n  privacy:\n    fields: {api_key: scan}\n", 3, "telemetry.privacy.fields.api_key",
    ),
    "price of no kind of tokens": (
        "telemetry:\n  prices:\n    m: {input: 1}\n    n: {inputs: 1}\n", 4, "telemetry.prices.n.inputs",
    ),
    "price below nothing": ("telemetry:\n  prices:\n    m: {input: -1}\n", 3, "telemetry.prices.m.input"),
    "price of everything": ("telemetry:\n  prices: {m: 3}\n", 2, "telemetry.prices.m"),
    "name without a letter": ("always_redact:\n  - '--'\n", 1, "always_redact"),
    "twice": ("telemetry:\n  enabled: true\n  enabled: false\n", 3, "telemetry.enabled"),
    "section twice": ("telemetry: {enabled: true}\ntelemetry: {}\n", 2, "telemetry"),
    "broken": ("telemetry:\n  enabled: true\n bad: [\n", 3, None),
    "tab": ("telemetry:\n\tenabled: true\n", 2, None),
    "control character": ("telemetry:\n  enabled: true\x00", 2, None),
    "undefined alias": ("telemetry: *nowhere\n", 1, None),
    "list at the top": ("- telemetry\n", 1, None),
    "text at the top": ("telemetry\n", 1, None),
    "two documents": ("telemetry: {enabled: true}\n---\ntelemetry: {}\n", 2, None),
    "python object": ("telemetry: !!python/object/apply:os.system ['true']\n", 1, None),
    "python tag on a scalar": ("telemetry:\n  enabled: !!python/name:os.system ''\n", 2, None),
    "own tag": ("telemetry:\n  enabled: !vault abc\n", 2, None),
    "plain tag": ("telemetry:\n  enabled: !!bool true\n", 2, None),
    "deep nesting": ("[" * 60_000, 1, None),
    "deep mapping": ("{a: " * 12_000, 1, None),
    "deep list": ("- " * 30_000, 1, None),
    "many values": ("always_redact: [" + "a," * 20_000 + "]", 1, None),
    "too large": ("#" * (64 * 1024 + 1), None, None),
    "not UTF-8": (b"telemetry:\n  enabled: \xff\n", 2, None),
    "UTF-16": ("telemetry: {enabled: true}".encode("utf-16"), 1, None),
    "alias bomb": (
        "a: &a [x]\n"
        + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in pairwise("abcdefghi")),
        3,
        None,
    ),
    "alias that holds itself": ("telemetry: &a {performance: *a}\n", 1, "telemetry.performance.performance"),
    "base outside": ("telemetry: {enabled: true}\nfile_paths: {base: /srv/other}\n", None, "file_paths.base"),
    "base above": ("file_paths: {base: /}\n", None, "file_paths.base"),
    "relative base": ("file_paths: {base: src}\n", 1, "file_paths.base"),
    "climbing base": ("file_paths: {base: /srv/../etc}\n", 1, "file_paths.base"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_is_refused_with_its_place(place: Place, case: str) -> None:
    text, line, key = BAD_FILES[case]
    place.write(text)
    with pytest.raises(ConfigError) as refused:
        load(place.layout, environ=place.environ)
    assert refused.value.file == str(place.file)
    if line is not None:
        assert refused.value.line == line
    if key is not None:
        assert refused.value.key == key
    assert "\n" not in str(refused.value)
    assert "\x1b" not in str(refused.value)


@pytest.mark.parametrize("case", BAD_FILES)
@pytest.mark.parametrize("said", ["file", "variable", "argument", "run"])
def test_a_refused_file_means_off_whoever_says_on(place: Place, case: str, said: str) -> None:
    place.write(BAD_FILES[case][0])
    environ = {**place.environ, **({"T800_ENABLED": "1"} if said == "variable" else {})}
    overrides = {"enabled": True} if said == "argument" else None
    off = load_or_off(place.layout, overrides, environ, opted_in=said == "run")
    assert not off.enabled
    assert off.values["telemetry.enabled"] is False
    assert isinstance(off.error, ConfigError)
    assert str(off.error) in off.reason
    assert not place.compiled()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("telemetry: {trace_tool: true}", "telemetry.trace_tools"),
        ("telemetry: {redact_pii: true}", "telemetry.privacy.redact_pii"),
        ("max_events: 5", "trace_buffer.max_events"),
        ("telemetry: {retention: {max_files: 5}}", "telemetry.retention.max_trace_files"),
        ("always_redacted: []", "always_redact"),
    ],
)
def test_an_unknown_key_gets_the_nearest_one(written: str, meant: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(written.encode(), "file")
    assert meant in refused.value.hint


def test_a_message_never_echoes_a_value() -> None:
    with pytest.raises(ConfigError) as refused:
        parse(b"file_paths: {mode: hunter2-secret}", "file")
    assert "hunter2" not in str(refused.value)


def test_a_symbolic_link_is_refused(place: Place, tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("telemetry: {enabled: true}")
    place.file.parent.mkdir(parents=True)
    place.file.symlink_to(tmp_path / "other.yaml")
    with pytest.raises(ConfigError, match="symbolic link"):
        load(place.layout, environ=place.environ)


@pytest.mark.posix
def test_a_pipe_is_refused_without_waiting(place: Place) -> None:
    place.file.parent.mkdir(parents=True)
    os.mkfifo(place.file)
    with pytest.raises(ConfigError, match="regular"):
        load(place.layout, environ=place.environ)


def test_a_file_that_cannot_be_read_is_refused(place: Place) -> None:
    place.file.parent.parent.mkdir(parents=True)
    place.file.parent.symlink_to(place.file.parent)
    with pytest.raises(ConfigError, match="cannot be read") as refused:
        load(place.layout, environ=place.environ)
    assert refused.value.file == str(place.file)


def test_a_list_has_a_limit(place: Place) -> None:
    place.write_key("telemetry.privacy.allow", [f"name_{number}" for number in range(1000)])
    assert load(place.layout, environ=place.environ)
    place.write_key("telemetry.privacy.allow", [f"name_{number}" for number in range(1001)])
    with pytest.raises(ConfigError, match="1000"):
        load(place.layout, environ=place.environ)


@pytest.mark.skipif(user_number() != 0, reason="giving a file to another user needs root")
def test_another_users_file_is_refused(place: Place) -> None:
    place.write("telemetry: {enabled: true}")
    os.chown(place.file, 65534, 65534)
    with pytest.raises(ConfigError, match="another user"):
        load(place.layout, environ=place.environ)


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("T800_TRACE_TOOLS", "maybe"),
        ("T800_ENABLED", "2"),
        ("T800_TRACE_BUFFER_MAX_EVENTS", "many"),
        ("T800_PRIVACY_LOCAL_ONLY", "0"),
        ("T800_FILE_PATHS_MODE", "sideways"),
        ("T800_REDACTION_VALUE", "a\x1b[31m"),
        ("T800_ALWAYS_REDACT", "\udcff"),
    ],
)
def test_a_bad_variable_is_refused_by_name(place: Place, variable: str, text: str) -> None:
    environ = {**place.environ, variable: text}
    with pytest.raises(ConfigError) as refused:
        load(place.layout, environ=environ)
    assert refused.value.file == variable
    assert not load_or_off(place.layout, {"enabled": True}, environ).enabled


def test_a_bad_argument_is_refused(place: Place) -> None:
    with pytest.raises(ConfigError, match=r"Did you mean telemetry\.trace_tools"):
        load(place.layout, {"trace_tool": True}, place.environ)
    with pytest.raises(ConfigError, match="true or false"):
        load(place.layout, {"trace_tools": "yes"}, place.environ)


def test_a_base_inside_the_project_is_taken(place: Place) -> None:
    place.write_key("file_paths.base", f"{place.root}//src/./")
    assert load(place.layout, environ=place.environ).values["file_paths.base"] == f"{place.root}/src"


def test_misspelt_variables_are_listed() -> None:
    environ = {
        "T800_ENABLE": "1",
        "T800_ENABLED": "1",
        "T800_DIR": "x",
        "T800_KEY_FILE": "x",
        "T800_STRICT": "1",
        "T800_PARENT": "x",
        "T800_HOME": "x",
        "T800_PROJECT_ROOT": "x",
        "T800_A": "",
        "PATH": "x",
    }
    assert unknown_environment(environ) == ["T800_A", "T800_ENABLE"]


SWITCHED = st.dictionaries(
    st.sampled_from([*KEYS, "telemetry", "file_paths", "unknown"]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=6,
    ),
    max_size=4,
)


@unhurried
@given(SWITCHED)
def test_any_document_is_either_refused_or_valid(document: dict[str, object]) -> None:
    nested: dict[str, object] = {}
    for name, value in document.items():
        section = nested
        *path, last = name.split(".")
        for part in path:
            inner = section.setdefault(part, {})
            section = inner if isinstance(inner, dict) else {}
        section[last] = value
    try:
        values = parse(yaml.safe_dump(nested, allow_unicode=True).encode(), "file")
    except ConfigError:
        return
    assert all(KEYS[name].kind.accepts(value) for name, value in values.items())


@unhurried
@given(st.lists(st.tuples(st.integers(0, 2500), st.binary(max_size=4)), min_size=1, max_size=4))
def test_a_damaged_file_never_raises_and_never_leaves_a_bad_value(
    place: Place, damage: list[tuple[int, bytes]]
) -> None:
    text = bytearray(default_text(enabled=True).encode())
    for at, junk in damage:
        text[at : at + len(junk) // 2] = junk
    place.write(bytes(text))
    loaded = load_or_off(place.layout, environ=place.environ)
    assert not loaded.enabled or loaded.error is None
    assert set(loaded.values) == set(KEYS)
    assert all(KEYS[name].kind.accepts(value) for name, value in loaded.values.items())


def test_surroundings_that_break_mean_off(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write("telemetry: {enabled: true}")
    monkeypatch.setattr("t800.config.read_own_file", lambda *_: 1 / 0)
    off = load_or_off(place.layout, environ=place.environ)
    assert not off.enabled
    assert "ZeroDivisionError" in off.reason


# On and off


def enabled(place: Place, *, call: bool | None = None, variable: str = "", opted_in: bool = False) -> bool:
    environ = {**place.environ, **({"T800_ENABLED": variable} if variable else {})}
    found = load_or_off(place.layout, {"enabled": call}, environ, opted_in)
    assert found.reason
    assert found.error is None
    assert found.values["telemetry.enabled"] is found.enabled
    return found.enabled


def test_nothing_said_means_off(place: Place) -> None:
    assert not enabled(place)


def test_each_way_of_saying_on(place: Place) -> None:
    assert enabled(place, call=True)
    assert enabled(place, variable="1")
    assert enabled(place, opted_in=True)
    place.write("telemetry:\n  enabled: true\n")
    assert enabled(place)


def test_a_run_is_opted_in_although_the_file_is_not(place: Place) -> None:
    place.write(default_text())
    assert not enabled(place)
    assert enabled(place, opted_in=True)


def test_the_program_can_switch_off_what_others_switched_on(place: Place) -> None:
    place.write("telemetry:\n  enabled: true\n")
    assert not enabled(place, call=False, variable="1", opted_in=True)


@pytest.mark.parametrize("word", ["0", "false", "no", "off", "OFF"])
def test_the_variable_beats_everything_that_says_on(place: Place, word: str) -> None:
    place.write("telemetry:\n  enabled: true\n")
    assert not enabled(place, call=True, variable=word, opted_in=True)


def test_disable_beats_everything_that_says_on(place: Place) -> None:
    place.write("telemetry:\n  enabled: true\n")
    set_disabled(True, place.environ)
    assert not enabled(place, call=True, variable="1", opted_in=True)
    set_disabled(False, place.environ)
    assert enabled(place)


def test_off_by_choice_is_not_an_error_even_with_a_bad_file(place: Place) -> None:
    place.write("telemetry: [")
    assert not enabled(place, variable="0")


# Compiled settings


def test_the_core_reads_one_sorted_json_object(place: Place) -> None:
    loaded = load(place.layout, {"always_redact": ['qu"o\\te', "пароль", "😀"]}, place.environ)
    read = json.loads(loaded.compiled())
    assert read == loaded.values
    assert list(read) == sorted(KEYS)
    assert (
        loaded.compiled()
        == json.dumps(loaded.values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        .replace('\\"', "\\u0022")
        .replace("\\\\", "\\u005c")
        .encode()
    )


def test_a_start_that_records_keeps_the_files_settings(place: Place) -> None:
    place.write("telemetry:\n  enabled: true\n  trace_llm: false\n")
    environ = {**place.environ, "T800_TRACE_TOOLS": "0"}
    first = load(place.layout, {"trace_errors": False}, environ)
    (kept,) = place.compiled()
    assert json.loads(kept.read_bytes()) == {"telemetry.enabled": True, "telemetry.trace_llm": False}
    assert oct(kept.stat().st_mode & 0o777) == "0o600"
    again = load(place.layout, {"trace_errors": False}, environ)
    assert (again.values, again.sources, again.reason) == (first.values, first.sources, first.reason)


def test_a_start_that_does_not_record_leaves_no_file_behind(place: Place, tmp_path: Path) -> None:
    place.write(default_text())
    before = sorted(tmp_path.rglob("*"))
    load(place.layout, environ=place.environ)
    load_or_off(place.layout, environ={**place.environ, "T800_ENABLED": "0"})
    assert sorted(tmp_path.rglob("*")) == before


def test_an_edited_file_is_read_again(place: Place) -> None:
    place.write("telemetry:\n  enabled: true\n")
    load(place.layout, environ=place.environ)
    place.write("telemetry:\n  enabled: true\n  trace_llm: false\n")
    assert load(place.layout, environ=place.environ).values["telemetry.trace_llm"] is False


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"[]",
        b'{"telemetry.enabled":1}',
        b'{"unknown":true}',
        b"\xff",
        b"[" * 100_000,
        b"x" * 300_000,
    ],
)
def test_damaged_compiled_settings_are_ignored_and_rewritten(place: Place, damage: bytes) -> None:
    place.write("telemetry:\n  enabled: true\n")
    load(place.layout, environ=place.environ)
    (kept,) = place.compiled()
    whole = kept.read_bytes()
    kept.write_bytes(damage)
    assert load(place.layout, environ=place.environ).enabled
    assert kept.read_bytes() == whole


def test_without_any_home_settings_are_not_taken_from_the_working_directory(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.write("telemetry:\n  enabled: true\n")
    load(place.layout, environ=place.environ)
    (kept,) = place.compiled()
    monkeypatch.setattr("t800.layout._home_from_passwd", lambda: None)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "settings").mkdir()
    (tmp_path / "settings" / kept.name).write_text('{"telemetry.privacy.redact_pii":false}')
    found = load(place.layout, environ={})
    assert found.enabled
    assert found.values["telemetry.privacy.redact_pii"] is True


def test_nobody_can_change_the_table_through_the_values(place: Place) -> None:
    redacted = load(place.layout, environ=place.environ).values["always_redact"]
    assert isinstance(redacted, list)
    redacted.clear()
    assert load(place.layout, environ=place.environ).values == DEFAULTS


def test_compiled_settings_behind_a_link_are_ignored(place: Place, tmp_path: Path) -> None:
    place.write("telemetry:\n  enabled: true\n")
    load(place.layout, environ=place.environ)
    (kept,) = place.compiled()
    (tmp_path / "planted").write_text('{"telemetry.enabled":true,"telemetry.privacy.redact_pii":false}')
    kept.unlink()
    kept.symlink_to(tmp_path / "planted")
    assert load(place.layout, environ=place.environ).values["telemetry.privacy.redact_pii"] is True


def test_only_the_last_compiled_settings_are_kept(place: Place) -> None:
    for number in range(1, 50):
        place.write(f"telemetry:\n  enabled: true\ntrace_buffer:\n  max_events: {number}\n")
        load(place.layout, environ=place.environ)
    assert len(place.compiled()) <= 33


def test_an_unwritable_state_directory_does_not_matter(place: Place, tmp_path: Path) -> None:
    place.write("telemetry:\n  enabled: true\n")
    (tmp_path / "state").write_text("")
    assert load(place.layout, environ={**place.environ, "XDG_STATE_HOME": str(tmp_path / "state")}).enabled


def test_the_same_file_in_another_project_is_checked_for_its_paths(place: Place, tmp_path: Path) -> None:
    place.write(f"telemetry: {{enabled: true}}\nfile_paths: {{base: {place.root}/src}}\n")
    assert load(place.layout, environ=place.environ).enabled
    other = Place(tmp_path / "other")
    other.write(place.file.read_bytes())
    with pytest.raises(ConfigError, match="outside the project"):
        load(other.layout, environ=place.environ)


def test_compile_file_makes_what_a_hook_needs(place: Place) -> None:
    assert compile_file(place.layout, place.environ) is None
    place.write(default_text())
    path = compile_file(place.layout, place.environ)
    assert path == compile_file(place.layout, place.environ)
    assert [Path(str(path))] == place.compiled()
    place.write("telemetry: [")
    with pytest.raises(ConfigError):
        compile_file(place.layout, place.environ)


def test_a_compiled_start_loads_no_yaml(place: Place) -> None:
    place.write(default_text(enabled=True))
    script = (
        "import os, sys\n"
        "from t800.config import load_or_off\n"
        "from t800.layout import telemetry_dir\n"
        "found = load_or_off(telemetry_dir(start=sys.argv[1]))\n"
        "print(found.enabled, *{'yaml', 'json', 'hashlib', 'dataclasses', 'pathlib'} & set(sys.modules))"
    )

    def start() -> str:
        environ = {**place.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-S", "-c", script, str(place.root)]
        return subprocess.run(command, capture_output=True, check=True, text=True, env=environ).stdout.strip()

    assert "yaml" in start()
    assert start() == "True"


# Switching on in place

EDITS = {
    "off": ("telemetry:\n  enabled: false  # Opt-in only\n", "telemetry:\n  enabled: true  # Opt-in only\n"),
    "on": ("telemetry:\n  enabled: true\n", "telemetry:\n  enabled: true\n"),
    "another spelling": ("telemetry:\n  enabled: no\n", "telemetry:\n  enabled: true\n"),
    "not there": ("telemetry:\n  trace_llm: false\n", "telemetry:\n  enabled: true\n  trace_llm: false\n"),
    "four spaces": (
        "telemetry:\n    # why\n    trace_llm: false\n",
        "telemetry:\n    # why\n    enabled: true\n    trace_llm: false\n",
    ),
    "only comments": (
        "telemetry:\n  # enabled: false\nredaction_value: x\n",
        "telemetry:\n  enabled: true\n  # enabled: false\nredaction_value: x\n",
    ),
    "null": ("telemetry: null\n", "telemetry: \n  enabled: true\n"),
    "no section": ("redaction_value: x", "redaction_value: x\ntelemetry:\n  enabled: true\n"),
    "empty": ("", "telemetry:\n  enabled: true\n"),
    "comment alone": ("# mine\n", "# mine\ntelemetry:\n  enabled: true\n"),
    "flow": ("telemetry: {trace_llm: false}\n", "telemetry: {enabled: true, trace_llm: false}\n"),
    "flow, off": ("{telemetry: {enabled: false}}", "{telemetry: {enabled: true}}"),
    "flow, no section": ("{redaction_value: x}", "{telemetry: {enabled: true}, redaction_value: x}"),
    "empty flow": ("{}", "{telemetry: {enabled: true}}"),
    "windows": ("telemetry:\r\n  enabled: false\r\n", "telemetry:\r\n  enabled: true\r\n"),
    "byte order mark": ("\ufefftelemetry:\n  enabled: false\n", "\ufefftelemetry:\n  enabled: true\n"),
    "beyond ASCII": (
        "redaction_value: '█'\ntelemetry: {enabled: false}\n",
        "redaction_value: '█'\ntelemetry: {enabled: true}\n",
    ),
    "the spec's block": (SPEC_TELEMETRY, SPEC_TELEMETRY.replace("enabled: false", "enabled: true")),
    "the documented file": (default_text(), default_text(enabled=True)),
}


@pytest.mark.parametrize("case", EDITS)
def test_switching_on_changes_nothing_else(case: str) -> None:
    before, after = EDITS[case]
    assert switched_on(before.encode(), "file").decode() == after


@pytest.mark.parametrize(
    "text",
    [
        "telemetry:\n  enabled: &a false\n  trace_llm: *a\n",
        "telemetry: {trace_llm: &a true, enabled: *a}\n...\n",
    ],
)
def test_what_cannot_be_edited_safely_is_not_edited(text: str) -> None:
    try:
        after = switched_on(text.encode(), "file")
    except ConfigError as error:
        assert "by hand" in error.hint  # noqa: PT017 - either is right, depending on the YAML
    else:
        assert parse(after, "file") == {**parse(text.encode(), "file"), "telemetry.enabled": True}


def test_a_refused_file_is_not_edited() -> None:
    with pytest.raises(ConfigError, match="is not a setting"):
        switched_on(b"telemetry: {enabld: false}", "file")


# The user's own rules

RULES = "telemetry.privacy.rules"
RULE = {"id": "acme.employee", "pattern": "EMP-[0-9]{6}"}


def test_a_refused_rule_is_a_rule_error_that_says_what_to_do(place: Place) -> None:
    place.write_key(RULES, [RULE, {"id": "b", "pattern": "(?=x)y"}])
    with pytest.raises(RuleError) as refused:
        load(place.layout, environ=place.environ)
    assert isinstance(refused.value, ConfigError)
    assert "look-around" in refused.value.problem
    assert "group" in refused.value.hint
    place.write_key(RULES, [{"id": "b", "regex": "x"}])
    with pytest.raises(RuleError, match="called pattern here"):
        load(place.layout, environ=place.environ)


def test_rules_come_from_the_environment_and_the_call_too(place: Place) -> None:
    place.write_key(RULES, [RULE])
    environ = {**place.environ, "T800_PRIVACY_RULES": '[{"id":"env","pattern":"x+"}]'}
    environ["T800_PRIVACY_FIELDS"] = "headers=redact, sql = hash"
    found = load(place.layout, {"privacy.rules": [RULE, {"id": "call", "pattern": "y"}]}, environ).values
    assert [rule["id"] for rule in found[RULES]] == ["acme.employee", "env", "call"]  # type: ignore[attr-defined]
    assert found["telemetry.privacy.fields"] == {"headers": "redact", "sql": "hash"}


@pytest.mark.parametrize("text", ["nonsense", "{}", '["x"]', '[{"id":"a","pattern":"["}]', "[" * 10_000])
def test_a_bad_rule_in_the_environment_names_the_variable(place: Place, text: str) -> None:
    with pytest.raises(RuleError) as refused:
        load(place.layout, environ={**place.environ, "T800_PRIVACY_RULES": text})
    assert refused.value.file == "T800_PRIVACY_RULES"


def test_the_same_id_in_two_sources_is_refused(place: Place) -> None:
    place.write_key(RULES, [RULE])
    with pytest.raises(RuleError) as refused:
        load(place.layout, {"privacy.rules": [RULE | {"pattern": "x"}]}, place.environ)
    assert (refused.value.file, refused.value.key) == (None, f"{RULES}[1].id")


def test_compiled_rules_are_checked_again(place: Place) -> None:
    place.write_key(RULES, [RULE])
    place.environ["T800_ENABLED"] = "1"
    load(place.layout, environ=place.environ)
    (kept,) = place.compiled()
    kept.write_text(kept.read_text().replace("EMP-[0-9]", "EMP-[0-"))
    with pytest.raises(RuleError) as refused:
        load(place.layout, environ=place.environ)
    assert refused.value.file == str(place.file)
