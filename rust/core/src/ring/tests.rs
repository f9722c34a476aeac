//! The ring among threads; the orders of their steps are tried out in `model.rs`.

use super::*;
use std::collections::HashMap;
use std::sync::Arc;

const LAZY: Urgency = Urgency { records: usize::MAX, bytes: usize::MAX, now: false, precious: false };
const PRECIOUS: Urgency = Urgency { precious: true, ..LAZY };

fn head(session: u32, id: u64) -> Head {
    Head { session, tag: Tag::Event, id }
}

/// How often a test repeats: miri, which watches every access to memory, takes a thousand times as long.
const fn times(count: u64) -> u64 {
    if cfg!(miri) { count / 100 } else { count }
}

/// A ring with its keeper; the test is the writer.
fn ring(file: Option<RingFile>) -> Arc<Ring> {
    let ring = Arc::new(Ring::new(file).unwrap());
    let other = Arc::clone(&ring);
    let keeper = std::thread::spawn(move || other.stand_by());
    ring.serve(std::thread::current(), keeper.thread().clone());
    ring
}

fn placement(name: &str) -> Placement {
    let private = std::env::temp_dir().join(format!("t800-ring-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&private);
    Placement { tag: format!("test-{name}"), private, wanted: Where::Beside }
}

fn wait_for(ring: &Ring, segment: u32) {
    while !ring.is_ready(segment, true) {
        std::thread::yield_now();
    }
}

#[test]
fn a_ring_that_is_watched_calls_for_what_is_urgent_or_much() {
    let (ring, usual) = (Ring::new(None).unwrap(), Urgency { records: 2, bytes: SEGMENT / 8, ..LAZY });
    let called = |urgency, line: &[u8]| {
        assert!(ring.push(head(1, 1), &[line], urgency).is_some());
        ring.called.swap(false, Ordering::AcqRel)
    };
    assert_eq!([called(usual, b""), called(usual, b"")], [false, true]);
    ring.watch(true);
    assert_eq!([called(usual, b""), called(usual, &vec![7; SEGMENT / 16])], [false, false]);
    assert!(called(Urgency { now: true, ..usual }, b""), "what is urgent");
    let long = vec![7; SEGMENT / 4];
    let much: Vec<bool> = (0..3).map(|_| called(usual, &long)).collect();
    assert_eq!(much, [false, true, true], "half a segment");
    ring.watch(false);
    ring.read(ring.start(), |_, _| {});
    assert_eq!([called(usual, b""), called(usual, b"")], [false, true]);
}

#[test]
fn keeps_order_and_content_over_segments() {
    let ring = ring(None);
    let line = vec![b'x'; 1_000];
    let (mut next, mut at) = (0u64, ring.start());
    for n in 0..times(10_000) {
        assert!(ring.push(head(1, n), &[&n.to_le_bytes(), &line], LAZY).is_some(), "{n}");
        if n % times(500) == 0 {
            at = ring.read(at, |_, record| {
                assert_eq!((record.head.id, &record.payload[..8]), (next, &next.to_le_bytes()[..]));
                assert_eq!(record.payload.len(), 1_008);
                next += 1;
            });
            ring.give_back(at);
            wait_for(&ring, Position(ring.cursor.0.load(Ordering::Acquire)).segment() + 1);
        }
    }
    ring.read(at, |_, _| next += 1);
    assert_eq!(next, times(10_000));
    ring.dismiss();
}

#[test]
fn a_full_ring_refuses_but_keeps_a_reserve() {
    let ring = ring(None);
    let block = vec![b'x'; SEGMENT / 2];
    let mut taken = 0;
    for n in 0..200 {
        wait_for_room(&ring);
        taken += usize::from(ring.push(head(1, n), &[&block], LAZY).is_some());
    }
    // Two do not fit into one segment.
    assert_eq!(taken, SEGMENTS - 1);
    assert!(ring.push(head(1, 0), &[b"error"], PRECIOUS).is_some());
    let mut seen = 0;
    let at = ring.read(ring.start(), |_, _| seen += 1);
    assert_eq!(seen, SEGMENTS);
    ring.give_back(at);
    wait_for_room(&ring);
    assert!(ring.push(head(1, 0), &[&block], LAZY).is_some());
    ring.dismiss();
}

fn wait_for_room(ring: &Ring) {
    let next = Position(ring.cursor.0.load(Ordering::Acquire)).segment() + 1;
    // The last one is made of the reserve, when a precious record wants it.
    if next - ring.tail() < SEGMENTS as u32 - 1 {
        wait_for(ring, next);
    }
}

#[test]
fn a_caller_that_has_slept_is_not_refused() {
    let ring = ring(None);
    let (seen, mut at) = (ring.start(), ring.start());
    for n in 0..4 {
        wait_for_room(&ring);
        ring.push(head(1, n), &[&vec![b'x'; LONGEST / 2]], LAZY).unwrap();
        ring.push(head(1, n), &[&vec![b'x'; LONGEST / 2]], LAZY).unwrap();
        at = ring.read(at, |_, _| {});
        ring.give_back(at);
    }
    assert!(ring.tail() > seen.segment() + 1);
    let cursor = Position(ring.cursor.0.load(Ordering::Acquire));
    assert_eq!(ring.await_segment(seen, seen.segment() + 1, false), Some(cursor));
    ring.dismiss();
}

#[test]
fn what_is_longer_than_a_segment_is_refused() {
    let ring = ring(None);
    assert!(ring.push(head(1, 0), &[&vec![b'x'; LONGEST - HEAD]], LAZY).is_some());
    assert!(ring.push(head(1, 0), &[&vec![b'x'; LONGEST - HEAD + 1]], LAZY).is_none());
    ring.dismiss();
}

#[test]
fn many_threads_and_a_writer_that_never_pauses() {
    let file = (!cfg!(miri)).then(|| RingFile::wherever(&placement("threads")).next()).flatten();
    let ring = ring(file);
    let threads: Vec<_> = (0..4u32)
        .map(|thread| {
            let ring = Arc::clone(&ring);
            std::thread::spawn(move || {
                (0..times(50_000))
                    .filter(|n| {
                        ring.push(head(thread, *n), &[&vec![b'x'; (*n % 300) as usize]], LAZY).is_some()
                    })
                    .count()
            })
        })
        .collect();
    let (mut last, mut seen, mut at) = (HashMap::new(), 0, ring.start());
    let mut read = |at: &mut Position| {
        *at = ring.read(*at, |_, record| {
            assert_eq!(record.payload.len() as u64, record.head.id % 300);
            let before = last.insert(record.head.session, record.head.id);
            assert!(before.is_none_or(|before| before < record.head.id));
            seen += 1;
        });
        ring.give_back(*at);
    };
    while threads.iter().any(|thread| !thread.is_finished()) {
        read(&mut at);
    }
    let taken: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    read(&mut at);
    assert_eq!(seen, taken);
    ring.dismiss();
    ring.file().into_iter().for_each(RingFile::remove);
}

#[test]
#[cfg_attr(any(miri, t800_portable, not(unix)), ignore = "no files are mapped")]
fn what_is_committed_is_found_without_the_process() {
    let placement = placement("dead");
    let ring = Ring::open(&placement).unwrap();
    for n in 0..100 {
        ring.push(head(7, n), &[b"line"], LAZY).unwrap();
    }
    assert_eq!(dead_rings(&placement).count(), 0);
    drop(ring);
    let dead: Vec<_> = dead_rings(&placement).map(Result::unwrap).collect();
    let mut ids = Vec::new();
    assert_eq!(dead[0].records(|_, record| ids.push(record.head.id)), 0);
    assert_eq!(ids, (0..100).collect::<Vec<_>>());
    dead[0].remove().unwrap();
    assert_eq!(dead_rings(&placement).count(), 0);
}

#[test]
fn settle_waits_for_the_writer_and_not_forever() {
    let ring = ring(None);
    assert!(ring.settle(Duration::ZERO));
    ring.push(head(1, 1), &[b"x"], LAZY).unwrap();
    assert!(!ring.settle(Duration::from_millis(10)) && ring.goes_on_behind(ring.start()));
    let at = ring.read(ring.start(), |_, _| {});
    ring.settled(at, false);
    assert!(ring.settle(Duration::ZERO) && !ring.goes_on_behind(at));
    ring.dismiss();
}

#[test]
#[cfg_attr(any(miri, t800_portable, not(unix)), ignore = "no files are mapped")]
fn the_idle_ring_gives_memory_back_and_takes_it_again() {
    let ring = ring(RingFile::wherever(&placement("idle")).next());
    let block = vec![b'x'; SEGMENT / 2];
    for round in 0..2u64 {
        for n in 0..20 {
            wait_for_room(&ring);
            ring.push(head(1, round * 20 + n), &[&block], LAZY).unwrap();
        }
        let mut ids = Vec::new();
        let from = Position::new(ring.tail(), FIRST);
        let at = ring.read(from, |_, record| ids.push(record.head.id));
        assert_eq!(ids.last(), Some(&(round * 20 + 19)));
        ring.give_back(at);
        ring.relax();
        let keep = ring.keep();
        assert!(keep.free.len() <= AHEAD as usize);
        assert!(keep.bare.iter().any(|index| ring.blocks[*index as usize].get().is_some()));
    }
    ring.dismiss();
    ring.file().unwrap().remove();
}

#[test]
#[cfg_attr(any(miri, t800_portable, not(target_os = "linux")), ignore = "no pages are given back")]
fn a_removed_ring_gives_back_what_its_keeper_was_still_making() {
    use std::os::unix::fs::MetadataExt as _;
    let ring = ring(RingFile::wherever(&placement("removed")).next());
    let file = ring.file().unwrap();
    file.remove();
    wait_for(&ring, 1);
    ring.dismiss();
    while Arc::strong_count(&ring) > 1 {
        std::thread::yield_now();
    }
    let left = file.file().metadata().unwrap().blocks() * 512;
    assert!(left < SEGMENT as u64, "{left} bytes");
}
