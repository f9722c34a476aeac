//! Event assembly: from the values of a call to the bytes of its line.
//!
//! Generic over where the values come from ([`Value`]): Python objects, or JSON text of another process. There is
//! no second way to make an event.

use crate::clock::{RFC3339_LEN, Wall};
use crate::encode::{Chunk, Encoder};
use crate::event::{Field, Kind, Shape};
use crate::price::{Prices, Usage};
use crate::redact::{KeyClass, Redactor};
use crate::summary::{Facts, Outcome, Token};

/// A number as it came.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// A whole number.
    Int(i64),
    /// Any other.
    Float(f64),
}

impl Number {
    /// Its value, rounded where it must be.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        match self {
            Number::Int(value) => value as f64,
            Number::Float(value) => value,
        }
    }
}

/// A value of a call, wherever it comes from.
pub trait Value: Copy {
    /// Walks the value into the encoder.
    fn encode(self, encoder: &mut Encoder<'_>);
    /// Walks the entries of a mapping into an object that is open already.
    fn encode_entries(self, encoder: &mut Encoder<'_>);
    /// Whether it has keys.
    fn is_mapping(self) -> bool;
    /// Whether it is null.
    fn is_null(self) -> bool;
    /// Its number; not for booleans.
    fn number(self) -> Option<Number>;
    /// Its truth value, for real booleans only.
    fn flag(self) -> Option<bool>;
    /// Whether it is a string.
    fn is_text(self) -> bool {
        self.with_text(|_| ()).is_some()
    }
    /// Its text, for strings only.
    fn with_text<R>(self, read: impl FnOnce(&str) -> R) -> Option<R>;
}

/// The values of one event by field.
#[derive(Clone, Copy)]
pub struct Values<V> {
    slots: [Option<V>; Field::ALL.len()],
    /// A bit for each slot that may hold something.
    touched: u32,
}

// `touched` has a bit for each field; with more of them it must be wider.
const _: () = assert!(Field::ALL.len() <= u32::BITS as usize);

impl<V: Value> Default for Values<V> {
    fn default() -> Self {
        Values { slots: [None; Field::ALL.len()], touched: 0 }
    }
}

impl<V: Value> Values<V> {
    /// Sets a field.
    pub fn set(&mut self, field: Field, value: V) {
        self.slots[field as usize] = Some(value);
        self.touched |= 1 << field as u32;
    }

    /// Takes a field's value out.
    pub fn take(&mut self, field: Field) -> Option<V> {
        self.slots[field as usize].take()
    }

    /// Whether one of these fields may hold something.
    #[must_use]
    pub const fn may_hold(&self, fields: &[Field]) -> bool {
        let (mut mask, mut at) = (0, 0);
        while at < fields.len() {
            mask |= 1 << fields[at] as u32;
            at += 1;
        }
        self.touched & mask != 0
    }

    /// The values that are there, with their fields.
    pub fn iter(&self) -> impl Iterator<Item = (Field, V)> {
        let mut touched = self.touched;
        std::iter::from_fn(move || {
            let field = Field::ALL.get(touched.trailing_zeros() as usize).copied()?;
            touched &= touched - 1;
            Some((field, self.get(field)))
        })
        .filter_map(|(field, value)| Some((field, value?)))
    }

    /// A field's value.
    #[must_use]
    pub fn get(&self, field: Field) -> Option<V> {
        self.slots[field as usize]
    }
}

/// A value that does not fit its field: written under `attributes`, counted, and said once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misuse {
    /// The field as the caller named it.
    pub field: String,
    /// What would have fitted.
    pub expected: &'static str,
}

/// Where an event happened: names are JSON strings, redacted and quoted.
#[derive(Clone, Copy, Default)]
pub struct Place<'a> {
    /// The innermost open call, by its number.
    pub parent: Option<u64>,
    /// The phase.
    pub phase: Option<&'a [u8]>,
    /// The sub-agent.
    pub agent: Option<&'a [u8]>,
}

