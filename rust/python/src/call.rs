//! The arguments of a recording call become the values of an event.

use crate::ffi::{Args, too_many};
use crate::recorder::Recorder;
use crate::walk::PyValue;
use pyo3::exceptions::{PyRuntimeWarning, PyTypeError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString};
use t800_core::assemble::{Misuse, Values};
use t800_core::event::{Field, Kind};

/// The values of one call by field, and what has no field.
pub struct Call<'a, 'py> {
    /// What belongs to a field.
    pub values: Values<PyValue<'a, 'py>>,
    /// What goes to the attributes.
    pub misfits: Vec<(String, PyValue<'a, 'py>)>,
    /// What the caller did wrong.
    pub misuses: Vec<Misuse>,
}

/// The names of one kind's fields as interned strings, each at the place that its address gives it, or the next free
/// one: a keyword is found by its identity.
struct Names([Option<(Py<PyString>, Field)>; Names::PLACES]);

impl Names {
    const PLACES: usize = 256;

    fn of(py: Python<'_>, kind: Kind) -> &'static Names {
        static NAMES: [PyOnceLock<Names>; Kind::ALL.len()] = [const { PyOnceLock::new() }; Kind::ALL.len()];
        NAMES[kind as usize].get_or_init(py, || {
            let mut places = [const { None }; Names::PLACES];
            for (name, field) in kind.names() {
                let name = PyString::intern(py, name);
                let mut at = Names::place(&name);
                while places[at].is_some() {
                    at = (at + 1) % Names::PLACES;
                }
                places[at] = Some((name.unbind(), field));
            }
            Names(places)
        })
    }

    /// Objects stand 16 bytes apart, and strings of a few words some multiples of that.
    fn place(name: &Bound<'_, PyString>) -> usize {
        let address = name.as_ptr() as usize;
        (address >> 4 ^ address >> 12) % Names::PLACES
    }

    fn find(&self, name: &Bound<'_, PyString>) -> Option<Field> {
        let mut at = Names::place(name);
        // Most places are free.
        while let Some((known, field)) = &self.0[at] {
            if known.is(name) {
                return Some(*field);
            }
            at = (at + 1) % Names::PLACES;
        }
        None
    }
}

/// The field of `kind` that a keyword names.
pub fn field_of(kind: Kind, name: &Bound<'_, PyString>) -> Option<Field> {
    Names::of(name.py(), kind).find(name).or_else(|| kind.field(name.to_str().ok()?))
}

impl<'a, 'py> Call<'a, 'py> {
    /// A call without arguments.
    pub fn empty() -> Call<'a, 'py> {
        Call { values: Values::default(), misfits: Vec::new(), misuses: Vec::new() }
    }

    /// Reads arguments: positional ones fill `positional` in order, keywords their fields.
    ///
    /// # Errors
    /// When there are more positional arguments than that.
    pub fn read(
        kind: Kind,
        method: &str,
        positional: &[Field],
        args: Args<'a, 'py>,
    ) -> PyResult<Call<'a, 'py>> {
        let mut call = Call::empty();
        if args.positional().len() > positional.len() {
            return Err(too_many(method, positional.len()));
        }
        for (field, value) in positional.iter().zip(args.positional()) {
            call.set(*field, value);
        }
        let names = Names::of(args.py(), kind);
        for (name, value) in args.keywords() {
            match names.find(&name) {
                Some(field) => call.set(field, value),
                None => call.keyword(kind, &name, value),
            }
        }
        Ok(call)
    }

    /// Takes one keyword argument.
    pub fn keyword(&mut self, kind: Kind, name: &Bound<'py, PyString>, value: Borrowed<'a, 'py, PyAny>) {
        match field_of(kind, name) {
            Some(field) => self.set(field, value),
            None if value.is_none() => {}
            None => self.unknown(kind, name.to_string_lossy().into_owned(), value),
        }
    }

    /// Sets a field; a None is the same as no argument, but for `success`, where it means unknown.
    pub fn set(&mut self, field: Field, value: Borrowed<'a, 'py, PyAny>) {
        if !value.is_none() || field == Field::Success {
            self.values.set(field, PyValue(value));
        }
    }

    fn unknown(&mut self, kind: Kind, name: String, value: Borrowed<'a, 'py, PyAny>) {
        let expected = match kind {
            Kind::ToolCall => "a field of tool_call; further facts go into attributes={…}",
            Kind::LlmCall => "a field of llm_call; further facts go into attributes={…}",
            Kind::Decision => "a field of decision; further facts go into attributes={…}",
            Kind::Error => "a field of error; further facts go into attributes={…}",
            Kind::Checkpoint => "a field of checkpoint; further facts go into attributes={…}",
        };
        self.misuses.push(Misuse { field: name.clone(), expected });
        self.misfits.push((name, PyValue(value)));
    }
}

/// What the begin of a hook point was told and only its end writes, such as the prompt's tokens.
pub struct Held {
    fields: Vec<(Field, Py<PyAny>)>,
    misfits: Vec<(String, Py<PyAny>)>,
}

impl Held {
    /// What a begin has left over; None where that is nothing.
    pub fn of(call: Call<'_, '_>) -> Option<Held> {
        let values = call.values.iter();
        let fields: Vec<_> = values.map(|(field, value)| (field, value.0.to_owned().unbind())).collect();
        let misfits: Vec<_> =
            call.misfits.into_iter().map(|(name, value)| (name, value.0.to_owned().unbind())).collect();
        (!fields.is_empty() || !misfits.is_empty()).then_some(Held { fields, misfits })
    }

    /// Adds it to the end's call; what the end says itself is newer.
    pub fn fill<'a, 'py>(&'a self, py: Python<'py>, call: &mut Call<'a, 'py>) {
        for (field, value) in &self.fields {
            if call.values.get(*field).is_none() {
                call.values.set(*field, PyValue(value.bind_borrowed(py)));
            }
        }
        let misfits = self.misfits.iter();
        call.misfits.extend(misfits.map(|(name, value)| (name.clone(), PyValue(value.bind_borrowed(py)))));
    }
}

/// Reads the entries of a mapping that is an event: `record`'s argument, already copied into a dict.
pub fn event_kind(event: &Bound<'_, PyDict>) -> Option<Kind> {
    let kind = event.get_item(pyo3::intern!(event.py(), "type")).ok()??;
    Kind::from_name(kind.cast::<PyString>().ok()?.to_str().ok()?)
}

/// Says what was misused: an exception in strict mode, else a warning the first time.
///
/// # Errors
/// `TypeError` in strict mode.
pub fn report(recorder: &Bound<'_, Recorder>, method: &str, misuses: &[Misuse]) -> PyResult<()> {
    let Some(first) = misuses.first() else { return Ok(()) };
    let text = format!("{method}(): {} must be {}", first.field, first.expected);
    if recorder.get().strict {
        return Err(PyTypeError::new_err(text));
    }
    if recorder.get().count_misuse(misuses.len()) {
        warn(recorder.py(), &format!("t800: {text}; the value went to attributes (said once)"));
    }
    Ok(())
}

/// Warns on the caller's thread; a filter that turns warnings into errors must not reach the agent.
pub fn warn(py: Python<'_>, text: &str) {
    let Ok(text) = std::ffi::CString::new(text.replace('\0', " ")) else { return };
    if let Err(error) = PyErr::warn(py, &py.get_type::<PyRuntimeWarning>(), &text, 1) {
        drop(error);
    }
}
