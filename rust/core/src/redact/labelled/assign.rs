//! Assignments in text: `k=v`, `k: v`, `"k": "v"`, `k => v`, `<k>v</k>`, `name="k" value="v"`, `("k", "v")`, at any
//! depth of escaping.

use super::benign;
use super::lines;
use super::members;
use super::records;
use super::schemes::after_scheme;
use super::value::{self, Place};
use super::worded;
use super::{calls, elements, named, pem, prose, spaced};
use crate::redact::keys::KeyClass;
use crate::redact::keys::words;
use crate::redact::pii;
use crate::redact::rules::RuleId;
use crate::redact::scan::Scan;
use crate::redact::scan::segments::last_segment;
use crate::redact::scan::span::{
    Bytes, KEY_LIMIT, VALUE_LIMIT, back_over, forward_over, quote_at, quoted_end, to_line_start,
};
use crate::redact::scan::tails::may_hold_secret;
use crate::redact::tokens::unknown::Shape;

pub(crate) use crate::redact::scan::span::{Span, value_at};

const NAMES_IN_VALUE: usize = 8;

/// A name in front of an operator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) quoted: bool,
}

/// Names this long may say in the middle that they are secret (`password_x`), shorter ones only at the end.
pub(crate) const LONG_NAME: usize = 7;

/// The shortest name of a value that a sibling names: `val`.
const SHORTEST_SIBLING: usize = 3;

/// A first look at the operator at `at`: false when the name in front of it can say nothing.
#[inline]
pub(crate) fn may_be_named(scan: &Scan, at: usize) -> bool {
    let text = scan.text;
    let Some(&before) = at.checked_sub(1).and_then(|i| text.get(i)) else { return false };
    let end = if before.is_ascii_alphanumeric() { at } else { name_end(text, at) };
    let inside = scan.memo.secret_word + KEY_LIMIT >= end;
    scan.redactor.keys.may_end(text, end) || is_switch(text, at) || inside && may_hold_secret(text, end)
}

/// Where the name in front of the operator at `at` ends: before spaces, quotes and brackets.
pub(super) fn name_end(text: &[u8], at: usize) -> usize {
    let sign =
        if text[at] == b'=' { back_over(text, at, 2, |b| matches!(b, b'?' | b'|' | b'/')) } else { at };
    let end = back_over(text, sign, 64, |b| b == b' ' || b == b'\t');
    back_over(text, end, 8, closes_name)
}

/// Quotes, escapes, brackets and emphasis behind a name.
#[inline]
fn closes_name(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'`' | b'\\' | b']' | b'*')
}

/// Looks at the `=` or `:` at `at`.
pub(crate) fn at_operator(scan: &mut Scan, at: usize) {
    let Some((op_end, compares)) = operator(scan.text, at) else {
        return records::at_double_colon(scan, at);
    };
    let Some(name) = name_before(scan.text, at) else { return };
    let key = &scan.text[name.start..name.end];
    let class = class_of(scan, name);
    if class != KeyClass::PLAIN && is_no_label(scan.text, name, at) {
        return;
    }
    let class = if is_password_switch(scan.text, name, at) { KeyClass::SECRET } else { class };
    if class == KeyClass::PLAIN && key.len() < SHORTEST_SIBLING {
        return;
    }
    if class == KeyClass::PLAIN || class.is_content() {
        named::at_operator(scan, key, name.start, op_end);
        return records::named_value(scan, key, name.start, op_end);
    }
    if scan.text[at] == b':' && is_default(scan.text, name, at) {
        return default_of(scan, op_end);
    }
    let strict = is_strict(scan.text, name, at, op_end);
    value_of(scan, class, name, op_end, Operator { colon: scan.text[at] == b':', strict, compares });
}

/// `${DB_PASS:-x}`, `${DB_PASS:=x}`
fn is_default(text: &[u8], name: Name, at: usize) -> bool {
    matches!(text.get(at + 1), Some(b'-' | b'=')) && text[..name.start].ends_with(b"${") && name.end == at
}

/// The value that a shell takes for a variable that is not set.
fn default_of(scan: &mut Scan, from: usize) {
    let text = scan.text;
    let start = forward_over(text, from, 1, |b| matches!(b, b'-' | b'='));
    let end = forward_over(text, start, KEY_LIMIT, |b| b.is_ascii_graphic() && b != b'}');
    let body = &text[start..end];
    let nested = body.iter().any(|b| matches!(b, b'$' | b'{' | b'`'));
    if text.get(end) == Some(&b'}') && !nested && spaced::is_password(body) {
        scan.secret(start, end, RuleId::ASSIGNED);
    }
}

