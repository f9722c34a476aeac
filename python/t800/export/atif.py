"""ATIF, the Agent Trajectory Interchange Format of Harbor: one document, of one session.

A model's call is a step of the agent, with its usage; the tool calls that follow it are the step's, with what they gave
back. A turn that a person began is a step of the user, everything else one of the system. Sub-agents, and sessions that
were begun inside the session, are trajectories of their own inside it. What ATIF has no word for is `extra`.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

from t800._times import micros
from t800.errors import ExportError
from t800.export import encoded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from t800.export import Session
    from t800.trace_file import Event

    Step = dict[str, Any]

VERSION = "ATIF-v1.7"
_MOST_CALLS = 1000

_METRICS = {"prompt_tokens": int, "completion_tokens": int, "cached_tokens": int, "cost_usd": (int, float)}
_TOTALS = {name: f"total_{name}" for name in _METRICS}
_ELSEWHERE = frozenset([
    "timestamp", "type", "model", "tool", "parent_id", "source_id", "agent_id", "parameters_redacted", "result_redacted",
    "response_redacted", *_METRICS,
])  # fmt: skip


def write(sessions: Iterable[Session], out: IO[bytes]) -> None:
    """The first session; the others are its children. Raises `ExportError` for one that is not."""
    known: list[object] = []
    for session in sessions:
        trace, agents = session.trace, _Agents()
        if known and trace.metadata.get("parent_session_id") not in known:
            hint = f"Name one of them: {trace.session_id!r} was not begun inside {known[0]!r}"
            raise ExportError("ATIF holds one session", hint=hint)
        # The first one's own list of trajectories stays open for the others.
        out.write(b",\n" if known else b"")
        _write_trajectory(out, session, _steps(session, None, agents))
        out.write(b',"subagent_trajectories":[' if not known else b"}")
        for number, agent in enumerate(agents.parents):
            out.write(b",\n" if number or known else b"")
            _write_trajectory(out, session, _steps(session, agent, agents), agent)
            out.write(b"}")
        known += [trace.session_id, trace.metadata.get("host_session_id") or trace.session_id]
    out.write(b"]}\n" if known else b"")


def _write_trajectory(
    out: IO[bytes], session: Session, steps: Iterator[Step], agent: str | None = None
) -> None:
    """A trajectory up to where those inside it would stand."""
    trace = session.trace
    name = trace.metadata.get("agent")
    who = {"name": agent or (name if isinstance(name, str) else "agent"), "version": "unknown"}
    head = {
        "schema_version": VERSION,
        "session_id": trace.session_id,
        "trajectory_id": _trajectory_id(trace.session_id, agent),
        "agent": who,
        "extra": {"recorder": f"t800 {trace.metadata.get('version', '')}".strip(), "started": trace.started},
    }
    out.write(encoded(head)[:-1] + b',"steps":[')
    totals: dict[str, Any] = {}
    count = 0
    for count, step in enumerate(steps, 1):
        _add(totals, step.get("metrics", {}))
        out.write((b",\n" if count > 1 else b"\n") + encoded({"step_id": count} | step))
    out.write(b'],"final_metrics":' + encoded(totals | {"total_steps": count}))


def _trajectory_id(session_id: str, agent: str | None) -> str:
    return session_id if agent is None else f"{session_id}/{agent}"


def _add(totals: dict[str, Any], metrics: dict[str, Any]) -> None:
    for name, total in _TOTALS.items():
        if name in metrics:
            totals[total] = totals.get(total, 0) + metrics[name]


class _Agents:
    """The sub-agents of a session, in the order in which they come, and the calls that have started them."""

    def __init__(self) -> None:
        self.parents: dict[str, object] = {}

    def started_by(self, event: Event) -> Iterator[str]:
        """The agents that a call has started."""
        number = event.get("event_id")
        return (agent for agent, parent in self.parents.items() if parent == number)


def _steps(session: Session, agent: str | None, agents: _Agents) -> Iterator[Step]:
    """The steps of one agent, None for the one that is no sub-agent; a step is given out when the next one begins."""
    step: Step | None = None
    errors: dict[str, Event] = {}
    for event in session.events():
        own = event.get("agent_id")
        own = own if isinstance(own, str) and own else None
        if agent is None and own is not None:
            agents.parents.setdefault(own, event.get("parent_id"))
        if own != agent:
            continue
        kind = event.get("type")
        if kind == "error" and isinstance(parent := event.get("parent_id"), str):
            # It is written before the call that has failed of it.
            errors[parent] = event
        elif kind == "tool_call":
            if step is not None and not _has_room(step):
                yield step
                step = None
            step = step or _agent_step(event, None)
            _take_tool(step, event, errors.pop(str(event.get("event_id")), None), session, agents)
        else:
            if step is not None:
                yield step
            step = _step(event, errors.pop(str(event.get("event_id")), None))
            if step["source"] != "agent":
                yield step
                step = None
    if step is not None:
        yield step
    yield from (_system_step(error) for error in errors.values())


def _step(event: Event, error: Event | None) -> Step:
    if event.get("type") == "llm_call":
        return _agent_step(event, error)
    return _user_step(event) if _is_turn(event) else _system_step(event)


def _timed(event: Event, source: str, message: str) -> Step:
    timestamp = event.get("timestamp")
    known = {"timestamp": timestamp} if micros(timestamp) is not None else {}
    return {**known, "source": source, "message": message}


def _agent_step(event: Event, error: Event | None) -> Step:
    """A model's call; or, of a tool call that no model has asked for, a step without one."""
    if event.get("type") != "llm_call":
        return _timed(event, "agent", "") | {"llm_call_count": 0}
    step = _timed(event, "agent", _text(event.get("response_redacted"))) | {"llm_call_count": 1}
    if isinstance(model := event.get("model"), str):
        step["model_name"] = model
    metrics = {name: event[name] for name, kind in _METRICS.items() if _is_figure(event.get(name), kind)}
    step["metrics"] = metrics
    return step | {"extra": _extra(event, error)}


