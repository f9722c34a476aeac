"""`t800 completion`: what shells are told, and what they then get."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.trace_files import document, make_layout, tool, write

from t800.cli import main


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script_that_it_can_parse(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert f"_T800_COMPLETE={shell}_complete" in script
    if path := shutil.which(shell):
        subprocess.run([path, "-n"], input=script, text=True, check=True)


def test_another_shell_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "tcsh"]) == 2
    assert "fish" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("t800 st", ["status", "stats"]),
        ("t800 show --fa", ["--failed"]),
        ("t800 show ses_a", ["ses_abc"]),
        ("t800 diff ses_abc l", ["last"]),
        ("t800 stats --dir /nowhere ses", []),
    ],
)
def test_commands_options_and_sessions_are_offered(tmp_path: Path, words: str, offered: list[str]) -> None:
    layout = make_layout(tmp_path)
    write(layout, document([tool(1)]))
    environ = {
        "T800_DIR": layout.telemetry,
        "_T800_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
    }
    code = "import sys; from t800.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env=os.environ | environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert [line.partition(",")[2] for line in done.stdout.split()] == offered
