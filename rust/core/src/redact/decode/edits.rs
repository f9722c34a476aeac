//! One look at a text for everything that stands for something else, in the order in which it occurs.

use super::view::{Edit, Stands};
use super::{escapes, joins, marks};
use crate::redact::blocks::{self, BLOCK};
use std::cell::OnceCell;

/// Bytes that an escape, a joint of literals or a broken line may start with.
const SIGNS: &[u8] = b"%&\\=^\"'`\n!\x1b\0";
/// The same for characters beyond ASCII.
const WIDE: &[u8] = b"\xc2\xe2\xef";

/// What a text stands for instead.
#[derive(Default)]
pub(super) struct Edits {
    pub(super) edits: Vec<Edit>,
    /// Whether a line starts like that of a dump.
    pub(super) dumps: bool,
}

/// Looks at one text.
struct Look<'a> {
    text: &'a [u8],
    edits: Vec<Edit>,
    /// Where the last edit ended.
    until: usize,
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
    joins: OnceCell<bool>,
}

/// All edits of a text, sorted; `wide` whether it holds characters beyond ASCII.
pub(super) fn of(text: &[u8], wide: bool) -> Edits {
    let mut look = Look {
        text,
        edits: Vec::new(),
        until: 0,
        dumps: text.starts_with(b"0000"),
        printable: Vec::new(),
        coded: false,
        signs: Vec::new(),
        wide_words: false,
        closings: Vec::new(),
        unclosed: 0,
        joins: OnceCell::new(),
    };
    for block in (0..text.len()).step_by(BLOCK) {
        let mut found = blocks::signs_at(text, block, SIGNS);
        if wide {
            found |= blocks::signs_at(text, block, WIDE);
        }
        while found != 0 {
            let at = block + found.trailing_zeros() as usize;
            found &= found - 1;
            if at >= look.until {
                look.at(at);
            }
        }
    }
    look.sorted()
}

impl Look<'_> {
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
            b'"' | b'\'' => self.push(joins::joint(text, at, &self.joins)),
            b'`' => self.push(marks::scattered(text, at).or_else(|| joins::joint(text, at, &self.joins))),
            b'\n' => {
                self.dumps |= starts_dump(text, at);
                let joined = self.edits.last().is_some_and(|edit| text[edit.start as usize] == b'\n');
                self.push(joins::broken_line(text, at, if joined { self.until } else { usize::MAX }));
            }
            b'!' => self.section(at),
            0x1b => self.push(Some(marks::terminal(text, at, at + 1))),
            0 => self.push(marks::interleaved(text, at)),
            _ => self.wide(at),
        }
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

    fn sorted(mut self) -> Edits {
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
        Edits { edits: self.edits, dumps: self.dumps }
    }
}

/// Whether zeros, which may be indented, start the line behind the line end at `at`.
fn starts_dump(text: &[u8], at: usize) -> bool {
    let zeros =
        |indent: usize| text.get(at + indent) == Some(&b'0') && text[at + indent..].starts_with(b"0000");
    zeros(1) || zeros(3) || zeros(5) || zeros(9)
}
