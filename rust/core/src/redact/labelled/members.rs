//! Values that another member of their object or another attribute of their element names.

use super::assign::{Operator, judge};
use super::records::is_plausible;
use super::value;
use crate::redact::keys::KeyClass;
use crate::redact::rules::RuleId;
use crate::redact::scan::Scan;
use crate::redact::scan::span::{Span, forward_over, quote_at, quoted_end, value_at};

/// How far into an object its value is looked for.
const REACH: usize = 300;
/// How many hosts of one object are read.
const MOST_HOSTS: usize = 16;
/// How long the value in front of its name may be.
const LONGEST: usize = 4 << 10;

/// `"spring.datasource.password": {"value": "x", …}`: the value in the object that opens at `open`.
pub(crate) fn value_inside<'a>(scan: &mut Scan<'a>, class: KeyClass, key: &'a [u8], open: usize) {
    let text = scan.text;
    of_hosts(scan, open);
    let reach = forward_over(text, open + 1, REACH, |b| b != b'}');
    let Some(name) = memchr::memmem::find_iter(&text[open..reach], b"value").take(4).find_map(|i| {
        let end = open + i + 5;
        let sign = forward_over(text, end, 8, |b| b"\\\"' ".contains(&b));
        (matches!(text[open + i - 1], b'"' | b'\'') && sign > end && text.get(sign) == Some(&b':'))
            .then_some(sign)
    }) else {
        return;
    };
    if let Some(span) = value_at(text, name + 1, false).filter(|span| span.quoted) {
        judge(scan, class, key, span, Operator { colon: true, strict: false, compares: false });
    }
}

/// `"github-oauth": {"github.com": "x"}`: the tokens of hosts in the object that opens at `open`.
fn of_hosts(scan: &mut Scan, open: usize) {
    let text = scan.text;
    let mut at = open + 1;
    for _ in 0..MOST_HOSTS {
        at = forward_over(text, at, 32, |b| b.is_ascii_whitespace() || b == b',');
        let Some((start, depth)) = quote_at(text, at) else { return };
        let end = forward_over(text, start, 80, |b| b.is_ascii_alphanumeric() || b".-:".contains(&b));
        let host = &text[start..end];
        let colon = forward_over(text, end, 8, |b| b"\\\"' ".contains(&b));
        if !host.contains(&b'.') || colon == end || text.get(colon) != Some(&b':') {
            return;
        }
        let Some(span) = value_at(text, colon + 1, false).filter(|span| span.quoted) else { return };
        if is_plausible(KeyClass::TOKEN, &text[span.start..span.end]) {
            scan.secret(span.start, span.end, RuleId::ASSIGNED);
        }
        at = span.end + depth + 1;
    }
}

/// `"value": "x", "key": "api_key"`: the value behind `op_end`, by the name behind it.
pub(crate) fn named_behind(scan: &mut Scan, op_end: usize) {
    let text = scan.text;
    let from = forward_over(text, op_end, 4, |b| b == b' ');
    let Some((start, depth)) = quote_at(text, from) else { return };
    let Some(end) = quoted_end(text, start, depth) else { return };
    let comma = end + depth + 1;
    if text[comma.min(text.len())..].starts_with(b" WHERE ") {
        return of_row(scan, Span { start, end, quoted: true }, comma + 7);
    }
    if text.get(comma) != Some(&b',') || end > start + LONGEST {
        return;
    }
    let label = forward_over(text, comma + 1, 64, |b| b" \n\t\\\"'".contains(&b));
    let colon = forward_over(text, label, 8, |b| b.is_ascii_alphabetic());
    let sign = forward_over(text, colon, 8, |b| b"\\\"' ".contains(&b));
    if !matches!(&text[label..colon], b"key" | b"name" | b"Key" | b"Name") || text.get(sign) != Some(&b':') {
        return;
    }
    let Some(name) = value_at(text, sign + 1, false).filter(|name| name.quoted && name.end - name.start < 80)
    else {
        return;
    };
    let key = &text[name.start..name.end];
    let class = scan.class(key);
    if class.hides_strings() || class == KeyClass::MAYBE {
        let span = Span { start, end, quoted: true };
        judge(scan, class, key, span, Operator { colon: true, strict: true, compares: false });
    }
}

