//! Statistics for tokens of no known format: does a run of characters look drawn at random?
//!
//! Each character is more or less surprising behind the one before it. Words, identifiers and their abbreviations
//! surprise by 3 to 5 bits a character, drawn ones by 6 and more (`surprise.rs` is the table).

use super::surprise::SURPRISE;

/// For each letter, the letters that often follow it in English and in source code (220 of the 676 pairs; 91 % of
/// the pairs in real words are among them, 33 % of the pairs in random text).
const COMMON_PAIRS: [u32; 26] = [
    0x13e_bd4e, 0x014_4911, 0x01a_4d91, 0x014_4119, 0x1af_b97d, 0x012_4931, 0x006_2190, 0x008_4111,
    0x22e_f87f, 0x000_0000, 0x000_0010, 0x11c_4919, 0x004_d113, 0x03c_417d, 0x07e_f96e, 0x11e_c911,
    0x010_0000, 0x11e_795d, 0x11c_c995, 0x11e_c995, 0x00e_b917, 0x000_0111, 0x000_4191, 0x008_8010,
    0x004_8000, 0x000_0010,
];

/// What a run of characters is made of.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Shape {
    pub(crate) lower: usize,
    pub(crate) upper: usize,
    pub(crate) digits: usize,
    /// Everything that is no ASCII letter or digit.
    pub(crate) other: usize,
    /// Places where lower case, upper case and digits meet.
    toggles: usize,
    pairs: usize,
    common: usize,
    not_hex: bool,
    /// In quarters of a bit, over letters and digits.
    surprise: usize,
    /// Places where a character is the successor of the one before it, as in an alphabet.
    steps: usize,
}

/// The class of a byte: which letter or digit it is, or one of the two below.
const CLASS: [u8; 256] = {
    let mut classes = [BORDER; 256];
    let mut byte = 0;
    while byte < 26 {
        classes[b'a' as usize + byte] = byte as u8;
        classes[b'A' as usize + byte] = 26 + byte as u8;
        if byte < 10 {
            classes[b'0' as usize + byte] = 52 + byte as u8;
        }
        byte += 1;
    }
    classes[b'-' as usize] = DASH;
    classes
};
/// The class of everything that is no letter, no digit and no dash.
const BORDER: u8 = 62;
const DASH: u8 = 63;

/// Where the counts of a [`Shape`] stand in a packed sum: the surprise in the lowest bits, the others above it.
const SURPRISE_BITS: u32 = 12;
const COUNT_BITS: u32 = 6;
const TOGGLES: u32 = SURPRISE_BITS;
const PAIRS: u32 = TOGGLES + COUNT_BITS;
const COMMON: u32 = PAIRS + COUNT_BITS;
const STEPS: u32 = COMMON + COUNT_BITS;
const LOWER: u32 = STEPS + COUNT_BITS;
const UPPER: u32 = LOWER + COUNT_BITS;
const DIGITS: u32 = UPPER + COUNT_BITS;
const NOT_HEX: u32 = DIGITS + COUNT_BITS;
/// So many characters are summed before a count could run over.
const STRIDE: usize = (1 << COUNT_BITS) - 1;
const _: () = assert!(NOT_HEX + COUNT_BITS <= u64::BITS && STRIDE * 63 < 1 << SURPRISE_BITS);

/// What a character behind another adds to the counts, by the classes of the two: one look-up and one addition for
/// each character of a run.
static ADDED: [u64; 64 * 64] = {
    let mut added = [0; 64 * 64];
    let mut at = 0;
    while at < added.len() {
        added[at] = added_by((at / 64) as u8, (at % 64) as u8);
        at += 1;
    }
    added
};

const fn added_by(before: u8, now: u8) -> u64 {
    let kind = match now {
        0..=25 => LOWER,
        26..=51 => UPPER,
        52..=61 => DIGITS,
        DASH => return 0,
        _ => return 1 << NOT_HEX,
    };
    let row = if before == DASH { BORDER } else { before };
    let mut sum = (SURPRISE[row as usize][now as usize] - b'0') as u64 | 1 << kind;
    if kind != DIGITS && now % 26 > 5 {
        sum |= 1 << NOT_HEX;
    }
    if before >= BORDER {
        return sum;
    }
    let kind_before = before / 26;
    sum |= ((kind_before != now / 26) as u64) << TOGGLES;
    sum |= ((now == before + 1 && kind_before == now / 26) as u64) << STEPS;
    if kind_before < 2 && now < 52 {
        sum |= 1 << PAIRS | ((COMMON_PAIRS[before as usize % 26] >> (now % 26) & 1) as u64) << COMMON;
    }
    sum
}

/// The packed counts of at most [`STRIDE`] characters behind one of the class `before`, and the class of the last.
fn sum_of(text: &[u8], mut before: u8) -> (u64, u8) {
    let mut sum = 0;
    for &byte in text {
        let now = CLASS[usize::from(byte)];
        sum += ADDED[(usize::from(before) << 6 | usize::from(now)) & (ADDED.len() - 1)];
        before = now;
    }
    (sum, before)
}

fn count(sum: u64, field: u32) -> usize {
    (sum >> field) as usize & ((1 << COUNT_BITS) - 1)
}

fn surprise(sum: u64) -> usize {
    sum as usize & ((1 << SURPRISE_BITS) - 1)
}

