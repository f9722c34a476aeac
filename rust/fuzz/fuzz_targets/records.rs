//! Any bytes as settings, facts, times and records: refused or read, never a crash.
#![no_main]

use libfuzzer_sys::fuzz_target;
use t800_core::clock::parse_rfc3339;
use t800_core::settings::Settings;
use t800_core::summary::{Facts, Summary};

fuzz_target!(|bytes: &[u8]| {
    if let Some(facts) = Facts::from_bytes(bytes) {
        let mut summary = Summary::default();
        summary.add(&facts, bytes);
        let _ = summary.events();
        assert_eq!(Facts::from_bytes(&facts.to_bytes()), Some(facts));
    }
    let text = String::from_utf8_lossy(bytes);
    let _ = parse_rfc3339(&text);
    if let Ok(settings) = Settings::from_json(&text) {
        let _ = settings.session();
    }
});
