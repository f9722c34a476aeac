"""The group: help without imports, every command loads, wrong usage, the reference page."""

import importlib
import subprocess
import sys
from pathlib import Path

import click
import pytest

from t800.cli import cli, main
from t800.cli.commands import COMMANDS
from t800.cli.reference import reference

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_loads_and_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    context = click.Context(cli)
    command = cli.get_command(context, name)
    assert command is not None
    assert command.name == name
    assert main([name, "--help"]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


@pytest.mark.parametrize("name", COMMANDS)
def test_the_line_in_the_table_says_what_the_command_says(name: str) -> None:
    module, _, function = COMMANDS[name].target.partition(":")
    command = getattr(importlib.import_module(module), function)
    assert command.help.partition("\n")[0].rstrip(".:").split()[0] == COMMANDS[name].help.split()[0]


def test_help_imports_no_command(tmp_path: Path) -> None:
    code = (
        "import sys; from t800.cli import main; main(['--help']); "
        "loaded = {name for name in sys.modules if name.startswith('t800.cli.')}; "
        "print(loaded - {'t800.cli.commands'}, {'rich', 'yaml'} & set(sys.modules), file=sys.stderr)"
    )
    shown = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert shown.stderr == "set() set()\n"
    assert all(name in shown.stdout for name in COMMANDS)


def test_an_unknown_command_gets_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["shwo"]) == 2
    assert "Did you mean 'show'?" in capsys.readouterr().err
    assert main(["show", "--nosuch"]) == 2


def test_no_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    printed = capsys.readouterr()
    assert "Usage: t800" in printed.out + printed.err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    from t800 import __version__

    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"t800 {__version__}\n"


def test_the_reference_page_is_up_to_date() -> None:
    page = (ROOT / "docs" / "cli.md").read_text()
    assert page == reference(), "run: python -m t800.cli.reference > docs/cli.md"
