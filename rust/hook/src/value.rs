//! JSON of another process as values of an event. It stays text until the encoder walks it.

use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use t800_core::assemble::{Number, Value, Values};
use t800_core::encode::{Encoder, json};
use t800_core::event::{Field, Kind};

/// The members of a JSON object, each still text.
pub type Members<'a> = BTreeMap<String, &'a RawValue>;

/// The members of the object that a text is; None where it is none.
pub fn members(text: &str) -> Option<Members<'_>> {
    serde_json::from_str(text).ok()
}

/// A value as it was given, or one of ours.
#[derive(Clone, Copy, Debug)]
pub enum Given<'a> {
    /// JSON text.
    Raw(&'a RawValue),
    /// A text.
    Text(&'a str),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// True or false.
    Flag(bool),
    /// Unknown.
    Null,
    /// An object of such values.
    Table(&'a [(&'a str, Given<'a>)]),
}

/// What a string says; text that JSON allows and Unicode does not keeps its spelling.
pub fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    let spelled = raw.get();
    let inner = spelled.strip_prefix('"')?.strip_suffix('"')?;
    if !inner.contains('\\') {
        return Some(Cow::Borrowed(inner));
    }
    Some(serde_json::from_str(spelled).map_or(Cow::Borrowed(inner), Cow::Owned))
}

/// The text of a member.
pub fn text_of<'a>(members: &Members<'a>, name: &str) -> Option<Cow<'a, str>> {
    members.get(name).and_then(|raw| text(raw))
}

/// The whole number of a member, not negative.
pub fn count_of(members: &Members<'_>, name: &str) -> Option<i64> {
    members.get(name)?.get().parse().ok().filter(|count| *count >= 0)
}

/// The members of a member that is an object.
pub fn members_of<'a>(members: &Members<'a>, name: &str) -> Option<Members<'a>> {
    self::members(members.get(name)?.get())
}

impl Value for Given<'_> {
    fn encode(self, encoder: &mut Encoder<'_>) {
        match self {
            // What RawValue has taken is JSON; our own parser takes that and more.
            Given::Raw(raw) => drop(json::parse(raw.get(), encoder)),
            Given::Text(text) => encoder.text(text),
            Given::Int(number) => encoder.int(number),
            Given::Float(number) => encoder.float(number),
            Given::Flag(flag) => encoder.bool(flag),
            Given::Null => encoder.null(),
            Given::Table(_) => {
                encoder.begin_object();
                self.encode_entries(encoder);
                encoder.end_object();
            }
        }
    }

    fn encode_entries(self, encoder: &mut Encoder<'_>) {
        match self {
            Given::Raw(raw) => {
                for (key, value) in members(raw.get()).unwrap_or_default() {
                    encoder.key(&key);
                    Given::Raw(value).encode(encoder);
                }
            }
            Given::Table(entries) => {
                for (key, value) in entries.iter().filter(|(_, value)| !value.is_null()) {
                    encoder.key(key);
                    value.encode(encoder);
                }
            }
            _ => {}
        }
    }

    fn is_mapping(self) -> bool {
        match self {
            Given::Raw(raw) => raw.get().starts_with('{'),
            Given::Table(_) => true,
            _ => false,
        }
    }

    fn is_null(self) -> bool {
        match self {
            Given::Raw(raw) => raw.get() == "null",
            Given::Null => true,
            _ => false,
        }
    }

    fn number(self) -> Option<Number> {
        match self {
            Given::Int(number) => Some(Number::Int(number)),
            Given::Float(number) => Some(Number::Float(number)),
            Given::Raw(raw) if raw.get().starts_with(|sign: char| sign == '-' || sign.is_ascii_digit()) => {
                let text = raw.get();
                text.parse().map(Number::Int).or_else(|_| text.parse().map(Number::Float)).ok()
            }
            _ => None,
        }
    }

    fn flag(self) -> Option<bool> {
        match self {
            Given::Flag(flag) => Some(flag),
            Given::Raw(raw) => raw.get().parse().ok(),
            _ => None,
        }
    }

    fn with_text<R>(self, read: impl FnOnce(&str) -> R) -> Option<R> {
        match self {
            Given::Text(text) => Some(read(text)),
            Given::Raw(raw) => text(raw).map(|text| read(&text)),
            _ => None,
        }
    }
}

/// Puts a member into the field of `kind` that its name means, else among what has no field.
pub fn set<'a>(
    kind: Kind,
    name: &str,
    value: &'a RawValue,
    values: &mut Values<Given<'a>>,
    misfits: &mut Vec<(String, Given<'a>)>,
) {
    let value = Given::Raw(value);
    match kind.field(name) {
        // A null is the same as nothing said, but for `success`, where it means unknown.
        Some(field) if !value.is_null() || field == Field::Success => values.set(field, value),
        None if !value.is_null() => misfits.push((name.to_owned(), value)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_object_has_no_members() {
        let deep = "[".repeat(1 << 20);
        let torn = format!("{{\"a\":{deep}");
        for hostile in
            ["", "{", "[]", "1", "null", "{\"a\":1", "{\"a\":}", "{a:1}", "\0", "{\"a\":1}x", &deep, &torn]
        {
            assert!(members(hostile).is_none(), "{}", &hostile[..hostile.len().min(20)]);
        }
        assert!(members(&String::from_utf8_lossy(&[0xff, 0xfe, b'{', 0x80])).is_none());
    }

    #[test]
    fn texts_are_read_whatever_their_spelling() {
        let found = members(r#"{"a":"x\u0041\n","b":"\ud800","c":7,"d":-1,"e":1e99,"f":"é"}"#).unwrap();
        assert_eq!(text_of(&found, "a").as_deref(), Some("xA\n"));
        assert_eq!(text_of(&found, "b").as_deref(), Some("\\ud800"));
        assert_eq!(text_of(&found, "c"), None);
        assert_eq!(text_of(&found, "f").as_deref(), Some("é"));
        assert_eq!(
            (count_of(&found, "c"), count_of(&found, "d"), count_of(&found, "e")),
            (Some(7), None, None)
        );
        assert_eq!(Given::Raw(found["e"]).number(), Some(Number::Float(1e99)));
    }

    #[test]
    fn deep_values_are_kept_as_text() {
        let text = format!("{{\"a\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
        let found = members(&text).unwrap();
        assert_eq!(found["a"].get().len(), 200_001);
    }
}
