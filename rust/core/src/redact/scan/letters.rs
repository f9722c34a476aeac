//! Letters, capitals and digits among eight bytes at once, for looks at the end of a word.

/// The high bit of every byte.
const FLAGS: u64 = 0x8080_8080_8080_8080;

/// A flag, the high bit of its byte, for each of eight bytes that is of a class. The last byte is the highest.
#[derive(Clone, Copy)]
pub(crate) struct Letters {
    pub(crate) lower: u64,
    pub(crate) upper: u64,
    pub(crate) digit: u64,
}

/// The byte in each of eight places.
const fn all(byte: u8) -> u64 {
    byte as u64 * 0x0101_0101_0101_0101
}

impl Letters {
    #[inline]
    pub(crate) fn of(bytes: u64) -> Letters {
        let low = bytes & !FLAGS;
        let ascii = !bytes & FLAGS;
        // A sum reaches the high bit from the first byte of a range on, another one behind its last byte.
        let range = |first: u8, last: u8| (low + all(0x80 - first)) & !(low + all(0x7f - last)) & ascii;
        Letters { lower: range(b'a', b'z'), upper: range(b'A', b'Z'), digit: range(b'0', b'9') }
    }

    /// Flags of all letters and digits.
    #[inline]
    pub(crate) fn words(self) -> u64 {
        self.lower | self.upper | self.digit
    }

    /// Flags of the capitals that start a hump, as [`super::segments::Segments`] cuts names; the first byte may start
    /// one as well and has no flag.
    #[inline]
    pub(crate) fn humps(self) -> u64 {
        let behind_small = (self.lower | self.digit) << 8;
        let behind_capital = self.upper << 8 & self.lower >> 8;
        self.upper & (behind_small | behind_capital)
    }
}

/// How many of the last bytes have no flag in front of the last one that has.
#[inline]
pub(crate) fn unflagged(flags: u64) -> usize {
    (flags.leading_zeros() / 8) as usize
}

/// Flags of the other bytes.
#[inline]
pub(crate) fn others(flags: u64) -> u64 {
    flags ^ FLAGS
}

/// The last eight bytes in front of `end`, the last one highest; zero in front of the text.
#[inline]
pub(crate) fn last_eight(text: &[u8], end: usize) -> u64 {
    match text[..end].last_chunk() {
        Some(last) => u64::from_le_bytes(*last),
        None => text[..end].iter().fold(0, |all, byte| all >> 8 | u64::from(*byte) << 56),
    }
}

#[cfg(test)]
mod tests {
    use super::super::segments::Segments;
    use super::*;
    use proptest::prelude::*;

    fn flags(bytes: [u8; 8], wanted: impl Fn(&u8) -> bool) -> u64 {
        u64::from_le_bytes(bytes.map(|byte| u8::from(wanted(&byte)) << 7))
    }

    proptest! {
        #[test]
        fn classes_are_those_of_single_bytes(bytes in any::<[u8; 8]>()) {
            let letters = Letters::of(u64::from_le_bytes(bytes));
            prop_assert_eq!(letters.lower, flags(bytes, u8::is_ascii_lowercase));
            prop_assert_eq!(letters.upper, flags(bytes, u8::is_ascii_uppercase));
            prop_assert_eq!(letters.digit, flags(bytes, u8::is_ascii_digit));
        }

        #[test]
        fn humps_are_those_of_names(name in "[aB1]{7}") {
            let last = unflagged(Letters::of(last_eight(name.as_bytes(), 7)).humps()) + 1;
            prop_assert_eq!(last.min(7), Segments::of(&name).tail(1).len());
        }
    }

    #[test]
    fn a_short_text_is_filled_up_in_front() {
        assert_eq!(last_eight(b"abc", 2).to_le_bytes(), *b"\0\0\0\0\0\0ab");
        assert_eq!(last_eight(b"0123456789", 9).to_le_bytes(), *b"12345678");
    }
}
