//! What a session records and what its events outlive, and what it counts.

use crate::encode::Limits;
use crate::event::Kind;
use crate::overhead::Meter;
use crate::summary::Overhead;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// What an event must have outlived when its call returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// The death of the process: it is in the ring.
    #[default]
    Process,
    /// As that; and a loss of power after one flush interval: the document is synchronised that often.
    Interval,
    /// A loss of power: the call waits until its document is synchronised.
    Event,
}

/// What a session records, and how its events reach the disk.
#[derive(Clone, Debug)]
pub struct SessionPolicy {
    /// Which kinds are recorded, by [`Kind`] number.
    pub kinds: [bool; Kind::ALL.len()],
    /// Bounds of one event.
    pub limits: Limits,
    /// Budget of one recording call, nanoseconds.
    pub budget_ns: u64,
    /// Flush when this many events wait.
    pub max_events: usize,
    /// Flush when this many bytes wait.
    pub max_bytes: usize,
    /// Flush at least this often.
    pub flush_interval: Duration,
    /// Flush at every error.
    pub flush_on_error: bool,
    /// Flush at every checkpoint.
    pub flush_on_checkpoint: bool,
    /// What an event outlives.
    pub durability: Durability,
}

impl SessionPolicy {
    /// How often the writer looks after the session. An event waits at most that long for its writing and, at
    /// `durability: interval`, as long again for the next sync: together one interval.
    #[must_use]
    pub fn wake_every(&self) -> Duration {
        if self.durability == Durability::Interval { self.flush_interval / 2 } else { self.flush_interval }
    }
}

/// What the caller's threads and the writer both know of a session.
pub struct Shared {
    /// Cost of the recording calls.
    pub meter: Meter,
    /// Events that were not taken.
    pub dropped: AtomicU64,
}

impl Shared {
    /// Nothing counted yet; calls over `budget_ns` will be.
    #[must_use]
    pub fn new(budget_ns: u64) -> Shared {
        Shared { meter: Meter::new(budget_ns), dropped: AtomicU64::new(0) }
    }

    /// What the calls have cost and what was lost.
    #[must_use]
    pub fn read(&self) -> (Overhead, u64) {
        (self.meter.read(), self.dropped.load(Relaxed))
    }
}
