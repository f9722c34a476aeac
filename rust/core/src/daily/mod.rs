//! Sessions added up by day. A day's file has one line for each session, what it has added to the day, and in front of
//! them their sums; both are written here, from closing lines, from events, or from such lines.
//!
//! Nothing that is read is trusted: a figure that no measurement gives counts as nothing.

mod sums;

use crate::clock;
use crate::encode::escape::quote_into;
use crate::encode::tree::Tree;
use crate::folder::Folder;
use crate::line::{self, without_comma};
use crate::summary::{State, Summary};
use crate::system;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use sums::{Reader, Sums};

/// Bytes of a document's end that hold the closing line of nearly every session.
const END: u64 = 1 << 13;
/// Bytes of its beginning: the header, and the first event.
const FRONT: u64 = 1 << 12;
/// The longest document that is read as a whole.
const MOST_BYTES: u64 = 64 << 20;
/// Threads that look at documents at the same time.
const THREADS: usize = 4;

/// What a session has added to a day, as the day's file has it.
struct Partial {
    session_id: Option<String>,
    agent: Option<String>,
    incomplete: bool,
    sums: Sums,
}

impl Partial {
    fn line(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(4096);
        for (name, text) in [("{\"session_id\":", &self.session_id), (",\"agent\":", &self.agent)] {
            out.extend_from_slice(name.as_bytes());
            match text {
                Some(text) => quote_into(&mut out, text),
                None => out.extend_from_slice(b"null"),
            }
        }
        out.extend_from_slice(format!(",\"incomplete\":{},\"summary\":", self.incomplete).as_bytes());
        self.sums.write(&mut out);
        out.push(b'}');
        out
    }
}

/// What a session has added to a day, in the one spelling that a day's file has for it; None where it is none.
#[must_use]
pub fn spelled(partial: &str) -> Option<Vec<u8>> {
    let mut sums = Sums::default();
    let Reader { session_id, agent, incomplete, .. } = Reader::read(&mut sums, partial)?;
    Some(Partial { session_id, agent, incomplete, sums }.line())
}

/// Adds up the sessions of a day: how many there are, how many are incomplete, and their summary. None where one of the
/// lines is no session's.
#[must_use]
pub fn add_up<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Option<(usize, usize, Vec<u8>)> {
    let (mut sums, mut sessions, mut incomplete) = (Sums::default(), 0, 0);
    for line in lines {
        let read = Reader::read(&mut sums, std::str::from_utf8(line).ok()?)?;
        sessions += 1;
        incomplete += usize::from(read.incomplete);
    }
    let mut out = Vec::with_capacity(1 << 14);
    sums.write(&mut out);
    Some((sessions, incomplete, out))
}

/// A session's day, and what it has added to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folded {
    /// The UTC day of its first event, `2026-01-15`.
    pub day: String,
    /// What it has added, as the day's file has it.
    pub line: Vec<u8>,
}

/// Folds sessions, each given by its only document and its id. None for those that need a closer look: in several parts
/// or over several days, without events, torn, or written by somebody else. With `from_events` the counters and the
/// durations come from the events, not from the closing line.
///
/// # Errors
/// When the folder cannot be opened.
pub fn fold(
    traces: &Path,
    sessions: &[(String, String)],
    from_events: bool,
) -> io::Result<Vec<Option<Folded>>> {
    let folder = Folder::open(traces)?;
    let (next, done) = (AtomicUsize::new(0), Mutex::new(vec![None; sessions.len()]));
    let work = || {
        let mut mine = Vec::new();
        while let Some((n, (name, id))) =
            Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|n| Some((n, sessions.get(n)?)))
        {
            mine.push((n, fold_one(&folder, name, id, from_events)));
        }
        if let Ok(mut done) = done.lock() {
            for (n, folded) in mine {
                done[n] = folded;
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS);
    std::thread::scope(|scope| {
        for _ in 1..threads.min(sessions.len()) {
            scope.spawn(work);
        }
        work();
    });
    Ok(done.into_inner().unwrap_or_default())
}

fn fold_one(folder: &Folder, name: &str, session_id: &str, from_events: bool) -> Option<Folded> {
    let file = folder.read_file(name).ok()?;
    let len = file.metadata().ok()?.len();
    let front = part_of(&file, 0, if from_events { len.min(MOST_BYTES) } else { FRONT })?;
    let end = if len > front.len() as u64 { end_of(&file, len)? } else { Vec::new() };
    let closing = if end.is_empty() { &front } else { &end }.trim_ascii_end();
    let closing_at = memchr::memrchr(b'\n', closing)? + 1;
    let (header, events) = split_line(&front)?;
    let text = std::str::from_utf8(closing[closing_at..].strip_prefix(b"],")?).ok()?;
    let mut sums = Sums::default();
    let read = Reader::read(&mut sums, &format!("{{{text}")).filter(|read| !read.several_days)?;
    let incomplete = !matches!(read.state.as_deref(), Some("closed" | "recovered"));
    if from_events {
        let counted = count_events(front.get(header.len() + 1..closing_at)?)?;
        (sums.counters, sums.by_type, sums.tokens) = (counted.counters, counted.by_type, counted.tokens);
        sums.durations = counted.durations;
    }
    // The closing line of a live document has none: they are counted elsewhere.
    sums.durations.as_ref()?;
    let first = line::read(without_comma(split_line(events)?.0))?;
    let line =
        Partial { session_id: Some(session_id.to_owned()), agent: agent_of(header), incomplete, sums }.line();
    Some(Folded { day: clock::day_text(first.facts.day), line })
}

/// So much of a document's end that its last line is in it.
fn end_of(file: &File, len: u64) -> Option<Vec<u8>> {
    let short = part_of(file, len.saturating_sub(END), END)?;
    if memchr::memchr(b'\n', short.trim_ascii_end()).is_some() {
        return Some(short);
    }
    part_of(file, len.saturating_sub(64 * END), 64 * END)
}

fn part_of(file: &File, from: u64, most: u64) -> Option<Vec<u8>> {
    let most = usize::try_from(most).ok()?;
    let mut bytes = vec![0; most];
    let read = system::read_up_to(file, &mut bytes, from).ok()?;
    bytes.truncate(read);
    Some(bytes)
}

/// The first line, and what is behind it.
fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b'\n', bytes)?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

