//! Bodies of files that hold nothing but a secret, beside the command or the path that names the file.

use std::io::Cursor;
use t800_core::filter::redact_lines;
use t800_core::redact::{Policy, Redactor};

const KEY: &str = "c0f1e6ffed85ef4b3b0f44f093a2f7f3";

fn filtered(lines: &str) -> String {
    let redactor =
        Redactor::new(&Policy { redact_content: false, ..Policy::default() }).expect("it is sound");
    let mut out = Vec::new();
    redact_lines(&redactor, Cursor::new(lines), &mut out).expect("it is sound");
    String::from_utf8(out).expect("it is sound")
}

#[test]
fn the_body_goes_wherever_its_file_is_named() {
    for event in [
        r#"{"parameters":{"command":"cat config/master.key"},"result":"KEY\n"}"#,
        r#"{"parameters":{"content":"KEY\n","file_path":"config/master.key"}}"#,
        r#"{"parameters":{"file_path":"config/credentials/production.key"},"result":{"output":"     1\tKEY"}}"#,
        r#"{"parameters":{"command":"cat /run/secrets/db_password"},"result":"KEY"}"#,
        r#"{"parameters":{"command":"cat .vault_password.txt"},"stdout":"Sommer-wald83\n"}"#,
    ] {
        let event = event.replace("KEY", KEY);
        let out = filtered(&event);
        assert!(!out.contains(KEY) && !out.contains("Sommer-wald83") && out.contains("[REDACTED]"), "{out}");
    }
}

#[test]
fn other_texts_of_other_events_stay() {
    for event in [
        r#"{"parameters":{"command":"cat config/master.key"},"result":"cat: config/master.key: No such file"}"#,
        r#"{"parameters":{"command":"cat config/master.key"},"id":"KEY"}"#,
        r#"{"parameters":{"content":"a7 b8\n","file_path":"config/master.key"}}"#,
        r#"{"parameters":{"command":"md5sum dump.sql"},"result":"KEY"}"#,
        r#"{"result":"KEY"}"#,
    ] {
        let event = event.replace("KEY", KEY) + "\n";
        assert_eq!(filtered(&event), event);
        // What one event names says nothing about the next.
        let named = r#"{"parameters":{"command":"cat config/master.key"}}"#.to_owned() + "\n";
        let plain = format!("{{\"result\":\"{KEY}\"}}\n");
        assert_eq!(filtered(&(named.clone() + &plain)), named + &plain);
    }
}

#[test]
fn lists_of_logins_go_line_by_line() {
    for (name, body) in [
        ("cat .htpasswd", r"bob:PW\ncarol:{PLAIN}PW\n"),
        ("/etc/pgbouncer/userlist.txt", r#"\"app\" \"PW\"\n"#),
        ("/etc/openvpn/auth.txt", r"     1→bob\n     2→PW"),
        ("gopass show mail/bob", r"PW\n---\nlogin: bob"),
    ] {
        let body = body.replace("PW", "Sommer-wald83");
        let event = format!(r#"{{"parameters":{{"command":"{name}"}},"result":"{body}"}}"#);
        let out = filtered(&event);
        assert!(!out.contains("wald83") && out.contains("bob") | out.contains("app"), "{out}");
    }
    let other =
        r#"{"parameters":{"command":"cat notes.txt"},"result":"bob:Sommer-wald83\n"}"#.to_owned() + "\n";
    assert_eq!(filtered(&other), other);
}

#[test]
fn lists_of_arguments_are_read_as_a_command_line() {
    for list in [
        r#"["mysqladmin","-u","root","password","PW"]"#,
        r#"["sudo","htpasswd","-cb","/etc/x","bob","PW"]"#,
        r#"["ldappasswd","-w","PW","-s","PW","uid=bob"]"#,
        r#"["net","use","Z:","\\\\nas\\x","PW","/user:bob"]"#,
    ] {
        let out = filtered(&format!(r#"{{"x":{}}}"#, list.replace("PW", "walnut7723")));
        assert!(!out.contains("walnut7723") && out.contains("[REDACTED]"), "{out}");
    }
    for list in [r#"["a.py","password","walnut7723.txt"]"#, r#"["mysqladmin","-u","root","password"]"#] {
        let event = format!("{{\"x\":{list}}}\n");
        assert_eq!(filtered(&event), event);
    }
}
