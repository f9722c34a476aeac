//! One column as Apache Arrow lays it out: whether each row has a value, and the values one behind the other.

use std::collections::HashMap;

/// Larger figures are no measurements: they come from damaged or hostile files.
const MOST: u64 = 1 << 53;
/// Microseconds of a millisecond.
pub(super) const MICROS: f64 = 1e3;
/// Billionths of a dollar.
pub(super) const DOLLARS: f64 = 1e9;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// A text, most often another in each row.
    Text,
    /// A text, one of few.
    Word,
    /// Any value, as JSON.
    Json,
    /// A text as it is, any other value as JSON.
    TextOrJson,
    /// A count from 0 to 2^53.
    Whole,
    /// A figure from 0 to 2^53.
    Real,
    /// True or false.
    Flag,
}

impl Holds {
    /// Its name for Python.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Holds::Text | Holds::TextOrJson => "text",
            Holds::Word => "word",
            Holds::Json => "json",
            Holds::Whole => "whole",
            Holds::Real => "real",
            Holds::Flag => "flag",
        }
    }

    /// Bytes of a value of constant size.
    const fn width(self) -> usize {
        match self {
            Holds::Whole | Holds::Real => 8,
            Holds::Word => 4,
            Holds::Flag => 1,
            Holds::Text | Holds::Json | Holds::TextOrJson => 0,
        }
    }
}

/// A column that is done.
#[derive(Debug, Default)]
pub struct Buffers {
    /// A bit for each row, set where it has a value; None where all have one.
    pub valid: Option<Vec<u8>>,
    /// Of texts where each begins, and where the last one ends (`i64`); else empty.
    pub offsets: Vec<u8>,
    /// The values: bytes of texts, numbers (`i64`, `f64`), bits of flags, of words their place among `words` (`i32`).
    pub data: Vec<u8>,
    /// The different words.
    pub words: Vec<Box<str>>,
}

pub(super) struct Column {
    pub(super) name: &'static str,
    holds: Holds,
    /// A byte for each row so far; rows behind it that have been passed over have no value.
    valid: Vec<u8>,
    ends: Vec<u8>,
    data: Vec<u8>,
    words: Vec<Box<str>>,
    places: HashMap<Box<str>, i32>,
    last: i32,
}

impl Column {
    pub(super) fn new(name: &'static str, holds: Holds) -> Column {
        let (valid, ends, data, words) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Column { name, holds, valid, ends, data, words, places: HashMap::new(), last: 0 }
    }

    /// The rows that have a value or have been passed over.
    pub(super) fn len(&self) -> usize {
        self.valid.len()
    }

    pub(super) fn takes_text(&self) -> bool {
        !matches!(self.holds, Holds::Whole | Holds::Real | Holds::Flag)
    }

    /// Whether a row, behind which there is none, has one of these words.
    pub(super) fn has_word(&self, row: usize, words: &[&str]) -> bool {
        let place = self.data.last_chunk().map(|place| i32::from_le_bytes(*place) as usize);
        let word = place.filter(|_| self.len() > row).and_then(|place| self.words.get(place));
        word.is_some_and(|word| words.contains(&&**word))
    }

    pub(super) fn truncate(&mut self, rows: usize) {
        if rows >= self.len() {
            return;
        }
        self.valid.truncate(rows);
        if self.holds.width() == 0 {
            self.ends.truncate(rows * size_of::<u64>());
            let end = self.ends.last_chunk().map_or(0, |end| u64::from_le_bytes(*end));
            self.data.truncate(usize::try_from(end).unwrap_or_default());
        } else {
            self.data.truncate(rows * self.holds.width());
        }
    }

    fn pass_to(&mut self, row: usize) {
        let missing = row.saturating_sub(self.len());
        if missing == 0 {
            return;
        }
        self.valid.resize(row, 0);
        if self.holds.width() > 0 {
            self.data.resize(row * self.holds.width(), 0);
        } else {
            let end = (self.data.len() as u64).to_le_bytes();
            self.ends.reserve(missing * end.len());
            for _ in 0..missing {
                self.ends.extend_from_slice(&end);
            }
        }
    }

