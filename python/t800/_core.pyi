"""The Rust core: the recorder and its spans, the redactor as a filter, hashes, and the parser of JSON."""

import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Literal, Self, TypeAlias, TypeVar, final

from typing_extensions import disjoint_base

_T = TypeVar("_T")

__all__ = [
    "AgentScope",
    "Exceptions",
    "Lock",
    "PhaseScope",
    "Recorder",
    "Redactor",
    "Span",
    "Traced",
    "Words",
    "add_up",
    "build_profile",
    "document_rows",
    "environment_print",
    "event_columns",
    "expect_session",
    "fold_sessions",
    "has_memory",
    "is_live",
    "keyed_hash",
    "line_rows",
    "parse_json",
    "recover",
    "refused_rule",
    "rules",
    "run_hook",
    "schema",
    "sha256_hex",
    "shut_down",
    "spell_partial",
    "verbs",
    "version",
    "waiting",
]

build_profile: Final[str]
"""`release` or `debug`: how this module was built."""
version: Final[str]
"""The version of T-800."""
schema: Final[int]
"""The version of the trace file's format."""

@disjoint_base
class Recorder:
    """Takes the events of one session. Switched off, every call of it returns at once."""

    def __new__(cls, **options: Any) -> Self: ...
    @property
    def enabled(self) -> bool: ...
    @property
    def path(self) -> str | None: ...
    @property
    def session_id(self) -> str | None: ...
    @property
    def misuses(self) -> int: ...
    @property
    def dropped(self) -> int: ...
    def flush(self, timeout: float = 5.0) -> bool: ...
    def dump(self, timeout: float = 5.0) -> str | None:
        """Make a document of what was recorded before; its path, None where there is none or not in time.

        In flight mode this is a trigger by hand. In full mode it is `flush` with the path of the document.
        """

    def close(self, ended_ns: int | None = None) -> bool: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *args: object) -> Literal[False]: ...
    def failed(self, exception: BaseException) -> None: ...
    def count_unattributed(self) -> None: ...
    def open_calls(self) -> list[dict[str, Any]]: ...
    def context(self) -> dict[str, Any]: ...
    def lines(self) -> list[str]: ...
    @classmethod
    def current(cls) -> Recorder | None: ...
    def tool_call(self, tool: str, parameters: Any = None, /, **fields: Any) -> str | None: ...
    def llm_call(self, model: str, /, **fields: Any) -> str | None: ...
    def decision(self, decision_type: str, outcome: Any = None, /, **fields: Any) -> str | None: ...
    def error(self, error_type: str, message: str | None = None, /, **fields: Any) -> str | None: ...
    def checkpoint(self, phase_name: str, status: str | None = None, /, **fields: Any) -> str | None: ...
    def record(self, event: Mapping[str, Any], /) -> str | None: ...
    def tool(self, tool: str, parameters: Any = None, /, **fields: Any) -> Span: ...
    def llm(self, model: str | None, messages: Any = None, /, **fields: Any) -> Span: ...
    def pre_tool(self, tool: str, parameters: Any = None, /, **fields: Any) -> int | None: ...
    def pre_llm(self, model: str | None, messages: Any = None, /, **fields: Any) -> int | None: ...
    def post_tool(
        self,
        token: int | None,
        result: Any = None,
        /,
        *,
        error: BaseException | str | None = None,
        **fields: Any,
    ) -> str | None: ...
    def post_llm(
        self,
        token: int | None,
        response: Any = None,
        /,
        *,
        error: BaseException | str | None = None,
        **fields: Any,
    ) -> str | None: ...
    def phase(self, name: str, /, **fields: Any) -> PhaseScope: ...
    def agent(self, name: str, /) -> AgentScope: ...

@final
class Span:
    """A call in flight; it becomes one event when it is left."""

    @property
    def id(self) -> str | None: ...
    def result(self, value: _T) -> _T: ...
    def usage(self, **fields: Any) -> None: ...
    def update(self, **fields: Any) -> None: ...
    def first_token(self) -> None: ...
    def forget(self) -> None: ...
    def suspend(self) -> None: ...
    def resume(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *args: object) -> Literal[False]: ...
    def __aenter__(self) -> Awaitable[Self]: ...
    def __aexit__(self, *args: object) -> Awaitable[None]: ...

@final
class Traced:
    """A function each of whose calls is one tool call of the current session."""

    def __new__(
        cls,
        function: Callable[..., Any],
        name: str,
        current: Callable[[], Recorder],
        parameters: Callable[[tuple[Any, ...], dict[str, Any]], object] | None = None,
        result: bool = False,
    ) -> Self: ...
    def __call__(self, *args: Any, **keywords: Any) -> Any: ...
    def __get__(self, instance: object, owner: type | None = None, /) -> Callable[..., Any]: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: dict[int, Any], /) -> Self: ...
    def __reduce__(self) -> str: ...

