//! The document: a complete JSON text after every flush, one event per line, the summary on the last line.
//!
//! ```text
//! {"session_id":…,"timestamp":…,"metadata":{…},"events":[
//! {"event_id":"evt_001",…},
//! {"event_id":"evt_002",…}
//! ],"summary":{…}}
//! ```
//! Each append is one positioned write that overwrites the closing line.

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A document grows to at most this many bytes; then the next part begins. Common readers stop at 16 MiB.
pub const MAX_BYTES: u64 = 16_000_000;

/// A document that is being written.
pub struct Document {
    path: PathBuf,
    file: Option<File>,
    /// Where the closing line starts.
    closing_at: u64,
    /// Length of the file.
    len: u64,
    has_events: bool,
    /// The closing line as it stands in the file.
    closing: String,
}

impl Document {
    /// Creates the file, which must not exist, with its header line and an empty list of events.
    ///
    /// `header` is the document up to and including `"events":[`, `summary` the JSON of the summary.
    ///
    /// # Errors
    /// When the file exists, is a link, or cannot be written; then nothing is left behind.
    pub fn create(path: &Path, header: &str, summary: &str) -> io::Result<Document> {
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .custom_flags(no_follow())
            .open(path)?;
        let mut document = Document {
            path: path.to_owned(),
            closing_at: header.len() as u64 + 1,
            len: 0,
            has_events: false,
            closing: String::new(),
            file: Some(file),
        };
        let written = document.write_header(header, summary);
        if written.is_err() {
            let _ = std::fs::remove_file(path);
        }
        written.map(|()| document)
    }

    fn write_header(&mut self, header: &str, summary: &str) -> io::Result<()> {
        // The umask may have taken more away; it must not have left more.
        self.file()?.set_permissions(Permissions::from_mode(0o600))?;
        let closing = closing_line(summary);
        let text = format!("{header}\n{closing}\n");
        self.file()?.write_all_at(text.as_bytes(), 0)?;
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
        let written = self.file().and_then(|file| file.write_all_at(bytes, at));
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
            let _ = file.write_all_at(&text, at);
            let _ = file.set_len(len);
        }
    }

    /// Bytes that the events and header take, without the closing line.
    #[must_use]
    pub fn body_len(&self) -> u64 {
        self.closing_at
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives its file descriptor back; the next append opens the file again.
    pub fn park(&mut self) {
        self.file = None;
    }

    /// Whether it holds a file descriptor.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.file.is_some()
    }

    fn file(&mut self) -> io::Result<&File> {
        if self.file.is_none() {
            let file = OpenOptions::new().write(true).custom_flags(no_follow()).open(&self.path)?;
            self.file = Some(file);
        }
        self.file.as_ref().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn no_follow() -> i32 {
    rustix::fs::OFlags::NOFOLLOW.bits().cast_signed()
}

fn closing_line(summary: &str) -> String {
    format!("],\"summary\":{summary}}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = r#"{"session_id":"s","events":["#;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("t800-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn events(path: &Path) -> usize {
        let text = std::fs::read_to_string(path).unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(text.lines().last().unwrap().starts_with("],\"summary\""), "{text}");
        json["events"].as_array().unwrap().len()
    }

    #[test]
    fn a_whole_document_after_every_append() {
        let path = folder("append").join("a.json");
        let mut document = Document::create(&path, HEADER, "{\"n\":0}").unwrap();
        assert_eq!(events(&path), 0);
        for n in 1..5usize {
            document.append(format!("{{\"n\":{n}}}").as_bytes(), &format!("{{\"n\":{n}}}")).unwrap();
            assert_eq!(events(&path), n);
        }
        document.append(b"", "{\"long\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}").unwrap();
        document.append(b"", "{}").unwrap();
        assert_eq!(events(&path), 4);
        document.park();
        document.append(b"{},\n{}", "{}").unwrap();
        assert_eq!(events(&path), 6);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn never_touches_what_is_there_already() {
        let folder = folder("exists");
        let (path, link) = (folder.join("a.json"), folder.join("link.json"));
        std::fs::write(&path, "mine").unwrap();
        std::os::unix::fs::symlink(folder.join("elsewhere"), &link).unwrap();
        assert!(Document::create(&path, HEADER, "{}").is_err());
        assert!(Document::create(&link, HEADER, "{}").is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
        assert!(!folder.join("elsewhere").exists());
    }

    #[test]
    fn a_link_in_its_place_is_not_followed() {
        let folder = folder("swapped");
        let path = folder.join("a.json");
        let mut document = Document::create(&path, HEADER, "{}").unwrap();
        document.park();
        std::fs::write(folder.join("victim"), "untouched").unwrap();
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink(folder.join("victim"), &path).unwrap();
        assert!(document.append(b"{}", "{}").is_err());
        assert_eq!(std::fs::read_to_string(folder.join("victim")).unwrap(), "untouched");
    }
}
