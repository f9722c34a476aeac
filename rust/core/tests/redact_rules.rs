//! The behaviour that a person can ask for: keys, paths, content, identity, configuration.
#![allow(clippy::unwrap_used)]

mod support;

use support::{Fakes, plain, policy, stored};
use t800_core::redact::{Identity, KeyClass, Policy, Redactor, RuleId, Scratch, Verdict};

fn redactor() -> Redactor {
    Redactor::new(&policy()).unwrap()
}

#[test]
fn paths_under_the_project_become_relative() {
    let redactor = redactor();
    for (text, kept) in [
        ("/home/zelda77/work/shop/src/a.rs", "src/a.rs"),
        ("/home/zelda77/work/shop", "."),
        ("cat /home/zelda77/work/shop/docs/etc/x.md | head", "cat docs/etc/x.md | head"),
        ("open 'file:///home/zelda77/work/shop/a.py'", "open 'file://a.py'"),
        ("src/ssh/config.ts and docs/etc/readme.md", "src/ssh/config.ts and docs/etc/readme.md"),
        ("/home/zelda77/work/shop/../other/a", "~/work/shop/../other/a"),
        ("It lies in /home/zelda77/work/shop. Look there", "It lies in .. Look there"),
        ("Who is in /home/zelda77?", "Who is in ~?"),
        ("Mine is /home/zelda77.", "Mine is ~."),
        ("/home/zelda77/work/shop.old/a", "~/work/shop.old/a"),
        ("/home/zelda77/work/shop/./a...", "a..."),
    ] {
        assert_eq!(plain(&redactor, text), kept);
    }
}

#[test]
fn sensitive_directories_of_any_user_go() {
    let redactor = redactor();
    for text in [
        "~/.ssh/id_rsa",
        "/home/anyone/.config/gh/hosts.yml",
        "/etc/hosts",
        "/usr/../etc/shadow",
        "$HOME/.ssh/config",
        "/home/zelda77/work/../.ssh/config",
        "/Users/x/.ssh/k",
        "C:\\Users\\x\\.ssh\\k",
        "/root/.config/x",
    ] {
        assert_eq!(plain(&redactor, text), "[REDACTED_PATH]", "{text}");
    }
    assert_eq!(
        plain(&redactor, "see /etcetera and test/.config/x.json"),
        "see /etcetera and test/.config/x.json"
    );
}

#[test]
fn homes_lose_the_name_of_their_user() {
    let redactor = redactor();
    assert_eq!(plain(&redactor, "cat /Users/somebody/Documents/a.pdf"), "cat ~/Documents/a.pdf");
    assert_eq!(plain(&redactor, "C:\\Users\\somebody\\a.txt"), "~\\a.txt");
    assert_eq!(plain(&redactor, "scp a zelda77@web1:b"), "scp a [REDACTED]@web1:b");
}

#[test]
fn a_project_inside_a_sensitive_directory_stays_readable() {
    let policy = Policy { project_roots: vec!["/home/zelda77/.config/nvim".into()], ..policy() };
    let redactor = Redactor::new(&policy).unwrap();
    assert_eq!(plain(&redactor, "/home/zelda77/.config/nvim/init.lua"), "init.lua");
    assert_eq!(plain(&redactor, "/home/zelda77/.config/gh/hosts.yml"), "[REDACTED_PATH]");
}

#[test]
fn configured_directories_and_absolute_mode() {
    let policy = Policy {
        sensitive_dirs: vec!["/srv/vault".into(), "~/keys".into()],
        relative_paths: false,
        ..policy()
    };
    let redactor = Redactor::new(&policy).unwrap();
    assert_eq!(plain(&redactor, "/srv/vault/a ~/keys/b"), "[REDACTED_PATH] [REDACTED_PATH]");
    assert_eq!(plain(&redactor, "/home/zelda77/work/shop/a.rs"), "~/work/shop/a.rs");
    let off = Redactor::new(&Policy { redact_sensitive_paths: false, ..self::policy() }).unwrap();
    assert_eq!(plain(&off, "/etc/hosts"), "/etc/hosts");
}

#[test]
fn keys_decide_about_values_numbers_and_containers() {
    let redactor = redactor();
    let password = redactor.key("dbPassword");
    assert_eq!(stored(&redactor, password, "hunter2"), "[REDACTED]");
    assert!(redactor.drops_container(password) && redactor.drops_number(password, "12"));
    let token = redactor.key("token");
    assert!(!redactor.drops_number(token, "12") && redactor.drops_number(token, "123456"));
    let usage = redactor.key("tokens");
    assert!(!redactor.drops_container(usage) && !redactor.drops_number(usage, "2300"));
    assert!(redactor.drops_number(redactor.key("latitude"), "25.28346"));
    assert!(!redactor.drops_number(redactor.key("retries"), "3"));
    for kept in ["${DB_PASSWORD}", "<token>", "****", ""] {
        assert_eq!(stored(&redactor, password, kept), kept);
    }
}

