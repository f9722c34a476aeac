//! Who is live: a session is, as long as its lock file is locked by the process that writes it.
//!
//! One locked file per process serves all its sessions: each session's `.t800/{stem}.lock` is a hard link to it, so
//! a thousand sessions cost one descriptor, and the death of the process ends them all at once.

use rustix::fs::{FlockOperation, OFlags};
use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// The lock of one process in one telemetry folder.
pub struct WriterLock {
    _file: File,
    path: PathBuf,
    private: PathBuf,
}

impl WriterLock {
    /// Creates and locks the file in `private` (the telemetry folder's `.t800`).
    ///
    /// # Errors
    /// When it cannot be created there.
    pub fn create(private: &Path) -> io::Result<WriterLock> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let nonce = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = private.join(format!(
            "writer-{}-{:x}-{nonce}.lock",
            std::process::id(),
            crate::clock::wall(crate::clock::now())
        ));
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
            .open(&path)?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(WriterLock { _file: file, path, private: private.to_owned() })
    }

    /// Marks a session as live.
    ///
    /// # Errors
    /// When the file system refuses the link, or the name is taken.
    pub fn hold(&self, stem: &str) -> io::Result<()> {
        std::fs::hard_link(&self.path, lock_path(&self.private, stem))
    }

    /// Marks a session as ended.
    pub fn release(&self, stem: &str) {
        let _ = std::fs::remove_file(lock_path(&self.private, stem));
    }
}

impl Drop for WriterLock {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

fn lock_path(private: &Path, stem: &str) -> PathBuf {
    private.join(format!("{stem}.lock"))
}

/// Whether the session of `stem` is being written by a living process.
#[must_use]
pub fn is_live(private: &Path, stem: &str) -> bool {
    is_locked(&lock_path(private, stem))
}

fn is_locked(path: &Path) -> bool {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let Ok(file) = OpenOptions::new().read(true).custom_flags(flags).open(path) else { return false };
    rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared).is_err()
}

/// Removes the lock files that dead processes have left in `private`.
pub fn sweep(private: &Path) {
    let Ok(entries) = std::fs::read_dir(private) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let lock = Path::new(name).extension().is_some_and(|extension| extension == "lock");
        if lock && name.starts_with("writer-") && !is_locked(&path) {
            let _ = std::fs::remove_file(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn live_while_held() {
        let folder = std::env::temp_dir().join(format!("t800-live-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let lock = WriterLock::create(&folder).unwrap();
        lock.hold("a").unwrap();
        lock.hold("b").unwrap();
        assert!(is_live(&folder, "a") && is_live(&folder, "b") && !is_live(&folder, "c"));
        assert!(lock.hold("a").is_err());
        lock.release("a");
        assert!(!is_live(&folder, "a") && is_live(&folder, "b"));
        sweep(&folder);
        assert!(is_live(&folder, "b"));
        drop(lock);
        assert!(!is_live(&folder, "b"));
    }
}
