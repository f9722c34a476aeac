//! One pass over a string: finds the places worth a look and hands each to the module that can judge it.

pub(crate) mod blocks;
mod lanes;
pub(crate) mod letters;
pub(crate) mod repeats;
pub(crate) mod segments;
pub(crate) mod span;
pub(crate) mod tails;
pub(crate) mod waiting;

use crate::redact::commands::shell;
use crate::redact::keys::KeyClass;
use crate::redact::keys::names::NameCache;
use crate::redact::labelled::assign::LONG_NAME;
use crate::redact::labelled::{assign, cookies, pem, prose, records, value};
use crate::redact::rules::RuleId;
use crate::redact::{Finding, Redactor, With};
use crate::redact::{commands, decode, identity, paths, pii, tokens, url, user};
use blocks::{BATCH, BLOCK, Masks};
use repeats::Repeats;
use segments::Segments;
use span::{Absent, Bytes, back_over, forward_over};

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
    pub(crate) memo: Memo<'a>,
    covered: usize,
}

/// Ranges that were read already.
#[derive(Default)]
pub(crate) struct Memo<'a> {
    /// The last range without an `@`.
    pub(crate) unsigned: (usize, usize),
    /// The value that was judged last behind a label in running text.
    pub(crate) accepted: prose::Accepted<'a>,
    /// Words behind labels that no joint follows.
    pub(crate) unjoined: prose::Unjoined,
    /// The value that was judged last.
    pub(crate) value_judged: value::Judged<'a>,
    /// Where the last value without quotes ended, and how many names inside it were followed.
    pub(crate) value: (usize, usize),
    /// Up to where the columns of the last table were read.
    pub(crate) columns: usize,
    /// Up to where no armour closes.
    pub(crate) unclosed: usize,
    /// Where the last cookie header ended.
    pub(crate) cookies: usize,
    /// The simple command that was read last.
    pub(crate) command: shell::Command,
    /// The table that was read last.
    pub(crate) table: records::Table,
    /// Where the last lines of logins ended.
    pub(crate) ledger: usize,
    /// Where the last manifest of a secret ended.
    pub(crate) manifest: usize,
    /// The last range inside of which no URL ends.
    pub(crate) unbroken: (usize, usize),
    /// Behind the last word that may name a secret inside of a name.
    pub(crate) secret_word: usize,
    /// Words behind which nothing but a space stands, and labels in running text, that named nothing.
    pub(crate) spaced: Repeats,
    pub(crate) labelled: Repeats,
    /// Ranges without what names a server, a machine, a command line.
    pub(crate) servers: [Absent; 2],
    pub(crate) machines: Absent,
    pub(crate) prompts: [Absent; 2],
    /// The last range without a line end.
    pub(crate) unended: Absent,
    /// The last range without a word that says that a name follows.
    pub(crate) unnamed: (usize, usize),
    /// The labels in front of numbers that were read last.
    pub(crate) labels: pii::LabelMemo,
    /// Where the last run that was decoded ended.
    pub(crate) decoded: usize,
    /// The last range of base64 around a run that looked drawn.
    pub(crate) base64: (usize, usize),
    /// The last parts joined by signs that were judged together, and how often.
    pub(crate) judged: (std::ops::Range<usize>, u8),
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
            return user::rules(self);
        }
        if self.text.len() < BLOCK && self.is_quiet() {
            return;
        }
        pii::at_start(self);
        let mut look = decode::Look::new(self.text);
        let seen = self.pass(&mut look);
        identity::literals(self, seen.place);
        user::rules(self);
        if seen.wide {
            prose::wide_labels(self);
        }
        decode::views(self, &mut look);
    }

    /// Looks at a text of less than a block that is words and nothing else, as most texts are; false if it is more.
    fn is_quiet(&mut self) -> bool {
        let mut masks = [Masks::default()];
        blocks::look(self.text, 0, &mut masks);
        let [masks] = masks;
        let Masks { sign, operator, mark, line, digit, dash, wide, colon, hexed, .. } = masks;
        if sign | operator | mark | line | digit | dash | wide | colon | hexed != 0 {
            return false;
        }
        let mut runs = Runs::default();
        self.runs(0, &runs.enter(&masks), &runs);
        identity::literals(self, masks.place != 0);
        user::rules(self);
        true
    }

    /// One look at each block of the text, also for what it may stand for; what occurs in it.
    fn pass(&mut self, look: &mut decode::Look) -> Seen {
        let length = self.text.len();
        let mut seen = Seen::default();
        let mut digits_until = 0;
        let mut runs = Runs::default();
        let (mut users, mut names) = (Users::default(), Names::default());
        let mut batch = [Masks::default(); BATCH];
        for first in (0..length).step_by(BATCH * BLOCK) {
            let count = (length - first).div_ceil(BLOCK).min(BATCH);
            blocks::look(self.text, first, &mut batch[..count]);
            for (at, masks) in (first..).step_by(BLOCK).zip(&batch[..count]) {
                seen.wide |= masks.wide != 0;
                seen.place |= masks.place | masks.dash != 0;
                look.block(at, masks);
                let places = runs.enter(masks);
                let sign = masks.sign | users.end(masks) & masks.colon | places.long & masks.hexed;
                self.secret_words(at, names.enter(masks));
                self.signs(at, sign, masks.operator, seen.wide);
                digits_until = self.digits(at, masks.digit, digits_until);
                self.runs(at, &places, &runs);
                runs.leave(at);
            }
        }
        if length.is_multiple_of(BLOCK) {
            self.runs(length, &runs.enter(&Masks { stop: 1, ..Masks::default() }), &runs);
        }
        seen
    }

    /// Notes the last of the `places` behind letters inside of names that may end a word which names a secret.
    #[inline]
    fn secret_words(&mut self, at: usize, places: u64) {
        if !blocks::leaves_out() {
            self.memo.secret_word = at + BLOCK;
        }
        if places != 0 {
            let secrets = tails::secrets_inside(self.text, at, places);
            if secrets != 0 {
                self.memo.secret_word = at + BLOCK - secrets.leading_zeros() as usize;
            }
        }
    }

    fn signs(&mut self, at: usize, signs: u64, operators: u64, wide: bool) {
        let mut places = signs | operators;
        while places != 0 {
            let bit = places.trailing_zeros();
            places &= places - 1;
            let place = at + bit as usize;
            if signs >> bit & 1 != 0 {
                self.at_sign(place);
            }
            if operators >> bit & 1 != 0 {
                self.at_operator(place, wide);
            }
        }
    }

    fn at_sign(&mut self, at: usize) {
        match self.text[at] {
            b':' => {
                url::at_colon(self, at);
                pii::at_colon(self, at);
            }
            b'@' => pii::at_email(self, at),
            b'$' => pem::at_dollar(self, at),
            _ => {
                pii::at_closing(self, at);
                paths::at_slash(self, at);
            }
        }
    }

    /// Looks at an operator unless the name in front of it says nothing; names beyond ASCII are always looked at.
    fn at_operator(&mut self, at: usize, wide: bool) {
        if wide || assign::may_be_named(self, at) {
            assign::at_operator(self, at);
        }
    }

    /// Numbers start at the first digit of a run; what was read as one number is not read again.
    fn digits(&mut self, at: usize, mut digits: u64, mut until: usize) -> usize {
        while digits != 0 {
            let first = digits.trailing_zeros();
            let place = at + first as usize;
            let end = place + (digits >> first).trailing_ones() as usize;
            // The carry runs through the lowest run of ones.
            digits &= digits.wrapping_add(1 << first);
            if place >= until && !(blocks::leaves_out() && pii::is_count(self.text, place, end)) {
                until = pii::at_digit(self, place, end);
            }
        }
        until
    }

    fn runs(&mut self, at: usize, places: &Places, runs: &Runs) {
        let tails = &*tails::WORDS;
        let mut likely = tails.likely_ends(self.text, at, places.words);
        while likely != 0 {
            let end = at + likely.trailing_zeros() as usize;
            likely &= likely - 1;
            if tails.ends_long(self.text, end) {
                self.at_word(end);
            }
        }
        let mut flags = places.flags;
        while flags != 0 {
            self.at_flag(at + flags.trailing_zeros() as usize);
            flags &= flags - 1;
        }
        let mut long = places.long;
        while long != 0 {
            let end = long.trailing_zeros();
            long &= long - 1;
            if let Some(start) = runs.drawn_start(at, end) {
                self.at_run(start, at + end as usize);
            }
        }
    }

    /// Looks at a long run of word characters.
    #[inline(never)]
    fn at_run(&mut self, start: usize, end: usize) {
        tokens::at_run(self, start, end);
        decode::at_run(self, start, end);
    }

    /// Looks at the word in front of `end`.
    #[inline(never)]
    fn at_word(&mut self, end: usize) {
        let text = self.text;
        let next = text.get(end).copied().unwrap_or(b'\n');
        if !STOPS.has(next) {
            return;
        }
        let start = back_over(text, end, WORD_LIMIT, |b| NAMES.has(b));
        match next {
            b'\t' => cookies::file_line(self, start, end),
            b' ' => pem::at_word(self, end),
            b'}' => return assign::at_word(self, start, end),
            _ => {}
        }
        assign::at_word(self, start, end);
        commands::at_word(self, start, end);
        records::at_word(self, start, end);
    }

    /// Looks at the run that starts with the dash at `start`.
    #[inline(never)]
    fn at_flag(&mut self, start: usize) {
        pii::at_rule(self, start);
        commands::at_flag(self, start);
        let end = forward_over(self.text, start, WORD_LIMIT, |b| WORDS.has(b));
        if end - start >= LONG_NAME && !tails::WORDS.may_end_long(self.text, end) {
            assign::at_word(self, start, end);
        }
    }
}

