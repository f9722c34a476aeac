"""What one opening of a session remembers for the next, and what it must not believe."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import t800
from t800._opening import place
from t800.layout import telemetry_dir

Open = Callable[..., t800.Session]


def telemetry() -> Path:
    return Path(telemetry_dir().telemetry)


def key_file() -> Path:
    return Path(os.environ["HOME"]) / ".local" / "state" / "t800" / "key"


def refused() -> None:
    with pytest.warns(RuntimeWarning, match="symbolic link"):
        assert not t800.session(enabled=True).enabled


def metadata(trace: t800.Session) -> dict[str, Any]:
    trace.close()
    assert trace.path is not None
    return dict(json.loads(Path(trace.path).read_text())["metadata"])


@pytest.fixture
def opened(open_session: Open) -> t800.Session:
    """The last of several sessions, which all are open: by now everything is remembered."""
    return [open_session() for _ in range(3)][-1]


def test_folders_that_were_removed_are_made_again(open_session: Open, opened: t800.Session) -> None:
    del opened
    shutil.rmtree(telemetry())
    trace = open_session()
    trace.decision("here")
    assert trace.flush()
    assert trace.path is not None
    assert Path(trace.path).exists()
    assert (telemetry() / ".gitignore").read_text() == "*\n"
    (telemetry() / ".gitignore").unlink()
    (telemetry() / "config").rmdir()
    open_session()
    assert (telemetry() / ".gitignore").exists()
    assert (telemetry() / "config").is_dir()


@pytest.mark.usefixtures("opened")
def test_a_folder_that_became_a_link_is_refused(tmp_path: Path) -> None:
    telemetry().rename(tmp_path / "elsewhere")
    telemetry().symlink_to(tmp_path / "elsewhere")
    refused()


@pytest.mark.usefixtures("opened")
def test_a_folder_in_it_that_became_a_link_is_refused(tmp_path: Path) -> None:
    (telemetry() / "aggregated").rmdir()
    (tmp_path / "elsewhere").mkdir()
    (telemetry() / "aggregated").symlink_to(tmp_path / "elsewhere")
    refused()


def test_another_key_makes_other_hashes(open_session: Open, opened: t800.Session) -> None:
    first = metadata(opened)
    key_file().write_bytes(b"k" * 32)
    second = metadata(open_session())
    key_file().unlink()
    third = metadata(open_session())
    assert len({each["user_id_hash"] for each in (first, second, third)}) == 3
    assert key_file().stat().st_size == 32


def test_a_key_that_became_a_link_is_not_used(
    open_session: Open, opened: t800.Session, tmp_path: Path
) -> None:
    first = metadata(opened)
    key_file().rename(tmp_path / "key")
    key_file().symlink_to(tmp_path / "key")
    second = metadata(open_session())
    assert (first.get("key"), second["key"]) == (None, "ephemeral")
    assert first["user_id_hash"] != second["user_id_hash"]


def test_the_key_of_another_home_is_another(
    open_session: Open, opened: t800.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = metadata(opened)
    monkeypatch.setenv("HOME", str(tmp_path / "other"))
    assert metadata(open_session())["project_hash"] != first["project_hash"]
    monkeypatch.setenv("T800_KEY_FILE", str(tmp_path / "mine"))
    (tmp_path / "mine").write_bytes(b"m" * 32)
    mine = metadata(open_session())["project_hash"]
    (tmp_path / "mine").write_bytes(b"n" * 32)
    assert metadata(open_session())["project_hash"] != mine


@pytest.mark.usefixtures("opened")
def test_variables_and_the_off_switch_count_at_each_opening(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("T800_ENABLED", "0")
    assert not t800.session(enabled=True).enabled
    monkeypatch.delenv("T800_ENABLED")
    with t800.session(enabled=True) as trace:
        assert trace.settings is not None
        assert trace.settings.values["trace_buffer.max_events"] == 50
    monkeypatch.setenv("T800_TRACE_BUFFER_MAX_EVENTS", "7")
    with t800.session(enabled=True) as trace:
        assert trace.settings is not None
        assert trace.settings.values["trace_buffer.max_events"] == 7
    key_file().with_name("disabled").touch()
    assert not t800.session(enabled=True).enabled


def test_values_of_the_environment_are_known_at_each_opening(
    open_session: Open, opened: t800.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    del opened
    # Nothing about it but its variable's name says that it is a secret.
    value = "correct-horse-battery"
    monkeypatch.setenv("SERVICE_PASSWORD", value)
    trace = open_session()
    trace.decision("said", outcome=f"it is {value} indeed")
    trace.close()
    assert trace.path is not None
    assert value not in Path(trace.path).read_text()


def test_a_folder_belongs_to_one_project_while_a_session_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outer, inner = tmp_path / "outer", tmp_path / "outer" / "inner"
    (outer / ".git").mkdir(parents=True)
    inner.mkdir()
    monkeypatch.chdir(inner)
    with t800.session(enabled=True) as trace:
        assert place(None).root == str(outer)
        (inner / ".git").mkdir()
        with t800.session(enabled=True) as other:
            assert trace.layout is not None
            assert other.layout is not None
            assert other.layout.root == trace.layout.root == str(outer)
    with t800.session(enabled=True) as later:
        assert later.layout is not None
        assert later.layout.root == str(inner)
