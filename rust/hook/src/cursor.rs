//! Cursor's hooks, told in the words of the other hosts: they mean the same under names of their own.

use crate::value::{Members, text, text_of};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::io::Write;
use std::path::PathBuf;

/// How Cursor is called on the command line and in traces.
pub const NAME: &str = "cursor";

/// What Cursor calls otherwise. Where two mean the same, the later one counts.
const RENAMED: [(&str, &str); 9] = [
    ("session_id", "session_id"),
    ("conversation_id", "session_id"),
    ("generation_id", "turn_id"),
    ("text", "response"),
    ("tool_output", "tool_response"),
    ("duration", "duration_ms"),
    ("error_message", "error"),
    ("subagent_id", "agent_id"),
    ("subagent_type", "agent_type"),
];

/// What else is taken of a payload. Nothing that is not named here is: in every one is the user's address.
const KEPT: [&str; 24] = [
    "cache_read_tokens",
    "cache_write_tokens",
    "composer_mode",
    "context_tokens",
    "context_usage_percent",
    "context_window_size",
    "cursor_version",
    "failure_type",
    "final_status",
    "input_tokens",
    "is_background_agent",
    "is_interrupt",
    "loop_count",
    "message_count",
    "model",
    "output_tokens",
    "prompt",
    "reason",
    "status",
    "tool_call_id",
    "tool_input",
    "tool_name",
    "tool_use_id",
    "trigger",
];

/// Says that nothing is decided. Cursor takes what a hook prints for JSON, and silence for a hook that went wrong.
pub fn answer() {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(b"{}\n").and_then(|()| out.flush());
}

/// Whether a payload is one of Cursor's: it also calls what stands in Claude Code's settings.
pub fn speaks(payload: &Members<'_>) -> bool {
    payload.contains_key("cursor_version")
}

/// The payload in the words of the other hosts, without what says nothing.
pub fn translated<'a>(payload: &Members<'a>, output: Option<&'a RawValue>) -> Members<'a> {
    let kept = KEPT.iter().map(|name| (*name, *name));
    let mut told = Members::new();
    for (theirs, ours) in RENAMED.into_iter().chain(kept) {
        if let Some(raw) = payload.get(theirs).filter(|raw| !matches!(raw.get(), "null" | "\"\"")) {
            told.insert(ours.to_owned(), raw);
        }
    }
    told.extend(output.map(|output| ("tool_response".to_owned(), output)));
    told
}

/// What the metadata says of a session of Cursor's; nothing of another one.
pub fn about<'a>(told: &Members<'a>) -> Vec<(&'static str, Cow<'a, str>)> {
    let names = if speaks(told) { ["model", "cursor_version"].as_slice() } else { &[] };
    names.iter().filter_map(|name| Some((*name, text_of(told, name)?))).collect()
}

/// What a tool has given back, out of the text that Cursor makes of its JSON; None where it is another text.
pub fn output(payload: &Members<'_>) -> Option<Box<RawValue>> {
    let text = text_of(payload, "tool_output")?;
    if text.starts_with(['{', '[']) { RawValue::from_string(text.into_owned()).ok() } else { None }
}

/// The project: the first folder of the window. The user's own hooks run in the user's folder, so that where this
/// runs says nothing; a window without a folder has no project.
pub fn project(payload: &Members<'_>) -> Option<PathBuf> {
    let roots = payload.get("workspace_roots").and_then(|raw| serde_json::from_str(raw.get()).ok());
    let roots: Vec<&RawValue> = roots.unwrap_or_default();
    let said = roots.into_iter().filter_map(text).chain(text_of(payload, "cwd"));
    said.map(|said| PathBuf::from(said.as_ref())).find(|folder| folder.is_absolute())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::members;

    #[test]
    fn only_what_is_named_is_taken() {
        let text = r#"{"conversation_id":"c","session_id":"s","generation_id":"","user_email":"a@b.c","model":null,
            "transcript_path":"/t","text":"x","duration":5,"tool_output":"{\"a\":1}","odd":1,"tool_response":"theirs"}"#;
        let payload = members(text).unwrap();
        let output = output(&payload);
        let told = translated(&payload, output.as_deref());
        let told: Vec<(&str, &str)> = told.iter().map(|(name, raw)| (name.as_str(), raw.get())).collect();
        let expected = [("duration_ms", "5"), ("response", "\"x\""), ("session_id", "\"c\"")];
        assert_eq!(told, [expected.as_slice(), &[("tool_response", "{\"a\":1}")]].concat());
    }

    #[test]
    fn an_output_that_is_no_json_stays_a_text() {
        let deep = format!(r#"{{"tool_output":"{}"}}"#, "[".repeat(100_000));
        for given in
            [r#"{"tool_output":"{x"}"#, r#"{"tool_output":"7"}"#, r#"{"tool_output":{}}"#, "{}", &deep]
        {
            assert!(output(&members(given).unwrap()).is_none());
        }
    }
}
