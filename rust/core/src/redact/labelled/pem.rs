//! Private keys in armour, and password hashes.

use crate::redact::rules::RuleId;
use crate::redact::scan::Scan;
use crate::redact::scan::span::{forward_over, to_line_end};

const BLOCK_LIMIT: usize = 64 << 10;

/// Looks at the word that ends at `end`.
pub(crate) fn at_word(scan: &mut Scan, end: usize) {
    const BEGIN: &[u8] = b"-----BEGIN";
    let start = end.saturating_sub(BEGIN.len());
    let ends_in_n = end > 0 && scan.text[end - 1] | 0x20 == b'n';
    if ends_in_n && scan.text[start..end].eq_ignore_ascii_case(BEGIN) {
        at_begin(scan, start);
    } else if scan.text[..end].ends_with(b"---- BEGIN") {
        at_begin(scan, end - 10);
    }
}

/// `Private-Lines: 8` of a `PuTTY` key: the lines that follow.
pub(crate) fn at_key(scan: &mut Scan, key: &[u8], op_end: usize) {
    if key != b"Private-Lines" {
        return;
    }
    let text = scan.text;
    let from = forward_over(text, op_end, 8, |b| b == b' ' || b.is_ascii_digit());
    let end = from + body_length(&text[from..text.len().min(from + BLOCK_LIMIT)]);
    // The name of what follows the body belongs to its last line.
    let end = memchr::memmem::find(&text[from..end], b"Private-").map_or(end, |i| from + i);
    let start = forward_over(text, from, 8, |b| matches!(b, b'\n' | b'\r' | b'\\' | b'n'));
    if end > start + 16 {
        scan.secret(start, from + trimmed(&text[from..end]), RuleId::PRIVATE_KEY);
    }
}

/// `untrusted comment: … secret key` of minisign: the line that follows.
pub(crate) fn behind_comment(scan: &mut Scan, end: usize) {
    let text = scan.text;
    if !text[end..].starts_with(b"\nRW") {
        return;
    }
    let close = forward_over(text, end + 1, 400, |b| b.is_ascii_alphanumeric() || b"+/=".contains(&b));
    if close - end > 60 {
        scan.secret(end + 1, close, RuleId::PRIVATE_KEY);
    }
}

/// `-----BEGIN … PRIVATE KEY-----` at `at`: everything up to its end line goes; cut off, everything that looks
/// like its body.
fn at_begin(scan: &mut Scan, at: usize) {
    let text = scan.text;
    if scan.covers(at) {
        return;
    }
    let rest = &text[at..text.len().min(at + BLOCK_LIMIT)];
    let Some(label_end) = memchr::memmem::find(&rest[10..rest.len().min(90)], b"----").map(|i| i + 10) else {
        return;
    };
    let label = &rest[..label_end];
    let private = [b"PRIVATE".as_slice(), b"private", b"SECRET", b"OpenVPN Static"]
        .iter()
        .any(|word| super::value::contains(label, word));
    if !private || label.contains(&b'<') {
        return;
    }
    let body = rest.len().min(label_end + 5);
    let closing = if rest.starts_with(b"---- ") { b"---- END".as_slice() } else { b"-----END" };
    // Where the armours before this one were not closed, this one is not closed either.
    let open = scan.memo.unclosed.saturating_sub(at).clamp(body, rest.len());
    let found = memchr::memmem::find(&rest[open..], closing).map(|tail| open + tail - body);
    if found.is_none() {
        scan.memo.unclosed = at + rest.len().saturating_sub(closing.len());
    }
    let end = match found {
        Some(tail) => {
            body + tail
                + rest[body + tail..]
                    .iter()
                    .skip(8)
                    .take(80)
                    .position(|b| matches!(b, b'\n' | b'"' | b'\'' | b'\\'))
                    .map_or(8, |i| i + 8)
        }
        None => body + cut_length(&rest[body..]),
    };
    let end = end.min(rest.len());
    if end > body + 8 {
        scan.secret(at, at + trimmed(&rest[..end]), RuleId::PRIVATE_KEY);
    }
}

