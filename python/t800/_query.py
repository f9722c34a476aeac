"""`t800.query`: SQL over all traces, which loads DuckDB when it is called."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    import duckdb


def query(
    sql: str, parameters: "Sequence[object]" = (), *, dir: "str | os.PathLike[str] | None" = None
) -> "duckdb.DuckDBPyRelation":
    """Run SQL over all traces of this project, or of the telemetry folder `dir`.

    Gives a relation of DuckDB that holds the rows: `fetchall()`, `df()`, `arrow()`. The views are `events`, `sessions`,
    `tools`, `models`, `errors` and those of `t800 query`; `parameters` are what stands for `?`. Raises `QueryError` for
    what is no SQL or asks for more than the traces, `MissingExtraError` without `pip install "t800[query]"`.
    """
    from t800.aggregate import duckdb
    from t800.layout import telemetry_dir

    return duckdb.query(telemetry_dir(dir), sql, parameters)
