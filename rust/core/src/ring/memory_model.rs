//! The memory of a ring's segments as loom watches it: the words are loom's atomics, and every other access goes
//! through a cell of loom's, which fails the model where two threads touch the same bytes without an order between
//! them. The same names as in `memory.rs`.

use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::fs::File;
use std::io;

/// Eight bytes of a block, which are a word or part of a record's body.
#[derive(Debug)]
struct Eight {
    word: AtomicU64,
    bytes: UnsafeCell<[u8; 8]>,
    /// Shared by all who use the word, wanted alone by who zeroes it.
    used: UnsafeCell<()>,
}

/// A block of memory.
#[derive(Debug)]
pub struct Block(Vec<Eight>);

// SAFETY: who may touch which bytes is the contract of `write` and `read`, which loom's cells check.
unsafe impl Send for Block {}
// SAFETY: as above.
unsafe impl Sync for Block {}

impl Block {
    pub fn heap(len: usize) -> io::Result<Block> {
        let eight =
            || Eight { word: AtomicU64::new(0), bytes: UnsafeCell::new([0; 8]), used: UnsafeCell::new(()) };
        Ok(Block((0..len.div_ceil(8)).map(|_| eight()).collect()))
    }

    /// A model has no files.
    pub fn mapped(_: &File, _: u64, _: usize, _: Pages) -> io::Result<Block> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub fn word(&self, at: usize) -> &AtomicU64 {
        assert!(at.is_multiple_of(8), "a word at {at}");
        let eight = &self.0[at / 8];
        eight.used.with(|_| ());
        &eight.word
    }

    /// # Safety
    /// As in `memory.rs`; loom's cells check it.
    pub unsafe fn write(&self, at: usize, bytes: &[u8]) {
        for (at, byte) in (at..).zip(bytes) {
            // SAFETY: loom has checked that nobody else is at these bytes.
            self.0[at / 8].bytes.with_mut(|eight| unsafe { (*eight)[at % 8] = *byte });
        }
    }

    /// # Safety
    /// As in `memory.rs`; loom's cells check it.
    pub unsafe fn read<R>(&self, at: usize, len: usize, work: impl FnOnce(&[u8]) -> R) -> R {
        let bytes: Vec<u8> = (at..at + len)
            // SAFETY: loom has checked that nobody writes these bytes.
            .map(|at| self.0[at / 8].bytes.with(|eight| unsafe { (*eight)[at % 8] }))
            .collect();
        work(&bytes)
    }

    /// # Safety
    /// As in `memory.rs`; loom's cells check it.
    pub unsafe fn zero(&self) {
        for eight in &self.0 {
            eight.used.with_mut(|_| ());
            // SAFETY: loom has checked that nobody else is at these bytes.
            eight.bytes.with_mut(|bytes| unsafe { *bytes = [0; 8] });
            eight.word.store(0, Relaxed);
        }
    }
}

/// A model does not fork.
pub fn close(_: &File) {}

/// When the pages of a mapping come into being.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pages {
    Present,
    Later,
}
