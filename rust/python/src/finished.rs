//! `record(event)`: finished events as mappings, in the trace file's field names.

use crate::call::{self, Call};
use crate::context::with_place;
use crate::ffi::Args;
use crate::recorder::{Recorder, answer, none, refuse};
use crate::walk::{PyValue, swallow};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use t800_core::assemble::Value;
use t800_core::event::{Field, Kind};
use t800_core::session::SpanEnd;

/// One finished event.
///
/// # Errors
/// In strict mode, where it is no event.
pub fn record<'py>(owner: &Bound<'py, Recorder>, args: Args<'_, 'py>) -> PyResult<Bound<'py, PyAny>> {
    let Some(session) = &owner.get().session else { return Ok(none(owner.py())) };
    let event = match args.positional().next().ok_or_else(|| wrong_event("nothing")).and_then(as_dict) {
        Ok(event) => event,
        Err(error) => return refuse(owner, error),
    };
    let Some(kind) = call::event_kind(&event) else {
        let kinds = Kind::ALL.map(Kind::name).join(", ");
        return refuse(
            owner,
            PyValueError::new_err(format!("record(): the event's \"type\" must be one of {kinds}")),
        );
    };
    let entries: Vec<(Bound<'py, PyAny>, Bound<'py, PyAny>)> = event.iter().collect();
    let mut call = Call::empty();
    let mut end = SpanEnd::Success(None);
    for (name, value) in &entries {
        let flag = PyValue(value.as_borrowed()).flag();
        if (flag.is_some() || value.is_none()) && kind.is_call() && is_interrupted(name) {
            if flag == Some(true) {
                end = SpanEnd::Interrupted;
            }
        } else {
            take_entry(&mut call, kind, name, value);
        }
    }
    let recorded = with_place(owner, |place| session.record(kind, call.values, call.misfits, place, end));
    answer(owner, "record", &recorded, &call.misuses)
}

fn is_interrupted(name: &Bound<'_, PyAny>) -> bool {
    name.cast::<PyString>().is_ok_and(|name| *name == "interrupted")
}

/// One entry of a recorded mapping. Nulls are kept: a finished event says what it knows.
fn take_entry<'a, 'py>(
    call: &mut Call<'a, 'py>,
    kind: Kind,
    name: &Bound<'py, PyAny>,
    value: &'a Bound<'py, PyAny>,
) {
    let Ok(name) = name.cast::<PyString>() else { return };
    match name.to_str() {
        Ok("type") => {}
        Ok("event_id") => call.values.set(Field::SourceId, PyValue(value.as_borrowed())),
        _ => match call::field_of(kind, name) {
            Some(field) => call.values.set(field, PyValue(value.as_borrowed())),
            None => call.keyword(kind, name, value.as_borrowed()),
        },
    }
}

fn as_dict<'py>(event: Borrowed<'_, 'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
    if let Ok(dict) = event.cast::<PyDict>() {
        return Ok(dict.to_owned());
    }
    if !crate::walk::is_mapping(&event) {
        return Err(wrong_event(&crate::walk::type_name(&event)));
    }
    let dict = PyDict::new(event.py());
    dict.call_method1("update", (event,)).inspect_err(|error| swallow(event.py(), error))?;
    Ok(dict)
}

fn wrong_event(found: &str) -> PyErr {
    PyTypeError::new_err(format!("record() takes one mapping, an event; it got {found}"))
}
