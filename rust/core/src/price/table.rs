//! The table of prices: names of providers and models to what a million tokens cost.
//!
//! `prices/prices.txt` is read as it stands, and only at a model that was not asked for before: a look-up goes through
//! the lines of one provider. `prices/refresh.py` makes it from the data of genai-prices:
//!
//! - `>id TAB names TAB models TAB others`: a provider, by what else it is called, the models that tell it where nobody
//!   named it, and the providers whose models it has, too;
//! - `names TAB prices TAB prices …`: a model of it. The last prices that hold at the time of the call count, else the
//!   first. `@2026-03-13` before them: from that day on; `@16:30:00-00:30:00`: at that time of day; both in UTC.
//! - Names are alternatives by `|`, each of patterns by `&` that must all fit; `!` before one: it must not fit. `*` is
//!   an open end, `#` a digit.
//! - Prices are `in=3 out=15 read=0.3 write=3.75 think=… call=…`; `in=3;200000:6` is 6 for all tokens of a call with
//!   more than 200,000 of input.

use super::{Period, Rate, Rates, When};

const TABLE: &str = include_str!("../../prices/prices.txt");

/// The prices of a model of this provider, both in lower case; None where the table does not know them.
pub(super) fn find(provider: Option<&str>, model: &str) -> Option<Vec<Period>> {
    let (provider, model) = unwrapped(provider, model);
    match provider {
        Some(name) => model_of(section_named(name)?, model),
        None => match section_of_model(model) {
            Some(section) => model_of(section, model),
            // `openai/gpt-4o`, as routers name it.
            None => model.split_once('/').and_then(|(name, model)| model_of(section_named(name)?, model)),
        },
    }
}

/// `LiteLLM` names the provider within the model.
fn unwrapped<'a>(provider: Option<&'a str>, model: &'a str) -> (Option<&'a str>, &'a str) {
    match (provider, model.split_once('/')) {
        (Some("litellm"), Some((name, inner))) if section_named(name).is_some() => (Some(name), inner),
        (Some("litellm"), _) => (None, model),
        _ => (provider, model),
    }
}

/// One provider: its head and the lines of its models.
#[derive(Clone, Copy)]
struct Section<'a> {
    id: &'a str,
    names: &'a str,
    models: &'a str,
    others: &'a str,
    lines: &'a str,
}

fn sections() -> impl Iterator<Item = Section<'static>> {
    // What stands before the first provider says where the data is from.
    TABLE.split("\n>").skip(1).map(|text| {
        let (head, lines) = text.split_once('\n').unwrap_or((text, ""));
        let mut fields = head.split('\t');
        let mut next = || fields.next().unwrap_or("");
        Section { id: next(), names: next(), models: next(), others: next(), lines }
    })
}

fn section_named(name: &str) -> Option<Section<'static>> {
    let name = name.trim();
    sections()
        .find(|section| section.id == name)
        .or_else(|| sections().find(|section| fits(section.names, name)))
}

fn section_of_model(model: &str) -> Option<Section<'static>> {
    sections().find(|section| fits(section.models, model))
}

fn model_of(section: Section<'static>, model: &str) -> Option<Vec<Period>> {
    line_of(section, model)
        .or_else(|| with_dashed_date(model).and_then(|model| line_of(section, &model)))
        .and_then(|line| line.split('\t').skip(1).map(period).collect())
}

fn line_of(section: Section<'static>, model: &str) -> Option<&'static str> {
    let here = |section: Section<'static>| {
        section.lines.lines().find(|line| fits(line.split('\t').next().unwrap_or(""), model))
    };
    let lent = || {
        section.others.split(',').filter_map(|id| sections().find(|section| section.id == id)).find_map(here)
    };
    here(section).or_else(lent)
}

/// `gpt-5.2-20251211`, as routers write a date, as `gpt-5.2-2025-12-11`.
fn with_dashed_date(model: &str) -> Option<String> {
    let (at, _) = model.match_indices("-20").find(|(at, _)| is_date(&model.as_bytes()[at + 1..]))?;
    let (year, rest) = (&model[..at + 5], &model[at + 5..]);
    Some(format!("{year}-{}-{}", &rest[..2], &rest[2..]))
}

/// Eight digits of a date, and nothing of the name behind them.
fn is_date(text: &[u8]) -> bool {
    text.len() >= 8
        && text[..8].iter().all(u8::is_ascii_digit)
        && matches!(&text[4..6], [b'0', b'1'..=b'9'] | [b'1', b'0'..=b'2'])
        && matches!(&text[6..8], [b'0', b'1'..=b'9'] | [b'1' | b'2', _] | [b'3', b'0' | b'1'])
        && matches!(text.get(8), None | Some(b'-' | b':'))
}

