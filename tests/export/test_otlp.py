"""OTLP: what protobuf's own JSON reader makes of it, and that the conventions' words are there."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.export.exported import events, exported, hostile
from tests.trace_files import document, tool

pytest.importorskip("opentelemetry.proto", reason="opentelemetry-proto is not installed")
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_ID = re.compile(rb'"(traceId|spanId|parentSpanId)":"([0-9a-f]*)"')


def in_base64(found: re.Match[bytes]) -> bytes:
    return b'"%b":"%b"' % (found[1], base64.b64encode(bytes.fromhex(found[2].decode())))


def requests(data: bytes) -> list[Any]:
    # Ids are hexadecimal in OTLP's JSON, and base64 in that of protobuf: the one difference between them.
    lines = (_ID.sub(in_base64, line) for line in data.splitlines())
    return [json_format.Parse(line, ExportTraceServiceRequest()) for line in lines]


def spans(data: bytes) -> list[Any]:
    return [span for request in requests(data) for span in request.resource_spans[0].scope_spans[0].spans]


def told(span: Any) -> dict[str, Any]:
    return {
        one.key: getattr(one.value, one.value.WhichOneof("value") or "string_value")
        for one in span.attributes
    }


def test_each_event_is_a_span_below_the_session(tmp_path: Path) -> None:
    data = exported(tmp_path, "otlp", document(events()))
    (request,) = requests(data)
    resource = {one.key: one.value.string_value for one in request.resource_spans[0].resource.attributes}
    assert resource == {"service.name": "t800", "t800.session_id": "ses_0"}
    found = spans(data)
    by_id = {told(span).get("t800.event_id"): span for span in found}
    root = by_id[None]
    assert (root.name, root.parent_span_id) == ("invoke_agent t800", b"")
    assert len({span.trace_id for span in found}) == 1
    assert len({span.span_id for span in found}) == len(found) == 9
    assert {len(span.trace_id) for span in found} == {16}
    assert {len(span.span_id) for span in found} == {8}
    assert by_id["evt_004"].parent_span_id == by_id["evt_005"].parent_span_id == by_id["evt_003"].span_id
    assert by_id["evt_002"].parent_span_id == root.span_id
    call = by_id["evt_002"]
    assert (call.start_time_unix_nano, call.end_time_unix_nano) == (1768473001500000000, 1768473005000000000)
    assert max(span.end_time_unix_nano for span in found) == root.end_time_unix_nano


def test_a_model_call_speaks_the_conventions(tmp_path: Path) -> None:
    call = spans(exported(tmp_path, "otlp", document(events())))[1]
    assert (call.name, call.kind, call.status.code) == (
        "llm_call claude-sonnet-4".replace("llm_call", "chat"),
        3,
        1,
    )
    known = told(call)
    assert {name: known[name] for name in known if name.startswith("gen_ai")} == {
        "gen_ai.operation.name": "chat", "gen_ai.request.model": "claude-sonnet-4", "gen_ai.provider.name": "anthropic",
        "gen_ai.conversation.id": "ses_0", "gen_ai.usage.input_tokens": 1500, "gen_ai.usage.output_tokens": 800,
        "gen_ai.usage.cache_read.input_tokens": 1000, "gen_ai.usage.cache_creation.input_tokens": 20,
        "gen_ai.usage.reasoning.output_tokens": 30, "gen_ai.usage.cost": 0.023, "gen_ai.response.id": "msg_1",
        "gen_ai.response.time_to_first_chunk": 0.2505, "gen_ai.output.messages": "[content hash: d4e5f6]",
        "gen_ai.input.messages": '[{"role":"user","content":"[content hash: a1b2c3]"}]',
    }  # fmt: skip


def test_a_failed_tool_and_its_error(tmp_path: Path) -> None:
    found = {
        told(span).get("t800.event_id"): span
        for span in spans(exported(tmp_path, "otlp", document(events())))
    }
    call, error = found["evt_003"], found["evt_005"]
    assert (call.name, call.kind, call.status.code) == ("execute_tool bash", 1, 2)
    known = told(call)
    assert (known["gen_ai.tool.name"], known["gen_ai.tool.call.id"]) == ("bash", "toolu_1")
    assert json.loads(known["gen_ai.tool.call.result"])["exit_code"] == 2
    assert (error.status.code, error.status.message) == (2, "Command exceeded 30000ms timeout")
    (exception,) = error.events
    assert exception.name == "exception"
    assert [one.value.string_value for one in exception.attributes] == ["TOOL_TIMEOUT", error.status.message]
    assert told(error)["error.type"] == "TOOL_TIMEOUT"


def test_the_same_session_has_the_same_ids(tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    first, second = (exported(folder, "otlp", document(events())) for folder in folders if not folder.mkdir())
    assert first == second
    other = exported(tmp_path, "otlp", document(events()), document(events()))
    assert len({span.trace_id for span in spans(other)}) == 2
    assert len({span.span_id for span in spans(other)}) == 18


def test_many_events_are_many_lines(tmp_path: Path) -> None:
    data = exported(tmp_path, "otlp", document(tool(n) for n in range(1, 1200)))
    assert [len(one.resource_spans[0].scope_spans[0].spans) for one in requests(data)] == [512, 512, 176]


def test_hostile_events_are_still_valid(tmp_path: Path) -> None:
    deep = document([tool(1, outcome="deep")]).replace(b'"deep"', b'{"a":' * 400 + b"1" + b"}" * 400)
    data = exported(tmp_path, "otlp", hostile(), deep)
    assert len(spans(data)) == 7 + 1 + 1 + 1
    for line in data.splitlines():
        for span in json.loads(line)["resourceSpans"][0]["scopeSpans"][0]["spans"]:
            assert isinstance(span["kind"], int)
            assert span["startTimeUnixNano"].isdecimal()
            assert span["endTimeUnixNano"].isdecimal()
            assert len(bytes.fromhex(span["spanId"])) == 8


def test_a_session_without_events(tmp_path: Path) -> None:
    (span,) = spans(exported(tmp_path, "otlp", document()))
    assert span.name == "invoke_agent t800"
