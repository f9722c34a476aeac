//! Calls that take a secret without naming it: `login("joe", "x")`, `.withPassword("x")`, `createHmac('sha256', 'x')`.

use super::assign::Name;
use super::value;
use super::worded;
use crate::redact::keys::KeyClass;
use crate::redact::rules::RuleId;
use crate::redact::scan::Scan;
use crate::redact::scan::segments::Segments;
use crate::redact::scan::span::{Span, back_over, forward_over, quote_at, quoted_end};
use crate::redact::scan::waiting;

/// The last name of a call, in lower case, and which argument is the secret.
#[rustfmt::skip]
const CALLS: [(&[u8], usize); 36] = [
    (b"login", 2), (b"signin", 2), (b"sign_in", 2), (b"authenticate", 2), (b"auth", 2), (b"basicauth", 2), (b"httpbasicauth", 2),
    (b"httpdigestauth", 2), (b"basic_auth", 2), (b"setbasicauth", 2), (b"withbasicauth", 2), (b"mysqli_connect", 3), (b"mysql_connect", 3),
    (b"mysqli", 3), (b"pdo", 3), (b"getconnection", 3), (b"createhmac", 2), (b"wifi.begin", 2), (b"usernamepasswordcredentials", 2),
    (b"networkcredential", 2), (b"pscredential", 2), (b"jwt.encode", 2), (b"jwt.sign", 2), (b"jwt.verify", 2), (b"jwt.decode", 2),
    (b"setcredentials", 2), (b"plainauth", 3), (b"passwordauthentication", 2), (b"bcrypt", 1), (b"crypt.crypt", 1), (b"hashpw", 1), (b"password_hash", 1),
    (b"make_password", 1), (b"generate_password_hash", 1), (b"create_superuser", 3), (b"credentials", 4),
];

/// The last words, for those who decide which words are looked at.
pub(crate) fn words() -> impl Iterator<Item = &'static str> {
    CALLS
        .iter()
        .filter_map(|(name, _)| str::from_utf8(name).ok())
        .map(|name| name.rsplit('.').next().unwrap_or(name))
}

/// Verbs of calls that take a name and give its value, or only look.
#[rustfmt::skip]
const READS: [&[u8]; 24] = [
    b"get", b"find", b"has", b"is", b"load", b"read", b"fetch", b"check", b"validate", b"verify", b"delete", b"remove", b"describe", b"test",
    b"lookup", b"parse", b"expect", b"forgot", b"assert", b"require", b"list", b"revoke", b"by", b"t",
];

/// Looks at a word in front of `(`.
pub(crate) fn at_word(scan: &mut Scan, start: usize, end: usize) {
    let text = scan.text;
    let name = &text[start..end];
    let last = name.iter().rposition(|b| *b == b'.').map_or(name, |dot| &name[dot + 1..]);
    let known = |call: &[u8]| {
        let ends = call.len().checked_sub(last.len()).is_some_and(|at| call[at..].eq_ignore_ascii_case(last));
        ends && if call.contains(&b'.') {
            name.eq_ignore_ascii_case(call)
        } else {
            last.eq_ignore_ascii_case(call)
        }
    };
    if matches!(name, b"tcp" | b"unix") {
        return data_source(scan, start);
    }
    if waiting::for_word(last) & waiting::CALL != 0
        && let Some((_, place)) = CALLS.iter().find(|(call, _)| known(call))
    {
        return argument(scan, end + 1, *place);
    }
    let bare = last.strip_prefix(b"with").unwrap_or(last);
    let class = if last.len() > 40 { KeyClass::PLAIN } else { scan.class(bare) };
    if class.hides_strings()
        && !READS.iter().any(|verb| starts_with_word(last, verb))
        && let Some(span) = literal(text, end + 1)
        && text.get(forward_over(text, span.end, 4, |b| matches!(b, b'"' | b'\'' | b'\\'))) == Some(&b')')
    {
        hide(scan, span);
    }
}

/// `user:x@tcp(host:3306)/db`
fn data_source(scan: &mut Scan, start: usize) {
    let text = scan.text;
    let Some(sign) = start.checked_sub(1).filter(|sign| text[*sign] == b'@') else { return };
    let from = back_over(text, sign, 80, |b| !b" \t\n\"'`=".contains(&b));
    let Some(colon) = memchr::memchr(b':', &text[from..sign]).map(|i| from + i + 1) else { return };
    if sign > colon + 2
        && !value::is_placeholder(&text[colon..sign])
        && !value::is_interpolated(&text[colon..sign])
    {
        scan.secret(colon, sign, RuleId::URL);
    }
}

