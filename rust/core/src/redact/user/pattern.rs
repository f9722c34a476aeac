//! A user's regular expression: compiled within bounds, searched in bounded windows.
//!
//! The engine has neither look-around nor back-references, so one search takes time in proportion to the text. A row of
//! searches does not: each may read on to the end and come back with one byte. So a search sees a window only.

use crate::redact::RuleError;
use regex_automata::meta::{BuildError, Regex};
use regex_automata::util::{captures::Captures, syntax};
use regex_automata::{Anchored, Input, Span};

const LONGEST_SOURCE: usize = 2048;
const NEST_LIMIT: u32 = 50;
/// The size of an automaton over bytes. Up to here a text of a megabyte takes milliseconds; nested repetitions such as
/// `(?:a{1,50}){1,50}`, which are larger, were measured at seconds.
const BYTES_LIMIT: usize = 64 << 10;
/// The same automaton with the characters of all scripts in its classes.
const UNICODE_LIMIT: usize = 2 << 20;
/// An automaton with classes that cannot be measured in bytes: `\p{Lu}`.
const CLASSES_LIMIT: usize = 256 << 10;
/// What a search sees; half of it is how long a match is found at any place.
const WINDOW: usize = 64 << 10;
/// What it sees once a text had [`MANY`] matches.
const NARROW: usize = 512;
const MANY: usize = 1000;
/// The longest match; what is longer goes in pieces.
const LONGEST_MATCH: usize = 1 << 20;
/// Texts on which an expression that can match nothing at all shows it.
const SPOTS: [&str; 6] = ["", "a", " ", "0", "-", "a b"];
/// Values that have nothing in common: an exception that allows three of them is none.
const UNLIKE: [&str; 6] =
    ["sesame", "Tr0ub4dor7", "p@ss w0rd!", "90210417", "ann.nguyen@acme.dev", "x7Kq9_wBz-41MnPq"];

/// A compiled expression.
#[derive(Debug)]
pub(crate) struct Pattern {
    regex: Regex,
    grouped: bool,
}

impl Pattern {
    /// Compiles an expression whose matches go.
    pub(crate) fn searching(source: &str, key: &str) -> Result<Pattern, RuleError> {
        let regex = compiled(source, key)?;
        if SPOTS.iter().any(|spot| regex.search(&Input::new(spot)).is_some_and(|found| found.is_empty())) {
            return Err(RuleError::new(
                key,
                "matches the empty text",
                "Let it demand at least one character: + instead of *",
            ));
        }
        Ok(Pattern { grouped: regex.captures_len() > 1, regex })
    }

    /// Compiles an expression for whole values that stay.
    pub(crate) fn allowing(source: &str, key: &str) -> Result<Pattern, RuleError> {
        compiled(source, key)?;
        let regex = compiled(&format!(r"\A(?:{source})\z"), key)?;
        let general = UNLIKE.iter().filter(|text| regex.is_match(**text)).count() > 2;
        if general || regex.is_match("") {
            return Err(RuleError::new(
                key,
                "allows nearly everything",
                "Write what the allowed texts have in common: a front, a domain, a length",
            ));
        }
        Ok(Pattern { regex, grouped: false })
    }

    /// Whether the whole text is what [`Pattern::allowing`] allows.
    pub(crate) fn allows(&self, text: &[u8]) -> bool {
        self.regex.is_match(text)
    }

    /// Calls `each` with every match, in order: the first group that took part, or all of it.
    pub(crate) fn matches(&self, text: &[u8], mut each: impl FnMut(Span)) {
        let mut captures = self.grouped.then(|| self.regex.create_captures());
        let (mut at, mut count) = (0, 0);
        while at < text.len() {
            let window = if count < MANY { WINDOW } else { NARROW };
            let end = text.len().min(at + window);
            let found = self.regex.search(&Input::new(text).span(at..end)).map(|found| found.span());
            at = match found {
                Some(found) if found.start > at + window / 2 && end < text.len() => found.start,
                Some(found) => {
                    let whole = self.grown(text, found, end);
                    each(self.group(text, whole, captures.as_mut()));
                    count += 1;
                    whole.end.max(at + 1)
                }
                None if end == text.len() => return,
                None => at + window / 2,
            };
        }
    }

    /// A match that the end of the window cut, as long as it is without.
    fn grown(&self, text: &[u8], mut found: Span, mut end: usize) -> Span {
        while found.end == end && end < text.len() && found.len() < LONGEST_MATCH {
            end = text.len().min(end + (end - found.start));
            let input = Input::new(text).span(found.start..end).anchored(Anchored::Yes);
            match self.regex.search(&input) {
                Some(longer) => found = longer.span(),
                None => return found,
            }
        }
        found
    }

    fn group(&self, text: &[u8], whole: Span, captures: Option<&mut Captures>) -> Span {
        let Some(captures) = captures else { return whole };
        let input = Input::new(text).span(whole).anchored(Anchored::Yes);
        self.regex.search_captures(&input, captures);
        let groups = (1..captures.group_len()).filter_map(|group| captures.get_group(group));
        groups.into_iter().find(|group| !group.is_empty()).unwrap_or(whole)
    }
}

