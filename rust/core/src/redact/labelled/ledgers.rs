//! Files of logins without a label: `user:x`, `"user" "x"`, `host user x`, one in a line. The name of the file says
//! what they are: in the same text (`cat .htpasswd`) or in another one of the event.

use super::lines::past_number;
use super::value;
use super::worded;
use crate::redact::rules::RuleId;
use crate::redact::scan::Scan;
use crate::redact::scan::span::{back_over, to_line_end};

/// How long a line may be.
const LONGEST_LINE: usize = 400;
/// How many lines are read.
const MOST_LINES: usize = 200;

/// Names of files, `.txt` being optional.
const FILES: [&[u8]; 21] = [
    b"passwd.client",
    b"userlist",
    b"psk",
    b"chap-secrets",
    b"pap-secrets",
    b"davfs2/secrets",
    b".davfs2/secrets",
    b"rsyncd.secrets",
    b"dovecot/users",
    b"vsftpd/users",
    b"vusers",
    b"openvpn/auth",
    b"vpn-auth",
    b"userpass",
    b".curlrc",
    b"ftpd.passwd",
    b".htpasswd",
    b"htpasswd",
    b"sasl_passwd",
    b"passwd-s3fs",
    b"pwfile",
];

/// Names of files that would say nothing without their ending.
const TEXTS: [&[u8]; 6] =
    [b"passwords.txt", b"credentials.txt", b"logins.txt", b"accounts.txt", b"creds.txt", b"users.txt"];

/// Commands that print a secret and nothing else, or it first.
const PRINTERS: [&[u8]; 16] = [
    b"pass show ",
    b"gopass show ",
    b"gopass cat ",
    b"secret-tool lookup ",
    b"gcloud secrets versions access ",
    b"op read ",
    b"vault kv get -field",
    b"vault read -field",
    b"bw get password ",
    b"argocd admin initial-password",
    b"security find-generic-password ",
    b"security find-internet-password ",
    b"chamber read ",
    b"doppler secrets get ",
    b"heroku config:get ",
    b"lpass show ",
];

/// Whether a path or a command ends with the name of such a file.
pub(crate) fn is_named(text: &[u8]) -> bool {
    let bare = text.strip_suffix(b".txt");
    let names: &[&[u8]] = &TEXTS;
    let bounded =
        |name: &[u8], front: &[u8]| front.last().is_none_or(|b| b"/ \\'\"".contains(b) || name[0] == b'.');
    let ends = |text: &[u8], names: &[&[u8]]| {
        names.iter().any(|name| text.strip_suffix(*name).is_some_and(|front| bounded(name, front)))
    };
    if bare.is_some() && ends(text, names) {
        return true;
    }
    let text = bare.unwrap_or(text);
    matches!(text.last(), Some(b't' | b'k' | b's' | b'h' | b'c' | b'd' | b'e')) && ends(text, &FILES)
}

/// Whether a command prints a secret.
pub(crate) fn is_printed_by(command: &[u8]) -> bool {
    let front = matches!(
        command.first(),
        Some(b'p' | b'g' | b's' | b'o' | b'v' | b'b' | b'a' | b'c' | b'd' | b'h' | b'l')
    );
    front && PRINTERS.iter().any(|printer| printer[0] == command[0] && command.starts_with(printer))
}

/// Looks at a command that shows a file, or prints a secret: the lines behind it are what it printed.
pub(crate) fn at_reader(scan: &mut Scan, start: usize, end: usize) {
    let text = scan.text;
    let line = to_line_end(text, end, LONGEST_LINE);
    if start < scan.memo.ledger || text.get(end) != Some(&b' ') || text.get(line) != Some(&b'\n') {
        return;
    }
    let command = &text[start..line];
    if command.iter().any(|b| b"|>;&".contains(b)) {
        return;
    }
    let front = back_over(text, start, 24, |b| b.is_ascii_alphanumeric() || matches!(b, b' ' | b'-'));
    let front = front + text[front..start].iter().take_while(|b| **b == b' ').count();
    if is_named(command) || is_printed_by(&text[front..line]) {
        let end = in_lines(text, line + 1, |from, to| scan.secret(from, to, RuleId::ASSIGNED));
        scan.memo.ledger = end;
    }
}

