//! Who is live: a session is, as long as its lock file is locked by the process that writes it.
//!
//! One locked file per process serves all its sessions: each session's `.t800/{stem}.lock` is a hard link to it, so
//! a thousand sessions cost one descriptor, and the death of the process ends them all at once.

use crate::folder::Folder;
use crate::ring::close_inherited;
use crate::system::is_removed;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The lock of one process in one telemetry folder.
#[derive(Debug)]
pub struct WriterLock {
    file: File,
    name: String,
    private: Arc<Folder>,
}

impl WriterLock {
    /// Creates and locks the file in `private` (the telemetry folder's `.t800`).
    ///
    /// # Errors
    /// When it cannot be created there.
    pub fn create(private: &Arc<Folder>) -> io::Result<WriterLock> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let nonce = NEXT.fetch_add(1, Ordering::Relaxed);
        let now = crate::clock::wall(crate::clock::now());
        let name = format!("writer-{}-{now:x}-{nonce}.lock", std::process::id());
        // Under its name only once it is locked: another process takes an unlocked one for a dead one's.
        let fresh = format!("{name}.new");
        let file = private.create(&fresh)?;
        file.try_lock()?;
        private.rename(&fresh, private, &name)?;
        Ok(WriterLock { file, name, private: Arc::clone(private) })
    }

    /// Marks a session as live.
    ///
    /// # Errors
    /// When the file system refuses the link, or the name is taken.
    pub fn hold(&self, stem: &str) -> io::Result<()> {
        self.private.link(&self.name, &self.private, &lock_name(stem))
    }

    /// Whether others still find it: nobody has removed it, or the folder that it is in.
    #[must_use]
    pub fn is_in_place(&self) -> bool {
        self.private.is_in_place() && !is_removed(&self.file)
    }

    /// In a fork's child: closes its copy of the descriptor, so that the lock ends with the parent.
    pub fn abandon(&self) {
        close_inherited(&self.file);
    }

    /// Ends the lock: nothing is written under it any more.
    pub fn retire(&self) {
        // Said, and not left to closing: a child that is being started may still have the descriptor.
        let _ = self.file.unlock();
        let _ = self.private.remove(&self.name);
    }

    /// Marks a session as ended.
    pub fn release(&self, stem: &str) {
        let _ = self.private.remove(&lock_name(stem));
    }
}

impl Drop for WriterLock {
    fn drop(&mut self) {
        self.retire();
    }
}

fn lock_name(stem: &str) -> String {
    format!("{stem}.lock")
}

/// Whether the session of `stem` is being written by a living process.
#[must_use]
pub fn is_live(private: &Path, stem: &str) -> bool {
    Folder::open(private).is_ok_and(|private| is_held(&private, stem))
}

/// As [`is_live`], in a folder that is open already.
#[must_use]
pub fn is_held(private: &Folder, stem: &str) -> bool {
    is_locked(private, &lock_name(stem))
}

/// Whether the process that wrote the session of `stem` has ended: it has left its mark, and nobody holds it.
#[must_use]
pub fn is_dead(private: &Folder, stem: &str) -> bool {
    private.has(&lock_name(stem)) && !is_held(private, stem)
}

fn is_locked(private: &Folder, name: &str) -> bool {
    let Ok(file) = private.read_file(name) else { return false };
    file.try_lock_shared().is_err()
}

/// Removes the lock files that dead processes have left in `private`.
pub fn sweep(private: &Folder) {
    for name in private.names().unwrap_or_default() {
        let lock = Path::new(&name).extension().is_some_and(|extension| extension == "lock");
        if lock && name.starts_with("writer-") && !is_locked(private, &name) {
            let _ = private.remove(&name);
        }
    }
}

/// Removes the mark of a session whose process has ended.
pub fn clear(private: &Folder, stem: &str) {
    if !is_held(private, stem) {
        let _ = private.remove(&lock_name(stem));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn live_while_held() {
        let path = std::env::temp_dir().join(format!("t800-live-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        let folder = Arc::new(Folder::own(&path).unwrap());
        let lock = WriterLock::create(&folder).unwrap();
        lock.hold("a").unwrap();
        lock.hold("b").unwrap();
        assert!(is_live(&path, "a") && is_live(&path, "b") && !is_live(&path, "c"));
        assert!(lock.hold("a").is_err());
        lock.release("a");
        assert!(!is_live(&path, "a") && is_live(&path, "b"));
        sweep(&folder);
        assert!(is_live(&path, "b"));
        drop(lock);
        assert!(!is_live(&path, "b"));
        clear(&folder, "b");
        assert!(folder.names().unwrap().is_empty());
    }
}
