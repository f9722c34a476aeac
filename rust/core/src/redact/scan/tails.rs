//! The cheapest question about a name: can a name that ends like this say anything about its value?
//!
//! A name is judged by its last words, so a set of the last letters of all words of the vocabulary answers "no" for
//! nearly every name of nearly every text, at the price of a look-up or two.

use super::blocks::BLOCK;
use super::letters::{Letters, last_eight, others, unflagged};
use super::span::KEY_LIMIT;
use super::waiting;
use crate::redact::keys::words;
use crate::redact::labelled::assign::is_name_byte;
use crate::redact::pii::labels;
use std::sync::LazyLock;

const ENTRIES: usize = 1 << 9;
/// Low five bits of each letter: the same for both cases.
const FOUR_LETTERS: u64 = 0x1f1f_1f1f;
const FIVE_LETTERS: u64 = 0x1f_1f1f_1f1f;
const EIGHT_LETTERS: u64 = 0x1f1f_1f1f_1f1f_1f1f;

/// A set of name endings, of any case.
#[derive(Clone, Debug)]
pub(crate) struct Tails {
    /// The last four letters of every word, with every letter in front of shorter ones: where most names fail.
    likely: Box<[u64; ENTRIES]>,
    /// The same once more for shorter words, and the last five letters of longer ones.
    exact: Box<[u64; ENTRIES]>,
    /// The last eight letters of every word, for sets whose words are never parts of longer ones.
    whole: Option<Box<[u64; ENTRIES]>>,
    /// Words of two letters, by their second one: a bit for the first. They stand alone or as a hump.
    short: [u32; 32],
}

/// Endings of names in front of `=` or `:`.
pub(crate) static NAMES: LazyLock<Tails> = LazyLock::new(|| {
    let mut tails = Tails::of_words();
    words::telling().chain(BESIDE_NAMES).for_each(|word| tails.add(word.as_bytes()));
    labels::all().for_each(|label| tails.add_tail(label.as_bytes()));
    if let Some(whole) = &mut tails.whole {
        labels::last_words().for_each(|last| put(whole, eight(last)));
    }
    tails
});

/// Endings of words that are worth a look without an operator behind them.
pub(crate) static WORDS: LazyLock<Tails> = LazyLock::new(|| {
    let mut tails = Tails::of_words();
    let words = words::secretive().chain(ENDINGS).chain(waiting::words().map(|(word, _)| word));
    let telling = words.filter(|word| word.len() > 2 && !OFTEN.contains(word));
    telling.for_each(|word| tails.add(word.as_bytes()));
    tails
});

/// Words that code is full of, and that say nothing without an operator.
const OFTEN: [&str; 4] = ["string", "str", "words", "link"];

/// Words in front of an operator that are no names themselves but lead to one: `name="K" value="V"`, types.
#[rustfmt::skip]
const BESIDE_NAMES: [&str; 23] = [
    "value", "val", "content", "default", "data", "body", "example", "result",
    "string", "str", "text", "any", "bytes", "char", "auto", "static", "const", "secretstr", "optional", "cow", "defaultvalue", "lines",
    "samlresponse",
];

/// Words that armour, cookie files, calls and the tools for PDF files wait for, and the last words of switches.
#[rustfmt::skip]
const ENDINGS: [&str; 12] = [
    "begin", "true", "false", "securestring", "user_pw", "owner_pw", "input_pw", "tcp", "connect", "stdin", "passin", "tool",
];

/// Endings of words that name a secret wherever they stand in a name.
static STRONG: LazyLock<Tails> = LazyLock::new(|| {
    let mut tails = Tails::default();
    words::strong().for_each(|word| tails.add(word.as_bytes()));
    tails
});

/// Endings of words that name a secret with other letters in front of them: `pgpassword`, `dbpass`.
static GLUED: LazyLock<Tails> = LazyLock::new(|| {
    let mut tails = Tails::default();
    words::glued().for_each(|word| tails.add(word.as_bytes()));
    tails
});

/// Places of a block behind letters that may end such a word inside of a name: all that [`may_hold_secret`] may stop at.
#[inline]
pub(crate) fn secrets_inside(text: &[u8], at: usize, places: u64) -> u64 {
    STRONG.likely_ends(text, at, places)
}

/// Whether the name that ends in front of `end` may hold a word in front of its last one that names a secret. Words
/// end in front of signs, digits and capitals, so lower-case letters are stepped over.
#[inline]
pub(crate) fn may_hold_secret(text: &[u8], end: usize) -> bool {
    // Most names are one word of a few letters.
    let lower = unflagged(others(Letters::of(last_eight(text, end)).lower));
    let front = end - lower.min(end);
    let over = lower < 8 && front.checked_sub(1).is_none_or(|before| !is_name_byte(text[before]));
    !over && holds_secret(text, front, end)
}

