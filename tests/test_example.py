"""The example agent, recorded for real: what is in its trace, and what is not."""

import gzip
import json
import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
AGENT = ROOT / "examples" / "agent.py"
T800 = [sys.executable, "-P", "-c", "import sys; from t800.cli import main; sys.exit(main())"]
USER = "wilhelmina"


class Recorded(NamedTuple):
    """A run of the example agent."""

    home: Path
    telemetry: Path
    environ: dict[str, str]
    run: subprocess.CompletedProcess[str]

    def t800(self, *arguments: str) -> str:
        shown = subprocess.run(
            [*T800, *arguments],
            cwd=self.home / "work",
            env=self.environ,
            capture_output=True,
            text=True,
            check=True,
        )
        return shown.stdout

    def document(self) -> dict[str, Any]:
        (trace,) = (self.telemetry / "traces").glob("*.json")
        return json.loads(trace.read_text())


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """The agent under `t800 run`, of a user whose name and home can be searched for."""
    home = tmp_path_factory.mktemp("machine") / "home" / USER
    (home / "work" / ".git").mkdir(parents=True)
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("T800_", "XDG_"))}
    environ |= {"HOME": str(home), "USER": USER, "LOGNAME": USER, "T800_STRICT": "1"}
    run = subprocess.run(
        [*T800, "run", str(AGENT)],
        cwd=home / "work",
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    return Recorded(home, home / "work" / ".opencode" / "telemetry", environ, run)


def everything_in(folder: Path) -> bytes:
    """All bytes below a folder and all names, compressed files unpacked."""
    found = []
    for path in sorted(folder.rglob("*")):
        found.append(str(path.relative_to(folder)).encode())
        if path.is_file():
            data = path.read_bytes()
            found.append(gzip.decompress(data) if path.suffix == ".gz" else data)
    return b"\n".join(found)


def test_it_repairs_the_bug_and_says_so(recorded: Recorded) -> None:
    assert recorded.run.returncode == 0, recorded.run.stderr
    assert recorded.run.stdout.splitlines()[-1] == "repaired"
    assert recorded.run.stderr.startswith("t800: recorded ses_")


def test_it_works_the_same_without_recording(recorded: Recorded, tmp_path: Path) -> None:
    off = subprocess.run(
        [sys.executable, str(AGENT)],
        cwd=tmp_path,
        env=recorded.environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (off.stdout, off.stderr) == (recorded.run.stdout, "")
    assert list(tmp_path.iterdir()) == []


def test_nothing_private_is_in_the_telemetry_folder(recorded: Recorded) -> None:
    stored = everything_in(recorded.telemetry)
    secrets = list(runpy.run_path(str(AGENT))["fake_secrets"]().values())
    for private in (*secrets, USER, str(recorded.home)):
        assert private.encode() not in stored
    for secret in secrets:
        for at in range(len(secret) - 12):
            assert secret[at : at + 13].encode() not in stored


def test_the_trace_has_the_phases_with_their_fields(recorded: Recorded) -> None:
    phases = {
        event["phase_name"]: event for event in recorded.document()["events"] if event["type"] == "checkpoint"
    }
    assert list(phases) == ["THINK", "QUESTION", "PLAN", "EXECUTE"]
    assert {event["status"] for event in phases.values()} == {"completed"}
    assert phases["THINK"]["attributes"]["reasoning_tokens"] > 0
    assert phases["QUESTION"]["attributes"] == {"question_count": 1, "clarification_loops": 0}
    assert phases["PLAN"]["attributes"] == {"plan_complexity": 2, "revision_count": 0}


def test_the_trace_has_every_type_and_the_failures_with_their_recovery(recorded: Recorded) -> None:
    document = recorded.document()
    events = document["events"]
    assert {event["type"] for event in events} == {"tool_call", "llm_call", "decision", "error", "checkpoint"}
    errors = {event["error_type"]: event for event in events if event["type"] == "error"}
    assert set(errors) == {"FileNotFoundError", "COMMAND_NOT_FOUND", "CARRIER_OFFLINE"}
    assert errors["COMMAND_NOT_FOUND"]["recovery"] == {
        "attempted": True, "strategy": "discover_tests", "success": True,
    }  # fmt: skip
    failed = [event["tool"] for event in events if event.get("success") is False]
    assert failed == ["read", "bash", "bash", "bash", "submit_quote"]
    assert document["summary"]["total_events"] == len(events)


def test_the_sub_agent_hangs_below_the_call_that_started_it(recorded: Recorded) -> None:
    events = recorded.document()["events"]
    (delegate,) = [event for event in events if event.get("tool") == "delegate"]
    reviewed = [event for event in events if event.get("agent_id") == "reviewer"]
    assert [event["type"] for event in reviewed] == ["tool_call", "tool_call", "llm_call"]
    assert {event["parent_id"] for event in reviewed} == {delegate["event_id"]}


def test_the_trace_is_valid_and_shows_as_a_tree(recorded: Recorded) -> None:
    assert recorded.t800("validate").endswith("1 file, all valid\n")
    page = recorded.t800("show", "last")
    lines = page.splitlines()
    assert lines[0].startswith("example-agent  ses_")
    headings = [line.split()[0] for line in lines if line[:1].isupper()]
    assert headings == ["THINK", "QUESTION", "PLAN", "EXECUTE"]
    assert "  └ ! CARRIER_OFFLINE" in page
    assert [
        event["tool"] for event in json.loads(recorded.t800("show", "--tool", "submit*", "--json"))["events"]
    ] == ["submit_quote"]


def test_two_runs_record_the_same(recorded: Recorded) -> None:
    subprocess.run(
        [*T800, "run", "-q", str(AGENT)],
        cwd=recorded.home, env=recorded.environ | {"T800_DIR": str(recorded.home / "again")}, check=True,
        capture_output=True,
    )  # fmt: skip
    (again,) = (recorded.home / "again" / "traces").glob("*.json")
    told = [
        sorted(str([event.get(name) for name in ("type", "tool", "phase", "success")]) for event in events)
        for events in (recorded.document()["events"], json.loads(again.read_text())["events"])
    ]
    assert told[0] == told[1]
