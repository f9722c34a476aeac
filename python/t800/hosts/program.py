"""The program that hosts call: where it is, and how others find it without a path of this machine in a project."""

from __future__ import annotations

import os
import shlex
import sys
import sysconfig

from t800.layout import make_state_dir, state_dir, write_own_file

NAME = "t800-hook"


def binary() -> str | None:
    """The native `t800-hook` of this installation; None where it was not built."""
    for scheme in (None, *_user_scheme()):
        folder = sysconfig.get_path("scripts") if scheme is None else sysconfig.get_path("scripts", scheme)
        path = os.path.join(folder, NAME)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None


def _user_scheme() -> list[str]:
    return [scheme for scheme in sysconfig.get_scheme_names() if scheme == "posix_user"]


def noted() -> str:
    """The name in the user's state directory under which every host finds it."""
    return os.path.join(state_dir(), NAME)


def note() -> str:
    """Put it there: a link to the native program, or a script that starts the same in Python. Returns the name."""
    folder = make_state_dir()
    write_own_file(os.path.join(folder, "python"), f"{sys.executable}\n".encode())
    path, native = noted(), binary()
    if native is None:
        script = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m t800.hook "$@"\n'
        write_own_file(path, script.encode(), mode=0o700)
        return path
    fresh = f"{path}.{os.urandom(6).hex()}"
    os.symlink(native, fresh)
    os.replace(fresh, path)
    return path


def command(host: str) -> str:
    """What a host's settings run: nothing where T-800 is not there, so that others may share the settings."""
    place = '"${XDG_STATE_HOME:-$HOME/.local/state}/t800/t800-hook"'
    if host == "cursor":  # takes silence for a hook that went wrong
        return f'h={place}; [ -x "$h" ] || {{ echo "{{}}"; exit 0; }}; exec "$h" hook {host}'
    return f'h={place}; [ ! -x "$h" ] || exec "$h" hook {host}'


def is_ours(text: str, host: str) -> bool:
    """Whether a command in a host's settings is the one that `command` gives, of any version."""
    return f"/t800/{NAME}" in text and text.endswith(f"hook {host}")
