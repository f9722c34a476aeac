"""`t800 search`: every hit, no other, wherever it stands in a file."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.trace_files import document, error, llm, tool, write

from t800.cli import main
from t800.layout import Layout
from t800.search import Query

OTHER = "2026-01-16_08-00-00_ses_other"


@pytest.fixture
def layout(layout: Layout) -> Layout:
    nested = {"command": "make test", "env": [{"PATH": "/usr/bin"}, 42]}
    events = [
        tool(1, tool="bash", parameters_redacted=nested, **at("10:30:01")),
        llm(2, **at("10:30:02")),
        error(3, tool="bash", message="Quota «Überlauf» reached", **at("10:30:03")),
        tool(4, parameters_redacted={"file_path": 'a "quoted" \\ name'}, success=False, **at("10:30:04")),
    ]
    write(layout, document(events))
    later = [tool(n, tool="bash", text="MAKE it", timestamp="2026-01-16T08:00:00.000Z") for n in range(1, 4)]
    write(layout, document(later, stem=OTHER, agent="other"), f"{OTHER}.json.gz")
    return layout


def at(time: str) -> dict[str, str]:
    return {"timestamp": f"2026-01-15T{time}.000Z"}


def hits(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    code = main(["search", *arguments, "--json"])
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    assert code == (0 if found else 1)
    return [f"{hit['session_id'][4:]}/{hit['event_id'][4:]}" for hit in found]


LATER = ["other/001", "other/002", "other/003"]


@pytest.mark.usefixtures("layout")
@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["make"], [*LATER, "abc/001"]),
        (["make", "--case"], ["abc/001"]),
        (["überlauf"], ["abc/003"]),
        (['"quoted" \\'], ["abc/004"]),
        (["42"], ["abc/001"]),
        (["/usr/bin"], ["abc/001"]),
        (["-e", r"make\s(it|test)$"], [*LATER, "abc/001"]),
        (["-e", "^MAKE", "--case"], LATER),
        (["--tool", "bash"], [*LATER, "abc/001", "abc/003"]),
        (["--tool", "BA*", "--error-type", "tool_*"], ["abc/003"]),
        (["--error-type", "TOOL_TIMEOUT"], ["abc/003"]),
        (["--model", "claude-*"], ["abc/002"]),
        (["--model", "[c]laude-sonnet-?"], ["abc/002"]),
        (["quota", "--tool", "bash"], ["abc/003"]),
        (["make", "--since", "2026-01-16"], LATER),
        (["make", "--until", "2026-01-15"], ["abc/001"]),
        (["--tool", "bash", "--since", "2026-01-15T10:30:02", "--until", "2026-01-15T10:30:04"], ["abc/003"]),
        (["make", "--limit", "2"], LATER[:2]),
        (["make", "--limit", "0"], [*LATER, "abc/001"]),
        (["nowhere"], []),
        (["Maß"], []),
    ],
)
def test_what_is_found(capsys: pytest.CaptureFixture[str], arguments: list[str], found: list[str]) -> None:
    assert hits(capsys, *arguments) == found


@pytest.mark.usefixtures("layout")
def test_a_hit_says_session_event_field_and_context(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "usr", "--json"]) == 0
    (hit,) = json.loads(capsys.readouterr().out)
    assert (hit["session_id"], hit["event_id"], hit["type"], hit["tool"]) == (
        "ses_abc",
        "evt_001",
        "tool_call",
        "bash",
    )
    assert hit["matches"] == [
        {"field": "parameters_redacted.env[0].PATH", "before": "/", "match": "usr", "after": "/bin"}
    ]
    assert main(["search", "usr"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("t800  ses_abc  2026-01-15 10:30:00 UTC")
    assert lines[1:] == ["  evt_001 10:30:01 bash", "    parameters_redacted.env[0].PATH: /usr/bin"]


@pytest.mark.usefixtures("layout")
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Say what to look for"),
        (["-e", "(x"], "no regular expression"),
        (["x", "--since", "?"], "not a time"),
    ],
)
def test_wrong_usage(capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str) -> None:
    assert main(["search", *arguments]) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.usefixtures("layout")
def test_nothing_found_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "nowhere"]) == 1
    assert capsys.readouterr().out == "nothing found in 2 sessions\n"


def test_hostile_hits_are_harmless_lines_that_fit(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    evil = "\x1b[31m\u202e" + "日本語" * 50 + "needle" + "\x07\n" * 50 + "x" * 5000
    stem = "2026-01-17_08-00-00_ses_evil"
    write(layout, document([tool(1, tool=evil, text=evil)], stem=stem, agent=evil), f"{stem}.json")
    assert main(["search", "NEEDLE"]) == 0
    printed = capsys.readouterr().out
    assert all(character.isprintable() or character == "\n" for character in printed)
    assert "needle" in printed
    assert max(map(len, printed.splitlines())) <= 80


def test_a_session_with_holes_is_searched_around_them(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    stem = "2026-01-18_08-00-00_ses_torn"
    path = write(layout, document([tool(n, text="needle") for n in range(1, 5)], stem=stem), f"{stem}.json")
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2][:40] + b"\n"
    path.write_bytes(b"".join(lines)[:-30])
    os.symlink("/etc/passwd", Path(layout.traces, "2026-01-19_08-00-00_ses_link.json"))
    Path(layout.traces, "2026-01-19_08-00-00_ses_junk.json").write_bytes(b"\x00needle\xff" * 100)
    assert hits(capsys, "needle") == ["torn/001", "torn/003", "torn/004"]


TEXTS = st.text(
    alphabet=st.sampled_from('aAkKsSiI "\\/<é日\u0130\u0131\u017f\u212a\n1.-'), min_size=1, max_size=6
)


@given(text=TEXTS, event_text=TEXTS, exact=st.booleans())
def test_the_first_look_never_hides_a_hit(text: str, event_text: str, exact: bool) -> None:
    query = Query(text=text, exact_case=exact)
    event = tool(1, text=event_text)
    look = query.may_hold()
    assert look is None or not query.matches(event) or look(document([event]))
