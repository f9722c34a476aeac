//! Laws of the redactor over generated texts: no planted secret survives, and answers are always well formed.
#![allow(clippy::unwrap_used)]

mod support;

use proptest::prelude::*;
use std::sync::LazyLock;
use support::{plain, policy};
use t800_core::redact::{KeyClass, Redactor, Scratch, Verdict};

static REDACTOR: LazyLock<Redactor> = LazyLock::new(|| Redactor::new(&policy()).unwrap());

/// Places where secrets turn up; `{}` is the secret.
const CONTEXTS: [&str; 40] = [
    "export API_TOKEN={}",
    "API_TOKEN=\"{}\" make",
    "token: {}",
    "  api_key: '{}'",
    "{\"apiKey\": \"{}\"}",
    "{\\\"apiKey\\\": \\\"{}\\\"}",
    "const apiKey = '{}';",
    "private static final String TOKEN = \"{}\";",
    "client = Client(api_key='{}', timeout=3)",
    "tool --token {} --region eu",
    "tool --api-key={} x",
    "curl -H 'Authorization: Bearer {}' https://x.dev",
    "curl -H \"X-Api-Key: {}\" https://x.dev",
    "curl -u bot:{} https://x.dev",
    "https://bot:{}@git.acme.dev/x.git",
    "https://x.dev/?a=1&access_token={}&b=2",
    "<secretKey>{}</secretKey>",
    "<add key=\"ApiToken\" value=\"{}\" />",
    "| prod | API_TOKEN | {} |",
    "set -gx API_TOKEN {}; run",
    "$env:API_TOKEN = '{}'",
    "my api key is `{}`, ok?",
    "the secret is {} - keep it",
    "PASSWORD={}\nNEXT=1",
    "db.password={}",
    "machine h login bot password {}",
    "os.environ['TOKEN'] = '{}'",
    "define('AUTH_KEY', '{}');",
    "Set-Cookie: sid={}; Path=/",
    "INSERT INTO u (id, password) VALUES (1, '{}')",
    "+API_SECRET={}",
    "config.set(\"password\", \"{}\")",
    "{'client_secret': '{}'}",
    "psql 'host=h password={} user=u'",
    "//npm.acme.dev/:_authToken={}",
    "AccountKey={};EndpointSuffix=x",
    "Authorization: Basic {}",
    "mot de passe : {}",
    "пароль: {}",
    "密码：{}",
];

/// How a secret may be written down; the sign is the quote around it, if there is one.
type Way = fn(&str, Option<char>) -> Option<String>;

const WAYS: [(&str, Way); 40] = [
    ("plain", |s, _| Some(s.to_owned())),
    ("\\u0070", |s, _| each(s, |c| format!("\\u{:04x}", u32::from(c)))),
    ("\\\\u0070", |s, _| each(s, |c| format!("\\\\u{:04X}", u32::from(c)))),
    ("\\u{70}", |s, _| each(s, |c| format!("\\u{{{:x}}}", u32::from(c)))),
    ("\\U00000070", |s, _| each(s, |c| format!("\\U{:08x}", u32::from(c)))),
    ("\\x70", |s, _| each(s, |c| format!("\\x{:02x}", u32::from(c)))),
    ("\\160", |s, _| each(s, |c| format!("\\{:o}", u32::from(c)))),
    ("\\0160", |s, _| each(s, |c| format!("\\0{:03o}", u32::from(c)))),
    ("\\000070", |s, _| each(s, |c| format!("\\{:06x}", u32::from(c)))),
    ("%70", |s, _| each(s, |c| format!("%{:02X}", u32::from(c)))),
    ("%2570", |s, _| each(s, |c| format!("%25{:02x}", u32::from(c)))),
    ("%u0070", |s, _| each(s, |c| format!("%u{:04X}", u32::from(c)))),
    ("&#112;", |s, _| each(s, |c| format!("&#{};", u32::from(c)))),
    ("&#x70;", |s, _| each(s, |c| format!("&#x{:x};", u32::from(c)))),
    ("&amp;#112;", |s, _| each(s, |c| format!("&amp;#{};", u32::from(c)))),
    ("=70", |s, _| each(s, |c| format!("={:02X}", u32::from(c)))),
    ("base64", |s, _| Some(base64(&format!("token={s}")))),
    ("base64 twice", |s, _| Some(base64(&base64(&format!("token={s}"))))),
    ("base64 of JSON", |s, _| Some(base64(&format!("{{\"user\": \"bot\", \"token\": \"{s}\"}}")))),
    ("base64 of percent", |s, _| {
        Some(base64(&format!("token={}", each(s, |c| format!("%{:02x}", u32::from(c)))?)))
    }),
    ("base64 of UTF-16", |s, _| Some(base64_bytes(&s.bytes().flat_map(|b| [b, 0]).collect::<Vec<u8>>()))),
    ("base32", |s, _| Some(base32(&format!("token={s}")))),
    ("hex", |s, _| each(s, |c| format!("{:02x}", u32::from(c)))),
    ("NUL", |s, _| each(s, |c| format!("{c}\0"))),
    ("\\x00", |s, _| each(s, |c| format!("{c}\\x00"))),
    ("p^a", |s, _| Some(s.chars().map(String::from).collect::<Vec<_>>().join("^"))),
    ("full width", |s, _| each(s, |c| char::from_u32(u32::from(c) + 0xfee0).unwrap().to_string())),
    ("colour", |s, _| Some(parts(s, "\u{1b}[0m\u{1b}[1;31m"))),
    ("escaped colour", |s, _| Some(parts(s, "\\x1b[31m"))),
    ("caret colour", |s, _| Some(parts(s, "^[[31m"))),
    ("zero width", |s, _| Some(parts(s, "\u{200b}"))),
    ("soft hyphen", |s, _| Some(parts(s, "\u{ad}"))),
    ("word joiner", |s, _| Some(parts(s, "\u{2060}"))),
    ("\\ at the end of a line", |s, _| Some(parts(s, "\\\n"))),
    ("+", |s, quote| Some(parts(s, &format!("{0} + {0}", quote?)))),
    (".", |s, quote| Some(parts(s, &format!("{0} . {0}", quote?)))),
    ("||", |s, quote| Some(parts(s, &format!("{0} || {0}", quote?)))),
    ("& _", |s, quote| Some(parts(s, &format!("{0} & _\n    {0}", quote?)))),
    ("+ on the next line", |s, quote| Some(parts(s, &format!("{0}\n    + {0}", quote?)))),
    ("append", |s, quote| Some(parts(s, &format!("{0}).append({0}", quote?)))),
];

