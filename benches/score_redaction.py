"""Score a redactor on a corpus: what it lets through, what it harms, how fast it is.

    python benches/score_redaction.py CORPUS [--speed N] [--show N] [--json FILE] [--check] [-- COMMAND...]

COMMAND is a filter that reads one JSON event a line and writes the redacted event, one line each, in the same order;
without one it is `t800 redact --content scan --identity none` with the corpus's home and project root.

CORPUS has one case a line, a JSON object:

    id, source, kind, group, ctx    names, see below
    event                           an agent event before redaction
    must_not_appear                 strings that may be nowhere in the output
    must_survive                    strings that must still be there
    unseen                          optional, true: a provider that nobody has worked with

`kind` is `secret`, `field` (sensitive key names), `path`, `pii` or `benign` (must come out unchanged). `source` is
`hand` for cases written by hand, whose `group` then names the place (`cred-file`, `url-credentials`); other secrets are
tokens, whose `ctx` tells whether a key names them, they stand alone, or are encoded or split. `pkg:NAME` is an excerpt
of a published package. Path cases take the home directory and the project root of `--home` and `--project-root`.
A group with `(stretch)` in its name is reported and not required.

A leak: a string of `must_not_appear` is anywhere in the output (keys, values, the line itself) or, from 16 characters
on, half of it and at least 12 characters. A line that is no JSON object is a leak and a change. A third of the groups,
chosen by a hash of their names, is shown apart: who works on the rules by the other two thirds sees here whether they
are general.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import subprocess
import sys
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Case = dict[str, Any]

ENCODED = frozenset(
    ("b64_basic", "b64_json", "concat_src", "hexdump", "html_ent", "pct_all", "pem7", "plus_src")
)
ALONE = frozenset(
    ("ansi", "bare_arg", "bare_csv", "bare_echo", "bare_error", "bare_field", "bare_list", "bare_log", "bare_string",
     "bare_url_path")
)  # fmt: skip
CORE_PII = frozenset(("email", "phone-intl", "credit-card", "iban", "us-ssn", "ip-v4", "ip-v6"))
PLACES = {
    "cli-password": "passwords on command lines",
    "cred-file": "credential files",
    "url-credentials": "URL credentials",
    "git-remote": "git remotes",
    "private-key": "private keys",
}


T800 = (sys.executable, "-c", "import sys; from t800.cli import main; sys.exit(main())")


class Row(NamedTuple):
    """A row of the table and its goal in per cent: at least, or at most where `most` is true."""

    title: str
    goal: float | None = None
    most: bool = False


ROWS = (
    Row("secrets, all", 97),
    Row("secrets, providers never seen", 94),
    Row("token with a naming key", 99),
    Row("token alone", 93),
    Row("token encoded or split", 85),
    Row("passwords on command lines", 95),
    Row("credential files", 97),
    Row("URL credentials", 100),
    Row("git remotes"),
    Row("private keys", 100),
    Row("sensitive keys", 100),
    Row("paths", 100),
    Row("core PII", 99),
    Row("all PII", 95),
    Row("PII with names in prose (stretch)"),
    Row("benign events changed", 0.3, most=True),
    Row("real files changed", 0.2, most=True),
    Row("false-friend keys changed", 0, most=True),
    Row("text around a finding lost", 0.5, most=True),
)
SPEEDS = (Row("MB/s, whole corpus", 100), Row("MB/s, benign part", 300))


class Tally:
    """For each row how many cases count, and how many there were; for all groups, and apart for the held-out ones."""

    def __init__(self) -> None:
        self.counts: defaultdict[tuple[str, bool | None], list[int]] = defaultdict(lambda: [0, 0])

    def add(self, title: str, case: Case, *, hit: int, of: int = 1) -> None:
        """Count `hit` of `of` for a row, in the part of the corpus that the case belongs to."""
        for part in (None, is_held_out(case)):
            counts = self.counts[title, part]
            counts[0] += hit
            counts[1] += of

    def share(self, title: str, part: bool | None = None) -> float | None:
        """Per cent, or None where there was no case."""
        hit, of = self.counts.get((title, part), (0, 0))
        return 100 * hit / of if of else None


def is_held_out(case: Case) -> bool:
    """Whether a case's group belongs to the third that is kept from those who write rules."""
    return hashlib.sha256(case["group"].encode()).digest()[0] % 3 == 0


