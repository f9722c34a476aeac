//! The rules: what a finding is counted under, and the table of provider formats.
//!
//! Formats of tokens are facts that their issuers publish. A row says: after `front`, at least `min` characters of
//! `tail` make a token of `provider`. Formats without a front are [`SHAPES`]; `tokens/shapes.rs` recognises them.

pub(crate) mod checksum;

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
    PATH "path.sensitive" "A path into a sensitive directory: `~/.ssh`, `~/.config`, `/etc` and the configured ones.",
    PROJECT_PATH "path.project" "The project root in front of a path.",
    HOME_PATH "path.home" "A home directory with its user's name.",
    ASSIGNED "secret.assigned" "A value assigned to a name that says it is secret; placeholders, references, types and calls stay.",
    PROSE "secret.prose" "A value behind a word that says it is secret, in 25 languages.",
    FLAG "secret.command" "A password among the arguments of a known command.",
    URL "secret.url" "A password or token in a URL.",
    COOKIE "secret.cookie" "The value of a cookie; names and attributes stay.",
    PRIVATE_KEY "secret.private-key" "A private key in PEM or a similar armour, also cut off.",
    JWT "secret.jwt" "A JSON web token, by its header.",
    HASHED "secret.password-hash" "A password hash in the format of `crypt`.",
    UNKNOWN "secret.unknown" "A random token of no known format, by a statistic trained on source code and prose.",
    ENCODED "secret.encoded" "A secret found after decoding base64, base32, hexadecimal or a dump.",
    IDENTITY "identity" "A literal that the machine knows of its user: login, host, git name, value of a sensitive variable.",
    EMAIL "pii.email" "An e-mail address; domains of documentation and `git@host:` stay.",
    PHONE "pii.phone" "A telephone number: behind `+` with a country code that exists, in a national form, or behind a label.",
    CARD "pii.card" "A payment card number: an issuer's range and the Luhn digit, or behind a label.",
    IBAN "pii.iban" "An international bank account number: country, its length, remainder modulo 97.",
    SSN "pii.us-ssn" "A US social security number, of an area and group that are issued.",
    IP "pii.ip" "A public IPv4 or IPv6 address; private, loopback and documentation ranges and versions stay.",
    MAC "pii.mac" "A hardware address; zeros, broadcast and fingerprints stay.",
    NATIONAL_ID "pii.national-id" "A national id, tax id, passport or licence number: behind a label, or alone in an unmistakable form with its check digit.",
    GEO "pii.geo" "Geographic coordinates behind a label, to three decimals and more.",
    BIRTH "pii.birth-date" "A date of birth behind a label.",
    NAME "pii.name" "The name of a person behind a key or label that names one.",
    ADDRESS "pii.address" "A postal address behind a key or label that names one.",
    WALLET "pii.wallet" "An address of a crypto-currency wallet, by its checksum or behind a label.",
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

    /// The characters as a regular expression writes them.
    fn class(self) -> &'static str {
        match self {
            Tail::Alnum => "[A-Za-z0-9]",
            Tail::Word => "[A-Za-z0-9_-]",
            Tail::Hex => "[0-9A-Fa-f]",
            Tail::Upper => "[A-Z0-9]",
            Tail::Lower => "[a-z0-9]",
            Tail::Base64 => "[A-Za-z0-9+/=_%-]",
            Tail::Dotted => "[A-Za-z0-9_.-]",
        }
    }
}

/// What a token of a format opens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Names and admits a program.
    ApiKey,
    /// Stands for a person or a service.
    Access,
    /// Buys access tokens.
    Refresh,
    /// Half of a pair: of a client, or for signatures.
    Secret,
    /// A password that the issuer made.
    Password,
    /// Signs or addresses calls back.
    Webhook,
    /// A session of a browser or a tool.
    Session,
    /// A private key.
    PrivateKey,
    /// A licence.
    Licence,
    /// An address of a person.
    Address,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::ApiKey => "API key",
            Kind::Access => "access token",
            Kind::Refresh => "refresh token",
            Kind::Secret => "secret",
            Kind::Password => "password",
            Kind::Webhook => "webhook secret",
            Kind::Session => "session token",
            Kind::PrivateKey => "private key",
            Kind::Licence => "licence key",
            Kind::Address => "address",
        }
    }
}

/// A format that a front does not tell: recognised by its build.
pub(crate) struct Shape {
    id: &'static str,
    provider: &'static str,
    kind: Kind,
    says: &'static str,
}

macro_rules! shapes {
    ($($name:ident $id:literal $provider:literal $kind:ident $says:literal,)*) => {
        /// Formats without a front, by number.
        const SHAPES: &[Shape] = &[$(Shape { id: $id, provider: $provider, kind: Kind::$kind, says: $says }),*];
        shapes!(@ids GENERAL.len() as u16; $($name,)*);
    };
    (@ids $number:expr; $name:ident, $($rest:tt)*) => {
        impl RuleId {
            pub(crate) const $name: RuleId = RuleId($number);
        }
        shapes!(@ids $number + 1; $($rest)*);
    };
    (@ids $number:expr;) => {};
}

