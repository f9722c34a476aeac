//! The session of a host, as one of its hooks finds it: events are made in memory and appended to its document.

use crate::begins::{Begin, Begins, hash};
use crate::setup::Setup;
use crate::value::Given;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use t800_core::assemble::{Place, Values, event_id};
use t800_core::clock::{self, Wall};
use t800_core::event::{Field, Kind};
use t800_core::folder::Folder;
use t800_core::overhead::Meter;
use t800_core::session::{Session, SpanEnd};
use t800_core::summary::Overhead;
use t800_core::trace_file::SharedDocument;
use t800_core::writer::Header;

/// How long to wait for the document. Its session is ours alone by then: only recovery may be at it.
const PATIENCE: Duration = Duration::from_secs(1);
/// How an event's line begins, up to the digits of its number.
const FRONT: &[u8] = b"{\"event_id\":\"evt_";

/// One event that is about to be made.
#[derive(Clone, Debug, Default)]
pub struct Event<'a> {
    /// Its kind.
    pub kind: Kind,
    /// Its fields.
    pub fields: Vec<(Field, Given<'a>)>,
    /// What has no field.
    pub attributes: Vec<(&'a str, Given<'a>)>,
    /// When it began; now where nothing is said.
    pub at: Option<Wall>,
    /// The event it happened in.
    pub parent: Option<u64>,
    /// The sub-agent that did it.
    pub agent: Option<&'a str>,
}

/// The session that a hook is of.
#[derive(Clone, Copy, Debug)]
pub struct HostSession<'a> {
    /// The host.
    pub host: &'a str,
    /// The session's id in it.
    pub id: &'a str,
    /// What more the metadata says, should it be new.
    pub about: &'a [(&'static str, Cow<'a, str>)],
    /// This hook ends it.
    pub ends: bool,
}

/// Where an event's line and what rules have redacted in it come from.
type Made = (Vec<u8>, BTreeMap<String, u64>);

/// The session of a host, locked.
pub struct Hosted<'s> {
    setup: &'s Setup,
    private: Folder,
    document: SharedDocument,
    /// What waits for its end.
    pub begins: Begins,
}

