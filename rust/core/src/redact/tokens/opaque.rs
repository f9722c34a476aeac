//! What looks drawn and is no secret: ids that services hand out, digests, public keys, data.

use super::after_escape;
use crate::redact::labelled::benign;
use crate::redact::labelled::value::contains;
use crate::redact::scan::segments::Segments;
use crate::redact::scan::span::{back_over, forward_over};

/// Words in front of an id, a digest or a file: `msg_…`, `req-…`, `chunk-…`; sorted.
#[rustfmt::skip]
const NOUNS: [&str; 309] = [
    "aarch64", "account", "acct", "acl", "address", "alert", "alpha", "amd64", "ami", "arm64", "asset", "assistant",
    "asst", "astro", "attempt", "audio", "avatar", "backup", "bank", "base64", "batch", "beta", "blake2b", "blake3",
    "blob", "block", "board", "booking", "build", "bundle", "buyer", "cache", "calendar", "call", "campaign", "card",
    "cart", "channel", "charge", "chart", "chatcmpl", "check", "checkout", "checksum", "chunk", "chunks", "class",
    "cluster", "cmpl", "comment", "commit", "company", "component", "contact", "container", "conv", "conversation",
    "coupon", "cp", "cpython", "crawl", "cs", "css", "cus", "customer", "darwin", "dashboard", "data", "dataset",
    "db", "deal", "deploy", "deployment", "diff", "digest", "doc", "docker", "document", "dpl", "drive", "ds", "dump",
    "email", "embd", "emotion", "endpoint", "eni", "env", "epoch", "etag", "event", "evt", "example", "exec",
    "execution", "exp", "experiment", "export", "fc", "file", "fixture", "flow", "fn", "folder", "font", "frame",
    "framework", "ft", "ftjob", "function", "gen", "go", "group", "guid", "hash", "host", "icon", "id", "igw",
    "image", "img", "import", "incident", "index", "inst", "instance", "inv", "invite", "invoice", "item", "job",
    "jpg", "jsx", "label", "lambda", "layer", "lead", "lib", "libs", "linux", "list", "location", "log", "logo",
    "mail", "main", "mandate", "md5", "media", "meeting", "member", "message", "metric", "model", "modr", "module",
    "monitor", "msg", "mui", "nat", "nix", "node", "nonce", "note", "obj", "object", "op", "operation", "order",
    "org", "organization", "overlay", "package", "page", "parcel", "part", "patch", "payment", "payout", "phc",
    "phone", "photo", "pkg", "place", "plan", "plink", "pm", "png", "policy", "polyfills", "pool", "post", "price",
    "prj", "probe", "prod", "product", "proj", "project", "promo", "prompt", "prt", "python", "query", "queue", "rec",
    "record", "ref", "refund", "release", "report", "req", "request", "reservation", "resp", "response", "rev",
    "revision", "rfc", "role", "room", "route", "rs", "rtb", "run", "runtime", "sample", "scrape", "script", "search",
    "segment", "seller", "ses", "session", "setatt", "seti", "sg", "sha1", "sha224", "sha256", "sha384", "sha512",
    "shard", "shipment", "shop", "slot", "sms", "snap", "snapshot", "space", "span", "src", "srvtoolu", "step",
    "store", "stream", "sts", "style", "sub", "subnet", "svc", "svelte", "svg", "tag", "task", "team", "temp", "tgw",
    "thread", "thumb", "ticket", "tmp", "toolu", "tooluse", "topic", "trace", "track", "transaction", "tree", "trx",
    "txn", "uid", "upload", "user", "utf", "utxo", "uuid", "validator", "vendor", "ver", "version", "video", "view",
    "vm", "voice", "vol", "vpc", "vpce", "vs", "vue", "vuex", "wallet", "webpack", "wf", "widget", "win32",
    "workflow", "workspace", "x86",
];

/// Whether `word` names a thing that has an id.
pub(crate) fn is_noun(word: &[u8]) -> bool {
    let bit = noun_bit(word);
    NOUN_BITS[bit / 64] >> (bit % 64) & 1 == 1
        && NOUNS.binary_search_by(|noun| noun.as_bytes().cmp(word)).is_ok()
}

/// A bit for the hash of each noun: nearly every other word fails here.
static NOUN_BITS: [u64; 128] = {
    let mut bits = [0; 128];
    let mut at = 0;
    while at < NOUNS.len() {
        let bit = noun_bit(NOUNS[at].as_bytes());
        bits[bit / 64] |= 1 << (bit % 64);
        at += 1;
    }
    bits
};