shapes! {
    TELEGRAM "telegram.bot" "Telegram" Access "8 to 10 digits, `:`, `A`, 34 of `[A-Za-z0-9_-]`",
    DISCORD "discord.bot" "Discord" Access "23 to 28, 6 or 7, and 27 or more of `[A-Za-z0-9_-]`, joined by dots; `M`, `N` or `O` first",
    MAILCHIMP "mailchimp" "Mailchimp" ApiKey "32 hexadecimal digits, `-us`, 1 or 2 digits",
    MAXMIND "maxmind" "MaxMind" Licence "6 and 29 of `[A-Za-z0-9]`, joined by `_`, then `_mmk`",
    ENTRA "azure.client-secret" "Microsoft Entra ID" Secret "3 characters, a digit, `Q~`, 31 or more of `[A-Za-z0-9_.~-]`",
    NEWRELIC "newrelic.licence" "New Relic" Licence "36 hexadecimal digits, `NRAL`",
    GHOST "ghost.admin" "Ghost" ApiKey "24 and 64 hexadecimal digits, joined by `:`",
    ZHIPU "zhipu" "Zhipu AI" ApiKey "32 hexadecimal digits, a dot, 16 of `[A-Za-z0-9]`",
    ASANA "asana" "Asana" Access "`0/`, `1/` or `2/`, 13 or more digits, `:`, 32 hexadecimal digits",
    SALESFORCE "salesforce.session" "Salesforce" Session "`00D`, 12 or 15 of `[A-Za-z0-9]`, `!`, 60 or more of `[A-Za-z0-9_.]`",
    FAL "fal" "fal" ApiKey "a UUID, `:`, 32 hexadecimal digits",
    TWILIO "twilio.pair" "Twilio" Secret "`AC` and 32 hexadecimal digits, `:`, 32 hexadecimal digits",
    AWS_SECRET "aws.secret-key" "Amazon Web Services" Secret "40 of `[A-Za-z0-9+/]`, at most 100 characters behind an access key id",
}

/// One row of the table of providers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Format {
    /// Readable id, as it is counted.
    pub(crate) id: &'static str,
    /// Who issues it.
    provider: &'static str,
    kind: Kind,
    /// What a token of it starts with.
    pub(crate) front: &'static str,
    /// What follows.
    pub(crate) tail: Tail,
    /// How much of it at least.
    pub(crate) min: usize,
}

const fn row(
    id: &'static str,
    provider: &'static str,
    kind: Kind,
    front: &'static str,
    tail: Tail,
    min: usize,
) -> Format {
    Format { id, provider, kind, front, tail, min }
}

impl Format {
    /// Whether a token ends in a checksum over the rest of it.
    fn has_checksum(&self) -> bool {
        self.tail == Tail::Alnum && self.front.len() == 4 && matches!(self.provider, "GitHub" | "npm")
    }

    /// Whether the checksum of this tail is right, which no text has by chance.
    pub(crate) fn is_checked(&self, tail: &[u8]) -> bool {
        self.has_checksum() && checksum::closes(tail)
    }
}

include!("providers.rs");

/// The rows by two bytes of their fronts, for look-up.
struct Index {
    /// By the first two bytes, longest first.
    by_start: Vec<Vec<u16>>,
    /// Formats whose front holds a sign that splits words, by that sign and the byte before it, with the length of
    /// the front up to and with the last such sign.
    by_sign: Vec<Vec<(u16, usize)>>,
    /// A bit for the first three bytes of each front: nearly everything that is no token fails here.
    starts: Vec<u64>,
}

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let mut index = Index {
        by_start: vec![Vec::new(); 1024],
        by_sign: vec![Vec::new(); 1024],
        starts: vec![0; START_BITS / 64],
    };
    for (number, format) in FORMATS.iter().enumerate() {
        let front = format.front.as_bytes();
        if let Some(sign) =
            front.iter().rposition(|b| !(b.is_ascii_alphanumeric() || *b == b'_' || *b == b'-'))
        {
            index.by_sign[slot(front[sign - 1], front[sign])].push((number as u16, sign + 1));
            continue;
        }
        index.by_start[slot(front[0], front[1])].push(number as u16);
        let thirds = front.get(2).map_or(0..=255, |third| *third..=*third);
        thirds.for_each(|third| set_start(&mut index.starts, [front[0], front[1], third]));
    }
    let length = |number: &u16| std::cmp::Reverse(FORMATS[usize::from(*number)].front.len());
    index.by_start.iter_mut().for_each(|list| list.sort_by_key(length));
    index.by_sign.iter_mut().for_each(|list| list.sort_by_key(|(number, _)| length(number)));
    index
});