/// As [`may_hold_secret`], for a name that is all lower case behind `at`.
#[inline(never)]
fn holds_secret(text: &[u8], mut at: usize, end: usize) -> bool {
    let floor = end.saturating_sub(KEY_LIMIT).max(SHORTEST_STRONG);
    while at > floor {
        let lower = unflagged(others(Letters::of(last_eight(text, at)).lower));
        if lower > 0 {
            at -= lower;
            continue;
        }
        at -= 1;
        if !is_name_byte(text[at]) {
            return false;
        }
        if text[at - 1].is_ascii_alphabetic() && STRONG.may_end_long(text, at) {
            return true;
        }
    }
    false
}

/// No word that names a secret wherever it stands is shorter.
const SHORTEST_STRONG: usize = 3;

impl Default for Tails {
    fn default() -> Tails {
        Tails { likely: Box::new([0; ENTRIES]), exact: Box::new([0; ENTRIES]), whole: None, short: [0; 32] }
    }
}

impl Tails {
    /// An empty set that is asked for whole words.
    fn of_words() -> Tails {
        Tails { whole: Some(Box::new([0; ENTRIES])), ..Tails::default() }
    }

    /// Adds a word; its letters are ASCII, words beyond ASCII are not asked about.
    pub(crate) fn add(&mut self, word: &[u8]) {
        self.add_tail(word);
        if let Some(whole) = &mut self.whole {
            put(whole, LastWord::of(word, word.len()).whole);
        }
    }

    /// Adds the last letters of a word only.
    fn add_tail(&mut self, word: &[u8]) {
        let digits = word.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let undigited = &word[..word.len() - digits];
        self.add_ending(word);
        if digits > 0 && undigited.len() > 2 {
            self.add_ending(undigited);
        }
    }

    fn add_ending(&mut self, word: &[u8]) {
        match word.len() {
            0 | 1 => {}
            2 => self.short[usize::from(word[1] & 31)] |= 1 << (word[0] & 31),
            3 => (0..32).for_each(|front| self.set(letters(word) | front << 8, four)),
            4 => self.set(letters(word), four),
            _ => self.set(letters(word), five),
        }
    }

    fn set(&mut self, letters: u64, exact: impl Fn(u64) -> u64) {
        put(&mut self.likely, four(letters));
        put(&mut self.exact, exact(letters));
    }

    /// Whether a word of the set can end in front of `end`, past digits. At the very start of a text that is not
    /// known.
    #[inline]
    pub(crate) fn may_end(&self, text: &[u8], end: usize) -> bool {
        let Some(last) = text[..end].last_chunk() else { return true };
        (self.likely(*last) || last[3].is_ascii_digit() || self.has_short(*last)) && self.ends(text, end)
    }

    /// The first part of the question of [`Tails::may_end_long`], which [`Tails::ends_long`] ends, about words that
    /// end at `places` of the block at `at`: those where the answer may be yes.
    #[inline]
    pub(crate) fn likely_ends(&self, text: &[u8], at: usize, mut places: u64) -> u64 {
        let near = at.checked_sub(4).and_then(|from| text.get(from..)?.first_chunk::<{ 4 + BLOCK }>());
        let mut likely = 0;
        while places != 0 {
            let bit = places.trailing_zeros() as usize % BLOCK;
            places &= places - 1;
            // Most words fail, and no branch foretells which.
            let last = match near {
                Some(near) => near[bit..].first_chunk(),
                None => text[..at + bit].last_chunk(),
            };
            likely |= u64::from(last.is_none_or(|last| self.likely(*last) | last[3].is_ascii_digit())) << bit;
        }
        likely
    }

    /// The rest of that question.
    #[inline]
    pub(crate) fn ends_long(&self, text: &[u8], end: usize) -> bool {
        end < 4 || self.ends(text, end)
    }

    /// As [`Tails::may_end`], for a set whose words all have three letters and more.
    #[inline]
    pub(crate) fn may_end_long(&self, text: &[u8], end: usize) -> bool {
        let Some(last) = text[..end].last_chunk() else { return true };
        (self.likely(*last) || last[3].is_ascii_digit()) && self.ends(text, end)
    }

    #[cold]
    #[inline(never)]
    fn ends(&self, text: &[u8], end: usize) -> bool {
        let seen =
            if text[end - 1].is_ascii_digit() { self.ends_numbered(text, end) } else { self.has(text, end) };
        seen && self.whole.as_ref().is_none_or(|whole| has_word(whole, text, end))
    }

    /// Whether a word of the set ends in front of `end`, behind which digits may stand; of the built-in words none is
    /// a number.
    fn ends_numbered(&self, text: &[u8], end: usize) -> bool {
        let digits = text[..end].iter().rev().take(8).take_while(|byte| byte.is_ascii_digit()).count();
        let named = |byte: &u8| byte.is_ascii_alphabetic() || b"_-.$".contains(byte) || *byte >= 0x80;
        if self.whole.is_some() && digits < 8 && text[..end - digits].last().is_some_and(|byte| !named(byte))
        {
            return false;
        }
        self.has(text, end) || end - digits < 4 || self.has(text, end - digits)
    }

