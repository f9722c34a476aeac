//! The FFI entry: the one place of the binding with `unsafe`.
//!
//! Recording calls come in by raw `METH_FASTCALL | METH_KEYWORDS`: no tuple, no dict, and a switched-off recorder
//! answers before any argument is looked at. Everything here hands safe references on.

use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::ffi;
use pyo3::prelude::*;
#[cfg(any(windows, Py_LIMITED_API))]
use pyo3::sync::PyOnceLock;
use pyo3::sync::critical_section::with_critical_section;
use pyo3::types::{PyDict, PyString, PyTuple, PyType};
use std::ffi::CStr;
#[cfg(not(Py_LIMITED_API))]
use std::ffi::c_ulong;
use std::panic::{AssertUnwindSafe, catch_unwind};

// The wheel for Pythons that have none of their own (`Py_LIMITED_API`, the feature `abi3`) has only what every version
// promises: the same by calls that take longer.

#[cfg(Py_LIMITED_API)]
use ffi::PyTuple_GetItem as tuple_item;
#[cfg(not(Py_LIMITED_API))]
use ffi::{PY_VECTORCALL_ARGUMENTS_OFFSET, PyTuple_GET_ITEM as tuple_item};

/// Nobody calls us with it: only a class that [`enter_directly`] prepares is asked to.
#[cfg(Py_LIMITED_API)]
const PY_VECTORCALL_ARGUMENTS_OFFSET: usize = 0;

// A `Py` that is dropped in a call that has come in by one of these ways waits for another call to be given up: `PyO3`
// does not know that the interpreter is ours. What is dropped on the usual way should be a `Bound`.

/// The arguments of one call, borrowed from the interpreter for its duration.
#[derive(Clone, Copy)]
pub struct Args<'a, 'py> {
    py: Python<'py>,
    values: &'a [*mut ffi::PyObject],
    positional: usize,
    names: Option<Borrowed<'a, 'py, PyTuple>>,
    /// The place in front of them may be used by who is called with them.
    #[cfg_attr(Py_LIMITED_API, expect(dead_code))]
    front: usize,
}

impl<'a, 'py> Args<'a, 'py> {
    /// The interpreter, to which this thread is attached.
    pub fn py(self) -> Python<'py> {
        self.py
    }

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
            let name = unsafe {
                let name = tuple_item(self.names?.as_ptr(), n.cast_signed());
                Borrowed::from_ptr(self.py, name).cast_unchecked::<PyString>()
            };
            Some((name, self.borrow(values[n])))
        })
    }

    /// Calls `function` with the same arguments.
    ///
    /// # Errors
    /// What the function raises.
    #[cfg(Py_LIMITED_API)]
    pub fn pass_to(self, function: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.as_objects(|arguments, keywords| function.call(arguments, Some(&keywords)))
    }

    /// Calls `function` with the same arguments.
    ///
    /// # Errors
    /// What the function raises.
    #[cfg(not(Py_LIMITED_API))]
    pub fn pass_to(self, function: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let names = self.names.map_or(std::ptr::null_mut(), Borrowed::as_ptr);
        // SAFETY: arguments as the interpreter has handed them over, still alive; a new reference, or null with an
        // exception set.
        unsafe {
            let result = ffi::PyObject_Vectorcall(
                function.as_ptr(),
                self.values.as_ptr(),
                self.positional | self.front,
                names,
            );
            Bound::from_owned_ptr_or_err(self.py, result)
        }
    }

    /// The arguments as a tuple and a dict.
    ///
    /// # Errors
    /// When there is no memory for them, or what `work` says.
    pub fn as_objects<R>(
        self,
        work: impl FnOnce(Bound<'py, PyTuple>, Bound<'py, PyDict>) -> PyResult<R>,
    ) -> PyResult<R> {
        let keywords = PyDict::new(self.py);
        for (name, value) in self.keywords() {
            keywords.set_item(name, value)?;
        }
        work(PyTuple::new(self.py, self.positional())?, keywords)
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
    // SAFETY: the same contract; a number of arguments has no flag.
    unsafe { enter_object::<M>(owner, values, positional.cast_unsigned(), names) }
}

