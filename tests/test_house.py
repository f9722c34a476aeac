"""The house is in order: one test command everywhere, sizes, names, no hosts of registries, no skip unlisted."""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import yaml

import t800

ROOT = Path(__file__).resolve().parents[1]
TEST_COMMAND = 'pip install -e ".[dev]" && pytest && cargo test'
MAIN_COMMAND = "pip install . && t800 run examples/agent.py && t800 show last"
LONGEST_FILE = 600
DATA_TABLES = {"rust/core/src/redact/rules/providers.rs", "rust/core/src/redact/keys/words.rs"}
SOURCES = (
    "python/t800",
    "rust/core/src",
    "rust/hook/src",
    "rust/python/src",
    "benches",
    "docs",
    "examples/agent.py",
)
HOSTS = re.compile(
    r"py"
    r"pi\.org|python"
    r"hosted\.|//[\w.]*crates"
    r"\.io(?!-index)|npm"
    r"js\.|proxy\.golang|/ho"
    r"me/runner/"
)


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def committed() -> list[str]:
    """The files of the repository; of the source tree where there is no git."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def sources(*endings: str) -> Iterator[Path]:
    for place in SOURCES:
        start = ROOT / place
        files = [start] if start.is_file() else sorted(start.rglob("*"))
        yield from (file for file in files if file.suffix in endings)


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", ".ci/run"])
def test_the_test_command_is_the_same_everywhere(name: str) -> None:
    assert TEST_COMMAND in map(str.strip, text(name).splitlines())


def test_the_readme_has_the_main_command() -> None:
    assert MAIN_COMMAND in text("README.md").splitlines()


def test_all_lists_the_public_names() -> None:
    public = {
        name
        for name, value in vars(t800).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }
    assert public | {"__version__"} == set(t800.__all__)
    assert t800.__all__ == sorted(t800.__all__)


PATH = re.compile(r"(?<![\w/`.])([\w*.-]+(?:/[\w*.-]+)*/|[\w*-]+(?:/[\w*-]+)*\.(?:rs|py|html|yml))(?![\w/])")


def rooms(block: str) -> tuple[set[str], list[str]]:
    """What a map of the house names, file by file, and what it names that is not there.

    A line that begins with a folder holds for the lines below it that are further in.
    """
    named: set[str] = set()
    missing = []
    above = [(-1, ROOT)]
    for line in filter(str.strip, block.splitlines()):
        indent = len(line) - len(line.lstrip())
        above = [(depth, folder) for depth, folder in above if depth < indent]
        here: list[Path] = []
        for path in PATH.findall(line):
            places = [*here, *(folder for _, folder in reversed(above))]
            hits = next(filter(None, (list(place.glob(path.rstrip("/"))) for place in places)), [])
            named |= {hit.relative_to(ROOT).as_posix() for hit in hits}
            if not hits:
                missing.append(path)
            elif not here and line.lstrip().startswith(path) and path.endswith("/"):
                here = hits
        above += [(indent, folder) for folder in here]
    return named, missing


def test_the_map_of_the_house_is_true_and_whole() -> None:
    named, missing = rooms(text("CONTRIBUTING.md").partition("## The rooms")[2].split("```")[1])
    assert not missing, "CONTRIBUTING.md, The rooms: these are not there"
    modules = {
        path.relative_to(ROOT).as_posix()
        for pattern in ("python/t800/*", "rust/*/src/*")
        for path in ROOT.glob(pattern)
        if path.suffix in (".py", ".rs") or (path.is_dir() and path.name != "__pycache__")
    }
    usual = {"__init__.py", "lib.rs", "main.rs"}
    left_out = sorted(name for name in modules - named if Path(name).name not in usual)
    assert not left_out, "CONTRIBUTING.md, The rooms: name these there, with a word on what they are for"


def test_a_wrong_map_would_be_found() -> None:
    told = "rust/core/src/   no.rs\n  event.rs  the schema: kinds\n    keys.rs\n  encode/\n    keys.rs  known.rs\ndocs/\n"
    named, missing = rooms(told)
    assert missing == ["no.rs", "keys.rs"]
    assert {"rust/core/src/event.rs", "rust/core/src/encode/known.rs", "docs"} <= named


def test_files_are_short() -> None:
    lengths = {
        file.relative_to(ROOT).as_posix(): len(file.read_text(encoding="utf-8").splitlines())
        for file in sources(".py", ".rs", ".ts", ".css")
        if "node_modules" not in file.parts
    }
    assert not {
        name: count for name, count in lengths.items() if count > LONGEST_FILE and name not in DATA_TABLES
    }


def functions() -> Iterator[tuple[str, int]]:
    for file in sources(".py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                last = node.end_lineno or node.lineno
                yield f"{file.name}:{node.name}", last - node.lineno + 1


def test_functions_are_short() -> None:
    lengths = sorted(length for _, length in functions())
    assert statistics.median(lengths) <= 8
    assert lengths[len(lengths) * 9 // 10] <= 30


def test_no_vague_names() -> None:
    vague = re.compile(r"(?:^|_)(?:manager|helpers?|utils?|handlers?|services?)(?:_|\.|$)", re.IGNORECASE)
    names = [file for file in sources(".py", ".rs", ".ts") if "node_modules" not in file.parts]
    assert not [file.name for file in names if vague.search(file.name)]


def test_no_file_names_a_registry_or_a_place_of_its_author() -> None:
    found = [
        f"{name}: {hit[0]}"
        for name in committed()
        if name != "tests/test_house.py"
        for hit in [HOSTS.search((ROOT / name).read_text(encoding="utf-8", errors="replace"))]
        if hit
    ]
    assert not found


def test_the_constraints_pin_every_development_tool() -> None:
    pinned = {
        re.sub("[-_.]+", "-", line.partition("==")[0]).lower()
        for line in text(".ci/constraints.txt").splitlines()
        if not line.startswith("#")
    }
    project = tomllib.loads(text("pyproject.toml"))["project"]
    extras = project["optional-dependencies"]
    needed = [*project["dependencies"], *extras["dev"], *extras["bench"], *extras["browser"], *extras["docs"]]
    names = {re.sub("[-_.]+", "-", re.split("[<>=~ ]", need)[0]).lower() for need in needed}
    assert names <= pinned


def test_every_ignored_lint_rule_has_a_reason() -> None:
    block = text("pyproject.toml").partition("ignore = [")[2].partition("\n]")[0]
    explained = False
    for line in filter(None, map(str.strip, block.splitlines())):
        if line.startswith("#"):
            explained = True
            continue
        assert explained, line
        explained = False


def test_scripts_can_be_run() -> None:
    for name in (".ci/run", ".ci/full", ".ci/lint", ".ci/agents", ".ci/wheels"):
        assert (ROOT / name).stat().st_mode & 0o111
        assert subprocess.run(["bash", "-n", ROOT / name], check=False).returncode == 0


@pytest.mark.parametrize("failing", ["pip", "pytest", "cargo", ".ci/lint", None])
def test_ci_fails_when_a_step_fails(failing: str | None, tmp_path: Path) -> None:
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".ci" / "run").write_text(text(".ci/run"))
    environment = 'one_python() { echo python; }\nenter_environment() { PATH="$PWD:$PATH"; }\n'
    (tmp_path / ".ci" / "python.sh").write_text(environment)
    for name in ("pip", "pytest", "cargo", ".ci/lint"):
        step = tmp_path / name
        step.write_text(f"#!/bin/sh\nexit {int(name == failing)}\n")
        step.chmod(0o755)
    done = subprocess.run(["bash", ".ci/run"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == ("all passed" in done.stdout) == (failing is None)


def test_forms_for_issues_ask_for_what_commands_can_tell() -> None:
    forms = {
        path.stem: yaml.safe_load(path.read_text())
        for path in (ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml")
    }
    assert forms.keys() == {"bug", "config", "feature", "redaction"}
    for name in forms.keys() - {"config"}:
        asked = [field for field in forms[name]["body"] if field["type"] != "markdown"]
        assert all(field["id"] and field["attributes"]["label"] for field in asked)
    assert "Never paste the real value" in forms["redaction"]["body"][0]["attributes"]["value"]


def test_actions_are_pinned_by_digest() -> None:
    workflows = sorted((ROOT / ".github/workflows").glob("*.yml"))
    assert {"ci.yml", "release.yml"} <= {workflow.name for workflow in workflows}
    for workflow in workflows:
        uses = re.findall(r"uses:[ ]*(\S+)(.*)", workflow.read_text(encoding="utf-8"))
        assert uses
        for action, said in uses:
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action), f"{workflow.name}: {action}"
            assert re.fullmatch(r" # v\d+(\.\d+)+", said), f"{workflow.name}: {action}{said}"


def test_an_action_has_the_same_digest_everywhere() -> None:
    workflows = sorted((ROOT / ".github/workflows").glob("*.yml"))
    uses = {line for path in workflows for line in re.findall(r"uses: (\S+ # \S+)", path.read_text())}
    actions = [line.partition("@")[0] for line in uses]
    assert len(actions) == len(set(actions))
