//! How fast recovery puts a crash together: a ring of 60 MB that a killed process has left, and a torn document.
//!
//! `cargo run --release -p t800-core --example recovery -- FOLDER…`
//!
//! The time is from opening the folder until the last document has its name, its syncs among it; the second figure is of
//! the time on the processor, without what the disk and other programs take, where the kernel tells it (Linux does). The
//! best of five rounds; in each, every event is compared with what was recorded.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

#[path = "../tests/shared/mod.rs"]
mod shared;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use t800_core::recover::{How, recover};
use t800_core::redact::{Policy, Redactor};
use t800_core::ring::Where;
use t800_core::session::SessionPolicy;
use t800_core::writer::{self, Folders, Header};

/// Events that a process leaves in its ring, in bytes of their lines.
const LENGTHS: [usize; 3] = [250, 4_096, 16_384];
/// A ring takes 63 segments; records of 16 KB leave a part of each.
const RING: usize = 60 << 20;
/// What a record takes in the ring besides its line.
const BESIDE: usize = 128;
const STEM: &str = "2026-01-15_10-30-00_ses_x";
const ROUNDS: usize = 5;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [mode, root, length] = arguments.as_slice()
        && mode == "--die"
    {
        die(Path::new(root), length.parse().unwrap());
    }
    println!("{:<24} {:<22} {:>7} {:>8} {:>9} {:>9}", "folder", "what", "events", "MB", "MB/s", "of CPU");
    for folder in &arguments {
        let root = Path::new(folder).join(format!("t800-recovery-{}", std::process::id()));
        for length in LENGTHS {
            measure(folder, &root, length);
        }
        std::fs::remove_dir_all(&root).unwrap();
    }
}

fn folders(root: &Path) -> Folders {
    Folders { ring: Where::Beside, ..shared::folders_at(root) }
}

/// The ring of a killed process, and the first of its documents with its end torn off.
fn measure(folder: &str, root: &Path, length: usize) {
    let (mut from_ring, mut from_document) = (Speed::default(), Speed::default());
    for _ in 0..ROUNDS {
        let taken = leave(root, length);
        from_ring.measure(root);
        from_ring.events = compare(root, length);
        assert_eq!(from_ring.events, taken, "what was acknowledged is there");

        let first = folders(root).traces.join(format!("{STEM}.json"));
        let document = std::fs::read(&first).unwrap();
        clear(root);
        std::fs::write(&first, &document[..document.len() - 100]).unwrap();
        from_document.measure(root);
        from_document.events = compare(root, length);
    }
    for (what, speed) in [("ring", from_ring), ("torn document", from_document)] {
        let Speed { events, bytes, clock, processor } = speed;
        let what = format!("{what}, {length} B");
        println!(
            "{folder:<24} {what:<22} {events:>7} {:>8.1} {clock:>9.0} {processor:>9.0}",
            bytes as f64 / 1e6
        );
    }
}

/// The best that was seen.
#[derive(Default)]
struct Speed {
    events: usize,
    bytes: u64,
    /// Megabytes of documents for each second of the clock, and of the processor.
    clock: f64,
    processor: f64,
}

impl Speed {
    fn measure(&mut self, root: &Path) {
        let (began, busy) = (Instant::now(), on_processor());
        let report = recover(&folders(root), None, How::Repair).unwrap();
        let time = began.elapsed();
        let busy = on_processor().zip(busy).map_or(time, |(now, before)| now.saturating_sub(before));
        assert_eq!(report.refused, []);
        self.bytes = report.documents.iter().map(|document| document.path.metadata().unwrap().len()).sum();
        let speed = |time: Duration| self.bytes as f64 / 1e6 / time.as_secs_f64();
        (self.clock, self.processor) = (self.clock.max(speed(time)), self.processor.max(speed(busy)));
    }
}

/// How long this thread has been on a processor, as the kernel says.
fn on_processor() -> Option<Duration> {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    told.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

/// Reads every document; each event must be there once, in order, as it was recorded. Gives their number.
fn compare(root: &Path, length: usize) -> usize {
    let mut seen = 0;
    for path in parts(root) {
        let document = shared::read(&path);
        for event in document["events"].as_array().unwrap() {
            seen += 1;
            assert_eq!(event["event_id"].as_str().unwrap(), format!("evt_{seen:03}"));
            assert_eq!(event["parameters_redacted"].as_str().unwrap(), text(seen, length));
        }
        assert_eq!(document["summary"]["state"] == "closed", path != *parts(root).last().unwrap());
    }
    seen
}

fn parts(root: &Path) -> Vec<PathBuf> {
    let name = |part| folders(root).traces.join(writer::part_name(STEM, part));
    (1..1_000).map(name).take_while(|path| path.exists()).collect()
}

fn clear(root: &Path) {
    let _ = std::fs::remove_dir_all(root);
    std::fs::create_dir_all(folders(root).traces).unwrap();
    std::fs::create_dir_all(folders(root).private).unwrap();
}

/// What a killed process leaves; gives the number of its acknowledged events.
fn leave(root: &Path, length: usize) -> usize {
    clear(root);
    let program = std::env::current_exe().unwrap();
    let mut child = Command::new(program);
    child.args(["--die".as_ref(), root.as_os_str(), length.to_string().as_ref()]).stdout(Stdio::piped());
    let mut child = child.spawn().unwrap();
    let mut told = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut told).unwrap();
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success());
    told.trim().parse().unwrap()
}

/// Fills a ring whose writer has no reason to start, and waits to be killed.
fn die(root: &Path, length: usize) -> ! {
    let never = SessionPolicy {
        max_events: usize::MAX,
        max_bytes: usize::MAX,
        flush_interval: Duration::from_hours(1),
        ..shared::policy()
    };
    let redactor =
        Redactor::new(&Policy { redact_content: false, max_value_bytes: 32_768, ..Policy::default() });
    let header = Header { session_id: "ses_x".into(), started: 0, metadata: "{}".into(), parent: None };
    let never = SessionPolicy { limits: t800_core::encode::Limits::of_event(32_768, 262_144), ..never };
    let (session, _) =
        writer::open(&folders(root), STEM, header, Arc::new(redactor.unwrap()), never).unwrap();
    let wanted = RING / (length + BESIDE);
    let taken = (1..=wanted).filter(|n| shared::call(&session, &text(*n, length)).is_some()).count();
    println!("{taken}");
    loop {
        std::thread::park();
    }
}

/// What the event of a number has recorded: lines as of a program's source.
fn text(n: usize, length: usize) -> String {
    let mut text = format!("call {n}\n");
    while text.len() + 190 < length {
        text.push_str(
            "    for path in sorted(folder.iterdir()):\n        total += path.stat().size  # \"größer\"\n",
        );
    }
    text
}
