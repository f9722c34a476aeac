"""OpenTelemetry without OpenTelemetry: plain objects in the place of its spans, with the attributes of each dialect."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import t800
from t800.integrations import google_adk, otel
from t800.integrations._calls import Tree, begin_llm
from t800.layout import Layout
from t800.reader import resolve

TOKENS = ("prompt_tokens", "completion_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens")
_ids = itertools.count(1)


@dataclasses.dataclass
class Span:
    """What a span has that our processor reads."""

    name: str
    attributes: dict[str, Any]
    parent: Any = None
    events: list[Any] = dataclasses.field(default_factory=list)
    start_time: int = dataclasses.field(default_factory=lambda: time.time_ns() + 10**12)
    """In a while: one that has begun long ago is taken for one that was made when all was over."""

    @property
    def end_time(self) -> int:
        return self.start_time + 5_000_000

    context: Any = dataclasses.field(default_factory=lambda: SimpleNamespace(span_id=next(_ids)))
    status: Any = dataclasses.field(
        default_factory=lambda: SimpleNamespace(status_code=SimpleNamespace(name="OK"))
    )

    def fails(self, kind: str, message: str) -> None:
        said = {"exception.type": kind, "exception.message": message}
        self.events.append(SimpleNamespace(name="exception", attributes=said))
        self.status = SimpleNamespace(status_code=SimpleNamespace(name="ERROR"), description=message)


def processor() -> otel._Processor:
    """The processor without its base class, which is the framework's."""
    return otel._Processor()


DIALECTS: dict[str, Mapping[str, Any]] = {
    "semantic conventions": {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "OpenAI",
        "gen_ai.request.model": "m",
        "gen_ai.response.id": "r1",
        "gen_ai.usage.input_tokens": 120,
        "gen_ai.usage.output_tokens": 31,
        "gen_ai.usage.cache_read.input_tokens": 40,
        "gen_ai.usage.cache_creation.input_tokens": 16,
        "gen_ai.usage.reasoning.output_tokens": 7,
    },
    "older names": {
        "gen_ai.system": "openai",
        "gen_ai.request.model": "m",
        "gen_ai.response.id": "r1",
        "llm.request.type": "chat",
        "gen_ai.usage.prompt_tokens": 120,
        "gen_ai.usage.completion_tokens": 31,
        "gen_ai.usage.cache_read_input_tokens": 40,
        "gen_ai.usage.cache_creation_input_tokens": 16,
        "gen_ai.usage.reasoning_tokens": 7,
    },
    "OpenInference": {
        "openinference.span.kind": "LLM",
        "llm.system": "openai",
        "llm.model_name": "m",
        "llm.response.id": "r1",
        "llm.token_count.prompt": 120,
        "llm.token_count.completion": 31,
        "llm.token_count.prompt_details.cache_read": 40,
        "llm.token_count.prompt_details.cache_write": 16,
        "llm.token_count.completion_details.reasoning": 7,
    },
    "AI SDK": {
        "ai.operationId": "ai.streamText.doStream",
        "ai.model.id": "m",
        "ai.model.provider": "openai",
        "ai.response.id": "r1",
        "ai.usage.inputTokens": 120,
        "ai.usage.outputTokens": 31,
        "ai.usage.cachedInputTokens": 40,
        "ai.usage.inputTokenDetails.cacheWriteTokens": 16,
        "ai.usage.reasoningTokens": 7,
    },
}

Read = Callable[[t800.Session], dict[str, Any]]
Open = Callable[..., t800.Session]


@pytest.mark.parametrize("known_at_start", [True, False])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_gives_the_same_call(
    open_session: Open, read_trace: Read, dialect: str, known_at_start: bool
) -> None:
    said = dict(DIALECTS[dialect])
    ours, span = processor(), Span("chat", said if known_at_start else {})
    with open_session() as trace:
        ours.on_start(span)
        span.attributes = said
        ours.on_end(span)
    (event,) = read_trace(trace)["events"]
    assert (event["model"], event["provider"], event["source_id"]) == ("m", "openai", "r1")
    assert [event[name] for name in TOKENS] == [120, 31, 40, 16, 7]
    assert (event["duration_ms"], event["success"]) == (5.0, True)


