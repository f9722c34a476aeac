//! Spans, phases and sub-agents: what an agent's code enters and leaves, with `with` or `async with`.

use crate::call::{Call, field_of, report};
use crate::context::{self, Frame, frame_of};
use crate::failure;
use crate::ffi::{self, Args, Method};
use crate::recorder::{Begun, Recorder, id_object, none, refuse};
use crate::walk::PyValue;
use pyo3::exceptions::{PyStopIteration, PyTypeError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyDict, PyString, PyTuple};
use std::ffi::CStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use t800_core::assemble::{Place, Value};
use t800_core::clock;
use t800_core::event::{Field, Kind};
use t800_core::session::SpanEnd;
use t800_core::writer;

/// An awaitable that is done already: entering and leaving never waits.
#[pyclass(frozen, module = "t800._core")]
pub struct Done(Py<PyAny>);

#[pymethods]
impl Done {
    fn __await__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }
    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }
    fn __next__(&self, py: Python<'_>) -> PyResult<()> {
        Err(PyStopIteration::new_err(self.0.clone_ref(py)))
    }
}

fn done<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, Done>> {
    Bound::new(value.py(), Done(value.clone().unbind()))
}

fn exception_of<'py>(args: &Bound<'py, PyTuple>) -> Bound<'py, PyAny> {
    args.get_item(1).unwrap_or_else(|_| none(args.py()))
}

/// A call in flight: a tool call or an LLM call.
///
/// It begins when it is made, is the parent of what happens inside, and becomes one event when it is left.
/// It is itself the frame of what happens inside.
#[pyclass(frozen, subclass, extends = Frame, module = "t800._core", weakref)]
pub struct Span {
    open: Option<OpenSpan>,
}

struct OpenSpan {
    kind: Kind,
    /// None where events of this kind are not recorded.
    id: Option<u64>,
    started: clock::Mono,
    tool: Option<Py<PyAny>>,
    state: Mutex<SpanState>,
}

#[derive(Default)]
struct SpanState {
    fields: Vec<(Field, Py<PyAny>)>,
    others: Vec<(String, Py<PyAny>)>,
    previous: Option<context::Previous>,
    ended: bool,
}

impl OpenSpan {
    fn state(&self) -> MutexGuard<'_, SpanState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, field: Field, value: &Bound<'_, PyAny>) {
        let value = (field, value.clone().unbind());
        let mut state = self.state();
        let known = state.fields.iter_mut().find(|(known, _)| *known == field);
        let before = if let Some(known) = known {
            Some(std::mem::replace(known, value))
        } else {
            state.fields.push(value);
            None
        };
        // Dropping an object may run its code, which may call this span again.
        drop(state);
        drop(before);
    }

    /// Ends the span with what it was told, as `end` says.
    ///
    /// # Errors
    /// What did not fit, in strict mode.
    fn finish(&self, recorder: &Bound<'_, Recorder>, end: SpanEnd) -> PyResult<()> {
        let py = recorder.py();
        let state = {
            let mut state = self.state();
            if std::mem::replace(&mut state.ended, true) {
                return Ok(());
            }
            (std::mem::take(&mut state.fields), std::mem::take(&mut state.others))
        };
        let (Some(id), Some(session)) = (self.id, &recorder.get().session) else { return Ok(()) };
        let mut call = Call::empty();
        for (field, value) in &state.0 {
            call.values.set(*field, PyValue(value.bind_borrowed(py)));
        }
        for (name, value) in &state.1 {
            call.misfits.push((name.clone(), PyValue(value.bind_borrowed(py))));
        }
        let recorded = session.end(id, call.values, call.misfits, end);
        state.0.into_iter().for_each(|(_, value)| drop(value.into_bound(py)));
        report(recorder, "span", &recorded.misuses)
    }
}

