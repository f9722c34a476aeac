"""`t800 query`: pages, data, a pipe, and the prompt in a real terminal."""

from __future__ import annotations

import csv
import io
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.aggregate.traces import HOSTILE, damage, events, record, stem
from tests.trace_files import document, write

from t800.cli import main
from t800.cli.query import _EXAMPLES
from t800.layout import Layout

pytest.importorskip("pyarrow")
pytest.importorskip("duckdb")

T800 = [sys.executable, "-P", "-c", "import sys; from t800.cli import main; sys.exit(main())"]
Capture = pytest.CaptureFixture[str]


def piped(layout: Layout, text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = os.environ | {"T800_DIR": layout.telemetry, "COLUMNS": "80"}
    return subprocess.run(
        [*T800, "query", *arguments],
        input=text,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_page_of_rows(layout: Layout, capsys: Capture) -> None:
    record(layout, 2)
    assert main(["query", "SELECT tool, count(*) AS calls FROM tools GROUP BY tool ORDER BY tool"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines] == [
        ["tool", "calls"],
        *([name, str(count)] for name, count in sorted(calls(2).items())),
    ]


def calls(sessions: int) -> dict[str, int]:
    counted: dict[str, int] = {}
    for number in range(sessions):
        for event in events(number):
            if event["type"] == "tool_call":
                counted[event["tool"]] = counted.get(event["tool"], 0) + 1
    return counted


def test_wide_and_long_pages_fit_and_say_what_is_missing(layout: Layout, capsys: Capture) -> None:
    record(layout, 3)
    damage(layout)
    assert main(["query", "SELECT * FROM events"]) == 0
    out = capsys.readouterr().out
    assert out.isprintable() or set(filter(lambda c: not c.isprintable(), out)) == {"\n"}
    lines = out.splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) == 1 + 100 + 2
    assert "more columns: " in lines[-2]
    assert lines[-1] == "… more than 100 rows: --limit 0 prints all"
    assert main(["query", "SELECT 'long ' || repeat('x', 5000) AS one, 7 AS two"]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) == 80
    assert main(["query", "SELECT 1 AS a WHERE false"]) == 0
    assert capsys.readouterr().out == "no rows\n"


def test_limits(layout: Layout, capsys: Capture) -> None:
    record(layout, 1)
    assert main(["query", "-n", "2", "FROM range(5)"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "    0",
        "    1",
        "… more than 2 rows: --limit 0 prints all",
    ]
    assert main(["query", "-n", "5", "FROM range(5)"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 6
    assert main(["query", "-n", "0", "FROM range(300)"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 301
    assert main(["query", "-n", "2", "--json", "FROM range(5)"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out) == [{"range": 0}, {"range": 1}]
    assert told.err.startswith("… more than 2 rows")
    assert main(["query", "--csv", "FROM range(3000)"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3001


def test_json_has_every_value(layout: Layout, capsys: Capture) -> None:
    record(layout, 1)
    damage(layout)
    sql = """SELECT tool, interrupted, duration_ms, time, 1::HUGEINT AS one, 2.5::DECIMAL(9,1) AS half, 2::DECIMAL(38,0) AS two,
      170141183460469231731687303715884105727 AS huge, [1, NULL] AS list, {'a': tool} AS struct, MAP {'k': 1} AS map,
      'x'::BLOB AS blob, DATE '2026-01-15' AS date, INTERVAL 1 DAY AS wait, 'nan'::DOUBLE AS nan
      FROM tools WHERE tool LIKE '%DROP%'"""
    assert main(["query", "--json", sql]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row == {
        "tool": HOSTILE, "interrupted": None, "duration_ms": None, "time": "2026-01-15T10:30:01Z", "one": 1, "half": 2.5,
        "two": 2, "huge": str(2**127 - 1), "list": [1, None], "struct": {"a": HOSTILE}, "map": {"k": 1},
        "blob": "b'x'", "date": "2026-01-15", "wait": "1 day, 0:00:00", "nan": None,
    }  # fmt: skip
    assert main(["query", "--json", "FROM events WHERE false"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(["query", "--json", "SELECT 1 AS a, 2 AS a"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"a": 1, "a_1": 2}]


def test_csv_is_for_other_programs(layout: Layout, capsys: Capture) -> None:
    damage(layout)
    assert (
        main(
            [
                "query",
                "--csv",
                "SELECT outcome, '=1+1' AS formula, NULL AS none, true AS yes FROM events WHERE outcome IS NOT NULL",
            ]
        )
        == 0
    )
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert rows[0] == ["outcome", "formula", "none", "yes"]
    assert rows[1][1:] == ["'=1+1", "", "true"]
    assert rows[1][0].startswith("\x1b[2J\u202eevil'; DROP TABLE")


def test_every_example_runs(layout: Layout, capsys: Capture) -> None:
    record(layout, 3)
    for example in _EXAMPLES:
        assert main(["query", example]) == 0, example
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["SELEC 1"], 2, "syntax error"),
        (["SELECT nosuch FROM events"], 2, "nosuch"),
        (["COPY events TO 'x.csv'"], 2, "COPY is refused: a query reads the traces, and nothing else"),
        (["INSTALL httpfs"], 2, "INSTALL is refused"),
        (["SELECT * FROM read_csv('/etc/passwd')"], 2, "a query reads the traces, and nothing else"),
        (["--json", "--csv", "SELECT 1"], 2, "either --json or --csv"),
        (["SELECT error('\x1b[2Jevil')"], 2, "evil"),
    ],
)
def test_what_is_wrong_is_said(
    layout: Layout, capsys: Capture, arguments: list[str], code: int, sentence: str
) -> None:
    assert main(["query", *arguments]) == code
    told = capsys.readouterr()
    assert sentence in told.err
    assert "\x1b" not in told.err
    assert told.out == ""


def test_an_empty_folder_answers(layout: Layout, capsys: Capture) -> None:
    assert main(["query", "SELECT count(*) AS n FROM events"]) == 0
    assert capsys.readouterr().out.split() == ["n", "0"]


def test_statements_come_through_a_pipe(layout: Layout) -> None:
    record(layout, 2)
    done = piped(
        layout, "SELECT 1 AS one;\n.tables\nCREATE TABLE x AS\n  SELECT 2 AS two;\n\nSELECT *\nFROM x"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("one\n  1\n  events ")
    assert done.stdout.endswith("two\n  2\n")
    done = piped(layout, "SELECT 1 AS one; SELECT\n 2 AS two;\n", "--json")
    assert json.loads(done.stdout) == [{"two": 2}]
    done = piped(layout, "SELECT 1 AS one;\nSELEC;\nSELECT 3 AS three;\n")
    assert (done.returncode, "three" in done.stdout) == (2, False)
    assert piped(layout, "").returncode == 0


def test_a_closed_pipe_ends_it_quietly(layout: Layout) -> None:
    record(layout, 1)
    line = f"{shlex.join(T800)} query -n 0 'FROM range(1000000)' | head -n 2"
    done = subprocess.run(
        ["sh", "-c", line], env=os.environ | {"T800_DIR": layout.telemetry}, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.fixture
def terminal(tmp_path: Path, layout: Layout) -> Iterator[Any]:
    """A prompt in a terminal of 80 columns: types keys, and waits until something is on the screen."""
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    tmux = ["tmux", "-S", str(tmp_path / "tmux.sock"), "-f", "/dev/null"]
    environ = ["env", f"T800_DIR={layout.telemetry}", "LC_ALL=C.UTF-8"]
    line = f"{shlex.join(environ + T800)} query; echo ended with $?; sleep 600"
    subprocess.run([*tmux, "new-session", "-d", "-x", "80", "-y", "60", line], check=True)

    def wait(text: str, *, last: bool = False) -> str:
        for _ in range(1200):
            shown = subprocess.run(
                [*tmux, "capture-pane", "-p"], capture_output=True, text=True, check=True
            ).stdout
            if shown.rstrip().endswith(text) if last else text in shown:
                return shown
            time.sleep(0.05)
        raise AssertionError(shown)

    def typed(keys: str, text: str, *, named: bool = False) -> str:
        # A semicolon at the end would end the command of tmux.
        literal = [keys] if named else ["-l", keys.removesuffix(";") + "\\;" * keys.endswith(";")]
        subprocess.run([*tmux, "send-keys", *literal], check=True)
        if not named:
            subprocess.run([*tmux, "send-keys", "Enter"], check=True)
        return wait(text)

    yield wait, typed
    subprocess.run([*tmux, "kill-server"], check=False, capture_output=True)


def test_the_prompt(layout: Layout, terminal: Any) -> None:
    record(layout, 2)
    wait, typed = terminal
    wait("t800>")
    assert ".help shows examples" in wait("Ctrl-D ends")
    typed("SELECT count(*) AS events_there", "...>")
    assert "80" in typed("FROM events;", "events_there\n")
    assert "there is no .nosuch" in typed(".nosuch", "there is no")
    assert "daily_models" in typed(".tables", "daily_models")
    assert "DESCRIBE tools;" in typed(".help", "DESCRIBE tools;")
    assert "syntax error" in typed("SELEC 1;", "syntax error")
    typed("SELECT 'given up'", "...>")
    typed("C-c", "", named=True)
    wait("\nt800>", last=True)
    # It goes on, and sees a session that has come meanwhile.
    write(layout, document(events(50), stem=stem(50)), f"{stem(50)}.json")
    assert "120" in typed("SELECT count(*) AS now_there FROM events;", "now_there\n")
    assert "ended with 0" in typed("C-d", "ended with", named=True)
