//! The label in front of a value: `phone number: `, `"ssn": "`, `| Passport | `, `<th>IBAN</th><td>`, `手机号是`.

use super::Datum;
use super::fold::{self, Words};
use super::labels;

/// How far in front of a value its label may end: columns are aligned with spaces or dots.
const GAP_LIMIT: usize = 48;
const LABEL_LIMIT: usize = 96;
const LONGEST_WORD: usize = 28;
/// How many labels are remembered.
const MEMO_LABELS: usize = 4;

/// The labels of a text that were read last, by where they stand: hostile text repeats them.
#[derive(Default)]
pub(crate) struct LabelMemo {
    read: [(usize, usize, Option<Datum>); MEMO_LABELS],
    next: usize,
    /// The last place where an account number may have started, and where it ended, counted from there.
    account: Option<(usize, Option<usize>)>,
    /// The last place in front of which links were followed, and whether a label leads there.
    led: Option<(usize, bool)>,
}

impl LabelMemo {
    /// Where the account number at `start` ends, as `look` says; what stands in a text as long as `LENGTH` was looked at
    /// before.
    pub(super) fn account<const LENGTH: usize>(
        &mut self,
        text: &[u8],
        start: usize,
        look: impl FnOnce() -> Option<usize>,
    ) -> Option<usize> {
        let around = |at: usize| text.get(at..)?.first_chunk::<LENGTH>();
        if let (Some((known, end)), Some(here)) = (self.account, around(start))
            && around(known) == Some(here)
        {
            return end.map(|length| start + length);
        }
        let end = look();
        self.account = Some((start, end.map(|end| end - start)));
        end
    }
}

/// The datum that the words in front of `at` name.
pub(super) fn label_before(text: &[u8], at: usize, memo: &mut LabelMemo) -> Option<Datum> {
    let end = label_end(text, at)?;
    if !may_lead(text, end, memo) {
        return None;
    }
    let front = &text[end.saturating_sub(LABEL_LIMIT)..end];
    let known = memo.read.iter().find(|(from, to, _)| text[*from..*to] == *front);
    if let Some((_, _, datum)) = known {
        return *datum;
    }
    let datum = full_label(text, end);
    memo.read[memo.next] = (end - front.len(), end, datum);
    memo.next = (memo.next + 1) % MEMO_LABELS;
    datum
}

#[inline(never)]
fn full_label(text: &[u8], end: usize) -> Option<Datum> {
    if !may_be_label(text, end) {
        return None;
    }
    let floor = end.saturating_sub(LABEL_LIMIT);
    let line = memchr::memrchr2(b'\n', b'>', &text[floor..end]).map_or(floor, |i| floor + i + 1);
    labels::before_value(&Words::of(&text[line..end]))
}

/// Where the words in front of `at` end, past the signs that separate a label from its value.
fn label_end(text: &[u8], at: usize) -> Option<usize> {
    let floor = at.saturating_sub(GAP_LIMIT);
    let (mut end, mut tagged) = (at, false);
    while end > floor {
        let byte = text[end - 1];
        match byte {
            b' ' | b'\t' | b':' | b'=' | b'"' | b'\'' | b'\\' | b'`' | b'|' | b'*' | b'[' | b']' | b')'
            | b'.' | b'#' => end -= 1,
            // `call(` is code, `(` behind a space is prose.
            b'(' if end >= 2 && !text[end - 2].is_ascii_alphanumeric() => end -= 1,
            b'-' if end < at && text[end] == b' ' || end >= 2 && text[end - 2] == b'-' => end -= 1,
            b'>' => {
                let tag = memchr::memrchr2(b'<', b'\n', &text[floor..end - 1]).map(|i| floor + i);
                match tag.filter(|tag| text[*tag] == b'<') {
                    Some(tag) => (end, tagged) = (tag, true),
                    None => end -= 1,
                }
            }
            b'\n' | b'\r' if tagged => end -= 1,
            // Quoted-printable mail writes `=` so.
            b'D' if text[..end].last_chunk() == Some(b"=3D") => end -= 3,
            _ if byte.is_ascii_alphanumeric() => return Some(end),
            _ if byte >= 0x80 => {
                let start = (end.saturating_sub(4)..end).rev().find(|i| text[*i] & 0xc0 != 0x80)?;
                match fold::decode(&text[start..end]) {
                    (Some(letter), _) if !fold::is_word(letter) => end = start,
                    _ => return Some(end),
                }
            }
            _ => return None,
        }
    }
    None
}

