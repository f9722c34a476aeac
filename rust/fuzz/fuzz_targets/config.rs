//! Any compiled settings: refused with the name of the key, or a redactor and a session's policy come of them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use t800_core::encode::{Buffer, Encoder, Limits};
use t800_core::redact::{Policy, Redactor};
use t800_core::session::SessionPolicy;
use t800_core::settings::{Settings, SettingsError, Surroundings};

/// What stands for a key that is missing: the first of these that its reader takes.
fn fillings() -> Vec<Value> {
    let words = ["auto", "process", "flight", "hash"].map(Value::from);
    [json!(true), json!(1_024), json!([]), json!({})].into_iter().chain(words).collect()
}

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(settings) = Settings::from_json(&text) {
        let _ = (settings.session(), settings.policy(Surroundings::default()), settings.ring());
    }
    let Ok(Value::Object(members)) = serde_json::from_str(&text) else { return };
    let Some((policy, session)) = completed(members) else { return };
    assert!(session.max_events > 0 && session.max_bytes > 0 && !session.flush_interval.is_zero());
    let Ok(redactor) = Redactor::new(&policy) else { return };
    let mut buffer = Buffer::default();
    Encoder::new(&redactor, &mut buffer, Limits::NONE).text("export GH_TOKEN=some-value /home/user/x");
    assert!(serde_json::from_slice::<Value>(&buffer.out).is_ok());
});

/// The settings with every key that they lack.
fn completed(mut members: Map<String, Value>) -> Option<(Policy, SessionPolicy)> {
    let fillings = fillings();
    let mut tried: HashMap<&'static str, usize> = HashMap::new();
    loop {
        let settings = Settings::from_json(&Value::Object(members.clone()).to_string()).ok()?;
        let made = settings.policy(Surroundings::default()).and_then(|policy| {
            settings.ring()?;
            Ok((policy, settings.session()?))
        });
        let key = match made {
            Ok(made) => return Some(made),
            Err(SettingsError::Key(key)) => key,
            Err(SettingsError::Json(_)) => return None,
        };
        let n = tried.entry(key).or_default();
        let filling = fillings.get(*n).unwrap_or_else(|| panic!("add a word that {key} takes"));
        members.insert(key.to_owned(), filling.clone());
        *n += 1;
    }
}
