//! Several processes that append to one document, and die while they do.

#![allow(clippy::unwrap_used)]

mod shared;

use shared::{folders, folders_at, ids, read};
use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use t800_core::folder::Folder;
use t800_core::recover::{How, recover};
use t800_core::trace_file::SharedDocument;

const HEADER: &str =
    r#"{"session_id":"ses_s","timestamp":"2026-01-15T10:30:00Z","metadata":{"agent":"a"},"events":["#;
const PROCESSES: usize = 8;
const EVENTS: usize = 500;

fn document(root: &Path, patience: Duration) -> std::io::Result<SharedDocument> {
    let folders = folders_at(root);
    let (traces, private) = (Folder::own(&folders.traces)?, Folder::own(&folders.private)?);
    SharedDocument::open((&Arc::new(traces), &private), "s", HEADER, patience)
}

fn line(id: u64, tool: &str, n: usize) -> Vec<u8> {
    let text = "x".repeat(n * 37 % 900);
    format!(
        r#"{{"event_id":"evt_{id:03}","timestamp":"2026-01-15T10:30:00Z","type":"tool_call","tool":"{tool}","parameters_redacted":{{"n":{n},"t":"{text}"}},"duration_ms":1,"success":true}}"#
    )
    .into_bytes()
}

fn root_of(name: &str) -> PathBuf {
    folders(name).traces.parent().unwrap().to_owned()
}

#[test]
#[ignore = "one of the processes"]
fn appends() {
    let root = PathBuf::from(std::env::var_os("T800_TEST_ROOT").unwrap());
    let process: String = std::env::var("T800_TEST_PROCESS").unwrap();
    let mut told = OpenOptions::new().append(true).create(true).open(root.join(&process)).unwrap();
    let events = std::env::var("T800_TEST_EVENTS").map_or(EVENTS, |events| events.parse().unwrap());
    for n in 0..events {
        let mut document = document(&root, Duration::from_secs(30)).unwrap();
        let id = document.next_id();
        document.append(&[&line(id, &process, n)], &[("key", 1)]).unwrap();
        drop(document);
        told.write_all(&(n as u64).to_le_bytes()).unwrap();
    }
}

fn start(root: &Path, process: usize) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["appends", "--exact", "--include-ignored", "--nocapture"])
        .env("T800_TEST_ROOT", root)
        .env("T800_TEST_PROCESS", format!("p{process}"))
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// What a process has said that it had appended.
fn acknowledged(root: &Path, process: usize) -> usize {
    std::fs::read(root.join(format!("p{process}"))).map_or(0, |bytes| bytes.len() / 8)
}

#[test]
fn eight_processes_some_of_which_die() {
    let root = root_of("together");
    let mut processes: Vec<Child> = (0..PROCESSES).map(|process| start(&root, process)).collect();
    // At a moment of their own each, while all of them are at it.
    for (n, process) in processes.iter_mut().enumerate().filter(|(n, _)| n % 2 == 1) {
        let (began, until) = (Instant::now(), EVENTS * n / (2 * PROCESSES));
        while acknowledged(&root, n) < until && began.elapsed() < Duration::from_mins(1) {
            std::thread::sleep(Duration::from_micros(300 + 77 * n as u64));
        }
        process.kill().unwrap();
    }
    let mut finished = 0;
    for process in &mut processes {
        finished += usize::from(process.wait().unwrap().success());
    }
    assert!(finished >= PROCESSES / 2);
    document(&root, Duration::from_secs(5)).unwrap().close(1_768_473_000_000_000_000, None).unwrap();
    let found = read(&root.join("traces/s.json"));
    let unique: HashSet<String> = ids(&found).into_iter().collect();
    let events = found["events"].as_array().unwrap();
    assert_eq!(unique.len(), events.len());
    for process in 0..PROCESSES {
        let name = format!("p{process}");
        let ours: Vec<u64> = events
            .iter()
            .filter(|event| event["tool"] == name.as_str())
            .map(|event| event["parameters_redacted"]["n"].as_u64().unwrap())
            .collect();
        let told = acknowledged(&root, process) as u64;
        // The one that it was about to tell may be there.
        assert!(ours.len() as u64 == told || ours.len() as u64 == told + 1, "{name}: {} {told}", ours.len());
        assert!(ours.iter().copied().eq(0..ours.len() as u64), "{name}: each once, in order");
    }
    assert_eq!(found["summary"]["total_events"], events.len());
    assert_eq!(found["summary"]["succeeded"], events.len());
    assert_eq!(found["summary"]["state"], "closed");
    let durations: u64 = (0..PROCESSES)
        .filter_map(|n| found["summary"]["durations"]["tools"][format!("p{n}")]["count"].as_u64())
        .sum();
    assert_eq!(durations, events.len() as u64);
    assert_eq!(std::fs::read_dir(root.join("traces")).unwrap().count(), 1);
}

