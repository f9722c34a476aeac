"""`t800 redact`: the recorder's redaction as a filter of real processes."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

REDACT = [sys.executable, "-P", "-c", "import sys; from t800.cli import main; sys.exit(main())", "redact"]
EVENT = {
    "type": "tool_call",
    "tool": "bash",
    "parameters": {
        "api_key": "k-3f9a8b7c6d5e",
        "nested": [{"password": "hunter2hunter2"}, {"password_count": 2}],
        "file_path": "/home/mwilson/work/acme-shop/src/auth.ts",
        "text": "plain words",
        "count": 18446744073709551615,
        "ratio": 1e-7,
    },
}
PLACES = ["--home", "/home/mwilson", "--project-root", "/home/mwilson/work/acme-shop", "--identity", "none"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    return tmp_path


def filtered(text: bytes, *arguments: str, **environ: str) -> tuple[int, bytes, str]:
    done = subprocess.run(
        [*REDACT, *arguments],
        input=text,
        capture_output=True,
        timeout=60,
        check=False,
        env=os.environ | environ,
    )
    return done.returncode, done.stdout, done.stderr.decode()


def line(event: object) -> bytes:
    return json.dumps(event, separators=(",", ":")).encode() + b"\n"


def redacted(event: object, *arguments: str) -> Any:
    code, out, err = filtered(line(event), *PLACES, *arguments)
    assert (code, err) == (0, "")
    return json.loads(out)


def test_sensitive_keys_go_and_everything_else_stays(home: Path) -> None:
    del home
    after = redacted(EVENT, "--content", "scan")["parameters"]
    assert after["api_key"] == after["nested"][0]["password"] == "[REDACTED]"
    assert after["nested"][1] == {"password_count": 2}
    assert after["text"] == "plain words"
    assert after["count"] == 18446744073709551615
    assert after["ratio"] == 1e-7


def test_content_is_hashed_or_scanned(home: Path) -> None:
    del home
    assert redacted(EVENT, "--content", "hash")["parameters"]["text"].startswith("[content hash: ")
    assert redacted(EVENT)["parameters"]["text"].startswith("[content hash: ")
    assert redacted(EVENT, "--content", "scan")["parameters"]["text"] == "plain words"


def test_home_and_project_come_from_options_or_the_environment(home: Path) -> None:
    del home
    assert redacted(EVENT)["parameters"]["file_path"] == "src/auth.ts"
    _, out, _ = filtered(
        line(EVENT), T800_HOME="/home/mwilson", T800_PROJECT_ROOT="/home/mwilson/work/acme-shop"
    )
    assert json.loads(out)["parameters"]["file_path"] == "src/auth.ts"


def test_lines_come_one_for_one_in_order_without_a_limit(home: Path) -> None:
    del home
    events = [{"type": "decision", "decision_type": "d", "outcome": number} for number in range(5000)]
    events[7]["outcome"] = "long " * 200_000
    code, out, _ = filtered(b"".join(map(line, events)), "--content", "scan")
    assert code == 0
    assert [json.loads(text)["outcome"] for text in out.splitlines()] == [
        event["outcome"] for event in events
    ]


def test_a_pipe_is_answered_line_by_line(home: Path) -> None:
    del home
    with subprocess.Popen(REDACT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number in range(3):
            process.stdin.write(line({"n": number}))
            process.stdin.flush()
            assert json.loads(process.stdout.readline()) == {"n": number}
        process.stdin.close()
    assert process.returncode == 0


def test_a_line_that_is_no_json_comes_out_as_a_redacted_string(home: Path) -> None:
    del home
    code, out, err = filtered(b'{"a":1}\n{"a":\nwords\n')
    assert code == 1
    assert json.loads(out.splitlines()[2]) == "words"
    assert "of 3 lines these are not JSON: 2, 3" in err


def test_explain_names_rule_and_key_and_never_the_value(home: Path) -> None:
    del home
    code, out, _ = filtered(line(EVENT) + b"nonsense\n", *PLACES, "--explain")
    found = {entry["key"]: entry for entry in map(json.loads, out.splitlines())}
    assert code == 1
    assert {"parameters.api_key", "parameters.nested[0].password", "parameters.text"} <= found.keys()
    assert all(entry["line"] == 1 and entry["rules"] for entry in found.values())
    assert b"3f9a8b7c6d5e" not in out
    assert b"hunter2" not in out


def test_explain_names_own_rules_and_reads_lines_that_are_no_json(home: Path) -> None:
    config = home / ".opencode" / "telemetry" / "config" / "telemetry_config.yaml"
    config.parent.mkdir(parents=True)
    config.write_text("telemetry: {privacy: {rules: [{id: acme.employee, pattern: 'EMP-[0-9]{6}'}]}}\n")
    event = {"a": [{"EMP-204817": "ask EMP-204817, EMP-204818"}]}
    code, out, err = filtered(line(event) + b"{ ask EMP-204817\n" + line({"a": 1}), "--explain")
    assert (code, "of 3 lines these are not JSON: 2" in err) == (1, True)
    assert list(map(json.loads, out.splitlines())) == [
        {"line": 1, "key": "a[0].[REDACTED]", "rules": {"acme.employee": 1}},
        {"line": 1, "key": "a[0].[REDACTED]", "rules": {"acme.employee": 2}},
        {"line": 2, "key": "", "rules": {"acme.employee": 1}},
    ]


def work_of_children() -> float:
    """Seconds of the processor's time, which other work on the machine does not lengthen."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_explaining_takes_hardly_longer_than_redacting(home: Path) -> None:
    del home
    words = ["plain words of a log line", "mail dev@acme.dev", {"api_key": "k-3f9a8b7c6d5e"}] * 40
    text = line({"type": "tool_call", "parameters": words}) * 1500
    started = work_of_children()
    redacted = filtered(text, "--content", "scan")[1]
    first = work_of_children()
    explained = filtered(text, "--content", "scan", "--explain")[1]
    assert work_of_children() - first < 4 * (first - started) + 2
    assert explained.count(b"\n") == redacted.count(b"[REDACTED]") == 1500 * 80


def test_an_identity_file_names_whom_to_look_for(home: Path) -> None:
    (home / "identity.json").write_text('{"users": ["wilhelmina"], "values": ["correct-horse-battery"]}')
    event = {"type": "decision", "decision_type": "d", "outcome": "ask wilhelmina for correct-horse-battery"}
    arguments = ("--content", "scan", "--identity")
    _, out, _ = filtered(line(event), *arguments, "identity.json")
    assert b"wilhelmina" not in out
    assert b"correct-horse" not in out
    assert b"ask " in out
    _, out, _ = filtered(line(event), *arguments, "none")
    assert b"ask wilhelmina for correct-horse-battery" in out


def test_a_wrong_identity_file_is_refused(home: Path) -> None:
    wrong = home / "identity.json"
    for text in ("nonsense", "[]", '{"users": "me"}', '{"people": []}'):
        wrong.write_text(text)
        code, out, err = filtered(line(EVENT), "--identity", str(wrong))
        assert (code, out) == (2, b"")
        assert "identity.json" in err
    assert filtered(line(EVENT), "--identity", "nosuch.json")[0] == 3


def test_a_refused_configuration_lets_nothing_through(home: Path) -> None:
    config = home / ".opencode" / "telemetry" / "config" / "telemetry_config.yaml"
    config.parent.mkdir(parents=True)
    config.write_text("telemetry: {privacy: {redact_secrets: false}}\n")
    code, out, err = filtered(line(EVENT))
    assert (code, out) == (2, b"")
    assert "redact_secrets" in err
