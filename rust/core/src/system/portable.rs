//! Windows, and every system that the standard library knows.
//!
//! Directories are paths here. Who may read a file is what its folder says: a user's own folders are the user's alone.
//! Memory that outlives a process is not asked for: a ring is on the heap, and each event is written at once.

use std::fs::File;
use std::hash::{BuildHasher as _, Hasher as _};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory by its path.
#[derive(Debug)]
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn open(path: &Path) -> io::Result<Directory> {
        let found = path.symlink_metadata()?;
        if !found.is_dir() {
            return Err(io::Error::new(io::ErrorKind::NotADirectory, "not a folder"));
        }
        Ok(Directory(path.to_owned()))
    }

    pub(crate) fn own(path: &Path) -> io::Result<Directory> {
        match std::fs::create_dir(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => Directory::open(path),
        }
    }

    pub(crate) fn create(&self, name: &str) -> io::Result<File> {
        File::options().read(true).write(true).create_new(true).open(self.0.join(name))
    }

    pub(crate) fn open_file(&self, name: &str, writing: bool) -> io::Result<File> {
        let path = self.0.join(name);
        // Looked at before it is opened: what is no file may do something when it is.
        if !path.symlink_metadata()?.is_file() {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "not a regular file"));
        }
        File::options().read(true).write(writing).open(path)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.join(name).symlink_metadata().is_ok()
    }

    /// Removes a file. Its name is free at once: Windows may keep that until the last handle of the file is closed.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let nonce = NEXT.fetch_add(1, Ordering::Relaxed);
        let (path, gone) =
            (self.0.join(name), self.0.join(format!("gone-{}-{nonce}.tmp", std::process::id())));
        match std::fs::rename(&path, &gone) {
            Ok(()) => std::fs::remove_file(gone),
            // Somebody may read it who allows only that.
            Err(_) => std::fs::remove_file(path),
        }
    }

    pub(crate) fn rename(&self, from: &str, other: &Directory, to: &str) -> io::Result<()> {
        std::fs::rename(self.0.join(from), other.0.join(to))
    }

    pub(crate) fn link(&self, name: &str, other: &Directory, other_name: &str) -> io::Result<()> {
        std::fs::hard_link(self.0.join(name), other.0.join(other_name))
    }

    pub(crate) fn names(&self) -> io::Result<Vec<String>> {
        let entries = std::fs::read_dir(&self.0)?.collect::<io::Result<Vec<_>>>()?;
        Ok(entries.into_iter().filter_map(|entry| entry.file_name().into_string().ok()).collect())
    }

    /// Names are as durable as the system makes them.
    #[allow(clippy::unnecessary_wraps, clippy::unused_self)]
    pub(crate) fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    /// Whether `path` leads to it.
    pub(crate) fn is_at(&self, path: &Path) -> bool {
        self.0 == path && path.is_dir()
    }
}

/// Opens a file that is there to be locked, made where it is missing.
pub(crate) fn open_lock(path: &Path) -> io::Result<File> {
    if path.symlink_metadata().is_ok_and(|found| !found.is_file()) {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "not a regular file"));
    }
    File::options().read(true).write(true).create(true).truncate(false).open(path)
}

#[cfg(windows)]
pub(crate) fn read_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<usize> {
    use std::os::windows::fs::FileExt as _;
    file.seek_read(bytes, at)
}

#[cfg(windows)]
pub(crate) fn write_at(file: &File, bytes: &[u8], at: u64) -> io::Result<usize> {
    use std::os::windows::fs::FileExt as _;
    file.seek_write(bytes, at)
}

#[cfg(unix)]
pub(crate) fn read_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<usize> {
    use std::os::unix::fs::FileExt as _;
    file.read_at(bytes, at)
}

#[cfg(unix)]
pub(crate) fn write_at(file: &File, bytes: &[u8], at: u64) -> io::Result<usize> {
    use std::os::unix::fs::FileExt as _;
    file.write_at(bytes, at)
}

#[cfg(windows)]
pub(crate) fn identity(file: &File) -> io::Result<(u64, u64)> {
    let found = winapi_util::file::information(file)?;
    Ok((found.volume_serial_number(), found.file_index()))
}

#[cfg(windows)]
pub(crate) fn is_removed(file: &File) -> bool {
    winapi_util::file::information(file).is_ok_and(|found| found.number_of_links() == 0)
}

#[cfg(unix)]
pub(crate) fn identity(file: &File) -> io::Result<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    file.metadata().map(|found| (found.dev(), found.ino()))
}

#[cfg(unix)]
pub(crate) fn is_removed(file: &File) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    file.metadata().is_ok_and(|found| found.nlink() == 0)
}

/// Whether a file was not opened because a link has its name.
pub(crate) fn is_link(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}

/// There is no promise of room to be had.
pub(crate) fn allocate(_: &File, _: u64, _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// As [`allocate`].
pub(crate) fn punch(_: &File, _: u64, _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// There are none that are known.
pub(crate) fn memory_folders() -> Vec<PathBuf> {
    Vec::new()
}

/// Only the environment tells it.
pub(crate) fn user_name() -> Option<String> {
    None
}

/// Only the environment tells it.
pub(crate) fn host_name() -> Option<String> {
    None
}

/// Random bits of the system's: what seeds the standard library's hash tables.
#[allow(clippy::unnecessary_wraps)]
pub(crate) fn random() -> io::Result<u64> {
    Ok(std::hash::RandomState::new().build_hasher().finish())
}
