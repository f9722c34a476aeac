//! Commands whose arguments hold a password without a telling name: `curl -u`, `mysql -p…`, `vault login x`.

pub(crate) mod pipes;
pub(crate) mod positions;
pub(crate) mod shell;
pub(crate) mod tools;

use crate::redact::keys::words::Vocabulary;
use crate::redact::labelled::assign::value_at;
use crate::redact::labelled::value;
use crate::redact::labelled::worded;
use crate::redact::labelled::{manifests, prose, sql};
use crate::redact::rules::RuleId;
use crate::redact::scan::Scan;
use crate::redact::scan::span::{Span, back_over, forward_over, to_line_end, to_line_start};
use crate::redact::scan::waiting;
use std::sync::LazyLock;
use tools::Carries;

const FLAG_LIMIT: usize = 64;

/// Looks at the flag that starts at `at`: does it carry a secret for the tool in front of it?
pub(crate) fn at_flag(scan: &mut Scan, at: usize) {
    let text = scan.text;
    let before = if at > 0 { text[at - 1] } else { b' ' };
    if !matches!(before, b' ' | b'\t' | b'"' | b'\'') {
        return;
    }
    if at > 2 && text[at - 2] == b'u' && text[..at].ends_with(b"su ") {
        pipes::here_string(scan, at);
    }
    let letter = forward_over(text, at, 2, |b| b == b'-');
    if !text.get(letter).is_some_and(|b| tools::may_carry(*b)) {
        return;
    }
    let quoted = matches!(before, b'"' | b'\'');
    let end = forward_over(text, at, FLAG_LIMIT, |b| {
        !(matches!(b, b' ' | b'\t' | b'\n' | b'\r') || quoted && b == before)
    });
    let flag = &text[at..end];
    if !tools::is_flag(flag) {
        return beside_user(scan, at, end, quoted);
    }
    let mut room = [0; 6];
    let count = shell::tools_before(scan, at, &mut room);
    let Some((carries, length)) = tools::carried(flag, &room[..count]) else {
        return beside_user(scan, at, end, quoted);
    };
    if let Some(span) = carried_span(text, at, at + length, quoted)
        && let Some(secret) = secret_part(text, span, carries)
    {
        scan.secret(secret.start, secret.end, RuleId::FLAG);
    }
}

/// `-u joe -p x`, `-au joe -ap x` of any tool: the flag of a password right behind the one of its user. `-pw` alone
/// says as much.
fn beside_user(scan: &mut Scan, at: usize, end: usize, quoted: bool) {
    let text = scan.text;
    let end = if quoted { end } else { at + 4.min(end - at) };
    let flag = &text[at..end];
    let known = matches!(flag, b"-p" | b"-P" | b"-w" | b"-pw" | b"-ap" | b"-xp" | b"-pp");
    if !known || flag != b"-pw" && !follows_user(&text[at.saturating_sub(USER_REACH)..at]) {
        return;
    }
    let Some(span) = shell::next_argument(text, end) else { return };
    let body = &text[span.start..span.end];
    let place = body.iter().any(|b| matches!(b, b'/' | b':' | b'=' | b'{'));
    if !place && !is_stand_in(body) && reads_as_password(body) {
        scan.secret(span.start, span.end, RuleId::FLAG);
    }
}

/// How far in front of a password the flag of its user starts.
const USER_REACH: usize = 80;

/// Whether this ends with a flag that names a user, and the user.
fn follows_user(front: &[u8]) -> bool {
    let mut words = front.rsplit(|b| b" \t\"',=".contains(b)).filter(|word| !word.is_empty());
    let (Some(user), Some(flag)) = (words.next(), words.next()) else { return false };
    !user.starts_with(b"-")
        && matches!(
            flag,
            b"-u"
                | b"-U"
                | b"-au"
                | b"-xu"
                | b"--user"
                | b"--username"
                | b"-user"
                | b"-username"
                | b"--login"
                | b"-l"
        )
}

