//! Where things are, as `t800.layout` has it: the project root, the telemetry folder, the user's state directory.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

const PASSWD_LIMIT: usize = 1 << 20;

/// The environment by name.
pub type Environment = HashMap<String, String>;

/// The places of one telemetry folder, and the user's own.
#[derive(Debug)]
pub struct Layout {
    /// The project root.
    pub root: PathBuf,
    /// The telemetry folder.
    pub telemetry: PathBuf,
    /// The user's home directory.
    pub home: Option<PathBuf>,
    /// The user's state directory.
    pub state: PathBuf,
}

impl Layout {
    /// The places for a project around `start`; None where the user has neither a home nor a state directory.
    pub fn find(start: &Path, environ: &Environment) -> Option<Layout> {
        let home = home_directory(environ);
        let state = state_directory(environ, home.as_deref())?;
        let start = normal(&std::path::absolute(start).ok()?);
        let root = marked_ancestor(&start, home.as_deref()).unwrap_or(start);
        let given = environ.get("T800_DIR").filter(|given| !given.is_empty());
        let telemetry = match given {
            Some(given) => normal(&std::path::absolute(expand_home(given, home.as_deref())).ok()?),
            None => root.join(".opencode/telemetry"),
        };
        Some(Layout { root, telemetry, home, state })
    }

    /// Where documents are.
    pub fn traces(&self) -> PathBuf {
        self.telemetry.join("traces")
    }

    /// Where begins and locks are.
    pub fn private(&self) -> PathBuf {
        self.telemetry.join(".t800")
    }

    /// The configuration.
    pub fn config_file(&self) -> PathBuf {
        self.telemetry.join("config/telemetry_config.yaml")
    }
}

/// `$XDG_STATE_HOME/t800` or `~/.local/state/t800`.
fn state_directory(environ: &Environment, home: Option<&Path>) -> Option<PathBuf> {
    let base = environ.get("XDG_STATE_HOME").filter(|base| base.starts_with('/'));
    let base = base.map(|base| normal(Path::new(base))).or_else(|| Some(home?.join(".local/state")))?;
    Some(base.join("t800"))
}

/// The user's home directory from $HOME, else from /etc/passwd. Asks no name service.
fn home_directory(environ: &Environment) -> Option<PathBuf> {
    if let Some(home) = environ.get("HOME").filter(|home| home.starts_with('/')) {
        return Some(normal(Path::new(home)));
    }
    let uid = rustix::process::getuid().as_raw().to_string();
    let passwd = std::fs::read("/etc/passwd").ok().filter(|passwd| passwd.len() <= PASSWD_LIMIT)?;
    String::from_utf8_lossy(&passwd).lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let home = fields.get(5).filter(|home| home.starts_with('/'))?;
        (fields.get(2) == Some(&uid.as_str())).then(|| normal(Path::new(home)))
    })
}

fn expand_home(path: &str, home: Option<&Path>) -> PathBuf {
    match (home, path.strip_prefix('~')) {
        (Some(home), Some(rest)) if rest.is_empty() || rest.starts_with('/') => {
            home.join(rest.trim_start_matches('/'))
        }
        _ => PathBuf::from(path),
    }
}

/// The nearest folder upwards that is a project; the search stops below the home directory and `/`.
fn marked_ancestor(start: &Path, home: Option<&Path>) -> Option<PathBuf> {
    let real = home.and_then(|home| std::fs::canonicalize(home).ok());
    start
        .ancestors()
        .take_while(|folder| {
            *folder != Path::new("/") && Some(*folder) != home && Some(*folder) != real.as_deref()
        })
        .find(|folder| is_project(folder))
        .map(Path::to_owned)
}

fn is_project(folder: &Path) -> bool {
    folder.join(".git").symlink_metadata().is_ok()
        || folder.join(".opencode/opencode.json").exists()
        || folder.join(".opencode/telemetry").exists()
}

/// Without `.` and `..`, by the text alone.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out
}

/// The bytes of a regular file of this user or root, of at most `limit` bytes; None for anything else.
pub fn read_own_file(path: &Path, limit: u64) -> Option<Vec<u8>> {
    use rustix::fs::{Mode, OFlags, open};
    use std::io::Read;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOFOLLOW;
    let file = std::fs::File::from(open(path, flags, Mode::empty()).ok()?);
    let found = file.metadata().ok()?;
    let owner = [0, rustix::process::geteuid().as_raw()].contains(&found.uid());
    if !found.is_file() || !owner || found.len() > limit {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= limit).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_project_is_found_and_home_is_none() {
        let home = std::env::temp_dir().join(format!("t800-layout-{}", std::process::id()));
        let project = home.join("work/app");
        std::fs::create_dir_all(project.join("src/deep")).unwrap();
        std::fs::create_dir_all(home.join(".git")).unwrap();
        let mut environ = Environment::from([("HOME".to_owned(), home.display().to_string())]);
        let found = Layout::find(&project.join("src/./deep"), &environ).unwrap();
        assert_eq!(found.root, project.join("src/deep"));
        std::fs::create_dir_all(project.join(".git")).unwrap();
        let found = Layout::find(&project.join("src/deep/../deep"), &environ).unwrap();
        assert_eq!(found.root, project);
        assert_eq!(found.telemetry, project.join(".opencode/telemetry"));
        assert_eq!(found.state, home.join(".local/state/t800"));
        environ.insert("T800_DIR".to_owned(), "~/traces".to_owned());
        environ.insert("XDG_STATE_HOME".to_owned(), "/x/../y".to_owned());
        let found = Layout::find(&project, &environ).unwrap();
        assert_eq!((found.telemetry, found.state), (home.join("traces"), PathBuf::from("/y/t800")));
        std::fs::remove_dir_all(home).unwrap();
    }
}
