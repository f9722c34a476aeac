//! Numbers that identify people or machines: cards, accounts, ids, telephones, addresses of networks.

use super::pii::{Datum, label_before};
use super::rules::RuleId;
use super::scan::Scan;

const NUMBER_LIMIT: usize = 48;

/// A number in the text, with the signs people put between its digits.
struct Number<'a> {
    text: &'a [u8],
    start: usize,
    end: usize,
    digits: [u8; 24],
    count: usize,
}

/// Judges the number that starts at `at`, whose first run of digits ends at `plain_end`; returns where to go on.
pub(crate) fn at_number(scan: &mut Scan, at: usize, plain_end: usize) -> usize {
    let text = scan.text;
    let next = text.get(plain_end).copied().unwrap_or(b'\n');
    if next == b'.'
        && plain_end - at <= 3
        && let Some(end) = ipv4(text, at)
    {
        if is_public_v4(&text[at..end]) && !reads_as_version(text, at, end) {
            scan.secret(at, end, RuleId::IP);
        }
        return end;
    }
    if plain_end - at < 7 && !b" -./):".contains(&next) && !next.is_ascii_alphabetic() {
        return plain_end;
    }
    let number = Number::read(text, at);
    let before = if at > 0 { text[at - 1] } else { b' ' };
    if number.count < 5 && !b"- \"(['=:".contains(&before) {
        return plain_end;
    }
    judge(scan, &number, before).unwrap_or(plain_end)
}

impl Number<'_> {
    fn read(text: &[u8], start: usize) -> Number<'_> {
        let mut number = Number { text, start, end: start, digits: [0; 24], count: 0 };
        let ceiling = text.len().min(start + NUMBER_LIMIT);
        let mut gap = 0;
        for (i, byte) in text[start..ceiling].iter().enumerate() {
            if byte.is_ascii_digit() {
                if number.count == number.digits.len() {
                    break;
                }
                number.digits[number.count] = byte - b'0';
                number.count += 1;
                number.end = start + i + 1;
                gap = 0;
            } else if b" -.()/".contains(byte) && gap < 2 {
                gap += 1;
            } else {
                break;
            }
        }
        number
    }

    fn values(&self) -> &[u8] {
        &self.digits[..self.count]
    }

    fn raw(&self) -> &[u8] {
        &self.text[self.start..self.end]
    }

    fn followed_by_letter(&self) -> bool {
        self.text.get(self.end).is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_')
    }
}

/// Reports what the number is; where it ends if it is something.
fn judge(scan: &mut Scan, number: &Number, before: u8) -> Option<usize> {
    if before == b'+' && is_phone(number) {
        scan.secret(number.start - 1, number.end, RuleId::PHONE);
        return Some(number.end);
    }
    if !b".-/=%".contains(&before) || before == b'=' || before == b'-' {
        if let Some(end) = card(number) {
            scan.secret(number.start, end, RuleId::CARD);
            return Some(end);
        }
        if let Some(end) = social_security(number, before) {
            scan.secret(number.start, end, RuleId::SSN);
            return Some(end);
        }
    }
    labelled(scan, number, before)
}

/// A number behind a label that names it.
fn labelled(scan: &mut Scan, number: &Number, before: u8) -> Option<usize> {
    if number.count < 2 {
        return None;
    }
    let start = if matches!(before, b'-' | b'+' | b'(') { number.start - 1 } else { number.start };
    let datum = label_before(number.text, start)?;
    let end = letters_end(number.text, number.end);
    let (rule, end) = match datum {
        Datum::Phone if (7..=15).contains(&number.count) => (RuleId::PHONE, number.end),
        Datum::NationalId if (5..=18).contains(&number.count) => (RuleId::NATIONAL_ID, end),
        Datum::Birth
            if is_date(number.raw())
                || date_end(number.text, number.start).is_some()
                || starts_year(number) =>
        {
            (RuleId::BIRTH, number.end.max(date_end(number.text, number.start).unwrap_or(0)))
        }
        Datum::Geo => (RuleId::GEO, coordinates(number.text, start).filter(|found| found.1 >= 3)?.0),
        Datum::Card if (12..=19).contains(&number.count) => (RuleId::CARD, number.end),
        _ => return None,
    };
    scan.secret(start, end, rule);
    Some(end)
}

