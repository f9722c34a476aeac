//! Byte classes of 64 bytes at a time, one bit per byte: the first look at every text.
//!
//! On `x86-64` the bits come from SSE2 comparisons, which every such machine has; elsewhere from a loop. One call is
//! `unsafe`, because the compiler cannot know the first; no pointer is involved.

/// How many bytes a block has.
pub(crate) const BLOCK: usize = 64;

/// One bit for each byte of a block, the first byte lowest.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Masks {
    /// Letters, digits, `_`, `-`.
    pub(crate) word: u64,
    pub(crate) digit: u64,
    /// `=`, `:`, `@`, `/`, `~`, `\`: places where something may start or be joined.
    pub(crate) sign: u64,
    /// Signs of an escape or the first byte of an invisible character.
    pub(crate) escape: u64,
}

#[cfg(target_arch = "x86_64")]
mod wide {
    use super::Masks;
    use std::arch::x86_64::{
        __m128i, _mm_add_epi8, _mm_cmpeq_epi8, _mm_cmpgt_epi8, _mm_movemask_epi8, _mm_or_si128,
        _mm_set_epi64x, _mm_set1_epi8,
    };

    /// The sixteen bytes at `at`.
    #[target_feature(enable = "sse2")]
    fn load(block: &[u8; super::BLOCK], at: usize) -> __m128i {
        let half = |from: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&block[from..from + 8]);
            i64::from_le_bytes(bytes)
        };
        _mm_set_epi64x(half(at + 8), half(at))
    }

    #[target_feature(enable = "sse2")]
    fn splat(byte: u8) -> __m128i {
        _mm_set1_epi8(byte.cast_signed())
    }

    /// Bytes from `first` on, `count` of them: shifted to the bottom of the signed range, one comparison is enough.
    #[target_feature(enable = "sse2")]
    fn range(bytes: __m128i, first: u8, count: u8) -> __m128i {
        let shifted = _mm_add_epi8(bytes, splat(0x80u8.wrapping_sub(first)));
        _mm_cmpgt_epi8(splat(0x80u8.wrapping_add(count)), shifted)
    }

    #[target_feature(enable = "sse2")]
    fn any(bytes: __m128i, set: &[u8]) -> __m128i {
        set.iter().fold(splat(0), |found, byte| _mm_or_si128(found, _mm_cmpeq_epi8(bytes, splat(*byte))))
    }

    #[target_feature(enable = "sse2")]
    fn bits(found: __m128i, at: usize) -> u64 {
        u64::from(_mm_movemask_epi8(found).cast_unsigned()) << at
    }

    #[target_feature(enable = "sse2")]
    pub(super) fn masks(block: &[u8; super::BLOCK]) -> Masks {
        let mut out = Masks::default();
        for at in (0..super::BLOCK).step_by(16) {
            let bytes = load(block, at);
            let lower = _mm_or_si128(bytes, splat(0x20));
            let digit = range(bytes, b'0', 10);
            let letter = range(lower, b'a', 26);
            let word = _mm_or_si128(_mm_or_si128(letter, digit), any(bytes, b"_-"));
            out.word |= bits(word, at);
            out.digit |= bits(digit, at);
            out.sign |= bits(any(bytes, b"=:@/~\\"), at);
            out.escape |= bits(any(bytes, b"%\\&\x1b\xe2\xef\xc2"), at);
        }
        out
    }
}

/// The plain version, for other processors; the tests compare the two.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn portable(block: &[u8; BLOCK]) -> Masks {
    let mut out = Masks::default();
    for (i, byte) in block.iter().enumerate() {
        let bit = |yes: bool| u64::from(yes) << i;
        out.word |= bit(is_word(*byte));
        out.digit |= bit(byte.is_ascii_digit());
        out.sign |= bit(b"=:@/~\\".contains(byte));
        out.escape |= bit(b"%\\&\x1b\xe2\xef\xc2".contains(byte));
    }
    out
}

/// Letters, digits, `_` and `-`.
pub(crate) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// The classes of one block.
pub(crate) fn masks(block: &[u8; BLOCK]) -> Masks {
    // SAFETY: SSE2 belongs to the x86-64 architecture; there is no such processor without it.
    #[cfg(target_arch = "x86_64")]
    return unsafe { wide::masks(block) };
    #[cfg(not(target_arch = "x86_64"))]
    portable(block)
}

/// The classes of the bytes from `at` on; past the end of the text no bit is set.
pub(crate) fn masks_at(text: &[u8], at: usize) -> Masks {
    let mut block = [0; BLOCK];
    let rest = &text[at..];
    if let Some(whole) = rest.first_chunk() {
        masks(whole)
    } else {
        block[..rest.len()].copy_from_slice(rest);
        masks(&block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn both_versions_agree(bytes in proptest::collection::vec(any::<u8>(), BLOCK)) {
            let block: [u8; BLOCK] = bytes.try_into().unwrap();
            prop_assert_eq!(masks(&block), portable(&block));
        }
    }

    #[test]
    fn every_byte_has_the_same_classes_in_both_versions() {
        for byte in 0..=255 {
            assert_eq!(masks(&[byte; BLOCK]), portable(&[byte; BLOCK]), "{byte}");
        }
    }
}
