//! Recovery for Python: the report of the core as a dict.

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};
use std::path::PathBuf;
use t800_core::opening;
use t800_core::recover::{self, How, Recovered};
use t800_core::ring::Where;

/// Recovers a telemetry folder, or one session of it, or shows what that would give.
///
/// # Errors
/// `OSError` when the folder cannot be opened.
pub fn recover<'py>(
    py: Python<'py>,
    traces: PathBuf,
    private: PathBuf,
    key: &[u8; 32],
    show: bool,
    stem: Option<&str>,
) -> PyResult<Bound<'py, PyDict>> {
    let folders = opening::folders(traces, private, Where::Auto, key);
    let how = if show { How::Show } else { How::Repair };
    let report = py
        .detach(|| recover::recover(&folders, stem, how))
        .map_err(|error| PyOSError::new_err((error.raw_os_error(), error.to_string())))?;
    let told = PyDict::new(py);
    told.set_item("rings", report.rings)?;
    told.set_item("bytes", report.bytes)?;
    told.set_item("unfinished_bytes", report.unfinished_bytes)?;
    let documents = report.documents.into_iter().map(|document| entry(py, document));
    told.set_item("documents", PyList::new(py, documents.collect::<PyResult<Vec<_>>>()?)?)?;
    let refused =
        report.refused.into_iter().map(|(path, reason)| (path.to_string_lossy().into_owned(), reason));
    told.set_item("refused", PyList::new(py, refused)?)?;
    Ok(told)
}

/// The lines that rings hold of a session, and whether each is a call in flight. What cannot be read is left out.
pub fn waiting<'py>(
    py: Python<'py>,
    traces: PathBuf,
    private: PathBuf,
    key: &[u8; 32],
    stem: &str,
) -> Vec<(Bound<'py, PyBytes>, bool)> {
    let folders = opening::folders(traces, private, Where::Auto, key);
    let found = py.detach(|| recover::waiting(&folders, stem));
    found.into_iter().map(|event| (PyBytes::new(py, &event.line), event.open)).collect()
}

fn entry(py: Python<'_>, document: Recovered) -> PyResult<Bound<'_, PyDict>> {
    let told = PyDict::new(py);
    let original = document.original.map(|path| path.to_string_lossy().into_owned());
    told.set_item("file", document.path.to_string_lossy())?;
    told.set_item("kept", document.kept)?;
    told.set_item("added", document.added)?;
    told.set_item("interrupted", document.interrupted)?;
    told.set_item("unreadable_bytes", document.unreadable_bytes)?;
    told.set_item("dropped", document.dropped)?;
    told.set_item("original", original)?;
    told.set_item("text", PyBytes::new(py, &document.text))?;
    Ok(told)
}
