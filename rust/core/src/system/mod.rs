//! What differs between operating systems: directories and their files, places in files, users, memory.
//!
//! `unix` uses all that such a system has. `portable` needs nothing but the standard library: it is what Windows gets,
//! and with `--cfg t800_portable` any other system, so that its tests run everywhere.

#[cfg(any(not(unix), t800_portable))]
mod portable;
#[cfg(all(unix, not(t800_portable)))]
mod unix;

#[cfg(any(not(unix), t800_portable))]
pub(crate) use portable::*;
#[cfg(all(unix, not(t800_portable)))]
pub(crate) use unix::*;

use std::fs::File;
use std::io;

/// Fills `bytes` from a place in a file.
///
/// # Errors
/// What the disk refuses; an end before that is [`io::ErrorKind::UnexpectedEof`].
pub(crate) fn read_exact_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
    if read_up_to(file, bytes, at)? < bytes.len() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

/// Reads from a place in a file until its end, or until `bytes` are full; how many were read.
///
/// # Errors
/// What the disk refuses.
pub(crate) fn read_up_to(file: &File, bytes: &mut [u8], at: u64) -> io::Result<usize> {
    let mut done = 0;
    while done < bytes.len() {
        match read_at(file, &mut bytes[done..], at + done as u64) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// Writes `bytes` to a place in a file.
///
/// # Errors
/// What the disk refuses; some of them may have been written then.
pub(crate) fn write_all_at(file: &File, mut bytes: &[u8], mut at: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match write_at(file, bytes, at) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => (bytes, at) = (&bytes[written..], at + written as u64),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
