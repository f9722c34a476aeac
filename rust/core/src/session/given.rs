//! What an event came with, and events that came with nothing.

use super::Session;
use crate::assemble::{Number, Place, Value, Values};
use crate::clock;
use crate::encode::Encoder;
use crate::event::Field;
use std::sync::PoisonError;

/// Events whose own ids a session remembers.
const MAX_SOURCES: usize = 100_000;

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

impl Session {
    /// Finds the parent of an event that names it by the id it came with, and remembers this one's.
    pub(super) fn source_place<'p, V: Value>(
        &self,
        id: u64,
        values: &mut Values<V>,
        mut place: Place<'p>,
    ) -> Place<'p> {
        let (source, parent) = (values.get(Field::SourceId), values.get(Field::ParentId));
        if source.is_none() && parent.is_none() {
            return place;
        }
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        let known =
            parent.and_then(|parent| parent.with_text(|parent| sources.get(parent).copied()).flatten());
        if known.is_some() {
            values.take(Field::ParentId);
            place.parent = known;
        }
        if let Some(source) = source.filter(|_| sources.len() < MAX_SOURCES) {
            source.with_text(|source| sources.insert(source.into(), id));
        }
        place
    }
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
