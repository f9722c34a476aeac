//! Whole outputs of tools: a secret in the middle of many other lines goes, and every other line stays.
#![allow(clippy::unwrap_used)]

mod support;

use support::{Fakes, plain, policy};
use t800_core::redact::Redactor;

/// Harmless lines of logs, listings, lock files, tests, help and code.
const LINES: [&str; 20] = [
    "web-5d9c7b6f4-x2k8p   1/1   Running   0 (3m ago)   12d   10.0.3.17   ip-10-0-1-2.internal",
    "registry.example.com/token-service   v1.2.3   sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
    "10.0.0.5 - - [01/Mar/2026:10:00:00 +0000] \"GET /v1/tokens?page=2 HTTP/1.1\" 200 12 \"-\" \"curl/8.5.0\"",
    "    \"js-tokens\": \"^4.0.0\",",
    "vendor/core/src/secret_key.rs:308:impl<C> TryFrom<Key> for SecretKey<C>",
    "tests/test_auth.py::test_password_is_hashed[token0-None] PASSED [ 12%]",
    "  -W, --password           force password prompt",
    "#1  0x00007f8965e8075c in next_token (lexer=0x559016d15aed, token=0x7ffdf0aa9d64, key=0x0) at src/lex.c:37",
    "Traceback (most recent call last):",
    "    token = self._cache.get(token_key)",
    "| password | string | required |",
    "PASSWORD_HASHERS=argon2,bcrypt",
    "OPENAI_API_KEY=sk-...",
    "  image: postgres:16.4-alpine@sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
    "{\"usage\": {\"input_tokens\": 1200, \"max_tokens\": 4096}, \"id\": \"call_1\"}",
    "  \"password\": \"Salasana\", \"forgot\": \"Passwort vergessen?\"",
    "golang.org/x/secrets-operator v0.29.0/go.mod h1:n0e5v2x8k4=",
    "PASS src/app.test2.js",
    "const ok = typeof secretOrPublicKey === 'function';",
    "nameserver 2001:4860:4860::8888",
];

/// Outputs with a secret for each `⟦⟧`; lines without one must stay.
const OUTPUTS: [&str; 16] = [
    "SHELL=/bin/bash\nDB_PASSWORD=⟦⟧\nLANG=C.UTF-8",
    "    \"Env\": [\n        \"PATH=/usr/bin\",\n        \"JWT_SECRET=⟦⟧\",",
    "kind: Secret\nstringData:\n  SMTP_HOST: mail.internal\n  SMTP_PASSWORD: ⟦⟧",
    "password                            = \"⟦⟧\"\n      + username          = \"app\"",
    "> Host: api.internal\n> authorization: Bearer ⟦⟧⟦⟧\n> accept: */*",
    "Key         Value\n---         -----\npassword    ⟦⟧\nusername    app",
    "*************************** 1. row ***************************\n    name: svc\npassword: ⟦⟧\n    plan: pro",
    "+----+------+----------+\n| id | name | password |\n+----+------+----------+\n| 17 | svc  | ⟦⟧ |\n+----+------+----------+",
    "id,username,password,plan\n17,svc,⟦⟧,pro",
    "*/5 * * * * mysqldump -u backup -p⟦⟧ shop > /data/shop.sql\n@daily /usr/local/bin/clean",
    "config/app.yml-11-  user: svc\nconfig/app.yml:12:  password: \"⟦⟧\"\nconfig/app.yml-13-  pool: 5",
    "    at Db.open(Db.java:17)\ncould not connect: postgresql://app:⟦⟧@db.internal:5432/shop",
    "<soapenv:Header>\n      <wsse:Password Type=\"PasswordText\">⟦⟧</wsse:Password>\n</soapenv:Header>",
    "<tr><td class=\"e\">DB_PASSWORD </td><td class=\"v\">⟦⟧ </td></tr>\n<tr><td>HOST</td></tr>",
    "requests.get(\n    url,\n    auth=(\"svc\", \"⟦⟧\"),\n    timeout=30,\n)",
    "334 VXNlcm5hbWU6\nPASS ⟦⟧\n230 Login successful.",
];

/// A password of letters and digits for each place; the text and what was drawn.
fn fill(template: &str, fakes: &mut Fakes) -> (String, Vec<String>) {
    let mut drawn = Vec::new();
    let mut parts = template.split("⟦⟧");
    let mut text = parts.next().unwrap().to_owned();
    for part in parts {
        let letters = fakes.draw("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", 9);
        let secret = letters + &fakes.draw("23456789", 5);
        text += &secret;
        text += part;
        drawn.push(secret);
    }
    (text, drawn)
}

#[test]
fn a_secret_in_the_middle_of_an_output_goes_and_the_lines_around_it_stay() {
    let redactor = Redactor::new(&policy()).unwrap();
    for (number, template) in OUTPUTS.iter().enumerate() {
        for around in [1, 20, 400] {
            let mut fakes = Fakes::new((number * 1000 + around) as u64);
            let (text, drawn) = fill(template, &mut fakes);
            let others: Vec<&str> = LINES.iter().copied().cycle().skip(number).take(around).collect();
            let whole = format!("{}\n{text}\n{}\n", others.join("\n"), others.join("\n"));
            let out = plain(&redactor, &whole);
            for secret in &drawn {
                assert!(!out.contains(secret.as_str()), "{template:?} leaks {secret}");
            }
            let stays = |line: &&str| !line.contains("⟦⟧");
            for line in others.iter().copied().chain(template.lines().filter(stays)) {
                assert!(out.contains(line), "{template:?} loses {line:?}");
            }
        }
    }
}
