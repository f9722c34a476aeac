"""Values: whatever an agent passes, the event is JSON, tells no secret, and the agent runs on."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import json
import math
import pathlib
import resource
import sys
import types
import uuid
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pytest
from tests.recording import SCANNED, SECRET, stored

from t800.testing import Capture, capture


@pytest.fixture
def trace() -> Iterator[Capture]:
    with capture() as session:
        yield session


# What JSON knows


@pytest.mark.parametrize(
    "value",
    [
        None, True, False, 0, -1, 2**53, 2**63 - 1, -(2**63), 2**64 - 1, 2**100, -(2**100), 0.5, -0.25, 1e300,
        5e-324, "", "text", "ünï ☃ 🤖", 'quote " back \\ slash / tab \t line \n nul \0 bell \x07 del \x7f',
        "\u2028\u2029\ufeff", [], {}, [[], {}], {"a": {"b": [1, 2.5, None, "x"]}}, "[cycle]", "[REDACTED]",
    ],
)  # fmt: skip
def test_plain_values_come_back_equal(trace: Capture, value: object) -> None:
    found = stored(trace, value)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("value", "text"), [(math.nan, "[NaN]"), (math.inf, "[Infinity]"), (-math.inf, "[-Infinity]")]
)
def test_numbers_that_json_does_not_know_are_markers(trace: Capture, value: float, text: str) -> None:
    assert stored(trace, [value]) == [text]


def test_a_huge_integer_is_a_marker(trace: Capture) -> None:
    assert stored(trace, 10**5000) == "[integer of 16610 bits]"
    assert stored(trace, [-(1 << 200)]) == ["[integer of 201 bits]"]


def test_lone_surrogates_are_replaced(trace: Capture) -> None:
    found = stored(trace, "a\ud800b")
    assert found[0] + found[-1] == "ab"
    assert "\ufffd" in found
    found = stored(trace, {"k\udfff": "v"})
    assert list(found.values()) == ["v"]


def test_keys_of_any_kind_are_texts(trace: Capture) -> None:
    class Odd:
        pass

    found = stored(trace, {1: "a", 2.5: "b", None: "c", (1, 2): "e", Odd(): "f", b"x": "g"})
    assert list(found.values()) == ["a", "b", "c", "e", "f", "g"]
    assert {"1", "2.5", "None", "(1, 2)"} <= set(found)
    assert any("Odd" in key for key in found)


# What Python knows besides


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    LOW = 1


class Flag(enum.StrEnum):
    ON = "on"


class Text(str):
    __slots__ = ()

    def __str__(self) -> str:
        return SECRET

    def __repr__(self) -> str:
        return SECRET


class Whole(int):
    def __str__(self) -> str:
        return SECRET


class Dict(dict[str, object]):
    def items(self) -> Any:
        raise AssertionError("a dict's own entries are read")


class List(list[object]):
    def __iter__(self) -> Iterator[object]:
        raise AssertionError("a list's own items are read")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (dt.datetime(2026, 1, 15, 10, 30, tzinfo=dt.UTC), "2026-01-15T10:30:00+00:00"),
        (dt.date(2026, 1, 15), "2026-01-15"),
        (dt.time(10, 30), "10:30:00"),
        (dt.timedelta(seconds=90), "0:01:30"),
        (uuid.UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        (decimal.Decimal("1.10"), "1.10"),
        (fractions.Fraction(1, 3), "1/3"),
        (pathlib.PurePosixPath("src/auth.ts"), "src/auth.ts"),
        (Colour.RED, "red"),
        (Level.LOW, 1),
        (Flag.ON, "on"),
        (Text("plain"), "plain"),
        (Whole(7), 7),
        (Dict(a=1), {"a": 1}),
        (List([1, 2]), [1, 2]),
        ((1, (2, 3)), [1, [2, 3]]),
        ({7}, [7]),
        (frozenset([7]), [7]),
        (b"text", "text"),
        (bytearray(b"text"), "text"),
        (b"\xff\xfe\x00", "[3 bytes]"),
        (collections.OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
        (collections.Counter("aab"), {"a": 2, "b": 1}),
        (types.MappingProxyType({"a": 1}), {"a": 1}),
        (collections.ChainMap({"a": 1}, {"b": 2}), {"a": 1, "b": 2}),
        (ValueError("no such thing"), "ValueError: no such thing"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_of_the_standard_library(trace: Capture, value: object, expected: object) -> None:
    assert stored(trace, value) == expected


@dataclasses.dataclass
class Login:
    user: str
    password: str
    inner: object = None


@dataclasses.dataclass(slots=True, frozen=True)
class Slotted:
    user: str
    password: str


class Pair(NamedTuple):
    user: str
    password: str


class Own(Mapping[str, object]):
    def __init__(self, **entries: object) -> None:
        self.entries = entries

    def __getitem__(self, key: str) -> object:
        return self.entries[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)


def models() -> list[object]:
    found: list[object] = [
        Login("ann", "hunter2-hunter2"),
        Slotted("ann", "hunter2-hunter2"),
        Pair("ann", "hunter2-hunter2"),
        Own(user="ann", password="hunter2-hunter2"),
    ]
    pydantic = pytest.importorskip("pydantic")

    class Model(pydantic.BaseModel):  # type: ignore[misc, name-defined]
        user: str
        password: str

    @pydantic.dataclasses.dataclass
    class Data:
        user: str
        password: str

    return [
        *found,
        Model(user="ann", password="hunter2-hunter2"),
        Data(user="ann", password="hunter2-hunter2"),
    ]


def test_objects_with_fields_are_walked_and_their_names_decide(trace: Capture) -> None:
    for value in models():
        assert stored(trace, value) == {"user": "ann", "password": "[REDACTED]"} | (
            {"inner": None} if isinstance(value, Login) else {}
        ), type(value)


def test_extra_fields_of_a_model_are_walked(trace: Capture) -> None:
    pydantic = pytest.importorskip("pydantic")

    class Open(pydantic.BaseModel):  # type: ignore[misc, name-defined]
        model_config = pydantic.ConfigDict(extra="allow")
        a: int

    assert stored(trace, Open(a=1, token=SECRET, b=2)) == {"a": 1, "token": "[REDACTED]", "b": 2}


def test_a_secret_of_pydantic_is_not_told(trace: Capture) -> None:
    pydantic = pytest.importorskip("pydantic")
    found = stored(trace, {"x": pydantic.SecretStr("correct horse battery staple")})
    assert "correct horse" not in json.dumps(found)


def test_attrs_and_struct_like_objects_are_walked(trace: Capture) -> None:
    class Attribute:
        def __init__(self, name: str) -> None:
            self.name = name

    class Attrs:
        __attrs_attrs__ = (Attribute("user"), Attribute("password"))
        user, password = "ann", "hunter2-hunter2"

    class Struct:
        __struct_fields__ = ("user", "password", "missing")
        user, password = "ann", "hunter2-hunter2"

    for value in (Attrs(), Struct()):
        assert stored(trace, value) == {"user": "ann", "password": "[REDACTED]"}


def test_real_attrs_msgspec_and_numpy_where_they_are_installed(trace: Capture) -> None:
    attrs, msgspec, numpy = map(pytest.importorskip, ("attrs", "msgspec", "numpy"))
    made = attrs.make_class("Made", ["user", "password"])
    struct = msgspec.defstruct("Struct", ["user", "password"])
    for value in (made("ann", "x" * 12), struct("ann", "x" * 12)):
        assert stored(trace, value) == {"user": "ann", "password": "[REDACTED]"}
    assert stored(trace, [numpy.float64(0.5), numpy.int32(3), numpy.bool_(True), numpy.str_("x")]) == [
        0.5,
        3,
        True,
        "x",
    ]
    assert stored(trace, numpy.float32(math.nan)) == "[NaN]"
    assert stored(trace, numpy.zeros(3)) == "[numpy.ndarray]"


def test_scalars_of_a_numeric_library_are_asked_for_their_item(trace: Capture) -> None:
    generic = type("generic", (), {"__module__": "numpy", "item": lambda self: 2.5})
    assert stored(trace, generic()) == 2.5


def test_an_unknown_object_is_the_name_of_its_type(trace: Capture) -> None:
    class Connection:
        def __init__(self) -> None:
            self.password = SECRET

        def __repr__(self) -> str:
            return SECRET

        __str__ = __repr__

    assert stored(trace, Connection()).endswith("Connection]")
    assert stored(trace, [len, object(), Connection, sys]) is not None
    assert SECRET not in "".join(trace.lines())


def test_an_iterator_is_not_consumed(trace: Capture) -> None:
    iterator = iter([1, 2])
    found = stored(trace, iterator)
    assert "list_iterator" in found
    assert list(iterator) == [1, 2]


# What is hostile


class Cursed:
    """Everything about it fails."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __str__(self) -> str:
        raise RuntimeError("str")

    __repr__ = __str__


