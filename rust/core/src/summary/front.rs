//! What stands in an event's record in front of its line: the numbers that its session's summary adds up.
//!
//! ```text
//! 0   kind in the low half, outcome in the high one    1  interrupted, nested: a bit each
//! 2   which tokens follow, a bit each                  3  UTC day, 3 bytes      6  how many rules have redacted
//! 8   microseconds    16  billionths of a dollar       24  where the name stands, its length, 4 bytes each
//! 32  the tokens that are not 0, 8 bytes each; then each rule that has redacted, 2 bytes, and how often, 4 bytes
//! ```
//! All little-endian. Zeroes of tokens are left out because most events have none: what is short is quick to copy and to
//! check.

use super::{Facts, Outcome};
use crate::event::Kind;
use crate::redact::RuleId;

/// Bytes that are always there.
const FIXED: usize = 32;
/// Bytes of a rule and its count.
const RULE: usize = 6;
const ABSENT: u64 = u64::MAX;

/// Writes the front of an event's record.
pub fn write(out: &mut Vec<u8>, facts: &Facts, redactions: &[(RuleId, u32)]) {
    out.clear();
    out.extend_from_slice(&fixed(facts, redactions.len() as u16));
    if facts.tokens != [0; 8] {
        for count in facts.tokens.iter().filter(|count| **count > 0) {
            out.extend_from_slice(&count.to_le_bytes());
        }
    }
    for (rule, count) in redactions {
        out.extend_from_slice(&rule.0.to_le_bytes());
        out.extend_from_slice(&count.to_le_bytes());
    }
}

fn fixed(facts: &Facts, rules: u16) -> [u8; FIXED] {
    let mut tokens = 0;
    if facts.tokens != [0; 8] {
        for (at, count) in facts.tokens.iter().enumerate() {
            tokens |= u64::from(*count > 0) << at;
        }
    }
    let flags = u64::from(facts.interrupted) | u64::from(facts.nested) << 1;
    let word = facts.kind as u64
        | (facts.outcome as u64) << 4
        | flags << 8
        | tokens << 16
        | u64::from(facts.day & 0x00ff_ffff) << 24
        | u64::from(rules) << 48;
    let cost = facts.cost_nano_usd.unwrap_or(i64::MIN).cast_unsigned();
    let name = u64::from(facts.name.0) | u64::from(facts.name.1) << 32;
    let words = [word, facts.duration_us.unwrap_or(ABSENT), cost, name];
    let mut bytes = [0; FIXED];
    for (place, word) in bytes.chunks_exact_mut(8).zip(words) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

/// The parts of an event's record: facts, redaction counts, line.
#[must_use]
pub fn split(payload: &[u8]) -> Option<(Facts, &[u8], &[u8])> {
    let (bytes, mut rest) = payload.split_first_chunk::<FIXED>()?;
    let word = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
    let (first, cost, name) = (word(0), word(16).cast_signed(), word(24));
    let mut facts = Facts {
        kind: Kind::from_number(first as u8 & 15),
        outcome: Outcome::from_number(first as u8 >> 4),
        interrupted: first >> 8 & 1 != 0,
        nested: first >> 9 & 1 != 0,
        day: (first >> 24) as u32 & 0x00ff_ffff,
        duration_us: Some(word(8)).filter(|us| *us != ABSENT),
        cost_nano_usd: Some(cost).filter(|cost| *cost != i64::MIN),
        name: (name as u32, (name >> 32) as u32),
        ..Facts::default()
    };
    for (at, count) in facts.tokens.iter_mut().enumerate() {
        if first >> (16 + at) & 1 != 0 {
            let (given, behind) = rest.split_first_chunk()?;
            (*count, rest) = (u64::from_le_bytes(*given), behind);
        }
    }
    let (counts, line) = rest.split_at_checked((first >> 48) as usize * RULE)?;
    Some((facts, counts, line))
}

/// Reads the redaction counts that [`split`] has found.
pub fn redactions(bytes: &[u8]) -> impl Iterator<Item = (RuleId, u32)> + '_ {
    bytes.chunks_exact(RULE).map(|pair| {
        let rule = u16::from_le_bytes([pair[0], pair[1]]);
        (RuleId(rule), u32::from_le_bytes([pair[2], pair[3], pair[4], pair[5]]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_survive_the_ring() {
        let whole = Facts {
            kind: Kind::LlmCall,
            outcome: Outcome::Unknown,
            interrupted: true,
            nested: true,
            duration_us: Some(12),
            cost_nano_usd: Some(-23_000_000),
            tokens: [1, 2, 3, 4, 5, 6, 7, u64::MAX],
            day: 20_000,
            name: (80, 4),
        };
        let some = Facts { kind: Kind::Checkpoint, nested: true, tokens: [0, 0, 9, 0, 0, 0, 0, 1], ..whole };
        let rules: Vec<_> = (0..300).map(|rule| (RuleId(rule), u32::from(rule) + 70_000)).collect();
        for facts in [whole, some, Facts::default()] {
            for rules in [&rules[..], &rules[..1], &[]] {
                let mut payload = vec![b'x'; 7];
                write(&mut payload, &facts, rules);
                let front = payload.len();
                payload.extend_from_slice(b"the line");
                let (back, counts, line) = split(&payload).unwrap();
                assert_eq!((back, line), (facts, b"the line".as_slice()));
                assert_eq!(redactions(counts).collect::<Vec<_>>(), rules);
                assert!((0..front).all(|cut| split(&payload[..cut]).is_none()));
            }
        }
    }
}
