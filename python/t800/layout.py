"""Where things are: the project root, the telemetry folder, names of trace files, the user's state directory.

Nothing here creates anything until it is asked to, and what it creates is the user's alone: folders 0700,
files 0600 whatever the umask, and never through a symbolic link.
"""

from __future__ import annotations

import os

from t800.errors import TraceFileError
from t800.system import (
    WINDOWS,
    Folder,
    create_file,
    is_absolute,
    is_link,
    is_own,
    is_regular,
    open_file,
    replace,
    set_mode,
    user_number,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    Environment = Mapping[str, str]

__all__ = [
    "Layout",
    "disabled",
    "find_root",
    "home_directory",
    "install_key",
    "read_own_file",
    "session_id",
    "set_disabled",
    "state_dir",
    "telemetry_dir",
    "write_beside",
    "write_own_file",
]

CONFIG_NAME = "telemetry_config.yaml"
KEY_BYTES = 32

_PASSWD_LIMIT = 1 << 20
_BLOCK = 1 << 16

# One key for the whole process where none can be stored, so that its hashes at least agree with each other.
_EPHEMERAL_KEY = os.urandom(KEY_BYTES)


class Layout:
    """The paths of one telemetry folder. Making one touches nothing; `create()` makes the folders."""

    __slots__ = ("aggregated", "config_file", "private", "root", "telemetry", "traces")

    def __init__(self, root: str, telemetry: str) -> None:
        self.root = root
        self.telemetry = telemetry
        self.traces = os.path.join(telemetry, "traces")
        self.aggregated = os.path.join(telemetry, "aggregated")
        self.private = os.path.join(telemetry, ".t800")
        self.config_file = os.path.join(telemetry, "config", CONFIG_NAME)

    def __repr__(self) -> str:
        return f"Layout(root={self.root!r}, telemetry={self.telemetry!r})"

    @property
    def moved(self) -> bool:
        """Whether the telemetry folder is not the one in the project's `.opencode`."""
        return self.telemetry != os.path.join(self.root, ".opencode", "telemetry")

    def family(self, session_id: str) -> str:
        """What T800_PARENT tells child processes of a session here."""
        return f"{self.telemetry}{os.pathsep}{session_id}"

    def project_roots(self) -> list[str]:
        """The project root as given and, where it differs, without symbolic links."""
        real = os.path.realpath(self.root)
        return [self.root] if real == self.root else [self.root, real]

    def create(self) -> None:
        """Make the folders and the `.gitignore` where they are missing.

        Raises `TraceFileError` where a folder is a symbolic link, belongs to another user, cannot be made, or
        is not a folder of its own (the home directory, a project).
        """
        try:
            self._create()
        except OSError as error:
            raise TraceFileError(
                f"cannot be made ({error.strerror or error})",
                file=self.telemetry,
                hint="Make it writable, or set T800_DIR to a folder that is",
            ) from error

    def _create(self) -> None:
        if self.moved:
            _refuse_shared_folder(self.telemetry, self.root)
        with self._open_telemetry() as folder:
            for path in (self.traces, self.aggregated, os.path.dirname(self.config_file), self.private):
                _enter(folder, path).close()
            _ignore_in_git(folder, ours=not self.moved)

    def _open_telemetry(self) -> Folder:
        parent = os.path.dirname(self.telemetry)
        if self.moved:
            _make_folders(parent)
        with Folder(parent) if self.moved else _open_opencode(self.root, parent) as above:
            return _enter(above, self.telemetry, tighten=not self.moved)


def telemetry_dir(
    dir: str | os.PathLike[str] | None = None,
    start: str | None = None,
    environ: Environment = os.environ,
) -> Layout:
    """The layout for `start` (default: the working directory).

    `dir`, else T800_DIR, moves the telemetry folder; the project root stays where it is. Raises
    `TraceFileError` for a working directory that no longer exists or a folder name that no system accepts.
    """
    root = _find_root(start, environ)
    given = os.fspath(dir) if dir is not None else environ.get("T800_DIR")
    if not given:
        return Layout(root, os.path.join(root, ".opencode", "telemetry"))
    if "\0" in given:
        raise TraceFileError("the telemetry folder's name has a NUL character", hint="Name another folder")
    return Layout(root, os.path.abspath(_expand_home(given, environ)))


def find_root(start: str | None = None) -> str:
    """The project root for `start` (default: the working directory), as an absolute path.

    The nearest folder from `start` upwards with `.git`, or with `.opencode` that holds `opencode.json` or
    `telemetry`. The search stops below the home directory and `/` (on Windows, a drive); without a find it is `start`
    itself.
    """
    return _find_root(start, os.environ)


def _find_root(start: str | None, environ: Environment) -> str:
    if start is not None:
        start = os.path.abspath(start)
        return _marked_ancestor(start, environ) or start
    try:
        here = os.getcwd()
    except OSError as error:
        raise TraceFileError(
            "the working directory no longer exists", hint="Change to another, or set T800_DIR"
        ) from error
    return _as_given(_marked_ancestor(here, environ) or here, here, environ.get("PWD", ""))


def _marked_ancestor(folder: str, environ: Environment) -> str | None:
    home = home_directory(environ)
    homes = {home, os.path.realpath(home)} if home else set()
    while folder not in homes and not _is_top(folder):
        if _is_project(folder):
            return folder
        folder = os.path.dirname(folder)
    return None


def _is_top(folder: str) -> bool:
    return os.path.dirname(folder) == folder


def _is_project(folder: str) -> bool:
    if os.path.lexists(os.path.join(folder, ".git")):
        return True
    opencode = os.path.join(folder, ".opencode")
    return os.path.exists(os.path.join(opencode, "opencode.json")) or os.path.exists(
        os.path.join(opencode, "telemetry")
    )


def _as_given(root: str, here: str, spelled: str) -> str:
    """`root` in the user's spelling: the shell's $PWD keeps the links that getcwd() resolves."""
    below = here[len(root) :]
    if spelled == here or spelled[:1] != "/" or spelled[:2] == "//" or not spelled.endswith(below):
        return root
    candidate = spelled[: len(spelled) - len(below)]
    try:
        same = os.path.normpath(candidate) == candidate and os.path.samefile(candidate, root)
    except OSError:
        return root
    return candidate if same else root


def home_directory(environ: Environment = os.environ) -> str | None:
    """The user's home directory from $HOME, else as the system tells it; None if unknown. Asks no name service.

    The system has it in %USERPROFILE% on Windows, in /etc/passwd elsewhere.
    """
    for name in ("HOME", "USERPROFILE") if WINDOWS else ("HOME",):
        home = environ.get(name, "")
        if is_absolute(home):
            return os.path.normpath(home)
    return _home_from_passwd()


def _home_from_passwd() -> str | None:
    uid = user_number()
    if uid is None:
        return None
    try:
        with open("/etc/passwd", "rb") as passwd:
            lines = passwd.read(_PASSWD_LIMIT).splitlines()
    except OSError:
        return None
    for line in lines:
        fields = line.split(b":")
        if fields[2:3] == [b"%d" % uid] and fields[5:6] and fields[5].startswith(b"/"):
            return os.path.normpath(os.fsdecode(fields[5]))
    return None


def _expand_home(path: str, environ: Environment) -> str:
    home = home_directory(environ)
    below = path[:1] == "~" and path[1:2] in {"", os.sep, os.altsep}
    return home + path[1:] if home and below else path


# Folders


def _refuse_shared_folder(telemetry: str, root: str) -> None:
    """Telemetry hides its folder from git and closes it to others: never do that to a project or a home."""
    real = os.path.realpath(telemetry)
    taken = {os.path.realpath(root), os.path.realpath(home_directory() or root)}
    if _is_top(real) or real in taken or os.path.lexists(os.path.join(real, ".git")):
        raise TraceFileError(
            "cannot be the telemetry folder: it is a project or a home",
            file=telemetry,
            hint="Set T800_DIR to a folder of its own",
        )


def _make_folders(path: str) -> None:
    above = os.path.dirname(path)
    if os.path.isdir(path) or above == path:
        return
    _make_folders(above)
    with Folder(above) as folder:
        folder.make(os.path.basename(path))


def _open_opencode(root: str, opencode: str) -> Folder:
    """Open `.opencode`, made where it is missing. It is another tool's folder: its mode and owner stay."""
    with Folder(root) as above:
        return _open_folder(above, opencode)


def _enter(parent: Folder, path: str, *, tighten: bool = True) -> Folder:
    """Open one of our own folders below the open folder `parent`, made where it is missing."""
    folder = _open_folder(parent, path)
    try:
        info = folder.info()
        _refuse_foreign(info, path)
        if tighten and info.st_mode & 0o077 and is_own(info):
            folder.tighten()
    except BaseException:
        folder.close()
        raise
    return folder


def _open_folder(parent: Folder, path: str) -> Folder:
    name = os.path.basename(path)
    try:
        return Folder(path, parent)
    except FileNotFoundError:
        parent.make(name)
    except NotADirectoryError:
        link = is_link(parent.lstat(name))
        raise TraceFileError(
            "is a symbolic link" if link else "is not a folder",
            file=path,
            hint="Remove it, or set T800_DIR to the folder that you mean",
        ) from None
    return Folder(path, parent)


def _refuse_foreign(info: os.stat_result, path: str) -> None:
    # Root may own what is ours: mounted volumes and system-wide files belong to it.
    if not is_own(info, or_root=True):
        raise TraceFileError(
            "belongs to another user", file=path, hint="Take it over with chown, or set T800_DIR"
        )


def _ignore_in_git(folder: Folder, *, ours: bool) -> None:
    """Keep traces out of commits, unless a moved folder holds the user's own files too."""
    names = set(folder.names())
    known = {"traces", "aggregated", "config", ".t800"}
    if ".gitignore" in names or not (ours or names <= known):
        return
    try:
        file = folder.create(".gitignore")
    except FileExistsError:
        return
    _write_and_close(file, b"*\n")


# Files that are ours alone


def read_own_file(path: str, limit: int, *, follow: bool = False) -> bytes:
    """The bytes of a regular file of at most `limit` bytes that belongs to this user or to root.

    Raises `OSError` where it is missing or cannot be read, `TraceFileError` where it is a symbolic link
    (unless `follow`), not a regular file, another user's, or too large. Never waits for a pipe's writer.
    """
    file = _open_unlinked(path, follow=follow)
    try:
        info = os.fstat(file)
        if not is_regular(info):
            raise TraceFileError("is not a regular file", file=path, hint="Replace it by one")
        _refuse_foreign(info, path)
        data = _read_all(file, limit + 1)
    finally:
        os.close(file)
    if len(data) > limit:
        raise TraceFileError(f"is larger than {limit} bytes", file=path, hint="Make it smaller")
    return data


def _open_unlinked(path: str, *, follow: bool) -> int:
    try:
        return open_file(path, follow=follow)
    except OSError:
        if not follow and os.path.islink(path):
            raise TraceFileError(
                "is a symbolic link", file=path, hint="Replace it by the file that it points to"
            ) from None
        raise


def _read_all(file: int, limit: int) -> bytes:
    """At most `limit` bytes: as much memory as there is in the file, however large it might be."""
    blocks = []
    while limit > 0 and (block := os.read(file, min(limit, _BLOCK))):
        blocks.append(block)
        limit -= len(block)
    return b"".join(blocks)


def write_own_file(path: str, data: bytes, *, mode: int = 0o600) -> None:
    """Put `data` into the file at `path`: whole or not at all, with `mode` whatever the umask.

    Raises `OSError` where the folder cannot be written.
    """
    temporary = write_beside(path, data, mode)
    try:
        replace(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise


def write_beside(path: str, data: bytes, mode: int = 0o600) -> str:
    """Put `data` into a new file in the same folder, to be renamed to `path`, and return its name."""
    temporary = f"{path}.{os.urandom(6).hex()}.tmp"
    file = create_file(temporary)
    try:
        _write_and_close(file, data, mode)
    except OSError:
        os.unlink(temporary)
        raise
    return temporary


def _write_and_close(file: int, data: bytes, mode: int = 0o600) -> None:
    try:
        set_mode(file, mode)
        while data:
            data = data[os.write(file, data) :]
    finally:
        os.close(file)


# Names


def session_id(given: object) -> str:
    """`given` as text for the core, which makes it safe in file names; None gets a new one: `ses_` and 12 hex digits."""
    if given is None:
        return f"ses_{os.urandom(6).hex()}"
    return str(given).encode("utf-8", "backslashreplace").decode()  # The core knows no lone surrogates.


def sha256_hex(data: bytes) -> str:
    """The SHA-256 digest of `data` as 64 hex digits."""
    # The core has it at hand; hashlib would load OpenSSL, 4 ms of every agent's start.
    from t800 import _core

    return _core.sha256_hex(data)


# The user's state directory


def state_dir(environ: Environment = os.environ) -> str:
    """The user's own folder for T-800: `$XDG_STATE_HOME/t800` or `~/.local/state/t800`.

    On Windows it is in `%LOCALAPPDATA%` where the former is not set. Empty where there is neither a state directory
    nor a home; nothing can be kept then. It is not created.
    """
    for name in ("XDG_STATE_HOME", "LOCALAPPDATA") if WINDOWS else ("XDG_STATE_HOME",):
        base = environ.get(name, "")
        if is_absolute(base):
            return os.path.join(os.path.normpath(base), "t800")
    home = home_directory(environ)
    return os.path.join(home, ".local", "state", "t800") if home else ""


def make_state_dir(environ: Environment = os.environ) -> str:
    """Make the user's state directory where it is missing and return it.

    Raises `OSError` where it cannot be made, `TraceFileError` where there is none, or where it is a symbolic
    link or another user's.
    """
    path = state_dir(environ)
    if not path:
        raise TraceFileError("there is no home directory", hint="Set HOME or XDG_STATE_HOME")
    parent = os.path.dirname(path)
    _make_folders(parent)
    with Folder(parent) as above:
        _enter(above, path).close()
    return path


def install_key(environ: Environment = os.environ) -> tuple[bytes, bool]:
    """The 32 random bytes that key every hash of this installation, and whether they are stored.

    Made at the first call: `key` in the state directory, or the file that T800_KEY_FILE names. False means
    that no file could be read or written: the key lives as long as this process.
    """
    chosen = environ.get("T800_KEY_FILE", "")
    try:
        path = os.path.abspath(_expand_home(chosen, environ)) if chosen else _own_key_file(environ)
        return _stored_key(path, chosen=bool(chosen)) or _new_key(path, chosen=bool(chosen)), True
    except (OSError, TraceFileError, ValueError):
        return _EPHEMERAL_KEY, False


def _own_key_file(environ: Environment) -> str:
    return os.path.join(make_state_dir(environ), "key")


def _stored_key(path: str, *, chosen: bool) -> bytes | None:
    """The key in `path`; None where there is none yet. A file that the user chose may be behind a link."""
    try:
        key = read_own_file(path, KEY_BYTES, follow=chosen)
    except FileNotFoundError:
        return None
    if len(key) == KEY_BYTES:
        return key
    if chosen:
        raise TraceFileError(f"is not a key of {KEY_BYTES} bytes", file=path)
    return None


def _new_key(path: str, *, chosen: bool) -> bytes:
    """Store a new key. A link made from a finished file is exclusive: of several first starts one wins."""
    temporary = write_beside(path, os.urandom(KEY_BYTES))
    try:
        os.link(temporary, path)
    except OSError:
        # Another start was first: keep its key, unless a power failure cut it off. Or links are not possible.
        if not _stored_key(path, chosen=chosen):
            replace(temporary, path)
            return read_own_file(path, KEY_BYTES)
    os.unlink(temporary)
    return read_own_file(path, KEY_BYTES, follow=chosen)


def disabled(environ: Environment = os.environ) -> bool:
    """Whether this user said `t800 disable`, which beats every setting that says on."""
    state = state_dir(environ)
    return bool(state) and os.path.lexists(os.path.join(state, "disabled"))


def set_disabled(flag: bool, environ: Environment = os.environ) -> None:
    """Set or take back the user's off switch. Raises `TraceFileError` where it cannot be kept."""
    try:
        _set_disabled(environ) if flag else _unset_disabled(environ)
    except OSError as error:
        raise TraceFileError(
            f"the off switch cannot be changed ({error.strerror or error})",
            file=state_dir(environ),
            hint="Make this folder writable, or set T800_ENABLED=0",
        ) from error


def _set_disabled(environ: Environment) -> None:
    write_own_file(os.path.join(make_state_dir(environ), "disabled"), b"")


def _unset_disabled(environ: Environment) -> None:
    state = state_dir(environ)
    if not state:
        return
    try:
        os.unlink(os.path.join(state, "disabled"))
    except (FileNotFoundError, NotADirectoryError):
        return
