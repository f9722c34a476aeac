"""What the viewer costs: `python benches/viewer.py [EVENTS]`.

Records a long run of a coding agent (100,000 events unless said otherwise) with the recorder, writes its page and
measures it in Chromium, headless and without a graphics card: the page's size, how long until it is ready, and how long
it takes to draw the timeline, to scroll the tree and to search everything. Every figure is of a page whose events were
counted. Needs Chromium and `pip install -e ".[browser]"`.
"""

from __future__ import annotations

import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import t800
from t800 import reader, view
from t800.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Iterator

EVENTS = 100_000
BUDGETS = {"page_mb": 2.0, "ready_ms": 1000, "redraw_ms": 16, "scroll_ms": 4}
SHARED = (
    "src",
    "tests",
    "docs",
    "api",
    "core",
    "billing",
    "auth",
    "store",
    "render",
    "queue",
    "index",
    "parse",
)
MEASURE = """async () => {
  const queue = [];
  const frame = () => new Promise(done => requestAnimationFrame(() => done()));
  const timed = async (times, act) => {
    const taken = [];
    for (let turn = 0; turn < times; turn++) {
      // What the turn before has set off is over.
      for (let wait = 0; wait < 3; wait++) await frame();
      const real = window.requestAnimationFrame;
      window.requestAnimationFrame = later => queue.push(later);
      const begun = performance.now();
      act(turn);
      document.body.offsetHeight;
      while (queue.length) queue.shift()(begun);
      taken.push(performance.now() - begun);
      window.requestAnimationFrame = real;
    }
    return taken;
  };
  const press = (place, key) => place.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  const [lanes, tree] = [document.querySelector(".lanes"), document.querySelector(".tree")];
  const scroll = to => { tree.scrollTop = to; tree.dispatchEvent(new Event("scroll")); };
  const redraw = await timed(30, () => press(lanes, "0"));
  const zoom = await timed(10, () => press(lanes, "+"));
  const rolling = await timed(60, turn => scroll(2000 + turn * 120));
  const jumping = await timed(30, turn => scroll(tree.scrollHeight * (turn + 1) / 31));
  const search = document.querySelector("input[type=search]");
  search.value = "billing/render";
  const searching = await timed(3, () => press(search, "Enter"));
  const found = document.querySelector(".filters output").textContent;
  return { redraw, zoom, scroll: rolling, jump: jumping, search: searching, found };
}"""


def believable(events: int, chance: random.Random) -> Iterator[dict[str, Any]]:
    """A long run: mostly tool calls on a few hundred files, an LLM call after every few, errors and sub-agents."""
    files = [
        f"{'/'.join(chance.sample(SHARED, 2))}/{chance.choice(SHARED)}_{number}.py" for number in range(400)
    ]
    weights = [1 / (rank + 3) for rank in range(len(files))]
    now = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)
    for number in range(events):
        event, took = _one(chance, chance.choices(files, weights)[0])
        stamp = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        agent = {"agent_id": chance.choice(("reviewer", "researcher"))} if chance.random() < 0.1 else {}
        yield {
            "timestamp": stamp,
            **event,
            **agent,
            "phase": ("THINK", "PLAN", "EXECUTE")[3 * number // events],
        }
        now += timedelta(milliseconds=took + chance.random() * 20)


def _one(chance: random.Random, file: str) -> tuple[dict[str, Any], float]:
    kind = chance.random()
    if kind < 0.2:
        took = round(chance.lognormvariate(7.5, 0.6), 3)
        sent, got = chance.randint(2000, 60_000), chance.randint(30, 2500)
        tokens = {"prompt_tokens": sent, "completion_tokens": got, "cached_tokens": sent // 1024 * 1000}
        cost = round(sent * 3e-6 + got * 15e-6, 6)
        return {
            "type": "llm_call",
            "model": "claude-sonnet-4",
            "duration_ms": took,
            "success": True,
            "cost_usd": cost,
            **tokens,
        }, took
    if kind < 0.24:
        return {"type": "decision", "decision_type": "next_step", "outcome": f"go on with {file}"}, 0.0
    if kind < 0.26:
        return {
            "type": "error",
            "error_type": "TEST_FAILED",
            "tool": "bash",
            "message": f"1 failed: {file}",
        }, 0.0
    took = round(chance.lognormvariate(3.5, 1.3), 3)
    tool = chance.choices(("read", "edit", "bash", "grep", "write"), (8, 5, 5, 3, 1))[0]
    asked: dict[str, Any] = {"file_path": file}
    if tool == "edit":
        asked |= {"old_string": f"{chance.random()}", "new_string": f"{chance.random()}"}
    elif tool == "bash":
        asked = {"command": f"pytest -q {file}"}
    elif tool == "grep":
        asked = {"pattern": chance.choice(SHARED), "path": "src"}
    return {
        "type": "tool_call",
        "tool": tool,
        "parameters": asked,
        "duration_ms": took,
        "success": chance.random() > 0.03,
    }, took


def recorded(folder: Path, events: int) -> Layout:
    """A telemetry folder with one run of so many events, recorded by the recorder."""
    with t800.session(agent="bench", enabled=True, dir=folder) as trace:
        for number, event in enumerate(believable(events, random.Random(7)), 1):  # noqa: S311
            assert trace.record(event) is not None
            if number % 5000 == 0:
                trace.flush()
    return Layout(str(folder), str(folder))


def written(layout: Layout, events: int) -> tuple[Path, float, float]:
    """The run's page, what writing it took of the CPU, and how many megabytes the run has."""
    trace = reader.resolve(layout, "last")
    assert trace.summary()["total_events"] == events
    path = Path(layout.telemetry, "page.html")
    begun = time.process_time()
    view.write(str(path), view.page([[trace]]))
    return path, time.process_time() - begun, trace.size / 1e6


def measured(path: Path, events: int) -> dict[str, float]:
    """The page in the browser: medians in ms."""
    from playwright.sync_api import sync_playwright

    program = (
        shutil.which("chromium") or shutil.which("google-chrome") or sys.exit("Chromium is not installed")
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        ready = []
        for _ in range(3):
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.set_default_timeout(120_000)
            page.goto(path.as_uri())
            page.wait_for_selector("html[data-ready]")
            ready.append(float(page.get_attribute("html", "data-ready") or 0))
        assert page.locator(".tree").get_attribute("aria-rowcount") == str(events)
        taken = page.evaluate(MEASURE)
        assert taken.pop("found").endswith(f" of {events:,}")
        browser.close()
    return {"ready": min(ready)} | {name: statistics.median(times) for name, times in taken.items()}


def main() -> None:
    """Measure, and print the figures beside what they should be."""
    events = int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS
    folder = Path(tempfile.mkdtemp(prefix="t800-viewer-"))
    try:
        path, seconds, megabytes = written(recorded(folder / "telemetry", events), events)
        page_mb = os.stat(path).st_size / 1e6
        figures = {"page_mb": page_mb} | {
            f"{name}_ms": value for name, value in measured(path, events).items()
        }
        sys.stdout.write(
            f"{events:,} events, {megabytes:.1f} MB of traces, page written in {seconds:.2f} s of CPU\n"
        )
        for name, value in figures.items():
            budget = BUDGETS.get(name)
            told = "" if budget is None else f"   at most {budget:g}{'' if value <= budget else '   OVER'}"
            sys.stdout.write(f"{name:<10} {value:8.2f}{told}\n")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
