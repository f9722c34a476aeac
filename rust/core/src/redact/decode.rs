//! Encoded text: decoded and scanned again, to a bounded depth, with every finding mapped back to where it stands.

use super::rules::RuleId;
use super::scan::Scan;
use super::unknown::Shape;
use super::{Finding, With};

const MAX_DEPTH: u8 = 3;
const RUN_LIMIT: usize = 64 << 10;

/// Decoded text and, for each of its bytes, where it came from.
struct View {
    bytes: Vec<u8>,
    from: Vec<u32>,
}

impl View {
    fn push(&mut self, byte: u8, from: usize) {
        self.bytes.push(byte);
        self.from.push(from as u32);
    }

    fn push_char(&mut self, code: u32, from: usize) {
        let mut buffer = [0; 4];
        if let Some(decoded) = char::from_u32(code) {
            for byte in decoded.encode_utf8(&mut buffer).bytes() {
                self.push(byte, from);
            }
        }
    }
}

/// Scans the text again with its escapes resolved, if it has any.
pub(crate) fn views(scan: &mut Scan) {
    if scan.depth >= MAX_DEPTH || !has_escape(scan.text) {
        return;
    }
    let Some(view) = unescaped(scan.text) else { return };
    for finding in scan.inner(&view.bytes) {
        let start = view.from[finding.start as usize] as usize;
        let end = view.from.get(finding.end as usize).map_or(scan.text.len(), |at| *at as usize);
        scan.add(start, end, finding.rule, finding.with);
    }
}

/// A cheap look for anything that [`unescaped`] would change.
fn has_escape(text: &[u8]) -> bool {
    memchr::memchr3_iter(b'%', b'&', b'\\', text).any(|at| escape_at(text, at).is_some())
        || memchr::memchr(0x1b, text).is_some()
        || memchr::memchr_iter(b'=', text).any(|at| soft_break(text, at))
        || (!text.is_ascii()
            && memchr::memchr2_iter(0xe2, 0xef, text)
                .any(|at| invisible(text, at) > 0 || is_wide_word(text, at)))
        || is_printable(text)
}

fn is_wide_word(text: &[u8], at: usize) -> bool {
    full_width(text, at).is_some_and(|byte| byte.is_ascii_alphanumeric())
}

/// What an escape stands for.
struct Escape {
    length: usize,
    code: u32,
    /// One byte of UTF-8 rather than a character.
    raw: bool,
}

fn escape_at(text: &[u8], at: usize) -> Option<Escape> {
    match text[at] {
        b'%' => hex(text, at + 1, 2).map(|code| Escape { length: 3, code, raw: true }),
        b'&' => entity(text, at),
        b'\\' => backslash(text, at),
        _ => None,
    }
}

fn hex(text: &[u8], at: usize, digits: usize) -> Option<u32> {
    let text = text.get(at..at + digits)?;
    text.iter().try_fold(0, |code, byte| Some(code * 16 + char::from(*byte).to_digit(16)?))
}

fn backslash(text: &[u8], at: usize) -> Option<Escape> {
    match text.get(at + 1)? {
        b'u' if text.get(at + 2) == Some(&b'{') => {
            let length = text[at + 3..].iter().take(7).position(|b| *b == b'}')?;
            hex(text, at + 3, length).map(|code| Escape { length: length + 4, code, raw: false })
        }
        b'u' => hex(text, at + 2, 4).map(|code| Escape { length: 6, code, raw: false }),
        b'U' => hex(text, at + 2, 8).map(|code| Escape { length: 10, code, raw: false }),
        b'x' => hex(text, at + 2, 2).map(|code| Escape { length: 4, code, raw: true }),
        b'0'..=b'3' => octal(text, at),
        b'/' => Some(Escape { length: 2, code: u32::from(b'/'), raw: true }),
        b'\n' => Some(Escape { length: 2, code: u32::MAX, raw: false }),
        _ => None,
    }
}

fn octal(text: &[u8], at: usize) -> Option<Escape> {
    let digits = text.get(at + 1..at + 4)?;
    let code = digits.iter().try_fold(0, |code, byte| Some(code * 8 + char::from(*byte).to_digit(8)?))?;
    (code >= 0x20).then_some(Escape { length: 4, code, raw: true })
}

