//! Runs of digits in the text: which of them identify a person, by their own form or by the label in front.

use super::label::{LabelMemo, label_before};
use super::{Datum, bank, date, ids, network, phone, place, wallet};
use crate::redact::rules::RuleId;
use crate::redact::scan::Scan;

/// How far in front of a house number its address may start.
const CELL_LIMIT: usize = 64;

/// A number that starts at `at` and has digits up to `end` at least; returns where the next look may begin.
#[inline]
pub(crate) fn at_digit(scan: &mut Scan, at: usize, mut end: usize) -> usize {
    let text = scan.text;
    while text.get(end).is_some_and(u8::is_ascii_digit) {
        end += 1;
    }
    let before = if at > 0 { text[at - 1] } else { b' ' };
    let lettered = before.is_ascii_alphabetic();
    let says_nothing = if lettered {
        ends_word(text, at, end)
    } else {
        matches!(before, b'_' | b'#' | b'$' | b'%') || stands_alone(text, at, end, before)
    };
    if says_nothing || !scan.redactor.redact_pii { end } else { look(scan, at, end, lettered) }
}

/// Whether digits at `at` up to `end` are few and nothing beside them can belong to the same datum, as far as the
/// bytes beside them tell: what [`at_digit`] passes over, for less.
#[inline]
pub(crate) fn is_count(text: &[u8], at: usize, end: usize) -> bool {
    let (Some([second, before]), Some(&next)) = (text[..at].last_chunk(), text.get(end)) else {
        return false;
    };
    let calm = match BEHIND_COUNT[usize::from(next)] {
        Behind::Ends => true,
        Behind::EndsUnless => text.get(end + 1).is_none_or(|after| *after != b' ' && !after.is_ascii_digit()),
        Behind::GoesOn => false,
    };
    let capital = matches!(before, b' ' | b'-') && second.is_ascii_uppercase();
    calm && end - at < 5 && !before.is_ascii_alphabetic() && !capital
}

/// What a byte behind a few digits says about them.
#[derive(Clone, Copy)]
enum Behind {
    Ends,
    /// That they end unless a space or a digit follows.
    EndsUnless,
    GoesOn,
}

static BEHIND_COUNT: [Behind; 256] = {
    let mut table = [Behind::Ends; 256];
    let mut byte = 0;
    while byte < table.len() {
        table[byte] = match byte as u8 {
            b')' | b',' => Behind::EndsUnless,
            b' ' | b'-' | b'.' | b'/' | b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'Z' | 0x80.. => Behind::GoesOn,
            _ => Behind::Ends,
        };
        byte += 1;
    }
    table
};

/// The look at a number that may be more than a count.
#[inline(never)]
fn look(scan: &mut Scan, at: usize, end: usize, lettered: bool) -> usize {
    let text = scan.text;
    let before = if at > 0 { text[at - 1] } else { b' ' };
    let memo = &mut scan.memo.labels;
    let found =
        if lettered { self::lettered(text, at, end, memo) } else { plain(text, at, end, before, memo) };
    let Some(Found { start, end, rule }) = found else { return end };
    if let Some(rule) = rule {
        scan.secret(start, end, rule);
    }
    end
}

/// Few digits with nothing around them that can belong to the same datum: the fate of most numbers.
#[inline]
fn stands_alone(text: &[u8], at: usize, end: usize, before: u8) -> bool {
    let next = text.get(end).copied().unwrap_or(b'\n');
    // `=3D=` of quoted-printable.
    let coded = before == b'=' && text.get(end + 1) == Some(&b'=');
    // `AB 1234` goes on in front.
    let capital = || matches!(before, b' ' | b'-') && at > 1 && text[at - 2].is_ascii_uppercase();
    end - at < 5 && (coded || !goes_on(text, end, next)) && !capital()
}

