//! The bytes of a record, and how they are found again after a crash.
//!
//! ```text
//! 0   commit word: length of the record in the high half, CRC-32C of the rest in the low half; written last
//! 8   session number, 4 bytes     12  tag, 4 bytes     16  event number, 8 bytes     24  payload
//! ```
//! All little-endian, padded to 8 bytes. The checksum is salted with the ring's nonce and the record's position, so
//! that bytes of an earlier use of the same memory, or of another ring, never pass for a record.

/// Bytes in front of a payload.
pub const HEAD: usize = 24;
/// The high half of a commit word that says: nothing more in this segment.
const SEALED: u32 = u32::MAX;

/// A place in a ring: the number of its segment in the high half, the offset in it in the low half. Grows for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

impl Position {
    /// The place `offset` bytes into segment `segment`.
    #[must_use]
    pub const fn new(segment: u32, offset: usize) -> Position {
        Position((segment as u64) << 32 | offset as u64)
    }

    /// Its segment's number.
    #[must_use]
    pub const fn segment(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// Its offset in the segment.
    #[must_use]
    pub const fn offset(self) -> usize {
        (self.0 & 0xffff_ffff) as usize
    }
}

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Tag {
    /// A finished event: facts, redaction counts, line.
    Event = 0,
    /// A session's end: its time.
    Close = 1,
    /// A call that has begun, written as the event it will be if it never ends.
    Begin = 2,
    /// A session's beginning: the name and the header line of its document.
    Open = 3,
    /// What a session's closing line was about to say: see [`crate::writer`].
    Sums = 4,
    /// A call has ended of which there is no event behind its begin: that was put in again, or is to be forgotten.
    Ended = 5,
    /// Somebody wants what was recorded so far in a document.
    Dump = 6,
}

impl Tag {
    fn from_number(number: u32) -> Option<Tag> {
        [Tag::Event, Tag::Close, Tag::Begin, Tag::Open, Tag::Sums, Tag::Ended, Tag::Dump]
            .get(number as usize)
            .copied()
    }
}

/// What stands in front of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The session's number in this ring.
    pub session: u32,
    /// What the record is.
    pub tag: Tag,
    /// The event's number; 0 where there is none.
    pub id: u64,
}

/// When a record makes the writer start at once rather than at its next interval.
#[derive(Clone, Copy, Debug)]
pub struct Urgency {
    /// Start when this many records wait.
    pub records: usize,
    /// Start when this many bytes wait.
    pub bytes: usize,
    /// Start now.
    pub now: bool,
    /// May use the last segment of a full ring: errors, checkpoints, ends of sessions.
    pub precious: bool,
}

/// One record as a reader sees it.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// What stands in front.
    pub head: Head,
    /// Its own bytes.
    pub payload: &'a [u8],
}

impl Head {
    /// The head without its commit word.
    #[must_use]
    pub fn to_bytes(self) -> [u8; HEAD - 8] {
        let mut bytes = [0; HEAD - 8];
        bytes[..4].copy_from_slice(&self.session.to_le_bytes());
        bytes[4..8].copy_from_slice(&u32::from(self.tag as u8).to_le_bytes());
        bytes[8..].copy_from_slice(&self.id.to_le_bytes());
        bytes
    }
}

impl<'a> Record<'a> {
    /// Reads what stands behind a commit word.
    #[must_use]
    pub fn from_bytes(bytes: &'a [u8]) -> Option<Record<'a>> {
        let (head, payload) = bytes.split_at_checked(HEAD - 8)?;
        let half = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let id = u64::from(half(12)) << 32 | u64::from(half(8));
        Some(Record { head: Head { session: half(0), tag: Tag::from_number(half(4))?, id }, payload })
    }
}

/// Makes checksums for one ring.
#[derive(Clone, Copy, Debug)]
pub struct Salt(pub u64);

impl Salt {
    fn seed(self, at: Position) -> u32 {
        let mixed = (self.0 ^ at.0).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 32) as u32 ^ mixed as u32
    }

