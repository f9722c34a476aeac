"""smolagents: models, agents that call tools and agents that write code; with AUTO, switched on by themselves."""

import contextvars
import os
import threading

import t800

if os.environ.get("AUTO"):
    t800.auto()
else:
    from t800.integrations import smolagents as integration

    integration.install()
    integration.install()
from smolagents import CodeAgent, OpenAIServerModel, ToolCallingAgent, tool
from smolagents.monitoring import LogLevel

PROMPT = [{"role": "user", "content": [{"type": "text", "text": "hello"}]}]


class Derived(OpenAIServerModel):
    """A model of a program's own, which asks the one it is derived from."""

    def generate(self, *args, **kwargs):
        return super().generate(*args, **kwargs)


@tool
def add(a: int, b: int) -> int:
    """Add.

    Args:
        a: a number
        b: another
    """
    with t800.tool("inner"):
        return a + b


@tool
def boom(x: int) -> int:
    """Fail.

    Args:
        x: a number
    """
    raise ValueError(f"password={os.environ['PLANTED']}")


def model(name, kind=OpenAIServerModel, **more):
    return kind(name, api_base=os.environ["OPENAI_BASE_URL"], **more)


def agent(kind, name, used, called=None, **more):
    return kind(tools=used, model=model(name), name=called, max_steps=3, verbosity_level=LogLevel.OFF, **more)


with t800.session(agent="smolagents"):
    assert model("plain", Derived).generate(PROMPT).content == "three short words"
    assert len(list(model("plain").generate_stream(PROMPT))) > 3
    assert agent(ToolCallingAgent, "calling", [add], "calc").run("add") == "5"
    steps = list(
        agent(ToolCallingAgent, "calling", [add], "streamed", stream_outputs=True).run("add", stream=True)
    )
    assert steps[-1].output == "5"
    assert agent(CodeAgent, "coding", [add], "coder").run("add") == 5
    agent(ToolCallingAgent, "bad", [boom], "bad").run("go")

    def run(name):
        assert agent(ToolCallingAgent, name, [add], name).run("x") == name

    threads = [
        threading.Thread(target=contextvars.copy_context().run, args=(run, name))
        for name in ("left", "right")
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    helper = agent(ToolCallingAgent, "helping", [], "helper", description="helps")
    boss = agent(ToolCallingAgent, "leading", [], "boss", managed_agents=[helper])
    assert boss.run("x") == "done"
    for _ in model("hanging").generate_stream(PROMPT):
        break
    try:
        model("refusing", client_kwargs={"max_retries": 0}, retry=False).generate(PROMPT)
    except Exception as error:
        assert "429" in str(error)
