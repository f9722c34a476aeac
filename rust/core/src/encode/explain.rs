//! Which rule acts at which key of an event: the same walk as encoding, with a note of the place of each finding.

use super::json::{JsonError, Sink, parse};
use super::{Buffer, Encoder, Enter, Limits};
use crate::redact::{Redactor, RuleId};
use std::fmt::Write as _;

/// A place of an event where something was redacted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its key after redaction (`parameters.env[2].value`), escaped as inside a JSON string, all ASCII.
    pub key: String,
    /// How often each rule acted there.
    pub rules: Vec<(RuleId, u32)>,
}

/// The places of one JSON text where something is redacted, in their order.
///
/// # Errors
/// [`JsonError`] where the text is no JSON value; [`explain_text`] takes it as a text.
pub fn explain(redactor: &Redactor, line: &str, buffer: &mut Buffer) -> Result<Vec<Place>, JsonError> {
    buffer.clear();
    let encoder = Encoder::new(redactor, buffer, Limits::NONE);
    let mut walk = Walk { encoder, key: String::new(), open: Vec::new(), places: Vec::new() };
    parse(line, &mut walk)?;
    Ok(walk.places)
}

/// The same for a line that is no JSON: it is redacted as one text.
pub fn explain_text(redactor: &Redactor, line: &str, buffer: &mut Buffer) -> Vec<Place> {
    buffer.clear();
    let mut encoder = Encoder::new(redactor, buffer, Limits::NONE);
    encoder.text(line);
    let rules = encoder.take_redactions();
    if rules.is_empty() { Vec::new() } else { vec![Place { key: String::new(), rules }] }
}

/// A container that is open.
struct Open {
    /// How much of the key is the container's own.
    length: usize,
    /// For lists: the position of the next item.
    next: Option<usize>,
}

struct Walk<'a> {
    encoder: Encoder<'a>,
    key: String,
    open: Vec<Open>,
    places: Vec<Place>,
}

impl<'a> Walk<'a> {
    /// Before a value: in lists its position is its name.
    fn enter(&mut self) {
        if let Some(Open { length, next: Some(next) }) = self.open.last_mut() {
            self.key.truncate(*length);
            let _ = write!(self.key, "[{next}]");
            *next += 1;
        }
    }

    /// After a key or a value: what was redacted there.
    fn note(&mut self) {
        let rules = self.encoder.take_redactions();
        if !rules.is_empty() {
            self.places.push(Place { key: self.key.clone(), rules });
        }
    }

    fn begin(&mut self, list: bool) -> Enter {
        self.enter();
        let enter = if list { self.encoder.begin_list() } else { self.encoder.begin_object() };
        self.note();
        if enter == Enter::Walk {
            self.open.push(Open { length: self.key.len(), next: list.then_some(0) });
        }
        enter
    }

    fn value(&mut self, write: impl FnOnce(&mut Encoder<'a>)) {
        self.enter();
        write(&mut self.encoder);
        self.note();
    }
}

impl Sink for Walk<'_> {
    fn begin_object(&mut self) -> Enter {
        self.begin(false)
    }
    fn begin_list(&mut self) -> Enter {
        self.begin(true)
    }
    fn end_object(&mut self) {
        self.open.pop();
        self.encoder.end_object();
    }
    fn end_list(&mut self) {
        self.open.pop();
        self.encoder.end_list();
    }
    fn key(&mut self, key: &str) {
        let before = self.encoder.position();
        self.encoder.key(key);
        self.key.truncate(self.open.last().map_or(0, |open| open.length));
        if !self.key.is_empty() {
            self.key.push('.');
        }
        push_name(&mut self.key, self.encoder.written(before));
        self.note();
    }
    fn string(&mut self, text: &str, spelling: Option<&str>) {
        self.value(|encoder| encoder.string(text, spelling));
    }
    fn number(&mut self, text: &str) {
        self.value(|encoder| encoder.number(text));
    }
    fn bool(&mut self, value: bool) {
        self.value(|encoder| encoder.bool(value));
    }
    fn null(&mut self) {
        self.value(Encoder::null);
    }
    fn full(&self) -> bool {
        self.encoder.full()
    }
    fn left_out(&mut self, count: usize) {
        self.encoder.left_out(count);
    }
}

/// Appends the name in `,"name":`, in ASCII: a name from outside must not move a terminal's cursor.
fn push_name(key: &mut String, written: &[u8]) {
    let written = String::from_utf8_lossy(written);
    let name = written.trim_start_matches(',').strip_prefix('"').and_then(|rest| rest.strip_suffix("\":"));
    for letter in name.unwrap_or_default().chars() {
        if letter.is_ascii() && letter != '\x7f' {
            key.push(letter);
        } else {
            let mut units = [0; 2];
            for unit in letter.encode_utf16(&mut units) {
                let _ = write!(key, "\\u{unit:04x}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::Policy;

    fn places(line: &str) -> Vec<(String, Vec<(String, u32)>)> {
        let redactor = Redactor::new(&Policy { redact_content: false, ..Policy::default() }).unwrap();
        let mut buffer = Buffer::default();
        let found = explain(&redactor, line, &mut buffer)
            .unwrap_or_else(|_| explain_text(&redactor, line, &mut buffer));
        let named = |rules: Vec<(RuleId, u32)>| {
            rules.iter().map(|(rule, count)| (redactor.rule_name(*rule).to_owned(), *count)).collect()
        };
        found.into_iter().map(|place| (place.key, named(place.rules))).collect()
    }

    fn place(key: &str, rule: &str, count: u32) -> (String, Vec<(String, u32)>) {
        (key.to_owned(), vec![(rule.to_owned(), count)])
    }

    #[test]
    fn every_place_has_its_key_and_its_rules() {
        let line = r#"{"a":[1,{"password":"hunter2x"},"dev@acme.dev, ops@acme.dev"],"token":{"x":["y"]},"b":{"c":"ok"}}"#;
        let expected =
            [place("a[1].password", "key", 1), place("a[2]", "pii.email", 2), place("token", "key", 1)];
        assert_eq!(places(line), expected);
        assert_eq!(places(r#"{"a":"b","c":[[],{}],"d":null}"#), []);
        assert_eq!(places(r#""dev@acme.dev""#), [place("", "pii.email", 1)]);
        assert_eq!(places(r#"["--password","hunter2x"]"#), [place("[1]", "key", 1)]);
    }

    #[test]
    fn names_are_shown_redacted_and_in_ascii() {
        let found =
            places("{\"x\":{\"dev@acme.dev\":\"ops@acme.dev\"},\"p\u{202e}\u{1f600}\\n\":\"dev@acme.dev\"}");
        assert_eq!(found[0], place("x.[REDACTED]", "pii.email", 1));
        assert_eq!(found[1], place("x.[REDACTED]", "pii.email", 1));
        assert_eq!(found[2].0, "p\\u202e\\ud83d\\ude00\\n");
    }

    #[test]
    fn a_line_that_is_no_json_is_one_text() {
        assert_eq!(places(r#"{"a": mail dev@acme.dev"#), [place("", "pii.email", 1)]);
        assert_eq!(places("words"), []);
    }
}
