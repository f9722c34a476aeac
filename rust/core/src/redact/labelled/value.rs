//! Values of secrets in text: where a value ends, and whether it is one or only stands for one.

use super::{benign, worded};
use crate::redact::keys::KeyClass;
use crate::redact::keys::words;
use crate::redact::scan::segments::{Segments, last_segment};
use crate::redact::scan::span::Bytes;
use crate::redact::tokens::unknown::{Shape, is_uuid};

pub(crate) use super::placeholders::{is_placeholder, stands_for_value};

/// The place a value stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place<'a> {
    /// Class of the name before it.
    pub(crate) class: KeyClass,
    /// That name.
    pub(crate) key: &'a [u8],
    /// Whether quotes surround the value.
    pub(crate) quoted: bool,
    /// Whether nothing but a value can stand here: `KEY=…`, `?key=…`, `--key …`, `"key": "…"`.
    pub(crate) strict: bool,
    /// `:` rather than `=`.
    pub(crate) colon: bool,
    /// The byte after the value; a newline at the end of the text.
    pub(crate) next: u8,
}

/// How many values are remembered.
const MEMO_VALUES: usize = 4;

/// The values that were judged last, with all that their judgement rests on: the same few stand in many places.
#[derive(Default)]
pub(crate) struct Judged<'a> {
    known: [Option<(&'a [u8], Place<'a>, bool)>; MEMO_VALUES],
    next: usize,
}

impl<'a> Judged<'a> {
    /// As [`is_secret`].
    pub(crate) fn is_secret(&mut self, value: &'a [u8], place: &Place<'a>) -> bool {
        let same = |(known, at, _): &&(&[u8], Place, bool)| at == place && *known == value;
        if let Some((.., secret)) = self.known.iter().flatten().find(same) {
            return *secret;
        }
        let secret = is_secret(value, place);
        self.known[self.next] = Some((value, *place, secret));
        self.next = (self.next + 1) % MEMO_VALUES;
        secret
    }
}

/// Whether `value` is a secret rather than a placeholder, a reference, a type, a call or a label.
pub(crate) fn is_secret(value: &[u8], place: &Place) -> bool {
    let value = value.trim_ascii();
    if value.len() < 3 || is_placeholder(value) || repeats(value, place.key) {
        return false;
    }
    let shape = Shape::of(value);
    match place.class {
        KeyClass::MAYBE => is_token(value, &shape) || is_salt(value, &shape, place.key),
        KeyClass::PHRASE => shape.letters() > 0,
        _ if place.quoted => is_quoted_secret(value, &shape, place),
        _ => is_bare_secret(value, &shape, place),
    }
}

/// Under the name of a salt or a key, a long key of letters, digits and all kinds of signs, as `WordPress` draws them.
pub(crate) fn is_salt(value: &[u8], shape: &Shape, key: &[u8]) -> bool {
    let signs = value.iter().filter(|b| b"!@#$%^&*|~`?;<>{}[]()+".contains(b)).count();
    key.len() >= 4
        && [b"salt".as_slice(), b"_key"].iter().any(|end| key[key.len() - 4..].eq_ignore_ascii_case(end))
        && (40..=90).contains(&value.len())
        && shape.mixes_three()
        && signs >= 5
        && memchr::memchr_iter(b' ', value).count() < 5
}

/// Shorter values are no tokens, whatever they look like.
pub(crate) const SHORTEST_TOKEN: usize = 16;

/// Whether a value looks like a token by itself: random, a UUID or a long hexadecimal number.
pub(crate) fn is_token(value: &[u8], shape: &Shape) -> bool {
    if value.contains(&b' ') || value.contains(&b'(') {
        return false;
    }
    (value.len() >= SHORTEST_TOKEN && shape.is_random())
        || is_uuid(value)
        || (value.len() >= 20 && shape.is_hex() && shape.digits > 2)
}