/// `u32`, `sha256`, `utf8`: few digits behind lower-case letters that start no account, address or wallet.
#[inline]
fn ends_word(text: &[u8], at: usize, end: usize) -> bool {
    let Some(&[first, second, third]) = text[..at].last_chunk() else { return false };
    let account = !first.is_ascii_alphabetic() && second.is_ascii_alphabetic() && end - at > 1;
    let wallet = end - at == 1 && second == b'b' && third == b'c';
    let dotted = || text[end..].first_chunk().is_none_or(|[a, b, c]| [*a, *b, *c].contains(&b'.'));
    end - at < 4 && third.is_ascii_lowercase() && !account && !wallet && !dotted()
}

/// What a number is; without a rule it is something that stays.
struct Found {
    start: usize,
    end: usize,
    rule: Option<RuleId>,
}

fn found(start: usize, end: usize, rule: RuleId) -> Found {
    Found { start, end, rule: Some(rule) }
}

/// A number that does not start inside a word.
fn plain(text: &[u8], at: usize, end: usize, before: u8, memo: &mut LabelMemo) -> Option<Found> {
    let length = end - at;
    let next = text.get(end).copied().unwrap_or(b'\n');
    if next == b'.'
        && length <= 3
        && text.get(end + 1).is_some_and(u8::is_ascii_digit)
        && let Some(end) = network::ipv4(text, at)
    {
        let public = network::is_personal_v4(text, at, end);
        return Some(Found { start: at, end, rule: public.then_some(RuleId::IP) });
    }
    // `.5`, `-5`, `/5`, `12-5`: the rest of something that was looked at from its start.
    let inner = matches!(before, b'.' | b'-' | b'/' | b',') && at > 1 && text[at - 2].is_ascii_digit();
    if inner && length < 12 {
        return None;
    }
    // `1 2 3`: the middle of a row of numbers; no form starts with so few digits and a space.
    let short = length < 4 && next == b' ' && before != b'+';
    if short && before == b' ' && at > 1 && text[at - 2].is_ascii_digit() {
        return None;
    }
    let own = if short || !has_form(text, at, end, before) { None } else { own_form(text, at, end, before) };
    own.or_else(|| behind_label(text, at, memo))
}

/// Whether behind a short run of digits something follows that can belong to the same datum.
fn goes_on(text: &[u8], end: usize, next: u8) -> bool {
    let after = text.get(end + 1).copied().unwrap_or(b'\n');
    match next {
        b' ' => after.is_ascii_alphanumeric() || after == b'(' || after == b'-' || after >= 0x80,
        b'-' | b'.' | b'/' => after.is_ascii_alphanumeric() || after == b' ',
        b')' | b',' => after == b' ' || after.is_ascii_digit(),
        0xc2 => after == 0xa0,
        // The signs of a year.
        0xe5 => after == 0xb9,
        0xeb => after == 0x85,
        b'a'..=b'f' | b'A'..=b'Z' => true,
        _ => false,
    }
}

/// Whether a run of digits and the byte behind it can start a datum that needs no label: the forms of [`own_form`].
fn has_form(text: &[u8], at: usize, end: usize, before: u8) -> bool {
    let next = text.get(end).copied().unwrap_or(b' ');
    let dot = |offset: usize| text.get(at + offset) == Some(&b'.');
    let by_shape = match (end - at, next) {
        (1, b'.') => dot(5),
        (2, b'.') => dot(5) || dot(6),
        (3, b'.') => dot(7) || dot(8),
        (3, b')') => before == b'(',
        (1 | 2 | 3 | 4 | 6, b'-') | (1 | 4, b' ') | (6, b'+') | (13..=19, _) => true,
        // Wallets, and ids with a letter behind their digits.
        (1..=8, _) if next.is_ascii_alphabetic() => {
            matches!(text[at], b'1' | b'3') || matches!(end - at, 6 | 8)
        }
        _ => false,
    };
    let by_shape = by_shape || dot(4) && dot(9);
    by_shape || before == b'+' || text[at] == b'0' && text[at + 1..].first() == Some(&b'0')
}

