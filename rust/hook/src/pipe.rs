//! The pipes between an agent and the process that takes its events: named ones, so that the agent can write to them
//! without waiting. Both sides open them, then the names are removed.

use crate::setup::Setup;
use crate::system::{Input, make_pipe, open_pipe};
use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;
use t800_core::clock;
use t800_core::encode::escape::quote_into;
use t800_core::folder::Folder;

/// A pipe, and both of its ends.
struct Pipe {
    path: PathBuf,
    reading: File,
    writing: File,
}

impl Pipe {
    /// A new pipe that only this user can open.
    fn new(private: &Folder, kind: &str) -> io::Result<Pipe> {
        let name = format!("{kind}-{}-{:x}.pipe", std::process::id(), clock::wall(clock::now()));
        let path = private.path_of(&name);
        make_pipe(&path)?;
        let (reading, writing) = open_pipe(&path).inspect_err(|_| remove(&path))?;
        Ok(Pipe { path, reading, writing })
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

fn remove(path: &PathBuf) {
    let _ = std::fs::remove_file(path);
}

/// Where the events come from, and what tells the agent, when it is dropped, that they are in the trace.
pub struct Pipes {
    /// The events.
    pub events: Input,
    /// Nothing is ever written to it: it ends.
    pub done: File,
}

impl Pipes {
    /// Makes the pipes, prints where they are, and waits until the agent has closed our standard input: by then it has
    /// opened them, or is no more.
    ///
    /// # Errors
    /// Where there can be none.
    pub fn meet(setup: &Setup) -> io::Result<Pipes> {
        let private = Folder::own(&setup.layout.private())?;
        let (events, done) = (Pipe::new(&private, "events")?, Pipe::new(&private, "done")?);
        let mut line = b"{\"events\":".to_vec();
        quote_into(&mut line, &events.path.to_string_lossy());
        line.extend_from_slice(b",\"done\":");
        quote_into(&mut line, &done.path.to_string_lossy());
        line.extend_from_slice(b"}\n");
        let mut stdout = io::stdout();
        stdout.write_all(&line)?;
        stdout.flush()?;
        io::copy(&mut io::stdin(), &mut io::sink())?;
        // Our own ends, which have kept the pipes open, are closed here with what else the agent has.
        Ok(Pipes { events: Input::of(events.reading.try_clone()?), done: done.writing.try_clone()? })
    }
}
