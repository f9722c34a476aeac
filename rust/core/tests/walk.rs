//! Laws of the walk over JSON text: what comes out parses, says the same where nothing is secret, and is bounded.

#![allow(clippy::unwrap_used, clippy::panic)]

use proptest::prelude::*;
use serde_json::Value;
use t800_core::encode::{Buffer, Encoder, Limits, json};
use t800_core::redact::{Policy, Redactor};

fn policy() -> Policy {
    Policy {
        always_redact: vec!["badge".into()],
        redact_content: false,
        home: Some("/home/someone".into()),
        project_roots: vec!["/home/someone/project".into()],
        ..Policy::default()
    }
}

fn walk(text: &str, limits: Limits) -> Result<String, json::JsonError> {
    let redactor = Redactor::new(&policy()).expect("the policy is good");
    let mut buffer = Buffer::default();
    json::parse(text, &mut Encoder::new(&redactor, &mut buffer, limits))?;
    buffer.fit(limits, &mut 0);
    Ok(String::from_utf8(buffer.out).expect("UTF-8"))
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Words that no rule knows.
fn word() -> impl Strategy<Value = String> {
    prop::collection::vec(
        prop::sample::select(vec!["red", "green", "stone", "é", "\"", "\\", "\n", "日本", "tree"]),
        0..6,
    )
    .prop_map(|words| words.join(" "))
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-1_000_000i64..1_000_000).prop_map(Value::from),
        (-1e6..1e6).prop_map(|float: f64| Value::from((float * 64.0).round() / 64.0)),
        word().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec(("[a-f]{1,3}", inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn harmless_values_come_out_equal(value in any_json()) {
        let out = walk(&value.to_string(), Limits::NONE).unwrap();
        prop_assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), value);
    }

    #[test]
    fn any_bytes_are_json_or_an_error(text in ".{0,200}") {
        if let Ok(out) = walk(&text, Limits::NONE) {
            serde_json::from_str::<Value>(&out).unwrap();
        }
    }

    #[test]
    fn bounds_hold_and_the_output_parses(value in any_json(), event_bytes in 6_000usize..9_000, items in 1usize..8, depth in 1usize..8) {
        let wide = Value::from(vec![value; 40]);
        let limits = Limits { depth, items, value_bytes: 64, event_bytes };
        let out = walk(&wide.to_string(), limits).unwrap();
        serde_json::from_str::<Value>(&out).unwrap();
        prop_assert!(out.len() <= event_bytes, "{} > {event_bytes}", out.len());
    }
}

#[test]
fn what_strict_parsers_refuse_but_events_carry() {
    assert_eq!(walk("{\"a\":\"x\ty\"}", Limits::NONE).unwrap(), r#"{"a":"x\ty"}"#);
    assert_eq!(
        value(&walk(r#"["\ud800 \u00e9 \ud83d\ude00 \q"]"#, Limits::NONE).unwrap()),
        serde_json::json!(["\u{fffd} é 😀 \u{fffd}"])
    );
    assert_eq!(walk(r#"{"spelled":"\u00e9\/"}"#, Limits::NONE).unwrap(), r#"{"spelled":"\u00e9\/"}"#);
}

#[test]
fn errors_say_where() {
    for (text, offset, expected) in [
        ("", 0, "a value"),
        ("{\"a\" 1}", 5, "':'"),
        ("[1 2]", 3, "',' or ']'"),
        ("[1] x", 4, "the end of the text"),
        ("\"open", 1, "the closing '\"'"),
        ("[01]", 1, "a number"),
        ("{1:2}", 1, "a string"),
        ("nul", 0, "null"),
    ] {
        let error = walk(text, Limits::NONE).expect_err(text);
        assert_eq!((error.offset, error.expected), (offset, expected), "{text}");
    }
}

#[test]
fn deep_nesting_needs_no_stack() {
    let deep = format!("{}1{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    assert_eq!(walk(&deep, Limits::NONE).unwrap(), deep);
    let bounded = walk(&deep, Limits::of_event(1_000, 100_000)).unwrap();
    assert!(bounded.contains("[nested too deeply]") && bounded.len() < 1_000, "{bounded}");
}

#[test]
fn sensitive_keys_take_their_whole_subtree() {
    let out = walk(r#"{"dbPassword":{"a":[1,{"b":"x"}]},"badge":7,"limit":3}"#, Limits::NONE).unwrap();
    assert_eq!(out, r#"{"dbPassword":"[REDACTED]","badge":"[REDACTED]","limit":3}"#);
}

#[test]
fn a_name_beside_decides_about_its_value() {
    let out = walk(
        r#"[{"name":"DB_PASSWORD","value":"tr0ub4dor"},{"name":"region","value":"north"}]"#,
        Limits::NONE,
    )
    .unwrap();
    assert_eq!(
        value(&out),
        serde_json::json!([{"name":"DB_PASSWORD","value":"[REDACTED]"},{"name":"region","value":"north"}])
    );
}

#[test]
fn long_values_are_cut_and_the_longest_go_first() {
    let limits = Limits { value_bytes: 300, event_bytes: 5_000, ..Limits::NONE };
    let text = serde_json::json!({"a": "é".repeat(400), "b": "x".repeat(300)}).to_string();
    let out = value(&walk(&text, limits).unwrap());
    assert_eq!(out["a"], format!("{}[truncated 500 bytes]", "é".repeat(150)));
    assert_eq!(out["b"], "x".repeat(300));
    let many: Vec<String> = (0..30).map(|n| "y".repeat(270 + n)).collect();
    let out = walk(&serde_json::json!(many).to_string(), limits).unwrap();
    let (cut, kept): (Vec<_>, Vec<_>) = value(&out)
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item.as_str().unwrap().to_owned())
        .partition(|item| item.starts_with("[truncated"));
    assert!(out.len() <= 5_000 && !kept.is_empty() && !cut.is_empty());
    assert!(kept.iter().all(|item| item.len() < 300));
}
