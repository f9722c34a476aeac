//! A session: gives ids, pairs begins with ends, and hands finished lines to the writer.

mod given;
mod heir;
mod phases;
mod policy;
mod spans;

pub use heir::{Opened, is_inherited};
pub use policy::{Durability, FlightPolicy, SessionPolicy, Shared, Triggers};

use crate::assemble::{
    Assembly, FieldClasses, INTERRUPTED, Misuse, Place, Value, Values, field_classes, number_of,
};
use crate::clock::{self, Rfc3339};
use crate::encode::{Buffer, Encoder};
use crate::event::{Field, Kind};
use crate::redact::{Redactor, RuleId};
use crate::ring::{Head, Position, Tag, Urgency};
use crate::summary::{Facts, Outcome, Overhead, front};
use crate::writer::{self, Hub};
use given::{Nothing, began, given_time};
use spans::{OpenSpans, Spare};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{
    AtomicBool, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long closing and exiting wait for the writer.
pub const CLOSE_WAIT: Duration = Duration::from_secs(1);
/// How long to wait before a session's end is put into a full ring again.
const END_RETRY: Duration = Duration::from_millis(2);

/// Where a session's finished lines go.
enum Sink {
    /// Through the ring into the document.
    Writer { hub: Arc<Hub>, number: u32, slot: u32, opened: Box<Opened> },
    /// Into memory: what tests of an agent look at, and what a hook appends to a shared document.
    Memory(Mutex<Kept>),
}

/// Events in memory.
#[derive(Clone, Debug, Default)]
struct Kept {
    lines: Vec<Vec<u8>>,
    redactions: Vec<(RuleId, u32)>,
}

/// How a span ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanEnd {
    /// With this success, unless its fields say otherwise; None is unknown.
    Success(Option<bool>),
    /// Its work was cancelled: how long it took is known, how it would have ended is not.
    Cancelled,
    /// Its session ended while it was open.
    Interrupted,
}

/// What a recording call has done.
#[derive(Debug, Default)]
pub struct Recorded {
    /// The event's number; None where it was not taken.
    pub id: Option<u64>,
    /// What did not fit.
    pub misuses: Vec<Misuse>,
}

/// A span that is open, as [`Session::open_spans`] shows it.
#[derive(Clone, Debug)]
pub struct OpenCall {
    /// Its event's number.
    pub id: u64,
    /// The line so far, closed: JSON.
    pub json: Vec<u8>,
    /// How long it has been open.
    pub age_ns: u64,
}

/// One session, shared by all threads that record into it.
pub struct Session {
    redactor: Arc<Redactor>,
    classes: FieldClasses,
    policy: SessionPolicy,
    shared: Arc<Shared>,
    sink: Sink,
    last_id: AtomicU64,
    open: Mutex<OpenSpans>,
    /// Our numbers of events that came with an id of their own, so that their children find them.
    sources: Mutex<HashMap<Box<str>, u64>>,
    closed: AtomicBool,
    /// Its end is about to be put into the ring.
    ending: AtomicBool,
    /// Where its end stands in the ring; what comes behind it is not taken.
    closed_at: AtomicU64,
    generation: u32,
    /// In a fork's child: the session that goes on there.
    heir: heir::Heir,
}

thread_local! {
    /// Buffers of this thread: more than one only while a value's own code records again.
    // Boxed, so that lending one moves a pointer.
    #[allow(clippy::vec_box)]
    static BUFFERS: RefCell<Vec<Box<Workspace>>> = const { RefCell::new(Vec::new()) };
}

#[derive(Default)]
struct Workspace {
    buffer: Buffer,
    time: Rfc3339,
    head: Vec<u8>,
    tail: Vec<u8>,
    spare: Spare,
}

/// Lends this thread's workspace. It is never borrowed while foreign code runs: a nested call takes another one.
fn with_workspace<R>(work: impl FnOnce(&mut Workspace) -> R) -> R {
    let mut workspace = BUFFERS.with_borrow_mut(Vec::pop).unwrap_or_default();
    workspace.buffer.clear();
    let result = work(&mut workspace);
    BUFFERS.with_borrow_mut(|buffers| buffers.push(workspace));
    result
}

impl Session {
    /// A session whose events go into a document of `hub`.
    #[must_use]
    pub fn new(
        redactor: Arc<Redactor>,
        policy: SessionPolicy,
        shared: Arc<Shared>,
        hub: Arc<Hub>,
        (number, slot): (u32, u32),
        opened: Opened,
    ) -> Session {
        let opened = Box::new(opened);
        Session::with_sink(redactor, policy, shared, Sink::Writer { hub, number, slot, opened })
    }

