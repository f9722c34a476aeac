//! The file that a ring lives in: where it is placed, what its head says, and how a dead one is found.
//!
//! ```text
//! 0      "T800RING"   8  version   12  byte-order mark   16  head's length   20  segment's length
//! 24     segments     28 pid       32  salt              40  made at, ns     48  boot id, 16 bytes
//! 64     fingerprint of the table of rules   68  CRC-32C of the 68 bytes before
//! 72     place up to which everything is in its document, in one word with its own check
//! 2048   the same head again: one damaged page must not cost the whole ring
//! 4096   losses: 4096 counters of 8 bytes, one for each session's slot
//! 36864  segments; each begins with its own head, twice: "T8SG", its number, the CRC-32C of both
//! ```

use super::memory::{Block, Pages};
use super::record::{Position, Record, Salt};
use super::sync::{AtomicU64, Ordering};
use super::{SEGMENT, SEGMENTS};
use crate::folder::{Folder, LockedFile};
use crate::redact::catalogue;
use crate::system::{self, memory_folders, random};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

/// Bytes of the file's head that its checksum covers, and the checksum.
const HEAD_BYTES: usize = 72;
const SETTLED_AT: usize = 72;
const MAGIC: &[u8; 8] = b"T800RING";
const VERSION: u32 = 1;
const BYTE_ORDER: u32 = 0x0102_0304;
const SEGMENT_MAGIC: &[u8; 4] = b"T8SG";
const SECOND_HEAD_AT: usize = 2048;
const SECOND_SEGMENT_HEAD_AT: usize = 32;
const LOSSES_AT: usize = 4096;
/// Sessions whose losses are counted apart.
pub const SLOTS: usize = 4096;
const HEAD_LEN: usize = LOSSES_AT + SLOTS * 8;

/// Where a user wants the ring (`telemetry.ring`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Where {
    /// In memory that outlives the process, else beside the traces.
    Auto,
    /// Beside the traces: outlives the machine's or container's end, but the disk may stall callers.
    Beside,
}

/// Where the rings of one telemetry folder may be.
#[derive(Debug)]
pub struct Placement {
    /// A keyed hash of the telemetry folder: what its rings are called where the rings of all folders lie together.
    pub tag: String,
    /// The telemetry folder's private folder.
    pub private: PathBuf,
    /// What the user wants.
    pub wanted: Where,
}

impl Placement {
    /// The folders to try, the best first, with what they are.
    fn folders(&self) -> Vec<(PathBuf, &'static str)> {
        let memory = if self.wanted == Where::Auto { memory_folders() } else { Vec::new() };
        memory.into_iter().map(|path| (path, "memory")).chain([(self.private.clone(), "beside")]).collect()
    }

    fn name(&self, nonce: u64) -> String {
        format!("{}{}-{nonce:016x}", self.prefix(), std::process::id())
    }

    fn prefix(&self) -> String {
        format!("ring-{}-", self.tag)
    }
}

/// A ring's file, locked by this process.
#[derive(Debug)]
pub struct RingFile {
    /// What is mapped: opened a second time, since a mapping that a fork's child inherits keeps locks alive.
    file: File,
    lock: File,
    folder: Folder,
    name: String,
    salt: Salt,
    head: Block,
    /// Where it lies: `memory` or `beside`.
    pub kind: &'static str,
}

