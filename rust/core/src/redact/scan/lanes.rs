//! Sets of bytes, asked about 64 bytes at once with the widest instructions that the machine has.
//!
//! Everything here must be inlined into the one function that the choice of instructions is made for.
#![allow(clippy::inline_always)]

use std::ops::{BitAnd, BitOr, Not};
use wide::i8x16;

/// How many bytes are looked at together.
pub(super) const LANES: usize = 64;

/// A set of ASCII bytes: for each low half of a byte, a bit for each high half.
#[derive(Clone, Copy)]
pub(super) struct Set([u8; 16]);

impl Set {
    pub(super) const fn of(bytes: &[u8]) -> Set {
        let mut columns = [0; 16];
        let mut at = 0;
        while at < bytes.len() {
            assert!(bytes[at].is_ascii(), "a set has no place for others");
            columns[(bytes[at] & 15) as usize] |= 1 << (bytes[at] >> 4);
            at += 1;
        }
        Set(columns)
    }

    pub(super) const fn and(self, other: Set) -> Set {
        let mut columns = self.0;
        let mut at = 0;
        while at < 16 {
            columns[at] |= other.0[at];
            at += 1;
        }
        Set(columns)
    }

    /// The other ASCII bytes.
    pub(super) const fn others(self) -> Set {
        let mut columns = self.0;
        let mut at = 0;
        while at < 16 {
            columns[at] = !columns[at];
            at += 1;
        }
        Set(columns)
    }
}

/// The bit of each high half; bytes beyond ASCII have one that no set answers to, as their columns are zero.
const ROWS: [u8; 16] = [1, 2, 4, 8, 16, 32, 64, 128, 128, 128, 128, 128, 128, 128, 128, 128];

/// What a kind of machine can do with 64 bytes.
pub(super) trait Lanes: Copy {
    /// The bytes.
    type Bytes: Copy;
    /// A yes or no for each of them.
    type Found: Copy;

    fn load(self, bytes: &[u8; LANES]) -> Self::Bytes;
    /// The bit of the high half of each byte.
    fn rows(self, bytes: Self::Bytes) -> Self::Bytes;
    fn has(self, bytes: Self::Bytes, rows: Self::Bytes, set: &Set) -> Self::Found;
    fn is(self, bytes: Self::Bytes, byte: u8) -> Self::Found;
    fn both(self, a: Self::Found, b: Self::Found) -> Self::Found;
    fn either(self, a: Self::Found, b: Self::Found) -> Self::Found;
    fn no(self, a: Self::Found) -> Self::Found;
    /// One bit for each byte, the first byte lowest.
    fn bits(self, found: Self::Found) -> u64;
    /// One bit for each byte beyond ASCII.
    fn wide(self, bytes: Self::Bytes) -> u64;
}

/// 64 bytes of a text.
#[derive(Clone, Copy)]
pub(super) struct Near<L: Lanes> {
    lanes: L,
    bytes: L::Bytes,
    rows: L::Bytes,
}

impl<L: Lanes> Near<L> {
    #[inline(always)]
    pub(super) fn of(lanes: L, bytes: &[u8; LANES]) -> Near<L> {
        let bytes = lanes.load(bytes);
        Near { lanes, bytes, rows: lanes.rows(bytes) }
    }

    /// The bytes that are in the set.
    #[inline(always)]
    pub(super) fn has(&self, set: &Set) -> Found<L> {
        Found(self.lanes, self.lanes.has(self.bytes, self.rows, set))
    }

    /// The bytes that are this one.
    #[inline(always)]
    pub(super) fn is(&self, byte: u8) -> Found<L> {
        Found(self.lanes, self.lanes.is(self.bytes, byte))
    }

    /// One bit for each byte beyond ASCII.
    #[inline(always)]
    pub(super) fn wide(&self) -> u64 {
        self.lanes.wide(self.bytes)
    }
}

/// Some of 64 places.
#[derive(Clone, Copy)]
pub(super) struct Found<L: Lanes>(L, L::Found);

impl<L: Lanes> Found<L> {
    /// One bit for each place, the first one lowest.
    #[inline(always)]
    pub(super) fn bits(self) -> u64 {
        self.0.bits(self.1)
    }
}

impl<L: Lanes> BitAnd for Found<L> {
    type Output = Found<L>;
    #[inline(always)]
    fn bitand(self, other: Found<L>) -> Found<L> {
        Found(self.0, self.0.both(self.1, other.1))
    }
}

