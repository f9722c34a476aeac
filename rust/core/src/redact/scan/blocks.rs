//! Byte classes of 64 bytes at a time, one bit per byte: the first look at every text.

use wide::i8x16;

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
    /// Where something may stand for something else: quotes, line ends and all controls, `!"#$%&'`, `\|`, `^~`, `` `@ ``,
    /// and `=` in front of a capital, a digit or a line end.
    pub(crate) mark: u64,
    /// Bytes beyond ASCII.
    pub(crate) wide: u64,
}

/// Bytes from `first` to `last`, which end at the largest number when moved there.
fn range(bytes: i8x16, first: u8, last: u8) -> i8x16 {
    let moved = bytes + i8x16::splat((127 - last).cast_signed());
    moved.simd_gt(i8x16::splat((126 + first - last).cast_signed()))
}

fn equal(bytes: i8x16, byte: u8) -> i8x16 {
    bytes.simd_eq(i8x16::splat(byte.cast_signed()))
}

fn one_of(bytes: i8x16, set: &[u8]) -> i8x16 {
    set.iter().fold(i8x16::ZERO, |found, byte| found | equal(bytes, *byte))
}

/// Bytes for one instruction.
fn lane(quarter: &[u8; 16]) -> i8x16 {
    i8x16::new(quarter.map(u8::cast_signed))
}

/// The classes of blocks of 16 bytes.
#[inline]
fn classes(quarters: &[[u8; 16]]) -> Masks {
    let mut out = Masks::default();
    let (mut equals, mut control) = (0, 0);
    for (at, quarter) in (0..BLOCK).step_by(16).zip(quarters) {
        let bytes = lane(quarter);
        let lower = bytes | i8x16::splat(0x20);
        let digit = range(bytes, b'0', b'9');
        let dash = equal(bytes, b'-');
        let backslash = equal(bytes, b'\\');
        let equal_sign = equal(bytes, b'=');
        let controls = range(bytes, 0, 0x1f);
        let bits = |found: i8x16| u64::from(found.to_bitmask()) << at;
        out.word |= bits(range(lower, b'a', b'z') | digit | dash | equal(bytes, b'_'));
        out.dash |= bits(dash);
        out.digit |= bits(digit);
        out.upper |= bits(range(bytes, b'A', b'Z'));
        out.sign |= bits(backslash | equal_sign | one_of(bytes, b":@/~$"));
        // The fifth bit tells `\` from `|`, `^` from `~` and `@` from a backtick.
        out.mark |= bits(controls | range(bytes, b'!', b'\'') | one_of(lower, b"|~`"));
        out.wide |= bits(bytes);
        equals |= bits(equal_sign);
        control |= bits(controls);
    }
    let follows = (out.digit | out.upper | control) >> 1 | 1 << (BLOCK - 1);
    out.mark |= equals & follows;
    out
}

/// The classes of one block.
#[inline]
fn masks(block: &[u8; BLOCK]) -> Masks {
    classes(block.as_chunks().0)
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
        let coded = block.get(i + 1).is_none_or(|next| matches!(next, 0..b' ' | b'0'..=b'9' | b'A'..=b'Z'));
        out.mark |= bit(*byte < b' ' || b"!\"#$%&'\\|^~`@".contains(byte) || *byte == b'=' && coded);
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
    if let Some(whole) = rest.first_chunk() { masks(whole) } else { last_masks(rest) }
}

/// The classes of less than a block: most texts are short, and only their quarters are looked at.
fn last_masks(rest: &[u8]) -> Masks {
    let mut block = [b' '; BLOCK];
    block[..rest.len()].copy_from_slice(rest);
    let (quarters, _) = block.as_chunks();
    classes(&quarters[..rest.len().div_ceil(16)])
}

/// One bit for each byte of the block from `at` on that is beyond ASCII.
#[inline]
pub(crate) fn wide_at(text: &[u8], at: usize) -> u64 {
    let rest = &text[at..];
    let bits = |from: usize, quarter: &[u8; 16]| u64::from(lane(quarter).to_bitmask()) << from;
    if let Some(whole) = rest.first_chunk::<BLOCK>() {
        let (quarters, _) = whole.as_chunks();
        return (0..BLOCK).step_by(16).zip(quarters).fold(0, |wide, (at, quarter)| wide | bits(at, quarter));
    }
    rest.iter().enumerate().fold(0, |wide, (at, byte)| wide | u64::from(byte >> 7) << at)
}

/// One bit for each byte from `at` on that is one of `set`, which holds no space.
pub(crate) fn signs_at(text: &[u8], at: usize, set: &[u8]) -> u64 {
    let mut block = [b' '; BLOCK];
    let rest = &text[at..];
    let length = rest.len().min(BLOCK);
    block[..length].copy_from_slice(&rest[..length]);
    let (quarters, _) = block.as_chunks::<16>();
    (0..BLOCK)
        .step_by(16)
        .zip(quarters)
        .fold(0, |bits, (from, quarter)| bits | u64::from(one_of(lane(quarter), set).to_bitmask()) << from)
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
