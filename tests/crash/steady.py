"""A process that records one event after the other, and tells of each what became of it, in memory that outlives it.

    python steady.py FOLDER TOLD COUNT OPTIONS

TOLD is a file of COUNT bytes: byte n is 1 when event n was acknowledged, 2 when its call returned None, 0 when it had
not returned. OPTIONS is JSON: `settings`, `every` (flush after so many), `bytes` (length of a text in each event),
`errors` (every so many is an error event), `pace` (seconds between two), `threads` (that record beside each other), `then` ("eat": take
memory until there is none), `beside` (further sessions, which record nothing and are left to the exit). The process says where it is on its standard output, a line each, and goes
on when it gets a line: "start", "open", "recorded", "closed".
"""

from __future__ import annotations

import json
import mmap
import sys
import threading
import time
from pathlib import Path
from typing import Any

import t800


def step(said: str) -> None:
    """Say how far it is, and wait."""
    sys.stdout.write(f"{said}\n")
    sys.stdout.flush()
    sys.stdin.readline()


def main(folder: str, told_file: str, count: int, options: dict[str, Any]) -> None:
    """Open, record, close."""
    with Path(told_file).open("r+b") as file:
        told = mmap.mmap(file.fileno(), 0)
    step("start")
    trace = t800.session(agent="steady", dir=folder, enabled=True, settings=options.get("settings"))
    for _ in range(options.get("beside", 0)):
        t800.session(dir=folder, enabled=True)
    step("open")
    record_all(trace, told, count, options)
    step("recorded")
    eaten: list[bytearray] = []
    while options.get("then") == "eat":
        eaten.append(bytearray(b"x" * (1 << 20)))
    trace.close()
    step("closed")


def record_all(trace: t800.Session, told: mmap.mmap, count: int, options: dict[str, Any]) -> None:
    """With several threads each takes every so many."""
    threads = options.get("threads", 1)
    shares = [range(first, count, threads) for first in range(threads)]
    others = [threading.Thread(target=record, args=(trace, told, share, options)) for share in shares[1:]]
    for thread in others:
        thread.start()
    record(trace, told, shares[0], options)
    for thread in others:
        thread.join()


def record(trace: t800.Session, told: mmap.mmap, share: range, options: dict[str, Any]) -> None:
    """The byte is written after the call, so that it never says more than was acknowledged."""
    text, pace = "x y " * (options.get("bytes", 0) // 4), options.get("pace", 0)
    every, errors = options.get("every", 0), options.get("errors", 0)
    for n in share:
        if errors and n % errors == 0:
            taken = trace.error("TIMEOUT", f"number {n}", attributes={"n": n})
        else:
            taken = trace.tool_call("read", {"n": n, "note": text}, duration_ms=1)
        told[n] = 2 if taken is None else 1
        if every and (n + 1) % every == 0:
            trace.flush()
        if pace:
            time.sleep(pace)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), json.loads(sys.argv[4]))
