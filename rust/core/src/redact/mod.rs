//! What may be stored: decides for every key, string and number of an event whether it stays.
//!
//! A [`Policy`] is what the user configured; a [`Redactor`] is that policy compiled once and shared by all
//! threads. The [`crate::encode::Encoder`] asks it while it writes, so nothing unredacted is ever stored.

// `scan` and `span` are the two words of this module; neither has a better name.
#![allow(clippy::similar_names)]

mod commands;
mod content;
mod decode;
mod identity;
mod judged;
mod keys;
mod labelled;
mod paths;
mod pii;
mod rules;
mod scan;
mod tokens;
mod url;
mod user;

pub(crate) use commands::is_command;
pub use content::{hmac_hex, sha256_hex};
pub use keys::KeyClass;
pub use labelled::files::SecretFile;
pub use rules::{Rule, RuleError, RuleId, catalogue};
pub use user::{Allow, UserRule};

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use user::UserRules;

/// What a user configured about privacy, in plain values: the input of [`Redactor::new`].
// Each switch is one documented setting of its own.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Policy {
    /// Written where a secret or personal datum stood (`redaction_value`).
    pub redaction_value: String,
    /// Further key names whose whole subtree is redacted (`always_redact`); they add to the built-in ones.
    pub always_redact: Vec<String>,
    /// Texts and key names that are never redacted (`telemetry.privacy.allow`).
    pub allow: Vec<String>,
    /// Expressions for whole texts that are never redacted where they are found, or stand under a sensitive key.
    pub allow_patterns: Vec<String>,
    /// What the user wants of single fields, by key name (`telemetry.privacy.fields`).
    pub fields: Vec<(String, Treatment)>,
    /// The user's own rules (`telemetry.privacy.rules`).
    pub rules: Vec<UserRule>,
    /// Project-relative paths (`file_paths.mode: relative`) or absolute ones.
    pub relative_paths: bool,
    /// Directories whose paths become `[REDACTED_PATH]` (`file_paths.sensitive_dirs`), beside the built-in ones.
    pub sensitive_dirs: Vec<String>,
    /// Redact personal data in text (`telemetry.privacy.redact_pii`).
    pub redact_pii: bool,
    /// Redact sensitive directories (`telemetry.privacy.redact_sensitive_paths`).
    pub redact_sensitive_paths: bool,
    /// Replace content fields by a keyed hash (`telemetry.privacy.redact_content`).
    pub redact_content: bool,
    /// Strings longer than this are content (`telemetry.privacy.max_value_bytes`); 0 means no limit.
    pub max_value_bytes: usize,
    /// The home directory of the user who records.
    pub home: Option<String>,
    /// The project root as given and, where it differs, as resolved.
    pub project_roots: Vec<String>,
    /// What the machine knows of its own user.
    pub identity: Identity,
    /// The per-install key of all keyed hashes.
    pub key: [u8; 32],
}

impl Default for Policy {
    /// What is done where nobody has configured anything: everything on, for no user and no project in particular.
    fn default() -> Policy {
        Policy {
            redaction_value: "[REDACTED]".to_owned(),
            always_redact: Vec::new(),
            allow: Vec::new(),
            allow_patterns: Vec::new(),
            fields: Vec::new(),
            rules: Vec::new(),
            relative_paths: true,
            sensitive_dirs: Vec::new(),
            redact_pii: true,
            redact_sensitive_paths: true,
            redact_content: true,
            max_value_bytes: 0,
            home: None,
            project_roots: Vec::new(),
            identity: Identity::default(),
            key: [0; 32],
        }
    }
}

/// What becomes of a field that the user has named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Treatment {
    /// It goes, with everything under it.
    Redact,
    /// Its texts become a keyed hash, whatever `redact_content` says; its numbers go.
    Hash,
    /// Its texts are scanned and kept, even where it counts as content.
    Scan,
}

/// What the machine knows of its own user: literals to remove wherever they stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Identity {
    /// Login names of the user.
    pub users: Vec<String>,
    /// Names of the host.
    pub hosts: Vec<String>,
    /// The user's name and e-mail addresses as git knows them.
    pub git: Vec<String>,
    /// Values of environment variables with sensitive names.
    pub values: Vec<String>,
}

/// What becomes of one string.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It may be stored as it is.
    Keep,
    /// The whole value is replaced by [`Scratch::whole`].
    Whole,
    /// The byte ranges in [`Scratch::findings`] are replaced, the rest stays.
    Spans,
}

