//! A directory that is held by its handle: every name in it is opened below that handle and never through a link.

use rustix::fs::{
    AtFlags, Dir, FileType, FlockOperation, Mode, OFlags, flock, fstat, linkat, openat, renameat, statat,
    unlinkat,
};
use std::fs::{File, Permissions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// One directory of ours.
#[derive(Debug)]
pub struct Folder {
    handle: OwnedFd,
    path: PathBuf,
}

impl Folder {
    /// Opens a directory; its last component must not be a link.
    ///
    /// # Errors
    /// When it is none, or may not be opened.
    pub fn open(path: &Path) -> io::Result<Folder> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Folder { handle: rustix::fs::open(path, flags, Mode::empty())?, path: path.to_owned() })
    }

    /// Opens a directory that only this user can enter, making it where it is missing.
    ///
    /// # Errors
    /// When it belongs to another user, is a link, or cannot be made.
    pub fn own(path: &Path) -> io::Result<Folder> {
        match rustix::fs::mkdir(path, Mode::RWXU) {
            // An odd umask may have taken even our own right to enter away.
            Ok(()) => rustix::fs::chmod(path, Mode::RWXU)?,
            Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        let folder = Folder::open(path)?;
        let found = fstat(&folder.handle)?;
        if found.st_uid != rustix::process::geteuid().as_raw() {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "the folder belongs to another user",
            ));
        }
        if found.st_mode & 0o777 != 0o700 {
            rustix::fs::fchmod(&folder.handle, Mode::RWXU)?;
        }
        Ok(folder)
    }

    /// Where it was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a name in it, for messages.
    #[must_use]
    pub fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Creates a file for reading and writing, which must not exist; 0600 whatever the umask.
    ///
    /// # Errors
    /// When the name is taken (by a link, too), or the disk refuses.
    pub fn create(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = File::from(openat(&self.handle, name, flags, Mode::RUSR | Mode::WUSR)?);
        // The umask may have taken more away; it must not have left more.
        let owned = file.set_permissions(Permissions::from_mode(0o600));
        if owned.is_err() {
            let _ = self.remove(name);
        }
        owned.map(|()| file)
    }

    /// Opens a regular file of this user for reading and writing.
    ///
    /// # Errors
    /// When there is none, or it is something else: a link, a pipe, another user's file.
    pub fn open_file(&self, name: &str) -> io::Result<File> {
        self.open_as(name, OFlags::RDWR)
    }

    /// Opens a regular file of this user for reading.
    ///
    /// # Errors
    /// As [`Folder::open_file`].
    pub fn read_file(&self, name: &str) -> io::Result<File> {
        self.open_as(name, OFlags::RDONLY)
    }

    fn open_as(&self, name: &str, access: OFlags) -> io::Result<File> {
        // Not blocking: opening somebody's pipe must not wait for its other end.
        let flags = access | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = File::from(openat(&self.handle, name, flags, Mode::empty())?);
        let found = fstat(&file)?;
        let owner = found.st_uid == rustix::process::geteuid().as_raw();
        if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile || !owner {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "not a regular file of this user"));
        }
        Ok(file)
    }

    /// Whether something has this name, a link too.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    /// Removes a file.
    ///
    /// # Errors
    /// When there is none, or it may not be removed.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        Ok(unlinkat(&self.handle, name, AtFlags::empty())?)
    }

    /// Gives a file a new name in `other`, in the place of what had it.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn rename(&self, from: &str, other: &Folder, to: &str) -> io::Result<()> {
        Ok(renameat(&self.handle, from, &other.handle, to)?)
    }

    /// Gives a file a second name in `other`, which must be free.
    ///
    /// # Errors
    /// When the name is taken, or the file system refuses.
    pub fn link(&self, name: &str, other: &Folder, other_name: &str) -> io::Result<()> {
        Ok(linkat(&self.handle, name, &other.handle, other_name, AtFlags::empty())?)
    }

    /// The names in it that are Unicode, in no order.
    ///
    /// # Errors
    /// When it cannot be listed.
    pub fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.handle)? {
            if let Ok(name) = entry?.file_name().to_str() {
                names.push(name.to_owned());
            }
        }
        names.retain(|name| name != "." && name != "..");
        Ok(names)
    }

    /// Makes the names in it durable.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(&self.handle)?)
    }

    /// Whether its path still leads to it.
    #[must_use]
    pub fn is_in_place(&self) -> bool {
        let Ok(ours) = fstat(&self.handle) else { return false };
        rustix::fs::lstat(&self.path)
            .is_ok_and(|there| (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino))
    }

    /// Its handle, for locks and questions about its file system.
    #[must_use]
    pub fn handle(&self) -> impl AsFd + '_ {
        self.handle.as_fd()
    }
}

/// A file that is locked as long as this is kept.
#[derive(Debug)]
pub struct LockedFile(File);

impl LockedFile {
    /// Locks a file.
    ///
    /// # Errors
    /// When another process holds it and `operation` does not wait.
    pub fn lock(file: File, operation: FlockOperation) -> io::Result<LockedFile> {
        flock(&file, operation)?;
        Ok(LockedFile(file))
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.0
    }
}

impl Drop for LockedFile {
    fn drop(&mut self) {
        // Said, and not left to closing: a child that was forked meanwhile has the descriptor, too.
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    fn folder(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("t800-folder-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Folder::own(&path).unwrap()
    }

    #[test]
    fn what_it_makes_is_the_users_alone() {
        let folder = folder("own");
        assert_eq!(std::fs::metadata(folder.path()).unwrap().mode() & 0o777, 0o700);
        let file = folder.create("a").unwrap();
        assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o600);
        assert!(folder.create("a").is_err());
    }

    #[test]
    fn links_and_pipes_are_not_opened() {
        let folder = folder("links");
        std::fs::write(folder.path_of("real"), "x").unwrap();
        std::os::unix::fs::symlink("real", folder.path_of("link")).unwrap();
        std::os::unix::fs::symlink(folder.path(), folder.path_of("again")).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, folder.path_of("pipe"), FileType::Fifo, Mode::RWXU, 0).unwrap();
        assert!(folder.open_file("real").is_ok());
        for name in ["link", "pipe", "again", "nothing"] {
            assert!(folder.open_file(name).is_err(), "{name}");
        }
        assert!(Folder::open(&folder.path_of("again")).is_err());
    }

    #[test]
    fn a_lock_ends_though_another_holds_the_descriptor() {
        let folder = folder("lock");
        let lock = |file| LockedFile::lock(file, FlockOperation::NonBlockingLockExclusive);
        let held = lock(folder.create("a").unwrap()).unwrap();
        // As a fork's child holds it.
        let inherited = held.file().try_clone().unwrap();
        assert!(lock(folder.open_file("a").unwrap()).is_err());
        drop(held);
        assert!(lock(folder.open_file("a").unwrap()).is_ok());
        drop(inherited);
    }

    #[test]
    fn knows_when_it_was_removed_or_replaced() {
        let folder = folder("moved");
        assert!(folder.is_in_place());
        std::fs::remove_dir_all(folder.path()).unwrap();
        assert!(!folder.is_in_place());
        std::fs::create_dir(folder.path()).unwrap();
        assert!(!folder.is_in_place());
    }
}