#[test]
fn a_document_torn_anywhere_is_gone_on_with() {
    let root = root_of("torn");
    let path = root.join("traces/s.json");
    for n in 0..3 {
        let mut document = document(&root, Duration::from_secs(5)).unwrap();
        let id = document.next_id();
        document.append(&[&line(id, "read", n)], &[("key", 2)]).unwrap();
    }
    let whole = std::fs::read(&path).unwrap();
    assert_eq!(read(&path)["summary"]["redactions"]["key"], 6);
    for end in (0..whole.len()).step_by(3) {
        std::fs::write(&path, &whole[..end]).unwrap();
        let before = whole[..end].windows(12).filter(|bytes| bytes == b"\"success\":tr").count() as u64;
        let mut document = document(&root, Duration::from_secs(5)).unwrap();
        let id = document.next_id();
        assert!(id == before + 1 || id == before, "{end}");
        document.append(&[&line(id, "read", 9)], &[]).unwrap();
        drop(document);
        let found = read(&path);
        assert_eq!(ids(&found).len() as u64, id);
        assert_eq!(found["summary"]["total_events"], id);
        assert_eq!(found["session_id"], "ses_s");
    }
}

#[test]
fn without_the_lock_a_process_has_a_document_of_its_own() {
    let root = root_of("unlocked");
    let mut first = document(&root, Duration::from_secs(5)).unwrap();
    first.append(&[&line(1, "read", 1)], &[]).unwrap();
    let mut other = document(&root, Duration::ZERO).unwrap();
    assert_ne!(first.path(), other.path());
    other.append(&[&line(1, "read", 1)], &[]).unwrap();
    let name = format!("s-{}.json", std::process::id());
    assert_eq!(other.path().file_name().unwrap().to_str(), Some(name.as_str()));
    assert_eq!(ids(&read(&other.path())), ["evt_001"]);
}

