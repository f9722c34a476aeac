"""What others do with an event: each rival writes the same mapping as a line of JSON into a file.

Rivals that are not installed are left out; `pip install -e ".[bench]"` installs them all. Each is set up as its
documentation recommends for JSON in a file, and none sends anything anywhere.
"""

from __future__ import annotations

import importlib.util
import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from typing import TypeAlias

    Write: TypeAlias = Callable[[Mapping[str, Any]], object]
    Opened: TypeAlias = tuple[Write, Callable[[], object]]

__all__ = ["RIVALS", "Rival", "lines_of"]


class Rival(NamedTuple):
    """A way to write an event."""

    open: Callable[[str], AbstractContextManager[Opened]]
    """Takes a path; gives the call that writes an event, and one that waits for what is written beside it."""
    needs: str | None = None
    """The module that has to be installed."""
    keeps_all: bool = True
    """Whether it keeps every event of a caller that does not pause."""

    @property
    def installed(self) -> bool:
        return self.needs is None or importlib.util.find_spec(self.needs.partition(".")[0]) is not None


def lines_of(path: str) -> list[dict[str, Any]]:
    """What a rival has written, parsed: a line that is no JSON raises."""
    with open(path, "rb") as file:
        return [orjson.loads(line) for line in file]


def _nothing() -> None:
    """Nothing is written beside the call."""


@contextmanager
def _orjson_buffered(path: str) -> Iterator[Opened]:
    dumps, newline = orjson.dumps, orjson.OPT_APPEND_NEWLINE
    with open(path, "wb") as file:
        yield lambda event: file.write(dumps(event, option=newline)), _nothing


@contextmanager
def _orjson_unbuffered(path: str) -> Iterator[Opened]:
    dumps, newline, write = orjson.dumps, orjson.OPT_APPEND_NEWLINE, os.write
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        yield lambda event: write(file, dumps(event, option=newline)), _nothing
    finally:
        os.close(file)


@contextmanager
def _msgspec(path: str) -> Iterator[Opened]:
    import msgspec

    encode = msgspec.json.Encoder().encode
    with open(path, "wb") as file:
        yield lambda event: file.write(encode(event) + b"\n"), _nothing


@contextmanager
def _structlog(path: str) -> Iterator[Opened]:
    import structlog

    with open(path, "ab") as file:
        logger = structlog.wrap_logger(
            structlog.BytesLogger(file),
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.JSONRenderer(serializer=orjson.dumps),
            ],
        ).bind()
        yield lambda event: logger.info("event", **event), _nothing


@contextmanager
def _logging(path: str) -> Iterator[Opened]:
    import logging

    class Lines(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            return json.dumps({"time": self.formatTime(record), "event": vars(record)["event"]})

    logger, file = logging.getLogger("t800.bench"), logging.FileHandler(path)
    logger.propagate = False
    logger.setLevel(logging.INFO)
    file.setFormatter(Lines())
    logger.addHandler(file)
    try:
        yield lambda event: logger.info("event", extra={"event": event}), _nothing
    finally:
        logger.removeHandler(file)
        file.close()


@contextmanager
def _loguru(path: str) -> Iterator[Opened]:
    from loguru import logger

    logger.remove()
    number = logger.add(path, serialize=True)
    try:
        yield lambda event: logger.bind(**event).info("event"), _nothing
    finally:
        logger.remove(number)


@contextmanager
def _otel(path: str, *, batch: bool) -> Iterator[Opened]:
    from opentelemetry.sdk import trace
    from opentelemetry.sdk.trace import export

    with open(path, "w", encoding="utf-8") as file:
        to_file = export.ConsoleSpanExporter(
            out=file, formatter=lambda span: span.to_json(indent=None) + "\n"
        )
        processor = export.BatchSpanProcessor(to_file) if batch else export.SimpleSpanProcessor(to_file)
        provider = trace.TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(processor)
        tracer = provider.get_tracer("bench")

        def write(event: Mapping[str, Any]) -> None:
            # An attribute is a plain value: anything else goes in as JSON.
            plain = {
                name: value if isinstance(value, str | int | float) else json.dumps(value)
                for name, value in event.items()
            }
            with tracer.start_as_current_span(event["type"], attributes=plain):
                pass

        yield write, provider.force_flush
        provider.shutdown()


@contextmanager
def _logfire(path: str) -> Iterator[Opened]:
    import logfire
    from opentelemetry.sdk.trace import export

    with open(path, "w", encoding="utf-8") as file:
        to_file = export.ConsoleSpanExporter(
            out=file, formatter=lambda span: span.to_json(indent=None) + "\n"
        )
        local = logfire.configure(
            local=True,
            send_to_logfire=False,
            console=False,
            metrics=False,
            inspect_arguments=False,
            additional_span_processors=[export.BatchSpanProcessor(to_file)],
        )
        yield lambda event: local.info("event", **event), local.force_flush
        local.shutdown()


RIVALS: dict[str, Rival] = {
    "orjson, buffered file": Rival(_orjson_buffered),
    "orjson, write(2) each": Rival(_orjson_unbuffered),
    "msgspec, buffered file": Rival(_msgspec, "msgspec"),
    "structlog + orjson": Rival(_structlog, "structlog"),
    "logging, JSON": Rival(_logging),
    "loguru, JSON": Rival(_loguru, "loguru"),
    "OpenTelemetry, batch": Rival(lambda path: _otel(path, batch=True), "opentelemetry.sdk", keeps_all=False),
    "OpenTelemetry, simple": Rival(lambda path: _otel(path, batch=False), "opentelemetry.sdk"),
    "logfire": Rival(_logfire, "logfire", keeps_all=False),
}
