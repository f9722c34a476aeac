"""What tests of values share: a recorded value as it stands in its event."""

from __future__ import annotations

import json
from typing import Any

import pytest

from t800.testing import Capture

SECRET = "ghp_" + "a1B2c3D4e5" * 3 + "f6G7h8"
SCANNED = {"telemetry.privacy.redact_content": False, "file_paths.redact_content": False}


def stored(trace: Capture, value: object) -> Any:
    """`value` as it stands in the event; strict JSON or it fails."""
    assert trace.tool_call("t", {"v": value}) is not None
    line = trace.lines()[-1]
    event = json.loads(line, parse_constant=lambda text: pytest.fail(f"{text} in {line}"))
    line.encode("utf-8", "strict")
    assert "\n" not in line
    return event["parameters_redacted"]["v"]
