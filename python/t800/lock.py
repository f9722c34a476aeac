"""A lock that processes share: a file of ours that one of them holds. The core takes it, as it takes its own."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from t800 import _core
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
    held = _take(path, wait_s)
    try:
        yield
    finally:
        held.release()


def _take(path: str, wait_s: float) -> _core.Lock:
    deadline = time.monotonic() + wait_s
    while (held := _try(path)) is None:
        if time.monotonic() > deadline:
            waited = f" for over {wait_s:g} s" if wait_s else ""
            raise TraceFileError(f"has been held by another process{waited}", file=path)
        time.sleep(_POLL_S)
    return held


def _try(path: str) -> _core.Lock | None:
    try:
        return _core.Lock.take(path)
    except OSError as error:
        raise TraceFileError(f"cannot be opened ({error.strerror or error})", file=path) from error
