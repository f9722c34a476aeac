"""Imported sessions on their way into the telemetry folder.

A session is written in a folder of its own first and takes its place when it is whole: killed in between, an import leaves
nothing behind that anybody sees. What was imported before of the same session stays in it, so a transcript that has grown
adds what is new, and the same one again changes nothing. What was recorded while it happened is not imported once more.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shutil
import time
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from t800._core import Recorder, shut_down
from t800._times import micros, took
from t800.errors import CorruptTraceError, ImportFileError
from t800.export import encoded
from t800.layout import home_directory, install_key, session_id
from t800.lock import locked
from t800.reader import SessionTrace, carries, of_stem, scan
from t800.system import replace

if TYPE_CHECKING:
    from t800.config import Settings
    from t800.importers import Imported, Item
    from t800.layout import Layout
    from t800.trace_file import Event

    Key = tuple[str, str]
    """An event's type and where it came from: the same one at every import."""

__all__ = ["SETTINGS", "Archive", "Result"]

SETTINGS = {"telemetry.mode": "full", "telemetry.ring": "beside"}
"""Of an import, whatever is configured: all events are kept, and a killed one leaves nothing in memory."""

_CALLS = frozenset(["tool_call", "llm_call"])
_OURS = re.compile(r"evt_[0-9]+")
_AT_ONCE = 256
_PATIENCE_S = 60.0
_LATEST_NS = (1 << 64) - 1


class Result(NamedTuple):
    """What has become of an imported session.

    `new` events were not there before, `changed` ones said less, `known` ones said the same. `skipped` ones are there
    already, recorded while they happened.
    """

    session_id: str
    new: int
    changed: int
    known: int
    skipped: int


class Archive:
    """The telemetry folder, as a place for imported sessions. One process at a time imports."""

    def __init__(self, layout: Layout, settings: Settings) -> None:
        """Raises `ImportFileError` where the user has said off."""
        if not settings.enabled:
            raise ImportFileError(f"nothing is imported, because recording is off: {settings.reason}")
        self.changed: list[str] = []
        """The stems of sessions that have changed."""
        self._layout, self._settings = layout, settings
        self._lock = locked(os.path.join(layout.private, "import.lock"), float("inf"))
        self._stage = os.path.join(layout.private, "import")
        self._known: list[SessionTrace] = []

    def __enter__(self) -> Self:
        self._layout.create()
        self._lock.__enter__()
        # What a killed import has left behind.
        shutil.rmtree(self._stage, ignore_errors=True)
        self._known = scan(self._layout, in_order=False)[0]
        return self

    def __exit__(self, *_: object) -> None:
        shut_down()
        shutil.rmtree(self._stage, ignore_errors=True)
        self._lock.__exit__(None, None, None)

    def put(self, imported: Imported, form: str) -> Result | None:
        """Add a session, or what is new of it; None where there is no event in it."""
        items = (_unlike_ours(item, imported.host_id) for item in imported.items)
        first = next(items, None)
        if first is None:
            return None
        began = micros(first.event.get("timestamp")) or 0
        writing = _Writing(self._open(imported, form, began, session_id(imported.host_id)))
        before, recorded = self._of_host(writing.trace, imported.host_id)
        name = before.session_id if before else f"{writing.session_id[:57]}-import" if recorded else None
        if name is not None:
            writing.close()
            began = (micros(before.started) if before else None) or began
            writing = _Writing(self._open(imported, form, began, name))
        there = _Recorded(recorded)
        for item in itertools.chain([first], items):
            if not there.has(item):
                writing.add(item)
        return self._settle(writing, before, there.count)

    def _open(self, imported: Imported, form: str, began: int, name: str) -> Recorder:
        place = self._layout
        traces, private = os.path.join(self._stage, "traces"), os.path.join(self._stage, ".t800")
        shutil.rmtree(traces, ignore_errors=True)
        for folder in (self._stage, traces, private):
            os.makedirs(folder, mode=0o700, exist_ok=True)
        key, kept = install_key()
        return Recorder(
            settings=self._settings.compiled(),
            traces=traces,
            private=private,
            session_id=name,
            started_ns=_ns(began),
            agent=imported.agent,
            host_session_id=session_id(imported.host_id),
            imported=form,
            home=home_directory(),
            project_root=place.root,
            key=key,
            ephemeral_key=not kept,
        )

    def _of_host(self, trace: SessionTrace, host_id: str) -> tuple[SessionTrace | None, list[SessionTrace]]:
        """What there is of the session: the document of earlier imports, and those recorded while it happened."""
        host = trace.metadata.get("host_session_id", host_id)
        of_host = []
        for known in self._known:
            named = known.metadata.get("host_session_id")
            if named == host or (named is None and carries(known.id_in_name, trace.session_id)):
                of_host.append(known)
        imported = (known for known in of_host if "imported" in known.metadata)
        return next(imported, None), [known for known in of_host if "imported" not in known.metadata]

    def _settle(self, writing: _Writing, before: SessionTrace | None, skipped: int) -> Result | None:
        """Compare what was written with what was there, and put it into its place where they differ."""
        known = _digests(before) if before is not None else {}
        if before is not None:
            writing.add_missing(before, known)
        writing.close()
        found = _digests(writing.trace)
        new = sum(key not in known for key in found)
        changed = sum(found[key] != digest for key, digest in known.items() if key in found)
        if new or changed:
            self._move(writing.trace, before)
        if not found and not skipped:
            return None
        return Result(writing.session_id, new, changed, len(found) - new - changed, skipped)

    def _move(self, trace: SessionTrace, before: SessionTrace | None) -> None:
        stem = trace.stem if before is None else before.stem
        older = {part.path for part in before.parts} if before is not None else set()
        for part in trace.parts:
            name = os.path.basename(part.path).replace(trace.stem, stem, 1)
            path = os.path.join(self._layout.traces, name)
            replace(part.path, path)
            older.discard(path)
        for path in older:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        self._known = [known for known in self._known if known.stem != stem]
        self._known.append(of_stem(self._layout, stem))
        self.changed.append(stem)


