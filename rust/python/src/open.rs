//! Opening: from what `t800.session` has gathered to a recorder whose document is on disk.

use crate::recorder::Recorder;
use pyo3::exceptions::{PyOSError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use t800_core::clock;
use t800_core::opening::{self, Origin};
use t800_core::redact::{Identity, Policy, Redactor};
use t800_core::ring::Where;
use t800_core::session::{Session, SessionPolicy};
use t800_core::session_id;
use t800_core::settings::{Settings, Surroundings};
use t800_core::writer::{self, Header};

/// Redactors that are kept compiled: sessions of one process mostly share one.
const KEPT_REDACTORS: usize = 16;

/// The arguments of an opening, by name.
struct Options<'a, 'py>(&'a Bound<'py, PyDict>);

impl<'py> Options<'_, 'py> {
    fn get<T: for<'a> FromPyObject<'a, 'py>>(&self, name: &str) -> PyResult<Option<T>> {
        match self.0.get_item(name)? {
            Some(value) if !value.is_none() => value
                .extract()
                .map(Some)
                .map_err(|_| PyTypeError::new_err(format!("{name} is of the wrong type"))),
            _ => Ok(None),
        }
    }

    fn need<T: for<'a> FromPyObject<'a, 'py>>(&self, name: &str) -> PyResult<T> {
        self.get(name)?.ok_or_else(|| PyTypeError::new_err(format!("{name} is needed")))
    }

    fn settings(&self) -> PyResult<Settings> {
        let compiled: Bound<'py, PyBytes> = self.need("settings")?;
        let text = std::str::from_utf8(compiled.as_bytes()).map_err(PyValueError::new_err_from)?;
        Settings::from_json(text).map_err(PyValueError::new_err_from)
    }

    fn roots(&self) -> PyResult<Vec<String>> {
        Ok(self.get::<String>("project_root")?.map(opening::roots).unwrap_or_default())
    }

    fn surroundings(&self, project_roots: Vec<String>) -> PyResult<Surroundings> {
        let key: Vec<u8> = self.need("key")?;
        let key = key.try_into().map_err(|_| PyValueError::new_err("key must be 32 bytes"))?;
        Ok(Surroundings { home: self.get("home")?, project_roots, identity: self.identity()?, key })
    }

    /// True (or nothing said): this machine's user; False: nobody; a dict of lists: those literals.
    fn identity(&self) -> PyResult<Identity> {
        let Some(given) = self.get::<Bound<'py, PyAny>>("identity")? else { return Ok(machine_identity()) };
        if let Ok(machine) = given.extract::<bool>() {
            return Ok(if machine { machine_identity() } else { Identity::default() });
        }
        let given =
            given.cast_into::<PyDict>().map_err(|_| PyTypeError::new_err("identity is of the wrong type"))?;
        let list = |name| Options(&given).get::<Vec<String>>(name).map(Option::unwrap_or_default);
        Ok(Identity {
            users: list("users")?,
            hosts: list("hosts")?,
            git: list("git")?,
            values: list("values")?,
        })
    }
}

/// Errors of the core as Python's.
trait NewErrFrom {
    fn new_err_from(error: impl std::fmt::Display) -> PyErr;
}

impl NewErrFrom for PyValueError {
    fn new_err_from(error: impl std::fmt::Display) -> PyErr {
        PyValueError::new_err(error.to_string())
    }
}

/// A print of this process's environment.
pub fn environment_print() -> u64 {
    let mut hasher = DefaultHasher::new();
    std::env::vars_os().for_each(|variable| variable.hash(&mut hasher));
    hasher.finish()
}

/// What the machine knows of its user, read again only when the environment has changed.
fn machine_identity() -> Identity {
    static KNOWN: Mutex<Option<(u64, Identity)>> = Mutex::new(None);
    let print = environment_print();
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    match &*known {
        Some((same, identity)) if *same == print => identity.clone(),
        _ => {
            let identity = opening::identity(&opening::environment());
            *known = Some((print, identity.clone()));
            identity
        }
    }
}

/// The compiled redactor of a policy.
///
/// # Errors
/// `ValueError` when a configured rule cannot be used.
pub fn redactor(policy: Policy) -> PyResult<Arc<Redactor>> {
    static KEPT: Mutex<Vec<(Policy, Arc<Redactor>)>> = Mutex::new(Vec::new());
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, redactor)) = kept.iter().find(|(known, _)| *known == policy) {
        return Ok(Arc::clone(redactor));
    }
    opening::check_memory()?;
    let redactor = Arc::new(Redactor::new(&policy).map_err(PyValueError::new_err_from)?);
    if kept.len() >= KEPT_REDACTORS {
        kept.remove(0);
    }
    kept.push((policy, Arc::clone(&redactor)));
    Ok(redactor)
}

/// What is wrong with the rules, exceptions and names of compiled settings: the dotted key, the problem, what to do.
///
/// # Errors
/// `ValueError` where the settings are none.
pub fn refused_rule(compiled: &[u8]) -> PyResult<Option<(String, String, String)>> {
    let text = std::str::from_utf8(compiled).map_err(PyValueError::new_err_from)?;
    let settings = Settings::from_json(text).map_err(PyValueError::new_err_from)?;
    let policy = settings.policy(Surroundings::default()).map_err(PyValueError::new_err_from)?;
    Ok(Redactor::new(&policy).err().map(|error| (error.key, error.reason, error.hint)))
}

