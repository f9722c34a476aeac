//! After a crash: what the ring of a dead process holds goes into its documents, and torn documents become whole.
//!
//! Idempotent and atomic: a document is replaced by a finished one, under its own name, and a ring goes only when
//! everything in it is in its document. What cannot be read is counted, and the damaged original is kept.

mod damaged;
mod flight;
mod found;
mod hooked;
mod ids;
mod waiting;

use crate::folder::{Folder, LockedFile};
use crate::liveness;
use crate::ring::{Dead, dead_rings, remove_forgotten};
use crate::summary::State;
use crate::writer::{Folders, part_name, with_part};
use damaged::Damaged;
pub(crate) use damaged::read_closing;
use found::{Event, Found};
use ids::Ids;
use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;
pub use waiting::{Waiting, waiting};

/// What to do with what is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Write it into the documents.
    Repair,
    /// Change nothing, and give the documents as they would be: for a disk that takes no more.
    Show,
}

/// What was found, and what was done.
#[derive(Debug, Default)]
pub struct Report {
    /// Rings of processes that have ended.
    pub rings: u64,
    /// Their bytes, and those of the documents that were read.
    pub bytes: u64,
    /// Bytes of records that were being written when their process died: calls that had not returned.
    pub unfinished_bytes: u64,
    /// The documents that needed something.
    pub documents: Vec<Recovered>,
    /// Files that could not be used, with the reason.
    pub refused: Vec<(PathBuf, String)>,
}

/// One document that needed something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// The document.
    pub path: PathBuf,
    /// Events that it held already.
    pub kept: u64,
    /// Events that came out of the ring.
    pub added: u64,
    /// Calls that had begun and not ended; they are among the added ones.
    pub interrupted: u64,
    /// Bytes of the document that could not be read.
    pub unreadable_bytes: u64,
    /// Events that the recorder had not taken, by its own count.
    pub dropped: u64,
    /// The damaged original, where something in it could not be read.
    pub original: Option<PathBuf>,
    /// The whole document, where nothing was to be changed.
    pub text: Vec<u8>,
}

/// Recovers what dead processes have left in their rings: at the start of a writer. What fails waits for the next time.
pub(crate) fn sweep(folders: &Folders) {
    let Ok(folders) = Open::new(folders, How::Repair) else { return };
    // Another process is at it.
    let Ok(_lock) = folders.lock_file().and_then(|file| Ok(LockedFile::try_lock(file)?)) else { return };
    let mut report = Report::default();
    folders.rings(How::Repair, &mut report);
    folders.flights(How::Repair, &mut report);
    liveness::sweep(&folders.private);
    remove_forgotten();
}

/// Recovers a whole telemetry folder, or `only` one session: rings of dead processes, and documents that are torn or
/// were never closed.
///
/// # Errors
/// When the folder cannot be opened.
pub fn recover(folders: &Folders, only: Option<&str>, how: How) -> io::Result<Report> {
    let (open, mut report) = (Open { only, ..Open::new(folders, how)? }, Report::default());
    let _lock = (how == How::Repair).then(|| open.lock_file().and_then(LockedFile::lock)).transpose()?;
    open.rings(how, &mut report);
    open.flights(how, &mut report);
    open.documents(how, &mut report);
    if how == How::Repair {
        liveness::sweep(&open.private);
    }
    Ok(report)
}

/// The folders at work.
struct Open<'a> {
    folders: &'a Folders,
    traces: Folder,
    private: Folder,
    /// The stem of the one session that is wanted.
    only: Option<&'a str>,
}

const LOCK: &str = "recover.lock";
/// The longest file that is taken for a document.
const MOST_BYTES: u64 = 256 << 20;