#[test]
fn flags_and_names_beside_class_the_next_value() {
    let redactor = redactor();
    assert!(redactor.drops_container(redactor.after(KeyClass::PLAIN, "--password")));
    assert_eq!(redactor.after(KeyClass::PLAIN, "build"), KeyClass::PLAIN);
    assert_eq!(
        stored(&redactor, redactor.named("STRIPE_SECRET", &mut Scratch::default()), "plain-words"),
        "[REDACTED]"
    );
    assert_eq!(redactor.named("REGION", &mut Scratch::default()), KeyClass::PLAIN);
}

#[test]
fn content_becomes_a_keyed_hash_before_anything_else() {
    let on = Redactor::new(&Policy { redact_content: true, max_value_bytes: 32, ..policy() }).unwrap();
    let content = on.key("old_string");
    let hash = stored(&on, content, "let x = 1;");
    assert!(hash.starts_with("[content hash: ") && hash.len() == 22);
    assert_eq!(hash, stored(&on, content, "let x = 1;"));
    assert!(stored(&on, KeyClass::PLAIN, &"word ".repeat(10)).starts_with("[content hash: "));
    assert_eq!(stored(&on, KeyClass::PLAIN, "short"), "short");
}

#[test]
fn a_long_value_is_scanned_past_its_cut() {
    let redactor = Redactor::new(&Policy { max_value_bytes: 100, ..policy() }).unwrap();
    let token = format!("gh{}_{}", 'p', Fakes::new(5).alnum(36));
    let text = format!("{} {token} tail", "x ".repeat(40));
    assert!(!plain(&redactor, &text).contains(&token[..15]));
}

#[test]
fn identity_costs_no_harmless_word() {
    let identity = Identity {
        users: vec!["user".into(), "ganondorf".into()],
        hosts: vec!["castle-17".into()],
        git: vec!["Zelda Hyrule".into(), "zelda@castle.dev".into()],
        values: vec!["correct-horse-7".into(), "production".into(), "/usr/lib/x1".into()],
    };
    let redactor = Redactor::new(&Policy { identity, ..policy() }).unwrap();
    let kept = "the user of production runs /usr/lib/x1 on ganondorfs2";
    assert_eq!(plain(&redactor, kept), kept);
    for (text, gone) in [
        ("ganondorf logged in", "ganondorf"),
        ("host castle-17 up", "castle-17"),
        ("by Zelda Hyrule", "Zelda Hyrule"),
        ("x correct-horse-7 y", "correct-horse-7"),
    ] {
        assert!(!plain(&redactor, text).contains(gone), "{text}");
    }
}

#[test]
fn configured_keys_add_and_allowed_texts_stay() {
    let policy = Policy {
        always_redact: vec!["employee_no".into()],
        allow: vec!["demo_token".into(), "ops@acme.dev".into()],
        redaction_value: "<gone>".into(),
        ..policy()
    };
    let redactor = Redactor::new(&policy).unwrap();
    assert_eq!(stored(&redactor, redactor.key("EmployeeNo"), "17"), "<gone>");
    assert_eq!(stored(&redactor, redactor.key("demo_token"), "abc"), "abc");
    assert_eq!(plain(&redactor, "ops@acme.dev or dev@acme.dev"), "ops@acme.dev or <gone>");
    let error = Redactor::new(&Policy { always_redact: vec!["!!".into()], ..self::policy() }).unwrap_err();
    assert!(error.to_string().contains("!!"));
}

#[test]
fn personal_data_can_be_switched_off_and_secrets_cannot() {
    let redactor = Redactor::new(&Policy { redact_pii: false, ..policy() }).unwrap();
    assert_eq!(plain(&redactor, "mail dev@acme.dev from 52.18.4.9"), "mail dev@acme.dev from 52.18.4.9");
    assert!(!plain(&redactor, "password=hunter22").contains("hunter22"));
}

#[test]
fn findings_name_their_rule() {
    let redactor = redactor();
    let mut scratch = Scratch::default();
    assert_eq!(redactor.text(KeyClass::PLAIN, "mail dev@acme.dev", &mut scratch), Verdict::Spans);
    assert_eq!(redactor.rule_name(scratch.findings[0].rule), "pii.email");
    assert!(usize::from(scratch.findings[0].rule.0) < redactor.rule_count());
    assert_eq!(redactor.rule_name(RuleId::CONTENT), "content");
}
