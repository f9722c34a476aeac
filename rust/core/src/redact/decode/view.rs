//! Decoded text that knows where each of its bytes came from.

use crate::redact::Finding;
use std::ops::Range;

/// What an escape stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stands {
    /// Nothing: a soft break, a colour, what joins two literals.
    Nothing,
    /// One byte of UTF-8.
    Byte(u8),
    /// A character.
    Char(char),
}

/// A range of the text that stands for something else.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edit {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) stands: Stands,
    /// Whether what it joins may as well be two things, such as two items of a list.
    pub(super) doubtful: bool,
}

impl Edit {
    pub(super) fn new(start: usize, end: usize, stands: Stands) -> Edit {
        Edit { start: start as u32, end: end as u32, stands, doubtful: false }
    }

    pub(super) fn gap(start: usize, end: usize) -> Edit {
        Edit::new(start, end, Stands::Nothing)
    }
}

/// How far from an escape the text is read again, before it is extended to the end of a line or word.
const BEFORE: usize = 256;
const BEHIND: usize = 768;
const LINE: usize = 512;
/// Escapes nearer than this share a window.
const GAP: usize = BEFORE + BEHIND + LINE;

/// The neighbourhoods of sorted edits: each with its range of the text and of the edits.
pub(super) fn windows(text: &[u8], edits: &[Edit]) -> Vec<(Range<usize>, Range<usize>)> {
    let mut out: Vec<(Range<usize>, Range<usize>)> = Vec::new();
    let mut first = 0;
    for at in 1..=edits.len() {
        if edits.get(at).is_some_and(|edit| edit.start as usize <= edits[at - 1].end as usize + GAP) {
            continue;
        }
        let floor = out.last().map_or(0, |(before, _)| before.end);
        let start = window_start(text, edits[first].start as usize).max(floor);
        out.push((start..window_end(text, edits[at - 1].end as usize), first..at));
        first = at;
    }
    out
}

fn window_start(text: &[u8], at: usize) -> usize {
    let from = at.saturating_sub(BEFORE);
    let floor = from.saturating_sub(LINE);
    let front = &text[floor..from];
    let cut = memchr::memrchr(b'\n', front).or_else(|| memchr::memrchr2(b' ', b'\t', front));
    cut.map_or(if floor == 0 { 0 } else { from }, |cut| floor + cut + 1)
}

fn window_end(text: &[u8], at: usize) -> usize {
    let to = text.len().min(at + BEHIND);
    let ceiling = text.len().min(to + LINE);
    let rest = &text[to..ceiling];
    let cut = memchr::memchr(b'\n', rest).or_else(|| memchr::memchr2(b' ', b'\t', rest));
    cut.map_or(if ceiling == text.len() { ceiling } else { to }, |cut| to + cut)
}

/// A piece of a view: taken over as it was, or one escape.
#[derive(Clone, Copy, Debug)]
struct Piece {
    /// Where it starts in the view.
    at: u32,
    /// Where it stands in the text.
    from: u32,
    to: u32,
    verbatim: bool,
}

/// A window with its escapes resolved.
#[derive(Default)]
pub(super) struct View {
    pub(super) bytes: Vec<u8>,
    pieces: Vec<Piece>,
    /// Where in the view doubtful joints lie.
    joints: Vec<u32>,
}

impl View {
    /// Resolves `edits` in `text[window]`.
    pub(super) fn of(text: &[u8], window: Range<usize>, edits: &[Edit]) -> View {
        let mut view = View { bytes: Vec::with_capacity(window.len()), ..View::default() };
        let mut at = window.start;
        for edit in edits {
            let (start, end) = (edit.start as usize, edit.end as usize);
            if start >= at {
                view.copy(text, at, start);
                view.escape(edit);
                at = end;
            }
        }
        view.copy(text, at, window.end.max(at));
        view
    }

    fn escape(&mut self, edit: &Edit) {
        let at = self.bytes.len() as u32;
        if edit.doubtful {
            self.joints.push(at);
        }
        match edit.stands {
            Stands::Nothing => return,
            Stands::Byte(byte) => self.bytes.push(byte),
            Stands::Char(char) => self.bytes.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
        }
        self.pieces.push(Piece { at, from: edit.start, to: edit.end, verbatim: false });
    }

    /// Takes over text; the escapes that say little by themselves (`\n`, `\"`) are resolved in it as well.
    fn copy(&mut self, text: &[u8], mut from: usize, to: usize) {
        let mut at = from;
        while let Some(slash) = memchr::memchr(b'\\', &text[at..to]) {
            let slash = at + slash;
            let Some(byte) = text[..to].get(slash + 1).and_then(|byte| plain_escape(*byte)) else {
                at = (slash + 1).min(to);
                continue;
            };
            self.verbatim(text, from, slash);
            self.escape(&Edit::new(slash, slash + 2, Stands::Byte(byte)));
            from = slash + 2;
            at = from;
        }
        self.verbatim(text, from, to);
    }

    fn verbatim(&mut self, text: &[u8], from: usize, to: usize) {
        if to > from {
            let at = self.bytes.len() as u32;
            self.pieces.push(Piece { at, from: from as u32, to: to as u32, verbatim: true });
            self.bytes.extend_from_slice(&text[from..to]);
        }
    }

    fn piece(&self, at: u32) -> Piece {
        let next = self.pieces.partition_point(|piece| piece.at <= at);
        self.pieces[next - 1]
    }

    /// Where the bytes of a finding stand in the text; escapes are taken whole.
    pub(super) fn source(&self, found: &Finding) -> Range<usize> {
        let (first, last) = (self.piece(found.start), self.piece(found.end - 1));
        let start = if first.verbatim { first.from + (found.start - first.at) } else { first.from };
        let end = if last.verbatim { last.from + (found.end - last.at) } else { last.to };
        start as usize..end as usize
    }

    /// Whether a finding goes over a doubtful joint.
    pub(super) fn is_doubtful(&self, found: &Finding) -> bool {
        self.joints.iter().any(|at| found.start < *at && *at < found.end)
    }
}

fn plain_escape(byte: u8) -> Option<u8> {
    match byte {
        b'n' | b'r' => Some(b'\n'),
        b't' => Some(b'\t'),
        b'"' | b'\'' | b'\\' | b'`' => Some(byte),
        _ => None,
    }
}