/// Whether somebody chose or drew this as a password: the stricter look, where no name of a tool vouches for it.
fn reads_as_password(body: &[u8]) -> bool {
    value::is_prose_secret(body, true)
        || worded::is_password(body)
        || worded::is_phrase(body)
        || value::is_chosen_password(body) && !value::is_compound(body)
}

/// What the flag carries that ends at `end`: glued to it, behind `=`, or the next argument.
fn carried_span(text: &[u8], at: usize, end: usize, quoted: bool) -> Option<Span> {
    let next = text.get(end).copied()?;
    let closes = quoted && next == text[at - 1];
    if closes || matches!(next, b' ' | b'\t' | b'\\' | b'\n') {
        return shell::next_argument(text, end);
    }
    let start = end + usize::from(next == b'=');
    if quoted
        && let Some(end) = crate::redact::scan::span::quoted_end(text, at, 0)
        && end > start
    {
        return Some(Span { start, end, quoted: true });
    }
    shell::argument(text, start)
}

/// The secret in what a flag carries, unless it stands for one.
fn secret_part(text: &[u8], span: Span, carries: Carries) -> Option<Span> {
    let body = &text[span.start..span.end];
    let sign = match carries {
        Carries::Login => b':',
        Carries::Percent => b'%',
        Carries::Comma => b',',
        _ => 0,
    };
    let skip = match carries {
        Carries::Pass => body.strip_prefix(b"pass:").map(|_| 5)?,
        Carries::Next | Carries::Likely | Carries::Glued => 0,
        _ if value::contains(body, b"://") => return None,
        _ => memchr::memchr(sign, body)? + 1,
    };
    if skip > 0 && value::is_all_stand_ins(body) {
        return None;
    }
    let span = shell::without_quotes(text, Span { start: span.start + skip, ..span });
    let body = text.get(span.start..span.end)?;
    let chosen = span.quoted && value::looks_chosen(body) && body.contains(&b' ');
    let plain = carries == Carries::Likely && !chosen && !reads_as_password(body) && !is_mixed(body);
    let kept = body.len() < 3
        || (body[0] == b'-' && !span.quoted && skip == 0)
        || plain
        || body.starts_with(b"@")
        || body.ends_with(b".txt")
        || is_stand_in(body);
    (!kept).then_some(span)
}

/// Drawn from letters of both cases and digits.
fn is_mixed(body: &[u8]) -> bool {
    let shape = crate::redact::tokens::unknown::Shape::of(body);
    body.len() >= 10 && shape.mixes_three() && shape.other == 0
}

/// Placeholders, references and the word itself.
fn is_stand_in(body: &[u8]) -> bool {
    value::is_placeholder(body)
        || value::is_reference_name(body)
        || matches!(body, b"public" | b"private")
        || (body.iter().all(u8::is_ascii_alphabetic) && value::is_all_stand_ins(body))
}

/// The secret in an argument of `tool` that comes alone, as in an argument vector: `-px`, `-uadmin:x`.
pub(crate) fn in_argument(argument: &[u8], tool: tools::Tool) -> Option<(usize, usize)> {
    let (carries, length) = tools::carried(argument, &[tool])?;
    let start = length + usize::from(argument.get(length) == Some(&b'='));
    let span = (start < argument.len()).then_some(Span { start, end: argument.len(), quoted: true })?;
    secret_part(argument, span, carries).map(|span| (span.start, span.end))
}

/// The secret in `user:x`, `user%x` and `user,x`.
pub(crate) fn in_login(login: &[u8]) -> Option<(usize, usize)> {
    let sign = login.iter().position(|b| matches!(b, b':' | b'%' | b','))?;
    let carries = match login[sign] {
        b':' => Carries::Login,
        b'%' => Carries::Percent,
        _ => Carries::Comma,
    };
    let span = Span { start: 0, end: login.len(), quoted: true };
    secret_part(login, span, carries).map(|span| (span.start, span.end))
}