impl Place<'_> {
    /// Writes it as an event says it.
    pub fn append_to(&self, out: &mut Vec<u8>) {
        if let Some(parent) = self.parent {
            out.extend_from_slice(b",\"parent_id\":\"");
            with_event_id(parent, |text| out.extend_from_slice(text));
            out.push(b'"');
        }
        for (field, name) in [(Field::Phase, self.phase), (Field::AgentId, self.agent)] {
            if let Some(name) = name {
                field.opening().append_to(out);
                out.extend_from_slice(name);
            }
        }
    }
}

/// How a call that never ended says so.
pub const INTERRUPTED: &[u8] = b",\"duration_ms\":null,\"success\":null,\"interrupted\":true";

/// The classes that a redactor gives to the fields of events, looked up once for a session.
pub type FieldClasses = [KeyClass; Field::ALL.len()];

/// The class of every field's value under `redactor`.
#[must_use]
pub fn field_classes(redactor: &Redactor) -> FieldClasses {
    Field::ALL.map(|field| match field.shape() {
        // The texts of the schema's own fields are judged as text: a tool may well be called "token".
        Shape::Text => KeyClass::PLAIN,
        _ => redactor.key(field.redaction_key()),
    })
}

/// Writes one event into an encoder.
pub struct Assembly<'e, 'a> {
    /// Where the bytes go.
    pub encoder: &'e mut Encoder<'a>,
    classes: &'e FieldClasses,
    /// What the summary will add up.
    pub facts: Facts,
    /// What did not fit.
    pub misuses: Vec<Misuse>,
    /// Which token counters were given, a bit each.
    known: u8,
    /// Where the provider's name stands: start and length of the text between the quotes.
    pub provider: (u32, u32),
    /// What LLM calls cost, and when this one began: for a call that does not say what it cost.
    pub pricing: Option<(&'e Prices, Wall)>,
}

impl<'e, 'a> Assembly<'e, 'a> {
    /// An assembly of an event of `kind`.
    pub fn new(encoder: &'e mut Encoder<'a>, classes: &'e FieldClasses, kind: Kind) -> Self {
        Assembly {
            encoder,
            classes,
            facts: Facts { kind, ..Facts::default() },
            misuses: Vec::new(),
            known: 0,
            provider: (0, 0),
            pricing: None,
        }
    }

    /// `{"event_id":"evt_001","timestamp":"…","type":"tool_call"`.
    pub fn open(&mut self, id: u64, timestamp: &[u8; RFC3339_LEN]) {
        const FRONT: &[u8; 13] = b"{\"event_id\":\"";
        const BEHIND: &[u8; 15] = b"\",\"timestamp\":\"";
        const MOST: usize = FRONT.len() + ID_LEN + BEHIND.len() + RFC3339_LEN;
        // Put together here and then written in one piece: an event has one length, and most parts have theirs.
        let mut text = [0; MOST];
        text[..FRONT.len()].copy_from_slice(FRONT);
        let mut end = FRONT.len() + put_event_id(&mut text[FRONT.len()..], id);
        text[end..end + BEHIND.len()].copy_from_slice(BEHIND);
        end += BEHIND.len();
        text[end..end + RFC3339_LEN].copy_from_slice(timestamp);
        self.encoder.raw(&text[..end + RFC3339_LEN]);
        self.encoder.chunk(self.facts.kind.closing());
    }

    /// The fields of `which`, in that order; what does not fit goes to `misfits`.
    pub fn fields<V: Value>(
        &mut self,
        which: &[Field],
        values: &mut Values<V>,
        misfits: &mut Vec<(String, V)>,
    ) {
        for field in which {
            if let Some(value) = values.take(*field) {
                self.field(*field, value, misfits);
            } else if *field == Field::TotalTokens {
                self.total_tokens();
            } else if *field == Field::CostUsd {
                self.cost();
            }
        }
    }

