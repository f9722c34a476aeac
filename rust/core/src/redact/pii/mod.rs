//! Personal data: recognised by validators, or by a label and a plausible form. Never by guessing at names.

mod bank;
mod checks;
mod date;
mod email;
mod fold;
mod ids;
mod label;
pub(crate) mod labels;
mod network;
mod number;
mod phone;
mod place;
mod table;
mod wallet;

use crate::redact::labelled::assign::Span;
use crate::redact::labelled::benign;
use crate::redact::labelled::value;
use crate::redact::rules::RuleId;
use crate::redact::scan::Scan;
use crate::redact::scan::segments::Segments;
use crate::redact::tokens::unknown::Shape;

pub(crate) use email::at_email;
pub(crate) use label::LabelMemo;
pub(crate) use network::is_dashed_mac;
pub(crate) use number::{at_digit, is_count};
pub(crate) use table::{at_rule, at_start};

/// What a key or label says a value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Datum {
    Phone,
    NationalId,
    /// An id by a name that means something else as well: only what can be checked counts.
    WeakId,
    Birth,
    Name,
    Address,
    Geo,
    Iban,
    Card,
    Ip,
    Mac,
    Wallet,
    Email,
    /// A label that ends like one of a person and is none (`memory address`).
    Nothing,
}

impl Datum {
    pub(crate) const ALL: [Datum; 13] = [
        Datum::Phone,
        Datum::NationalId,
        Datum::WeakId,
        Datum::Birth,
        Datum::Name,
        Datum::Address,
        Datum::Geo,
        Datum::Iban,
        Datum::Card,
        Datum::Ip,
        Datum::Mac,
        Datum::Wallet,
        Datum::Email,
    ];

    /// The datum a key names by its last segments.
    pub(crate) fn of_key(segments: &Segments) -> Option<Datum> {
        let last = segments.back(0);
        if last.is_ascii() && !labels::may_end(last) {
            return None;
        }
        let words = fold::Words::of_segments(segments);
        labels::of_words(&words, words.len()).filter(|datum| *datum != Datum::Nothing)
    }

    fn rule(self) -> RuleId {
        match self {
            Datum::Phone => RuleId::PHONE,
            Datum::NationalId | Datum::WeakId | Datum::Nothing => RuleId::NATIONAL_ID,
            Datum::Birth => RuleId::BIRTH,
            Datum::Name => RuleId::NAME,
            Datum::Address => RuleId::ADDRESS,
            Datum::Geo => RuleId::GEO,
            Datum::Iban => RuleId::IBAN,
            Datum::Card => RuleId::CARD,
            Datum::Ip => RuleId::IP,
            Datum::Mac => RuleId::MAC,
            Datum::Wallet => RuleId::WALLET,
            Datum::Email => RuleId::EMAIL,
        }
    }
}

const LONGEST_DATUM: usize = 160;
const LONGEST_TAG: usize = 48;

/// `<tel>…</tel>` whose closing tag has its `/` at `at`.
pub(crate) fn at_closing(scan: &mut Scan, at: usize) {
    let text = scan.text;
    if at == 0 || text[at - 1] != b'<' || !scan.redactor.redact_pii {
        return;
    }
    let rest = &text[at + 1..text.len().min(at + 1 + LONGEST_TAG)];
    let Some(name) = memchr::memchr(b'>', rest).map(|end| &rest[..end]) else { return };
    let local = memchr::memrchr(b':', name).map_or(name, |colon| &name[colon + 1..]);
    if local.is_ascii() && !label::may_be_label(local, local.len()) {
        return;
    }
    let floor = (at - 1).saturating_sub(LONGEST_DATUM);
    let Some(start) = memchr::memrchr(b'>', &text[floor..at - 1]).map(|i| floor + i + 1) else { return };
    if !text[..start - 1].ends_with(name) {
        return;
    }
    if let Some(datum) = scan.class(local).datum() {
        labelled(scan, datum, Span { start, end: at - 1, quoted: true });
    }
}

/// Whether a string under a key that names `datum` is one.
pub(crate) fn is_datum(datum: Datum, text: &[u8]) -> bool {
    let text = text.trim_ascii();
    if text.is_empty()
        || text.len() > LONGEST_DATUM
        || datum != Datum::Wallet && value::stands_for_value(text)
    {
        return false;
    }
    match datum {
        Datum::Phone => phone::is_phone(text),
        Datum::NationalId => ids::is_plausible(text),
        Datum::WeakId => ids::is_checkable(text),
        Datum::Birth => date::is_date(text),
        Datum::Name => is_name(text),
        Datum::Address => place::is_address(text),
        Datum::Geo => place::is_position(text),
        Datum::Iban => bank::is_iban(text),
        Datum::Card => bank::is_card(text),
        Datum::Wallet => wallet::is_wallet(text),
        Datum::Ip | Datum::Mac | Datum::Email | Datum::Nothing => false,
    }
}