/// Whether a value follows a word in prose (`the password is …`): it must look like one by itself.
pub(crate) fn is_prose_secret(value: &[u8], quoted: bool) -> bool {
    if value.len() < 6
        || is_plain_word(value)
        || is_placeholder(value)
        || value.iter().any(|b| b"( <".contains(b))
        || value[0] == b'['
        || value.ends_with(b"=3D")
    {
        return false;
    }
    let shape = Shape::of(value);
    if is_token(value, &shape) {
        return true;
    }
    if value[0] == b'/'
        || is_place_name(value)
        || value.starts_with(b"id_")
        || is_snake(value)
        || is_address(value)
        || is_compound(value)
        || contains(value, b"://")
        || is_numbered_word(value, &shape)
        || is_path(value, &shape)
        || shape.digits <= 1 && is_dotted_name(value)
    {
        return false;
    }
    let wide = value.iter().filter(|b| **b >= 0x80).count();
    let mixed = shape.digits > 0 && shape.letters() + wide > 0;
    let special = value.iter().any(|b| b"!@#$%^&*?+~".contains(b)) && shape.letters() > 1;
    (mixed && (quoted || value.len() >= 8) && !is_identifier(value))
        || (mixed && shape.digits > 1)
        || (special && shape.digits > 0)
}

/// Whether a value can be no secret in prose because it is short and has no digit: nearly all words.
pub(crate) fn is_plain_word(value: &[u8]) -> bool {
    value.len() < 16 && !value.iter().any(u8::is_ascii_digit)
}

/// `$NAME`: a variable, whose value stands elsewhere.
pub(crate) fn is_reference_name(value: &[u8]) -> bool {
    value.first() == Some(&b'$')
        && value.len() > 1
        && !value[1..].contains(&b'$')
        && value[1..].iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
}

/// What a chosen password has beside letters.
static CHOSEN: Bytes = Bytes::of(b"0123456789!@#$%^&*?+~");

/// Whether somebody chose this as a password: letters with digits or signs, and no name of a file or a host.
pub(crate) fn looks_chosen(value: &[u8]) -> bool {
    if !value.iter().any(|b| CHOSEN.has(*b)) {
        return false;
    }
    let shape = Shape::of(value);
    let letters = value.iter().filter(|b| b.is_ascii_alphabetic() || **b >= 0x80).count();
    value.len() >= 4
        && letters > 0
        && !is_placeholder(value)
        && !contains(value, b"://")
        && !is_path(value, &shape)
        && !is_place_name(value)
        && !is_numbered_word(value, &shape)
}

/// Whether it reads as a password where a user stands beside it, or a command prints it: words with a number, too.
pub(crate) fn is_chosen_password(value: &[u8]) -> bool {
    let shape = Shape::of(value);
    value.len() >= 8
        && shape.digits >= 2
        && shape.letters() >= 5
        && looks_chosen(value)
        && !value.iter().any(|b| b" (<[".contains(b))
        && !is_snake(value)
        && !is_telling_variable(value, &shape)
}

/// `base64-encoded`, `utf-8`: words and numbered words in a row.
pub(crate) fn is_compound(value: &[u8]) -> bool {
    let mut parts = value.split(|b| *b == b'-');
    value.contains(&b'-')
        && parts.all(|part| {
            let letters = part.iter().take_while(|b| b.is_ascii_alphabetic()).count();
            part.len() - letters <= 3 && part[letters..].iter().all(u8::is_ascii_digit)
        })
}

/// `eax_aes128_set_key`: a name of three words and more.
fn is_snake(value: &[u8]) -> bool {
    memchr::memchr_iter(b'_', value).count() > 1 && is_identifier(value) && !Shape::of(value).is_random()
}

/// `0x7ffd5e8c2a10`: a number in memory or in a header.
fn is_address(value: &[u8]) -> bool {
    value.len() <= 18
        && value.strip_prefix(b"0x").is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
}

/// `node1.internal`, `cert2.pem`: the name of a host or a file.
fn is_place_name(value: &[u8]) -> bool {
    let Some(dot) = memchr::memrchr(b'.', value) else { return false };
    let end = &value[dot + 1..];
    (2..=8).contains(&end.len())
        && end.iter().all(u8::is_ascii_lowercase)
        && value.iter().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(b))
        && !Shape::of(&value[..dot]).is_random()
}

fn is_quoted_secret(value: &[u8], shape: &Shape, place: &Place) -> bool {
    if contains(value, b"://") {
        return has_random_part(value);
    }
    if value.iter().any(u8::is_ascii_whitespace) {
        return is_spaced_secret(value, shape, place);
    }
    if shape.digits == 0 && shape.other == 0 && !place.strict && place.class != KeyClass::SECRET {
        return shape.is_unreadable() && value.len() >= 8;
    }
    if shape.digits == 0 && (is_named_place(value) || is_path(value, shape) || is_foreign_label(value)) {
        return false;
    }
    if !is_all_stand_ins(value) && (shape.digits > 0 || shape.other > 0) {
        return !is_interpolated(value) && (shape.letters() + shape.digits > 2);
    }
    !is_all_stand_ins(value) && (place.strict || shape.letters() >= 6)
}

