//! Formats that no front tells: parts of fixed lengths joined by signs, or a fixed end.

use super::unknown::{Shape, is_uuid};
use super::word_start;
use crate::redact::rules::{RuleId, Tail};

type Found = Option<(usize, usize, RuleId)>;

/// Looks at a maximal run of word characters that is in no format with a front.
pub(crate) fn at_run(text: &[u8], start: usize, end: usize) -> Found {
    let run = &text[start..end];
    if let Some(found) = by_end(run) {
        return Some((start, end, found));
    }
    match start.checked_sub(1).map(|before| text[before]) {
        Some(b':') => after_colon(text, start, run),
        Some(b'~') => entra(text, start),
        Some(b'!') => salesforce(text, start),
        Some(b'.') => after_dot(text, start, run),
        _ => discord(text, start, end),
    }
}

fn is_hex(part: &[u8]) -> bool {
    part.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_digits(part: &[u8]) -> bool {
    part.iter().all(u8::is_ascii_digit)
}

fn word_before(text: &[u8], end: usize) -> &[u8] {
    &text[word_start(text, end)..end]
}

fn by_end(run: &[u8]) -> Option<RuleId> {
    match run.len() {
        36 | 37 if is_hex(&run[..32]) && run[32..].starts_with(b"-us") && is_digits(&run[35..]) => {
            Some(RuleId::MAILCHIMP)
        }
        40 if run.ends_with(b"_mmk") && run[6] == b'_' => Some(RuleId::MAXMIND),
        40 if run.ends_with(b"NRAL") && is_hex(&run[..36]) => Some(RuleId::NEWRELIC),
        _ => None,
    }
}

fn after_colon(text: &[u8], start: usize, run: &[u8]) -> Found {
    if !matches!(run.len(), 32 | 35 | 64) {
        return None;
    }
    let end = start + run.len();
    let front = word_before(text, start - 1);
    let from = start - 1 - front.len();
    match run.len() {
        35 if run[0] == b'A' && (8..=10).contains(&front.len()) && is_digits(front) => {
            Shape::of(run).is_random().then_some((from, end, RuleId::TELEGRAM))
        }
        64 if front.len() == 24 && is_hex(front) && is_hex(run) => Some((from, end, RuleId::GHOST)),
        32 if is_hex(run) => {
            if front.len() == 34 && front.starts_with(b"AC") && is_hex(&front[2..]) {
                return Some((start, end, RuleId::TWILIO));
            }
            if is_uuid(front) {
                return Some((from, end, RuleId::FAL));
            }
            let asana = front.len() >= 13
                && is_digits(front)
                && from >= 2
                && text[from - 1] == b'/'
                && matches!(text[from - 2], b'0'..=b'2');
            asana.then(|| (from - 2, end, RuleId::ASANA))
        }
        _ => None,
    }
}

fn entra(text: &[u8], start: usize) -> Found {
    let from = start.checked_sub(6)?;
    let part = |b: &u8| Tail::Dotted.has(*b) || *b == b'~';
    let marked =
        text[start - 2] == b'Q' && text[start - 3].is_ascii_digit() && text[from..start].iter().all(part);
    if !marked {
        return None;
    }
    let length = text[start..].iter().take(64).take_while(|b| part(b)).count();
    let drawn = (31..=40).contains(&length) && Shape::of(&text[start..start + length]).mixes_three();
    drawn.then_some((from, start + length, RuleId::ENTRA))
}

fn salesforce(text: &[u8], start: usize) -> Found {
    let front = word_before(text, start - 1);
    let length = text[start..].iter().take(200).take_while(|b| Tail::Dotted.has(**b)).count();
    let whole = matches!(front.len(), 15 | 18) && front.starts_with(b"00D") && length >= 60;
    whole.then_some((start - 1 - front.len(), start + length, RuleId::SALESFORCE))
}

fn after_dot(text: &[u8], start: usize, run: &[u8]) -> Found {
    if run.len() != 16 {
        return None;
    }
    let front = word_before(text, start - 1);
    let zhipu = front.len() == 32
        && is_hex(front)
        && front.iter().any(u8::is_ascii_digit)
        && run.iter().all(u8::is_ascii_alphanumeric)
        && Shape::of(run).is_random();
    zhipu.then(|| (start - 1 - front.len(), start + run.len(), RuleId::ZHIPU))
}

fn discord(text: &[u8], start: usize, end: usize) -> Found {
    let part = |from: usize| text[from..].iter().take(120).take_while(|b| Tail::Word.has(**b)).count();
    if !(23..=28).contains(&(end - start))
        || !matches!(text[start], b'M'..=b'O')
        || text.get(end) != Some(&b'.')
    {
        return None;
    }
    let middle = end + 1 + part(end + 1);
    if !matches!(middle - end - 1, 6 | 7) || text.get(middle) != Some(&b'.') {
        return None;
    }
    let last = middle + 1 + part(middle + 1);
    let drawn = (27..=64).contains(&(last - middle - 1)) && Shape::of(&text[middle + 1..last]).is_random();
    drawn.then_some((start, last, RuleId::DISCORD))
}

/// The secret that stands behind an AWS access key id, in a table or in prose.
pub(crate) fn aws_secret(text: &[u8], from: usize) -> Option<(usize, usize)> {
    const SECRET: usize = 40;
    let is_part = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
    let ceiling = text.len().min(from + 100 + SECRET);
    let mut at = from;
    while at + SECRET <= ceiling {
        let length = text[at..ceiling].iter().take_while(|b| is_part(**b)).count();
        if length == SECRET {
            let shape = Shape::of(&text[at..at + SECRET]);
            if shape.mixes_three() && shape.is_random() {
                return Some((at, at + SECRET));
            }
        }
        at += length + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::rules::name;

    fn found(text: &str) -> Option<(&'static str, String)> {
        let bytes = text.as_bytes();
        let word = |b: u8| Tail::Word.has(b);
        let mut at = 0;
        while at < bytes.len() {
            let length = bytes[at..].iter().take_while(|b| word(**b)).count();
            if length >= 12
                && let Some((from, to, rule)) = at_run(bytes, at, at + length)
            {
                return Some((name(rule), text[from..to].to_owned()));
            }
            at += length + 1;
        }
        None
    }

    const HEX: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    const DRAWN: &str = "x7Kq2mZp9Lw4Rt8Vb3NcJ5hG6fD1sQ0yTeUiOaWzXv";

    #[test]
    fn each_shape_is_found_whole() {
        let hex = |length: usize| &HEX[..length];
        let drawn = |length: usize| &DRAWN[..length];
        for (rule, token) in [
            ("telegram.bot", format!("{}:A{}", "123456789", drawn(34))),
            ("mailchimp", format!("{}-us{}", hex(32), 14)),
            ("maxmind", format!("{}_{}_mmk", drawn(6), drawn(29))),
            ("azure.client-secret", format!("abc8Q~{}", drawn(34))),
            ("newrelic.licence", format!("{}NRAL", hex(36))),
            ("ghost.admin", format!("{}:{}", hex(24), hex(64))),
            ("zhipu", format!("{}.{}", hex(32), drawn(16))),
            ("asana", format!("1/{}:{}", "1200000000001", hex(32))),
            ("salesforce.session", format!("00D{}!{}{}", drawn(12), drawn(40), drawn(30))),
            ("fal", format!("123e4567-e89b-42d3-a456-426614174000:{}", hex(32))),
            ("discord.bot", format!("M{}.{}.{}", drawn(25), drawn(6), drawn(27))),
        ] {
            assert_eq!(found(&format!("got {token}, then")), Some((rule, token.clone())), "{token}");
        }
        let pair = format!("AC{}:{}", hex(32), hex(32));
        assert_eq!(found(&pair), Some(("twilio.pair", hex(32).to_owned())));
    }

    #[test]
    fn what_is_like_a_shape_stays() {
        for text in [
            format!("10:30:{}", &HEX[..32]),
            format!("sha256:{HEX}"),
            format!("module.{}", &DRAWN[..16]),
            format!("{}-use", &HEX[..32]),
            format!("{}.min", &HEX[..32]),
            "Mississippi_river_banks.module.implementation_of_things_here".to_owned(),
            "see 12345678:Aardvarks_live_in_southern_africa_x".to_owned(),
        ] {
            assert_eq!(found(&text), None, "{text}");
        }
    }

    #[test]
    fn the_secret_behind_an_access_key_is_found_once() {
        let secret = &DRAWN[..40];
        let text = format!("AKIA{}, {secret},x", "IOSFODNN7ABCDEFG");
        assert_eq!(aws_secret(text.as_bytes(), 20), Some((22, 62)));
        assert_eq!(aws_secret(b", then words of no interest to anybody who reads them slowly", 0), None);
        assert_eq!(aws_secret(HEX.as_bytes(), 0), None);
    }
}
