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
