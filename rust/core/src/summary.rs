//! What a trace adds up to: a fold over integers, so that parts, processes and days merge.
//!
//! [`Facts`] are the few numbers of one event that count. They travel beside its line, so the writer never parses
//! what it writes.

pub mod front;

use crate::clock;
use crate::encode::tree::Tree;
use crate::event::Kind;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Token counters of an event, in the order of their names in the summary.
pub const TOKENS: [&str; 8] =
    ["prompt", "completion", "total", "cached", "cache_write", "reasoning", "tools_in", "tools_out"];
/// Index of a token counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// All input of an LLM call.
    Prompt,
    /// All output of an LLM call.
    Completion,
    /// Input and output.
    Total,
    /// Input that was read from a cache.
    Cached,
    /// Input that was written to a cache.
    CacheWrite,
    /// Output spent on reasoning.
    Reasoning,
    /// Tokens that a tool took in.
    ToolsIn,
    /// Tokens that a tool gave out.
    ToolsOut,
}

/// How an event ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Outcome {
    /// It does not say.
    #[default]
    Unsaid = 0,
    /// `success: true`.
    Succeeded = 1,
    /// `success: false`.
    Failed = 2,
    /// `success: null`.
    Unknown = 3,
}

impl Outcome {
    /// The outcome of its number; unknown numbers cannot come out of a checked record.
    #[must_use]
    pub const fn from_number(number: u8) -> Outcome {
        match number {
            1 => Outcome::Succeeded,
            2 => Outcome::Failed,
            3 => Outcome::Unknown,
            _ => Outcome::Unsaid,
        }
    }
}

/// The numbers of one event that its session's summary adds up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Facts {
    /// The event's type.
    pub kind: Kind,
    /// How it ended.
    pub outcome: Outcome,
    /// Still open when its session ended.
    pub interrupted: bool,
    /// Has a parent: its duration is part of another event's.
    pub nested: bool,
    /// Microseconds, where it has a duration.
    pub duration_us: Option<u64>,
    /// Cost in billionths of a dollar, where it has one.
    pub cost_nano_usd: Option<i64>,
    /// See [`TOKENS`].
    pub tokens: [u64; 8],
    /// UTC day of its timestamp, since 1970-01-01.
    pub day: u32,
    /// Where the name of its tool or model stands in its line: start and length of the text between the quotes.
    pub name: (u32, u32),
}

impl Facts {
    /// Whether the event is a call, which succeeds or fails: a tool call or an LLM call.
    #[must_use]
    pub fn is_call(&self) -> bool {
        self.kind.is_call()
    }
}

/// Sums over events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Counters {
    events: u64,
    succeeded: u64,
    failed: u64,
    by_type: [u64; Kind::ALL.len()],
    tokens: [u64; 8],
    cost_nano_usd: i64,
    priced: u64,
    errors: u64,
    interrupted: u64,
    duration_us: u64,
}

impl Counters {
    fn add(&mut self, facts: &Facts) {
        self.events += 1;
        self.by_type[facts.kind as usize] += 1;
        self.errors += u64::from(facts.kind == Kind::Error);
        self.interrupted += u64::from(facts.interrupted);
        for (sum, count) in self.tokens.iter_mut().zip(facts.tokens) {
            *sum = sum.saturating_add(count);
        }
        if let Some(cost) = facts.cost_nano_usd {
            self.cost_nano_usd = self.cost_nano_usd.saturating_add(cost);
            self.priced += 1;
        }
        if facts.is_call() {
            self.succeeded += u64::from(facts.outcome == Outcome::Succeeded);
            self.failed += u64::from(facts.outcome == Outcome::Failed);
            if !facts.nested {
                self.duration_us = self.duration_us.saturating_add(facts.duration_us.unwrap_or(0));
            }
        }
    }