fn is_name(text: &[u8]) -> bool {
    let shape = Shape::of(text);
    shape.digits == 0
        && text.len() > 1
        && (text[0].is_ascii_uppercase() || text[0] >= 0x80)
        && !text.iter().any(|b| b"(){}[]<>=_:;/\\|@#$%^*+".contains(b))
        && !is_type(text)
}

/// Types and words of schemas that follow the name of a field.
fn is_type(text: &[u8]) -> bool {
    matches!(
        text,
        b"String"
            | b"Str"
            | b"Text"
            | b"Optional"
            | b"Option"
            | b"None"
            | b"True"
            | b"False"
            | b"Any"
            | b"Yes"
            | b"No"
            | b"Name"
            | b"Required"
            | b"VARCHAR"
            | b"TEXT"
            | b"NULL"
            | b"STRING"
            | b"Boolean"
            | b"Object"
            | b"Column"
            | b"Schema"
            | b"N/A"
    )
}

/// A value behind a label in the text.
pub(crate) fn labelled(scan: &mut Scan, datum: Datum, span: Span) {
    if !scan.redactor.redact_pii {
        return;
    }
    let text = scan.text;
    let end = if span.quoted { span.end } else { unquoted_end(text, datum, span) };
    let Some(body) = text.get(span.start..end) else { return };
    let words = matches!(datum, Datum::Name | Datum::Address);
    if words
        && (!span.quoted || span.start > 0 && text[span.start - 1] == b'`')
        && benign::is_code_or_article(body)
    {
        return;
    }
    let code = !span.quoted && datum == Datum::Name && text.get(end).is_some_and(|b| b"([<{:=._".contains(b));
    if is_datum(datum, body) && !code {
        scan.secret(span.start, end, datum.rule());
    } else if !span.quoted && datum == Datum::NationalId && ids::is_plausible(&text[span.start..span.end]) {
        scan.secret(span.start, span.end, datum.rule());
    }
}

/// Labelled values go on over spaces.
fn unquoted_end(text: &[u8], datum: Datum, span: Span) -> usize {
    let start = span.start;
    match datum {
        Datum::Name => words_end(text, start, 4, |word| word[0].is_ascii_uppercase() || word[0] >= 0x80),
        Datum::Address => words_end(text, start, 12, |word| !word.contains(&b'=')),
        Datum::Birth => date::date_end(text, start).unwrap_or(span.end),
        Datum::Geo => place::position_end(text, start).unwrap_or(span.end),
        Datum::Phone => phone::phone_end(text, start),
        Datum::NationalId | Datum::WeakId => ids::id_end(text, start).unwrap_or(span.end),
        Datum::Iban => bank::account_end(text, start).unwrap_or(span.end),
        Datum::Card => number::digits_end(text, start).max(span.end),
        _ => span.end,
    }
}

/// Where the words that go on from `start` on the same line end.
fn words_end(text: &[u8], start: usize, most: usize, joins: impl Fn(&[u8]) -> bool) -> usize {
    let line =
        text[start..].iter().take(120).position(|b| b"\n\r\t;|\"'<>{}()[]\\".contains(b)).unwrap_or(120);
    let line_end = text.len().min(start + line);
    let mut end = start;
    for word in text[start..line_end].split(|b| *b == b' ').take(most) {
        if word.is_empty() || !joins(word) {
            break;
        }
        end += word.len() + usize::from(end > start);
        if matches!(word[word.len() - 1], b'.' | b'!' | b'?') && word.len() > 4 {
            break;
        }
    }
    let kept = text[start..end].iter().rposition(|b| !b",.!? ".contains(b)).map_or(0, |last| last + 1);
    start + kept
}

/// A number whose key names a personal datum.
pub(crate) fn drops_number(datum: Datum, text: &str) -> bool {
    let decimals = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    match datum {
        Datum::Geo => decimals >= 3,
        Datum::Phone => decimals == 0 && (8..=15).contains(&digits),
        Datum::NationalId | Datum::Card => decimals == 0 && digits >= 7 && !text.starts_with('-'),
        Datum::WeakId => decimals == 0 && digits >= 8 && ids::is_checkable(text.as_bytes()),
        _ => false,
    }
}

/// `aa:bb:cc:dd:ee:ff` and IPv6 addresses around the first `:` at `at`.
pub(crate) fn at_colon(scan: &mut Scan, at: usize) {
    if scan.redactor.redact_pii {
        network::at_colon(scan, at);
    }
}
