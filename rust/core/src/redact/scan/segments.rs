//! Names cut into lower-case segments, so that all spellings of a name are one.

const MAX_BYTES: usize = 96;
const MAX_SEGMENTS: usize = 16;

/// A name in lower-case segments, in place: no allocation for ASCII names of any length (the end of a long one
/// counts).
#[derive(Clone, Copy)]
pub(crate) struct Segments {
    text: [u8; MAX_BYTES],
    ends: [u8; MAX_SEGMENTS],
    len: usize,
    /// Where the first segment kept starts: the front of a name with too many is forgotten.
    base: u8,
}

impl Segments {
    /// Splits at everything that is no letter or digit and at camel-case humps.
    pub(crate) fn of(name: &str) -> Segments {
        if name.is_ascii() {
            return Segments::of_bytes(name.as_bytes());
        }
        Segments::of_bytes(name.to_lowercase().as_bytes())
    }

    /// As [`Segments::of`], for bytes that are ASCII or already lower case.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Segments {
        let bytes = &bytes[bytes.len().saturating_sub(MAX_BYTES)..];
        let mut out = Segments { text: [0; MAX_BYTES], ends: [0; MAX_SEGMENTS], len: 0, base: 0 };
        let mut at = 0;
        for (i, &byte) in bytes.iter().enumerate() {
            let word = byte.is_ascii_alphanumeric() || byte >= 0x80;
            if !word || starts_hump(bytes, i) {
                out.close(at);
            }
            if word {
                out.text[at] = byte.to_ascii_lowercase();
                at += 1;
            }
        }
        out.close(at);
        out
    }

    fn close(&mut self, end: usize) {
        if end == self.start(self.len) {
            return;
        }
        if self.len == MAX_SEGMENTS {
            self.base = self.ends[0];
            self.ends.copy_within(1.., 0);
            self.len -= 1;
        }
        self.ends[self.len] = end as u8;
        self.len += 1;
    }

    fn start(&self, index: usize) -> usize {
        if index == 0 { usize::from(self.base) } else { usize::from(self.ends[index - 1]) }
    }

    fn get(&self, index: usize) -> &[u8] {
        &self.text[self.start(index)..usize::from(self.ends[index])]
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn first(&self) -> &[u8] {
        if self.len == 0 { b"" } else { self.get(0) }
    }

    /// The segment `places` places before the last one, without trailing digits; empty where there is none.
    pub(crate) fn back(&self, places: usize) -> &[u8] {
        if places < self.len { undigited(self.get(self.len - 1 - places)) } else { b"" }
    }

    /// The last `count` segments in one.
    pub(crate) fn tail(&self, count: usize) -> &[u8] {
        if count > self.len {
            return b"";
        }
        &self.text[self.start(self.len - count)..self.start(self.len)]
    }

    /// All segments in one, without separators: equal for all spellings of a name.
    pub(crate) fn joined(&self) -> &[u8] {
        &self.text[self.start(0)..self.start(self.len)]
    }

    /// Whether the last segments, joined, are `name`.
    pub(crate) fn ends_with_joined(&self, name: &[u8]) -> bool {
        (1..=self.len).any(|count| self.tail(count) == name)
    }

    pub(crate) fn without_last(&self) -> Segments {
        Segments { len: self.len.saturating_sub(1), ..*self }
    }

    pub(crate) fn any(&self, wanted: impl Fn(&[u8]) -> bool) -> bool {
        (0..self.len).any(|index| wanted(undigited(self.get(index))))
    }
}

/// The last segment of a name as [`Segments::back`] gives it, without a look at the others; the end of a long one.
pub(crate) fn last_segment<'r>(name: &[u8], room: &'r mut [u8; 64]) -> &'r [u8] {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte >= 0x80;
    let end = name.iter().rposition(|byte| is_word(*byte)).map_or(0, |last| last + 1);
    let mut start = end;
    while start > 0 && is_word(name[start - 1]) && (start == end || !starts_hump(name, start)) {
        start -= 1;
    }
    let start = start.max(end.saturating_sub(room.len()));
    let segment = &mut room[..end - start];
    for (to, from) in segment.iter_mut().zip(&name[start..end]) {
        *to = from.to_ascii_lowercase();
    }
    undigited(segment)
}

/// `aB` and the `B` of `ABc` start a hump.
fn starts_hump(bytes: &[u8], i: usize) -> bool {
    if i == 0 || !bytes[i].is_ascii_uppercase() {
        return false;
    }
    let before = bytes[i - 1];
    before.is_ascii_lowercase()
        || before.is_ascii_digit()
        || (before.is_ascii_uppercase() && bytes.get(i + 1).is_some_and(u8::is_ascii_lowercase))
}

fn undigited(segment: &[u8]) -> &[u8] {
    let end = segment.iter().rposition(|b| !b.is_ascii_digit()).map_or(segment.len(), |last| last + 1);
    &segment[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(name: &str) -> Vec<String> {
        let segments = Segments::of(name);
        (0..segments.len()).map(|i| String::from_utf8(segments.get(i).to_vec()).unwrap()).collect()
    }

    #[test]
    fn humps_and_separators_split_names() {
        assert_eq!(split("dbPassword"), ["db", "password"]);
        assert_eq!(split("X-Api-Key"), ["x", "api", "key"]);
        assert_eq!(split("AWSSecretKey2"), ["aws", "secret", "key2"]);
        assert_eq!(split("__init__"), ["init"]);
        assert_eq!(split("Пароль-БД"), ["пароль", "бд"]);
        assert!(split("--").is_empty());
    }

    #[test]
    fn the_last_segment_is_the_last_of_all() {
        for name in [
            "dbPassword",
            "X-Api-Key",
            "AWSSecretKey2",
            "__init__",
            "--",
            "a",
            "HTTPServer",
            "x_9",
            "b2C",
            "",
        ] {
            let mut room = [0; 64];
            assert_eq!(last_segment(name.as_bytes(), &mut room), Segments::of(name).back(0), "{name}");
        }
    }

    #[test]
    fn the_end_of_a_long_name_counts() {
        let name = format!("{}_password", "x_".repeat(400));
        assert_eq!(Segments::of(&name).back(0), b"password");
    }
}
