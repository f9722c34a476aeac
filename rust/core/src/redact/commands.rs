//! Commands whose arguments hold a password without a telling name: `curl -u`, `mysql -p…`, `sshpass -p`.

use super::assign::{Name, Operator, class_of, name_before, value_at, value_of};
use super::keys::KeyClass;
use super::rules::RuleId;
use super::scan::Scan;
use super::value;

const LINE_LIMIT: usize = 2000;
/// The name of a command stands in its first bytes.
const HEAD_LIMIT: usize = 200;

/// How a flag carries its secret.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Carries {
    /// The next argument is the secret.
    Next,
    /// The next argument is `user:secret`.
    Login,
    /// The secret follows the flag without a space.
    Glued,
    /// `user%secret`.
    Percent,
    /// `user,secret`
    Comma,
}

/// Command, flag, how it carries the secret.
const FLAGS: &[(&str, &str, Carries)] = &[
    ("curl", "-u", Carries::Login),
    ("curl", "--user", Carries::Login),
    ("curl", "-U", Carries::Login),
    ("curl", "--proxy-user", Carries::Login),
    ("http", "-a", Carries::Login),
    ("https", "-a", Carries::Login),
    ("http", "--auth", Carries::Login),
    ("mysql", "-p", Carries::Glued),
    ("mysqldump", "-p", Carries::Glued),
    ("mysqladmin", "-p", Carries::Glued),
    ("mariadb", "-p", Carries::Glued),
    ("mariadb-dump", "-p", Carries::Glued),
    ("mysqlsh", "-p", Carries::Glued),
    ("mysqlimport", "-p", Carries::Glued),
    ("sshpass", "-p", Carries::Glued),
    ("sshpass", "-p", Carries::Next),
    ("7z", "-p", Carries::Glued),
    ("7za", "-p", Carries::Glued),
    ("rar", "-p", Carries::Glued),
    ("rar", "-hp", Carries::Glued),
    ("unrar", "-p", Carries::Glued),
    ("zip", "-P", Carries::Next),
    ("unzip", "-P", Carries::Next),
    ("login", "-p", Carries::Next),
    ("login", "-u", Carries::Login),
    ("redis-cli", "-a", Carries::Next),
    ("mongo", "-p", Carries::Next),
    ("mongosh", "-p", Carries::Next),
    ("mongodump", "-p", Carries::Next),
    ("mongorestore", "-p", Carries::Next),
    ("sqlcmd", "-P", Carries::Next),
    ("bcp", "-P", Carries::Next),
    ("isql", "-P", Carries::Next),
    ("mosquitto_pub", "-P", Carries::Next),
    ("mosquitto_sub", "-P", Carries::Next),
    ("ldapsearch", "-w", Carries::Next),
    ("ldapmodify", "-w", Carries::Next),
    ("ldapadd", "-w", Carries::Next),
    ("ldapwhoami", "-w", Carries::Next),
    ("smbclient", "-U", Carries::Percent),
    ("rpcclient", "-U", Carries::Percent),
    ("net", "-U", Carries::Percent),
    ("lftp", "-u", Carries::Comma),
    ("twine", "-p", Carries::Next),
    ("gem", "-k", Carries::Next),
    ("nuget", "-k", Carries::Next),
    ("ssh-keygen", "-N", Carries::Next),
    ("ssh-keygen", "-P", Carries::Next),
    ("ipmitool", "-P", Carries::Next),
    ("snmpwalk", "-A", Carries::Next),
    ("snmpwalk", "-X", Carries::Next),
    ("snmpget", "-A", Carries::Next),
    ("snmpwalk", "-c", Carries::Next),
    ("cqlsh", "-p", Carries::Next),
    ("influx", "-p", Carries::Next),
    ("clickhouse-client", "--password", Carries::Next),
    ("evil-winrm", "-p", Carries::Next),
    ("crackmapexec", "-p", Carries::Next),
    ("nxc", "-p", Carries::Next),
    ("xfreerdp", "/p:", Carries::Glued),
    ("rdesktop", "-p", Carries::Next),
    ("cmdkey", "/pass:", Carries::Glued),
    ("schtasks", "/rp", Carries::Next),
    ("schtasks", "/p", Carries::Next),
    ("svn", "--password", Carries::Next),
    ("hydra", "-p", Carries::Next),
    ("vncviewer", "-p", Carries::Next),
    ("pdftk", "user_pw", Carries::Next),
    ("pdftk", "owner_pw", Carries::Next),
    ("qpdf", "--encrypt", Carries::Next),
    ("openssl", "-k", Carries::Next),
    ("openssl", "-K", Carries::Next),
    ("nmap", "--script-args", Carries::Login),
    ("rabbitmqadmin", "-p", Carries::Next),
    ("kinit", "--password", Carries::Next),
    ("wget", "--http-passwd", Carries::Next),
    ("psql", "-W", Carries::Glued),
    ("aws", "--secret-key", Carries::Next),
    ("oc", "-p", Carries::Next),
    ("argocd", "--password", Carries::Next),
    ("usermod", "-p", Carries::Next),
    ("useradd", "-p", Carries::Next),
];