/// Commands that run others, and those of which a word in front of a password is listed elsewhere.
#[rustfmt::skip]
const LAUNCHERS: [&str; 22] = [
    "sudo", "doas", "env", "docker", "podman", "kubectl", "oc", "vault", "wandb", "cargo", "bw", "snyk", "ngrok", "poetry", "composer", "bundle",
    "mc", "etcdctl", "consul", "netlify", "cf", "schtasks",
];

static COMMANDS: LazyLock<Vocabulary<()>> = LazyLock::new(|| {
    let words = LAUNCHERS.into_iter().chain(words()).chain(positions::words());
    Vocabulary::new(words.map(|word| (word, ())), |(), ()| ())
});

/// Whether the first item of a list names a command whose arguments may hold a password.
pub(crate) fn is_command(item: &str) -> bool {
    let item = item.as_bytes();
    let name = item.iter().rposition(|byte| *byte == b'/').map_or(item, |slash| &item[slash + 1..]);
    tools::tool(item).is_some() || COMMANDS.get_any_case(name).is_some()
}

/// The words that [`at_word`] itself waits for.
#[rustfmt::skip]
pub(crate) const WORDS: [&str; 21] = ["echo", "using", "cat", "head", "tail", "less", "lookup", "access", "show", "identified", "password", "auth", "send", "convertto-securestring", "use", "xauth", "eap", "ftp", "setuser", "createuser", "identify"];

/// Looks at a word with a stem: a known command, or the words of SQL and of shells that set a password.
pub(crate) fn at_word(scan: &mut Scan, start: usize, end: usize) {
    let waiting = waiting::for_word(&scan.text[start..end]);
    if waiting == 0 {
        return;
    }
    if waiting & waiting::COMMAND != 0 {
        at_command(scan, start, end);
    }
    if waiting & waiting::READER != 0 {
        pipes::at_word(scan, start, end);
    }
    if waiting & waiting::LOGIN != 0 {
        login_argument(scan, start, end);
    }
    if waiting & waiting::POSITION != 0 {
        positions::at_word(scan, start, end);
    }
    if waiting & waiting::MANIFEST != 0 {
        manifests::at_word(scan, start, end);
    }
    if waiting & waiting::LABEL != 0 {
        prose::at_word(scan, start, end);
    }
    if waiting & waiting::VALUES != 0 {
        sql::at_word(scan, start, end);
    }
}

fn at_command(scan: &mut Scan, start: usize, end: usize) {
    match &scan.text[start..end] {
        b"IDENTIFIED" | b"identified" => identified(scan, end),
        b"PASSWORD" | b"password" => quoted_behind(scan, end),
        b"AUTH" => {
            redis_auth(scan, start, end);
            sasl(scan, end);
        }
        b"send" => pipes::expected(scan, start, end),
        b"echo" => pipes::at_echo(scan, start, end),
        b"using" => connected(scan, start, end),
        b"show" => crate::redact::labelled::lines::at_show(scan, start, end),
        b"cat" | b"head" | b"tail" | b"less" | b"lookup" | b"access" => {
            crate::redact::labelled::ledgers::at_reader(scan, start, end);
        }
        b"ConvertTo-SecureString" | b"convertto-securestring" => secure_string(scan, end),
        b"use" => net_use(scan, start, end),
        b"XAUTH" | b"EAP" => pre_shared(scan, start, end),
        b"ftp" => behind_ftp(scan, end),
        b"SETUSER" | b"setuser" => acl_password(scan, end),
        b"createUser" => snmp_user(scan, end),
        b"IDENTIFY" | b"identify" => chat_login(scan, start, end),
        _ => {}
    }
}

