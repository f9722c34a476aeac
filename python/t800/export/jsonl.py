"""JSON lines: each event as it stands in its trace, with its session's id and agent in front.

What `t800 import` takes in again.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

from t800.export import encoded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from t800.export import Session


def write(sessions: Iterable[Session], out: IO[bytes]) -> None:
    """One line for each event."""
    for session in sessions:
        front = _front(session)
        for batch in session.batches():
            out.writelines([encoded(front | event) + b"\n" for event in batch])


def _front(session: Session) -> dict[str, Any]:
    trace = session.trace
    agent = trace.metadata.get("agent")
    return {"session_id": trace.session_id, **({"agent": agent} if isinstance(agent, str) else {})}
