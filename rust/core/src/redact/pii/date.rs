//! Dates of birth.

/// Where the date that starts at `start` ends, a month spelled out or not: behind its year.
pub(super) fn date_end(text: &[u8], start: usize) -> Option<usize> {
    let ceiling = text.len().min(start + 28);
    let body = &text[start..ceiling];
    let length =
        body.iter().take_while(|b| b.is_ascii_alphanumeric() || b" ,./-".contains(b) || **b >= 0x80).count();
    let body = &body[..length];
    let year = (0..length.saturating_sub(3)).find(|at| {
        let four = &body[*at..*at + 4];
        let free = |b: Option<&u8>| !b.is_some_and(u8::is_ascii_digit);
        four.iter().all(u8::is_ascii_digit)
            && matches!(&four[..2], b"19" | b"20")
            && free(at.checked_sub(1).map(|i| &body[i]))
            && free(body.get(at + 4))
    });
    let Some(year) = year else { return short_end(text, start, body) };
    if year > 0 {
        return is_date(&body[..year + 4]).then_some(start + year + 4);
    }
    let rest = body[4..].iter().take_while(|b| b.is_ascii_digit() || b"-/.".contains(b)).count();
    let end = 4 + body[4..4 + rest].iter().rposition(u8::is_ascii_digit).map_or(0, |last| last + 1);
    (is_date(&body[..end]) || far_east(&body[4..]))
        .then(|| start + if is_date(&body[..end]) { end } else { day_end(body) })
}

/// `14.03.81`, `19810314`: no year of four digits stands apart.
fn short_end(text: &[u8], start: usize, body: &[u8]) -> Option<usize> {
    let length = body.iter().take_while(|b| b.is_ascii_digit() || b"-/.".contains(b)).count();
    let end = body[..length].iter().rposition(u8::is_ascii_digit)? + 1;
    let free = !text.get(start + end).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    (is_calendar(&body[..end]) && free).then_some(start + end)
}

/// `15, 1990` behind the name of a month: where the year ends.
pub(super) fn year_end(text: &[u8], start: usize) -> Option<usize> {
    let day = text[start..].iter().take(3).take_while(|b| b.is_ascii_digit()).count();
    let gap = text[start + day..].iter().take(2).take_while(|b| matches!(b, b',' | b' ')).count();
    let year = text.get(start + day + gap..start + day + gap + 4)?;
    let sound = matches!(day, 1 | 2)
        && gap > 0
        && year.iter().all(u8::is_ascii_digit)
        && matches!(&year[..2], b"19" | b"20");
    sound.then_some(start + day + gap + 4)
}

/// `1981年3月14日`
fn far_east(rest: &[u8]) -> bool {
    ["年", "년"].iter().any(|sign| rest.starts_with(sign.as_bytes()))
}

fn day_end(body: &[u8]) -> usize {
    ["日", "일"]
        .iter()
        .find_map(|sign| memchr::memmem::find(body, sign.as_bytes()).map(|at| at + sign.len()))
        .unwrap_or(4)
}

/// Whether a labelled value is a date.
pub(super) fn is_date(text: &[u8]) -> bool {
    let digits = text.iter().filter(|b| b.is_ascii_digit()).count();
    let parts =
        text.split(|b| matches!(b, b'/' | b'-' | b'.' | b' ' | b',')).filter(|part| !part.is_empty()).count();
    (3..=14).contains(&digits)
        && (text[0].is_ascii_alphanumeric() || text[0] >= 0x80)
        && ((3..=5).contains(&parts) && !text.windows(3).any(|three| three == b"://")
            || is_calendar(text)
            || text.contains(&b'T') && digits >= 8
            || far_east(text.get(4..).unwrap_or_default()))
        && text.len() <= 34
}

/// Whether digits are a date of the calendar: `2024-01-15`, `15.01.2024`, `1/15/24`, `20240115`.
pub(super) fn is_calendar(text: &[u8]) -> bool {
    let mut parts = [0u32; 3];
    let mut count = 0;
    let mut sign = None;
    if text.len() == 8 && text.iter().all(u8::is_ascii_digit) {
        let number = |part: &[u8]| part.iter().fold(0, |n, b| n * 10 + u32::from(b - b'0'));
        return is_day(number(&text[..4]), number(&text[4..6]), number(&text[6..]));
    }
    if !matches!(text.len(), 6..=10) {
        return false;
    }
    for part in text.split(|b| matches!(b, b'-' | b'/' | b'.')) {
        if count == 3 || !matches!(part.len(), 1 | 2 | 4) || !part.iter().all(u8::is_ascii_digit) {
            return false;
        }
        parts[count] = part.iter().fold(0, |n, b| n * 10 + u32::from(b - b'0'));
        count += 1;
    }
    for byte in text.iter().filter(|b| !b.is_ascii_digit()) {
        if sign.is_some_and(|sign| sign != *byte) {
            return false;
        }
        sign = Some(*byte);
    }
    let [a, b, c] = parts;
    let full = |year: u32| if year < 100 { 1900 + year } else { year };
    count == 3 && (is_day(a, b, c) || is_day(full(c), b, a) || is_day(full(c), a, b))
}

fn is_day(year: u32, month: u32, day: u32) -> bool {
    (1900..=2099).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_end_behind_the_year_or_the_day() {
        for date in [
            "1981-03-14",
            "14.03.1981",
            "3/14/1981",
            "March 14, 1981",
            "14 mars 1981",
            "14. März 1981",
            "19810314",
            "14.03.81",
            "1981年3月14日",
            "14-Mar-1981",
        ] {
            assert_eq!(date_end(format!("{date} and").as_bytes(), 0), Some(date.len()), "{date}");
        }
        for text in ["12 and 15 more", "5", "2024", "1.5", "30 days"] {
            assert_eq!(date_end(text.as_bytes(), 0), None, "{text}");
        }
    }

    #[test]
    fn the_calendar_has_twelve_months() {
        assert!(is_calendar(b"2024-01-15") && is_calendar(b"15/01/24"));
        assert!(!is_calendar(b"2024-13-35") && !is_calendar(b"415-867-53") && !is_calendar(b"2024-01.15"));
    }
}
