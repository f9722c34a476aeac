//! Runs of letters and digits that are text in base64, base32 or hexadecimal.

use super::MAX_DEPTH;
use crate::redact::labelled::value;
use crate::redact::rules::RuleId;
use crate::redact::scan::Scan;
use crate::redact::scan::span::forward_over;
use crate::redact::tokens::after_escape;
use crate::redact::tokens::unknown::Shape;
use crate::redact::{Finding, With};
use std::ops::Range;

/// Up to this length a run goes as a whole; of a longer one only what was found.
const WHOLE: usize = 16 << 10;
const SHORTEST: usize = 16;
const SHORTEST_LOGIN: usize = 12;
/// The narrowest line of wrapped base64, and the widest.
const LINE: Range<usize> = 40..512;

/// Decoded text and the lines that hold it.
struct Decoded {
    bytes: Vec<u8>,
    /// For each line: how many signs came before, and where it starts.
    lines: Vec<(usize, usize)>,
    end: usize,
    /// How many signs stand for how many bytes.
    group: (usize, usize),
}

/// A run of word characters: decoded and scanned if it is text in another alphabet.
pub(crate) fn at_run(scan: &mut Scan, start: usize, end: usize) {
    let start = after_escape(scan.text, start);
    if scan.depth >= MAX_DEPTH
        || start < scan.memo.decoded
        || end < start + SHORTEST_LOGIN
        || scan.covers(start)
    {
        return;
    }
    let before = if start > 0 { scan.text[start - 1] } else { b' ' };
    if matches!(before, b'+' | b'/') && start > 1 && scan.text[start - 2].is_ascii_alphanumeric() {
        return;
    }
    let login = follows_basic(scan.text, start);
    if end < start + SHORTEST && !login && !goes_on(scan.text, end) {
        return;
    }
    let decoded = hexadecimal(scan.text, start, end)
        .or_else(|| base32(scan.text, start, end))
        .or_else(|| base64(scan.text, start));
    if let Some(decoded) = decoded {
        scan.memo.decoded = decoded.end;
        rescan(scan, start, &decoded, login);
    }
}

/// A run of base64 goes on behind `+` and `/`.
fn goes_on(text: &[u8], end: usize) -> bool {
    matches!(text.get(end), Some(b'+' | b'/' | b'='))
}

fn rescan(scan: &mut Scan, start: usize, decoded: &Decoded, login: bool) {
    let bytes = &decoded.bytes;
    let inner = scan.inner(bytes);
    let whole = decoded.end - start <= WHOLE;
    let telling = |found: &&Finding| {
        matches!(found.with, With::Marker | With::PathMarker) || whole && found.with == With::Home
    };
    let told = inner.iter().filter(telling);
    if !whole {
        for found in told {
            let part = decoded.source(found);
            scan.secret(part.start, part.end, RuleId::ENCODED);
        }
        return;
    }
    let random = (SHORTEST..WHOLE).contains(&bytes.len())
        && value::is_token(bytes, &Shape::of(bytes))
        && !is_encoded(bytes);
    if told.count() > 0 || random || is_login(bytes) && login {
        scan.secret(start, decoded.end, RuleId::ENCODED);
    }
}

/// Whether text was encoded twice; then what it says in the end decides.
fn is_encoded(bytes: &[u8]) -> bool {
    hexadecimal(bytes, 0, bytes.len()).or_else(|| base64(bytes, 0)).is_some()
}

fn is_login(bytes: &[u8]) -> bool {
    memchr::memchr(b':', bytes).is_some_and(|colon| colon > 0 && colon + 3 < bytes.len())
}

fn follows_basic(text: &[u8], start: usize) -> bool {
    text[..start].ends_with(b"Basic ") || text[..start].ends_with(b"basic ")
}

impl Decoded {
    /// Where what was found stands, in whole groups of signs.
    fn source(&self, found: &Finding) -> Range<usize> {
        let (signs, bytes) = self.group;
        let first = found.start as usize / bytes * signs;
        let last = (found.end as usize).div_ceil(bytes) * signs;
        self.place(first)..(self.place(last - 1) + 1).min(self.end)
    }

    fn place(&self, sign: usize) -> usize {
        let line = self.lines.partition_point(|(first, _)| *first <= sign) - 1;
        let (first, start) = self.lines[line];
        start + (sign - first)
    }
}

