//! What every opening of a session needs, whoever opens it: a Python program, a hook, the reader of another process's
//! lines.

use crate::encode::{Buffer, Encoder, Limits};
use crate::redact::{Identity, Policy, Redactor, hmac_hex};
use crate::ring::Where;
use crate::writer::Folders;
use std::path::PathBuf;

/// The version of the trace file's format.
pub const SCHEMA: u32 = 1;

/// What the metadata of a document says of where its events come from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Origin<'a> {
    /// The agent's name.
    pub agent: Option<&'a str>,
    /// The id of the session in the program that hosts the agent.
    pub host_session_id: Option<&'a str>,
    /// What the session was imported from, by the name of its format.
    pub imported: Option<&'a str>,
    /// The key of the hashes dies with this process.
    pub ephemeral_key: bool,
}

/// The root as given, and as resolved where that differs.
#[must_use]
pub fn roots(given: String) -> Vec<String> {
    let resolved =
        std::fs::canonicalize(&given).ok().and_then(|path| path.into_os_string().into_string().ok());
    let resolved = resolved.map(|resolved| usual(&resolved)).filter(|resolved| *resolved != given);
    std::iter::once(given).chain(resolved).collect()
}

/// A path as people and their programs write it: Windows resolves to `\\?\C:\…`.
fn usual(resolved: &str) -> String {
    match resolved.strip_prefix(r"\\?\UNC\") {
        Some(share) => format!(r"\\{share}"),
        None => resolved.strip_prefix(r"\\?\").unwrap_or(resolved).to_owned(),
    }
}

/// What the machine knows of its user, by these variables of the environment.
#[must_use]
pub fn identity(variables: &[(String, String)]) -> Identity {
    let find = |name: &str| variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    Identity::of_this_machine(&find, variables.iter().cloned())
}

/// The variables of this process's environment that are Unicode.
#[must_use]
pub fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Memory that must be free before a redactor is made and a ring after it. They take half of it; but where memory ends
/// in the middle, Rust ends the process, and it is the agent's.
const TO_RECORD: usize = 12 << 20;
/// The same for what is done after a session, which reads traces and imports libraries: it takes 19 MB.
const AFTERWARDS: usize = 32 << 20;

/// Whether there is memory enough to record.
///
/// # Errors
/// [`std::io::ErrorKind::OutOfMemory`] where there is not.
pub fn check_memory() -> std::io::Result<()> {
    if is_free(TO_RECORD) {
        return Ok(());
    }
    Err(std::io::Error::new(std::io::ErrorKind::OutOfMemory, "less than 12 MB of memory are free"))
}

/// Whether there is memory enough to add a session up and to retire old ones.
#[must_use]
pub fn has_memory_afterwards() -> bool {
    is_free(AFTERWARDS)
}

fn is_free(bytes: usize) -> bool {
    let mut probe: Vec<u8> = Vec::new();
    let reserved = probe.try_reserve_exact(bytes);
    // Used, or the compiler would leave the reservation out.
    std::hint::black_box(&mut probe);
    reserved.is_ok()
}

/// The folders of a writer: rings of all telemetry folders lie together in memory, under names that tell nothing.
#[must_use]
pub fn folders(traces: PathBuf, private: PathBuf, ring: Where, key: &[u8; 32]) -> Folders {
    let tag = hmac_hex(key, format!("ring:{}", private.display()).as_bytes());
    let tag = String::from_utf8_lossy(&tag[..16]).into_owned();
    Folders { traces, private, ring, tag }
}

/// A name from outside as it stands in a document: redacted, a JSON string.
#[must_use]
pub fn name_json(redactor: &Redactor, name: &str) -> String {
    let mut buffer = Buffer::default();
    Encoder::new(redactor, &mut buffer, Limits::of_event(1_024, 65_536)).text(name);
    String::from_utf8_lossy(&buffer.out).into_owned()
}

/// The metadata of a document: names from outside are redacted, hashes are keyed.
#[must_use]
pub fn metadata(origin: Origin<'_>, redactor: &Redactor, policy: &Policy) -> String {
    let mut buffer = Buffer::default();
    let mut encoder = Encoder::new(redactor, &mut buffer, Limits::of_event(1_024, 65_536));
    encoder.raw(b"{\"agent\":");
    encoder.text(origin.agent.unwrap_or("agent"));
    let user = policy.identity.users.first().map_or("", String::as_str);
    let project = policy.project_roots.last().map_or("", String::as_str);
    for (name, datum) in
        [("user_id_hash", format!("user:{user}")), ("project_hash", format!("project:{project}"))]
    {
        encoder.raw(format!(",\"{name}\":\"").as_bytes());
        encoder.raw(&hmac_hex(&policy.key, datum.as_bytes()));
        encoder.raw(b"\"");
    }
    encoder.raw(format!(",\"version\":\"{}\",\"schema\":{SCHEMA}", env!("CARGO_PKG_VERSION")).as_bytes());
    if let Some(id) = origin.host_session_id {
        encoder.raw(b",\"host_session_id\":");
        encoder.text(id);
    }
    if let Some(format) = origin.imported {
        encoder.raw(b",\"imported\":");
        encoder.text(format);
    }
    let Policy { redact_pii, redact_sensitive_paths, redact_content, .. } = policy;
    encoder.raw(
        format!(
            r#","redaction":{{"secrets":true,"pii":{redact_pii},"sensitive_paths":{redact_sensitive_paths},"content":{redact_content}}}"#
        )
        .as_bytes(),
    );
    if origin.ephemeral_key {
        encoder.raw(b",\"key\":\"ephemeral\"");
    }
    encoder.raw(b"}");
    String::from_utf8_lossy(&buffer.out).into_owned()
}
