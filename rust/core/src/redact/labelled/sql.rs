//! `INSERT INTO t (a, password) VALUES (1, 'x')`: columns name the values.

use super::assign::{Name, Operator, Span, judge, value_at};
use crate::redact::keys::KeyClass;
use crate::redact::pii;
use crate::redact::scan::Scan;

const COLUMNS_LIMIT: usize = 600;
const MAX_COLUMNS: usize = 24;
const MAX_ROWS: usize = 64;

/// The word in front of the rows.
pub(crate) const WORD: &str = "values";

/// Looks at the word `VALUES`.
pub(crate) fn at_word(scan: &mut Scan, start: usize, end: usize) {
    if !scan.text[start..end].eq_ignore_ascii_case(WORD.as_bytes()) {
        return;
    }
    let Some(columns) = columns_before(scan.text, start) else { return };
    let mut classes = [(KeyClass::PLAIN, Name { start: 0, end: 0, quoted: true }); MAX_COLUMNS];
    let mut count = 0;
    for name in columns.take(MAX_COLUMNS) {
        classes[count] = (scan.class(&scan.text[name.start..name.end]), name);
        count += 1;
    }
    if classes[..count].iter().any(|(class, _)| *class != KeyClass::PLAIN) {
        rows(scan, end, &classes[..count]);
    }
}

/// The names in the parentheses in front of `VALUES`.
fn columns_before(text: &[u8], at: usize) -> Option<impl Iterator<Item = Name>> {
    let floor = at.saturating_sub(COLUMNS_LIMIT);
    let close = text[floor..at].iter().rposition(|b| !b.is_ascii_whitespace()).map(|i| floor + i)?;
    if text[close] != b')' {
        return None;
    }
    let open = text[floor..close].iter().rposition(|b| *b == b'(').map(|i| floor + i)?;
    let mut from = open + 1;
    Some(text[open + 1..close].split(|b| *b == b',').map(move |column| {
        let start = from + column.iter().take_while(|b| b" \t\n\r\"`[\\".contains(b)).count();
        let kept = column.iter().rposition(|b| !b" \t\n\r\"`]\\".contains(b)).map_or(0, |i| i + 1);
        let end = (from + kept).max(start);
        from += column.len() + 1;
        Name { start, end, quoted: true }
    }))
}

fn rows(scan: &mut Scan, from: usize, classes: &[(KeyClass, Name)]) {
    let mut at = from;
    for _ in 0..MAX_ROWS {
        at += scan.text[at..].iter().take_while(|b| b" \n\r\t,\\".contains(b)).count();
        if scan.text.get(at) != Some(&b'(') {
            return;
        }
        match row(scan, at + 1, classes) {
            Some(end) => at = end + 1,
            None => return,
        }
    }
}

/// One tuple of values; where its parenthesis closes.
fn row(scan: &mut Scan, from: usize, classes: &[(KeyClass, Name)]) -> Option<usize> {
    let mut at = from;
    for (class, name) in classes {
        let span = value_at(scan.text, at, false)?;
        value(scan, *class, *name, span);
        let after = span.end + usize::from(span.quoted);
        let next = after
            + scan.text.get(after..)?.iter().take(200).position(|b| matches!(b, b',' | b')' | b'\n'))?;
        if scan.text[next] != b',' {
            return Some(next);
        }
        at = next + 1;
    }
    Some(at)
}

fn value(scan: &mut Scan, class: KeyClass, name: Name, span: Span) {
    if let Some(datum) = class.datum() {
        pii::labelled(scan, datum, span);
    } else if (class.hides_strings() || class == KeyClass::MAYBE) && span.quoted {
        let key = &scan.text[name.start..name.end];
        judge(scan, class, key, span, Operator { colon: false, strict: true, compares: false });
    }
}
