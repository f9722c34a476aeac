//! The document: a complete JSON text after every flush, one event per line, the summary on the last line.
//!
//! ```text
//! {"session_id":…,"timestamp":…,"metadata":{…},"events":[
//! {"event_id":"evt_001",…},
//! {"event_id":"evt_002",…}
//! ],"summary":{…}}
//! ```
//! Each append is one positioned write that overwrites the closing line.

mod shared;

use crate::folder::Folder;
use crate::system;
pub use shared::SharedDocument;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// A document grows to at most this many bytes; then the next part begins. Common readers stop at 16 MiB.
pub const MAX_BYTES: u64 = 16_000_000;
/// How much of a removed document is copied at once.
const BLOCK: usize = 1 << 20;

/// A document that is being written.
pub struct Document {
    folder: Arc<Folder>,
    name: String,
    file: Option<File>,
    /// Where the events start.
    events_at: u64,
    /// Device and number of the file: another one may have taken its name.
    inode: (u64, u64),
    /// Where the closing line starts.
    closing_at: u64,
    /// Length of the file.
    len: u64,
    has_events: bool,
    /// The closing line as it stands in the file.
    closing: String,
    /// Written to since it was last made durable.
    dirty: bool,
    /// A sync has failed: the system may have forgotten what was to be synchronised.
    forgotten: bool,
}

impl Document {
    /// Creates the file, which must not exist, with its header line and an empty list of events.
    ///
    /// `header` is the document up to and including `"events":[`, `summary` the JSON of the summary.
    ///
    /// # Errors
    /// When the name is taken, by a link too, or the disk refuses; then nothing is left behind.
    pub fn create(folder: &Arc<Folder>, name: &str, header: &str, summary: &str) -> io::Result<Document> {
        let file = folder.create(name)?;
        let mut document = Document {
            folder: Arc::clone(folder),
            inode: system::identity(&file)?,
            name: name.to_owned(),
            events_at: header.len() as u64 + 1,
            closing_at: header.len() as u64 + 1,
            len: 0,
            has_events: false,
            closing: String::new(),
            file: Some(file),
            dirty: true,
            forgotten: false,
        };
        let written = document.write_header(header, summary);
        if written.is_err() {
            let _ = folder.remove(name);
        }
        written.map(|()| document)
    }

    fn write_header(&mut self, header: &str, summary: &str) -> io::Result<()> {
        let closing = closing_line(summary);
        let text = format!("{header}\n{closing}\n");
        system::write_all_at(self.file()?, text.as_bytes(), 0)?;
        self.len = text.len() as u64;
        self.closing = closing;
        Ok(())
    }

    /// Appends finished lines (joined by `,\n`, without one at the end) and renews the closing line.
    ///
    /// # Errors
    /// When the disk refuses; the old closing line is then restored, so that the document stays valid.
    pub fn append(&mut self, lines: &[u8], summary: &str) -> io::Result<()> {
        let closing = closing_line(summary);
        let separator: &[u8] = if self.has_events { b",\n" } else { b"" };
        // Behind events, the comma takes the place of the newline before the closing line.
        let start = self.closing_at - u64::from(self.has_events);
        let body = separator.len() + lines.len() + usize::from(!lines.is_empty());
        let mut bytes = Vec::with_capacity(body + closing.len() + 1);
        if lines.is_empty() {
            return self.renew(&closing);
        }
        bytes.extend_from_slice(separator);
        bytes.extend_from_slice(lines);
        bytes.push(b'\n');
        let closing_at = start + bytes.len() as u64;
        self.pad_into(&mut bytes, &closing, closing_at);
        self.write(&bytes, start)?;
        self.len = self.len.max(start + bytes.len() as u64);
        self.closing_at = closing_at;
        self.has_events = true;
        self.closing = closing;
        Ok(())
    }

