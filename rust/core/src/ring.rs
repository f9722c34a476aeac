//! The buffer between callers and the writer: records go in from any thread and come out in order.
//!
//! A record is bytes: a header, the event's [`Facts`](crate::summary::Facts) and its finished line. The ring lives
//! in this process's memory and is bounded; a record that finds it full is refused, and the caller counts it.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Most bytes that may wait for the writer.
pub const CAPACITY: usize = 64 << 20;
/// Kept free for what must not be lost first: errors, checkpoints and ends of sessions.
const RESERVED: usize = 1 << 20;
/// A buffer that has grown beyond this is given back after it was drained.
const KEPT: usize = 4 << 20;
const HEADER: usize = 12;

/// What a record is for the writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Tag {
    /// A finished event: facts, then its line.
    Event = 0,
    /// The end of a session.
    Close = 1,
}

/// When a record makes the writer start at once rather than at its next interval.
#[derive(Clone, Copy, Debug)]
pub struct Urgency {
    /// Start when this many records wait.
    pub records: usize,
    /// Start when this many bytes wait.
    pub bytes: usize,
    /// Start now.
    pub now: bool,
    /// May use the reserve of a full ring.
    pub precious: bool,
}

/// One record as the writer sees it.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// The session's number in this process.
    pub session: u32,
    /// What it is.
    pub tag: Tag,
    /// Its bytes.
    pub payload: &'a [u8],
}

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    records: usize,
    /// The writer was asked to start and has not drained since.
    called: bool,
    /// There is no writer any more: all sessions have ended, and whoever waits would wait in vain.
    left: bool,
    /// Number of the last drain whose records are all in their documents.
    drained: u64,
    drains: u64,
}

/// The buffer of one writer.
#[derive(Default)]
pub struct Ring {
    state: Mutex<State>,
    work: Condvar,
    done: Condvar,
}

impl Ring {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends a record made of `parts`; false when the ring is full and the record was not taken.
    pub fn push(&self, session: u32, tag: Tag, parts: &[&[u8]], urgency: Urgency) -> bool {
        let len: usize = parts.iter().map(|part| part.len()).sum();
        let limit = if urgency.precious { CAPACITY } else { CAPACITY - RESERVED };
        let mut state = self.lock();
        if state.bytes.len() + HEADER + len > limit {
            return false;
        }
        state.bytes.extend_from_slice(&(len as u32).to_le_bytes());
        state.bytes.extend_from_slice(&session.to_le_bytes());
        state.bytes.extend_from_slice(&u32::from(tag as u8).to_le_bytes());
        for part in parts {
            state.bytes.extend_from_slice(part);
        }
        state.records += 1;
        let due = urgency.now || state.records >= urgency.records || state.bytes.len() >= urgency.bytes;
        if due && !std::mem::replace(&mut state.called, true) {
            drop(state);
            self.work.notify_one();
        }
        true
    }

    /// Makes the writer start now.
    pub fn call(&self) {
        self.lock().called = true;
        self.work.notify_one();
    }

    /// A writer begins to drain.
    pub fn arrive(&self) {
        self.lock().left = false;
    }

    /// The writer ends, unless something waits for it.
    #[must_use]
    pub fn leave(&self) -> bool {
        let mut state = self.lock();
        state.left = state.records == 0 && !state.called;
        state.left
    }

    /// Waits until the writer is called or `timeout` has passed, then takes all records: the writer's side.
    ///
    /// Swaps them into `into`, so that callers go on in a buffer that is warm already. Returns the drain's number
    /// for [`Ring::finished`].
    pub fn drain(&self, into: &mut Vec<u8>, timeout: Duration) -> u64 {
        let state = self.lock();
        let (mut state, _) = self
            .work
            .wait_timeout_while(state, timeout, |state| !state.called)
            .unwrap_or_else(PoisonError::into_inner);
        into.clear();
        if into.capacity() > KEPT {
            into.shrink_to(KEPT);
        }
        std::mem::swap(&mut state.bytes, into);
        state.records = 0;
        state.called = false;
        state.drains += 1;
        state.drains
    }

