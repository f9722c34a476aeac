//! Key names: what the name of a field says about its value.
//!
//! A key is split into lower-case segments (`dbPassword`, `db-password` and `DB_PASSWORD` are all `db`,
//! `password`), then judged by its last segments: `password_policy` tells of a policy, `reset_token` of a token.

pub(crate) mod foreign;
pub(crate) mod names;
pub(crate) mod words;

use crate::redact::commands;
use crate::redact::commands::tools::{self, Carries, Tool};
use crate::redact::pii::Datum;
use crate::redact::scan::segments::Segments;
use crate::redact::scan::tails::{self, Tails};
use crate::redact::{RuleError, Treatment};
use foreign::Noun;

/// What a key says about its value; see [`crate::redact::Redactor::key`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyClass(u8);

/// Classes from here on name a personal datum.
const FIRST_DATUM: u8 = 32;
/// Classes from here on name the tool whose arguments follow in a list.
const FIRST_TOOL: u8 = 48;

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
    /// As [`KeyClass::SECRET`], and the value is a phrase of words.
    pub(crate) const PHRASE: KeyClass = KeyClass(7);
    /// Strings become a keyed hash and numbers go, as the user wants of this field.
    pub(crate) const HASHED: KeyClass = KeyClass(8);
    /// Strings are scanned and kept, content or not, as the user wants of this field.
    pub(crate) const SCANNED: KeyClass = KeyClass(9);

    /// An argument `user:secret`.
    const LOGIN: KeyClass = KeyClass(10);

    fn of_tool(tool: Tool) -> KeyClass {
        FIRST_TOOL.checked_add(tool).map_or(KeyClass::PLAIN, KeyClass)
    }

    fn tool(self) -> Option<Tool> {
        self.0.checked_sub(FIRST_TOOL)
    }

    /// The range of the secret in an item of an argument vector.
    pub(crate) fn in_argument(self, argument: &[u8]) -> Option<(usize, usize)> {
        if self == KeyClass::LOGIN {
            return commands::in_login(argument);
        }
        commands::in_argument(argument, self.tool()?)
    }

    /// The class of a key that names a personal datum.
    pub(crate) fn of_datum(datum: Datum) -> KeyClass {
        KeyClass(FIRST_DATUM + datum as u8)
    }

    /// The personal datum the key names.
    pub(crate) fn datum(self) -> Option<Datum> {
        self.0.checked_sub(FIRST_DATUM).and_then(|index| Datum::ALL.get(usize::from(index)).copied())
    }

    /// Whether everything under the key goes.
    pub(crate) fn is_secret(self) -> bool {
        matches!(self, KeyClass::SECRET | KeyClass::TOKEN | KeyClass::PHRASE)
    }

    /// Whether strings under the key go.
    pub(crate) fn hides_strings(self) -> bool {
        self.is_secret() || self == KeyClass::TOKENS
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
    /// The endings of the configured names, where there are any.
    tails: Option<Tails>,
    fields: Vec<(Vec<u8>, KeyClass)>,
}

impl Keys {
    /// Compiles the configured names; names that are built in keep their built-in meaning.
    pub(crate) fn new(redact: &[String], allow: &[String]) -> Result<Keys, RuleError> {
        let allow = allow.iter().map(|name| joined(name)).collect();
        let mut keys = Keys { redact: Vec::new(), allow, fields: Vec::new(), tails: None };
        for name in redact {
            let form = joined(name);
            if form.is_empty() {
                return Err(no_name("always_redact", name));
            }
            if !built_in(&Segments::of(name)).is_secret() {
                keys.tails.get_or_insert_with(Tails::default).add(&form);
                keys.redact.push(form);
            }
        }
        Ok(keys)
    }

    /// Adds what the user wants of single fields.
    pub(crate) fn with_fields(mut self, fields: &[(String, Treatment)]) -> Result<Keys, RuleError> {
        for (name, treatment) in fields {
            let segments = Segments::of(name);
            let form = segments.joined().to_vec();
            if form.is_empty() {
                return Err(no_name("telemetry.privacy.fields", name));
            }
            let class = match treatment {
                Treatment::Redact => {
                    self.tails.get_or_insert_with(Tails::default).add(&form);
                    self.redact.push(form);
                    continue;
                }
                Treatment::Hash => KeyClass::HASHED,
                Treatment::Scan => KeyClass::SCANNED,
            };
            let redacted = self.redact.iter().any(|redacted| segments.ends_with_joined(redacted));
            if redacted || built_in(&segments).hides_strings() {
                let key = format!("telemetry.privacy.fields.{name}");
                let hint = "If its values are harmless, list the name in telemetry.privacy.allow";
                return Err(RuleError::new(&key, "is always redacted", hint));
            }
            self.fields.push((form, class));
        }
        Ok(self)
    }

