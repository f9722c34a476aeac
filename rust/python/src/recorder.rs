//! The recorder: the Rust object that takes events from Python.

use crate::call::{Call, Held, report, warn};
use crate::context::{self, Frame, with_place};
use crate::ffi::{self, Args, Method};
use crate::scope::{AgentScope, Enter, Exit, PhaseScope, Span, off};
use crate::traced::{self, Verbs};
use crate::{finished, open};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple, PyType};
use std::collections::HashMap;
use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use t800_core::assemble::{Place, Values, event_id, with_event_id};
use t800_core::event::{Field, Kind};
use t800_core::session::{Recorded, Session, SpanEnd, is_inherited};

/// Takes the events of one session. Switched off, every call of it returns at once.
///
/// `t800.session()` makes it; its methods are the verbs of the API.
#[pyclass(subclass, frozen, module = "t800._core", weakref)]
pub struct Recorder {
    /// Nothing where recording is off.
    pub session: Option<Arc<Session>>,
    /// Misuse raises.
    pub strict: bool,
    session_id: Option<String>,
    misuses: AtomicU64,
    warned: AtomicBool,
    fault_said: AtomicBool,
    /// Phases that are open: a session that closes inside one says so.
    phases: Mutex<Vec<Py<PhaseScope>>>,
    previous: Mutex<Vec<context::Previous>>,
    /// By token: what the begins of hook points have left for their ends.
    held: Mutex<HashMap<u64, Held>>,
    /// It is one of the open ones.
    counted: AtomicBool,
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.count_out();
    }
}

impl Recorder {
    /// A recorder of a session.
    pub fn of(session: Option<Arc<Session>>, session_id: Option<String>, strict: bool) -> Self {
        traced::OPEN.fetch_add(usize::from(session.is_some()), Relaxed);
        Recorder {
            session,
            strict,
            session_id,
            misuses: AtomicU64::new(0),
            warned: AtomicBool::new(false),
            fault_said: AtomicBool::new(false),
            phases: Mutex::default(),
            previous: Mutex::default(),
            held: Mutex::default(),
            counted: AtomicBool::new(true),
        }
    }

    /// Says once that it does not record any more.
    fn count_out(&self) {
        if self.session.is_some() && self.counted.swap(false, Relaxed) {
            traced::OPEN.fetch_sub(1, Relaxed);
        }
    }

    /// Counts misuses; true the first time.
    pub fn count_misuse(&self, count: usize) -> bool {
        self.misuses.fetch_add(count as u64, Relaxed);
        !self.warned.swap(true, Relaxed)
    }

    /// Remembers a phase that was entered.
    pub fn phase_entered(&self, phase: Py<PhaseScope>) {
        self.phases.lock().unwrap_or_else(PoisonError::into_inner).push(phase);
    }

    /// Forgets a phase that was left.
    pub fn phase_left(&self, phase: &Bound<'_, PhaseScope>) {
        self.phases.lock().unwrap_or_else(PoisonError::into_inner).retain(|open| !open.is(phase));
    }

