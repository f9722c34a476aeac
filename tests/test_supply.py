"""What comes from others is named with a reason, and nothing else comes in."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGE = "docs/dependencies.md"
DEPENDENCIES = ("dependencies", "dev-dependencies", "build-dependencies")


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def plain(requirement: str) -> str:
    """The name in a requirement, as registries compare names."""
    return re.sub("[-_.]+", "-", re.split(r"[\[<>=~! ;]", requirement, maxsplit=1)[0]).lower()


def crates(manifest: dict[str, Any]) -> Iterator[str]:
    """The crates of a manifest that are not our own, those of single systems too."""
    for table in (manifest, *manifest.get("target", {}).values()):
        for kind in DEPENDENCIES:
            yield from (name for name in table.get(kind, {}) if not name.startswith("t800-"))


def wanted() -> set[str]:
    manifests = sorted(ROOT.glob("rust/*/Cargo.toml"))
    assert len(manifests) >= 4
    names = {crate for manifest in manifests for crate in crates(tomllib.loads(manifest.read_text()))}
    python = tomllib.loads(text("pyproject.toml"))
    extras = python["project"]["optional-dependencies"]
    requirements = [*python["build-system"]["requires"], *python["project"]["dependencies"]]
    requirements += [requirement for extra in extras.values() for requirement in extra]
    requirements += [line for line in text(".ci/wheels.txt").splitlines() if not line.startswith("#")]
    node = json.loads(text("python/t800/view/src/package.json"))
    return {plain(name) for name in (*names, *requirements, *node["devDependencies"])}


def explained(page: str) -> set[str]:
    """The names in the first cells of a page's tables."""
    cells = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    return {plain(name) for cell in cells for name in re.findall("`([^`]+)`", cell)}


def test_every_dependency_has_a_reason_and_nothing_else_has() -> None:
    assert explained(text(PAGE)) == wanted()


def test_every_row_says_what_for_which_licence_and_whose() -> None:
    rows = [line.strip("|").split("|") for line in text(PAGE).splitlines() if line.startswith("| `")]
    assert rows
    assert all(len(row) == 4 and all(cell.strip() for cell in row) for row in rows)


def test_tables_of_single_systems_and_names_in_other_spellings_are_seen() -> None:
    manifest = {"target": {"cfg(unix)": {"dependencies": {"rustix": {}, "t800-core": {}}}}}
    assert [*crates(manifest)] == ["rustix"]
    assert [*map(plain, ("types-PyYAML>=6.0", "pyspark[connect]>=4.0", "a_b<2"))] == [
        "types-pyyaml",
        "pyspark",
        "a-b",
    ]


def test_an_installation_brings_no_more_than_four_packages() -> None:
    assert len(tomllib.loads(text("pyproject.toml"))["project"]["dependencies"]) <= 4
