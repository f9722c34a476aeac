//! URLs: passwords and tokens in front of the host, webhooks, database passwords in `.pgpass` lines.

use super::rules::RuleId;
use super::scan::Scan;
use super::unknown::Shape;
use super::value;

const AUTHORITY_LIMIT: usize = 512;

/// Looks at the `:` at `at`.
pub(crate) fn at_colon(scan: &mut Scan, at: usize) {
    let text = scan.text;
    let rest = &text[at + 1..];
    if rest.starts_with(b"//") || rest.starts_with(b"\\/\\/") {
        let from = at + if rest[0] == b'/' { 3 } else { 5 };
        authority(scan, from);
        webhook(scan, from);
    } else if rest.first().is_some_and(|b| b.is_ascii_digit() || *b == b'*') {
        pgpass(scan, at);
    }
}

/// `user:password@host` behind `//`: the last `@` before the path counts.
fn authority(scan: &mut Scan, from: usize) {
    let text = scan.text;
    let end = text.len().min(from + AUTHORITY_LIMIT);
    if memchr::memchr(b'@', &text[from..end]).is_none() {
        return;
    }
    let stop = |b: &u8| b" \t\n\r\"'<>`|\\".contains(b);
    let reach = text[from..end].iter().position(stop).map_or(end, |i| from + i);
    let Some(sign) = host_sign(&text[from..reach]).map(|i| from + i) else { return };
    let login = &text[from..sign];
    let Some(colon) = memchr::memchr(b':', login) else { return lone_user(scan, from, sign) };
    let password = &login[colon + 1..];
    if password.is_empty() || is_stand_in(password) {
        return lone_user(scan, from, from + colon);
    }
    scan.secret(from + colon + 1, sign, RuleId::URL);
    lone_user(scan, from, from + colon);
}

/// The `@` in front of the host: the last one before the path; a password may hold `/`, `?` or `#`.
fn host_sign(text: &[u8]) -> Option<usize> {
    let path = text.iter().position(|b| b"/?#,)]".contains(b)).unwrap_or(text.len());
    if let Some(sign) = memchr::memrchr(b'@', &text[..path]) {
        return Some(sign);
    }
    let colon = memchr::memchr(b':', &text[..path])?;
    let port = text[colon + 1..path].iter().all(u8::is_ascii_digit);
    let sign = memchr::memchr(b'@', &text[path..])? + path;
    let in_path = memchr::memchr(b'/', &text[path..sign]).is_some_and(|_| text[..path].contains(&b'.'));
    (!port && !in_path).then_some(sign)
}

/// `https://TOKEN@host`
fn lone_user(scan: &mut Scan, from: usize, to: usize) {
    let user = &scan.text[from..to];
    if user.len() >= 16 && value::is_token(user, &Shape::of(user)) {
        scan.secret(from, to, RuleId::URL);
    }
}

fn is_stand_in(password: &[u8]) -> bool {
    value::is_placeholder(password)
        || matches!(
            password,
            b"password"
                | b"pass"
                | b"passwd"
                | b"pwd"
                | b"pw"
                | b"secret"
                | b"token"
                | b"PASSWORD"
                | b"PASS"
                | b"TOKEN"
        )
        || (password.contains(&b'{') && password.contains(&b'}'))
        || password.starts_with(b"%s")
}

/// Webhooks carry their secret in the path: everything behind the well-known front goes.
fn webhook(scan: &mut Scan, from: usize) {
    const FRONTS: [&[u8]; 12] = [
        b"hooks.slack.com/services/",
        b"hooks.slack.com/workflows/",
        b"hooks.slack.com/triggers/",
        b"discord.com/api/webhooks/",
        b"discordapp.com/api/webhooks/",
        b"hooks.zapier.com/hooks/catch/",
        b"api.telegram.org/bot",
        b"hook.eu1.make.com/",
        b"hook.us1.make.com/",
        b"maker.ifttt.com/trigger/",
        b"outlook.office.com/webhook/",
        b"chat.googleapis.com/v1/spaces/",
    ];
    let text = scan.text;
    let url = &text[from..];
    let front = FRONTS.iter().find(|front| url.starts_with(front)).map(|front| front.len());
    let office = || {
        let host = memchr::memchr(b'/', &url[..url.len().min(100)])?;
        url[..host].ends_with(b".webhook.office.com").then_some(host + 1)
    };
    let Some(front) = front.or_else(office) else { return };
    let stop = |b: &u8| b" \t\n\r\"'<>`|\\,)".contains(b);
    let ceiling = text.len().min(from + 2048);
    let end = text[from..ceiling].iter().position(stop).map_or(ceiling, |i| from + i);
    let secret = &text[(from + front).min(end)..end];
    if Shape::of(secret).digits > 2 && !value::is_placeholder(secret) && end > from + front + 8 {
        let scheme = text[..from]
            .iter()
            .rev()
            .take(8)
            .take_while(|b| b.is_ascii_alphabetic() || b"/:\\".contains(b))
            .count();
        scan.secret(from - scheme, end, RuleId::URL);
    }
}

/// `host:port:database:user:password`, one line of `.pgpass`.
fn pgpass(scan: &mut Scan, at: usize) {
    let text = scan.text;
    let end = memchr::memchr2(b'\n', b'\r', &text[at..text.len().min(at + 300)])
        .map_or(text.len().min(at + 300), |i| at + i);
    let mut fields = text[at + 1..end].splitn(4, |b| *b == b':');
    let (Some(port), Some(database), Some(user), Some(password)) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return;
    };
    let name = |field: &[u8]| {
        field == b"*"
            || (field.first().is_some_and(u8::is_ascii_alphabetic)
                && field.iter().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(b)))
    };
    let number = port == b"*" || (port.len() <= 5 && port.iter().all(u8::is_ascii_digit));
    // `04:1f:bc:…` is a dump of bytes.
    let bytes = port.len() == 2 && database.len() == 2 && user.len() == 2;
    let plain = !bytes
        && password.len() >= 3
        && !matches!(password[0], b'/' | b':')
        && !password.iter().any(|b| b" \t\"'".contains(b));
    if number && name(database) && name(user) && plain && !is_stand_in(password) {
        scan.secret(end - password.len(), end, RuleId::ASSIGNED);
    }
}
