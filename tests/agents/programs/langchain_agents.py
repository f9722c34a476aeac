"""LangChain's models and LangGraph's agents; with AUTO, switched on by themselves, the SDK below too."""

import asyncio
import os

import t800

if os.environ.get("AUTO"):
    t800.auto()
else:
    from t800.integrations import langchain as integration

    integration.install()
    integration.install()
from langchain.agents import create_agent
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI


@tool
def add(a: int, b: int) -> int:
    """Add."""
    with t800.tool("inner"):
        return a + b


@tool
def boom(x: int) -> int:
    """Fail."""
    raise ValueError(f"password={os.environ['PLANTED']}")


def agent(model, used, name):
    return create_agent(ChatOpenAI(model=model), [used], name=name)


async def asynchronous():
    model = ChatOpenAI(model="plain", stream_usage=True)
    await model.ainvoke("hello")
    async for _ in model.astream("hello"):
        pass
    question = {"messages": [("user", "add")]}
    answers = await asyncio.gather(
        *(agent("plain", add, name).ainvoke(question) for name in ("left", "right"))
    )
    assert [answer["messages"][-1].content for answer in answers] == ["three short words"] * 2
    answer = await agent("tools", add, "async").ainvoke(question)
    assert answer["messages"][-1].content == "the sum is 5"

    async def read():
        async for _ in ChatOpenAI(model="hanging").astream("x"):
            pass

    cancelled = asyncio.create_task(read())
    await asyncio.sleep(0.5)
    cancelled.cancel()
    await asyncio.gather(cancelled, return_exceptions=True)


with t800.session(agent="langchain"):
    plain = ChatOpenAI(model="plain", stream_usage=True)
    plain.invoke("hello")
    list(plain.stream("hello"))
    plain.batch(["one", "two"])
    for _ in ChatOpenAI(model="hanging").stream("x"):
        break
    answer = agent("tools", add, "sync").invoke({"messages": [("user", "add")]})
    assert answer["messages"][-1].content == "the sum is 5"
    try:
        agent("failing", boom, "bad").invoke({"messages": [("user", "go")]})
    except ValueError:
        pass
    ChatOpenAI(model="busy").invoke("x")
    try:
        ChatOpenAI(model="refusing", max_retries=0).invoke("x")
    except Exception as error:
        assert "429" in str(error)
    asyncio.run(asynchronous())