    /// What a closing line has told.
    fn told(told: &Tree) -> Counters {
        let number = |tree: &Tree, name: &str| tree.member(name).and_then(Tree::number).unwrap_or(0.0);
        let count = |name| number(told, name) as u64;
        let among = |of: &str, name| told.member(of).map_or(0, |all| number(all, name) as u64);
        Counters {
            events: count("total_events"),
            succeeded: count("succeeded"),
            failed: count("failed"),
            by_type: Kind::ALL.map(|kind| among("by_type", kind.name())),
            tokens: TOKENS.map(|name| among("tokens", name)),
            cost_nano_usd: number(told, "cost_nano_usd") as i64,
            priced: count("priced"),
            errors: count("errors"),
            interrupted: count("interrupted"),
            duration_us: count("duration_us"),
        }
    }

    fn merge(&mut self, other: &Counters) {
        self.events += other.events;
        self.succeeded += other.succeeded;
        self.failed += other.failed;
        self.priced += other.priced;
        self.errors += other.errors;
        self.interrupted += other.interrupted;
        self.cost_nano_usd = self.cost_nano_usd.saturating_add(other.cost_nano_usd);
        self.duration_us = self.duration_us.saturating_add(other.duration_us);
        for (sum, count) in self.by_type.iter_mut().zip(other.by_type) {
            *sum += count;
        }
        for (sum, count) in self.tokens.iter_mut().zip(other.tokens) {
            *sum = sum.saturating_add(count);
        }
    }

    fn write(&self, out: &mut String) {
        let Counters { events, succeeded, failed, errors, interrupted, priced, .. } = self;
        let _ =
            write!(out, r#""total_events":{events},"succeeded":{succeeded},"failed":{failed},"by_type":{{"#);
        let kinds = Kind::ALL.iter().zip(self.by_type).filter(|(_, n)| *n > 0);
        write_pairs(out, kinds.map(|(kind, n)| (kind.name(), n)));
        out.push_str("},\"tokens\":{");
        write_pairs(out, TOKENS.into_iter().zip(self.tokens));
        let _ = write!(
            out,
            r#"}},"cost_nano_usd":{},"priced":{priced},"errors":{errors},"interrupted":{interrupted},"duration_us":{}"#,
            self.cost_nano_usd, self.duration_us
        );
    }

    fn write_derived(&self, out: &mut String) {
        let mut number = zmij::Buffer::new();
        let _ = write!(out, r#","total_duration_ms":{}"#, Millis(self.duration_us));
        let judged = self.succeeded + self.failed;
        let rate =
            (judged > 0).then(|| number.format_finite(self.succeeded as f64 / judged as f64).to_owned());
        let cost =
            (self.priced > 0).then(|| number.format_finite(self.cost_nano_usd as f64 / 1e9).to_owned());
        let _ = write!(
            out,
            r#","success_rate":{},"total_cost_estimate":{}"#,
            rate.as_deref().unwrap_or("null"),
            cost.as_deref().unwrap_or("null")
        );
    }
}

/// Microseconds shown as milliseconds: `45`, `45.2`, `0.012`.
pub struct Millis(pub u64);

impl std::fmt::Display for Millis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (whole, fraction) = (self.0 / 1_000, self.0 % 1_000);
        if fraction == 0 {
            return write!(f, "{whole}");
        }
        let digits = format!("{fraction:03}");
        write!(f, "{whole}.{}", digits.trim_end_matches('0'))
    }
}

/// Buckets an octave is divided into.
const PER_OCTAVE: f64 = 4.0;
/// Largest relative error of a bucket's representative value: half a bucket, 2^(1/8) − 1.
pub const BUCKET_ERROR: f64 = 0.0905;
/// Names that a histogram keeps apart; further ones are counted together as `other`.
pub(crate) const MAX_NAMES: usize = 64;
/// The name of what is counted together.
pub(crate) const OTHER: &str = "other";
/// Longer names are counted as `other`: they may have been shortened in their line.
const MAX_NAME: usize = 200;