/// `AUTH PLAIN dXNlcgB1c2VyAHB3`: a login in base64.
fn sasl(scan: &mut Scan, end: usize) {
    let text = scan.text;
    let Some(mechanism) =
        [b" PLAIN ".as_slice(), b" LOGIN ", b" PLAIN\n", b" LOGIN\n", b" PLAIN\r", b" LOGIN\r"]
            .into_iter()
            .find(|m| text.get(end + 1) == Some(&m[1]) && text[end..].starts_with(m))
    else {
        return;
    };
    let from = end + mechanism.len();
    dialogue(scan, from);
    let close = forward_over(text, from, 512, |b| b.is_ascii_alphanumeric() || b"+/=".contains(&b));
    if close >= from + 8 {
        scan.secret(from, close, RuleId::FLAG);
    }
}

/// `334 UGFzc3dvcmQ6` and the answer in the next line: user and password in base64, each in a line of its own.
fn dialogue(scan: &mut Scan, from: usize) {
    let text = scan.text;
    let mut at = from;
    for _ in 0..6 {
        let end = to_line_end(text, at, 300);
        let line = text[at..end].trim_ascii_end();
        let word = line.iter().rposition(|b| matches!(b, b' ' | b'>' | b'\t')).map_or(0, |blank| blank + 1);
        let body = &line[word..];
        let asked = value::contains(line, b"334 ");
        let encoded = body.len() >= 4
            && body.len().is_multiple_of(4)
            && body.iter().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(b));
        match (asked, encoded) {
            (false, true) => scan.secret(at + word, at + line.len(), RuleId::FLAG),
            (false, false) if !line.is_empty() => return,
            _ => {}
        }
        at = end + 1;
        if at >= text.len() {
            return;
        }
    }
}

/// `bob : XAUTH "x"`, `alice : EAP x` of `IPsec`.
fn pre_shared(scan: &mut Scan, start: usize, end: usize) {
    let text = scan.text;
    if !text[..start].ends_with(b": ") || !matches!(text.get(end), Some(b' ' | b'\t')) {
        return;
    }
    let Some(span) = shell::argument(text, skip_spaces(text, end)) else { return };
    let body = &text[span.start..span.end];
    if body.len() >= 4 && !is_stand_in(body) && (span.quoted || reads_as_password(body) || is_mixed(body)) {
        scan.secret(span.start, span.end, RuleId::ASSIGNED);
    }
}

/// `db2 connect to shop user app using x`
fn connected(scan: &mut Scan, start: usize, end: usize) {
    let text = scan.text;
    let front = &text[start.saturating_sub(80)..start];
    let Some(user) = value::rfind(front, b" user ").filter(|_| value::contains(front, b"connect to ")) else {
        return;
    };
    let Some(span) = shell::argument(text, skip_spaces(text, end)) else { return };
    let body = &text[span.start..span.end];
    if front[user + 6..].trim_ascii_end().iter().all(u8::is_ascii_graphic)
        && !is_stand_in(body)
        && body.len() >= 4
    {
        scan.secret(span.start, span.end, RuleId::FLAG);
    }
}

/// `ACL SETUSER app on >x ~*`
fn acl_password(scan: &mut Scan, end: usize) {
    let text = scan.text;
    let reach = to_line_end(text, end, 120);
    let Some(sign) = memchr::memchr(b'>', &text[end..reach]).map(|i| end + i) else { return };
    let close = forward_over(text, sign + 1, 128, |b| b.is_ascii_graphic() && !matches!(b, b'"' | b'\''));
    let body = &text[sign + 1..close];
    if matches!(text[sign - 1], b' ' | b'"' | b'\'') && body.len() >= 4 && !is_stand_in(body) {
        scan.secret(sign + 1, close, RuleId::FLAG);
    }
}