    /// The commit word of a record of `parts` (its head first) at `at`.
    #[must_use]
    pub fn commit(self, at: Position, head: &[u8], parts: &[&[u8]]) -> u64 {
        let sum = parts
            .iter()
            .fold(crc32c::crc32c_append(self.seed(at), head), |sum, part| crc32c::crc32c_append(sum, part));
        let len = 8 + head.len() + parts.iter().map(|part| part.len()).sum::<usize>();
        (len as u64) << 32 | u64::from(sum)
    }

    /// The word that closes a segment at `at`.
    #[must_use]
    pub fn seal(self, at: Position) -> u64 {
        u64::from(SEALED) << 32 | u64::from(crc32c::crc32c_append(self.seed(at), b"sealed"))
    }
}

/// What a commit word says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Nothing is committed here.
    Free,
    /// A record of so many bytes, the word included.
    Record(usize),
    /// The segment ends here.
    Sealed,
}

impl Word {
    /// Reads a commit word, unchecked.
    #[must_use]
    pub fn of(word: u64) -> Word {
        match (word >> 32) as u32 {
            0 => Word::Free,
            SEALED => Word::Sealed,
            len => Word::Record(len as usize),
        }
    }
}

/// A record's length, rounded up to where the next one starts.
#[must_use]
pub const fn padded(len: usize) -> usize {
    (len + 7) & !7
}

/// What [`scan`] has met besides records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scanned {
    /// Bytes that are not zero and belong to no record.
    pub lost: usize,
    /// Bytes that were summed up for lengths that have turned out to be none.
    pub in_vain: usize,
}

/// How often the bytes of a segment may be summed up in vain.
const PATIENCE: usize = 16;

/// Reads the committed records of a segment's bytes, from `first` on, checking each: the way of recovery.
///
/// A gap that a dying thread has left is passed over 8 bytes at a time. `each` gets every record with its position.
/// What follows too many lengths that lie is given up: only somebody who wants a reader to be busy makes those, since
/// the bytes of an event's line are no lengths.
pub fn scan<'a>(
    salt: Salt,
    segment: u32,
    bytes: &'a [u8],
    first: usize,
    mut each: impl FnMut(Position, Record<'a>),
) -> Scanned {
    let (mut at, mut scanned) = (first, Scanned::default());
    while let Some(word) = bytes.get(at..at + 8) {
        let word = u64::from_le_bytes(std::array::from_fn(|n| word[n]));
        let position = Position::new(segment, at);
        match Word::of(word) {
            Word::Sealed if word == salt.seal(position) => break,
            Word::Record(len) if (HEAD..=bytes.len() - at).contains(&len) => {
                let body = &bytes[at + 8..at + len];
                // The cheap look first: few damaged bytes are a tag.
                if let Some(record) = Record::from_bytes(body) {
                    if salt.commit(position, body, &[]) == word {
                        each(position, record);
                        at += padded(len);
                        continue;
                    }
                    scanned.in_vain += len;
                    if scanned.in_vain > PATIENCE * bytes.len() {
                        scanned.lost += filled(&bytes[at..]);
                        break;
                    }
                }
            }
            _ => {}
        }
        if word == 0 {
            at += zeros(&bytes[at..]);
        } else {
            (at, scanned.lost) = (at + 8, scanned.lost + 8);
        }
    }
    scanned
}

/// How many bytes stand in words that are not zero.
fn filled(bytes: &[u8]) -> usize {
    bytes.chunks_exact(8).filter(|word| **word != [0; 8]).count() * 8
}

