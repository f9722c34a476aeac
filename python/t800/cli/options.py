"""What several commands share: their options, and the way from one to a folder, a session, a setting."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from t800.config import Settings
    from t800.layout import Layout
    from t800.reader import SessionTrace

_Command = TypeVar("_Command", bound="Callable[..., object]")


def as_json(command: _Command) -> _Command:
    """`--json`: print data, not a page."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def folder(command: _Command) -> _Command:
    """`--dir`: another telemetry folder than this project's."""
    return click.option(
        "--dir", "directory", metavar="DIR", help="The telemetry folder [default: this project's]."
    )(command)


def session(command: _Command) -> _Command:
    """The optional SESSION argument."""
    return click.argument("session", default="last", shell_complete=_known)(command)


def sessions(command: _Command) -> _Command:
    """Any number of SESSION arguments."""
    return click.argument("sessions", nargs=-1, metavar="[SESSION]...", shell_complete=_known)(command)


def one_session(name: str, metavar: str) -> Callable[[_Command], _Command]:
    """A SESSION argument that must be given."""
    return click.argument(name, metavar=metavar, shell_complete=_known)


def _known(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """The names of sessions that a shell may complete, newest first; errors are no matter of a completion."""
    from t800 import reader
    from t800.errors import TraceError

    try:
        found = reader.sessions(find_layout(ctx.params.get("directory")))
        return [
            name for name in ("last", *(trace.session_id for trace in found)) if name.startswith(incomplete)
        ][:100]
    except (OSError, TraceError):
        return []


def find_layout(directory: str | None) -> Layout:
    """The telemetry folder named by `--dir`, by T800_DIR, or of the project around the working directory."""
    from t800.layout import telemetry_dir

    return telemetry_dir(directory)


def find_session(directory: str | None, reference: str) -> SessionTrace:
    """The session a person means; SessionNotFoundError names the nearest one."""
    from t800 import reader

    return reader.resolve(find_layout(directory), reference)


def find_settings(layout: Layout) -> Settings:
    """The settings in force; ConfigError (exit code 2) where the configuration is refused."""
    from t800 import config

    return config.load(layout, environ=os.environ)


def write(line: str) -> None:
    """One line to stdout."""
    click.echo(line)
