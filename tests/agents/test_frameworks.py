"""Agents of real frameworks: what the trace says is what the model has served, call by call and token by token.

Their environments are made by `.ci/agents`, in the folder that AGENT_ENVIRONMENTS names.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from running import PASSWORD, Event, Run, compare, keeps_secrets, run
from test_model_server import has_loopback

pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(not has_loopback(), reason="there is no loopback network"),
]


def test_openai_sdk(tmp_path: Path) -> None:
    found = run("openai", "openai_sdk.py", tmp_path)
    compare(found)
    keeps_secrets(found)
    (outer,) = found.tools("outer")
    assert found.calls(success=True)[0]["parent_id"] == outer["event_id"]
    busy, refused = found.calls(model="busy")[0], found.calls(success=False)[0]
    errors = [(error["error_type"], error["parent_id"]) for error in found.of("error")]
    assert errors == [
        ("HTTP_429", busy["event_id"]),
        ("HTTP_503", busy["event_id"]),
        ("openai.RateLimitError", refused["event_id"]),
    ]
    streamed = {served.response_id for served in found.served if served.stream and served.complete}
    assert streamed == {call["source_id"] for call in found.calls(success=True) if "ttft_ms" in call}


def test_sessions_side_by_side_do_not_mix(tmp_path: Path) -> None:
    found = run("openai", "two_sessions.py", tmp_path)
    wanted = {"left task": 2, "right task": 3, "left": 4, "right": 5}
    assert found.sessions.keys() == wanted.keys()
    for agent, calls in wanted.items():
        events = found.sessions[agent]
        tools = [
            event["event_id"] for event in events if event["type"] == "tool_call" and event["tool"] == agent
        ]
        models = [event for event in events if event["type"] == "llm_call"]
        assert [event["parent_id"] for event in models] == tools
        assert len(tools) == calls
        assert len(events) == 2 * calls
        assert {event["total_tokens"] for event in models} == {151}


def test_anthropic_sdk(tmp_path: Path) -> None:
    found = run("anthropic", "anthropic_sdk.py", tmp_path)
    compare(found)
    keeps_secrets(found)
    assert [error["error_type"] for error in found.of("error")] == [
        "HTTP_429", "HTTP_503", "anthropic.RateLimitError",
    ]  # fmt: skip
    assert all("completion_tokens" not in call for call in found.calls(interrupted=True))


@pytest.mark.parametrize("auto", ["", "1"])
def test_langchain(tmp_path: Path, auto: str) -> None:
    found = run("langchain", "langchain_agents.py", tmp_path, AUTO=auto)
    compare(found, without_id=0 if auto else 2)  # streams; the SDK below knows their ids
    keeps_secrets(found)
    for name in ("sync", "async"):
        (tool,) = [tool for tool in found.tools("add") if tool["agent_id"] == name]
        assert tool["parameters_redacted"] == {"a": 2, "b": 3}
        assert [inner["parent_id"] for inner in found.tools("inner")].count(tool["event_id"]) == 1
    (boom,) = found.tools("boom")
    (error,) = [error for error in found.of("error") if error["error_type"] == "ValueError"]
    assert (boom["success"], error["parent_id"], error["tool"]) == (False, boom["event_id"], "boom")
    ended = {point["phase_name"]: point["status"] for point in found.of("checkpoint")}
    assert (
        ended.items()
        >= {"sync": "completed", "left": "completed", "right": "completed", "bad": "failed"}.items()
    )
    assert {call["agent_id"] for call in found.calls() if "agent_id" in call} >= {
        "left",
        "right",
        "sync",
        "bad",
    }
    kinds = [error["error_type"] for error in found.of("error")]
    assert kinds.count("HTTP_429") == (1 if auto else 0)
    assert sum("RateLimitError" in kind for kind in kinds) == 1


@pytest.mark.parametrize("auto", ["", "1"])
def test_openai_agents(tmp_path: Path, auto: str) -> None:
    found = run("openai-agents", "openai_agents_runs.py", tmp_path, AUTO=auto)
    keeps_secrets(found)
    answered = found.answered()
    calls = found.calls(success=True)
    assert len(calls) == len(answered)
    assert [call["prompt_tokens"] for call in calls] == [120] * len(answered)
    assert [call["reasoning_tokens"] for call in calls] == [7] * len(answered)
    if auto:
        compare(found)  # the SDK below knows the answers' ids
    assert [tool["parameters_redacted"] for tool in found.tools("add")] == [{"a": 2, "b": 3}] * 2
    inside = [tool["event_id"] for tool in found.tools("add")]
    assert [tool["parent_id"] for tool in found.tools("inner")] == inside
    decided = [(decision["decision_type"], decision["outcome"]) for decision in found.of("decision")]
    assert ("handoff", {"from": "alpha", "to": "beta"}) in decided
    assert ("guardrail", {"guardrail": "polite", "triggered": False}) in decided
    ended = {point["phase_name"]: point["status"] for point in found.of("checkpoint")}
    assert ended == dict.fromkeys(
        ["calc", "other", "alpha", "beta", "bad", "left", "right", "streamed"], "completed"
    ) | {"refused": "failed"}
    (boom,) = found.tools("boom")
    assert not boom["success"]
    refused = found.calls(success=False)[0]["event_id"]
    assert (
        sum(
            error.get("parent_id") == refused and "HTTP" not in error["error_type"]
            for error in found.of("error")
        )
        == 1
    )


@pytest.mark.parametrize("auto", ["", "1"])
def test_pydantic_ai_by_opentelemetry(tmp_path: Path, auto: str) -> None:
    found = run("otel", "otel_pydantic_ai.py", tmp_path, AUTO=auto)
    compare(found)
    keeps_secrets(found)
    assert [tool["parameters_redacted"] for tool in found.tools("add")] == [{"a": 2, "b": 3}] * 3
    assert [tool["parent_id"] for tool in found.tools("inner")] == [
        tool["event_id"] for tool in found.tools("add")
    ]
    (boom,) = found.tools("boom")
    errors = [(error["error_type"], error["parent_id"], error["agent_id"]) for error in found.of("error")]
    assert errors == [("ValueError", boom["event_id"], "bad")]
    ended = sorted((point["phase_name"], point["status"]) for point in found.of("checkpoint"))
    assert ended == sorted(
        [*[("calc", "completed")] * 4, ("left", "completed"), ("right", "completed"), ("bad", "failed")]
    )


@pytest.mark.parametrize("sdk", ["", "1"])
@pytest.mark.parametrize("instrumentor", ["openinference", "openllmetry", "logfire"])
def test_instrumentors_by_opentelemetry(tmp_path: Path, instrumentor: str, sdk: str) -> None:
    found = run("otel", "otel_instrumentors.py", tmp_path, INSTRUMENTOR=instrumentor, SDK=sdk)
    keeps_secrets(found)
    calls = found.calls(success=True)
    assert [call["model"] for call in calls] == ["plain"] * 3
    counted = [
        (call["prompt_tokens"], call["completion_tokens"]) for call in calls if "prompt_tokens" in call
    ]
    # logfire counts a stream in a line of its log, and not in its span.
    assert counted == [(120, 31)] * (2 if instrumentor == "logfire" and not sdk else 3)
    assert len(found.calls()) == 4
    (failed,) = found.calls(success=False)
    (error,) = found.of("error")
    assert error["parent_id"] == failed["event_id"]
    assert "RateLimitError" in error["error_type"]


def test_litellm(tmp_path: Path) -> None:
    found = run("litellm", "litellm_calls.py", tmp_path)
    compare(found, without_id=1)  # an answer of Anthropic's gets an id of LiteLLM's own
    keeps_secrets(found)
    assert {call["provider"] for call in found.calls(success=True)} == {"openai", "anthropic"}
    assert sum("RateLimitError" in error["error_type"] for error in found.of("error")) == 1


def test_mcp(tmp_path: Path) -> None:
    found = run("mcp", "mcp_client.py", tmp_path)
    keeps_secrets(found)
    add, boom = found.tools("add")[0], found.tools("boom")[0]
    assert (add["success"], add["parameters_redacted"], add["result_redacted"]) == (
        True,
        {"a": 2, "b": 3},
        {"result": 5},
    )
    assert boom["success"] is False
    assert [(error["error_type"], error["parent_id"]) for error in found.of("error")] == [
        ("TOOL_FAILED", boom["event_id"])
    ]


PARTS = ("cached", "cache_write", "reasoning")
"""Kinds of tokens that AutoGen and smolagents leave out; the SDK below them knows them."""


def insides(found: Run, tool: str = "add") -> None:
    """What a tool has recorded is inside it."""
    inside = [event["parent_id"] for event in found.tools("inner")]
    assert inside == [event["event_id"] for event in sorted(found.tools(tool), key=number)]
    assert inside


def number(event: Event) -> int:
    return int(event["event_id"].removeprefix("evt_"))


def fails(found: Run, agent: str | None) -> None:
    """One error of the tool that has failed, and of the model that has refused; each call says so, too."""
    (boom,) = found.tools("boom")
    (error,) = [error for error in found.of("error") if error.get("tool") == "boom"]
    assert (error["error_type"], error["parent_id"], boom["success"]) == (
        "ValueError",
        boom["event_id"],
        False,
    )
    assert boom.get("agent_id") == error.get("agent_id") == agent
    refused = {call["event_id"] for call in found.calls(success=False)}
    assert {call["model"] for call in found.calls(success=False)} == {"refusing"}
    assert {error["parent_id"] for error in found.of("error")} == refused | {boom["event_id"]}
    assert len(found.of("error")) == len(refused) + 1


def ends(found: Run) -> dict[str, str]:
    """How agents have ended, each once."""
    ended = {point["phase_name"]: point["status"] for point in found.of("checkpoint")}
    assert len(ended) == len(found.of("checkpoint"))
    return ended


def side_by_side(found: Run, *names: str) -> None:
    """Agents that have worked at the same time have their own calls, and nobody else's."""
    for name in names:
        events = [event for event in found.events if event.get("agent_id") == name]
        assert [event["type"] for event in events if event["type"] != "tool_call"].count("checkpoint") == 1
        assert any(event["type"] == "llm_call" for event in events)


