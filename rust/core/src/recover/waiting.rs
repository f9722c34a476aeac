//! What rings hold of a session and its document may not have yet, for those who read while it runs. Changes nothing.

use super::found;
use crate::ring::snapshots;
use crate::writer::Folders;

/// An event that waits in a ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its line, as it will stand in the document.
    pub line: Vec<u8>,
    /// A call that has begun and not ended; its line says that it was interrupted.
    pub open: bool,
}

/// The events of the session of `stem` that may be in no document yet, finished ones first, each in the order in which
/// it was recorded. Some may have reached their document meanwhile: whoever needs each once goes by their ids.
#[must_use]
pub fn waiting(folders: &Folders, stem: &str) -> Vec<Waiting> {
    let mut events = Vec::new();
    for ring in snapshots(&folders.placement()) {
        let (sessions, _) = found::sessions(&ring);
        for session in sessions.into_iter().flatten().filter(|session| session.stem == stem) {
            let all = session.events.iter().chain(&session.begun);
            events.extend(all.map(|event| Waiting { line: event.line.to_vec(), open: event.open }));
        }
    }
    events.sort_by_key(|event| event.open);
    events
}
