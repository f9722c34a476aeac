//! One session as the writer sees it: its document, and what waits for it.

use super::output::{Output, Told};
use super::{Header, Places};
use crate::clock::{self, Mono, Wall};
use crate::redact::Redactor;
use crate::ring::{Head, Position, Record, Ring, Tag};
use crate::session::{Durability, Shared};
use crate::summary::front::{redactions, split};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Lines of a document that are written at once at the most, in bytes.
const BATCH: usize = 1 << 20;
/// How long to wait after a disk has refused; doubled each time, up to the second figure.
const FIRST_RETRY: Duration = Duration::from_millis(50);
const LAST_RETRY: Duration = Duration::from_secs(2);

/// A session's document and what waits for it.
pub(super) struct Trace {
    pub(super) number: u32,
    pub(super) stem: String,
    pub(super) slot: u32,
    pub(super) ended: Option<Wall>,
    pub(super) output: Box<dyn Output>,
    header: Arc<Header>,
    shared: Arc<Shared>,
    redactor: Arc<Redactor>,
    durability: Durability,
    sync_every: Duration,
    /// When it was last made durable.
    synced: Mono,
    /// Lines that wait, joined as they will stand in the file.
    pending: Vec<u8>,
    /// The place of the first record that is not in the document.
    unwritten: Option<Position>,
    /// The place of the first record that was not looked at, because the disk refuses what waits already.
    untaken: Option<Position>,
    /// The place of the last record that was looked at.
    taken: Position,
    refused: Option<Refused>,
    /// Where the ring says how the session began and what its sums were.
    opened_at: Position,
    sums_at: Option<Position>,
    /// Where the ring says of open calls that they have begun.
    begun: BTreeMap<u64, Position>,
}

/// A disk that refuses: when to try again.
struct Refused {
    at: Mono,
    wait: Duration,
}

impl Refused {
    fn first() -> Refused {
        Refused { at: clock::now() + FIRST_RETRY.as_nanos() as u64, wait: FIRST_RETRY }
    }

    fn again(self) -> Refused {
        let wait = (self.wait * 2).min(LAST_RETRY);
        Refused { at: clock::now() + wait.as_nanos() as u64, wait }
    }
}

/// What a trace is made of.
pub(super) struct Beginning {
    pub(super) number: u32,
    pub(super) stem: String,
    pub(super) slot: u32,
    pub(super) header: Arc<Header>,
    pub(super) output: Box<dyn Output>,
    pub(super) shared: Arc<Shared>,
    pub(super) redactor: Arc<Redactor>,
    pub(super) durability: Durability,
    pub(super) sync_every: Duration,
    pub(super) opened_at: Position,
}

impl Trace {
    pub(super) fn new(beginning: Beginning) -> Trace {
        let Beginning { number, stem, slot, header, output, shared, redactor, .. } = beginning;
        let Beginning { durability, sync_every, opened_at, .. } = beginning;
        Trace {
            number,
            stem,
            slot,
            ended: None,
            output,
            header,
            shared,
            redactor,
            durability,
            sync_every,
            synced: clock::now(),
            pending: Vec::new(),
            unwritten: None,
            untaken: None,
            taken: opened_at,
            refused: None,
            opened_at,
            sums_at: None,
            begun: BTreeMap::new(),
        }
    }

    /// Looks at one record.
    ///
    /// # Errors
    /// What the disk refused; nothing is lost by it.
    pub(super) fn take(&mut self, at: Position, record: &Record<'_>, hub: &Places<'_>) -> io::Result<()> {
        if self.ended.is_some() || self.untaken.is_some() {
            return Ok(());
        }
        if self.refused.is_some() {
            self.untaken = Some(at);
            return Ok(());
        }
        match record.head.tag {
            Tag::Event => {
                if let Err(error) = self.event(at, record, hub) {
                    self.untaken = Some(at);
                    self.refused.get_or_insert_with(Refused::first);
                    return Err(error);
                }
                if self.untaken.is_some() {
                    return Ok(());
                }
            }
            Tag::Begin => {
                self.begun.insert(record.head.id, at);
            }
            Tag::Close => {
                let told = record.payload.try_into().map(u64::from_le_bytes);
                self.ended = Some(told.unwrap_or_else(|_| clock::wall(clock::now())));
                self.unwritten.get_or_insert(at);
            }
            Tag::Dump => {
                self.output.ask();
                self.unwritten.get_or_insert(at);
            }
            Tag::Ended => self.has_ended(at, record.head.id, hub),
            Tag::Open | Tag::Sums => {}
        }
        self.taken = at;
        Ok(())
    }

