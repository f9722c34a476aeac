"""Every acknowledged event survives the death of its process.

`python tests/crash/test_kill.py KILLS` is the long run: it prints what was acknowledged, lost, dropped.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from t800 import recovery
from t800.layout import Layout

sys.path.insert(0, str(Path(__file__).parent))
from flat_out import FIRST_DROP, KEPT_DROPS, SLOT

THREADS = 4
PROGRAM = str(Path(__file__).with_name("flat_out.py"))


class Death(NamedTuple):
    """What one process had acknowledged, and what was left of it."""

    acknowledged: int
    dropped: int
    lost: int
    twice: int
    invented: int


def die(folder: Path, end: str) -> Death:
    """Let a process record until it dies, recover, and compare."""
    slots, telemetry = folder / "slots", folder / "telemetry"
    slots.write_bytes(bytes(8 * SLOT * THREADS))
    process = subprocess.Popen(
        [sys.executable, PROGRAM, str(telemetry), str(slots), str(THREADS), end],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"recording\n"
    if end == "no":
        time.sleep(random.uniform(0, 0.2))
        process.kill()
    process.wait()
    process.stdout.close()
    layout = Layout(str(folder), str(telemetry))
    report = recovery.recover(layout)
    assert report.refused == []
    assert recovery.recover(layout).documents == [], "recovering again finds nothing"
    return compare(layout, slots)


def compare(layout: Layout, slots: Path) -> Death:
    """Hold the documents against what was acknowledged."""
    seen: dict[int, set[int]] = {number: set() for number in range(THREADS)}
    ids: list[str] = []
    for name in sorted(os.listdir(layout.traces)):
        path = os.path.join(layout.traces, name)
        document = json.loads(Path(path).read_bytes())
        assert document["summary"]["total_events"] == len(document["events"])
        for event in document["events"]:
            ids.append(event["event_id"])
            given = event["parameters_redacted"]
            seen[given["thread"]].add(given["n"])
    words = memoryview(slots.read_bytes()).cast("Q")
    tried = dropped = lost = invented = 0
    for number, events in seen.items():
        slot = number * SLOT
        n, drops = words[slot], words[slot + 1]
        known = {words[slot + FIRST_DROP + k] for k in range(min(drops, KEPT_DROPS))}
        missing = set(range(1, n + 1)) - events - known
        # Past the drops that are remembered one by one, only their number is known.
        lost += max(0, len(missing) - max(0, drops - KEPT_DROPS))
        # The call during which it died may have come so far.
        invented += len(events - set(range(1, n + 2)))
        tried, dropped = tried + n, dropped + drops
    return Death(tried - dropped, dropped, lost, len(ids) - len(set(ids)), invented)


@pytest.mark.parametrize("end", ["no", "_exit", "abort", "segfault"])
def test_no_acknowledged_event_is_lost(tmp_path: Path, end: str) -> None:
    deaths = []
    for number in range(25):
        folder = tmp_path / str(number)
        folder.mkdir()
        deaths.append(die(folder, end))
    assert sum(death.acknowledged for death in deaths) > 1_000
    assert [(death.lost, death.twice, death.invented) for death in deaths] == [(0, 0, 0)] * len(deaths)


def main(kills: int) -> int:
    """The long run. It also counts what a full ring did not take, which tests do not: that is the disk's speed."""
    total = Death(0, 0, 0, 0, 0)
    for number in range(1, kills + 1):
        with tempfile.TemporaryDirectory() as folder:
            death = die(Path(folder), "no")
        total = Death(*map(sum, zip(total, death, strict=True)))
        if death.lost or death.twice or death.invented or number % 50 == 0 or number == kills:
            sys.stdout.write(f"{number} kills: {total}\n")
    few_dropped = total.dropped <= 0.01 * total.acknowledged
    return 1 if total.lost or total.twice or total.invented or not few_dropped else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
