//! What is done for the folder when a session has ended: retention and daily sums, by Python, in a process of its own
//! that nobody waits for.

use crate::setup::{Setup, interpreter};
use crate::system::detach;
use std::path::Path;
use std::process::{Command, Stdio};

/// Starts it.
pub fn start(setup: &Setup, session_id: &str, python: Option<&Path>) {
    let Some(python) = interpreter(&setup.layout, python) else { return };
    let mut command = Command::new(python);
    command
        .args(["-m", "t800.hook", "tidy"])
        .args([&setup.layout.root, &setup.layout.telemetry])
        .arg(session_id)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let _ = detach(&mut command).spawn();
}