impl RingFile {
    /// Makes and locks a ring's file at one place after the other, the best first; those that refuse it are left out.
    pub fn wherever(placement: &Placement) -> impl Iterator<Item = RingFile> {
        // Now, so that no fork finds a thread of ours at it.
        rules_fingerprint();
        let folders = placement.folders().into_iter();
        folders.filter_map(|(path, kind)| match RingFile::at(placement, &path, kind) {
            // A recovery has come between its making and its lock, and has taken it for one that was never begun.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                RingFile::at(placement, &path, kind).ok()
            }
            made => made.ok(),
        })
    }

    fn at(placement: &Placement, path: &Path, kind: &'static str) -> io::Result<RingFile> {
        let folder = Folder::own(path)?;
        let nonce = random()?;
        let name = placement.name(nonce);
        let lock = folder.create(&name)?;
        let made = RingFile::lock(&lock)
            .and_then(|()| folder.open_file(&name))
            .and_then(|file| Ok((RingFile::prepare(&file, nonce)?, file)));
        if made.is_err() {
            let _ = folder.remove(&name);
        }
        let (head, file) = made?;
        Ok(RingFile { file, lock, folder, name, salt: Salt(nonce), head, kind })
    }

    fn lock(file: &File) -> io::Result<()> {
        // Another process that looks for dead rings may hold it for a moment.
        file.lock()?;
        if system::is_removed(file) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(())
    }

    /// Writes the file's head and tries its first segment.
    fn prepare(file: &File, nonce: u64) -> io::Result<Block> {
        // Two segments, so that the ring goes round even where there is never room for a third.
        system::allocate(file, 0, (HEAD_LEN + 2 * SEGMENT) as u64)?;
        let head = head(nonce);
        system::write_all_at(file, &head, 0)?;
        system::write_all_at(file, &head, SECOND_HEAD_AT as u64)?;
        Block::mapped(file, 0, HEAD_LEN, Pages::Present)
    }

    /// The file itself, for mapping.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// What its checksums are salted with.
    pub(super) fn salt(&self) -> Salt {
        self.salt
    }

    /// Has memory behind a segment.
    pub(super) fn allocate(&self, index: u32) -> io::Result<()> {
        system::allocate(&self.file, segment_at(index), SEGMENT as u64)
    }

    /// Takes the memory away from a segment that nobody uses.
    pub(super) fn release(&self, index: u32) -> io::Result<()> {
        system::punch(&self.file, segment_at(index), SEGMENT as u64)
    }

    /// The counter of a session's losses: it outlives the process, as the records do.
    #[must_use]
    pub fn losses(&self, slot: u32) -> &AtomicU64 {
        self.head.word(LOSSES_AT + slot as usize % SLOTS * 8)
    }

    /// Remembers up to where everything is in its document.
    pub(super) fn settled(&self, at: Position) {
        self.head.word(SETTLED_AT).store(settled_word(self.salt, at).to_le(), Ordering::Release);
    }

    /// Whether somebody has removed it: nothing in it would be found after the death of this process.
    #[must_use]
    pub fn is_removed(&self) -> bool {
        system::is_removed(&self.file)
    }

    /// In a fork's child: closes its copy of the descriptor, so that the lock ends with the parent.
    pub fn abandon(&self) {
        super::close_inherited(&self.lock);
    }

    /// Removes the file, as everything in it is in its document.
    pub fn remove(&self) {
        let _ = self.folder.remove(&self.name);
    }

    /// Gives the memory of all segments back: a closed session that the agent still holds keeps their mapping, not their
    /// pages. The head stays, as events that come too late are counted there.
    pub(super) fn release_all(&self) -> io::Result<()> {
        system::punch(&self.file, HEAD_LEN as u64, (SEGMENTS * SEGMENT) as u64)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.path_of(&self.name)
    }
}

/// A place in a segment takes 21 bits of its half; the others hold a check, because it must change in one piece, and
/// what stands before it is passed over.
const CHECK: u64 = 0xffff_ffff & !(2 * SEGMENT as u64 - 1);

fn settled_word(salt: Salt, at: Position) -> u64 {
    at.0 | u64::from(crc32c::crc32c_append(salt.0 as u32, &at.0.to_le_bytes())) & CHECK
}

/// The place in such a word; the beginning where it is damaged: then every record is looked up in its document.
fn settled_place(salt: Salt, word: u64) -> Position {
    let at = Position(word & !CHECK);
    if settled_word(salt, at) == word { at } else { Position(0) }
}

/// Where a segment stands in the file.
pub(super) fn segment_at(index: u32) -> u64 {
    HEAD_LEN as u64 + u64::from(index) * SEGMENT as u64
}

/// The head of a segment: which one it is.
pub(super) fn segment_head(salt: Salt, number: u32) -> [u8; 44] {
    let mut bytes = [0; 44];
    let head = one_segment_head(salt, number);
    bytes[..12].copy_from_slice(&head);
    bytes[SECOND_SEGMENT_HEAD_AT..].copy_from_slice(&head);
    bytes
}