    /// Whether a name that says anything can end in front of `end`, as far as its last letters tell.
    pub(crate) fn may_end(&self, text: &[u8], end: usize) -> bool {
        tails::NAMES.may_end(text, end) || self.tails.as_ref().is_some_and(|tails| tails.may_end(text, end))
    }

    /// The class of a mapping key.
    pub(crate) fn classify(&self, key: &str) -> KeyClass {
        self.class_of(&Segments::of(key))
    }

    /// The class of a name that is already split.
    pub(crate) fn class_of(&self, segments: &Segments) -> KeyClass {
        if self.allow.iter().any(|name| name.as_slice() == segments.joined()) {
            return KeyClass::ALLOWED;
        }
        if self.redact.iter().any(|name| segments.ends_with_joined(name)) {
            return KeyClass::SECRET;
        }
        if let Some((_, class)) = self.fields.iter().find(|(name, _)| name.as_slice() == segments.joined()) {
            return *class;
        }
        built_in(segments)
    }

    /// The class of the list item after the string item `previous` of `class`: the value of a flag, or an argument of
    /// a tool.
    pub(crate) fn after(&self, class: KeyClass, previous: &str) -> KeyClass {
        let bytes = previous.as_bytes();
        if bytes.first() != Some(&b'-') {
            return match tools::tool(bytes) {
                Some(tool) => KeyClass::of_tool(tool),
                None if class == KeyClass::LOGIN || class.tool().is_some() => class.as_tool(),
                None => KeyClass::PLAIN,
            };
        }
        if previous.contains('=') {
            return class.as_tool();
        }
        match self.classify(previous.trim_start_matches('-')) {
            KeyClass::PLAIN => class.behind_flag(bytes),
            named => named,
        }
    }
}

impl KeyClass {
    /// The class without what the last flag said.
    fn as_tool(self) -> KeyClass {
        if self == KeyClass::LOGIN {
            return tools::tool(b"login").map_or(KeyClass::PLAIN, KeyClass::of_tool);
        }
        if self.tool().is_some() { self } else { KeyClass::PLAIN }
    }

    /// The class of what follows `flag` among the arguments of this tool.
    fn behind_flag(self, flag: &[u8]) -> KeyClass {
        let Some(tool) = self.tool() else { return KeyClass::PLAIN };
        match tools::carried(flag, &[tool]) {
            Some((Carries::Next, length)) if length == flag.len() => KeyClass::SECRET,
            Some((Carries::Likely, length)) if length == flag.len() => KeyClass::MAYBE,
            Some((Carries::Login | Carries::Percent | Carries::Comma, length)) if length == flag.len() => {
                KeyClass::LOGIN
            }
            _ => self,
        }
    }
}

fn no_name(key: &str, name: &str) -> RuleError {
    let reason = format!("{name:?} is no key name");
    RuleError::new(key, &reason, "It needs at least one letter or digit")
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
    match secret_class(segments) {
        // `sort_code` and `iban_code` are no codes that let anyone in.
        class @ (KeyClass::PLAIN | KeyClass::MAYBE) => {
            Datum::of_key(segments).map_or(class, KeyClass::of_datum)
        }
        class => class,
    }
}

/// The class of a name beyond ASCII that names a key: what opens something needs more than that to be one.
fn foreign_key(segments: &Segments) -> KeyClass {
    if segments.joined().is_ascii() {
        return KeyClass::PLAIN;
    }
    if foreign::labels(segments.joined()).any(|(noun, ..)| noun != Noun::Key) {
        return KeyClass::SECRET;
    }
    let last = segments.back(0);
    let names =
        |word: &[u8]| foreign::labels(word).any(|(noun, _, end)| noun == Noun::Key && word.len() - end <= 8);
    if !names(last) && !names(segments.back(1)) {
        return KeyClass::PLAIN;
    }
    let qualified = segments.any(|word| {
        word.starts_with(b"api")
            || [
                "secr",
                "секрет",
                "비밀",
                "रहस्य",
                "シークレット",
                "секретн",
                "доступ",
                "доступу",
                "tajn",
                "gizli",
                "hemlig",
                "geheim",
                "μυστικ",
                "سري",
                "סודי",
                "गुप्त",
                "bí",
                "مخفی",
                "таен",
            ]
            .iter()
            .any(|stem| crate::redact::labelled::value::contains(word, stem.as_bytes()))
    });
    if qualified { KeyClass::SECRET } else { KeyClass::MAYBE }
}