/// Looks at a word with a stem: a known command, or the words of SQL and of shells that set a password.
pub(crate) fn at_word(scan: &mut Scan, start: usize, end: usize) {
    let text = scan.text;
    let word = &text[start..end];
    match word {
        b"IDENTIFIED" | b"identified" => identified(scan, end),
        b"PASSWORD" | b"password" => quoted_behind(scan, end),
        b"passwd" | b"chpasswd" | b"cryptsetup" | b"--password-stdin" | b"--with-token" | b"sudo"
        | b"--passphrase-fd" | b"--passin" => {
            piped(scan, start);
            here_string(scan, end);
        }
        b"htpasswd" => positional(scan, end, 3, |text| contains_flag(text, b'b')),
        b"wpa_passphrase" => positional(scan, end, 2, |_| true),
        b"add_user" | b"change_password" | b"authenticate_user" => positional(scan, end, 2, |_| true),
        b"requirepass" | b"masterauth" => bare_behind(scan, end),
        b"AUTH" => redis_auth(scan, start, end),
        _ => {}
    }
}

/// Looks at each command line that may hold a flag of [`FLAGS`].
pub(crate) fn at_flag(scan: &mut Scan, at: usize) {
    let text = scan.text;
    if at > 0 && !matches!(text[at - 1], b' ' | b'\t' | b'"' | b'\'') {
        return;
    }
    let end = at
        + text[at..text.len().min(at + 24)]
            .iter()
            .take_while(|b| !matches!(b, b' ' | b'\t' | b'\n' | b'='))
            .count();
    let argument = &text[at..end];
    if end - at < 2 || is_unknown(scan, at) {
        return;
    }
    for (command, flag, carries) in FLAGS {
        let fits = match carries {
            Carries::Glued => argument.len() > flag.len() && argument.starts_with(flag.as_bytes()),
            _ => argument == flag.as_bytes() && text.get(end) != Some(&b'='),
        };
        if fits && command_before(scan, at, command) {
            return flagged(scan, at, *carries, flag.len());
        }
    }
}

fn flagged(scan: &mut Scan, at: usize, carries: Carries, flag: usize) {
    let text = scan.text;
    let from = if carries == Carries::Glued { at + flag } else { skip_spaces(text, at + flag) };
    let Some(span) = value_at(text, from, true) else { return };
    let body = &text[span.start..span.end];
    let split = match carries {
        Carries::Login => memchr::memchr(b':', body),
        Carries::Percent => memchr::memchr(b'%', body),
        Carries::Comma => memchr::memchr(b',', body),
        Carries::Next | Carries::Glued => None,
    };
    let secret = match (carries, split) {
        (Carries::Login | Carries::Percent | Carries::Comma, None) => return,
        (_, Some(i)) => span.start + i + 1,
        (_, None) => span.start,
    };
    let body = &text[secret..span.end];
    let example = carries == Carries::Login && value::is_all_stand_ins(&text[span.start..span.end]);
    if example {
        return;
    }
    if body.len() >= 3 && !body.starts_with(b"-") && !value::is_placeholder(body) && !is_reference(body) {
        scan.secret(secret, span.end, RuleId::FLAG);
    }
}

fn is_reference(body: &[u8]) -> bool {
    body.starts_with(b"$")
        && !body[1..].contains(&b'$')
        && body[1..].iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
}

