"""Refresh the table of prices from the data of genai-prices.

    python -m pip install genai-prices==VERSION
    python rust/core/prices/refresh.py

Writes `prices.txt`, which is compiled into the core (its format is told there and in `src/price/table.rs`), and
`../tests/prices.jsonl`: random usages with the cost that genai-prices itself calculates, which a test compares.
A construct of the data that the table cannot say ends the script, instead of being left out.
"""

from __future__ import annotations

import json
import random
import re
import re._parser as sre  # type: ignore[import-not-found]
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import genai_prices
from genai_prices import types
from genai_prices.data import providers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from decimal import Decimal

HERE = Path(__file__).parent
RATES = {
    "input_mtok": "in",
    "output_mtok": "out",
    "cache_read_mtok": "read",
    "cache_write_mtok": "write",
    "output_reasoning_mtok": "think",
    "requests_kcount": "call",
}
"""Prices that a trace's tokens are billed by; an LLM call of a trace tells no images, seconds or searches."""
MARKS = "*#!&|"
"""Open end, digit, not, and, or."""
CASES = 1_000

HEADER = """\
# Prices of models in US dollars for a million tokens (call: for a thousand requests).
# Data: genai-prices {version}, Copyright (c) Pydantic Services Inc., MIT licence (see LICENSE-genai-prices).
# Made by refresh.py; what it says is told in ../src/price/table.rs.
"""

Clauses = list[list[str]]
"""Alternatives, each of patterns that all must fit."""


def main() -> None:
    """Write the table and the cases of its test."""
    lines = [HEADER.format(version=version("genai-prices"))]
    for provider in providers:
        fallback = ",".join(provider.fallback_model_providers or [])
        lines.append(
            f">{provider.id}\t{said(provider.provider_match)}\t{said(provider.model_match)}\t{fallback}\n"
        )
        lines.extend(f"{said(model.match)}\t{periods(model)}\n" for model in provider.models)
    HERE.joinpath("prices.txt").write_text("".join(lines))
    with HERE.parent.joinpath("tests/prices.jsonl").open("w") as file:
        file.writelines(json.dumps(case) + "\n" for case in cases())


def said(match: Any) -> str:
    """A matching rule of the data as the table writes it."""
    if match is None:
        return ""
    return "|".join("&".join(patterns) for patterns in alternatives(match))


def alternatives(match: Any) -> Clauses:
    """The rule as alternatives of patterns."""
    match match:
        case types.ClauseEquals(text):
            return [[name(text)]]
        case types.ClauseStartsWith(text):
            return [[name(text) + "*"]]
        case types.ClauseEndsWith(text):
            return [["*" + name(text)]]
        case types.ClauseContains(text):
            return [["*" + name(text) + "*"]]
        case types.ClauseRegex(text):
            return of_regex(text)
        case types.ClauseOr(rules):
            return [patterns for rule in rules for patterns in alternatives(rule)]
        case types.ClauseAnd(rules):
            return every([alternatives(rule) for rule in rules])
    raise SystemExit(f"no way to write {match}")


def every(rules: list[Clauses]) -> Clauses:
    """All of the rules, as alternatives."""
    whole: Clauses = [[]]
    for rule in rules:
        whole = [[*left, *right] for left in whole for right in rule]
    return whole


def name(text: str) -> str:
    """A literal text of the data."""
    if any(mark in text for mark in MARKS) or not text.isascii() or not text.isprintable() or " " in text:
        raise SystemExit(f"a name with a mark of the table in it: {text!r}")
    return text.lower()


def of_regex(text: str) -> Clauses:
    """The few forms of expressions that the data has: literal texts, digits, choices, and what must not follow."""
    start, *items = sre.parse(text)
    if str(start) != "(AT, AT_BEGINNING)":
        raise SystemExit(f"not anchored: {text}")
    refused = []
    if str(items[0][0]) == "ASSERT_NOT":
        refused = ["!" + pattern for pattern in patterns(items.pop(0)[1][1], text)]
    return [[*refused, *([pattern] if pattern != "*" else [])] for pattern in patterns(items, text)]


def patterns(items: Iterable[Any], whole: str) -> list[str]:
    """Every text that an expression stands for, with an open end where it does not ask for the end."""
    return [text[:-1] if text.endswith("$") else text + "*" for text in texts(items, whole)]


def texts(items: Iterable[Any], whole: str) -> list[str]:
    """Every text that the items of an expression stand for; `$` at its end asks for the end."""
    found = [""]
    for kind, value in items:
        choices = choice(str(kind), value, whole)
        found = list(dict.fromkeys(before + text for before in found for text in choices))
    return found


