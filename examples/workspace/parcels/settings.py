"""Settings from `.env`; the environment wins."""

import os
from pathlib import Path

ENV_FILE = Path(__file__).parent.parent / ".env"


def load() -> dict[str, str]:
    """All `NAME=value` lines of `.env`, overlaid by the environment."""
    lines = ENV_FILE.read_text().splitlines() if ENV_FILE.exists() else []
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    settings = {name.strip(): value.strip() for name, value in pairs}
    return {name: os.environ.get(name, value) for name, value in settings.items()}