impl Span {
    /// The span of a call that has begun, or the one that does nothing.
    pub fn begun<'py>(
        recorder: &Bound<'py, Recorder>,
        kind: Kind,
        begun: Option<Begun<'_, 'py>>,
        args: Args<'_, 'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = recorder.py();
        let Some(Begun { id, rest: call, frame }) = begun else {
            return Ok(off(recorder)?.clone().into_any());
        };
        let mut state = SpanState::default();
        for (field, value) in call.values.iter() {
            state.fields.push((field, value.0.to_owned().unbind()));
        }
        state.others =
            call.misfits.into_iter().map(|(name, value)| (name, value.0.to_owned().unbind())).collect();
        let tool = (kind == Kind::ToolCall).then(|| args.positional().next()).flatten();
        let open = OpenSpan {
            kind,
            id,
            started: clock::now(),
            tool: tool.map(|tool| tool.to_owned().unbind()),
            state: Mutex::new(state),
        };
        let mut frame = match frame {
            Some(frame) => frame.get().inside(py),
            None => Frame::root(recorder.clone().unbind()),
        };
        frame.parent = id.or(frame.parent);
        let span = PyClassInitializer::from(frame).add_subclass(Span { open: Some(open) });
        Ok(Bound::new(py, span)?.into_any())
    }

    fn recorder<'a, 'py>(slf: &'a Bound<'py, Self>) -> &'a Bound<'py, Recorder> {
        slf.as_super().get().recorder.bind(slf.py())
    }

    fn enter(slf: &Bound<'_, Self>) -> PyResult<()> {
        let Some(open) = &slf.get().open else { return Ok(()) };
        let (py, ours) = (slf.py(), slf.as_super());
        let outer = context::frame(py);
        let recorder = Span::recorder(slf);
        let elsewhere = |outer: &Frame| outer.recorder.is(recorder) && !ours.get().is_alike(outer);
        let previous = match &outer {
            // Entered elsewhere than it was made.
            Some(frame) if elsewhere(frame.get()) => {
                let mut frame = frame.get().inside(py);
                frame.parent = open.id.or(frame.parent);
                context::enter_from(outer, &Bound::new(py, frame)?)?
            }
            _ => context::enter_from(outer, ours)?,
        };
        open.state().previous = Some(previous);
        Ok(())
    }

    /// Puts the context back as it was before the span was entered.
    fn leave_context(&self, py: Python<'_>) {
        let Some(open) = &self.open else { return };
        let previous = open.state().previous.take();
        if let Some(previous) = previous {
            context::leave(py, previous);
        }
    }

    /// # Errors
    /// What did not fit, in strict mode; never in the place of an exception that is on its way.
    fn exit(slf: &Bound<'_, Self>, exception: &Bound<'_, PyAny>) -> PyResult<()> {
        let Some(open) = &slf.get().open else { return Ok(()) };
        let (py, recorder) = (slf.py(), Span::recorder(slf));
        let end = if exception.is_none() {
            SpanEnd::Success(Some(true))
        } else if failure::is_interruption(exception) {
            SpanEnd::Cancelled
        } else {
            context::with_place(recorder, |place| {
                let place = Place { parent: open.id.or(place.parent), ..place };
                failure::report(recorder, exception, open.tool.as_ref().map(|tool| tool.bind(py)), place);
            });
            open.set(Field::Success, &PyBool::new(py, false).to_owned().into_any());
            SpanEnd::Success(Some(false))
        };
        slf.get().leave_context(py);
        let finished = open.finish(recorder, end);
        if exception.is_none() { finished } else { Ok(()) }
    }
}

