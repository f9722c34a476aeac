"""Events as lines of a terminal: mark, name, detail, bar, duration."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from t800._figures import duration, joined, money, overhead, percent, plural
from t800.cli.line import Line, cell_len, ending
from t800.cli.text import clean, inline, mapping, number, string

if TYPE_CHECKING:
    from collections.abc import Mapping

    from t800.cli.tree import Node, Row, Segment

    Event = Mapping[str, object]

_EIGHTHS = " ▏▎▍▌▋▊▉"
_MAX_GUIDES = 24
_DURATION_COLUMNS = 9
_TELLING = ("command", "pattern", "query", "file_path", "filePath", "path", "url", "name", "agent")
_DETAIL_LIMIT = 400
_MARKS = {"error": ("!", "red"), "decision": ("◆", "cyan"), "checkpoint": ("●", "blue")}


class Scale(NamedTuple):
    """The session's stretch of time and the columns it is drawn on."""

    start: float
    seconds: float
    columns: int
    width: int

    @property
    def room(self) -> int:
        """The columns left for the text of a line that has a bar and a duration."""
        return max(self.width - self.columns - _DURATION_COLUMNS - 1, 1)

    def bar(self, node: Node) -> str:
        """A block where the event lay in time, at least an eighth of a column long."""
        begin = min(max((node.start - self.start) / self.seconds, 0.0), 1.0) * self.columns
        column = min(int(begin), self.columns - 1)
        room = (self.columns - column) * 8
        eighths = min(max(round((node.end - node.start) / self.seconds * self.columns * 8), 1), room)
        return " " * column + "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def scale(every: list[Node], width: int) -> Scale:
    """The scale that takes all nodes; terminals under 60 columns get no bars."""
    start = min((node.start for node in every), default=0.0)
    end = max((node.end for node in every), default=0.0)
    return Scale(start, max(end - start, 1e-6), width // 4 if width >= 60 else 0, width)  # noqa: PLR2004


def heading(segment: Segment, on: Scale) -> Line:
    """The line above a phase."""
    text = Line().append(clean(segment.phase) or "no phase", style="bold")
    if segment.checkpoint is None:
        return _line(text, None, on, "blue")
    event = segment.checkpoint.event
    status = string(event, "status")
    if status != "completed":
        text.append(f"  {status}", style="bold red")
    for name, value in mapping(event, "attributes").items():
        text.append(f"  {clean(name)} {inline(value)}", style="dim")
    return _line(text, segment.checkpoint, on, "blue")


def line(row: Row, on: Scale, agent: str) -> Line:
    """One event; `agent` is the agent above it, so that only a change of agent is named."""
    event = row.node.event
    guides = row.guides[-_MAX_GUIDES:]
    text = Line("  " + guides, "dim", 2 + len(guides))
    mark, style = _mark(event)
    label = Line(mark + " ", style, 2)
    agent_id = string(event, "agent_id")
    if agent_id and agent_id != agent:
        label.append(f"@{agent_id} ", style="yellow")
    _describe(label, event, on.room - text.cell_len)
    if row.context:
        label = Line(label.plain, "dim", label.cell_len)
    text.append_line(label)
    return _line(text, row.node if row.node.ms is not None else None, on, style)


def _line(text: Line, node: Node | None, on: Scale, style: str) -> Line:
    """The text, cut or filled to its columns, then bar and duration; without a node the text alone."""
    if node is None:
        return text.fit(on.width)
    text.fit(on.room, fill=True).append(" ", "", 1)
    if on.columns:
        text.append(f"{on.bar(node):{on.columns}}", style, on.columns)
    return text.append(duration(node.ms).rjust(_DURATION_COLUMNS), "", _DURATION_COLUMNS)


def _mark(event: Event) -> tuple[str, str]:
    if event.get("running"):
        return "▸", "bold green"
    kind = event.get("type")
    if isinstance(kind, str) and kind in _MARKS:
        return _MARKS[kind]
    if event.get("interrupted"):
        return "~", "yellow"
    if event.get("success") is None:
        return "?", "yellow"
    return ("✓", "green") if event["success"] else ("✗", "red")


def _describe(text: Line, event: Event, room: int) -> None:
    name, detail = describe(event)
    text.append(name, style="bold red" if event.get("type") == "error" else "bold")
    if detail:
        text.append("  ")
        left = room - text.cell_len
        text.append(_path_end(detail, left) if _is_path(event, detail) else detail[:_DETAIL_LIMIT])


def _is_path(event: Event, detail: str) -> bool:
    return event.get("type") == "tool_call" and "/" in detail and " " not in detail


def _path_end(path: str, room: int) -> str:
    """Of a path that is too long its end: that is what tells files apart."""
    return path if cell_len(path) <= room else f"…{ending(path, max(room - 1, 0))}"


def describe(event: Event) -> tuple[str, str]:
    """What to call an event, and the most telling thing about it."""
    kind = string(event, "type")
    if kind == "tool_call":
        return string(event, "tool"), _telling(mapping(event, "parameters_redacted"))
    if kind == "llm_call":
        return string(event, "model"), _usage(event)
    if kind == "error":
        return string(event, "error_type"), string(event, "message") + _recovery(event)
    if kind == "decision":
        return string(event, "decision_type"), string(event, "outcome")
    if kind == "checkpoint":
        return string(event, "phase_name"), string(event, "status")
    return kind, ""


def _telling(parameters: Mapping[str, object]) -> str:
    for name in _TELLING:
        if name in parameters:
            return inline(parameters[name])
    return next((f"{clean(name)} {inline(value)}" for name, value in parameters.items()), "")


def _usage(event: Event) -> str:
    prompt, completion = number(event, "prompt_tokens"), number(event, "completion_tokens")
    tokens = (
        "" if prompt is None and completion is None else f"{prompt or 0:,.0f} → {completion or 0:,.0f} tokens"
    )
    cost = number(event, "cost_usd")
    return joined([tokens, "" if cost is None else money(cost)])


def _recovery(event: Event) -> str:
    recovery = mapping(event, "recovery")
    if not recovery.get("attempted"):
        return ""
    outcome = {True: "worked", False: "failed"}.get(recovery.get("success") is True)
    return f" → {string(recovery, 'strategy')} {outcome}"


def headline(metadata: Mapping[str, object], session_id: str, started: str) -> Line:
    """Who, which session, when."""
    text = Line().append(string(metadata, "agent") or "agent", style="bold")
    text.append(f"  {clean(session_id)}", style="cyan")
    text.append(f"  {clean(started)}", style="dim")
    return text


def totals(summary: Mapping[str, object]) -> str:
    """The summary in one line."""
    tokens = number(mapping(summary, "tokens"), "total")
    rate, cost = number(summary, "success_rate"), number(summary, "total_cost_estimate")
    errors = int(number(summary, "errors") or 0)
    return joined(
        [
            plural(int(number(summary, "total_events") or 0), "event"),
            "" if rate is None else f"{percent(rate)} ok",
            plural(errors, "error") if errors else "no errors",
            "" if rate is None else f"calls took {duration(number(summary, 'total_duration_ms'))}",
            plural(int(tokens), "token") if tokens else "",
            "" if cost is None else money(cost),
        ]
    )


def margins(summary: Mapping[str, object]) -> str:
    """What recording itself did: overhead, redactions, losses."""
    taken, redactions = mapping(summary, "overhead"), mapping(summary, "redactions")
    p50, p99 = number(taken, "p50_us"), number(taken, "p99_us")
    redacted = sum(count for count in redactions.values() if isinstance(count, int))
    interrupted, dropped = (int(number(summary, name) or 0) for name in ("interrupted", "dropped"))
    return joined(
        [
            "" if p50 is None or p99 is None else f"overhead p50 {overhead(p50)}, p99 {overhead(p99)}",
            plural(redacted, "redaction") if redacted else "",
            f"{interrupted:,} interrupted" if interrupted else "",
            f"{dropped:,} dropped" if dropped else "",
        ]
    )