/// The log bucket of a number of microseconds: 0 for 0, else `floor(4 · log2(us)) + 1`.
#[must_use]
pub fn bucket(us: u64) -> u16 {
    if us == 0 { 0 } else { ((us as f64).log2() * PER_OCTAVE).floor() as u16 + 1 }
}

/// The value that stands for a bucket, in microseconds.
#[must_use]
pub fn bucket_value(bucket: u16) -> f64 {
    if bucket == 0 { 0.0 } else { ((f64::from(bucket) - 0.5) / PER_OCTAVE).exp2() }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Durations {
    count: u64,
    sum_us: u64,
    max_us: u64,
    buckets: BTreeMap<u16, u64>,
}

impl Durations {
    fn add(&mut self, us: u64) {
        self.count += 1;
        self.sum_us = self.sum_us.saturating_add(us);
        self.max_us = self.max_us.max(us);
        *self.buckets.entry(bucket(us)).or_default() += 1;
    }

    fn merge(&mut self, other: &Durations) {
        self.count += other.count;
        self.sum_us = self.sum_us.saturating_add(other.sum_us);
        self.max_us = self.max_us.max(other.max_us);
        for (bucket, count) in &other.buckets {
            *self.buckets.entry(*bucket).or_default() += count;
        }
    }

    fn write(&self, out: &mut String) {
        let Durations { count, sum_us, max_us, buckets } = self;
        let _ = write!(out, r#"{{"count":{count},"sum_us":{sum_us},"max_us":{max_us},"buckets":{{"#);
        write_pairs(out, buckets.iter().map(|(bucket, n)| (bucket.to_string(), *n)));
        out.push_str("}}");
    }
}

type ByName = BTreeMap<Box<str>, Durations>;

/// Adds to the durations of a name, or to those of all others.
fn add_to(durations: &mut ByName, name: &str, add: impl FnOnce(&mut Durations)) {
    if let Some(known) = durations.get_mut(name) {
        return add(known);
    }
    let name = if durations.len() < MAX_NAMES { name } else { OTHER };
    add(durations.entry(name.into()).or_default());
}

/// What a session's own calls have cost the agent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Overhead {
    /// Median of one recording call, microseconds.
    pub p50_us: f64,
    /// 99th percentile, microseconds.
    pub p99_us: f64,
    /// The slowest call, microseconds.
    pub max_us: f64,
    /// Calls that took longer than `max_overhead_ms`.
    pub over_budget: u64,
}

impl Overhead {
    /// What a closing line has told.
    pub(crate) fn told(told: &Tree) -> Option<Overhead> {
        let all = told.member("overhead")?;
        let number = |name| all.member(name).and_then(Tree::number).unwrap_or(0.0);
        Some(Overhead {
            p50_us: number("p50_us"),
            p99_us: number("p99_us"),
            max_us: number("max_us"),
            over_budget: number("over_budget") as u64,
        })
    }
}

/// The state of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Its session goes on.
    Live,
    /// Its session has ended.
    Closed,
    /// Its process has died; it was put together afterwards.
    Recovered,
}

/// Everything a closing line says.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    all: Counters,
    days: BTreeMap<u32, Counters>,
    redactions: BTreeMap<Box<str>, u64>,
    tools: ByName,
    models: ByName,
    /// Events that were not taken.
    pub dropped: u64,
    /// What the calls have cost the agent so far.
    pub overhead: Option<Overhead>,
}

impl Summary {
    /// Counts one event; `line` is its text, in which its facts name the tool or model.
    pub fn add(&mut self, facts: &Facts, line: &[u8]) {
        self.all.add(facts);
        self.days.entry(facts.day).or_default().add(facts);
        let Some(us) = facts.duration_us.filter(|_| facts.is_call()) else { return };
        let (start, len) = (facts.name.0 as usize, facts.name.1 as usize);
        let name = line.get(start..start + len).filter(|name| (1..=MAX_NAME).contains(&name.len()));
        let name = name.and_then(|name| std::str::from_utf8(name).ok()).unwrap_or(OTHER);
        let durations = if facts.kind == Kind::ToolCall { &mut self.tools } else { &mut self.models };
        add_to(durations, name, |known| known.add(us));
    }

