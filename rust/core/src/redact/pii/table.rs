//! Tables: a line of column names over lines of values, as CSV files and database clients print them.

use super::labelled;
use crate::redact::keys::KeyClass;
use crate::redact::labelled::assign::{Operator, Span, judge};
use crate::redact::labelled::records::is_plausible;
use crate::redact::scan::Scan;

const HEADER_LIMIT: usize = 600;
const HEADER_LINES: usize = 3;
const MAX_COLUMNS: usize = 32;
const NAME_LIMIT: usize = 40;
const ROW_LIMIT: usize = 4096;

/// What the columns of a table hold.
struct Columns {
    classes: [KeyClass; MAX_COLUMNS],
    names: [(usize, usize); MAX_COLUMNS],
    count: usize,
    sign: u8,
}

/// A file of values separated by commas, semicolons or tabs may start at the start of the text.
pub(crate) fn at_start(scan: &mut Scan) {
    let mut from = 0;
    for _ in 0..HEADER_LINES {
        let ceiling = scan.text.len().min(from + HEADER_LIMIT);
        let Some(length) = memchr::memchr(b'\n', &scan.text[from..ceiling]) else { return };
        let line = &scan.text[from..from + length];
        let signs = [b',', b'\t', b';', b'|'];
        if let Some(sign) = signs.into_iter().find(|sign| memchr::memchr(*sign, line).is_some())
            && !(sign == b'|' && is_drawn(line))
            && let Some(columns) = columns(scan, from, from + length, sign)
        {
            return rows(scan, from + length + 1, &columns);
        }
        from += length + 1;
    }
}

/// Whether a line belongs to a drawn table, whose columns have names only above a line of dashes.
fn is_drawn(line: &[u8]) -> bool {
    matches!(line.first(), Some(b'|' | b' ')) || super::value::contains(line, b" | ")
}

/// A line of dashes under the names of columns: `----+----`, `|---|---|`.
pub(crate) fn at_rule(scan: &mut Scan, start: usize) {
    let text = scan.text;
    if text.get(start + 1) != Some(&b'-')
        || start < scan.memo.columns.max(1)
        || !matches!(text[start - 1], b'\n' | b'|' | b' ' | b'+' | b':')
    {
        return;
    }
    let end = start + text[start..].iter().take(ROW_LIMIT).take_while(|b| **b == b'-').count();
    let lead = text[start.saturating_sub(3)..start].iter().rev().take_while(|b| b"| +:".contains(b)).count();
    let line = start - lead;
    if line < 2 || text[line - 1] != b'\n' || !matches!(text.get(end), Some(b'+' | b'|' | b' ' | b':')) {
        return;
    }
    let above = line - 1;
    let floor = above.saturating_sub(HEADER_LIMIT);
    let from = memchr::memrchr(b'\n', &text[floor..above]).map_or(floor, |i| floor + i + 1);
    if !text[from..above].contains(&b'|') {
        return;
    }
    let Some(columns) = columns(scan, from, above, b'|') else { return };
    if let Some(rule) = memchr::memchr(b'\n', &text[end..text.len().min(end + ROW_LIMIT)]) {
        rows(scan, end + rule + 1, &columns);
    }
}

/// The columns that a line names, if it names any that matters.
fn columns(scan: &mut Scan, from: usize, to: usize, sign: u8) -> Option<Columns> {
    let mut columns =
        Columns { classes: [KeyClass::PLAIN; MAX_COLUMNS], names: [(0, 0); MAX_COLUMNS], count: 0, sign };
    let mut at = from;
    while at <= to {
        let (start, end, next) = cell(scan.text, at, to, sign);
        let name = &scan.text[start..end];
        if columns.count == MAX_COLUMNS
            || name.len() > NAME_LIMIT
            || name.first().map_or(sign != b'|', |b| !is_letter(*b))
            || !name.iter().all(|b| is_name(*b))
        {
            return None;
        }
        columns.names[columns.count] = (start, end);
        columns.count += 1;
        at = next;
    }
    if columns.count < 2 {
        return None;
    }
    let mut wanted = false;
    for i in 0..columns.count {
        let (start, end) = columns.names[i];
        columns.classes[i] = scan.class(&scan.text[start..end]);
        wanted |= holds(columns.classes[i]);
    }
    wanted.then_some(columns)
}