    /// A session whose events stay in memory.
    #[must_use]
    pub fn in_memory(redactor: Arc<Redactor>, policy: SessionPolicy) -> Session {
        let shared = Arc::new(Shared::new(policy.budget_ns));
        Session::with_sink(redactor, policy, shared, Sink::Memory(Mutex::default()))
    }

    fn with_sink(redactor: Arc<Redactor>, policy: SessionPolicy, shared: Arc<Shared>, sink: Sink) -> Session {
        let (last_id, closed) = (AtomicU64::new(heir::first_number()), AtomicBool::new(false));
        let (open, sources, generation) = (Mutex::default(), Mutex::default(), writer::generation());
        let classes = field_classes(&redactor);
        Session {
            redactor,
            classes,
            policy,
            shared,
            sink,
            last_id,
            open,
            sources,
            closed,
            ending: AtomicBool::new(false),
            closed_at: AtomicU64::new(u64::MAX),
            generation,
            heir: heir::Heir::new(),
        }
    }

    /// The redactor of this session.
    #[must_use]
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// Whether events of this kind are recorded at all.
    #[must_use]
    pub fn records(&self, kind: Kind) -> bool {
        self.policy.kinds[kind as usize] && !self.closed.load(Relaxed) && self.is_ours()
    }

    /// Records a finished event. `end` is how it ended, where its fields do not say.
    pub fn record<V: Value>(
        &self,
        kind: Kind,
        values: Values<V>,
        misfits: Vec<(String, V)>,
        place: Place<'_>,
        end: SpanEnd,
    ) -> Recorded {
        self.record_as(None, kind, values, misfits, place, end)
    }

    /// The same of an event that may have its number already.
    fn record_as<V: Value>(
        &self,
        id: Option<u64>,
        kind: Kind,
        mut values: Values<V>,
        mut misfits: Vec<(String, V)>,
        place: Place<'_>,
        end: SpanEnd,
    ) -> Recorded {
        if !self.records(kind) {
            return match self.heir(kind) {
                Some(heir) => heir.record_as(id, kind, values, misfits, place, end),
                None => Recorded::default(),
            };
        }
        let called = clock::now();
        let id = id.unwrap_or_else(|| self.next_id());
        let place = self.source_place(id, &mut values, heir::own_place(place));
        let recorded = with_workspace(|workspace| {
            let time = given_time(&mut values).unwrap_or_else(|| began(clock::wall(called), &values));
            let Workspace { buffer, time: text, head, .. } = workspace;
            let mut encoder = Encoder::new(&self.redactor, buffer, self.policy.limits);
            let mut event = Assembly::new(&mut encoder, &self.classes, kind);
            event.facts.day = clock::day(time);
            event.pricing = Some((&self.policy.prices, time));
            event.open(id, text.text(time));
            let unsaid = unsaid(&mut values, end);
            event.refuse(Field::Timestamp, &mut values, &mut misfits);
            event.fields(kind.fields(), &mut values, &mut misfits);
            match end {
                // Of what only tells what it knows, the rest stays unsaid.
                SpanEnd::Success(None) => {}
                SpanEnd::Success(_) => finish(&mut event, end, (false, unsaid.1), 0),
                SpanEnd::Cancelled | SpanEnd::Interrupted => {
                    finish(&mut event, SpanEnd::Interrupted, unsaid, 0);
                }
            }
            event.common(place, &mut values, misfits);
            event.close();
            let (facts, misuses) = (event.facts, event.misuses);
            let taken = self.hand_over(id, &facts, buffer, head);
            Recorded { id: taken.then_some(id), misuses }
        });
        self.shared.meter.add(clock::now().saturating_sub(called));
        recorded
    }