def rows_of(case: Case) -> Iterator[str]:
    """The rows that a case counts in."""
    if case["kind"] == "secret":
        yield "secrets, all"
        yield place_of(case)
        if case.get("unseen"):
            yield "secrets, providers never seen"
    elif case["kind"] == "pii":
        yield "PII with names in prose (stretch)"
        if "stretch" not in case["group"]:
            yield "all PII"
        if case["group"] in CORE_PII:
            yield "core PII"
    elif case["kind"] == "benign":
        yield "benign events changed"
        if case["source"].startswith("pkg:"):
            yield "real files changed"
        elif case["group"].startswith("field-false-friend"):
            yield "false-friend keys changed"
    else:
        yield "sensitive keys" if case["kind"] == "field" else "paths"


def place_of(case: Case) -> str:
    """Where a secret stands: by its context, else, where it was written by hand, by its group."""
    if case["ctx"] in ENCODED:
        return "token encoded or split"
    if case["ctx"] in ALONE:
        return "token alone"
    if case["source"] != "hand" and case["group"] != "private-key":
        return "token with a naming key"
    group = str(case["group"])
    return PLACES.get(group, group)


def texts(value: object) -> Iterator[str]:
    """Every key, string and number of a JSON value."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield name
            yield from texts(member)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, str):
        yield value
    elif value is not None and not isinstance(value, bool):
        yield json.dumps(value)


def is_leaked(secret: str, blob: str) -> bool:
    """Whether a secret, or from 16 characters on a long piece of it, stands in the text."""
    if secret in blob:
        return True
    if len(secret) < 16:
        return False
    width = max(12, len(secret) // 2)
    starts = range(0, len(secret) - width + 1, max(1, min(width // 4, 4)))
    return any(secret[at : at + width] in blob for at in starts) or secret[-width:] in blob


def judge(case: Case, line: str, tally: Tally) -> str | None:
    """Count one case; the name of what went wrong, or None."""
    try:
        event = json.loads(line)
    except ValueError:
        event = None
    whole = isinstance(event, dict)
    blob = "\0".join([*texts(event), line]) if whole else line
    lost = sum(text not in blob for text in case["must_survive"])
    if case["kind"] == "benign":
        wrong = not whole or event != case["event"]
    else:
        wrong = not whole or any(is_leaked(secret, blob) for secret in case["must_not_appear"])
        tally.add("text around a finding lost", case, hit=lost, of=len(case["must_survive"]))
    for title in rows_of(case):
        tally.add(title, case, hit=wrong if case["kind"] == "benign" else not wrong)
    if wrong:
        return "CHANGED" if case["kind"] == "benign" else "LEAK"
    return "LOST" if lost else None


def run(command: Sequence[str], data: bytes, environ: dict[str, str]) -> tuple[bytes, float]:
    """What the filter writes, and the seconds it took."""
    begin = time.perf_counter()
    done = subprocess.run(  # noqa: S603 - the command is the user's own
        command, input=data, stdout=subprocess.PIPE, env=os.environ | environ, check=False
    )
    return done.stdout, time.perf_counter() - begin


def filtered(command: Sequence[str], cases: Sequence[Case], environ: dict[str, str]) -> list[str]:
    """The filter's line for each case; an empty one for each that is missing."""
    out, _ = run(command, events_of(cases), environ)
    lines = out.decode("utf-8", "replace").split("\n")[: len(cases)]
    return lines + [""] * (len(cases) - len(lines))


def events_of(cases: Iterable[Case]) -> bytes:
    return b"".join(json.dumps(case["event"], ensure_ascii=False).encode() + b"\n" for case in cases)


def speed(command: Sequence[str], cases: Sequence[Case], times: int, environ: dict[str, str]) -> float | None:
    """Millions of bytes a second without the start of the process: `times` the cases, less an empty run."""
    data = events_of(cases) * times
    start = min(run(command, b"", environ)[1] for _ in range(3))
    took = min(run(command, data, environ)[1] for _ in range(3))
    return len(data) / 1e6 / max(took - start, 1e-6) if data else None


def verdict(row: Row, share: float | None) -> str:
    if row.goal is None or share is None:
        return ""
    return "ok" if (share <= row.goal if row.most else share >= row.goal) else "MISSED"


