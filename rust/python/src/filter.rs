//! The redactor as a filter: JSON lines in, redacted JSON lines out.

use crate::ffi::duplicate;
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use std::sync::Arc;
use t800_core::encode::Buffer;
use t800_core::filter;
use t800_core::redact::Redactor;

/// The same redactor that recording uses, for text from elsewhere.
#[pyclass(frozen, module = "t800._core", name = "Redactor")]
pub struct Filter {
    redactor: Arc<Redactor>,
}

#[pymethods]
impl Filter {
    /// A redactor of compiled settings: `settings`, `key`, and optionally `home`, `project_root`, `identity`.
    #[new]
    #[pyo3(signature = (**options))]
    fn new(options: Option<&Bound<'_, PyDict>>) -> PyResult<Filter> {
        let options = options.ok_or_else(|| PyValueError::new_err("settings and key are needed"))?;
        Ok(Filter { redactor: crate::open::filter(options, true)? })
    }

    /// One JSON text, redacted.
    fn redact_json<'py>(&self, py: Python<'py>, line: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        let mut buffer = Buffer::default();
        filter::redact_json(&self.redactor, line, &mut buffer)
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok(PyBytes::new(py, &buffer.out))
    }

    /// Redacts every line of one file descriptor (a handle, on Windows) into another. A line that is no JSON goes out
    /// as a redacted JSON string. Returns the numbers of those lines (at most 100) and how many lines there were.
    fn redact_stream(&self, py: Python<'_>, input: isize, output: isize) -> PyResult<(Vec<u64>, u64)> {
        let stream = || filter::redact_lines(&self.redactor, duplicate(input)?, duplicate(output)?);
        let seen = py
            .detach(stream)
            .map_err(|error| PyOSError::new_err((error.raw_os_error(), error.to_string())))?;
        Ok((seen.broken, seen.lines))
    }

    /// Says for every line of one file descriptor which rules act at which key, in another: a line of JSON for each
    /// place, with `line`, `key` and `rules`. Returns the same as `redact_stream`.
    fn explain_stream(&self, py: Python<'_>, input: isize, output: isize) -> PyResult<(Vec<u64>, u64)> {
        let stream = || filter::explain_lines(&self.redactor, duplicate(input)?, duplicate(output)?);
        let seen = py
            .detach(stream)
            .map_err(|error| PyOSError::new_err((error.raw_os_error(), error.to_string())))?;
        Ok((seen.broken, seen.lines))
    }
}
