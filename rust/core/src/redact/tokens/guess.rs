//! Tokens of no known format: a random run behind a short prefix, or a long one by itself.

use super::opaque;
use super::unknown::{Shape, ends_in_words};
use super::{contains_uuid, extended, word_start};
use crate::redact::rules::{RuleId, Tail};
use crate::redact::scan::Scan;
use crate::redact::scan::segments::Segments;

/// Shorter than a prefix of two characters with the shortest tail.
const SHORTEST: usize = 2 + LEAST_TAIL;
const LEAST_TAIL: usize = 16;
/// Longer than any token by itself; beyond lies data.
const LONGEST: usize = 600;
const LONGEST_LONE: usize = 200;
const LEAST_LONE: usize = 29;
/// How many runs of the same parts joined by signs are judged.
const MOST_TRIES: u8 = 4;

/// Looks at a maximal run of letters, digits, `_` and `-` that is in no known format.
pub(crate) fn at_run(scan: &mut Scan, start: usize, end: usize) {
    let text = scan.text;
    let run = &text[start..end];
    if run.len() > LONGEST || ends_in_words(run) {
        return;
    }
    let shape = Shape::of(run);
    if (shape.digits == 0 && !shape.is_random())
        || opaque::is_id(run)
        || run.starts_with(b"0x")
        || run.starts_with(b"xn--")
        || is_in_data(scan, start, end)
    {
        return;
    }
    let (judged, tries) = scan.memo.judged.clone();
    if judged.contains(&start) && tries == MOST_TRIES {
        return;
    }
    let (from, to) = (extended_left(text, start), extended(text, end, end + LONGEST));
    let whole = from..to;
    let tries = if to - from > LONGEST { MOST_TRIES } else { 1 + if judged == whole { tries } else { 0 } };
    scan.memo.judged = (whole, tries);
    let size = to - from;
    // What looks bad is rare, so that what excuses it is asked last.
    if (SHORTEST..=LONGEST).contains(&size)
        && looks_bad(text, (from, to), (start, end), &shape)
        && !is_excused(text, from, start)
    {
        scan.secret(from, to, RuleId::UNKNOWN);
    }
}

/// Whether the token `from..to` around the run `start..end` of this `shape` looks like a secret.
fn looks_bad(text: &[u8], (from, to): (usize, usize), (start, end): (usize, usize), shape: &Shape) -> bool {
    let token = &text[from..to];
    let split = prefix_end(token);
    let (prefix, tail) = token.split_at(split);
    if contains_uuid(&text[start..end]) {
        split > 0 && asks_for_secrecy(prefix)
    } else if split > 0 {
        (is_tail(tail, prefix) || is_behind_first_word(token, split)) && !opaque::is_id(token)
    } else {
        is_digest_part(text, start, shape) || has_dotted_front(text, from, tail) || is_lone(text, from, to)
    }
}

/// Whether what stands around a token says that it is public or data.
fn is_excused(text: &[u8], from: usize, start: usize) -> bool {
    opaque::is_known_whole(text, from)
        || opaque::is_entity_tag(text, from)
        || text[..from].ends_with(b"pk.")
        || opaque::is_data(text, start)
}

/// Whether the run stands in a data URL or in more base64 than a token has. Such a range is measured once.
fn is_in_data(scan: &mut Scan, start: usize, end: usize) -> bool {
    if !(scan.memo.base64.0..scan.memo.base64.1).contains(&start) {
        let inside = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'_' | b'-');
        let floor = start.saturating_sub(LONGEST);
        let left =
            scan.text[floor..start].iter().rposition(|b| !inside(b)).map_or(floor, |at| floor + at + 1);
        let right = scan.text[end..].iter().take_while(|b| inside(b)).count();
        scan.memo.base64 = (left, end + right);
    }
    let (from, to) = scan.memo.base64;
    to - from > LONGEST || scan.text[..from].ends_with(b"base64,")
}

/// `acme-J-0Xv…`: what a drawn tail starts with may read like another word of the prefix.
fn is_behind_first_word(token: &[u8], split: usize) -> bool {
    let first = token.iter().position(|b| matches!(b, b'_' | b'-')).map_or(split, |sign| sign + 1);
    (first + 1..first + 5).contains(&split) && is_tail(&token[first..], &token[..first])
}

/// What stands behind a prefix and looks drawn.
fn is_tail(tail: &[u8], prefix: &[u8]) -> bool {
    if tail.len() < LEAST_TAIL {
        return false;
    }
    let shape = Shape::of(tail);
    let named = names_secret(prefix);
    if shape.is_hex() {
        let whole = shape.other == 0 && shape.alnum().is_multiple_of(4);
        return whole && shape.alnum() >= if named { 24 } else { 32 };
    }
    let least = match (named, prefix.len()) {
        (true, _) => LEAST_TAIL,
        (false, 2) => 28,
        (false, _) => 20,
    };
    shape.is_random() && shape.alnum() >= least && !opaque::is_replica(tail)
}

/// `patX7k….9f86d0…`: a digest joined to a random part by a dot.
fn is_digest_part(text: &[u8], start: usize, shape: &Shape) -> bool {
    shape.is_hex() && shape.alnum() >= 24 && start > 0 && text[start - 1] == b'.' && {
        let front = &text[word_start(text, start - 1)..start - 1];
        let shape = Shape::of(front);
        front.len() >= 12 && shape.mixes_three() && shape.is_random()
    }
}

