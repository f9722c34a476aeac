"""CrewAI's models, agents and crews; with AUTO, switched on by themselves, the SDK below too."""

import asyncio
import contextvars
import os
import threading

import t800

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
os.environ["CREWAI_DISABLE_TELEMETRY"] = "true"
os.environ["CREWAI_TRACING_ENABLED"] = "false"
os.environ["OTEL_SDK_DISABLED"] = "true"
if os.environ.get("AUTO"):
    t800.auto()
else:
    from t800.integrations import crewai as integration

    integration.install()
    integration.install()
from crewai import LLM, Agent, Crew, Task
from crewai.tools import tool


@tool("add")
def add(a: int, b: int) -> int:
    """Add."""
    with t800.tool("inner"):
        return a + b


@tool("boom")
def boom(x: int) -> int:
    """Fail."""
    raise ValueError(f"password={os.environ['PLANTED']}")


def model(name, **more):
    return LLM(model=f"openai/{name}", base_url=os.environ["OPENAI_BASE_URL"], **more)


def crew(name, role, tools=()):
    agent = Agent(role=role, goal="answer", backstory="none", llm=model(name), tools=list(tools))
    task = Task(description="go", expected_output="words", agent=agent)
    return Crew(name=f"{role}s", agents=[agent], tasks=[task])


async def asynchronous():
    await model("plain").acall("hello")
    both = await asyncio.gather(*(crew("plain", role).akickoff() for role in ("left", "right")))
    assert [each.raw for each in both] == ["three short words"] * 2


with t800.session(agent="crewai"):
    assert model("plain").call("hello") == "three short words"
    assert model("plain", stream=True).call("hello") == "three short words"
    assert crew("tools", "calc", [add]).kickoff().raw == "the sum is 5"
    assert crew("failing", "bad", [boom]).kickoff().raw == "it failed"

    def run(role):
        assert crew("plain", role).kickoff().raw == "three short words"

    threads = [
        threading.Thread(target=contextvars.copy_context().run, args=(run, role)) for role in ("one", "two")
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    asyncio.run(asynchronous())
    try:
        model("refusing", max_retries=0).call("x")
    except Exception as error:
        assert "429" in str(error)