fn skip_spaces(text: &[u8], from: usize) -> usize {
    from + text[from..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count()
}

/// Whether no command of the table stands in front of `at`; decided once for each simple command.
fn is_unknown(scan: &mut Scan, at: usize) -> bool {
    let from = command_start(scan, at);
    if scan.memo.unknown_command == Some(from) {
        return true;
    }
    let unknown =
        at - from >= HEAD_LIMIT && !FLAGS.iter().any(|(command, ..)| command_before(scan, at, command));
    if unknown {
        scan.memo.unknown_command = Some(from);
    }
    unknown
}

/// Whether the simple command that holds `at` starts with `command`, perhaps behind `sudo` or variables.
fn command_before(scan: &mut Scan, at: usize, command: &str) -> bool {
    let from = command_start(scan, at);
    let head = &scan.text[from..at.min(from + HEAD_LIMIT)];
    memchr::memmem::find_iter(head, command).any(|start| {
        let end = start + command.len();
        let free = start == 0 || b" \t/\n\"'($".contains(&head[start - 1]);
        free && head.get(end).is_none_or(|b| matches!(b, b' ' | b'\t' | b'.'))
    })
}

/// Where the simple command that holds `at` starts; what was read for the flag before is not read again.
fn command_start(scan: &mut Scan, at: usize) -> usize {
    let (start, read) = scan.memo.command;
    let floor = if at >= read && read > 0 { read } else { at.saturating_sub(LINE_LIMIT) };
    let separator = scan.text[floor..at].iter().rposition(|b| b"\n|;&(`".contains(b));
    let start = match separator {
        Some(i) => floor + i + 1,
        None if floor == read => start,
        None => floor,
    };
    scan.memo.command = (start, at);
    start
}

/// `IDENTIFIED BY 'x'`, `IDENTIFIED WITH plugin BY 'x'`
fn identified(scan: &mut Scan, end: usize) {
    let text = scan.text;
    let ceiling = text.len().min(end + 80);
    let Some(quote) = memchr::memchr2(b'\'', b'"', &text[end..ceiling]).map(|i| end + i) else { return };
    let clause = text[end..quote].to_ascii_lowercase();
    let by = [b" by ".as_slice(), b" as ", b" by \\", b" as \\"].iter().any(|word| clause.ends_with(word));
    let shouted = text[end - 1].is_ascii_uppercase() || text[quote] == b'\'';
    if by && shouted && !clause.contains(&b'\n') {
        literal(scan, quote);
    }
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

fn bare_behind(scan: &mut Scan, end: usize) {
    let from = skip_spaces(scan.text, end);
    if from == end {
        return;
    }
    let Some(span) = value_at(scan.text, from, true) else { return };
    let body = &scan.text[span.start..span.end];
    if body.len() >= 4 && !value::is_placeholder(body) {
        scan.secret(span.start, span.end, RuleId::FLAG);
    }
}

/// `redis-cli AUTH x`
fn redis_auth(scan: &mut Scan, start: usize, end: usize) {
    if command_before(scan, start, "redis-cli") {
        bare_behind(scan, end);
    }
}

/// `echo user:x | chpasswd`, `echo x | passwd --stdin`, `chpasswd <<< "user:x"`
fn piped(scan: &mut Scan, start: usize) {
    let text = scan.text;
    let floor = start.saturating_sub(300);
    let Some(echo) = memchr::memmem::rfind(&text[floor..start], b"echo ").map(|i| floor + i + 5) else {
        return;
    };
    let Some(bar) = memchr::memchr(b'|', &text[echo..start]) else { return };
    let from = skip_spaces(text, echo);
    let Some(span) = value_at(text, from, true) else { return };
    if span.end <= echo + bar {
        let body = &text[span.start..span.end];
        let secret = memchr::memchr(b':', body).map_or(span.start, |i| span.start + i + 1);
        if !value::is_placeholder(&text[secret..span.end.max(secret + 1)]) {
            scan.secret(secret, span.end, RuleId::FLAG);
        }
    }
}

/// `chpasswd <<< "user:x"`
fn here_string(scan: &mut Scan, end: usize) {
    let text = scan.text;
    let from = skip_spaces(text, end);
    if !text[from..].starts_with(b"<<<") {
        return;
    }
    let Some(span) = value_at(text, skip_spaces(text, from + 3), true) else { return };
    let secret = memchr::memchr(b':', &text[span.start..span.end]).map_or(span.start, |i| span.start + i + 1);
    if span.end > secret + 2 && !value::is_placeholder(&text[secret..span.end]) {
        scan.secret(secret, span.end, RuleId::FLAG);
    }
}

/// The argument number `wanted` behind a command, flags not counted: `htpasswd -b FILE USER x`.
fn positional(scan: &mut Scan, end: usize, wanted: usize, when: impl Fn(&[u8]) -> bool) {
    let text = scan.text;
    let ceiling = text.len().min(end + 300);
    let line_end = memchr::memchr3(b'\n', b'|', b';', &text[end..ceiling]).map_or(ceiling, |i| end + i);
    if text.get(end) != Some(&b' ') || !when(&text[end..line_end]) {
        return;
    }
    let mut at = skip_spaces(text, end);
    let mut seen = 0;
    while at < line_end {
        let Some(span) = value_at(text, at, true) else { return };
        let body = &text[span.start..span.end];
        seen += usize::from(!body.starts_with(b"-"));
        if seen == wanted {
            if !body.is_empty() && !value::is_placeholder(body) && body.len() >= 3 {
                scan.secret(span.start, span.end, RuleId::FLAG);
            }
            return;
        }
        at = skip_spaces(text, (span.end + usize::from(span.quoted)).max(at + 1));
    }
}

/// Whether a group of one-letter flags holds `letter`.
fn contains_flag(arguments: &[u8], letter: u8) -> bool {
    arguments
        .split(|b| *b == b' ')
        .any(|word| word.len() < 6 && word.starts_with(b"-") && word.contains(&letter))
}

/// Labels with a full-width colon: `密码：x`.
pub(crate) fn foreign_labels(scan: &mut Scan) {
    let text = scan.text;
    for at in memchr::memmem::find_iter(text, "：".as_bytes()) {
        let Some(name) = name_before(text, at) else { continue };
        let class = class_of(scan, name);
        if class != KeyClass::PLAIN {
            let name = Name { quoted: false, ..name };
            value_of(scan, class, name, at + 3, Operator { colon: true, strict: true, compares: false });
        }
    }
}
