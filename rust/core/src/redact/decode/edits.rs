//! One look at a text for everything that stands for something else, in the order in which it occurs.

use super::view::{Edit, Stands};
use super::{escapes, joins, marks};
use crate::redact::scan::blocks::{self, BLOCK, Masks, is_word};

/// First bytes of characters beyond ASCII that are seen as something plainer.
const WIDE: &[u8] = b"\xc2\xe2\xef";

/// What a byte may start, one bit each.
mod kind {
    pub(super) const QUOTE: u8 = 1;
    pub(super) const PERCENT: u8 = 2;
    pub(super) const ENTITY: u8 = 4;
    pub(super) const SLASH: u8 = 8;
    /// A sign that escapes letter by letter.
    pub(super) const SCATTERED: u8 = 16;
    pub(super) const SECTION: u8 = 32;
    pub(super) const EQUALS: u8 = 64;
    /// What may stand in front of anything.
    pub(super) const ALWAYS: u8 = 128;
}

/// What each byte may start.
static STARTS: [u8; 256] = {
    let mut table = [0; 256];
    table[b'"' as usize] = kind::QUOTE;
    table[b'\'' as usize] = kind::QUOTE;
    table[b'`' as usize] = kind::QUOTE | kind::SCATTERED;
    table[b'^' as usize] = kind::SCATTERED;
    table[b'%' as usize] = kind::PERCENT;
    table[b'&' as usize] = kind::ENTITY;
    table[b'\\' as usize] = kind::SLASH;
    table[b'!' as usize] = kind::SECTION;
    table[b'=' as usize] = kind::EQUALS;
    table[0x1b] = kind::ALWAYS;
    table[0] = kind::ALWAYS;
    let mut at = 0;
    while at < WIDE.len() {
        table[WIDE[at] as usize] = kind::ALWAYS;
        at += 1;
    }
    table
};

/// What each byte may stand behind: the first question at every start, which says no to almost all.
static FOLLOWS: [u8; 256] = {
    let mut table = [kind::ALWAYS; 256];
    let mut byte = 0;
    while byte < 256 {
        let sign = byte as u8;
        if sign.is_ascii_hexdigit() || matches!(sign, b'u' | b'U') {
            table[byte] |= kind::PERCENT;
        }
        if sign.is_ascii_alphabetic() || sign == b'#' {
            table[byte] |= kind::ENTITY;
        }
        if sign.is_ascii_digit() || matches!(sign, b'A'..=b'F' | b'\n' | b'\r') {
            table[byte] |= kind::EQUALS;
        }
        if sign.is_ascii_graphic() || matches!(sign, b'\n' | b'\r') {
            table[byte] |= kind::SCATTERED;
        }
        if escapes::may_follow_backslash(sign) {
            table[byte] |= kind::SLASH;
        }
        byte += 1;
    }
    let mut at = 0;
    while at < joins::BEHIND.len() {
        table[joins::BEHIND[at] as usize] |= kind::QUOTE;
        at += 1;
    }
    table[b'[' as usize] |= kind::SECTION;
    table
};

/// What a text stands for instead.
#[derive(Default)]
pub(super) struct Edits {
    pub(super) edits: Vec<Edit>,
    /// Whether a line starts like that of a dump.
    pub(super) dumps: bool,
}

/// Looks at one text, block after block.
pub(crate) struct Look<'a> {
    text: &'a [u8],
    edits: Vec<Edit>,
    /// Where the last edit ended.
    until: usize,
    /// Where the line starts that is read, and where the last full one ended.
    line: usize,
    full: usize,
    dumps: bool,
    /// Quoted-printable, which counts only where one of its codes says that it is meant.
    printable: Vec<Edit>,
    coded: bool,
    /// Full-width signs, which count only beside full-width words.
    signs: Vec<Edit>,
    wide_words: bool,
    /// The ends of sections, and up to where there is none.
    closings: Vec<Edit>,
    unclosed: usize,
    joins: joins::Lists,
}

