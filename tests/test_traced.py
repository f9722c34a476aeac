"""`@t800.traced` on functions, coroutines, generators and async generators."""

from __future__ import annotations

import asyncio
import copy
import gc
import inspect
import pickle
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from subprocess import CompletedProcess
from typing import Any

import pytest

import t800
from t800.testing import Capture, capture

Run = Callable[..., CompletedProcess[str]]


@pytest.fixture
def trace() -> Iterator[Capture]:
    with capture() as session:
        yield session


def only_call(trace: Capture) -> dict[str, Any]:
    calls = [event for event in trace.events if event["type"] == "tool_call"]
    assert len(calls) == 1, calls
    return calls[0]


# Plain functions


def test_a_call_is_one_tool_call_without_arguments_or_result(trace: Capture) -> None:
    @t800.traced
    def add(a: int, b: int = 2) -> int:
        """Adds."""
        return a + b

    assert add(1) == 3
    event = only_call(trace)
    assert event["tool"].endswith("add")
    assert event["success"] is True
    assert not {"parameters_redacted", "result_redacted"} & set(event)
    assert (add.__name__, add.__doc__) == ("add", "Adds.")
    assert inspect.signature(add).parameters["b"].default == 2


@t800.traced
def doubled(number: int) -> int:
    return 2 * number


def test_what_is_traced_is_used_like_the_function(trace: Capture) -> None:
    assert pickle.loads(pickle.dumps(doubled)) is doubled  # noqa: S301 - bytes of our own
    assert copy.copy(doubled) is doubled is copy.deepcopy(doubled)
    assert isinstance(doubled, Callable)
    assert (doubled.__module__, doubled.__qualname__) == (__name__, "doubled")
    assert doubled.__call__(4) == 8
    assert list(map(doubled, [1, 2])) == [2, 4]
    assert weakref.ref(doubled)() is doubled
    assert len(trace.events) == 3
    doubled.note = "kept"
    assert doubled.note == "kept"


def test_a_collection_may_begin_while_a_function_is_decorated(python: Run) -> None:
    """Interpreters that make an object's `__dict__` before it is filled show it to the collection as zeroed memory."""
    program = """
import gc
from t800._core import Traced
def work(): ...
kept = []
gc.disable()
for threshold in range(1, 60):
    # What new objects are made of without asking for memory is used up.
    kept += [[{} for _ in range(300)], [[] for _ in range(300)], [(n,) for n in range(300)]]
    gc.collect()
    gc.set_threshold(threshold)
    gc.enable()
    kept += [Traced(work, "work", work) for _ in range(60)]
    gc.disable()
print("alive")
"""
    assert python(program).stdout == "alive\n"


def test_wrong_arguments_are_the_functions_own_error(trace: Capture) -> None:
    with pytest.raises(TypeError, match="doubled"):
        doubled(1, 2)
    error, call = trace.events
    assert (error["error_type"], call["success"]) == ("TypeError", False)


def test_arguments_and_result_when_asked(trace: Capture) -> None:
    @t800.traced(name="adder", args=True, result=True)
    def add(a: int, *rest: int, password: str = "", **more: int) -> dict[str, int]:
        return {"sum": a + sum(rest) + sum(more.values())}

    assert add(1, 2, 3, password="hunter2-hunter2", x=4) == {"sum": 10}
    event = only_call(trace)
    assert event["tool"] == "adder"
    assert event["parameters_redacted"] == {"a": 1, "args": [2, 3], "password": "[REDACTED]", "x": 4}
    assert event["result_redacted"] == {"sum": 10}


def test_methods_static_methods_and_callables(trace: Capture) -> None:
    class Agent:
        @t800.traced
        def act(self) -> str:
            return "acted"

        @staticmethod
        @t800.traced
        def think() -> str:
            return "thought"

        @classmethod
        @t800.traced
        def plan(cls) -> str:
            return cls.__name__

        def __call__(self) -> str:
            return "called"

    assert (Agent().act(), Agent.think(), Agent.plan(), t800.traced(Agent())()) == (
        "acted", "thought", "Agent", "called",
    )  # fmt: skip
    names = [event["tool"].rpartition(".")[2] for event in trace.events]
    assert names == ["act", "think", "plan", "Agent"]


