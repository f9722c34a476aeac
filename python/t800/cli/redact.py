"""`t800 redact`: the recorder's redaction as a filter."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import click

from t800.cli import options
from t800.cli.text import dumps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
@click.option("--explain", is_flag=True, help="Print which rule acts at which key instead, never the value.")
@options.folder
def redact(explain: bool, directory: str | None, **choices: str | None) -> int:
    """Redact JSON events from stdin to stdout: one a line in, one a line out, in the same order.

    Everything that is not sensitive stays as it is, and there is no limit to a line's length. A line that
    is not JSON comes out as a redacted JSON string; then the exit code is 1.
    """
    from t800.cli.commands import FINDINGS

    redactor = _redactor(directory, **choices)
    broken, lines = _explain(redactor) if explain else _filter(redactor)
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


def _filter(redactor: Redactor) -> tuple[list[int], int]:
    """Everything from stdin to stdout; the numbers of lines that are no JSON, and how many there were."""
    # The core waits for input outside Python, where Ctrl-C would go unheard: let it end the process.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.stdout.flush()
    return redactor.redact_stream(sys.stdin.fileno(), sys.stdout.fileno())


def _explain(redactor: Redactor) -> tuple[list[int], int]:
    broken: list[int] = []
    number = 0
    for number, line in enumerate(sys.stdin.buffer, 1):
        try:
            findings = list(explained(redactor, line))
        except (ValueError, RecursionError):
            broken.append(number)
            continue
        for key, rules in findings:
            options.write(dumps({"line": number, "key": key, "rules": rules}))
    return broken, number


def explained(redactor: Redactor, line: bytes) -> Iterator[tuple[str, dict[str, int]]]:
    """For each changed place of one JSON text: its key after redaction, and the rules that act there.

    Each place is judged again in a copy of the event that holds nothing else, so that every rule is named
    where it acts.
    """
    before, after = _pairs(line), _pairs(redactor.redact_json(line))
    for key, alone in _changes(before, after, "", _itself):
        yield key, redactor.explain(_text(alone))


def _itself(leaf: Any) -> Any:
    return leaf


class _Object(list[tuple[str, Any]]):
    """A JSON object as it stands, repeated names too."""


def _pairs(text: bytes) -> Any:
    import json

    return json.loads(text, object_pairs_hook=_Object)


def _text(value: Any) -> bytes:
    import json

    if isinstance(value, _Object):
        members = (json.dumps(name).encode() + b":" + _text(member) for name, member in value)
        return b"{" + b",".join(members) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(map(_text, value)) + b"]"
    return json.dumps(value).encode()


def _changes(before: Any, after: Any, key: str, around: Callable[[Any], Any]) -> Iterator[tuple[str, Any]]:
    """The places where two texts of one shape differ, each with the event that holds only that place."""
    if isinstance(before, _Object) and isinstance(after, _Object) and len(before) == len(after):
        for (name, old), (new_name, new) in zip(before, after, strict=True):
            inner = f"{key}.{new_name}" if key else new_name
            if name != new_name:
                yield inner, around(_Object([(name, None)]))
            yield from _changes(old, new, inner, _in_object(name, around))
    elif _is_array(before) and _is_array(after) and len(before) == len(after):
        for position, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _changes(old, new, f"{key}[{position}]", _in_array(around))
    elif before != after:
        yield key, around(before)


def _in_object(name: str, around: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda leaf: around(_Object([(name, leaf)]))


def _in_array(around: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda leaf: around([leaf])


def _is_array(value: object) -> bool:
    return isinstance(value, list) and not isinstance(value, _Object)
