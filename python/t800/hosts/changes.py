"""A change of a host's file: shown first, then made, whole or not at all."""

from __future__ import annotations

import difflib
import json
import os
import stat
from typing import NamedTuple

from t800.errors import TraceError, TraceFileError
from t800.layout import make_state_dir, read_own_file, state_dir, write_own_file

LIMIT = 4 << 20
_RECORD = "installed.json"


class Change(NamedTuple):
    """A file before and after; None where it is not there."""

    path: str
    before: str | None
    after: str | None

    def lines(self) -> list[str]:
        """The change as a unified diff."""
        before, after = ((text or "").splitlines() for text in (self.before, self.after))
        return list(difflib.unified_diff(before, after, self.path, self.path, lineterm="", n=2))

    def make(self) -> None:
        """Change the file. A link is followed: settings are often kept elsewhere. Raises `OSError`."""
        path = os.path.realpath(self.path)
        if self.after is None:
            os.unlink(path)
            return
        os.makedirs(os.path.dirname(path), exist_ok=True)
        mode = stat.S_IMODE(os.stat(path).st_mode) if self.before is not None else 0o644
        write_own_file(path, self.after.encode(), mode=mode)


def read(path: str) -> str | None:
    """The text of a host's file; None where there is none. Raises `TraceFileError` for what is no text of this user."""
    try:
        return read_own_file(path, LIMIT, follow=True).decode()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except UnicodeDecodeError:
        raise TraceFileError("is not a text", file=path, hint="Nothing was changed") from None


def backed_off(path: str, error: TraceError) -> TraceFileError:
    """What is said where a file is not understood."""
    return TraceFileError(f"is not understood: {error}", file=path, hint="Nothing was changed; mend it first")


# What was made by an installation and may go again when it is empty


def made(path: str) -> list[str] | None:
    """What an installation into this file has made; None where that is not known."""
    return _record().get(os.path.realpath(path))


def remember(path: str, names: list[str] | None) -> None:
    """Keep what an installation has made, or forget it (None)."""
    record = _record()
    record.pop(os.path.realpath(path), None)
    if names is not None:
        record[os.path.realpath(path)] = names
    file = os.path.join(make_state_dir(), _RECORD)
    write_own_file(file, json.dumps(record, indent=1, sort_keys=True).encode())


def _record() -> dict[str, list[str]]:
    try:
        found = json.loads(read_own_file(os.path.join(state_dir(), _RECORD), LIMIT))
    except (OSError, TraceFileError, ValueError):
        return {}
    return {str(path): list(map(str, names)) for path, names in found.items()}
