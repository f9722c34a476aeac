"""`t800 run` gives a program the process that `python` would have given it."""

import os
import shlex
import signal
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pytest

# -P as the installed script has it: the working directory is no place to import from.
RUN = [
    sys.executable,
    "-P",
    "-c",
    "import sys; from t800.cli import main; sys.exit(main())",
    "run",
    "--quiet",
]

PROGRAMS = {
    "surroundings": """
        import sys
        print(__name__, __file__, __spec__, __package__, __doc__, type(__builtins__).__name__)
        print(sys.argv, sys.path[0])
        print(sorted(name for name in globals() if name.startswith("__")), type(__loader__).__name__)
        print(sys.modules["__main__"].__dict__ is globals(), "click" in sys.modules)
    """,
    "exit code": "import sys; sys.exit(7)",
    "exit message": "raise SystemExit('gone')",
    "exit in a function": """
        def leave():
            raise SystemExit
        leave()
    """,
    "traceback": """
        def inner():
            return 1 / 0
        def outer():
            try:
                inner()
            except ZeroDivisionError as error:
                raise KeyError("x") from error
        outer()
    """,
    "syntax error": "def broken(:\n    pass",
    "own excepthook": """
        import sys
        sys.excepthook = lambda kind, error, traceback: print("mine", kind, traceback.tb_frame.f_code.co_name)
        1 / 0
    """,
    "atexit and threads": """
        import atexit, threading
        LATE = "still here"
        atexit.register(lambda: print("atexit", LATE))
        threading.Thread(target=lambda: (threading.main_thread().join(), print("thread", LATE))).start()
        print("main done")
    """,
    "pickle": """
        import pickle
        class Thing:
            pass
        print(type(pickle.loads(pickle.dumps(Thing()))) is Thing)
    """,
    "spawned processes": """
        import multiprocessing
        def double(number):
            return 2 * number
        if __name__ == "__main__":
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                print(pool.map(double, [1, 2]))
    """,
    "source of itself": """
        import inspect
        def told():
            return "me"
        print(inspect.getsource(told))
    """,
    "stdin": "print(input().upper())",
    "deep recursion": """
        def down():
            down()
        try:
            down()
        except RecursionError as error:
            print(error)
    """,
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.delenv("T800_DIR", raising=False)
    return tmp_path


def ran(command: list[str]) -> tuple[int, str, str]:
    done = subprocess.run(command, input="words\n", capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def script(folder: Path, source: str, name: str = "program.py") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(source).lstrip())
    return path


@pytest.mark.parametrize("recording", ["0", "1"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_script_runs_as_python_runs_it(
    home: Path, monkeypatch: pytest.MonkeyPatch, name: str, recording: str
) -> None:
    monkeypatch.setenv("T800_ENABLED", recording)
    script(home, PROGRAMS[name], "sub/program.py")
    arguments = ["sub/program.py", "-m", "--quiet", "--", "--agent=x", ""]
    assert ran([*RUN, *arguments]) == ran([sys.executable, *arguments])


@pytest.mark.parametrize("target", ["package", "package.tool", "missing", "package.missing"])
def test_a_module_runs_as_python_runs_it(home: Path, target: str) -> None:
    probe = "import sys; print(__name__, __package__, __spec__.name, sys.argv[1:], sys.path[0])\n"
    script(home, probe + "from . import tool", "package/__main__.py")
    script(home, probe if target == "package.tool" else "", "package/tool.py")
    script(home, "", "package/__init__.py")
    arguments = ["-m", target, "-q", "--x", "--"]
    code, out, err = ran([*RUN, *arguments])
    python = ran([sys.executable, *arguments])
    assert (code, out) == python[:2]
    assert err.replace(str(_launch_path()), sys.executable) == python[2]


def test_folders_and_archives_with_a_main(home: Path) -> None:
    main = "import sys, side; print(__name__, __spec__.name, side.HERE, sys.path[0])"
    script(home, main, "app/__main__.py")
    script(home, "HERE = 1", "app/side.py")
    with zipfile.ZipFile(home / "app.pyz", "w") as archive:
        for name in ("__main__.py", "side.py"):
            archive.write(home / "app" / name, name)
    for target in ("app", "app.pyz"):
        assert ran([*RUN, target, "1"]) == ran([sys.executable, target, "1"])


def test_a_link_to_a_script_finds_its_neighbours(home: Path) -> None:
    script(home, "import neighbour, sys; print(neighbour.HERE, sys.argv)", "real/program.py")
    script(home, "HERE = 1", "real/neighbour.py")
    (home / "link.py").symlink_to("real/program.py")
    assert ran([*RUN, "link.py"]) == ran([sys.executable, "link.py"])


def test_modules_of_the_working_directory_do_not_shadow_ours(home: Path) -> None:
    for name in ("t800", "runpy", "errors", "config", "click"):
        script(home, "raise RuntimeError('shadowed')", f"{name}.py")
    script(home, "print('ran')", "elsewhere/program.py")
    assert ran([*RUN, "elsewhere/program.py"])[:2] == (0, "ran\n")


def test_interrupted_like_python(home: Path) -> None:
    waiting = script(home, "import time\nprint('ready', flush=True)\ntime.sleep(60)\n")
    for command in ([*RUN, str(waiting)], [sys.executable, str(waiting)]):
        with subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Tests in the background of a shell inherit that Ctrl-C is ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no thread here
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            assert process.stdout.readline() == "ready\n"
            process.send_signal(signal.SIGINT)
            shown = process.stderr.read()
        assert process.returncode == -signal.SIGINT
        assert shown.splitlines()[-1] == "KeyboardInterrupt"
        assert "_launch" not in shown


def test_killed_like_python(home: Path) -> None:
    dying = script(home, "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    assert ran([*RUN, str(dying)])[0] == -signal.SIGKILL
    leaving = script(home, "import os\nos._exit(9)\n")
    assert ran([*RUN, str(leaving)])[0] == 9


def test_a_deleted_working_directory(home: Path) -> None:
    program = script(home, "print('ran')")
    gone = home / "gone"
    gone.mkdir()
    for command in ([*RUN, str(program)], [sys.executable, str(program)]):
        line = shlex.join(["cd", str(gone)]) + " && rmdir ../gone && exec " + shlex.join(command)
        done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "ran\n", "")
        gone.mkdir()


def test_wrong_usage(home: Path) -> None:
    del home
    code, _, err = ran(RUN)
    assert code == 2
    assert "t800 run SCRIPT" in err
    code, _, err = ran([*RUN, "nosuch.py"])
    assert code == 2
    assert "nosuch.py" in err
    code, _, err = ran([*RUN, "--nosuch", "program.py"])
    assert code == 2
    assert "--nosuch" in err


def _launch_path() -> Path:
    from t800 import _launch

    return Path(_launch.__file__)


def test_the_program_sees_no_command_line_library(home: Path) -> None:
    script(home, "import sys; print(sorted({'click', 'rich', 'yaml', 'orjson', 'json'} & set(sys.modules)))")
    assert ran([*RUN, "program.py"])[1] == "[]\n"
    assert os.listdir(home) == ["program.py"] or (home / ".opencode").exists()
