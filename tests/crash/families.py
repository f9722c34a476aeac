"""What tests of processes share: the documents of a project, and what they tell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from t800.layout import Layout

Document = dict[str, Any]


def layout_of(project: Path) -> Layout:
    return Layout(str(project), str(project / ".opencode" / "telemetry"))


def documents(project: Path) -> dict[str, Document]:
    """Every document of the project by its session's id; each whole, its ids different."""
    found: dict[str, Document] = {}
    for path in sorted((project / ".opencode" / "telemetry" / "traces").iterdir()):
        document = json.loads(path.read_bytes())
        ids = [event["event_id"] for event in document["events"]]
        assert len(ids) == len(set(ids)) == document["summary"]["total_events"]
        assert document["session_id"] not in found
        found[document["session_id"]] = document
    return found


def told(document: Document) -> list[str]:
    return [event["decision_type"] for event in document["events"] if event["type"] == "decision"]


def child_of(found: dict[str, Document], parent: str) -> Document:
    (child,) = [d for d in found.values() if d["metadata"].get("parent_session_id") == parent]
    return child
