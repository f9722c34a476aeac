//! The crash-safe buffer between callers and the writer.
//!
//! Callers on any thread put records into segments of shared memory, without a lock and without a system call:
//! they reserve a range by moving one cursor, copy their bytes, and publish them by a commit word, written last.
//! The memory is a mapped file, so what is committed outlives the process; [`crate::recover`] reads it then.
//!
//! Three threads' work meets here. *Callers* push. The *writer* reads records in order and gives segments back. The
//! *keeper* has the next segments ready before they are needed: allocating a megabyte takes a millisecond, which no
//! caller may wait for.

mod file;
mod keeper;
#[cfg(not(loom))]
#[cfg_attr(any(not(unix), t800_portable), path = "unmapped.rs")]
mod mapping;
#[cfg_attr(loom, path = "memory_model.rs")]
mod memory;
mod record;
mod sync;
pub mod ticks;

#[cfg(not(loom))]
pub(crate) use mapping::close as close_inherited;
#[cfg(loom)]
pub(crate) use memory::close as close_inherited;

pub use file::{Dead, Placement, RingFile, Where, dead_rings, remove_forgotten, snapshots};
pub use record::{HEAD, Head, Position, Record, Salt, Scanned, Tag, Urgency, Word, padded, scan};

use keeper::Keep;
use memory::{Block, Pages};
use std::sync::{Condvar, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::Duration;
use sync::{AtomicBool, AtomicU32, AtomicU64, Instant, Mutex, Ordering};

/// Bytes of a segment.
pub const SEGMENT: usize = if cfg!(loom) {
    128
} else if cfg!(miri) {
    4_096
} else {
    1 << 20
};
/// Most segments that hold something at a time: 64 MiB.
pub const SEGMENTS: usize = if cfg!(loom) { 3 } else { 64 };
/// Where the first record of a segment stands, behind the segment's own head.
pub const FIRST: usize = 64;
/// Free bytes at a segment's end: room for the word that seals it.
const SPARE: usize = 8;
/// The longest record: what fits into one segment.
pub const LONGEST: usize = SEGMENT - FIRST - SPARE;
/// Segments that are kept ready ahead of the cursor, once it has left the first; until callers had to wait for one.
const AHEAD: u32 = 3;
const MOST_AHEAD: u32 = 16;
/// Bytes that may wait for a writer that will look by itself.
const MOST_WATCHED: usize = SEGMENT / 2;
/// How long a caller waits for a segment that is being made ready.
const PATIENCE: Duration = Duration::from_micros(80);

/// Keeps what different threads write apart, a cache line each.
#[repr(align(64))]
struct Line<T>(T);

/// The buffer of one writer.
pub struct Ring {
    salt: Salt,
    /// Where the next record goes.
    cursor: Line<AtomicU64>,
    /// Events since the writer last began to read.
    waiting: Line<AtomicU32>,
    /// Up to where the writer has read.
    read_to: AtomicU64,
    /// The writer was asked to start and has not begun since.
    called: AtomicBool,
    /// The writer will look soon by itself: what only waits need not call it.
    watched: AtomicBool,
    /// Which block serves a segment: its index plus one, at the segment's number modulo [`SEGMENTS`]; 0 is none.
    directory: [AtomicU32; SEGMENTS],
    blocks: [OnceLock<Block>; SEGMENTS],
    /// The first segment that has not been given back.
    tail: AtomicU32,
    /// How many segments the keeper keeps ready.
    ahead: AtomicU32,
    /// There is no memory for a further segment: waiting for one would be in vain.
    short: AtomicBool,
    /// The segment that was made of the reserve, for precious records.
    kept: AtomicU32,
    keep: Mutex<Keep>,
    writer: OnceLock<Thread>,
    keeper: OnceLock<Thread>,
    settled: std::sync::Mutex<Settled>,
    done: Condvar,
    file: Option<RingFile>,
}

/// How far the documents are.
struct Settled {
    /// Everything before is in its document.
    to: Position,
    /// How often the writer has said that a disk refuses.
    refusals: u64,
}

impl Ring {
    /// A ring at the first place that has memory for it, else in memory of this process.
    ///
    /// # Errors
    /// When there is no memory at all.
    pub fn open(placement: &Placement) -> std::io::Result<Ring> {
        let mapped = RingFile::wherever(placement).find_map(|file| Ring::new(Some(file)).ok());
        mapped.map_or_else(|| Ring::new(None), Ok)
    }

    /// A ring in `file`, or in memory of this process where there is none, with its first segment ready.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn new(file: Option<RingFile>) -> std::io::Result<Ring> {
        let ring = Ring {
            salt: file.as_ref().map_or(Salt(0), RingFile::salt),
            cursor: Line(AtomicU64::new(Position::new(0, FIRST).0)),
            waiting: Line(AtomicU32::new(0)),
            read_to: AtomicU64::new(Position::new(0, FIRST).0),
            called: AtomicBool::new(false),
            watched: AtomicBool::new(false),
            directory: std::array::from_fn(|_| AtomicU32::new(0)),
            blocks: std::array::from_fn(|_| OnceLock::new()),
            tail: AtomicU32::new(0),
            ahead: AtomicU32::new(AHEAD),
            short: AtomicBool::new(false),
            kept: AtomicU32::new(u32::MAX),
            keep: Mutex::new(Keep {
                next: 0,
                free: Vec::new(),
                bare: (0..SEGMENTS as u32).rev().collect(),
                reserve: None,
                stop: false,
            }),
            writer: OnceLock::new(),
            keeper: OnceLock::new(),
            settled: std::sync::Mutex::new(Settled { to: Position::new(0, FIRST), refusals: 0 }),
            done: Condvar::new(),
            file,
        };
        let ready = ring.make_ready(Pages::Present);
        if let (Err(_), Some(file)) = (&ready, &ring.file) {
            file.remove();
        }
        ready.map(|_| ring)
    }

    /// The file that it lives in.
    #[must_use]
    pub fn file(&self) -> Option<&RingFile> {
        self.file.as_ref()
    }

    /// Tells the ring whom to wake.
    pub fn serve(&self, writer: Thread, keeper: Thread) {
        let _ = self.writer.set(writer);
        let _ = self.keeper.set(keeper);
    }

    /// Where the first record of a new ring stands.
    #[must_use]
    pub fn start(&self) -> Position {
        Position::new(0, FIRST)
    }

    // The callers' side

    /// Puts in a record made of `parts`; None when the ring is full and the record was not taken.
    pub fn push(&self, head: Head, parts: &[&[u8]], urgency: Urgency) -> Option<Position> {
        let len = HEAD + parts.iter().map(|part| part.len()).sum::<usize>();
        if len > LONGEST {
            return None;
        }
        let at = self.reserve(padded(len), urgency.precious)?;
        let block = self.block(at.segment())?;
        // SAFETY: the range was reserved for this call alone by moving the cursor, and is not read before the commit
        // word below is stored; its segment is given back only after the writer has read that.
        unsafe { block.write(at.offset() + 8, &head.to_bytes()) };
        let mut to = at.offset() + HEAD;
        for part in parts {
            // SAFETY: as above.
            unsafe { block.write(to, part) };
            to += part.len();
        }
        // SAFETY: in one piece, as recovery will read them: bytes that this thread has just written, and still owns.
        let commit = unsafe { block.read(at.offset() + 8, len - 8, |body| self.salt.commit(at, body, &[])) };
        block.word(at.offset()).store(commit.to_le(), Ordering::Release);
        self.wake(at, len, head.tag, urgency);
        Some(at)
    }

    /// Moves the cursor over `len` bytes that are the caller's then.
    fn reserve(&self, len: usize, precious: bool) -> Option<Position> {
        let mut now = Position(self.cursor.0.load(Ordering::Acquire));
        loop {
            let end = now.offset() + len;
            if end <= SEGMENT - SPARE {
                // A precious record may have entered the last segment, which is not open to others for that.
                if !self.may_be_held(now.segment(), precious) || self.is_kept(now.segment(), precious) {
                    self.call();
                    return None;
                }
                match self.advance(now, Position::new(now.segment(), end)) {
                    Ok(()) => return Some(now),
                    Err(moved) => now = moved,
                }
                continue;
            }
            let next = now.segment().wrapping_add(1);
            if !self.is_ready(next, precious) {
                let moved = self.await_segment(now, next, precious)?;
                now = moved;
                continue;
            }
            let first = Position::new(next, FIRST);
            match self.advance(now, Position::new(next, FIRST + len)) {
                Ok(()) => {
                    self.seal(now);
                    self.wake_keeper();
                    return Some(first);
                }
                Err(moved) => now = moved,
            }
        }
    }

    fn advance(&self, from: Position, to: Position) -> Result<(), Position> {
        self.cursor
            .0
            .compare_exchange_weak(from.0, to.0, Ordering::AcqRel, Ordering::Acquire)
            .map(|_| ())
            .map_err(Position)
    }

    /// Says that nothing follows in this segment; by the one caller that has moved the cursor out of it.
    fn seal(&self, at: Position) {
        if let Some(block) = self.block(at.segment()) {
            block.word(at.offset()).store(self.salt.seal(at).to_le(), Ordering::Release);
        }
    }

    /// Whether a segment may be entered: it has memory, and it is not the last one, which precious records keep.
    fn is_ready(&self, segment: u32, precious: bool) -> bool {
        self.may_be_held(segment, precious)
            && self.entry(segment).load(Ordering::Acquire) != 0
            && !self.is_kept(segment, precious)
    }

    /// Whether a segment was made of the reserve, none follows it, and the writer has not come to it.
    fn is_kept(&self, segment: u32, precious: bool) -> bool {
        let next = segment.wrapping_add(1);
        !precious
            && segment == self.kept.load(Ordering::Relaxed)
            && segment != self.tail.load(Ordering::Acquire)
            && self.may_be_held(next, true)
            && self.entry(next).load(Ordering::Acquire) == 0
    }

    /// Whether so many segments may be in use at a time. One that was given back meanwhile may: whoever believes the
    /// cursor to be there will find that it has moved.
    fn may_be_held(&self, segment: u32, precious: bool) -> bool {
        let held = segment.wrapping_sub(self.tail.load(Ordering::Acquire)).cast_signed();
        let most = if precious { SEGMENTS } else { SEGMENTS - 1 };
        !usize::try_from(held).is_ok_and(|held| held >= most)
    }

    /// What a caller does where the keeper is late: it makes the segment itself, an allocation without its page faults,
    /// which costs less than the time that a caller may wait. Gives the cursor where it is then; None when the ring is
    /// full.
    #[cold]
    fn await_segment(&self, seen: Position, next: u32, precious: bool) -> Option<Position> {
        let full = !self.may_be_held(next, precious);
        // Looked at behind the tail: a caller that has slept may ask for a segment that was given back since.
        let cursor = Position(self.cursor.0.load(Ordering::Acquire));
        if cursor.segment() != seen.segment() {
            return Some(cursor);
        }
        self.call();
        if full {
            return None;
        }
        if self.short.load(Ordering::Relaxed) {
            return self.break_reserve(next, precious).then_some(cursor);
        }
        self.ahead.fetch_max((self.ahead.load(Ordering::Relaxed) * 2).min(MOST_AHEAD), Ordering::Relaxed);
        self.wake_keeper();
        if !self.is_ready(next, precious) && self.make_ready(Pages::Later).is_err() {
            self.short.store(true, Ordering::Relaxed);
            return self.break_reserve(next, precious).then_some(cursor);
        }
        let began = Instant::now();
        loop {
            let cursor = Position(self.cursor.0.load(Ordering::Acquire));
            if cursor.segment() != seen.segment() || self.is_ready(next, precious) {
                return Some(cursor);
            }
            // The last block is in another thread's hands.
            if began.elapsed() > PATIENCE {
                return self.break_reserve(next, precious).then_some(cursor);
            }
            sync::yield_now();
        }
    }

    fn entry(&self, segment: u32) -> &AtomicU32 {
        &self.directory[segment as usize % SEGMENTS]
    }

    /// The memory of a segment that the cursor has reached and that was not given back.
    fn block(&self, segment: u32) -> Option<&Block> {
        let index = self.entry(segment).load(Ordering::Acquire).checked_sub(1)?;
        self.blocks[index as usize].get()
    }

    fn wake(&self, at: Position, len: usize, tag: Tag, urgency: Urgency) {
        let one = u32::from(tag == Tag::Event);
        let records = (self.waiting.0.fetch_add(one, Ordering::Relaxed) + one) as usize;
        let bytes = distance(Position(self.read_to.load(Ordering::Relaxed)), at) + len;
        let due = records >= urgency.records || bytes >= urgency.bytes;
        if urgency.now || due && (bytes >= MOST_WATCHED || !self.watched.load(Ordering::Relaxed)) {
            self.call();
        }
    }

    /// Makes the writer start now.
    pub fn call(&self) {
        if !self.called.load(Ordering::Relaxed)
            && !self.called.swap(true, Ordering::AcqRel)
            && let Some(writer) = self.writer.get()
        {
            writer.unpark();
        }
    }

    fn wake_keeper(&self) {
        if let Some(keeper) = self.keeper.get() {
            keeper.unpark();
        }
    }

    /// Calls the writer and waits until everything pushed before is in its document; false after `timeout`, or when
    /// the disk refuses.
    pub fn settle(&self, timeout: Duration) -> bool {
        let wanted = Position(self.cursor.0.load(Ordering::Acquire));
        self.call();
        let settled = self.settled_lock();
        let before = settled.refusals;
        let (settled, _) = self
            .done
            .wait_timeout_while(settled, timeout, |now| now.to < wanted && now.refusals == before)
            .unwrap_or_else(PoisonError::into_inner);
        settled.to >= wanted
    }

    /// Up to where everything is in its document.
    #[must_use]
    pub fn settled_to(&self) -> Position {
        self.settled_lock().to
    }

    /// Whether something stands behind `at`: a record that was not read, or one that is being written.
    #[must_use]
    pub fn goes_on_behind(&self, at: Position) -> bool {
        Position(self.cursor.0.load(Ordering::Acquire)) > at
    }

    fn settled_lock(&self) -> std::sync::MutexGuard<'_, Settled> {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says how many events of the session in `slot` were not taken so far.
    pub fn note_losses(&self, slot: u32, losses: u64) {
        if let Some(file) = &self.file {
            file.losses(slot).fetch_max(losses, Ordering::Relaxed);
        }
    }

    // The writer's side

    /// Waits until the writer is called or its patience is over, which is asked again whenever it is nudged.
    pub fn wait(&self, patience: impl Fn() -> Duration) {
        let began = Instant::now();
        while !self.called.swap(false, Ordering::AcqRel) {
            let left = patience().saturating_sub(began.elapsed());
            if left.is_zero() {
                return;
            }
            std::thread::park_timeout(left);
        }
    }

    /// Whether the writer will look soon by itself.
    pub fn watch(&self, watched: bool) {
        self.watched.store(watched, Ordering::Relaxed);
    }

    /// Makes the writer ask for its patience again.
    pub fn nudge(&self) {
        if let Some(writer) = self.writer.get() {
            writer.unpark();
        }
    }

    /// Hands every committed record from `from` on to `each`, in order; returns the place behind the last one.
    pub fn read(&self, from: Position, each: impl FnMut(Position, Record<'_>)) -> Position {
        self.waiting.0.store(0, Ordering::Relaxed);
        let to = self.walk(from, Position(u64::MAX), each);
        self.read_to.store(to.0, Ordering::Relaxed);
        to
    }

    /// The same for records before `until` that were read already and not given back.
    pub fn walk(
        &self,
        from: Position,
        until: Position,
        mut each: impl FnMut(Position, Record<'_>),
    ) -> Position {
        let mut at = from;
        while at < until
            && let Some(block) = self.block(at.segment())
        {
            match Word::of(u64::from_le(block.word(at.offset()).load(Ordering::Acquire))) {
                Word::Free => break,
                Word::Sealed => at = Position::new(at.segment().wrapping_add(1), FIRST),
                Word::Record(len) => {
                    // SAFETY: the acquire load of its commit word has published the record, and its segment is
                    // given back by this thread alone.
                    unsafe {
                        block.read(at.offset() + 8, len - 8, |bytes| {
                            Record::from_bytes(bytes).map(|record| each(at, record))
                        });
                    }
                    at = Position::new(at.segment(), at.offset() + padded(len));
                }
            }
        }
        at
    }

    /// The one record at `at`, which was read before and not given back.
    pub fn again<R>(&self, at: Position, work: impl FnOnce(Record<'_>) -> R) -> Option<R> {
        let block = self.block(at.segment())?;
        let Word::Record(len) = Word::of(u64::from_le(block.word(at.offset()).load(Ordering::Acquire)))
        else {
            return None;
        };
        // SAFETY: as in `read`.
        unsafe { block.read(at.offset() + 8, len - 8, |bytes| Record::from_bytes(bytes).map(work)) }
    }

    /// The first segment that was not given back.
    #[must_use]
    pub fn tail(&self) -> u32 {
        self.tail.load(Ordering::Acquire)
    }

    /// Says that nothing before `at` is needed any more: its whole segments can be used again.
    pub fn give_back(&self, at: Position) {
        let mut tail = self.tail.load(Ordering::Acquire);
        // Nothing for the keeper to do: it sleeps on, unless it has to look for memory again.
        if tail == at.segment() && !self.short.load(Ordering::Relaxed) {
            return;
        }
        let mut keep = self.keep();
        while tail != at.segment() {
            if let Some(index) = self.entry(tail).swap(0, Ordering::AcqRel).checked_sub(1) {
                keep.free.push(index);
            }
            tail = tail.wrapping_add(1);
            self.tail.store(tail, Ordering::Release);
        }
        drop(keep);
        self.wake_keeper();
    }

    /// Says that everything before `at` is in its document, and whether a disk has refused the rest.
    pub fn settled(&self, at: Position, refused: bool) {
        if let Some(file) = &self.file {
            file.settled(at);
        }
        let mut settled = self.settled_lock();
        settled.to = at;
        settled.refusals += u64::from(refused);
        drop(settled);
        self.done.notify_all();
    }
}

/// Bytes from one place to another, as far as the writer must know.
fn distance(from: Position, to: Position) -> usize {
    let segments = to.segment().wrapping_sub(from.segment()) as usize;
    (segments * SEGMENT + to.offset()).saturating_sub(from.offset())
}

#[cfg(all(test, loom))]
mod model;
#[cfg(all(test, not(loom)))]
mod tests;
