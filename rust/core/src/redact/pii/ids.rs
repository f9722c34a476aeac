//! National ids: a few by their own form and check digit, all others behind a label.

use super::{checks, date};

const LONGEST: usize = 40;
/// An id of so many signs is not continued over a space.
const LONG_GROUP: usize = 9;

/// Where the text at `at` stops to have the form `pattern` (`d` a digit, `A` a capital, others themselves), if it does.
fn form(text: &[u8], at: usize, pattern: &[u8]) -> Option<usize> {
    let body = text.get(at..at + pattern.len())?;
    let fits = body.iter().zip(pattern).all(|(byte, sign)| match sign {
        b'd' => byte.is_ascii_digit(),
        b'A' => byte.is_ascii_uppercase(),
        b'*' => byte.is_ascii_alphanumeric(),
        _ => byte == sign,
    });
    (fits && super::phone::is_free(text, at + pattern.len())).then_some(at + pattern.len())
}

/// The digits of a text as values.
fn values(text: &[u8]) -> ([u8; 20], usize) {
    let mut all = [0; 20];
    let mut count = 0;
    for byte in text.iter().filter(|b| b.is_ascii_digit()).take(20) {
        all[count] = byte - b'0';
        count += 1;
    }
    (all, count)
}

fn number(text: &[u8]) -> u32 {
    text.iter().filter(|b| b.is_ascii_digit()).take(9).fold(0, |n, b| n * 10 + u32::from(b - b'0'))
}

/// `123-45-6789`: social security numbers and the tax numbers of the same form.
pub(super) fn social_security(text: &[u8], at: usize, before: u8) -> Option<usize> {
    if text.get(at + 3) != Some(&b'-') || matches!(before, b'-' | b'+') {
        return None;
    }
    let end = form(text, at, b"ddd-dd-dddd")?;
    let (area, group) = (number(&text[at..at + 3]), number(&text[at + 4..at + 6]));
    let serial = &text[at + 7..end];
    let taxpayer = area >= 900 && matches!(group, 50..=65 | 70..=88 | 90..=92 | 94..=99);
    let sound = !matches!(area, 0 | 666) && group != 0 && serial != b"0000";
    (sound && (area < 900 || taxpayer)).then_some(end)
}

/// An id that starts with digits and that its form and its check digit give away.
pub(super) fn unmistakable(text: &[u8], at: usize, end: usize, before: u8) -> Option<usize> {
    if matches!(before, b'-' | b'+') {
        return None;
    }
    let next = text.get(end).copied().unwrap_or(b' ');
    let checked = |pattern: &[u8], check: fn(&[u8]) -> bool| {
        form(text, at, pattern).filter(|end| {
            let (values, count) = values(&text[at..*end]);
            check(&values[..count])
        })
    };
    match (end - at, next) {
        (3, b'.') => {
            checked(b"ddd.ddd.ddd-dd", checks::cpf).or_else(|| checked(b"ddd.dddd.dddd.dd", checks::swiss))
        }
        (2, b'.') => checked(b"dd.ddd.ddd/dddd-dd", checks::cnpj)
            .or_else(|| checked(b"dd.dd.dd-ddd.dd", checks::belgian))
            .or_else(|| rut(text, at, b"dd.ddd.ddd-*")),
        (1, b'.') => rut(text, at, b"d.ddd.ddd-*"),
        (2, b'-') => checked(b"dd-dddddddd-d", checks::cuit),
        (6, b'-' | b'A' | b'+') => finnish(text, at).or_else(|| {
            let end = checked(b"dddddd-ddddddd", checks::korean)?;
            (is_birth(&text[at..at + 6]) && matches!(text[at + 7], b'1'..=b'8')).then_some(end)
        }),
        (8, b'A'..=b'Z') => {
            let end = form(text, at, b"ddddddddA")?;
            checks::spanish(number(&text[at..end - 1]), text[end - 1]).then_some(end)
        }
        (18, _) | (17, b'X' | b'x') => {
            let end = form(text, at, b"ddddddddddddddddd*")?;
            (is_chinese(&text[at..end])).then_some(end)
        }
        (13, _) => checked(b"ddddddddddddd", checks::swiss),
        _ => None,
    }
}

/// A province, a day of birth and the check sign.
fn is_chinese(id: &[u8]) -> bool {
    let birth = [&id[6..10], &id[10..12], &id[12..14]];
    let year = number(birth[0]);
    matches!(id[0], b'1'..=b'8')
        && (1900..=2030).contains(&year)
        && (1..=12).contains(&number(birth[1]))
        && (1..=31).contains(&number(birth[2]))
        && checks::chinese(id)
}