impl<L: Lanes> BitOr for Found<L> {
    type Output = Found<L>;
    #[inline(always)]
    fn bitor(self, other: Found<L>) -> Found<L> {
        Found(self.0, self.0.either(self.1, other.1))
    }
}

impl<L: Lanes> Not for Found<L> {
    type Output = Found<L>;
    #[inline(always)]
    fn not(self) -> Found<L> {
        Found(self.0, self.0.no(self.1))
    }
}

/// Any machine.
#[derive(Clone, Copy)]
pub(super) struct Plain;

#[inline(always)]
fn each<A: Copy, B: Copy, const N: usize>(a: [A; N], f: impl Fn(A) -> B) -> [B; N] {
    a.map(f)
}

impl Lanes for Plain {
    type Bytes = [i8x16; 4];
    type Found = [i8x16; 4];

    #[inline(always)]
    fn load(self, bytes: &[u8; LANES]) -> [i8x16; 4] {
        pulp::cast(*bytes)
    }

    #[inline(always)]
    fn rows(self, bytes: [i8x16; 4]) -> [i8x16; 4] {
        let rows: i8x16 = pulp::cast(ROWS);
        each(bytes, |part| {
            let halves: [i16; 8] = pulp::cast(part);
            let high: i8x16 = pulp::cast(halves.map(|pair| (pair.cast_unsigned() >> 4) & 0x0f0f));
            rows.shuffle_zeroing(high.cast_unsigned())
        })
    }

    #[inline(always)]
    fn has(self, bytes: [i8x16; 4], rows: [i8x16; 4], set: &Set) -> [i8x16; 4] {
        let columns: i8x16 = pulp::cast(set.0);
        let mut found = rows;
        for (found, part) in found.iter_mut().zip(bytes) {
            // Bytes beyond ASCII must find no column.
            let low = part & i8x16::splat(0x8f_u8.cast_signed());
            *found = (columns.shuffle_zeroing(low.cast_unsigned()) & *found).simd_eq(*found);
        }
        found
    }

    #[inline(always)]
    fn is(self, bytes: [i8x16; 4], byte: u8) -> [i8x16; 4] {
        each(bytes, |part| part.simd_eq(i8x16::splat(byte.cast_signed())))
    }

    #[inline(always)]
    fn both(self, a: [i8x16; 4], b: [i8x16; 4]) -> [i8x16; 4] {
        [a[0] & b[0], a[1] & b[1], a[2] & b[2], a[3] & b[3]]
    }

    #[inline(always)]
    fn either(self, a: [i8x16; 4], b: [i8x16; 4]) -> [i8x16; 4] {
        [a[0] | b[0], a[1] | b[1], a[2] | b[2], a[3] | b[3]]
    }

    #[inline(always)]
    fn no(self, a: [i8x16; 4]) -> [i8x16; 4] {
        each(a, |part| !part)
    }

    #[inline(always)]
    fn bits(self, found: [i8x16; 4]) -> u64 {
        self.wide(found)
    }

