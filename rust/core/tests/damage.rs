//! Damaged files: a document cut off at every byte, every bit of a ring flipped. Nothing crashes, nothing is invented,
//! and what the damage has not touched is there.

// Elsewhere rings are on the heap, and nothing outlives a process but its document.
#![cfg(all(unix, not(t800_portable)))]
#![allow(clippy::unwrap_used, clippy::panic)]

mod shared;

use shared::specimen::{BODY, Specimen, event_lines, with_byte};
use std::fs::File;
use t800_core::recover::How;

/// Bytes of `{"event_id":"evt_001"`.
const ID: usize = 21;

/// The bits of a byte to flip: all of them, or in a debug build, which is slow, one.
fn bits(at: usize) -> impl Iterator<Item = (usize, u8)> {
    let all = if cfg!(debug_assertions) { at % 8..at % 8 + 1 } else { 0..8 };
    all.map(move |bit| (at, 1 << bit))
}

/// How many of a document's lines end before `cut`, the header not counted.
fn lines_before(document: &[u8], cut: usize) -> usize {
    document[..cut].split(|byte| *byte == b'\n').count().saturating_sub(2)
}

#[test]
fn a_document_is_cut_off_at_every_byte() {
    let specimen = Specimen::new("cut");
    assert_eq!(specimen.lines.len(), 6);
    for ring in [false, true] {
        for cut in 0..specimen.document.len() {
            specimen.lay_out();
            if !ring {
                std::fs::remove_file(specimen.ring_path()).unwrap();
            }
            std::fs::write(specimen.document_path(), &specimen.document[..cut]).unwrap();
            // Every way through the files now and then; without writing them, everywhere.
            let how = if cut % 40 == 0 { How::Repair } else { How::Show };
            let report = specimen.recover(how);
            let header = specimen.document.iter().position(|byte| *byte == b'\n').unwrap();
            let nothing = !ring && (1..header).contains(&cut);
            assert_eq!(report.refused.is_empty(), !nothing, "{cut}: {:?}", report.refused);
            let lines = match how {
                How::Show => specimen.shown(&report),
                How::Repair if nothing => Vec::new(),
                How::Repair => event_lines(&std::fs::read(specimen.document_path()).unwrap()),
            };
            let kept = lines_before(&specimen.document, cut).min(3);
            let (first, last) = (&specimen.lines[..kept], &specimen.lines[if ring { 3 } else { 6 }..]);
            let wanted = [first, last].concat();
            assert!(wanted.iter().all(|line| lines.contains(line)), "{cut} {ring}");
            assert!(lines.iter().all(|line| specimen.lines.contains(line)), "{cut} {ring}");
        }
    }
}

#[test]
fn every_bit_of_a_document_is_flipped() {
    let specimen = Specimen::new("document-bits");
    std::fs::remove_file(specimen.ring_path()).unwrap();
    let file = File::options().read(true).write(true).open(specimen.document_path()).unwrap();
    for (at, bit) in (0..specimen.document.len()).flat_map(bits) {
        let byte = specimen.document[at] ^ bit;
        let lines = with_byte(&file, at as u64, byte, || specimen.shown(&specimen.recover(How::Show)));
        // Where a newline was, two lines have become one.
        let newline = usize::from(specimen.document[at] == b'\n');
        let header = specimen.document.iter().position(|byte| *byte == b'\n').unwrap();
        let first = lines_before(&specimen.document, at);
        let touched = if at < header { 0..0 } else { first..first + 1 + newline };
        for (n, line) in specimen.lines[..3].iter().enumerate() {
            // A number that has become that of another event cannot be told from one that is written twice.
            let there = lines.iter().any(|other| other[..ID] == line[..ID]);
            assert!(there || touched.contains(&n), "byte {at}, bit {bit}: event {n}");
        }
    }
}

#[test]
fn every_bit_of_a_ring_is_flipped() {
    let specimen = Specimen::new("ring-bits");
    let file = File::options().read(true).write(true).open(specimen.ring_path()).unwrap();
    let used = specimen.ring.iter().rposition(|byte| *byte != 0).unwrap() + 16;
    let places = (0..96).chain(2_048..2_128).chain(BODY..used);
    let mut hurt = 0;
    for (at, bit) in places.flat_map(bits) {
        let byte = specimen.ring[at] ^ bit;
        let report = with_byte(&file, at as u64, byte, || specimen.recover(How::Show));
        let lines = specimen.shown(&report);
        assert!(
            lines.iter().all(|line| specimen.lines.contains(line)),
            "byte {at}, bit {bit}: an event that never was"
        );
        assert_eq!(report.refused, [], "byte {at}, bit {bit}");
        let missing = specimen.lines.len() - lines.len();
        assert!(missing <= usize::from(at > BODY), "byte {at}, bit {bit}: it cost {missing} events");
        hurt += missing;
    }
    // Only the bits of the three records that are in no document may cost one.
    assert!(hurt > 0 && hurt < (used - BODY) * 8);
}