/// `/msg NickServ IDENTIFY x`, `… IDENTIFY joe x`
fn chat_login(scan: &mut Scan, start: usize, end: usize) {
    let text = scan.text;
    if !text[..start].ends_with(b"NickServ ") && !text[..start].ends_with(b"nickserv ") {
        return;
    }
    let Some(first) = shell::argument(text, skip_spaces(text, end)) else { return };
    let second = shell::argument(text, skip_spaces(text, first.end + usize::from(first.quoted)));
    let span = second.unwrap_or(first);
    let body = &text[span.start..span.end];
    if body.len() >= 4 && !is_stand_in(body) {
        scan.secret(span.start, span.end, RuleId::FLAG);
    }
}

/// `createUser bob SHA "x" AES "y"` of SNMP.
fn snmp_user(scan: &mut Scan, end: usize) {
    let text = scan.text;
    let mut at = end;
    let mut keyed = false;
    for place in 0..6 {
        let Some(span) = shell::argument(text, skip_spaces(text, at)) else { return };
        at = (span.end + usize::from(span.quoted)).max(at + 1);
        let body = &text[span.start..span.end];
        if keyed && body.len() >= 6 && !is_stand_in(body) {
            scan.secret(span.start, span.end, RuleId::FLAG);
        }
        keyed = body.starts_with(b"SHA") || body.starts_with(b"AES") || matches!(body, b"MD5" | b"DES");
        if place == 1 && !keyed {
            return;
        }
    }
}

/// `ftp -n h <<EOF`, `user bob x` in one of the next lines.
fn behind_ftp(scan: &mut Scan, end: usize) {
    let text = scan.text;
    let reach = text.len().min(end + 240);
    let Some(line) = memchr::memmem::find(&text[end..reach], b"\nuser ").map(|i| end + i + 6) else { return };
    let user = forward_over(text, line, 64, |b| b.is_ascii_graphic());
    let Some(span) = shell::argument(text, skip_spaces(text, user)).filter(|span| span.start > user) else {
        return;
    };
    let body = &text[span.start..span.end];
    if body.len() >= 4 && !is_stand_in(body) && (value::looks_chosen(body) || worded::is_phrase(body)) {
        scan.secret(span.start, span.end, RuleId::FLAG);
    }
}

/// Windows switches that a password follows: `/rp x`, `/p x`, `/machinepassword x`.
#[rustfmt::skip]
const SWITCHES: [&[u8]; 9] =
    [b"/p", b"/rp", b"/pass", b"/passwd", b"/password", b"/passwordd", b"/passwordo", b"/machinepassword", b"/pw"];

/// Looks at the `/` at `at`, behind a space.
pub(crate) fn at_switch(scan: &mut Scan, at: usize) {
    let text = scan.text;
    if !matches!(text.get(at + 1).map(|b| b | 0x20), Some(b'p' | b'r' | b'm')) {
        return;
    }
    let end = forward_over(text, at + 1, 16, |b| b.is_ascii_alphabetic());
    let name = &text[at..end];
    if !matches!(text.get(end), Some(b' ' | b':'))
        || !SWITCHES.iter().any(|switch| name.eq_ignore_ascii_case(switch))
    {
        return;
    }
    let Some(span) = shell::argument(text, skip_spaces(text, end + usize::from(text[end] == b':'))) else {
        return;
    };
    let body = &text[span.start..span.end];
    let place = body.iter().any(|b| matches!(b, b'/' | b'=' | b'\\' | b'{'));
    if !place && !is_stand_in(body) && reads_as_password(body) {
        scan.secret(span.start, span.end, RuleId::FLAG);
    }
}

/// The commands whose arguments hold `user/x@database` or `domain/user:x@host`.
#[rustfmt::skip]
const LOGINS: [&str; 22] = [
    "exp", "imp", "sqlplus", "impdp", "expdp", "sqlldr", "rman", "secretsdump.py", "psexec.py", "wmiexec.py", "smbexec.py", "dcomexec.py",
    "atexec.py", "getuserspns.py", "getnpusers.py", "gettgt.py", "lookupsid.py", "impacket-smbclient", "impacket-psexec",
    "impacket-wmiexec", "impacket-secretsdump", "smbclient.py",
];