#[pymethods]
impl Span {
    /// The id of the event that this call becomes; None where it is not recorded.
    #[getter]
    fn id<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        id_object(py, self.open.as_ref().and_then(|open| open.id))
    }

    /// What the call gave back: the tool's result or the model's response. Returns it.
    fn result<'py>(&self, value: Bound<'py, PyAny>) -> Bound<'py, PyAny> {
        if let Some(open) = &self.open {
            open.set(if open.kind == Kind::ToolCall { Field::Result } else { Field::Response }, &value);
        }
        value
    }

    /// Tokens and cost of the call.
    #[pyo3(signature = (**fields))]
    fn usage(slf: &Bound<'_, Self>, fields: Option<&Bound<'_, PyDict>>) -> PyResult<()> {
        Span::update_from(slf, "usage", fields)
    }

    /// Any field of the event; what it has no field for goes to `attributes`.
    #[pyo3(signature = (**fields))]
    fn update(slf: &Bound<'_, Self>, fields: Option<&Bound<'_, PyDict>>) -> PyResult<()> {
        Span::update_from(slf, "update", fields)
    }

    /// The first token of a streamed response has arrived: sets `ttft_ms`.
    fn first_token(&self, py: Python<'_>) -> PyResult<()> {
        let Some(open) = self.open.as_ref().filter(|open| open.kind == Kind::LlmCall) else { return Ok(()) };
        let us = clock::now().saturating_sub(open.started) / 1_000;
        open.set(Field::TtftMs, (us as f64 / 1e3).into_pyobject(py)?.as_any());
        Ok(())
    }

    /// Takes the call back, because it is known already by another name: no event comes of it.
    fn forget(slf: &Bound<'_, Self>) {
        let Some(open) = &slf.get().open else { return };
        slf.get().leave_context(slf.py());
        let known = {
            let mut state = open.state();
            state.ended = true;
            (std::mem::take(&mut state.fields), std::mem::take(&mut state.others))
        };
        if let (Some(id), Some(session)) = (open.id, &Span::recorder(slf).get().session) {
            session.forget(id);
        }
        drop(known);
    }

    /// Gives the context back to the caller while a generator waits inside the span.
    fn suspend(&self, py: Python<'_>) {
        self.leave_context(py);
    }

    /// Takes the context again when a generator goes on.
    fn resume(slf: &Bound<'_, Self>) -> PyResult<()> {
        Span::enter(slf)
    }

    fn __aenter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Done>> {
        Span::enter(slf)?;
        done(slf.as_any())
    }

    #[pyo3(signature = (*args))]
    fn __aexit__<'py>(slf: &Bound<'py, Self>, args: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, Done>> {
        Span::exit(slf, &exception_of(args))?;
        done(&none(slf.py()))
    }
}

impl Span {
    fn update_from(slf: &Bound<'_, Self>, method: &str, fields: Option<&Bound<'_, PyDict>>) -> PyResult<()> {
        let (Some(open), Some(fields)) = (&slf.get().open, fields) else { return Ok(()) };
        let mut misuses = Vec::new();
        for (name, value) in fields.iter() {
            let Ok(name) = name.cast_into::<PyString>() else { continue };
            match field_of(open.kind, &name) {
                Some(field) if !value.is_none() || field == Field::Success => open.set(field, &value),
                None if !value.is_none() => {
                    let mut call = Call::empty();
                    call.keyword(open.kind, &name, value.as_borrowed());
                    misuses.append(&mut call.misuses);
                    open.state().others.push((name.to_string_lossy().into_owned(), value.unbind()));
                }
                _ => {}
            }
        }
        report(Span::recorder(slf), method, &misuses)
    }
}

/// The span that does nothing. Its class has the two methods of `with` bound to it, which saves their binding.
#[pyclass(frozen, extends = Span, module = "t800._core")]
pub struct NoSpan;

