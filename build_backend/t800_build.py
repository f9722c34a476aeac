"""The build backend: maturin, and before it the native program `t800-hook`, which goes into the same wheel.

Maturin packs what lies in `rust/hook/data`; a program of the workspace that is no extension it would leave out. Where
the program cannot be built the wheel goes without: `python -m t800.hook` does the same, and `t800 doctor` says so.

`python build_backend/t800_build.py ARGUMENTS` is `maturin build --release ARGUMENTS` for wheels that others get: with the
program, for the same target, and with the same bytes wherever and whenever a commit is built by the same tools.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import maturin

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

get_requires_for_build_editable = maturin.get_requires_for_build_editable
get_requires_for_build_sdist = maturin.get_requires_for_build_sdist
get_requires_for_build_wheel = maturin.get_requires_for_build_wheel
prepare_metadata_for_build_editable = maturin.prepare_metadata_for_build_editable
prepare_metadata_for_build_wheel = maturin.prepare_metadata_for_build_wheel

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = ROOT / "rust" / "hook" / "data" / "scripts"
_PROGRAM = ("--release", "-p", "t800-hook", "--bin", "t800-hook", "--message-format=json")
_GLIBC = ".2.17"  # the oldest that the standard library of Rust runs on: manylinux_2_17

Settings = dict[str, object] | None


def build_wheel(
    wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None
) -> str:
    """Build a wheel with the program in it."""
    _place_program()
    return str(maturin.build_wheel(wheel_directory, config_settings, metadata_directory))


def build_editable(
    wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None
) -> str:
    """Build an editable wheel with the program in it."""
    _place_program()
    return str(maturin.build_editable(wheel_directory, config_settings, metadata_directory))


def build_sdist(sdist_directory: str, config_settings: Settings = None) -> str:
    """Build a source distribution: without the program, which is of this machine."""
    shutil.rmtree(SCRIPTS, ignore_errors=True)
    return str(maturin.build_sdist(sdist_directory, config_settings))


def main(arguments: list[str]) -> int:
    """Build wheels for others: the same bytes everywhere, and none without the program."""
    parser = argparse.ArgumentParser(prog="t800_build", add_help=False, allow_abbrev=False)
    parser.add_argument("--out", type=Path, default=ROOT / "target" / "wheels")
    parser.add_argument("--target")
    parser.add_argument("--zig", action="store_true")
    known, others = parser.parse_known_args(arguments)
    environment = {**os.environ, **_same_everywhere()}
    if not _place_program(known.target, zig=known.zig, environment=environment):
        return 1
    if known.target is not None:
        others += ["--target", known.target]
    if known.zig:
        others.append("--zig")
    with tempfile.TemporaryDirectory() as made:
        command = ["maturin", "build", "--release", "--locked", *others, "--out", made]
        built = subprocess.run(command, cwd=ROOT, env=environment, check=False)
        known.out.mkdir(parents=True, exist_ok=True)
        for wheel in Path(made).glob("*.whl"):
            _copy_without_place(wheel, known.out / wheel.name)
    return built.returncode


def _copy_without_place(wheel: Path, to: Path) -> None:
    """Copy a wheel whose lists of what is inside name folders of this machine: in the copy they name none."""
    changed = {}
    with zipfile.ZipFile(wheel) as found, zipfile.ZipFile(to, "w") as copy:
        for entry in found.infolist():
            data = found.read(entry)
            if entry.filename.endswith(".cyclonedx.json"):
                data = data.replace(ROOT.as_uri().encode(), b"file:///t800")
                changed[entry.filename] = data
            elif entry.filename.endswith(".dist-info/RECORD"):  # the last one in a wheel
                data = _record(data.decode(), changed).encode()
            copy.writestr(entry, data)


def _record(record: str, changed: dict[str, bytes]) -> str:
    """A wheel's RECORD with the digests of files that have changed."""
    lines = record.splitlines(keepends=True)
    for at, line in enumerate(lines):
        name = line.split(",")[0]
        if name in changed:
            digest = base64.urlsafe_b64encode(hashlib.sha256(changed[name]).digest()).decode().rstrip("=")
            lines[at] = f"{name},sha256={digest},{len(changed[name])}\n"
    return "".join(lines)


def _same_everywhere() -> dict[str, str]:
    """What keeps the time and the place of a build out of its bytes."""
    told = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, check=True)
    home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    flags = [f"--remap-path-prefix={home}=/cargo", f"--remap-path-prefix={ROOT}=/t800"]
    return {"SOURCE_DATE_EPOCH": told.stdout.decode().strip(), "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(flags)}


def _place_program(
    target: str | None = None, *, zig: bool = False, environment: dict[str, str] | None = None
) -> bool:
    """Put the program where maturin packs it; whether it could be built."""
    shutil.rmtree(SCRIPTS, ignore_errors=True)
    command = ["cargo", "build"]
    if zig:
        # Other flags than maturin's: in one folder each build would undo the other's.
        place = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"), "program")
        command = ["cargo-zigbuild", "zigbuild", "--target-dir", str(place)]
    if target is not None:
        command += ["--target", target + (_GLIBC if zig and target.endswith("-gnu") else "")]
    built = subprocess.run(
        [*command, *_PROGRAM], cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=False
    )
    program = _program_in(built.stdout.decode()) if built.returncode == 0 else None
    if program is None:
        sys.stderr.write("t800-hook was not built: agents' hooks will run in Python, which takes longer\n")
        return False
    SCRIPTS.mkdir(parents=True)
    shutil.copy2(program, SCRIPTS / Path(program).name)
    return True


def _program_in(messages: str) -> str | None:
    """Where cargo has put the program, by what it told."""
    for line in messages.splitlines():
        told = json.loads(line) if line.startswith("{") else {}
        if told.get("executable") and told["target"]["name"] == "t800-hook":
            return str(told["executable"])
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