impl<'a> Open<'a> {
    fn new(folders: &'a Folders, how: How) -> io::Result<Open<'a>> {
        let traces = Folder::open(&folders.traces)?;
        // Somebody may have removed the private folder. Where nothing is to be changed, the traces stand in for it:
        // no session is held there either.
        let private = match how {
            How::Repair => Folder::own(&folders.private),
            How::Show => Folder::open(&folders.private).or_else(|_| Folder::open(&folders.traces)),
        };
        Ok(Open { folders, traces, private: private?, only: None })
    }

    /// Held against a second recovery of the same folder at the same time.
    fn lock_file(&self) -> io::Result<File> {
        self.private.create(LOCK).or_else(|_| self.private.open_file(LOCK))
    }

    fn rings(&self, how: How, report: &mut Report) {
        for ring in dead_rings(&self.folders.placement()) {
            let ring = match ring {
                Ok(ring) => ring,
                Err(refused) => {
                    report.refused.push(refused);
                    continue;
                }
            };
            report.rings += 1;
            report.bytes += ring.len() as u64;
            if self.ring(&ring, how, report) && how == How::Repair {
                let removed = ring.remove();
                report.refused.extend(removed.err().map(|error| (ring.path(), error.to_string())));
            }
        }
    }

    /// True when everything in the ring is in its document.
    fn ring(&self, ring: &Dead, how: How, report: &mut Report) -> bool {
        let (sessions, unfinished) = found::sessions(ring);
        report.unfinished_bytes += unfinished;
        let mut whole = true;
        for session in sessions {
            if !session.as_ref().is_ok_and(|found| self.wants(&found.stem)) && self.only.is_some() {
                whole = false;
                continue;
            }
            let done = match &session {
                Ok(found) => self
                    .session(found, how, report)
                    .map_err(|error| (self.traces.path_of(&part_name(&found.stem, 1)), error.to_string())),
                Err(number) => {
                    Err((ring.path(), format!("the beginning of its session {number} cannot be read")))
                }
            };
            whole &= done.is_ok();
            report.refused.extend(done.err());
        }
        whole
    }

    fn wants(&self, stem: &str) -> bool {
        self.only.is_none_or(|only| only == stem)
    }

    fn session(&self, found: &Found<'_>, how: How, report: &mut Report) -> io::Result<()> {
        if flight::triggers(&found.header).is_some() {
            return self.flight(&found.stem, Some(found), how, report);
        }
        let (parts, packed) = self.parts(&found.stem)?;
        // A part that was compressed is complete; what is fresh comes behind it.
        let last = parts.last().copied().unwrap_or(1).max(packed.map_or(0, |part| part + 1));
        let document = self.read(&part_name(&found.stem, last), &with_part(&found.header, last), report)?;
        let ours: Ids = found.events.iter().map(|event| event.id).collect();
        let known = self.known(found, &ours, &parts, &document, report)?;
        let all = found.events.iter().chain(&found.begun);
        let fresh: Vec<&Event<'_>> = all.filter(|event| !known.contains(event.id)).collect();
        let finished = document.is_whole() && document.is_closed();
        // Where there is no document and nothing for one, somebody has deleted it.
        if !fresh.is_empty() || document.exists && !finished {
            self.complete(found, last, document, &fresh, how, report)?;
        }
        if how == How::Repair {
            liveness::clear(&self.private, &found.stem);
        }
        Ok(())
    }

    /// Writes a session's last part with what is fresh, and further parts where one is full.
    fn complete(
        &self,
        found: &Found<'_>,
        last: u32,
        mut document: Damaged,
        mut fresh: &[&Event<'_>],
        how: How,
        report: &mut Report,
    ) -> io::Result<()> {
        let mut part = last;
        let mut dropped = found.dropped.saturating_sub(self.dropped_before(&found.stem, last)?);
        loop {
            let fitting = document.add_all(fresh);
            let (now, later) = fresh.split_at(fitting);
            document.account(Some(found), part, now, std::mem::take(&mut dropped));
            let state = match (later.is_empty(), found.closed) {
                (false, _) => State::Closed,
                (true, Some(closed)) => {
                    document.ended = Some(closed);
                    State::Closed
                }
                (true, None) => State::Recovered,
            };
            self.write(document, state, now, how, report)?;
            if later.is_empty() {
                return Ok(());
            }
            (part, fresh) = (part + 1, later);
            document = Damaged::begin(&part_name(&found.stem, part), &with_part(&found.header, part));
        }
    }

    /// The ids of the events that are in documents already, as far back as `ours` may be.
    fn known(
        &self,
        found: &Found<'_>,
        ours: &Ids,
        parts: &[u32],
        last: &Damaged,
        report: &mut Report,
    ) -> io::Result<Ids> {
        let (ids, mut first) = last.ids();
        let mut known = ids.clone();
        for part in parts.iter().rev().skip(1) {
            // A part that begins with an older event than ours holds all of them that were written.
            if first.is_some_and(|first| !ours.contains(first)) {
                break;
            }
            let document = self.read(&part_name(&found.stem, *part), "", report)?;
            let (ids, before) = document.ids();
            known.extend(ids);
            first = before;
        }
        Ok(known)
    }

    /// The numbers of a session's parts in order, and that of the last one that was compressed.
    fn parts(&self, stem: &str) -> io::Result<(Vec<u32>, Option<u32>)> {
        let (names, mut parts, mut packed) = (self.traces.names()?, Vec::new(), None);
        for name in &names {
            let plain = name.strip_suffix(".gz").unwrap_or(name);
            let Some(part) = part_of(plain).filter(|_| stem_of(plain) == Some(stem)) else { continue };
            if plain.len() == name.len() {
                parts.push(part);
            } else {
                packed = packed.max(Some(part));
            }
        }
        parts.sort_unstable();
        Ok((parts, packed))
    }

    /// What the parts before `last` have counted as lost.
    fn dropped_before(&self, stem: &str, last: u32) -> io::Result<u64> {
        let before = self.parts(stem)?.0.into_iter().take_while(|part| *part < last);
        Ok(before
            .filter_map(|part| self.bytes(&part_name(stem, part)).ok()?.map(|bytes| damaged::dropped(&bytes)))
            .sum())
    }

    fn bytes(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        Open::bytes_of(&self.traces, name)
    }

    fn bytes_of(folder: &Folder, name: &str) -> io::Result<Option<Vec<u8>>> {
        let file = match folder.read_file(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        if file.metadata()?.len() > MOST_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is larger than any trace file"));
        }
        let mut bytes = Vec::new();
        file.take(MOST_BYTES).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    fn read(&self, name: &str, header: &str, report: &mut Report) -> io::Result<Damaged> {
        let Some(bytes) = self.bytes(name)? else { return Ok(Damaged::begin(name, header)) };
        report.bytes += bytes.len() as u64;
        Ok(Damaged::read(name, &bytes, header))
    }

    /// Documents that no ring says anything of: torn ones, and those whose session was never closed.
    fn documents(&self, how: How, report: &mut Report) {
        let mut names = self.traces.names().unwrap_or_default();
        names.sort();
        for name in names {
            let Some(stem) = stem_of(&name).filter(|stem| self.wants(stem)) else { continue };
            let path = self.traces.path_of(&name);
            let between = self.only.is_none() && hooked::is_live(&self.traces, &self.private, &name, stem);
            let done = report.documents.iter().any(|done| done.path == path);
            if liveness::is_held(&self.private, stem) || done || between {
                continue;
            }
            if let Err(error) = self.document(&name, stem, how, report) {
                report.refused.push((path, error.to_string()));
            }
        }
    }

    fn document(&self, name: &str, stem: &str, how: How, report: &mut Report) -> io::Result<()> {
        let Some(bytes) = self.bytes(name)? else { return Ok(()) };
        report.bytes += bytes.len() as u64;
        let header = damaged::header_from_name(stem);
        let mut document = Damaged::read(name, &bytes, &header);
        if document.is_whole() && document.is_closed() {
            return Ok(());
        }
        // One without any byte holds nothing that could get lost: its power failed before the first sync.
        if document.kept == 0 && !document.has_header() && document.unreadable > 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "nothing in it can be read"));
        }
        // Who appends to a document that several processes share holds its lock meanwhile, and looks again afterwards.
        let appended = self.traces.read_file(name)?;
        if matches!(appended.try_lock(), Err(TryLockError::WouldBlock)) {
            return Ok(());
        }
        // Somebody may have appended before the lock was ours.
        let Some(now) = self.bytes(name)? else { return Ok(()) };
        if now != bytes {
            document = Damaged::read(name, &now, &header);
        }
        document.account(None, 1, &[], 0);
        let last = part_of(name).is_some_and(|part| !self.traces.has(&part_name(stem, part + 1)));
        let left = if last { hooked::left(&self.private, stem)? } else { Vec::new() };
        let interrupted = document.interrupt(&left);
        self.write(document, State::Recovered, &[], how, report)?;
        if let Some(recovered) = report.documents.last_mut() {
            (recovered.added, recovered.interrupted) = (interrupted, interrupted);
        }
        if how == How::Repair {
            liveness::clear(&self.private, stem);
            let _ = if last { self.private.remove(&hooked::name(stem)) } else { Ok(()) };
        }
        Ok(())
    }

