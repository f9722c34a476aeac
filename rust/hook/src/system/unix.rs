//! Linux, macOS and their like.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use rustix::process::{Pid, getppid};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// How much a pipe holds, where the system allows it.
#[cfg(target_os = "linux")]
const PIPE_BYTES: usize = 1 << 20;
/// How often to look whether the writer still lives.
const PULSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };
/// How long to leave the pipe alone when it is empty: a writer that has nobody to wake is quicker by half.
const NAP: Duration = Duration::from_millis(4);
const PASSWD_LIMIT: usize = 1 << 20;

/// Standard input or a pipe, which also ends when the process that started us does.
pub(crate) struct Input {
    pipe: Option<File>,
    parent: Option<Pid>,
}

impl Input {
    /// Standard input.
    pub(crate) fn open() -> Input {
        Input { pipe: None, parent: getppid() }.widened()
    }

    /// A pipe's reading end.
    pub(crate) fn of(pipe: File) -> Input {
        Input { pipe: Some(pipe), parent: getppid() }.widened()
    }

    fn widened(self) -> Input {
        #[cfg(target_os = "linux")]
        let _ = rustix::pipe::fcntl_setpipe_size(self.source(), PIPE_BYTES);
        self
    }

    fn source(&self) -> BorrowedFd<'_> {
        self.pipe.as_ref().map_or(rustix::stdio::stdin(), File::as_fd)
    }

    /// Some of what is next; 0 at the end.
    pub(crate) fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            match rustix::io::read(self.source(), &mut *bytes) {
                Ok(count) => return Ok(count),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) if self.wait()? => {}
                Err(Errno::AGAIN) => return Ok(0),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Waits for more; false when the one that started us has died and nothing is left to read.
    fn wait(&self) -> io::Result<bool> {
        let source = self.source();
        std::thread::sleep(NAP);
        loop {
            let ready = match poll(&mut [PollFd::new(&source, PollFlags::IN)], Some(&PULSE)) {
                Err(Errno::INTR) => 0,
                ready => ready?,
            };
            if ready > 0 {
                return Ok(true);
            }
            if getppid() != self.parent {
                return Ok(false);
            }
        }
    }
}

/// Makes a pipe with a name, that only this user can open.
#[cfg(target_os = "linux")]
pub(crate) fn make_pipe(path: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, FileType, mknodat};
    Ok(mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?)
}

/// Makes a pipe with a name, that only this user can open: by the command, where the system call has another name on
/// each system.
#[cfg(not(target_os = "linux"))]
pub(crate) fn make_pipe(path: &Path) -> io::Result<()> {
    let made = Command::new("mkfifo").args(["-m", "600"]).arg(path).status()?;
    if made.success() { Ok(()) } else { Err(io::Error::other("mkfifo has failed")) }
}

/// Opens both ends of a pipe that has a name: the one for reading first, or there is nobody to write to.
pub(crate) fn open_pipe(path: &Path) -> io::Result<(File, File)> {
    let reading = open_file(path)?;
    let writing =
        File::options().write(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path)?;
    Ok((reading, writing))
}

/// Opens a file of somebody's for reading, and never waits for a pipe's writer.
pub(crate) fn open_file(path: &Path) -> io::Result<File> {
    File::options().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path)
}

/// Opens a file that this user or root owns, and that is no link.
pub(crate) fn open_own_file(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOFOLLOW;
    let file = File::from(open(path, flags, Mode::empty())?);
    let owner = file.metadata()?.uid();
    if ![0, rustix::process::geteuid().as_raw()].contains(&owner) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    Ok(file)
}

/// The user's home where no variable names it: from `/etc/passwd`, without asking a name service.
pub(crate) fn home() -> Option<PathBuf> {
    let uid = rustix::process::getuid().as_raw().to_string();
    let passwd = std::fs::read("/etc/passwd").ok().filter(|passwd| passwd.len() <= PASSWD_LIMIT)?;
    String::from_utf8_lossy(&passwd).lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        (fields.get(2) == Some(&uid.as_str())).then(|| fields.get(5).map(PathBuf::from))?
    })
}

/// Has a process outlive the terminal and the host that we belong to.
pub(crate) fn detach(command: &mut Command) -> &mut Command {
    command.process_group(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_is_opened_without_waiting_and_is_no_file() {
        let path = std::env::temp_dir().join(format!("t800-system-pipe-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        make_pipe(&path).unwrap();
        assert!(!open_file(&path).unwrap().metadata().unwrap().is_file());
        assert!(!open_own_file(&path).unwrap().metadata().unwrap().is_file());
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_link_is_not_followed() {
        let folder = std::env::temp_dir();
        let (file, link) = (
            folder.join(format!("t800-system-file-{}", std::process::id())),
            folder.join(format!("t800-system-link-{}", std::process::id())),
        );
        let _ = std::fs::remove_file(&link);
        std::fs::write(&file, "x").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(open_own_file(&file).is_ok() && open_own_file(&link).is_err());
        std::fs::remove_file(&link).unwrap();
        std::fs::remove_file(&file).unwrap();
    }
}
