//! Content fields: replaced by a short keyed hash, so that equal texts can be seen to be equal and nothing else.

use highway::{HighwayHash, HighwayHasher, Key};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

const FRONT: &str = "[content hash: ";
const HEX: &[u8; 16] = b"0123456789abcdef";
/// Longer texts are hashed by length and both ends, which bounds the time a call can take.
const WHOLE_LIMIT: usize = 4 << 20;
const END_BYTES: usize = 1 << 20;

/// Computes `[content hash: a1b2c3]` with a key derived once from the per-install key.
#[derive(Debug)]
pub(crate) struct ContentHasher {
    key: [u64; 4],
}

impl ContentHasher {
    pub(crate) fn new(install_key: &[u8; 32]) -> ContentHasher {
        let derived = hmac(install_key, b"t800 content hash");
        let word = |i: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&derived[i * 8..i * 8 + 8]);
            u64::from_le_bytes(bytes)
        };
        ContentHasher { key: [word(0), word(1), word(2), word(3)] }
    }

    /// First 24 bits of the hash as six hex digits.
    pub(crate) fn hex(&self, bytes: &[u8]) -> [u8; 6] {
        let hash = self.hash(bytes).to_be_bytes();
        let mut out = [0; 6];
        write_hex(&hash[..3], &mut out);
        out
    }

    /// Replaces `out` by the marker for `bytes`. A marker stays: imported events are the same again.
    pub(crate) fn marker(&self, bytes: &[u8], out: &mut String) {
        out.clear();
        out.push_str(FRONT);
        if let Some(hex) = hashed(bytes) {
            out.push_str(hex);
            out.push(']');
            return;
        }
        out.extend(self.hex(bytes).iter().map(|&b| char::from(b)));
        out.push(']');
    }

    fn hash(&self, bytes: &[u8]) -> u64 {
        let mut hasher = HighwayHasher::new(Key(self.key));
        if bytes.len() <= WHOLE_LIMIT {
            return hasher.hash64(bytes);
        }
        hasher.append(&(bytes.len() as u64).to_le_bytes());
        hasher.append(&bytes[..END_BYTES]);
        hasher.append(&bytes[bytes.len() - END_BYTES..]);
        hasher.finalize64()
    }
}

/// The hash in a text that is a marker and nothing else.
fn hashed(bytes: &[u8]) -> Option<&str> {
    let hex = bytes.strip_prefix(FRONT.as_bytes())?.strip_suffix(b"]")?;
    let known = hex.len() == 6 && hex.iter().all(|sign| HEX.contains(sign));
    std::str::from_utf8(hex).ok().filter(|_| known)
}

/// HMAC-SHA-256 of `data` as 64 hex digits: the form of every hash that may be compared across traces.
#[must_use]
pub fn hmac_hex(key: &[u8; 32], data: &[u8]) -> [u8; 64] {
    let mut out = [0; 64];
    write_hex(&hmac(key, data), &mut out);
    out
}

/// SHA-256 of `data` as 64 hex digits.
#[must_use]
pub fn sha256_hex(data: &[u8]) -> [u8; 64] {
    let mut out = [0; 64];
    write_hex(&Sha256::digest(data), &mut out);
    out
}

fn hmac(key: &[u8; 32], data: &[u8]) -> [u8; 32] {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        unreachable!("HMAC takes keys of any length")
    };
    mac.update(data);
    mac.finalize().into_bytes().into()
}

fn write_hex(bytes: &[u8], out: &mut [u8]) {
    for (byte, pair) in bytes.iter().zip(out.chunks_exact_mut(2)) {
        pair[0] = HEX[usize::from(byte >> 4)];
        pair[1] = HEX[usize::from(byte & 15)];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers_of_sha256_and_hmac() {
        assert_eq!(&sha256_hex(b"abc")[..16], b"ba7816bf8f01cfea");
        // RFC 4231 case 2 has a shorter key; zero padding makes it the same HMAC.
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        assert_eq!(&hmac_hex(&key, b"what do ya want for nothing?")[..16], b"5bdcc146bf60754e");
    }

    #[test]
    fn the_hash_depends_on_the_key_and_on_every_byte_of_moderate_texts() {
        let (a, b) = (ContentHasher::new(&[1; 32]), ContentHasher::new(&[2; 32]));
        assert_eq!(a.hex(b"text"), a.hex(b"text"));
        assert_ne!(a.hex(b"text"), b.hex(b"text"));
        assert_ne!(a.hex(b"text"), a.hex(b"texu"));
    }

    #[test]
    fn huge_texts_are_told_apart_by_length_and_ends() {
        let hasher = ContentHasher::new(&[1; 32]);
        let mut text = vec![b'x'; WHOLE_LIMIT + 10];
        let before = hasher.hex(&text);
        text.push(b'x');
        assert_ne!(before, hasher.hex(&text));
    }

    #[test]
    fn the_marker_has_the_documented_form() {
        let mut out = String::from("old");
        let hasher = ContentHasher::new(&[0; 32]);
        hasher.marker(b"text", &mut out);
        assert_eq!((out.len(), &out[..15], &out[21..]), (22, "[content hash: ", "]"));
        let before = out.clone();
        hasher.marker(before.as_bytes(), &mut out);
        assert_eq!(out, before);
        for other in [
            "[content hash: A1b2c3]",
            "[content hash: a1b2c3d]",
            "[content hash: a1b2c3] x",
            "[content hash: ]",
        ] {
            hasher.marker(other.as_bytes(), &mut out);
            assert_ne!(out, other);
            assert_eq!(out.len(), 22);
        }
    }
}
