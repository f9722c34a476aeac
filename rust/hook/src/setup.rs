//! Whether to record, and how: the user's off switches first, then the compiled settings.
//!
//! Python alone reads the YAML. It keeps what follows from it in the user's state directory, under a name made of
//! everything that it follows from; where that is missing, it is called once. Any doubt means off.

use crate::layout::{Environment, Layout, read_own_file};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use t800_core::opening::{self, Origin};
use t800_core::redact::{Policy, Redactor, sha256_hex};
use t800_core::session::SessionPolicy;
use t800_core::session_id;
use t800_core::settings::{Settings, Surroundings};
use t800_core::writer::Folders;

const CONFIG_LIMIT: u64 = 64 << 10;
const COMPILED_LIMIT: u64 = 256 << 10;
const KEY_BYTES: u64 = 32;
/// How long Python may take to make the settings.
const PYTHON_WAIT: Duration = Duration::from_secs(10);

/// Everything that recording in one telemetry folder needs.
pub struct Setup {
    /// Where things are.
    pub layout: Layout,
    /// What redacts.
    pub redactor: Arc<Redactor>,
    /// What a session records.
    pub session: SessionPolicy,
    /// Where the writer writes.
    pub folders: Folders,
    /// The per-install key.
    pub key: [u8; 32],
    policy: Policy,
}

impl Setup {
    /// The setup of the project around `start`; None where nothing is to be recorded.
    pub fn find(start: &Path, python: Option<&Path>) -> Option<Setup> {
        let variables = opening::environment();
        let environ: Environment = variables.iter().cloned().collect();
        let layout = Layout::find(start, &environ)?;
        if said_off(&environ, &layout) {
            return None;
        }
        let config = layout.config_file();
        let yaml = match config.symlink_metadata() {
            Ok(_) => Some(read_own_file(&config, CONFIG_LIMIT)?),
            Err(_) => None,
        };
        if !says_on(&environ, yaml.as_deref()) {
            return None;
        }
        let settings = compiled(&layout, &environ, yaml.as_deref(), python)?;
        let key: [u8; 32] = read_key(&layout, &environ)?.try_into().ok()?;
        let around = Surroundings {
            home: layout.home.as_ref().map(|home| home.display().to_string()),
            project_roots: opening::roots(layout.root.display().to_string()),
            identity: opening::identity(&variables),
            key,
        };
        let policy = settings.policy(around).ok()?;
        let redactor = Arc::new(Redactor::new(&policy).ok()?);
        let folders = opening::folders(layout.traces(), layout.private(), settings.ring().ok()?, &policy.key);
        Some(Setup { redactor, session: settings.session().ok()?, folders, key, policy, layout })
    }

    /// The id of ours for a session that its host calls `host_id`.
    pub fn session_id(&self, host_id: &str) -> String {
        session_id::safe(host_id, &self.redactor, &self.key)
    }

    /// The metadata of a document.
    pub fn metadata(&self, agent: &str, host_session_id: Option<&str>) -> String {
        let origin = Origin { agent: Some(agent), host_session_id, ..Origin::default() };
        opening::metadata(origin, &self.redactor, &self.policy)
    }
}

/// Whether the user's own off switch is set, which beats everything.
fn said_off(environ: &Environment, layout: &Layout) -> bool {
    let off = environ
        .get("T800_ENABLED")
        .is_some_and(|word| ["0", "false", "no", "off"].contains(&word.trim().to_ascii_lowercase().as_str()));
    off || layout.state.join("disabled").symlink_metadata().is_ok()
}

/// Whether anything says on at all. Only then is the question worth an interpreter's start.
fn says_on(environ: &Environment, yaml: Option<&[u8]>) -> bool {
    let set = environ.get("T800_ENABLED").is_some_and(|word| !word.trim().is_empty());
    set || yaml.is_some_and(|yaml| {
        yaml.split(|byte| *byte == b'\n').any(|line| {
            let line = String::from_utf8_lossy(line).to_ascii_lowercase();
            let said = line.split('#').next().unwrap_or("");
            said.contains("enabled") && ["true", "yes", "on"].iter().any(|word| said.contains(word))
        })
    })
}

/// The name of the settings that follow from these bytes, this environment and this place.
fn compiled_name(layout: &Layout, environ: &Environment, yaml: Option<&[u8]>) -> String {
    let mut said: Vec<_> = environ.iter().filter(|(name, _)| name.starts_with("T800_")).collect();
    said.retain(|(name, _)| !matches!(name.as_str(), "T800_PARENT" | "T800_KEY_FILE" | "T800_STRICT"));
    said.sort_unstable();
    let mut all = format!(
        "{}\0{}\0{}\0{said:?}\0{}\0",
        env!("CARGO_PKG_VERSION"),
        layout.root.display(),
        layout.telemetry.display(),
        yaml.is_some()
    )
    .into_bytes();
    all.extend_from_slice(yaml.unwrap_or_default());
    String::from_utf8_lossy(&sha256_hex(&all)).into_owned()
}

/// The compiled settings, made by Python where they, the key or the folders are missing; None where they say off.
fn compiled(
    layout: &Layout,
    environ: &Environment,
    yaml: Option<&[u8]>,
    python: Option<&Path>,
) -> Option<Settings> {
    let name = compiled_name(layout, environ, yaml);
    let file = layout.state.join("settings").join(format!("{name}.full.json"));
    let known = || read_own_file(&file, COMPILED_LIMIT);
    let there = layout.traces().is_dir() && layout.private().is_dir() && read_key(layout, environ).is_some();
    let bytes = known().filter(|bytes| there || !is_on(bytes)).or_else(|| {
        make(layout, &file, yaml, python)?;
        known()
    })?;
    is_on(&bytes).then(|| Settings::from_json(std::str::from_utf8(&bytes).ok()?).ok())?
}

