"""`t800 show` and `t800 ls`: what they print, and what they exit with."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.trace_files import STEM, compact, document, error, header_of, llm, tool, write

import t800
from t800.cli import main
from t800.layout import Layout

PLAN = {
    "event_id": "evt_009", "timestamp": "2026-01-15T10:30:00.500Z", "type": "checkpoint",
    "phase_name": "PLAN", "status": "completed", "duration_ms": 9000, "attributes": {"plan_complexity": 7},
}  # fmt: skip


def session(layout: Layout, *events: dict[str, Any], **fields: Any) -> Path:
    return write(layout, document(events, **fields))


def test_show_prints_head_phases_events_and_path(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    path = session(
        layout, tool(1, phase="PLAN"), llm(2, phase="PLAN"), error(3, tool="bash", phase="PLAN"), PLAN
    )
    assert main(["show"]) == 0
    page = capsys.readouterr().out
    lines = page.splitlines()
    assert lines[0] == "t800  ses_abc  2026-01-15 10:30:00 UTC  closed"
    assert lines[1].startswith("4 events · 100 % ok · 1 error · calls took 3.51 s · 2,300 tokens · $0.0230")
    assert "PLAN  plan_complexity 7" in page
    assert "  ✓ read  src/1.py" in page
    assert "✓ claude-sonnet-4  1,500 → 800 tokens · $0.0230" in page
    assert "! TOOL_TIMEOUT  Command exceeded 30000ms timeout" in page
    assert lines[-1] == str(path)


def test_every_line_fits_80_columns(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    from rich.cells import cell_len

    session(layout, tool(1, parameters_redacted={"command": "日本語 " * 40}), error(2, message="x" * 500))
    assert main(["show"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(cell_len(line) for line in lines[:-1]) <= 80
    assert any("…" in line for line in lines)


def test_a_pipe_gets_no_colour_and_nothing_a_terminal_obeys(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = "\x1b[2J\x1b]52;c;ZXZpbA==\x07\u202egpj"
    session(layout, tool(1, tool=evil, phase=evil, agent_id=evil), error(2, message=evil), agent=evil)
    assert main(["show"]) == 0
    assert main(["ls"]) == 0
    assert main(["show", "--json"]) == 0
    printed = capsys.readouterr().out
    assert all(character.isprintable() or character == "\n" for character in printed)
    assert "[2J" in printed  # the harmless rest is still there to be seen


def test_markup_is_text(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    session(layout, tool(1, tool="[bold]x[/bold]", parameters_redacted={"command": "[red]:smile:[/]"}))
    assert main(["show"]) == 0
    assert "[bold]x[/bold]  [red]:smile:[/]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("filters", "shown"),
    [
        (["--type", "error"], ["evt_003"]),
        (["--type", "error", "--type", "llm_call"], ["evt_002", "evt_003"]),
        (["--tool", "re*"], ["evt_001", "evt_004"]),
        (["--phase", "plan"], ["evt_002", "evt_009"]),
        (["--failed"], ["evt_003", "evt_004", "evt_005"]),
        (["--slow", "3000"], ["evt_002", "evt_009"]),
        (["--failed", "--tool", "read"], ["evt_004"]),
        ([], ["evt_001", "evt_002", "evt_003", "evt_004", "evt_005", "evt_009"]),
    ],
)
def test_filters(
    layout: Layout, capsys: pytest.CaptureFixture[str], filters: list[str], shown: list[str]
) -> None:
    interrupted = tool(5, tool="bash", duration_ms=None, success=None, interrupted=True)
    session(layout, tool(1), llm(2, phase="PLAN"), error(3), tool(4, success=False), interrupted, PLAN)
    assert main(["show", *filters, "--json"]) == 0
    assert [event["event_id"] for event in json.loads(capsys.readouterr().out)["events"]] == shown


def test_filters_that_leave_nothing_say_so(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    session(layout, tool(1))
    assert main(["show", "--failed"]) == 0
    assert "no event passes the filters" in capsys.readouterr().out


def test_limit_counts_what_it_hides(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    session(layout, *(tool(number) for number in range(1, 31)))
    assert main(["show", "--limit", "5"]) == 0
    page = capsys.readouterr().out
    assert page.count("✓ read") == 4  # the fifth line is the empty one above the first
    assert "… 26 more lines: --limit 0 prints all" in page
    assert main(["show", "--limit", "0"]) == 0
    assert capsys.readouterr().out.count("✓ read") == 30


def test_json_is_the_whole_session_over_its_parts(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    session(layout, tool(1))
    write(layout, document([tool(2)], part=2), f"{STEM}.part2.json.gz")
    assert main(["show", "ses_abc", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [event["event_id"] for event in shown["events"]] == ["evt_001", "evt_002"]
    assert shown["summary"]["total_events"] == 2
    assert [os.path.basename(part) for part in shown["parts"]] == [f"{STEM}.json", f"{STEM}.part2.json.gz"]


def test_a_session_is_named_by_last_prefix_stem_or_path(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    path = session(layout, tool(1))
    for name in ("last", "ses_a", "2026-01-15_10", str(path)):
        assert main(["show", name, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["session_id"] == "ses_abc"


def test_a_wrong_session_exits_3_and_names_the_nearest(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    session(layout, tool(1))
    assert main(["show", "ses_abd"]) == 3
    assert "ses_abc" in capsys.readouterr().err
    assert main(["show", "nowhere/at/all.json"]) == 3
    assert "nowhere/at/all.json" in capsys.readouterr().err


@pytest.mark.usefixtures("layout")
def test_an_empty_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show"]) == 3
    assert "no sessions" in capsys.readouterr().err
    assert main(["ls"]) == 0
    assert "t800 run SCRIPT" in capsys.readouterr().out
    assert main(["ls", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


@pytest.mark.parametrize("cut", range(1, 460, 23))
def test_a_torn_file_is_shown_as_far_as_it_goes(
    layout: Layout, capsys: pytest.CaptureFixture[str], cut: int
) -> None:
    path = session(layout, tool(1), tool(2))
    path.write_bytes(path.read_bytes()[:-cut])
    assert main(["show"]) == 0
    page = capsys.readouterr().out
    assert "src/1.py" in page or "damaged: " in page


def test_damage_is_told(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    data = compact(header_of())[:-1] + b',"events":[\n' + compact(tool(1)) + b',\n{"event_id":"evt_0\n]}\n'
    write(layout, data)
    assert main(["show"]) == 0
    assert "damaged: line 3 " in capsys.readouterr().out


@pytest.mark.parametrize("junk", [b"", b"\x00" * 4096, b"[" * 5000, b"null\n", b"\xff\xfe\n\n"])
def test_junk_with_our_name_is_no_crash(
    layout: Layout, capsys: pytest.CaptureFixture[str], junk: bytes
) -> None:
    write(layout, junk)
    assert main(["ls"]) == 0
    assert main(["show"]) in {0, 1}
    assert "Traceback" not in "".join(capsys.readouterr())


def test_ls_lists_newest_first_in_80_columns(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    session(layout, tool(1), error(2))
    later = "2026-01-16_08-00-00_ses_" + "x" * 60
    write(layout, document([tool(1)], stem=later, agent="an-agent-with-a-rather-long-name"), f"{later}.json")
    assert main(["ls"]) == 0
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split() == [
        "SESSION",
        "STARTED",
        "AGENT",
        "EVTS",
        "OK",
        "TIME",
        "TOK",
        "COST",
        "ERR",
        "STATE",
    ]
    assert "01-16 08:00" in first
    assert second.split()[-2:] == ["1", "closed"]
    assert max(map(len, (head, first, second))) <= 80
    assert main(["ls", "--limit", "1", "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert entry["session_id"] == later[20:]
    assert entry["summary"]["total_events"] == 1


def test_a_closed_pipe_ends_quietly(layout: Layout) -> None:
    session(layout, *(tool(number) for number in range(1, 3000)))
    command = [sys.executable, "-c", "import sys; from t800.cli import main; sys.exit(main())"]
    with subprocess.Popen(
        [*command, "show", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as shown:
        assert shown.stdout is not None
        assert shown.stderr is not None
        shown.stdout.readline()
        shown.stdout.close()
        assert shown.stderr.read() == b""
    assert shown.returncode == 0


def test_sessions_that_began_inside_are_named(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    session(layout, tool(1))
    inner = "2026-01-15_10-31-00_ses_inner"
    write(layout, document([tool(1)], stem=inner, agent="sub", parent_session_id="ses_abc"), f"{inner}.json")
    assert main(["show", "last"]) == 0
    page = capsys.readouterr().out
    assert page.splitlines()[0].split()[1] == "ses_abc"
    assert "inside it ran  sub  ses_inner" in page
    assert main(["show", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["family"] == ["ses_inner"]


def test_what_a_live_session_is_in_the_middle_of_runs(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del project
    with t800.session(enabled=True) as trace, trace.phase("PLAN"), trace.tool("bash", {"command": "ls"}):
        trace.flush()
        assert main(["show"]) == 0
        shown = capsys.readouterr().out
    assert "▸ PLAN  running" in shown
    assert "▸ bash  ls" in shown
    assert "interrupted" not in shown
    assert main(["show"]) == 0
    assert "running" not in capsys.readouterr().out
