//! The processor's own clock. It is here because Rust calls its one instruction unsafe; see [`crate::clock`].

#[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri)))]
use rustix::process::{TimeStampCounterReadability, time_stamp_counter_readability};

/// Whether there is such a clock that we may read, and the system itself tells the time by it: then it goes at one rate,
/// on all processors alike.
#[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri)))]
#[must_use]
pub fn are_trusted() -> bool {
    const SOURCE: &str = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    let readable = matches!(time_stamp_counter_readability(), Ok(TimeStampCounterReadability::Readable));
    readable && std::fs::read(SOURCE).is_ok_and(|source| source.trim_ascii_end() == b"tsc")
}

/// Its ticks so far.
#[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri)))]
#[must_use]
#[inline]
pub fn ticks() -> u64 {
    // SAFETY: every x86-64 processor has this instruction, and it only writes registers. A process that may not execute
    // it does not come here: it was asked whether it may.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// Whether there is such a clock.
#[cfg(not(all(target_arch = "x86_64", target_os = "linux", not(miri))))]
#[must_use]
pub fn are_trusted() -> bool {
    false
}

/// Its ticks so far: none.
#[cfg(not(all(target_arch = "x86_64", target_os = "linux", not(miri))))]
#[must_use]
pub fn ticks() -> u64 {
    0
}