/// The span of a recorder that is off: one for all.
pub fn off<'py>(recorder: &Bound<'py, Recorder>) -> PyResult<&'py Bound<'py, Span>> {
    static OFF: PyOnceLock<Py<Span>> = PyOnceLock::new();
    let py = recorder.py();
    let make = || {
        let frame = PyClassInitializer::from(Frame::root(recorder.clone().unbind()));
        let span = Bound::new(py, frame.add_subclass(Span { open: None }).add_subclass(NoSpan))?.into_super();
        let module = pyo3::intern!(py, "t800._core");
        for method in [ffi::bound::<Enter>(&span, module)?, ffi::bound::<Exit>(&span, module)?] {
            let name = method.getattr("__name__")?.cast_into::<PyString>()?;
            span.get_type().setattr(name, method)?;
        }
        Ok(span.unbind())
    };
    OFF.get_or_try_init(py, make).map(|span| span.bind(py))
}

/// `__enter__` of a span.
pub struct Enter;

impl Method for Enter {
    type Owner = Span;
    const NAME: &'static CStr = c"__enter__";
    const DOC: &'static CStr = c"__enter__($self, /)\n--\n\nWhat happens from here on happens inside.";
    fn call<'py>(owner: &Bound<'py, Span>, _: Args<'_, 'py>) -> PyResult<Bound<'py, PyAny>> {
        Span::enter(owner)?;
        Ok(owner.clone().into_any())
    }
}

/// `__exit__` of a span.
pub struct Exit;

impl Method for Exit {
    type Owner = Span;
    const NAME: &'static CStr = c"__exit__";
    const DOC: &'static CStr = c"__exit__($self, /, *exception)\n--\n\nThe call has ended.";
    fn call<'py>(owner: &Bound<'py, Span>, args: Args<'_, 'py>) -> PyResult<Bound<'py, PyAny>> {
        let exception = args.positional().nth(1);
        match exception {
            Some(exception) => Span::exit(owner, &exception)?,
            None => Span::exit(owner, &none(owner.py()))?,
        }
        Ok(PyBool::new(owner.py(), false).to_owned().into_any())
    }
}

/// A phase of the agent's work: sets `phase` on what happens inside, and is one checkpoint when it is left.
#[pyclass(frozen, module = "t800._core", weakref)]
pub struct PhaseScope {
    open: Option<OpenPhase>,
}

struct OpenPhase {
    recorder: Py<Recorder>,
    name: Py<PyAny>,
    json: Arc<[u8]>,
    started: clock::Mono,
    attributes: Py<PyDict>,
    entered: Mutex<Option<Entered>>,
}

/// What a phase was entered from.
struct Entered {
    /// The number of its checkpoint.
    id: Option<u64>,
    outer: Py<Frame>,
    previous: Option<context::Previous>,
    /// The process that has entered it: in a fork's child it is the parent's to leave.
    generation: u32,
}

