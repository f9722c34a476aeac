"""`t800 redact`: the recorder's redaction as a filter."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

import click

from t800.cli import options
from t800.system import native

if TYPE_CHECKING:
    from t800._core import Redactor

_IDENTITY = ("users", "hosts", "git", "values")
_SHOWN_LINES = 5


@click.command()
@click.option("--content", type=click.Choice(["hash", "scan"]),
              help="What becomes of content such as file texts and prompts: a keyed hash, or the text "
                   "without what is sensitive in it [default: as configured].")  # fmt: skip
@click.option(
    "--home", envvar="T800_HOME", metavar="DIR", help="The home directory that paths are shortened to ~."
)
@click.option("--project-root", envvar="T800_PROJECT_ROOT", metavar="DIR",
              help="The folder that paths become relative to [default: this project's].")  # fmt: skip
@click.option("--identity", metavar="FILE|none",
              help='Whom to look for: none, or a JSON file with lists "users", "hosts", "git" (names, e-mail '
                   'addresses) and "values" [default: this machine\'s user].')  # fmt: skip
@click.option("--explain", is_flag=True,
              help="Instead of the events print a line of JSON for each place where something is redacted: the number "
                   "of the line, the key, and how often each rule acts there. Never the value.")  # fmt: skip
@options.folder
def redact(explain: bool, directory: str | None, **choices: str | None) -> int:
    """Redact JSON events from stdin to stdout: one a line in, one a line out, in the same order.

    Everything that is not sensitive stays as it is, and there is no limit to a line's length. A line that
    is not JSON comes out as a redacted JSON string; then the exit code is 1.
    """
    from t800.cli.commands import FINDINGS

    redactor = _redactor(directory, **choices)
    # The core waits for input outside Python, where Ctrl-C would go unheard: let it end the process.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.stdout.flush()
    act = redactor.explain_stream if explain else redactor.redact_stream
    broken, lines = act(native(sys.stdin.fileno()), native(sys.stdout.fileno()))
    if not broken:
        return 0
    shown = ", ".join(map(str, broken[:_SHOWN_LINES])) + (", …" if len(broken) > _SHOWN_LINES else "")
    click.echo(f"t800: of {lines:,} lines these are not JSON: {shown}", err=True)
    return FINDINGS


def _redactor(
    directory: str | None,
    content: str | None,
    home: str | None,
    project_root: str | None,
    identity: str | None,
) -> Redactor:
    from t800 import _core, config, layout

    place = options.find_layout(directory)
    chosen = {"telemetry.privacy.redact_content": None if content is None else content == "hash"}
    settings = config.load(place, chosen)
    return _core.Redactor(
        settings=settings.compiled(),
        key=layout.install_key(os.environ)[0],
        home=home or layout.home_directory(os.environ),
        project_root=project_root or place.root,
        identity=_identity(identity),
    )


def _identity(choice: str | None) -> bool | dict[str, list[str]]:
    """True for this machine's user, False for nobody, or the lists of a file."""
    if choice is None or choice == "none":
        return choice is None
    import orjson

    with open(choice, "rb") as file:
        try:
            given = orjson.loads(file.read())
        except ValueError as error:
            raise click.BadParameter(f"{choice} is not JSON ({error})", param_hint="--identity") from error
    if not isinstance(given, dict) or not all(_is_list_of_names(name, given[name]) for name in given):
        wanted = ", ".join(_IDENTITY)
        raise click.BadParameter(
            f"{choice} must be an object with lists of strings: {wanted}", param_hint="--identity"
        )
    return {name: given.get(name, []) for name in _IDENTITY}


def _is_list_of_names(name: str, value: object) -> bool:
    return name in _IDENTITY and isinstance(value, list) and all(isinstance(item, str) for item in value)
