//! The compiled settings: one flat JSON object of dotted keys, as `t800.config` writes it.
//!
//! Python is the only reader of the YAML; everything native reads this.

use crate::encode::json::{JsonError, Sink, parse};
use crate::encode::{Enter, Limits};
use crate::event::Kind;
use crate::redact::{Identity, Policy, Treatment, UserRule};
use crate::session::SessionPolicy;
use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

/// A value of a setting.
#[derive(Clone, Debug, PartialEq)]
enum Setting {
    Null,
    Flag(bool),
    Number(f64),
    Text(String),
    List(Vec<Setting>),
    Table(Table),
}

type Table = HashMap<String, Setting>;

impl Setting {
    fn text(&self) -> Option<&str> {
        match self {
            Setting::Text(text) => Some(text),
            _ => None,
        }
    }

    fn list(&self) -> Option<&[Setting]> {
        match self {
            Setting::List(items) => Some(items),
            _ => None,
        }
    }

    fn table(&self) -> Option<&Table> {
        match self {
            Setting::Table(members) => Some(members),
            _ => None,
        }
    }

    /// All items of a list of texts.
    fn texts(&self) -> Option<Vec<String>> {
        self.list()?.iter().map(|item| item.text().map(str::to_owned)).collect()
    }

    /// The texts of an allow-list, and the expressions among them: `["text", {"pattern": "expression"}]`.
    fn exceptions(&self) -> Option<(Vec<String>, Vec<String>)> {
        let (mut texts, mut patterns) = (Vec::new(), Vec::new());
        for item in self.list()? {
            match item.table() {
                Some(members) => patterns.push(members.get("pattern")?.text()?.to_owned()),
                None => texts.push(item.text()?.to_owned()),
            }
        }
        Some((texts, patterns))
    }

    /// One of the user's own rules.
    fn rule(&self) -> Option<UserRule> {
        let members = self.table()?;
        let text = |name| members.get(name).and_then(Setting::text).map(str::to_owned);
        let (allow, allow_patterns) =
            members.get("allow").map_or(Some(Default::default()), Setting::exceptions)?;
        let keywords = members.get("keywords").map_or(Some(Vec::new()), Setting::texts)?;
        Some(UserRule { id: text("id")?, pattern: text("pattern")?, keywords, allow, allow_patterns })
    }

    /// What the user wants of single fields, in the order of their names.
    fn treatments(&self) -> Option<Vec<(String, Treatment)>> {
        let treatment = |value: &Setting| match value.text()? {
            "redact" => Some(Treatment::Redact),
            "hash" => Some(Treatment::Hash),
            "scan" => Some(Treatment::Scan),
            _ => None,
        };
        let named = self.table()?.iter().map(|(name, value)| Some((name.clone(), treatment(value)?)));
        let mut fields = named.collect::<Option<Vec<_>>>()?;
        fields.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        Some(fields)
    }
}

/// Compiled settings that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingsError {
    /// The text is not JSON.
    Json(JsonError),
    /// A key is missing or holds another type than it must.
    Key(&'static str),
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SettingsError::Json(error) => write!(f, "compiled settings: {error}"),
            SettingsError::Key(key) => write!(f, "compiled settings: {key} is missing or of another type"),
        }
    }
}

impl std::error::Error for SettingsError {}

/// The compiled settings, by dotted key.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    values: Table,
}

/// Who records, and where: what the settings do not know.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The user's home directory.
    pub home: Option<String>,
    /// The project root, as given and as resolved.
    pub project_roots: Vec<String>,
    /// What the machine knows of its user.
    pub identity: Identity,
    /// The per-install key.
    pub key: [u8; 32],
}

impl Settings {
    /// Reads compiled settings.
    ///
    /// # Errors
    /// [`SettingsError::Json`] when the text is not JSON.
    pub fn from_json(text: &str) -> Result<Settings, SettingsError> {
        let mut reader = Reader { open: Vec::new(), done: Setting::Null };
        parse(text, &mut reader).map_err(SettingsError::Json)?;
        match reader.done {
            Setting::Table(values) => Ok(Settings { values }),
            _ => Ok(Settings::default()),
        }
    }

