//! The redaction filter on its own: JSON events on stdin, one per line, redacted on stdout.
//!
//! `redact --content hash|scan --home DIR --project-root DIR --identity none`

use std::io::{BufRead, Write};
use t800_core::encode::{Buffer, Encoder, Limits, json};
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
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut buffer = Buffer::default();
    for line in std::io::stdin().lock().lines() {
        buffer.clear();
        json::parse(&line?, &mut Encoder::new(&redactor, &mut buffer, Limits::NONE))?;
        buffer.out.push(b'\n');
        out.write_all(&buffer.out)?;
    }
    Ok(())
}
