//! A document as it stands on the disk, whole or not, and what becomes of it.

use super::found::{Event, Found};
use super::hooked::Left;
use super::ids::Ids;
use crate::clock::{self, Wall};
use crate::encode::tree::Tree;
use crate::line;
use crate::ring::Position;
use crate::summary::{Overhead, State, Summary};
use crate::trace_file::{MAX_BYTES, closing_line};
use memchr::memchr_iter;
use std::collections::BTreeMap;

/// A document that is being made whole.
pub(super) struct Damaged {
    pub(super) name: String,
    pub(super) ended: Option<Wall>,
    /// Events that it held already.
    pub(super) kept: u64,
    /// Bytes that could not be read.
    pub(super) unreadable: u64,
    /// It is on the disk.
    pub(super) exists: bool,
    header_read: bool,
    /// Its first line and the events' lines, as they stand in the file.
    body: Vec<u8>,
    /// Where the events' lines begin.
    events_at: usize,
    ids: Ids,
    first: Option<u64>,
    summary: Summary,
    closing: Option<Tree>,
    redactions: BTreeMap<String, u64>,
    /// Up to where a ring's sums have told of redactions already.
    covered: Option<Position>,
}

impl Damaged {
    /// A document that does not exist yet.
    pub(super) fn begin(name: &str, header: &str) -> Damaged {
        Damaged {
            name: name.to_owned(),
            ended: None,
            kept: 0,
            unreadable: 0,
            exists: false,
            header_read: false,
            body: [header.as_bytes(), b"\n"].concat(),
            events_at: header.len() + 1,
            ids: Ids::default(),
            first: None,
            summary: Summary::default(),
            closing: None,
            redactions: BTreeMap::new(),
            covered: None,
        }
    }

    /// Reads what there is in the bytes of a document; `header` is its first line where that is damaged.
    pub(super) fn read(name: &str, bytes: &[u8], header: &str) -> Damaged {
        let mut document = Damaged { exists: true, ..Damaged::begin(name, header) };
        // The length of a file may have reached the disk without any of its bytes.
        let bytes = if bytes.iter().all(|byte| *byte == 0) { b"" } else { bytes };
        let mut lines = lines_of(bytes);
        let first = lines.next().unwrap_or_default();
        if is_header(first) {
            document.body = [first, b"\n"].concat();
            document.events_at = document.body.len();
            document.header_read = true;
        } else {
            document.unreadable += first.len() as u64;
        }
        document.body.reserve(bytes.len());
        for line in lines {
            document.take(line);
        }
        document
    }

    fn take(&mut self, line: &[u8]) {
        let line = line.trim_ascii_end();
        if line.is_empty() {
            return;
        }
        if let Some(closing) = read_closing(line) {
            self.closing = Some(closing);
            return;
        }
        // A closing line that is not the last line is none.
        self.closing = None;
        match line::read(line::without_comma(line)) {
            Some(event) => {
                if self.ids.insert(event.id) {
                    self.first.get_or_insert(event.id);
                    self.kept += 1;
                    self.put(event.at, &event.facts, line::without_comma(line));
                }
            }
            None => self.unreadable += line.len() as u64,
        }
    }

    fn put(&mut self, at: Wall, facts: &crate::summary::Facts, line: &[u8]) {
        if self.has_events() {
            self.body.extend_from_slice(b",\n");
        }
        self.body.extend_from_slice(line);
        self.summary.add(facts, line);
        self.ended = self.ended.max(Some(at));
    }

    /// Adds an event that a ring has kept.
    fn add(&mut self, event: &Event<'_>) {
        if self.ids.insert(event.id) {
            self.put(event.wall, &event.facts, event.line);
        }
    }

    fn has_events(&self) -> bool {
        self.body.len() > self.events_at
    }

    /// Adds the events of calls that hooks have left open; returns how many.
    pub(super) fn interrupt(&mut self, left: &[Left]) -> u64 {
        let mut added = 0;
        for call in left {
            let Some(event) = line::read(&call.line).filter(|event| self.ids.insert(event.id)) else {
                continue;
            };
            self.put(event.at, &event.facts, &call.line);
            for (rule, count) in &call.redactions {
                *self.redactions.entry(rule.clone()).or_default() += count;
            }
            added += 1;
        }
        added
    }

