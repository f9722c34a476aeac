//! What waits between the hooks of one host session: `.t800/{stem}.open`.
//!
//! One file for each open session, of lines that are appended: calls that have begun, calls that have ended, how far
//! transcripts were read. When most of them say nothing any more, a shorter file takes its place. A torn last line is
//! passed over. Everything in it is redacted or a keyed hash.

use crate::setup::Setup;
use crate::value::{count_of, members, members_of, text_of};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::time::{Duration, Instant};
use t800_core::clock::{self, Wall};
use t800_core::folder::Folder;
use t800_core::redact::hmac_hex;
use t800_core::session_id;

/// How long to wait for another hook of the same session.
const PATIENCE: Duration = Duration::from_secs(2);
/// A file shorter than this is read in no time.
const WORTH_SHORTENING: u64 = 64 << 10;
/// The same payload comes again before so many others, if at all.
const TOLD_TWICE: usize = 64;
const RETRY: Duration = Duration::from_micros(300);
const SUFFIX: &str = ".open";
/// `2026-01-15_10-30-00_`.
const TIME_LENGTH: usize = 20;

/// A call that has begun.
#[derive(Clone, Debug)]
pub struct Begin {
    /// The number of its event.
    pub id: u64,
    /// When it began.
    pub started: Wall,
    /// Whether it starts a sub-agent.
    pub spawns: bool,
    /// Its event, should it never end.
    pub interrupted: String,
    /// What rules have redacted in that.
    pub redactions: BTreeMap<String, u64>,
}

/// The open session of a host, locked for this process.
pub struct Begins {
    file: File,
    name: String,
    /// Its document's name.
    pub stem: String,
    /// Its id.
    pub session_id: String,
    /// When it began.
    pub started: Wall,
    /// It goes on with what an earlier document has the beginning of.
    pub resumed: bool,
    /// Open calls by the hash of their id.
    pub open: HashMap<String, Begin>,
    /// The highest number that was given.
    pub last_id: u64,
    /// By the hash of a sub-agent's id: the call that has started it.
    pub parents: HashMap<String, u64>,
    /// By the hash of a transcript's path: up to where it was read.
    pub read: HashMap<String, u64>,
    /// Hashes of what was taken out of transcripts.
    pub seen: HashSet<String>,
    /// How long each hook has taken, in microseconds.
    pub took_us: Vec<u64>,
    /// Hashes of payloads that were taken, of a host that may tell one twice.
    pub told: HashSet<String>,
}

/// The keyed hash of an id from outside: 16 hex digits.
pub fn hash(setup: &Setup, kind: &str, id: &str) -> String {
    let digest = hmac_hex(&setup.key, format!("{kind}:{id}").as_bytes());
    String::from_utf8_lossy(&digest[..16]).into_owned()
}

impl Begins {
    /// The open session of a host's session id, or a new one: but none to end a session that has ended already.
    pub fn enter(setup: &Setup, private: &Folder, host_id: &str, ends: bool) -> io::Result<Begins> {
        let until = Instant::now() + PATIENCE;
        let (safe, host) = (setup.session_id(host_id), hash(setup, "host", host_id));
        loop {
            let (name, file) = match find(private, &safe, &host)? {
                Some(found) => found,
                None if ends && has_document(setup, &safe) => return Err(io::ErrorKind::NotFound.into()),
                None => create(setup, private, &safe, &host)?,
            };
            lock(&file, until)?;
            // Another hook may have ended the session meanwhile, or shortened its file, which makes a new one.
            if private.is(&name, &file) {
                return Begins::read(name, file);
            }
        }
    }

