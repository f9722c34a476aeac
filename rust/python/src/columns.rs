//! Events as columns for Python: buffers that Apache Arrow takes as they are.

use pyo3::prelude::*;
use pyo3::pybacked::{PyBackedBytes, PyBackedStr};
use pyo3::types::PyBytes;
use std::io::Read as _;
use std::path::PathBuf;
use t800_core::columns::{Buffers, Rows, definition};
use t800_core::folder::Folder;

/// The longest document that is read here; the reader in Python reads longer ones piece by piece.
const MOST_BYTES: u64 = 64 << 20;

type Bytes<'py> = Bound<'py, PyBytes>;
/// Which rows have a value, where texts begin and end, the values, the words among which values are.
type ColumnBuffers<'py> = (Option<Bytes<'py>>, Bytes<'py>, Bytes<'py>, Vec<String>);
/// How many rows there are, their columns, and the document (`u32`) of each row.
type Table<'py> = (usize, Vec<ColumnBuffers<'py>>, Bytes<'py>);
/// How many rows a document has, its first line and its last line.
type Document<'py> = (usize, Bytes<'py>, Bytes<'py>);

/// A document by its name in the folder, or by its bytes.
#[derive(FromPyObject)]
pub enum Source {
    Name(PyBackedStr),
    Text(PyBackedBytes),
}

/// The names of the columns that events have, and what each holds: text, word, json, whole, real, flag.
#[pyfunction]
pub fn event_columns() -> Vec<(&'static str, &'static str)> {
    definition().map(|(name, holds)| (name, holds.name())).collect()
}

/// Reads closed documents of a folder, each with the day of events that do not say theirs. For a document that is not as
/// the writer leaves it: None, and no rows.
///
/// # Errors
/// `OSError` when the folder cannot be opened.
#[pyfunction]
pub fn document_rows(
    py: Python<'_>,
    folder: PathBuf,
    documents: Vec<(Source, String)>,
) -> PyResult<(Table<'_>, Vec<Option<Document<'_>>>)> {
    let (rows, told) = py.detach(|| -> PyResult<_> {
        let folder = Folder::open(&folder)?;
        let (mut rows, mut read) = (Rows::default(), Vec::new());
        let mut told = Vec::with_capacity(documents.len());
        for (number, (source, day)) in documents.iter().enumerate() {
            let bytes = match source {
                Source::Text(text) => Some(&**text),
                Source::Name(name) => read_into(&folder, name, &mut read),
            };
            let document = bytes.and_then(|bytes| rows.add_document(bytes, day, number as u32));
            told.push(document.map(|d| (d.rows, d.header.to_vec(), d.closing.to_vec())));
        }
        Ok((rows, told))
    })?;
    let told = told.into_iter().map(|document| {
        document.map(|(rows, header, closing)| (rows, PyBytes::new(py, &header), PyBytes::new(py, &closing)))
    });
    Ok((table(py, rows), told.collect()))
}

/// Reads events that somebody has read and checked before, one a line, with the day of those that do not say theirs.
#[pyfunction]
pub fn line_rows(py: Python<'_>, texts: Vec<(PyBackedBytes, String)>) -> Table<'_> {
    let mut rows = Rows::default();
    py.detach(|| {
        for (number, (text, day)) in texts.iter().enumerate() {
            rows.add_lines(&String::from_utf8_lossy(text), day, number as u32);
        }
    });
    table(py, rows)
}

/// The bytes of a document of ours; None where there is none, or one that is too long.
fn read_into<'b>(folder: &Folder, name: &str, read: &'b mut Vec<u8>) -> Option<&'b [u8]> {
    let mut file = folder.read_file(name).ok()?.take(MOST_BYTES + 1);
    read.clear();
    let len = file.read_to_end(read).ok()? as u64;
    (len <= MOST_BYTES).then_some(read)
}

fn table(py: Python<'_>, rows: Rows) -> Table<'_> {
    let count = rows.len();
    let (columns, origins) = py.detach(|| rows.finish());
    let columns = columns.into_iter().map(|column| buffers(py, column)).collect();
    (count, columns, PyBytes::new(py, &origins))
}

fn buffers(py: Python<'_>, column: Buffers) -> ColumnBuffers<'_> {
    let valid = column.valid.map(|bits| PyBytes::new(py, &bits));
    let words = column.words.into_iter().map(String::from).collect();
    (valid, PyBytes::new(py, &column.offsets), PyBytes::new(py, &column.data), words)
}
