//! Any bytes as a ring, and a real ring with anything done to it: never a crash, never an event that was not recorded.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::OnceLock;
use t800_core::recover::How;

#[path = "../../core/tests/shared/mod.rs"]
mod shared;

use shared::specimen::Specimen;

fn specimen() -> &'static Specimen {
    static SPECIMEN: OnceLock<Specimen> = OnceLock::new();
    SPECIMEN.get_or_init(|| Specimen::new("fuzz-ring"))
}

fuzz_target!(|input: (bool, u16, Vec<(u16, u8)>, Vec<u8>)| {
    let (any, cut, changes, bytes) = input;
    let specimen = specimen();
    let ring = if any { bytes } else { damaged(&specimen.ring, cut, &changes) };
    std::fs::write(specimen.ring_path(), ring).expect("a folder of our own");
    let lines = specimen.shown(&specimen.recover(How::Show));
    assert!(any || lines.iter().all(|line| specimen.lines.contains(line)), "{lines:?}");
    assert!(specimen.lines[..3].iter().all(|line| lines.contains(line)), "the document lacks an event");
});

/// The ring with bytes changed where it holds any, and cut off.
fn damaged(ring: &[u8], cut: u16, changes: &[(u16, u8)]) -> Vec<u8> {
    let mut ring = ring.to_vec();
    let used: Vec<usize> = (0..ring.len()).filter(|at| ring[*at] != 0 || *at % 64 == 0).collect();
    for (at, value) in changes {
        ring[used[usize::from(*at) % used.len()]] ^= value;
    }
    ring.truncate(ring.len() - usize::from(cut) % (ring.len() - 72));
    ring
}