def test_an_exception_is_recorded_and_raised(trace: Capture) -> None:
    @t800.traced
    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    assert [event["type"] for event in trace.events] == ["error", "tool_call"]
    assert only_call(trace)["success"] is False


def test_calls_inside_calls_have_parents(trace: Capture) -> None:
    @t800.traced
    def fib(n: int) -> int:
        return n if n < 2 else fib(n - 1) + fib(n - 2)

    assert fib(5) == 5
    assert len(trace.events) == 15
    ids = {event["event_id"] for event in trace.events}
    assert all(event["parent_id"] in ids for event in trace.events if event["event_id"] != "evt_001")


def test_without_a_session_the_function_just_runs() -> None:
    @t800.traced(args=True, result=True)
    def add(a: int, b: int) -> int:
        return a + b

    assert add(1, 2) == 3


def test_the_session_is_that_of_the_call_not_of_the_decoration(trace: Capture) -> None:
    @t800.traced
    def act() -> None:
        pass

    with capture() as other:
        act()
    assert len(other.events) == 1
    assert trace.events == []


# Coroutines


def test_a_coroutine_function_stays_one(trace: Capture) -> None:
    @t800.traced(result=True)
    async def work(n: int) -> dict[str, int]:
        await asyncio.sleep(0)
        t800.decision("inside")
        return {"n": n}

    assert inspect.iscoroutinefunction(work)
    assert asyncio.run(work(3)) == {"n": 3}
    decision, call = trace.events
    assert decision["parent_id"] == call["event_id"]
    assert call["result_redacted"] == {"n": 3}


def test_a_cancelled_coroutine_is_interrupted(trace: Capture) -> None:
    @t800.traced
    async def work() -> None:
        await asyncio.sleep(60)

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(work(), 0.001)

    asyncio.run(main())
    assert only_call(trace)["interrupted"] is True


def test_a_coroutine_that_is_never_awaited_is_no_call(trace: Capture) -> None:
    @t800.traced
    async def work() -> None:
        pass

    work().close()
    assert trace.events == []


# Generators


def numbers() -> Iterator[Any]:
    yield 1
    yield 2
    return 3


def test_a_generators_call_lasts_until_it_is_exhausted(trace: Capture) -> None:
    generator = t800.traced(result=True)(numbers)()
    assert inspect.isgeneratorfunction(t800.traced(numbers))
    assert next(generator) == 1
    assert trace.events == []
    assert next(generator) == 2
    with pytest.raises(StopIteration) as end:
        next(generator)
    assert end.value.value == 3
    assert only_call(trace)["result_redacted"] == 3


def test_a_generator_gives_the_context_back_between_its_values(trace: Capture) -> None:
    @t800.traced(name="gen")
    def work() -> Iterator[int]:
        for n in range(3):
            t800.decision("inside")
            yield n

    with trace.tool("outer") as outer:
        for _ in work():
            t800.decision("outside")
    gen = next(event for event in trace.events if event.get("tool") == "gen")
    parents = {name: set() for name in ("inside", "outside")}
    for event in trace.events:
        if event["type"] == "decision":
            parents[event["decision_type"]].add(event["parent_id"])
    assert parents == {"inside": {gen["event_id"]}, "outside": {outer.id}}
    assert gen["parent_id"] == outer.id


def test_two_generators_in_turns_keep_their_own_context(trace: Capture) -> None:
    @t800.traced
    def work(name: str) -> Iterator[str]:
        for _ in range(3):
            with t800.tool(name):
                yield name

    # A span that is open over a yield is the generator's own business; here both just have to end.
    assert list(zip(work("a"), work("b"), strict=True)) == [("a", "b")] * 3
    assert sorted(event["tool"] for event in trace.events if len(event["tool"]) == 1) == ["a"] * 3 + ["b"] * 3
    assert t800.current() is trace
    assert trace.working()["events"] == []


