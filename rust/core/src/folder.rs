//! A directory that is held by its handle: every name in it is opened below that handle and never through a link.

use crate::system::{self, Directory};
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// One directory of ours.
#[derive(Debug)]
pub struct Folder {
    directory: Directory,
    path: PathBuf,
}

impl Folder {
    /// Opens a directory; its last component must not be a link.
    ///
    /// # Errors
    /// When it is none, or may not be opened.
    pub fn open(path: &Path) -> io::Result<Folder> {
        Ok(Folder { directory: Directory::open(path)?, path: path.to_owned() })
    }

    /// Opens a directory that only this user can enter, making it where it is missing.
    ///
    /// # Errors
    /// When it belongs to another user, is a link, or cannot be made.
    pub fn own(path: &Path) -> io::Result<Folder> {
        Ok(Folder { directory: Directory::own(path)?, path: path.to_owned() })
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
        self.directory.create(name)
    }

    /// Opens a regular file of this user for reading and writing.
    ///
    /// # Errors
    /// When there is none, or it is something else: a link, a pipe, another user's file.
    pub fn open_file(&self, name: &str) -> io::Result<File> {
        self.directory.open_file(name, true)
    }

    /// Opens a regular file of this user for reading.
    ///
    /// # Errors
    /// As [`Folder::open_file`].
    pub fn read_file(&self, name: &str) -> io::Result<File> {
        self.directory.open_file(name, false)
    }

    /// Whether something has this name, a link too.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.directory.has(name)
    }

    /// Whether the file that has this name is this one.
    #[must_use]
    pub fn is(&self, name: &str, file: &File) -> bool {
        let there = self.read_file(name).and_then(|file| system::identity(&file));
        matches!((there, system::identity(file)), (Ok(there), Ok(ours)) if there == ours)
    }

    /// Removes a file.
    ///
    /// # Errors
    /// When there is none, or it may not be removed.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        self.directory.remove(name)
    }

    /// Gives a file a new name in `other`, in the place of what had it.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn rename(&self, from: &str, other: &Folder, to: &str) -> io::Result<()> {
        self.directory.rename(from, &other.directory, to)
    }

    /// Gives a file a second name in `other`, which must be free.
    ///
    /// # Errors
    /// When the name is taken, or the file system refuses.
    pub fn link(&self, name: &str, other: &Folder, other_name: &str) -> io::Result<()> {
        self.directory.link(name, &other.directory, other_name)
    }

    /// The names in it that are Unicode, in no order.
    ///
    /// # Errors
    /// When it cannot be listed.
    pub fn names(&self) -> io::Result<Vec<String>> {
        self.directory.names()
    }

    /// Makes the names in it durable.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn sync(&self) -> io::Result<()> {
        self.directory.sync()
    }

    /// Whether its path still leads to it.
    #[must_use]
    pub fn is_in_place(&self) -> bool {
        self.directory.is_at(&self.path)
    }
}

/// Opens a file that is there to be locked, made for this user alone where it is missing; never through a link.
///
/// # Errors
/// When it cannot be made or opened.
pub fn open_lock(path: &Path) -> io::Result<File> {
    system::open_lock(path)
}

/// A file that is locked as long as this is kept.
#[derive(Debug)]
pub struct LockedFile(File);

impl LockedFile {
    /// Locks a file, and waits until it is free.
    ///
    /// # Errors
    /// When the file system has no locks.
    pub fn lock(file: File) -> io::Result<LockedFile> {
        file.lock()?;
        Ok(LockedFile(file))
    }

    /// Locks a file that nobody holds.
    ///
    /// # Errors
    /// When somebody holds it, or the file system has no locks.
    pub fn try_lock(file: File) -> Result<LockedFile, TryLockError> {
        file.try_lock()?;
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
        let _ = self.0.unlock();
    }
}

#[cfg(all(test, unix, not(t800_portable)))]
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
        // By another name elsewhere, where then nothing is there to be opened.
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::{CWD, FileType, Mode, mknodat};
            mknodat(CWD, folder.path_of("pipe"), FileType::Fifo, Mode::RWXU, 0).unwrap();
        }
        assert!(folder.open_file("real").is_ok());
        for name in ["link", "pipe", "again", "nothing"] {
            assert!(folder.open_file(name).is_err(), "{name}");
        }
        assert!(Folder::open(&folder.path_of("again")).is_err());
    }

    #[test]
    fn a_lock_ends_though_another_holds_the_descriptor() {
        let folder = folder("lock");
        let lock = LockedFile::try_lock;
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
