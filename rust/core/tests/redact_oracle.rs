//! The scanner against an oracle of regular expressions: what they find of planted tokens, it covers.
//!
//! The equality that holds, for every row of the table of providers and for the general formats below:
//!
//! - **Covered.** A token whose characters are drawn at random stands between two borders in text without escapes. Of
//!   each match of the format's expression that holds the token, the secret (all of it, or what stands behind a front
//!   that ends in a sign, or the group) lies wholly inside what the scanner finds.
//! - **Nothing else.** In text of harmless words, small numbers and signs, in which no expression matches, the scanner
//!   finds nothing.
//!
//! Left out is what the scanner judges beyond the expression: tails that read as words or placeholders, numbers that
//! documentation uses, and addresses behind `>`, which read as the bound of a version.
#![allow(clippy::unwrap_used)]

mod support;

use proptest::prelude::*;
use regex::Regex;
use std::sync::LazyLock;
use support::{Fakes, policy};
use t800_core::redact::{KeyClass, Redactor, Rule, Scratch, Verdict, catalogue};

static REDACTOR: LazyLock<Redactor> = LazyLock::new(|| Redactor::new(&policy()).unwrap());
static ROWS: LazyLock<Vec<Row>> =
    LazyLock::new(|| catalogue().filter(|rule| !rule.front.is_empty()).map(Row::new).collect());

const BEFORE: [&str; 13] = ["", " ", "\n", "\"", "'", "=", ": ", "(", "[", ",", "`", ">", "\t"];
const AFTER: [&str; 12] = ["", " ", "\n", "\" ", "' ", ") ", "] ", ", ", "; ", "` ", "</", " and "];
const WORDS: [&str; 24] = [
    "the", "parcel", "leaves", "at", "noon", "and", "nobody", "waits", "for", "it", "while", "rain", "falls",
    "on", "roof", "tiles", "of", "barn", "we", "read", "lines", "from", "left", "to",
];
/// Shorter tails can be words; the scanner asks them for more than their length.
const DRAWN: usize = 32;

struct Row {
    rule: Rule,
    oracle: Regex,
}

impl Row {
    fn new(rule: Rule) -> Row {
        let front = regex::escape(rule.front);
        let oracle = Regex::new(&format!("{front}{}{{{},}}", rule.class, rule.least)).unwrap();
        Row { rule, oracle }
    }

    /// A token with a tail of its class, drawn until it has what random text of that length has: digits, and letters
    /// of each case that the class holds.
    fn token(&self, fakes: &mut Fakes) -> String {
        let alphabet: String = match self.rule.class {
            "[0-9A-Fa-f]" => "0123456789abcdef".to_owned(),
            _ => (' '..='~').filter(|c| self.in_class(*c)).collect(),
        };
        let short = matches!(self.rule.class, "[0-9A-Fa-f]" | "[A-Z0-9]" | "[a-z0-9]");
        let length = if short {
            self.rule.least + fakes.below(5)
        } else {
            self.rule.least.max(DRAWN) + fakes.below(9)
        };
        loop {
            let tail = fakes.draw(&alphabet, length);
            let digits = tail.bytes().filter(u8::is_ascii_digit).count();
            let varied = |kind: fn(&u8) -> bool| {
                !alphabet.bytes().any(|b| kind(&b)) || tail.bytes().filter(kind).count() > 1
            };
            let ends = tail.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
                && tail.bytes().last().is_some_and(|b| b.is_ascii_alphanumeric());
            if digits > 2 && ends && varied(u8::is_ascii_lowercase) && varied(u8::is_ascii_uppercase) {
                return format!("{}{tail}", self.rule.front);
            }
        }
    }

