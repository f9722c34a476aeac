//! Values named by the place they stand in: the column of a table, the cell of a page, an element with attributes, the
//! second argument of a login.

use super::assign::{Name, Operator, class_of, value_of};
use super::lines;
use super::logins;
use super::members;
use super::value;
use super::worded;
use crate::redact::keys::KeyClass;
use crate::redact::keys::words::Vocabulary;
use crate::redact::rules::RuleId;
use crate::redact::scan::Scan;
use crate::redact::scan::span::{back_over, forward_over, quote_at, quoted_end, value_at};
use crate::redact::tokens::unknown::Shape;
use std::sync::LazyLock;

const LINE_LIMIT: usize = 2000;
const MAX_ROWS: usize = 200;
/// How many columns of one table are followed.
const MAX_COLUMNS: usize = 8;

/// The table that was read last.
#[derive(Default)]
pub(crate) struct Table {
    /// Where its header starts.
    start: usize,
    /// Where its last row ends.
    end: usize,
    columns: usize,
}

/// Looks at a word that may name what stands below or behind it.
pub(crate) fn at_word(scan: &mut Scan, start: usize, end: usize) {
    let text = scan.text;
    let before = if start > 0 { text[start - 1] } else { b'\n' };
    lines::at_word(scan, start, end);
    match text.get(end).copied().unwrap_or(b'\n') {
        b'(' if logins::connects(&text[start..end]) => logins::arguments(scan, end),
        b'(' => login(scan, start, end),
        b'<' | b']' | b'&' => cell(scan, start, end),
        b' ' if matches!(before, b'<' | b':') => element(scan, start, end),
        b' ' if &text[start..end] == b"LOGIN" => imap_login(scan, start, end),
        b' ' if &text[start..end] == b"PASS" => mail_login(scan, start, end),
        b' ' if text.get(end + 1) == Some(&b'<') => cell(scan, start, end),
        b' ' | b',' | b'\t' | b'|' | b'\n' | b'\r' | b'"' => column(scan, start, end),
        _ => {}
    }
}

/// Whether a value looks like a secret by itself, where a label can be the heading of anything.
pub(crate) fn is_plausible(class: KeyClass, body: &[u8]) -> bool {
    if body.len() < 4 || value::is_placeholder(body) || body.iter().any(u8::is_ascii_whitespace) {
        return false;
    }
    let shape = Shape::of(body);
    match class {
        KeyClass::SECRET => {
            value::is_prose_secret(body, true)
                || body.len() >= 8 && shape.mixes_three() && shape.other == 0
                || worded::is_password(body)
                || worded::is_phrase(body)
        }
        _ => value::is_token(body, &shape),
    }
}

/// `id,name,password` over `17,svc,x`; also with tabs and bars.
fn column(scan: &mut Scan, start: usize, end: usize) {
    let text = scan.text;
    let blank = |b: u8| matches!(b, b' ' | b'"');
    let left = back_over(text, start, 80, blank);
    let right = forward_over(text, end, 80, blank);
    let before = if left > 0 { text[left - 1] } else { b'\n' };
    let after = text.get(right).copied().unwrap_or(b'\n');
    let sign = if matches!(after, b'\n' | b'\r') { before } else { after };
    if !matches!(sign, b',' | b'\t' | b'|') || !matches!(before, b'\n' | b',' | b'\t' | b'|') {
        return;
    }
    let Some(line) = back_to_line(scan, start) else { return };
    if line > scan.memo.table.start && line < scan.memo.table.end {
        return;
    }
    let Some(header_end) = line_end(text, end) else { return };
    let line = past_arrow(text, line).min(start);
    let header = &text[line..header_end];
    let name = |b: &u8| b.is_ascii_alphanumeric() || b"_-.\" \t|,\r".contains(b);
    if !header.iter().all(name) || sign == b',' && header.contains(&b' ') {
        return;
    }
    let class = scan.class(&text[start..end]);
    if !class.hides_strings() || !opens(scan, line, header_end) {
        return;
    }
    let columns = memchr::memchr_iter(sign, header).count();
    let wanted = memchr::memchr_iter(sign, &text[line..start]).count();
    rows(scan, header_end, sign, (wanted, columns), class);
}

/// Notes the table whose header starts at `line`; whether a further column of it may be followed.
fn opens(scan: &mut Scan, line: usize, header_end: usize) -> bool {
    let table = &mut scan.memo.table;
    if table.columns == 0 || table.start != line {
        *table = Table { start: line, end: header_end, columns: 0 };
    }
    table.columns += 1;
    table.columns <= MAX_COLUMNS
}

