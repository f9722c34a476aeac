//! Characters written as signs and numbers: backslash, percent and ampersand escapes, quoted-printable.

use super::view::Stands;
use crate::redact::scan::span::back_over;

/// Backslashes in front of one escape: text in JSON in JSON.
const SLASHES: usize = 16;

fn digits(text: &[u8], from: usize, count: usize, radix: u32) -> Option<u32> {
    let text = text.get(from..from + count)?;
    text.iter()
        .try_fold(0u32, |code, byte| code.checked_mul(radix)?.checked_add(char::from(*byte).to_digit(radix)?))
}

pub(super) fn hex(text: &[u8], from: usize, count: usize) -> Option<u32> {
    digits(text, from, count, 16)
}

fn char_of(code: u32) -> Stands {
    Stands::Char(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
}

/// White space, NUL, what a keyboard has, ESC; `from_other` whether bytes of UTF-8 count.
fn is_written(code: u32) -> bool {
    matches!(code, 0 | 9 | 10 | 13 | 0x1b | 0x20..=0x7e)
}

fn is_printed(code: u32) -> bool {
    code != 0 && is_written(code)
}

fn is_alnum(text: &[u8], at: usize) -> bool {
    text.get(at).is_some_and(u8::is_ascii_alphanumeric)
}

/// `%70`, `%2570`, `%u0070`.
pub(super) fn percent(text: &[u8], at: usize, joined: bool) -> Option<(usize, Stands)> {
    if matches!(text.get(at + 1), Some(b'u' | b'U')) {
        return hex(text, at + 2, 4).map(|code| (at + 6, char_of(code)));
    }
    let mut from = at + 1;
    while text.get(from..from + 2) == Some(b"25") && hex(text, from + 2, 2).is_some() {
        from += 2;
    }
    let code = hex(text, from, 2)?;
    let continues = || {
        joined || text.get(from + 2) == Some(&b'%') && hex(text, from + 3, 2).is_some_and(|next| next >= 0x80)
    };
    (is_written(code) || code >= 0x80 && continues()).then_some((from + 2, Stands::Byte(code as u8)))
}

/// How many backslashes stand at `at`.
pub(super) fn slashes(text: &[u8], at: usize) -> usize {
    text[at..].iter().take(SLASHES).take_while(|byte| **byte == b'\\').count()
}

/// `\u0070`, `\x70`, `\160`, `\/`, a line that goes on, a sign that a shell would read; behind any number of
/// backslashes. `joined` whether another escape ends here.
pub(super) fn backslash(text: &[u8], at: usize, joined: bool) -> Option<(usize, Stands)> {
    let sign = at + slashes(text, at);
    let next = *text.get(sign)?;
    let from = sign + 1;
    match next {
        b'u' if text.get(from) == Some(&b'{') => {
            let length = text[from + 1..].iter().take(7).position(|b| *b == b'}').filter(|n| *n > 0)?;
            hex(text, from + 1, length).map(|code| (from + length + 2, char_of(code)))
        }
        b'u' => hex(text, from, 4).map(|code| (from + 4, char_of(code))),
        b'U' => hex(text, from, 8).map(|code| (from + 8, char_of(code))),
        b'x' => hex(text, from, 2).map(|code| (from + 2, Stands::Byte(code as u8))),
        b'0'..=b'3' => octal(text, sign, joined).or_else(|| style_sheet(text, sign)),
        b'4'..=b'7' => short_octal(text, sign, joined),
        b'e' if text.get(from) == Some(&b'[') => Some((from, Stands::Byte(0x1b))),
        b'/' => Some((from, Stands::Byte(b'/'))),
        b'\n' => Some((indented(text, from), Stands::Nothing)),
        b'\r' if text.get(from) == Some(&b'\n') => Some((indented(text, from + 1), Stands::Nothing)),
        sign if is_shell_sign(sign) => {
            (at > 0 && is_alnum(text, at - 1) && is_alnum(text, from)).then_some((from, Stands::Byte(sign)))
        }
        _ => None,
    }
}

#[rustfmt::skip]
const fn is_shell_sign(byte: u8) -> bool {
    matches!(
        byte,
        b'_' | b'-' | b'.' | b'@' | b':' | b'=' | b'!' | b'#' | b'%' | b'&' | b'$' | b';' | b'+' | b'~' | b',' | b'*'
            | b'?' | b'^'
    )
}

/// Whether [`backslash`] knows an escape that goes on with `byte`.
pub(super) const fn may_follow_backslash(byte: u8) -> bool {
    matches!(byte, b'\\' | b'u' | b'U' | b'x' | b'0'..=b'7' | b'e' | b'/' | b'\n' | b'\r')
        || is_shell_sign(byte)
}

/// Past the indentation of a line that goes on.
fn indented(text: &[u8], from: usize) -> usize {
    from + text[from..].iter().take(64).take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

/// `\160`, `\0160`, `\61` among others of its kind, `\0` in front of a letter.
fn octal(text: &[u8], at: usize, joined: bool) -> Option<(usize, Stands)> {
    let spaced = !joined || at > 1 && text[at - 2] == b' ';
    if spaced
        && text.get(at + 4) == Some(&b' ')
        && let Some(found) = style_sheet(text, at)
    {
        return Some(found);
    }
    let next = |end: usize| text.get(end).is_none_or(|byte| matches!(byte, b'\\' | b'"' | b'\''));
    let four = digits(text, at, 4, 8).filter(|code| text[at] == b'0' && is_printed(*code));
    if let Some(code) = four.filter(|_| next(at + 4) || joined) {
        return Some((at + 4, Stands::Byte(code as u8)));
    }
    match digits(text, at, 3, 8) {
        Some(code)
            if code >= 0x80
                || code == 0x1b
                || is_printed(code) && (code >= 0x20 || joined || next(at + 3)) =>
        {
            Some((at + 3, Stands::Byte(code as u8)))
        }
        None if text[at] == b'0' && !is_digit(text, at + 1) && is_alnum(text, at + 1) => {
            Some((at + 1, Stands::Byte(0)))
        }
        _ => None,
    }
}

fn is_digit(text: &[u8], at: usize) -> bool {
    text.get(at).is_some_and(u8::is_ascii_digit)
}

/// Two octal digits are an escape only beside another one; alone they refer to a group.
fn short_octal(text: &[u8], at: usize, joined: bool) -> Option<(usize, Stands)> {
    let code = digits(text, at, 2, 8)?;
    let beside = text.get(at + 2) == Some(&b'\\') && is_digit(text, at + 3);
    (joined || beside).then_some((at + 2, Stands::Byte(code as u8)))
}

/// `\0070 ` and `\000070` of a style sheet.
fn style_sheet(text: &[u8], at: usize) -> Option<(usize, Stands)> {
    let count = text[at..].iter().take(6).take_while(|byte| byte.is_ascii_hexdigit()).count();
    let count = if count == 5 { 4 } else { count };
    let code =
        hex(text, at, count).filter(|code| (0x20..0x7f).contains(code) && text[at..].starts_with(b"00"))?;
    let end = at + count;
    let sign = |byte: &u8| byte.is_ascii_punctuation() && *byte != b'-';
    let space = text.get(end) == Some(&b' ') && text.get(end + 1).is_some_and(sign);
    Some((end + usize::from(space), Stands::Byte(code as u8)))
}

/// `&quot;`, `&#112;`, `&#x70;`, and numbers without `;` among others of their kind.
pub(super) fn entity(text: &[u8], at: usize, joined: bool) -> Option<(usize, Stands)> {
    if text.get(at + 1) == Some(&b'#') {
        return numbered(text, at, joined);
    }
    let mut from = at + 1;
    while text[from..].starts_with(b"amp;") && matches!(text.get(from + 4), Some(b'#' | b'a'..=b'z')) {
        if text.get(from + 4) == Some(&b'#') {
            return numbered(text, from + 3, true).or(Some((from + 4, Stands::Byte(b'&'))));
        }
        from += 4;
    }
    let length = text[from..].iter().take(10).position(|byte| *byte == b';');
    let named = length.and_then(|length| Some((from + length + 1, name_of(&text[from..from + length])?)));
    let (end, byte) = named.or((from > at + 1).then_some((from, b'&')))?;
    Some((end, Stands::Byte(byte)))
}

#[rustfmt::skip]
fn name_of(name: &[u8]) -> Option<u8> {
    Some(match name {
        b"amp" => b'&', b"lt" => b'<', b"gt" => b'>', b"quot" | b"QUOT" => b'"', b"apos" => b'\'', b"commat" => b'@',
        b"colon" => b':', b"equals" => b'=', b"sol" => b'/', b"period" => b'.', b"lowbar" | b"UnderBar" => b'_',
        b"hyphen" | b"dash" => b'-', b"plus" => b'+', b"excl" => b'!', b"num" => b'#', b"dollar" => b'$',
        b"percnt" => b'%', b"ast" | b"midast" => b'*', b"comma" => b',', b"semi" => b';', b"quest" => b'?',
        b"lpar" => b'(', b"rpar" => b')', b"lsqb" | b"lbrack" => b'[', b"rsqb" | b"rbrack" => b']',
        b"lcub" | b"lbrace" => b'{', b"rcub" | b"rbrace" => b'}', b"bsol" => b'\\', b"Hat" => b'^', b"grave" => b'`',
        b"verbar" | b"vert" => b'|', b"nbsp" | b"NonBreakingSpace" => b' ', b"Tab" => b'\t', b"NewLine" => b'\n',
        _ => return None,
    })
}

fn numbered(text: &[u8], at: usize, joined: bool) -> Option<(usize, Stands)> {
    let (from, radix) =
        if matches!(text.get(at + 2), Some(b'x' | b'X')) { (at + 3, 16) } else { (at + 2, 10) };
    let count = text[from.min(text.len())..]
        .iter()
        .take(8)
        .take_while(|byte| char::from(**byte).is_digit(radix))
        .count();
    let code = digits(text, from, count, radix).filter(|_| count > 0)?;
    let end = from + count;
    match text.get(end) {
        Some(b';') => Some((end + 1, char_of(code))),
        next => {
            let beside = joined || next == Some(&b'&') && text.get(end + 1) == Some(&b'#');
            (beside && (0x20..0x7f).contains(&code)).then_some((end, char_of(code)))
        }
    }
}

/// The byte of a code of quoted-printable: `=3D`.
pub(super) fn printable(text: &[u8], at: usize) -> Option<u8> {
    let code = upper_hex(text, at + 1).filter(|code| is_coded(text, at, *code))?;
    u8::try_from(code).ok()
}

/// Letters and digits are coded only where everything is: `id=54cd` is a setting.
fn is_coded(text: &[u8], at: usize, code: u32) -> bool {
    let alnum = u8::try_from(code).is_ok_and(|byte| byte.is_ascii_alphanumeric());
    let follows = || text.get(at + 3) == Some(&b'=') && upper_hex(text, at + 4).is_some();
    let precedes = || at > 2 && text[at - 3] == b'=' && upper_hex(text, at - 2).is_some();
    code >= 0x20 && (!alnum || follows() || precedes())
}

fn upper_hex(text: &[u8], from: usize) -> Option<u32> {
    let pair = text.get(from..from + 2)?;
    if pair.iter().any(u8::is_ascii_lowercase) { None } else { hex(text, from, 2) }
}

/// Whether a code shows that the text is quoted-printable: `=3D`, `=40`, or several codes in a row.
pub(super) fn tells_printable(text: &[u8], at: usize) -> bool {
    let Some(code) = upper_hex(text, at + 1) else { return false };
    let follows = |from: usize| text.get(from) == Some(&b'=') && upper_hex(text, from + 1).is_some();
    matches!(code, 0x3d | 0x40) || code >= 0x20 && follows(at + 3) && follows(at + 6)
}

/// Whether `=` at `at` ends a run of base64 that it pads.
pub(super) fn is_padding(text: &[u8], at: usize) -> bool {
    let run =
        at - back_over(text, at, 1 << 10, |byte| byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte));
    run > 11 && run % 4 == 3
}

/// The end of a soft break: `=` at the end of a line with text before and after.
pub(super) fn soft_break(text: &[u8], at: usize) -> Option<usize> {
    let line = at + 1 + usize::from(text.get(at + 1) == Some(&b'\r'));
    let inside = at > 0 && text[at - 1].is_ascii_graphic() && text.get(line + 1)?.is_ascii_graphic();
    (text.get(line) == Some(&b'\n') && inside).then_some(line + 1)
}
