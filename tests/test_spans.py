"""Spans and hook points: ids, order, parents, errors, interruptions, misuse."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from typing import Any

import pytest

import t800
from t800.testing import Capture, capture


@pytest.fixture
def trace() -> Any:
    with capture() as session:
        yield session


def lenient() -> Capture:
    return capture(strict=False)


def by_tool(trace: Capture) -> dict[str, dict[str, Any]]:
    return {
        event["tool"]: event for event in trace.events if "tool" in event and event["type"] == "tool_call"
    }


def of_type(trace: Capture, kind: str) -> list[dict[str, Any]]:
    return [event for event in trace.events if event["type"] == kind]


# Ids, order, parents


def test_ids_are_given_at_the_begin_and_the_order_is_by_completion(trace: Capture) -> None:
    with trace.tool("outer") as outer, trace.tool("inner") as inner:
        fact = trace.decision("inside")
    assert (outer.id, inner.id, fact) == ("evt_001", "evt_002", "evt_003")
    assert [event["event_id"] for event in trace.events] == ["evt_003", "evt_002", "evt_001"]


def test_ids_grow_beyond_three_digits(trace: Capture) -> None:
    ids = [trace.decision("x") for _ in range(1001)]
    assert (ids[0], ids[98], ids[998], ids[1000]) == ("evt_001", "evt_099", "evt_999", "evt_1001")
    assert [event["event_id"] for event in trace.events] == ids


def test_the_parent_is_the_innermost_open_call_for_finished_facts_too(trace: Capture) -> None:
    with trace.tool("outer") as outer:
        with trace.llm("model") as model:
            trace.tool_call("fact")
        trace.decision("after")
    trace.checkpoint("outside")
    parents = {event["event_id"]: event.get("parent_id") for event in trace.events}
    assert parents == {
        "evt_003": model.id,
        "evt_002": outer.id,
        "evt_004": outer.id,
        "evt_001": None,
        "evt_005": None,
    }


def test_a_span_that_is_made_but_not_entered_is_no_parent(trace: Capture) -> None:
    span = trace.tool("made")
    trace.decision("beside")
    assert "parent_id" not in trace.events[0]
    with span:
        trace.decision("inside")
    assert trace.events[1]["parent_id"] == span.id


def test_a_parent_can_be_given_and_none_is_no_parent(trace: Capture) -> None:
    first = trace.decision("first")
    with trace.tool("outer"):
        trace.decision("given", parent_id=first)
    assert trace.events[1]["parent_id"] == first


def test_parents_of_interleaved_tasks_are_their_own(trace: Capture) -> None:
    async def work(name: str, turn: asyncio.Barrier) -> None:
        async with trace.tool(name):
            await turn.wait()
            async with trace.tool(f"{name}.inner"):
                await turn.wait()
                trace.decision(name)
                await turn.wait()

    async def main() -> None:
        turn = asyncio.Barrier(5)
        async with asyncio.TaskGroup() as group:
            for n in range(5):
                group.create_task(work(f"task{n}", turn))

    asyncio.run(main())
    tools = by_tool(trace)
    for decision in of_type(trace, "decision"):
        name = decision["decision_type"]
        assert decision["parent_id"] == tools[f"{name}.inner"]["event_id"]
        assert tools[f"{name}.inner"]["parent_id"] == tools[name]["event_id"]


def test_a_thread_without_context_has_no_parent_and_one_with_it_has(trace: Capture) -> None:
    context = contextvars.copy_context
    with trace.tool("outer") as outer:
        for name, run in (("bare", contextvars.Context().run), ("copied", context().run)):
            thread = threading.Thread(target=run, args=(trace.decision, name))
            thread.start()
            thread.join()
    parents = {event["decision_type"]: event.get("parent_id") for event in of_type(trace, "decision")}
    assert parents == {"bare": None, "copied": outer.id}


def test_a_sub_agent_names_its_events_and_keeps_the_parent(trace: Capture) -> None:
    with trace.tool("delegate") as call:
        with trace.agent("scout"):
            trace.decision("inside")
            with trace.agent("scouts_scout"):
                trace.decision("deeper")
        trace.decision("outside")
    seen = [(event.get("agent_id"), event.get("parent_id")) for event in of_type(trace, "decision")]
    assert seen == [("scout", call.id), ("scouts_scout", call.id), (None, call.id)]


def test_a_sub_agent_with_async_with(trace: Capture) -> None:
    async def main() -> None:
        async with trace.agent("scout"):
            trace.decision("inside")

    asyncio.run(main())
    assert trace.events[0]["agent_id"] == "scout"


# What a span says


def test_a_tool_span_is_one_event_with_its_result_and_tokens(trace: Capture) -> None:
    with trace.tool("read", {"file_path": "src/a.py"}) as call:
        assert call.result({"lines": 3}) == {"lines": 3}
        call.usage(tokens_in=5, tokens_out=7)
    (event,) = trace.events
    assert event["parameters_redacted"] == {"file_path": "src/a.py"}
    assert event["result_redacted"] == {"lines": 3}
    assert (event["tokens_in"], event["tokens_out"], event["success"]) == (5, 7, True)
    assert isinstance(event["duration_ms"], (int, float))
    assert event["duration_ms"] >= 0


def test_an_llm_span_is_one_event_with_its_usage(trace: Capture) -> None:
    messages = [{"role": "user", "content": "hello"}]
    with trace.llm("claude-sonnet-4", messages, provider="anthropic") as call:
        call.first_token()
        call.usage(
            prompt_tokens=1500, completion_tokens=800, cached_tokens=1000, cache_write_tokens=20,
            reasoning_tokens=300, cost_usd=0.023,
        )  # fmt: skip
        call.result("the answer")
    (event,) = trace.events
    assert event["total_tokens"] == 2300
    assert (event["provider"], event["cached_tokens"], event["cache_write_tokens"]) == ("anthropic", 1000, 20)
    assert (event["reasoning_tokens"], event["cost_usd"]) == (300, 0.023)
    assert event["messages_redacted"][0]["role"] == "user"
    assert event["messages_redacted"][0]["content"].startswith("[content hash: ")
    assert event["response_redacted"].startswith("[content hash: ")
    assert 0 <= event["ttft_ms"] <= event["duration_ms"]


def test_llm_fields_have_the_other_names_too(trace: Capture) -> None:
    trace.llm_call("m", tokens_in=3, tokens_out=4, cost=0.5)
    with trace.llm("m") as call:
        call.usage(tokens_in=3, tokens_out=4, cost=0.5)
    for event in trace.events:
        found = (event["prompt_tokens"], event["completion_tokens"], event["total_tokens"], event["cost_usd"])
        assert found == (3, 4, 7, 0.5)
        assert not {"tokens_in", "tokens_out", "cost"} & set(event)


def test_total_tokens_are_not_made_up(trace: Capture) -> None:
    trace.llm_call("m", prompt_tokens=3)
    trace.llm_call("m", prompt_tokens=3, completion_tokens=4, total_tokens=9)
    trace.llm_call("m", total_tokens=9)
    found = [(event.get("prompt_tokens"), event.get("total_tokens")) for event in trace.events]
    assert found == [(3, None), (3, 9), (None, 9)]


def test_parameters_are_as_they_were_at_the_begin(trace: Capture) -> None:
    parameters = {"command": "ls", "flags": ["-l"]}
    with trace.tool("bash", parameters):
        parameters["command"] = "rm"
        parameters["flags"].append("-f")  # type: ignore[attr-defined]
    assert trace.events[0]["parameters_redacted"] == {"command": "ls", "flags": ["-l"]}


def test_what_only_the_end_of_a_call_knows_is_kept(trace: Capture) -> None:
    secret = "ghp_" + "a1B2c3D4e5" * 3 + "f6G7h8"
    with trace.llm(None) as call:
        call.update(model="gpt-4o", provider="openai", messages=[{"role": "user", "content": "x"}])
        call.usage(prompt_tokens=1_000_000)
    with trace.llm("gpt-4o") as call:
        call.update(model=f"gpt-4o {secret}", provider="openai", prompt_tokens=1_000_000)
    with trace.tool("bash") as call:
        call.update(parameters={"command": f"echo {secret}", "password": "x"})
    token = trace.pre_llm(None)
    trace.post_llm(token, model="gpt-4o", provider="openai", prompt_tokens=1_000_000)
    late, twice, tool, hooked = trace.events
    assert [event["model"] for event in (late, twice, hooked)] == ["gpt-4o"] * 3
    assert {event["cost_usd"] for event in (late, twice, hooked)} == {late["cost_usd"]}
    assert late["cost_usd"] > 0
    assert late["messages_redacted"][0]["role"] == "user"
    assert late["messages_redacted"][0]["content"].startswith("[content hash: ")
    assert twice["attributes"] == {"model": "gpt-4o [REDACTED]"}
    assert tool["parameters_redacted"] == {"command": "echo [REDACTED]", "password": "[REDACTED]"}


def test_success_is_true_unless_said_otherwise(trace: Capture) -> None:
    with trace.tool("a"):
        pass
    with trace.tool("b") as call:
        call.update(success=False)
    with trace.tool("c") as call:
        call.update(success=None)
    with trace.tool("d", success=False):
        pass
    trace.tool_call("e")
    trace.tool_call("f", success=False)
    trace.tool_call("g", success=None)
    trace.post_tool(trace.pre_tool("h"))
    trace.post_tool(trace.pre_tool("i"), success=False)
    trace.record({"type": "tool_call", "tool": "j"})
    trace.llm_call("k")
    found = "".join(str(event.get("success", "-"))[0] for event in trace.events)
    assert found == "TFNFTFNTF-T"


def test_a_duration_can_be_given(trace: Capture) -> None:
    with trace.tool("a") as call:
        call.update(duration_ms=1234.5)
    assert trace.events[0]["duration_ms"] == 1234.5


def test_attributes_of_a_span(trace: Capture) -> None:
    with trace.tool("a", attributes={"exit_code": 3}):
        pass
    with trace.tool("b") as call:
        call.update(attributes={"exit_code": 4})
    assert [event["attributes"] for event in trace.events] == [{"exit_code": 3}, {"exit_code": 4}]


# Errors and interruptions


def test_an_exception_is_recorded_once_at_the_innermost_span_and_raised_on(trace: Capture) -> None:
    failure = ValueError("no such file")
    with pytest.raises(ValueError, match="no such file") as raised, trace.tool("outer"), trace.tool("inner"):
        raise failure
    assert raised.value is failure
    error, inner, outer = trace.events
    assert (error["type"], error["error_type"], error["message"]) == ("error", "ValueError", "no such file")
    assert (error["tool"], error["parent_id"]) == ("inner", inner["event_id"])
    assert (inner["tool"], inner["success"], outer["tool"], outer["success"]) == (
        "inner",
        False,
        "outer",
        False,
    )


def test_an_error_says_where_its_exceptions_type_comes_from(trace: Capture) -> None:
    class OwnError(Exception):
        pass

    with pytest.raises(OwnError), trace.tool("x"):
        raise OwnError("text")
    assert trace.events[0]["error_type"].endswith("OwnError")


def test_an_exception_that_is_caught_between_spans_fails_the_inner_only(trace: Capture) -> None:
    with trace.tool("outer"):
        with pytest.raises(KeyError), trace.tool("inner"):
            raise KeyError("x")
        trace.decision("goes on")
    tools = by_tool(trace)
    assert (tools["inner"]["success"], tools["outer"]["success"]) == (False, True)
    assert len(of_type(trace, "error")) == 1


def test_another_exception_object_is_another_error(trace: Capture) -> None:
    with pytest.raises(RuntimeError), trace.tool("outer"):
        try:
            with trace.tool("inner"):
                raise KeyError("first")
        except KeyError as error:
            raise RuntimeError("second") from error
    found = [(event["error_type"], event["tool"]) for event in of_type(trace, "error")]
    assert found == [("KeyError", "inner"), ("RuntimeError", "outer")]


def test_one_exception_through_span_phase_agent_and_session_is_one_error(trace: Capture) -> None:
    inner = capture()
    with (
        pytest.raises(OSError, match="disk"),
        inner,
        inner.phase("EXECUTE"),
        inner.agent("a"),
        inner.llm("m"),
    ):
        raise OSError("disk")
    assert [event["type"] for event in inner.events] == ["error", "llm_call", "checkpoint"]
    assert "tool" not in inner.events[0]


def test_an_exception_that_takes_no_attributes_does_not_hurt(trace: Capture) -> None:
    class Slotted(Exception):  # noqa: N818 - a name is a name
        __slots__ = ()

        def __setattr__(self, name: str, value: object) -> None:
            raise AttributeError(name)

    with pytest.raises(Slotted), trace.tool("x"):
        raise Slotted("text")
    assert trace.events[0]["type"] == "error"


def test_an_exception_whose_text_fails_is_recorded_by_its_type(trace: Capture) -> None:
    class Mute(Exception):  # noqa: N818
        def __str__(self) -> str:
            raise RuntimeError("mute")

    with pytest.raises(Mute), trace.tool("x"):
        raise Mute
    assert trace.events[0]["error_type"].endswith("Mute")
    assert "message" not in trace.events[0]


def test_a_secret_in_an_exception_is_redacted(trace: Capture) -> None:
    secret = "ghp_" + "a1B2c3D4e5" * 3 + "f6G7h8"
    with pytest.raises(RuntimeError), trace.tool("x"):
        raise RuntimeError(f"bad token {secret}")
    assert secret not in str(trace.events)
    assert trace.events[0]["message"].startswith("bad token ")


@pytest.mark.parametrize("kind", [asyncio.CancelledError, KeyboardInterrupt, GeneratorExit, SystemExit])
def test_a_cancellation_or_exit_is_interrupted_and_no_error(
    trace: Capture, kind: type[BaseException]
) -> None:
    with pytest.raises(kind), trace.tool("outer"), trace.llm("inner"):
        raise kind
    inner, outer = trace.events
    with pytest.raises(kind), trace.tool("told") as call:
        call.update(success=True)
        raise kind
    for event in (inner, outer, trace.events[2]):
        assert event["interrupted"] is True
        assert event["success"] is None
        assert event["duration_ms"] >= 0
    assert not of_type(trace, "error")


def test_a_cancelled_task_is_interrupted(trace: Capture) -> None:
    async def main() -> None:
        async def work() -> None:
            async with trace.tool("sleep"):
                await asyncio.sleep(60)

        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert (trace.events[0]["interrupted"], trace.events[0]["success"]) == (True, None)


def test_a_timeout_is_an_error(trace: Capture) -> None:
    async def main() -> None:
        async with trace.tool("outer"):
            async with asyncio.timeout(0.001):
                async with trace.tool("inner"):
                    await asyncio.sleep(60)

    with pytest.raises(TimeoutError):
        asyncio.run(main())
    inner, error, outer = trace.events
    assert (inner["tool"], inner["interrupted"]) == ("inner", True)
    assert (error["error_type"], error["tool"], outer["success"]) == ("TimeoutError", "outer", False)


# Hook points


def test_hook_points_make_one_event(trace: Capture) -> None:
    token = trace.pre_tool("bash", {"command": "ls"})
    assert isinstance(token, int)
    trace.decision("meanwhile")
    assert trace.post_tool(token, {"exit_code": 0}, tokens_out=3) == "evt_001"
    decision, event = trace.events
    assert "parent_id" not in decision
    assert (event["tool"], event["parameters_redacted"], event["result_redacted"]) == (
        "bash", {"command": "ls"}, {"exit_code": 0},
    )  # fmt: skip
    assert (event["tokens_out"], event["success"]) == (3, True)


def test_hook_points_of_an_llm_call(trace: Capture) -> None:
    token = trace.pre_llm("m", [{"role": "user", "content": "x"}])
    trace.post_llm(token, "reply", prompt_tokens=1, completion_tokens=2, cost_usd=0.1)
    (event,) = trace.events
    assert (event["model"], event["total_tokens"], event["cost_usd"], event["success"]) == ("m", 3, 0.1, True)
    assert event["response_redacted"].startswith("[content hash: ")


@pytest.mark.parametrize("failure", [ValueError("no"), "no"])
def test_the_error_of_a_hook_point_is_an_error_event_of_its_call(trace: Capture, failure: object) -> None:
    with trace.phase("EXECUTE"), trace.agent("scout"):
        token = trace.pre_tool("bash")
        trace.post_tool(token, error=failure)
    error, event, _ = trace.events
    assert (error["type"], error["message"], error["tool"]) == ("error", "no", "bash")
    assert error["parent_id"] == event["event_id"]
    assert (error["phase"], error["agent_id"]) == ("EXECUTE", "scout")
    assert event["success"] is False


def test_hook_points_can_end_in_another_order_thread_and_context(trace: Capture) -> None:
    with trace.tool("outer") as outer:
        first, second = trace.pre_tool("first"), trace.pre_tool("second")
    thread = threading.Thread(target=contextvars.Context().run, args=(trace.post_tool, first))
    thread.start()
    thread.join()
    trace.post_tool(second)
    assert {event["tool"]: event.get("parent_id") for event in trace.events} == {
        "outer": None, "first": outer.id, "second": outer.id,
    }  # fmt: skip


def test_a_token_is_good_once_and_a_wrong_one_is_none(trace: Capture) -> None:
    token = trace.pre_tool("x")
    assert trace.post_tool(token) is not None
    assert trace.post_tool(token) is None
    assert trace.post_tool(None) is None
    assert trace.post_tool(99_999) is None
    assert len(trace.events) == 1


# Misuse


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("duration_ms", "soon"), ("duration_ms", -1), ("duration_ms", float("nan")), ("success", "yes"),
        ("success", 1), ("tokens_in", 1.5), ("tokens_in", -1), ("tokens_in", True), ("unknown_field", 3),
        ("attributes", [1]), ("parent_id", 7), ("timestamp", "yesterday"), ("phase", 3),
    ],
)  # fmt: skip
def test_what_does_not_fit_raises_in_strict_mode_and_else_goes_to_the_attributes(
    field: str, value: object
) -> None:
    with capture() as strict, pytest.raises(TypeError, match=field):
        strict.tool_call("read", **{field: value})
    with lenient() as trace:
        with pytest.warns(RuntimeWarning, match=rf"tool_call\(\): {field}.*said once"):
            trace.tool_call("read", **{field: value})
        trace.tool_call("read", **{field: value})
        assert trace.misuses == 2
        for event in trace.events:
            kept = event["attributes"][field]
            assert kept == ("[NaN]" if value != value else value)  # noqa: PLR0124
            assert "tool" in event


@pytest.mark.parametrize("strict", [True, False])
def test_a_tools_name_must_be_a_text(strict: bool) -> None:
    with capture(strict=strict) as trace:
        if strict:
            with pytest.raises(TypeError, match="tool"):
                trace.tool_call(7)
        else:
            with pytest.warns(RuntimeWarning, match="tool must be a string"):
                assert trace.tool_call(7) == "evt_001"
            assert trace.events[0]["attributes"] == {"tool": 7}


def test_too_many_arguments_are_no_event(trace: Capture) -> None:
    with pytest.raises(TypeError, match="at most 2 positional"):
        trace.tool_call("a", {}, 3)
    with lenient() as other, pytest.warns(RuntimeWarning, match="not recorded"):
        assert other.tool_call("a", {}, 3) is None
        assert other.dropped == 1


def test_late_misuse_in_a_span_raises_at_its_end_in_strict_mode(trace: Capture) -> None:
    with pytest.raises(TypeError, match="prompt_tokens"), trace.llm("m") as call:
        call.usage(prompt_tokens="many")
    assert trace.events[0]["attributes"] == {"prompt_tokens": "many"}
    with lenient() as other, pytest.warns(RuntimeWarning, match="prompt_tokens"), other.llm("m") as call:
        call.usage(prompt_tokens="many")


def test_late_misuse_never_takes_the_place_of_the_agents_exception(trace: Capture) -> None:
    with pytest.raises(KeyError), trace.llm("m") as call:
        call.usage(prompt_tokens="many")
        raise KeyError("the agent's")


def test_an_unknown_field_of_a_span_goes_to_the_attributes() -> None:
    with (
        lenient() as trace,
        pytest.warns(RuntimeWarning, match="colour"),
        trace.tool("x", colour="red") as call,
    ):
        call.update(shape="round")
    assert trace.events[0]["attributes"] == {"colour": "red", "shape": "round"}


def test_misuse_of_phase_and_agent_is_said_and_the_agent_goes_on() -> None:
    with lenient() as trace, pytest.warns(RuntimeWarning, match="phase"):
        with trace.phase(3), trace.agent(None):
            trace.decision("inside")
    assert "phase" not in trace.events[0]
    with capture() as strict:
        with pytest.raises(TypeError, match="phase"):
            strict.phase(3)
        with pytest.raises(TypeError, match="agent"):
            strict.agent(3)


def test_warnings_that_are_errors_never_reach_the_agent() -> None:
    # This suite turns warnings into errors, and none of these raises.
    with lenient() as trace:
        assert trace.tool_call("x", colour="red") == "evt_001"


def test_a_span_ends_once(trace: Capture) -> None:
    with trace.tool("x") as call:
        pass
    call.__exit__(None, None, None)
    call.result("late")
    assert len(trace.events) == 1


def test_spans_off_do_nothing() -> None:
    session = t800.Session()
    with session.tool("x") as call:
        assert call.result(3) == 3
        call.usage(prompt_tokens="many")
        call.update(nonsense=1)
    with session.llm("x") as reply:
        reply.first_token()
    with session.phase(3) as phase, session.agent(3):
        phase.update(a=1)
    assert session.pre_tool() is None
    assert session.post_tool(None) is None
    assert session.record(3) is None


def test_what_the_begin_of_a_hook_point_was_told_is_in_its_event(trace: Capture) -> None:
    # The specification's pre_llm records the prompt's tokens and the model.
    token = trace.pre_llm("m", prompt_tokens=1500, attributes={"try": 1})
    trace.post_llm(token, completion_tokens=800)
    trace.post_llm(trace.pre_llm("m", prompt_tokens=1), prompt_tokens=2)
    first, second = trace.events
    assert (first["prompt_tokens"], first["total_tokens"], first["attributes"]) == (1500, 2300, {"try": 1})
    assert second["prompt_tokens"] == 2
    open_one = capture()
    open_one.pre_llm("m", prompt_tokens=7)
    open_one.close()
    assert (open_one.events[0]["prompt_tokens"], open_one.events[0]["interrupted"]) == (7, True)