    fn event(&mut self, at: Position, record: &Record<'_>, hub: &Places<'_>) -> io::Result<()> {
        let Some((facts, counts, line)) = split(record.payload) else { return Ok(()) };
        if self.output.is_full(self.pending.len() + line.len()) {
            self.flush(hub)?;
            if self.untaken.is_none() {
                let told = self.told();
                self.output.turn(&told, hub)?;
            }
        } else if self.pending.len() > BATCH {
            self.flush(hub)?;
        }
        if self.untaken.is_some() {
            // Another file was begun meanwhile: this event is taken again with what had waited.
            return Ok(());
        }
        if !self.pending.is_empty() {
            self.pending.extend_from_slice(b",\n");
        }
        self.pending.extend_from_slice(line);
        self.unwritten.get_or_insert(at);
        self.has_ended(at, record.head.id, hub);
        let summary = self.output.count(record.head.id, &facts, line);
        for (rule, count) in redactions(counts) {
            summary.add_redactions(self.redactor.rule_name(rule), count.into());
        }
        Ok(())
    }

    /// A call has ended. Where its begin was put in again meanwhile, behind its end, that is said once more behind it.
    fn has_ended(&mut self, at: Position, id: u64, hub: &Places<'_>) {
        if self.begun.remove(&id).is_some_and(|begun| begun > at) {
            hub.ring.push(Head { session: self.number, tag: Tag::Ended, id }, &[], super::QUIET);
        }
    }

    /// Writes what waits, unless the disk has refused it a moment ago.
    ///
    /// # Errors
    /// When the disk refuses: what waits goes on waiting.
    pub(super) fn flush(&mut self, hub: &Places<'_>) -> io::Result<()> {
        let now = clock::now();
        if self.refused.as_ref().is_some_and(|refused| now < refused.at) {
            return Ok(());
        }
        let written = self.write(hub);
        match &written {
            Ok(()) => (self.unwritten, self.refused) = (None, None),
            Err(_) => self.refused = Some(self.refused.take().map_or_else(Refused::first, Refused::again)),
        }
        written
    }

    fn write(&mut self, hub: &Places<'_>) -> io::Result<()> {
        if !self.output.look_after(hub)? {
            // What waits is taken from the ring again, to be counted in the new file.
            (self.pending, self.ended, self.untaken) = (Vec::new(), None, self.oldest());
        }
        let told = self.told();
        let (file, summary) = self.output.sums(&told);
        self.say_sums(hub.ring, file, &summary);
        self.output.append(&self.pending, &summary, hub)?;
        // In the document now, whatever becomes of its sync: that alone is tried again, from the ring's view too.
        self.pending.clear();
        if self.durability == Durability::Event || self.ended.is_some() {
            self.sync()?;
        }
        self.output.conclude(&told, hub)
    }

    fn told(&self) -> Told {
        let (overhead, dropped) = self.shared.read();
        Told { overhead: Some(overhead), dropped, ended: self.ended }
    }

    /// Leaves in the ring what the closing line is about to say: a torn one loses the counts of redactions, which
    /// no event holds.
    fn say_sums(&mut self, ring: &Ring, file: u32, summary: &str) {
        if ring.file().is_none() || self.ended.is_some() {
            return;
        }
        let head = Head { session: self.number, tag: Tag::Sums, id: 0 };
        let front = [self.taken.0.to_le_bytes(), u64::from(file).to_le_bytes()].concat();
        self.sums_at = ring.push(head, &[&front, summary.as_bytes()], super::QUIET).or(self.sums_at);
    }

