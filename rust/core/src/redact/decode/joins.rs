//! Text in parts: literals that a program puts together, lines that a terminal broke.

use super::view::Edit;
use crate::redact::labelled::value::contains;
use crate::redact::scan::blocks::is_word;
use crate::redact::scan::span::{back_over, forward_over};

/// How far apart two literals may stand.
const GAP: usize = 96;
/// How far around a literal its list may begin and end.
const LIST: usize = 400;
/// How wide the lines are that a terminal, a mail program or a logger breaks.
const WIDTHS: [usize; 10] = [72, 76, 78, 79, 80, 100, 120, 132, 160, 200];
const NARROWEST: usize = WIDTHS[0];
const WIDEST: usize = WIDTHS[WIDTHS.len() - 1];
/// What may stand behind the quote that closes a part.
pub(super) const BEHIND: &[u8] = b" \t\n\r+.&~|<^,)\\;\"'`/";

/// Characters of tokens and addresses, which a program may cut anywhere.
pub(super) fn is_token_byte(byte: u8) -> bool {
    TOKEN[byte as usize]
}

static TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let sign = byte as u8;
        table[byte] = sign.is_ascii_alphanumeric()
            || matches!(
                sign,
                b'_' | b'-' | b'+' | b'/' | b'=' | b'.' | b'@' | b'%' | b':' | b'!' | b'#' | b'$'
            );
        byte += 1;
    }
    table
};

/// What stands between the literal that `quote` closes, in front of one of [`BEHIND`], and the one that goes on.
pub(super) fn joint(text: &[u8], quote: usize, lists: &mut Lists) -> Option<Edit> {
    let slashes = quote - back_over(text, quote, 8, |byte| byte == b'\\');
    let start = quote - slashes;
    if start == 0 || !is_token_byte(text[start - 1]) {
        return None;
    }
    let (at, doubtful) = behind_operator(text, quote + 1, slashes > 0, lists)?;
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
    let letters = forward_over(text, at, 2, |byte| {
        matches!(byte, b'b' | b'r' | b'f' | b'u' | b'B' | b'R' | b'F' | b'U' | b'L' | b'$' | b'@')
    });
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
                let sign = operator && matches!(text.get(at + 1), Some(b'+' | b'-' | b'>' | b'|'));
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

fn is_operator(signs: &[u8]) -> bool {
    match *signs {
        [sign] => matches!(sign, b'+' | b'.' | b'&' | b'~' | b'^'),
        [first, second] if first == second => matches!(first, b'+' | b'.' | b'&' | b'|' | b'<' | b'/'),
        [b'<' | b'|', b'>'] | [b'.', b'.', b'.'] => true,
        _ => false,
    }
}

/// Where the next literal may start, and whether the joint is doubtful.
fn behind_operator(text: &[u8], from: usize, escaped: bool, lists: &mut Lists) -> Option<(usize, bool)> {
    let at = blanks(text, from, escaped, false);
    match *text.get(at)? {
        b')' => chained(text, at + 1, escaped).map(|at| (at, false)),
        b';' => added(text, at + 1, escaped).map(|at| (at, false)),
        b',' => {
            let next = blanks(text, at + 1, escaped, true);
            let literal = matches!(text.get(next), Some(b'"' | b'\'' | b'`' | b'\\'));
            let listed = literal && lists.joins(text, at);
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
            let end = forward_over(text, at, 3, |byte| {
                matches!(byte, b'+' | b'.' | b'&' | b'~' | b'|' | b'<' | b'>' | b'^' | b'/')
            });
            is_operator(&text[at..end]).then(|| (blanks(text, end, escaped, true), false))
        }
    }
}

/// Letters of names and of the ways to what belongs to them: `this.out`, `$this->out`.
fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'>' | b'$')
}

/// `.append(`, `); out.append(`.
fn chained(text: &[u8], from: usize, escaped: bool) -> Option<usize> {
    const CALLS: [&[u8]; 9] =
        [b"append", b"Append", b"concat", b"push_str", b"WriteString", b"add", b"push", b"write", b"plus"];
    let semicolon = blanks(text, from, escaped, false);
    let at = if text.get(semicolon) == Some(&b';') { semicolon + 1 } else { semicolon };
    let at = blanks(text, at, escaped, false);
    let name = forward_over(text, at, 40, |byte| is_name(byte) || matches!(byte, b'&' | b':'));
    if text.get(name) != Some(&b'(') {
        return None;
    }
    let call = back_over(text, name, 16, |byte| byte.is_ascii_alphabetic() || byte == b'_').max(at);
    CALLS.contains(&&text[call..name]).then(|| blanks(text, name + 1, escaped, false))
}

