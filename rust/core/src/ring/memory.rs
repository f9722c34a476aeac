//! The memory of a ring's segments: pages of a mapped file that outlive the process, or of the heap where mapping is
//! refused.
//!
//! All unsafe code of this crate is here, in `mapping.rs`, and in the few lines of [`super::Ring`] that call them.

use super::mapping::Mapping;
use std::fs::File;
use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering::Release};

/// A block of shared memory, aligned to 8 bytes. Its words are atomic; its other bytes belong to whoever reserved
/// them.
#[derive(Debug)]
pub struct Block {
    base: NonNull<u8>,
    len: usize,
    origin: Origin,
}

#[derive(Debug)]
enum Origin {
    /// Kept for its end, which unmaps it.
    Mapped { _kept: Mapping },
    /// A boxed slice that was leaked: a box that is moved takes its memory for itself, which `base` leads to.
    Heap(NonNull<[u64]>),
}

// SAFETY: a block is plain memory that is not bound to a thread; who may touch which of its bytes is the contract of
// `write` and `read`.
unsafe impl Send for Block {}
// SAFETY: as above: words are atomics, and all other access is `unsafe` under a contract that excludes races.
unsafe impl Sync for Block {}

impl Block {
    /// Zeroed memory of the heap.
    ///
    /// # Errors
    /// When there is none left: that must not end the process.
    pub fn heap(len: usize) -> io::Result<Block> {
        let mut memory = Vec::new();
        memory.try_reserve_exact(len.div_ceil(8)).map_err(|_| io::ErrorKind::OutOfMemory)?;
        memory.resize(len.div_ceil(8), 0u64);
        let memory = NonNull::from(Box::leak(memory.into_boxed_slice()));
        Ok(Block { base: memory.cast(), len, origin: Origin::Heap(memory) })
    }

    /// `len` bytes of `file` from `offset` on (a multiple of the page size).
    ///
    /// The bytes must have been allocated: a store into a hole of a full disk would kill the process.
    ///
    /// # Errors
    /// When the system refuses to map them.
    pub fn mapped(file: &File, offset: u64, len: usize, pages: Pages) -> io::Result<Block> {
        let mapping = Mapping::new(file, offset, len, pages)?;
        Ok(Block { base: mapping.base(), len, origin: Origin::Mapped { _kept: mapping } })
    }

    /// The word at `at`, a multiple of 8.
    pub fn word(&self, at: usize) -> &AtomicU64 {
        assert!(at.is_multiple_of(8) && at + 8 <= self.len, "a word at {at} of {}", self.len);
        // SAFETY: in bounds and aligned as asserted (the base is aligned to a page or to a u64); words are only
        // touched as atomics, or through `write`/`zero` by who owns them alone.
        unsafe { AtomicU64::from_ptr(self.base.as_ptr().add(at).cast()) }
    }

    /// Copies `bytes` to `at`.
    ///
    /// # Safety
    /// Nobody else may read or write these bytes until the caller has published them with a release store.
    pub unsafe fn write(&self, at: usize, bytes: &[u8]) {
        assert!(at + bytes.len() <= self.len, "{} bytes at {at} of {}", bytes.len(), self.len);
        // SAFETY: in bounds as asserted; the caller owns the range, and `bytes` cannot overlap memory that only
        // this type hands out.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.base.as_ptr().add(at), bytes.len()) }
    }

    /// Hands the bytes of a range to `work`.
    ///
    /// # Safety
    /// They must have been published to this thread (an acquire load of their commit word), and nobody may write
    /// them while `work` runs.
    pub unsafe fn read<R>(&self, at: usize, len: usize, work: impl FnOnce(&[u8]) -> R) -> R {
        assert!(at + len <= self.len, "{len} bytes at {at} of {}", self.len);
        // SAFETY: in bounds as asserted, initialised (zeroed or written), and not written meanwhile.
        work(unsafe { std::slice::from_raw_parts(self.base.as_ptr().add(at), len) })
    }

    /// Zeroes the whole block.
    ///
    /// # Safety
    /// Nobody else may have access to the block.
    pub unsafe fn zero(&self) {
        // SAFETY: the whole block, which is the caller's alone.
        unsafe { std::ptr::write_bytes(self.base.as_ptr(), 0, self.len) }
        self.word(0).store(0, Release);
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if let Origin::Heap(memory) = &self.origin {
            // SAFETY: the boxed slice that `heap` has leaked, once; references into it borrow the block.
            drop(unsafe { Box::from_raw(memory.as_ptr()) });
        }
    }
}

/// When the pages of a mapping come into being.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pages {
    /// At once, where the system can: a page fault in a recording call costs a microsecond.
    Present,
    /// At the first touch: mapping itself is quick then.
    Later,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_bytes_share_the_memory() {
        let block = Block::heap(64).unwrap();
        // SAFETY: the block is this thread's.
        unsafe { block.write(8, &7u64.to_le_bytes()) };
        assert_eq!(u64::from_le(block.word(8).load(std::sync::atomic::Ordering::Acquire)), 7);
        // SAFETY: as above.
        assert_eq!(unsafe { block.read(8, 8, <[u8]>::to_vec) }, 7u64.to_le_bytes());
        // SAFETY: as above.
        unsafe { block.zero() };
        assert_eq!(block.word(8).load(std::sync::atomic::Ordering::Acquire), 0);
    }

    #[test]
    #[should_panic(expected = "a word at 64 of 64")]
    fn nothing_outside_is_reached() {
        Block::heap(64).unwrap().word(64);
    }
}
