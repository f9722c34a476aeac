//! Where a value in text begins and ends: quoted at any depth of escaping, or up to a delimiter.

use crate::redact::labelled::value::contains;

pub(crate) const KEY_LIMIT: usize = 80;
pub(crate) const VALUE_LIMIT: usize = 16 << 10;
const BARE_LIMIT: usize = 4 << 10;

/// Bytes of one kind: one look-up in place of a comparison with each of them.
pub(crate) struct Bytes([bool; 256]);

impl Bytes {
    pub(crate) const fn of(bytes: &[u8]) -> Bytes {
        let mut kind = [false; 256];
        let mut at = 0;
        while at < bytes.len() {
            kind[bytes[at] as usize] = true;
            at += 1;
        }
        Bytes(kind)
    }

    /// The same and all bytes beyond ASCII.
    pub(crate) const fn and_wide(self) -> Bytes {
        let Bytes(mut kind) = self;
        let mut byte = 0x80;
        while byte < kind.len() {
            kind[byte] = true;
            byte += 1;
        }
        Bytes(kind)
    }

    #[inline]
    pub(crate) fn has(&self, byte: u8) -> bool {
        self.0[usize::from(byte)]
    }
}

/// What ends a value without quotes.
static BARE_STOPS: Bytes = Bytes::of(b" \t\n\r\"'`<>,;()[]{}&|\\");
/// What ends it in a shell or an `.env` line.
static WIDE_STOPS: Bytes = Bytes::of(b" \t\n\r\"'`");

/// What neither opens a quote nor stands in front of one.
static PLAIN_STARTS: Bytes = Bytes::of(b"0123456789acdeghijklmnopqstvwxyzACDEFGHIJKMOPQSTUVWXYZ");

/// A value behind an operator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) quoted: bool,
}

/// The value at `from`: quoted, or up to the next delimiter; `wide` takes everything up to white space.
pub(crate) fn value_at(text: &[u8], from: usize, wide: bool) -> Option<Span> {
    let mut start = past_emphasis(text, from);
    if text.get(start).is_some_and(|byte| PLAIN_STARTS.has(*byte)) {
        let end = if wide { wide_end(text, start) } else { bare_end(text, start) };
        return Some(Span { start, end, quoted: false });
    }
    let paren = forward_over(text, start, 1, |b| b == b'(');
    let inner = forward_over(text, paren, 32, |b| matches!(b, b' ' | b'\n' | b'\t'));
    let quote = quote_at(text, start).or_else(|| (paren > start).then(|| quote_at(text, inner)).flatten());
    let quote = quote.or_else(|| {
        let letters = forward_over(text, start, 2, |b| b"brfuBRLN@$".contains(&b));
        (letters > start).then(|| quote_at(text, letters)).flatten()
    });
    if let Some((open, depth)) = quote {
        let end = quoted_end(text, open, depth)?;
        return Some(Span { start: open, end, quoted: true });
    }
    if text.get(start) == Some(&b'>') {
        start += 1;
    }
    let end = if wide { wide_end(text, start) } else { bare_end(text, start) };
    (end > start).then_some(Span { start, end, quoted: false })
}

/// Steps over blanks and the end of `**label:** value`; `***` is a mask and `tokens=*` a value.
fn past_emphasis(text: &[u8], from: usize) -> usize {
    let blank = |at| forward_over(text, at, 40, |b| matches!(b, b' ' | b'\t'));
    let start = blank(from);
    let end = forward_over(text, start, 4, |b| b == b'*');
    let emphasis = end - start == 2 || end - start == 1 && from > 0 && text[from - 1] == b':';
    if emphasis { blank(end) } else { start }
}

/// Where the text inside an opening quote at `at` starts, and how many backslashes escape the quote.
pub(crate) fn quote_at(text: &[u8], at: usize) -> Option<(usize, usize)> {
    let quote = forward_over(text, at, 32, |b| b == b'\\');
    let byte = *text.get(quote)?;
    if !matches!(byte, b'"' | b'\'' | b'`') {
        return None;
    }
    let tripled = text.get(quote + 1) == Some(&byte) && text.get(quote + 2) == Some(&byte);
    let start = if tripled { quote + 3 } else { quote + 1 };
    Some((start, quote - at))
}

