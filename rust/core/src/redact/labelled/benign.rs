//! What only looks like a secret: versions, addresses in memory, rules of a grammar, places in files, public ids.

use super::assign::Name;
use super::value::contains;
use crate::redact::keys::words;
use crate::redact::scan::span::{Span, back_over, forward_over};

/// Whether a value is plainly something else than a secret, whatever the name in front of it says.
pub(crate) fn is_something_else(value: &[u8]) -> bool {
    match value[0] {
        b'0' if is_address(value) => true,
        b'0'..=b'9' => is_version(value) || is_grammar(value) || is_sequence(value),
        b'^' | b'~' | b'>' | b'=' => is_version(value),
        b'v' | b'V' if is_version(value) => true,
        b'+' if value.len() > 1 => value.ends_with(b"+"),
        _ => is_type(value) || is_sequence(value) || is_glued_example(value),
    }
}

/// `0x7ffdf0aa9d64`, `0x9e37UL`: an address or a number, too short for a key.
fn is_address(value: &[u8]) -> bool {
    let suffix = back_over(value, value.len(), 3, |b| matches!(b | 0x20, b'u' | b'l'));
    let value = &value[..suffix];
    (3..=18).contains(&value.len())
        && matches!(value[1], b'x' | b'X')
        && value[2..].iter().all(u8::is_ascii_hexdigit)
}

/// `1.2.3`, `^9.0.3`, `v0.29.0/go.mod`, `16.4-alpine`, `1:4.13+dfsg1-1+deb12u1`.
pub(crate) fn is_version(value: &[u8]) -> bool {
    let ranged = forward_over(value, 0, 2, |b| b"^~>=<".contains(&b));
    let front = forward_over(value, ranged, 1, |b| matches!(b, b'v' | b'V'));
    let (mut at, mut signs) = (front, 0);
    loop {
        let end = forward_over(value, at, 5, |b| b.is_ascii_digit());
        if end == at || end - at > 4 {
            return false;
        }
        match value.get(end) {
            Some(b'.' | b':') if value.get(end + 1).is_some_and(u8::is_ascii_digit) => at = end + 1,
            _ => {
                at = end;
                break;
            }
        }
        signs += 1;
    }
    let tail = &value[at..];
    signs > 0
        && (signs > 1 || front > 0 || !tail.is_empty() || value.len() <= 6)
        && is_version_tail(tail, front > ranged)
}

/// `-alpine`, `rc1`, `.el9.x86_64`, `+dfsg1-1`; behind a `v` also `-20210921155107-089bfa567519`.
fn is_version_tail(tail: &[u8], pseudo: bool) -> bool {
    let Some(first) = tail.first() else { return true };
    let plain = tail.len() <= 48 && tail.iter().all(|b| b.is_ascii_alphanumeric() || b"-+~._/:".contains(b));
    if !plain {
        return false;
    }
    if first.is_ascii_alphanumeric() {
        let letters = forward_over(tail, 0, 8, |b| b.is_ascii_lowercase());
        return matches!(
            &tail[..letters],
            b"a" | b"b" | b"c" | b"rc" | b"alpha" | b"beta" | b"dev" | b"post" | b"p"
        ) && tail[letters..].iter().all(u8::is_ascii_digit);
    }
    let part = |part: &[u8]| part.len() <= 9 && !part.iter().any(u8::is_ascii_uppercase);
    pseudo || tail.split(|b| b"-+~./:_".contains(b)).all(part)
}

/// `1*tchar`, `1*<any CHAR`: repetition in a grammar.
fn is_grammar(value: &[u8]) -> bool {
    value.len() > 3
        && value[1] == b'*'
        && (value[2] == b'<' || value[2..].iter().all(|b| b.is_ascii_alphabetic() || *b == b'-'))
}

/// `Vec<u8>`, `Option<String>`
fn is_type(value: &[u8]) -> bool {
    value[value.len() - 1] == b'>'
        && memchr::memchr(b'<', value).is_some_and(|open| {
            open > 0 && value[..open].iter().all(|b| b.is_ascii_alphabetic() || matches!(b, b'_' | b':'))
        })
}

/// `000102030405…`, `0123456789abcdef`, `ABCDEFGHIJKLMNOP`: bytes that count up, as test vectors do.
fn is_sequence(value: &[u8]) -> bool {
    if !(12..=64).contains(&value.len()) {
        return false;
    }
    let (mut rise, mut longest) = (0, 0);
    for pair in value.windows(2) {
        rise = if pair[1] == pair[0].wrapping_add(1) { rise + 1 } else { 0 };
        longest = longest.max(rise);
    }
    longest >= 8 && longest * 2 >= value.len()
        || value.starts_with(b"000102030405")
        || value.starts_with(b"00112233445566")
}

