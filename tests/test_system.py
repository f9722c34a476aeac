"""What differs between operating systems, by both ways: as this system has it, and as one without POSIX."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from t800 import lock, system
from t800.errors import TraceFileError

PORTABLY = os.pathsep.join(
    [str(Path(__file__).parent / "portable"), *filter(None, [os.environ.get("PYTHONPATH")])]
)

Run = Callable[..., subprocess.CompletedProcess[str]]
Read = Callable[[str], dict[str, Any]]

needs_links = pytest.mark.skipif(os.name == "nt", reason="links need a right of their own on Windows")


def portably(python: Run, program: str, *arguments: str) -> list[Any]:
    """What a program prints as JSON where `os` has no POSIX."""
    program = f"import json, os, sys, t800\nassert not hasattr(os, 'fork')\n{textwrap.dedent(program)}"
    done = python(program, *arguments, PYTHONPATH=PORTABLY)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_nothing_posix_is_left_without_posix(python: Run) -> None:
    names = [
        "fork",
        "geteuid",
        "getuid",
        "fchmod",
        "pread",
        "O_NOFOLLOW",
        "O_DIRECTORY",
        "O_NONBLOCK",
        "register_at_fork",
    ]
    program = """
        print(json.dumps([name for name in sys.argv[1:] if hasattr(os, name)]))
        try:
            import fcntl
        except ImportError:
            print("null")
    """
    assert portably(python, program, *names) == [[], None]


def test_a_session_is_recorded_read_and_retired_without_posix(python: Run, project: Path) -> None:
    program = """
        import t800
        from t800 import config, layout, memory, reader, retention
        from t800.aggregate import daily

        with t800.session(agent="tester", enabled=True) as trace:
            with trace.tool("read", {"file_path": "a.py", "api_key": "hunter2hunter2"}) as call:
                call.result("x")
            trace.flush()
            print(json.dumps(reader.resolve(layout.telemetry_dir(), "last").live))
            path = trace.path
        place = layout.telemetry_dir()
        session = reader.resolve(place, "last")
        print(json.dumps([session.live, [event["type"] for event in session.events()], path]))
        daily.update_all(place, [session.stem])
        print(json.dumps(os.listdir(place.aggregated)))
        print(json.dumps(len(memory.Episodes(place).recall())))
        settings = config.load(place, {"telemetry.enabled": True})
        report = retention.prune(place, settings, now=4e9)
        print(json.dumps([len(report.retired), os.listdir(place.traces)]))
    """
    live, (ended, types, path), days, episodes, retired = portably(python, program)
    assert (live, ended, types) == (True, False, ["tool_call"])
    assert path.startswith(str(project / ".opencode" / "telemetry" / "traces"))
    assert [name.endswith("_summary.json") for name in days] == [True]
    assert episodes == 1
    assert retired == [1, []]


@pytest.mark.posix
def test_what_is_made_is_this_user_s_alone(python: Run, project: Path) -> None:
    portably(python, "import t800\nt800.session(enabled=True).close()")
    telemetry = project / ".opencode" / "telemetry"
    modes = {path.stat().st_mode & 0o077 for path in telemetry.rglob("*") if path.name != ".opencode"}
    assert modes == {0}


@needs_links
def test_links_are_refused_by_both_ways(python: Run, tmp_path: Path) -> None:
    file, link, folder = tmp_path / "file", tmp_path / "link", tmp_path / "folder"
    file.write_bytes(b"x" * 10)
    link.symlink_to(file)
    folder.symlink_to(tmp_path)
    program = f"""
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from test_system import refusals
        print(json.dumps(refusals(*sys.argv[1:])))
    """
    expected = ["OSError", "OSError", "FileExistsError", "NotADirectoryError", "TraceFileError"]
    arguments = [str(path) for path in (link, folder)]
    assert refusals(*arguments) == expected
    assert portably(python, program, *arguments) == [expected]
    assert file.read_bytes() == b"x" * 10
    assert os.read(system.open_file(str(link), follow=True), 1) == b"x"


def refusals(link: str, folder: str) -> list[str]:
    """What is raised for a link to a file, and for one to a folder."""
    above, told = system.Folder(os.path.dirname(link)), []
    for attempt in (
        lambda: system.open_file(link),
        lambda: system.open_or_create(link),
        lambda: system.create_file(link),
        lambda: system.Folder(folder, above),
        lambda: lock.locked(link, 0).__enter__(),
    ):
        try:
            attempt()
        except (OSError, TraceFileError) as error:
            told.append(type(error).__name__)
        else:
            told.append("")
    above.close()
    return told


def test_folders_work_by_both_ways(python: Run, tmp_path: Path) -> None:
    program = f"""
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from test_system import in_a_folder
        print(json.dumps(in_a_folder(sys.argv[1])))
    """
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    expected = [["one", "two"], ["two"], True]
    assert in_a_folder(str(tmp_path / "a")) == expected
    assert portably(python, program, str(tmp_path / "b")) == [expected]


def in_a_folder(path: str) -> list[Any]:
    """What a folder says of what was done in it."""
    with system.Folder(path) as folder:
        os.close(folder.create("one"))
        folder.make("two")
        folder.make("two")
        before = sorted(folder.names())
        folder.unlink("one")
        with system.Folder(os.path.join(path, "two"), folder) as inner:
            inner.tighten()
            own = system.is_own(inner.info()) and not system.is_link(inner.info())
        return [before, folder.names(), own]


def test_places_in_files_are_read_by_both_ways(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789\r\n\x1aend")
    fd = system.open_file(str(path))
    for read in (system.pread, system._pread):
        assert [read(fd, 4, 2), read(fd, 99, 8), read(fd, 1, 99)] == [b"2345", b"89\r\n\x1aend", b""]
    os.close(fd)


def test_a_lock_excludes_other_processes_and_ends_with_them(python: Run, tmp_path: Path) -> None:
    path = str(tmp_path / "some.lock")
    program = """
        import sys
        from t800 import lock
        from t800.errors import TraceFileError
        try:
            with lock.locked(sys.argv[1], 0):
                print("taken")
                if sys.argv[2:]:
                    import os
                    sys.stdout.flush()
                    os._exit(0)
        except TraceFileError as error:
            print(error)
    """
    with lock.locked(path, 0):
        assert "has been held by another process" in python(program, path).stdout
        assert "has been held" in python(program, path, PYTHONPATH=PORTABLY).stdout
    assert python(program, path).stdout.strip() == "taken"
    assert python(program, path, "die").stdout.strip() == "taken"
    with lock.locked(path, 10):
        pass


def test_locks_of_python_and_of_the_core_are_the_same(tmp_path: Path) -> None:
    from t800 import _core

    path = str(tmp_path / "some.lock")
    held = _core.Lock.take(path)
    assert held is not None
    assert _core.Lock.take(path) is None
    with pytest.raises(TraceFileError, match="has been held"), lock.locked(path, 0):
        pass
    held.release()
    with lock.locked(path, 0):
        assert _core.Lock.take(path) is None
    with pytest.raises(TraceFileError, match="cannot be opened"), lock.locked(str(tmp_path / "no" / "x"), 0):
        pass


@pytest.mark.parametrize("path", ["/a", "C:\\a", "\\a", "a", ""])
def test_an_absolute_path_names_one_place(path: str) -> None:
    assert system.is_absolute(path) == (path == ("C:\\a" if os.name == "nt" else "/a"))


def test_ids_that_differ_by_case_get_files_of_their_own(
    open_session: Callable[..., Any], read_trace: Read
) -> None:
    ids = ["Run", "run", "RUN", "rUn"]
    sessions = [open_session(session_id=name) for name in ids]
    for session in sessions:
        session.decision("which", outcome=session.session_id)
        session.close()
    paths = [session.path for session in sessions]
    assert len({os.path.realpath(path) for path in paths}) == len(ids)
    for name, path in zip(ids, paths, strict=True):
        assert read_trace(path)["session_id"] == name


def test_the_interpreter_of_these_tests_is_the_one_that_is_tested() -> None:
    assert (sys.platform == "win32") == system.WINDOWS
