//! Addresses of crypto-currency wallets: by their checksum, or behind a label.

use crate::redact::tokens::unknown::Shape;
use sha2::{Digest, Sha256};

/// Whether a labelled value is an address of a wallet.
pub(super) fn is_wallet(text: &[u8]) -> bool {
    let shape = Shape::of(text);
    shape.alnum() >= 25
        && text.len() <= 110
        && shape.other == 0
        && shape.digits > 1
        && (shape.is_random() || text.starts_with(b"0x") || text.starts_with(b"bc1"))
}

/// `bc1q…`: where the address at `start` ends, if its checksum is right.
pub(super) fn bech32(text: &[u8], start: usize) -> Option<usize> {
    if !text[start..].starts_with(b"bc1") {
        return None;
    }
    let length = text[start..].iter().take(75).take_while(|b| b.is_ascii_alphanumeric()).count();
    let body = &text[start + 3..start + length];
    if !matches!(length, 42 | 62) {
        return None;
    }
    // The human-readable part `bc`, expanded: high bits, zero, low bits.
    let mut sum = [3, 3, 0, 2, 3].iter().fold(1, |sum, value| step(sum, *value));
    for byte in body {
        let value = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l".iter().position(|letter| letter == byte)?;
        sum = step(sum, value as u32);
    }
    matches!(sum, 1 | 0x2bc8_30a3).then_some(start + length)
}

/// One step of the BCH code of bech32.
fn step(sum: u32, value: u32) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let top = sum >> 25;
    let shifted = (sum & 0x01ff_ffff) << 5 ^ value;
    GENERATOR
        .iter()
        .enumerate()
        .fold(shifted, |sum, (bit, part)| if top >> bit & 1 == 1 { sum ^ part } else { sum })
}

/// `1A1zP1…`, `3J98t1…`: where the address at `at` ends, if its checksum is right.
pub(super) fn base58(text: &[u8], at: usize, end: usize) -> Option<usize> {
    if !matches!(text[at], b'1' | b'3') || end - at > 8 || !text.get(end).is_some_and(u8::is_ascii_alphabetic)
    {
        return None;
    }
    let length = text[at..].iter().take(36).take_while(|b| b.is_ascii_alphanumeric()).count();
    if !(26..=35).contains(&length) {
        return None;
    }
    let mut bytes = [0u8; 25];
    for byte in &text[at..at + length] {
        let letters = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
        let mut carry = letters.iter().position(|letter| letter == byte)? as u32;
        for place in bytes.iter_mut().rev() {
            carry += u32::from(*place) * 58;
            *place = carry as u8;
            carry >>= 8;
        }
        if carry > 0 {
            return None;
        }
    }
    let twice = Sha256::digest(Sha256::digest(&bytes[..21]));
    (bytes[21..] == twice[..4]).then_some(at + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_addresses_pass_and_altered_ones_do_not() {
        for address in ["BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"] {
            let address = if address.starts_with("BC") { address.to_lowercase() } else { address.to_owned() };
            let text = address.as_bytes();
            let end = text.iter().take_while(|b| b.is_ascii_digit()).count();
            let found = bech32(text, 0).or_else(|| base58(text, 0, end));
            assert_eq!(found, Some(text.len()), "{address}");
            let mut altered = text.to_vec();
            altered[text.len() - 2] = if altered[text.len() - 2] == b'q' { b'p' } else { b'q' };
            assert_eq!(bech32(&altered, 0).or_else(|| base58(&altered, 0, end)), None);
        }
    }
}
