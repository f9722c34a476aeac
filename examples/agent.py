"""A small coding agent, recorded by T-800.

It copies `examples/workspace` (a little shipping calculator with a real bug) into a fresh directory,
finds out how the project is tested, repairs the bug by trying edits until the tests pass, has a
sub-agent review the change, and sends a quote to a carrier who is not there. No network, no model:
the "language model" is a planner made of rules, called the way one calls a real one.

    python examples/agent.py          runs it; records only where telemetry is enabled
    t800 run examples/agent.py        runs and records it
    t800 show last                    shows what happened
"""

import difflib
import getpass
import hashlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import t800

TEMPLATE = Path(__file__).resolve().parent / "workspace"


def fake_secrets() -> dict[str, str]:
    """Keys that look real and open nothing, made here so that no scanner finds them in the repository."""
    digits = hashlib.sha256(b"the T-800 example agent").hexdigest()
    return {
        "CARRIER_API_KEY": "sk-" + digits[:40],
        "CARRIER_PASSWORD": "Parcel-" + digits[40:52] + "!",
        "GITHUB_TOKEN": "ghp_" + digits[4:40],
    }


def fresh_workspace(folder: Path) -> Path:
    """A copy of the project, with a `.env` like every project has one."""
    root = folder / "parcel-quotes"
    shutil.copytree(TEMPLATE, root, ignore=shutil.ignore_patterns("__pycache__"))
    (root / ".env").write_text("".join(f"{name}={value}\n" for name, value in fake_secrets().items()))
    return root


class Outcome(NamedTuple):
    """What a command did."""

    exit_code: int
    output: str


class Tools:
    """What the agent can do to its workspace; each method is one recorded tool call."""

    def __init__(self, trace: t800.Session, root: Path) -> None:
        self.trace = trace
        self.root = root

    def list_files(self) -> list[str]:
        with self.trace.tool("list", {"path": str(self.root)}) as call:
            files = sorted(
                str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file()
            )
            call.result({"count": len(files), "files": files})
        return files

    def read(self, path: str | Path) -> str:
        with self.trace.tool("read", {"file_path": str(path)}) as call:
            text = (self.root / path).read_text()
            call.result({"lines": text.count("\n"), "content": text})
        return text

    def read_all(self, paths: list[str]) -> dict[str, str]:
        """Read several files at the same time; `bind` takes the session along into the threads."""
        with ThreadPoolExecutor(max_workers=4) as pool:
            return dict(zip(paths, pool.map(self.trace.bind(self.read), paths), strict=True))

    def search(self, pattern: str) -> list[str]:
        with self.trace.tool("search", {"pattern": pattern, "path": str(self.root)}) as call:
            sources = sorted(self.root.rglob("*.py"))
            hits = [
                str(path.relative_to(self.root)) for path in sources if re.search(pattern, path.read_text())
            ]
            call.result({"files": hits})
        return hits

    def edit(self, path: str, old: str, new: str) -> None:
        with self.trace.tool("edit", {"file_path": path, "old_string": old, "new_string": new}):
            source = self.root / path
            source.write_text(source.read_text().replace(old, new, 1))

    def bash(self, command: str) -> Outcome:
        """Run a command in the workspace; an exit code other than 0 is a failed tool call."""
        with self.trace.tool("bash", {"command": command}) as call:
            words = [sys.executable if word == "python" else word for word in shlex.split(command)]
            ran = subprocess.run(
                ["env", "PYTHONDONTWRITEBYTECODE=1", *words],
                cwd=self.root, capture_output=True, text=True, timeout=60, check=False,
            )  # fmt: skip
            outcome = Outcome(ran.returncode, ran.stdout + ran.stderr)
            call.result({"exit_code": outcome.exit_code, "output": outcome.output})
            if outcome.exit_code:
                call.update(success=False)
        return outcome


class Edit(NamedTuple):
    """A change of one line."""

    old: str
    new: str


