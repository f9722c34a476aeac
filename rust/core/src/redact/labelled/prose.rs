//! Labels in running text, of any language: `Das Passwort lautet x`, `пароль от базы: x`, `密码是x`, `password for joe: x`.

use super::value::{self, Place};
use crate::redact::keys::KeyClass;
use crate::redact::keys::foreign::{self, Noun};
use crate::redact::rules::RuleId;
use crate::redact::scan::Scan;
use crate::redact::scan::blocks::{self, BLOCK};
use crate::redact::scan::span::{Bytes, Span, back_over, forward_over};
use crate::redact::tokens::unknown::Shape;

/// How far behind a label its value is looked for.
const REACH: usize = 96;
/// Words between a label and the sign in front of the value.
const MOST_WORDS: usize = 7;
const VALUE_LIMIT: usize = 512;
const LONGEST_PHRASE: usize = 256;
/// How many words for "is" behind a label are followed.
const MOST_JOINTS: usize = 3;

/// How a label and its value are joined.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Joint {
    /// `:`, `=`, right behind the label.
    Sign,
    /// The same, with other words between.
    Distant,
    /// `is` in some language.
    Link,
    /// Nothing but a space or an opening quote.
    Beside,
}

/// Looks at all labels beyond ASCII.
pub(crate) fn wide_labels(scan: &mut Scan) {
    let text = scan.text;
    let (mut until, mut from) = (0, 0);
    while let Some((start, end)) = wide_part(text, from) {
        for (noun, label_start, label_end) in foreign::labels(&text[start..end]) {
            if start + label_start >= until {
                until = label(scan, noun, start + label_end, true);
            }
        }
        from = end;
    }
}

/// The next part of a text from `from` on in which labels beyond ASCII can stand: characters beyond ASCII that are near
/// each other, and what a label may be longer than they are.
fn wide_part(text: &[u8], from: usize) -> Option<(usize, usize)> {
    let near = foreign::LONGEST_LABEL;
    let wide = |from: usize, to: usize| {
        (from..to).step_by(BLOCK).find_map(|at| {
            let wide = blocks::wide_at(text, at);
            let found = at + wide.trailing_zeros() as usize;
            (wide != 0 && found < to).then_some(found)
        })
    };
    let first = wide(from, text.len())?;
    let mut last = first;
    loop {
        while text.get(last + 1).is_some_and(|byte| *byte >= 0x80) {
            last += 1;
        }
        match wide(last + 1, text.len().min(last + 2 * near)) {
            Some(next) => last = next,
            None => return Some((first.saturating_sub(near).max(from), text.len().min(last + near))),
        }
    }
}

/// A label only behind words that say of what.
pub(crate) const CODE: &str = "code";

/// Looks at a word of ASCII letters that may be a label.
pub(crate) fn at_word(scan: &mut Scan, start: usize, end: usize) {
    let word = &scan.text[start..end];
    let code = word == CODE.as_bytes() && names_code(&scan.text[..start]);
    let Some(noun) = foreign::noun(word).or(code.then_some(Noun::Code)) else { return };
    if scan.memo.labelled.has(scan.text, end) {
        return;
    }
    let known = scan.found.len();
    recommended(scan, start, end);
    if &scan.text[start..end] == b"passe" && !scan.text[..start].ends_with(b"ot de ") {
        return;
    }
    if scan.text.get(end).is_none_or(|b| matches!(b, b' ' | b':' | b'-' | 0xC2..)) && !scan.covers(end + 1) {
        label(scan, noun, end, false);
        if scan.found.len() == known {
            scan.memo.labelled.note(end);
        }
    }
}

/// `verification code`, `one-time code`
fn names_code(front: &[u8]) -> bool {
    let Some(front) = front.strip_suffix(b" ") else { return false };
    [
        b"verification".as_slice(),
        b"security",
        b"access",
        b"time",
        b"confirmation",
        b"authentication",
        b"door",
        b"login",
        b"pin",
    ]
    .iter()
    .any(|word| front.ends_with(word))
}

/// `use x as the password`, `reset it to x (password)`, `the password (x)`
fn recommended(scan: &mut Scan, start: usize, end: usize) {
    let text = scan.text;
    let front = &text[..start];
    let said = matches!(front, [.., b'('] | [.., b'e' | b'r' | b's', b' ']);
    let cut = said
        .then_some([b" as the ".as_slice(), b" as your ", b" as ", b" (", b" as its "])
        .and_then(|cuts| cuts.into_iter().find(|words| front.ends_with(words)));
    if let Some(cut) = cut {
        let to = start - cut.len();
        let from = back_over(text, to, 64, |b| !b" \t\n\"'`".contains(&b));
        let closed = cut != b" (" || text.get(end) == Some(&b')');
        if closed && value::is_prose_secret(&text[from..to], true) {
            scan.secret(from, to, RuleId::PROSE);
        }
    }
    if text[end..].starts_with(b" (") {
        let close = forward_over(text, end + 2, 64, |b| !b" \t\n\"'`()".contains(&b));
        if text.get(close) == Some(&b')') && value::is_prose_secret(&text[end + 2..close], false) {
            scan.secret(end + 2, close, RuleId::PROSE);
        }
    }
}

