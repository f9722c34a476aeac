//! Telephone numbers: international ones and American ones by their form, all others behind a label.

use super::date;

const LONGEST: usize = 34;

/// Where the number that starts at `start` ends: digits with the signs people put between them.
pub(super) fn phone_end(text: &[u8], start: usize) -> usize {
    let ceiling = text.len().min(start + LONGEST);
    let (mut end, mut gap, mut digits) = (start, 0, 0);
    let mut at = start;
    while at < ceiling {
        let byte = text[at];
        if byte.is_ascii_digit() {
            (end, gap, digits) = (at + 1, 0, digits + 1);
        } else if b" -.()/+".contains(&byte) && gap < 3 || byte == 0xa0 && at > 0 && text[at - 1] == 0xc2 {
            gap += 1;
            // A second number starts; between digits it is a space of a form.
            if byte == b'+' && digits > 0 && !text[at - 1].is_ascii_digit() {
                break;
            }
        } else if byte != 0xc2 || text.get(at + 1) != Some(&0xa0) {
            break;
        }
        if digits > 15 {
            return start;
        }
        at += 1;
    }
    extension_end(text, end)
}

/// ` x123`, ` ext. 123` behind a number.
fn extension_end(text: &[u8], end: usize) -> usize {
    let rest = &text[end..text.len().min(end + 12)];
    let signs = [b" x".as_slice(), b"x", b" ext. ", b" ext "];
    let Some(sign) = signs.iter().find(|sign| rest.starts_with(sign)) else { return end };
    let digits = rest[sign.len()..].iter().take_while(|b| b.is_ascii_digit()).count();
    if (1..=5).contains(&digits) { end + sign.len() + digits } else { end }
}

/// Whether a labelled value is a telephone number.
pub(super) fn is_phone(text: &[u8]) -> bool {
    let digits = text.iter().filter(|b| b.is_ascii_digit()).count();
    let letters = text.iter().filter(|b| b.is_ascii_alphabetic()).count();
    let signs = text.iter().all(|b| {
        b.is_ascii_digit()
            || b"+-()./ xextEXT:tl#\xc2\xa0".contains(b)
            || matches!(b, 0xe2 | 0x80 | 0x90..=0x93 | 0xaf)
    });
    let lone_dot = memchr::memchr_iter(b'.', text).count() == 1 && !text.contains(&b' ');
    (6..=18).contains(&digits) && letters <= 4 && signs && !lone_dot && !date::is_calendar(text)
}

/// `+49 30 …`, `0049 30 …` where the run of digits from `at` to `end` starts it: where it starts and ends.
pub(super) fn international(text: &[u8], at: usize, end: usize, before: u8) -> Option<(usize, usize)> {
    if before == b'+' {
        return plus(text, at);
    }
    let doubled = text[at..].starts_with(b"00") && matches!(text.get(at + 2), Some(b'1'..=b'9'));
    let parted = end - at <= 7
        && matches!(text.get(end), Some(b' ' | b'-'))
        && !matches!(before, b'.' | b'-' | b'/' | b':');
    let country = || has_country(&text[at + 2..end.min(at + 5)]);
    // The middle of a row of numbers.
    let column = before == b' ' && at > 1 && text[at - 2].is_ascii_digit();
    if !doubled || !parted || column || !country() {
        return None;
    }
    let end = phone_end(text, at);
    let body = &text[at..end];
    let digits = body.iter().filter(|b| b.is_ascii_digit()).count();
    let groups = body.split(|b| !b.is_ascii_digit()).filter(|group| !group.is_empty()).count();
    // Columns of hexadecimal or padded numbers look alike, but for the zeros at the start of each.
    let padded =
        body.split(|b| !b.is_ascii_digit()).nth(1).is_some_and(|group| group.len() > 1 && group[0] == b'0');
    ((11..=15).contains(&digits) && (2..=6).contains(&groups) && !padded && ends_free(text, end))
        .then_some((at, end))
}

fn plus(text: &[u8], at: usize) -> Option<(usize, usize)> {
    let start = at - 1;
    if text[at] == b'0'
        || start > 0
            && (text[start - 1].is_ascii_alphanumeric() || matches!(text[start - 1], b')' | b']' | b'+'))
    {
        return None;
    }
    let end = phone_end(text, at);
    let body = &text[at..end];
    let digits = body.iter().filter(|b| b.is_ascii_digit()).count();
    let dots = memchr::memchr_iter(b'.', body).count();
    // `+1.12.1 (2025-10-10)`: a line of a diff, with a version and its day.
    if dots > 1
        && memchr::memmem::find(body, b" (").is_some_and(|day| {
            body[day + 2..].len() >= 5
                && matches!(&body[day + 2..day + 4], b"19" | b"20")
                && body[day + 6] == b'-'
        })
    {
        return None;
    }
    let sound = (7..=15).contains(&digits)
        && dots != 1
        && !body.contains(&b'/')
        && has_country(body)
        && (digits >= 8 || body.len() > digits)
        && ends_free(text, end);
    sound.then_some((start, end))
}

fn ends_free(text: &[u8], end: usize) -> bool {
    let after = |at: usize| text.get(at).copied().unwrap_or(b' ');
    match after(end) {
        b'_' | b'%' => false,
        b',' => !after(end + 1).is_ascii_digit(),
        next => !next.is_ascii_alphanumeric(),
    }
}

