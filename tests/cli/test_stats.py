"""`t800 stats`: exact figures by tool, model and error, over sessions and stretches of time."""

import json
from typing import Any

import pytest
from tests.trace_files import STEM, document, error, llm, tool, write

from t800.aggregate.stats import quantile
from t800.cli import main
from t800.layout import Layout

NEXT_DAY = "2026-01-16_08-00-00_ses_next"


def figures(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["stats", *arguments, "--json"]) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def test_figures_are_those_of_the_events(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    calls = [tool(n, duration_ms=n, success=n % 50 != 0) for n in range(1, 101)]
    open_call = tool(101, tool="bash", duration_ms=None, success=None, interrupted=True)
    models = [llm(102, cached_tokens=7, reasoning_tokens=3), llm(103, cost_usd=0.001)]
    recovery = {"attempted": True, "strategy": "retry", "success": True}
    errors = [error(104, tool="bash", recovery=recovery), error(105, tool="bash"), error(106, error_type="X")]
    write(layout, document([*calls, open_call, *models, *errors]))
    told = figures(capsys)
    assert (told["sessions"], told["events"], told["first"]) == (1, 106, "2026-01-15T10:30:01.000Z")
    assert told["tools"]["read"] == {
        "calls": 100, "failed": 2, "interrupted": 0, "total_ms": 5050,
        "p50_ms": 50, "p95_ms": 95, "p99_ms": 99, "max_ms": 100,
    }  # fmt: skip
    assert (told["tools"]["bash"]["interrupted"], told["tools"]["bash"]["p50_ms"]) == (1, None)
    model = told["models"]["claude-sonnet-4"]
    assert model["tokens"] == {
        "prompt": 3000,
        "completion": 1600,
        "cached": 7,
        "cache_write": 0,
        "reasoning": 3,
    }
    assert model["cost_usd"] == 0.024
    timeout = told["errors"]["TOOL_TIMEOUT"]
    assert (timeout["count"], timeout["recovery_attempted"], timeout["recovered"]) == (2, 1, 1)
    assert (timeout["tools"], timeout["strategies"]) == ({"bash": 2}, {"retry": 1})
    assert told["overhead"]["p50_us"] == 1.5


@pytest.mark.parametrize(("share", "value"), [(0.5, 2), (0.95, 4), (0.25, 1), (0.26, 2), (0.0, 1), (1.0, 4)])
def test_a_quantile_is_a_value_that_occurred(share: float, value: float) -> None:
    assert quantile([1, 2, 3, 4], share) == value
    assert quantile([], share) is None


def test_sessions_and_stretches_of_time(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    late = tool(2, timestamp="2026-01-16T00:00:01.000Z", tool="late")
    write(layout, document([tool(1), late]))
    write(
        layout, document([tool(1, timestamp="2026-01-16T08:00:00.000Z")], stem=NEXT_DAY), f"{NEXT_DAY}.json"
    )
    inner = "2026-01-15_10-31-00_ses_inner"
    write(layout, document([tool(1, tool="inner")], stem=inner, parent_session_id="ses_abc"), f"{inner}.json")
    assert figures(capsys)["events"] == 1  # the last session
    assert figures(capsys, "ses_abc")["sessions"] == 2  # with what began inside it
    assert figures(capsys, "ses_abc", "ses_next", "ses_inner")["sessions"] == 3
    by_day = figures(capsys, "--date", "2026-01-15")
    assert (by_day["events"], sorted(by_day["tools"])) == (2, ["inner", "read"])
    assert figures(capsys, "--date", "2026-01-16")["events"] == 2
    assert figures(capsys, "--since", "2026-01-16T00:00:01", "--until", "2026-01-16T00:00:02")["events"] == 1
    assert figures(capsys, "--until", "2026-01-15")["events"] == 2  # the whole day
    assert figures(capsys, "ses_abc", "--since", "2026-01-16")["events"] == 1
    assert figures(capsys, "--since", "1h")["sessions"] == 0


def test_the_page_fits_and_names_what_matters(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    events = [tool(n, tool=f"tool-{n}-" + "x" * 60, duration_ms=n) for n in range(1, 31)]
    write(layout, document([*events, llm(40, model="m" * 90), error(41, error_type="E" * 90)]))
    assert main(["stats"]) == 0
    page = capsys.readouterr().out
    lines = page.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("1 session · 32 events · 2026-01-15 10:30:01 to 10:30:03 UTC")
    assert lines[2].split()[:3] == ["TOOL", "CALLS", "FAILED"]
    assert lines[3].startswith("tool-30-")  # where most time went
    assert "… 10 more: --json has all" in lines
    assert {"MODEL", "ERROR"} <= {line.split()[0] for line in lines if line}
    assert lines[-1] == "recording took p50 1.5 µs, p99 9 µs a call"


def test_hostile_names_and_figures(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    evil = "\x1b[2J\u202eevil"
    odd = [
        tool(1, tool=evil, duration_ms=float(2**60)),
        tool(2, tool=7, duration_ms="long"),
        tool(3, tool=None, duration_ms=-1, success="no"),
        tool(4, type=["tool_call"]),
        llm(5, model=evil, prompt_tokens=-3, cost_usd=True, total_tokens=2**70),
        error(6, error_type={"a": 1}, tool=[1], recovery={"attempted": True, "strategy": 5}),
        {"timestamp": 5},
    ]
    write(layout, document(odd))
    assert main(["stats"]) == 0
    printed = capsys.readouterr().out
    assert all(character.isprintable() or character == "\n" for character in printed)
    told = figures(capsys)
    assert told["tools"][evil]["max_ms"] is None
    assert told["models"][evil]["tokens"]["prompt"] == 0
    assert told["models"][evil]["cost_usd"] is None


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["ses_abd"], 3, "The nearest is 'ses_abc'"),
        (["--since", "soon"], 2, "'soon' is not a time"),
        (["--date", "2026-13-01"], 2, "'2026-13-01' is not a time"),
        (["--date", "today", "--since", "1h"], 2, "either --date"),
        (["--since", "999999999w"], 2, "is not a time"),
    ],
)
def test_what_is_wrong_is_said(
    layout: Layout, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, sentence: str
) -> None:
    write(layout, document([tool(1)]))
    assert main(["stats", *arguments]) == code
    assert sentence in capsys.readouterr().err


@pytest.mark.usefixtures("layout")
def test_an_empty_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stats"]) == 3
    assert "no sessions" in capsys.readouterr().err
    assert figures(capsys, "--date", "today")["sessions"] == 0


def test_a_torn_session_counts_as_far_as_it_goes(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(layout, document([tool(1), tool(2)]))
    path.write_bytes(path.read_bytes()[:-700])
    assert 1 <= figures(capsys, STEM)["events"] <= 2