fn entity(text: &[u8], at: usize) -> Option<Escape> {
    let length = text[at + 1..].iter().take(10).position(|b| *b == b';')?;
    let name = &text[at + 1..at + 1 + length];
    let code = match name {
        b"amp" => 38,
        b"lt" => 60,
        b"gt" => 62,
        b"quot" => 34,
        b"apos" => 39,
        b"commat" => 64,
        b"colon" => 58,
        b"equals" => 61,
        b"sol" => 47,
        b"period" => 46,
        b"lowbar" => 95,
        b"hyphen" => 45,
        [b'#', b'x' | b'X', digits @ ..] => hex(digits, 0, digits.len())?,
        [b'#', digits @ ..] if !digits.is_empty() => {
            digits.iter().try_fold(0u32, |code, b| Some(code * 10 + char::from(*b).to_digit(10)?))?
        }
        _ => return None,
    };
    Some(Escape { length: length + 2, code, raw: false })
}

/// A soft line break of quoted-printable: `=` at the end of a line with text before and after.
fn soft_break(text: &[u8], at: usize) -> bool {
    text.get(at + 1) == Some(&b'\n')
        && at > 0
        && text[at - 1].is_ascii_alphanumeric()
        && text.get(at + 2).is_some_and(u8::is_ascii_alphanumeric)
}

/// Whether quoted-printable escapes stand in the text: `=3D`, `=40`, or several in a row.
fn is_printable(text: &[u8]) -> bool {
    memchr::memchr_iter(b'=', text).any(|at| {
        let code = hex(text, at + 1, 2);
        let follows = || {
            text.get(at + 3) == Some(&b'=')
                && hex(text, at + 4, 2).is_some()
                && text.get(at + 6) == Some(&b'=')
        };
        code.is_some_and(|code| code == 0x3d || code == 0x40 || code >= 0x20 && follows())
    })
}

/// The full-width form of an ASCII character at `at`.
fn full_width(text: &[u8], at: usize) -> Option<u8> {
    match text.get(at..at + 3)? {
        [0xef, 0xbc, low @ 0x81..=0xbf] => Some(low - 0x81 + b'!'),
        [0xef, 0xbd, low @ 0x80..=0x9e] => Some(low - 0x80 + b'`'),
        _ => None,
    }
}

/// The length of a zero-width or soft character at `at`; 0 if there is none.
fn invisible(text: &[u8], at: usize) -> usize {
    match text.get(at..at + 3) {
        Some([0xe2, 0x80, 0x8b..=0x8f | 0xaa..=0xae] | [0xe2, 0x81, 0xa0..=0xa4] | [0xef, 0xbb, 0xbf]) => 3,
        Some([0xc2, 0xad, _]) => 2,
        _ => 0,
    }
}

/// The length of a terminal sequence (`ESC [ … letter`) at `at`.
fn terminal(text: &[u8], at: usize) -> usize {
    if text.get(at + 1) != Some(&b'[') {
        return 1;
    }
    text[at + 2..].iter().take(24).position(u8::is_ascii_alphabetic).map_or(2, |i| i + 3)
}

/// The text with all escapes of one level resolved; `None` if nothing changed.
fn unescaped(text: &[u8]) -> Option<View> {
    let mut view = View { bytes: Vec::with_capacity(text.len()), from: Vec::with_capacity(text.len()) };
    let printable = is_printable(text) || memchr::memchr_iter(b'=', text).any(|at| soft_break(text, at));
    let mut at = 0;
    while at < text.len() {
        at += step(text, at, printable, &mut view);
    }
    (view.bytes.len() < text.len()).then_some(view)
}

/// Decodes at `at`; how many bytes that took.
fn step(text: &[u8], at: usize, printable: bool, view: &mut View) -> usize {
    let byte = text[at];
    let skipped = match byte {
        0x1b => terminal(text, at),
        0xe2 | 0xef | 0xc2 => invisible(text, at),
        b'=' if printable && soft_break(text, at) => 2,
        _ => 0,
    };
    if skipped > 0 {
        return skipped;
    }
    if let Some(narrow) = full_width(text, at) {
        view.push(narrow, at);
        return 3;
    }
    if byte == b'='
        && printable
        && let Some(code) = hex(text, at + 1, 2).filter(|code| *code >= 0x20)
    {
        view.push(code as u8, at);
        return 3;
    }
    match escape_at(text, at) {
        Some(escape) if escape.code == u32::MAX => escape.length,
        Some(escape) => {
            if escape.raw {
                view.push(escape.code as u8, at);
            } else {
                view.push_char(escape.code, at);
            }
            escape.length
        }
        None => {
            view.push(byte, at);
            1
        }
    }
}