fn rows(scan: &mut Scan, header_end: usize, sign: u8, (wanted, columns): (usize, usize), class: KeyClass) {
    let text = scan.text;
    let mut at = header_end + 1;
    for _ in 0..MAX_ROWS {
        let Some(end) = text.get(at..).and_then(|_| line_end(text, at)) else { return };
        let line = &text[at..end];
        let rule = !line.is_empty() && line.iter().all(|b| b"-+|=: \r".contains(b));
        if !rule {
            let front = past_arrow(line, 0);
            let Some((from, to)) = field(&line[front..], sign, wanted, columns) else { return };
            let (from, to) = (front + from, front + to);
            if is_plausible(class, &line[from..to]) {
                scan.secret(at + from, at + to, RuleId::ASSIGNED);
            }
        }
        scan.memo.table.end = scan.memo.table.end.max(end);
        at = end + 1;
    }
}

/// The field number `wanted` of a line with `columns` signs, without quotes and blanks around it.
fn field(line: &[u8], sign: u8, wanted: usize, columns: usize) -> Option<(usize, usize)> {
    let (mut count, mut quoted, mut from, mut found) = (0, false, 0, None);
    for (at, byte) in line.iter().enumerate().chain([(line.len(), &sign)]) {
        if *byte == b'"' && sign != b'|' {
            quoted = !quoted;
        } else if *byte == sign && (!quoted || at == line.len()) {
            if count == wanted {
                found = Some((from, at));
            }
            count += 1;
            from = at + 1;
        }
    }
    let (from, to) = found.filter(|_| count == columns + 1)?;
    let blank = |b: &u8| matches!(b, b' ' | b'"' | b'\r' | b'\'' | b'`');
    let start = from + line[from..to].iter().take_while(|b| blank(b)).count();
    let end = to - line[start..to].iter().rev().take_while(|b| blank(b)).count();
    Some((start, end))
}

/// Past the number in front of a line of a file that is shown; a tab behind it would be one of the table.
fn past_arrow(text: &[u8], line: usize) -> usize {
    let past = lines::past_number(text, line);
    if past > line && text[past - 1] == b'\t' { line } else { past }
}

fn back_to_line(scan: &mut Scan, at: usize) -> Option<usize> {
    let (text, floor) = (scan.text, at.saturating_sub(LINE_LIMIT));
    if !scan.memo.unended.holds(text, floor, at, b"\n") {
        return (floor == 0).then_some(0);
    }
    match memchr::memrchr(b'\n', &text[floor..at]) {
        Some(sign) => Some(floor + sign + 1),
        None => (floor == 0).then_some(0),
    }
}

fn line_end(text: &[u8], at: usize) -> Option<usize> {
    let ceiling = text.len().min(at + LINE_LIMIT);
    match memchr::memchr(b'\n', &text[at..ceiling]) {
        Some(sign) => Some(at + sign),
        None => (ceiling == text.len() && at < ceiling).then_some(ceiling),
    }
}

/// `<td class="e">DB_PASSWORD </td><td class="v">x</td>`
fn cell(scan: &mut Scan, start: usize, end: usize) {
    let text = scan.text;
    let close = forward_over(text, end, 24, |b| b" '])\"&#x2739;".contains(&b));
    if !matches!(text.get(close..close + 5), Some(b"</td>" | b"</th>" | b"</dt>")) {
        return;
    }
    let mut from = close + 5;
    for _ in 0..2 {
        let tag = forward_over(text, from, 64, |b| b.is_ascii_whitespace());
        if text.get(tag) != Some(&b'<') || matches!(text.get(tag + 1), Some(b'/')) {
            break;
        }
        from = forward_over(text, tag, 120, |b| b != b'>') + 1;
    }
    named(scan, start, end, from);
}

/// `<wsse:Password Type="PasswordText">x</wsse:Password>`
fn element(scan: &mut Scan, start: usize, end: usize) {
    let text = scan.text;
    let space = back_over(text, start, 24, |b| b.is_ascii_alphanumeric() || b == b':');
    if space == 0 || text[space - 1] != b'<' {
        return;
    }
    let close = forward_over(text, end, 160, |b| !matches!(b, b'>' | b'<' | b'\n'));
    if text.get(close) == Some(&b'>') && text[close - 1] != b'/' {
        named(scan, start, end, close + 1);
    }
}