// A `Way` answers with an option.
#[allow(clippy::unnecessary_wraps)]
fn each(text: &str, one: impl Fn(char) -> String) -> Option<String> {
    Some(text.chars().map(one).collect())
}

/// A token in two, between its letters.
fn parts(text: &str, joint: &str) -> String {
    let (front, rest) = text.split_at(text.len() / 2);
    format!("{front}{joint}{rest}")
}

fn base64(text: &str) -> String {
    base64_bytes(text.as_bytes())
}

fn base64_bytes(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bytes.chunks(3).fold(String::new(), |mut out, chunk| {
        let bits = chunk.iter().fold(0u32, |bits, b| bits << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for i in 0..=chunk.len() {
            out.push(char::from(LETTERS[(bits >> (18 - 6 * i) & 63) as usize]));
        }
        out
    })
}

fn base32(text: &str) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits: Vec<u8> = text.bytes().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    let value = |chunk: &[u8]| (0..5).fold(0, |value, i| value << 1 | chunk.get(i).copied().unwrap_or(0));
    let mut out: String = bits.chunks(5).map(|chunk| char::from(LETTERS[value(chunk) as usize])).collect();
    while !out.len().is_multiple_of(8) {
        out.push('=');
    }
    out
}

fn leaks(out: &str, token: &str) -> bool {
    let half = (token.len() / 2).max(12);
    token.as_bytes().windows(half).any(|part| out.as_bytes().windows(half).any(|window| window == part))
}

/// A context with the token written in one of the ways; `None` where the way needs quotes that are not there.
fn planted(context: &str, way: Way, token: &str) -> Option<(String, String)> {
    let (front, _) = context.split_once("{}").unwrap();
    let quote = front.chars().next_back().filter(|sign| matches!(sign, '"' | '\''));
    let escaped = front.ends_with("\\\"");
    let written = way(token, quote.filter(|_| !escaped))?;
    Some((context.replace("{}", &written), written))
}