fn agent_of(header: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(header.trim_ascii_end()).ok()?;
    let tree = Tree::parse(&format!("{text}]}}")).ok()?;
    tree.member("metadata")?.member("agent")?.text().map(str::to_owned)
}

/// The sums of a document's events; None where one of its lines is no event of ours, or they lie on several days.
fn count_events(lines: &[u8]) -> Option<Sums> {
    let mut summary = Summary::default();
    for text in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let text = without_comma(text);
        summary.add(&line::read(text)?.facts, text);
    }
    let mut sums = Sums::default();
    let text = format!("{{\"summary\":{}}}", summary.json(State::Closed, None));
    let several_days = Reader::read(&mut sums, &text)?.several_days;
    (!several_days).then_some(sums)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(events: u64, tool: &str, count: u64) -> String {
        format!(
            r#"{{"session_id":"s","agent":null,"incomplete":true,"summary":{{"total_events":{events},"succeeded":1,"failed":0,"cost_nano_usd":5,"priced":1,"errors":0,"interrupted":0,"duration_us":7,"by_type":{{"tool_call":{events}}},"tokens":{{"prompt":3}},"dropped":1,"redactions":{{"key":2}},"overhead":{{"p50_us":{count}.5,"p99_us":9,"max_us":20.0,"over_budget":1}},"durations":{{"error":0.0905,"tools":{{"{tool}":{{"count":{count},"sum_us":10,"max_us":7,"buckets":{{"12":{count},"3":1}}}}}},"models":{{}}}}}}}}"#
        )
    }

    fn summary(lines: &[String]) -> serde_json::Value {
        let (sessions, incomplete, text) = add_up(lines.iter().map(String::as_bytes)).unwrap();
        assert_eq!((sessions, incomplete), (lines.len(), lines.len()));
        serde_json::from_slice(&text).unwrap()
    }

    #[test]
    fn sessions_add_up() {
        let sum = summary(&[line(10, "read", 2), line(30, "a\\\"b", 6), line(0, "read", 1)]);
        assert_eq!(sum["total_events"], 40);
        assert_eq!(sum["tokens"]["prompt"], 9);
        assert_eq!(sum["redactions"]["key"], 6);
        assert_eq!(sum["dropped"], 3);
        assert_eq!(sum["overhead"]["p50_us"], 5.5);
        assert_eq!(sum["overhead"]["over_budget"], 3);
        let read = &sum["durations"]["tools"]["read"];
        assert_eq!(
            (&read["count"], &read["max_us"], &read["buckets"]["12"]),
            (&3.into(), &7.into(), &3.into())
        );
        assert_eq!(sum["durations"]["tools"]["a\"b"]["count"], 6);
    }

    #[test]
    fn there_is_one_spelling() {
        let text = line(10, "read", 2);
        let once = spelled(&text).unwrap();
        assert_eq!(spelled(std::str::from_utf8(&once).unwrap()).unwrap(), once);
        assert_eq!(spelled(&text.replace("\"12\":2,\"3\":1", "\"3\":1, \"12\":2")).unwrap(), once);
    }

    #[test]
    fn what_is_no_session_adds_nothing() {
        for text in ["", "{}", "[]", "7", r#"{"summary":{}}"#, r#"{"summary":7}"#, &line(1, "x", 1)[1..]] {
            assert_eq!(spelled(text), None, "{text}");
        }
        let hostile = line(10, "read", 2)
            .replace("\"failed\":0", "\"failed\":-7")
            .replace("\"prompt\":3", "\"prompt\":1e99");
        let sum = summary(&[hostile.replace("\"sum_us\":10", "\"sum_us\":99999999999999999999")]);
        assert_eq!((&sum["failed"], &sum["tokens"]["prompt"]), (&0.into(), &0.into()));
        assert_eq!(sum["durations"]["tools"]["read"]["sum_us"], 0);
        assert_eq!(spelled(&line(10, "read", 2).replace("\"failed\":0", "\"failed\":0.5")), None);
    }

    #[test]
    fn of_many_names_the_busiest_stay() {
        let lines: Vec<String> = (0..100).map(|n| line(1, &format!("tool{n:02}"), n + 1)).collect();
        let sum = summary(&lines);
        let tools = sum["durations"]["tools"].as_object().unwrap();
        assert_eq!(tools.len(), 65);
        assert_eq!(tools["other"]["count"], (1..=36).sum::<u64>());
        assert_eq!(tools["tool99"]["count"], 100);
    }
}