def test_send_throw_and_close_reach_the_generator(trace: Capture) -> None:
    seen: list[object] = []

    @t800.traced
    def echo() -> Iterator[Any]:
        try:
            while True:
                try:
                    seen.append((yield len(seen)))
                except KeyError as error:
                    seen.append(error)
        finally:
            seen.append("closed")

    generator: Any = echo()
    assert next(generator) == 0
    assert generator.send("sent") == 1
    thrown = KeyError("x")
    assert generator.throw(thrown) == 2
    generator.close()
    assert seen == ["sent", thrown, "closed"]
    assert only_call(trace)["interrupted"] is True


def test_an_exception_in_a_generator(trace: Capture) -> None:
    @t800.traced
    def work() -> Iterator[int]:
        yield 1
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        list(work())
    assert [event["type"] for event in trace.events] == ["error", "tool_call"]


def test_a_generator_that_is_dropped_is_interrupted(trace: Capture) -> None:
    generator = t800.traced(numbers)()
    next(generator)
    del generator
    gc.collect()
    assert only_call(trace)["interrupted"] is True
    assert "parent_id" not in (trace.decision("after") and trace.events[-1])


def test_a_generator_that_never_starts_is_no_call(trace: Capture) -> None:
    t800.traced(numbers)().close()
    assert trace.events == []


# Async generators


def test_an_async_generator_gives_the_context_back_between_its_values(trace: Capture) -> None:
    @t800.traced(name="agen")
    async def work() -> AsyncIterator[int]:
        for n in range(3):
            t800.decision("inside")
            await asyncio.sleep(0)
            yield n

    assert inspect.isasyncgenfunction(work)

    async def main() -> list[int]:
        found = []
        async for n in work():
            t800.decision("outside")
            found.append(n)
        return found

    assert asyncio.run(main()) == [0, 1, 2]
    agen = next(event for event in trace.events if event.get("tool") == "agen")
    for event in trace.events:
        if event["type"] == "decision":
            inside = event["decision_type"] == "inside"
            assert event.get("parent_id") == (agen["event_id"] if inside else None)


@pytest.mark.parametrize("how", ["aclose", "break", "athrow"])
def test_an_async_generator_that_ends_early(trace: Capture, how: str) -> None:
    @t800.traced
    async def work() -> AsyncIterator[int]:
        while True:
            yield 1

    async def main() -> None:
        generator: Any = work()
        async for _ in generator:
            break
        if how == "athrow":
            with pytest.raises(KeyError):
                await generator.athrow(KeyError("x"))
        elif how == "aclose":
            await generator.aclose()

    asyncio.run(main())
    event = only_call(trace)
    assert (event["success"], event.get("interrupted")) == (
        (False, None) if how == "athrow" else (None, True)
    )


def test_asend_reaches_the_async_generator(trace: Capture) -> None:
    @t800.traced
    async def echo() -> AsyncIterator[Any]:
        got = yield "ready"
        yield got

    async def main() -> list[object]:
        generator: Any = echo()
        return [await anext(generator), await generator.asend("sent")]

    assert asyncio.run(main()) == ["ready", "sent"]


def test_athrow_reaches_the_async_generator(trace: Capture) -> None:
    @t800.traced
    async def catching() -> AsyncIterator[Any]:
        try:
            yield "ready"
        except KeyError as error:
            yield error

    async def main() -> list[object]:
        generator: Any = catching()
        found = [await anext(generator), await generator.athrow(thrown)]
        await generator.aclose()
        return found

    thrown = KeyError("x")
    assert asyncio.run(main()) == ["ready", thrown]
    assert [event["type"] for event in trace.events] == ["tool_call"]


@pytest.mark.parametrize("decorate", [t800.traced, t800.traced()])
def test_with_and_without_parentheses(trace: Capture, decorate: Callable[..., Any]) -> None:
    def act() -> int:
        return 1

    assert decorate(act)() == 1
    assert only_call(trace)["tool"].endswith("act")
