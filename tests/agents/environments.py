"""Makes the environments in which agents of real frameworks run: a virtual environment each, all versions pinned.

`python environments.py FOLDER [NAME …]` makes those that are named, or all. An environment is made once for a state of
its file in `requirements/` and of the Python that asks.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements")
NAMES = sorted(file.stem for file in REQUIREMENTS.glob("*.txt"))
VARIABLE = "AGENT_ENVIRONMENTS"
"""Names the folder for tests; outside of the repository, so that nothing collects what is in it."""


def place(folder: Path, name: str) -> Path:
    """Where the environment is, once it is made."""
    wanted = (REQUIREMENTS / f"{name}.txt").read_bytes() + sys.version.encode()
    return folder / f"{name}-{hashlib.sha256(wanted).hexdigest()[:12]}"


def python(folder: Path, name: str) -> Path | None:
    """The environment's interpreter; None where it is not made."""
    made = place(folder, name)
    return made / "bin" / "python" if (made / "complete").exists() else None


def make(folder: Path, name: str) -> Path:
    """Make an environment, unless it is there."""
    there = python(folder, name)
    if there is not None:
        return there
    made = place(folder, name)
    venv.create(made, clear=True, with_pip=True)
    pip = [str(made / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", "-q"]
    # Its versions are its own, not those of this repository's tools.
    environ = {key: value for key, value in os.environ.items() if key != "PIP_CONSTRAINT"}
    subprocess.run([*pip, "-r", str(REQUIREMENTS / f"{name}.txt")], check=True, env=environ)
    (made / "complete").touch()
    return made / "bin" / "python"


def chosen() -> Path | None:
    """The folder that the environment variable names."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else None


def main() -> None:
    folder, *names = sys.argv[1:]
    for name in names or NAMES:
        print(f"== {name}: {make(Path(folder), name)}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
