//! Payment cards and bank accounts: issuers, lengths and check digits.

/// Where the payment card at `at` ends: known issuer, right length, Luhn, printed in one block or in groups.
pub(super) fn card(text: &[u8], at: usize, end: usize, before: u8) -> Option<usize> {
    let run = end - at;
    if !(run == 4 && matches!(text.get(end), Some(b' ' | b'-')) || (14..=19).contains(&run)) {
        return None;
    }
    let behind_digits = run == 4 && matches!(before, b' ' | b'-') && at > 1 && text[at - 2].is_ascii_digit();
    if !matches!(text[at], b'2'..=b'6') || behind_digits {
        return None;
    }
    let digits = Digits::read(text, at);
    let length = card_length(digits.values())?;
    let grouped = groups_end(text, at, length)?;
    let values = &digits.values()[..length];
    let varied =
        values.iter().any(|d| *d != values[0]) && memchr::memchr_iter(0, &values[1..]).count() < length - 4;
    let free = is_end(text, grouped) && !(run == 4 && in_columns(text, at, grouped, before));
    (luhn(values) && varied && free).then_some(grouped)
}

/// Whether digits stand beside the number on its line, as in a table of numbers.
fn in_columns(text: &[u8], at: usize, end: usize, before: u8) -> bool {
    let gap = |b: &&u8| matches!(**b, b' ' | b'\t' | b'-');
    let after = text[end..].iter().take(8).take_while(gap).count();
    let front = text[..at].iter().rev().take(8).take_while(gap).count();
    text.get(end + after).is_some_and(|b| after > 0 && b.is_ascii_digit())
        || matches!(before, b' ' | b'\t' | b'-') && at > front && text[at - front - 1].is_ascii_digit()
}

fn is_end(text: &[u8], end: usize) -> bool {
    !text.get(end).is_some_and(|b| {
        b.is_ascii_alphanumeric()
            || *b == b'_'
            || matches!(b, b'.' | b'-') && text.get(end + 1).is_some_and(u8::is_ascii_digit)
    })
}

/// The first digits of a number, over the signs between its groups.
struct Digits {
    digits: [u8; 20],
    count: usize,
}

impl Digits {
    fn read(text: &[u8], at: usize) -> Digits {
        let mut all = Digits { digits: [0; 20], count: 0 };
        for byte in text[at..].iter().take(32) {
            if byte.is_ascii_digit() {
                if all.count == all.digits.len() {
                    break;
                }
                all.digits[all.count] = byte - b'0';
                all.count += 1;
            } else if !matches!(byte, b' ' | b'-') {
                break;
            }
        }
        all
    }

    fn values(&self) -> &[u8] {
        &self.digits[..self.count]
    }
}

/// The length that the issuer's prefix asks for.
fn card_length(digits: &[u8]) -> Option<usize> {
    if digits.len() < 14 {
        return None;
    }
    let four = digits[..4].iter().fold(0u32, |n, digit| n * 10 + u32::from(*digit));
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
    (digits.len() >= length).then_some(length)
}

/// Where the `length` digits of a card end; only printed groups count.
fn groups_end(text: &[u8], at: usize, length: usize) -> Option<usize> {
    let (mut seen, mut group, mut separator) = (0, 0, None);
    for (i, byte) in text[at..].iter().take(32).enumerate() {
        if byte.is_ascii_digit() {
            (seen, group) = (seen + 1, group + 1);
            if seen == length {
                let more = text.get(at + i + 1).is_some_and(u8::is_ascii_digit);
                return (!more).then_some(at + i + 1);
            }
        } else {
            let same = separator.is_none_or(|s| s == *byte) && matches!(byte, b' ' | b'-');
            if !same || !(group == 4 || group == 6 && seen == 10) {
                return None;
            }
            (separator, group) = (Some(*byte), 0);
        }
    }
    None
}

