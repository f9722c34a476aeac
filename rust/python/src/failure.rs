//! Exceptions become error events: one for each exception object, at the innermost scope that sees it.

use crate::call::Call;
use crate::recorder::Recorder;
use crate::walk::{swallow, type_name};
use pyo3::exceptions::{PyGeneratorExit, PyKeyboardInterrupt, PySystemExit};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyType};
use t800_core::assemble::Place;
use t800_core::event::{Field, Kind};
use t800_core::session::SpanEnd;

/// Set on an exception object once it has its event.
const REPORTED: &str = "__t800_reported__";

/// Whether an exception ends work without being a failure of it: a cancellation or an exit.
pub fn is_interruption(exception: &Bound<'_, PyAny>) -> bool {
    exception.is_instance_of::<PyKeyboardInterrupt>()
        || exception.is_instance_of::<PyGeneratorExit>()
        || exception.is_instance_of::<PySystemExit>()
        || exception.get_type().mro().iter().any(|base| is_cancellation(&base))
}

/// By name, so that neither asyncio nor trio is imported for it.
fn is_cancellation(base: &Bound<'_, PyAny>) -> bool {
    let Ok(base) = base.cast::<PyType>() else { return false };
    let name = |text: PyResult<Bound<'_, PyString>>| text.map(|text| text.to_string()).unwrap_or_default();
    let (module, name) = (name(base.module()), name(base.name()));
    matches!(
        (module.as_str(), name.as_str()),
        ("asyncio.exceptions", "CancelledError") | ("trio", "Cancelled")
    )
}

/// Records an exception unless it is None, an interruption, or recorded already.
pub fn report(
    recorder: &Bound<'_, Recorder>,
    exception: &Bound<'_, PyAny>,
    tool: Option<&Bound<'_, PyAny>>,
    place: Place<'_>,
) {
    if exception.is_none() || is_interruption(exception) || exception.hasattr(REPORTED).unwrap_or(false) {
        return;
    }
    // An exception that takes no attribute may be recorded at several scopes.
    let _ = exception.setattr(REPORTED, true);
    write(recorder, exception, tool, place);
}

/// Records the error of a hook point: an exception, or any text.
pub fn of_call(
    recorder: &Bound<'_, Recorder>,
    error: &Bound<'_, PyAny>,
    tool: Option<&Bound<'_, PyAny>>,
    place: Place<'_>,
) {
    if error.is_instance_of::<pyo3::exceptions::PyBaseException>() {
        report(recorder, error, tool, place);
    } else {
        write(recorder, error, tool, place);
    }
}

fn write(
    recorder: &Bound<'_, Recorder>,
    error: &Bound<'_, PyAny>,
    tool: Option<&Bound<'_, PyAny>>,
    place: Place<'_>,
) {
    let (py, Some(session)) = (recorder.py(), &recorder.get().session) else { return };
    let exception = error.is_instance_of::<pyo3::exceptions::PyBaseException>();
    let name = if exception { type_name(error) } else { "TOOL_FAILED".to_owned() };
    let name = PyString::new(py, &name).into_any();
    let message = error.str().inspect_err(|error| swallow(py, error)).ok();
    let mut call = Call::empty();
    call.set(Field::ErrorType, name.as_borrowed());
    if let Some(message) = &message {
        call.set(Field::Message, message.as_any().as_borrowed());
    }
    if let Some(tool) = tool {
        call.set(Field::Tool, tool.as_borrowed());
    }
    session.record(Kind::Error, call.values, Vec::new(), place, SpanEnd::Success(None));
}
