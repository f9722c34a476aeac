//! Every row of the table of providers: found wherever a token may stand, and not found in what is only like it.
#![allow(clippy::unwrap_used)]

mod support;

use support::{Fakes, plain, policy};
use t800_core::redact::{KeyClass, Redactor, Rule, Scratch, catalogue};

const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// The rows that a front tells.
fn formats() -> impl Iterator<Item = Rule> {
    catalogue().filter(|rule| !rule.front.is_empty())
}

/// What is drawn behind the front of a row.
fn tail(rule: &Rule, fakes: &mut Fakes) -> String {
    let letters = match rule.class {
        "[0-9A-Fa-f]" => "0123456789abcdef".to_owned(),
        "[A-Z0-9]" => format!("{}0123456789", &LETTERS[26..]),
        "[a-z0-9]" => format!("{}0123456789", &LETTERS[..26]),
        _ => format!("{LETTERS}0123456789"),
    };
    fakes.draw(&letters, rule.least.max(20))
}

/// Ids of the rules that find something in a text.
fn found(redactor: &Redactor, text: &str) -> Vec<String> {
    let mut scratch = Scratch::default();
    redactor.text(KeyClass::PLAIN, text, &mut scratch);
    scratch.findings.iter().map(|finding| redactor.rule_name(finding.rule).to_owned()).collect()
}

#[test]
fn every_format_is_found_in_every_place() {
    const PLACES: [(&str, &str); 9] = [
        ("", ""),
        ("'", "'"),
        ("value=", "\n"),
        ("{\"value\": \"", "\"}"),
        ("https://example.com/a?page=2&q=", "&n=1"),
        ("The server refused ", "."),
        ("curl -H 'Authorization: Bearer ", "' example.com"),
        ("1,alpha,", "\n2,beta,none"),
        ("\u{1b}[32m", "\u{1b}[0m ok"),
    ];
    let redactor = Redactor::new(&policy()).unwrap();
    let mut missed = Vec::new();
    for (number, rule) in formats().enumerate() {
        for (before, after) in PLACES {
            let left = (0..10).filter(|seed| {
                let tail = tail(&rule, &mut Fakes::new(number as u64 * 10 + seed));
                plain(&redactor, &format!("{before}{}{tail}{after}", rule.front)).contains(&tail)
            });
            let left = left.count();
            if left > 0 {
                missed.push(format!("{} behind {before:?}: {left} of 10", rule.id));
            }
        }
    }
    assert!(missed.is_empty(), "{} missed:\n{}", missed.len(), missed.join("\n"));
}

#[test]
fn what_is_only_like_a_format_is_not_found() {
    let redactor = Redactor::new(&policy()).unwrap();
    let mut wrong = Vec::new();
    for (number, rule) in formats().enumerate() {
        let tail = tail(&rule, &mut Fakes::new(number as u64));
        let front = rule.front;
        for near in [
            format!("see {front}{} there", &tail[..rule.least.min(6) - 1]),
            format!("see {front}this-is-only-an-example-of-a-name-made-of-words there"),
            format!("see {front}{} there", "x".repeat(rule.least.max(12))),
            format!("see {front}{} there", "*".repeat(rule.least.max(12))),
            format!("see {front}... there"),
            format!("see {front}YOUR_TOKEN_HERE there"),
            format!("see {front}<token> there"),
        ] {
            if found(&redactor, &near).iter().any(|id| id == rule.id) {
                wrong.push(format!("{}: {near}", rule.id));
            }
        }
        let inside = format!("see Some{front}{tail} there");
        if !front.starts_with('.') && found(&redactor, &inside).iter().any(|id| id == rule.id) {
            wrong.push(format!("{}: {inside}", rule.id));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_token_with_its_checksum_goes_even_where_it_reads_like_a_placeholder() {
    let rule = formats().find(|rule| rule.checksum).unwrap();
    let redactor = Redactor::new(&policy()).unwrap();
    let body = "x".repeat(30);
    let sum = crc(body.as_bytes());
    let closed = format!("{}{body}{sum}", rule.front);
    assert!(!plain(&redactor, &closed).contains(&body), "{closed}");
    let open = format!("{}{body}xxxxxx", rule.front);
    assert_eq!(plain(&redactor, &open), open);
}

/// CRC-32 in six digits of base 62, written here a second time so that the two are compared.
fn crc(bytes: &[u8]) -> String {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 };
        }
    }
    let digits: Vec<char> = format!("0123456789{}{}", &LETTERS[26..], &LETTERS[..26]).chars().collect();
    let mut sum = !sum;
    let mut written = Vec::new();
    for _ in 0..6 {
        written.push(digits[(sum % 62) as usize]);
        sum /= 62;
    }
    written.iter().rev().collect()
}
