//! The compiled settings: one flat JSON object of dotted keys, as `t800.config` writes it.
//!
//! Python is the only reader of the YAML; everything native reads this.

use crate::encode::Limits;
use crate::encode::json::JsonError;
use crate::encode::tree::Tree;
use crate::event::Kind;
use crate::price::{Prices, Rate, Rates};
use crate::redact::{Identity, Policy, Treatment, UserRule};
use crate::ring::Where;
use crate::session::{Durability, FlightPolicy, SessionPolicy, Triggers};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The texts of an allow-list, and the expressions among them: `["text", {"pattern": "expression"}]`.
fn exceptions(tree: &Tree) -> Option<(Vec<String>, Vec<String>)> {
    let (mut texts, mut patterns) = (Vec::new(), Vec::new());
    for item in tree.list()? {
        match item.table() {
            Some(members) => patterns.push(members.get("pattern")?.text()?.to_owned()),
            None => texts.push(item.text()?.to_owned()),
        }
    }
    Some((texts, patterns))
}

/// One of the user's own rules.
fn rule(tree: &Tree) -> Option<UserRule> {
    let members = tree.table()?;
    let text = |name| members.get(name).and_then(Tree::text).map(str::to_owned);
    let (allow, allow_patterns) = members.get("allow").map_or(Some(Default::default()), exceptions)?;
    let keywords = members.get("keywords").map_or(Some(Vec::new()), Tree::texts)?;
    Some(UserRule { id: text("id")?, pattern: text("pattern")?, keywords, allow, allow_patterns })
}

/// What the user wants of single fields, in the order of their names.
fn treatments(tree: &Tree) -> Option<Vec<(String, Treatment)>> {
    let treatment = |value: &Tree| match value.text()? {
        "redact" => Some(Treatment::Redact),
        "hash" => Some(Treatment::Hash),
        "scan" => Some(Treatment::Scan),
        _ => None,
    };
    let named = tree.table()?.iter().map(|(name, value)| Some((name.clone(), treatment(value)?)));
    let mut fields = named.collect::<Option<Vec<_>>>()?;
    fields.sort_unstable_by(|one, other| one.0.cmp(&other.0));
    Some(fields)
}

