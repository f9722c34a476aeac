"""`show` and `ls` in a real terminal of 80 columns."""

import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from rich.cells import cell_len
from tests.trace_files import document, error, llm, make_layout, tool, write

from t800.layout import Layout

T800 = shlex.join([sys.executable, "-P", "-c", "import sys; from t800.cli import main; sys.exit(main())"])
EVIL = "\x1b[2J\x1b[31m\x1b]0;title\x07\u202e\x9b7;7H"
Screen = Callable[..., list[str]]

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = make_layout(tmp_path)
    phase = {"event_id": "evt_009", "timestamp": "2026-01-15T10:30:00.500Z", "type": "checkpoint",
             "phase_name": "PLAN", "status": "completed", "duration_ms": 9000}  # fmt: skip
    events = [
        tool(1, phase="PLAN", parameters_redacted={"command": "日本語の長い行 " * 20}),
        tool(2, phase="PLAN", parameters_redacted={"file_path": "src/" + "deep/" * 30 + "end.py"}),
        llm(3, phase="PLAN", model="m" * 100, parent_id="evt_002"),
        error(4, phase="PLAN", message=EVIL + "long words " * 30),
        phase,
    ]
    write(layout, document(events, agent=EVIL + "agent"))
    return layout


@pytest.fixture
def screen(tmp_path: Path, layout: Layout) -> Iterator[Screen]:
    """Runs a command line of t800 in a terminal and gives the lines on its screen; with colours if asked."""
    tmux = ["tmux", "-S", str(tmp_path / "tmux.sock"), "-f", "/dev/null"]

    def captured(*arguments: str) -> str:
        done = subprocess.run(
            [*tmux, "capture-pane", "-p", *arguments], capture_output=True, text=True, check=True
        )
        return done.stdout

    def shown(command: str, *, colours: bool = False, joined: bool = False) -> list[str]:
        line = f"{T800} {command}; echo; echo finished; sleep 600"
        environ = ["env", "-u", "NO_COLOR", f"T800_DIR={layout.telemetry}", "LC_ALL=C.UTF-8"]
        subprocess.run(
            [*tmux, "new-session", "-d", "-x", "80", "-y", "60", shlex.join([*environ, "sh", "-c", line])],
            check=True,
        )
        for _ in range(600):
            if "\nfinished" in captured():
                options = ["-e"] * colours + ["-J"] * joined
                return captured(*options).rstrip().splitlines()
            time.sleep(0.05)
        raise AssertionError(captured())

    yield shown
    subprocess.run([*tmux, "kill-server"], check=False, capture_output=True)


def test_show_fits_and_keeps_its_columns(screen: Screen, layout: Layout) -> None:
    lines = screen("show")
    page = lines[: lines.index("finished")]
    assert all(cell_len(line) <= 80 for line in page)
    heading = next(line for line in page if line.startswith("PLAN"))
    rows = [line for line in page if line.startswith(("  ✓", "  └ ✓"))]
    assert len(rows) == 3  # each event is one line: nothing has wrapped
    assert {cell_len(line) for line in (heading, *rows)} == {80}
    assert "end.py" in rows[1]
    assert lines[0].startswith("[2J[31m]0;title7;7Hagent  ses_abc")
    assert any(line.startswith(layout.traces[:60]) for line in page)


def test_a_terminal_gets_colours_of_ours_only(screen: Screen) -> None:
    page = "\n".join(screen("show", colours=True))
    assert "\x1b[1m" in page
    assert "\x1b[32m" in page  # the green of a call that worked


def test_ls_fits(screen: Screen) -> None:
    lines = screen("ls")
    assert lines[0].split()[:3] == ["SESSION", "STARTED", "AGENT"]
    assert lines[1].split()[0] == "ses_abc"
    assert all(cell_len(line) <= 80 for line in lines)
    assert lines[2:4] == ["", "finished"]


@pytest.mark.parametrize(
    "command",
    [
        "stats",
        "stats --date 2026-01-15",
        "diff ses_abc last --all",
        "search long",
        "search -e 'long|m+' --limit 0",
        "aggregate",
        "show --failed",
        "show nobody",
        "show -f",
    ],
)
def test_every_page_fits_and_obeys_nobody(screen: Screen, command: str) -> None:
    lines = [line.rstrip() for line in screen(command, joined=True)]
    assert lines[-1] == "finished"
    assert len(lines) > 2
    # What has wrapped is joined here: only paths and sentences of errors may.
    assert all(cell_len(line) <= 80 for line in lines if not line.startswith(("/", "t800:")))
    coloured = "\n".join(screen(command, colours=True))
    assert "\x1b" not in click.unstyle(coloured)  # no sequence but colours


def test_work_that_takes_long_has_a_bar_which_goes_away(screen: Screen, layout: Layout) -> None:
    for n in range(300):
        stem = f"2026-01-14_10-00-{n % 60:02}_ses_{n:03}"
        write(layout, document([tool(1)], stem=stem), f"{stem}.json")
    slow = "import t800.cli.progress as p; p._PATIENCE_S = 0; from t800.cli import main; main(['search', 'nobody'])"
    lines = screen(f"--version; {shlex.join([sys.executable, '-P', '-c', slow])}")
    assert "nothing found in 301 sessions" in lines
    assert not any("searching" in line for line in lines)
