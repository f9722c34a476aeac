//! The writer: one native thread per process and telemetry folder that drains the ring into documents.
//!
//! It never touches Python. Its faults are kept for the caller's thread to say, once.

mod flight;
mod fork;
mod hubs;
mod output;
mod pace;
mod trace;

use crate::clock::{self, Wall};
use crate::folder::Folder;
use crate::liveness::WriterLock;
use crate::redact::Redactor;
use crate::ring::{Head, Placement, Position, Ring, RingFile, Tag, Urgency, Where};
use crate::session::{CLOSE_WAIT, Opened, Session, SessionPolicy, Shared};
use flight::Flight;
pub(crate) use flight::{SERIAL, SUMS, generation_name};
pub use fork::{after_fork, before_fork, generation};
pub(crate) use hubs::hubs;
pub use hubs::shut_down;
use output::{Output, Parts};
use pace::{Batch, Pace};
use std::collections::HashMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};
pub use trace::part_name;
use trace::{Beginning, Trace, open_record};

/// Descriptors that documents of one writer keep open between flushes.
const OPEN_DOCUMENTS: usize = 64;
/// How long a call waits for its event to be durable (`durability: event`). The event is in the ring all the while.
const DURABLE_WAIT: Duration = Duration::from_secs(1);
/// How long a writer without sessions stays before its thread ends.
const LINGER: Duration = Duration::from_secs(2);
/// How often a disk that refuses is tried again, at the most.
const RETRY: Duration = Duration::from_millis(100);
/// How long a record takes to be written, at the most, unless its thread was put aside.
const MOMENT: Duration = Duration::from_millis(1);
/// For records of our own: they wake nobody and may use the ring's reserve.
const QUIET: Urgency = Urgency { records: usize::MAX, bytes: usize::MAX, now: false, precious: true };

/// What the header line of a document says.
#[derive(Clone, Debug)]
pub struct Header {
    /// The session's id.
    pub session_id: String,
    /// When it began.
    pub started: Wall,
    /// The metadata as a JSON object.
    pub metadata: String,
    /// The session that it was begun in: a JSON string.
    pub parent: Option<String>,
}

impl Header {
    /// With one more entry in the metadata: a name of ours and a JSON value.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Header {
        if self.metadata.pop() == Some('}') {
            let comma = if self.metadata.ends_with('{') { "" } else { "," };
            self.metadata = format!("{}{comma}\"{name}\":{value}}}", self.metadata);
        }
        self
    }

    /// The header line of a part.
    #[must_use]
    pub fn line(&self, part: u32) -> String {
        let Header { metadata, .. } = self;
        let mut id = Vec::new();
        crate::encode::escape::quote_into(&mut id, &self.session_id);
        let first = format!(
            r#"{{"session_id":{},"timestamp":"{}","metadata":{metadata},"events":["#,
            String::from_utf8_lossy(&id),
            clock::rfc3339(self.started)
        );
        with_part(&first, part)
    }
}

/// The header line of a part, from that of the first one.
pub(crate) fn with_part(first: &str, part: u32) -> String {
    if part > 1 { with_number(first, "part", part) } else { first.to_owned() }
}

/// A header line with one more number in its metadata.
fn with_number(first: &str, name: &str, number: u32) -> String {
    match first.strip_suffix("},\"events\":[") {
        Some(front) => {
            let comma = if front.ends_with('{') { "" } else { "," };
            format!("{front}{comma}\"{name}\":{number}}},\"events\":[")
        }
        None => first.to_owned(),
    }
}

/// The folders a writer writes to, and where its ring is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Folders {
    /// Where documents go.
    pub traces: PathBuf,
    /// Where locks go: `.t800`.
    pub private: PathBuf,
    /// Where the ring goes.
    pub ring: Where,
    /// A keyed hash of the telemetry folder: what its rings are called.
    pub tag: String,
}

