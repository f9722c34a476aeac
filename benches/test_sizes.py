"""Long texts, deep and wide values: what they cost grows no faster than they do."""

from typing import Any

import orjson
import pytest
from interleave import take_turns

from t800 import bench, config
from t800._core import Redactor
from t800.session import Session

PROSE = "The tariff is read in order of weight, and a parcel of exactly the limit still belongs to its band. "
LENGTHS = [64, 1 << 10, 16 << 10, 256 << 10, 1 << 20]
ITEMS = [10, 100, 1000, 5000]
DEPTHS = [1, 8, 32, 60]
# Twice as much work for each byte or item is not linear any more; a busy machine needs some room.
SLACK = 2.0


def scanning() -> Redactor:
    settings = {"telemetry.privacy.redact_content": False, "telemetry.privacy.max_value_bytes": 2 << 20}
    compiled = config.defaults(settings).compiled()
    return Redactor(settings=compiled, key=bytes(32), home="/home/u", identity=False)


def line_of(length: int) -> bytes:
    return orjson.dumps({"type": "decision", "outcome": (PROSE * (length // len(PROSE) + 1))[:length]})


def deep(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {"leaf": 1}
    for level in range(levels):
        value = {f"level{level}": value, "note": "src/auth.ts"}
    return value


def wide(items: int) -> dict[str, Any]:
    return {f"path{number}": "src/auth.ts" for number in range(items)}


def event(value: dict[str, Any]) -> dict[str, Any]:
    return {"type": "tool_call", "tool": "read", "parameters": value}


@pytest.mark.parametrize("length", LENGTHS)
def test_length(length: int, benchmark: Any) -> None:
    benchmark.group = f"a text of {length} bytes, scanned"
    line = line_of(length)
    assert benchmark(scanning().redact_json, line) == line


@pytest.mark.parametrize(
    "shape", [*[f"wide {items}" for items in ITEMS], *[f"deep {depth}" for depth in DEPTHS]]
)
def test_shape(shape: str, on: Session, benchmark: Any) -> None:
    kind, size = shape.split()
    given = event((wide if kind == "wide" else deep)(int(size)))
    benchmark.group = f"parameters, {kind}"
    rounds, calls = 20, 5
    on.record(given)
    benchmark.pedantic(on.record, args=(given,), rounds=rounds, iterations=calls)
    # pytest-benchmark calls once more, for the result.
    bench.check_trace(on, rounds * calls + 2)


def test_budget_of_long_texts() -> None:
    redactor = scanning()
    names = {"redact": redactor.redact_json, "shorter": line_of(16 << 10), "longer": line_of(128 << 10)}
    taken = take_turns({"shorter": "redact(shorter)", "longer": "redact(longer)"}, names, rounds=30, calls=1)
    assert taken["longer"].fastest <= SLACK * 8 * taken["shorter"].fastest


@pytest.mark.parametrize(("make", "sizes"), [(wide, (50, 400)), (deep, (7, 56))])
def test_budget_of_shapes(make: Any, sizes: tuple[int, int], on: Session) -> None:
    names = {"record": on.record, "less": event(make(sizes[0])), "more": event(make(sizes[1]))}
    taken = take_turns(
        {"less": "record(less)", "more": "record(more)"}, names, rounds=40, calls=2, settle=on.flush
    )
    assert taken["more"].fastest <= SLACK * sizes[1] / sizes[0] * taken["less"].fastest
    bench.check_trace(on, 160)
