//! The rules: what a finding is counted under, and the table of provider formats.
//!
//! Formats of tokens are facts that their issuers publish. A row says: after `front`, at least `min` characters of
//! `tail` make a token of `provider`.

use std::fmt;
use std::sync::LazyLock;

/// The number of a rule; [`crate::redact::Redactor::rule_name`] gives its readable id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct RuleId(pub u16);

macro_rules! general {
    ($($name:ident $id:literal $says:literal,)*) => {
        /// Ids of the general rules, by number.
        const GENERAL: &[(&str, &str)] = &[$(($id, $says)),*];
        general!(@ids 0u16; $($name $says,)*);
    };
    (@ids $number:expr; $name:ident $says:literal, $($rest:tt)*) => {
        impl RuleId {
            #[doc = $says]
            pub const $name: RuleId = RuleId($number);
        }
        general!(@ids $number + 1; $($rest)*);
    };
    (@ids $number:expr;) => {};
}

general! {
    KEY "key" "A value that went because of its key.",
    CONTENT "content" "A content field that became its hash.",
    PATH "path.sensitive" "A path into a sensitive directory.",
    PROJECT_PATH "path.project" "The project root in front of a path.",
    HOME_PATH "path.home" "A home directory with its user's name.",
    ASSIGNED "secret.assigned" "A value assigned to a name that says it is secret.",
    PROSE "secret.prose" "A value behind a word that says it is secret.",
    FLAG "secret.command" "A password in the arguments of a known command.",
    URL "secret.url" "A password or token in a URL.",
    COOKIE "secret.cookie" "The value of a cookie.",
    PRIVATE_KEY "secret.private-key" "A private key in PEM or a similar armour.",
    JWT "secret.jwt" "A JSON web token.",
    HASHED "secret.password-hash" "A password hash.",
    UNKNOWN "secret.unknown" "A random token of no known format.",
    ENCODED "secret.encoded" "A secret found after decoding.",
    IDENTITY "identity" "A literal that the machine knows of its user.",
    EMAIL "pii.email" "An e-mail address.",
    PHONE "pii.phone" "A telephone number.",
    CARD "pii.card" "A payment card number.",
    IBAN "pii.iban" "An international bank account number.",
    SSN "pii.us-ssn" "A US social security number.",
    IP "pii.ip" "A public IP address.",
    MAC "pii.mac" "A hardware address.",
    NATIONAL_ID "pii.national-id" "A national id, tax id, passport or licence number.",
    GEO "pii.geo" "Geographic coordinates.",
    BIRTH "pii.birth-date" "A date of birth.",
    NAME "pii.name" "The name of a person.",
    ADDRESS "pii.address" "A postal address.",
    WALLET "pii.wallet" "An address of a crypto-currency wallet.",
}

/// The characters of a token behind its front.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Tail {
    /// Letters and digits.
    Alnum,
    /// Letters, digits, `_`, `-`.
    Word,
    /// Hexadecimal digits.
    Hex,
    /// Upper-case letters and digits.
    Upper,
    /// Lower-case letters and digits.
    Lower,
    /// Base64 with `+`, `/`, `=`, and `%` where a URL escapes them.
    Base64,
    /// [`Tail::Word`] and dots.
    Dotted,
}

impl Tail {
    pub(crate) fn has(self, byte: u8) -> bool {
        match self {
            Tail::Alnum => byte.is_ascii_alphanumeric(),
            Tail::Word => byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-',
            Tail::Hex => byte.is_ascii_hexdigit(),
            Tail::Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Tail::Lower => byte.is_ascii_lowercase() || byte.is_ascii_digit(),
            Tail::Base64 => byte.is_ascii_alphanumeric() || b"+/=_-%".contains(&byte),
            Tail::Dotted => byte.is_ascii_alphanumeric() || b"_-.".contains(&byte),
        }
    }
}

/// One row of the table of providers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Format {
    /// Readable id, as it is counted.
    pub(crate) id: &'static str,
    /// What a token of it starts with.
    pub(crate) front: &'static str,
    /// What follows.
    pub(crate) tail: Tail,
    /// How much of it at least.
    pub(crate) min: usize,
}

const fn row(id: &'static str, front: &'static str, tail: Tail, min: usize) -> Format {
    Format { id, front, tail, min }
}

include!("providers.rs");

