"""`t800 doctor`: what it notes, and the few things that it calls bad."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import t800
from t800.cli import main
from t800.hosts import program
from t800.system import user_number

Findings = dict[str, tuple[str, str]]


@pytest.fixture
def doctor(project: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[int], Findings]:
    """Runs it; the findings by what they are about."""

    def run(code: int) -> Findings:
        capsys.readouterr()
        assert main(["doctor", "--json"]) == code
        told: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
        return {finding["about"]: (finding["state"], finding["text"]) for finding in told}

    return run


def configure(root: Path, text: str) -> None:
    config = root / ".opencode" / "telemetry" / "config" / "telemetry_config.yaml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(text)


def test_off_is_no_fault_and_leaves_nothing(doctor: Callable[[int], Findings], project: Path) -> None:
    before = sorted(project.rglob("*"))
    found = doctor(0)
    assert found["recording"][0] == "note"
    assert "nobody switched it on" in found["recording"][1]
    assert "trial" not in found
    assert sorted(project.rglob("*")) == before


def test_switched_on_it_records_for_a_trial(doctor: Callable[[int], Findings], project: Path) -> None:
    configure(project, "telemetry:\n  enabled: true\n  ring: beside\n")
    found = doctor(0)
    assert {found[about][0] for about in ("recording", "folder", "trial", "ring", "key")} == {"ok"}
    assert "beside the traces" in found["ring"][1]
    assert not list((project / ".opencode" / "telemetry").rglob("*ses_doctor*"))


def test_a_refused_configuration_is_bad(doctor: Callable[[int], Findings], project: Path) -> None:
    configure(project, "telemetry:\n  enabeld: true\n")
    state, text = doctor(1)["configuration"]
    assert state == "bad"
    assert "enabled" in text


def test_a_folder_that_cannot_be_written_is_bad(
    doctor: Callable[[int], Findings], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if user_number() == 0:
        pytest.skip("root may write everywhere")
    project.chmod(0o500)
    try:
        assert doctor(1)["folder"][0] == "bad"
    finally:
        project.chmod(0o700)


def test_it_names_what_means_nothing_and_what_has_no_price(
    doctor: Callable[[int], Findings], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("T800_ENABELD", "1")
    with t800.session(enabled=True) as trace:
        trace.llm_call("a-model-of-nobody", prompt_tokens=7, completion_tokens=1)
    found = doctor(0)
    assert found["environment"] == ("note", "T800_ENABELD is set and means nothing")
    assert "a-model-of-nobody (1 call);" in found["prices"][1]


def test_it_lists_the_models_without_a_price_by_their_calls(
    doctor: Callable[[int], Findings], project: Path
) -> None:
    for calls in (2, 3):
        with t800.session(enabled=True) as trace:
            for _ in range(calls):
                trace.llm_call("nobodys", prompt_tokens=7, completion_tokens=1)
    with t800.session(enabled=True) as trace:
        trace.llm_call("gpt-4o", provider="openai", prompt_tokens=7, completion_tokens=1)
        trace.llm_call("its own price", prompt_tokens=7, completion_tokens=1, cost_usd=0.5)
        trace.llm_call("uncounted")
        for number in range(12):
            trace.llm_call(f"other {number}", prompt_tokens=7, completion_tokens=1)
    text = doctor(0)["prices"][1]
    assert text.startswith("not known for nobodys (5 calls), other ")
    assert ", 3 more; " in text
    assert not any(name in text for name in ("gpt-4o", "its own price", "uncounted"))


def test_it_sees_where_it_is_installed_and_whether_that_works(
    doctor: Callable[[int], Findings], project: Path
) -> None:
    assert main(["install", "claude-code", "--yes"]) == 0
    assert doctor(0)["claude-code"][0] == "ok"
    os.unlink(program.noted())
    state, text = doctor(0)["claude-code"]
    assert state == "note"
    assert "t800 install claude-code" in text
