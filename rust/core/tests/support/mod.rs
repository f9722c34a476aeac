//! What the redaction tests share: a redactor, its answer as text, and random fakes.
#![allow(dead_code)] // Each test file uses a part of it.

use t800_core::redact::{KeyClass, Policy, Redactor, Scratch, Verdict};

/// The policy most tests want: everything on, content scanned rather than hashed.
pub fn policy() -> Policy {
    Policy {
        redact_content: false,
        home: Some("/home/zelda77".into()),
        project_roots: vec!["/home/zelda77/work/shop".into()],
        ..Policy::default()
    }
}

/// What would be stored of a string under a key of `class`.
pub fn stored(redactor: &Redactor, class: KeyClass, text: &str) -> String {
    let mut scratch = Scratch::default();
    match redactor.text(class, text, &mut scratch) {
        Verdict::Keep => text.to_owned(),
        Verdict::Whole => scratch.whole,
        Verdict::Spans => {
            let mut out = String::new();
            let mut at = 0;
            for finding in &scratch.findings {
                out.push_str(&text[at..finding.start as usize]);
                out.push_str(redactor.replacement(finding.with));
                at = finding.end as usize;
            }
            out.push_str(&text[at..]);
            out
        }
    }
}

/// What would be stored of a string under a key that says nothing.
pub fn plain(redactor: &Redactor, text: &str) -> String {
    stored(redactor, KeyClass::PLAIN, text)
}

/// A small generator, so that no fake secret stands in the repository.
pub struct Fakes(u64);

impl Fakes {
    pub fn new(seed: u64) -> Fakes {
        Fakes(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound
    }

    pub fn draw(&mut self, alphabet: &str, length: usize) -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        (0..length).map(|_| letters[self.below(letters.len())]).collect()
    }

    pub fn alnum(&mut self, length: usize) -> String {
        self.draw("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", length)
    }
}
