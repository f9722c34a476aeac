//! From calls to the disk without Python: many threads, parts, ids, summaries.

#![allow(clippy::unwrap_used, clippy::panic)]

mod shared;

use shared::{Given, call, folders, ids, open, read};
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use t800_core::assemble::{Place, Values};
use t800_core::event::{Field, Kind};
use t800_core::session::SpanEnd;
use t800_core::writer;

#[test]
fn eight_threads_every_event_once() {
    let folders = folders("threads");
    let (session, path) = open(&folders, "s");
    let session = Arc::new(session);
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let session = Arc::clone(&session);
            std::thread::spawn(move || (0..5_000).filter(|_| call(&session, "x").is_some()).count())
        })
        .collect();
    let taken: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    assert_eq!(taken, 40_000);
    assert!(session.close());
    let document = read(&path);
    let ids = ids(&document);
    assert_eq!((ids.len(), ids.iter().collect::<HashSet<_>>().len()), (40_000, 40_000));
    assert_eq!(document["summary"]["total_events"], 40_000);
    assert_eq!(document["summary"]["total_duration_ms"], 80_000);
    assert_eq!(document["summary"]["dropped"], 0);
}

#[test]
fn parts_are_whole_and_ids_go_on() {
    let folders = folders("parts");
    let (session, path) = open(&folders, "s");
    let text = "lorem ipsum ".repeat(1_000);
    for _ in 0..3_000 {
        assert!(call(&session, &text).is_some());
    }
    assert!(session.close());
    let parts: Vec<PathBuf> = (1..4).map(|part| folders.traces.join(writer::part_name("s", part))).collect();
    assert_eq!(parts[0], path);
    let all: Vec<String> = parts.iter().flat_map(|part| ids(&read(part))).collect();
    let expected: Vec<String> = (1..=3_000).map(|id| format!("evt_{id:03}")).collect();
    assert_eq!(all, expected);
    let ring = if cfg!(all(unix, not(t800_portable))) { "memory" } else { "heap" };
    let metadata = serde_json::json!({"agent": "a", "redaction": {"content": true}, "ring": ring, "part": 2});
    assert_eq!(read(&parts[1])["metadata"], metadata);
    for part in &parts {
        let document = read(part);
        assert_eq!(document["summary"]["total_events"], ids(&document).len());
        assert_eq!(document["summary"]["state"], "closed");
    }
}

#[test]
fn open_spans_are_written_as_interrupted() {
    let folders = folders("interrupted");
    let (session, path) = open(&folders, "s");
    let mut values = Values::default();
    values.set(Field::Tool, Given::Text("sleep"));
    let open = session.begin(Kind::ToolCall, values, Place::default()).id.unwrap();
    let done = session.begin::<Given<'_>>(
        Kind::ToolCall,
        Values::default(),
        Place { parent: Some(open), ..Place::default() },
    );
    session.end::<Given<'_>>(done.id.unwrap(), Values::default(), Vec::new(), SpanEnd::Success(Some(true)));
    assert_eq!(session.open_spans().len(), 1);
    assert!(session.close());
    assert!(call(&session, "late").is_none());
    let events = read(&path)["events"].as_array().unwrap().clone();
    assert_eq!(events[0]["parent_id"], "evt_001");
    assert_eq!((&events[1]["interrupted"], &events[1]["success"]), (&true.into(), &serde_json::Value::Null));
    assert_eq!(events[1]["duration_ms"], serde_json::Value::Null);
    assert_eq!(events.len(), 2);
}

#[test]
fn two_sessions_of_one_name_have_two_files() {
    let folders = folders("names");
    let ((one, first), (two, second)) = (open(&folders, "s"), open(&folders, "s"));
    assert_ne!(first, second);
    call(&one, "one");
    call(&two, "two");
    assert!(one.close() && two.close());
    assert_eq!(read(&first)["events"][0]["parameters_redacted"], "one");
    assert_eq!(read(&second)["events"][0]["parameters_redacted"], "two");
}

#[test]
fn a_thousand_sessions_at_once() {
    let folders = folders("thousand");
    let sessions: Vec<_> = (0..1_000).map(|n| open(&folders, &format!("s{n}"))).collect();
    let descriptors = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    assert!(descriptors < 400, "{descriptors} descriptors");
    for (session, _) in &sessions {
        assert!(call(session, "x").is_some());
    }
    // A busy machine may take longer than a close waits.
    assert!(sessions.iter().all(|(session, _)| session.close() || session.flush(Duration::from_mins(1))));
    assert!(sessions.iter().all(|(_, path)| read(path)["summary"]["total_events"] == 1));
}

#[test]
fn an_error_is_on_disk_before_the_interval() {
    let folders = folders("urgent");
    let (session, path) = open(&folders, "s");
    let mut values = Values::default();
    values.set(Field::Message, Given::Text("boom"));
    session.record(Kind::Error, values, Vec::new(), Place::default(), None);
    let seen = (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        ids(&read(&path)).len() == 1
    });
    assert!(seen);
    assert!(session.close());
}
