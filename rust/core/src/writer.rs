//! The writer: one native thread per process and telemetry folder that drains the ring into documents.
//!
//! It never touches Python. Its faults are kept for the caller's thread to say, once.

use crate::clock::{self, Wall};
use crate::liveness::{self, WriterLock};
use crate::redact::Redactor;
use crate::ring::{self, Record, Ring, Tag, Urgency};
use crate::session::{Session, SessionPolicy, Shared};
use crate::summary::{FACTS_LEN, Facts, State, Summary, redactions};
use crate::trace_file::{Document, MAX_BYTES};
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// Descriptors that documents of one writer keep open between flushes.
const OPEN_DOCUMENTS: usize = 64;
/// How long a writer without sessions stays before its thread ends.
const LINGER: Duration = Duration::from_secs(2);
/// Lines of a document that are written at once at the most, in bytes.
const BATCH: usize = 1 << 20;

/// What the header line of a document says.
#[derive(Clone, Debug)]
pub struct Header {
    /// The session's id.
    pub session_id: String,
    /// When it began.
    pub started: Wall,
    /// The metadata as a JSON object.
    pub metadata: String,
}

impl Header {
    /// The header line of a part.
    fn line(&self, part: u32) -> String {
        let mut metadata = self.metadata.clone();
        if part > 1 && metadata.pop() == Some('}') {
            let comma = if metadata.len() > 1 { "," } else { "" };
            let _ = write!(metadata, "{comma}\"part\":{part}}}");
        }
        let mut id = Vec::new();
        crate::encode::escape::quote_into(&mut id, &self.session_id);
        format!(
            r#"{{"session_id":{},"timestamp":"{}","metadata":{metadata},"events":["#,
            String::from_utf8_lossy(&id),
            clock::rfc3339(self.started)
        )
    }
}

/// The folders a writer writes to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Folders {
    /// Where documents go.
    pub traces: PathBuf,
    /// Where locks go: `.t800`.
    pub private: PathBuf,
}

/// A session's document and what waits for it.
struct Trace {
    stem: String,
    header: Header,
    part: u32,
    document: Document,
    summary: Summary,
    shared: Arc<Shared>,
    redactor: Arc<Redactor>,
    /// Lines that wait, joined as they will stand in the file.
    pending: Vec<u8>,
    waiting: u64,
    /// Losses that earlier parts have counted.
    dropped_before: u64,
    ended: Option<Wall>,
}

/// One writer with its ring, shared by all sessions of a process and folder.
pub struct Hub {
    folders: Folders,
    ring: Ring,
    state: Mutex<HubState>,
    next_number: AtomicU32,
    interval_ms: AtomicU64,
    fault: Mutex<Fault>,
}

/// What the disk has refused.
#[derive(Default)]
struct Fault {
    unsaid: Option<String>,
    /// Said already: the same fault is retried at every flush.
    said: Option<String>,
}

#[derive(Default)]
struct HubState {
    traces: HashMap<u32, Trace>,
    lock: Option<WriterLock>,
    running: bool,
}

/// The writers of this process, by folder.
type Hubs = HashMap<Folders, Arc<Hub>>;

fn hubs() -> MutexGuard<'static, Hubs> {
    static HUBS: OnceLock<Mutex<Hubs>> = OnceLock::new();
    HUBS.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

/// How often this process is a fork's child: sessions of an earlier generation belong to a parent.
static GENERATION: AtomicU32 = AtomicU32::new(0);

/// The generation of this process; see [`after_fork`].
#[must_use]
pub fn generation() -> u32 {
    GENERATION.load(Relaxed)
}

thread_local! {
    /// Held over a fork, so that no other thread is inside when the child is made.
    static HELD: RefCell<Option<MutexGuard<'static, Hubs>>> = const { RefCell::new(None) };
}

/// Before this process forks, on the thread that forks.
pub fn before_fork() {
    HELD.set(Some(hubs()));
}

/// After a fork. In the child the parent's writers are forgotten: their threads, locks and documents are not its own.
pub fn after_fork(child: bool) {
    let Some(mut hubs) = HELD.take() else { return };
    if child {
        // Dropping would remove the parent's lock files.
        std::mem::forget(std::mem::take(&mut *hubs));
        GENERATION.fetch_add(1, Relaxed);
    }
}