    /// Signs inside a tail end it in some places; letters, digits, `_` and `-` never do.
    fn in_class(&self, letter: char) -> bool {
        let inner = self.rule.class.trim_matches(['[', ']']);
        let range = match letter {
            'a'..='z' => "a-z",
            'A'..='Z' => "A-Z",
            '0'..='9' => "0-9",
            _ => "",
        };
        let signs = inner.replace("A-Z", "").replace("a-z", "").replace("0-9", "");
        if range.is_empty() {
            matches!(letter, '_' | '-') && signs.contains(letter)
        } else {
            inner.contains(range)
        }
    }
}

type Make = fn(&mut Fakes) -> String;
type Counts = fn(&str) -> bool;

/// A general format: how one is made, what finds it, and what a find must be to count.
struct Shape {
    name: &'static str,
    oracle: Regex,
    make: Make,
    counts: Counts,
}

static SHAPES: LazyLock<Vec<Shape>> = LazyLock::new(|| {
    let all: [(&str, &str, Make, Counts); 8] = [
        ("jwt", r"(eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,})", jwt, |_| true),
        ("pem", r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----\s+([A-Za-z0-9+/=\s]+?)\s+-----END", pem, |_| true),
        ("e-mail", r"([a-z0-9.]+@[a-z0-9]+\.(?:com|net|org|de))", email, |_| true),
        ("ipv4", r"\b((?:[0-9]{1,3}\.){3}[0-9]{1,3})\b", ipv4, is_public),
        ("card", r"\b([0-9](?:[ -]?[0-9]){12,18})\b", card, luhn),
        ("iban", r"\b([A-Z]{2}[0-9]{2}[0-9A-Z]{11,30})\b", iban, |code| mod97(code) == 1),
        ("url", r"[a-z]+://[^\s:/@]+:([^\s/@]+)@", url, |_| true),
        (
            "assignment",
            "(?i)(?:password|secret)[\"']?[ \t]*[:=][ \t]*[\"']?([A-Za-z0-9.!#*+~-]{12,})",
            assignment,
            |_| true,
        ),
    ];
    all.map(|(name, oracle, make, counts)| Shape { name, oracle: Regex::new(oracle).unwrap(), make, counts })
        .into()
});

fn base64url(text: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bits = chunk.iter().fold(0u32, |bits, b| bits << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        out.extend((0..=chunk.len()).map(|i| char::from(LETTERS[(bits >> (18 - 6 * i) & 63) as usize])));
    }
    out
}

fn jwt(fakes: &mut Fakes) -> String {
    let body = format!("{{\"sub\":\"{}\",\"iat\":{}}}", fakes.alnum(10), fakes.below(1 << 30));
    format!("{}.{}.{}", base64url("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"), base64url(&body), fakes.alnum(43))
}

fn pem(fakes: &mut Fakes) -> String {
    let kind = ["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "][fakes.below(5)];
    let lines: Vec<String> = (0..2 + fakes.below(20)).map(|_| fakes.alnum(64)).collect();
    let label = format!("{kind}PRIVATE KEY");
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----", lines.join("\n"))
}

fn email(fakes: &mut Fakes) -> String {
    let letters = "bcdfghjklmnprstvwz";
    let (local, host) = (fakes.draw(letters, 6), fakes.draw(letters, 8));
    format!("{local}.{}@{host}.{}", fakes.below(90) + 10, ["com", "net", "org", "de"][fakes.below(4)])
}

fn ipv4(fakes: &mut Fakes) -> String {
    let mut octet = |from: usize, to: usize| from + fakes.below(to - from);
    format!("{}.{}.{}.{}", octet(50, 90), octet(30, 250), octet(30, 250), octet(30, 250))
}

fn is_public(address: &str) -> bool {
    let octets: Vec<u32> = address.split('.').map(|octet| octet.parse().unwrap()).collect();
    (50..90).contains(&octets[0]) && octets.iter().all(|octet| (30..256).contains(octet))
}

fn digits(text: &str) -> Vec<u32> {
    text.chars().filter_map(|c| c.to_digit(10)).collect()
}

fn luhn(number: &str) -> bool {
    let doubled = |(place, digit): (usize, &u32)| match (place % 2, digit * 2) {
        (0, _) => *digit,
        (_, twice) => twice - if twice > 9 { 9 } else { 0 },
    };
    digits(number).iter().rev().enumerate().map(doubled).sum::<u32>().is_multiple_of(10)
}

fn card(fakes: &mut Fakes) -> String {
    let front = format!("4{}", fakes.draw("123456789", 14));
    let number = (0..10).map(|check| format!("{front}{check}")).find(|number| luhn(number)).unwrap();
    let sign = ["", " ", "-"][fakes.below(3)];
    number.as_bytes().chunks(4).map(|four| String::from_utf8_lossy(four)).collect::<Vec<_>>().join(sign)
}

fn mod97(code: &str) -> u32 {
    let turned = code[4..].chars().chain(code[..4].chars());
    turned
        .filter_map(|c| c.to_digit(36))
        .fold(0, |rest, value| (rest * if value > 9 { 100 } else { 10 } + value) % 97)
}

fn iban(fakes: &mut Fakes) -> String {
    let account = fakes.draw("0123456789", 18);
    let check = 98 - mod97(&format!("DE00{account}"));
    format!("DE{check:02}{account}")
}

fn url(fakes: &mut Fakes) -> String {
    let scheme = ["https", "postgres", "redis", "amqp", "mongodb", "ftp"][fakes.below(6)];
    format!("{scheme}://app:{}@db1.acme.dev:5432/shop", fakes.alnum(14))
}

fn assignment(fakes: &mut Fakes) -> String {
    let name = ["password", "DB_PASSWORD", "client_secret"][fakes.below(3)];
    let (open, close) = [("", ""), ("\"", "\""), ("'", "'")][fakes.below(3)];
    // Without quotes, `name = word and …` and `name: word` may be code.
    let sign = ["=", ": ", " = "][if open.is_empty() { 0 } else { fakes.below(3) }];
    // Behind a bracket or a sign the same may be the argument of a call.
    format!("\n{name}{sign}{open}{}7{close}", fakes.alnum(13))
}

fn findings(text: &str) -> Vec<(usize, usize)> {
    let mut scratch = Scratch::default();
    match REDACTOR.text(KeyClass::PLAIN, text, &mut scratch) {
        Verdict::Keep => Vec::new(),
        Verdict::Whole => vec![(0, text.len())],
        Verdict::Spans => {
            scratch.findings.iter().map(|found| (found.start as usize, found.end as usize)).collect()
        }
    }
}

fn prose(fakes: &mut Fakes) -> String {
    let count = fakes.below(12);
    (0..count).map(|_| WORDS[fakes.below(WORDS.len())]).collect::<Vec<_>>().join(" ")
}

/// The token between borders, in prose, and where it stands.
fn planted(token: &str, fakes: &mut Fakes) -> (String, usize) {
    let before = format!("{}{}", prose(fakes), BEFORE[fakes.below(BEFORE.len())]);
    // A border of nothing is the end of the text.
    let before =
        if before.ends_with(|c: char| c.is_ascii_alphanumeric()) { format!("{before} ") } else { before };
    let border = AFTER[fakes.below(AFTER.len())];
    let after = if border.is_empty() { String::new() } else { format!("{border}{}", prose(fakes)) };
    (format!("{before}{token}{after}"), before.len())
}

/// What the oracle finds over the planted token and the scanner leaves, told as text.
fn uncovered(text: &str, token: (usize, usize), secrets: &[(usize, usize)]) -> Option<String> {
    let found = findings(text);
    let over: Vec<_> = secrets.iter().filter(|(start, end)| *start < token.1 && token.0 < *end).collect();
    if over.is_empty() {
        return Some(format!("the oracle is blind: {text:?}"));
    }
    let left = over.iter().find(|(start, end)| !found.iter().any(|(from, to)| from <= start && end <= to));
    left.map(|secret| format!("{text:?}: {secret:?} is not in {found:?}"))
}

impl Row {
    /// What the expression of the row finds: all of it, or what stands behind a front that ends in a sign.
    fn secrets(&self, text: &str) -> Vec<(usize, usize)> {
        let front = self.rule.front;
        let kept = front
            .rfind(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'))
            .map_or(0, |at| at + 1);
        self.oracle.find_iter(text).map(|hit| (hit.start() + kept, hit.end())).collect()
    }
}

impl Shape {
    fn secrets(&self, text: &str) -> Vec<(usize, usize)> {
        let groups = self.oracle.captures_iter(text).filter_map(|captures| captures.get(1));
        groups
            .filter(|group| (self.counts)(group.as_str()))
            .map(|group| (group.start(), group.end()))
            .collect()
    }
}

#[test]
fn every_row_covers_what_its_expression_finds() {
    let mut failed = Vec::new();
    for (number, row) in ROWS.iter().enumerate() {
        let mut fakes = Fakes::new(number as u64 + 1);
        for _ in 0..24 {
            let token = row.token(&mut fakes);
            let (text, at) = planted(&token, &mut fakes);
            if let Some(left) = uncovered(&text, (at, at + token.len()), &row.secrets(&text)) {
                failed.push(format!("{}: {left}", row.rule.id));
                break;
            }
        }
    }
    assert!(ROWS.len() > 250, "{}", ROWS.len());
    assert!(failed.is_empty(), "{} rows:\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn every_general_format_covers_what_its_expression_finds() {
    for shape in SHAPES.iter() {
        let mut fakes = Fakes::new(77);
        for _ in 0..400 {
            let token = (shape.make)(&mut fakes);
            let (text, at) = planted(&token, &mut fakes);
            if shape.name == "ipv4" && text[..at].ends_with('>') {
                continue;
            }
            let left = uncovered(&text, (at, at + token.len()), &shape.secrets(&text));
            assert!(left.is_none(), "{}: {}", shape.name, left.unwrap_or_default());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Several tokens in one text, a line each.
    #[test]
    fn tokens_hide_no_other_token(seed in any::<u64>(), kinds in prop::collection::vec(any::<prop::sample::Index>(), 1..6)) {
        let mut fakes = Fakes::new(seed);
        let (mut text, mut places) = (String::new(), Vec::new());
        for kind in &kinds {
            let kind = kind.index(ROWS.len() + 20 * SHAPES.len());
            let token = match ROWS.get(kind) {
                Some(row) => row.token(&mut fakes),
                None => (SHAPES[(kind - ROWS.len()) / 20].make)(&mut fakes),
            };
            let (piece, at) = planted(&token, &mut fakes);
            let piece = piece.replace('>', " ");
            places.push((kind, text.len() + at, text.len() + at + token.len()));
            text.push_str(&piece);
            text.push('\n');
        }
        for (kind, start, end) in places {
            let secrets = ROWS.get(kind).map_or_else(|| SHAPES[(kind - ROWS.len()) / 20].secrets(&text), |row| row.secrets(&text));
            let left = uncovered(&text, (start, end), &secrets);
            prop_assert!(left.is_none(), "{}", left.unwrap_or_default());
        }
    }

    #[test]
    fn where_no_expression_matches_nothing_is_found(
        pieces in prop::collection::vec((0..WORDS.len(), "( |, |\\.\n|\n| = |: |=|/|-|_| \\(|\\) |\t| [0-9]{1,4} | \"|\" |; )"), 1..60),
    ) {
        let text: String = pieces.iter().flat_map(|(word, glue)| [WORDS[*word], glue]).collect();
        let silent = SHAPES.iter().all(|shape| shape.secrets(&text).is_empty())
            && ROWS.iter().all(|row| !text.contains(row.rule.front));
        prop_assume!(silent);
        prop_assert_eq!(findings(&text), [], "{}", text);
    }
}
