"""Values that change or record while they are walked, and what holds for any value at all."""

from __future__ import annotations

import decimal
import json
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.recording import SCANNED, SECRET, stored

from t800.testing import Capture, capture


@pytest.fixture
def trace() -> Iterator[Capture]:
    with capture() as session:
        yield session


# What changes while it is walked


def test_a_dict_that_its_own_values_change(trace: Capture) -> None:
    class Growing(decimal.Decimal):
        def __str__(self) -> str:
            shared.clear()
            shared.update({f"new{n}": n for n in range(50)})
            return "1"

    shared: dict[str, object] = {"a": 1, "b": Growing(1), "c": 3}
    stored(trace, shared)
    items: list[object] = [1, 2, 3]

    class Shrinking(decimal.Decimal):
        def __str__(self) -> str:
            items.clear()
            return "1"

    items.insert(1, Shrinking(1))
    assert stored(trace, items) == [1, "1"]


def test_a_dict_that_grows_for_ever_while_it_is_walked_ends(trace: Capture) -> None:
    shared: dict[str, object] = {}

    class Adding(decimal.Decimal):
        def __str__(self) -> str:
            shared[f"k{len(shared)}"] = Adding(1)
            return "1"

    shared["k0"] = Adding(1)
    stored(trace, shared)
    assert len(trace.lines()[-1]) <= 1_100_000


def test_values_that_another_thread_changes(trace: Capture) -> None:
    shared: dict[str, Any] = {f"k{n}": [n] for n in range(200)}
    stop = threading.Event()

    def change() -> None:
        n = 0
        while not stop.is_set():
            n += 1
            shared[f"x{n % 50}"] = {"n": n}
            shared.pop(f"x{(n + 25) % 50}", None)
            shared["k0"].append(n) if n % 3 else shared["k0"].clear()

    thread = threading.Thread(target=change)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    thread.start()
    try:
        for _ in range(300):
            stored(trace, shared)
    finally:
        stop.set()
        thread.join()
        sys.setswitchinterval(interval)


def test_a_value_whose_own_code_records_is_two_events(trace: Capture) -> None:
    class Recording(decimal.Decimal):
        def __str__(self) -> str:
            with trace.tool("inner", {"n": 1}) as call:
                call.result({"m": 2})
            return "recorded"

    assert trace.tool_call("outer", {"v": Recording(1), "w": [Recording(2)]}) == "evt_001"
    events = {event["event_id"]: event for event in trace.events}
    assert list(events) == ["evt_002", "evt_003", "evt_001"]
    assert events["evt_001"]["parameters_redacted"] == {"v": "recorded", "w": ["recorded"]}
    assert events["evt_002"]["parameters_redacted"] == {"n": 1}
    assert events["evt_002"]["result_redacted"] == {"m": 2}


def test_a_value_whose_own_code_closes_the_session() -> None:
    with capture() as trace:

        class Closing(decimal.Decimal):
            def __str__(self) -> str:
                trace.close()
                return "closed"

        with trace.tool("open"):
            trace.tool_call("outer", {"v": Closing(1)})
    assert trace.tool_call("after") is None
    for line in trace.lines():
        json.loads(line)


# Laws

TEXTS = st.text(max_size=40)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TEXTS
    | st.binary(max_size=20)
    | st.text(st.characters(categories=["Cs"]), max_size=5)
    | st.decimals()
    | st.dates()
    | st.uuids(),
    lambda inner: (
        st.lists(inner, max_size=6)
        | st.dictionaries(TEXTS | st.integers(), inner, max_size=6)
        | st.tuples(inner, inner)
        | st.frozensets(st.integers(), max_size=4)
    ),
    max_leaves=40,
)


@given(VALUES)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_is_recorded_parses(value: object) -> None:
    with capture() as trace:
        stored(trace, value)


@given(st.lists(st.text('abcdefghij ÄÖÜ☃\n\t"\\\0{}[]:,', max_size=200)))
@settings(max_examples=200, deadline=None)
def test_texts_without_secrets_come_back_equal(texts: list[str]) -> None:
    with capture() as trace:
        assert stored(trace, texts) == texts


@given(
    st.text(max_size=30),
    st.text(max_size=30),
    st.sampled_from(["password", "dbPassword", "X-Api-Key", "AUTH_TOKEN"]),
)
@settings(max_examples=200, deadline=None)
def test_no_planted_secret_survives(before: str, after: str, key: str) -> None:
    with capture(settings=SCANNED) as trace:
        stored(trace, {"nested": [{key: before + SECRET + after}], "prose": f"{before} {SECRET} {after}"})
        assert SECRET not in trace.lines()[-1]