/// How many bytes at the front are zero, in whole words: most of a segment that was never filled.
fn zeros(bytes: &[u8]) -> usize {
    let blocks = bytes.chunks_exact(512).take_while(|block| **block == [0; 512]).count() * 512;
    let words = bytes[blocks..].chunks_exact(8).take_while(|word| **word == [0; 8]).count() * 8;
    blocks + words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(bytes: &mut Vec<u8>, salt: Salt, n: u64, payload: &[u8]) {
        let at = Position::new(3, bytes.len());
        let head = Head { session: 7, tag: Tag::Event, id: n }.to_bytes();
        bytes.extend_from_slice(&salt.commit(at, &head, &[payload]).to_le_bytes());
        bytes.extend_from_slice(&head);
        bytes.extend_from_slice(payload);
        bytes.resize(padded(bytes.len()), 0);
    }

    fn found(salt: Salt, bytes: &[u8]) -> (Vec<(u64, Vec<u8>)>, usize) {
        let mut seen = Vec::new();
        let scanned =
            scan(salt, 3, bytes, 0, |_, record| seen.push((record.head.id, record.payload.to_vec())));
        (seen, scanned.lost)
    }

    #[test]
    fn records_come_back_as_they_were() {
        let (mut bytes, salt) = (Vec::new(), Salt(42));
        for n in 0..20 {
            put(&mut bytes, salt, n, &vec![b'x'; n as usize]);
        }
        let (seen, lost) = found(salt, &bytes);
        assert_eq!((seen.len(), lost), (20, 0));
        assert!(seen.iter().zip(0..).all(|((id, payload), n)| *id == n && payload.len() as u64 == n));
    }

    #[test]
    fn a_gap_costs_only_itself() {
        let (mut bytes, salt) = (Vec::new(), Salt(42));
        put(&mut bytes, salt, 1, b"one");
        let gap = bytes.len();
        put(&mut bytes, salt, 2, b"two, which was never committed");
        bytes[gap..gap + 8].fill(0);
        put(&mut bytes, salt, 3, b"three");
        let (seen, lost) = found(salt, &bytes);
        assert_eq!(seen.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [1, 3]);
        assert!(lost > 0);
    }

    #[test]
    fn bytes_of_another_ring_or_place_are_no_records() {
        let (mut bytes, salt) = (Vec::new(), Salt(42));
        put(&mut bytes, salt, 1, b"one");
        assert!(found(Salt(43), &bytes).0.is_empty());
        let mut moved = vec![0; 8];
        moved.extend_from_slice(&bytes);
        assert!(found(salt, &moved).0.is_empty());
    }

    /// Fills with words that say of themselves that they are records up to the end of the segment.
    fn lie(bytes: &mut Vec<u8>, end: usize) {
        while bytes.len() + HEAD < end {
            let reach = (end - bytes.len()) as u64;
            bytes.extend_from_slice(&(reach << 32 | 1).to_le_bytes());
            bytes.extend_from_slice(&7u64.to_le_bytes());
        }
        bytes.resize(end, 0);
    }

    #[test]
    fn lengths_that_lie_make_no_work_without_end() {
        let (mut bytes, salt, end) = (Vec::new(), Salt(42), if cfg!(miri) { 1 << 12 } else { 1 << 16 });
        put(&mut bytes, salt, 1, b"before them");
        lie(&mut bytes, end);
        let mut seen = Vec::new();
        let scanned = scan(salt, 3, &bytes, 0, |_, record| seen.push(record.head.id));
        assert_eq!(seen, [1]);
        // Every second word would be looked at up to the end otherwise.
        assert!(end * end / 32 > 2 * (PATIENCE + 1) * end, "the segment is long enough to tell");
        assert!((PATIENCE * end..=(PATIENCE + 1) * end).contains(&scanned.in_vain), "{scanned:?}");
        assert!((end - 128..end).contains(&scanned.lost), "what was given up is counted: {scanned:?}");
    }

    #[test]
    fn a_few_lengths_that_lie_cost_only_themselves() {
        let (mut bytes, salt) = (Vec::new(), Salt(42));
        put(&mut bytes, salt, 1, b"before them");
        lie(&mut bytes, 256);
        put(&mut bytes, salt, 2, b"behind them");
        bytes.resize(1 << 12, 0);
        let (seen, lost) = found(salt, &bytes);
        assert_eq!(seen.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [1, 2]);
        assert!(lost > 0);
    }

    #[test]
    fn no_flipped_bit_makes_an_event() {
        let (mut bytes, salt) = (Vec::new(), Salt(42));
        for n in 0..4 {
            put(&mut bytes, salt, n, b"a line of an event");
        }
        let whole = found(salt, &bytes).0;
        for bit in (0..bytes.len() * 8).step_by(if cfg!(miri) { 61 } else { 1 }) {
            bytes[bit / 8] ^= 1 << (bit % 8);
            let (seen, _) = found(salt, &bytes);
            assert!(seen.iter().all(|record| whole.contains(record)), "bit {bit}");
            assert!(seen.len() + 2 > whole.len(), "bit {bit} cost more than its record");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}