    /// Adds events up to where the document is full; returns how many.
    pub(super) fn add_all(&mut self, events: &[&Event<'_>]) -> usize {
        let wanted: usize = events.iter().map(|event| event.line.len() + 2).sum();
        self.body.reserve(wanted.min(MAX_BYTES as usize));
        for (n, event) in events.iter().enumerate() {
            if self.len() + event.line.len() as u64 > MAX_BYTES && !self.ids.is_empty() {
                return n;
            }
            self.add(event);
        }
        events.len()
    }

    /// Takes the events of another document that are not `known`, and what its closing line counts.
    pub(super) fn absorb(&mut self, other: &Damaged, known: &Ids) {
        for line in other.lines() {
            if let Some(event) = line::read(line).filter(|event| !known.contains(event.id))
                && self.ids.insert(event.id)
            {
                self.kept += 1;
                self.put(event.at, &event.facts, line);
            }
        }
        for (rule, count) in &other.redactions {
            *self.redactions.entry(rule.clone()).or_default() += count;
        }
        self.unreadable += other.unreadable;
        self.covered = self.covered.max(other.covered);
        self.summary.overhead = other.summary.overhead;
        self.summary.dropped = self.summary.dropped.max(other.summary.dropped);
    }

    /// The lines of its events.
    pub(super) fn lines(&self) -> impl Iterator<Item = &[u8]> {
        let lines = lines_of(&self.body[self.events_at..]).filter(|line| !line.is_empty());
        lines.map(line::without_comma)
    }

    /// Its first line.
    pub(super) fn header(&self) -> &str {
        std::str::from_utf8(&self.body[..self.events_at - 1]).unwrap_or_default()
    }

    /// The numbers of its events, and that of the first one.
    pub(super) fn ids(&self) -> (&Ids, Option<u64>) {
        (&self.ids, self.first)
    }

    /// Whether nothing in it is torn.
    pub(super) fn is_whole(&self) -> bool {
        self.exists && self.unreadable == 0 && self.closing.is_some()
    }

    /// Whether its closing line says that its session has ended.
    pub(super) fn is_closed(&self) -> bool {
        let state = self.closing.as_ref().and_then(|closing| closing.member("state")?.text());
        state.is_some_and(|state| state != "live")
    }

    /// Whether its first line could be read.
    pub(super) fn has_header(&self) -> bool {
        self.header_read
    }

    /// Events that were not taken.
    pub(super) fn dropped(&self) -> u64 {
        self.summary.dropped
    }

    /// Bytes that it has so far, without its closing line.
    pub(super) fn len(&self) -> u64 {
        self.body.len() as u64 + 1
    }

    /// Sets what no event's line holds: how often rules have redacted, what calls have cost, what was lost.
    ///
    /// The closing line knows it for the events that the document `kept`; where that is torn, what the writer had left
    /// in the ring.
    pub(super) fn account(
        &mut self,
        found: Option<&Found<'_>>,
        part: u32,
        fresh: &[&Event<'_>],
        dropped: u64,
    ) {
        let sums = found.and_then(|found| found.sums.as_ref()).filter(|sums| sums.part == part);
        let (told, covered) = match (&self.closing, sums) {
            (Some(closing), _) => (Some(closing), None),
            (None, Some(sums)) => (Some(&sums.summary), Some(sums.taken)),
            (None, None) => (None, self.covered),
        };
        self.covered = self.covered.max(covered);
        if let Some(told) = told {
            for (rule, count) in told.member("redactions").and_then(Tree::table).into_iter().flatten() {
                *self.redactions.entry(rule.clone()).or_default() += count.number().unwrap_or(0.0) as u64;
            }
            self.summary.overhead = Overhead::told(told);
            self.summary.dropped = told.member("dropped").and_then(Tree::number).unwrap_or(0.0) as u64;
        }
        self.summary.dropped = self.summary.dropped.max(dropped);
        let Some(found) = found else { return };
        for event in fresh.iter().filter(|event| covered.is_none_or(|taken| event.at > taken)) {
            for (rule, count) in found.redactions(event) {
                *self.redactions.entry(rule.to_owned()).or_default() += count;
            }
        }
    }

    /// The whole document.
    pub(super) fn text(mut self, state: State) -> Vec<u8> {
        for (rule, count) in &self.redactions {
            self.summary.add_redactions(rule, *count);
        }
        let closing = closing_line(&self.summary.json(state, self.ended));
        let newline = if self.has_events() { "\n" } else { "" };
        for end in [newline, &closing, "\n"] {
            self.body.extend_from_slice(end.as_bytes());
        }
        self.body
    }
}

/// The lines of a text, the last one too where nothing closes it.
fn lines_of(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut from = 0;
    memchr_iter(b'\n', text)
        .chain([text.len()])
        .map(move |end| &text[std::mem::replace(&mut from, end + 1)..end])
}

/// Whether a line can be the first one of a document.
fn is_header(line: &[u8]) -> bool {
    line.ends_with(b"\"events\":[")
        && !line.iter().any(|byte| *byte < b' ')
        && std::str::from_utf8(line).is_ok_and(|text| Tree::parse(&format!("{text}]}}")).is_ok())
}

pub(crate) fn read_closing(line: &[u8]) -> Option<Tree> {
    let text = std::str::from_utf8(line.strip_prefix(b"],")?).ok()?;
    match Tree::parse(&format!("{{{text}")).ok()? {
        Tree::Table(mut members) => members.remove("summary").filter(|summary| summary.table().is_some()),
        _ => None,
    }
}

/// The first line of a document that has lost it, from its name.
pub(super) fn header_from_name(stem: &str) -> String {
    let id = stem.get(20..).filter(|id| !id.is_empty()).unwrap_or(stem);
    let (date, time) = (stem.get(..10), stem.get(11..19).map(|time| time.replace('-', ":")));
    let started = date.zip(time).map(|(date, time)| format!("{date}T{time}Z"));
    let started = started.filter(|text| clock::parse_rfc3339(text).is_some());
    let started = started.map_or_else(|| "null".to_owned(), |text| format!("\"{text}\""));
    format!(r#"{{"session_id":"{id}","timestamp":{started},"metadata":{{}},"events":["#)
}

/// What the closing line of a document has counted as lost.
pub(super) fn dropped(bytes: &[u8]) -> u64 {
    let last = bytes.trim_ascii_end().rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    let dropped = read_closing(last).and_then(|closing| closing.member("dropped")?.number());
    dropped.unwrap_or(0.0) as u64
}
