//! One pass over a string: finds the places worth a look and hands each to the module that can judge it.

use super::blocks::{self, BLOCK, is_word};
use super::keys::KeyClass;
use super::names::NameCache;
use super::rules::RuleId;
use super::segments::Segments;
use super::{Finding, Redactor, With};
use super::{assign, commands, cookies, decode, identity, paths, pem, pii, sql, tokens, url};
use aho_corasick::{AhoCorasick, AhoCorasickKind};
use std::sync::LazyLock;

/// Where a scan writes; handed over whole.
pub(crate) struct Room<'a> {
    pub(crate) found: &'a mut Vec<Finding>,
    pub(crate) names: &'a mut NameCache,
}

/// The state of one scan.
pub(crate) struct Scan<'a> {
    pub(crate) redactor: &'a Redactor,
    pub(crate) text: &'a [u8],
    pub(crate) found: &'a mut Vec<Finding>,
    /// How many decodings lie between this text and the stored one.
    pub(crate) depth: u8,
    pub(crate) names: &'a mut NameCache,
    /// What earlier looks learnt, so that hostile text is not read again and again.
    pub(crate) memo: Memo,
    covered: usize,
}

/// Ranges that were read already.
#[derive(Default)]
pub(crate) struct Memo {
    /// Where the last value without quotes ended, and how many names inside it were followed.
    pub(crate) value: (usize, usize),
    /// Where the last cookie header ended.
    pub(crate) cookies: usize,
    /// Where the last simple command started, and up to where it was read.
    pub(crate) command: (usize, usize),
    /// Whether the start of that command was read whole and names no command we know.
    pub(crate) unknown_command: Option<usize>,
}

impl<'a> Scan<'a> {
    pub(crate) fn new(redactor: &'a Redactor, text: &'a [u8], room: Room<'a>, depth: u8) -> Scan<'a> {
        let Room { found, names } = room;
        Scan { redactor, text, found, names, depth, memo: Memo::default(), covered: 0 }
    }

    /// The class of a name in the text.
    pub(crate) fn class(&mut self, name: &[u8]) -> KeyClass {
        let keys = &self.redactor.keys;
        self.names.class(name, || {
            if name.is_ascii() {
                return keys.class_of(&Segments::of_bytes(name));
            }
            keys.class_of(&Segments::of(&String::from_utf8_lossy(name)))
        })
    }

    /// Scans decoded text and gives what was found there.
    pub(crate) fn inner(&mut self, text: &[u8]) -> Vec<Finding> {
        let mut found = Vec::new();
        let room = Room { found: &mut found, names: self.names };
        Scan::new(self.redactor, text, room, self.depth + 1).run();
        found
    }

    pub(crate) fn add(&mut self, start: usize, end: usize, rule: RuleId, with: With) {
        if end > start {
            self.covered = self.covered.max(end);
            self.found.push(Finding { start: start as u32, end: end as u32, rule, with });
        }
    }

    /// Reports a range that becomes the marker.
    pub(crate) fn secret(&mut self, start: usize, end: usize, rule: RuleId) {
        self.add(start, end, rule, With::Marker);
    }

    /// Whether `at` lies in a range that was found before.
    pub(crate) fn covers(&self, at: usize) -> bool {
        at < self.covered
            && self.found.iter().rev().take(8).any(|f| f.start as usize <= at && at < f.end as usize)
    }

    /// Runs everything.
    pub(crate) fn run(&mut self) {
        if self.text.len() < 4 {
            return;
        }
        words(self);
        let escapes = self.pass();
        identity::literals(self);
        if escapes {
            decode::views(self);
        }
    }

    /// Byte classes, block by block; whether there was anything to decode.
    fn pass(&mut self) -> bool {
        let text = self.text;
        let (mut escapes, mut digits_until, mut run, mut in_run) = (0, 0, 0, 0);
        for at in (0..text.len()).step_by(BLOCK) {
            let masks = blocks::masks_at(text, at);
            escapes |= masks.escape;
            self.signs(at, masks.sign);
            digits_until = self.digits(at, masks.digit, digits_until);
            let before = masks.word << 1 | in_run;
            let mut edges = masks.word ^ before;
            while edges != 0 {
                let edge = edges.trailing_zeros() as usize;
                edges &= edges - 1;
                if masks.word >> edge & 1 == 1 {
                    run = at + edge;
                } else {
                    self.end_run(run, at + edge);
                }
            }
            in_run = masks.word >> (BLOCK - 1);
        }
        if in_run == 1 {
            self.end_run(run, text.len());
        }
        escapes != 0
    }

    fn signs(&mut self, at: usize, mut signs: u64) {
        while signs != 0 {
            self.at_sign(at + signs.trailing_zeros() as usize);
            signs &= signs - 1;
        }
    }

    /// Numbers start at the first digit of a run; what was read as one number is not read again.
    fn digits(&mut self, at: usize, mut digits: u64, mut until: usize) -> usize {
        while digits != 0 {
            let place = at + digits.trailing_zeros() as usize;
            digits &= digits - 1;
            if place >= until {
                until = pii::at_digit(self, place);
            }
        }
        until
    }

    fn at_sign(&mut self, at: usize) {
        match self.text[at] {
            b'=' => assign::at_operator(self, at),
            b':' => {
                url::at_colon(self, at);
                pii::at_colon(self, at);
                assign::at_operator(self, at);
            }
            b'@' => pii::at_email(self, at),
            _ => paths::at_slash(self, at),
        }
    }

    fn end_run(&mut self, start: usize, end: usize) {
        if self.text[start] == b'-' {
            commands::at_flag(self, start);
        }
        if end - start >= tokens::MIN_RUN {
            tokens::at_run(self, start, end);
            decode::at_run(self, start, end);
        }
    }
}

/// Stems that make the word around them worth a look even without an operator behind it.
#[rustfmt::skip]
const STEMS: [&str; 28] = [
    "pass", "pwd", "secret", "token", "key", "cred", "auth", "bearer", "jwt", "cookie", "otp", "cvv", "mnemonic", "seed",
    "-----begin", "\ttrue\t", "\tfalse\t", "identified", "values", "sudo", "add_user", "with-token", "$2a$", "$2b$", "$2y$", "$6$", "$argon2", "$apr1$",
];

/// An automaton over all bytes: `aho-corasick`'s vector searcher was measured at half its speed, for so many stems.
static STEM: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let kind = Some(AhoCorasickKind::DFA);
    match AhoCorasick::builder().ascii_case_insensitive(true).kind(kind).build(STEMS) {
        Ok(automaton) => automaton,
        Err(error) => unreachable!("a few short words fit an automaton: {error}"),
    }
});