    /// Begins a span; None where its kind is not recorded. The span is open until [`Session::end`].
    pub fn begin<V: Value>(&self, kind: Kind, mut values: Values<V>, place: Place<'_>) -> Recorded {
        if !self.records(kind) {
            return match self.heir(kind) {
                Some(heir) => heir.begin(kind, values, place),
                None => Recorded::default(),
            };
        }
        let (started, place, id) = (clock::now(), heir::own_place(place), self.next_id());
        let (span, misuses) = with_workspace(|workspace| {
            let wall = clock::wall(started);
            let Workspace { buffer, time, spare, .. } = workspace;
            let mut encoder = Encoder::new(&self.redactor, buffer, self.policy.limits);
            let mut event = Assembly::new(&mut encoder, &self.classes, kind);
            event.facts.day = clock::day(wall);
            event.facts.nested = place.parent.is_some();
            event.open(id, time.text(wall));
            let fields = &kind.fields()[..kind.begin_fields()];
            let bits = fields.iter().zip(0..).map(|(field, at)| u8::from(values.get(*field).is_some()) << at);
            let given = bits.sum();
            event.fields(fields, &mut values, &mut Vec::new());
            let (facts, provider, misuses) = (event.facts, event.provider, event.misuses);
            let mut span = spare.take();
            span.begin(kind, started, facts, buffer, place);
            (span.given, span.provider) = (given, provider);
            let facts = Facts { outcome: Outcome::Unknown, interrupted: true, ..facts };
            self.announce(id, facts, workspace, INTERRUPTED, place);
            (span, misuses)
        });
        self.spans().insert(id, span);
        self.shared.meter.add(clock::now().saturating_sub(started));
        Recorded { id: Some(id), misuses }
    }

    fn next_id(&self) -> u64 {
        self.last_id.fetch_add(1, Relaxed) + 1
    }

    /// Puts into the ring what is known of a call that has begun, as the event that it is if it never ends: `end` says so.
    fn announce(&self, id: u64, mut facts: Facts, workspace: &mut Workspace, end: &[u8], place: Place<'_>) {
        let Sink::Writer { hub, number, .. } = &self.sink else { return };
        let Workspace { buffer, head, tail, .. } = workspace;
        tail.clear();
        tail.extend_from_slice(end);
        place.append_to(tail);
        tail.push(b'}');
        if buffer.out.len() + tail.len() > self.policy.limits.event_bytes {
            buffer.out.append(tail);
            buffer.fit(self.policy.limits, &mut facts.name.0);
        }
        front::write(head, &facts, &buffer.redactions);
        let quiet = Urgency { now: false, precious: false, ..self.urgency(facts.kind) };
        let record = Head { session: *number, tag: Tag::Begin, id: number_of(id) };
        // Without room for it the call goes on: only its trace after a crash would lack it.
        hub.push(record, &[head, &buffer.out, tail], quiet);
    }

    /// Ends a span: its begin and these values become one event. None where it was not open any more.
    pub fn end<V: Value>(
        &self,
        id: u64,
        mut values: Values<V>,
        mut misfits: Vec<(String, V)>,
        end: SpanEnd,
    ) -> Recorded {
        // In a fork's child an inherited span belongs to the parent, and a lock may be held by a thread of it.
        if !self.is_ours() {
            let heir = self.here().filter(|_| !is_inherited(id));
            return heir.map_or_else(Recorded::default, |heir| heir.end(id, values, misfits, end));
        }
        let called = clock::now();
        let Some(span) = self.spans().remove(id) else { return Recorded::default() };
        let recorded = with_workspace(|workspace| {
            let Workspace { buffer, head, spare, .. } = workspace;
            span.restore(buffer);
            let mut encoder = Encoder::new(&self.redactor, buffer, self.policy.limits);
            let mut event = Assembly::new(&mut encoder, &self.classes, span.kind);
            event.facts = span.facts;
            event.provider = span.provider;
            event.pricing = Some((&self.policy.prices, clock::wall(span.started)));
            let unsaid = unsaid(&mut values, end);
            // A span's time is when it began.
            event.refuse(Field::Timestamp, &mut values, &mut misfits);
            let (first, rest) = span.kind.fields().split_at(span.kind.begin_fields());
            event.late(first, span.given, &mut values, &mut misfits);
            event.fields(rest, &mut values, &mut misfits);
            finish(&mut event, end, unsaid, called.saturating_sub(span.started) / 1_000);
            event.common(span.place(), &mut values, misfits);
            event.close();
            let (facts, misuses) = (event.facts, event.misuses);
            let taken = self.hand_over(id, &facts, buffer, head);
            spare.keep(span);
            Recorded { id: taken.then_some(id), misuses }
        });
        self.shared.meter.add(clock::now().saturating_sub(called));
        recorded
    }

    /// Takes a begin back: its call is known already by another name. No event comes of it.
    pub fn forget(&self, id: u64) {
        if !self.is_ours() {
            if let Some(heir) = self.here().filter(|_| !is_inherited(id)) {
                heir.forget(id);
            }
            return;
        }
        let Some(span) = self.spans().remove(id) else { return };
        if let Sink::Writer { hub, number, .. } = &self.sink {
            let quiet = Urgency { now: false, precious: false, ..self.urgency(span.kind) };
            hub.push(Head { session: *number, tag: Tag::Ended, id: number_of(id) }, &[], quiet);
        }
    }