/// `"password": "Şifre"`: the name of a secret in another language.
fn is_foreign_label(value: &[u8]) -> bool {
    if value.is_ascii() {
        return words::is(&value.to_ascii_lowercase(), words::STRONG);
    }
    let lower = String::from_utf8_lossy(value).to_lowercase();
    Segments::of_bytes(lower.as_bytes()).any(words::is_strong)
}

/// Passwords may have spaces, sentences do not hold digits inside words.
fn is_spaced_secret(value: &[u8], shape: &Shape, place: &Place) -> bool {
    let words = value.split(u8::is_ascii_whitespace).filter(|w| !w.is_empty());
    let (count, odd) = words.fold((0, 0), |(count, odd), word| {
        let shape = Shape::of(word);
        (count + 1, odd + usize::from(shape.digits > 0 && shape.letters() > 0))
    });
    let scheme = value.len() > 16 && shape.digits > 3 && count == 2;
    !is_interpolated(value)
        && ((odd * 3 >= count && count <= 4) || scheme || (place.colon && count <= 2 && shape.digits > 1))
}

fn is_bare_secret(value: &[u8], shape: &Shape, place: &Place) -> bool {
    if is_address(value) {
        return false;
    }
    if is_token(value, shape) && !matches!(place.next, b'(' | b'[') {
        return true;
    }
    if matches!(place.next, b'(' | b'[' | b'{')
        || contains(value, b"://")
        || contains(value, b"::")
        || contains(value, b"->")
    {
        return false;
    }
    if !value.is_ascii() && place.class == KeyClass::SECRET && looks_chosen(value) {
        return place.colon || place.strict;
    }
    if shape.letters() == 0 {
        return shape.digits >= if place.class == KeyClass::SECRET { 4 } else { 6 }
            && shape.other == 0
            && (place.strict || place.colon);
    }
    if place.strict {
        return !is_all_stand_ins(value)
            && !(shape.digits == 0 && (is_named_place(value) || is_path(value, shape)));
    }
    if is_all_stand_ins(value) {
        return false;
    }
    // Behind it a list or a call goes on, so it may be the name of an argument: it must look like a secret itself.
    if matches!(place.next, b',' | b')' | b']' | b'}' | b';' | b'!' | b'.' | b'?') {
        return is_prose_secret(value, false)
            || is_numbered_secret(value, shape, place)
            || place.class == KeyClass::SECRET && worded::is_phrase(value);
    }
    if !b"\n\r \\\"'`<".contains(&place.next) {
        return false;
    }
    if place.class == KeyClass::SECRET
        && matches!(place.next, b'\n' | b'\r' | b'"' | b'\\')
        && worded::is_phrase(value)
    {
        return true;
    }
    if is_identifier(value) {
        return is_loose_word(value, shape, place) || is_numbered_secret(value, shape, place);
    }
    shape.digits > 0
        && shape.letters() > 1
        && !is_path(value, shape)
        && (!is_dotted_name(value) || is_dotted_password(value, shape, place))
        && value.len() >= 5
}

/// `password: river.shadow_48`, `password = copper.stone42` in a configuration; `password: form.password2` is code.
fn is_dotted_password(value: &[u8], shape: &Shape, place: &Place) -> bool {
    const OBJECTS: [&[u8]; 14] = [
        b"this",
        b"self",
        b"req",
        b"res",
        b"ctx",
        b"props",
        b"params",
        b"args",
        b"opts",
        b"options",
        b"env",
        b"settings",
        b"config",
        b"process",
    ];
    let ends = value.len() - value.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let mut parts = value.split(|b| *b == b'.');
    let first = parts.next().unwrap_or(value);
    place.class == KeyClass::SECRET
        && (place.colon && matches!(place.next, b'\n' | b'\r')
            || matches!(place.next, b'\n' | b'\r' | b' ' | b'"' | b'\'' | b'\\')
                && worded::is_password(value))
        && parts.count() == 1
        && shape.upper == 0
        && value.len() >= 10
        && value.len() - ends >= 2
        && value.len() - ends == shape.digits
        && !OBJECTS.contains(&first)
        && !Segments::of_bytes(&value[..ends]).any(|word| {
            words::is(word, words::STRONG | words::SECRET_HEAD | words::TOKEN_HEAD | words::BENIGN_LAST)
        })
}