    fn held(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the calls of hook points that know more than their begin has written.
    fn interrupt_held(&self, py: Python<'_>, session: &Session) {
        let held = std::mem::take(&mut *self.held());
        for (id, held) in &held {
            let mut call = Call::empty();
            held.fill(py, &mut call);
            session.end(*id, call.values, call.misfits, SpanEnd::Interrupted);
        }
    }

    fn take_phases(&self) -> Vec<Py<PhaseScope>> {
        std::mem::take(&mut *self.phases.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn previous(&self) -> std::sync::MutexGuard<'_, Vec<context::Previous>> {
        self.previous.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says a fault of the disk, once it is known.
    fn say_fault(&self, py: Python<'_>) {
        let fault = self.session.as_ref().and_then(|session| session.take_fault());
        if let Some(fault) = fault.filter(|_| !self.fault_said.swap(true, Relaxed)) {
            warn(
                py,
                &format!("t800: the trace could not be written: {fault}; recording goes on and is retried"),
            );
        }
    }
}

#[pymethods]
impl Recorder {
    /// See `t800.session`, which gathers these arguments.
    #[new]
    #[pyo3(signature = (**options))]
    fn new(options: Option<&Bound<'_, PyDict>>) -> PyResult<Recorder> {
        match options {
            Some(options) => open::recorder(options),
            None => Ok(Recorder::of(None, None, false)),
        }
    }

    /// Whether events are recorded at all.
    #[getter]
    fn enabled(&self) -> bool {
        self.session.is_some()
    }

    /// The first file of the trace; None where there is none, as in a fork's child that has not recorded yet.
    #[getter]
    fn path(&self) -> Option<String> {
        let path = self.session.as_ref()?.path()?;
        Some(path.to_string_lossy().into_owned())
    }

    /// The session's id; None where recording is off. A fork's child has one of its own once it has recorded.
    #[getter]
    fn session_id(&self) -> Option<&str> {
        self.session.as_ref().and_then(|session| session.id()).or(self.session_id.as_deref())
    }

    /// How many arguments did not fit and went to `attributes`.
    #[getter]
    fn misuses(&self) -> u64 {
        self.misuses.load(Relaxed)
    }

    /// How many events were not taken.
    #[getter]
    fn dropped(&self) -> u64 {
        self.session.as_ref().map_or(0, |session| session.state().1)
    }

    /// Waits until everything recorded before is in the document; false after `timeout` seconds.
    #[pyo3(signature = (timeout = 5.0))]
    fn flush(&self, py: Python<'_>, timeout: f64) -> bool {
        let Some(session) = &self.session else { return true };
        let timeout = Duration::try_from_secs_f64(timeout).unwrap_or(Duration::ZERO);
        let flushed = py.detach(|| session.flush(timeout));
        self.say_fault(py);
        flushed
    }

    /// Makes a document of what was recorded before and gives its path; None where there is none, or not within
    /// `timeout` seconds.
    #[pyo3(signature = (timeout = 5.0))]
    fn dump(&self, py: Python<'_>, timeout: f64) -> Option<String> {
        let session = self.session.as_ref()?;
        let timeout = Duration::try_from_secs_f64(timeout).unwrap_or(Duration::ZERO);
        let path = py.detach(|| session.dump(timeout));
        self.say_fault(py);
        path.map(|path| path.to_string_lossy().into_owned())
    }

    /// Ends the session: what is open is written as interrupted, the document is closed. Further events are not taken.
    ///
    /// `ended_ns` is when it has ended, of a session that is recorded afterwards.
    #[pyo3(signature = (ended_ns = None))]
    fn close(slf: &Bound<'_, Self>, ended_ns: Option<u64>) -> bool {
        let Some(session) = &slf.get().session else { return true };
        for phase in slf.get().take_phases() {
            PhaseScope::interrupt(phase.bind(slf.py()));
        }
        slf.get().interrupt_held(slf.py(), session);
        let closed = slf.py().detach(|| session.close_at(ended_ns));
        slf.get().count_out();
        slf.get().say_fault(slf.py());
        closed
    }

    /// Enters the session: it is the current one of this context.
    fn __enter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        if slf.get().session.is_some() {
            let previous = context::enter(&Bound::new(slf.py(), Frame::root(slf.clone().unbind()))?)?;
            slf.get().previous().push(previous);
        }
        Ok(slf.clone())
    }

    /// Leaves and closes the session; an exception that no span has seen becomes an error event.
    #[pyo3(signature = (*args))]
    fn __exit__(slf: &Bound<'_, Self>, args: &Bound<'_, PyTuple>) -> bool {
        if slf.get().session.is_some() {
            if let Ok(exception) = args.get_item(1).and_then(|exception| Ok(exception.cast_into()?)) {
                crate::failure::report(slf, &exception, None, Place::default());
            }
            let previous = slf.get().previous().pop();
            if let Some(previous) = previous {
                context::leave(slf.py(), previous);
            }
            let _ = slf.call_method0("close");
        }
        false
    }

    /// An exception that ends the program: an error event, unless a scope has seen it already.
    fn failed(slf: &Bound<'_, Self>, exception: &Bound<'_, PyAny>) {
        with_place(slf, |place| crate::failure::report(slf, exception, None, place));
    }

    /// Counts an event that nobody can attribute to this session or another.
    fn count_unattributed(&self) {
        if let Some(session) = &self.session {
            session.count_dropped();
        }
    }

    /// The open calls as dicts of what is known of them, oldest first.
    fn open_calls<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let calls = PyList::empty(py);
        for call in self.session.iter().flat_map(|session| session.open_spans()) {
            let event = crate::json::parse(py, &String::from_utf8_lossy(&call.json))?;
            event.set_item("age_ms", call.age_ns / 1_000_000)?;
            calls.append(event)?;
        }
        Ok(calls)
    }

    /// Phase, sub-agent and innermost call of this context: what `working()` shows.
    fn context<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyDict>> {
        let (py, context) = (slf.py(), PyDict::new(slf.py()));
        let text = |json: Option<&[u8]>| {
            json.map(|json| crate::json::parse(py, &String::from_utf8_lossy(json))).transpose()
        };
        with_place(slf, |place| {
            context.set_item("phase", text(place.phase)?)?;
            context.set_item("agent_id", text(place.agent)?)?;
            context.set_item("parent_id", place.parent.filter(|id| !is_inherited(*id)).map(event_id))
        })?;
        Ok(context)
    }

    /// The lines of a session that is kept in memory.
    fn lines(&self) -> Vec<String> {
        let lines = self.session.iter().flat_map(|session| session.lines());
        lines.map(|line| String::from_utf8_lossy(&line).into_owned()).collect()
    }

    /// The session of a phase, so that a bound function finds its context.
    #[classmethod]
    fn current<'py>(class: &Bound<'py, PyType>) -> Option<Bound<'py, Recorder>> {
        context::frame(class.py()).map(|frame| frame.get().recorder.bind(class.py()).clone())
    }
}

