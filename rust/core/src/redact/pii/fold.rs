//! Words of a label, folded: lower case, without accents, so that all spellings are one.

use crate::redact::scan::segments::Segments;

const ROOM: usize = 160;
const MAX_WORDS: usize = 20;

/// The words of a text, in place.
pub(super) struct Words {
    text: [u8; ROOM],
    ends: [u8; MAX_WORDS],
    len: usize,
}

impl Words {
    /// Splits at everything that is no letter or digit and at camel-case humps; of a long text the front counts.
    pub(super) fn of(text: &[u8]) -> Words {
        let mut words = Words { text: [0; ROOM], ends: [0; MAX_WORDS], len: 0 };
        let mut at = 0;
        let mut rest = text;
        let mut before = b' ';
        while let Some(&byte) = rest.first() {
            if byte < 0x80 {
                let hump = byte.is_ascii_uppercase()
                    && (before.is_ascii_lowercase()
                        || before.is_ascii_uppercase() && rest.get(1).is_some_and(u8::is_ascii_lowercase));
                if hump || !byte.is_ascii_alphanumeric() {
                    words.close(at);
                }
                if byte.is_ascii_alphanumeric() {
                    at = words.push(at, byte.to_ascii_lowercase());
                }
                (before, rest) = (byte, &rest[1..]);
                continue;
            }
            let (letter, length) = decode(rest);
            match letter.map(fold) {
                Some(Folded::Letter(letter)) => {
                    let mut buffer = [0; 4];
                    for byte in letter.encode_utf8(&mut buffer).bytes() {
                        at = words.push(at, byte);
                    }
                }
                Some(Folded::Mark) => {}
                Some(Folded::Other) | None => words.close(at),
            }
            (before, rest) = (b'0', &rest[length..]);
        }
        words.close(at);
        words
    }

    /// The segments of a key, which are lower case already.
    pub(super) fn of_segments(segments: &Segments) -> Words {
        let mut words = Words { text: [0; ROOM], ends: [0; MAX_WORDS], len: 0 };
        let mut at = 0;
        for count in (1..=segments.len()).rev() {
            let (tail, next) =
                (segments.tail(count), if count > 1 { segments.tail(count - 1).len() } else { 0 });
            let segment = &tail[..tail.len() - next];
            if segment.is_ascii() {
                at = segment.iter().fold(at, |at, byte| words.push(at, *byte));
            } else {
                let folded = Words::of(segment);
                at = folded.tail(folded.len).iter().fold(at, |at, byte| words.push(at, *byte));
            }
            words.close(at);
        }
        words
    }

    fn push(&mut self, at: usize, byte: u8) -> usize {
        if at < ROOM {
            self.text[at] = byte;
            return at + 1;
        }
        at
    }

    fn close(&mut self, end: usize) {
        if end > self.start(self.len) && self.len < MAX_WORDS {
            self.ends[self.len] = end as u8;
            self.len += 1;
        }
    }

