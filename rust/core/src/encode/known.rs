//! Short texts that may be stored as they are: the names of tools, models, roles and files come again and again, and
//! what the redactor has once said of one it says again.
//!
//! Only texts that stay are remembered, so nothing secret is. A redactor never changes its mind: its answer hangs on the
//! text and the class of its place alone.

use super::escape::next_special;
use crate::redact::KeyClass;

const ENTRIES: usize = 256;
/// The longest text that is remembered.
pub(super) const LONGEST: usize = 32;

/// A text of up to 32 bytes as two words that overlap where it is shorter: with its length they say all of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Short {
    front: u128,
    back: u128,
    /// The length plus one, so that no text is like an empty place.
    length: u8,
    class: KeyClass,
}

impl Short {
    /// What an empty place holds.
    const NONE: Short = Short { front: 0, back: 0, length: 0, class: KeyClass::PLAIN };

    #[inline]
    pub(super) fn of(class: KeyClass, text: &[u8]) -> Option<Short> {
        let (front, back) = if let (Some(front), Some(back)) = (text.first_chunk::<16>(), text.last_chunk()) {
            (u128::from_le_bytes(*front), u128::from_le_bytes(*back))
        } else if let (Some(front), Some(back)) = (text.first_chunk::<8>(), text.last_chunk()) {
            (u64::from_le_bytes(*front).into(), u64::from_le_bytes(*back).into())
        } else if let (Some(front), Some(back)) = (text.first_chunk::<4>(), text.last_chunk()) {
            (u32::from_le_bytes(*front).into(), u32::from_le_bytes(*back).into())
        } else {
            let byte = |at: usize| u128::from(text.get(at).copied().unwrap_or(0));
            (byte(0) | byte(1) << 8 | byte(2) << 16, 0)
        };
        (text.len() <= LONGEST).then_some(Short { front, back, length: text.len() as u8 + 1, class })
    }

    /// A cheap hash.
    #[inline]
    pub(super) fn hash(&self) -> usize {
        let halves =
            [self.front as u64, (self.front >> 64) as u64, self.back as u64, (self.back >> 64) as u64];
        let mixed = halves.into_iter().fold(u64::from(self.length), |sum, half| {
            (sum ^ half).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
        });
        mixed as usize
    }
}

/// The texts that one buffer has met and kept, for one redactor.
#[derive(Default)]
pub(super) struct KnownTexts {
    redactor: u64,
    entries: Vec<Short>,
}

/// Where a text would be remembered.
#[derive(Clone, Copy)]
pub(super) struct Place {
    text: Short,
    index: usize,
}

impl KnownTexts {
    /// Whether `text` is known to stay as it is, escapes included; else where it can be remembered, if it is short.
    #[inline]
    pub(super) fn find(&mut self, redactor: u64, class: KeyClass, text: &[u8]) -> Result<(), Option<Place>> {
        let Some(text) = Short::of(class, text) else { return Err(None) };
        if self.redactor != redactor {
            self.belong_to(redactor);
        }
        let index = text.hash() % ENTRIES;
        if self.entries[index] == text { Ok(()) } else { Err(Some(Place { text, index })) }
    }

    /// Remembers a text that stays, unless JSON has to escape something in it.
    pub(super) fn remember(&mut self, place: Place, text: &[u8]) {
        if next_special(text, 0).is_none() {
            self.entries[place.index] = place.text;
        }
    }

    #[cold]
    fn belong_to(&mut self, redactor: u64) {
        self.redactor = redactor;
        self.entries.clear();
        self.entries.resize(ENTRIES, Short::NONE);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Buffer, Encoder, Limits};
    use super::*;
    use crate::redact::{Policy, Redactor};
    use proptest::prelude::*;

    #[test]
    fn a_text_is_known_once_it_was_remembered_for_this_redactor_and_class_alone() {
        let mut known = KnownTexts::default();
        let text = b"src/auth.ts";
        let slot = known.find(1, KeyClass::PLAIN, text).unwrap_err().unwrap();
        assert!(known.find(1, KeyClass::PLAIN, text).is_err());
        known.remember(slot, text);
        assert!(known.find(1, KeyClass::PLAIN, text).is_ok());
        assert!(known.find(1, KeyClass::SECRET, text).is_err());
        assert!(known.find(1, KeyClass::PLAIN, b"src/auth.rs").is_err());
        assert!(known.find(2, KeyClass::PLAIN, text).is_err());
        assert!(known.find(1, KeyClass::PLAIN, text).is_err(), "another redactor has been here");
    }

    #[test]
    fn texts_with_escapes_and_long_ones_are_not_remembered() {
        let mut known = KnownTexts::default();
        let slot = known.find(1, KeyClass::PLAIN, b"a\"b").unwrap_err().unwrap();
        known.remember(slot, b"a\"b");
        assert!(known.find(1, KeyClass::PLAIN, b"a\"b").is_err());
        assert!(matches!(known.find(1, KeyClass::PLAIN, &[b'x'; 33]), Err(None)));
        assert!(matches!(known.find(1, KeyClass::PLAIN, b""), Err(Some(_))), "nothing is no empty place");
    }

    #[test]
    fn what_is_known_of_a_text_holds_in_places_of_the_same_kind_alone() {
        let redactor = Redactor::new(&Policy::default()).unwrap();
        let mut buffer = Buffer::default();
        let mut written = |write: &dyn Fn(&mut Encoder<'_>)| {
            buffer.clear();
            write(&mut Encoder::new(&redactor, &mut buffer, Limits::NONE));
            String::from_utf8(buffer.out.clone()).unwrap()
        };
        for _ in 0..2 {
            assert_eq!(written(&|encoder| encoder.text("-pTr0ub4dor-3")), r#""-pTr0ub4dor-3""#);
            let under_a_key = written(&|encoder| {
                encoder.begin_object();
                encoder.key("password");
                encoder.text("-pTr0ub4dor-3");
                encoder.end_object();
            });
            assert_eq!(under_a_key, r#"{"password":"[REDACTED]"}"#);
            let as_an_argument = written(&|encoder| {
                encoder.begin_list();
                encoder.text("mysql");
                encoder.text("-pTr0ub4dor-3");
                encoder.end_list();
            });
            assert_eq!(as_an_argument, r#"["mysql","-p[REDACTED]"]"#);
        }
    }

    proptest! {
        #[test]
        fn different_texts_are_different(one in "[ab]{0,32}", other in "[ab]{0,32}") {
            let (one, other) = (one.as_bytes(), other.as_bytes());
            let same = Short::of(KeyClass::PLAIN, one) == Short::of(KeyClass::PLAIN, other);
            prop_assert_eq!(same, one == other);
        }
    }
}