/// The event id that Python sees.
#[inline]
pub fn id_object(py: Python<'_>, id: Option<u64>) -> Bound<'_, PyAny> {
    match id {
        Some(id) => with_event_id(id, |text| ffi::ascii(py, text)),
        None => none(py),
    }
}

/// Python's None.
pub fn none(py: Python<'_>) -> Bound<'_, PyAny> {
    py.None().into_bound(py)
}

/// Ends a recording call: says misuses, and answers with the event's id.
pub fn answer<'py>(
    recorder: &Bound<'py, Recorder>,
    method: &str,
    recorded: &Recorded,
    misuses: &[t800_core::assemble::Misuse],
) -> PyResult<Bound<'py, PyAny>> {
    if !(misuses.is_empty() && recorded.misuses.is_empty()) {
        report(recorder, method, misuses)?;
        report(recorder, method, &recorded.misuses)?;
    }
    Ok(id_object(recorder.py(), recorded.id))
}

/// A finished fact: one verb of the API.
fn fact<'py>(
    recorder: &Bound<'py, Recorder>,
    kind: Kind,
    method: &str,
    positional: &[Field],
    args: Args<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let Some(session) = &recorder.get().session else { return Ok(none(recorder.py())) };
    let call = match Call::read(kind, method, positional, args) {
        Ok(call) => call,
        Err(error) => return refuse(recorder, error),
    };
    let end = SpanEnd::Success(kind.is_call().then_some(true));
    let recorded = with_place(recorder, |place| session.record(kind, call.values, call.misfits, place, end));
    answer(recorder, method, &recorded, &call.misuses)
}

/// A call whose arguments make no event: an exception in strict mode, else counted and said once.
///
/// # Errors
/// The error, in strict mode.
pub fn refuse<'py>(recorder: &Bound<'py, Recorder>, error: PyErr) -> PyResult<Bound<'py, PyAny>> {
    let py = recorder.py();
    if recorder.get().strict {
        return Err(error);
    }
    if let Some(session) = &recorder.get().session {
        session.count_dropped();
    }
    if recorder.get().count_misuse(1) {
        warn(py, &format!("t800: {}; the event was not recorded (said once)", error.value(py)));
    }
    Ok(none(py))
}

/// A call that has begun.
pub struct Begun<'a, 'py> {
    /// Its event's number; None where that was not taken.
    pub id: Option<u64>,
    /// What only its end writes.
    pub rest: Call<'a, 'py>,
    /// The frame of its context, if that belongs to its session.
    pub frame: Option<Bound<'py, Frame>>,
}

