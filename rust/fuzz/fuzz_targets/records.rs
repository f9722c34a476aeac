//! Any bytes as settings, facts, times and records: refused or read, never a crash.
#![no_main]

use libfuzzer_sys::fuzz_target;
use t800_core::clock::parse_rfc3339;
use t800_core::settings::Settings;
use t800_core::summary::{Summary, front};

fuzz_target!(|bytes: &[u8]| {
    if let Some((facts, counts, line)) = front::split(bytes) {
        let mut summary = Summary::default();
        summary.add(&facts, line);
        let _ = summary.events();
        let (mut again, rules) = (Vec::new(), front::redactions(counts).collect::<Vec<_>>());
        front::write(&mut again, &facts, &rules);
        let (same, counts, _) = front::split(&again).expect("what was written is read");
        assert_eq!((same, front::redactions(counts).collect::<Vec<_>>()), (facts, rules));
    }
    let text = String::from_utf8_lossy(bytes);
    let _ = parse_rfc3339(&text);
    if let Ok(settings) = Settings::from_json(&text) {
        let _ = settings.session();
    }
});