/// `; name += "`.
fn added(text: &[u8], from: usize, escaped: bool) -> Option<usize> {
    let at = blanks(text, from, escaped, false);
    let name = forward_over(text, at, 40, is_name);
    let sign = blanks(text, name, escaped, false);
    let operator = text.get(sign..sign + 2)?;
    let adds = matches!(operator, b"+=" | b".=" | b"~=" | b"&=" | b"<<") && name > at;
    adds.then(|| blanks(text, sign + 2, escaped, true))
}

const JOINING: [&[u8]; 8] = [b"join", b"Join", b"oncat", b"ONCAT", b"mplode", b"paste0", b"str_c", b"strcat"];

/// Whether one of [`JOINING`] may start with these letters.
fn starts_joining(letters: &[u8]) -> bool {
    match letters[0] {
        b'j' | b'J' => letters[1] == b'o',
        b'o' => letters[1] == b'n',
        b'O' => letters[1] == b'N',
        b'm' => letters[1] == b'p',
        b'p' => letters[1] == b'a',
        b's' => letters[1] == b't',
        _ => false,
    }
}

fn names_join(text: &[u8]) -> bool {
    JOINING.iter().any(|word| memchr::memmem::find(text, word).is_some())
}

/// What is known about the lists of a text.
#[derive(Default)]
pub(super) struct Lists {
    looks: u8,
    /// Whether anything in the text joins lists.
    named: Option<bool>,
}

impl Lists {
    /// Whether the list around the comma at `at` is joined. A few looks at what is near cost less than one at the
    /// whole text, which is asked before any more of them.
    fn joins(&mut self, text: &[u8], at: usize) -> bool {
        const LOOKS: u8 = 64;
        if self.looks < LOOKS {
            self.looks += 1;
        } else if !*self.named.get_or_insert_with(|| names_join(text)) {
            return false;
        }
        is_joined_list(text, at)
    }
}

/// Whether the list around the comma at `at` is joined without anything between: `[…].join("")`, `CONCAT(…)`.
fn is_joined_list(text: &[u8], at: usize) -> bool {
    let front = &text[at.saturating_sub(LIST)..at];
    let open = memchr::memrchr3(b'[', b'(', b'{', front).unwrap_or(0);
    let call = &front[open.saturating_sub(24)..open];
    if call.windows(4).any(starts_joining) && JOINING.iter().any(|word| contains(call, word)) {
        return true;
    }
    let rest = &text[at..text.len().min(at + LIST)];
    let close = memchr::memchr3(b']', b')', b'}', rest).unwrap_or(rest.len());
    let after = &rest[close..rest.len().min(close + 12)];
    contains(after, b"join") || contains(after, b"concat")
}

/// A token that a terminal or a mail program broke at `at`, the end of a full line; `joined` is where the line starts that
/// goes on itself.
pub(super) fn broken_line(text: &[u8], at: usize, joined: usize) -> Option<Edit> {
    if !is_word(text[at - 1]) {
        return None;
    }
    let start = back_over(text, at, WIDEST, is_word);
    let tail = &text[start..at];
    let tokenlike = tail.contains(&b'_') || tail.len() >= 6 && is_mixed(tail);
    let lone = start == 0 || text[start - 1] == b'\n';
    if !tokenlike || lone && joined != start {
        return None;
    }
    goes_on(text, at + 1).then(|| Edit { doubtful: true, ..Edit::gap(at, at + 1) })
}

/// Whether a line is one of [`WIDTHS`] long.
pub(super) fn is_full(width: usize) -> bool {
    const FULL: [u64; WIDEST / 64 + 1] = {
        let mut bits = [0; WIDEST / 64 + 1];
        let mut at = 0;
        while at < WIDTHS.len() {
            bits[WIDTHS[at] / 64] |= 1 << (WIDTHS[at] % 64);
            at += 1;
        }
        bits
    };
    (NARROWEST..=WIDEST).contains(&width) && FULL[width / 64] >> (width % 64) & 1 != 0
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
