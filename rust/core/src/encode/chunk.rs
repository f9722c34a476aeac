//! Short texts of ours: punctuation, names of fields.

/// A short text of ours in a place of a fixed size, which is quicker to copy than its length is to ask.
#[derive(Clone, Copy, Debug)]
pub struct Chunk {
    bytes: [u8; Chunk::SIZE],
    length: u8,
}

impl Chunk {
    /// The longest text that it holds.
    pub const SIZE: usize = 32;

    /// A text of up to [`Chunk::SIZE`] bytes.
    ///
    /// # Panics
    /// When the text is longer.
    #[must_use]
    pub const fn of(text: &[u8]) -> Chunk {
        assert!(text.len() <= Chunk::SIZE, "a chunk is short");
        let (mut bytes, mut at) = ([0; Chunk::SIZE], 0);
        while at < text.len() {
            bytes[at] = text[at];
            at += 1;
        }
        Chunk { bytes, length: text.len() as u8 }
    }

    /// The text alone.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    /// Appends it to `out`: all of its place, and then only the text stays.
    #[inline]
    pub fn append_to(&self, out: &mut Vec<u8>) {
        let end = out.len() + usize::from(self.length);
        out.extend_from_slice(&self.bytes);
        out.truncate(end);
    }
}
