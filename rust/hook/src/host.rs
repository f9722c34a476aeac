//! One hook of a host: its JSON becomes what it means in the trace.

use crate::cursor;
use crate::hosted::{Event, HostSession, Hosted};
use crate::setup::Setup;
use crate::tidy;
use crate::transcript::{self, Call};
use crate::value::{Given, Members, members, members_of, text_of};
use std::borrow::Cow;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;
use t800_core::event::{Field, Kind};

/// A hook's JSON may be as long as this; a longer one is not taken.
const MOST_BYTES: u64 = 64 << 20;

/// The hosts whose hooks are understood.
const HOSTS: [&str; 4] = ["claude-code", "codex", "gemini", cursor::NAME];

/// Takes one hook's JSON on stdin.
pub fn hook(host: &str, python: Option<&Path>) {
    let (began, of_cursor) = (Instant::now(), host == cursor::NAME);
    if of_cursor {
        cursor::answer();
    }
    let Some(text) = given().filter(|_| HOSTS.contains(&host)) else { return };
    // Some programs begin a text with a mark.
    let Some(payload) = members(text.trim_start_matches('\u{feff}')) else { return };
    let Some(name) = text_of(&payload, "hook_event_name") else { return };
    let output = cursor::output(&payload);
    let told = if of_cursor {
        Told {
            meaning: meaning_in_cursor(&name),
            project: cursor::project(&payload),
            payload: cursor::translated(&payload, output.as_deref()),
            whole: Some(&text),
        }
    } else if cursor::speaks(&payload) {
        return;
    } else {
        Told { meaning: meaning(&name), project: Some(start(&payload)), payload, whole: None }
    };
    told.record(host, began, python);
}

/// What was given on stdin; None where it is too much.
fn given() -> Option<String> {
    let mut bytes = Vec::new();
    std::io::stdin().lock().take(MOST_BYTES + 1).read_to_end(&mut bytes).ok()?;
    let text = |bytes| {
        String::from_utf8(bytes).unwrap_or_else(|odd| String::from_utf8_lossy(odd.as_bytes()).into_owned())
    };
    (bytes.len() as u64 <= MOST_BYTES).then(|| text(bytes))
}

/// What a hook has told, in the words that all hosts share.
struct Told<'a> {
    meaning: Option<Meaning>,
    project: Option<PathBuf>,
    payload: Members<'a>,
    /// All of it, where the same may be told twice: Cursor runs the hooks of the project and those of the user.
    whole: Option<&'a str>,
}

impl Told<'_> {
    fn record(&self, host: &str, began: Instant, python: Option<&Path>) {
        let (Some(meaning), Some(project)) = (self.meaning, &self.project) else { return };
        let Some(setup) = Setup::find(project, python) else { return };
        let id = text_of(&self.payload, "session_id").unwrap_or(Cow::Borrowed("unknown"));
        let (about, ends) = (cursor::about(&self.payload), meaning == Meaning::SessionEnd);
        let Ok(hosted) = Hosted::enter(&setup, &HostSession { host, id: &id, about: &about, ends }) else {
            return;
        };
        let once = self.whole.map(|whole| hosted.hash("payload", whole));
        if once.as_ref().is_some_and(|once| hosted.begins.told.contains(once)) {
            return;
        }
        let agent = text_of(&self.payload, "agent_id");
        let mut hook = Hook { host, payload: &self.payload, agent, hosted };
        hook.take(meaning);
        hook.hosted.begins.took(began.elapsed().as_micros() as u64, once.as_deref());
        if ends {
            hook.hosted.close();
            tidy::start(&setup, &setup.session_id(&id), python);
        } else {
            hook.hosted.leave();
        }
    }
}

/// Where to look for the project: what the host says it is, for an agent goes to other folders.
fn start(payload: &Members<'_>) -> PathBuf {
    let said = std::env::var_os("CLAUDE_PROJECT_DIR").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let said = said.or_else(|| text_of(payload, "cwd").map(|cwd| PathBuf::from(cwd.as_ref())));
    said.filter(|folder| folder.is_absolute()).or_else(|| std::env::current_dir().ok()).unwrap_or_default()
}

