"""Integrations that switch themselves on when their framework is imported; with frameworks made up for it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]

# Enough of the openai SDK for its integration: clients with `post`, and a retry before the answer.
SDK = """
class OpenAI:
    base_url = None
    def post(self, path, *, body, stream=False, **more):
        self._sleep_for_retry(response=None)
        if body.get("model") == "broken":
            raise RuntimeError("no such model")
        return {"id": "r1", "choices": [{"message": {"content": "hello"}}], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}
    def _sleep_for_retry(self, **more):
        pass
class AsyncOpenAI(OpenAI):
    pass
"""
AGENT = """
import json, sys
import t800
before = set(sys.modules)
{switch}
assert not {{"agents", "mcp"}} & set(sys.modules)
import openai
assert openai.__spec__.loader.get_source("openai"), "the loader is what it was"
with t800.session(enabled=True, strict=True) as trace:
    with t800.tool("outer"):
        openai.OpenAI().post("/chat/completions", body={{"model": "m", "messages": []}})
    try:
        openai.OpenAI().post("/chat/completions", body={{"model": "broken"}})
    except RuntimeError:
        pass
    openai.OpenAI().post("/files", body={{}})
    assert trace.flush(60), "a busy machine takes its time"
with open(trace.path) as document:
    print(json.dumps(json.load(document)["events"]))
"""


def events(python: Run, project: Path, switch: str, **environ: str) -> list[dict[str, object]]:
    import json

    (project / "openai.py").write_text(SDK)
    done = python(AGENT.format(switch=switch), **environ)
    assert not done.stderr
    found = json.loads(done.stdout)
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("switch", ["t800.auto()", "t800.auto(); t800.auto(exclude=['mcp'])"])
def test_a_framework_is_recorded_from_its_import_on(python: Run, project: Path, switch: str) -> None:
    found = events(python, project, switch)
    kinds = [(event["type"], event.get("model"), event.get("parent_id")) for event in found]
    assert kinds == [
        ("error", None, "evt_002"),
        ("llm_call", "m", "evt_001"),
        ("tool_call", None, None),
        ("error", None, "evt_004"),
        ("error", None, "evt_004"),
        ("llm_call", "broken", None),
    ]
    assert (found[1]["prompt_tokens"], found[1]["completion_tokens"], found[1]["source_id"]) == (3, 2, "r1")
    assert found[-2]["error_type"] == "RuntimeError"


def test_a_framework_that_is_imported_already_is_recorded(python: Run, project: Path) -> None:
    switch = "t800.auto()\nimport openai\nt800.auto()"
    assert len(events(python, project, switch)) == 6


@pytest.mark.parametrize(
    ("switch", "environ"),
    [
        ("t800.auto(exclude=['openai'])", {}),
        ("t800.auto(exclude='openai')", {}),
        ("t800.auto()", {"T800_AUTO": "0"}),
        ("pass", {}),
    ],
)
def test_left_out_is_left_out(python: Run, project: Path, switch: str, environ: dict[str, str]) -> None:
    assert [event["type"] for event in events(python, project, switch, **environ)] == ["tool_call"]


def test_a_framework_that_fails_or_is_unknown_is_imported_as_ever(python: Run, project: Path) -> None:
    (project / "openai.py").write_text("raise ValueError('broken install')")
    (project / "anthropic.py").write_text("version = 99")
    program = """
    import sys, t800
    t800.auto()
    for _ in range(2):
        try:
            import openai
        except ValueError as error:
            print(error)
    try:
        import litellm
    except ModuleNotFoundError as error:
        print(error.name)
    import anthropic
    print(anthropic.version, sorted(name for name in sys.modules if name.startswith("openai")))
    """
    done = python(program)
    assert done.stdout.splitlines() == ["broken install", "broken install", "litellm", "99 []"]
    assert "the integration anthropic could not be switched on: AttributeError" in done.stderr


def test_asking_for_a_module_is_not_importing_it(python: Run, project: Path) -> None:
    (project / "openai.py").write_text(SDK)
    program = """
    import importlib.util, sys, t800
    class Asks:
        # As other import hooks do: it asks all finders in turn, and hands on what they find.
        def find_spec(self, name, path=None, target=None):
            if name != "openai" or self in asking:
                return None
            asking.append(self)
            try:
                return importlib.util.find_spec(name)
            finally:
                asking.remove(self)
    asking = []
    t800.auto()
    sys.meta_path.insert(0, Asks())
    sys.meta_path.insert(2, Asks())
    print(importlib.util.find_spec("openai").name, "openai" in sys.modules, importlib.util.find_spec("litellm"))
    import openai
    print(hasattr(openai.OpenAI.post, "__wrapped__"))
    """
    assert python(program).stdout.split() == ["openai", "False", "None", "True"]


def test_a_failed_import_is_watched_again(python: Run, project: Path) -> None:
    (project / "openai.py").write_text("import missing_for_now\n" + SDK)
    program = """
    import sys, t800
    t800.auto()
    try:
        import openai
    except ModuleNotFoundError:
        open("missing_for_now.py", "w").close()
    import importlib
    importlib.invalidate_caches()
    import openai
    print(hasattr(openai.OpenAI.post, "__wrapped__"))
    """
    assert python(program).stdout.split() == ["True"]


def test_the_watch_costs_little_and_loads_no_framework(python: Run) -> None:
    program = """
    import sys, t800
    before = set(sys.modules)
    t800.auto()
    print(*sorted(set(sys.modules) - before))
    """
    assert python(program).stdout.split() == ["t800.integrations", "t800.integrations._auto"]


def test_run_switches_them_on(python: Run, project: Path) -> None:
    (project / "openai.py").write_text(SDK)
    (project / "agent.py").write_text(
        "import openai\nopenai.OpenAI().post('/chat/completions', body={'model': 'm'})\n"
    )
    program = """
    import glob, json, subprocess, sys
    command = "import sys; from t800.cli import main; sys.exit(main(['run', '--quiet', 'agent.py']))"
    subprocess.run([sys.executable, "-c", command], check=True)
    (trace,) = glob.glob(".opencode/telemetry/traces/*.json")
    with open(trace) as document:
        print(*(event["type"] for event in json.load(document)["events"]))
    """
    assert python(program).stdout.split() == ["error", "llm_call"]
