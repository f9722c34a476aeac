"""Text from traces is shown by a terminal and never obeyed."""

import json

import pytest

from t800._figures import duration, money, overhead, percent, plural, size
from t800.cli.text import clean, dumps, inline, mapping, number, string

HOSTILE = [
    "\x1b[2J\x1b]0;owned\x07",
    "\x9b31m",
    "a\rb",
    "back\x08\x08space",
    "\u202etxt.exe",
    "\u2066isolate\u2069",
    "zero\u200bwidth",
    "tag\U000e0041",
    "\x7f\x00\x85",
    "\ud800",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_clean_leaves_only_what_a_terminal_prints(text: str) -> None:
    cleaned = clean(text)
    assert cleaned.isprintable()
    assert "\u202e" not in cleaned


def test_clean_keeps_words_of_all_languages_and_one_line() -> None:
    assert clean("日本語\tnaïve\r\n✓ Ω") == "日本語 naïve ✓ Ω"


@pytest.mark.parametrize("text", HOSTILE[:-1])
def test_json_for_people_reads_back_to_the_same_and_prints_nothing_hostile(text: str) -> None:
    value = {"message": text, text: [1, None, True]}
    for printed in (dumps(value), dumps(value, indent=True)):
        assert json.loads(printed) == value
        assert all(character.isprintable() or character == "\n" for character in printed)


def test_inline_shows_strings_bare_and_containers_as_json() -> None:
    assert inline("a\nb") == "a b"
    assert inline({"a": [1, "x"]}) == '{"a":[1,"x"]}'


def test_fields_of_a_trace_may_hold_anything() -> None:
    event = {"ms": True, "far": float("inf"), "text": "1", "none": None, "list": [1], "count": 3}
    assert [number(event, name) for name in ("ms", "far", "text", "none", "list", "absent")] == [None] * 6
    assert number(event, "count") == 3
    assert string(event, "none") == string(event, "absent") == ""
    assert mapping(event, "list") == {}


@pytest.mark.parametrize(
    ("ms", "text"),
    [(None, "-"), (-1, "-"), (1e300, "> 999 h"), (0, "0 µs"), (0.00006, "60 ns"), (0.0021, "2.1 µs"), (0.0854, "85 µs"),
     (4.23, "4.2 ms"), (412.4, "412 ms"), (31_000, "31.00 s"), (125_000, "2 m 05 s"),
     (7_260_000, "2 h 01 m")],
)  # fmt: skip
def test_durations(ms: float | None, text: str) -> None:
    assert duration(ms) == text


def test_figures() -> None:
    assert [overhead(us) for us in (0.4567, 6.657, 90.14, 999.4, 1_120.0)] == [
        "0.457 µs",
        "6.66 µs",
        "90.1 µs",
        "999 µs",
        duration(1.12),
    ]
    assert [money(usd) for usd in (None, 0, 0.00123, 12.3)] == ["-", "$0.00", "$0.0012", "$12.30"]
    assert [percent(rate) for rate in (None, 0, 0.9333, 0.99999, 1)] == [
        "-",
        "0 %",
        "93.3 %",
        "99.9 %",
        "100 %",
    ]
    assert [size(count) for count in (12, 2048, 5 << 20)] == ["12 B", "2.0 KiB", "5.0 MiB"]
    assert [plural(count, "event") for count in (0, 1, 2000)] == ["0 events", "1 event", "2,000 events"]