/// Data that are recognised without a label.
fn own_form(text: &[u8], at: usize, end: usize, before: u8) -> Option<Found> {
    if let Some((start, end)) = phone::international(text, at, end, before) {
        return Some(found(start, end, RuleId::PHONE));
    }
    if matches!(before, b'.' | b'/' | b'%') {
        return None;
    }
    if end - at >= 4
        && let Some(end) = bank::card(text, at, end, before)
    {
        return Some(found(at, end, RuleId::CARD));
    }
    if let Some(end) = ids::social_security(text, at, before) {
        return Some(found(at, end, RuleId::SSN));
    }
    if let Some((start, end)) = phone::american(text, at, before) {
        return Some(found(start, end, RuleId::PHONE));
    }
    if let Some(end) = ids::unmistakable(text, at, end, before) {
        return Some(found(at, end, RuleId::NATIONAL_ID));
    }
    if let Some(end) = network::dotted_mac(text, at) {
        return Some(found(at, end, RuleId::MAC));
    }
    wallet::base58(text, at, end).map(|end| found(at, end, RuleId::WALLET))
}

/// A number behind a label that names it.
fn behind_label(text: &[u8], at: usize, memo: &mut LabelMemo) -> Option<Found> {
    let start = number_start(text, at);
    if let Some(datum) = label_before(text, start, memo) {
        return of_datum(text, start, datum);
    }
    if let Some(word) = letters_in_front(text, at) {
        return label_before(text, word, memo)
            .filter(|datum| *datum == Datum::NationalId)
            .and_then(|datum| of_datum(text, word, datum));
    }
    house_number(text, at, memo)
}

/// `"Baker Street 12, London"`, `| Baker Street 12 |`: an address whose label stands in front of its cell.
fn house_number(text: &[u8], at: usize, memo: &mut LabelMemo) -> Option<Found> {
    // The name of a street stands in front of its number.
    let named = |b: u8| b.is_ascii_alphabetic() || matches!(b, b'.' | b',') || b >= 0x80;
    if at < 2 || text[at - 1] != b' ' || !named(text[at - 2]) {
        return None;
    }
    let floor = at.saturating_sub(CELL_LIMIT);
    let sign = memchr::memrchr3(b'"', b'|', b'\'', &text[floor..at]).map(|i| floor + i)?;
    let start = sign + 1 + text[sign + 1..at].iter().take_while(|b| **b == b' ').count();
    if start == at || label_before(text, start, memo) != Some(Datum::Address) {
        return None;
    }
    of_datum(text, start, Datum::Address)
}

/// Where the signs that belong to a number start: `+`, `(`, `-`.
fn number_start(text: &[u8], at: usize) -> usize {
    let word = |end: usize| end > 0 && text[end - 1].is_ascii_alphanumeric();
    let mut start = at;
    // `call(4` and `name-4` are code.
    if start > 0 && text[start - 1] == b'(' && !word(start - 1) {
        start -= 1;
    }
    if start > 0 && (text[start - 1] == b'+' || start == at && text[start - 1] == b'-') && !word(start - 1) {
        start -= 1;
    }
    start
}

/// `AB 12 34 56 C`, `M-AB 1234`: where one or two groups of capitals in front of a number start.
fn letters_in_front(text: &[u8], at: usize) -> Option<usize> {
    let group = |end: usize| {
        let gap = end.checked_sub(1).filter(|gap| matches!(text[*gap], b' ' | b'-'))?;
        let letters = text[..gap].iter().rev().take(4).take_while(|b| b.is_ascii_uppercase()).count();
        let start = gap - letters;
        let free = start == 0 || !(text[start - 1].is_ascii_alphanumeric() || text[start - 1] == b'_');
        ((1..=3).contains(&letters) && free).then_some(start)
    };
    let first = group(at)?;
    Some(group(first).unwrap_or(first))
}