/// The signs of an encoding from `start` on, over its line ends: where each line starts, and where the last ends.
fn wrapped(
    text: &[u8],
    start: usize,
    in_alphabet: impl Fn(u8) -> bool + Copy,
    bytes_of: impl Fn(&[u8]) -> Vec<u8>,
) -> (Vec<(usize, usize)>, Vec<u8>, usize) {
    let mut lines = vec![(0, start)];
    let mut end = start + text[start..].iter().take_while(|byte| in_alphabet(**byte)).count();
    let mut signs = text[start..end].to_vec();
    let width = end - start;
    if !LINE.contains(&width) || !width.is_multiple_of(4) {
        return (lines, signs, end);
    }
    while let Some(next) = next_line(text, end) {
        let length = forward_over(text, next, width + 1, in_alphabet) - next;
        let line = &text[next..next + length];
        // A shorter one is the last, unless it is a word.
        let last = length < width && ends_block(text, next + length) && is_text(&bytes_of(line));
        if length == 0 || length > width || length < width && !last {
            break;
        }
        lines.push((signs.len(), next));
        signs.extend_from_slice(line);
        end = next + length;
        if last {
            break;
        }
    }
    (lines, signs, end)
}

fn ends_block(text: &[u8], at: usize) -> bool {
    text.get(at).is_none_or(|byte| b"=\n\r\"'\\<".contains(byte))
}

/// Where the next line goes on: behind its end (which may be written as `\n`), indentation, a sign of mail or a patch.
fn next_line(text: &[u8], end: usize) -> Option<usize> {
    let rest = &text[end..];
    let (written, length) = match rest {
        [b'\r', b'\n', ..] => (false, 2),
        [b'\n', ..] => (false, 1),
        [b'\\', b'r', b'\\', b'n', ..] => (true, 4),
        [b'\\', b'n', ..] => (true, 2),
        _ => return None,
    };
    let at = end + length;
    let prefix = |byte: u8| b" \t>|".contains(&byte) || byte == b'#';
    Some(if written { at } else { forward_over(text, at, 32, prefix) })
}

/// Hexadecimal digits for text.
fn hexadecimal(text: &[u8], start: usize, end: usize) -> Option<Decoded> {
    let probe = text.get(start..start + 24)?;
    if end < start + 24 || !probe.iter().all(u8::is_ascii_hexdigit) || !is_text_start(&hex_bytes(probe)) {
        return None;
    }
    let (lines, signs, end) = wrapped(text, start, |byte| byte.is_ascii_hexdigit(), hex_bytes);
    let joined =
        text.get(end).is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    let bytes = as_text(hex_bytes(&signs))?;
    (signs.len() % 2 == 0 && !joined).then_some(Decoded { bytes, lines, end, group: (2, 1) })
}

fn hex_bytes(signs: &[u8]) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or(0) as u8;
    signs.chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

/// Base32 for text: capitals and the digits from 2 to 7.
fn base32(text: &[u8], start: usize, end: usize) -> Option<Decoded> {
    let in_alphabet = |byte: u8| byte.is_ascii_uppercase() || matches!(byte, b'2'..=b'7');
    let probe = text.get(start..start + 24)?;
    if end < start + 24
        || !probe.iter().all(|byte| in_alphabet(*byte))
        || !is_text_start(&decoded(probe, 5, base32_value))
    {
        return None;
    }
    let (lines, signs, end) = wrapped(text, start, in_alphabet, |signs| decoded(signs, 5, base32_value));
    let padding = forward_over(text, end, 6, |byte| byte == b'=') - end;
    let whole =
        (signs.len() + padding).is_multiple_of(8) || matches!(signs.len() % 8, 2 | 4 | 5 | 7) && padding == 0;
    let bytes = as_text(decoded(&signs, 5, base32_value))?;
    whole.then_some(Decoded { bytes, lines, end: end + padding, group: (8, 5) })
}

fn base32_value(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'2'..=b'7' => Some(byte - b'2' + 26),
        _ => None,
    }
}

/// Base64 (both alphabets) for text.
fn base64(text: &[u8], start: usize) -> Option<Decoded> {
    let in_alphabet = |byte: u8| sextet(byte).is_some();
    if !is_text_start(&first_bytes(text, start)?) {
        return None;
    }
    let (lines, signs, end) = wrapped(text, start, in_alphabet, base64_bytes);
    let bytes = as_text(base64_bytes(&signs))?;
    let padding = forward_over(text, end, 2, |byte| byte == b'=') - end;
    Some(Decoded { bytes, lines, end: end + padding, group: (4, 3) })
}

