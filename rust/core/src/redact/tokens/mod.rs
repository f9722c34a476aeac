//! Tokens that stand alone: formats of known providers and JSON web tokens.

pub(crate) mod guess;
pub(crate) mod opaque;
pub(crate) mod shapes;
pub(crate) mod surprise;
pub(crate) mod unknown;

use crate::redact::labelled::value;
use crate::redact::rules::{self, Format, RuleId, Tail};
use crate::redact::scan::Scan;
use unknown::{Shape, is_uuid};

/// Shorter runs of word characters are not looked at.
pub(crate) const MIN_RUN: usize = 12;
const EXTENT_LIMIT: usize = 4096;
/// How many fronts in one run may turn out to be none.
const MOST_TRIES: usize = 16;
/// How much of a JSON web token shows whether it is one.
const JWT_SAMPLE: usize = 256;
const JWT_LIMIT: usize = 16 << 10;

/// How long the hash of a name in a DNS zone is.
const OWNER_HASH: usize = 32;

/// `NSEC3 1 0 10 AABBCCDD 2t7b4g4v…`: names of a DNS zone, hashed for all to see.
fn is_owner_hash(text: &[u8], start: usize) -> bool {
    crate::redact::labelled::value::contains(&text[start.saturating_sub(80)..start], b"NSEC3")
}

/// How long `md5` and a digest are.
const MD5_LOGIN: usize = 35;

/// `md5a1b2…`: how `PostgreSQL` and its poolers write the hash of a password.
fn is_md5_login(run: &[u8]) -> bool {
    run.strip_prefix(b"md5").is_some_and(|digest| digest.iter().all(u8::is_ascii_hexdigit))
}

/// Looks at a maximal run of letters, digits, `_` and `-`.
pub(crate) fn at_run(scan: &mut Scan, start: usize, end: usize) {
    let start = after_escape(scan.text, start);
    if end - start < MIN_RUN || scan.text.get(end) == Some(&b'(') || scan.covers(start) {
        return;
    }
    if end - start == 17
        && scan.redactor.redact_pii
        && crate::redact::pii::is_dashed_mac(&scan.text[start..end])
    {
        return scan.secret(start, end, RuleId::MAC);
    }
    if end - start == MD5_LOGIN && is_md5_login(&scan.text[start..end]) {
        return scan.secret(start, end, RuleId::HASHED);
    }
    if end - start == OWNER_HASH && is_owner_hash(scan.text, start) {
        return;
    }
    if opaque::is_publishable(&scan.text[start..end]) {
        return;
    }
    if let Some((from, to, rule)) = known(scan.text, start, end) {
        scan.secret(from, to, rule);
        if is_access_key(&scan.text[from..to])
            && let Some((from, to)) = shapes::aws_secret(scan.text, to)
        {
            scan.secret(from, to, RuleId::AWS_SECRET);
        }
        return;
    }
    if end - start >= 15 {
        guess::at_run(scan, start, end);
    }
}

fn is_access_key(token: &[u8]) -> bool {
    token.len() == 20 && (token.starts_with(b"AKIA") || token.starts_with(b"ASIA"))
}

