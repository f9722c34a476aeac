"""Frameworks whose own integrations are left out, whose models are called through an SDK that has one."""

import os

import t800

which, base = os.environ["WHICH"], os.environ["OPENAI_BASE_URL"]
t800.auto(exclude=["otel", which])
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
os.environ["CREWAI_DISABLE_TELEMETRY"] = os.environ["OTEL_SDK_DISABLED"] = "true"


def add(a: int, b: int) -> int:
    """Add.

    Args:
        a: a number
        b: another
    """
    return a + b


def autogen():
    import asyncio

    from autogen_agentchat.agents import AssistantAgent
    from autogen_ext.models.openai import OpenAIChatCompletionClient

    info = {
        "vision": False,
        "function_calling": True,
        "json_output": False,
        "family": "unknown",
        "structured_output": False,
    }
    client = OpenAIChatCompletionClient(model="tools", base_url=base, model_info=info)
    agent = AssistantAgent("calc", client, tools=[add], reflect_on_tool_use=True)
    return str(asyncio.run(agent.run(task="add")).messages[-1].content)


def dspy():
    import dspy

    dspy.configure(lm=dspy.LM("openai/tools", api_base=base, cache=False))
    lm = dspy.settings.lm
    lm("add")
    return str(lm("add")[0])


def smolagents():
    from smolagents import OpenAIServerModel

    model = OpenAIServerModel("tools", api_base=base)
    question = [{"role": "user", "content": [{"type": "text", "text": "add"}]}]
    model.generate(question)
    return str(model.generate(question).content)


def llama_index():
    from llama_index.core.llms import ChatMessage
    from llama_index.llms.openai import OpenAI

    class Known(OpenAI):
        @property
        def metadata(self):
            from llama_index.core.base.llms.types import LLMMetadata

            return LLMMetadata(model_name=self.model, is_chat_model=True)

    model = Known(model="tools", api_base=base)
    model.chat([ChatMessage("add")])
    return str(model.chat([ChatMessage("add")]).message.content)


def crewai():
    from crewai import LLM

    model = LLM(model="openai/tools", base_url=base)
    model.call("add")
    return str(model.call("add"))


with t800.session(agent=which):
    assert "the sum is 5" in globals()[which]()