    /// Puts a finished document in the place of the one that is there.
    fn write(
        &self,
        document: Damaged,
        state: State,
        added: &[&Event<'_>],
        how: How,
        report: &mut Report,
    ) -> io::Result<()> {
        let mut recovered = Recovered {
            path: self.traces.path_of(&document.name),
            kept: document.kept,
            added: added.len() as u64,
            interrupted: added.iter().filter(|event| event.open).count() as u64,
            unreadable_bytes: document.unreadable,
            dropped: document.dropped(),
            ..Recovered::default()
        };
        let (name, exists) = (document.name.clone(), document.exists);
        let text = document.text(state);
        if how == How::Show {
            recovered.text = text;
        } else {
            if exists && recovered.unreadable_bytes > 0 {
                recovered.original = self.keep_original(&name)?;
            }
            replace((&self.traces, &self.private), &name, &text)?;
        }
        report.documents.push(recovered);
        Ok(())
    }

    /// Gives the damaged document a second name, so that nothing that could not be read is gone.
    fn keep_original(&self, name: &str) -> io::Result<Option<PathBuf>> {
        for n in 1..100 {
            let kept = format!("{name}.damaged-{n}");
            match self.traces.link(name, &self.private, &kept) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                linked => return linked.map(|()| Some(self.private.path_of(&kept))),
            }
        }
        Ok(None)
    }
}

