//! What each stage of an event's way costs:
//!
//! `cargo run --release -p t800-core --example stages` prints nanoseconds, one row a line;
//! `stages list` names the rows; `stages ROW ROUNDS` runs one, its work inside `measured`, whose instructions
//! callgrind counts (`benches/instructions.py`).
//!
//! `redact` judges an event's keys and texts, `encode` walks its values and writes them redacted, `record` is all of
//! a call on the caller's thread, the ring included. `secrets` is the search for secrets alone, `filter` all of
//! redaction.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

#[path = "../tests/shared/mod.rs"]
mod shared;

use std::cell::RefCell;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;
use t800_core::assemble::{Number, Place, Value, Values, field_classes};
use t800_core::encode::{Buffer, Encoder, Enter, Limits};
use t800_core::event::{Field, Kind};
use t800_core::redact::{Identity, KeyClass, Policy, Redactor, Scratch};
use t800_core::ring::{Head, Position, Ring, Tag, Urgency};
use t800_core::session::{Session, SpanEnd};
use t800_core::writer::{self, Header};

/// Work between two looks at the clock; then the writer may catch up.
const BATCH: usize = 50;
/// What a session asks of its writer by default.
const USUAL: Urgency = Urgency { records: 50, bytes: 100 << 10, now: false, precious: false };
const LIMITS: Limits = Limits::of_event(16_384, 262_144);
/// How long the texts are that are only redacted.
const LONG: usize = 64 << 10;