    fn read(name: String, mut file: File) -> io::Result<Begins> {
        let stem = name[..name.len() - SUFFIX.len()].to_owned();
        let mut begins = Begins {
            session_id: stem.get(TIME_LENGTH..).unwrap_or("ses").to_owned(),
            name,
            stem,
            started: 0,
            resumed: false,
            open: HashMap::new(),
            last_id: 0,
            parents: HashMap::new(),
            read: HashMap::new(),
            seen: HashSet::new(),
            took_us: Vec::new(),
            told: HashSet::new(),
            file: file.try_clone()?,
        };
        let mut text = Vec::new();
        file.seek(SeekFrom::Start(0))?;
        file.read_to_end(&mut text)?;
        // A line that was being written when its process died: the next one starts anew.
        if text.last().is_some_and(|byte| *byte != b'\n') {
            file.write_all(b"\n")?;
        }
        let text = String::from_utf8_lossy(&text);
        let (lines, last_id) = standing(&text);
        begins.last_id = last_id;
        for line in lines {
            match took(line) {
                Some((us, told)) => {
                    begins.took_us.extend(us);
                    begins.told.extend(told.map(str::to_owned));
                }
                None => begins.take(line),
            }
        }
        Ok(begins)
    }

    fn take(&mut self, line: &str) {
        let Some(found) = members(line) else { return };
        let text = |name| text_of(&found, name).map(std::borrow::Cow::into_owned);
        let count = |name| count_of(&found, name).and_then(|count| u64::try_from(count).ok());
        if let Some(started) = count("began_us").filter(|_| found.contains_key("host")) {
            (self.started, self.resumed) = (started * 1_000, count("resumed") == Some(1));
        } else if let (Some(key), Some(id), Some(event)) = (text("begin"), count("id"), found.get("event")) {
            let redactions = members_of(&found, "redactions").unwrap_or_default();
            let redactions =
                redactions.iter().filter_map(|(rule, n)| Some((rule.clone(), n.get().parse().ok()?)));
            self.last_id = self.last_id.max(id);
            let begin = Begin {
                id,
                started: count("at_us").unwrap_or(0) * 1_000,
                spawns: count("spawns") == Some(1),
                interrupted: event.get().to_owned(),
                redactions: redactions.collect(),
            };
            self.open.insert(key, begin);
        } else if let Some(id) = count("last_id") {
            self.last_id = self.last_id.max(id);
        } else if let (Some(agent), Some(parent)) = (text("agent"), count("parent")) {
            self.parents.insert(agent, parent);
        } else if let (Some(path), Some(at)) = (text("read"), count("at")) {
            self.read.insert(path, at);
            let seen =
                found.get("seen").and_then(|seen| serde_json::from_str::<Vec<String>>(seen.get()).ok());
            self.seen.extend(seen.unwrap_or_default());
        }
    }

    fn append(&mut self, line: &str) {
        // Where the disk takes no more, the call is recorded when it ends, as one that nobody saw begin.
        let _ = self.file.seek(SeekFrom::End(0));
        let _ = self.file.write_all(format!("{line}\n").as_bytes());
    }

    /// Remembers a call that has begun.
    pub fn begin(&mut self, key: &str, begin: Begin) {
        let redactions: Vec<String> =
            begin.redactions.iter().map(|(rule, count)| format!("\"{rule}\":{count}")).collect();
        self.append(&format!(
            r#"{{"begin":"{key}","id":{},"at_us":{},"spawns":{},"redactions":{{{}}},"event":{}}}"#,
            begin.id,
            begin.started / 1_000,
            u8::from(begin.spawns),
            redactions.join(","),
            begin.interrupted
        ));
        self.last_id = self.last_id.max(begin.id);
        self.open.insert(key.to_owned(), begin);
    }

