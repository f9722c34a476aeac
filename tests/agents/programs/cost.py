"""An agent that calls a model and a tool many times; with RECORD, recorded."""

import os

if os.environ.get("RECORD"):
    import t800

    t800.auto()
which, count = os.environ["FRAMEWORK"], int(os.environ["COUNT"])
PROMPT = [{"role": "user", "content": "What is the sum? " + "context " * 500}]


def add(a: int, b: int) -> int:
    """Add."""
    return a + b


def work():
    if which == "openai":
        import openai

        client = openai.OpenAI()
        for _ in range(count):
            client.chat.completions.create(model="plain", messages=PROMPT)
    else:
        from langchain.agents import create_agent
        from langchain_core.tools import tool
        from langchain_openai import ChatOpenAI

        agent = create_agent(ChatOpenAI(model="tools"), [tool(add)])
        for _ in range(count // 2):
            agent.invoke({"messages": [("user", PROMPT[0]["content"])]})


if os.environ.get("RECORD"):
    with t800.session(agent="cost"):
        work()
else:
    work()
