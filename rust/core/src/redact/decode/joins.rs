//! Text in parts: literals that a program puts together, lines that a terminal broke.

use super::view::Edit;
use crate::redact::span::{back_over, forward_over};
use crate::redact::value::contains;
use std::cell::OnceCell;

/// How far apart two literals may stand.
const GAP: usize = 96;
/// How far around a literal its list may begin and end.
const LIST: usize = 400;
/// How wide the lines are that a terminal, a mail program or a logger breaks.
const WIDTHS: [usize; 10] = [72, 76, 78, 79, 80, 100, 120, 132, 160, 200];
const NARROWEST: usize = WIDTHS[0];

/// Characters of tokens and addresses, which a program may cut anywhere.
pub(super) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-+/=.@%:!#$".contains(&byte)
}

/// What stands between the literal that `quote` closes and the one that goes on.
pub(super) fn joint(text: &[u8], quote: usize, joins: &OnceCell<bool>) -> Option<Edit> {
    let next = *text.get(quote + 1)?;
    if quote == 0 || !b" \t\n\r+.&~|<^,)\\;\"'`/".contains(&next) {
        return None;
    }
    let slashes = quote - back_over(text, quote, 8, |byte| byte == b'\\');
    let start = quote - slashes;
    if start == 0 || !is_token_byte(text[start - 1]) {
        return None;
    }
    let (at, doubtful) = behind_operator(text, quote + 1, slashes > 0, joins)?;
    let (open, end) = opening(text, at, slashes)?;
    // Two quotes side by side are one sign of a table or a query.
    let doubled = open == quote + 1 && text[open] == text[quote];
    // Words of a document in backticks, items of a shell's list.
    let apart = doubtful && (text[quote] == b'`' || text[open] != text[quote]);
    if doubled || apart || end > quote + GAP || !text.get(end).copied().is_some_and(is_token_byte) {
        return None;
    }
    Some(Edit { doubtful, ..Edit::gap(start, end) })
}

/// The opening quote at `at`, past the letters of its kind, and where its text starts.
fn opening(text: &[u8], at: usize, slashes: usize) -> Option<(usize, usize)> {
    let letters = forward_over(text, at, 2, |byte| b"brfuBRFUL$@".contains(&byte));
    let quote = forward_over(text, letters, slashes, |byte| byte == b'\\');
    matches!(text.get(quote)?, b'"' | b'\'' | b'`').then_some((quote, quote + 1))
}

/// Past white space, line ends (written as `\n` in escaped code) and the signs that continue a line.
fn blanks(text: &[u8], from: usize, escaped: bool, operator: bool) -> usize {
    let ceiling = text.len().min(from + GAP);
    let mut at = from;
    while at < ceiling {
        match text[at] {
            b' ' | b'\t' | b'\r' => at += 1,
            b'\n' => {
                // A line of a patch, of quoted mail.
                let sign = operator && text.get(at + 1).is_some_and(|byte| b"+->|".contains(byte));
                at += 1 + usize::from(sign);
            }
            b'\\' if matches!(text.get(at + 1), Some(b'\n' | b'\r')) => at += 1,
            b'\\' if escaped && matches!(text.get(at + 1), Some(b'n' | b't' | b'r')) => at += 2,
            b'_' if operator && matches!(text.get(at + 1), Some(b'\n' | b'\r')) => at += 1,
            _ => break,
        }
    }
    at
}

const OPERATORS: [&[u8]; 14] =
    [b"+", b"++", b".", b"..", b"...", b"&", b"&&", b"~", b"||", b"<>", b"<<", b"^", b"//", b"|>"];

/// Where the next literal may start, and whether the joint is doubtful.
fn behind_operator(text: &[u8], from: usize, escaped: bool, joins: &OnceCell<bool>) -> Option<(usize, bool)> {
    let at = blanks(text, from, escaped, false);
    match *text.get(at)? {
        b')' => chained(text, at + 1, escaped).map(|at| (at, false)),
        b';' => added(text, at + 1, escaped).map(|at| (at, false)),
        b',' => {
            let next = blanks(text, at + 1, escaped, true);
            let literal = matches!(text.get(next), Some(b'"' | b'\'' | b'`' | b'\\'));
            let listed = literal && *joins.get_or_init(|| names_join(text)) && is_joined_list(text, at);
            listed.then_some((next, false))
        }
        b'"' | b'\'' | b'`' | b'\\' | b'$' | b'@' => Some((at, true)),
        byte if byte.is_ascii_alphabetic() => {
            let near = forward_over(text, at, 2, |byte| byte.is_ascii_alphabetic());
            if matches!(text.get(near), Some(b'"' | b'\'')) {
                return Some((at, true));
            }
            // The name of the same variable on the next line.
            let line = text[from..at].contains(&b'\n') || escaped;
            line.then(|| added(text, at, escaped)).flatten().map(|at| (at, false))
        }
        _ => {
            let end = forward_over(text, at, 3, |byte| b"+.&~|<>^/".contains(&byte));
            OPERATORS.contains(&&text[at..end]).then(|| (blanks(text, end, escaped, true), false))
        }
    }
}