unsafe extern "C" fn enter_object<M: Method>(
    owner: *mut ffi::PyObject,
    values: *const *mut ffi::PyObject,
    flagged: usize,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: CPython calls methods with the thread attached.
    let py = unsafe { Python::assume_attached() };
    // SAFETY: the method descriptor has checked that `owner` is of its class.
    let owner = unsafe { Borrowed::from_ptr(py, owner).cast_unchecked::<M::Owner>() };
    // SAFETY: `names` is null or a tuple, alive for the call.
    let names =
        unsafe { Borrowed::from_ptr_or_opt(py, names).map(|names| names.cast_unchecked::<PyTuple>()) };
    let front = flagged & PY_VECTORCALL_ARGUMENTS_OFFSET;
    let positional = flagged ^ front;
    let keywords = names.map_or(0, |names| names.len());
    let values = if values.is_null() {
        &[][..]
    } else {
        // SAFETY: the vectorcall protocol passes `positional` values followed by one for each keyword name.
        unsafe { std::slice::from_raw_parts(values, positional + keywords) }
    };
    let args = Args { py, values, positional, names, front };
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

/// What `M` does, called with a tuple and a dict.
///
/// # Errors
/// A keyword that is no string, or what `M` says.
pub fn enter_with_objects<'py, M: Method>(
    owner: &Bound<'py, M::Owner>,
    arguments: &Bound<'py, PyTuple>,
    keywords: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let (mut values, mut names) = (arguments.iter().collect::<Vec<_>>(), Vec::new());
    for (name, value) in keywords.into_iter().flatten() {
        names.push(name.cast_into::<PyString>()?);
        values.push(value);
    }
    let names = PyTuple::new(owner.py(), names)?;
    let raw = values.iter().map(Bound::as_ptr).collect::<Vec<_>>();
    let args = Args {
        py: owner.py(),
        values: &raw,
        positional: arguments.len(),
        names: Some(names.as_borrowed()),
        front: 0,
    };
    M::call(owner, args)
}

/// Where an object is called: the first field of a class that [`enter_directly`] prepares.
#[derive(Clone, Copy)]
pub struct Entry(
    #[cfg(not(Py_LIMITED_API))]
    #[allow(dead_code)]
    ffi::vectorcallfunc,
);

/// The entry of objects that `M` calls.
pub fn entry<M: Method>() -> Entry {
    Entry(
        #[cfg(not(Py_LIMITED_API))]
        {
            enter_object::<M>
        },
    )
}

/// Makes the interpreter call objects of the class of `example` through their entry, by raw arguments, and call them as
/// methods of other objects without binding them first.
///
/// Before that they are called as all objects are, by `__call__`.
#[cfg(not(Py_LIMITED_API))]
pub fn enter_directly<M: Method<Owner = M>>(example: &Bound<'_, M>, entry: &Entry) {
    let class = example.as_any().get_type().as_type_ptr();
    let offset = std::ptr::from_ref(entry).addr() - example.as_ptr().addr();
    // SAFETY: the class is ours and nobody uses it yet; all its objects have their entry at the same offset, a function
    // that never changes (the class is frozen) and keeps to the protocol that the flags promise.
    unsafe {
        (*class).tp_vectorcall_offset = offset.cast_signed();
        let flags = (&raw mut (*class).tp_flags).cast::<c_ulong>();
        *flags |= ffi::Py_TPFLAGS_HAVE_VECTORCALL | ffi::Py_TPFLAGS_METHOD_DESCRIPTOR;
        ffi::PyType_Modified(class);
    }
}

/// Classes are closed here: their objects are called by `__call__`.
#[cfg(Py_LIMITED_API)]
#[expect(clippy::trivially_copy_pass_by_ref)]
pub fn enter_directly<M: Method<Owner = M>>(_: &Bound<'_, M>, _: &Entry) {}

/// A method object: `function` with `instance` as its first argument.
///
/// # Errors
/// When there is no memory for it.
#[cfg(any(windows, Py_LIMITED_API))]
pub fn bind_method<'py>(
    function: &Bound<'py, PyAny>,
    instance: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    CLASS.import(function.py(), "types", "MethodType")?.call1((function, instance))
}

/// A method object: `function` with `instance` as its first argument.
///
/// # Errors
/// When there is no memory for it.
#[cfg(not(any(windows, Py_LIMITED_API)))]
pub fn bind_method<'py>(
    function: &Bound<'py, PyAny>,
    instance: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: two objects; a new reference, or null with an exception set.
    unsafe {
        let method = PyMethod_New(function.as_ptr(), instance.as_ptr());
        Bound::from_owned_ptr_or_err(function.py(), method)
    }
}

/// What the interpreter must know of a method; it lives as long as the class: forever.
fn definition<M: Method>() -> &'static mut ffi::PyMethodDef {
    Box::leak(Box::new(ffi::PyMethodDef {
        ml_name: M::NAME.as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunctionFastWithKeywords: enter::<M> },
        ml_flags: ffi::METH_FASTCALL | ffi::METH_KEYWORDS,
        ml_doc: M::DOC.as_ptr(),
    }))
}

