"""The specification's own examples: JSON comes out of the API field for field, YAML blocks load as printed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import t800
from t800.layout import telemetry_dir
from t800.testing import Capture, capture

GOLDEN = Path(__file__).parent / "golden"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
HASH = re.compile(r"\[content hash: [0-9a-f]{6}\]")

Open = Callable[..., t800.Session]
Read = Callable[..., dict[str, Any]]


def golden(name: str) -> Any:
    return json.loads((GOLDEN / f"{name}.json").read_text())


def normal(value: object) -> object:
    """The value with times, ids and hashes made equal; their form is checked here."""
    if isinstance(value, Mapping):
        return {key: _normal_entry(key, inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [normal(inner) for inner in value]
    return HASH.sub("[content hash: …]", value) if isinstance(value, str) else value


def _normal_entry(key: str, value: object) -> object:
    if key == "timestamp":
        assert TIME.fullmatch(str(value)), value
        return "time"
    if key == "event_id":
        assert re.fullmatch(r"evt_\d{3,}", str(value)), value
        return "id"
    if key in {"user_id_hash", "project_hash"}:
        assert value == "sha256_hash" or re.fullmatch(r"[0-9a-f]{64}", str(value)), value
        return "hash"
    return normal(value)


def assert_event(found: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """The same fields with the same values, in the specification's order, and none besides."""
    assert normal(found) == normal(expected)


@pytest.fixture
def trace() -> Iterator[Capture]:
    with capture() as session:
        yield session


def test_trace_file_format(open_session: Open, read_trace: Read, project: Path) -> None:
    expected = golden("trace_file")
    with open_session(agent="t800", session_id="ses_abc123") as trace:
        # The example's path is outside of this test's project, so it stays as it is.
        trace.tool_call(
            "read", {"file_path": "/project/src/auth.ts"}, duration_ms=45, tokens_in=0, tokens_out=0
        )
    document = read_trace(trace)
    assert list(document) == list(expected)
    assert document["session_id"] == expected["session_id"]
    assert_event(document["events"][0], expected["events"][0])
    assert normal(document["metadata"]).items() >= normal(expected["metadata"]).items()  # type: ignore[attr-defined]
    assert set(document["summary"]) >= set(expected["summary"])


def test_the_summary_of_the_trace_file_format(open_session: Open, read_trace: Read) -> None:
    expected = golden("trace_file")["summary"]
    with open_session() as trace:
        for n in range(14):
            trace.tool_call("read", duration_ms=3_000, success=n != 0)
        trace.llm_call("claude-sonnet-4", duration_ms=3_000, cost_usd=0.0025)
    summary = read_trace(trace)["summary"]
    found = {name: summary[name] for name in expected}
    assert found | {"success_rate": round(found["success_rate"], 2)} == expected


def test_example_1_basic_tool_trace(open_session: Open, read_trace: Read) -> None:
    expected = golden("basic_tool_trace")
    with open_session(session_id="ses_001") as trace:
        trace.tool_call("read", {"file_path": "src/auth.ts"}, duration_ms=12)
        edit = {"file_path": "src/auth.ts", "old_string": "let a", "new_string": "const a"}
        trace.tool_call("edit", edit, duration_ms=35)
    document = read_trace(trace)
    assert document["session_id"] == "ses_001"
    assert [event["event_id"] for event in document["events"]] == ["evt_001", "evt_002"]
    for found, wanted in zip(document["events"], expected["events"], strict=True):
        assert_event(found, wanted)
    assert {name: document["summary"][name] for name in expected["summary"]} == expected["summary"]
    parameters = document["events"][1]["parameters_redacted"]
    assert parameters["old_string"] != parameters["new_string"]


def test_example_1_by_spans_and_by_hook_points(trace: Capture) -> None:
    expected = golden("basic_tool_trace")["events"][1]
    parameters = {"file_path": "src/auth.ts", "old_string": "let a", "new_string": "const a"}
    with trace.tool("edit", parameters) as call:
        call.update(duration_ms=35)
    trace.post_tool(trace.pre_tool("edit", parameters), duration_ms=35)
    for found in trace.events:
        assert_event(found, expected)