/// What a hook's event means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    SessionStart,
    SessionEnd,
    TurnStart,
    TurnEnd,
    TurnFailed,
    Response,
    ToolBegin,
    ToolEnd,
    ToolFailed,
    Permission(&'static str),
    AgentStart,
    AgentEnd,
    Compaction(&'static str),
}

/// The hooks that are recorded; any other leaves nothing behind.
fn meaning(name: &str) -> Option<Meaning> {
    Some(match name {
        "SessionStart" => Meaning::SessionStart,
        "SessionEnd" => Meaning::SessionEnd,
        "UserPromptSubmit" | "BeforeAgent" => Meaning::TurnStart,
        "Stop" | "AfterAgent" => Meaning::TurnEnd,
        "StopFailure" => Meaning::TurnFailed,
        "PreToolUse" | "BeforeTool" => Meaning::ToolBegin,
        "PostToolUse" | "AfterTool" => Meaning::ToolEnd,
        "PostToolUseFailure" => Meaning::ToolFailed,
        "PermissionRequest" => Meaning::Permission("asked"),
        "PermissionDenied" => Meaning::Permission("denied"),
        "SubagentStart" => Meaning::AgentStart,
        "SubagentStop" => Meaning::AgentEnd,
        "PreCompact" | "PreCompress" => Meaning::Compaction("started"),
        "PostCompact" => Meaning::Compaction("completed"),
        _ => return None,
    })
}

/// The same of Cursor. It tells of commands, files and servers once more by hooks of their own, which are passed over.
fn meaning_in_cursor(name: &str) -> Option<Meaning> {
    Some(match name {
        "sessionStart" => Meaning::SessionStart,
        "sessionEnd" => Meaning::SessionEnd,
        "beforeSubmitPrompt" => Meaning::TurnStart,
        "afterAgentResponse" => Meaning::Response,
        "stop" => Meaning::TurnEnd,
        "preToolUse" => Meaning::ToolBegin,
        "postToolUse" => Meaning::ToolEnd,
        "postToolUseFailure" => Meaning::ToolFailed,
        "subagentStart" => Meaning::AgentStart,
        "subagentStop" => Meaning::AgentEnd,
        "preCompact" => Meaning::Compaction("started"),
        _ => return None,
    })
}

/// One hook at work.
struct Hook<'a, 's> {
    host: &'a str,
    payload: &'a Members<'a>,
    agent: Option<Cow<'a, str>>,
    hosted: Hosted<'s>,
}

impl<'a> Hook<'a, '_> {
    fn take(&mut self, meaning: Meaning) {
        match meaning {
            Meaning::SessionStart => {
                let modes = ["permission_mode", "composer_mode", "is_background_agent"];
                self.checkpoint("session", "started", &[&["source", "model"], &modes[..]].concat());
            }
            Meaning::TurnStart => {
                self.checkpoint("turn", "started", &["prompt", "prompt_id", "turn_id", "model"]);
            }
            Meaning::TurnEnd => self.turn_ended(self.outcome()),
            Meaning::TurnFailed => self.turn_ended("failed"),
            Meaning::Response => self.checkpoint("response", "completed", &["response", "turn_id"]),
            Meaning::ToolBegin => self.tool_begins(),
            Meaning::ToolEnd if self.said_error().is_some() => self.tool_fails(),
            Meaning::ToolEnd => self.tool_ends(self.succeeded()),
            Meaning::ToolFailed => self.tool_fails(),
            Meaning::Permission(outcome) => self.permission(outcome),
            Meaning::AgentStart => self.agent_starts(),
            Meaning::AgentEnd => self.agent_ends(),
            Meaning::Compaction(status) => {
                self.calls("transcript_path", None);
                let context = ["context_usage_percent", "context_tokens", "context_window_size"];
                self.checkpoint(
                    "compaction",
                    status,
                    &[&["trigger", "message_count"], &context[..]].concat(),
                );
            }
            Meaning::SessionEnd => self.session_ends(),
        }
    }

    fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        text_of(self.payload, name)
    }

    /// Members of the payload as attributes, under their own names.
    fn given(&self, names: &[&'a str]) -> Vec<(&'a str, Given<'a>)> {
        names.iter().filter_map(|name| Some((*name, Given::Raw(self.payload.get(*name)?)))).collect()
    }

    /// The call that has started the sub-agent that this hook is of.
    fn parent(&self) -> Option<u64> {
        let agent = self.hosted.hash("agent", self.agent.as_deref()?);
        self.hosted.begins.parents.get(&agent).copied()
    }

    fn record(&mut self, kind: Kind, fields: Vec<(Field, Given<'_>)>, attributes: Vec<(&str, Given<'_>)>) {
        let (parent, agent) = (self.parent(), self.agent.clone());
        let event = Event { kind, fields, attributes, at: None, parent, agent: agent.as_deref() };
        self.hosted.record(&event);
    }

    fn checkpoint(&mut self, name: &str, status: &str, attributes: &[&'a str]) {
        let fields = vec![(Field::PhaseName, Given::Text(name)), (Field::Status, Given::Text(status))];
        let attributes = self.given(attributes);
        self.record(Kind::Checkpoint, fields, attributes);
    }

    /// The name under which a call waits for its end. Gemini gives calls no ids: what is called is what comes back.
    fn call(&self) -> Option<String> {
        let id = self.text("tool_use_id").or_else(|| self.text("call_id")).or_else(|| {
            let (tool, input) = (self.text("tool_name")?, self.payload.get("tool_input")?);
            (self.host == "gemini").then(|| Cow::Owned(format!("{tool}:{}", input.get())))
        })?;
        Some(self.hosted.hash("call", &id))
    }

    /// What a tool's answer says of its failure, of a host that has no hook for that.
    fn said_error(&self) -> Option<Given<'a>> {
        let error = *members_of(self.payload, "tool_response")?.get("error")?;
        let message = members(error.get()).and_then(|error| error.get("message").copied());
        (self.host == "gemini" && error.get() != "null").then(|| Given::Raw(message.unwrap_or(error)))
    }

    fn tool_begins(&mut self) {
        let Some(key) = self.call() else { return };
        let (tool, parent, agent) = (self.text("tool_name"), self.parent(), self.agent.clone());
        let spawns = matches!(tool.as_deref(), Some("Task" | "Agent" | "spawn_agent"));
        let fields = self.tool_fields();
        let event =
            Event { kind: Kind::ToolCall, fields, parent, agent: agent.as_deref(), ..Event::default() };
        self.hosted.begin(&key, spawns, &event);
    }

    fn tool_fields(&self) -> Vec<(Field, Given<'a>)> {
        let known = [
            (Field::Tool, "tool_name"),
            (Field::Parameters, "tool_input"),
            (Field::Result, "tool_response"),
            (Field::DurationMs, "duration_ms"),
        ];
        known
            .iter()
            .filter_map(|(field, name)| Some((*field, Given::Raw(self.payload.get(*name)?))))
            .collect()
    }

    /// Whether a tool that has ended has worked, as far as the host says. Claude Code tells failures by another hook.
    fn succeeded(&self) -> Option<bool> {
        let response = members_of(self.payload, "tool_response");
        let code = |found: &Members<'_>| {
            found.get("exit_code").or_else(|| found.get("exitCode"))?.get().parse::<i64>().ok()
        };
        let code = response.as_ref().and_then(|response| {
            code(response).or_else(|| members_of(response, "metadata").as_ref().and_then(code))
        });
        match code.or_else(|| self.exit_code()) {
            Some(code) => Some(code == 0),
            None => (self.host != "codex").then_some(true),
        }
    }

    /// What Codex has written of the end of a command before it calls the hook.
    fn exit_code(&self) -> Option<i64> {
        let (path, call) = (self.text("transcript_path")?, self.text("tool_use_id")?);
        if self.host == "codex" { transcript::exit_code(Path::new(path.as_ref()), &call) } else { None }
    }

    fn tool_ends(&mut self, success: Option<bool>) {
        let (parent, agent) = (self.parent(), self.agent.clone());
        let mut fields = self.tool_fields();
        let id = ["tool_use_id", "call_id"].iter().find_map(|name| self.payload.get(*name));
        fields.extend(id.map(|raw| (Field::SourceId, Given::Raw(raw))));
        fields.push((Field::Success, success.map_or(Given::Null, Given::Flag)));
        let event =
            Event { kind: Kind::ToolCall, fields, parent, agent: agent.as_deref(), ..Event::default() };
        match self.call() {
            Some(key) => self.hosted.end(&key, event),
            None => drop(self.hosted.record(&event)),
        }
    }

    fn tool_fails(&mut self) {
        let interrupted = self.payload.get("is_interrupt").is_some_and(|raw| raw.get() == "true");
        let key = self.call();
        if let Some(key) =
            key.as_ref().filter(|key| interrupted && self.hosted.begins.open.contains_key(*key))
        {
            return self.hosted.interrupt(key);
        }
        let parent = key.and_then(|key| self.hosted.begins.open.get(&key).map(|begin| begin.id));
        let mut fields = vec![(Field::ErrorType, Given::Text("tool_failed"))];
        let known =
            [(Field::Tool, "tool_name"), (Field::Message, "error"), (Field::DurationMs, "duration_ms")];
        fields.extend(
            known.iter().filter_map(|(field, name)| Some((*field, Given::Raw(self.payload.get(*name)?)))),
        );
        fields.extend(self.said_error().map(|message| (Field::Message, message)));
        let (agent, attributes) = (self.agent.clone(), self.given(&["failure_type"]));
        let parent = parent.or_else(|| self.parent());
        let event =
            Event { kind: Kind::Error, fields, attributes, at: None, parent, agent: agent.as_deref() };
        self.hosted.record(&event);
        self.tool_ends(Some(false));
    }

    fn permission(&mut self, outcome: &str) {
        let fields =
            vec![(Field::DecisionType, Given::Text("permission")), (Field::Outcome, Given::Text(outcome))];
        let attributes = self.given(&["tool_name", "permission_mode", "reason"]);
        self.record(Kind::Decision, fields, attributes);
    }

    fn agent_starts(&mut self) {
        if let Some(agent) = &self.agent {
            let agent = self.hosted.hash("agent", agent);
            let call = self.text("tool_call_id").map(|id| self.hosted.hash("call", &id));
            self.hosted.begins.adopt(&agent, call.as_deref());
        }
        self.checkpoint("agent", "started", &["agent_type"]);
    }

    fn agent_ends(&mut self) {
        let agent = self.agent.clone();
        self.calls("agent_transcript_path", agent.as_deref());
        self.checkpoint("agent", self.outcome(), &["agent_type"]);
    }

    /// How a turn or a sub-agent has ended, where its host says so.
    fn outcome(&self) -> &'static str {
        match self.text("status").as_deref() {
            Some("error") => "failed",
            Some("aborted") => "interrupted",
            _ => "completed",
        }
    }

    fn turn_ended(&mut self, status: &str) {
        self.calls("transcript_path", None);
        if status == "failed" {
            let mut fields = vec![(Field::ErrorType, Given::Text("turn_failed"))];
            let message = self.payload.get("error").or_else(|| self.payload.get("error_details"));
            fields.extend(message.map(|raw| (Field::Message, Given::Raw(raw))));
            self.record(Kind::Error, fields, Vec::new());
        }
        let tokens = ["input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"];
        let mut attributes = self.given(&[&["prompt_id", "turn_id", "loop_count"], &tokens[..]].concat());
        let said = self.payload.get("last_assistant_message").or_else(|| self.payload.get("prompt_response"));
        attributes.extend(said.map(|raw| ("response", Given::Raw(raw))));
        let fields = vec![(Field::PhaseName, Given::Text("turn")), (Field::Status, Given::Text(status))];
        self.record(Kind::Checkpoint, fields, attributes);
    }

    fn session_ends(&mut self) {
        self.calls("transcript_path", None);
        if let Some(path) = self.text("transcript_path") {
            for path in transcript::of_agents(Path::new(path.as_ref())) {
                let agent = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("agent");
                let agent = agent.strip_prefix("agent-").unwrap_or(agent).to_owned();
                self.calls_in(&path, Some(&agent));
            }
        }
        self.checkpoint("session", "completed", &["reason", "final_status", "error"]);
    }

    /// Records the model calls that a transcript tells of and no hook does.
    fn calls(&mut self, name: &str, agent: Option<&str>) {
        if let Some(path) = self.text(name) {
            self.calls_in(Path::new(path.as_ref()), agent);
        }
    }

    fn calls_in(&mut self, path: &Path, agent: Option<&str>) {
        let key = self.hosted.hash("transcript", &path.to_string_lossy());
        let from = self.hosted.begins.read.get(&key).copied().unwrap_or(0);
        let model = self.text("model");
        let Some((calls, at)) = transcript::calls(path, from, model.as_deref()) else { return };
        let parent = agent
            .and_then(|agent| self.hosted.begins.parents.get(&self.hosted.hash("agent", agent)).copied());
        // Of a session that goes on, an earlier document has what was before.
        let since = if self.hosted.begins.resumed { self.hosted.begins.started } else { 0 };
        let mut seen = Vec::new();
        for call in calls.into_iter().filter(|call| call.at.is_none_or(|at| at >= since)) {
            let id = self.hosted.hash("message", &call.id);
            if self.hosted.begins.seen.insert(id.clone()) {
                self.hosted.record(&model_call(&call, parent, agent));
                seen.push(id);
            }
        }
        self.hosted.begins.has_read(&key, at, &seen);
    }
}

/// A model's call as an event.
fn model_call<'a>(call: &'a Call, parent: Option<u64>, agent: Option<&'a str>) -> Event<'a> {
    let mut fields = vec![(Field::Success, Given::Flag(true)), (Field::SourceId, Given::Text(&call.id))];
    fields.extend(call.model.as_deref().map(|model| (Field::Model, Given::Text(model))));
    fields.extend(call.provider.as_deref().map(|provider| (Field::Provider, Given::Text(provider))));
    fields.extend(call.tokens.iter().map(|(field, count)| (*field, Given::Int(*count))));
    let attributes =
        call.stop.as_deref().map(|stop| ("stop_reason", Given::Text(stop))).into_iter().collect();
    Event { kind: Kind::LlmCall, fields, attributes, at: call.at, parent, agent }
}