/// In `\nghp_…` the `n` belongs to the escape, in `%2Bghp_…` the `2B`.
pub(crate) fn after_escape(text: &[u8], start: usize) -> usize {
    let length = match (start.checked_sub(1).map(|sign| text[sign]), &text[start..]) {
        (Some(b'\\'), [b'n' | b'r' | b't' | b'b' | b'f', ..]) => 1,
        (Some(b'%'), [high, low, ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => 2,
        _ => 0,
    };
    start + length
}

fn known(text: &[u8], start: usize, end: usize) -> Option<(usize, usize, RuleId)> {
    if let Some(found) = sign_front(text, start) {
        return Some(found);
    }
    let starts = rules::starts();
    let (mut at, mut tries) = (start, 0);
    let last = (end + 1).saturating_sub(MIN_RUN);
    while at < last && tries < MOST_TRIES {
        if starts.has([text[at], text[at + 1], text[at + 2]])
            && let Some(found) = word_front(text, at, &mut tries)
        {
            return Some(found);
        }
        let Some(sign) = text[at..last].iter().position(|b| matches!(b, b'_' | b'-')) else { break };
        at += sign + 1;
    }
    jwt(text, start, end).or_else(|| shapes::at_run(text, start, end))
}

/// Fronts that end in a sign (`hvs.`) stand in front of the run.
fn sign_front(text: &[u8], start: usize) -> Option<(usize, usize, RuleId)> {
    let sign = *text.get(start.checked_sub(1)?)?;
    if !b".+/$:~|".contains(&sign) || start < 2 {
        return None;
    }
    rules::with_sign(text[start - 2], sign).find_map(|(rule, format, split)| {
        let from = start.checked_sub(split)?;
        let joined = format.front.starts_with('.');
        let fits = text[from..].starts_with(format.front.as_bytes()) && (joined || bounded(text, from));
        let end = fits.then(|| tail_end(text, from + format.front.len(), format)).flatten()?;
        Some((if joined { word_start(text, from) } else { from }, end, rule))
    })
}

pub(crate) fn word_start(text: &[u8], end: usize) -> usize {
    let floor = end.saturating_sub(64);
    (floor..end).rev().take_while(|i| Tail::Word.has(text[*i])).last().unwrap_or(end)
}

fn word_front(text: &[u8], at: usize, tries: &mut usize) -> Option<(usize, usize, RuleId)> {
    rules::starting_with(text[at], text[at + 1]).find_map(|(rule, format)| {
        let front = format.front.as_bytes();
        if !text[at..].starts_with(front) {
            return None;
        }
        *tries += 1;
        Some((at, tail_end(text, at + format.front.len(), format)?, rule))
    })
}

fn bounded(text: &[u8], at: usize) -> bool {
    at == 0 || !text[at - 1].is_ascii_alphanumeric()
}

/// The end of a tail that is long enough and no words.
fn tail_end(text: &[u8], from: usize, format: &Format) -> Option<usize> {
    let ceiling = text.len().min(from + EXTENT_LIMIT);
    let mut length = text[from..ceiling].iter().take_while(|b| format.tail.has(**b)).count();
    if format.tail == Tail::Base64 {
        length = before_words(&text[from..from + length]);
    }
    let tail = &text[from..from + length];
    if length < format.min || !(format.is_checked(tail) || is_drawn(tail, format)) {
        return None;
    }
    let after = text.get(from + length).copied().unwrap_or(b' ');
    let exact = matches!(format.tail, Tail::Hex | Tail::Upper | Tail::Lower) && format.front.len() < 4;
    if exact && (after.is_ascii_alphanumeric() || length > format.min + 8) {
        return None;
    }
    Some(extended(text, from + length, ceiling))
}

/// Where a path or a name follows a token behind `/`: `TOKEN/report.pdf`.
fn before_words(tail: &[u8]) -> usize {
    let mut slashes = memchr::memchr_iter(b'/', tail);
    let end = slashes.find(|slash| {
        let part = &tail[slash + 1..];
        let part = &part[..memchr::memchr2(b'/', b'+', part).unwrap_or(part.len())];
        let shape = Shape::of(part);
        part.len() >= 4 && shape.digits == 0 && (shape.upper == 0 || !shape.is_unreadable())
    });
    end.unwrap_or(tail.len())
}

/// Tails are drawn at random; `sk-learn-something-or-other` is not.
fn is_drawn(tail: &[u8], format: &Format) -> bool {
    let shape = Shape::of(tail);
    if value::is_placeholder(tail) {
        return false;
    }
    match format.front {
        // A digest may start with these three.
        "bc1" => return !tail.iter().all(u8::is_ascii_hexdigit),
        // `private_ed25519_der_key` is the name of a file.
        "private_" | "secret_" => return shape.upper > 0 && (shape.digits > 0 || shape.is_unreadable()),
        _ => {}
    }
    // A run of capitals and digits behind four capitals of an issuer: no word and no constant looks like that.
    if format.tail == Tail::Upper && format.front.len() == 4 && shape.digits > 1 && shape.upper > 1 {
        return true;
    }
    if format.front.len() > 4 {
        return shape.digits > 0
            || shape.is_unreadable()
            || (shape.upper > 2 && shape.lower > 2 && shape.other == 0);
    }
    let dots = if format.tail == Tail::Dotted { memchr::memchr_iter(b'.', tail).count() } else { 0 };
    let mixed = shape.other == dots
        && shape.alnum() >= 24
        && (shape.is_restless()
            || (shape.mixes_three() && shape.digits > 2)
            || (shape.alnum() >= 32 && shape.upper > 6 && shape.lower > 6 && shape.is_unreadable()));
    mixed
        || shape.is_random()
        || shape.is_hex()
        || (shape.digits > 0 && shape.is_unreadable())
        || contains_uuid(tail)
}

pub(crate) fn contains_uuid(text: &[u8]) -> bool {
    text.len() >= 36 && text.windows(36).take(64).any(is_uuid)
}

/// `eyJ….eyJ….…`
fn jwt(text: &[u8], start: usize, end: usize) -> Option<(usize, usize, RuleId)> {
    if !text[start..].starts_with(b"eyJ") || text.get(end) != Some(&b'.') || text[..start].ends_with(b"pk.") {
        return None;
    }
    let dotted = |limit| text[start..].iter().take(limit).take_while(|b| Tail::Dotted.has(**b)).count();
    let sample = start + dotted(JWT_SAMPLE);
    let body = &text[(end + 1).min(sample)..sample];
    let drawn = body.starts_with(b"ey") || Shape::of(body).is_surprising();
    (sample - start >= 40 && drawn).then(|| (start, start + dotted(JWT_LIMIT), RuleId::JWT))
}

/// The end of a token that goes on behind `+`, `/`, `=`, `.`, `~` or an escape in percent, looked for up to `ceiling`.
pub(crate) fn extended(text: &[u8], mut end: usize, ceiling: usize) -> usize {
    while end < ceiling {
        let next = match text.get(end) {
            Some(b'=') => end + 1,
            Some(b'%') if text[end..].len() > 2 && is_token_escape(&text[end + 1..end + 3]) => {
                run_end(text, end + 3)
            }
            Some(b'+' | b'~') => run_end(text, end + 1),
            Some(b'/' | b'.' | b':') => random_end(text, end + 1),
            _ => end,
        };
        if next == end || (next == end + 1 && text[end] != b'=') {
            return end;
        }
        end = next;
    }
    end
}

/// `%2B`, `%2F`, `%3D`, `%2D`, `%5F`, `%2E`, `%7E`.
fn is_token_escape(hex: &[u8]) -> bool {
    let upper = [hex[0].to_ascii_uppercase(), hex[1].to_ascii_uppercase()];
    matches!(&upper, b"2B" | b"2F" | b"3D" | b"2D" | b"5F" | b"2E" | b"7E" | b"3A")
}

pub(crate) fn run_end(text: &[u8], from: usize) -> usize {
    let ceiling = text.len().min(from + EXTENT_LIMIT);
    from + text[from..ceiling].iter().take_while(|b| Tail::Word.has(**b)).count()
}

/// Behind `/` and `.` only what looks random belongs to the token.
fn random_end(text: &[u8], from: usize) -> usize {
    let end = run_end(text, from);
    let part = &text[from..end];
    let shape = Shape::of(part);
    let short = part.len() < 12 && shape.mixes_three();
    let middle = || {
        let goes_on = || Shape::of(&text[end + 1..run_end(text, end + 1)]);
        match (text[from - 1], text.get(end)) {
            (b'.', Some(b'.')) => guess::is_middle(part, &shape) && goes_on().is_random(),
            (b'/', Some(b'/' | b'+')) => {
                part.len() <= 12 && shape.other == 0 && goes_on().is_random() && goes_on().mixes_three()
            }
            _ => false,
        }
    };
    if shape.is_random() || short || middle() || (shape.is_hex() && part.len() >= 16) {
        end
    } else {
        from - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tail that no person would write, drawn from a fixed sequence.
    fn drawn(format: &Format, seed: u64) -> String {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut tail = String::new();
        while tail.len() < format.min.max(12) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let byte = (state >> 40) as u8;
            if format.tail.has(byte) && byte.is_ascii_alphanumeric() {
                tail.push(char::from(byte));
            }
        }
        tail
    }

    fn found(text: &str, front: usize) -> bool {
        let start = text.find(|c: char| c != ' ').unwrap();
        (start..text.len() - front.min(4)).any(|at| {
            let begins = at == start || !is_word(text.as_bytes()[at - 1]);
            let end = at + text.as_bytes()[at..].iter().take_while(|b| is_word(**b)).count();
            begins && end > at + 1 && known(text.as_bytes(), at, end).is_some()
        })
    }

    fn is_word(byte: u8) -> bool {
        Tail::Word.has(byte)
    }

    #[test]
    fn every_format_is_found_when_drawn_and_left_when_it_is_words() {
        for (_, format) in rules::all() {
            let hits = (1..=20).filter(|seed| {
                found(&format!(" {}{} ", format.front, drawn(format, *seed)), format.front.len())
            });
            let hits = hits.count();
            assert!(hits >= 19, "{} found {hits} of 20", format.id);
            let words = format!(" {}{} ", format.front, "this-is-only-an-example-of-a-name-made-of-words");
            assert!(!found(&words, format.front.len()), "{}", format.id);
        }
    }

    #[test]
    fn capitals_and_digits_behind_a_front_of_capitals_need_no_statistic() {
        for tail in ["4GS739349PCACP37L240", "4GS7393499PACACP37L240"] {
            assert!(found(&format!("AC{}{tail}", "CA"), 4), "{tail}");
        }
    }

    #[test]
    fn a_run_starts_behind_an_escape() {
        for (text, start, behind) in [
            ("\\nabc", 1, 2),
            ("%2Babc", 1, 3),
            ("%zzabc", 1, 1),
            ("%2", 1, 1),
            ("2Babc", 0, 0),
            ("x2Babc", 1, 1),
        ] {
            assert_eq!(after_escape(text.as_bytes(), start), behind, "{text}");
        }
    }
}
