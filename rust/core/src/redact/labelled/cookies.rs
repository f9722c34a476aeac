//! Cookie headers and cookie files: names survive, values go.

use super::benign;
use crate::redact::rules::RuleId;
use crate::redact::scan::Scan;
use crate::redact::scan::span::{Bytes, forward_over};
use crate::redact::tokens::unknown::Shape;

const LINE_LIMIT: usize = 4200;
/// Signs between the second field of a line in a cookie file and its value.
const FIELDS_BEHIND: usize = 5;

static FIELD_ENDS: Bytes = Bytes::of(b"\t\n\r");

/// The pairs of a `Cookie:` or `Set-Cookie:` header whose value starts at `from`.
pub(crate) fn header(scan: &mut Scan, from: usize) {
    let text = scan.text;
    if from < scan.memo.cookies {
        return;
    }
    let rest = &text[from..text.len().min(from + 8192)];
    let skip = rest.iter().take_while(|b| b" \"'\\=".contains(b)).count();
    let end = skip + rest[skip..].iter().position(|b| b"\n\r\"'\\".contains(b)).unwrap_or(rest.len() - skip);
    let mut at = from + skip;
    let line_end = from + end;
    scan.memo.cookies = line_end;
    if !text[at..line_end].contains(&b'=') {
        let value = &text[at..line_end];
        if Shape::of(value).digits > 0
            && !value.iter().any(|b| matches!(b, b'(' | b' '))
            && !benign::is_version(value)
        {
            scan.secret(at, line_end, RuleId::COOKIE);
        }
        return;
    }
    while at < line_end {
        let next = memchr::memchr(b';', &text[at..line_end]).map_or(line_end, |i| at + i);
        pair(scan, at, next);
        at = next + 1;
    }
}

fn pair(scan: &mut Scan, start: usize, end: usize) {
    let Some(sign) = memchr::memchr(b'=', &scan.text[start..end]) else { return };
    let name = scan.text[start..start + sign].trim_ascii();
    let (from, value) = (start + sign + 1, &scan.text[start + sign + 1..end]);
    if !is_attribute(name) && is_session_value(value) {
        scan.secret(from, end, RuleId::COOKIE);
    }
}

fn is_attribute(name: &[u8]) -> bool {
    ["path", "domain", "expires", "max-age", "samesite", "httponly", "secure", "priority"]
        .iter()
        .any(|attribute| name.eq_ignore_ascii_case(attribute.as_bytes()))
}

fn is_session_value(value: &[u8]) -> bool {
    let shape = Shape::of(value);
    value.len() >= 8 && shape.digits > 0 && !super::value::is_placeholder(value)
}

/// A line of a Netscape cookie file around its `TRUE` or `FALSE`: seven fields, the last one the value.
pub(crate) fn file_line(scan: &mut Scan, start: usize, end: usize) {
    let text = scan.text;
    let flag = [b"TRUE".as_slice(), b"FALSE"].iter().any(|flag| text[start..end].eq_ignore_ascii_case(flag));
    let Some(at) = start.checked_sub(1).filter(|at| text[*at] == b'\t' && flag) else { return };
    let ceiling = text.len().min(at + LINE_LIMIT);
    // Fields are short.
    let field_end = |from: usize| forward_over(text, from, ceiling - from, |b| !FIELD_ENDS.has(b));
    let mut value = start;
    for _ in 0..FIELDS_BEHIND {
        let sign = field_end(value);
        if sign == ceiling || text[sign] != b'\t' {
            return;
        }
        value = sign + 1;
    }
    let end = field_end(value);
    if end > value && text.get(end) != Some(&b'\t') {
        scan.secret(value, end, RuleId::COOKIE);
    }
}
