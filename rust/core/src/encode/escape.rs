//! JSON string escaping: the one place where text becomes the inside of a JSON string.

use wide::u8x16;

const fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// A bit for each byte that JSON cannot carry as it is.
fn specials(chunk: [u8; 16]) -> u32 {
    let bytes = u8x16::new(chunk);
    let control = bytes.min(u8x16::splat(0x1f)).simd_eq(bytes);
    let quote = bytes.simd_eq(u8x16::splat(b'"'));
    let backslash = bytes.simd_eq(u8x16::splat(b'\\'));
    (control | quote | backslash).to_bitmask()
}

/// Index of the first byte at or after `from` that needs an escape: a control character, `"` or `\`.
#[must_use]
#[inline]
pub fn next_special(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let marks = specials(*chunk);
        if marks != 0 {
            return Some(at + marks.trailing_zeros() as usize);
        }
        at += chunk.len();
    }
    bytes[at.min(bytes.len())..].iter().position(|byte| is_special(*byte)).map(|offset| at + offset)
}

/// A text that is put together from short pieces, in memory that is used again.
#[derive(Default)]
pub(super) struct Pieces {
    memory: Vec<u8>,
    length: usize,
}

impl Pieces {
    pub(super) fn clear(&mut self) {
        self.length = 0;
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.memory[..self.length]
    }

    #[cold]
    fn grow(&mut self, by: usize) {
        self.memory.resize((self.length + by).max(2 * self.memory.len()), 0);
    }

    pub(super) fn push(&mut self, byte: u8) {
        if self.length == self.memory.len() {
            self.grow(1);
        }
        self.memory[self.length] = byte;
        self.length += 1;
    }

    pub(super) fn extend(&mut self, bytes: &[u8]) {
        if self.memory.len() - self.length < bytes.len() {
            self.grow(bytes.len());
        }
        self.memory[self.length..self.length + bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }

    /// Appends the first `length` bytes of a chunk, which is copied whole.
    #[inline]
    fn extend_with_front(&mut self, chunk: &[u8; 16], length: usize) {
        if self.memory.len() - self.length < chunk.len() {
            self.grow(chunk.len());
        }
        self.memory[self.length..self.length + chunk.len()].copy_from_slice(chunk);
        self.length += length;
    }
}

/// Appends what stands from `from` up to the next byte that needs an escape to `out`; the index of that byte.
///
/// Whole chunks are copied and their ends written over, because most pieces are a few words long.
#[inline]
pub(super) fn copy_plain(bytes: &[u8], from: usize, out: &mut Pieces) -> Option<usize> {
    let mut at = from;
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        // The bit behind the chunk ends what is plain.
        let marks = specials(*chunk);
        let plain = (marks | 1 << chunk.len()).trailing_zeros() as usize;
        out.extend_with_front(chunk, plain);
        at += plain;
        if marks != 0 {
            return Some(at);
        }
    }
    let rest = bytes.get(at..)?;
    let plain = rest.iter().position(|byte| is_special(*byte))?;
    out.extend(&rest[..plain]);
    Some(at + plain)
}

/// Appends `text` to `out`, escaped, without the quotes.
pub fn escape_into(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let mut start = 0;
    while let Some(at) = next_special(bytes, start) {
        out.extend_from_slice(&bytes[start..at]);
        escape_byte(out, bytes[at]);
        start = at + 1;
    }
    out.extend_from_slice(&bytes[start..]);
}

/// Appends `text` as a JSON string, quotes included.
pub fn quote_into(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    escape_into(out, text);
    out.push(b'"');
}

#[cold]
fn escape_byte(out: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match byte {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        0x08 => out.extend_from_slice(b"\\b"),
        0x0c => out.extend_from_slice(b"\\f"),
        _ => {
            let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]);
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_ascii_byte_at_every_offset() {
        for byte in 0..128u8 {
            for offset in 0..36 {
                let mut text = vec![b'a'; 40];
                text[offset] = byte;
                let expected = is_special(byte).then_some(offset);
                assert_eq!(next_special(&text, 0), expected, "byte {byte} at {offset}");
            }
        }
    }

    proptest! {
        #[test]
        fn reads_back_as_the_same_text(text in ".*") {
            let mut out = Vec::new();
            quote_into(&mut out, &text);
            let back: String = serde_json::from_slice(&out).unwrap();
            prop_assert_eq!(back, text);
        }
    }
}