/// Names of files with a line number behind them, parts of URNs, badges.
fn is_no_label(text: &[u8], name: Name, at: usize) -> bool {
    benign::is_place_in_file(text, name.start, name.end, at)
        || benign::is_badge(text, name.start)
        || benign::is_in_urn(text, name.start, at)
}

/// `/p:x` of Windows tools, `PRAGMA key = 'x'`, `netsh wlan … key=x`.
fn is_password_switch(text: &[u8], name: Name, at: usize) -> bool {
    match &text[name.start..name.end] {
        b"p" | b"P" | b"rp" => {
            matches!(text[..name.start], [.., b' ' | b'"' | b'\'', b'/']) && text[at] == b':'
        }
        b"key" | b"Key" => {
            let front = &text[to_line_start(text, name.start, 80)..name.start];
            text[at] == b'=' && (front.ends_with(b"PRAGMA ") || value::contains(front, b"netsh wlan "))
                || text[at] == b':' && names_network(front)
        }
        _ => false,
    }
}

/// `Wifi: office, key: x`
fn names_network(front: &[u8]) -> bool {
    [b"wifi".as_slice(), b"wi-fi", b"wlan"]
        .iter()
        .any(|word| front.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word)))
}

/// `/x:` and `/xy:` in front of the colon at `at`.
fn is_switch(text: &[u8], at: usize) -> bool {
    text[at] == b':' && at >= 3 && (text[at - 2] == b'/' || text[at - 3] == b'/')
}

/// How a name and a value are joined.
#[derive(Clone, Copy)]
pub(crate) struct Operator {
    pub(crate) colon: bool,
    pub(crate) strict: bool,
    pub(crate) compares: bool,
}

/// The end of the operator at `at`, and whether it compares.
fn operator(text: &[u8], at: usize) -> Option<(usize, bool)> {
    let before = if at > 0 { text[at - 1] } else { b' ' };
    let after = text.get(at + 1).copied().unwrap_or(b'\n');
    match text[at] {
        b':' if before == b':' || after == b':' => None,
        b':' if after == b'/' && text.get(at + 2) == Some(&b'/') => None,
        b':' if after == b'=' => Some((at + 2, false)),
        b'=' if b"=!<>:+-*/|&^%~".contains(&before) && !sets_default(text, at) => None,
        b'=' if after == b'=' => {
            let end = if text.get(at + 2) == Some(&b'=') { at + 3 } else { at + 2 };
            Some((end, true))
        }
        b'=' if after == b'>' => Some((at + 2, false)),
        _ => Some((at + 1, false)),
    }
}

/// `||=`, `??=`, `//=`: a value for a name that has none.
fn sets_default(text: &[u8], at: usize) -> bool {
    at >= 2 && text[at - 1] == text[at - 2] && matches!(text[at - 1], b'|' | b'?' | b'/')
}

static NAME_BYTES: Bytes =
    Bytes::of(b"_-.$0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz").and_wide();

pub(crate) fn is_name_byte(byte: u8) -> bool {
    NAME_BYTES.has(byte)
}

/// The name that ends in front of `at`, past spaces, quotes, brackets and a type.
pub(crate) fn name_before(text: &[u8], at: usize) -> Option<Name> {
    let (end, quoted) =
        if at > 0 && text[at - 1].is_ascii_alphanumeric() { (at, false) } else { closed_name(text, at) };
    let start = back_over(text, end, KEY_LIMIT, |b| NAME_BYTES.has(b));
    let start = start + past_wide_signs(&text[start..end]);
    if start == end {
        return None;
    }
    let name = Name { start, end, quoted };
    if text[at] == b'=' && !quoted && is_type(&text[start..end]) {
        return name_before_type(text, start).or(Some(name));
    }
    Some(name)
}

