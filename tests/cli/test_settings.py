"""`t800 init`, `enable`, `disable`, `status`: what they write, what they say, how they end."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from t800.cli import main
from t800.config import KEYS

CONFIG = Path(".opencode", "telemetry", "config", "telemetry_config.yaml")


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


class Shell:
    """A user in a project, with a home directory of their own."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.home = folder / "home"
        self.project = self.home / "project"
        (self.project / ".git").mkdir(parents=True)
        self.config = self.project / CONFIG
        self.monkeypatch = monkeypatch
        self._capsys = capsys
        for name in [name for name in os.environ if name.startswith(("T800_", "XDG_"))]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("HOME", str(self.home))
        monkeypatch.chdir(self.project)

    def run(self, *args: str) -> Done:
        self._capsys.readouterr()
        code = main(args)
        said = self._capsys.readouterr()
        return Done(code, said.out, said.err)

    def status(self) -> dict[str, object]:
        done = self.run("status", "--json")
        found = json.loads(done.out)
        assert isinstance(found, dict)
        return found

    def write(self, text: str) -> None:
        self.config.parent.mkdir(parents=True, exist_ok=True)
        self.config.write_text(text)


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(tmp_path, monkeypatch, capsys)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_status_of_an_untouched_project_is_off_and_touches_nothing(shell: Shell) -> None:
    done = shell.run("status")
    assert done.code == 0
    assert done.out.startswith("Recording  off\n")
    assert "t800 enable" in done.out
    assert not (shell.project / ".opencode").exists()
    assert list(shell.home.iterdir()) == [shell.project]


def test_init_makes_a_documented_configuration_that_is_off(shell: Shell) -> None:
    done = shell.run("init")
    assert done.code == 0
    assert str(shell.config) in done.out
    assert "t800 enable" in done.out
    assert mode(shell.config) == 0o600
    assert mode(shell.config.parent) == 0o700
    assert all(key.doc in shell.config.read_text() for key in KEYS.values())
    assert shell.status()["enabled"] is False


def test_init_keeps_a_configuration_that_is_there(shell: Shell) -> None:
    shell.write("telemetry:\n  trace_llm: false  # mine\n")
    assert shell.run("init").code == 0
    assert shell.config.read_text() == "telemetry:\n  trace_llm: false  # mine\n"


def test_init_says_when_the_configuration_is_refused(shell: Shell) -> None:
    shell.write("telemetry: [\n")
    done = shell.run("init")
    assert done.code == 2
    assert "telemetry_config.yaml:2" in done.err


def test_enable_makes_what_is_missing(shell: Shell) -> None:
    done = shell.run("enable")
    assert done.code == 0
    assert done.out.startswith("Recording  on\n")
    assert "enabled: true" in shell.config.read_text()
    status = shell.status()
    assert status["enabled"] is True
    assert status["changed"] == {"telemetry.enabled": {"value": True, "source": "file"}}


def test_enable_keeps_comments_and_mode(shell: Shell) -> None:
    shell.write("# why\ntelemetry:\n  enabled: false  # opt-in\n  trace_llm: false\n")
    shell.config.chmod(0o640)
    assert shell.run("enable").code == 0
    assert shell.config.read_text() == "# why\ntelemetry:\n  enabled: true  # opt-in\n  trace_llm: false\n"
    assert mode(shell.config) == 0o640
    assert [path.name for path in shell.config.parent.iterdir()] == [shell.config.name]


def test_enable_twice_leaves_the_file_alone(shell: Shell) -> None:
    shell.run("enable")
    before = shell.config.stat()
    assert shell.run("enable").code == 0
    assert (shell.config.stat().st_ino, shell.config.stat().st_mtime_ns) == (
        before.st_ino,
        before.st_mtime_ns,
    )


def test_enable_refuses_a_bad_file_and_changes_nothing(shell: Shell) -> None:
    shell.run("disable")
    shell.write("telemetry:\n  enabld: false\n")
    done = shell.run("enable")
    assert done.code == 2
    assert "Did you mean telemetry.enabled?" in done.err
    assert shell.config.read_text() == "telemetry:\n  enabld: false\n"
    assert (shell.home / ".local/state/t800/disabled").exists()


def test_disable_wins_until_enable(shell: Shell) -> None:
    shell.run("enable")
    assert shell.run("disable").code == 0
    shell.monkeypatch.setenv("T800_ENABLED", "1")
    off = shell.status()
    assert off["enabled"] is False
    assert "t800 disable" in str(off["reason"])
    shell.monkeypatch.delenv("T800_ENABLED")
    done = shell.run("enable")
    assert "Taken back" in done.out
    assert shell.status()["enabled"] is True


def test_disable_needs_no_project(shell: Shell) -> None:
    assert shell.run("disable").code == 0
    assert not (shell.project / ".opencode").exists()


