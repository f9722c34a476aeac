//! How soon the writer looks at the ring again by itself.
//!
//! Waking a thread costs a caller as much as ten events. So while events keep coming nobody has to: the writer sleeps
//! for as long as it takes most of a batch to gather. Once nothing has come it waits to be called again.

use super::{Hub, HubState, LINGER, MOMENT, RETRY};
use crate::clock::{self, Mono};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// The shortest nap: a burst may well leave more than a batch.
const SHORTEST: u64 = 1_000_000;
/// The longest: whoever reads a document is not to wait for more than a batch of events much longer than before.
const LONGEST: u64 = 100_000_000;
/// How much of a batch shall be there after a nap: less than all of it, at which callers would call.
const WANTED: f64 = 0.75;
/// Batches of fewer events are wanted at once, not soon.
const LEAST_BATCH: usize = 16;

/// What makes a batch: so many events, or so many bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batch {
    pub(super) events: usize,
    pub(super) bytes: usize,
}

impl Batch {
    /// Nothing is a batch.
    pub(super) const MOST: Batch = Batch { events: usize::MAX, bytes: usize::MAX };

    /// The smaller one of each.
    pub(super) fn min(self, other: Batch) -> Batch {
        Batch { events: self.events.min(other.events), bytes: self.bytes.min(other.bytes) }
    }
}

/// When the writer looks next.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Nap {
    /// When it is called.
    #[default]
    None,
    /// After so many nanoseconds, and callers need not call.
    Watching(u64),
    /// The same, but callers call again: what they have left to a writer that watched must not lie there.
    Once(u64),
}

/// What the last looks have found.
#[derive(Debug, Default)]
pub(super) struct Pace {
    looked: Mono,
    nap: Nap,
}

impl Pace {
    /// Takes note of a look at `now` that has found so much, and says when the next one is due.
    pub(super) fn after(&mut self, now: Mono, found: Batch, full: Batch) -> &Nap {
        let since = now.saturating_sub(std::mem::replace(&mut self.looked, now)) as f64;
        let share = |found: usize, full: usize| found as f64 / full.max(1) as f64;
        let gathered = share(found.events, full.events).max(share(found.bytes, full.bytes));
        let next = since * WANTED / gathered;
        self.nap = match &self.nap {
            _ if full.events < LEAST_BATCH => Nap::None,
            Nap::None if gathered < WANTED => Nap::None,
            Nap::Watching(_) if found.events == 0 => Nap::Once(SHORTEST),
            Nap::Once(_) if found.events == 0 => Nap::None,
            Nap::Watching(_) if next > LONGEST as f64 => Nap::Once(LONGEST),
            _ if next > LONGEST as f64 => Nap::None,
            _ => Nap::Watching((next as u64).max(SHORTEST)),
        };
        &self.nap
    }
}

impl Hub {
    /// How long the writer may sleep.
    pub(super) fn patience(&self) -> Duration {
        let interval = Duration::from_millis(self.interval_ms.load(Relaxed));
        if self.behind.load(Relaxed) {
            // Somebody may wait for a record that was being written while the others were read.
            return MOMENT;
        }
        match (self.refused.load(Relaxed), self.empty.load(Relaxed)) {
            (true, _) => interval.min(RETRY),
            (false, true) => LINGER,
            (false, false) => interval.min(Duration::from_nanos(self.nap_ns.load(Relaxed))),
        }
    }

    /// Decides when to look again, having found so much.
    pub(super) fn plan(&self, state: &mut HubState, found: Batch) {
        let nap = state.pace.after(clock::now(), found, state.full);
        let (watching, ns) = match *nap {
            Nap::None => (false, u64::MAX),
            Nap::Watching(ns) => (true, ns),
            Nap::Once(ns) => (false, ns),
        };
        self.nap_ns.store(ns, Relaxed);
        self.ring.watch(watching);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: Batch = Batch { events: 50, bytes: 100_000 };
    const MS: u64 = 1_000_000;

    fn events(events: usize) -> Batch {
        Batch { events, bytes: events * 300 }
    }

    /// An event a millisecond: what each look finds is less than a batch, and never so little that looking is a waste.
    #[test]
    fn a_steady_pace_needs_no_calls() {
        let (mut pace, mut now) = (Pace::default(), 50 * MS);
        assert_eq!(*pace.after(now, events(50), FULL), Nap::Watching(37_500_000));
        for _ in 0..20 {
            let Nap::Watching(nap) = pace.nap else { panic!("{pace:?}") };
            now += nap;
            let found = (nap / MS) as usize;
            assert!((30..50).contains(&found), "{found}");
            pace.after(now, events(found), FULL);
        }
    }

    #[test]
    fn a_burst_makes_short_naps_and_a_lull_ends_them() {
        let mut pace = Pace::default();
        assert_eq!(*pace.after(MS, events(60), FULL), Nap::Watching(SHORTEST));
        assert_eq!(*pace.after(2 * MS, events(1500), FULL), Nap::Watching(SHORTEST));
        // Far fewer than before: the next nap is longer.
        assert_eq!(*pace.after(3 * MS, events(1), FULL), Nap::Watching(37_500_000));
        assert_eq!(*pace.after(41 * MS, events(0), FULL), Nap::Once(SHORTEST));
        assert_eq!(*pace.after(42 * MS, events(0), FULL), Nap::None);
        assert_eq!(*pace.after(5000 * MS, events(3), FULL), Nap::None);
    }

    #[test]
    fn few_events_and_small_batches_are_not_watched_for() {
        let mut pace = Pace::default();
        assert_eq!(*pace.after(5000 * MS, events(50), FULL), Nap::None, "ten events a second");
        assert_eq!(*pace.after(5010 * MS, events(10), FULL), Nap::None, "somebody has asked for them");
        let at_once = Batch { events: 1, ..FULL };
        assert_eq!(*pace.after(5020 * MS, events(50), at_once), Nap::None);
        let long = Batch { events: 12, bytes: 100_000 };
        assert_eq!(*pace.after(5030 * MS, long, FULL), Nap::Watching(7_500_000), "few but long ones");
        assert_eq!(*pace.after(5040 * MS, events(1), FULL), Nap::Once(LONGEST), "and then hardly any");
    }
}
