//! What the user adds to the redactor: rules, exceptions, treatments of single fields.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::{Duration, Instant};
use support::{Fakes, plain, policy, stored};
use t800_core::encode::{Buffer, Encoder, Limits, json};
use t800_core::redact::{KeyClass, Policy, Redactor, Treatment, UserRule};

fn rule(id: &str, pattern: &str, keywords: &[&str]) -> UserRule {
    UserRule {
        id: id.into(),
        pattern: pattern.into(),
        keywords: keywords.iter().map(|word| (*word).to_owned()).collect(),
        ..UserRule::default()
    }
}

fn with(rules: Vec<UserRule>) -> Redactor {
    Redactor::new(&Policy { rules, ..policy() }).unwrap()
}

fn redacted(redactor: &Redactor, event: &str) -> (String, Vec<(String, u32)>) {
    let mut buffer = Buffer::default();
    json::parse(event, &mut Encoder::new(redactor, &mut buffer, Limits::NONE)).unwrap();
    let counts = buffer.redactions.iter();
    let counts = counts.map(|(rule, count)| (redactor.rule_name(*rule).to_owned(), *count)).collect();
    (String::from_utf8(buffer.out).unwrap(), counts)
}

#[test]
fn a_rule_acts_in_values_keys_and_decoded_text_and_is_counted_by_its_id() {
    let redactor = with(vec![rule("acme.employee", "EMP-[0-9]{6}", &["emp-"])]);
    for (event, after) in [
        (r#"{"note":"ask EMP-204817 now"}"#, r#"{"note":"ask [REDACTED] now"}"#),
        (r#"{"EMP-204817":{"n":1}}"#, r#"{"[REDACTED]":{"n":1}}"#),
        (r#"["x EMP%2D204817 y"]"#, r#"["x [REDACTED] y"]"#),
        (r#"{"n":"EMP-2048"}"#, r#"{"n":"EMP-2048"}"#),
    ] {
        let (out, counts) = redacted(&redactor, event);
        assert_eq!(out, after);
        let counted = counts == [("acme.employee".to_owned(), 1)];
        assert_eq!(counted, event != after, "{counts:?}");
    }
    let encoded = "see RU1QLTIwNDgxNyBhbmQgbm9ib2R5IGVsc2U= there";
    assert!(!plain(&redactor, encoded).contains("RU1QLTIwNDgxNy"));
    assert!(redactor.rule_count() > with(Vec::new()).rule_count());
}

#[test]
fn what_a_rule_allows_stays() {
    let badge = UserRule {
        allow: vec!["B-0000".into()],
        allow_patterns: vec!["B-9[0-9]{3}".into()],
        ..rule("acme.badge", "B-[0-9]{4,}", &[])
    };
    assert_eq!(
        plain(&with(vec![badge]), "B-0000 B-9123 B-1234 B-91234"),
        "B-0000 B-9123 [REDACTED] [REDACTED]"
    );
}

#[test]
fn a_rule_hides_nothing_from_the_built_in_ones() {
    let token = format!("gh{}_{}", 'p', Fakes::new(3).alnum(36));
    let redactor = with(vec![rule("acme.front", "ghp_[A-Za-z0-9]", &[])]);
    assert_eq!(plain(&redactor, &format!("use {token} now")), "use [REDACTED] now");
}

#[test]
fn very_short_texts_are_looked_at_too() {
    assert_eq!(plain(&with(vec![rule("x", "^z[0-9]$", &[])]), "z7"), "[REDACTED]");
}

#[test]
fn an_allowed_pattern_stays_as_a_finding_and_under_a_sensitive_key() {
    let redactor = Redactor::new(&Policy {
        allow_patterns: vec![r"[\w.]+@acme\.dev".into(), "demo-[a-z0-9]+".into()],
        ..policy()
    })
    .unwrap();
    assert_eq!(plain(&redactor, "ann.n@acme.dev bob@corp.dev"), "ann.n@acme.dev [REDACTED]");
    let password = redactor.key("password");
    assert_eq!(stored(&redactor, password, "demo-77x"), "demo-77x");
    assert_eq!(stored(&redactor, password, "x-demo-77x"), "[REDACTED]");
}

#[test]
fn fields_are_treated_as_the_user_wants() {
    let fields = [("headers", Treatment::Redact), ("sql", Treatment::Hash), ("stdout", Treatment::Scan)];
    let fields = fields.map(|(name, treatment)| (name.to_owned(), treatment)).into();
    let redactor =
        Redactor::new(&Policy { fields, redact_content: true, max_value_bytes: 40, ..policy() }).unwrap();
    let event = r#"{"request_headers":{"a":1},"SQL":"select 1","sql":[7,"x"],"std-out":"mail dev@acme.dev","stderr":"s"}"#;
    let (out, _) = redacted(&redactor, event);
    assert!(out.starts_with(r#"{"request_headers":"[REDACTED]","SQL":"[content hash: "#), "{out}");
    assert!(out.contains(r#""sql":["[REDACTED]","[content hash: "#), "{out}");
    assert!(out.contains(r#""std-out":"mail [REDACTED]","stderr":"[content hash: "#), "{out}");
    let scanned = redactor.key("stdout");
    assert_eq!(stored(&redactor, scanned, &"word ".repeat(20)), "word ".repeat(20));
    assert_eq!(redactor.key("sql_count"), KeyClass::PLAIN);
}

#[test]
fn a_secret_name_cannot_be_treated_as_less() {
    for (name, treatment) in
        [("password", Treatment::Scan), ("api-key", Treatment::Hash), ("badge", Treatment::Scan)]
    {
        let policy = Policy {
            fields: vec![(name.into(), treatment)],
            always_redact: vec!["badge".into()],
            ..policy()
        };
        let error = Redactor::new(&policy).unwrap_err();
        assert_eq!(error.key, format!("telemetry.privacy.fields.{name}"));
        assert!(error.to_string().contains("telemetry.privacy.allow"));
    }
}

/// Expressions that make a backtracking engine wait for ever, and those that read to the end for each match.
#[test]
fn no_expression_takes_longer_than_its_text() {
    let size = 1 << if cfg!(debug_assertions) { 17 } else { 20 };
    let text = format!("{}!", "a".repeat(size));
    let took = |pattern: &str| {
        let redactor = with(vec![rule("hostile", pattern, &[])]);
        let started = Instant::now();
        plain(&redactor, &text);
        started.elapsed()
    };
    for pattern in
        ["(a+)+$", "(a|aa)+$", "(a|a?)+b", "([a-z]+)*=", "(.*)(.*)(.*)[0-9]", "a.*b|a", "(?:a{1,20}){1,20}b"]
    {
        assert!(took(pattern) < Duration::from_secs(20), "{pattern}: {:?}", took(pattern));
    }
}

/// The tables are built once for the process, and the same rules once for all redactors.
#[test]
fn a_further_redactor_costs_next_to_nothing() {
    let policy = Policy { rules: vec![rule("acme.wide", r"\w{20,}=\w{20,}", &[])], ..policy() };
    let one = || plain(&Redactor::new(&policy).unwrap(), "password=hunter22 and dev@acme.dev");
    let started = Instant::now();
    one();
    let first = started.elapsed();
    let started = Instant::now();
    (0..50).for_each(|_| drop(one()));
    let others = started.elapsed() / 50;
    assert!(others < first / 4, "{first:?}, then {others:?}");
}
