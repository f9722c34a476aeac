//! Which modules wait for a word: one look-up in place of a comparison with each of their vocabularies.

use crate::redact::commands;
use crate::redact::commands::{pipes, positions};
use crate::redact::keys::foreign;
use crate::redact::labelled::{calls, manifests, prose, sql};
use std::sync::LazyLock;

/// Commands, and the words of SQL and of shells that set a password.
pub(crate) const COMMAND: u8 = 1;
/// Readers of secrets behind a pipe.
pub(crate) const READER: u8 = 1 << 1;
/// Commands that take a password by its position.
pub(crate) const POSITION: u8 = 1 << 2;
/// Labels in running text.
pub(crate) const LABEL: u8 = 1 << 3;
/// `VALUES`.
pub(crate) const VALUES: u8 = 1 << 4;
/// The kind of a manifest.
pub(crate) const MANIFEST: u8 = 1 << 5;
/// Commands that take a login as an argument.
pub(crate) const LOGIN: u8 = 1 << 6;
/// Last names of calls that take a secret.
pub(crate) const CALL: u8 = 1 << 7;

const ENTRIES: usize = 2048;

/// What waits for the words of each hash; whoever is called compares the word itself.
static WAITING: LazyLock<Box<[u8; ENTRIES]>> = LazyLock::new(|| {
    let mut table = Box::new([0; ENTRIES]);
    words().for_each(|(word, flag)| table[entry(word.as_bytes())] |= flag);
    table
});

/// All words that somebody waits for, and who.
pub(crate) fn words() -> impl Iterator<Item = (&'static str, u8)> {
    let of = |flag| move |word| (word, flag);
    commands::WORDS
        .into_iter()
        .map(of(COMMAND))
        .chain(pipes::words().map(of(READER)))
        .chain(positions::words().map(of(POSITION)))
        .chain(foreign::plain_labels().chain([prose::CODE]).map(of(LABEL)))
        .chain(calls::words().map(of(CALL)))
        .chain(commands::words().map(of(LOGIN)))
        .chain([(manifests::KIND, MANIFEST), (sql::WORD, VALUES)])
}

/// Who waits for `word`, in any case; a bit too many now and then.
#[inline]
pub(crate) fn for_word(word: &[u8]) -> u8 {
    WAITING[entry(word)]
}

/// A hash of the length and of up to eight of the last letters, the same for both cases.
#[inline]
fn entry(word: &[u8]) -> usize {
    let letters = match (word.last_chunk(), word.first_chunk(), word.last_chunk()) {
        (Some(last), ..) => u64::from_le_bytes(*last),
        (_, Some(first), Some(last)) => {
            u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last))
        }
        _ => word.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)),
    };
    let folded = (letters | 0x2020_2020_2020_2020).wrapping_add(word.len() as u64);
    (folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 53) as usize % ENTRIES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_a_module_is_waited_for_in_any_case() {
        for (word, flag) in [
            ("IDENTIFIED", COMMAND),
            ("use", COMMAND),
            ("chpasswd", READER),
            ("su", READER),
            ("wpa_passphrase", POSITION),
            ("Passwort", LABEL),
            ("pin", LABEL),
            ("Values", VALUES),
            ("code", LABEL),
            ("Secret", MANIFEST),
            ("SQLPLUS", LOGIN),
            ("encode", CALL),
            ("PDO", CALL),
        ] {
            assert_ne!(for_word(word.as_bytes()) & flag, 0, "{word}");
        }
    }

    #[test]
    fn nobody_waits_for_most_words() {
        let prose =
            "the quick brown fox jumps over a lazy dog while nothing happens for weeks or years to come";
        let waited = prose.split(' ').filter(|word| for_word(word.as_bytes()) != 0).count();
        assert!(waited <= 3, "{waited}");
    }
}
