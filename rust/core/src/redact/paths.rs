//! Paths: relative under the project root, `~` for every home, `[REDACTED_PATH]` for sensitive directories.
//!
//! Lexical only: no system call. `..` is resolved in the text, so `/usr/../etc/shadow` is a path into `/etc`.

use crate::redact::rules::RuleId;
use crate::redact::scan::Scan;
use crate::redact::{Policy, With};

const PATH_LIMIT: usize = 4096;
const MAX_PARTS: usize = 48;

/// The path rules of a policy, compiled.
#[derive(Debug)]
pub(crate) struct PathRules {
    roots: Vec<Vec<Vec<u8>>>,
    home: Option<Vec<Vec<u8>>>,
    below_home: Vec<Vec<Vec<u8>>>,
    absolute: Vec<Vec<Vec<u8>>>,
    relative: bool,
    sensitive: bool,
    /// A bit for each byte that the first part of a path may start with that a rule speaks about.
    starts: [u64; 4],
}

/// First parts of the usual homes; `.` may lead anywhere.
const USUAL_STARTS: [&str; 10] =
    ["home", "Users", "root", "var", "export", "usr", "mnt", "cygdrive", ".", "/"];

impl PathRules {
    pub(crate) fn new(policy: &Policy) -> PathRules {
        let mut rules = PathRules {
            roots: policy
                .project_roots
                .iter()
                .map(|root| parts_of(root))
                .filter(|parts| !parts.is_empty())
                .collect(),
            home: policy.home.as_deref().map(parts_of).filter(|parts| !parts.is_empty()),
            below_home: Vec::new(),
            absolute: Vec::new(),
            relative: policy.relative_paths,
            sensitive: policy.redact_sensitive_paths,
            starts: [0; 4],
        };
        let configured = policy.sensitive_dirs.iter().map(String::as_str);
        for dir in ["~/.ssh", "~/.config", "/etc"].into_iter().chain(configured) {
            rules.add_sensitive(dir);
        }
        rules.note_starts();
        rules
    }

    fn note_starts(&mut self) {
        let configured =
            self.roots.iter().chain(&self.home).chain(&self.absolute).filter_map(|parts| parts.first());
        let usual = USUAL_STARTS.iter().map(|part| part.as_bytes());
        let starts: Vec<u8> = configured.map(Vec::as_slice).chain(usual).map(|part| part[0]).collect();
        for byte in starts.into_iter().flat_map(|byte| [byte.to_ascii_lowercase(), byte.to_ascii_uppercase()])
        {
            self.starts[usize::from(byte / 64)] |= 1 << (byte % 64);
        }
    }

    /// Whether a rule may speak about the path from the slash at `start`, as far as its first byte tells.
    fn may_speak(&self, text: &[u8], start: usize) -> bool {
        let Some(first) = text.get(start + 1) else { return false };
        self.starts[usize::from(first / 64)] >> (first % 64) & 1 == 1 || text.get(start + 2) == Some(&b'/')
    }

    fn add_sensitive(&mut self, dir: &str) {
        let home = dir.strip_prefix("~/").or_else(|| dir.strip_prefix("$HOME/"));
        match home {
            Some(below) => self.below_home.push(parts_of(below)),
            None if dir.starts_with('/') || dir.contains(":\\") => self.absolute.push(parts_of(dir)),
            None => return,
        }
        self.below_home.retain(|parts| !parts.is_empty());
        self.absolute.retain(|parts| !parts.is_empty());
    }

    /// The root that `parts` lie under.
    fn root(&self, parts: &Parts) -> Option<&Vec<Vec<u8>>> {
        self.roots.iter().filter(|root| parts.start_with(root)).max_by_key(|root| root.len())
    }

    fn home_length(&self, parts: &Parts) -> usize {
        match &self.home {
            Some(home) if parts.start_with(home) => home.len(),
            _ => usual_home(parts),
        }
    }

    fn is_sensitive(&self, parts: &Parts, home: usize) -> bool {
        if !self.sensitive || self.root(parts).is_some_and(|root| self.contains_root(root)) {
            return false;
        }
        self.absolute.iter().any(|dir| parts.start_with(dir) && parts.count > dir.len())
            || (home > 0 && self.below_home.iter().any(|dir| parts.has_at(home, dir)))
    }