fn one_segment_head(salt: Salt, number: u32) -> [u8; 12] {
    let mut bytes = [0; 12];
    bytes[..4].copy_from_slice(SEGMENT_MAGIC);
    bytes[4..8].copy_from_slice(&number.to_le_bytes());
    let sum = crc32c::crc32c_append(salt.0 as u32, &bytes[..8]);
    bytes[8..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// The number that a segment's head says, either copy of it.
fn segment_number(salt: Salt, bytes: &[u8]) -> Option<u32> {
    [0, SECOND_SEGMENT_HEAD_AT].into_iter().find_map(|at| {
        let head = bytes.get(at..at + 12)?;
        let number = u32::from_le_bytes(head[4..8].try_into().ok()?);
        (*head == one_segment_head(salt, number)).then_some(number)
    })
}

fn head(nonce: u64) -> [u8; HEAD_BYTES] {
    let mut bytes = [0; HEAD_BYTES];
    bytes[..8].copy_from_slice(MAGIC);
    let halves = [VERSION, BYTE_ORDER, HEAD_LEN as u32, SEGMENT as u32, SEGMENTS as u32, std::process::id()];
    for (place, half) in bytes[8..32].chunks_exact_mut(4).zip(halves) {
        place.copy_from_slice(&half.to_le_bytes());
    }
    bytes[32..40].copy_from_slice(&nonce.to_le_bytes());
    bytes[40..48].copy_from_slice(&crate::clock::wall(crate::clock::now()).to_le_bytes());
    bytes[48..64].copy_from_slice(&boot_id());
    bytes[64..68].copy_from_slice(&rules_fingerprint().to_le_bytes());
    let sum = crc32c::crc32c(&bytes[..68]);
    bytes[68..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// Tells tables of rules apart: a ring counts redactions by the rules' numbers.
fn rules_fingerprint() -> u32 {
    static FINGERPRINT: LazyLock<u32> =
        LazyLock::new(|| catalogue().fold(0, |sum, rule| crc32c::crc32c_append(sum, rule.id.as_bytes())));
    *FINGERPRINT
}

/// Which start of the machine this is; zeroes where the system does not say.
fn boot_id() -> [u8; 16] {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let mut digits = text.bytes().filter_map(|digit| (digit as char).to_digit(16)).map(|digit| digit as u8);
    std::array::from_fn(|_| digits.next().unwrap_or(0) << 4 | digits.next().unwrap_or(0))
}

/// The ring of a process that has ended, locked by this one so that only one recovers it; or what the ring of a living
/// one holds at a moment, without a lock.
#[derive(Debug)]
pub struct Dead {
    folder: Folder,
    name: String,
    bytes: Vec<u8>,
    head: ReadHead,
    _lock: Option<LockedFile>,
}

/// The longest file that is taken for a ring.
const MOST_BYTES: u64 = (HEAD_LEN + (SEGMENTS + 1) * SEGMENT) as u64;

/// The rings of `placement`'s telemetry folder whose processes have ended, and what stands in the place of rings but
/// is none, with the reason. Each is opened when its turn comes: there may be many of them, of megabytes each.
pub fn dead_rings(placement: &Placement) -> impl Iterator<Item = Result<Dead, (PathBuf, String)>> {
    places(placement).into_iter().filter_map(|(path, name)| {
        Dead::open(&path, &name).map_err(|error| (path.join(&name), error.to_string())).transpose()
    })
}

/// What the rings of `placement`'s telemetry folder hold now, whoever lives. Of a living one a record that is being
/// written, or written over, is no record: its checksum does not fit. What cannot be read is left out.
pub fn snapshots(placement: &Placement) -> impl Iterator<Item = Dead> {
    places(placement).into_iter().filter_map(|(path, name)| Dead::snapshot(&path, &name).ok())
}

/// The folder and the name of each file that may be a ring of `placement`'s telemetry folder.
fn places(placement: &Placement) -> Vec<(PathBuf, String)> {
    let both =
        Placement { tag: placement.tag.clone(), private: placement.private.clone(), wanted: Where::Auto };
    let mut found = Vec::new();
    for (path, _) in both.folders() {
        let Ok(folder) = Folder::open(&path) else { continue };
        let mut names = folder.names().unwrap_or_default();
        // Beside the traces every ring is this folder's; elsewhere only those with its tag.
        let prefix = if path == placement.private { "ring-".to_owned() } else { placement.prefix() };
        names.retain(|name| name.starts_with(&prefix));
        names.sort();
        found.extend(names.into_iter().map(|name| (path.clone(), name)));
    }
    found
}

/// How long a ring waits for a new start in its telemetry folder before it is given up: it takes memory.
const KEPT: Duration = Duration::from_hours(7 * 24);

/// Removes rings of this user whose processes ended a week ago, whatever their telemetry folders: nobody has recorded
/// there since, and the memory they lie in is everybody's.
pub fn remove_forgotten() {
    for folder in memory_folders().iter().filter_map(|path| Folder::open(path).ok()) {
        for name in folder.names().unwrap_or_default() {
            if name.starts_with("ring-") && is_forgotten(&folder, &name) {
                let _ = folder.remove(&name);
            }
        }
    }
}

fn is_forgotten(folder: &Folder, name: &str) -> bool {
    let Ok(file) = folder.open_file(name) else { return false };
    let age = file.metadata().and_then(|found| found.modified()).ok().and_then(|at| at.elapsed().ok());
    age.is_some_and(|age| age > KEPT) && file.try_lock().is_ok()
}

impl Dead {
    /// None where its process lives.
    fn open(path: &Path, name: &str) -> io::Result<Option<Dead>> {
        let folder = Folder::open(path)?;
        let file = folder.open_file(name)?;
        let Ok(lock) = LockedFile::try_lock(file) else {
            return Ok(None);
        };
        let read = Dead::read(folder, name, lock.file())?;
        Ok(Some(Dead { _lock: Some(lock), ..read }))
    }

    fn snapshot(path: &Path, name: &str) -> io::Result<Dead> {
        let folder = Folder::open(path)?;
        let file = folder.read_file(name)?;
        Dead::read(folder, name, &file)
    }

    fn read(folder: Folder, name: &str, mut file: &File) -> io::Result<Dead> {
        if file.metadata()?.len() > MOST_BYTES {
            return Err(invalid("it is larger than any ring"));
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let second = bytes.get(SECOND_HEAD_AT..).unwrap_or_default();
        let head = if bytes.iter().all(|byte| *byte == 0) {
            ReadHead::unbegun()
        } else {
            read_head(&bytes).or_else(|error| read_head(second).map_err(|_| error))?
        };
        Ok(Dead { folder, name: name.to_owned(), bytes, head, _lock: None })
    }

    /// Hands every record to `each` in order; returns how many bytes belong to none.
    pub fn records<'a>(&'a self, mut each: impl FnMut(Position, Record<'a>)) -> usize {
        let body = self.bytes.get(self.head.len..).unwrap_or_default();
        let mut segments: Vec<(u32, &[u8])> = body
            .chunks(self.head.segment)
            .filter_map(|bytes| Some((segment_number(self.head.salt, bytes)?, bytes)))
            .collect();
        segments.sort_by_key(|(number, _)| *number);
        segments
            .into_iter()
            .map(|(number, bytes)| super::scan(self.head.salt, number, bytes, super::FIRST, &mut each).lost)
            .sum()
    }

    /// Up to where everything is in its document. After a new start of the machine nothing can be said: what had not
    /// reached the disk is gone.
    #[must_use]
    pub fn settled(&self) -> Position {
        let word = self.bytes.get(SETTLED_AT..SETTLED_AT + 8).and_then(|bytes| bytes.try_into().ok());
        let word = word.filter(|_| self.head.same_boot).map_or(0, u64::from_le_bytes);
        settled_place(self.head.salt, word)
    }

    /// Whether the numbers of rules in it mean the same rules today.
    #[must_use]
    pub fn knows_rules(&self) -> bool {
        self.head.same_rules
    }

    /// How many events of the session in `slot` were not taken.
    #[must_use]
    pub fn losses(&self, slot: u32) -> u64 {
        let at = LOSSES_AT + slot as usize % SLOTS * 8;
        let word = self.bytes.get(at..at + 8).and_then(|bytes| bytes.try_into().ok());
        word.map_or(0, u64::from_le_bytes)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.path_of(&self.name)
    }

    /// Its size in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is nothing in the file at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Removes it: everything in it is in its document.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn remove(&self) -> io::Result<()> {
        self.folder.remove(&self.name)
    }
}

/// What a ring's head says.
#[derive(Debug)]
struct ReadHead {
    salt: Salt,
    len: usize,
    segment: usize,
    same_boot: bool,
    same_rules: bool,
}

impl ReadHead {
    /// Of a file whose process died before it wrote the head: there is no record in it.
    fn unbegun() -> ReadHead {
        ReadHead { salt: Salt(0), len: HEAD_LEN, segment: SEGMENT, same_boot: false, same_rules: false }
    }
}

fn read_head(bytes: &[u8]) -> io::Result<ReadHead> {
    let head: &[u8; HEAD_BYTES] = bytes.first_chunk().ok_or_else(|| invalid("it is too short for a ring"))?;
    let half = |at: usize| u32::from_le_bytes(std::array::from_fn(|n| head[at + n]));
    if &head[..8] != MAGIC {
        return Err(invalid("it does not begin as a ring does"));
    }
    if half(68) != crc32c::crc32c(&head[..68]) {
        return Err(invalid("its head is damaged"));
    }
    if half(8) != VERSION || half(12) != BYTE_ORDER {
        return Err(invalid("it was made by another version, or on another kind of machine"));
    }
    let (head_len, segment) = (half(16) as usize, half(20) as usize);
    if head_len < LOSSES_AT || !(4096..=64 << 20).contains(&segment) {
        return Err(invalid("its head names impossible sizes"));
    }
    Ok(ReadHead {
        salt: Salt(u64::from(half(36)) << 32 | u64::from(half(32))),
        len: head_len,
        segment,
        same_boot: head[48..64] == boot_id(),
        same_rules: half(64) == rules_fingerprint(),
    })
}

fn invalid(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}
