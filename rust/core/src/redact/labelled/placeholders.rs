//! Text in the place of a value that only stands for one: references, masks, requests to put one in.

use super::benign;
use super::value::contains;
use crate::redact::scan::segments::Segments;
use crate::redact::tokens::unknown::Shape;

/// Text that stands for a value or is masked: `${X}`, `<token>`, `xxxx`, `your-key-here`, `os.environ[…]`.
pub(crate) fn is_placeholder(value: &[u8]) -> bool {
    stands_for_value(value) || benign::is_something_else(value)
}

/// As [`is_placeholder`], for any kind of value: what is no secret may still be a number of a person.
pub(crate) fn stands_for_value(value: &[u8]) -> bool {
    let first = value[0];
    let last = value[value.len() - 1];
    if first == b'$' && value.len() > 1 {
        return value[1..].iter().all(|b| b.is_ascii_alphanumeric() || b"_{}()$.:-? []\"'".contains(b));
    }
    if (first == b'<' && last == b'>') || (first == b'%' && last == b'%') {
        return true;
    }
    if first == b'{' && last == b'}' {
        // `{AQAAABAAAAAw…=}`: Jenkins and Maven write what they have encrypted so.
        return !is_ciphertext(&value[1..value.len().max(2) - 1]);
    }
    if (first == b'[' && last == b']')
        || (first == b'_' && value.starts_with(b"__") && value.ends_with(b"__"))
    {
        return true;
    }
    is_colour(value) || is_masked(value) || is_reference(value) || reads_as_placeholder(value)
}

/// Base64 of at least 24 bytes.
fn is_ciphertext(value: &[u8]) -> bool {
    value.len() >= 32
        && value.iter().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(b))
        && Shape::of(value).mixes_three()
}

/// `#00ff80`
fn is_colour(value: &[u8]) -> bool {
    value[0] == b'#' && matches!(value.len(), 4 | 7 | 9) && value[1..].iter().all(u8::is_ascii_hexdigit)
}

/// `****`, `xxxx`, `sk-...`, `abcd****`.
fn is_masked(value: &[u8]) -> bool {
    let (mut crosses, mut stars, mut dots, mut wide) = (0, 0, 0, false);
    for byte in value {
        crosses += usize::from(*byte | 0x20 == b'x');
        stars += usize::from(*byte == b'*');
        dots += usize::from(*byte == b'.');
        wide |= *byte >= 0x80;
    }
    value.iter().all(|b| *b == value[0])
        || dots >= 3 && contains(value, b"...")
        || stars >= 3 && contains(value, b"***")
        || wide && (contains(value, "…".as_bytes()) || contains(value, "•".as_bytes()))
        || crosses * 10 >= value.len() * 6
        || stars * 2 >= value.len()
}

/// What a reference to a value begins with, by its first byte.
fn reference_fronts(first: u8) -> &'static [&'static [u8]] {
    match first {
        b'p' => &[b"process.env"],
        b'o' => &[b"os.environ", b"os.getenv", b"op://"],
        b'g' => &[b"getenv"],
        b'e' => &[b"env.", b"env("],
        b'E' => &[b"ENV["],
        b's' => &[b"secrets.", b"self.", b"settings.", b"std::env"],
        b'v' => &[b"vars.", b"var.", b"vault:"],
        b'l' => &[b"local."],
        b'd' => &[b"data."],
        b'm' => &[b"module."],
        b'S' => &[b"System.getenv"],
        b'a' => &[b"arn:aws"],
        b'/' => &[b"/run/secrets/"],
        b'i' => &[b"import.meta"],
        b'D' => &[b"Deno.env"],
        b'B' => &[b"Bun.env"],
        b'c' => &[b"config."],
        b't' => &[b"this."],
        b'#' => &[b"#{"],
        b'@' => &[b"@{"],
        b'{' => &[b"{{"],
        b'%' => &[b"%("],
        _ => &[],
    }
}

fn is_reference(value: &[u8]) -> bool {
    reference_fronts(value[0]).iter().any(|front| value.starts_with(front))
        || memchr::memchr_iter(b'{', value).any(|at| {
            let doubled = value.get(at + 1) == Some(&b'{');
            doubled && (value.get(at + 2) == Some(&b' ') || at > 0 && value[at - 1] == b'$')
        })
}

/// Words of texts that ask to be replaced.
#[rustfmt::skip]
pub(super) const ASKING: [&[u8]; 13] = [
    b"your", b"example", b"placeholder", b"changeme", b"change", b"replace", b"replaceme", b"redacted", b"dummy", b"insert",
    b"todo", b"here", b"sample",
];

/// Whether all letters of one of these words occur in a value.
fn may_ask(value: &[u8]) -> bool {
    static LETTERS: [u32; ASKING.len()] = {
        let mut letters = [0; ASKING.len()];
        let mut at = 0;
        while at < letters.len() {
            letters[at] = letters_of(ASKING[at]);
            at += 1;
        }
        letters
    };
    let letters = letters_of(value);
    LETTERS.iter().any(|word| word & letters == *word)
}

/// A bit for each letter that occurs, in either case; other bytes set some bit, too.
const fn letters_of(text: &[u8]) -> u32 {
    let (mut letters, mut at) = (0, 0);
    while at < text.len() {
        letters |= 1u32 << (text[at] & 31);
        at += 1;
    }
    letters
}

/// `YOUR_API_KEY`, `change-me`, `<insert token here>`, `yourpassword`.
fn reads_as_placeholder(value: &[u8]) -> bool {
    if value.len() > 64 {
        return false;
    }
    let yours = value[..value.len().min(4)].eq_ignore_ascii_case(b"your");
    let asks = yours && !value.iter().any(u8::is_ascii_digit)
        || may_ask(value) && Segments::of_bytes(value).any(|word| ASKING.contains(&word));
    asks && {
        let shape = Shape::of(value);
        !(shape.alnum() > 20 && shape.is_random())
    }
}
