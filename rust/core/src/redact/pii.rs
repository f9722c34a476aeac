//! Personal data: recognised by validators, or by a label and a plausible form. Never by guessing at names.

use super::assign::Span;
use super::benign;
use super::digits;
use super::labels::datum_of;
use super::rules::RuleId;
use super::scan::Scan;
use super::segments::Segments;
use super::unknown::Shape;
use super::value;

/// What a key or label says a value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Datum {
    Phone,
    NationalId,
    Birth,
    Name,
    Address,
    Geo,
    Iban,
    Card,
    Ip,
    Mac,
    Wallet,
    Email,
}

impl Datum {
    pub(crate) const ALL: [Datum; 12] = [
        Datum::Phone,
        Datum::NationalId,
        Datum::Birth,
        Datum::Name,
        Datum::Address,
        Datum::Geo,
        Datum::Iban,
        Datum::Card,
        Datum::Ip,
        Datum::Mac,
        Datum::Wallet,
        Datum::Email,
    ];

    /// The datum a key names by its last one, two or three segments.
    pub(crate) fn of_key(segments: &Segments) -> Option<Datum> {
        (1..=3).rev().filter(|count| *count <= segments.len()).find_map(|count| {
            let tail = segments.tail(count);
            datum_of(if count == 1 { segments.back(0) } else { tail })
        })
    }

    fn rule(self) -> RuleId {
        match self {
            Datum::Phone => RuleId::PHONE,
            Datum::NationalId => RuleId::NATIONAL_ID,
            Datum::Birth => RuleId::BIRTH,
            Datum::Name => RuleId::NAME,
            Datum::Address => RuleId::ADDRESS,
            Datum::Geo => RuleId::GEO,
            Datum::Iban => RuleId::IBAN,
            Datum::Card => RuleId::CARD,
            Datum::Ip => RuleId::IP,
            Datum::Mac => RuleId::MAC,
            Datum::Wallet => RuleId::WALLET,
            Datum::Email => RuleId::EMAIL,
        }
    }
}

/// Whether a string under a key that names `datum` is one.
pub(crate) fn is_datum(datum: Datum, text: &[u8]) -> bool {
    let text = text.trim_ascii();
    if text.is_empty() || text.len() > 160 || value::stands_for_value(text) {
        return false;
    }
    let shape = Shape::of(text);
    match datum {
        Datum::Phone => {
            (6..=15).contains(&shape.digits) && shape.letters() <= 3 && has_only(text, b"+-()./ xextEXT")
        }
        Datum::NationalId => {
            shape.digits >= if shape.lower == 0 { 4 } else { 5 }
                && shape.alnum() <= 24
                && shape.other <= 6
                && has_only(text, b" -./()")
        }
        Datum::Birth => digits::is_date(text),
        Datum::Name => {
            shape.digits == 0 && shape.letters() >= 2 && text[0].is_ascii_uppercase()
                || (text[0] >= 0x80) && !text.contains(&b'(')
        }
        Datum::Address => {
            shape.digits > 0
                && shape.letters() > 3
                && memchr::memchr_iter(b' ', text).count() > usize::from(!text[0].is_ascii_digit())
                && !value::contains(text, b"://")
        }
        Datum::Geo => digits::coordinates(text, 0).is_some_and(|(_, decimals)| decimals >= 3),
        Datum::Iban => digits::is_iban(text),
        Datum::Card => digits::is_card(text),
        Datum::Ip | Datum::Mac | Datum::Email => false,
        Datum::Wallet => shape.alnum() >= 25 && shape.other == 0 && shape.is_random(),
    }
}

fn has_only(text: &[u8], signs: &[u8]) -> bool {
    text.iter().all(|b| b.is_ascii_alphanumeric() || signs.contains(b))
}

/// A value behind a label in the text.
pub(crate) fn labelled(scan: &mut Scan, datum: Datum, span: Span) {
    if !scan.redactor.redact_pii {
        return;
    }
    let text = scan.text;
    let end = if span.quoted { span.end } else { unquoted_end(text, datum, span) };
    let words = matches!(datum, Datum::Name | Datum::Address);
    if words
        && (!span.quoted || text[span.start - 1] == b'`')
        && benign::is_code_or_article(&text[span.start..end])
    {
        return;
    }
    if is_datum(datum, &text[span.start..end]) {
        scan.secret(span.start, end, datum.rule());
    }
}

/// Labelled numbers go on over spaces.
fn unquoted_end(text: &[u8], datum: Datum, span: Span) -> usize {
    match datum {
        Datum::Name => {
            return words_end(text, span.start, |word| word[0].is_ascii_uppercase() || word[0] >= 0x80);
        }
        Datum::Address if text[span.start..].iter().take(40).filter(|b| **b == b' ').count() < 2 => {
            return span.start;
        }
        Datum::Address => return words_end(text, span.start, |word| !word.contains(&b'=')),
        Datum::Birth => {
            if let Some(end) = digits::date_end(text, span.start) {
                return end;
            }
        }
        _ => {}
    }
    let ceiling = text.len().min(span.start + 40);
    let number = text[span.start..ceiling]
        .iter()
        .take_while(|b| b.is_ascii_digit() || b" -./()+,".contains(b))
        .count();
    let trimmed =
        text[span.start..span.start + number].iter().rposition(u8::is_ascii_digit).map_or(0, |i| i + 1);
    span.end.max(span.start + trimmed)
}

