//! Values whose name stands in a sibling: `name="K" value="V"`, `{"name": "K", "value": "V"}`, `variable "K" { default = "V"`.

use super::assign::{Name, Operator, name_before, name_end, value_at, value_of};
use crate::redact::keys::KeyClass;
use crate::redact::scan::Scan;
use crate::redact::scan::span::{Bytes, back_over};

/// How far in front of the value its name is looked for.
const REACH: usize = 200;
const MOST_PAIRS: usize = 5;
/// What stands behind a name, or around a block.
static SIGNS: Bytes = Bytes::of(b"=:{}<");

/// Looks at the operator behind `key` whose value ends somewhere behind `op_end`.
pub(crate) fn at_operator(scan: &mut Scan, key: &[u8], start: usize, op_end: usize) {
    if !matches!(
        key,
        b"value"
            | b"Value"
            | b"VALUE"
            | b"val"
            | b"content"
            | b"default"
            | b"defaultValue"
            | b"data"
            | b"body"
            | b"$value"
    ) {
        return super::pem::at_key(scan, key, op_end);
    }
    let Some(name) = name_of(scan.text, start) else { return };
    let class = scan.class(&scan.text[name.start..name.end]);
    if class != KeyClass::PLAIN {
        value_of(scan, class, name, op_end, Operator { colon: false, strict: true, compares: false });
    }
}

/// The name in front of `start`: what the last `name`, `key`, `id` … is set to, or the name of the block around.
fn name_of(text: &[u8], start: usize) -> Option<Name> {
    let floor = start.saturating_sub(REACH);
    let mut at = start;
    for _ in 0..MOST_PAIRS {
        at = floor + text[floor..at].iter().rposition(|b| SIGNS.has(*b))?;
        match text[at] {
            b'{' => return block_name(text, at),
            b'=' | b':' => {}
            _ => return None,
        }
        if !may_be_label(text, at) {
            continue;
        }
        let Some(label) = name_before(text, at) else { continue };
        if is_label(&text[label.start..label.end]) {
            let span = value_at(text, at + 1, false)?;
            return (span.end <= start).then_some(Name { start: span.start, end: span.end, quoted: true });
        }
    }
    None
}

/// A first look at the last letters in front of the sign at `at`: those of a label, or of a type behind one.
fn may_be_label(text: &[u8], at: usize) -> bool {
    let [.., first, second] = text[..name_end(text, at)] else { return false };
    let label = matches!(
        [first | 0x20, second | 0x20],
        [b'm' | b'l', b'e'] | [b'e', b'y' | b'r' | b'l'] | [b'i', b'd']
    );
    let typed = matches!(
        [first, second],
        [b'n', b'g' | b'y'] | [b't', b'r' | b'o'] | [b'x', b't'] | [b'e', b's'] | [b'a', b'r']
    );
    label || typed || !second.is_ascii_alphanumeric()
}

fn is_label(word: &[u8]) -> bool {
    [b"name".as_slice(), b"key", b"variable", b"header", b"id", b"label"].iter().any(|label| {
        word.eq_ignore_ascii_case(label)
            || word.len() > label.len() && word.ends_with(label) && word[0].is_ascii_lowercase()
    })
}

/// `"password": {`, `variable "db_password" {`
fn block_name(text: &[u8], brace: usize) -> Option<Name> {
    let end = back_over(text, brace, 8, |b| matches!(b, b' ' | b'\n'));
    match text.get(end.checked_sub(1)?)? {
        b':' | b'=' => name_before(text, end - 1).filter(|name| name.quoted),
        b'"' => {
            let start = back_over(text, end - 1, 64, |b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
            let front = text[..start].strip_suffix(b"\"")?.trim_ascii_end();
            let block = front.ends_with(b"variable") || front.ends_with(b"output");
            block.then_some(Name { start, end: end - 1, quoted: true })
        }
        _ => None,
    }
}