/// Judges by the last segment, then by its pair with the one before, then by strong words further in front.
fn secret_class(segments: &Segments) -> KeyClass {
    let (last, before) = (segments.back(0), segments.back(1));
    let (of_last, of_before) = (words::flags(last), words::flags(before));
    if segments.len() > 1 && words::is(segments.first(), words::BENIGN_FIRST) {
        return KeyClass::PLAIN;
    }
    let class = head(last, of_last, before, of_before);
    if class != KeyClass::PLAIN {
        return class;
    }
    if segments.len() > 1 && of_last & words::FILLER != 0 {
        return secret_class(&segments.without_last());
    }
    if of_last & words::BENIGN_LAST == 0 && segments.without_last().any(words::is_strong) {
        return KeyClass::SECRET;
    }
    foreign_key(segments)
}

/// The class of a key by its last segment and the one before it.
fn head(last: &[u8], of_last: u16, before: &[u8], of_before: u16) -> KeyClass {
    let secret = |yes: bool| if yes { KeyClass::SECRET } else { KeyClass::PLAIN };
    match last {
        _ if of_last & words::PAIRED == 0 => alone(last, of_last),
        b"token" | b"tokens" if of_before & words::TEXT_TOKEN != 0 => KeyClass::PLAIN,
        b"tokens" => KeyClass::TOKENS,
        b"key" | b"keys" => key_class(before, of_before),
        b"code" | b"codes" if of_before & words::SECRET_CODE != 0 => KeyClass::SECRET,
        b"string" | b"str" => secret(matches!(before, b"connection" | b"conn" | b"dsn")),
        b"header" | b"headers" => secret(matches!(before, b"auth" | b"authorization" | b"cookie")),
        b"phrase" | b"words" | b"mnemonic" => phrase_class(last, before),
        b"word" => secret(before == b"pass"),
        b"passe" | b"acceso" | b"acesso" | b"acces" | b"accesso" | b"akses" => {
            secret(matches!(before, b"de" | b"di" | b"mot" | b"palavra" | b"kode"))
        }
        b"material" => secret(before == b"key"),
        b"pat" => secret(matches!(before, b"github" | b"gitlab" | b"gh" | b"azure" | b"devops" | b"git")),
        b"response" => {
            if before == b"saml" {
                KeyClass::TOKEN
            } else {
                KeyClass::PLAIN
            }
        }
        b"sandi" | b"laluan" => secret(before == b"kata" || before.is_empty()),
        b"rsa" | b"dsa" | b"ecdsa" | b"ed25519" => secret(before == b"id"),
        b"sid" if before == b"connect" => KeyClass::SECRET,
        b"verifier" => secret(before == b"code"),
        b"answer" => secret(matches!(before, b"security" | b"secret" | b"question")),
        b"assertion" if matches!(before, b"saml" | b"client") => KeyClass::SECRET,
        b"signature" | b"sig" | b"hmac" | b"sid" | b"dsn" | b"webhook" | b"session" | b"sess" | b"code"
        | b"assertion" | b"ticket" | b"salt" | b"pepper" | b"link" | b"klucz" | b"kulcs" | b"avain"
        | b"sleutel" | b"nyckel" | b"chave" | b"chiave" | b"kunci" | b"anahtar" | b"cheie" | b"jeton" => {
            KeyClass::MAYBE
        }
        _ => alone(last, of_last),
    }
}

/// The class of a last segment that needs no other beside it.
fn alone(last: &[u8], of_last: u16) -> KeyClass {
    if of_last & words::SECRET_HEAD != 0 || words::is_strong(last) || is_glued_pass(last) {
        KeyClass::SECRET
    } else if of_last & words::TOKEN_HEAD != 0 || is_glued_token(last) {
        KeyClass::TOKEN
    } else {
        KeyClass::PLAIN
    }
}

