//! Linux, macOS and their like.

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, fstat, linkat, openat, renameat, statat, unlinkat};
use std::fs::{File, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A directory by its handle: whatever is renamed around it, it is the same one.
#[derive(Debug)]
pub(crate) struct Directory(OwnedFd);

impl Directory {
    pub(crate) fn open(path: &Path) -> io::Result<Directory> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Directory(rustix::fs::open(path, flags, Mode::empty())?))
    }

    pub(crate) fn own(path: &Path) -> io::Result<Directory> {
        match rustix::fs::mkdir(path, Mode::RWXU) {
            // An odd umask may have taken even our own right to enter away.
            Ok(()) => rustix::fs::chmod(path, Mode::RWXU)?,
            Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        let directory = Directory::open(path)?;
        let found = fstat(&directory.0)?;
        if found.st_uid != rustix::process::geteuid().as_raw() {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "the folder belongs to another user",
            ));
        }
        if found.st_mode & 0o777 != 0o700 {
            rustix::fs::fchmod(&directory.0, Mode::RWXU)?;
        }
        Ok(directory)
    }

    pub(crate) fn create(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = File::from(openat(&self.0, name, flags, Mode::RUSR | Mode::WUSR)?);
        // The umask may have taken more away; it must not have left more.
        let owned = file.set_permissions(Permissions::from_mode(0o600));
        if owned.is_err() {
            let _ = self.remove(name);
        }
        owned.map(|()| file)
    }

    pub(crate) fn open_file(&self, name: &str, writing: bool) -> io::Result<File> {
        let access = if writing { OFlags::RDWR } else { OFlags::RDONLY };
        // Not blocking: opening somebody's pipe must not wait for its other end.
        let flags = access | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = File::from(openat(&self.0, name, flags, Mode::empty())?);
        let found = fstat(&file)?;
        let owner = found.st_uid == rustix::process::geteuid().as_raw();
        if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile || !owner {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "not a regular file of this user"));
        }
        Ok(file)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        Ok(unlinkat(&self.0, name, AtFlags::empty())?)
    }

    pub(crate) fn rename(&self, from: &str, other: &Directory, to: &str) -> io::Result<()> {
        Ok(renameat(&self.0, from, &other.0, to)?)
    }

    pub(crate) fn link(&self, name: &str, other: &Directory, other_name: &str) -> io::Result<()> {
        Ok(linkat(&self.0, name, &other.0, other_name, AtFlags::empty())?)
    }

    pub(crate) fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.0)? {
            if let Ok(name) = entry?.file_name().to_str() {
                names.push(name.to_owned());
            }
        }
        names.retain(|name| name != "." && name != "..");
        Ok(names)
    }

    pub(crate) fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(&self.0)?)
    }

    /// Whether `path` leads to it.
    pub(crate) fn is_at(&self, path: &Path) -> bool {
        let Ok(ours) = fstat(&self.0) else { return false };
        rustix::fs::lstat(path).is_ok_and(|there| (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino))
    }
}

/// Opens a file that is there to be locked, made where it is missing.
pub(crate) fn open_lock(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    Ok(File::from(rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR)?))
}

/// Reads from a place in a file, some of it.
pub(crate) fn read_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<usize> {
    file.read_at(bytes, at)
}

/// Writes to a place in a file, some of it.
pub(crate) fn write_at(file: &File, bytes: &[u8], at: u64) -> io::Result<usize> {
    file.write_at(bytes, at)
}

/// What tells a file from all others.
pub(crate) fn identity(file: &File) -> io::Result<(u64, u64)> {
    file.metadata().map(|found| (found.dev(), found.ino()))
}

/// Whether somebody has removed a file that we hold open.
pub(crate) fn is_removed(file: &File) -> bool {
    file.metadata().is_ok_and(|found| found.nlink() == 0)
}

/// Whether a file was not opened because a link has its name.
pub(crate) fn is_link(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

/// Has room behind `len` bytes of a file: writing them cannot fail for want of it.
pub(crate) fn allocate(file: &File, at: u64, len: u64) -> io::Result<()> {
    Ok(rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), at, len)?)
}

/// Gives the room behind bytes of a file back.
#[cfg(target_os = "linux")]
pub(crate) fn punch(file: &File, at: u64, len: u64) -> io::Result<()> {
    use rustix::fs::FallocateFlags;
    Ok(rustix::fs::fallocate(file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, at, len)?)
}

/// Gives the room behind bytes of a file back: where that is not possible it is zeroed, which costs no promise.
#[cfg(not(target_os = "linux"))]
pub(crate) fn punch(_: &File, _: u64, _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Folders of this user on file systems that live in memory, the best first.
pub(crate) fn memory_folders() -> Vec<PathBuf> {
    let user = rustix::process::geteuid().as_raw();
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
    let candidates = runtime
        .map(|path| path.join("t800"))
        .into_iter()
        .chain([PathBuf::from(format!("/dev/shm/t800-{user}"))]);
    candidates.filter(|path| path.parent().is_some_and(is_memory)).collect()
}

#[cfg(target_os = "linux")]
fn is_memory(path: &Path) -> bool {
    const TMPFS: rustix::fs::FsWord = 0x0102_1994;
    const RAMFS: rustix::fs::FsWord = 0x8584_58f6;
    rustix::fs::statfs(path).is_ok_and(|found| matches!(found.f_type, TMPFS | RAMFS))
}

#[cfg(not(target_os = "linux"))]
fn is_memory(_: &Path) -> bool {
    false
}

/// The name of this process's user in `/etc/passwd`, read as a file: asking the system would open a socket.
pub(crate) fn user_name() -> Option<String> {
    let uid = rustix::process::getuid().as_raw().to_string();
    let passwd = std::fs::read_to_string("/etc/passwd").ok()?;
    let line = passwd.lines().find(|line| line.split(':').nth(2) == Some(&uid))?;
    line.split(':').next().map(str::to_owned)
}

/// The name of this machine.
pub(crate) fn host_name() -> Option<String> {
    rustix::system::uname().nodename().to_str().ok().map(str::to_owned)
}

/// Random bits of the system's.
pub(crate) fn random() -> io::Result<u64> {
    use std::io::Read as _;
    let mut bytes = [0; 8];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}
