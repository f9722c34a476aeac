//! Dumps of bytes: `xxd`, `hexdump`, `od -c`. Their lines are read back into the bytes they show.

use crate::redact::scan::Scan;
use crate::redact::scan::span::{back_over, forward_over};
use std::ops::Range;

/// The widest line of a dump.
const WIDTH: usize = 64;

/// The bytes of a dump, with the places of each.
#[derive(Default)]
struct Dump {
    bytes: Vec<u8>,
    /// Where the number of a byte stands.
    numbers: Vec<Range<usize>>,
    /// Where the byte itself stands, in the column beside the numbers; empty where there is none.
    letters: Vec<Range<usize>>,
    /// The first byte of each line.
    lines: Vec<usize>,
}

/// Scans every dump in the text; each starts at an offset of zeros.
pub(super) fn views(scan: &mut Scan) {
    let text = scan.text;
    let mut until = 0;
    for zeros in memchr::memmem::find_iter(text, b"0000") {
        let start = back_over(text, zeros, 32, |byte| byte == b' ' || byte == b'\t');
        if zeros < until || start > 0 && text[start - 1] != b'\n' {
            continue;
        }
        let (dump, end) = read(text, zeros);
        until = end;
        for found in scan.inner(&dump.bytes) {
            for part in dump.places(found.start as usize, found.end as usize) {
                scan.secret(part.start, part.end, found.rule);
            }
        }
    }
}

/// The lines of a dump from `start` on, and where the last of them ends.
fn read(text: &[u8], start: usize) -> (Dump, usize) {
    let mut dump = Dump::default();
    let (mut at, mut end) = (start, start + 4);
    while let Some(next) = dump.line(text, at) {
        end = next;
        at = forward_over(text, next + 1, 32, |byte| byte == b' ' || byte == b'\t');
    }
    (dump, end)
}

impl Dump {
    /// Reads the line whose offset stands at `at`; where it ends.
    fn line(&mut self, text: &[u8], at: usize) -> Option<usize> {
        let end = at + memchr::memchr(b'\n', text.get(at..text.len().min(at + 256))?).unwrap_or(256);
        let end = end.min(text.len());
        let offset = forward_over(text, at, 16, |byte| byte.is_ascii_hexdigit());
        if offset - at < 4 || offset > end {
            return None;
        }
        let from = offset + usize::from(text.get(offset) == Some(&b':'));
        if text.get(from) != Some(&b' ') {
            return None;
        }
        let known = self.bytes.len();
        if !(offset - at == 7 && self.characters(text, from, end)) {
            self.hexadecimal(text, from, end);
        }
        (self.bytes.len() > known).then(|| {
            self.lines.push(known);
            end
        })
    }

    fn push(&mut self, byte: u8, number: Range<usize>, letter: Range<usize>) {
        self.bytes.push(byte);
        self.numbers.push(number);
        self.letters.push(letter);
    }

    /// The cells of `od -c`: each four columns wide.
    fn characters(&mut self, text: &[u8], from: usize, end: usize) -> bool {
        let cells = text[from..end].trim_ascii_end();
        let known = self.bytes.len();
        for (index, cell) in cells.chunks(4).enumerate() {
            let at = from + 4 * index;
            let value = cell_value(cell).filter(|_| index < WIDTH);
            let Some(byte) = value else {
                self.bytes.truncate(known);
                self.numbers.truncate(known);
                self.letters.truncate(known);
                return false;
            };
            let blank = cell.iter().take_while(|byte| **byte == b' ').count();
            self.push(byte, at + blank..at + cell.len(), 0..0);
        }
        self.bytes.len() > known
    }