/// `abc.X7k…`: a short word, bounded on its left, in front of a random run.
fn has_dotted_front(text: &[u8], from: usize, tail: &[u8]) -> bool {
    if from == 0 || !matches!(text[from - 1], b'.' | b':') {
        return false;
    }
    let word = &text[word_start(text, from - 1)..from - 1];
    let begin = from - 1 - word.len();
    let bounded = begin == 0 || !matches!(text[begin - 1], b'.' | b'\\' | b')' | b']' | b'@');
    let shape = Shape::of(tail);
    let followed = matches!(text.get(from + tail.len()), Some(b'.' | b'/'));
    let drawn = if shape.is_hex() {
        shape.alnum() >= 32 && !followed
    } else {
        shape.alnum() >= 22
            && shape.is_random()
            && (shape.mixes_three() || shape.alnum() >= 24 && (shape.digits > 1 || shape.upper > 3))
    };
    drawn
        && bounded
        && (2..=8).contains(&word.len())
        && word[0].is_ascii_alphabetic()
        && word.iter().all(u8::is_ascii_alphanumeric)
        && !opaque::is_noun(word)
}

/// The length of a readable prefix: short words, each with `_` or `-` behind it.
fn prefix_end(run: &[u8]) -> usize {
    let mut split = 0;
    while let Some(sign) = run[split..run.len().min(split + 18)].iter().position(|b| matches!(b, b'_' | b'-'))
    {
        let word = &run[split..split + sign];
        if sign == 0 || sign > 16 || !is_word(word) {
            break;
        }
        split += sign + 1;
    }
    split
}

/// Letters of one case or capitalised, at most three digits behind them or in front.
fn is_word(word: &[u8]) -> bool {
    let shape = Shape::of(word);
    shape.letters() > 0
        && shape.digits <= 3
        && shape.other == 0
        && (shape.lower == 0 || shape.upper == 0 || word[1..].iter().all(|b| !b.is_ascii_uppercase()))
        && !(shape.letters() > 5 && shape.is_unreadable())
}

/// A run without a prefix is a secret when it is long, mixes letters and digits, and is no part of a path.
fn is_lone(text: &[u8], from: usize, to: usize) -> bool {
    let token = &text[from..to];
    if token.len() < LEAST_LONE {
        return false;
    }
    let shape = Shape::of(token);
    if shape.alnum() < LEAST_LONE
        || token.len() > LONGEST_LONE
        || !shape.is_random()
        || is_in_path(text, from, to)
    {
        return false;
    }
    let kinds = if shape.digits == 0 {
        shape.alnum() >= 36 && shape.is_most_surprising()
    } else if shape.mixes_three() {
        shape.digits >= 3
    } else {
        shape.alnum() >= 31 && shape.letters() > 3 && shape.digits >= 4 && shape.other == 0
    };
    kinds && is_beyond_hex(token, &shape) && !opaque::is_public(text, from, to)
}

fn is_in_path(text: &[u8], from: usize, to: usize) -> bool {
    let before = if from > 0 { text[from - 1] } else { b' ' };
    let after = text.get(to).copied().unwrap_or(b' ');
    let next = text.get(to + 1).copied().unwrap_or(b' ');
    matches!(before, b'/' | b'.' | b'+')
        || matches!(after, b'/' | b'+' | b'(')
        || (after == b'.' && next.is_ascii_alphanumeric())
}

/// Whether enough letters are behind `f`: digests have none, and glued to a word few.
fn is_beyond_hex(token: &[u8], shape: &Shape) -> bool {
    let beyond = token.iter().filter(|b| matches!(**b | 0x20, b'g'..=b'z')).count();
    beyond * if shape.mixes_three() { 32 } else { 4 } >= token.len()
}

fn names_secret(prefix: &[u8]) -> bool {
    let segments = Segments::of_bytes(prefix);
    segments.any(|word| {
        matches!(word, b"key" | b"live" | b"api" | b"auth" | b"access" | b"private") || is_secret_word(word)
    })
}

/// A prefix that leaves no doubt, even in front of a UUID.
fn asks_for_secrecy(prefix: &[u8]) -> bool {
    let segments = Segments::of_bytes(prefix);
    segments.any(is_secret_word)
}

fn is_secret_word(word: &[u8]) -> bool {
    matches!(word, b"sk" | b"rk" | b"pat" | b"tok" | b"token" | b"secret" | b"sess" | b"apikey")
}

/// The start of a token that a sign splits: `kry_kEHWlM/7uoOJkQ2dY+9E/A==`, seen from one of its parts.
fn extended_left(text: &[u8], mut start: usize) -> usize {
    let floor = start.saturating_sub(LONGEST);
    while start > floor + 1 && matches!(text[start - 1], b'+' | b'/' | b'.' | b'~') {
        let from =
            (floor..start - 1).rev().take_while(|i| Tail::Word.has(text[*i])).last().unwrap_or(start - 1);
        let part = &text[from..start - 1];
        let shape = Shape::of(part);
        let joins = shape.is_random()
            || (text[start - 1] == b'+' && !part.is_empty())
            || (part.len() < 12 && shape.mixes_three())
            || (text[start - 1] == b'/' && is_piece(part, &shape))
            || (text[start - 1] == b'.' && is_middle(part, &shape));
        if !joins {
            return start;
        }
        start = from;
    }
    start
}

/// A piece of base64 between two of its slashes, and no directory.
fn is_piece(part: &[u8], shape: &Shape) -> bool {
    let split = prefix_end(part);
    let drawn = Shape::of(&part[split..]);
    (part.len() <= 2 && shape.upper > 0)
        || (split > 0 && (split == part.len() || part.len() - split <= 4 && drawn.upper > 0))
        || drawn.mixes_three()
        || (shape.upper > 0 && shape.lower > 0 && part.len() >= 6 && shape.is_surprising())
}

/// The short middle part of `x7K….tR9.mZp…`.
pub(crate) fn is_middle(part: &[u8], shape: &Shape) -> bool {
    (4..=12).contains(&part.len()) && shape.upper > 0 && shape.lower > 0 && shape.is_surprising()
}