/// Looks for the value of a label that ends at `end`; where the next label may start.
fn label(scan: &mut Scan, noun: Noun, end: usize, wide: bool) -> usize {
    let text = scan.text;
    let word = ending(text, end);
    let mut after = word;
    for _ in 0..MOST_JOINTS {
        let Some((joint, from)) = joint(text, after, &mut scan.memo.unjoined) else { return end };
        // Labels of ASCII letters in front of `=` are names in code, and judged as such.
        if joint == Joint::Sign && !wide && text[from - 1] == b'=' {
            return end;
        }
        if let Some(span) = prose_value(text, from) {
            let body = &text[span.start..span.end];
            let place = Found { noun, joint, quoted: span.quoted, next: text.get(span.end).copied() };
            if scan.memo.accepted.accepts(place, body) {
                let sign = matches!(joint, Joint::Sign | Joint::Distant);
                scan.secret(span.start, span.end, if sign { RuleId::ASSIGNED } else { RuleId::PROSE });
                return span.end;
            }
            if pair(scan, noun, joint, span) {
                return span.end;
            }
        }
        if joint != Joint::Link || from > word + REACH {
            return end;
        }
        after = from;
    }
    end
}

/// `credentials: admin / x`: the second part of a login.
fn pair(scan: &mut Scan, noun: Noun, joint: Joint, first: Span) -> bool {
    noun == Noun::Pass && joint != Joint::Beside && second_of_login(scan, first)
}

/// The same behind a first part that ends with `first`.
pub(crate) fn second_of_login(scan: &mut Scan, first: Span) -> bool {
    let text = scan.text;
    if first.quoted || !text[first.end..].starts_with(b" / ") {
        return false;
    }
    let Some(span) = prose_value(text, first.end + 3) else { return false };
    let chosen = value::looks_chosen(&text[span.start..span.end]);
    if chosen {
        scan.secret(span.start, span.end, RuleId::PROSE);
    }
    chosen
}

/// A value that may belong to a label.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Found {
    noun: Noun,
    joint: Joint,
    quoted: bool,
    next: Option<u8>,
}

/// The end of the word that a label's stem stands in: inflections are letters, but scripts without spaces have none.
fn ending(text: &[u8], end: usize) -> usize {
    if text[end - 1] >= 0x80 && is_spaceless(text, end) {
        return end;
    }
    forward_over(text, end, 24, |b| b.is_ascii_alphabetic() || (0x80..0xE0).contains(&b))
}

/// Whether the character in front of `end` is of three bytes: of a script that writes no spaces, or of one whose
/// endings do not matter.
fn is_spaceless(text: &[u8], end: usize) -> bool {
    end >= 3 && text[end - 3] >= 0xE0
}

/// Words in a row in front of none of which a joint was found: labels may stand close together.
#[derive(Default)]
pub(crate) struct Unjoined {
    /// The last places, each one word behind the one before.
    places: [usize; MOST_WORDS + 1],
    count: usize,
    /// The last range of nothing but letters, as long as scripts without spaces write them.
    letters: (usize, usize),
}

impl Unjoined {
    /// The end of the word at `at`; letters that were read before are not read again.
    fn word_end(&mut self, text: &[u8], at: usize) -> usize {
        const LONGEST: usize = 40;
        let (from, to) = self.letters;
        let known = from <= at && at <= to;
        let start = if known { to.min(at + LONGEST) } else { at };
        let end = forward_over(text, start, at + LONGEST - start, |b| WORD_BYTES.has(b));
        self.letters = if known { (from, to.max(end)) } else { (at, end) };
        end
    }

    fn push(&mut self, at: usize) {
        self.places[self.count % (MOST_WORDS + 1)] = at;
        self.count += 1;
    }

    /// The last place and how many words it lies behind `at`.
    fn behind(&self, at: usize) -> Option<(usize, usize)> {
        let place = |back: usize| self.places[(self.count - 1 - back) % (MOST_WORDS + 1)];
        let words = (0..self.count.min(MOST_WORDS + 1)).find(|back| place(*back) == at)?;
        Some((place(0), words))
    }
}