    /// Whether a sensitive directory holds the project: then its paths are project paths.
    fn contains_root(&self, root: &[Vec<u8>]) -> bool {
        let home = self.home.as_ref().map_or(0, Vec::len);
        self.absolute.iter().any(|dir| root.starts_with(dir))
            || (home > 0
                && self
                    .below_home
                    .iter()
                    .any(|dir| root.len() >= home + dir.len() && root[home..].starts_with(dir)))
    }
}

fn parts_of(path: &str) -> Vec<Vec<u8>> {
    path.split(['/', '\\'])
        .filter(|part| !part.is_empty() && *part != ".")
        .map(|part| part.as_bytes().to_vec())
        .collect()
}

/// `/home/u`, `/Users/u`, `/root`, `C:\Users\u`, `/mnt/c/Users/u`, `/export/home/u`, `/var/home/u`.
fn usual_home(parts: &Parts) -> usize {
    let name = |i: usize| parts.get(i);
    let named =
        |i: usize| !name(i).is_empty() && !matches!(name(i), b"Shared" | b"Public" | b"Default" | b"*");
    match name(0) {
        b"home" | b"Users" | b"users" if named(1) => 2,
        b"root" => 1,
        b"var" | b"export" | b"usr" if name(1) == b"home" && named(2) => 3,
        drive
            if drive.len() == 2 && drive[1] == b':' && name(1).eq_ignore_ascii_case(b"users") && named(2) =>
        {
            3
        }
        drive if drive.len() == 1 && name(1) == b"Users" && named(2) => 3,
        b"mnt" | b"cygdrive" if name(1).len() == 1 && name(2).eq_ignore_ascii_case(b"users") && named(3) => 4,
        _ => 0,
    }
}

/// A path in the text, cut into parts; `..` removes the part before it.
struct Parts<'a> {
    text: &'a [u8],
    start: usize,
    /// Where each part starts and ends, from `start` on.
    ranges: [(u16, u16); MAX_PARTS],
    count: usize,
    end: usize,
}

