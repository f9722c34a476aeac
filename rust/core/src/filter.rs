//! The redactor as a filter: JSON lines in, redacted JSON lines out, for text that comes from elsewhere.

use crate::encode::explain::{Place, explain, explain_text};
use crate::encode::json::{self, JsonError};
use crate::encode::{Buffer, Encoder, Limits};
use crate::redact::{Redactor, SecretFile};
use std::borrow::Cow;
use std::io::{self, Read, Write};

/// How much is read and written at once; a longer line is held as a whole.
const CHUNK: usize = 1 << 20;
/// The numbers of so many lines that are no JSON are remembered.
const MAX_BROKEN: usize = 100;

/// What a filter has seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// How many lines there were.
    pub lines: u64,
    /// The numbers of the first lines that are no JSON, counted from 1.
    pub broken: Vec<u64>,
}

/// Appends one JSON text to `buffer`, redacted.
///
/// # Errors
/// [`JsonError`] where the text is no JSON; then the buffer is as it was.
pub fn redact_json(redactor: &Redactor, text: &[u8], buffer: &mut Buffer) -> Result<(), JsonError> {
    buffer.next_event(SecretFile::None);
    let before = buffer.out.len();
    // The lossy reading alone takes longer than all of the redaction.
    let text = str::from_utf8(text).map_or_else(|_| String::from_utf8_lossy(text), Cow::Borrowed);
    let mut room = std::mem::take(&mut buffer.parser);
    let parsed = json::parse_with(&text, &mut Encoder::new(redactor, buffer, Limits::NONE), &mut room);
    buffer.parser = room;
    parsed.inspect_err(|_| buffer.out.truncate(before))
}

/// Redacts every line of `input` into `output`, in the same order. A line that is no JSON goes out as a redacted
/// JSON string.
///
/// What was read is answered before more is waited for, so that a pipe that is fed line by line answers line by line.
///
/// # Errors
/// What reading or writing fails with.
pub fn redact_lines(redactor: &Redactor, input: impl Read, output: impl Write) -> io::Result<Seen> {
    stream(input, output, |line, _, buffer| redacted(redactor, line, buffer))
}

/// Says for every line of `input` which rules act at which key of it, as a line of JSON for each place: the number of
/// the line, the key after redaction, how often each rule acts. A line that is no JSON is read as one text.
///
/// # Errors
/// What reading or writing fails with.
pub fn explain_lines(redactor: &Redactor, input: impl Read, output: impl Write) -> io::Result<Seen> {
    let mut scratch = Buffer::default();
    stream(input, output, |line, number, buffer| {
        explained(redactor, line, number, &mut scratch, &mut buffer.out)
    })
}