/// Where the name ends whose operator is at `at`, and whether it stands in quotes.
fn closed_name(text: &[u8], at: usize) -> (usize, bool) {
    let end = back_over(text, at, 64, |b| b == b' ' || b == b'\t');
    let end =
        if text[at] == b'=' { back_over(text, end, 2, |b| matches!(b, b'?' | b'|' | b'/')) } else { end };
    let end = back_over(text, end, 24, |b| b == b' ');
    let closed = back_over(text, end, 8, closes_name);
    (closed, text[closed..end].iter().any(|b| matches!(b, b'"' | b'\'' | b'`')))
}

/// How much of a name stands up to the last full-width sign in it: `用户：a，密码` names `密码`.
fn past_wide_signs(name: &[u8]) -> usize {
    if name.is_ascii() {
        return 0;
    }
    let sign = |part: &[u8]| {
        part[0] >= 0xE2
            && ["：", "，", "。", "；", "、", "（", "「", "“"].iter().any(|sign| part == sign.as_bytes())
    };
    name.windows(3).rposition(sign).map_or(0, |at| at + 3)
}

/// `key: string =`, `key string =`, `key: &'static str =`.
fn name_before_type(text: &[u8], start: usize) -> Option<Name> {
    let colon = back_over(text, start, 12, |b| b" \t&:*?".contains(&b) || b == b'\'');
    let from = back_over(text, colon, KEY_LIMIT, is_name_byte);
    let word = &text[from..colon];
    if word == b"static" {
        return name_before_type(text, from);
    }
    let keyword =
        matches!(word, b"const" | b"var" | b"let" | b"val" | b"final" | b"static" | b"public" | b"private");
    (from < colon && !keyword && colon < start).then_some(Name { start: from, end: colon, quoted: false })
}

fn is_type(word: &[u8]) -> bool {
    matches!(
        word,
        b"string"
            | b"String"
            | b"str"
            | b"text"
            | b"any"
            | b"bytes"
            | b"Str"
            | b"SecretStr"
            | b"char"
            | b"auto"
    )
}

/// The class of a name; of up to three words together where the last alone says nothing.
pub(crate) fn class_of(scan: &mut Scan, name: Name) -> KeyClass {
    let word = &scan.text[name.start..name.end];
    let class = scan.class(word);
    let alone = name.start == 0 || scan.text[name.start - 1] != b' ';
    // A code says by the word in front of it what it opens.
    let vague = class == KeyClass::PLAIN
        || class == KeyClass::MAYBE && matches!(word, b"code" | b"Code" | b"CODE" | b"codes");
    if !vague || alone || !words::ends_label(word) {
        return class;
    }
    let vague = class;
    let mut start = name.start;
    for _ in 0..2 {
        let before = back_over(scan.text, start - 1, 24, |b| is_name_byte(b) && b != b'.' && b != b'$');
        if before == start - 1 {
            break;
        }
        start = before;
        let class = scan.class(&scan.text[start..name.end]);
        if class != KeyClass::PLAIN && class != KeyClass::MAYBE {
            return class;
        }
        if class != vague {
            return class;
        }
        if start == 0 || scan.text[start - 1] != b' ' {
            break;
        }
    }
    vague
}

/// Places where nothing but a value can stand.
fn is_strict(text: &[u8], name: Name, at: usize, op_end: usize) -> bool {
    if text[at] == b':' {
        return name.quoted
            && matches!(text.get(forward_over(text, op_end, 8, |b| b == b' ')), Some(b'"' | b'\'' | b'\\'));
    }
    if name.end != at || matches!(text.get(op_end), Some(b' ' | b'\t')) {
        return false;
    }
    let before = if name.start == 0 { b'\n' } else { text[name.start - 1] };
    let key = &text[name.start..name.end];
    key.starts_with(b"-")
        || matches!(before, b'?' | b'&' | b';')
        || key.iter().any(u8::is_ascii_uppercase) && !key.iter().any(u8::is_ascii_lowercase)
        || is_line_start(text, name.start) && ends_line(text, op_end)
        || matches!(before, b' ' | b'"' | b'\'' | b'\t') && ends_argument(text, op_end)
}

fn ends_line(text: &[u8], start: usize) -> bool {
    let end = forward_over(text, start, VALUE_LIMIT, |b| !b" \t\n\r,)".contains(&b));
    text.get(end).is_none_or(|b| matches!(b, b'\n' | b'\r'))
}

/// What ends an argument.
static ARGUMENT_STOPS: Bytes = Bytes::of(b" \t\n\r\"',);}](.");

