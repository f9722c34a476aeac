//! What may be stored: decides for every key, string and number of an event whether it stays.
//!
//! A [`Policy`] is what the user configured; a [`Redactor`] is that policy compiled once and shared by all
//! threads. The [`crate::encode::Encoder`] asks it while it writes, so nothing unredacted is ever stored.

/// What a user configured about privacy, in plain values: the input of [`Redactor::new`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Policy {
    /// Written where a secret or personal datum stood (`redaction_value`).
    pub redaction_value: String,
    /// Further key names whose whole subtree is redacted (`always_redact`); they add to the built-in ones.
    pub always_redact: Vec<String>,
    /// Texts and key names that are never redacted (`telemetry.privacy.allow`).
    pub allow: Vec<String>,
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