fn rut(text: &[u8], at: usize, pattern: &[u8]) -> Option<usize> {
    let end = form(text, at, pattern)?;
    let (values, count) = values(&text[at..end - 1]);
    checks::rut(&values[..count], text[end - 1]).then_some(end)
}

/// `131052-308T`
fn finnish(text: &[u8], at: usize) -> Option<usize> {
    let end = form(text, at, &[b'd', b'd', b'd', b'd', b'd', b'd', text[at + 6], b'd', b'd', b'd', b'*'])?;
    let day = number(&text[at..at + 2]);
    let month = number(&text[at + 2..at + 4]);
    let digits = number(&text[at..at + 6]) * 1000 + number(&text[at + 7..at + 10]);
    ((1..=31).contains(&day) && (1..=12).contains(&month) && checks::finnish(digits, text[end - 1]))
        .then_some(end)
}

/// Whether six digits are a year, a month and a day.
fn is_birth(text: &[u8]) -> bool {
    (1..=12).contains(&number(&text[2..4])) && (1..=31).contains(&number(&text[4..6]))
}

/// The same for ids that start with capitals; `at` is the first digit, `end` where its run ends.
pub(super) fn unmistakable_lettered(text: &[u8], start: usize, at: usize, end: usize) -> Option<usize> {
    match (at - start, end - at) {
        (1, 7) => {
            let end = form(text, start, b"AdddddddA")?;
            let (series, digits, letter) = (text[start], values(&text[at..end]), text[end - 1]);
            let foreign = series >= b'X'
                && checks::spanish(
                    u32::from(series - b'X') * 10_000_000 + number(&text[at..end - 1]),
                    letter,
                );
            let resident = matches!(series, b'S' | b'T' | b'F' | b'G' | b'M')
                && checks::singaporean(series, &digits.0[..7], letter);
            (foreign || resident).then_some(end)
        }
        (1, 6) => {
            let end = start + 10;
            let check = text.get(start + 7..end)?;
            let digits = values(&text[at..at + 6]);
            (check[0] == b'(' && check[2] == b')' && checks::hong_kong(text[start], &digits.0[..6], check[1]))
                .then_some(end)
        }
        // The form of these two is unmistakable without their check signs, which people get wrong in tests.
        (6, 2) => form(text, start, b"AAAAAAddAddAdddA"),
        (4, 6) => form(text, start, b"AAAAddddddAAAAAA*d")
            .filter(|_| is_birth(&text[at..end]) && matches!(text[end], b'H' | b'M')),
        _ => None,
    }
}

/// Where a labelled id ends: groups of letters and digits with the signs that issuers print between them.
pub(super) fn id_end(text: &[u8], start: usize) -> Option<usize> {
    let ceiling = text.len().min(start + LONGEST);
    let mut end = group_end(text, start, ceiling);
    if end == start {
        return None;
    }
    while end < ceiling {
        let sign = text[end];
        let from = end + 1;
        let group = group_end(text, from, ceiling);
        let body = &text[from.min(group)..group];
        let digits = body.iter().filter(|b| b.is_ascii_digit()).count();
        let lower = body.iter().any(u8::is_ascii_lowercase);
        let joins = match sign {
            b'-' => digits > 0 || !body.is_empty() && body.len() <= 3 && !lower,
            b'.' | b'/' | b'+' => digits > 0 && body[0].is_ascii_digit(),
            b' ' => {
                !body.is_empty()
                    && !lower
                    && body.len() <= 6
                    && end - start < LONG_GROUP * 2
                    && (digits > 0 || body.len() <= 3)
                    && (end - start < LONG_GROUP || text[start..end].iter().any(|b| matches!(b, b' ' | b'-')))
                    && !date::is_calendar(&text[from..text.len().min(from + 10)])
            }
            b'(' if body.len() == 1 && text.get(group) == Some(&b')') => return Some(group + 1),
            _ => false,
        };
        if !joins {
            break;
        }
        end = group;
    }
    Some(end)
}

fn group_end(text: &[u8], from: usize, ceiling: usize) -> usize {
    let mut end = from;
    while end < ceiling && text[end].is_ascii_alphanumeric() {
        end += 1;
    }
    end
}

/// Whether a value behind a label that names an id may be one: a person's label counts more than a check digit.
pub(super) fn is_plausible(text: &[u8]) -> bool {
    let (mut digits, mut lower, mut upper, mut signs, mut dots) = (0, 0, 0, 0, 0);
    for byte in text {
        match byte {
            b'0'..=b'9' => digits += 1,
            b'a'..=b'z' => lower += 1,
            b'A'..=b'Z' => upper += 1,
            b'.' => dots += 1,
            b' ' | b'-' | b'/' | b'+' | b'(' | b')' => signs += 1,
            _ => return false,
        }
    }
    let decimal = dots == 1 && signs == 0 && lower + upper == 0;
    digits
        >= if lower > 0 {
            5
        } else if upper > 2 {
            2
        } else {
            3
        }
        && digits + upper >= 5
        && (5..=24).contains(&(digits + lower + upper))
        && dots + signs <= 8
        && !decimal
        && !(digits == 8 && dots + signs > 0 && date::is_calendar(text))
        && !text.starts_with(b"0x")
}

