//! `t800._core`: the Rust core for Python. It walks objects and turns errors into exceptions; nothing else.
#![deny(unsafe_code)]
// PyO3 hands methods their arguments by value.
#![allow(clippy::needless_pass_by_value)]

mod call;
mod columns;
mod context;
mod failure;
#[allow(unsafe_code)]
mod ffi;
mod filter;
mod finished;
mod json;
mod lock;
mod open;
mod recorder;
mod recovery;
mod scope;
mod traced;
mod walk;
mod words;

use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict, PyList};
use std::path::PathBuf;
use t800_core::daily;

/// `"release"` or `"debug"`: how this module was built.
const PROFILE: &str = if cfg!(debug_assertions) { "debug" } else { "release" };

/// The SHA-256 of `data` as 64 hex digits.
#[pyfunction]
fn sha256_hex(data: &[u8]) -> String {
    String::from_utf8_lossy(&t800_core::redact::sha256_hex(data)).into_owned()
}

/// The HMAC-SHA-256 of `data` under a key of 32 bytes, as 64 hex digits.
#[pyfunction]
fn keyed_hash(key: [u8; 32], data: &[u8]) -> String {
    String::from_utf8_lossy(&t800_core::redact::hmac_hex(&key, data)).into_owned()
}

/// The Python object that a JSON text says; `ValueError` where it is none.
#[pyfunction]
fn parse_json<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    json::parse(py, &String::from_utf8_lossy(data))
}

/// Why the core cannot use the rules of compiled settings: the dotted key, the problem, what to do.
#[pyfunction]
fn refused_rule(settings: &[u8]) -> PyResult<Option<(String, String, String)>> {
    open::refused_rule(settings)
}

/// Whether the session of `stem` is being written by a living process.
#[pyfunction]
fn is_live(private_dir: PathBuf, stem: &str) -> bool {
    t800_core::liveness::is_live(&private_dir, stem)
}

/// A print of this process's environment: the same number as long as no variable changes.
#[pyfunction]
fn environment_print() -> u64 {
    open::environment_print()
}

/// Every rule of redaction: its id, who issues what it finds, what that is, how it is recognised, whether a checksum
/// makes sure. Provider and kind are empty for general rules.
#[pyfunction]
fn rules() -> Vec<(&'static str, &'static str, &'static str, String, bool)> {
    t800_core::redact::catalogue()
        .map(|rule| (rule.id, rule.provider, rule.kind, rule.recognised, rule.checksum))
        .collect()
}

/// Ends the writers that have nothing left to write and removes their rings: at exit.
#[pyfunction]
fn shut_down(py: Python<'_>) {
    py.detach(t800_core::writer::shut_down);
}

/// Does what the program `t800-hook` does, where that is missing; `python` is what makes settings.
#[pyfunction]
fn run_hook(py: Python<'_>, arguments: Vec<String>, python: PathBuf) {
    py.detach(|| t800_hook::run(&arguments, Some(&python)));
}

/// Recovers a telemetry folder; see `t800 recover`. Gives the report as a dict.
#[pyfunction]
#[pyo3(signature = (traces, private, key, show, stem = None))]
fn recover(
    py: Python<'_>,
    traces: PathBuf,
    private: PathBuf,
    key: [u8; 32],
    show: bool,
    stem: Option<String>,
) -> PyResult<Bound<'_, PyDict>> {
    recovery::recover(py, traces, private, &key, show, stem.as_deref())
}

/// What rings hold of the session of `stem` and its files may not have yet: lines, and whether each is a call in flight.
#[pyfunction]
fn waiting<'py>(
    py: Python<'py>,
    traces: PathBuf,
    private: PathBuf,
    key: [u8; 32],
    stem: &str,
) -> Vec<(Bound<'py, PyBytes>, bool)> {
    recovery::waiting(py, traces, private, &key, stem)
}

/// A session's day, and what it has added to it.
type Partial<'py> = (String, Bound<'py, PyBytes>);