/// The text up to the next tag, under the name at `start`.
fn named(scan: &mut Scan, start: usize, end: usize, from: usize) {
    let text = scan.text;
    let class = scan.class(&text[start..end]);
    if !class.hides_strings() || from >= text.len() {
        return;
    }
    let mut to = forward_over(text, from, LINE_LIMIT, |b| !matches!(b, b'<' | b'\n'));
    if !text[to..].starts_with(b"</") {
        return;
    }
    let mut from = forward_over(text, from, 16, |b| b == b' ');
    to -= text[from..to].iter().rev().take_while(|b| **b == b' ').count();
    for quote in [b"&#x27;".as_slice(), b"&#39;", b"&quot;"] {
        if text[from..to].len() > 2 * quote.len() && text[from..to].starts_with(quote) {
            from += quote.len();
            to -= if text[..to].ends_with(quote) { quote.len() } else { 0 };
        }
    }
    if is_plausible(class, &text[from..to]) {
        scan.secret(from, to, RuleId::ASSIGNED);
    }
}

/// `name="K" value="V"`, `{"name": "K", "value": "V"}`, `- name: K\n  value: V`.
pub(crate) fn named_value(scan: &mut Scan, key: &[u8], start: usize, op_end: usize) {
    if !matches!(
        key,
        b"value"
            | b"Value"
            | b"VALUE"
            | b"val"
            | b"content"
            | b"default"
            | b"data"
            | b"body"
            | b"$value"
            | b"example"
    ) {
        return match key {
            b"name" => members::named_element(scan, op_end),
            b"Content" if scan.text[..start].ends_with(b"Key ") => key_content(scan, op_end),
            b"SAMLResponse" => assertion(scan, op_end),
            _ => generated(scan, key, start, op_end),
        };
    }
    if is_announced(scan.text, key, start) {
        let name = Name { start, end: start + key.len(), quoted: false };
        let operator = Operator { colon: true, strict: true, compares: false };
        return value_of(scan, KeyClass::SECRET, name, op_end, operator);
    }
    let floor = start.saturating_sub(200);
    let Some(name) = last_name(scan, floor, start) else {
        if matches!(key, b"value" | b"Value") {
            members::named_behind(scan, op_end);
        }
        return;
    };
    if &scan.text[name.start..name.end] == b"SAMLResponse" {
        return assertion(scan, op_end);
    }
    let class = scan.class(&scan.text[name.start..name.end]);
    let operator = Operator { colon: false, strict: true, compares: false };
    value_of(scan, class, name, op_end, operator);
}

/// `New value: x` behind a line about a password; `secret,id=s0,data=x`.
fn is_announced(text: &[u8], key: &[u8], start: usize) -> bool {
    match key {
        b"value" => {
            let front = &text[start.saturating_sub(120)..start];
            let line = front.strip_suffix(b"\nNew ").or_else(|| front.strip_suffix(b"\n"));
            line.is_some_and(|line| value::contains(line, b"assword "))
        }
        b"data" => {
            let front = &text[start.saturating_sub(48)..start];
            front.ends_with(b",") && value::contains(front, b"secret,")
        }
        _ => false,
    }
}

/// Where the last word in a range ends that says that a name follows.
fn last_naming(scan: &mut Scan, from: usize, to: usize) -> Option<usize> {
    let text = scan.text;
    let (known_from, known_to) = scan.memo.unnamed;
    let mut end = to;
    while end > from + 1 {
        if end == known_to && known_from <= from {
            break;
        }
        if ends_naming(&text[from..end]) {
            return Some(end);
        }
        end -= 1;
    }
    scan.memo.unnamed = (from, to);
    None
}

/// Whether a word ends here that says that a name follows.
fn ends_naming(front: &[u8]) -> bool {
    match front[front.len() - 1] {
        b'e' => front.ends_with(b"name") || front.ends_with(b"Name") || front.ends_with(b"variable"),
        b'y' => front.ends_with(b"key") || front.ends_with(b"Key"),
        b'd' => front.ends_with(b"id"),
        b'r' => front.ends_with(b"header"),
        b'l' => front.ends_with(b"label"),
        b'Y' => front.ends_with(b"KEY"),
        _ => false,
    }
}

/// `Key Content            : x`, what Windows says of a wireless network.
fn key_content(scan: &mut Scan, op_end: usize) {
    let text = scan.text;
    let start = forward_over(text, op_end, 4, |b| b == b' ');
    let end = forward_over(text, start, 80, |b| !matches!(b, b'\n' | b'\r' | b'"' | b'\\'));
    if end > start + 7 && !value::is_placeholder(&text[start..end]) {
        scan.secret(start, end, RuleId::ASSIGNED);
    }
}