    /// Redacts a name from outside into a JSON string: what a [`Place`] holds.
    #[must_use]
    pub fn name_json(&self, name: &str) -> Vec<u8> {
        with_workspace(|workspace| {
            let mut encoder = Encoder::new(&self.redactor, &mut workspace.buffer, self.policy.limits);
            encoder.text(name);
            workspace.buffer.out.clone()
        })
    }

    /// The spans that are open now, oldest first.
    #[must_use]
    pub fn open_spans(&self) -> Vec<OpenCall> {
        let Some(session) = self.here() else { return Vec::new() };
        let now = clock::now();
        let spans = session.spans();
        spans.iter().map(|(id, span)| span.shown(id, now)).collect()
    }

    /// The tool of an open tool call, as its event will show it: a JSON string.
    #[must_use]
    pub fn open_tool(&self, id: u64) -> Option<String> {
        let spans = self.here()?.spans();
        String::from_utf8(spans.get(id)?.tool()?.to_vec()).ok()
    }

    /// What was recorded so far, of a session in memory.
    #[must_use]
    pub fn lines(&self) -> Vec<Vec<u8>> {
        match &self.sink {
            Sink::Writer { .. } => Vec::new(),
            Sink::Memory(kept) => kept.lock().unwrap_or_else(PoisonError::into_inner).lines.clone(),
        }
    }

    /// How often each rule has redacted something in them.
    #[must_use]
    pub fn redactions(&self) -> BTreeMap<&str, u64> {
        let Sink::Memory(kept) = &self.sink else { return BTreeMap::new() };
        let mut counts = BTreeMap::new();
        for (rule, count) in &kept.lock().unwrap_or_else(PoisonError::into_inner).redactions {
            *counts.entry(self.redactor.rule_name(*rule)).or_default() += u64::from(*count);
        }
        counts
    }

    /// What its calls have cost and how many events were lost.
    #[must_use]
    pub fn state(&self) -> (Overhead, u64) {
        self.here().map_or_else(Default::default, |session| session.shared.read())
    }

    /// The last fault of the disk that nobody has said yet.
    #[must_use]
    pub fn take_fault(&self) -> Option<String> {
        match &self.sink {
            Sink::Writer { hub, .. } if self.is_ours() => hub.take_fault(),
            Sink::Writer { .. } => self.heirs_fault(),
            Sink::Memory(_) => None,
        }
    }

    /// Counts an event that could not be made.
    pub fn count_dropped(&self) {
        let Some(session) = self.here() else { return };
        let dropped = session.shared.dropped.fetch_add(1, Relaxed) + 1;
        if let Sink::Writer { hub, slot, .. } = &session.sink {
            hub.note_losses(*slot, dropped);
        }
    }

    /// Waits until everything recorded before is in the document; false when the disk is too slow or refuses.
    #[must_use]
    pub fn flush(&self, timeout: Duration) -> bool {
        match self.here().map(|session| &session.sink) {
            Some(Sink::Writer { hub, .. }) => hub.settle(timeout),
            Some(Sink::Memory(_)) | None => true,
        }
    }

    /// Makes a document of what was recorded before, and waits for it; None where there is none, or not in time.
    ///
    /// In flight-recorder mode this is a trigger; else the document is there already and only has to be written.
    #[must_use]
    pub fn dump(&self, timeout: Duration) -> Option<PathBuf> {
        let session = self.here()?;
        let Sink::Writer { hub, number, .. } = &session.sink else { return None };
        if !session.closed.load(Relaxed) {
            let head = Head { session: *number, tag: Tag::Dump, id: 0 };
            let settled = hub.push(head, &[], URGENT).is_some() && hub.settle(timeout);
            return session.shared.dumped().filter(|_| settled);
        }
        session.shared.dumped()
    }

    /// Ends the session: open spans are written as interrupted, the document is closed. False when the writer
    /// could not finish in time.
    pub fn close(&self) -> bool {
        self.close_at(None)
    }