fn phrase_class(last: &[u8], before: &[u8]) -> KeyClass {
    match before {
        b"pass" => KeyClass::SECRET,
        b"seed" | b"recovery" | b"secret" | b"mnemonic" | b"backup" => KeyClass::PHRASE,
        _ if last == b"mnemonic" => KeyClass::PHRASE,
        _ => KeyClass::PLAIN,
    }
}

fn key_class(before: &[u8], of_before: u16) -> KeyClass {
    if of_before & words::SECRET_KEY != 0 || words::is_strong(before) {
        return KeyClass::SECRET;
    }
    if before.is_empty() || of_before & words::PLAIN_KEY != 0 {
        return KeyClass::PLAIN;
    }
    KeyClass::MAYBE
}

fn is_glued_pass(word: &[u8]) -> bool {
    word.strip_suffix(b"pass").is_some_and(|front| words::is(front, words::GLUED_PASS))
}

fn is_glued_token(word: &[u8]) -> bool {
    word.strip_suffix(b"token").is_some_and(|front| !front.is_empty() && !words::is(front, words::TEXT_TOKEN))
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
            "password_hash",
            "seed_phrase",
            "пароль",
            "數據庫密碼",
            "mot de passe",
            "contraseña",
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
            "phone_count",
            "ssn_required",
            "mac_os",
            "address_family",
        ] {
            assert_eq!(class(key), KeyClass::PLAIN, "{key}");
        }
    }

    #[test]
    fn content_fields_in_any_spelling() {
        for key in
            ["old_string", "newString", "new-string", "content", "fileText", "STDOUT", "messages", "prompts"]
        {
            assert_eq!(class(key), KeyClass::CONTENT, "{key}");
        }
        for key in ["command", "message", "outcome", "reason", "query", "url", "content_type"] {
            assert_eq!(class(key), KeyClass::PLAIN, "{key}");
        }
    }

    #[test]
    fn configured_names_add_and_allowed_names_win() {
        let keys = Keys::new(&["employee_number".into(), "token".into()], &["demo_token".into()]).unwrap();
        assert_eq!(keys.classify("employeeNumber"), KeyClass::SECRET);
        assert_eq!(keys.classify("old.employee-number"), KeyClass::SECRET);
        assert_eq!(keys.classify("tokens_in"), KeyClass::PLAIN);
        assert_eq!(keys.classify("demoToken"), KeyClass::ALLOWED);
        assert!(Keys::new(&["--".into()], &[]).is_err());
    }

    #[test]
    fn flags_class_the_argument_after_them() {
        let keys = Keys::default();
        assert!(keys.after(KeyClass::PLAIN, "--password").is_secret());
        assert!(keys.after(KeyClass::PLAIN, "-Password").is_secret());
        assert_eq!(keys.after(KeyClass::PLAIN, "--password=x"), KeyClass::PLAIN);
        assert_eq!(keys.after(KeyClass::PLAIN, "password"), KeyClass::PLAIN);
    }

    #[test]
    fn tools_class_their_arguments() {
        let keys = Keys::default();
        let walk = |arguments: &[&str]| {
            arguments.iter().fold(KeyClass::PLAIN, |class, argument| keys.after(class, argument))
        };
        assert_eq!(walk(&["sudo", "sshpass", "-p"]), KeyClass::SECRET);
        assert_eq!(walk(&["curl", "-s", "-u"]), KeyClass::LOGIN);
        assert_eq!(walk(&["docker", "login", "-u", "ci", "-p"]), KeyClass::SECRET);
        assert_eq!(walk(&["docker", "run", "-p"]), KeyClass::PLAIN);
        assert_eq!(walk(&["mysql", "-uroot"]).in_argument(b"-px1y2z3"), Some((2, 8)));
        assert_eq!(walk(&["curl", "-u"]).in_argument(b"joe:x1y2z3"), Some((4, 10)));
        assert_eq!(walk(&["mkdir"]).in_argument(b"-px1y2z3"), None);
    }

    #[test]
    fn every_tool_has_a_class_of_its_own() {
        assert!(tools::count() <= usize::from(u8::MAX - FIRST_TOOL), "{}", tools::count());
        assert!(usize::from(FIRST_DATUM) + Datum::ALL.len() <= usize::from(FIRST_TOOL));
    }
}