/// All edits of a text, sorted.
pub(super) fn of(text: &[u8]) -> Edits {
    let mut look = Look::new(text);
    for at in (0..text.len()).step_by(BLOCK) {
        let mut masks = [Masks::default()];
        blocks::look(text, at, &mut masks);
        look.block(at, &masks[0]);
    }
    look.sorted()
}

impl<'a> Look<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Look<'a> {
        Look {
            text,
            edits: Vec::new(),
            until: 0,
            line: 0,
            full: usize::MAX,
            dumps: text.first_chunk() == Some(b"0000"),
            printable: Vec::new(),
            coded: false,
            signs: Vec::new(),
            wide_words: false,
            closings: Vec::new(),
            unclosed: 0,
            joins: joins::Lists::default(),
        }
    }

    /// Looks at the block at `block`, whose classes are `masks`.
    #[inline]
    pub(crate) fn block(&mut self, block: usize, masks: &Masks) {
        let mut found = masks.mark | self.lines(block, masks);
        if masks.wide != 0 {
            found |= blocks::signs_at(self.text, block, WIDE);
        }
        if found != 0 {
            self.places(block, found);
        }
    }

    /// Looks at the places that are `found` in the block at `block`.
    #[inline(never)]
    fn places(&mut self, block: usize, mut found: u64) {
        while found != 0 {
            let at = block + found.trailing_zeros() as usize;
            found &= found - 1;
            let byte = self.text[at];
            let next = self.text.get(at + 1).copied().unwrap_or(0);
            if byte == b'\n' {
                self.line_end(at, next);
            } else if STARTS[byte as usize] & FOLLOWS[next as usize] != 0 && at >= self.until {
                self.at(at);
            }
        }
    }

    /// The line ends of a block that are worth a look: behind a full line, which ends at the first one in a block, and
    /// in front of zeros.
    #[inline]
    fn lines(&mut self, block: usize, masks: &Masks) -> u64 {
        if masks.line == 0 {
            return 0;
        }
        let first = block + masks.line.trailing_zeros() as usize;
        self.full = if joins::is_full(first - self.line) { first } else { usize::MAX };
        self.line = block + BLOCK - masks.line.leading_zeros() as usize;
        if masks.zeros != 0 {
            masks.line
        } else if self.full == first {
            masks.line & masks.line.wrapping_neg()
        } else {
            0
        }
    }

    fn line_end(&mut self, at: usize, next: u8) {
        if at < self.until {
            return;
        }
        if matches!(next, b'0' | b' ' | b'\t') {
            self.dumps |= starts_dump(self.text, at);
        }
        if at == self.full && is_word(next) {
            self.full_line(at);
        }
    }

    #[cold]
    fn full_line(&mut self, at: usize) {
        let joined = self.edits.last().is_some_and(|edit| self.text[edit.start as usize] == b'\n');
        self.push(joins::broken_line(self.text, at, if joined { self.until } else { usize::MAX }));
    }

    /// Apart, so that the loop over what is nothing stays small.
    #[inline(never)]
    fn at(&mut self, at: usize) {
        let text = self.text;
        match text[at] {
            b'%' => self.escape(at, escapes::percent(text, at, self.joined(at))),
            b'&' => self.escape(at, escapes::entity(text, at, self.joined(at))),
            b'\\' => {
                let escape = escapes::backslash(text, at, self.joined(at));
                if escape.is_none() {
                    self.until = at + escapes::slashes(text, at);
                }
                self.escape(at, escape);
            }
            b'=' => self.equals(at),
            b'^' => self.push(marks::caret(text, at)),
            b'"' | b'\'' => self.joint(at),
            b'`' => match marks::scattered(text, at) {
                None if FOLLOWS[text[at + 1] as usize] & kind::QUOTE != 0 => self.joint(at),
                found => self.push(found),
            },
            b'!' => self.section(at),
            0x1b => self.push(Some(marks::terminal(text, at, at + 1))),
            0 => self.push(marks::interleaved(text, at)),
            _ => self.wide(at),
        }
    }

    fn joint(&mut self, at: usize) {
        let front = at.checked_sub(1).map_or(b' ', |before| self.text[before]);
        if !(joins::is_token_byte(front) || front == b'\\') {
            return;
        }
        let found = joins::joint(self.text, at, &mut self.joins);
        self.push(found);
    }

    /// Whether another edit ends at `at`.
    fn joined(&self, at: usize) -> bool {
        self.until == at && !self.edits.is_empty()
    }

    fn push(&mut self, edit: Option<Edit>) {
        if let Some(edit) = edit {
            self.until = edit.end as usize;
            self.edits.push(edit);
        }
    }

    fn escape(&mut self, at: usize, found: Option<(usize, Stands)>) {
        self.push(found.map(|(end, stands)| Edit::new(at, end, stands)));
    }

    fn equals(&mut self, at: usize) {
        let text = self.text;
        if let Some(end) = escapes::soft_break(text, at) {
            // Padding and empty settings end lines with `=` as well.
            if joins::goes_on(text, end) && !escapes::is_padding(text, at) {
                self.push(Some(Edit::gap(at, end)));
            } else {
                self.printable.push(Edit::gap(at, end));
            }
        } else if let Some(byte) = escapes::printable(text, at) {
            self.coded |= escapes::tells_printable(text, at);
            self.printable.push(Edit::new(at, at + 3, Stands::Byte(byte)));
        }
    }

    /// `<![CDATA[` and the `]]>` that closes it.
    fn section(&mut self, at: usize) {
        const REACH: usize = 16 << 10;
        let Some(start) = at.checked_sub(1).filter(|start| self.text[*start..].starts_with(b"<![CDATA["))
        else {
            return;
        };
        let body = start + 9;
        let ceiling = self.text.len().min(body + REACH);
        self.push(Some(Edit::gap(start, body)));
        if body < self.unclosed {
            return;
        }
        match memchr::memmem::find(&self.text[body..ceiling], b"]]>") {
            Some(length) => {
                self.unclosed = body + length;
                self.closings.push(Edit::gap(body + length, body + length + 3));
            }
            None => self.unclosed = ceiling,
        }
    }

    fn wide(&mut self, at: usize) {
        let text = self.text;
        let hidden = marks::invisible(text, at);
        if hidden > 0 {
            if self.joined(at) || at > 0 && text[at - 1].is_ascii_graphic() {
                self.push(Some(Edit::gap(at, at + hidden)));
            }
        } else if let Some((byte, length)) = marks::plainer(text, at) {
            let edit = Edit::new(at, at + length, Stands::Byte(byte));
            if text[at] == 0xef && !byte.is_ascii_alphanumeric() {
                self.signs.push(edit);
            } else {
                self.wide_words |= text[at] == 0xef;
                self.push(Some(edit));
            }
        }
    }

    /// Whether the text is only what it is: the fate of most.
    #[inline]
    pub(super) fn found_nothing(&self) -> bool {
        self.edits.is_empty() && !self.dumps && !self.coded && self.closings.is_empty()
    }

    pub(super) fn sorted(&mut self) -> Edits {
        let known = self.edits.len();
        if self.coded {
            self.edits.append(&mut self.printable);
        }
        if self.wide_words {
            self.edits.append(&mut self.signs);
        }
        self.edits.append(&mut self.closings);
        if self.edits.len() > known {
            self.edits.sort_by_key(|edit| edit.start);
        }
        Edits { edits: std::mem::take(&mut self.edits), dumps: self.dumps }
    }
}

/// Whether zeros, which may be indented, start the line behind the line end at `at`.
fn starts_dump(text: &[u8], at: usize) -> bool {
    let zeros = |indent: usize| {
        text.get(at + indent) == Some(&b'0') && text[at + indent..].first_chunk() == Some(b"0000")
    };
    zeros(1) || zeros(3) || zeros(5) || zeros(9)
}
