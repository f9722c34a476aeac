//! What a dead ring says of each of its sessions.

use super::ids::Ids;
use crate::clock::Wall;
use crate::encode::tree::Tree;
use crate::line;
use crate::redact::{RuleId, builtin_rule_name};
use crate::ring::{Dead, Position, Record, Tag};
use crate::summary::Facts;
use crate::summary::front::{redactions, split};
use std::collections::{BTreeMap, HashMap};

/// One session of a ring.
pub(super) struct Found<'a> {
    pub(super) stem: String,
    /// The first line of its document.
    pub(super) header: String,
    /// When it was closed, if it was.
    pub(super) closed: Option<Wall>,
    /// Finished events that may not be in a document yet, in the order in which they were recorded.
    pub(super) events: Vec<Event<'a>>,
    /// Calls that had begun and not ended, as the events that they are then.
    pub(super) begun: Vec<Event<'a>>,
    /// What its closing line was about to say last.
    pub(super) sums: Option<Sums>,
    /// Events that were not taken.
    pub(super) dropped: u64,
    /// Somebody has asked for a document, and nobody has written it.
    pub(super) dump: bool,
    rules: Vec<String>,
    knows_rules: bool,
}

/// One event of a ring.
pub(super) struct Event<'a> {
    pub(super) id: u64,
    pub(super) at: Position,
    pub(super) wall: Wall,
    pub(super) line: &'a [u8],
    pub(super) facts: Facts,
    /// A call that has not ended.
    pub(super) open: bool,
    counts: &'a [u8],
}

/// The last sums that a writer has left: they cover every event up to a place.
pub(super) struct Sums {
    pub(super) taken: Position,
    pub(super) part: u32,
    pub(super) summary: Tree,
}

impl Found<'_> {
    /// What there is of a session that no ring says anything of.
    pub(super) fn nothing(stem: &str, header: &str) -> Found<'static> {
        Found {
            stem: stem.to_owned(),
            header: header.to_owned(),
            closed: None,
            events: Vec::new(),
            begun: Vec::new(),
            sums: None,
            dropped: 0,
            dump: false,
            rules: Vec::new(),
            knows_rules: false,
        }
    }

    /// How often each rule has redacted something in an event.
    pub(super) fn redactions<'e>(&'e self, event: &'e Event<'_>) -> impl Iterator<Item = (&'e str, u64)> {
        redactions(event.counts).map(|(rule, count)| (self.rule_name(rule), count.into()))
    }

    fn rule_name(&self, rule: RuleId) -> &str {
        let known = if self.knows_rules { builtin_rule_name(rule) } else { Err(usize::MAX) };
        match known {
            Ok(name) => name,
            Err(number) => self.rules.get(number).map_or("other", String::as_str),
        }
    }
}

#[derive(Default)]
struct Gathered<'a> {
    opened: Option<&'a str>,
    closed: Option<(Position, Wall)>,
    events: Vec<Event<'a>>,
    ended: Ids,
    begun: BTreeMap<u64, Event<'a>>,
    /// Only the last of them is read: a session that is written for each event has left thousands.
    sums: Option<&'a [u8]>,
    dump: bool,
}

/// The sessions of a ring, and how many bytes of it belong to no record: what was being written when its process died.
/// A session whose beginning cannot be read is given by its number.
pub(super) fn sessions(ring: &Dead) -> (Vec<Result<Found<'_>, u32>>, u64) {
    let mut gathered: HashMap<u32, Gathered<'_>> = HashMap::new();
    let settled = ring.settled();
    let unfinished =
        ring.records(|at, record| gathered.entry(record.head.session).or_default().take(at, record, settled));
    let mut numbers: Vec<u32> = gathered.keys().copied().collect();
    numbers.sort_unstable();
    let sessions = numbers
        .into_iter()
        .filter_map(|number| gathered.remove(&number).map(|session| (number, session)))
        .filter(|(_, session)| !session.is_done(settled))
        .map(|(number, session)| session.finish(ring).ok_or(number))
        .collect();
    (sessions, unfinished as u64)
}

impl<'a> Gathered<'a> {
    fn take(&mut self, at: Position, record: Record<'a>, settled: Position) {
        let payload = record.payload;
        match record.head.tag {
            Tag::Open => self.opened = std::str::from_utf8(payload).ok(),
            Tag::Close => {
                self.closed = payload.try_into().ok().map(|bytes| (at, u64::from_le_bytes(bytes)));
            }
            Tag::Sums => self.sums = Some(payload),
            Tag::Dump => self.dump |= at >= settled,
            Tag::Ended => {
                self.ended.insert(record.head.id);
            }
            Tag::Begin => {
                if let Some(event) = read_event(at, record, true) {
                    self.begun.insert(event.id, event);
                }
            }
            Tag::Event => {
                self.ended.insert(record.head.id);
                if at >= settled
                    && let Some(event) = read_event(at, record, false)
                {
                    self.events.push(event);
                }
            }
        }
    }

    /// Whether everything of it, its end too, is in its document: its beginning may be gone from the ring then.
    fn is_done(&self, settled: Position) -> bool {
        self.closed.is_some_and(|(at, _)| at < settled)
    }

    fn finish(mut self, ring: &Dead) -> Option<Found<'a>> {
        let mut opened = self.opened?.split('\n');
        let slot = opened.next()?.parse().ok()?;
        let stem = opened.next().filter(|stem| is_stem(stem))?.to_owned();
        let header = opened.next().filter(|header| header.ends_with("\"events\":["))?.to_owned();
        if let Some((closed_at, _)) = self.closed {
            // What came behind its end was not taken: its call has returned nothing.
            self.events.retain(|event| event.at < closed_at);
            self.begun.clear();
        }
        let ended = self.ended;
        self.begun.retain(|id, _| !ended.contains(*id));
        Some(Found {
            stem,
            header,
            closed: self.closed.map(|(_, wall)| wall),
            events: self.events,
            begun: self.begun.into_values().collect(),
            sums: self.sums.and_then(read_sums),
            dropped: ring.losses(slot),
            dump: self.dump,
            rules: opened.map(str::to_owned).collect(),
            knows_rules: ring.knows_rules(),
        })
    }
}

fn read_event(at: Position, record: Record<'_>, open: bool) -> Option<Event<'_>> {
    let (_, counts, text) = split(record.payload)?;
    // Read back rather than trusted: a ring is a file, and its line goes into a document.
    let line = line::read(text).filter(|line| line.id == record.head.id)?;
    Some(Event { id: line.id, at, wall: line.at, line: text, facts: line.facts, open, counts })
}

fn read_sums(payload: &[u8]) -> Option<Sums> {
    let (front, text) = payload.split_at_checked(16)?;
    let word = |at: usize| u64::from_le_bytes(std::array::from_fn(|n| front[at + n]));
    let summary = Tree::parse(std::str::from_utf8(text).ok()?).ok()?;
    Some(Sums { taken: Position(word(0)), part: u32::try_from(word(8)).ok()?, summary })
}

/// Whether a name from a file may be part of a file name.
pub(super) fn is_stem(stem: &str) -> bool {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=128).contains(&stem.len()) && stem.bytes().all(safe)
}
