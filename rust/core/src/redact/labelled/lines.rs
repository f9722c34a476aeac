//! Values that a line above them names: numbered replies, what a command prints, lists of codes.

use super::assign::{Name, Operator, class_of, judge};
use super::records::is_plausible;
use super::value;
use super::worded;
use crate::redact::keys::KeyClass;
use crate::redact::rules::RuleId;
use crate::redact::scan::Scan;
use crate::redact::scan::span::{Span, back_over, forward_over, to_line_end, to_line_start};
use crate::redact::tokens::unknown::Shape;

/// How much of a line is read.
const LINE_LIMIT: usize = 200;
/// Lines of a list that are followed.
const MOST_LINES: usize = 64;

/// Past the number that a tool for reading files puts in front of the line that starts at `line`: `    12→`, `12\t`.
pub(crate) fn past_number(text: &[u8], line: usize) -> usize {
    let digits = forward_over(text, line, 6, |b| b == b' ');
    let end = forward_over(text, digits, 6, |b| b.is_ascii_digit());
    match text.get(end..) {
        Some([0xE2, 0x86, 0x92, ..]) if end > digits => end + 3,
        Some([b'\t', ..]) if end > digits => end + 1,
        _ => line,
    }
}

/// Past the tag or the sign of a block in front of a value of YAML: `!!str x`, `>-` and the line below.
pub(super) fn past_tag(text: &[u8], from: usize) -> usize {
    let start = forward_over(text, from, 4, |b| b == b' ');
    match text.get(start) {
        Some(b'!') if text[start..].starts_with(b"!!") => {
            let end = forward_over(text, start + 2, 8, |b| b.is_ascii_lowercase());
            if text.get(end) == Some(&b' ') { end } else { from }
        }
        Some(b'&') if start > from => {
            let end = forward_over(text, start + 1, 24, |b| b.is_ascii_alphanumeric() || b == b'_');
            if text.get(end) == Some(&b' ') && end > start + 1 { end } else { from }
        }
        Some(b'|' | b'>') if start > from => {
            let end = forward_over(text, start + 1, 2, |b| matches!(b, b'-' | b'+'));
            let value = forward_over(text, end + 1, 64, |b| b == b' ');
            if text.get(end) == Some(&b'\n') && value > end + 2 { value } else { from }
        }
        _ => from,
    }
}

/// Looks at a name that ends in front of a line end, a quote or a space.
pub(crate) fn at_word(scan: &mut Scan, start: usize, end: usize) {
    let text = scan.text;
    if text[start..end].ends_with(b"code") {
        spoken_before(scan, start, end);
    }
    match text.get(end).copied().unwrap_or(b' ') {
        b'"' if text.get(end + 1) == Some(&b'\n') => numbered(scan, start, end),
        b'\n' => {
            if text[start..end].ends_with(b"ap-secrets") {
                peers(scan, end + 1);
            }
            printed(scan, start, end);
            counted(scan, start, end);
            if is_codes(&text[start..end]) {
                codes(scan, Name { start, end, quoted: false }, end);
            }
        }
        b'\t' | b' ' if &text[start..end] == b"secret" => peers_below(scan, start, end),
        b' ' if is_codes(&text[start..end]) => codes(scan, Name { start, end, quoted: false }, end),
        _ => {}
    }
}

/// `493817 is your verification code`
fn spoken_before(scan: &mut Scan, start: usize, end: usize) {
    let text = scan.text;
    let floor = to_line_start(text, start, 48);
    let Some(is) = value::rfind(&text[floor..start], b" is your ") else { return };
    let to = floor + is;
    let from = back_over(text, to, 9, |b| b.is_ascii_digit());
    let bounded = from == 0 || matches!(text[from - 1], b' ' | b'\n' | b'-' | b'"' | b'>' | b':' | b'*');
    let name = Name { start, end, quoted: false };
    if bounded && (4..=8).contains(&(to - from)) && class_of(scan, name) == KeyClass::SECRET {
        scan.secret(from, to, RuleId::PROSE);
    }
}

