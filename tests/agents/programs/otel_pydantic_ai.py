"""pydantic-ai, which brings spans of its own, with three APIs; with AUTO, the SDKs below are recorded too."""

import asyncio
import os

import t800

if os.environ.get("AUTO"):
    t800.auto()
else:
    from t800.integrations import otel

    otel.install()
    otel.install()
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

trace.set_tracer_provider(TracerProvider())
from pydantic_ai import Agent
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel

Agent.instrument_all()


def calculator(model, name="calc"):
    agent = Agent(model, name=name)

    @agent.tool_plain
    def add(a: int, b: int) -> int:
        with t800.tool("inner"):
            return a + b

    return agent


async def asynchronous():
    async with calculator(OpenAIChatModel("plain")).run_stream("x") as streamed:
        async for _ in streamed.stream_text():
            pass
    await asyncio.gather(*(calculator(OpenAIChatModel("plain"), name).run("x") for name in ("left", "right")))


with t800.session(agent="pydantic-ai"):
    for model in (OpenAIChatModel("tools"), OpenAIResponsesModel("tools"), AnthropicModel("tools")):
        assert calculator(model).run_sync("add").output == "the sum is 5"
    asyncio.run(asynchronous())
    bad = Agent(OpenAIChatModel("failing"), name="bad")

    @bad.tool_plain
    def boom(x: int) -> int:
        raise ValueError(f"password={os.environ['PLANTED']}")

    try:
        bad.run_sync("x")
    except ValueError:
        pass
