"""What the pages say is true: their Python runs, generated ones are fresh, links lead somewhere."""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from t800 import config_file

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
VARYING = re.compile(r'(?<="timestamp":)"[^"]+"|(?<="duration_ms":)[0-9.]+|(?<=content hash: )[0-9a-f]{6}')


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )


PYTHON = [
    pytest.param(block, id=f"{page.name}-{number}")
    for page in PAGES
    for number, block in enumerate(blocks(page, "python"), 1)
]


def run(program: str, folder: Path) -> str:
    """Run a block as a reader would: in a project where telemetry is on."""
    (folder / ".git").mkdir()
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=folder,
        env={**os.environ, "T800_ENABLED": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("block", PYTHON)
def test_each_python_block_runs(block: str, tmp_path: Path) -> None:
    run(block, tmp_path)


def test_there_are_python_blocks() -> None:
    assert len(PYTHON) >= 4


def test_the_readme_shows_the_trace_of_its_first_block(tmp_path: Path) -> None:
    readme = ROOT / "README.md"
    trace = Path(run(blocks(readme, "python")[0], tmp_path).strip())
    lines = [line.removesuffix(",") for line in trace.read_text(encoding="utf-8").splitlines()[1:-1]]
    shown = blocks(readme, "json")[0].splitlines()
    assert [VARYING.sub("…", line) for line in lines] == [VARYING.sub("…", line) for line in shown]
    assert all(json.loads(line) for line in shown)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_yaml_blocks_are_valid_configurations(page: Path) -> None:
    for block in blocks(page, "yaml"):
        assert yaml.safe_load(block)
        assert config_file.parse(block.encode(), str(page))


def generator() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "docs" / "generate.py"))


def test_generated_pages_are_fresh() -> None:
    stale = [
        name
        for name, page in generator()["PAGES"].items()
        if (ROOT / "docs" / name).read_text(encoding="utf-8") != page()
    ]
    assert not stale, "run: python docs/generate.py"


def test_every_field_of_the_schema_is_on_its_page() -> None:
    from t800.schema import trace_schema

    page = (ROOT / "docs" / "trace-format.md").read_text(encoding="utf-8")
    for name in ("tool_call", "llm_call", "decision", "error", "checkpoint", "summary"):
        for field in trace_schema()["$defs"][name]["properties"]:
            assert f"| `{field}` |" in page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_paths_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text)
    missing = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    named = re.findall(r"`((?:rust|python|tests|benches|docs|examples|\.ci)/[\w./-]*\w)`", text)
    missing += [name for name in named if not (ROOT / name).exists()]
    assert not missing