class _Recorded:
    """What was recorded of a session while it happened: of that only missing calls are imported, and their errors."""

    def __init__(self, traces: list[SessionTrace]) -> None:
        self.count = 0
        self._any = bool(traces)
        self._keys: set[Key] = set()
        self._named: set[str] = set()
        for trace in traces:
            for event in trace.events():
                self._remember(event, trace.session_id)
        self._added: set[str] = set()

    def _remember(self, event: Event, session: str) -> None:
        kind = str(event.get("type"))
        if kind in _CALLS:
            # The second is what an export of this session calls it.
            self._keys |= {_key(event), (kind, f"{session}:{event.get('event_id')}")}
            if "source_id" in event:
                self._named.add(kind)

    def has(self, item: Item) -> bool:
        """Whether an event needs not be imported."""
        if not self._any:
            return False
        kind = str(item.event.get("type"))
        if kind in _CALLS:
            there = _key(item.event) in self._keys or self._may_be_unnamed(item, kind)
        else:
            there = kind != "error" or item.parent not in self._added
        if there:
            self.count += 1
        else:
            self._added.add(item.key)
        return there

    def _may_be_unnamed(self, item: Item, kind: str) -> bool:
        """Whether it may be a recorded one that does not say where it came from.

        In an older recording no call does; later on only those do not that never ended.
        """
        return (kind, "") in self._keys and (kind not in self._named or item.event.get("interrupted") is True)


class _Writing:
    """A session that is being written, in the folder of its own."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.session_id = str(recorder.session_id)
        self._ids: dict[str, str] = {}
        """By an item's key: the id that its event has got."""
        self._ended = self._count = 0

    @property
    def trace(self) -> SessionTrace:
        """What was written so far."""
        folder, name = os.path.split(str(self._recorder.path))
        stem = name.removesuffix(".json")
        return next(trace for trace in _scan(folder) if trace.stem == stem)

    def add(self, item: Item) -> None:
        """One more event; its parent stands before it."""
        event = dict(item.event)
        if item.parent in self._ids:
            event["parent_id"] = self._ids[str(item.parent)]
        number = self._record(event)
        if number is not None and item.key and event["type"] in _CALLS:
            self._ids[item.key] = number

    def _record(self, event: Event) -> str | None:
        # What does not fit its field goes to the attributes, which is for the reader of the trace to see.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            number = self._recorder.record(event)
        self._ended = max(self._ended, (micros(event.get("timestamp")) or 0) + (took(event) or 0))
        self._count += 1
        if self._count % _AT_ONCE == 0:
            self._flush()
        return number

    def _flush(self) -> None:
        if not self._recorder.flush(_PATIENCE_S) or self._recorder.dropped:
            raise ImportFileError("cannot be written: is the disk full?", file=str(self._recorder.path))

    def add_missing(self, before: SessionTrace, known: dict[Key, int]) -> None:
        """What an earlier import has brought and this one has not."""
        self._flush()
        ids = {_key(event): str(event.get("event_id")) for event in self.trace.events()}
        if ids.keys() >= known.keys():
            return
        keys = {
            event.get("event_id"): _key(event) for event in before.events() if event.get("type") in _CALLS
        }
        for event in before.events():
            if _key(event) not in ids:
                parent = ids.get(keys.get(event.get("parent_id"), ("", "")))
                rest = {name: value for name, value in event.items() if name not in {"event_id", "parent_id"}}
                ids[_key(event)] = str(self._record(rest | ({"parent_id": parent} if parent else {})))

    def close(self) -> None:
        """End the session as of its last event, and wait until it is written."""
        self._flush()
        self._recorder.close(_ns(self._ended) or None)
        until = time.monotonic() + _PATIENCE_S
        while not self._is_closed():
            if time.monotonic() > until:
                raise ImportFileError("cannot be written: is the disk full?", file=str(self._recorder.path))
            time.sleep(0.01)

    def _is_closed(self) -> bool:
        try:
            closing = self.trace.parts[-1].closing()
        except CorruptTraceError:
            return False
        return closing is not None and closing.get("state") == "closed"


def _ns(us: int) -> int:
    return min(us * 1000, _LATEST_NS)


def _scan(folder: str) -> list[SessionTrace]:
    from t800.layout import Layout

    beside = os.path.dirname(folder)
    return scan(Layout(beside, beside), in_order=False)[0]


def _unlike_ours(item: Item, host_id: str) -> Item:
    """An item whose id looks like one of ours, with one that the recorder cannot mistake for that of a parent."""
    source_id = str(item.event.get("source_id"))
    if _OURS.fullmatch(source_id) is None:
        return item
    return item._replace(event=item.event | {"source_id": f"{host_id}:{source_id}"})


def _key(event: Event) -> Key:
    return str(event.get("type")), str(event.get("source_id") or "")


def _digests(trace: SessionTrace) -> dict[Key, int]:
    """Each event by its key, and what it says but for its numbers."""

    def said(event: dict[str, Any]) -> int:
        return hash(encoded({name: event[name] for name in event if name not in {"event_id", "parent_id"}}))

    return {_key(event): said(event) for event in trace.events()}