/// `host=db password=x dbname=y`: an argument rather than one of a call.
fn ends_argument(text: &[u8], start: usize) -> bool {
    let end = forward_over(text, start, VALUE_LIMIT, |b| !ARGUMENT_STOPS.has(b));
    text.get(end).is_none_or(|b| b" \t\n\r\"'".contains(b))
}

/// Whether only indentation, a list dash, a diff sign or `export` stands before `start` on its line.
pub(crate) fn is_line_start(text: &[u8], start: usize) -> bool {
    let from = to_line_start(text, start, 16 + 9);
    let line = lines::past_number(text, from).min(start);
    let front = text[line..start].trim_ascii();
    start - line <= 16
        && (from == 0 || text[from - 1] == b'\n')
        && matches!(
            front,
            b"" | b"export" | b"-" | b"+" | b"set" | b"ENV" | b"ARG" | b"setx" | b"local" | b"declare -x"
        )
}

/// Redacts the value at `from` if it is one.
pub(crate) fn value_of(scan: &mut Scan, class: KeyClass, name: Name, from: usize, operator: Operator) {
    let key = &scan.text[name.start..name.end];
    if let Some(datum) = class.datum() {
        if let Some(span) = value_at(scan.text, from, false) {
            pii::labelled(scan, datum, span);
        }
        return;
    }
    if !(class.hides_strings() || class == KeyClass::MAYBE) {
        return;
    }
    if scan.text.get(from) == Some(&b'(') {
        records::pair(scan, from);
    }
    if is_cookie(key) && operator.compares {
        return;
    }
    if is_cookie(key) {
        if !operator.compares {
            super::cookies::header(scan, from);
        }
        return;
    }
    if !may_follow(scan, from) {
        return;
    }
    let wide = operator.strict
        && !operator.colon
        && is_line_start(scan.text, name.start)
        && !opens_index(scan.text, from);
    if name.quoted && class.hides_strings() {
        let open = forward_over(scan.text, from, 4, |b| b == b' ');
        if scan.text.get(open) == Some(&b'{') {
            return members::value_inside(scan, class, key, open);
        }
    }
    let from = lines::past_tag(scan.text, from);
    let Some(span) = value_at(scan.text, from, wide) else {
        if key.ends_with(b"odes") {
            lines::codes(scan, name, from);
        } else if operator.colon && class == KeyClass::SECRET {
            lines::below(scan, name, from);
        }
        return;
    };
    let span = if operator.compares { span } else { past_ampersand(scan.text, name, span) };
    if from >= scan.memo.value.0 {
        scan.memo.value = (span.end, 0);
    }
    // `token.value === "constructor"`
    if operator.compares && !(span.quoted && text_has_digit(&scan.text[span.start..span.end])) {
        return;
    }
    judge(scan, class, key, span, operator);
    calls::second_of_pair(scan, span);
    prose::second_of_login(scan, span);
}

/// `password=parts['password']`: code that looks the value up.
fn opens_index(text: &[u8], from: usize) -> bool {
    let end = forward_over(text, from, KEY_LIMIT, |b| !matches!(b, b'"' | b'\'' | b' ' | b'\n'));
    matches!(text.get(end), Some(b'"' | b'\'')) && end > from && matches!(text[end - 1], b'[' | b'(')
}

/// `password: Tr0ub4dor&3` alone in its line: the value goes on behind the sign.
fn past_ampersand(text: &[u8], name: Name, span: Span) -> Span {
    let goes_on = matches!(text.get(span.end), Some(b'&' | b','));
    if span.quoted || !goes_on || matches!(text.get(span.end + 1), None | Some(b' ' | b'\n' | b'\r')) {
        return span;
    }
    let end = forward_over(text, span.end, KEY_LIMIT, |b| {
        b.is_ascii_alphanumeric() || b"&!@#$%^*_.-,+~?:/".contains(&b) || b == b'=' && text[span.end] == b','
    });
    let closed = text[span.end] == b'&' && text.get(end) == Some(&b'}');
    let first = is_line_start(text, name.start) || closed || text.get(name.end) == Some(&b':');
    let alone = first && (closed || ends_value(text, end));
    let body = &text[span.start..end];
    let listed = body.contains(&b',') && !body.iter().any(|b| b"&!@#$%^*+=~?".contains(b));
    if alone && !listed && value::is_prose_secret(body, true) { Span { end, ..span } } else { span }
}