/// Whether a value behind a word that seldom names an id has the form of one and passes its check.
pub(super) fn is_checkable(text: &[u8]) -> bool {
    let mut folded = [0u8; 24];
    let mut count = 0;
    for byte in text {
        if byte.is_ascii_alphanumeric() {
            if count == folded.len() {
                return false;
            }
            folded[count] = byte.to_ascii_uppercase();
            count += 1;
        } else if !b" -./+()".contains(byte) {
            return false;
        }
    }
    let id = &folded[..count];
    if id.iter().all(u8::is_ascii_digit) {
        let (values, count) = values(id);
        return count == id.len() && checks::any(&values[..count]);
    }
    // Value-added tax: the country, then digits with a letter or two among them.
    let digits = id.iter().filter(|b| b.is_ascii_digit()).count();
    if (10..=14).contains(&count) && digits >= 7 && id[..2].iter().all(u8::is_ascii_uppercase) {
        return true;
    }
    let first_digit = id.iter().position(u8::is_ascii_digit).unwrap_or(0);
    let run = id[first_digit..].iter().take_while(|b| b.is_ascii_digit()).count();
    [
        b"AAAAAddddA".as_slice(),
        b"AAAAdddddd***",
        b"AAAdddddd***",
        b"dddddddA",
        b"dddddddAA",
        b"ddddddddA",
        b"AdddddddA",
        b"AAdddddddd",
        b"Adddddddd",
        b"Addddddd",
        b"AAddddddd",
    ]
    .iter()
    .any(|pattern| form(id, 0, pattern) == Some(count))
        || super::bank::iban_end(id, 0) == Some(count)
        || unmistakable_lettered(id, 0, first_digit, first_digit + run) == Some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alone(text: &str) -> Option<usize> {
        let bytes = text.as_bytes();
        let at = bytes.iter().position(u8::is_ascii_digit).unwrap();
        let end = at + bytes[at..].iter().take_while(|b| b.is_ascii_digit()).count();
        if at == 0 { unmistakable(bytes, 0, end, b' ') } else { unmistakable_lettered(bytes, 0, at, end) }
    }

    #[test]
    fn some_ids_need_no_label() {
        for id in [
            "390.533.447-05",
            "756.9217.0769.85",
            "16.727.230/0001-97",
            "85.07.30-033.28",
            "76.086.428-5",
            "20-26756539-3",
            "131052-308T",
            "54362315K",
            "360426199101010071",
            "X5253868R",
            "S0000001I",
            "G123456(A)",
            "RCCMNL83S18D969H",
            "BOXW310820HNERXN09",
        ] {
            assert_eq!(alone(&format!("{id} ")), Some(id.len()), "{id}");
        }
        for text in [
            "390.533.447-06",
            "20240115-1030",
            "131052-308U",
            "54362315L",
            "12.34.56-789.01",
            "X5253868S",
            "123456789012345678",
        ] {
            assert_eq!(alone(&format!("{text} ")), None, "{text}");
        }
    }

    #[test]
    fn social_security_numbers_have_areas() {
        for (text, sound) in [
            ("123-45-6789", true),
            ("912-70-6789", true),
            ("000-45-6789", false),
            ("666-45-6789", false),
            ("912-45-6789", false),
            ("123-00-6789", false),
            ("123-45-67890", false),
        ] {
            assert_eq!(social_security(text.as_bytes(), 0, b' ').is_some(), sound, "{text}");
        }
    }

    #[test]
    fn labelled_ids_end_where_words_go_on() {
        for (text, id) in [
            ("AB 12 34 56 C and", "AB 12 34 56 C"),
            ("X29073619 12ms", "X29073619"),
            ("876 498 6187\nthanks", "876 498 6187"),
            ("890101-1234, next", "890101-1234"),
            ("12.345.678-9.", "12.345.678-9"),
            ("A123456(7) x", "A123456(7)"),
            ("123456789 2026-01-02", "123456789"),
        ] {
            assert_eq!(id_end(text.as_bytes(), 0), Some(id.len()), "{text}");
        }
        assert!(is_plausible(b"X29073619") && is_plausible(b"AB12 CDE") && is_plausible(b"12-3456789"));
        assert!(
            !is_plausible(b"2024-01-15")
                && !is_plausible(b"1.036998")
                && !is_plausible(b"strategy2")
                && !is_plausible(b"0x12345678")
        );
    }
}
