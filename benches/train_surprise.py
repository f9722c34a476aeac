"""Train the statistic that tells words from random characters.

    python benches/train_surprise.py FOLDER... > rust/core/src/redact/tokens/surprise.rs

FOLDERs hold text that people wrote: sources of packages, documentation, headers. Counted are the pairs of neighbours
in every run of 12 to 48 word characters; runs with a part of 16 or more hexadecimal digits are left out. A frequent
run counts five times at most. The table says for each pair how surprising the second character is after the first,
in quarters of a bit: 0 (certain) to 40 (never seen).
"""

from __future__ import annotations

import math
import re
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

ALPHABET = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
BORDER = len(ALPHABET)
"""The class of everything else, of the start too."""
ROOM = 64
RUN = re.compile(rb"[A-Za-z0-9_-]{12,48}(?![A-Za-z0-9_-])")
DIGEST = re.compile(rb"[0-9a-fA-F]{16,}")
LARGEST = 1_000_000
MOST = 5
NEVER = 40
UNSEEN = 0.3
"""What a pair that never occurred counts."""


def runs(folders: list[str]) -> Counter[bytes]:
    """Every run of word characters in the text files below the folders."""
    found: Counter[bytes] = Counter()
    for folder in folders:
        for path in sorted(Path(folder).rglob("*")):
            if path.is_symlink() or not path.is_file() or path.stat().st_size > LARGEST:
                continue
            data = path.read_bytes()
            if b"\0" not in data[:4000]:
                found.update(run for run in RUN.findall(data) if not DIGEST.search(run))
    return found


def table(found: Counter[bytes]) -> list[list[int]]:
    """For each class the surprise of each class behind it."""
    classes = [ALPHABET.find(chr(byte)) % (BORDER + 1) for byte in range(256)]
    counts = [[UNSEEN] * (BORDER + 1) for _ in range(BORDER + 1)]
    for run, often in found.items():
        for first, second in pairwise([BORDER, *(classes[byte] for byte in run)]):
            counts[first][second] += min(often, MOST)
    rows = []
    for row in counts:
        total = sum(row)
        rows.append([min(round(-4 * math.log2(count / total)), NEVER) for count in row])
    return rows


def main() -> None:
    """Write the table as Rust."""
    rows = table(runs(sys.argv[1:]))
    rows += [[0] * ROOM] * (ROOM - len(rows))
    lines = [
        "//! Written by `benches/train_surprise.py`: how surprising each character is after another.",
        "",
        "/// One row for each class of the first character; a value is the letter's distance from `0`, in quarters",
        "/// of a bit.",
        "#[rustfmt::skip]",
        f"pub(crate) const SURPRISE: [&[u8; {ROOM}]; {ROOM}] = [",
    ]
    for row in rows:
        letters = "".join(chr(ord("0") + value) for value in [*row, *[0] * (ROOM - len(row))])
        lines.append(f'    b"{letters}",')
    sys.stdout.write("\n".join([*lines, "];", ""]))


if __name__ == "__main__":
    main()
