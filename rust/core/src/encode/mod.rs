//! The one walk: a value becomes redacted JSON bytes, with no tree in between.
//!
//! An [`Encoder`] is driven by a source (Python objects in the binding, JSON text in [`json`]): the source says
//! "here is a key, a string, a list", the encoder asks the [`Redactor`] and writes. Nothing else in T-800 makes
//! event bytes, so nothing unredacted can reach a ring or a file.

mod chunk;
pub mod escape;
pub mod explain;
pub mod json;
mod keys;
mod known;
mod number;
pub(crate) mod tree;
mod truncate;
mod vector;

use crate::redact::{Finding, KeyClass, Redactor, RuleId, Scratch, SecretFile, Verdict};
pub use chunk::Chunk;
use escape::{escape_into, quote_into};
use keys::{KeyCache, Role};
use known::KnownTexts;
use vector::Vector;

/// Strings longer than this are remembered, so that an event over its limit can lose its longest values.
const LONG_VALUE: usize = 256;

/// How much of a value is walked.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Nesting below which containers become `[nested too deeply]`.
    pub depth: usize,
    /// Items of one container that are written; the rest is counted in a marker.
    pub items: usize,
    /// Bytes of one string after redaction; the rest becomes `[truncated N bytes]`.
    pub value_bytes: usize,
    /// Bytes of the whole event after redaction.
    pub event_bytes: usize,
}

impl Limits {
    /// For filters: everything is walked, everything is kept.
    pub const NONE: Limits =
        Limits { depth: usize::MAX, items: usize::MAX, value_bytes: usize::MAX, event_bytes: usize::MAX };

    /// The bounds of a recorded event, given its two configurable limits in bytes.
    #[must_use]
    pub const fn of_event(value_bytes: usize, event_bytes: usize) -> Limits {
        Limits { depth: 64, items: 10_000, value_bytes, event_bytes }
    }
}

/// Whether a source walks into a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enter {
    /// Walk the items, then call the matching `end_…`.
    Walk,
    /// A marker stands for the whole container already: walk nothing, end nothing.
    Skip,
}

#[derive(Clone, Copy)]
struct Frame {
    list: bool,
    first: bool,
    /// What list items inherit.
    class: KeyClass,
    /// What a naming sibling (objects) or the item before (lists) said about the next value.
    hint: KeyClass,
    role: Role,
    items: usize,
}

/// The reusable memory of an [`Encoder`]: output and scratch of one thread.
#[derive(Default)]
pub struct Buffer {
    /// The bytes written so far.
    pub out: Vec<u8>,
    /// How often each rule has redacted something since [`Buffer::clear`].
    pub redactions: Vec<(RuleId, u32)>,
    /// Where the long string values stand in `out`: start and length of the text between the quotes.
    long: Vec<(u32, u32)>,
    long_bytes: usize,
    frames: Vec<Frame>,
    scratch: Scratch,
    keys: KeyCache,
    known: KnownTexts,
    vector: Vector,
    /// Whether a text of this event names a file that holds nothing but secrets.
    secret_file: SecretFile,
    /// Where the last short content of this event stands in `out`: the body of the file that is named behind it.
    content: Option<(u32, u32)>,
    /// What a parser of JSON needs that feeds an encoder.
    pub(crate) parser: json::Room,
}

impl Buffer {
    /// Forgets everything but the memory.
    pub fn clear(&mut self) {
        self.out.clear();
        self.redactions.clear();
        self.long.clear();
        self.long_bytes = 0;
        self.frames.clear();
        self.next_event(SecretFile::None);
    }

    /// Forgets what the last event said about files; whether this one, begun before, has named one that holds a secret.
    pub fn next_event(&mut self, secret_file: SecretFile) {
        self.secret_file = secret_file;
        self.content = None;
    }

    /// Whether the event has named a file that holds nothing but a secret: what [`Buffer::next_event`] takes back.
    #[must_use]
    pub fn names_secret_file(&self) -> SecretFile {
        self.secret_file
    }