/// The body of an armour that was cut off: lines of base64 and the headers in front of them.
fn cut_length(text: &[u8]) -> usize {
    const HEADERS: [&[u8]; 6] = [b"Proc-Type", b"DEK-Info", b"Version", b"Comment", b"Hash", b"Charset"];
    let mut at = 0;
    while at < text.len() {
        let start = forward_over(text, at, 64, |b| b.is_ascii_whitespace());
        let end = forward_over(text, start, BLOCK_LIMIT, |b| {
            b.is_ascii_alphanumeric() || b"+/=\\\"',|".contains(&b)
        });
        let line = &text[start..end];
        let whole = text.get(end).is_none_or(|b| matches!(b, b'\n' | b'\r'));
        if HEADERS.iter().any(|header| text[start..].starts_with(header)) {
            at = to_line_end(text, start, 200);
        } else if whole && (line.len() >= 16 || end == text.len()) {
            at = end;
        } else {
            // A last line is shorter, and longer than a word only where it is none.
            let last = whole && line.len() >= 4 && !line.iter().all(u8::is_ascii_lowercase);
            return if last { end } else { at };
        }
        if at == start {
            return at;
        }
    }
    at
}

/// Base64, line ends (real or escaped), quotes, indentation and headers of an armour that was cut off.
fn body_length(text: &[u8]) -> usize {
    text.iter().take_while(|b| b.is_ascii_alphanumeric() || b"+/=\\ \n\r\t\"':,-|".contains(b)).count()
}

fn trimmed(text: &[u8]) -> usize {
    text.iter().rposition(|b| !b"\"'\n\r \\".contains(b)).map_or(text.len(), |i| i + 1)
}

/// `$2b$…`, `$6$salt$hash`, `$argon2id$…` at `at`.
pub(crate) fn at_dollar(scan: &mut Scan, at: usize) {
    let text = scan.text;
    if scan.covers(at) {
        return;
    }
    if text[at + 1..].starts_with(b"ANSIBLE_VAULT;") {
        return vault_body(scan, at);
    }
    if text[..at].ends_with(b"SCRAM-SHA-256") {
        let end = forward_over(text, at, 200, |b| b.is_ascii_alphanumeric() || b"$:+/=".contains(&b));
        if end > at + 60 {
            scan.secret(at + 1, end, RuleId::HASHED);
        }
        return;
    }
    let scheme = forward_over(text, at + 1, 14, |b| b.is_ascii_alphanumeric() || b == b'-');
    if scheme == at + 1 || text.get(scheme) != Some(&b'$') {
        return;
    }
    // `$LT$`, `$u20$`: how Rust writes signs in its symbols.
    let sign = &text[at + 1..scheme];
    if matches!(sign, b"LT" | b"GT" | b"LP" | b"RP" | b"RF" | b"BP" | b"C" | b"SP") || sign[0] == b'u' {
        return;
    }
    let ceiling = text.len().min(at + 256);
    let length =
        text[at..ceiling].iter().take_while(|b| b.is_ascii_alphanumeric() || b"$./=,+-".contains(b)).count();
    let dollars = memchr::memchr_iter(b'$', &text[at..at + length]).count();
    let symbol = || {
        let run = &text[at..at + length];
        let written = |sign: usize| {
            matches!(
                run[sign + 1..],
                [b'u', b'2', b'0', b'$', ..] | [b'L' | b'G', b'T', b'$', ..] | [b'R', b'F', b'$', ..]
            )
        };
        memchr::memchr_iter(b'$', run).any(written)
    };
    if length >= 28 && dollars >= 3 && !symbol() {
        scan.secret(at, at + length, RuleId::HASHED);
    }
}
/// The lines of hexadecimal digits below the header of an Ansible vault at `at`.
fn vault_body(scan: &mut Scan, at: usize) {
    let text = scan.text;
    let header = forward_over(text, at, 80, |b| b.is_ascii_graphic() && b != b'\\' && b != b'"');
    let start = forward_over(text, header, 80, |b| b" \t\r\n\\".contains(&b) || b == b'n');
    let end = forward_over(text, start, BLOCK_LIMIT, |b| b.is_ascii_hexdigit() || b" \t\r\n\\n".contains(&b));
    let body = &text[start..end];
    let first = body.iter().take_while(|b| b.is_ascii_hexdigit()).count();
    if first < 32 {
        return;
    }
    // The last line ends with its digits; what stands below a shorter line is no part of it.
    let mut last = start;
    let mut from = start;
    while from < end {
        let run = forward_over(text, from, end - from, |b| b.is_ascii_hexdigit());
        if run - from < 2 || (run - from) % 2 != 0 {
            break;
        }
        last = run;
        from = forward_over(text, run, end - run, |b| b" \t\r\n\\n".contains(&b));
    }
    scan.secret(start, last, RuleId::HASHED);
}
