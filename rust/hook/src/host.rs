//! One hook of a host: its JSON becomes what it means in the trace.

use crate::hosted::{Event, Hosted};
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
const HOSTS: [&str; 3] = ["claude-code", "codex", "gemini"];

/// Takes one hook's JSON on stdin.
pub fn hook(host: &str, python: Option<&Path>) {
    let (began, mut bytes) = (Instant::now(), Vec::new());
    let read = std::io::stdin().lock().take(MOST_BYTES + 1).read_to_end(&mut bytes);
    if read.is_err() || bytes.len() as u64 > MOST_BYTES || !HOSTS.contains(&host) {
        return;
    }
    let text = String::from_utf8_lossy(&bytes);
    let Some(payload) = members(&text) else { return };
    let Some(meaning) = text_of(&payload, "hook_event_name").and_then(|name| meaning(&name)) else { return };
    let Some(setup) = Setup::find(&start(&payload), python) else { return };
    let id = text_of(&payload, "session_id").unwrap_or(Cow::Borrowed("unknown"));
    let Ok(hosted) = Hosted::enter(&setup, host, &id) else { return };
    let mut hook = Hook { host, payload: &payload, agent: text_of(&payload, "agent_id"), hosted };
    let took = |hook: &mut Hook<'_, '_>| hook.hosted.begins.took(began.elapsed().as_micros() as u64);
    if meaning == Meaning::SessionEnd {
        hook.session_ends();
        took(&mut hook);
        hook.hosted.close();
        tidy::start(&setup, &setup.session_id(&id), python);
    } else {
        hook.take(meaning);
        took(&mut hook);
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
                self.checkpoint("session", "started", &["source", "model", "permission_mode"]);
            }
            Meaning::TurnStart => self.checkpoint("turn", "started", &["prompt", "prompt_id", "turn_id"]),
            Meaning::TurnEnd | Meaning::TurnFailed => self.turn_ended(meaning == Meaning::TurnEnd),
            Meaning::ToolBegin => self.tool_begins(),
            Meaning::ToolEnd if self.said_error().is_some() => self.tool_fails(),
            Meaning::ToolEnd => self.tool_ends(self.succeeded()),
            Meaning::ToolFailed => self.tool_fails(),
            Meaning::Permission(outcome) => self.permission(outcome),
            Meaning::AgentStart => self.agent_starts(),
            Meaning::AgentEnd => self.agent_ends(),
            Meaning::Compaction(status) => {
                self.calls("transcript_path", None);
                self.checkpoint("compaction", status, &["trigger"]);
            }
            Meaning::SessionEnd => {}
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
        let code = |found: &Members<'_>| found.get("exit_code")?.get().parse::<i64>().ok();
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
        let agent = self.agent.clone();
        let parent = parent.or_else(|| self.parent());
        let event = Event { kind: Kind::Error, fields, parent, agent: agent.as_deref(), ..Event::default() };
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
            self.hosted.begins.adopt(&agent);
        }
        self.checkpoint("agent", "started", &["agent_type"]);
    }

    fn agent_ends(&mut self) {
        let agent = self.agent.clone();
        self.calls("agent_transcript_path", agent.as_deref());
        self.checkpoint("agent", "completed", &["agent_type"]);
    }

    fn turn_ended(&mut self, completed: bool) {
        self.calls("transcript_path", None);
        if !completed {
            let mut fields = vec![(Field::ErrorType, Given::Text("turn_failed"))];
            let message = self.payload.get("error").or_else(|| self.payload.get("error_details"));
            fields.extend(message.map(|raw| (Field::Message, Given::Raw(raw))));
            self.record(Kind::Error, fields, Vec::new());
        }
        let status = if completed { "completed" } else { "failed" };
        let mut attributes = self.given(&["prompt_id", "turn_id"]);
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
        self.checkpoint("session", "completed", &["reason"]);
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
        let mut seen = Vec::new();
        for call in calls {
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
