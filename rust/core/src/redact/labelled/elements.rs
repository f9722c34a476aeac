//! XML, HTML and property lists: names of elements and attributes, and the values inside.

use super::assign::{Name, Operator, judge};
use crate::redact::keys::KeyClass;
use crate::redact::pii;
use crate::redact::scan::Scan;
use crate::redact::scan::span::{Span, VALUE_LIMIT, back_over, forward_over};

/// Attributes behind the name, up to the `>`.
const ATTRIBUTES: usize = 160;
/// Elements that hold the name of what stands in the next one.
const NAME_TAGS: [(&[u8], &[u8]); 4] =
    [(b"<key>", b"</key>"), (b"<name>", b"</name>"), (b"<Key>", b"</Key>"), (b"<Name>", b"</Name>")];
/// How far in front of a name its `<` is looked for.
const TAG_REACH: usize = 160;

/// Looks at a word that stands in a tag or between two: `<password>x</…`, `<x name="password">y</…`,
/// `<key>password</key> <string>x</…`.
pub(crate) fn at_word(scan: &mut Scan, name: Name, next: u8) {
    match next {
        b'>' | b' ' => element(scan, name),
        b'<' => entry(scan, name),
        b'"' | b'\'' => attribute(scan, name),
        _ => {}
    }
}

/// `<password>x</password>`, `<ns:Pass encoding="base64">x</ns:Pass>`
fn element(scan: &mut Scan, name: Name) {
    let text = scan.text;
    let space =
        back_over(text, name.start, 24, |b| b.is_ascii_alphanumeric() || matches!(b, b':' | b'-' | b'_'));
    let opens = space > 0 && text[space - 1] == b'<' && (space == name.start || text[name.start - 1] == b':');
    if opens && let Some(from) = past_attributes(text, name.end) {
        content(scan, name, from);
    }
}

/// `<property name="db.password">x</property>`, also with further attributes.
fn attribute(scan: &mut Scan, name: Name) {
    let text = scan.text;
    if name.start < 2 || text[name.start - 2] != b'=' {
        return;
    }
    let floor = name.start.saturating_sub(TAG_REACH);
    let tag = memchr::memrchr3(b'<', b'>', b'\n', &text[floor..name.start]).map_or(floor, |i| floor + i + 1);
    if tag > 0
        && text[tag - 1] == b'<'
        && let Some(from) = past_attributes(text, name.end + 1)
    {
        content(scan, name, from);
    }
}

/// `<key>password</key><string>x</string>`, `<name>password</name><value>x</value>`
fn entry(scan: &mut Scan, name: Name) {
    let text = scan.text;
    let tag = |(open, close): &&(&[u8], &[u8])| {
        text[..name.start].ends_with(open) && text[name.end..].starts_with(close)
    };
    if let Some((_, close)) = NAME_TAGS.iter().find(tag) {
        content(scan, name, name.end + close.len());
    }
}

/// Where the content of an element starts whose tag goes on at `at`; none where it has none.
fn past_attributes(text: &[u8], at: usize) -> Option<usize> {
    let ceiling = text.len().min(at + ATTRIBUTES);
    let end = memchr::memchr3(b'<', b'>', b'\n', text.get(at..ceiling)?).map_or(ceiling, |i| at + i);
    (text.get(end) == Some(&b'>') && text[end - 1] != b'/').then_some(end + 1)
}

/// The text in an element, or in the first elements inside it.
fn content(scan: &mut Scan, name: Name, from: usize) {
    let text = scan.text;
    let class = scan.class(&text[name.start..name.end]);
    // `<code>` is an element of pages, and what it holds anything.
    if class == KeyClass::PLAIN || &text[name.start..name.end] == b"code" {
        return;
    }
    let mut start = from;
    for _ in 0..2 {
        let gap = forward_over(text, start, 80, |b| b.is_ascii_whitespace());
        match text.get(gap..) {
            Some([b'<', b'!', ..]) if text[gap..].starts_with(b"<![CDATA[") => start = gap + 9,
            Some([b'<', tag, ..]) if tag.is_ascii_alphabetic() => match past_attributes(text, gap + 1) {
                Some(inside) => start = inside,
                None => return,
            },
            _ => break,
        }
    }
    let end = forward_over(text, start, VALUE_LIMIT, |b| b != b'<');
    let end = memchr::memmem::find(&text[start..end], b"]]>").map_or(end, |close| start + close);
    if end == start || !(text[end..].starts_with(b"</") || text[end..].starts_with(b"]]>")) {
        return;
    }
    let span = Span { start, end, quoted: true };
    if let Some(datum) = class.datum() {
        return pii::labelled(scan, datum, span);
    }
    if class.hides_strings() || class == KeyClass::MAYBE {
        let key = &text[name.start..name.end];
        judge(scan, class, key, span, Operator { colon: false, strict: true, compares: false });
    }
}
