//! The FFI entry: the one place of the binding with `unsafe`.
//!
//! Recording calls come in by raw `METH_FASTCALL | METH_KEYWORDS`: no tuple, no dict, and a switched-off recorder
//! answers before any argument is looked at. Everything here hands safe references on.

use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple, PyType};
use std::ffi::{CStr, c_int};
use std::panic::{AssertUnwindSafe, catch_unwind};
use t800_core::writer;

/// The arguments of one call, borrowed from the interpreter for its duration.
#[derive(Clone, Copy)]
pub struct Args<'a, 'py> {
    py: Python<'py>,
    values: &'a [*mut ffi::PyObject],
    positional: usize,
    names: Option<Borrowed<'a, 'py, PyTuple>>,
}

impl<'a, 'py> Args<'a, 'py> {
    /// The positional arguments.
    pub fn positional(self) -> impl ExactSizeIterator<Item = Borrowed<'a, 'py, PyAny>> {
        self.values[..self.positional].iter().map(move |value| self.borrow(*value))
    }

    /// The keyword arguments.
    pub fn keywords(self) -> impl Iterator<Item = (Borrowed<'a, 'py, PyString>, Borrowed<'a, 'py, PyAny>)> {
        let values = &self.values[self.positional..];
        (0..values.len()).filter_map(move |n| {
            // SAFETY: `names` is a tuple that the interpreter keeps alive for the call and that has one string for
            // each keyword value.
            let name = unsafe { ffi::PyTuple_GetItem(self.names?.as_ptr(), n.cast_signed()) };
            // SAFETY: as above; a null pointer is refused.
            let name = unsafe { Borrowed::from_ptr_or_opt(self.py, name) }?;
            Some((name.cast::<PyString>().ok()?, self.borrow(values[n])))
        })
    }

    fn borrow(self, value: *mut ffi::PyObject) -> Borrowed<'a, 'py, PyAny> {
        // SAFETY: the interpreter keeps the argument alive for the call, which `'a` does not outlive.
        unsafe { Borrowed::from_ptr(self.py, value) }
    }
}

/// A recording method of the class `Owner`, called with raw arguments.
pub trait Method {
    /// The class it belongs to.
    type Owner: pyo3::PyTypeInfo;
    /// Its name in Python.
    const NAME: &'static CStr;
    /// Its signature and docstring, as the argument clinic of `CPython` writes them.
    const DOC: &'static CStr;
    /// What it does.
    ///
    /// # Errors
    /// A Python exception: misuse in strict mode, and nothing else.
    fn call<'py>(owner: &Bound<'py, Self::Owner>, args: Args<'_, 'py>) -> PyResult<Bound<'py, PyAny>>;
}

unsafe extern "C" fn enter<M: Method>(
    owner: *mut ffi::PyObject,
    values: *const *mut ffi::PyObject,
    positional: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: CPython calls methods with the thread attached.
    let py = unsafe { Python::assume_attached() };
    // SAFETY: the method descriptor has checked that `owner` is of its class.
    let owner = unsafe { Borrowed::from_ptr(py, owner).cast_unchecked::<M::Owner>() };
    // SAFETY: `names` is null or a tuple, alive for the call.
    let names =
        unsafe { Borrowed::from_ptr_or_opt(py, names).map(|names| names.cast_unchecked::<PyTuple>()) };
    let positional = positional.cast_unsigned();
    let keywords = names.map_or(0, |names| names.len());
    let values = if values.is_null() {
        &[][..]
    } else {
        // SAFETY: the vectorcall protocol passes `positional` values followed by one for each keyword name.
        unsafe { std::slice::from_raw_parts(values, positional + keywords) }
    };
    let args = Args { py, values, positional, names };
    let result = catch_unwind(AssertUnwindSafe(|| M::call(&owner, args)))
        .unwrap_or_else(|_| Err(PyRuntimeError::new_err("the recorder failed inside; please report this")));
    match result {
        Ok(value) => value.into_ptr(),
        Err(error) => {
            error.restore(py);
            std::ptr::null_mut()
        }
    }
}

/// Adds a recording method to its class.
///
/// # Errors
/// When the class does not take it.
pub fn add_method<M: Method>(py: Python<'_>) -> PyResult<()> {
    let class = py.get_type::<M::Owner>();
    // A definition lives as long as its class: forever.
    let definition = Box::leak(Box::new(ffi::PyMethodDef {
        ml_name: M::NAME.as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunctionFastWithKeywords: enter::<M> },
        ml_flags: ffi::METH_FASTCALL | ffi::METH_KEYWORDS,
        ml_doc: M::DOC.as_ptr(),
    }));
    // SAFETY: both pointers are valid, and the definition is never freed.
    let method = unsafe { ffi::PyDescr_NewMethod(class.as_type_ptr(), definition) };
    // SAFETY: a new reference, or null with an exception set.
    let method = unsafe { Bound::from_owned_ptr_or_err(py, method) }?;
    class.setattr(M::NAME.to_str().unwrap_or_default(), method)
}