/// Whether a label may end at `end`, or in front of the few words there that link it with its value.
fn may_lead(text: &[u8], end: usize, memo: &mut LabelMemo) -> bool {
    let floor = end.saturating_sub(LABEL_LIMIT);
    let mut before = match past_link(text, end, floor, 0) {
        Ok(before) => before,
        Err(leads) => return leads,
    };
    // An ending reads a few bytes in front of the limit.
    let front = |end: usize| &text[end.saturating_sub(LABEL_LIMIT + 8)..end];
    if let Some((known, leads)) = memo.led
        && front(known) == front(end)
    {
        return leads;
    }
    let mut links = 1..=labels::LINK_WORDS;
    let leads = links.find_map(|link| match past_link(text, before, floor, link) {
        Ok(next) => {
            before = next;
            None
        }
        Err(leads) => Some(leads),
    });
    memo.led = Some((end, leads == Some(true)));
    leads == Some(true)
}

/// Where the word in front of `end` starts if it may link a label with its value; otherwise whether it may be one.
fn past_link(text: &[u8], mut end: usize, floor: usize, link: usize) -> Result<usize, bool> {
    // A number belongs to the label in front of it, and the words of a line to one label.
    while end > floor && is_gap(text[end - 1], link) {
        end -= 1;
    }
    if end == floor {
        return Err(false);
    }
    match Ending::of(text, end) {
        Ending::Letters(0) => return Err(false),
        Ending::Letters(letters) if labels::label_ends(letters) => return Err(true),
        Ending::Letters(letters) if !labels::link_ends(letters) => return Err(false),
        // The last letter of `s.s.n`.
        Ending::Unknown | Ending::Letters(0..=0xff) => return Err(true),
        Ending::Letters(_) => {}
    }
    while end > floor && text[end - 1].is_ascii_alphabetic() {
        end -= 1;
    }
    Ok(end)
}

/// What may stand between two words of a label; behind its last word only a number.
fn is_gap(byte: u8, link: usize) -> bool {
    byte.is_ascii_digit()
        || link > 0 && byte < 0x80 && !byte.is_ascii_alphabetic() && !matches!(byte, b'\n' | b'>')
}

/// The last letters of a word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ending {
    /// Up to four letters in lower case, the first one highest.
    Letters(u32),
    /// Letters beyond ASCII, or capitals in the middle: only the whole word tells.
    Unknown,
}

impl Ending {
    /// The ending of the word in front of `end`.
    pub(super) fn of(text: &[u8], end: usize) -> Ending {
        match text[..end].last_chunk::<4>() {
            Some(last) if last.iter().all(u8::is_ascii_lowercase) => {
                Ending::Letters(u32::from_be_bytes(*last))
            }
            _ => Ending::of_short(text, end),
        }
    }

    fn of_short(text: &[u8], end: usize) -> Ending {
        let (mut letters, mut lower) = (0, false);
        for back in 1..=end.min(4) {
            let byte = text[end - back];
            if byte >= 0x80 {
                return Ending::Unknown;
            }
            if !byte.is_ascii_alphabetic() {
                break;
            }
            let capital = byte.is_ascii_uppercase();
            let inner = end > back && !matches!(text[end - back - 1], 0..=b'@' | b'['..=b'`' | b'{'..=0x7f);
            if capital && lower && inner || !capital && back > 1 && text[end - back + 1].is_ascii_uppercase()
            {
                return Ending::Unknown;
            }
            lower |= !capital;
            letters |= u32::from(byte | 0x20) << (8 * (back - 1));
        }
        Ending::Letters(letters)
    }
}

