//! One document that several processes append to, each of which lives for a moment: what the hooks of a host do.
//!
//! Who has the document's lock appends to it; the sums so far stand in its closing line. A process may die at any
//! moment: what it has appended whole stays, and the next one mends a torn end before it appends. Ids rise in it.

use super::{CLOSING_FRONT, Document, MAX_BYTES};
use crate::clock::Wall;
use crate::encode::tree::Tree;
use crate::folder::Folder;
use crate::line;
use crate::recover::{mend, read_closing};
use crate::summary::{Overhead, State, Summary};
use crate::system;
use crate::writer::{part_name, with_part};
use std::fs::{File, TryLockError};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long to sleep before a lock that another process holds is tried again.
const RETRY: Duration = Duration::from_micros(500);
/// How much of a document's end is read at first.
const TAIL: u64 = 64 << 10;

/// A session's document, locked for this process as long as this value lives.
pub struct SharedDocument {
    document: Document,
    summary: Summary,
    last_id: u64,
    /// Numbers that were given when their calls began, and are free to be used behind higher ones.
    reserved: Vec<u64>,
}

impl SharedDocument {
    /// Opens the last part of a session's document, or makes it, and waits for its lock for at most `patience`.
    ///
    /// `header` is the document up to and including `"events":[`. Where the lock cannot be had, on a file system
    /// without locks too, this process gets a document of its own, `{stem}-{pid}`, which readers join.
    ///
    /// # Errors
    /// What the disk refused; a file in its place that is none of ours.
    pub fn open(
        (traces, private): (&Arc<Folder>, &Folder),
        stem: &str,
        header: &str,
        patience: Duration,
    ) -> io::Result<SharedDocument> {
        let until = Instant::now() + patience;
        loop {
            let Some((file, part)) = lock_last_part(traces, stem, until)? else { break };
            if let Some(document) = resume((traces, private), (stem, part), header, file)? {
                return Ok(document);
            }
        }
        let own = format!("{stem}-{}", std::process::id());
        loop {
            let (file, part) = open_last_part(traces, &own)?;
            if let Some(document) = resume((traces, private), (&own, part), header, file)? {
                return Ok(document);
            }
        }
    }

    /// The number of the next event.
    #[must_use]
    pub fn next_id(&self) -> u64 {
        self.last_id + 1
    }

    /// Numbers that calls which have begun were given: their events may come behind higher ones.
    pub fn reserve(&mut self, ids: impl IntoIterator<Item = u64>) {
        self.reserved.extend(ids);
    }

    /// Appends the lines of finished events, whose numbers rise from [`SharedDocument::next_id`] on or were reserved,
    /// and counts what rules have redacted in them.
    ///
    /// # Errors
    /// A line that is no event or has a number that is taken, and what the disk refused. Nothing was appended then.
    pub fn append(&mut self, lines: &[&[u8]], redactions: &[(&str, u64)]) -> io::Result<()> {
        let (mut summary, mut last_id) = (self.summary.clone(), self.last_id);
        for text in lines {
            let free = |id: u64| id > last_id || self.reserved.contains(&id);
            let event = line::read(text).filter(|event| free(event.id));
            let event = event.ok_or_else(|| invalid("a line is no event, or its number is taken"))?;
            last_id = event.id.max(last_id);
            summary.add(&event.facts, text);
        }
        for (rule, count) in redactions {
            summary.add_redactions(rule, *count);
        }
        self.document.append(&lines.join(b",\n".as_slice()), &summary.json(State::Live, None))?;
        (self.summary, self.last_id) = (summary, last_id);
        Ok(())
    }

    /// Ends the session: the closing line says so, with the durations of all its calls and what recording has cost.
    ///
    /// # Errors
    /// What the disk refused.
    pub fn close(mut self, ended: Wall, overhead: Option<Overhead>) -> io::Result<()> {
        let mut durations = Summary::default();
        for text in self.document.lines()?.split(|byte| *byte == b'\n') {
            let text = line::without_comma(text);
            if let Some(event) = line::read(text) {
                durations.add(&event.facts, text);
            }
        }
        self.summary.take_durations(durations);
        self.summary.overhead = overhead;
        self.document.append(b"", &self.summary.json(State::Closed, Some(ended)))
    }

    /// Whether it holds an event of this number.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn holds(&mut self, id: u64) -> io::Result<bool> {
        let lines = self.document.lines()?;
        let mut events = lines.split(|byte| *byte == b'\n');
        Ok(events.any(|text| line::read(line::without_comma(text)).is_some_and(|event| event.id == id)))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> std::path::PathBuf {
        self.document.path()
    }
}

fn invalid(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

/// The last part that there is, made empty where there is none.
fn open_last_part(traces: &Folder, stem: &str) -> io::Result<(File, u32)> {
    let mut part = 1;
    while traces.has(&part_name(stem, part + 1)) {
        part += 1;
    }
    let name = part_name(stem, part);
    loop {
        match traces.open_file(&name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => match traces.create(&name) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                created => return created.map(|file| (file, part)),
            },
            opened => return opened.map(|file| (file, part)),
        }
    }
}

/// The same, locked; None where the lock is refused, or not free in time.
fn lock_last_part(traces: &Folder, stem: &str, until: Instant) -> io::Result<Option<(File, u32)>> {
    loop {
        let (file, part) = open_last_part(traces, stem)?;
        match file.try_lock() {
            // Another process may have mended it, which makes a new file, or begun a further part.
            Ok(()) if is_last(traces, stem, part, &file) => return Ok(Some((file, part))),
            Ok(()) => {}
            Err(error) if is_passing(&error) && Instant::now() < until => std::thread::sleep(RETRY),
            Err(_) => return Ok(None),
        }
    }
}