/// What a drawn character surprises by on average, in quarters of a bit; a run of 20 drawn from letters and digits
/// is below it once in a thousand times, one drawn from lower case and digits once in two hundred.
const DRAWN: usize = 24;
/// The same for runs under 20, whose average varies more.
const DRAWN_SHORT: usize = 23;
/// The same for letters of both cases without a digit.
const DRAWN_LETTERS: usize = 27;
/// What the last 16 characters of any token surprise by, digests too.
const DRAWN_END: usize = 19;

/// Whether there is a digit, or both cases of letters. Without a branch, so that it becomes a few vector instructions.
fn mixes_two(end: &[u8; 16]) -> bool {
    let (mut digit, mut upper, mut lower) = (false, false, false);
    for byte in end {
        digit |= byte.is_ascii_digit();
        upper |= byte.is_ascii_uppercase();
        lower |= byte.is_ascii_lowercase();
    }
    digit || (upper && lower)
}

/// Whether the end of a run reads like words, so that it is no token: the cheap look before all others.
pub(crate) fn ends_in_words(run: &[u8]) -> bool {
    if run.last_chunk::<16>().is_some_and(|end| !mixes_two(end)) {
        return true;
    }
    let Some((first, rest)) = run[run.len().saturating_sub(17)..].split_first() else { return true };
    let (sum, _) = sum_of(rest, CLASS[usize::from(*first)]);
    let counted = count(sum, LOWER) + count(sum, UPPER) + count(sum, DIGITS);
    surprise(sum) < counted * DRAWN_END
}

impl Shape {
    /// Counts in one pass.
    pub(crate) fn of(text: &[u8]) -> Shape {
        let mut shape = Shape::default();
        let mut before = BORDER;
        for part in text.chunks(STRIDE) {
            let (sum, last) = sum_of(part, before);
            before = last;
            shape.surprise += surprise(sum);
            shape.toggles += count(sum, TOGGLES);
            shape.pairs += count(sum, PAIRS);
            shape.common += count(sum, COMMON);
            shape.steps += count(sum, STEPS);
            shape.lower += count(sum, LOWER);
            shape.upper += count(sum, UPPER);
            shape.digits += count(sum, DIGITS);
            shape.not_hex |= count(sum, NOT_HEX) > 0;
        }
        shape.other = text.len() - shape.alnum();
        shape
    }

    pub(crate) fn letters(&self) -> usize {
        self.lower + self.upper
    }

    pub(crate) fn alnum(&self) -> usize {
        self.letters() + self.digits
    }

    /// Only hexadecimal digits (of one case) and dashes, among them letters and decimal digits.
    pub(crate) fn is_hex(&self) -> bool {
        !self.not_hex && self.digits > 0 && (self.lower == 0 || self.upper == 0)
    }

    /// Letters that do not read like words.
    pub(crate) fn is_unreadable(&self) -> bool {
        self.pairs >= 3 && self.common * 100 < self.pairs * 60
    }

    /// Whether the case changes as often as in no identifier.
    pub(crate) fn is_restless(&self) -> bool {
        self.lower > 2 && self.upper > 2 && self.toggles * 100 >= self.alnum() * 38
    }

    /// Whether the run looks drawn at random from letters and digits.
    pub(crate) fn is_random(&self) -> bool {
        let size = self.alnum();
        if size < 12 || self.letters() == 0 || self.steps * 4 > size || self.other * 4 > size {
            return false;
        }
        if self.digits == 0 && (self.lower < 3 || self.upper < 3 || self.toggles * 5 < size) {
            return false;
        }
        self.surprise >= size * if size < 20 { DRAWN_SHORT } else { DRAWN }
    }

    /// Whether the run surprises more than words do, whatever its characters.
    pub(crate) fn is_surprising(&self) -> bool {
        self.surprise >= self.alnum() * DRAWN
    }

    /// Whether it surprises as nothing but drawn letters of both cases does.
    pub(crate) fn is_most_surprising(&self) -> bool {
        self.surprise >= self.alnum() * DRAWN_LETTERS
    }

    /// Whether lower case, upper case and digits all occur.
    pub(crate) fn mixes_three(&self) -> bool {
        self.lower > 0 && self.upper > 0 && self.digits > 0
    }
}

/// Whether `text` has the form of a UUID.
pub(crate) fn is_uuid(text: &[u8]) -> bool {
    text.len() == 36
        && text[8] == b'-'
        && text[13] == b'-'
        && text.iter().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => *b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_identifiers_are_not_random() {
        for text in [
            "get_user_by_primary_email",
            "HttpResponseMessageHandler",
            "test_utf8_decode_base64_v2",
            "content-length",
            "ConfigurationPropertiesAutoConfiguration",
            "us-east-1-production-bucket",
            "20240115103000",
        ] {
            assert!(!Shape::of(text.as_bytes()).is_random(), "{text}");
        }
    }

    #[test]
    fn drawn_characters_are_random() {
        for text in [
            "x7Kq2mZp9Lw4Rt8Vb3Nc",
            "k3j9d8s7f6h5g4q2w1z0x",
            "Zq7XkPmLwRtVbNcDfGhJ2Kx",
            "9f86d081884c7d659a2feaa0",
        ] {
            assert!(Shape::of(text.as_bytes()).is_random(), "{text}");
        }
        assert!(Shape::of(b"9f86d081884c7d659a2feaa0").is_hex());
        assert!(is_uuid(b"123e4567-e89b-42d3-a456-426614174000"));
    }
}
