"""Bad input: telemetry stays off or the file is named safely, one clear warning, and the agent runs on."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import t800
from t800.layout import telemetry_dir
from t800.system import user_number

Open = Callable[..., t800.Session]
Read = Callable[..., dict[str, Any]]
Run = Callable[..., subprocess.CompletedProcess[str]]

AGENT = """
import t800
for _ in range(3):
    with t800.session(enabled=True) as trace, trace.tool("read", {"a": 1}) as call:
        assert call.result(7) == 7
print("the agent is done", trace.enabled)
"""

REFUSED = {
    "unknown key": ("telemetry:\n  enbled: true\n", r"telemetry\.enbled.*telemetry\.enabled"),
    "unknown section": ("telemtry:\n  enabled: true\n", "telemtry"),
    "wrong type": ("telemetry:\n  enabled: 1\n", r"telemetry\.enabled"),
    "wrong number": ("trace_buffer:\n  max_events: many\n", r"trace_buffer\.max_events"),
    "negative number": ("trace_buffer:\n  max_events: -1\n", r"trace_buffer\.max_events"),
    "broken yaml": ("telemetry: [\n", "telemetry_config.yaml"),
    "tabs": ("telemetry:\n\tenabled: true\n", "telemetry_config.yaml"),
    "python object": (
        "telemetry: !!python/object/apply:os.system ['touch pwned']\n",
        "telemetry_config.yaml",
    ),
    "python name": ("always_redact: !!python/name:os.system\n", "telemetry_config.yaml"),
    "alias bomb": (
        "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "".join(
            f"{c}: &{c} [{','.join(['*' + p] * 9)}]\n" for p, c in zip("abcdefgh", "bcdefghi", strict=True)
        )
        + "always_redact: *i\n",
        "telemetry_config.yaml",
    ),
    "deep nesting": ("a: " + "[" * 20_000 + "\n", "telemetry_config.yaml"),
    "too large": ("# " + "x" * 70_000 + "\ntelemetry:\n  enabled: true\n", "telemetry_config.yaml"),
    "not a mapping": ("- telemetry\n", "telemetry_config.yaml"),
    "not utf-8": ("telemetry:\n  enabled: true # \udcff\udcfe\n", "telemetry_config.yaml"),
    "network": (
        "telemetry:\n  enabled: true\n  privacy:\n    local_only: false\n",
        r"telemetry\.privacy\.local_only",
    ),
    "secrets": ("telemetry:\n  privacy:\n    redact_secrets: false\n", r"telemetry\.privacy\.redact_secrets"),
    "base outside": ("file_paths:\n  base: /\n", r"file_paths\.base"),
    "base climbing": ("file_paths:\n  base: ../..\n", r"file_paths\.base"),
    "two documents": (
        "telemetry:\n  enabled: true\n---\ntelemetry:\n  enabled: true\n",
        "telemetry_config.yaml",
    ),
    "twice": ("telemetry:\n  enabled: true\ntelemetry:\n  enabled: true\n", "telemetry"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_configuration_is_off_and_said_once(python: Run, project: Path, name: str) -> None:
    text, said = REFUSED[name]
    layout = telemetry_dir()
    os.makedirs(os.path.dirname(layout.config_file))
    Path(layout.config_file).write_bytes(text.encode("utf-8", "surrogateescape"))
    done = python(AGENT)
    assert done.stdout == "the agent is done False\n"
    assert done.stderr.count("t800: recording is off") == 1
    assert re.search(said, done.stderr), done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr) < 2_000
    assert not (project / "pwned").exists()
    assert not Path(layout.traces).exists()


@pytest.mark.parametrize("kind", ["link", "folder", "fifo", "unreadable"])
def test_a_configuration_that_is_no_plain_file(python: Run, project: Path, tmp_path: Path, kind: str) -> None:
    layout = telemetry_dir()
    file = Path(layout.config_file)
    file.parent.mkdir(parents=True)
    elsewhere = tmp_path / "elsewhere.yaml"
    elsewhere.write_text("telemetry:\n  enabled: true\n")
    if kind == "link":
        file.symlink_to(elsewhere)
    elif kind == "folder":
        file.mkdir()
    elif kind == "fifo":
        os.mkfifo(file)
    else:
        if user_number() == 0:
            pytest.skip("root may read everything")
        file.write_text("telemetry:\n  enabled: true\n")
        file.chmod(0)
    done = python(AGENT)
    assert done.stdout == "the agent is done False\n"
    assert done.stderr.count("t800: recording is off") == 1


@pytest.mark.parametrize(
    "name",
    [
        "../../x", "/etc/passwd", "..", ".", "", "a/b", "a\\b", "a\0b", "a\nb", "con", "NUL", "x" * 5_000, "ünï",
        "-rf", "~", "$(id)", "\x1b[31mred", "\u202egnp.exe", "a b", ".hidden", "%2e%2e%2f", "\ud800", "x.part2",
    ],
)  # fmt: skip
def test_a_hostile_session_id_is_named_safely(
    open_session: Open, read_trace: Read, project: Path, name: str
) -> None:
    with open_session(session_id=name) as trace:
        trace.decision("x")
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", str(trace.session_id))
    path = Path(str(trace.path))
    assert path.parent == project / ".opencode" / "telemetry" / "traces"
    document = read_trace(trace)
    assert document["session_id"] == trace.session_id
    assert len(document["events"]) == 1
    assert {entry.name for entry in project.iterdir()} == {".git", ".opencode"}


@pytest.mark.parametrize(
    "name",
    [
        "AKIA" + "J7Q2WNX4KD5TPRM3",
        "password=copper" + "kettle42",
        "jane.doe@northwind.dev",
        "/home/janedoe/x",
    ],
)
def test_a_session_id_that_holds_a_secret_shows_nothing_of_it(
    open_session: Open, project: Path, name: str
) -> None:
    with open_session(session_id=name, host_session_id=name) as trace:
        trace.decision("x")
    assert re.fullmatch("ses-[0-9a-f]{12}", str(trace.session_id))
    told = re.findall("AKIA.+|kettle42|jane", name)[0]
    for file in (project / ".opencode").rglob("*"):
        assert told not in file.name
        assert not file.is_file() or told.encode() not in file.read_bytes()


@pytest.mark.parametrize("argument", ["agent", "host_session_id"])
@pytest.mark.parametrize("value", ["\ud800", "a\0b", "x" * 1_000_000, "\x1b[2J", 7, b"bytes", ["list"]])
def test_hostile_names_in_the_header(project: Path, read_trace: Read, argument: str, value: object) -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with t800.session(enabled=True, **{argument: value}) as trace:
            trace.decision("x")
    if trace.enabled:
        document = read_trace(trace)
        assert len(document["events"]) == 1
        assert Path(str(trace.path)).stat().st_size < 100_000


@pytest.mark.parametrize(
    "place", [".opencode", ".opencode/telemetry", ".opencode/telemetry/traces", ".opencode/telemetry/.t800"]
)
def test_a_link_in_the_place_of_a_folder_is_refused(
    python: Run, project: Path, tmp_path: Path, place: str
) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    link = project / place
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(victim)
    done = python(AGENT)
    assert done.stdout == "the agent is done False\n"
    assert done.stderr.count("t800: recording is off") == 1
    assert list(victim.iterdir()) == []


def test_a_working_directory_that_is_gone(python: Run, tmp_path: Path) -> None:
    done = python(
        "import os, tempfile\nfolder = tempfile.mkdtemp()\nos.chdir(folder)\nos.rmdir(folder)\n" + AGENT
    )
    assert done.stdout.startswith("the agent is done")
    assert "Traceback" not in done.stderr


def test_surroundings_without_home_user_and_state_folder(python: Run) -> None:
    done = python(
        "import os\nfor n in list(os.environ):\n    del os.environ[n]\nos.environ['HOME'] = '/nonexistent/home'\n"
        + AGENT
    )
    assert done.stdout == "the agent is done True\n"
    assert "Traceback" not in done.stderr


def test_warnings_as_errors_do_not_reach_the_agent(python: Run) -> None:
    layout = telemetry_dir()
    os.makedirs(os.path.dirname(layout.config_file))
    Path(layout.config_file).write_text("nonsense: 1\n")
    done = python("import warnings\nwarnings.simplefilter('error')\n" + AGENT)
    assert done.stdout == "the agent is done False\n"


def test_closed_standard_streams_hurt_nobody(python: Run, project: Path) -> None:
    python(
        "import os\nfor n in (0, 1, 2):\n    os.close(n)\nimport t800\n"
        "with t800.session(enabled=True, session_id='ses_x') as trace:\n    trace.decision('x')\n"
        "open('done', 'w').write(str(trace.close()))\n",
        check=False,
    )
    assert (project / "done").read_text() == "True"


def test_a_terminal_escape_in_a_value_stays_text_in_the_file(open_session: Open) -> None:
    with open_session() as trace:
        trace.tool_call("t", {"v": "\x1b]0;owned\x07\x1b[2J\x9b31m"})
    data = Path(str(trace.path)).read_bytes()
    assert b"\x1b" not in data
    assert b"\x07" not in data


@pytest.mark.parametrize(
    "arguments",
    [
        {"settings": 3}, {"settings": {3: 4}}, {"settings": {"telemetry.enbled": True}}, {"session_id": 7}, {"dir": 7},
        {"dir": "a\0b"}, {"strict": "perhaps"}, {"enabled": "perhaps"}, {"agent": object()}, {"host_session_id": 3.5},
    ],
    ids=str,
)  # fmt: skip
def test_wrong_arguments_of_a_session_never_raise(project: Path, arguments: dict[str, Any]) -> None:
    import importlib
    import warnings

    importlib.import_module("t800.session")._said.clear()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        with t800.session(**({"enabled": True} | arguments)) as trace:
            trace.decision("x")
    assert trace.enabled or len(said) == 1