def test_enable_tells_that_the_variable_still_wins(shell: Shell) -> None:
    shell.monkeypatch.setenv("T800_ENABLED", "0")
    done = shell.run("enable")
    assert done.code == 0
    assert done.out.startswith("Recording  off\n")
    assert "T800_ENABLED=0" in done.out


def test_an_enabled_project_starts_without_yaml(shell: Shell) -> None:
    shell.run("init")
    kept = list((shell.home / ".local/state/t800/settings").iterdir())
    assert [mode(path) for path in kept] == [0o600]


@pytest.mark.parametrize("as_json", [False, True])
def test_status_of_a_refused_configuration_ends_with_2(shell: Shell, as_json: bool) -> None:
    shell.write("telemetry:\n  enabled: true\n  privacy:\n    local_only: false\n")
    done = shell.run("status", *(["--json"] if as_json else []))
    assert done.code == 2
    if as_json:
        found = json.loads(done.out)
        assert found["enabled"] is False
        assert found["error"]["line"] == 4
        assert found["error"]["key"] == "telemetry.privacy.local_only"
    else:
        assert done.out.startswith("Recording  off\n")
        assert "telemetry_config.yaml:4: telemetry.privacy.local_only" in done.out


def test_status_shows_a_refused_configuration_although_a_variable_says_off(shell: Shell) -> None:
    shell.write("telemetry: [\n")
    shell.monkeypatch.setenv("T800_ENABLED", "0")
    done = shell.run("status")
    assert done.code == 2
    assert "T800_ENABLED=0 is set" in done.out
    assert "Refused" in done.out


def test_status_shows_privacy_changes_and_misspelt_variables(shell: Shell) -> None:
    shell.write("telemetry:\n  enabled: true\n  privacy:\n    redact_pii: false\n")
    shell.monkeypatch.setenv("T800_TRACE_LLM", "0")
    shell.monkeypatch.setenv("T800_TRACE_TOOL", "0")
    done = shell.run("status")
    assert "OFF: redact_pii\n" in done.out
    assert "telemetry.trace_llm = false (environment)" in done.out
    assert "T800_TRACE_TOOL is set and means nothing; did you mean T800_TRACE_TOOLS?" in done.out
    found = shell.status()
    assert found["privacy"] == {
        "redact_secrets": True,
        "redact_pii": False,
        "redact_sensitive_paths": True,
        "redact_content": True,
        "local_only": True,
        "no_network_transmission": True,
    }
    assert found["unknown_environment"] == ["T800_TRACE_TOOL"]


def test_status_names_the_folders(shell: Shell) -> None:
    found = shell.status()
    assert found["config"] == str(shell.config)
    assert found["config_exists"] is False
    assert found["dir"] == str(shell.project / ".opencode" / "telemetry")
    shell.monkeypatch.setenv("T800_DIR", str(shell.home / "moved"))
    assert shell.status()["dir"] == str(shell.home / "moved")


def test_the_dir_option_moves_the_folder(shell: Shell) -> None:
    assert shell.run("enable", "--dir", str(shell.home / "moved")).code == 0
    assert (shell.home / "moved" / "config" / "telemetry_config.yaml").exists()
    assert not (shell.project / ".opencode").exists()


def test_hostile_names_do_not_reach_the_terminal(shell: Shell) -> None:
    shell.write('telemetry:\n  "a\\e]0;owned\\a": true\n')
    done = shell.run("status")
    assert done.code == 2
    assert "\x1b" not in done.out
    assert "\a" not in done.out


def test_a_linked_telemetry_folder_is_refused(shell: Shell) -> None:
    elsewhere = shell.home / "elsewhere"
    elsewhere.mkdir()
    (shell.project / ".opencode").mkdir()
    (shell.project / ".opencode" / "telemetry").symlink_to(elsewhere)
    done = shell.run("enable")
    assert done.code != 0
    assert "symbolic link" in done.err
    assert list(elsewhere.iterdir()) == []


def test_output_is_plain_when_piped_and_never_wrapped(shell: Shell) -> None:
    environ = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "TERM": "xterm-256color",
        "COLUMNS": "40",
    }
    script = "import sys; from t800.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", script, "status"],
        capture_output=True, check=True, text=True, env=environ, cwd=shell.project,
    )  # fmt: skip
    assert "\x1b" not in done.stdout
    assert f"Config     {shell.config} (not there)\n" in done.stdout


def test_status_names_the_own_rules(shell: Shell) -> None:
    shell.write("telemetry: {privacy: {rules: [{id: acme.employee, pattern: 'EMP-[0-9]+'}]}}\n")
    assert shell.status()["rules"] == ["acme.employee"]
    said = shell.run("status").out
    assert "1: acme.employee" in said
    assert "EMP-" not in said
    shell.write("telemetry:\n  privacy:\n    rules: [{id: acme.employee, pattern: '(?=x)'}]\n")
    done = shell.run("status")
    assert done.code == 2
    assert "telemetry_config.yaml:3: telemetry.privacy.rules[0].pattern" in "".join(done.out.split("\n"))
