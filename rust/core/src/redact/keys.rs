//! Key names: what the name of a field says about its value.
//!
//! A key is split into lower-case segments (`dbPassword`, `db-password` and `DB_PASSWORD` are all `db`,
//! `password`), then judged by its last segments: `password_policy` tells of a policy, `reset_token` of a token.

use super::RuleError;
use super::words::{self, Segments};

/// What a key says about its value; see [`super::Redactor::key`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyClass(u8);

impl KeyClass {
    /// The key says nothing: the value is judged by itself.
    pub const PLAIN: KeyClass = KeyClass(0);
    /// Value, number and subtree go.
    pub(crate) const SECRET: KeyClass = KeyClass(1);
    /// As [`KeyClass::SECRET`], but short numbers stay: they count something.
    pub(crate) const TOKEN: KeyClass = KeyClass(2);
    /// Strings go; numbers stay and containers keep their shape (`tokens: {"input": 5}`).
    pub(crate) const TOKENS: KeyClass = KeyClass(3);
    /// Strings go when they look like a token (`stripe_key`, `signature`).
    pub(crate) const MAYBE: KeyClass = KeyClass(4);
    /// Content: strings become a keyed hash where that is on.
    pub(crate) const CONTENT: KeyClass = KeyClass(5);
    /// Named by the user as never to be redacted.
    pub(crate) const ALLOWED: KeyClass = KeyClass(6);

    pub(crate) fn is_secret(self) -> bool {
        matches!(self, KeyClass::SECRET | KeyClass::TOKEN)
    }

    pub(crate) fn is_content(self) -> bool {
        self == KeyClass::CONTENT
    }
}

/// Built-in and configured key names, compiled.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    redact: Vec<Vec<u8>>,
    allow: Vec<Vec<u8>>,
}

impl Keys {
    /// Compiles the configured names; names that are built in keep their built-in meaning.
    pub(crate) fn new(redact: &[String], allow: &[String]) -> Result<Keys, RuleError> {
        let mut keys = Keys {
            redact: Vec::new(),
            allow: allow.iter().map(|name| joined(name)).collect(),
        };
        for name in redact {
            let form = joined(name);
            if form.is_empty() {
                let reason = "is no key name: it needs at least one letter or digit".to_owned();
                return Err(RuleError {
                    rule: name.clone(),
                    reason,
                });
            }
            if built_in(&Segments::of(name)) == KeyClass::PLAIN {
                keys.redact.push(form);
            }
        }
        Ok(keys)
    }

    /// The class of a mapping key.
    pub(crate) fn classify(&self, key: &str) -> KeyClass {
        let segments = Segments::of(key);
        if self
            .allow
            .iter()
            .any(|name| name.as_slice() == segments.joined())
        {
            return KeyClass::ALLOWED;
        }
        if self
            .redact
            .iter()
            .any(|name| segments.ends_with_joined(name))
        {
            return KeyClass::SECRET;
        }
        built_in(&segments)
    }

    /// The class of the list item after the string item `previous`: the value of a flag.
    pub(crate) fn after(&self, previous: &str) -> KeyClass {
        match previous.strip_prefix('-') {
            Some(flag) if !previous.contains('=') => self.classify(flag.trim_start_matches('-')),
            _ => KeyClass::PLAIN,
        }
    }
}

fn joined(name: &str) -> Vec<u8> {
    Segments::of(name).joined().to_vec()
}

fn built_in(segments: &Segments) -> KeyClass {
    if segments.is_empty() {
        return KeyClass::PLAIN;
    }
    if words::is_content(segments.joined()) {
        return KeyClass::CONTENT;
    }
    secret_class(segments)
}