/// `fakepassword`, `mytoken`
fn is_glued_example(value: &[u8]) -> bool {
    if !(6..=20).contains(&value.len()) || !value.iter().all(u8::is_ascii_alphabetic) {
        return false;
    }
    if !matches!(value[0] | 0x20, b'f' | b'm' | b't' | b's' | b'e' | b'd') {
        return false;
    }
    let lower = value.to_ascii_lowercase();
    ["fake", "my", "test", "some", "example", "dummy", "sample", "the", "mock"].iter().any(|front| {
        lower.strip_prefix(front.as_bytes()).is_some_and(|rest| {
            words::is(rest, words::STRONG | words::SECRET_HEAD | words::TOKEN_HEAD) || rest == b"key"
        })
    })
}

/// `src/secret_key.rs:308:`, `secret_key.rs:12`, `"tests/server.key":"9f86…"`: the `:` at `at` follows the name of a file.
pub(crate) fn is_place_in_file(text: &[u8], start: usize, end: usize, at: usize) -> bool {
    if text[at] != b':' {
        return false;
    }
    // `--- PASS: TestTokens2 (0.00s)`
    if text[..start].ends_with(b"--- ") {
        return true;
    }
    let in_path = start > 0 && matches!(text[start - 1], b'/' | b'\\');
    let dot = memchr::memrchr(b'.', &text[start..end]).map_or(end, |i| start + i + 1);
    let named = (1..=6).contains(&(end - dot)) && text[dot..end].iter().all(u8::is_ascii_alphanumeric);
    if end == at {
        let number = forward_over(text, at + 1, 8, |b| b.is_ascii_digit());
        let next = text.get(number).copied().unwrap_or(b'\n');
        return number > at + 1
            && number <= at + 7
            && (in_path || named && is_source(&text[dot..end]))
            && (matches!(next, b':' | b'-') || named && b"\n\r ,)\"'\\]".contains(&next));
    }
    in_path && named && {
        let value = forward_over(text, at + 1, 4, |b| b" \"'\\".contains(&b));
        let digest = forward_over(text, value, 129, |b| b.is_ascii_hexdigit()) - value;
        matches!(digest, 32 | 40 | 56 | 64 | 96 | 128)
    }
}

/// Endings of files that have lines.
fn is_source(ending: &[u8]) -> bool {
    matches!(
        ending,
        b"rs"
            | b"py"
            | b"pyi"
            | b"js"
            | b"mjs"
            | b"cjs"
            | b"ts"
            | b"tsx"
            | b"jsx"
            | b"go"
            | b"java"
            | b"kt"
            | b"c"
            | b"h"
            | b"cc"
            | b"cpp"
            | b"hpp"
            | b"cs"
            | b"rb"
            | b"php"
            | b"swift"
            | b"scala"
            | b"sh"
            | b"sql"
            | b"md"
            | b"rst"
            | b"html"
            | b"css"
            | b"vue"
            | b"txt"
            | b"yml"
            | b"yaml"
            | b"toml"
            | b"json"
            | b"xml"
            | b"tf"
            | b"proto"
            | b"lua"
            | b"ex"
            | b"pl"
    )
}

