"""One set of SQL texts, and the built-in counting: the same figures, cell by cell."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.aggregate.traces import damage, record
from tests.trace_files import make_layout

from t800 import reader
from t800.aggregate import daily, engines, sql
from t800.aggregate.stats import Stats
from t800.cli import main
from t800.layout import Layout
from t800.summary import QUANTILE_ERROR

pytest.importorskip("pyarrow")
pytest.importorskip("duckdb")

Days = dict[str, dict[str, Any]]
FIGURES = ("count", "sum_us", "max_us")
QUANTILES = ("p50_ms", "p95_ms", "p99_ms")


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """Sessions of two days, some of which go on into the next."""
    layout = make_layout(tmp_path)
    record(layout, 9, day=15)
    record(layout, 6, day=16)
    return layout


def by_date(days: list[dict[str, Any]]) -> Days:
    return {day["date"]: day for day in days}


def builtin(layout: Layout) -> Days:
    daily.catch_up(layout)
    return {date: daily.load(layout, date) for date in daily.dates(layout)}


def same_as_builtin(counted: Days, files: Days) -> None:
    assert counted.keys() == files.keys()
    for date, file in files.items():
        ours, theirs = counted[date]["summary"], file["summary"]
        missing = {"tools", "models", "dropped", "redactions", "overhead"}
        for name in theirs.keys() - missing:
            assert ours[name] == theirs[name], (date, name)
        for group in ("tools", "models"):
            assert ours[group].keys() == theirs[group].keys()
            for name, figures in theirs[group].items():
                same_figures(ours[group][name], figures)
        assert counted[date]["sessions"].keys() == file["sessions"].keys()
        for stem, partial in file["sessions"].items():
            found = counted[date]["sessions"][stem]
            for name in ("session_id", "agent", "incomplete"):
                assert found[name] == partial[name], (stem, name)
            for name, value in found["summary"].items():
                assert value == partial["summary"][name], (stem, name)


def same_figures(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    assert {name: ours[name] for name in FIGURES} == {name: theirs[name] for name in FIGURES}
    for name in QUANTILES:
        # The daily file rounds to a microsecond.
        assert theirs[name] == pytest.approx(ours[name], rel=QUANTILE_ERROR, abs=0.0005), name


def test_duckdb_counts_as_the_daily_files_do(layout: Layout) -> None:
    counted = by_date(engines.count(layout, "duckdb"))
    assert set(counted) == {"2026-01-15", "2026-01-16", "2026-01-17"}
    same_as_builtin(counted, builtin(layout))


def summed(days: list[dict[str, Any]], group: str) -> dict[str, dict[str, int]]:
    """The integers of each name, over all days."""
    found: dict[str, dict[str, int]] = {}
    for day in days:
        for name, figures in day["summary"][group].items():
            sums = found.setdefault(name, {})
            for field, value in {**figures, **figures.get("tokens", {})}.items():
                if type(value) is int:
                    sums[field] = sums.get(field, 0) + value
    return found


def test_calls_tokens_and_errors_are_those_of_all_events(tmp_path: Path) -> None:
    """`t800 stats` counts in another way: event by event."""
    layout = make_layout(tmp_path)
    record(layout, 9)
    told = Stats()
    for trace in reader.sessions(layout):
        told.add(trace)
    wanted, days = told.data(), engines.count(layout, "duckdb")
    for group, name in (("tools", "tools"), ("models", "models"), ("errors", "errors_by_type")):
        found = summed(days, name)
        assert found.keys() == wanted[group].keys()
        for key, figures in wanted[group].items():
            renamed = {"errors": figures["count"]} if group == "errors" else {}
            integers = {**figures, **figures.get("tokens", {}), **renamed}
            for field in found[key].keys() & integers.keys():
                assert found[key][field] == integers[field], (key, field)
    cost = summed(days, "models")["model-a"]["cost_nano_usd"]
    assert cost == round(wanted["models"]["model-a"]["cost_usd"] * 1e9)


def test_a_quantile_is_the_nearest_rank(tmp_path: Path) -> None:
    from tests.trace_files import document, tool, write

    from t800.aggregate.stats import quantile

    for count in (1, 2, 19, 20, 21, 100, 101, 200):
        layout = make_layout(tmp_path / str(count))
        ordered = [n / 7 for n in range(count)]
        write(layout, document([tool(n, duration_ms=ordered[(n * 37) % count]) for n in range(count)]))
        durations = sorted(ordered[(n * 37) % count] for n in range(count))
        (day,) = engines.count(layout, "duckdb")
        figures = day["summary"]["tools"]["read"]
        assert [figures[name] for name in QUANTILES] == [quantile(durations, q) for q in (0.5, 0.95, 0.99)]


def test_damage_and_hostility_count_the_same(layout: Layout) -> None:
    """What a summary claims, or an event says of another type, is no figure for either of them."""
    damage(layout)
    # Its summary lies, which only those who count the events can see; the daily files believe it.
    for path in Path(layout.traces).glob("*ses_0111*"):
        path.unlink()
    counted, files = by_date(engines.count(layout, "duckdb")), builtin(layout)
    assert counted.keys() == files.keys()
    for date, file in files.items():
        ours, theirs = counted[date]["summary"], file["summary"]
        for name in ("sessions", "total_events", "succeeded", "failed", "errors", "interrupted"):
            assert ours[name] == theirs[name], (date, name)


def test_figures_without_end_overflow_nothing(tmp_path: Path) -> None:
    from tests.trace_files import document, llm, write

    layout = make_layout(tmp_path)
    calls = [llm(n, prompt_tokens=2**53, duration_ms=2**43, cost_usd=2**23) for n in range(1, 3001)]
    write(layout, document(calls))
    (day,) = engines.count(layout, "duckdb")
    assert day["summary"]["tokens"]["prompt"] == 3000 * 2**53
    assert day["summary"]["cost_nano_usd"] == 3000 * 2**23 * 10**9
    assert day["summary"]["models"]["claude-sonnet-4"]["sum_us"] == 3000 * 2**43 * 1000


def test_live_sessions_are_no_part_of_a_day(open_session: Any) -> None:
    from t800.layout import telemetry_dir

    session = open_session()
    session.tool_call("one", duration_ms=1)
    session.flush()
    assert engines.count(telemetry_dir(), "duckdb") == []
    session.close()
    (day,) = engines.count(telemetry_dir(), "duckdb")
    assert day["summary"]["by_type"] == {"tool_call": 1}
    same_as_builtin(by_date([day]), builtin(telemetry_dir()))


def test_the_command_prints_what_the_engine_counts(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("T800_DIR", layout.telemetry)
    pages = {}
    for engine in ("builtin", "duckdb"):
        assert main(["aggregate", "--engine", engine]) == 0
        pages[engine] = capsys.readouterr().out
    assert pages["duckdb"] == pages["builtin"]
    assert main(["aggregate", "--engine", "duckdb", "--date", "2026-01-16", "--json"]) == 0
    (day,) = json.loads(capsys.readouterr().out)
    assert day == json.loads(json.dumps(by_date(engines.count(layout, "duckdb"))["2026-01-16"]))
    assert main(["aggregate", "--engine", "duckdb", "--report", "md"]) == 0
    assert "Quantiles are exact" in capsys.readouterr().out
    assert main(["aggregate", "--engine", "duckdb", "--date", "2025-01-01"]) == 3
    assert "The last day with sessions is 2026-01-17" in capsys.readouterr().err
    assert main(["aggregate", "--engine", "duckdb", "--verify"]) == 2


def test_counting_by_sql_writes_no_days(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("T800_DIR", layout.telemetry)
    shutil.rmtree(layout.aggregated)
    assert main(["aggregate", "--engine", "duckdb"]) == 0
    assert not Path(layout.aggregated).exists()
    assert "2026-01-15" in capsys.readouterr().out


def test_each_text_is_there_once() -> None:
    folder = Path(sql.__file__).parent
    assert sorted(path.stem for path in folder.glob("*.sql")) == sorted(sql.VIEWS)
    for view in sql.VIEWS:
        assert sql.text(view).startswith("-- ")