const fn noun_bit(word: &[u8]) -> usize {
    let (mut hash, mut at) = (0_u32, 0);
    while at < word.len() {
        hash = (hash ^ word[at] as u32).wrapping_mul(0x9e37_79b1);
        hash ^= hash >> 15;
        at += 1;
    }
    (hash >> 19) as usize
}

/// Ids that frameworks hand out, digests and public keys.
pub(crate) fn is_id(run: &[u8]) -> bool {
    is_noun_id(run)
        || is_publishable(run)
        || is_symbol(run)
        || is_service_id(run)
        || is_ulid(run)
        || is_payment_object(run)
        || is_public_key(run)
        || benign::is_described_commit(run)
        || benign::is_drawing(run)
        || run.starts_with(b"AAECAwQF")
}

fn is_noun_id(run: &[u8]) -> bool {
    let Some(sign) = run[..run.len().min(14)].iter().position(|b| matches!(b, b'_' | b'-')) else {
        return false;
    };
    let mut word = [0; 14];
    word[..sign].copy_from_slice(&run[..sign]);
    word.make_ascii_lowercase();
    is_noun(&word[..sign])
        && !{
            let front = &run[..run.len().min(24)];
            Segments::of_bytes(&front[..prefix_words(front)]).any(|word| {
                matches!(
                    word,
                    b"sk"
                        | b"key"
                        | b"token"
                        | b"secret"
                        | b"pat"
                        | b"auth"
                        | b"api"
                        | b"access"
                        | b"tok"
                        | b"live"
                )
            })
        }
}

/// How much of `front` is words of letters, each with a sign behind it.
fn prefix_words(front: &[u8]) -> usize {
    let mut end = 0;
    while let Some(sign) = front[end..].iter().position(|b| matches!(b, b'_' | b'-')) {
        if !front[end..end + sign].iter().all(u8::is_ascii_alphabetic) {
            break;
        }
        end += sign + 1;
    }
    end
}

/// Keys that their issuers call publishable.
pub(crate) fn is_publishable(run: &[u8]) -> bool {
    const FRONTS: [&[u8]; 6] =
        [b"pk_live_", b"pk_test_", b"pk-lf-", b"phc_", b"sb_publishable_", b"pk_prod_"];
    matches!(&run[..2], b"pk" | b"ph" | b"sb") && FRONTS.iter().any(|front| run.starts_with(front))
}

fn is_ulid(run: &[u8]) -> bool {
    run.len() == 26 && run[0] <= b'7' && run.iter().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
}

/// `pi_3…`, `ch_1…`: the objects of a payment service.
fn is_payment_object(run: &[u8]) -> bool {
    // Of 2 to 4 letters, the sign and 24 characters.
    if !(27..=29).contains(&run.len()) {
        return false;
    }
    let sign = run.len() - 25;
    if run[sign] != b'_' {
        return false;
    }
    let tail = &run[sign + 1..];
    matches!(tail[0], b'1'..=b'3')
        && matches!(
            &run[..sign],
            b"pi"
                | b"ch"
                | b"cs"
                | b"in"
                | b"ii"
                | b"pm"
                | b"si"
                | b"py"
                | b"re"
                | b"tr"
                | b"po"
                | b"ba"
                | b"seti"
                | b"card"
        )
        && tail.iter().all(u8::is_ascii_alphanumeric)
}

/// A mangled symbol of C++ or Rust.
fn is_symbol(run: &[u8]) -> bool {
    run.starts_with(b"_Z") || run.starts_with(b"_R") || run.starts_with(b"__Z") || run.starts_with(b"__R")
}

/// The end of a pod's name: `7d4b9c6f5d-x2k8p`.
pub(crate) fn is_replica(tail: &[u8]) -> bool {
    let word = |part: &[u8]| part.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    tail.iter().position(|b| *b == b'-').is_some_and(|sign| {
        (7..=10).contains(&sign) && tail.len() == sign + 6 && word(&tail[..sign]) && word(&tail[sign + 1..])
    })
}

