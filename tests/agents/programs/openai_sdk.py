"""Everything that the openai SDK offers: sync, async, streams, both APIs, failures."""

import asyncio
import gc
import os

import t800
from t800.integrations import openai as integration

integration.install()
integration.install()
import openai

PROMPT = [{"role": "user", "content": f"my key is {os.environ['OPENAI_API_KEY']}"}]
COUNTED = {"include_usage": True}


def chat(client, model="plain", **more):
    return client.chat.completions.create(model=model, messages=PROMPT, **more)


def sync(client):
    with t800.tool("outer"):
        assert chat(client).choices[0].message.content == "three short words"
    stream = chat(client, stream=True, stream_options=COUNTED)
    assert isinstance(stream, openai.Stream)
    assert (
        "".join(part.choices[0].delta.content or "" for part in stream if part.choices) == "three short words"
    )
    list(chat(client, stream=True))
    client.responses.create(model="plain", input=PROMPT, instructions="be brief")
    list(client.responses.create(model="plain", input=PROMPT, stream=True))
    with client.chat.completions.stream(model="plain", messages=PROMPT, stream_options=COUNTED) as stream:
        list(stream)
    assert client.chat.completions.with_raw_response.create(model="plain", messages=PROMPT).parse().id
    chat(client, "tools")
    chat(client, "busy")
    try:
        chat(client.with_options(max_retries=0), "refusing")
    except openai.RateLimitError:
        pass
    dropped = chat(client, "hanging", stream=True)
    next(iter(dropped))
    del dropped
    gc.collect()


async def read(client, model, **more):
    async for _ in await chat(client, model, stream=True, **more):
        pass


async def asynchronous(client):
    await asyncio.gather(chat(client), read(client, "plain", stream_options=COUNTED))
    async for _ in await client.responses.create(model="plain", input=PROMPT, stream=True):
        pass
    closed = await chat(client, "hanging", stream=True)
    async for _ in closed:
        break
    await closed.close()
    cancelled = asyncio.create_task(read(client, "hanging"))
    await asyncio.sleep(0.5)
    cancelled.cancel()
    await asyncio.gather(cancelled, return_exceptions=True)


with t800.session(agent="openai-sdk"):
    sync(openai.OpenAI())
    asyncio.run(asynchronous(openai.AsyncOpenAI()))
    integration.uninstall()
    assert not hasattr(openai.OpenAI.post, "__wrapped__")