/// What the signs of base64 stand for; everything else for more than they can.
const SEXTETS: [u8; 256] = {
    let mut table = [u8::MAX; 256];
    let signs = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut at = 0;
    while at < signs.len() {
        table[signs[at] as usize] = at as u8;
        at += 1;
    }
    table[b'-' as usize] = 62;
    table[b'_' as usize] = 63;
    table
};

fn sextet(byte: u8) -> Option<u8> {
    let value = SEXTETS[byte as usize];
    (value < 64).then_some(value)
}

/// What the first twelve signs stand for; most runs are names, and end here.
fn first_bytes(text: &[u8], start: usize) -> Option<[u8; SHORTEST_LOGIN / 4 * 3]> {
    let (groups, _) = text.get(start..start + SHORTEST_LOGIN)?.as_chunks::<4>();
    let mut bytes = [0; SHORTEST_LOGIN / 4 * 3];
    for (group, out) in groups.iter().zip(bytes.chunks_mut(3)) {
        let mut bits = 0;
        for sign in group {
            bits = bits << 6 | u32::from(sextet(*sign)?);
        }
        out.copy_from_slice(&bits.to_be_bytes()[1..]);
    }
    Some(bytes)
}

/// The bytes of signs that are all in the alphabet.
fn base64_bytes(signs: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(signs.len() / 4 * 3 + 3);
    let (groups, rest) = signs.as_chunks::<4>();
    for group in groups {
        let bits = group.iter().fold(0, |bits, sign| bits << 6 | u32::from(SEXTETS[*sign as usize]));
        bytes.extend_from_slice(&bits.to_be_bytes()[1..]);
    }
    bytes.append(&mut decoded(rest, 6, sextet));
    bytes
}

/// The bytes of signs that stand for `bits` bits each, up to the first that is none.
fn decoded(signs: &[u8], bits: u32, value: impl Fn(u8) -> Option<u8>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(signs.len() * bits as usize / 8 + 1);
    let (mut gathered, mut held) = (0u32, 0);
    for value in signs.iter().map_while(|sign| value(*sign)) {
        gathered = gathered << bits | u32::from(value);
        held += bits;
        if held >= 8 {
            held -= 8;
            bytes.push((gathered >> held) as u8);
        }
    }
    bytes
}

fn is_control(byte: u8) -> bool {
    byte < b' ' && !matches!(byte, b'\n' | b'\r' | b'\t' | 0x1b)
}

/// Whether text may start with these bytes: UTF-8, or UTF-16 of a script for a shell of Windows.
fn is_text_start(bytes: &[u8]) -> bool {
    bytes.len() >= 8 && (is_text(bytes) || is_wide(bytes))
}

/// Whether the bytes are text, which may be cut off inside a character.
fn is_text(bytes: &[u8]) -> bool {
    let whole = std::str::from_utf8(bytes).map_or_else(|error| error.error_len().is_none(), |_| true);
    whole && !bytes.iter().copied().any(is_control)
}

fn is_wide(bytes: &[u8]) -> bool {
    let (pairs, _) = bytes.as_chunks::<2>();
    pairs.iter().all(|[low, high]| *high == 0 && !is_control(*low) && *low < 0x7f)
}

/// The bytes as text; `None` if they are none.
fn as_text(bytes: Vec<u8>) -> Option<Vec<u8>> {
    if is_wide(&bytes[..bytes.len().min(12)]) {
        return Some(bytes.into_iter().filter(|byte| *byte != 0).collect());
    }
    let control = bytes.iter().filter(|byte| is_control(**byte)).count();
    let written = match std::str::from_utf8(&bytes) {
        Ok(_) => bytes.len(),
        Err(error) => error.valid_up_to(),
    };
    (control * 20 <= bytes.len() && written * 20 >= bytes.len() * 19).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_only() {
        assert_eq!(base64(b"aGVsbG8gd29ybGQgb2YgdGV4dA==", 0).unwrap().bytes, b"hello world of text");
        assert!(base64(b"iVBORw0KGgoAAAANSUhEUgAA", 0).is_none());
        assert_eq!(hexadecimal(b"68656c6c6f20776f726c6421", 0, 24).unwrap().bytes, b"hello world!");
        assert!(hexadecimal(b"da39a3ee5e6b4b0d3255bfef95601890afd80709", 0, 40).is_none());
        assert_eq!(base32(b"NBSWY3DPEB3W64TMMQQG6ZRAORSXQ5A=", 0, 31).unwrap().bytes, b"hello world of text");
        assert!(base32(b"JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", 0, 32).is_none());
    }
}
