//! JSON lines on stdin, each an event in the trace file's field names, recorded until the input or its writer ends.
//!
//! Further names: `session` (which session of the host, one document each), `begin` and `end` (a key of the caller's:
//! a call is open from the one to the other), `close` (the session has ended), `lost` (how many events the writer could
//! not hand over).

use crate::begins::{has_document, hash, resumed_id};
use crate::pipe::Pipes;
use crate::setup::Setup;
use crate::system::Input;
use crate::tidy;
use crate::value::{Given, Members, count_of, members, set, text_of};
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use t800_core::assemble::{Place, Values};
use t800_core::clock;
use t800_core::event::{Field, Kind};
use t800_core::session::{Session, SpanEnd};
use t800_core::session_id;
use t800_core::writer::{self, Header};

/// A line may be as long as this; a longer one is passed over.
const MOST_BYTES: usize = 64 << 20;
/// Calls whose keys are remembered, so that their children find them.
const MOST_CALLS: usize = 100_000;
/// Losses that one line may tell of.
const MOST_LOST: i64 = 1 << 20;
const CHUNK: usize = 256 << 10;

/// Takes lines until stdin ends or the parent has died. `--agent NAME`, `--project DIR`; with `--pipes` the lines come by
/// a pipe of its own, and there is none where nothing is to be recorded.
pub fn ingest(options: &[&str], python: Option<&Path>) {
    let option = |name: &str| options.windows(2).find(|pair| pair[0] == name).map(|pair| pair[1]);
    let start = option("--project").map(PathBuf::from).or_else(|| std::env::current_dir().ok());
    let setup = Setup::find(&start.unwrap_or_default(), python);
    let mut sessions = setup.as_ref().map(|setup| Sessions {
        setup,
        agent: option("--agent").unwrap_or("agent"),
        live: HashMap::new(),
    });
    let (mut input, _done) = if options.contains(&"--pipes") {
        let Some(Ok(Pipes { events, done })) = setup.as_ref().map(Pipes::meet) else { return };
        (events, Some(done))
    } else {
        (Input::open(), None)
    };
    // Even where nothing is recorded the input is read: its writer must not wait for us.
    let _ = each_line(&mut input, &mut |line| {
        if let Some(sessions) = &mut sessions {
            sessions.take(line);
        }
    });
    if let Some(mut sessions) = sessions {
        sessions.close_all(python);
        writer::shut_down();
    }
}

/// Hands over every line of the input.
fn each_line(input: &mut Input, take: &mut impl FnMut(&[u8])) -> io::Result<()> {
    let (mut held, mut filled, mut passing) = (vec![0; CHUNK], 0, false);
    loop {
        let count = input.read(&mut held[filled..])?;
        let fresh = filled;
        filled += count;
        let whole =
            held[fresh..filled].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| fresh + at + 1);
        let whole = if count == 0 { filled } else { whole };
        let mut lines = held[..whole].split(|byte| *byte == b'\n');
        if std::mem::take(&mut passing) && whole > 0 {
            lines.next();
        } else {
            passing = whole == 0 && passing;
        }
        lines.filter(|line| !line.is_empty()).for_each(&mut *take);
        if count == 0 {
            return Ok(());
        }
        held.copy_within(whole..filled, 0);
        filled -= whole;
        if filled == held.len() && held.len() < MOST_BYTES {
            held.resize(filled * 2, 0);
        } else if filled == held.len() {
            (filled, passing) = (0, true);
        }
    }
}

/// The sessions of one agent process.
struct Sessions<'s> {
    setup: &'s Setup,
    agent: &'s str,
    live: HashMap<String, Live>,
}

/// One of them.
struct Live {
    session: Session,
    session_id: String,
    /// By their keys: the numbers of calls that have begun.
    calls: HashMap<String, u64>,
}

