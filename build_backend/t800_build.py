"""The build backend: maturin, and before it the native program `t800-hook`, which goes into the same wheel.

Maturin packs what lies in `rust/hook/data`; a program of the workspace that is no extension it would leave out. Where
the program cannot be built the wheel goes without: `python -m t800.hook` does the same, and `t800 doctor` says so.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
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
_BUILD = ("cargo", "build", "--release", "-p", "t800-hook", "--bin", "t800-hook", "--message-format=json")

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


def _place_program() -> None:
    """Put the program where maturin packs it."""
    shutil.rmtree(SCRIPTS, ignore_errors=True)
    built = subprocess.run(_BUILD, cwd=ROOT, stdout=subprocess.PIPE, check=False)
    program = _program_in(built.stdout.decode()) if built.returncode == 0 else None
    if program is None:
        sys.stderr.write("t800-hook was not built: agents' hooks will run in Python, which takes longer\n")
        return
    SCRIPTS.mkdir(parents=True)
    shutil.copy2(program, SCRIPTS / "t800-hook")


def _program_in(messages: str) -> str | None:
    """Where cargo has put the program, by what it told."""
    for line in messages.splitlines():
        told = json.loads(line) if line.startswith("{") else {}
        if told.get("executable") and told["target"]["name"] == "t800-hook":
            return str(told["executable"])
    return None
