//! Sets of event numbers, which mostly follow on each other.

use std::collections::HashMap;

/// A set of numbers: 64 neighbours in one word, the word that was last used at hand.
#[derive(Clone, Debug, Default)]
pub(super) struct Ids {
    words: HashMap<u64, u64>,
    /// Which word was last added to, and that word; the others are in `words`.
    last: (u64, u64),
}

impl Ids {
    /// True where it was not in the set.
    pub(super) fn insert(&mut self, id: u64) -> bool {
        let (word, bit) = place(id);
        if word != self.last.0 {
            if self.last.1 != 0 {
                self.words.insert(self.last.0, self.last.1);
            }
            self.last = (word, self.words.remove(&word).unwrap_or(0));
        }
        let new = self.last.1 & bit == 0;
        self.last.1 |= bit;
        new
    }

    pub(super) fn contains(&self, id: u64) -> bool {
        let (word, bit) = place(id);
        let found =
            if word == self.last.0 { self.last.1 } else { self.words.get(&word).copied().unwrap_or(0) };
        found & bit != 0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.words.is_empty() && self.last.1 == 0
    }

    /// Takes all of another set.
    pub(super) fn extend(&mut self, other: &Ids) {
        for (word, bits) in other.words.iter().chain([(&other.last.0, &other.last.1)]) {
            if *word == self.last.0 {
                self.last.1 |= bits;
            } else if *bits != 0 {
                *self.words.entry(*word).or_default() |= bits;
            }
        }
    }
}

impl FromIterator<u64> for Ids {
    fn from_iter<I: IntoIterator<Item = u64>>(ids: I) -> Ids {
        let mut set = Ids::default();
        ids.into_iter().for_each(|id| {
            set.insert(id);
        });
        set
    }
}

/// The word that a number is in, and its bit there.
fn place(id: u64) -> (u64, u64) {
    (id / 64, 1 << (id % 64))
}

#[cfg(test)]
mod tests {
    use super::Ids;
    use proptest::prelude::*;
    use std::collections::HashSet;

    /// Numbers as sessions have them, those at the ends of words, and any.
    fn numbers() -> impl Strategy<Value = Vec<u64>> {
        let number = prop_oneof![0..200_u64, (0..4_u64).prop_map(|n| n * 64 + 63), any::<u64>()];
        proptest::collection::vec(number, 0..60)
    }

    proptest! {
        #[test]
        fn it_is_a_set(one in numbers(), other in numbers(), asked in numbers()) {
            let (mut ours, mut theirs) = (Ids::default(), HashSet::new());
            prop_assert!(ours.is_empty());
            for id in &one {
                prop_assert_eq!(ours.insert(*id), theirs.insert(*id));
            }
            ours.extend(&other.iter().copied().collect());
            theirs.extend(&other);
            for id in one.iter().chain(&other).chain(&asked) {
                prop_assert_eq!(ours.contains(*id), theirs.contains(id), "{}", id);
            }
            prop_assert_eq!(ours.is_empty(), theirs.is_empty());
        }
    }
}
