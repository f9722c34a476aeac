//! Where the lines of a session go.

use super::trace::part_name;
use super::{Header, Places};
use crate::clock::{self, Wall};
use crate::folder::Folder;
use crate::liveness::WriterLock;
use crate::session::{Durability, SessionPolicy, Shared};
use crate::summary::{Facts, Overhead, State, Summary};
use crate::trace_file::{Document, MAX_BYTES};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// What a closing line says that no event does.
pub(super) struct Told {
    pub(super) overhead: Option<Overhead>,
    /// Events of the whole session that were not taken.
    pub(super) dropped: u64,
    pub(super) ended: Option<Wall>,
}

/// Takes the lines of one session in order.
pub(super) trait Output: Send {
    /// Where the session's first document is, or will be.
    fn path(&self) -> PathBuf;
    /// Counts an event whose line will be appended; what a rule has redacted in it is told through the summary.
    fn count(&mut self, id: u64, facts: &Facts, line: &[u8]) -> &mut Summary;
    /// Writes what somebody has removed again. False where another file was begun instead, which counts nothing of what
    /// waits yet.
    ///
    /// # Errors
    /// What the disk refused.
    fn look_after(&mut self, _: &Places<'_>) -> io::Result<bool> {
        Ok(true)
    }
    /// Whether `more` bytes are too many for the file that is being written.
    fn is_full(&self, more: usize) -> bool;
    /// Begins the next file.
    ///
    /// # Errors
    /// What the disk refused.
    fn turn(&mut self, told: &Told, places: &Places<'_>) -> io::Result<()>;
    /// What the closing line is about to say, and the number of the file that it closes.
    fn sums(&mut self, told: &Told) -> (u32, String);
    /// Appends finished lines and renews the closing line.
    ///
    /// # Errors
    /// What the disk refused; nothing was appended then.
    fn append(&mut self, lines: &[u8], summary: &str, places: &Places<'_>) -> io::Result<()>;
    /// Somebody wants a document of what was appended so far.
    fn ask(&mut self);
    /// Does what is due after an append. May be called again after a refusal.
    ///
    /// # Errors
    /// What the disk refused.
    fn conclude(&mut self, told: &Told, places: &Places<'_>) -> io::Result<()>;
    /// Makes what was appended durable.
    ///
    /// # Errors
    /// What the disk refused.
    fn sync(&mut self) -> io::Result<()>;
    /// Gives descriptors back until the next append.
    fn park(&mut self);
}

/// Full mode: every line goes into the trace, a document after the other.
pub(super) struct Parts {
    stem: String,
    header: Arc<Header>,
    first: PathBuf,
    document: Document,
    part: u32,
    summary: Summary,
    shared: Arc<Shared>,
    durability: Durability,
    /// Losses that earlier parts have counted.
    dropped_before: u64,
    asked: bool,
}

impl Parts {
    /// Creates the first part under `stem`, or where that name is taken under `stem-2`, `stem-3`…; gives the name.
    ///
    /// # Errors
    /// What the disk refused.
    pub(super) fn begin(
        stem: &str,
        (header, shared): (&Arc<Header>, &Arc<Shared>),
        policy: &SessionPolicy,
        lock: Option<&WriterLock>,
        places: &Places<'_>,
    ) -> io::Result<(Parts, String)> {
        let (mut document, stem) = create_document(places, stem, header)?;
        if policy.durability != Durability::Process {
            document.sync()?;
            places.traces().sync()?;
        }
        // Without a link the session is recorded all the same; readers then judge it by its age.
        let _ = lock.map(|lock| lock.hold(&stem));
        let parts = Parts {
            stem: stem.clone(),
            header: Arc::clone(header),
            first: document.path(),
            document,
            part: 1,
            summary: Summary::default(),
            shared: Arc::clone(shared),
            durability: policy.durability,
            dropped_before: 0,
            asked: false,
        };
        Ok((parts, stem))
    }

    /// The next part, under the first number that is free.
    fn create_part(&self, traces: &Arc<Folder>) -> io::Result<(Document, u32)> {
        let summary = Summary::default().json(State::Live, None);
        for part in self.part + 1..self.part + 1_000 {
            let name = part_name(&self.stem, part);
            match Document::create(traces, &name, &self.header.line(part), &summary) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                document => return document.map(|document| (document, part)),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }
}

impl Output for Parts {
    fn path(&self) -> PathBuf {
        self.first.clone()
    }

    fn count(&mut self, _: u64, facts: &Facts, line: &[u8]) -> &mut Summary {
        self.summary.add(facts, line);
        &mut self.summary
    }

    fn is_full(&self, more: usize) -> bool {
        self.document.body_len() + more as u64 > MAX_BYTES
    }

    /// Closes the full part and begins the next one.
    fn turn(&mut self, _: &Told, places: &Places<'_>) -> io::Result<()> {
        let now = clock::wall(clock::now());
        self.document.append(b"", &self.summary.json(State::Closed, Some(now)))?;
        if self.durability != Durability::Process {
            self.document.sync()?;
        }
        let traces = places.traces();
        let (document, part) = self.create_part(&traces)?;
        if self.durability != Durability::Process {
            traces.sync()?;
        }
        self.dropped_before += self.summary.dropped;
        (self.document, self.part, self.summary) = (document, part, Summary::default());
        Ok(())
    }

    fn sums(&mut self, told: &Told) -> (u32, String) {
        self.summary.overhead = told.overhead;
        self.summary.dropped = told.dropped.saturating_sub(self.dropped_before);
        let state = if told.ended.is_some() { State::Closed } else { State::Live };
        (self.part, self.summary.json(state, told.ended))
    }

    /// Where something else has the document's name, goes on in the next part.
    fn look_after(&mut self, places: &Places<'_>) -> io::Result<bool> {
        if !self.document.is_removed() {
            return Ok(true);
        }
        let (folder, header) = (places.revive()?, self.header.line(self.part));
        match self.document.revive(&folder, &header) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            revived => return revived.map(|()| true),
        }
        let rest = self.document.rest(&header)?;
        let (mut document, part) = self.create_part(&folder)?;
        if let Some(lines) = &rest
            && let Err(error) = document.append(lines, &self.summary.json(State::Live, None))
        {
            document.remove();
            return Err(error);
        }
        (self.document, self.part) = (document, part);
        if rest.is_none() {
            self.dropped_before += self.summary.dropped;
            self.summary = Summary::default();
        }
        Ok(rest.is_some())
    }

    fn append(&mut self, lines: &[u8], summary: &str, _: &Places<'_>) -> io::Result<()> {
        self.document.append(lines, summary)
    }

    fn ask(&mut self) {
        self.asked = true;
    }

    fn conclude(&mut self, _: &Told, _: &Places<'_>) -> io::Result<()> {
        if std::mem::take(&mut self.asked) {
            self.shared.set_dumped(Some(self.document.path()));
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.document.sync()
    }

    fn park(&mut self) {
        self.document.park();
    }
}

/// The names that a session may have: `stem`, and where that is taken `stem-2`, `stem-3`…
pub(super) fn names(stem: &str) -> impl Iterator<Item = String> {
    std::iter::once(stem.to_owned()).chain((2..1_000).map(move |n| format!("{stem}-{n}")))
}

fn create_document(places: &Places<'_>, stem: &str, header: &Header) -> io::Result<(Document, String)> {
    let summary = Summary::default().json(State::Live, None);
    let (line, traces) = (header.line(1), places.revive()?);
    for name in names(stem) {
        match Document::create(&traces, &part_name(&name, 1), &line, &summary) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            document => return document.map(|document| (document, name)),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}