/// `(password=hunter22)`: a password with a number rather than the name of an argument.
fn is_numbered_secret(value: &[u8], shape: &Shape, place: &Place) -> bool {
    !place.colon
        && place.class == KeyClass::SECRET
        && shape.digits > 0
        && shape.letters() > 4
        && !value.contains(&b'.')
        && !value.contains(&b'_')
        && !is_numbered_word(value, shape)
}

/// `password: correcthorse` at the end of a line of YAML is a value; `password = input` is code.
fn is_loose_word(value: &[u8], shape: &Shape, place: &Place) -> bool {
    let ends_line = matches!(place.next, b'\n' | b'\r' | b'\\' | b'"');
    if shape.digits > 0 {
        return (ends_line || place.colon)
            && !is_numbered_word(value, shape)
            && !is_telling_variable(value, shape);
    }
    place.colon
        && ends_line
        && place.class == KeyClass::SECRET
        && value.len() >= 6
        && value.iter().all(u8::is_ascii_lowercase)
}

/// `TokenStream2`, `CommaToken$1`: a class whose name says what it holds, numbered by a compiler or a version.
fn is_numbered_class(letters: &[u8], rest: &[u8]) -> bool {
    let number = rest.strip_prefix(b"$").unwrap_or(rest);
    let humps =
        letters.windows(2).filter(|pair| pair[0].is_ascii_uppercase() && pair[1].is_ascii_lowercase());
    (1..=2).contains(&number.len())
        && (number.len() == 1 || rest.len() == 3)
        && number.iter().all(u8::is_ascii_digit)
        && letters.first().is_some_and(u8::is_ascii_uppercase)
        && humps.count() > 1
        && Segments::of_bytes(letters).any(|word| {
            words::is(word, words::STRONG | words::SECRET_HEAD | words::TOKEN_HEAD | words::BENIGN_LAST)
        })
}

/// `pkcs1_key`, `oauth2_token`: a variable that says what it holds.
fn is_telling_variable(value: &[u8], shape: &Shape) -> bool {
    shape.digits <= 2
        && shape.upper == 0
        && memchr::memrchr(b'_', value).is_some_and(|sign| {
            let last = &value[sign + 1..];
            last == b"key" || words::is(last, words::STRONG | words::TOKEN_HEAD | words::BENIGN_LAST)
        })
}

/// `sha256`, `u64`, `oauth2`, `token1`, `RFC8628`: a word with a number behind it.
fn is_numbered_word(value: &[u8], shape: &Shape) -> bool {
    let letters = value.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    let rest = &value[letters..];
    if &value[..letters] == b"RFC" && rest.len() == 4 && rest.iter().all(u8::is_ascii_digit) {
        return true;
    }
    if is_numbered_class(&value[..letters], rest) {
        return true;
    }
    rest.len() <= 3
        && rest.iter().all(u8::is_ascii_digit)
        && (letters <= 4 || words::flags(&value[..letters].to_ascii_lowercase()) != 0)
        && shape.other == 0
}

/// Whether the value only says its key again: `token=token`, `"password": "Password"`.
fn repeats(value: &[u8], key: &[u8]) -> bool {
    if key.is_empty() || value.len() > key.len() + 2 {
        return false;
    }
    let (mut value, mut key) = (backwards(value).peekable(), backwards(key));
    value.peek().is_some() && value.all(|letter| key.next() == Some(letter))
}

/// Letters and digits from the last to the first, in lower case.
fn backwards(text: &[u8]) -> impl Iterator<Item = u8> {
    let letters = text.iter().rev().filter(|b| b.is_ascii_alphanumeric() || **b >= 0x80);
    letters.map(u8::to_ascii_lowercase)
}

pub(crate) fn is_all_stand_ins(value: &[u8]) -> bool {
    if value.len() > 64 || value.iter().rev().take_while(|b| b.is_ascii_digit()).count() >= 4 {
        return false;
    }
    let mut room = [0; 64];
    if !words::is(last_segment(value, &mut room), words::STAND_IN) {
        return false;
    }
    let segments = Segments::of_bytes(value);
    !segments.is_empty() && !segments.any(|segment| !words::is(segment, words::STAND_IN))
}

