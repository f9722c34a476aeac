//! URLs: passwords and tokens in front of the host, webhooks, database passwords in `.pgpass` lines.

use crate::redact::labelled::value;
use crate::redact::rules::RuleId;
use crate::redact::scan::Scan;
use crate::redact::scan::letters::{Letters, last_eight, others, unflagged};
use crate::redact::scan::span::{Bytes, back_over};
use crate::redact::tokens::unknown::Shape;

const AUTHORITY_LIMIT: usize = 512;

/// What ends a URL.
static STOPS: Bytes = Bytes::of(b" \t\n\r\"'<>`|\\");
/// What ends its host.
static HOST_STOPS: Bytes = Bytes::of(b"/?#,)]");

/// Looks at the `:` at `at`.
pub(crate) fn at_colon(scan: &mut Scan, at: usize) {
    let text = scan.text;
    let rest = &text[at + 1..];
    if rest.starts_with(b"//") || rest.starts_with(b"\\/\\/") {
        let from = at + if rest[0] == b'/' { 3 } else { 5 };
        authority(scan, from);
        webhook(scan, from);
        hook(scan, from);
        crate::redact::labelled::logins::behind_url(scan, at, from);
    } else {
        let named = at > 0 && text[at - 1].is_ascii_alphanumeric();
        if named && at >= 32 && text[at - 1].is_ascii_hexdigit() && text[at - 32].is_ascii_hexdigit() {
            cracked(scan, at);
        }
        if named && rest.first().is_some_and(|b| !ends_logon(*b)) {
            logon(scan, at);
        }
        match rest.first() {
            Some(b'*') => pgpass(scan, at),
            Some(digit) if digit.is_ascii_digit() => {
                pgpass(scan, at);
                pwdump(scan, at);
                relay(scan, at);
            }
            Some(b'{') => directory_hash(scan, at + 1),
            Some(b' ') if matches!(rest.get(1), Some(b'P' | b'X' | b'E')) => ipsec(scan, at + 2),
            _ => {}
        }
    }
}

