//! Tokens that stand alone: formats of known providers, JSON web tokens, and random runs behind a short prefix.

use super::rules::{self, Format, RuleId, Tail};
use super::scan::Scan;
use super::unknown::{Shape, is_uuid};
use super::value::{self, contains};

/// Shorter runs of word characters are not looked at.
pub(crate) const MIN_RUN: usize = 12;
const EXTENT_LIMIT: usize = 4096;

/// Looks at a maximal run of letters, digits, `_` and `-`.
pub(crate) fn at_run(scan: &mut Scan, start: usize, end: usize) {
    let start = after_escape(scan.text, start);
    if end - start < MIN_RUN || scan.covers(start) {
        return;
    }
    if end - start == 17 && scan.redactor.redact_pii && super::digits::is_dashed_mac(&scan.text[start..end]) {
        return scan.secret(start, end, RuleId::MAC);
    }
    if let Some((from, to, rule)) = known(scan.text, start, end) {
        return scan.secret(from, to, rule);
    }
    if end - start >= 15 {
        unknown(scan, start, end);
    }
}

/// In `\nghp_…` the `n` belongs to the escape.
fn after_escape(text: &[u8], start: usize) -> usize {
    let escaped = start > 0 && text[start - 1] == b'\\' && b"nrtbf".contains(&text[start]);
    if escaped { start + 1 } else { start }
}

fn known(text: &[u8], start: usize, end: usize) -> Option<(usize, usize, RuleId)> {
    if let Some(found) = sign_front(text, start) {
        return Some(found);
    }
    let mut at = start;
    while at + MIN_RUN <= end {
        if (at == start || !text[at - 1].is_ascii_alphanumeric())
            && let Some(found) = word_front(text, at)
        {
            return Some(found);
        }
        at += 1;
    }
    jwt(text, start, end)
}

/// Fronts that end in a sign (`hvs.`) stand in front of the run.
fn sign_front(text: &[u8], start: usize) -> Option<(usize, usize, RuleId)> {
    let sign = *text.get(start.checked_sub(1)?)?;
    if !b".+/$:".contains(&sign) {
        return None;
    }
    if !rules::may_end_front(text[start - 2.min(start)], sign) {
        return None;
    }
    rules::with_sign().find_map(|(rule, format, split)| {
        let from = start.checked_sub(split)?;
        let joined = format.front.starts_with('.');
        let fits = text[from..].starts_with(format.front.as_bytes()) && (joined || bounded(text, from));
        let end = fits.then(|| tail_end(text, from + format.front.len(), format)).flatten()?;
        Some((if joined { word_start(text, from) } else { from }, end, rule))
    })
}

fn word_start(text: &[u8], end: usize) -> usize {
    let floor = end.saturating_sub(64);
    (floor..end).rev().take_while(|i| Tail::Word.has(text[*i])).last().unwrap_or(end)
}

