"""What the tests of commands share."""

from pathlib import Path

import pytest
from tests.trace_files import make_layout

from t800.layout import Layout


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """An empty telemetry folder that commands find by themselves, and a terminal of 80 columns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("T800_DIR", str(tmp_path / "telemetry"))
    monkeypatch.setenv("COLUMNS", "80")
    return make_layout(tmp_path)