    /// Says that everything up to a drain is in its documents.
    pub fn finished(&self, drain: u64) {
        self.lock().drained = drain;
        self.done.notify_all();
    }

    /// Calls the writer and waits until everything pushed before is in its document; false after `timeout`.
    pub fn settle(&self, timeout: Duration) -> bool {
        let mut state = self.lock();
        if state.left {
            return true;
        }
        // What was pushed before is in the running drain or in the next one.
        let wanted = state.drains + 1;
        state.called = true;
        self.work.notify_one();
        let (state, _) = self
            .done
            .wait_timeout_while(state, timeout, |state| state.drained < wanted)
            .unwrap_or_else(PoisonError::into_inner);
        state.drained >= wanted
    }
}

/// The records of drained bytes, in the order in which they were pushed.
pub fn records(bytes: &[u8]) -> impl Iterator<Item = Record<'_>> {
    let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let mut at = 0;
    std::iter::from_fn(move || {
        if at + HEADER > bytes.len() {
            return None;
        }
        let (len, session, tag) = (word(at) as usize, word(at + 4), word(at + 8));
        let payload = &bytes[at + HEADER..at + HEADER + len];
        at += HEADER + len;
        let tag = match tag {
            1 => Tag::Close,
            _ => Tag::Event,
        };
        Some(Record { session, tag, payload })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    const LAZY: Urgency = Urgency { records: usize::MAX, bytes: usize::MAX, now: false, precious: false };

    #[test]
    fn keeps_order_and_content() {
        let ring = Ring::default();
        for n in 0..100u32 {
            assert!(ring.push(n, Tag::Event, &[&n.to_le_bytes(), b"line"], LAZY));
        }
        let mut bytes = Vec::new();
        ring.drain(&mut bytes, Duration::ZERO);
        let seen: Vec<_> = records(&bytes).map(|record| (record.session, record.payload.to_vec())).collect();
        assert_eq!(seen.len(), 100);
        for (n, (session, payload)) in (0u32..).zip(seen) {
            assert_eq!((session, payload), (n, [&n.to_le_bytes()[..], b"line"].concat()));
        }
    }

    #[test]
    fn a_full_ring_refuses_but_keeps_a_reserve() {
        let ring = Ring::default();
        let block = vec![b'x'; 1 << 20];
        let taken = (0..100).filter(|_| ring.push(1, Tag::Event, &[&block], LAZY)).count();
        assert_eq!(taken, 62);
        assert!(ring.push(1, Tag::Event, &[b"error"], Urgency { precious: true, ..LAZY }));
        ring.drain(&mut Vec::new(), Duration::ZERO);
        assert!(ring.push(1, Tag::Event, &[&block], LAZY));
    }

    #[test]
    fn nobody_waits_for_a_writer_that_has_left() {
        let ring = Ring::default();
        assert!(ring.push(1, Tag::Event, &[b"x"], LAZY));
        assert!(!ring.leave());
        ring.drain(&mut Vec::new(), Duration::ZERO);
        assert!(ring.leave() && ring.settle(Duration::from_secs(50)));
        ring.arrive();
        assert!(!ring.settle(Duration::ZERO));
        assert!(!ring.leave());
    }

    #[test]
    fn settle_waits_for_the_writer_and_not_forever() {
        let ring = Arc::new(Ring::default());
        assert!(!ring.settle(Duration::from_millis(10)));
        let writer = Arc::clone(&ring);
        let thread = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            for _ in 0..3 {
                let drain = writer.drain(&mut bytes, Duration::from_secs(5));
                writer.finished(drain);
                if !bytes.is_empty() {
                    return records(&bytes).count();
                }
            }
            0
        });
        assert!(ring.push(7, Tag::Event, &[b"x"], LAZY));
        assert!(ring.settle(Duration::from_secs(5)));
        assert_eq!(thread.join().unwrap(), 1);
    }
}