/// Two capitals and 32 hexadecimal digits number an object; those of keys start with `SK`.
fn is_service_id(run: &[u8]) -> bool {
    run.len() == 34
        && run[..2].iter().all(u8::is_ascii_uppercase)
        && !run.starts_with(b"SK")
        && run[2..].iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_public_key(run: &[u8]) -> bool {
    run.starts_with(b"AAAA") && contains(&run[..run.len().min(40)], b"Nza")
}

/// Digests and public keys whose front a sign splits from the run.
pub(crate) fn is_known_whole(text: &[u8], from: usize) -> bool {
    let front = &text[from.saturating_sub(16)..text.len().min(from + 16)];
    front.windows(3).enumerate().any(|(at, start)| {
        matches!(start, b"sha" | b"SHA" | b"h1:" | b"md5" | b"AAA" | b"ssh" | b"did") && is_mark(&front[at..])
    })
}

fn is_mark(front: &[u8]) -> bool {
    const MARKS: [&[u8]; 12] = [
        b"sha1-",
        b"sha256",
        b"sha384",
        b"sha512",
        b"SHA256:",
        b"h1:",
        b"md5",
        b"AAAAC3Nza",
        b"AAAAB3Nza",
        b"AAAAE2Vj",
        b"ssh-",
        b"did:",
    ];
    MARKS.iter().any(|mark| front.starts_with(mark))
}

/// Addresses made of a digest: of the Nix store (its alphabet lacks e, o, t and u) and of IPFS.
fn is_content_address(token: &[u8]) -> bool {
    let nix = matches!(token.len(), 32 | 52)
        && token.iter().all(|b| b.is_ascii_digit() || (b.is_ascii_lowercase() && !b"eotu".contains(b)));
    nix || token.starts_with(b"baf") || (token.len() == 46 && token.starts_with(b"Qm"))
}

/// What looks like a secret without a prefix and is none.
pub(crate) fn is_public(text: &[u8], from: usize, to: usize) -> bool {
    let token = &text[from..to];
    is_content_address(token)
        || is_encoded_text(token)
        || is_line_of_data(text, from, to)
        || follows_public_label(text, from)
}

/// Base64 of text, of tables or of messages: nearly all of its bytes are below 128. What is secret in a text is
/// found after decoding.
fn is_encoded_text(token: &[u8]) -> bool {
    let (mut bits, mut bytes, mut high) = (0_u32, 0, 0);
    for (at, byte) in token.iter().take(48).enumerate() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            _ => 63,
        };
        bits = bits << 6 | u32::from(value);
        if at % 4 == 3 {
            high += bits.to_be_bytes()[1..].iter().filter(|b| **b >= 0x80).count();
            bytes += 3;
            bits = 0;
        }
    }
    bytes >= 18 && high * 18 <= bytes
}

/// So much base64 at the start of the next line shows that the line goes on there.
const NEXT_LINE: usize = 24;

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

/// The rest of a wrapped line of base64, behind the name of a file or in front of a continuation.
fn is_line_of_data(text: &[u8], from: usize, to: usize) -> bool {
    let token = &text[from..to];
    let signs = token.iter().any(|b| matches!(b, b'+' | b'/'));
    let ends = text.get(to).is_none_or(|b| matches!(b, b'\n' | b'\r'));
    let continued = text[to..].starts_with(b"\\\n");
    let next = text[to..].iter().skip(1).take(NEXT_LINE).take_while(|b| is_base64(**b)).count();
    let goes_on = ends && next == NEXT_LINE;
    continued || goes_on || (ends && signs && matches!(token.len(), 60 | 64 | 70 | 72 | 76))
}

/// Behind a name of public things: `"kid": "…"`, `fingerprint=…`, `x-request-id: …`.
fn follows_public_label(text: &[u8], from: usize) -> bool {
    const LABELS: [&[u8]; 20] = [
        b"kid",
        b"x5t",
        b"S256",
        b"n",
        b"x",
        b"y",
        b"etag",
        b"digest",
        b"hash",
        b"fingerprint",
        b"checksum",
        b"integrity",
        b"cursor",
        b"page",
        b"nonce",
        b"bh",
        b"id",
        b"2",
        b"sitekey",
        b"NSEC3",
    ];
    let sign = |b: &u8| matches!(b, b'"' | b'\'' | b' ' | b':' | b'=' | b'\\' | b'`');
    let signs = text[..from].iter().rev().take(6).take_while(|b| sign(b)).count();
    let end = from - signs;
    let letter = |b: &u8| b.is_ascii_alphanumeric();
    let word = text[..end].iter().rev().take(16).take_while(|b| letter(b)).count();
    let word = &text[end - word..end];
    signs > 0
        && LABELS.iter().any(|label| {
            word.len() >= label.len()
                && word[word.len() - label.len()..].eq_ignore_ascii_case(label)
                && (word.len() == label.len() || word[word.len() - label.len()].is_ascii_uppercase())
        })
}

/// `etag: W/"9b71-…"`
pub(crate) fn is_entity_tag(text: &[u8], from: usize) -> bool {
    let signs = back_over(text, from, 6, |b| b"\"\\/W: ".contains(&b));
    let name = &text[signs.saturating_sub(4)..signs];
    text[signs..from].starts_with(b"W/") || signs < from && name.eq_ignore_ascii_case(b"etag")
}

