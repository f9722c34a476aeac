"""What `import t800`, and recording in the main thread, may load."""

from __future__ import annotations

import pkgutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.trace_files import document, tool, write

from t800.aggregate.daily import catch_up
from t800.layout import telemetry_dir

Run = Callable[..., subprocess.CompletedProcess[str]]

HEAVY = {
    "yaml", "orjson", "click", "rich", "dataclasses", "json", "inspect", "argparse", "sqlite3", "hashlib", "threading",
    "asyncio", "logging", "typing", "re", "tempfile", "subprocess", "pathlib", "datetime", "random", "uuid", "gzip",
    "concurrent", "importlib.metadata", "socket", "ssl", "pwd", "_socket",
}  # fmt: skip


def loaded(python: Run, program: str, **environ: str) -> set[str]:
    # -S and -E would change what is measured; instead, what the interpreter has loaded itself is taken away.
    done = python(
        f"import sys\nbefore = set(sys.modules)\n{program}\nprint(*(set(sys.modules) - before))", **environ
    )
    return set(done.stdout.split())


def test_import_loads_nothing_heavy(python: Run) -> None:
    found = loaded(python, "import t800")
    assert not found & HEAVY
    assert {name for name in found if name.startswith("t800")} == {
        "t800", "t800._core", "t800._query", "t800.errors", "t800.session", "t800.traced",
    }  # fmt: skip


RECORDING = """
import t800
with t800.session(enabled=True) as trace:
    with trace.tool("read", {"file_path": "a.py", "n": [1, 2.5, None]}) as call:
        call.result({"x": "y"})
    with trace.phase("THINK"), trace.agent("a"), trace.llm("m") as reply:
        reply.usage(prompt_tokens=1)
    trace.record({"type": "decision"})
    trace.error("e", "m", recovery={})
    try:
        with trace.tool("t"):
            raise ValueError("x")
    except ValueError:
        pass
    trace.flush()
    trace.working()
    {extra}
    here = set(sys.modules)
"""


def test_opening_using_and_closing_a_session_loads_nothing_heavy(python: Run) -> None:
    # Housekeeping may load what it needs on threads of its own; it is kept from running here.
    program = RECORDING.replace("{extra}", "")
    program = program.replace(
        "import t800\n", "import t800\nsys.modules['t800.session']._start = lambda work: True\n"
    )
    program += "    t800.current()\n"
    assert not loaded(python, program) & HEAVY


def test_a_session_by_a_compiled_configuration_loads_nothing_heavy(python: Run) -> None:
    layout = telemetry_dir()
    layout.create()
    Path(layout.config_file).write_text("telemetry:\n  enabled: true\nalways_redact: [colour]\n")
    program = (
        "import t800\nsys.modules['t800.session']._start = lambda work: True\n"
        "trace = t800.session()\nassert trace.enabled\ntrace.decision('x')\ntrace.close()"
    )
    assert "yaml" in loaded(python, program)
    assert not loaded(python, program) & HEAVY


def test_looking_after_a_folder_parses_no_trace_that_stays(python: Run) -> None:
    layout = telemetry_dir()
    layout.create()
    for second in (10, 20):
        stem = f"2026-01-15_10-30-{second}_ses_{second}"
        write(layout, document([tool(1)], stem=stem), f"{stem}.json")
    catch_up(layout)
    tidy = f"from t800 import hook\nhook.main(['tidy', {layout.root!r}, {layout.telemetry!r}, 'ses_20'])"
    found = loaded(python, tidy, T800_ENABLED="1")
    assert Path(layout.private, "retention.stamp").exists()
    assert not found & {"orjson", "yaml", "dataclasses", "inspect", "datetime", "_strptime"}


def test_traced_loads_nothing_heavy(python: Run) -> None:
    assert not loaded(python, "import t800\n@t800.traced\ndef f():\n    yield 1\nlist(f())") & HEAVY


@pytest.mark.parametrize(
    "name",
    [
        "config",
        "layout",
        "errors",
        "reader",
        "retention",
        "memory",
        "testing",
        "lock",
        "aggregate.engines",
        "aggregate.parquet",
        "aggregate.sql",
        "export",
        "importers",
    ],
)
def test_modules_do_not_load_the_command_line(python: Run, name: str) -> None:
    assert not loaded(python, f"import t800.{name}") & {
        "click",
        "rich",
        "orjson",
        "yaml",
        "argparse",
        "socket",
    }


def test_all_names_of_the_package_are_there_and_public() -> None:
    import t800

    assert sorted(t800.__all__) == t800.__all__
    public = {name for name in vars(t800) if not name.startswith("_")} | {"__version__"}
    # A submodule becomes an attribute of its package once anything has imported it.
    modules = {module.name for module in pkgutil.iter_modules(t800.__path__)}
    assert set(t800.__all__) <= public
    assert public - set(t800.__all__) <= modules | {"warnings"}