@final
class PhaseScope:
    """A phase of the agent's work; leaving it writes one checkpoint."""

    def update(self, **fields: Any) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *args: object) -> Literal[False]: ...
    def __aenter__(self) -> Awaitable[Self]: ...
    def __aexit__(self, *args: object) -> Awaitable[None]: ...

@final
class AgentScope:
    """The work of a sub-agent: events inside carry its name as `agent_id`."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *args: object) -> Literal[False]: ...
    def __aenter__(self) -> Awaitable[Self]: ...
    def __aexit__(self, *args: object) -> Awaitable[None]: ...

@final
class Redactor:
    """The redactor that recording uses, for JSON text from elsewhere."""

    def __new__(cls, **options: Any) -> Self: ...
    def redact_json(self, line: bytes) -> bytes: ...
    def redact_stream(self, input: int, output: int) -> tuple[list[int], int]: ...
    def explain_stream(self, input: int, output: int) -> tuple[list[int], int]: ...

@final
class Exceptions:
    """The texts and patterns that the user allows, as the recorder reads them."""

    def __new__(cls, texts: list[str], patterns: list[str]) -> Self: ...
    def allows(self, text: str) -> bool: ...

@final
class Lock:
    """A lock file that this process holds."""

    @staticmethod
    def take(path: str) -> Lock | None:
        """Take the lock file at `path`, which is made where it is missing; None where somebody holds it."""

    def release(self) -> None: ...

@final
class Words:
    """Where any of many words stands in a text."""

    def __new__(cls, words: list[str], ignore_case: bool = False) -> Self: ...
    def hits(self, text: str) -> list[tuple[int, int]]: ...

def expect_session() -> None: ...
def verbs(current: Callable[[], Recorder], off: Recorder) -> dict[str, Callable[..., Any]]: ...
def sha256_hex(data: bytes) -> str: ...
def environment_print() -> int: ...
def keyed_hash(key: bytes, data: bytes) -> str: ...
def parse_json(data: bytes) -> Any: ...
def refused_rule(settings: bytes) -> tuple[str, str, str] | None: ...
def has_memory() -> bool:
    """Whether there is memory for what is done after a session; libraries that it needs end a process that has none."""

def is_live(private_dir: str | os.PathLike[str], stem: str) -> bool: ...
def rules() -> list[tuple[str, str, str, str, bool]]: ...
def run_hook(arguments: list[str], python: str) -> None:
    """Do what the program `t800-hook` does, where that is missing; `python` is the interpreter that makes settings."""

def shut_down() -> None:
    """End the writers that have nothing left to write and remove their rings: at exit."""

def recover(traces: str, private: str, key: bytes, show: bool, stem: str | None = None) -> dict[str, Any]:
    """Recover a telemetry folder; see `t800.recovery`."""

def waiting(traces: str, private: str, key: bytes, stem: str) -> list[tuple[bytes, bool]]:
    """What rings hold of a session and its files may not have yet: lines, and whether each is a call in flight."""

def fold_sessions(
    traces: str | os.PathLike[str], sessions: list[tuple[str, str]], from_events: bool
) -> list[tuple[str, bytes] | None]:
    """Fold sessions, each given by its only document and its id, for their days' files.

    Each gives its day and its line; None for those that need a closer look.
    """

def spell_partial(partial: bytes) -> bytes | None:
    """What a session has added to a day, in the one spelling that a day's file has; None where it is none."""

_Column: TypeAlias = tuple[bytes | None, bytes, bytes, list[str]]
"""Which rows have a value (bits), where texts begin and end, the values, the words among which values are."""
_Table: TypeAlias = tuple[int, list[_Column], bytes]
"""How many rows there are, their columns, and the document (32 bits) of each row."""

def event_columns() -> list[tuple[str, str]]:
    """The columns that events have, and what each holds: text, word, json, whole, real, flag."""

def document_rows(
    folder: str | os.PathLike[str], documents: list[tuple[str | bytes, str]]
) -> tuple[_Table, list[tuple[int, bytes, bytes] | None]]:
    """Read closed documents, each by its name or its bytes, with the day of events that do not say theirs.

    Gives the table, and of each document how many rows it has, its first line and its last line; None, and no rows, for
    one that is not as the writer leaves it. Raises `OSError` when the folder cannot be opened.
    """

def line_rows(texts: list[tuple[bytes, str]]) -> _Table:
    """Read events, one a line, that somebody has read and checked before, with the day of those that do not say theirs."""

def add_up(lines: list[bytes]) -> tuple[int, int, bytes] | None:
    """The sessions of a day: how many, how many incomplete, their summary; None where a line is no session's."""
