"""Telemetry folders that the tests import into."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from t800 import config, reader
from t800.importers import read
from t800.importers.document import SETTINGS, Archive, Result
from t800.importers.source import find
from t800.layout import Layout, telemetry_dir
from t800.schema import validate

Json = dict[str, Any]


def put(
    *paths: Path, form: str | None = None, notes: list[tuple[str, int, str]] | None = None
) -> list[Result]:
    """Import files into the telemetry folder of the working directory."""
    layout = telemetry_dir()
    told: list[tuple[str, int, str]] = [] if notes is None else notes
    with Archive(layout, config.load(layout, SETTINGS, opted_in=True)) as archive:
        sources = find([str(path) for path in paths])
        results = [
            archive.put(one, name) for name, one in read(sources, lambda *note: told.append(note), form)
        ]
    assert notes is not None or told == []
    return [result for result in results if result is not None]


def counts(*paths: Path) -> list[tuple[int, int, int, int]]:
    """The same, as (new, changed, known, skipped) of each session."""
    return [result[1:] for result in put(*paths)]


def events(layout: Layout | None = None) -> list[Json]:
    """All that is in the one session there is, which is valid."""
    (trace,) = reader.sessions(layout or telemetry_dir())
    assert all(validate(part.path) == [] for part in trace.parts)
    assert trace.damage == []
    return list(trace.events())


def named(found: list[Json]) -> dict[tuple[str, str], Json]:
    """Events by what they are; parents by what those are."""
    names = {event["event_id"]: f"{event['type']} {event['source_id']}" for event in found}
    assert len(set(names.values())) == len(found)
    told = {}
    for event in found:
        rest = {name: value for name, value in event.items() if name not in {"event_id", "parent_id"}}
        parent = {"parent": names[event["parent_id"]]} if event.get("parent_id") else {}
        told[event["type"], event["source_id"]] = rest | parent
    return told


def bytes_of(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def holds(folder: Path, text: str) -> list[str]:
    """The files below a folder in which a text stands."""
    spelled = json.dumps(text)[1:-1].encode()
    return [name for name, data in bytes_of(folder).items() if text.encode() in data or spelled in data]