    /// Makes durable what has waited for it long enough.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(super) fn keep_durable(&mut self) -> io::Result<()> {
        let since = clock::now().saturating_sub(self.synced);
        if u128::from(since) < self.sync_every.as_nanos() { Ok(()) } else { self.sync() }
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.durability != Durability::Process {
            self.output.sync()?;
        }
        self.synced = clock::now();
        Ok(())
    }

    /// Looks at the records that it could not look at while the disk refused.
    ///
    /// # Errors
    /// What the disk refused again.
    pub(super) fn catch_up(&mut self, until: Position, hub: &Places<'_>) -> io::Result<()> {
        if self.refused.is_some() {
            return Ok(());
        }
        let Some(from) = self.untaken.take() else { return Ok(()) };
        let (mut result, number) = (Ok(()), self.number);
        hub.ring.walk(from, until, |at, record| {
            if record.head.session == number && at < until {
                let taken = self.take(at, &record, hub);
                result = std::mem::replace(&mut result, Ok(())).and(taken);
            }
        });
        result.and_then(|()| if self.untaken.is_none() { self.flush(hub) } else { Ok(()) })
    }

    /// Whether everything of it that was read is in its document.
    pub(super) fn is_settled(&self) -> bool {
        self.oldest().is_none()
    }

    /// The place of the first record that the ring must still keep for it.
    pub(super) fn oldest(&self) -> Option<Position> {
        match (self.unwritten, self.untaken) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// Tries a disk that has refused at the next flush, however soon that is.
    pub(super) fn try_again(&mut self) {
        if let Some(refused) = &mut self.refused {
            refused.at = 0;
        }
    }

    /// Whether something waits for a disk that has refused it.
    pub(super) fn is_refused(&self) -> bool {
        self.refused.is_some()
    }

    /// Puts into the ring again what is still needed of segments before `segment`, which will be given back: how
    /// the session began, its sums, and the calls that are open. False when there is no room.
    pub(super) fn carry(&mut self, ring: &Ring, segment: u32) -> bool {
        if self.opened_at.segment() < segment {
            let Some(at) =
                open_record(ring, (self.number, self.slot), &self.stem, &self.header, &self.redactor)
            else {
                return false;
            };
            self.opened_at = at;
        }
        let old = |at: &Position| at.segment() < segment;
        if let Some(at) = self.sums_at.filter(old) {
            self.sums_at = carry_one(ring, at);
        }
        for at in self.begun.values_mut().filter(|at| old(at)) {
            // Without room the call goes on; only its trace after a crash would lack it.
            *at = carry_one(ring, *at).unwrap_or(*at);
        }
        true
    }
}

/// Says in the ring how a session began.
///
/// Its payload is text, a line each: the slot of its losses, the document's name, the document's first line, the ids of
/// the user's own rules.
pub(super) fn open_record(
    ring: &Ring,
    (number, slot): (u32, u32),
    stem: &str,
    header: &Header,
    redactor: &Redactor,
) -> Option<Position> {
    let head = Head { session: number, tag: Tag::Open, id: 0 };
    let rules: String = redactor.user_rule_names().flat_map(|name| ["\n", name]).collect();
    let text = format!("{slot}\n{stem}\n{}{rules}", header.line(1));
    let at = ring.push(head, &[text.as_bytes()], super::QUIET)?;
    // Twice: all that the ring holds of the session hangs on it, and a damaged bit must not cost the whole.
    ring.push(head, &[text.as_bytes()], super::QUIET);
    Some(at)
}

fn carry_one(ring: &Ring, at: Position) -> Option<Position> {
    // Copied first: a record must not be read while its own ring is written to.
    let (head, payload) = ring.again(at, |record| (record.head, record.payload.to_vec()))?;
    ring.push(head, &[&payload], super::QUIET)
}

/// The name of a part of a session.
#[must_use]
pub fn part_name(stem: &str, part: u32) -> String {
    if part == 1 { format!("{stem}.json") } else { format!("{stem}.part{part}.json") }
}
