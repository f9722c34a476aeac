"""SQL over traces: what the views have, and that SQL reaches nothing else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from tests.aggregate.traces import HOSTILE, damage, events, record, stem
from tests.trace_files import document, make_layout, tool, write

import t800
from t800.aggregate.columns import DOCUMENTS, EVENTS
from t800.errors import MissingExtraError, QueryError
from t800.layout import Layout

pytest.importorskip("pyarrow")
pytest.importorskip("duckdb")
from t800.aggregate.duckdb import SHOWN, Traces, query


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return make_layout(tmp_path)


def one(layout: Layout, sql: str, *parameters: object) -> Any:
    rows = query(layout, sql, parameters).fetchall()
    assert len(rows) == 1
    return rows[0][0] if len(rows[0]) == 1 else rows[0]


def test_the_views_have_what_the_traces_say(layout: Layout) -> None:
    record(layout, 6)
    every = [event for number in range(6) for event in events(number)]
    for view, kind in (("tools", "tool_call"), ("models", "llm_call"), ("errors", "error")):
        assert one(layout, f"FROM {view} SELECT count(*)") == sum(e["type"] == kind for e in every)
    assert one(layout, "SELECT count(*) FROM events") == len(every)
    assert one(layout, "SELECT count(*), sum(total_events) FROM sessions") == (6, len(every))
    reads = [e["duration_ms"] for e in every if e.get("tool") == "bash" and e["type"] == "tool_call"]
    assert one(layout, "SELECT max(duration_ms) FROM tools WHERE tool = 'bash'") == max(reads)
    assert one(layout, "SELECT DISTINCT typeof(time) FROM events") == "TIMESTAMP"
    paths = one(layout, "SELECT count(DISTINCT parameters_redacted ->> '$.file_path') FROM tools")
    assert paths == len({e["parameters_redacted"]["file_path"] for e in every if e["type"] == "tool_call"})


def test_every_view_can_be_read_and_is_told(layout: Layout) -> None:
    record(layout, 3)
    damage(layout)
    for view in SHOWN:
        assert query(layout, f"FROM {view}").fetchall(), view
    shown = [
        name
        for (name,) in query(layout, "SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()
    ]
    assert sorted(shown) == sorted(SHOWN)
    assert query(layout, "FROM documents").columns == list(DOCUMENTS)
    assert query(layout, "FROM events").columns == [*EVENTS, "time"]


def test_views_without_any_trace(layout: Layout) -> None:
    for view in SHOWN:
        assert query(layout, f"FROM {view}").fetchall() == []


def test_hostile_values_are_values(layout: Layout) -> None:
    damage(layout)
    assert one(layout, "SELECT outcome FROM events WHERE type = 'decision'") == HOSTILE
    assert one(layout, "SELECT agent FROM sessions WHERE stem = ?", stem(104)) == HOSTILE
    assert one(layout, "SELECT count(*) FROM events WHERE tool = ?", HOSTILE) == 1
    assert one(layout, "SELECT count(*) FROM errors WHERE error_type = ?", HOSTILE) == 1
    assert one(layout, "SELECT parameters_redacted ->> '$.a' FROM tools WHERE tool = ?", HOSTILE) == HOSTILE
    # Deep as a trace may be, JSON stays a text that functions can be asked about.
    assert one(layout, "SELECT json_valid(result_redacted) FROM events WHERE result_redacted LIKE '[[%'") in {
        True,
        False,
    }


def test_file_names_are_texts(tmp_path: Path) -> None:
    folder = tmp_path / "it's ] a 'folder"
    folder.mkdir()
    layout = make_layout(folder)
    record(layout, 2)
    assert one(layout, "SELECT count(*) FROM events") == 80


def test_a_session_in_parts_is_one(layout: Layout) -> None:
    write(layout, document(events(1), stem=stem(1)), f"{stem(1)}.json")
    write(layout, document(events(2), stem=stem(1), part=2), f"{stem(1)}.part2.json")
    assert one(layout, "SELECT documents, total_events, state FROM sessions") == (2, 80, "closed")


@pytest.mark.parametrize(
    "sql",
    [
        "COPY events TO '{outside}'",
        "COPY events TO '{inside}'",
        "COPY (SELECT 1) TO '/dev/stdout'",
        "EXPLAIN ANALYZE COPY events TO '{inside}'",
        "EXPLAIN ANALYZE copy/**/events TO '{inside}'",
        "PREPARE p AS COPY events TO '{inside}'",
        "SELECT 1; COPY events TO '{inside}'",
        "EXPORT DATABASE '{outside}'",
        "IMPORT DATABASE '/etc'",
        "ATTACH '{outside}' AS other",
        "ATTACH ':memory:' AS other",
        "INSTALL httpfs",
        "LOAD httpfs",
        "FORCE INSTALL spatial FROM community",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_blob('/proc/self/environ')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM sniff_csv('/etc/passwd')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM read_parquet('http://127.0.0.1:9/x.parquet')",
        "SELECT * FROM read_parquet('s3://bucket/x.parquet')",
        "SELECT * FROM 'https://127.0.0.1:9/x.csv'",
        "SELECT getenv('HOME')",
        "SELECT * FROM layout",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "SET allowed_directories = ['/']",
        "RESET allowed_directories",
        "SET temp_directory = '/tmp'",
        "PRAGMA database_list",
        "CALL pragma_version()",
        "USE memory",
        "CHECKPOINT",
        "VACUUM",
    ],
)
def test_sql_reads_traces_and_nothing_else(layout: Layout, tmp_path: Path, sql: str) -> None:
    record(layout, 1)
    assert one(layout, "SELECT count(*) FROM events") == 40
    inside = Path(layout.private, "parquet", "written.csv")
    before = sorted(path for path in tmp_path.rglob("*"))
    here = sorted(os.listdir())
    with pytest.raises(QueryError) as told:
        query(layout, sql.format(outside=tmp_path / "written", inside=inside))
    assert "\n" not in str(told.value)
    assert sorted(path for path in tmp_path.rglob("*")) == before
    assert sorted(os.listdir()) == here


@pytest.mark.parametrize(
    ("sql", "sentence"),
    [
        ("COPY events TO 'x.csv'", "COPY is refused: a query reads the traces, and nothing else"),
        ("INSTALL httpfs", "INSTALL is refused: a query reads the traces, and nothing else"),
        ("SELECT * FROM read_csv('/etc/passwd')", "refused: a query reads the traces, and nothing else"),
        (
            "SELECT * FROM read_csv('http://127.0.0.1:9/x')",
            "refused: a query reads the traces, and nothing else",
        ),
        ("SELECT nosuch FROM events", 'Referenced column "nosuch" not found'),
        ("SELEC 1", 'syntax error at or near "SELEC"'),
        ("", "there is no statement"),
        (" ; -- nothing", "there is no statement"),
        ("SELECT * FROM event", "Table with name event does not exist! Did you mean"),
        ("SELECT 1/0 + 'x'", "Could not convert string 'x'"),
        ("SELECT '\ud800'", "surrogates not allowed"),
        ("SELECT ?", "Values were not provided for"),
    ],
)
def test_what_is_wrong_is_one_sentence(layout: Layout, sql: str, sentence: str) -> None:
    with pytest.raises(QueryError) as told:
        query(layout, sql)
    assert sentence in str(told.value)
    assert len(str(told.value)) < 600


def test_statements_may_work_in_memory(layout: Layout) -> None:
    record(layout, 2)
    traces = Traces(layout)
    traces.run("CREATE TEMP TABLE slow AS SELECT * FROM tools WHERE duration_ms > 50")
    traces.run("CREATE TABLE n (i INTEGER)")
    traces.run("INSERT INTO n VALUES (1)")
    found = traces.run("SELECT (SELECT count(*) FROM slow), (SELECT count(*) FROM n)")
    assert found is not None
    ((slow, numbers),) = found.fetchall()
    assert (slow > 0, numbers) == (True, 1)
    last = traces.run("SELECT 1; SELECT 2")
    assert last is not None
    assert last.fetchall() == [(2,)]


def test_a_prompt_sees_what_comes_meanwhile(layout: Layout) -> None:
    record(layout, 2)
    traces = Traces(layout)

    def sessions() -> Any:
        relation = traces.run("SELECT sessions FROM daily")
        return relation.fetchall()[0][0] if relation else None

    assert sessions() == 2
    write(layout, document([tool(1)], stem=stem(50)), f"{stem(50)}.json")
    assert sessions() == 3
    Path(layout.traces, f"{stem(50)}.json").unlink()
    assert sessions() == 2


@pytest.mark.parametrize("way", ["_asked", "_all_of"])
def test_a_batch_that_goes_meanwhile_is_made_again(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    record(layout, 2)
    traces = Traces(layout)
    asked = getattr(traces, way)

    def late(*arguments: Any) -> Any:
        monkeypatch.setattr(traces, way, asked)
        for path in Path(layout.private, "parquet").glob("*.parquet"):
            path.unlink()
        return asked(*arguments)

    monkeypatch.setattr(traces, way, late)
    if way == "_all_of":
        assert traces.rows("daily")[0]["sessions"] == 2
    else:
        relation = traces.run("SELECT sessions FROM daily")
        assert relation is not None
        assert relation.fetchall()[0] == (2,)


def test_t800_query(open_session: Any) -> None:
    session = open_session()
    session.tool_call("bash", {"command": "make"}, duration_ms=5)
    relation = t800.query("SELECT tool, duration_ms FROM tools WHERE tool = ?", ["bash"])
    assert relation.fetchall() == [("bash", 5.0)]
    assert relation.fetchall() == [("bash", 5.0)]  # it holds its rows
    assert relation.to_arrow_table().to_pylist() == [{"tool": "bash", "duration_ms": 5.0}]
    assert t800.query("SELECT 1", dir=os.path.dirname(os.path.dirname(str(session.path)))).fetchall() == [
        (1,)
    ]
    with pytest.raises(QueryError):
        t800.query("COPY events TO 'x'")


@pytest.mark.parametrize("missing", ["duckdb", "pyarrow"])
def test_without_the_extra_it_says_what_to_install(python: Any, missing: str) -> None:
    program = f"""
    import sys
    sys.modules[{missing!r}] = None
    import t800
    try:
        t800.query("SELECT 1")
    except t800.MissingExtraError as error:
        print(error)
    """
    done = python(program)
    assert (
        done.stdout.strip()
        == f"needs the optional part 'query' ({missing}). Install it: pip install 't800[query]'"
    )
    assert issubclass(MissingExtraError, ImportError)
