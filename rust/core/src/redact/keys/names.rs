//! Classes of names that were judged before: the same few names come again and again.

use super::KeyClass;

const ENTRIES: usize = 2048;
pub(super) const LONGEST: usize = 32;

/// A name in a form that is quick to compare: up to [`LONGEST`] bytes these are all of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Packed {
    head: u64,
    tail: u64,
    /// What stands between the ends of longer names.
    middle: [u64; 2],
    length: usize,
}

impl Packed {
    pub(super) const EMPTY: Packed = Packed { head: 0, tail: 0, middle: [0; 2], length: 0 };

    /// A name that is not empty.
    #[inline]
    pub(super) fn of(name: &[u8]) -> Packed {
        let length = name.len();
        if let (Some(head), Some(tail)) = (name.first_chunk(), name.last_chunk()) {
            let (head, tail) = (u64::from_le_bytes(*head), u64::from_le_bytes(*tail));
            let middle = if length > 16 { Packed::middle(name) } else { [0; 2] };
            return Packed { head, tail, middle, length };
        }
        if let (Some(head), Some(tail)) = (name.first_chunk(), name.last_chunk()) {
            let (head, tail) = (u32::from_le_bytes(*head), u32::from_le_bytes(*tail));
            return Packed { head: u64::from(head), tail: u64::from(tail), length, ..Packed::EMPTY };
        }
        let byte = |at: usize| u64::from(name[at]);
        Packed { head: byte(0) | byte(length / 2) << 8 | byte(length - 1) << 16, length, ..Packed::EMPTY }
    }

    fn middle(name: &[u8]) -> [u64; 2] {
        let word = |part: Option<&[u8; 8]>| part.map_or(0, |bytes| u64::from_le_bytes(*bytes));
        [word(name[8..].first_chunk()), word(name[..name.len() - 8].last_chunk())]
    }

    /// The same name in lower case.
    #[inline]
    pub(super) fn lowered(self) -> Packed {
        let Packed { head, tail, middle: [first, second], length } = self;
        Packed { head: lower(head), tail: lower(tail), middle: [lower(first), lower(second)], length }
    }

    #[inline]
    pub(super) fn hash(self) -> usize {
        let mixed = self.head.wrapping_mul(0x9e37_79b9_7f4a_7c15)
            ^ self.tail.wrapping_add(self.length as u64).wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
        (mixed >> 40) as usize
    }
}

/// Eight bytes with their ASCII capitals in lower case.
#[inline]
const fn lower(bytes: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let ascii = bytes & (0x7f * ONES);
    let from_a = ascii + (0x80 - b'A' as u64) * ONES;
    let past_z = ascii + (0x80 - (b'Z' as u64 + 1)) * ONES;
    let capital = from_a & !past_z & !bytes & (0x80 * ONES);
    bytes | capital >> 2
}

/// A name that was judged, and how.
#[derive(Clone, Copy)]
struct Entry {
    name: Packed,
    class: KeyClass,
}

const EMPTY: Entry = Entry { name: Packed::EMPTY, class: KeyClass::PLAIN };

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
        let name = Packed::of(name);
        let entry = &mut self.entries[name.hash() % ENTRIES];
        if entry.name != name {
            *entry = Entry { name, class: judge() };
        }
        entry.class
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
    fn capitals_are_lowered_and_nothing_else() {
        for byte in 0..=u8::MAX {
            let bytes = [byte, b'A', 0xff, b'Z', b'@', byte, b'[', byte];
            let lowered = lower(u64::from_le_bytes(bytes)).to_le_bytes();
            assert_eq!(lowered, bytes.map(|byte| byte.to_ascii_lowercase()), "{byte}");
        }
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