    /// Groups of hexadecimal digits, and the column of letters behind them.
    fn hexadecimal(&mut self, text: &[u8], from: usize, end: usize) {
        let known = self.bytes.len();
        let mut at = from;
        let mut words = true;
        while self.bytes.len() - known < WIDTH {
            let spaces = forward_over(text, at, 4, |byte| byte == b' ');
            let group = forward_over(text, spaces, 33, |byte| byte.is_ascii_hexdigit()).min(end);
            let length = group.saturating_sub(spaces);
            let ends = group == end || text[group] == b' ';
            let letters = spaces > at + 1 && self.bytes.len() > known && length != 2 && length < 4;
            if spaces == at || length < 2 || length % 2 == 1 || length > 16 || !ends || letters {
                break;
            }
            if spaces > at + 1 && self.is_letter(text, spaces, known) {
                break;
            }
            words &= length == 4;
            for pair in (spaces..group).step_by(2) {
                let byte = super::escapes::hex(text, pair, 2).unwrap_or(0) as u8;
                self.push(byte, pair..pair + 2, 0..0);
            }
            at = group;
        }
        let lettered = self.letters_behind(text, at, end, known);
        // Without letters beside them, words of two bytes are written as numbers of a small-endian machine.
        if !lettered && words && text[from - 1] != b':' {
            for pair in (known..self.bytes.len() - (self.bytes.len() - known) % 2).step_by(2) {
                self.bytes.swap(pair, pair + 1);
            }
        }
    }

    /// Whether the letters of the line rather than further groups start at `at`.
    fn is_letter(&self, text: &[u8], at: usize, known: usize) -> bool {
        let shown = self.bytes[known..].iter().zip(&text[at..]);
        self.bytes.len() - known > 4 && shown.take(8).all(|(byte, letter)| is_shown(*byte, *letter))
    }

    fn letters_behind(&mut self, text: &[u8], at: usize, end: usize, known: usize) -> bool {
        let mut start = forward_over(text, at, 64, |byte| byte == b' ').min(end);
        let count = self.bytes.len() - known;
        if matches!(text.get(start), Some(b'|' | b'>')) && !self.shows(text, start, end, known) {
            start += 1;
        }
        // Blanks of the text itself were taken for the gap.
        while start > at && !self.shows(text, start, end, known) {
            start -= 1;
        }
        if count == 0 || start == at {
            return false;
        }
        for (index, letter) in self.letters[known..].iter_mut().enumerate() {
            *letter = start + index..start + index + 1;
        }
        true
    }

    fn shows(&self, text: &[u8], start: usize, end: usize, known: usize) -> bool {
        let bytes = &self.bytes[known..];
        start + bytes.len() <= end
            && bytes.iter().zip(&text[start..]).all(|(byte, letter)| is_shown(*byte, *letter))
    }

    /// Where the bytes from `start` to `end` stand, line by line.
    fn places(&self, start: usize, end: usize) -> Vec<Range<usize>> {
        let mut out = Vec::new();
        let first = self.lines.partition_point(|line| *line <= start) - 1;
        for (index, line) in self.lines[first..].iter().enumerate().take_while(|(_, line)| **line < end) {
            let next = self.lines.get(first + index + 1).copied().unwrap_or(self.bytes.len());
            let (from, to) = (start.max(*line), end.min(next));
            out.push(self.numbers[from].start..self.numbers[to - 1].end);
            if !self.letters[from].is_empty() {
                out.push(self.letters[from].start..self.letters[to - 1].end);
            }
        }
        out
    }
}

fn is_shown(byte: u8, letter: u8) -> bool {
    letter == b'.' || byte == letter
}

fn cell_value(cell: &[u8]) -> Option<u8> {
    match cell {
        [b' ', b' ', b' ', byte] if *byte > b' ' => Some(*byte),
        [b' ', b' ', b'\\', letter] => Some(match letter {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'0' => 0,
            b'a'..=b'v' => 7,
            _ => return None,
        }),
        [b' ', b' ', b' ', _] | [b' '] => Some(b' '),
        [b' ', digits @ ..] if digits.len() == 3 => digits
            .iter()
            .try_fold(0u32, |code, byte| Some(code * 8 + char::from(*byte).to_digit(8)?))
            .and_then(|code| u8::try_from(code).ok()),
        _ => None,
    }
}