    #[inline(always)]
    fn wide(self, bytes: [i8x16; 4]) -> u64 {
        let bits = each(bytes, |part| u64::from(part.to_bitmask()));
        bits[0] | bits[1] << 16 | bits[2] << 32 | bits[3] << 48
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) mod x86 {
    use super::{LANES, Lanes, ROWS, Set};
    use core::arch::x86_64::{__m128i, __m256i, __m512i};
    use pulp::cast;
    use pulp::x86::{V3, V4};

    impl Lanes for V3 {
        type Bytes = [__m256i; 2];
        type Found = [__m256i; 2];

        #[inline(always)]
        fn load(self, bytes: &[u8; LANES]) -> [__m256i; 2] {
            cast(*bytes)
        }

        #[inline(always)]
        fn rows(self, bytes: [__m256i; 2]) -> [__m256i; 2] {
            let rows = self.avx2._mm256_broadcastsi128_si256(cast::<_, __m128i>(ROWS));
            let low = self.avx._mm256_set1_epi8(15);
            let [a, b] = bytes;
            let a = self.avx2._mm256_and_si256(self.avx2._mm256_srli_epi16::<4>(a), low);
            let b = self.avx2._mm256_and_si256(self.avx2._mm256_srli_epi16::<4>(b), low);
            [self.avx2._mm256_shuffle_epi8(rows, a), self.avx2._mm256_shuffle_epi8(rows, b)]
        }

        #[inline(always)]
        fn has(self, [a, b]: [__m256i; 2], [row_a, row_b]: [__m256i; 2], set: &Set) -> [__m256i; 2] {
            let columns = self.avx2._mm256_broadcastsi128_si256(cast::<_, __m128i>(set.0));
            let a = self.avx2._mm256_and_si256(self.avx2._mm256_shuffle_epi8(columns, a), row_a);
            let b = self.avx2._mm256_and_si256(self.avx2._mm256_shuffle_epi8(columns, b), row_b);
            [self.avx2._mm256_cmpeq_epi8(a, row_a), self.avx2._mm256_cmpeq_epi8(b, row_b)]
        }

        #[inline(always)]
        fn is(self, [a, b]: [__m256i; 2], byte: u8) -> [__m256i; 2] {
            let byte = self.avx._mm256_set1_epi8(byte.cast_signed());
            [self.avx2._mm256_cmpeq_epi8(a, byte), self.avx2._mm256_cmpeq_epi8(b, byte)]
        }

        #[inline(always)]
        fn both(self, a: [__m256i; 2], b: [__m256i; 2]) -> [__m256i; 2] {
            [self.avx2._mm256_and_si256(a[0], b[0]), self.avx2._mm256_and_si256(a[1], b[1])]
        }

        #[inline(always)]
        fn either(self, a: [__m256i; 2], b: [__m256i; 2]) -> [__m256i; 2] {
            [self.avx2._mm256_or_si256(a[0], b[0]), self.avx2._mm256_or_si256(a[1], b[1])]
        }

        #[inline(always)]
        fn no(self, [a, b]: [__m256i; 2]) -> [__m256i; 2] {
            let all = self.avx._mm256_set1_epi8(-1);
            [self.avx2._mm256_xor_si256(a, all), self.avx2._mm256_xor_si256(b, all)]
        }

        #[inline(always)]
        fn bits(self, found: [__m256i; 2]) -> u64 {
            self.wide(found)
        }

        #[inline(always)]
        fn wide(self, [a, b]: [__m256i; 2]) -> u64 {
            let low = self.avx2._mm256_movemask_epi8(a).cast_unsigned();
            let high = self.avx2._mm256_movemask_epi8(b).cast_unsigned();
            u64::from(low) | u64::from(high) << 32
        }
    }

    impl Lanes for V4 {
        type Bytes = __m512i;
        type Found = u64;

        #[inline(always)]
        fn load(self, bytes: &[u8; LANES]) -> __m512i {
            cast(*bytes)
        }

        #[inline(always)]
        fn rows(self, bytes: __m512i) -> __m512i {
            let rows = self.avx512f._mm512_broadcast_i32x4(cast::<_, __m128i>(ROWS));
            let low = self.avx512f._mm512_set1_epi8(15);
            let high = self.avx512f._mm512_and_si512(self.avx512bw._mm512_srli_epi16::<4>(bytes), low);
            self.avx512bw._mm512_shuffle_epi8(rows, high)
        }

        #[inline(always)]
        fn has(self, bytes: __m512i, rows: __m512i, set: &Set) -> u64 {
            let columns = self.avx512f._mm512_broadcast_i32x4(cast::<_, __m128i>(set.0));
            self.avx512bw._mm512_test_epi8_mask(self.avx512bw._mm512_shuffle_epi8(columns, bytes), rows)
        }

        #[inline(always)]
        fn is(self, bytes: __m512i, byte: u8) -> u64 {
            let byte = self.avx512f._mm512_set1_epi8(byte.cast_signed());
            self.avx512bw._mm512_cmpeq_epi8_mask(bytes, byte)
        }

        #[inline(always)]
        fn both(self, a: u64, b: u64) -> u64 {
            a & b
        }

        #[inline(always)]
        fn either(self, a: u64, b: u64) -> u64 {
            a | b
        }

        #[inline(always)]
        fn no(self, a: u64) -> u64 {
            !a
        }

        #[inline(always)]
        fn bits(self, found: u64) -> u64 {
            found
        }

        #[inline(always)]
        fn wide(self, bytes: __m512i) -> u64 {
            self.avx512bw._mm512_movepi8_mask(bytes)
        }
    }
}