/// `SAMLResponse=PHNhbWxw…`: whoever has it is logged in.
fn assertion(scan: &mut Scan, op_end: usize) {
    const LIMIT: usize = 64 << 10;
    let start = forward_over(scan.text, op_end, 4, |b| b" \\\"'".contains(&b));
    let end = forward_over(scan.text, start, LIMIT, |b| b.is_ascii_alphanumeric() || b"+/=%-_".contains(&b));
    if end >= start + 64 {
        scan.secret(start, end, RuleId::ASSIGNED);
    }
}

/// The last `name`, `key`, `id` or `variable` assigned in `front`.
fn last_name(scan: &mut Scan, floor: usize, start: usize) -> Option<Name> {
    let text = scan.text;
    // A tag or an object that ends in between belongs to something else.
    let from = memchr::memrchr2(b'<', b'}', &text[floor..start]).map_or(floor, |sign| floor + sign + 1);
    let sign = |label| forward_over(text, label, 6, |b| matches!(b, b'"' | b'\'' | b' ' | b'\\'));
    let assigned = |label: &usize| matches!(text.get(sign(*label)), Some(b'=' | b':'));
    let last = last_naming(scan, from, start)?;
    // `"key": "api_key"`: the last may be the value of the one before.
    let label = if assigned(&last) { last } else { last_naming(scan, from, last - 1).filter(assigned)? };
    let op = sign(label);
    let span = value_at(text, op + 1, false)?;
    Some(Name { start: span.start, end: span.end, quoted: true })
}

/// Words and signs between a label and its value.
const LINKS: &str =
    "is was are to as of with by -> => -- - BY AS TO lautet ist est es jest er on je e lyder set";

static LINK_WORDS: LazyLock<Vocabulary<()>> =
    LazyLock::new(|| Vocabulary::new(LINKS.split_ascii_whitespace().map(|word| (word, ())), |(), ()| ()));

/// Steps over `is`, `was`, `->`, `for X is`.
pub(crate) fn after_links(text: &[u8], from: usize) -> usize {
    let mut at = from;
    for _ in 0..2 {
        let end =
            forward_over(text, at, 8, |b| b.is_ascii_alphabetic() || matches!(b, b'-' | b'>' | b'=' | b':'));
        let word = &text[at..end];
        if LINK_WORDS.get(word).is_none() {
            break;
        }
        at = forward_over(text, end, 4, |b| b == b' ');
    }
    at
}

/// Words of routers and registries that say how a value is written.
const KINDS: [&[u8]; 7] =
    [b"ascii ", b"simple ", b"cipher ", b"plaintext ", b"plain-text ", b"REG_SZ ", b"REG_EXPAND_SZ "];

/// `password 7 08204E…` of routers: the digit says how the value is written.
pub(crate) fn past_kind(text: &[u8], from: usize) -> usize {
    let kind = text.get(from).filter(|first| b"ascpR".contains(first));
    let Some(kind) = kind.and_then(|_| KINDS.iter().find(|kind| text[from..].starts_with(kind))) else {
        return past_digit(text, from);
    };
    let behind = forward_over(text, from + kind.len(), 8, |b| b == b' ');
    if kind[0] == b'R' { behind } else { past_digit(text, behind) }
}

fn past_digit(text: &[u8], from: usize) -> usize {
    let kind = text.get(from).is_some_and(u8::is_ascii_digit) && text.get(from + 1) == Some(&b' ');
    if kind { from + 2 } else { from }
}

/// `SetBasicAuth("svc", "x")`, `new Credentials('svc', 'x')`
fn login(scan: &mut Scan, start: usize, end: usize) {
    let word = &scan.text[start..end];
    let ends =
        |last: &&[u8]| word.len() >= last.len() && word[word.len() - last.len()..].eq_ignore_ascii_case(last);
    if [b"auth".as_slice(), b"login", b"credentials", b"credential"].iter().any(ends) {
        pair(scan, end);
    }
}

/// The second of two literals in the parentheses that open at `open`: `("svc", "x")`.
pub(crate) fn pair(scan: &mut Scan, open: usize) {
    let text = scan.text;
    let blank = |at| forward_over(text, at, 32, |b| matches!(b, b' ' | b'\n' | b'\t'));
    let literal = |at| {
        let (start, depth) = quote_at(text, blank(at))?;
        let end = quoted_end(text, start, depth)?;
        (end < start + 256).then_some((start, end, end + depth + 1))
    };
    let Some((_, _, behind)) = literal(open + 1) else { return };
    let comma = blank(behind);
    if text.get(comma) != Some(&b',') {
        return;
    }
    let Some((start, end, behind)) = literal(comma + 1) else { return };
    if text.get(blank(behind)) == Some(&b')') && is_plausible(KeyClass::SECRET, &text[start..end]) {
        scan.secret(start, end, RuleId::ASSIGNED);
    }
}