    /// What a closing line has told; `day` is that of its last event. The durations of a live one are not in it.
    pub(crate) fn from_closing(told: &Tree, day: u32) -> Summary {
        let mut summary = Summary { all: Counters::told(told), ..Summary::default() };
        let days = told.member("by_day").and_then(Tree::table);
        for (day, told) in days.into_iter().flatten() {
            summary.days.extend(clock::parse_day(day).map(|day| (day, Counters::told(told))));
        }
        if days.is_none() && summary.all.events > 0 {
            summary.days.insert(day, summary.all.clone());
        }
        for (rule, count) in told.member("redactions").and_then(Tree::table).into_iter().flatten() {
            summary.add_redactions(rule, count.number().unwrap_or(0.0) as u64);
        }
        summary.dropped = told.member("dropped").and_then(Tree::number).unwrap_or(0.0) as u64;
        summary.overhead = Overhead::told(told);
        summary
    }

    /// Takes the durations of another one.
    pub(crate) fn take_durations(&mut self, other: Summary) {
        (self.tools, self.models) = (other.tools, other.models);
    }

    /// Adds what another one has counted; what the calls have cost stays, which is no sum.
    pub fn merge(&mut self, other: &Summary) {
        self.all.merge(&other.all);
        for (day, counters) in &other.days {
            self.days.entry(*day).or_default().merge(counters);
        }
        for (rule, count) in &other.redactions {
            self.add_redactions(rule, *count);
        }
        for (ours, theirs) in [(&mut self.tools, &other.tools), (&mut self.models, &other.models)] {
            for (name, durations) in theirs {
                add_to(ours, name, |known| known.merge(durations));
            }
        }
        self.dropped += other.dropped;
    }

    /// Counts what a rule has redacted.
    pub fn add_redactions(&mut self, rule: &str, count: u64) {
        match self.redactions.get_mut(rule) {
            Some(sum) => *sum += count,
            None => {
                self.redactions.insert(rule.into(), count);
            }
        }
    }