/// These words, for those who decide which words are looked at.
pub(crate) fn words() -> impl Iterator<Item = &'static str> {
    LOGINS.into_iter()
}

/// `sqlplus app/x@db`, `secretsdump.py CORP/admin:x@host`
fn login_argument(scan: &mut Scan, start: usize, end: usize) {
    let text = scan.text;
    let word = &text[start..end];
    let Some(place) = LOGINS.iter().position(|login| word.eq_ignore_ascii_case(login.as_bytes())) else {
        return;
    };
    let sign = if place < 7 { b'/' } else { b':' };
    let mut at = end;
    for _ in 0..4 {
        let Some(span) = shell::argument(text, forward_over(text, at, 8, |b| b == b' ')) else { return };
        at = span.end + usize::from(span.quoted);
        let body = &text[span.start..span.end];
        let Some(colon) = memchr::memchr(sign, body).filter(|colon| *colon > 0) else { continue };
        // `exp` and `imp` are short for many things, `user/x@database` is not.
        let login = || {
            let user = body[..colon].iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_');
            user && body.contains(&b'@') && !body[colon + 1..].contains(&b'/')
        };
        if place < 2 && !login() {
            return;
        }
        let rest = body.iter().position(|b| *b == b' ').unwrap_or(body.len());
        let close = memchr::memrchr(b'@', body).unwrap_or(rest).min(rest);
        let chosen = |close: usize| {
            let part = body.get(colon + 1..close);
            part.is_some_and(|part| value::looks_chosen(part) || worded::is_phrase(part))
        };
        let close = if rest > colon && !chosen(close) { rest } else { close };
        if close > colon + 3 && chosen(close) && !matches!(body[0], b'-' | b'/') {
            let span = Span { start: span.start + colon + 1, end: span.start + close, quoted: false };
            let span = shell::without_quotes(text, span);
            return scan.secret(span.start, span.end, RuleId::FLAG);
        }
    }
}

/// `net use Z: \\host\share x /user:a`: the argument that is no drive, no share and no switch.
fn net_use(scan: &mut Scan, start: usize, end: usize) {
    let text = scan.text;
    if !text[..start].ends_with(b"net ") {
        return;
    }
    let mut at = end;
    for _ in 0..6 {
        let Some(span) = shell::argument(text, forward_over(text, at, 8, |b| b == b' ')) else { return };
        let body = &text[span.start..span.end];
        at = span.end + usize::from(span.quoted);
        let other = body.starts_with(b"/") || body.starts_with(b"\\") || body.ends_with(b":") || body == b"*";
        if !other {
            if body.len() >= 4 && !is_stand_in(body) && value::looks_chosen(body) {
                scan.secret(span.start, span.end, RuleId::FLAG);
            }
            return;
        }
    }
}

/// `ConvertTo-SecureString "x" -AsPlainText`, with its switches in any order.
fn secure_string(scan: &mut Scan, end: usize) {
    let text = scan.text;
    let ceiling = text.len().min(end + 80);
    let reach = memchr::memchr2(b'\n', b')', &text[end..ceiling]).map_or(ceiling, |i| end + i);
    let Some(quote) = memchr::memchr2(b'\'', b'"', &text[end..reach]) else { return };
    literal(scan, back_over(text, end + quote, 4, |b| b == b'\\'));
}

/// `IDENTIFIED BY 'x'`, `IDENTIFIED WITH plugin BY 'x'`
fn identified(scan: &mut Scan, end: usize) {
    let text = scan.text;
    let ceiling = text.len().min(end + 80);
    let Some(quote) = memchr::memchr2(b'\'', b'"', &text[end..ceiling]).map(|i| end + i) else {
        return identified_bare(scan, end);
    };
    if memchr::memchr(b'\n', &text[end..quote]).is_some() {
        return identified_bare(scan, end);
    }
    let clause = text[end..quote].to_ascii_lowercase();
    let by = [b" by ".as_slice(), b" as ", b" by \\", b" as \\"].iter().any(|word| clause.ends_with(word));
    let shouted = text[end - 1].is_ascii_uppercase() || text[quote] == b'\'';
    if by && shouted && !clause.contains(&b'\n') {
        literal(scan, quote);
    }
}