/// Looks at every word with a stem.
fn words(scan: &mut Scan) {
    let text = scan.text;
    let mut until = 0;
    for hit in STEM.find_iter(text) {
        let (start, end) = (hit.start(), hit.end());
        match STEMS[hit.pattern().as_usize()] {
            "-----begin" => pem::at_begin(scan, start),
            "\ttrue\t" | "\tfalse\t" => cookies::file_line(scan, start),
            stem if stem.starts_with('$') => pem::at_hash(scan, start),
            _ if start < until => {}
            _ => {
                let (start, end) = word_around(text, start, end);
                until = end;
                assign::at_word(scan, start, end);
                commands::at_word(scan, start, end);
                sql::at_word(scan, start, end);
            }
        }
    }
    if !text.is_ascii() {
        commands::foreign_labels(scan);
    }
}

fn word_around(text: &[u8], start: usize, end: usize) -> (usize, usize) {
    let word = |b: u8| is_word(b) || b == b'.' || b == b'$';
    let floor = start.saturating_sub(80);
    let ceiling = text.len().min(end + 80);
    let from = (floor..start).rev().take_while(|i| word(text[*i])).last().unwrap_or(start);
    let to = end + text[end..ceiling].iter().take_while(|b| word(**b)).count();
    (from, to)
}

/// Sorts and merges, so that ranges do not overlap and lie on character boundaries.
pub(crate) fn settle(text: &str, found: &mut Vec<Finding>) {
    for finding in found.iter_mut() {
        while !text.is_char_boundary(finding.start as usize) {
            finding.start -= 1;
        }
        while !text.is_char_boundary(finding.end as usize) {
            finding.end += 1;
        }
    }
    found.sort_unstable_by_key(|f| (f.start, std::cmp::Reverse(f.end)));
    let mut kept: usize = 0;
    for i in 0..found.len() {
        let finding = found[i];
        if kept > 0 && finding.start < found[kept - 1].end {
            let last = &mut found[kept - 1];
            if finding.end > last.end {
                last.end = finding.end;
                last.with = stronger(last.with, finding.with);
            } else if finding.with == With::Marker
                && finding.rule != RuleId::IDENTITY
                && matches!(last.with, With::Nothing | With::Home | With::Root)
            {
                last.with = With::Marker;
            }
            continue;
        }
        found[kept] = finding;
        kept += 1;
    }
    found.truncate(kept);
}

fn stronger(a: With, b: With) -> With {
    if matches!(a, With::PathMarker) && !matches!(b, With::Marker) {
        a
    } else if matches!(b, With::Marker) {
        b
    } else {
        a
    }
}
