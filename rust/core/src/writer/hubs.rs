//! The writers of a process: one for each telemetry folder.

use super::{Folders, Header, Hub, HubState, MOMENT, open_in};
use crate::liveness::WriterLock;
use crate::redact::Redactor;
use crate::session::{CLOSE_WAIT, Session, SessionPolicy};
use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::time::Instant;

/// The writers of this process.
#[derive(Default)]
pub(crate) struct Hubs {
    pub(super) running: HashMap<Folders, Arc<Hub>>,
    /// Folders that this process has written to: what its children have left there is recovered at its exit.
    pub(super) used: HashSet<Folders>,
}

/// Locks the list of writers. Nothing that needs Python may be done meanwhile: a fork waits for it.
pub(crate) fn hubs() -> MutexGuard<'static, Hubs> {
    static HUBS: OnceLock<Mutex<Hubs>> = OnceLock::new();
    HUBS.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hubs {
    /// Opens a session while the list is locked: nothing of it is half done when the process forks.
    pub(crate) fn open(
        &mut self,
        folders: &Folders,
        stem: &str,
        header: Header,
        redactor: Arc<Redactor>,
        policy: SessionPolicy,
    ) -> io::Result<Session> {
        let hub = self.hub_of(folders)?;
        open_in(hub, stem, header, redactor, policy).map(|(session, _)| session)
    }

    /// The writer of these folders, made and started where there is none.
    pub(super) fn hub_of(&mut self, folders: &Folders) -> io::Result<Arc<Hub>> {
        if let Some(hub) = self.running.get(folders) {
            hub.expect_session();
            return Ok(Arc::clone(hub));
        }
        let hub = Arc::new(Hub::new(folders.clone())?);
        hub.expect_session();
        hub.start()?;
        self.running.insert(folders.clone(), Arc::clone(&hub));
        self.used.insert(folders.clone());
        Ok(hub)
    }

    /// The folders that were written to; those that still are stay noted.
    fn take_used(&mut self) -> HashSet<Folders> {
        let still = self.running.keys().cloned().collect();
        std::mem::replace(&mut self.used, still)
    }
}

impl Hub {
    /// Ends this writer if it has nothing left to write, and removes its ring. True when it has ended.
    pub(super) fn leave(&self) -> bool {
        // In this order everywhere: nobody is admitted while the list is locked.
        let mut hubs = hubs();
        self.leave_as(&mut hubs, self.state())
    }

    /// The same at exit, until when at the most: a disk that keeps the writer waiting must not keep the process. What
    /// the writer has not written stays in the ring.
    fn leave_by(&self, until: Instant) -> bool {
        loop {
            let mut hubs = hubs();
            match self.state.try_lock() {
                Ok(state) => return self.leave_as(&mut hubs, state),
                Err(TryLockError::Poisoned(poisoned)) => {
                    return self.leave_as(&mut hubs, poisoned.into_inner());
                }
                Err(TryLockError::WouldBlock) if Instant::now() < until => {}
                Err(TryLockError::WouldBlock) => return false,
            }
            drop(hubs);
            std::thread::sleep(MOMENT);
        }
    }

    fn leave_as(&self, hubs: &mut Hubs, mut state: MutexGuard<'_, HubState>) -> bool {
        let busy = !state.traces.is_empty() || self.expected.load(Relaxed) > 0;
        if busy && !state.gone {
            return false;
        }
        if !std::mem::replace(&mut state.gone, true) {
            hubs.running.remove(&self.folders);
            self.lock.iter().chain(self.renewed.get()).for_each(WriterLock::retire);
            if let Some(file) = self.ring.file() {
                file.remove();
            }
            self.ring.dismiss();
            self.ring.call();
        }
        true
    }
}

/// Ends every writer of this process that has nothing left to write, and recovers what children have left: at exit,
/// within [`CLOSE_WAIT`] for all of it.
pub fn shut_down() {
    let until = Instant::now() + CLOSE_WAIT;
    let idle = hubs().running.values().map(Arc::clone).collect::<Vec<_>>();
    for hub in idle {
        hub.leave_by(until);
    }
    let used = hubs().take_used();
    let (done, end) = std::sync::mpsc::channel();
    let sweeper = std::thread::Builder::new().name("t800-sweeper".into()).spawn(move || {
        used.iter().for_each(crate::recover::sweep);
        done.send(())
    });
    if sweeper.is_ok() {
        let _ = end.recv_timeout(until.saturating_duration_since(Instant::now()));
    }
}
