//! Values behind a name and nothing but a space: flags, settings, sentences.

use super::assign::{Name, Operator, class_of, is_line_start, judge, value_at};
use super::benign;
use super::records;
use super::schemes::after_scheme;
use super::value;
use super::worded;
use crate::redact::keys::KeyClass;
use crate::redact::rules::RuleId;
use crate::redact::scan::Scan;
use crate::redact::scan::span::{Span, back_over, forward_over, to_line_end, to_line_start};
use crate::redact::tokens::unknown::Shape;

/// `--password x`, `set -gx TOKEN x`, `| TOKEN | x |`, `password is x`, `login bot password x`.
pub(crate) fn at_word(scan: &mut Scan, name: Name) {
    if scan.memo.spaced.has(scan.text, name.end) {
        return;
    }
    let known = scan.found.len();
    look(scan, name);
    if scan.found.len() == known {
        scan.memo.spaced.note(name.end);
    }
}

fn look(scan: &mut Scan, name: Name) {
    let text = scan.text;
    let key = &text[name.start..name.end];
    if key.ends_with(b"-command") && value::contains(key, b"password") {
        return printed_by(scan, name.end);
    }
    let class = class_of(scan, name);
    let option = key == b"key" && text[..name.start].ends_with(b"option ");
    let class =
        if option || key == b"key" && names_server(scan, name.start) { KeyClass::SECRET } else { class };
    if !(class.hides_strings() || class == KeyClass::MAYBE) {
        return;
    }
    let gap = Gap::behind(text, name);
    if benign::closes_literal(text, name, gap.end) {
        return;
    }
    match text.get(gap.end) {
        Some(b'<') => return assigned_by_arrow(scan, class, name, gap.end),
        Some(b'f' | b'g') if class == KeyClass::SECRET => spoken_for(scan, gap.end),
        _ => {}
    }
    let Some(span) = gap.value(text, name) else { return };
    let body = &text[span.start..span.end];
    if gap.flag && benign::is_help(text, name.start, gap.end - name.end, body) {
        return;
    }
    let sets = option && span.quoted || sets(text, name.start) && !benign::continues_prose(text, span);
    if gap.flag || sets || names_login(scan, name.start) {
        return judge(scan, class, key, span, Operator { colon: false, strict: true, compares: false });
    }
    if class == KeyClass::SECRET && text[name.end..gap.label_end].contains(&b'|') {
        return judge(scan, class, key, span, Operator { colon: false, strict: false, compares: false });
    }
    if let Some(rule) = gap.rule(text, name, class, span) {
        scan.secret(span.start, span.end, rule);
    }
}

/// What stands between a name and its value.
struct Gap {
    /// The name is an option of a command line.
    flag: bool,
    /// Where blanks and bars end.
    label_end: usize,
    /// A word behind them says of what kind the value is.
    written: bool,
    /// Where the value begins.
    end: usize,
}

impl Gap {
    fn behind(text: &[u8], name: Name) -> Gap {
        let blank = forward_over(text, name.end, 40, |b| matches!(b, b' ' | b'\t' | b'|'));
        let label_end = past_body_flag(text, blank);
        if is_flag(text, name) {
            return Gap { flag: true, label_end, written: false, end: label_end };
        }
        let linked = records::after_links(text, label_end);
        let end = records::past_kind(text, linked);
        Gap { flag: false, label_end, written: end > linked, end }
    }

    /// The value, if what stands there can be one.
    fn value(&self, text: &[u8], name: Name) -> Option<Span> {
        let span = value_at(text, self.end, false)?;
        let first = text[span.start];
        let closing = span.quoted && name.start > 0 && text[span.start - 1] == text[name.start - 1];
        let operator = matches!(first, b'=' | b':' | b'-' | b'<') && !(self.flag && first != b'=');
        (first != b'(' && !closing && !operator).then(|| after_scheme(text, span))
    }

