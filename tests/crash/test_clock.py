"""The clock of the machine is set: order is by number, and durations come from a clock that nobody sets."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from t800.schema import validate

Run = Callable[..., subprocess.CompletedProcess[str]]

# The C library's wall clock, moved by as many seconds as a file says.
MOVED_CLOCK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, now);
    const char *name = getenv("MOVED_CLOCK");
    FILE *file = clock == CLOCK_REALTIME && name ? fopen(name, "r") : NULL;
    long seconds = 0;
    if (file) {
        if (fscanf(file, "%ld", &seconds) == 1) now->tv_sec += seconds;
        fclose(file);
    }
    return result;
}
"""


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The library to load before all others."""
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("cc is not installed")
    source, library = tmp_path / "clock.c", tmp_path / "clock.so"
    source.write_text(MOVED_CLOCK)
    command = [compiler, "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"]
    if subprocess.run(command, check=False, capture_output=True).returncode != 0:
        pytest.skip("cc is not installed")
    monkeypatch.setenv("MOVED_CLOCK", str(tmp_path / "moved"))
    return str(library)


@pytest.mark.parametrize("jump", [-7_200, -100_000_000, 7_200, 100_000_000])
def test_a_clock_that_jumps(python: Run, clock: str, jump: int) -> None:
    done = python(
        """
        import os, sys, time, t800
        trace = t800.session(enabled=True, settings={
            "trace_buffer.flush_interval_ms": 50, "telemetry.retention.auto_cleanup": False})
        for n in range(5):
            trace.tool_call("before", {"n": n}, duration_ms=1)
        before = time.time()
        with trace.tool("over the jump"):
            with open(os.environ["MOVED_CLOCK"], "w") as file:
                file.write(sys.argv[1])
            assert abs(time.time() - before - int(sys.argv[1])) < 60, "the clock was moved"
            trace.flush()
        for n in range(5, 10):
            trace.tool_call("after", {"n": n}, duration_ms=1)
            trace.flush()
        trace.close()
        print(trace.path)
        """,
        str(jump),
        LD_PRELOAD=clock,
    )
    assert done.stderr == ""
    document = json.loads(Path(done.stdout.strip()).read_bytes())
    events = document["events"]
    assert [event["event_id"] for event in events] == [f"evt_{n:03}" for n in range(1, 12)]
    assert [event["parameters_redacted"]["n"] for event in events if event["tool"] != "over the jump"] == [
        *range(10)
    ]
    assert 0 <= events[5]["duration_ms"] < 30_000
    assert all(event["duration_ms"] >= 0 for event in events)
    assert validate(done.stdout.strip()) == []
    summary = document["summary"]
    assert 0 <= summary["total_duration_ms"] < 40_000
    assert (summary["state"], summary["total_events"], summary["dropped"]) == ("closed", 11, 0)
    assert 0 <= summary["overhead"]["max_us"] < 30e6
