//! Passwords beside the name of their user: the arguments of a call that opens a connection, `log in with admin / x`.

use super::value;
use crate::redact::rules::RuleId;
use crate::redact::scan::Scan;
use crate::redact::scan::span::{Span, back_over, forward_over, quote_at, quoted_end, to_line_start};

/// How many arguments of a call are read.
const MOST_ARGUMENTS: usize = 5;
const ARGUMENT_LIMIT: usize = 200;
/// How far in front of a login its introduction is looked for.
const REACH: usize = 48;

/// Whether a call of this name opens a connection to a service where a user logs in.
pub(crate) fn connects(callee: &[u8]) -> bool {
    callee.ends_with(b"connect")
}

/// The password among the arguments of a connection whose parenthesis opens at `open`: the literal behind the user.
pub(crate) fn arguments(scan: &mut Scan, open: usize) {
    rest(scan, open + 1, 0);
}

/// `"jdbc:mysql://db/shop", "app", "x"`: the arguments behind the literal of the URL whose host starts at `from`.
pub(crate) fn behind_url(scan: &mut Scan, colon: usize, from: usize) {
    let text = scan.text;
    let scheme = back_over(text, colon, 24, |b| b.is_ascii_lowercase() || b == b':');
    if !text[scheme..colon].starts_with(b"jdbc:") {
        return;
    }
    let end = forward_over(text, from, ARGUMENT_LIMIT, |b| {
        b.is_ascii_graphic() && !matches!(b, b'"' | b'\'' | b'`')
    });
    if matches!(text.get(end), Some(b'"' | b'\'')) && text.get(end + 1) == Some(&b',') {
        rest(scan, end + 2, 1);
    }
}

fn rest(scan: &mut Scan, from: usize, before: usize) {
    let text = scan.text;
    let mut at = from;
    for place in before..MOST_ARGUMENTS {
        let Some((span, next)) = argument(text, at) else { return };
        let body = &text[span.start..span.end];
        if place > 0 && span.quoted && is_password(body) {
            return scan.secret(span.start, span.end, RuleId::ASSIGNED);
        }
        if text[next] == b')' {
            return;
        }
        at = next + 1;
    }
}

/// The argument at `at`, a literal or a name, and where its comma or parenthesis stands.
fn argument(text: &[u8], at: usize) -> Option<(Span, usize)> {
    let blank = |at| forward_over(text, at, 32, |b| b.is_ascii_whitespace());
    let start = blank(at);
    let (span, behind) = if let Some((open, depth)) = quote_at(text, start) {
        let end = quoted_end(text, open, depth)?;
        (Span { start: open, end, quoted: true }, end + depth + 1)
    } else {
        let end = forward_over(text, start, 64, |b| b.is_ascii_alphanumeric() || b"_.$>-".contains(&b));
        (Span { start, end, quoted: false }, end)
    };
    let next = blank(behind);
    let sound = span.end > span.start && span.end - span.start < ARGUMENT_LIMIT;
    (sound && matches!(text.get(next), Some(b',' | b')'))).then_some((span, next))
}

fn is_password(body: &[u8]) -> bool {
    !body.contains(&b' ')
        && !body.starts_with(b"utf")
        && (value::is_prose_secret(body, true) && value::looks_chosen(body)
            || value::is_chosen_password(body))
}

/// Words in front of a user and a password.
const INTRODUCTIONS: [&[u8]; 9] = [
    b"log in",
    b"login",
    b"logged in",
    b"sign in",
    b"signed in",
    b"credentials",
    b"creds",
    b"get in",
    b"account",
];

/// Looks at the `/` at `at`: `log in with admin / x`.
pub(crate) fn at_slash(scan: &mut Scan, at: usize) {
    let text = scan.text;
    let spaced = at > 2 && text[at - 1] == b' ' && text.get(at + 1) == Some(&b' ');
    if !spaced || !is_user_byte(text[at - 2]) {
        return;
    }
    let from = at + 2;
    let to = forward_over(text, from, 80, |b| b.is_ascii_graphic() && !b"\"'`<>,;()[]{}|\\/".contains(&b));
    let end = back_over(text, to, 2, |b| matches!(b, b'.' | b'?' | b':')).max(from);
    if end < from + 6 {
        return;
    }
    let user = back_over(text, at - 1, 40, is_user_byte);
    let floor = to_line_start(text, user, REACH);
    let front = text[floor..user].to_ascii_lowercase();
    if INTRODUCTIONS.iter().any(|words| value::contains(&front, words)) && is_password(&text[from..end]) {
        scan.secret(from, end, RuleId::PROSE);
    }
}

fn is_user_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'@' | b'`' | b'"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_literals_or_names() {
        let text = b"url, \"app\", f(x))";
        let (url, comma) = argument(text, 0).unwrap();
        assert!(!url.quoted && comma == 3);
        let (app, comma) = argument(text, comma + 1).unwrap();
        assert!(app.quoted && &text[app.start..app.end] == b"app");
        assert!(argument(text, comma + 1).is_none());
    }

    #[test]
    fn names_of_things_are_no_passwords() {
        for body in ["shop", "db1", "utf8mb4", "localhost", "10.0.0.1", "sort_by_name_2"] {
            assert!(!is_password(body.as_bytes()), "{body}");
        }
        assert!(is_password(b"Sommer-wald83"));
    }
}
