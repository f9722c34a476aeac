//! Passwords that reach a command by a pipe, a here-string or an expect script.

use super::shell;
use crate::redact::keys::words::Vocabulary;
use crate::redact::labelled::{value, worded};
use crate::redact::rules::RuleId;
use crate::redact::scan::Scan;
use crate::redact::scan::span::{Span, forward_over, quote_at, quoted_end};
use std::sync::LazyLock;

/// Commands and switches that read a secret from their input.
#[rustfmt::skip]
const READERS: [&[u8]; 37] = [
    b"passwd", b"chpasswd", b"smbpasswd", b"cryptsetup", b"--password-stdin", b"--with-token", b"sudo", b"su",
    b"--passphrase-fd", b"--passin", b"--passwd-on-stdin", b"--stdin-password", b"kinit", b"realm", b"luksOpen",
    b"luksFormat", b"insert", b"secret", b"secrets", b"secret-tool", b"ssh-add", b"--token", b"age", b"gpg", b"login",
    b"token", b"put", b"create", b"add", b"vncpasswd", b"saslpasswd2", b"pamtester", b"systemd-creds", b"openfortivpn",
    b"-stdinpass", b"--pwprompt", b"--password",
];

/// The readers, for those who decide who looks at a word.
pub(crate) fn words() -> impl Iterator<Item = &'static str> {
    READERS.iter().filter_map(|word| str::from_utf8(word).ok())
}

static KNOWN: LazyLock<Vocabulary<()>> =
    LazyLock::new(|| Vocabulary::new(words().map(|word| (word, ())), |(), ()| ()));

/// How far in front of its reader an `echo` is looked for.
const PIPE_REACH: usize = 300;

/// Looks at a word that may name a reader of secrets.
pub(crate) fn at_word(scan: &mut Scan, start: usize, end: usize) {
    let word = &scan.text[start..end];
    if KNOWN.get(word).is_none() {
        return;
    }
    if word != b"--password" {
        piped(scan, start);
    }
    here_string(scan, end);
}

/// `echo user:x | chpasswd`, `printf '%s' x | cryptsetup …`, `echo -e 'x\nx' | passwd joe`
fn piped(scan: &mut Scan, reader: usize) {
    let text = scan.text;
    let floor = reader.saturating_sub(PIPE_REACH);
    let Some(bar) = memchr::memrchr(b'|', &text[floor..reader]).map(|i| floor + i) else { return };
    if !reads_input(&text[bar + 1..reader], &text[reader..text.len().min(reader + 80)]) {
        return;
    }
    let front = &text[floor..bar];
    if front.last() == Some(&b')') || front.ends_with(b") ") {
        grouped(scan, floor, bar);
    }
    let echo = value::rfind(front, b"echo ").map(|i| i + 5);
    let Some(echo) = echo.max(value::rfind(front, b"printf ").map(|i| i + 7)) else { return };
    let Some(span) = last_argument(scan, floor + echo, bar) else { return };
    let secret = match memchr::memchr(b':', &text[span.start..span.end]) {
        Some(colon) if text[reader..].starts_with(b"chpasswd") => span.start + colon + 1,
        _ => span.start,
    };
    hide(scan, Span { start: secret, ..span });
}

/// `(echo x; echo x) | smbpasswd -s joe`: each of them.
fn grouped(scan: &mut Scan, floor: usize, bar: usize) {
    let text = scan.text;
    for at in memchr::memmem::find_iter(&text[floor..bar], b"echo ").take(4) {
        let from = forward_over(text, floor + at + 5, 8, |b| b == b' ');
        if let Some(span) = shell::argument(text, from).filter(|span| span.end < bar) {
            hide(scan, span);
        }
    }
}

/// Whether the command behind the bar takes a secret: few words stand before the reader, and none of them makes it
/// something else (`| grep token`, `| tee secret`).
fn reads_input(front: &[u8], behind: &[u8]) -> bool {
    let mut words = front.split(|b| *b == b' ').filter(|word| !word.is_empty());
    let filters = words.clone().any(|word| {
        matches!(
            word,
            b"grep" | b"tee" | b"sed" | b"awk" | b"jq" | b"cat" | b"cut" | b"xargs" | b"rg" | b"wc"
        )
    });
    let first = words.next().unwrap_or_default();
    let reader = behind.split(|b| matches!(b, b' ' | b'\n' | b'"' | b'\'')).next().unwrap_or_default();
    let named = |word: &[u8]| {
        #[rustfmt::skip]
        let known = [
            b"docker".as_slice(), b"podman", b"gcloud", b"wrangler", b"pass", b"vercel", b"gh", b"glab", b"kubectl", b"aws", b"az", b"npx",
            b"flyctl", b"fly", b"helm", b"cargo", b"vault", b"crane", b"skopeo", b"buildah", b"nerdctl", b"oras", b"dart", b"op", b"bw",
        ];
        known.contains(&word)
    };
    match reader {
        _ if filters => false,
        b"sudo" => value::contains(behind, b" -S"),
        b"insert" | b"secret" | b"secrets" | b"login" | b"token" | b"put" | b"create" | b"add" => {
            named(first)
        }
        _ => true,
    }
}

