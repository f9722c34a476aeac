//! What recording costs the agent, by the recorder's own clock: a log-bucket histogram without a lock.

use crate::summary::Overhead;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// Buckets an octave of nanoseconds is divided into.
const PER_OCTAVE: u32 = 4;
const BUCKETS: usize = 160;

/// Durations of the recording calls of one session.
pub struct Meter {
    buckets: [AtomicU32; BUCKETS],
    max_ns: AtomicU64,
    over_budget: AtomicU64,
    budget_ns: u64,
}

impl Meter {
    /// A meter that counts calls over `budget_ns`.
    #[must_use]
    pub fn new(budget_ns: u64) -> Meter {
        Meter {
            buckets: [const { AtomicU32::new(0) }; BUCKETS],
            max_ns: AtomicU64::new(0),
            over_budget: AtomicU64::new(0),
            budget_ns,
        }
    }

    /// Counts one call.
    pub fn add(&self, ns: u64) {
        let bucket = &self.buckets[bucket(ns)];
        // Not in one step, which would cost more than the rest of this: of two threads that count in the same bucket in
        // the same nanosecond one may be left out, which no quantile notices.
        bucket.store(bucket.load(Relaxed).wrapping_add(1), Relaxed);
        if ns > self.max_ns.load(Relaxed) {
            self.max_ns.fetch_max(ns, Relaxed);
        }
        if ns > self.budget_ns {
            self.over_budget.fetch_add(1, Relaxed);
        }
    }

    /// What the calls so far have cost.
    #[must_use]
    pub fn read(&self) -> Overhead {
        let counts: Vec<u64> = self.buckets.iter().map(|bucket| u64::from(bucket.load(Relaxed))).collect();
        let max_us = self.max_ns.load(Relaxed) as f64 / 1e3;
        Overhead {
            p50_us: quantile_us(&counts, 0.50).min(max_us),
            p99_us: quantile_us(&counts, 0.99).min(max_us),
            max_us,
            over_budget: self.over_budget.load(Relaxed),
        }
    }
}

/// The bucket of `ns`: the position of its highest bit and the two bits below.
fn bucket(ns: u64) -> usize {
    let ns = ns.max(PER_OCTAVE.into());
    let octave = ns.ilog2();
    let quarter = (ns >> (octave - 2)) & 3;
    ((octave - 2) as usize * PER_OCTAVE as usize + quarter as usize).min(BUCKETS - 1)
}

/// The middle of a bucket, in microseconds.
fn middle_us(bucket: usize) -> f64 {
    let (octave, quarter) = (bucket / PER_OCTAVE as usize, bucket % PER_OCTAVE as usize);
    (octave as f64).exp2() * (f64::from(PER_OCTAVE) + quarter as f64 + 0.5) / 1e3
}

fn quantile_us(counts: &[u64], quantile: f64) -> f64 {
    let total: u64 = counts.iter().sum();
    if total == 0 {
        return 0.0;
    }
    let wanted = ((total as f64 * quantile).ceil() as u64).max(1);
    let mut seen = 0;
    let bucket = counts.iter().position(|count| {
        seen += count;
        seen >= wanted
    });
    middle_us(bucket.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_grow_with_time_and_hold_their_middle() {
        let mut last = 0;
        for ns in [4, 5, 7, 8, 100, 1_000, 123_456, 1_000_000_000, u64::MAX] {
            assert!(bucket(ns) >= last, "{ns}");
            last = bucket(ns);
            if ns < 1 << 40 {
                let error = (middle_us(bucket(ns)) * 1e3 - ns as f64).abs() / ns as f64;
                assert!(error < 0.13, "{ns}: {error}");
            }
        }
    }

    #[test]
    fn says_what_calls_cost() {
        let meter = Meter::new(1_000_000);
        for _ in 0..98 {
            meter.add(500);
        }
        meter.add(50_000);
        meter.add(2_000_000);
        let overhead = meter.read();
        assert!((overhead.p50_us - 0.5).abs() < 0.07, "{overhead:?}");
        assert!((overhead.p99_us - 50.0).abs() < 7.0, "{overhead:?}");
        assert_eq!((overhead.max_us, overhead.over_budget), (2_000.0, 1));
    }
}
