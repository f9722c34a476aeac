//! The first look at every text: 64 bytes at a time, where in them something may start that a module can judge.
//!
//! Each mask leaves out what its module would turn down for the bytes beside it, and nothing else: whoever looks at a
//! place asks again. So most of a text costs no more than this look.
#![allow(clippy::inline_always)]

use super::lanes::{LANES, Lanes, Near, Plain, Set};
use std::sync::LazyLock;
use wide::i8x16;

/// How many bytes a block has.
pub(crate) const BLOCK: usize = LANES;
/// How many blocks are looked at together.
pub(crate) const BATCH: usize = 8;

/// One bit for each byte of a block, the first byte lowest.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Masks {
    /// Letters, digits, `_`, `-`.
    pub(crate) word: u64,
    pub(crate) dash: u64,
    pub(crate) digit: u64,
    /// Digits and upper-case letters.
    pub(crate) drawn: u64,
    pub(crate) lower: u64,
    /// Bytes that may follow a word worth a look.
    pub(crate) stop: u64,
    /// `=` and `:` behind which a value may stand.
    pub(crate) operator: u64,
    /// Colons, slashes, `@`, `~`, `\`, `$` worth a look.
    pub(crate) sign: u64,
    /// Colons that a password may follow without a space, and those behind two hexadecimal digits.
    pub(crate) colon: u64,
    pub(crate) hexed: u64,
    /// Slashes, and letters, digits and signs of the names of users.
    pub(crate) slash: u64,
    pub(crate) user: u64,
    /// `@`, `/`, `\`: where the name of a user may stand.
    pub(crate) place: u64,
    /// Where something may stand for something else: quotes, escapes, controls.
    pub(crate) mark: u64,
    pub(crate) line: u64,
    /// Two zeros side by side, in this block or a little behind it.
    pub(crate) zeros: u64,
    /// Bytes beyond ASCII.
    pub(crate) wide: u64,
}

/// How much of a text around a block is looked at with it, in front of it and behind.
const BEFORE: usize = 8;
const WINDOW: usize = BEFORE + BLOCK + 24;