/// Folds sessions, each given by its only document and its id, for their days' files; see `t800.aggregate.daily`.
#[pyfunction]
fn fold_sessions(
    py: Python<'_>,
    traces: PathBuf,
    sessions: Vec<(String, String)>,
    from_events: bool,
) -> PyResult<Vec<Option<Partial<'_>>>> {
    let folded = py.detach(|| daily::fold(&traces, &sessions, from_events))?;
    Ok(folded.into_iter().map(|one| one.map(|one| (one.day, PyBytes::new(py, &one.line)))).collect())
}

/// What a session has added to a day, in the one spelling that a day's file has for it; None where it is none.
#[pyfunction]
fn spell_partial<'py>(py: Python<'py>, partial: &[u8]) -> Option<Bound<'py, PyBytes>> {
    daily::spelled(std::str::from_utf8(partial).ok()?).map(|line| PyBytes::new(py, &line))
}

/// Adds up the sessions of a day: how many, how many incomplete, their summary; None where a line is no session's.
#[pyfunction]
fn add_up(py: Python<'_>, lines: Vec<PyBackedBytes>) -> Option<(usize, usize, Bound<'_, PyBytes>)> {
    let (sessions, incomplete, summary) = py.detach(|| daily::add_up(lines.iter().map(|line| &**line)))?;
    Some((sessions, incomplete, PyBytes::new(py, &summary)))
}

/// Whether there is memory for what is done after a session; libraries that it needs end a process that has none.
#[pyfunction]
fn has_memory() -> bool {
    t800_core::opening::has_memory_afterwards()
}

#[pymodule(gil_used = false)]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    // Classes and interned names are one for the process: those of an interpreter that ends would be gone for all.
    if !ffi::is_main_interpreter(module.py()) {
        return Err(PyImportError::new_err(
            "t800 records in the main interpreter only, not in subinterpreters",
        ));
    }
    // Before the first `add`, which would look for it: CPython 3.13 fails at that without an exception where the
    // working directory is gone.
    module.setattr("__all__", PyList::empty(module.py()))?;
    ffi::tell_of_forks();
    module.add("build_profile", PROFILE)?;
    module.add("version", env!("CARGO_PKG_VERSION"))?;
    module.add("schema", t800_core::opening::SCHEMA)?;
    module.add_class::<recorder::Recorder>()?;
    module.add_class::<scope::Span>()?;
    module.add_class::<traced::Traced>()?;
    module.add_class::<scope::PhaseScope>()?;
    module.add_class::<scope::AgentScope>()?;
    module.add_class::<filter::Filter>()?;
    module.add_class::<lock::Lock>()?;
    module.add_class::<words::Words>()?;
    module.add_class::<words::Exceptions>()?;
    module.add_function(wrap_pyfunction!(traced::expect_session, module)?)?;
    module.add_function(wrap_pyfunction!(traced::verbs, module)?)?;
    module.add_function(wrap_pyfunction!(sha256_hex, module)?)?;
    module.add_function(wrap_pyfunction!(environment_print, module)?)?;
    module.add_function(wrap_pyfunction!(keyed_hash, module)?)?;
    module.add_function(wrap_pyfunction!(parse_json, module)?)?;
    module.add_function(wrap_pyfunction!(refused_rule, module)?)?;
    module.add_function(wrap_pyfunction!(is_live, module)?)?;
    module.add_function(wrap_pyfunction!(rules, module)?)?;
    module.add_function(wrap_pyfunction!(shut_down, module)?)?;
    module.add_function(wrap_pyfunction!(recover, module)?)?;
    module.add_function(wrap_pyfunction!(waiting, module)?)?;
    module.add_function(wrap_pyfunction!(fold_sessions, module)?)?;
    module.add_function(wrap_pyfunction!(spell_partial, module)?)?;
    module.add_function(wrap_pyfunction!(add_up, module)?)?;
    module.add_function(wrap_pyfunction!(has_memory, module)?)?;
    module.add_function(wrap_pyfunction!(columns::event_columns, module)?)?;
    module.add_function(wrap_pyfunction!(columns::document_rows, module)?)?;
    module.add_function(wrap_pyfunction!(columns::line_rows, module)?)?;
    module.add_function(wrap_pyfunction!(run_hook, module)?)?;
    recorder::add_methods(module.py())
}
