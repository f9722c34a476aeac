//! What becomes of a session in a fork's child: its heir, which is a session of the child's own.
//!
//! The heir has a ring, threads and a document of its own, made at the child's first event, so that a child that records
//! nothing leaves nothing. It is made while the list of writers is locked, as it is over every fork: a child of the child
//! finds it whole or not at all. Calls that were open at the fork stay the parent's.

use super::{Session, Sink};
use crate::assemble::{NUMBER_BITS, Place};
use crate::clock;
use crate::encode::escape::quote_into;
use crate::event::Kind;
use crate::session_id;
use crate::system::random;
use crate::writer::{self, Header};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::Ordering::Relaxed;

/// What a session was opened as.
#[derive(Clone, Debug)]
pub struct Opened {
    /// What its document says of it.
    pub header: Header,
    /// The first file of its document.
    pub path: PathBuf,
}

/// The session of a child, or why there is none.
pub(super) type Heir = OnceLock<Result<Box<Session>, String>>;

/// The longest id of a session.
const LONGEST_ID: usize = 64;

/// The number before the first one that this process gives.
pub(super) fn first_number() -> u64 {
    u64::from(writer::generation()) << NUMBER_BITS
}

/// Whether a call was begun by a process that this one was forked from.
#[must_use]
pub fn is_inherited(id: u64) -> bool {
    id >> NUMBER_BITS != u64::from(writer::generation())
}

/// A place without a call of the parent, whose event is in another document.
pub(super) fn own_place(place: Place<'_>) -> Place<'_> {
    Place { parent: place.parent.filter(|id| !is_inherited(*id)), ..place }
}

impl Session {
    /// The session's id in this process: in a fork's child its heir's, or the inherited one as long as it has none.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        match &self.here().unwrap_or(self).sink {
            Sink::Writer { opened, .. } => Some(&opened.header.session_id),
            Sink::Memory(_) => None,
        }
    }

    /// The first file of the session's document in this process; None where there is none.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match &self.here()?.sink {
            Sink::Writer { opened, .. } => Some(&opened.path),
            Sink::Memory(_) => None,
        }
    }

    /// Whether this process opened the session; a fork's child did not.
    pub(super) fn is_ours(&self) -> bool {
        self.generation == writer::generation()
    }

    /// The session that belongs to this process: itself, or in a fork's child its heir, where it has one by now.
    pub(super) fn here(&self) -> Option<&Session> {
        let mut session = self;
        while !session.is_ours() {
            session = session.heir.get()?.as_ref().ok()?;
        }
        Some(session)
    }

    /// The heir that takes an event of this kind in a fork's child, made where there is none; None where the session is
    /// this process's own.
    #[cold]
    pub(super) fn heir(&self, kind: Kind) -> Option<&Session> {
        let mut session = self;
        while !session.is_ours() {
            if !session.policy.kinds[kind as usize] || session.closed.load(Relaxed) {
                return None;
            }
            if session.heir.get().is_none() {
                session.make_heir();
            }
            session = session.heir.get()?.as_ref().ok()?;
        }
        (!self.is_ours()).then_some(session)
    }

    fn make_heir(&self) {
        let Sink::Writer { hub, opened, .. } = &self.sink else { return };
        let mut hubs = writer::hubs();
        if self.heir.get().is_some() || self.closed.load(Relaxed) {
            return;
        }
        let header = heirs_header(&opened.header);
        let stem = session_id::stem(header.started, &header.session_id);
        let (redactor, policy) = (self.redactor.clone(), self.policy.clone());
        let heir = hubs.open(hub.folders(), &stem, header, redactor, policy);
        let _ = self.heir.set(heir.map(Box::new).map_err(|error| error.to_string()));
    }

    /// Ends what this process has of a session that it has inherited: it makes no heir any more.
    pub(super) fn close_inherited(&self) -> bool {
        let hubs = writer::hubs();
        self.closed.store(true, Relaxed);
        drop(hubs);
        self.here().is_none_or(Session::close)
    }

    /// What the disk has refused a fork's child: its heir, or what that had to write.
    pub(super) fn heirs_fault(&self) -> Option<String> {
        let mut session = self;
        while !session.is_ours() {
            match session.heir.get()? {
                Ok(heir) => session = heir,
                Err(fault) => return Some(fault.clone()),
            }
        }
        session.take_fault()
    }
}

/// What the heir's document says: the same agent, and whose heir it is.
fn heirs_header(parent: &Header) -> Header {
    let mut quoted = Vec::new();
    quote_into(&mut quoted, &parent.session_id);
    Header {
        session_id: heirs_id(&parent.session_id),
        started: clock::wall(clock::now()),
        metadata: parent.metadata.clone(),
        parent: Some(String::from_utf8_lossy(&quoted).into_owned()),
    }
}

/// The parent's id, as much of it as there is room for, and 12 random digits.
fn heirs_id(parent: &str) -> String {
    let own = random().unwrap_or_else(|_| clock::now() ^ u64::from(std::process::id()) << 32);
    let own = format!("-{:012x}", own & 0xffff_ffff_ffff);
    let kept: String = parent.chars().take(LONGEST_ID - own.len()).collect();
    kept + &own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_heirs_are_short_and_differ() {
        let mut id = "ses_0123456789ab".to_owned();
        for _ in 0..10 {
            let heirs = heirs_id(&id);
            assert!(heirs.len() <= LONGEST_ID && heirs != heirs_id(&id));
            assert_eq!(heirs.len(), (id.len() + 13).min(LONGEST_ID));
            id = heirs;
        }
    }
}