const DIGITS: Set = Set::of(b"0123456789");
const HEX: Set = DIGITS.and(Set::of(b"abcdefABCDEF"));
const UPPER: Set = Set::of(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ");
const LETTERS: Set = UPPER.and(Set::of(b"abcdefghijklmnopqrstuvwxyz"));
const WORD: Set = LETTERS.and(DIGITS).and(Set::of(b"_-"));
const DRAWN: Set = UPPER.and(DIGITS);
/// Letters that are no hexadecimal digits, and `_`.
const NAMES: Set = Set::of(b"ghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ_");
const LOWER: Set = Set::of(b"abcdefghijklmnopqrstuvwxyz");
/// In front of an operator: what ends neither a name nor what may stand between a name and an operator.
const NAMELESS: Set = LETTERS.and(DIGITS).and(Set::of(b"_-.$ \t\"'`\\]*?|/;")).others();
/// What may follow a word: see [`super::Scan::at_word`].
const STOPS: Set = Set::of(WORD_STOPS);
pub(super) const WORD_STOPS: &[u8] = b" \t\n\r\"'`\\*<>(|,]}";
/// What makes another operator of a `=` behind it.
const COMPARED: Set = Set::of(b"=!<>:+-*&^%~");
const UNASSIGNED: Set = NAMELESS.and(COMPARED);
const BLANKS: Set = Set::of(b" \t\r\n");
/// What may follow the colon of a URL, a password file, a hash.
const BEHIND_COLON: Set = Set::of(b"/\\*{");
/// In front of a slash: what no path goes on behind, as `crate::redact::paths` knows it.
const NO_PATH: Set = LETTERS.and(DIGITS).and(Set::of(b"_./~})-%*]$\\<")).others();
/// In front of a slash or backslash: the ends of variables, the opening of a closing tag.
const HOME_ENDS: Set = Set::of(b"E}%<");
const DRIVE_ENDS: Set = Set::of(b"E}%<:");
/// Places of users, and where homes and hashes start.
const PLACES: Set = Set::of(b"@/\\");
const ALONE: Set = Set::of(b"@~$");
const USER: Set = LETTERS.and(DIGITS).and(Set::of(b"._-$"));
/// What no login holds.
const NO_LOGIN: Set = Set::of(b" \t\n\"'`");
/// The first letters of the kinds of `ipsec.secrets`, behind a colon and a space.
const IPSEC: Set = Set::of(b"PXE");
/// In front of a `t`: an escape, the end of `localhost`.
const GLUED: Set = Set::of(b"\\s");
const QUOTES: Set = Set::of(b"\"'");
/// In front of and behind the quote that closes a part of a literal, as `crate::redact::decode` knows it.
const IN_LITERAL: Set = LETTERS.and(DIGITS).and(Set::of(b"_-+/=.@%:!#$\\"));
const BEHIND_QUOTE: Set = Set::of(b" \t\n\r+.&~|<^,)\\;\"'`/");
/// Behind the `=` of quoted-printable: two digits, or the end of a line.
const CODED: Set = DIGITS.and(Set::of(b"ABCDEF"));
const ENDS: Set = Set::of(b"\n\r");
const ESCAPES: Set = Set::of(b"%&!^`\\\x1b\0");

/// The first look at one block.
#[inline(always)]
fn masks<L: Lanes>(lanes: L, window: &[u8; WINDOW]) -> Masks {
    let here = near::<L, BEFORE>(lanes, window);
    // Most blocks hold few of these signs, and what is not there has nothing beside it.
    let (colon, equals, slash) = (here.is(b':').bits(), here.is(b'=').bits(), here.is(b'/').bits());
    let (drive, quote) = (here.is(b'\\').bits(), here.has(&QUOTES).bits());
    let mut found = Colons::default();
    let (mut sign, mut mark) = (0, 0);
    if colon != 0 {
        found = colons(lanes, window).at(colon);
        sign |= found.sign;
    }
    if equals != 0 {
        let (unassigned, coded) = equality(lanes, window);
        found.operator |= equals & !unassigned;
        mark |= equals & coded;
    }
    if slash != 0 {
        sign |= slash & slashes(lanes, window);
    }
    if drive != 0 {
        sign |= drive & near::<L, { BEFORE - 1 }>(lanes, window).has(&DRIVE_ENDS).bits();
    }
    if quote != 0 {
        mark |= quote & joints(lanes, window);
    }
    let next = near::<L, { BEFORE + 1 }>(lanes, window);
    let zeros = here.is(b'0') & next.is(b'0');
    let far = near::<L, { BEFORE + 12 }>(lanes, window).is(b'0')
        & near::<L, { BEFORE + 13 }>(lanes, window).is(b'0');
    Masks {
        word: here.has(&WORD).bits(),
        dash: here.is(b'-').bits(),
        digit: here.has(&DIGITS).bits(),
        drawn: here.has(&DRAWN).bits(),
        lower: here.has(&LOWER).bits(),
        stop: here.has(&STOPS).bits(),
        operator: found.operator,
        sign: sign | here.has(&ALONE).bits(),
        colon: found.login,
        hexed: found.hexed,
        slash,
        user: here.has(&USER).bits(),
        place: here.has(&PLACES).bits(),
        mark: mark | here.has(&ESCAPES).bits(),
        line: here.is(b'\n').bits(),
        zeros: (zeros | far).bits(),
        wide: here.wide(),
    }
}

/// Places where a colon is worth a look, by what it may be.
#[derive(Default)]
struct Colons {
    operator: u64,
    sign: u64,
    login: u64,
    hexed: u64,
}

impl Colons {
    /// Those where a colon stands.
    #[inline(always)]
    fn at(self, colon: u64) -> Colons {
        let Colons { operator, sign, login, hexed } = self;
        Colons { operator: colon & operator, sign: colon & sign, login: colon & login, hexed: colon & hexed }
    }
}

#[inline(always)]
fn colons<L: Lanes>(lanes: L, window: &[u8; WINDOW]) -> Colons {
    let (before, second_before) =
        (near::<L, { BEFORE - 1 }>(lanes, window), near::<L, { BEFORE - 2 }>(lanes, window));
    let (next, second) = (near::<L, { BEFORE + 1 }>(lanes, window), near::<L, { BEFORE + 2 }>(lanes, window));
    let (next_colon, next_hex) = (next.is(b':'), next.has(&HEX));
    let alone = !(before.is(b':') | next_colon) & !(next.is(b'/') & second.is(b'/'));
    let doubled = next_colon & second.is(b' ');
    let digit_behind = next.has(&DIGITS) & !second.has(&NAMES);
    let hexed = before.has(&HEX) & second_before.has(&HEX);
    let address = hexed & (next_hex & !second.has(&NAMES) | next_colon & second.has(&HEX));
    let keyed = next.is(b' ') & second.has(&IPSEC);
    let named = before.is(b'n') & second_before.is(b'i');
    Colons {
        operator: ((alone | doubled) & !before.has(&NAMELESS)).bits(),
        sign: (next.has(&BEHIND_COLON) | digit_behind | address | keyed | named).bits(),
        login: (!next.has(&NO_LOGIN)).bits(),
        hexed: hexed.bits(),
    }
}

/// Where an `=` says nothing of what stands in front of it, and where it may be a code.
#[inline(always)]
fn equality<L: Lanes>(lanes: L, window: &[u8; WINDOW]) -> (u64, u64) {
    let before = near::<L, { BEFORE - 1 }>(lanes, window);
    let (next, second) = (near::<L, { BEFORE + 1 }>(lanes, window), near::<L, { BEFORE + 2 }>(lanes, window));
    let coded = next.has(&CODED) & second.has(&CODED) | next.has(&ENDS);
    (before.has(&UNASSIGNED).bits(), coded.bits())
}

/// Where a path may start at a slash.
#[inline(always)]
fn slashes<L: Lanes>(lanes: L, window: &[u8; WINDOW]) -> u64 {
    let (before, second_before) =
        (near::<L, { BEFORE - 1 }>(lanes, window), near::<L, { BEFORE - 2 }>(lanes, window));
    let (next, second) = (near::<L, { BEFORE + 1 }>(lanes, window), near::<L, { BEFORE + 2 }>(lanes, window));
    let third = near::<L, { BEFORE + 3 }>(lanes, window);
    let comment = next.is(b'/') & (second.has(&BLANKS) | second.is(b'/') & third.has(&BLANKS));
    let glued = second_before.is(b'-')
        | before.is(b'n') & second_before.is(b'\\')
        | before.is(b't') & second_before.has(&GLUED)
        | before.is(b'/') & second_before.is(b'/')
        | before.is(b'e') & second_before.is(b'l');
    (before.has(&NO_PATH) & !comment | before.has(&HOME_ENDS) | glued).bits()
}

/// Where a quote may close a part of a literal.
#[inline(always)]
fn joints<L: Lanes>(lanes: L, window: &[u8; WINDOW]) -> u64 {
    let (before, next) = (near::<L, { BEFORE - 1 }>(lanes, window), near::<L, { BEFORE + 1 }>(lanes, window));
    (before.has(&IN_LITERAL) & next.has(&BEHIND_QUOTE)).bits()
}

/// The bytes of a window from `FROM` on.
#[inline(always)]
fn near<L: Lanes, const FROM: usize>(lanes: L, window: &[u8; WINDOW]) -> Near<L> {
    Near::of(lanes, window[FROM..].first_chunk().unwrap_or(&[0; BLOCK]))
}

/// The first look at the blocks of a text from `at` on.
#[inline(always)]
fn look_with<L: Lanes>(lanes: L, text: &[u8], at: usize, out: &mut [Masks]) {
    for (block, found) in (at..).step_by(BLOCK).zip(out) {
        let edge;
        let whole = block.checked_sub(BEFORE).and_then(|from| text.get(from..)?.first_chunk());
        let window = if let Some(whole) = whole {
            whole
        } else {
            edge = at_edge(text, block);
            &edge
        };
        *found = masks(lanes, window);
    }
}

/// The window around a block at the start or the end of a text, which spaces continue.
#[inline(never)]
fn at_edge(text: &[u8], block: usize) -> [u8; WINDOW] {
    let mut window = [b' '; WINDOW];
    let from = block.saturating_sub(BEFORE);
    let part = &text[from..text.len().min(block + WINDOW - BEFORE)];
    window[from + BEFORE - block..][..part.len()].copy_from_slice(part);
    window
}

/// The instructions that this machine has.
enum Machine {
    Plain,
    #[cfg(target_arch = "x86_64")]
    Avx2(pulp::x86::V3),
    #[cfg(target_arch = "x86_64")]
    Avx512(pulp::x86::V4),
}

static MACHINE: LazyLock<Machine> = LazyLock::new(|| {
    #[cfg(target_arch = "x86_64")]
    {
        if let Some(lanes) = pulp::x86::V4::try_new() {
            return Machine::Avx512(lanes);
        }
        if let Some(lanes) = pulp::x86::V3::try_new() {
            return Machine::Avx2(lanes);
        }
    }
    Machine::Plain
});

/// A look to be made with one kind of instructions.
#[cfg(target_arch = "x86_64")]
struct Look<'a, L> {
    lanes: L,
    text: &'a [u8],
    at: usize,
    out: &'a mut [Masks],
}

