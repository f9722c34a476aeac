//! The compiled settings: one flat JSON object of dotted keys, as `t800.config` writes it.
//!
//! Python is the only reader of the YAML; everything native reads this.

use crate::encode::json::{JsonError, Sink, parse};
use crate::encode::{Enter, Limits};
use crate::event::Kind;
use crate::redact::{Identity, Policy};
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
    Texts(Vec<String>),
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
    values: HashMap<String, Setting>,
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
        let mut reader = Reader::default();
        parse(text, &mut reader).map_err(SettingsError::Json)?;
        Ok(Settings { values: reader.values })
    }

    /// What the redactor does.
    ///
    /// # Errors
    /// [`SettingsError::Key`] naming a key that is missing or of another type.
    pub fn policy(&self, around: Surroundings) -> Result<Policy, SettingsError> {
        let flag = |key| self.flag(key);
        Ok(Policy {
            redaction_value: self.text("redaction_value")?,
            always_redact: self.texts("always_redact")?,
            allow: self.texts("telemetry.privacy.allow")?,
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
        match self.values.get(key) {
            Some(Setting::Texts(value)) => Ok(value.clone()),
            _ => Err(SettingsError::Key(key)),
        }
    }
}

/// Collects the flat object; anything nested deeper than a list of texts is no setting.
#[derive(Default)]
struct Reader {
    values: HashMap<String, Setting>,
    key: String,
    list: Option<Vec<String>>,
    depth: usize,
}

impl Reader {
    fn put(&mut self, value: Setting) {
        match (&mut self.list, value) {
            (Some(list), Setting::Text(text)) => list.push(text),
            (Some(_), _) => {}
            (None, value) => {
                self.values.insert(std::mem::take(&mut self.key), value);
            }
        }
    }
}

impl Sink for Reader {
    fn begin_object(&mut self) -> Enter {
        self.depth += 1;
        if self.depth > 1 {
            self.depth -= 1;
            return Enter::Skip;
        }
        Enter::Walk
    }
    fn begin_list(&mut self) -> Enter {
        if self.depth != 1 || self.list.is_some() {
            return Enter::Skip;
        }
        self.list = Some(Vec::new());
        Enter::Walk
    }
    fn end_object(&mut self) {
        self.depth -= 1;
    }
    fn end_list(&mut self) {
        if let Some(list) = self.list.take() {
            self.put(Setting::Texts(list));
        }
    }
    fn key(&mut self, key: &str) {
        key.clone_into(&mut self.key);
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
            Settings::from_json(r#"{"telemetry.trace_tools":1,"a":{"b":[1]},"c":[["x"],"y"]}"#).unwrap();
        assert_eq!(settings.session().err(), Some(SettingsError::Key("telemetry.trace_tools")));
        assert_eq!(settings.texts("c"), Ok(vec!["y".to_owned()]));
        assert!(matches!(Settings::from_json("{"), Err(SettingsError::Json(_))));
    }
}