/// The day and year of a date whose month stands in front: `January 15, 1990`.
fn starts_year(number: &Number) -> bool {
    let rest = &number.text[number.end..];
    number.count == 2
        && rest.starts_with(b", ")
        && rest[2..].iter().take(4).filter(|b| b.is_ascii_digit()).count() == 4
}

/// The letters of an id directly behind its digits (`49877560J`).
fn letters_end(text: &[u8], end: usize) -> usize {
    let dash = usize::from(text.get(end) == Some(&b'-'));
    let letters =
        text[(end + dash).min(text.len())..].iter().take(4).take_while(|b| b.is_ascii_uppercase()).count();
    if letters == 0 || letters > 2 { end } else { end + dash + letters }
}

/// E.164: a country code that exists, 8 to 15 digits.
fn is_phone(number: &Number) -> bool {
    let after = number.text.get(number.end).copied().unwrap_or(b' ');
    let sound = (8..=15).contains(&number.count) && number.digits[0] != 0 && !after.is_ascii_alphabetic();
    let dots = memchr::memchr_iter(b'.', number.raw()).count();
    let plus_before = number.start >= 2 && number.text[number.start - 2].is_ascii_alphanumeric();
    sound && !plus_before && (dots == 0 || dots >= 2) && !number.raw().contains(&b'/')
}

/// Payment cards: known issuer, right length, Luhn, printed in one block or in groups of four.
fn card(number: &Number) -> Option<usize> {
    let length = card_length(number)?;
    let grouped = card_end(number, length)?;
    let values = &number.digits[..length];
    let varied =
        values.iter().any(|d| *d != values[0]) && memchr::memchr_iter(0, &values[1..]).count() < length - 4;
    let free = !number.text.get(grouped).is_some_and(|b| {
        b.is_ascii_alphanumeric()
            || *b == b'_'
            || *b == b'.' && number.text.get(grouped + 1).is_some_and(u8::is_ascii_digit)
    });
    (luhn(values) && varied && free).then_some(grouped)
}

/// The length that the issuer's prefix asks for.
fn card_length(number: &Number) -> Option<usize> {
    let d = number.values();
    if d.len() < 13 {
        return None;
    }
    let four = d[..4].iter().fold(0u32, |n, digit| n * 10 + u32::from(*digit));
    let length = match four {
        3400..=3499 | 3700..=3799 => 15,
        3000..=3059 | 3600..=3699 | 3800..=3899 => 14,
        2221..=2720
        | 3528..=3589
        | 4000..=4999
        | 5100..=5599
        | 6011
        | 6200..=6299
        | 6440..=6599
        | 5018
        | 5020
        | 5038
        | 6304
        | 6759
        | 2200..=2204 => 16,
        _ => return None,
    };
    (d.len() >= length).then_some(length)
}

