"""The scoring script: a redactor that does nothing, one that destroys everything, and our own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[1] / "benches" / "score_redaction.py"
SECRET = "Zq7hunter2-Lk3Vw9"
NOTHING = "import sys; sys.stdout.write(sys.stdin.read())"
EVERYTHING = "import sys; [print('{}') for _ in sys.stdin]"
HALF = f"import sys; sys.stdout.write(sys.stdin.read().replace({SECRET!r}, {SECRET[:12]!r}))"
PERFECT = (
    f"import sys; sys.stdout.write(sys.stdin.read().replace({SECRET!r}, 'x').replace('ann@corp.io', 'x'))"
)
TORN = "import sys; lines = sys.stdin.readlines(); [print('{') for _ in lines[1:]]"


def case(kind: str, group: str, text: str, *gone: str, ctx: str = "c", source: str = "x", **more: Any) -> str:
    event = {"type": "tool_call", "tool": "bash", "parameters": {"command": text}}
    return json.dumps(
        {"id": group, "source": source, "kind": kind, "group": group, "ctx": ctx, "event": event}
        | {"must_not_appear": gone, "must_survive": [text.partition(" ")[0]]}
        | more
    )


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.jsonl"
    cases = [
        case("secret", "acme", f"deploy --password {SECRET} now", SECRET),
        case("secret", "novel", f"export API_KEY={SECRET} now", SECRET, unseen=True),
        case("secret", "acme", f"login {SECRET}", SECRET, ctx="bare_arg"),
        case("secret", "cred-file", f"cat PASSWORD={SECRET}", SECRET, source="hand"),
        case("secret", "vault-file", f"cat password={SECRET}", SECRET, source="hand"),
        case("field", "base", f"set password={SECRET}", SECRET),
        case("path", "in-project", "cat a.txt", "mwilson"),
        case("pii", "email", "mail ann@corp.io", "ann@corp.io"),
        case("pii", "person-name(stretch)", f"hello {SECRET}", SECRET),
        case("benign", "real.py", "def main(argv): return 0", source="pkg:x"),
        case("benign", "field-false-friend", "max_tokens=4096"),
    ]
    path.write_text("\n".join(cases) + "\n")
    return path


def score(corpus: Path, *arguments: str, filtering: str | None = None) -> tuple[int, str, dict[str, Any]]:
    figures = corpus.with_suffix(".figures")
    command = [] if filtering is None else ["--", sys.executable, "-c", filtering]
    done = subprocess.run(
        [sys.executable, SCRIPT, corpus, "--json", figures, *arguments, *command],
        capture_output=True,
        text=True,
        check=False,
        cwd=corpus.parent,
    )
    assert done.stderr == ""
    rows = json.loads(figures.read_text())["rows"]
    return done.returncode, done.stdout, {title: parts["all"] for title, parts in rows.items()}


def test_a_filter_that_does_nothing(corpus: Path) -> None:
    code, page, figures = score(corpus, "--check", filtering=NOTHING)
    assert code == 1
    assert figures == {
        "secrets, all": [0, 5],
        "secrets, providers never seen": [0, 1],
        "token with a naming key": [0, 2],
        "token alone": [0, 1],
        "credential files": [0, 1],
        "vault-file": [0, 1],
        "sensitive keys": [0, 1],
        "paths": [1, 1],
        "core PII": [0, 1],
        "all PII": [0, 1],
        "PII with names in prose (stretch)": [0, 2],
        "benign events changed": [0, 2],
        "real files changed": [0, 1],
        "false-friend keys changed": [0, 1],
        "text around a finding lost": [0, 9],
    }
    lines = {line[:36].strip(): line for line in page.splitlines()}
    assert lines["secrets, all"].endswith("≥ 97 MISSED")
    assert lines["paths"].endswith("≥ 100 ok")
    assert "≥" not in lines["vault-file"]


def test_a_filter_that_destroys_everything(corpus: Path) -> None:
    _, _, figures = score(corpus, filtering=EVERYTHING)
    assert figures["secrets, all"] == [5, 5]
    assert figures["benign events changed"] == [2, 2]
    assert figures["text around a finding lost"] == [9, 9]


def test_most_of_a_long_secret_is_a_leak(corpus: Path) -> None:
    assert score(corpus, filtering=HALF)[2]["secrets, all"] == [0, 5]


def test_a_perfect_filter_passes_the_check(corpus: Path) -> None:
    code, page, figures = score(corpus, "--check", filtering=PERFECT)
    assert (code, figures["secrets, all"], figures["all PII"]) == (0, [5, 5], [1, 1])
    assert "MISSED" not in page


def test_torn_and_missing_lines_are_leaks_and_changes(corpus: Path) -> None:
    _, _, figures = score(corpus, filtering=TORN)
    assert figures["secrets, all"] == [0, 5]
    assert figures["paths"] == [0, 1]
    assert figures["benign events changed"] == [2, 2]


def test_kinds_speed_and_failures_on_demand(corpus: Path) -> None:
    _, page, figures = score(
        corpus, "--kinds", "secret,benign", "--speed", "1", "--show", "9", filtering=NOTHING
    )
    assert "all PII" not in figures
    assert "MB/s, benign part" in page
    shown = [line.split()[:3] for line in page.splitlines() if line.startswith("LEAK")]
    # Groups that are held out are counted and not shown.
    held_out = json.loads(corpus.with_suffix(".figures").read_text())["rows"]["secrets, all"].get(
        "held_out", [0, 0]
    )
    assert len(shown) == 5 - held_out[1]


def test_our_own_redactor_is_the_default(corpus: Path) -> None:
    _, _, figures = score(corpus)
    assert figures["token with a naming key"] == [2, 2]
    assert figures["core PII"] == [1, 1]
    assert figures["benign events changed"] == [0, 2]
    assert figures["text around a finding lost"] == [0, 9]