def test_a_span_that_is_made_when_all_is_over_is_its_call_unless_that_is_known(
    open_session: Open, read_trace: Read
) -> None:
    ours = processor()
    spans = [Span("chat", dict(DIALECTS["AI SDK"])) for _ in range(3)]
    spans[1].attributes["ai.response.id"] = "r2"
    spans[2].attributes["ai.response.id"] = "r3"
    spans[2].fails("CancelledError", "")
    spans[1].fails("ValueError", "no")
    with open_session() as trace:
        with t800.tool("outer"):
            call = begin_llm("sdk", "m")
            assert call is not None
            call.end(source_id="r1")
            for span in spans:
                span.start_time = 0
                ours.on_start(span)
                ours.on_end(span)
    first, second, error, third, outer = read_trace(trace)["events"]
    assert [event["source_id"] for event in (first, second, third)] == ["r1", "r2", "r3"]
    assert {event["parent_id"] for event in (first, second, third)} == {outer["event_id"]}
    assert (error["error_type"], error["parent_id"]) == ("ValueError", second["event_id"])
    assert (third["interrupted"], third["success"], third["duration_ms"]) == (True, None, 5)


def test_a_model_that_is_named_at_the_end_is_not_lost_when_the_agent_is_killed(
    project: Path, python: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    program = """
    import os, signal, time
    from types import SimpleNamespace
    import t800
    from t800.integrations import google_adk, otel
    trace = t800.session(enabled=True)
    begun = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai"}
    in_a_while = time.time_ns() + 10**12
    context = SimpleNamespace(span_id=7)
    span = SimpleNamespace(name="chat", parent=None, context=context, start_time=in_a_while, attributes=begun)
    otel._Processor().on_start(span)
    print(trace.path, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
    """
    done = python(program, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    layout = Layout(str(project), str(project / ".opencode/telemetry"))
    (found,) = resolve(layout, done.stdout.strip()).events()
    assert (found["type"], found["provider"], found["interrupted"]) == ("llm_call", "openai", True)


def test_input_that_leaves_out_the_cache_is_added_up(open_session: Open, read_trace: Read) -> None:
    said = {**DIALECTS["AI SDK"], "ai.usage.inputTokens": 4, "ai.usage.outputTokens": 5}
    ours, span = processor(), Span("chat", said)
    with open_session() as trace:
        ours.on_start(span)
        ours.on_end(span)
    (event,) = read_trace(trace)["events"]
    assert [event[name] for name in TOKENS] == [60, 12, 40, 16, 7]


def test_agents_tools_and_what_happens_inside(open_session: Open, read_trace: Read) -> None:
    ours = processor()
    agent = Span("invoke_agent", {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "helper"})
    tool = Span("execute_tool add", {"gen_ai.operation.name": "execute_tool"}, agent.context)
    chain = Span("something", {"http.method": "GET"}, tool.context)
    model = Span("chat", dict(DIALECTS["semantic conventions"]), chain.context)
    with open_session() as trace:
        for span in (agent, tool, chain, model):
            ours.on_start(span)
        t800.decision("inside")
        tool.attributes["gen_ai.tool.call.arguments"] = '{"a": 1, "api_key": "opensesame"}'
        for span in (model, chain, tool, agent):
            ours.on_end(span)
    decision, call, used, ended = read_trace(trace)["events"]
    assert used["tool"] == "add"
    assert [event["parent_id"] for event in (decision, call)] == [used["event_id"]] * 2
    assert {event["agent_id"] for event in (call, used, ended)} == {"helper"}
    assert (ended["type"], ended["phase_name"], ended["status"]) == ("checkpoint", "helper", "completed")


def test_an_exception_is_one_error_where_it_was_raised(open_session: Open, read_trace: Read) -> None:
    ours = processor()
    agent = Span("invoke_agent", {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "helper"})
    tool = Span(
        "execute_tool", {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "add"}, agent.context
    )
    with open_session() as trace:
        ours.on_start(agent)
        ours.on_start(tool)
        for span in (tool, agent):
            span.fails("ValueError", "password=Kestrel-" + "4482!")
            ours.on_end(span)
    error, used, ended = read_trace(trace)["events"]
    assert (error["error_type"], error["tool"], error["parent_id"]) == ("ValueError", "add", used["event_id"])
    assert "4482" not in str(error)
    assert (used["success"], ended["status"]) == (False, "failed")


def test_a_cancelled_call_is_interrupted(open_session: Open, read_trace: Read) -> None:
    ours, span = (
        processor(),
        Span("tool", {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "add"}),
    )
    with open_session() as trace:
        ours.on_start(span)
        span.fails("asyncio.exceptions.CancelledError", "")
        ours.on_end(span)
    (event,) = read_trace(trace)["events"]
    assert event["interrupted"] is True


def test_nested_spans_of_one_answer_are_one_call(open_session: Open, read_trace: Read) -> None:
    ours = processor()
    outer = Span("chat", {**DIALECTS["semantic conventions"], "gen_ai.usage.cache_read.input_tokens": None})
    inner = Span("messages.create", dict(DIALECTS["semantic conventions"]), outer.context)
    other = Span("another", {**DIALECTS["semantic conventions"], "gen_ai.response.id": "r2"}, outer.context)
    with open_session() as trace:
        for span in (outer, inner):
            ours.on_start(span)
        ours.on_end(inner)
        ours.on_start(other)
        ours.on_end(other)
        ours.on_end(outer)
    events = read_trace(trace)["events"]
    assert {(event["source_id"], event["cached_tokens"]) for event in events} == {("r1", 40), ("r2", 40)}
    assert len(events) == 2


def test_spans_that_are_made_up_break_nothing(
    open_session: Open, read_trace: Read, recwarn: pytest.WarningsRecorder
) -> None:
    ours = processor()
    hostile: Any = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": object(),
        "gen_ai.usage.input_tokens": -3,
    }
    with open_session() as trace:
        for span in (
            Span("chat", hostile),
            Span("x" * 10_000, {"gen_ai.usage.output_tokens": float("nan")}),
            object(),
        ):
            ours.on_start(span)
            ours.on_end(span)
        assert trace.dropped == 2  # the begin and the end of what is no span
    (event,) = read_trace(trace)["events"]
    assert "prompt_tokens" not in event
    assert {str(warning.message).partition(" (")[0] for warning in recwarn} == {
        "t800: an integration could not record",
    }


def test_what_a_frameworks_own_integration_records_is_not_read_from_its_spans(
    open_session: Open, read_trace: Read
) -> None:
    class Framework:
        def run(self) -> None:
            """Whatever the framework does."""

    ours, told = processor(), {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "add"}
    with open_session() as trace:
        for attached in (False, True):
            if attached:
                google_adk._patches.replace(Framework, "run", functools.partial)
            span = Span("execute_tool add", dict(told))
            span.instrumentation_scope = SimpleNamespace(name="gcp.vertex.agent")  # type: ignore[attr-defined]
            ours.on_start(span)
            ours.on_end(span)
    google_adk._patches.undo()
    assert [event["tool"] for event in read_trace(trace)["events"]] == ["add"]


def test_off_keeps_nothing(project: Any) -> None:
    ours, span = processor(), Span("chat", dict(DIALECTS["AI SDK"]))
    ours.on_start(span)
    assert not ours._tree.nodes


def test_units_that_never_end_are_forgotten() -> None:
    from t800.integrations import _calls

    tree = Tree()
    for number in range(_calls._MOST + 5):
        tree.put(number, _calls.Node(None))
    assert len(tree.nodes) == _calls._MOST
    assert tree.get(0) is None
