//! Flight-recorder mode: only the last events are kept, in two generations of which the older one is given up when
//! the newer one is full or old enough. A trigger makes a document of both.
//!
//! A generation is a document, in `.t800`; recovery finds it there. What triggers say in a row, with nothing given up
//! in between, goes on in the document that the first of them has begun: a thousand errors are not a thousand files.

use super::output::{Output, Told, names};
use super::trace::part_name;
use super::{Header, Places, with_number};
use crate::clock::{self, Mono};
use crate::encode::tree::Tree;
use crate::event::Kind;
use crate::line::event_number;
use crate::liveness::WriterLock;
use crate::session::{Durability, FlightPolicy, SessionPolicy, Shared};
use crate::summary::{Facts, Outcome, State, Summary};
use crate::trace_file::{Document, MAX_BYTES};
use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// What the sums in the ring say instead of a part's number: which of the two files they are of.
pub(crate) const SUMS: u32 = 1 << 31;
/// The entry in a generation's metadata that says which one is older.
pub(crate) const SERIAL: &str = "generation";

/// The name of one of the two files.
pub(crate) fn generation_name(stem: &str, which: usize) -> String {
    format!("{stem}.flight{which}")
}

/// One of the two files, and what its events add up to.
struct Generation {
    which: usize,
    summary: Summary,
    /// When its first event was counted.
    began: Option<Mono>,
    /// None before anything was written.
    document: Option<Document>,
}

impl Generation {
    fn new(which: usize) -> Generation {
        Generation { which, summary: Summary::default(), began: None, document: None }
    }

    fn len(&self) -> u64 {
        self.document.as_ref().map_or(0, Document::body_len)
    }

    fn lines(&mut self) -> io::Result<Vec<u8>> {
        self.document.as_mut().map_or(Ok(Vec::new()), Document::lines)
    }
}

/// Why a document is wanted.
#[derive(Clone, Copy, PartialEq)]
enum Wanted {
    No,
    /// An event was a trigger.
    ByEvent,
    /// Somebody has asked for it: it gets a document of its own.
    ByHand,
}

/// The flight recorder of one session.
pub(super) struct Flight {
    stem: String,
    header: Arc<Header>,
    policy: FlightPolicy,
    durability: Durability,
    shared: Arc<Shared>,
    traces: PathBuf,
    now: Generation,
    older: Option<Generation>,
    serial: u32,
    wanted: Wanted,
    /// Documents that triggers have made.
    parts: u32,
    /// The last one, as long as nothing was given up behind it, and what is in it.
    last: Option<(Document, Summary)>,
    last_path: Option<PathBuf>,
    dropped_before: u64,
    /// Calls in which an error was a trigger: how they end belongs to it.
    failing: BTreeSet<u64>,
}

impl Flight {
    /// Takes `stem`, or where that name is taken `stem-2`, `stem-3`…; gives the name. No file is made yet.
    ///
    /// # Errors
    /// Where there is no folder for documents, or every name is taken.
    pub(super) fn begin(
        stem: &str,
        (header, shared): (&Arc<Header>, &Arc<Shared>),
        policy: &SessionPolicy,
        flight: &FlightPolicy,
        lock: Option<&WriterLock>,
        places: &Places<'_>,
    ) -> io::Result<(Flight, String)> {
        let traces = places.revive()?;
        let is_taken = |name: &str| {
            let document = part_name(name, 1);
            // Held before there is a file: another process would take a generation of nobody for a dead one's.
            let held = lock.map_or(Ok(()), |lock| lock.hold(name));
            traces.has(&document)
                || traces.has(&format!("{document}.gz"))
                || held.is_err_and(|error| error.kind() == io::ErrorKind::AlreadyExists)
        };
        let stem = names(stem).find(|name| !is_taken(name)).ok_or(io::ErrorKind::AlreadyExists)?;
        let flight = Flight {
            stem: stem.clone(),
            header: Arc::clone(header),
            policy: flight.clone(),
            durability: policy.durability,
            shared: Arc::clone(shared),
            traces: traces.path().to_owned(),
            now: Generation::new(0),
            older: None,
            serial: 0,
            wanted: Wanted::No,
            parts: 0,
            last: None,
            last_path: None,
            dropped_before: 0,
            failing: BTreeSet::new(),
        };
        Ok((flight, stem))
    }

