"""Python as it is without POSIX: on `PYTHONPATH` this takes from every Python what Windows has not, before T-800 is there.

    PYTHONPATH=tests/portable pytest --basetemp "$(mktemp -d)/t" tests/test_session.py

runs tests by the ways that such systems get. `.ci/full` does it with a core that was built for them
(`RUSTFLAGS="--cfg t800_portable"`).
"""

from __future__ import annotations

import os
import sys

_MISSING = """
    O_CLOEXEC O_DIRECTORY O_NOFOLLOW O_NONBLOCK fchmod fork forkpty geteuid getegid getgid getloadavg getuid mkfifo
    pread pwrite register_at_fork uname
"""
_MODULES = ("fcntl", "grp", "pwd", "readline", "resource", "termios")


class _Portable:
    """Before T-800 and not at the start: other people's packages need what their system has."""

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        if name != "t800":
            return
        for missing in _MISSING.split():
            if hasattr(os, missing):
                delattr(os, missing)
        os.supports_dir_fd.clear()
        os.supports_fd.clear()
        sys.modules.update(dict.fromkeys(_MODULES))  # type: ignore[arg-type]


sys.meta_path.insert(0, _Portable)  # type: ignore[arg-type]
