//! The decorator of plain functions, and the verbs of the module: both act on the session of the context they are
//! called in.

use crate::context::{self, Frame};
use crate::failure;
use crate::ffi::{self, Args, Method};
use crate::recorder::Recorder;
use crate::walk::{PyValue, swallow};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyString, PyTuple};
use pyo3::{PyTraverseError, PyVisit};
use std::ffi::CStr;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use t800_core::assemble::{Place, Values};
use t800_core::event::{Field, Kind};
use t800_core::session::{Session, SpanEnd};

/// How many sessions are open in this process. Where there is none, nobody has to be asked for the current one.
pub static OPEN: AtomicUsize = AtomicUsize::new(0);
/// Whether a session may be opened when it is first needed.
static EXPECTED: AtomicBool = AtomicBool::new(false);

/// Says that this program is run under `t800 run`, whose session opens when it is first needed.
#[pyfunction]
pub fn expect_session() {
    EXPECTED.store(true, Relaxed);
}

/// The session of this context, else the one that `current` names; None where nothing is recorded.
pub fn current<'py>(
    current: &Py<PyAny>,
    frame: Option<&Bound<'py, Frame>>,
    py: Python<'py>,
) -> Option<Bound<'py, Recorder>> {
    if let Some(frame) = frame {
        return Some(frame.get().recorder.bind(py).clone());
    }
    if OPEN.load(Relaxed) == 0 && !EXPECTED.load(Relaxed) {
        return None;
    }
    let found = current.bind(py).call0().inspect_err(|error| swallow(py, error)).ok()?;
    found.cast_into().ok()
}

/// A function each of whose calls is one tool call of the current session.
#[pyclass(frozen, dict, weakref, module = "t800._core")]
pub struct Traced {
    entry: ffi::Entry,
    /// Whether there is anything in it: `CPython` 3.11 and 3.12 make an object's `__dict__` before it is filled, and that
    /// may begin a garbage collection, which comes to zeroed memory here.
    filled: bool,
    function: Py<PyAny>,
    name: Py<PyString>,
    /// Makes the recorded parameters of the arguments.
    parameters: Option<Py<PyAny>>,
    /// Whether what it gives back is recorded.
    result: bool,
    current: Py<PyAny>,
}

impl Method for Traced {
    type Owner = Traced;
    const NAME: &'static CStr = c"__call__";
    const DOC: &'static CStr = c"";
    fn call<'py>(owner: &Bound<'py, Traced>, args: Args<'_, 'py>) -> PyResult<Bound<'py, PyAny>> {
        let (py, traced) = (owner.py(), owner.get());
        let frame = context::frame(py);
        let recorder = current(&traced.current, frame.as_ref(), py);
        match recorder.as_ref().and_then(|recorder| Some((recorder, recorder.get().session.as_ref()?))) {
            Some((recorder, session)) => traced.recorded((recorder, session), frame, args),
            None => args.pass_to(traced.function.bind(py)),
        }
    }
}

impl Traced {
    fn recorded<'py>(
        &self,
        (recorder, session): (&Bound<'py, Recorder>, &Session),
        outer: Option<Bound<'py, Frame>>,
        args: Args<'_, 'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = recorder.py();
        let mut frame = match outer.as_ref().filter(|frame| frame.get().recorder.is(recorder)) {
            Some(outer) => outer.get().inside(py),
            None => Frame::root(recorder.clone().unbind()),
        };
        let parameters = self.parameters.as_ref().and_then(|made| {
            args.as_objects(|args, keywords| made.call1(py, (args, keywords)))
                .inspect_err(|error| swallow(py, error))
                .ok()
        });
        let mut values = Values::default();
        values.set(Field::Tool, PyValue(self.name.bind(py).as_any().as_borrowed()));
        if let Some(parameters) = &parameters {
            values.set(Field::Parameters, PyValue(parameters.bind_borrowed(py)));
        }
        let id = session.begin(Kind::ToolCall, values, frame.place()).id;
        frame.parent = id.or(frame.parent);
        let previous = Bound::new(py, frame).and_then(|frame| context::enter_from(outer, &frame));
        let result = args.pass_to(self.function.bind(py));
        let (end, success) = match &result {
            Ok(_) => (SpanEnd::Success(Some(true)), None),
            Err(error) => self.failed(recorder, error.value(py).as_any(), id),
        };
        if let Ok(previous) = previous {
            context::leave(py, previous);
        }
        let mut values = Values::default();
        if let (Ok(value), true) = (&result, self.result) {
            values.set(Field::Result, PyValue(value.as_borrowed()));
        }
        if let Some(success) = &success {
            values.set(Field::Success, PyValue(success.as_any().as_borrowed()));
        }
        if let Some(id) = id {
            session.end(id, values, Vec::new(), end);
        }
        result
    }