/// What stands in place of a replaced range; [`Redactor::replacement`] gives its text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum With {
    /// The configured `redaction_value`.
    Marker,
    /// `[REDACTED_PATH]`: a path into a sensitive directory.
    PathMarker,
    /// Nothing: the project root in front of a relative path.
    Nothing,
    /// `.`: the project root itself.
    Root,
    /// `~`: a home directory with its user's name.
    Home,
}

/// One range of a string that must not be stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Finding {
    /// First byte; on a character boundary.
    pub start: u32,
    /// One past the last byte; on a character boundary.
    pub end: u32,
    /// The rule that found it.
    pub rule: RuleId,
    /// What is written instead.
    pub with: With,
}

/// Room for the answer about one string; reused, so that a warm thread allocates nothing.
#[derive(Default, Debug)]
pub struct Scratch {
    /// For [`Verdict::Spans`]: sorted, non-overlapping ranges.
    pub findings: Vec<Finding>,
    /// For [`Verdict::Whole`]: what replaces the value.
    pub whole: String,
    /// For [`Verdict::Whole`]: the rule that decided.
    pub rule: RuleId,
    names: keys::names::NameCache,
    owner: u64,
    judged: judged::Judged,
}

impl Scratch {
    /// Forgets what another redactor said about names.
    fn belong_to(&mut self, redactor: u64) {
        if self.owner != redactor {
            self.owner = redactor;
            self.names = keys::names::NameCache::default();
        }
    }
}

/// Numbers under a `token` key with fewer digits count something.
const TOKEN_DIGITS: usize = 4;
/// How far past the cut of a long value the scan looks.
const CUT_MARGIN: usize = 8 << 10;

/// A [`Policy`], compiled: decides about keys, numbers and strings. Immutable and shared by all threads.
#[derive(Debug)]
pub struct Redactor {
    /// Tells redactors apart, so that a [`Scratch`] can serve several.
    id: u64,
    redaction_value: String,
    keys: keys::Keys,
    allow: Allow,
    pub(crate) user: Arc<UserRules>,
    content: content::ContentHasher,
    pub(crate) paths: paths::PathRules,
    literals: identity::Literals,
    judged: judged::Hasher,
    redact_pii: bool,
    redact_content: bool,
    max_value_bytes: usize,
}

/// The readable id of a built-in rule; its number among the user's own rules where it is none.
///
/// # Errors
/// The number, for a user's rule.
pub(crate) fn builtin_rule_name(rule: RuleId) -> Result<&'static str, usize> {
    match usize::from(rule.0).checked_sub(rules::count()) {
        None => Ok(rules::name(rule)),
        Some(number) => Err(number),
    }
}

fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Redactor {
    /// Compiles a policy.
    ///
    /// # Errors
    /// [`RuleError`] when a configured rule or key name cannot be used.
    pub fn new(policy: &Policy) -> Result<Redactor, RuleError> {
        Ok(Redactor {
            id: next_id(),
            redaction_value: policy.redaction_value.clone(),
            keys: keys::Keys::new(&policy.always_redact, &policy.allow)?.with_fields(&policy.fields)?,
            allow: Allow::new(&policy.allow, &policy.allow_patterns, "telemetry.privacy.allow")?,
            user: UserRules::of(policy)?,
            content: content::ContentHasher::new(&policy.key),
            paths: paths::PathRules::new(policy),
            literals: identity::Literals::new(&policy.identity, policy.home.as_deref())?,
            judged: judged::Hasher::new(),
            redact_pii: policy.redact_pii,
            redact_content: policy.redact_content,
            max_value_bytes: policy.max_value_bytes,
        })
    }

    /// A number that no other redactor of this process has: what caches of classes are kept under.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The class of a mapping key: decides what its value has to fear.
    #[must_use]
    pub fn key(&self, key: &str) -> KeyClass {
        self.keys.classify(&decode::name(key))
    }

    /// What the items of a list inherit from the class of the list.
    #[must_use]
    pub fn item(&self, list: KeyClass) -> KeyClass {
        list
    }

    /// The class of the list item that follows the string item `previous` of `class`, as in an argument vector.
    #[must_use]
    pub fn after(&self, class: KeyClass, previous: &str) -> KeyClass {
        self.keys.after(class, previous)
    }

    /// The class of `value` in `{"name": name, "value": …}`.
    #[must_use]
    pub fn named(&self, name: &str, scratch: &mut Scratch) -> KeyClass {
        scratch.belong_to(self.id);
        scratch.names.class(name.as_bytes(), || self.keys.classify(name))
    }

    /// Whether a text of an event names a file that holds nothing but a secret.
    pub(crate) fn names_secret_file(&self, text: &str) -> SecretFile {
        labelled::files::named_by(&self.keys, text)
    }

    /// Adds to what was found in `text` what a file that holds nothing but secrets may hold without a name.
    pub(crate) fn in_secret_file(
        &self,
        text: &str,
        kind: SecretFile,
        verdict: Verdict,
        scratch: &mut Scratch,
    ) -> Verdict {
        if verdict == Verdict::Whole || kind == SecretFile::Body && verdict == Verdict::Spans {
            return verdict;
        }
        if verdict == Verdict::Keep {
            scratch.findings.clear();
        }
        let Scratch { findings, .. } = scratch;
        let known = findings.len();
        let mut add = |start: usize, end: usize| {
            if !self.allow.allows(&text[start..end]) {
                let (start, end) = (start as u32, end as u32);
                findings.push(Finding { start, end, rule: RuleId::ASSIGNED, with: With::Marker });
            }
        };
        match labelled::files::body(text) {
            Some((start, end)) if known == 0 => add(start, end),
            _ if kind == SecretFile::Lines => labelled::ledgers::in_file(text.as_bytes(), add),
            _ => {}
        }
        if findings.is_empty() {
            return Verdict::Keep;
        }
        scan::settle(text, findings);
        Verdict::Spans
    }

    /// Where the secret stands in `text`, the body of such a file; none where the user allows it.
    pub(crate) fn body_of_secret_file(&self, text: &str) -> Option<(usize, usize)> {
        labelled::files::body(text).filter(|(start, end)| !self.allow.allows(&text[*start..*end]))
    }

    /// The class that a mapping under a key of `class` starts from: its own keys decide again.
    #[must_use]
    pub fn inside(&self, _class: KeyClass) -> KeyClass {
        KeyClass::PLAIN
    }

    /// Whether a container under a key of `class` goes as a whole.
    #[must_use]
    pub fn drops_container(&self, class: KeyClass) -> bool {
        class.is_secret()
    }

    /// Whether a number (its JSON text) under a key of `class` goes.
    #[must_use]
    pub fn drops_number(&self, class: KeyClass, text: &str) -> bool {
        match class {
            KeyClass::SECRET | KeyClass::PHRASE | KeyClass::HASHED => true,
            KeyClass::TOKEN => text.len() >= TOKEN_DIGITS,
            _ => self.redact_pii && class.datum().is_some_and(|datum| pii::drops_number(datum, text)),
        }
    }

    /// Decides about one string value under a key of `class` (a key itself comes as [`KeyClass::PLAIN`]).
    pub fn text(&self, class: KeyClass, text: &str, scratch: &mut Scratch) -> Verdict {
        scratch.findings.clear();
        if text.is_empty() || class == KeyClass::ALLOWED || self.allow.lists(text) {
            return Verdict::Keep;
        }
        if self.is_keyed_secret(class, text) {
            return if self.allow.allows(text) { Verdict::Keep } else { self.whole(RuleId::KEY, scratch) };
        }
        if self.is_content(class, text) {
            self.content.marker(text.as_bytes(), &mut scratch.whole);
            scratch.rule = RuleId::CONTENT;
            return Verdict::Whole;
        }
        if let Some((start, end)) = class.in_argument(text.as_bytes()) {
            let (start, end) = (start as u32, end as u32);
            scratch.findings.push(Finding { start, end, rule: RuleId::FLAG, with: With::Marker });
        }
        self.spans(text, scratch)
    }

    /// Decides about the last argument of a command line, `length` bytes at `start`, by those in front of it.
    pub(crate) fn argument(&self, line: &str, start: usize, length: usize, scratch: &mut Scratch) -> Verdict {
        scratch.findings.clear();
        let end = start + length;
        if end > line.len() || self.spans(line, scratch) == Verdict::Keep {
            return Verdict::Keep;
        }
        let (from, to) = (start as u32, end as u32);
        scratch.findings.retain_mut(|found| {
            let inside = found.start < to && found.end > from && found.with == With::Marker;
            found.start = found.start.max(from).saturating_sub(from);
            found.end = found.end.min(to).saturating_sub(from);
            inside
        });
        if scratch.findings.is_empty() { Verdict::Keep } else { Verdict::Spans }
    }

    fn whole(&self, rule: RuleId, scratch: &mut Scratch) -> Verdict {
        scratch.whole.clear();
        scratch.whole.push_str(&self.redaction_value);
        scratch.rule = rule;
        Verdict::Whole
    }

    /// Whether the key alone is reason enough for the whole value to go.
    fn is_keyed_secret(&self, class: KeyClass, text: &str) -> bool {
        let bytes = text.as_bytes();
        if class.hides_strings() {
            return !labelled::value::is_kept_under_secret_key(bytes);
        }
        if class == KeyClass::MAYBE {
            return labelled::value::is_token(bytes, &tokens::unknown::Shape::of(bytes));
        }
        self.redact_pii && class.datum().is_some_and(|datum| pii::is_datum(datum, bytes))
    }

    /// Scans a string; past the limit that the encoder cuts at, only so far that a crossing finding is seen. What was
    /// scanned before is known, unless something was found by its key already.
    fn spans(&self, text: &str, scratch: &mut Scratch) -> Verdict {
        let scanned = if self.max_value_bytes > 0 {
            text.floor_char_boundary(self.max_value_bytes + CUT_MARGIN)
        } else {
            text.len()
        };
        let scanned = &text[..scanned];
        if !scratch.findings.is_empty() {
            self.scan(scanned, scratch);
        } else if let Some(place) = self.judged.place(scanned.as_bytes()) {
            if let Some(known) = scratch.judged.find(place) {
                scratch.findings.extend_from_slice(known);
            } else {
                self.scan(scanned, scratch);
                scratch.judged.remember(place, &scratch.findings);
            }
        } else {
            self.scan(scanned, scratch);
        }
        if scratch.findings.is_empty() { Verdict::Keep } else { Verdict::Spans }
    }

    /// Adds to the findings what stands in a text.
    fn scan(&self, text: &str, scratch: &mut Scratch) {
        scratch.belong_to(self.id);
        let room = scan::Room { found: &mut scratch.findings, names: &mut scratch.names };
        scan::Scan::new(self, text.as_bytes(), room, 0).run();
        if scratch.findings.is_empty() {
            return;
        }
        scan::settle(text, &mut scratch.findings);
        if !self.allow.is_empty() {
            scratch
                .findings
                .retain(|found| !self.allow.allows(&text[found.start as usize..found.end as usize]));
        }
    }

    fn is_content(&self, class: KeyClass, text: &str) -> bool {
        let long = self.max_value_bytes > 0 && text.len() > self.max_value_bytes;
        match class {
            KeyClass::HASHED => true,
            KeyClass::SCANNED => false,
            _ => self.redact_content && (long || class.is_content()),
        }
    }

    /// The configured `redaction_value`.
    #[must_use]
    pub fn redaction_value(&self) -> &str {
        &self.redaction_value
    }

    /// The text that stands in place of a replaced range.
    #[must_use]
    pub fn replacement(&self, with: With) -> &str {
        match with {
            With::Marker => &self.redaction_value,
            With::PathMarker => "[REDACTED_PATH]",
            With::Nothing => "",
            With::Root => ".",
            With::Home => "~",
        }
    }

    /// The readable id of a rule, as it is counted in a summary.
    #[must_use]
    pub fn rule_name(&self, rule: RuleId) -> &str {
        let number = usize::from(rule.0);
        number
            .checked_sub(rules::count())
            .and_then(|number| self.user.name(number))
            .unwrap_or(rules::name(rule))
    }

    /// The ids of the user's own rules, in the order of their numbers.
    pub fn user_rule_names(&self) -> impl Iterator<Item = &str> {
        (0..self.user.len()).filter_map(|number| self.user.name(number))
    }

    /// How many rules there are: every [`RuleId`] is smaller.
    #[must_use]
    pub fn rule_count(&self) -> usize {
        rules::count() + self.user.len()
    }

    /// The first 24 bits of the keyed hash of some content, in hex.
    #[must_use]
    pub fn content_hash(&self, bytes: &[u8]) -> [u8; 6] {
        self.content.hex(bytes)
    }
}
