"""LiteLLM over two providers, sync, async and streamed, and its router; switched on by themselves."""

import asyncio
import os

import t800

t800.auto(exclude=["otel"])
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
import litellm

PROMPT = {"messages": [{"role": "user", "content": "hello"}], "api_base": os.environ["OPENAI_BASE_URL"]}
COUNTED = {"stream": True, "stream_options": {"include_usage": True}}


async def read(model, **more):
    async for _ in await litellm.acompletion(model=model, **more, **PROMPT):
        pass


async def asynchronous():
    await asyncio.gather(litellm.acompletion(model="openai/plain", **PROMPT), read("openai/plain", **COUNTED))
    cancelled = asyncio.create_task(read("openai/hanging", stream=True))
    await asyncio.sleep(0.5)
    cancelled.cancel()
    await asyncio.gather(cancelled, return_exceptions=True)


with t800.session(agent="litellm"):
    litellm.completion(model="openai/plain", **PROMPT)
    list(litellm.completion(model="openai/plain", **COUNTED, **PROMPT))
    claude = {**PROMPT, "api_base": os.environ["ANTHROPIC_BASE_URL"], "max_tokens": 10}
    litellm.completion(model="anthropic/plain", **claude)
    litellm.completion(model="openai/busy", num_retries=3, **PROMPT)
    try:
        litellm.completion(model="openai/refusing", max_retries=0, num_retries=0, **PROMPT)
    except Exception as error:
        assert "429" in str(error) or "no:" in str(error)
    asyncio.run(asynchronous())
    entry = {"model": "openai/plain", "api_base": os.environ["OPENAI_BASE_URL"]}
    router = litellm.Router(model_list=[{"model_name": "any", "litellm_params": entry}])
    router.completion(model="any", messages=PROMPT["messages"])
