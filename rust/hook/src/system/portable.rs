//! Windows, and every system that the standard library knows.
//!
//! Pipes between an agent and `ingest` have no names here: whoever starts it writes to its standard input.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Standard input. It ends with the process that writes to it.
pub(crate) struct Input;

impl Input {
    pub(crate) fn open() -> Input {
        Input
    }

    /// Never called: there are no pipes with names.
    pub(crate) fn of(_: File) -> Input {
        Input
    }

    /// Some of what is next; 0 at the end.
    #[allow(clippy::unused_self)]
    pub(crate) fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            match io::stdin().lock().read(bytes) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }
}

/// There are none with a name in a folder.
pub(crate) fn make_pipe(_: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// There is none to open.
pub(crate) fn open_pipe(_: &Path) -> io::Result<(File, File)> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Opens a file of somebody's for reading. What is none is not opened: that may wait.
pub(crate) fn open_file(path: &Path) -> io::Result<File> {
    if !path.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    File::open(path)
}

/// Opens a file that is no link. Whose it is its folder says: a user's own folders are the user's alone.
pub(crate) fn open_own_file(path: &Path) -> io::Result<File> {
    if !path.symlink_metadata()?.is_file() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    File::open(path)
}

/// Only the environment tells it.
pub(crate) fn home() -> Option<PathBuf> {
    None
}

/// Has a process outlive the terminal and the host that we belong to.
#[cfg(windows)]
pub(crate) fn detach(command: &mut Command) -> &mut Command {
    use std::os::windows::process::CommandExt as _;
    const DETACHED_PROCESS: u32 = 0x0000_0008;
    const CREATE_NEW_PROCESS_GROUP: u32 = 0x0000_0200;
    command.creation_flags(DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP)
}

/// There is no way that every system knows.
#[cfg(not(windows))]
pub(crate) fn detach(command: &mut Command) -> &mut Command {
    command
}
