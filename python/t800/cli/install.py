"""`t800 install` and `uninstall`: the recorder in a coding agent's settings."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from t800 import config, layout
from t800.cli.commands import USAGE
from t800.cli.text import clean
from t800.hosts import changes, hooks, opencode, program
from t800.system import WINDOWS

if TYPE_CHECKING:
    from t800.hosts.changes import Change

_HOSTS = click.Choice(["opencode", "claude-code", "codex", "gemini", "cursor"])
_USER = click.option("--user", is_flag=True, help="In this user's own settings, for every project.")
_YES = click.option("--yes", "-y", is_flag=True, help="Do not ask.")


@click.command()
@click.argument("host", type=_HOSTS)
@_USER
@_YES
@click.pass_context
def install(context: click.Context, host: str, user: bool, yes: bool) -> None:
    """Have a coding agent tell T-800 what it does.

    Shows what will be changed and asks first. Nothing is recorded before `t800 enable`. `t800 uninstall` takes
    away exactly what this adds.
    """
    _refuse_windows()
    if host == "opencode":
        path = opencode.plugin_file(user=user)
        change = opencode.installed(path)
        made = opencode.created(path)
    else:
        path = hooks.settings_file(host, user=user)
        change = hooks.installed(host, path)
        made = hooks.created(host, change)
    # Another version may be at another place.
    noted = program.note()
    if change.before == change.after:
        _say(f"{host} is installed in {path} already.")
    else:
        _show_and_make(context, change, yes=yes)
        changes.remember(path, sorted({*made, *(changes.made(path) or [])}))
        _say(f"Installed in {path}, calling {noted}")
    _next(host)


@click.command()
@click.argument("host", type=_HOSTS)
@_USER
@_YES
@click.pass_context
def uninstall(context: click.Context, host: str, user: bool, yes: bool) -> None:
    """Take T-800 out of a coding agent's settings again. Traces stay."""
    if host == "opencode":
        path = opencode.plugin_file(user=user)
        change = opencode.removed(path)
    else:
        path = hooks.settings_file(host, user=user)
        change = hooks.removed(host, path)
    if change.before == change.after:
        _say(f"{host} is not installed in {path}.")
        return
    _show_and_make(context, change, yes=yes)
    made = changes.made(path)
    if host == "opencode":
        opencode.tidy(made if made is not None else [os.path.dirname(path)])
    changes.remember(path, None)
    _say(f"Removed from {path}")


def _refuse_windows() -> None:
    """What is put into settings are commands of a POSIX shell, and opencode's plugin writes to a named pipe."""
    if WINDOWS:
        raise click.UsageError(
            "Coding agents cannot be recorded on Windows yet: their hooks need a POSIX shell. "
            "Install T-800 where they run in WSL; agents in Python are recorded here."
        )


def _show_and_make(context: click.Context, change: Change, *, yes: bool) -> None:
    """Make a change that was shown and agreed to."""
    if change.after is None or change.before is None:
        _say(f"{'Removes' if change.after is None else 'Makes'} {change.path}")
    else:
        for line in change.lines():
            _say(line)
    if not yes and not (sys.stdin.isatty() and click.confirm("Go ahead?", default=True)):
        click.echo("Nothing was changed. `--yes` goes ahead without asking.", err=True)
        context.exit(USAGE)
    change.make()


def _next(host: str) -> None:
    if host == "codex":
        _say("Codex asks you to trust the hooks when it starts; until then it does not run them.")
    settings = config.load_or_off(layout.telemetry_dir())
    if not settings.enabled:
        _say(f"Recording is off here: {settings.reason}.")


def _say(text: str) -> None:
    click.echo(clean(text) if text.strip() else text)