    /// Takes over what a span's begin has written, so that its end can go on.
    pub fn restore(&mut self, out: &[u8], redactions: &[(RuleId, u32)], long: &[(u32, u32)]) {
        self.clear();
        self.out.extend_from_slice(out);
        self.redactions.extend_from_slice(redactions);
        self.long.extend_from_slice(long);
        self.long_bytes = long.iter().map(|(_, len)| *len as usize).sum();
    }

    /// Where the long values stand: what [`Buffer::restore`] takes back.
    #[must_use]
    pub fn long_values(&self) -> &[(u32, u32)] {
        &self.long
    }

    fn count(&mut self, rule: RuleId) {
        count(&mut self.redactions, rule);
    }
}

fn count(redactions: &mut Vec<(RuleId, u32)>, rule: RuleId) {
    match redactions.iter_mut().find(|(known, _)| *known == rule) {
        Some((_, n)) => *n += 1,
        None => redactions.push((rule, 1)),
    }
}

/// Writes one value, redacted, into a [`Buffer`].
pub struct Encoder<'a> {
    redactor: &'a Redactor,
    buffer: &'a mut Buffer,
    limits: Limits,
    /// What is known of the next value: the class of its key, or what its list hands down.
    slot: KeyClass,
}

impl<'a> Encoder<'a> {
    /// An encoder that appends to what `buffer` holds.
    pub fn new(redactor: &'a Redactor, buffer: &'a mut Buffer, limits: Limits) -> Encoder<'a> {
        buffer.frames.clear();
        Encoder { redactor, buffer, limits, slot: KeyClass::PLAIN }
    }

    /// The redactor that decides for this encoder.
    #[must_use]
    pub fn redactor(&self) -> &'a Redactor {
        self.redactor
    }

    /// Bytes written so far, in the whole buffer.
    #[must_use]
    pub fn position(&self) -> usize {
        self.buffer.out.len()
    }

    /// The bytes written from a [`Encoder::position`] on.
    #[must_use]
    pub fn written(&self, from: usize) -> &[u8] {
        &self.buffer.out[from..]
    }

    /// How often each rule has acted since this was asked last.
    pub fn take_redactions(&mut self) -> Vec<(RuleId, u32)> {
        std::mem::take(&mut self.buffer.redactions)
    }

    /// Appends bytes that are ours: punctuation, field names, ids. Never anything from outside.
    pub fn raw(&mut self, ours: &[u8]) {
        self.buffer.out.extend_from_slice(ours);
    }

    /// Where bytes that are ours are appended, as by [`Encoder::raw`].
    pub fn ours(&mut self) -> &mut Vec<u8> {
        &mut self.buffer.out
    }

    /// Appends a short text of ours.
    #[inline]
    pub fn chunk(&mut self, ours: &Chunk) {
        ours.append_to(&mut self.buffer.out);
    }

    /// Says as what the next root value counts (the class of the field it belongs to).
    pub fn root(&mut self, class: KeyClass) {
        self.buffer.frames.clear();
        self.slot = class;
    }

    /// Writes `null`.
    pub fn null(&mut self) {
        self.before_value();
        self.raw(b"null");
    }

    /// Writes `true` or `false`.
    pub fn bool(&mut self, value: bool) {
        self.before_value();
        self.raw(if value { b"true" } else { b"false" });
    }

    /// Writes a number given as its JSON text, unless its key says that it must go.
    pub fn number(&mut self, text: &str) {
        self.number_bytes(text.as_bytes());
    }

    #[inline]
    fn number_bytes(&mut self, text: &[u8]) {
        self.before_value();
        let drops = |text| self.redactor.drops_number(self.slot, text);
        if self.slot != KeyClass::PLAIN && std::str::from_utf8(text).is_ok_and(drops) {
            return self.redacted(RuleId::KEY);
        }
        self.raw(text);
    }

    /// Writes a marker of ours, such as `[cycle]`, as a string.
    pub fn marker(&mut self, ours: &str) {
        self.before_value();
        quote_into(&mut self.buffer.out, ours);
    }

    /// Writes a string, redacted.
    pub fn text(&mut self, text: &str) {
        self.before_value();
        self.note_for_siblings(text);
        self.judged_text(text, None);
    }

    /// Writes a string whose valid JSON spelling (between the quotes) is at hand: it is kept as it was.
    pub fn spelled_text(&mut self, text: &str, spelling: &str) {
        self.before_value();
        self.note_for_siblings(text);
        self.judged_text(text, Some(spelling));
    }

    /// Opens an object, or writes the marker that stands for it.
    pub fn begin_object(&mut self) -> Enter {
        self.begin(false)
    }

    /// Opens a list, or writes the marker that stands for it.
    pub fn begin_list(&mut self) -> Enter {
        self.begin(true)
    }

    /// Closes an object.
    pub fn end_object(&mut self) {
        self.buffer.frames.pop();
        self.raw(b"}");
    }

    /// Closes a list.
    pub fn end_list(&mut self) {
        self.buffer.frames.pop();
        self.raw(b"]");
    }

    /// Whether the container being written takes no more items: then the source stops and says how many are left.
    #[must_use]
    pub fn full(&self) -> bool {
        let short = self.buffer.out.len() - self.buffer.long_bytes.min(self.buffer.out.len());
        let reserve = (self.limits.event_bytes / 4).min(4096);
        let over = short.saturating_add(reserve) > self.limits.event_bytes
            || self.buffer.out.len() / 4 > self.limits.event_bytes;
        over || self.buffer.frames.last().is_some_and(|frame| frame.items >= self.limits.items)
    }

    /// Says how many items of a full container were left out.
    pub fn left_out(&mut self, count: usize) {
        let text = format!("[{count} more items]");
        if self.buffer.frames.last().is_some_and(|frame| !frame.list) {
            self.separator();
            self.raw(b"\"[more]\":");
        }
        self.slot = KeyClass::PLAIN;
        self.marker(&text);
    }

    /// Writes an object's key; the next value belongs to it.
    pub fn key(&mut self, key: &str) {
        self.separator();
        let Buffer { keys, out, frames, redactions, .. } = &mut *self.buffer;
        let key = keys.get(self.redactor, key);
        key.append_to(out);
        for rule in &key.rules {
            count(redactions, *rule);
        }
        let Some(frame) = frames.last_mut() else { return };
        frame.items += 1;
        frame.role = key.role;
        let named = key.role == Role::Value && key.class == KeyClass::PLAIN;
        self.slot = if named { frame.hint } else { key.class };
    }

    fn separator(&mut self) {
        if let Some(frame) = self.buffer.frames.last_mut() {
            if !frame.first {
                self.buffer.out.push(b',');
            }
            frame.first = false;
        }
    }

    /// In lists: the comma, and what the item inherits.
    fn before_value(&mut self) {
        let Some(frame) = self.buffer.frames.last_mut() else { return };
        if !frame.list {
            return;
        }
        frame.items += 1;
        self.slot = if frame.hint == KeyClass::PLAIN { frame.class } else { frame.hint };
        frame.hint = KeyClass::PLAIN;
        self.separator();
    }

    fn note_for_siblings(&mut self, text: &str) {
        let redactor = self.redactor;
        let Some(frame) = self.buffer.frames.last_mut() else { return };
        if frame.list {
            frame.hint = redactor.after(self.slot, text);
        } else if frame.role == Role::Naming {
            frame.hint = redactor.named(text, &mut self.buffer.scratch);
        }
    }

    fn begin(&mut self, list: bool) -> Enter {
        self.before_value();
        if self.slot != KeyClass::PLAIN && self.redactor.drops_container(self.slot) {
            self.redacted(RuleId::KEY);
            return Enter::Skip;
        }
        if self.buffer.frames.len() >= self.limits.depth {
            quote_into(&mut self.buffer.out, "[nested too deeply]");
            return Enter::Skip;
        }
        let class = if list { self.redactor.item(self.slot) } else { KeyClass::PLAIN };
        self.raw(if list { b"[" } else { b"{" });
        self.buffer.frames.push(Frame {
            list,
            first: true,
            class,
            hint: KeyClass::PLAIN,
            role: Role::None,
            items: 0,
        });
        Enter::Walk
    }

    fn redacted(&mut self, rule: RuleId) {
        let redactor = self.redactor;
        quote_into(&mut self.buffer.out, redactor.redaction_value());
        self.buffer.count(rule);
    }

    fn judged_text(&mut self, text: &str, spelling: Option<&str>) {
        let known = self.known(text);
        if known.is_ok() {
            return self.plain(spelling.unwrap_or(text));
        }
        let content = self.slot.is_content();
        let named = if content { SecretFile::None } else { self.redactor.names_secret_file(text) };
        self.name_secret_file(named);
        self.buffer.out.push(b'"');
        let start = self.buffer.out.len();
        let verdict = match spelling {
            _ if content && self.buffer.secret_file != SecretFile::None => self.body_of_secret_file(text),
            Some(spelling) => self.redacted_spelling(text, spelling),
            None => self.redacted_text(text),
        };
        if content {
            self.buffer.content = Some((start as u32, self.buffer.out.len() as u32));
        } else if let (Verdict::Keep, SecretFile::None, Err(Some(place))) = (verdict, named, known) {
            self.buffer.known.remember(place, text.as_bytes());
        }
        self.remember_long(start);
        self.buffer.out.push(b'"');
    }

    /// Whether a text is known to stay as it is wherever it stands alone; else where that can be remembered. What it is
    /// in a list, the items in front of it may say.
    fn known(&mut self, text: &str) -> Result<(), Option<known::Place>> {
        let alone = self.buffer.frames.last().is_none_or(|frame| !frame.list) && !self.slot.is_content();
        if !alone || self.limits.value_bytes < known::LONGEST {
            return Err(None);
        }
        self.buffer.known.find(self.redactor.id(), self.slot, text.as_bytes())
    }

    /// Writes a text that stays as it is.
    fn plain(&mut self, text: &str) {
        self.buffer.out.push(b'"');
        self.raw(text.as_bytes());
        self.buffer.out.push(b'"');
    }

    /// The text just met may name a file that holds nothing but a secret: then what is content in this event may be it.
    fn name_secret_file(&mut self, kind: SecretFile) {
        if kind == SecretFile::None {
            return;
        }
        self.buffer.secret_file = kind;
        let Some((start, end)) = self.buffer.content.take() else { return };
        let place = start as usize..end as usize;
        let long = self.buffer.long.last().is_some_and(|(at, _)| *at >= start);
        // Whatever is written with an escape is more than one word.
        let Ok(body) = std::str::from_utf8(&self.buffer.out[place.clone()]) else { return };
        let body = body.strip_suffix("\\n").unwrap_or(body);
        if let Some((from, to)) =
            self.redactor.body_of_secret_file(body).filter(|_| !long && !body.contains('\\'))
        {
            let place = place.start + from..place.start + to;
            let mut marker = Vec::new();
            escape_into(&mut marker, self.redactor.redaction_value());
            self.buffer.out.splice(place, marker);
            self.buffer.count(RuleId::ASSIGNED);
        }
    }

    /// Writes what may be the body of such a file.
    fn body_of_secret_file(&mut self, text: &str) -> Verdict {
        let verdict = self.judge(text);
        let verdict =
            self.redactor.in_secret_file(text, self.buffer.secret_file, verdict, &mut self.buffer.scratch);
        self.apply(verdict, text);
        verdict
    }

    fn remember_long(&mut self, start: usize) {
        let len = self.buffer.out.len() - start;
        if len > LONG_VALUE {
            self.buffer.long.push((start as u32, len as u32));
            self.buffer.long_bytes += len;
        }
    }

    fn redacted_spelling(&mut self, text: &str, spelling: &str) -> Verdict {
        let verdict = self.judge(text);
        match verdict {
            Verdict::Keep if text.len() <= self.limits.value_bytes => self.raw(spelling.as_bytes()),
            verdict => self.apply(verdict, text),
        }
        verdict
    }

    /// Writes `text` between the quotes as the redactor leaves it.
    fn redacted_text(&mut self, text: &str) -> Verdict {
        let verdict = self.judge(text);
        self.apply(verdict, text);
        verdict
    }

    fn judge(&mut self, text: &str) -> Verdict {
        let verdict = self.redactor.text(self.slot, text, &mut self.buffer.scratch);
        match self.buffer.frames.last() {
            Some(frame) if frame.list && self.slot != KeyClass::ALLOWED => self.as_argument(text, verdict),
            _ => verdict,
        }
    }

    /// Judges the item of a list once more as an argument of its command line.
    fn as_argument(&mut self, text: &str, verdict: Verdict) -> Verdict {
        let Buffer { frames, vector, scratch, .. } = &mut *self.buffer;
        let item = frames.last().map_or(0, |frame| frame.items);
        let under = frames.len().checked_sub(2).and_then(|outer| frames.get(outer));
        let named = under.is_some_and(|frame| frame.role == Role::Command);
        match vector.push((frames.len(), item), named, text) {
            Some(start) if verdict == Verdict::Keep => {
                self.redactor.argument(vector.line(), start, text.len(), scratch)
            }
            _ => verdict,
        }
    }

    fn apply(&mut self, verdict: Verdict, text: &str) {
        match verdict {
            Verdict::Keep if text.len() <= self.limits.value_bytes => escape_into(&mut self.buffer.out, text),
            Verdict::Keep => self.spans(text, &[]),
            Verdict::Whole => self.whole(),
            Verdict::Spans => {
                let findings = std::mem::take(&mut self.buffer.scratch.findings);
                self.spans(text, &findings);
                self.buffer.scratch.findings = findings;
            }
        }
    }

    fn whole(&mut self) {
        let Buffer { out, scratch, .. } = &mut *self.buffer;
        escape_into(out, &scratch.whole);
        let rule = scratch.rule;
        self.buffer.count(rule);
    }

    /// Writes what stays between the findings and what replaces them, up to the limit of one value.
    ///
    /// Bytes beyond the limit are never written, so the redactor need not have looked at them.
    fn spans(&mut self, text: &str, findings: &[Finding]) {
        let mut left = self.limits.value_bytes;
        let mut at = 0;
        for Finding { start, end, rule, with } in findings.iter().copied() {
            at += self.piece(&text[at..start as usize], &mut left);
            if at < start as usize {
                break;
            }
            let replacement = self.redactor.replacement(with);
            escape_into(&mut self.buffer.out, replacement);
            left = left.saturating_sub(replacement.len());
            self.buffer.count(rule);
            at = end as usize;
        }
        let rest = findings.last().map_or(0, |last| last.end as usize);
        if at >= rest {
            at += self.piece(&text[at..], &mut left);
        }
        if at < text.len() {
            self.raw(format!("[truncated {} bytes]", text.len() - at).as_bytes());
        }
    }

    /// Writes as much of `text` as `left` allows and returns how many of its bytes that was.
    fn piece(&mut self, text: &str, left: &mut usize) -> usize {
        let len = if text.len() <= *left { text.len() } else { text.floor_char_boundary(*left) };
        escape_into(&mut self.buffer.out, &text[..len]);
        *left = if len < text.len() { 0 } else { *left - len };
        len
    }
}