/// The check of card numbers and of many ids: every second digit doubled.
pub(super) fn luhn(digits: &[u8]) -> bool {
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

/// Whether a labelled value is a card number: a person's label counts more than a check digit.
pub(super) fn is_card(text: &[u8]) -> bool {
    let digits = Digits::read(text, 0);
    let other = text.iter().filter(|b| !b.is_ascii_digit()).count();
    (13..=19).contains(&digits.count) && text.len() - other == digits.count && other <= 5
}

/// How long the account numbers of a country are, with country and check digits.
fn iban_length(country: [u8; 2]) -> Option<usize> {
    let length = match &country {
        b"NO" => 15,
        b"BE" | b"BI" => 16,
        b"DK" | b"FI" | b"FO" | b"GL" | b"NL" | b"FK" | b"SD" => 18,
        b"MK" | b"SI" => 19,
        b"AT" | b"BA" | b"EE" | b"KZ" | b"LT" | b"LU" | b"XK" | b"MN" => 20,
        b"CH" | b"HR" | b"LI" | b"LV" => 21,
        b"BG" | b"BH" | b"CR" | b"DE" | b"GB" | b"GE" | b"IE" | b"ME" | b"RS" | b"VA" => 22,
        b"AE" | b"GI" | b"IL" | b"IQ" | b"TL" | b"OM" | b"SO" => 23,
        b"AD" | b"CZ" | b"ES" | b"MD" | b"PK" | b"RO" | b"SA" | b"SE" | b"SK" | b"TN" | b"VG" | b"DZ" => 24,
        b"PT" | b"ST" | b"LY" => 25,
        b"IS" | b"TR" => 26,
        b"FR" | b"GR" | b"IT" | b"MC" | b"MR" | b"SM" | b"DJ" | b"BF" | b"CM" => 27,
        b"AL" | b"AZ" | b"BY" | b"CY" | b"DO" | b"GT" | b"HU" | b"LB" | b"NI" | b"PL" | b"SV" | b"SN"
        | b"CI" | b"HN" => 28,
        b"BR" | b"PS" | b"QA" | b"UA" | b"EG" => 29,
        b"JO" | b"KW" | b"MU" | b"YE" => 30,
        b"MT" | b"SC" => 31,
        b"LC" => 32,
        b"RU" => 33,
        _ => return None,
    };
    Some(length)
}

/// The length of the longest IBAN in groups, and a bit; one more byte says whether it ends there.
pub(super) const IBAN_REACH: usize = 46;

/// Where the IBAN at `start` ends: country, length, mod 97; in any case, in one block or in groups.
pub(super) fn iban_end(text: &[u8], start: usize) -> Option<usize> {
    let country = [text.get(start)?.to_ascii_uppercase(), text.get(start + 1)?.to_ascii_uppercase()];
    let length = iban_length(country)?;
    let mut folded = [0u8; 34];
    let (mut count, mut separator, mut lower, mut upper) = (0, None, false, false);
    for (i, byte) in text[start..].iter().take(IBAN_REACH).enumerate() {
        if byte.is_ascii_alphanumeric() {
            lower |= byte.is_ascii_lowercase();
            upper |= byte.is_ascii_uppercase();
            folded[count] = byte.to_ascii_uppercase();
            count += 1;
            if count == length {
                let end = start + i + 1;
                let free = !text.get(end).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
                return (free && !(lower && upper) && mod_97(&folded[..count]) == 1).then_some(end);
            }
        } else if matches!(byte, b' ' | b'-' | b'.')
            && separator.is_none_or(|sign| sign == *byte)
            && count > 3
        {
            separator = Some(*byte);
        } else if *byte != 0xc2 && *byte != 0xa0 {
            return None;
        }
    }
    None
}

/// The rest of the number that an IBAN stands for; the division waits until a word of digits is full.
fn mod_97(iban: &[u8]) -> u64 {
    let digits = iban[4..].iter().chain(&iban[..4]).fold(0u64, |rest, byte| {
        let rest = if rest > u64::MAX / 1000 { rest % 97 } else { rest };
        match byte {
            b'0'..=b'9' => rest * 10 + u64::from(byte - b'0'),
            _ => rest * 100 + u64::from(byte.saturating_sub(b'A')) + 10,
        }
    });
    digits % 97
}

/// Where a labelled account number that looks like an IBAN ends.
pub(super) fn account_end(text: &[u8], start: usize) -> Option<usize> {
    if let Some(end) = iban_end(text, start) {
        return Some(end);
    }
    let mut end = start;
    for (i, byte) in text[start..].iter().take(46).enumerate() {
        if byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte.is_ascii_lowercase() && end == start + i
        {
            end = start + i + 1;
        } else if !(matches!(byte, b' ' | b'-') && end == start + i) {
            break;
        }
    }
    (end > start).then_some(end)
}

/// Whether a labelled value is an IBAN, or an account number that a test made up.
pub(super) fn is_iban(text: &[u8]) -> bool {
    let alnum = text.iter().filter(|b| b.is_ascii_alphanumeric()).count();
    let digits = text.iter().filter(|b| b.is_ascii_digit()).count();
    let signs = text.iter().all(|b| b.is_ascii_alphanumeric() || b" -.".contains(b));
    (8..=34).contains(&alnum) && digits * 2 > alnum && signs && alnum + 9 >= text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> bool {
        iban_end(text.as_bytes(), 0) == Some(text.len())
    }

    #[test]
    fn accounts_of_the_registry_are_valid_in_every_spelling() {
        for iban in [
            "GB82WEST12345698765432",
            "DE89 3704 0044 0532 0130 00",
            "FR14 2004 1010 0505 0001 3M02 606",
            "nl91abna0417164300",
            "NO93-8601-1117-947",
            "MT84 MALT 0110 0001 2345 MTLC AST0 01S",
            "SA03 8000 0000 6080 1016 7519",
        ] {
            assert!(whole(iban), "{iban}");
        }
        for iban in [
            "GB83WEST12345698765432",
            "DE89 3704 0044 0532 0130 0",
            "XX89370400440532013000",
            "gb82West12345698765432",
        ] {
            assert!(!whole(iban), "{iban}");
        }
    }

    #[test]
    fn cards_have_an_issuer_a_length_and_a_check_digit() {
        let at = |text: &str| {
            let end = text.bytes().take_while(u8::is_ascii_digit).count();
            card(text.as_bytes(), 0, end, b' ')
        };
        for number in [
            "4111 1111 1111 1111",
            "378282246310005",
            "3782 822463 10005",
            "5555-5555-5555-4444",
            "30569309025904",
        ] {
            assert_eq!(at(number), Some(number.len()), "{number}");
        }
        for number in [
            "4111 1111 1111 1112",
            "1111111111111117",
            "4111-1111 1111-1111",
            "41111111111111110",
            "4111 1111 1111 1111 2222",
        ] {
            assert_eq!(at(number), None, "{number}");
        }
    }
}