    /// What a span's end says of the fields of its begin: those that the begin has not written (`given` has a bit for
    /// each that it has). Another value of one that stands there already goes to the attributes.
    pub fn late<V: Value>(
        &mut self,
        which: &[Field],
        given: u8,
        values: &mut Values<V>,
        misfits: &mut Vec<(String, V)>,
    ) {
        for (at, field) in which.iter().enumerate() {
            match values.take(*field).filter(|value| !value.is_null()) {
                Some(value) if given >> at & 1 == 0 => self.field(*field, value, misfits),
                Some(value) => misfits.push((field.redaction_key().to_owned(), value)),
                None => {}
            }
        }
    }

    /// Sends a value that is left in `field` to the misfits.
    pub fn refuse<V: Value>(&mut self, field: Field, values: &mut Values<V>, misfits: &mut Vec<(String, V)>) {
        if let Some(value) = values.take(field).filter(|value| !value.is_null()) {
            self.misfit(field, value, misfits);
        }
    }

    fn misfit<V: Value>(&mut self, field: Field, value: V, misfits: &mut Vec<(String, V)>) {
        self.misuses.push(Misuse { field: field.name().to_owned(), expected: expected(field.shape()) });
        misfits.push((field.name().to_owned(), value));
    }

    /// `total_tokens` where both of its parts are known.
    fn total_tokens(&mut self) {
        let both = 1 << Token::Prompt as u8 | 1 << Token::Completion as u8;
        if self.known & both == both {
            let [prompt, completion, ..] = self.facts.tokens;
            self.count(Field::TotalTokens, Token::Total, prompt.saturating_add(completion));
        }
    }

    /// `cost_usd` where tokens are known: from the table of prices, null where that does not know the model.
    fn cost(&mut self) {
        let some = 1 << Token::Prompt as u8 | 1 << Token::Completion as u8;
        let Some((prices, at)) = self.pricing.filter(|_| self.known & some != 0) else { return };
        let tokens = |token: Token| self.facts.tokens[token as usize];
        let usage = Usage {
            prompt: tokens(Token::Prompt),
            cached: tokens(Token::Cached),
            written: tokens(Token::CacheWrite),
            completion: tokens(Token::Completion),
            reasoning: tokens(Token::Reasoning),
        };
        let (model, provider) = self.names();
        self.facts.cost_nano_usd = prices.cost(provider, model, &usage, at);
        match self.facts.cost_nano_usd {
            Some(cost) => self.number(Field::CostUsd, Number::Float(cost as f64 / 1e9)),
            None => self.null(Field::CostUsd),
        }
    }

    /// The model and its provider, as they were written.
    fn names(&self) -> (&str, Option<&str>) {
        let written = self.encoder.written(0);
        let text = |(start, len): (u32, u32)| {
            let bytes = written.get(start as usize..).and_then(|rest| rest.get(..len as usize));
            std::str::from_utf8(bytes.unwrap_or_default()).unwrap_or_default()
        };
        (text(self.facts.name), Some(text(self.provider)).filter(|provider| !provider.is_empty()))
    }

    /// What every event may say: where it happened, where it came from, whatever else is known.
    pub fn common<V: Value>(
        &mut self,
        place: Place<'_>,
        values: &mut Values<V>,
        mut misfits: Vec<(String, V)>,
    ) {
        self.facts.nested |= place.parent.is_some();
        if misfits.is_empty() && !values.may_hold(&Field::COMMON) {
            return place.append_to(self.encoder.ours());
        }
        if let Some(given) = values.take(Field::ParentId) {
            self.facts.nested = !given.is_null();
            self.field(Field::ParentId, given, &mut misfits);
        } else {
            Place { parent: place.parent, ..Place::default() }.append_to(self.encoder.ours());
        }
        self.place(Field::Phase, place.phase, values.take(Field::Phase), &mut misfits);
        self.place(Field::AgentId, place.agent, values.take(Field::AgentId), &mut misfits);
        if let Some(source) = values.take(Field::SourceId) {
            self.field(Field::SourceId, source, &mut misfits);
        }
        self.attributes(values.take(Field::Attributes), misfits);
    }

