//! The cheapest question about a name: can a name that ends like this say anything about its value?
//!
//! A name is judged by its last words, so a set of the last four letters of all words of the vocabulary answers
//! "no" for nearly every name of nearly every text, at the price of one look-up.

use super::pii::labels;
use super::{foreign, positions, words};
use std::sync::LazyLock;

const INDEX_BITS: u32 = 16;
/// Low five bits of each of four letters: the same for both cases.
const LETTERS: u32 = 0x1f1f_1f1f;

/// A set of name endings, of any case.
#[derive(Clone, Debug)]
pub(crate) struct Tails {
    bits: Box<[u64; 1 << (INDEX_BITS - 6)]>,
}

/// Endings of names in front of `=` or `:`.
pub(crate) static NAMES: LazyLock<Tails> = LazyLock::new(|| {
    let mut tails = Tails::default();
    words::telling().chain(labels::all()).chain(BESIDE_NAMES).for_each(|word| tails.add(word.as_bytes()));
    tails
});

/// Endings of words that are worth a look without an operator behind them.
pub(crate) static WORDS: LazyLock<Tails> = LazyLock::new(|| {
    let mut tails = Tails::default();
    words::secretive()
        .chain(COMMANDS)
        .chain(positions::words())
        .chain(foreign::plain_labels())
        .for_each(|word| tails.add(word.as_bytes()));
    tails
});

/// Words in front of an operator that are no names themselves but lead to one: `name="K" value="V"`, types.
#[rustfmt::skip]
const BESIDE_NAMES: [&str; 18] = [
    "value", "val", "content", "default", "data", "body",
    "string", "str", "text", "any", "bytes", "char", "auto", "static", "const", "secretstr", "optional", "cow",
];

/// Words that `at_word` of commands, SQL, armour and cookie files wait for.
#[rustfmt::skip]
const COMMANDS: [&str; 36] = [
    "identified", "values", "sudo", "add_user", "change_password", "authenticate_user", "auth", "requirepass",
    "masterauth", "htpasswd", "wpa_passphrase", "passwd", "chpasswd", "cryptsetup", "stdin", "begin", "true", "false",
    "send", "securestring", "use", "kinit", "realm", "luksopen", "luksformat", "insert", "add", "age", "gpg", "put", "create", "su",
    "smbpasswd", "passin", "fd", "tool",
];

/// Endings of words that name a secret wherever they stand in a name.
static STRONG: LazyLock<Tails> = LazyLock::new(|| {
    let mut tails = Tails::default();
    words::strong().for_each(|word| tails.add(word.as_bytes()));
    tails
});

/// Whether the name `name` may hold a word in front of its last one that names a secret.
pub(crate) fn may_hold_secret(name: &[u8]) -> bool {
    let strong = &*STRONG;
    name.windows(4).any(|letters| strong.has(letters.try_into().unwrap_or_default()))
}

impl Default for Tails {
    fn default() -> Tails {
        Tails { bits: Box::new([0; 1 << (INDEX_BITS - 6)]) }
    }
}

impl Tails {
    /// Adds a word; its letters are ASCII, words beyond ASCII are not asked about.
    pub(crate) fn add(&mut self, word: &[u8]) {
        let digits = word.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        for word in [word, &word[..word.len() - digits]] {
            match *word {
                [.., a, b, c, d] => self.set([a, b, c, d]),
                [b, c, d] => (0..32).for_each(|a| self.set([a, b, c, d])),
                [c, d] => {
                    (0..32 * 32)
                        .for_each(|front: u16| self.set([front as u8 & 31, (front >> 5) as u8, c, d]));
                }
                _ => {}
            }
        }
    }

    fn set(&mut self, letters: [u8; 4]) {
        let index = index(letters);
        self.bits[index >> 6] |= 1 << (index & 63);
    }

    /// Whether a word of the set can end in front of `end`, past digits.
    #[inline]
    pub(crate) fn may_end(&self, text: &[u8], end: usize) -> bool {
        let Some(letters) = text[..end].last_chunk() else { return true };
        self.has(*letters) || (letters[3].is_ascii_digit() && self.may_end_past_digits(text, end))
    }

    fn may_end_past_digits(&self, text: &[u8], end: usize) -> bool {
        let digits = text[..end].iter().rev().take(8).take_while(|byte| byte.is_ascii_digit()).count();
        text[..end - digits].last_chunk().is_none_or(|letters| self.has(*letters))
    }

    fn has(&self, letters: [u8; 4]) -> bool {
        let index = index(letters);
        self.bits[index >> 6] >> (index & 63) & 1 == 1
    }
}

fn index(letters: [u8; 4]) -> usize {
    ((u32::from_le_bytes(letters) & LETTERS).wrapping_mul(0x9e37_79b1) >> (u32::BITS - INDEX_BITS)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::assign::LONG_NAME;
    use crate::redact::keys::{KeyClass, Keys};
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
            let strong = name.len() >= LONG_NAME && may_hold_secret(name.as_bytes());
            prop_assert!(!says || strong || NAMES.may_end(name.as_bytes(), name.len()), "{name}");
        }
    }

    #[test]
    fn most_words_of_a_text_are_passed_over() {
        let prose =
            "the quick brown fox jumps over a lazy dog while nothing happens for weeks or years to come";
        let ends = prose.match_indices(' ').map(|(at, _)| at).filter(|at| *at > 3);
        let passed = ends.filter(|end| WORDS.may_end(prose.as_bytes(), *end)).count();
        assert!(passed <= 2, "{passed}");
    }
}