impl<'s> Hosted<'s> {
    /// A host's session, begun where it is new.
    ///
    /// # Errors
    /// What the disk refused; [`io::ErrorKind::NotFound`] where it is to end and has ended already.
    pub fn enter(setup: &'s Setup, session: &HostSession<'_>) -> io::Result<Hosted<'s>> {
        let host_id = session.id;
        let traces = Arc::new(Folder::own(&setup.layout.traces())?);
        let private = Folder::own(&setup.layout.private())?;
        let begins = Begins::enter(setup, &private, host_id, session.ends)?;
        let resumed = begins.resumed || begins.session_id != host_id;
        let header = Header {
            session_id: begins.session_id.clone(),
            started: begins.started,
            metadata: setup.metadata(session.host, resumed.then_some(host_id)),
            parent: None,
        };
        // Each hook writes its event into the document itself.
        let header = session.about.iter().fold(header.with("ring", "\"none\""), |header, (name, said)| {
            header.with(name, &t800_core::opening::name_json(&setup.redactor, said))
        });
        let mut document =
            SharedDocument::open((&traces, &private), &begins.stem, &header.line(1), PATIENCE)?;
        document.reserve(begins.open.values().map(|begin| begin.id));
        Ok(Hosted { setup, private, document, begins })
    }

    /// The keyed hash of an id.
    pub fn hash(&self, kind: &str, id: &str) -> String {
        hash(self.setup, kind, id)
    }

    /// The number of the next event.
    fn next_id(&self) -> u64 {
        self.document.next_id().max(self.begins.last_id + 1)
    }

    /// Whether events of a kind are recorded.
    fn records(&self, kind: Kind) -> bool {
        self.setup.session.kinds[kind as usize]
    }

    fn session(&self) -> Session {
        Session::in_memory(Arc::clone(&self.setup.redactor), self.setup.session.clone())
    }

    /// Records an event; its number, unless its kind is not recorded or the disk refuses.
    pub fn record(&mut self, event: &Event<'_>) -> Option<u64> {
        let id = self.next_id();
        self.put(id, event)
    }

    fn put(&mut self, id: u64, event: &Event<'_>) -> Option<u64> {
        let session = self.session();
        event.values(&self.setup.redactor, |values, place| {
            session.record(event.kind, values, Vec::new(), place, SpanEnd::Success(None));
        });
        self.append(id, made(&session, id)?)
    }

    fn append(&mut self, id: u64, (line, redactions): Made) -> Option<u64> {
        let redactions: Vec<(&str, u64)> =
            redactions.iter().map(|(rule, count)| (rule.as_str(), *count)).collect();
        self.document.append(&[&line], &redactions).ok().map(|()| id)
    }

    /// Begins a call, which waits for its end under `key`.
    pub fn begin(&mut self, key: &str, spawns: bool, event: &Event<'_>) {
        if !self.records(event.kind) {
            return;
        }
        let (id, session) = (self.next_id(), self.session());
        event.values(&self.setup.redactor, |values, place| {
            session.begin(event.kind, values, place);
        });
        // What is open at its end is written as interrupted: its event, should nobody end it.
        session.close();
        let Some((line, redactions)) = made(&session, id) else { return };
        let interrupted = String::from_utf8_lossy(&line).into_owned();
        let begin = Begin { id, started: clock::wall(clock::now()), spawns, interrupted, redactions };
        self.begins.begin(key, begin);
    }

    /// Ends a call with all that is known of it. One that nobody saw begin is recorded as it is.
    pub fn end(&mut self, key: &str, mut event: Event<'_>) {
        let begun = self.begins.open.get(key).cloned();
        let now = clock::wall(clock::now());
        if let Some(begin) = &begun {
            event.at = Some(begin.started);
            if !event.fields.iter().any(|(field, _)| *field == Field::DurationMs) {
                let us = now.saturating_sub(begin.started) / 1_000;
                event.fields.push((Field::DurationMs, Given::Float(us as f64 / 1e3)));
            }
        }
        let id = begun.map_or_else(|| self.next_id(), |begin| begin.id);
        if self.records(event.kind) && self.put(id, &event).is_some() {
            self.begins.end(key);
        }
    }

    /// Ends a call that was interrupted.
    pub fn interrupt(&mut self, key: &str) {
        let Some(begin) = self.begins.open.get(key).cloned() else { return };
        if self.append(begin.id, (begin.interrupted.into_bytes(), begin.redactions)).is_some() {
            self.begins.end(key);
        }
    }

    /// Leaves the session to its next hook.
    pub fn leave(self) {
        // Where the disk takes no more, it stays as long as it is.
        let _ = self.begins.shorten(&self.private);
    }

    /// Ends the session: what has not ended is interrupted.
    pub fn close(mut self) {
        let mut open: Vec<(u64, String)> =
            self.begins.open.iter().map(|(key, begin)| (begin.id, key.clone())).collect();
        open.sort_unstable();
        for (id, key) in open {
            // A hook may have died between the event and the note that it is there.
            if !self.document.holds(id).unwrap_or(true) {
                self.interrupt(&key);
            }
        }
        let overhead = self.overhead();
        if self.document.close(clock::wall(clock::now()), overhead).is_ok() {
            self.begins.finish(&self.private);
        }
    }

    /// What its hooks have cost the host: each from when it runs to when its event is written.
    fn overhead(&self) -> Option<Overhead> {
        let meter = Meter::new(self.setup.session.budget_ns);
        for us in &self.begins.took_us {
            meter.add(us.saturating_mul(1_000));
        }
        (!self.begins.took_us.is_empty()).then(|| meter.read())
    }
}

impl Event<'_> {
    /// Lends its values and its place.
    fn values(
        &self,
        redactor: &t800_core::redact::Redactor,
        work: impl FnOnce(Values<Given<'_>>, Place<'_>),
    ) {
        let time = self.at.map(clock::rfc3339);
        let agent = self.agent.map(|agent| t800_core::opening::name_json(redactor, agent));
        let mut values = Values::default();
        for (field, value) in &self.fields {
            values.set(*field, *value);
        }
        if let Some(time) = &time {
            values.set(Field::Timestamp, Given::Text(time));
        }
        if !self.attributes.is_empty() {
            values.set(Field::Attributes, Given::Table(&self.attributes));
        }
        let place = Place { parent: self.parent, agent: agent.as_ref().map(String::as_bytes), phase: None };
        work(values, place);
    }
}