    /// Closes the event.
    pub fn close(&mut self) {
        self.encoder.raw(b"}");
    }

    /// A field with bytes of ours as its value.
    pub fn ours(&mut self, field: Field, json: &[u8]) {
        self.encoder.chunk(field.opening());
        self.encoder.raw(json);
    }

    /// How a call that never ended says so.
    pub fn interrupted(&mut self) {
        (self.facts.outcome, self.facts.interrupted) = (Outcome::Unknown, true);
        self.encoder.raw(INTERRUPTED);
    }

    /// A measured duration in microseconds.
    pub fn duration(&mut self, us: u64) {
        self.facts.duration_us = Some(us);
        self.encoder.chunk(Field::DurationMs.opening());
        self.encoder.millis(us);
    }

    /// How a call ended; None writes null.
    pub fn success(&mut self, success: Option<bool>) {
        self.facts.outcome = match success {
            Some(true) => Outcome::Succeeded,
            Some(false) => Outcome::Failed,
            None => Outcome::Unknown,
        };
        self.encoder.chunk(match success {
            Some(true) => const { &Chunk::of(b",\"success\":true") },
            Some(false) => const { &Chunk::of(b",\"success\":false") },
            None => const { &Chunk::of(b",\"success\":null") },
        });
    }

    fn place<V: Value>(
        &mut self,
        field: Field,
        here: Option<&[u8]>,
        given: Option<V>,
        misfits: &mut Vec<(String, V)>,
    ) {
        match (given, here) {
            (Some(given), _) => self.field(field, given, misfits),
            (None, Some(here)) => self.ours(field, here),
            (None, None) => {}
        }
    }

    fn field<V: Value>(&mut self, field: Field, value: V, misfits: &mut Vec<(String, V)>) {
        if value.is_null() {
            return self.null(field);
        }
        let fits = match field.shape() {
            Shape::Any => self.any(field, value),
            Shape::Text | Shape::Time => self.text(field, value),
            Shape::Mapping => value.is_mapping() && self.any(field, value),
            Shape::Millis => self.millis(field, value),
            Shape::Tokens(token) => self.tokens(field, token, value),
            Shape::Dollars => self.dollars(field, value),
            Shape::Flag => self.flag(value),
        };
        if !fits {
            self.misfit(field, value, misfits);
        }
    }

    fn null(&mut self, field: Field) {
        if field == Field::Success {
            return self.success(None);
        }
        self.ours(field, b"null");
    }

    fn any<V: Value>(&mut self, field: Field, value: V) -> bool {
        self.encoder.chunk(field.opening());
        self.walk(field, value);
        true
    }

    fn walk<V: Value>(&mut self, field: Field, value: V) {
        self.encoder.root(self.classes[field as usize]);
        value.encode(self.encoder);
    }

    fn text<V: Value>(&mut self, field: Field, value: V) -> bool {
        if !value.is_text() {
            return false;
        }
        self.encoder.chunk(field.opening());
        let start = self.encoder.position() + 1;
        self.walk(field, value);
        let text = (start as u32, (self.encoder.position() - 1 - start) as u32);
        match field {
            Field::Tool | Field::Model => self.facts.name = text,
            Field::Provider => self.provider = text,
            _ => {}
        }
        true
    }

    fn number(&mut self, field: Field, number: Number) {
        self.encoder.chunk(field.opening());
        self.encoder.root(KeyClass::PLAIN);
        match number {
            Number::Int(value) => self.encoder.int(value),
            Number::Float(value) => self.encoder.float(value),
        }
    }

    fn millis<V: Value>(&mut self, field: Field, value: V) -> bool {
        let Some(number) = value.number().filter(|number| is_amount(number.as_f64())) else { return false };
        if field == Field::DurationMs {
            self.facts.duration_us = Some((number.as_f64() * 1e3).round() as u64);
        }
        self.number(field, number);
        true
    }

