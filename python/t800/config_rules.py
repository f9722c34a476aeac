"""The settings that are more than a value: the user's own rules, exceptions, single fields, prices.

Here they are checked for their form. Whether an expression can be used is the core's to say (`config.py` asks it).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    Wrong = tuple[str, str, str]

__all__ = [
    "RATES",
    "TREATMENTS",
    "is_text",
    "wrong_exceptions",
    "wrong_fields",
    "wrong_names",
    "wrong_prices",
    "wrong_rules",
]

_MOST = 1000
_MOST_RULES = 100
_LONGEST = 4096
_SHOWN = 60
_LONGEST_MODEL = 200
_MEMBERS = ("id", "description", "pattern", "keywords", "allow")
TREATMENTS = ("redact", "hash", "scan")
RATES = ("input", "output", "cached", "cache_write", "reasoning")
_HIGHEST_RATE = 1_000_000
# What users of other tools look for, and how it is called here.
_ELSEWHERE = {
    "regex": "It is called pattern here",
    "name": "It is called id here",
    "secretGroup": "The first (group) of pattern that took part is what goes",
    "entropy": "Say in pattern what the value looks like",
    "allowlist": "It is called allow here",
    "allowlists": "It is called allow here",
    "replacement": "What stands in the place is redaction_value",
}


def is_text(value: object, limit: int = _LONGEST) -> bool:
    """Whether a value is a printable text that is not blank."""
    # Printable also excludes lone surrogates, terminal escapes and changes of direction.
    return isinstance(value, str) and 0 < len(value) <= limit and value.isprintable() and bool(value.strip())


def _shown(name: object) -> str:
    """A foreign name as it may stand in a message: short, and without anything a terminal would obey."""
    return ascii(str(name)[:_SHOWN])[1:-1]


def wrong_names(value: object) -> Wrong | None:
    """What is wrong with a list of names: where in it, the problem, and what to do; None where nothing is."""
    if not isinstance(value, list) or len(value) > _MOST:
        return "", f"must be a list of at most {_MOST} texts", ""
    return next(_not_text(value), None)


def _not_text(items: list[object]) -> Iterator[Wrong]:
    for at, item in enumerate(items):
        if not is_text(item):
            yield f"[{at}]", f"must be a printable text of at most {_LONGEST} characters", "Quote it"


def wrong_exceptions(value: object) -> Wrong | None:
    """The same for an allow-list: texts, and mappings with a pattern."""
    if not isinstance(value, list) or len(value) > _MOST:
        return "", f"must be a list of at most {_MOST} texts or {{pattern: …}}", ""
    for at, item in enumerate(value):
        if isinstance(item, dict) and list(item) != ["pattern"]:
            return f"[{at}]", "takes pattern and nothing else", "Write a text, or {pattern: '…'}"
        if not is_text(item["pattern"] if isinstance(item, dict) else item):
            return f"[{at}]", "must be a printable text or {pattern: …}", "Quote it"
    return None


def wrong_rules(value: object) -> Wrong | None:
    """The same for the user's own rules."""
    if not isinstance(value, list) or len(value) > _MOST_RULES:
        return "", f"must be a list of at most {_MOST_RULES} rules", "Each is {id: …, pattern: '…'}"
    for at, rule in enumerate(value):
        wrong = _wrong_rule(rule)
        if wrong is not None:
            return f"[{at}]{wrong[0]}", *wrong[1:]
    return None


def _wrong_rule(rule: object) -> Wrong | None:
    if not isinstance(rule, dict):
        return "", "must be a mapping", "Write {id: …, pattern: '…'}"
    for name, value in rule.items():
        if name not in _MEMBERS:
            return f".{_shown(name)}", "is no part of a rule", _nearest(str(name)[:_SHOWN])
        wrong = _wrong_member(name, value)
        if wrong is not None:
            return f".{name}{wrong[0]}", *wrong[1:]
    lacking = [name for name in ("id", "pattern") if name not in rule]
    return ("", f"lacks {lacking[0]}", "Write {id: …, pattern: '…'}") if lacking else None


def _wrong_member(name: str, value: object) -> Wrong | None:
    if name == "keywords":
        return wrong_names(value)
    if name == "allow":
        return wrong_exceptions(value)
    return None if is_text(value) else ("", "must be a printable text", "Quote it")


def _nearest(name: str) -> str:
    import difflib

    if name in _ELSEWHERE:
        return _ELSEWHERE[name]
    near = difflib.get_close_matches(name, _MEMBERS, 1)
    return f"Did you mean {near[0]}?" if near else "Valid here: " + ", ".join(_MEMBERS)


def wrong_fields(value: object) -> Wrong | None:
    """The same for a mapping from names of fields to what becomes of them."""
    if not isinstance(value, dict) or len(value) > _MOST:
        return (
            "",
            f"must be a mapping of at most {_MOST} names",
            "Write name: redact, name: hash or name: scan",
        )
    for name, treatment in value.items():
        if not is_text(name):
            return "", "has a name that is no printable text", ""
        if treatment not in TREATMENTS:
            hint = "telemetry.privacy.allow makes exceptions" if treatment in ("keep", "allow") else ""
            return f".{_shown(name)}", f"must be {', '.join(TREATMENTS[:-1])} or {TREATMENTS[-1]}", hint
    return None


def wrong_prices(value: object) -> Wrong | None:
    """The same for a mapping from models to what their tokens cost."""
    form = "Write model: {input: 3, output: 15}, in US dollars for a million tokens"
    if not isinstance(value, dict) or len(value) > _MOST:
        return "", f"must be a mapping of at most {_MOST} models", form
    for name, rates in value.items():
        if not is_text(name, _LONGEST_MODEL):
            return "", f"has a name that is no printable text of at most {_LONGEST_MODEL} characters", ""
        if not isinstance(rates, dict) or not rates:
            return f".{_shown(name)}", f"must be a mapping of {', '.join(RATES[:-1])} or {RATES[-1]}", form
        for rate, price in rates.items():
            where = f".{_shown(name)}.{_shown(rate)}"
            if rate not in RATES:
                return where, "is no kind of tokens", f"Valid here: {', '.join(RATES)}"
            if (
                isinstance(price, bool)
                or not isinstance(price, int | float)
                or not 0 <= price <= _HIGHEST_RATE
            ):
                return where, f"must be a number from 0 to {_HIGHEST_RATE}", form
    return None
