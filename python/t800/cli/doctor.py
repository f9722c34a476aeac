"""`t800 doctor`: whether recording can work here, and what is in its way."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import click

from t800 import config
from t800._figures import plural
from t800.cli import options
from t800.cli.text import clean, dumps
from t800.errors import ConfigError, TraceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from t800.config import Settings
    from t800.layout import Layout

GOOD, NOTE, BAD = "ok", "note", "bad"
_LOOKED_AT = 20
"""Sessions whose models are looked at."""
_NAMED = 10
"""Models without a price that are named."""


class Finding(NamedTuple):
    """What was found: how it stands, what it is about, and one sentence."""

    state: str
    about: str
    text: str


@click.command()
@options.folder
@options.as_json
@click.pass_context
def doctor(context: click.Context, directory: str | None, as_json: bool) -> None:
    """Say whether recording can work here, and what is in its way.

    Exit code 1 only where recording cannot work; everything else is a note.
    """
    findings = list(_findings(directory))
    if as_json:
        options.write(dumps([finding._asdict() for finding in findings], indent=True))
    else:
        for finding in findings:
            options.write(f"{finding.state:<5} {finding.about:<14} {clean(finding.text)}")
    if any(finding.state == BAD for finding in findings):
        context.exit(1)


def _findings(directory: str | None) -> Iterator[Finding]:
    yield _build()
    try:
        place = options.find_layout(directory)
        settings = config.load(place)
    except ConfigError as error:
        yield Finding(BAD, "configuration", f"refused, so recording is off: {error}")
    except TraceError as error:
        yield Finding(BAD, "folder", str(error))
    else:
        yield Finding(GOOD if settings.enabled else NOTE, "recording", _verdict(settings))
        yield from _place(place, settings)
        yield from _models(place)
    yield from _agents()
    for name in config.unknown_environment():
        yield Finding(NOTE, "environment", f"{name} is set and means nothing")


def _verdict(settings: Settings) -> str:
    return f"{'on' if settings.enabled else 'off'}: {settings.reason}"


def _build() -> Finding:
    from t800 import __version__, _core

    release = _core.build_profile == "release"
    return Finding(
        GOOD if release else NOTE, "version", f"{__version__}{'' if release else ', a slow debug build'}"
    )


# The folder, and a session tried in a place of its own


def _place(place: Layout, settings: Settings) -> Iterator[Finding]:
    there = place.telemetry
    while not os.path.lexists(there):
        there = os.path.dirname(there)
    writable = os.access(there, os.W_OK | os.X_OK)
    problem = "" if writable else f": {there} cannot be written"
    yield Finding(GOOD if writable else BAD, "folder", f"{place.telemetry}{problem}")
    if settings.enabled:
        yield from _trial(settings)


def _trial(settings: Settings) -> Iterator[Finding]:
    """Record a session into a folder that goes again, and look at what became of it."""
    from t800 import layout, reader
    from t800.session import Session

    with tempfile.TemporaryDirectory() as folder:
        try:
            place = layout.telemetry_dir(os.path.join(folder, "telemetry"))
            place.create()
            key, kept = layout.install_key()
            session = Session(
                settings=settings.compiled(),
                traces=place.traces,
                private=place.private,
                session_id="ses_doctor",
                key=key,
            )
            session.checkpoint("doctor", "completed")
            session.close()
            found = reader.resolve(place, "last")
            ring = str(found.metadata.get("ring"))
            recorded = any(event.get("phase_name") == "doctor" for event in found.events())
        except (OSError, TraceError, ValueError) as error:
            yield Finding(BAD, "trial", f"a session could not be recorded: {error}")
            return
    said = recorded or not settings.values["telemetry.trace_checkpoints"]
    yield Finding(GOOD if said else BAD, "trial", "a session was recorded" if said else "an event was lost")
    yield _ring(ring)
    lost = "cannot be kept: hashes of different processes cannot be compared"
    yield Finding(GOOD if kept else NOTE, "key", "kept in the user's state directory" if kept else lost)


def _ring(ring: str) -> Finding:
    meaning = {
        "memory": (GOOD, "in memory: survives the process, not the machine or its container"),
        "beside": (GOOD, "beside the traces: survives the process and its container"),
    }
    state, text = meaning.get(ring, (NOTE, "in this process only: what is not flushed dies with it"))
    return Finding(state, "ring", text)


# What was recorded so far


def _models(place: Layout) -> Iterator[Finding]:
    """The models of the latest sessions whose calls cost what nobody knows, most calls first."""
    from t800 import reader

    unknown: Counter[str] = Counter()
    for trace in itertools.islice(reader.sessions(place), _LOOKED_AT):
        unknown.update(
            str(event["model"])
            for event in trace.events()
            if event.get("type") == "llm_call"
            and event.get("model") is not None
            and "cost_usd" in event
            and event["cost_usd"] is None
        )
    if unknown:
        named = [f"{name} ({plural(calls, 'call')})" for name, calls in unknown.most_common(_NAMED)]
        more = [f"{len(unknown) - _NAMED} more"] if len(unknown) > _NAMED else []
        text = f"not known for {', '.join(named + more)}; telemetry.prices takes yours"
        yield Finding(NOTE, "prices", text)


# Coding agents


def _agents() -> Iterator[Finding]:
    from t800.hosts import program

    native = program.binary()
    if native is None:
        text = "not built: hooks of coding agents run in Python, which takes about 50 ms each"
        yield Finding(NOTE, program.NAME, text)
    else:
        yield Finding(GOOD, program.NAME, native)
    for host, path, works in _installed():
        broken = "" if works else f", but {program.noted()} is gone: run `t800 install {host}` again"
        yield Finding(GOOD if works else NOTE, host, f"installed in {path}{broken}")


def _installed() -> Iterator[tuple[str, str, bool]]:
    """The hosts that T-800 is installed in, where, and whether they would find it."""
    from t800.hosts import changes, hooks, opencode, program

    works = os.access(program.noted(), os.X_OK)
    for user in (False, True):
        path = opencode.plugin_file(user=user)
        if os.path.lexists(path):
            yield "opencode", path, works
        for host in hooks.EVENTS if user else hooks.IN_PROJECTS:
            path = hooks.settings_file(host, user=user)
            try:
                text = changes.read(path)
            except (OSError, TraceError):
                continue
            if text is not None and f"hook {host}" in text and program.NAME in text:
                yield host, path, works
