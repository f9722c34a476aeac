"""The command line: `t800 COMMAND`; each command's module loads when the command is called."""

from t800.cli.commands import cli, main

__all__ = ["cli", "main"]
