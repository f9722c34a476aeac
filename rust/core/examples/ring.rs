//! What the ring costs an event of 250 bytes, and how long its callers were held up at most:
//!
//! `cargo run --release -p t800-core --example ring -- FOLDER`
//!
//! FOLDER is on the disk that traces go to; another program may keep it busy meanwhile. Every record that a call says
//! was taken is read and compared.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use t800_core::ring::{Head, Placement, Ring, RingFile, Tag, Urgency, Where};

/// What a session's own urgency is by default.
const USUAL: Urgency = Urgency { records: 50, bytes: 100 << 10, now: false, precious: false };
const EVENTS: usize = 200_000;
/// Calls that are timed together: a look at the clock costs as much as a call.
const BATCH: usize = 50;
/// Between batches: an agent does other things, too.
const PAUSE: Duration = Duration::from_micros(50);

fn main() {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| ".".into()));
    println!(
        "{:<8} {:>7} {:>9} {:>9} {:>12} {:>8}",
        "ring", "threads", "p50 ns", "p99 ns", "longest µs", "dropped"
    );
    for wanted in [Where::Auto, Where::Beside] {
        for threads in [1, 2, 4] {
            let placement = Placement { tag: "bench".into(), private: folder.join(".t800"), wanted };
            let ring = Arc::new(Ring::open(&placement).unwrap());
            let kind = ring.file().map_or("heap", |file| file.kind);
            let (mut batches, taken) = measure(&ring, threads);
            batches.sort_unstable();
            let at = |share: usize| batches[batches.len() * share / 100] / BATCH as u64;
            let longest = batches.last().unwrap() / 1_000;
            let dropped = threads * EVENTS - taken;
            println!("{kind:<8} {threads:>7} {:>9} {:>9} {longest:>12} {dropped:>8}", at(50), at(99));
            ring.file().into_iter().for_each(RingFile::remove);
        }
    }
}

/// The times of all batches, and how many events were taken; all of those have been read.
fn measure(ring: &Arc<Ring>, threads: usize) -> (Vec<u64>, usize) {
    let (other, done) = (Arc::clone(ring), Arc::new(AtomicBool::new(false)));
    let keeper = std::thread::spawn(move || other.stand_by());
    let (other, ended) = (Arc::clone(ring), Arc::clone(&done));
    let writer = std::thread::spawn(move || write(&other, &ended));
    ring.serve(writer.thread().clone(), keeper.thread().clone());
    let callers: Vec<_> = (0..threads as u32)
        .map(|session| {
            let ring = Arc::clone(ring);
            std::thread::spawn(move || call(&ring, session))
        })
        .collect();
    let (mut batches, mut taken) = (Vec::new(), 0);
    for caller in callers {
        let (times, count) = caller.join().unwrap();
        batches.extend(times);
        taken += count;
    }
    done.store(true, Ordering::Release);
    ring.call();
    assert_eq!(writer.join().unwrap(), taken, "what was taken is read");
    ring.dismiss();
    keeper.join().unwrap();
    (batches, taken)
}

fn call(ring: &Ring, session: u32) -> (Vec<u64>, usize) {
    // As a session hands them over: facts and counts in one part, the line in the other.
    let (facts, line) = ([session as u8; 98], [session as u8; 250]);
    let (mut times, mut taken) = (Vec::with_capacity(EVENTS / BATCH), 0);
    for batch in 0..EVENTS / BATCH {
        let began = Instant::now();
        for n in 0..BATCH {
            let head = Head { session, tag: Tag::Event, id: (batch * BATCH + n) as u64 };
            taken += usize::from(ring.push(head, &[&facts, &line], USUAL).is_some());
        }
        times.push(u64::try_from(began.elapsed().as_nanos()).unwrap());
        std::thread::sleep(PAUSE);
    }
    (times, taken)
}

fn write(ring: &Ring, done: &AtomicBool) -> usize {
    let (mut at, mut seen) = (ring.start(), 0);
    loop {
        let last = done.load(Ordering::Acquire);
        at = ring.read(at, |_, record| {
            assert!(record.payload.iter().all(|byte| *byte == record.head.session as u8));
            assert_eq!(record.payload.len(), 348);
            seen += 1;
        });
        ring.give_back(at);
        ring.settled(at, false);
        if last {
            return seen;
        }
        ring.wait(|| Duration::from_millis(5));
    }
}
