"""ATIF: what its pydantic models make of it, and where everything went."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.export.exported import events, exported, hostile
from tests.trace_files import document, error, llm, tool

from t800.errors import ExportError

Json = dict[str, Any]


def trajectory(data: bytes) -> Json:
    atif = pytest.importorskip("atif", reason="atif is not installed")
    found: Json = json.loads(data)
    atif.Trajectory.model_validate(found)
    return found


def test_a_session_is_a_trajectory(tmp_path: Path) -> None:
    found = trajectory(exported(tmp_path, "atif", document(events())))
    assert (found["schema_version"], found["session_id"], found["agent"]["name"]) == (
        "ATIF-v1.7",
        "ses_0",
        "t800",
    )
    assert [step["source"] for step in found["steps"]] == ["user", "agent", "system", "agent", "system"]
    user, agent, decision, alone, phase = found["steps"]
    assert user["message"] == "[content hash: a1b2c3]"
    assert (agent["model_name"], agent["message"], agent["llm_call_count"]) == (
        "claude-sonnet-4",
        "[content hash: d4e5f6]",
        1,
    )
    assert agent["metrics"] == {
        "prompt_tokens": 1500,
        "completion_tokens": 800,
        "cached_tokens": 1000,
        "cost_usd": 0.023,
    }
    assert agent["extra"]["reasoning_tokens"] == 30
    (call,) = agent["tool_calls"]
    assert (call["function_name"], call["arguments"]) == ("bash", {"file_path": "src/3.py"})
    (result,) = agent["observation"]["results"]
    assert result["source_call_id"] == call["tool_call_id"]
    assert json.loads(result["content"])["exit_code"] == 2
    assert result["extra"]["error"]["error_type"] == "TOOL_TIMEOUT"
    assert decision["message"] == 'todo: {"done":1}'
    assert (alone["llm_call_count"], alone["tool_calls"][0]["extra"]["interrupted"]) == (0, True)
    assert phase["message"] == "EXECUTE: completed"
    assert found["final_metrics"] == {
        "total_prompt_tokens": 1500, "total_completion_tokens": 800, "total_cached_tokens": 1000, "total_cost_usd": 0.023,
        "total_steps": 5,
    }  # fmt: skip


def test_a_sub_agent_is_a_trajectory_inside(tmp_path: Path) -> None:
    found = trajectory(exported(tmp_path, "atif", document(events())))
    (inside,) = found["subagent_trajectories"]
    assert (inside["trajectory_id"], inside["agent"]["name"]) == ("ses_0/explorer", "explorer")
    assert [step["tool_calls"][0]["function_name"] for step in inside["steps"]] == ["read"]
    (result,) = found["steps"][1]["observation"]["results"]
    assert result["subagent_trajectory_ref"] == [{"trajectory_id": "ses_0/explorer"}]


def test_sessions_begun_inside_are_trajectories_inside(tmp_path: Path) -> None:
    child = document([llm(1)], parent_session_id="ses_0")
    found = trajectory(
        exported(tmp_path, "atif", document(events()), child, child.replace(b"ses_0", b"ses_1"))
    )
    assert [one["trajectory_id"] for one in found["subagent_trajectories"]] == [
        "ses_0/explorer",
        "ses_1",
        "ses_2",
    ]
    assert [len(one["steps"]) for one in found["subagent_trajectories"]] == [1, 1, 1]


def test_two_sessions_are_one_too_many(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="ATIF holds one session"):
        exported(tmp_path, "atif", document(events()), document(events()))


def test_many_tool_calls_are_many_steps(tmp_path: Path) -> None:
    calls = [tool(n) for n in range(2, 1504)]
    (tmp_path / "bare").mkdir()
    found = trajectory(exported(tmp_path, "atif", document([llm(1), *calls])))
    assert [len(step.get("tool_calls", ())) for step in found["steps"]] == [1000] + [1] * 502
    assert len(trajectory(exported(tmp_path / "bare", "atif", document(calls[:3])))["steps"]) == 3


def test_an_error_whose_call_never_came_is_not_lost(tmp_path: Path) -> None:
    found = trajectory(exported(tmp_path, "atif", document([error(2, parent_id="evt_001"), tool(3)])))
    assert [step["message"] for step in found["steps"]] == [
        "",
        "TOOL_TIMEOUT: Command exceeded 30000ms timeout",
    ]


def test_the_error_of_a_model_is_its_step_s(tmp_path: Path) -> None:
    found = trajectory(
        exported(tmp_path, "atif", document([error(2, parent_id="evt_001"), llm(1, success=False)]))
    )
    assert found["steps"][0]["extra"]["error"]["error_type"] == "TOOL_TIMEOUT"


def test_hostile_events(tmp_path: Path) -> None:
    found = trajectory(exported(tmp_path, "atif", hostile()))
    assert (
        sum(len(step.get("tool_calls", ())) + (step.get("llm_call_count") != 0) for step in found["steps"])
        == 7
    )
    (tmp_path / "empty").mkdir()
    assert trajectory(exported(tmp_path / "empty", "atif", document()))["steps"] == []