@pytest.mark.parametrize("auto", ["", "1"])
def test_autogen(tmp_path: Path, auto: str) -> None:
    found = run("autogen", "autogen_agents.py", tmp_path, AUTO=auto)
    compare(found) if auto else compare(found, without_id=12, uncounted=PARTS)
    keeps_secrets(found)
    insides(found)
    fails(found, "bad")
    agents = ("calc", "bad", "left", "right", "first", "second", "alpha", "beta")
    assert ends(found) == dict.fromkeys((*agents, "RoundRobinGroupChat", "Swarm"), "completed")
    side_by_side(found, *agents)
    assert [event["outcome"] for event in found.of("decision")] == [{"from": "alpha", "to": "beta"}]
    (streamed,) = [call for call in found.calls(success=True) if "ttft_ms" in call]
    assert streamed["model"] == "plain"


@pytest.mark.parametrize("auto", ["", "1"])
def test_crewai(tmp_path: Path, auto: str) -> None:
    found = run("crewai", "crewai_crews.py", tmp_path, AUTO=auto)
    compare(found, uncounted=() if auto else ("cache_write",))
    keeps_secrets(found)
    insides(found)
    fails(found, "bad")
    agents = ("calc", "bad", "left", "right", "one", "two")
    assert ends(found) == dict.fromkeys([*agents, *(f"{name}s" for name in agents)], "completed")
    side_by_side(found, *agents)
    (streamed,) = [call for call in found.calls(success=True) if "ttft_ms" in call]
    assert streamed["source_id"] == found.served[1].response_id


