//! Words that stand in the same text as the one before, which named nothing: hostile text repeats a word that costs.

/// How much of the text in front of the end of a word, and behind it, must be the same.
const FRONT: usize = 256;
const BEHIND: usize = 512;
/// Where in such a text a value without quotes ends: at the next blank, of which each part of this length has one.
const PART: usize = 64;

/// The last word that named nothing, for one who reads no further than the text that is compared.
#[derive(Default)]
pub(crate) struct Repeats {
    end: usize,
    /// Whether everything that is read there ends there.
    calm: Option<bool>,
}

impl Repeats {
    /// Whether the word that ends at `end` must name nothing, as the last one did.
    #[inline]
    pub(crate) fn has(&mut self, text: &[u8], end: usize) -> bool {
        let (Some(known), Some(here)) = (around(text, self.end), around(text, end)) else { return false };
        if known != here {
            return false;
        }
        self.end = end;
        *self.calm.get_or_insert_with(|| is_calm(&here[FRONT..]))
    }

    /// Notes a word that named nothing.
    pub(crate) fn note(&mut self, end: usize) {
        if self.end != end {
            *self = Repeats { end, calm: None };
        }
    }
}

/// The text around the end of a word; none near the ends of the text.
#[inline]
fn around(text: &[u8], end: usize) -> Option<&[u8; FRONT + BEHIND]> {
    text.get(end.checked_sub(FRONT)?..)?.first_chunk()
}

/// Whether no quote opens in a text, and no value in it is longer than a part or two.
fn is_calm(text: &[u8]) -> bool {
    text.is_ascii()
        && memchr::memchr3(b'"', b'\'', b'`', text).is_none()
        && text.chunks(PART).all(|part| part.iter().any(|b| matches!(b, b' ' | b'\t' | b'\n')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_text_on_both_sides_repeats_a_word() {
        let mut text = b"password key ".repeat(200);
        let mut repeats = Repeats::default();
        assert!(!repeats.has(&text, 8) && !repeats.has(&text, 13 * 50 + 8));
        repeats.note(13 * 50 + 8);
        assert!(repeats.has(&text, 13 * 60 + 8) && !repeats.has(&text, 13 * 60 + 12));
        assert!(!repeats.has(&text, 13 * 199 + 8));
        text[13 * 60 + 500] = b'7';
        repeats.note(13 * 20 + 8);
        assert!(!repeats.has(&text, 13 * 60 + 8) && repeats.has(&text, 13 * 21 + 8));
        text.fill(b'"');
        repeats.note(600);
        assert!(!repeats.has(&text, 601));
    }
}
