"""What `t800 run` records of a program, what it says at the end, and when it does not record."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

T800 = [sys.executable, "-P", "-c", "import sys; from t800.cli import main; sys.exit(main())"]
OWN_SESSION = """
    import t800
    with t800.session(agent="own") as trace:
        with trace.tool("read", {"file_path": "a.py"}) as call:
            call.result("text")
        trace.llm_call("m", prompt_tokens=10, completion_tokens=5, cost_usd=0.25, duration_ms=2)
    print("done")
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("XDG_STATE_HOME", "T800_DIR", "T800_ENABLED"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def run(
    folder: Path, source: str, *options: str, **environ: str
) -> tuple[subprocess.CompletedProcess[str], list[dict[str, Any]]]:
    """Run a program under `t800 run`: how it went, and the documents that were recorded."""
    (folder / "program.py").write_text(textwrap.dedent(source))
    done = subprocess.run(
        [*T800, "run", *options, "program.py"],
        capture_output=True, text=True, timeout=60, check=False, env=os.environ | environ,
    )  # fmt: skip
    traces = sorted((folder / ".opencode" / "telemetry" / "traces").glob("*.json"))
    return done, [json.loads(trace.read_text()) for trace in traces]


def test_a_programs_own_session_is_the_document(home: Path) -> None:
    done, (document,) = run(home, OWN_SESSION)
    assert (done.returncode, done.stdout) == (0, "done\n")
    assert document["metadata"]["agent"] == "own"
    assert [event["type"] for event in document["events"]] == ["tool_call", "llm_call"]
    assert document["summary"]["state"] == "closed"
    head, calls, costs, path = done.stderr.splitlines()
    assert head == f"t800: recorded {document['session_id']}"
    assert calls.startswith("  2 events · 100 % ok · 0 errors · ")
    assert costs.startswith("  15 tokens · $0.2500 · recording took ")
    assert Path(path.strip()).is_file()


def test_a_program_that_knows_nothing_of_it_gets_a_session(home: Path) -> None:
    done, (document,) = run(home, "print(1 + 1)")
    assert (done.returncode, done.stdout) == (0, "2\n")
    assert document["metadata"]["agent"] == "program"
    (checkpoint,) = document["events"]
    assert (checkpoint["phase_name"], checkpoint["status"]) == ("run", "completed")


def test_the_agent_can_be_named(home: Path) -> None:
    _, (document,) = run(home, "pass", "--agent", "my agent")
    assert document["metadata"]["agent"] == "my agent"


def test_a_programs_death_is_an_error_event(home: Path) -> None:
    done, (document,) = run(home, "raise ValueError('password=hunter2hunter2')")
    assert done.returncode == 1
    assert "ValueError: password=hunter2hunter2" in done.stderr  # the program's own traceback is its own
    error, checkpoint = document["events"]
    assert error["error_type"] == "ValueError"
    assert checkpoint["status"] == "failed"


def test_module_level_verbs_record_into_the_run(home: Path) -> None:
    _, (document,) = run(home, "import t800\nt800.decision('strategy', outcome='wait')\n")
    assert "decision" in [event["type"] for event in document["events"]]


@pytest.mark.parametrize("off", ["variable", "disable"])
def test_off_wins_and_is_said(home: Path, off: str) -> None:
    if off == "disable":
        subprocess.run([*T800, "disable"], check=True, capture_output=True)
    done, documents = run(home, OWN_SESSION, **({"T800_ENABLED": "0"} if off == "variable" else {}))
    assert (done.returncode, done.stdout, documents) == (0, "done\n", [])
    assert done.stderr.startswith("t800: not recording: ")
    assert len(done.stderr.splitlines()) == 1
    assert not (home / ".opencode").exists()


def test_a_refused_configuration_is_said_and_the_program_runs(home: Path) -> None:
    config = home / ".opencode" / "telemetry" / "config" / "telemetry_config.yaml"
    config.parent.mkdir(parents=True)
    config.write_text("telemetry: {enabld: true}\n")
    done, documents = run(home, "print('ran')")
    assert (done.returncode, done.stdout, documents) == (0, "ran\n", [])
    assert "enabld" in done.stderr


def test_quiet_says_nothing(home: Path) -> None:
    done, documents = run(home, OWN_SESSION, "--quiet")
    assert done.stderr == ""
    assert len(documents) == 1


def test_a_program_that_breaks_its_streams_or_forks_ends_well(home: Path) -> None:
    source = """
        import os, sys
        child = os.fork()
        if not child:
            sys.exit(0)
        os.waitpid(child, 0)
        os.chdir("/")
        sys.stderr.close()
        sys.stdout = None
    """
    done, documents = run(home, source)
    assert done.returncode == 0
    assert done.stderr.count("t800: recorded") <= 1
    assert any(document["summary"]["state"] == "closed" for document in documents)


def test_show_follows_a_session_while_it_runs(home: Path) -> None:
    (home / "slow.py").write_text(
        textwrap.dedent("""
            import t800
            with t800.session(agent="slow") as trace:
                for number in range(2):
                    trace.tool_call(f"step{number}", {"number": number}, duration_ms=1)
                    trace.flush()
                    print("ready", flush=True)
                    input()
        """)
    )
    with subprocess.Popen(
        [*T800, "run", "-q", "slow.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as agent:
        assert agent.stdin is not None
        assert agent.stdout is not None
        assert agent.stdout.readline() == "ready\n"
        shown = subprocess.run([*T800, "show"], capture_output=True, text=True, check=True).stdout
        assert "  live" in shown
        assert "step0" in shown
        with subprocess.Popen(
            [*T800, "show", "--follow", "--json"], stdout=subprocess.PIPE, text=True
        ) as follower:
            assert follower.stdout is not None
            assert json.loads(follower.stdout.readline())["tool"] == "step0"
            agent.stdin.write("\n")
            agent.stdin.flush()
            assert json.loads(follower.stdout.readline())["tool"] == "step1"
            agent.stdin.write("\n")
            agent.stdin.close()
            assert follower.stdout.read() == ""
        assert follower.returncode == 0
    assert agent.returncode == 0
    shown = subprocess.run([*T800, "show", "--follow"], capture_output=True, text=True, check=True).stdout
    assert "closed" in shown.splitlines()[0]
    assert [line.split()[1] for line in shown.splitlines() if "step" in line] == ["step0", "step1"]
