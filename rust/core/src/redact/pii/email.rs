//! E-mail addresses, and logins in front of a host.

use crate::redact::labelled::value;
use crate::redact::rules::RuleId;
use crate::redact::scan::Scan;
use crate::redact::scan::span::Bytes;
use crate::redact::tokens::unknown::Shape;

/// An e-mail address around the `@` at `at`.
pub(crate) fn at_email(scan: &mut Scan, at: usize) {
    if scan.redactor.redact_pii
        && let Some((start, end)) = email(scan.text, at)
    {
        scan.secret(start, end, RuleId::EMAIL);
    }
    login(scan, at);
}

/// What ends the word in front of an `@`, backwards.
static LOGIN_STOPS: Bytes = Bytes::of(b" \t\n\"'`=,<(@");

/// `user:secret@host` without a scheme in front.
fn login(scan: &mut Scan, at: usize) {
    let text = scan.text;
    let floor = at.saturating_sub(80);
    let front = &text[floor..at];
    if memchr::memrchr2(b':', b'/', front).is_none() {
        return;
    }
    let stop = front.iter().rposition(|b| LOGIN_STOPS.has(*b));
    // Neither a user nor a password holds a further `@`.
    if stop.is_some_and(|i| front[i] == b'@') {
        return;
    }
    let word = stop.map_or(0, |i| i + 1);
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
        && !value::contains(domain, b"..")
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