/// Inside a data URL or an encoded image.
pub(crate) fn is_data(text: &[u8], start: usize) -> bool {
    let front = &text[start.saturating_sub(40)..start];
    contains(front, b"base64,") || text[start..].starts_with(b"iVBORw0KGgo") || in_block(text, start)
}

const LINE_LIMIT: usize = 200;

/// Inside a block of equally long lines of base64, or its shorter last line; each line may have a number or the name
/// of a file in front, and line ends may be escaped.
fn in_block(text: &[u8], start: usize) -> bool {
    let body = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
    let from = after_escape(text, back_over(text, start, LINE_LIMIT, body));
    let to = forward_over(text, start, LINE_LIMIT, body);
    let length = to - from;
    let before = line_end_before(text, from).is_some_and(|end| {
        let line = end - back_over(text, end, LINE_LIMIT, body);
        line == length && length >= 40 || line >= length.max(56)
    });
    before
        || (40..=LINE_LIMIT).contains(&length)
            && line_start_after(text, to).is_some_and(|next| {
                let line = &text[next..text.len().min(next + LINE_LIMIT)];
                line.split(|b| !body(*b)).take(16).any(|run| run.len() == length)
            })
}

/// Where the line in front of the one that holds `from` ends; only a number or a place may stand before `from`.
fn line_end_before(text: &[u8], from: usize) -> Option<usize> {
    let end = if text[..from].ends_with(b"\\n") {
        let end = from - 2;
        end - if text[..end].ends_with(b"\\r") { 2 } else { 0 }
    } else {
        let floor = from.saturating_sub(80);
        floor + memchr::memrchr(b'\n', &text[floor..from])?
    };
    Some(if text[..end].ends_with(b"\r") { end - 1 } else { end })
}

fn line_start_after(text: &[u8], to: usize) -> Option<usize> {
    let returned = forward_over(text, to, 1, |b| b == b'\r');
    let rest = &text[returned..];
    let escaped = [b"\\n".as_slice(), b"\\r\\n"].into_iter().find(|sign| rest.starts_with(sign));
    match escaped {
        Some(sign) => Some(returned + sign.len()),
        None => (rest.first() == Some(&b'\n')).then_some(returned + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nouns_are_sorted_and_short() {
        assert!(NOUNS.is_sorted() && NOUNS.iter().all(|noun| noun.len() < 14));
        assert!(is_noun(b"msg") && !is_noun(b"acme"));
    }

    #[test]
    fn text_in_base64_is_told_from_drawn_bytes() {
        assert!(is_encoded_text(b"dGhlIHF1aWNrIGJyb3duIGZveCBqdW1wcw"));
        assert!(!is_encoded_text(b"x7Kq2mZp9Lw4Rt8Vb3Ncx7Kq2mZp9Lw4Rt8V"));
        assert!(!is_encoded_text(b"dGhlIHF1"));
        assert!(is_encoded_text(b"AAJhZ2xxBwARABMAFQBtAg0AAAAAAA8AcAAmYG8A"));
    }

    #[test]
    fn a_line_of_a_certificate_is_data() {
        let line = format!("{}+{}", "x7Kq2mZp9Lw4Rt8Vb3NcJ5hG6fD1sQ0y", "TeUiOaWzXvx7Kq2mZp9Lw4Rt8Vb3Nc1");
        let text = format!("a.crt:879:{line}\nb");
        assert!(is_line_of_data(text.as_bytes(), 10, 10 + line.len()));
        assert!(!is_line_of_data(text.as_bytes(), 10, line.len()));
        assert!(is_line_of_data(b"abc\\\ndef", 0, 3));
    }

    #[test]
    fn names_of_public_things_are_read_backwards() {
        for text in ["\"kid\": \"", "fingerprint=", "x-request-id: ", "nextPage "] {
            assert!(follows_public_label(text.as_bytes(), text.len()), "{text}");
        }
        for text in ["rapid: ", "loaded ", "id", "\"value\": \""] {
            assert!(!follows_public_label(text.as_bytes(), text.len()), "{text}");
        }
    }

    #[test]
    fn digests_ids_and_blocks_of_base64_are_no_tokens() {
        for id in [
            "toolu_01su3GoleYt3RZXK86McEL2d",
            "01ERPTGM20G2ANV3XFEFQTNMGW",
            "chatcmpl-Pjkbcahmln1jT96d4SZ7RQ9y",
        ] {
            assert!(is_id(id.as_bytes()), "{id}");
        }
        let line = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9w";
        let block = format!("{line}\n{line}\n{line}");
        assert!(in_block(block.as_bytes(), line.len() + 1));
    }
}
