"""`t800 init`, `enable`, `disable` and `status`: the switch, and the configuration behind it."""

from __future__ import annotations

import difflib
import os
import stat
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.text import Text

from t800 import config
from t800.cli import options
from t800.cli.commands import USAGE
from t800.cli.text import clean, dumps, inline
from t800.errors import ConfigError
from t800.layout import disabled, set_disabled, state_dir, write_own_file

if TYPE_CHECKING:
    from t800.config import Settings
    from t800.layout import Layout

_PRIVACY = (
    "redact_secrets",
    "redact_pii",
    "redact_sensitive_paths",
    "redact_content",
    "local_only",
    "no_network_transmission",
)
_RULES = "telemetry.privacy.rules"


@click.command()
@options.folder
def init(directory: str | None) -> None:
    """Make the telemetry folder and a documented configuration.

    Nothing is recorded until you say `t800 enable`. A configuration that is there already stays as it is.
    """
    layout = options.find_layout(directory)
    found = config.read_config(layout.config_file) is not None
    layout.create()
    if not found:
        _write_config(layout, enabled=False)
    config.compile_file(layout)
    _say("Found" if found else "Made", layout.config_file)
    _say("Traces", layout.traces)
    _say("Next", "`t800 enable` switches recording on, `t800 status` says whether it is")


@click.command()
@options.folder
def enable(directory: str | None) -> None:
    """Switch recording on for this project.

    Writes `enabled: true` into the configuration, making a documented one where there is none, and takes back
    an earlier `t800 disable`.
    """
    layout = options.find_layout(directory)
    _switch_on(layout)
    if disabled():
        set_disabled(False)
        _say("Taken back", "the earlier `t800 disable`")
    config.compile_file(layout)
    settings = config.load(layout)
    _say("Recording", _on_or_off(settings), style=_style(settings))
    _say("Why", settings.reason)
    _say("Traces", layout.traces)


@click.command()
def disable() -> None:
    """Switch recording off everywhere; off wins.

    It holds for every project of this user, whatever a configuration, a program or the environment says,
    until `t800 enable`. Sessions that run already go on until they end.
    """
    set_disabled(True)
    _say("Recording", "off, in every project of this user", style="bold")
    _say("Kept in", os.path.join(state_dir(), "disabled"))
    _say("Next", "`t800 enable` in a project takes it back")


@click.command()
@options.folder
@options.as_json
@click.pass_context
def status(context: click.Context, directory: str | None, as_json: bool) -> None:
    """Say whether and why recording is on or off.

    Shows the privacy switches, every setting that differs from its default, and misspelt T800_* variables.
    Exit code 2 where the configuration is refused: recording is off then.
    """
    layout = options.find_layout(directory)
    settings = _settings_or_refusal(layout)
    report = _report(layout, settings)
    click.echo(dumps(report, indent=True)) if as_json else _print_report(layout, settings)
    if settings.error is not None:
        context.exit(USAGE)


# Switching on


def _switch_on(layout: Layout) -> None:
    before = config.read_config(layout.config_file)
    if before is None:
        layout.create()
        _write_config(layout, enabled=True)
        return
    from t800.config_file import switched_on

    after = switched_on(before, layout.config_file)
    layout.create()
    if after != before:
        mode = stat.S_IMODE(os.stat(layout.config_file).st_mode)
        write_own_file(layout.config_file, after, mode=mode)


def _write_config(layout: Layout, *, enabled: bool) -> None:
    from t800.config_file import default_text

    write_own_file(layout.config_file, default_text(enabled=enabled).encode())


# Telling


def _settings_or_refusal(layout: Layout) -> Settings:
    """The settings in force; where the configuration is refused they are off and carry the error."""
    try:
        return config.load(layout)
    except ConfigError as error:
        settings = config.load_or_off(layout)
        settings.error = error
        return settings


def _report(layout: Layout, settings: Settings) -> dict[str, object]:
    return {
        "enabled": settings.enabled,
        "reason": settings.reason,
        "config": layout.config_file,
        "config_exists": os.path.lexists(layout.config_file),
        "dir": layout.telemetry,
        "mode": settings.values["telemetry.mode"],
        "rules": [str(rule["id"]) for rule in _rules(settings)],
        "privacy": {name: settings.values[f"telemetry.privacy.{name}"] for name in _PRIVACY},
        "changed": _changed(settings),
        "unknown_environment": config.unknown_environment(),
        "error": _error(settings.error),
    }


def _changed(settings: Settings) -> dict[str, dict[str, object]]:
    """Every setting that has not its default, with its source."""
    return {
        name: {"value": settings.values[name], "source": settings.sources[name]}
        for name, key in config.KEYS.items()
        if settings.sources[name] != "default" and settings.values[name] != key.default
    }


def _rules(settings: Settings) -> list[dict[str, object]]:
    """The user's own redaction rules."""
    given = settings.values[_RULES]
    return given if isinstance(given, list) else []


def _error(error: ConfigError | None) -> dict[str, object] | None:
    if error is None:
        return None
    return {
        "file": error.file,
        "line": error.line,
        "key": error.key,
        "problem": error.problem,
        "hint": error.hint,
    }


def _print_report(layout: Layout, settings: Settings) -> None:
    _say("Recording", _on_or_off(settings), style=_style(settings))
    _say("Why", settings.reason)
    if settings.error is not None and str(settings.error) not in settings.reason:
        _say("Refused", str(settings.error), style="bold red")
    missing = "" if os.path.lexists(layout.config_file) else " (not there)"
    _say("Config", f"{layout.config_file}{missing}")
    _say("Folder", layout.telemetry)
    if settings.values["telemetry.mode"] == "flight":
        on_words = settings.values["telemetry.flight.on"]
        _say("Mode", f"flight: the last events are kept, and written on {inline(on_words)} and dump()")
    for on in (True, False):
        _say_switches(
            [name for name in _PRIVACY if settings.values[f"telemetry.privacy.{name}"] is on], on=on
        )
    if rules := _rules(settings):
        _say("Own rules", f"{len(rules)}: {', '.join(clean(str(rule['id'])) for rule in rules)}")
    for name, change in _changed(settings).items():
        if name == _RULES:
            continue
        _say("Changed", f"{name} = {inline(change['value'])} ({change['source']})")
    for name in config.unknown_environment():
        _say("Unknown", _unknown(name), style="yellow")


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, [key.environment for key in config.KEYS.values()], 1)
    return f"{name} is set and means nothing" + (f"; did you mean {near[0]}?" if near else "")


def _on_or_off(settings: Settings) -> str:
    return "on" if settings.enabled else "off"


def _style(settings: Settings) -> str:
    return "bold green" if settings.enabled else "bold"


def _say_switches(names: list[str], *, on: bool) -> None:
    if names:
        _say("Privacy", f"{'on: ' if on else 'OFF:'} {', '.join(names)}", style="" if on else "bold yellow")


def _say(label: str, text: str, *, style: str = "") -> None:
    """One line: a label and what it says, without anything that a terminal would obey."""
    line = Text.assemble((f"{label:<11}", "dim"), (clean(text), style))
    Console(highlight=False, soft_wrap=True).print(line)
