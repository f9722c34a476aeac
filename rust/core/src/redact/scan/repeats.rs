//! Words that stand in the same text as the one before, which named nothing: hostile text repeats a word that costs.

/// How much of the text in front of the end of a word, and behind it, must be the same.
const FRONT: usize = 256;
const BEHIND: usize = 512;
/// Where in such a text a value without quotes ends: at the next blank, of which each part of this length has one.
const PART: usize = 64;

/// How many words are remembered.
const MEMO_WORDS: usize = 4;

/// The last words that named nothing, for one who reads no further than the text that is compared.
#[derive(Default)]
pub(crate) struct Repeats {
    known: [Word; MEMO_WORDS],
    next: usize,
}

#[derive(Default)]
struct Word {
    end: usize,
    /// Whether everything that is read around it ends there.
    calm: Option<bool>,
}

impl Repeats {
    /// Whether the word that ends at `end` must name nothing, as one before it did.
    #[inline]
    pub(crate) fn has(&mut self, text: &[u8], end: usize) -> bool {
        let Some(here) = around(text, end) else { return false };
        let same = |word: &&mut Word| around(text, word.end).is_some_and(|known| known == here);
        let Some(word) = self.known.iter_mut().find(same) else { return false };
        word.end = end;
        *word.calm.get_or_insert_with(|| is_calm(&here[FRONT..]))
    }

    /// Notes a word that named nothing.
    pub(crate) fn note(&mut self, end: usize) {
        if self.known.iter().all(|word| word.end != end) {
            self.known[self.next] = Word { end, calm: None };
            self.next = (self.next + 1) % MEMO_WORDS;
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
        // A word that is noted again keeps its place; one with another text behind it is another.
        repeats.note(13 * 60 + 8);
        text[13 * 70 + 500] = b'7';
        assert!(!repeats.has(&text, 13 * 70 + 8) && repeats.has(&text, 13 * 20 + 8));
    }

    #[test]
    fn where_quotes_open_nothing_repeats() {
        let text = b"password \"key\" ".repeat(200);
        let mut repeats = Repeats::default();
        repeats.note(15 * 50 + 8);
        assert!(!repeats.has(&text, 15 * 60 + 8) && !repeats.has(&text, 15 * 61 + 8));
    }
}
