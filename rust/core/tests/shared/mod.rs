//! Sessions of Rust callers, for the tests of whole recordings.

#![allow(dead_code, clippy::unwrap_used, clippy::panic, clippy::expect_used)]

#[cfg(all(unix, not(t800_portable)))]
pub mod specimen;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use t800_core::assemble::{Number, Place, Value, Values};
use t800_core::encode::{Encoder, Limits};
use t800_core::event::{Field, Kind};
use t800_core::redact::{Policy, Redactor};
use t800_core::ring::Where;
use t800_core::session::{Durability, Session, SessionPolicy, SpanEnd};
use t800_core::writer::{self, Folders, Header};

/// A value that a Rust caller hands in.
#[derive(Clone, Copy)]
pub enum Given<'a> {
    Text(&'a str),
    Texts(&'a [String]),
    Int(i64),
}

impl Value for Given<'_> {
    fn encode(self, encoder: &mut Encoder<'_>) {
        match self {
            Given::Text(text) => encoder.text(text),
            Given::Texts(texts) => {
                encoder.begin_list();
                for text in texts {
                    encoder.text(text);
                }
                encoder.end_list();
            }
            Given::Int(int) => encoder.int(int),
        }
    }
    fn encode_entries(self, _: &mut Encoder<'_>) {}
    fn is_mapping(self) -> bool {
        false
    }
    fn is_null(self) -> bool {
        false
    }
    fn number(self) -> Option<Number> {
        match self {
            Given::Int(int) => Some(Number::Int(int)),
            Given::Text(_) | Given::Texts(_) => None,
        }
    }
    fn flag(self) -> Option<bool> {
        None
    }
    fn with_text<R>(self, read: impl FnOnce(&str) -> R) -> Option<R> {
        match self {
            Given::Text(text) => Some(read(text)),
            Given::Int(_) | Given::Texts(_) => None,
        }
    }
}

pub fn folders(name: &str) -> Folders {
    let root = std::env::temp_dir().join(format!("t800-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&root);
    let folders = folders_at(&root);
    std::fs::create_dir_all(&folders.traces).unwrap();
    std::fs::create_dir_all(&folders.private).unwrap();
    folders
}

/// The folders below `root`, as every process finds them.
pub fn folders_at(root: &Path) -> Folders {
    let tag = root.file_name().unwrap().to_string_lossy().into_owned();
    Folders { traces: root.join("traces"), private: root.join(".t800"), ring: Where::Auto, tag }
}

pub fn policy() -> SessionPolicy {
    SessionPolicy {
        kinds: [true; 5],
        limits: Limits::of_event(16_384, 262_144),
        budget_ns: 100_000_000,
        max_events: 50,
        max_bytes: 100 << 10,
        flush_interval: Duration::from_secs(5),
        flush_on_error: true,
        flush_on_checkpoint: true,
        durability: Durability::Process,
        flight: None,
        prices: std::sync::Arc::default(),
    }
}

pub fn open(folders: &Folders, stem: &str) -> (Session, PathBuf) {
    open_with(folders, stem, policy())
}

pub fn open_with(folders: &Folders, stem: &str, policy: SessionPolicy) -> (Session, PathBuf) {
    let redactor =
        Redactor::new(&Policy { redact_content: false, max_value_bytes: 16_384, ..Policy::default() });
    let header = Header {
        session_id: "ses_x".into(),
        started: 0,
        metadata: r#"{"agent":"a","redaction":{"content":true}}"#.into(),
        parent: None,
    };
    writer::open(folders, stem, header, Arc::new(redactor.unwrap()), policy).unwrap()
}

pub fn read(path: &Path) -> serde_json::Value {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.len() <= 16 << 20);
    serde_json::from_str(&text).unwrap()
}

pub fn ids(document: &serde_json::Value) -> Vec<String> {
    let events = document["events"].as_array().unwrap();
    events.iter().map(|event| event["event_id"].as_str().unwrap().to_owned()).collect()
}

pub fn call(session: &Session, text: &str) -> Option<u64> {
    let mut values = Values::default();
    values.set(Field::Tool, Given::Text("read"));
    values.set(Field::Parameters, Given::Text(text));
    values.set(Field::DurationMs, Given::Int(2));
    session.record(Kind::ToolCall, values, Vec::new(), Place::default(), SpanEnd::Success(Some(true))).id
}

pub fn events(document: &serde_json::Value) -> usize {
    document["events"].as_array().unwrap().len()
}
