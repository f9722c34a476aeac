"""What a process remembers from one opening of a session for the next: where it records, and under which key.

Finding both out takes dozens of looks at folders. Sessions that follow each other mostly need one look at each, which
says that nothing has changed since.
"""

from __future__ import annotations

import os

from t800 import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from t800.layout import Layout

    Signs = tuple[int, ...]

__all__ = ["forget_places", "install_key", "make", "place"]

_places: dict[tuple[str | None, ...], Layout] = {}
"""By what names them. Sessions that are open at one time from one folder belong to one project."""
_made: dict[tuple[str, str, str | None], Signs] = {}
"""What the telemetry folder was like when all in it was in order."""
_keys: dict[tuple[str | None, ...], tuple[bytes, str, Signs]] = {}
_MOST = 64
"""Folders that are remembered; a program that records into more of them pays for each opening."""


def place(dir: str | None) -> Layout:
    """The layout of a session, as `layout.telemetry_dir` says.

    Raises what that raises.
    """
    variables = os.environ.get("PWD"), _home(), os.environ.get("T800_DIR")
    try:
        named = (dir, os.getcwd(), *variables)
    except OSError:
        return layout.telemetry_dir(dir)
    known = _places.get(named)
    if known is None:
        known = layout.telemetry_dir(dir)
        if len(_places) >= _MOST:
            _places.clear()
        _places[named] = known
    return known


def forget_places() -> None:
    """No session is open any more: the folders may have become other projects when the next one is opened."""
    _places.clear()


def make(place: Layout) -> None:
    """Make the folders of `place`, and check that they are ours, unless they are as they were after that.

    Whatever is made, removed, renamed or exchanged in the telemetry folder changes when it was changed last. Raises
    what `Layout.create` raises.
    """
    named = place.telemetry, place.root, _home()
    before = _signs(place.telemetry)
    if before is not None and _made.get(named) == before:
        return
    place.create()
    if before is not None and before == _signs(place.telemetry):
        if len(_made) >= _MOST:
            _made.clear()
        _made[named] = before


def _home() -> str | None:
    """What says where the user's home is, as far as it is set."""
    return os.environ.get("HOME") or os.environ.get("USERPROFILE")


def install_key() -> tuple[bytes, bool]:
    """The key of this installation, as `layout.install_key` says, from its file or as it was read before."""
    chosen = os.environ.get("T800_KEY_FILE")
    named = chosen, os.environ.get("XDG_STATE_HOME"), _home()
    known = _keys.get(named)
    if known is not None and _signs(known[1]) == known[2]:
        return known[0], True
    path = "" if chosen else os.path.join(layout.state_dir(), "key")
    before = _signs(path) if path else None
    key, kept = layout.install_key()
    if kept and before is not None and before == _signs(path):
        _keys.clear()
        _keys[named] = key, path, before
    return key, kept


def _signs(path: str) -> Signs | None:
    """What shows that a file or folder is the same and was not changed; None where there is none."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    owner = found.st_mode, found.st_uid, found.st_dev, found.st_ino
    return (*owner, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