/// Whether a line ends at `at`, or a comment starts behind it.
fn ends_value(text: &[u8], at: usize) -> bool {
    let next = forward_over(text, at, 24, |b| matches!(b, b' ' | b'\t'));
    match text.get(next) {
        None | Some(b'\n' | b'\r') => true,
        Some(b'#' | b';') => next > at,
        _ => false,
    }
}

fn text_has_digit(text: &[u8]) -> bool {
    text.iter().any(u8::is_ascii_digit)
}

/// Names inside one unbroken value (`token=token=…`) are followed a few times only.
fn may_follow(scan: &mut Scan, from: usize) -> bool {
    if from >= scan.memo.value.0 {
        return true;
    }
    scan.memo.value.1 += 1;
    scan.memo.value.1 < NAMES_IN_VALUE && !scan.covers(from)
}

fn is_cookie(key: &[u8]) -> bool {
    if !key.windows(2).skip(2).any(|pair| matches!(pair, [b'o' | b'O', b'k' | b'K'])) {
        return false;
    }
    let mut room = [0; 64];
    matches!(last_segment(key, &mut room), b"cookie" | b"cookies" | b"cookie2")
}

pub(crate) fn judge<'a>(scan: &mut Scan<'a>, class: KeyClass, key: &'a [u8], span: Span, operator: Operator) {
    let text = scan.text;
    if text[span.start..].starts_with(b"Digest ") {
        return members::digest_response(scan, span.start);
    }
    let span = after_scheme(text, span);
    if span.start >= span.end || benign::is_cut(text, span) {
        return;
    }
    let stopped = forward_over(text, span.end, 3, |b| matches!(b, b'.' | b'?' | b'!' | b':'));
    let next = text.get(stopped).copied().unwrap_or(b'\n');
    let next = if next == b' ' && !span.quoted && ends_value(text, stopped) { b'\n' } else { next };
    let place =
        Place { class, key, quoted: span.quoted, strict: operator.strict, colon: operator.colon, next };
    let body = &text[span.start..span.end];
    if class == KeyClass::PHRASE
        || operator.colon
            && !span.quoted
            && prose::names_phrase(key)
            && prose::starts_phrase(text, span.start)
            && prose::is_phrase(&text[span.start..line_end(text, span.start)])
    {
        let end = if span.quoted { span.end } else { line_end(text, span.start) };
        if class != KeyClass::PHRASE || scan.memo.value_judged.is_secret(&text[span.start..end], &place) {
            scan.secret(span.start, end, RuleId::ASSIGNED);
        }
    } else if scan.memo.value_judged.is_secret(body, &place) {
        // What ends a sentence may as well be the end of a password.
        let end = if span.quoted { span.end } else { forward_over(text, span.end, 4, |b| b == b'!') };
        scan.secret(span.start, end, RuleId::ASSIGNED);
        if span.quoted {
            continued(scan, span.end);
        }
    } else if let Some(inner) = literal_in_call(text, span)
        && value::is_prose_secret(&text[inner.start..inner.end], true)
    {
        scan.secret(inner.start, inner.end, RuleId::ASSIGNED);
    }
}

fn line_end(text: &[u8], from: usize) -> usize {
    forward_over(text, from, VALUE_LIMIT, |b| !matches!(b, b'\n' | b'\r' | b'"' | b'<'))
}

/// `"abc" + "def"`, `("abc"\n "def")`: the literals that go on behind a redacted one.
fn continued(scan: &mut Scan, closing: usize) {
    let text = scan.text;
    let Some(&quote) = text.get(closing) else { return };
    // `password = "x" -> "y"`, as plans of changes show it.
    if text[closing + 1..].starts_with(b" -> \"")
        && let Some(end) = quoted_end(text, closing + 6, 0)
    {
        return scan.secret(closing + 6, end, RuleId::ASSIGNED);
    }
    let mut end = closing;
    for _ in 0..64 {
        if end >= text.len() {
            return;
        }
        let gap = forward_over(text, end + 1, 128, |b| b" \t\n\r+.\\&~".contains(&b));
        let joined = text[(end + 1).min(gap)..gap].iter().any(|b| b"+.\\&~\n".contains(b));
        if !joined || text.get(gap) != Some(&quote) {
            return;
        }
        let Some(next) = quoted_end(text, gap + 1, 0) else { return };
        if text.get(next + 1) == Some(&b':') {
            return;
        }
        scan.secret(gap + 1, next, RuleId::ASSIGNED);
        end = next;
    }
}