/// Calls `each` for the entries of a dict, as far as it goes while other code may change it; stops at `false`.
pub fn dict_entries<'py>(
    dict: &Bound<'py, PyDict>,
    mut each: impl FnMut(&Bound<'py, PyAny>, &Bound<'py, PyAny>) -> bool,
) {
    let (py, mut position) = (dict.py(), 0);
    loop {
        let (mut key, mut value) = (std::ptr::null_mut(), std::ptr::null_mut());
        // SAFETY: `dict` is a dict, the thread is attached; PyDict_Next bears changes between its calls.
        let more: c_int =
            unsafe { ffi::PyDict_Next(dict.as_ptr(), &raw mut position, &raw mut key, &raw mut value) };
        if more == 0 {
            return;
        }
        // SAFETY: borrowed references of this very moment, made strong before any other code runs.
        let (key, value) =
            unsafe { (Bound::from_borrowed_ptr(py, key), Bound::from_borrowed_ptr(py, value)) };
        if !each(&key, &value) {
            return;
        }
    }
}

/// A context variable.
pub struct ContextVar(Py<PyAny>);

impl ContextVar {
    /// A new one without a default.
    ///
    /// # Errors
    /// When the interpreter is out of memory.
    pub fn new(py: Python<'_>, name: &'static CStr) -> PyResult<ContextVar> {
        // SAFETY: `name` is a C string; a null default means none.
        let var = unsafe { ffi::PyContextVar_New(name.as_ptr(), std::ptr::null_mut()) };
        // SAFETY: a new reference, or null with an exception set.
        unsafe { Bound::from_owned_ptr_or_err(py, var) }.map(|var| ContextVar(var.unbind()))
    }

    /// Its value in this context.
    pub fn get<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        let mut value = std::ptr::null_mut();
        // SAFETY: `self.0` is a context variable; `value` receives a new reference or null.
        let found = unsafe { ffi::PyContextVar_Get(self.0.as_ptr(), std::ptr::null_mut(), &raw mut value) };
        if found != 0 {
            let _ = PyErr::take(py);
            return None;
        }
        // SAFETY: a new reference, or null.
        unsafe { Bound::from_owned_ptr_or_opt(py, value) }.filter(|value| !value.is_none())
    }

    /// Sets its value in this context; None means nothing.
    pub fn set(&self, py: Python<'_>, value: Option<&Bound<'_, PyAny>>) {
        let none = py.None();
        let value = value.map_or(none.as_ptr(), Bound::as_ptr);
        // SAFETY: a context variable and a valid object; the token that comes back is dropped.
        let token = unsafe { ffi::PyContextVar_Set(self.0.as_ptr(), value) };
        // SAFETY: a new reference, or null with an exception set.
        if unsafe { Bound::from_owned_ptr_or_err(py, token) }.is_err() {
            let _ = PyErr::take(py);
        }
    }
}

/// Lets a Ctrl-C that arrived inside a walked value's own code arrive again, where the agent can see it.
pub fn interrupt_again(_py: Python<'_>) {
    // SAFETY: the thread is attached; this only marks the signal as pending.
    unsafe { ffi::PyErr_SetInterrupt() }
}

unsafe extern "C" {
    fn pthread_atfork(
        prepare: Option<unsafe extern "C" fn()>,
        parent: Option<unsafe extern "C" fn()>,
        child: Option<unsafe extern "C" fn()>,
    ) -> c_int;
}

/// Has every fork of this process told to the core, those of other extensions too.
///
/// Not by `os.register_at_fork`: hooks of others run before and after ours there, and what they record in a child must
/// not reach the parent's ring.
pub fn tell_of_forks() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    unsafe extern "C" fn before() {
        writer::before_fork();
    }
    unsafe extern "C" fn in_parent() {
        writer::after_fork(false);
    }
    unsafe extern "C" fn in_child() {
        writer::after_fork(true);
    }
    ONCE.call_once(|| {
        // SAFETY: three functions without arguments that live as long as the process (an extension module is never
        // unloaded); in the child they only close descriptors and count. Out of memory, forks are not noticed.
        unsafe { pthread_atfork(Some(before), Some(in_parent), Some(in_child)) };
    });
}

/// Whether this is the interpreter that the process began with.
pub fn is_main_interpreter(_py: Python<'_>) -> bool {
    // SAFETY: the thread is attached; the two pointers are only compared.
    unsafe { ffi::PyInterpreterState_Get() == ffi::PyInterpreterState_Main() }
}

/// The error for arguments that no signature allows.
pub fn too_many(method: &str, most: usize) -> PyErr {
    PyTypeError::new_err(format!("{method}() takes at most {most} positional arguments; name the others"))
}

/// The identity of a type, for caches that never look inside.
pub fn type_address(class: &Bound<'_, PyType>) -> usize {
    class.as_ptr() as usize
}

/// Lends a file descriptor that Python holds.
pub fn borrow_fd<R>(
    descriptor: std::os::fd::RawFd,
    work: impl FnOnce(std::os::fd::BorrowedFd<'_>) -> R,
) -> R {
    // SAFETY: the caller of the Python function keeps the descriptor open for the call; a wrong number only fails.
    work(unsafe { std::os::fd::BorrowedFd::borrow_raw(descriptor) })
}
