//! Any bytes through the walk: what it accepts comes out as JSON within its bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::OnceLock;
use t800_core::encode::{Buffer, Encoder, Limits, json};
use t800_core::redact::{Policy, Redactor};

fn redactor() -> &'static Redactor {
    static REDACTOR: OnceLock<Redactor> = OnceLock::new();
    REDACTOR.get_or_init(|| {
        Redactor::new(&Policy {
            redact_content: false,
            home: Some("/home/someone".into()),
            project_roots: vec!["/home/someone/project".into()],
            ..Policy::default()
        })
        .expect("the policy is good")
    })
}

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let mut buffer = Buffer::default();
    for limits in [Limits::NONE, Limits::of_event(256, 8_192)] {
        buffer.clear();
        if json::parse(&text, &mut Encoder::new(redactor(), &mut buffer, limits)).is_ok() {
            buffer.fit(limits, &mut 0);
            // serde_json gives up at 128 levels; deeper output is ours alone to nest.
            let parsed = serde_json::from_slice::<serde_json::Value>(&buffer.out);
            assert!(parsed.is_ok() || text.len() > 128, "{parsed:?}");
        }
        buffer.clear();
        Encoder::new(redactor(), &mut buffer, limits).text(&text);
        assert!(serde_json::from_slice::<serde_json::Value>(&buffer.out).is_ok());
    }
});
