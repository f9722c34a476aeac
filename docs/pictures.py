"""Take the pictures of the viewer for `docs/viewer.md`: `python docs/pictures.py`.

Records the example agent twice, in a fresh folder, and photographs the pages of its sessions. Needs Chromium and
`pip install -e ".[browser]"`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, Page

FOLDER = Path(__file__).resolve().parent / "pictures"
EXAMPLE = FOLDER.parents[1] / "examples" / "agent.py"
MOST_BYTES = 200_000


class Picture(NamedTuple):
    """One picture: its name, which page, the size and theme of the window, and what to do before."""

    name: str
    page: str
    size: tuple[int, int]
    theme: Literal["light", "dark"]
    act: Callable[[Page], None]


def _choose_a_failure(page: Page) -> None:
    page.keyboard.press("e")
    page.keyboard.press("e")


def _open(tab: str) -> Callable[[Page], None]:
    return lambda page: page.get_by_role("tab", name=tab).click()


PICTURES = (
    Picture("run", "one", (1280, 800), "light", _choose_a_failure),
    Picture("run-dark", "one", (1280, 800), "dark", _choose_a_failure),
    Picture("summary", "one", (1280, 1000), "light", _open("Summary")),
    Picture("problems", "one", (1280, 560), "dark", _open("Problems")),
    Picture("compare", "two", (1280, 900), "light", lambda _: None),
    Picture("telephone", "one", (390, 844), "light", lambda page: page.mouse.wheel(0, 430)),
)


def project(folder: Path) -> list[str | Path]:
    """A project with the example in it and a Python of its own, so that no picture shows a place of this machine.

    Returns the command `t800` there.
    """
    (folder / ".git").mkdir()
    (folder / "tmp").mkdir()
    shutil.copytree(EXAMPLE.parent, folder / "examples")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / ".venv"], check=True)  # noqa: S603
    [packages] = (folder / ".venv" / "lib").glob("python*/site-packages")
    (packages / "ours.pth").write_text(
        "".join(f"{path}\n" for path in sys.path if path.endswith(("-packages", "python")))
    )
    program = "import sys; from t800.cli import main; sys.exit(main())"
    return [folder / ".venv" / "bin" / "python", "-c", program]


def recorded(folder: Path) -> dict[str, Path]:
    """Two runs of the example agent, and the pages of the last one and of both."""
    run = project(folder)
    environ = {
        **os.environ,
        "T800_ENABLED": "1",
        "TMPDIR": str(folder / "tmp"),
        "LOGNAME": "sam",
        "USER": "sam",
    }

    def call(*arguments: str | Path) -> None:
        subprocess.run([*run, *arguments], cwd=folder, env=environ, check=True, stdout=subprocess.DEVNULL)  # noqa: S603

    for _ in range(2):
        call("run", "--quiet", "examples/agent.py")
    traces = sorted((folder / ".opencode" / "telemetry" / "traces").iterdir())
    pages = {"one": [traces[1]], "two": traces}
    for name, shown in pages.items():
        call("view", *shown, "-o", folder / f"{name}.html")
    return {name: folder / f"{name}.html" for name in pages}


def take(browser: Browser, picture: Picture, page_file: Path) -> None:
    """Take one picture."""
    width, height = picture.size
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=picture.theme)
    page.goto(page_file.as_uri())
    page.wait_for_selector("html[data-ready]")
    picture.act(page)
    page.wait_for_timeout(300)
    target = FOLDER / f"{picture.name}.png"
    page.screenshot(path=target)
    page.close()
    if target.stat().st_size > MOST_BYTES:
        sys.exit(f"{target} is larger than {MOST_BYTES} bytes")


def main() -> None:
    """Take all pictures."""
    from playwright.sync_api import sync_playwright

    program = (
        shutil.which("chromium") or shutil.which("google-chrome") or sys.exit("Chromium is not installed")
    )
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        pages = recorded(Path(folder))
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        for picture in PICTURES:
            take(browser, picture, pages[picture.page])
        browser.close()


if __name__ == "__main__":
    main()
