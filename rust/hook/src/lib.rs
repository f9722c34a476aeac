//! Events of coding agents that are no Python programs, taken from a pipe or from the JSON of one hook.
//!
//! `t800-hook hook HOST` takes one hook's JSON on stdin and appends to the document of the host's session.
//! `t800-hook ingest` takes JSON lines on stdin until it ends, each an event, and records them like any program does.
//! With `--pipes` it makes a pipe for them, and prints where that is.
//!
//! The agent never waits long, never sees an exit code but 0, and nothing is printed that it has not asked for.
#![deny(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod begins;
mod cursor;
mod host;
mod hosted;
mod ingest;
mod layout;
mod pipe;
mod setup;
mod system;
mod tidy;
mod transcript;
mod value;

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::path::Path;

/// Runs a command line without the program's name. `python` is the interpreter that makes missing settings; without
/// one it is looked for.
pub fn run(arguments: &[String], python: Option<&Path>) {
    // A fault of ours is not the agent's: neither its text nor its exit code.
    set_hook(Box::new(|_| {}));
    let _ = catch_unwind(AssertUnwindSafe(|| dispatch(arguments, python)));
}

fn dispatch(arguments: &[String], python: Option<&Path>) {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["hook", host] => host::hook(host, python),
        ["ingest", options @ ..] => ingest::ingest(options, python),
        _ => {}
    }
}
