"""A flight recorder for AI agents: every tool call, LLM call, decision and error in a local, redacted JSON trace.

>>> import t800
>>> with t800.session(agent="my-agent") as trace:
...     with trace.tool("read", {"file_path": "src/auth.ts"}) as call:
...         text = call.result("…")
"""

from t800._core import Recorder
from t800._core import build_profile as _build_profile
from t800._core import version as __version__
from t800._query import query
from t800.errors import (
    ConfigError,
    CorruptTraceError,
    ExportError,
    MissingExtraError,
    QueryError,
    RuleError,
    SessionNotFoundError,
    TraceError,
    TraceFileError,
)
from t800.session import (
    Session,
    agent,
    auto,
    checkpoint,
    current,
    decision,
    error,
    llm,
    llm_call,
    phase,
    post_llm,
    post_tool,
    pre_llm,
    pre_tool,
    record,
    session,
    tool,
    tool_call,
)
from t800.traced import traced

__all__ = [
    "ConfigError",
    "CorruptTraceError",
    "ExportError",
    "MissingExtraError",
    "QueryError",
    "Recorder",
    "RuleError",
    "Session",
    "SessionNotFoundError",
    "TraceError",
    "TraceFileError",
    "__version__",
    "agent",
    "auto",
    "checkpoint",
    "current",
    "decision",
    "error",
    "llm",
    "llm_call",
    "phase",
    "post_llm",
    "post_tool",
    "pre_llm",
    "pre_tool",
    "query",
    "record",
    "session",
    "tool",
    "tool_call",
    "traced",
]

if _build_profile == "debug":
    import warnings

    warnings.warn(
        "t800 is a debug build: ten times slower; build it with --release", RuntimeWarning, stacklevel=2
    )