/// Opens a session: its document is on disk, its writer runs.
///
/// # Errors
/// When the document cannot be created.
pub fn open(
    folders: &Folders,
    stem: &str,
    header: Header,
    redactor: Arc<Redactor>,
    policy: SessionPolicy,
) -> io::Result<(Session, PathBuf)> {
    let hub =
        Arc::clone(hubs().entry(folders.clone()).or_insert_with(|| Arc::new(Hub::new(folders.clone()))));
    let shared = Arc::new(Shared::new(policy.budget_ns));
    let number = hub.next_number.fetch_add(1, Relaxed);
    let path = hub.admit(number, stem, header, &shared, &redactor, policy.flush_interval)?;
    Ok((Session::new(redactor, policy, shared, hub, number), path))
}

impl Hub {
    fn new(folders: Folders) -> Hub {
        Hub {
            folders,
            ring: Ring::default(),
            state: Mutex::default(),
            next_number: AtomicU32::new(1),
            interval_ms: AtomicU64::new(u64::MAX),
            fault: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, HubState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admit(
        self: &Arc<Self>,
        number: u32,
        stem: &str,
        header: Header,
        shared: &Arc<Shared>,
        redactor: &Arc<Redactor>,
        interval: Duration,
    ) -> io::Result<PathBuf> {
        let mut state = self.state();
        let (mut document, stem) = create_document(&self.folders, stem, &header)?;
        if state.traces.len() > OPEN_DOCUMENTS {
            document.park();
        }
        let path = document.path().to_owned();
        if state.lock.is_none() {
            liveness::sweep(&self.folders.private);
            state.lock = WriterLock::create(&self.folders.private).ok();
        }
        // Without a link the session is recorded all the same; readers then judge it by its age.
        let _ = state.lock.as_ref().map(|lock| lock.hold(&stem));
        state.traces.insert(
            number,
            Trace {
                stem,
                header,
                part: 1,
                document,
                summary: Summary::default(),
                shared: Arc::clone(shared),
                redactor: Arc::clone(redactor),
                pending: Vec::new(),
                waiting: 0,
                dropped_before: 0,
                ended: None,
            },
        );
        self.interval_ms.fetch_min(u64::try_from(interval.as_millis()).unwrap_or(u64::MAX), Relaxed);
        self.start(&mut state)?;
        Ok(path)
    }

    fn start(self: &Arc<Self>, state: &mut HubState) -> io::Result<()> {
        if state.running {
            // It may be waiting for longer than this session wants.
            self.ring.call();
            return Ok(());
        }
        self.ring.arrive();
        let hub = Arc::clone(self);
        std::thread::Builder::new().name("t800-writer".into()).spawn(move || hub.run())?;
        state.running = true;
        Ok(())
    }

    /// Takes a record for the writer; false when the ring is full.
    pub fn push(&self, session: u32, tag: Tag, parts: &[&[u8]], urgency: Urgency) -> bool {
        self.ring.push(session, tag, parts, urgency)
    }

    /// Waits until everything pushed before is in its document.
    #[must_use]
    pub fn settle(&self, timeout: Duration) -> bool {
        self.ring.settle(timeout)
    }

    /// The last fault of the disk, once.
    #[must_use]
    pub fn take_fault(&self) -> Option<String> {
        let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        let text = fault.unsaid.take()?;
        fault.said = Some(text.clone());
        Some(text)
    }

    fn run(&self) {
        let mut bytes = Vec::new();
        let mut idle = Duration::ZERO;
        loop {
            let wait =
                if idle.is_zero() { Duration::from_millis(self.interval_ms.load(Relaxed)) } else { LINGER };
            let drain = self.ring.drain(&mut bytes, wait);
            clock::reanchor();
            // A defect of ours must cost one batch at the most, never the thread that all sessions wait for.
            if catch_unwind(AssertUnwindSafe(|| self.write(&bytes))).is_err() {
                self.note(Err(io::Error::other("the writer failed inside; please report this")));
            }
            self.ring.finished(drain);
            let mut state = self.state();
            if !state.traces.is_empty() {
                idle = Duration::ZERO;
            } else if idle.is_zero() {
                state.lock = None;
                self.interval_ms.store(u64::MAX, Relaxed);
                idle = LINGER;
            } else if self.ring.leave() {
                state.running = false;
                return;
            }
        }
    }

    fn write(&self, bytes: &[u8]) {
        let mut state = self.state();
        let mut touched = BTreeSet::new();
        for record in ring::records(bytes) {
            if let Some(trace) = state.traces.get_mut(&record.session) {
                touched.insert(record.session);
                self.note(trace.take(&record, &self.folders));
            }
        }
        for number in touched {
            self.flush(&mut state, number);
        }
    }

    fn flush(&self, state: &mut HubState, number: u32) {
        let Some(trace) = state.traces.get_mut(&number) else { return };
        self.note(trace.flush());
        if trace.ended.is_some() {
            let stem = trace.stem.clone();
            state.traces.remove(&number);
            if let Some(lock) = &state.lock {
                lock.release(&stem);
            }
        } else if state.traces.len() > OPEN_DOCUMENTS
            && let Some(trace) = state.traces.get_mut(&number)
        {
            trace.document.park();
        }
    }

    fn note(&self, result: io::Result<()>) {
        if let Err(error) = result {
            let text = error.to_string();
            let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
            if fault.said.as_ref() != Some(&text) {
                fault.unsaid = Some(text);
            }
        }
    }
}

/// Creates the first part under `stem`, or where that name is taken under `stem-2`, `stem-3`…
fn create_document(folders: &Folders, stem: &str, header: &Header) -> io::Result<(Document, String)> {
    let summary = Summary::default().json(State::Live, None);
    let line = header.line(1);
    let mut name = stem.to_owned();
    for n in 2..1_000 {
        match Document::create(&part_path(&folders.traces, &name, 1), &line, &summary) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => name = format!("{stem}-{n}"),
            document => return document.map(|document| (document, name)),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// The path of a part of a session.
#[must_use]
pub fn part_path(traces: &Path, stem: &str, part: u32) -> PathBuf {
    traces.join(if part == 1 { format!("{stem}.json") } else { format!("{stem}.part{part}.json") })
}

impl Trace {
    fn take(&mut self, record: &Record<'_>, folders: &Folders) -> io::Result<()> {
        match record.tag {
            Tag::Event => self.event(record.payload, folders),
            Tag::Close => {
                let wall =
                    record.payload.try_into().map_or_else(|_| clock::wall(clock::now()), u64::from_le_bytes);
                self.ended = Some(wall);
                Ok(())
            }
        }
    }

    fn event(&mut self, payload: &[u8], folders: &Folders) -> io::Result<()> {
        let Some((facts, counts, line)) = split(payload) else { return Ok(()) };
        let mut result = Ok(());
        if self.document.body_len() + (self.pending.len() + line.len()) as u64 > MAX_BYTES {
            result = self.flush().and_then(|()| self.next_part(folders));
        } else if self.pending.len() > BATCH {
            result = self.flush();
        }
        if !self.pending.is_empty() {
            self.pending.extend_from_slice(b",\n");
        }
        self.pending.extend_from_slice(line);
        self.waiting += 1;
        self.summary.add(&facts, line);
        for (rule, count) in redactions(counts) {
            self.summary.add_redactions(self.redactor.rule_name(rule), count.into());
        }
        result
    }

    /// Writes what waits. What a disk refuses goes on waiting; past a bound it is lost and counted.
    fn flush(&mut self) -> io::Result<()> {
        let (overhead, dropped) = self.shared.read();
        (self.summary.overhead, self.summary.dropped) = (overhead, dropped - self.dropped_before);
        let state = if self.ended.is_some() { State::Closed } else { State::Live };
        let written = self.document.append(&self.pending, &self.summary.json(state, self.ended));
        if written.is_err() && self.ended.is_none() && self.pending.len() < ring::CAPACITY {
            return written;
        }
        if written.is_err() {
            self.shared.dropped.fetch_add(self.waiting, Relaxed);
        }
        self.pending.clear();
        self.waiting = 0;
        written
    }

    /// Closes the full part and begins the next one.
    fn next_part(&mut self, folders: &Folders) -> io::Result<()> {
        let now = clock::wall(clock::now());
        self.document.append(b"", &self.summary.json(State::Closed, Some(now)))?;
        let part = self.part + 1;
        let path = part_path(&folders.traces, &self.stem, part);
        let summary = Summary::default();
        self.document = Document::create(&path, &self.header.line(part), &summary.json(State::Live, None))?;
        self.dropped_before += self.summary.dropped;
        self.summary = summary;
        self.part = part;
        Ok(())
    }
}

/// The parts of an event's record: facts, redaction counts, line.
fn split(payload: &[u8]) -> Option<(Facts, &[u8], &[u8])> {
    let facts = Facts::from_bytes(payload)?;
    let rest = &payload[FACTS_LEN..];
    let count = usize::from(u16::from_le_bytes([*rest.first()?, *rest.get(1)?]));
    let (counts, line) = rest.get(2..)?.split_at_checked(count * 6)?;
    Some((facts, counts, line))
}
