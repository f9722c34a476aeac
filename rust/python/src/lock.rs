//! Locks that processes share, for Python: the same that the core takes.

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use std::fs::{File, TryLockError};
use std::path::PathBuf;
use t800_core::folder;

/// A lock file that this process holds.
#[pyclass(frozen, module = "t800._core")]
pub struct Lock {
    file: File,
}

#[pymethods]
impl Lock {
    /// Takes the lock file at `path`, which is made where it is missing; None where somebody holds it.
    #[staticmethod]
    fn take(path: PathBuf) -> PyResult<Option<Lock>> {
        let file = folder::open_lock(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock { file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(PyOSError::new_err(error)),
        }
    }

    /// Lets go of it. Said, and not left to closing: a child that was forked meanwhile has the descriptor, too.
    fn release(&self) {
        let _ = self.file.unlock();
    }
}