    /// The same of a session that has ended at another time than now: an imported one.
    pub fn close_at(&self, ended: Option<clock::Wall>) -> bool {
        if !self.is_ours() {
            return self.close_inherited();
        }
        if self.closed.swap(true, Relaxed) {
            return true;
        }
        let open: Vec<u64> = self.spans().iter().map(|(id, _)| id).collect();
        for id in open {
            self.end::<Nothing>(id, Values::default(), Vec::new(), SpanEnd::Interrupted);
        }
        match &self.sink {
            Sink::Writer { hub, number, .. } => self.push_end(hub, *number, ended) && hub.settle_end(),
            Sink::Memory(_) => true,
        }
    }

    /// Puts the session's end into the ring; false where there is no room for it for too long.
    fn push_end(&self, hub: &Hub, number: u32, ended: Option<clock::Wall>) -> bool {
        let head = Head { session: number, tag: Tag::Close, id: 0 };
        let began = Instant::now();
        loop {
            self.ending.store(true, Release);
            let at = ended.unwrap_or_else(|| clock::wall(clock::now()));
            if let Some(at) = hub.push(head, &[&at.to_le_bytes()], URGENT) {
                self.closed_at.store(at.0, Release);
                return true;
            }
            self.ending.store(false, Release);
            if began.elapsed() > CLOSE_WAIT {
                return false;
            }
            std::thread::sleep(END_RETRY);
        }
    }

    fn spans(&self) -> MutexGuard<'_, OpenSpans> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a finished event to the sink; false where it was not taken, which is counted.
    fn hand_over(&self, id: u64, facts: &Facts, buffer: &mut Buffer, head: &mut Vec<u8>) -> bool {
        let mut facts = *facts;
        buffer.fit(self.policy.limits, &mut facts.name.0);
        let taken = match &self.sink {
            Sink::Writer { hub, number, .. } => {
                front::write(head, &facts, &buffer.redactions);
                let record = Head { session: *number, tag: Tag::Event, id: number_of(id) };
                let at = hub.push(record, &[head, &buffer.out], self.urgency(facts.kind));
                let taken = at.is_some_and(|at| self.is_in_time(at));
                if taken && self.policy.durability == Durability::Event {
                    hub.settle_durably();
                }
                taken
            }
            Sink::Memory(kept) => {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.lines.push(buffer.out.clone());
                kept.redactions.extend_from_slice(&buffer.redactions);
                true
            }
        };
        if !taken {
            self.count_dropped();
        }
        taken
    }

    /// Whether an event stands before the end of its session, which another thread may have just put in.
    fn is_in_time(&self, at: Position) -> bool {
        // Who has put in an event behind the end has seen the ring's cursor behind it, and so sees `ending`.
        while self.ending.load(Acquire) {
            let closed_at = self.closed_at.load(Acquire);
            if closed_at != u64::MAX {
                return at.0 < closed_at;
            }
            std::thread::yield_now();
        }
        true
    }

    fn urgency(&self, kind: Kind) -> Urgency {
        let now = match kind {
            Kind::Error => self.policy.flush_on_error,
            Kind::Checkpoint => self.policy.flush_on_checkpoint,
            Kind::ToolCall | Kind::LlmCall | Kind::Decision => false,
        };
        let precious = matches!(kind, Kind::Error | Kind::Checkpoint);
        let now = now || self.policy.durability == Durability::Event;
        Urgency { records: self.policy.max_events, bytes: self.policy.max_bytes, now, precious }
    }
}

/// For the end of a session, which must not be lost.
const URGENT: Urgency = Urgency { records: 1, bytes: 1, now: true, precious: true };

/// Whether duration and success are left for us to say. What was interrupted has no success, whatever was said before.
fn unsaid<V: Value>(values: &mut Values<V>, end: SpanEnd) -> (bool, bool) {
    if !matches!(end, SpanEnd::Success(_)) {
        values.take(Field::Success);
    }
    (values.get(Field::DurationMs).is_none(), values.get(Field::Success).is_none())
}

/// What a span's end says by itself, where the caller has not said it.
fn finish(event: &mut Assembly<'_, '_>, end: SpanEnd, (duration, success): (bool, bool), measured_us: u64) {
    if (duration, success) == (true, true) && end == SpanEnd::Interrupted {
        event.interrupted();
        return;
    }
    if duration && end == SpanEnd::Interrupted {
        event.ours(Field::DurationMs, b"null");
    } else if duration {
        event.duration(measured_us);
    }
    if let SpanEnd::Success(said) = end {
        if success {
            event.success(said);
        }
        return;
    }
    if success {
        event.success(None);
    }
    event.facts.interrupted = true;
    event.encoder.raw(b",\"interrupted\":true");
}
