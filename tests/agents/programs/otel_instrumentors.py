"""The openai SDK under an instrumentor of OpenInference or OpenLLMetry, or under logfire."""

import os

import t800
from t800.integrations import otel

if os.environ.get("SDK"):
    from t800.integrations import openai as integration

    integration.install()
otel.install()
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

which = os.environ["INSTRUMENTOR"]
if which == "logfire":
    import logfire

    logfire.configure(send_to_logfire=False, console=False)
    logfire.instrument_openai()
else:
    trace.set_tracer_provider(TracerProvider())
    if which == "openinference":
        from openinference.instrumentation.openai import OpenAIInstrumentor
    else:
        from opentelemetry.instrumentation.openai import OpenAIInstrumentor
    OpenAIInstrumentor().instrument()
import openai

PROMPT = [{"role": "user", "content": "hello"}]
with t800.session(agent=which):
    client = openai.OpenAI(max_retries=0)
    client.chat.completions.create(model="plain", messages=PROMPT)
    list(
        client.chat.completions.create(
            model="plain", messages=PROMPT, stream=True, stream_options={"include_usage": True}
        )
    )
    client.responses.create(model="plain", input="hello")
    try:
        client.chat.completions.create(model="refusing", messages=PROMPT)
    except openai.RateLimitError:
        pass
