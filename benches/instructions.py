"""Instructions of each stage of an event, counted by callgrind and held against `benches/instructions.json`.

`python benches/instructions.py` fails where a stage takes 5 % more than the table says; `--update` writes the table.
Time depends on what else the machine does, instructions hardly: two counts of one build differ by less than 0.5 %.
Needs valgrind (`apt-get install valgrind`) and a processor with AVX2, which valgrind shows to the program.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TABLE = os.path.join(ROOT, "benches", "instructions.json")
MARGIN = 0.05
# Few enough to take seconds under callgrind, enough that what happens once is lost in it.
ROUNDS = {"event": 1000, "text": 4}


def build() -> str:
    """The program that runs single stages, with the names of its functions; its path."""
    command = ["cargo", "build", "--profile", "count", "-p", "t800-core", "--example", "stages"]
    command += ["--message-format", "json-render-diagnostics"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    made = [json.loads(line) for line in done.stdout.splitlines()]
    return str(next(each["executable"] for each in reversed(made) if each.get("executable")))


def rows_of(program: str) -> list[dict[str, int | str]]:
    """The rows that the program has, in its order, with the bytes of text that each run redacts."""
    done = subprocess.run([program, "list"], capture_output=True, text=True, check=True)  # noqa: S603
    return [json.loads(line) for line in done.stdout.splitlines()]


def count(program: str, row: str, rounds: int) -> float:
    """The instructions of one run of a row, on the caller's thread."""
    with tempfile.TemporaryDirectory(prefix="t800-bench-") as folder:
        command = ["valgrind", "--tool=callgrind", "--toggle-collect=*stages*measured*"]
        command += [f"--callgrind-out-file={folder}/out", program, row, str(rounds)]
        # The file system decides nothing: traces and rings lie in memory and in this folder.
        environment = {**os.environ, "TMPDIR": folder}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    collected = re.search(r"Collected\s*: (\d+)", done.stderr)
    if done.returncode or collected is None or not int(collected[1]):
        raise RuntimeError(f"{row}: callgrind counted nothing:\n{done.stderr}")
    return int(collected[1]) / rounds


def counted() -> dict[str, float]:
    """Instructions by row: of an event, or of a kilobyte of text."""
    program = build()
    rows = rows_of(program)

    def each(row: dict[str, int | str]) -> float:
        size = int(row["bytes"])
        taken = count(program, str(row["row"]), ROUNDS["text" if size else "event"])
        return round(taken * 1024 / size if size else taken, 1)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip([str(row["row"]) for row in rows], pool.map(each, rows), strict=True))


def compare(table: dict[str, float], now: dict[str, float]) -> list[str]:
    """Print both, and say which rows take more than the table allows, or are not in it."""
    grown = []
    for row in sorted(table.keys() | now.keys(), key=[*now, *table].index):
        expected, taken = table.get(row), now.get(row)
        change = taken / expected - 1 if expected and taken else None
        said = "not in both" if change is None else f"{change:+.1%}"
        if change is None or change > MARGIN:
            grown.append(row)
            said += "  TOO MANY" if change is not None else ""
        sys.stdout.write(f"{row:<26} {expected or 0:>12,.0f} {taken or 0:>12,.0f}  {said}\n")
    return grown


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--update", action="store_true", help="write the table instead of comparing with it")
    chosen = parser.parse_args(arguments)
    for tool in ("valgrind", "cargo"):
        if shutil.which(tool) is None:
            parser.error(f"{tool} is not installed")
    now = counted()
    if chosen.update:
        with open(TABLE, "w", encoding="utf-8") as file:
            json.dump({"unit": "instructions of an event, or of 1 KB of text", "rows": now}, file, indent=1)
            file.write("\n")
    with open(TABLE, encoding="utf-8") as file:
        grown = compare(json.load(file)["rows"], now)
    if grown:
        sys.stdout.write(
            f"\nTOO MANY INSTRUCTIONS, or rows that changed: {', '.join(grown)}. Where that is meant, run"
            " `python benches/instructions.py --update` and say why in the commit.\n"
        )
    return 1 if grown else 0


if __name__ == "__main__":
    sys.exit(main())