fn holds(class: KeyClass) -> bool {
    class.datum().is_some() || class.hides_strings()
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_- .#/()".contains(&byte) || byte >= 0x80
}

/// The cell at `from` without its quotes and spaces, and where the next one starts.
fn cell(text: &[u8], from: usize, to: usize, sign: u8) -> (usize, usize, usize) {
    let blank = |b: &u8| matches!(b, b' ' | b'\r') || *b == b'\t' && sign != b'\t';
    let start = from + text[from..to].iter().take_while(|b| blank(b)).count();
    if start < to
        && text[start] == b'"'
        && let Some(length) = memchr::memchr(b'"', &text[start + 1..to])
    {
        let close = start + 1 + length;
        let next = close + 1 + text[close + 1..to].iter().take_while(|b| blank(b)).count();
        if next == to || text[next] == sign {
            return (start + 1, close, next + 1);
        }
    }
    let end = memchr::memchr(sign, &text[start..to]).map_or(to, |i| start + i);
    let kept = text[start..end].iter().rposition(|b| !blank(b)).map_or(0, |last| last + 1);
    (start, start + kept, end + 1)
}

/// Redacts the values of the columns, down to the first line that has other columns.
fn rows(scan: &mut Scan, from: usize, columns: &Columns) {
    let text = scan.text;
    let mut from = from;
    while from < text.len() {
        let ceiling = text.len().min(from + ROW_LIMIT);
        let to = memchr::memchr(b'\n', &text[from..ceiling]).map_or(ceiling, |i| from + i);
        if !row(scan, from, to, columns) {
            break;
        }
        from = to + 1;
    }
    scan.memo.columns = from;
}

fn row(scan: &mut Scan, from: usize, to: usize, columns: &Columns) -> bool {
    let mut cells = [(0, 0); MAX_COLUMNS];
    let (mut at, mut count) = (from, 0);
    while at <= to {
        let (start, end, next) = cell(scan.text, at, to, columns.sign);
        if count == columns.count {
            return false;
        }
        cells[count] = (start, end);
        count += 1;
        at = next;
    }
    if count != columns.count {
        return false;
    }
    for (i, &(start, end)) in cells[..count].iter().enumerate() {
        let class = columns.classes[i];
        let span = Span { start, end, quoted: true };
        if start >= end {
            continue;
        }
        if let Some(datum) = class.datum() {
            labelled(scan, datum, span);
        } else if class.hides_strings()
            && (class == KeyClass::SECRET || is_plausible(class, &scan.text[start..end]))
        {
            let key = columns.names[i];
            let key = &scan.text[key.0..key.1];
            judge(scan, class, key, span, Operator { colon: false, strict: true, compares: false });
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use crate::redact::{Policy, Redactor, Scratch, Verdict};

    fn is_kept(text: &str) -> bool {
        let redactor = Redactor::new(&Policy::default()).unwrap();
        redactor.text(redactor.key("x"), text, &mut Scratch::default()) == Verdict::Keep
    }

    #[test]
    fn columns_name_the_values_below_them() {
        for table in [
            "id,phone\n17,4158675309\n",
            "\"id\",\"phone\"\n\"17\",\"4158675309\"\n",
            "id;tel;plan\n17;0301234567;gold\n",
            "id\tfull name\n17\tAda Lovelace\n",
            "$ head users.csv\nid,password\n17,hunter2Xy9\n",
            " id | mobile\n----+--------\n 17 | 0301234567\n(1 row)\n",
            "| id | tax id |\n|----|:-------|\n| 17 | 4158675309 |\n",
            "+----+------------+\n| id | phone      |\n+----+------------+\n| 17 | 4158675309 |\n+----+------------+\n",
        ] {
            assert!(!is_kept(table), "{table}");
        }
        for text in [
            "id,count\n17,4158675309\n",
            "{\n  \"password\": \"Mot de passe\",\n  \"forgot\": \"Perdu ?\",\n}\n",
            "id,phone\n17,4158675309,3\n",
            "call me, phone\n4158675309\n",
            "| Field | Value |\n|---|---|\n| Full name | Id |\n| Plan | Gold |\n",
            "phone,\n4158675309,\n",
            "a | b\n----+---\n17 | 4158675309\n",
        ] {
            assert!(is_kept(text), "{text}");
        }
    }
}
