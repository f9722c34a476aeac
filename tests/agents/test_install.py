"""`t800 install` and `uninstall`: what is in a host's settings before is there after, to the byte."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t800.cli import main
from t800.errors import TraceError
from t800.hosts import hooks, jsonc, program

OWN = json.dumps({"hooks": [{"type": "command", "command": "mine"}]})
SETTINGS = [
    "{}\n",
    '{\n  "model": "opus",\n  "env": {"A": "b"}\n}\n',
    '{"permissions": {"allow": ["Bash(ls)"]}, "hooks": {}}',
    '{\n\t"hooks": {\n\t\t"PreToolUse": [\n\t\t\t'
    + OWN
    + '\n\t\t],\n\t\t"Stop": []\n\t},\n\t"odd": [1,\n2]\n}',
    '// mine\n{\n    /* kept */ "a": 1, // this too\n    "hooks": { "Stop": [' + OWN + "] }\n}\n",
    '{"hooks":{"SessionEnd":[' + OWN + "," + OWN + "]}}",
    '{"é": "\\u00e9\\n", "n": 1.50, "e": 1E5}',
]


def settings(root: Path) -> Path:
    return root / ".claude" / "settings.json"


def call(*arguments: str) -> int:
    return main(list(arguments))


def given_settings(root: Path, text: str) -> Path:
    path = settings(root)
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("text", SETTINGS)
def test_what_is_there_stays_to_the_byte(project: Path, text: str) -> None:
    path = given_settings(project, text)
    path.chmod(0o640)
    assert call("install", "claude-code", "--yes") == 0
    changed = path.read_text(encoding="utf-8")
    kept = [line for line in text.splitlines() if line.strip() not in {"{", "}", "{}"}]
    assert changed.count(program.command("claude-code").replace('"', '\\"')) == len(
        hooks.EVENTS["claude-code"]
    )
    assert changed.count('"mine"') == text.count('"mine"')
    assert len(kept) <= len(changed.splitlines())
    assert path.stat().st_mode & 0o777 == 0o640
    if "//" not in text:
        before, after = json.loads(text), json.loads(changed)
        assert [key for key in after if key != "hooks"] == [key for key in before if key != "hooks"]
    assert call("install", "claude-code", "--yes") == 0
    assert path.read_text(encoding="utf-8") == changed
    assert call("uninstall", "claude-code", "--yes") == 0
    assert path.read_text(encoding="utf-8") == text
    assert call("uninstall", "claude-code", "--yes") == 0


def test_what_was_made_goes_again(project: Path) -> None:
    assert call("install", "claude-code", "--yes") == 0
    assert set(json.loads(settings(project).read_text())["hooks"]) == set(hooks.EVENTS["claude-code"])
    assert call("uninstall", "claude-code", "--yes") == 0
    assert not settings(project).exists()


def test_what_the_user_adds_meanwhile_stays(project: Path) -> None:
    call("install", "claude-code", "--yes")
    told = json.loads(settings(project).read_text())
    told["hooks"]["Stop"].insert(0, json.loads(OWN))
    told["model"] = "opus"
    settings(project).write_text(json.dumps(told))
    call("uninstall", "claude-code", "--yes")
    assert json.loads(settings(project).read_text()) == {
        "hooks": {"Stop": [json.loads(OWN)]},
        "model": "opus",
    }


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{",
        '{"a": 1,}',
        '{"hooks": []}',
        '{"hooks": {"Stop": {}}}',
        "\x00",
        "{'a': 1}",
        "7",
        '{"a": nan}',
    ],
)
def test_what_is_not_understood_is_left_alone(
    project: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = given_settings(project, text)
    assert call("install", "claude-code", "--yes") != 0
    assert path.read_text() == text
    said = capsys.readouterr().err
    assert str(path) in said
    assert "Nothing was changed" in said


def test_nothing_is_changed_without_a_yes(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = given_settings(project, SETTINGS[1])
    environ = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    launch = "import sys; from t800.cli import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", launch, "install", "claude-code"],
        cwd=project, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert '+  "hooks": {' in done.stdout
    assert path.read_text() == SETTINGS[1]


def test_a_project_names_no_place_of_this_machine(project: Path) -> None:
    for host in ("claude-code", "opencode"):
        assert call("install", host, "--yes") == 0
    for path in (settings(project), project / ".opencode" / "plugin" / "t800.js"):
        text = path.read_text()
        assert os.environ["HOME"] not in text
        assert sys.prefix not in text


@pytest.mark.parametrize(("host", "answer"), [("claude-code", b""), ("cursor", b"{}\n")])
def test_the_command_does_nothing_where_t800_is_not(tmp_path: Path, host: str, answer: bytes) -> None:
    done = subprocess.run(
        ["sh", "-c", program.command(host)],
        env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
        input=b"{}",
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, answer, b"")


def test_the_command_records_where_it_is(project: Path) -> None:
    call("install", "claude-code", "--yes")
    call("enable")
    told = {"session_id": "s", "cwd": str(project), "hook_event_name": "SessionStart"}
    done = subprocess.run(
        ["sh", "-c", program.command("claude-code")],
        input=json.dumps(told).encode(), cwd=project, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert len(list((project / ".opencode" / "telemetry" / "traces").glob("*_s.json"))) == 1


def test_opencode_gets_one_file_and_loses_it_without_trace(project: Path) -> None:
    before = sorted(project.rglob("*"))
    assert call("install", "opencode", "--yes") == 0
    plugin = project / ".opencode" / "plugin" / "t800.js"
    assert plugin.read_text().startswith("// T-800")
    plugin.write_text(plugin.read_text() + "// an older version\n")
    assert call("install", "opencode", "--yes") == 0
    assert "older" not in plugin.read_text()
    assert call("uninstall", "opencode", "--yes") == 0
    assert sorted(project.rglob("*")) == before


def test_anothers_plugin_is_left_alone(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plugin = project / ".opencode" / "plugin" / "t800.js"
    plugin.parent.mkdir(parents=True)
    plugin.write_text("export const mine = 1\n")
    for verb in ("install", "uninstall"):
        assert call(verb, "opencode", "--yes") != 0
        assert "another plugin" in capsys.readouterr().err
    assert plugin.read_text() == "export const mine = 1\n"


def test_codex_and_the_users_own_settings(
    project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CODEX_HOME", str(tmp_path / "codex"))
    assert call("install", "codex", "--yes") == 0
    assert "hook codex" in (tmp_path / "codex" / "hooks.json").read_text()
    assert call("install", "claude-code", "--user", "--yes") == 0
    assert (Path(os.environ["HOME"]) / ".claude" / "settings.json").exists()
    assert not settings(project).exists()


def test_gemini_reads_its_own_settings(project: Path) -> None:
    path = project / ".gemini" / "settings.json"
    path.parent.mkdir()
    path.write_text('{"theme": "dark"}')
    assert call("install", "gemini", "--yes") == 0
    told = json.loads(path.read_text())["hooks"]
    assert set(told) == set(hooks.EVENTS["gemini"])
    assert all(entry["hooks"][0]["timeout"] == 10_000 for (entry,) in told.values())
    assert call("uninstall", "gemini", "--yes") == 0
    assert path.read_text() == '{"theme": "dark"}'
    assert call("install", "gemini", "--user", "--yes") == 0
    assert "hook gemini" in (Path(os.environ["HOME"]) / ".gemini" / "settings.json").read_text()


MINE = json.dumps({"command": "mine", "matcher": "Shell", "failClosed": True})
CURSOR = [
    "{}\n",
    '{"version": 1, "hooks": {}}',
    '{\n  "hooks": {\n    "stop": [\n      ' + MINE + "\n    ]\n  }\n}\n",
    '{\n\t"$schema": "x",\n\t"version": 1,\n\t"odd": [1,\n2],\n\t"hooks": {"stop": [], "afterFileEdit": ['
    + MINE
    + "]}\n}",
    '{"hooks":{"preToolUse":[' + MINE + "," + MINE + ']},"version":1}',
]


def cursor_hooks(root: Path) -> Path:
    return root / ".cursor" / "hooks.json"


@pytest.mark.parametrize("text", CURSOR)
def test_what_is_in_cursors_hooks_stays_to_the_byte(project: Path, text: str) -> None:
    path = cursor_hooks(project)
    path.parent.mkdir()
    path.write_text(text)
    assert call("install", "cursor", "--yes") == 0
    changed = path.read_text()
    before, after = json.loads(text), json.loads(changed)
    assert after["version"] == 1
    for event in hooks.EVENTS["cursor"]:
        *others, ours = after["hooks"].pop(event)
        assert others == before.get("hooks", {}).get(event, [])
        assert ours == {"command": program.command("cursor"), "timeout": 10}
    assert after["hooks"] == {
        event: entries
        for event, entries in before.get("hooks", {}).items()
        if event not in hooks.EVENTS["cursor"]
    }
    rest = {"version": 1} | before
    assert {key: after[key] for key in after if key != "hooks"} == {
        key: rest[key] for key in rest if key != "hooks"
    }
    assert call("install", "cursor", "--yes") == 0
    assert path.read_text() == changed
    assert call("uninstall", "cursor", "--yes") == 0
    assert path.read_text() == text


def test_cursors_hooks_are_made_and_go_again(project: Path) -> None:
    assert call("install", "cursor", "--yes") == 0
    told = json.loads(cursor_hooks(project).read_text())
    assert list(told) == ["version", "hooks"]
    assert set(told["hooks"]) == set(hooks.EVENTS["cursor"])
    assert os.environ["HOME"] not in cursor_hooks(project).read_text()
    assert call("uninstall", "cursor", "--yes") == 0
    assert not cursor_hooks(project).exists()
    assert call("install", "cursor", "--user", "--yes") == 0
    assert "hook cursor" in cursor_hooks(Path(os.environ["HOME"])).read_text()
    assert not cursor_hooks(project).exists()


def test_what_the_user_adds_to_cursors_hooks_stays_and_works(project: Path) -> None:
    call("install", "cursor", "--yes")
    told = json.loads(cursor_hooks(project).read_text())
    told["hooks"]["stop"].insert(0, json.loads(MINE))
    cursor_hooks(project).write_text(json.dumps(told))
    call("uninstall", "cursor", "--yes")
    assert json.loads(cursor_hooks(project).read_text()) == {
        "version": 1,
        "hooks": {"stop": [json.loads(MINE)]},
    }


@pytest.mark.parametrize("text", ["[]", '{"hooks": []}', '{"hooks": {"stop": {}}}', '{"version": 1,}'])
def test_cursors_hooks_that_are_not_understood_are_left_alone(
    project: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = cursor_hooks(project)
    path.parent.mkdir()
    path.write_text(text)
    assert call("install", "cursor", "--yes") != 0
    assert path.read_text() == text
    assert str(path) in capsys.readouterr().err


def test_doctor_knows_where_cursor_is_recorded(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call("install", "cursor", "--yes")
    call("enable")
    capsys.readouterr()
    call("doctor")
    assert f"installed in {cursor_hooks(project)}" in " ".join(capsys.readouterr().out.split())


def test_cursors_command_answers_and_records(project: Path) -> None:
    call("install", "cursor", "--yes")
    call("enable")
    told = {"conversation_id": "c", "workspace_roots": [str(project)], "hook_event_name": "stop"}
    (ours,) = json.loads(cursor_hooks(project).read_text())["hooks"]["stop"]
    done = subprocess.run(
        ["sh", "-c", ours["command"]],
        input=json.dumps(told).encode(), cwd="/", capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, b"{}\n", b"")
    assert len(list((project / ".opencode" / "telemetry" / "traces").glob("*_c.json"))) == 1


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    ),
    st.sampled_from([None, 1, 2, 4, "\t"]),
)
def test_any_settings_come_back(value: Any, indent: int | str | None) -> None:
    text = json.dumps({"first": value, "hooks": {"Stop": [value]}}, indent=indent)
    changed = jsonc.put(text, ["hooks", "Stop"], {"ours": 1})
    assert json.loads(changed)["hooks"]["Stop"] == [value, {"ours": 1}]
    entries = jsonc.Document(changed).root.member("hooks")
    assert entries is not None
    stop = entries.member("Stop")
    assert stop is not None
    assert jsonc.cut(changed, stop, 1) == text


@given(st.text(alphabet='{}[]:,"\\/*ab1 \n'))
def test_hostile_text_is_refused_or_is_json(text: str) -> None:
    try:
        jsonc.Document(text)
    except TraceError:
        return
    if "/" not in text:
        json.loads(text)
