//! Events as columns, for SQL and Parquet: each field of an event is a column of one type.
//!
//! Nothing that is read is trusted. A value of another type than its column's is null, a field that no event of ours has
//! is left out, and a document that is not as the writer leaves it is left to the reader in Python, which says what is
//! wrong with it.

mod column;

use crate::encode::Enter;
use crate::encode::json::{Sink, parse_own};
use crate::event::{Field, Kind, Shape};
use crate::line::without_comma;
pub use column::{Buffers, Holds};
use column::{Column, DOLLARS, MICROS};

/// Containers within one value; of more the reader looks whether they lie too deep.
const MOST_CONTAINERS: usize = 900;

/// What is in front of the fields in each row, behind them, and out of `recovery`.
const FIRST: [(&str, Holds); 4] =
    [("event_id", Holds::Text), ("timestamp", Holds::Text), ("day", Holds::Word), ("type", Holds::Word)];
const LAST: [(&str, Holds); 3] =
    [("interrupted", Holds::Flag), ("duration_us", Holds::Whole), ("cost_nano_usd", Holds::Whole)];
const RECOVERY: [(&str, Holds); 3] = [
    ("recovery_attempted", Holds::Flag),
    ("recovery_strategy", Holds::Word),
    ("recovery_success", Holds::Flag),
];

const TIMESTAMP: usize = 1;
const DAY: usize = 2;
const TYPE: usize = 3;
/// The types of events that have tokens and costs: no other is added up.
const CALLS: [&str; 2] = [Kind::ToolCall.name(), Kind::LlmCall.name()];
/// The last of `LAST` come from other fields.
const COUNTED: usize = 2;

/// The names and types of the columns, in their order.
pub fn definition() -> impl Iterator<Item = (&'static str, Holds)> {
    let fields = Field::ALL.into_iter().filter_map(|field| Some((field.name(), holds(field)?)));
    FIRST.into_iter().chain(fields).chain(LAST).chain(RECOVERY)
}

/// What the column of a field holds; None for those that have none, or several.
fn holds(field: Field) -> Option<Holds> {
    match (field, field.shape()) {
        (Field::Timestamp | Field::Recovery, _) => None,
        (Field::Message | Field::ParentId | Field::SourceId, _) => Some(Holds::Text),
        (Field::Outcome, _) => Some(Holds::TextOrJson),
        (_, Shape::Text) => Some(Holds::Word),
        (_, Shape::Any | Shape::Mapping) => Some(Holds::Json),
        (_, Shape::Millis | Shape::Dollars) => Some(Holds::Real),
        (_, Shape::Tokens(_)) => Some(Holds::Whole),
        (_, Shape::Flag) => Some(Holds::Flag),
        (_, Shape::Time) => Some(Holds::Text),
    }
}

/// A document whose events have become rows.
#[derive(Debug)]
pub struct Document<'a> {
    /// Its rows.
    pub rows: usize,
    /// Its first line, which opens it.
    pub header: &'a [u8],
    /// Its last line, with the summary.
    pub closing: &'a [u8],
}

/// Rows that grow document by document.
pub struct Rows {
    columns: Vec<Column>,
    /// The column that came behind each one in the last event that had it; events of a type have one order.
    following: Vec<usize>,
    /// The columns that only calls have.
    of_calls: Vec<usize>,
    count: usize,
    /// Which of the documents each row is from.
    origins: Vec<u8>,
}

impl Default for Rows {
    fn default() -> Rows {
        let columns: Vec<Column> = definition().map(|(name, holds)| Column::new(name, holds)).collect();
        let is_of_calls = |column: &Column| column.name.contains("token") || column.name.starts_with("cost_");
        let of_calls = (0..columns.len()).filter(|at| is_of_calls(&columns[*at])).collect();
        Rows { following: vec![0; columns.len() + 1], columns, of_calls, count: 0, origins: Vec::new() }
    }
}