/// `1) "requirepass"` over `2) "x"`.
fn numbered(scan: &mut Scan, start: usize, end: usize) {
    let text = scan.text;
    let front = to_line_start(text, start, 12);
    let (Some(number), Some(next)) = (number(&text[front..start]), text.get(end + 2..)) else { return };
    let Some(follows) = number_in(next) else { return };
    if number + 1 != follows.0 {
        return;
    }
    let name = Name { start, end, quoted: true };
    let class = class_of(scan, name);
    let from = end + 2 + follows.1;
    let reach = forward_over(text, from, LINE_LIMIT, |b| !matches!(b, b'"' | b'\n'));
    if class.hides_strings() && text.get(reach) == Some(&b'"') && reach > from {
        let span = Span { start: from, end: reach, quoted: true };
        let operator = Operator { colon: true, strict: true, compares: false };
        judge(scan, class, &text[start..end], span, operator);
    }
}

/// The number in ` 12) "`, all of the front of a line.
fn number(front: &[u8]) -> Option<u32> {
    number_in(front).filter(|(_, length)| *length == front.len()).map(|(number, _)| number)
}

/// The number in ` 12) "` and how long that is.
fn number_in(line: &[u8]) -> Option<(u32, usize)> {
    let digits = forward_over(line, 0, 4, |b| b == b' ');
    let end = forward_over(line, digits, 5, |b| b.is_ascii_digit());
    let number = line[digits..end].iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
    (end > digits && line[end..].starts_with(b") \"")).then_some((number, end + 3))
}

/// Commands that print what the path or the name behind them holds.
const READERS: [&[u8]; 8] =
    [b"get ", b"show ", b"read ", b"cat ", b"printenv ", b"echo ", b"GET ", b"get-value "];

/// `etcdctl get /app/db/password`, `cat /run/secrets/api_key`, `/app/db/password` over the value.
fn printed(scan: &mut Scan, start: usize, end: usize) {
    let text = scan.text;
    let from = end + 1;
    let to = forward_over(text, from, LINE_LIMIT, |b| b.is_ascii_graphic());
    if to < from + 4 || !matches!(text.get(to), None | Some(b'\n' | b'\r')) {
        return;
    }
    let line = to_line_start(text, start, LINE_LIMIT);
    let front = &text[line..start];
    let path = front.first() == Some(&b'/') && front.last() == Some(&b'/') && !front.contains(&b' ');
    if !path && !READERS.iter().any(|reader| is_reader(front, reader)) {
        return;
    }
    let body = &text[from..to];
    let drawn = value::is_token(body, &Shape::of(body));
    let class = class_of(scan, Name { start, end, quoted: false });
    let secret = class == KeyClass::SECRET;
    if class.hides_strings()
        && (is_plausible(class, body) || secret && value::is_chosen_password(body))
        && (drawn || !body.contains(&b'/'))
    {
        scan.secret(from, to, RuleId::ASSIGNED);
    }
}

/// `password` over `V 14` over the value, as Subversion keeps it.
fn counted(scan: &mut Scan, start: usize, end: usize) {
    let text = scan.text;
    if !text[end..].starts_with(b"\nV ") {
        return;
    }
    let digits = forward_over(text, end + 3, 4, |b| b.is_ascii_digit());
    let to = forward_over(text, digits + 1, LINE_LIMIT, |b| b.is_ascii_graphic());
    let class = class_of(scan, Name { start, end, quoted: false });
    if text.get(digits) == Some(&b'\n')
        && class == KeyClass::SECRET
        && matches!(text.get(to), None | Some(b'\n'))
    {
        scan.secret(digits + 1, to, RuleId::ASSIGNED);
    }
}

/// Whether `reader` is a word of its own, in front of one argument that goes on to the name.
fn is_reader(front: &[u8], reader: &[u8]) -> bool {
    value::rfind(front, reader).is_some_and(|at| {
        let bounded = at == 0 || !front[at - 1].is_ascii_alphanumeric();
        let argument = &front[at + reader.len()..];
        let last = argument.rsplit(|b| *b == b' ').next().unwrap_or(argument);
        let paths = argument.split(|b| *b == b' ').all(|part| part == last || part.starts_with(b"-"));
        bounded && paths && !argument.contains(&b'|')
    })
}

