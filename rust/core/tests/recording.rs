//! From calls to the disk without Python: many threads, parts, ids, summaries.

#![allow(clippy::unwrap_used, clippy::panic)]

mod shared;

use shared::{Given, call, folders, ids, open, read};
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use t800_core::assemble::{Place, Values};
use t800_core::event::{Field, Kind};
use t800_core::session::SpanEnd;
use t800_core::writer;

#[test]
fn eight_threads_every_event_once() {
    let folders = folders("threads");
    let (session, path) = open(&folders, "s");
    let session = Arc::new(session);
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let session = Arc::clone(&session);
            std::thread::spawn(move || (0..5_000).filter(|_| call(&session, "x").is_some()).count())
        })
        .collect();
    let taken: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    assert_eq!(taken, 40_000);
    assert!(session.close());
    let document = read(&path);
    let ids = ids(&document);
    assert_eq!((ids.len(), ids.iter().collect::<HashSet<_>>().len()), (40_000, 40_000));
    assert_eq!(document["summary"]["total_events"], 40_000);
    assert_eq!(document["summary"]["total_duration_ms"], 80_000);
    assert_eq!(document["summary"]["dropped"], 0);
}

#[test]
fn parts_are_whole_and_ids_go_on() {
    let folders = folders("parts");
    let (session, path) = open(&folders, "s");
    let text = "lorem ipsum ".repeat(1_000);
    for _ in 0..3_000 {
        assert!(call(&session, &text).is_some());
    }
    assert!(session.close());
    let parts: Vec<PathBuf> = (1..4).map(|part| folders.traces.join(writer::part_name("s", part))).collect();
    assert_eq!(parts[0], path);
    let all: Vec<String> = parts.iter().flat_map(|part| ids(&read(part))).collect();
    let expected: Vec<String> = (1..=3_000).map(|id| format!("evt_{id:03}")).collect();
    assert_eq!(all, expected);
    let ring = if cfg!(all(unix, not(t800_portable))) { "memory" } else { "heap" };
    let metadata = serde_json::json!({"agent": "a", "redaction": {"content": true}, "ring": ring, "part": 2});
    assert_eq!(read(&parts[1])["metadata"], metadata);
    for part in &parts {
        let document = read(part);
        assert_eq!(document["summary"]["total_events"], ids(&document).len());
        assert_eq!(document["summary"]["state"], "closed");
    }
}

#[test]
fn open_spans_are_written_as_interrupted() {
    let folders = folders("interrupted");
    let (session, path) = open(&folders, "s");
    let mut values = Values::default();
    values.set(Field::Tool, Given::Text("sleep"));
    let open = session.begin(Kind::ToolCall, values, Place::default()).id.unwrap();
    let done = session.begin::<Given<'_>>(
        Kind::ToolCall,
        Values::default(),
        Place { parent: Some(open), ..Place::default() },
    );
    session.end::<Given<'_>>(done.id.unwrap(), Values::default(), Vec::new(), SpanEnd::Success(Some(true)));
    assert_eq!(session.open_spans().len(), 1);
    assert!(session.close());
    assert!(call(&session, "late").is_none());
    let events = read(&path)["events"].as_array().unwrap().clone();
    assert_eq!(events[0]["parent_id"], "evt_001");
    assert_eq!((&events[1]["interrupted"], &events[1]["success"]), (&true.into(), &serde_json::Value::Null));
    assert_eq!(events[1]["duration_ms"], serde_json::Value::Null);
    assert_eq!(events.len(), 2);
}

#[test]
fn what_only_the_end_of_a_call_says_is_kept() {
    let folders = folders("late");
    let (session, path) = open(&folders, "s");
    let key = format!("sk-proj-{}", "a1B2c3D4e5".repeat(5));
    let begin = |fields: &[(Field, &str)], kind| {
        let mut values = Values::default();
        for (field, text) in fields {
            values.set(*field, Given::Text(text));
        }
        session.begin(kind, values, Place::default()).id.unwrap()
    };
    let end = |id, fields: &[(Field, &str)]| {
        let mut values = Values::default();
        for (field, text) in fields {
            values.set(*field, Given::Text(text));
        }
        values.set(Field::PromptTokens, Given::Int(1_000_000));
        session.end(id, values, Vec::new(), SpanEnd::Success(Some(true)))
    };
    let whole = begin(&[(Field::Model, "gpt-4o"), (Field::Provider, "openai")], Kind::LlmCall);
    assert!(end(whole, &[]).misuses.is_empty());
    let late = begin(&[], Kind::LlmCall);
    let named = [(Field::Model, "gpt-4o"), (Field::Provider, "openai"), (Field::Messages, key.as_str())];
    assert!(end(late, &named).misuses.is_empty());
    let provider = begin(&[(Field::Provider, "openai"), (Field::Messages, "m")], Kind::LlmCall);
    end(provider, &[(Field::Model, "gpt-4o")]);
    let twice = begin(&[(Field::Model, "gpt-4o")], Kind::LlmCall);
    assert!(end(twice, &[(Field::Model, key.as_str()), (Field::Provider, "openai")]).misuses.is_empty());
    let tool = begin(&[(Field::Tool, "bash")], Kind::ToolCall);
    let mut values = Values::default();
    values.set(Field::Parameters, Given::Text(&key));
    session.end(tool, values, Vec::new(), SpanEnd::Cancelled);
    begin(&[], Kind::LlmCall);
    assert!(session.close());
    let document = read(&path);
    assert!(!document.to_string().contains("a1B2c3D4e5"));
    let events = document["events"].as_array().unwrap();
    assert!(events[..4].iter().all(|event| event["model"] == "gpt-4o" && event["provider"] == "openai"));
    assert!(events[..4].iter().all(|event| event["cost_usd"] == events[0]["cost_usd"]));
    assert!(events[0]["cost_usd"].as_f64().unwrap() > 0.0);
    assert_eq!(events[1]["messages_redacted"], "[REDACTED]");
    assert_eq!(events[3]["attributes"], serde_json::json!({"model": "[REDACTED]"}));
    assert_eq!(events[4]["parameters_redacted"], "[REDACTED]");
    assert_eq!((&events[5]["interrupted"], events[5].get("model")), (&true.into(), None));
    assert_eq!(document["summary"]["durations"]["models"]["gpt-4o"]["count"], 4);
    assert_eq!(document["summary"]["durations"]["tools"]["bash"]["count"], 1);
}

