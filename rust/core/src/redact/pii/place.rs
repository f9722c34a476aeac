//! Where people are: geographic coordinates and postal addresses, behind a label.

use crate::redact::labelled::value;
use crate::redact::tokens::unknown::Shape;

/// Where one or two decimal numbers at `start` end.
pub(super) fn position_end(text: &[u8], start: usize) -> Option<usize> {
    let start = start + usize::from(matches!(text.get(start), Some(b'(' | b'[')));
    let (end, _) = decimal(text, start)?;
    let gap = text[end..].iter().take(4).take_while(|b| b" ,;/".contains(b)).count();
    match decimal(text, end + gap) {
        Some((second, more)) if gap > 0 && more >= 3 => Some(second),
        _ => Some(end),
    }
}

/// Whether a labelled value is a position: decimals enough to find a house, within the globe.
pub(super) fn is_position(text: &[u8]) -> bool {
    let start = usize::from(matches!(text.first(), Some(b'(' | b'[')));
    let degrees = text.iter().take_while(|b| !matches!(b, b'.')).filter(|b| b.is_ascii_digit());
    let whole = degrees.fold(0u32, |n, b| n * 10 + u32::from(b - b'0'));
    let dms =
        || value::contains(text, "°".as_bytes()) && text.iter().filter(|b| b.is_ascii_digit()).count() >= 4;
    decimal(text, start).is_some_and(|(_, decimals)| decimals >= 3 && whole <= 180) || dms()
}

fn decimal(text: &[u8], start: usize) -> Option<(usize, usize)> {
    let sign = usize::from(matches!(text.get(start), Some(b'-' | b'+')));
    let whole = text.get(start + sign..)?.iter().take(4).take_while(|b| b.is_ascii_digit()).count();
    let dot = start + sign + whole;
    if !(1..=3).contains(&whole) || text.get(dot) != Some(&b'.') {
        return None;
    }
    let fraction = text[dot + 1..].iter().take(20).take_while(|b| b.is_ascii_digit()).count();
    (fraction > 0).then_some((dot + 1 + fraction, fraction))
}

/// Whether a labelled value is a postal address: a name and a number of a house, in words.
pub(super) fn is_address(text: &[u8]) -> bool {
    let shape = Shape::of(text);
    if shape.digits == 0 || value::contains(text, b"://") || text.iter().any(|b| b"=(){}<>_@$|\\".contains(b))
    {
        return false;
    }
    // Scripts without spaces or capitals: `建国路88号`.
    if shape.letters() * 3 < shape.other {
        return shape.other >= 9;
    }
    let mut words = text.split(|b| matches!(b, b' ' | b',')).filter(|word| !word.is_empty());
    let (mut count, mut number, mut name) = (0, false, false);
    words.by_ref().take(16).for_each(|word| {
        count += 1;
        let shape = Shape::of(word);
        number |= (1..=5).contains(&shape.digits)
            && shape.letters() <= 2
            && shape.other <= 1
            && !word.starts_with(b"0x");
        name |= word.len() >= 3
            && shape.digits == 0
            && (word[0].is_ascii_uppercase() || word[0] >= 0x80 || word.contains(&b'\''));
    });
    count >= 2 && number && name && shape.letters() > 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_number_and_a_name() {
        for text in [
            "12 Baker Street, London",
            "Hauptstraße 5",
            "Calle de Alcalá 21, 28014 Madrid",
            "北京市朝阳区建国路88号",
            "ul. Długa 4/7, 00-238 Warszawa",
        ] {
            assert!(is_address(text.as_bytes()), "{text}");
        }
        for text in [
            "0x0f294d3f",
            "12 bytes at offset",
            "localhost 8080",
            "http://x.dev/12 A",
            "Baker Street",
            "10.0.0.1",
            "f(12, Abc)",
        ] {
            assert!(!is_address(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn positions_have_three_decimals() {
        assert!(is_position(b"52.5200, 13.4050") && is_position(b"-33.8688"));
        assert!(!is_position(b"12.25") && !is_position(b"512.2532") && !is_position(b"12"));
        assert_eq!(position_end(b"52.5200, 13.4050 x", 0), Some(16));
    }
}
