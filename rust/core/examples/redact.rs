//! The redaction filter on its own: JSON events on stdin, one per line, redacted on stdout.
//!
//! `redact --content hash|scan --home DIR --project-root DIR --identity none`

use t800_core::redact::{Policy, Redactor};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str| args.windows(2).find(|pair| pair[0] == name).map(|pair| pair[1].clone());
    let policy = Policy {
        redact_content: option("--content").as_deref() != Some("scan"),
        home: option("--home"),
        project_roots: option("--project-root").into_iter().collect(),
        ..Policy::default()
    };
    let redactor = Redactor::new(&policy)?;
    t800_core::filter::redact_lines(&redactor, std::io::stdin(), std::io::stdout())?;
    Ok(())
}
