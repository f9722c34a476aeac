//! Texts that once leaked, each as somebody met it.
#![allow(clippy::unwrap_used)]

use t800_core::encode::{Buffer, Encoder, Limits};
use t800_core::redact::{Policy, Redactor};

fn redacted(text: &str) -> String {
    let redactor = Redactor::new(&Policy { redact_content: false, ..Policy::default() }).unwrap();
    let mut buffer = Buffer::default();
    Encoder::new(&redactor, &mut buffer, Limits::NONE).text(text);
    serde_json::from_slice(&buffer.out).unwrap()
}

#[test]
fn a_password_in_a_sentence() {
    for (text, secret) in [
        ("no route for root (password=Parcel-2613fe3b5ad9!, key x)", "Parcel-2613fe3b5ad9"),
        ("no route (password=Parcel-2613fe3b5ad9!)", "Parcel-2613fe3b5ad9"),
        ("password=Parcel-2613fe3b5ad9!, key x", "Parcel-2613fe3b5ad9"),
        ("(password=Parcel2613fe3b5ad9, key x)", "Parcel2613fe3b5ad9"),
        ("login failed for root (password=hunter22)", "hunter22"),
        ("ValueError('password=hunter2')", "hunter2"),
    ] {
        assert!(!redacted(text).contains(secret), "{text} -> {}", redacted(text));
    }
}

#[test]
fn the_end_of_a_password_that_could_end_a_sentence() {
    let text = "no route for root (password=Parcel-2613fe3b5ad9!, key x)";
    assert_eq!(redacted(text), "no route for root (password=[REDACTED], key x)");
}

/// Tokens are drawn at random: some have no digit, some read like words.
#[test]
fn a_provider_token_however_it_was_drawn() {
    for (prefix, random) in [
        ("glpat-", "SREtPOjiLpTSoLNmGPSa"),
        ("hf_", "SREtPOjiLpTSoLNmGPSaSREtPOjiLpTSoL"),
        ("hf_", "dw3iv920IRHDEioFSwblylyPLYXfes3ZVe"),
        ("hf_", "AuisLYZFOudgWLCjISEypsiuzrSKYSUEyZ"),
        ("SG.", "azSUyitryblZLTrtPyEPOE.06srIA8UWESEcbjOaob3R1561d75tBu3AhIDETRro07"),
    ] {
        let token = format!("{prefix}{random}");
        assert!(!redacted(&format!(" {token} ")).contains(random), "{token}");
    }
}

#[test]
fn what_follows_a_secret_stays() {
    let value = format!("x9Kq2{}", "mZp7");
    let quoted = format!("the secret is `{value}`\n--- y");
    assert_eq!(redacted(&quoted), "the secret is `[REDACTED]`\n--- y");
    let body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7\nVJTUt9Us8cKj\n";
    let cut = format!("-----BEGIN {} KEY-----\n{body}-----------\nother: text here\n", "PRIVATE");
    assert_eq!(redacted(&cut), "[REDACTED]\n-----------\nother: text here\n");
}

#[test]
fn an_armour_cut_off_in_its_first_line() {
    let line = format!("-----BEGIN {} KEY-----", "PRIVATE");
    for length in 0..=line.len() {
        assert_eq!(redacted(&line[..length]), line[..length]);
    }
}

#[test]
fn a_token_in_escapes_behind_a_line_that_goes_on() {
    let token = format!("SG.{}.{}", "ewmAKpxI2LiwBD8f8RU3FZ", "XGwq6lSlqRP1821bUq29NQnqgyIKKoLLAEpmRG9Z1yk");
    let escaped = token.chars().fold(String::new(), |text, sign| text + &format!("\\u{:04x}", sign as u32));
    for front in ["0\\\n ", "word\\\n", "a\" + \""] {
        let found = redacted(&format!("{front}{escaped} rest"));
        assert_eq!(found, format!("{front}[REDACTED] rest"));
    }
}
