"""What a span says of a model, an agent or a tool: the GenAI conventions, OpenInference, OpenLLMetry, the AI SDK."""

from __future__ import annotations

from t800.integrations._calls import first, text, tokens

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from t800.integrations._calls import Fields

    Attributes = Mapping[str, Any]

OPERATIONS = {
    "chat": "llm",
    "generate_content": "llm",
    "text_completion": "llm",
    "completion": "llm",
    "embeddings": "llm",
    "responses": "llm",
    "create_agent": "agent",
    "invoke_agent": "agent",
    "execute_tool": "tool",
}
"""`gen_ai.operation.name`."""
KINDS = {
    "LLM": "llm",
    "EMBEDDING": "llm",
    "TOOL": "tool",
    "RETRIEVER": "tool",
    "AGENT": "agent",
    "GUARDRAIL": "guardrail",
}
"""`openinference.span.kind`."""
AI_SDK = {
    "ai.generateText.doGenerate": "llm",
    "ai.streamText.doStream": "llm",
    "ai.generateObject.doGenerate": "llm",
    "ai.streamObject.doStream": "llm",
    "ai.embed.doEmbed": "llm",
    "ai.embedMany.doEmbed": "llm",
    "ai.toolCall": "tool",
}
"""`ai.operationId`; the outer operations add up the inner ones and are left out."""
TRACELOOP = {"tool": "tool", "agent": "agent"}
"""`traceloop.span.kind`."""

PROMPT = (
    "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt", "llm.usage.prompt_tokens",
    "ai.usage.inputTokens", "ai.usage.promptTokens",
)  # fmt: skip
COMPLETION = (
    "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion",
    "llm.usage.completion_tokens", "ai.usage.outputTokens", "ai.usage.completionTokens",
)  # fmt: skip
CACHED = (
    "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens",
    "gen_ai.usage.details.cache_read_tokens", "gen_ai.usage.details.cached_tokens",
    "llm.token_count.prompt_details.cache_read", "llm.usage.cache_read_input_tokens", "ai.usage.cachedInputTokens",
    "ai.usage.inputTokenDetails.cacheReadTokens",
)  # fmt: skip
WRITTEN = (
    "gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_creation_input_tokens",
    "gen_ai.usage.cache_write.input_tokens", "gen_ai.usage.details.cache_write_tokens",
    "gen_ai.usage.details.cache_creation_input_tokens", "llm.token_count.prompt_details.cache_write",
    "llm.usage.cache_creation_input_tokens", "ai.usage.inputTokenDetails.cacheWriteTokens",
)  # fmt: skip
REASONING = (
    "gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens", "gen_ai.usage.details.reasoning_tokens",
    "llm.token_count.completion_details.reasoning", "llm.usage.reasoning_tokens", "ai.usage.reasoningTokens",
    "ai.usage.outputTokenDetails.reasoningTokens",
)  # fmt: skip


def kind_of(attributes: Attributes) -> str | None:
    """`llm`, `tool`, `agent` or `guardrail`; None for a span that is none of them."""
    operation = attributes.get("gen_ai.operation.name")
    if attributes.get("logfire.span_type", "span") != "span":
        operation = "log"  # a line of a log that is written as a span
    if operation is not None:
        return OPERATIONS.get(str(operation))
    kind = attributes.get("openinference.span.kind")
    if kind is not None:
        return KINDS.get(str(kind).upper())
    operation = attributes.get("ai.operationId")
    if operation is not None:
        return AI_SDK.get(str(operation))
    kind = attributes.get("traceloop.span.kind")
    if kind is not None:
        return TRACELOOP.get(str(kind))
    return _kind_by_what_else_it_says(attributes)


def _kind_by_what_else_it_says(attributes: Attributes) -> str | None:
    if attributes.get("llm.request.type") is not None or "gen_ai.request.model" in attributes:
        return "llm"
    return "tool" if "gen_ai.tool.name" in attributes else None