/// Looks at `pass show` and its like at the start of a line: its next line is what it prints.
pub(crate) fn at_show(scan: &mut Scan, start: usize, end: usize) {
    let text = scan.text;
    let line = to_line_start(text, start, 40);
    let front = text[line..start].trim_ascii_end();
    if !front.ends_with(b"pass")
        || !matches!(front.trim_ascii_start(), [] | [b'p' | b'g' | b'$' | b'#' | b'%', ..])
    {
        return;
    }
    let argument = to_line_end(text, end, LINE_LIMIT);
    let from = argument + 1;
    let to = forward_over(text, from, LINE_LIMIT, |b| b.is_ascii_graphic());
    let own_line = to > from && matches!(text.get(to), None | Some(b'\n' | b'\r'));
    if own_line && argument > end + 1 && !text[end..argument].contains(&b'|') {
        let body = &text[from..to];
        if is_plausible(KeyClass::SECRET, body) || value::looks_chosen(body) {
            scan.secret(from, to, RuleId::ASSIGNED);
        }
    }
}

/// `Password:` over the value, alone in its line.
pub(crate) fn below(scan: &mut Scan, name: Name, from: usize) {
    let text = scan.text;
    let blank = |at| forward_over(text, at, 40, |b| matches!(b, b' ' | b'\t' | b'\r' | b'*'));
    let line = blank(from);
    if text.get(line) != Some(&b'\n') {
        return;
    }
    let start = forward_over(text, blank(line + 1), 1, |b| b == b'`');
    let end = forward_over(text, start, LINE_LIMIT, |b| b.is_ascii_graphic() && b != b'`');
    let close = forward_over(text, end, 4, |b| matches!(b, b'`' | b' ' | b'\r'));
    let body = &text[start..end];
    let speaks = matches!(body.last(), Some(b':' | b';' | b'{' | b',' | b'>')) || body.first() == Some(&b'-');
    let key = &text[name.start..name.end];
    if matches!(text.get(close), None | Some(b'\n'))
        && !speaks
        && !key.is_empty()
        && (value::is_prose_secret(body, true)
            || value::is_chosen_password(body) && !value::is_compound(body)
            || worded::is_password(body))
    {
        scan.secret(start, end, RuleId::ASSIGNED);
    }
}

/// `# client  server  secret  IP addresses` at the top of the secrets of PPP.
fn peers_below(scan: &mut Scan, start: usize, end: usize) {
    let text = scan.text;
    let line = to_line_start(text, start, 80);
    let front = &text[line..start];
    if front.first() == Some(&b'#') && value::contains(front, b"client") && value::contains(front, b"server")
    {
        let below = to_line_end(text, end, LINE_LIMIT);
        peers(scan, below + 1);
    }
}

/// `bob  *  x  *`: the third field of the lines from `from` on.
fn peers(scan: &mut Scan, from: usize) {
    let text = scan.text;
    let blank = |at| forward_over(text, at, 40, |b| matches!(b, b' ' | b'\t'));
    let mut line = from;
    for _ in 0..MOST_LINES {
        let end = to_line_end(text, line, LINE_LIMIT);
        let mut field = (line, line);
        for _ in 0..3 {
            let start = blank(field.1);
            field = (start, forward_over(text, start, end.saturating_sub(start), |b| b.is_ascii_graphic()));
        }
        let comment = end == line || text[line] == b'#';
        let (start, to) = field;
        if !comment && start == to {
            return;
        }
        let quotes = text[start..to].len() > 2 && text[start] == b'"' && text[to - 1] == b'"';
        let (start, to) = (start + usize::from(quotes), to - usize::from(quotes));
        if !comment && to >= start + 4 && !value::is_placeholder(&text[start..to]) {
            scan.secret(start, to, RuleId::ASSIGNED);
        }
        line = end + 1;
        if line >= text.len() {
            return;
        }
    }
}

