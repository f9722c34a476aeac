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

/// Appends what stands from `from` up to the next byte that needs an escape to `out`; the index of that byte.
///
/// Whole chunks are copied and cut, because most pieces are a few words long.
pub(super) fn copy_plain(bytes: &[u8], from: usize, out: &mut Vec<u8>) -> Option<usize> {
    let mut at = from;
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        out.extend_from_slice(chunk);
        let marks = specials(*chunk);
        if marks != 0 {
            let plain = marks.trailing_zeros() as usize;
            out.truncate(out.len() - chunk.len() + plain);
            return Some(at + plain);
        }
        at += chunk.len();
    }
    let rest = bytes.get(at..)?;
    let plain = rest.iter().position(|byte| is_special(*byte))?;
    out.extend_from_slice(&rest[..plain]);
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