def _text(attributes: Attributes, *names: str) -> str | None:
    return next((found for name in names if (found := text(attributes.get(name)))), None)


def request_fields(attributes: Attributes) -> Fields:
    """What is known of a request: model, provider, messages."""
    said = {
        "model": model_of(attributes),
        "provider": provider_of(attributes),
        "messages": messages_of(attributes),
    }
    return {name: value for name, value in said.items() if value is not None}


def milliseconds(span: Any) -> float | None:
    """How long a span took; some are made when all is over, with the time it began."""
    if span.start_time is None or span.end_time is None:
        return None
    taken: float = (span.end_time - span.start_time) / 1e6
    return max(0.0, taken)


def model_of(attributes: Attributes) -> str | None:
    """The model that was asked for, or that has answered."""
    return _text(
        attributes,
        "gen_ai.request.model",
        "llm.model_name",
        "embedding.model_name",
        "ai.model.id",
        "gen_ai.response.model",
    )


def provider_of(attributes: Attributes) -> str | None:
    """Who serves it."""
    named = _text(
        attributes, "gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system", "ai.model.provider"
    )
    return named.lower() if named else None


def agent_of(attributes: Attributes) -> str | None:
    """The agent's name."""
    return _text(
        attributes,
        "gen_ai.agent.name",
        "agent.name",
        "agent_name",
        "gen_ai.agent.id",
        "traceloop.entity.name",
    )


def tool_of(name: str, attributes: Attributes) -> str:
    """The tool's name; the span's, where nothing says it."""
    known = _text(attributes, "gen_ai.tool.name", "tool.name", "ai.toolCall.name", "traceloop.entity.name")
    return known or name.removeprefix("execute_tool ").removesuffix(".tool")


def arguments_of(attributes: Attributes) -> Any:
    """What the tool was called with."""
    return parsed(
        _text(
            attributes,
            "gen_ai.tool.call.arguments",
            "tool_arguments",
            "ai.toolCall.args",
            "input.value",
            "traceloop.entity.input",
        )
    )


def result_of(attributes: Attributes) -> Any:
    """What it gave back."""
    return parsed(
        _text(
            attributes,
            "gen_ai.tool.call.result",
            "tool_response",
            "ai.toolCall.result",
            "output.value",
            "traceloop.entity.output",
        )
    )


def messages_of(attributes: Attributes) -> Any:
    """The prompt, where the framework writes it into its spans."""
    return parsed(_text(attributes, "gen_ai.input.messages", "ai.prompt.messages", "input.value"))


def answer_of(attributes: Attributes) -> Any:
    """The answer, likewise."""
    return parsed(_text(attributes, "gen_ai.output.messages", "ai.response.text", "output.value"))


def parsed(value: str | None) -> Any:
    """JSON as what it means, so that keys decide what is sensitive; any other text as it is."""
    if value is None or value[:1] not in {"{", "["}:
        return value
    from t800._core import parse_json

    try:
        return parse_json(value.encode())
    except ValueError:
        return value


def llm_fields(attributes: Attributes) -> Fields:
    """Tokens, the answer's id, the time to the first token."""
    counted = (
        first(*map(attributes.get, names)) for names in (PROMPT, COMPLETION, CACHED, WRITTEN, REASONING)
    )
    response = _text(attributes, "gen_ai.response.id", "llm.response.id", "ai.response.id")
    milliseconds = attributes.get("ai.response.msToFirstChunk")
    seconds = attributes.get("gen_ai.response.time_to_first_chunk")
    if isinstance(seconds, (int, float)):
        milliseconds = seconds * 1e3
    return {
        **tokens(*counted),
        "source_id": response,
        "ttft_ms": milliseconds if isinstance(milliseconds, (int, float)) else None,
        "cost_usd": _cost(attributes),
    }


def _cost(attributes: Attributes) -> float | None:
    """What the framework itself says that it cost."""
    cost = attributes.get("operation.cost", attributes.get("gen_ai.usage.cost"))
    return float(cost) if isinstance(cost, (int, float)) and cost >= 0 else None
