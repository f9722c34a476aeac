"""DSPy's models, tools and programs; with AUTO, switched on by themselves, what is below them too."""

import asyncio
import os

import t800

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
if os.environ.get("AUTO"):
    t800.auto()
else:
    from t800.integrations import dspy as integration

    integration.install()
    integration.install()
import dspy


def add(a: int, b: int) -> int:
    """Add."""
    with t800.tool("inner"):
        return a + b


def boom(x: int) -> int:
    """Fail."""
    raise ValueError(f"password={os.environ['PLANTED']}")


def model(name, **more):
    return dspy.LM(f"openai/{name}", api_base=os.environ["OPENAI_BASE_URL"], cache=False, **more)


async def asynchronous():
    await model("plain").acall("hello")
    program = dspy.Predict("question -> answer")
    with dspy.context(lm=model("answering")):
        both = await asyncio.gather(*(program.acall(question=str(number)) for number in range(2)))
    assert [each.answer for each in both] == ["five"] * 2


with t800.session(agent="dspy"):
    dspy.configure(lm=model("answering"), callbacks=[])
    assert model("plain")("hello") == ["three short words"]
    assert dspy.Predict("question -> answer")(question="x").answer == "five"
    with dspy.context(lm=model("reacting")):
        assert dspy.ReAct("question -> answer", tools=[add])(question="2+3").answer == "five"
    try:
        dspy.Tool(boom)(x=1)
    except ValueError:
        pass
    asyncio.run(asynchronous())
    program = dspy.Predict("question -> answer")
    pairs = [(program, dspy.Example(question=str(number)).with_inputs("question")) for number in range(3)]
    assert [each.answer for each in dspy.Parallel(num_threads=3, disable_progress_bar=True)(pairs)] == [
        "five"
    ] * 3
    cached = dspy.LM("openai/plain", api_base=os.environ["OPENAI_BASE_URL"], cache=True)
    assert cached("again") == cached("again")
    try:
        model("refusing", num_retries=0)("x")
    except Exception as error:
        assert "429" in str(error)
