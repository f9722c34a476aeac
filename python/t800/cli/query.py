"""`t800 query`: SQL over all traces, one statement or a prompt."""

from __future__ import annotations

import importlib
import itertools
import sys
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import click

from t800.cli import options
from t800.cli.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import duckdb

    from t800.aggregate.duckdb import Traces
    from t800.cli.line import Line

    Row = tuple[object, ...]

_DEFAULT_ROWS = 100
_LONGEST_CELL = 400
_NARROWEST = 10
_CHUNK = 1000
_PROMPT, _GOES_ON = "t800> ", "  ...> "
_EXAMPLES = (
    "SELECT session_id, agent, started, errors FROM sessions",
    "SELECT tool, count(*), quantile_disc(duration_ms, 0.95) AS p95 FROM tools\n  GROUP BY tool ORDER BY p95 DESC",
    "SELECT day, model, prompt_tokens, cost_nano_usd / 1e9 AS usd FROM daily_models",
    "SELECT parameters_redacted ->> '$.file_path' AS file, count(*) FROM tools\n  WHERE tool = 'read' GROUP BY file",
    "SELECT session_id, error_type, message FROM errors WHERE NOT recovery_success",
)


class Form(NamedTuple):
    """How rows are printed, and how many of them; 0 is all."""

    name: str
    limit: int


@click.command()
@click.argument("sql", required=False)
@options.as_json
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@click.option("--limit", "-n", type=click.IntRange(min=0), metavar="N",
              help="Print at most N rows; 0 prints all [default: 100, of --json and --csv all].")  # fmt: skip
@options.folder
def query(sql: str | None, as_json: bool, as_csv: bool, limit: int | None, directory: str | None) -> int:
    """Ask all traces with SQL.

    SQL is DuckDB's; its tables are events, tools, models, errors, sessions, daily_tools and others. It reads the traces,
    and nothing else: no other file, no network, and it writes nothing. Without SQL there is a prompt; in a pipe,
    statements are read from stdin.
    """
    from t800.aggregate.duckdb import Traces
    from t800.cli.progress import progress

    if as_json and as_csv:
        raise click.UsageError("Give either --json or --csv.")
    form = Form("json" if as_json else "csv" if as_csv else "table", _limit(limit, plain=as_json or as_csv))
    traces = Traces(options.find_layout(directory), watch=lambda groups: progress(groups, "reading"))
    if sql is not None:
        _print(traces.run(sql), form)
    elif sys.stdin.isatty():
        _converse(traces, form)
    else:
        return _follow(traces, form, sys.stdin)
    return 0


def _limit(given: int | None, *, plain: bool) -> int:
    if given is not None:
        return given
    return 0 if plain else _DEFAULT_ROWS


def _follow(traces: Traces, form: Form, lines: IO[str]) -> int:
    """Run the statements of a pipe, up to the first that fails."""
    for statement in _statements(lines):
        if statement.startswith("."):
            _obey(statement)
        else:
            _print(traces.run(statement), form)
    return 0


def _converse(traces: Traces, form: Form) -> None:
    """The prompt: a statement ends with `;`, what is wrong is said, and it goes on until the input ends."""
    from t800.errors import TraceError

    _prepare_editing()
    click.echo("SQL over all traces; .help shows examples, .tables what there is, Ctrl-D ends.")
    for statement in _statements(_typed()):
        if statement == _LEAVE:
            return
        try:
            if statement.startswith("."):
                _obey(statement)
            else:
                _print(traces.run(statement), form)
        except TraceError as error:
            click.echo(f"t800: {clean(str(error))}", err=True)
        except KeyboardInterrupt:
            click.echo()


_LEAVE = ".quit"


def _prepare_editing() -> None:
    try:
        # By its name: Windows, whose consoles edit lines themselves, has none, or somebody else's.
        readline: Any = importlib.import_module("readline")
    except ImportError:
        return
    words = [f".{name}" for name in ("help", "tables", "quit")]
    from t800.aggregate.duckdb import SHOWN

    known = [*words, *SHOWN]

    def complete(text: str, state: int) -> str | None:
        fitting = [word for word in known if word.startswith(text)]
        return fitting[state] if state < len(fitting) else None

    readline.set_completer(complete)
    readline.set_completer_delims(" \t\n,;()")
    readline.parse_and_bind("tab: complete")


def _typed() -> Iterator[str]:
    """Lines as they are typed, until the input ends; Ctrl-C gives up the statement that was begun."""
    prompt = _PROMPT
    while True:
        try:
            line = input(prompt)
        except EOFError:
            click.echo()
            return
        except KeyboardInterrupt:
            click.echo()
            prompt = _PROMPT
            yield _GIVE_UP
            continue
        yield f"{line}\n"
        begun = prompt == _GOES_ON
        text = line.strip()
        prompt = (
            _GOES_ON if (text or begun) and not text.endswith(";") and not text.startswith(".") else _PROMPT
        )


_GIVE_UP = "\x03"


def _statements(lines: Iterable[str]) -> Iterator[str]:
    """Statements, each up to a line that ends with `;`; commands with a dot, each a line; what is left at the end."""
    begun = ""
    for line in lines:
        if line == _GIVE_UP:
            begun = ""
        elif not begun.strip() and line.strip().startswith("."):
            yield line.strip()
        else:
            begun += line
            if line.rstrip().endswith(";"):
                yield begun.strip()
                begun = ""
    if begun.strip():
        yield begun.strip()


