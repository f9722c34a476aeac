//! The pipes between an agent and the process that takes its events: named ones, so that the agent can write to them
//! without waiting. Both sides open them at once and then remove the names.

use crate::setup::Setup;
use crate::system::make_pipe;
use std::io::Write;
use std::path::{Path, PathBuf};
use t800_core::clock;
use t800_core::encode::escape::quote_into;
use t800_core::folder::Folder;

/// Makes the pipes and prints where they are; prints nothing where nothing is to be recorded.
pub fn make(python: Option<&Path>) {
    let start = std::env::current_dir().unwrap_or_default();
    let Some(setup) = Setup::find(&start, python) else { return };
    let Ok(private) = Folder::own(&setup.layout.private()) else { return };
    let (Some(events), Some(done)) = (named(&private, "events"), named(&private, "done")) else { return };
    let mut line = b"{\"events\":".to_vec();
    quote_into(&mut line, &events.to_string_lossy());
    line.extend_from_slice(b",\"done\":");
    quote_into(&mut line, &done.to_string_lossy());
    line.extend_from_slice(b"}\n");
    let _ = std::io::stdout().write_all(&line);
}

/// A new pipe that only this user can open.
fn named(private: &Folder, kind: &str) -> Option<PathBuf> {
    let name = format!("{kind}-{}-{:x}.pipe", std::process::id(), clock::wall(clock::now()));
    let path = private.path_of(&name);
    make_pipe(&path).ok()?;
    Some(path)
}