/// Where the digits of the card end; only printed groups count.
fn card_end(number: &Number, length: usize) -> Option<usize> {
    let raw = number.raw();
    let mut seen = 0;
    let mut group = 0;
    let mut separator = None;
    for (i, byte) in raw.iter().enumerate() {
        if byte.is_ascii_digit() {
            seen += 1;
            group += 1;
            if seen == length {
                let more = raw.get(i + 1).is_some_and(u8::is_ascii_digit);
                return (!more).then_some(number.start + i + 1);
            }
        } else {
            let same = separator.is_none_or(|s| s == *byte) && matches!(byte, b' ' | b'-');
            if !same || !(group == 4 || group == 6 && seen == 10) {
                return None;
            }
            separator = Some(*byte);
            group = 0;
        }
    }
    None
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, digit)| {
            let value = u32::from(*digit) * (1 + i as u32 % 2);
            value / 10 + value % 10
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Whether a labelled value is a card number.
pub(crate) fn is_card(text: &[u8]) -> bool {
    let number = Number::read(text, 0);
    (12..=19).contains(&number.count) && luhn(number.values())
}

/// `123-45-6789`, and with spaces behind a label.
fn social_security(number: &Number, before: u8) -> Option<usize> {
    let raw = number.raw();
    let sign = *raw.get(3)?;
    if raw.len() != 11 || raw[6] != sign || number.count != 9 || number.followed_by_letter() || before == b'-'
    {
        return None;
    }
    let d = number.values();
    let area = u32::from(d[0]) * 100 + u32::from(d[1]) * 10 + u32::from(d[2]);
    let sound = area != 0 && area != 666 && (d[3], d[4]) != (0, 0) && d[5..].iter().any(|digit| *digit != 0);
    let labelled = || label_before(number.text, number.start) == Some(Datum::NationalId);
    (sound && ((sign == b'-' && area < 900) || matches!(sign, b' ' | b'-') && labelled()))
        .then_some(number.end)
}

/// An id that starts with letters: an IBAN anywhere, others behind a label. `at` is its first digit.
pub(crate) fn at_lettered(scan: &mut Scan, at: usize, plain_end: usize) -> usize {
    let text = scan.text;
    let letters = text[at.saturating_sub(7)..at].iter().rev().take_while(|b| b.is_ascii_uppercase()).count();
    let start = at - letters;
    let bounded = start == 0 || !(text[start - 1].is_ascii_alphanumeric() || text[start - 1] == b'_');
    if !(1..=6).contains(&letters) || !bounded {
        return plain_end;
    }
    if letters == 2
        && plain_end >= at + 2
        && let Some(end) = iban_end(text, start)
    {
        scan.secret(start, end, RuleId::IBAN);
        return end;
    }
    let ceiling = text.len().min(start + 24);
    let end = start
        + text[start..ceiling]
            .iter()
            .take_while(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || **b == b'-')
            .count();
    let digits = text[start..end].iter().filter(|b| b.is_ascii_digit()).count();
    if digits >= 4
        && (6..=20).contains(&(end - start))
        && label_before(text, start) == Some(Datum::NationalId)
    {
        scan.secret(start, end, RuleId::NATIONAL_ID);
        return end;
    }
    plain_end
}

/// Where the date that starts at `start` ends, a month spelled out or not: behind its year.
pub(crate) fn date_end(text: &[u8], start: usize) -> Option<usize> {
    let ceiling = text.len().min(start + 24);
    let body = &text[start..ceiling];
    let length = body.iter().take_while(|b| b.is_ascii_alphanumeric() || b" ,./-".contains(b)).count();
    let year = (0..length.saturating_sub(3)).find(|at| {
        let four = &body[*at..*at + 4];
        four.iter().all(u8::is_ascii_digit) && matches!(&four[..2], b"19" | b"20")
    })?;
    let end = year + 4;
    let first_is_year = year == 0;
    if first_is_year {
        let rest = body[end..length].iter().take_while(|b| b.is_ascii_digit() || b"-/.".contains(b)).count();
        return is_date(&body[..end + rest]).then_some(start + end + rest);
    }
    is_date(&body[..end]).then_some(start + end)
}

/// Whether a labelled value is a date.
pub(crate) fn is_date(text: &[u8]) -> bool {
    let digits = text.iter().filter(|b| b.is_ascii_digit()).count();
    let parts =
        text.split(|b| matches!(b, b'/' | b'-' | b'.' | b' ' | b',')).filter(|part| !part.is_empty()).count();
    (3..=14).contains(&digits)
        && text[0].is_ascii_alphanumeric()
        && (parts == 3 || digits == 8 || text.contains(&b'T'))
        && text.len() <= 30
}

/// Where one or two decimal numbers at `start` end, and how many decimals the first has.
pub(crate) fn coordinates(text: &[u8], start: usize) -> Option<(usize, usize)> {
    let (end, decimals) = decimal(text, start)?;
    let gap = text[end..].iter().take(4).take_while(|b| matches!(b, b' ' | b',' | b';')).count();
    match decimal(text, end + gap) {
        Some((second, more)) if gap > 0 && more >= 3 => Some((second, decimals)),
        _ => Some((end, decimals)),
    }
}

fn decimal(text: &[u8], start: usize) -> Option<(usize, usize)> {
    let sign = usize::from(matches!(text.get(start), Some(b'-' | b'+')));
    let whole = text.get(start + sign..)?.iter().take_while(|b| b.is_ascii_digit()).count();
    let dot = start + sign + whole;
    if !(1..=3).contains(&whole) || text.get(dot) != Some(&b'.') {
        return None;
    }
    let fraction = text[dot + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
    (fraction > 0).then_some((dot + 1 + fraction, fraction))
}

/// Whether a value is an IBAN: country, check digits, mod 97.
pub(crate) fn is_iban(text: &[u8]) -> bool {
    iban_end(text, 0) == Some(text.len())
}

/// Where the IBAN at `start` ends.
pub(crate) fn iban_end(text: &[u8], start: usize) -> Option<usize> {
    let ceiling = text.len().min(start + 44);
    let mut folded = [0u8; 34];
    let mut count = 0;
    let mut best = None;
    for (i, byte) in text[start..ceiling].iter().enumerate() {
        if byte.is_ascii_uppercase() || byte.is_ascii_digit() {
            if count == folded.len() {
                return best;
            }
            folded[count] = *byte;
            count += 1;
            let ends = !text.get(start + i + 1).is_some_and(u8::is_ascii_alphanumeric);
            if ends && count >= 15 && mod_97(&folded[..count]) == 1 {
                best = Some(start + i + 1);
            }
        } else if *byte != b' ' || count % 4 != 0 {
            return best;
        }
    }
    best
}

fn mod_97(iban: &[u8]) -> u32 {
    iban[4..].iter().chain(&iban[..4]).fold(0, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        _ => (rest * 100 + u32::from(byte - b'A') + 10) % 97,
    })
}

/// Where four numbers up to 255 with dots between them end.
fn ipv4(text: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    for part in 0..4 {
        let length = text[at..].iter().take(4).take_while(|b| b.is_ascii_digit()).count();
        let value = text[at..at + length].iter().fold(0u32, |n, b| n * 10 + u32::from(b - b'0'));
        if length == 0 || length > 3 || value > 255 || (length > 1 && text[at] == b'0') {
            return None;
        }
        at += length;
        if part < 3 {
            if text.get(at) != Some(&b'.') {
                return None;
            }
            at += 1;
        }
    }
    let more = text.get(at) == Some(&b'.') && text.get(at + 1).is_some_and(u8::is_ascii_alphanumeric);
    (!more && !text.get(at).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_')).then_some(at)
}

/// Not loopback, private, link-local, shared, documentation, multicast or reserved.
fn is_public_v4(text: &[u8]) -> bool {
    let mut octets =
        text.split(|b| *b == b'.').map(|part| part.iter().fold(0u32, |n, b| n * 10 + u32::from(b - b'0')));
    let mut next = || octets.next().unwrap_or(0);
    let address = [next(), next(), next(), next()];
    !matches!(
        address,
        [0 | 10 | 127 | 224..=255, ..]
            | [100, 64..=127, ..]
            | [169, 254, ..]
            | [172, 16..=31, ..]
            | [192, 168, ..]
            | [192, 0, 0 | 2, _]
            | [198, 18 | 19, ..]
            | [198, 51, 100, _]
            | [203, 0, 113, _]
            | [8, 8, 8 | 4, _]
            | [1, 1, 1, 1]
            | [1, 0, 0, 1]
            | [9, 9, 9, 9]
    ) && address[1..] != [0, 0, 0]
        && !text.ends_with(b".0")
}

/// `v1.2.3.4`, `version 1.2.3.4`, `pkg-1.2.3.4`, `Chrome/120.0.0.0`, `==1.2.3.4`
fn reads_as_version(text: &[u8], start: usize, end: usize) -> bool {
    let before = if start > 0 { text[start - 1] } else { b' ' };
    let floor = start.saturating_sub(16);
    let front = text[floor..start].to_ascii_lowercase();
    let after = text.get(end).copied().unwrap_or(b' ');
    b"vV-_~^.<>".contains(&before) && before != b'<'
        || (before == b'/' && !front.ends_with(b"//"))
        || [
            b"version".as_slice(),
            b"ver",
            b"release",
            b"rev",
            b"==",
            b">=",
            b"<=",
            b"~=",
            b"section",
            b"oid",
            b"identifier",
            b"build",
            b"upgrade",
            b",v ",
        ]
        .iter()
        .any(|word| super::value::contains(&front, word))
        || (after == b'-' || after == b'+') && text.get(end + 1).is_some_and(u8::is_ascii_alphanumeric)
        || text[start..end].iter().filter(|b| b.is_ascii_digit()).count() == 4
}

/// Hardware addresses and IPv6 addresses, at their first colon.
pub(crate) fn at_colon(scan: &mut Scan, at: usize) {
    let text = scan.text;
    let floor = at.saturating_sub(4);
    let start = (floor..at).rev().take_while(|i| text[*i].is_ascii_hexdigit()).last().unwrap_or(at);
    let before = if start > 0 { text[start - 1] } else { b' ' };
    if before == b':' || before.is_ascii_alphanumeric() || matches!(before, b'_' | b'.' | b'-') {
        return;
    }
    let ceiling = text.len().min(start + 46);
    let length = text[start..ceiling].iter().take_while(|b| b.is_ascii_hexdigit() || **b == b':').count();
    let body = &text[start..start + length];
    let after = text.get(start + length).copied().unwrap_or(b' ');
    if after.is_ascii_alphanumeric() || after == b'_' {
        return;
    }
    if is_mac(body) {
        scan.secret(start, start + length, RuleId::MAC);
    } else if is_public_v6(body) {
        scan.secret(start, start + length, RuleId::IP);
    }
}

fn is_mac(text: &[u8]) -> bool {
    text.len() == 17
        && text.iter().enumerate().all(|(i, b)| if i % 3 == 2 { *b == b':' } else { b.is_ascii_hexdigit() })
        && text != b"00:00:00:00:00:00"
        && !text.eq_ignore_ascii_case(b"ff:ff:ff:ff:ff:ff")
}

/// `00-1A-2B-3C-4D-5E`, with at least one letter.
pub(crate) fn is_dashed_mac(text: &[u8]) -> bool {
    text.iter().enumerate().all(|(i, b)| if i % 3 == 2 { *b == b'-' } else { b.is_ascii_hexdigit() })
        && text.iter().any(u8::is_ascii_alphabetic)
}

/// Name servers for everybody, as in every `resolv.conf`.
fn is_resolver(text: &[u8]) -> bool {
    text.starts_with(b"2001:4860:4860::88")
        || text.starts_with(b"2606:4700:4700::")
        || text.starts_with(b"2620:fe::")
}

/// Global unicast (`2000::/3`) except documentation, with at least three groups.
fn is_public_v6(text: &[u8]) -> bool {
    let groups: usize = text.split(|b| *b == b':').filter(|group| !group.is_empty()).count();
    let double = memchr::memmem::find_iter(text, b"::").count();
    let first = text.iter().take_while(|b| b.is_ascii_hexdigit()).count();
    let sound =
        text.split(|b| *b == b':').all(|group| group.len() <= 4) && !super::value::contains(text, b":::");
    let global = first == 4
        && matches!(text[0], b'2' | b'3')
        && !text.to_ascii_lowercase().starts_with(b"2001:db8")
        && !text.to_ascii_lowercase().starts_with(b"2001:0db8");
    sound
        && global
        && !text.ends_with(b"::")
        && !is_resolver(text)
        && ((double == 1 && (2..8).contains(&groups)) || (double == 0 && groups == 8))
}
