//! JSON text to Python objects, for what is read before any JSON library needs to be imported.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString};
use t800_core::encode::Enter;
use t800_core::encode::json::Sink;

/// Builds Python objects from the events of the parser.
struct Builder<'py> {
    py: Python<'py>,
    open: Vec<(Bound<'py, PyAny>, Option<String>)>,
    root: Option<Bound<'py, PyAny>>,
    failed: Option<PyErr>,
}

impl<'py> Builder<'py> {
    fn put(&mut self, value: PyResult<Bound<'py, PyAny>>) {
        let stored = value.and_then(|value| match self.open.last_mut() {
            None => {
                self.root = Some(value);
                Ok(())
            }
            Some((container, key)) => match key.take() {
                Some(key) => container.set_item(key, value),
                None => container.cast::<PyList>()?.append(value),
            },
        });
        if let Err(error) = stored {
            self.failed.get_or_insert(error);
        }
    }

    fn begin(&mut self, container: Bound<'py, PyAny>) -> Enter {
        self.put(Ok(container.clone()));
        self.open.push((container, None));
        Enter::Walk
    }
}

impl Sink for Builder<'_> {
    fn begin_object(&mut self) -> Enter {
        self.begin(PyDict::new(self.py).into_any())
    }
    fn begin_list(&mut self) -> Enter {
        self.begin(PyList::empty(self.py).into_any())
    }
    fn end_object(&mut self) {
        self.open.pop();
    }
    fn end_list(&mut self) {
        self.open.pop();
    }
    fn key(&mut self, key: &str) {
        if let Some((_, place)) = self.open.last_mut() {
            *place = Some(key.to_owned());
        }
    }
    fn string(&mut self, text: &str, _: Option<&str>) {
        self.put(Ok(PyString::new(self.py, text).into_any()));
    }
    fn number(&mut self, text: &str) {
        let value = if text.contains(['.', 'e', 'E']) {
            Ok(PyFloat::new(self.py, text.parse().unwrap_or(f64::NAN)).into_any())
        } else {
            self.py.get_type::<PyInt>().call1((text,))
        };
        self.put(value);
    }
    fn bool(&mut self, value: bool) {
        self.put(Ok(PyBool::new(self.py, value).to_owned().into_any()));
    }
    fn null(&mut self) {
        self.put(Ok(self.py.None().into_bound(self.py)));
    }
    fn full(&self) -> bool {
        false
    }
    fn left_out(&mut self, _: usize) {}
}

/// The Python object that a JSON text says.
///
/// # Errors
/// `ValueError` naming the byte where the text is not JSON.
pub fn parse<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyAny>> {
    let mut builder = Builder { py, open: Vec::new(), root: None, failed: None };
    t800_core::encode::json::parse(text, &mut builder)
        .map_err(|error| PyValueError::new_err(error.to_string()))?;
    match builder.failed {
        Some(error) => Err(error),
        None => builder.root.ok_or_else(|| PyValueError::new_err("no JSON value")),
    }
}
