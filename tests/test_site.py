"""The documentation as a site: every page has its place, and it is built and read without a network."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PAGES: dict[str, Any] = runpy.run_path(str(ROOT / "docs" / "pages.py"))
CONFIG: dict[str, Any] = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
FETCHED = re.compile(r"""<(?:script|img|source|iframe)\b[^>]*\bsrc\s*=\s*["']?([^"'\s>]+)""")
LINKED = re.compile(r"<link\b[^>]*>")
IN_STYLES = re.compile(r"""(?:url\(|@import\s*)["']?([^"')\s]+)""")


def test_every_page_has_one_place_in_the_navigation() -> None:
    nav = PAGES["completed"](CONFIG["nav"])
    assert sorted(PAGES["placed"](nav)) == PAGES["uris"]()


def test_a_page_that_nobody_has_placed_comes_into_the_section_of_its_folder() -> None:
    nav = [
        {"Home": "index.md"},
        {"Integrations": ["integrations/codex.md"]},
        {"Look": [{"Reading": "reading.md"}]},
        {"Project": ["changelog.md"]},
    ]
    home, integrations, look, project = PAGES["completed"](nav)
    assert home == {"Home": "index.md"}
    assert all(page.startswith("integrations/") for page in integrations["Integrations"])
    assert {"integrations/codex.md", "integrations/sdks.md"} <= set(integrations["Integrations"])
    assert "privacy.md" in look["Look"]
    assert project == {"Project": ["changelog.md"]}


@pytest.mark.parametrize("uri", PAGES["uris"]())
def test_links_of_the_site_lead_to_its_pages(uri: str) -> None:
    source = next((ROOT / name for name, page in PAGES["TOP"].items() if page == uri), ROOT / "docs" / uri)
    text = PAGES["relinked"](source.read_text(encoding="utf-8"), uri)
    files = {
        path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*") if path.is_file()
    }
    found = {
        os.path.normpath(os.path.join(os.path.dirname(uri), target))
        for target in re.findall(r"\]\(([^)#:\s]+)[#)]", text)
    }
    assert found <= {*PAGES["uris"](), *files}


def test_links_between_pages_and_the_top_are_turned() -> None:
    relinked = PAGES["relinked"]
    assert relinked("[a](docs/privacy.md#x) [b](https://x.example/y)", "index.md") == (
        "[a](privacy.md#x) [b](https://x.example/y)"
    )
    assert relinked("[a](../../README.md#recording)", "integrations/sdks.md") == "[a](../index.md#recording)"
    assert relinked("[a](../SECURITY.md)", "privacy.md") == "[a](threat-model.md)"


def test_pictures_ask_for_nothing() -> None:
    for picture in (ROOT / "docs" / "pictures").glob("*.svg"):
        text = picture.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "//" not in text
        assert "<script" not in text


def offline() -> list[str]:
    """What takes the network away from a command, where the system lets us."""
    for command in (["unshare", "-n"], ["unshare", "--map-current-user", "-n"]):
        if (
            shutil.which("unshare")
            and subprocess.run([*command, "true"], check=False, capture_output=True).returncode == 0
        ):
            return command
    return []


@pytest.mark.full
def test_the_site_is_built_and_read_without_a_network(tmp_path: Path) -> None:
    pytest.importorskip("material")
    command = [*offline(), sys.executable, "-m", "mkdocs", "build", "--strict", "-d", str(tmp_path)]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    pages = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.html")}
    assert {uri.replace(".md", ".html") for uri in PAGES["uris"]()} <= pages
    asked = set()
    for page in pages:
        text = (tmp_path / page).read_text(encoding="utf-8")
        asked |= set(FETCHED.findall(text))
        asked |= {href for link in LINKED.findall(text) for href in re.findall(r'href="?([^"\s>]+)', link)}
    assert any(name.endswith(".js") for name in asked)
    for style in tmp_path.rglob("*.css"):
        asked |= set(IN_STYLES.findall(style.read_text(encoding="utf-8")))
    assert not {name for name in asked if "//" in name and not name.startswith("data:")}