/// The closing quote: the same sign behind the same number of backslashes, on the same line.
pub(crate) fn quoted_end(text: &[u8], start: usize, depth: usize) -> Option<usize> {
    let quote = text[start - 1];
    let ceiling = text.len().min(start + VALUE_LIMIT);
    let mut at = start;
    while at < ceiling {
        let hit = at + memchr::memchr2(quote, b'\n', &text[at..ceiling])?;
        if text[hit] == b'\n' && quote != b'`' {
            return None;
        }
        let slashes = hit - back_over(text, hit, 64, |b| b == b'\\').max(start);
        if text[hit] == quote
            && (slashes == depth || (depth == 0 && slashes.is_multiple_of(2)) || slashes < depth)
        {
            return Some(hit - slashes.min(depth));
        }
        at = hit + 1;
    }
    None
}

pub(crate) fn bare_end(text: &[u8], start: usize) -> usize {
    let end = forward_over(text, start, BARE_LIMIT, |b| !BARE_STOPS.has(b));
    let opened = |b: u8| matches!(b, b'{' | b'<' | b'(' | b'[');
    if text.get(end).copied().is_some_and(opened)
        && (end == start || text[end - 1] == b'$' || text[end] == b'<')
    {
        return forward_over(text, end, 256, |b| !b" \n\"',".contains(&b));
    }
    trim_end(text, start, end)
}

/// Up to white space; a shell or `.env` line may hold any sign.
fn wide_end(text: &[u8], start: usize) -> usize {
    let mut end = forward_over(text, start, BARE_LIMIT, |b| !WIDE_STOPS.has(b));
    if let Some(escape) = memchr::memmem::find(&text[start..end], b"\\n") {
        end = start + escape;
    }
    let mut from = start;
    while let Some(sign) = memchr::memchr2(b';', b'&', &text[from..end]).map(|i| from + i) {
        let word = forward_over(text, sign + 1, KEY_LIMIT, |b| b.is_ascii_alphanumeric() || b == b'_');
        if text.get(word) == Some(&b'=') || sign + 1 == end || text[sign + 1] == text[sign] {
            return sign;
        }
        from = sign + 1;
    }
    trim_end(text, start, end)
}

/// A sentence may end behind a value.
fn trim_end(text: &[u8], start: usize, end: usize) -> usize {
    let last = back_over(text, end, 4, |b| b".?!:;,".contains(&b));
    if last > start { last } else { end }
}

/// A range of a text in which something does not occur.
#[derive(Default)]
pub(crate) struct Absent {
    from: usize,
    to: usize,
}

impl Absent {
    /// Whether `part` occurs in a range; what was read before is not read again. Each `part` needs an `Absent` of its
    /// own.
    pub(crate) fn holds(&mut self, text: &[u8], from: usize, to: usize, part: &[u8]) -> bool {
        let known = self.from <= from && from <= self.to;
        let start = if known { (self.to + 1).saturating_sub(part.len()).clamp(from, to) } else { from };
        let holds = contains(&text[start..to], part);
        if !holds {
            let from = if start == from { from } else { self.from };
            *self = Absent { from, to: if known { to.max(self.to) } else { to } };
        }
        holds
    }
}

/// Where the line starts that `end` stands in, at most `limit` bytes in front of it.
pub(crate) fn to_line_start(text: &[u8], end: usize, limit: usize) -> usize {
    let floor = end.saturating_sub(limit);
    memchr::memrchr(b'\n', &text[floor..end]).map_or(floor, |sign| floor + sign + 1)
}

/// Where the line ends that goes on at `start`, at most `limit` bytes behind it.
pub(crate) fn to_line_end(text: &[u8], start: usize, limit: usize) -> usize {
    let ceiling = text.len().min(start + limit);
    let rest = text.get(start..ceiling).unwrap_or_default();
    memchr::memchr(b'\n', rest).map_or(ceiling.max(start), |sign| start + sign)
}

pub(crate) fn back_over(text: &[u8], end: usize, limit: usize, wanted: impl Fn(u8) -> bool) -> usize {
    let floor = end.saturating_sub(limit);
    let mut start = end;
    while start > floor && wanted(text[start - 1]) {
        start -= 1;
    }
    start
}

pub(crate) fn forward_over(text: &[u8], start: usize, limit: usize, wanted: impl Fn(u8) -> bool) -> usize {
    let ceiling = text.len().min(start + limit);
    let mut end = start;
    while end < ceiling && wanted(text[end]) {
        end += 1;
    }
    end
}
