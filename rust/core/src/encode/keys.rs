//! Object keys, judged and escaped once: the same few keys come again and again.

use super::known::Short;
use super::{Buffer, Chunk, Encoder, Limits};
use crate::redact::{KeyClass, Redactor, RuleId};

const ENTRIES: usize = 512;

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
    bytes: Box<[u8]>,
    /// The same where it is short.
    chunk: Option<Chunk>,
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
            chunk: (buffer.out.len() <= Chunk::SIZE).then(|| Chunk::of(&buffer.out)),
            bytes: buffer.out.into_boxed_slice(),
        }
    }

    #[inline]
    pub(super) fn append_to(&self, out: &mut Vec<u8>) {
        match &self.chunk {
            Some(chunk) => chunk.append_to(out),
            None => out.extend_from_slice(&self.bytes),
        }
    }
}

/// The keys that one buffer has met, for one redactor.
#[derive(Default)]
pub(super) struct KeyCache {
    redactor: u64,
    entries: Vec<Option<(Short, EncodedKey)>>,
    /// The last key that was too long for a place.
    other: Option<(Box<str>, EncodedKey)>,
}

impl KeyCache {
    /// `key` as `redactor` leaves it.
    #[inline]
    pub(super) fn get(&mut self, redactor: &Redactor, key: &str) -> &EncodedKey {
        let Some(short) = Short::of(KeyClass::PLAIN, key.as_bytes()) else {
            return self.long(redactor, key);
        };
        if self.redactor != redactor.id() {
            self.belong_to(redactor.id());
        }
        let entry = &mut self.entries[short.hash() % ENTRIES];
        if entry.as_ref().is_some_and(|(known, _)| *known != short) {
            *entry = None;
        }
        &entry.get_or_insert_with(|| (short, EncodedKey::new(redactor, key))).1
    }

    #[cold]
    fn long(&mut self, redactor: &Redactor, key: &str) -> &EncodedKey {
        if self.redactor != redactor.id() {
            self.belong_to(redactor.id());
        }
        let known = self.other.take().filter(|(known, _)| **known == *key);
        &self.other.insert(known.unwrap_or_else(|| (key.into(), EncodedKey::new(redactor, key)))).1
    }

    #[cold]
    fn belong_to(&mut self, redactor: u64) {
        self.redactor = redactor;
        self.other = None;
        self.entries = std::iter::repeat_with(|| None).take(ENTRIES).collect();
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
