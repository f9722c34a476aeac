"""Sessions in other formats: one file for each format, with one function `write(sessions, out)`.

>>> from t800 import export
>>> with export.replaced("trace.csv") as out:
...     export.FORMATS["csv"].write(export.read(traces), out)

What is in a trace is redacted already: an exporter adds nothing from elsewhere. It takes one session after the other and
its events in batches, so that a million of them are never in memory at once.
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import os
from typing import IO, TYPE_CHECKING, NamedTuple

from t800.errors import ExportError
from t800.layout import write_beside
from t800.system import is_regular, replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from t800.reader import SessionTrace
    from t800.trace_file import Event, Part

    Shown = Callable[[Sequence[Part]], Iterable[Part]]

__all__ = ["FORMATS", "Format", "Session", "encoded", "read", "replaced"]


class Session:
    """One session on its way out: its `trace`, for what stands in the header, and its events.

    `count` says how many events were read so far.
    """

    def __init__(self, trace: SessionTrace, parts: Iterable[Part] | None = None) -> None:
        self.trace = trace
        self.count = 0
        self._parts = parts

    def batches(self) -> Iterator[list[Event]]:
        """The events in the order in which they ended, many at a time. Each call reads the files anew."""
        parts, self._parts, self.count = self._parts, None, 0
        for batch in self.trace.batches(parts=parts):
            self.count += len(batch)
            yield batch

    def events(self) -> Iterator[Event]:
        """The same one by one."""
        return itertools.chain.from_iterable(self.batches())


class Format(NamedTuple):
    """A format: the ending of its files, what it is, and the module that writes it."""

    ending: str
    help: str
    module: str
    is_text: bool = True

    def write(self, sessions: Iterable[Session], out: IO[bytes]) -> None:
        """Write sessions to `out`. Raises `ExportError` for what the format cannot hold, `MissingExtraError`."""
        importlib.import_module(self.module).write(sessions, out)


FORMATS = {
    "otlp": Format("otlp.jsonl", "spans of OpenTelemetry, GenAI conventions", "t800.export.otlp"),
    "chrome": Format("chrome.json", "for Perfetto and chrome://tracing", "t800.export.chrome"),
    "atif": Format("atif.json", "an agent's trajectory, as Harbor has it", "t800.export.atif"),
    "csv": Format("csv", "a table for spreadsheets", "t800.export.csv"),
    "jsonl": Format("jsonl", "one event a line, to be imported again", "t800.export.jsonl"),
    "parquet": Format("parquet", "columns for DuckDB, Spark, pandas", "t800.export.parquet", is_text=False),
}


def encoded(value: object) -> bytes:
    """A value of a trace as JSON."""
    import orjson

    try:
        return orjson.dumps(value)
    except TypeError:
        return _of_any_depth(value)


def _of_any_depth(value: object) -> bytes:
    """As JSON without the quick encoder, which goes less deep; of what nobody can spell only the flat members."""
    from t800.trace_file import dump

    try:
        return dump(value)
    except RecursionError:
        flat = value if isinstance(value, dict) else {}
        return dump({name: inner for name, inner in flat.items() if not isinstance(inner, dict | list)})


def read(traces: Sequence[SessionTrace], shown: Shown = iter) -> Iterator[Session]:
    """The sessions of `traces`, for an exporter; `shown` gets all their parts and may tell how many are read."""
    parts = iter(shown([part for trace in traces for part in trace.parts]))
    for trace in traces:
        yield Session(trace, itertools.islice(parts, len(trace.parts)))


@contextlib.contextmanager
def replaced(path: str) -> Iterator[IO[bytes]]:
    """A file to write to, which is at `path` once it is whole: readable by this user alone, in place of an older one.

    Raises `ExportError` where the folder is missing or cannot be written, or something else lies there.
    """
    try:
        _refuse_other_than_files(path)
        yield from _renamed(path)
    except OSError as error:
        raise ExportError(
            f"cannot be written ({error.strerror or error})",
            file=path,
            hint="Name a file in a folder of yours",
        ) from error


def _renamed(path: str) -> Iterator[IO[bytes]]:
    temporary = write_beside(path, b"")
    try:
        with open(temporary, "wb") as out:
            yield out
        replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _refuse_other_than_files(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        if not is_regular(os.lstat(path)):
            raise ExportError(
                "is there already and is not a regular file", file=path, hint="Name another file"
            )