fn word_front(text: &[u8], at: usize) -> Option<(usize, usize, RuleId)> {
    rules::starting_with(text[at], text[at + 1]).find_map(|(rule, format)| {
        if !text[at..].starts_with(format.front.as_bytes()) {
            return None;
        }
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
    if length < format.min || !is_drawn(tail, format) {
        return None;
    }
    let after = text.get(from + length).copied().unwrap_or(b' ');
    let exact = matches!(format.tail, Tail::Hex | Tail::Upper | Tail::Lower) && format.front.len() < 4;
    if exact && (after.is_ascii_alphanumeric() || length > format.min + 8) {
        return None;
    }
    Some(extended(text, from + length))
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

fn contains_uuid(text: &[u8]) -> bool {
    text.len() >= 36 && text.windows(36).take(64).any(is_uuid)
}

/// `eyJ….eyJ….…`
fn jwt(text: &[u8], start: usize, end: usize) -> Option<(usize, usize, RuleId)> {
    if !text[start..].starts_with(b"eyJ") || text.get(end) != Some(&b'.') {
        return None;
    }
    let ceiling = text.len().min(start + (16 << 10));
    let length = text[start..ceiling].iter().take_while(|b| Tail::Dotted.has(**b)).count();
    let dots = memchr::memchr_iter(b'.', &text[start..start + length]).count();
    (dots >= 1 && length >= 40).then_some((start, start + length, RuleId::JWT))
}

/// The end of a token that goes on behind `+`, `/`, `=`, `.`, `~` or an escape in percent.
fn extended(text: &[u8], mut end: usize) -> usize {
    loop {
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
}

/// `%2B`, `%2F`, `%3D`, `%2D`, `%5F`, `%2E`, `%7E`.
fn is_token_escape(hex: &[u8]) -> bool {
    let upper = [hex[0].to_ascii_uppercase(), hex[1].to_ascii_uppercase()];
    matches!(&upper, b"2B" | b"2F" | b"3D" | b"2D" | b"5F" | b"2E" | b"7E" | b"3A")
}

fn run_end(text: &[u8], from: usize) -> usize {
    let ceiling = text.len().min(from + EXTENT_LIMIT);
    from + text[from..ceiling].iter().take_while(|b| Tail::Word.has(**b)).count()
}

/// Behind `/` and `.` only what looks random belongs to the token.
fn random_end(text: &[u8], from: usize) -> usize {
    let end = run_end(text, from);
    let part = &text[from..end];
    let shape = Shape::of(part);
    let short = part.len() < 12 && shape.mixes_three();
    if shape.is_random() || short || (shape.is_hex() && part.len() >= 16) { end } else { from - 1 }
}

fn extended_left(text: &[u8], mut start: usize) -> usize {
    let floor = start.saturating_sub(EXTENT_LIMIT);
    while start > floor + 1 && matches!(text[start - 1], b'+' | b'/' | b'.' | b'~') {
        let from =
            (floor..start - 1).rev().take_while(|i| Tail::Word.has(text[*i])).last().unwrap_or(start - 1);
        let part = &text[from..start - 1];
        let shape = Shape::of(part);
        let joins = shape.is_random()
            || (text[start - 1] == b'+' && !part.is_empty())
            || (part.len() < 12 && shape.mixes_three());
        if !joins {
            return start;
        }
        start = from;
    }
    start
}

fn unknown(scan: &mut Scan, start: usize, end: usize) {
    let text = scan.text;
    let run = &text[start..end];
    let shape = Shape::of(run);
    if shape.digits == 0 && !shape.is_random() {
        return;
    }
    if contains_uuid(run) || is_benign_id(text, start, end) {
        return;
    }
    let split = prefix_end(run);
    let tail = &run[split..];
    let of_tail = Shape::of(tail);
    let prefix = &run[..split];
    let bad = if of_tail.is_hex() || split == 0 && shape.is_hex() {
        of_tail.alnum() >= 24 && (names_secret(prefix) || follows_random(text, start))
    } else if split > 0 {
        of_tail.is_random() && of_tail.alnum() >= if names_secret(prefix) { 16 } else { 20 }
    } else {
        is_lone_secret(text, start, end, &shape)
    };
    if bad && !follows_data(text, start) {
        let (from, to) = (extended_left(text, start), extended(text, end));
        if to - from <= 600 && !is_benign_whole(text, from) {
            scan.secret(from, to, RuleId::UNKNOWN);
        }
    }
}

/// `patX7k….9f86d0…`: a digest joined to a random part by a dot.
fn follows_random(text: &[u8], start: usize) -> bool {
    start > 0 && text[start - 1] == b'.' && {
        let front = &text[word_start(text, start - 1)..start - 1];
        let shape = Shape::of(front);
        front.len() >= 12 && shape.mixes_three() && shape.is_random()
    }
}

/// The length of a readable prefix: short words, each with `_` or `-` behind it.
fn prefix_end(run: &[u8]) -> usize {
    let mut split = 0;
    while let Some(sign) = run[split..].iter().take(18).position(|b| matches!(b, b'_' | b'-')) {
        let word = &run[split..split + sign];
        let shape = Shape::of(word);
        if sign == 0
            || shape.letters() == 0
            || shape.digits > 3
            || sign > 16
            || (shape.letters() > 5 && shape.is_unreadable())
        {
            break;
        }
        split += sign + 1;
    }
    split
}

/// A run without a prefix is a secret when it is long and mixes all kinds of characters.
fn is_lone_secret(text: &[u8], start: usize, end: usize, shape: &Shape) -> bool {
    let before = if start > 0 { text[start - 1] } else { b' ' };
    let after = text.get(end).copied().unwrap_or(b' ');
    let path = matches!(before, b'/' | b'.' | b'+') || matches!(after, b'/' | b'.' | b'+' | b'(');
    shape.is_random()
        && shape.mixes_three()
        && shape.alnum() >= 32
        && shape.digits >= 3
        && !path
        && end - start <= 200
}

fn names_secret(prefix: &[u8]) -> bool {
    let segments = super::segments::Segments::of_bytes(prefix);
    segments.any(|word| {
        matches!(
            word,
            b"sk"
                | b"rk"
                | b"pat"
                | b"tok"
                | b"token"
                | b"key"
                | b"secret"
                | b"live"
                | b"api"
                | b"auth"
                | b"access"
                | b"private"
                | b"sess"
        )
    })
}

/// Ids that frameworks hand out, digests and public keys.
fn is_benign_id(text: &[u8], start: usize, end: usize) -> bool {
    const FRONTS: [&[u8]; 44] = [
        b"toolu_",
        b"call_",
        b"chatcmpl-",
        b"msg_",
        b"run_",
        b"req_",
        b"resp_",
        b"evt_",
        b"ses_",
        b"rs_",
        b"fc_",
        b"asst_",
        b"thread_",
        b"step_",
        b"file-",
        b"file_",
        b"org-",
        b"org_",
        b"proj_",
        b"batch_",
        b"ftjob-",
        b"vs_",
        b"item_",
        b"gen-",
        b"cmpl-",
        b"modr-",
        b"sha1-",
        b"sha256-",
        b"sha384-",
        b"sha512-",
        b"md5-",
        b"css-",
        b"pk_live_",
        b"pk_test_",
        b"cus_",
        b"sub_",
        b"price_",
        b"prod_",
        b"acct_",
        b"phc_",
        b"pk-lf-",
        b"srvtoolu_",
        b"container_",
        b"rec_",
    ];
    let run = &text[start..end];
    FRONTS.iter().any(|front| run.starts_with(front))
        || is_ulid(run)
        || run.starts_with(b"AAAA") && contains(&run[..run.len().min(40)], b"Nza")
}

fn is_ulid(run: &[u8]) -> bool {
    run.len() == 26 && run[0] <= b'7' && run.iter().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
}

/// Digests and public keys whose front a sign splits from the run.
fn is_benign_whole(text: &[u8], from: usize) -> bool {
    let front = &text[from.saturating_sub(16)..text.len().min(from + 16)];
    [
        b"sha1-".as_slice(),
        b"sha256",
        b"sha384",
        b"sha512",
        b"h1:",
        b"md5",
        b"AAAAC3Nza",
        b"AAAAB3Nza",
        b"AAAAE2Vj",
        b"ssh-",
    ]
    .iter()
    .any(|mark| contains(front, mark))
}

/// Inside a data URL or an encoded image.
fn follows_data(text: &[u8], start: usize) -> bool {
    let front = &text[start.saturating_sub(40)..start];
    contains(front, b"base64,") || text[start..].starts_with(b"iVBORw0KGgo") || in_block(text, start)
}

/// Inside a block of equally long lines of base64.
fn in_block(text: &[u8], start: usize) -> bool {
    let line_start = text[..start].iter().rev().take(200).position(|b| *b == b'\n').map_or(0, |i| start - i);
    let line_end = start + text[start..].iter().take(200).position(|b| *b == b'\n').unwrap_or(200);
    let length = line_end.min(text.len()) - line_start;
    let block = |line: &[u8]| {
        line.len() >= 40 && line.iter().all(|b| b.is_ascii_alphanumeric() || b"+/=\r".contains(b))
    };
    let before = line_start > length && block(&text[line_start - 1 - length..line_start - 1]);
    let after = line_end + 1 + length <= text.len() && block(&text[line_end + 1..line_end + 1 + length]);
    (40..=200).contains(&length) && (before || after)
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
    fn digests_ids_and_blocks_of_base64_are_no_tokens() {
        for id in [
            "toolu_01su3GoleYt3RZXK86McEL2d",
            "01ERPTGM20G2ANV3XFEFQTNMGW",
            "chatcmpl-Pjkbcahmln1jT96d4SZ7RQ9y",
        ] {
            assert!(is_benign_id(id.as_bytes(), 0, id.len()), "{id}");
        }
        let line = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9w";
        let block = format!("{line}\n{line}\n{line}");
        assert!(in_block(block.as_bytes(), line.len() + 1));
    }
}