fn compiled(source: &str, key: &str) -> Result<Regex, RuleError> {
    if source.len() > LONGEST_SOURCE {
        let reason = format!("is longer than {LONGEST_SOURCE} bytes");
        return Err(RuleError::new(key, &reason, "Split it into several rules"));
    }
    let bytes = build(source, false, BYTES_LIMIT);
    if !needs_unicode(source) {
        return bytes.map_err(|error| refused(&error, key));
    }
    let limit = match bytes {
        Ok(_) => UNICODE_LIMIT,
        Err(error) if error.syntax_error().is_none() => return Err(refused(&error, key)),
        Err(_) => CLASSES_LIMIT,
    };
    build(source, true, limit).map_err(|error| refused(&error, key))
}

fn build(source: &str, unicode: bool, limit: usize) -> Result<Regex, Box<BuildError>> {
    let config = Regex::config()
        .nfa_size_limit(Some(limit))
        .onepass_size_limit(Some(UNICODE_LIMIT))
        .hybrid_cache_capacity(UNICODE_LIMIT)
        .utf8_empty(false);
    let syntax = syntax::Config::new().utf8(false).nest_limit(NEST_LIMIT).unicode(unicode);
    Regex::builder().configure(config).syntax(syntax).build(source).map_err(Box::new)
}

/// Whether anything in the expression means more than bytes; what does not makes a smaller automaton.
fn needs_unicode(source: &str) -> bool {
    let letters = source.as_bytes().windows(2).any(|pair| pair[0] == b'\\' && pair[1].is_ascii_alphabetic());
    !source.is_ascii() || letters || source.contains('.') || source.contains("[^") || source.contains("(?")
}

fn refused(error: &BuildError, key: &str) -> RuleError {
    let Some(syntax) = error.syntax_error() else {
        return RuleError::new(key, "makes too large an automaton", "Lower its repetitions, or split it");
    };
    let text = syntax.to_string();
    let said = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
    let hint = if said.contains("look-around") || said.contains("backreference") {
        "Put what must go into a (group) instead: only the group is redacted"
    } else {
        "The syntax is that of Rust's regex crate"
    };
    RuleError::new(key, &format!("is no usable regular expression ({said})"), hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pattern: &str, text: &str) -> Vec<String> {
        let mut all = Vec::new();
        Pattern::searching(pattern, "k").unwrap().matches(text.as_bytes(), |span| {
            all.push(String::from_utf8_lossy(&text.as_bytes()[span.range()]).into_owned());
        });
        all
    }

    fn problem(pattern: &str) -> String {
        Pattern::searching(pattern, "k").unwrap_err().to_string()
    }

    #[test]
    fn matches_are_whole_or_their_first_group() {
        assert_eq!(found("EMP-[0-9]{6}", "EMP-123456, EMP-654321x"), ["EMP-123456", "EMP-654321"]);
        assert_eq!(found("(?i)badge[: ]+(?:no ([0-9]+)|([a-z]+))", "Badge: no 77 badge kim"), ["77", "kim"]);
        assert_eq!(found(r"Kunde (\w+)", "Kunde Müller!"), ["Müller"]);
        assert_eq!(found("(?m)^x$", "x\nxx\nx"), ["x", "x"]);
        assert_eq!(found(r"\bab\b", "ab cab ab"), ["ab", "ab"]);
    }

    #[test]
    fn windows_cut_no_match_and_invent_none() {
        let filler = "y ".repeat(WINDOW / 4 - 2);
        for shift in 0..12 {
            let text = format!("{filler}{}EMP-123456 z", "y".repeat(shift));
            assert_eq!(found("EMP-[0-9]{6}", &text), ["EMP-123456"], "{shift}");
            assert_eq!(found("EMP-[0-9]{5}$", &text), [""; 0]);
        }
        let long = "q".repeat(3 * WINDOW + 7);
        assert_eq!(found("q+", &format!("{filler}{long} q")), [long.as_str(), "q"]);
        assert_eq!(found("z+$", &format!("{}{}a", "z".repeat(WINDOW), filler)), [""; 0]);
        assert_eq!(found("ab", &"ab ".repeat(4 * MANY)).len(), 4 * MANY);
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        for (pattern, says) in [
            ("EMP-[0-9", "unclosed character class"),
            ("(?<=x)y", "look-around"),
            (r"(a)\1", "backreference"),
            ("a*", "empty text"),
            (r"\b", "empty text"),
            ("x|", "empty text"),
            ("(?:a{1,50}){1,50}b", "automaton"),
            (r"(?:\w{1,50}){1,50}b", "automaton"),
            (&"(".repeat(200), "unclosed group"),
            (&format!("{}a{}", "(".repeat(200), ")".repeat(200)), "nest"),
            (&"a".repeat(3000), "2048"),
        ] {
            let text = problem(pattern);
            assert!(text.contains(says) && text.starts_with("k: "), "{text}");
        }
    }

    #[test]
    fn allowing_takes_whole_values_and_refuses_to_allow_all() {
        let pattern = Pattern::allowing("[0-9a-f]{7}|[0-9a-f]{40}", "k").unwrap();
        assert!(pattern.allows(b"3bf0be7") && !pattern.allows(b"3bf0be7x"));
        for general in [".*", "", r"\S+", r"\w*", ".{4,}", "(?s).+", "[a-zA-Z0-9@.]+"] {
            assert!(Pattern::allowing(general, "k").is_err(), "{general}");
        }
        for narrow in [r"[\w.+-]+@acme\.dev", "[0-9]{8}", "[a-z]+", "test-.*"] {
            assert!(Pattern::allowing(narrow, "k").is_ok(), "{narrow}");
        }
    }
}