def table(tally: Tally, speeds: dict[str, float | None]) -> Iterator[str]:
    """The lines of the table: row, cases, share, the same without and with the held-out groups, goal, verdict."""
    yield f"{'':36}{'cases':>7}{'all':>9}{'worked on':>11}{'held out':>10}{'goal':>9}"
    known = {row.title for row in ROWS}
    others = sorted({title for title, _ in tally.counts} - known)
    for row in (*ROWS, *(Row(title) for title in others)):
        of = tally.counts.get((row.title, None), (0, 0))[1]
        parts = [tally.share(row.title, part) for part in (None, False, True)]
        if of:
            yield line_of(row, str(of), parts, verdict(row, parts[0]))
    for row in SPEEDS:
        if (value := speeds.get(row.title)) is not None:
            yield line_of(row, "", [value, None, None], verdict(row, value))


def line_of(row: Row, cases: str, parts: Sequence[float | None], said: str) -> str:
    shown = [f"{part:.2f}" if part is not None else "-" for part in parts]
    goal = "" if row.goal is None else f"{'≤' if row.most else '≥'} {row.goal:g}"
    return f"{row.title:36}{cases:>7}{shown[0]:>9}{shown[1]:>11}{shown[2]:>10}{goal:>9} {said}".rstrip()


def arguments(given: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("corpus", metavar="CORPUS")
    parser.add_argument("--home", default="/home/mwilson", help="the home directory in path cases")
    parser.add_argument(
        "--project-root", default="/home/mwilson/work/acme-shop", help="the project root there"
    )
    parser.add_argument("--kinds", default="", help="only these kinds, separated by commas")
    parser.add_argument(
        "--speed", type=int, default=0, metavar="N", help="measure the speed on N times the corpus"
    )
    parser.add_argument(
        "--show", type=int, default=0, metavar="N", help="print N failures (not of held-out groups)"
    )
    parser.add_argument("--json", metavar="FILE", help="write the figures to a file")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a goal is missed")
    own, command = _split(given)
    options = parser.parse_args(own)
    paths = ["--home", options.home, "--project-root", options.project_root]
    options.command = command or [*T800, "redact", "--content", "scan", "--identity", "none", *paths]
    return options


def _split(given: Sequence[str]) -> tuple[list[str], list[str]]:
    """Our arguments and, after `--`, the command."""
    cut = list(given).index("--") if "--" in given else len(given)
    return list(given[:cut]), list(given[cut + 1 :])


def read(corpus: str, kinds: str) -> list[Case]:
    with open(corpus, encoding="utf-8") as file:
        cases: list[Case] = [json.loads(line) for line in file if line.strip()]
    return [case for case in cases if not kinds or case["kind"] in kinds.split(",")]


def main(given: Sequence[str]) -> int:
    """Score and print; 0, or with `--check` 1 when a goal is missed."""
    options = arguments(given)
    cases = read(options.corpus, options.kinds)
    environ = {"T800_HOME": options.home, "T800_PROJECT_ROOT": options.project_root}
    tally = Tally()
    lines = filtered(options.command, cases, environ)
    failures = [
        (wrong, case, line)
        for case, line in zip(cases, lines, strict=True)
        if (wrong := judge(case, line, tally))
    ]
    speeds: dict[str, float | None] = {}
    if options.speed:
        benign = [case for case in cases if case["kind"] == "benign"]
        for row, part in zip(SPEEDS, (cases, benign), strict=True):
            speeds[row.title] = speed(options.command, part, options.speed, environ)
    _print(table(tally, speeds))
    _print(shown(failures, options.show))
    if options.json:
        _save(options.json, tally, speeds)
    missed = any(verdict(row, tally.share(row.title)) == "MISSED" for row in ROWS)
    missed |= any(verdict(row, speeds.get(row.title)) == "MISSED" for row in SPEEDS)
    return int(options.check and missed)


def shown(failures: Iterable[tuple[str, Case, str]], most: int) -> Iterator[str]:
    """Some failures of the groups that may be looked at."""
    open_ones = [failure for failure in failures if not is_held_out(failure[1])]
    for wrong, case, line in random.Random(1).sample(open_ones, min(most, len(open_ones))):  # noqa: S311 - any choice will do
        yield f"{wrong} {case['id']} {case['group']} {case['ctx']} {case['must_not_appear'][:1]} {line[:400]}"


def _save(path: str, tally: Tally, speeds: dict[str, float | None]) -> None:
    names = {None: "all", False: "worked_on", True: "held_out"}
    figures: defaultdict[str, dict[str, list[int]]] = defaultdict(dict)
    for (title, part), counts in tally.counts.items():
        figures[title][names[part]] = counts
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"rows": figures, "speeds": speeds}, file, indent=1, ensure_ascii=False)


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
