//! Any bytes as a document, and a real one with anything done to it: what comes out is whole, and nothing before the
//! damage is lost.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::OnceLock;
use t800_core::line;
use t800_core::recover::How;

#[path = "../../core/tests/shared/mod.rs"]
mod shared;

use shared::specimen::Specimen;

fn specimen() -> &'static Specimen {
    static SPECIMEN: OnceLock<Specimen> = OnceLock::new();
    SPECIMEN.get_or_init(|| {
        let specimen = Specimen::new("fuzz-document");
        std::fs::remove_file(specimen.ring_path()).expect("its ring");
        specimen
    })
}

fuzz_target!(|input: (bool, u16, u16, Vec<u8>)| {
    let (any, at, length, bytes) = input;
    let (specimen, mut document) = (specimen(), Vec::new());
    let mut intact = 0;
    if any {
        document.extend(&bytes);
    } else {
        let from = usize::from(at) % specimen.document.len();
        let to = (from + usize::from(length)).min(specimen.document.len());
        document.extend([&specimen.document[..from], &bytes, &specimen.document[to..]].concat());
        // The lines that ended before it.
        intact = document[..from].iter().filter(|byte| **byte == b'\n').count().saturating_sub(1);
    }
    std::fs::write(specimen.document_path(), &document).expect("a folder of our own");
    let report = specimen.recover(How::Show);
    let [recovered] = report.documents.as_slice() else {
        // It is whole as it stands, or nothing in it can be read.
        assert!(report.refused.len() == 1 || serde_json::from_slice::<serde_json::Value>(&document).is_ok());
        return;
    };
    // serde_json gives up at 128 levels.
    if let Err(error) = serde_json::from_slice::<serde_json::Value>(&recovered.text) {
        assert!(error.to_string().contains("recursion"), "{error}");
        return;
    }
    let lines = specimen.shown(&report);
    assert!(lines.iter().all(|line| line::read(line.as_bytes()).is_some()));
    for line in &specimen.lines[..intact.min(3)] {
        assert!(lines.contains(line), "{line} is lost");
    }
});