    /// What the redactor does.
    ///
    /// # Errors
    /// [`SettingsError::Key`] naming a key that is missing or of another type.
    pub fn policy(&self, around: Surroundings) -> Result<Policy, SettingsError> {
        let flag = |key| self.flag(key);
        let (allow, allow_patterns) = self.allow()?;
        Ok(Policy {
            redaction_value: self.text("redaction_value")?,
            always_redact: self.texts("always_redact")?,
            allow,
            allow_patterns,
            fields: self.fields()?,
            rules: self.rules()?,
            relative_paths: self.text("file_paths.mode")? == "relative",
            sensitive_dirs: self.texts("file_paths.sensitive_dirs")?,
            redact_pii: flag("telemetry.privacy.redact_pii")?,
            redact_sensitive_paths: flag("telemetry.privacy.redact_sensitive_paths")?,
            redact_content: flag("telemetry.privacy.redact_content")?,
            max_value_bytes: self.size("telemetry.privacy.max_value_bytes")?,
            home: around.home,
            project_roots: self.roots(around.project_roots)?,
            identity: around.identity,
            key: around.key,
        })
    }

    /// What a session records, and how.
    ///
    /// # Errors
    /// [`SettingsError::Key`] naming a key that is missing or of another type.
    pub fn session(&self) -> Result<SessionPolicy, SettingsError> {
        let mut kinds = [true; Kind::ALL.len()];
        kinds[Kind::ToolCall as usize] = self.flag("telemetry.trace_tools")?;
        kinds[Kind::LlmCall as usize] = self.flag("telemetry.trace_llm")?;
        kinds[Kind::Decision as usize] = self.flag("telemetry.trace_decisions")?;
        kinds[Kind::Error as usize] = self.flag("telemetry.trace_errors")?;
        kinds[Kind::Checkpoint as usize] = self.flag("telemetry.trace_checkpoints")?;
        let value_bytes = self.size("telemetry.privacy.max_value_bytes")?;
        let event_bytes = self.size("telemetry.privacy.max_event_bytes")?;
        Ok(SessionPolicy {
            kinds,
            limits: Limits::of_event(value_bytes, event_bytes),
            budget_ns: (self.number("telemetry.performance.max_overhead_ms")? * 1e6) as u64,
            max_events: self.size("trace_buffer.max_events")?.max(1),
            max_bytes: self.size("trace_buffer.max_size_kb")?.max(1).saturating_mul(1024),
            flush_interval: Duration::from_millis(self.size("trace_buffer.flush_interval_ms")?.max(1) as u64),
            flush_on_error: self.flag("trace_buffer.flush_on_error")?,
            flush_on_checkpoint: self.flag("trace_buffer.flush_on_checkpoint")?,
        })
    }

    /// The directories that paths are made relative to: the project root, or the configured base.
    fn roots(&self, project: Vec<String>) -> Result<Vec<String>, SettingsError> {
        let base = self.text("file_paths.base")?;
        Ok(if base == "project_root" { project } else { vec![base] })
    }

    fn flag(&self, key: &'static str) -> Result<bool, SettingsError> {
        match self.values.get(key) {
            Some(Setting::Flag(value)) => Ok(*value),
            _ => Err(SettingsError::Key(key)),
        }
    }

    fn number(&self, key: &'static str) -> Result<f64, SettingsError> {
        match self.values.get(key) {
            Some(Setting::Number(value)) if *value >= 0.0 => Ok(*value),
            _ => Err(SettingsError::Key(key)),
        }
    }

    fn size(&self, key: &'static str) -> Result<usize, SettingsError> {
        self.number(key).map(|number| number as usize)
    }

    fn text(&self, key: &'static str) -> Result<String, SettingsError> {
        match self.values.get(key) {
            Some(Setting::Text(value)) => Ok(value.clone()),
            _ => Err(SettingsError::Key(key)),
        }
    }

    fn texts(&self, key: &'static str) -> Result<Vec<String>, SettingsError> {
        self.values.get(key).and_then(Setting::texts).ok_or(SettingsError::Key(key))
    }

    fn allow(&self) -> Result<(Vec<String>, Vec<String>), SettingsError> {
        let key = "telemetry.privacy.allow";
        self.values.get(key).and_then(Setting::exceptions).ok_or(SettingsError::Key(key))
    }

    fn fields(&self) -> Result<Vec<(String, Treatment)>, SettingsError> {
        let key = "telemetry.privacy.fields";
        self.values.get(key).and_then(Setting::treatments).ok_or(SettingsError::Key(key))
    }

    fn rules(&self) -> Result<Vec<UserRule>, SettingsError> {
        let key = "telemetry.privacy.rules";
        let rules = self.values.get(key).and_then(Setting::list).ok_or(SettingsError::Key(key))?;
        rules.iter().map(Setting::rule).collect::<Option<_>>().ok_or(SettingsError::Key(key))
    }
}

/// Builds the tree of settings; what is nested deeper than any setting is passed over.
struct Reader {
    /// The containers that are open, the outermost first.
    open: Vec<Open>,
    done: Setting,
}

struct Open {
    value: Setting,
    key: String,
}