/// A redactor of its own, for filters: `settings`, `home`, `project_root`, `identity`, `key`.
///
/// # Errors
/// `ValueError` or `TypeError` naming what is wrong with an argument.
pub fn filter(options: &Bound<'_, PyDict>, unlimited: bool) -> PyResult<Arc<Redactor>> {
    let options = Options(options);
    let mut policy = options
        .settings()?
        .policy(options.surroundings(options.roots()?)?)
        .map_err(PyValueError::new_err_from)?;
    if unlimited {
        policy.max_value_bytes = 0;
    }
    redactor(policy)
}

/// What settings and surroundings make of a session.
struct Chosen {
    policy: Policy,
    session: SessionPolicy,
    ring: Where,
    redactor: Arc<Redactor>,
}

/// All that a [`Chosen`] hangs on.
#[derive(PartialEq, Eq)]
struct Origins {
    settings: Vec<u8>,
    key: Vec<u8>,
    home: Option<String>,
    roots: Vec<String>,
    environment: u64,
}

impl Options<'_, '_> {
    fn choose(&self, roots: Vec<String>) -> PyResult<Chosen> {
        let settings = self.settings()?;
        let policy = settings.policy(self.surroundings(roots)?).map_err(PyValueError::new_err_from)?;
        Ok(Chosen {
            session: settings.session().map_err(PyValueError::new_err_from)?,
            ring: settings.ring().map_err(PyValueError::new_err_from)?,
            redactor: redactor(policy.clone())?,
            policy,
        })
    }

    /// The same, from the last time where nothing has changed since: a process mostly opens sessions of one kind.
    fn choose_again(&self) -> PyResult<Arc<Chosen>> {
        static LAST: Mutex<Option<(Origins, Arc<Chosen>)>> = Mutex::new(None);
        let roots = self.roots()?;
        if self.0.contains("identity")? {
            return self.choose(roots).map(Arc::new);
        }
        let origins = Origins {
            settings: self.need::<Bound<'_, PyBytes>>("settings")?.as_bytes().to_vec(),
            key: self.need("key")?,
            home: self.get("home")?,
            roots: roots.clone(),
            environment: environment_print(),
        };
        if let Some((_, chosen)) = LAST
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .filter(|(known, _)| *known == origins)
        {
            return Ok(Arc::clone(chosen));
        }
        let chosen = Arc::new(self.choose(roots)?);
        *LAST.lock().unwrap_or_else(PoisonError::into_inner) = Some((origins, Arc::clone(&chosen)));
        Ok(chosen)
    }
}

/// The recorder of a new session: `settings`, `session_id` (made safe), `key` and where the trace goes (`traces`,
/// `private`; without them it is kept in memory), what the metadata says (`agent`, `host_session_id`,
/// `parent_session_id`, `imported`, `version`, `ephemeral_key`), `home`, `project_root`, `identity` and `strict`.
///
/// # Errors
/// `OSError` when the document cannot be made; `ValueError` or `TypeError` naming a wrong argument.
pub fn recorder(options: &Bound<'_, PyDict>) -> PyResult<Recorder> {
    let options = Options(options);
    let chosen = options.choose_again()?;
    let (policy, session_policy) = (&chosen.policy, chosen.session.clone());
    let redactor = Arc::clone(&chosen.redactor);
    let session_id = session_id::safe(&options.need::<String>("session_id")?, &redactor, &policy.key);
    let strict = options.get::<bool>("strict")?.unwrap_or(false);
    let Some(traces) = options.get::<PathBuf>("traces")? else {
        let session = Session::in_memory(redactor, session_policy);
        return Ok(Recorder::of(Some(Arc::new(session)), Some(session_id), strict));
    };
    let ephemeral = options.get::<bool>("ephemeral_key")?.unwrap_or(false);
    let (agent, host) = (options.get::<String>("agent")?, options.get::<String>("host_session_id")?);
    let imported = options.get::<String>("imported")?;
    let origin = Origin {
        agent: agent.as_deref(),
        host_session_id: host.as_deref(),
        imported: imported.as_deref(),
        ephemeral_key: ephemeral,
    };
    let header = Header {
        session_id: session_id.clone(),
        started: options.get::<u64>("started_ns")?.unwrap_or_else(|| clock::wall(clock::now())),
        metadata: opening::metadata(origin, &redactor, policy),
        parent: options.get::<String>("parent_session_id")?.map(|id| opening::name_json(&redactor, &id)),
    };
    // Under a key that dies with this process nobody would find the ring among others.
    let ring = if ephemeral { Where::Beside } else { chosen.ring };
    let folders = opening::folders(traces, options.need("private")?, ring, &policy.key);
    let stem = session_id::stem(header.started, &session_id);
    let (session, _) = writer::open(&folders, &stem, header, redactor, session_policy)
        .map_err(|error| PyOSError::new_err((error.raw_os_error(), error.to_string())))?;
    Ok(Recorder::of(Some(Arc::new(session)), Some(session_id), strict))
}
