"""One agent of a framework that adds two numbers with a tool: what the pages show of it."""

import asyncio
import os
import warnings

import t800

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = os.environ["CREWAI_DISABLE_TELEMETRY"] = "True"
os.environ["CREWAI_TRACING_ENABLED"], os.environ["OTEL_SDK_DISABLED"] = "false", "true"
which, base = os.environ["WHICH"], os.environ["OPENAI_BASE_URL"]
t800.auto(exclude=["otel"])
warnings.simplefilter("ignore")


def add(a: int, b: int) -> int:
    """Add.

    Args:
        a: a number
        b: another
    """
    return a + b


def autogen():
    from autogen_agentchat.agents import AssistantAgent
    from autogen_ext.models.openai import OpenAIChatCompletionClient

    info = dict.fromkeys(("vision", "json_output", "structured_output"), False)
    info |= {"function_calling": True, "family": "unknown"}
    client = OpenAIChatCompletionClient(model="gpt-4o", base_url=base, model_info=info)
    agent = AssistantAgent("calculator", client, tools=[add], reflect_on_tool_use=True)
    asyncio.run(agent.run(task="2 + 3"))


def crewai():
    from crewai import LLM, Agent, Crew, Task
    from crewai.tools import tool

    model = LLM(model="openai/gpt-4o", base_url=base)
    agent = Agent(role="calculator", goal="add", backstory="", llm=model, tools=[tool("add")(add)])
    task = Task(description="2 + 3", expected_output="a number", agent=agent)
    Crew(name="office", agents=[agent], tasks=[task]).kickoff()


def dspy():
    import dspy

    dspy.configure(lm=dspy.LM("openai/gpt-4o-mini", api_base=base, cache=False))
    dspy.ReAct("question -> answer", tools=[add])(question="2 + 3")


def google_adk():
    from google.adk.agents import LlmAgent
    from google.adk.models import Gemini
    from google.adk.runners import InMemoryRunner
    from google.genai import types

    async def main():
        agent = LlmAgent(name="calculator", model=Gemini(model="gemini-2.5-flash"), tools=[add])
        runner = InMemoryRunner(agent=agent, app_name="app")
        session = await runner.session_service.create_session(app_name="app", user_id="u")
        asked = types.Content(role="user", parts=[types.Part(text="2 + 3")])
        async for _ in runner.run_async(user_id="u", session_id=session.id, new_message=asked):
            pass

    asyncio.run(main())


def langchain():
    from langchain.agents import create_agent
    from langchain_openai import ChatOpenAI

    agent = create_agent(ChatOpenAI(model="gpt-4o"), [add], name="calculator")
    agent.invoke({"messages": [("user", "2 + 3")]})


def llama_index():
    from llama_index.core.agent.workflow import FunctionAgent
    from llama_index.llms.openai import OpenAI

    model = OpenAI(model="gpt-4o", api_base=base)
    agent = FunctionAgent(name="calculator", llm=model, tools=[add], streaming=False)

    async def main():
        await agent.run("2 + 3")

    asyncio.run(main())


def openai_agents():
    from agents import Agent, OpenAIChatCompletionsModel, Runner, function_tool, set_tracing_export_api_key
    from openai import AsyncOpenAI

    set_tracing_export_api_key("")
    model = OpenAIChatCompletionsModel("gpt-4o", AsyncOpenAI())
    Runner.run_sync(Agent("calculator", model=model, tools=[function_tool(add)]), "2 + 3")


def smolagents():
    from smolagents import OpenAIServerModel, ToolCallingAgent, tool
    from smolagents.monitoring import LogLevel

    model = OpenAIServerModel("gpt-4o", api_base=base)
    agent = ToolCallingAgent(tools=[tool(add)], model=model, name="calculator", verbosity_level=LogLevel.OFF)
    agent.run("2 + 3")


with t800.session(agent=which, session_id=which):
    globals()[which]()