    /// Whether an event is a trigger, or the end of a call that has failed of one.
    fn is_wanted(&mut self, id: u64, facts: &Facts, line: &[u8]) -> bool {
        let failed = self.failing.remove(&id);
        if !failed && !self.policy.on.hit(facts, line) {
            return false;
        }
        if facts.nested && (facts.kind == Kind::Error || failed && facts.outcome == Outcome::Failed) {
            self.failing.extend(parent(line));
        }
        true
    }

    /// The document of the newer generation, made where there is none, and made again where somebody has removed it.
    fn document(&mut self, places: &Places<'_>) -> io::Result<&mut Document> {
        let header = |serial| with_number(&self.header.line(1), SERIAL, serial);
        match self.now.document.take() {
            None => {
                let (private, name) = (places.private()?, generation_name(&self.stem, self.now.which));
                let _ = private.remove(&name);
                let summary = Summary::default().json(State::Live, None);
                let document = Document::create(&private, &name, &header(self.serial + 1), &summary)?;
                self.serial += 1;
                Ok(self.now.document.insert(document))
            }
            Some(mut document) => {
                let revived = if document.is_removed() {
                    places.private().and_then(|private| document.revive(&private, &header(self.serial)))
                } else {
                    Ok(())
                };
                let document = self.now.document.insert(document);
                revived.map(|()| document)
            }
        }
    }

    /// Makes a document of both generations, or goes on with the last one.
    fn write_out(&mut self, told: &Told, places: &Places<'_>) -> io::Result<()> {
        let mut lines = self.older.as_mut().map_or(Ok(Vec::new()), Generation::lines)?;
        let newer = self.now.lines()?;
        if !lines.is_empty() && !newer.is_empty() {
            lines.extend_from_slice(b",\n");
        }
        lines.extend_from_slice(&newer);
        if lines.is_empty() {
            return Ok(());
        }
        let mut summary = self.older.as_ref().map_or_else(Summary::default, |older| older.summary.clone());
        summary.merge(&self.now.summary);
        summary.dropped = told.dropped.saturating_sub(self.dropped_before);
        summary.overhead = told.overhead;
        let ended = Some(told.ended.unwrap_or_else(|| clock::wall(clock::now())));
        if !self.goes_on(lines.len()) {
            let document = self.next_document(&lines, &summary.json(State::Closed, ended), places)?;
            self.last_path = Some(document.path());
            self.last = Some((document, summary));
        } else if let Some((document, sum)) = &mut self.last {
            let mut summed = sum.clone();
            summed.merge(&summary);
            summed.overhead = summary.overhead;
            document.append(&lines, &summed.json(State::Closed, ended))?;
            *sum = summed;
        }
        self.dropped_before = told.dropped;
        self.clear();
        let Some((document, _)) = &mut self.last else { return Ok(()) };
        let synced = if self.durability == Durability::Process { Ok(()) } else { document.sync() };
        document.park();
        if self.wanted == Wanted::ByHand {
            self.last = None;
        }
        synced
    }

    /// Whether `more` bytes go into the last document.
    fn goes_on(&mut self, more: usize) -> bool {
        let by_event = self.wanted == Wanted::ByEvent;
        self.last.as_mut().is_some_and(|(document, _)| {
            by_event && document.body_len() + more as u64 <= MAX_BYTES && !document.is_removed()
        })
    }

