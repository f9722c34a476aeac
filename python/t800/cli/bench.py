"""`t800 bench`: the overhead budget, measured on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from t800._figures import duration
from t800.cli import options
from t800.cli.text import clean, dumps

if TYPE_CHECKING:
    from t800.bench import Cost


@click.command()
@click.option("--events", type=click.IntRange(min=100, max=1_000_000), default=5000, show_default=True, metavar="N",
              help="Events to record for each kind of call.")  # fmt: skip
@options.as_json
def bench(events: int, as_json: bool) -> int:
    """Measure what recording costs on this machine, beside orjson.dumps of the same events.

    Records into a temporary folder that is deleted again, and prints figures only when every event was found in the
    trace and no planted secret was. "Total per event" waits for the file, which recording itself never does. The ratio
    is of the medians: recorded and redacted, to only written as JSON. The exit code is 1 when a budget was not kept.
    """
    from t800 import bench as measuring
    from t800.cli.commands import FINDINGS
    from t800.cli.progress import progress

    rows = [measuring.measure(operation, events) for operation in progress(measuring.OPERATIONS, "measuring")]
    within = all(row.within for row in rows)
    machine = measuring.machine()
    if as_json:
        data = [{**row._asdict(), "ratio": row.ratio, "within": row.within} for row in rows]
        options.write(dumps({"machine": machine, "rows": data, "within": within}, indent=True))
    else:
        _print(rows, machine, within=within)
    return 0 if within else FINDINGS


def _print(rows: list[Cost], machine: dict[str, object], *, within: bool) -> None:
    from t800.cli import table
    from t800.cli.line import Line, screen

    figures = ("TARGET", "P50", "P99", "MAX", "ORJSON.DUMPS", "RATIO")
    columns = [table.Column("OPERATION"), *(table.Column(name, right=True) for name in figures)]
    cells = []
    for row in rows:
        target = "-" if row.target_ms is None else f"< {row.target_ms:g} ms"
        times = [_us(taken) for taken in (row.p50_us, row.p99_us, row.max_us, row.orjson_us)]
        style = "" if row.within else "bold red"
        ratio = "-" if row.ratio is None else f"{row.ratio:.1f}"
        cells.append([Line(text, style) for text in (row.operation, target, *times, ratio)])
    screen().write(table.lines(columns, cells))
    options.write("")
    options.write("all within budget (p99)" if within else "OVER BUDGET (p99)")
    options.write(
        clean("t800 {t800}, {python}, {system}, {cpus} CPUs, load {load}, {date}".format_map(machine))
    )


def _us(taken: float | None) -> str:
    return duration(None if taken is None else taken / 1000)