/// A value of an event.
#[derive(Clone, Copy)]
enum Item {
    Text(&'static str),
    /// A text that [`stir`] makes another one.
    Fresh(&'static RefCell<String>),
    Int(i64),
    Float(f64),
    Flag(bool),
    Object(&'static [(&'static str, Item)]),
    List(&'static [Item]),
}

impl Value for Item {
    fn encode(self, encoder: &mut Encoder<'_>) {
        match self {
            Item::Text(text) => encoder.text(text),
            Item::Fresh(text) => encoder.text(&text.borrow()),
            Item::Int(value) => encoder.int(value),
            Item::Float(value) => encoder.float(value),
            Item::Flag(value) => encoder.bool(value),
            Item::Object(_) if encoder.begin_object() == Enter::Walk => {
                self.encode_entries(encoder);
                encoder.end_object();
            }
            Item::List(items) if encoder.begin_list() == Enter::Walk => {
                for item in items {
                    item.encode(encoder);
                }
                encoder.end_list();
            }
            Item::Object(_) | Item::List(_) => {}
        }
    }
    fn encode_entries(self, encoder: &mut Encoder<'_>) {
        let Item::Object(entries) = self else { return };
        for (key, value) in entries {
            encoder.key(key);
            value.encode(encoder);
        }
    }
    fn is_mapping(self) -> bool {
        matches!(self, Item::Object(_))
    }
    fn is_null(self) -> bool {
        false
    }
    fn number(self) -> Option<Number> {
        match self {
            Item::Int(value) => Some(Number::Int(value)),
            Item::Float(value) => Some(Number::Float(value)),
            _ => None,
        }
    }
    fn flag(self) -> Option<bool> {
        match self {
            Item::Flag(value) => Some(value),
            _ => None,
        }
    }
    fn with_text<R>(self, read: impl FnOnce(&str) -> R) -> Option<R> {
        match self {
            Item::Text(text) => Some(read(text)),
            Item::Fresh(text) => Some(read(&text.borrow())),
            _ => None,
        }
    }
}

type Fields = &'static [(Field, Item)];

/// An event to measure. `t800 bench` measures the same ones from Python.
struct Specimen {
    name: &'static str,
    kind: Kind,
    fields: Fields,
}

/// A text that stays as long as the process does.
fn text(text: impl Into<String>) -> Item {
    Item::Text(String::leak(text.into()))
}

fn object(entries: Vec<(&'static str, Item)>) -> Item {
    Item::Object(Vec::leak(entries))
}

fn specimens() -> Vec<Specimen> {
    let event = |name, kind, fields| Specimen { name, kind, fields: Vec::leak(fields) };
    vec![
        event("small", Kind::ToolCall, small()),
        event("edit", Kind::ToolCall, edit()),
        event("llm", Kind::LlmCall, llm()),
        event(
            "decision",
            Kind::Decision,
            vec![(Field::DecisionType, text("strategy")), (Field::Outcome, text("edit in place"))],
        ),
        event(
            "error",
            Kind::Error,
            vec![
                (Field::ErrorType, text("TOOL_TIMEOUT")),
                (Field::Tool, text("bash")),
                (Field::Message, text("Command exceeded 30000ms timeout")),
            ],
        ),
        event(
            "checkpoint",
            Kind::Checkpoint,
            vec![(Field::PhaseName, text("EXECUTE")), (Field::Status, text("completed"))],
        ),
    ]
}

fn small() -> Vec<(Field, Item)> {
    let parameters = object(vec![("file_path", text("src/auth.ts"))]);
    vec![
        (Field::Tool, text("read")),
        (Field::Parameters, parameters),
        (Field::DurationMs, Item::Float(45.2)),
        (Field::Success, Item::Flag(true)),
    ]
}

const CODE: &str = "    for attempt in range(3):\n        if fetch(url, timeout=5):\n            break\n";

fn edit() -> Vec<(Field, Item)> {
    let code = CODE.repeat(30);
    // Put together here, so that no scanner takes this file for a leak.
    let token = format!("sk-{}", "9f8b2c7d4e1a".repeat(3));
    let parameters = object(vec![
        ("file_path", text("/home/user/.config/app/config.py")),
        ("api_key", text(["hunter2", "correct", "horse"].join("-"))),
        ("note", text(format!("rotate {token} before the release"))),
        ("old_string", text(&code[..2048])),
        ("new_string", text(&code[7..2055])),
    ]);
    vec![
        (Field::Tool, text("edit")),
        (Field::Parameters, parameters),
        (Field::DurationMs, Item::Float(35.0)),
        (Field::Success, Item::Flag(true)),
    ]
}

fn llm() -> Vec<(Field, Item)> {
    let message =
        |role, content: String| object(vec![("role", Item::Text(role)), ("content", text(content))]);
    let messages = vec![
        message("system", "You repair programs. ".repeat(50)),
        message("user", CODE.repeat(100)[..7000].to_owned()),
    ];
    vec![
        (Field::Model, text("claude-sonnet-4")),
        (Field::Provider, text("anthropic")),
        (Field::Messages, Item::List(Vec::leak(messages))),
        (Field::PromptTokens, Item::Int(1500)),
        (Field::CompletionTokens, Item::Int(800)),
        (Field::DurationMs, Item::Float(3500.0)),
        (Field::CostUsd, Item::Float(0.023)),
        (Field::Success, Item::Flag(true)),
    ]
}

/// Code and prose as they are in the repository, and what secrets begin with, without one behind it.
fn long_texts() -> [(&'static str, String); 3] {
    let code = concat!(
        include_str!("../../../examples/workspace/parcels/__main__.py"),
        include_str!("../../../examples/workspace/parcels/quote.py"),
        include_str!("../../../examples/workspace/parcels/tariff.py"),
        include_str!("../../../examples/workspace/parcels/weights.py"),
    );
    let prose = include_str!("../../../LICENSE-APACHE");
    let hostile = "token= eyJ :// password: sk- ghp_ AKIA user@ -----BEGIN Bearer key= ";
    [("code", code), ("prose", prose), ("hostile", hostile)].map(|(name, text)| {
        let mut long = text.repeat(LONG / text.len() + 1);
        let mut end = LONG;
        while !long.is_char_boundary(end) {
            end -= 1;
        }
        long.truncate(end);
        (name, long)
    })
}

/// What a recorder knows of its user and of the machine: some searching is only done for that.
fn policy(hashed: bool) -> Policy {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Policy {
        redact_content: hashed,
        max_value_bytes: 16_384,
        home: Some("/home/user".into()),
        project_roots: vec!["/home/user/work/parcels".into()],
        identity: Identity {
            users: names(&["jmeander"]),
            hosts: names(&["parcels-build-7"]),
            git: names(&["Jo Meander", "jo.meander@parcels.example"]),
            values: names(&["not-a-word-4711-of-the-environment"]),
        },
        ..Policy::default()
    }
}

fn redactor(hashed: bool) -> Arc<Redactor> {
    Arc::new(Redactor::new(&policy(hashed)).unwrap())
}

/// One row: work that is measured, and what has to be done between batches of it.
struct Row {
    name: String,
    /// Bytes of text that one run redacts; 0 where it is an event.
    bytes: usize,
    work: Box<dyn FnMut()>,
    settle: Box<dyn FnMut()>,
}

impl Row {
    fn new(name: impl Into<String>, work: impl FnMut() + 'static) -> Row {
        Row { name: name.into(), bytes: 0, work: Box::new(work), settle: Box::new(|| {}) }
    }
}

/// A row's name, and what makes it when its turn comes.
type Opening = (String, Box<dyn Fn(String) -> Row>);

/// The item with texts that are others in every round: what was judged before costs less.
fn fresh(item: Item) -> Item {
    match item {
        Item::Text(text) if text.len() >= SHORTEST_FRESH => {
            Item::Fresh(Box::leak(Box::new(RefCell::new(text.to_owned()))))
        }
        Item::Object(entries) => object(entries.iter().map(|(key, value)| (*key, fresh(*value))).collect()),
        Item::List(items) => Item::List(Vec::leak(items.iter().copied().map(fresh).collect())),
        other => other,
    }
}

/// Shorter texts are judged afresh each time.
const SHORTEST_FRESH: usize = 16;

fn fresh_fields(fields: Fields) -> Fields {
    Vec::leak(fields.iter().map(|(field, value)| (*field, fresh(*value))).collect())
}

/// How many letters at the end of a text count the rounds; all are ASCII.
const STIRRED: usize = 4;

/// Counts on in the last letters of each fresh text.
fn stir(item: Item) {
    match item {
        Item::Fresh(text) => {
            let mut text = text.borrow_mut();
            let end = text.len();
            for place in (end - STIRRED..end).rev() {
                let next = match text.as_bytes()[place] {
                    byte if byte != b'z' && byte.is_ascii_lowercase() => char::from(byte + 1),
                    _ => 'a',
                };
                text.replace_range(place..=place, next.encode_utf8(&mut [0; 4]));
                if next != 'a' {
                    break;
                }
            }
        }
        Item::Object(entries) => {
            for (_, value) in entries {
                stir(*value);
            }
        }
        Item::List(items) => {
            for item in items {
                stir(*item);
            }
        }
        Item::Text(_) | Item::Int(_) | Item::Float(_) | Item::Flag(_) => {}
    }
}

fn stir_fields(fields: Fields) {
    for (_, value) in fields {
        stir(*value);
    }
}

fn redact_row(name: String, fields: Fields, redactor: Arc<Redactor>) -> Row {
    let (classes, mut scratch) = (field_classes(&redactor), Scratch::default());
    Row::new(name, move || {
        stir_fields(fields);
        for (field, value) in fields {
            judge(&redactor, classes[*field as usize], *value, &mut scratch);
        }
    })
}

fn judge(redactor: &Redactor, class: KeyClass, value: Item, scratch: &mut Scratch) {
    match value {
        Item::Text(text) => {
            black_box(redactor.text(class, text, scratch));
        }
        Item::Fresh(text) => {
            black_box(redactor.text(class, &text.borrow(), scratch));
        }
        Item::Object(entries) => {
            for (key, value) in entries {
                judge(redactor, redactor.key(key), *value, scratch);
            }
        }
        Item::List(items) => {
            let class = redactor.item(class);
            for item in items {
                judge(redactor, class, *item, scratch);
            }
        }
        Item::Int(_) | Item::Float(_) | Item::Flag(_) => {}
    }
}

fn encode_row(name: String, fields: Fields, again: bool, redactor: Arc<Redactor>) -> Row {
    let (classes, mut buffer) = (field_classes(&redactor), Buffer::default());
    Row::new(name, move || {
        if !again {
            stir_fields(fields);
        }
        buffer.clear();
        let mut encoder = Encoder::new(&redactor, &mut buffer, LIMITS);
        for (field, value) in fields {
            encoder.chunk(field.opening());
            encoder.root(classes[*field as usize]);
            value.encode(&mut encoder);
        }
        black_box(&buffer.out);
    })
}

/// A session whose document is deleted when it has been closed and counted.
struct Recording {
    session: Arc<Session>,
    folders: writer::Folders,
    taken: u64,
}

impl Recording {
    fn open(name: &str, redactor: Arc<Redactor>) -> Recording {
        let folders = shared::folders(&format!("stages-{}", name.replace([' ', ','], "-")));
        let header = Header { session_id: "ses_x".into(), started: 0, metadata: "{}".into(), parent: None };
        let opened = writer::open(&folders, "stages", header, redactor, shared::policy()).unwrap();
        Recording { session: Arc::new(opened.0), folders, taken: 0 }
    }

    fn record(&mut self, kind: Kind, fields: Fields) {
        let recorded = self.session.record(
            kind,
            values(fields),
            Vec::new(),
            Place::default(),
            SpanEnd::Success(Some(true)),
        );
        self.taken += u64::from(recorded.id.is_some());
    }

    fn span(&mut self, kind: Kind, fields: Fields) {
        let begun = self.session.begin(kind, values(&fields[..2]), Place::default());
        let end = SpanEnd::Success(Some(true));
        let ended = self.session.end::<Item>(begun.id.unwrap(), Values::default(), Vec::new(), end);
        self.taken += u64::from(ended.id.is_some());
    }
}

fn values(fields: Fields) -> Values<Item> {
    let mut values = Values::default();
    for (field, value) in fields {
        values.set(*field, *value);
    }
    values
}

impl Drop for Recording {
    /// What was taken is on disk, or the figures say nothing.
    fn drop(&mut self) {
        assert!(self.session.close());
        let documents = std::fs::read_dir(&self.folders.traces).unwrap();
        let written: usize = documents
            .map(|document| std::fs::read_to_string(document.unwrap().path()).unwrap())
            .map(|text| text.lines().filter(|line| line.starts_with("{\"event_id\"")).count())
            .sum();
        assert_eq!(written as u64, self.taken, "what was recorded is in the documents");
        let _ = std::fs::remove_dir_all(self.folders.traces.parent().unwrap());
    }
}

fn record_row(
    name: String,
    redactor: Arc<Redactor>,
    mut record: impl FnMut(&mut Recording) + 'static,
) -> Row {
    let mut recording = Recording::open(&name, redactor);
    let session = Arc::clone(&recording.session);
    let work = move || record(&mut recording);
    let settle = move || assert!(session.flush(std::time::Duration::from_mins(1)));
    Row { name, bytes: 0, work: Box::new(work), settle: Box::new(settle) }
}

fn event_rows() -> Vec<Opening> {
    let mut rows: Vec<Opening> = Vec::new();
    for Specimen { name, kind, fields } in specimens() {
        for (as_stored, hashed, again) in
            [("", true, true), (", scanned", false, false), (", scanned again", false, true)]
        {
            if !hashed && !matches!(name, "edit" | "llm") {
                continue;
            }
            let fields = if again { fields } else { fresh_fields(fields) };
            let title = |stage: &str| format!("{stage} {name}{as_stored}");
            if !again || hashed {
                let fields = fresh_fields(fields);
                rows.push((title("redact"), Box::new(move |row| redact_row(row, fields, redactor(hashed)))));
            }
            rows.push((
                title("encode"),
                Box::new(move |row| encode_row(row, fields, again, redactor(hashed))),
            ));
            rows.push((
                title("record"),
                Box::new(move |row| {
                    record_row(row, redactor(hashed), move |to| {
                        if !again {
                            stir_fields(fields);
                        }
                        to.record(kind, fields);
                    })
                }),
            ));
        }
        if matches!(kind, Kind::ToolCall) {
            rows.push((
                format!("span {name}"),
                Box::new(move |row| record_row(row, redactor(true), move |to| to.span(kind, fields))),
            ));
        }
    }
    rows
}

fn push_row(name: String) -> Row {
    let ring = Arc::new(Ring::new(None).unwrap());
    let other = Arc::clone(&ring);
    let keeper = std::thread::spawn(move || other.stand_by());
    ring.serve(std::thread::current(), keeper.thread().clone());
    let (mut at, reader, mut number) = (ring.start(), Arc::clone(&ring), 0);
    // As a session hands them over: facts and counts in one part, the line in the other.
    let (facts, line) = ([1; 98], [2; 250]);
    let work = move || {
        number += 1;
        let head = Head { session: 1, tag: Tag::Event, id: number };
        assert!(ring.push(head, &[&facts, &line], USUAL).is_some());
    };
    let settle = move || at = drain(&reader, at);
    Row { name, bytes: 0, work: Box::new(work), settle: Box::new(settle) }
}

fn drain(ring: &Ring, from: Position) -> Position {
    let at = ring.read(from, |_, record| assert_eq!(record.payload.len(), 348));
    ring.give_back(at);
    ring.settled(at, false);
    at
}

fn text_row(name: String, text: String, secrets_only: bool) -> Row {
    let known = Policy { max_value_bytes: 0, ..policy(false) };
    let secrets = Policy {
        redact_content: false,
        redact_pii: false,
        redact_sensitive_paths: false,
        ..Policy::default()
    };
    let policy = if secrets_only { secrets } else { known };
    let (redactor, mut scratch) = (Redactor::new(&policy).unwrap(), Scratch::default());
    let bytes = text.len();
    let work = move || {
        black_box(redactor.text(KeyClass::PLAIN, &text, &mut scratch));
    };
    Row { bytes, ..Row::new(name, work) }
}

fn rows() -> Vec<Opening> {
    let mut rows = event_rows();
    rows.push(("push 250 bytes".into(), Box::new(push_row)));
    for (name, text) in long_texts() {
        for (stage, secrets_only) in [("secrets", true), ("filter", false)] {
            let text = text.clone();
            rows.push((
                format!("{stage} {name}"),
                Box::new(move |row| text_row(row, text.clone(), secrets_only)),
            ));
        }
    }
    rows
}

/// What callgrind counts; the boundary must be seen in the program.
#[inline(never)]
fn measured(work: &mut dyn FnMut(), rounds: usize) {
    for _ in 0..rounds {
        work();
    }
}

/// Runs a row's work `rounds` times, settling after each batch.
fn run(row: &mut Row, rounds: usize) {
    for begin in (0..rounds).step_by(BATCH) {
        measured(&mut row.work, BATCH.min(rounds - begin));
        (row.settle)();
    }
}

/// The nanoseconds of one run: the fastest batch.
fn fastest(row: &mut Row) -> f64 {
    let (batches, size) = if row.bytes > 0 { (15, 1) } else { (200, BATCH) };
    let times = (0..batches).map(|_| {
        let began = Instant::now();
        measured(&mut row.work, size);
        let taken = began.elapsed();
        (row.settle)();
        taken.as_nanos() as f64 / size as f64
    });
    times.fold(f64::INFINITY, f64::min)
}

fn main() {
    let mut args = std::env::args().skip(1);
    let wanted = args.next();
    let listing = wanted.as_deref() == Some("list");
    let rounds: Option<usize> = args.next().map(|rounds| rounds.parse().unwrap());
    for (name, open) in rows() {
        if !listing && wanted.as_ref().is_some_and(|wanted| *wanted != name) {
            continue;
        }
        let mut row = open(name);
        if listing {
            println!("{{\"row\":\"{}\",\"bytes\":{}}}", row.name, row.bytes);
            continue;
        }
        let Some(rounds) = rounds else {
            let ns = fastest(&mut row);
            println!("{{\"row\":\"{}\",\"ns\":{ns:.1},\"bytes\":{}}}", row.name, row.bytes);
            continue;
        };
        // The first runs fill tables and caches.
        for _ in 0..BATCH {
            (row.work)();
        }
        (row.settle)();
        run(&mut row, rounds);
        println!("{{\"row\":\"{}\",\"rounds\":{rounds},\"bytes\":{}}}", row.name, row.bytes);
    }
}
