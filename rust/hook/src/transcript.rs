//! Model calls out of a host's own transcript: hooks carry no token usage.
//!
//! Claude Code writes a response as several lines that repeat its usage, also in the files of sub-agents; Codex writes
//! a line for each count. Only a transcript's lines from where it was last read on are looked at.

use crate::system::open_file;
use crate::value::{Members, count_of, members, members_of, text_of};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use t800_core::clock::{Wall, parse_rfc3339};
use t800_core::event::Field;

/// So much of a transcript is read at once; the rest at the next hook.
const MOST_BYTES: u64 = 64 << 20;

/// The end of a transcript, where the last command is looked for.
const LATEST_BYTES: u64 = 256 << 10;

/// One call of a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Call {
    /// The response's id.
    pub id: String,
    /// The model.
    pub model: Option<String>,
    /// Who serves it.
    pub provider: Option<String>,
    /// When its response was written.
    pub at: Option<Wall>,
    /// Why it stopped.
    pub stop: Option<String>,
    /// What it has used.
    pub tokens: Vec<(Field, i64)>,
}

/// The calls in a transcript behind `from`, each once, and up to where it was read; None where it is not to be read.
pub fn calls(path: &Path, from: u64, model: Option<&str>) -> Option<(Vec<Call>, u64)> {
    let bytes = read(path, from)?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let text = String::from_utf8_lossy(&bytes[..whole]);
    let mut found = Found { model: model.map(str::to_owned), ..Found::default() };
    for line in text.lines() {
        if let Some(line) = members(line) {
            found.line(&line);
        }
    }
    Some((found.calls, from + whole as u64))
}

/// The exit code of a command that has just ended, as a rollout tells it; None where it does not.
pub fn exit_code(path: &Path, call: &str) -> Option<i64> {
    let bytes = read(path, std::fs::metadata(path).ok()?.len().saturating_sub(LATEST_BYTES))?;
    let text = String::from_utf8_lossy(&bytes);
    text.lines().rev().filter(|line| line.contains("exit_code")).find_map(|line| {
        let item = members_of(&members_of(&members(line)?, "payload")?, "item")?;
        let same = text_of(&item, "id").as_deref() == Some(call);
        item.get("exit_code").filter(|_| same)?.get().parse().ok()
    })
}

/// The transcripts of sub-agents that lie beside a session's own.
pub fn of_agents(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(path.with_extension("").join("subagents")) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort_unstable();
    files
}

