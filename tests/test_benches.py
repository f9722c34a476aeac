"""The benches' own arithmetic: what a gate lets through, and what a figure is net of."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

BENCHES = Path(__file__).resolve().parents[1] / "benches"


def load(name: str) -> ModuleType:
    """A bench by its path: benches are scripts, not a package."""
    spec = importlib.util.spec_from_file_location(f"benches_{name}", BENCHES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ({"push": 104.9}, []),
        ({"push": 50.0}, []),
        ({"push": 105.1}, ["push"]),
        ({"push": 100.0, "pull": 1.0}, ["pull"]),
        ({}, ["push"]),
    ],
)
def test_the_gate_of_instructions(
    now: dict[str, float], said: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert load("instructions").compare({"push": 100.0}, now) == said
    assert ("TOO MANY" in capsys.readouterr().out) == (now.get("push", 0) > 105)


def test_the_table_has_the_stages_of_every_kind() -> None:
    rows = json.loads((BENCHES / "instructions.json").read_text(encoding="utf-8"))["rows"]
    for kind in ("small", "edit", "llm", "decision", "error", "checkpoint"):
        assert rows[f"redact {kind}"] > 0
        # Encoding remembers what it judged a moment ago, so judging afresh may cost more than all of it.
        assert 0 < rows[f"encode {kind}"] < rows[f"record {kind}"]
    assert rows["push 250 bytes"] > 0


def test_statements_take_turns_and_each_is_settled() -> None:
    order: list[str] = []
    interleave = load("interleave")
    taken = interleave.take_turns(
        {"one": "order.append('one')", "two": "order.append('two')"},
        {"order": order},
        rounds=3,
        calls=2,
        settle=lambda: order.append("settled"),
    )
    # The empty loop is the first in each round.
    assert order == ["settled", "one", "one", "settled", "two", "two", "settled"] * 3
    assert [len(each.rounds) for each in taken.values()] == [3, 3]
    assert (interleave.Taken([3.0, 1.0, 2.0]).fastest, interleave.Taken([3.0, 1.0, 2.0]).usual) == (1.0, 2.0)


@pytest.mark.parametrize(
    ("value", "at_least", "met"), [(1.0, False, True), (3.0, False, False), (3.0, True, True)]
)
def test_whether_a_goal_is_met(value: float, at_least: bool, met: bool) -> None:
    row = load("rows").Row
    assert row("row", value, "ms", 2.0, at_least=at_least).met is met
    assert row("row", value, "ms").met is None
