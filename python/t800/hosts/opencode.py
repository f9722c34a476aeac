"""opencode: a plugin of one file in the project, or in the user's own folder."""

from __future__ import annotations

import os
from importlib import resources

from t800.errors import TraceFileError
from t800.hosts import changes
from t800.hosts.changes import Change
from t800.layout import find_root, home_directory

_FIRST_LINE = "// T-800, a flight recorder for AI agents"


def plugin_file(*, user: bool) -> str:
    """Where the plugin goes."""
    if not user:
        return os.path.join(find_root(), ".opencode", "plugin", "t800.js")
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.join(home_directory() or "/", ".config")
    return os.path.join(base, "opencode", "plugin", "t800.js")


def plugin_text() -> str:
    """The plugin itself."""
    return resources.files("t800.hosts").joinpath("opencode_plugin.js").read_text(encoding="utf-8")


def installed(path: str) -> Change:
    """The change that puts the plugin there. Raises `TraceFileError` where somebody else's file has the name."""
    before = _own(path)
    return Change(path, before, plugin_text())


def created(path: str) -> list[str]:
    """The folders that have to be made for it."""
    folders = [os.path.dirname(path), os.path.dirname(os.path.dirname(path))]
    return [folder for folder in folders if not os.path.isdir(folder)]


def removed(path: str) -> Change:
    """The change that takes the plugin away."""
    return Change(path, _own(path), None)


def tidy(folders: list[str]) -> None:
    """Remove the folders that were made for it and hold nothing else."""
    for folder in sorted(folders, key=len, reverse=True):
        try:
            os.rmdir(folder)
        except OSError:
            return


def _own(path: str) -> str | None:
    text = changes.read(path)
    if text is not None and not text.startswith(_FIRST_LINE):
        raise TraceFileError(
            "is another plugin's file", file=path, hint="Nothing was changed; rename it first"
        )
    return text