/// Hands every line and its number to `act`, which says whether it is JSON, and writes what it leaves in the buffer.
fn stream(
    mut input: impl Read,
    mut output: impl Write,
    mut act: impl FnMut(&[u8], u64, &mut Buffer) -> bool,
) -> io::Result<Seen> {
    let mut seen = Seen::default();
    let mut buffer = Buffer::default();
    let mut held = vec![0; CHUNK];
    let mut filled = 0;
    loop {
        let count = match input.read(&mut held[filled..]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        let fresh = filled;
        filled += count;
        let whole = memchr::memrchr(b'\n', &held[fresh..filled]).map_or(0, |at| fresh + at + 1);
        let whole = if count == 0 { filled } else { whole };
        lines(&held[..whole], &mut buffer, &mut seen, &mut act);
        output.write_all(&buffer.out)?;
        output.flush()?;
        buffer.clear();
        if count == 0 {
            return Ok(seen);
        }
        held.copy_within(whole..filled, 0);
        filled -= whole;
        if filled == held.len() {
            held.resize(filled * 2, 0);
        }
    }
}

/// Lines that end with a newline or with the text.
fn lines(
    mut text: &[u8],
    buffer: &mut Buffer,
    seen: &mut Seen,
    act: &mut impl FnMut(&[u8], u64, &mut Buffer) -> bool,
) {
    while !text.is_empty() {
        let end = memchr::memchr(b'\n', text).unwrap_or(text.len());
        let line = &text[..end];
        text = text.get(end + 1..).unwrap_or(b"");
        seen.lines += 1;
        if !act(line, seen.lines, buffer) && seen.broken.len() < MAX_BROKEN {
            seen.broken.push(seen.lines);
        }
    }
}

fn redacted(redactor: &Redactor, line: &[u8], buffer: &mut Buffer) -> bool {
    let is_json = redact_json(redactor, line, buffer).is_ok();
    if !is_json {
        buffer.next_event(SecretFile::None);
        Encoder::new(redactor, buffer, Limits::NONE).text(&String::from_utf8_lossy(line));
    }
    buffer.out.push(b'\n');
    is_json
}

fn explained(redactor: &Redactor, line: &[u8], number: u64, scratch: &mut Buffer, out: &mut Vec<u8>) -> bool {
    let line = String::from_utf8_lossy(line);
    let parsed = explain(redactor, &line, scratch);
    let is_json = parsed.is_ok();
    for Place { key, rules } in parsed.unwrap_or_else(|_| explain_text(redactor, &line, scratch)) {
        let mut rules: Vec<String> =
            rules.iter().map(|(rule, count)| format!("\"{}\":{count}", redactor.rule_name(*rule))).collect();
        rules.sort_unstable();
        let rules = rules.join(",");
        let place = format!("{{\"line\":{number},\"key\":\"{key}\",\"rules\":{{{rules}}}}}\n");
        out.extend_from_slice(place.as_bytes());
    }
    is_json
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::Policy;

    /// Gives its pieces one by one.
    struct Pieces<'a>(Vec<&'a [u8]>);

    impl Read for Pieces<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let Some(piece) = self.0.pop() else { return Ok(0) };
            let (now, later) = piece.split_at(piece.len().min(into.len()));
            into[..now.len()].copy_from_slice(now);
            self.0.extend((!later.is_empty()).then_some(later));
            Ok(now.len())
        }
    }

    fn filtered(pieces: &[&[u8]]) -> (String, Seen) {
        let redactor = Redactor::new(&Policy { redact_content: false, ..Policy::default() }).unwrap();
        let mut out = Vec::new();
        let input = Pieces(pieces.iter().rev().copied().collect());
        let seen = redact_lines(&redactor, input, &mut out).unwrap();
        (String::from_utf8(out).unwrap(), seen)
    }

    #[test]
    fn lines_come_out_in_order_however_they_come_in() {
        let text = b"{\"a\":1}\n[\"jane@acme.dev\"]\n\"x\"";
        let expected = "{\"a\":1}\n[\"[REDACTED]\"]\n\"x\"\n";
        for cut in 0..text.len() {
            let (out, seen) = filtered(&[&text[..cut], &text[cut..]]);
            let early_end = cut == 0;
            assert!(early_end || (out == expected && seen.lines == 3), "{cut}: {out}");
        }
    }

    #[test]
    fn what_is_no_json_is_a_redacted_string_and_remembered() {
        let (out, seen) = filtered(&[b"{\"a\": 1\nmail jane@acme.dev \xff\n{\"b\":2}\n"]);
        assert_eq!(out, "\"{\\\"a\\\": 1\"\n\"mail [REDACTED] \u{fffd}\"\n{\"b\":2}\n");
        assert_eq!(seen, Seen { lines: 3, broken: vec![1, 2] });
    }

    #[test]
    fn a_line_longer_than_the_buffer_is_one_line() {
        let long = format!("\"{}\"\n", "word ".repeat(CHUNK / 2));
        let pieces: Vec<&[u8]> = long.as_bytes().chunks(1000).collect();
        let (out, seen) = filtered(&pieces);
        assert_eq!((out, seen.lines), (long, 1));
    }
}
