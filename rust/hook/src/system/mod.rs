//! What differs between operating systems for a process of a host's: its input, its pipes, other people's files, the
//! processes that it starts.
//!
//! As in `t800_core`, `portable` needs nothing but the standard library: it is what Windows gets, and with
//! `--cfg t800_portable` any other system, so that its tests run everywhere.

#[cfg(any(not(unix), t800_portable))]
mod portable;
#[cfg(all(unix, not(t800_portable)))]
mod unix;

#[cfg(any(not(unix), t800_portable))]
pub(crate) use portable::*;
#[cfg(all(unix, not(t800_portable)))]
pub(crate) use unix::*;