def choice(kind: str, value: Any, whole: str) -> list[str]:
    """What one item of an expression stands for."""
    match kind:
        case "LITERAL":
            return [name(chr(value))]
        case "AT" if str(value) == "AT_END":
            return ["$"]
        case "IN" if str(value) == "[(CATEGORY, CATEGORY_DIGIT)]":
            return ["#"]
        case "IN" if all(str(item[0]) == "LITERAL" for item in value):
            return [name(chr(item[1])) for item in value]
        case "MAX_REPEAT" if str(value[1]) == "MAXREPEAT" and str(value[2][0][0]) in {"ANY", "NOT_LITERAL"}:
            # Anything before a text is an open end. `[^/]+/` is a text with `/` in it.
            return ["*"]
        case "MAX_REPEAT" if str(value[1]) != "MAXREPEAT":
            least, most, inner = value
            return [text for times in range(least, most + 1) for text in texts(list(inner) * times, whole)]
        case "SUBPATTERN":
            return texts(value[3], whole)
        case "BRANCH":
            return [text for branch in value[1] for text in texts(branch, whole)]
    raise SystemExit(f"no way to write {whole}: {kind} {value}")


def periods(model: Any) -> str:
    """A model's prices: what holds always or at first, then what holds from a day on, or at a time of day."""
    if isinstance(model.prices, types.ModelPrice):
        return rates(model.prices)
    said = []
    for price in model.prices:
        match price.constraint:
            case None:
                when = ""
            case types.StartDateConstraint(day):
                when = f"@{day.isoformat()} "
            case types.TimeOfDateConstraint(start, end):
                when = f"@{utc(start)}-{utc(end)} "
            case other:
                raise SystemExit(f"no way to write {other}")
        said.append(when + rates(price.prices))
    return "\t".join(said)


def utc(time: Any) -> str:
    """A time of day in UTC."""
    whole = datetime.combine(datetime(2026, 1, 1), time)  # noqa: DTZ001 - a naive time is UTC, as in the data
    return (whole.astimezone(UTC) if whole.tzinfo else whole).strftime("%H:%M:%S")


def rates(prices: Any) -> str:
    """The rates of a set of prices, with their tiers: `in=3;200000:6`."""
    parts = []
    for key, letter in RATES.items():
        value = prices.__dict__.get(key)
        if isinstance(value, types.TieredPrices):
            tiers = "".join(f";{tier.start}:{decimal(tier.price)}" for tier in value.tiers)
            parts.append(f"{letter}={decimal(value.base)}{tiers}")
        elif value is not None:
            parts.append(f"{letter}={decimal(value)}")
    return " ".join(parts)


def decimal(value: Decimal) -> str:
    """A price, to a billionth of a dollar; the data has sums of floats in it with 16 digits behind the point."""
    text = f"{round(value, 9):f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"


def cases() -> Iterator[dict[str, object]]:
    """Random usages of models that the data knows, and what they cost."""
    chance = random.Random(800)  # noqa: S311 - the same cases each time
    known = list(examples())
    start = datetime(2024, 1, 1, tzinfo=UTC)
    number = 0
    while number < CASES:
        provider, model = chance.choice(known)
        tokens = chance.choice([300, 20_000, 150_000, 900_000])
        prompt = chance.randrange(tokens)
        cached = chance.randrange(prompt + 1) if chance.random() < 0.5 else 0
        written = chance.randrange(prompt - cached + 1) if chance.random() < 0.3 else 0
        completion = chance.randrange(1, 20_000)
        thought = chance.randrange(completion + 1) if chance.random() < 0.3 else 0
        at = start + timedelta(seconds=chance.randrange(3 * 365 * 86_400))
        given = chance.random() < 0.7
        usage = genai_prices.Usage(
            input_tokens=prompt,
            cache_read_tokens=cached or None,
            cache_write_tokens=written or None,
            output_tokens=completion,
            output_reasoning_tokens=thought or None,
        )
        try:
            price = genai_prices.calc_price(
                usage, model, provider_id=provider if given else None, genai_request_timestamp=at
            )
        except (LookupError, ValueError):
            continue
        if not any(key in RATES for key in price.model_price.__dict__):
            continue
        number += 1
        yield {
            "provider": provider if given else None,
            "model": model,
            "prompt": prompt,
            "cached": cached,
            "written": written,
            "completion": completion,
            "reasoning": thought,
            "at": at.isoformat().replace("+00:00", "Z"),
            "nano_usd": round(price.total_price * 10**9),
        }


def examples() -> Iterable[tuple[str, str]]:
    """Names that models are called by, with their providers."""
    for provider in providers:
        for model in provider.models:
            yield provider.id, model.id
            for patterns in alternatives(model.match):
                (pattern, *more) = patterns
                if not more and not pattern.startswith(("*", "!")):
                    yield provider.id, re.sub("#", "1", pattern.replace("*", "-latest")).upper()


if __name__ == "__main__":
    main()
