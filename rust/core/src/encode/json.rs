//! JSON text as a source of the walk: lines of other processes, hook payloads, imported transcripts.
//!
//! The parser keeps its stack on the heap, so nesting is bounded by memory and not by the thread. It is lenient
//! where a strict parser would lose an event (raw control characters, lone surrogates) and strict in structure.

use super::escape::{Pieces, copy_plain, next_special};
use super::{Encoder, Enter};
use std::fmt;

/// Why a text is not JSON, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// Offset in bytes from the start of the text.
    pub offset: usize,
    /// What was expected there.
    pub expected: &'static str,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not JSON at byte {}: expected {}", self.offset, self.expected)
    }
}

impl std::error::Error for JsonError {}

/// What a parser meets, in the order of the text. [`Encoder`] is the sink that writes redacted JSON.
pub trait Sink {
    /// An object opens; [`Enter::Skip`] makes the parser pass over it.
    fn begin_object(&mut self) -> Enter;
    /// A list opens; [`Enter::Skip`] makes the parser pass over it.
    fn begin_list(&mut self) -> Enter;
    /// A container that was not entered, as it is spelled.
    fn passed(&mut self, _: &str) {}
    /// The innermost object closes.
    fn end_object(&mut self);
    /// The innermost list closes.
    fn end_list(&mut self);
    /// An object's key.
    fn key(&mut self, key: &str);
    /// Whether the next string's text is of interest; else it is checked and passed over.
    fn wants_text(&self) -> bool {
        true
    }
    /// A string, and where it has one its spelling in the text that can be kept as it is.
    fn string(&mut self, text: &str, spelling: Option<&str>);
    /// A number's text.
    fn number(&mut self, text: &str);
    /// `true` or `false`.
    fn bool(&mut self, value: bool);
    /// `null`.
    fn null(&mut self);
    /// Whether the innermost container takes no more items.
    fn full(&self) -> bool;
    /// How many items of a full container were left out.
    fn left_out(&mut self, count: usize);
}

impl Sink for Encoder<'_> {
    fn begin_object(&mut self) -> Enter {
        Encoder::begin_object(self)
    }
    fn begin_list(&mut self) -> Enter {
        Encoder::begin_list(self)
    }
    fn end_object(&mut self) {
        Encoder::end_object(self);
    }
    fn end_list(&mut self) {
        Encoder::end_list(self);
    }
    fn key(&mut self, key: &str) {
        Encoder::key(self, key);
    }
    fn string(&mut self, text: &str, spelling: Option<&str>) {
        match spelling {
            Some(spelling) => self.spelled_text(text, spelling),
            None => self.text(text),
        }
    }
    fn number(&mut self, text: &str) {
        Encoder::number(self, text);
    }
    fn bool(&mut self, value: bool) {
        Encoder::bool(self, value);
    }
    fn null(&mut self) {
        Encoder::null(self);
    }
    fn full(&self) -> bool {
        Encoder::full(self)
    }
    fn left_out(&mut self, count: usize) {
        Encoder::left_out(self, count);
    }
}

/// Walks one JSON text into `sink`.
///
/// # Errors
/// [`JsonError`] where the text is not exactly one JSON value; the sink then holds an unfinished value.
pub fn parse(text: &str, sink: &mut impl Sink) -> Result<(), JsonError> {
    parse_with(text, sink, &mut Room::default())
}

/// As [`parse`] for a text of our own, which may be damaged: one that other readers of JSON would refuse for how a
/// string is spelled is refused here too.
///
/// # Errors
/// As [`parse`].
pub fn parse_own(text: &str, sink: &mut impl Sink) -> Result<(), JsonError> {
    run(text, sink, &mut Room::default(), true)
}

/// As [`parse`], in memory that is used again.
pub(crate) fn parse_with(text: &str, sink: &mut impl Sink, room: &mut Room) -> Result<(), JsonError> {
    run(text, sink, room, false)
}

fn run(text: &str, sink: &mut impl Sink, room: &mut Room, strict: bool) -> Result<(), JsonError> {
    room.open.clear();
    let mut parser = Parser { text, at: 0, strict, open: &mut room.open, decoded: &mut room.decoded };
    parser.run(sink)?;
    parser.space();
    if parser.at == text.len() { Ok(()) } else { Err(parser.expected("the end of the text")) }
}