/// A method that is bound to its object for ever.
///
/// # Errors
/// When there is no memory for it.
pub fn bound<'py, M: Method>(
    owner: &Bound<'py, M::Owner>,
    module: &Bound<'py, PyString>,
) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: the object is of the method's class; the definition is never freed; any object may stand for the module.
    unsafe {
        let method = ffi::PyCFunction_NewEx(definition::<M>(), owner.as_ptr(), module.as_ptr());
        Bound::from_owned_ptr_or_err(owner.py(), method)
    }
}

/// Adds a recording method to its class.
///
/// # Errors
/// When the class does not take it.
pub fn add_method<M: Method>(py: Python<'_>) -> PyResult<()> {
    let class = py.get_type::<M::Owner>();
    // SAFETY: both pointers are valid, and the definition is never freed.
    let method = unsafe { ffi::PyDescr_NewMethod(class.as_type_ptr(), definition::<M>()) };
    // SAFETY: a new reference, or null with an exception set.
    let method = unsafe { Bound::from_owned_ptr_or_err(py, method) }?;
    class.setattr(M::NAME.to_str().unwrap_or_default(), method)
}

/// A string of ASCII characters.
#[cfg(Py_LIMITED_API)]
pub fn ascii<'py>(py: Python<'py>, text: &[u8]) -> Bound<'py, PyAny> {
    PyString::new(py, &String::from_utf8_lossy(text)).into_any()
}

/// A string of ASCII characters, made without looking at each; None where there is no memory for it.
#[cfg(not(Py_LIMITED_API))]
pub fn ascii<'py>(py: Python<'py>, text: &[u8]) -> Bound<'py, PyAny> {
    if !text.is_ascii() {
        return PyString::new(py, &String::from_utf8_lossy(text)).into_any();
    }
    // SAFETY: the thread is attached; a new reference, or null with an exception set.
    let string =
        unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyUnicode_New(text.len().cast_signed(), 127)) };
    let Ok(string) = string else { return py.None().into_bound(py) };
    // SAFETY: a new string of as many characters below 128, whose bytes nobody has seen yet, stands behind its head.
    unsafe {
        let bytes = string.as_ptr().cast::<ffi::PyASCIIObject>().add(1).cast::<u8>();
        std::ptr::copy_nonoverlapping(text.as_ptr(), bytes, text.len());
    }
    string
}

/// The text of a string; None where it has lone surrogates, which UTF-8 has not.
///
/// Most strings are ASCII, whose bytes lie in the object: asking the interpreter for them takes as long as looking them
/// up among the known ones.
#[inline]
pub fn text<'a>(string: &'a Bound<'_, PyString>) -> Option<&'a str> {
    ascii_text(string).or_else(|| string.to_str().ok())
}

#[cfg(not(any(Py_LIMITED_API, Py_3_14, PyPy, GraalPy)))]
#[inline]
fn ascii_text<'a>(string: &'a Bound<'_, PyString>) -> Option<&'a str> {
    // SAFETY: the thread is attached and the object is a string. One that says so has as many bytes below 128 as its
    // length is right behind its head, and nobody changes them as long as it lives.
    unsafe {
        let object = string.as_ptr();
        if ffi::PyUnicode_IS_COMPACT_ASCII(object) == 0 {
            return None;
        }
        let bytes = object.cast::<ffi::PyASCIIObject>().add(1).cast::<u8>();
        let length = ffi::PyUnicode_GET_LENGTH(object).cast_unsigned();
        Some(std::str::from_utf8_unchecked(std::slice::from_raw_parts(bytes, length)))
    }
}

/// Their heads are not laid open here.
#[cfg(any(Py_LIMITED_API, Py_3_14, PyPy, GraalPy))]
fn ascii_text<'a>(_: &'a Bound<'_, PyString>) -> Option<&'a str> {
    None
}

/// Calls `each` for the entries of a dict, as far as it goes while other code may change it; stops at `false`.
pub fn dict_entries<'py>(
    dict: &Bound<'py, PyDict>,
    mut each: impl FnMut(&Bound<'py, PyAny>, &Bound<'py, PyAny>) -> bool,
) {
    let (py, mut position) = (dict.py(), 0);
    let mut next = || {
        let (mut key, mut value) = (std::ptr::null_mut(), std::ptr::null_mut());
        // SAFETY: `dict` is a dict, the thread is attached; PyDict_Next bears changes between its calls.
        let more: std::ffi::c_int =
            unsafe { ffi::PyDict_Next(dict.as_ptr(), &raw mut position, &raw mut key, &raw mut value) };
        if more == 0 {
            return None;
        }
        // SAFETY: borrowed references of this very moment, made strong before any other code runs: where threads have
        // no lock in common, that of the dict is held.
        Some(unsafe { (Bound::from_borrowed_ptr(py, key), Bound::from_borrowed_ptr(py, value)) })
    };
    while let Some((key, value)) = with_critical_section(dict, &mut next) {
        if !each(&key, &value) {
            return;
        }
    }
}