    /// Whether the last letters are a word of two, with no small letter in front that it would belong to.
    #[inline]
    fn has_short(&self, [_, before, first, second]: [u8; 4]) -> bool {
        self.short[usize::from(second & 31)] >> (first & 31) & 1 != 0
            && (!before.is_ascii_alphanumeric() || first.is_ascii_uppercase())
    }

    #[inline]
    fn likely(&self, last: [u8; 4]) -> bool {
        holds(&self.likely, four(u64::from(u32::from_le_bytes(last)) << 8))
    }

    /// Whether a word of the set ends in front of `end`, which is at least 3.
    fn has(&self, text: &[u8], end: usize) -> bool {
        let last = match text[..end].last_chunk::<8>() {
            Some(chunk) => u64::from_le_bytes(*chunk) >> 24,
            None => letters(&text[..end]),
        };
        holds(&self.likely, four(last)) && (holds(&self.exact, five(last)) || holds(&self.exact, four(last)))
            || self.has_short([0, (last >> 16) as u8, (last >> 24) as u8, (last >> 32) as u8])
    }
}

/// Whether the word in front of `end`, or its last hump, is one of `whole` or ends like one that others are glued
/// to.
fn has_word(whole: &[u64; ENTRIES], text: &[u8], end: usize) -> bool {
    let word = LastWord::of(text, end);
    holds(whole, word.hump) || holds(whole, word.whole) || word.end >= 4 && GLUED.has(text, word.end)
}

/// The letters and digits that end a text, without the digits at their end: hashes of up to eight of them.
struct LastWord {
    /// Where it ends.
    end: usize,
    /// Of its last hump, as [`super::segments::Segments`] cuts it.
    hump: u64,
    /// Of all of it.
    whole: u64,
}

impl LastWord {
    #[inline]
    fn of(text: &[u8], mut end: usize) -> LastWord {
        while end > 0 && text[end - 1].is_ascii_digit() {
            end -= 1;
        }
        let bytes = last_eight(text, end);
        let letters = Letters::of(bytes);
        let whole = unflagged(others(letters.words()));
        let hump = whole.min(unflagged(letters.humps()) + 1);
        let hash = |length: usize| eight(bytes & u64::MAX.checked_shl(64 - 8 * length as u32).unwrap_or(0));
        LastWord { end, hump: hash(hump), whole: hash(whole) }
    }
}

fn put(bits: &mut [u64; ENTRIES], hash: u64) {
    bits[entry(hash)] |= mark(hash);
}

#[inline]
fn holds(bits: &[u64; ENTRIES], hash: u64) -> bool {
    bits[entry(hash)] & mark(hash) != 0
}

/// The last five bytes of a word, the last one highest.
fn letters(word: &[u8]) -> u64 {
    word.iter()
        .rev()
        .take(5)
        .enumerate()
        .fold(0, |all, (back, byte)| all | u64::from(*byte) << (32 - 8 * back))
}

#[inline]
fn five(letters: u64) -> u64 {
    (letters & FIVE_LETTERS).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[inline]
fn four(letters: u64) -> u64 {
    (letters >> 8 & FOUR_LETTERS).wrapping_mul(0xc2b2_ae3d_27d4_eb4f)
}

/// A hash of up to eight letters at the end of eight bytes in front of which only zeros stand.
#[inline]
fn eight(letters: u64) -> u64 {
    (letters & EIGHT_LETTERS).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[inline]
fn entry(hash: u64) -> usize {
    (hash >> 52) as usize % ENTRIES
}

#[inline]
fn mark(hash: u64) -> u64 {
    1 << (hash >> 32 & 63)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::keys::{KeyClass, Keys};
    use crate::redact::labelled::assign::LONG_NAME;
    use proptest::prelude::*;

    fn all_words() -> Vec<&'static str> {
        words::everything().chain(labels::all()).filter(|word| word.is_ascii()).collect()
    }

    proptest! {
        #[test]
        fn no_name_that_says_something_is_passed_over(
            picks in proptest::collection::vec(any::<prop::sample::Index>(), 1..4),
            sign in prop::sample::select(vec!["_", "-", "", "."]),
            digits in "[0-9]{0,2}",
        ) {
            let words = all_words();
            let mut name = picks.iter().map(|pick| *pick.get(&words)).collect::<Vec<_>>().join(sign);
            name.push_str(&digits);
            let class = Keys::default().classify(&name);
            let says = class != KeyClass::PLAIN && !class.is_content();
            let strong = name.len() >= LONG_NAME && may_hold_secret(name.as_bytes(), name.len());
            prop_assert!(!says || strong || NAMES.may_end(name.as_bytes(), name.len()), "{name}");
        }
    }

    #[test]
    fn most_words_of_a_text_are_passed_over() {
        let prose =
            "the quick brown fox jumps over a lazy dog while nothing happens for weeks or years to come";
        let ends = prose.match_indices(' ').map(|(at, _)| at).filter(|at| *at > 3);
        let passed = ends.filter(|end| WORDS.may_end_long(prose.as_bytes(), *end)).count();
        assert!(passed <= 2, "{passed}");
        assert_eq!((WORDS.short, STRONG.short), ([0; 32], [0; 32]));
    }
}
