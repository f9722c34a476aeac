//! An event's line read back: what recovery needs to know of the events in a document.

use crate::clock::{self, Wall};
use crate::encode::Enter;
use crate::encode::json::{Sink, parse_own};
use crate::event::{Field, Kind, Shape};
use crate::summary::{Facts, Outcome};

/// An event as its line tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Its number.
    pub id: u64,
    /// When it began.
    pub at: Wall,
    /// What a summary adds up.
    pub facts: Facts,
}

/// An event's line without the comma that stands behind all but the last one.
#[must_use]
pub fn without_comma(line: &[u8]) -> &[u8] {
    line.strip_suffix(b",").unwrap_or(line)
}

/// Reads the line of one event, without the comma that may stand behind it; None where it is none of ours.
#[must_use]
pub fn read(line: &[u8]) -> Option<Line> {
    // The encoder writes no control character, but a file that was cut off may hold zeroes.
    if line.first() != Some(&b'{') || has_control(line) {
        return None;
    }
    let text = std::str::from_utf8(line).ok()?;
    let mut reader = Reader {
        line: text,
        inside: false,
        field: Name::Other,
        found: Found::default(),
        facts: Facts::default(),
    };
    parse_own(text, &mut reader).ok()?;
    let Reader { found, mut facts, .. } = reader;
    facts.day = clock::day(found.at?);
    facts.name = if facts.kind == Kind::LlmCall { found.model } else { found.tool };
    if !matches!(facts.kind, Kind::ToolCall | Kind::LlmCall) {
        facts.name = (0, 0);
    }
    found.kind.then_some(Line { id: found.id?, at: found.at?, facts })
}

/// Whether a line holds a control character; a block at a time, so that the compiler compares many at once.
fn has_control(line: &[u8]) -> bool {
    line.chunks(256).any(|block| block.iter().fold(0, |found, byte| found | u8::from(*byte < b' ')) > 0)
}

/// The number in `evt_042`.
#[must_use]
pub fn event_number(id: &str) -> Option<u64> {
    let digits = id.strip_prefix("evt_")?;
    (digits.len() >= 3 && digits.bytes().all(|digit| digit.is_ascii_digit())).then(|| digits.parse().ok())?
}

#[derive(Default)]
struct Found {
    id: Option<u64>,
    at: Option<Wall>,
    kind: bool,
    tool: (u32, u32),
    model: (u32, u32),
}

/// What a member of the event is to us.
#[derive(Clone, Copy, PartialEq)]
enum Name {
    Id,
    Timestamp,
    Type,
    Interrupted,
    Parent,
    Is(Field),
    Other,
}

struct Reader<'a> {
    line: &'a str,
    inside: bool,
    field: Name,
    found: Found,
    facts: Facts,
}

impl Reader<'_> {
    /// Where a string's text stands in the line.
    fn place(&self, spelling: Option<&str>) -> (u32, u32) {
        let Some(spelling) = spelling else { return (0, 0) };
        let at = (spelling.as_ptr() as usize).wrapping_sub(self.line.as_ptr() as usize);
        if at < self.line.len() { (at as u32, spelling.len() as u32) } else { (0, 0) }
    }
}

impl Sink for Reader<'_> {
    fn begin_object(&mut self) -> Enter {
        // Only the event itself is walked into.
        if std::mem::replace(&mut self.inside, true) { Enter::Skip } else { Enter::Walk }
    }
    fn begin_list(&mut self) -> Enter {
        Enter::Skip
    }
    fn end_object(&mut self) {}
    fn end_list(&mut self) {}
    fn key(&mut self, key: &str) {
        self.field = match key {
            "event_id" => Name::Id,
            "timestamp" => Name::Timestamp,
            "type" => Name::Type,
            "interrupted" => Name::Interrupted,
            "parent_id" => Name::Parent,
            _ => Field::ALL.into_iter().find(|field| field.name() == key).map_or(Name::Other, Name::Is),
        };
    }
    fn wants_text(&self) -> bool {
        matches!(
            self.field,
            Name::Id | Name::Timestamp | Name::Type | Name::Parent | Name::Is(Field::Tool | Field::Model)
        )
    }
    fn string(&mut self, text: &str, spelling: Option<&str>) {
        match self.field {
            Name::Id => self.found.id = event_number(text),
            Name::Timestamp => self.found.at = clock::parse_rfc3339(text),
            Name::Type => {
                self.facts.kind = Kind::from_name(text).unwrap_or_default();
                self.found.kind = Kind::from_name(text).is_some();
            }
            Name::Parent => self.facts.nested = true,
            Name::Is(Field::Tool) => self.found.tool = self.place(spelling),
            Name::Is(Field::Model) => self.found.model = self.place(spelling),
            _ => {}
        }
    }
    fn number(&mut self, text: &str) {
        let (Name::Is(field), Ok(number)) = (self.field, text.parse::<f64>()) else { return };
        match field.shape() {
            Shape::Tokens(token) => self.facts.tokens[token as usize] = number as u64,
            Shape::Dollars => self.facts.cost_nano_usd = Some((number * 1e9).round() as i64),
            Shape::Millis if field == Field::DurationMs => {
                self.facts.duration_us = Some((number * 1e3).round() as u64);
            }
            _ => {}
        }
    }
    fn bool(&mut self, value: bool) {
        match self.field {
            Name::Interrupted => self.facts.interrupted = value,
            Name::Is(Field::Success) => {
                self.facts.outcome = if value { Outcome::Succeeded } else { Outcome::Failed };
            }
            _ => {}
        }
    }
    fn null(&mut self) {
        if self.field == Name::Is(Field::Success) {
            self.facts.outcome = Outcome::Unknown;
        }
    }
    fn full(&self) -> bool {
        false
    }
    fn left_out(&mut self, _: usize) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::Token;

    #[test]
    fn an_event_is_what_its_line_says() {
        let text = br#"{"event_id":"evt_012","timestamp":"2026-01-15T10:30:00.123Z","type":"llm_call","model":"m-1","messages_redacted":[{"role":"user","tokens_in":9}],"prompt_tokens":15,"duration_ms":1.5,"cost_usd":0.25,"success":true,"parent_id":"evt_003"}"#;
        let line = read(text).unwrap();
        assert_eq!((line.id, line.facts.kind, line.facts.outcome), (12, Kind::LlmCall, Outcome::Succeeded));
        assert_eq!((line.facts.duration_us, line.facts.cost_nano_usd), (Some(1_500), Some(250_000_000)));
        assert_eq!(line.facts.tokens[Token::Prompt as usize], 15);
        assert!(line.facts.nested && !line.facts.interrupted);
        let (start, len) = (line.facts.name.0 as usize, line.facts.name.1 as usize);
        assert_eq!(&text[start..start + len], b"m-1");
    }

    #[test]
    fn half_a_line_is_no_event() {
        let text = br#"{"event_id":"evt_001","timestamp":"2026-01-15T10:30:00Z","type":"decision","outcome":{"a":[1]}}"#;
        assert!(read(text).is_some());
        for end in 0..text.len() {
            assert_eq!(read(&text[..end]), None, "{end}");
        }
        assert_eq!(read(&String::from_utf8_lossy(text).replace("decision", r"\decision").into_bytes()), None);
        assert_eq!(read(b"],\"summary\":{}}"), None);
        assert_eq!(read(&[&text[..30], b"\0", &text[30..]].concat()), None);
        assert_eq!(event_number("evt_1"), None);
        assert_eq!(event_number("evt_+12"), None);
    }
}