/// Whether compiled settings say on.
fn is_on(bytes: &[u8]) -> bool {
    memmem(bytes, b"\"telemetry.enabled\":true")
}

fn memmem(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

/// The per-install key; None where there is none yet.
fn read_key(layout: &Layout, environ: &Environment) -> Option<Vec<u8>> {
    let chosen = environ.get("T800_KEY_FILE").filter(|chosen| !chosen.is_empty());
    let path = match chosen {
        // A file that the user chose may be behind a link.
        Some(chosen) => std::fs::canonicalize(chosen).ok()?,
        None => layout.state.join("key"),
    };
    read_own_file(&path, KEY_BYTES).filter(|key| key.len() as u64 == KEY_BYTES)
}

/// Has Python check the configuration, make the folders and write the settings to `file`.
fn make(layout: &Layout, file: &Path, yaml: Option<&[u8]>, python: Option<&Path>) -> Option<()> {
    // Python reads the file again: it must be the one that the settings are named after.
    let digest = yaml.map_or_else(Vec::new, |yaml| sha256_hex(yaml).to_vec());
    let mut child = Command::new(interpreter(layout, python)?)
        .args(["-m", "t800.hook", "settings"])
        .args([&layout.root, &layout.telemetry])
        .arg(file)
        .arg(String::from_utf8_lossy(&digest).as_ref())
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let began = Instant::now();
    while began.elapsed() < PYTHON_WAIT {
        match child.try_wait() {
            Ok(Some(status)) => return status.success().then_some(()),
            Ok(None) => std::thread::sleep(Duration::from_millis(2)),
            Err(_) => return None,
        }
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}

/// The Python that has T-800: the caller's own, the one beside this program, or the one that `t800 install` has noted.
pub fn interpreter(layout: &Layout, python: Option<&Path>) -> Option<PathBuf> {
    let beside = || {
        let program = std::env::current_exe().ok()?;
        let found = program.parent()?.join(format!("python{}", std::env::consts::EXE_SUFFIX));
        found.exists().then_some(found)
    };
    let noted = || {
        let noted = read_own_file(&layout.state.join("python"), 4_096)?;
        let path = PathBuf::from(std::str::from_utf8(&noted).ok()?.trim_end());
        path.is_absolute().then_some(path)
    };
    python.map(Path::to_owned).or_else(beside).or_else(noted)
}

#[cfg(test)]
impl Setup {
    /// A setup with the settings that nobody has changed, in a folder of its own.
    pub fn of_test(name: &str) -> Setup {
        let root = std::env::temp_dir().join(format!("t800-hook-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&root);
        let environ = Environment::from([("HOME".to_owned(), root.display().to_string())]);
        let layout = Layout::find(&root.join("project"), &environ).unwrap();
        std::fs::create_dir_all(layout.traces()).unwrap();
        std::fs::create_dir_all(layout.private()).unwrap();
        let (policy, key) = (Policy::default(), [7; 32]);
        Setup {
            redactor: Arc::new(Redactor::new(&policy).unwrap()),
            session: SessionPolicy {
                kinds: [true; 5],
                limits: t800_core::encode::Limits::of_event(16_384, 262_144),
                budget_ns: 100_000_000,
                max_events: 50,
                max_bytes: 100 << 10,
                flush_interval: Duration::from_secs(5),
                flush_on_error: true,
                flush_on_checkpoint: true,
                durability: t800_core::session::Durability::Process,
                flight: None,
                prices: Arc::default(),
            },
            folders: opening::folders(layout.traces(), layout.private(), t800_core::ring::Where::Auto, &key),
            key,
            policy,
            layout,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environ(enabled: &str) -> Environment {
        Environment::from([("T800_ENABLED".to_owned(), enabled.to_owned())])
    }

    /// The places of a user whose home is not there.
    fn nowhere() -> Layout {
        let home = std::env::temp_dir().join("t800-nowhere").display().to_string();
        Layout::find(Path::new("/"), &Environment::from([("HOME".to_owned(), home)])).unwrap()
    }

    #[test]
    fn off_is_known_without_asking() {
        let layout = nowhere();
        for word in ["0", " FALSE ", "no", "Off"] {
            assert!(said_off(&environ(word), &layout), "{word}");
        }
        assert!(!said_off(&environ("1"), &layout));
        assert!(!says_on(&Environment::new(), None));
        assert!(!says_on(
            &Environment::new(),
            Some(b"telemetry:\n  enabled: false  # true once you say so\n")
        ));
        assert!(says_on(&Environment::new(), Some(b"telemetry:\n  enabled: true\n")));
        assert!(says_on(&Environment::new(), Some(b"{\"telemetry\": {\"enabled\": \"on\"}}")));
        assert!(says_on(&environ("1"), None));
    }

    #[test]
    fn settings_are_those_of_these_bytes_and_this_environment() {
        let layout = nowhere();
        let name = |environ: &Environment, yaml| compiled_name(&layout, environ, yaml);
        let none = Environment::new();
        let names = [
            name(&none, None),
            name(&none, Some(b"".as_slice())),
            name(&none, Some(b"a".as_slice())),
            name(&environ("1"), Some(b"a".as_slice())),
        ];
        for (n, one) in names.iter().enumerate() {
            assert!(names.iter().skip(n + 1).all(|other| other != one));
        }
    }
}