/// `IDENTIFIED BY x;`
fn identified_bare(scan: &mut Scan, end: usize) {
    let text = scan.text;
    if !text[end - 1].is_ascii_uppercase() || !text[end..].starts_with(b" BY ") {
        return;
    }
    let start = skip_spaces(text, end + 4);
    let to = forward_over(text, start, 80, |b| b.is_ascii_graphic() && b != b';');
    let body = &text[start..to];
    if body.len() >= 4
        && !is_stand_in(body)
        && (value::looks_chosen(body) || worded::is_phrase(body) || is_mixed(body))
    {
        scan.secret(start, to, RuleId::FLAG);
    }
}

fn skip_spaces(text: &[u8], from: usize) -> usize {
    from + text[from..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count()
}

/// `ALTER ROLE a WITH PASSWORD 'x'`, `SET PASSWORD FOR u = 'x'`, `mysqladmin password x`
fn quoted_behind(scan: &mut Scan, end: usize) {
    let mut from = skip_spaces(scan.text, end);
    if scan.text[from..].starts_with(b"FOR ") {
        let ceiling = scan.text.len().min(from + 80);
        let Some(sign) = memchr::memchr2(b'=', b'\n', &scan.text[from..ceiling]) else { return };
        from = skip_spaces(scan.text, from + sign + 1);
    }
    if from > end && matches!(scan.text.get(from), Some(b'\'' | b'"')) {
        literal(scan, from);
    }
}

fn literal(scan: &mut Scan, quote: usize) {
    let Some(span) = value_at(scan.text, quote, false) else { return };
    let body = &scan.text[span.start..span.end];
    if span.quoted && body.len() >= 3 && !value::is_placeholder(body) && !value::is_all_stand_ins(body) {
        scan.secret(span.start, span.end, RuleId::FLAG);
    }
}

/// `… [0 10.0.0.4:5123] "AUTH" "x"`, `… "AUTH" "user" "x"`: what Redis shows of a login.
fn monitored_auth(scan: &mut Scan, end: usize) {
    let line = to_line_end(scan.text, end, 300);
    let to = end + scan.text[end..line].trim_ascii_end().len();
    let Some(to) = to.checked_sub(1).filter(|to| scan.text[*to] == b'"' && *to > end) else { return };
    let from = back_over(scan.text, to, 256, |b| b != b'"');
    if to >= from + 4 && !is_stand_in(&scan.text[from..to]) {
        scan.secret(from, to, RuleId::FLAG);
    }
}

/// `redis-cli AUTH x`, `redis-cli AUTH user x`
fn redis_auth(scan: &mut Scan, start: usize, end: usize) {
    let text = scan.text;
    if text.get(end) == Some(&b'"') && text[..start].ends_with(b"] \"") {
        return monitored_auth(scan, end);
    }
    let line = to_line_start(text, start, 200);
    let [shell, prompt] = &mut scan.memo.prompts;
    if !shell.holds(text, line, start, b"redis-cli") && !prompt.holds(text, line, start, b"> ") {
        return;
    }
    let Some(first) = shell::argument(text, skip_spaces(text, end)) else { return };
    if matches!(&text[first.start..first.end], b"PLAIN" | b"LOGIN") {
        return;
    }
    let second = shell::argument(text, skip_spaces(text, first.end + usize::from(first.quoted)));
    let name = second.filter(|second| value::looks_chosen(&text[second.start..second.end]));
    let span = name.unwrap_or(first);
    let body = &text[span.start..span.end];
    if body.len() >= 4 && !is_stand_in(body) {
        scan.secret(span.start, span.end, RuleId::FLAG);
    }
}