/// Whether digits start with a country code that is in use.
fn has_country(digits: &[u8]) -> bool {
    matches!(
        digits,
        [b'1' | b'7', ..]
            | [b'2', b'0' | b'7', ..]
            | [b'3', b'0'..=b'4' | b'6' | b'9', ..]
            | [b'4', b'0' | b'1' | b'3'..=b'9', ..]
            | [b'5', b'1'..=b'8', ..]
            | [b'6', b'0'..=b'6', ..]
            | [b'8', b'1' | b'2' | b'4' | b'6', ..]
            | [b'9', b'0'..=b'5' | b'8', ..]
            | [b'2', b'1' | b'2' | b'3' | b'4' | b'5' | b'6' | b'9', b'0'..=b'9', ..]
            | [b'3', b'5' | b'7' | b'8', b'0'..=b'9', ..]
            | [b'4', b'2', b'0' | b'1' | b'3', ..]
            | [b'5', b'0' | b'9', b'0'..=b'9', ..]
            | [b'6', b'7'..=b'9', b'0'..=b'9', ..]
            | [b'8', b'0' | b'5' | b'7' | b'8', b'0'..=b'9', ..]
            | [b'9', b'6' | b'7' | b'9', b'0'..=b'9', ..]
    )
}

/// `(415) 867-5309`, `415-867-5309`, `415.867.5309`, `1-415-867-5309`: where it starts and ends.
pub(super) fn american(text: &[u8], at: usize, before: u8) -> Option<(usize, usize)> {
    if matches!(before, b'-' | b'/' | b'+') {
        return None;
    }
    let bracketed = before == b'(';
    let from = match text.get(at + 1)? {
        b'-' | b'.' | b' ' if text[at] == b'1' && !bracketed => at + 2,
        _ => at,
    };
    let area = text.get(from..from + 3)?;
    let rest = &text[from + 3..];
    let (gap, sign) = match (bracketed, *rest.first()?) {
        (true, b')') => match rest.get(1)? {
            b' ' => (2, b'-'),
            _ => (1, b'-'),
        },
        (false, sign @ (b'-' | b'.')) => (1, sign),
        _ => return None,
    };
    let number = rest.get(gap..gap + 8)?;
    let sign = if bracketed { number[3] } else { sign };
    let sound = is_area(area)
        && matches!(number[0], b'2'..=b'9')
        && number.iter().enumerate().all(|(i, b)| if i == 3 { *b == sign } else { b.is_ascii_digit() })
        && matches!(sign, b'-' | b'.' | b' ')
        && (sign != b' ' || bracketed);
    let end = from + 3 + gap + 8;
    let fictitious = number.starts_with(b"555") && matches!(number[4..], [b'0', b'1', ..]);
    if !sound || fictitious || !is_free(text, end) {
        return None;
    }
    let start = if bracketed { at - 1 } else { at };
    let start = if bracketed
        && start >= 2
        && text[start - 1] == b' '
        && text[start - 2] == b'1'
        && text[..start - 2].last().is_none_or(|b| *b == b' ')
    {
        start - 2
    } else {
        start
    };
    Some((start, extension_end(text, end)))
}

/// An area code that exists and is no toll-free number of a company.
fn is_area(area: &[u8]) -> bool {
    area.iter().all(u8::is_ascii_digit)
        && matches!(area[0], b'2'..=b'9')
        && area[1..] != *b"11"
        && !(area[0] == b'8' && (area[1] == area[2] || area[1..] == *b"00"))
        && area[1] != b'9'
}

/// Whether a number is not the front of a longer one.
pub(super) fn is_free(text: &[u8], end: usize) -> bool {
    let after = |at: usize| text.get(at).copied().unwrap_or(b' ');
    match after(end) {
        b'_' => false,
        b'-' | b'.' | b'/' => !after(end + 1).is_ascii_alphanumeric(),
        next => !next.is_ascii_alphanumeric(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn american_numbers_have_area_and_exchange() {
        let at = |text: &str| {
            let at = text.find(|c: char| c.is_ascii_digit()).unwrap();
            let before = if at > 0 { text.as_bytes()[at - 1] } else { b' ' };
            american(text.as_bytes(), at, before).map(|(start, end)| text[start..end].to_owned())
        };
        for number in [
            "(415) 867-5309",
            "415-867-5309",
            "415.867.5309",
            "1-415-867-5309",
            "(415)867-5309",
            "(415) 867-5309 x22",
        ] {
            assert_eq!(at(&format!("{number} ok")).as_deref(), Some(number));
        }
        for number in [
            "115-867-5309",
            "415-167-5309",
            "411-867-5309",
            "800-867-5309",
            "415-867-5309-1",
            "415-867-53090",
            "415-555-0123",
            "415 867 5309",
        ] {
            assert_eq!(at(number), None, "{number}");
        }
    }

    #[test]
    fn country_codes_are_known() {
        for digits in ["1", "44", "351", "420", "9725", "8801"] {
            assert!(has_country(digits.as_bytes()), "{digits}");
        }
        for digits in ["0", "28", "99", "425", "83"] {
            assert!(!has_country(digits.as_bytes()), "{digits}");
        }
    }
}
