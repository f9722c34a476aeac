//! The rules by name: what a finding is counted under.

use std::fmt;

/// The number of a rule; [`crate::redact::Redactor::rule_name`] gives its readable id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct RuleId(pub u16);

impl RuleId {
    /// A value that went because of its key.
    pub const KEY: RuleId = RuleId(0);
    /// A content field that became its hash.
    pub const CONTENT: RuleId = RuleId(1);
    /// A path into a sensitive directory.
    pub const PATH: RuleId = RuleId(2);
}

const NAMES: [&str; 3] = ["key", "content", "path"];

/// The readable id of a rule.
pub(crate) fn name(rule: RuleId) -> &'static str {
    NAMES.get(usize::from(rule.0)).copied().unwrap_or("unknown")
}

/// How many rules there are.
pub(crate) fn count() -> usize {
    NAMES.len()
}

/// A configured rule that cannot be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RuleError {
    /// Which rule or key name.
    pub rule: String,
    /// What is wrong with it and what to do.
    pub reason: String,
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rule {:?}: {}", self.rule, self.reason)
    }
}

impl std::error::Error for RuleError {}
