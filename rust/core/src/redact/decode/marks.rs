//! What no reader sees in a text, or sees as something plainer: colours, zero-width and full-width characters, NULs,
//! the carets of a command line.

use super::joins::is_token_byte;
use super::view::{Edit, Stands};
use crate::redact::scan::span::back_over;

/// A terminal sequence whose introducer ends at `from`: a colour stands for nothing, a movement for a space.
pub(super) fn terminal(text: &[u8], at: usize, from: usize) -> Edit {
    match text.get(from) {
        Some(b'[') => {
            let letter = text[from + 1..].iter().take(32).position(|byte| matches!(byte, 0x40..=0x7e));
            let Some(letter) = letter.map(|letter| from + 1 + letter) else { return Edit::gap(at, from + 1) };
            let stands =
                if matches!(text[letter], b'm' | b'K') { Stands::Nothing } else { Stands::Byte(b' ') };
            Edit::new(at, letter + 1, stands)
        }
        Some(b']') => {
            let end = text[from..].iter().take(2048).position(|byte| matches!(byte, 7 | 0x1b));
            let end = end.map_or(from + 1, |end| from + end + 1);
            let slash = text[end - 1] == 0x1b && text.get(end) == Some(&b'\\');
            Edit::new(at, end + usize::from(slash), Stands::Byte(b' '))
        }
        Some(b'(' | b')') => Edit::gap(at, text.len().min(from + 2)),
        _ => Edit::gap(at, from),
    }
}

/// A NUL between two characters of two bytes each.
pub(super) fn interleaved(text: &[u8], at: usize) -> Option<Edit> {
    let printed =
        |at: usize| text.get(at).is_some_and(|byte| matches!(byte, 0x20..=0x7e | b'\n' | b'\r' | b'\t'));
    let found = at > 0 && printed(at - 1) && (text.get(at + 2) == Some(&0) || at > 1 && text[at - 2] == 0);
    found.then(|| Edit::gap(at, at + 1))
}

/// `^[[31m` as a pager shows it, `p^a^s^s`, and the caret that ends a line.
pub(super) fn caret(text: &[u8], at: usize) -> Option<Edit> {
    match text.get(at + 1)? {
        b'[' if text.get(at + 2) == Some(&b'[') => Some(terminal(text, at, at + 2)),
        _ => scattered(text, at),
    }
}

/// A sign that escapes letter by letter, or the end of a line: `p^a^s^s`, and the backtick in the same way.
pub(super) fn scattered(text: &[u8], at: usize) -> Option<Edit> {
    let sign = text[at];
    if at == 0 || !text[at - 1].is_ascii_graphic() {
        return None;
    }
    let line = at + 1 + usize::from(text.get(at + 1) == Some(&b'\r'));
    if text.get(line) == Some(&b'\n') {
        let goes_on = is_token_byte(text[at - 1]) && is_token_byte(*text.get(line + 1)?) && !closes(text, at);
        return goes_on.then(|| Edit { doubtful: true, ..Edit::gap(at, line + 1) });
    }
    // Signs side by side fence code.
    let alone = text.get(at + 1)?.is_ascii_graphic() && text[at + 1] != sign && text[at - 1] != sign;
    let again = text.get(at + 2) == Some(&sign) || at > 1 && text[at - 2] == sign;
    (alone && again).then(|| Edit::gap(at, at + 1))
}

/// Whether the sign at `at`, at the end of a line, closes what the same sign has opened: `` `code` ``.
fn closes(text: &[u8], at: usize) -> bool {
    let from = back_over(text, at, 200, |byte| byte != b'\n');
    memchr::memchr(text[at], &text[from..at]).is_some()
}

/// The length of a zero-width or soft character at `at`; 0 if there is none.
pub(super) fn invisible(text: &[u8], at: usize) -> usize {
    match (text[at], text.get(at + 1), text.get(at + 2)) {
        (0xe2, Some(0x80), Some(0x8b..=0x8f | 0xaa..=0xae))
        | (0xe2, Some(0x81), Some(0xa0..=0xa9))
        | (0xef, Some(0xbb), Some(0xbf))
        | (0xef, Some(0xb8), Some(0x80..=0x8f)) => 3,
        (0xc2, Some(0xad), _) => 2,
        _ => 0,
    }
}

/// The ASCII character that a character at `at` stands for, and its length: spaces, full-width signs.
pub(super) fn plainer(text: &[u8], at: usize) -> Option<(u8, usize)> {
    Some(match (text[at], text.get(at + 1), text.get(at + 2)) {
        (0xc2, Some(0xa0), _) => (b' ', 2),
        (0xe2, Some(0x80), Some(0x80..=0x8a | 0xaf)) => (b' ', 3),
        (0xef, Some(0xbc), Some(low @ 0x81..=0xbf)) => (low - 0x81 + b'!', 3),
        (0xef, Some(0xbd), Some(low @ 0x80..=0x9e)) => (low - 0x80 + b'`', 3),
        _ => return None,
    })
}