    fn start(&self, index: usize) -> usize {
        if index == 0 { 0 } else { usize::from(self.ends[index - 1]) }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn word(&self, index: usize) -> &[u8] {
        &self.text[self.start(index)..usize::from(self.ends[index])]
    }

    /// All the last `length` words in one.
    pub(super) fn tail(&self, length: usize) -> &[u8] {
        self.tail_of(self.len, length)
    }

    /// The last `length` of the first `count` words in one, without the digits that number them.
    pub(super) fn tail_of(&self, count: usize, length: usize) -> &[u8] {
        if count == 0 {
            return b"";
        }
        let text = &self.text[self.start(count - length)..usize::from(self.ends[count - 1])];
        let end = text.iter().rposition(|b| !b.is_ascii_digit()).map_or(text.len(), |last| last + 1);
        &text[..end]
    }
}

/// The first character of a text that may be cut anywhere, and how many bytes it takes.
pub(super) fn decode(text: &[u8]) -> (Option<char>, usize) {
    let length = match text[0] {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    let letter = text.get(..length).and_then(|bytes| std::str::from_utf8(bytes).ok());
    letter.and_then(|letter| letter.chars().next()).map_or((None, 1), |letter| (Some(letter), length))
}

enum Folded {
    Letter(char),
    /// Belongs to the letter before it.
    Mark,
    Other,
}

fn fold(letter: char) -> Folded {
    match letter {
        '\u{300}'..='\u{36f}' | '\u{93c}' | '\u{64b}'..='\u{652}' | '\u{591}'..='\u{5c7}' | '\u{640}' => {
            Folded::Mark
        }
        '\u{200b}'..='\u{200f}' => Folded::Mark,
        '\u{900}'..='\u{963}' => Folded::Letter(letter),
        '\u{ff10}'..='\u{ff5a}' => {
            let ascii = (letter as u32 - 0xfee0) as u8 as char;
            if ascii.is_ascii_alphanumeric() {
                Folded::Letter(ascii.to_ascii_lowercase())
            } else {
                Folded::Other
            }
        }
        _ if letter.is_alphanumeric() => Folded::Letter(bare(letter.to_lowercase().next().unwrap_or(letter))),
        _ => Folded::Other,
    }
}

/// The letter without its accents.
fn bare(letter: char) -> char {
    match letter {
        'à'..='å' | 'ā' | 'ă' | 'ą' | 'ǎ' | '\u{1ea0}'..='\u{1eb7}' => 'a',
        'ç' | 'ć' | 'ĉ' | 'č' => 'c',
        'ď' | 'đ' => 'd',
        'è'..='ë' | 'ē' | 'ė' | 'ę' | 'ě' | '\u{1eb8}'..='\u{1ec7}' => 'e',
        'ğ' | 'ģ' => 'g',
        'ì'..='ï' | 'ī' | 'į' | 'ı' | 'ĩ' | '\u{1ec8}'..='\u{1ecb}' => 'i',
        'ķ' => 'k',
        'ļ' | 'ľ' | 'ł' => 'l',
        'ñ' | 'ń' | 'ņ' | 'ň' => 'n',
        'ò'..='ö' | 'ø' | 'ō' | 'ő' | 'ơ' | '\u{1ecc}'..='\u{1ee3}' => 'o',
        'ř' | 'ŕ' => 'r',
        'ś' | 'š' | 'ş' | 'ș' => 's',
        'ť' | 'ţ' | 'ț' => 't',
        'ù'..='ü' | 'ū' | 'ů' | 'ű' | 'ų' | 'ư' | 'ũ' | '\u{1ee4}'..='\u{1ef1}' => 'u',
        'ý' | 'ÿ' | '\u{1ef2}'..='\u{1ef9}' => 'y',
        'ź' | 'ż' | 'ž' => 'z',
        'ά' => 'α',
        'έ' => 'ε',
        'ή' => 'η',
        'ί' | 'ϊ' | 'ΐ' => 'ι',
        'ό' => 'ο',
        'ύ' | 'ϋ' | 'ΰ' => 'υ',
        'ώ' => 'ω',
        'ς' => 'σ',
        'ё' => 'е',
        'أ' | 'إ' | 'آ' => 'ا',
        _ => letter,
    }
}

/// Whether a character beyond ASCII belongs to a word.
pub(super) fn is_word(letter: char) -> bool {
    !matches!(fold(letter), Folded::Other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> Vec<String> {
        let words = Words::of(text.as_bytes());
        (0..words.len()).map(|i| String::from_utf8(words.word(i).to_vec()).unwrap()).collect()
    }

    #[test]
    fn case_and_accents_do_not_count() {
        assert_eq!(folded("Numéro de TÉLÉPHONE"), ["numero", "de", "telephone"]);
        assert_eq!(folded("phoneNumber"), ["phone", "number"]);
        assert_eq!(folded("Номер Телефона"), ["номер", "телефона"]);
        assert_eq!(folded("Τηλέφωνό"), ["τηλεφωνο"]);
        assert_eq!(folded("số điện thoại"), ["so", "dien", "thoai"]);
        assert_eq!(folded("फ़ोन"), folded("फोन"));
        assert_eq!(folded("Ｔｅｌ：１"), ["tel", "1"]);
        assert!(folded("—：、").is_empty());
    }

    #[test]
    fn the_number_of_a_name_is_no_part_of_it() {
        let words = Words::of(b"phone2");
        assert_eq!(words.tail(1), b"phone");
    }

    #[test]
    fn text_cut_in_a_character_is_read() {
        assert_eq!(Words::of(&"é".as_bytes()[1..]).len(), 0);
        assert_eq!(Words::of(&"Tel é".as_bytes()[..5]).len(), 1);
    }
}