fn is_codes(word: &[u8]) -> bool {
    word.ends_with(b"codes") || word.ends_with(b"Codes")
}

/// The codes in the lines below `Recovery codes:`; they are at least two and all of one form.
pub(crate) fn codes(scan: &mut Scan, name: Name, from: usize) {
    let text = scan.text;
    let heading = to_line_end(text, from, 80);
    if text.get(heading) != Some(&b'\n') || class_of(scan, name) != KeyClass::SECRET {
        return;
    }
    let mut found = [(0, 0); MOST_LINES];
    let mut count = 0;
    let mut at = heading + 1;
    'lines: for _ in 0..MOST_LINES {
        let end = to_line_end(text, at, LINE_LIMIT);
        let mut word = after_bullet(text, at, end);
        if word == end && count > 0 {
            break;
        }
        while word < end {
            let to = forward_over(text, word, 40, |b| b.is_ascii_alphanumeric() || b == b'-');
            let alike = count == 0 || found[0].1 - found[0].0 == to - word;
            if count == MOST_LINES || !alike || !is_code(&text[word..to]) {
                break 'lines;
            }
            found[count] = (word, to);
            count += 1;
            word = forward_over(text, to, 12, |b| matches!(b, b' ' | b'\t' | b'\r' | b','));
            if word == to {
                break;
            }
        }
        at = end + 1;
        if at >= text.len() {
            break;
        }
    }
    let digits = |(from, to): &(usize, usize)| text[*from..*to].iter().any(u8::is_ascii_digit);
    if count > 1 && found[..count].iter().filter(|code| digits(code)).count() * 3 >= count * 2 {
        found[..count].iter().for_each(|(from, to)| scan.secret(*from, *to, RuleId::ASSIGNED));
    }
}

/// Past `- `, `* `, `1. `, `1) ` and white space at the start of a line.
fn after_bullet(text: &[u8], line: usize, end: usize) -> usize {
    let blank = |at| forward_over(text, at, end - at, |b| matches!(b, b' ' | b'\t' | b'\r'));
    let start = blank(line);
    let digits = forward_over(text, start, 3, |b| b.is_ascii_digit());
    let sign = matches!(text.get(digits), Some(b'.' | b')' | b':')) && digits > start;
    let bullet = matches!(text.get(start), Some(b'-' | b'*'));
    let past = if sign { digits + 1 } else { start + usize::from(bullet) };
    if (sign || bullet) && matches!(text.get(past), Some(b' ' | b'\t')) { blank(past) } else { start }
}

/// `4f8a2-9bc1d`, `83920174`: letters and digits, in groups or not.
fn is_code(code: &[u8]) -> bool {
    let alnum = code.iter().filter(|b| b.is_ascii_alphanumeric()).count();
    (6..=32).contains(&alnum)
        && !value::is_compound(code)
        && code[0] != b'-'
        && code[code.len() - 1] != b'-'
        && !value::is_placeholder(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_a_reply_stand_at_the_front_of_its_line() {
        assert_eq!(number(b" 12) \""), Some(12));
        assert_eq!(number(b"x 12) \""), None);
        assert_eq!(number_in(b"2) \"x\""), Some((2, 4)));
    }

    #[test]
    fn codes_stand_alone_or_behind_a_bullet() {
        for (line, front) in [("  1. 83920174", 5), ("- k3jd-92ls", 2), ("83920174", 0)] {
            assert_eq!(after_bullet(line.as_bytes(), 0, line.len()), front, "{line}");
        }
        assert!(is_code(b"4f8a2-9bc1d") && !is_code(b"E101") && !is_code(b"--------"));
    }

    #[test]
    fn a_reader_has_one_argument() {
        assert!(is_reader(b"$ etcdctl get --print-value-only /app/db/", b"get "));
        assert!(!is_reader(b"we forget /app/", b"get ") && !is_reader(b"get the db ", b"get "));
    }
}
