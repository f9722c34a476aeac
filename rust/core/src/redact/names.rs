//! Classes of names that were judged before: the same few names come again and again.

use super::keys::KeyClass;

const ENTRIES: usize = 512;
const LONGEST: usize = 30;

#[derive(Clone, Copy)]
struct Entry {
    length: u8,
    class: KeyClass,
    name: [u8; LONGEST],
}

const EMPTY: Entry = Entry { length: 0, class: KeyClass::PLAIN, name: [0; LONGEST] };

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
        let entry = &mut self.entries[slot(name)];
        if usize::from(entry.length) == name.len() && entry.name[..name.len()] == *name {
            return entry.class;
        }
        entry.class = judge();
        entry.length = name.len() as u8;
        entry.name[..name.len()].copy_from_slice(name);
        entry.class
    }
}

fn slot(name: &[u8]) -> usize {
    let mut head = [0; 8];
    let front = name.len().min(8);
    head[..front].copy_from_slice(&name[..front]);
    let mut tail = [0; 8];
    tail[..front].copy_from_slice(&name[name.len() - front..]);
    let mixed = u64::from_le_bytes(head).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ u64::from_le_bytes(tail).wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
    (mixed.wrapping_add(name.len() as u64 * 0x1_0000_0001) >> 48) as usize & (ENTRIES - 1)
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
}
