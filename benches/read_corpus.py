"""How fast traces are read: `python benches/read_corpus.py FOLDER`, a folder that `make_corpus.py` has recorded.

Prints the best of several rounds, as time on the clock and as time of the processor; the second one says what a busy
machine would take alone. Days are added up in a copy of the folder.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING

from t800 import reader
from t800.aggregate import daily
from t800.layout import Layout, telemetry_dir

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 5
COMMANDS = (
    "--help",
    "ls",
    "ls -n 0",
    "show",
    "show --limit 0",
    "stats",
    "stats --since 2000-01-01",
    "search nowhere-to-be-found",
    "diff last last",
)


def used() -> float:
    """Seconds of the processor, with those of children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def best(name: str, work: Callable[[], object], amount: str = "") -> None:
    """Print the shortest of the rounds."""
    rounds = []
    for _ in range(ROUNDS):
        clock, processor = time.perf_counter(), used()
        work()
        rounds.append((time.perf_counter() - clock, used() - processor))
    clock, processor = (min(column) for column in zip(*rounds, strict=True))
    print(f"{name:34} {clock:8.3f} s   processor {processor:8.3f} s   {amount}")  # noqa: T201


def run(command: str, folder: str) -> None:
    """One command, as from a shell, into a pipe."""
    program = "import sys; from t800.cli import main; sys.exit(main())"
    arguments = [sys.executable, "-P", "-c", program, *command.split()]
    subprocess.run(arguments, env=os.environ | {"T800_DIR": folder}, stdout=subprocess.PIPE, check=False)  # noqa: S603


def one_more(layout: Layout, trace: reader.SessionTrace) -> None:
    """Add a session that its day does not have."""
    date = trace.stem[:10]
    daily.rebuild(layout)
    rest = {stem: line for stem, line in daily._read(layout, date).items() if stem != trace.stem}  # noqa: SLF001
    daily._write(layout, date, rest)  # noqa: SLF001
    clock, processor = time.perf_counter(), used()
    assert daily.update(layout, trace.stem) == [date]
    print(  # noqa: T201
        f"{'one more session of a day':34} {time.perf_counter() - clock:8.3f} s   processor {used() - processor:8.3f} s"
    )


def days(layout: Layout) -> None:
    """What adding up costs, in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Layout(folder, os.path.join(folder, "telemetry"))
        shutil.copytree(layout.traces, copy.traces)
        for place in (copy.aggregated, copy.private):
            os.mkdir(place)

        def anew() -> None:
            shutil.rmtree(copy.aggregated)
            os.mkdir(copy.aggregated)
            assert daily.rebuild(copy)

        best("days from closing lines", anew)
        best("days checked against all events", lambda: daily.verify(copy))
        assert daily.verify(copy) == []
        one_more(copy, next(reader.sessions(copy)))


def main() -> None:
    """Measure all that the folder allows."""
    layout = telemetry_dir(sys.argv[1])
    traces = list(reader.sessions(layout))
    size = sum(trace.size for trace in traces)
    events = sum(len(batch) for trace in traces for batch in trace.batches())
    told = f"{len(traces):,} sessions, {events:,} events, {size / 1e6:.0f} MB"
    best("all events", lambda: sum(1 for trace in traces for _ in trace.events()), told)
    for command in COMMANDS:
        best(f"t800 {command}", lambda command=command: run(command, layout.telemetry))  # type: ignore[misc]
    days(layout)


if __name__ == "__main__":
    main()