/// What a model's tokens cost, in dollars for a million of them.
fn rates(tree: &Tree) -> Option<Rates> {
    let mut rates = Rates::default();
    for (name, price) in tree.table()? {
        let rate = match name.as_str() {
            "input" => &mut rates.input,
            "output" => &mut rates.output,
            "cached" => &mut rates.cached,
            "cache_write" => &mut rates.written,
            "reasoning" => &mut rates.reasoning,
            _ => return None,
        };
        let price = price.number().filter(|price| (0.0..=1e6).contains(price))?;
        *rate = Some(Rate::flat((price * 1e9).round() as u64));
    }
    Some(rates)
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
    values: HashMap<String, Tree>,
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

/// A megabyte: sixteen of them are one document.
const MB: u64 = 1_000_000;
/// Minutes that stand for ever.
const MOST_MINUTES: f64 = 1e9;
/// The writer starts before the ring is full, whatever the settings say.
const MOST_WAITING: usize = 16 << 20;

impl Settings {
    /// Reads compiled settings.
    ///
    /// # Errors
    /// [`SettingsError::Json`] when the text is not JSON.
    pub fn from_json(text: &str) -> Result<Settings, SettingsError> {
        match Tree::parse(text).map_err(SettingsError::Json)? {
            Tree::Table(values) => Ok(Settings { values }),
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
            max_bytes: self.size("trace_buffer.max_size_kb")?.max(1).saturating_mul(1024).min(MOST_WAITING),
            flush_interval: Duration::from_millis(self.size("trace_buffer.flush_interval_ms")?.max(1) as u64),
            flush_on_error: self.flag("trace_buffer.flush_on_error")?,
            flush_on_checkpoint: self.flag("trace_buffer.flush_on_checkpoint")?,
            durability: self.durability()?,
            flight: self.flight()?,
            prices: Arc::new(Prices::new(self.prices()?)),
        })
    }

    /// What flight-recorder mode keeps; None in full mode.
    fn flight(&self) -> Result<Option<FlightPolicy>, SettingsError> {
        let key = "telemetry.mode";
        match self.text(key)?.as_str() {
            "full" => Ok(None),
            "flight" => Ok(Some(FlightPolicy {
                max_bytes: self.size("telemetry.flight.max_mb")?.max(1) as u64 * MB,
                keep: Duration::from_secs_f64(
                    self.number("telemetry.flight.minutes")?.min(MOST_MINUTES) * 60.0,
                ),
                on: Triggers::of(&self.texts("telemetry.flight.on")?),
            })),
            _ => Err(SettingsError::Key(key)),
        }
    }

    /// The directories that paths are made relative to: the project root, or the configured base.
    fn roots(&self, project: Vec<String>) -> Result<Vec<String>, SettingsError> {
        let base = self.text("file_paths.base")?;
        Ok(if base == "project_root" { project } else { vec![base] })
    }

    fn durability(&self) -> Result<Durability, SettingsError> {
        let key = "telemetry.durability";
        match self.text(key)?.as_str() {
            "process" => Ok(Durability::Process),
            "interval" => Ok(Durability::Interval),
            "event" => Ok(Durability::Event),
            _ => Err(SettingsError::Key(key)),
        }
    }

    /// Where the ring goes.
    ///
    /// # Errors
    /// [`SettingsError::Key`] where that is missing or none of its words.
    pub fn ring(&self) -> Result<Where, SettingsError> {
        let key = "telemetry.ring";
        match self.text(key)?.as_str() {
            "auto" => Ok(Where::Auto),
            "beside" => Ok(Where::Beside),
            _ => Err(SettingsError::Key(key)),
        }
    }

    fn flag(&self, key: &'static str) -> Result<bool, SettingsError> {
        match self.values.get(key) {
            Some(Tree::Flag(value)) => Ok(*value),
            _ => Err(SettingsError::Key(key)),
        }
    }

    fn number(&self, key: &'static str) -> Result<f64, SettingsError> {
        match self.values.get(key) {
            Some(Tree::Number(value)) if *value >= 0.0 => Ok(*value),
            _ => Err(SettingsError::Key(key)),
        }
    }

    fn size(&self, key: &'static str) -> Result<usize, SettingsError> {
        self.number(key).map(|number| number as usize)
    }

    fn text(&self, key: &'static str) -> Result<String, SettingsError> {
        match self.values.get(key) {
            Some(Tree::Text(value)) => Ok(value.clone()),
            _ => Err(SettingsError::Key(key)),
        }
    }

    fn texts(&self, key: &'static str) -> Result<Vec<String>, SettingsError> {
        self.values.get(key).and_then(Tree::texts).ok_or(SettingsError::Key(key))
    }

    fn allow(&self) -> Result<(Vec<String>, Vec<String>), SettingsError> {
        let key = "telemetry.privacy.allow";
        self.values.get(key).and_then(exceptions).ok_or(SettingsError::Key(key))
    }

    fn fields(&self) -> Result<Vec<(String, Treatment)>, SettingsError> {
        let key = "telemetry.privacy.fields";
        self.values.get(key).and_then(treatments).ok_or(SettingsError::Key(key))
    }

    fn prices(&self) -> Result<Vec<(String, Rates)>, SettingsError> {
        let key = "telemetry.prices";
        let given = self.values.get(key).and_then(Tree::table).ok_or(SettingsError::Key(key))?;
        let priced = given.iter().map(|(name, tree)| Some((name.clone(), rates(tree)?)));
        priced.collect::<Option<_>>().ok_or(SettingsError::Key(key))
    }

    fn rules(&self) -> Result<Vec<UserRule>, SettingsError> {
        let key = "telemetry.privacy.rules";
        let rules = self.values.get(key).and_then(Tree::list).ok_or(SettingsError::Key(key))?;
        rules.iter().map(rule).collect::<Option<_>>().ok_or(SettingsError::Key(key))
    }
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
    fn reads_what_models_cost() {
        let text = r#"{"telemetry.prices":{"m":{"input":3,"cached":0.1,"reasoning":0}}}"#;
        let flat = |nano| Some(Rate::flat(nano));
        let (input, cached, reasoning) = (flat(3_000_000_000), flat(100_000_000), flat(0));
        let rates = Rates { input, cached, reasoning, ..Rates::default() };
        assert_eq!(Settings::from_json(text).unwrap().prices(), Ok(vec![("m".into(), rates)]));
    }

    #[test]
    fn refuses_what_the_user_cannot_add() {
        for (key, text) in [
            ("telemetry.prices", r#"{"m":{"inputs":3}}"#),
            ("telemetry.prices", r#"{"m":{"input":-3}}"#),
            ("telemetry.prices", r#"{"m":3}"#),
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
                "telemetry.prices" => settings.prices().err(),
                _ => settings.fields().err(),
            };
            assert_eq!(wrong, Some(SettingsError::Key(key)), "{text}");
        }
    }
}