/// Where the words that go on from `start` on the same line end, at most twelve.
fn words_end(text: &[u8], start: usize, joins: impl Fn(&[u8]) -> bool) -> usize {
    let line = text[start..].iter().take(120).position(|b| b"\n\r;|\"'<>{}\\".contains(b)).unwrap_or(120);
    let line_end = text.len().min(start + line);
    let mut end = start;
    for word in text[start..line_end].split(|b| *b == b' ').take(12) {
        if word.is_empty() || !joins(word) {
            break;
        }
        end += word.len() + usize::from(end > start);
    }
    end
}

/// A number whose key names a personal datum.
pub(crate) fn drops_number(datum: Datum, text: &str) -> bool {
    let decimals = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    match datum {
        Datum::Geo => decimals >= 3,
        Datum::Phone => decimals == 0 && (8..=15).contains(&digits),
        Datum::NationalId | Datum::Card => decimals == 0 && digits >= 7,
        _ => false,
    }
}

/// An e-mail address around the `@` at `at`.
pub(crate) fn at_email(scan: &mut Scan, at: usize) {
    if scan.redactor.redact_pii
        && let Some((start, end)) = email(scan.text, at)
    {
        scan.secret(start, end, RuleId::EMAIL);
    }
    login(scan, at);
}

/// `user:secret@host` without a scheme in front.
fn login(scan: &mut Scan, at: usize) {
    let text = scan.text;
    let floor = at.saturating_sub(80);
    let front = &text[floor..at];
    if memchr::memrchr2(b':', b'/', front).is_none() {
        return;
    }
    let word = front.iter().rposition(|b| b" \t\n\"'`=,<(".contains(b)).map_or(0, |i| i + 1);
    let name = front[word..]
        .iter()
        .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
        .count();
    let colon = word + name;
    if name == 0
        || !matches!(front.get(colon), Some(b':' | b'/'))
        || !text.get(at + 1).is_some_and(u8::is_ascii_alphanumeric)
        || text[at + 1..].starts_with(b"sha256:")
    {
        return;
    }
    let body = &front[colon + 1..];
    let mixed = Shape::of(body).digits > 0 && !body.iter().any(|b| matches!(b, b'/' | b':' | b'@'));
    if mixed && value::is_prose_secret(body, true) {
        scan.secret(floor + colon + 1, at, RuleId::URL);
    }
}

/// The range of the address around an `@` (or the last byte of `%40`), unless it is a remote, a package or an example.
fn email(text: &[u8], at: usize) -> Option<(usize, usize)> {
    let local = |b: u8| b.is_ascii_alphanumeric() || b"._+-'".contains(&b) || b >= 0x80;
    let floor = at.saturating_sub(64);
    let start = (floor..at).rev().take_while(|i| local(text[*i])).last()?;
    // In `\n@module.decorator` the `n` belongs to the escape.
    let escape = start > 0 && text[start - 1] == b'\\' && b"nrtbf".contains(&text[start]);
    let start = start + usize::from(escape);
    let start = start + text[start..at].iter().take_while(|b| b".'-+".contains(b)).count();
    let domain_end = domain_end(text, at + 1);
    let domain = &text[at + 1..domain_end];
    let before = if start > 0 { text[start - 1] } else { b' ' };
    let after = text.get(domain_end).copied().unwrap_or(b' ');
    let remote = after == b':'
        && text.get(domain_end + 1).is_some_and(|b| b.is_ascii_alphabetic() || *b == b'~' || *b == b'/');
    if start >= at
        || !is_domain(domain)
        || (before == b'/' && text[..start].ends_with(b"://"))
        || after == b'('
        || in_authority(text, start)
    {
        return None;
    }
    if remote
        || is_role(&text[start..at], domain)
        || is_example(domain)
        || matches!(before, b':' if text[..start].ends_with(b"://"))
    {
        return None;
    }
    Some((start, domain_end))
}

fn domain_end(text: &[u8], from: usize) -> usize {
    let ceiling = text.len().min(from + 255);
    let length = text[from..ceiling]
        .iter()
        .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-') || **b >= 0x80)
        .count();
    let kept = text[from..from + length].iter().rposition(|b| !matches!(b, b'.' | b'-')).map_or(0, |i| i + 1);
    from + kept
}

