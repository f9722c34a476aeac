//! A small recording as a dying process leaves it: a document with three events, and a ring that holds two more and a
//! call that never ends. Small enough to damage it everywhere.

use super::{Given, call, folders, open, policy};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::Duration;
use t800_core::assemble::{Place, Values};
use t800_core::event::{Field, Kind};
use t800_core::recover::{How, Report, recover};
use t800_core::ring::Where;
use t800_core::writer::Folders;

/// Bytes of the one segment that is left.
const SEGMENT: usize = 8_192;
const STEM: &str = "2026-01-15_10-30-00Z_ses_x";
/// Where a ring's segments begin.
pub const BODY: usize = 36_864;

pub struct Specimen {
    pub folders: Folders,
    /// The document, as the process left it.
    pub document: Vec<u8>,
    /// The ring, cut to one small segment.
    pub ring: Vec<u8>,
    /// The lines of all events: those of the document, those of the ring, the call that never ended.
    pub lines: Vec<String>,
}

impl Specimen {
    /// Records it, and lays it out in folders of its own where recovery finds it.
    pub fn new(name: &str) -> Specimen {
        let living = folders(&format!("{name}-living"));
        let living = Folders { ring: Where::Beside, ..living };
        let (session, path) = open(&living, STEM);
        for n in 0..3 {
            assert!(call(&session, &format!("call {n}")).is_some());
        }
        assert!(session.flush(Duration::from_mins(1)));
        for n in 3..5 {
            assert!(call(&session, &format!("call {n}")).is_some());
        }
        let mut values = Values::default();
        values.set(Field::Tool, Given::Text("write"));
        assert!(session.begin(Kind::ToolCall, values, Place::default()).id.is_some());
        assert!(policy().flush_interval > Duration::from_secs(1), "the ring must not be emptied meanwhile");
        let document = std::fs::read(path).unwrap();
        let ring = small(&std::fs::read(ring_in(&living)).unwrap());
        session.close();
        let folders = folders(name);
        let mut specimen = Specimen { folders, document, ring, lines: Vec::new() };
        specimen.lay_out();
        specimen.lines = specimen.shown(&specimen.recover(How::Show));
        specimen
    }

    pub fn document_path(&self) -> PathBuf {
        self.folders.traces.join(format!("{STEM}.json"))
    }

    pub fn ring_path(&self) -> PathBuf {
        self.folders.private.join("ring-specimen")
    }

    /// Puts both files back as the process has left them.
    pub fn lay_out(&self) {
        std::fs::write(self.document_path(), &self.document).unwrap();
        std::fs::write(self.ring_path(), &self.ring).unwrap();
    }

    pub fn recover(&self, how: How) -> Report {
        recover(&self.folders, None, how).unwrap()
    }

    /// The lines of the events in what recovery would make, which is a whole document: the one that is there, where
    /// it needs nothing.
    pub fn shown(&self, report: &Report) -> Vec<String> {
        match report.documents.as_slice() {
            [] if report.refused.is_empty() => event_lines(&std::fs::read(self.document_path()).unwrap()),
            [] => Vec::new(),
            [document] => event_lines(&document.text),
            more => panic!("{} documents", more.len()),
        }
    }
}

/// The lines of a document's events; it must be whole.
pub fn event_lines(document: &[u8]) -> Vec<String> {
    let json: serde_json::Value = serde_json::from_slice(document).expect("a whole document");
    let events = json["events"].as_array().expect("a list of events").len();
    let text = std::str::from_utf8(document).unwrap();
    let lines: Vec<String> = text.lines().skip(1).map(|line| line.trim_end_matches(',').to_owned()).collect();
    assert_eq!(lines.len(), events + 1, "a line for each event, and the closing line");
    assert_eq!(json["summary"]["total_events"], events);
    lines[..events].to_vec()
}

fn ring_in(folders: &Folders) -> PathBuf {
    let mut files = std::fs::read_dir(&folders.private).unwrap().map(|entry| entry.unwrap().path());
    files.find(|path| path.file_name().unwrap().to_string_lossy().starts_with("ring-")).unwrap()
}

/// The same ring with one short segment: its head says so.
fn small(ring: &[u8]) -> Vec<u8> {
    let mut ring = ring[..BODY + SEGMENT].to_vec();
    assert!(ring[BODY + SEGMENT - 8..].iter().all(|byte| *byte == 0), "it holds more than that");
    for head in [0, 2_048] {
        ring[head + 20..head + 24].copy_from_slice(&(SEGMENT as u32).to_le_bytes());
        let sum = crc32c::crc32c(&ring[head..head + 68]);
        ring[head + 68..head + 72].copy_from_slice(&sum.to_le_bytes());
    }
    ring
}

/// Damages a file in place, looks, and mends it.
pub fn with_byte<R>(file: &File, at: u64, byte: u8, look: impl FnOnce() -> R) -> R {
    let mut before = [0];
    file.read_exact_at(&mut before, at).unwrap();
    file.write_all_at(&[byte], at).unwrap();
    let seen = look();
    file.write_all_at(&before, at).unwrap();
    seen
}