/// A cheap look at the last word, which tells nearly all words of prose and code from labels.
pub(super) fn may_be_label(text: &[u8], end: usize) -> bool {
    if end == 0 || text[end - 1] >= 0x80 {
        return true;
    }
    let digits = text[..end].iter().rev().take(3).take_while(|b| b.is_ascii_digit()).count();
    let end = end - digits;
    let floor = end.saturating_sub(LONGEST_WORD);
    let mut start = end;
    while start > floor && text[start - 1].is_ascii_alphabetic() {
        start -= 1;
        let hump = text[start].is_ascii_uppercase() && start > floor && text[start - 1].is_ascii_lowercase();
        if hump {
            break;
        }
    }
    if start > 0 && text[start - 1] >= 0x80 {
        return ends_with_word(&text[..start]);
    }
    start < end && (labels::may_end(&text[start..end]) || humps(text, start, end))
}

/// Whether the character beyond ASCII at the end belongs to a word.
fn ends_with_word(text: &[u8]) -> bool {
    let floor = text.len().saturating_sub(4);
    let start = (floor..text.len()).rev().find(|i| text[*i] & 0xc0 != 0x80);
    start.is_some_and(|start| fold::decode(&text[start..]).0.is_some_and(fold::is_word))
}

/// `SSNNumber`, `IBANCode`: the last hump follows capitals.
fn humps(text: &[u8], start: usize, end: usize) -> bool {
    let last = text[start..end].iter().rposition(u8::is_ascii_uppercase).unwrap_or(0);
    last > 1 && labels::may_end(&text[start + last..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_found_over_what_separates_them_from_values() {
        for front in [
            "phone: ",
            "my phone number is ",
            "\"phone\": \"",
            "| Phone | ",
            "<b>Phone</b>: ",
            "<th>phone</th>\n<td>",
            "[phone] => ",
            "phone ........ ",
            "Phone                : ",
            "(phone ",
            "Handynummer lautet ",
            "电话：",
            "我的手机号是",
            "電話番号は",
            "전화번호는 ",
            "номер телефона — ",
            "número de teléfono: ",
            "số điện thoại của tôi là ",
            "user.phoneNumber=",
            "homePhone2: ",
            "PHONE_NUMBER=\"",
            "phone number on file to ",
            "phone =3D ",
            "TÉLÉPHONE : ",
            "\\\"phone\\\":\\\"",
            "هاتف: ",
        ] {
            assert_eq!(
                label_before(front.as_bytes(), front.len(), &mut LabelMemo::default()),
                Some(Datum::Phone),
                "{front}"
            );
        }
        for front in
            ["phones(", "phone_count: ", "phone id ", "width: ", "phone\n", "a ", "", "5 ", "phone, then "]
        {
            assert_eq!(
                label_before(front.as_bytes(), front.len(), &mut LabelMemo::default()),
                None,
                "{front}"
            );
        }
        let label = |front: &str| label_before(front.as_bytes(), front.len(), &mut LabelMemo::default());
        assert_eq!(label("email address: "), Some(Datum::Email));
        assert_eq!(label("home address: "), Some(Datum::Address));
        assert_eq!(label("born on January "), Some(Datum::Birth));
        assert_eq!(label("SSNs: "), Some(Datum::NationalId));
        assert_eq!(label("memory address "), None);
        assert_eq!(label("S.S.N. "), Some(Datum::NationalId));
    }

    #[test]
    fn every_label_is_found_by_its_last_letters() {
        for name in labels::all() {
            for front in [format!("{name}: "), format!("the {}2 is ", name.to_uppercase())] {
                let end = label_end(front.as_bytes(), front.len()).unwrap();
                assert!(may_lead(front.as_bytes(), end, &mut LabelMemo::default()), "{front}");
            }
        }
        for front in ["took ", "the user has ", "height is ", "x", "5 "] {
            assert!(
                label_end(front.as_bytes(), front.len()).is_none_or(|end| !may_lead(
                    front.as_bytes(),
                    end,
                    &mut LabelMemo::default()
                )),
                "{front}"
            );
        }
    }
}