    /// Puts the bytes of a value into a row, behind which there is none.
    fn put(&mut self, row: usize, pieces: &[&[u8]]) {
        self.pass_to(row);
        self.valid.push(1);
        for piece in pieces {
            self.data.extend_from_slice(piece);
        }
        if self.holds.width() == 0 {
            self.ends.extend_from_slice(&(self.data.len() as u64).to_le_bytes());
        }
    }

    pub(super) fn put_text(&mut self, row: usize, text: &str) {
        if self.holds != Holds::Word {
            return self.put(row, &[text.as_bytes()]);
        }
        if self.words.get(self.last as usize).is_none_or(|last| **last != *text) {
            self.last = self.place(text);
        }
        self.put(row, &[&self.last.to_le_bytes()]);
    }

    fn place(&mut self, text: &str) -> i32 {
        if let Some(place) = self.places.get(text) {
            return *place;
        }
        let place = i32::try_from(self.words.len()).unwrap_or(i32::MAX);
        self.words.push(text.into());
        self.places.insert(text.into(), place);
        place
    }

    /// A string, which stands so between its quotes.
    pub(super) fn put_string(&mut self, row: usize, text: &str, spelling: &str) {
        match self.holds {
            Holds::Text | Holds::Word | Holds::TextOrJson => self.put_text(row, text),
            Holds::Json => self.put(row, &[b"\"", spelling.as_bytes(), b"\""]),
            Holds::Whole | Holds::Real | Holds::Flag => {}
        }
    }

    /// A list or an object, or a number or a flag where any value may be.
    pub(super) fn put_json(&mut self, row: usize, text: &str) {
        if matches!(self.holds, Holds::Json | Holds::TextOrJson) {
            self.put(row, &[text.as_bytes()]);
        }
    }

    /// A number, and what it is where that is a figure of this column.
    pub(super) fn put_number(&mut self, row: usize, text: &str) -> Option<f64> {
        match self.holds {
            Holds::Whole => {
                let whole: u64 = text.parse().ok().filter(|n| *n <= MOST)?;
                self.put(row, &[&whole.to_le_bytes()]);
                None
            }
            Holds::Real => {
                let real: f64 = text.parse().ok().filter(|n| (0.0..=MOST as f64).contains(n))?;
                self.put(row, &[&real.to_le_bytes()]);
                Some(real)
            }
            _ => {
                self.put_json(row, text);
                None
            }
        }
    }

    /// A measured figure in whole units: a half goes up.
    pub(super) fn put_scaled(&mut self, row: usize, units: f64) {
        let whole = units.floor();
        let whole = whole + f64::from(u8::from(units - whole >= 0.5));
        if whole <= MOST as f64 {
            self.put(row, &[&(whole as i64).to_le_bytes()]);
        }
    }

    pub(super) fn put_flag(&mut self, row: usize, value: bool) {
        match self.holds {
            Holds::Flag => self.put(row, &[&[u8::from(value)]]),
            _ => self.put_json(row, if value { "true" } else { "false" }),
        }
    }

    pub(super) fn finish(mut self, rows: usize) -> Buffers {
        self.truncate(rows);
        self.pass_to(rows);
        let valid = self.valid.contains(&0).then(|| bits(&self.valid));
        let mut offsets = Vec::new();
        if self.holds.width() == 0 {
            offsets.reserve(self.ends.len() + size_of::<u64>());
            offsets.extend_from_slice(&0_u64.to_le_bytes());
            offsets.append(&mut self.ends);
        }
        let data = if self.holds == Holds::Flag { bits(&self.data) } else { self.data };
        Buffers { valid, offsets, data, words: self.words }
    }
}

/// A bit for each byte that is not 0, the lowest first.
fn bits(bytes: &[u8]) -> Vec<u8> {
    bytes
        .chunks(8)
        .map(|eight| eight.iter().enumerate().fold(0, |bits, (n, byte)| bits | (u8::from(*byte != 0) << n)))
        .collect()
}