/// `.append(`, `); out.append(`.
fn chained(text: &[u8], from: usize, escaped: bool) -> Option<usize> {
    const CALLS: [&[u8]; 9] =
        [b"append", b"Append", b"concat", b"push_str", b"WriteString", b"add", b"push", b"write", b"plus"];
    let semicolon = blanks(text, from, escaped, false);
    let at = if text.get(semicolon) == Some(&b';') { semicolon + 1 } else { semicolon };
    let at = blanks(text, at, escaped, false);
    let name = forward_over(text, at, 40, |byte| byte.is_ascii_alphanumeric() || b"_.->$&:".contains(&byte));
    let call = back_over(text, name, 16, |byte| byte.is_ascii_alphabetic() || byte == b'_').max(at);
    let known = CALLS.contains(&&text[call..name]) && text.get(name) == Some(&b'(');
    known.then(|| blanks(text, name + 1, escaped, false))
}

/// `; name += "`.
fn added(text: &[u8], from: usize, escaped: bool) -> Option<usize> {
    let at = blanks(text, from, escaped, false);
    let name = forward_over(text, at, 40, |byte| byte.is_ascii_alphanumeric() || b"_.->$".contains(&byte));
    let sign = blanks(text, name, escaped, false);
    let operator = text.get(sign..sign + 2)?;
    let adds = matches!(operator, b"+=" | b".=" | b"~=" | b"&=" | b"<<") && name > at;
    adds.then(|| blanks(text, sign + 2, escaped, true))
}

const JOINING: [&[u8]; 8] = [b"join", b"Join", b"oncat", b"ONCAT", b"mplode", b"paste0", b"str_c", b"strcat"];

fn names_join(text: &[u8]) -> bool {
    JOINING.iter().any(|word| memchr::memmem::find(text, word).is_some())
}

/// Whether the list around the comma at `at` is joined without anything between: `[…].join("")`, `CONCAT(…)`.
fn is_joined_list(text: &[u8], at: usize) -> bool {
    let front = &text[at.saturating_sub(LIST)..at];
    let open = front.iter().rposition(|byte| matches!(byte, b'[' | b'(' | b'{')).unwrap_or(0);
    let call = &front[open.saturating_sub(24)..open];
    if JOINING.iter().any(|word| contains(call, word)) {
        return true;
    }
    let rest = &text[at..text.len().min(at + LIST)];
    let close = rest.iter().position(|byte| matches!(byte, b']' | b')' | b'}')).unwrap_or(rest.len());
    let after = &rest[close..rest.len().min(close + 12)];
    contains(after, b"join") || contains(after, b"concat")
}

/// A token that a terminal or a mail program broke at the end of a full line; `joined` is where the line starts that
/// goes on itself.
pub(super) fn broken_line(text: &[u8], at: usize, joined: usize) -> Option<Edit> {
    if at < NARROWEST || !in_token(text[at - 1]) || !text.get(at + 1).copied().is_some_and(in_token) {
        return None;
    }
    let start = back_over(text, at, WIDTHS[WIDTHS.len() - 1], in_token);
    let tail = &text[start..at];
    let tokenlike = tail.contains(&b'_') || tail.len() >= 6 && is_mixed(tail);
    let lone = start == 0 || text[start - 1] == b'\n';
    if !tokenlike || lone && joined != start {
        return None;
    }
    let line = back_over(text, start, WIDTHS[WIDTHS.len() - 1], |byte| byte != b'\n');
    let broken = WIDTHS.contains(&(at - line)) && goes_on(text, at + 1);
    broken.then(|| Edit { doubtful: true, ..Edit::gap(at, at + 1) })
}

fn in_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

fn is_mixed(text: &[u8]) -> bool {
    text.iter().any(u8::is_ascii_digit) && text.iter().any(u8::is_ascii_alphabetic)
}

/// Whether the rest of a token, rather than a word or the name of the next setting, starts a line at `at`.
pub(super) fn goes_on(text: &[u8], at: usize) -> bool {
    let end = forward_over(text, at, 96, |byte| is_token_byte(byte) && !b":=".contains(&byte));
    let head = &text[at..end];
    let sign = forward_over(text, end, 2, |byte| byte == b' ');
    let named = matches!(text.get(sign), Some(b'=' | b':' | b','));
    let cased = head.iter().skip(1).any(u8::is_ascii_uppercase) && head.iter().any(u8::is_ascii_lowercase);
    head.contains(&b'@') || !named && (head.iter().any(u8::is_ascii_digit) || cased || head.len() >= 24)
}
