"""A real browser for the pages; pages that are watched while it shows them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.trace_files import document, make_layout, write

from t800 import reader, view
from t800.layout import Layout

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Show = Callable[..., "Page"]

QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
]  # fmt: skip
NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return make_layout(tmp_path)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    driver = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("Chromium is not installed")
    with driver.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=QUIET)
        yield started
        started.close()


@pytest.fixture
def show(browser: Browser, layout: Layout) -> Iterator[Show]:
    """Opens the page of one session, or of two, and watches it to the end of the test.

    Whatever the test does with it, the page has asked for one file, itself, and nothing in it has run, failed or been
    refused by its policy.
    """
    seen: list[str] = []
    contexts = []

    def opened(*sessions: Sequence[dict[str, Any]], wide: int = 1280, high: int = 800, **fields: Any) -> Page:
        path = Path(layout.telemetry, "page.html")
        context_options = {name: fields.pop(name) for name in ("color_scheme",) if name in fields}
        torn = fields.pop("tear", None)
        runs = []
        for number, events in enumerate(sessions):
            stem = f"2026-01-15_10-30-00_ses_{'abc'[number]}"
            data = document(events, stem=stem, **fields)
            write(layout, data.replace(torn, torn[:-1]) if torn else data, f"{stem}.json")
            runs.append([reader.resolve(layout, stem)])
        view.write(str(path), view.page(runs))
        context = browser.new_context(viewport={"width": wide, "height": high}, **context_options)
        contexts.append(context)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("request", lambda request: seen.append(f"request {request.url}"))
        page.on("dialog", lambda dialog: (seen.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("pageerror", lambda error: seen.append(f"error {error}"))
        page.on("console", lambda message: seen.append(f"console {message.text}"))
        page.on("popup", lambda popup: seen.append(f"popup {popup.url}"))
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready]")
        assert seen == [f"request {path.as_uri()}"]
        seen.clear()
        return page

    yield opened
    for context in contexts:
        context.close()
    assert seen == []
