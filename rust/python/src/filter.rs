//! The redactor as a filter: JSON lines in, redacted JSON lines out.

use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::os::fd::{BorrowedFd, RawFd};
use std::sync::Arc;
use t800_core::encode::{Buffer, Encoder, Limits, json};
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
        redact(&self.redactor, line, &mut buffer)
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok(PyBytes::new(py, &buffer.out))
    }

    /// How often each rule redacts something in one JSON text, by rule id.
    fn explain(&self, line: &[u8]) -> PyResult<BTreeMap<String, u32>> {
        let mut buffer = Buffer::default();
        redact(&self.redactor, line, &mut buffer)
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        let counts = buffer.redactions.iter();
        Ok(counts.map(|(rule, count)| (self.redactor.rule_name(*rule).to_owned(), *count)).collect())
    }

    /// Redacts every line of one file descriptor into another. A line that is no JSON goes out as a redacted JSON
    /// string. Returns the numbers of those lines (at most 100) and how many lines there were.
    fn redact_stream(&self, py: Python<'_>, input: RawFd, output: RawFd) -> PyResult<(Vec<u64>, u64)> {
        py.detach(|| stream(&self.redactor, input, output))
            .map_err(|error| PyOSError::new_err((error.raw_os_error(), error.to_string())))
    }
}

fn redact(redactor: &Redactor, line: &[u8], buffer: &mut Buffer) -> Result<(), json::JsonError> {
    buffer.clear();
    let text = String::from_utf8_lossy(line);
    json::parse(&text, &mut Encoder::new(redactor, buffer, Limits::NONE))
}

fn stream(redactor: &Redactor, input: RawFd, output: RawFd) -> std::io::Result<(Vec<u64>, u64)> {
    let mut input = BufReader::with_capacity(1 << 20, duplicate(input)?);
    let mut output = BufWriter::with_capacity(1 << 20, duplicate(output)?);
    let (mut line, mut buffer) = (Vec::new(), Buffer::default());
    let (mut broken, mut lines) = (Vec::new(), 0);
    while input.read_until(b'\n', &mut line)? > 0 {
        lines += 1;
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        if redact(redactor, text, &mut buffer).is_err() {
            broken.push(lines);
            broken.truncate(100);
            buffer.clear();
            Encoder::new(redactor, &mut buffer, Limits::NONE).text(&String::from_utf8_lossy(text));
        }
        buffer.out.push(b'\n');
        output.write_all(&buffer.out)?;
        // A pipe that is fed line by line is answered line by line.
        if input.buffer().is_empty() {
            output.flush()?;
        }
        line.clear();
    }
    output.flush()?;
    Ok((broken, lines))
}

fn duplicate(descriptor: RawFd) -> std::io::Result<File> {
    crate::ffi::borrow_fd(descriptor, |descriptor: BorrowedFd<'_>| descriptor.try_clone_to_owned())
        .map(File::from)
}
