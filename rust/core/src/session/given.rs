//! What an event came with, and events that came with nothing.

use crate::assemble::{Number, Value, Values};
use crate::clock;
use crate::encode::Encoder;
use crate::event::Field;

/// When a finished fact began: its duration ago. In wall-clock time, which reaches back to before this process.
pub(super) fn began<V: Value>(now: clock::Wall, values: &Values<V>) -> clock::Wall {
    let millis = values.get(Field::DurationMs).and_then(Value::number).map_or(0.0, Number::as_f64);
    // Saturating: a duration that is not a sane number moves nothing.
    now.saturating_sub((millis.clamp(0.0, 1e12) * 1e6) as u64)
}

/// The time that a finished fact came with; one that is no time stays and is reported as a misuse.
pub(super) fn given_time<V: Value>(values: &mut Values<V>) -> Option<clock::Wall> {
    let given = values.get(Field::Timestamp)?;
    let time = given.with_text(clock::parse_rfc3339).flatten()?;
    values.take(Field::Timestamp);
    Some(time)
}

/// No value at all: for events whose fields are all ours.
#[derive(Clone, Copy)]
pub(super) enum Nothing {}

impl Value for Nothing {
    fn encode(self, _: &mut Encoder<'_>) {}
    fn encode_entries(self, _: &mut Encoder<'_>) {}
    fn is_mapping(self) -> bool {
        false
    }
    fn is_null(self) -> bool {
        true
    }
    fn number(self) -> Option<Number> {
        None
    }
    fn flag(self) -> Option<bool> {
        None
    }
    fn with_text<R>(self, _: impl FnOnce(&str) -> R) -> Option<R> {
        None
    }
}