/// The value at `start` that a label says is a `datum`.
fn of_datum(text: &[u8], start: usize, datum: Datum) -> Option<Found> {
    let start = match (datum, text[start]) {
        (Datum::Phone, _) | (Datum::Geo, b'-' | b'+') => start,
        (_, b'(' | b'+' | b'-') => start + 1,
        _ => start,
    };
    let (end, sound) = match datum {
        Datum::Phone => {
            let end = phone::phone_end(text, start);
            (end, phone::is_phone(&text[start..end]))
        }
        Datum::NationalId => {
            let end = ids::id_end(text, start)?;
            return ids::is_plausible(&text[start..end]).then_some(Found {
                start,
                end,
                rule: Some(datum.rule()),
            });
        }
        Datum::WeakId => {
            let end = ids::id_end(text, start)?;
            (end, ids::is_checkable(&text[start..end]))
        }
        Datum::Birth => {
            let end = date::date_end(text, start).or_else(|| date::year_end(text, start))?;
            (end, true)
        }
        Datum::Geo => {
            let end = place::position_end(text, start)?;
            (end, place::is_position(&text[start..end]))
        }
        Datum::Card => {
            let end = digits_end(text, start);
            (end, bank::is_card(&text[start..end]))
        }
        Datum::Iban => {
            let end = bank::account_end(text, start)?;
            (end, bank::is_iban(&text[start..end]))
        }
        // In a cell or in quotes; in prose nobody knows where it ends.
        Datum::Address
            if start > 1 && (b"\"'>".contains(&text[start - 1]) || text[start - 2..].starts_with(b"| ")) =>
        {
            let end = super::words_end(text, start, 12, |_| true);
            (end, place::is_address(&text[start..end]))
        }
        _ => return None,
    };
    sound.then_some(found(start, end, datum.rule()))
}

/// Where digits in groups that spaces or dashes part end.
pub(super) fn digits_end(text: &[u8], start: usize) -> usize {
    let ceiling = text.len().min(start + 40);
    let mut end = start;
    let mut gap = false;
    for (i, byte) in text[start..ceiling].iter().enumerate() {
        if byte.is_ascii_digit() {
            (end, gap) = (start + i + 1, false);
        } else if matches!(byte, b' ' | b'-') && !gap && end > start {
            gap = true;
        } else {
            break;
        }
    }
    end
}

/// Whether a word can start at `start`: scripts without spaces may stand right in front of it.
fn starts_word(text: &[u8], start: usize) -> bool {
    let Some(before) = start.checked_sub(1).map(|i| text[i]) else { return true };
    if before < 0x80 {
        return !before.is_ascii_alphanumeric() && before != b'_';
    }
    text[start.saturating_sub(3)..start].iter().any(|lead| matches!(lead, 0xe2..=0xef))
}

/// The first digit of a word that starts with letters, at `at`.
fn lettered(text: &[u8], at: usize, end: usize, memo: &mut LabelMemo) -> Option<Found> {
    let letters = text[at.saturating_sub(7)..at].iter().rev().take_while(|b| b.is_ascii_alphabetic()).count();
    let start = at - letters;
    if letters > 6 || !starts_word(text, start) {
        return None;
    }
    if letters == 2
        && end - at >= 2
        && let Some(end) =
            memo.account::<{ bank::IBAN_REACH + 2 }>(text, start, || bank::iban_end(text, start))
    {
        return Some(found(start, end, RuleId::IBAN));
    }
    if letters <= 4
        && let Some(end) = network::dotted_mac(text, start)
    {
        return Some(found(start, end, RuleId::MAC));
    }
    if letters == 2
        && end - at == 1
        && let Some(end) = wallet::bech32(text, start)
    {
        return Some(found(start, end, RuleId::WALLET));
    }
    let upper = text[start..at].iter().all(u8::is_ascii_uppercase);
    if upper && let Some(end) = ids::unmistakable_lettered(text, start, at, end) {
        return Some(found(start, end, RuleId::NATIONAL_ID));
    }
    // Lower-case ids are looked at only where the digits are many: `u32` and `sha256` end here.
    if !upper && end - at < 4 {
        return None;
    }
    match label_before(text, start, memo)? {
        datum @ (Datum::NationalId | Datum::WeakId | Datum::Iban) => of_datum(text, start, datum),
        Datum::Wallet => {
            let end = start + text[start..].iter().take(70).take_while(|b| b.is_ascii_alphanumeric()).count();
            wallet::is_wallet(&text[start..end]).then_some(found(start, end, RuleId::WALLET))
        }
        _ => None,
    }
}
