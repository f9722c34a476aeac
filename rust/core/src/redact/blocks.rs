//! Byte classes of 64 bytes at a time, one bit per byte: the first look at every text.

use wide::u8x16;

/// How many bytes a block has.
pub(crate) const BLOCK: usize = 64;

/// One bit for each byte of a block, the first byte lowest.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Masks {
    /// Letters, digits, `_`, `-`.
    pub(crate) word: u64,
    pub(crate) dash: u64,
    pub(crate) digit: u64,
    /// Upper-case letters.
    pub(crate) upper: u64,
    /// `=`, `:`, `@`, `/`, `~`, `\`, `$`: places where something may start or be joined.
    pub(crate) sign: u64,
    /// Signs that an escape starts with.
    pub(crate) escape: u64,
    /// Bytes beyond ASCII.
    pub(crate) wide: u64,
}

/// Bytes from `first` to `last`.
fn range(bytes: u8x16, first: u8, last: u8) -> u8x16 {
    let offset = bytes - u8x16::splat(first);
    offset.min(u8x16::splat(last - first)).simd_eq(offset)
}

fn one_of(bytes: u8x16, set: &[u8]) -> u8x16 {
    set.iter().fold(u8x16::ZERO, |found, byte| found | bytes.simd_eq(u8x16::splat(*byte)))
}

/// The classes of one block.
#[inline]
pub(crate) fn masks(block: &[u8; BLOCK]) -> Masks {
    let mut out = Masks::default();
    let (quarters, _) = block.as_chunks::<16>();
    for (at, quarter) in (0..BLOCK).step_by(16).zip(quarters) {
        let bytes = u8x16::new(*quarter);
        let digit = range(bytes, b'0', b'9');
        let letter = range(bytes | u8x16::splat(0x20), b'a', b'z');
        let dash = bytes.simd_eq(u8x16::splat(b'-'));
        let backslash = bytes.simd_eq(u8x16::splat(b'\\'));
        let bits = |found: u8x16| u64::from(found.to_bitmask()) << at;
        out.word |= bits(letter | digit | dash | bytes.simd_eq(u8x16::splat(b'_')));
        out.dash |= bits(dash);
        out.digit |= bits(digit);
        out.upper |= bits(range(bytes, b'A', b'Z'));
        out.sign |= bits(backslash | one_of(bytes, b"=:@/~$"));
        out.escape |= bits(backslash | one_of(bytes, b"%&\x1b"));
        out.wide |= bits(bytes);
    }
    out
}

/// The plain version, which the tests compare with.
#[cfg(test)]
fn portable(block: &[u8; BLOCK]) -> Masks {
    let mut out = Masks::default();
    for (i, byte) in block.iter().enumerate() {
        let bit = |yes: bool| u64::from(yes) << i;
        out.word |= bit(is_word(*byte));
        out.dash |= bit(*byte == b'-');
        out.digit |= bit(byte.is_ascii_digit());
        out.upper |= bit(byte.is_ascii_uppercase());
        out.sign |= bit(b"=:@/~\\$".contains(byte));
        out.escape |= bit(b"%\\&\x1b".contains(byte));
        out.wide |= bit(!byte.is_ascii());
    }
    out
}

/// Letters, digits, `_` and `-`.
pub(crate) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// The classes of the bytes from `at` on; past the end of the text no bit is set.
#[inline]
pub(crate) fn masks_at(text: &[u8], at: usize) -> Masks {
    let rest = &text[at..];
    if let Some(whole) = rest.first_chunk() {
        masks(whole)
    } else {
        let mut block = [0; BLOCK];
        block[..rest.len()].copy_from_slice(rest);
        masks(&block)
    }
}

/// One bit for each byte from `at` on that is one of `set`.
pub(crate) fn signs_at(text: &[u8], at: usize, set: &[u8]) -> u64 {
    let mut block = [0; BLOCK];
    let rest = &text[at..];
    let length = rest.len().min(BLOCK);
    block[..length].copy_from_slice(&rest[..length]);
    let (quarters, _) = block.as_chunks::<16>();
    let bits = (0..BLOCK).step_by(16).zip(quarters).fold(0, |bits, (from, quarter)| {
        bits | u64::from(one_of(u8x16::new(*quarter), set).to_bitmask()) << from
    });
    bits & (u64::MAX >> (BLOCK - length))
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
