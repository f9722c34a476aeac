"""What the site has beside `docs/`: the pages at the top of the repository. MkDocs calls this (see `mkdocs.yml`).

A page is written once: the README is the site's home, SECURITY.md its threat model. Links are those of the
repository, where people read the files themselves; here they are turned into links between pages.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
TOP = {
    "README.md": "index.md",
    "SECURITY.md": "threat-model.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
"""Pages at the top of the repository, and what they are called in the site."""

READING = "reading.md"
_PLACE = {page: name for name, page in TOP.items()}
_LINK = re.compile(r"(?<=\]\()([^)#:\s]+)(?=[#)])")


def uris() -> list[str]:
    """All pages of the site."""
    docs = ROOT / "docs"
    return sorted([*TOP.values(), *(path.relative_to(docs).as_posix() for path in docs.rglob("*.md"))])


def relinked(text: str, uri: str) -> str:
    """The Markdown of the page `uri`, with links to files of the repository turned into links to pages."""
    folder = posixpath.dirname(_PLACE.get(uri, f"docs/{uri}"))

    def target(link: re.Match[str]) -> str:
        name = posixpath.normpath(posixpath.join(folder, link[1]))
        page = TOP.get(name, name.removeprefix("docs/"))
        return posixpath.relpath(page, posixpath.dirname(uri) or ".")

    return _LINK.sub(target, text)


def anchor(heading: str) -> str:
    """What a link calls a heading: small letters, no signs, hyphens for spaces."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def placed(nav: Iterable[Any]) -> list[str]:
    """The pages of a navigation, in their order."""
    found: list[str] = []
    for entry in nav:
        inner = entry if isinstance(entry, str) else next(iter(entry.values()))
        found += [inner] if isinstance(inner, str) else placed(inner)
    return found


def completed(nav: list[Any]) -> list[Any]:
    """The navigation with the pages that nobody has placed: at the end of their folder's section, else beside `READING`."""
    sections = [pages for entry in nav for pages in entry.values() if isinstance(pages, list)]
    for uri in uris():
        if uri not in placed(nav):
            folder = posixpath.dirname(uri)
            alike = [
                pages
                for pages in sections
                if folder and any(page.startswith(f"{folder}/") for page in placed(pages))
            ]
            beside = [pages for pages in sections if READING in placed(pages)]
            (alike or beside or sections)[-1].append(uri)
    return nav


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Complete the navigation, and give headings the anchors that they have in the repository."""
    config.nav = completed(config.nav or [])
    config.mdx_configs["toc"]["slugify"] = lambda heading, _separator: anchor(heading)
    return config


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages at the top of the repository."""
    from mkdocs.structure.files import File

    for name, uri in TOP.items():
        files.append(File.generated(config, uri, content=(ROOT / name).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn the links of a page."""
    del config, files
    return relinked(markdown, page.file.src_uri)
