"""What the anthropic SDK offers: sync, async, streams of both kinds, failures."""

import asyncio
import os

import t800
from t800.integrations import anthropic as integration

integration.install()
import anthropic

PROMPT = {
    "messages": [{"role": "user", "content": f"my key is {os.environ['ANTHROPIC_API_KEY']}"}],
    "max_tokens": 100,
    "system": "be brief",
}


def sync(client):
    client.messages.create(model="plain", **PROMPT)
    list(client.messages.create(model="plain", stream=True, **PROMPT))
    with client.messages.stream(model="plain", **PROMPT) as stream:
        assert stream.get_final_message().usage.output_tokens == 31
    client.beta.messages.create(model="plain", **PROMPT)
    client.messages.create(model="tools", **PROMPT)
    client.messages.create(model="busy", **PROMPT)
    try:
        client.with_options(max_retries=0).messages.create(model="refusing", **PROMPT)
    except anthropic.RateLimitError:
        pass
    with client.messages.stream(model="hanging", **PROMPT) as stream:
        next(iter(stream))


async def read(client, model):
    async for _ in await client.messages.create(model=model, stream=True, **PROMPT):
        pass


async def asynchronous(client):
    await asyncio.gather(client.messages.create(model="plain", **PROMPT), read(client, "plain"))
    async with client.messages.stream(model="plain", **PROMPT) as stream:
        await stream.get_final_message()
    cancelled = asyncio.create_task(read(client, "hanging"))
    await asyncio.sleep(0.5)
    cancelled.cancel()
    await asyncio.gather(cancelled, return_exceptions=True)


with t800.session(agent="anthropic-sdk"):
    sync(anthropic.Anthropic())
    asyncio.run(asynchronous(anthropic.AsyncAnthropic()))