def _has_room(step: Step) -> bool:
    """Whether one more tool call belongs to a step: without a model each one is a step, and none holds them without end."""
    return step["llm_call_count"] == 1 and len(step.get("tool_calls", ())) < _MOST_CALLS


def _is_figure(value: object, kind: Any) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def _take_tool(step: Step, event: Event, error: Event | None, session: Session, agents: _Agents) -> None:
    """Add a tool's call to the step that has asked for it."""
    given = event.get("parameters_redacted")
    name = str(event.get("event_id"))
    call = {"tool_call_id": name, "function_name": str(event.get("tool")), "extra": _extra(event, None)}
    call["arguments"] = given if isinstance(given, dict) else {} if given is None else {"value": given}
    result: dict[str, Any] = {"source_call_id": name, "content": _text(event.get("result_redacted"))}
    if error is not None:
        result["extra"] = {"error": _extra(error, None)}
    if started := [
        {"trajectory_id": _trajectory_id(session.trace.session_id, a)} for a in agents.started_by(event)
    ]:
        result["subagent_trajectory_ref"] = started
    step.setdefault("tool_calls", []).append(call)
    step.setdefault("observation", {"results": []})["results"].append(result)


def _is_turn(event: Event) -> bool:
    asked = event.get("attributes")
    return event.get("phase_name") == "turn" and isinstance(asked, dict) and "prompt" in asked


def _user_step(event: Event) -> Step:
    return _timed(event, "user", _text(event["attributes"]["prompt"])) | {"extra": _extra(event, None)}


def _system_step(event: Event) -> Step:
    names = {"error": ("error_type", "message"), "decision": ("decision_type", "outcome")}
    fields = names.get(str(event.get("type")), ("phase_name", "status"))
    said = [_text(event.get(field)) for field in fields]
    return _timed(event, "system", ": ".join(filter(None, said))) | {"extra": _extra(event, None)}


def _text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else encoded(value).decode("utf-8", "replace")


def _extra(event: Event, error: Event | None) -> dict[str, Any]:
    """What ATIF has no word for."""
    extra = {name: value for name, value in event.items() if name not in _ELSEWHERE}
    return extra | ({"error": _extra(error, None)} if error is not None else {}) | {"type": event.get("type")}
