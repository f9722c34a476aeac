//! Laws of the redactor over generated texts: no planted secret survives, and answers are always well formed.
#![allow(clippy::unwrap_used)]

mod support;

use proptest::prelude::*;
use std::fmt::Write as _;
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

fn escaped(text: &str, one: impl Fn(char) -> String) -> String {
    text.chars().map(one).collect()
}

fn base64(text: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    text.as_bytes().chunks(3).fold(String::new(), |mut out, chunk| {
        let bits = chunk.iter().fold(0u32, |bits, b| bits << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for i in 0..=chunk.len() {
            out.push(char::from(LETTERS[(bits >> (18 - 6 * i) & 63) as usize]));
        }
        out
    })
}

/// The ways in which a token may be written down.
fn encoded(token: &str, way: usize) -> String {
    match way {
        0 => token.to_owned(),
        1 => escaped(token, |c| format!("\\u{:04x}", u32::from(c))),
        2 => escaped(token, |c| format!("\\x{:02x}", u32::from(c))),
        3 => escaped(token, |c| format!("%{:02X}", u32::from(c))),
        4 => escaped(token, |c| format!("&#{};", u32::from(c))),
        5 => base64(&format!("token={token}")),
        6 => token.bytes().fold(String::new(), |mut out, b| {
            let _ = write!(out, "{b:02x}");
            out
        }),
        _ => format!("{}\u{200b}{}", &token[..10], &token[10..]),
    }
}

fn leaks(out: &str, token: &str) -> bool {
    let half = (token.len() / 2).max(12);
    token.as_bytes().windows(half).any(|part| out.as_bytes().windows(half).any(|window| window == part))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 800, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_planted_token_survives_in_any_context_and_encoding(
        context in 0..CONTEXTS.len(),
        way in 0..8usize,
        tail in "[a-zA-Z0-9]{36}",
    ) {
        let token = format!("gh{}_{tail}", 'p');
        let written = encoded(&token, way);
        let out = plain(&REDACTOR, &CONTEXTS[context].replace("{}", &written));
        prop_assert!(!leaks(&out, &written) && !leaks(&out, &token), "{}", out);
    }

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
