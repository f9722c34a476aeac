//! A recording thread that is warm allocates nothing.

#![allow(clippy::unwrap_used)]

mod shared;

use allocation_counter::measure;
use shared::{Given, folders, open};
use t800_core::assemble::{Place, Values};
use t800_core::event::{Field, Kind};
use t800_core::session::{Session, SpanEnd};

fn values(path: &str) -> Values<Given<'_>> {
    let mut values = Values::default();
    values.set(Field::Tool, Given::Text("read"));
    values.set(Field::Parameters, Given::Text(path));
    values
}

fn fact(session: &Session, path: &str) {
    let place = Place { parent: Some(1), phase: Some(b"\"PLAN\""), agent: None };
    let end = SpanEnd::Success(Some(true));
    assert!(session.record(Kind::ToolCall, values(path), Vec::new(), place, end).id.is_some());
}

fn span(session: &Session, path: &str) {
    let place = Place { parent: None, phase: Some(b"\"PLAN\""), agent: Some(b"\"tester\"") };
    let id = session.begin(Kind::ToolCall, values(path), place).id.unwrap();
    let mut result = Values::default();
    result.set(Field::Result, Given::Int(5));
    assert!(session.end(id, result, Vec::new(), SpanEnd::Success(Some(true))).id.is_some());
}

#[test]
fn nothing_is_allocated_for_an_event() {
    let folders = folders("allocations");
    let (session, _) = open(&folders, "s");
    let paths: Vec<String> = (0..200).map(|n| format!("src/module_{n}/a_file_with_a_long_name.rs")).collect();
    for record in [fact, span] {
        let all = || {
            for path in &paths {
                record(&session, path);
            }
        };
        all();
        let counted = measure(all);
        assert_eq!(counted.count_total, 0, "allocations in {} events", paths.len());
    }
    let counted = measure(|| drop(std::hint::black_box(vec![1u8; 10])));
    assert_eq!(counted.count_total, 1, "allocations are counted");
    assert!(session.close());
}