@pytest.mark.parametrize("auto", ["", "1"])
def test_dspy(tmp_path: Path, auto: str) -> None:
    found = run("dspy", "dspy_programs.py", tmp_path, AUTO=auto)
    compare(found)
    keeps_secrets(found)
    insides(found)
    fails(found, None)
    ended = [(point["phase_name"], point["status"]) for point in found.of("checkpoint")]
    assert sorted(ended) == [*[("Predict", "completed")] * 6, ("ReAct", "completed")]
    (cached,) = [call for call in found.calls() if "attributes" in call]
    assert "prompt_tokens" not in cached


@pytest.mark.parametrize("auto", ["", "1"])
def test_google_adk(tmp_path: Path, auto: str) -> None:
    found = run("google-adk", "google_adk_agents.py", tmp_path, AUTO=auto)
    # The answers of LiteLLM have ids where that is recorded, too.
    compare(found, without_id=9 if auto else 13, uncounted=() if auto else ("cache_write",))
    keeps_secrets(found)
    insides(found)
    fails(found, "bad")
    agents = ("native", "streamed", "calc", "counted", "left", "right", "alpha", "beta")
    assert ends(found) == {**dict.fromkeys(agents, "completed"), "bad": "failed", "refused": "failed"}
    side_by_side(found, *agents)
    assert [event["outcome"] for event in found.of("decision")] == [{"from": "alpha", "to": "beta"}]