    fn failed<'py>(
        &self,
        recorder: &Bound<'py, Recorder>,
        exception: &Bound<'py, PyAny>,
        id: Option<u64>,
    ) -> (SpanEnd, Option<Bound<'py, PyBool>>) {
        if failure::is_interruption(exception) {
            return (SpanEnd::Cancelled, None);
        }
        let py = recorder.py();
        context::with_place(recorder, |place| {
            let place = Place { parent: id.or(place.parent), ..place };
            failure::report(recorder, exception, Some(self.name.bind(py).as_any()), place);
        });
        (SpanEnd::Success(Some(false)), Some(PyBool::new(py, false).to_owned()))
    }
}

#[pymethods]
impl Traced {
    #[new]
    #[pyo3(signature = (function, name, current, parameters = None, result = false))]
    fn new(
        function: Py<PyAny>,
        name: Py<PyString>,
        current: Py<PyAny>,
        parameters: Option<Py<PyAny>>,
        result: bool,
    ) -> Traced {
        Traced { entry: ffi::entry::<Traced>(), filled: true, function, name, parameters, result, current }
    }

    /// Bound to its object as a function of a class is.
    fn __get__<'py>(
        slf: &Bound<'py, Self>,
        instance: &Bound<'py, PyAny>,
        _class: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if instance.is_none() { Ok(slf.clone().into_any()) } else { ffi::bind_method(slf.as_any(), instance) }
    }

    /// By its name, as functions are.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.getattr("__qualname__")
    }

    fn __copy__<'py>(slf: &Bound<'py, Self>) -> Bound<'py, Self> {
        slf.clone()
    }

    #[pyo3(signature = (_memo, /))]
    fn __deepcopy__<'py>(slf: &Bound<'py, Self>, _memo: &Bound<'py, PyAny>) -> Bound<'py, Self> {
        slf.clone()
    }

    /// What the interpreter does not call where it has another way in.
    #[pyo3(signature = (*args, **keywords))]
    fn __call__<'py>(
        slf: &Bound<'py, Self>,
        args: &Bound<'py, PyTuple>,
        keywords: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        ffi::enter_with_objects::<Traced>(slf, args, keywords)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<traced {}>", self.function.bind(py).repr()?))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        if !self.filled {
            return Ok(());
        }
        visit.call(&self.function)?;
        visit.call(&self.parameters)?;
        visit.call(&self.current)
    }
}

/// Makes calls of [`Traced`] come in by raw arguments.
///
/// # Errors
/// When there is no memory for an object of it.
pub fn prepare(py: Python<'_>) -> PyResult<()> {
    let example = Traced::new(py.None(), PyString::new(py, "").unbind(), py.None(), None, false);
    let example = Bound::new(py, example)?;
    ffi::enter_directly(&example, &example.get().entry);
    Ok(())
}

/// Whom the verbs of the module act on.
#[pyclass(frozen, module = "t800._core")]
pub struct Verbs {
    current: Py<PyAny>,
    off: Py<Recorder>,
}

/// A verb of the module: the recorder's own, of the current session.
struct OfModule<M>(PhantomData<M>);

impl<M: Method<Owner = Recorder>> Method for OfModule<M> {
    type Owner = Verbs;
    const NAME: &'static CStr = M::NAME;
    const DOC: &'static CStr = M::DOC;
    fn call<'py>(owner: &Bound<'py, Verbs>, args: Args<'_, 'py>) -> PyResult<Bound<'py, PyAny>> {
        let py = owner.py();
        match current(&owner.get().current, context::frame(py).as_ref(), py) {
            Some(recorder) => M::call(&recorder, args),
            None => M::call(owner.get().off.bind(py), args),
        }
    }
}

impl Verbs {
    /// One verb of the module.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn verb<'py, M: Method<Owner = Recorder>>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        ffi::bound::<OfModule<M>>(slf, pyo3::intern!(slf.py(), "t800.session"))
    }
}

/// The verbs of the module by their names; `current` finds the session of a context that does not say, `off` is the one
/// that records nothing.
#[pyfunction]
pub fn verbs<'py>(current: Bound<'py, PyAny>, off: Bound<'py, Recorder>) -> PyResult<Bound<'py, PyDict>> {
    let (py, all) = (current.py(), PyDict::new(current.py()));
    let verbs = Bound::new(py, Verbs { current: current.unbind(), off: off.unbind() })?;
    for verb in crate::recorder::verbs(&verbs)? {
        all.set_item(verb.getattr("__name__")?, verb)?;
    }
    Ok(all)
}
