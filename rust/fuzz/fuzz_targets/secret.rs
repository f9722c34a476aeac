//! A planted secret never survives, whatever text stands around it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::OnceLock;
use t800_core::encode::{Buffer, Encoder, Limits};
use t800_core::redact::{Policy, Redactor};

fn redactor() -> &'static Redactor {
    static REDACTOR: OnceLock<Redactor> = OnceLock::new();
    REDACTOR.get_or_init(|| {
        Redactor::new(&Policy { redact_content: false, ..Policy::default() }).expect("the policy is good")
    })
}

/// A token in a provider's public format, its random part drawn from `seed`.
fn token(kind: u8, seed: &[u8]) -> String {
    const ALPHABET: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let mut state = seed.iter().fold(0x9e37_79b9_7f4a_7c15_u64, |state, byte| {
        (state ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut draw = |len: usize| -> String {
        (0..len)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                char::from(ALPHABET[(state >> 33) as usize % ALPHABET.len()])
            })
            .collect()
    };
    match kind % 4 {
        0 => format!("sk-ant-api03-{}AA", draw(93)),
        1 => format!("glpat-{}", draw(20)),
        2 => format!("hf_{}", draw(34)),
        _ => format!("SG.{}.{}", draw(22), draw(43)),
    }
}

/// The secret as it is or with every character escaped.
fn written(secret: &str, way: u8) -> String {
    secret
        .bytes()
        .map(|byte| match way % 8 {
            0 | 1 => char::from(byte).to_string(),
            2 => format!("\\u{byte:04x}"),
            3 => format!("\\\\x{byte:02x}"),
            4 => format!("%{byte:02X}"),
            5 => format!("%25{byte:02x}"),
            6 => format!("&#{byte};"),
            _ => format!("\\u{{{byte:x}}}"),
        })
        .collect()
}

fuzz_target!(|input: (u8, u8, [u8; 8], String, String)| {
    let (kind, way, seed, before, after) = input;
    let secret = written(&token(kind, &seed), way);
    // A letter or digit right beside it would make it another token.
    let text = format!("{before} {secret} {after}");
    let mut buffer = Buffer::default();
    Encoder::new(redactor(), &mut buffer, Limits::NONE).text(&text);
    let out = String::from_utf8(buffer.out).expect("UTF-8");
    let inside = serde_json::to_string(&secret).expect("JSON");
    assert!(!out.contains(&inside[1..inside.len() - 1]), "{text:?}");
});