/// The places and ways in which a token is planted, without those that cannot be told from something else.
fn all() -> impl Iterator<Item = (&'static str, &'static str, Way)> {
    CONTEXTS.iter().flat_map(|context| WAYS.iter().map(move |(name, way)| (*context, *name, *way)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 800, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_planted_password_survives_behind_its_name(context in 0..CONTEXTS.len(), word in "[bcdfghjklmnpqrstvwz]{4,7}", number in 1000..99999) {
        let password = format!("{word}{number}x");
        let out = plain(&REDACTOR, &CONTEXTS[context].replace("{}", &password));
        prop_assert!(!out.contains(&password), "{}", out);
    }

    #[test]
    fn findings_are_sorted_apart_and_on_characters(text in any::<String>(), glue in "[=:@/~%&\\\\\"'<>|, -]{1,4}", more in "\\PC{0,40}") {
        let text = format!("password{glue}{text}{glue}{more}");
        let mut scratch = Scratch::default();
        if REDACTOR.text(KeyClass::PLAIN, &text, &mut scratch) == Verdict::Spans {
            let mut at = 0;
            for finding in &scratch.findings {
                prop_assert!(finding.start as usize >= at && finding.end > finding.start);
                prop_assert!(text.is_char_boundary(finding.start as usize) && text.is_char_boundary(finding.end as usize));
                at = finding.end as usize;
            }
            prop_assert!(at <= text.len());
        }
    }

    #[test]
    fn names_of_any_kind_have_a_class(name in any::<String>()) {
        let class = REDACTOR.key(&name);
        prop_assert!(!(REDACTOR.drops_container(class) && class == KeyClass::PLAIN));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1, max_shrink_iters: 0, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_planted_token_survives_in_any_context_and_way(tail in "[a-z][0-9][a-zA-Z0-9]{34}") {
        let token = format!("gh{}_{tail}", 'p');
        for (context, name, way) in all() {
            let Some((text, written)) = planted(context, way, &token) else { continue };
            let out = plain(&REDACTOR, &format!("the first line stays\n{text}\nthe last line stays"));
            prop_assert!(!leaks(&out, &written) && !leaks(&out, &token), "{name}: {text:?} -> {out:?}");
            let around = out.starts_with("the first line stays\n") && out.ends_with("\nthe last line stays");
            prop_assert!(around, "{name}: {text:?} -> {out:?}");
            prop_assert_eq!(plain(&REDACTOR, &out), out.clone(), "{} again: {:?}", name, text);
        }
    }

    #[test]
    fn no_planted_address_survives_in_any_way(first in "[a-z]{3,8}", last in "[a-z]{4,9}") {
        let address = format!("{first}.{last}@acme-mail.org");
        for (context, name, way) in all().filter(|(context, ..)| !context.contains("://")) {
            let Some((text, written)) = planted(context, way, &address) else { continue };
            let out = plain(&REDACTOR, &text);
            prop_assert!(!leaks(&out, &written) && !out.contains(&address), "{name}: {text:?} -> {out:?}");
        }
    }

    #[test]
    fn what_was_json_is_json_again(tail in "[a-zA-Z0-9]{36}") {
        let token = format!("gh{}_{tail}", 'p');
        for (context, name, way) in all() {
            let Some((text, _)) = planted(context, way, &token) else { continue };
            if serde_json::from_str::<serde_json::Value>(&text).is_ok() {
                let out = plain(&REDACTOR, &text);
                prop_assert!(serde_json::from_str::<serde_json::Value>(&out).is_ok(), "{name}: {out:?}");
            }
            let inside = serde_json::Value::String(text).to_string();
            let out = plain(&REDACTOR, &inside);
            prop_assert!(serde_json::from_str::<String>(&out).is_ok(), "{name} in JSON: {inside:?} -> {out:?}");
        }
    }

    #[test]
    fn a_token_goes_at_any_place_of_a_long_text(tail in "[a-zA-Z0-9]{36}", at in 0..1usize << 14) {
        let token = format!("gh{}_{tail}", 'p');
        let pad = "lorem ipsum dolor sit ".repeat((1 << 14) / 22);
        for (name, way) in &WAYS {
            let Some(written) = way(&token, None) else { continue };
            for at in [0, at.min(pad.len()), pad.len() - 5, pad.len()] {
                let out = plain(&REDACTOR, &format!("{} {written} {}", &pad[..at], &pad[at..]));
                prop_assert!(!leaks(&out, &written), "{name} at {at}");
let left = pad.len() + " [REDACTED] ".len();
                // The NUL behind the last letter, which may be written as `\x00`, says nothing.
                prop_assert!((left..=left + 4).contains(&out.len()), "{name} at {at}");
            }
        }
    }
}

#[test]
fn a_scratch_serves_several_redactors() {
    let other =
        Redactor::new(&t800_core::redact::Policy { allow: vec!["token".into()], ..policy() }).unwrap();
    let mut scratch = Scratch::default();
    let text = "token=abcd1234efgh";
    for _ in 0..2 {
        assert_eq!(REDACTOR.text(KeyClass::PLAIN, text, &mut scratch), Verdict::Spans);
        assert_eq!(other.text(KeyClass::PLAIN, text, &mut scratch), Verdict::Keep);
    }
}
