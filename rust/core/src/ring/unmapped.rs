//! The place of [`mapping`](super) on systems where no file is mapped: their rings are on the heap.

use super::memory::Pages;
use std::fs::File;
use std::io;
use std::ptr::NonNull;

/// There is none.
#[derive(Debug)]
pub enum Mapping {}

impl Mapping {
    /// Nothing is mapped here.
    ///
    /// # Errors
    /// Always.
    pub fn new(_: &File, _: u64, _: usize, _: Pages) -> io::Result<Mapping> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Of none.
    pub fn base(&self) -> NonNull<u8> {
        match *self {}
    }
}

/// Processes are not forked here.
pub fn close(_: &File) {}