    fn renew(&mut self, closing: &str) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(closing.len() + 1);
        self.pad_into(&mut bytes, closing, self.closing_at);
        self.write(&bytes, self.closing_at)?;
        self.len = self.len.max(self.closing_at + bytes.len() as u64);
        closing.clone_into(&mut self.closing);
        Ok(())
    }

    /// The closing line, filled with spaces so that it covers what the file already holds.
    fn pad_into(&self, bytes: &mut Vec<u8>, closing: &str, closing_at: u64) {
        bytes.extend_from_slice(closing.as_bytes());
        let end = closing_at + closing.len() as u64 + 1;
        let padding = usize::try_from(self.len.saturating_sub(end)).unwrap_or(0);
        bytes.resize(bytes.len() + padding, b' ');
        bytes.push(b'\n');
    }

    fn write(&mut self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.dirty = true;
        let written = self.file().and_then(|file| system::write_all_at(file, bytes, at));
        if written.is_err() {
            self.restore();
        }
        written
    }

    /// After a failed write: the closing line of before, at its place, and nothing behind it.
    fn restore(&mut self) {
        let mut text = if self.has_events { b"\n".to_vec() } else { Vec::new() };
        let at = self.closing_at - text.len() as u64;
        // With its padding: what was written over it must not show behind it.
        self.pad_into(&mut text, &self.closing, self.closing_at);
        let len = self.len;
        if let Ok(file) = self.file() {
            let _ = system::write_all_at(file, &text, at);
            // What a disk that refuses this, too, leaves behind the end is covered by the next write.
            let left = file.set_len(len).and_then(|()| file.metadata()).or_else(|_| file.metadata());
            self.len = left.map_or(len, |found| found.len().max(len));
        }
    }

    /// Bytes that the events and header take, without the closing line.
    #[must_use]
    pub fn body_len(&self) -> u64 {
        self.closing_at
    }

    /// Its events' lines, joined as they stand in the file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn lines(&mut self) -> io::Result<Vec<u8>> {
        let (from, to) = (self.events_at, self.closing_at - u64::from(self.has_events));
        let mut lines = vec![0; usize::try_from(to - from).unwrap_or(0)];
        system::read_exact_at(self.file()?, &mut lines, from)?;
        Ok(lines)
    }

    /// Gives it a new name in `folder`, which must be free.
    ///
    /// # Errors
    /// When the name is taken, or the file system refuses.
    pub fn move_to(&mut self, folder: &Arc<Folder>, name: &str) -> io::Result<()> {
        match self.folder.link(&self.name, folder, name) {
            Ok(()) => {
                let _ = self.folder.remove(&self.name);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
            // A file system without second names.
            Err(_) => self.folder.rename(&self.name, folder, name)?,
        }
        (self.folder, self.name) = (Arc::clone(folder), name.to_owned());
        Ok(())
    }

    /// Removes the file.
    pub fn remove(self) {
        let _ = self.folder.remove(&self.name);
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.path_of(&self.name)
    }

    /// Gives its file descriptor back; the next append opens the file again.
    pub fn park(&mut self) {
        self.file = None;
    }

    /// Makes what was written durable.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn sync(&mut self) -> io::Result<()> {
        if !self.dirty {
            return Ok(());
        }
        let (forgotten, len) = (self.forgotten, self.len);
        let file = self.file()?;
        // After a failed sync the next one succeeds without having written anything, so it is written once more.
        let synced = if forgotten { copy(file, file, len) } else { Ok(()) }.and_then(|()| file.sync_data());
        self.forgotten = synced.is_err();
        self.dirty = synced.is_err();
        synced
    }

    /// Whether somebody has removed the file while it was being written, or put something else in its place.
    #[must_use]
    pub fn is_removed(&mut self) -> bool {
        match self.file() {
            Ok(file) => system::is_removed(file),
            Err(error) if system::is_link(&error) => true,
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }

    /// The lines of a removed document, as [`Document::append`] takes them; None where what has its name now is a
    /// copy of it, or where they are gone.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn rest(&mut self, header: &str) -> io::Result<Option<Vec<u8>>> {
        if self.file.is_none() {
            return Ok(None);
        }
        let mut front = vec![0; header.len() + 1];
        let other =
            self.folder.read_file(&self.name).and_then(|other| system::read_exact_at(&other, &mut front, 0));
        if other.is_ok() && front.strip_suffix(b"\n") == Some(header.as_bytes()) {
            return Ok(None);
        }
        self.lines().map(Some)
    }

    /// Writes a removed document again, into `folder`. One that was not held open has only its header left.
    ///
    /// # Errors
    /// When the disk refuses; the document is as before then.
    pub fn revive(&mut self, folder: &Arc<Folder>, header: &str) -> io::Result<()> {
        let Some(removed) = &self.file else {
            *self = Document::create(
                folder,
                &self.name,
                header,
                &self.closing[CLOSING_FRONT.len()..self.closing.len() - 1],
            )?;
            return Ok(());
        };
        let file = folder.create(&self.name)?;
        let copied = copy(removed, &file, self.len);
        if copied.is_err() {
            let _ = folder.remove(&self.name);
        }
        copied?;
        self.inode = system::identity(&file)?;
        (self.file, self.folder, self.dirty) = (Some(file), Arc::clone(folder), true);
        Ok(())
    }

    fn file(&mut self) -> io::Result<&File> {
        if self.file.is_none() {
            let file = self.folder.open_file(&self.name)?;
            if system::identity(&file)? != self.inode {
                return Err(io::ErrorKind::NotFound.into());
            }
            self.file = Some(file);
        }
        self.file.as_ref().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn copy(from: &File, to: &File, len: u64) -> io::Result<()> {
    let (mut bytes, mut at) = (vec![0; BLOCK], 0);
    while at < len {
        let read = system::read_at(from, &mut bytes, at)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        system::write_all_at(to, &bytes[..read], at)?;
        at += read as u64;
    }
    Ok(())
}

const CLOSING_FRONT: &str = "],\"summary\":";

/// The last line of a document.
pub(crate) fn closing_line(summary: &str) -> String {
    format!("{CLOSING_FRONT}{summary}}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = r#"{"session_id":"s","events":["#;

    fn folder(name: &str) -> Arc<Folder> {
        let path = std::env::temp_dir().join(format!("t800-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Arc::new(Folder::own(&path).unwrap())
    }

    fn events(document: &Document) -> usize {
        let text = std::fs::read_to_string(document.path()).unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(text.lines().last().unwrap().starts_with("],\"summary\""), "{text}");
        json["events"].as_array().unwrap().len()
    }

    #[test]
    fn a_whole_document_after_every_append() {
        let mut document = Document::create(&folder("append"), "a.json", HEADER, "{\"n\":0}").unwrap();
        assert_eq!(events(&document), 0);
        for n in 1..5usize {
            document.append(format!("{{\"n\":{n}}}").as_bytes(), &format!("{{\"n\":{n}}}")).unwrap();
            assert_eq!(events(&document), n);
        }
        document.append(b"", "{\"long\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}").unwrap();
        document.append(b"", "{}").unwrap();
        assert_eq!(events(&document), 4);
        document.park();
        document.append(b"{},\n{}", "{}").unwrap();
        assert_eq!(events(&document), 6);
    }

    #[test]
    fn never_touches_what_is_there_already() {
        let folder = folder("exists");
        std::fs::write(folder.path_of("a.json"), "mine").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(folder.path_of("elsewhere"), folder.path_of("link.json")).unwrap();
        assert!(Document::create(&folder, "a.json", HEADER, "{}").is_err());
        #[cfg(unix)]
        assert!(Document::create(&folder, "link.json", HEADER, "{}").is_err());
        assert_eq!(std::fs::read_to_string(folder.path_of("a.json")).unwrap(), "mine");
        assert!(!folder.path_of("elsewhere").exists());
    }

    #[test]
    #[cfg(unix)]
    fn a_link_in_its_place_is_not_followed() {
        let folder = folder("swapped");
        let mut document = Document::create(&folder, "a.json", HEADER, "{}").unwrap();
        document.park();
        std::fs::write(folder.path_of("victim"), "untouched").unwrap();
        std::fs::remove_file(document.path()).unwrap();
        std::os::unix::fs::symlink(folder.path_of("victim"), document.path()).unwrap();
        assert!(document.append(b"{}", "{}").is_err());
        assert_eq!(std::fs::read_to_string(folder.path_of("victim")).unwrap(), "untouched");
    }

    #[test]
    fn a_removed_document_is_written_again() {
        let first = folder("removed");
        let mut document = Document::create(&first, "a.json", HEADER, "{}").unwrap();
        document.append(b"{}", "{}").unwrap();
        assert!(!document.is_removed());
        std::fs::remove_dir_all(first.path()).unwrap();
        assert!(document.is_removed());
        document.revive(&folder("removed"), HEADER).unwrap();
        document.append(b"{}", "{}").unwrap();
        assert_eq!(events(&document), 2);
        document.park();
        std::fs::remove_file(document.path()).unwrap();
        assert!(document.is_removed());
        document.revive(&folder("removed"), HEADER).unwrap();
        document.append(b"{}", "{}").unwrap();
        assert_eq!(events(&document), 1);
    }
}
