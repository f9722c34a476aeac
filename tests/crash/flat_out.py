"""A process that records flat out and tells what was acknowledged, in memory that outlives it.

    python flat_out.py FOLDER SLOTS THREADS END

Each thread has a slot of 64 words in the file SLOTS: how many events it has tried, how many of them were not taken,
and the numbers of the last ones that were not. END is how it ends by itself: "no" (somebody kills it), "_exit",
"abort" or "segfault", after a random moment.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import random
import sys
import threading
import time
from pathlib import Path

import t800

SLOT = 64
FIRST_DROP = 2
KEPT_DROPS = SLOT - FIRST_DROP


def main(folder: str, slots: str, threads: int, end: str) -> None:
    """Record until this process ends, one way or the other."""
    with Path(slots).open("r+b") as file:
        words = memoryview(mmap.mmap(file.fileno(), 0)).cast("Q")
    trace = t800.session(agent="flat-out", dir=folder, enabled=True)
    for number in range(threads):
        threading.Thread(target=record, args=(trace, words, number), daemon=True).start()
    sys.stdout.write("recording\n")
    sys.stdout.flush()
    if end == "no":
        time.sleep(60)
    time.sleep(random.uniform(0.01, 0.2))
    {"_exit": lambda: os._exit(7), "abort": os.abort, "segfault": lambda: ctypes.string_at(0)}[end]()


def record(trace: t800.Session, words: memoryview, number: int) -> None:
    """One thread: the word is written after the call, so that it never says more than was acknowledged."""
    slot, n, dropped = number * SLOT, 0, 0
    while True:
        n += 1
        if trace.tool_call("read", {"thread": number, "n": n, "path": "src/main.py"}, duration_ms=1) is None:
            words[slot + FIRST_DROP + dropped % KEPT_DROPS] = n
            dropped += 1
            words[slot + 1] = dropped
        words[slot] = n


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
