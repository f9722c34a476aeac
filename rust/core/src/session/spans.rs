//! The calls that are open, and what their begins have written.

use super::OpenCall;
use crate::assemble::Place;
use crate::clock::Mono;
use crate::encode::Buffer;
use crate::event::Kind;
use crate::redact::{RuleId, SecretFile};
use crate::summary::Facts;
use std::collections::VecDeque;

/// The open calls of a session by their numbers, oldest first. Mostly the youngest one ends.
#[derive(Default)]
pub(super) struct OpenSpans(VecDeque<(u64, Box<OpenSpan>)>);

impl OpenSpans {
    pub(super) fn insert(&mut self, id: u64, span: Box<OpenSpan>) {
        match self.place(id) {
            Ok(at) => self.0[at].1 = span,
            Err(at) => self.0.insert(at, (id, span)),
        }
    }

    pub(super) fn remove(&mut self, id: u64) -> Option<Box<OpenSpan>> {
        let at = self.place(id).ok()?;
        self.0.remove(at).map(|(_, span)| span)
    }

    pub(super) fn get(&self, id: u64) -> Option<&OpenSpan> {
        self.place(id).ok().map(|at| &*self.0[at].1)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &OpenSpan)> {
        self.0.iter().map(|(id, span)| (*id, &**span))
    }

    /// Where a number stands, or would stand.
    fn place(&self, id: u64) -> Result<usize, usize> {
        match self.0.back() {
            Some((last, _)) if *last == id => Ok(self.0.len() - 1),
            Some((last, _)) if *last < id => Err(self.0.len()),
            Some(_) => self.0.binary_search_by_key(&id, |(known, _)| *known),
            None => Err(0),
        }
    }
}

/// One open call: what its begin has written.
#[derive(Default)]
pub(super) struct OpenSpan {
    pub(super) kind: Kind,
    pub(super) started: Mono,
    pub(super) facts: Facts,
    bytes: Vec<u8>,
    redactions: Vec<(RuleId, u32)>,
    long: Vec<(u32, u32)>,
    /// Which fields its begin has written: a bit each, in the order of [`Kind::fields`].
    pub(super) given: u8,
    /// Where its provider stands, of a model's call.
    pub(super) provider: (u32, u32),
    /// Whether its begin names a file that holds nothing but a secret.
    secret_file: SecretFile,
    parent: Option<u64>,
    /// As JSON strings; empty where there is none.
    phase: Vec<u8>,
    agent: Vec<u8>,
}

impl OpenSpan {
    /// Takes over what stands in `buffer`; its own memory is used again.
    pub(super) fn begin(
        &mut self,
        kind: Kind,
        started: Mono,
        facts: Facts,
        buffer: &Buffer,
        place: Place<'_>,
    ) {
        (self.kind, self.started, self.facts, self.parent) = (kind, started, facts, place.parent);
        self.bytes.clone_from(&buffer.out);
        self.redactions.clone_from(&buffer.redactions);
        self.long.clear();
        self.long.extend_from_slice(buffer.long_values());
        self.secret_file = buffer.names_secret_file();
        for (ours, given) in [(&mut self.phase, place.phase), (&mut self.agent, place.agent)] {
            ours.clear();
            ours.extend_from_slice(given.unwrap_or_default());
        }
    }

    /// Puts it back into a buffer, so that its end can go on.
    pub(super) fn restore(&self, buffer: &mut Buffer) {
        buffer.restore(&self.bytes, &self.redactions, &self.long);
        buffer.next_event(self.secret_file);
    }

    /// Where it happened.
    pub(super) fn place(&self) -> Place<'_> {
        Place { parent: self.parent, phase: given(&self.phase), agent: given(&self.agent) }
    }

    /// The tool of a tool call, as its event will show it: a JSON string.
    pub(super) fn tool(&self) -> Option<&[u8]> {
        let (start, len) = (self.facts.name.0 as usize, self.facts.name.1 as usize);
        self.bytes.get(start.checked_sub(1)?..=start + len).filter(|_| self.kind == Kind::ToolCall)
    }

    /// What is known of it now.
    pub(super) fn shown(&self, id: u64, now: Mono) -> OpenCall {
        let mut json = self.bytes.clone();
        json.push(b'}');
        OpenCall { id, json, age_ns: now.saturating_sub(self.started) }
    }
}

fn given(json: &[u8]) -> Option<&[u8]> {
    Some(json).filter(|json| !json.is_empty())
}

/// Spans that have ended, for the next ones of this thread: their memory is used again.
#[derive(Default)]
// Boxed, as they lie in the table.
#[allow(clippy::vec_box)]
pub(super) struct Spare(Vec<Box<OpenSpan>>);

impl Spare {
    const MOST: usize = 8;
    /// A span that has written more gives its memory back.
    const LARGEST: usize = 4 << 10;

    pub(super) fn take(&mut self) -> Box<OpenSpan> {
        self.0.pop().unwrap_or_default()
    }

    pub(super) fn keep(&mut self, span: Box<OpenSpan>) {
        if self.0.len() < Spare::MOST && span.bytes.capacity() <= Spare::LARGEST {
            self.0.push(span);
        }
    }
}