/// A string of the text.
enum Token<'t> {
    /// It is spelled as it is.
    Plain(&'t str),
    /// It had escapes; the decoded text is in the parser.
    Escaped { spelling: &'t str, faithful: bool },
}

struct Open {
    list: bool,
    /// Inside a container that a marker stands for, or past the last item that is taken.
    silent: bool,
    /// Where it begins, for a container that the sink did not enter.
    passed: Option<usize>,
    items: usize,
    left_out: usize,
}

/// The reusable memory of a parser.
#[derive(Default)]
pub(crate) struct Room {
    open: Vec<Open>,
    decoded: Pieces,
}

struct Parser<'t, 'r> {
    text: &'t str,
    at: usize,
    /// No string may be spelled in a way that is not JSON.
    strict: bool,
    open: &'r mut Vec<Open>,
    decoded: &'r mut Pieces,
}

impl<'t> Parser<'t, '_> {
    fn run(&mut self, sink: &mut impl Sink) -> Result<(), JsonError> {
        self.value(sink, false)?;
        while let Some(open) = self.open.last() {
            let (list, first) = (open.list, open.items == 0);
            self.space();
            let close = if list { b']' } else { b'}' };
            if self.peek() == Some(close) {
                self.at += 1;
                self.close(sink);
                continue;
            }
            if !first {
                self.eat(b',', if list { "',' or ']'" } else { "',' or '}'" })?;
                self.space();
            }
            self.item(sink, list)?;
        }
        Ok(())
    }

    fn item(&mut self, sink: &mut impl Sink, list: bool) -> Result<(), JsonError> {
        let silent = self.silent_item(sink);
        if !list {
            match self.string_token()? {
                _ if silent => {}
                Token::Plain(key) => sink.key(key),
                Token::Escaped { .. } => sink.key(self.decoded()),
            }
            self.space();
            self.eat(b':', "':'")?;
        }
        self.value(sink, silent)
    }

    /// Counts an item of the innermost container and says whether it is passed over.
    fn silent_item(&mut self, sink: &impl Sink) -> bool {
        let Some(open) = self.open.last_mut() else { return false };
        open.items += 1;
        if open.silent {
            return true;
        }
        if open.left_out > 0 || sink.full() {
            open.left_out += 1;
            return true;
        }
        false
    }

    fn value(&mut self, sink: &mut impl Sink, silent: bool) -> Result<(), JsonError> {
        self.space();
        match self.peek() {
            Some(b'{') => self.begin(sink, silent, false),
            Some(b'[') => self.begin(sink, silent, true),
            Some(b'"') => return self.string(sink, silent),
            Some(b't') => return self.word(sink, silent, "true", |sink| sink.bool(true)),
            Some(b'f') => return self.word(sink, silent, "false", |sink| sink.bool(false)),
            Some(b'n') => return self.word(sink, silent, "null", Sink::null),
            Some(b'-' | b'0'..=b'9') => return self.number(sink, silent),
            _ => return Err(self.expected("a value")),
        }
        Ok(())
    }

    fn begin(&mut self, sink: &mut impl Sink, silent: bool, list: bool) {
        let start = self.at;
        self.at += 1;
        let skip = !silent && Enter::Skip == if list { sink.begin_list() } else { sink.begin_object() };
        let passed = skip.then_some(start);
        self.open.push(Open { list, silent: silent || skip, passed, items: 0, left_out: 0 });
    }

    fn close(&mut self, sink: &mut impl Sink) {
        let Some(open) = self.open.pop() else { return };
        if open.silent {
            if let Some(start) = open.passed {
                sink.passed(&self.text[start..self.at]);
            }
            return;
        }
        if open.left_out > 0 {
            sink.left_out(open.left_out);
        }
        if open.list {
            sink.end_list();
        } else {
            sink.end_object();
        }
    }

    fn string(&mut self, sink: &mut impl Sink, silent: bool) -> Result<(), JsonError> {
        if silent || !sink.wants_text() {
            return self.pass_string();
        }
        match self.string_token()? {
            Token::Plain(text) => sink.string(text, Some(text)),
            Token::Escaped { spelling, faithful } => {
                sink.string(self.decoded(), faithful.then_some(spelling));
            }
        }
        Ok(())
    }

    /// The string that starts here; its escapes are resolved into `self.decoded` on the way.
    fn string_token(&mut self) -> Result<Token<'t>, JsonError> {
        self.eat(b'"', "a string")?;
        let (start, bytes) = (self.at, self.text.as_bytes());
        let Some(first) = next_special(bytes, start) else {
            return Err(self.expected("the closing '\"'"));
        };
        if bytes[first] == b'"' {
            self.at = first + 1;
            return Ok(Token::Plain(&self.text[start..first]));
        }
        self.decoded.clear();
        self.decoded.extend(&bytes[start..first]);
        let (mut at, mut faithful) = (first, true);
        while bytes[at] != b'"' {
            at += self.unescape(at, &mut faithful);
            let Some(next) = copy_plain(bytes, at, self.decoded) else {
                return Err(self.expected("the closing '\"'"));
            };
            at = next;
        }
        if self.strict && !faithful {
            return Err(self.expected("a string that is spelled as JSON"));
        }
        self.at = at + 1;
        Ok(Token::Escaped { spelling: &self.text[start..at], faithful })
    }

    /// Passes over the string that starts here, as [`Parser::string_token`] does, without its text.
    fn pass_string(&mut self) -> Result<(), JsonError> {
        self.eat(b'"', "a string")?;
        let (mut at, mut faithful, bytes) = (self.at, true, self.text.as_bytes());
        loop {
            let Some(next) = next_special(bytes, at) else { return Err(self.expected("the closing '\"'")) };
            at = next
                + match &bytes[next..] {
                    [b'"', ..] => break self.at = next + 1,
                    [b'\\', letter, ..] if simple_escape(*letter).is_some() => 2,
                    escape @ [b'\\', ..] => {
                        let (char, length) = unescape(escape);
                        faithful &= char.is_some();
                        length
                    }
                    _ => {
                        faithful = false;
                        1
                    }
                };
        }
        if self.strict && !faithful {
            return Err(self.expected("a string that is spelled as JSON"));
        }
        Ok(())
    }

    /// The text of the last string with escapes.
    fn decoded(&self) -> &str {
        str::from_utf8(self.decoded.bytes())
            .unwrap_or_else(|_| unreachable!("pieces of a text between its characters"))
    }

    /// Resolves the escape or the raw control character at `at`; its length. A spelling that is not valid JSON is
    /// not faithful and must not be kept.
    fn unescape(&mut self, at: usize, faithful: &mut bool) -> usize {
        let bytes = &self.text.as_bytes()[at..];
        if let [b'\\', byte, ..] = bytes
            && let Some(plain) = simple_escape(*byte)
        {
            self.decoded.push(plain);
            return 2;
        }
        if bytes[0] != b'\\' {
            *faithful = false;
            self.decoded.push(bytes[0]);
            return 1;
        }
        let (char, length) = unescape(bytes);
        *faithful &= char.is_some();
        let char = char.unwrap_or(char::REPLACEMENT_CHARACTER);
        self.decoded.extend(char.encode_utf8(&mut [0; 4]).as_bytes());
        length
    }

    fn number(&mut self, sink: &mut impl Sink, silent: bool) -> Result<(), JsonError> {
        let rest = &self.text.as_bytes()[self.at..];
        let len = number_len(rest).ok_or_else(|| self.expected("a number"))?;
        if !silent {
            sink.number(&self.text[self.at..self.at + len]);
        }
        self.at += len;
        Ok(())
    }

    fn word<S: Sink>(
        &mut self,
        sink: &mut S,
        silent: bool,
        word: &'static str,
        write: impl FnOnce(&mut S),
    ) -> Result<(), JsonError> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.expected(word));
        }
        self.at += word.len();
        if !silent {
            write(sink);
        }
        Ok(())
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, byte: u8, expected: &'static str) -> Result<(), JsonError> {
        if self.peek() != Some(byte) {
            return Err(self.expected(expected));
        }
        self.at += 1;
        Ok(())
    }

    fn expected(&self, expected: &'static str) -> JsonError {
        JsonError { offset: self.at, expected }
    }
}