def _obey(command: str) -> None:
    """A command with a dot."""
    from t800.aggregate.duckdb import SHOWN

    if command == ".help":
        click.echo("A statement ends with a semicolon. .tables shows the tables, Ctrl-D ends.\n")
        click.echo("\n".join(f"{example};" for example in _EXAMPLES))
        click.echo("\nDESCRIBE tools; shows the columns of a table.")
    elif command == ".tables":
        click.echo(
            "\n".join(f"  {name:{max(map(len, SHOWN))}}  {meaning}" for name, meaning in SHOWN.items())
        )
    elif command != _LEAVE:
        click.echo(f"t800: there is no {clean(command)[:40]}: .help, .tables, .quit", err=True)


def _print(relation: duckdb.DuckDBPyRelation | None, form: Form) -> None:
    if relation is None:
        return
    rows = relation.iter_rows()
    shown = itertools.islice(rows, form.limit) if form.limit else rows
    names = list(relation.columns)
    if form.name == "json":
        _write_json(names, shown)
    elif form.name == "csv":
        _write_csv(names, shown)
    else:
        _write_table(names, list(shown))
    if form.limit and next(rows, None) is not None:
        click.echo(f"… more than {form.limit:,} rows: --limit 0 prints all", err=form.name != "table")


def _write_json(names: list[str], rows: Iterator[Row]) -> None:
    """An array of objects, a row each line."""
    from t800.cli.text import dumps

    between = "[\n"
    for row in rows:
        sys.stdout.write(between + dumps(dict(zip(names, map(_plain, row), strict=True))))
        between = ",\n"
    sys.stdout.write("[]\n" if between == "[\n" else "\n]\n")
    sys.stdout.flush()


def _write_csv(names: list[str], rows: Iterator[Row]) -> None:
    import csv

    from t800.export.csv import cell

    def safe(value: object) -> object:
        found = cell(_plain(value))
        return clean(found) if isinstance(found, str) and sys.stdout.isatty() else found

    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(map(safe, names))
    while block := list(itertools.islice(rows, _CHUNK)):
        out.writerows([map(safe, row) for row in block])
    sys.stdout.flush()


def _write_table(names: list[str], rows: list[Row]) -> None:
    from t800.cli.line import screen

    screen().write(_table(names, rows, screen().width))


def _table(names: list[str], rows: list[Row], width: int) -> Iterator[Line | str]:
    """The columns that fit, from the left; how many do not is said."""
    from t800.cli.line import Line
    from t800.cli.table import Column, lines

    if not rows:
        yield "no rows"
        return
    right = [_is_figures([row[n] for row in rows]) for n in range(len(names))]
    cells = [[_shown(value) for value in row] for row in rows]
    titles = [clean(name)[:_LONGEST_CELL] for name in names]
    fitting = _fitting(titles, cells, right, width)
    columns = [
        Column(title, right=is_right, least=0 if is_right else min(_NARROWEST, width))
        for title, is_right in zip(titles[:fitting], right, strict=False)
    ]
    for line in lines(columns, [row[:fitting] for row in cells], width):
        yield line.fit(width)
    if fitting < len(names):
        left = ", ".join(titles[fitting:])
        yield Line(f"… {len(names) - fitting} more columns: {left}", "dim").fit(width)


def _fitting(titles: list[str], cells: list[list[str]], right: list[bool], width: int) -> int:
    """How many columns there is room for, with texts at their narrowest."""
    from t800.cli.line import cell_len

    taken = -1
    for n, title in enumerate(titles):
        widest = max(cell_len(title), *(cell_len(row[n]) for row in cells))
        taken += 1 + (widest if right[n] else min(widest, _NARROWEST))
        if taken > width:
            return max(n, 1)
    return len(titles)


def _is_figures(column: list[object]) -> bool:
    """Whether a column has numbers, and nothing else."""
    from decimal import Decimal

    told = [value for value in column if value is not None]
    return bool(told) and all(
        isinstance(value, int | float | Decimal) and not isinstance(value, bool) for value in told
    )


def _shown(value: object) -> str:
    from t800.cli.text import inline

    plain = _plain(value)
    if plain is None:
        return "-"
    if isinstance(plain, float):
        return f"{plain:.6g}"
    return inline(plain)[:_LONGEST_CELL]


def _plain(value: object) -> object:
    """A value of DuckDB as JSON has it: times in UTC, numbers with all their digits."""
    from datetime import date, datetime
    from decimal import Decimal

    if isinstance(value, Decimal):
        value = int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, list | tuple):
        value = [_plain(inner) for inner in value]
    elif isinstance(value, dict):
        value = {str(_plain(name)): _plain(inner) for name, inner in value.items()}
    elif isinstance(value, datetime):
        value = value.isoformat() + ("Z" if value.tzinfo is None else "")
    elif isinstance(value, date):
        value = value.isoformat()
    elif (value is not None and not isinstance(value, str | float | int)) or _is_large(value):
        value = str(value)
    return value


def _is_large(value: object) -> bool:
    """Whether a number has more digits than readers of JSON keep."""
    return isinstance(value, int) and not -_MOST <= value < _MOST


_MOST = 1 << 63