    /// Number of events counted.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.all.events
    }

    /// The summary as JSON. A live one carries counters only, a closed one the durations as well.
    #[must_use]
    pub fn json(&self, state: State, ended: Option<clock::Wall>) -> String {
        let mut out = String::with_capacity(1024);
        out.push('{');
        self.all.write(&mut out);
        let _ = write!(out, r#","dropped":{},"redactions":{{"#, self.dropped);
        write_pairs(&mut out, self.redactions.iter().map(|(rule, n)| (rule, *n)));
        out.push('}');
        self.write_overhead(&mut out);
        let state_name = match state {
            State::Live => "live",
            State::Closed => "closed",
            State::Recovered => "recovered",
        };
        let ended = ended.map_or_else(|| "null".into(), |wall| format!("\"{}\"", clock::rfc3339(wall)));
        let _ = write!(out, r#","state":"{state_name}","ended":{ended}"#);
        self.write_days(&mut out);
        self.all.write_derived(&mut out);
        if state != State::Live {
            self.write_durations(&mut out);
        }
        out.push('}');
        out
    }

    fn write_overhead(&self, out: &mut String) {
        let Some(Overhead { p50_us, p99_us, max_us, over_budget }) = self.overhead else { return };
        let _ = write!(
            out,
            r#","overhead":{{"p50_us":{p50_us:.3},"p99_us":{p99_us:.3},"max_us":{max_us:.3},"over_budget":{over_budget}}}"#
        );
    }

    fn write_days(&self, out: &mut String) {
        if self.days.len() < 2 {
            return;
        }
        out.push_str(",\"by_day\":{");
        for (n, (day, counters)) in self.days.iter().enumerate() {
            let _ = write!(out, r#"{}"{}":{{"#, if n > 0 { "," } else { "" }, clock::day_text(*day));
            counters.write(out);
            out.push('}');
        }
        out.push('}');
    }

    fn write_durations(&self, out: &mut String) {
        let _ = write!(out, r#","durations":{{"error":{BUCKET_ERROR},"tools":{{"#);
        write_by_name(out, &self.tools);
        out.push_str("},\"models\":{");
        write_by_name(out, &self.models);
        out.push_str("}}");
    }
}

/// Names come out of a line as they stand there, escaped already.
fn write_by_name(out: &mut String, durations: &ByName) {
    for (n, (name, durations)) in durations.iter().enumerate() {
        let _ = write!(out, r#"{}"{name}":"#, if n > 0 { "," } else { "" });
        durations.write(out);
    }
}

/// Names that need no escape, with their numbers.
fn write_pairs(out: &mut String, pairs: impl Iterator<Item = (impl std::fmt::Display, u64)>) {
    for (n, (name, value)) in pairs.enumerate() {
        let _ = write!(out, r#"{}"{name}":{value}"#, if n > 0 { "," } else { "" });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(kind: Kind, outcome: Outcome, us: u64) -> Facts {
        Facts { kind, outcome, duration_us: Some(us), day: 20_000, ..Facts::default() }
    }

    #[test]
    fn the_summary_says_what_the_specification_asks() {
        let mut summary = Summary::default();
        summary.add(&Facts { name: (1, 4), ..call(Kind::ToolCall, Outcome::Succeeded, 45_000) }, b"\"read\"");
        summary.add(&call(Kind::ToolCall, Outcome::Failed, 500), b"");
        summary.add(&Facts { nested: true, ..call(Kind::ToolCall, Outcome::Succeeded, 99_000) }, b"");
        summary.add(
            &Facts { cost_nano_usd: Some(2_500_000), ..call(Kind::LlmCall, Outcome::Succeeded, 1) },
            b"",
        );
        summary.add_redactions("key", 2);
        let json: serde_json::Value = serde_json::from_str(&summary.json(State::Closed, Some(0))).unwrap();
        assert_eq!(json["total_events"], 4);
        assert_eq!(json["total_duration_ms"], 45.501);
        assert_eq!(json["success_rate"], 0.75);
        assert_eq!(json["total_cost_estimate"], 0.0025);
        assert_eq!(json["redactions"]["key"], 2);
        assert_eq!(json["durations"]["tools"]["read"]["max_us"], 45_000);
        assert_eq!(json["by_day"], serde_json::Value::Null);
    }

    #[test]
    fn nothing_is_made_up_for_an_empty_session() {
        let json: serde_json::Value =
            serde_json::from_str(&Summary::default().json(State::Live, None)).unwrap();
        assert_eq!(json["success_rate"], serde_json::Value::Null);
        assert_eq!(json["total_cost_estimate"], serde_json::Value::Null);
        assert_eq!(json["ended"], serde_json::Value::Null);
    }

    #[test]
    fn days_and_names_are_bounded_and_apart() {
        let mut summary = Summary::default();
        for n in 0..100 {
            let name = format!("tool{n:02}");
            summary.add(
                &Facts { name: (0, 6), day: 20_000 + n % 2, ..call(Kind::ToolCall, Outcome::Succeeded, 7) },
                name.as_bytes(),
            );
        }
        let json: serde_json::Value = serde_json::from_str(&summary.json(State::Closed, Some(0))).unwrap();
        assert_eq!(json["durations"]["tools"].as_object().unwrap().len(), 65);
        assert_eq!(json["durations"]["tools"]["other"]["count"], 36);
        assert_eq!(json["by_day"].as_object().unwrap().len(), 2);
    }

    #[test]
    fn buckets_keep_their_declared_error() {
        for us in [1u64, 2, 3, 7, 100, 999, 12_345, 1_000_000_007] {
            let error = (bucket_value(bucket(us)) - us as f64).abs() / us as f64;
            assert!(error <= BUCKET_ERROR + 1e-4, "{us}: {error}");
        }
    }
}