fn is_domain(domain: &[u8]) -> bool {
    let Some(dot) = memchr::memrchr(b'.', domain) else { return false };
    let top = &domain[dot + 1..];
    (2..=24).contains(&top.len())
        && top.iter().all(|b| b.is_ascii_alphabetic() || *b >= 0x80)
        && !domain.starts_with(b".")
        && !super::value::contains(domain, b"..")
        && !FILE_ENDS.contains(&top)
}

/// `name@2x.png` and `user@host.service` are no addresses.
const FILE_ENDS: [&[u8]; 27] = [
    b"png",
    b"jpg",
    b"jpeg",
    b"gif",
    b"svg",
    b"webp",
    b"js",
    b"ts",
    b"mjs",
    b"tsx",
    b"css",
    b"service",
    b"timer",
    b"json",
    b"html",
    b"local",
    b"localhost",
    b"internal",
    b"tgz",
    b"lock",
    b"yaml",
    b"yml",
    b"header",
    b"sed",
    b"snap",
    b"catalog",
    b"desktop",
];

/// Whether a URL's `//` stands in front: then the `@` ends a login.
fn in_authority(text: &[u8], start: usize) -> bool {
    let floor = start.saturating_sub(300);
    let front = &text[floor..start];
    let word = front.iter().rposition(|b| b" \n\"'<?,".contains(b)).map_or(0, |i| i + 1);
    value::rfind(&front[word..], b"://").is_some_and(|i| !front[word + i + 3..].contains(&b'/'))
}

/// Service logins and no-reply senders.
fn is_role(local: &[u8], domain: &[u8]) -> bool {
    matches!(
        local,
        b"git"
            | b"noreply"
            | b"no-reply"
            | b"user"
            | b"username"
            | b"you"
            | b"me"
            | b"name"
            | b"your"
            | b"email"
            | b"your.email"
            | b"hg"
            | b"svn"
            | b"root"
    ) || domain == b"users.noreply.github.com"
        || domain == b"noreply.github.com"
}

/// Domains that documentation reserves.
fn is_example(domain: &[u8]) -> bool {
    let lower = domain.to_ascii_lowercase();
    let ends =
        |end: &[u8]| lower == end || (lower.ends_with(end) && lower[lower.len() - end.len() - 1] == b'.');
    [
        b"example.com".as_slice(),
        b"example.org",
        b"example.net",
        b"example",
        b"test",
        b"invalid",
        b"localhost",
        b"domain.com",
        b"example.edu",
        b"email.com",
        b"yourdomain.com",
        b"company.com",
    ]
    .iter()
    .any(|end| ends(end))
}

/// Numbers that start at `at`; returns where the next look may begin.
pub(crate) fn at_digit(scan: &mut Scan, at: usize) -> usize {
    let text = scan.text;
    let plain_end = at + text[at..].iter().take_while(|b| b.is_ascii_digit()).count();
    if !scan.redactor.redact_pii {
        return plain_end;
    }
    if is_inside_word(text, at) {
        return digits::at_lettered(scan, at, plain_end);
    }
    digits::at_number(scan, at, plain_end)
}

/// A digit inside an identifier, a decimal or a hexadecimal number.
fn is_inside_word(text: &[u8], at: usize) -> bool {
    let before = if at > 0 { text[at - 1] } else { b' ' };
    before.is_ascii_alphabetic() || before == b'_' || before == b'#' || before == b'$'
}

/// `aa:bb:cc:dd:ee:ff` and IPv6 addresses around the first `:` at `at`.
pub(crate) fn at_colon(scan: &mut Scan, at: usize) {
    if scan.redactor.redact_pii {
        digits::at_colon(scan, at);
    }
}

/// The datum that the words in front of `at` name, at most 48 bytes back.
pub(crate) fn label_before(text: &[u8], at: usize) -> Option<Datum> {
    let floor = at.saturating_sub(48);
    let front = &text[floor..at];
    let line = memchr::memrchr(b'\n', front).map_or(0, |i| i + 1);
    if !front[line..].iter().any(|b| b.is_ascii_lowercase() || b.is_ascii_uppercase() || *b >= 0x80) {
        return None;
    }
    let segments = Segments::of_bytes(&front[line..]);
    (0..segments.len().min(5)).find_map(|back| {
        let mut view = segments;
        for _ in 0..back {
            view = view.without_last();
        }
        Datum::of_key(&view).filter(|_| back == 0 || links(&segments, back))
    })
}

/// Whether the last `count` segments only link a label with a value: `number is`, `where … is`.
fn links(segments: &Segments, count: usize) -> bool {
    (0..count).all(|back| {
        matches!(
            segments.back(back),
            b"is"
                | b"january"
                | b"february"
                | b"march"
                | b"april"
                | b"may"
                | b"june"
                | b"july"
                | b"august"
                | b"september"
                | b"october"
                | b"november"
                | b"december"
                | b"number"
                | b"no"
                | b"nr"
                | b"num"
                | b"was"
                | b"are"
                | b"value"
                | b"values"
                | b"id"
                | b"to"
                | b"of"
                | b"the"
                | b"at"
                | b"as"
                | b""
        )
    })
}
