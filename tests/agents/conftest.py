"""What takes the hooks of coding agents, and a project that records them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from t800.hosts import program


@pytest.fixture(params=["native", "python"])
def command(request: pytest.FixtureRequest) -> list[str]:
    """The program, and what stands in for it."""
    if request.param == "python":
        return [sys.executable, "-m", "t800.hook"]
    native = program.binary()
    if native is None:
        pytest.skip("t800-hook was not built")
    return [native]


@pytest.fixture
def enabled(project: Path) -> Path:
    """A project whose owner has switched recording on."""
    config = project / ".opencode" / "telemetry" / "config" / "telemetry_config.yaml"
    config.parent.mkdir(parents=True)
    config.write_text("telemetry:\n  enabled: true\n")
    return project