impl Rows {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds the events of a closed document; None, and no row, where it is not as the writer leaves it.
    /// `day` is that of an event whose timestamp has none.
    pub fn add_document<'a>(&mut self, bytes: &'a [u8], day: &str, origin: u32) -> Option<Document<'a>> {
        let (header, rest) = bytes.split_at(memchr::memchr(b'\n', bytes)?);
        let rest = &rest[1..];
        let body = rest.trim_ascii_end();
        let closing_at = memchr::memrchr(b'\n', body).map_or(0, |at| at + 1);
        let closing = &body[closing_at..];
        let ended = [b"\"state\":\"closed\"".as_slice(), b"\"state\":\"recovered\""];
        let is_whole = header.trim_ascii_end().ends_with(b"[")
            && closing.starts_with(b"],\"summary\":{")
            && ended.iter().any(|state| memchr::memmem::find(closing, state).is_some())
            && is_json(&closing[2..]);
        let before = self.count;
        if is_whole && self.add_between(&rest[..closing_at], day, origin).is_some() {
            return Some(Document { rows: self.count - before, header, closing });
        }
        self.truncate(before);
        None
    }

    fn add_between(&mut self, lines: &[u8], day: &str, origin: u32) -> Option<()> {
        let mut lines = lines
            .split(|byte| *byte == b'\n')
            .map(<[u8]>::trim_ascii)
            .filter(|line| !line.is_empty())
            .peekable();
        while let Some(line) = lines.next() {
            // The last one has no comma, and all others have one.
            if line.ends_with(b",") != lines.peek().is_some() {
                return None;
            }
            self.add(std::str::from_utf8(without_comma(line)).ok()?, day, origin, true)?;
        }
        Some(())
    }

    /// Adds events that somebody has read and checked already, one a line; how many of them are rows now.
    pub fn add_lines(&mut self, lines: &str, day: &str, origin: u32) -> usize {
        let before = self.count;
        for line in lines.split('\n').filter(|line| !line.is_empty()) {
            if self.add(line, day, origin, false).is_none() {
                self.truncate_columns(self.count);
            }
        }
        self.count - before
    }

    fn add(&mut self, line: &str, day: &str, origin: u32, wary: bool) -> Option<()> {
        if !line.starts_with('{') {
            return None;
        }
        let row = self.count;
        let mut reader =
            Reader { rows: self, row, depth: 0, at: None, before: usize::MAX, wary, deep: false };
        let read = parse_own(line, &mut reader).is_ok() && !reader.deep;
        if !read {
            return None;
        }
        if self.columns[DAY].len() <= row {
            self.columns[DAY].put_text(row, day);
        }
        if !self.columns[TYPE].has_word(row, &CALLS) {
            self.of_calls.iter().for_each(|column| self.columns[*column].truncate(row));
        }
        self.origins.extend_from_slice(&origin.to_le_bytes());
        self.count += 1;
        Some(())
    }

    fn truncate(&mut self, rows: usize) {
        self.truncate_columns(rows);
        self.origins.truncate(rows * size_of::<u32>());
        self.count = rows;
    }

    fn truncate_columns(&mut self, rows: usize) {
        for column in &mut self.columns {
            column.truncate(rows);
        }
    }

    /// The columns as Apache Arrow lays them out, and the document (`u32`) of each row.
    #[must_use]
    pub fn finish(self) -> (Vec<Buffers>, Vec<u8>) {
        let rows = self.count;
        (self.columns.into_iter().map(|column| column.finish(rows)).collect(), self.origins)
    }

    /// The column of this name, most often the one that came behind `before` the last time.
    fn find(&mut self, name: &str, before: usize) -> Option<usize> {
        let last = before.wrapping_add(1);
        let guess = self.following[last];
        if self.columns[guess].name == name {
            return Some(guess);
        }
        let told = self.columns.len() - RECOVERY.len() - COUNTED;
        let found =
            self.columns[..told].iter().position(|column| column.name == name).filter(|at| *at != DAY)?;
        self.following[last] = found;
        Some(found)
    }
}

/// Puts one event into the next row.
struct Reader<'r> {
    rows: &'r mut Rows,
    row: usize,
    depth: usize,
    /// The column of the value that comes next.
    at: Option<usize>,
    before: usize,
    wary: bool,
    deep: bool,
}

impl Reader<'_> {
    fn recovery(&self) -> usize {
        self.rows.columns.len() - RECOVERY.len()
    }

    fn column(&mut self) -> Option<&mut Column> {
        self.at.map(|at| &mut self.rows.columns[at])
    }

    /// What is said again counts, as in other readers of JSON.
    fn forget(&mut self, column: usize) {
        self.rows.columns[column].truncate(self.row);
    }

    /// The column that counts what this one measures, in whole units.
    fn counted(&self, at: usize) -> Option<(usize, f64)> {
        let end = self.recovery();
        match self.rows.columns[at].name {
            "duration_ms" => Some((end - 2, MICROS)),
            "cost_usd" => Some((end - 1, DOLLARS)),
            _ => None,
        }
    }
}