    fn tokens<V: Value>(&mut self, field: Field, token: Token, value: V) -> bool {
        let Some(Number::Int(count)) = value.number() else { return false };
        let Ok(count) = u64::try_from(count) else { return false };
        self.count(field, token, count);
        true
    }

    fn count(&mut self, field: Field, token: Token, count: u64) {
        self.facts.tokens[token as usize] = count;
        self.known |= 1 << token as u8;
        self.encoder.chunk(field.opening());
        self.encoder.root(KeyClass::PLAIN);
        self.encoder.uint(count);
    }

    fn dollars<V: Value>(&mut self, field: Field, value: V) -> bool {
        let Some(number) = value.number().filter(|number| is_amount(number.as_f64())) else { return false };
        self.facts.cost_nano_usd = Some((number.as_f64() * 1e9).round() as i64);
        self.number(field, number);
        true
    }

    fn flag<V: Value>(&mut self, value: V) -> bool {
        let Some(flag) = value.flag() else { return false };
        self.success(Some(flag));
        true
    }

    /// The caller's attributes, and what did not fit elsewhere.
    fn attributes<V: Value>(&mut self, given: Option<V>, mut misfits: Vec<(String, V)>) {
        let given = given.filter(|given| !given.is_null());
        let mapping = given.filter(|given| given.is_mapping());
        if let (Some(given), None) = (given, mapping) {
            self.misuses.push(Misuse { field: "attributes".to_owned(), expected: expected(Shape::Mapping) });
            misfits.push(("attributes".to_owned(), given));
        }
        if mapping.is_none() && misfits.is_empty() {
            return;
        }
        self.encoder.chunk(Field::Attributes.opening());
        self.encoder.root(KeyClass::PLAIN);
        self.encoder.begin_object();
        if let Some(mapping) = mapping {
            mapping.encode_entries(self.encoder);
        }
        for (name, value) in misfits {
            self.encoder.key(&name);
            value.encode(self.encoder);
        }
        self.encoder.end_object();
    }
}

fn is_amount(number: f64) -> bool {
    number.is_finite() && (0.0..=1e15).contains(&number)
}

/// What fits a shape, in words.
#[must_use]
pub const fn expected(shape: Shape) -> &'static str {
    match shape {
        Shape::Text => "a string",
        Shape::Any => "any value",
        Shape::Mapping => "a mapping",
        Shape::Millis => "a number of milliseconds, not negative",
        Shape::Tokens(_) => "a whole number of tokens, not negative",
        Shape::Dollars => "a number of US dollars, not negative",
        Shape::Flag => "True, False or None",
        Shape::Time => "a time such as 2026-01-15T10:30:00Z",
    }
}

/// Bits of an event's number in its document. Above them stands which process gave it: of a fork's child and its parent
/// each has documents, and numbers, of its own.
pub const NUMBER_BITS: u32 = 40;

/// An event's number in its document.
#[must_use]
pub const fn number_of(id: u64) -> u64 {
    id & ((1 << NUMBER_BITS) - 1)
}

/// The longest id of an event.
const ID_LEN: usize = 4 + 20;

/// `evt_001`, at least three digits, at the front of `place`; returns how long it is.
#[inline]
fn put_event_id(place: &mut [u8], id: u64) -> usize {
    let mut number = number_of(id);
    let digits = number.checked_ilog10().map_or(1, |log| log as usize + 1).max(3);
    place[..4].copy_from_slice(b"evt_");
    for digit in place[4..4 + digits].iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
    4 + digits
}

/// The id of an event as text.
#[must_use]
pub fn event_id(id: u64) -> String {
    with_event_id(id, |text| String::from_utf8_lossy(text).into_owned())
}

/// Lends the id of an event as text, which is ASCII.
#[inline]
pub fn with_event_id<R>(id: u64, work: impl FnOnce(&[u8]) -> R) -> R {
    let mut text = [0; ID_LEN];
    let length = put_event_id(&mut text, id);
    work(&text[..length])
}
