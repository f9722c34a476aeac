"""Sessions side by side, in tasks and in threads, each with an agent of its own that streams and uses tools."""

import asyncio
import threading

import t800

t800.auto(exclude=["otel"])
import openai

PROMPT = [{"role": "user", "content": "hello"}]
COUNTED = {"stream": True, "stream_options": {"include_usage": True}}


async def task(name, calls, both):
    with t800.session(agent=name):
        client = openai.AsyncOpenAI()
        await both.wait()
        for _ in range(calls):
            with t800.tool(name):
                async for _ in await client.chat.completions.create(
                    model="plain", messages=PROMPT, **COUNTED
                ):
                    await asyncio.sleep(0)


async def tasks():
    both = asyncio.Barrier(2)
    await asyncio.gather(task("left task", 2, both), task("right task", 3, both))


def thread(name, calls, both):
    with t800.session(agent=name):
        client = openai.OpenAI()
        both.wait(60)
        for _ in range(calls):
            with t800.tool(name):
                list(client.chat.completions.create(model="plain", messages=PROMPT, **COUNTED))


asyncio.run(tasks())
both = threading.Barrier(2)
threads = [
    threading.Thread(target=thread, args=(name, calls, both)) for name, calls in (("left", 4), ("right", 5))
]
for each in threads:
    each.start()
for each in threads:
    each.join()
