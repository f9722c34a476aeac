//! Passwords made of words: a few and a number, or a phrase.

use super::placeholders::ASKING;
use crate::redact::keys::words;

/// `Sommer-wald83`, `copper.stone42`: words in a row and a number behind the last, none of them a word of names.
pub(crate) fn is_password(value: &[u8]) -> bool {
    let digits = value.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let words = &value[..value.len() - digits];
    let parts = || words.split(|b| matches!(b, b'-' | b'.' | b'_'));
    (2..=4).contains(&digits)
        && (9..=40).contains(&value.len())
        && (2..=4).contains(&parts().count())
        && parts().all(is_plain_word)
}

/// `stone-marble-cactus-maple`: four words and more that say nothing about a place or a secret.
pub(crate) fn is_phrase(value: &[u8]) -> bool {
    let parts = || value.split(|b| *b == b'-');
    value.len() <= 80 && (4..=8).contains(&parts().count()) && parts().all(is_plain_word)
}

/// A word of letters that is no word of names and settings.
fn is_plain_word(word: &[u8]) -> bool {
    (3..=12).contains(&word.len())
        && word[1..].iter().all(u8::is_ascii_lowercase)
        && word[0].is_ascii_alphabetic()
        && words::flags(&word.to_ascii_lowercase()) == 0
        && !ASKING.contains(&word.to_ascii_lowercase().as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_a_number_are_a_password() {
        for value in ["Sommer-wald83", "copper.stone42", "river_shadow2024"] {
            assert!(is_password(value.as_bytes()), "{value}");
        }
        for value in
            ["base64-encoded", "utf-8", "form.password2", "db_user12", "windows-1252", "a.b12", "wald83"]
        {
            assert!(!is_password(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn four_words_are_a_phrase_unless_one_is_of_a_name() {
        assert!(is_phrase(b"stone-marble-cactus-maple"));
        for value in ["shop-db-credentials-prod", "stone-marble-cactus", "use-your-own-here", "a-b-c-d"] {
            assert!(!is_phrase(value.as_bytes()), "{value}");
        }
    }
}
