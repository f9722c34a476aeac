//! Hostile texts: every answer comes, whatever repeats. A quadratic rule would not end within the patience of a
//! test run, so the sizes are the test.
#![allow(clippy::unwrap_used)]

mod support;

use support::{plain, policy};
use t800_core::redact::Redactor;

const REPEATED: [&str; 91] = [
    "token: token: ",
    "Authorization: ",
    "passphrase: ",
    "http://a:b@",
    "token=",
    "eyJ",
    "%25",
    "%2525",
    "a",
    "1.2.3.4.",
    "a@b.co ",
    "a@",
    "fe80:",
    "-----BEGIN PRIVATE KEY-----",
    "(",
    "\"",
    "'",
    "\\",
    "password: ",
    " -p",
    "x://a:b@",
    "://",
    "/home/x/../",
    "/etc/",
    "&#",
    "value=\"",
    "key ",
    "VALUES (",
    "INSERT INTO t(password) VALUES (",
    "curl -u ",
    "mysql -p",
    "4111 ",
    "1",
    "1-",
    ":",
    "=",
    "~/",
    "Cookie: a=",
    "\\u0041",
    "=3D",
    "a=\n",
    "12 of 34 ",
    "tel is on 1 ",
    "\u{1b}[",
    "\u{200b}",
    "ａ",
    "YWJj",
    "aGVsbG8gd29ybGQg",
    "61",
    "name=\"x\" value=\"y\" ",
    "h:1:",
    "<password>",
    "\tTRUE\t",
    "密码：",
    "echo x | sudo -S ",
    "PASSWORD=a;",
    "password=\"a\" + ",
    "aB",
    "_",
    "$6$",
    "x7Kq2mZp9Lw4Rt8Vb3Nc",
    "password=\n",
    "phone 1 ",
    "ssn 1-",
    "password password ",
    "AUTH ",
    "name=\"token\" value=",
    "user:pass@",
    "пароль: ",
    "DE89 ",
    "AB12 ",
    "\n---|",
    "|phone|a|\n|---|---|\n",
    "id,phone\n",
    "(415) ",
    "</tel>",
    "<tel></tel>",
    "address \"1 ",
    "0049 30 1",
    "1\u{a0}",
    "电话",
    "手机号是1",
    "born 1 ",
    "+1",
    "1A1z",
    "bc1q",
    "A1b_A1b_A1b_A1b_ ",
    "sk_live_x7Kq2mZp ",
    "x7Kq2mZp9Lw4Rt8V~",
    "acme_x7Kq2mZp9Lw4Rt8V ",
    "impacket-psexec @a:b ",
];

#[test]
fn repeated_triggers_end_and_give_text() {
    let redactor = Redactor::new(&policy()).unwrap();
    for part in REPEATED {
        let text = part.repeat(60_000 / part.len());
        assert!(plain(&redactor, &text).len() <= text.len() * 12, "{part:?}");
    }
}

#[test]
fn a_secret_at_the_end_of_a_long_line_is_found() {
    let redactor = Redactor::new(&policy()).unwrap();
    let token = format!("gh{}_{}", 'p', support::Fakes::new(1).alnum(36));
    let text = format!("{} {token}", "lorem ipsum dolor ".repeat(60_000));
    let out = plain(&redactor, &text);
    assert!(!out.contains(&token) && out.ends_with("dolor  [REDACTED]"));
}

/// Parts that look drawn and join to one endless token: each is drawn afresh, so that none is known already.
#[test]
fn drawn_parts_joined_by_signs_end() {
    let redactor = Redactor::new(&policy()).unwrap();
    let mut fakes = support::Fakes::new(7);
    for (length, sign) in
        [(16, "."), (34, ":"), (16, "/"), (16, "+"), (16, "-"), (24, "~"), (13, "%2F"), (23, "!"), (0, "sk-")]
    {
        let mut text = String::new();
        while text.len() < 300_000 {
            text.push_str(&fakes.alnum(length));
            text.push_str(sign);
        }
        assert!(plain(&redactor, &text).len() <= text.len() * 2, "{sign:?}");
    }
    let mut tokens = String::new();
    while tokens.len() < 300_000 {
        tokens.push_str("eyJthesearewords.");
    }
    assert!(plain(&redactor, &tokens).len() <= tokens.len());
}