@pytest.mark.parametrize("auto", ["", "1"])
def test_llama_index(tmp_path: Path, auto: str) -> None:
    found = run("llama-index", "llama_index_agents.py", tmp_path, AUTO=auto)
    (own,) = found.sessions.values()
    embedded = [event for event in own if event.get("model") == "unknown"]
    assert len(embedded) == 2  # a model of the framework's own, without a server
    own[:] = [event for event in own if event not in embedded]
    compare(found)
    keeps_secrets(found)
    insides(found)
    fails(found, "bad")
    agents = ("calc", "bad", "left", "right")
    assert ends(found) == dict.fromkeys((*agents, "AgentWorkflow"), "completed")
    side_by_side(found, *agents)
    assert {call["agent_id"] for call in found.calls() if "agent_id" in call} == {*agents, "alpha", "beta"}
    assert [event["outcome"] for event in found.of("decision")] == [{"from": "alpha", "to": "beta"}]
    (retrieved,) = found.tools("VectorIndexRetriever")
    assert retrieved["parameters_redacted"] == {"query": "one"}
    assert embedded[1]["parent_id"] == retrieved["event_id"]


@pytest.mark.parametrize("auto", ["", "1"])
def test_smolagents(tmp_path: Path, auto: str) -> None:
    found = run("smolagents", "smolagents_agents.py", tmp_path, AUTO=auto)
    # A stream of smolagents has neither its id nor the kinds of its tokens.
    compare(found) if auto else compare(found, without_id=3, uncounted=PARTS)
    keeps_secrets(found)
    insides(found)
    fails(found, "bad")
    agents = ("calc", "streamed", "coder", "bad", "left", "right", "helper", "boss")
    assert ends(found) == dict.fromkeys(agents, "completed")
    side_by_side(found, *agents)
    (code,) = found.tools("python_interpreter")
    inside = [event["tool"] for event in found.of("tool_call") if event.get("parent_id") == code["event_id"]]
    assert inside == ["add", "final_answer"]


@pytest.mark.parametrize("name", ["autogen", "crewai", "dspy", "llama-index", "smolagents"])
def test_others_are_recorded_by_the_sdk_below_them(tmp_path: Path, name: str) -> None:
    found = run(name, "other_frameworks.py", tmp_path, WHICH=name.replace("-", "_"))
    compare(found)
    keeps_secrets(found)
    assert len(found.calls()) == 2


def test_claude_agent_sdk(tmp_path: Path) -> None:
    found = run("claude-agent-sdk", "claude_agent.py", tmp_path)
    calls, answered = found.calls(success=True), found.answered()
    assert [call["source_id"] for call in calls] == [served.response_id for served in answered]
    assert [(call["prompt_tokens"], call["cached_tokens"], call["cache_write_tokens"]) for call in calls] == [
        (120, 40, 16)
    ] * 3
    # Output and cost are known for the whole run.
    assert [call.get("completion_tokens") for call in calls] == [None, None, 3 * 31]
    assert calls[-1]["cost_usd"] > 0
    (read,), (bash,) = found.tools("Read"), found.tools("Bash")
    assert (read["success"], bash["success"]) == (True, False)
    assert [error["parent_id"] for error in found.of("error")] == [bash["event_id"]]
    (ended,) = found.of("checkpoint")
    assert (ended["status"], ended["attributes"]["turns"]) == ("completed", 3)
    traces = [file for file in found.files() if ".opencode" in file.parts]
    assert traces
    assert not any(
        PASSWORD.encode() in file.read_bytes() for file in traces
    )  # Claude Code keeps a record of its own