/// `resource "random_password" "db" { … result = "x"`: what a tool made up and keeps under a plain name.
pub(crate) fn generated(scan: &mut Scan, key: &[u8], start: usize, from: usize) {
    if key != b"result" {
        return;
    }
    let front = &scan.text[start.saturating_sub(400)..start];
    if memchr::memmem::rfind(front, b"random_password").is_none() {
        return;
    }
    let Some(span) = value_at(scan.text, from, false) else { return };
    if span.quoted && is_plausible(KeyClass::SECRET, &scan.text[span.start..span.end]) {
        scan.secret(span.start, span.end, RuleId::ASSIGNED);
    }
}

/// `the verification code is 868653`
pub(crate) fn is_spoken_code(key: &[u8], body: &[u8]) -> bool {
    let last = key.rsplit(|b| !b.is_ascii_alphanumeric()).next().unwrap_or(key).to_ascii_lowercase();
    matches!(last.as_slice(), b"code" | b"pin" | b"otp" | b"passcode")
        && (4..=8).contains(&body.len())
        && body.iter().all(u8::is_ascii_digit)
}

/// `a001 LOGIN joe x` of IMAP.
fn imap_login(scan: &mut Scan, start: usize, end: usize) {
    let text = scan.text;
    let tag = back_over(text, start.saturating_sub(1), 8, |b| b.is_ascii_alphanumeric());
    let digits = text[tag..start].trim_ascii_end().last().is_some_and(u8::is_ascii_digit);
    let user = forward_over(text, end + 1, 64, |b| b.is_ascii_graphic());
    let quoted = usize::from(text.get(user + 1) == Some(&b'"'));
    let from = user + 1 + quoted;
    let to = forward_over(text, from, 128, |b| b.is_ascii_graphic() && b != b'"');
    let alone = matches!(text.get(to + quoted), None | Some(b'\n' | b'\r'));
    let spaced = text.get(user) == Some(&b' ') && text[..start].ends_with(b" ");
    if digits && spaced && alone && to >= from + 4 && value::looks_chosen(&text[from..to]) {
        scan.secret(from, to, RuleId::FLAG);
    }
}

/// `PASS x` of FTP and POP, a line of its own.
fn mail_login(scan: &mut Scan, start: usize, end: usize) {
    let text = scan.text;
    let own_line = start == 0 || matches!(text[start - 1], b'\n' | b' ' | b'>');
    let from = end + 1;
    let to = forward_over(text, from, 512, |b| !b.is_ascii_whitespace());
    if !own_line || to == from || !matches!(text.get(to), None | Some(b'\n' | b'\r')) {
        return;
    }
    let body = &text[from..to];
    if !body.contains(&b'/') && is_plausible(KeyClass::SECRET, body) {
        scan.secret(from, to, RuleId::FLAG);
    }
}

/// The `:` at `at` starts the `::` of LDIF, behind which a value stands in base64: `userPassword:: …`.
pub(crate) fn at_double_colon(scan: &mut Scan, at: usize) {
    let text = scan.text;
    if !text[at..].starts_with(b":: ") {
        return;
    }
    let start = back_over(text, at, 64, |b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b';'));
    let own_line = start == 0 || text[start - 1] == b'\n';
    let name = Name { start, end: at, quoted: false };
    let end = forward_over(text, at + 3, LINE_LIMIT, |b| b.is_ascii_alphanumeric() || b"+/=".contains(&b));
    if own_line
        && start < at
        && end >= at + 7
        && matches!(text.get(end), None | Some(b'\n' | b'\r'))
        && class_of(scan, name).hides_strings()
    {
        scan.secret(at + 3, end, RuleId::ASSIGNED);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_counted_past_quotes() {
        let at = |line: &str, sign: u8, wanted, columns| {
            field(line.as_bytes(), sign, wanted, columns).map(|(from, to)| line[from..to].to_owned())
        };
        assert_eq!(at("17,\"a,b\",x y", b',', 2, 2).as_deref(), Some("x y"));
        assert_eq!(at("| 17 | svc | hunter |", b'|', 3, 4).as_deref(), Some("hunter"));
        assert_eq!(at("17,svc", b',', 1, 2), None);
    }

    #[test]
    fn words_under_a_heading_are_no_secrets() {
        for body in ["created_at", "string", "sha256", "v1.2.3", "a b1", "****"] {
            assert!(!is_plausible(KeyClass::SECRET, body.as_bytes()), "{body}");
        }
        assert!(
            is_plausible(KeyClass::SECRET, b"tiger78770") && !is_plausible(KeyClass::TOKEN, b"tiger78770")
        );
    }
}
