"""Two sessions step by step: which steps are the same, which changed, which only one of them has."""

from __future__ import annotations

import bisect
import re
from collections import Counter
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any, NamedTuple

from t800.trace_file import NAMED_BY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from t800.trace_file import Event

__all__ = ["Pair", "compare"]

_TELLING = {
    "tool_call": ("parameters_redacted",),
    "decision": ("outcome",),
    "error": ("tool", "message"),
    "checkpoint": (),
}
_COMPARED = (
    "success",
    "interrupted",
    "duration_ms",
    "cost_usd",
    "prompt_tokens",
    "completion_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "tokens_in",
    "tokens_out",
    "outcome",
    "status",
    "tool",
    "message",
    "parameters_redacted",
)
_RATIO = 1.5
_LEAST_MS = 10
"""A step took longer or shorter where its durations differ by half and by so much; less is the machine's mood."""
_MOST_CELLS = 4_000_000
"""Steps of the one times steps of the other up to which the alignment is the best there is."""
_DIGITS = re.compile(r"\d{1,15}")


class Pair(NamedTuple):
    """A step of the first session and the one of the second that it corresponds to; None where there is none."""

    first: Event | None
    second: Event | None
    changes: dict[str, tuple[Any, Any]]
    """What differs, by field; empty where the step is the same, or only one has it."""

    @property
    def kind(self) -> str:
        """`same`, `changed`, `removed` (only the first has it) or `added` (only the second has it)."""
        if self.first is None or self.second is None:
            return "added" if self.first is None else "removed"
        return "changed" if self.changes else "same"


def compare(first: Iterable[Event], second: Iterable[Event]) -> list[Pair]:
    """The steps of both sessions in one order.

    Steps are aligned by what they do: type, name and arguments; what is left between them by type and name.
    """
    a, b = _steps(first), _steps(second)
    return [_pair(a, b, i, j) for i, j in _align(a, b, (_whole_key, _short_key))]


def _steps(events: Iterable[Event]) -> list[Event]:
    """In the order in which they began."""
    return sorted(events, key=lambda event: (_number(event.get("event_id")), str(event.get("timestamp"))))


def _number(event_id: object) -> int:
    found = _DIGITS.search(event_id) if isinstance(event_id, str) else None
    return int(found[0]) if found else 0


Key = tuple[object, ...]
Place = tuple[int | None, int | None]


def _short_key(event: Event) -> Key:
    kind = event.get("type")
    name = event.get(NAMED_BY.get(kind, "type")) if isinstance(kind, str) else None
    return str(kind), str(name), str(event.get("agent_id"))


def _whole_key(event: Event) -> Key:
    import orjson

    fields = _TELLING.get(str(event.get("type")), ())
    told = orjson.dumps([event.get(name) for name in fields], option=orjson.OPT_SORT_KEYS)
    return (*_short_key(event), told)


def _align(a: Sequence[Event], b: Sequence[Event], keys: Sequence[Callable[[Event], Key]]) -> Iterator[Place]:
    """Places in `a` and `b` that correspond; what the first key leaves open is aligned by the next one."""
    if not keys:
        yield from ((i, None) for i in range(len(a)))
        yield from ((None, j) for j in range(len(b)))
        return
    i = j = 0
    for at, other in [*_matches([keys[0](e) for e in a], [keys[0](e) for e in b]), (len(a), len(b))]:
        for left, right in _align(a[i:at], b[j:other], keys[1:]) if i < at or j < other else ():
            yield None if left is None else left + i, None if right is None else right + j
        if at < len(a):
            yield at, other
        i, j = at + 1, other + 1


def _matches(a: list[Key], b: list[Key]) -> list[tuple[int, int]]:
    """Pairs of places with equal keys, ascending in both."""
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    end = 0
    while end < min(len(a), len(b)) - start and a[-1 - end] == b[-1 - end]:
        end += 1
    inner_a, inner_b = a[start : len(a) - end], b[start : len(b) - end]
    find = _best if len(inner_a) * len(inner_b) <= _MOST_CELLS else _by_occurrence
    return [
        *((n, n) for n in range(start)),
        *((start + i, start + j) for i, j in find(inner_a, inner_b)),
        *((len(a) - n, len(b) - n) for n in range(end, 0, -1)),
    ]


def _best(a: list[Key], b: list[Key]) -> Iterator[tuple[int, int]]:
    for i, j, size in SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks():
        yield from ((i + n, j + n) for n in range(size))


def _by_occurrence(a: list[Key], b: list[Key]) -> list[tuple[int, int]]:
    """The n-th step of a kind fits the n-th of the other; of these as many as keep their order. For long sessions."""
    places = {key: j for j, key in enumerate(_numbered(b))}
    pairs = [(i, places[key]) for i, key in enumerate(_numbered(a)) if key in places]
    ends: list[int] = []  # the least place in b at which an ascending row of each length ends
    at: list[int] = []
    before: list[int] = []
    for n, (_, j) in enumerate(pairs):
        length = bisect.bisect_left(ends, j)
        before.append(at[length - 1] if length else -1)
        ends[length : length + 1] = [j]
        at[length : length + 1] = [n]
    row: list[tuple[int, int]] = []
    n = at[-1] if at else -1
    while n >= 0:
        row.append(pairs[n])
        n = before[n]
    return row[::-1]


def _numbered(keys: list[Key]) -> Iterator[Key]:
    seen: Counter[Key] = Counter()
    for key in keys:
        seen[key] += 1
        yield (*key, seen[key])


def _pair(a: Sequence[Event], b: Sequence[Event], i: int | None, j: int | None) -> Pair:
    first, second = None if i is None else a[i], None if j is None else b[j]
    return Pair(first, second, _changes(first, second) if first is not None and second is not None else {})


def _changes(first: Event, second: Event) -> dict[str, tuple[Any, Any]]:
    took = first.get("duration_ms"), second.get("duration_ms")
    slower = _is_slower(*took) or _is_slower(*reversed(took))
    fields = {name: (first.get(name), second.get(name)) for name in _COMPARED}
    return {
        name: values
        for name, values in fields.items()
        if (slower if name == "duration_ms" else values[0] != values[1])
    }


def _is_slower(before: object, after: object) -> bool:
    if type(before) not in (int, float) or type(after) not in (int, float):
        return False
    return after >= before * _RATIO and after - before >= _LEAST_MS  # type: ignore[operator]
