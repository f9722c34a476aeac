//! What a session records and what its events outlive, and what it counts.

use crate::encode::Limits;
use crate::encode::escape::quote_into;
use crate::encode::tree::Tree;
use crate::event::Kind;
use crate::overhead::Meter;
use crate::price::Prices;
use crate::summary::{Facts, Overhead};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
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
    /// Only the last events are kept, and become a document at a trigger. None: everything becomes one.
    pub flight: Option<FlightPolicy>,
    /// What LLM calls cost, where the agent does not say.
    pub prices: Arc<Prices>,
}

/// What flight-recorder mode keeps, and what makes a document of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlightPolicy {
    /// Bytes that are kept at the most.
    pub max_bytes: u64,
    /// How far back events are kept at least, where the bytes allow it.
    pub keep: Duration,
    /// The triggers.
    pub on: Triggers,
}

/// What makes a document of the events that flight-recorder mode has kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Triggers {
    error: bool,
    crash: bool,
    checkpoints: Vec<String>,
}

impl Triggers {
    /// `error`, `crash`; every other word is the name of a checkpoint.
    #[must_use]
    pub fn of(words: &[String]) -> Triggers {
        let says = |word: &str| words.iter().any(|given| given == word);
        let names = words.iter().filter(|word| !matches!(word.as_str(), "error" | "crash"));
        Triggers { error: says("error"), crash: says("crash"), checkpoints: names.cloned().collect() }
    }

    /// The words again, as a JSON list.
    #[must_use]
    pub fn json(&self) -> String {
        let words = [(self.error, "error"), (self.crash, "crash")];
        let words = words.into_iter().filter(|(on, _)| *on).map(|(_, word)| word);
        let mut json = Vec::new();
        for word in words.chain(self.checkpoints.iter().map(String::as_str)) {
            json.push(if json.is_empty() { b'[' } else { b',' });
            quote_into(&mut json, word);
        }
        json.extend_from_slice(if json.is_empty() { b"[]" } else { b"]" });
        String::from_utf8_lossy(&json).into_owned()
    }

    /// Whether the death of the process is one.
    #[must_use]
    pub fn on_crash(&self) -> bool {
        self.crash
    }

    /// Whether an event is one; `line` is its text.
    #[must_use]
    pub fn hit(&self, facts: &Facts, line: &[u8]) -> bool {
        match facts.kind {
            Kind::Error => self.error,
            Kind::Checkpoint if !self.checkpoints.is_empty() => {
                let event = std::str::from_utf8(line).ok().and_then(|text| Tree::parse(text).ok());
                let name = event.as_ref().and_then(|event| event.member("phase_name")?.text());
                name.is_some_and(|name| self.checkpoints.iter().any(|known| known == name))
            }
            _ => false,
        }
    }
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
    /// The document that was asked for last.
    dumped: Mutex<Option<PathBuf>>,
}

impl Shared {
    /// Nothing counted yet; calls over `budget_ns` will be.
    #[must_use]
    pub fn new(budget_ns: u64) -> Shared {
        Shared { meter: Meter::new(budget_ns), dropped: AtomicU64::new(0), dumped: Mutex::default() }
    }

    /// What the calls have cost and what was lost.
    #[must_use]
    pub fn read(&self) -> (Overhead, u64) {
        (self.meter.read(), self.dropped.load(Relaxed))
    }

    /// Says which document holds what somebody has asked for.
    pub(crate) fn set_dumped(&self, path: Option<PathBuf>) {
        *self.dumped.lock().unwrap_or_else(PoisonError::into_inner) = path;
    }

    /// The document that holds what somebody has asked for last.
    #[must_use]
    pub fn dumped(&self) -> Option<PathBuf> {
        self.dumped.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
