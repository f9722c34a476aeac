"""Off, the default: no file, no folder, no thread, nothing imported; and off wins."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import t800
from t800.layout import set_disabled, telemetry_dir

Open = Callable[..., t800.Session]
Run = Callable[..., subprocess.CompletedProcess[str]]

EVERYTHING = """
import os, sys, threading, t800
before = set(sys.modules)
with t800.session(agent="x") as trace:
    assert not trace.enabled and trace.path is None and trace.session_id is None
    for where in (trace, t800):
        with where.tool("read", {"a": 1}) as call:
            assert call.id is None and call.result("x") == "x"
            call.usage(tokens_in=1); call.update(attributes={})
        with where.llm("m") as call:
            call.first_token()
        with where.phase("THINK") as phase, where.agent("scout"):
            phase.update(reasoning_tokens=1)
        ids = [where.tool_call("t"), where.llm_call("m"), where.decision("d"), where.error("e"),
               where.checkpoint("c"), where.record({"type": "decision"}), where.pre_tool("t"), where.pre_llm("m"),
               where.post_tool(None), where.post_llm(None)]
        assert ids == [None] * 10
    assert trace.bind(lambda n: n)(3) == 3
    assert trace.working()["events"] == []
    assert trace.flush() is True
    @t800.traced
    def act(n):
        return n
    assert act(3) == 3
assert trace.close() is True
assert t800.current() is t800.session()
assert threading.active_count() == 1
if os.path.isdir("/proc/self/task"):
    assert len(os.listdir("/proc/self/task")) == 1
"""


def everything_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_off_leaves_no_file_no_folder_and_no_thread(python: Run, project: Path) -> None:
    home = Path(os.environ["HOME"])
    done = python(EVERYTHING)
    assert (done.stdout, done.stderr) == ("", "")
    assert everything_below(project) == {".git"}
    assert everything_below(home) == set()


def test_off_imports_nothing_for_the_agent(python: Run) -> None:
    done = python(
        EVERYTHING
        + "print(*sorted({n.partition('.')[0] for n in set(sys.modules) - before} - {'t800', '_t800'}))\n"
    )
    heavy = {
        "yaml",
        "orjson",
        "click",
        "rich",
        "dataclasses",
        "json",
        "inspect",
        "argparse",
        "sqlite3",
        "re",
        "typing",
    }
    assert not set(done.stdout.split()) & heavy, done.stdout
    assert len(done.stdout.split()) <= 12, done.stdout


def test_a_file_that_says_false_leaves_nothing_else(python: Run, project: Path) -> None:
    layout = telemetry_dir()
    os.makedirs(os.path.dirname(layout.config_file))
    Path(layout.config_file).write_text("telemetry:\n  enabled: false\n")
    before = everything_below(project), everything_below(Path(os.environ["HOME"]))
    python(EVERYTHING)
    assert (everything_below(project), everything_below(Path(os.environ["HOME"]))) == before


@pytest.mark.parametrize("word", ["0", "false", "no", "off", "False", " 0 "])
def test_the_users_variable_beats_code(project: Path, monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    monkeypatch.setenv("T800_ENABLED", word)
    session = t800.session(enabled=True, settings={"telemetry.enabled": True})
    assert not session.enabled
    assert everything_below(project) == {".git"}


def test_the_users_switch_beats_code_file_and_variable(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = telemetry_dir()
    os.makedirs(os.path.dirname(layout.config_file))
    Path(layout.config_file).write_text("telemetry:\n  enabled: true\n")
    monkeypatch.setenv("T800_ENABLED", "1")
    set_disabled(True)
    assert not t800.session(enabled=True).enabled
    assert not Path(layout.traces).exists()
    set_disabled(False)
    with t800.session() as trace:
        assert trace.enabled


def test_t800_disable_on_the_command_line_beats_code(python: Run, project: Path) -> None:
    python("from t800.cli import main; raise SystemExit(main(['disable']))")
    done = python("import t800; print(t800.session(enabled=True).enabled)")
    assert done.stdout == "False\n"
    assert not (project / ".opencode" / "telemetry" / "traces").exists()


def test_enabled_false_in_code_is_off(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("T800_ENABLED", "1")
    assert not t800.session(enabled=False).enabled
    with t800.session() as trace:
        assert trace.enabled


def test_off_is_one_object_for_all(project: Path) -> None:
    assert t800.session() is t800.session(agent="other") is t800.current()
    with t800.session(), t800.session() as inner, t800.tool("x"):
        assert inner is t800.current()


def test_off_answers_before_any_argument_is_looked_at(project: Path) -> None:
    class Watched:
        def __getattribute__(self, name: str) -> Any:
            raise AssertionError(name)

    session = t800.session()
    watched = Watched()
    session.tool_call(watched, watched, x=watched)
    session.record(watched)
    session.post_tool(watched, watched)
    with session.tool(watched, watched) as call:
        assert call.result(watched) is watched
    session.error(watched)


def test_an_exception_passes_through_what_is_off(project: Path) -> None:
    failure = ValueError("x")
    with (
        pytest.raises(ValueError, match="x") as raised,
        t800.session() as trace,
        trace.phase("PLAN"),
        trace.tool("t"),
    ):
        raise failure
    assert raised.value is failure
    assert vars(failure) == {}


def test_strict_mode_is_of_no_interest_when_off(project: Path) -> None:
    assert t800.session(strict=True).tool_call(7, nonsense=1) is None
