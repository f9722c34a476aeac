//! Texts that were judged before: an agent sends the same conversation with every call, and edits the same files.
//!
//! A text is known again by a keyed hash of 128 bits, never by its words, so that nothing of it is kept; the key is
//! random, so that nobody can make two texts of one hash. A redactor never changes its mind: what it found in a text it
//! would find again.

use super::Finding;
use highway::{HighwayHash, HighwayHasher, Key};
use std::hash::{BuildHasher, RandomState};

/// Shorter texts are cheaper to judge than to know.
const SHORTEST: usize = 16;
/// Longer ones, which are hashed by default, do not come again.
const LONGEST: usize = 32 << 10;
const ENTRIES: usize = 1 << 10;
/// A text with more findings is judged again.
const MOST_FINDINGS: usize = 16;

/// What one redactor hashes with: a place belongs to it alone.
#[derive(Debug)]
pub(super) struct Hasher([u64; 4]);

/// Where a text is remembered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place([u64; 2]);

impl Hasher {
    pub(super) fn new() -> Hasher {
        let state = RandomState::new();
        Hasher([0, 1, 2, 3].map(|word: u64| state.hash_one(word)))
    }

    /// Where a text is remembered, if one of its length is.
    pub(super) fn place(&self, text: &[u8]) -> Option<Place> {
        let known = (SHORTEST..=LONGEST).contains(&text.len());
        known.then(|| Place(HighwayHasher::new(Key(self.0)).hash128(text)))
    }
}

/// What was found in the texts that were judged last; a place is taken by the next text that falls on it.
#[derive(Debug, Default)]
pub(super) struct Judged(Vec<(Place, Box<[Finding]>)>);

impl Judged {
    /// What was found in the text that belongs at `place`, if it was judged before.
    pub(super) fn find(&self, place: Place) -> Option<&[Finding]> {
        let (known, findings) = self.0.get(index(place))?;
        (*known == place).then_some(findings)
    }

    pub(super) fn remember(&mut self, place: Place, findings: &[Finding]) {
        if findings.len() > MOST_FINDINGS {
            return;
        }
        if self.0.is_empty() {
            self.0.resize_with(ENTRIES, Default::default);
        }
        self.0[index(place)] = (place, findings.into());
    }
}

fn index(Place(words): Place) -> usize {
    words[0] as usize % ENTRIES
}

#[cfg(test)]
mod tests {
    use super::super::{KeyClass, Policy, Redactor, Scratch, Verdict};
    use super::*;

    fn password() -> String {
        ["walnut", "pebble", "87"].join("-")
    }

    #[test]
    fn a_text_is_judged_the_same_again_and_by_each_redactor_for_itself() {
        let strict = Redactor::new(&Policy { redact_content: false, ..Policy::default() }).unwrap();
        let lenient = Policy { redact_content: false, allow: vec![password()], ..Policy::default() };
        let lenient = Redactor::new(&lenient).unwrap();
        let mut scratch = Scratch::default();
        let text = format!("the password: {}", password());
        for _ in 0..3 {
            assert_eq!(strict.text(KeyClass::PLAIN, &text, &mut scratch), Verdict::Spans);
            let found = scratch.findings.clone();
            assert_eq!((found.len(), found[0].start, found[0].end as usize), (1, 14, text.len()));
            assert_eq!(lenient.text(KeyClass::PLAIN, &text, &mut scratch), Verdict::Keep);
            assert_eq!(scratch.findings, []);
        }
    }

    #[test]
    fn only_whole_texts_are_known() {
        let hasher = Hasher::new();
        let (text, mut judged) = (password().repeat(20), Judged::default());
        let place = hasher.place(text.as_bytes()).unwrap();
        assert!(judged.find(place).is_none());
        judged.remember(place, &[]);
        assert_eq!(judged.find(place), Some([].as_slice()));
        for other in [&text[1..], &text[..text.len() - 1], &text.to_uppercase()] {
            assert!(judged.find(hasher.place(other.as_bytes()).unwrap()).is_none());
        }
        assert!(judged.find(Hasher::new().place(text.as_bytes()).unwrap()).is_none(), "another key");
        assert_eq!(hasher.place(&[b'x'; SHORTEST - 1]), None);
        assert_eq!(hasher.place(&vec![b'x'; LONGEST + 1]), None);
    }

    #[test]
    fn a_text_full_of_findings_is_not_remembered() {
        let redactor = Redactor::new(&Policy { redact_content: false, ..Policy::default() }).unwrap();
        let mut scratch = Scratch::default();
        let text = format!("password={}\n", password()).repeat(MOST_FINDINGS + 1);
        redactor.text(KeyClass::PLAIN, &text, &mut scratch);
        let place = redactor.judged.place(text.as_bytes()).unwrap();
        assert!(scratch.findings.len() > MOST_FINDINGS && scratch.judged.find(place).is_none());
    }
}
