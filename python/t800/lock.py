"""A lock that processes share: a file of ours that one of them holds."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from t800.errors import TraceFileError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["locked"]

_POLL_S = 0.005


@contextmanager
def locked(path: str, wait_s: float) -> Iterator[None]:
    """Hold the lock file at `path`, which is made where it is missing.

    Raises `TraceFileError` where it cannot be opened, or another process still holds it after so many seconds.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        fd = os.open(path, flags, 0o600)
    except OSError as error:
        raise TraceFileError(f"cannot be opened ({error.strerror})", file=path) from error
    try:
        _take(fd, path, wait_s)
        yield
    finally:
        # Said, and not left to closing: a child that was forked meanwhile has the descriptor, too.
        fcntl.flock(fd, fcntl.LOCK_UN)
        os.close(fd)


def _take(fd: int, path: str, wait_s: float) -> None:
    deadline = time.monotonic() + wait_s
    while True:
        try:
            return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() > deadline:
                problem = f"has been held by another process for over {wait_s:g} s"
                raise TraceFileError(problem, file=path) from None
            time.sleep(_POLL_S)
