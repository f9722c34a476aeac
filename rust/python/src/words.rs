//! What the audit takes from the core: a search for words, and the user's allow-list. No rule of the recorder.

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use t800_core::redact::Allow;

/// A set of words to look for. It knows nothing of redaction: the audit shares no rule with the recorder.
#[pyclass(frozen, module = "t800._core")]
pub struct Words {
    automaton: AhoCorasick,
    lengths: Vec<usize>,
}

#[pymethods]
impl Words {
    /// The words, by their positions; with `ignore_case` ASCII letters match in any case.
    #[new]
    #[pyo3(signature = (words, ignore_case=false))]
    fn new(words: Vec<String>, ignore_case: bool) -> PyResult<Words> {
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(ignore_case)
            .kind(Some(AhoCorasickKind::DFA))
            .build(&words)
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok(Words { automaton, lengths: words.iter().map(|word| word.chars().count()).collect() })
    }

    /// Every place of every word: where it starts, in characters, and which word it is. In the order of their ends.
    fn hits(&self, text: &str) -> Vec<(usize, usize)> {
        let bytes = text.as_bytes();
        let (mut at, mut characters) = (0, 0);
        let hits = self.automaton.find_overlapping_iter(text).map(|hit| {
            characters += bytes[at..hit.end()].iter().filter(|byte| **byte & 0xc0 != 0x80).count();
            at = hit.end();
            let word = hit.pattern().as_usize();
            (characters - self.lengths[word], word)
        });
        hits.collect()
    }
}

/// The texts and patterns that the user allows, as the recorder reads them: no pattern can keep it busy.
#[pyclass(frozen, module = "t800._core")]
pub struct Exceptions {
    allow: Allow,
}

#[pymethods]
impl Exceptions {
    /// Texts, and patterns for whole texts; `ValueError` where a pattern cannot be used.
    #[new]
    fn new(texts: Vec<String>, patterns: Vec<String>) -> PyResult<Exceptions> {
        let allow = Allow::new(&texts, &patterns, "telemetry.privacy.allow")
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok(Exceptions { allow })
    }

    /// Whether the text is one of them.
    fn allows(&self, text: &str) -> bool {
        self.allow.allows(text)
    }
}