impl<'a> Parts<'a> {
    fn read(text: &'a [u8], start: usize, drive: bool) -> Parts<'a> {
        let mut parts = Parts { text, start, ranges: [(0, 0); MAX_PARTS], count: 0, end: start };
        let ceiling = text.len().min(start + PATH_LIMIT);
        let mut at = start;
        while at < ceiling {
            let from = at;
            while at < ceiling && !is_separator(text[at], drive) && is_path_byte(text, at, start) {
                at += 1;
            }
            parts.push(from, at);
            if at >= ceiling || !is_separator(text[at], drive) {
                break;
            }
            at += 1;
        }
        parts.end = trimmed(text, start, at);
        parts.leave_trimmed_out();
        parts
    }

    /// The full stop behind a path in a sentence is no part of its last name.
    fn leave_trimmed_out(&mut self) {
        let Some((from, to)) = self.count.checked_sub(1).map(|last| &mut self.ranges[last]) else { return };
        let end = (self.end - self.start) as u16;
        if (*from..*to).contains(&end) && *from < end {
            *to = end;
        }
    }

    fn push(&mut self, from: usize, to: usize) {
        match &self.text[from..to] {
            [] | [b'.'] => {}
            [b'.', b'.'] => self.count = self.count.saturating_sub(1),
            _ if self.count < MAX_PARTS => {
                self.ranges[self.count] = ((from - self.start) as u16, (to - self.start) as u16);
                self.count += 1;
            }
            _ => {}
        }
    }

    fn get(&self, index: usize) -> &[u8] {
        if index >= self.count {
            return b"";
        }
        let (from, to) = self.ranges[index];
        &self.text[self.start + usize::from(from)..self.start + usize::from(to)]
    }

    fn has_at(&self, offset: usize, dir: &[Vec<u8>]) -> bool {
        self.count >= offset + dir.len()
            && dir.iter().enumerate().all(|(i, part)| self.get(offset + i).eq_ignore_ascii_case(part))
    }

    fn start_with(&self, dir: &[Vec<u8>]) -> bool {
        self.has_at(0, dir)
    }

    /// Where the part before `index` ends.
    fn end_of(&self, index: usize) -> usize {
        self.start + usize::from(self.ranges[index - 1].1)
    }

    /// Where the part number `index` starts.
    fn start_of(&self, index: usize) -> usize {
        self.start + usize::from(self.ranges[index].0)
    }
}

fn is_separator(byte: u8, drive: bool) -> bool {
    byte == b'/' || (drive && byte == b'\\')
}

/// Bytes that stop a path, or may: spaces may be escaped, a colon may follow a drive.
const STOPS: [bool; 256] = table(b" \t\n\r\"'`<>|;,()[]{}*?&#\\\x1b:");

/// Bytes that a slash belongs to the word of, beside letters and digits.
const JOINS: [bool; 256] = table(b"_./~})-%*]$\\<");

const fn table(set: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut i = 0;
    while i < set.len() {
        table[set[i] as usize] = true;
        i += 1;
    }
    table
}

fn is_path_byte(text: &[u8], at: usize, start: usize) -> bool {
    let byte = text[at];
    !STOPS[usize::from(byte)] || is_held(text, at, start)
}

/// Whether a byte that stops most paths belongs to this one.
#[cold]
fn is_held(text: &[u8], at: usize, start: usize) -> bool {
    let byte = text[at];
    let escaped_space = byte == b' ' && at > 0 && text[at - 1] == b'\\';
    escaped_space || byte == b'\\' && text.get(at + 1) == Some(&b' ') || byte == b':' && at == start + 1
}

fn trimmed(text: &[u8], start: usize, end: usize) -> usize {
    let kept = text[start..end].iter().rposition(|b| !matches!(b, b'.' | b':' | b'!')).map_or(0, |i| i + 1);
    start + kept
}

/// Looks at the `/`, `~` or `\` at `at`.
pub(crate) fn at_slash(scan: &mut Scan, at: usize) {
    let text = scan.text;
    match text[at] {
        b'~' => tilde(scan, at),
        b'\\' => drive(scan, at),
        _ => slash(scan, at),
    }
}

fn slash(scan: &mut Scan, at: usize) {
    if scan.text.get(at + 1) == Some(&b' ') {
        crate::redact::labelled::logins::at_slash(scan, at);
    }
    let text = scan.text;
    let before = if at > 0 { text[at - 1] } else { b' ' };
    if before == b' ' {
        crate::redact::commands::at_switch(scan, at);
    }
    let joined = before.is_ascii_alphanumeric() || JOINS[usize::from(before)] || before >= 0x80;
    if joined {
        return joined_slash(scan, at, before);
    }
    if before == b':' {
        if text[at..].starts_with(b"//") {
            return;
        }
        if is_drive(text, at) {
            return absolute(scan, at - 2, true);
        }
    }
    if scan.redactor.paths.may_speak(text, at) {
        absolute(scan, at, false);
    }
}

/// A slash behind a byte that belongs to the same word: the start of a path only in a few places.
fn joined_slash(scan: &mut Scan, at: usize, before: u8) {
    let front = &scan.text[..at];
    if !before.is_ascii_alphabetic() && !matches!(before, b'}' | b'%' | b'/') {
        return;
    }
    if matches!(before, b'E' | b'}' | b'%')
        && let Some(home) = home_variable(front)
    {
        return below_home(scan, at - home, at);
    }
    let file = match before {
        b'/' => front.ends_with(b"//") && front.ends_with(b"file://"),
        b'e' => front.ends_with(b"://file"),
        b't' => front.ends_with(b"file://localhost"),
        _ => false,
    };
    let escape = matches!(before, b'n' | b't') && front.len() > 1 && front[front.len() - 2] == b'\\';
    if file || escape || is_short_flag(front) {
        absolute(scan, at, false);
    }
}

/// The colon in front of `at` belongs to the letter of a drive.
fn is_drive(text: &[u8], at: usize) -> bool {
    at >= 2
        && text[at - 1] == b':'
        && text[at - 2].is_ascii_alphabetic()
        && (at < 3 || !(text[at - 3].is_ascii_alphanumeric() || text[at - 3] == b'/'))
}

/// The length of a variable for the home directory at the end of `front`.
fn home_variable(front: &[u8]) -> Option<usize> {
    const NAMES: [&[u8]; 4] = [b"$HOME", b"${HOME}", b"$env:USERPROFILE", b"%USERPROFILE%"];
    NAMES.iter().find(|name| front.ends_with(name)).map(|name| name.len())
}

/// `-I/home/u/include`: a path glued to a one-letter flag.
fn is_short_flag(front: &[u8]) -> bool {
    let n = front.len();
    n >= 2
        && front[n - 1].is_ascii_alphabetic()
        && front[n - 2] == b'-'
        && (n == 2 || matches!(front[n - 3], b' ' | b'\n' | b'"' | b'\''))
}

/// `C:\Users\u\…`, also with doubled backslashes.
fn drive(scan: &mut Scan, at: usize) {
    if is_drive(scan.text, at) {
        return absolute(scan, at - 2, true);
    }
    if let Some(home) = home_variable(&scan.text[..at]) {
        below_home(scan, at - home, at);
    }
}

/// `from "~core/util"`: the alias of a folder in a bundler rather than the home of a user.
fn is_imported(front: &[u8]) -> bool {
    [b"from ".as_slice(), b"import ", b"require(", b"import("].iter().any(|word| front.ends_with(word))
}

fn tilde(scan: &mut Scan, at: usize) {
    let text = scan.text;
    let before = if at > 0 { text[at - 1] } else { b' ' };
    if before.is_ascii_alphanumeric() || b"_/.~-)]".contains(&before) {
        return;
    }
    let name = text[at + 1..]
        .iter()
        .take(33)
        .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
        .count();
    let matching = name > 0
        && (matches!(before, b'=' | b'!' | b'%')
            || matches!(before, b'"' | b'\'') && is_imported(&text[..at - 1]));
    if matching || name > 32 || !matches!(text.get(at + 1 + name), Some(b'/' | b'\\')) {
        return;
    }
    // `\"~standard\"`: the escape of a quote is no separator.
    if text[at + 1 + name] == b'\\' && matches!(text.get(at + 2 + name), Some(b'"' | b'\'')) {
        return;
    }
    if name > 0 && text[at + 1].is_ascii_alphabetic() {
        scan.add(at, at + 1 + name, RuleId::HOME_PATH, With::Home);
    }
    if name == 0 || text[at + 1].is_ascii_alphabetic() {
        below_home(scan, at, at + 1 + name);
    }
}

/// A path below some home, from its separator at `from`; `start` is where the home itself starts.
fn below_home(scan: &mut Scan, start: usize, from: usize) {
    let windows = scan.text[from] == b'\\';
    let parts = Parts::read(scan.text, from, windows);
    let rules = &scan.redactor.paths;
    if rules.sensitive && rules.below_home.iter().any(|dir| parts.start_with(dir)) {
        scan.add(start, parts.end, RuleId::PATH, With::PathMarker);
    }
}

fn absolute(scan: &mut Scan, start: usize, drive: bool) {
    let parts = Parts::read(scan.text, start, drive);
    if parts.count == 0 {
        return;
    }
    let rules = &scan.redactor.paths;
    let home = rules.home_length(&parts);
    if rules.is_sensitive(&parts, home) {
        return scan.add(start, parts.end, RuleId::PATH, With::PathMarker);
    }
    if let Some(root) = rules.root(&parts).filter(|_| rules.relative) {
        let length = root.len();
        return project(scan, &parts, start, length);
    }
    if home > 0 && !is_route(&parts, home) {
        scan.add(start, parts.end_of(home), RuleId::HOME_PATH, With::Home);
    }
}

/// Under the root: the rest is the relative path.
fn project(scan: &mut Scan, parts: &Parts, start: usize, root: usize) {
    if parts.count == root {
        return scan.add(start, parts.end.min(parts.end_of(root)), RuleId::PROJECT_PATH, With::Root);
    }
    let below = parts.start_of(root);
    scan.add(start, below, RuleId::PROJECT_PATH, With::Nothing);
}

/// `/home/about` and `/users/:id` are rather routes than homes.
fn is_route(parts: &Parts, home: usize) -> bool {
    let name = parts.get(home.saturating_sub(1));
    let plain = name
        .iter()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b' ') || *b >= 0x80);
    let lower = parts.get(0) == b"users";
    !plain
        || name.first().is_some_and(u8::is_ascii_digit)
        || lower && home == 2
        || (parts.count == home && home == 2 && is_page(name))
}

fn is_page(name: &[u8]) -> bool {
    matches!(
        name,
        b"index"
            | b"about"
            | b"login"
            | b"dashboard"
            | b"settings"
            | b"page"
            | b"pages"
            | b"index.html"
            | b"news"
            | b"feed"
    ) || memchr::memchr(b'.', name)
        .is_some_and(|dot| dot + 5 >= name.len() && dot + 1 < name.len() && dot > 0)
}