/// The last argument between an `echo` and the bar; one in front of it goes with it.
fn last_argument(scan: &mut Scan, from: usize, bar: usize) -> Option<Span> {
    let text = scan.text;
    let mut at = from;
    let mut last: Option<Span> = None;
    for _ in 0..6 {
        let start = forward_over(text, at, 40, |b| b == b' ');
        if start >= bar {
            break;
        }
        let span = shell::argument(text, start)?;
        if span.end > bar {
            return None;
        }
        at = (span.end + usize::from(span.quoted)).max(start + 1);
        let body = &text[span.start..span.end];
        if !body.starts_with(b"-") && !body.starts_with(b"%") && body != b")" {
            if let Some(before) = last
                && value::looks_chosen(&text[before.start..before.end])
            {
                hide(scan, before);
            }
            last = Some(span);
        }
    }
    last
}

/// Looks at `echo`: `<(echo x)`, `--passwordeval "echo x"`, `echo x | su - bob`.
pub(super) fn at_echo(scan: &mut Scan, start: usize, end: usize) {
    let text = scan.text;
    if text.get(end) != Some(&b' ') {
        return;
    }
    match text[start.saturating_sub(1)] {
        b'(' if text[..start].ends_with(b"<(") => printed(scan, end, b')'),
        quote @ (b'"' | b'\'')
            if names_password(&text[start.saturating_sub(32)..start.saturating_sub(1)]) =>
        {
            printed(scan, end, quote);
        }
        _ => {}
    }
    let line = forward_over(text, end, 160, |b| !matches!(b, b'|' | b'\n'));
    let reader = forward_over(text, line + 1, 8, |b| b == b' ');
    if text.get(line) == Some(&b'|')
        && text[reader.min(text.len())..].starts_with(b"su ")
        && let Some(span) = last_argument(scan, end, line)
    {
        hide(scan, span);
    }
}

/// Whether the word in front of a quoted command speaks of a password: `--passwordeval`, `PassCmd`, `-extpass`.
fn names_password(front: &[u8]) -> bool {
    let front = front.trim_ascii_end();
    let front = front.strip_suffix(b"=").or_else(|| front.strip_suffix(b"\\")).unwrap_or(front);
    let word = front.rsplit(|b| b" \t\n\"'".contains(b)).find(|word| !word.is_empty()).unwrap_or_default();
    word.windows(4).any(|part| part.eq_ignore_ascii_case(b"pass"))
}

/// The password that `echo` prints, up to `close`.
fn printed(scan: &mut Scan, end: usize, close: u8) {
    let text = scan.text;
    let mut from = forward_over(text, end, 8, |b| b == b' ');
    while text[from..].starts_with(b"-n ") || text[from..].starts_with(b"-e ") {
        from += 3;
    }
    let to = forward_over(text, from, 200, |b| b != close && b != b'\n');
    let span = shell::without_quotes(text, Span { start: from, end: to, quoted: false });
    let Some(body) = text.get(span.start..span.end) else { return };
    let chosen = value::looks_chosen(body) || worded::is_phrase(body) || worded::is_password(body);
    if text.get(to) == Some(&close) && chosen && !body.contains(&b'$') {
        hide(scan, span);
    }
}

/// `chpasswd <<< "user:x"`, `vercel env add NAME production <<< x`
pub(super) fn here_string(scan: &mut Scan, end: usize) {
    let text = scan.text;
    let ceiling = text.len().min(end + 80);
    let Some(sign) = memchr::memchr2(b'<', b'\n', &text[end..ceiling]).map(|i| end + i) else { return };
    if !text[sign..].starts_with(b"<<<") {
        return;
    }
    let from = forward_over(text, sign + 3, 8, |b| b == b' ');
    let Some(span) = shell::argument(text, from) else { return };
    let colon =
        memchr::memchr(b':', &text[span.start..span.end]).filter(|_| text[..end].ends_with(b"passwd"));
    hide(scan, Span { start: colon.map_or(span.start, |colon| span.start + colon + 1), ..span });
}

fn hide(scan: &mut Scan, span: Span) {
    let Some(body) = scan.text.get(span.start..span.end) else { return };
    if body.len() >= 3 && !value::is_placeholder(body) && !value::is_reference_name(body) {
        scan.secret(span.start, span.end, RuleId::FLAG);
    }
}

/// `expect "assword:"; send "x\r"`
pub(crate) fn expected(scan: &mut Scan, start: usize, end: usize) {
    let text = scan.text;
    let front = &text[start.saturating_sub(160)..start];
    if !value::contains(front, b"ssword") && !value::contains(front, b"ssphrase") {
        return;
    }
    let from = forward_over(text, end, 8, |b| matches!(b, b' ' | b'-'));
    let Some((open, depth)) = quote_at(text, from) else { return };
    let Some(close) = quoted_end(text, open, depth) else { return };
    let line = memchr::memmem::rfind(&text[open..close], b"\\r").map_or(close, |i| open + i);
    let line = text[open..line].iter().rposition(|b| *b != b'\\').map_or(line, |i| open + i + 1);
    hide(scan, Span { start: open, end: line, quoted: true });
}
