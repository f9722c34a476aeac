"""What a recorder takes beside time: start-up, memory, wake-ups while nothing happens, the package's size.

Each figure comes from a process of its own, which has nothing else to do.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
import zipfile
from typing import TYPE_CHECKING

from rows import Row

import t800

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["further", "package", "started", "steady", "woken"]

STARTS = 15
IDLE_S = 10
"""How long nothing happens."""
FLUSH_S = 5
"""The default flush interval: so often a writer may look after its sessions."""

_IMPORT = """
from time import perf_counter, process_time
begin, worked = perf_counter(), process_time()
import t800
print(perf_counter() - begin, process_time() - worked)
"""
_FIRST = """
import sys, t800
from time import perf_counter, process_time
begin, worked = perf_counter(), process_time()
trace = t800.session(dir=sys.argv[1], enabled=True)
print(perf_counter() - begin, process_time() - worked)
assert trace.decision("first") and trace.close()
"""
_FURTHER = """
import sys, t800
from time import perf_counter
opened = [t800.session(dir=sys.argv[1], enabled=True)]
for _ in range(40):
    begin = perf_counter()
    opened.append(t800.session(dir=sys.argv[1], enabled=True))
    print(perf_counter() - begin)
assert len({trace.path for trace in opened}) == 41 and all(trace.close() for trace in opened)
"""
_STEADY = """
import sys, t800
events = int(sys.argv[2])

def private_kb():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("RssAnon"))

def record(count):
    for _ in range(count // 1000):
        for _ in range(1000):
            trace.tool_call("read", {"file_path": "src/auth.ts"}, duration_ms=45.2, success=True)
        assert trace.flush(60)

with t800.session(dir=sys.argv[1], enabled=True) as trace:
    record(events // 10)
    before = private_kb()
    record(events)
    print(private_kb() - before)
assert trace.dropped == 0
"""
_WOKEN = """
import os, sys, time, t800

def switches():
    taken = {}
    for task in os.listdir("/proc/self/task"):
        with open(f"/proc/self/task/{task}/status") as file:
            taken[task] = next(int(line.split()[1]) for line in file if line.startswith("voluntary"))
    return taken

with t800.session(dir=sys.argv[1], enabled=True) as trace:
    trace.decision("first")
    trace.flush()
    # What happens once after a start is over by then.
    time.sleep(2)
    before = switches()
    time.sleep(float(sys.argv[2]))
    after = switches()
ours = after.keys() - {str(os.getpid())}
assert len(ours) >= 1
print(sum(after[task] - before.get(task, 0) for task in ours))
"""


def _answer(program: str, *arguments: str) -> list[float]:
    """The numbers that a program of its own prints, with a telemetry folder as its first argument."""
    with tempfile.TemporaryDirectory(prefix="t800-bench-") as folder:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "HOME": folder}
        environment |= {"XDG_STATE_HOME": folder}
        command = [sys.executable, "-c", program, os.path.join(folder, "telemetry"), *arguments]
        done = subprocess.run(  # noqa: S603 - our own programs
            command, env=environment, cwd=folder, stdout=subprocess.PIPE, text=True, check=True
        )
    return [float(number) for number in done.stdout.split()]


def started() -> Iterator[Row]:
    """Milliseconds until `import t800` is done, and until the first session of a process is open."""
    for name, program, goal in (("import t800", _IMPORT, 20.0), ("first session", _FIRST, 5.0)):
        taken = [_answer(program) for _ in range(STARTS)]
        elapsed, worked = (sorted(each[number] * 1e9 for each in taken) for number in (0, 1))
        figures = {"usual": elapsed[STARTS // 2], "of a processor": worked[0]}
        yield Row(name, elapsed[0] / 1e6, "ms", goal, figures)


def further() -> Row:
    """Microseconds until a session is open while the process has another one."""
    taken = sorted(_answer(_FURTHER))
    figures = {"fastest": taken[0] * 1e9, "usual": taken[len(taken) // 2] * 1e9}
    return Row("opening a further session", taken[0] * 1e6, "µs", 100, figures)


def package() -> Row:
    """The megabytes of the installed package, compressed as in a wheel."""
    folder, packed = os.path.dirname(t800.__file__), io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as wheel:
        for place, _, names in os.walk(folder):
            for name in names:
                if not name.endswith((".pyc", ".tmp")):
                    wheel.write(os.path.join(place, name))
    return Row("package, compressed", len(packed.getvalue()) / 1e6, "MB", 5.0)


def steady(events: int = 1_000_000) -> Row:
    """The megabytes of private memory by which a process grows while it records."""
    return Row(f"growth over {events:,} events", _answer(_STEADY, str(events))[0] / 1000, "MB", 1.0)


def woken(seconds: int = IDLE_S) -> Row:
    """How often our threads wake up while an open session has nothing to record."""
    goal = seconds / FLUSH_S + 1
    return Row(f"wake-ups in {seconds} idle seconds", _answer(_WOKEN, str(seconds))[0], "", goal)
