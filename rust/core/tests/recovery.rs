//! After a crash: rings and documents of processes that have died, put together again.

// Elsewhere rings are on the heap, and nothing outlives a process but its document.
#![cfg(all(unix, not(t800_portable)))]
#![allow(clippy::unwrap_used)]

mod shared;

use shared::{call, events, folders, ids, open, open_with, policy, read};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;
use t800_core::recover::{How, recover};
use t800_core::session::{FlightPolicy, SessionPolicy, Triggers};
use t800_core::writer::Folders;

/// Runs `part` of this test binary in a process of its own, which ends without any clean-up.
fn die(test: &str, folders: &Folders) {
    let root = folders.traces.parent().unwrap();
    let status = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--include-ignored", "--nocapture"])
        .env("T800_TEST_ROOT", root)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(7));
}

/// The folders that the parent process has made; None where this is the parent.
fn handed() -> Option<Folders> {
    Some(shared::folders_at(&PathBuf::from(std::env::var_os("T800_TEST_ROOT")?)))
}

#[test]
#[ignore = "the process that dies"]
fn dies_with_sessions_closed_and_open() {
    let folders = handed().unwrap();
    let (first, _) = open(&folders, "first");
    let (second, _) = open(&folders, "second");
    let long = "x".repeat(10_000);
    for _ in 0..200 {
        assert!(call(&first, &long).is_some());
    }
    assert!(first.close());
    for _ in 0..30 {
        assert!(call(&second, &long).is_some());
    }
    assert!(second.flush(Duration::from_mins(1)));
    assert!(call(&second, "last").is_some());
    std::process::exit(7);
}

#[test]
fn a_session_that_had_ended_is_left_alone() {
    let folders = folders("ended");
    die("dies_with_sessions_closed_and_open", &folders);
    let before = std::fs::read(folders.traces.join("first.json")).unwrap();
    let report = recover(&folders, None, How::Repair).unwrap();
    assert_eq!((report.refused, report.rings), (Vec::new(), 1));
    assert_eq!(std::fs::read(folders.traces.join("first.json")).unwrap(), before);
    let second = read(&folders.traces.join("second.json"));
    assert_eq!((ids(&second).len(), second["summary"]["state"].as_str()), (31, Some("recovered")));
    assert_eq!(recover(&folders, None, How::Repair).unwrap().documents, []);
}

#[test]
fn what_somebody_has_deleted_stays_deleted() {
    let folders = folders("deleted");
    die("dies_with_sessions_closed_and_open", &folders);
    std::fs::remove_file(folders.traces.join("first.json")).unwrap();
    recover(&folders, None, How::Repair).unwrap();
    assert!(!folders.traces.join("first.json").exists());
}

#[test]
fn a_compressed_part_is_not_replaced() {
    let folders = folders("packed");
    die("dies_with_sessions_closed_and_open", &folders);
    let (plain, packed) = (folders.traces.join("second.json"), folders.traces.join("second.json.gz"));
    std::fs::rename(&plain, &packed).unwrap();
    recover(&folders, None, How::Repair).unwrap();
    assert!(!plain.exists() && packed.exists());
    assert_eq!(events(&read(&folders.traces.join("second.part2.json"))), 1);
}

#[test]
fn showing_changes_nothing() {
    let folders = folders("shown");
    die("dies_with_sessions_closed_and_open", &folders);
    let before = std::fs::read(folders.traces.join("second.json")).unwrap();
    let shown = recover(&folders, None, How::Show).unwrap();
    assert_eq!(std::fs::read(folders.traces.join("second.json")).unwrap(), before);
    recover(&folders, None, How::Repair).unwrap();
    assert_eq!(std::fs::read(folders.traces.join("second.json")).unwrap(), shown.documents[0].text);
}

#[test]
#[ignore = "the process that dies"]
fn dies_with_a_flight_recorder() {
    let flight = FlightPolicy {
        max_bytes: 1 << 20,
        keep: Duration::from_hours(1),
        on: Triggers::of(&["crash".to_owned()]),
    };
    let (session, _) =
        open_with(&handed().unwrap(), "flight", SessionPolicy { flight: Some(flight), ..policy() });
    for _ in 0..30 {
        assert!(call(&session, "x").is_some());
    }
    std::process::exit(7);
}

/// A writer that is killed while it looks at a long stretch of the ring has given generations up whose events the
/// ring still holds.
#[test]
fn what_a_generation_has_given_up_does_not_come_back_from_the_ring() {
    let folders = folders("given-up");
    die("dies_with_a_flight_recorder", &folders);
    let shown = recover(&folders, None, How::Show).unwrap();
    let text = String::from_utf8(shown.documents[0].text.clone()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 32);
    for (which, serial, first) in [(1, 2, 11), (0, 3, 16)] {
        let header = lines[0].replace("},\"events\":[", &format!(",\"generation\":{serial}}},\"events\":["));
        let events = lines[first..first + 5].join("\n");
        let generation = format!("{header}\n{}\n{}\n", events.trim_end_matches(','), lines[31]);
        std::fs::write(folders.private.join(format!("flight.flight{which}")), generation).unwrap();
    }
    let report = recover(&folders, None, How::Repair).unwrap();
    assert_eq!(report.refused, Vec::new());
    let expected: Vec<String> = (11..=30).map(|id| format!("evt_{id:03}")).collect();
    assert_eq!(ids(&read(&folders.traces.join("flight.json"))), expected);
}
