//! Any JSON object as an event: recorded as one line that can be read back, or not at all.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value as Json;
use std::sync::{Arc, OnceLock};
use t800_core::assemble::{Number, Place, Value, Values};
use t800_core::encode::{Encoder, json};
use t800_core::event::{Field, Kind};
use t800_core::line;
use t800_core::redact::{Policy, Redactor};
use t800_core::session::{Session, SpanEnd};

#[path = "../../core/tests/shared/mod.rs"]
mod shared;

/// A member of the object, as a caller hands it in.
#[derive(Clone, Copy)]
struct Given<'a>(&'a Json);

impl Value for Given<'_> {
    fn encode(self, encoder: &mut Encoder<'_>) {
        json::parse(&self.0.to_string(), encoder).expect("serde_json writes JSON");
    }
    fn encode_entries(self, encoder: &mut Encoder<'_>) {
        for (key, value) in self.0.as_object().into_iter().flatten() {
            encoder.key(key);
            Given(value).encode(encoder);
        }
    }
    fn is_mapping(self) -> bool {
        self.0.is_object()
    }
    fn is_null(self) -> bool {
        self.0.is_null()
    }
    fn number(self) -> Option<Number> {
        let int = self.0.as_i64().map(Number::Int);
        int.or_else(|| self.0.as_f64().map(Number::Float))
    }
    fn flag(self) -> Option<bool> {
        self.0.as_bool()
    }
    fn with_text<R>(self, read: impl FnOnce(&str) -> R) -> Option<R> {
        self.0.as_str().map(read)
    }
}

fn redactor() -> Arc<Redactor> {
    static REDACTOR: OnceLock<Arc<Redactor>> = OnceLock::new();
    let made = || Arc::new(Redactor::new(&Policy::default()).expect("the policy is good"));
    Arc::clone(REDACTOR.get_or_init(made))
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(Json::Object(members)) = serde_json::from_slice(bytes) else { return };
    let kind = members.get("type").and_then(Json::as_str).and_then(Kind::from_name).unwrap_or(Kind::ToolCall);
    let (mut values, mut misfits) = (Values::default(), Vec::new());
    for (name, value) in members.iter().filter(|(name, _)| *name != "type") {
        match Field::ALL.into_iter().find(|field| field.name() == name) {
            Some(field) => values.set(field, Given(value)),
            None => misfits.push((name.clone(), Given(value))),
        }
    }
    let session = Session::in_memory(redactor(), shared::policy());
    let recorded = session.record(kind, values, misfits, Place::default(), SpanEnd::Success(None));
    let lines = session.lines();
    assert_eq!((recorded.id, lines.len()), (Some(1), 1));
    let read = line::read(&lines[0]).expect("our own line");
    assert_eq!((read.id, read.facts.kind), (1, kind));
    assert!(serde_json::from_slice::<Json>(&lines[0]).is_ok());
});