impl Sessions<'_> {
    fn take(&mut self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        let Some(mut event) = members(&text) else {
            return self.lose();
        };
        if let Some(lost) = count_of(&event, "lost") {
            return (0..lost.min(MOST_LOST)).for_each(|_| self.lose());
        }
        let name = text_of(&event, "session").unwrap_or_default().into_owned();
        event.remove("session");
        if event.contains_key("close") {
            if let Some(live) = self.live.remove(&name) {
                live.session.close();
            }
            return;
        }
        if !self.live.contains_key(&name) {
            let Ok(live) = self.open(&name) else { return };
            self.live.insert(name.clone(), live);
        }
        if let Some(live) = self.live.get_mut(&name) {
            live.take(&mut event);
        }
    }

    /// Whose it was nobody knows: each session says that something is missing.
    fn lose(&self) {
        self.live.values().for_each(|live| live.session.count_dropped());
    }

    fn open(&self, name: &str) -> io::Result<Live> {
        let started = clock::wall(clock::now());
        let hosted = !name.is_empty();
        let safe = if hosted { self.setup.session_id(name) } else { own_id(started) };
        let resumed = hosted && has_document(self.setup, &safe);
        let session_id =
            if resumed { resumed_id(&safe, &hash(self.setup, "host", name), started) } else { safe };
        let renamed = hosted && session_id != name;
        let header = Header {
            session_id: session_id.clone(),
            started,
            metadata: self.setup.metadata(self.agent, renamed.then_some(name)),
            parent: None,
        };
        let stem = session_id::stem(started, &session_id);
        let (session, _) = writer::open(
            &self.setup.folders,
            &stem,
            header,
            Arc::clone(&self.setup.redactor),
            self.setup.session.clone(),
        )?;
        Ok(Live { session, session_id, calls: HashMap::new() })
    }

    fn close_all(&mut self, python: Option<&Path>) {
        for live in self.live.values() {
            live.session.close();
        }
        if let Some(live) = self.live.values().next() {
            tidy::start(self.setup, &live.session_id, python);
        }
    }
}

/// An id of ours for a session without a name.
fn own_id(started: clock::Wall) -> String {
    format!("ses_{:x}{:x}", started & 0xff_ffff_ffff, std::process::id())
}

impl Live {
    fn take(&mut self, event: &mut Members<'_>) {
        if let Some(key) = text_of(event, "end") {
            return self.end(&key, event);
        }
        let Some(kind) = text_of(event, "type").and_then(|name| Kind::from_name(&name)) else {
            return self.session.count_dropped();
        };
        match text_of(event, "begin") {
            Some(key) => self.begin(kind, &key, event),
            None => self.record(kind, event),
        }
    }

    /// The call that an event names as its parent, by the key of its begin.
    fn parent(&self, event: &Members<'_>) -> Option<u64> {
        text_of(event, "parent_id").and_then(|key| self.calls.get(key.as_ref()).copied())
    }

    fn begin(&mut self, kind: Kind, key: &str, event: &mut Members<'_>) {
        let parent = self.parent(event);
        let agent = text_of(event, "agent_id").map(|agent| self.session.name_json(&agent));
        let (values, _) = values(kind, event);
        let place = Place { parent, agent: agent.as_deref(), phase: None };
        if let Some(id) = self.session.begin(kind, values, place).id.filter(|_| self.calls.len() < MOST_CALLS)
        {
            self.calls.insert(key.to_owned(), id);
        }
    }

    fn end(&mut self, key: &str, event: &Members<'_>) {
        let Some(id) = self.calls.get(key) else { return };
        let kind = text_of(event, "type").and_then(|name| Kind::from_name(&name)).unwrap_or_default();
        let (values, misfits) = values(kind, event);
        let end = if is_interrupted(event) { SpanEnd::Cancelled } else { SpanEnd::Success(None) };
        self.session.end(*id, values, misfits, end);
    }

    fn record(&mut self, kind: Kind, event: &mut Members<'_>) {
        let parent = self.parent(event);
        if parent.is_some() {
            event.remove("parent_id");
        }
        let (values, misfits) = values(kind, event);
        let interrupted = kind.is_call() && is_interrupted(event);
        let end = if interrupted { SpanEnd::Interrupted } else { SpanEnd::Success(None) };
        self.session.record(kind, values, misfits, Place { parent, ..Place::default() }, end);
    }
}

fn is_interrupted(event: &Members<'_>) -> bool {
    event.get("interrupted").is_some_and(|raw| raw.get() == "true")
}

/// The values of an event's members, and those that have no field; what only this stream says is neither.
fn values<'a>(kind: Kind, event: &Members<'a>) -> (Values<Given<'a>>, Vec<(String, Given<'a>)>) {
    let (mut values, mut misfits) = (Values::default(), Vec::new());
    for (name, value) in event {
        match name.as_str() {
            "type" | "begin" | "end" | "interrupted" => {}
            // Its begin has said where it happened.
            "parent_id" | "agent_id" | "phase" if event.contains_key("end") => {}
            // Numbers are ours; the one it came with is where it came from.
            "event_id" => values.set(Field::SourceId, Given::Raw(value)),
            name => set(kind, name, value, &mut values, &mut misfits),
        }
    }
    (values, misfits)
}
