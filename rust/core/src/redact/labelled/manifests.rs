//! Secrets of Kubernetes: under `kind: Secret` every value of `data` goes, whatever its key.

use super::{records, value};
use crate::redact::keys::KeyClass;
use crate::redact::rules::RuleId;
use crate::redact::scan::Scan;
use crate::redact::scan::span::{back_over, forward_over};

/// How far in front of its kind and behind it a manifest is read.
const BACK: usize = 8 << 10;
const AHEAD: usize = 32 << 10;

/// The word that starts a look.
pub(crate) const KIND: &str = "Secret";

/// Looks at the word `Secret`.
pub(crate) fn at_word(scan: &mut Scan, start: usize, end: usize) {
    let text = scan.text;
    if &text[start..end] != KIND.as_bytes() || start < scan.memo.manifest {
        return;
    }
    let gap = back_over(text, start, 4, |b| matches!(b, b' ' | b'"' | b'\\'));
    let key = gap
        .checked_sub(1)
        .filter(|at| text[*at] == b':')
        .map(|at| back_over(text, at, 4, |b| matches!(b, b'"' | b'\\')));
    if !key.is_some_and(|key| text[..key].ends_with(b"kind")) {
        return;
    }
    let floor = start.saturating_sub(BACK).max(scan.memo.manifest);
    let floor = memchr::memmem::rfind(&text[floor..start], b"\n---").map_or(floor, |i| floor + i);
    let ceiling = text.len().min(end + AHEAD);
    let ceiling = memchr::memmem::find(&text[end..ceiling], b"\n---").map_or(ceiling, |i| end + i);
    scan.memo.manifest = ceiling;
    let mut from = floor;
    while let Some(data) = memchr::memmem::find(&text[from..ceiling], b"ata").map(|i| from + i) {
        from = data + 3;
        if text[..data].ends_with(b"d") {
            from = from.max(block(scan, data - 1, ceiling, encoded));
        } else if text[..data].ends_with(b"stringD") {
            from = from.max(block(scan, data - 7, ceiling, plain));
        }
    }
}

/// Looks at the value that starts somewhere, up to somewhere.
type Look = fn(&mut Scan, usize, usize);

/// The entries under the `data` or `stringData` at `at`; where they end.
fn block(scan: &mut Scan, at: usize, ceiling: usize, look: Look) -> usize {
    let text = scan.text;
    if at > 0 && text[at - 1].is_ascii_alphanumeric() {
        return at;
    }
    let name = forward_over(text, at, 12, |b| b.is_ascii_alphabetic());
    let rest = &text[name.min(ceiling)..ceiling];
    let quotes = rest.iter().take_while(|b| matches!(b, b'"' | b'\\')).count();
    if rest.get(quotes) != Some(&b':') {
        return at;
    }
    let open = name + quotes + 1;
    let next = forward_over(text, open, 8, |b| b == b' ');
    match text.get(next) {
        Some(b'{') => object(scan, next + 1, ceiling, look),
        Some(b'\n') => lines(scan, at, next + 1, ceiling, look),
        _ => at,
    }
}

/// The lines that are indented deeper than the key at `at`.
fn lines(scan: &mut Scan, at: usize, from: usize, ceiling: usize, look: Look) -> usize {
    let text = scan.text;
    let indent = |start: usize| forward_over(text, start, 64, |b| b == b' ') - start;
    let line = back_over(text, at, 64, |b| b == b' ');
    let outer = at - line;
    let mut start = from;
    while start < ceiling {
        let end = memchr::memchr(b'\n', &text[start..ceiling]).map_or(ceiling, |i| start + i);
        let inner = indent(start);
        if end > start && inner <= outer {
            break;
        }
        let body = &text[start + inner..end];
        let value = memchr::memchr(b':', body).map_or(0, |colon| colon + 1);
        let skip = value + body[value..].iter().take_while(|b| matches!(b, b' ' | b'"' | b'\'')).count();
        look(scan, start + inner + skip, end);
        start = end + 1;
    }
    start.min(ceiling)
}

/// The members of `"data": {…}`, up to its closing brace.
fn object(scan: &mut Scan, from: usize, ceiling: usize, look: Look) -> usize {
    let text = scan.text;
    let end = memchr::memchr2(b'}', b'{', &text[from..ceiling]).map_or(ceiling, |i| from + i);
    let mut at = from;
    while let Some(colon) = memchr::memchr(b':', &text[at..end]).map(|i| at + i) {
        let start = forward_over(text, colon + 1, 16, |b| matches!(b, b' ' | b'"' | b'\\'));
        look(scan, start, end);
        at = start.max(colon + 1).min(end);
    }
    end
}

/// Base64 at `from`.
fn encoded(scan: &mut Scan, from: usize, ceiling: usize) {
    let text = scan.text;
    let end = from
        + text[from.min(ceiling)..ceiling]
            .iter()
            .take_while(|b| b.is_ascii_alphanumeric() || b"+/=".contains(b))
            .count();
    if end >= from + 4
        && (end - from).is_multiple_of(4)
        && text.get(end).is_none_or(|b| b"\n\r\"'\\,} ".contains(b))
    {
        scan.secret(from, end, RuleId::ASSIGNED);
    }
}

/// A value as it is, up to the end of its line or its quote, where it looks like a secret by itself.
fn plain(scan: &mut Scan, from: usize, ceiling: usize) {
    let text = scan.text;
    let end = forward_over(text, from, ceiling.saturating_sub(from), |b| {
        b.is_ascii_graphic() && !matches!(b, b'"' | b'\'' | b'\\' | b',')
    });
    let body = &text[from.min(end)..end];
    if body.len() >= 6
        && matches!(text.get(end), None | Some(b'\n' | b'\r' | b'"' | b'\'' | b'\\' | b',' | b'}'))
        && (records::is_plausible(KeyClass::SECRET, body) || value::is_chosen_password(body))
    {
        scan.secret(from, end, RuleId::ASSIGNED);
    }
}
