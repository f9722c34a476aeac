//! The ring under loom, which tries every order of the threads' steps and every value that a load may see:
//!
//! `RUSTFLAGS="--cfg loom" cargo test --release -p t800-core --lib ring::model`
//!
//! Segments are 128 bytes here, so that two records without a payload, or one with eight bytes, fill one; a ring has
//! three. `memory_model.rs` finds every race for the bytes of a record.

use super::*;
use loom::sync::Arc;
use loom::thread;

const LAZY: Urgency = Urgency { records: usize::MAX, bytes: usize::MAX, now: false, precious: false };
const PRECIOUS: Urgency = Urgency { precious: true, ..LAZY };

/// Tries every order with at most so many switches of a thread that could have gone on.
fn model(preemptions: usize, work: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.max_branches = 10_000;
    builder.check(work);
}

/// A ring with so many segments ready.
fn ring(segments: usize) -> Arc<Ring> {
    let ring = Ring::new(None).unwrap();
    for _ in 1..segments {
        assert!(ring.make_ready(Pages::Present).unwrap());
    }
    Arc::new(ring)
}

/// Pushes the numbers `0..count` of `session`, each with the payload that says so; how many were taken.
fn push(ring: &Ring, session: u32, count: u64, payload: bool) -> u64 {
    (0..count).filter(|n| push_one(ring, session, *n, payload, LAZY)).count() as u64
}

fn push_one(ring: &Ring, session: u32, id: u64, payload: bool, urgency: Urgency) -> bool {
    let bytes = payload_of(session, id);
    let head = Head { session, tag: Tag::Event, id };
    ring.push(head, &[if payload { &bytes } else { b"" }], urgency).is_some()
}

fn payload_of(session: u32, id: u64) -> [u8; 8] {
    (u64::from(session) << 32 | id | 0xa5a5_0000).to_le_bytes()
}

/// What a writer has read so far.
struct Reader {
    at: Position,
    seen: Vec<(u32, u64)>,
}

impl Reader {
    fn new(ring: &Ring) -> Reader {
        Reader { at: ring.start(), seen: Vec::new() }
    }

    /// Reads on; every record is whole, and the records of one thread are in its order.
    fn read(&mut self, ring: &Ring) {
        let seen = &mut self.seen;
        self.at = ring.read(self.at, |_, record| {
            let Head { session, id, .. } = record.head;
            if !record.payload.is_empty() {
                assert_eq!(record.payload, payload_of(session, id));
            }
            let before = seen.iter().rev().find(|(of, _)| *of == session);
            assert!(before.is_none_or(|(_, before)| *before < id));
            seen.push((session, id));
        });
    }

    fn count(&self, session: u32) -> u64 {
        self.seen.iter().filter(|(of, _)| *of == session).count() as u64
    }
}

/// Two callers and the writer in one segment. With the commit word stored `Relaxed` in `Ring::push`, or loaded so in
/// `Ring::walk`, this fails: loom finds the writer at bytes that their caller may still be writing.
#[test]
fn two_callers_and_the_writer() {
    model(4, || {
        let ring = ring(1);
        let callers: Vec<_> = (1..=2)
            .map(|session| {
                let ring = Arc::clone(&ring);
                thread::spawn(move || push(&ring, session, 1, false))
            })
            .collect();
        let mut reader = Reader::new(&ring);
        reader.read(&ring);
        let taken: Vec<u64> = callers.into_iter().map(|caller| caller.join().unwrap()).collect();
        reader.read(&ring);
        assert_eq!((taken, reader.count(1), reader.count(2)), (vec![1, 1], 1, 1));
    });
}

/// Two callers leave a full segment at the same time: one of them seals it, and the writer follows.
#[test]
fn crossing_a_segment() {
    model(3, || {
        let ring = ring(3);
        assert!(push_one(&ring, 3, 0, true, LAZY));
        let other = Arc::clone(&ring);
        let caller = thread::spawn(move || u64::from(push_one(&other, 1, 0, true, PRECIOUS)));
        let writer = Arc::clone(&ring);
        let writer = thread::spawn(move || {
            let mut reader = Reader::new(&writer);
            reader.read(&writer);
            reader
        });
        let mine = u64::from(push_one(&ring, 2, 0, true, PRECIOUS));
        let taken = caller.join().unwrap();
        let mut reader = writer.join().unwrap();
        reader.read(&ring);
        assert_eq!((taken, mine, reader.seen.len(), reader.at.segment()), (1, 1, 3, 2));
    });
}

/// A segment is given back, zeroed and used again while a caller is late with what it has reserved, or with what it
/// has seen of the cursor: nothing of it is overwritten, and what is taken is seen once.
#[test]
fn a_segment_used_again_and_a_late_caller() {
    model(3, || {
        let ring = ring(2);
        let other = Arc::clone(&ring);
        let caller = thread::spawn(move || u64::from(push_one(&other, 1, 0, true, PRECIOUS)));
        let (mut reader, mut mine) = (Reader::new(&ring), 0);
        for n in 0..4 {
            mine += u64::from(push_one(&ring, 2, n, true, PRECIOUS));
            reader.read(&ring);
            ring.give_back(reader.at);
            ring.make_ready(Pages::Present).unwrap();
        }
        let taken = caller.join().unwrap();
        reader.read(&ring);
        assert_eq!((reader.count(1), reader.count(2)), (taken, mine));
    });
}

/// A ring that is full refuses, keeps its last segment for what is precious, and takes again what the writer has made
/// room for; what it took is read.
#[test]
fn a_full_ring() {
    model(4, || {
        let ring = ring(3);
        assert_eq!(push(&ring, 1, 3, true), 2);
        let other = Arc::clone(&ring);
        let caller = thread::spawn(move || u64::from(push_one(&other, 2, 0, true, PRECIOUS)));
        let mut reader = Reader::new(&ring);
        reader.read(&ring);
        ring.give_back(reader.at);
        let taken = caller.join().unwrap();
        reader.read(&ring);
        assert_eq!((taken, reader.count(1), reader.count(2)), (1, 2, 1));
    });
}

/// Two callers find that the keeper is late and make the next segment themselves; the keeper makes it, too.
#[test]
fn callers_that_make_the_next_segment() {
    model(3, || {
        let ring = ring(1);
        assert_eq!(push(&ring, 1, 1, true), 1);
        let other = Arc::clone(&ring);
        let keeper = thread::spawn(move || other.make_ready(Pages::Present).unwrap());
        let mine = push(&ring, 2, 1, true);
        keeper.join().unwrap();
        let mut reader = Reader::new(&ring);
        reader.read(&ring);
        assert_eq!((mine, reader.count(1), reader.count(2)), (1, 1, 1));
    });
}
