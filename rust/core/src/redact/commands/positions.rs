//! Commands that take a password by its position alone: `vault login x`, `htpasswd -b FILE USER x`.

use super::shell;
use crate::redact::labelled::value;
use crate::redact::labelled::worded;
use crate::redact::rules::RuleId;
use crate::redact::scan::Scan;
use crate::redact::scan::span::back_over;

const LINE_LIMIT: usize = 300;

/// A command by its last word, the words before it, and which argument behind it, flags not counted, is the secret.
struct Position {
    word: &'static [u8],
    before: &'static [u8],
    place: usize,
    /// Whether everything but a placeholder there is a secret; else it must look like one.
    strict: bool,
}

const fn strict(before: &'static [u8], word: &'static [u8], place: usize) -> Position {
    Position { word, before, place, strict: true }
}

const fn likely(before: &'static [u8], word: &'static [u8], place: usize) -> Position {
    Position { word, before, place, strict: false }
}

const POSITIONS: [Position; 56] = [
    likely(b"", b"MONITOR", 4),
    likely(b"manager", b"login", 2),
    strict(b"", b"secret-set-value", 2),
    likely(b"", b"set-env", 3),
    likely(b"", b"htpasswd", 3),
    strict(b"", b"wpa_passphrase", 2),
    strict(b"", b"add_user", 2),
    strict(b"", b"change_password", 2),
    strict(b"", b"authenticate_user", 2),
    likely(b"", b"requirepass", 1),
    likely(b"", b"masterauth", 1),
    likely(b"vault", b"login", 1),
    likely(b"wandb", b"login", 1),
    likely(b"cargo", b"login", 1),
    likely(b"bw", b"login", 2),
    likely(b"+", b"login", 2),
    likely(b"operator", b"unseal", 1),
    likely(b"net", b"user", 2),
    likely(b"snyk", b"auth", 1),
    likely(b"openssl", b"passwd", 1),
    likely(b"", b"mkpasswd", 1),
    likely(b"", b"mkpasswd", 2),
    likely(b"samba-tool user", b"create", 2),
    likely(b"samba-tool user", b"add", 2),
    likely(b"ansible-vault", b"encrypt_string", 1),
    likely(b"service", b"install", 1),
    likely(b"ngrok", b"authtoken", 1),
    likely(b"", b"add-authtoken", 1),
    likely(b"", b"reset-admin-password", 1),
    strict(b"", b"set-initial-password", 1),
    likely(b"rclone", b"obscure", 1),
    likely(b"", b"wifi-sec.psk", 1),
    likely(b"", b"isql", 3),
    likely(b"alias", b"set", 4),
    likely(b"host", b"add", 4),
    likely(b"poetry", b"config", 3),
    likely(b"composer", b"config", 3),
    likely(b"composer", b"config", 2),
    likely(b"bundle", b"config", 2),
    likely(b"", b"pypi-token.pypi", 1),
    likely(b"", b"-passwd", 2),
    likely(b"", b"-setairportnetwork", 3),
    likely(b"", b"passwordspray", 4),
    likely(b"snmp-server", b"community", 1),
    likely(b"", b"rocommunity", 1),
    likely(b"", b"rwcommunity", 1),
    likely(b"", b"htpasswd", 2),
    likely(b"auth", b"test", 2),
    likely(b"", b"passwordspray", 3),
    likely(b"", b"mosquitto_passwd", 3),
    likely(b"", b"radtest", 2),
    likely(b"users", b"add", 2),
    likely(b"user", b"add", 2),
    likely(b"", b"-createCredential", 3),
    likely(b"", b"smbclient", 2),
    likely(b"user:", b"password", 2),
];

/// The numbers of the positions whose words start with each letter, as bits.
static PLACES: [u64; 32] = {
    let mut places = [0; 32];
    let mut at = 0;
    while at < POSITIONS.len() {
        places[(POSITIONS[at].word[0] % 32) as usize] |= 1 << at;
        at += 1;
    }
    places
};

/// The last words, for those who decide which words are looked at.
pub(crate) fn words() -> impl Iterator<Item = &'static str> {
    POSITIONS.iter().filter_map(|position| str::from_utf8(position.word).ok())
}

/// Looks at a word that may end the name of such a command.
pub(crate) fn at_word(scan: &mut Scan, start: usize, end: usize) {
    let text = scan.text;
    if !matches!(text.get(end), Some(b' ' | b'"' | b'\'')) {
        return;
    }
    let word = &text[start..end];
    let mut places = word.first().map_or(0, |first| PLACES[usize::from(first % 32)]);
    while places != 0 {
        let position = &POSITIONS[places.trailing_zeros() as usize];
        places &= places - 1;
        if position.word == word && follows(text, start, position.before) {
            argument(scan, end, position);
        }
    }
}

fn follows(text: &[u8], start: usize, before: &[u8]) -> bool {
    let end = back_over(text, start, 4, |b| matches!(b, b' ' | b'"' | b'\'' | b','));
    before.is_empty()
        || (end < start || before.ends_with(b":") || before == b"+") && text[..end].ends_with(before)
}

/// The argument at the place of `position`.
fn argument(scan: &mut Scan, end: usize, position: &Position) {
    let text = scan.text;
    let ceiling = text.len().min(end + LINE_LIMIT);
    let mut at = end;
    let mut seen = 0;
    while at < ceiling {
        // Behind the last word stands a space, or the quote that closes it as an item of a list.
        let Some(span) = shell::next_argument(text, at) else { return };
        let body = &text[span.start..span.end];
        at = if text[at] == b' ' { span.end + usize::from(span.quoted) } else { span.end }.max(at + 1);
        let switch = body[0] == b'-' || body[0] == b'/' && position.before == b"net";
        seen += usize::from(span.quoted || !switch);
        if seen == position.place {
            let plain = !position.strict
                && (!value::looks_chosen(body) || value::is_compound(body) || body.contains(&b'%'))
                && !worded::is_password(body)
                && !worded::is_phrase(body);
            if body.len() >= 4 && !plain && !value::is_placeholder(body) && !value::is_reference_name(body) {
                scan.secret(span.start, span.end, RuleId::FLAG);
            }
            return;
        }
        if matches!(text.get(at), None | Some(b'\n' | b'|' | b';')) {
            return;
        }
    }
}