    /// The rule by which a value is a secret that nobody assigns here: somebody speaks of it.
    fn rule(&self, text: &[u8], name: Name, class: KeyClass, span: Span) -> Option<RuleId> {
        let (key, body) = (&text[name.start..name.end], &text[span.start..span.end]);
        let secret = class == KeyClass::SECRET;
        let spoken = self.end > self.label_end || body.len() >= 6 && key.ends_with(b"code");
        if spoken && secret && records::is_spoken_code(key, body) {
            return Some(RuleId::PROSE);
        }
        if self.written && secret && ends_setting(text, span) && is_password(body) {
            return Some(RuleId::ASSIGNED);
        }
        let in_path = name.start > 0 && text[name.start - 1] == b'/';
        let chosen = if in_path {
            secret && puts(text, name.start) && is_password(body)
        } else {
            secret && (worded::is_password(body) || worded::is_phrase(body))
        };
        if chosen {
            return Some(RuleId::PROSE);
        }
        // `registry/token-service 9688a53`, `#define aes128_set_key nettle_aes128_set_key`
        if (in_path || class == KeyClass::MAYBE) && !is_long_token(body, in_path) {
            return None;
        }
        let token = value::is_prose_secret(body, span.quoted) && text.get(span.end) != Some(&b'(');
        (token || secret && is_setting(text, name, self.end, span)).then_some(RuleId::PROSE)
    }
}

/// Whether a token stands behind a name that may be a part of something else; in a path, one that is no hash.
fn is_long_token(body: &[u8], in_path: bool) -> bool {
    if body.len() < value::SHORTEST_TOKEN {
        return false;
    }
    let shape = Shape::of(body);
    value::is_token(body, &shape) && !(in_path && shape.is_hex())
}

/// Whether a line ends behind a value, or a word or two of a router's command follows.
fn ends_setting(text: &[u8], span: Span) -> bool {
    let end = span.end + usize::from(span.quoted);
    let rest = to_line_end(text, end, 40);
    matches!(text.get(end), None | Some(b' ' | b'\n' | b'\r'))
        && matches!(text.get(rest), None | Some(b'\n'))
        && memchr::memchr_iter(b' ', &text[end..rest]).count() <= 2
}

/// Whether somebody chose this as a password, or a machine drew it.
pub(super) fn is_password(body: &[u8]) -> bool {
    if body.len() < 4 || value::is_placeholder(body) {
        return false;
    }
    let chosen = value::looks_chosen(body) && !value::is_compound(body) && body.len() >= 6;
    chosen || value::is_prose_secret(body, true) || worded::is_password(body) || worded::is_phrase(body)
}

/// `bindpw Sommer-wald83`, `pass "Sommer-wald83"`, `option key 'x'`: name and value, and nothing else in the line or
/// quotes around the value.
fn is_setting(text: &[u8], name: Name, from: usize, span: Span) -> bool {
    let gap = text[name.end..from].iter().all(|b| matches!(b, b' ' | b'\t'));
    let ends = matches!(text.get(span.end), None | Some(b'\n' | b'\r'));
    let alone = ends
        && (is_line_start(text, name.start)
            || is_variable(&text[name.start..name.end])
            || is_set(text, name.start));
    let body = &text[span.start..span.end];
    let shape = Shape::of(body);
    let drawn = body.len() >= 10 && shape.mixes_three() && shape.other == 0 && !body[0].is_ascii_uppercase();
    gap && (alone || span.quoted) && (worded::is_password(body) || worded::is_phrase(body) || drawn)
}

/// `DB_PASSWORD`
fn is_variable(name: &[u8]) -> bool {
    name.contains(&b'_') && name.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_')
}

/// Whether the line is one of a router's settings: `set system login user joe password x`.
fn is_set(text: &[u8], name: usize) -> bool {
    let line = to_line_start(text, name, 160);
    text[line..name].trim_ascii_start().starts_with(b"set ")
}

/// `db_pass <- "x"` of R.
fn assigned_by_arrow(scan: &mut Scan, class: KeyClass, name: Name, from: usize) {
    let text = scan.text;
    if !text[from..].starts_with(b"<- ") {
        return;
    }
    let operator = Operator { colon: false, strict: true, compares: false };
    if let Some(span) = value_at(text, from + 3, false).filter(|span| span.quoted) {
        judge(scan, class, &text[name.start..name.end], span, operator);
    }
}

/// `a temporary password is generated for root@localhost: x`, `password for db01: x`
fn spoken_for(scan: &mut Scan, from: usize) {
    let text = scan.text;
    if !text[from..].starts_with(b"for ") && !text[from..].starts_with(b"generated for ") {
        return;
    }
    let line = to_line_end(text, from, 120);
    let Some(colon) = memchr::memmem::find(&text[from..line], b": ").map(|i| from + i) else { return };
    let start = colon + 2;
    let end = forward_over(text, start, 120, |b| b.is_ascii_graphic());
    if matches!(text.get(end), None | Some(b'\n' | b'\r')) && is_password(&text[start..end]) {
        scan.secret(start, end, RuleId::PROSE);
    }
}

