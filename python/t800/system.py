"""What differs between operating systems for the Python layer: folders, files and their modes, who owns them.

As in the core there are two ways. By handles: every name is opened below a folder that was looked at, and never through
a link. By paths, as on Windows: links are looked for before a file is opened, and who may read it is what its folder
says, for a user's own folders are the user's alone. Which way it is follows from what `os` has.
"""

from __future__ import annotations

import errno
import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

__all__ = [
    "Folder",
    "create_file",
    "is_absolute",
    "is_link",
    "is_own",
    "is_regular",
    "native",
    "open_file",
    "open_or_create",
    "pread",
    "replace",
    "set_mode",
    "user_number",
]

WINDOWS = os.name == "nt"

# Never waiting for a pipe's writer, and no line ends made into others.
_PLAIN = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_DIRECTORY = getattr(os, "O_DIRECTORY", 0)
_HANDLES = bool(_NO_LINK and _DIRECTORY) and os.open in os.supports_dir_fd

# A reparse point of Windows that stands for another name: a link, or a junction.
_SURROGATE = 0x2000_0000

_PATIENCE_S = 2.0
_RETRY_S = 0.01


def is_absolute(path: str) -> bool:
    """Whether a path means the same from every working directory, and every drive."""
    return os.path.isabs(path) and (not WINDOWS or bool(os.path.splitdrive(path)[0]))


def is_link(info: os.stat_result) -> bool:
    """Whether `lstat` has found a link, or on Windows a junction."""
    return stat.S_ISLNK(info.st_mode) or bool(getattr(info, "st_reparse_tag", 0) & _SURROGATE)


def is_regular(info: os.stat_result) -> bool:
    """Whether it is a file, and nothing that waits or does something when it is opened."""
    return stat.S_ISREG(info.st_mode) and not is_link(info)


def is_own(info: os.stat_result, *, or_root: bool = False) -> bool:
    """Whether a file or folder is this user's. Where the system does not say, it is."""
    user = _user()
    return user is None or info.st_uid == user or (or_root and info.st_uid == 0)


def _user() -> int | None:
    return os.geteuid() if hasattr(os, "geteuid") else None


def user_number() -> int | None:
    """The number of the user who has started this process, where users have such."""
    return os.getuid() if hasattr(os, "getuid") else None


class Folder:
    """An open folder. Names are looked up in it, whatever is renamed around it; by its path where there are no handles."""

    __slots__ = ("_fd", "path")

    def __init__(self, path: str, above: Folder | None = None) -> None:
        """Open `path`: as it is, or where `above` is the folder that it is in, never through a link.

        Raises `FileNotFoundError` where there is none, `NotADirectoryError` where it is a link or no folder.
        """
        self.path = path
        self._fd = (above.descriptor(os.path.basename(path)) if above else _open(path)) if _HANDLES else None
        if self._fd is None:
            info = os.lstat(path) if above else os.stat(path)
            if not stat.S_ISDIR(info.st_mode) or (above is not None and is_link(info)):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of it."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def descriptor(self, name: str) -> int:
        """Open a folder in it by its handle."""
        return os.open(name, os.O_RDONLY | _DIRECTORY | _NO_LINK, dir_fd=self._fd)

    def info(self) -> os.stat_result:
        """What the system says of it."""
        return os.lstat(self.path) if self._fd is None else os.fstat(self._fd)

    def tighten(self) -> None:
        """Close it to everybody else."""
        if self._fd is None:
            os.chmod(self.path, 0o700)
        else:
            set_mode(self._fd, 0o700)

    def names(self) -> list[str]:
        """The names in it."""
        return os.listdir(self.path if self._fd is None else self._fd)

    def lstat(self, name: str) -> os.stat_result:
        """What the system says of a name in it, and not of what that links to."""
        return os.stat(self._at(name), dir_fd=self._fd, follow_symlinks=False)

    def make(self, name: str) -> None:
        """Make a folder in it for this user alone. One that is there already stays as it is."""
        try:
            os.mkdir(self._at(name), 0o700, dir_fd=self._fd)
        except FileExistsError:
            return
        if not self.lstat(name).st_mode & stat.S_IXUSR:  # an odd umask
            os.chmod(self._at(name), 0o700, dir_fd=self._fd)

    def create(self, name: str) -> int:
        """Make a file in it, as `create_file` does."""
        return os.open(self._at(name), _NEW, 0o600, dir_fd=self._fd)

    def unlink(self, name: str) -> None:
        """Remove a file in it."""
        os.unlink(self._at(name), dir_fd=self._fd)

    def _at(self, name: str) -> str:
        return os.path.join(self.path, name) if self._fd is None else name


def _open(path: str) -> int:
    return os.open(path, os.O_RDONLY | _DIRECTORY)


# Files

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK | _PLAIN


def create_file(path: str) -> int:
    """Make a file for this user alone, and open it for writing. Nothing may have its name, no link either."""
    return os.open(path, _NEW, 0o600)


def open_file(path: str, *, follow: bool = False) -> int:
    """Open a file for reading, and not what a link leads to unless `follow`. Never waits for a pipe's writer."""
    if not _NO_LINK:
        _refuse_special(path, os.stat(path) if follow else os.lstat(path))
    return os.open(path, os.O_RDONLY | _PLAIN | (0 if follow else _NO_LINK))


def open_or_create(path: str) -> int:
    """Open a file for reading and writing, made for this user alone where it is missing; never through a link."""
    if not _NO_LINK and os.path.lexists(path):
        _refuse_special(path, os.lstat(path))
    return os.open(path, os.O_RDWR | os.O_CREAT | _NO_LINK | _PLAIN, 0o600)


def _refuse_special(path: str, info: os.stat_result) -> None:
    """Opening what is no file may wait, or do something; by its path alone only a look beforehand helps."""
    if is_link(info):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
    if not stat.S_ISREG(info.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", path)


def set_mode(fd: int, mode: int) -> None:
    """Give an open file its mode, whatever the umask, where files have one."""
    if hasattr(os, "fchmod"):
        os.fchmod(fd, mode)


def _pread(fd: int, length: int, offset: int) -> bytes:
    """Read from a place in a file; on Windows a hook that writes to it keeps others out for a moment."""
    held: OSError | None = None
    for _ in range(int(_PATIENCE_S / _RETRY_S)):
        try:
            # Never more than there is: memory for all that was asked for would be had first.
            there = max(0, os.fstat(fd).st_size - offset)
            os.lseek(fd, offset, os.SEEK_SET)
            return os.read(fd, min(length, there))
        except PermissionError as error:
            held = error
            _wait()
    raise held or PermissionError


pread = os.pread if hasattr(os, "pread") else _pread


def replace(source: str, target: str) -> None:
    """Give a file the name of another one, at once; on Windows whoever reads that is waited for, for a moment."""
    for _ in range(int(_PATIENCE_S / _RETRY_S) if WINDOWS else 0):
        try:
            os.replace(source, target)
        except PermissionError:
            _wait()
        else:
            return
    os.replace(source, target)


def _wait() -> None:
    from time import sleep

    sleep(_RETRY_S)


def native(fd: int) -> int:
    """What the core calls an open file: its descriptor, on Windows its handle."""
    if not WINDOWS:
        return fd
    import msvcrt

    handle: int = msvcrt.get_osfhandle(fd)  # type: ignore[attr-defined,unused-ignore]
    return handle
