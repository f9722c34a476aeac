//! Where things are, as `t800.layout` has it: the project root, the telemetry folder, the user's state directory.

use crate::system;
use std::collections::HashMap;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

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
            None => root.join(".opencode").join("telemetry"),
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
        self.telemetry.join("config").join("telemetry_config.yaml")
    }
}

/// `$XDG_STATE_HOME/t800` or `~/.local/state/t800`; on Windows `%LOCALAPPDATA%\t800` before the latter.
fn state_directory(environ: &Environment, home: Option<&Path>) -> Option<PathBuf> {
    let usual = if cfg!(windows) { folder_of(environ, "LOCALAPPDATA") } else { None };
    let base = folder_of(environ, "XDG_STATE_HOME").or(usual);
    Some(base.or_else(|| Some(home?.join(".local").join("state")))?.join("t800"))
}

/// The folder that a variable names; None where that is none, or depends on the working directory.
fn folder_of(environ: &Environment, name: &str) -> Option<PathBuf> {
    environ.get(name).map(Path::new).filter(|path| path.is_absolute()).map(normal)
}

/// The user's home directory from $HOME, else as the system tells it. Asks no name service.
fn home_directory(environ: &Environment) -> Option<PathBuf> {
    let profile = || if cfg!(windows) { folder_of(environ, "USERPROFILE") } else { None };
    let told = || system::home().filter(|home| home.is_absolute()).map(|home| normal(&home));
    folder_of(environ, "HOME").or_else(profile).or_else(told)
}

fn expand_home(path: &str, home: Option<&Path>) -> PathBuf {
    match (home, path.strip_prefix('~')) {
        (Some(home), Some(rest)) if rest.is_empty() || rest.starts_with(std::path::is_separator) => {
            home.join(rest.trim_start_matches(std::path::is_separator))
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
            folder.parent().is_some() && Some(*folder) != home && Some(*folder) != real.as_deref()
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
    let file = system::open_own_file(path).ok()?;
    let found = file.metadata().ok()?;
    if !found.is_file() || found.len() > limit {
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
        environ.insert("XDG_STATE_HOME".to_owned(), home.join("x/../y").display().to_string());
        let found = Layout::find(&project, &environ).unwrap();
        assert_eq!((found.telemetry, found.state), (home.join("traces"), home.join("y/t800")));
        std::fs::remove_dir_all(home).unwrap();
    }
}