/// A run of word characters: decoded and scanned if it is base64 or hexadecimal for text.
pub(crate) fn at_run(scan: &mut Scan, start: usize, end: usize) {
    if scan.depth >= MAX_DEPTH || end - start < 16 || scan.covers(start) {
        return;
    }
    let before = if start > 0 { scan.text[start - 1] } else { b' ' };
    if matches!(before, b'+' | b'/') && start > 1 && scan.text[start - 2].is_ascii_alphanumeric() {
        return;
    }
    if let Some((end, bytes)) = from_hex(scan.text, start, end).or_else(|| from_base64(scan.text, start)) {
        rescan(scan, start, end, &bytes);
    }
}

fn rescan(scan: &mut Scan, start: usize, end: usize, bytes: &[u8]) {
    let inner = scan.inner(bytes);
    let telling = |finding: &Finding| finding.with == With::Marker;
    let random = bytes.len() >= 16 && super::value::is_token(bytes, &Shape::of(bytes));
    if inner.iter().any(telling) || random || is_login(bytes) && follows_basic(scan.text, start) {
        scan.secret(start, end, RuleId::ENCODED);
    }
}

fn is_login(bytes: &[u8]) -> bool {
    memchr::memchr(b':', bytes).is_some_and(|colon| colon > 0 && colon + 3 < bytes.len())
}

fn follows_basic(text: &[u8], start: usize) -> bool {
    text[..start].ends_with(b"Basic ") || text[..start].ends_with(b"basic ")
}

/// Hexadecimal digits for printable text.
fn from_hex(text: &[u8], start: usize, end: usize) -> Option<(usize, Vec<u8>)> {
    let run = &text[start..end];
    if run.len() < 24 || run.len() % 2 == 1 || run.len() > RUN_LIMIT || !run.iter().all(u8::is_ascii_hexdigit)
    {
        return None;
    }
    let mut bytes = Vec::with_capacity(run.len() / 2);
    for pair in (0..run.len()).step_by(2) {
        let byte = hex(run, pair, 2)? as u8;
        if !is_textual(byte) {
            return None;
        }
        bytes.push(byte);
    }
    Some((end, bytes))
}

fn is_textual(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e | b'\n' | b'\r' | b'\t')
}

/// Base64 (both alphabets) for text.
fn from_base64(text: &[u8], start: usize) -> Option<(usize, Vec<u8>)> {
    let ceiling = text.len().min(start + RUN_LIMIT);
    let run = &text[start..ceiling];
    let probe = decode_base64(run.get(..16)?);
    if probe.len() != 12 || !probe.iter().all(|byte| is_textual(*byte) || *byte >= 0xc3) {
        return None;
    }
    let length = run.iter().take_while(|byte| sextet(**byte).is_some()).count();
    let bytes = decode_base64(&run[..length]);
    let textual = bytes.iter().filter(|byte| is_textual(**byte)).count();
    let padding = run[length..].iter().take(2).take_while(|byte| **byte == b'=').count();
    (textual * 100 >= bytes.len() * 95).then_some((start + length + padding, bytes))
}

fn decode_base64(run: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(run.len() / 4 * 3 + 3);
    let (mut bits, mut held) = (0u32, 0);
    for byte in run {
        let Some(value) = sextet(*byte) else { break };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    bytes
}

fn sextet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str) -> Option<String> {
        unescaped(text.as_bytes()).map(|view| String::from_utf8_lossy(&view.bytes).into_owned())
    }

    #[test]
    fn one_level_of_every_escape() {
        assert_eq!(decoded("a%40b.org").as_deref(), Some("a@b.org"));
        assert_eq!(decoded("\\u0070\\x61\\163s").as_deref(), Some("pass"));
        assert_eq!(decoded("&#112;&#x61;ss&quot;").as_deref(), Some("pass\""));
        assert_eq!(decoded("\u{1b}[32mOK\u{1b}[0m").as_deref(), Some("OK"));
        assert_eq!(decoded("gh\u{200b}p_x").as_deref(), Some("ghp_x"));
        assert_eq!(decoded("%2540").as_deref(), Some("%40"));
        assert_eq!(decoded("100% of \\n & more"), None);
    }

    #[test]
    fn base64_and_hex_of_text_only() {
        assert_eq!(from_base64(b"aGVsbG8gd29ybGQgb2YgdGV4dA==", 0).unwrap().1, b"hello world of text");
        assert!(from_base64(b"iVBORw0KGgoAAAANSUhEUgAA", 0).is_none());
        assert_eq!(from_hex(b"68656c6c6f20776f726c6421", 0, 24).unwrap().1, b"hello world!");
        assert!(from_hex(b"da39a3ee5e6b4b0d3255bfef95601890afd80709", 0, 40).is_none());
    }
}