/// The hook points and spans of one kind share how they begin.
fn begin<'a, 'py>(
    recorder: &Bound<'py, Recorder>,
    kind: Kind,
    method: &str,
    args: Args<'a, 'py>,
) -> PyResult<Option<Begun<'a, 'py>>> {
    let Some(session) = &recorder.get().session else { return Ok(None) };
    let positional: &[Field] = if kind == Kind::ToolCall {
        &[Field::Tool, Field::Parameters]
    } else {
        &[Field::Model, Field::Messages]
    };
    let mut call = match Call::read(kind, method, positional, args) {
        Ok(call) => call,
        Err(error) => return refuse(recorder, error).map(|_| None),
    };
    let mut first = Values::default();
    for field in &kind.fields()[..kind.begin_fields()] {
        if let Some(value) = call.values.take(*field) {
            first.set(*field, value);
        }
    }
    let frame = context::frame(recorder.py()).filter(|frame| frame.get().recorder.is(recorder));
    let place = frame.as_ref().map_or_else(Place::default, |frame| frame.get().place());
    let begun = session.begin(kind, first, place);
    report(recorder, method, &call.misuses)?;
    report(recorder, method, &begun.misuses)?;
    Ok(Some(Begun { id: begun.id, rest: call, frame }))
}

/// The end of a call that a hook point began.
fn post<'py>(
    recorder: &Bound<'py, Recorder>,
    kind: Kind,
    method: &str,
    args: Args<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let (py, mut positional) = (recorder.py(), args.positional());
    let Some(session) = &recorder.get().session else { return Ok(none(py)) };
    let Some(id) = positional.next().and_then(|token| token.extract::<u64>().ok()) else {
        return Ok(none(py));
    };
    let held = recorder.get().held().remove(&id);
    let mut call = Call::empty();
    let mut success = Some(true);
    if let Some(result) = positional.next() {
        call.set(if kind == Kind::ToolCall { Field::Result } else { Field::Response }, result);
    }
    for (name, value) in args.keywords() {
        if name.to_str().is_ok_and(|name| name == "error") && !value.is_none() {
            success = Some(false);
            let tool = session.open_tool(id).and_then(|tool| crate::json::parse(py, &tool).ok());
            with_place(recorder, |place| {
                let place = Place { parent: Some(id), ..place };
                crate::failure::of_call(recorder, &value, tool.as_ref(), place);
            });
        } else if !name.to_str().is_ok_and(|name| name == "error") {
            call.keyword(kind, &name, value);
        }
    }
    if let Some(held) = &held {
        held.fill(py, &mut call);
    }
    let recorded = session.end(id, call.values, call.misfits, SpanEnd::Success(success));
    answer(recorder, method, &recorded, &call.misuses)
}

/// The token of a hook point.
fn token<'py>(
    recorder: &Bound<'py, Recorder>,
    kind: Kind,
    method: &str,
    args: Args<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let Some(Begun { id: Some(id), rest, .. }) = begin(recorder, kind, method, args)? else {
        return Ok(none(recorder.py()));
    };
    if let Some(rest) = Held::of(rest) {
        recorder.get().held().insert(id, rest);
    }
    Ok(id.into_pyobject(recorder.py())?.into_any())
}

fn span<'py>(
    recorder: &Bound<'py, Recorder>,
    kind: Kind,
    method: &str,
    args: Args<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    if recorder.get().session.is_none() {
        return Ok(off(recorder)?.clone().into_any());
    }
    Span::begun(recorder, kind, begin(recorder, kind, method, args)?, args)
}

