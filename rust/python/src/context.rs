//! Where in the agent's work we are: one frame of the context, carried by a context variable.

use crate::ffi::ContextVar;
use crate::recorder::Recorder;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use std::sync::Arc;
use t800_core::assemble::Place;

/// What a context knows: its session, the innermost open call, phase and sub-agent. Names are JSON strings.
#[pyclass(frozen, subclass, module = "t800._core")]
pub struct Frame {
    /// The session of this context.
    pub recorder: Py<Recorder>,
    /// Number of the innermost open call.
    pub parent: Option<u64>,
    /// The phase.
    pub phase: Option<Arc<[u8]>>,
    /// The sub-agent.
    pub agent: Option<Arc<[u8]>>,
}

impl Frame {
    /// The outermost frame of a session.
    pub fn root(recorder: Py<Recorder>) -> Frame {
        Frame { recorder, parent: None, phase: None, agent: None }
    }

    /// Where an event of this frame happens.
    pub fn place(&self) -> Place<'_> {
        Place { parent: self.parent, phase: self.phase.as_deref(), agent: self.agent.as_deref() }
    }

    /// Whether it names the same phase and the same sub-agent as another.
    pub fn is_alike(&self, other: &Frame) -> bool {
        let same = |one: &Option<Arc<[u8]>>, other: &Option<Arc<[u8]>>| match (one, other) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            _ => false,
        };
        same(&self.phase, &other.phase) && same(&self.agent, &other.agent)
    }

    /// A frame inside this one, still the same.
    pub fn inside(&self, py: Python<'_>) -> Frame {
        Frame {
            recorder: self.recorder.clone_ref(py),
            parent: self.parent,
            phase: self.phase.clone(),
            agent: self.agent.clone(),
        }
    }
}

fn variable(py: Python<'_>) -> PyResult<&ContextVar> {
    static VARIABLE: PyOnceLock<ContextVar> = PyOnceLock::new();
    VARIABLE.get_or_try_init(py, || ContextVar::new(py, c"t800"))
}

/// The frame of this context, whichever session it belongs to.
pub fn frame(py: Python<'_>) -> Option<Bound<'_, Frame>> {
    variable(py).ok()?.get(py)?.cast_into().ok()
}

/// The frame of this context, if it belongs to this session; else the session's outermost one.
pub fn frame_of<'py>(recorder: &Bound<'py, Recorder>) -> PyResult<Bound<'py, Frame>> {
    let py = recorder.py();
    match frame(py).filter(|frame| frame.get().recorder.is(recorder)) {
        Some(frame) => Ok(frame),
        None => Bound::new(py, Frame::root(recorder.clone().unbind())),
    }
}

/// Calls `work` with the place that events of `recorder` have in this context.
pub fn with_place<R>(recorder: &Bound<'_, Recorder>, work: impl FnOnce(Place<'_>) -> R) -> R {
    match frame(recorder.py()).filter(|frame| frame.get().recorder.is(recorder)) {
        Some(frame) => work(frame.get().place()),
        None => work(Place::default()),
    }
}

/// A context's earlier frame, to be put back.
pub struct Previous(Option<Py<Frame>>);

/// Enters a frame from the one of this context.
pub fn enter(frame: &Bound<'_, Frame>) -> PyResult<Previous> {
    enter_from(self::frame(frame.py()), frame)
}

/// Enters a frame where that of this context is known.
pub fn enter_from(outer: Option<Bound<'_, Frame>>, frame: &Bound<'_, Frame>) -> PyResult<Previous> {
    variable(frame.py())?.set(frame.py(), Some(frame.as_any()));
    Ok(Previous(outer.map(Bound::unbind)))
}

/// Leaves a frame: the earlier one is set again. Setting, and not resetting a token, is what bears generators that
/// are closed in another context.
pub fn leave(py: Python<'_>, previous: Previous) {
    if let Ok(variable) = variable(py) {
        variable.set(py, previous.0.map(|frame| frame.into_bound(py).into_any()).as_ref());
    }
}
