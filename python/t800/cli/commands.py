"""The group of all commands, and what becomes of the errors they raise."""

from __future__ import annotations

import gc
import importlib
import os
import sys
from typing import IO, TYPE_CHECKING, NamedTuple

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

FINDINGS = 1
"""Exit code: the command worked and found something (a damaged trace, an invalid line)."""
USAGE = 2
"""Exit code: wrong arguments, or a configuration that was refused."""
NOT_FOUND = 3
"""Exit code: there is no such session or file."""
INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells expect it."""


class Entry(NamedTuple):
    """A command as `t800 --help` lists it, without importing its module."""

    target: str
    section: str
    help: str


COMMANDS = {
    "init": Entry(
        "t800.cli.settings:init", "Switch", "Make the telemetry folder and a documented configuration."
    ),
    "enable": Entry("t800.cli.settings:enable", "Switch", "Switch recording on for this project."),
    "disable": Entry("t800.cli.settings:disable", "Switch", "Switch recording off everywhere; off wins."),
    "status": Entry("t800.cli.settings:status", "Switch", "Say whether and why recording is on or off."),
    "run": Entry("t800.cli.run:run", "Record", "Run a Python program and record it."),
    "ls": Entry("t800.cli.ls:ls", "Look", "List the recorded sessions."),
    "show": Entry("t800.cli.show:show", "Look", "Show a session as a tree, also while it runs."),
    "view": Entry("t800.cli.view:view", "Look", "Show a session, or two side by side, in the browser."),
    "stats": Entry("t800.cli.stats:stats", "Look", "Figures by tool, model and error."),
    "diff": Entry("t800.cli.diff:diff", "Look", "Compare two sessions, step by step."),
    "search": Entry("t800.cli.search:search", "Look", "Find events by text in all sessions."),
    "query": Entry("t800.cli.query:query", "Look", "Ask all traces with SQL."),
    "aggregate": Entry("t800.cli.aggregate:aggregate", "Look", "Add sessions up by day, and report a day."),
    "export": Entry("t800.cli.export:export", "Share", "Write sessions as a file of another format."),
    "import": Entry("t800.cli.importing:command", "Share", "Import sessions that others have recorded."),
    "redact": Entry("t800.cli.redact:redact", "Check", "Redact JSON events from stdin to stdout."),
    "audit": Entry("t800.cli.audit:audit", "Check", "Look for secrets in traces, independently."),
    "validate": Entry("t800.cli.validate:validate", "Check", "Check trace files against the schema."),
    "bench": Entry("t800.cli.bench:bench", "Check", "Measure what recording costs on this machine."),
    "doctor": Entry("t800.cli.doctor:doctor", "Check", "Say what is in the way of recording here."),
    "recover": Entry("t800.cli.recover:recover", "Keep", "Put together what a crash has left behind."),
    "install": Entry(
        "t800.cli.install:install", "Agents", "Have opencode, Claude Code or Codex tell what it does."
    ),
    "uninstall": Entry("t800.cli.install:uninstall", "Agents", "Take T-800 out of its settings again."),
    "prune": Entry("t800.cli.prune:prune", "Keep", "Delete and compress old traces, as configured."),
    "completion": Entry(
        "t800.cli.completion:completion", "Shell", "Print what a shell needs to complete t800."
    ),
}


class Commands(click.Group):
    """A group that knows the names and one line about each command, and imports only the one called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order of the help page."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command; None for an unknown name."""
        del ctx
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, _, function = entry.target.partition(":")
        command = getattr(importlib.import_module(module), function)
        if not isinstance(command, click.Command):
            raise TypeError(f"{entry.target} is not a click command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, and say which command was probably meant."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            nearest = difflib.get_close_matches(args[0], COMMANDS, n=1)
            if nearest and "Did you mean" not in error.message:
                raise click.UsageError(f"{error.message} Did you mean {nearest[0]!r}?", ctx) from error
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands by section, from the table."""
        del ctx
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, entry in COMMANDS.items():
            sections.setdefault(entry.section, []).append((name, entry.help))
        width = max(map(len, COMMANDS))
        for section, rows in sections.items():
            with formatter.section(section):
                formatter.write_dl([(name.ljust(width), text) for name, text in rows])


def _version(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked:
        from t800 import __version__

        click.echo(f"t800 {__version__}")
        ctx.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Print the version."
)
def cli() -> None:
    """A flight recorder for AI agents.

    SESSION is "last", the beginning of a session's id or file name, or the path of a trace file.
    """


def main(args: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; errors become one line on stderr."""
    _survive_any_text(sys.stdout, sys.stderr)
    # A command makes events by the hundred thousand and leaves no circles behind: looking for such took a fifth of it.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return _run(args)
    finally:
        if collecting:
            gc.enable()


def _run(args: Sequence[str] | None) -> int:
    try:
        result = cli.main(args=None if args is None else list(args), prog_name="t800", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        return _refuse(error)
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        return _closed_pipe()
    except (
        Exception
    ) as error:  # the last resort of a program: known errors are told, others keep their traceback
        code = _told(error)
        if code is None:
            raise
        return code
    return result if isinstance(result, int) else 0


def _survive_any_text(*streams: IO[str]) -> None:
    """A terminal with a small character set shows `?`, it does not stop the command."""
    for stream in streams:
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def _refuse(error: click.ClickException) -> int:
    error.show()
    return error.exit_code


def _closed_pipe() -> int:
    """The reader (`head`) has enough: end quietly, and keep the interpreter from flushing at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _told(error: Exception) -> int | None:
    """Print an error made for people and return its exit code; None when it is not one."""
    from t800 import errors
    from t800.cli.text import clean

    if not isinstance(error, errors.TraceError | OSError):
        return None
    click.echo(f"t800: {clean(str(error))}", err=True)
    if isinstance(error, errors.SessionNotFoundError | FileNotFoundError):
        return NOT_FOUND
    return FINDINGS if isinstance(error, errors.TraceFileError) else USAGE