#[cfg(target_arch = "x86_64")]
impl<L: Lanes> pulp::NullaryFnOnce for Look<'_, L> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        look_with(self.lanes, self.text, self.at, self.out);
    }
}

/// The first look at the blocks of a text from `at` on, as many as there is room for.
pub(crate) fn look(text: &[u8], at: usize, out: &mut [Masks]) {
    match *MACHINE {
        Machine::Plain => look_with(Plain, text, at, out),
        #[cfg(target_arch = "x86_64")]
        Machine::Avx2(lanes) => lanes.vectorize(Look { lanes, text, at, out }),
        #[cfg(target_arch = "x86_64")]
        Machine::Avx512(lanes) => lanes.vectorize(Look { lanes, text, at, out }),
    }
    #[cfg(test)]
    tests::widen(text, at, out);
}

/// Whether places may be left out: not where a test wants to know that nothing is there.
#[inline]
pub(super) fn leaves_out() -> bool {
    #[cfg(test)]
    return !tests::ALL.get();
    #[cfg(not(test))]
    true
}

/// Letters, digits, `_` and `-`.
pub(crate) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

fn lane(quarter: &[u8; 16]) -> i8x16 {
    pulp::cast(*quarter)
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
    let one_of = |bytes: i8x16| {
        set.iter().fold(i8x16::ZERO, |found, byte| found | bytes.simd_eq(i8x16::splat(byte.cast_signed())))
    };
    (0..BLOCK)
        .step_by(16)
        .zip(quarters)
        .fold(0, |bits, (from, quarter)| bits | u64::from(one_of(lane(quarter)).to_bitmask()) << from)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::redact::{KeyClass, Policy, Redactor, Scratch};
    use proptest::prelude::*;
    use std::cell::Cell;

    thread_local! {
        /// Whether every place is looked at that may start anything, whatever stands beside it.
        pub(super) static ALL: Cell<bool> = const { Cell::new(false) };
    }

    /// Adds the places that the first look leaves out, where a test wants them.
    pub(super) fn widen(text: &[u8], at: usize, out: &mut [Masks]) {
        if !ALL.get() {
            return;
        }
        for (block, masks) in (at..).step_by(BLOCK).zip(out) {
            let bytes = &text[block..text.len().min(block + BLOCK)];
            let all = |set: &[u8]| {
                let found = |(at, byte): (usize, &u8)| u64::from(set.contains(byte)) << at;
                bytes.iter().enumerate().map(found).fold(0, |all, bit| all | bit)
            };
            masks.operator = all(b"=:");
            masks.sign = all(b":@/~\\$");
            masks.mark = all(b"\"'=%&!^`\\\x1b\0");
            masks.zeros = !0;
            masks.stop = !0;
        }
    }

    fn windows() -> impl Strategy<Value = [u8; WINDOW]> {
        let any = proptest::collection::vec(any::<u8>(), WINDOW);
        let near =
            proptest::collection::vec(prop::sample::select(b"=: /\\0a-Ex\"'n:2.,<>\n".to_vec()), WINDOW);
        prop_oneof![any, near].prop_map(|bytes| bytes.try_into().unwrap())
    }

    proptest! {
        #[test]
        fn all_machines_see_the_same(window in windows()) {
            let plain = masks(Plain, &window);
            #[cfg(target_arch = "x86_64")]
            {
                if let Some(lanes) = pulp::x86::V3::try_new() {
                    prop_assert_eq!(masks(lanes, &window), plain);
                }
                if let Some(lanes) = pulp::x86::V4::try_new() {
                    prop_assert_eq!(masks(lanes, &window), plain);
                }
            }
            for (at, byte) in window[BEFORE..][..BLOCK].iter().enumerate() {
                let bit = |mask: u64| mask >> at & 1 == 1;
                prop_assert_eq!(bit(plain.word), is_word(*byte));
                prop_assert_eq!(bit(plain.digit), byte.is_ascii_digit());
                prop_assert_eq!(bit(plain.drawn), byte.is_ascii_digit() || byte.is_ascii_uppercase());
                prop_assert_eq!(bit(plain.stop), WORD_STOPS.contains(byte));
                prop_assert_eq!(bit(plain.wide), !byte.is_ascii());
                prop_assert_eq!(bit(plain.line), *byte == b'\n');
            }
        }

        #[test]
        fn what_is_left_out_is_nothing(pieces in proptest::collection::vec(prop::sample::select(PIECES.to_vec()), 1..60)) {
            let text = pieces.concat();
            let policy = Policy { redact_content: false, home: Some("/home/joe".into()), ..Policy::default() };
            let redactor = Redactor::new(&policy).unwrap();
            let found = |all: bool| {
                ALL.set(all);
                let mut scratch = Scratch::default();
                redactor.text(KeyClass::PLAIN, &text, &mut scratch);
                ALL.set(false);
                scratch.findings
            };
            prop_assert_eq!(found(false), found(true), "{}", text);
        }
    }

    /// What a module may take a place for, in parts.
    #[rustfmt::skip]
    const PIECES: &[&str] = &[
        "password", "token", "key", "api_key", "user", "Phone", "secret", "x7Kq9vR2mZ4tB8nW", "walnut-pebble87", "Tr0ub4dor", "joe",
        "=", ":", ": ", " = ", "::", ":: ", "://", ":=", "==", "||=", "/", "//", "// ", "///", "\\", "~", "~/", "@", "$", "${", "}",
        "/home/joe", "/Users/ann", ".ssh/id", "C:\\Users\\ann", "$HOME", "%USERPROFILE%", "/etc/shadow", "file://", "-I", "</", "<tel>", ">",
        "\"", "'", "`", "\" \"", "' + '", "\",\n\"", "\n", "\t", " ", "  ", ",", ";", "(", ")", "[", "]", "*", "|", "-", "--", "&amp;", "%40", "%",
        "\\n", "\\x41", "\\u0041", "=3D", "=\n", "^", "!", "\x1b[0m", "\0", "0000", "00000010: ", "é", "：", "密码", "\u{200b}",
        "2a02:8109:9ac0:1d2::7", "aa:bb:cc:dd:ee:f1", "5f4dcc3b5aa765d61d8327deb882cf99", "5432:shop:joe:", "*:*:joe:", ":500:", "587", "12",
        "{SSHA}", "PSK ", "EAP \"", "jdbc:oracle:thin:", "impacket-psexec ", "psexec.py ", "acme/joe", "$6$", "$2b$10$", "-p", "-u ", "curl ", "mysql ",
        "+49", "(415)", "867-5309", "415", "3704", "DE89", "GB", "AB ", "u32", "v1.2", "Phone: ", "dbPassword_x", "SECRET_", "_2", "password1",
    ];
}