/// Length of the number that `bytes` starts with, by JSON's grammar.
fn number_len(bytes: &[u8]) -> Option<usize> {
    let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut at = usize::from(bytes.first() == Some(&b'-'));
    let whole = digits(at);
    if whole == 0 || (whole > 1 && bytes[at] == b'0') {
        return None;
    }
    at += whole;
    if bytes.get(at) == Some(&b'.') {
        let fraction = digits(at + 1);
        if fraction == 0 {
            return None;
        }
        at += 1 + fraction;
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits((at + 1 + sign).min(bytes.len()));
        if exponent == 0 {
            return None;
        }
        at += 1 + sign + exponent;
    }
    Some(at)
}

/// The character that an escape of one letter stands for.
#[inline]
fn simple_escape(letter: u8) -> Option<u8> {
    static PLAIN: [u8; 256] = {
        let mut table = [0; 256];
        let mut at = 0;
        while at < ESCAPES.len() {
            table[ESCAPES[at].0 as usize] = ESCAPES[at].1;
            at += 1;
        }
        table
    };
    Some(PLAIN[usize::from(letter)]).filter(|plain| *plain != 0)
}

/// The escapes of one letter.
const ESCAPES: [(u8, u8); 8] = [
    (b'"', b'"'),
    (b'\\', b'\\'),
    (b'/', b'/'),
    (b'b', 0x8),
    (b'f', 0xc),
    (b'n', b'\n'),
    (b'r', b'\r'),
    (b't', b'\t'),
];

/// The character that any other escape at the start of `bytes` stands for (None: no valid one) and its length.
fn unescape(bytes: &[u8]) -> (Option<char>, usize) {
    match bytes.get(1) {
        Some(b'u') => unescape_unicode(bytes),
        Some(byte) if byte.is_ascii() => (None, 2),
        _ => (None, 1),
    }
}

fn unescape_unicode(bytes: &[u8]) -> (Option<char>, usize) {
    let Some(unit) = hex4(bytes.get(2..6)) else { return (None, 2) };
    if !(0xd800..0xe000).contains(&unit) {
        return (char::from_u32(unit), 6);
    }
    let low = bytes.get(6..8).filter(|next| *next == b"\\u").and_then(|_| hex4(bytes.get(8..12)));
    match low {
        Some(low) if unit < 0xdc00 && (0xdc00..0xe000).contains(&low) => {
            (char::from_u32(0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00)), 12)
        }
        _ => (None, 6),
    }
}

fn hex4(digits: Option<&[u8]>) -> Option<u32> {
    digits?.iter().try_fold(0, |sum, digit| Some(sum * 16 + char::from(*digit).to_digit(16)?))
}