/// Looks at a name in braces: `${PASSWORD}    x`, a table of variables.
pub(super) fn behind_variable(scan: &mut Scan, name: Name) {
    let text = scan.text;
    let from = forward_over(text, name.end + 1, 40, |b| matches!(b, b' ' | b'\t'));
    if from < name.end + 3 || !text[..name.start].ends_with(b"${") || !is_line_start(text, name.start - 2) {
        return;
    }
    let end = forward_over(text, from, 120, |b| b.is_ascii_graphic());
    if matches!(text.get(end), None | Some(b'\n' | b'\r'))
        && is_password(&text[from..end])
        && class_of(scan, name).hides_strings()
    {
        scan.secret(from, end, RuleId::ASSIGNED);
    }
}

/// Whether the path that goes on to `name` is the first argument of `put` or `set`.
fn puts(text: &[u8], name: usize) -> bool {
    let path = back_over(text, name, 80, |b| b.is_ascii_graphic());
    text[..path].ends_with(b"put ") || text[..path].ends_with(b"set ")
}

/// `radius-server host 10.0.0.9 key x`
fn names_server(scan: &mut Scan, name: usize) -> bool {
    let line = to_line_start(scan.text, name, 120);
    let [radius, tacacs] = &mut scan.memo.servers;
    radius.holds(scan.text, line, name, b"radius") || tacacs.holds(scan.text, line, name, b"tacacs")
}

/// `--password-command 'echo x'`
fn printed_by(scan: &mut Scan, end: usize) {
    let text = scan.text;
    let from = forward_over(text, end, 3, |b| matches!(b, b' ' | b'"' | b'\''));
    let Some(echo) = text[from..].strip_prefix(b"echo ") else { return };
    let start = text.len() - echo.len();
    let to = forward_over(text, start, 128, |b| b.is_ascii_graphic() && !matches!(b, b'"' | b'\''));
    if value::looks_chosen(&text[start..to]) {
        scan.secret(start, to, RuleId::FLAG);
    }
}

/// Whether one of [`SETTERS`] stands in front of a name, as a word of its own (`reset password` is none).
fn sets(text: &[u8], name: usize) -> bool {
    let may_set = matches!(text[..name], [.., b't' | b'x' | b'v' | b'd' | b'g', b' ']);
    may_set
        && SETTERS.iter().any(|setter| {
            text[..name].ends_with(setter)
                && !text[..name - setter.len()].last().is_some_and(u8::is_ascii_alphanumeric)
        })
}

/// What sets a variable without a sign: `set -gx NAME x`, `setx NAME x`, `gh secret set NAME x`.
const SETTERS: [&[u8]; 12] = [
    b"set ",
    b"set -gx ",
    b"set -x ",
    b"set -Ux ",
    b"set -xg ",
    b"setx ",
    b"setenv ",
    b"secret add ",
    b"set --secret ",
    b"secrets put ",
    b"secret put ",
    b"env add ",
];

/// `gh secret set NAME --body x`
fn past_body_flag(text: &[u8], from: usize) -> usize {
    const FLAGS: [&[u8]; 7] =
        [b"--body ", b"-b ", b"--value ", b"--body=", b"--data ", b"-v ", b"--plaintext "];
    if text.get(from) != Some(&b'-') {
        return from;
    }
    FLAGS
        .iter()
        .find(|flag| text.get(from + 2) == flag.get(2) && text[from..].starts_with(flag))
        .map_or(from, |flag| from + flag.len())
}

/// Whether the name is a command-line flag.
fn is_flag(text: &[u8], name: Name) -> bool {
    let key_start = name.start + text[name.start..name.end].iter().take_while(|b| **b == b'-').count();
    (key_start > name.start && (name.start == 0 || b" \n\t'\"".contains(&text[name.start - 1])))
        && !matches!(text.get(name.end), Some(b'"' | b'\''))
}

/// In `.netrc`: `machine h login l password p`.
fn names_login(scan: &mut Scan, start: usize) -> bool {
    let floor = start.saturating_sub(160);
    scan.memo.machines.holds(scan.text, floor, start, b"machine ")
        && value::contains(&scan.text[floor..start], b"login ")
}