/// The one event of a session in memory, under the number that it has in the document.
fn made(session: &Session, id: u64) -> Option<Made> {
    let line = session.lines().pop()?;
    let rest = line.strip_prefix(FRONT)?;
    let end = rest.iter().position(|byte| *byte == b'"')?;
    let mut named = b"{\"event_id\":\"".to_vec();
    named.extend_from_slice(event_id(id).as_bytes());
    named.extend_from_slice(&rest[end..]);
    let redactions = session.redactions();
    Some((named, redactions.into_iter().map(|(rule, count)| (rule.to_owned(), count)).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn enter<'s>(setup: &'s Setup, id: &str) -> Hosted<'s> {
        Hosted::enter(setup, &HostSession { host: "test", id, about: &[], ends: false }).unwrap()
    }

    fn checkpoint(name: &str) -> Event<'_> {
        let fields = vec![(Field::PhaseName, Given::Text(name))];
        Event { kind: Kind::Checkpoint, fields, ..Event::default() }
    }

    fn tool(name: &str) -> Event<'_> {
        Event { kind: Kind::ToolCall, fields: vec![(Field::Tool, Given::Text(name))], ..Event::default() }
    }

    fn documents(setup: &Setup) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(setup.layout.traces()).unwrap();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort_unstable();
        paths
    }

    fn read(path: &PathBuf) -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }

    #[test]
    fn calls_that_overlap_keep_their_numbers() {
        let setup = Setup::of_test("overlap");
        let hosted = || enter(&setup, "s1");
        hosted().begin("a", false, &tool("first"));
        hosted().begin("b", false, &tool("second"));
        hosted().record(&checkpoint("between")).unwrap();
        hosted().end("b", tool("second"));
        hosted().end("a", tool("first"));
        hosted().begin("c", false, &tool("never"));
        hosted().close();
        let found = read(&documents(&setup)[0]);
        let told: Vec<(&str, &str)> = found["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| {
                (
                    event["event_id"].as_str().unwrap(),
                    event["tool"].as_str().or(event["phase_name"].as_str()).unwrap(),
                )
            })
            .collect();
        let expected =
            [("evt_003", "between"), ("evt_002", "second"), ("evt_001", "first"), ("evt_004", "never")];
        assert_eq!(told, expected);
        assert_eq!(found["events"][3]["interrupted"], true);
        assert_eq!(found["summary"]["interrupted"], 1);
        assert_eq!(found["summary"]["state"], "closed");
        assert_eq!(std::fs::read_dir(setup.layout.private()).unwrap().count(), 1, "only the lock stays");
    }

    #[test]
    fn a_session_that_goes_on_has_a_document_of_its_own() {
        let setup = Setup::of_test("resumed");
        enter(&setup, "s1").close();
        let mut again = enter(&setup, "s1");
        again.record(&checkpoint("again")).unwrap();
        again.close();
        let found: Vec<serde_json::Value> = documents(&setup).iter().map(read).collect();
        assert_eq!(found.len(), 2);
        let resumed = found.iter().find(|one| one["metadata"]["host_session_id"] == "s1").unwrap();
        assert!(resumed["session_id"].as_str().unwrap().starts_with("s1-"));
    }

    #[test]
    fn a_session_that_has_ended_does_not_end_again() {
        let setup = Setup::of_test("ended");
        let about = [("model", Cow::Borrowed("m\"1"))];
        let ending = HostSession { host: "test", id: "s1", about: &about, ends: true };
        let mut first = Hosted::enter(&setup, &ending).unwrap();
        first.record(&checkpoint("session")).unwrap();
        first.close();
        let again = Hosted::enter(&setup, &ending).map(drop).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::NotFound);
        let found: Vec<serde_json::Value> = documents(&setup).iter().map(read).collect();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0]["metadata"]["model"], "m\"1");
    }

    #[test]
    fn a_sub_agent_is_below_the_call_that_is_named_else_below_the_only_one() {
        let setup = Setup::of_test("adopted");
        let mut hosted = enter(&setup, "s1");
        for key in ["a", "b", "c"] {
            hosted.begin(key, key != "c", &tool("Task"));
        }
        for (agent, call) in [("w", None), ("x", Some("c")), ("y", Some("a")), ("z", None)] {
            hosted.begins.adopt(agent, call);
        }
        let parents = ["w", "x", "y", "z"].map(|agent| hosted.begins.parents.get(agent).copied());
        assert_eq!(parents, [None, Some(3), Some(1), Some(2)]);
        drop(hosted);
        assert_eq!(enter(&setup, "s1").begins.parents["y"], 1);
    }

    #[test]
    fn a_hostile_id_stays_in_the_folder_and_torn_begins_are_passed_over() {
        let setup = Setup::of_test("hostile");
        for id in ["../../../etc/x", "", "a\0b", &"y".repeat(5_000), "../s1", "s\u{202e}"] {
            let mut hosted = enter(&setup, id);
            hosted.begin("k", false, &tool("read"));
            let open = setup.layout.private().join(format!("{}.open", hosted.begins.stem));
            drop(hosted);
            let mut text = std::fs::read(&open).unwrap();
            text.extend_from_slice(b"{\"begin\":\"k2\",\"id\":9,\"event\":{\"eve\xff\0");
            std::fs::write(&open, text).unwrap();
            let mut hosted = enter(&setup, id);
            assert_eq!(hosted.begins.open.len(), 1);
            hosted.begin("k3", false, &tool("read"));
            drop(hosted);
            let hosted = enter(&setup, id);
            assert_eq!(hosted.begins.open.len(), 2);
            hosted.close();
        }
        assert_eq!(documents(&setup).len(), 6);
        for path in documents(&setup) {
            assert_eq!(read(&path)["summary"]["total_events"], 2);
        }
    }

    #[test]
    fn what_a_long_session_waits_for_stays_short_and_whole() {
        let setup = Setup::of_test("long");
        let mut hosted = enter(&setup, "s1");
        hosted.begin("early", false, &tool("early"));
        hosted.begins.parents.insert("a".to_owned(), 1);
        hosted.begins.has_read("t", 7, &["m".to_owned()]);
        hosted.leave();
        let (calls, long) = (150, "word ".repeat(800));
        let mut event = tool("read");
        event.fields.push((Field::Parameters, Given::Text(&long)));
        for n in 0..calls {
            let key = format!("{n:016x}");
            enter(&setup, "s1").begin(&key, false, &event);
            let mut hosted = enter(&setup, "s1");
            hosted.end(&key, tool("read"));
            hosted.begins.took(n, Some(&key));
            hosted.leave();
        }
        let hosted = enter(&setup, "s1");
        let path = setup.layout.private().join(format!("{}.open", hosted.begins.stem));
        assert!(std::fs::metadata(&path).unwrap().len() < 100 << 10);
        let begins = &hosted.begins;
        assert_eq!((begins.open.len(), begins.open["early"].id, begins.read["t"]), (1, 1, 7));
        assert_eq!(begins.took_us, (0..calls).collect::<Vec<_>>());
        assert!(begins.seen.contains("m") && begins.told.contains(&format!("{:016x}", calls - 1)));
        assert_eq!(begins.last_id, calls + 1);
        hosted.close();
        let found = read(&documents(&setup)[0]);
        assert_eq!(found["summary"]["total_events"], calls + 1);
        assert_eq!(found["summary"]["interrupted"], 1);
    }

    #[test]
    fn hooks_at_once_are_one_document() {
        let setup = Arc::new(Setup::of_test("at-once"));
        // So much that what waits is written anew again and again.
        let long = Arc::new("word ".repeat(800));
        let threads: Vec<_> = (0..4)
            .map(|n| {
                let (setup, long) = (Arc::clone(&setup), Arc::clone(&long));
                std::thread::spawn(move || {
                    let mut event = tool("read");
                    event.fields.push((Field::Parameters, Given::Text(&long)));
                    for m in 0..10 {
                        let key = format!("{n}-{m}");
                        let mut hosted = enter(&setup, "s1");
                        hosted.begin(&key, false, &event);
                        hosted.leave();
                        let mut hosted = enter(&setup, "s1");
                        hosted.end(&key, event.clone());
                        hosted.leave();
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        let hosted = enter(&setup, "s1");
        let open = setup.layout.private().join(format!("{}.open", hosted.begins.stem));
        assert!(std::fs::metadata(open).unwrap().len() < 160 << 10);
        hosted.close();
        let paths = documents(&setup);
        assert_eq!(paths.len(), 1);
        let found = read(&paths[0]);
        assert_eq!(
            (&found["summary"]["succeeded"], &found["summary"]["total_events"]),
            (&0.into(), &40.into())
        );
        let ids: std::collections::HashSet<_> =
            found["events"].as_array().unwrap().iter().map(|event| event["event_id"].to_string()).collect();
        assert_eq!(ids.len(), 40);
    }
}