impl Folders {
    /// Where rings of these folders may be.
    #[must_use]
    pub fn placement(&self) -> Placement {
        Placement { tag: self.tag.clone(), private: self.private.clone(), wanted: self.ring }
    }
}

/// One writer with its ring, shared by all sessions of a process and folder.
pub struct Hub {
    folders: Folders,
    ring: Ring,
    traces: Mutex<Arc<Folder>>,
    state: Mutex<HubState>,
    lock: Option<WriterLock>,
    /// In its place, once somebody has removed that. Never a mutex: a fork's child closes both.
    renewed: OnceLock<WriterLock>,
    /// The process that it belongs to: see [`generation`].
    generation: u32,
    /// Sessions that are about to be admitted.
    expected: AtomicU32,
    next_number: AtomicU32,
    interval_ms: AtomicU64,
    /// It looks again after so many nanoseconds, because events keep coming.
    nap_ns: AtomicU64,
    /// The last reading ended before a record that was being written.
    behind: AtomicBool,
    /// No session is open.
    empty: AtomicBool,
    /// A disk refuses what a session has to write.
    refused: AtomicBool,
    /// Up to where everything was settled when somebody has last waited for it in vain.
    stuck_at: AtomicU64,
    /// Somebody waits: a disk that has refused is tried again at once.
    eager: AtomicBool,
    /// The ring dies with this process: it is in the heap, or somebody has removed its file.
    mortal: AtomicBool,
    fault: Mutex<Fault>,
}

/// What the disk has refused.
#[derive(Default)]
struct Fault {
    unsaid: Option<String>,
    /// Said already: the same fault is retried at every flush.
    said: Option<String>,
}

struct HubState {
    traces: HashMap<u32, Trace>,
    /// Up to where the ring was read.
    read_to: Position,
    /// The smallest batch that a session wants.
    full: Batch,
    pace: Pace,
    /// It has left the process's list of writers: its threads end.
    gone: bool,
}

impl HubState {
    fn new(read_to: Position) -> HubState {
        HubState { traces: HashMap::new(), read_to, full: Batch::MOST, pace: Pace::default(), gone: false }
    }
}

/// What a trace needs of its writer while it writes.
pub(crate) struct Places<'a> {
    ring: &'a Ring,
    traces: &'a Mutex<Arc<Folder>>,
    folders: &'a Folders,
}