    /// Writes the next document beside the trace files and puts it there whole.
    fn next_document(&mut self, lines: &[u8], summary: &str, places: &Places<'_>) -> io::Result<Document> {
        let (private, traces) = (places.private()?, places.revive()?);
        let beside = format!("{}.flight", self.stem);
        let _ = private.remove(&beside);
        let mut part = self.parts + 1;
        loop {
            let empty = Summary::default().json(State::Live, None);
            let mut document = Document::create(&private, &beside, &self.header.line(part), &empty)?;
            let moved = document
                .append(lines, summary)
                .and_then(|()| if self.durability == Durability::Process { Ok(()) } else { document.sync() })
                .and_then(|()| document.move_to(&traces, &part_name(&self.stem, part)));
            match moved {
                Ok(()) => {
                    self.parts = part;
                    if self.durability != Durability::Process {
                        traces.sync()?;
                    }
                    return Ok(document);
                }
                Err(error) => {
                    document.remove();
                    // Somebody else's file has the name.
                    if error.kind() != io::ErrorKind::AlreadyExists || part > self.parts + 1_000 {
                        return Err(error);
                    }
                    part += 1;
                }
            }
        }
    }

    /// Removes both generations: what they held is in a document, or nobody wants it.
    fn clear(&mut self) {
        let empty = Generation::new(self.now.which);
        let generations = self.older.take().into_iter().chain([std::mem::replace(&mut self.now, empty)]);
        generations.filter_map(|generation| generation.document).for_each(Document::remove);
    }
}

/// The call inside which an event has happened.
fn parent(line: &[u8]) -> Option<u64> {
    let event = Tree::parse(std::str::from_utf8(line).ok()?).ok()?;
    event_number(event.member("parent_id")?.text()?)
}

impl Output for Flight {
    fn path(&self) -> PathBuf {
        self.traces.join(part_name(&self.stem, 1))
    }

    fn count(&mut self, id: u64, facts: &Facts, line: &[u8]) -> &mut Summary {
        if self.is_wanted(id, facts, line) && self.wanted == Wanted::No {
            self.wanted = Wanted::ByEvent;
        }
        self.now.began.get_or_insert_with(clock::now);
        self.now.summary.add(facts, line);
        &mut self.now.summary
    }

    fn is_full(&self, more: usize) -> bool {
        let Some(began) = self.now.began else { return false };
        let old = u128::from(clock::now().saturating_sub(began)) >= self.policy.keep.as_nanos();
        old || self.now.len() + more as u64 > self.policy.max_bytes / 2
    }

    /// Gives the older generation up.
    fn turn(&mut self, told: &Told, places: &Places<'_>) -> io::Result<()> {
        // What a trigger has asked for must not be given up.
        self.conclude(told, places)?;
        if self.now.began.is_none() {
            return Ok(());
        }
        if let Some(given_up) = self.older.take() {
            self.last = None;
            self.failing.clear();
            given_up.document.into_iter().for_each(Document::remove);
        }
        let next = Generation::new(1 - self.now.which);
        self.older = Some(std::mem::replace(&mut self.now, next));
        Ok(())
    }

    fn sums(&mut self, told: &Told) -> (u32, String) {
        let Generation { which, summary, .. } = &mut self.now;
        summary.overhead = told.overhead;
        summary.dropped = told.dropped.saturating_sub(self.dropped_before);
        (SUMS | *which as u32, summary.json(State::Live, None))
    }

    fn append(&mut self, lines: &[u8], summary: &str, places: &Places<'_>) -> io::Result<()> {
        if lines.is_empty() { Ok(()) } else { self.document(places)?.append(lines, summary) }
    }

    fn ask(&mut self) {
        self.wanted = Wanted::ByHand;
    }