#[test]
fn where_nothing_can_be_locked_each_process_has_a_document_of_its_own() {
    // A file system without locks, as far as the processes can tell. Nothing to see without strace.
    let refuses = ["-f", "-qq", "-o", "/dev/null", "-e", "trace=flock", "-e", "inject=flock:error=ENOLCK"];
    if !Command::new("strace").arg("-V").stdout(Stdio::null()).status().is_ok_and(|status| status.success()) {
        return;
    }
    let root = root_of("lockless");
    let program = std::env::current_exe().unwrap();
    let processes: Vec<Child> = (0..2)
        .map(|process| {
            let mut command = Command::new("strace");
            command.args(refuses).arg(&program).args(["appends", "--exact", "--include-ignored"]);
            command.env("T800_TEST_ROOT", &root).env("T800_TEST_PROCESS", format!("p{process}"));
            command.env("T800_TEST_EVENTS", "20").stdout(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut process in processes {
        assert!(process.wait().unwrap().success());
    }
    let names = std::fs::read_dir(root.join("traces")).unwrap().map(|entry| entry.unwrap().path());
    let (own, common): (Vec<_>, Vec<_>) = names.partition(|path| !path.ends_with("s.json"));
    assert_eq!((own.len(), common.len()), (2, 1));
    assert_eq!(std::fs::metadata(&common[0]).unwrap().len(), 0, "nobody writes what it cannot lock");
    for path in own {
        let found = read(&path);
        assert_eq!(ids(&found), (1..=20).map(|id| format!("evt_{id:03}")).collect::<Vec<_>>());
        let events = found["events"].as_array().unwrap();
        assert!(events.iter().all(|event| event["tool"] == events[0]["tool"]), "one process's alone");
        assert_eq!(found["session_id"], "ses_s");
    }
}

#[test]
fn numbers_rise_and_lines_are_events() {
    let root = root_of("numbers");
    let mut document = document(&root, Duration::from_secs(5)).unwrap();
    document.append(&[&line(1, "read", 1), &line(5, "read", 2)], &[]).unwrap();
    assert_eq!(document.next_id(), 6);
    assert!(document.append(&[&line(5, "read", 3)], &[]).is_err());
    assert!(document.append(&[b"{}"], &[]).is_err());
    assert_eq!(ids(&read(&document.path())), ["evt_001", "evt_005"]);
}

#[test]
fn a_full_document_is_followed_by_the_next_part() {
    let root = root_of("full");
    let wide = |id: u64| {
        let line = String::from_utf8(line(id, "read", 1)).unwrap();
        line.replace("\"t\":\"", &format!("\"t\":\"{}", "y".repeat(400_000))).into_bytes()
    };
    for _ in 0..50 {
        let mut document = document(&root, Duration::from_secs(5)).unwrap();
        let id = document.next_id();
        document.append(&[&wide(id)], &[]).unwrap();
    }
    let (first, second) = (read(&root.join("traces/s.json")), read(&root.join("traces/s.part2.json")));
    let all: Vec<String> = ids(&first).into_iter().chain(ids(&second)).collect();
    assert_eq!(all, (1..=50).map(|id| format!("evt_{id:03}")).collect::<Vec<_>>());
    assert_eq!(second["metadata"]["part"], 2);
    assert_eq!(first["summary"]["total_events"], ids(&first).len());
}

#[test]
fn recovery_leaves_a_document_alone_while_somebody_appends() {
    let root = root_of("recovered");
    let mut document = document(&root, Duration::from_secs(5)).unwrap();
    document.append(&[&line(1, "read", 1)], &[]).unwrap();
    let report = recover(&folders_at(&root), None, How::Repair).unwrap();
    assert_eq!((report.documents, report.refused), (Vec::new(), Vec::new()));
    document.append(&[&line(2, "read", 1)], &[]).unwrap();
    drop(document);
    assert_eq!(ids(&read(&root.join("traces/s.json"))).len(), 2);
}

#[test]
fn the_sums_do_not_depend_on_who_has_appended() {
    let lines: Vec<Vec<u8>> = (1..=9)
        .map(|id| {
            let text = String::from_utf8(line(id, "read", 5)).unwrap();
            let text = text.replace("2026-01-15", &format!("2026-01-{}", 15 + id / 4));
            text.replace("\"success\":true", "\"success\":false,\"tokens_in\":7").into_bytes()
        })
        .collect();
    let (together, apart) = (root_of("sums-together"), root_of("sums-apart"));
    let all: Vec<&[u8]> = lines.iter().map(Vec::as_slice).collect();
    let mut document = document(&together, Duration::from_secs(5)).unwrap();
    document.append(&all, &[("key", 9)]).unwrap();
    document.close(1_768_473_000_000_000_000, None).unwrap();
    for line in &all {
        let mut document = self::document(&apart, Duration::from_secs(5)).unwrap();
        document.append(&[line], &[("key", 1)]).unwrap();
    }
    self::document(&apart, Duration::from_secs(5)).unwrap().close(1_768_473_000_000_000_000, None).unwrap();
    let (together, apart) = (read(&together.join("traces/s.json")), read(&apart.join("traces/s.json")));
    assert_eq!(together, apart);
    assert_eq!(apart["summary"]["by_day"].as_object().unwrap().len(), 3);
    assert_eq!(apart["summary"]["tokens"]["tools_in"], 63);
}