/// A context variable.
pub struct ContextVar(Py<PyAny>);

#[cfg(Py_LIMITED_API)]
impl ContextVar {
    /// A new one without a default.
    ///
    /// # Errors
    /// When the interpreter is out of memory.
    pub fn new(py: Python<'_>, name: &'static CStr) -> PyResult<ContextVar> {
        let class = py.import("contextvars")?.getattr("ContextVar")?;
        Ok(ContextVar(class.call1((name.to_string_lossy(),))?.unbind()))
    }

    /// Its value in this context.
    pub fn get<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        let value = self.0.bind(py).call_method1(pyo3::intern!(py, "get"), (py.None(),)).ok()?;
        Some(value).filter(|value| !value.is_none())
    }

    /// Sets its value in this context; None means nothing.
    pub fn set(&self, py: Python<'_>, value: Option<&Bound<'_, PyAny>>) {
        let _ = self.0.bind(py).call_method1(pyo3::intern!(py, "set"), (value,));
    }
}

#[cfg(not(Py_LIMITED_API))]
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
        // SAFETY: a context variable and a valid object (None lives for ever); the token that comes back is dropped.
        let token = unsafe {
            let value = value.map_or_else(|| ffi::Py_None(), Bound::as_ptr);
            ffi::PyContextVar_Set(self.0.as_ptr(), value)
        };
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

#[cfg(not(any(windows, Py_LIMITED_API)))]
unsafe extern "C" {
    fn PyMethod_New(function: *mut ffi::PyObject, instance: *mut ffi::PyObject) -> *mut ffi::PyObject;
}

#[cfg(not(windows))]
unsafe extern "C" {
    fn pthread_atfork(
        prepare: Option<unsafe extern "C" fn()>,
        parent: Option<unsafe extern "C" fn()>,
        child: Option<unsafe extern "C" fn()>,
    ) -> std::ffi::c_int;
}

/// Processes are not forked here.
#[cfg(windows)]
pub fn tell_of_forks() {}

/// Has every fork of this process told to the core, those of other extensions too.
///
/// Not by `os.register_at_fork`: hooks of others run before and after ours there, and what they record in a child must
/// not reach the parent's ring.
#[cfg(not(windows))]
pub fn tell_of_forks() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    unsafe extern "C" fn before() {
        t800_core::writer::before_fork();
    }
    unsafe extern "C" fn in_parent() {
        t800_core::writer::after_fork(false);
    }
    unsafe extern "C" fn in_child() {
        t800_core::writer::after_fork(true);
    }
    ONCE.call_once(|| {
        // SAFETY: three functions without arguments that live as long as the process (an extension module is never
        // unloaded); in the child they only close descriptors and count. Out of memory, forks are not noticed.
        unsafe { pthread_atfork(Some(before), Some(in_parent), Some(in_child)) };
    });
}

/// Whether this is the interpreter that the process began with.
pub fn is_main_interpreter(_py: Python<'_>) -> bool {
    // SAFETY: the thread is attached, so that it has an interpreter. Ids count from 0, which is the first one's.
    unsafe { ffi::PyInterpreterState_GetID(ffi::PyInterpreterState_Get()) == 0 }
}

/// The error for arguments that no signature allows.
pub fn too_many(method: &str, most: usize) -> PyErr {
    PyTypeError::new_err(format!("{method}() takes at most {most} positional arguments; name the others"))
}

/// The identity of a type, for caches that never look inside.
pub fn type_address(class: &Bound<'_, PyType>) -> usize {
    class.as_ptr() as usize
}

/// Another handle of a file that Python holds open under this number.
#[cfg(unix)]
pub fn duplicate(descriptor: isize) -> std::io::Result<std::fs::File> {
    let descriptor = i32::try_from(descriptor).map_err(|_| std::io::ErrorKind::InvalidInput)?;
    if descriptor < 0 {
        return Err(std::io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: the caller of the Python function keeps the descriptor open for the call; a wrong number only fails.
    let held = unsafe { std::os::fd::BorrowedFd::borrow_raw(descriptor) };
    held.try_clone_to_owned().map(std::fs::File::from)
}

/// Another handle of a file that Python holds open under this handle.
#[cfg(windows)]
pub fn duplicate(handle: isize) -> std::io::Result<std::fs::File> {
    let handle = std::ptr::with_exposed_provenance_mut(handle.cast_unsigned());
    // SAFETY: the caller of the Python function keeps the handle open for the call; a wrong number only fails.
    let held = unsafe { std::os::windows::io::BorrowedHandle::borrow_raw(handle) };
    held.try_clone_to_owned().map(std::fs::File::from)
}