/// What joins a label to its value, and where the value starts.
fn joint(text: &[u8], word: usize, unjoined: &mut Unjoined) -> Option<(Joint, usize)> {
    let ceiling = text.len().min(word + REACH);
    let mut at = past_blank(text, word);
    let (beside, mut words) = (at, 0);
    if let Some((last, known)) = unjoined.behind(at) {
        (at, words) = (last, known);
    } else {
        if let Some(from) = sign(text, at) {
            return Some((Joint::Sign, from));
        }
        if let Some(from) = link(text, at) {
            return Some((Joint::Link, sign(text, past_blank(text, from)).unwrap_or(from)));
        }
        unjoined.count = 0;
        unjoined.push(at);
    }
    while words < MOST_WORDS {
        let next = unjoined.word_end(text, at);
        if next == at || next >= ceiling {
            break;
        }
        at = past_blank(text, next);
        if let Some(from) = sign(text, at) {
            return Some((Joint::Distant, from));
        }
        if let Some(from) = link(text, at) {
            return Some((Joint::Link, sign(text, past_blank(text, from)).unwrap_or(from)));
        }
        unjoined.push(at);
        words += 1;
    }
    (beside > word || text.get(beside).is_some_and(|b| *b >= 0xE2)).then_some((Joint::Beside, beside))
}

/// Letters of words that may stand between a label and its sign: names of users and hosts among them.
static WORD_BYTES: Bytes =
    Bytes::of(b"'_@.-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz").and_wide();

/// Spaces, no-break spaces and marks of direction.
fn past_blank(text: &[u8], from: usize) -> usize {
    let mut at = from;
    for _ in 0..8 {
        match text.get(at..) {
            Some([b' ' | b'\t' | b'*' | b'`', ..]) => at += 1,
            Some([0xC2, 0xA0, ..]) => at += 2,
            Some([0xE2, 0x80, 0x8B..=0x8F | 0xAA..=0xAF, ..] | [0xE2, 0x81, 0xA6..=0xA9, ..]) => at += 3,
            _ => break,
        }
    }
    at
}

/// The end of `:`, `：`, `=`, `—`, `→`.
fn sign(text: &[u8], at: usize) -> Option<usize> {
    match text.get(at..)? {
        [b':', b':' | b'/' | b'=', ..] | [b'=', b'=' | b'>', ..] => None,
        [b':' | b'=', ..] => Some(at + 1),
        [b'-' | b'>', b' ', ..] | [b'-', b'>', ..] => Some(at + 2),
        [0xEF, 0xBC, 0x9A | 0x9D, ..] | [0xE2, 0x80, 0x93 | 0x94, ..] | [0xE2, 0x86, 0x92, ..] => {
            Some(at + 3)
        }
        _ => None,
    }
}

/// The end of a word for "is", also where it stands without spaces.
fn link(text: &[u8], at: usize) -> Option<usize> {
    const GLUED: [&str; 6] = ["是", "为", "為", "は", "는", "คือ"];
    let rest = text.get(at..)?;
    if rest.first().is_some_and(|byte| *byte >= 0xE0)
        && let Some(glued) = GLUED.iter().find(|glued| rest.starts_with(glued.as_bytes()))
    {
        return Some(past_blank(text, at + glued.len()));
    }
    let end = forward_over(text, at, 16, |b| b.is_ascii_alphabetic() || b >= 0x80);
    (end > at && text.get(end) == Some(&b' ') && foreign::links(&text[at..end]))
        .then(|| past_set_to(text, past_blank(text, end)))
}

/// `is set to`, `was changed to`
fn past_set_to(text: &[u8], at: usize) -> usize {
    if !text.get(at).is_some_and(|first| b"scrn".contains(first)) {
        return at;
    }
    [b"set to ".as_slice(), b"changed to ", b"reset to ", b"now ", b"currently ", b"simply "]
        .iter()
        .find(|words| text[at..].starts_with(words))
        .map_or(at, |words| at + words.len())
}

/// What ends a value without quotes.
static STOPS: Bytes = Bytes::of(b" \t\n\r\"'`<>,;|\\(){}[]");

