"""Google's Agent Development Kit; with AUTO, switched on by itself, what is below it too."""

import asyncio
import logging
import os
import warnings

import t800

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
if os.environ.get("AUTO"):
    t800.auto()
else:
    from t800.integrations import google_adk as integration

    integration.install()
    integration.install()
warnings.simplefilter("ignore")
logging.disable()  # it logs failed runs with their tracebacks
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

trace.set_tracer_provider(
    TracerProvider()
)  # the framework's own spans are read where its integration is not on
from google.adk.agents import LlmAgent
from google.adk.agents.run_config import RunConfig, StreamingMode
from google.adk.models import Gemini
from google.adk.models.lite_llm import LiteLlm
from google.adk.runners import InMemoryRunner
from google.genai import types


def add(a: int, b: int) -> int:
    """Add."""
    with t800.tool("inner"):
        return a + b


def boom(x: int) -> int:
    """Fail."""
    raise ValueError(f"password={os.environ['PLANTED']}")


def agent(model, name, tools=(), **more):
    asked = Gemini(model=model) if isinstance(model, str) else model
    return LlmAgent(name=name, model=asked, description=name, tools=list(tools), **more)


def openai(model):
    return LiteLlm(f"openai/{model}", api_base=os.environ["OPENAI_BASE_URL"])


async def ask(asked, *, streaming=False):
    runner = InMemoryRunner(agent=asked, app_name="app")
    session = await runner.session_service.create_session(app_name="app", user_id="u")
    mode = StreamingMode.SSE if streaming else StreamingMode.NONE
    said = []
    async for event in runner.run_async(
        user_id="u",
        session_id=session.id,
        new_message=types.Content(role="user", parts=[types.Part(text="go")]),
        run_config=RunConfig(streaming_mode=mode),
    ):
        if event.content and event.content.parts and not event.partial:
            said += [part.text for part in event.content.parts if part.text]
    return said[-1] if said else None


async def main():
    assert await ask(agent("tools", "native", [add])) == "the sum is 5"
    assert await ask(agent("tools", "streamed", [add]), streaming=True) == "the sum is 5"
    assert await ask(agent(openai("tools"), "calc", [add])) == "the sum is 5"
    assert await ask(agent(openai("tools"), "counted", [add]), streaming=True) == "the sum is 5"
    try:
        await ask(agent("failing", "bad", [boom]))
    except ValueError:
        pass
    both = await asyncio.gather(*(ask(agent("plain", name)) for name in ("left", "right")))
    assert both == ["three short words"] * 2
    beta = agent("plain", "beta")
    assert await ask(agent("moving", "alpha", sub_agents=[beta])) == "three short words"
    try:
        await ask(agent("refusing", "refused"))
    except Exception as error:
        assert "429" in str(error)


with t800.session(agent="google-adk"):
    asyncio.run(main())
