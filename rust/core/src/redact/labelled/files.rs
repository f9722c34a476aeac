//! Files that hold nothing but a secret: their names are in one text of an event, their bodies in another.

use super::ledgers;
use super::value;
use crate::redact::keys::Keys;
use crate::redact::scan::segments::Segments;
use crate::redact::tokens::unknown::Shape;

/// A command or a path that names such a file is no longer.
const LONGEST_NAME: usize = 400;
/// The longest body.
const LONGEST_BODY: usize = 512;

/// What the name of a file says about its content.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum SecretFile {
    /// Nothing.
    #[default]
    None,
    /// It is one secret.
    Body,
    /// It is a list of logins, or starts with a secret.
    Lines,
}

/// Whether a command or a path ends with the name of a file that holds nothing but a secret: `cat config/master.key`,
/// `/run/secrets/db_password`.
pub(crate) fn named_by(keys: &Keys, text: &str) -> SecretFile {
    let text = text.as_bytes();
    match text.last() {
        Some(last)
            if text.len() <= LONGEST_NAME && (last.is_ascii_lowercase() || matches!(last, b'"' | b'\'')) => {}
        _ => return SecretFile::None,
    }
    let text = text.strip_suffix(b"\"").or_else(|| text.strip_suffix(b"'")).unwrap_or(text);
    if ledgers::is_named(text) || ledgers::is_printed_by(text) {
        SecretFile::Lines
    } else if names_body(keys, text) {
        SecretFile::Body
    } else {
        SecretFile::None
    }
}

/// Whether the name is that of a file which holds nothing but a secret.
fn names_body(keys: &Keys, text: &[u8]) -> bool {
    let text = text.strip_suffix(b".txt").unwrap_or(text);
    if !keys.may_end(text, text.len()) {
        return false;
    }
    let border = |b: &u8| b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b'=' | b':');
    let path = &text[text.iter().rposition(border).map_or(0, |at| at + 1)..];
    let slash = path.iter().rposition(|b| matches!(b, b'/' | b'\\'));
    let name = &path[slash.map_or(0, |at| at + 1)..];
    // One word of prose is no path.
    if slash.is_none() && !name.contains(&b'.') && !name.contains(&b'_') {
        return false;
    }
    if !name.iter().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(b)) {
        return false;
    }
    name.ends_with(b".key") || keys.class_of(&Segments::of_bytes(name)).is_secret()
}

/// Where the secret stands in the body of such a file: alone in its only line, which may be numbered.
pub(crate) fn body(text: &str) -> Option<(usize, usize)> {
    if text.len() > LONGEST_BODY {
        return None;
    }
    let trimmed = text.trim_ascii_end();
    let start = trimmed
        .rfind(|sign: char| sign.is_ascii_whitespace() || sign == '→')
        .map_or(0, |at| at + trimmed[at..].chars().next().map_or(1, char::len_utf8));
    let front = trimmed[..start].trim_end_matches(['\t', ' ', '→', '|', ':']).trim_ascii_start();
    if front.len() > 4 || !front.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    is_body(&trimmed.as_bytes()[start..]).then_some((start, trimmed.len()))
}

/// Whether this may be all that such a file holds: drawn, or chosen as a password.
pub(crate) fn is_body(value: &[u8]) -> bool {
    let sound = value.len() >= 6 && !value::is_placeholder(value) && !value.contains(&b'/');
    let shape = Shape::of(value);
    value::is_token(value, &shape)
        || sound && (value::is_prose_secret(value, true) || value::is_chosen_password(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_that_hold_a_secret_end_a_command_or_a_path() {
        let keys = Keys::default();
        for text in [
            "cat config/master.key",
            "config/credentials/production.key",
            "/run/secrets/db_password",
            "cat '/srv/app/.vault_password.txt'",
            "sudo cat secrets/initialAdminPassword",
        ] {
            assert_ne!(named_by(&keys, text), SecretFile::None, "{text}");
        }
        for text in
            ["the password", "cat src/tokenizer.rs", "docs/auth.md", "cat public_key", "password", "ls /tmp"]
        {
            assert_eq!(named_by(&keys, text), SecretFile::None, "{text}");
        }
    }

    #[test]
    fn a_body_is_one_word_that_looks_drawn_or_chosen() {
        assert_eq!(body("Sommer-wald83\n"), Some((0, 13)));
        assert_eq!(body("     1\tSommer-wald83"), Some((7, 20)));
        assert_eq!(body("     1→Sommer-wald83\n"), Some((9, 22)));
        for text in ["", "true\n", "not found", "[REDACTED]", "see Sommer-wald83", "1.2.3", "a/b12345678"] {
            assert_eq!(body(text), None, "{text}");
        }
    }
}