/// The value at `from`: in quotes of any language, or up to white space or a sign of another script.
fn prose_value(text: &[u8], from: usize) -> Option<Span> {
    const QUOTES: [(&str, &str); 9] = [
        ("«", "»"),
        ("„", "“"),
        ("“", "”"),
        ("”", "”"),
        ("‘", "’"),
        ("「", "」"),
        ("『", "』"),
        ("‹", "›"),
        ("»", "«"),
    ];
    let from = past_blank(text, from);
    let rest = text.get(from..text.len().min(from + VALUE_LIMIT))?;
    if rest.first().is_some_and(|byte| *byte >= 0xC2)
        && let Some((open, close)) = QUOTES.iter().find(|(open, _)| rest.starts_with(open.as_bytes()))
    {
        let start = past_blank(text, from + open.len());
        let end = start + memchr::memmem::find(&text[start..from + rest.len()], close.as_bytes())?;
        let end = end
            - usize::from(text[..end].ends_with(b" "))
            - 2 * usize::from(text[..end].ends_with(&[0xC2, 0xA0]));
        return (end > start && !text[start..end].contains(&b'\n')).then_some(Span {
            start,
            end,
            quoted: true,
        });
    }
    if let [quote @ (b'"' | b'\'' | b'`'), ..] = rest {
        let close = 1 + memchr::memchr2(*quote, b'\n', &rest[1..])?;
        return (close > 1 && rest[close] == *quote).then_some(Span {
            start: from + 1,
            end: from + close,
            quoted: true,
        });
    }
    let length = rest.iter().position(|b| STOPS.has(*b) || *b >= 0xE2).unwrap_or(rest.len());
    let end = rest[..length].iter().rposition(|b| !b".?:".contains(b))? + 1;
    // Guillemets are of two bytes.
    let end = if rest[..end].ends_with("»".as_bytes()) { end - 2 } else { end };
    (end > 0).then_some(Span { start: from, end: from + end, quoted: false })
}

/// The value that was judged last behind a label: the same few stand behind many.
#[derive(Default)]
pub(crate) struct Accepted<'a>(Option<(Found, &'a [u8], bool)>);

impl<'a> Accepted<'a> {
    /// As [`accepts`].
    fn accepts(&mut self, found: Found, body: &'a [u8]) -> bool {
        match self.0 {
            Some((known, same, accepted)) if known == found && same == body => accepted,
            _ => {
                let accepted = accepts(found, body);
                self.0 = Some((found, body, accepted));
                accepted
            }
        }
    }
}

/// Whether this is the value of such a label.
fn accepts(found: Found, body: &[u8]) -> bool {
    let Found { noun, joint, quoted, next } = found;
    if joint == Joint::Beside && value::is_plain_word(body) {
        return false;
    }
    if body.len() < 4 || value::is_placeholder(body) || matches!(next, Some(b'(' | b'[' | b'{')) {
        return false;
    }
    let shape = Shape::of(body);
    let digits = shape.digits == body.len();
    let random = value::is_token(body, &shape);
    match (noun, joint) {
        (Noun::Key, Joint::Beside) => random,
        (Noun::Key, _) => {
            random || body.len() >= 12 && shape.digits > 1 && value::is_prose_secret(body, true)
        }
        (Noun::Pass | Noun::Code, Joint::Beside) => value::is_prose_secret(body, quoted),
        (Noun::Pass | Noun::Code, _) if digits => (4..=10).contains(&body.len()) && !is_year(body),
        (Noun::Code, _) => value::is_prose_secret(body, true),
        (Noun::Pass, Joint::Sign) => {
            let place = Place {
                class: KeyClass::SECRET,
                key: b"",
                quoted: false,
                strict: false,
                colon: true,
                next: next.unwrap_or(b'\n'),
            };
            value::looks_chosen(body) || value::is_secret(body, &place)
        }
        (Noun::Pass, _) => value::looks_chosen(body) && (body.len() >= 6) && !value::is_compound(body),
    }
}

fn is_year(body: &[u8]) -> bool {
    body.len() == 4 && (body.starts_with(b"19") || body.starts_with(b"20"))
}

/// Whether a name ends with `passphrase`.
pub(crate) fn names_phrase(key: &[u8]) -> bool {
    key[key.len().saturating_sub(10)..].eq_ignore_ascii_case(b"passphrase")
}

/// A first look: whether a word of small letters stands at `from` and another may follow.
pub(crate) fn starts_phrase(text: &[u8], from: usize) -> bool {
    let first = forward_over(text, from, LONGEST_PHRASE, |b| b.is_ascii_whitespace());
    let word = forward_over(text, first, LONGEST_PHRASE, |b| b.is_ascii_lowercase());
    matches!(text.get(word), Some(b' ' | b'-'))
}

/// `Passphrase: correct horse battery staple`: words alone up to the end of the line.
pub(crate) fn is_phrase(line: &[u8]) -> bool {
    const SPEAKING: [&[u8]; 24] = [
        b"the", b"a", b"to", b"of", b"is", b"for", b"used", b"in", b"and", b"or", b"not", b"that", b"your",
        b"no", b"if", b"with", b"on", b"an", b"from", b"must", b"be", b"when", b"this", b"it",
    ];
    if line.len() > LONGEST_PHRASE {
        return false;
    }
    let line = line.trim_ascii();
    let words = || line.split(|b| matches!(b, b' ' | b'-'));
    (4..=8).contains(&words().count())
        && words().all(|word| {
            word.len() > 2 && word.iter().all(u8::is_ascii_lowercase) && !SPEAKING.contains(&word)
        })
}
