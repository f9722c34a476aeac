"""The aggregates, each of them once: plain SQL that runs unchanged on DuckDB and on Spark.

They read `events` and `documents`, and one another by name; a text is what the view of its file's name shows.
"""

from __future__ import annotations

import os

__all__ = ["EVENTS", "VIEWS", "text"]

EVENTS = "*, try_cast(timestamp AS TIMESTAMP) AS time"
"""What the view `events` has of the rows of traces."""

VIEWS = (
    "tools",
    "models",
    "errors",
    "sessions",
    "daily_sessions",
    "daily",
    "daily_types",
    "daily_tools",
    "daily_models",
    "daily_errors",
)
"""The views, each behind those that it reads."""


def text(view: str) -> str:
    """The text of a view."""
    with open(os.path.join(os.path.dirname(__file__), f"{view}.sql"), encoding="utf-8") as file:
        return file.read()