/// Judges by the last segment, then by its pair with the one before, then by strong words further in front.
fn secret_class(segments: &Segments) -> KeyClass {
    let (last, before) = (segments.from_end(0), segments.from_end(1));
    if words::is_benign_first(segments.first()) && segments.len() > 1 {
        return KeyClass::PLAIN;
    }
    if words::is_filler(last) && segments.len() > 1 {
        return secret_class(&segments.without_last());
    }
    let class = words::head(last, before);
    if class != KeyClass::PLAIN || words::is_benign_last(last) {
        return class;
    }
    if segments.without_last().any(words::is_strong) {
        KeyClass::SECRET
    } else {
        KeyClass::PLAIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(key: &str) -> KeyClass {
        Keys::default().classify(key)
    }

    #[test]
    fn the_names_of_the_specification_are_secret_in_every_spelling() {
        for key in [
            "password",
            "api_key",
            "apikey",
            "token",
            "secret",
            "credential",
            "auth",
            "private_key",
            "access_token",
            "refresh_token",
            "dbPassword",
            "X-Api-Key",
            "AUTH_TOKEN",
            "client_secret",
            "PGPASSWORD",
            "aws.secret.access.key",
            "userCredentials",
            "x-auth-token",
            "adminPass",
            "sshPassphrase",
            "connectionString",
            "session_id_cookie",
            "backupCodes",
            "pass_phrase",
            "password_prod",
            "htpasswd",
            "NPM_TOKEN",
            "privateKeyPem",
            "Proxy-Authorization",
            "ssh_key",
        ] {
            assert!(class(key).is_secret(), "{key}");
        }
    }

    #[test]
    fn false_friends_are_plain() {
        for key in [
            "tokens_in",
            "tokens_out",
            "max_tokens",
            "author",
            "primary_key",
            "tokenizer",
            "cache_key",
            "total_tokens",
            "keyboard",
            "monkey",
            "authority",
            "password_policy",
            "password_required",
            "has_secret",
            "secretName",
            "oauth_provider",
            "api_keys_enabled",
            "pass_rate",
            "passing",
            "signature_help",
            "idempotency_key",
            "AUTH_MODE",
            "PASSWORD_RESET_TIMEOUT",
            "pad_token_id",
            "public_key",
            "partition_key",
            "passwordless",
            "access_level",
            "private",
            "keyword",
            "compass",
            "next_page_token",
            "secret_count",
            "tokenize",
            "spinner",
            "pinned",
            "ping_ms",
            "session_id",
        ] {
            assert_eq!(class(key), KeyClass::PLAIN, "{key}");
        }
    }

    #[test]
    fn content_fields_in_any_spelling() {
        for key in [
            "old_string",
            "newString",
            "new-string",
            "content",
            "fileText",
            "STDOUT",
            "messages",
            "prompts",
        ] {
            assert_eq!(class(key), KeyClass::CONTENT, "{key}");
        }
        for key in [
            "command",
            "message",
            "outcome",
            "reason",
            "query",
            "url",
            "content_type",
        ] {
            assert_eq!(class(key), KeyClass::PLAIN, "{key}");
        }
    }

    #[test]
    fn configured_names_add_and_allowed_names_win() {
        let keys = Keys::new(
            &["employee_number".into(), "token".into()],
            &["demo_token".into()],
        )
        .unwrap();
        assert_eq!(keys.classify("employeeNumber"), KeyClass::SECRET);
        assert_eq!(keys.classify("old.employee-number"), KeyClass::SECRET);
        assert_eq!(keys.classify("tokens_in"), KeyClass::PLAIN);
        assert_eq!(keys.classify("demoToken"), KeyClass::ALLOWED);
        assert!(Keys::new(&["--".into()], &[]).is_err());
    }

    #[test]
    fn flags_class_the_argument_after_them() {
        let keys = Keys::default();
        assert!(keys.after("--password").is_secret());
        assert!(keys.after("-Password").is_secret());
        assert_eq!(keys.after("--password=x"), KeyClass::PLAIN);
        assert_eq!(keys.after("password"), KeyClass::PLAIN);
    }
}
