//! Pages of a file in this process's memory: what is stored in them outlives the process.

use super::memory::Pages;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::ptr::NonNull;

/// A range of a file, mapped as long as this is kept.
#[derive(Debug)]
pub struct Mapping {
    base: NonNull<u8>,
    len: usize,
}

impl Mapping {
    /// `len` bytes of `file` from `offset` on (a multiple of the page size).
    ///
    /// The bytes must have been allocated: a store into a hole of a full disk would kill the process.
    ///
    /// # Errors
    /// When the system refuses to map them.
    pub fn new(file: &File, offset: u64, len: usize, pages: Pages) -> io::Result<Mapping> {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a fresh mapping at an address of the system's choice aliases nothing in this process; the file
        // is ours alone (made exclusively, in a folder of mode 0700) and is never shortened while it is mapped.
        let base = unsafe { mmap(std::ptr::null_mut(), len, protection, flags(pages), file, offset)? };
        Ok(Mapping { base: NonNull::new(base.cast()).ok_or(io::ErrorKind::OutOfMemory)?, len })
    }

    /// Where it begins.
    pub fn base(&self) -> NonNull<u8> {
        self.base
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: exactly the range that `new` has mapped, once; the block that keeps this hands out no reference into
        // it that outlives the block.
        let _ = unsafe { munmap(self.base.as_ptr().cast(), self.len) };
    }
}

#[cfg(target_os = "linux")]
fn flags(pages: Pages) -> MapFlags {
    match pages {
        Pages::Present => MapFlags::SHARED | MapFlags::POPULATE,
        Pages::Later => MapFlags::SHARED,
    }
}

#[cfg(not(target_os = "linux"))]
fn flags(_: Pages) -> MapFlags {
    MapFlags::SHARED
}

/// Closes a file whose owner will never be used or dropped in this process: a fork's child forgets it.
pub fn close(file: &File) {
    // SAFETY: the caller is a fork's child, where the writer that owns this descriptor (its ring's, its lock's) is leaked
    // and refuses all use (it is of an earlier generation), so that nobody closes or uses the number again through
    // `file`.
    unsafe { rustix::io::close(file.as_raw_fd()) }
}
