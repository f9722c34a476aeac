//! Ids of sessions and the names of their files: safe on every system, and without what is redacted elsewhere.

use crate::clock::{self, Wall};
use crate::encode::escape::quote_into;
use crate::opening::name_json;
use crate::redact::{Redactor, hmac_hex};

/// How long an id may be.
const MOST_LENGTH: usize = 64;

/// How much of an unsafe id is shown.
const SLUG_LENGTH: usize = 40;

/// `given` where it is safe in a file name on every system, else a safe name derived from it.
///
/// The result always matches `[A-Za-z0-9_-]{1,64}`, the same id always gets the same name under one key, and
/// different unsafe ids get different names. Ids that look like addresses or paths, and those in which the redactor
/// finds anything, keep none of their text.
#[must_use]
pub fn safe(given: &str, redactor: &Redactor, key: &[u8; 32]) -> String {
    let telling = given.contains(['@', '/', '\\', '~']) || is_redacted(given, redactor);
    if !telling && is_name(given) {
        return given.to_owned();
    }
    let slug = if telling { "ses".to_owned() } else { slug(given) };
    let digest = hmac_hex(key, format!("session:{given}").as_bytes());
    format!("{slug}-{}", String::from_utf8_lossy(&digest[..12]))
}

/// The name of a session's files without their endings: `{YYYY-MM-DD}_{HH-MM-SS}_{session_id}`, in UTC.
#[must_use]
pub fn stem(started: Wall, session_id: &str) -> String {
    let time = clock::rfc3339(started);
    format!("{}_{}_{session_id}", &time[..10], time[11..19].replace(':', "-"))
}

fn is_redacted(given: &str, redactor: &Redactor) -> bool {
    let mut plain = Vec::new();
    quote_into(&mut plain, given);
    name_json(redactor, given).as_bytes() != plain
}

fn is_name(given: &str) -> bool {
    let safe = |sign: u8| sign.is_ascii_alphanumeric() || matches!(sign, b'_' | b'-');
    (1..=MOST_LENGTH).contains(&given.len()) && given.bytes().all(safe) && !is_device(given)
}

fn slug(given: &str) -> String {
    let safe = |sign: char| if sign.is_ascii_alphanumeric() || sign == '-' { sign } else { '_' };
    let kept: String = given.chars().take(SLUG_LENGTH).map(safe).collect();
    let kept = kept.trim_matches(['_', '-']);
    if kept.is_empty() { "ses".to_owned() } else { kept.to_owned() }
}

/// Names that Windows keeps for devices.
fn is_device(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let port =
        |kind| name.strip_prefix(kind).is_some_and(|n| n.len() == 1 && n.as_bytes()[0].is_ascii_digit());
    matches!(name.as_str(), "CON" | "PRN" | "AUX" | "NUL") || port("COM") || port("LPT")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::{Identity, Policy};
    use proptest::prelude::*;
    use std::sync::LazyLock;

    fn named(given: &str) -> String {
        static REDACTOR: LazyLock<Redactor> = LazyLock::new(|| {
            let identity = Identity { users: vec!["janedoe".to_owned()], ..Identity::default() };
            Redactor::new(&Policy { identity, ..Policy::default() }).unwrap()
        });
        safe(given, &REDACTOR, &[7; 32])
    }

    fn is_digest(name: &str) -> bool {
        name.strip_prefix("ses-").is_some_and(|hex| hex.len() == 12)
    }

    #[test]
    fn safe_ids_stay() {
        let long = "x".repeat(64);
        let uuid = "4f0c8a52-3a6b-4c1e-9d0e-6a2f1b7c8d90";
        for given in ["ses_abc123", "A-b_9", &long, "2024", uuid, "ses_2eee97e37ff9kzvAxn4g6v2vZF"] {
            assert_eq!(named(given), given);
        }
    }

    #[test]
    fn hostile_ids_become_safe_names() {
        let (long, longer) = ("x".repeat(65), "y".repeat(10_000));
        for given in [
            "",
            "../../x",
            "a/b",
            "a\\b",
            "a\0b",
            "a\nb",
            &long,
            &longer,
            "CON",
            "nul",
            "com1",
            "\u{202e}gnp.exe",
            "é",
            "a.json",
            "-\t",
            " ",
        ] {
            let name = named(given);
            assert!(is_name(&name), "{name}");
            assert_eq!(name, named(given));
        }
        assert_ne!(named("a b"), named("a_b "));
        assert!(named("claude:2024.01").starts_with("claude_2024_01-"));
    }

    #[test]
    fn what_names_people_places_or_secrets_leaves_no_text() {
        let key = format!("AKIA{}", "J7Q2WNX4KD5TPRM3");
        let token = format!("sk-ant-api03-{}", "Ab3x".repeat(21));
        for given in [
            "jane.doe@example.org",
            "/home/janedoe/x",
            "C:\\Users\\janedoe",
            "~janedoe",
            &key,
            &token,
            "password=copperkettle42",
            "run-of-janedoe",
        ] {
            assert!(is_digest(&named(given)), "{}", named(given));
        }
    }

    #[test]
    fn the_stem_is_in_utc() {
        assert_eq!(stem(1_705_314_600_999_999_999, "ses_abc123"), "2024-01-15_10-30-00_ses_abc123");
    }

    proptest! {
        #[test]
        fn different_ids_get_different_safe_names(one in ".{0,80}", other in ".{0,80}") {
            prop_assume!(one != other);
            let (first, second) = (named(&one), named(&other));
            prop_assert!(is_name(&first) && is_name(&second));
            prop_assert_ne!(first, second);
        }
    }
}