/// `getToken`, `get_token`, `get`: the word and then a hump or the end.
fn starts_with_word(name: &[u8], word: &[u8]) -> bool {
    name.len() >= word.len()
        && name[..word.len()].eq_ignore_ascii_case(word)
        && name.get(word.len()).is_none_or(|b| !b.is_ascii_lowercase())
}

/// The argument number `place` behind the parenthesis.
fn argument(scan: &mut Scan, from: usize, place: usize) {
    let text = scan.text;
    let mut at = from;
    for number in 1..=place {
        at = forward_over(text, at, 40, |b| matches!(b, b' ' | b'\n' | b'\t' | b'['));
        let span = literal(text, at);
        if number == place {
            if let Some(span) = span {
                hide(scan, span);
            }
            return;
        }
        let end = match span {
            Some(span) => forward_over(text, span.end, 4, |b| matches!(b, b'"' | b'\'' | b'\\')),
            None => forward_over(text, at, 60, |b| b.is_ascii_alphanumeric() || b"_$.-> ".contains(&b)),
        };
        if text.get(end) != Some(&b',') {
            return;
        }
        at = end + 1;
    }
}

fn literal(text: &[u8], at: usize) -> Option<Span> {
    let (start, depth) = quote_at(text, at).or_else(|| {
        let prefixed = matches!(text.get(at), Some(b'b' | b'r' | b'f' | b'N' | b'@'));
        prefixed.then(|| quote_at(text, at + 1)).flatten()
    })?;
    let end = quoted_end(text, start, depth)?;
    (end > start).then_some(Span { start, end, quoted: true })
}

fn hide(scan: &mut Scan, span: Span) {
    let body = &scan.text[span.start..span.end];
    let sentence = memchr::memchr_iter(b' ', body).count() > 2;
    if body.len() >= 6
        && !sentence
        && !value::is_interpolated(body)
        && (worded::is_password(body)
            || worded::is_phrase(body)
            || body.iter().any(u8::is_ascii_digit) && value::looks_chosen(body) && !value::is_compound(body))
    {
        scan.secret(span.start, span.end, RuleId::ASSIGNED);
    }
}

/// What types a text into the field that was looked up: `find("password").send_keys("x")`.
const TYPES: [&[u8]; 9] = [
    b".send_keys(",
    b".sendKeys(",
    b".fill(",
    b".type(",
    b".setValue(",
    b".set_value(",
    b".fillIn(",
    b".set(",
    b".val(",
];

/// Looks behind the parenthesis that closes around a quoted name.
pub(crate) fn typed_in(scan: &mut Scan, name: Name, at: usize) {
    let text = scan.text;
    if text.get(at) != Some(&b'.') {
        return;
    }
    let Some(call) = TYPES.iter().find(|call| text[at..].starts_with(call)) else { return };
    if let Some(span) = literal(text, at + call.len())
        && scan.class(&text[name.start..name.end]).hides_strings()
    {
        hide(scan, span);
    }
}

/// The second string of `("joe", "x")` under a key for a login, whose first one ends at `end`.
pub(crate) fn second_of_pair(scan: &mut Scan, first: Span) {
    let text = scan.text;
    let opened = first.start >= 2 && matches!(text[first.start - 2], b'(' | b'[');
    let comma = forward_over(text, first.end, 4, |b| matches!(b, b'"' | b'\'' | b'\\'));
    if !first.quoted || !opened || text.get(comma) != Some(&b',') {
        return;
    }
    if let Some(span) = literal(text, forward_over(text, comma + 1, 8, |b| b == b' ')) {
        hide(scan, span);
    }
}

/// Whether a call of this name gives back what it takes: `SecretStr`, `Buffer.from`.
pub(crate) fn wraps(callee: &[u8]) -> bool {
    let segments = Segments::of_bytes(callee);
    matches!(
        segments.back(0),
        b"str"
            | b"string"
            | b"secret"
            | b"from"
            | b"new"
            | b"bytes"
            | b"encode"
            | b"decode"
            | b"atob"
            | b"btoa"
            | b"quote"
            | b"of"
            | b"buffer"
            | b"password"
            | b"key"
            | b"token"
            | b"value"
            | b"some"
            | b"ok"
            | b"box"
            | b"into"
            | b"text"
            | b"data"
            | b"sensitive"
            | b"b"
            | b"cstring"
            | b"b64decode"
            | b"literal"
            | b"secretstr"
    )
}