/// The nesting of `telemetry.privacy.rules`: the settings, the list, a rule, its exceptions, one of them.
const DEEPEST: usize = 5;

impl Reader {
    fn put(&mut self, value: Setting) {
        let Some(open) = self.open.last_mut() else {
            self.done = value;
            return;
        };
        match &mut open.value {
            Setting::List(items) => items.push(value),
            Setting::Table(members) => {
                members.insert(std::mem::take(&mut open.key), value);
            }
            _ => {}
        }
    }

    fn begin(&mut self, value: Setting) -> Enter {
        if self.open.len() >= DEEPEST {
            return Enter::Skip;
        }
        self.open.push(Open { value, key: String::new() });
        Enter::Walk
    }

    fn end(&mut self) {
        if let Some(open) = self.open.pop() {
            self.put(open.value);
        }
    }
}

impl Sink for Reader {
    fn begin_object(&mut self) -> Enter {
        self.begin(Setting::Table(HashMap::new()))
    }
    fn begin_list(&mut self) -> Enter {
        self.begin(Setting::List(Vec::new()))
    }
    fn end_object(&mut self) {
        self.end();
    }
    fn end_list(&mut self) {
        self.end();
    }
    fn key(&mut self, key: &str) {
        if let Some(open) = self.open.last_mut() {
            key.clone_into(&mut open.key);
        }
    }
    fn string(&mut self, text: &str, _: Option<&str>) {
        self.put(Setting::Text(text.to_owned()));
    }
    fn number(&mut self, text: &str) {
        self.put(text.parse().map_or(Setting::Null, Setting::Number));
    }
    fn bool(&mut self, value: bool) {
        self.put(Setting::Flag(value));
    }
    fn null(&mut self) {
        self.put(Setting::Null);
    }
    fn full(&self) -> bool {
        false
    }
    fn left_out(&mut self, _: usize) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_is_missing() {
        let settings =
            Settings::from_json(r#"{"telemetry.trace_tools":1,"a":{"b":[1]},"c":["x","y"],"d":["x",1]}"#)
                .unwrap();
        assert_eq!(settings.session().err(), Some(SettingsError::Key("telemetry.trace_tools")));
        assert_eq!(settings.texts("c"), Ok(vec!["x".to_owned(), "y".to_owned()]));
        assert_eq!(settings.texts("d"), Err(SettingsError::Key("d")));
        assert!(matches!(Settings::from_json("{"), Err(SettingsError::Json(_))));
    }

    #[test]
    fn reads_what_the_user_adds() {
        let settings = Settings::from_json(
            r#"{"telemetry.privacy.rules":[{"id":"a","pattern":"x+","keywords":["k"],"allow":["x",{"pattern":"xx"}]}],
                "telemetry.privacy.allow":["t",{"pattern":"p"}],
                "telemetry.privacy.fields":{"headers":"redact","sql":"hash"}}"#,
        )
        .unwrap();
        let rule = UserRule {
            id: "a".into(),
            pattern: "x+".into(),
            keywords: vec!["k".into()],
            allow: vec!["x".into()],
            allow_patterns: vec!["xx".into()],
        };
        assert_eq!(settings.rules(), Ok(vec![rule]));
        assert_eq!(settings.allow(), Ok((vec!["t".into()], vec!["p".into()])));
        let fields = vec![("headers".into(), Treatment::Redact), ("sql".into(), Treatment::Hash)];
        assert_eq!(settings.fields(), Ok(fields));
    }

    #[test]
    fn refuses_what_the_user_cannot_add() {
        for (key, text) in [
            ("telemetry.privacy.rules", r#"[{"id":"a"}]"#),
            ("telemetry.privacy.rules", r#"[{"id":"a","pattern":7}]"#),
            ("telemetry.privacy.rules", r#"[{"id":"a","pattern":"x","keywords":"k"}]"#),
            ("telemetry.privacy.rules", r#"["a"]"#),
            ("telemetry.privacy.allow", r#"[{"text":"x"}]"#),
            ("telemetry.privacy.allow", r#"[["x"]]"#),
            ("telemetry.privacy.fields", r#"{"a":"drop"}"#),
            ("telemetry.privacy.fields", r#"["a"]"#),
        ] {
            let settings = Settings::from_json(&format!("{{{key:?}:{text}}}")).unwrap();
            let wrong = match key {
                "telemetry.privacy.rules" => settings.rules().err(),
                "telemetry.privacy.allow" => settings.allow().err(),
                _ => settings.fields().err(),
            };
            assert_eq!(wrong, Some(SettingsError::Key(key)), "{text}");
        }
    }
}
