"""What the pages say is true: their Python runs, their commands exist, generated ones are fresh, links lead somewhere."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from tests.trace_files import document, error, llm, make_layout, tool, write

import t800
from t800 import config_file
from t800.cli import main
from t800.cli.commands import COMMANDS, cli

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
    """Run a block as a reader would: in a project where telemetry is on and something has been recorded."""
    (folder / ".git").mkdir()
    with t800.session(dir=folder / ".opencode" / "telemetry", enabled=True) as trace:
        trace.tool_call("read", duration_ms=2500)
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
    assert len(PYTHON) >= 8


def public(module: str) -> set[str]:
    """The public names of a module of ours, unimported: it may need a framework that is not installed."""
    spec = importlib.util.find_spec(module)
    assert spec is not None, module
    assert spec.origin is not None, module
    for node in ast.parse(Path(spec.origin).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


def of_ours(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """What a block takes from T-800: module and name, `t800.x` and what it uses of a module that it has imported."""
    modules = {"t800": "t800"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "t800":
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                try:
                    spec = importlib.util.find_spec(name)
                except ModuleNotFoundError:
                    spec = None
                if spec is None:
                    yield str(node.module), alias.name
                else:
                    modules[alias.asname or alias.name] = name
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            yield modules[node.value.id], node.attr


OTHERS = [
    pytest.param(block, id=f"{page.name}-{number}")
    for page in PAGES
    for number, block in enumerate(blocks(page, "py"), 1)
]


@pytest.mark.parametrize("block", OTHERS)
def test_blocks_that_need_other_packages_use_what_there_is(block: str) -> None:
    """Those that need a framework are fenced as `py`; tests/agents runs the frameworks themselves."""
    for module, name in of_ours(ast.parse(block)):
        assert name in public(module), f"{module} has no {name}"


def test_a_block_that_uses_what_there_is_not_would_be_found() -> None:
    told = "import t800\nfrom t800.integrations import otel\nfrom t800.reader import scan\notel.instal()\nt800.nothing()"
    assert set(of_ours(ast.parse(told))) == {
        ("t800.reader", "scan"),
        ("t800.integrations.otel", "instal"),
        ("t800", "nothing"),
    }
    assert "instal" not in public("t800.integrations.otel")
    assert "install" in public("t800.integrations.otel")


BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHELLS = {"", "sh", "bash", "console"}
SPAN = re.compile(r"(?<!`)`(t800 [^`\n]+)`(?!`)")


def command_lines(text: str) -> Iterator[list[str]]:
    """The arguments of each call of `t800` that a page shows, in blocks and in sentences."""
    blocks = [block for language, block in BLOCK.findall(text) if language in SHELLS]
    shown = [line for block in blocks for line in block.splitlines()]
    for line in [*shown, *SPAN.findall(text)]:
        for piece in re.split(r"\|\||&&|[|;]|\$\(", line.replace("\\|", "")):
            call = re.sub(r"^(?:\s*[A-Z0-9_]+=\S*)*\s*", "", piece)
            if call.startswith("t800 "):
                yield shlex.split(re.sub(r"\)\"?.*", "", call), comments=True)[1:]


def unknown(call: list[str]) -> str | None:
    """What is wrong with a call: a command or an option that there is not."""
    group = {option for parameter in cli.params for option in parameter.opts} | {"--help", "-h"}
    if not call or call[0].isupper() or call[0] in group:
        return None
    context = click.Context(cli, info_name="t800")
    command = cli.get_command(context, call[0])
    if command is None:
        return f"no command {call[0]}"
    options = group | {
        option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
    }
    for argument in call[1:]:
        if call[0] == "run" and not argument.startswith("-"):
            return None  # what follows is the program's
        if re.match(r"--?[a-zA-Z]", argument) and argument.partition("=")[0] not in options:
            return f"t800 {call[0]} has no {argument}"
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_options_on_pages_exist(page: Path) -> None:
    wrong = [told for call in command_lines(page.read_text(encoding="utf-8")) if (told := unknown(call))]
    assert not wrong


def test_wrong_commands_on_a_page_would_be_found() -> None:
    page = "`t800 shwo` and\n```python\nt800 = 1\n```\nthen\n```\nT800_ENABLED=1 t800 ls --al | jq .  # --not this\nt800 run a.py --its-own\n```\n"
    assert list(command_lines(page)) == [["ls", "--al"], ["run", "a.py", "--its-own"], ["shwo"]]
    assert [unknown(call) for call in command_lines(page)] == ["t800 ls has no --al", None, "no command shwo"]


ASKING = {
    "stats",
    "search",
    "show",
    "diff",
    "export",
    "audit",
    "validate",
    "prune",
    "recover",
    "ls",
    "aggregate",
}
"""Commands that ask of what is recorded; the rest switches, records, reads its input or opens a browser."""


@pytest.mark.parametrize("name", ["cookbook.md", "start.md", "reading.md", "crash-safety.md"])
def test_commands_that_ask_work_as_pages_show_them(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("T800_DIR", str(tmp_path / "telemetry"))
    layout = make_layout(tmp_path)
    for session in ("ses_50571", "ses_556b", "ses_a", "ses_b"):
        stem = f"2026-01-15_10-30-00_{session}"
        write(layout, document([tool(1), llm(2), error(3)], stem=stem), f"{stem}.json")
    calls = list(command_lines((ROOT / "docs" / name).read_text(encoding="utf-8")))
    asking = [call for call in calls if call and call[0] in ASKING and not any(map(str.isupper, call))]
    assert asking
    for call in asking:
        # 1: nothing was found, or something was; 3: no session of that day.
        assert main(call) in (0, 1, 3), (call, capsys.readouterr().err)
        assert "Usage:" not in capsys.readouterr().err


def test_every_command_is_on_a_page_beside_the_reference() -> None:
    told = {
        call[0]
        for page in ROOT.glob("docs/**/*.md")
        if page.name != "cli.md"
        for call in command_lines(page.read_text(encoding="utf-8"))
        if call
    }
    assert set(COMMANDS) <= told


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


PAGES_OF_THE_SITE = runpy.run_path(str(ROOT / "docs" / "pages.py"))


def anchors(page: Path) -> set[str]:
    """What links can name on a page: its headings outside of blocks."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return {PAGES_OF_THE_SITE["anchor"](heading) for heading in re.findall(r"^#+ (.+)$", prose, re.MULTILINE)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_paths_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    missing = []
    for target, anchor in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", text):
        place = page.parent / target if target else page
        if "://" not in target and not (place.exists() and (not anchor or anchor in anchors(place))):
            missing.append(f"{target}#{anchor}")
    named = re.findall(r"`((?:rust|python|tests|benches|docs|examples|\.ci)/[\w./-]*\w)`", text)
    missing += [name for name in named if not (ROOT / name).exists()]
    assert not missing


def test_the_list_of_faults_names_every_test_of_a_crash() -> None:
    page = (ROOT / "docs" / "crash-safety.md").read_text(encoding="utf-8")
    assert not [
        test.name for test in ROOT.glob("tests/crash/test_*.py") if f"`tests/crash/{test.name}`" not in page
    ]