impl PhaseScope {
    /// `phase(name, **fields)`.
    pub fn begun<'py>(recorder: &Bound<'py, Recorder>, args: Args<'_, 'py>) -> PyResult<Bound<'py, PyAny>> {
        let py = recorder.py();
        let Some(session) = &recorder.get().session else {
            static OFF: PyOnceLock<Py<PhaseScope>> = PyOnceLock::new();
            let off = OFF.get_or_try_init(py, || Py::new(py, PhaseScope { open: None }))?;
            return Ok(off.bind(py).clone().into_any());
        };
        let attributes = PyDict::new(py);
        let mut name = args.positional().next();
        for (key, value) in args.keywords() {
            if name.is_none() && key.to_str().is_ok_and(|key| key == "name") {
                name = Some(value);
            } else {
                attributes.set_item(key, value)?;
            }
        }
        let json = name.and_then(|name| PyValue(name).with_text(|text| session.name_json(text)));
        let (Some(name), Some(json)) = (name, json) else {
            refuse(recorder, PyTypeError::new_err("phase() needs the phase's name, a string"))?;
            return Ok(Bound::new(py, PhaseScope { open: None })?.into_any());
        };
        let open = OpenPhase {
            recorder: recorder.clone().unbind(),
            name: name.to_owned().unbind(),
            json: json.into(),
            started: clock::now(),
            attributes: attributes.unbind(),
            entered: Mutex::default(),
        };
        Ok(Bound::new(py, PhaseScope { open: Some(open) })?.into_any())
    }

    fn enter(slf: &Bound<'_, Self>) -> PyResult<()> {
        let Some(open) = &slf.get().open else { return Ok(()) };
        let (py, recorder) = (slf.py(), open.recorder.bind(slf.py()));
        let outer = frame_of(recorder)?;
        let mut frame = outer.get().inside(py);
        frame.phase = Some(Arc::clone(&open.json));
        if &*open.json == b"\"THINK\"" {
            decision_start(recorder, frame.place());
        }
        let id = open.announce(py, outer.get());
        let previous = context::enter(&Bound::new(py, frame)?)?;
        let (outer, generation) = (outer.unbind(), writer::generation());
        let entered = Entered { id, outer, previous: Some(previous), generation };
        *open.entered.lock().unwrap_or_else(PoisonError::into_inner) = Some(entered);
        recorder.get().phase_entered(slf.clone().unbind());
        Ok(())
    }

    fn exit(slf: &Bound<'_, Self>, exception: &Bound<'_, PyAny>) {
        let Some(open) = &slf.get().open else { return };
        let recorder = open.recorder.bind(slf.py());
        let status = if exception.is_none() {
            "completed"
        } else if failure::is_interruption(exception) {
            "interrupted"
        } else {
            context::with_place(recorder, |place| failure::report(recorder, exception, None, place));
            "failed"
        };
        recorder.get().phase_left(slf);
        open.leave(slf.py(), status);
    }

    /// The session closes while the phase is open.
    pub fn interrupt(slf: &Bound<'_, Self>) {
        if let Some(open) = &slf.get().open {
            open.leave(slf.py(), "interrupted");
        }
    }
}

impl OpenPhase {
    /// Has its checkpoint in the ring, should the process die inside.
    fn announce(&self, py: Python<'_>, outer: &Frame) -> Option<u64> {
        let mut call = Call::empty();
        call.set(Field::PhaseName, self.name.bind_borrowed(py));
        let place = Place { phase: Some(&self.json), ..outer.place() };
        self.recorder.get().session.as_ref()?.enter_phase(call.values, place)
    }

    /// Restores the context and writes the checkpoint, once.
    fn leave(&self, py: Python<'_>, status: &str) {
        let taken = self.entered.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Entered { id, outer, previous, generation }) = taken else { return };
        if let Some(previous) = previous {
            context::leave(py, previous);
        }
        if generation != writer::generation() {
            return;
        }
        let Some(session) = &self.recorder.get().session else { return };
        let (status, attributes) = (PyString::new(py, status).into_any(), self.attributes.bind(py));
        let Ok(duration) =
            ((clock::now().saturating_sub(self.started) / 1_000) as f64 / 1e3).into_pyobject(py);
        let mut call = Call::empty();
        call.set(Field::PhaseName, self.name.bind_borrowed(py));
        call.set(Field::Status, status.as_borrowed());
        call.set(Field::DurationMs, duration.as_any().as_borrowed());
        if !attributes.is_empty() {
            call.set(Field::Attributes, attributes.as_any().as_borrowed());
        }
        let place = Place { phase: Some(&self.json), ..outer.get().place() };
        session.leave_phase(id, call.values, place);
    }
}

/// Entering THINK is a decision to think.
fn decision_start(recorder: &Bound<'_, Recorder>, place: Place<'_>) {
    let Some(session) = &recorder.get().session else { return };
    let decision = PyString::intern(recorder.py(), "decision_start").into_any();
    let mut call = Call::empty();
    call.set(Field::DecisionType, decision.as_borrowed());
    session.record(Kind::Decision, call.values, Vec::new(), place, SpanEnd::Success(None));
}