class Planner:
    """In place of a language model: answers come from rules, tokens are words."""

    MODEL = "rule-planner-1"
    USD_PER_TOKEN = 2e-6  # a pretended price, so that the summary has something to add up
    FLIPS = ((" < ", " <= "), (" > ", " >= "), (" // ", " / "), (" + ", " - "))

    def __init__(self, trace: t800.Session) -> None:
        self.trace = trace
        self.persona = f"You repair programs for {getpass.getuser()}, whose home is {Path.home()}."

    def ask(self, question: str, rule: Callable[..., Any], *facts: Any) -> Any:
        """One LLM call: the question and what was observed go in, what the rule makes of it comes out."""
        content = "\n".join([question, *map(str, facts)])
        messages = [{"role": "system", "content": self.persona}, {"role": "user", "content": content}]
        with self.trace.llm(self.MODEL, messages=messages) as call:
            answer = rule(*facts)
            prompt, completion = len((self.persona + content).split()), len(str(answer).split())
            cost = (prompt + completion) * self.USD_PER_TOKEN
            call.usage(prompt_tokens=prompt, completion_tokens=completion, cost_usd=cost)
            call.result(str(answer))
        return answer

    @staticmethod
    def documented_command(readme: str) -> str:
        """The indented command that follows the word "checks"."""
        found = re.search(r"checks.*?\n\n +(\S.*)", readme)
        return found[1] if found else "make test"

    @staticmethod
    def discovered_command(files: list[str]) -> str:
        """What the test files themselves ask for."""
        folders = {name.split("/")[0] for name in files if re.search(r"/test_\w+\.py$", name)}
        return f"python -m unittest discover -s {min(folders)} -t ." if folders else "python -m compileall ."

    @staticmethod
    def suspect(report: str) -> str:
        """The function called on the line that failed."""
        found = re.search(r"self\.assert\w+\((\w+)\(", report)
        if found is None:
            raise ValueError("the report names no function")
        return found[1]

    @classmethod
    def candidates(cls, source: str, function: str) -> list[Edit]:
        """Every line of the function with one operator turned, in the order of the lines."""
        body = source.split(f"def {function}(", 1)[1]
        return [
            Edit(line, line.replace(old, new))
            for line in body.splitlines()
            for old, new in cls.FLIPS
            if old in line and '"""' not in line
        ]

    @staticmethod
    def verdict(diff: str, rule_book: str) -> str:
        """Approve a small change that moves a limit, where the documentation says limits are inclusive."""
        changed = [line for line in diff.splitlines() if re.match(r"[+-][^+-]", line)]
        inclusive = "limit belongs" in rule_book and any("<=" in line for line in changed)
        one_line = [line[0] for line in changed] == ["-", "+"]
        return "approve" if inclusive and one_line else "ask a person"


def submit_quote(user: str, password: str, api_key: str, cents: int) -> None:
    """Send a quote to the carrier. There is no network here, and the message says too much, as they do."""
    raise ConnectionError(
        f"carrier.example: no route for {user} (password={password}, key {api_key}), "
        f"{cents} cents not sent, see {Path.home()}/.config/parcel-quotes/log"
    )


