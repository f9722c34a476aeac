//! What the ring's threads meet through: that of the standard library, or loom's, which tries every order of the
//! threads' steps.

#[cfg(not(loom))]
pub(super) use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
#[cfg(not(loom))]
pub(super) use std::sync::{Mutex, MutexGuard};
#[cfg(not(loom))]
pub(super) use std::thread::yield_now;
#[cfg(not(loom))]
pub(super) use std::time::Instant;

#[cfg(loom)]
pub(super) use loom::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
#[cfg(loom)]
pub(super) use loom::sync::{Mutex, MutexGuard};
#[cfg(loom)]
pub(super) use loom::thread::yield_now;
#[cfg(loom)]
pub(super) use model::Instant;

#[cfg(loom)]
mod model {
    use std::cell::Cell;
    use std::time::Duration;

    /// A clock that moves on by being looked at, so that every run of a model is the same.
    pub struct Instant(Cell<Duration>);

    impl Instant {
        const STEP: Duration = Duration::from_micros(30);

        pub fn now() -> Instant {
            Instant(Cell::new(Duration::ZERO))
        }

        pub fn elapsed(&self) -> Duration {
            self.0.replace(self.0.get() + Instant::STEP)
        }
    }
}