/// Makes a torn document whole and leaves it live, for a process that holds its lock and will go on in it.
pub(crate) fn mend(traces: &Folder, private: &Folder, name: &str, header: &str) -> io::Result<()> {
    let bytes = Open::bytes_of(traces, name)?.unwrap_or_default();
    let mut document = Damaged::read(name, &bytes, header);
    document.account(None, 1, &[], 0);
    replace((traces, private), name, &document.text(State::Live))
}

/// Writes the whole text beside, makes it durable, and gives it the name.
fn replace((traces, private): (&Folder, &Folder), name: &str, text: &[u8]) -> io::Result<()> {
    let beside = format!("{name}.recovering-{}", std::process::id());
    let _ = private.remove(&beside);
    let written = private.create(&beside).and_then(|mut file| {
        file.write_all(text)?;
        file.sync_all()
    });
    if written.is_err() {
        let _ = private.remove(&beside);
    }
    written?;
    private.rename(&beside, traces, name)?;
    traces.sync()
}

/// The stem in the name of a trace file that is not compressed.
fn stem_of(name: &str) -> Option<&str> {
    let base = name.strip_suffix(".json")?;
    let stem = base.rsplit_once(".part").map_or(base, |(stem, _)| stem);
    found::is_stem(stem).then_some(stem)
}

fn part_of(name: &str) -> Option<u32> {
    let base = name.strip_suffix(".json")?;
    let part = base.rsplit_once(".part").map_or(Some(1), |(_, part)| part.parse().ok());
    // No session has so many; what follows the last number there is would be none.
    part.filter(|part| *part < u32::MAX)
}