/// `user:password@host` behind `//`: the last `@` before the path counts.
fn authority(scan: &mut Scan, from: usize) {
    let text = scan.text;
    let end = text.len().min(from + AUTHORITY_LIMIT);
    if !holds_sign(scan, from, end) {
        return;
    }
    let reach = authority_end(scan, from, end);
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

/// Whether an `@` stands in a range; what was read for the URL before is not read again.
fn holds_sign(scan: &mut Scan, from: usize, end: usize) -> bool {
    let (known_from, known_to) = scan.memo.unsigned;
    let start = if (known_from..known_to).contains(&from) { known_to.min(end) } else { from };
    let holds = memchr::memchr(b'@', &scan.text[start..end]).is_some();
    if !holds {
        scan.memo.unsigned = (from, end);
    }
    holds
}

/// Where the text of a URL ends that goes on at `from`, at `end` at the latest. What was read for the URL before is not
/// read again.
fn authority_end(scan: &mut Scan, from: usize, end: usize) -> usize {
    let (known_from, known_to) = scan.memo.unbroken;
    let start = if (known_from..known_to).contains(&from) { known_to.min(end) } else { from };
    let stop = |b: &u8| STOPS.has(*b);
    let reach = scan.text[start..end].iter().position(stop).map_or(end, |i| start + i);
    scan.memo.unbroken = (from, reach.max(start));
    reach
}

/// The `@` in front of the host: the last one before the path; a password may hold `/`, `?` or `#`.
fn host_sign(text: &[u8]) -> Option<usize> {
    let path = text.iter().position(|b| HOST_STOPS.has(*b)).unwrap_or(text.len());
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
    static FRONT_BYTES: Bytes = Bytes::of(b"hdamocqewps");
    const FRONTS: [&[u8]; 26] = [
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
        b"open.feishu.cn/open-apis/bot/v2/hook/",
        b"open.larksuite.com/open-apis/bot/v2/hook/",
        b"qyapi.weixin.qq.com/cgi-bin/webhook/send?key=",
        b"oapi.dingtalk.com/robot/send?access_token=",
        b"events.pagerduty.com/integration/",
        b"hook.eu2.make.com/",
        b"hook.us2.make.com/",
        b"hook.integromat.com/",
        b"webhook.site/",
        b"hc-ping.com/",
        b"hooks.airtable.com/workflows/",
        b"ptb.discord.com/api/webhooks/",
        b"canary.discord.com/api/webhooks/",
        b"sctapi.ftqq.com/",
    ];
    let text = scan.text;
    let url = &text[from..];
    let front = url
        .first()
        .filter(|byte| FRONT_BYTES.has(**byte))
        .and_then(|first| FRONTS.iter().find(|front| front[0] == *first && url.starts_with(front)))
        .map(|front| front.len());
    let office = || {
        let host = memchr::memchr(b'/', &url[..url.len().min(100)])?;
        [b".webhook.office.com".as_slice(), b".m.pipedream.net"]
            .iter()
            .any(|end| url[..host].ends_with(end))
            .then_some(host + 1)
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

/// `https://any.host/hooks/x`: what looks random behind a path that names a hook.
fn hook(scan: &mut Scan, from: usize) {
    let text = scan.text;
    let url = &text[from..text.len().min(from + 120)];
    // A `k` is rarer than an `h`.
    if !memchr::memchr_iter(b'k', url).any(|at| url[..at].ends_with(b"hoo")) {
        return;
    }
    let url = &url[..url.iter().position(|b| b" \t\n\r\"'<>`|,)".contains(b)).unwrap_or(url.len())];
    let Some(slash) = memchr::memchr(b'/', url) else { return };
    let behind = |path: &[u8]| memchr::memmem::find(&url[slash..], path).map(|i| slash + i + path.len());
    if !value::contains(&url[slash..], b"hook") {
        return;
    }
    let Some(path) = behind(b"/hooks/").or_else(|| behind(b"/webhooks/")).or_else(|| behind(b"/webhook/"))
    else {
        return;
    };
    let stop = |b: &u8| b" \t\n\r\"'<>`|\\,)?#".contains(b);
    let ceiling = text.len().min(from + 512);
    let end = text[from + path..ceiling].iter().position(stop).map_or(ceiling, |i| from + path + i);
    let mut start = from + path;
    for part in text[from + path..end].split(|b| *b == b'/') {
        if value::is_token(part, &Shape::of(part)) {
            return scan.secret(start, end, RuleId::URL);
        }
        start += part.len() + 1;
    }
}

/// What no login holds.
fn ends_logon(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'"' | b'\'' | b'`')
}

/// `jdbc:oracle:thin:user/x@host`, `secretsdump.py DOMAIN/user:x@host`
fn logon(scan: &mut Scan, at: usize) {
    let text = scan.text;
    let stop = |b: &u8| ends_logon(*b);
    let rest = &text[at + 1..text.len().min(at + 120)];
    let from = if text[at - 1] == b'n' && text[..at].ends_with(b"oracle:thin") {
        memchr::memchr(b'/', rest).map(|i| at + 2 + i)
    } else {
        // Most names are one word, and no slash stands in front of it.
        let word = unflagged(others(Letters::of(last_eight(text, at)).words())).min(at);
        if word < 8 && at.checked_sub(word + 1).is_none_or(|before| !b"._-$/".contains(&text[before])) {
            return;
        }
        let user = back_over(text, at, 32, |b| b.is_ascii_alphanumeric() || b"._-$".contains(&b));
        if user == 0 || text[user - 1] != b'/' {
            return;
        }
        let front = &text[user.saturating_sub(120)..user];
        let front = &front[memchr::memrchr(b'\n', front).map_or(0, |i| i + 1)..];
        (value::contains(front, b".py ") || value::contains(front, b"impacket-")).then_some(at + 1)
    };
    let Some(from) = from else { return };
    let word = rest.iter().position(stop).unwrap_or(rest.len()) + at + 1;
    let Some(body) = text.get(from..word) else { return };
    let end = memchr::memrchr(b'@', body).map_or(word, |i| from + i);
    let digits = text[from..end].iter().all(u8::is_ascii_digit);
    if end > from + 3 && !digits && !is_stand_in(&text[from..end]) {
        scan.secret(from, end, RuleId::URL);
    }
}

/// `[smtp.host]:587 user:x`, one line of a mail relay's passwords.
fn relay(scan: &mut Scan, at: usize) {
    let text = scan.text;
    if at == 0 || text[at - 1] != b']' {
        return;
    }
    let rest = &text[at + 1..text.len().min(at + 200)];
    let line = &rest[..memchr::memchr(b'\n', rest).unwrap_or(rest.len())];
    let port = line.iter().take_while(|b| b.is_ascii_digit()).count();
    let user = port + line[port..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    let Some(colon) = memchr::memchr(b':', &line[user..]).map(|i| user + i) else { return };
    let password = line[colon + 1..].trim_ascii();
    let name = line[user..colon].iter().all(|b| b.is_ascii_alphanumeric() || b"._@-".contains(b));
    let plain = name && colon > user && !line[user..].contains(&b' ') && password.len() >= 4 && user > port;
    if plain && !is_stand_in(password) {
        scan.secret(at + 1 + colon + 1, at + 1 + colon + 1 + password.len(), RuleId::ASSIGNED);
    }
}

/// `name:500:hash:hash:::`, a line of a dump of Windows accounts.
fn pwdump(scan: &mut Scan, at: usize) {
    let text = scan.text;
    let digits = text[at + 1..].iter().take(8).take_while(|b| b.is_ascii_digit()).count();
    let from = at + 1 + digits;
    let Some(hashes) = text.get(from..from + 67) else { return };
    let hex = |part: &[u8]| part.iter().all(u8::is_ascii_hexdigit);
    if hashes[0] == b':'
        && hashes[33] == b':'
        && hashes[66] == b':'
        && hex(&hashes[1..33])
        && hex(&hashes[34..66])
    {
        scan.secret(from + 1, from + 66, RuleId::HASHED);
    }
}

/// `5f4dcc…:x`, a line of what a cracker has found: the hash, and the password behind it.
fn cracked(scan: &mut Scan, at: usize) {
    let text = scan.text;
    let start = back_over(text, at, 129, |b| b.is_ascii_hexdigit());
    let own_line = start == 0 || matches!(text[start - 1], b'\n' | b' ' | b'\t');
    if !own_line || !matches!(at - start, 32 | 40 | 64 | 128) {
        return;
    }
    let end = at + 1 + text[at + 1..].iter().take(80).take_while(|b| b.is_ascii_graphic()).count();
    let body = &text[at + 1..end];
    if matches!(text.get(end), None | Some(b'\n' | b'\r'))
        && value::is_chosen_password(body)
        && !body.contains(&b'/')
    {
        scan.secret(start, end, RuleId::HASHED);
    }
}

/// `{SSHA}…`, `{PBKDF2-SHA256}…`: a hash as directories and password files write it.
fn directory_hash(scan: &mut Scan, brace: usize) {
    let text = scan.text;
    let name = text[brace + 1..]
        .iter()
        .take(16)
        .take_while(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || **b == b'-')
        .count();
    let from = brace + name + 2;
    if name < 3 || text.get(from - 1) != Some(&b'}') {
        return;
    }
    let length = text[from..]
        .iter()
        .take(256)
        .take_while(|b| b.is_ascii_alphanumeric() || b"+/=$.".contains(b))
        .count();
    if length >= 16 {
        scan.secret(from, from + length, RuleId::HASHED);
    }
}

/// `: PSK "x"`, `: XAUTH "x"`, `: EAP "x"` of `ipsec.secrets`.
fn ipsec(scan: &mut Scan, kind: usize) {
    let text = scan.text;
    let rest = &text[kind..];
    let Some(kind) =
        [b"PSK \"".as_slice(), b"XAUTH \"", b"EAP \""].into_iter().find(|kind| rest.starts_with(kind))
    else {
        return;
    };
    let length = rest[kind.len()..].iter().take(256).position(|b| matches!(b, b'"' | b'\n')).unwrap_or(0);
    let from = text.len() - rest.len() + kind.len();
    if length >= 3 && text[from + length] == b'"' && !value::is_placeholder(&text[from..from + length]) {
        scan.secret(from, from + length, RuleId::ASSIGNED);
    }
}

/// A first look at `port:database:user:…`.
fn may_be_pgpass(fields: &[u8]) -> bool {
    let port = fields.iter().take(6).take_while(|b| b.is_ascii_digit() || **b == b'*').count();
    let starts_name = |at: usize| fields.get(at).is_some_and(|b| b.is_ascii_alphabetic() || *b == b'*');
    let Some(database) = fields.get(port + 1..).filter(|_| fields[port] == b':' && starts_name(port + 1))
    else {
        return false;
    };
    let colon = database.iter().position(|b| !(b.is_ascii_alphanumeric() || b"_-.*".contains(b)));
    colon.is_some_and(|colon| database[colon] == b':' && starts_name(port + 1 + colon + 1))
}

/// `host:port:database:user:password`, one line of `.pgpass`.
fn pgpass(scan: &mut Scan, at: usize) {
    let text = scan.text;
    if !may_be_pgpass(&text[at + 1..text.len().min(at + 300)]) {
        return;
    }
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
