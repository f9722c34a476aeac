"""Writes `NOTICES.txt`: what the crates inside a wheel ask to have said of them. `--check` compares instead.

Their licences let others use them if their authors and terms are named. Run it after a change of `Cargo.lock`; it needs
the crates' sources, which a build has fetched.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NOTICES = ROOT / "rust" / "NOTICES.txt"
TARGETS = (
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "x86_64-unknown-linux-musl",
    "aarch64-unknown-linux-musl",
    "x86_64-apple-darwin",
    "aarch64-apple-darwin",
    "x86_64-pc-windows-msvc",
)
_HEAD = """\
The extension and the program t800-hook contain code of the crates named below, and of Rust's standard library, which is
under the MIT licence or the Apache License 2.0 (LICENSE-MIT and LICENSE-APACHE have their terms), copyright by The Rust
Project Developers. Where a crate leaves a choice, we take it under the MIT licence.
"""
_MIT = "Permission is hereby granted"


def told(*command: str) -> str:
    """What a command prints."""
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout.decode()


def linked() -> set[tuple[str, str]]:
    """Name and version of every crate that a wheel has code of."""
    targets = [part for target in TARGETS for part in ("--target", target)]
    tree = ["cargo", "tree", "-q", "--locked", "-p", "t800-python", "-e", "normal,no-proc-macro"]
    crates = re.findall(r"^(\S+) v(\S+)", told(*tree, "--prefix", "none", *targets), re.MULTILINE)
    return {(name, version) for name, version in crates if not name.startswith("t800-")}


def notice(package: dict[str, object]) -> str:
    """The terms of a crate in its own words; with its authors in ours where it has no file for them."""
    files = sorted(Path(str(package["manifest_path"])).parent.iterdir())
    for file in files:
        if re.match(r"(un)?licen[cs]e|copying", file.name, re.IGNORECASE) and file.is_file():
            text = file.read_text(encoding="utf-8")
            if _MIT in text:
                return text.replace("\r\n", "\n").strip()
    if package["license"] != "MIT":
        raise SystemExit(f"{package['name']}: no MIT licence among its files; say here what it asks for")
    authors = package["authors"]
    names = (
        ", ".join(re.sub(r" ?<.*?>", "", str(name)) for name in authors) if isinstance(authors, list) else ""
    )
    terms = (ROOT / "LICENSE-MIT").read_text(encoding="utf-8").partition(_MIT)
    return f"MIT License\n\nCopyright (c) {names or 'its authors'}\n\n{_MIT}{terms[2]}".strip()


def notices() -> str:
    """The whole text: crates of the same words together."""
    packages = json.loads(told("cargo", "metadata", "--locked", "--format-version", "1"))["packages"]
    wanted = linked()
    crates: dict[str, list[str]] = {}
    for package in packages:
        if (package["name"], package["version"]) in wanted:
            crates.setdefault(notice(package), []).append(f"{package['name']} {package['version']}")
    if sum(map(len, crates.values())) != len(wanted):
        raise SystemExit("cargo tree and cargo metadata name different crates")
    blocks = [f"{', '.join(sorted(names))}\n\n{text}\n" for text, names in crates.items()]
    rule = "\n" + "-" * 100 + "\n\n"
    return rule.join([_HEAD, *sorted(blocks)])


def main() -> int:
    """Write the file, or compare it."""
    fresh = notices()
    if "--check" in sys.argv[1:]:
        if NOTICES.read_text(encoding="utf-8") == fresh:
            return 0
        sys.stderr.write("rust/NOTICES.txt is stale: run `python rust/notices.py`\n")
        return 1
    NOTICES.write_text(fresh, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
