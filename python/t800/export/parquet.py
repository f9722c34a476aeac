"""Apache Parquet with the columns that `t800 query` has, one row for each event."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pyarrow as pa

    from t800.export import Session

_ROWS = 1 << 17


def write(sessions: Iterable[Session], out: IO[bytes]) -> None:
    """Write the events in groups of some hundred thousand rows. Raises `MissingExtraError` without pyarrow."""
    from t800.aggregate import parquet

    with parquet.writer(out) as file:
        for table in _groups(sessions):
            file.write_table(table)


def _groups(sessions: Iterable[Session]) -> Iterator[pa.Table]:
    """The rows of all sessions, many at a time: small groups cost readers more than they hold."""
    from t800.aggregate.columns import arrow, of_events

    held: list[pa.Table] = []
    for session in sessions:
        for batch in session.batches():
            held.append(of_events(session.trace, batch))
            if sum(map(len, held)) >= _ROWS:
                yield arrow().concat_tables(held).unify_dictionaries()
                held = []
    if held:
        yield arrow().concat_tables(held).unify_dictionaries()
