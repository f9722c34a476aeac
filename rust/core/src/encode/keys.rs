//! Object keys, judged and escaped once: the same few keys come again and again.

use super::{Buffer, Encoder, Limits};
use crate::redact::{KeyClass, Redactor, RuleId, name_hash};

const ENTRIES: usize = 512;
const LONGEST: usize = 64;

/// What a key does for its siblings: `{"name": "DB_PASSWORD", "value": "…"}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    None,
    Naming,
    Value,
    /// A list under it is a command line.
    Command,
}

/// A key with everything the encoder needs.
#[derive(Clone, Debug)]
pub(super) struct EncodedKey {
    /// `"key":`, redacted and escaped.
    pub(super) bytes: Box<[u8]>,
    pub(super) class: KeyClass,
    pub(super) role: Role,
    pub(super) rules: Box<[RuleId]>,
}

impl EncodedKey {
    fn new(redactor: &Redactor, key: &str) -> EncodedKey {
        let mut buffer = Buffer::default();
        let mut encoder = Encoder::new(redactor, &mut buffer, Limits::NONE);
        encoder.raw(b"\"");
        encoder.redacted_text(key);
        encoder.raw(b"\":");
        EncodedKey {
            class: redactor.key(key),
            role: role_of(key),
            rules: buffer.redactions.iter().map(|(rule, _)| *rule).collect(),
            bytes: buffer.out.into_boxed_slice(),
        }
    }
}

/// The keys that one buffer has met, for one redactor.
#[derive(Default)]
pub(super) struct KeyCache {
    redactor: u64,
    entries: Vec<Option<(Box<str>, EncodedKey)>>,
    /// Keys too long to be kept.
    other: Option<EncodedKey>,
}

impl KeyCache {
    /// `key` as `redactor` leaves it.
    pub(super) fn get(&mut self, redactor: &Redactor, key: &str) -> &EncodedKey {
        if key.len() > LONGEST {
            return self.other.insert(EncodedKey::new(redactor, key));
        }
        if self.redactor != redactor.id() {
            self.redactor = redactor.id();
            self.entries = std::iter::repeat_with(|| None).take(ENTRIES).collect();
        }
        let entry = &mut self.entries[name_hash(key) % ENTRIES];
        if entry.as_ref().is_some_and(|(known, _)| **known != *key) {
            *entry = None;
        }
        &entry.get_or_insert_with(|| (key.into(), EncodedKey::new(redactor, key))).1
    }
}

/// Keys that name their sibling `value`, as lists of environment variables, headers and parameters do.
fn role_of(key: &str) -> Role {
    match key {
        "name" | "key" | "variable" | "header" | "Name" | "Key" => Role::Naming,
        "value" | "Value" | "val" => Role::Value,
        "command" | "cmd" | "args" | "argv" | "arguments" | "entrypoint" | "Cmd" | "Args" | "Command"
        | "Entrypoint" => Role::Command,
        _ => Role::None,
    }
}