/// `prod-4279-20160804T065423Z-5-g3cf0aa8`: what `git describe` says.
pub(crate) fn is_described_commit(run: &[u8]) -> bool {
    let digits = run.iter().rev().take(13).take_while(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')).count();
    (7..=12).contains(&digits) && run[..run.len() - digits].ends_with(b"-g")
}

/// `0h-100v1100h100v-1100zM50`: the path of a drawing.
pub(crate) fn is_drawing(run: &[u8]) -> bool {
    run.iter().all(|b| {
        matches!(b, b'0'..=b'9' | b'-')
            || matches!(b | 0x20, b'm' | b'l' | b'h' | b'v' | b'c' | b's' | b'q' | b't' | b'a' | b'z')
    })
}

/// A flag in the help of a command: `-W, --password   force a prompt`, `--tokens       List all tokens`.
pub(crate) fn is_help(text: &[u8], flag: usize, gap: usize, value: &[u8]) -> bool {
    let words =
        value.iter().all(|b| b.is_ascii_alphabetic() || *b == b'-') || matches!(value[0], b'[' | b'<');
    let short = flag >= 4 && text[..flag].ends_with(b", ") && text[flag - 4] == b'-';
    words && (gap > 1 || short)
}

/// `urn:ietf:params:oauth:token-type:saml2`
pub(crate) fn is_in_urn(text: &[u8], name: usize, at: usize) -> bool {
    text[at] == b':' && name > 0 && text[name - 1] == b':' && {
        let word = back_over(text, name, 64, |b| b.is_ascii_alphanumeric() || b":-_.".contains(&b));
        text[word..name].starts_with(b"urn:")
    }
}

/// `badge.svg?token=…`: lets anybody see a picture.
pub(crate) fn is_badge(text: &[u8], name: usize) -> bool {
    name > 0 && text[name - 1] == b'?' && text[..name - 1].ends_with(b"badge.svg")
}

/// `None`, `Union[str, …]`, `The name of …`: what stands behind a label in code and its documentation.
pub(crate) fn is_code_or_article(value: &[u8]) -> bool {
    let first = value.split(|b| matches!(b, b' ' | b',' | b';')).next().unwrap_or(value);
    matches!(
        first,
        b"None"
            | b"True"
            | b"False"
            | b"Null"
            | b"NULL"
            | b"The"
            | b"This"
            | b"If"
            | b"Optional"
            | b"String"
            | b"Whether"
            | b"Your"
            | b"Enter"
            | b"Name"
            | b"Required"
            | b"a"
            | b"an"
            | b"the"
            | b"str"
            | b"string"
    ) || value.iter().any(|b| b"[]{}<>*=$|".contains(b))
        || contains(value, b"::")
}

/// `"Bearer " + token + "…"`: the quote behind the name ends the literal that the name stands in.
pub(crate) fn closes_literal(text: &[u8], name: Name, from: usize) -> bool {
    let opening = if name.start > 0 { text[name.start - 1] } else { b' ' };
    matches!(opening, b'"' | b'\'' | b'`') && !name.quoted && text.get(from) == Some(&opening)
}

/// Whether a quoted name that is no flag is a further item of a list: `"a", "Credentials", "Win32_System"`.
pub(crate) fn is_listed(text: &[u8], name: Name, open: usize) -> bool {
    let before = back_over(text, open, 32, |b| matches!(b, b' ' | b'\n' | b'\t'));
    text[name.start] != b'-' && before > 0 && text[before - 1] == b','
}

/// `sk-...`: the front of a value that is not shown.
pub(crate) fn is_cut(text: &[u8], span: Span) -> bool {
    !span.quoted
        && matches!(text[span.end - 1], b'-' | b'_')
        && (text[span.end..].starts_with(b"...") || text[span.end..].starts_with("…".as_bytes()))
}

/// `set password ages and`: words that say what is set.
pub(crate) fn continues_prose(text: &[u8], span: Span) -> bool {
    !span.quoted && text[span.start..span.end].iter().all(u8::is_ascii_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_addresses_and_grammars_are_something_else() {
        for value in [
            "1.2.3",
            "^9.0.3",
            "~4.17",
            "v0.29.0/go.mod",
            "v0.0.0-20210921155107-089bfa567519",
            "16.4-alpine",
            "1:4.13+dfsg1-1+deb12u1",
            "3.12.0rc1",
            "0x7ffdf0aa9d64",
            "1*tchar",
            "1*<any",
            "Vec<u8>",
            "000102030405060708090A0B0C0D0E0F",
            "0123456789abcdef",
            "fakepassword",
            "mytoken",
        ] {
            assert!(is_something_else(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn passwords_are_nothing_else() {
        for value in [
            "1qaz2wsx",
            "1.Tr0ub4dor",
            "16-horses-9",
            "vanilla7",
            "1000.8a7f3c",
            "0xdeadbeefcafe0123456789abcdef0123",
            "mysterious",
            "correcthorse",
            "9f86d081884c",
            "12345678",
        ] {
            assert!(!is_something_else(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn colons_behind_names_of_files() {
        let place = |text: &str, name: &str| {
            let start = text.find(name).unwrap();
            let at = start + text[start..].find(':').unwrap();
            is_place_in_file(text.as_bytes(), start, start + name.len(), at)
        };
        assert!(place("src/secret_key.rs:308:impl", "secret_key.rs"));
        assert!(place("secret_key.rs:30\n", "secret_key.rs"));
        assert!(place("pam/common-password:423:#hashed", "common-password"));
        assert!(!place("db/password:hunter22", "password"));
        assert!(!place("app/password:123456", "password"));
        assert!(!place("db.password:123456\n", "db.password"));
    }
}
