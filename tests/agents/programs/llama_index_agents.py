"""LlamaIndex's models, tools, retrievers and agents; with AUTO, switched on by themselves, the SDK below too."""

import asyncio
import os

import t800

if os.environ.get("AUTO"):
    t800.auto()
else:
    from t800.integrations import llama_index as integration

    integration.install()
    integration.install()
from llama_index.core import Document, MockEmbedding, VectorStoreIndex
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent
from llama_index.core.base.llms.types import LLMMetadata
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai import OpenAI


class Model(OpenAI):
    @property
    def metadata(self):
        return LLMMetadata(model_name=self.model, is_chat_model=True, is_function_calling_model=True)


def model(name, **more):
    return Model(model=name, api_base=os.environ["OPENAI_BASE_URL"], **more)


async def add(a: int, b: int) -> int:
    """Add."""
    with t800.tool("inner"):
        return a + b


def boom(x: int) -> int:
    """Fail."""
    raise ValueError(f"password={os.environ['PLANTED']}")


def agent(name, tools, called, **more):
    return FunctionAgent(
        name=called, description=called, llm=model(name), tools=tools, streaming=False, **more
    )


PROMPT = [ChatMessage("hello")]
COUNTED = {"stream_options": {"include_usage": True}}


async def asynchronous():
    await model("plain").achat(PROMPT)
    async for _ in await model("plain", additional_kwargs=COUNTED).astream_chat(PROMPT):
        pass
    assert str(await agent("tools", [add], "calc").run("add")) == "the sum is 5"
    assert str(await agent("failing", [boom], "bad").run("go")) == "it failed"
    both = await asyncio.gather(*(agent("plain", [], name).run("x") for name in ("left", "right")))
    assert [str(each) for each in both] == ["three short words"] * 2
    alpha = agent("llama", [], "alpha", can_handoff_to=["beta"])
    team = AgentWorkflow(agents=[alpha, agent("plain", [], "beta")], root_agent="alpha")
    assert str(await team.run("x")) == "three short words"

    async def read():
        async for _ in await model("hanging").astream_chat(PROMPT):
            pass

    cancelled = asyncio.create_task(read())
    await asyncio.sleep(0.5)
    cancelled.cancel()
    await asyncio.gather(cancelled, return_exceptions=True)


with t800.session(agent="llama-index"):
    model("plain").chat(PROMPT)
    list(model("plain", additional_kwargs=COUNTED).stream_chat(PROMPT))
    model("plain").complete("hello")
    index = VectorStoreIndex.from_documents([Document(text="one two")], embed_model=MockEmbedding(8))
    assert index.as_retriever().retrieve("one")
    asyncio.run(asynchronous())
    for _ in model("hanging").stream_chat(PROMPT):
        break
    try:
        model("refusing", max_retries=0).chat(PROMPT)
    except Exception as error:
        assert "429" in str(error)
