//! Words of command lines: where an argument ends, and which tools a command names before it.

use super::tools::{self, Tool};
use crate::redact::scan::Scan;
use crate::redact::scan::span::{Span, back_over, forward_over, quote_at, quoted_end};

const LINE_LIMIT: usize = 2000;
/// The names of tools stand in the first bytes of a command.
const HEAD_LIMIT: usize = 240;
const ARGUMENT_LIMIT: usize = 1024;
const MOST_TOOLS: usize = 6;

/// What is known of the simple command that was read last.
#[derive(Default)]
pub(crate) struct Command {
    start: usize,
    /// Up to where separators were looked for.
    read: usize,
    /// Up to where words were looked up.
    looked: usize,
    /// The quote that was open there.
    quote: u8,
    tools: [Tool; MOST_TOOLS],
    count: usize,
}

/// The tools that the simple command names in front of `at`; what was read before is not read again.
pub(crate) fn tools_before(scan: &mut Scan, at: usize, room: &mut [Tool; 6]) -> usize {
    let text = scan.text;
    let command = &mut scan.memo.command;
    let known = at >= command.read && command.read > 0 && at - command.read <= LINE_LIMIT;
    let floor = if known { command.read } else { at.saturating_sub(LINE_LIMIT) };
    if !known {
        *command = Command { start: floor, looked: floor, ..Command::default() };
    }
    for (i, _) in (floor..at).zip(&text[floor..at]).filter(|(_, byte)| MARKS[usize::from(**byte)]) {
        command.quote = quote_after(text, i, command.quote);
        if (command.quote == 0 || text[i] == b'\n') && separates(text, i) {
            *command = Command { start: i + 1, looked: i + 1, ..Command::default() };
        }
    }
    command.read = at;
    let end = at.min(command.start + HEAD_LIMIT);
    if command.looked < end {
        look_up(text, command, end);
    }
    *room = command.tools;
    command.count
}

/// The bytes that can open or close a quote or end a simple command.
const MARKS: [bool; 256] = {
    let mut marks = [false; 256];
    let signs = b"\n\"'|(`;&";
    let mut i = 0;
    while i < signs.len() {
        marks[signs[i] as usize] = true;
        i += 1;
    }
    marks
};

fn look_up(text: &[u8], command: &mut Command, end: usize) {
    for word in text[command.looked..end].split(|b| b" \t\n\"'`,[]($={}:".contains(b)) {
        if command.count < MOST_TOOLS
            && word.len() > 1
            && let Some(tool) = tools::tool(word)
        {
            command.tools[command.count] = tool;
            command.count += 1;
        }
    }
    command.looked = end;
}

/// The quote that is open behind `at`, given the one that was open before; a line ends all.
fn quote_after(text: &[u8], at: usize, quote: u8) -> u8 {
    match text[at] {
        b'\n' => 0,
        byte if byte == quote => 0,
        byte @ (b'"' | b'\'') if quote == 0 && (at == 0 || b" =:([".contains(&text[at - 1])) => byte,
        _ => quote,
    }
}

/// Whether a simple command ends at `at`.
fn separates(text: &[u8], at: usize) -> bool {
    let before = if at > 0 { text[at - 1] } else { b' ' };
    match text[at] {
        b'\n' => !matches!(before, b'\\' | b',' | b'['),
        b'|' | b'(' | b'`' | b';' => true,
        b'&' => before == b' ' || before == b'&',
        _ => false,
    }
}

/// The argument behind the flag or the word that ends at `end`: the next one on the line, or the next string of a list.
pub(crate) fn next_argument(text: &[u8], end: usize) -> Option<Span> {
    let close = forward_over(text, end, 8, |b| matches!(b, b'"' | b'\'' | b'\\'));
    if close == end || text[close - 1] == b'\\' {
        let gap = forward_over(text, end, 80, |b| matches!(b, b' ' | b'\t'));
        let line = text[gap..].starts_with(b"\\\n").then(|| forward_over(text, gap + 2, 40, |b| b == b' '));
        return argument(text, line.unwrap_or(gap));
    }
    let comma = forward_over(text, close, 8, |b| b == b' ');
    if text.get(comma) != Some(&b',') {
        return (comma > close).then(|| argument(text, comma)).flatten();
    }
    let from = forward_over(text, comma + 1, 80, |b| matches!(b, b' ' | b'\t' | b'\n' | b'\r'));
    let (start, depth) = quote_at(text, from)?;
    let end = quoted_end(text, start, depth)?;
    Some(Span { start, end, quoted: true })
}

/// The argument at `from`; without its quotes where they surround all of it.
pub(crate) fn argument(text: &[u8], from: usize) -> Option<Span> {
    let from = from + usize::from(text.get(from) == Some(&b'$') && text.get(from + 1) == Some(&b'\''));
    if let Some((start, depth)) = quote_at(text, from)
        && let Some(end) = quoted_end(text, start, depth)
        && ends_word(text, end + depth + 1)
    {
        return (end > start).then_some(Span { start, end, quoted: true });
    }
    let end = word_end(text, from);
    (end > from).then_some(Span { start: from, end, quoted: false })
}

/// Where a word without quotes around it ends; parts of it may be quoted.
fn word_end(text: &[u8], from: usize) -> usize {
    let ceiling = text.len().min(from + ARGUMENT_LIMIT);
    let mut at = from;
    while at < ceiling {
        match text[at] {
            b' ' | b'\t' | b'\n' | b'\r' | b'`' | b'<' | b'>' | b'|' | 0 => break,
            b'\\' if matches!(text.get(at + 1), Some(b'"' | b'\'')) && ends_word(text, at + 2) => break,
            b'\\' if matches!(text.get(at + 1), Some(b'n' | b'r')) && at > from => break,
            b'\\' => at += 2,
            quote @ (b'"' | b'\'') => match inner_quote(text, from, at, quote) {
                Some(close) => at = close + 1,
                None => break,
            },
            b';' | b'&' | b')' if ends_word(text, at + 1) || text.get(at + 1) == Some(&text[at]) => break,
            _ => at += 1,
        }
    }
    let at = at.min(ceiling);
    let last = back_over(text, at, 2, |b| matches!(b, b',' | b'.'));
    if last > from { last } else { at }
}

/// The end of the quoted part that opens at `at` inside a word: `admin:'x y'`; none where the quote closes something.
fn inner_quote(text: &[u8], from: usize, at: usize, quote: u8) -> Option<usize> {
    let opens = at == from || matches!(text[at - 1], b':' | b'=' | b',' | b'%' | b'/' | b'$' | b'@');
    if !opens {
        return None;
    }
    let close = at + 1 + memchr::memchr2(quote, b'\n', &text[at + 1..text.len().min(at + 256)])?;
    (text[close] == quote && close > at + 1).then_some(close)
}

/// Whether nothing of a word can stand at `at`.
fn ends_word(text: &[u8], at: usize) -> bool {
    text.get(at).is_none_or(|b| b" \t\n\r\"'`;,)]}|&\\<>".contains(b))
}

/// The same range without the quotes that surround it.
pub(crate) fn without_quotes(text: &[u8], span: Span) -> Span {
    let body = &text[span.start..span.end];
    match body {
        [b'"', .., b'"'] | [b'\'', .., b'\''] if body.len() > 2 => {
            Span { start: span.start + 1, end: span.end - 1, quoted: true }
        }
        [b'$', b'\'', .., b'\''] if body.len() > 3 => {
            Span { start: span.start + 2, end: span.end - 1, quoted: true }
        }
        _ => span,
    }
}
