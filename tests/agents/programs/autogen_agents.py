"""AutoGen's clients, agents and teams; with AUTO, switched on by themselves, the SDK below too."""

import asyncio
import os

import t800

if os.environ.get("AUTO"):
    t800.auto()
else:
    from t800.integrations import autogen as integration

    integration.install()
    integration.install()
from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.base import Handoff
from autogen_agentchat.conditions import MaxMessageTermination, TextMentionTermination
from autogen_agentchat.teams import RoundRobinGroupChat, Swarm
from autogen_core.models import UserMessage
from autogen_ext.models.openai import OpenAIChatCompletionClient

INFO = {
    "vision": False,
    "function_calling": True,
    "json_output": False,
    "family": "unknown",
    "structured_output": False,
}


async def add(a: int, b: int) -> int:
    """Add. AutoGen runs a function that is not asynchronous in a thread that knows nothing of its agent."""
    with t800.tool("inner"):
        return a + b


def boom(x: int) -> int:
    """Fail."""
    raise ValueError(f"password={os.environ['PLANTED']}")


def client(model, **more):
    return OpenAIChatCompletionClient(
        model=model, base_url=os.environ["OPENAI_BASE_URL"], model_info=INFO, **more
    )


def agent(model, name, **more):
    return AssistantAgent(name, client(model), **more)


async def main():
    question = [UserMessage(content="hello", source="user")]
    await client("plain").create(question)
    async for _ in client("plain").create_stream(question, include_usage=True):
        pass
    answer = await agent("tools", "calc", tools=[add], reflect_on_tool_use=True).run(task="add")
    assert answer.messages[-1].content == "the sum is 5"
    answer = await agent("failing", "bad", tools=[boom], reflect_on_tool_use=True).run(task="go")
    assert answer.messages[-1].content == "it failed"
    both = await asyncio.gather(*(agent("plain", name).run(task="x") for name in ("left", "right")))
    assert [each.messages[-1].content for each in both] == ["three short words"] * 2
    team = RoundRobinGroupChat(
        [agent("plain", "first"), agent("plain", "second")], termination_condition=MaxMessageTermination(3)
    )
    async for _ in team.run_stream(task="x"):
        pass
    beta = agent("plain", "beta")
    alpha = agent("handing", "alpha", handoffs=[Handoff(target="beta", name="transfer_to_beta")])
    swarm = Swarm([alpha, beta], termination_condition=TextMentionTermination("three short words"))
    await swarm.run(task="x")

    async def read():
        async for _ in client("hanging").create_stream(question):
            pass

    cancelled = asyncio.create_task(read())
    await asyncio.sleep(0.5)
    cancelled.cancel()
    await asyncio.gather(cancelled, return_exceptions=True)
    try:
        await client("refusing", max_retries=0).create(question)
    except Exception as error:
        assert "429" in str(error)


with t800.session(agent="autogen"):
    asyncio.run(main())