def test_example_2_llm_call_trace(trace: Capture) -> None:
    expected = golden("llm_call")
    usage = {"prompt_tokens": 1500, "completion_tokens": 800, "duration_ms": 3500, "cost_usd": 0.023}
    trace.llm_call("claude-sonnet-4", **usage)
    with trace.llm("claude-sonnet-4") as call:
        call.usage(**usage)
    trace.post_llm(trace.pre_llm("claude-sonnet-4", prompt_tokens=1500), **usage)
    trace.llm_call("claude-sonnet-4", tokens_in=1500, tokens_out=800, duration_ms=3500, cost=0.023)
    assert len(trace.events) == 4
    for found in trace.events:
        assert_event(found, expected)


def test_example_3_error_trace(trace: Capture) -> None:
    expected = golden("error")
    trace.error(
        "TOOL_TIMEOUT",
        "Command exceeded 30000ms timeout",
        tool="bash",
        duration_ms=30000,
        recovery={"attempted": True, "strategy": "retry_with_shorter_command", "success": True},
    )
    assert_event(trace.events[0], expected)


@pytest.mark.parametrize("name", ["llm_call", "error"])
def test_each_event_recorded_as_it_stands_comes_out_as_it_stands(trace: Capture, name: str) -> None:
    expected = golden(name)
    trace.record(expected)
    (found,) = trace.events
    assert found.pop("source_id") == expected["event_id"]
    assert found["timestamp"] == expected["timestamp"].replace("Z", ".000Z")
    assert_event(found, expected)


def test_fields_stand_in_the_specifications_order(trace: Capture) -> None:
    for event in (golden("llm_call"), golden("error"), *golden("basic_tool_trace")["events"]):
        trace.record({key.removesuffix("_redacted"): value for key, value in event.items()})
        found = [name for name in trace.events[-1] if name != "source_id"]
        assert found == list(event)


def test_example_redaction(trace: Capture) -> None:
    example = golden("redaction")
    trace.tool_call("read", example["original"])
    assert trace.events[0]["parameters_redacted"] == example["redacted"]


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("tool_call", {"tool": "read", "parameters": {"n": 1}, "duration_ms": 1, "success": True}),
        ("llm_call", {"model": "m", "tokens_in": 1, "tokens_out": 2, "cost": 0.5}),
        ("decision", {"decision_type": "strategy", "outcome": "edit in place"}),
        ("error", {"error_type": "E", "message": "text", "recovery": {"attempted": False}}),
        ("checkpoint", {"phase_name": "PLAN", "status": "completed"}),
    ],
)
def test_every_event_type_takes_the_fields_of_the_table(
    trace: Capture, kind: str, fields: dict[str, object]
) -> None:
    names = {
        "parameters": "parameters_redacted",
        "tokens_in": "prompt_tokens",
        "tokens_out": "completion_tokens",
        "cost": "cost_usd",
    }
    getattr(trace, kind)(**fields)
    trace.record({"type": kind} | fields)
    for event in trace.events:
        assert event["type"] == kind
        for name, value in fields.items():
            assert event[names.get(name, name)] == value


@pytest.mark.parametrize("block", ["telemetry_config", "always_redact", "file_paths", "trace_buffer"])
def test_each_yaml_block_loads_as_printed_and_changes_nothing(
    project: Path, block: str, read_trace: Read
) -> None:
    layout = telemetry_dir()
    layout.create()
    Path(layout.config_file).write_text((GOLDEN / f"{block}.yaml").read_text())
    plain = t800.session(agent="x", enabled=True)
    assert plain.settings is not None
    with plain as trace:
        trace.tool_call(
            "write", {"file_path": str(project / "a.py"), "content": "x", "password": "hunter2-hunter2"}
        )
    event = read_trace(trace)["events"][0]
    assert normal(event["parameters_redacted"]) == {
        "file_path": "a.py", "content": "[content hash: …]", "password": "[REDACTED]",
    }  # fmt: skip
    from t800.config import KEYS

    assert {name: value for name, value in plain.settings.values.items() if name != "telemetry.enabled"} == {
        name: key.default for name, key in KEYS.items() if name != "telemetry.enabled"
    }


def test_all_yaml_blocks_of_the_specification_load_as_one_file(project: Path) -> None:
    layout = telemetry_dir()
    layout.create()
    text = "\n".join(path.read_text() for path in sorted(GOLDEN.glob("*.yaml")))
    Path(layout.config_file).write_text(text)
    assert not t800.session().enabled
    Path(layout.config_file).write_text(text.replace("enabled: false", "enabled: true"))
    session = t800.session()
    assert session.enabled
    session.close()