impl Places<'_> {
    fn traces(&self) -> Arc<Folder> {
        Arc::clone(&self.traces.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The folder of documents, made again where somebody has removed it.
    fn revive(&self) -> io::Result<Arc<Folder>> {
        let mut traces = self.traces.lock().unwrap_or_else(PoisonError::into_inner);
        if !traces.is_in_place() {
            *traces = Arc::new(own(&self.folders.traces)?);
        }
        Ok(Arc::clone(&traces))
    }

    /// `.t800`, made again where somebody has removed it.
    fn private(&self) -> io::Result<Arc<Folder>> {
        own(&self.folders.private).map(Arc::new)
    }
}

/// A folder in the telemetry folder; both are made where they are missing.
fn own(path: &Path) -> io::Result<Folder> {
    if let Some(parent) = path.parent().filter(|parent| !parent.is_dir()) {
        std::fs::create_dir_all(parent.parent().unwrap_or(parent))?;
        Folder::own(parent)?;
    }
    Folder::own(path)
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
    let hub = hubs().hub_of(folders)?;
    open_in(hub, stem, header, redactor, policy)
}

fn open_in(
    hub: Arc<Hub>,
    stem: &str,
    header: Header,
    redactor: Arc<Redactor>,
    policy: SessionPolicy,
) -> io::Result<(Session, PathBuf)> {
    let origin = header.clone();
    let parent = header.parent.clone();
    let mut header = header.with("ring", &format!("\"{}\"", hub.ring_kind()));
    if let Some(flight) = &policy.flight {
        header = header.with("mode", "\"flight\"").with("flight_on", &flight.on.json());
    }
    if let Some(parent) = parent {
        header = header.with("parent_session_id", &parent);
    }
    let shared = Arc::new(Shared::new(policy.budget_ns));
    let number = hub.next_number.fetch_add(1, Relaxed);
    let (path, slot) = hub.admit(number, stem, header, &shared, &redactor, &policy)?;
    let opened = Opened { header: origin, path: path.clone() };
    Ok((Session::new(redactor, policy, shared, hub, (number, slot), opened), path))
}

impl Hub {
    fn new(folders: Folders) -> io::Result<Hub> {
        let private = Arc::new(Folder::own(&folders.private)?);
        let ring = Ring::open(&folders.placement())?;
        Ok(Hub {
            traces: Mutex::new(Arc::new(Folder::own(&folders.traces)?)),
            state: Mutex::new(HubState::new(ring.start())),
            lock: WriterLock::create(&private).ok(),
            renewed: OnceLock::new(),
            generation: generation(),
            expected: AtomicU32::new(0),
            next_number: AtomicU32::new(1),
            interval_ms: AtomicU64::new(u64::MAX),
            nap_ns: AtomicU64::new(u64::MAX),
            behind: AtomicBool::new(false),
            empty: AtomicBool::new(false),
            refused: AtomicBool::new(false),
            stuck_at: AtomicU64::new(u64::MAX),
            eager: AtomicBool::new(false),
            mortal: AtomicBool::new(ring.file().is_none()),
            fault: Mutex::default(),
            folders,
            ring,
        })
    }

    fn start(self: &Arc<Self>) -> io::Result<()> {
        let (hub, other) = (Arc::clone(self), Arc::clone(self));
        let keeper =
            std::thread::Builder::new().name("t800-keeper".into()).spawn(move || other.ring.stand_by())?;
        let writer = std::thread::Builder::new().name("t800-writer".into()).spawn(move || hub.run());
        if writer.is_err() {
            self.ring.dismiss();
            keeper.thread().unpark();
        }
        self.ring.serve(writer?.thread().clone(), keeper.thread().clone());
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, HubState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn places(&self) -> Places<'_> {
        Places { ring: &self.ring, traces: &self.traces, folders: &self.folders }
    }

    /// A session is about to be admitted: the writer must not leave.
    fn expect_session(&self) {
        self.expected.fetch_add(1, Relaxed);
    }

    fn admit(
        &self,
        number: u32,
        stem: &str,
        header: Header,
        shared: &Arc<Shared>,
        redactor: &Arc<Redactor>,
        policy: &SessionPolicy,
    ) -> io::Result<(PathBuf, u32)> {
        let admitted = self.admit_expected(number, stem, header, shared, redactor, policy);
        self.expected.fetch_sub(1, Relaxed);
        admitted
    }

    fn admit_expected(
        &self,
        number: u32,
        stem: &str,
        header: Header,
        shared: &Arc<Shared>,
        redactor: &Arc<Redactor>,
        policy: &SessionPolicy,
    ) -> io::Result<(PathBuf, u32)> {
        let mut state = self.state();
        let header = Arc::new(header);
        let (mut output, stem) = self.begin(stem, (&header, shared), policy)?;
        if state.traces.len() > OPEN_DOCUMENTS {
            output.park();
        }
        let path = output.path();
        let opened_at =
            open_record(&self.ring, (number, number), &stem, &header, redactor).unwrap_or(state.read_to);
        let beginning = Beginning {
            number,
            stem,
            slot: number,
            header,
            output,
            shared: Arc::clone(shared),
            redactor: Arc::clone(redactor),
            durability: policy.durability,
            sync_every: policy.wake_every(),
            opened_at,
        };
        state.traces.insert(number, Trace::new(beginning));
        state.full = state.full.min(Batch { events: policy.max_events, bytes: policy.max_bytes });
        let every = u64::try_from(policy.wake_every().as_millis()).unwrap_or(u64::MAX);
        let slept = self.interval_ms.fetch_min(every, Relaxed);
        // It may be waiting for longer than this session wants.
        if self.empty.swap(false, Relaxed) || every < slept {
            self.ring.nudge();
        }
        Ok((path, number))
    }

    /// What the session's lines go to, and the name that the session has got.
    fn begin(
        &self,
        stem: &str,
        what: (&Arc<Header>, &Arc<Shared>),
        policy: &SessionPolicy,
    ) -> io::Result<(Box<dyn Output>, String)> {
        let (lock, places) = (self.lock(), self.places());
        Ok(match &policy.flight {
            None => {
                let (parts, stem) = Parts::begin(stem, what, policy, lock, &places)?;
                (Box::new(parts), stem)
            }
            Some(flight) => {
                let (flight, stem) = Flight::begin(stem, what, policy, flight, lock, &places)?;
                (Box::new(flight), stem)
            }
        })
    }

    /// The folders it writes to.
    #[must_use]
    pub fn folders(&self) -> &Folders {
        &self.folders
    }

    /// Takes a record for the writer; None when the ring is full.
    pub fn push(&self, head: Head, parts: &[&[u8]], mut urgency: Urgency) -> Option<Position> {
        // A value's own code may fork while its event is made: the ring is the parent's then, its cursor is not.
        if self.generation != generation() {
            return None;
        }
        // What dies with the process must not stay there.
        urgency.now |= head.tag == Tag::Event && self.mortal.load(Relaxed);
        self.ring.push(head, parts, urgency)
    }

    /// Counts events of the session in `slot` that were not taken.
    pub fn note_losses(&self, slot: u32, losses: u64) {
        if self.generation == generation() {
            self.ring.note_losses(slot, losses);
        }
    }

    /// Waits until everything pushed before is in its document.
    #[must_use]
    pub fn settle(&self, timeout: Duration) -> bool {
        self.eager.store(true, Relaxed);
        self.ring.settle(timeout)
    }

    /// Waits for the end of a session to be in its document, unless the writer has not moved since somebody has waited
    /// for it in vain: many sessions that close together wait once.
    #[must_use]
    pub fn settle_end(&self) -> bool {
        let (before, began) = (self.ring.settled_to(), Instant::now());
        let stuck = self.stuck_at.load(Relaxed) == before.0;
        let settled = self.settle(if stuck { Duration::ZERO } else { CLOSE_WAIT });
        if !settled && began.elapsed() >= CLOSE_WAIT {
            self.stuck_at.store(before.0, Relaxed);
        }
        settled
    }

    /// Waits until everything pushed before is durable, unless the disk refuses.
    pub fn settle_durably(&self) {
        if !self.refused.load(Relaxed) {
            let _ = self.ring.settle(DURABLE_WAIT);
        }
    }

    /// Where the ring is: `memory`, `beside` or, where nothing can be mapped, `heap`.
    #[must_use]
    pub fn ring_kind(&self) -> &'static str {
        self.ring.file().map_or("heap", |file| file.kind)
    }

    /// The last fault of the disk, once.
    #[must_use]
    pub fn take_fault(&self) -> Option<String> {
        let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        let text = fault.unsaid.take()?;
        fault.said = Some(text.clone());
        Some(text)
    }

    /// In a fork's child: gives back what the child has of the parent's locks, which the parent still holds.
    fn abandon(&self) {
        self.lock.iter().chain(self.renewed.get()).for_each(WriterLock::abandon);
        self.ring.file().into_iter().for_each(RingFile::abandon);
    }

    fn run(&self) {
        crate::recover::sweep(&self.folders);
        let mut idle: Option<Instant> = None;
        loop {
            self.ring.wait(|| self.patience());
            clock::reanchor();
            // A defect of ours must cost one batch at the most, never the thread that all sessions wait for.
            let wrote = catch_unwind(AssertUnwindSafe(|| self.write()));
            if wrote.is_err() {
                self.note(Err(io::Error::other("the writer failed inside; please report this")));
            }
            // Callers that wait for their session's end wake it too: it has not stayed for that.
            let since = self.look_for_sessions(idle);
            if since.is_some_and(|since| since.elapsed() >= LINGER) && self.leave() {
                // What children of this process have left.
                crate::recover::sweep(&self.folders);
                return;
            }
            idle = since;
        }
    }

    /// Since when no session is open, given what it was before. Then nobody wants anything of the next batch.
    fn look_for_sessions(&self, idle: Option<Instant>) -> Option<Instant> {
        let mut state = self.state();
        let empty = state.traces.is_empty();
        self.empty.store(empty, Relaxed);
        if empty && idle.is_none() {
            state.full = Batch::MOST;
            self.interval_ms.store(u64::MAX, Relaxed);
        }
        empty.then(|| idle.unwrap_or_else(Instant::now))
    }

    fn write(&self) {
        let mut state = self.state();
        let places = self.places();
        let HubState { traces, read_to, .. } = &mut *state;
        let (from, mut found) = (*read_to, Batch { events: 0, bytes: 0 });
        *read_to = self.ring.read(from, |at, record| {
            found.events += usize::from(record.head.tag == Tag::Event);
            found.bytes += record.payload.len();
            if let Some(trace) = traces.get_mut(&record.head.session) {
                self.note(trace.take(at, &record, &places));
            }
        });
        if self.eager.swap(false, Relaxed) {
            traces.values_mut().for_each(Trace::try_again);
        }
        let waiting: Vec<u32> =
            traces.values().filter(|trace| !trace.is_settled()).map(|trace| trace.number).collect();
        self.behind.store(self.ring.goes_on_behind(*read_to), Relaxed);
        let quiet = from == *read_to;
        let read_to = *read_to;
        for number in waiting {
            self.flush(&mut state, number, read_to);
        }
        for trace in state.traces.values_mut() {
            self.note(trace.keep_durable());
        }
        self.mortal.store(self.ring.file().is_none_or(RingFile::is_removed), Relaxed);
        // Without the marks sessions are recorded all the same, as at their beginning.
        let _ = self.mark_again(&state);
        self.refused.store(state.traces.values().any(Trace::is_refused), Relaxed);
        self.give_back(&mut state);
        self.plan(&mut state, found);
        if quiet {
            self.ring.relax();
        }
    }

    fn flush(&self, state: &mut HubState, number: u32, read_to: Position) {
        let crowded = state.traces.len() > OPEN_DOCUMENTS;
        let Some(trace) = state.traces.get_mut(&number) else { return };
        self.note(trace.flush(&self.places()));
        self.note(trace.catch_up(read_to, &self.places()));
        if trace.ended.is_some() && trace.is_settled() {
            let stem = trace.stem.clone();
            state.traces.remove(&number);
            if let Some(lock) = self.lock() {
                lock.release(&stem);
            }
        } else if crowded {
            trace.output.park();
        }
    }

    /// Marks the sessions as live again where somebody has removed the folder that says so.
    fn mark_again(&self, state: &HubState) -> io::Result<()> {
        let done = self.renewed.get().is_some() || self.lock().is_some_and(WriterLock::is_in_place);
        if state.traces.is_empty() || done {
            return Ok(());
        }
        let made = WriterLock::create(&self.places().private()?)?;
        state.traces.values().try_for_each(|trace| made.hold(&trace.stem))?;
        let _ = self.renewed.set(made);
        Ok(())
    }

    fn lock(&self) -> Option<&WriterLock> {
        self.renewed.get().or(self.lock.as_ref())
    }

    /// Gives the ring back what no document needs any more, and tells those who wait.
    fn give_back(&self, state: &mut HubState) {
        let settled = state.traces.values().filter_map(Trace::oldest).fold(state.read_to, Position::min);
        let first = settled.segment();
        let carried = first == self.ring.tail()
            || state.traces.values_mut().all(|trace| trace.carry(&self.ring, first));
        if carried {
            self.ring.give_back(settled);
        }
        self.ring.settled(settled, self.refused.load(Relaxed));
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
