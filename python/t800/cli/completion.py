"""`t800 completion`: names of commands, options and sessions, completed by the shell."""

from __future__ import annotations

import click

from t800.cli import options
from t800.cli.commands import cli

_SOURCE = {
    "bash": 'eval "$(t800 completion bash)" in ~/.bashrc',
    "zsh": 'eval "$(t800 completion zsh)" in ~/.zshrc, behind compinit',
    "fish": "t800 completion fish > ~/.config/fish/completions/t800.fish",
}


@click.command(epilog=f"To switch it on: {'; '.join(_SOURCE.values())}.")
@click.argument("shell", type=click.Choice(list(_SOURCE)))
def completion(shell: str) -> None:
    """Print what a shell needs to complete commands, options and names of sessions."""
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"click knows no completion for {shell}.")
    # The class, not `found(...).source()`: for bash that starts a shell to ask for its version.
    complete = found(cli, {}, "t800", "_T800_COMPLETE")
    options.write(complete.source_template % complete.source_vars())