    /// Forgets a call that has ended and whose event is in the document.
    pub fn end(&mut self, key: &str) {
        if self.open.remove(key).is_some() {
            self.append(&format!(r#"{{"end":"{key}"}}"#));
        }
    }

    /// Gives a sub-agent the call that has started it: the one that is named, else the one open call of that kind
    /// that has none yet.
    pub fn adopt(&mut self, agent: &str, call: Option<&str>) {
        let named = call.and_then(|call| self.open.get(call));
        let taken: HashSet<u64> = self.parents.values().copied().collect();
        let mut calls = self.open.values().filter(|begin| begin.spawns && !taken.contains(&begin.id));
        let only = calls.next().filter(|_| calls.next().is_none());
        if let Some(parent) = named.or(only).map(|call| call.id) {
            self.parents.insert(agent.to_owned(), parent);
            self.append(&format!(r#"{{"agent":"{agent}","parent":{parent}}}"#));
        }
    }

    /// Remembers up to where a transcript was read, and what was found there.
    pub fn has_read(&mut self, path: &str, at: u64, seen: &[String]) {
        self.append(&format!(r#"{{"read":"{path}","at":{at},"seen":{seen:?}}}"#));
    }

    /// Remembers how long this hook has taken, and the hash of its payload.
    pub fn took(&mut self, us: u64, told: Option<&str>) {
        let told = told.map_or_else(String::new, |told| format!(r#","told":"{told}""#));
        self.append(&format!(r#"{{"took_us":{us}{told}}}"#));
        self.took_us.push(us);
    }

    /// Writes the file anew without what says nothing any more, once that is most of it: each hook reads all of it.
    /// Nothing may be remembered afterwards.
    pub fn shorten(mut self, private: &Folder) -> io::Result<()> {
        if self.file.metadata()?.len() < WORTH_SHORTENING {
            return Ok(());
        }
        let mut text = Vec::new();
        self.file.seek(SeekFrom::Start(0))?;
        self.file.read_to_end(&mut text)?;
        let Some(short) = shortened(&String::from_utf8_lossy(&text)) else { return Ok(()) };
        let fresh = fresh(&self.stem);
        let _ = private.remove(&fresh);
        private.create(&fresh)?.write_all(short.as_bytes())?;
        private.rename(&fresh, private, &self.name)
    }

    /// The session has ended.
    pub fn finish(self, private: &Folder) {
        let _ = private.remove(&self.name);
        // Of a hook that was killed while it wrote it.
        let _ = private.remove(&fresh(&self.stem));
    }
}

/// The lines that still say something, and the highest number of a call that has ended: that is in the document, so
/// that neither its begin nor its end is read.
fn standing<'t>(text: &'t str) -> (Vec<&'t str>, u64) {
    let (mut ended, mut last_id) = (HashSet::new(), 0);
    let stands = |line: &&'t str| {
        if let Some(key) = line.strip_prefix("{\"end\":\"").and_then(|rest| rest.strip_suffix("\"}")) {
            ended.insert(key);
            return false;
        }
        let begin = line.strip_prefix("{\"begin\":\"").and_then(|rest| rest.split_once("\",\"id\":"));
        let Some((_, rest)) = begin.filter(|(key, _)| ended.remove(key)) else { return true };
        let id = rest.split_once(',').and_then(|(id, _)| id.parse().ok());
        last_id = last_id.max(id.unwrap_or(0));
        false
    };
    let mut lines: Vec<&str> = text.lines().rev().filter(stands).collect();
    lines.reverse();
    (lines, last_id)
}

/// How long hooks have taken, and the hash of the payload of the last.
fn took(line: &str) -> Option<(Vec<u64>, Option<&str>)> {
    let rest = line.strip_prefix("{\"took_us\":")?.strip_suffix('}')?;
    let (us, told) = rest.split_once(",\"told\":").unwrap_or((rest, ""));
    let us = us.trim_start_matches('[').trim_end_matches(']').split(',').map(str::parse);
    let told = told.strip_prefix('"').and_then(|told| told.strip_suffix('"'));
    Some((us.collect::<Result<_, _>>().ok()?, told))
}

/// The same in fewer bytes; None where that is not worth it.
fn shortened(text: &str) -> Option<String> {
    let (lines, last_id) = standing(text);
    let (times, said): (Vec<&str>, Vec<&str>) = lines.into_iter().partition(|line| took(line).is_some());
    let (old, latest) = times.split_at(times.len().saturating_sub(TOLD_TWICE));
    let old: Vec<u64> = old.iter().filter_map(|line| took(line)).flat_map(|(us, _)| us).collect();
    let sums = [format!("{{\"last_id\":{last_id}}}"), format!("{{\"took_us\":{old:?}}}").replace(' ', "")];
    let lines = said.into_iter().chain(sums.iter().map(String::as_str)).chain(latest.iter().copied());
    let short: String = lines.flat_map(|line| [line, "\n"]).collect();
    (short.len() * 2 < text.len()).then_some(short)
}

/// The open session of a host's session id.
fn find(private: &Folder, safe: &str, host: &str) -> io::Result<Option<(String, File)>> {
    let wanted = format!("{{\"host\":\"{host}\"");
    for name in private.names()? {
        let id = name.strip_suffix(SUFFIX).and_then(|stem| stem.get(TIME_LENGTH..));
        if !id.is_some_and(|id| id.starts_with(safe)) {
            continue;
        }
        let Ok(mut file) = private.open_file(&name) else { continue };
        let mut front = vec![0; wanted.len()];
        if file.read_exact(&mut front).is_ok() && front == wanted.as_bytes() {
            return Ok(Some((name, file)));
        }
    }
    Ok(None)
}

/// What a file is called until all of it is written.
fn fresh(stem: &str) -> String {
    format!("{stem}.new")
}

/// A new session, found by nobody before its first line is written.
fn create(setup: &Setup, private: &Folder, safe: &str, host: &str) -> io::Result<(String, File)> {
    let guard = private.create("hooks.lock").or_else(|_| private.open_file("hooks.lock"))?;
    lock(&guard, Instant::now() + PATIENCE)?;
    if let Some(found) = find(private, safe, host)? {
        return Ok(found);
    }
    let started = clock::wall(clock::now());
    let resumed = has_document(setup, safe);
    let session_id = if resumed { resumed_id(safe, host, started) } else { safe.to_owned() };
    let stem = session_id::stem(started, &session_id);
    let (name, fresh) = (format!("{stem}{SUFFIX}"), fresh(&stem));
    let _ = private.remove(&fresh);
    let mut file = private.create(&fresh)?;
    let first = format!(
        "{{\"host\":\"{host}\",\"began_us\":{},\"resumed\":{}}}\n",
        started / 1_000,
        u8::from(resumed)
    );
    file.write_all(first.as_bytes())?;
    private.rename(&fresh, private, &name)?;
    Ok((name, file))
}

/// Whether there is a document of this session already: the host has resumed it.
pub fn has_document(setup: &Setup, session_id: &str) -> bool {
    let ends = [format!("_{session_id}.json"), format!("_{session_id}.json.gz")];
    let names = Folder::open(&setup.layout.traces()).and_then(|traces| traces.names()).unwrap_or_default();
    names
        .iter()
        .any(|name| name.get(TIME_LENGTH - 1..).is_some_and(|end| ends.iter().any(|known| known == end)))
}

/// The id of a session that goes on: the host's, and 12 digits of its own.
pub fn resumed_id(safe: &str, host: &str, started: Wall) -> String {
    let own =
        String::from_utf8_lossy(&t800_core::redact::sha256_hex(format!("{host}:{started}").as_bytes())[..12])
            .into_owned();
    format!("{}-{own}", &safe[..safe.len().min(51)])
}

/// Locks a file, or gives up when it is not free in time: two hooks at once are better than an agent that waits.
fn lock(file: &File, until: Instant) -> io::Result<()> {
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(RETRY),
            Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            // Also on a file system without locks.
            Ok(()) | Err(TryLockError::Error(_)) => return Ok(()),
        }
    }
}
