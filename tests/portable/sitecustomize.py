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

for _name in _MISSING.split():
    if hasattr(os, _name):
        delattr(os, _name)
os.supports_dir_fd.clear()
os.supports_fd.clear()
for _name in ("fcntl", "grp", "pwd", "readline", "resource", "termios"):
    sys.modules[_name] = None  # type: ignore[assignment]