/// Whether a lock may be had a moment later.
fn is_passing(error: &TryLockError) -> bool {
    match error {
        TryLockError::WouldBlock => true,
        TryLockError::Error(error) => error.kind() == io::ErrorKind::Interrupted,
    }
}

fn is_last(traces: &Folder, stem: &str, part: u32, file: &File) -> bool {
    traces.is(&part_name(stem, part), file) && !traces.has(&part_name(stem, part + 1))
}

/// Goes on in a file that is ours now. None where it had to be mended or is full: then another one has to be opened.
fn resume(
    (traces, private): (&Arc<Folder>, &Folder),
    (stem, part): (&str, u32),
    header: &str,
    file: File,
) -> io::Result<Option<SharedDocument>> {
    let (name, header) = (part_name(stem, part), with_part(header, part));
    let mut document = Document {
        folder: Arc::clone(traces),
        name,
        inode: system::identity(&file)?,
        events_at: 0,
        closing_at: 0,
        len: file.metadata()?.len(),
        has_events: false,
        closing: String::new(),
        file: Some(file),
        dirty: true,
        forgotten: false,
    };
    if document.len == 0 {
        let summary = Summary::default();
        document.events_at = header.len() as u64 + 1;
        document.closing_at = document.events_at;
        document.write_header(&header, &summary.json(State::Live, None))?;
        let last_id = if part > 1 { last_id(traces, &part_name(stem, part - 1))? } else { 0 };
        return Ok(Some(SharedDocument { document, summary, last_id, reserved: Vec::new() }));
    }
    let Some(tail) = Tail::read(document.file()?)? else {
        mend(traces, private, &document.name, &header)?;
        return Ok(None);
    };
    let earlier =
        if tail.last_id == 0 && part > 1 { last_id(traces, &part_name(stem, part - 1))? } else { 0 };
    let summary = Summary::from_closing(&tail.summary, tail.day);
    (document.events_at, document.closing_at) = (tail.events_at, tail.closing_at);
    document.has_events = tail.last_id > 0;
    document.closing = tail.closing;
    if document.closing_at >= MAX_BYTES {
        match traces.create(&part_name(stem, part + 1)) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => return Ok(None),
        }
    }
    Ok(Some(SharedDocument { document, summary, last_id: tail.last_id.max(earlier), reserved: Vec::new() }))
}

fn last_id(traces: &Folder, name: &str) -> io::Result<u64> {
    let tail = Tail::read(&traces.read_file(name)?)?;
    tail.map(|tail| tail.last_id).ok_or_else(|| invalid("the part before is torn"))
}

/// What the end of a document says.
struct Tail {
    events_at: u64,
    closing_at: u64,
    closing: String,
    summary: Tree,
    /// The highest number among the last events; 0 without any.
    last_id: u64,
    /// The day of the last event.
    day: u32,
}

impl Tail {
    /// None where the end is torn.
    fn read(file: &File) -> io::Result<Option<Tail>> {
        let (len, mut reach) = (file.metadata()?.len(), TAIL);
        loop {
            let from = len.saturating_sub(reach);
            let mut bytes = vec![0; usize::try_from(len - from).unwrap_or(0)];
            system::read_exact_at(file, &mut bytes, from)?;
            // Without the beginning of its first line nothing is said of that.
            let whole = if from == 0 {
                Some(0)
            } else {
                bytes.iter().position(|byte| *byte == b'\n').map(|at| at + 1)
            };
            let lines =
                whole.map_or(0, |at| bytes[at..].trim_ascii_end().split(|byte| *byte == b'\n').count());
            if from > 0 && lines < 2 {
                reach *= 4;
                continue;
            }
            let at = whole.unwrap_or(0);
            return Ok(Tail::of(&bytes[at..], from + at as u64).map(|tail| (file, tail)).and_then(
                |(file, mut tail)| {
                    tail.events_at = first_line(file, len)?;
                    Some(tail)
                },
            ));
        }
    }

    /// Of the lines from `at` on.
    fn of(bytes: &[u8], at: u64) -> Option<Tail> {
        let text = bytes.trim_ascii_end();
        let closing = text.iter().rposition(|byte| *byte == b'\n')? + 1;
        let summary = read_closing(&text[closing..])?;
        let (mut last_id, mut day, mut last) = (0, 0, false);
        for line in bytes[..closing - 1].split(|byte| *byte == b'\n') {
            let event = line::read(line::without_comma(line));
            last = event.is_some();
            if let Some(event) = event {
                (last_id, day) = (event.id.max(last_id), event.facts.day);
            }
        }
        // Between the header and the closing line stand events only.
        let empty = at == 0 && !bytes[..closing - 1].contains(&b'\n');
        let closing_text = std::str::from_utf8(&text[closing..]).ok()?;
        (last || empty && closing_text.starts_with(CLOSING_FRONT)).then(|| Tail {
            events_at: 0,
            closing_at: at + closing as u64,
            closing: closing_text.to_owned(),
            summary,
            last_id,
            day,
        })
    }
}

/// Where the second line begins.
fn first_line(file: &File, len: u64) -> Option<u64> {
    let mut reach = 4 << 10;
    loop {
        let mut bytes = vec![0; usize::try_from(len.min(reach)).ok()?];
        system::read_exact_at(file, &mut bytes, 0).ok()?;
        if let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            return Some(end as u64 + 1);
        }
        if reach >= len {
            return None;
        }
        reach *= 4;
    }
}
