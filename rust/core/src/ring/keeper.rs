//! The keeper: has memory behind segments before callers come to them, and keeps a reserve for precious records.

use super::memory::Pages;
use super::sync::{MutexGuard, Ordering};
use super::{AHEAD, Block, Position, Ring, SEGMENT, SEGMENTS, file};
use std::sync::PoisonError;

/// The blocks that are not in use.
pub(super) struct Keep {
    /// Number of the next segment to be made ready.
    pub(super) next: u32,
    /// Blocks that were given back, to be zeroed.
    pub(super) free: Vec<u32>,
    /// Blocks without memory behind them.
    pub(super) bare: Vec<u32>,
    /// A block that is ready and waits for a precious record that finds no other.
    pub(super) reserve: Option<u32>,
    pub(super) stop: bool,
}

impl Keep {
    /// A block, and whether it was used before.
    fn take(&mut self) -> Option<(u32, bool)> {
        self.free.pop().map(|index| (index, true)).or_else(|| self.bare.pop().map(|index| (index, false)))
    }
}

impl Ring {
    pub(super) fn keep(&self) -> MutexGuard<'_, Keep> {
        self.keep.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps segments ready until [`Ring::dismiss`]: the keeper's thread. It gives the memory of a ring back whose file
    /// is removed by then: nobody else knows that no more of it is on its way.
    pub fn stand_by(&self) {
        while !self.keep().stop {
            self.refill_reserve();
            let made = self.wants_more().then(|| self.make_ready(Pages::Present));
            self.short.store(matches!(made, Some(Err(_))), Ordering::Relaxed);
            if !matches!(made, Some(Ok(true))) && !self.keep().stop {
                std::thread::park();
            }
        }
        if let Some(file) = self.file.as_ref().filter(|file| file.is_removed()) {
            let _ = file.release_all();
        }
    }

    /// Ends the keeper.
    pub fn dismiss(&self) {
        self.keep().stop = true;
        self.wake_keeper();
    }

    fn wants_more(&self) -> bool {
        let next = self.keep().next;
        let cursor = Position(self.cursor.0.load(Ordering::Acquire)).segment();
        let ready = next.wrapping_sub(cursor).wrapping_sub(1);
        // Most sessions end in their first segment: memory for many more is not theirs to pay. One that goes on gets it.
        let ahead = match self.ahead.load(Ordering::Relaxed) {
            AHEAD => AHEAD.min(cursor.saturating_add(1)),
            raised => raised,
        };
        ready < ahead && self.has_room(next)
    }

    /// Whether a segment may follow: the directory has a place for it.
    fn has_room(&self, next: u32) -> bool {
        (next.wrapping_sub(self.tail.load(Ordering::Acquire)) as usize) < SEGMENTS
    }

    /// Makes one more segment ready; false where there is no room for one.
    pub(super) fn make_ready(&self, pages: Pages) -> std::io::Result<bool> {
        let Some(index) = self.take_prepared(pages)? else { return Ok(false) };
        let mut keep = self.keep();
        if !self.has_room(keep.next) {
            keep.free.push(index);
            return Ok(false);
        }
        self.publish(&mut keep, index);
        Ok(true)
    }

    /// Makes the next segment of a block that is ready.
    fn publish(&self, keep: &mut Keep, index: u32) {
        let Some(block) = self.blocks[index as usize].get() else { return keep.free.push(index) };
        // SAFETY: no entry of the directory leads to this block, so that it is this thread's alone.
        unsafe { block.write(0, &file::segment_head(self.salt, keep.next)) };
        self.entry(keep.next).store(index + 1, Ordering::Release);
        keep.next = keep.next.wrapping_add(1);
    }

    /// Lays a block aside. Before anything else: where memory is short, what comes free is for precious records first.
    fn refill_reserve(&self) {
        if self.keep().reserve.is_none()
            && let Ok(Some(index)) = self.take_prepared(Pages::Later)
        {
            self.keep().reserve = Some(index);
        }
    }

    /// A block with zeroed memory behind it; None where all are in use.
    fn take_prepared(&self, pages: Pages) -> std::io::Result<Option<u32>> {
        let Some((index, used)) = self.keep().take() else { return Ok(None) };
        // The work is done without the lock: a caller that cannot wait for it takes another block.
        if let Err(error) = self.prepare(index, used, pages) {
            self.keep().bare.push(index);
            return Err(error);
        }
        Ok(Some(index))
    }

    /// Has zeroed memory behind a block.
    fn prepare(&self, index: u32, used: bool, pages: Pages) -> std::io::Result<()> {
        let slot = &self.blocks[index as usize];
        if used {
            // SAFETY: it was given back after the writer had read all that callers had reserved in it.
            slot.get().into_iter().for_each(|block| unsafe { block.zero() });
            return Ok(());
        }
        if let Some(file) = &self.file {
            file.allocate(index)?;
        }
        if slot.get().is_none() {
            let block = match &self.file {
                Some(file) => Block::mapped(file.file(), file::segment_at(index), SEGMENT, pages)?,
                None => Block::heap(SEGMENT)?,
            };
            let _ = slot.set(block);
        }
        Ok(())
    }

    /// Gives memory back that a burst has left: what is free beyond what is kept ready. By the idle writer.
    pub fn relax(&self) {
        let mut keep = self.keep();
        self.ahead.store(AHEAD, Ordering::Relaxed);
        let Some(file) = &self.file else { return };
        while keep.free.len() > AHEAD as usize {
            let Some(index) = keep.free.pop() else { return };
            if file.release(index).is_err() {
                keep.free.push(index);
                return;
            }
            keep.bare.push(index);
        }
    }

    /// Makes a segment of the reserve: for a precious record, or where the memory is too small for two segments without
    /// it. True when the segment is there.
    pub(super) fn break_reserve(&self, next: u32, precious: bool) -> bool {
        if !precious && next.wrapping_sub(self.tail.load(Ordering::Acquire)) > 1 {
            return false;
        }
        let mut keep = self.keep();
        if keep.next == next
            && self.has_room(next)
            && let Some(index) = keep.reserve.take()
        {
            if precious {
                self.kept.store(next, Ordering::Relaxed);
            }
            self.publish(&mut keep, index);
        }
        drop(keep);
        self.wake_keeper();
        self.is_ready(next, precious)
    }
}