    fn conclude(&mut self, told: &Told, places: &Places<'_>) -> io::Result<()> {
        if self.wanted != Wanted::No {
            self.write_out(told, places)?;
            self.shared.set_dumped(self.last_path.clone());
            self.wanted = Wanted::No;
        }
        if told.ended.is_some() {
            self.clear();
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.now.document.as_mut().map_or(Ok(()), Document::sync)
    }

    fn park(&mut self) {
        for generation in self.older.iter_mut().chain([&mut self.now]) {
            generation.document.iter_mut().for_each(Document::park);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::Limits;
    use crate::folder::Folder;
    use crate::line;
    use crate::ring::{Ring, Where};
    use crate::session::Triggers;
    use crate::writer::Folders;
    use std::sync::Mutex;
    use std::time::Duration;

    const STEM: &str = "2026-01-15_10-30-00_ses_f";

    /// Folders, and a flight recorder in them whose writer is the test.
    struct Desk {
        ring: Ring,
        traces: Mutex<Arc<Folder>>,
        folders: Folders,
        flight: Flight,
    }

    impl Desk {
        fn new(name: &str) -> Desk {
            let root = std::env::temp_dir().join(format!("t800-flight-{name}-{}", std::process::id()));
            let _ = std::fs::remove_dir_all(&root);
            std::fs::create_dir_all(&root).unwrap();
            let (traces, private) = (root.join("traces"), root.join(".t800"));
            let folders = Folders { traces, private, ring: Where::Auto, tag: "flight".into() };
            let (ring, opened) = (Ring::new(None).unwrap(), Folder::own(&folders.traces).unwrap());
            let traces = Mutex::new(Arc::new(opened));
            let header = Header {
                session_id: "ses_f".into(),
                started: 0,
                metadata: "{\"mode\":\"flight\"}".into(),
                parent: None,
            };
            let kept = FlightPolicy {
                max_bytes: 1 << 20,
                keep: Duration::from_hours(1),
                on: Triggers::of(&["error".to_owned()]),
            };
            let what = (&Arc::new(header), &Arc::new(Shared::new(1_000_000)));
            let places = Places { ring: &ring, traces: &traces, folders: &folders };
            let (flight, stem) = Flight::begin(STEM, what, &policy(&kept), &kept, None, &places).unwrap();
            assert_eq!(stem, STEM);
            Desk { ring, traces, folders, flight }
        }

        fn with<R>(&mut self, act: impl FnOnce(&mut Flight, &Told, &Places<'_>) -> R) -> R {
            let places = Places { ring: &self.ring, traces: &self.traces, folders: &self.folders };
            act(&mut self.flight, &told(None), &places)
        }

        /// Counts an event, writes it, and does what is due.
        fn record(&mut self, id: u64, kind: &str) -> io::Result<()> {
            let text = format!(
                r#"{{"event_id":"evt_{id:03}","timestamp":"2026-01-15T10:30:00.000Z","type":"{kind}"}}"#
            );
            let facts = line::read(text.as_bytes()).unwrap().facts;
            self.with(|flight, told, places| {
                flight.count(id, &facts, text.as_bytes());
                let (_, summary) = flight.sums(told);
                flight.append(text.as_bytes(), &summary, places)?;
                flight.conclude(told, places)
            })
        }

        fn turn(&mut self) {
            self.with(Flight::turn).unwrap();
        }

        /// The numbers of the events in both generations.
        fn generations(&self) -> [Option<Vec<u64>>; 2] {
            [0, 1].map(|which| {
                let path = self.folders.private.join(generation_name(STEM, which));
                path.exists().then(|| numbers(&path))
            })
        }

        /// The same of the documents that triggers have made.
        fn documents(&self) -> Vec<Vec<u64>> {
            let paths = (1..9).map(|part| self.folders.traces.join(part_name(STEM, part)));
            paths.filter(|path| path.exists()).map(|path| numbers(&path)).collect()
        }
    }

    fn policy(flight: &FlightPolicy) -> SessionPolicy {
        SessionPolicy {
            kinds: [true; Kind::ALL.len()],
            limits: Limits::of_event(16_384, 262_144),
            budget_ns: 1_000_000,
            max_events: 50,
            max_bytes: 100 << 10,
            flush_interval: Duration::from_secs(5),
            flush_on_error: true,
            flush_on_checkpoint: true,
            durability: Durability::Process,
            flight: Some(flight.clone()),
            prices: Arc::default(),
        }
    }

    fn told(ended: Option<clock::Wall>) -> Told {
        Told { overhead: None, dropped: 0, ended }
    }

    /// The events of a document, which is whole and counts them.
    fn numbers(path: &std::path::Path) -> Vec<u64> {
        let document: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let events = document["events"].as_array().unwrap();
        assert_eq!(document["summary"]["total_events"], events.len());
        events.iter().map(|event| event_number(event["event_id"].as_str().unwrap()).unwrap()).collect()
    }

    #[test]
    fn generations_alternate_and_the_older_one_is_given_up() {
        let mut desk = Desk::new("alternate");
        assert_eq!(desk.generations(), [None, None]);
        desk.record(1, "decision").unwrap();
        desk.record(2, "decision").unwrap();
        desk.turn();
        assert_eq!(desk.generations(), [Some(vec![1, 2]), None]);
        desk.record(3, "decision").unwrap();
        assert_eq!(desk.generations(), [Some(vec![1, 2]), Some(vec![3])]);
        desk.turn();
        assert_eq!(desk.generations(), [None, Some(vec![3])]);
        desk.record(4, "decision").unwrap();
        assert_eq!(desk.generations(), [Some(vec![4]), Some(vec![3])]);
        // Nothing was recorded in it: nothing is given up for it.
        desk.turn();
        desk.turn();
        assert_eq!(desk.generations(), [Some(vec![4]), None]);
        assert_eq!(desk.documents(), Vec::<Vec<u64>>::new());
    }

    #[test]
    fn a_trigger_closes_both_generations_into_one_document() {
        let mut desk = Desk::new("trigger");
        desk.record(1, "decision").unwrap();
        desk.turn();
        desk.record(2, "decision").unwrap();
        desk.record(3, "error").unwrap();
        assert_eq!((desk.generations(), desk.documents()), ([None, None], vec![vec![1, 2, 3]]));
        desk.record(4, "decision").unwrap();
        assert_eq!(desk.documents(), [[1, 2, 3]]);
        desk.record(5, "error").unwrap();
        assert_eq!(desk.documents(), [[1, 2, 3, 4, 5]], "nothing was given up between the two");
        for id in 6..9 {
            desk.record(id, "decision").unwrap();
            desk.turn();
        }
        desk.record(9, "error").unwrap();
        assert_eq!(desk.documents(), [vec![1, 2, 3, 4, 5], vec![8, 9]]);
    }

    #[test]
    fn who_asks_gets_a_document_of_its_own() {
        let mut desk = Desk::new("asked");
        for id in [1, 2] {
            desk.record(id, "decision").unwrap();
            desk.flight.ask();
            desk.with(Flight::conclude).unwrap();
        }
        assert_eq!(desk.documents(), [[1], [2]]);
        assert_eq!(desk.generations(), [None, None]);
    }

    #[test]
    fn the_end_leaves_no_generation() {
        let mut desk = Desk::new("end");
        desk.record(1, "decision").unwrap();
        desk.turn();
        desk.record(2, "decision").unwrap();
        desk.with(|flight, _, places| flight.conclude(&told(Some(1)), places)).unwrap();
        assert_eq!((desk.generations(), desk.documents()), ([None, None], Vec::new()));
    }

    #[test]
    fn a_generation_that_somebody_has_removed_is_written_again() {
        let mut desk = Desk::new("removed");
        desk.record(1, "decision").unwrap();
        std::fs::remove_dir_all(&desk.folders.private).unwrap();
        desk.record(2, "decision").unwrap();
        assert_eq!(desk.generations(), [Some(vec![1, 2]), None]);
        desk.turn();
        desk.record(3, "decision").unwrap();
        // Its bytes are still at hand.
        std::fs::remove_file(desk.folders.private.join(generation_name(STEM, 0))).unwrap();
        desk.record(4, "error").unwrap();
        assert_eq!(desk.documents(), [[1, 2, 3, 4]]);
    }

    #[test]
    fn a_name_that_is_taken_is_left_to_its_owner() {
        let mut desk = Desk::new("taken");
        let taken = desk.folders.traces.join(part_name(STEM, 1));
        std::fs::write(&taken, "somebody else's").unwrap();
        desk.record(1, "error").unwrap();
        assert_eq!(std::fs::read_to_string(&taken).unwrap(), "somebody else's");
        assert_eq!(numbers(&desk.folders.traces.join(part_name(STEM, 2))), [1]);
    }
}
