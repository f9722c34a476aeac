"""Each key of the configuration, changed, changes in the recorder what it names."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import t800
from t800.config import KEYS, load_or_off
from t800.layout import telemetry_dir
from t800.testing import capture

Open = Callable[..., t800.Session]
Read = Callable[..., dict[str, Any]]
Run = Callable[..., subprocess.CompletedProcess[str]]

LAZY: dict[str, object] = {
    "trace_buffer.max_events": 100_000,
    "trace_buffer.max_size_kb": 65_536,
    "trace_buffer.flush_interval_ms": 3_600_000,
    "trace_buffer.flush_on_error": False,
    "trace_buffer.flush_on_checkpoint": False,
}
"""Nothing reaches the document before a flush or the close, unless a test says otherwise."""


def written(trace: t800.Session) -> int:
    """How many events are in the document now."""
    return str(Path(str(trace.path)).read_bytes()).count('"event_id"')


def wait_for(trace: t800.Session, count: int) -> None:
    """Waits until the writer, which is a thread of its own, has written so many events."""
    deadline = time.monotonic() + 30
    while written(trace) < count:
        assert time.monotonic() < deadline, (written(trace), count)
        time.sleep(0.005)


def parameters(value: object, **settings: object) -> Any:
    with capture(settings={name.replace("__", "."): given for name, given in settings.items()}) as trace:
        trace.tool_call("t", {"v": value} if not isinstance(value, dict) else value)
    return trace.events[0]["parameters_redacted"]


def from_file(settings: dict[str, object]) -> None:
    """Writes a configuration file with `settings`."""
    layout = telemetry_dir()
    layout.create()
    tree: dict[str, Any] = {}
    for name, value in settings.items():
        *sections, last = name.split(".")
        branch = tree
        for section in sections:
            branch = branch.setdefault(section, {})
        branch[last] = value
    Path(layout.config_file).write_text(yaml.safe_dump(tree))


def test_every_key_of_the_table_has_a_test_here() -> None:
    source = Path(__file__).read_text()
    for name in KEYS:
        assert name in source or name.replace(".", "__") in source, name


# telemetry.enabled


def test_enabled(project: Path) -> None:
    assert not t800.session().enabled
    from_file({"telemetry.enabled": True})
    with t800.session() as trace:
        assert trace.enabled
    from_file({"telemetry.enabled": False})
    assert not t800.session().enabled


# telemetry.trace_*

EVERYTHING = {
    "tool_call": lambda trace: (trace.tool_call("t"), trace.tool("t").__enter__().__exit__(None, None, None)),
    "llm_call": lambda trace: (trace.llm_call("m"), trace.post_llm(trace.pre_llm("m"))),
    "decision": lambda trace: (trace.decision("d"), trace.record({"type": "decision"})),
    "error": lambda trace: (trace.error("e"), trace.post_tool(trace.pre_tool("t"), error="text")),
    "checkpoint": lambda trace: (
        trace.checkpoint("c"),
        trace.phase("PLAN").__enter__().__exit__(None, None, None),
    ),
}


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("telemetry.trace_tools", "tool_call"),
        ("telemetry.trace_llm", "llm_call"),
        ("telemetry.trace_decisions", "decision"),
        ("telemetry.trace_errors", "error"),
        ("telemetry.trace_checkpoints", "checkpoint"),
    ],
)
def test_selective_tracing(open_session: Open, read_trace: Read, key: str, kind: str) -> None:
    for chosen in (True, False):
        with open_session(settings={key: chosen}) as trace:
            for record in EVERYTHING.values():
                record(trace)
        document = read_trace(trace)
        kinds = {event["type"] for event in document["events"]}
        assert kinds == set(EVERYTHING) - (set() if chosen else {kind})
        assert document["summary"]["dropped"] == 0


def test_a_span_of_a_kind_that_is_not_traced_still_runs_and_reports_errors(
    open_session: Open, read_trace: Read
) -> None:
    trace = open_session(settings={"telemetry.trace_tools": False})
    with pytest.raises(ValueError, match="x"), trace, trace.llm("m") as outer, trace.tool("t") as call:
        assert call.id is None
        trace.decision("inside")
        raise ValueError("x")
    decision, error, _ = read_trace(trace)["events"]
    assert decision["parent_id"] == error["parent_id"] == outer.id
    assert error["tool"] == "t"


# telemetry.mode, telemetry.flight.* (the rest of it is in test_flight.py)


@pytest.mark.parametrize(("mode", "found"), [("full", True), ("flight", False)])
def test_the_mode_says_whether_everything_is_kept(open_session: Open, mode: str, found: bool) -> None:
    with open_session(settings={"telemetry.mode": mode}) as trace:
        trace.decision("x")
    assert os.path.lexists(str(trace.path)) is found


@pytest.mark.parametrize(
    ("key", "value"), [("telemetry.flight.max_mb", 1), ("telemetry.flight.minutes", 0.001)]
)
def test_the_flight_recorder_gives_up_what_is_too_much_or_too_old(
    open_session: Open, read_trace: Read, key: str, value: float
) -> None:
    kept = {}
    for chosen in (None, value):
        given = {} if chosen is None else {key: chosen}
        trace = open_session(settings={"telemetry.mode": "flight"} | given)
        for n in range(30):
            trace.decision(
                "n", outcome=n, attributes={"note": [f"{n} {m} words of a long note" for m in range(2_000)]}
            )
        for n in range(30, 33):
            trace.flush()
            time.sleep(0.1)
            trace.decision("n", outcome=n)
        kept[chosen] = len(read_trace(trace.dump())["events"])
    assert kept[None] == 33
    assert kept[value] < 33


def test_the_flight_recorder_writes_on_what_the_user_names(open_session: Open) -> None:
    for words, found in ((["error"], True), ([], False)):
        with open_session(settings={"telemetry.mode": "flight", "telemetry.flight.on": words}) as trace:
            trace.error("x")
        assert os.path.lexists(str(trace.path)) is found


# telemetry.durability, telemetry.ring


@pytest.mark.parametrize(("durability", "least"), [("process", 0), ("event", 3)])
def test_a_durable_event_is_in_the_document_when_its_call_returns(
    open_session: Open, durability: str, least: int
) -> None:
    trace = open_session(settings=LAZY | {"telemetry.durability": durability})
    seen = 0
    for n in range(1, 4):
        trace.decision("x")
        seen += written(trace) >= n
    assert seen >= least


@pytest.mark.parametrize(("ring", "found"), [("auto", 0), ("beside", 1)])
def test_the_ring_lies_where_the_user_wants_it(
    open_session: Open, read_trace: Read, ring: str, found: int
) -> None:
    trace = open_session(settings={"telemetry.ring": ring})
    rings = [name for name in os.listdir(trace.layout.private) if name.startswith("ring-")]  # type: ignore[union-attr]
    kind = read_trace(trace)["metadata"]["ring"]
    assert kind == "beside" if found else kind in {"memory", "beside"}
    assert len(rings) == (kind == "beside")


# telemetry.performance


def test_max_overhead_ms_counts_what_is_over_it(open_session: Open, read_trace: Read) -> None:
    def over_budget(budget: float) -> int:
        with open_session(settings={"telemetry.performance.max_overhead_ms": budget}) as trace:
            for _ in range(5):
                trace.tool_call("t", {f"k{n}": "some words" * 10 for n in range(500)})
        return int(read_trace(trace)["summary"]["overhead"]["over_budget"])

    assert over_budget(0.001) == 5
    assert over_budget(60_000) == 0


@pytest.mark.parametrize("key", ["telemetry.performance.buffer_size", "trace_buffer.max_events"])
def test_so_many_events_make_a_flush(open_session: Open, key: str) -> None:
    lazy = {name: value for name, value in LAZY.items() if name != "trace_buffer.max_events"}
    trace = open_session(settings=lazy | {key: 10})
    for _ in range(9):
        trace.decision("x")
    time.sleep(0.1)
    assert written(trace) == 0
    trace.decision("x")
    wait_for(trace, 10)


@pytest.mark.parametrize("key", ["telemetry.performance.flush_interval_ms", "trace_buffer.flush_interval_ms"])
def test_a_flush_comes_at_its_interval(open_session: Open, key: str) -> None:
    lazy = {name: value for name, value in LAZY.items() if name != "trace_buffer.flush_interval_ms"}
    trace = open_session(settings=lazy | {key: 20})
    trace.decision("x")
    wait_for(trace, 1)


def test_without_an_interval_nothing_comes(open_session: Open) -> None:
    trace = open_session(settings=LAZY)
    trace.decision("x")
    trace.error("e")
    trace.checkpoint("c")
    time.sleep(0.2)
    assert written(trace) == 0
    trace.flush()
    assert written(trace) == 3


def test_a_shorter_interval_of_a_second_session_counts_at_once(open_session: Open) -> None:
    open_session(settings=LAZY)
    time.sleep(0.05)
    second = open_session(settings=LAZY | {"trace_buffer.flush_interval_ms": 20})
    second.decision("x")
    wait_for(second, 1)


# trace_buffer


def test_max_size_kb_makes_a_flush(open_session: Open) -> None:
    trace = open_session(settings=LAZY | {"trace_buffer.max_size_kb": 64})
    for n in range(40):
        trace.tool_call("t", {"n": n, "note": "some words " * 30})
    time.sleep(0.1)
    assert written(trace) == 0
    for n in range(200):
        trace.tool_call("t", {"n": n, "note": "some words " * 30})
    wait_for(trace, 100)


@pytest.mark.parametrize(
    ("key", "verb"),
    [("trace_buffer.flush_on_error", "error"), ("trace_buffer.flush_on_checkpoint", "checkpoint")],
)
def test_an_error_or_a_checkpoint_makes_a_flush(open_session: Open, key: str, verb: str) -> None:
    trace = open_session(settings=LAZY | {key: True})
    trace.decision("x")
    time.sleep(0.05)
    assert written(trace) == 0
    getattr(trace, verb)("x")
    wait_for(trace, 2)


# telemetry.privacy


def test_redact_pii() -> None:
    text = "write to jane.roe@gmail.com today"
    assert "jane.roe" not in parameters(text)["v"]
    assert parameters(text, telemetry__privacy__redact_pii=False)["v"] == text


def test_redact_sensitive_paths() -> None:
    path = "/etc/ssl/private/server.key"
    assert parameters({"file_path": path})["file_path"] == "[REDACTED_PATH]"
    found = parameters({"file_path": path}, telemetry__privacy__redact_sensitive_paths=False)
    assert found["file_path"] != "[REDACTED_PATH]"


@pytest.mark.parametrize("key", ["telemetry.privacy.redact_content", "file_paths.redact_content"])
def test_redact_content(key: str) -> None:
    found = []
    for chosen in (True, False):
        with capture(settings={key: chosen}) as trace:
            trace.tool_call("write", {"content": "plain words"}, result="more words")
        event = trace.events[0]
        found.append((event["parameters_redacted"]["content"], event["result_redacted"]))
    assert all(text.startswith("[content hash: ") for text in found[0])
    assert found[1] == ("plain words", "more words")


def test_content_that_is_kept_is_still_scanned() -> None:
    secret = "ghp_" + "a1B2c3D4e5" * 3 + "f6G7h8"
    found = parameters({"content": f"key {secret} end"}, file_paths__redact_content=False)
    assert found["content"].startswith("key ")
    assert secret not in found["content"]


@pytest.mark.parametrize(
    "key",
    [
        "telemetry.privacy.redact_secrets",
        "telemetry.privacy.local_only",
        "telemetry.privacy.no_network_transmission",
    ],
)
def test_the_promises_cannot_be_switched_off(project: Path, key: str) -> None:
    from_file({"telemetry.enabled": True, key: False})
    with pytest.warns(RuntimeWarning, match=key):
        assert not t800.session(enabled=True).enabled
    from_file({"telemetry.enabled": True, key: True})
    with t800.session() as trace:
        assert trace.enabled


def test_allow_lets_a_key_pass() -> None:
    value = {"session_token": "a-perfectly-plain-value", "password": "hunter2-hunter2"}
    assert parameters(value) == {"session_token": "[REDACTED]", "password": "[REDACTED]"}
    found = parameters(value, telemetry__privacy__allow=["session_token"])
    assert found == {"session_token": "a-perfectly-plain-value", "password": "[REDACTED]"}


def test_allow_takes_expressions_for_whole_texts() -> None:
    value = {"note": "ask ann@acme.dev and bob@corp.dev", "password": "demo-12", "pin": "demo-12x"}
    allow = [{"pattern": r"\w+@acme\.dev"}, {"pattern": "demo-[0-9]+"}]
    found = parameters(value, telemetry__privacy__allow=allow)
    assert found == {"note": "ask ann@acme.dev and [REDACTED]", "password": "demo-12", "pin": "[REDACTED]"}


# telemetry.privacy.rules, telemetry.privacy.fields

EMPLOYEE = {
    "id": "acme.employee",
    "description": "Numbers of employees.",
    "pattern": "EMP-[0-9]{6}",
    "keywords": ["EMP-"],
    "allow": ["EMP-000000"],
}


def test_a_rule_of_the_user_acts_everywhere_and_is_counted(open_session: Open, read_trace: Read) -> None:
    with open_session(settings={"telemetry.privacy.rules": [EMPLOYEE]}) as trace:
        trace.tool_call(
            "bash", {"command": "mail EMP-204817 EMP-000000", "EMP-204817": 1, "n": ["EMP%2D204817"]}
        )
        trace.error("E", "no such EMP-204817")
    document = read_trace(trace)
    assert document["events"][0]["parameters_redacted"] == {
        "command": "mail [REDACTED] EMP-000000", "[REDACTED]": 1, "n": ["[REDACTED]"],
    }  # fmt: skip
    assert document["events"][1]["message"] == "no such [REDACTED]"
    assert document["summary"]["redactions"]["acme.employee"] == 4


def test_a_rule_in_the_file_acts_and_a_bad_one_means_off(project: Path) -> None:
    from_file({"telemetry.enabled": True, "telemetry.privacy.rules": [EMPLOYEE]})
    with t800.session() as trace:
        trace.decision("d", outcome="EMP-204817")
    assert "204817" not in Path(str(trace.path)).read_text()
    from_file({"telemetry.enabled": True, "telemetry.privacy.rules": [EMPLOYEE, EMPLOYEE | {"pattern": "x"}]})
    assert not t800.session().enabled
    assert "telemetry.privacy.rules[1].id" in load_or_off(telemetry_dir()).reason


def test_fields_go_or_become_a_hash_or_are_scanned_and_kept() -> None:
    fields = {"headers": "redact", "sql": "hash", "stdout": "scan"}
    value = {"headers": {"a": 1}, "sql": "select 1", "stdout": "mail ann@acme.dev", "stderr": "text"}
    found = parameters(value, telemetry__privacy__fields=fields)
    assert (found["headers"], found["stdout"]) == ("[REDACTED]", "mail [REDACTED]")
    assert found["sql"].startswith("[content hash: ")
    assert found["stderr"].startswith("[content hash: ")
    scanned = parameters(value, telemetry__privacy__fields=fields, telemetry__privacy__redact_content=False)
    assert scanned["sql"].startswith("[content hash: ")
    assert scanned["stderr"] == "text"


def test_max_value_bytes_makes_content_of_longer_texts() -> None:
    text = "a few plain words, " * 10
    assert parameters(text)["v"] == text
    assert parameters(text, telemetry__privacy__max_value_bytes=64)["v"].startswith("[content hash: ")


def test_max_event_bytes_takes_the_longest_values() -> None:
    value = {"short": "kept", "long": "a few plain words, " * 100}
    assert parameters(value) == value
    found = parameters(value, telemetry__privacy__max_event_bytes=1024)
    assert found == {"short": "kept", "long": "[truncated 1900 bytes]"}


# telemetry.prices


def test_prices_of_the_user_come_before_the_table(open_session: Open, read_trace: Read) -> None:
    prices = {
        "in-house*": {"input": 1, "output": 2, "cached": 0.1, "cache_write": 1.25, "reasoning": 4},
        "openai/gpt-4o": {"input": 1_000},
    }
    tokens = {"prompt_tokens": 1_000_000, "completion_tokens": 500_000}
    parts = {"cached_tokens": 200_000, "cache_write_tokens": 100_000, "reasoning_tokens": 100_000}
    with open_session(settings={"telemetry.prices": prices}) as trace:
        trace.llm_call("in-house-7b", **tokens, **parts)
        trace.llm_call("gpt-4o", provider="openai", **tokens)
        trace.llm_call("gpt-4o", provider="azure", **tokens)
        trace.llm_call("gpt-4o", provider="openai", **tokens, cost_usd=0.25)
        trace.llm_call("a-model-of-nobody", **tokens)
        trace.llm_call("gpt-4o")
        with trace.llm("gpt-4o", provider="openai") as call:
            call.usage(prompt_tokens=1_000)
    document = read_trace(trace)
    costs = [event.get("cost_usd", "absent") for event in document["events"]]
    assert costs == [0.7 + 0.02 + 0.125 + 0.8 + 0.4, 1_000, 2.5 + 5, 0.25, None, "absent", 1]
    assert document["summary"]["total_cost_estimate"] == sum(
        cost for cost in costs if isinstance(cost, float | int)
    )


# always_redact, redaction_value, file_paths


def test_always_redact_adds_names(open_session: Open) -> None:
    value = {"favourite_colour": "red", "password": "hunter2-hunter2"}
    assert parameters(value)["favourite_colour"] == "red"
    assert parameters(value, always_redact=["favourite_colour"]) == {
        "favourite_colour": "[REDACTED]", "password": "[REDACTED]",
    }  # fmt: skip


def test_redaction_value() -> None:
    assert parameters({"password": "hunter2-hunter2"}, redaction_value="<gone>") == {"password": "<gone>"}


def test_redaction_value_that_json_must_escape() -> None:
    assert parameters({"password": "hunter2-hunter2"}, redaction_value='"gone"\\') == {"password": '"gone"\\'}


def test_file_paths_mode(project: Path) -> None:
    path = str(project / "src" / "auth.ts")
    assert parameters({"file_path": path}) == {"file_path": "src/auth.ts"}
    assert parameters({"file_path": path}, file_paths__mode="absolute") == {"file_path": path}


def test_file_paths_base(project: Path, open_session: Open, read_trace: Read) -> None:
    (project / "packages" / "one").mkdir(parents=True)
    path = str(project / "packages" / "one" / "main.py")
    found = []
    for base in ("project_root", str(project / "packages")):
        with open_session(settings={"file_paths.base": base}) as trace:
            trace.tool_call("read", {"file_path": path})
        found.append(read_trace(trace)["events"][0]["parameters_redacted"]["file_path"])
    assert found == ["packages/one/main.py", "one/main.py"]


def test_file_paths_sensitive_dirs_add_folders() -> None:
    value = {"file_path": "/opt/vault/keys.txt"}
    assert parameters(value) == value
    assert parameters(value, file_paths__sensitive_dirs=["/opt/vault"]) == {"file_path": "[REDACTED_PATH]"}
    also = parameters({"file_path": "/etc/hosts"}, file_paths__sensitive_dirs=["/opt/vault"])
    assert also == {"file_path": "[REDACTED_PATH]"}


def test_what_is_switched_off_is_said_in_the_metadata(open_session: Open, read_trace: Read) -> None:
    off = {
        "telemetry.privacy.redact_pii": False,
        "telemetry.privacy.redact_sensitive_paths": False,
        "file_paths.redact_content": False,
    }
    with open_session(settings=off) as trace:
        pass
    assert read_trace(trace)["metadata"]["redaction"] == {
        "secrets": True, "pii": False, "sensitive_paths": False, "content": False,
    }  # fmt: skip


# telemetry.retention: what the recorder's own sessions do with older ones


def traces(project: Path) -> list[str]:
    folder = project / ".opencode" / "telemetry" / "traces"
    return sorted(name.rpartition("_ses_")[2] for name in os.listdir(folder))


def old_sessions(open_session: Open, days: int, *names: str, size: int = 0, error: bool = False) -> None:
    for name in names:
        with open_session(
            session_id=f"ses_{name}", settings={"telemetry.retention.auto_cleanup": False}
        ) as trace:
            for n in range(size):
                trace.tool_call("t", {"n": n, "note": "some words " * 1000})
            if error:
                trace.error("E")
        path = Path(str(trace.path))
        stamp = time.time() - days * 86_400
        moved = path.with_name(time.strftime("%Y-%m-%d_%H-%M-%S", time.gmtime(stamp)) + path.name[19:])
        header = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(stamp)).encode()
        data = path.read_bytes()
        position = data.index(b'"timestamp":"') + len(b'"timestamp":"')
        path.write_bytes(data[:position] + header + data[position + 19 :])
        os.utime(path, (stamp, stamp))
        path.rename(moved)


def begin_another(python: Run, **settings: object) -> None:
    """A session of another process, whose start and close retire what is too old or too much."""
    python(f"""
        import t800
        t800.session(enabled=True, session_id="ses_new", settings={settings!r}).decision("x")
        from t800 import config, layout, retention
        place = layout.telemetry_dir()
        assert config.load(place, {settings!r} | {{"telemetry.enabled": True}}).values
        retention.auto(place, config.load(place, {settings!r} | {{"telemetry.enabled": True}}))
    """)


@pytest.mark.parametrize(
    ("settings", "left"),
    [
        ({}, ["a.json", "b.json", "new.json"]),
        ({"telemetry.retention.max_trace_files": 2}, ["b.json", "new.json"]),
        ({"telemetry.retention.max_trace_age_days": 15}, ["b.json", "new.json"]),
        ({"telemetry.retention.max_trace_age_days": 5}, ["new.json"]),
        ({"telemetry.retention.max_trace_age_days": 15, "telemetry.retention.auto_cleanup": False},
         ["a.json", "b.json", "new.json"]),
    ],
)  # fmt: skip
def test_retention_of_sessions(
    open_session: Open, python: Run, project: Path, settings: dict[str, object], left: list[str]
) -> None:
    old_sessions(open_session, 20, "a")
    old_sessions(open_session, 10, "b")
    begin_another(python, **settings)
    assert traces(project) == left


def test_retention_max_total_mb(open_session: Open, python: Run, project: Path) -> None:
    scanned = {"telemetry.retention.max_total_mb": 1}
    old_sessions(open_session, 20, "a", size=70)
    old_sessions(open_session, 10, "b", size=70)
    begin_another(python, **scanned)
    assert traces(project) == ["b.json", "new.json"]


def test_retention_keep_errors_days(open_session: Open, python: Run, project: Path) -> None:
    old_sessions(open_session, 20, "a")
    old_sessions(open_session, 20, "failed", error=True)
    settings = {"telemetry.retention.max_trace_age_days": 5, "telemetry.retention.keep_errors_days": 60}
    begin_another(python, **settings)
    assert traces(project) == ["failed.json", "new.json"]


# Where a setting comes from makes no difference to the recorder


def test_the_environment_changes_the_recorder(python: Run, read_trace: Read) -> None:
    done = python(
        """
        import t800
        with t800.session() as trace:
            trace.tool_call("t", {"password": "hunter2-hunter2", "colour": "red"})
            trace.decision("x")
        print(trace.path)
        """,
        T800_ENABLED="1",
        T800_TRACE_DECISIONS="false",
        T800_REDACTION_VALUE="<gone>",
        T800_ALWAYS_REDACT="colour",
    )
    (event,) = read_trace(done.stdout.strip())["events"]
    assert event["parameters_redacted"] == {"password": "<gone>", "colour": "<gone>"}


def test_a_file_changes_the_recorder_the_first_and_the_second_time(
    python: Run, project: Path, read_trace: Read
) -> None:
    from_file({"telemetry.enabled": True, "telemetry.trace_llm": False, "redaction_value": "<gone>"})
    for _ in range(2):  # the second start reads what the first has compiled
        done = python("""
            import t800
            with t800.session() as trace:
                trace.tool_call("t", {"password": "hunter2-hunter2"})
                trace.llm_call("m")
            print(trace.path)
        """)
        (event,) = read_trace(done.stdout.strip())["events"]
        assert json.dumps(event["parameters_redacted"]) == '{"password": "<gone>"}'