/// `SET value = 'x' WHERE name = 'smtp_password'`
fn of_row(scan: &mut Scan, span: Span, from: usize) {
    let text = scan.text;
    let end = forward_over(text, from, 24, |b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'`'));
    let sign = forward_over(text, end, 4, |b| b == b' ');
    if text.get(sign) != Some(&b'=') {
        return;
    }
    let Some(name) = value_at(text, sign + 1, false).filter(|name| name.quoted && name.end - name.start < 80)
    else {
        return;
    };
    let key = &text[name.start..name.end];
    let class = scan.class(key);
    if class.hides_strings() {
        judge(scan, class, key, span, Operator { colon: false, strict: true, compares: false });
    }
}

/// `<string name="api_key">x</string>`: the text of the element whose name is the literal behind `op_end`.
pub(crate) fn named_element(scan: &mut Scan, op_end: usize) {
    let text = scan.text;
    let Some((start, depth)) = quote_at(text, op_end) else { return };
    let end = forward_over(text, start, 80, |b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
    if end == start || text.get(end + depth) != Some(&text[start - 1]) {
        return;
    }
    let behind = end + depth + 1;
    let ceiling = text.len().min(behind + 60);
    let close = memchr::memchr3(b'>', b'<', b'\n', &text[behind..ceiling]).map_or(ceiling, |i| behind + i);
    if text.get(close) != Some(&b'>') {
        return;
    }
    let from = close + 1;
    let to = forward_over(text, from, LONGEST, |b| !matches!(b, b'<' | b'\n'));
    if text[close - 1] == b'/' || to < from + 4 || !text[to..].starts_with(b"</") {
        return;
    }
    let class = scan.class(&text[start..end]);
    if class.hides_strings()
        && (is_plausible(class, &text[from..to])
            || class == KeyClass::SECRET && value::is_chosen_password(&text[from..to]))
    {
        scan.secret(from, to, RuleId::ASSIGNED);
    }
}

/// `Digest username="u", …, response="…"`: the answer to a challenge, in the line that starts at `from`.
pub(crate) fn digest_response(scan: &mut Scan, from: usize) {
    const RESPONSE: &[u8] = b"response=";
    let text = scan.text;
    let ceiling = text.len().min(from + 1024);
    let reach = memchr::memchr(b'\n', &text[from..ceiling]).map_or(ceiling, |i| from + i);
    let Some(at) = memchr::memmem::find(&text[from..reach], RESPONSE) else { return };
    let start = forward_over(text, from + at + RESPONSE.len(), 4, |b| matches!(b, b'\\' | b'"'));
    let end = forward_over(text, start, 129, |b| b.is_ascii_hexdigit());
    if (32..=128).contains(&(end - start)) {
        scan.secret(start, end, RuleId::ASSIGNED);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::{Policy, Redactor, Scratch, Verdict};

    fn redacted(text: &str) -> Vec<String> {
        let redactor = Redactor::new(&Policy::default()).unwrap();
        let mut scratch = Scratch::default();
        match redactor.text(KeyClass::PLAIN, text, &mut scratch) {
            Verdict::Spans => {
                scratch.findings.iter().map(|f| text[f.start as usize..f.end as usize].to_owned()).collect()
            }
            _ => Vec::new(),
        }
    }

    #[test]
    fn members_name_each_other() {
        for text in [
            r#"{"db.password":{"origin":"file","value":"Sommer-wald83"}}"#,
            r#"{\"db.password\":{\"value\":\"Sommer-wald83\"}}"#,
            r#"{"value":"Sommer-wald83","key":"password"}"#,
            r#"{"key":"db_password","value":"Sommer-wald83"}"#,
            r#"<string name="db_password" translatable="false">Sommer-wald83</string>"#,
        ] {
            assert_eq!(redacted(text), ["Sommer-wald83"], "{text}");
        }
    }

    #[test]
    fn schemas_and_labels_stay() {
        for text in [
            r#"{"password":{"type":"string","value":"string"}}"#,
            r#"{"password":{"value":""},"x":{"value":"Sommer-wald83"}}"#,
            r#"{"value":"createdAt2","key":"sort_key"}"#,
            r#"{"value":"a7 b8","other":1,"key":"password"}"#,
            r#"<string name="password_label">Passwort</string>"#,
            r#"<input name="password"/>Sommer-wald83</p>"#,
        ] {
            assert!(redacted(text).is_empty(), "{text}");
        }
    }
}