#[pymethods]
impl PhaseScope {
    /// Adds fields of the phase, such as `revision_count`; they are written when it is left.
    #[pyo3(signature = (**fields))]
    fn update(&self, py: Python<'_>, fields: Option<&Bound<'_, PyDict>>) -> PyResult<()> {
        match (&self.open, fields) {
            (Some(open), Some(fields)) => open.attributes.bind(py).update(fields.as_mapping()),
            _ => Ok(()),
        }
    }

    fn __enter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        PhaseScope::enter(slf)?;
        Ok(slf.clone())
    }

    #[pyo3(signature = (*args))]
    fn __exit__(slf: &Bound<'_, Self>, args: &Bound<'_, PyTuple>) -> bool {
        PhaseScope::exit(slf, &exception_of(args));
        false
    }

    fn __aenter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Done>> {
        PhaseScope::enter(slf)?;
        done(slf.as_any())
    }

    #[pyo3(signature = (*args))]
    fn __aexit__<'py>(slf: &Bound<'py, Self>, args: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, Done>> {
        PhaseScope::exit(slf, &exception_of(args));
        done(&none(slf.py()))
    }
}

/// The work of a sub-agent: events inside carry its name as `agent_id`.
#[pyclass(frozen, module = "t800._core", weakref)]
pub struct AgentScope {
    open: Option<(Py<Recorder>, Arc<[u8]>)>,
    previous: Mutex<Option<context::Previous>>,
}

impl AgentScope {
    /// `agent(name)`.
    pub fn begun<'py>(recorder: &Bound<'py, Recorder>, args: Args<'_, 'py>) -> PyResult<Bound<'py, PyAny>> {
        let py = recorder.py();
        let named = args.keywords().find(|(key, _)| key.to_str().is_ok_and(|key| key == "name"));
        let name = args.positional().next().or(named.map(|(_, value)| value));
        let mut scope = AgentScope { open: None, previous: Mutex::default() };
        if let Some(session) = &recorder.get().session {
            match name.and_then(|name| PyValue(name).with_text(|text| session.name_json(text))) {
                Some(json) => scope.open = Some((recorder.clone().unbind(), json.into())),
                None => {
                    refuse(recorder, PyTypeError::new_err("agent() needs the sub-agent's name, a string"))?;
                }
            }
        }
        Ok(Bound::new(py, scope)?.into_any())
    }

    fn enter(slf: &Bound<'_, Self>) -> PyResult<()> {
        let Some((recorder, name)) = &slf.get().open else { return Ok(()) };
        let mut frame = frame_of(recorder.bind(slf.py()))?.get().inside(slf.py());
        frame.agent = Some(Arc::clone(name));
        let previous = context::enter(&Bound::new(slf.py(), frame)?)?;
        *slf.get().previous.lock().unwrap_or_else(PoisonError::into_inner) = Some(previous);
        Ok(())
    }

    fn exit(slf: &Bound<'_, Self>, exception: &Bound<'_, PyAny>) {
        let Some((recorder, _)) = &slf.get().open else { return };
        let recorder = recorder.bind(slf.py());
        context::with_place(recorder, |place| failure::report(recorder, exception, None, place));
        let previous = slf.get().previous.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(previous) = previous {
            context::leave(slf.py(), previous);
        }
    }
}

#[pymethods]
impl AgentScope {
    fn __enter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        AgentScope::enter(slf)?;
        Ok(slf.clone())
    }

    #[pyo3(signature = (*args))]
    fn __exit__(slf: &Bound<'_, Self>, args: &Bound<'_, PyTuple>) -> bool {
        AgentScope::exit(slf, &exception_of(args));
        false
    }

    fn __aenter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Done>> {
        AgentScope::enter(slf)?;
        done(slf.as_any())
    }

    #[pyo3(signature = (*args))]
    fn __aexit__<'py>(slf: &Bound<'py, Self>, args: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, Done>> {
        AgentScope::exit(slf, &exception_of(args));
        done(&none(slf.py()))
    }
}