impl Sink for Reader<'_> {
    fn begin_object(&mut self) -> Enter {
        let in_recovery = self.depth == 1 && self.at == Some(self.recovery());
        if self.depth > 0 && !in_recovery {
            return Enter::Skip;
        }
        self.at = None;
        self.depth += 1;
        Enter::Walk
    }
    fn begin_list(&mut self) -> Enter {
        Enter::Skip
    }
    fn passed(&mut self, text: &str) {
        let many = text.len() > MOST_CONTAINERS
            && text.bytes().filter(|byte| matches!(byte, b'[' | b'{')).count() > MOST_CONTAINERS;
        self.deep |= self.wary && many;
        let row = self.row;
        if let Some(column) = self.column() {
            column.put_json(row, text);
        }
    }
    fn end_object(&mut self) {
        self.depth -= 1;
        self.at = None;
    }
    fn end_list(&mut self) {}
    fn key(&mut self, key: &str) {
        let recovery = self.recovery();
        if self.depth > 1 {
            let name = RECOVERY.iter().position(|(name, _)| &name["recovery_".len()..] == key);
            self.at = name.map(|n| recovery + n);
        } else if key == Field::Recovery.name() {
            (recovery..self.rows.columns.len()).for_each(|column| self.forget(column));
            self.at = Some(recovery);
            return;
        } else {
            self.at = self.rows.find(key, self.before);
            self.before = self.at.unwrap_or(self.before);
        }
        if let Some(at) = self.at {
            self.forget(at);
            if let Some((counted, _)) = self.counted(at) {
                self.forget(counted);
            }
            if at == TIMESTAMP {
                self.forget(DAY);
            }
        }
    }
    fn wants_text(&self) -> bool {
        self.at.is_some_and(|at| self.rows.columns[at].takes_text())
    }
    fn string(&mut self, text: &str, spelling: Option<&str>) {
        let (row, at) = (self.row, self.at);
        if let Some(column) = self.column() {
            column.put_string(row, text, spelling.unwrap_or_default());
        }
        if at == Some(TIMESTAMP)
            && let Some(day) = day_of(text)
        {
            self.rows.columns[DAY].put_text(row, day);
        }
    }
    fn number(&mut self, text: &str) {
        let (row, Some(at)) = (self.row, self.at) else { return };
        let number = self.rows.columns[at].put_number(row, text);
        if let (Some(number), Some((counted, scale))) = (number, self.counted(at)) {
            self.rows.columns[counted].put_scaled(row, number * scale);
        }
    }
    fn bool(&mut self, value: bool) {
        let row = self.row;
        // Where `recovery` is no object.
        if self.depth == 1 && self.at == Some(self.recovery()) {
            return;
        }
        if let Some(column) = self.column() {
            column.put_flag(row, value);
        }
    }
    fn null(&mut self) {}
    fn full(&self) -> bool {
        false
    }
    fn left_out(&mut self, _: usize) {}
}

/// Whether the members of an object are whole: `"summary":{…}}`.
fn is_json(members: &[u8]) -> bool {
    let Ok(members) = std::str::from_utf8(members) else { return false };
    parse_own(&format!("{{{members}"), &mut Checked).is_ok()
}

/// A text that only has to be JSON.
struct Checked;

impl Sink for Checked {
    fn begin_object(&mut self) -> Enter {
        Enter::Skip
    }
    fn begin_list(&mut self) -> Enter {
        Enter::Skip
    }
    fn end_object(&mut self) {}
    fn end_list(&mut self) {}
    fn key(&mut self, _: &str) {}
    fn string(&mut self, _: &str, _: Option<&str>) {}
    fn number(&mut self, _: &str) {}
    fn bool(&mut self, _: bool) {}
    fn null(&mut self) {}
    fn full(&self) -> bool {
        false
    }
    fn left_out(&mut self, _: usize) {}
}

/// The day in front of a timestamp: `2026-01-15`.
fn day_of(text: &str) -> Option<&str> {
    let day = text.get(..10)?;
    let shaped = day.bytes().enumerate().all(|(n, byte)| match n {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    shaped.then_some(day)
}

#[cfg(test)]
mod tests;