/// A name rather than a value: `OPENAI_API_KEY`, `db-password`, `user.access_token`.
fn is_named_place(value: &[u8]) -> bool {
    if !value.iter().all(|b| b.is_ascii_alphabetic() || b"_-./:".contains(b)) {
        return false;
    }
    let separated =
        value.iter().any(|b| b"_-./:".contains(b)) || value.iter().skip(1).any(u8::is_ascii_uppercase);
    let caps = value.iter().all(|b| b.is_ascii_uppercase() || *b == b'_') && value.contains(&b'_');
    let segments = Segments::of_bytes(value);
    caps || (separated
        && segments.any(|s| {
            words::is_strong(s)
                || words::is(s, words::TOKEN_HEAD | words::SECRET_HEAD | words::BENIGN_LAST)
                || s == b"key"
        }))
}

fn is_path(value: &[u8], shape: &Shape) -> bool {
    let slashes = memchr::memchr_iter(b'/', value).count();
    (value[0] == b'/'
        || value.starts_with(b"./")
        || value.starts_with(b"~/")
        || value.starts_with(b"../")
        || slashes > 1
        || slashes == 1 && is_file_name(value))
        && !shape.is_random()
}

/// `src/app.test2.js`: ends in a dot and a few small letters.
fn is_file_name(value: &[u8]) -> bool {
    memchr::memrchr(b'.', value).is_some_and(|dot| {
        let ending = &value[dot + 1..];
        (1..=4).contains(&ending.len()) && ending.iter().all(u8::is_ascii_lowercase)
    })
}

/// `form.password.value`, `a.b2.c`.
fn is_dotted_name(value: &[u8]) -> bool {
    value.contains(&b'.') && value.split(|b| *b == b'.').all(|part| part.is_empty() || is_identifier(part))
}

fn is_identifier(value: &[u8]) -> bool {
    !value[0].is_ascii_digit() && value.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_' || *b == b'$')
}

/// `Bearer ${token}`, `{user}:{pass}`, `%s:%s`.
pub(crate) fn is_interpolated(value: &[u8]) -> bool {
    contains(value, b"${")
        || contains(value, b"{{")
        || contains(value, b"#{")
        || value.ends_with(b"%s")
        || (value.contains(&b'{') && value.contains(&b'}'))
}

fn has_random_part(value: &[u8]) -> bool {
    value.split(|b| b"/?&=:@.".contains(b)).any(|part| part.len() >= 16 && is_token(part, &Shape::of(part)))
}

/// Whether `part` (not empty) occurs; for short texts, where building a searcher costs more than the search.
#[inline]
pub(crate) fn contains(text: &[u8], part: &[u8]) -> bool {
    memchr::memchr_iter(part[0], text).any(|at| starts_with(&text[at..], part))
}

/// Under a key that names a secret only what plainly holds none stays: a reference, a mask, a label, an empty text.
pub(crate) fn is_kept_under_secret_key(value: &[u8]) -> bool {
    let value = value.trim_ascii();
    let label = value.first().is_some_and(u8::is_ascii_uppercase)
        && value[1..].iter().all(u8::is_ascii_lowercase)
        && is_all_stand_ins(value);
    value.is_empty()
        || label
        || value.starts_with(b"${") && value.ends_with(b"}")
        || value.starts_with(b"{{") && value.ends_with(b"}}")
        || value.starts_with(b"<") && value.ends_with(b">")
        || value.iter().all(|b| *b == b'*')
        || value.starts_with(b"os.environ")
        || value.starts_with(b"process.env.")
        || matches!(value[0], b'^' | b'~') && benign::is_version(value)
}

/// Where `part` occurs last; for short texts.
#[inline]
pub(crate) fn rfind(text: &[u8], part: &[u8]) -> Option<usize> {
    memchr::memrchr_iter(part[0], text).find(|at| starts_with(&text[*at..], part))
}

/// Whether `text` starts with `part`, whose first byte it starts with: mostly the second one says no.
#[inline]
fn starts_with(text: &[u8], part: &[u8]) -> bool {
    (part.len() < 2 || text.get(1) == part.get(1)) && text.starts_with(part)
}
