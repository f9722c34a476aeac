"""What integrations share: layers of a call, agents at work, wrapped functions; without a framework."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

import t800
from t800.integrations._calls import Node, agent_over, begin_llm, begin_tool
from t800.integrations._wrapping import Patches, Work, around, streamed, working
from t800.testing import Capture, capture


@pytest.fixture
def trace() -> Iterator[Capture]:
    with capture() as session:
        yield session


def llm(source: str, model: str | None = "m", **known: Any) -> Any:
    call = begin_llm(source, model, **known)
    assert call is not None
    return call


def models(trace: Capture) -> list[dict[str, Any]]:
    return [event for event in trace.events if event["type"] == "llm_call"]


# Layers


def test_a_layer_below_completes_what_its_framework_does_not_know(trace: Capture) -> None:
    outer = llm("framework", None)
    inner = llm("sdk", "m", messages=[{"role": "user"}], provider="openai")
    inner.end({"content": "x"}, source_id="r1", prompt_tokens=3)
    outer.end(completion_tokens=2)
    (call,) = models(trace)
    assert (call["model"], call["provider"], call["source_id"]) == ("m", "openai", "r1")
    assert (call["prompt_tokens"], call["completion_tokens"]) == (3, 2)
    assert call["messages_redacted"] == [{"role": "user"}]


def test_what_a_framework_knows_at_the_begin_stays(trace: Capture) -> None:
    outer = llm("framework", "asked for", provider="mine")
    llm("sdk", "answered", provider="openai").end()
    outer.end(model="another")
    (call,) = models(trace)
    assert (call["model"], call["provider"], "attributes" in call) == ("asked for", "mine", False)


def test_several_requests_below_one_call_are_calls_of_their_own(trace: Capture) -> None:
    outer = llm("framework")
    for answer in ("r1", "r2"):
        llm("sdk", f"model of {answer}").end(source_id=answer, prompt_tokens=1)
    outer.end(prompt_tokens=2)
    first, second, whole = models(trace)
    assert [(call["model"], call["source_id"]) for call in (first, second)] == [
        ("model of r1", "r1"),
        ("model of r2", "r2"),
    ]
    assert "prompt_tokens" not in whole
    assert {first["parent_id"], second["parent_id"]} == {whole["event_id"]}


def test_two_streams_of_one_source_that_are_read_by_turns_are_two_calls(trace: Capture) -> None:
    one, two = llm("sdk", "one"), llm("sdk", "two")
    two.end()
    one.end()
    assert [call["model"] for call in models(trace)] == ["two", "one"]


def test_a_method_that_calls_the_one_it_is_derived_from_is_one_call(trace: Capture) -> None:
    one, two = llm("framework", nests=True), llm("framework", nests=True)
    two.end()
    one.end()
    assert len(models(trace)) == 1


def test_a_layer_that_is_left_open_takes_nothing_from_calls_after_it(trace: Capture) -> None:
    outer = llm("framework", "given up")
    dangling = llm("sdk")
    outer.end(error=GeneratorExit())
    llm("framework", "next").end()
    dangling.end()
    assert [call["model"] for call in models(trace)] == ["given up", "next"]


def test_an_answer_that_another_layer_has_seen_elsewhere_is_one_call(trace: Capture) -> None:
    span = llm("otel")
    # As where a framework asks its model in a context of its own.
    below = contextvars.Context().run(lambda: llm("sdk", recorder=trace))
    below.end(source_id="r1")
    span.end(source_id="r1")
    assert [call["source_id"] for call in models(trace)] == ["r1"]
    for _ in range(2):
        llm("sdk").end(source_id="r2")  # out of its cache
    assert len(models(trace)) == 3
    assert not trace.open_calls()


def test_a_tool_below_a_tool_of_the_same_name_completes_it(trace: Capture) -> None:
    outer, inner = begin_tool("framework", "add"), begin_tool("mcp", "add", {"a": 1})
    assert outer is not None
    assert inner is not None
    inner.end()
    outer.end()
    (tool,) = trace.events
    assert tool["parameters_redacted"] == {"a": 1}


# Agents


def test_an_agent_that_two_layers_have_watched_ends_once(trace: Capture) -> None:
    outer = Node(None, agent="helper")
    for _ in range(2):
        inner = Node(None, agent="helper")
        inner.recorder = outer.recorder = t800.current()
        agent_over(inner, "framework", "completed")
    agent_over(outer, "otel", "completed")
    assert [event["phase_name"] for event in trace.events] == ["helper", "helper"]
    later = Node(None, agent="helper")
    later.recorder = t800.current()
    agent_over(later, "otel", "failed")
    assert trace.events[-1]["status"] == "failed"


class Agent:
    """An agent of a framework, with each kind of method that agents have."""

    name = "helper"

    def run(self, error: BaseException | None = None) -> str:
        t800.decision("inside")
        if error is not None:
            raise error
        return "done"

    async def arun(self) -> str:
        await asyncio.sleep(0)
        t800.decision("inside")
        return "done"

    def steps(self) -> Iterator[int]:
        for number in range(3):
            t800.decision("inside")
            yield number

    async def asteps(self) -> AsyncIterator[int]:
        for number in range(3):
            t800.decision("inside")
            yield number


@pytest.fixture
def watched() -> Iterator[Agent]:
    patches = Patches()

    def begin(agent: Any) -> Work | None:
        return Work("framework", agent.name) if t800.current().enabled else None

    for name, asynchronous in (("run", False), ("arun", True), ("steps", False), ("asteps", False)):
        patches.replace(Agent, name, working(begin, asynchronous=asynchronous))
    yield Agent()
    patches.undo()
    assert not hasattr(Agent.run, "__wrapped__")


def test_what_an_agent_does_is_its_own_and_ends_with_a_checkpoint(trace: Capture, watched: Agent) -> None:
    async def asynchronous() -> list[int]:
        assert await watched.arun() == "done"
        return [number async for number in watched.asteps()]

    assert watched.run() == "done"
    assert list(watched.steps()) == [0, 1, 2]
    assert asyncio.run(asynchronous()) == [0, 1, 2]
    told = [(event["type"], event.get("status"), event["agent_id"]) for event in trace.events]
    inside, over = ("decision", None, "helper"), ("checkpoint", "completed", "helper")
    assert told == [inside, over, *[inside] * 3, over, inside, over, *[inside] * 3, over]


def test_who_reads_an_agents_steps_is_not_the_agent(trace: Capture, watched: Agent) -> None:
    for _ in watched.steps():
        t800.decision("outside")
        break
    outside = [event for event in trace.events if event.get("decision_type") == "outside"]
    assert "agent_id" not in outside[0]
    assert trace.events[-1]["status"] == "interrupted"


def test_an_agent_that_fails_has_one_error(trace: Capture, watched: Agent) -> None:
    with pytest.raises(ValueError, match="no"):
        watched.run(ValueError("no"))
    with pytest.raises(KeyboardInterrupt):
        watched.run(KeyboardInterrupt())
    told = [event.get("status") or event.get("error_type") for event in trace.events]
    assert told == [None, "ValueError", "failed", None, "interrupted"]


def test_agents_that_nobody_records_work_as_ever(watched: Agent) -> None:
    assert watched.run() == "done"
    assert list(watched.steps()) == [0, 1, 2]
    assert asyncio.run(watched.arun()) == "done"


# Wrapped functions


class Model:
    """A model of a framework."""

    def ask(self, model: str) -> str:
        return model

    def stream(self, model: str) -> Iterator[str]:
        yield from model


def begin(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    call = begin_llm("framework", kwargs.get("model") or args[1], nests=True)
    return None if call is None else (call, None)


def test_every_class_that_is_derived_is_followed_and_let_go(trace: Capture) -> None:
    class Derived(Model):
        def ask(self, model: str) -> str:
            return "derived " + super().ask(model)

    patches = Patches()
    wrap = around(begin, lambda call, _, answer: call.end(answer), asynchronous=False)
    patches.follow(Model, lambda each: patches.replace_own(each, "ask", wrap))

    class Late(Model):
        def __init_subclass__(cls, **options: Any) -> None:
            super().__init_subclass__(**options)

        def ask(self, model: str) -> str:
            return "late " + super().ask(model)

    class Later(Late):
        def ask(self, model: str) -> str:
            return "later " + super().ask(model)

    assert (Derived().ask("a"), Later().ask("b")) == ("derived a", "later late b")
    assert [call["model"] for call in models(trace)] == ["a", "b"]
    patches.undo()
    assert "__init_subclass__" not in vars(Model)
    assert not any(hasattr(each.ask, "__wrapped__") for each in (Model, Derived, Late, Later))


def test_a_stream_is_watched_to_its_end_or_to_where_it_is_given_up(trace: Capture) -> None:
    parts: list[str] = []
    patches = Patches()
    take = lambda call, _, part: (parts.append(part), call.first_token())  # noqa: E731
    patches.replace(
        Model,
        "stream",
        streamed(begin, take, lambda call, _, error: call.end(error=error), asynchronous=False),
    )
    assert list(Model().stream("abc")) == parts == ["a", "b", "c"]
    for _ in Model().stream("xyz"):
        break
    patches.undo()
    whole, given_up = models(trace)
    assert (whole["success"], whole["ttft_ms"] >= 0) == (True, True)
    assert (given_up["interrupted"], given_up["success"]) == (True, None)