fn read(path: &Path, from: u64) -> Option<Vec<u8>> {
    let mut file = open_file(path).ok()?;
    let len = file.metadata().ok().filter(std::fs::Metadata::is_file)?.len();
    // A transcript that has become shorter is another one.
    let from = if from > len { 0 } else { from };
    file.seek(SeekFrom::Start(from)).ok()?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// What was found so far.
#[derive(Default)]
struct Found {
    calls: Vec<Call>,
    model: Option<String>,
    provider: Option<String>,
    /// Codex: the sum that the last count has told.
    total: Option<i64>,
}

impl Found {
    fn line(&mut self, line: &Members<'_>) {
        let at = text_of(line, "timestamp").and_then(|time| parse_rfc3339(&time));
        match text_of(line, "type").as_deref() {
            Some("assistant") => self.response(line, at),
            Some("session_meta" | "turn_context") => self.context(line),
            Some("event_msg") => self.count(line, at),
            _ => {}
        }
    }

    /// A line of a response of Claude Code: the last one of an id says what it has used in the end.
    fn response(&mut self, line: &Members<'_>, at: Option<Wall>) {
        let Some(message) = members_of(line, "message") else { return };
        let (Some(id), Some(usage)) = (text_of(&message, "id"), members_of(&message, "usage")) else {
            return;
        };
        let known = self.calls.iter().position(|call| call.id == id);
        let model = text_of(&message, "model").map(std::borrow::Cow::into_owned);
        let call = Call {
            id: id.into_owned(),
            model,
            provider: Some("anthropic".to_owned()),
            at: known.and_then(|known| self.calls[known].at).or(at),
            stop: text_of(&message, "stop_reason").map(std::borrow::Cow::into_owned),
            tokens: anthropic_tokens(&usage),
        };
        match known {
            Some(known) => self.calls[known] = call,
            None => self.calls.push(call),
        }
    }

    fn context(&mut self, line: &Members<'_>) {
        let Some(payload) = members_of(line, "payload") else { return };
        let text = |name| text_of(&payload, name).map(std::borrow::Cow::into_owned);
        self.model = text("model").or(self.model.take());
        self.provider = text("model_provider").or(self.provider.take());
    }

    /// A count of Codex: the same sum again is the same call.
    fn count(&mut self, line: &Members<'_>, at: Option<Wall>) {
        let payload = members_of(line, "payload")
            .filter(|payload| text_of(payload, "type").as_deref() == Some("token_count"));
        let Some(info) = payload.and_then(|payload| members_of(&payload, "info")) else { return };
        let (Some(last), Some(sum)) =
            (members_of(&info, "last_token_usage"), members_of(&info, "total_token_usage"))
        else {
            return;
        };
        let total = count_of(&sum, "total_tokens");
        if total.is_none() || std::mem::replace(&mut self.total, total) == total {
            return;
        }
        let (model, provider) = (self.model.clone(), self.provider.clone());
        let id = format!("total-{}", total.unwrap_or_default());
        self.calls.push(Call { id, model, provider, at, stop: None, tokens: openai_tokens(&last) });
    }
}

/// All input counts as prompt, whether it was cached or not.
fn anthropic_tokens(usage: &Members<'_>) -> Vec<(Field, i64)> {
    let count = |name| count_of(usage, name);
    let (read, write) = (count("cache_read_input_tokens"), count("cache_creation_input_tokens"));
    let prompt = count("input_tokens")
        .map(|input| input.saturating_add(read.unwrap_or(0)).saturating_add(write.unwrap_or(0)));
    kept([
        (Field::PromptTokens, prompt),
        (Field::CompletionTokens, count("output_tokens")),
        (Field::CachedTokens, read),
        (Field::CacheWriteTokens, write),
    ])
}

/// Cached tokens are a part of the input already, reasoning a part of the output.
fn openai_tokens(usage: &Members<'_>) -> Vec<(Field, i64)> {
    kept([
        (Field::PromptTokens, count_of(usage, "input_tokens")),
        (Field::CompletionTokens, count_of(usage, "output_tokens")),
        (Field::CachedTokens, count_of(usage, "cached_input_tokens")),
        (Field::ReasoningTokens, count_of(usage, "reasoning_output_tokens")),
    ])
}

fn kept(counts: [(Field, Option<i64>); 4]) -> Vec<(Field, i64)> {
    counts.into_iter().filter_map(|(field, count)| Some((field, count?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(name: &str, text: &[u8]) -> PathBuf {
        let path = std::env::temp_dir().join(format!("t800-transcript-{name}-{}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        path
    }

    fn line(id: &str, output: i64) -> String {
        format!(
            "{{\"type\":\"assistant\",\"timestamp\":\"2026-01-15T10:30:00Z\",\"message\":{{\"id\":\"{id}\",\"model\":\"m\",\
             \"usage\":{{\"input_tokens\":3,\"cache_read_input_tokens\":40,\"cache_creation_input_tokens\":7,\
             \"output_tokens\":{output}}}}}}}\n"
        )
    }

    #[test]
    fn a_response_in_several_lines_is_one_call() {
        let path =
            written("lines", (line("a", 1) + &line("a", 1) + &line("b", 5) + &line("a", 9)).as_bytes());
        let (calls, at) = super::calls(&path, 0, None).unwrap();
        let tokens: Vec<_> =
            calls.iter().map(|call| (call.id.as_str(), call.tokens[0].1, call.tokens[1].1)).collect();
        assert_eq!(tokens, [("a", 50, 9), ("b", 50, 5)]);
        assert_eq!(super::calls(&path, at, None).unwrap().0, []);
        // A transcript that has become shorter is read anew.
        assert_eq!(super::calls(&path, at + 1, None).unwrap().0.len(), 2);
    }

    #[test]
    fn what_is_being_written_waits_for_the_next_time() {
        let whole = line("a", 1) + &line("b", 2);
        let path = written("torn", &whole.as_bytes()[..whole.len() - 5]);
        let (calls, at) = super::calls(&path, 0, None).unwrap();
        assert_eq!(calls.len(), 1);
        std::fs::write(&path, whole).unwrap();
        assert_eq!(super::calls(&path, at, None).unwrap().0[0].id, "b");
    }

    #[test]
    fn counts_that_say_the_same_sum_are_one_call() {
        let count = |total: i64| {
            format!(
                "{{\"type\":\"event_msg\",\"payload\":{{\"type\":\"token_count\",\"info\":{{\"last_token_usage\":\
                 {{\"input_tokens\":10,\"cached_input_tokens\":4,\"output_tokens\":6,\"reasoning_output_tokens\":2}},\
                 \"total_token_usage\":{{\"total_tokens\":{total}}}}}}}}}\n"
            )
        };
        let text = "{\"type\":\"turn_context\",\"payload\":{\"model\":\"m1\"}}\n".to_owned();
        let path = written("counts", (text + &count(16) + &count(16) + &count(32)).as_bytes());
        let (calls, _) = super::calls(&path, 0, Some("other")).unwrap();
        assert_eq!(calls.iter().map(|call| call.id.as_str()).collect::<Vec<_>>(), ["total-16", "total-32"]);
        assert_eq!(calls[0].model.as_deref(), Some("m1"));
        assert_eq!(calls[0].tokens[3], (Field::ReasoningTokens, 2));
    }

    #[test]
    fn the_exit_code_is_that_of_the_call() {
        let item = |id: &str, code: &str| {
            format!("{{\"payload\":{{\"item\":{{\"id\":\"{id}\",\"exit_code\":{code}}}}}}}\n")
        };
        let text = item("a", "3") + &item("b", "0") + "exit_code {\n" + &item("c", "null");
        let path = written("exit", text.as_bytes());
        let codes = ["a", "b", "c", "d"].map(|call| exit_code(&path, call));
        assert_eq!(codes, [Some(3), Some(0), None, None]);
        assert_eq!(exit_code(Path::new("/nowhere"), "a"), None);
    }

    #[test]
    fn hostile_transcripts_are_passed_over() {
        let mut bytes = vec![0xff; 1 << 20];
        bytes.extend_from_slice(
            b"\n{\"type\":\"assistant\",\"message\":7}\n\n{\"type\":\"assistant\",\"message\":{\"id\":[]}}\n",
        );
        bytes.extend_from_slice(line("a", i64::MAX).as_bytes());
        let (calls, _) = super::calls(&written("hostile", &bytes), 0, None).unwrap();
        assert_eq!(calls.len(), 1);
        assert!(super::calls(Path::new("/nowhere"), 0, None).is_none());
        assert!(super::calls(&std::env::temp_dir(), 0, None).is_none());
        let pipe = std::env::temp_dir().join(format!("t800-transcript-pipe-{}", std::process::id()));
        let _ = std::fs::remove_file(&pipe);
        if crate::system::make_pipe(&pipe).is_ok() {
            assert!(super::calls(&pipe, 0, None).is_none());
        }
    }
}
