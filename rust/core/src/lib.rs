//! The heart of T-800: everything between a call of the recorder and the bytes of a trace file.
//!
//! The way of an event is one direction only: [`encode`] walks a value and asks [`redact`] at every key and
//! string, so that only redacted bytes exist; [`session`] gives ids and pairs begins with ends; [`ring`] takes
//! the finished line from the caller's thread; [`writer`] drains it into the [`trace_file`].
//!
//! This crate knows nothing of Python. Python objects, JSON lines and hook payloads all drive the same
//! [`encode::Encoder`].
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod assemble;
pub mod clock;
pub mod columns;
pub mod daily;
pub mod encode;
pub mod event;
pub mod filter;
pub mod folder;
pub mod line;
pub mod liveness;
pub mod opening;
pub mod overhead;
pub mod price;
pub mod recover;
pub mod redact;
pub mod ring;
pub mod session;
pub mod session_id;
pub mod settings;
pub mod summary;
mod system;
pub mod trace_file;
pub mod writer;