class Agent:
    """THINK, QUESTION, PLAN, EXECUTE."""

    def __init__(self, trace: t800.Session, root: Path) -> None:
        self.trace = trace
        self.tools = Tools(trace, root)
        self.planner = Planner(trace)
        self.secrets: dict[str, str] = {}

    def run(self) -> bool:
        """True when all tests pass in the end and the reviewer agrees."""
        command, report = self.think()
        self.question()
        path, edits = self.plan(report)
        return self.execute(command, path, edits)

    def think(self) -> tuple[str, str]:
        """Look around, and find a command that runs the tests."""
        with self.trace.phase("THINK") as phase:
            files = self.tools.list_files()
            texts = self.tools.read_all([name for name in files if name.endswith((".md", ".csv"))])
            self.secrets = self.read_settings()
            first = self.planner.ask("How is it checked?", Planner.documented_command, texts["README.md"])
            command, outcome = self.run_checks(first, files)
            phase.update(reasoning_tokens=len(outcome.output.split()))
        print(f"think     {len(files)} files; `{command}` says: {outcome.output.splitlines()[-1]}")
        return command, outcome.output

    def run_checks(self, command: str, files: list[str]) -> tuple[str, Outcome]:
        """Run the documented command; where it does not even start, find another."""
        outcome = self.tools.bash(command)
        if "No such file" not in outcome.output:
            return command, outcome
        retry = self.planner.ask("It does not exist. What else?", Planner.discovered_command, files)
        second = self.tools.bash(retry)
        recovery = {"attempted": True, "strategy": "discover_tests", "success": "Ran " in second.output}
        self.trace.error("COMMAND_NOT_FOUND", outcome.output.strip(), tool="bash", recovery=recovery)
        self.trace.decision("test_command", outcome=retry)
        return retry, second

    def read_settings(self) -> dict[str, str]:
        """The user's own settings, else the project's `.env`. The missing file is recorded by the span."""
        try:
            text = self.tools.read(Path.home() / ".config" / "parcel-quotes" / "settings.env")
        except OSError:
            text = self.tools.read(".env")
        return dict(line.split("=", 1) for line in text.splitlines())

    def question(self) -> None:
        """Nobody is there to answer, so the agent takes the answer that can be undone."""
        with self.trace.phase("QUESTION") as phase:
            answer = f"{getpass.getuser()} is away: edit the copy, leave {TEMPLATE} alone"
            self.trace.decision("may_i_edit", outcome=answer)
            phase.update(question_count=1, clarification_loops=0)
        print("question  may I edit? Only a copy")

    def plan(self, report: str) -> tuple[str, list[Edit]]:
        """From the failing test to the function it calls, to the edits worth trying."""
        with self.trace.phase("PLAN") as phase:
            function = self.planner.ask("Which function is wrong?", Planner.suspect, report)
            path = self.tools.search(rf"def {function}\(")[0]
            source = self.tools.read(path)
            edits = self.planner.ask("What could be wrong in it?", Planner.candidates, source, function)
            phase.update(plan_complexity=len(edits), revision_count=0)
        print(f"plan      {len(edits)} possible edits of {function} in {path}")
        return path, edits

    def execute(self, command: str, path: str, edits: list[Edit]) -> bool:
        """Try the edits, have the survivor reviewed, send a quote."""
        with self.trace.phase("EXECUTE"):
            before = (self.tools.root / path).read_text()
            edit = next(self.working_edits(command, path, edits), None)
            verdict = self.review(path, before) if edit else "nothing worked"
            self.trace.decision("review", outcome=verdict)
            self.send_quote()
        print(f"execute   {edit.new.strip() if edit else 'no edit'} -> {verdict}")
        return verdict == "approve"

    def working_edits(self, command: str, path: str, edits: list[Edit]) -> Iterator[Edit]:
        """The edits with which all tests pass; the others are taken back."""
        for edit in edits:
            self.tools.edit(path, edit.old, edit.new)
            if self.tools.bash(command).exit_code == 0:
                yield edit
            self.tools.edit(path, edit.new, edit.old)

    def review(self, path: str, before: str) -> str:
        """A sub-agent looks at the change; its events carry its name and hang below the call."""
        with self.trace.tool("delegate", {"agent": "reviewer", "file_path": path}) as call:
            with self.trace.agent("reviewer"):
                after, rules = self.tools.read(path), self.tools.read("docs/tariff.md")
                diff = "\n".join(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm=""))
                verdict: str = self.planner.ask("Is this change right?", Planner.verdict, diff, rules)
            call.result({"verdict": verdict})
        return verdict

    def send_quote(self) -> None:
        """Quote a parcel with the carrier's key; the carrier is offline, so the quote is kept."""
        key, password = self.secrets["CARRIER_API_KEY"], self.secrets["CARRIER_PASSWORD"]
        user = getpass.getuser()
        printed = self.tools.bash(f"CARRIER_API_KEY={key} python -m parcels 2000 10x10x10 EU").output
        cents = round(float(printed.split()[3]) * 100)
        parameters = {"user": user, "password": password, "api_key": key, "cents": cents}
        with self.trace.tool("submit_quote", parameters) as call:
            try:
                submit_quote(user, password, key, cents)
            except ConnectionError as refused:
                call.update(success=False)
                (self.tools.root / "outbox.txt").write_text(printed)
                recovery = {"attempted": True, "strategy": "keep_in_outbox", "success": True}
                self.trace.error("CARRIER_OFFLINE", str(refused), recovery=recovery)


def main() -> int:
    """Run the agent in a fresh copy of its workspace."""
    with (
        tempfile.TemporaryDirectory(prefix="parcel-quotes-") as folder,
        t800.session(agent="example-agent") as trace,
    ):
        repaired = Agent(trace, fresh_workspace(Path(folder))).run()
    print("repaired" if repaired else "not repaired")
    return 0 if repaired else 1


if __name__ == "__main__":
    sys.exit(main())
