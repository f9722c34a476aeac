//! Classes of names that were judged before: the same few names come again and again.

use super::KeyClass;

const ENTRIES: usize = 2048;
const LONGEST: usize = 32;

/// A name in a form that is quick to compare: up to sixteen bytes its ends are all of it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Ends {
    head: u64,
    tail: u64,
    length: usize,
}

impl Ends {
    /// The ends of a name that is not empty.
    #[inline]
    fn of(name: &[u8]) -> Ends {
        let length = name.len();
        if let (Some(head), Some(tail)) = (name.first_chunk(), name.last_chunk()) {
            return Ends { head: u64::from_le_bytes(*head), tail: u64::from_le_bytes(*tail), length };
        }
        if let (Some(head), Some(tail)) = (name.first_chunk(), name.last_chunk()) {
            let (head, tail) = (u32::from_le_bytes(*head), u32::from_le_bytes(*tail));
            return Ends { head: u64::from(head), tail: u64::from(tail), length };
        }
        let byte = |at: usize| u64::from(name[at]);
        Ends { head: byte(0) | byte(length / 2) << 8 | byte(length - 1) << 16, tail: 0, length }
    }

    fn hash(self) -> usize {
        let mixed = self.head.wrapping_mul(0x9e37_79b9_7f4a_7c15)
            ^ self.tail.wrapping_add(self.length as u64).wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
        (mixed >> 40) as usize
    }
}

/// A cheap hash of a name, for tables that are small and compare.
pub(crate) fn hash(name: &[u8]) -> usize {
    if name.is_empty() { 0 } else { Ends::of(name).hash() }
}

/// A name that was judged, and how.
#[derive(Clone, Copy)]
struct Entry {
    ends: Ends,
    /// What stands between the ends of longer names.
    middle: [u8; LONGEST - 16],
    class: KeyClass,
}

const EMPTY: Entry =
    Entry { ends: Ends { head: 0, tail: 0, length: 0 }, middle: [0; LONGEST - 16], class: KeyClass::PLAIN };

/// A direct-mapped cache from names to classes, compared by their bytes. It belongs to one redactor.
#[derive(Default)]
pub(crate) struct NameCache {
    entries: Vec<Entry>,
}

impl std::fmt::Debug for NameCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NameCache").finish_non_exhaustive()
    }
}

impl NameCache {
    /// The class of `name`, from the cache or from `judge`.
    pub(crate) fn class(&mut self, name: &[u8], judge: impl FnOnce() -> KeyClass) -> KeyClass {
        if name.is_empty() || name.len() > LONGEST {
            return judge();
        }
        if self.entries.is_empty() {
            self.entries.resize(ENTRIES, EMPTY);
        }
        let ends = Ends::of(name);
        let middle = name.get(8..name.len() - name.len().min(8)).unwrap_or(b"");
        let entry = &mut self.entries[ends.hash() % ENTRIES];
        if entry.ends == ends && entry.middle[..middle.len()] == *middle {
            return entry.class;
        }
        let class = judge();
        *entry = Entry { ends, class, ..EMPTY };
        entry.middle[..middle.len()].copy_from_slice(middle);
        class
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_judged_once_and_never_mistaken_for_another() {
        let mut cache = NameCache::default();
        assert_eq!(cache.class(b"token", || KeyClass::TOKEN), KeyClass::TOKEN);
        assert_eq!(cache.class(b"token", || unreachable!("it is cached")), KeyClass::TOKEN);
        for number in 0..2000 {
            let name = format!("name{number}");
            assert_eq!(cache.class(name.as_bytes(), || KeyClass::PLAIN), KeyClass::PLAIN);
        }
        let long = [b'x'; 40];
        assert_eq!(cache.class(&long, || KeyClass::SECRET), KeyClass::SECRET);
        assert_eq!(cache.class(&long, || KeyClass::PLAIN), KeyClass::PLAIN);
    }

    #[test]
    fn names_that_differ_in_one_byte_are_different_names() {
        for length in 1..=LONGEST {
            for place in 0..length {
                let mut name = vec![b'a'; length];
                let mut cache = NameCache::default();
                cache.class(&name, || KeyClass::SECRET);
                name[place] = b'b';
                assert_eq!(cache.class(&name, || KeyClass::PLAIN), KeyClass::PLAIN, "{length} {place}");
            }
        }
    }
}
