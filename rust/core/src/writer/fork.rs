//! A process that forks: what the child must not touch, and what it must give back.
//!
//! The list of writers is locked over a fork, so that the child never finds it, or the making of an heir
//! ([`crate::session`]), half done. Threads do not come along into a child: its parent's writers are forgotten there.

use super::hubs::{Hubs, hubs};
use std::cell::RefCell;
use std::sync::MutexGuard;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// How often this process is a fork's child: sessions of an earlier generation belong to a parent.
static GENERATION: AtomicU32 = AtomicU32::new(0);

/// The generation of this process; see [`after_fork`].
#[must_use]
pub fn generation() -> u32 {
    GENERATION.load(Relaxed)
}

thread_local! {
    /// Held over a fork, so that no other thread is inside when the child is made.
    static HELD: RefCell<Option<MutexGuard<'static, Hubs>>> = const { RefCell::new(None) };
}

/// Before this process forks, on the thread that forks.
pub fn before_fork() {
    let guard = hubs();
    // A thread that ends has no place for it: then the child may only not open sessions.
    let _ = HELD.try_with(|held| held.replace(Some(guard)));
}

/// After a fork. In the child the parent's writers are forgotten: their threads, locks and documents are not its own.
pub fn after_fork(child: bool) {
    let guard = HELD.try_with(RefCell::take).ok().flatten();
    if child {
        GENERATION.fetch_add(1, Relaxed);
    }
    if let Some(mut hubs) = guard.filter(|_| child) {
        hubs.running.values().for_each(|hub| hub.abandon());
        // Dropping would close descriptors twice, and remove the parent's lock files.
        std::mem::forget(std::mem::take(&mut hubs.running));
    }
}