/// Whether one of the alternatives fits.
fn fits(names: &str, text: &str) -> bool {
    !names.is_empty()
        && names.split('|').any(|patterns| patterns.split('&').all(|pattern| fits_pattern(pattern, text)))
}

pub(super) fn fits_pattern(pattern: &str, text: &str) -> bool {
    if let Some(refused) = pattern.strip_prefix('!') {
        return !fits_pattern(refused, text);
    }
    let (text, inner) = (text.as_bytes(), pattern.trim_matches('*').as_bytes());
    let (open, ends) = (pattern.starts_with('*'), pattern.len() == inner.len() || !pattern.ends_with('*'));
    let Some(room) = text.len().checked_sub(inner.len()) else { return false };
    let here = |at: usize| text[at..].iter().zip(inner).all(|(byte, sign)| alike(*byte, *sign));
    match (open, ends) {
        (false, true) => room == 0 && here(0),
        (false, false) => here(0),
        (true, true) => here(room),
        (true, false) => (0..=room).any(here),
    }
}

fn alike(byte: u8, sign: u8) -> bool {
    byte == sign || sign == b'#' && byte.is_ascii_digit()
}

fn period(text: &str) -> Option<Period> {
    let (when, rates) = match text.strip_prefix('@') {
        Some(text) => {
            let (when, rates) = text.split_once(' ').unwrap_or((text, ""));
            (when_of(when)?, rates)
        }
        None => (When::Always, text),
    };
    let mut found = Rates::default();
    for field in rates.split_ascii_whitespace() {
        let (name, value) = field.split_once('=')?;
        *found.named(name)? = Some(rate(value)?);
    }
    Some(Period { when, rates: found })
}

fn rate(text: &str) -> Option<Rate> {
    let mut parts = text.split(';');
    let base = nano_usd(parts.next()?)?;
    let tier = |text: &str| {
        text.split_once(':').and_then(|(from, price)| Some((from.parse().ok()?, nano_usd(price)?)))
    };
    Some(Rate { base, tiers: parts.map(tier).collect::<Option<_>>()? })
}

/// A decimal number of dollars in billionths.
fn nano_usd(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let part: u64 = if part.is_empty() { 0 } else { format!("{part:0<9}").parse().ok()? };
    whole.parse::<u64>().ok()?.checked_mul(1_000_000_000)?.checked_add(part)
}

fn when_of(text: &str) -> Option<When> {
    if text.contains(':') {
        let (from, to) = text.split_once('-')?;
        return Some(When::Daily { from: seconds(from)?, to: seconds(to)? });
    }
    let midnight = crate::clock::parse_rfc3339(&format!("{text}T00:00:00Z"))?;
    Some(When::Since(midnight))
}

/// A time of day, in seconds.
fn seconds(text: &str) -> Option<u32> {
    text.split(':').try_fold(0, |sum, part| Some(sum * 60 + part.parse::<u32>().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_read() {
        let models: usize = sections().map(|section| section.lines.lines().count()).sum();
        assert!(models > 2_000);
        for line in sections().flat_map(|section| section.lines.lines()) {
            let periods: Option<Vec<_>> = line.split('\t').skip(1).map(period).collect();
            assert!(periods.is_some_and(|found| !found.is_empty()), "{line}");
        }
    }

    #[test]
    fn patterns_are_open_where_they_say_so() {
        for (pattern, fitting, other) in [
            ("gpt-4o", "gpt-4o", "gpt-4o-mini"),
            ("gpt-4o*", "gpt-4o-mini", "a-gpt-4o"),
            ("*-latest", "x-latest", "x-latest-1"),
            ("*opus*", "claude-opus-5", "opu"),
            ("a-########", "a-20260101", "a-2026010x"),
            ("!*-tts", "gemini", "gemini-tts"),
            ("*", "anything", "\u{0}"),
        ] {
            assert!(fits_pattern(pattern, fitting), "{pattern}");
            assert!(pattern == "*" || !fits_pattern(pattern, other), "{pattern}");
        }
    }

    #[test]
    fn a_compact_date_is_found_under_its_dashed_one() {
        assert_eq!(with_dashed_date("gpt-5.2-20251211").as_deref(), Some("gpt-5.2-2025-12-11"));
        assert_eq!(with_dashed_date("gpt-20259911"), None);
        assert_eq!(with_dashed_date("gpt-202512110"), None);
    }
}