/// The rows in the order of their first two bytes, for look-up.
struct Index {
    by_start: Vec<Vec<u16>>,
    /// Formats whose front holds a sign that splits words, with the length up to and with the last such sign.
    by_sign: Vec<(u16, usize)>,
    /// For each byte, the signs that may follow it in a front.
    before_sign: [u8; 256],
}

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let mut index = Index { by_start: vec![Vec::new(); 1024], by_sign: Vec::new(), before_sign: [0; 256] };
    for (number, format) in FORMATS.iter().enumerate() {
        let front = format.front.as_bytes();
        match front.iter().rposition(|b| !(b.is_ascii_alphanumeric() || *b == b'_' || *b == b'-')) {
            Some(sign) => {
                index.by_sign.push((number as u16, sign + 1));
                let before = sign.checked_sub(1).map(|i| front[i]);
                for byte in (0..=255).filter(|b| before.is_none_or(|before| before == *b)) {
                    index.before_sign[usize::from(byte)] |= sign_bit(front[sign]);
                }
            }
            None => index.by_start[slot(front[0], front[1])].push(number as u16),
        }
    }
    for list in &mut index.by_start {
        list.sort_by_key(|number| std::cmp::Reverse(FORMATS[usize::from(*number)].front.len()));
    }
    index
});

fn slot(first: u8, second: u8) -> usize {
    (usize::from(first) * 37 + usize::from(second)) & 1023
}

/// The formats whose front may start with these two bytes, longest first.
pub(crate) fn starting_with(first: u8, second: u8) -> impl Iterator<Item = (RuleId, &'static Format)> {
    INDEX.by_start[slot(first, second)].iter().map(|number| numbered(*number))
}

/// Whether a front may end in `before` and a `sign` that splits words.
pub(crate) fn may_end_front(before: u8, sign: u8) -> bool {
    INDEX.before_sign[usize::from(before)] & sign_bit(sign) != 0
}

fn sign_bit(sign: u8) -> u8 {
    match sign {
        b'.' => 1,
        b'+' => 2,
        b'/' => 4,
        b'$' => 8,
        b':' => 16,
        _ => 32,
    }
}

/// The formats whose front holds a sign that splits words (`hvs.`, `v1.0-`, `endr+`), and how much of the front
/// stands before the next run of word characters.
pub(crate) fn with_sign() -> impl Iterator<Item = (RuleId, &'static Format, usize)> {
    INDEX.by_sign.iter().map(|(number, split)| {
        let (rule, format) = numbered(*number);
        (rule, format, *split)
    })
}

/// Every format.
#[cfg(test)]
pub(crate) fn all() -> impl Iterator<Item = (RuleId, &'static Format)> {
    (0..FORMATS.len() as u16).map(numbered)
}

fn numbered(number: u16) -> (RuleId, &'static Format) {
    (RuleId(GENERAL.len() as u16 + number), &FORMATS[usize::from(number)])
}

/// The readable id of a rule.
pub(crate) fn name(rule: RuleId) -> &'static str {
    let number = usize::from(rule.0);
    match GENERAL.get(number) {
        Some((id, _)) => id,
        None => FORMATS.get(number - GENERAL.len()).map_or("unknown", |format| format.id),
    }
}

/// How many rules there are.
pub(crate) fn count() -> usize {
    GENERAL.len() + FORMATS.len()
}

/// A configured rule that cannot be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RuleError {
    /// Where it stands in the configuration: its dotted key, with an index where that is a list.
    pub key: String,
    /// What is wrong with it.
    pub reason: String,
    /// What to do; empty where the reason says it.
    pub hint: String,
}

impl RuleError {
    pub(crate) fn new(key: &str, reason: &str, hint: &str) -> RuleError {
        RuleError { key: key.to_owned(), reason: reason.to_owned(), hint: hint.to_owned() }
    }
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.reason)?;
        if self.hint.is_empty() { Ok(()) } else { write!(f, ". {}", self.hint) }
    }
}

impl std::error::Error for RuleError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_every_rule_has_a_name() {
        let mut names: Vec<_> = (0..count()).map(|number| name(RuleId(number as u16))).collect();
        assert!(names.len() > 250);
        names.sort_unstable();
        let before = names.len();
        names.dedup();
        assert_eq!(before, names.len());
        assert_eq!(name(RuleId::WALLET), "pii.wallet");
    }
}