/// The literal of `SecretStr("x")`, `Buffer.from('x')`.
fn literal_in_call(text: &[u8], span: Span) -> Option<Span> {
    if span.quoted || text.get(span.end) != Some(&b'(') || !calls::wraps(&text[span.start..span.end]) {
        return None;
    }
    let (open, depth) = quote_at(text, span.end + 1)?;
    let end = quoted_end(text, open, depth)?;
    Some(Span { start: open, end, quoted: true })
}

/// Whether a word is worth a look behind it even without an operator: `--password x`, `| TOKEN | x |`.
pub(crate) fn at_word(scan: &mut Scan, start: usize, end: usize) {
    let text = scan.text;
    let next = text.get(end).copied().unwrap_or(b'\n');
    let before = if start > 0 { text[start - 1] } else { b'\n' };
    let name = Name { start, end, quoted: false };
    if matches!(before, b'<' | b'>' | b':' | b'"' | b'\'') {
        elements::at_word(scan, name, next);
    }
    match next {
        b',' => in_tuple(scan, name),
        b'(' => calls::at_word(scan, start, end),
        b'}' => spaced::behind_variable(scan, name),
        b'\n' => pem::behind_comment(scan, end),
        b' ' | b'\t' => spaced::at_word(scan, name),
        b'"' | b'\'' | b'\\' | b'`' | b'*' => after_quote(scan, name),
        _ => {}
    }
}

/// `{default_pass, <<"x">>}` of Erlang.
fn in_tuple(scan: &mut Scan, name: Name) {
    let text = scan.text;
    let from = forward_over(text, name.end + 1, 4, |b| b == b' ');
    if name.start == 0 || text[name.start - 1] != b'{' {
        return;
    }
    let binary = text[from..].starts_with(b"<<");
    let Some((start, depth)) = quote_at(text, if binary { from + 2 } else { from }) else { return };
    let Some(end) = quoted_end(text, start, depth) else { return };
    let class = scan.class(&text[name.start..name.end]);
    if class.hides_strings() {
        let key = &text[name.start..name.end];
        let span = Span { start, end, quoted: true };
        judge(scan, class, key, span, Operator { colon: false, strict: true, compares: false });
    }
}

/// `("password", "x")`, `['password'], 'x'`, `` `token` x ``.
fn after_quote(scan: &mut Scan, name: Name) {
    let text = scan.text;
    let close = forward_over(text, name.end, 8, |b| b"\"'\\`*]".contains(&b));
    let gap = forward_over(text, close, 8, |b| b == b' ');
    match text.get(gap) {
        Some(b',') => {}
        Some(b')') => return calls::typed_in(scan, name, gap + 1),
        Some(_) if gap > close => {
            return spaced::at_word(scan, Name { start: name.start, end: close, quoted: true });
        }
        _ => return,
    }
    let front = back_over(text, name.start, 1, |b| b == b'#');
    let open = back_over(text, front, 8, |b| matches!(b, b'"' | b'\'' | b'\\'));
    if open == 0 || !matches!(text[open - 1], b'(' | b'[' | b' ') || benign::is_listed(text, name, open) {
        return;
    }
    let from = forward_over(text, gap + 1, 32, |b| matches!(b, b' ' | b'\n' | b'\t'));
    let class = scan.class(&text[name.start..name.end]);
    let Some((start, depth)) = quote_at(text, from) else { return };
    let Some(end) = quoted_end(text, start, depth) else { return };
    if text.get(end + depth + 1) == Some(&b':') || !class.hides_strings() && class != KeyClass::MAYBE {
        return;
    }
    let span = after_scheme(text, Span { start, end, quoted: true });
    let body = &text[span.start..span.end];
    let shape = Shape::of(body);
    if value::is_salt(body, &shape, &text[name.start..name.end]) {
        return scan.secret(span.start, span.end, RuleId::ASSIGNED);
    }
    if class == KeyClass::MAYBE && !value::is_token(body, &shape) {
        return;
    }
    if value::is_prose_secret(body, true) || worded::is_password(body) {
        scan.secret(span.start, span.end, RuleId::ASSIGNED);
    }
}