static STOPS: Bytes = Bytes::of(blocks::WORD_STOPS);
/// Letters, digits and signs of words, and of names.
static WORDS: Bytes = Bytes::of(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-");
static NAMES: Bytes = Bytes::of(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-.$");

/// How far around a place the borders of a name are looked for.
const WORD_LIMIT: usize = 80;

/// What occurs in a text.
#[derive(Default)]
struct Seen {
    wide: bool,
    /// Whether the name of a user may stand somewhere.
    place: bool,
}

/// Names of users behind slashes, over the borders of blocks.
#[derive(Default)]
struct Users {
    /// Whether a slash ends the block before, and whether a name behind one reaches its end.
    slash: bool,
    open: bool,
}

impl Users {
    /// Where in a block the names end.
    #[inline]
    fn end(&mut self, masks: &Masks) -> u64 {
        let starts = (masks.slash << 1 | u64::from(self.slash)) & masks.user;
        self.slash = masks.slash >> (BLOCK - 1) != 0;
        // The carry of a sum runs through a name to what stands behind it.
        let (sum, over) = masks.user.overflowing_add(starts);
        let (sum, again) = sum.overflowing_add(u64::from(self.open));
        self.open = over | again;
        sum & !masks.user
    }
}

/// Names, over the borders of blocks.
#[derive(Default)]
struct Names {
    /// Whether a letter ends the block before.
    letter: bool,
}

impl Names {
    /// Where in a block a name goes on behind a letter with something else than a small letter.
    #[inline]
    fn enter(&mut self, masks: &Masks) -> u64 {
        let letters = masks.lower | masks.drawn & !masks.digit;
        let behind = letters << 1 | u64::from(self.letter);
        self.letter = letters >> (BLOCK - 1) != 0;
        behind & masks.user & !masks.lower
    }
}

/// Runs of word characters, over the borders of blocks.
#[derive(Default)]
struct Runs {
    /// The word bits of this block above those of the block before.
    words: u128,
    /// Its digits and upper-case letters, likewise.
    drawn: u128,
    /// Where the run starts that reaches into this block.
    open: usize,
}

/// Places in a block, one bit each.
struct Places {
    /// Behind words of three characters and more, where something follows that a word may stand in front of.
    words: u64,
    /// Behind runs of [`tokens::MIN_RUN`] characters and more.
    long: u64,
    /// At the dash that starts a run.
    flags: u64,
}

impl Runs {
    fn enter(&mut self, masks: &Masks) -> Places {
        const { assert!(tokens::MIN_RUN == 12, "`twelve` below is that many") };
        self.words = (u128::from(masks.word) << BLOCK) | (self.words >> BLOCK);
        self.drawn = (u128::from(masks.drawn) << BLOCK) | (self.drawn >> BLOCK);
        let one = self.words;
        let two = one & (one << 1);
        let four = two & (two << 2);
        let three = two & (one << 2);
        let twelve = four & (four << 4) & (four << 8);
        let behind = |runs: u128| (((runs << 1) & !one) >> BLOCK) as u64;
        let starts = ((one & !(one << 1)) >> BLOCK) as u64;
        Places { words: behind(three) & masks.stop, long: behind(twelve), flags: starts & masks.dash }
    }

    fn leave(&mut self, at: usize) {
        let reach = ((self.words >> BLOCK) as u64).leading_ones() as usize;
        if reach < BLOCK || self.words >> (BLOCK - 1) & 1 == 0 {
            self.open = at + BLOCK - reach;
        }
    }

    /// Where the run starts that ends at the place `end` of the block at `at`; `None` if it is all lower case, as no
    /// token is.
    fn drawn_start(&self, at: usize, end: u32) -> Option<usize> {
        let known = BLOCK as u32 + end;
        let length = (self.words << (u128::BITS - known)).leading_ones();
        if length >= known {
            return Some(self.open);
        }
        let run = ((1 << length) - 1) << (known - length);
        (self.drawn & run != 0).then(|| at + end as usize - length as usize)
    }
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