fn slot(first: u8, second: u8) -> usize {
    (usize::from(first) * 37 + usize::from(second)) & 1023
}

const START_BITS: usize = 1 << 15;

fn start_bit([a, b, c]: [u8; 3]) -> usize {
    let bytes = u32::from_le_bytes([a, b, c, 0]);
    (bytes.wrapping_mul(0x9e37_79b1) >> 17) as usize % START_BITS
}

fn set_start(starts: &mut [u64], bytes: [u8; 3]) {
    let bit = start_bit(bytes);
    starts[bit / 64] |= 1 << (bit % 64);
}

/// The set of all starts of fronts, to be asked at many places.
pub(crate) struct Starts(&'static [u64]);

/// Where fronts can start.
pub(crate) fn starts() -> Starts {
    Starts(&INDEX.starts)
}

impl Starts {
    /// Whether a front may start with these three bytes.
    pub(crate) fn has(&self, bytes: [u8; 3]) -> bool {
        let bit = start_bit(bytes);
        self.0[bit / 64] >> (bit % 64) & 1 == 1
    }
}

/// The formats whose front may start with these two bytes, longest first.
pub(crate) fn starting_with(first: u8, second: u8) -> impl Iterator<Item = (RuleId, &'static Format)> {
    INDEX.by_start[slot(first, second)].iter().map(|number| numbered(*number))
}

/// The formats whose front holds a sign that splits words (`hvs.`, `v1.0-`, `endr+`) behind `before`, and how much of
/// the front stands before the next run of word characters.
pub(crate) fn with_sign(before: u8, sign: u8) -> impl Iterator<Item = (RuleId, &'static Format, usize)> {
    INDEX.by_sign[slot(before, sign)].iter().map(|(number, split)| {
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
    (RuleId((GENERAL.len() + SHAPES.len()) as u16 + number), &FORMATS[usize::from(number)])
}

/// One rule, for people.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Readable id, as findings are counted under.
    pub id: &'static str,
    /// Who issues the tokens; empty for a general rule.
    pub provider: &'static str,
    /// What they are; empty for a general rule.
    pub kind: &'static str,
    /// How they are recognised, in words or as a regular expression; of a general rule what it finds.
    pub recognised: String,
    /// What such a token starts with; empty where a front does not tell.
    pub front: &'static str,
    /// The characters behind the front, as a regular expression writes them.
    pub class: &'static str,
    /// How many of them there are at least.
    pub least: usize,
    /// Whether a checksum makes sure.
    pub checksum: bool,
}

/// Every rule: the general ones, formats without a front, the table of providers.
pub fn catalogue() -> impl Iterator<Item = Rule> {
    let bare = |id, provider, kind, says: &str| Rule {
        id,
        provider,
        kind,
        recognised: says.to_owned(),
        front: "",
        class: "",
        least: 0,
        checksum: false,
    };
    let general = GENERAL.iter().map(move |(id, says)| bare(*id, "", "", says));
    let shapes =
        SHAPES.iter().map(move |shape| bare(shape.id, shape.provider, shape.kind.name(), shape.says));
    let formats = FORMATS.iter().map(|format| Rule {
        id: format.id,
        provider: format.provider,
        kind: format.kind.name(),
        recognised: format!("`{}`, {} or more of `{}`", format.front, format.min, format.tail.class()),
        front: format.front,
        class: format.tail.class(),
        least: format.min,
        checksum: format.has_checksum(),
    });
    general.chain(shapes).chain(formats)
}

/// The readable id of a rule.
pub(crate) fn name(rule: RuleId) -> &'static str {
    let mut number = usize::from(rule.0);
    if let Some((id, _)) = GENERAL.get(number) {
        return id;
    }
    number -= GENERAL.len();
    match SHAPES.get(number) {
        Some(shape) => shape.id,
        None => FORMATS.get(number - SHAPES.len()).map_or("unknown", |format| format.id),
    }
}

/// How many rules there are.
pub(crate) fn count() -> usize {
    GENERAL.len() + SHAPES.len() + FORMATS.len()
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
        assert_eq!(name(RuleId::AWS_SECRET), "aws.secret-key");
    }

    #[test]
    fn every_rule_is_listed_under_its_own_number() {
        for (number, rule) in catalogue().enumerate() {
            assert_eq!(rule.id, name(RuleId(number as u16)));
            assert!(!rule.recognised.is_empty());
        }
        assert_eq!(catalogue().count(), count());
    }

    #[test]
    fn the_table_covers_the_providers() {
        let providers: std::collections::HashSet<_> = catalogue().map(|rule| rule.provider).collect();
        assert!(providers.len() >= 250, "{}", providers.len());
    }
}
