//! The corpus of hits and near misses in `tests/corpus/redact.jsonl`.
//!
//! A line is `{"rule", "hit": TEMPLATE}` or `{"rule", "miss": TEMPLATE}`. In a template `⟦alphabet length⟧` is
//! drawn afresh in every run; of a hit nothing drawn may be left, a miss must stay as it is.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::Value;
use support::{Fakes, plain, policy};
use t800_core::redact::Redactor;

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/corpus/redact.jsonl");

/// The text of a template and what was drawn for it.
fn expand(template: &str, fakes: &mut Fakes) -> (String, Vec<String>) {
    let mut text = String::new();
    let mut drawn = Vec::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('⟦') {
        let (spec, tail) = after.split_once('⟧').unwrap();
        let (alphabet, length) = spec.rsplit_once(' ').unwrap();
        let fake = fakes.draw(&letters(alphabet), length.parse().unwrap());
        text.push_str(before);
        text.push_str(&fake);
        drawn.push(fake);
        rest = tail;
    }
    text.push_str(rest);
    (text, drawn)
}

fn letters(alphabet: &str) -> String {
    let lower = "abcdefghijklmnopqrstuvwxyz";
    match alphabet {
        "alnum" => format!("{lower}{}0123456789", lower.to_uppercase()),
        "lower" => format!("{lower}0123456789"),
        "upper" => format!("{}0123456789", lower.to_uppercase()),
        "hex" => "0123456789abcdef".into(),
        "digit" => "123456789".into(),
        "letter" => lower.into(),
        other => other.into(),
    }
}

#[test]
fn every_hit_goes_and_every_near_miss_stays() {
    let redactor = Redactor::new(&policy()).unwrap();
    let corpus = std::fs::read_to_string(CORPUS).unwrap();
    let mut wrong = Vec::new();
    for (number, line) in corpus.lines().enumerate() {
        let row: Value = serde_json::from_str(line).unwrap();
        for seed in 0..5 {
            let mut fakes = Fakes::new(number as u64 * 31 + seed);
            let (template, hit) = match (row["hit"].as_str(), row["miss"].as_str()) {
                (Some(template), None) => (template, true),
                (None, Some(template)) => (template, false),
                _ => panic!("line {} is neither hit nor miss", number + 1),
            };
            let (text, drawn) = expand(template, &mut fakes);
            let out = plain(&redactor, &text);
            let left = || drawn.iter().any(|fake| fake.len() > 3 && out.contains(fake));
            let right = if hit { out != text && !left() } else { out == text };
            if !right {
                wrong.push(format!("line {}: {text:?} -> {out:?}", number + 1));
                break;
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