#[test]
fn a_model_that_is_named_behind_values_that_were_too_long_is_in_the_summary() {
    let folders = folders("late-long");
    let (session, path) = open(&folders, "s");
    let id = session.begin::<Given<'_>>(Kind::LlmCall, Values::default(), Place::default()).id.unwrap();
    let texts: Vec<String> = (0..30).map(|n| format!("{n} ").repeat(4_000)).collect();
    let mut values = Values::default();
    values.set(Field::Model, Given::Text("named-late"));
    values.set(Field::Messages, Given::Texts(&texts));
    session.end(id, values, Vec::new(), SpanEnd::Success(Some(true)));
    let id = session
        .begin(
            Kind::LlmCall,
            {
                values.take(Field::Model);
                values
            },
            Place::default(),
        )
        .id
        .unwrap();
    let mut values = Values::default();
    values.set(Field::Model, Given::Text("named-later"));
    session.end(id, values, Vec::new(), SpanEnd::Success(Some(true)));
    assert!(session.close());
    let document = read(&path);
    assert!(document["events"][1].to_string().contains("[truncated "));
    let models = document["summary"]["durations"]["models"].as_object().unwrap();
    assert_eq!(models.keys().collect::<Vec<_>>(), ["named-late", "named-later"]);
}

#[test]
fn a_call_that_is_forgotten_leaves_nothing() {
    let folders = folders("forgotten");
    let (session, path) = open(&folders, "s");
    let begin = || session.begin::<Given<'_>>(Kind::LlmCall, Values::default(), Place::default()).id.unwrap();
    let (first, second) = (begin(), begin());
    session.forget(first);
    session.forget(first);
    session.forget(77);
    assert_eq!(session.open_spans().len(), 1);
    assert!(session.end::<Given<'_>>(first, Values::default(), Vec::new(), SpanEnd::Cancelled).id.is_none());
    session.end::<Given<'_>>(second, Values::default(), Vec::new(), SpanEnd::Success(None));
    assert!(session.close());
    assert_eq!(ids(&read(&path)), ["evt_002"]);
}

#[test]
fn a_finished_call_may_have_been_interrupted() {
    let session = t800_core::session::Session::in_memory(
        Arc::new(t800_core::redact::Redactor::new(&t800_core::redact::Policy::default()).unwrap()),
        shared::policy(),
    );
    for duration in [None, Some(Given::Int(7))] {
        let mut values = Values::default();
        values.set(Field::Tool, Given::Text("sleep"));
        if let Some(duration) = duration {
            values.set(Field::DurationMs, duration);
        }
        session.record(Kind::ToolCall, values, Vec::new(), Place::default(), SpanEnd::Interrupted);
    }
    let lines: Vec<serde_json::Value> =
        session.lines().iter().map(|line| serde_json::from_slice(line).unwrap()).collect();
    let told = |line: &serde_json::Value| {
        (line["duration_ms"].clone(), line["success"].clone(), line["interrupted"].clone())
    };
    assert_eq!(told(&lines[0]), (serde_json::Value::Null, serde_json::Value::Null, true.into()));
    assert_eq!(told(&lines[1]), (7.into(), serde_json::Value::Null, true.into()));
}

#[test]
fn two_sessions_of_one_name_have_two_files() {
    let folders = folders("names");
    let ((one, first), (two, second)) = (open(&folders, "s"), open(&folders, "s"));
    assert_ne!(first, second);
    call(&one, "one");
    call(&two, "two");
    assert!(one.close() && two.close());
    assert_eq!(read(&first)["events"][0]["parameters_redacted"], "one");
    assert_eq!(read(&second)["events"][0]["parameters_redacted"], "two");
}

#[test]
fn a_thousand_sessions_at_once() {
    let folders = folders("thousand");
    let sessions: Vec<_> = (0..1_000).map(|n| open(&folders, &format!("s{n}"))).collect();
    let descriptors = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    assert!(descriptors < 400, "{descriptors} descriptors");
    for (session, _) in &sessions {
        assert!(call(session, "x").is_some());
    }
    // A busy machine may take longer than a close waits.
    assert!(sessions.iter().all(|(session, _)| session.close() || session.flush(Duration::from_mins(1))));
    assert!(sessions.iter().all(|(_, path)| read(path)["summary"]["total_events"] == 1));
}

#[test]
fn an_error_is_on_disk_before_the_interval() {
    let folders = folders("urgent");
    let (session, path) = open(&folders, "s");
    let mut values = Values::default();
    values.set(Field::Message, Given::Text("boom"));
    session.record(Kind::Error, values, Vec::new(), Place::default(), SpanEnd::Success(None));
    let seen = (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        ids(&read(&path)).len() == 1
    });
    assert!(seen);
    assert!(session.close());
}
