"""What T-800 raises outside recording. Recording itself never raises into the agent.

TraceError
├── ConfigError (also ValueError)        a setting is wrong: which file, line and key, and what to do
│   └── RuleError                        a redaction rule of the user is wrong
├── TraceFileError                       a file or folder of traces cannot be used
│   ├── CorruptTraceError                a trace file is damaged or not ours
│   └── SessionNotFoundError             no session has that name
├── ExportError                          an exporter could not finish
├── QueryError (also ValueError)         SQL is wrong, or asks for more than the traces
├── ImportFileError                      a file cannot be imported
└── MissingExtraError (also ImportError) an optional part is not installed
"""

__all__ = [
    "ConfigError",
    "CorruptTraceError",
    "ExportError",
    "ImportFileError",
    "MissingExtraError",
    "QueryError",
    "RuleError",
    "SessionNotFoundError",
    "TraceError",
    "TraceFileError",
]


class TraceError(Exception):
    """The base of every error that T-800 raises.

    `problem` says what was wrong; `file`, `line` (from 1) and `key` say where; `hint` says what to do. Its
    text is all of them in one line: `FILE:LINE: KEY: PROBLEM. HINT`.
    """

    def __init__(
        self,
        problem: str,
        *,
        file: str | None = None,
        line: int | None = None,
        key: str | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.file = file
        self.line = line
        self.key = key
        self.hint = hint

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file or 'line'}:{self.line}"
        text = ": ".join(part for part in (place, self.key, self.problem) if part)
        return f"{text.rstrip('.')}. {self.hint}" if self.hint else text


class ConfigError(TraceError, ValueError):
    """A setting is wrong; telemetry stays off.

    `file` is the YAML file or the name of the environment variable, `key` the dotted key, `hint` the nearest
    valid key or the values that are allowed.
    """


class RuleError(ConfigError):
    """A redaction rule in the configuration cannot be used."""


class TraceFileError(TraceError):
    """A file or folder of traces cannot be read or written."""


class CorruptTraceError(TraceFileError):
    """A trace file is damaged beyond reading, or is not a trace file."""


class SessionNotFoundError(TraceFileError):
    """No session has the given name; `hint` names the nearest one."""


class ExportError(TraceError):
    """An exporter could not write its output."""


class QueryError(TraceError, ValueError):
    """SQL that cannot be run: what is wrong with it, or what it must not do."""


class ImportFileError(TraceError):
    """A file cannot be imported: it cannot be read, is of no known format, or recording is switched off."""


class MissingExtraError(TraceError, ImportError):
    """An optional part is needed and not installed; `extra` is what to install."""

    def __init__(self, extra: str, *, module: str | None = None) -> None:
        needed = f" ({module})" if module else ""
        hint = f"Install it: pip install 't800[{extra}]'"
        super().__init__(f"needs the optional part {extra!r}{needed}", hint=hint)
        self.extra = extra
