"""Where things are: the project root, the telemetry folder, safe names, the state directory and its key."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from t800.errors import TraceFileError
from t800.layout import (
    Layout,
    disabled,
    find_root,
    home_directory,
    install_key,
    read_own_file,
    session_id,
    set_disabled,
    state_dir,
    telemetry_dir,
    write_own_file,
)
from t800.system import user_number

NOBODY = 65534
as_root = pytest.mark.skipif(user_number() != 0, reason="giving a file to another user needs root")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = tmp_path / "home"
    made.mkdir()
    return made


@pytest.fixture
def project(home: Path) -> Path:
    made = home / "work" / "project"
    (made / ".git").mkdir(parents=True)
    return made


@pytest.fixture
def environ(home: Path) -> dict[str, str]:
    return {"HOME": str(home)}


def mode(path: str | Path) -> int:
    return stat.S_IMODE(os.lstat(path).st_mode)


# The project root


def root_of(start: Path, environ: dict[str, str]) -> Path:
    return Path(telemetry_dir(start=str(start), environ=environ).root)


def test_the_nearest_ancestor_with_git_is_the_root(project: Path, environ: dict[str, str]) -> None:
    deep = project / "a" / "b"
    deep.mkdir(parents=True)
    assert root_of(deep, environ) == project


def test_a_git_worktree_has_a_file_for_a_marker(home: Path, environ: dict[str, str]) -> None:
    tree = home / "tree"
    (tree / "src").mkdir(parents=True)
    (tree / ".git").write_text("gitdir: elsewhere")
    assert root_of(tree / "src", environ) == tree


@pytest.mark.parametrize(
    ("inside", "found"), [("opencode.json", True), ("telemetry", True), ("agent", False)]
)
def test_opencode_marks_a_root_only_with_its_own_contents(
    project: Path, environ: dict[str, str], inside: str, found: bool
) -> None:
    part = project / "part"
    (part / ".opencode" / inside).mkdir(parents=True)
    assert root_of(part, environ) == (part if found else project)


def test_the_home_directory_is_never_found_as_a_root(home: Path, environ: dict[str, str]) -> None:
    (home / ".git").mkdir()
    (home / "notes").mkdir()
    assert root_of(home / "notes", environ) == home / "notes"


def test_nothing_above_the_home_directory_is_searched(tmp_path: Path, home: Path) -> None:
    (tmp_path / ".git").mkdir()
    (home / "notes").mkdir()
    assert root_of(home / "notes", {"HOME": str(home)}) == home / "notes"


def test_a_home_behind_a_link_still_ends_the_search(tmp_path: Path, home: Path) -> None:
    (home / ".git").mkdir()
    (home / "notes").mkdir()
    link = tmp_path / "link"
    link.symlink_to(home)
    assert root_of(home / "notes", {"HOME": str(link)}) == home / "notes"


def test_find_root_starts_at_the_working_directory(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = project / "deep"
    deep.mkdir()
    monkeypatch.chdir(deep)
    assert find_root() == str(project)
    assert find_root(str(deep)) == str(project)


def test_the_root_is_spelled_as_the_shell_spells_it(
    project: Path, tmp_path: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    link = tmp_path / "link"
    link.symlink_to(project)
    (project / "deep").mkdir()
    monkeypatch.chdir(project / "deep")
    layout = telemetry_dir(environ={**environ, "PWD": str(link / "deep")})
    assert layout.root == str(link)
    assert layout.project_roots() == [str(link), str(project)]


@pytest.mark.parametrize("stale", ["/", "/nowhere/deep", "deep", "", "//deep"])
def test_a_stale_pwd_is_ignored(
    project: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, stale: str
) -> None:
    (project / "deep").mkdir()
    monkeypatch.chdir(project / "deep")
    assert telemetry_dir(environ={**environ, "PWD": stale}).root == str(project)


def test_a_removed_working_directory_is_said(
    tmp_path: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(TraceFileError, match="no longer exists"):
        telemetry_dir(environ=environ)
    monkeypatch.chdir(tmp_path)


# The telemetry folder


def test_the_layout_is_the_documented_one(project: Path, environ: dict[str, str]) -> None:
    layout = telemetry_dir(start=str(project), environ=environ)
    folder = str(project / ".opencode" / "telemetry")
    assert layout.root == str(project)
    assert layout.telemetry == folder
    assert layout.traces == f"{folder}/traces"
    assert layout.aggregated == f"{folder}/aggregated"
    assert layout.config_file == f"{folder}/config/telemetry_config.yaml"
    assert layout.private == f"{folder}/.t800"
    assert not os.path.exists(f"{project}/.opencode")


def test_the_argument_beats_the_variable_and_both_move_the_folder(
    project: Path, tmp_path: Path, environ: dict[str, str]
) -> None:
    moved = {**environ, "T800_DIR": str(tmp_path / "variable")}
    assert telemetry_dir(start=str(project), environ=moved).telemetry == str(tmp_path / "variable")
    given = telemetry_dir(tmp_path / "argument", start=str(project), environ=moved)
    assert given.telemetry == str(tmp_path / "argument")
    assert given.root == str(project)


def test_t800_dir_may_begin_at_home(project: Path, home: Path, environ: dict[str, str]) -> None:
    layout = telemetry_dir(start=str(project), environ={**environ, "T800_DIR": "~/traces"})
    assert layout.telemetry == str(home / "traces")


def test_a_name_that_no_system_accepts_is_refused(project: Path, environ: dict[str, str]) -> None:
    with pytest.raises(TraceFileError, match="NUL"):
        telemetry_dir("a\0b", start=str(project), environ=environ)


@pytest.mark.posix
@pytest.mark.parametrize("umask", [0, 0o022, 0o777])
def test_created_folders_are_private_whatever_the_umask(
    project: Path, environ: dict[str, str], umask: int
) -> None:
    layout = telemetry_dir(start=str(project), environ=environ)
    before = os.umask(umask)
    try:
        layout.create()
        layout.create()
    finally:
        os.umask(before)
    for folder in (layout.telemetry, layout.traces, layout.aggregated, layout.private):
        assert mode(folder) == 0o700
    assert mode(os.path.dirname(layout.config_file)) == 0o700
    assert mode(f"{layout.telemetry}/.gitignore") == 0o600
    assert Path(layout.telemetry, ".gitignore").read_text() == "*\n"


def test_open_folders_are_closed_to_others(project: Path, environ: dict[str, str]) -> None:
    layout = telemetry_dir(start=str(project), environ=environ)
    os.makedirs(layout.traces)
    os.chmod(layout.traces, 0o777)
    os.chmod(f"{project}/.opencode", 0o755)
    layout.create()
    assert mode(layout.traces) == 0o700
    assert mode(f"{project}/.opencode") == 0o755


def test_git_sees_nothing_of_the_telemetry_folder(home: Path, environ: dict[str, str]) -> None:
    project = home / "repo"
    subprocess.run(["git", "init", "-q", project], check=True)
    layout = telemetry_dir(start=str(project), environ=environ)
    layout.create()
    Path(layout.traces, "trace.json").write_text("{}")
    seen = subprocess.run(["git", "-C", project, "status", "--short"], check=True, capture_output=True)
    assert seen.stdout == b""


def test_the_users_gitignore_stays(project: Path, environ: dict[str, str]) -> None:
    layout = telemetry_dir(start=str(project), environ=environ)
    os.makedirs(layout.telemetry)
    Path(layout.telemetry, ".gitignore").write_text("traces/\n")
    layout.create()
    assert Path(layout.telemetry, ".gitignore").read_text() == "traces/\n"


def test_a_moved_folder_with_other_files_is_not_hidden_from_git(
    project: Path, tmp_path: Path, environ: dict[str, str]
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "notes.txt").write_text("mine")
    telemetry_dir(shared, start=str(project), environ=environ).create()
    assert sorted(os.listdir(shared)) == [".t800", "aggregated", "config", "notes.txt", "traces"]


@pytest.mark.parametrize("link", [".opencode", ".opencode/telemetry", ".opencode/telemetry/traces"])
@pytest.mark.parametrize("target", ["folder", "nothing"])
def test_symbolic_links_are_refused(
    project: Path, tmp_path: Path, environ: dict[str, str], link: str, target: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    if target == "folder":
        elsewhere.mkdir()
    (project / link).parent.mkdir(parents=True, exist_ok=True)
    (project / link).symlink_to(elsewhere)
    with pytest.raises(TraceFileError, match="symbolic link") as refused:
        telemetry_dir(start=str(project), environ=environ).create()
    assert refused.value.file == str(project / link)
    assert not elsewhere.exists() or not any(elsewhere.iterdir())


def test_a_file_in_the_way_is_refused(project: Path, environ: dict[str, str]) -> None:
    (project / ".opencode").mkdir()
    (project / ".opencode" / "telemetry").write_text("")
    with pytest.raises(TraceFileError, match="not a folder"):
        telemetry_dir(start=str(project), environ=environ).create()


@as_root
def test_another_users_folder_is_refused(project: Path, environ: dict[str, str]) -> None:
    layout = telemetry_dir(start=str(project), environ=environ)
    os.makedirs(layout.telemetry)
    os.chown(layout.telemetry, NOBODY, NOBODY)
    with pytest.raises(TraceFileError, match="another user"):
        layout.create()


def test_a_folder_that_cannot_be_made_is_said(project: Path, environ: dict[str, str]) -> None:
    (project / "file").write_text("")
    with pytest.raises(TraceFileError, match="cannot be made") as refused:
        telemetry_dir(project / "file" / "telemetry", start=str(project), environ=environ).create()
    assert "T800_DIR" in refused.value.hint


@as_root
def test_an_unwritable_folder_is_said(project: Path, environ: dict[str, str]) -> None:
    script = (
        "import os, sys\n"
        "from t800.errors import TraceFileError\n"
        "from t800.layout import Layout\n"
        f"os.setuid({NOBODY})\n"
        "try: Layout(sys.argv[1], sys.argv[1] + '/.opencode/telemetry').create()\n"
        "except TraceFileError as error: print(error)\n"
    )
    folder = Path("/tmp") / f"t800-test-{os.getpid()}"
    folder.mkdir(mode=0o755)
    try:
        done = subprocess.run(
            [sys.executable, "-c", script, folder], capture_output=True, check=True, text=True
        )
    finally:
        folder.rmdir()
    assert "cannot be made (Permission denied)" in done.stdout
    assert "T800_DIR" in done.stdout


@pytest.mark.parametrize("place", ["home", "root", "repository"])
def test_a_home_or_a_project_cannot_be_the_telemetry_folder(
    home: Path, project: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setenv("HOME", str(home))
    other = home / "other"
    (other / ".git").mkdir(parents=True)
    folder = {"home": home, "root": project, "repository": other}[place]
    with pytest.raises(TraceFileError, match="a folder of its own"):
        telemetry_dir(folder, start=str(project), environ=environ).create()
    assert not (folder / "traces").exists()


# Names


def test_a_new_id_is_random() -> None:
    made = {session_id(None) for _ in range(100)}
    assert len(made) == 100
    assert all(re.fullmatch("ses_[0-9a-f]{12}", name) for name in made)


# The home and the state directory


@pytest.mark.posix
def test_the_home_is_the_variable_else_the_passwd_entry(home: Path) -> None:
    import pwd

    assert home_directory({"HOME": str(home)}) == str(home)
    expected = os.path.normpath(pwd.getpwuid(os.getuid()).pw_dir)
    assert home_directory({}) == expected
    assert home_directory({"HOME": "relative"}) == expected


def test_the_state_directory_follows_xdg(home: Path) -> None:
    assert state_dir({"HOME": str(home)}) == str(home / ".local" / "state" / "t800")
    assert state_dir({"HOME": str(home), "XDG_STATE_HOME": "/var/x"}) == "/var/x/t800"
    assert state_dir({"HOME": str(home), "XDG_STATE_HOME": "x"}) == str(home / ".local" / "state" / "t800")


def test_without_any_home_nothing_is_kept_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("t800.layout._home_from_passwd", lambda: None)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "disabled").write_text("mine")
    assert state_dir({}) == ""
    assert not disabled({})
    assert install_key({})[1] is False
    set_disabled(False, {})
    with pytest.raises(TraceFileError, match="XDG_STATE_HOME"):
        set_disabled(True, {})
    assert os.listdir(tmp_path) == ["disabled"]


def test_the_key_is_made_once_and_is_private(environ: dict[str, str]) -> None:
    key, stored = install_key(environ)
    assert stored
    assert len(key) == 32
    assert install_key(environ) == (key, True)
    assert mode(f"{state_dir(environ)}/key") == 0o600
    assert mode(state_dir(environ)) == 0o700
    assert os.listdir(state_dir(environ)) == ["key"]


def test_many_first_starts_agree_on_one_key(environ: dict[str, str]) -> None:
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(lambda _: install_key(environ), range(64)))
    assert len(keys) == 1
    assert os.listdir(state_dir(environ)) == ["key"]


def test_t800_key_file_moves_the_key(tmp_path: Path, environ: dict[str, str]) -> None:
    file = tmp_path / "my.key"
    key, stored = install_key({**environ, "T800_KEY_FILE": str(file)})
    assert stored
    assert file.read_bytes() == key
    assert not os.path.exists(state_dir(environ))


def test_a_mounted_key_may_be_behind_a_link(tmp_path: Path, environ: dict[str, str]) -> None:
    (tmp_path / "data").write_bytes(b"k" * 32)
    (tmp_path / "link").symlink_to(tmp_path / "data")
    assert install_key({**environ, "T800_KEY_FILE": str(tmp_path / "link")}) == (b"k" * 32, True)


def test_a_key_cut_off_by_a_power_failure_is_replaced(environ: dict[str, str]) -> None:
    install_key(environ)
    Path(state_dir(environ), "key").write_bytes(b"")
    key, stored = install_key(environ)
    assert stored
    assert Path(state_dir(environ), "key").read_bytes() == key


def test_a_file_that_is_no_key_is_not_overwritten(tmp_path: Path, environ: dict[str, str]) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("precious")
    assert install_key({**environ, "T800_KEY_FILE": str(file)})[1] is False
    assert file.read_text() == "precious"


@pytest.mark.parametrize("obstacle", ["file", "link", "nowhere"])
def test_without_a_place_the_key_lives_as_long_as_the_process(tmp_path: Path, obstacle: str) -> None:
    state = tmp_path / "state"
    if obstacle == "file":
        state.write_text("")
    if obstacle == "link":
        state.mkdir()
        (state / "t800").symlink_to(tmp_path)
    base = f"/proc/{state}" if obstacle == "nowhere" else str(state)
    key, stored = install_key({"XDG_STATE_HOME": base})
    assert not stored
    assert len(key) == 32
    assert install_key({"XDG_STATE_HOME": base})[0] == key


@pytest.mark.posix
def test_a_key_in_a_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert install_key({"T800_KEY_FILE": str(tmp_path / "pipe")})[1] is False


def test_the_off_switch_is_kept_and_taken_back(environ: dict[str, str]) -> None:
    assert not disabled(environ)
    set_disabled(True, environ)
    assert disabled(environ)
    assert mode(f"{state_dir(environ)}/disabled") == 0o600
    set_disabled(False, environ)
    set_disabled(False, environ)
    assert not disabled(environ)


def test_an_off_switch_that_cannot_be_kept_is_said(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(TraceFileError, match="T800_ENABLED=0"):
        set_disabled(True, {"XDG_STATE_HOME": str(tmp_path / "state")})


# Files that are ours alone


def test_a_file_is_written_whole_and_private(tmp_path: Path) -> None:
    path = str(tmp_path / "file")
    write_own_file(path, b"one")
    write_own_file(path, b"two")
    assert Path(path).read_bytes() == b"two"
    assert mode(path) == 0o600
    assert os.listdir(tmp_path) == ["file"]


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "folder" / "full").mkdir(parents=True)
    with pytest.raises(OSError, match="folder"):
        write_own_file(str(tmp_path / "folder"), b"data")
    assert os.listdir(tmp_path) == ["folder"]


@pytest.mark.posix
def test_reading_refuses_what_is_not_an_ordinary_file_of_ours(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    os.mkfifo(tmp_path / "pipe")
    assert read_own_file(str(tmp_path / "file"), 5) == b"12345"
    with pytest.raises(TraceFileError, match="larger than 4"):
        read_own_file(str(tmp_path / "file"), 4)
    with pytest.raises(TraceFileError, match="symbolic link"):
        read_own_file(str(tmp_path / "link"), 5)
    with pytest.raises(TraceFileError, match="regular"):
        read_own_file(str(tmp_path / "pipe"), 5)


def test_the_module_is_cheap_to_load() -> None:
    script = (
        "import sys; from t800 import layout, config\n"
        "print(*{'yaml','json','hashlib','dataclasses','pathlib','click','orjson'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-S", "-c", script], capture_output=True, check=True, text=True,
                          env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})  # fmt: skip
    assert done.stdout.strip() == ""


def test_making_a_layout_touches_nothing(tmp_path: Path) -> None:
    Layout(str(tmp_path), str(tmp_path / "x"))
    assert not any(tmp_path.iterdir())