class CursedMapping(Own):
    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("iter")


class CursedItems(Own):
    def items(self) -> Any:
        yield ("a", 1)
        raise RuntimeError("items")


class CursedSet(set[int]):
    def __iter__(self) -> Iterator[int]:
        raise RuntimeError("iter")


class CursedDecimal(decimal.Decimal):
    def __str__(self) -> str:
        raise RuntimeError("str")


class CursedPath:
    def __fspath__(self) -> str:
        raise RuntimeError("fspath")


class CursedDate(dt.date):
    def isoformat(self) -> str:
        raise RuntimeError("isoformat")


class CursedError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("str")


class CursedMeta(type):
    def __getattr__(cls, name: str) -> Any:
        raise RuntimeError(name)


class OfCursedMeta(metaclass=CursedMeta):
    pass


HOSTILE = {
    "object": Cursed,
    "mapping": lambda: CursedMapping(a=1),
    "items": CursedItems,
    "set": lambda: CursedSet([1]),
    "text": lambda: CursedDecimal(1),
    "path": CursedPath,
    "date": lambda: CursedDate(2026, 1, 1),
    "exception": CursedError,
    "type": OfCursedMeta,
    "key": lambda: {Cursed: 1},
    "item": lambda: [Cursed()],
    "entry": lambda: {"a": Cursed()},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_values_whose_own_code_fails_leave_a_marker(trace: Capture, name: str) -> None:
    value = HOSTILE[name]()
    assert stored(trace, value) is not None
    found = stored(trace, [1, value, 2])
    assert (found[0], found[2]) == (1, 2)


def test_a_system_exit_or_recursion_in_a_value_does_not_reach_the_agent(trace: Capture) -> None:
    def failing(kind: type[BaseException]) -> type:
        def __str__(self: object) -> str:  # noqa: N807 - it becomes a method
            raise kind

        return type("Failing", (decimal.Decimal,), {"__str__": __str__})

    for kind in (SystemExit, RecursionError, MemoryError, GeneratorExit):
        assert "unreadable" in stored(trace, failing(kind)(1))


def test_cycles_are_markers(trace: Capture) -> None:
    ring: list[Any] = [1]
    ring.append(ring)
    assert stored(trace, ring) == [1, "[cycle]"]
    knot: dict[str, Any] = {"a": 1}
    knot["self"] = knot
    assert stored(trace, knot) == {"a": 1, "self": "[cycle]"}
    login = Login("ann", "x")
    login.inner = [login]
    assert stored(trace, login)["inner"] == ["[cycle]"]
    twice = [1]
    assert stored(trace, [twice, twice]) == [[1], [1]]


def test_a_wide_cycle_stays_bounded(trace: Capture) -> None:
    nodes: list[list[Any]] = [[] for _ in range(60)]
    for node in nodes:
        node.extend(nodes)
    stored(trace, nodes)
    assert len(trace.lines()[-1]) <= 1_100_000


def test_a_shared_subtree_that_doubles_stays_bounded(trace: Capture) -> None:
    bomb: object = "x" * 100
    for _ in range(50):
        bomb = [bomb, bomb]
    stored(trace, bomb)
    assert len(trace.lines()[-1]) <= 1_100_000


@pytest.mark.parametrize("kind", [list, dict])
def test_depth_is_bounded(trace: Capture, kind: type) -> None:
    deep: object = "bottom"
    for _ in range(10**6):
        deep = [deep] if kind is list else {"d": deep}
    found = stored(trace, deep)
    depth = 0
    while isinstance(found, (list, dict)):
        found = found[0] if isinstance(found, list) else found["d"]
        depth += 1
    assert 10 < depth < 1000
    assert isinstance(found, str)
    assert found.startswith("[")
    while isinstance(deep, (list, dict)):  # freed piece by piece: Python itself would recurse
        deep = deep[0] if isinstance(deep, list) else deep["d"]


def test_items_are_bounded_and_the_rest_is_counted(trace: Capture) -> None:
    found = stored(trace, list(range(100_000)))
    left = int(found[-1].removeprefix("[").split()[0])
    assert found[:-1] == list(range(100_000 - left))
    assert len(found) > 5_000
    many = stored(trace, {f"k{n}": n for n in range(100_000)})
    assert 5_000 < len(many) < 20_000
    assert "more" in str(list(many.items())[-1])


def test_a_huge_text_is_a_hash_and_costs_no_copies_for_long(trace: Capture) -> None:
    text = "0123456789" * 20_000_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = stored(trace, text)
    assert found.startswith("[content hash: ")
    assert len(trace.lines()[-1]) < 1_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000


LARGE = {"telemetry.privacy.max_value_bytes": 10_000_000, "telemetry.privacy.max_event_bytes": 65_536}


def test_an_event_over_its_limit_loses_its_longest_values_first() -> None:
    with capture(settings=SCANNED | LARGE) as trace:
        trace.tool_call("t", {"long": "word " * 40_000, "short": "kept", "list": list(range(100))})
    line = trace.lines()[0]
    parameters = json.loads(line)["parameters_redacted"]
    assert len(line) <= 65_536
    assert (parameters["short"], parameters["list"]) == ("kept", list(range(100)))
    assert parameters["long"] == "[truncated 200000 bytes]"


def test_no_event_is_over_its_limit() -> None:
    with capture(settings=SCANNED | LARGE) as trace:
        trace.tool_call("t", {"long": ["word " * 200_000] * 20, "more": "word " * 400_000})
        trace.tool_call("t", {f"key {n}": ["short"] * 50 for n in range(5_000)})
    for line in trace.lines():
        assert len(line) <= 65_536
        assert json.loads(line)["success"] is True