macro_rules! methods {
    ($($type:ident $name:literal $doc:literal $call:expr;)*) => {
        $(
            /// A recording method, entered by raw arguments.
            pub struct $type;

            impl Method for $type {
                type Owner = Recorder;
                const NAME: &'static CStr = $name;
                const DOC: &'static CStr = $doc;
                fn call<'py>(owner: &Bound<'py, Recorder>, args: Args<'_, 'py>) -> PyResult<Bound<'py, PyAny>> {
                    let call: for<'a> fn(&Bound<'py, Recorder>, &'static str, Args<'a, 'py>) -> PyResult<Bound<'py, PyAny>> = $call;
                    let name = const {
                        match $name.to_str() {
                            Ok(name) => name,
                            Err(_) => "",
                        }
                    };
                    call(owner, name, args)
                }
            }
        )*

        /// The same methods as functions of the module.
        ///
        /// # Errors
        /// When there is no memory for one.
        pub fn verbs<'py>(of: &Bound<'py, Verbs>) -> PyResult<Vec<Bound<'py, PyAny>>> {
            Ok(vec![$(Verbs::verb::<$type>(of)?),*])
        }

        /// Adds every recording method to its class.
        ///
        /// # Errors
        /// When the class does not take one.
        pub fn add_methods(py: Python<'_>) -> PyResult<()> {
            $(ffi::add_method::<$type>(py)?;)*
            ffi::add_method::<Enter>(py)?;
            ffi::add_method::<Exit>(py)?;
            crate::traced::prepare(py)
        }
    };
}

methods! {
    ToolCall c"tool_call"
        c"tool_call($self, tool, parameters=None, /, **fields)\n--\n\nRecords a finished tool call; returns its event id, or None where it was not taken."
        |owner, name, args| fact(owner, Kind::ToolCall, name, &[Field::Tool, Field::Parameters], args);
    LlmCall c"llm_call"
        c"llm_call($self, model, /, **fields)\n--\n\nRecords a finished LLM call; returns its event id, or None where it was not taken."
        |owner, name, args| fact(owner, Kind::LlmCall, name, &[Field::Model], args);
    Decision c"decision"
        c"decision($self, decision_type, outcome=None, /, **fields)\n--\n\nRecords a decision; returns its event id, or None where it was not taken."
        |owner, name, args| fact(owner, Kind::Decision, name, &[Field::DecisionType, Field::Outcome], args);
    Error c"error"
        c"error($self, error_type, message=None, /, **fields)\n--\n\nRecords an error; returns its event id, or None where it was not taken."
        |owner, name, args| fact(owner, Kind::Error, name, &[Field::ErrorType, Field::Message], args);
    Checkpoint c"checkpoint"
        c"checkpoint($self, phase_name, status=None, /, **fields)\n--\n\nRecords a checkpoint; returns its event id, or None where it was not taken."
        |owner, name, args| fact(owner, Kind::Checkpoint, name, &[Field::PhaseName, Field::Status], args);
    Record c"record"
        c"record($self, event, /)\n--\n\nRecords one finished event given as a mapping in the trace file's field names; returns its event id, or None."
        |owner, _, args| finished::record(owner, args);
    Tool c"tool"
        c"tool($self, tool, parameters=None, /, **fields)\n--\n\nA span around a tool call: enter it, and give it the result."
        |owner, name, args| span(owner, Kind::ToolCall, name, args);
    Llm c"llm"
        c"llm($self, model, messages=None, /, **fields)\n--\n\nA span around an LLM call: enter it, and give it the usage."
        |owner, name, args| span(owner, Kind::LlmCall, name, args);
    PreTool c"pre_tool"
        c"pre_tool($self, tool, parameters=None, /, **fields)\n--\n\nA tool is about to be called; returns the token for post_tool."
        |owner, name, args| token(owner, Kind::ToolCall, name, args);
    PreLlm c"pre_llm"
        c"pre_llm($self, model, messages=None, /, **fields)\n--\n\nA model is about to be called; returns the token for post_llm."
        |owner, name, args| token(owner, Kind::LlmCall, name, args);
    PostTool c"post_tool"
        c"post_tool($self, token, result=None, /, *, error=None, **fields)\n--\n\nThe tool has returned, or failed with error; returns the event id."
        |owner, name, args| post(owner, Kind::ToolCall, name, args);
    PostLlm c"post_llm"
        c"post_llm($self, token, response=None, /, *, error=None, **fields)\n--\n\nThe model has answered, or failed with error; returns the event id."
        |owner, name, args| post(owner, Kind::LlmCall, name, args);
    Phase c"phase"
        c"phase($self, name, /, **fields)\n--\n\nA phase of the agent's work; leaving it writes one checkpoint with its fields."
        |owner, _, args| PhaseScope::begun(owner, args);
    Agent c"agent"
        c"agent($self, name, /)\n--\n\nThe work of a sub-agent: events inside carry its name as agent_id."
        |owner, _, args| AgentScope::begun(owner, args);
}
