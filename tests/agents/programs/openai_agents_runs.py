"""Runs of the OpenAI Agents SDK; with AUTO, switched on by themselves, the SDK below too."""

import asyncio
import os

import t800

if os.environ.get("AUTO"):
    t800.auto()
else:
    from t800.integrations import openai_agents as integration

    integration.install()
    integration.install()
from agents import (
    Agent,
    AsyncOpenAI,
    GuardrailFunctionOutput,
    ModelSettings,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    function_tool,
    input_guardrail,
    set_trace_processors,
)

if not os.environ.get("AUTO"):
    from t800.integrations.openai_agents import T800TracingProcessor

    set_trace_processors([T800TracingProcessor()])


@function_tool
def add(a: int, b: int) -> int:
    """Add."""
    with t800.tool("inner"):
        return a + b


@function_tool
def boom(x: int) -> int:
    """Fail."""
    raise ValueError(f"password={os.environ['PLANTED']}")


@input_guardrail
async def polite(context, agent, given):
    return GuardrailFunctionOutput(output_info="fine", tripwire_triggered=False)


async def main():
    client = AsyncOpenAI()
    counted = ModelSettings(include_usage=True)

    def chat(model):
        return OpenAIChatCompletionsModel(model, openai_client=client)

    def responses(model):
        return OpenAIResponsesModel(model, openai_client=client)

    answer = await Runner.run(
        Agent("calc", model=chat("tools"), tools=[add], input_guardrails=[polite]), "add"
    )
    assert answer.final_output == "the sum is 5"
    answer = await Runner.run(Agent("other", model=responses("tools"), tools=[add]), "add")
    assert answer.final_output == "the sum is 5"
    beta = Agent("beta", model=chat("handing"))
    answer = await Runner.run(Agent("alpha", model=chat("handing"), handoffs=[beta]), "go")
    assert answer.final_output == "done by beta"
    await Runner.run(Agent("bad", model=chat("failing"), tools=[boom]), "go")
    await asyncio.gather(*(Runner.run(Agent(name, model=chat("plain")), "x") for name in ("left", "right")))
    for model in (chat("plain"), responses("plain")):
        streamed = Runner.run_streamed(Agent("streamed", model=model, model_settings=counted), "x")
        async for _ in streamed.stream_events():
            pass
    try:
        await Runner.run(Agent("refused", model=chat("refusing")), "x")
    except Exception as error:
        assert "429" in str(error)


with t800.session(agent="openai-agents"):
    asyncio.run(main())