/// Reports the passwords in the lines from `at` on, up to the first that holds none; where that is.
fn in_lines(text: &[u8], mut at: usize, mut report: impl FnMut(usize, usize)) -> usize {
    for _ in 0..MOST_LINES {
        if at >= text.len() {
            return at;
        }
        let end = to_line_end(text, at, LONGEST_LINE);
        let line = &text[at..end];
        match of_line(line) {
            Some((from, to)) => report(at + from, at + to),
            None if line.starts_with(b"#") || line.is_empty() || end - at < 24 && !line.starts_with(b"$") => {
            }
            None => return at,
        }
        at = end + 1;
    }
    at
}

/// Reports the passwords of a whole text that is such a file.
pub(crate) fn in_file(text: &[u8], mut report: impl FnMut(usize, usize)) {
    let mut at = 0;
    for _ in 0..MOST_LINES {
        if at >= text.len() {
            return;
        }
        let end = to_line_end(text, at, LONGEST_LINE);
        if let Some((from, to)) = of_line(&text[at..end]) {
            report(at + from, at + to);
        }
        at = end + 1;
    }
}

/// The password in a line of such a file.
fn of_line(line: &[u8]) -> Option<(usize, usize)> {
    let start = past_number(line, 0);
    let end = line.len()
        - line[start..].iter().rev().take_while(|b| b.is_ascii_whitespace() || **b == b',').count();
    let body = &line[start..end];
    if body.len() < 4 || matches!(body[0], b'#' | b';') || body.starts_with(b"//") {
        return None;
    }
    let blank = body.iter().rposition(|b| matches!(b, b' ' | b'\t'));
    let last = blank.map_or(0, |blank| blank + 1);
    let field = field(body, last)?;
    Some((start + field.0, start + field.1))
}

/// The password in the last word of a line, which starts at `last`; past the user in front of a colon.
fn field(body: &[u8], last: usize) -> Option<(usize, usize)> {
    let (mut from, mut to) = (last, body.len());
    while to - from > 1 && matches!(body[from], b'"' | b'\'') && matches!(body[to - 1], b'"' | b'\'') {
        (from, to) = (from + 1, to - 1);
    }
    let word = &body[from..to];
    let user = word.iter().take_while(|b| b.is_ascii_alphanumeric() || b"._-@".contains(b)).count();
    if user == 0 || word.get(user) != Some(&b':') {
        return is_password(word).then_some((from, to));
    }
    let mut at = from + user + 1;
    for part in word[user + 1..].split(|b| *b == b':').take(3) {
        let kind = if part.first() == Some(&b'{') {
            part.iter().position(|b| *b == b'}').map_or(0, |brace| brace + 1)
        } else {
            0
        };
        if is_password(&part[kind..]) {
            return Some((at + kind, at + part.len()));
        }
        at += part.len() + 1;
    }
    None
}

fn is_password(body: &[u8]) -> bool {
    body.len() >= 6
        && !body.contains(&b'/')
        && !value::is_placeholder(body)
        && (value::is_prose_secret(body, true)
            || worded::is_password(body)
            || worded::is_phrase(body)
            || value::looks_chosen(body) && !value::is_compound(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_holds_a_login_in_one_of_a_few_forms() {
        for (line, password) in [
            ("bob:walnut-pebble87", "walnut-pebble87"),
            ("bob:{PLAIN}walnut87x:1000:1000::/mail", "walnut87x"),
            ("mail.internal:bob:walnut@787", "walnut@787"),
            ("\"app\" \"walnut87x\"", "walnut87x"),
            ("https://cloud.internal/dav bob walnut87x", "walnut87x"),
            ("    12→10.0.0.1\twalnut87x", "walnut87x"),
            ("user = \"bob:walnut87x\"", "walnut87x"),
            ("walnut-pebble-anchor-kettle", "walnut-pebble-anchor-kettle"),
        ] {
            let found = of_line(line.as_bytes()).map(|(from, to)| &line[from..to]);
            assert_eq!(found, Some(password), "{line}");
        }
        for line in
            ["bob", "# bob:walnut87x", "total 24", "root:x:0:0:root:/root:/bin/bash", "bob:${PASSWORD}", "{"]
        {
            assert_eq!(of_line(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn names_of_such_files_end_a_path() {
        for name in
            ["cat .htpasswd", "/etc/dovecot/users", "psk.txt", "/root/.curlrc", "less 'passwords.txt'"]
        {
            assert!(is_named(name.trim_end_matches('\'').as_bytes()), "{name}");
        }
        for name in
            ["app/models/users", "src/logins.rs", "mypsk", "list of logins and", "docs/credentials.md"]
        {
            assert!(!is_named(name.as_bytes()), "{name}");
        }
    }
}
